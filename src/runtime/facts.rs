//! What only this process knows of an estate: the machine's place, the lock, earlier runs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::mpsc::Sender;

use crate::{
    app::{Event, run::RunOpen},
    azure,
    domain::{ArmId, Operation, Safe, time::Timestamp},
    engine::{
        RunEvent, Stamped,
        event::{NoteAbout, Opened},
        run::PROBE_OUTPUT,
    },
    journal::{lock, runs},
    readiness::{FslogixReport, LocalFacts, TypedProfile},
    runbook::Killer,
    wire::{Live, LiveOptions, Reach},
};

use super::{
    listing,
    session::{Place, Session},
};

/// The metadata service answers at once, or there is none.
const PLACE_LIMIT: Duration = Duration::from_secs(1);

/// Everything, of one service or of all.
pub async fn gather(session: &Session, service: Option<usize>) -> LocalFacts {
    let own_region = own_region(session).await;
    LocalFacts { own_region, ..of_journals(session, service) }
}

/// Everything of all services, as news, beside the loop.
pub fn tell(session: &Arc<Session>, news: Sender<Event>) {
    let session = session.clone();
    tokio::spawn(async move {
        let facts = gather(&session, None).await;
        let _ = news.send(Event::Facts(Box::new(facts))).await;
    });
}

/// The region of this machine. Only a client of a real cloud asks: what speaks to a loopback
/// endpoint rehearses, wherever it runs.
async fn own_region(session: &Session) -> Option<Safe> {
    match &session.place {
        Place::Live(endpoint) if !endpoint.is_loopback() => {}
        Place::Sim(_) | Place::Live(_) => return None,
    }
    let wire = Live::new(LiveOptions::new(Reach::Identity)).ok()?;
    tokio::time::timeout(PLACE_LIMIT, azure::own_region(&wire)).await.ok().flatten()
}

/// Whether a run speaks of what this session looks at. A simulated run has a world of its own, and
/// a session without that run has another one.
pub(super) fn is_of(run: &str, opened: &Opened, session: &Session) -> bool {
    match &session.place {
        Place::Sim(rehearsed) => rehearsed.ledger.belongs_to(run),
        Place::Live(_) => opened.estate_hash == session.estate.hash && opened.endpoint == session.endpoint,
    }
}

/// What the journals and the lock tell.
fn of_journals(session: &Session, service: Option<usize>) -> LocalFacts {
    let holder = lock::holder(&session.lock_keys(), &session.state);
    let own = format!("pid {},", std::process::id());
    let (here, lock): (Option<_>, Option<_>) = match holder {
        Some(holder) if format!("{holder},").contains(&own) => (Some(holder), None),
        other => (None, other),
    };
    let mut facts = LocalFacts { lock, ..LocalFacts::default() };
    for summary in runs::list(&session.state).unwrap_or_default() {
        let Ok(transcript) = runs::read(&summary.path) else { continue };
        let Some(RunEvent::Opened(opened)) = transcript.events.first().map(|first| &first.event) else {
            continue;
        };
        let other = service.is_some_and(|index| session.estate.services[index].name != opened.plan.service);
        if !other && is_of(&summary.run, opened, session) {
            take_run(opened, &transcript.events, &mut facts);
            let own = here
                .as_ref()
                .is_some_and(|holder| holder.as_str().ends_with(&format!("run {}", summary.run)));
            if !own && matches!(listing::standing(&summary), (_, RunOpen::Open, 0)) {
                facts.open_runs.push((opened.plan.service.clone(), summary.run.clone()));
            }
        }
    }
    facts
}

/// What one run found out or was told about profile settings, and when it ended.
fn take_run(opened: &Opened, events: &[Stamped], facts: &mut LocalFacts) {
    let mut probed: BTreeMap<&str, &ArmId> = BTreeMap::new();
    let asks_profile = |step: &str| {
        let planned = opened.plan.steps.iter().find(|planned| planned.id == step);
        planned.is_some_and(|planned| planned.after.contains(&Killer::ProfileSettings))
    };
    for stamped in events {
        match &stamped.event {
            RunEvent::Intent { item, operation: Operation::RunProbe { vm, .. }, .. } => {
                probed.insert(item, vm);
            }
            RunEvent::Observed { item: Some(item), what, value, .. } if what.as_str() == PROBE_OUTPUT => {
                let report = profile_report(value.as_str(), stamped.wall);
                if let Some((vm, report)) = probed.get(item.as_str()).zip(report) {
                    facts.fslogix.insert((*vm).clone(), report);
                }
            }
            RunEvent::Note { step: Some(step), about: NoteAbout::Value, text, .. } if asks_profile(step) => {
                let typed = TypedProfile { at: stamped.wall, profile_type: text.clone() };
                facts.typed_profiles.insert(opened.plan.service.clone(), typed);
            }
            RunEvent::Closed { .. } => facts.last_run_ended = Some(stamped.wall),
            _ => {}
        }
    }
}

/// A probe's output as a readiness fact.
fn profile_report(output: &str, at: Timestamp) -> Option<FslogixReport> {
    let report: serde_json::Value = serde_json::from_str(output.trim()).ok()?;
    let number = |key: &str| report.get(key)?.as_u64().and_then(|number| u32::try_from(number).ok());
    let locations = report.get("ccdLocations").and_then(serde_json::Value::as_str).unwrap_or_default();
    Some(FslogixReport {
        at,
        profile_type: number("profileType"),
        locations: locations.split(';').filter(|part| !part.is_empty()).map(Safe::new).collect(),
        required_for_register: number("register"),
        required_for_unregister: number("unregister"),
    })
}
