//! The marks of a run's timeline, and the figures that follow from them (procedures §6).

use crate::{
    domain::time::{Span, Timestamp, seconds},
    engine::{
        Run, Stamped,
        event::{FailedHow, GateItem, GateVerdict, Opened, RunEnd, RunEvent},
    },
    runbook::{Action, Killer, Plan, PlannedStep},
};

use super::{
    build::place,
    model::{Figures, Mark, Report, Rpo},
};

/// When the first event of a kind was.
fn first(events: &[Stamped], fits: impl Fn(&RunEvent) -> bool) -> Option<Timestamp> {
    events.iter().find(|one| fits(&one.event)).map(|one| one.wall)
}

/// When the first phase step of a kind was done.
fn step_done(plan: &Plan, report: &Report, fits: impl Fn(&PlannedStep) -> bool) -> Option<Timestamp> {
    let id = &plan.steps.iter().find(|step| step.phase.is_some() && fits(step))?.id;
    let step = report.steps.iter().find(|step| step.id == *id)?;
    step.ended.filter(|_| step.state.starts_with("done"))
}

/// When the user that proved the standby was seen to work: the look over which the gate went green and
/// stayed so, not the key that was pressed later. A gate that turned red in between proved nothing, and so
/// did one that was green before the last grant.
fn first_user(
    plan: &Plan,
    report: &Report,
    events: &[Stamped],
    granted: Option<Timestamp>,
) -> Option<Timestamp> {
    let asks = |step: &PlannedStep| step.after.contains(&Killer::FirstUser);
    let done = step_done(plan, report, asks)?;
    let gate = &plan.steps.iter().find(|step| step.phase.is_some() && asks(step))?.id;
    let mut seen = None;
    let over = |at: Timestamp| at <= done && granted.is_none_or(|granted| at >= granted);
    for stamped in events.iter().filter(|one| over(one.wall)) {
        match &stamped.event {
            RunEvent::Gate { step, verdict: GateVerdict::Green | GateVerdict::Passed, items }
                if step == gate =>
            {
                let proof = items.iter().find(|item| item.id == Killer::FirstUser.id());
                let age =
                    |item: &GateItem| item.age_s.and_then(|age| age.try_into().ok()).unwrap_or_default();
                seen = seen.or(proof.map(|item| stamped.wall - seconds(age(item))));
            }
            RunEvent::Gate { step, .. } | RunEvent::Refused { step, item: None, .. } if step == gate => {
                seen = None;
            }
            _ => {}
        }
    }
    seen.or(Some(done))
}

/// When the gate before which the free exit ends was passed.
fn free_exit_ended(plan: &Plan, events: &[Stamped]) -> Option<Timestamp> {
    let gate = plan.phases.iter().find(|phase| phase.free_exit_ends)?.gate.as_ref()?;
    first(
        events,
        |event| matches!(event, RunEvent::Gate { step, verdict: GateVerdict::Passed, .. } if step == gate),
    )
}

/// When nothing was owed any more.
fn debts_paid(report: &Report, closed: Option<Timestamp>) -> Option<Timestamp> {
    if report.debts.iter().any(|debt| debt.paid.is_none()) {
        return None;
    }
    report.debts.iter().filter_map(|debt| debt.paid).max().or(closed)
}

/// T0 to T10, each with how we know or why we do not.
pub(super) fn marks(opened: &Opened, events: &[Stamped], report: &Report) -> Vec<Mark> {
    const LATER: &str = "not reached";
    let plan = &opened.plan;
    let decided = plan.steps.first().map(|step| step.id.clone());
    let decided = step_done(plan, report, |step| Some(&step.id) == decided.as_ref());
    let written = first(events, |event| matches!(event, RunEvent::Intent { .. }));
    let ready = free_exit_ended(plan, events);
    let access = step_done(plan, report, |step| step.action == Some(Action::GrantStandby));
    let user = first_user(plan, report, events, access);
    let back = step_done(plan, report, |step| step.after.contains(&Killer::UsersBack));
    let over = |event: &RunEvent| matches!(event, RunEvent::Closed { end, .. } if *end != RunEnd::Monitoring);
    let closed = first(events, over);
    let paid = debts_paid(report, closed);
    let declared = events.first().map(|one| one.wall);
    [
        ("T0", "impact began", opened.impact, "stated by the operator", "not stated"),
        ("T1", "detected", None, "", "not recorded by this version"),
        ("T2", "declared", declared, "run opened", ""),
        ("T3", "mode and go decided", decided, "first step done", LATER),
        ("T4", "first write", written, "first intent", "no write"),
        ("T5", "standby ready", ready, "gate before the free exit ends", LATER),
        ("T6", "access opened", access, "last grant observed", LATER),
        ("T7", "first verified user", user, "seen when the gate went green", LATER),
        ("T8", "enough users back", back, "sessions observed", LATER),
        ("T9", "no debts", paid, "last debt paid, or closed without any", "debts are open, or the run is"),
        ("T10", "closed", closed, "run closed", "OPEN"),
    ]
    .into_iter()
    .map(|(mark, meaning, at, known, missing)| {
        let source = if at.is_some() { known } else { missing };
        Mark { mark, meaning, at, source: source.to_owned() }
    })
    .collect()
}

/// Spans between the marks, and who was waited for.
pub(super) fn figures(report: &Report, events: &[Stamped]) -> Figures {
    let at = |name: &str| report.marks.iter().find(|mark| mark.mark == name).and_then(|mark| mark.at);
    let between = |later: &str, earlier: &str| Some(at(later)?.duration_since(at(earlier)?).as_secs());
    let people = Run::recover(events).ok().map(|run| run.waited_on_people.as_secs());
    Figures {
        rto_service_s: between("T7", "T0"),
        rto_full_s: between("T8", "T0"),
        service_since_declared_s: between("T7", "T2"),
        full_since_declared_s: between("T8", "T2"),
        technical_s: between("T6", "T3"),
        decision_latency_s: between("T3", "T1"),
        human_wait_s: people,
        azure_wait_s: azure_wait(events).as_secs(),
    }
}

/// Time in which at least one item was between its intent and its end.
fn azure_wait(events: &[Stamped]) -> Span {
    let mut open: Vec<(&str, &str)> = Vec::new();
    let mut since = None;
    let mut total = Span::ZERO;
    for stamped in events {
        let (Some(step), Some(item)) = place(&stamped.event) else { continue };
        match &stamped.event {
            RunEvent::Intent { .. } => {
                since.get_or_insert(stamped.wall);
                if !open.contains(&(step, item)) {
                    open.push((step, item));
                }
            }
            RunEvent::Done { .. } | RunEvent::Refused { .. } => open.retain(|known| *known != (step, item)),
            RunEvent::Failed { how, .. } if *how != FailedHow::Ambiguous => {
                open.retain(|known| *known != (step, item));
            }
            _ => {}
        }
        if open.is_empty()
            && let Some(began) = since.take()
        {
            total += stamped.wall.duration_since(began);
        }
    }
    total
}

/// A value is claimed only where a person or a probe gave one.
pub(super) fn rpo(plan: &Plan, report: &Report) -> Rpo {
    let flush = plan.steps.iter().find(|step| step.after.contains(&Killer::ProfilesFlushed));
    let step = flush.and_then(|planned| report.steps.iter().find(|step| step.id == planned.id));
    let data = "user profiles";
    match step {
        Some(step) if step.state.starts_with("done") && !step.values.is_empty() => Rpo {
            data,
            value: step.values.last().cloned(),
            method: format!("typed at {}", step.id),
            confidence: "estimated",
        },
        Some(step) if step.state.starts_with("done") => Rpo {
            data,
            value: step.evidence.clone(),
            method: format!("observed at {}", step.id),
            confidence: "measured",
        },
        Some(step) => {
            Rpo { data, value: None, method: format!("{} is {}", step.id, step.state), confidence: "unknown" }
        }
        None => {
            Rpo { data, value: None, method: "the runbook does not look".to_owned(), confidence: "unknown" }
        }
    }
}
