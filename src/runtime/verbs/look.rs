//! `status` and `check`.

use crate::{
    cli::{Check, CheckForm, Cli, Status, StatusForm},
    domain::{Safe, picture::Picture, time::Timestamp},
    engine::{
        Context, Engine, RunEvent, RunView,
        event::{RunEnd, WorldKind},
    },
    journal::runs,
    readiness,
    runtime::{facts, session::Session, survey},
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
        let facts = facts::gather(&session, Some(service)).await;
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
                RunEvent::Opened(opened) if facts::is_of(&summary.run, opened, session));
            let engine = Engine::recover(context, &transcript.events).ok().filter(|_| bound)?;
            let over = engine.run().closed.is_some_and(|end| end != RunEnd::Monitoring);
            (!over).then(|| engine.view(now))
        })
        .collect()
}
