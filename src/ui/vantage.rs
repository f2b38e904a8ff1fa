//! Is it dead, or can only I not see it? What follows, the signs of death and the calls under them, both
//! regions on one line.

use crate::{
    app::{
        App,
        vantage::{Cell, Line, Verdict},
    },
    domain::Side,
    status::CellState,
};

use super::{
    home::age_of,
    pen::{Line as Glyph, Pen, columns, wrap, wrap_in},
    theme::Role,
};

/// Columns of a line's label.
const LABEL: u16 = 12;
/// Behind what says nothing of a region.
const GLOBAL: &str = " (global)";
/// Columns of an age, with its mark.
const AGE: u16 = 4;

/// What stands on one line of the window.
enum Item<'a> {
    /// A heading.
    Rule(&'static str),
    /// Something of both regions, with its place under the cursor.
    Line(usize, &'a Line),
    /// A line of what follows, and whether it is its first.
    Verdict(&'a Verdict, String, bool),
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    let found = app.vantage();
    let middle = LABEL + 1 + (width - LABEL - 1) / 2;
    head(app, middle, pen);
    let mut items: Vec<Item<'_>> = Vec::new();
    for verdict in &found.verdicts {
        let lines = wrap(&verdict.text, usize::from(width - 5 - AGE - 2)).into_iter().enumerate();
        items.extend(lines.map(|(at, line)| Item::Verdict(verdict, line, at == 0)));
    }
    let lines: Vec<&Line> = found.lines().collect();
    let mut all = lines.iter().enumerate().map(|(at, line)| Item::Line(at, line));
    items.push(Item::Rule("signs of death, of two classes at least"));
    items.extend(all.by_ref().take(found.signs.len()));
    items.push(Item::Rule("calls"));
    items.extend(all);
    let place = app.list.place(lines.len());
    let under = |item: &Item<'_>| matches!(item, Item::Line(at, _) if *at == place);
    let last = items.iter().position(under).unwrap_or(0);
    let about = lines.get(place).map_or(bottom, |line| whole(app, line, bottom, pen));
    let mut room = usize::from(about.saturating_sub(2));
    let mut first = (last + 1).saturating_sub(room);
    if first + room < items.len() {
        // What is out of sight below is counted in place of the last row.
        room -= 1;
        first = (last + 1).saturating_sub(room);
        let hidden = items[first + room..].iter().filter(|item| matches!(item, Item::Line(..))).count();
        pen.text(4, about - 1, width - 5, &format!("and {hidden} more below"), Role::Dim);
    }
    for (at, item) in items.iter().enumerate().skip(first).take(room) {
        let y = 2 + (at - first) as u16;
        match item {
            Item::Rule(words) => pen.rule(0, y, width, words),
            Item::Verdict(found, text, first) => {
                let (age, role) = age_of(found.at.filter(|_| *first), found.stale, app.shown_at());
                let end = pen.right(width - 1, y, &age, role);
                pen.text(1, y, 2, if *first { found.state.mark() } else { "" }, Role::of_state(found.state));
                pen.text(4, y, end.saturating_sub(4), text, verdict(found.state));
            }
            Item::Line(_, line) => {
                let role = if under(item) { Role::Cursor } else { Role::Text };
                pen.text(0, y, 1, if under(item) { ">" } else { " " }, Role::Running);
                pen.text(1, y, LABEL - 1, line.label, role);
                pen.put(LABEL, y, Glyph::Vertical);
                pen.put(middle, y, Glyph::Vertical);
                cell(app, &line.cells.primary, (LABEL + 1, middle), y, pen);
                cell(app, &line.cells.secondary, (middle + 1, width), y, pen);
            }
        }
    }
}

fn head(app: &App, middle: u16, pen: &mut Pen<'_>) {
    let width = pen.width();
    pen.line(0, 1, width);
    pen.text(1, 1, LABEL - 1, " vantage ", Role::Title);
    for (side, x, end) in [(Side::Primary, LABEL, middle), (Side::Secondary, middle, width)] {
        let region = &app.summary.regions[side];
        let mut words = format!(" {} {} {} ", region.code, region.display, region.role);
        if columns(&words) > usize::from(end.saturating_sub(x + 3)) {
            words = format!(" {} {} ", region.code, region.role);
        }
        pen.text(x + 2, 1, end.saturating_sub(x + 3), &words, Role::Title);
    }
}

fn cell(app: &App, cell: &Cell, (left, right): (u16, u16), y: u16, pen: &mut Pen<'_>) {
    pen.text(left + 1, y, 2, cell.state.mark(), Role::of_state(cell.state));
    let text = left + 4;
    let (age, role) = age_of(cell.at, cell.stale, app.shown_at());
    let end = pen.right(right.saturating_sub(1), y, &age, role);
    // Ages of the usual length stand in one column, a longer one never touches the words.
    let room = end.min(right.saturating_sub(AGE)).saturating_sub(text + 1);
    let words = if cell.global { global(&cell.text, usize::from(room)) } else { cell.text.clone() };
    pen.text(text, y, room, &words, Role::Text);
}

/// What is told by an endpoint of no one region: that it is so goes last. The age stands beside it.
fn global(text: &str, room: usize) -> String {
    let first = |end: Option<usize>| end.map_or(text, |end| text[..end].trim_end());
    let parts =
        [text, first(text.find(", ")), first(text.find(|c: char| c.is_ascii_digit()).filter(|at| *at > 0))];
    let said = |part: &str| format!("{part}{GLOBAL}");
    let whole = parts.into_iter().map(said).find(|said| columns(said) <= room);
    whole.unwrap_or_else(|| format!("{}~", GLOBAL.trim_start()))
}

/// What the line under the cursor says in full, above `bottom`: cells are cut. The line it begins at.
fn whole(app: &App, line: &Line, bottom: u16, pen: &mut Pen<'_>) -> u16 {
    let width = pen.width();
    let most = usize::from(bottom / 4).max(1);
    let said = |side: Side| {
        let cell = &line.cells[side];
        let age = age_of(cell.at, cell.stale, app.shown_at());
        let text = format!("{} {}", app.estate.regions[side].code, cell.full);
        let room = usize::from(width - 3).saturating_sub(columns(&age.0));
        // The age belongs to all of them, and stands where the sentence begins.
        let lines = wrap_in(&text, room, most).into_iter().enumerate();
        lines.map(move |(at, line)| (line, (at == 0).then(|| age.clone()))).collect::<Vec<_>>()
    };
    let lines = Side::BOTH.map(said).concat();
    let top = bottom.saturating_sub(lines.len() as u16);
    for (y, (text, age)) in (top..bottom).zip(&lines) {
        pen.text(1, y, width - 2, text, Role::Dim);
        if let Some((age, role)) = age {
            pen.right(width - 1, y, age, *role);
        }
    }
    top
}

fn verdict(state: CellState) -> Role {
    match state {
        CellState::Ok | CellState::NotChecked => Role::Text,
        state => Role::of_state(state),
    }
}
