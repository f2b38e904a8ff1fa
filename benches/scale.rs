//! An estate of 10,000 hosts and 100,000 sessions: what one refresh costs in this process.
//!
//! A simulated world of that size is looked at once; its answers are kept and then played back, so
//! that only our own work is measured: client and decoding, the app's state with the model of the
//! screen, and the frame. Prints and decides nothing.

use std::{
    collections::{BTreeSet, HashMap},
    error::Error,
    fmt::Write as _,
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use farshore::{
    app::{Access, App, Event, Identity, Moment, Setup, Speed, TokenStatus, World},
    azure::{Azure, AzureOptions, Endpoint, Limits, tokens},
    config,
    domain::{Observation, Source, estate::Estate},
    runtime::{clock::Clock, survey},
    sim::{NoLedger, Scenario, Sim, SimOptions},
    ui::{self, Glyphs, Look, theme::Theme},
    wire::{Guard, Reply, Request, Response, Wire},
};
use ratatui::{buffer::Buffer, layout::Rect};

const ROUNDS: usize = 5;
const SERVICES: usize = 10;
/// A side; both together are 10,000.
const HOSTS_PER_SERVICE: usize = 500;
/// All on the active side, 100,000 together.
const SESSIONS_PER_SERVICE: usize = 10_000;
const FRAMES: usize = 200;
/// So fast that what the simulator throttles while its answers are being kept is soon let through.
const SPEED: f64 = 240.0;

/// Keeps the answers of a world, then gives them without it.
#[derive(Debug, Default)]
struct Played {
    world: Mutex<Option<Arc<Sim>>>,
    kept: Mutex<HashMap<String, Response>>,
}

impl Played {
    fn key(request: &Request) -> String {
        format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(request.body()))
    }
}

impl Wire for Played {
    fn call(&self, request: Request) -> Reply<'_> {
        let key = Self::key(&request);
        if let Some(answer) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            let answer = answer.clone();
            return Box::pin(std::future::ready(Ok(answer)));
        }
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            let Some(world) = world else { std::future::pending().await };
            let answer = world.call(request).await?;
            if answer.status() == http::StatusCode::TOO_MANY_REQUESTS {
                return Ok(answer);
            }
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer.clone());
            Ok(answer)
        })
    }
}

fn scenario() -> String {
    let mut text = String::from(
        r#"format = 1
summary = "large"
epoch = "2026-11-20T08:00:00Z"
estate = "contoso-avd"
tenant = "11111111-1111-4111-8111-111111111111"
subscription = "22222222-2222-4222-8222-222222222222"
domain = "contoso.example"
test_people = 1

[regions]
primary = { azure = "westeurope", name = "West Europe", code = "WE" }
secondary = { azure = "northeurope", name = "North Europe", code = "NE" }
"#,
    );
    for service in 0..SERVICES {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[service]]\nname = \"s{service}\"\nhosts = {HOSTS_PER_SERVICE}\nstandby_running = {HOSTS_PER_SERVICE}\n\
             max_sessions = 24\n\n[[service.application_group]]\ncode = \"AG{service}\"\ntype = \"Desktop\"\n\
             group = \"GRP{service}\"\npeople = {people}\nactive = {SESSIONS_PER_SERVICE}\ndisconnected = 0\n",
            people = SESSIONS_PER_SERVICE + 100,
        );
    }
    text
}

/// Time of this thread on a processor, in milliseconds.
fn cpu_ms() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: f64 = text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default();
    nanoseconds / 1e6
}

/// Memory of this process, in megabytes.
fn resident_mb() -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1_024.0
}

fn setup(estate: Arc<Estate>) -> Setup {
    Setup {
        world: World::Sim,
        access: Access::MayArm,
        endpoint: None,
        estate,
        identity: Identity { name: "bench".into(), oid: "bench".into() },
        token: TokenStatus::NotNeeded,
        speed: Speed::Times(1.0),
        runbooks: Vec::new(),
        bell: farshore::app::Bell::Never,
    }
}

async fn observe(azure: &Azure, clock: &Clock, sources: &[Source]) -> Vec<Observation> {
    let mut all = Vec::new();
    for source in sources {
        all.push(azure.look(source, &|| clock.now()).await);
    }
    all
}

fn say(what: &str, goal: &str, mut values: Vec<f64>, unit: &str) {
    let raw: Vec<String> = values.iter().map(|value| format!("{value:.1}")).collect();
    values.sort_by(f64::total_cmp);
    let (median, worst) = (values[values.len() / 2], values[values.len() - 1]);
    println!("{what} ({goal}): median {median:.1} {unit}, worst {worst:.1} {unit} of {}", values.len());
    println!("  raw: {}", raw.join(" "));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let text = scenario();
    let scenario = Scenario::from_toml(&text, "large")?;
    let estate = Arc::new(config::parse(&scenario.estate_toml(None), "the scenario's estate")?);
    let clock = Arc::new(Clock::new(scenario.epoch(), SPEED));
    let played = Arc::new(Played::default());
    let sim = Sim::open(scenario, 1, clock.clone(), Arc::new(NoLedger), &[], SimOptions::default())?;
    *played.world.lock().unwrap_or_else(PoisonError::into_inner) = Some(sim);
    let endpoint = Endpoint::parse("http://127.0.0.1:1")?;
    let options = AzureOptions {
        limits: Limits { read_burst: 1_000_000, read_rate: 1e6, ..Limits::default() },
        ..AzureOptions::new(endpoint, estate.clone())
    };
    let tokens = Arc::new(tokens::Fixed::simulated());
    let azure = Azure::new(Arc::new(Guard::new(played.clone())), tokens, options);
    let sources: Vec<Source> = survey::watch_sources(&estate);
    while observe(&azure, &clock, &sources).await.iter().any(|observation| observation.outcome.is_err()) {
        played.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
    // From here on only answers are left.
    *played.world.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let calls = played.kept.lock().unwrap_or_else(PoisonError::into_inner).len();
    let bytes: usize = played
        .kept
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .values()
        .map(|answer| answer.body().len())
        .sum();
    let answers_mb = bytes as f64 / 1e6;
    println!("{} sources, {calls} calls, {answers_mb:.1} MB of answers", sources.len());

    let moment = || Moment { now: clock.now(), terminal: 0 };
    let mut app = App::new(setup(estate.clone()), moment());
    let (mut decode, mut model, mut frame, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = cpu_ms();
        let observations = observe(&azure, &clock, &sources).await;
        let failed: BTreeSet<String> = observations
            .iter()
            .filter_map(|observation| observation.outcome.as_ref().err().map(|why| format!("{why:?}")))
            .collect();
        assert!(failed.is_empty(), "{failed:?}");
        let decoded = cpu_ms();
        for observation in observations {
            app.update(Event::Observed(observation), moment());
        }
        app.settle();
        let modelled = cpu_ms();
        decode.push(decoded - begin);
        model.push(modelled - decoded);
        whole.push(modelled - begin);
    }
    let look = Look { theme: Theme::named("default")?, glyphs: Glyphs::Box, zone: None };
    let area = Rect::new(0, 0, 80, 24);
    for _ in 0..FRAMES {
        let begin = cpu_ms();
        let mut buffer = Buffer::empty(area);
        ui::draw(&app, &look, area, &mut buffer);
        frame.push(cpu_ms() - begin);
    }
    say("client and decoding", "part of 250 ms", decode, "ms CPU");
    say("state and model", "part of 250 ms", model, "ms CPU");
    say("decode + model, a refresh", "goal < 250 ms", whole, "ms CPU");
    frame.sort_by(f64::total_cmp);
    println!(
        "frame 80x24 (goal p99 < 8 ms): median {:.2} ms, p99 {:.2} ms of {FRAMES}",
        frame[FRAMES / 2],
        frame[FRAMES * 99 / 100 - 1]
    );
    let resident = resident_mb();
    println!("memory with {answers_mb:.1} MB of kept answers (goal < 150 MB without them): {resident:.0} MB");
    Ok(())
}
