//! `run`, `resume`, `runs`, `report`.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    app::{StartOrder, sentence},
    cli::{Asked, Cli, Report, ReportForm, Resume, Run},
    domain::{
        Safe,
        text::counted,
        time::{Timestamp, time_text},
    },
    engine::{RunEvent, Stamped, event::WorldKind},
    journal::{
        Head, Journal, JournalError, runs,
        verify::{self, Verdict, VerifyReport},
    },
    report::{self, Integrity, Verified},
    runtime::{
        front::{self, First},
        hands::{Hands, Scribe},
        headless::{Headless, Outcome},
        listing,
        opening::{self, OpenRun, Order},
        paper, recordings,
        session::{self, Session},
    },
};

use super::{VerbError, look, print, runbooks};

/// `farshore run`.
pub async fn run(cli: &Cli, args: &Run) -> Result<u8, VerbError> {
    let session = Session::open(&cli.global, Some("run"))?;
    runbooks::find(&args.id)?;
    let order = Order {
        runbook: args.id.clone(),
        service: look::service(&session, args.service.as_deref())?,
        mode: args.mode.map(runbooks::mode),
        reason: Safe::new("started from the command line"),
        impact: None,
        moved_too: Vec::new(),
        left_holders: Vec::new(),
    };
    may_start(cli, &session, args.auto)?;
    if args.auto {
        let open = opening::open(&session, order, None).await?;
        return auto(&session, open).await;
    }
    let start = StartOrder {
        mark: 0,
        runbook: order.runbook,
        service: session.estate.services[order.service].name.clone(),
        mode: order.mode,
        reason: order.reason,
        impact: None,
        moved_too: Vec::new(),
        left_holders: Vec::new(),
    };
    front::open(cli, session, First::Start(Box::new(start)))
}

/// `farshore resume`.
pub async fn resume(cli: &Cli, args: &Resume) -> Result<u8, VerbError> {
    let session = session_of(cli, &args.run)?;
    // A screen that opens on something else than what was asked for would only hide why.
    opening::check_open(&session, &args.run)?;
    may_start(cli, &session, args.auto)?;
    if args.auto {
        let open = opening::resume(&session, &args.run, None).await?;
        return auto(&session, open).await;
    }
    front::open(cli, session, First::Resume(args.run.clone()))
}

/// The session a run goes on in: its own simulated world, or the estate of the command line.
pub fn session_of(cli: &Cli, run: &str) -> Result<Session, VerbError> {
    let state = session::state_dir(&cli.global)?;
    let (opened, last) = opening::bound_to(&state, run)?;
    if opened.world == WorldKind::Sim && session::has_world(&cli.global, run) {
        return Ok(Session::sim_of_run(&cli.global, run, last)?);
    }
    Ok(Session::open(&cli.global, Some("resume"))?)
}

fn may_start(cli: &Cli, session: &Session, auto: bool) -> Result<(), VerbError> {
    if cli.global.read_only {
        return Err(VerbError::Usage("--read-only cannot be armed, so nothing can be run".to_owned()));
    }
    if auto && !session.auto_allowed() {
        return Err(VerbError::Usage(
            "--auto is for --sim, or where endpoint and identity endpoint are loopback literals".to_owned(),
        ));
    }
    if !auto && !cli.global.plain && !std::io::stdout().is_terminal() {
        return Err(VerbError::Usage(
            "this is no terminal: add --plain for lines, or --auto to rehearse without a person".to_owned(),
        ));
    }
    Ok(())
}

/// A run without a person.
async fn auto(session: &Session, open: OpenRun) -> Result<u8, VerbError> {
    let id = open.engine.id().to_owned();
    let sim = session.world() == WorldKind::Sim;
    // A pipe that is gone neither ends a run nor changes how it is said to have ended.
    let _ = print(&format!("{}run {id}", if sim { "SIM " } else { "" }));
    let (inbox, news) = tokio::sync::mpsc::unbounded_channel();
    let durable = Arc::new(Mutex::new(open.journal.head()));
    let journal = Printing { inner: open.journal, durable: durable.clone() };
    let hands =
        Hands::new(session.azure.clone(), session.clock.clone(), inbox, Scribe::Inline(Box::new(journal)));
    let mut headless = Headless::new(open.engine, open.first, hands, session.clock.clone(), news);
    let outcome = headless.run(|_, _: Timestamp| {}).await;
    let said = match &outcome {
        Outcome::Ended(end) => format!("ended: {}", sentence::end_word(*end)),
        Outcome::NeedsPerson(why) => {
            format!("stopped for a person: {why}; go on with `farshore resume {id}`")
        }
    };
    let head = durable.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let seq = head.seq;
    let head = if seq == 0 { String::new() } else { format!("; head {}", head.hash) };
    let _ = print(&format!("{said}\n{}{head}", counted(seq, "record")));
    drop(open.lock);
    Ok(outcome.exit_code())
}

/// A journal that shows each line once it is durable.
#[derive(Debug)]
struct Printing<J> {
    inner: J,
    /// Its last durable record: a full disk can leave lines behind it in the file.
    durable: Arc<Mutex<Head>>,
}

impl<J: Journal> Journal for Printing<J> {
    fn append(&mut self, events: &[Stamped]) -> Result<u64, JournalError> {
        let seq = self.inner.append(events)?;
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.head();
        let mut out = paper::out();
        for stamped in events {
            let _ = writeln!(out, "{}  {}", time_text(stamped.wall), sentence::of_event(&stamped.event));
        }
        let _ = out.flush();
        Ok(seq)
    }

    fn head(&self) -> Head {
        self.inner.head()
    }
}

/// `farshore runs`: each line starts with the run's id. With `--sim` those of simulated estates only,
/// and a first line that says so.
pub fn list(cli: &Cli) -> Result<u8, VerbError> {
    let state = session::state_dir(&cli.global)?;
    let all = runs::list(&state).map_err(opening::OpenError::from)?;
    let found = verify::verify(&state, None);
    let damaged: HashMap<&str, Verdict> = found.as_ref().map(damaged).unwrap_or_default();
    let gone = found.as_ref().map_or(&[][..], |found| &found.gone);
    let mut text = String::new();
    let asked_sim = matches!(cli.global.asked(), Asked::Sim(_));
    if asked_sim {
        let _ = writeln!(text, "SIM runs of simulated estates");
    }
    let simulated =
        |summary: &runs::RunSummary| match summary.first.as_ref().map(|first| &first.stamped.event) {
            Some(RunEvent::Opened(opened)) => opened.world == WorldKind::Sim,
            // What cannot be read is shown wherever it may belong.
            _ => true,
        };
    let mut shown = all.iter().filter(|summary| !asked_sim || simulated(summary)).peekable();
    if shown.peek().is_none() && gone.is_empty() {
        let _ = writeln!(text, "no runs in {}", state.display());
    }
    for summary in shown {
        let _ = writeln!(text, "{}", list_line(summary, damaged.get(summary.run.as_str()).copied()));
    }
    for run in gone {
        let _ = writeln!(text, "{run}  missing: it is listed in HEADS and its journal is gone");
    }
    match &found {
        Ok(found) if found.verdict > Verdict::TornTail => {
            let words = found.verdict.words();
            let _ = writeln!(text, "NOT INTACT, {words}: `farshore audit verify` says where");
        }
        Err(error) if state.exists() => {
            let _ = writeln!(text, "not verified: {error}");
        }
        _ => {}
    }
    print(&text)?;
    Ok(0)
}

/// The worst that `audit verify` finds in each run in which it finds anything.
fn damaged(found: &VerifyReport) -> HashMap<&str, Verdict> {
    let worst = |run: &verify::RunReport| run.problems.iter().map(|problem| problem.verdict).max();
    found.runs.iter().filter_map(|run| Some((run.run.as_str(), worst(run)?))).collect()
}

fn list_line(summary: &runs::RunSummary, damage: Option<Verdict>) -> String {
    let opened = summary.first.as_ref().map(|record| &record.stamped);
    let what = match opened.map(|stamped| (&stamped.event, stamped.wall)) {
        Some((RunEvent::Opened(opened), at)) => {
            let sim = if opened.world == WorldKind::Sim { "SIM " } else { "" };
            let plan = &opened.plan;
            format!(
                "{sim}{}  {}  {} {} {}>{}",
                crate::domain::time::wall_text(at),
                plan.runbook,
                plan.service,
                plan.mode.word(),
                plan.codes[plan.from],
                plan.codes[plan.to]
            )
        }
        _ => "cannot be read".to_owned(),
    };
    let end = match (&summary.problem, damage) {
        (Some(problem), _) => format!("trouble: {problem}"),
        (None, Some(worse)) if worse > Verdict::TornTail => {
            format!("NOT INTACT: farshore audit verify {}", summary.run)
        }
        (None, _) => match listing::standing(summary) {
            (state, _, 0) => state.to_owned(),
            (state, _, debts) => format!("{state}, {}", counted(debts, "debt")),
        },
    };
    format!("{}  {what}  {end}", summary.run)
}

/// `farshore report`. A journal that is not intact is no success.
pub fn report(cli: &Cli, args: &Report) -> Result<u8, VerbError> {
    let report = match &args.recording {
        Some(file) => recordings::report(file, &args.run)?,
        None => built(&session::state_dir(&cli.global)?, &args.run, None)?,
    };
    print(&match args.output {
        ReportForm::Md => report::to_markdown(&report),
        ReportForm::Json => report::to_json(&report),
    })?;
    Ok(u8::from(report.integrity.verified != Verified::Intact))
}

/// The report of a run as Markdown, at `now` of the estate.
pub fn report_text(state: &Path, run: &str, now: Timestamp) -> Result<String, VerbError> {
    Ok(report::to_markdown(&built(state, run, Some(now))?))
}

fn built(state: &Path, run: &str, now: Option<Timestamp>) -> Result<report::Report, VerbError> {
    let path = runs::find(state, run).map_err(opening::OpenError::from)?;
    let transcript = runs::read(&path).map_err(opening::OpenError::from)?;
    let (verified, notes) = verified(&path);
    let integrity =
        Integrity { head: transcript.head.hash.clone(), records: transcript.head.seq, verified, notes };
    let last = transcript.events.last().map_or_else(Timestamp::now, |stamped| stamped.wall);
    report::build(run, &transcript.events, integrity, now.unwrap_or(last))
        .ok_or_else(|| VerbError::Usage(format!("{run} has no first record; see `farshore audit verify`")))
}

/// What `audit verify` finds in this run, with what it could not check.
fn verified(path: &Path) -> (Verified, Vec<Safe>) {
    let found = match verify::verify(path, None) {
        Ok(found) => found,
        Err(error) => return (Verified::NotChecked, vec![Safe::new(&error.to_string())]),
    };
    let problems = found.runs.iter().flat_map(|run| &run.problems).chain(&found.problems);
    let worst =
        problems.filter(|problem| problem.verdict == found.verdict).map(|problem| problem.what.as_str());
    let why = worst.collect::<Vec<_>>().join("; ");
    let verified = match found.verdict {
        Verdict::Intact => Verified::Intact,
        Verdict::TornTail => Verified::Torn(why),
        Verdict::Shorter => Verified::Shorter(why),
        Verdict::Missing | Verdict::Tampered => Verified::Broken(why),
    };
    (verified, found.notes)
}
