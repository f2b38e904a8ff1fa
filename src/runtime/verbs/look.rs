//! `status` and `check`.

use crate::{
    app::sentence,
    cli::{Check, CheckForm, Cli, Status, StatusForm},
    domain::{Safe, picture::Picture, text::counted, time::Timestamp},
    engine::{Context, Engine, RunEvent, RunView, event::WorldKind},
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
        let sources = survey::status_sources(&session.estate);
        survey::quick_look(&mut picture, &session.azure, &session.clock, sources).await;
        let now = session.clock.now();
        let (runs, unread) = open_runs(&session, now);
        let mut summary = status::summarize(&session.estate, &picture, &runs, scope, now);
        summary.unread(&unread);
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
    let mut known = Vec::new();
    for &service in &services {
        known.push((service, facts::gather(&session, Some(service)).await));
    }
    // One region that is silent is waited for, service by service; the other must not look old for it.
    let looked: Vec<_> = picture.iter().map(|(source, _)| source.clone()).collect();
    survey::look_again(&mut picture, &session.azure, &session.clock, looked).await;
    let now = session.clock.now();
    for (service, facts) in known {
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

/// Views of the estate's runs that are open, watch debts or were aborted with some; and in words those
/// of which that cannot be told.
fn open_runs(session: &Session, now: Timestamp) -> (Vec<RunView>, Vec<Safe>) {
    let (mut views, mut unread) = (Vec::new(), Vec::new());
    if session.world() != WorldKind::Live {
        return (views, unread);
    }
    match runs::list(&session.state) {
        Ok(listed) => {
            let directory = runs::estate_directory(&session.state, &session.estate.name);
            let holder = crate::journal::lock::holder(&session.lock_keys(), &session.state);
            for summary in listed.iter().filter(|summary| summary.path.parent() == Some(&directory)) {
                match open_run(session, summary, now) {
                    Ok(view) => views.extend(view.map(|view| as_held(view, holder.as_ref()))),
                    Err(why) => unread.push(Safe::new(&format!("{}: {why}", summary.run))),
                }
            }
        }
        Err(error) => unread.push(Safe::new(&format!("runs of {}: {error}", session.estate.name))),
    }
    (views, unread)
}

/// A run as whoever holds the lock makes it: where its process lives it is not interrupted because this one
/// reads its journal.
fn as_held(view: RunView, holder: Option<&Safe>) -> RunView {
    let run = format!(", run {}", view.run);
    let lives = holder.is_some_and(|holder| holder.as_str().ends_with(&run));
    RunView { interrupted: view.interrupted && !lives, ..view }
}

/// The run, where anything of it is left; or why that cannot be told.
fn open_run(
    session: &Session,
    summary: &runs::RunSummary,
    now: Timestamp,
) -> Result<Option<RunView>, String> {
    let Some(RunEvent::Opened(opened)) = summary.first.as_ref().map(|record| &record.stamped.event) else {
        return Err("its journal cannot be read, so what it owes is not known".to_owned());
    };
    // A run of a simulated world, or through another endpoint, speaks of another Azure.
    if opened.world != WorldKind::Live || opened.endpoint != session.endpoint {
        return Ok(None);
    }
    let unread = |why: &dyn std::fmt::Display| format!("its journal cannot be read: {why}");
    let transcript = runs::read(&summary.path).map_err(|error| unread(&error))?;
    let context = Context {
        estate: session.estate.clone(),
        encode: session.azure.encoder(),
        run: summary.run.clone(),
        actor: session.actor(),
    };
    let engine = Engine::recover(context, &transcript.events).map_err(|error| unread(&error))?;
    let (run, owed) = (engine.run(), engine.run().debts().len());
    if run.is_over() {
        return Ok(None);
    }
    if opened.estate_hash != session.estate.hash {
        let stands = run.closed.map_or("open", sentence::end_word);
        return Err(format!(
            "{stands}, {}, opened with another text of the estate file ({}, here {})",
            counted(owed, "debt"),
            short(&opened.estate_hash),
            short(&session.estate.hash)
        ));
    }
    Ok(Some(engine.view(now)))
}

/// Enough of a hash to tell two texts apart.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::*;
    use crate::{
        app::scene,
        journal::lock::{EstateLock, Holder, holder},
    };

    /// Only the process that works on a run keeps it from being interrupted: one that works on another does not, nor
    /// one that was killed and left its lock behind.
    #[test]
    fn a_run_whose_process_lives_is_not_interrupted() {
        let mut gone = Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let here = scene::move_phase().run;
        for (pid, run, interrupted) in [
            (id(), Some(here.clone()), false),
            (id(), Some(format!("{here}2")), true),
            (id(), None, true),
            (gone.id(), Some(here), true),
        ] {
            let state = tempfile::tempdir().unwrap();
            let keys = ["an estate".to_owned()].into();
            let named = Holder { user: "op".to_owned(), pid, run };
            let _held = EstateLock::take_local(&keys, state.path(), &named).unwrap();
            let view = RunView { interrupted: true, ..scene::move_phase() };
            let view = as_held(view, holder(&keys, state.path()).as_ref());
            assert_eq!(view.interrupted, interrupted, "{named}");
        }
    }
}
