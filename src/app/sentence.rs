//! Events and refusals in words: one line each, the same in the cockpit and in plain mode.

use crate::{
    domain::{
        text::counted,
        time::{Timestamp, age_text, clock_text, span_text},
    },
    engine::{
        RunEvent, RunView,
        event::{DoneHow, FailedHow, GateVerdict, HeldWhy, NoteAbout, RunEnd},
        view::{RunState, StepState, StepView},
    },
    runbook::Mode,
};

/// What is done to an item. Where a step does two things to one object its items' keys begin with
/// the verb already.
pub fn deed(verb: &str, item: &str) -> String {
    // A host to be stopped is one that is deallocated.
    let name = item.strip_prefix("stop ").filter(|_| verb == "deallocate").unwrap_or(item);
    if name.starts_with(verb) { name.to_owned() } else { format!("{verb} {name}") }
}

/// The age of the oldest look behind what was just said; nothing where it rests on none.
pub fn oldest_look(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map(|at| format!(", oldest look {} ago", age_text(now.duration_since(at)))).unwrap_or_default()
}

/// Columns the kind of a journal line takes, with the blank behind it.
pub(super) const KIND: usize = 11;

/// A journal line in words: kind first.
pub fn of_event(event: &RunEvent) -> String {
    match event {
        RunEvent::Opened(opened) => {
            format!("opened     {} {}, {}", opened.plan.runbook, opened.plan.service, mode(opened.plan.mode))
        }
        RunEvent::Armed { on: true, how } => format!("armed      {how}"),
        RunEvent::Armed { on: false, how } => format!("disarmed   {how}"),
        RunEvent::Confirmed(confirmed) => {
            format!(
                "confirmed  {}, {}, {}",
                confirmed.step,
                counted(confirmed.items.len(), "item"),
                counted(confirmed.users as usize, "user")
            )
        }
        RunEvent::Intent { item, attempt, operation, .. } => match attempt {
            1 => format!("intent     {}", deed(operation.verb(), item)),
            again => format!("intent     {}, attempt {again}", deed(operation.verb(), item)),
        },
        RunEvent::Accepted { item, status, .. } => format!("accepted   {item} ({status})"),
        RunEvent::Observed { item, what, value, .. } => match item {
            Some(item) => format!("observed   {item} {what}: {value}"),
            None => format!("observed   {what}: {value}"),
        },
        RunEvent::Done { step, item, how, evidence, given } => {
            let given = given.map(|given| format!(", {given}")).unwrap_or_default();
            format!("{:<10} {}: {evidence}{given}", done(*how), subject(step, item.as_ref()))
        }
        RunEvent::Refused { step, item, why, .. } => {
            format!("refused    {}: {why}", subject(step, item.as_ref()))
        }
        RunEvent::Failed { step, item, how, why, .. } => {
            format!("{:<10} {}: {why}", failed(*how), subject(step, item.as_ref()))
        }
        RunEvent::Skipped { step, reason } => format!("skipped    {step}: {reason}"),
        RunEvent::Deferred { step, reason, .. } => format!("deferred   {step}: {reason}"),
        RunEvent::Paid { step, evidence } => format!("paid       {step}: {evidence}"),
        // By hand and without a note: there is no more to say.
        RunEvent::Held { note, .. } if note.as_str().starts_with("held ") => {
            format!("held       {}", &note.as_str()["held ".len()..])
        }
        RunEvent::Held { why, note, .. } => format!("held       {}: {note}", held(*why)),
        RunEvent::Resumed { observed } => format!("resumed    {observed}"),
        RunEvent::Note { about, text, given, .. } => {
            let given = given.map(|given| format!(", {given}")).unwrap_or_default();
            format!("{:<10} {text}{given}", note(about))
        }
        RunEvent::Gate { step, verdict, items } => {
            let (green, all) = (items.iter().filter(|item| item.is_green()).count(), items.len());
            let items =
                if green == all { counted(all, "item") } else { format!("{green} of {all} items green") };
            format!("gate       {step} {}, {items}", verdict_word(*verdict))
        }
        RunEvent::Recovered { bytes, kept, .. } => {
            format!("recovered  {bytes} torn bytes set aside in {kept}")
        }
        RunEvent::Closed { end, note, .. } => format!("closed     {}: {note}", end_word(*end)),
    }
}

fn subject<'a>(step: &'a str, item: Option<&'a String>) -> &'a str {
    item.map_or(step, String::as_str)
}

fn done(how: DoneHow) -> &'static str {
    match how {
        DoneHow::Action => "done",
        DoneHow::Observation => "was so",
        DoneHow::Adopted => "adopted",
        DoneHow::Manual => "stated",
        DoneHow::Accepted => "accepted",
    }
}

fn failed(how: FailedHow) -> &'static str {
    match how {
        FailedHow::Ambiguous => "unseen",
        FailedHow::NotSent => "not sent",
        FailedHow::Operation | FailedHow::NotDone => "failed",
        FailedHow::Reissue => "again",
        FailedHow::Ghost => "ghost",
        FailedHow::TimedOut => "timed-out",
    }
}

fn held(why: HeldWhy) -> &'static str {
    match why {
        HeldWhy::Person => "by a person",
        HeldWhy::HangUp => "by hang-up",
        HeldWhy::Journal => "no journal",
    }
}

fn note(about: &NoteAbout) -> &'static str {
    match about {
        NoteAbout::Remark => "note",
        NoteAbout::NoticeShortened => "shortened",
        NoteAbout::HolderLeft => "left",
        NoteAbout::Value => "value",
        NoteAbout::Statement => "statement",
        NoteAbout::Baseline => "baseline",
    }
}

/// The word of a gate's verdict.
pub fn verdict_word(verdict: GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Red => "red",
        GateVerdict::Unknown => "unknown",
        GateVerdict::Green => "green",
        GateVerdict::Passed => "passed",
    }
}

/// The word of a run's end (design §4).
pub fn end_word(end: RunEnd) -> &'static str {
    match end {
        RunEnd::Completed => "completed",
        RunEnd::CompletedWithExceptions => "completed-with-exceptions",
        RunEnd::Monitoring => "monitoring",
        RunEnd::AbortedAsIs => "aborted-as-is",
        RunEnd::AbortedRolledBack => "aborted-rolled-back",
    }
}

/// The word of a run's state (design §4).
pub fn state_word(state: &RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::AwaitingPerson => "awaiting-person",
        RunState::Held(..) => "held",
        RunState::Aborting(_) => "aborting",
        RunState::Closed(end) => end_word(*end),
    }
}

/// What a run that is being aborted still waits for.
pub fn aborting_words(flying: usize) -> String {
    match flying {
        0 => "being aborted: it ends now".to_owned(),
        _ => format!("being aborted: it ends once {} under way have ended", counted(flying, "item")),
    }
}

/// How far a step that was confirmed and sends is and what it waits for; `None`: it is not at work, or all of it
/// was sent and it needs more that somebody must confirm.
pub fn at_work(step: &StepView, now: Timestamp) -> Option<String> {
    let sends = matches!(step.state, StepState::Confirmed | StepState::Running);
    if !sends && (step.state != StepState::Waiting || step.offer.is_some()) {
        return None;
    }
    let mut parts = Vec::new();
    match step.items.len() {
        0 => {}
        all => parts.push(format!("{} of {all} done", step.done)),
    }
    if let Some((what, until)) = &step.countdown {
        parts.push(format!("{what}: {} left", clock_text(until.duration_since(now))));
    } else if let Some(why) = step.blocked_by.first().or(step.reason.as_ref()) {
        parts.push(why.to_string());
    } else if let Some(proof) = step.proofs.iter().find(|proof| !proof.is_green()) {
        parts.push(format!("waits for {}: {}", proof.id, proof.value));
    }
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    Some(format!("{} is {}{parts}", step.id, step.state.word()))
}

/// The word of a mode.
pub fn mode(mode: Mode) -> &'static str {
    mode.word()
}
/// What is left of the RTO, and from where it counts where nobody stated when the impact began.
pub fn rto(view: &RunView, since: &str) -> String {
    match view.rto_left {
        _ if matches!(view.state, RunState::Closed(RunEnd::AbortedAsIs | RunEnd::AbortedRolledBack)) => {
            "aborted: no RTO is counted".to_owned()
        }
        None => "no RTO set".to_owned(),
        Some(left) if left.is_negative() => format!("RTO missed by {}{since}", span_text(-left)),
        Some(left) if view.served => format!("RTO met, {} early{since}", span_text(left)),
        Some(left) => format!("RTO {} left{since}", span_text(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Safe;

    #[test]
    fn nothing_is_said_twice_of_a_host_or_of_who_held() {
        for (verb, item, said) in [
            ("deallocate", "stop shwe-hr-01", "deallocate shwe-hr-01"),
            ("start", "start shne-hr-05", "start shne-hr-05"),
            ("restart", "stop shwe-hr-01", "restart stop shwe-hr-01"),
            ("revoke", "GRP1@DAG1", "revoke GRP1@DAG1"),
        ] {
            assert_eq!(deed(verb, item), said);
        }
        for (note, said) in [
            ("held by the operator", "held       by the operator"),
            ("lunch", "held       by a person: lunch"),
        ] {
            let held = RunEvent::Held { why: HeldWhy::Person, note: Safe::new(note), in_flight: Vec::new() };
            assert_eq!(of_event(&held), said);
        }
    }
}
