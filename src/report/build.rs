//! Reads a run's events once and sorts them into a report.

use crate::{
    domain::{
        Safe,
        time::{Timestamp, wall_text},
    },
    engine::{
        Run, Stamped,
        event::{
            Confirmed, ConfirmedBy, DoneHow, FailedHow, GateVerdict, Given, NoteAbout, Opened, RunEnd,
            RunEvent,
        },
        patience::NEW_PROCESS,
        run::StepMark,
    },
    runbook::PlannedStep,
};

use super::{
    left::{LEFT, left},
    model::{
        Answered, Confirmation, DebtRecord, Deviation, DeviationKind, Figures, Gate, Integrity, Item, Person,
        Refusal, Report, Request, Rpo, State, Step, UsersOf,
    },
    timeline, turns,
};

/// Version of the JSON keys.
const SCHEMA_VERSION: u32 = 1;

/// Faster than this nobody has read what they confirmed.
const INSTANT_MILLIS: u64 = 1_500;

/// Why a step that was done is pending.
const TAKEN_BACK: &str = "an undo opened it again";

/// Builds the report of `run`; `None`: the first event does not open a run.
pub fn build(run: &str, events: &[Stamped], integrity: Integrity, now: Timestamp) -> Option<Report> {
    let first = events.first()?;
    let RunEvent::Opened(opened) = &first.event else { return None };
    let mut report = blank(run, opened, integrity, now);
    let mut process = Process { last: first.wall, held: false };
    for stamped in events {
        person(&mut report.people, stamped);
        report.deviations.extend(process.interrupted(stamped));
        take(&mut report, stamped);
    }
    // What a run owes is what the run itself says: one aborted before a grant owes nothing.
    if let Ok(run) = Run::recover(events) {
        let owed: Vec<&str> =
            run.debts().into_iter().map(|index| run.plan.steps[index].id.as_str()).collect();
        report.debts.retain(|debt| debt.paid.is_some() || owed.contains(&debt.step.as_str()));
        opened_again(&mut report, &run);
        if run.baseline_users.is_some() {
            (report.users, report.users_of) = (run.baseline_users, UsersOf::Snapshot);
        }
    }
    turns::tell(&mut report, &opened.plan, first.wall);
    report.marks = timeline::marks(opened, events, &report);
    report.figures = timeline::figures(&report, events);
    report.rpo = timeline::rpo(&opened.plan, &report);
    Some(report)
}

/// How far the records of one process go.
struct Process {
    /// Its last record.
    last: Timestamp,
    /// Whether it said that it stops.
    held: bool,
}

impl Process {
    /// Takes in a record. What goes on although nobody held it was interrupted: its process was ended.
    fn interrupted(&mut self, stamped: &Stamped) -> Option<Deviation> {
        let mut ended = None;
        match &stamped.event {
            // The next process says these before it goes on.
            RunEvent::Recovered { .. } => return None,
            RunEvent::Armed { on: false, how } if how.as_str() == NEW_PROCESS => return None,
            RunEvent::Held { .. } => self.held = true,
            RunEvent::Resumed { .. } => {
                let text = format!("a process ended without a word after {}", wall_text(self.last));
                let kind = DeviationKind::Interrupted;
                ended = (!self.held).then(|| Deviation {
                    at: self.last,
                    kind,
                    step: None,
                    text: text.as_str().into(),
                });
                self.held = false;
            }
            _ => {}
        }
        self.last = stamped.wall;
        ended
    }
}

/// What an undo took back, and everything that followed it, is to be done anew; so is what a look after a
/// resume showed undone, or what was given up, and the run says why. What was done before stays told, and
/// is not called done.
fn opened_again(report: &mut Report, run: &Run) {
    let steps = report.steps.iter_mut().zip(run.plan.steps.iter().zip(&run.steps));
    for (told, (planned, step)) in steps {
        let undone = told.state == "pending" && told.reason.is_some();
        let stood = undone || told.ended.is_some() || step.refused.is_some();
        if planned.phase.is_some() && step.mark == StepMark::Open && stood && told.state != LEFT {
            told.state = "pending";
            told.ended = None;
            told.reason = Some(step.refused.clone().unwrap_or_else(|| TAKEN_BACK.into()));
        }
    }
}

fn blank(run: &str, opened: &Opened, integrity: Integrity, now: Timestamp) -> Report {
    let plan = &opened.plan;
    Report {
        mode: opened.world,
        schema_version: SCHEMA_VERSION,
        state: State::Open,
        run: run.to_owned(),
        estate: opened.estate.clone(),
        estate_hash: opened.estate_hash.clone(),
        tenant: opened.tenant.clone(),
        endpoint: opened.endpoint.clone(),
        scenario: opened.scenario.clone(),
        tool: opened.tool.clone(),
        runbook: plan.runbook.clone(),
        runbook_hash: plan.runbook_hash.clone(),
        local_runbook: plan.local,
        title: plan.title.clone(),
        plan_hash: opened.plan_hash.clone(),
        service: plan.service.clone(),
        run_mode: plan.mode,
        from: plan.codes[plan.from].clone(),
        to: plan.codes[plan.to].clone(),
        reason: opened.reason.clone(),
        reported_at: now,
        users: plan.users,
        users_of: UsersOf::Plan,
        people: Vec::new(),
        marks: Vec::new(),
        figures: Figures {
            rto_service_s: None,
            rto_full_s: None,
            service_since_declared_s: None,
            full_since_declared_s: None,
            technical_s: None,
            decision_latency_s: None,
            human_wait_s: None,
            azure_wait_s: 0,
        },
        rpo: Rpo { data: "user profiles", value: None, method: String::new(), confidence: "unknown" },
        steps: plan.steps.iter().map(step).collect(),
        gates: Vec::new(),
        deviations: Vec::new(),
        debts: Vec::new(),
        instant_confirms: 0,
        integrity,
    }
}

fn step(planned: &PlannedStep) -> Step {
    Step {
        id: planned.id.clone(),
        title: planned.title.clone(),
        phase: planned.phase.clone(),
        kind: planned.kind,
        state: "pending",
        started: None,
        owed_since: None,
        ended: None,
        evidence: None,
        reason: None,
        confirmations: Vec::new(),
        items: Vec::new(),
        refusals: Vec::new(),
        values: Vec::new(),
        answers: Vec::new(),
    }
}

fn person(people: &mut Vec<Person>, stamped: &Stamped) {
    let actor = &stamped.actor;
    match people
        .iter_mut()
        .find(|known| known.upn == actor.upn && known.oid == actor.oid && known.os == actor.os)
    {
        Some(known) => known.records += 1,
        None => people.push(Person {
            upn: actor.upn.clone(),
            oid: actor.oid.clone(),
            os: actor.os.clone(),
            records: 1,
        }),
    }
}

/// Step and item an event belongs to.
pub(super) fn place(event: &RunEvent) -> (Option<&str>, Option<&str>) {
    match event {
        RunEvent::Confirmed(confirmed) => (Some(&confirmed.step), None),
        RunEvent::Intent { step, item, .. } | RunEvent::Accepted { step, item, .. } => {
            (Some(step), Some(item))
        }
        RunEvent::Observed { step, item, .. }
        | RunEvent::Done { step, item, .. }
        | RunEvent::Refused { step, item, .. }
        | RunEvent::Failed { step, item, .. } => (Some(step), item.as_deref()),
        RunEvent::Skipped { step, .. }
        | RunEvent::Deferred { step, .. }
        | RunEvent::Paid { step, .. }
        | RunEvent::Gate { step, .. } => (Some(step), None),
        RunEvent::Note { step, .. } => (step.as_deref(), None),
        RunEvent::Opened(_)
        | RunEvent::Armed { .. }
        | RunEvent::Held { .. }
        | RunEvent::Resumed { .. }
        | RunEvent::Recovered { .. }
        | RunEvent::Closed { .. } => (None, None),
    }
}

fn take(report: &mut Report, stamped: &Stamped) {
    let at = stamped.wall;
    whole_run(report, stamped);
    if let RunEvent::Closed { end: RunEnd::AbortedAsIs | RunEnd::AbortedRolledBack, note, .. } =
        &stamped.event
    {
        // Why somebody ended it; what `--auto` could not do stands there too.
        if !note.as_str().is_empty() {
            let (kind, text) = (DeviationKind::Aborted, note.clone());
            report.deviations.push(Deviation { at, kind, step: None, text });
        }
        left(report, at);
    }
    let (Some(id), item) = place(&stamped.event) else { return };
    let Some(step) = report.steps.iter_mut().find(|step| step.id == id) else { return };
    step.started.get_or_insert(at);
    if let RunEvent::Refused { item: None, why, .. } = &stamped.event
        && step.state.starts_with("done")
    {
        (step.state, step.ended, step.reason) = ("pending", None, Some(why.clone()));
        let (kind, step) = (DeviationKind::Undone, Some(step.id.clone()));
        report.deviations.push(Deviation { at, kind, step, text: why.clone() });
    }
    if let Some(key) = item {
        of_item(step, key, stamped);
    } else {
        of_step(step, stamped);
    }
    if let RunEvent::Refused { item, status, why, .. } = &stamped.event {
        step.refusals.push(Refusal { at, item: item.clone(), status: *status, why: why.clone() });
    }
}

/// What concerns the run as a whole: gates, deviations, debts, its end.
fn whole_run(report: &mut Report, stamped: &Stamped) {
    let at = stamped.wall;
    let mut deviation = |kind, step: Option<&str>, text: &str| {
        let step = step.map(str::to_owned);
        report.deviations.push(Deviation { at, kind, step, text: text.into() });
    };
    match &stamped.event {
        RunEvent::Gate { step, verdict, items } => {
            report.gates.push(Gate { step: step.clone(), at, verdict: *verdict, items: items.clone() });
        }
        RunEvent::Skipped { step, reason } => deviation(DeviationKind::Skipped, Some(step), reason.as_str()),
        RunEvent::Deferred { step, reason, downgraded } => {
            let kind = if *downgraded { DeviationKind::Downgraded } else { DeviationKind::Deferred };
            deviation(kind, Some(step), reason.as_str());
            // Put off again it is the same debt.
            report.debts.retain(|debt| debt.step != *step || debt.paid.is_some());
            report.debts.push(DebtRecord {
                step: step.clone(),
                opened: at,
                reason: reason.clone(),
                paid: None,
                evidence: None,
            });
        }
        RunEvent::Paid { step, evidence } => {
            let open = report.debts.iter_mut().filter(|debt| debt.step == *step && debt.paid.is_none());
            for debt in open {
                debt.paid = Some(at);
                debt.evidence = Some(evidence.clone());
            }
        }
        RunEvent::Done { step, item, how: DoneHow::Accepted, evidence, given } => {
            let named = item.as_deref().unwrap_or("the step");
            let given = given.map(|given| format!(", {given}")).unwrap_or_default();
            deviation(DeviationKind::Accepted, Some(step), &format!("{named}: {evidence}{given}"));
        }
        RunEvent::Failed {
            step, item, how: how @ (FailedHow::Ambiguous | FailedHow::TimedOut), why, ..
        } => {
            let kind =
                if *how == FailedHow::Ambiguous { DeviationKind::Ambiguous } else { DeviationKind::TimedOut };
            deviation(kind, Some(step), &format!("{}: {why}", item.as_deref().unwrap_or("the step")));
        }
        RunEvent::Done { step, item, how: DoneHow::Adopted, evidence, .. } => {
            let named = item.as_deref().unwrap_or("the step");
            deviation(DeviationKind::Adopted, Some(step), &format!("{named}: {evidence}"));
        }
        RunEvent::Resumed { observed } => {
            deviation(DeviationKind::Resumed, None, &format!("went on: {observed}"));
        }
        RunEvent::Held { note, .. } => deviation(DeviationKind::Held, None, note.as_str()),
        RunEvent::Recovered { bytes, kept, .. } => {
            deviation(DeviationKind::Recovered, None, &format!("{bytes} bytes set aside in {kept}"));
        }
        RunEvent::Note { step, about, text, .. } => {
            let kind = match about {
                NoteAbout::NoticeShortened => DeviationKind::NoticeShortened,
                NoteAbout::HolderLeft => DeviationKind::HolderLeft,
                NoteAbout::Statement => DeviationKind::Statement,
                NoteAbout::Remark | NoteAbout::Value | NoteAbout::Baseline => return,
            };
            deviation(kind, step.as_deref(), text.as_str());
        }
        RunEvent::Confirmed(confirmed) => {
            let instant = confirmed.by == ConfirmedBy::Person && confirmed.latency_ms < INSTANT_MILLIS;
            report.instant_confirms += u32::from(instant);
        }
        RunEvent::Closed { end, .. } => report.state = State::Closed(*end),
        _ => {}
    }
}

/// What was owed begins anew when it is worked on, what was taken back when it is confirmed again: the time in
/// between is no work, as in the run view.
fn begin_anew(step: &mut Step, stamped: &Stamped) {
    let confirmed = matches!(stamped.event, RunEvent::Confirmed(_));
    let over = matches!(stamped.event, RunEvent::Done { item: None, .. } | RunEvent::Paid { .. });
    let taken_back = step.state.starts_with("done") || (step.state == "pending" && step.reason.is_some());
    if step.state == "deferred" && (confirmed || over) {
        step.owed_since = step.owed_since.or(step.ended).or(Some(stamped.wall));
        step.started = Some(stamped.wall);
    } else if taken_back && confirmed {
        step.started = Some(stamped.wall);
    }
}

fn of_step(step: &mut Step, stamped: &Stamped) {
    let at = stamped.wall;
    begin_anew(step, stamped);
    let mut over = |state: &'static str| {
        step.state = state;
        step.ended = Some(at);
    };
    match &stamped.event {
        RunEvent::Confirmed(confirmed) => {
            step.state = "running";
            step.ended = None;
            step.confirmations.push(confirmation(confirmed, stamped));
        }
        RunEvent::Done { how, evidence, .. } => {
            over(if *how == DoneHow::Observation { "done-by-observation" } else { "done" });
            step.evidence = Some(evidence.clone());
        }
        RunEvent::Skipped { reason, .. } => {
            over("skipped");
            step.reason = Some(reason.clone());
        }
        RunEvent::Deferred { reason, .. } => {
            over("deferred");
            step.reason = Some(reason.clone());
        }
        RunEvent::Paid { evidence, .. } => {
            over("done");
            step.evidence = Some(evidence.clone());
        }
        // It is waited for once more.
        RunEvent::Failed { item: None, how: FailedHow::Reissue, .. } => {
            (step.state, step.reason) = ("running", None);
        }
        RunEvent::Failed { how, why, .. } => {
            step.state = if *how == FailedHow::TimedOut { "timed-out" } else { "failed" };
            step.reason = Some(why.clone());
        }
        RunEvent::Note { about: NoteAbout::Value, text, given, .. } => {
            step.values.push(text.clone());
            step.answers.push(answered(stamped, text.clone(), *given, false));
        }
        RunEvent::Gate { verdict, .. } if step.state == "pending" || step.state == "awaiting-person" => {
            step.state = if *verdict == GateVerdict::Passed { "done" } else { "awaiting-person" };
        }
        _ => {}
    }
}

fn confirmation(confirmed: &Confirmed, stamped: &Stamped) -> Confirmation {
    Confirmation {
        at: stamped.wall,
        by: confirmed.by,
        upn: stamped.actor.upn.clone(),
        level: confirmed.level,
        typed: confirmed.typed.clone(),
        latency_ms: confirmed.latency_ms,
        items: confirmed.items.len() as u32,
        writes: confirmed.items.iter().filter(|item| item.operation.is_some()).count() as u32,
        users: confirmed.users,
        list_sha256: confirmed.list_sha256.clone(),
        acknowledges: confirmed.acknowledges,
    }
}

fn answered(stamped: &Stamped, value: Safe, given: Option<Given>, accepted: bool) -> Answered {
    Answered {
        at: stamped.wall,
        upn: stamped.actor.upn.clone(),
        value,
        accepted,
        by: given.map(|given| given.by),
        latency_ms: given.map(|given| given.latency_ms),
    }
}

fn of_item(step: &mut Step, key: &str, stamped: &Stamped) {
    if let RunEvent::Done { how: DoneHow::Accepted, given, .. } = &stamped.event {
        step.answers.push(answered(stamped, key.into(), *given, true));
    }
    let known = step.items.iter().position(|item| item.key == key);
    let index = known.unwrap_or_else(|| {
        step.items.push(Item {
            key: key.to_owned(),
            state: "under-way",
            operation: None,
            before: crate::domain::Safe::default(),
            attempts: Vec::new(),
            how: None,
            outcome: None,
        });
        step.items.len() - 1
    });
    let item = &mut step.items[index];
    match &stamped.event {
        RunEvent::Intent { attempt, operation, request, before, .. } => {
            item.state = "under-way";
            item.operation = Some(operation.clone());
            item.before = before.clone();
            item.attempts.push(Request {
                attempt: *attempt,
                at: stamped.wall,
                method: request.method.clone(),
                url: request.url.clone(),
                client_request_id: request.client_request_id.clone(),
                correlation_id: request.correlation_id.clone(),
                request_id: None,
                status: None,
            });
        }
        RunEvent::Accepted { attempt, status, request_id, .. } => {
            for request in item.attempts.iter_mut().filter(|request| request.attempt == *attempt) {
                request.status = Some(*status);
                request.request_id = Some(request_id.clone());
            }
        }
        RunEvent::Done { how, evidence, .. } => {
            item.state = match how {
                DoneHow::Observation => "done-by-observation",
                DoneHow::Accepted => "accepted",
                DoneHow::Action | DoneHow::Adopted | DoneHow::Manual => "done",
            };
            item.how = Some(*how);
            item.outcome = Some(evidence.clone());
        }
        RunEvent::Refused { attempt, status, why, .. } => {
            for request in item.attempts.iter_mut().filter(|request| Some(request.attempt) == *attempt) {
                request.status = *status;
            }
            item.state = "failed";
            item.outcome = Some(why.clone());
        }
        RunEvent::Failed { how, why, .. } => {
            // These are not the end: looking, or sending once more, decides.
            let ends = matches!(how, FailedHow::Operation | FailedHow::NotDone | FailedHow::Ghost);
            item.state = if ends { "failed" } else { "under-way" };
            item.outcome = Some(why.clone());
        }
        _ => {}
    }
}

impl State {
    /// The word; an open run is shouted.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Closed(RunEnd::Completed) => "completed",
            Self::Closed(RunEnd::CompletedWithExceptions) => "completed-with-exceptions",
            Self::Closed(RunEnd::Monitoring) => "monitoring",
            Self::Closed(RunEnd::AbortedAsIs) => "aborted-as-is",
            Self::Closed(RunEnd::AbortedRolledBack) => "aborted-rolled-back",
        }
    }
}
