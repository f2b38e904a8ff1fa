//! Home: both regions side by side, one row per component (layout A).

use crate::{
    app::{
        App,
        feed::{self, Origin},
    },
    domain::{
        Side,
        time::{Timestamp, age_text, span_text, time_text},
    },
    readiness::State,
    runbook::Mode,
    status::{Cell, CellState, Component},
};

use super::{
    pen::{Line, Pen, fit},
    theme::Role,
};

/// Where the columns stand, by the window's width.
struct Columns {
    /// First vertical line.
    one: u16,
    /// Second vertical line.
    two: u16,
    /// Width of the mark with its gap.
    mark: u16,
    /// Whether cells show their short text.
    short: bool,
}

impl Columns {
    fn of(width: u16) -> Self {
        if width < 80 {
            let two = 13 + (width - 13) / 2 - 1;
            Self { one: 12, two: two + 1, mark: 3, short: true }
        } else {
            let cell = (width - 15) / 2;
            Self { one: 13, two: 13 + 1 + cell, mark: 5, short: cell < 30 }
        }
    }

    /// Left and right end of a side's column, without the lines.
    fn of_side(&self, side: Side, width: u16) -> (u16, u16) {
        match side {
            Side::Primary => (self.one + 1, self.two),
            Side::Secondary => (self.two + 1, width),
        }
    }
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let columns = Columns::of(pen.width());
    heads(app, pen, &columns);
    let rows = app.summary.rows.len() as u16;
    // Chrome, the three lines below the matrix with their rule, one runbook, its head, the feed's
    // head and two of its lines always have room; the matrix scrolls when it has more.
    let shown = rows.min(pen.height().saturating_sub(11));
    matrix(app, pen, &columns, shown);
    let mut y = 2 + shown;
    let width = pen.width();
    pen.line(0, y, width);
    y = verdicts(app, pen, y + 1);
    y = strip(app, pen, y);
    events(app, pen, y);
}

fn heads(app: &App, pen: &mut Pen<'_>, columns: &Columns) {
    let width = pen.width();
    pen.line(0, 1, width);
    pen.put(columns.one, 1, Line::Down);
    pen.put(columns.two, 1, Line::Down);
    for side in Side::BOTH {
        let head = &app.summary.regions[side];
        let (left, right) = columns.of_side(side, width);
        let role = if head.dead { Role::Bad } else { Role::Title };
        if columns.short {
            pen.text(left, 1, right - left, &format!(" {} {} ", head.code, head.role), role);
            continue;
        }
        let standing = format!(" {} ", head.role);
        let end = if side == Side::Primary { right.saturating_sub(1) } else { right };
        let from = pen.right(
            end,
            1,
            standing.trim_end_matches(if side == Side::Secondary { ' ' } else { '\0' }),
            role,
        );
        let name = format!(" {} {} ", head.code, head.display);
        pen.text(left + 1, 1, from.saturating_sub(left + 1), &name, role);
    }
}

fn matrix(app: &App, pen: &mut Pen<'_>, columns: &Columns, shown: u16) {
    let width = pen.width();
    let place = app.home.place(app.summary.rows.len());
    let first = place.saturating_sub(usize::from(shown).saturating_sub(1));
    for (line, row) in app.summary.rows.iter().enumerate().skip(first).take(usize::from(shown)) {
        let y = 2 + (line - first) as u16;
        let under = line == place;
        let role = if under { Role::Cursor } else { Role::Text };
        pen.text(0, y, 1, if under { ">" } else { " " }, Role::Running);
        pen.text(1, y, columns.one - 1, row.component.label(), role);
        pen.put(columns.one, y, Line::Vertical);
        pen.put(columns.two, y, Line::Vertical);
        for side in Side::BOTH {
            let (left, right) = columns.of_side(side, width);
            let end =
                if side == Side::Primary || columns.short { right.saturating_sub(1) } else { right - 1 };
            cell(pen, &row.cells[side], (left + 1, y, end), columns, app.now());
        }
    }
}

/// Mark, words and age, between two columns.
fn cell(pen: &mut Pen<'_>, cell: &Cell, (left, y, end): (u16, u16, u16), columns: &Columns, now: Timestamp) {
    let role = Role::of_state(cell.state);
    pen.text(left, y, 2, cell.state.mark(), role);
    let (age, age_role) = age_of(cell.at, cell.stale, now);
    let from = pen.right(end, y, &age, age_role);
    let text = if columns.short { &cell.short_text } else { &cell.text };
    let role = match cell.state {
        CellState::Ok => Role::Text,
        _ => role,
    };
    let room = from.saturating_sub(left + columns.mark + 1);
    // The stale mark follows its number; without one the column of the numbers stays straight.
    let room = if age.is_empty() { end.saturating_sub(left + columns.mark) } else { room };
    pen.text(left + columns.mark, y, room, text, role);
}

/// An age as its column shows it: `4s`, or `12m!` when it is too old.
fn age_of(at: Option<Timestamp>, stale: bool, now: Timestamp) -> (String, Role) {
    match at {
        None => (String::new(), Role::Dim),
        Some(at) => {
            let age = age_text(now.duration_since(at));
            if stale { (format!("{age}!"), Role::Stale) } else { (age, Role::Dim) }
        }
    }
}

/// The invariant, the worst problem, and the third line: debts, signs of death, or readiness.
fn verdicts(app: &App, pen: &mut Pen<'_>, mut y: u16) -> u16 {
    let now = app.now();
    let invariant = &app.summary.invariant;
    if invariant.state != CellState::NotConfigured {
        let age = age_of(invariant.at, invariant.stale, now);
        verdict(pen, y, "in both", invariant.state, &invariant.text, &age);
        y += 1;
    }
    let (state, text, at) = worst(app);
    verdict(pen, y, "worst", state, &text, &age_of(at, false, now));
    y += 1;
    if let Some((state, text)) = vantage(app) {
        verdict(pen, y, "vantage", state, &text, &age_of(oldest_sign(app), false, now));
    } else {
        let (state, text, at) = readiness(app);
        verdict(pen, y, "readiness", state, &text, &age_of(at, false, now));
    }
    y + 1
}

fn verdict(pen: &mut Pen<'_>, y: u16, name: &str, state: CellState, text: &str, age: &(String, Role)) {
    let (width, narrow) = (pen.width(), pen.width() < 80);
    let (mark, words) = if narrow { (10, 13) } else { (12, 17) };
    pen.text(1, y, mark - 1, name, Role::Dim);
    let role = Role::of_state(state);
    pen.text(mark, y, 2, state.mark(), role);
    let end = pen.right(width - 1, y, &age.0, age.1);
    let role = if state == CellState::Ok { Role::Text } else { role };
    pen.text(words, y, end.saturating_sub(words + 1), text, role);
}

/// The single most important sentence.
fn worst(app: &App) -> (CellState, String, Option<Timestamp>) {
    if let Some(view) = app.run_view().filter(|view| view.primary_is_back) {
        let code = &view.codes[view.from];
        return (CellState::Crit, format!("{code} IS BACK · {} debts", view.debts.len()), None);
    }
    match app.summary.worst() {
        Some(problem) => (problem.state, problem.text.clone(), problem.at),
        None => (CellState::Ok, "nothing is wrong".to_owned(), None),
    }
}

/// Whether a region is dead, or only not to be seen from here.
fn vantage(app: &App) -> Option<(CellState, String)> {
    let side = Side::BOTH.into_iter().find(|side| !app.summary.regions[*side].signs.is_empty())?;
    let head = &app.summary.regions[side];
    let mut classes: Vec<String> = head.signs.iter().map(|sign| sign.class.to_string()).collect();
    classes.dedup();
    let (word, classes) = (if classes.len() == 1 { "sign" } else { "signs" }, classes.join(", "));
    Some(if head.dead && head.serves {
        (CellState::Crit, format!("{} dead ({word} {classes})  ->  ungraceful failover", head.code))
    } else if head.dead {
        (CellState::Crit, format!("{} dead ({word} {classes}); it serves nobody", head.code))
    } else {
        (CellState::Warn, format!("{}: {word} {classes}; two of different kinds make it dead", head.code))
    })
}

/// The oldest answer the signs can rest on: heartbeats, storage and posted events.
fn oldest_sign(app: &App) -> Option<Timestamp> {
    let rows =
        app.summary.rows.iter().filter(|row| {
            matches!(row.component, Component::Hosts | Component::Profiles | Component::Health)
        });
    rows.flat_map(|row| row.cells.iter().filter_map(|(_, cell)| cell.at)).min()
}

/// How the checks of the services in scope came out.
fn readiness(app: &App) -> (CellState, String, Option<Timestamp>) {
    let count = |states: &[State]| app.readiness.iter().filter(|found| states.contains(&found.state)).count();
    let (ok, warn, crit) = (count(&[State::Ok]), count(&[State::Warn]), count(&[State::Crit]));
    let unknown = count(&[State::Unknown]);
    let state = match (crit, unknown, warn) {
        (0, 0, 0) => CellState::Ok,
        (0, 0, _) => CellState::Warn,
        (0, ..) => CellState::Unknown,
        _ => CellState::Crit,
    };
    let unknown = if unknown > 0 { format!(", {unknown} not known") } else { String::new() };
    let oldest = app.readiness.iter().filter_map(|found| found.at).min();
    (state, format!("{ok} ok, {warn} warnings, {crit} blocking{unknown}"), oldest)
}

/// The runbook strip: the open run, or what could be started.
fn strip(app: &App, pen: &mut Pen<'_>, y: u16) -> u16 {
    let width = pen.width();
    let narrow = width < 80;
    if !narrow {
        pen.rule(0, y, width, "runbooks");
    }
    let mut y = if narrow { y } else { y + 1 };
    if let Some(view) = app.run_view() {
        let over = view.steps.iter().filter(|step| !step.is_undo && step.state.over()).count();
        let of = view.steps.iter().filter(|step| !step.is_undo).count();
        let state = crate::app::sentence::state_word(&view.state);
        let text = format!("{} {}   {state}   {over} of {of} steps   m shows it", view.runbook, view.service);
        pen.text(1, y, width - 2, &text, Role::Running);
        return y + 1;
    }
    // A short window shows the first; `r` offers them all.
    let room = if pen.height() < 24 { 1 } else { 3 };
    let blocked = app.readiness.iter().any(|found| found.state == State::Crit);
    let dead = Side::BOTH.iter().any(|side| app.summary.regions[*side].dead);
    let (mode, state) = match (dead, blocked) {
        (true, _) => (Mode::Ungraceful, "ready ungraceful"),
        (false, true) => (Mode::Graceful, "blocked"),
        (false, false) => (Mode::Graceful, "ready"),
    };
    for entry in app.runbooks.iter().take(room) {
        let mark = if entry.local { " (local)" } else { "" };
        let text = format!(
            "{}{mark}   {}   {state}   usual {}   last drill {}",
            entry.id,
            entry.services.join(", "),
            span_text(entry.usual(mode)),
            app.last_drill(&entry.id)
        );
        let text = if narrow {
            format!("next     {}, usual {}", entry.id, span_text(entry.usual(mode)))
        } else {
            text
        };
        pen.text(1, y, width - 2, &text, Role::Text);
        y += 1;
    }
    y
}

fn events(app: &App, pen: &mut Pen<'_>, y: u16) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    if y + 1 >= bottom {
        return;
    }
    pen.rule(0, y, width, "events");
    // One blank line above the footer, where there is room for it.
    let room = usize::from(bottom - y - 1);
    let room = if room > 4 { room - 1 } else { room };
    for (line, event) in app.feed.newest().take(room).enumerate() {
        let y = y + 1 + line as u16;
        pen.text(1, y, 9, &time_text(event.at), Role::Dim);
        let x = if width < 80 { 11 } else { 12 };
        let words = match &event.origin {
            Origin::Journal(seq) => format!("{seq:>4}  {}", event.text),
            origin if width < 80 => format!("{:<2} {}", feed::code(origin), event.text),
            origin => format!("{:<2}  {}", feed::code(origin), event.text),
        };
        let room = width.saturating_sub(x + 1);
        pen.text(x, y, room, &fit(&words, usize::from(room)), Role::Text);
    }
}
