//! Is it dead, or can only I not see it? Calls, signs of death and what follows, both regions on
//! one line.

use crate::{
    app::{
        App,
        vantage::{Cell, Line},
    },
    domain::{Side, time::age_text},
    status::CellState,
};

use super::{
    pen::{Line as Glyph, Pen},
    theme::Role,
};

/// Columns of a line's label.
const LABEL: u16 = 12;
/// Columns of an age, with its mark.
const AGE: u16 = 4;

/// What stands on one line of the window.
enum Item<'a> {
    /// A heading.
    Rule(&'static str),
    /// Something of both regions, with its place under the cursor.
    Line(usize, &'a Line),
    /// What follows.
    Verdict(CellState, &'a str),
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    let found = app.vantage();
    let middle = LABEL + 1 + (width - LABEL - 1) / 2;
    head(app, middle, pen);
    let mut items: Vec<Item<'_>> = Vec::new();
    items.extend(found.verdicts.iter().map(|(state, text)| Item::Verdict(*state, text)));
    items.push(Item::Rule("calls"));
    items.extend(found.calls.iter().enumerate().map(|(at, line)| Item::Line(at, line)));
    items.push(Item::Rule("signs of death, of two classes at least"));
    let calls = found.calls.len();
    items.extend(found.signs.iter().enumerate().map(|(at, line)| Item::Line(calls + at, line)));
    let place = app.list.place(calls + found.signs.len());
    let under = |item: &Item<'_>| matches!(item, Item::Line(at, _) if *at == place);
    let last = items.iter().position(under).unwrap_or(0);
    let room = usize::from(bottom.saturating_sub(2 + 2));
    let first = (last + 1).saturating_sub(room);
    for (at, item) in items.iter().enumerate().skip(first).take(room) {
        let y = 2 + (at - first) as u16;
        match item {
            Item::Rule(words) => pen.rule(0, y, width, words),
            Item::Verdict(state, text) => {
                pen.text(1, y, 2, state.mark(), Role::of_state(*state));
                pen.text(4, y, width - 5, text, verdict(*state));
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
    let lines: Vec<&Line> = found.calls.iter().chain(&found.signs).collect();
    if let Some(line) = lines.get(place) {
        whole(app, line, bottom.saturating_sub(2), pen);
    }
}

fn head(app: &App, middle: u16, pen: &mut Pen<'_>) {
    let width = pen.width();
    pen.line(0, 1, width);
    pen.text(1, 1, LABEL - 1, " vantage ", Role::Title);
    for (side, x, end) in [(Side::Primary, LABEL, middle), (Side::Secondary, middle, width)] {
        let region = &app.summary.regions[side];
        let words = format!(" {} {} {} ", region.code, region.display, region.role);
        pen.text(x + 2, 1, end.saturating_sub(x + 3), &words, Role::Title);
    }
}

fn cell(app: &App, cell: &Cell, (left, right): (u16, u16), y: u16, pen: &mut Pen<'_>) {
    pen.text(left + 1, y, 2, cell.state.mark(), Role::of_state(cell.state));
    let text = left + 4;
    pen.text(text, y, right.saturating_sub(text + AGE + 1), &cell.text, Role::Text);
    if let Some(at) = cell.at {
        let stale = if cell.stale { "!" } else { "" };
        let age = format!("{}{stale}", age_text(app.now().duration_since(at)));
        pen.right(right.saturating_sub(1), y, &age, if cell.stale { Role::Warn } else { Role::Dim });
    }
}

/// What the line under the cursor says in full: cells are cut.
fn whole(app: &App, line: &Line, y: u16, pen: &mut Pen<'_>) {
    let width = pen.width();
    for (place, (side, cell)) in (0..).zip(line.cells.iter()) {
        let code = &app.estate.regions[side].code;
        pen.text(1, y + place, width - 2, &format!("{code} {}", cell.full), Role::Dim);
    }
}

fn verdict(state: CellState) -> Role {
    match state {
        CellState::Ok | CellState::NotChecked => Role::Text,
        state => Role::of_state(state),
    }
}
