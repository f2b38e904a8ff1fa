//! Opening a run and going on with one: lock, plan, journal, world.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use crate::{
    app::{StartOrder, run::RunOpen, sentence},
    azure::Azure,
    domain::{
        Safe, Source,
        access::PrincipalId,
        death,
        picture::Picture,
        time::{Span, Timestamp, seconds, wall_text},
    },
    engine::{
        Context, Engine, Input, Output, Run, Stamped,
        command::Command,
        event::{Opened, RunEvent},
        run::RecoverError,
    },
    journal::{
        FileJournal, JournalError,
        lock::{EstateLock, Holder, LockError},
        runs,
    },
    runbook::{self, BindError, Binding, Mode, Plan, plan::MovedToo},
};

use super::{
    facts, listing,
    session::{Place, Session},
    survey,
    worlds::{self, WorldError},
};

/// How often an id is drawn: of a thousand marks nine hundred may be taken.
const DRAWS: u32 = 200;

/// What a run is opened with.
#[derive(Debug, Clone)]
pub struct Order {
    /// Runbook id.
    pub runbook: String,
    /// Service's place in the estate.
    pub service: usize,
    /// Mode; `None`: nobody has said which.
    pub mode: Option<Mode>,
    /// Why.
    pub reason: Safe,
    /// When the impact began.
    pub impact: Option<Timestamp>,
    /// Holders moved along.
    pub moved_too: Vec<MovedToo>,
    /// Holders left where they are.
    pub left_holders: Vec<(PrincipalId, Safe)>,
}

impl Order {
    /// What the start dialog asked for, of the service at this place of the estate.
    pub fn of(order: StartOrder, service: usize) -> Self {
        Self {
            runbook: order.runbook,
            service,
            mode: order.mode,
            reason: order.reason,
            impact: order.impact,
            moved_too: order.moved_too,
            left_holders: order.left_holders,
        }
    }
}

/// A run that is open in this process.
#[derive(Debug)]
pub struct OpenRun {
    /// Its engine.
    pub engine: Engine,
    /// What it asks for first.
    pub first: Vec<Output>,
    /// Records already in its journal; 0 for a new run.
    pub seq: u64,
    /// Those records.
    pub past: Vec<Stamped>,
    /// Its journal.
    pub journal: FileJournal,
    /// Keeps others away from the estate.
    pub lock: Arc<EstateLock>,
}

/// Why a run cannot be opened or resumed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such runbook.
    #[error("no runbook {0}; `farshore runbook list` names them")]
    NoRunbook(Safe),
    /// It cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Another process works on the estate.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The world cannot be kept.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The events are no run.
    #[error("the journal of {0} is no run: {1}")]
    NoRun(String, RecoverError),
    /// The run has ended.
    #[error("run {0} is closed ({1}); `farshore report {0}` tells what happened")]
    Closed(String, String),
    /// A run of the service is open already.
    #[error(
        "{run} of {service} is open since {since}: go on with it by `farshore resume {run}`, where it can \
         be aborted too; two runs of one service would undo each other"
    )]
    OtherOpen {
        /// Run.
        run: String,
        /// Service.
        service: String,
        /// When it was opened.
        since: String,
    },
    /// Nobody said how a side that looks dead is to be left.
    #[error(
        "no mode was given, and {code}, which {service} would leave, looks dead ({signs}); nothing was \
         written. Say how: --mode ungraceful, or --mode graceful where it is known to answer"
    )]
    LooksDead {
        /// Region.
        code: String,
        /// Service.
        service: String,
        /// Why it looks so.
        signs: String,
    },
    /// What the run was bound to is not what is here now.
    #[error("will not resume {run}: its {what} was {was}, here it is {is}; nothing was sent. {remedy}")]
    Differs {
        /// Run.
        run: String,
        /// What differs.
        what: &'static str,
        /// In the first record.
        was: String,
        /// Here.
        is: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// Binds a plan to what the estate looks like now.
pub async fn plan(session: &Session, order: &Order) -> Result<Plan, OpenError> {
    let runbook =
        runbook::builtin(&order.runbook).ok_or_else(|| OpenError::NoRunbook(Safe::new(&order.runbook)))?;
    let mut sources = survey::planning_sources(order.service);
    if order.mode.is_none() {
        sources.extend(death::sources(&session.estate, order.service));
    }
    let sources: BTreeSet<Source> = sources.into_iter().collect();
    let mut picture = survey::survey(&session.azure, &session.clock, sources).await;
    let mode = match order.mode {
        Some(mode) => mode,
        None => usual_mode(session, order.service, &mut picture).await?,
    };
    let binding = Binding {
        estate: &session.estate,
        picture: &picture,
        service: order.service,
        mode,
        moved_too: order.moved_too.clone(),
        now: session.clock.now(),
    };
    Ok(binding.bind(&runbook)?)
}

/// How often the calls are looked at that would tell of a death if they went on failing. A provider that
/// keeps failing is left alone for a while: not every look brings a failure.
const LOOKS: u32 = 2 * death::FAILED_CALLS;

/// The pause after a look for which nothing was asked.
const LEFT_ALONE: Span = seconds(15);

/// The mode where nobody has said which: graceful, unless the side that is left looks dead. Then which one
/// fits is for a person to say, before there is a run that would begin as what it is not.
async fn usual_mode(session: &Session, service: usize, picture: &mut Picture) -> Result<Mode, OpenError> {
    let estate = &session.estate;
    // As a run would go: a closed or a split service is left like any other.
    let Ok((from, _)) = runbook::bind::direction(estate, picture, service, Mode::Ungraceful) else {
        // Binding says what is amiss.
        return Ok(Mode::Graceful);
    };
    let signs =
        |picture: &Picture| death::signs(estate, picture, service, from, Timestamp::MIN, session.clock.now());
    let mut seen = signs(picture);
    for _ in 1..LOOKS {
        let silent = survey::silent_on(picture, service, from);
        if death::rule(&seen) || silent.is_empty() {
            break;
        }
        // One call that fails is no sign: several in a row are, while the other region answers them.
        let misses = |picture: &Picture| -> u32 {
            silent.iter().filter_map(|source| picture.reading(source)).map(|reading| reading.misses).sum()
        };
        let before = misses(picture);
        survey::survey_into(picture, &session.azure, &session.clock, silent.clone()).await;
        if misses(picture) == before {
            session.clock.sleep_until(session.clock.now() + LEFT_ALONE).await;
        }
        seen = signs(picture);
    }
    if !death::rule(&seen) {
        return Ok(Mode::Graceful);
    }
    let signs: Vec<String> = seen.iter().map(|sign| format!("sign {}: {}", sign.class, sign.what)).collect();
    Err(OpenError::LooksDead {
        code: estate.regions[from].code.clone(),
        service: estate.services[service].name.clone(),
        signs: signs.join("; "),
    })
}

/// An id that no run here has. A rehearsed day begins at the same minute each time, so that its
/// few marks do meet.
fn unused_id(session: &Session) -> String {
    let now = session.clock.now();
    let is_taken = |run: &str| {
        runs::is_taken(&session.state, &session.estate.name, run) || worlds::exists(&session.state, run)
    };
    let draw = || runs::run_id(now, fastrand::u64(..));
    // Where none is found soon, opening says so: the file is there already.
    (0..DRAWS).map(|_| draw()).find(|run| !is_taken(run)).unwrap_or_else(draw)
}

/// Opens a new run: lock, plan, journal file, and the world where it is simulated. `held`: the lock of
/// the run that ended here before; it passes on without a moment in which another process could take it.
pub async fn open(
    session: &Session,
    order: Order,
    held: Option<Arc<EstateLock>>,
) -> Result<OpenRun, OpenError> {
    let run = unused_id(session);
    let lock = lock(session, &run, held)?;
    beside_no_other(session, &session.estate.services[order.service].name)?;
    session.identify().await;
    let plan = plan(session, &order).await?;
    let opened = Opened {
        estate: session.estate.name.clone(),
        estate_hash: session.estate.hash.clone(),
        tenant: session.estate.tenant.clone(),
        endpoint: session.endpoint.clone(),
        world: session.world(),
        scenario: match &session.place {
            Place::Sim(rehearsed) => Some(rehearsed.label.clone()),
            Place::Live(_) => None,
        },
        tool: format!("farshore {}", env!("CARGO_PKG_VERSION")),
        plan_hash: plan.hash(),
        plan,
        previous: runs::latest_head(&session.state, &session.estate.name)?.map(|head| head.hash),
        impact: order.impact,
        reason: order.reason,
    };
    let journal = FileJournal::create(&session.state, &session.estate.name, &run)?;
    if let Place::Sim(rehearsed) = &session.place {
        rehearsed.ledger.adopt(&session.state, &run)?;
    }
    let (mut engine, mut first) =
        Engine::open(context(session, &session.azure, &run), opened, session.clock.now());
    for (principal, reason) in order.left_holders {
        let leave = Input::Command(Command::LeaveHolder { principal, reason });
        first.extend(engine.handle(leave, session.clock.now()).0);
    }
    name(&lock, session, &run);
    Ok(OpenRun { engine, first, seq: 0, past: Vec::new(), journal, lock })
}

/// A second run of a service would begin with what the first has changed, and know nothing of what that
/// owes. One that cannot be gone on with here, such as after a change of the estate file, stops nobody.
fn beside_no_other(session: &Session, service: &str) -> Result<(), OpenError> {
    for summary in runs::list(&session.state)? {
        let Some(first) = summary.first.as_ref().map(|record| &record.stamped) else { continue };
        let RunEvent::Opened(opened) = &first.event else { continue };
        if opened.plan.service == service
            && facts::is_of(&summary.run, opened, session)
            && check(session, &summary.run, std::slice::from_ref(first)).is_ok()
            && matches!(listing::standing(&summary), (_, RunOpen::Open, 0))
        {
            let since = wall_text(first.wall);
            return Err(OpenError::OtherOpen { run: summary.run, service: service.to_owned(), since });
        }
    }
    Ok(())
}

/// Goes on with a run. Nothing is sent until [`Command::Resume`]. `held` as for [`open`].
pub async fn resume(
    session: &Session,
    run: &str,
    held: Option<Arc<EstateLock>>,
) -> Result<OpenRun, OpenError> {
    let lock = lock(session, run, held)?;
    session.identify().await;
    let reopened = FileJournal::open(&session.state, run)?;
    check(session, run, &reopened.events)?;
    let mut engine = Engine::recover(context(session, &session.azure, run), &reopened.events)
        .map_err(|error| OpenError::NoRun(run.to_owned(), error))?;
    not_over(engine.run(), run)?;
    let mut first = Vec::new();
    if let Some(recovered) = reopened.recovered {
        first = engine.record(recovered, session.clock.now());
    }
    let seq = reopened.events.len() as u64;
    name(&lock, session, run);
    Ok(OpenRun { engine, first, seq, past: reopened.events, journal: reopened.journal, lock })
}

/// Whether a run can be gone on with here: one that has ended and owes nothing cannot, nor one that
/// was bound to something else.
pub fn check_open(session: &Session, run: &str) -> Result<(), OpenError> {
    let events = runs::read(&runs::find(&session.state, run)?)?.events;
    let folded = Run::recover(&events).map_err(|error| OpenError::NoRun(run.to_owned(), error))?;
    not_over(&folded, run)?;
    check(session, run, &events)
}

fn not_over(run: &Run, id: &str) -> Result<(), OpenError> {
    match run.closed.filter(|_| run.is_over()) {
        Some(end) => Err(OpenError::Closed(id.to_owned(), sentence::end_word(end).to_owned())),
        None => Ok(()),
    }
}

/// A run goes on only with the estate, tenant, endpoint and plan it was opened with.
fn check(session: &Session, run: &str, events: &[Stamped]) -> Result<(), OpenError> {
    let Some(RunEvent::Opened(opened)) = events.first().map(|first| &first.event) else {
        return Err(OpenError::NoRun(run.to_owned(), RecoverError::NotOpened));
    };
    let plan_hash = opened.plan.hash();
    let pairs = [
        ("tenant", &opened.tenant, &session.estate.tenant, OTHER_FILE),
        ("endpoint", &opened.endpoint, &session.endpoint, OTHER_ENDPOINT),
        ("estate file", &opened.estate_hash, &session.estate.hash, OTHER_FILE),
        ("plan", &opened.plan_hash, &plan_hash, OTHER_PLAN),
    ];
    match pairs.into_iter().find(|(_, was, is, _)| was != is) {
        None => Ok(()),
        Some((what, was, is, remedy)) => {
            let run = run.to_owned();
            Err(OpenError::Differs { run, what, was: brief(was), is: brief(is), remedy })
        }
    }
}

/// What to do where a run was bound to another estate file.
const OTHER_FILE: &str = "Give the file as it was then with --estate FILE, or open a new run: what is done \
                          already is found done";
/// To another endpoint.
const OTHER_ENDPOINT: &str = "Give the endpoint it was opened with by --endpoint URL, or open a new run: \
                              what is done already is found done";
/// The plan stands in the journal itself.
const OTHER_PLAN: &str = "Another version of farshore wrote its journal, or it was changed since: \
                          `farshore audit verify` tells. A new run finds done what is done already";

/// Digits of a hash that tell two of them apart for a person; the journal has all of them.
const HASH_DIGITS_SAID: usize = 12;

/// A hash in few digits; anything else as it is.
fn brief(text: &str) -> String {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { format!("sha256 {}…", &text[..HASH_DIGITS_SAID]) } else { text.to_owned() }
}

fn context(session: &Session, azure: &Azure, run: &str) -> Context {
    Context {
        estate: session.estate.clone(),
        encode: azure.encoder(),
        run: run.to_owned(),
        actor: session.actor(),
    }
}

/// Azure's estates are locked for the whole machine; a simulated one belongs to its state
/// directory, so that two people can rehearse side by side.
fn lock(session: &Session, run: &str, held: Option<Arc<EstateLock>>) -> Result<Arc<EstateLock>, LockError> {
    if let Some(held) = held {
        return Ok(held);
    }
    let holder = holder(session, run);
    match session.place {
        Place::Sim(_) => EstateLock::take_local(&session.lock_keys(), &session.state, &holder),
        Place::Live(_) => EstateLock::take(&session.lock_keys(), &session.state, &holder),
    }
    .map(Arc::new)
}

/// Says in the lock which run it is held for, now that it is open.
fn name(lock: &EstateLock, session: &Session, run: &str) {
    // The text is a courtesy; the lock holds without it.
    let _ = lock.name(&holder(session, run));
}

fn holder(session: &Session, run: &str) -> Holder {
    let user = session.actor().os.to_string();
    Holder { user, pid: std::process::id(), run: Some(run.to_owned()) }
}

/// The first and last record of a run, for choosing how to reopen it.
pub fn bound_to(state: &Path, run: &str) -> Result<(Opened, Timestamp), OpenError> {
    let path = runs::find(state, run)?;
    let transcript = runs::read(&path)?;
    let Some(last) = transcript.events.last().map(|stamped| stamped.wall) else {
        return Err(JournalError::Empty { run: run.to_owned() }.into());
    };
    match transcript.events.into_iter().next().map(|first| first.event) {
        Some(RunEvent::Opened(opened)) => Ok((*opened, last)),
        _ => Err(OpenError::NoRun(run.to_owned(), RecoverError::NotOpened)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    /// A region whose calls fail says so only when it is asked again and again.
    #[tokio::test(start_paused = true)]
    async fn a_mode_that_nobody_said_is_not_guessed_where_calls_fail_three_times_in_a_row() {
        const STORES: &str = "fault = \"share-down\"\nregion = \"primary\"";
        const SILENT: &str = "fault = \"silent\"\nregion = \"primary\"\nproviders = \
                              [\"Microsoft.Compute\", \"Microsoft.DesktopVirtualization\"]";
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&[STORES], &[]),
            (&[SILENT], &[]),
            (&[SILENT, STORES], &["sign 3: compute calls and host pool calls fail here", "sign 4: "]),
        ];
        for (faults, signs) in cases {
            let state = tempfile::tempdir().unwrap();
            let words = ["farshore", "--sim=tiny", "--state-dir", state.path().to_str().unwrap()];
            let cli = cli::parse(words.map(std::ffi::OsString::from)).unwrap();
            let session = Session::open(&cli.global, None).unwrap();
            let Place::Sim(rehearsed) = &session.place else { panic!() };
            for fault in faults {
                rehearsed.sim.inject(crate::sim::Fault::from_toml(fault).unwrap());
            }
            let order = |mode| Order {
                runbook: "avd-pooled-failover".to_owned(),
                service: 0,
                mode,
                reason: "test".into(),
                impact: None,
                moved_too: vec![],
                left_holders: vec![],
            };
            let found = plan(&session, &order(None)).await;
            let said = match &found {
                Err(error @ OpenError::LooksDead { .. }) => error.to_string(),
                _ => String::new(),
            };
            assert_eq!(said.is_empty(), signs.is_empty(), "{faults:?}: {found:?}");
            for sign in signs {
                assert!(said.contains(sign), "{faults:?}: {said}");
            }
            // Whoever says how is taken at their word.
            let said = plan(&session, &order(Some(Mode::Ungraceful))).await;
            assert!(!matches!(said, Err(OpenError::LooksDead { .. })), "{faults:?}");
        }
    }

    type Edit = fn(&mut Opened);

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_run_bound_to_anything_else_is_not_gone_on_with_and_what_differs_is_said() {
        let state = tempfile::tempdir().unwrap();
        let words = ["farshore", "--sim=tiny", "--state-dir", state.path().to_str().unwrap()];
        let cli = cli::parse(words.map(std::ffi::OsString::from)).unwrap();
        let session = Session::open(&cli.global, None).unwrap();
        let order = Order {
            runbook: "avd-pooled-failover".to_owned(),
            service: 0,
            mode: Some(Mode::Graceful),
            reason: "test".into(),
            impact: None,
            moved_too: vec![],
            left_holders: vec![],
        };
        let open = open(&session, order, None).await.unwrap();
        let first = open.first.into_iter().find_map(|output| match output {
            Output::Append(batch) => batch.into_iter().next(),
            _ => None,
        });
        let first = first.unwrap();
        let RunEvent::Opened(opened) = &first.event else { panic!("{first:?}") };
        assert!(check(&session, "r-1", std::slice::from_ref(&first)).is_ok());
        let edits: [(&str, Edit); 5] = [
            ("estate file", |opened| opened.estate_hash = "other".to_owned()),
            ("tenant", |opened| opened.tenant = "other".to_owned()),
            ("endpoint", |opened| opened.endpoint = "other".to_owned()),
            ("plan", |opened| opened.plan_hash = "other".to_owned()),
            ("plan", |opened| opened.plan.service = "other".to_owned()),
        ];
        for (what, edit) in edits {
            let mut opened = opened.clone();
            edit(&mut opened);
            let stamped = Stamped { event: RunEvent::Opened(opened), ..first.clone() };
            let said = check(&session, "r-1", &[stamped]).unwrap_err().to_string();
            assert!(said.starts_with(&format!("will not resume r-1: its {what} was ")), "{said}");
        }
    }
}
