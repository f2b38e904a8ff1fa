//! A simulated Azure on which processes of the cockpit live and die, one after the other.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use farshore::{
    azure::{Azure, AzureOptions, Endpoint, tokens},
    config,
    domain::{
        estate::Estate,
        time::{Span, Timestamp},
    },
    engine::{
        Actor, Context, Engine, Input, Stamped,
        event::{Opened, RunEvent, WorldKind},
    },
    journal::{Head, Journal, JournalError, MemoryJournal},
    runbook::{self, Binding, Mode, Runbook},
    runtime::{
        clock::Clock,
        hands::{Hands, Inbox, Scribe},
        headless::{Headless, Outcome},
        survey,
    },
    sim::{NoLedger, Scenario, Sim, SimOptions},
    wire::{Guard, Reply, Request, Response, Wire, WireError},
};
use tokio::sync::Notify;

use super::invariants::{AUTHORITY, Arrival, Disturbance, Shut, Witness, is_write};

/// The run's id.
pub const RUN: &str = "r-20261120-0800-aa";

/// Characters of a record that a story tells.
const STORY_LINE: usize = 500;

/// A run of `tiny` writes some hundred records; one with so many turns in a circle.
const RECORDS_MAX: u64 = 5_000;

/// Where a process ends, and what the disk keeps of the append it was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// I/O point, from 0.
    pub point: usize,
    /// Of an append that is cut off, this many records (modulo their number) are kept.
    pub keeps: usize,
}

/// One process: it counts its I/O points and ends at one of them.
#[derive(Debug, Default)]
pub struct Life {
    points: AtomicUsize,
    /// Points at which something lasting changes: appends and writes. Kills between two of them
    /// leave the same disk and the same world behind.
    lasting: Mutex<Vec<usize>>,
    /// Points before an append, with the number of its records.
    appends: Mutex<Vec<(usize, usize)>>,
    kill: Option<Kill>,
    dead: AtomicBool,
    died: Notify,
}

impl Life {
    pub fn new(kill: Option<Kill>) -> Arc<Self> {
        Arc::new(Self { kill, ..Self::default() })
    }

    /// Passes one I/O point, and says whether the process is dead there.
    fn ends(&self, lasting: bool) -> bool {
        if self.is_dead() {
            return true;
        }
        let point = self.points.fetch_add(1, Ordering::Relaxed);
        if lasting {
            self.lasting.lock().unwrap_or_else(PoisonError::into_inner).push(point);
        }
        let ends = self.kill.is_some_and(|kill| kill.point == point);
        if ends {
            self.dead.store(true, Ordering::Relaxed);
            self.died.notify_one();
        }
        ends
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Points at which something lasting changed.
    pub fn lasting(&self) -> Vec<usize> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Points before an append, with the number of its records: each beginning of it may be kept.
    pub fn appends(&self) -> Vec<(usize, usize)> {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// I/O points passed so far.
    pub fn points(&self) -> usize {
        self.points.load(Ordering::Relaxed)
    }
}

/// The real encoder's journal in memory, which a dying process leaves as it stands.
struct Notebook {
    kept: Arc<Mutex<MemoryJournal>>,
    life: Arc<Life>,
    witness: Arc<Witness>,
}

impl Notebook {
    fn keep(&self, events: &[Stamped]) -> Result<u64, JournalError> {
        let seq = self.head_seq();
        if seq > RECORDS_MAX {
            self.witness.broken("I13", &format!("writes without end: {:?}", events[0].event));
            return Err(JournalError::Dead { run: RUN.to_owned(), seq });
        }
        let seq = self.kept.lock().unwrap_or_else(PoisonError::into_inner).append(events)?;
        self.witness.durable(events);
        Ok(seq)
    }
}

impl Notebook {
    fn head_seq(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).head().seq
    }
}

impl Journal for Notebook {
    fn append(&mut self, events: &[Stamped]) -> Result<u64, JournalError> {
        let before = self.life.is_dead();
        let point = self.life.points();
        self.life.appends.lock().unwrap_or_else(PoisonError::into_inner).push((point, events.len()));
        if self.life.ends(true) {
            if let Some(kill) = self.life.kill.filter(|_| !before) {
                self.keep(&events[..kill.keeps % events.len()])?;
            }
            return Err(JournalError::Dead { run: RUN.to_owned(), seq: self.head().seq });
        }
        let seq = self.keep(events)?;
        // Durable, and the process may end before it knows.
        self.life.ends(true);
        Ok(seq)
    }

    fn head(&self) -> Head {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).head()
    }
}

/// The wire of one process: what it sends after its end never leaves, what it would be told
/// never arrives.
#[derive(Debug)]
struct Line {
    sim: Arc<Sim>,
    life: Arc<Life>,
    witness: Arc<Witness>,
    shut: Shut,
    liar: Option<Arc<Liar>>,
}

/// Answers that lead elsewhere.
#[derive(Debug)]
pub struct Liar {
    /// What stands in place of our origin.
    pub elsewhere: &'static str,
    /// Answers it still changes.
    pub left: AtomicUsize,
}

impl Liar {
    fn change(&self, response: &mut Response) {
        let ours = format!("http://{AUTHORITY}/");
        let take =
            || self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        for name in ["azure-asyncoperation", "location"] {
            let told = response.headers().get(name).and_then(|text| text.to_str().ok()).map(str::to_owned);
            if let Some(told) = told.filter(|told| told.starts_with(&ours) && take()) {
                let text = told.replacen(&ours, self.elsewhere, 1);
                response.headers_mut().insert(name, text.parse().expect("an address is a header value"));
            }
        }
        let link = format!("\"nextLink\":\"{ours}");
        let body = String::from_utf8_lossy(response.body());
        if body.contains(&link) && take() {
            let body = body.replacen(&link, &format!("\"nextLink\":\"{}", self.elsewhere), 1);
            *response.body_mut() = Bytes::from(body);
        }
    }
}

impl Wire for Line {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let (uri, write) = (request.uri().clone(), is_write(&request));
            if self.life.ends(write) {
                return std::future::pending().await;
            }
            let arrival: Arrival = self.witness.arrives(&request, &self.shut);
            let mut reply = self.sim.call(request);
            let mut answer = match futures_util::poll!(&mut reply) {
                std::task::Poll::Ready(answer) => {
                    self.witness.acted(&uri, &arrival);
                    answer
                }
                std::task::Poll::Pending => {
                    self.witness.acted(&uri, &arrival);
                    reply.await
                }
            };
            if self.life.ends(write) {
                return std::future::pending::<Result<Response, WireError>>().await;
            }
            self.shut.answered(uri.path(), write, &answer);
            self.witness.answered(&arrival, &answer);
            if let (Some(liar), Ok(response)) = (&self.liar, &mut answer) {
                liar.change(response);
            }
            answer
        })
    }
}

/// How a world is set up.
#[derive(Debug, Clone)]
pub struct Setting {
    pub seed: u64,
    pub mode: Mode,
    pub options: SimOptions,
    pub disturbance: Disturbance,
    pub liar: Option<Arc<Liar>>,
    /// How far the clock of each process is off the world's, one after the other; then not at all.
    pub clock_off: Vec<Span>,
}

impl Setting {
    pub fn calm(mode: Mode) -> Self {
        let dead = mode == Mode::Ungraceful;
        let disturbance = Disturbance { dead, ..Disturbance::default() };
        Self { seed: 1, mode, options: SimOptions::default(), disturbance, liar: None, clock_off: vec![] }
    }
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Outcome(Outcome),
    /// Killed.
    Killed,
    /// It hung.
    Stuck,
    /// It could not even begin.
    Unable(String),
}

/// A simulated Azure, and what outlives a process: the journal and the clock.
#[derive(Debug)]
pub struct Stage {
    pub estate: Arc<Estate>,
    pub sim: Arc<Sim>,
    pub clock: Arc<Clock>,
    pub witness: Arc<Witness>,
    pub journal: Arc<Mutex<MemoryJournal>>,
    pub inbox: Mutex<Option<Inbox>>,
    setting: Setting,
    processes: AtomicUsize,
}

/// Parsed once: thousands of worlds are made from them.
fn tiny() -> &'static (Scenario, Arc<Estate>, Runbook) {
    static TINY: OnceLock<(Scenario, Arc<Estate>, Runbook)> = OnceLock::new();
    TINY.get_or_init(|| {
        let scenario = Scenario::builtin("tiny").expect("tiny is built in");
        let estate = config::parse(&scenario.estate_toml(None), "sim").expect("its estate is well formed");
        let runbook = runbook::builtin("avd-pooled-failover").expect("it is built in");
        (scenario, Arc::new(estate), runbook)
    })
}

impl Stage {
    pub fn new(setting: Setting) -> Arc<Self> {
        let (scenario, estate, _) = tiny();
        let clock = Arc::new(Clock::new(scenario.epoch(), 1.0));
        let (seed, options) = (setting.seed, setting.options);
        let sim = Sim::open(scenario.clone(), seed, clock.clone(), Arc::new(NoLedger), &[], options)
            .expect("a new world opens");
        let witness = Witness::new(sim.clone(), clock.clone(), estate, setting.disturbance);
        let journal = Arc::new(Mutex::new(MemoryJournal::new(RUN)));
        Arc::new(Self {
            estate: estate.clone(),
            sim,
            clock,
            witness,
            journal,
            inbox: Mutex::new(None),
            setting,
            processes: AtomicUsize::new(0),
        })
    }

    /// The journal's bytes as a file would hold them.
    pub fn bytes(&self) -> Vec<u8> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).bytes().to_vec()
    }

    fn azure(&self, life: &Arc<Life>) -> Azure {
        let line = Line {
            sim: self.sim.clone(),
            life: life.clone(),
            witness: self.witness.clone(),
            shut: Shut::default(),
            liar: self.setting.liar.clone(),
        };
        let endpoint = Endpoint::parse(&format!("http://{AUTHORITY}")).expect("a loopback literal");
        let options =
            AzureOptions { seed: self.setting.seed, ..AzureOptions::new(endpoint, self.estate.clone()) };
        Azure::new(Arc::new(Guard::new(Arc::new(line))), Arc::new(tokens::Fixed::simulated()), options)
    }

    /// One process from its start to its end: it opens the run, or goes on with it.
    pub async fn process(&self, kill: Option<Kill>) -> (End, Arc<Life>) {
        let life = Life::new(kill);
        self.witness.new_process();
        let clock = self.clock_of_process();
        let work = async {
            let mut headless = match self.begin(&life, &clock).await {
                Ok(headless) => headless,
                Err(why) => return End::Unable(why),
            };
            End::Outcome(headless.run(|engine: &Engine, _: Timestamp| self.witness.sees(engine)).await)
        };
        let end = tokio::select! {
            biased;
            () = life.died.notified() => End::Killed,
            end = work => if life.is_dead() { End::Killed } else { end },
            () = self.witness.stuck() => End::Stuck,
        };
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = None;
        (end, life)
    }

    /// What a process takes for the time: machines disagree, and are put right between two starts.
    fn clock_of_process(&self) -> Arc<Clock> {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        match self.setting.clock_off.get(number) {
            None => self.clock.clone(),
            Some(off) => Arc::new(Clock::new(self.clock.now() + *off, 1.0)),
        }
    }

    async fn begin(&self, life: &Arc<Life>, clock: &Arc<Clock>) -> Result<Headless, String> {
        let azure = self.azure(life);
        let context = Context {
            estate: self.estate.clone(),
            encode: azure.encoder(),
            run: RUN.to_owned(),
            actor: Actor::default(),
        };
        let read = {
            let kept = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            MemoryJournal::from_lines(RUN, kept.lines())
        };
        let (kept, events) = read.map_err(|error| error.to_string())?;
        let now = clock.now();
        let (engine, first) = if events.is_empty() {
            Engine::open(context, self.opened(&azure, clock).await?, clock.now())
        } else {
            *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            let mut engine = Engine::recover(context, &events).map_err(|error| error.to_string())?;
            // The cut line was set aside, as opening the file does.
            let (sha256, kept) = ("00".repeat(32), format!("{RUN}.torn-1"));
            let first = engine.record(RunEvent::Recovered { bytes: 7, sha256, kept }, now);
            (engine, first)
        };
        let (inbox, news) = tokio::sync::mpsc::unbounded_channel::<Input>();
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(inbox.clone());
        let notebook =
            Notebook { kept: self.journal.clone(), life: life.clone(), witness: self.witness.clone() };
        let hands = Hands::new(azure, clock.clone(), inbox, Scribe::Inline(Box::new(notebook)));
        Ok(Headless::new(engine, first, hands, clock.clone(), news))
    }

    async fn opened(&self, azure: &Azure, clock: &Arc<Clock>) -> Result<Opened, String> {
        let picture = survey::survey(azure, clock, survey::planning_sources(0)).await;
        let (mode, now) = (self.setting.mode, clock.now());
        let binding =
            Binding { estate: &self.estate, picture: &picture, service: 0, mode, moved_too: vec![], now };
        let plan = binding.bind(&tiny().2).map_err(|error| error.to_string())?;
        Ok(Opened {
            estate: self.estate.name.clone(),
            estate_hash: self.estate.hash.clone(),
            tenant: self.estate.tenant.clone(),
            endpoint: format!("http://{AUTHORITY}"),
            world: WorldKind::Sim,
            scenario: None,
            tool: "test".to_owned(),
            plan_hash: plan.hash(),
            plan,
            previous: None,
            impact: None,
            reason: "test".into(),
        })
    }

    /// The journal for a person, for failed tests.
    pub fn story(&self) -> String {
        let kept = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for line in kept.lines() {
            let from = line.find("\"wall\"").unwrap_or_default();
            text.extend(line[from..].chars().take(STORY_LINE));
            text.push('\n');
        }
        text
    }
}

/// Runs `work` in virtual time, on a runtime of its own.
pub fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be made");
    runtime.block_on(work)
}
