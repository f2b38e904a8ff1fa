//! Plain mode through pipes, driven by what the process prints; and runs that others left behind.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Instant,
};

use farshore::{
    domain::{ArmId, Operation},
    engine::{
        Stamped,
        event::{RequestRecord, RunEnd, RunEvent},
    },
    journal::{FileJournal, Journal},
};
use serde_json::Value;

use super::{
    cli::Server,
    terminal::{LIMIT, State, text},
};

/// A process in plain mode: what it prints comes line by line, what is typed goes through a pipe.
struct Lines {
    child: Child,
    keyboard: Option<ChildStdin>,
    printed: Receiver<String>,
    heard: Vec<String>,
}

impl Lines {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, printed) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { keyboard: child.stdin.take(), child, printed, heard: Vec::new() }
    }

    fn next(&mut self) -> String {
        let Ok(line) = self.printed.recv_timeout(LIMIT) else { panic!("nothing more: {:#?}", self.heard) };
        self.heard.push(line.clone());
        line
    }

    fn until(&mut self, part: &str) {
        while !self.next().contains(part) {}
    }

    fn answer(&mut self, line: &str) {
        writeln!(self.keyboard.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Answers every question as it asks to be, until a line holds `part`. What came too early is
    /// answered again.
    fn obey_until(&mut self, part: &str) {
        let mut last = String::new();
        loop {
            let line = self.next();
            if line.contains(part) {
                return;
            }
            let asked = ["to arm type: ", "to confirm type", "to go on type: "]
                .iter()
                .any(|start| line.starts_with(start));
            if asked {
                line.rsplit(": ").next().unwrap().clone_into(&mut last);
            } else if line == "type: value TEXT" {
                "value none".clone_into(&mut last);
            } else if !line.starts_with("not taken: ") {
                continue;
            }
            self.answer(&last.clone());
        }
    }

    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let end = Instant::now() + LIMIT;
        let code = loop {
            while let Ok(line) = self.printed.try_recv() {
                self.heard.push(line);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < end, "still there: {:#?}", self.heard);
            std::thread::yield_now();
        };
        while let Ok(line) = self.printed.recv_timeout(LIMIT) {
            self.heard.push(line);
        }
        (code, std::mem::take(&mut self.heard))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn plain(state: &State) -> Lines {
    let words = ["--sim=tiny", "--speed", "60", "--plain", "run", "avd-pooled-failover"];
    Lines::start(state.command(&words))
}

fn records(state: &State, run: &str, kind: &str) -> Vec<Value> {
    let written = fs::read_to_string(state.journal(run)).unwrap();
    let all = written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|record| record["kind"] == kind).collect()
}

#[test]
fn two_steps_are_confirmed_through_a_pipe_by_what_is_printed() {
    let state = State::new();
    let mut lines = plain(&state);
    lines.obey_until("a2-prewarm done");
    lines.answer("quit");
    let (code, heard) = lines.end();
    assert_eq!(code, Some(3), "{heard:#?}");
    let run = state.run();
    let confirmed = records(&state, &run, "confirmed");
    let steps: Vec<&str> = confirmed.iter().filter_map(|record| record["step"].as_str()).collect();
    assert_eq!(steps, ["a0-declare", "a2-prewarm"], "{confirmed:?}");
    for record in &confirmed {
        assert!(record["latency_ms"].as_u64().unwrap() >= 300, "{record}");
    }
    state.verified();
}

/// As with a screen reader, a serial console or a terminal that cannot place a cursor: nothing but lines.
#[test]
fn the_whole_run_goes_by_numbered_lines() {
    let state = State::new();
    let mut lines = plain(&state);
    lines.obey_until(" is completed");
    let (code, heard) = lines.end();
    assert_eq!(code, Some(0), "{heard:#?}");
    let run = state.run();
    let confirmed = records(&state, &run, "confirmed");
    let steps: Vec<&str> = confirmed.iter().filter_map(|record| record["step"].as_str()).collect();
    let wanted = [
        "a0-declare",
        "a2-prewarm",
        "a3-hold-standby-scaling",
        "a3-hold-active-scaling",
        "a4-standby-can-take-users",
        "a5-drain",
        "a6-tell-users",
        "a7-revoke",
        "a8-log-off",
        "a9-flush",
        "a10-safe-to-open",
        "a11-grant",
        "a12-first-user",
        "a14-stop-hosts",
        "a16-close",
    ];
    assert_eq!(steps, wanted, "{heard:#?}");
    state.verified();
    // Each change of a step's state is told once, and nothing moves a cursor.
    let told: Vec<&String> = heard.iter().filter(|line| line.contains("Z 9 a7-revoke ")).collect();
    // On a busy machine the looks under its precondition are still on their way when its turn comes.
    let states = ["blocked", "ready", "confirmed", "running", "waiting", "done"];
    let states_told = told.iter().map(|line| line.split(' ').nth(3).unwrap()).collect::<Vec<_>>();
    assert!(states_told.iter().all(|state| states.contains(state)), "{told:#?}");
    let mut once = states_told.clone();
    once.dedup();
    assert_eq!(once, states_told, "{told:#?}");
    assert_eq!(heard.iter().filter(|line| line.contains("effective by")).count(), 1, "{heard:#?}");
    assert_eq!(heard.iter().filter(|line| line.contains("cockpit opened")).count(), 1, "{heard:#?}");
    let mut blocked = heard.iter().filter(|line| line.contains("Z ") && line.contains(" blocked "));
    assert!(blocked.all(|line| line[9..].contains(": ")), "{heard:#?}");
    assert!(heard.iter().all(|line| !line.contains('\u{1b}')), "{heard:#?}");
    for part in ["step 3 of 18, a2-prewarm: ", "what: ", "effect: ", "before: ", "undo: ", "usual: "] {
        assert!(heard.iter().any(|line| line.starts_with(part)), "{part}: {heard:#?}");
    }
    // How things stand before is never told without its age.
    let before: Vec<&String> = heard.iter().filter(|line| line.starts_with("before: ")).collect();
    let aged = before.iter().filter(|line| line.contains(", oldest look "));
    assert!(aged.count() >= 8, "{before:#?}");
}

#[test]
fn a_pipe_that_never_stops_answering_confirms_nothing_and_ends_the_waiting() {
    let state = State::new();
    let mut lines = plain(&state);
    let mut keyboard = lines.keyboard.take().unwrap();
    let flood = std::thread::spawn(move || while writeln!(keyboard, "42 arm nowhere").is_ok() {});
    let (code, heard) = lines.end();
    flood.join().unwrap();
    assert_eq!(code, Some(3), "{heard:#?}");
    assert!(heard.iter().any(|line| line.starts_with("not taken: ")), "{heard:#?}");
    let said = heard.iter().any(|line| line.starts_with("3 wrong answers in a row"));
    assert!(said && heard.len() < 200, "{heard:#?}");
    let run = state.run();
    assert!(records(&state, &run, "confirmed").is_empty() && records(&state, &run, "armed").is_empty());
    assert!(text(&state.verb(&["runs"]).stdout).trim_end().ends_with("held"));
    state.verified();
}

/// A run on a served world whose process was left as soon as it was open.
fn left(state: &State, server: &Server) -> String {
    let words = ["--plain", "run", "avd-pooled-failover", "--mode", "ungraceful"];
    let mut lines = Lines::start(server.command(state, &words));
    lines.until(" is open");
    lines.keyboard = None;
    let (code, heard) = lines.end();
    assert_eq!(code, Some(3), "{heard:#?}");
    state.run()
}

#[test]
fn a_run_on_a_served_world_says_who_opened_it_and_who_went_on() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let run = left(&state, &server);
    let opened = fs::read_to_string(state.journal(&run)).unwrap().lines().count();
    let mut lines = Lines::start(server.command(&state, &["--plain", "resume", &run]));
    lines.obey_until("is running");
    lines.keyboard = None;
    let (code, heard) = lines.end();
    assert_eq!(code, Some(3), "{heard:#?}");
    let written = fs::read_to_string(state.journal(&run)).unwrap();
    assert!(written.lines().count() > opened, "{written}");
    for line in written.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let actor = &record["actor"];
        assert_eq!(actor["upn"], "op.01@contoso.example", "{line}");
        assert_eq!(actor["oid"], "6e6e6e6e-0000-4000-8000-000000000001", "{line}");
    }
}

/// What `resume` says of a run with no input at all.
#[track_caller]
fn refused(state: &State, run: &str, why: &str) {
    let output = state.verb(&["--plain", "resume", run, "--sim=tiny"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why), "{said}");
}

#[test]
fn the_end_of_the_input_does_not_hide_why_a_run_cannot_be_opened() {
    let state = State::new();
    let mut lines = plain(&state);
    lines.until(" is open");
    let run = state.run();
    refused(&state, &run, "another farshore works on this estate");
    lines.keyboard = None;
    assert_eq!(lines.end().0, Some(3));

    let state = State::new();
    state.verb(&["--sim=tiny", "run", "avd-pooled-failover", "--auto"]);
    let run = state.run();
    let written = fs::read_to_string(state.journal(&run)).unwrap();
    let last = written.trim_end().rfind('\n').unwrap() + 1;
    fs::write(state.journal(&run), &written[..last]).unwrap();
    refused(&state, &run, "had been written");
}

/// Writes into the journal of a run that it was aborted after a grant while it owed a step.
fn aborted_owing(state: &State, run: &str) {
    let mut reopened = FileJournal::open(state.path(), run).unwrap();
    let step = "a5-drain".to_owned();
    let last = reopened.events.last().unwrap().clone();
    let vm = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm";
    let granted = RunEvent::Intent {
        step: "a11-grant".to_owned(),
        item: "GRP1@DAG1".to_owned(),
        attempt: 1,
        operation: Operation::StartVm { vm: ArmId::parse(vm).unwrap() },
        request: RequestRecord {
            method: "PUT".to_owned(),
            url: "http://127.0.0.1:1/x".to_owned(),
            body_sha256: String::new(),
            client_request_id: "c-1".to_owned(),
            correlation_id: "k-1".to_owned(),
        },
        before: "absent".into(),
    };
    let events = [
        granted,
        RunEvent::Deferred { step: step.clone(), reason: "dead".into(), downgraded: false },
        RunEvent::Closed { end: RunEnd::AbortedAsIs, debts: vec![step], note: "enough".into() },
    ];
    let stamped: Vec<_> = events.map(|event| Stamped { event, ..last.clone() }).into();
    reopened.journal.append(&stamped).unwrap();
}

#[track_caller]
fn status(state: &State, server: &Server, form: &str, code: i32) -> String {
    let output = server.command(state, &["status", "--output", form]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{said}{}", text(&output.stderr));
    said
}

#[test]
fn what_an_aborted_run_owes_stays_in_the_status_and_a_run_that_cannot_be_read_is_named() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let run = left(&state, &server);
    aborted_owing(&state, &run);
    let all: Value = serde_json::from_str(&status(&state, &server, "json", 2)).unwrap();
    assert_eq!((&all["verdict"], &all["debts"][0]["run"]), (&"crit".into(), &run.as_str().into()), "{all}");
    assert_eq!(all["runs"][0]["state"], "aborted-as-is");
    assert!(text(&state.verb(&["runs"]).stdout).contains("aborted-as-is, 1 debt\n"));

    let estate = fs::read_to_string(&server.estate).unwrap();
    fs::write(&server.estate, format!("{estate}\n# a comment\n")).unwrap();
    for form in ["table", "json", "nagios"] {
        let said = status(&state, &server, form, 3);
        assert!(said.contains(&run) && said.contains("1 debt,"), "{said}");
    }
    // Before anything is opened, with and without lines, and where there is no terminal for a screen.
    for words in [&["resume", &run, "--auto"][..], &["resume", &run, "--plain"], &["resume", &run]] {
        let refused = server.command(&state, words).output().unwrap();
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        for told in [
            &format!("will not resume {run}: its estate file was sha256 ")[..],
            ", here it is sha256 ",
            "; nothing was sent. Give the file as it was then with --estate FILE",
        ] {
            assert!(said.contains(told), "{words:?}: {said}");
        }
    }

    fs::write(&server.estate, estate).unwrap();
    let journal = state.journal(&run);
    let mut bytes = fs::read(&journal).unwrap();
    let middle = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 40;
    bytes[middle] ^= 1;
    fs::write(&journal, bytes).unwrap();
    for form in ["table", "json", "nagios"] {
        let said = status(&state, &server, form, 3);
        assert!(said.contains(&run) && said.contains("its journal cannot be read"), "{said}");
    }
}

#[test]
fn a_run_that_ends_with_debts_has_its_own_exit_code() {
    let state = State::new();
    let tiny = farshore::sim::Scenario::builtin("tiny").unwrap();
    let dead = format!("{}\n[[at]]\nt = \"-20m\"\nfault = \"dead\"\nregion = \"primary\"\n", tiny.source());
    let path = state.path().join("dead.toml");
    fs::write(&path, dead).unwrap();
    let sim = format!("--sim={}", path.display());
    let words = [&sim, "run", "avd-pooled-failover", "--auto", "--mode", "ungraceful"];
    let output = state.verb(&words);
    let all = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{all}");
    assert!(all.contains("ended: monitoring"), "{all}");
}

#[test]
fn auto_is_refused_where_anything_is_not_loopback() {
    let state = State::new();
    let estate = state.path().join("estate.toml");
    fs::write(&estate, state.verb(&["sim", "estate", "--scenario", "tiny"]).stdout).unwrap();
    let estate = estate.to_str().unwrap();
    let words = ["--estate", estate, "run", "avd-pooled-failover", "--auto"];
    // Azure itself, and a loopback endpoint whose tokens would come from somewhere else.
    for more in [&[][..], &["--endpoint", "http://127.0.0.1:1"]] {
        let output = state.command(&[&words, more].concat()).env("PATH", "").output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--auto is for --sim, or where endpoint and identity endpoint"), "{said}");
    }
    assert!(state.runs().is_empty());
}
