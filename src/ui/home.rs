//! Home: both regions side by side, one row per component (layout A).

use crate::{
    app::{
        App,
        feed::{self, Origin},
    },
    domain::{
        Side,
        time::{Timestamp, age_text, time_text},
    },
    readiness::State,
    status::{Aged, Cell, CellState},
};

use super::{
    head,
    pen::{Line, Pen, columns, fit, wrap, wrap_in},
    strip,
    theme::Role,
    third,
    worst::{self, Also},
};

/// Below this width labels and cells stand closer, and cells are short.
pub(super) const NARROW: u16 = 80;
/// Below this height the runbook takes one line without a head.
const SHORT: u16 = 22;
/// From this height on the problems behind the worst one have room.
const TALL: u16 = 28;
/// From this width on events stand beside the runbooks.
const BESIDE: u16 = 160;

/// Where the columns stand, by the window's width.
struct Columns {
    /// First vertical line, where there is one.
    one: Option<u16>,
    /// Second vertical line; a row whose sides differ has its mark there.
    two: u16,
    /// Width of the mark with its gap.
    mark: u16,
    /// What a cell says.
    words: Words,
}

/// What a cell says.
#[derive(Clone, Copy, PartialEq)]
enum Words {
    /// Its short text.
    Short,
    /// Its text.
    Usual,
    /// Its text and why it is not good.
    Reasons,
}

impl Columns {
    fn of(width: u16) -> Self {
        if width < NARROW {
            return Self { one: None, two: 13 + (width - 13) / 2, mark: 3, words: Words::Short };
        }
        let words = if width < head::WIDE { Words::Usual } else { Words::Reasons };
        Self { one: Some(13), two: 14 + (width - 15) / 2, mark: 5, words }
    }

    /// Left and right end of a side's column, without the lines.
    fn of_side(&self, side: Side, width: u16) -> (u16, u16) {
        match side {
            Side::Primary => (self.one.map_or(13, |one| one + 1), self.two),
            Side::Secondary => (self.two + 1, width),
        }
    }
}

/// A part of the window between two columns.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) left: u16,
    pub(super) right: u16,
}

impl Part {
    pub(super) fn width(self) -> u16 {
        self.right.saturating_sub(self.left)
    }
}

pub(super) fn is_short(pen: &Pen<'_>) -> bool {
    pen.width() < NARROW || pen.height() < SHORT
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let columns = Columns::of(pen.width());
    heads(app, pen, &columns);
    let rows = app.summary.rows.len() as u16;
    // Chrome, the three lines below the matrix with their rule, one runbook, the feed's head and one
    // of its lines always have room; the matrix scrolls when it has more.
    let others = if is_short(pen) { 10 } else { 12 };
    let shown = rows.min(pen.height().saturating_sub(others));
    matrix(app, pen, &columns, shown);
    let y = 2 + shown;
    pen.line(0, y, pen.width());
    // A value that was not looked at anew says why, and when that is tried again.
    let failing = app.failing().join(" · ");
    if !failing.is_empty() {
        let room = pen.width().saturating_sub(6);
        pen.text(2, y, room + 2, &format!(" {} ", fit(&failing, usize::from(room))), Role::Stale);
    }
    let y = verdicts(app, pen, y + 1);
    below(app, pen, y);
}

/// Runbooks, problems and events: one below the other, or the events beside the rest.
fn below(app: &App, pen: &mut Pen<'_>, y: u16) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    let whole = Part { left: 0, right: width };
    if width >= BESIDE && !is_short(pen) {
        let half = width / 2;
        let left = Part { left: 0, right: half };
        let after = strip::draw(app, pen, y, left);
        problems(app, pen, after, left, bottom);
        events(app, pen, y, Part { left: half + 1, right: width });
        pen.column(half, y + 1, bottom);
        pen.put(half, y, Line::Down);
        return;
    }
    let mut y = strip::draw(app, pen, y, whole);
    if pen.height() >= TALL {
        // Half of what is left, and never so much that the newest events are pushed out.
        y = problems(app, pen, y, whole, y + bottom.saturating_sub(y) / 2);
    }
    events(app, pen, y, whole);
}

fn heads(app: &App, pen: &mut Pen<'_>, columns: &Columns) {
    let width = pen.width();
    pen.line(0, 1, width);
    for line in columns.one.into_iter().chain([columns.two]) {
        pen.put(line, 1, Line::Down);
    }
    head::scope(app, pen);
    for side in Side::BOTH {
        let region = &app.summary.regions[side];
        let (left, right) = columns.of_side(side, width);
        let (role, dead) = head::plight(app, side);
        if columns.words == Words::Short {
            let left = if columns.one.is_some() || side == Side::Secondary { left + 1 } else { left };
            pen.text(left, 1, right - left, &format!(" {} {}{dead} ", region.code, region.role), role);
            continue;
        }
        let mut standing = format!(" {}{dead}", region.role);
        let mut end = right;
        if side == Side::Primary {
            standing.push(' ');
            end -= 1;
        }
        // A long list of roles leaves room for the name of the region.
        let standing = fit(&standing, usize::from(right - left).saturating_sub(10));
        let from = pen.right(end, 1, &standing, role);
        let name = format!(" {} {} ", region.code, region.display);
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
        pen.text(1, y, 11, row.component.label(), role);
        if let Some(one) = columns.one {
            pen.put(one, y, Line::Vertical);
        }
        if row.differs() {
            pen.text(columns.two, y, 1, DIFFERS, Role::Title);
        } else {
            pen.put(columns.two, y, Line::Vertical);
        }
        for side in Side::BOTH {
            let (left, right) = columns.of_side(side, width);
            let left = if columns.one.is_some() || side == Side::Secondary { left + 1 } else { left };
            cell(pen, &row.cells[side], (left, y, right.saturating_sub(1)), columns, app.shown_at());
        }
    }
}

/// Between two cells that differ in a way that matters.
const DIFFERS: &str = "≠";

/// Mark, words and age, between two columns.
fn cell(pen: &mut Pen<'_>, cell: &Cell, (left, y, end): (u16, u16, u16), columns: &Columns, now: Timestamp) {
    let role = Role::of_state(cell.state);
    pen.text(left, y, 2, cell.state.mark(), role);
    let (age, age_role) = age_of(cell.from, cell.aged(), now);
    let from = pen.right(end, y, &age, age_role);
    let role = match cell.state {
        CellState::Ok => Role::Text,
        _ => role,
    };
    let room = from.saturating_sub(left + columns.mark + 1);
    // The stale mark follows its number; without one the column of the numbers stays straight.
    let room = if age.is_empty() { end.saturating_sub(left + columns.mark) } else { room };
    pen.text(left + columns.mark, y, room, &words_of(cell, columns.words, usize::from(room)), role);
}

/// What a cell says in `room` columns: less, rather than a sentence cut short.
fn words_of(cell: &Cell, words: Words, room: usize) -> String {
    let reason = cell.reason.as_ref().filter(|reason| !cell.text.contains(reason.as_str()));
    match (words, reason) {
        (Words::Reasons, Some(reason)) => format!("{}: {reason}", cell.text),
        (Words::Short, _) => cell.short_text.clone(),
        _ if columns(&cell.text) > room => cell.short_text.clone(),
        _ => cell.text.clone(),
    }
}

/// An age as its column shows it: `4s`, `12m!` when it is too old, and `20s?` when the look after it
/// brought no answer.
pub(super) fn age_of(at: Option<Timestamp>, aged: impl Into<Aged>, now: Timestamp) -> (String, Role) {
    let Some(at) = at else { return (String::new(), Role::Dim) };
    let aged = aged.into();
    let age = format!("{}{}", age_text(now.duration_since(at)), aged.mark());
    (age, if aged == Aged::Fresh { Role::Dim } else { Role::Stale })
}

/// The invariant, the worst problem, and the third line: debts, signs of death, or readiness.
fn verdicts(app: &App, pen: &mut Pen<'_>, mut y: u16) -> u16 {
    let now = app.shown_at();
    let invariant = &app.summary.invariant;
    if invariant.state != CellState::NotConfigured {
        let age = age_of(invariant.from, invariant.aged(), now);
        let last = if invariant.stale { "last " } else { "" };
        verdict(pen, y, "in both", invariant.state, &format!("{last}{}", invariant.text), &age);
        y += 1;
    }
    let worst = worst::of(app);
    let age = age_of(worst.at, worst.aged, now);
    let left = if pen.width() < NARROW { 14 } else { 18 };
    let room = usize::from(pen.width() - left).saturating_sub(2 + columns(&age.0));
    // What is worst is said whole: in a small window the events give way, if it is bad.
    let most = if is_short(pen) && worst.state == CellState::Ok { 1 } else { 2 };
    let lines = wrap_in(&worst.text, room, most);
    verdict(pen, y, "worst", worst.state, &lines[0], &age);
    y += 1;
    for line in &lines[1..] {
        pen.text(left, y, pen.width() - left - 1, line, Role::of_state(worst.state));
        y += 1;
    }
    let third = third::of(app, pen.width() < NARROW);
    verdict(pen, y, third.name, third.state, &third.text, &age_of(third.at, third.stale, now));
    y + 1
}

fn verdict(pen: &mut Pen<'_>, y: u16, name: &str, state: CellState, text: &str, age: &(String, Role)) {
    let (width, narrow) = (pen.width(), pen.width() < NARROW);
    let (mark, words) = if narrow { (11, 14) } else { (13, 18) };
    pen.text(1, y, mark - 1, name, Role::Dim);
    let role = Role::of_state(state);
    pen.text(mark, y, 2, state.mark(), role);
    let end = pen.right(width - 1, y, &age.0, age.1);
    let role = if state == CellState::Ok { Role::Text } else { role };
    let text = if narrow { text.trim_end_matches(" hold both regions") } else { text };
    let room =
        if age.0.is_empty() { (width - 1).saturating_sub(words) } else { end.saturating_sub(words + 1) };
    pen.text(words, y, room, text, role);
}

/// What is wrong besides the worst, and what the checks found, worst first, each once.
fn also(app: &App) -> Vec<Also> {
    let mut all: Vec<Also> = Vec::new();
    all.extend(app.summary.problems.iter().skip(1).map(Also::of));
    for found in &app.readiness {
        let state = match found.state {
            State::Crit => CellState::Crit,
            State::Warn => CellState::Warn,
            _ => continue,
        };
        let text = format!("{} {}: {}", found.id, found.title, found.observed);
        // What holds for the region is found once for each service.
        if all.iter().all(|known| known.text != text) {
            all.push(Also { state, text, at: found.from, aged: found.old.into() });
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.state));
    all
}

/// What is wrong besides the worst, in the rows before `bottom`.
fn problems(app: &App, pen: &mut Pen<'_>, y: u16, part: Part, bottom: u16) -> u16 {
    let all = also(app);
    let room = usize::from(bottom.saturating_sub(y + 1));
    if all.is_empty() || room < 2 {
        return y;
    }
    pen.rule(part.left, y, part.width(), "also, worst first");
    let columns = usize::from(part.width().saturating_sub(11));
    let broken: Vec<Vec<String>> = all.iter().map(|one| wrap(&one.text, columns)).collect();
    // Sentences are broken into lines where all of them have room, else each is cut to one.
    let whole = broken.iter().map(Vec::len).sum::<usize>() <= room;
    let shown = if whole || all.len() <= room { all.len() } else { room - 1 };
    let mut y = y + 1;
    for (one, lines) in all.iter().zip(&broken).take(shown) {
        pen.text(part.left + 1, y, 2, one.state.mark(), Role::of_state(one.state));
        let (age, role) = age_of(one.at, one.aged, app.shown_at());
        let end = pen.right(part.right - 1, y, &age, role);
        let role = if one.state == CellState::Crit { Role::Bad } else { Role::Text };
        if whole {
            for line in lines {
                pen.text(part.left + 4, y, part.width() - 5, line, role);
                y += 1;
            }
        } else {
            pen.text(part.left + 4, y, end.saturating_sub(part.left + 5), &one.text, role);
            y += 1;
        }
    }
    if shown < all.len() {
        pen.text(part.left + 4, y, part.width() - 5, &format!("and {} more", all.len() - shown), Role::Dim);
        y += 1;
    }
    y
}

fn events(app: &App, pen: &mut Pen<'_>, y: u16, part: Part) {
    let bottom = pen.height() - 1;
    if y >= bottom {
        return;
    }
    // The one line there is left tells the newest event, without a head.
    if y + 1 == bottom {
        event_lines(app, pen, y, 1, part);
        return;
    }
    pen.rule(part.left, y, part.width(), "events");
    // One blank line above the footer, where there is room for it.
    let room = usize::from(bottom - y - 1);
    event_lines(app, pen, y + 1, if room > 4 { room - 1 } else { room }, part);
}

fn event_lines(app: &App, pen: &mut Pen<'_>, top: u16, most: usize, part: Part) {
    for (line, event) in app.feed.newest().take(most).enumerate() {
        let y = top + line as u16;
        pen.text(part.left + 1, y, 9, &time_text(event.at), Role::Dim);
        let (gap, narrow) = if part.width() < NARROW { (1, true) } else { (2, false) };
        let x = part.left + 10 + gap;
        let words = match &event.origin {
            Origin::Journal(seq) => format!("{seq:>4}  {}", event.text),
            origin if narrow => format!("{:<2} {}", feed::code(origin), event.text),
            origin => format!("{:<2}  {}", feed::code(origin), event.text),
        };
        let room = part.right.saturating_sub(x + 1);
        pen.text(x, y, room, &fit(&words, usize::from(room)), Role::Text);
    }
}
