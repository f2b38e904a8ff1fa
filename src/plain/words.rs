//! The words of plain mode: the estate, the steps and the question of the moment as lines.

use crate::{
    app::{App, sentence},
    domain::{
        Pair, Safe, Side,
        text::counted,
        time::{Span, Timestamp, age_text, clock_text, span_text, time_text},
    },
    engine::{
        RunView,
        event::{GateItem, GateVerdict},
        view::{Choice, OfferView, RunState, StepState, StepView},
    },
    status::{Aged, Cell, ServiceLine},
};

/// Writes told with a question; `list` tells the others. Whoever has them read aloud waits for each.
const LISTED: usize = 5;

/// The estate as numbered lines: one row a line, both regions in one sentence.
pub fn status_lines(app: &App) -> Vec<String> {
    let summary = &app.summary;
    let mut lines = vec![format!("{} {} {}", app.badge(), summary.estate, time_text(app.now()))];
    lines.extend(app.run_view().map(|view| run_line(app, view)));
    let service = |line: &ServiceLine| format!("{}{}", line.text(), aged(app, line.at, line.stale));
    let services: Vec<String> = summary.services.iter().map(service).collect();
    lines.push(format!("services: {}", services.join("; ")));
    for row in &summary.rows {
        let cell = |side: Side| cell_words(app, &summary.regions[side].code, &row.cells[side]);
        let words = Pair::build(cell);
        lines.push(format!("{}: {}; {}", row.component.key(), words.primary, words.secondary));
    }
    let both = &summary.invariant;
    lines.push(format!("in both: {} {}{}", both.state.key(), both.text, aged(app, both.at, both.aged())));
    for problem in summary.problems.iter().take(5) {
        let age = aged(app, problem.at, problem.aged());
        lines.push(format!("{}: {}{age}", problem.state.key(), problem.text));
    }
    lines.push(format!("verdict: {}", summary.verdict.word()));
    lines.into_iter().enumerate().map(|(number, line)| format!("{} {line}", number + 1)).collect()
}

fn cell_words(app: &App, code: &str, cell: &Cell) -> String {
    format!("{code} {} {}{}", cell.state.key(), cell.text, aged(app, cell.at, cell.aged()))
}

/// The age of what a line says, behind it; nothing where it rests on no look.
fn aged(app: &App, at: Option<Timestamp>, aged: impl Into<Aged>) -> String {
    let Some(age) = at.map(|at| age_text(app.now().duration_since(at))) else { return String::new() };
    match aged.into() {
        Aged::Fresh => format!(", {age}"),
        Aged::Missed => format!(", {age}, no answer since"),
        Aged::Old => format!(", last known, {age} old"),
    }
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

/// A step as it is named in every line: its number among the steps, where it has one, and its id.
pub(super) fn place(view: &RunView, step: &StepView) -> String {
    let mut steps = view.steps.iter().filter(|step| !step.is_undo);
    match steps.position(|other| other.id == step.id) {
        Some(at) => format!("{} {}", at + 1, step.id),
        None => step.id.clone(),
    }
}

/// A step with its number, how it stands, and why.
pub(super) fn numbered(view: &RunView, step: &StepView) -> String {
    let items =
        if step.items.is_empty() { String::new() } else { format!(" {}/{}", step.done, step.items.len()) };
    let took = if step.state.over() { format!(" in {}", clock_text(step.running)) } else { String::new() };
    let reason = match step.state {
        StepState::Blocked => Some(blocked_words(step)),
        _ => step.reason.as_ref().map(ToString::to_string),
    };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} {} {}{items}{took}{reason}", place(view, step), step.state.word(), step.title)
}

/// What a step that is blocked waits for; how much more there is, where it is more than one thing.
fn blocked_words(step: &StepView) -> String {
    match step.blocked_by.as_slice() {
        [] => "what it rests on is being looked at".to_owned(),
        [one] => one.to_string(),
        [one, more @ ..] => format!("{one}; and {} more", more.len()),
    }
}

/// How the run stands: its time and what it owes.
pub(super) fn run_line(app: &App, view: &RunView) -> String {
    let state = sentence::state_word(&view.state);
    let since = clock_text(app.now().duration_since(view.impact));
    format!("run {} is {state}; T+{since}; {}", view.run, head(view))
}

/// What a question is to be answered with in mind: how much time is left, and what is owed.
pub(super) fn head(view: &RunView) -> String {
    let debts = if view.debts.is_empty() { "none".to_owned() } else { view.debts.join(", ") };
    let since_start = if view.impact_stated { "" } else { " from the start of the run" };
    format!("{}; debts: {debts}", sentence::rto(view, since_start))
}

/// How the run stands, all steps as numbered lines, and what can be taken back.
pub(super) fn step_lines(app: &App, view: &RunView) -> Vec<String> {
    let mut lines = vec![run_line(app, view)];
    let steps = view.steps.iter().filter(|step| !step.is_undo);
    lines.extend(steps.map(|step| numbered(view, step)));
    let back: Vec<&str> =
        view.steps.iter().filter(|step| step.is_undo && !step.state.over()).map(|s| s.id.as_str()).collect();
    if !back.is_empty() {
        lines.push(format!("can be taken back with undo: {}", back.join(", ")));
    }
    lines
}

/// Every write of a list, numbered.
pub(super) fn list_lines(offer: &OfferView) -> Vec<String> {
    let writes = offer.writes.iter().enumerate();
    writes
        .map(|(number, write)| {
            format!("{} {} {}", number + 1, sentence::deed(write.verb, &write.key), write.method)
        })
        .collect()
}

/// Where a step stands among the others: `step 3 of 18, a2-prewarm: start hosts in NE`.
fn place_words(view: &RunView, step: &StepView) -> String {
    let steps: Vec<&StepView> = view.steps.iter().filter(|step| !step.is_undo).collect();
    match steps.iter().position(|other| other.id == step.id) {
        Some(at) => format!("step {} of {}, {}: {}", at + 1, steps.len(), step.id, step.title),
        None => format!("{}: {}", step.id, step.title),
    }
}

/// What else can be done with a step, each as it is typed.
fn choice_words(step: &StepView, number: u8) -> Vec<String> {
    let typed = |choice: &Choice| match choice {
        Choice::Retry => "retry".to_owned(),
        Choice::Downgrade => "downgrade REASON".to_owned(),
        Choice::Skip => "skip REASON".to_owned(),
        Choice::RestartHost => "restart ITEM".to_owned(),
        Choice::AcceptStuck => format!("accept {}", stuck(Some(step)).len()),
        Choice::ShortenNotice => "shorten REASON".to_owned(),
        Choice::Undo => format!("undo {}", step.undo.as_deref().unwrap_or("STEP")),
    };
    choices(step).iter().map(|choice| format!("{number} {}", typed(choice))).collect()
}

/// What can be done with a step besides; with one at work only what helps it where it is stuck, or cuts
/// it short: the rest comes and goes with each of its items.
pub(super) fn choices(step: &StepView) -> Vec<Choice> {
    use Choice::{AcceptStuck, RestartHost, Retry, ShortenNotice};
    let works = matches!(step.state, StepState::Confirmed | StepState::Running | StepState::Waiting);
    let helps = |choice: &Choice| matches!(choice, Retry | AcceptStuck | RestartHost | ShortenNotice);
    step.choices.iter().copied().filter(|choice| !works || helps(choice)).collect()
}

/// The question of the moment; empty where nothing is asked.
pub(super) fn ask(app: &App, view: &RunView, step: Option<&StepView>, number: u8) -> Vec<String> {
    match &view.state {
        RunState::Closed(_) if !view.watches => return Vec::new(),
        RunState::Held(_, note) => {
            return vec![format!("held: {note}"), format!("to go on type: {number} resume")];
        }
        RunState::Aborting(flying) => return vec![sentence::aborting_words(*flying)],
        RunState::Closed(_) | RunState::Running | RunState::AwaitingPerson => {}
    }
    let Some(step) = step else { return Vec::new() };
    let mut lines = Vec::new();
    match step.state {
        StepState::Ready | StepState::Blocked => {}
        StepState::Deferred if owed(view, step) => lines.push(numbered(view, step)),
        StepState::Confirmed | StepState::Running | StepState::Waiting if !choices(step).is_empty() => {
            lines.push(format!("{} is at work", place_words(view, step)));
        }
        StepState::AwaitingPerson | StepState::Failed | StepState::TimedOut => {
            lines.push(numbered(view, step));
            let items = stuck(Some(step));
            if !items.is_empty() {
                lines.push(format!("not ended: {}", items.join(", ")));
            }
        }
        _ => return Vec::new(),
    }
    for proof in step.proofs.iter().filter(|proof| proof.is_excused()) {
        lines.push(format!("goes on without {}: {}", proof.id, proof.value));
    }
    let dated =
        |proof: &&GateItem| proof.verdict != GateVerdict::Unknown && step.old_proofs.contains(&proof.id);
    for proof in step.proofs.iter().filter(dated) {
        let age = proof.age_s.map_or_else(String::new, |age| {
            format!(", seen {} ago", age_text(Span::from_secs(age.try_into().unwrap_or(i64::MAX))))
        });
        lines.push(format!("too old {} last {}{age}", proof.id, proof.value));
    }
    // One that is too old has been told.
    let young = |proof: &&GateItem| !dated(proof);
    for proof in step.proofs.iter().filter(|proof| proof.verdict != GateVerdict::Green).filter(young) {
        let word = if step.aims_at(proof) { "to reach" } else { sentence::verdict_word(proof.verdict) };
        lines.push(format!("{word} {} {}", proof.id, proof.value));
    }
    // A proof that is not green has been told with its value.
    let told = |blocked: &Safe| {
        let mut proofs = step.proofs.iter().filter(|proof| proof.verdict != GateVerdict::Green);
        proofs
            .any(|proof| blocked.as_str().strip_prefix(&*proof.id).is_some_and(|rest| rest.starts_with(':')))
    };
    let blocked = step.blocked_by.iter().filter(|blocked| !told(blocked));
    lines.extend(blocked.map(|blocked| format!("blocked: {blocked}")));
    if let Some(question) = question(step) {
        lines.push(format!("{}: {question}", place_words(view, step)));
        lines.push("type: value TEXT".to_owned());
        return lines;
    }
    if !app.arming.is_armed() {
        lines.push(format!("{} waits and the cockpit is read-only", place_words(view, step)));
        lines.push(format!("to arm type: {number} arm {}", app.estate.name));
        return lines;
    }
    if let Some(offer) = &step.offer {
        lines.push(place_words(view, step));
        offer_lines(app, step, offer, &mut lines);
    }
    let green = step.offer.as_ref().filter(|offer| offer.green);
    let mut typed = choice_words(step, number);
    typed.push(format!("{number} abort REASON"));
    let said = if green.is_some() { "or" } else { "what can be typed" };
    lines.push(format!("{said}: {}", typed.join(", ")));
    // What is heard last is what confirms.
    lines.extend(green.map(|offer| confirm_words(offer, number)));
    lines
}

/// What confirms a list, as it is typed.
fn confirm_words(offer: &OfferView, number: u8) -> String {
    let what = match offer.level {
        0 | 1 => String::new(),
        2 => format!(" and {}", offer.number_word()),
        _ => " and the code of the region you open, twice with 3 s between".to_owned(),
    };
    if what.is_empty() {
        return format!("to confirm type: {number}");
    }
    format!("to confirm type the number {number}{what}: {number} {}", asked(offer)).trim_end().to_owned()
}

fn offer_lines(app: &App, step: &StepView, offer: &OfferView, lines: &mut Vec<String>) {
    lines.push(format!("what: {}", offer.what));
    lines.extend(offer.drift.map(|drift| format!("now: {drift}")));
    lines.push(format!("effect: {}", offer.effect));
    let looked = sentence::oldest_look(offer.before_at, app.now());
    lines.push(format!("before: {}{looked}; after: {}", offer.before_after.0, offer.before_after.1));
    lines.push(format!("undo: {}", step.undo.as_deref().unwrap_or("none")));
    lines.push(format!("usual: {}", span_text(step.usual)));
    let age = |at| format!(", read {} ago", age_text(app.now().duration_since(at)));
    let read = offer.read_at.map(age).unwrap_or_default();
    let writes = counted(offer.writes.len(), "write");
    lines.push(format!("{writes}, {} already so{read}, list {}", offer.already, brief(&offer.hash)));
    let mut listed = list_lines(offer);
    let more = listed.len().saturating_sub(LISTED);
    if more > 1 {
        listed.truncate(LISTED);
        listed.push(format!("and {more} more: list tells all"));
    }
    lines.extend(listed.iter().map(|line| format!("  {line}")));
    if !offer.green {
        lines.push("a precondition is not green: it cannot be confirmed yet".to_owned());
    }
}

/// The first characters of a hash: enough to tell lists apart, and nobody verifies by what is read here.
fn brief(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

pub(super) fn without_figures(text: &Safe) -> String {
    text.as_str().chars().filter(|c| !c.is_ascii_digit()).collect()
}
