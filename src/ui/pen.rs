//! Putting text on the buffer: masked where that is asked for, cut to width, in a role, with the glyphs of
//! the look.

use ratatui::{
    buffer::{Buffer, CellWidth},
    layout::{Position, Rect},
    style::Style,
    text::Span,
};

use crate::domain::mask;

use super::{Drawn, Glyphs, Look, Zone, theme::Role};

/// Paints one frame.
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    look: &'a Look,
    area: Rect,
    /// Lines at the bottom that are taken.
    taken: u16,
    cursor: Option<Position>,
    scrolls: usize,
}

/// Characters of the lines.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Horizontal,
    Vertical,
    Down,
    Right,
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

impl<'a> Pen<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, look: &'a Look, area: Rect) -> Self {
        Self { buffer, look, area, taken: 0, cursor: None, scrolls: 0 }
    }

    pub(super) fn width(&self) -> u16 {
        self.area.width
    }

    pub(super) fn height(&self) -> u16 {
        self.area.height - self.taken
    }

    /// From now on the window ends so many lines higher.
    pub(super) fn lower(&mut self, lines: u16) {
        self.taken = lines;
    }

    /// Where the person is, for times of the wall clock.
    pub(super) fn zone(&self) -> Option<&'a Zone> {
        self.look.zone.as_ref()
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.look.glyphs == Glyphs::Ascii
    }

    /// The whole look of a role: nothing of what was there before shines through.
    fn style(&self, role: Role) -> Style {
        Style::reset().patch(self.look.theme.style(role))
    }

    /// Blanks a rectangle.
    pub(super) fn fill(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        let area = area.intersection(self.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Writes `text` from `x`, `y` in at most `width` columns; the column after it. What does
    /// not fit ends in `~`.
    pub(super) fn text(&mut self, x: u16, y: u16, width: u16, text: &str, role: Role) -> u16 {
        let width = width.min(self.area.width.saturating_sub(x));
        if y >= self.height() || width == 0 {
            return x;
        }
        let text = self.plain(text);
        let cut = fit(&text, usize::from(width));
        let style = self.style(role);
        let (x, y) = (self.area.x + x, self.area.y + y);
        let (end, _) = self.buffer.set_stringn(x, y, &cut, usize::from(width), style);
        end - self.area.x
    }

    /// Writes `text` so that it ends before column `end`; the column it begins at.
    pub(super) fn right(&mut self, end: u16, y: u16, text: &str, role: Role) -> u16 {
        let wide = columns(&self.plain(text)) as u16;
        let x = end.saturating_sub(wide);
        self.text(x, y, wide, text, role);
        x
    }

    /// In ASCII, everything else becomes something ASCII.
    pub(super) fn plain(&self, text: &str) -> String {
        let text = mask::said(text);
        if !self.is_ascii() || text.is_ascii() {
            return text.into_owned();
        }
        text.chars()
            .map(|c| match c {
                '…' => '~',
                '─' => '-',
                '·' | '│' => '|',
                '≠' => '#',
                c if c.is_ascii() => c,
                _ => '?',
            })
            .collect()
    }

    /// One line character.
    pub(super) fn glyph(&self, line: Line) -> &'static str {
        let ascii = self.is_ascii();
        match line {
            Line::Horizontal if ascii => "-",
            Line::Vertical if ascii => "|",
            _ if ascii => "+",
            Line::Horizontal => "─",
            Line::Vertical => "│",
            Line::Down => "┬",
            Line::Right => "├",
            Line::TopLeft => "┌",
            Line::TopRight => "┐",
            Line::BottomLeft => "└",
            Line::BottomRight => "┘",
        }
    }

    pub(super) fn put(&mut self, x: u16, y: u16, line: Line) {
        let glyph = self.glyph(line);
        self.text(x, y, 1, glyph, Role::Rule);
    }

    /// A horizontal rule with words set into it from its left, two columns in.
    pub(super) fn rule(&mut self, x: u16, y: u16, width: u16, words: &str) {
        self.line(x, y, width);
        if !words.is_empty() {
            let room = width.saturating_sub(4);
            self.text(
                x + 2,
                y,
                room,
                &format!(" {} ", fit(words, usize::from(room).saturating_sub(2))),
                Role::Title,
            );
        }
    }

    /// Words set into a rule so that they end before column `end`, two columns in.
    pub(super) fn rule_right(&mut self, end: u16, y: u16, words: &str) {
        self.right(end.saturating_sub(1), y, &format!(" {words} "), Role::Title);
    }

    /// A rule with words at its left and words at its right; those at the right are cut only where
    /// they would take more than half, those at the left have the rest.
    pub(super) fn rule_pair(&mut self, (x, end): (u16, u16), y: u16, left: &str, right: &str) {
        let width = usize::from(end.saturating_sub(x));
        let right = if columns(left) + columns(right) + 7 <= width {
            right.to_owned()
        } else {
            fit(right, (width / 2).max(width.saturating_sub(columns(left) + 7)))
        };
        let kept = if right.is_empty() { 0 } else { columns(&right) as u16 + 3 };
        self.line(x, y, end.saturating_sub(x));
        let room = width.saturating_sub(usize::from(kept) + 4);
        self.text(x + 2, y, end.saturating_sub(x + 2), &format!(" {} ", fit(left, room)), Role::Title);
        if !right.is_empty() {
            self.rule_right(end, y, &right);
        }
    }

    pub(super) fn line(&mut self, x: u16, y: u16, width: u16) {
        let glyph = self.glyph(Line::Horizontal);
        let line = glyph.repeat(usize::from(width));
        self.text(x, y, width, &line, Role::Rule);
    }

    pub(super) fn column(&mut self, x: u16, top: u16, bottom: u16) {
        for y in top..bottom {
            self.put(x, y, Line::Vertical);
        }
    }

    /// A frame with words in its upper edge, and everything in it blank.
    pub(super) fn frame(&mut self, area: Rect, words: &str, role: Role) {
        for y in area.top()..area.bottom() {
            self.uncover(area, y);
        }
        self.fill(area, Role::Text);
        let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
        self.line(area.x, area.y, area.width);
        self.line(area.x, bottom, area.width);
        self.column(area.x, area.y + 1, bottom);
        self.column(right, area.y + 1, bottom);
        self.put(area.x, area.y, Line::TopLeft);
        self.put(right, area.y, Line::TopRight);
        self.put(area.x, bottom, Line::BottomLeft);
        self.put(right, bottom, Line::BottomRight);
        let room = area.width.saturating_sub(5);
        self.text(area.x + 2, area.y, room, &format!(" {words} "), role);
    }

    /// Blanks what would stick out from under `area` on line `y` of a word that it covers in part: the
    /// rest of an age or a number would read as another one.
    fn uncover(&mut self, area: Rect, y: u16) {
        let inside = |pen: &Self, x: u16| pen.symbol(x, y).is_some_and(is_of_a_word);
        let (first, after) = (area.left(), area.right());
        let left: Vec<u16> = (0..first).rev().take_while(|x| inside(self, *x)).collect();
        let number = left.iter().any(|x| self.symbol(*x, y).is_some_and(|c| c.is_ascii_digit()));
        let right: Vec<u16> = (after..self.area.right()).take_while(|x| inside(self, *x)).collect();
        let left = if number && inside(self, first) { left } else { Vec::new() };
        let right = if after > 0 && inside(self, after - 1) { right } else { Vec::new() };
        for x in left.into_iter().chain(right) {
            self.fill(Rect::new(x, y, 1, 1), Role::Text);
        }
    }

    /// The first character of a cell.
    fn symbol(&self, x: u16, y: u16) -> Option<char> {
        self.buffer.cell((x, y))?.symbol().chars().next()
    }

    /// The terminal's cursor belongs here.
    pub(super) fn point(&mut self, x: u16, y: u16) {
        if x < self.area.width && y < self.area.height {
            self.cursor = Some(Position::new(self.area.x + x, self.area.y + y));
        }
    }

    /// The text of the dialog drawn now can be scrolled by so many lines.
    pub(super) fn scrolls(&mut self, lines: usize) {
        self.scrolls = lines;
    }

    pub(super) fn drawn(&self) -> Drawn {
        Drawn { cursor: self.cursor, scrolls: self.scrolls }
    }
}

/// Whether a character is neither blank nor part of a line.
fn is_of_a_word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '-' | '|' | '+' | '\u{2500}'..='\u{257f}')
}

/// The columns that `text` takes, counted as the buffer counts them: character by character as people
/// see them. A whole text may be narrower by Unicode's rules for ligatures, which terminals do not draw.
pub(super) fn columns(text: &str) -> usize {
    let text = mask::said(text);
    if text.is_ascii() {
        return text.len();
    }
    Span::raw(&*text).styled_graphemes(Style::new()).map(|one| usize::from(one.symbol.cell_width())).sum()
}

/// `text` in at most `width` columns; where something is cut, the last column is `~`.
pub(super) fn fit(text: &str, width: usize) -> String {
    let text = mask::said(text);
    if columns(&text) <= width {
        return text.into_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for one in Span::raw(&*text).styled_graphemes(Style::new()) {
        let wide = usize::from(one.symbol.cell_width());
        if used + wide > width.saturating_sub(1) {
            break;
        }
        used += wide;
        kept.push_str(one.symbol);
    }
    if width > 0 {
        kept.push('~');
    }
    kept
}

/// `text` in at most `width` columns; where something is cut, it is the beginning, and the first column
/// is `~`.
pub(super) fn fit_end(text: &str, width: usize) -> String {
    let text = mask::said(text);
    if columns(&text) <= width {
        return text.into_owned();
    }
    let mut from = text.len();
    for (at, _) in text.char_indices().rev() {
        if columns(&text[at..]) + 1 > width {
            break;
        }
        from = at;
    }
    format!("~{}", &text[from..])
}

/// `text` in exactly `width` columns: cut, or blanks behind it.
pub(super) fn padded(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let blanks = width.saturating_sub(columns(&text));
    format!("{text}{:blanks$}", "")
}

/// As many of the words as fit whole with three blanks between them; the first in any case.
pub(super) fn whole(words: &[String], width: usize) -> String {
    let mut line = words.first().cloned().unwrap_or_default();
    for word in words.iter().skip(1).filter(|word| !word.is_empty()) {
        if columns(&line) + 3 + columns(word) <= width {
            line.push_str("   ");
            line.push_str(word);
        }
    }
    fit(&line, width)
}

/// `text` cut into lines of at most `width` columns, wherever they end: for ids, which have no blanks.
fn cut(text: &str, width: usize) -> Vec<String> {
    let text = mask::said(text);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let wide = columns(c.encode_utf8(&mut [0; 4]));
        if used + wide > width && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(last) = lines.last_mut() {
            last.push(c);
        }
    }
    lines
}

/// `text` broken at blanks into lines of at most `width` columns; a word that is longer, such as a path,
/// goes on in the next line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = mask::said(text);
    if columns(&text) <= width {
        return vec![text.into_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split_whitespace().flat_map(|word| cut(word, width.max(1))) {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(&word);
        } else if columns(line) + 1 + columns(&word) <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// The same in at most `most` lines; what has no room is cut in the last.
pub(super) fn wrap_in(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = wrap(text, width);
    if lines.len() > most && most > 0 {
        let rest = lines.split_off(most - 1).join(" ");
        lines.push(fit(&rest, width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_says_so_and_stays_in_its_columns() {
        for (text, width, expected) in [
            ("hosts", 5, "hosts"),
            ("hosts", 4, "hos~"),
            ("hosts", 0, ""),
            ("日本語", 5, "日本~"),
            ("日本語", 4, "日~"),
            ("Zoë", 3, "Zoë"),
            // A base letter keeps its marks, and a ligature is two cells.
            ("Zoe\u{308}x", 3, "Zo~"),
            ("Zoe\u{308}xy", 4, "Zoe\u{308}~"),
            ("\u{644}\u{627}b", 2, "\u{644}~"),
        ] {
            assert_eq!(fit(text, width), expected);
            assert!(columns(&fit(text, width)) <= width);
        }
        assert_eq!(fit_end("/a/hosts/vm", 12), "/a/hosts/vm");
        assert_eq!(fit_end("/a/hosts/vm", 6), "~ts/vm");
        assert_eq!(fit_end("日本語", 4), "~語");
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("to /state/reports/r.md", 9), ["to", "/state/re", "ports/r.m", "d"]);
        assert_eq!(wrap_in("one two three four", 7, 2), ["one two", "three ~"]);
        let words = ["one", "", "two", "three"].map(str::to_owned);
        assert_eq!(whole(&words, 14), "one   two");
        assert_eq!(whole(&words, 2), "o~");
        assert_eq!(cut("/subscriptions/1", 7), ["/subscr", "iptions", "/1"]);
        assert_eq!(cut("日本語", 4), ["日本", "語"]);
        assert_eq!(cut("", 7), [""]);
    }
}
