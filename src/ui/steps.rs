//! The steps of a run as rows: phases, steps, their killer items and their objects. What failed and
//! whose turn it is stand on the screen wherever the cursor is.

mod phase;

use std::ops::Range;

use crate::{
    app::App,
    domain::time::{Span, age_text, clock_text, time_text},
    engine::{
        RunView,
        event::{GateItem, GateVerdict},
        view::{ItemPhase, ItemView, RunState, StepState, StepView},
    },
    runbook::StepKind,
};

use super::{
    pen::{Pen, columns, fit, padded, wrap},
    theme::Role,
};

/// Objects of a step that are shown where there is no room for more.
const ITEMS: usize = 6;
/// Columns before what stands under a step.
const INDENT: usize = 6;

/// A row.
#[derive(Clone)]
struct Row {
    text: String,
    right: String,
    role: Role,
    /// Place of the step it belongs to.
    owner: Option<usize>,
    kind: Kind,
    /// How many objects or killer items it stands for.
    counts: usize,
}

/// What a row is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A step itself.
    Step,
    /// Something under a step.
    Under,
    /// Something under a step that failed.
    Fails,
    /// A phase, or a line between phases.
    Between,
}

/// How much is shown.
#[derive(Clone, Copy)]
struct Wants {
    /// All phases step by step.
    all: bool,
    /// Objects of a step.
    items: usize,
    width: usize,
}

/// Draws the steps between the columns 0 and `right` and the rows `top` and `bottom`.
pub(super) fn draw(app: &App, view: &RunView, pen: &mut Pen<'_>, right: u16, (top, bottom): (u16, u16)) {
    let room = usize::from(bottom.saturating_sub(top));
    let rows = fitting(app, view, usize::from(right), room);
    let cursor = app.step_place();
    let (shown, pinned) = window(&rows, cursor, view.current, room);
    for (line, row) in rows[shown.clone()].iter().chain(&pinned).enumerate() {
        let y = top + line as u16;
        let under = row.kind == Kind::Step && row.owner == cursor && line < shown.len();
        let end = pen.right(right - 1, y, &row.right, Role::Dim);
        let role = if under && row.role == Role::Text { Role::Cursor } else { row.role };
        // A step at work carries the same mark itself.
        let cursor = if under && !row.text.starts_with('>') { ">" } else { " " };
        pen.text(0, y, 1, cursor, Role::Running);
        pen.text(1, y, end.saturating_sub(2), &row.text, role);
    }
}

/// The rows: everything where that fits, else the phase in turn in full and the others in a line each.
fn fitting(app: &App, view: &RunView, width: usize, room: usize) -> Vec<Row> {
    let less = Wants { all: false, items: ITEMS, width };
    for wants in [Wants { all: true, ..less }, less] {
        let rows = rows(app, view, wants);
        if rows.len() <= room {
            // What is left goes to the objects of the step in turn.
            return self::rows(app, view, Wants { items: ITEMS + room - rows.len(), ..wants });
        }
    }
    rows(app, view, less)
}

/// Which rows are shown, and what is put below them because it would be out of sight.
fn window(
    rows: &[Row],
    cursor: Option<usize>,
    current: Option<usize>,
    room: usize,
) -> (Range<usize>, Vec<Row>) {
    let of = |step: Option<usize>| {
        let at = rows.iter().position(|row| row.kind == Kind::Step && row.owner == step && step.is_some());
        at.map(|at| {
            let under = rows[at + 1..].iter().take_while(|row| row.owner == step && row.kind != Kind::Step);
            at..at + 1 + under.count()
        })
    };
    let block = of(cursor).unwrap_or(0..1);
    let mut pins = 0;
    loop {
        let left = room.saturating_sub(pins);
        // The step under the cursor stands in the upper half, and what belongs to it is seen whole if
        // it can be.
        let first = block.start.saturating_sub(left / 2).max(block.end.saturating_sub(left)).min(block.start);
        let first = first.min(rows.len().saturating_sub(left));
        let shown = first..rows.len().min(first + left);
        let turn = of(current).map(|block| block.start).filter(|at| !shown.contains(at));
        let failed =
            rows.iter().enumerate().filter(|(at, row)| row.kind == Kind::Fails && !shown.contains(at));
        let hidden: Vec<&Row> =
            turn.map(|at| &rows[at]).into_iter().chain(failed.map(|(_, row)| row)).collect();
        let wanted = hidden.len().min(room / 3);
        if wanted <= pins {
            let mut pinned: Vec<Row> = hidden.iter().take(pins).copied().cloned().collect();
            if hidden.len() > pins
                && let Some(last) = pinned.last_mut()
            {
                *last = under(
                    format!("{:INDENT$}and {} more not green or not known", "", hidden.len() + 1 - pins),
                    Role::Bad,
                );
            }
            return more(rows, &block, shown, pinned);
        }
        pins = wanted;
    }
}

/// Counts what of the block is still out of sight below, in place of its last row.
fn more(
    rows: &[Row],
    block: &Range<usize>,
    mut shown: Range<usize>,
    mut pinned: Vec<Row>,
) -> (Range<usize>, Vec<Row>) {
    if block.end > shown.end && shown.len() > 2 {
        shown.end -= 1;
        let hidden = rows[shown.end..block.end].iter().filter(|row| row.kind != Kind::Fails);
        let hidden: usize = hidden.map(|row| row.counts).sum();
        pinned.insert(0, under(format!("{:INDENT$}and {hidden} more", ""), Role::Dim));
    }
    (shown, pinned)
}

/// Phases that are over or have not begun take one line; the present one shows its steps.
fn rows(app: &App, view: &RunView, wants: Wants) -> Vec<Row> {
    let mut rows = Vec::new();
    let place = app.step_place().unwrap_or_default();
    let current = view.current.unwrap_or(place);
    for phase in &view.phases {
        let steps = phase.first..phase.first + phase.count;
        if wants.all || steps.contains(&current) || steps.contains(&place) {
            for index in steps {
                step_rows(app, view, index, index == place || index == current, wants, &mut rows);
            }
        } else {
            rows.push(phase::row(view, phase));
            for index in steps {
                // Whoever comes back comes for what can be paid now.
                if is_payable(view, &view.steps[index]) {
                    step_rows(app, view, index, false, wants, &mut rows);
                }
                failures(app, view, index, wants, &mut rows);
            }
        }
        if phase.free_exit_ends {
            let words = if view.free_exit { "free exit ends here" } else { "free exit ended here" };
            let dashes = "-".repeat(8);
            rows.push(Row {
                text: fit(&format!("{dashes} {words} {dashes}"), wants.width.saturating_sub(4)),
                right: String::new(),
                role: Role::Dim,
                owner: None,
                kind: Kind::Between,
                counts: 1,
            });
        }
    }
    for (index, step) in view.steps.iter().enumerate().filter(|(_, step)| step.is_undo) {
        // What cannot be taken back is no news; under the cursor it says why. What only waits for a look, as
        // after a resume, stays.
        let stands =
            view.steps.iter().any(|done| done.undo.as_ref() == Some(&step.id) && done.no_undo.is_none());
        let idle = matches!(step.state, StepState::Pending | StepState::Blocked) && !stands;
        if !idle || index == place {
            step_rows(app, view, index, index == place, wants, &mut rows);
        }
    }
    rows
}

/// An undo is not undone: what it opened is gone through once more.
pub(super) const UNDO_OF_UNDO: &str = "by doing its steps again";

/// `a7` of `a7-revoke`.
pub(super) fn short_id(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

fn mark(state: StepState) -> (&'static str, Role) {
    match state {
        StepState::Pending => (".", Role::Pending),
        StepState::Ready | StepState::Confirmed | StepState::Running | StepState::Waiting => {
            (">", Role::Running)
        }
        StepState::Blocked | StepState::AwaitingPerson | StepState::Deferred => ("!", Role::Warn),
        StepState::Interrupted | StepState::TimedOut => ("?", Role::Unknown),
        StepState::Done | StepState::DoneByObservation => ("ok", Role::Text),
        StepState::Failed => ("x", Role::Bad),
        StepState::Skipped => ("-", Role::Unchecked),
    }
}

fn step_rows(app: &App, view: &RunView, index: usize, open: bool, wants: Wants, rows: &mut Vec<Row>) {
    let step = &view.steps[index];
    rows.push(step_row(view, index, wants.width));
    if !open || step.state.over() {
        failures(app, view, index, wants, rows);
        return;
    }
    let first = rows.len();
    if let Some((what, until)) = &step.countdown {
        let left = clock_text(until.duration_since(app.shown_at()));
        let text = format!("{:INDENT$}{what}: {left} left, until {}", "", time_text(*until));
        rows.push(under(text, Role::Running));
    }
    for blocked in &step.blocked_by {
        rows.push(under(format!("{:INDENT$}{blocked}", ""), Role::Warn));
    }
    if let Some(ask) = step.ask.as_ref().filter(|_| step.state == StepState::AwaitingPerson) {
        rows.push(under(format!("{:INDENT$}asks: {ask}", ""), Role::Warn));
    }
    let proofs = step.kind == StepKind::Gate || step.kind == StepKind::Observe;
    let mut shown: Vec<&GateItem> = step.proofs.iter().filter(|proof| proofs || !proof.is_green()).collect();
    if !wants.all {
        // Where not all may fit, what is not green comes first.
        shown.sort_by_key(|proof| is_green(step, proof));
    }
    for proof in shown {
        proof_rows(step, proof, wants, rows);
    }
    let mut items: Vec<&ItemView> = step.items.iter().collect();
    // What went wrong or is at work comes first, then what is done, then what is to come, and never all of 612.
    items.sort_by_key(|item| item_rank(item.state));
    let room = if step.state == StepState::Pending { 0 } else { wants.items };
    let shown = items.len().min(room);
    rows.extend(items[..shown].iter().map(|item| item_row(app, item, wants.width)));
    if items.len() > shown && room > 0 {
        let failed = items[shown..].iter().filter(|item| item_rank(item.state) == 0).count();
        let to_come = items[shown..].iter().filter(|item| item.state == ItemPhase::Pending).count();
        let (also, role) = match (failed, to_come) {
            (0, 0) => (String::new(), Role::Dim),
            (0, some) => (format!(", {some} of them to come"), Role::Dim),
            (some, _) => (format!(", {some} of them failed"), Role::Bad),
        };
        let text = format!("{:INDENT$}and {} more{also}", "", items.len() - shown);
        let kind = if failed > 0 { Kind::Fails } else { Kind::Under };
        rows.push(Row { kind, counts: items.len() - shown, ..under(text, role) });
    }
    for row in &mut rows[first..] {
        row.owner = Some(index);
    }
}

/// Whether what the step owes can be paid now.
pub(super) fn is_payable(view: &RunView, step: &StepView) -> bool {
    step.state == StepState::Deferred && view.debts_ready.contains(&step.id)
}

/// Whether what the step owes is settled by what is seen, without anybody.
pub(super) fn settles(view: &RunView, step: &StepView) -> bool {
    view.debt_settles.as_ref() == Some(&step.id)
}

/// Whether the run was ended while the step was at work: what it had done by then stays.
fn was_left(view: &RunView, step: &StepView) -> bool {
    matches!(view.state, RunState::Closed(_))
        && step.state == StepState::Pending
        && step.items.iter().any(|item| item.attempts > 0)
}

/// Whether what the step did is being taken back: it is done no longer, and not yet open again.
fn goes_back(view: &RunView, step: &StepView) -> bool {
    let undo = view.steps.iter().find(|undo| undo.is_undo && step.undo.as_ref() == Some(&undo.id));
    step.state.over() && undo.is_some_and(|undo| undo.begun() && !undo.state.over())
}

fn step_row(view: &RunView, index: usize, width: usize) -> Row {
    let step = &view.steps[index];
    let left = was_left(view, step);
    let back = goes_back(view, step);
    let (mark, role) = match step.state {
        _ if left || step.no_longer.is_some() => ("!", Role::Warn),
        _ if back => ("u", Role::Warn),
        // Taking a step back is there for whoever wants it; it is not what comes next.
        StepState::Ready | StepState::Blocked if step.is_undo => ("u", Role::Dim),
        state => mark(state),
    };
    let word = match step.state {
        _ if left => "left",
        _ if back => "being undone",
        _ if step.no_longer.is_some() => "no longer so",
        StepState::Done | StepState::Pending | StepState::Running => "",
        StepState::Deferred if is_payable(view, step) => "owed, ready",
        StepState::Deferred if settles(view, step) => "owed, settling",
        state => state.word(),
    };
    let count = match (step.kind, step.items.len()) {
        _ if back => format!("{} of {}", step.taken_back, step.taken_back + step.stands),
        (StepKind::Gate, 0) if !step.proofs.is_empty() && !step.state.over() => {
            format!("{}/{}", green(step), step.proofs.len())
        }
        // Opened again by the undo of an earlier step: what it did still stands.
        (_, 0) if step.state == StepState::Pending && step.stands > 0 => format!("{} stand", step.stands),
        (_, 0) => String::new(),
        // What is owed again although all of it was done once: which of it still stands nobody has counted.
        (_, all) if step.state == StepState::Deferred && step.done == all + step.unsent => String::new(),
        (_, all) => format!("{}/{}", step.done, all + step.unsent),
    };
    let running = match (step.since, step.state) {
        (None, _) | (_, StepState::Pending) => String::new(),
        _ => clock_text(step.running),
    };
    let slow = if step.slow { " SLOW" } else { "" };
    let text = format!("{mark:<2} {:<3} {}", short_id(&step.id), step.title);
    // How long it usually takes stands behind how long it has taken, where the title keeps its room.
    let usual = match (running.is_empty(), step.usual.is_zero()) {
        (_, true) => String::new(),
        (false, _) if at_work(step.state) => format!(" of {}", clock_text(step.usual)),
        (true, _) if width >= 70 => format!("  usual {:>5}", clock_text(step.usual)),
        _ => String::new(),
    };
    let said = |count: &str, usual: &str| {
        let right = [word, count, &format!("{running:>5}")].join(" ").trim().to_owned();
        format!("{right}{usual}{slow}").trim_start().to_owned()
    };
    // The title is read first: what is said elsewhere too makes room for it.
    let fits = |right: &String| columns(&text) + columns(right) + 4 <= width;
    let less = if step.kind == StepKind::Gate { "" } else { count.as_str() };
    let right = [said(&count, &usual), said(&count, "")].into_iter().find(fits);
    let right = right.unwrap_or_else(|| said(less, ""));
    Row { text, right, role, owner: Some(index), kind: Kind::Step, counts: 1 }
}

/// The first object of a step that failed, in words.
pub(super) fn first_failure(step: &StepView) -> Option<String> {
    let item = step.items.iter().find(|item| item_rank(item.state) == 0)?;
    Some(format!("{}: {}", item.key, item.detail))
}

/// What failed of a step whose rows are not shown.
fn failures(app: &App, view: &RunView, index: usize, wants: Wants, rows: &mut Vec<Row>) {
    let step = &view.steps[index];
    let failed = step.items.iter().filter(|item| !step.state.over() && item_rank(item.state) == 0);
    rows.extend(
        failed.take(wants.items).map(|item| Row { owner: Some(index), ..item_row(app, item, wants.width) }),
    );
}

/// A killer item with its value and age; a value that is not green and too long for its line goes on.
fn proof_rows(step: &StepView, proof: &GateItem, wants: Wants, rows: &mut Vec<Row>) {
    let green = is_green(step, proof);
    let old = step.old_proofs.contains(&proof.id);
    let (mark, role, kind) = match proof.verdict {
        // What was green when it was last looked at, too long ago, is not known now.
        GateVerdict::Green | GateVerdict::Passed if old => ("?", Role::Stale, Kind::Under),
        // It keeps nobody from going on, and is not so.
        GateVerdict::Green | GateVerdict::Passed if proof.is_excused() => ("!", Role::Warn, Kind::Under),
        GateVerdict::Green | GateVerdict::Passed => ("ok", Role::Text, Kind::Under),
        // A step at work is there to make it green.
        GateVerdict::Red if step.aims_at(proof) => match step.state {
            // Not yet made before it has begun.
            StepState::Pending | StepState::Blocked => (".", Role::Pending, Kind::Under),
            _ => ("..", Role::Running, Kind::Under),
        },
        GateVerdict::Red => ("x", Role::Bad, Kind::Fails),
        GateVerdict::Unknown => ("?", Role::Unknown, Kind::Fails),
    };
    let age = proof.age_s.map(|age| age_text(Span::from_secs(age as i64)));
    let marked = old || step.dated_proofs.contains(&proof.id);
    let right = age.map(|age| if marked { format!("{age}!") } else { age }).unwrap_or_default();
    let last = if old { "last " } else { "" };
    let text = format!("{:INDENT$}{mark:<2} {} {last}{}", "", proof.id, proof.value);
    let room = wants.width.saturating_sub(right.len() + 4);
    let whole = columns(&text) <= room;
    if whole || (green && !wants.all) {
        rows.push(Row { right, kind, ..under(text, role) });
        return;
    }
    rows.push(Row { right, kind, ..under(format!("{:INDENT$}{mark:<2} {}", "", proof.id), role) });
    let indent = INDENT + 3;
    for line in wrap(&format!("{last}{}", proof.value), wants.width.saturating_sub(indent + 4)) {
        rows.push(Row { counts: 0, ..under(format!("{:indent$}{line}", ""), role) });
    }
}

/// Killer items that are green; what was green too long ago is not.
pub(super) fn green(step: &StepView) -> usize {
    step.proofs.iter().filter(|proof| is_green(step, proof)).count()
}

fn is_green(step: &StepView, proof: &GateItem) -> bool {
    proof.is_green() && !step.old_proofs.contains(&proof.id)
}

pub(super) fn at_work(state: StepState) -> bool {
    matches!(state, StepState::Confirmed | StepState::Running | StepState::Waiting)
}

fn under(text: String, role: Role) -> Row {
    Row { text, right: String::new(), role, owner: None, kind: Kind::Under, counts: 1 }
}

fn item_rank(state: ItemPhase) -> u8 {
    match state {
        ItemPhase::Failed | ItemPhase::Ghost | ItemPhase::Asking => 0,
        ItemPhase::Settling | ItemPhase::Sending | ItemPhase::Checking => 1,
        ItemPhase::Following | ItemPhase::Verifying => 2,
        ItemPhase::Done | ItemPhase::DoneByObservation | ItemPhase::Accepted => 3,
        ItemPhase::Pending => 4,
    }
}

fn item_row(app: &App, item: &ItemView, width: usize) -> Row {
    let (word, role) = match item.state {
        ItemPhase::Pending => (".", Role::Pending),
        ItemPhase::Checking | ItemPhase::Sending | ItemPhase::Following | ItemPhase::Verifying => {
            ("run", Role::Running)
        }
        ItemPhase::Settling => ("?", Role::Unknown),
        ItemPhase::Asking => ("ask", Role::Warn),
        ItemPhase::Done | ItemPhase::DoneByObservation | ItemPhase::Accepted => ("ok", Role::Text),
        ItemPhase::Failed => ("x", Role::Bad),
        ItemPhase::Ghost => ("!", Role::Warn),
    };
    let again = if item.attempts > 1 { format!(" #{}", item.attempts) } else { String::new() };
    let right = match item.since {
        Some(since) if !item.state.over() => clock_text(app.shown_at().duration_since(since)),
        // What is over is as old as the look that showed it.
        Some(since) => age_text(app.shown_at().duration_since(since)),
        None => String::new(),
    };
    // A long key leaves half of the line to what is said of it.
    let key = columns(&item.key).clamp(15, (width / 2).saturating_sub(INDENT).max(15));
    let key = padded(&item.key, key);
    let text = format!("{:INDENT$}{word:<5} {key} {}{again}", "", item.detail);
    let kind = if item_rank(item.state) == 0 { Kind::Fails } else { Kind::Under };
    Row { right, kind, ..under(text, role) }
}
