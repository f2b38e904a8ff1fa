//! Processes that are killed at any instant, in-process and against a served simulator.
//!
//! `FARSHORE_KILLS=100` sets how often; without it a handful, so that the ordinary tests stay quick.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use farshore::sim::{EndState, LedgerEntry, NoLedger, Scenario, Sim, SimOptions, TimeSource};
use serde_json::Value;

use super::{
    cli::Server,
    terminal::{State, text},
};

/// Kills in an ordinary test run, each way.
const FEW: u32 = 8;
/// The clock of the estate in this process: a run of `tiny` takes about five seconds.
const SPEED: [&str; 2] = ["--speed", "240"];
/// A served clock goes on while nobody lives. A step waits for five minutes at least, and a
/// process that is killed in it and its successor must not be away for most of them. The answers
/// take their time, so that kills meet requests that are on their way.
const SERVED: [&str; 4] = ["--speed", "120", "--latency", "40"];
/// A run that has been resumed so often and has not ended will not end.
const RESUMES: u32 = 60;
/// After the end of a run nobody is still signing in and no machine is on its way.
const SETTLED: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// No run takes longer than this in one piece.
const LIMIT: Duration = Duration::from_secs(120);

/// The run that is killed.
const RUN: [&str; 3] = ["run", "avd-pooled-failover", "--auto"];

fn kills() -> u32 {
    std::env::var("FARSHORE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(FEW)
}

/// Lets a command run for a while and kills it with SIGKILL unless it has ended; its exit code where
/// it ended by itself.
fn cut(mut command: Command, after: Duration) -> Option<i32> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + after;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap().code()
}

/// Lets a command run to its end. One that does not end is shown with its stack, and killed.
fn finish(mut command: Command) -> Output {
    let said = tempfile::tempdir().unwrap();
    let [out, err] = ["out", "err"].map(|name| said.path().join(name));
    let mut child =
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > end => break None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let (stdout, stderr) = (fs::read(&out).unwrap(), fs::read(&err).unwrap());
    let Some(status) = status else {
        let id = child.id().to_string();
        let stack = Command::new("gdb").args(["-p", &id, "-batch", "-ex", "thread apply all bt"]).output();
        let stack = stack.map_or_else(|error| format!("no stack: {error}"), |output| text(&output.stdout));
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{command:?} does not end\n{}{}\n{stack}", text(&stdout), text(&stderr));
    };
    Output { status, stdout, stderr }
}

/// Like [`finish`], with how long it took; it ends well.
fn whole(command: Command) -> Duration {
    let started = Instant::now();
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    started.elapsed()
}

/// One run that is killed once or more often, within `span` of each start, and goes on until it
/// ends; its id, and how often it was killed.
fn killed_run(
    state: &State,
    rng: &mut fastrand::Rng,
    span: Duration,
    command: impl Fn(&[&str]) -> Command,
) -> (String, u32) {
    let mut kills = 0;
    let pause = |rng: &mut fastrand::Rng| Duration::from_micros(rng.u64(20_000..span.as_micros() as u64));
    let run = loop {
        let code = cut(command(&RUN), pause(rng));
        kills += u32::from(code.is_none());
        // Killed before its first record a run does not exist, and nothing was sent for it.
        match state.runs().first() {
            Some(run) => break run.clone(),
            None => assert!(kills < RESUMES, "no run was ever opened"),
        }
    };
    for again in 0..RESUMES {
        let resume = ["resume", &run, "--auto"];
        // At first it is killed again, while there is something left of it; then it may end.
        if again < rng.u32(0..4) {
            kills += u32::from(cut(command(&resume), pause(rng) / 2).is_none());
            continue;
        }
        let output = finish(command(&resume));
        let all = text(&output.stdout) + &text(&output.stderr);
        let over = all.contains("is closed (completed)");
        assert!(output.status.code() == Some(0) || over, "{run}: {:?} {all}", output.status);
        break;
    }
    (run, kills)
}

#[derive(Debug)]
struct Standing(jiff::Timestamp);

impl TimeSource for Standing {
    fn now(&self) -> jiff::Timestamp {
        self.0
    }
}

/// Where a run ended: all that must be the same (design §11), and nothing that may differ.
#[derive(Debug, PartialEq)]
struct Ended {
    end: Value,
    debts: Value,
    world: EndState,
    /// Once everybody who was on the way has arrived.
    settled: EndState,
}

impl Ended {
    /// From the run's journal and the ledger of the world it worked on.
    fn of(state: &State, run: &str, ledger: &[Value]) -> Self {
        let all = journal(state, run);
        let closed = all.iter().rev().find(|record| record["kind"] == "closed").unwrap();
        let last: jiff::Timestamp = all.last().unwrap()["wall"].as_str().unwrap().parse().unwrap();
        let (end, debts) = (closed["end"].clone(), closed["debts"].clone());
        Self { end, debts, world: world(ledger, last), settled: world(ledger, last + SETTLED) }
    }
}

/// The world that a ledger tells of, where it stands `at` a moment after its last entry.
fn world(ledger: &[Value], at: jiff::Timestamp) -> EndState {
    let entries: Vec<LedgerEntry> =
        ledger.iter().map(|line| serde_json::from_value(line["entry"].clone()).unwrap()).collect();
    let Some(LedgerEntry::Opened { scenario_name, scenario_toml, seed, .. }) = entries.first() else {
        panic!("the ledger does not begin with `opened`");
    };
    let scenario = Scenario::from_toml(scenario_toml, scenario_name).unwrap();
    let time = Arc::new(Standing(at));
    let sim = Sim::open(scenario, *seed, time, Arc::new(NoLedger), &entries, SimOptions::default()).unwrap();
    let end = sim.end_state();
    assert_eq!(sim.violations(), Vec::<String>::new());
    end
}

fn journal(state: &State, run: &str) -> Vec<Value> {
    let written = fs::read_to_string(state.journal(run)).unwrap();
    written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every write of the ledger has its intent in the journal and is that intent, letter by letter;
/// no intent arrived twice, and no POST twice for one step's item, whatever its intent.
#[track_caller]
fn never_twice(state: &State, run: &str, ledger: &[Value]) {
    let all = journal(state, run);
    let mut intents: BTreeMap<&str, &Value> = BTreeMap::new();
    for record in all.iter().filter(|record| record["kind"] == "intent") {
        let id = record["request"]["client_request_id"].as_str().unwrap();
        assert!(intents.insert(id, record).is_none(), "{run}: two intents have the id {id}");
    }
    let item = |intent: &Value| (intent["step"].to_string(), intent["item"].to_string());
    let mut intended: BTreeMap<_, u32> = BTreeMap::new();
    for intent in intents.values().filter(|intent| intent["request"]["method"] == "POST") {
        *intended.entry(item(intent)).or_default() += 1;
    }
    assert!(intended.values().all(|count| *count == 1), "{run}: {intended:?}");
    let (mut arrived, mut posts) = (BTreeMap::<&str, u32>::new(), BTreeMap::<_, u32>::new());
    for write in ledger.iter().map(|line| &line["entry"]).filter(|entry| entry["kind"] == "write") {
        let id = write["client_request_id"].as_str().unwrap_or_default();
        let intent = intents.get(id).unwrap_or_else(|| panic!("{run}: no intent for {write}"));
        is_intent(write, &intent["request"]);
        *arrived.entry(id).or_default() += 1;
        if write["method"] == "POST" {
            *posts.entry(item(intent)).or_default() += 1;
        }
    }
    assert!(arrived.values().all(|count| *count == 1), "{run}: {arrived:?}");
    assert!(posts.values().all(|count| *count == 1), "{run}: {posts:?}");
    // What the journal calls accepted has arrived: the ledger is that of this run, and whole.
    for accepted in all.iter().filter(|record| record["kind"] == "accepted") {
        let of =
            |intent: &&&Value| item(intent) == item(accepted) && intent["attempt"] == accepted["attempt"];
        let intent = intents.values().find(of).unwrap();
        let id = intent["request"]["client_request_id"].as_str().unwrap();
        assert!(arrived.contains_key(id), "{run}: {accepted} never arrived");
    }
    assert!(!posts.is_empty(), "{run}: nothing was posted");
}

/// The write that arrived is the request of the intent.
#[track_caller]
fn is_intent(write: &Value, request: &Value) {
    let (path, url) = (write["path_and_query"].as_str().unwrap(), request["url"].as_str().unwrap());
    assert_eq!(write["method"], request["method"], "{url}");
    assert!(
        url.strip_suffix(path).is_some_and(|origin| origin.starts_with("http://127.0.0.1:")),
        "{url} {path}"
    );
    let hash = farshore::wire::body_sha256(write["body"].as_str().unwrap().as_bytes());
    let hash = hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_eq!(request["body_sha256"], hash, "{url}");
}

/// The run's chain holds; a torn line of a killed process was set aside and said so.
fn verified(state: &State, run: &str) {
    let said = state.verb(&["audit", "verify", run]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
}

/// Runs in this process's own simulator, killed until there were enough kills.
fn killed_here(speed: [&str; 2]) {
    let calm = State::new();
    let span = whole(calm.command(&[&["--sim=tiny"], &speed[..], &RUN].concat()));
    let run = calm.run();
    let expected = Ended::of(&calm, &run, &calm.ledger(&run));
    let (mut seed, mut done) = (0, 0);
    while done < kills() {
        let state = State::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        let (run, count) = killed_run(&state, &mut rng, span, |words| {
            let sim = if words.contains(&"resume") { &[][..] } else { &["--sim=tiny"][..] };
            state.command(&[sim, &speed, words].concat())
        });
        let ledger = state.ledger(&run);
        let found = Ended::of(&state, &run, &ledger);
        assert_eq!(found, expected, "seed {seed}, killed {count} times");
        never_twice(&state, &run, &ledger);
        verified(&state, &run);
        (seed, done) = (seed + 1, done + count);
        assert!(seed <= u64::from(kills()) * 2 + 10, "only {done} kills in {seed} runs");
    }
    println!("{done} kills of {seed} runs in this process's own simulator, {}", speed.join(" "));
}

#[test]
fn killed_in_process_it_ends_where_it_would_have_ended() {
    killed_here(SPEED);
}

#[test]
fn killed_where_time_jumps_it_ends_where_it_would_have_ended() {
    killed_here(["--speed", "max"]);
}

/// What a state directory holds of runs that ended before their first record.
fn unbegun(state: &State) -> usize {
    let directory = fs::read_dir(state.path().join("journal").join("tiny"));
    let names = directory.into_iter().flatten().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".opening")).count()
}

#[test]
fn killed_around_its_first_record_a_run_is_whole_or_never_was() {
    let state = State::new();
    let run = ["--sim=tiny", "run", "avd-pooled-failover", "--auto"];
    let mut rng = fastrand::Rng::with_seed(1);
    let mut kills_before = 0;
    for kill in 1.. {
        assert!(kill <= kills() * 10 + 20, "{kills_before} of {kill} kills came before the first record");
        let before = (unbegun(&state), state.runs());
        let mut child = state.command(&run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The file that becomes its journal is the first thing that is seen of a run.
        let end = Instant::now() + LIMIT;
        while unbegun(&state) == before.0 && state.journals() == before.1.len() && Instant::now() < end {}
        std::thread::sleep(Duration::from_micros(rng.u64(0..12_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let after = (unbegun(&state), state.runs());
        assert_eq!(
            after.0 + after.1.len(),
            before.0 + before.1.len() + 1,
            "one of both: {before:?} {after:?}"
        );
        state.verified();
        kills_before += u32::try_from(after.0 - before.0).unwrap();
        if kills_before >= kills() {
            break;
        }
    }
    let begun = state.runs().len();
    let output = finish(state.command(&run));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = state.verb(&["audit", "verify"]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert_eq!(text(&said.stdout).matches("never began").count(), unbegun(&state), "{said:?}");
    println!("{kills_before} kills before the first record, {begun} just after it");
}

/// Everything of the served world that must be the same, read over its own API.
fn lists(server: &Server, state: &State) -> Value {
    let output = server.command(state, &["status", "--output", "json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut kept = BTreeMap::new();
    for side in ["primary", "secondary"] {
        for component in ["hosts", "assignments", "sessions"] {
            let cell = &status["regions"][side][component];
            kept.insert(format!("{side} {component}"), cell["value"].clone());
        }
    }
    let mut services = status["services"].clone();
    for service in services.as_array_mut().unwrap() {
        // When it was seen is not what it is.
        service.as_object_mut().unwrap().retain(|key, _| !["at", "age_s"].contains(&key.as_str()));
    }
    serde_json::json!({ "cells": kept, "invariant": status["invariant"]["value"], "debts": status["debts"],
        "services": services })
}

#[test]
fn killed_against_a_served_simulator_it_ends_there_too() {
    let calm = State::new();
    let server = Server::start(&calm, "tiny", &SERVED);
    let span = whole(server.command(&calm, &RUN));
    let run = calm.run();
    let expected = (lists(&server, &calm), Ended::of(&calm, &run, &server.ledger()));
    never_twice(&calm, &run, &server.ledger());
    drop(server);
    let (mut seed, mut done) = (0, 0);
    while done < kills() {
        let state = State::new();
        let server = Server::start(&state, "tiny", &SERVED);
        let mut rng = fastrand::Rng::with_seed(1_000 + seed);
        let (run, count) = killed_run(&state, &mut rng, span, |words| server.command(&state, words));
        let ledger = server.ledger();
        let found = (lists(&server, &state), Ended::of(&state, &run, &ledger));
        assert_eq!(found, expected, "seed {seed}, killed {count} times");
        never_twice(&state, &run, &ledger);
        verified(&state, &run);
        (seed, done) = (seed + 1, done + count);
        assert!(seed <= u64::from(kills()) * 2 + 10, "only {done} kills in {seed} runs");
    }
    println!("{done} kills of {seed} runs against a served simulator");
}

#[test]
fn in_process_and_served_runs_of_one_seed_end_in_the_same_state() {
    let here = State::new();
    whole(here.command(&[&["--sim=tiny", "--seed", "7"], &SPEED[..], &RUN].concat()));
    let there = State::new();
    let server = Server::start(&there, "tiny", &[&["--seed", "7"], &SERVED[..]].concat());
    whole(server.command(&there, &RUN));
    let (local, served) = (here.ledger(&here.run()), server.ledger());
    let ended = Ended::of(&here, &here.run(), &local);
    assert_eq!(ended, Ended::of(&there, &there.run(), &served));
    assert_eq!((&ended.end, &ended.debts), (&serde_json::json!("completed"), &serde_json::json!([])));
    never_twice(&here, &here.run(), &local);
    never_twice(&there, &there.run(), &served);
    let requests = |state: &State| {
        let mut sent: Vec<(String, String, String)> = journal(state, &state.run())
            .iter()
            .filter(|record| record["kind"] == "intent")
            .map(|record| {
                let word = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
                (word("step"), record["request"]["method"].to_string(), word("item"))
            })
            .collect();
        sent.sort();
        // Which sessions there are depends on who came and went by then.
        sent.retain(|(_, _, item)| !item.contains('/'));
        sent
    };
    assert_eq!(requests(&here), requests(&there));
}
