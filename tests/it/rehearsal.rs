//! A whole cockpit without a screen over a simulated Azure, in virtual time.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use farshore::{
    azure::{Azure, AzureOptions, Endpoint, tokens},
    config,
    domain::{estate::Estate, time::Timestamp},
    engine::{
        Actor, Context, Engine, Stamped,
        event::{Opened, WorldKind},
    },
    journal::{Head, Journal, JournalError, MemoryJournal},
    runbook::{self, Binding, Mode, plan::MovedToo},
    runtime::{
        clock::Clock,
        hands::{Hands, Scribe},
        headless::{Headless, Outcome},
        survey,
    },
    sim::{NoLedger, Scenario, Sim, SimOptions},
    wire::{Guard, Wire},
};

use super::contract::Checking;

/// The real encoder's journal in memory, readable while it is written.
#[derive(Debug, Clone)]
pub struct SharedJournal(pub Arc<Mutex<MemoryJournal>>);

impl SharedJournal {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(MemoryJournal::new(RUN))))
    }

    /// The events as a new process would read them.
    pub fn events(&self) -> Vec<Stamped> {
        let kept = self.0.lock().unwrap();
        MemoryJournal::from_lines(RUN, kept.lines()).unwrap().1
    }
}

impl Journal for SharedJournal {
    fn append(&mut self, events: &[Stamped]) -> Result<u64, JournalError> {
        self.0.lock().unwrap().append(events)
    }

    fn head(&self) -> Head {
        self.0.lock().unwrap().head()
    }
}

/// The run's id.
pub const RUN: &str = "r-20261120-0800-aa";

/// How a rehearsal differs from a built-in scenario.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Built-in scenario.
    pub scenario: &'a str,
    pub seed: u64,
    /// Pieces of the scenario's text and what stands there instead.
    pub world: &'a [(&'a str, &'a str)],
    /// The same for the estate file.
    pub estate: &'a [(&'a str, &'a str)],
    /// Network time of each answer: with some, a look after a confirmation never falls into
    /// the moment of the confirmation itself.
    pub latency_ms: u64,
    pub options: SimOptions,
}

impl Setting<'_> {
    /// The smallest world, as it is built in.
    pub const PLAIN: Setting<'static> = Setting {
        scenario: "tiny",
        seed: 1,
        world: &[],
        estate: &[],
        latency_ms: 0,
        options: SimOptions { latency_ms: 0, page_size: 100, empty_first_page: false, speed: None },
    };
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self::PLAIN
    }
}

fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old} does not stand in\n{text}");
        text.replace(old, new)
    })
}

/// A simulated Azure with an estate, a client and a clock.
pub struct Rehearsal {
    pub estate: Arc<Estate>,
    /// Its file.
    pub text: String,
    pub sim: Arc<Sim>,
    pub clock: Arc<Clock>,
    pub wire: Arc<dyn Wire>,
    pub contract: Arc<Checking>,
    pub journal: SharedJournal,
    /// When the impact began, as whoever opens the run states it.
    pub impact: Option<Timestamp>,
    /// Who does everything, and why the run is opened.
    pub actor: Actor,
    pub reason: &'static str,
}

impl Rehearsal {
    pub fn new(scenario: &str, seed: u64) -> Self {
        Self::of(&Setting { scenario, seed, ..Setting::default() })
    }

    /// A world that differs from a built-in one.
    pub fn of(setting: &Setting<'_>) -> Self {
        Self::through(setting, |wire| wire)
    }

    /// The same with another wire between the client and the simulator.
    pub fn through(setting: &Setting<'_>, between: impl FnOnce(Arc<dyn Wire>) -> Arc<dyn Wire>) -> Self {
        let built_in = Scenario::builtin(setting.scenario).unwrap();
        let scenario =
            Scenario::from_toml(&edited(built_in.source(), setting.world), setting.scenario).unwrap();
        let text = edited(&scenario.estate_toml(None), setting.estate);
        let estate = Arc::new(config::parse(&text, "sim").unwrap());
        let clock = Arc::new(Clock::new(scenario.epoch(), 1.0));
        let options = SimOptions { latency_ms: setting.latency_ms, ..setting.options };
        let sim = Sim::open(scenario, setting.seed, clock.clone(), Arc::new(NoLedger), &[], options).unwrap();
        let contract = Checking::new(between(sim.clone()));
        Self {
            estate,
            text,
            wire: contract.clone(),
            contract,
            sim,
            clock,
            journal: SharedJournal::new(),
            impact: None,
            actor: Actor::default(),
            reason: "test",
        }
    }

    pub fn azure(&self) -> Azure {
        let guard = Arc::new(Guard::new(self.wire.clone()));
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let tokens = Arc::new(tokens::Fixed::simulated());
        Azure::new(guard, tokens, AzureOptions::new(endpoint, self.estate.clone()))
    }

    pub fn context(&self, azure: &Azure) -> Context {
        Context {
            estate: self.estate.clone(),
            encode: azure.encoder(),
            run: RUN.to_owned(),
            actor: self.actor.clone(),
        }
    }

    pub async fn open(&self, service: usize, mode: Mode) -> Headless {
        let (azure, engine, first) = self.begin(service, mode).await;
        self.headless(azure, engine, first)
    }

    /// A run as it is opened, without anything that drives it.
    pub async fn begin(&self, service: usize, mode: Mode) -> (Azure, Engine, Vec<farshore::engine::Output>) {
        self.begin_moving(service, mode, vec![]).await
    }

    /// The same with holders outside the plan that are moved along.
    pub async fn begin_moving(
        &self,
        service: usize,
        mode: Mode,
        moved_too: Vec<MovedToo>,
    ) -> (Azure, Engine, Vec<farshore::engine::Output>) {
        let azure = self.azure();
        let picture = survey::survey(&azure, &self.clock, survey::planning_sources(service)).await;
        let now = self.clock.now();
        let runbook = runbook::builtin("avd-pooled-failover").unwrap();
        let binding = Binding { estate: &self.estate, picture: &picture, service, mode, moved_too, now };
        let plan = binding.bind(&runbook).unwrap();
        let opened = Opened {
            estate: self.estate.name.clone(),
            estate_hash: self.estate.hash.clone(),
            tenant: self.estate.tenant.clone(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            world: WorldKind::Sim,
            scenario: None,
            tool: format!("farshore {}", env!("CARGO_PKG_VERSION")),
            plan_hash: plan.hash(),
            plan,
            previous: None,
            impact: self.impact,
            reason: self.reason.into(),
        };
        let (engine, first) = Engine::open(self.context(&azure), opened, now);
        (azure, engine, first)
    }

    pub fn headless(&self, azure: Azure, engine: Engine, first: Vec<farshore::engine::Output>) -> Headless {
        let (inbox, news) = tokio::sync::mpsc::unbounded_channel();
        let scribe = Scribe::Inline(Box::new(self.journal.clone()));
        let hands = Hands::new(azure, self.clock.clone(), inbox, scribe);
        Headless::new(engine, first, hands, self.clock.clone(), news)
    }

    pub async fn run(&self, service: usize, mode: Mode) -> Outcome {
        self.open(service, mode).await.run(|_, _: Timestamp| {}).await
    }

    /// The journal for a person, for failed tests.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for stamped in self.journal.events() {
            let json: String = serde_json::to_string(&stamped.event).unwrap().chars().take(420).collect();
            writeln!(story, "{} {json}", stamped.wall).unwrap();
        }
        story
    }
}
