//! Every check of readiness, service by service, with what to do about the one under the cursor.

use crate::{
    app::{
        App,
        ready::{COLUMNS, Group, advice},
        screen::services,
        table::Row,
    },
    domain::time::age_text,
    readiness::{State, Verdict},
};

use super::{
    home::age_of,
    pen::{Pen, wrap},
    table::{Grid, in_force},
    theme::Role,
    third,
};

/// Lines of what is said of the check under the cursor, at least.
const ABOUT: u16 = 5;
/// Lines that stay above that: line 1, two heads, and enough of the list to go through it.
const KEPT: u16 = 6;

/// One line of the list.
enum Line<'a> {
    /// A service.
    Head(&'a str),
    /// A check, with its place among the checks.
    Check(usize, &'a Row),
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, foot) = (pen.width(), pen.height() - 1);
    let (oldest, aged) = third::oldest_check(app, |_| true);
    let (age, _) = age_of(oldest, aged, app.shown_at());
    let rests = if age.is_empty() { age } else { format!("oldest look {age}") };
    pen.rule_pair((0, width), 1, "readiness, worst first", &rests);
    let groups = app.checks();
    let checks: Vec<&(Row, &Verdict)> = groups.iter().flat_map(|group| &group.checks).collect();
    let counted = format!("{} of {}", checks.len(), app.readiness.len());
    let bottom = if in_force(app, &counted, foot - 1, pen) { foot - 1 } else { foot };
    if let Some(blank) = blank(app, checks.len()) {
        pen.text(1, 2, width - 2, &blank, Role::Dim);
        return;
    }
    let place = app.list.place(checks.len());
    let told = checks.get(place).map(|(_, verdict)| told(app, verdict, width)).unwrap_or_default();
    let most = bottom.saturating_sub(KEPT + 1).max(ABOUT);
    let about = bottom.saturating_sub((told.len() as u16).clamp(ABOUT, most) + 1);
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
        pen.rule(0, about, width, &format!("{} {}", verdict.id, verdict.title));
        let below = lines.iter().skip(first + room).filter(|line| matches!(line, Line::Check(..))).count();
        if below > 0 {
            pen.right(width - 1, about, &format!(" {below} more below "), Role::Dim);
        }
        let room = usize::from(bottom.saturating_sub(about + 1));
        for (at, (y, (name, line))) in (about + 1..bottom).zip(&told).enumerate() {
            pen.text(1, y, 9, name, Role::Dim);
            // What has no room below the last line is not left out unseen.
            let more = if at + 1 == room && room < told.len() { "~" } else { "" };
            pen.text(10, y, width - 11, &format!("{line}{more}"), Role::Text);
        }
    }
}

fn blank(app: &App, shown: usize) -> Option<String> {
    if services(app.scope, &app.estate).next().is_none() {
        return Some("not configured: the estate file names no service to check".to_owned());
    }
    match (app.readiness.len(), shown) {
        (0, _) => Some("not run yet: the checks wait for the first answers".to_owned()),
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

/// What the check under the cursor saw, should have seen, rests on and asks for, line by line.
fn told(app: &App, verdict: &Verdict, width: u16) -> Vec<(&'static str, String)> {
    let age = verdict.from.map_or_else(
        || if verdict.state == State::Unknown { "not all looked at" } else { "no look behind it" }.to_owned(),
        |at| {
            let old = if verdict.old { "!" } else { " ago" };
            format!("{}{old}", age_text(app.shown_at().duration_since(at)))
        },
    );
    let whole = if verdict.complete { "" } else { ", not whole" };
    let rests = if verdict.source.is_empty() { "nothing".to_owned() } else { verdict.source.clone() };
    let said = [
        ("seen", verdict.observed.clone()),
        ("wanted", verdict.expected.to_owned()),
        ("rests on", format!("{rests}; {age}{whole}")),
        ("do", advice(verdict).to_owned()),
    ];
    let lines = |(name, text): &(&'static str, String)| {
        let lines = wrap(text, usize::from(width - 11)).into_iter().enumerate();
        lines.map(|(at, line)| (if at == 0 { *name } else { "" }, line)).collect::<Vec<_>>()
    };
    said.iter().filter(|(_, text)| !text.is_empty()).flat_map(lines).collect()
}
