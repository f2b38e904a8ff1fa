//! A dialog's content, built line by line and then framed: where room is short the least important goes.

use ratatui::layout::Rect;

use crate::{
    app::{App, Intent, Motion, gesture::Button},
    domain::text::counted,
};

use super::{
    pen::{Pen, columns, fit, wrap},
    theme::Role,
};

/// Columns of a dialog at 80; narrower windows take what they have.
const WIDTH: u16 = 72;

/// Columns of a dialog in this window.
pub(super) fn width_in(pen: &Pen<'_>) -> u16 {
    WIDTH.min(pen.width().saturating_sub(2))
}

/// What of a dialog goes first where room is short, beginning with the least important.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Good to know; told elsewhere too.
    Least,
    /// Which of what is counted above.
    Which,
    /// What will be.
    After,
    /// What it means.
    Meaning,
    /// How it stands, and the way back.
    Stand,
    /// What it is about, in the words of which the first line is the last to go.
    About,
    /// What has to be read before anything can be pressed.
    Kept,
}

/// A dialog's content, built line by line and then framed.
pub(super) struct Sheet {
    title: String,
    role: Role,
    lines: Vec<(Rank, SheetLine)>,
    /// How far what can be scrolled of it is, in lines.
    at: usize,
    /// The key that scrolls it, where one does.
    key: Option<String>,
}

#[derive(Clone)]
enum SheetLine {
    Words(String, Role),
    /// Something good to know, the first to go where room is short.
    Aside(String),
    /// A name and what it stands for.
    Pair(&'static str, String, Role),
    /// A further line of what a name stands for.
    More(String, Role),
    /// A prompt, its short form, and what was typed after it.
    Input(String, String, String),
    /// What must be read before something is pressed; never cut.
    Prompt(String, Role),
    Buttons(Option<Button>, String, Role),
}

impl Sheet {
    pub(super) fn over(app: &App, title: String, role: Role) -> Self {
        let key = app.body_scrolls().then(|| app.key(Intent::Move(Motion::PageDown)));
        Self { title, role, lines: Vec::new(), at: app.body_at(), key }
    }

    pub(super) fn words(&mut self, text: &str, role: Role) {
        self.push(SheetLine::Words(text.to_owned(), role));
    }

    pub(super) fn aside(&mut self, text: &str) {
        self.push(SheetLine::Aside(text.to_owned()));
    }

    pub(super) fn blank(&mut self) {
        self.push(SheetLine::Words(String::new(), Role::Text));
    }

    fn push(&mut self, line: SheetLine) {
        self.lines.push((Rank::Kept, line));
    }

    /// What has just been said may go where room is short.
    pub(super) fn ranked(&mut self, rank: Rank) {
        if let Some(last) = self.lines.last_mut() {
            last.0 = rank;
        }
    }

    pub(super) fn pair(&mut self, name: &'static str, text: impl Into<String>, role: Role) {
        self.push(SheetLine::Pair(name, text.into(), role));
    }

    pub(super) fn input(&mut self, prompt: impl Into<String>, typed: &str) {
        let prompt = prompt.into();
        self.input_or(prompt.clone(), prompt, typed);
    }

    /// The same with a shorter prompt for where the whole one leaves no room behind it.
    pub(super) fn input_or(&mut self, prompt: impl Into<String>, short: impl Into<String>, typed: &str) {
        self.push(SheetLine::Input(prompt.into(), short.into(), typed.to_owned()));
    }

    pub(super) fn prompt(&mut self, text: &str, role: Role) {
        self.push(SheetLine::Prompt(text.to_owned(), role));
    }

    pub(super) fn remark(&mut self, remark: Option<&String>) {
        if let Some(remark) = remark {
            self.prompt(remark, Role::Warn);
        }
    }

    pub(super) fn buttons(&mut self, focus: impl Into<Option<Button>>, act: &str, role: Role) {
        self.push(SheetLine::Buttons(focus.into(), act.to_owned(), role));
    }

    pub(super) fn draw(self, pen: &mut Pen<'_>) {
        let width = width_in(pen);
        let room = usize::from(pen.height().saturating_sub(4));
        let title = self.title;
        let by = self.key.map(|key| format!("{key} or ")).unwrap_or_default();
        let (lines, note) = if let Some(part) = scrolled(&self.lines, usize::from(width), room, self.at) {
            pen.scrolls(part.most);
            (part.lines, Some(part.note))
        } else {
            pen.scrolls(0);
            let (lines, cut) = fitting(self.lines, usize::from(width), room);
            let note = format!("({} cut; {by}a taller window shows all)", counted(cut, "line"));
            (lines, (cut > 0).then_some(note))
        };
        let tail = tail_of(&lines).min(room.saturating_sub(2));
        let head = lines.len() - tail;
        let all = lines.len() + usize::from(note.is_some());
        let height = (all as u16 + 2).min(pen.height().saturating_sub(2));
        let x = (pen.width() - width) / 2;
        let y = 1 + pen.height().saturating_sub(2 + height) / 2;
        pen.frame(Rect::new(x, y, width, height), &title, self.role);
        let mut row = y + 1;
        for (_, content) in &lines[..head] {
            draw_line(content, pen, x, row, width);
            row += 1;
        }
        if let Some(note) = note {
            pen.text(x + 2, row, width - 4, &note, Role::Warn);
            row += 1;
        }
        for (_, content) in lines[head..].iter().take(usize::from((y + height).saturating_sub(row + 1))) {
            draw_line(content, pen, x, row, width);
            row += 1;
        }
    }
}

/// How many of the last lines always show: the buttons, what is typed, and what must be read before.
fn tail_of(lines: &[(Rank, SheetLine)]) -> usize {
    let asks = |(_, line): &(Rank, SheetLine)| {
        matches!(line, SheetLine::Prompt(..) | SheetLine::Input(..) | SheetLine::Buttons(..))
    };
    lines.iter().position(asks).map_or(0, |at| lines.len() - at)
}

/// A part of a dialog's lines.
struct Part {
    lines: Vec<(Rank, SheetLine)>,
    /// What is said of the others.
    note: String,
    /// The line that the last part begins with.
    most: usize,
}

/// All lines one below the other from the `at`th on, above what always shows; `None`: nobody scrolls, or all of
/// them have room.
fn scrolled(lines: &[(Rank, SheetLine)], width: usize, room: usize, at: usize) -> Option<Part> {
    let broken = |(rank, line): &(Rank, SheetLine)| {
        let rank = *rank;
        line.clone().broken(width).into_iter().map(move |one| (rank, one))
    };
    let mut lines: Vec<(Rank, SheetLine)> = lines.iter().flat_map(broken).collect();
    if at == 0 || lines.len() <= room {
        return None;
    }
    let tail = tail_of(&lines).min(room.saturating_sub(2));
    let asked = lines.split_off(lines.len() - tail);
    let kept = room.saturating_sub(tail + 1);
    let most = lines.len().saturating_sub(kept);
    let first = at.min(most);
    let note = format!(
        "({} to {} of {}; up and down scroll)",
        first + 1,
        first + kept,
        counted(lines.len(), "line")
    );
    let lines = lines.into_iter().skip(first).take(kept).chain(asked).collect();
    Some(Part { lines, note, most })
}

/// The lines that have room, and how many went that are more than good to know.
fn fitting(lines: Vec<(Rank, SheetLine)>, width: usize, room: usize) -> (Vec<(Rank, SheetLine)>, usize) {
    let broken = |(rank, line): (Rank, SheetLine)| line.broken(width).into_iter().map(move |one| (rank, one));
    let mut lines: Vec<(Rank, SheetLine)> = lines.into_iter().flat_map(broken).collect();
    // Where room is short, what is good to know goes first, then what only keeps lines apart.
    if lines.len() > room {
        lines.retain(|(_, line)| !matches!(line, SheetLine::Aside(_)));
    }
    while lines.len() > room {
        let blank =
            |(_, line): &(Rank, SheetLine)| matches!(line, SheetLine::Words(text, _) if text.is_empty());
        let Some(at) = lines.iter().position(blank) else { break };
        lines.remove(at);
    }
    if lines.len() <= room {
        return (lines, 0);
    }
    // One row says how many went.
    let (room, mut cut) = (room.saturating_sub(1), 0);
    while lines.len() > room {
        let head = lines.len() - tail_of(&lines);
        let least = (0..head).rev().min_by_key(|at| lines[*at].0);
        let Some(at) = least else { break };
        let (_, gone) = lines.remove(at);
        cut += 1;
        // A sentence that stood under its name keeps it, or it would stand under another one.
        if let SheetLine::Pair(name, ..) = &gone
            && let Some((_, SheetLine::Pair(next, ..))) = lines.get_mut(at)
            && next.is_empty()
        {
            *next = name;
        }
        // A sentence that lost its end says so.
        if let (true, Some((_, above))) = (gone.goes_on(), at.checked_sub(1).map(|above| &mut lines[above])) {
            above.mark_cut(width);
        }
    }
    (lines, cut)
}

/// Whether what is typed behind a prompt has room in a dialog of this width.
fn leaves_room(prompt: &str, width: usize) -> bool {
    columns(prompt) + 5 <= width - 4
}

impl SheetLine {
    /// Whether it is the rest of what the line above begins.
    fn goes_on(&self) -> bool {
        matches!(self, Self::More(..))
    }

    /// Ends a line whose rest is gone with the mark of it.
    fn mark_cut(&mut self, width: usize) {
        if let Self::Pair(_, text, _) | Self::More(text, _) = self {
            *text = fit(&format!("{text}~~"), (columns(text) + 1).min(width - 12));
        }
    }

    /// In lines that fit into a dialog of this width.
    fn broken(self, width: usize) -> Vec<Self> {
        match self {
            Self::Words(text, role) => {
                wrap(&text, width - 4).into_iter().map(|line| Self::Words(line, role)).collect()
            }
            Self::Aside(text) => wrap(&text, width - 4).into_iter().map(Self::Aside).collect(),
            Self::Prompt(text, role) => {
                wrap(&text, width - 4).into_iter().map(|line| Self::Prompt(line, role)).collect()
            }
            Self::Pair(name, text, role) => {
                let mut name = Some(name);
                let lines = wrap(&text, width - 12).into_iter();
                let pair = |line| match name.take() {
                    Some(name) => Self::Pair(name, line, role),
                    None => Self::More(line, role),
                };
                lines.map(pair).collect()
            }
            // A prompt that leaves no room behind it stands above what is typed.
            Self::Input(prompt, short, typed) if !leaves_room(&prompt, width) => {
                if leaves_room(&short, width) {
                    return vec![Self::Input(short, String::new(), typed)];
                }
                let lines = wrap(&prompt, width - 4).into_iter();
                let prompts = lines.map(|line| Self::Prompt(line, Role::Text));
                prompts.chain([Self::Input(">".to_owned(), String::new(), typed)]).collect()
            }
            line => vec![line],
        }
    }
}

fn draw_line(content: &SheetLine, pen: &mut Pen<'_>, x: u16, y: u16, width: u16) {
    let room = width - 4;
    match content {
        SheetLine::Words(text, role) | SheetLine::Prompt(text, role) => {
            pen.text(x + 2, y, room, text, *role);
        }
        SheetLine::Aside(text) => {
            pen.text(x + 2, y, room, text, Role::Dim);
        }
        SheetLine::Pair(name, text, role) => {
            pen.text(x + 2, y, 8, name, Role::Dim);
            pen.text(x + 11, y, room - 8, text, *role);
        }
        SheetLine::More(text, role) => {
            pen.text(x + 11, y, room - 8, text, *role);
        }
        SheetLine::Input(prompt, _, typed) => {
            let at = pen.text(x + 2, y, room, prompt, Role::Text);
            let end = pen.text(at + 2, y, (x + width).saturating_sub(at + 4), typed, Role::Input);
            pen.point(end.max(at + 2), y);
        }
        SheetLine::Buttons(focus, act, role) => {
            let act_x = (x + width).saturating_sub(act.len() as u16 + 7);
            let cancel_x = act_x.saturating_sub(16);
            let mut button = |at: u16, text: &str, focused: bool, role: Role| {
                pen.text(at, y, 1, if focused { ">" } else { " " }, Role::Running);
                let role = if focused { Role::ButtonFocused } else { role };
                pen.text(at + 2, y, width, text, role);
            };
            button(cancel_x, "Cancel", *focus == Some(Button::Cancel), Role::Button);
            button(act_x, act, *focus == Some(Button::Act), *role);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a dialog of this many rows shows of its lines, each with its name.
    fn shown(room: usize) -> (Vec<String>, usize) {
        let mut sheet =
            Sheet { title: "t".to_owned(), role: Role::Title, lines: Vec::new(), at: 0, key: None };
        sheet.pair("what", "67 sessions", Role::Text);
        sheet.ranked(Rank::About);
        sheet.pair("effect", "people lose what they have not saved by then", Role::Text);
        sheet.ranked(Rank::Meaning);
        sheet.pair("usual", "5:00", Role::Text);
        sheet.ranked(Rank::Least);
        sheet.aside("good to know");
        sheet.prompt("type it", Role::Text);
        let (lines, cut) = fitting(sheet.lines, 36, room);
        let told = |(_, line): (Rank, SheetLine)| match line {
            SheetLine::Pair(name, text, _) => format!("{name}: {text}"),
            SheetLine::More(text, _) => format!("+ {text}"),
            SheetLine::Words(text, _) | SheetLine::Aside(text) | SheetLine::Prompt(text, _) => text,
            SheetLine::Input(..) | SheetLine::Buttons(..) => String::new(),
        };
        (lines.into_iter().map(told).collect(), cut)
    }

    /// What is good to know goes first and is not counted; a sentence that lost its end says so.
    #[test]
    fn the_least_goes_first_and_what_lost_its_end_is_marked() {
        let (what, prompt) = ("what: 67 sessions", "type it");
        let (effect, more) = ("effect: people lose what they", "+ have not saved by then");
        let marked = "effect: people lose what they~";
        let cases: [(usize, &[&str], usize); 6] = [
            (6, &[what, effect, more, "usual: 5:00", "good to know", prompt], 0),
            (5, &[what, effect, more, "usual: 5:00", prompt], 0),
            (4, &[what, marked, prompt], 2),
            (3, &[what, prompt], 3),
            (2, &[prompt], 4),
            (1, &[prompt], 4),
        ];
        for (room, lines, cut) in cases {
            let told = shown(room);
            assert_eq!(
                (told.0.iter().map(String::as_str).collect::<Vec<_>>(), told.1),
                (lines.to_vec(), cut),
                "{room}"
            );
        }
    }

    /// A sentence whose line with the name is cut takes the name: it would stand under another one.
    #[test]
    fn a_sentence_keeps_its_name_where_the_line_with_it_is_cut() {
        let line = |rank, name, text: &str| (rank, SheetLine::Pair(name, text.to_owned(), Role::Text));
        let lines = vec![
            line(Rank::About, "stops", "a"),
            line(Rank::Least, "step", "b"),
            line(Rank::Meaning, "stays", "c"),
            line(Rank::Stand, "", "d"),
            line(Rank::Kept, "instead", "e"),
        ];
        let (kept, cut) = fitting(lines, 60, 4);
        let kept: Vec<String> = kept
            .iter()
            .map(|(_, line)| match line {
                SheetLine::Pair(name, text, _) => format!("{name} {text}"),
                _ => String::new(),
            })
            .collect();
        assert_eq!((kept.join(", ").as_str(), cut), ("stops a, stays d, instead e", 2));
    }
}
