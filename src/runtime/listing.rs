//! The runs of an estate as the app lists them.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use crate::{
    app::{
        Event, RunSummary,
        run::{RunOpen, RunPurpose},
        sentence,
    },
    domain::Safe,
    engine::{
        Run, RunEvent,
        event::{RunEnd, WorldKind},
    },
    journal::runs,
};

use super::session::Session;

/// Runs of the session's estate, newest first.
pub fn of(session: &Session) -> Vec<RunSummary> {
    let mut listed: Vec<RunSummary> = runs::list(&session.state)
        .unwrap_or_default()
        .iter()
        .filter_map(|summary| line(session, summary))
        .collect();
    listed.reverse();
    listed
}

/// Seconds between two times that the runs are listed: others open, hold and close theirs too.
const EVERY_S: u32 = 60;

/// Lists the runs once in a while, beside the loop; `second`: counted since the start.
pub fn now_and_then(second: u32, session: &Arc<Session>, news: &Sender<Event>) {
    if second.is_multiple_of(EVERY_S) {
        again(session, news);
    }
}

/// Lists the runs anew, beside the loop.
pub fn again(session: &Arc<Session>, news: &Sender<Event>) {
    let (session, news) = (session.clone(), news.clone());
    tokio::spawn(async move {
        if let Ok(runs) = tokio::task::spawn_blocking(move || of(&session)).await {
            let _ = news.send(Event::RunsListed(runs)).await;
        }
    });
}

/// Reads the journal of a run beside the loop and tells the app. It may be written meanwhile.
pub fn read_journal(session: &Session, run: String, news: Sender<Event>) {
    let state = session.state.clone();
    tokio::spawn(async move {
        let id = run.clone();
        let read = tokio::task::spawn_blocking(move || runs::read(&runs::find(&state, &id)?)).await;
        let outcome = match read {
            Ok(Ok(transcript)) => Ok(transcript.events),
            Ok(Err(error)) => Err(Safe::new(&error.to_string())),
            Err(_) => Err(Safe::new("reading it was cut off")),
        };
        // A loop that is gone has nobody to show it to.
        let _ = news.send(Event::JournalRead { run, outcome }).await;
    });
}

fn line(session: &Session, summary: &runs::RunSummary) -> Option<RunSummary> {
    let first = &summary.first.as_ref()?.stamped;
    let last = summary.last.as_ref().map(|record| &record.stamped);
    let RunEvent::Opened(opened) = &first.event else { return None };
    // By name: one whose estate file has changed since is still there, and says so when gone on with.
    let here = opened.estate == session.estate.name && opened.world == session.world();
    if !here || opened.endpoint != session.endpoint {
        return None;
    }
    let (state, open, debts) = standing(summary);
    // Only a loopback address is spoken to without TLS, and behind one is a simulator.
    let simulated = opened.world == WorldKind::Sim || opened.endpoint.starts_with("http://");
    Some(RunSummary {
        run: summary.run.clone(),
        runbook: opened.plan.runbook.clone(),
        service: opened.plan.service.clone(),
        mode: sentence::mode(opened.plan.mode).to_owned(),
        state: state.to_owned(),
        purpose: RunPurpose::of(simulated, opened.reason.as_str()),
        open,
        opened: first.wall,
        took: last.map(|last| last.wall.duration_since(first.wall)),
        debts,
        trouble: summary.problem.clone(),
    })
}

/// How a run stands, by the words of the screen; whether something can be done in it, and how much it
/// owes. Its last record tells, unless something was done after it had ended.
pub(super) fn standing(summary: &runs::RunSummary) -> (&'static str, RunOpen, usize) {
    match summary.last.as_ref().map(|record| &record.stamped.event) {
        Some(RunEvent::Closed { end, debts, .. }) => {
            let watches = *end == RunEnd::Monitoring || !debts.is_empty();
            let open = if watches { RunOpen::Open } else { RunOpen::Closed };
            (sentence::end_word(*end), open, debts.len())
        }
        Some(RunEvent::Held { .. }) => ("held", RunOpen::Open, 0),
        _ => folded(summary).unwrap_or(("open", RunOpen::Open, 0)),
    }
}

/// The same of a run that had ended and has further records.
fn folded(summary: &runs::RunSummary) -> Option<(&'static str, RunOpen, usize)> {
    let run = Run::recover(&runs::read(&summary.path).ok()?.events).ok()?;
    let open = if run.is_over() { RunOpen::Closed } else { RunOpen::Open };
    Some((sentence::end_word(run.closed?), open, run.debts().len()))
}
