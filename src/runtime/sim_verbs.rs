//! The verbs `sim serve`, `sim estate` and `sim scenarios`, after their arguments were read.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::{
    clock::Clock,
    serve::{ServeError, serve},
    session::{DEFAULT_SCENARIO, DEFAULT_SEED, SessionError},
    verbs::VerbError,
    worlds::{WorldError, WorldLedger},
};
use crate::{
    cli::{self, Cli, Speed},
    sim::{Ledger, NoLedger, Scenario, Sim, SimError, SimOptions, Simulated, TimeSource},
    wire::{Live, LiveOptions, Reach, Wire, WireError},
};

/// Where a served simulator tells what it is. No Azure path begins like this.
const ABOUT: &str = "/farshore/world";

/// Scenario files above this are no scenario files, in bytes.
const SCENARIO_LIMIT: u64 = 1024 * 1024;

/// Why a `sim` verb could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimVerbError {
    /// Neither a built-in name nor a path.
    #[error("no scenario `{name}`; there are {known}, or give the path of a scenario file")]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// The built-in names.
        known: String,
    },
    /// The file is there and cannot be read.
    #[error("could not read the scenario {path}: {source}")]
    Unreadable {
        /// The path as it was given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The scenario has a mistake, or the world could not be opened.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The world's ledger could not be kept.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The port could not be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Nobody answers at the port.
    #[error(
        "no simulator answers at 127.0.0.1:{port}: {source}; is `farshore sim serve --port {port}` running?"
    )]
    Silent {
        /// Port that was asked.
        port: u16,
        /// What the wire said.
        source: WireError,
    },
    /// Something else answers at the port.
    #[error("what answers at 127.0.0.1:{port} is not a farshore simulator ({why})")]
    Stranger {
        /// Port that was asked.
        port: u16,
        /// What was wrong with the answer.
        why: String,
    },
    /// What was to be printed could not be.
    #[error("could not print: {0}")]
    Print(#[from] io::Error),
}

/// What `sim serve` serves, and how.
#[derive(Debug, Clone)]
pub struct Served {
    /// The world.
    pub scenario: Scenario,
    /// Seed of everything that is drawn by lot.
    pub seed: u64,
    /// Estate seconds per real second.
    pub speed: f64,
    /// Port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// Real time added to every answer, in milliseconds.
    pub latency_ms: u64,
    /// State directory in which its ledger is kept; `None`: nothing of it outlives the process.
    pub state: Option<PathBuf>,
}

/// What a served simulator says about itself at [`ABOUT`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct About {
    scenario: String,
    /// The scenario file itself; needed where the scenario is not built in.
    source: Option<String>,
    epoch: jiff::Timestamp,
    /// Where its clock stood when it took the question.
    now: jiff::Timestamp,
    speed: Option<f64>,
}

impl About {
    /// Epoch and speed of its clock, and the real instant at which it showed the epoch. `asked`:
    /// the real time when the question left. A simulator adds its latency after it looked at its
    /// clock, so that the way there is all that is neglected.
    fn simulated(&self, asked: jiff::Timestamp) -> Simulated {
        let speed = self.speed.unwrap_or(1.0);
        let real = self.now.duration_since(self.epoch).as_secs_f64() / speed;
        // Milliseconds: more is not known, and less would be seen at a high speed.
        let anchor = jiff::SignedDuration::try_from_secs_f64(real)
            .ok()
            .and_then(|real| asked.checked_sub(real).ok())
            .and_then(|anchor| anchor.round(jiff::Unit::Millisecond).ok());
        Simulated { epoch: self.epoch, speed, anchor }
    }
}

/// Finds a scenario by built-in name or by path.
pub fn scenario(name: &str) -> Result<Scenario, SimVerbError> {
    if let Some(scenario) = Scenario::builtin(name) {
        return Ok(scenario);
    }
    let path = Path::new(name);
    let unreadable = |source| SimVerbError::Unreadable { path: name.to_owned(), source };
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let known: Vec<String> = Scenario::builtins().into_iter().map(|(name, _)| name).collect();
            return Err(SimVerbError::UnknownScenario { name: name.to_owned(), known: known.join(", ") });
        }
        Err(error) => return Err(unreadable(error)),
    };
    if size > SCENARIO_LIMIT {
        return Err(unreadable(io::Error::other(format!("{size} bytes; scenarios end at {SCENARIO_LIMIT}"))));
    }
    let source = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(Scenario::from_toml(&source, name)?)
}

/// `farshore sim scenarios`: what is in each built-in scenario, with its delays and faults.
pub fn scenarios() -> String {
    let all = Scenario::builtins().into_iter().filter_map(|(name, _)| Scenario::builtin(&name));
    all.map(|scenario| scenario.describe()).collect::<Vec<_>>().join("\n")
}

/// `farshore sim serve`: serves a world on loopback until SIGINT or SIGTERM.
///
/// `time` is the clock of the estate; it must run at `served.speed` from the scenario's epoch.
/// Once connections are accepted, address, subscriptions and clock are printed to `out` and flushed.
pub async fn serve_world(
    served: Served,
    time: Arc<dyn TimeSource>,
    mut out: impl Write,
) -> Result<(), SimVerbError> {
    let (sim, ledger) = open(&served, time)?;
    let mut printed = Ok(());
    let announced = |address| printed = announce(&mut out, address, &served, ledger.as_deref());
    serve(sim, served.port, announced).await?;
    Ok(printed?)
}

/// The world, and the file of its ledger where it is kept.
fn open(served: &Served, time: Arc<dyn TimeSource>) -> Result<(Arc<Sim>, Option<PathBuf>), SimVerbError> {
    let options =
        SimOptions { latency_ms: served.latency_ms, speed: Some(served.speed), ..SimOptions::default() };
    let opened =
        |ledger: Arc<dyn Ledger>| Sim::open(served.scenario.clone(), served.seed, time, ledger, &[], options);
    let Some(state) = &served.state else { return Ok((opened(Arc::new(NoLedger))?, None)) };
    let ledger = Arc::new(WorldLedger::default());
    let sim = opened(ledger.clone())?;
    let name = format!("{}-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"), std::process::id());
    let path = ledger.serve(state, &name)?;
    Ok((sim, Some(path)))
}

fn announce(
    out: &mut impl Write,
    address: SocketAddr,
    served: &Served,
    ledger: Option<&Path>,
) -> io::Result<()> {
    writeln!(out, "listening on http://{address}")?;
    for subscription in served.scenario.subscriptions() {
        writeln!(out, "subscription {subscription}")?;
    }
    writeln!(out, "scenario {}, seed {}", served.scenario.name(), served.seed)?;
    if let Some(ledger) = ledger {
        writeln!(out, "ledger {}", ledger.display())?;
    }
    writeln!(out, "[simulated]\nepoch = \"{}\"\nspeed = {}", served.scenario.epoch(), served.speed)?;
    out.flush()
}

/// `farshore sim estate --port`: the estate file of the simulator that serves on 127.0.0.1:`port`.
///
/// `real` tells the machine's time, by which the simulator's clock is written down.
pub async fn served_estate(
    wire: &dyn Wire,
    port: u16,
    real: &dyn Fn() -> jiff::Timestamp,
) -> Result<String, SimVerbError> {
    let asked = real();
    let about = ask(wire, port).await?;
    let scenario = match &about.source {
        Some(source) => Scenario::from_toml(source, &about.scenario)?,
        None => scenario(&about.scenario)?,
    };
    Ok(scenario.estate_toml(Some(about.simulated(asked))))
}

async fn ask(wire: &dyn Wire, port: u16) -> Result<About, SimVerbError> {
    let stranger = |why: String| SimVerbError::Stranger { port, why };
    let request = http::Request::get(format!("http://127.0.0.1:{port}{ABOUT}"))
        .body(Bytes::new())
        .map_err(|why| stranger(why.to_string()))?;
    let answer = wire.call(request).await.map_err(|source| SimVerbError::Silent { port, source })?;
    if answer.status() != StatusCode::OK {
        return Err(stranger(format!("status {}", answer.status().as_u16())));
    }
    serde_json::from_slice(answer.body()).map_err(|why| stranger(why.to_string()))
}

/// Performs a sim verb.
pub async fn perform(cli: &Cli, verb: &cli::Sim) -> Result<u8, VerbError> {
    let text = match verb {
        cli::Sim::Scenarios => scenarios(),
        cli::Sim::Estate(args) => match args.port {
            Some(port) => {
                let wire = Live::new(LiveOptions::new(Reach::Loopback)).map_err(SessionError::from)?;
                served_estate(&wire, port, &jiff::Timestamp::now).await?
            }
            None => scenario_estate(&scenario(args.scenario.as_deref().unwrap_or(DEFAULT_SCENARIO))?),
        },
        cli::Sim::Serve(args) => {
            let scenario = scenario(args.scenario.as_deref().unwrap_or(DEFAULT_SCENARIO))?;
            let speed = match cli.global.speed {
                Some(Speed::Max) => return Err(VerbError::Session(SessionError::MaxIsForSim)),
                Some(Speed::Times(times)) => times,
                None => 1.0,
            };
            // Its clients reckon its time from the clock on the wall, so that it may not fall behind.
            let clock = Arc::new(Clock::live(scenario.epoch(), speed));
            let seed = cli.global.seed.unwrap_or(DEFAULT_SEED);
            let (port, latency_ms) = (args.port, u64::from(args.latency));
            // Only where it was asked for: most served worlds are thrown away.
            let state = cli.global.state_dir.clone();
            let served = Served { scenario, seed, speed, port, latency_ms, state };
            serve_world(served, clock, io::stdout()).await?;
            return Ok(0);
        }
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(0)
}

/// `farshore sim estate` without a port: the estate file of a scenario.
pub fn scenario_estate(scenario: &Scenario) -> String {
    scenario.estate_toml(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reply, Request, Response};

    #[derive(Debug)]
    struct Standing(jiff::Timestamp);

    impl TimeSource for Standing {
        fn now(&self) -> jiff::Timestamp {
            self.0
        }
    }

    /// Answers everything with one status.
    #[derive(Debug)]
    struct Fixed(Result<u16, WireError>);

    impl Wire for Fixed {
        fn call(&self, _: Request) -> Reply<'_> {
            let answer = self.0.clone().map(|status| {
                let mut response = Response::new(Bytes::from_static(b"{}"));
                *response.status_mut() = StatusCode::from_u16(status).expect("a status");
                response
            });
            Box::pin(std::future::ready(answer))
        }
    }

    fn served(speed: f64) -> Served {
        let scenario = scenario("tiny").expect("built in");
        Served { scenario, seed: 3, speed, port: 0, latency_ms: 0, state: None }
    }

    #[tokio::test]
    async fn a_served_world_has_an_estate_file_with_its_clock() {
        let served = served(60.0);
        let epoch = served.scenario.epoch();
        let hour = jiff::SignedDuration::from_hours(1);
        let (sim, _) = open(&served, Arc::new(Standing(epoch + hour))).expect("a world");
        let real: jiff::Timestamp = "2031-01-01T00:10:00Z".parse().expect("a moment");
        let estate = served_estate(&*sim, 4242, &|| real).await.expect("an answer");
        // An hour of the estate is a minute at this speed.
        let anchor = Some("2031-01-01T00:09:00Z".parse().expect("a moment"));
        assert_eq!(estate, served.scenario.estate_toml(Some(Simulated { epoch, speed: 60.0, anchor })));
        assert!(estate.contains("speed = 60\nanchor = \"2031-01-01T00:09:00Z\""), "{estate}");
        assert!(!scenario_estate(&served.scenario).contains("speed"), "only a served world has a speed");
    }

    #[tokio::test]
    async fn a_port_without_a_simulator_is_said_so() {
        let cases = [
            (Ok(404), "is not a farshore simulator (status 404)"),
            (Ok(200), "is not a farshore simulator (missing field"),
            (
                Err(WireError::NotSent { host: "127.0.0.1".into(), why: "refused".into() }),
                "is `farshore sim serve --port 7` running?",
            ),
        ];
        for (answer, part) in cases {
            let error = ask(&Fixed(answer), 7).await.expect_err("no simulator").to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_is_printed_at_the_start_is_a_contract() {
        let mut out = Vec::new();
        let address = SocketAddr::from(([127, 0, 0, 1], 4242));
        announce(&mut out, address, &served(1.0), None).expect("memory takes it");
        let text = String::from_utf8(out).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "listening on http://127.0.0.1:4242",
                "subscription 22222222-2222-4222-8222-222222222222",
                "scenario tiny, seed 3",
                "[simulated]",
                "epoch = \"2026-11-20T08:00:00Z\"",
                "speed = 1",
            ]
        );
    }

    #[tokio::test]
    async fn a_served_world_keeps_its_ledger_where_a_state_directory_was_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let served = Served { state: Some(folder.path().to_owned()), ..served(1.0) };
        let epoch = served.scenario.epoch();
        let (sim, path) = open(&served, Arc::new(Standing(epoch))).expect("a world");
        let path = path.expect("it is kept");
        assert!(path.starts_with(folder.path().join("served")), "{}", path.display());
        let lines = || std::fs::read_to_string(&path).expect("a file").lines().count();
        assert_eq!(lines(), 1, "scenario and seed");
        let request =
            http::Request::put("http://127.0.0.1:1/subscriptions/s/anything?api-version=2022-04-01")
                .header("authorization", "Bearer any")
                .body(Bytes::from_static(b"{}"))
                .expect("a request");
        sim.call(request).await.expect("an answer");
        assert_eq!(lines(), 2, "the write, before its answer left");
        let mut out = Vec::new();
        announce(&mut out, SocketAddr::from(([127, 0, 0, 1], 1)), &served, Some(&path)).expect("memory");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains(&format!("\nledger {}\n[simulated]\n", path.display())), "{text}");
    }

    #[test]
    fn scenarios_are_found_by_name_and_by_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, scenario("tiny").expect("built in").source()).expect("written");
        let text = path.to_str().expect("plain");
        assert_eq!(scenario(text).expect("a scenario").name(), text);
        std::fs::write(&path, "format = 2").expect("written");
        assert!(matches!(scenario(text), Err(SimVerbError::Sim(_))));
        let error = scenario("clam").expect_err("no such scenario").to_string();
        assert!(error.starts_with("no scenario `clam`; there are calm, "), "{error}");
    }

    #[test]
    fn the_scenarios_are_printed_with_their_delays() {
        let text = scenarios();
        let calm = text.split("\n\n").find(|part| part.starts_with("calm: ")).expect("calm");
        for name in ["vm_start", "host_boot", "propagation", "leave_percent"] {
            let line = calm.lines().find(|line| line.trim_start().starts_with(name)).expect(name);
            assert!(line.chars().any(|c| c.is_ascii_digit()), "{line}");
        }
        assert_eq!(text.matches("\ndelays\n").count(), Scenario::builtins().len(), "{text}");
    }
}
