//! The command line from the outside: exit codes, what is said, and that nothing is lost.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

use super::terminal::{FARSHORE, State, Terminal, kill, text};

/// Exit code, and words that must be said on either stream; neither may hold an escape.
#[track_caller]
fn check(state: &State, words: &str, code: i32, said: &[&str]) -> Output {
    let output = state.verb(&words.split_whitespace().collect::<Vec<_>>());
    let all = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "`{words}`: {all}");
    for part in said {
        assert!(all.contains(part), "`{words}` does not say `{part}`: {all}");
    }
    assert!(!all.contains('\x1b'), "`{words}` wrote an escape without a terminal: {all:?}");
    output
}

/// `head` reads a line and leaves: nobody is troubled with that.
#[test]
fn whoever_reads_no_further_is_told_nothing() {
    let state = State::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = state.command(&["runbook", "list"]).stdout(writer).output().unwrap();
    assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(1)));
}

#[test]
fn wrong_words_are_answered_with_the_verbs_own_code_and_a_hint() {
    let state = State::new();
    for (words, code, said) in [
        ("--frob", 2, &["unexpected argument '--frob'"][..]),
        ("--reed-only", 2, &["unexpected argument '--reed-only'", "--read-only"]),
        ("status --sevice hr --sim", 3, &["'--sevice'", "'--service'"]),
        ("--sim check --output yaml", 3, &["'yaml'", "json"]),
        ("--sim status --service hrr", 3, &["no service hrr in contoso-avd; did you mean hr?"]),
        ("audit frob", 64, &["unrecognized subcommand 'frob'"]),
        ("audit verify --head abc", 64, &["abc is no head"]),
        ("--sim run nope", 2, &["no runbook nope"]),
        ("--sim run avd-pooled-failover", 2, &["give --service: hr, fin"]),
        ("--sim=nope status", 3, &["no scenario `nope`; there are calm"]),
        ("--estate x --sim status", 3, &["--estate and --sim exclude each other"]),
        ("--estate x --sim", 2, &["--estate and --sim exclude each other"]),
        ("--sim --endpoint http://127.0.0.1:1 runs", 2, &["--sim and --endpoint exclude each other"]),
        (
            "--sim --read-only run avd-pooled-failover --service hr --auto",
            2,
            &["--read-only cannot be armed"],
        ),
    ] {
        check(&state, words, code, said);
    }
}

/// What is left in a state directory of runs that were begun.
fn left_of_runs(state: &State) -> Vec<String> {
    ["journal", "worlds"]
        .into_iter()
        .filter_map(|name| fs::read_dir(state.path().join(name)).ok())
        .flat_map(|all| all.flatten().map(|entry| entry.path().display().to_string()))
        .collect()
}

#[test]
fn how_a_side_that_looks_dead_is_left_is_asked_before_anything_is_written() {
    let state = State::new();
    let run = "run avd-pooled-failover --service hr";
    for (front, words) in [("--auto", "farshore: no mode was given"), ("--plain", "could not open the run")] {
        let words = [words, "WE, which hr would leave, looks dead (sign ", "; sign ", "--mode ungraceful"];
        check(&state, &format!("--sim=region-outage {run} {front}"), 1, &words);
        assert_eq!(left_of_runs(&state), Vec::<String>::new(), "{front}");
    }
    // Where a person has said how, that is how it goes; a side that answers is left gracefully.
    let words = format!("--sim=region-outage {run} --auto --mode ungraceful");
    let output = state.verb(&words.split_whitespace().collect::<Vec<_>>());
    assert!(text(&output.stdout).contains("ungraceful"), "{}", text(&output.stdout));
    check(&state, "--sim=tiny run avd-pooled-failover --auto", 0, &["graceful"]);
}

#[test]
fn a_verb_without_an_estate_never_falls_back_to_the_simulator() {
    let state = State::new();
    for (words, code) in
        [("status", 3), ("check", 3), ("run avd-pooled-failover", 2), ("runbook plan avd-pooled-failover", 2)]
    {
        let output = check(&state, words, code, &["no estate", "--sim"]);
        assert!(output.stdout.is_empty(), "{words}");
    }
    for (words, code) in [("--estate /nowhere/e.toml status", 3), ("--estate /nowhere/e.toml", 2)] {
        let output = check(&state, words, code, &["/nowhere/e.toml: cannot be read"]);
        assert!(output.stdout.is_empty(), "{words}");
    }
}

/// Makes what lies below a configuration directory unreadable.
type Spoil = fn(&Path);

fn link(to: impl AsRef<Path>, at: &Path) {
    std::os::unix::fs::symlink(to, at).unwrap();
}

#[test]
fn an_estate_file_that_is_there_and_cannot_be_read_never_opens_the_simulator() {
    let spoiled: [(&str, Spoil); 4] = [
        ("a link to nowhere", |config| {
            fs::create_dir(config.join("farshore")).unwrap();
            link("/nowhere", &config.join("farshore/estate.toml"));
        }),
        ("a directory that is a link to nowhere", |config| link("/nowhere", &config.join("farshore"))),
        ("links in a circle", |config| {
            link(config.join("farshore"), &config.join("farshore"));
        }),
        ("no directory", |config| fs::write(config.join("farshore"), "").unwrap()),
    ];
    for (what, spoil) in spoiled {
        let state = State::new();
        spoil(state.path());
        for (words, code) in [("--plain", 2), ("status", 3)] {
            let output = state.verb(&words.split(' ').collect::<Vec<_>>());
            let all = text(&output.stdout) + &text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{what}: {all}");
            assert!(
                all.contains("farshore/estate.toml: cannot be read") && !all.contains("SIM"),
                "{what}: {all}"
            );
        }
    }
}

#[test]
fn without_a_terminal_there_is_a_hint_and_no_escape() {
    let state = State::new();
    check(&state, "--sim", 2, &["no terminal", "--plain"]);
    check(&state, "", 2, &["no terminal", "farshore status"]);
    check(&state, "--sim run avd-pooled-failover --service hr", 2, &["no terminal", "--plain", "--auto"]);
    assert!(state.runs().is_empty());
}

#[test]
fn a_theme_that_is_none_is_told_by_every_verb() {
    let state = State::new();
    for (words, code) in [
        ("runs", 2),
        ("runbook list", 2),
        ("sim scenarios", 2),
        ("report r-nope", 2),
        ("--sim=tiny --plain", 2),
        ("--sim=tiny status", 3),
        ("--sim=tiny check", 3),
        ("audit verify", 64),
    ] {
        check(&state, &format!("{words} --theme drak"), code, &["drak", "dark"]);
    }
    check(&state, "runs --theme dark", 0, &["no runs"]);
}

#[test]
fn time_that_jumps_is_refused_where_a_person_would_sit() {
    let state = State::new();
    for words in [
        "--sim --speed max",
        "--sim --speed max --plain",
        "--speed max --plain",
        "--sim=tiny --speed max run avd-pooled-failover --plain",
        "--sim=tiny --speed max run avd-pooled-failover",
        "--sim=tiny --speed max resume r-nope --plain",
    ] {
        check(&state, words, 2, &["--speed max is for what runs without a person", "--speed 60"]);
    }
    check(&state, "--sim=tiny --speed max status", 0, &["SIM "]);
    assert!(state.runs().is_empty());
}

#[test]
fn every_mistake_of_an_estate_file_is_told_at_once() {
    let state = State::new();
    let good = text(&state.verb(&["sim", "estate", "--scenario", "calm"]).stdout);
    let broken = good.replacen("format = 1", "fromat = 1", 1).replacen("kind", "knid", 1);
    let path = state.path().join("broken.toml");
    fs::write(&path, broken).unwrap();
    for (verb, code) in [("status", 3), ("check", 3), ("run avd-pooled-failover --service hr", 2), ("", 2)] {
        let words = format!("--estate {} {verb}", path.display());
        check(
            &state,
            &words,
            code,
            &["\"fromat\"", "nearest is \"format\"", "\"knid\"", "nearest is \"kind\""],
        );
    }
}

#[test]
fn the_version_and_the_forms_of_output_are_a_contract() {
    let state = State::new();
    let version = check(&state, "--version", 0, &[]);
    assert_eq!(text(&version.stdout), format!("farshore {}\n", env!("CARGO_PKG_VERSION")));

    let table = check(&state, "--sim=tiny status", 0, &[]);
    assert!(text(&table.stdout).starts_with("SIM "), "{table:?}");

    let nagios = text(&check(&state, "--sim=region-outage status --output nagios", 2, &[]).stdout);
    assert_eq!(nagios.lines().count(), 1, "{nagios}");
    assert!(nagios.starts_with("SIM FARSHORE CRIT contoso-avd: "), "{nagios}");
    let (_, figures) = nagios.trim_end().split_once(" | ").unwrap();
    for figure in figures.split(' ') {
        let (name, value) = figure.split_once('=').unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{figure}");
        assert!(value.split(';').count() >= 4, "{figure}");
    }

    let json = text(&check(&state, "--sim=tiny status --output json", 0, &[]).stdout);
    assert!(json.trim_start().starts_with("{\n  \"mode\": \"SIM\""), "{json}");
    let status: Value = serde_json::from_str(&json).unwrap();
    for key in
        ["schema_version", "estate", "mode", "verdict", "invariant", "debts", "runs", "services", "regions"]
    {
        assert!(!status[key].is_null(), "{key}");
    }
    assert_eq!(status["services"][0]["active_side"], "primary");
    for side in ["primary", "secondary"] {
        let hosts = &status["regions"][side]["hosts"];
        for key in ["value", "state", "at", "age_s", "source", "complete"] {
            assert!(!hosts[key].is_null(), "{side} {key}: {hosts}");
        }
    }
}

/// A finished run of the scenario `tiny`.
fn finished() -> (State, String) {
    let state = State::new();
    check(&state, "--sim=tiny run avd-pooled-failover --auto", 0, &["SIM run r-", "ended: completed"]);
    let run = state.run();
    (state, run)
}

#[test]
fn what_is_said_of_a_simulated_run_begins_with_sim() {
    let (state, run) = finished();
    let runs = text(&check(&state, "runs", 0, &[]).stdout);
    assert!(runs.starts_with(&format!("{run}  SIM ")), "{runs}");
    let report = text(&check(&state, &format!("report {run}"), 0, &[]).stdout);
    assert!(report.starts_with("SIM"), "{report}");
    let report = text(&check(&state, &format!("report {run} --output json"), 0, &[]).stdout);
    assert!(report.trim_start().starts_with("{\n  \"mode\": \"SIM\""), "{report}");
    let runs = text(&check(&state, "runs --sim", 0, &[]).stdout);
    let lines: Vec<&str> = runs.lines().collect();
    assert!(lines[0].starts_with("SIM ") && lines[1].starts_with(&run), "{runs}");
    let plan = "--sim=tiny runbook plan avd-pooled-failover";
    let said = text(&check(&state, plan, 0, &[]).stdout);
    assert!(said.starts_with("SIM avd-pooled-failover hr graceful"), "{said}");
    let said = text(&check(&state, &format!("{plan} --output json"), 0, &[]).stdout);
    assert!(said.starts_with("{\n  \"world\": \"SIM\""), "{said}");
    let plan: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&plan["mode"], &plan["service"]), (&"graceful".into(), &"hr".into()));
    let said = text(&check(&state, "--sim=tiny --plain", 0, &[]).stdout);
    assert!(said.starts_with("SIM tiny"), "{said}");
    for how in ["--auto", "--plain", ""] {
        let words = format!("resume {run} {how}");
        let said = check(&state, words.trim(), 1, &["is closed (completed)", "farshore report"]);
        assert_eq!(text(&said.stdout), "", "{how}: nothing is opened for it");
    }
    check(&state, "report r-nope", 1, &["no run r-nope"]);
    check(&state, "resume r-nope", 1, &["no run r-nope"]);
}

#[test]
fn a_journal_that_was_touched_is_told_from_a_torn_and_from_a_cut_one() {
    let (state, run) = finished();
    let path = state.journal(&run);
    let whole = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let last = whole.len() - lines.last().unwrap().len();
    let mut flipped = whole.clone();
    flipped[last / 2] ^= 1;
    let torn = [&whole[..], &lines.last().unwrap()[..40]].concat();
    let verify = "audit verify";
    let said = [
        (&torn[..], "torn at the end: "),
        (&whole[..last], "SHORTER than a known head: "),
        (&whole[..], "| chain | intact |"),
    ];
    for (bytes, said) in said {
        fs::write(&path, bytes).unwrap();
        let intact = bytes == &whole[..];
        let output = check(&state, &format!("report {run}"), i32::from(!intact), &[said]);
        let head: String = text(&output.stdout).lines().take(7).collect();
        assert_eq!(head.contains("NOT INTACT"), !intact, "{head}");
        let output = check(&state, &format!("audit show {run}"), i32::from(!intact), &[]);
        assert_eq!(text(&output.stderr).contains("audit verify"), !intact);
    }
    for (bytes, code) in [(&flipped[..], 1), (&torn[..], 2), (&whole[..last], 3), (&whole[..], 0)] {
        fs::write(&path, bytes).unwrap();
        let output = check(&state, verify, code, &[&run]);
        assert_eq!(fs::read(&path).unwrap(), bytes, "verifying changes nothing: {output:?}");
        let listed = text(&check(&state, "runs", 0, &[&run]).stdout);
        let told = format!("NOT INTACT: farshore audit verify {run}");
        assert_eq!(listed.contains(&told), matches!(code, 1 | 3), "{code}: {listed}");
        assert_eq!(listed.contains("`farshore audit verify`"), matches!(code, 1 | 3), "{listed}");
    }
    check(&state, &format!("audit verify {run}"), 0, &["intact"]);
    check(&state, "audit verify r-nope", 4, &["no run r-nope"]);
    check(&state, "audit show r-nope", 4, &["no run r-nope"]);
    check(&state, "audit show", 64, &["Usage: farshore audit show"]);
    let said = text(&check(&state, "audit verify r-nope --output json", 4, &["no run r-nope"]).stdout);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["verdict"], &said["exit_code"]), (&"missing".into(), &4.into()));
    let nowhere = state.path().join("nowhere").display().to_string();
    check(&state, &format!("audit verify --state-dir {nowhere}"), 4, &["there is no", "nowhere"]);
    let head = "0".repeat(64);
    let output = state.verb(&["audit", "verify", "--head", &head]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    fs::remove_file(&path).unwrap();
    check(&state, verify, 4, &[&run]);
    check(&state, "runs", 0, &[&format!("{run}  missing: "), "NOT INTACT", "`farshore audit verify`"]);
}

#[test]
fn a_second_process_on_the_same_state_is_told_who_holds_it() {
    let state = State::new();
    let Some(mut first) = Terminal::farshore(&state, &["--speed", "60"]) else { return };
    first.arm();
    first.start_run();
    let run = state.run();
    let pid = first.child.process_id().unwrap().to_string();
    let words = format!("resume {run} --auto");
    check(&state, &words, 1, &["another farshore works on this estate", "op", &pid, &run]);
    let second = "--sim=calm run avd-pooled-failover --service fin --auto";
    check(&state, second, 1, &["another farshore works on this estate", &run]);
    assert_eq!(state.run(), run, "no second run was opened");
    first.signal("TERM");
    assert_eq!(first.end(super::terminal::LIMIT), 3);
    state.verified();
}

#[test]
fn another_text_of_the_estate_file_is_the_same_estate_and_a_service_has_one_open_run() {
    const RUN: [&str; 4] = ["run", "avd-pooled-failover", "--service", "hr"];
    let state = State::new();
    let mut server = Server::start(&state, "tiny", &["--speed", "60"]);
    let mut first = server.command(&state, &[&RUN[..], &["--plain"]].concat());
    let mut first = first.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("to arm type: ")));
    let (one, run) = (server.estate.clone(), state.run());

    let other = state.path().join("other.toml");
    fs::write(&other, format!("{}# another text\n", fs::read_to_string(&one).unwrap())).unwrap();
    let auto = [&RUN[..], &["--auto"]].concat();
    let mut refused = |estate: &std::path::PathBuf, said: &str| {
        server.estate.clone_from(estate);
        let output = server.command(&state, &auto).stdin(Stdio::null()).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(told.contains(said) && told.contains(&run), "{told}");
    };
    refused(&other, "another farshore works on this estate");
    refused(&one, "another farshore works on this estate");
    drop(first.stdin.take());
    first.wait().unwrap();
    refused(&one, "is open since");
    assert_eq!(state.run(), run, "no second run was opened");
    assert!(server.ledger().iter().all(|line| line["entry"]["kind"] != "write"), "nothing was sent");
    let ready = server.command(&state, &["check"]).output().unwrap();
    assert!(text(&ready.stdout).contains(&format!("{run} is open")), "{ready:?}");
}

/// The script mounts a tiny disk where nobody else sees it, runs farshore on it and brings home
/// what is on it then.
const FULL_DISK: &str = "mkdir -p $DISK && mount -t tmpfs -o size=$SIZE none $DISK || exit 99
    FARSHORE_STATE_DIR=$DISK $FARSHORE --sim=tiny run avd-pooled-failover --auto
    code=$?
    cp -r $DISK $HOME/kept
    exit $code";

#[test]
fn a_full_disk_stops_the_run_with_everything_kept_and_nothing_sent_unwritten() {
    // From a disk on which not even the first record fits to one that ends in the midst of things.
    for kib in [16, 48, 64, 80, 96] {
        let state = State::new();
        let run = |flags: &str| {
            let mut command = Command::new("unshare");
            command.args([flags, "sh", "-c", FULL_DISK]).stdin(Stdio::null());
            command.envs(state.environment()).env("FARSHORE", FARSHORE);
            command.env("DISK", state.path().join("disk")).env("SIZE", format!("{kib}k"));
            command.output()
        };
        let output = match [run("-rm"), run("-m")]
            .into_iter()
            .flatten()
            .find(|output| output.status.code() != Some(99))
        {
            Some(output) if !text(&output.stderr).contains("unshare") => output,
            _ => return println!("skipped: no tmpfs of our own can be mounted here"),
        };
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 3)), "{kib} KiB: {:?} {all}", output.status);
        assert!(all.to_lowercase().contains("no space left"), "{kib} KiB: {all}");
        assert!(!all.contains("panicked"), "{all}");
        let kept = state.path().join("kept");
        for run in runs_below(&kept) {
            let intents = records(&kept, &run, "intent");
            for write in written(&kept, &run) {
                let id = write["client_request_id"].as_str().unwrap();
                assert!(
                    intents.iter().any(|intent| intent["request"]["client_request_id"] == *id),
                    "{write}"
                );
            }
            let said = state.command(&["audit", "verify"]).env("FARSHORE_STATE_DIR", &kept).output().unwrap();
            // A line of which only a part fitted is torn, and is said so; nothing before it is lost.
            assert!(matches!(said.status.code(), Some(0 | 2)), "{kib} KiB: {said:?}");
            told_head(&kept, &run, &all);
        }
    }
}

/// The head that a run on a full disk ends with is that of the record it names.
fn told_head(kept: &Path, run: &str, all: &str) {
    // Where not even the first record fitted there is no head.
    let Some((count, head)) = all.split_once(" records; head ") else { return };
    let count: usize = count.lines().last().unwrap().parse().unwrap();
    let path = kept.join("journal").join("tiny").join(format!("{run}.jsonl"));
    let record = whole_lines(&path)[count - 1].clone();
    assert_eq!(record["hash"], head.lines().next().unwrap(), "{count}: {all}");
}

fn runs_below(state: &Path) -> Vec<String> {
    let directory = fs::read_dir(state.join("worlds"));
    let entries = directory.into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn whole_lines(path: &Path) -> Vec<Value> {
    let written = fs::read_to_string(path).unwrap_or_default();
    let whole = written.rfind('\n').map_or("", |end| &written[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn records(state: &Path, run: &str, kind: &str) -> Vec<Value> {
    let path = state.join("journal").join("tiny").join(format!("{run}.jsonl"));
    whole_lines(&path).into_iter().filter(|record| record["kind"] == kind).collect()
}

fn written(state: &Path, run: &str) -> Vec<Value> {
    let path = state.join("worlds").join(run).join("ledger.jsonl");
    let entries = whole_lines(&path).into_iter().map(|line| line["entry"].clone());
    entries.filter(|entry| entry["kind"] == "write").collect()
}

/// `sim serve` as a process, with the estate file that fits it.
pub struct Server {
    process: Child,
    /// Its own state directory, which no client knows.
    books: State,
    pub port: u16,
    pub estate: std::path::PathBuf,
}

impl Server {
    pub fn start(state: &State, scenario: &str, more: &[&str]) -> Self {
        let books = State::new();
        let mut command = books.command(&["sim", "serve", "--scenario", scenario]);
        let mut process = command.args(more).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let port = first.strip_prefix("listening on http://127.0.0.1:").unwrap().parse().unwrap();
        let drawn = state.verb(&["sim", "estate", "--port", &format!("{port}")]);
        assert!(drawn.status.success(), "{drawn:?}");
        let estate = state.path().join("served.toml");
        fs::File::create(&estate).unwrap().write_all(&drawn.stdout).unwrap();
        Self { process, books, port, estate }
    }

    /// What arrived, as the served world's own ledger has it.
    pub fn ledger(&self) -> Vec<Value> {
        self.books.served()
    }

    /// A verb on the served estate, with a token from its own identity endpoint.
    pub fn command(&self, state: &State, words: &[&str]) -> Command {
        let mut command = state.command(words);
        let origin = format!("http://127.0.0.1:{}", self.port);
        command.args(["--endpoint", &origin, "--estate"]).arg(&self.estate);
        command.env("IDENTITY_ENDPOINT", format!("{origin}/msi/token")).env("IDENTITY_HEADER", "x");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(self.process.id(), "TERM");
        let _ = self.process.wait();
    }
}

#[test]
fn the_speed_of_a_served_world_is_the_servers() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &["--speed", "7"]);
    let mut command = server.command(&state, &["status", "--speed", "60"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("it is 7 by [simulated] in ") && said.contains("served.toml"), "{said}");
}

/// Nobody answers: that is neither fine nor critical, it is not known, in every form of the answer.
#[test]
fn an_estate_that_does_not_answer_is_unknown() {
    let state = State::new();
    let scenario = state.path().join("silent.toml");
    let tiny = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sim/scenarios/tiny.toml");
    let tiny = fs::read_to_string(tiny).unwrap();
    let silent = ["primary", "secondary"]
        .map(|region| format!("\n[[at]]\nt = \"0s\"\nfault = \"silent\"\nregion = \"{region}\"\n"));
    fs::write(&scenario, format!("{tiny}{}", silent.concat())).unwrap();
    let sim = format!("--sim={}", scenario.display());
    let forms = ["json", "nagios"].map(|form| {
        let mut command = state.command(&[&sim, "status", "--output", form]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    });
    let [json, nagios] = forms.map(|child| child.wait_with_output().unwrap());
    assert_eq!((json.status.code(), nagios.status.code()), (Some(3), Some(3)), "{json:?} {nagios:?}");
    assert!(text(&nagios.stdout).starts_with("SIM FARSHORE UNKNOWN tiny: "), "{nagios:?}");
    let said: Value = serde_json::from_str(text(&json.stdout).trim_start_matches("SIM").trim()).unwrap();
    assert_eq!(said["verdict"], "unknown");
    for component in ["pools", "hosts", "sessions"] {
        let told = &said["regions"]["primary"][component];
        let value = told["value"].as_str().unwrap_or_default();
        assert!(told["state"] == "unknown" && value.starts_with("no answer, "), "{told}");
        assert!(
            value.ends_with(" tries") || value.ends_with(" try"),
            "a silent source tells its tries: {told}"
        );
        assert!(told["age_s"].is_null() && told["complete"] == false, "{told}");
        assert!(told["reason"].as_str().is_some_and(|why| !why.is_empty()), "{told}");
    }
}

/// Takes out what two looks at one world may differ in: ages, instants, and round trips.
fn without_time(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for key in ["at", "age_s", "mode", "impact_at", "opened"] {
                map.remove(key);
            }
            map.remove("control-plane");
            map.values_mut().for_each(without_time);
        }
        Value::Array(items) => items.iter_mut().for_each(without_time),
        _ => {}
    }
}

#[test]
fn the_served_world_is_seen_as_the_one_in_the_process() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let live = server.command(&state, &["status", "--output", "json"]).output().unwrap();
    assert_eq!(live.status.code(), Some(0), "{live:?}");
    let mut live: Value = serde_json::from_slice(&live.stdout).unwrap();
    assert_eq!(live["mode"], "LIVE");
    let mut here: Value =
        serde_json::from_slice(&state.verb(&["--sim=tiny", "status", "--output", "json"]).stdout).unwrap();
    without_time(&mut live);
    without_time(&mut here);
    assert_eq!(live, here);
}
