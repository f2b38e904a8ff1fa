//! What a process works with: an estate, the Azure behind it, and the clock.

use std::{
    collections::BTreeSet,
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    app,
    azure::{
        self, Azure, AzureOptions, Endpoint, EndpointError, TokenSource,
        tokens::{Fixed, IdentityEndpoint},
    },
    cli::{Asked, Global, Speed},
    config::{self, ConfigErrors},
    domain::{
        Safe, Side,
        estate::{Estate, Simulated},
        time::{Span, Timestamp},
    },
    engine::{Actor, event::WorldKind},
    recording::{self, Recorder, Tee},
    sim::{self, Scenario, Sim, SimError, SimOptions},
    vault::{self, Vault},
    wire::{Guard, Live, LiveError, LiveOptions, Reach, Wire},
};

use super::{
    clock::Clock,
    https,
    sim_verbs::{self, SimVerbError},
    sources,
    worlds::{self, WorldError, WorldLedger},
};

/// Scenario of a bare `--sim`.
pub const DEFAULT_SCENARIO: &str = "calm";

/// Seed where none is given: rehearsals are the same for everyone unless asked otherwise.
pub const DEFAULT_SEED: u64 = 1;

/// Round trip of the simulator in this process, in milliseconds of real time: Azure from a jump
/// box in Europe answers in about as much.
const SIM_LATENCY_MS: u64 = 40;

/// What a process works with.
#[derive(Debug)]
pub struct Session {
    /// The estate.
    pub estate: Arc<Estate>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The client.
    pub azure: Azure,
    /// Where tokens come from.
    pub tokens: Arc<dyn TokenSource>,
    /// What is behind the client.
    pub place: Place,
    /// Where everything that is written goes.
    pub state: PathBuf,
    /// Origin the client speaks to, as runs are bound to it.
    pub endpoint: String,
    /// The text of the estate file.
    pub text: String,
    /// Takes down what happens, where somebody wants that.
    pub recorder: Option<Recorder>,
    pub(super) wire: Arc<dyn Wire>,
}

/// What is behind the client.
#[derive(Debug)]
pub enum Place {
    /// A simulated Azure in this process.
    Sim(Rehearsed),
    /// Azure, or a loopback endpoint.
    Live(Endpoint),
}

/// A simulated Azure in this process.
#[derive(Debug)]
pub struct Rehearsed {
    /// The world.
    pub sim: Arc<Sim>,
    /// Its ledger.
    pub ledger: Arc<WorldLedger>,
    /// Scenario and seed in words.
    pub label: String,
}

/// A live estate and where it is.
#[derive(Debug)]
pub struct Aim {
    /// The estate file.
    pub path: PathBuf,
    /// What it says.
    pub estate: Arc<Estate>,
    /// The Resource Manager to talk to.
    pub endpoint: Endpoint,
    /// The text of the estate file.
    pub text: String,
}

impl Aim {
    /// The live estate that the command line asks for; `None`: a simulated one.
    pub fn of(global: &Global, verb: &str) -> Result<Option<Self>, SessionError> {
        let place = || default_estate().unwrap_or_else(|| PathBuf::from("the config directory"));
        match global.asked() {
            Asked::Sim(_) => Ok(None),
            Asked::Estate(path) => Self::at(global, &path).map(Some),
            Asked::Nothing if is_there(&place()) => Self::at(global, &place()).map(Some),
            Asked::Nothing => Err(SessionError::NoEstate(place(), verb.to_owned())),
        }
    }

    fn at(global: &Global, path: &Path) -> Result<Self, SessionError> {
        let (estate, text) = config::load_with_text(path)?;
        let estate = Arc::new(estate);
        let endpoint = match &global.endpoint {
            Some(text) => {
                Endpoint::parse(text).map_err(|error| SessionError::Endpoint(text.clone(), error))?
            }
            None => Endpoint::Cloud(estate.cloud),
        };
        Ok(Self { path: path.to_owned(), estate, endpoint, text })
    }
}

/// Why a session cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The estate file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Nothing says which estate is meant.
    #[error(
        "no estate: give --estate FILE or --sim, or put one at {0}; try `farshore {1} --sim` to rehearse"
    )]
    NoEstate(PathBuf, String),
    /// The endpoint is not one we speak to.
    #[error("--endpoint {0}: {1}")]
    Endpoint(String, EndpointError),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] SimVerbError),
    /// The world cannot be made.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The world of a run cannot be brought back.
    #[error(transparent)]
    World(#[from] WorldError),
    /// There is no https client.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// No directory to write to.
    #[error("no home directory: give --state-dir DIR")]
    NoState,
    /// `max` needs the simulator in this process.
    #[error("--speed max is for the simulator in this process; a server's clock does not jump")]
    MaxIsForSim,
    /// Speed is for simulated estates.
    #[error("--speed is for simulated estates only")]
    SpeedIsForSim,
    /// A served simulator has a speed of its own.
    #[error(
        "--speed cannot be set here: it is {speed} by [simulated] in {}, as the simulator serves it; \
         leave --speed out, or give it to `farshore sim serve` and write the estate file anew",
        .path.display()
    )]
    SpeedIsTheServers {
        /// The speed in force.
        speed: f64,
        /// The estate file that says so.
        path: PathBuf,
    },
    /// The clock of a served estate would stand where no calendar reaches.
    #[error(
        "[simulated] in {} leads to no date: epoch {}, anchor {}, speed {}; \
         write the estate file anew with `farshore sim estate --port N`",
        .path.display(), .simulated.epoch, or_none(.simulated.anchor), .simulated.speed
    )]
    NoDate {
        /// What the file says of the clock.
        simulated: Simulated,
        /// The estate file.
        path: PathBuf,
    },
}

fn or_none(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "none".to_owned(), |moment| moment.to_string())
}

/// First moment that is taken for a mistake: the year 3000. What is counted from a moment, such as a
/// patience, then never leaves the calendar.
const LAST_DATE: Timestamp = Timestamp::constant(32_503_680_000, 0);

impl Session {
    /// Opens what the command line asks for. `verb` is named in the hint; the bare cockpit
    /// (`verb` absent) falls back to the simulator.
    pub fn open(global: &Global, verb: Option<&str>) -> Result<Self, SessionError> {
        let state = state_dir(global)?;
        match global.asked() {
            Asked::Estate(path) => Self::live(global, &path, state),
            Asked::Sim(scenario) => Self::sim(global, scenario.as_deref().unwrap_or(DEFAULT_SCENARIO), state),
            Asked::Nothing => match default_estate().filter(|path| is_there(path)) {
                Some(path) => Self::live(global, &path, state),
                None if verb.is_none() => Self::sim(global, DEFAULT_SCENARIO, state),
                None => {
                    let place = default_estate().unwrap_or_else(|| PathBuf::from("the config directory"));
                    Err(SessionError::NoEstate(place, verb.unwrap_or_default().to_owned()))
                }
            },
        }
    }

    /// A fresh simulated world.
    fn sim(global: &Global, scenario: &str, state: PathBuf) -> Result<Self, SessionError> {
        let scenario = sim_verbs::scenario(scenario)?;
        let seed = global.seed.unwrap_or(DEFAULT_SEED);
        let clock = Arc::new(Clock::new(scenario.epoch(), times(global.speed)));
        Self::rehearse(scenario, seed, clock, WorldLedger::default(), &[], global, state)
    }

    /// The simulated world that belongs to `run`.
    pub fn sim_of_run(global: &Global, run: &str, last: Timestamp) -> Result<Self, SessionError> {
        let state = state_dir(global)?;
        let (ledger, past) = WorldLedger::reopen(&state, run)?;
        // The journal may have seen a later moment than the world's last change.
        let clock = Arc::new(Clock::new(past.now.max(last), times(global.speed)));
        Self::rehearse(past.scenario, past.seed, clock, ledger, &past.entries, global, state)
    }

    fn rehearse(
        scenario: Scenario,
        seed: u64,
        clock: Arc<Clock>,
        ledger: WorldLedger,
        past: &[crate::sim::LedgerEntry],
        global: &Global,
        state: PathBuf,
    ) -> Result<Self, SessionError> {
        let label = format!("{} seed {seed}", scenario.name());
        let text = scenario.estate_toml(None);
        let estate = Arc::new(config::parse(&text, "the scenario's estate")?);
        let ledger = Arc::new(ledger);
        let latency_ms = if global.speed == Some(Speed::Max) { 0 } else { SIM_LATENCY_MS };
        let options = SimOptions { latency_ms, ..SimOptions::default() };
        let sim = Sim::open(scenario, seed, clock.clone(), ledger.clone(), past, options)?;
        let tokens: Arc<dyn TokenSource> = Arc::new(Fixed::simulated());
        // No socket is opened for it; the name only has to be one that tokens may go to.
        let endpoint = Endpoint::parse(SIM_ENDPOINT)
            .map_err(|error| SessionError::Endpoint(SIM_ENDPOINT.to_owned(), error))?;
        let wire: Arc<dyn Wire> = sim.clone();
        let azure = client(wire.clone(), tokens.clone(), endpoint, &estate, seed);
        azure.set_pace(clock.speed());
        let place = Place::Sim(Rehearsed { sim, ledger, label });
        let endpoint = SIM_ENDPOINT.to_owned();
        Ok(Self { estate, clock, azure, tokens, place, state, endpoint, text, recorder: None, wire })
    }

    /// Azure, or a loopback endpoint.
    fn live(global: &Global, path: &Path, state: PathBuf) -> Result<Self, SessionError> {
        let aim = Aim::at(global, path)?;
        let tokens = sources::tokens(&aim.estate, &aim.endpoint, Vault::new(&state, vault::stores()))?;
        Self::onto(global, aim, tokens, state)
    }

    /// A session at `aim` with these tokens and no others.
    pub fn onto(
        global: &Global,
        aim: Aim,
        tokens: Arc<dyn TokenSource>,
        state: PathBuf,
    ) -> Result<Self, SessionError> {
        let Aim { path, estate, endpoint, text: file } = aim;
        let clock = Arc::new(live_clock(global, &estate, &path, &endpoint)?);
        let wire: Arc<dyn Wire> = if endpoint.is_loopback() {
            Arc::new(Live::new(LiveOptions::new(Reach::Loopback))?)
        } else {
            https::wire()?
        };
        let text = endpoint.to_string();
        let azure = client(wire.clone(), tokens.clone(), endpoint.clone(), &estate, random_seed());
        azure.set_pace(clock.speed());
        let (place, recorder) = (Place::Live(endpoint), None);
        Ok(Self { estate, clock, azure, tokens, place, state, endpoint: text, text: file, recorder, wire })
    }

    /// The same session with a recorder between its guard and its wire.
    pub fn recorded(self, recorder: Recorder) -> Result<Self, SessionError> {
        let clock = self.clock.clone();
        let now: recording::Now = Arc::new(move || clock.now());
        let wire: Arc<dyn Wire> = Arc::new(Tee::new(self.wire.clone(), recorder.clone(), now));
        let endpoint = Endpoint::parse(&self.endpoint)
            .map_err(|error| SessionError::Endpoint(self.endpoint.clone(), error))?;
        let azure = client(wire, self.tokens.clone(), endpoint, &self.estate, random_seed());
        azure.set_pace(self.clock.speed());
        Ok(Self { azure, recorder: Some(recorder), ..self })
    }

    /// What a run here keeps to itself: every host pool of the estate, behind this endpoint. Not the estate
    /// file: another text of it may name the same pools.
    pub fn lock_keys(&self) -> BTreeSet<String> {
        let pools = self.estate.services.iter().flat_map(|service| {
            [Side::Primary, Side::Secondary].map(|side| service.sides[side].pool.key().to_owned())
        });
        // A world in this process is nobody else's, whatever listens at the address that its client uses.
        let place = match &self.place {
            Place::Sim(_) => "simulated",
            Place::Live(_) => self.endpoint.as_str(),
        };
        pools.map(|pool| format!("{place} {pool}")).collect()
    }

    /// `SIM` or `LIVE`.
    pub fn world(&self) -> WorldKind {
        match self.place {
            Place::Sim(_) => WorldKind::Sim,
            Place::Live(_) => WorldKind::Live,
        }
    }

    /// Who acts, as far as the token and the system say.
    pub fn actor(&self) -> Actor {
        let os = env::var("USER")
            .or_else(|_| env::var("LOGNAME"))
            .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
        let app::Identity { name: upn, oid } = self.identity();
        Actor { upn, oid, os: os.into() }
    }

    /// Who Azure sees, as far as the token says.
    pub fn identity(&self) -> app::Identity {
        let word = |word: &str| app::Identity { name: word.into(), oid: Safe::default() };
        match (self.world(), self.tokens.describe().identity) {
            (_, Some(azure::Identity::Named { name, oid, .. })) => app::Identity { name, oid },
            (WorldKind::Sim, _) => app::Identity { name: "sim operator".into(), oid: sim::CALLER.into() },
            (WorldKind::Live, Some(azure::Identity::Opaque)) => word("opaque"),
            (WorldKind::Live, None) => word("not signed in"),
        }
    }

    /// Waits for who acts, where nothing is known of them yet: what a run writes down names them. Where
    /// there is no token to be had the wait ends within the limit of its source, and the run opens all the same.
    pub async fn identify(&self) {
        if self.world() == WorldKind::Live && self.tokens.describe().identity.is_none() {
            let _ = self.tokens.bearer().await;
        }
    }

    /// Whether `--auto` may act here: simulated, or endpoint and identity endpoint on loopback.
    pub fn auto_allowed(&self) -> bool {
        match &self.place {
            Place::Sim(_) => true,
            Place::Live(endpoint) => {
                endpoint.is_loopback()
                    && IdentityEndpoint::from_env(|name| env::var(name).ok())
                        .is_ok_and(|identity| matches!(identity, IdentityEndpoint::Loopback))
            }
        }
    }
}

/// The name the client uses for the simulator in this process.
const SIM_ENDPOINT: &str = "http://127.0.0.1:1";

fn client(
    wire: Arc<dyn Wire>,
    tokens: Arc<dyn TokenSource>,
    endpoint: Endpoint,
    estate: &Arc<Estate>,
    seed: u64,
) -> Azure {
    let options = AzureOptions { seed, ..AzureOptions::new(endpoint, estate.clone()) };
    Azure::new(Arc::new(Guard::new(wire)), tokens, options)
}

fn random_seed() -> u64 {
    fastrand::u64(..)
}

fn times(speed: Option<Speed>) -> f64 {
    match speed {
        Some(Speed::Times(times)) => times,
        Some(Speed::Max) | None => 1.0,
    }
}

/// A simulated estate's own clock on a loopback endpoint, else the machine's.
fn live_clock(
    global: &Global,
    estate: &Estate,
    path: &Path,
    endpoint: &Endpoint,
) -> Result<Clock, SessionError> {
    let real = Timestamp::now();
    let simulated = estate.simulated.filter(|_| endpoint.is_loopback());
    match (simulated, global.speed) {
        (_, Some(Speed::Max)) => Err(SessionError::MaxIsForSim),
        (None, Some(_)) => Err(SessionError::SpeedIsForSim),
        (Some(simulated), Some(_)) => {
            Err(SessionError::SpeedIsTheServers { speed: simulated.speed, path: path.to_owned() })
        }
        (None, None) => Ok(Clock::live(real, 1.0)),
        (Some(simulated), None) => {
            let elapsed = simulated.anchor.map_or(Span::ZERO, |anchor| real.duration_since(anchor));
            let passed = Span::from_micros((elapsed.as_secs_f64() * simulated.speed * 1e6) as i64);
            let now = simulated.epoch.checked_add(passed).ok();
            let now = now.filter(|now| (Timestamp::UNIX_EPOCH..LAST_DATE).contains(now));
            let now = now.ok_or_else(|| SessionError::NoDate { simulated, path: path.to_owned() })?;
            Ok(Clock::live(now, simulated.speed))
        }
    }
}

/// Where everything that is written goes: `--state-dir`, else the XDG state directory.
pub fn state_dir(global: &Global) -> Result<PathBuf, SessionError> {
    if let Some(directory) = &global.state_dir {
        return Ok(directory.clone());
    }
    let directories = directories::ProjectDirs::from("", "", "farshore").ok_or(SessionError::NoState)?;
    Ok(directories.state_dir().unwrap_or_else(|| directories.data_local_dir()).to_owned())
}

/// Where the estate file stands when none is named.
pub fn default_estate() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|directories| config::default_path(&directories))
}

/// Whether anything stands at `path`, readable or not: what cannot be read is no reason to rehearse.
pub fn is_there(path: &Path) -> bool {
    let absent = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    let dangling = |place: &Path| place.is_symlink() && !place.exists();
    !path.symlink_metadata().is_err_and(absent) || path.ancestors().any(dangling)
}

/// Whether the run's world is kept here, so that it was simulated in-process.
pub fn has_world(global: &Global, run: &str) -> bool {
    state_dir(global).is_ok_and(|state| worlds::exists(&state, run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli, sim::Scenario};

    /// What is said of a served estate whose clock is described so.
    fn said(simulated: &str) -> String {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("estate.toml");
        let text = Scenario::builtin("tiny").unwrap().estate_toml(None);
        let text = text.split("[simulated]").next().unwrap();
        std::fs::write(&path, format!("{text}\n[simulated]\n{simulated}\n")).unwrap();
        let (path, state) = (path.display().to_string(), state.path().display().to_string());
        let words =
            ["farshore", "--estate", &path, "--endpoint", "http://127.0.0.1:1", "--state-dir", &state];
        let cli = cli::parse(words.map(std::ffi::OsString::from)).unwrap();
        match Session::open(&cli.global, None) {
            Ok(session) => session.clock.now().strftime("%Y-%m-%d").to_string(),
            Err(error) => error.to_string().replace(&path, "FILE"),
        }
    }

    #[tokio::test]
    async fn the_clock_of_a_live_estate_counts_the_time_the_machine_sleeps() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("estate.toml");
        std::fs::write(&path, Scenario::builtin("tiny").unwrap().estate_toml(None)).unwrap();
        let (path, state) = (path.display().to_string(), state.path().display().to_string());
        for (words, expected) in [
            (vec!["--estate", &path], "ticks: Machine"),
            (vec!["--estate", &path, "--endpoint", "http://127.0.0.1:1"], "ticks: Machine"),
            (vec!["--sim=tiny"], "ticks: Runtime"),
        ] {
            let all = ["farshore", "--state-dir", &state].into_iter().chain(words.iter().copied());
            let cli = cli::parse(all.map(std::ffi::OsString::from)).unwrap();
            let clock = format!("{:?}", Session::open(&cli.global, None).unwrap().clock);
            assert!(clock.contains(expected), "{words:?}: {clock}");
        }
    }

    #[tokio::test]
    async fn a_clock_that_would_leave_the_calendar_is_refused() {
        let epoch = "epoch = \"2026-11-20T08:00:00Z\"";
        let now = Timestamp::now();
        assert_eq!(said(&format!("{epoch}\nanchor = \"{now}\"\nspeed = 3600")), "2026-11-20");
        for anchor in ["-009998-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
            let said = said(&format!("{epoch}\nanchor = \"{anchor}\"\nspeed = 3600"));
            assert!(said.starts_with("[simulated] in FILE leads to no date"), "{anchor}: {said}");
            assert!(said.contains(anchor), "{anchor}: {said}");
        }
        let said = said("epoch = \"9999-12-30T22:00:00Z\"");
        assert!(said.starts_with("[simulated] in FILE leads to no date"), "{said}");
    }
}
