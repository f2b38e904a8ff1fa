//! `status` and `check`.

use std::collections::BTreeMap;

use crate::{
    cli::{Check, CheckForm, Cli, Status, StatusForm},
    domain::{ArmId, Operation, Safe, picture::Picture, time::Timestamp},
    engine::{
        Context, Engine, RunEvent, RunView,
        event::{Opened, RunEnd, WorldKind},
        run::PROBE_OUTPUT,
    },
    journal::{lock, runs},
    readiness::{self, FslogixOrigin, FslogixReport, LocalFacts},
    runtime::{session::Session, survey},
    status::{self, Scope},
};

use super::{VerbError, print};

/// Pause between two lines of `status --watch`, in seconds: the shortest poll interval.
const WATCH_S: u64 = 15;

/// `farshore status`.
pub async fn status(cli: &Cli, args: &Status) -> Result<u8, VerbError> {
    let session = Session::open(&cli.global, Some("status"))?;
    let scope = match &args.service {
        Some(name) => Scope::Service(service(&session, Some(name))?),
        None => Scope::All,
    };
    let world = session.world();
    let mut picture = Picture::default();
    loop {
        let sources = survey::watch_sources(&session.estate);
        survey::quick_look(&mut picture, &session.azure, &session.clock, sources).await;
        let now = session.clock.now();
        let runs = open_runs(&session, now);
        let summary = status::summarize(&session.estate, &picture, &runs, scope, now);
        let text = match (args.output, args.watch) {
            (StatusForm::Table, _) => status::table(&summary, &runs, world) + &elsewhere(&session),
            (StatusForm::Json, false) => status::json(&session.estate, &summary, &runs, world),
            (StatusForm::Json, true) => status::json_line(&session.estate, &summary, &runs, world),
            (StatusForm::Nagios, _) => status::nagios(&summary, world),
        };
        print(&text)?;
        if !args.watch {
            return Ok(summary.verdict.exit_code());
        }
        tokio::time::sleep(std::time::Duration::from_secs(WATCH_S)).await;
    }
}

/// `farshore check`.
pub async fn check(cli: &Cli, args: &Check) -> Result<u8, VerbError> {
    let session = Session::open(&cli.global, Some("check"))?;
    let services: Vec<usize> = match &args.service {
        Some(name) => vec![service(&session, Some(name))?],
        None => (0..session.estate.services.len()).collect(),
    };
    let mut all = Vec::new();
    let mut picture = Picture::default();
    for &service in &services {
        let sources = readiness::sources(&session.estate, service);
        survey::survey_into(&mut picture, &session.azure, &session.clock, sources).await;
        let sources = readiness::host_sources(&picture, service);
        survey::survey_into(&mut picture, &session.azure, &session.clock, sources).await;
    }
    let now = session.clock.now();
    for &service in &services {
        let facts = local_facts(&session, service);
        all.push((service, readiness::check(&session.estate, &picture, service, &facts, now)));
    }
    let sim = session.world() == WorldKind::Sim;
    print(&match args.output {
        CheckForm::Table => readiness::table(&session.estate, &all, sim, now),
        CheckForm::Json => readiness::json(&session.estate, &all, sim, now),
    })?;
    let verdicts: Vec<_> = all.into_iter().flat_map(|(_, verdicts)| verdicts).collect();
    Ok(readiness::overall(&verdicts).exit_code())
}

/// The service a verb means: the named one, or the only one there is.
pub fn service(session: &Session, name: Option<&str>) -> Result<usize, VerbError> {
    let names = || session.estate.services.iter().map(|service| service.name.as_str());
    match name {
        Some(name) => session.estate.service(name).ok_or_else(|| {
            let nearest = crate::config::nearest(name, names());
            let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
            VerbError::Usage(format!("no service {} in {}{hint}", Safe::new(name), session.estate.name))
        }),
        None if session.estate.services.len() == 1 => Ok(0),
        None => {
            let all = names().collect::<Vec<_>>().join(", ");
            Err(VerbError::Usage(format!(
                "{} has several services; give --service: {all}",
                session.estate.name
            )))
        }
    }
}

/// Whether a run speaks of what this session looks at. A simulated run has a world of its own, and
/// a session without that run has another one.
fn is_of(opened: &Opened, session: &Session) -> bool {
    session.world() == WorldKind::Live
        && opened.estate_hash == session.estate.hash
        && opened.endpoint == session.endpoint
}

/// Open runs of simulated worlds of their own, which the fresh world shown is not.
fn elsewhere(session: &Session) -> String {
    if session.world() == WorldKind::Live {
        return String::new();
    }
    let open = |summary: &runs::RunSummary| {
        let last = summary.last.as_ref().map(|record| &record.stamped.event);
        !matches!(last, None | Some(RunEvent::Closed { .. }))
    };
    let count = runs::list(&session.state).unwrap_or_default().into_iter().filter(open).count();
    match count {
        0 => String::new(),
        1 => "note        1 open run has a simulated world of its own: farshore runs\n".to_owned(),
        count => format!("note        {count} open runs have simulated worlds of their own: farshore runs\n"),
    }
}

/// Views of the estate's runs that are open or still watch debts.
fn open_runs(session: &Session, now: Timestamp) -> Vec<RunView> {
    let listed = runs::list(&session.state).unwrap_or_default();
    listed
        .iter()
        .filter_map(|summary| {
            let transcript = runs::read(&summary.path).ok()?;
            let context = Context {
                estate: session.estate.clone(),
                encode: session.azure.encoder(),
                run: summary.run.clone(),
                actor: session.actor(),
            };
            let bound = matches!(&transcript.events.first()?.event,
                RunEvent::Opened(opened) if is_of(opened, session));
            let engine = Engine::recover(context, &transcript.events).ok().filter(|_| bound)?;
            let over = engine.run().closed.is_some_and(|end| end != RunEnd::Monitoring);
            (!over).then(|| engine.view(now))
        })
        .collect()
}

fn local_facts(session: &Session, service: usize) -> LocalFacts {
    let name = &session.estate.services[service].name;
    let mut facts =
        LocalFacts { lock: lock::holder(&session.estate.hash, &session.state), ..LocalFacts::default() };
    for summary in runs::list(&session.state).unwrap_or_default() {
        let Ok(transcript) = runs::read(&summary.path) else { continue };
        let Some(RunEvent::Opened(opened)) = transcript.events.first().map(|first| &first.event) else {
            continue;
        };
        if opened.plan.service != *name || !is_of(opened, session) {
            continue;
        }
        let mut probed: BTreeMap<String, ArmId> = BTreeMap::new();
        for stamped in &transcript.events {
            match &stamped.event {
                RunEvent::Intent { item, operation: Operation::RunProbe { vm, .. }, .. } => {
                    probed.insert(item.clone(), vm.clone());
                }
                RunEvent::Observed { item: Some(item), what, value, .. } if what.as_str() == PROBE_OUTPUT => {
                    if let Some((vm, report)) =
                        probed.get(item).zip(profile_report(value.as_str(), stamped.wall))
                    {
                        facts.fslogix.insert(vm.clone(), report);
                    }
                }
                RunEvent::Closed { .. } => facts.last_run_ended = Some(stamped.wall),
                _ => {}
            }
        }
    }
    facts
}

/// A probe's output as a readiness fact.
fn profile_report(output: &str, at: Timestamp) -> Option<FslogixReport> {
    let report: serde_json::Value = serde_json::from_str(output.trim()).ok()?;
    let number = |key: &str| report.get(key)?.as_u64().and_then(|number| u32::try_from(number).ok());
    let locations = report.get("ccdLocations").and_then(serde_json::Value::as_str).unwrap_or_default();
    Some(FslogixReport {
        at,
        origin: FslogixOrigin::RunCommand,
        profile_type: number("profileType"),
        locations: locations.split(';').filter(|part| !part.is_empty()).map(Safe::new).collect(),
        required_for_register: number("register"),
        required_for_unregister: number("unregister"),
    })
}
