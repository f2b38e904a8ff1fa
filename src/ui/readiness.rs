//! Every check of readiness, service by service, with what to do about the one under the cursor.

use crate::{
    app::{
        App,
        ready::{COLUMNS, Group, advice},
        screen::services,
        table::Row,
    },
    domain::time::age_text,
    readiness::Verdict,
};

use super::{
    pen::{Pen, wrap},
    table::{Grid, in_force},
    theme::Role,
};

/// Lines of what is said of the check under the cursor.
const ABOUT: u16 = 5;

/// One line of the list.
enum Line<'a> {
    /// A service.
    Head(&'a str),
    /// A check, with its place among the checks.
    Check(usize, &'a Row),
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, foot) = (pen.width(), pen.height() - 1);
    pen.rule(0, 1, width, "readiness, worst first");
    let groups = app.checks();
    let checks: Vec<&(Row, &Verdict)> = groups.iter().flat_map(|group| &group.checks).collect();
    let counted = format!("{} of {}", checks.len(), app.readiness.len());
    let bottom = if in_force(app, &counted, foot - 1, pen) { foot - 1 } else { foot };
    if let Some(blank) = blank(app, checks.len()) {
        pen.text(1, 2, width - 2, &blank, Role::Dim);
        return;
    }
    let place = app.list.place(checks.len());
    let about = bottom.saturating_sub(ABOUT + 1);
    let lines = lines(&groups);
    let grid = Grid::new(COLUMNS, checks.iter().map(|(row, _)| row), 4, width - 5);
    grid.heads(pen, 2, app.sort);
    let under = |line: &Line<'_>| matches!(line, Line::Check(at, _) if *at == place);
    let last = lines.iter().position(under).unwrap_or(0);
    let room = usize::from(about.saturating_sub(3));
    let first = (last + 1).saturating_sub(room);
    for (at, line) in lines.iter().enumerate().skip(first).take(room) {
        let y = 3 + (at - first) as u16;
        match line {
            Line::Head(text) => {
                pen.text(1, y, width - 2, text, Role::Title);
            }
            Line::Check(_, row) => {
                let mark = if under(line) { ">" } else { " " };
                pen.text(0, y, 1, mark, Role::Running);
                pen.text(1, y, 2, row.state.mark(), Role::of_state(row.state));
                grid.row(pen, y, row, if under(line) { Role::Cursor } else { Role::Text });
            }
        }
    }
    if let Some((_, verdict)) = checks.get(place) {
        tell(app, verdict, about, bottom, pen);
    }
}

fn blank(app: &App, shown: usize) -> Option<String> {
    if services(app.scope, &app.estate).next().is_none() {
        return Some("not configured: the estate file names no service to check".to_owned());
    }
    match (app.readiness.len(), shown) {
        (0, _) => Some("loading: the checks have not run yet".to_owned()),
        (total, 0) => Some(format!("none of {total} checks fits the filter; esc shows all")),
        _ => None,
    }
}

fn lines<'a>(groups: &'a [Group<'a>]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut place = 0;
    for group in groups.iter().filter(|group| !group.checks.is_empty()) {
        lines.push(Line::Head(&group.head));
        for (row, _) in &group.checks {
            lines.push(Line::Check(place, row));
            place += 1;
        }
    }
    lines
}

/// What the check under the cursor saw, should have seen, rests on and asks for.
fn tell(app: &App, verdict: &Verdict, top: u16, bottom: u16, pen: &mut Pen<'_>) {
    let width = pen.width();
    pen.rule(0, top, width, &format!("{} {}", verdict.id, verdict.title));
    let age = verdict.at.map_or_else(
        || "no look behind it".to_owned(),
        |at| format!("{} ago", age_text(app.now().duration_since(at))),
    );
    let whole = if verdict.complete { "" } else { ", not whole" };
    let rests = if verdict.source.is_empty() { "nothing".to_owned() } else { verdict.source.clone() };
    let said = [
        ("seen", verdict.observed.clone()),
        ("wanted", verdict.expected.to_owned()),
        ("rests on", format!("{rests}; {age}{whole}")),
        ("do", advice(verdict).to_owned()),
    ];
    let mut y = top + 1;
    for (name, text) in said.iter().filter(|(_, text)| !text.is_empty()) {
        let left = usize::from(bottom.saturating_sub(y)).saturating_sub(1);
        let room = usize::from(width - 11);
        for (at, line) in
            wrap(text, room).iter().enumerate().take(if *name == "seen" { 2 } else { left.max(1) })
        {
            if y >= bottom {
                return;
            }
            pen.text(1, y, 9, if at == 0 { name } else { "" }, Role::Dim);
            pen.text(10, y, width - 11, line, Role::Text);
            y += 1;
        }
    }
}
