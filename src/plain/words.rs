//! The words of plain mode: the estate, the steps and the question of the moment as lines.

use crate::{
    app::{App, sentence},
    domain::{
        Pair, Safe, Side,
        time::{age_text, clock_text, span_text, time_text},
    },
    engine::{
        RunView,
        event::GateVerdict,
        view::{OfferView, RunState, StepState, StepView},
    },
    status::Cell,
};

/// The estate as numbered lines: one row a line, both regions in one sentence.
pub fn status_lines(app: &App) -> Vec<String> {
    let summary = &app.summary;
    let mut lines = vec![format!("{} {} {}", app.badge(), summary.estate, time_text(app.now()))];
    let services: Vec<&str> = summary.services.iter().map(|service| service.text.as_str()).collect();
    lines.push(format!("services: {}", services.join(", ")));
    for row in &summary.rows {
        let cell = |side: Side| cell_words(app, &summary.regions[side].code, &row.cells[side]);
        let words = Pair::build(cell);
        lines.push(format!("{}: {}; {}", row.component.key(), words.primary, words.secondary));
    }
    lines.push(format!("in both: {} {}", summary.invariant.state.key(), summary.invariant.text));
    for problem in summary.problems.iter().take(5) {
        lines.push(format!("{}: {}", problem.state.key(), problem.text));
    }
    lines.push(format!("verdict: {}", summary.verdict.word()));
    lines.into_iter().enumerate().map(|(number, line)| format!("{} {line}", number + 1)).collect()
}

fn cell_words(app: &App, code: &str, cell: &Cell) -> String {
    let age = match cell.age(app.now()) {
        None => String::new(),
        Some(age) if cell.stale => format!(", last known, {} old", age_text(age)),
        Some(age) => format!(", {}", age_text(age)),
    };
    format!("{code} {} {}{age}", cell.state.key(), cell.text)
}

/// Whether a step is a debt that can be paid now.
pub(super) fn owed(view: &RunView, step: &StepView) -> bool {
    step.state == StepState::Deferred && view.debts_ready.contains(&step.id)
}

/// The question a step still asks.
pub(super) fn question(step: &StepView) -> Option<&String> {
    step.ask.as_ref().filter(|_| step.value.is_none())
}

/// What must be typed after the number; empty: nothing more.
pub(super) fn asked(offer: &OfferView) -> &str {
    offer.asked.as_deref().filter(|_| offer.level >= 2).unwrap_or_default()
}

pub(super) fn words_of(asked: &str) -> &str {
    if asked.is_empty() { "the number alone" } else { asked }
}

pub(super) fn stuck(step: Option<&StepView>) -> Vec<String> {
    step.map(|step| {
        step.items.iter().filter(|item| !item.state.over()).map(|item| item.key.clone()).collect()
    })
    .unwrap_or_default()
}

pub(super) fn step_words(step: &StepView) -> String {
    let items =
        if step.items.is_empty() { String::new() } else { format!(" {}/{}", step.done, step.items.len()) };
    let took = if step.state.over() { format!(" in {}", clock_text(step.running)) } else { String::new() };
    let reason = step.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} {} {}{items}{took}{reason}", step.id, step.state.word(), step.title)
}

/// All steps as numbered lines.
pub(super) fn step_lines(view: &RunView) -> Vec<String> {
    let steps = view.steps.iter().filter(|step| !step.is_undo);
    steps.enumerate().map(|(number, step)| format!("{} {}", number + 1, step_words(step))).collect()
}

/// The question of the moment; empty where nothing is asked.
pub(super) fn ask(app: &App, view: &RunView, step: Option<&StepView>, number: u8) -> Vec<String> {
    match &view.state {
        RunState::Closed(_) if !view.watches => return Vec::new(),
        RunState::Held(_, note) => {
            return vec![format!("held: {note}"), format!("to go on type: {number} resume")];
        }
        RunState::Closed(_) | RunState::Running | RunState::AwaitingPerson => {}
    }
    let Some(step) = step else { return Vec::new() };
    let mut lines = Vec::new();
    match step.state {
        StepState::Ready | StepState::Blocked => {}
        StepState::Deferred if owed(view, step) => lines.push(step_words(step)),
        StepState::AwaitingPerson | StepState::Failed | StepState::TimedOut => {
            lines.push(step_words(step));
            let items = stuck(Some(step));
            if !items.is_empty() {
                lines.push(format!("not ended: {}", items.join(", ")));
            }
        }
        _ => return Vec::new(),
    }
    for proof in step.proofs.iter().filter(|proof| proof.verdict != GateVerdict::Green) {
        lines.push(format!("{} {} {}", sentence::verdict_word(proof.verdict), proof.id, proof.value));
    }
    lines.extend(step.blocked_by.iter().map(|blocked| format!("blocked: {blocked}")));
    if let Some(question) = question(step) {
        lines.push(format!("{}: {question}", step.id));
        lines.push("type: value TEXT".to_owned());
        return lines;
    }
    if !app.arming.is_armed() {
        lines.push(format!("{} waits and the cockpit is read-only", step.id));
        lines.push(format!("to arm type: {number} arm {}", app.estate.name));
        return lines;
    }
    if let Some(offer) = &step.offer {
        offer_lines(app, step, offer, number, &mut lines);
    }
    if !step.choices.is_empty() && step.offer.is_none() {
        lines.push(format!(
            "{number} retry, skip REASON, downgrade REASON, accept COUNT, abort REASON; help lists all"
        ));
    }
    lines
}

fn offer_lines(app: &App, step: &StepView, offer: &OfferView, number: u8, lines: &mut Vec<String>) {
    lines.push(format!("{} {}", step.id, step.title));
    lines.push(format!("what: {}", offer.what));
    lines.extend(offer.drift.map(|drift| format!("now: {drift}")));
    lines.push(format!("effect: {}", offer.effect));
    lines.push(format!("before: {}; after: {}", offer.before_after.0, offer.before_after.1));
    lines.push(format!("undo: {}", step.undo.as_deref().unwrap_or("none")));
    lines.push(format!("usual: {}", span_text(step.usual)));
    let age = offer.read_at.map(|at| age_text(app.now().duration_since(at))).unwrap_or_default();
    lines.push(format!(
        "{} writes, {} already so, read {age} ago, list {}",
        offer.writes.len(),
        offer.already,
        offer.hash
    ));
    lines.extend(
        offer
            .writes
            .iter()
            .map(|write| format!("  {} {}", sentence::deed(write.verb, &write.key), write.method)),
    );
    if !offer.green {
        lines.push("a precondition is not green: it cannot be confirmed yet".to_owned());
        return;
    }
    let asked = asked(offer);
    let what = match offer.level {
        0 | 1 => String::new(),
        2 => format!(" and {}", offer.number_word()),
        _ => " and the code of the region you open, twice with 3 s between".to_owned(),
    };
    lines.push(format!("to confirm type the number {number}{what}: {number} {asked}").trim_end().to_owned());
}

pub(super) fn without_figures(text: &Safe) -> String {
    text.as_str().chars().filter(|c| !c.is_ascii_digit()).collect()
}
