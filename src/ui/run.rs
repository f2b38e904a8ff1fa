//! The run: steps with their items at the left, both regions at the right, and what the step
//! under the cursor does below (layout C).

use crate::{
    app::{App, feed::Origin, sentence},
    domain::time::{clock_text, minute_text, span_text, time_text},
    engine::{
        RunView,
        event::GateVerdict,
        view::{ItemPhase, ItemView, PhaseView, RunState, StepState, StepView},
    },
    runbook::StepKind,
};

use super::{
    panel,
    pen::{Pen, fit},
    theme::Role,
};

/// Width of the steps at 80 columns; wider windows share the rest.
const STEPS_WIDTH: u16 = 51;
/// Rows of the part below the steps, its two rules included.
const DETAIL_ROWS: u16 = 6;
/// Journal lines at the bottom of a 24-row window.
const JOURNAL_ROWS: u16 = 2;

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let Some(view) = app.run_view() else {
        pen.text(1, 2, pen.width(), "no run is open; r starts one", Role::Dim);
        return;
    };
    let (width, height) = (pen.width(), pen.height());
    let split = if width < 80 { width } else { STEPS_WIDTH + (width - 80) / 2 };
    let journal = JOURNAL_ROWS + height.saturating_sub(24) / 3;
    let journal = if height < 24 { 1 } else { journal };
    let detail = height - 1 - journal - DETAIL_ROWS;
    head(view, pen, split);
    steps(app, view, pen, split, detail);
    if split < width {
        panel::draw(app, view, pen, split, 1, detail);
    }
    below(app, view, pen, detail);
    lines(app, pen, detail + DETAIL_ROWS, height - 1);
}

fn head(view: &RunView, pen: &mut Pen<'_>, split: u16) {
    let local = if view.local { " (local)" } else { "" };
    let words = format!("{}{local} {}, {}", view.runbook, view.service, view.mode.word());
    pen.rule(0, 1, split, &words);
    let phase = view.current.and_then(|current| {
        view.phases.iter().find(|phase| (phase.first..phase.first + phase.count).contains(&current))
    });
    let right = match (&view.state, phase) {
        _ if view.interrupted => "interrupted: enter".to_owned(),
        (RunState::Running | RunState::AwaitingPerson, Some(phase)) => {
            format!("{} {} of {}", phase.id, (phase.over + 1).min(phase.count), phase.count)
        }
        (state, _) => sentence::state_word(state).to_owned(),
    };
    pen.rule_right(split, 1, &right);
}

/// A line of the left part.
struct Row {
    text: String,
    right: String,
    role: Role,
    /// Place of the step it belongs to.
    step: Option<usize>,
}

fn steps(app: &App, view: &RunView, pen: &mut Pen<'_>, split: u16, bottom: u16) {
    let rows = rows(app, view, usize::from(split));
    let room = usize::from(bottom - 2);
    let cursor = app.step_place();
    let at = rows.iter().position(|row| row.step == cursor && row.step.is_some()).unwrap_or_default();
    // The step under the cursor stands in the upper half, so that its items and what follows show.
    let first = at.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    for (line, row) in rows.iter().skip(first).take(room).enumerate() {
        let y = 2 + line as u16;
        let under = row.step.is_some() && row.step == cursor;
        let end = pen.right(split - 1, y, &row.right, Role::Dim);
        let role = if under && row.role == Role::Text { Role::Cursor } else { row.role };
        // A step at work carries the same mark itself.
        let cursor = if under && !row.text.starts_with('>') { ">" } else { " " };
        pen.text(0, y, 1, cursor, Role::Running);
        pen.text(1, y, end.saturating_sub(2), &row.text, role);
    }
}

/// Phases that are over or have not begun take one line; the present one shows its steps.
fn rows(app: &App, view: &RunView, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let place = app.step_place().unwrap_or_default();
    let current = view.current.unwrap_or(place);
    for phase in &view.phases {
        let steps = phase.first..phase.first + phase.count;
        let open = steps.contains(&current) || steps.contains(&place);
        if open {
            for index in steps {
                step_rows(app, view, index, index == place || index == current, &mut rows);
            }
        } else {
            rows.push(phase_row(view, phase));
        }
        if phase.free_exit_ends && phase.over > 0 {
            let words = if view.free_exit { "free exit ends here" } else { "free exit ended here" };
            let dashes = "-".repeat(8);
            rows.push(Row {
                text: fit(&format!("{dashes} {words} {}", "-".repeat(12)), width.saturating_sub(4)),
                right: String::new(),
                role: Role::Dim,
                step: None,
            });
        }
    }
    for (index, step) in view.steps.iter().enumerate().filter(|(_, step)| step.is_undo) {
        // What cannot be taken back now is no news; under the cursor it says why.
        let idle = matches!(step.state, StepState::Pending | StepState::Blocked);
        if !idle || index == place {
            step_rows(app, view, index, index == place, &mut rows);
        }
    }
    rows
}

fn phase_row(view: &RunView, phase: &PhaseView) -> Row {
    let over = phase.over == phase.count && phase.count > 0;
    let id = |index: usize| view.steps.get(index).map_or("", |step| short_id(&step.id));
    let (first, last) = (id(phase.first), id((phase.first + phase.count).saturating_sub(1)));
    let gate = match &phase.gate {
        Some((_, Some(GateVerdict::Passed))) => "  gate passed",
        Some((_, Some(GateVerdict::Red))) => "  gate red",
        _ => "",
    };
    let steps = view.steps.iter().skip(phase.first).take(phase.count);
    let owed = match steps.filter(|step| step.state == StepState::Deferred).count() {
        0 => String::new(),
        owed => format!("  {owed} owed"),
    };
    let (mark, role) = match (over, owed.is_empty()) {
        (true, true) => ("ok", Role::Text),
        (true, false) => ("! ", Role::Warn),
        (false, _) => (". ", Role::Pending),
    };
    Row {
        text: format!("{mark} {:<10} {first}-{last}{gate}{owed}", phase.id),
        right: if over { clock_text(phase.elapsed) } else { String::new() },
        role,
        step: None,
    }
}

/// `a7` of `a7-revoke`.
fn short_id(id: &str) -> &str {
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

fn step_rows(app: &App, view: &RunView, index: usize, open: bool, rows: &mut Vec<Row>) {
    let step = &view.steps[index];
    let (mark, role) = match step.state {
        // Taking a step back is there for whoever wants it; it is not what comes next.
        StepState::Ready if step.is_undo => ("u", Role::Dim),
        state => mark(state),
    };
    let word = match step.state {
        StepState::Done | StepState::Pending | StepState::Running => "",
        state => state.word(),
    };
    let count =
        if step.items.is_empty() { String::new() } else { format!("{}/{}", step.done, step.items.len()) };
    let running = match (step.since, step.state) {
        (None, _) | (_, StepState::Pending) => String::new(),
        _ => clock_text(step.running),
    };
    let slow = if step.slow { " SLOW" } else { "" };
    rows.push(Row {
        text: format!("{mark:<2} {:<3} {}", short_id(&step.id), step.title),
        right: [word, &count, &format!("{running:>5}")].join(" ").trim_start().to_owned() + slow,
        role,
        step: Some(index),
    });
    if !open || step.state.over() {
        return;
    }
    if let Some((what, until)) = &step.countdown {
        rows.push(under(format!("      {what} until {}", time_text(*until)), String::new(), Role::Running));
    }
    for blocked in &step.blocked_by {
        rows.push(under(format!("      {blocked}"), String::new(), Role::Warn));
    }
    let proofs = step.kind == StepKind::Gate || step.kind == StepKind::Observe;
    for proof in step.proofs.iter().filter(|proof| proofs || proof.verdict != GateVerdict::Green) {
        let (mark, role) = match proof.verdict {
            GateVerdict::Green | GateVerdict::Passed => ("ok", Role::Text),
            // A step at work is there to make it green.
            GateVerdict::Red if step.kind != StepKind::Gate && at_work(step.state) => ("..", Role::Running),
            GateVerdict::Red => ("x", Role::Bad),
            GateVerdict::Unknown => ("?", Role::Unknown),
        };
        let age = proof.age_s.map(|age| format!("{age}s")).unwrap_or_default();
        rows.push(under(format!("      {mark:<2} {} {}", proof.id, proof.value), age, role));
    }
    let mut items: Vec<&ItemView> = step.items.iter().collect();
    // What went wrong or is at work comes first; what is done last, and never all of 612.
    items.sort_by_key(|item| item_rank(item.state));
    let room = if step.state == StepState::Pending { 0 } else { 6 };
    let shown = items.len().min(room);
    for item in &items[..shown] {
        rows.push(item_row(app, item));
    }
    if items.len() > shown && room > 0 {
        rows.push(under(format!("      and {} more", items.len() - shown), String::new(), Role::Dim));
    }
}

fn at_work(state: StepState) -> bool {
    matches!(state, StepState::Confirmed | StepState::Running | StepState::Waiting)
}

fn under(text: String, right: String, role: Role) -> Row {
    Row { text, right, role, step: None }
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

fn item_row(app: &App, item: &ItemView) -> Row {
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
        Some(since) if !item.state.over() => clock_text(app.now().duration_since(since)),
        _ => String::new(),
    };
    under(format!("      {word:<5} {:<15} {}{again}", item.key, item.detail), right, role)
}

/// What the step under the cursor does, how it is taken back, what aborting leaves, its proof.
fn below(app: &App, view: &RunView, pen: &mut Pen<'_>, top: u16) {
    let width = pen.width();
    match app.selected_step() {
        Some(step) => {
            pen.rule(0, top, width, &format!("{} {}", short_id(&step.id), step.title));
            let lines = [
                ("does", does(step)),
                ("undo", undo(step)),
                ("abort", format!("ctrl-c  {}", step.abort)),
                ("proof", proof(step)),
            ];
            for (line, (name, text)) in lines.into_iter().enumerate() {
                let y = top + 1 + line as u16;
                pen.text(1, y, 7, name, Role::Dim);
                pen.text(9, y, width - 10, &text, Role::Text);
            }
        }
        None => pen.line(0, top, width),
    }
    let y = top + DETAIL_ROWS - 1;
    let rto = match view.rto_left {
        None => "no RTO set".to_owned(),
        Some(left) if left.is_negative() => format!("RTO missed by {}", span_text(-left)),
        Some(left) => format!("RTO {} left", span_text(left)),
    };
    let debts = match (view.debts.len(), view.debts_ready.len()) {
        (0, _) => "debts: none".to_owned(),
        (owed, 0) => format!("debts: {owed}"),
        (owed, ready) => format!("debts: {owed}, {ready} ready"),
    };
    let mut words = vec![rto];
    if let Some(by) = view.effective_by {
        words.push(format!("granted, effective by {}", minute_text(by)));
    } else if let Some(users) = view.baseline_users {
        words.push(format!("users at the start: {users}"));
    }
    words.push(debts);
    if let Some(stopped) = &view.stopped {
        words.insert(0, format!("NO WRITES: {stopped}"));
    }
    if let RunState::Held(_, note) = &view.state {
        words.insert(0, format!("HELD: {note}; h goes on"));
    }
    pen.rule(0, y, width, &words.join("   "));
}

fn does(step: &StepView) -> String {
    match (&step.offer, &step.reason) {
        (_, Some(reason)) => format!("{}: {reason}", step.state.word()),
        (Some(offer), _) => offer.what.to_string(),
        _ => step.why.clone(),
    }
}

fn undo(step: &StepView) -> String {
    match &step.undo {
        Some(undo) => format!("u  {undo}"),
        None => "none".to_owned(),
    }
}

fn proof(step: &StepView) -> String {
    let green =
        step.proofs.iter().filter(|proof| matches!(proof.verdict, GateVerdict::Green | GateVerdict::Passed));
    let proofs = match step.proofs.len() {
        0 => "observed by its own read".to_owned(),
        all => format!("{} of {all} green", green.count()),
    };
    format!("{proofs}   usual {}   running {}", clock_text(step.usual), clock_text(step.running))
}

/// The journal's last lines, or the events' where the journal has none yet.
fn lines(app: &App, pen: &mut Pen<'_>, top: u16, bottom: u16) {
    let width = pen.width();
    let room = usize::from(bottom.saturating_sub(top));
    for (line, event) in app.feed.newest().take(room).enumerate() {
        let y = top + line as u16;
        pen.text(1, y, 9, &time_text(event.at), Role::Dim);
        let words = match &event.origin {
            Origin::Journal(seq) => format!("journal {seq}  {}", event.text),
            Origin::Region(code) => format!("{code}  {}", event.text),
            Origin::Cockpit => event.text.clone(),
        };
        pen.text(12, y, width.saturating_sub(13), &words, Role::Text);
    }
}
