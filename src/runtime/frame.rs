//! A frame as bytes: what turns the screen that is shown into the next one, said as briefly as terminals
//! allow. Over a slow line every byte is seen (design §13).

use ratatui::{
    buffer::{Buffer, Cell, CellWidth},
    layout::Position,
    style::{Color, Modifier},
};

use super::clipboard::Passage;

/// Synchronised output: terminals that know it show a frame in one go, others ignore it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// A longer gap is never cheaper to write again than to jump over.
const GAP_MAX: u16 = 8;
/// What of a style is seen on a blank besides its ground.
const SEEN_ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);
/// Asks for a character's form as a picture.
const EMOJI: char = '\u{fe0f}';
/// Attributes with the numbers that set them and end them.
const ATTRIBUTES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// What erasing leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erasing {
    /// The ground in force, as nearly everywhere.
    Ground,
    /// The terminal's own ground: GNU screen, unless it is told otherwise.
    Plain,
}

impl Erasing {
    /// How it is beyond `passage`.
    pub(super) fn through(passage: Passage) -> Self {
        match passage {
            Passage::Screen => Self::Plain,
            _ => Self::Ground,
        }
    }
}

/// The bytes that turn `shown` into `next`; none where nothing changed. Another size is painted whole.
pub(super) fn encode(shown: &Buffer, next: &Buffer, cursor: Option<Position>, erasing: Erasing) -> Vec<u8> {
    let fresh = shown.area != next.area;
    let next = normal(next);
    let mut pencil = Pencil::new(erasing, next.area.width);
    let before = if fresh {
        let ground = pencil.clear(&next);
        let mut blank = Cell::EMPTY;
        blank.bg = ground;
        Buffer::filled(next.area, blank)
    } else {
        normal(shown)
    };
    let changes = changes(&before, &next);
    if changes.is_empty() && cursor.is_none() && !fresh {
        return Vec::new();
    }
    pencil.draw(&changes, &next);
    pencil.finish(cursor)
}

/// Stands in the columns that a wide character takes besides its first.
const TAKEN: &str = "\0";

/// The same to the eye, with nothing that cannot be seen: a blank has a ground and no colour. What a wide
/// character takes is its own, so that whatever comes to stand there instead is a change.
fn normal(buffer: &Buffer) -> Buffer {
    let mut buffer = buffer.clone();
    let width = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks_mut(width) {
        let mut at = 0;
        while at < row.len() {
            let wide = usize::from(row[at].cell_width()).max(1);
            let (head, style) = (at, row[at].style());
            at = (at + wide).min(row.len());
            for cell in &mut row[head + 1..at] {
                cell.set_symbol(TAKEN).set_style(style);
            }
            if is_plain_blank(&row[head]) {
                (row[head].fg, row[head].modifier) = (Color::Reset, Modifier::empty());
            }
        }
    }
    buffer
}

/// The characters to write: those that are not the same, whole.
fn changes<'n>(before: &Buffer, next: &'n Buffer) -> Vec<(u16, u16, &'n Cell)> {
    let taken = |at: usize| next.content.get(at).is_some_and(|cell| cell.symbol() == TAKEN);
    let differs = |at: usize| before.content.get(at) != next.content.get(at);
    let whole = |at: usize| std::iter::once(at).chain((at + 1..).take_while(|at| taken(*at)));
    let heads = (0..next.content.len()).filter(|at| !taken(*at) && whole(*at).any(differs));
    heads
        .map(|at| {
            let (x, y) = next.pos_of(at);
            (x, y, &next.content[at])
        })
        .collect()
}

fn is_plain_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !cell.modifier.intersects(SEEN_ON_BLANKS)
}

/// The style in force on the terminal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ink {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Ink {
    const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    /// What must be in force for `cell`; of a blank only its ground matters.
    fn for_cell(self, cell: &Cell) -> Self {
        if is_plain_blank(cell) {
            return Self { bg: cell.bg, modifier: self.modifier.difference(SEEN_ON_BLANKS), ..self };
        }
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// The shortest sequence from this style to another. Everything is reset only where a colour ends:
    /// a theme without colours never resets.
    fn to(self, next: Self) -> Vec<u8> {
        if self == next {
            return Vec::new();
        }
        let step = sequence(&self.stepped(next));
        if self.fg == Color::Reset && self.bg == Color::Reset {
            return step;
        }
        let mut anew = vec![String::new()];
        anew.extend(Self::PLAIN.stepped(next));
        let anew = sequence(&anew);
        if anew.len() < step.len() { anew } else { step }
    }

    /// The numbers that change only what differs.
    fn stepped(self, next: Self) -> Vec<String> {
        let mut numbers = Vec::new();
        let mut on = self.modifier;
        for (attribute, _, end) in ATTRIBUTES {
            if on.contains(attribute) && !next.modifier.contains(attribute) {
                numbers.push(end.to_string());
                // What ends with the same number ends with it.
                let both = ATTRIBUTES.iter().filter(|(.., other)| *other == end);
                on = both.fold(on, |on, (attribute, ..)| on.difference(*attribute));
            }
        }
        let missing =
            ATTRIBUTES.iter().filter(|(one, ..)| next.modifier.contains(*one) && !on.contains(*one));
        numbers.extend(missing.map(|(_, begin, _)| begin.to_string()));
        if self.fg != next.fg {
            numbers.push(colour(next.fg, 30));
        }
        if self.bg != next.bg {
            numbers.push(colour(next.bg, 40));
        }
        numbers
    }
}

fn sequence(numbers: &[String]) -> Vec<u8> {
    format!("\x1b[{}m", numbers.join(";")).into_bytes()
}

/// The numbers of a colour, shortest first: the sixteen have their own, and an exact colour that is one of
/// the 256 is that one. `base`: 30 for what is written, 40 for its ground.
fn colour(colour: Color, base: u8) -> String {
    let index = match colour {
        Color::Reset => return (base + 9).to_string(),
        Color::Rgb(r, g, b) => match indexed(r, g, b) {
            Some(index) => index,
            None => return format!("{};2;{r};{g};{b}", base + 8),
        },
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    match index {
        ..8 => (base + index).to_string(),
        8..16 => (base + 60 + index - 8).to_string(),
        _ => format!("{};5;{index}", base + 8),
    }
}

/// The place of an exact colour among the cube and the greys, if it is one of them. The sixteen below
/// them are the person's own and never exact.
fn indexed(r: u8, g: u8, b: u8) -> Option<u8> {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |part: u8| STEPS.iter().position(|step| *step == part);
    if let (Some(r), Some(g), Some(b)) = (step(r), step(g), step(b)) {
        return u8::try_from(16 + 36 * r + 6 * g + b).ok();
    }
    let grey = r == g && g == b && r >= 8 && (r - 8).is_multiple_of(10) && r <= 238;
    grey.then(|| 232 + (r - 8) / 10)
}

/// Writes cells one after the other, and knows where the terminal stands and in which style.
struct Pencil {
    bytes: Vec<u8>,
    ink: Ink,
    /// Where the next character would stand; `None`: not known.
    at: Option<(u16, u16)>,
    /// The line so far holds nothing that a terminal could take for wider or narrower than it is.
    sure: bool,
    erasing: Erasing,
    width: u16,
}

impl Pencil {
    fn new(erasing: Erasing, width: u16) -> Self {
        Self { bytes: BEGIN.to_vec(), ink: Ink::PLAIN, at: None, sure: false, erasing, width }
    }

    /// Clears the window to the ground that most of its blanks have, where it can be; that ground.
    fn clear(&mut self, next: &Buffer) -> Color {
        self.bytes.extend_from_slice(b"\x1b[m");
        let grounds = || next.content.iter().filter(|cell| is_plain_blank(cell)).map(|cell| cell.bg);
        let usual = match self.erasing {
            Erasing::Plain => Color::Reset,
            Erasing::Ground => {
                let first = grounds().next().unwrap_or_default();
                let others = grounds().find(|bg| *bg != first);
                let count = |bg: Color| grounds().filter(|one| *one == bg).count();
                others.filter(|other| count(*other) > count(first)).unwrap_or(first)
            }
        };
        self.dress(Ink { bg: usual, ..self.ink });
        self.bytes.extend_from_slice(b"\x1b[2J");
        usual
    }

    fn draw(&mut self, changes: &[(u16, u16, &Cell)], next: &Buffer) {
        let mut rest = changes;
        while let Some(&(x, y, cell)) = rest.first() {
            let blanks = blanks(rest);
            let erased = self.erase(x, y, cell.bg, blanks, next);
            if erased > 0 {
                rest = &rest[usize::from(erased)..];
                continue;
            }
            self.go(x, y, cell, next);
            self.put(cell, following(rest.iter().map(|(.., cell)| *cell)));
            rest = &rest[1..];
        }
    }

    /// Erases `blanks` cells from `x`, where that is shorter than writing them; how many were.
    fn erase(&mut self, x: u16, y: u16, ground: Color, blanks: u16, next: &Buffer) -> u16 {
        if self.erasing == Erasing::Plain && ground != Color::Reset {
            return 0;
        }
        let to_the_end = x + blanks == self.width;
        let command = if to_the_end { "\x1b[K".to_owned() } else { format!("\x1b[{blanks}X") };
        // Erasing does not move the cursor; whatever stands behind has to be gone to.
        let way = if to_the_end { 0 } else { column(x + blanks).len() };
        if usize::from(blanks) <= command.len() + way {
            return 0;
        }
        let mut blank = Cell::EMPTY;
        blank.bg = ground;
        self.go(x, y, &blank, next);
        self.dress(self.ink.for_cell(&blank));
        self.bytes.extend_from_slice(command.as_bytes());
        blanks
    }

    /// Goes to where `cell` is to be written: the shortest way, be it that what stands in a small gap is
    /// written again.
    fn go(&mut self, x: u16, y: u16, cell: &Cell, next: &Buffer) {
        if self.at == Some((x, y)) {
            return;
        }
        let jump = match self.at {
            Some((_, row)) if row == y => column(x),
            _ => place(x, y),
        };
        let mut best = self.trial(&jump, (x, y));
        // From the end of a line the next one begins two bytes further.
        let below = self.at.filter(|(_, row)| self.sure && row + 1 == y).map(|_| self.trial("\r\n", (0, y)));
        let here = self.at.filter(|(_, row)| *row == y).map(|at| self.trial("", at));
        for mut trial in here.into_iter().chain(below) {
            let Some(gap) = trial.gap(x, y, next) else { continue };
            let all: Vec<_> = gap.into_iter().chain([cell]).collect();
            for (at, one) in all[..all.len() - 1].iter().enumerate() {
                trial.put(one, following(all[at..].iter().copied()));
            }
            let cost = |one: &Self| one.bytes.len() + one.ink.to(one.ink.for_cell(cell)).len();
            if cost(&trial) < cost(&best) {
                best = trial;
            }
        }
        self.bytes.append(&mut best.bytes);
        (self.ink, self.at, self.sure) = (best.ink, best.at, best.sure);
    }

    /// The same pencil at another place, with what brings it there.
    fn trial(&self, way: &str, at: (u16, u16)) -> Self {
        let sure = self.sure || self.at.is_none_or(|(_, row)| row != at.1);
        Self { bytes: way.as_bytes().to_vec(), at: Some(at), sure, ..*self }
    }

    /// What stands between here and there, if it is near and of plain characters.
    fn gap<'n>(&self, x: u16, y: u16, next: &'n Buffer) -> Option<Vec<&'n Cell>> {
        let (from, _) = self.at.filter(|(from, row)| *row == y && *from <= x && x - from <= GAP_MAX)?;
        let plain = |cell: &&Cell| cell.symbol().len() == 1 && cell.symbol() != TAKEN;
        (from..x).map(|x| next.cell((x, y)).filter(plain)).collect()
    }

    /// Writes a cell. `coming`: the style that comes after a blank, which it may have already.
    fn put(&mut self, cell: &Cell, coming: Option<Ink>) {
        let ink = self.ink.for_cell(cell);
        let fits = |one: &Ink| one.bg == cell.bg && !one.modifier.intersects(SEEN_ON_BLANKS);
        let early = coming.filter(|one| is_plain_blank(cell) && ink != self.ink && fits(one));
        self.dress(early.unwrap_or(ink));
        let symbol = cell.symbol();
        if let Some((x, _)) = self.at.filter(|_| symbol.contains(EMOJI)) {
            // Terminals differ in whether it is one column or two: both are blank below it.
            self.bytes.extend(format!("  {}", column(x)).into_bytes());
        }
        self.bytes.extend_from_slice(symbol.as_bytes());
        self.sure &= symbol.chars().all(|c| c.is_ascii() || is_ours(c));
        // Where a terminal stands behind a character that is not one column wide is for it to say.
        let narrow = cell.cell_width() == 1;
        self.at = self.at.filter(|(x, _)| narrow && x + 1 < self.width).map(|(x, y)| (x + 1, y));
    }

    fn dress(&mut self, ink: Ink) {
        self.bytes.extend(self.ink.to(ink));
        self.ink = ink;
    }

    /// Ends the frame in no style, with the cursor where it belongs.
    fn finish(mut self, cursor: Option<Position>) -> Vec<u8> {
        if self.ink != Ink::PLAIN {
            self.bytes.extend_from_slice(b"\x1b[m");
        }
        match cursor {
            Some(Position { x, y }) => self.bytes.extend(format!("{}\x1b[?25h", place(x, y)).into_bytes()),
            None => self.bytes.extend_from_slice(b"\x1b[?25l"),
        }
        self.bytes.extend_from_slice(END);
        self.bytes
    }
}

/// The style of the next cell that is no blank.
fn following<'c>(mut cells: impl Iterator<Item = &'c Cell>) -> Option<Ink> {
    cells.find(|cell| !is_plain_blank(cell)).map(|cell| Ink::PLAIN.for_cell(cell))
}

/// How many changes from the first on are blanks of one ground beside each other.
fn blanks(changes: &[(u16, u16, &Cell)]) -> u16 {
    let Some(&(x, y, first)) = changes.first() else { return 0 };
    let alike = |at: usize, change: &(u16, u16, &Cell)| {
        let (column, row, cell) = *change;
        is_plain_blank(cell) && cell.bg == first.bg && row == y && usize::from(column) == usize::from(x) + at
    };
    changes.iter().enumerate().take_while(|(at, change)| alike(*at, change)).count() as u16
}

/// A character that the screen is drawn with: lines, and the marks between words.
fn is_ours(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{257f}' | '·' | '≠' | '…')
}

/// To a column of this row.
fn column(x: u16) -> String {
    format!("\x1b[{}G", x + 1)
}

/// To a cell of the window.
fn place(x: u16, y: u16) -> String {
    match (x, y) {
        (0, 0) => "\x1b[H".to_owned(),
        (0, _) => format!("\x1b[{}H", y + 1),
        _ => format!("\x1b[{};{}H", y + 1, x + 1),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::{
        app::{
            App, Event, Intent, Moment, World,
            scene::{self, Weather, at},
            screen::Screen,
        },
        status::Component,
        ui::{self, Glyphs, Look, theme::Theme},
    };

    const USUAL: (u16, u16) = (80, 24);

    fn bytes(shown: &Buffer, next: &Buffer) -> Vec<u8> {
        encode(shown, next, None, Erasing::Ground)
    }

    fn text(shown: &Buffer, next: &Buffer) -> String {
        String::from_utf8(bytes(shown, next)).unwrap()
    }

    #[test]
    fn only_what_changed_leaves_and_nothing_when_nothing_did() {
        let area = Rect::new(0, 0, 10, 2);
        let (empty, mut one) = (Buffer::default(), Buffer::empty(area));
        one.set_string(0, 0, "hosts", Style::new());
        let first = text(&empty, &one);
        assert!(first.contains("\x1b[2J") && first.contains("hosts"));
        assert!(bytes(&one, &one).is_empty());
        let mut two = one.clone();
        two.set_string(0, 1, "x", Style::new());
        let second = text(&one, &two);
        assert!(!second.contains("hosts") && second.contains('x'));
        // What changes only in what nobody sees does not leave.
        let mut unseen = two.clone();
        unseen.set_style(Rect::new(5, 0, 5, 1), Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert!(bytes(&two, &unseen).is_empty());
    }

    /// Each frame is one synchronised piece, and the window is cleared only when its size is another.
    #[test]
    fn a_frame_begins_and_ends_as_one_and_clears_only_another_size() {
        let mut shown = Buffer::default();
        let mut app = scene::app(World::Sim, Weather::Calm);
        let sizes = [USUAL, USUAL, (100, 30), (100, 30), USUAL];
        for (size, clears) in sizes.into_iter().zip([true, false, true, false, true]) {
            app.update(Event::Intent(Intent::Help), at(1_000));
            let next = painted("default", &mut app, size);
            let frame = text(&shown, &next);
            assert!(frame.starts_with("\x1b[?2026h") && frame.ends_with("\x1b[?2026l"), "{frame:?}");
            for once in ["\x1b[?2026h", "\x1b[?2026l"] {
                assert_eq!(frame.matches(once).count(), 1, "{frame:?}");
            }
            assert_eq!(frame.matches("\x1b[2J").count(), usize::from(clears), "{size:?}");
            shown = next;
        }
    }

    fn styles() -> [Style; 8] {
        let exact = Color::Rgb(0x12, 0x12, 0x12);
        [
            Style::reset(),
            Style::reset().fg(Color::Green),
            Style::reset().add_modifier(Modifier::BOLD),
            Style::reset().add_modifier(Modifier::DIM),
            Style::reset()
                .fg(Color::Indexed(208))
                .bg(exact)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Style::reset().bg(exact),
            Style::reset().add_modifier(Modifier::REVERSED),
            Style::reset().fg(Color::Rgb(1, 2, 3)).bg(Color::LightBlue),
        ]
    }

    /// Random rows of plain, wide and many-byte characters in many styles, with small gaps.
    fn scribbled(rng: &mut fastrand::Rng, area: Rect) -> Buffer {
        let mut buffer = Buffer::empty(area);
        let styles = styles();
        buffer.set_style(area, styles[[0, 5][rng.usize(..2)]]);
        for y in 0..area.height {
            let mut x = 0;
            while x < area.width {
                let word = ["a", "bc", "─", "日", "é", " ", "            "][rng.usize(..7)];
                if x + word.width() as u16 <= area.width {
                    buffer.set_string(x, y, word, styles[rng.usize(..styles.len())]);
                }
                x += word.width() as u16 + rng.u16(..4);
            }
        }
        buffer
    }

    /// What a terminal shows is what was drawn, to the eye.
    fn same(terminal: &vt100::Parser, drawn: &Buffer, when: &str) {
        for (x, y) in (0..drawn.area.height).flat_map(|y| (0..drawn.area.width).map(move |x| (x, y))) {
            let (cell, seen) = (drawn.cell((x, y)).unwrap(), terminal.screen().cell(y, x).unwrap());
            if seen.is_wide_continuation() {
                continue;
            }
            let text = if seen.has_contents() { seen.contents() } else { " " };
            assert_eq!(text, cell.symbol(), "{when}: {x},{y}");
            let has = |one| cell.modifier.contains(one);
            let ground = (has(Modifier::REVERSED), has(Modifier::UNDERLINED), sent(cell.bg));
            assert_eq!((seen.inverse(), seen.underline(), seen.bgcolor()), ground, "{when}: {x},{y}");
            if text == " " && !has(Modifier::REVERSED) && !has(Modifier::UNDERLINED) {
                continue;
            }
            // A terminal is bright or dim; the model keeps the one that was said last.
            let bright = (has(Modifier::BOLD), has(Modifier::DIM) && !has(Modifier::BOLD));
            assert_eq!(
                (seen.bold(), seen.dim(), seen.fgcolor()),
                (bright.0, bright.1, sent(cell.fg)),
                "{when}: {x},{y}"
            );
        }
    }

    /// A colour as it is sent.
    fn sent(colour: Color) -> vt100::Color {
        match (colour, super::colour(colour, 30).split(';').map(|n| n.parse().unwrap()).collect::<Vec<u8>>())
        {
            (Color::Reset, _) => vt100::Color::Default,
            (Color::Rgb(r, g, b), sent) => {
                // One of the 256 only where it is the same colour.
                let index = (sent.len() == 3).then(|| sent[2]);
                index.map_or(vt100::Color::Rgb(r, g, b), vt100::Color::Idx)
            }
            (_, sent) if sent.len() == 3 => vt100::Color::Idx(sent[2]),
            (_, sent) => vt100::Color::Idx(if sent[0] < 90 { sent[0] - 30 } else { sent[0] - 90 + 8 }),
        }
    }

    /// Whatever was shown before, whatever gaps were bridged and whatever was erased.
    #[test]
    fn a_terminal_shows_what_was_drawn() {
        let mut rng = fastrand::Rng::with_seed(7);
        let area = Rect::new(0, 0, 34, 3);
        for erasing in [Erasing::Ground, Erasing::Plain] {
            let mut terminal = vt100::Parser::new(area.height, area.width, 0);
            let mut shown = Buffer::default();
            for round in 0..500 {
                let next = scribbled(&mut rng, area);
                let frame = encode(&shown, &next, None, erasing);
                terminal.process(&frame);
                same(&terminal, &next, &format!("round {round}, {erasing:?}"));
                let grounds = erased_with_a_ground(&frame);
                assert!(erasing == Erasing::Ground || !grounds, "round {round}");
                shown = if round % 50 == 0 { Buffer::default() } else { next };
            }
        }
    }

    /// Whether something is erased while a ground is in force.
    fn erased_with_a_ground(frame: &[u8]) -> bool {
        let mut terminal = vt100::Parser::new(3, 34, 0);
        let frame = String::from_utf8_lossy(frame).into_owned();
        frame.split_inclusive(|c: char| c.is_ascii_alphabetic()).any(|piece| {
            terminal.process(piece.as_bytes());
            let erases = piece.contains("\x1b[") && piece.ends_with(['J', 'K', 'X']);
            erases && terminal.screen().bgcolor() != vt100::Color::Default
        })
    }

    #[test]
    fn styles_are_said_briefly() {
        let plain = Style::reset();
        let (red, bold) = (plain.fg(Color::Red), plain.add_modifier(Modifier::BOLD));
        let ink = |style: Style| {
            let mut cell = Cell::new("x");
            cell.set_style(style);
            Ink::PLAIN.for_cell(&cell)
        };
        let check = |from: Style, to: Style, expected: &str| {
            assert_eq!(String::from_utf8(ink(from).to(ink(to))).unwrap(), expected, "{from:?} {to:?}");
        };
        check(plain, plain, "");
        check(plain, red, "\x1b[31m");
        check(plain, plain.fg(Color::LightRed).bg(Color::Yellow), "\x1b[91;43m");
        check(red, red.add_modifier(Modifier::BOLD), "\x1b[1m");
        check(red, plain, "\x1b[m");
        let both = red.add_modifier(Modifier::BOLD);
        check(both, bold, "\x1b[39m");
        check(both, plain.add_modifier(Modifier::DIM), "\x1b[;2m");
        // Without colours nothing is reset as a whole.
        check(bold, plain, "\x1b[22m");
        check(bold, plain.add_modifier(Modifier::DIM), "\x1b[22;2m");
        check(bold.add_modifier(Modifier::DIM), bold, "\x1b[22;1m");
        // Exact colours are of the 256 only where they are the same.
        check(plain, plain.fg(Color::Rgb(0x5f, 0xd7, 0xff)), "\x1b[38;5;81m");
        check(plain, plain.fg(Color::Rgb(0x80, 0x80, 0x80)), "\x1b[38;5;244m");
        check(plain, plain.bg(Color::Rgb(0x12, 0x12, 0x12)), "\x1b[48;5;233m");
        check(plain, plain.bg(Color::Rgb(0x12, 0x12, 0x13)), "\x1b[48;2;18;18;19m");
        check(plain, plain.fg(Color::Rgb(0xf8, 0xf8, 0xf8)), "\x1b[38;2;248;248;248m");
        check(plain, plain.bg(Color::Indexed(15)), "\x1b[107m");
    }

    fn painted(theme: &str, app: &mut App, (w, h): (u16, u16)) -> Buffer {
        app.settle();
        let look = Look { theme: Theme::named(theme).unwrap(), glyphs: Glyphs::Box, zone: None };
        let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
        ui::draw(app, &look, buffer.area, &mut buffer);
        buffer
    }

    /// The screens that a person sees most, by name.
    fn scenes() -> Vec<(&'static str, App)> {
        let after = |mut app: App, intent| {
            app.update(Event::Intent(intent), at(1_000));
            app
        };
        let mut hosts = scene::app(World::Live, Weather::Outage);
        hosts.screen = Screen::Lists(Component::Hosts);
        vec![
            ("home calm", scene::app(World::Sim, Weather::Calm)),
            ("home outage", scene::app(World::Live, Weather::Outage)),
            ("hosts", hosts),
            ("run", scene::running(scene::move_phase()).0),
            ("run failing", scene::running(ui::failing()).0),
            ("gate red", scene::running(ui::gate_red()).0),
            ("confirm", ui::confirming(scene::log_off(scene::offer(2, Some("67"))), "67")),
            ("start", after(scene::app(World::Live, Weather::Outage), Intent::Start)),
            ("help", after(scene::running(scene::move_phase()).0, Intent::Help)),
        ]
    }

    /// Four kilobytes cross a slow line in two seconds (design §13), in every theme. README.md says so.
    #[test]
    fn a_full_repaint_is_small() {
        let mut large = Vec::new();
        for theme in ui::theme::names() {
            for (name, mut app) in scenes() {
                let buffer = painted(theme, &mut app, USUAL);
                let frame = bytes(&Buffer::default(), &buffer);
                let mut terminal = vt100::Parser::new(24, 80, 0);
                terminal.process(&frame);
                same(&terminal, &buffer, &format!("{theme}, {name}"));
                let plain = encode(&Buffer::default(), &buffer, None, Erasing::Plain).len();
                large.push((frame.len(), plain, theme, name));
            }
        }
        // Where a ground cannot be erased to, blanks are written.
        large.retain(|(bytes, plain, ..)| *bytes > 4_096 || *plain > 4_200);
        assert!(large.is_empty(), "{large:?}");
    }

    /// A second in which nothing but time goes on, as over a night: what a shared line carries then.
    #[test]
    fn a_calm_second_is_small() {
        for (size, limit) in [(USUAL, 400), ((160, 50), 1_200)] {
            for theme in ["default", "dark", "colour-blind"] {
                let mut app = scene::app(World::Live, Weather::Calm);
                let mut shown = painted(theme, &mut app, size);
                let mut sent = 0;
                for second in 1..=60 {
                    let now = scene::noon() + crate::domain::time::seconds(second);
                    app.update(Event::Tick, Moment { now, terminal: 1_000 * second as u64 });
                    let next = painted(theme, &mut app, size);
                    sent += bytes(&shown, &next).len();
                    shown = next;
                }
                assert!(sent > 60 * 50, "{theme}: the seconds do not show");
                assert!(sent <= 60 * limit, "{theme} {size:?}: {} bytes a second", sent / 60);
            }
        }
    }

    /// Not one colour is named, not even to be reset, and emphasis ends where it is said to end.
    #[test]
    fn mono_sends_no_colour() {
        for (name, mut app) in scenes() {
            let frame = text(&Buffer::default(), &painted("mono", &mut app, USUAL));
            let parts = frame.split("\x1b[").filter_map(|part| part.split_once('m'));
            let is_style = |body: &&str| body.bytes().all(|byte| byte.is_ascii_digit() || byte == b';');
            let all: Vec<&str> = parts.map(|(body, _)| body).filter(is_style).collect();
            assert!(all.len() > 20, "{name}: {all:?}");
            let (first, rest) = all.split_first().unwrap();
            let rest = if rest.last() == Some(&"") { &rest[..rest.len() - 1] } else { rest };
            assert_eq!(*first, "", "{name}");
            let known = |number: &str| matches!(number, "1" | "2" | "4" | "7" | "22" | "24" | "27");
            assert!(rest.iter().flat_map(|body| body.split(';')).all(known), "{name}: {all:?}");
        }
    }

    #[test]
    fn a_small_gap_is_written_rather_than_jumped_over() {
        let area = Rect::new(0, 0, 40, 1);
        let mut next = Buffer::empty(area);
        for (x, word) in [(0, "hosts"), (6, "12"), (30, "far")] {
            next.set_string(x, 0, word, Style::new());
        }
        let frame = text(&Buffer::default(), &next);
        assert!(frame.contains("hosts 12\x1b[31Gfar"), "{frame:?}");
    }
}
