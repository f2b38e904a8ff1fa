//! A whole cockpit without a screen over a simulated Azure, in virtual time.

use std::sync::{Arc, Mutex};

use farshore::{
    azure::{Azure, AzureOptions, Endpoint, tokens},
    config,
    domain::{estate::Estate, time::Timestamp},
    engine::{
        Actor, Context, Engine, Stamped,
        event::{Opened, WorldKind},
    },
    journal::{Head, Journal, JournalError, MemoryJournal},
    runbook::{self, Binding, Mode},
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

/// A simulated Azure with an estate, a client and a clock.
pub struct Rehearsal {
    pub estate: Arc<Estate>,
    pub sim: Arc<Sim>,
    pub clock: Arc<Clock>,
    pub wire: Arc<dyn Wire>,
    pub contract: Arc<Checking>,
    pub journal: SharedJournal,
}

impl Rehearsal {
    pub fn new(scenario: &str, seed: u64) -> Self {
        let scenario = Scenario::builtin(scenario).unwrap();
        let estate = Arc::new(config::parse(&scenario.estate_toml(None), "sim").unwrap());
        let clock = Arc::new(Clock::new(scenario.epoch(), 1.0));
        let sim =
            Sim::open(scenario, seed, clock.clone(), Arc::new(NoLedger), &[], SimOptions::default()).unwrap();
        let contract = Checking::new(sim.clone());
        Self { estate, wire: contract.clone(), contract, sim, clock, journal: SharedJournal::new() }
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
            actor: Actor::default(),
        }
    }

    pub async fn open(&self, service: usize, mode: Mode) -> Headless {
        let azure = self.azure();
        let picture = survey::survey(&azure, &self.clock, survey::planning_sources(service)).await;
        let now = self.clock.now();
        let runbook = runbook::builtin("avd-pooled-failover").unwrap();
        let binding =
            Binding { estate: &self.estate, picture: &picture, service, mode, moved_too: vec![], now };
        let plan = binding.bind(&runbook).unwrap();
        let opened = Opened {
            estate: self.estate.name.clone(),
            estate_hash: self.estate.hash.clone(),
            tenant: self.estate.tenant.clone(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            world: WorldKind::Sim,
            scenario: None,
            tool: "test".to_owned(),
            plan_hash: plan.hash(),
            plan,
            previous: None,
            impact: None,
            reason: "test".into(),
        };
        let (engine, first) = Engine::open(self.context(&azure), opened, now);
        self.headless(azure, engine, first)
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
        self.journal
            .events()
            .iter()
            .map(|stamped| {
                let mut json = serde_json::to_string(&stamped.event).unwrap();
                json.truncate(json.floor_char_boundary(420));
                format!("{} {json}\n", stamped.wall)
            })
            .collect()
    }
}
