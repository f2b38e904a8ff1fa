//! The cockpit as a person has it: a terminal of 80x24, keys, and what is left behind.

use std::time::Duration;

use super::{
    cli::Server,
    terminal::{LIMIT, State, Terminal, kill, ready, text},
};

/// Speed of the estate's clock while the run works.
const FAST: &str = "speed 30";
/// Speed while fifteen minutes of notice pass.
const FASTER: &str = "speed 240";
/// A step of an outage waits up to ten minutes of the estate for a region that does not answer, and the first user
/// as long for a grant to reach him: of a terminal these may be twenty seconds and more.
const MINUTES: Duration = Duration::from_secs(60);

/// A step by its title, with method and a part of the path of what it writes.
type Step = (&'static str, Option<(&'static str, &'static str)>);

/// Steps of the calm run that ask for a confirmation, in order, by their titles on the screen; and
/// which of their writes must not be in the ledger when the confirmation is withheld: method and a
/// part of the path.
const STEPS: [Step; 13] = [
    ("declare the failover", None),
    ("start hosts in NE", Some(("POST", "/start"))),
    ("hold the scaling plan of NE", Some(("PATCH", "sp-hr-ne"))),
    ("hold the scaling plan of WE", Some(("PATCH", "sp-hr-we"))),
    ("gate 1: NE can take users", Some(("POST", "shne-hr-01/runcommand"))),
    ("drain WE", Some(("PATCH", "/sessionhosts/"))),
    ("tell users", Some(("POST", "/sendmessage"))),
    ("revoke WE", Some(("DELETE", "/roleassignments/"))),
    ("log off everyone in WE", Some(("DELETE", "/usersessions/"))),
    ("wait for profiles", Some(("POST", "virtualmachines/shwe-hr-"))),
    ("gate 2: safe to open NE", None),
    ("grant NE", Some(("PUT", "/roleassignments/"))),
    ("gate 3: first user proven", None),
];

/// What comes after the first user: stop, what depends on it, close.
const CLOSING: [Step; 2] =
    [("stop hosts in WE", Some(("POST", "/deallocate"))), ("close the run", Some(("PATCH", "sp-hr-ne")))];

/// Waits for the step to be ready and opens its dialog.
fn open_dialog(terminal: &mut Terminal, title: &str) {
    let waits = |screen: &str| ready(screen).is_some_and(|row| row.contains(title));
    terminal.within(MINUTES, &format!("`{title}` ready"), waits);
    terminal.pause();
    terminal.press("\r");
    terminal.until("a dialog", |screen| screen.contains("Cancel") && screen.contains(" calls "));
}

/// Confirms what the dialog shows, by the gesture of its level. At this speed somebody signs off each
/// second, which must not void what is typed; a precondition that is being read again is waited for.
fn confirm(terminal: &mut Terminal) {
    for _ in 0..12 {
        terminal.pause();
        let screen = terminal.screen();
        if !screen.contains("Cancel") {
            return;
        }
        if screen.contains("type the number of users") {
            terminal.press("\x15");
            terminal.type_slowly(&users(&screen));
        }
        if terminal.screen().contains("> Cancel") {
            terminal.press("\t");
        }
        terminal.pause();
        terminal.until("nothing against it", |screen| {
            !screen.contains("Cancel") || !(screen.contains(" not green") || screen.contains("button is off"))
        });
        terminal.press("\r");
    }
    panic!("cannot be confirmed:\n{}", terminal.screen());
}

/// The number of users that the line `what` names.
fn users(screen: &str) -> String {
    let line = screen.lines().find(|line| line.contains("│ what ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| word.starts_with("users")).expect("a number of users");
    words[at - 1].to_owned()
}

fn go_fast(terminal: &mut Terminal, title: &str) {
    if title == "tell users" {
        // Some 180 messages leave one by one, each behind its own record on disk.
        let told = |screen: &str| screen.lines().find(|line| line.contains("a6 ")).map(str::to_owned);
        terminal.until("the messages", |screen| ready(screen).is_none());
        // Where somebody signs in meanwhile, the step is ready to tell them too; the notice runs anyway.
        let all_told = |screen: &str| screen.contains(" waiting ") || ready(screen).is_some();
        loop {
            let before = told(&terminal.screen());
            let moved = |screen: &str| all_told(screen) || told(screen) != before;
            if all_told(&terminal.until("another message", moved)) {
                break;
            }
        }
        terminal.command(FASTER);
        terminal
            .until("the notice over", |screen| ready(screen).is_some_and(|row| row.contains("revoke WE")));
        terminal.command(FAST);
    }
}

/// Gives the value that a manual step asks for.
fn answer(terminal: &mut Terminal, value: &str) {
    terminal.see("awaiting-person");
    terminal.pause();
    terminal.press("\r");
    terminal.see("value, tab, enter:");
    terminal.pause();
    terminal.type_slowly(value);
    terminal.until("the value", |screen| screen.contains(&format!("value, tab, enter:   {value}")));
    terminal.press("\t");
    terminal.see("> Give the value");
    terminal.pause();
    terminal.press("\r");
    terminal.until("no dialog", |screen| !screen.contains("Cancel"));
}

/// An armed cockpit with an open run of `hr`.
fn opened(state: &State) -> Option<Terminal> {
    let mut terminal = Terminal::farshore(state, &[])?;
    terminal.arm();
    terminal.start_run();
    terminal.command(FAST);
    Some(terminal)
}

#[test]
fn line_1_of_a_served_world_names_who_acts_and_how_long_the_token_lasts() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &["--speed", "60"]);
    let words = format!(
        "IDENTITY_HEADER=x IDENTITY_ENDPOINT=http://127.0.0.1:{0}/msi/token \
         exec $FARSHORE --endpoint http://127.0.0.1:{0} --estate {1}",
        server.port,
        server.estate.display()
    );
    let Some(mut terminal) = Terminal::shell(&state, &["-c", &words]) else { return };
    terminal.until("who acts, and the token's life", |screen| {
        let line = screen.lines().next().unwrap_or_default();
        line.contains(" op.01 ") && (line.contains(" tok 59m ") || line.contains(" tok 60m "))
    });
    terminal.press("qq");
    terminal.end(LIMIT);
}

/// Every step that is confirmed, in order.
fn all_steps() -> Vec<Step> {
    STEPS.iter().chain(&CLOSING).copied().collect()
}

fn drive(terminal: &mut Terminal, steps: &[Step]) {
    for (title, _) in steps {
        open_dialog(terminal, title);
        confirm(terminal);
        go_fast(terminal, title);
        if *title == CLOSING[0].0 {
            answer(terminal, "none");
        }
    }
}

/// Leaves with the run open: twice asked, once to hold it.
fn leave(terminal: &mut Terminal) -> u32 {
    hold_and_leave(terminal);
    terminal.end(LIMIT)
}

fn hold_and_leave(terminal: &mut Terminal) {
    terminal.pause();
    terminal.press("\x1b");
    terminal.pause();
    terminal.command("quit");
    terminal.see("Cancel");
    terminal.pause();
    terminal.press("\t");
    terminal.until("the other button", |screen| !screen.contains("> Cancel"));
    terminal.pause();
    terminal.press("\r");
}

#[test]
fn the_whole_calm_run_goes_by_keys() {
    let state = State::new();
    let Some(mut terminal) = opened(&state) else { return };
    drive(&mut terminal, &all_steps());
    terminal.see(" completed ");
    terminal.see("head ");
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
    left_as_found(&terminal.rest());

    let run = state.run();
    let runs = text(&state.verb(&["runs"]).stdout);
    assert!(runs.contains("SIM ") && runs.trim_end().ends_with("completed"), "{runs}");
    let report = state.verb(&["report", &run]);
    assert_eq!(report.status.code(), Some(0));
    assert!(text(&report.stdout).contains("| reason | drill |"), "{}", text(&report.stdout));
    assert!(state.path().join("reports").join(format!("{run}.md")).exists());
    state.verified();
    for (title, writes) in all_steps() {
        let Some((method, part)) = writes else { continue };
        assert!(sent(&state, &run, method, part) > 0, "{title} left no {method} {part}");
    }
}

/// Level 3: the code of the region, then enter held for three seconds, as a row of presses.
fn acknowledge(terminal: &mut Terminal) {
    terminal.pause();
    terminal.type_slowly("NE");
    terminal.until("the code", |screen| {
        screen.lines().any(|line| line.contains("then hold enter 3 s:") && line.contains(" NE "))
    });
    terminal.press("\t");
    terminal.until("the other button", |screen| !screen.contains("> Cancel"));
    terminal.pause();
    terminal.press("\r");
    terminal.see("holding: ");
    // Too early: it counts on, and nothing is confirmed.
    terminal.press("\r");
    terminal.see("now: press enter once more");
    terminal.pause();
    terminal.press("\r");
    terminal.until("no dialog", |screen| !screen.contains("Cancel"));
}

#[test]
fn a_burning_region_is_left_by_keys_and_what_it_could_not_do_is_owed() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim=region-outage"]) else { return };
    terminal.see("->  ungraceful");
    terminal.arm();
    terminal.start_run_in("ungraceful");
    terminal.command(FAST);
    let mut acknowledged = 0;
    let over = |screen: &str| screen.contains(" monitoring ");
    loop {
        let asks = |screen: &str| ready(screen).is_some() || screen.contains("awaiting-person");
        let screen = terminal.within(MINUTES, "a step or the end", |screen| over(screen) || asks(screen));
        if over(&screen) {
            break;
        }
        let Some(row) = ready(&screen) else {
            answer(&mut terminal, "none");
            continue;
        };
        terminal.pause();
        terminal.press("\r");
        terminal.until("a dialog", |screen| screen.contains("Cancel") && screen.contains(" calls "));
        if terminal.screen().contains("type the region you open") {
            assert!(row.contains("grant NE"), "{row}");
            acknowledge(&mut terminal);
            acknowledged += 1;
        } else {
            confirm(&mut terminal);
        }
        terminal.until("another step", |screen| over(screen) || ready(screen).as_ref() != Some(&row));
    }
    assert_eq!(acknowledged, 1);
    terminal.pause();
    terminal.command("quit");
    terminal.end(LIMIT);
    let run = state.run();
    state.verified();
    let report = state.verb(&["report", &run]);
    let report = text(&report.stdout);
    for owed in ["a3-hold-active-scaling", "a8-log-off", "a14-stop-hosts"] {
        assert!(report.contains(owed), "{report}");
    }
    let runs = text(&state.verb(&["runs"]).stdout);
    assert!(runs.contains(" monitoring"), "{runs}");
    assert!(sent(&state, &run, "PUT", "/roleassignments/") > 0);
    assert_eq!(sent(&state, &run, "POST", "/sendmessage"), 0, "nobody there can read it");
    assert_eq!(sent(&state, &run, "POST", "/deallocate"), 0);
}

fn sent(state: &State, run: &str, method: &str, part: &str) -> usize {
    let writes = state.writes(run);
    writes.iter().filter(|(sent, path)| sent == method && path.to_lowercase().contains(part)).count()
}

/// Which of them are tried in an ordinary test run; all with `FARSHORE_EACH=1`. The last ones cost a
/// minute each.
fn withheld() -> Vec<usize> {
    let all = std::env::var_os("FARSHORE_EACH").is_some();
    let steps = all_steps();
    (0..steps.len()).filter(|at| steps[*at].1.is_some() && (all || [1, 3, 5, 7].contains(at))).collect()
}

#[test]
fn a_withheld_confirmation_leaves_the_ledger_without_its_writes() {
    let steps = all_steps();
    for at in withheld() {
        let (title, writes) = steps[at];
        let state = State::new();
        let Some(mut terminal) = opened(&state) else { return };
        drive(&mut terminal, &steps[..at]);
        open_dialog(&mut terminal, title);
        terminal.pause();
        // Enter on the button that has the focus is Cancel.
        terminal.press("\r");
        terminal.until("no dialog", |screen| !screen.contains("Cancel"));
        assert_eq!(leave(&mut terminal), 0, "{title}");
        let run = state.run();
        let (method, part) = writes.unwrap();
        // The plan that a3 switched off is the one that a16 switches on.
        let earlier = steps[..at].iter().filter(|(_, known)| *known == writes).count();
        assert_eq!(sent(&state, &run, method, part), earlier, "{title}: {:?}", state.writes(&run));
        for (before, writes) in &steps[..at] {
            let Some((method, part)) = writes else { continue };
            assert!(sent(&state, &run, method, part) > 0, "{title}: {before} left nothing");
        }
        assert!(text(&state.verb(&["runs"]).stdout).contains("held"), "{title}");
        state.verified();
    }
}

/// Cursor, bracketed paste and screen are given back, in that many bytes.
#[track_caller]
fn left_as_found(raw: &str) {
    for (on, off) in
        [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l"), ("\x1b[?25l", "\x1b[?25h")]
    {
        let (taken, given) = (raw.rfind(on), raw.rfind(off));
        assert!(taken.is_some() && given > taken, "{on:?} was not taken back by {off:?}");
    }
}

/// Prints how the terminal is set, runs farshore, prints its exit code and how it is set now.
const FRAMED: &str = "echo BEFORE=$(stty -g); \"$FARSHORE\" \"$@\"; echo CODE=$?; echo AFTER=$(stty -g)";

fn framed(state: &State, words: &[&str]) -> Option<Terminal> {
    Terminal::shell(state, &[&["-c", FRAMED, "sh"], words].concat())
}

/// The exit code, after the terminal was found to be as it was.
#[track_caller]
fn frame(raw: &str) -> String {
    let word = |name: &str| {
        let from = raw.find(name).unwrap_or_else(|| panic!("no {name} in {raw:?}")) + name.len();
        raw[from..].split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert_eq!(word("BEFORE="), word("AFTER="), "the settings of the terminal have changed");
    word("CODE=")
}

/// The process id of the farshore that holds the run.
fn pid(state: &State) -> u32 {
    let said = text(&state.verb(&["resume", &state.run(), "--auto"]).stderr);
    let digits = said.split("pid ").nth(1).unwrap_or_else(|| panic!("{said}"));
    digits.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn leaving_gives_the_terminal_back() {
    let state = State::new();
    let Some(mut terminal) = framed(&state, &["--sim"]) else { return };
    terminal.see("SIM RO");
    terminal.pause();
    terminal.command("quit");
    terminal.end(LIMIT);
    let raw = terminal.rest();
    left_as_found(&raw);
    assert_eq!(frame(&raw), "0");
    assert!(state.runs().is_empty());
}

#[test]
fn an_error_before_the_first_frame_leaves_the_terminal_untouched() {
    let state = State::new();
    let Some(mut terminal) = framed(&state, &["--sim", "--theme", "nope"]) else { return };
    terminal.end(LIMIT);
    let raw = terminal.rest();
    assert!(!raw.contains("\x1b["), "{raw:?}");
    assert_eq!(frame(&raw), "2");
}

#[test]
fn signals_hold_the_run_and_give_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let state = State::new();
        let Some(mut terminal) = framed(&state, &[]) else { return };
        terminal.arm();
        terminal.start_run();
        kill(pid(&state), signal);
        terminal.end(Duration::from_secs(5));
        let raw = terminal.rest();
        left_as_found(&raw);
        assert_eq!(frame(&raw), "3", "{signal}");
        held_by_hang_up(&state);
    }
}

#[track_caller]
fn held_by_hang_up(state: &State) {
    let run = state.run();
    let written = std::fs::read_to_string(state.journal(&run)).unwrap();
    let last: serde_json::Value = serde_json::from_str(written.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "held", "{last}");
    assert!(last.to_string().contains("hang-up"), "{last}");
    assert!(text(&state.verb(&["runs"]).stdout).trim_end().ends_with("held"));
    state.verified();
}

#[test]
fn a_terminal_that_vanishes_without_a_signal_holds_the_run() {
    let state = State::new();
    // The shell leads the session and is the one that gets SIGHUP; it ignores it, and waits.
    let Some(mut terminal) = Terminal::shell(&state, &["-c", "trap '' HUP; \"$FARSHORE\"; exit $?"]) else {
        return;
    };
    terminal.arm();
    terminal.start_run();
    terminal.vanish();
    assert_eq!(terminal.end(Duration::from_secs(7)), 3);
    held_by_hang_up(&state);
}

#[test]
fn a_terminal_that_takes_nothing_does_not_stop_the_run() {
    let state = State::new();
    let Some(mut terminal) = opened(&state) else { return };
    drive(&mut terminal, &STEPS[..1]);
    open_dialog(&mut terminal, STEPS[1].0);
    confirm(&mut terminal);
    terminal.shut_valve();
    let run = state.run();
    let end = std::time::Instant::now() + LIMIT;
    let done = |state: &State| {
        let written = std::fs::read_to_string(state.journal(&run)).unwrap();
        written.lines().any(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            line["kind"] == "done" && line["step"] == "a2-prewarm" && line["item"].is_null()
        })
    };
    while !done(&state) {
        assert!(std::time::Instant::now() < end, "the run stands still behind a blocked terminal");
        std::thread::sleep(Duration::from_millis(50));
    }
    terminal.signal("TERM");
    assert_eq!(terminal.end(Duration::from_secs(5)), 3);
    held_by_hang_up(&state);
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_takes_it_again() {
    let state = State::new();
    let Some(mut terminal) = Terminal::shell(&state, &["-i"]) else { return };
    terminal.see("READY> ");
    terminal.press("stty -g; \"$FARSHORE\" --sim\r");
    terminal.see("SIM RO");
    terminal.pause();
    terminal.press("\x1a");
    terminal.until("the shell", |screen| screen.contains("Stopped") && !screen.contains("SIM RO"));
    left_as_found(&text(&terminal.raw()));
    terminal.press("stty -g; fg\r");
    terminal.until("the cockpit again", |screen| screen.contains("SIM RO") && screen.contains("? help"));
    terminal.command("quit");
    terminal.until("the shell again", |screen| !screen.contains("SIM RO"));
    terminal.press("stty -g; exit\r");
    terminal.end(LIMIT);
    let raw = terminal.rest();
    left_as_found(&raw);
    let settings: Vec<&str> = raw
        .lines()
        .filter(|line| line.matches(':').count() > 20)
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert_eq!(settings.len(), 3, "{raw:?}");
    assert!(settings.windows(2).all(|pair| pair[0] == pair[1]), "{settings:?}");
}

#[test]
fn a_hundred_window_sizes_lose_no_key() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &[]) else { return };
    terminal.see("SIM RO");
    terminal.pause();
    terminal.press(":");
    terminal.see(":");
    let word: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let mut letters = word.chars();
    for at in 0..100 {
        let (rows, cols) = if at % 2 == 0 { (20, 60 + at % 7) } else { (50, 160 - at % 5) };
        terminal.resize(rows, cols);
        if let Some(letter) = letters.next() {
            terminal.press(&letter.to_string());
        }
        // More of them without a pause would be a paste: on a busy machine all that was sent is read at once.
        if at % 15 == 14 && !letters.as_str().is_empty() {
            let typed = &word[usize::from(at) - 14..=usize::from(at)];
            terminal.until("the letters so far", |screen| screen.contains(typed));
            terminal.pause();
        }
    }
    assert_eq!(letters.next(), None, "a letter between any two sizes");
    terminal.resize(24, 80);
    terminal.until("every letter", |screen| screen.contains(&word) && screen.lines().count() <= 24);
    terminal.press("\x1b");
    terminal.until("home again", |screen| screen.contains("SIM RO") && !screen.contains(&word));
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
    left_as_found(&terminal.rest());
}

/// Not every terminal puts brackets round a paste.
#[test]
fn a_paste_without_brackets_is_thrown_away_wherever_it_comes() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("SIM RO");
    let paste: String = "rAmoel6zhq\rcontoso-avd\r".chars().cycle().take(5_000).collect();
    for (opens, shows) in
        [("", "hosts"), ("A", "writes may be confirmed"), ("?", "keys that work here"), (":", ":")]
    {
        terminal.pause();
        terminal.press(opens);
        terminal.see(shows);
        terminal.pause();
        terminal.press(&paste);
        let after = terminal.see("a paste was thrown away");
        assert!(after.contains(shows) && !after.contains("rAm"), "its first letters acted:\n{after}");
        terminal.pause();
        terminal.press("\x1b");
        terminal.until("home", |screen| {
            screen.contains("SIM RO") && screen.contains("in both") && !screen.contains("keys that work here")
        });
    }
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
    assert!(state.runs().is_empty());
}

#[test]
fn a_storm_of_window_sizes_and_wrong_keys_changes_nothing() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &["--ascii"]) else { return };
    terminal.see("SIM RO");
    for (rows, cols) in [(5, 20), (20, 60), (50, 160), (1, 1), (24, 80), (300, 300), (2, 200), (24, 80)] {
        terminal.resize(rows, cols);
        terminal.press("xX9%\x1b[5~\x1b[200~67\t\r\x1b[201~");
    }
    terminal.until("home again", |screen| {
        screen.contains("SIM RO") && screen.contains("hosts") && screen.lines().count() <= 24
    });
    assert!(terminal.screen().is_ascii(), "{}", terminal.screen());
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
    assert!(state.runs().is_empty());
    left_as_found(&terminal.rest());
}

/// The calm world, where a host in NE takes seconds to say that it starts: one is asked after the other.
fn sluggish(state: &State) -> String {
    let calm = farshore::sim::Scenario::builtin("calm").unwrap();
    let slow = "\n[[at]]\nt = \"-1m\"\nfault = \"slow\"\nmethod = \"POST\"\npath = \"/start\"\nms = \"2s\"\n";
    let path = state.path().join("sluggish.toml");
    std::fs::write(&path, format!("{}{slow}", calm.source())).unwrap();
    format!("--sim={}", path.display())
}

/// Every record of the only run.
fn records(state: &State, run: &str) -> Vec<serde_json::Value> {
    let written = std::fs::read_to_string(state.journal(run)).unwrap();
    let whole = written.rfind('\n').map_or("", |end| &written[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn intents(records: &[serde_json::Value]) -> usize {
    records.iter().filter(|record| record["kind"] == "intent").count()
}

/// Confirms that hosts are started and waits until the first of them is asked.
fn set_to_work(terminal: &mut Terminal, state: &State) -> String {
    terminal.arm();
    terminal.start_run();
    drive(terminal, &STEPS[..1]);
    open_dialog(terminal, STEPS[1].0);
    confirm(terminal);
    let run = state.run();
    let end = std::time::Instant::now() + LIMIT;
    while intents(&records(state, &run)) == 0 {
        assert!(std::time::Instant::now() < end, "nothing was sent\n{}", terminal.screen());
        std::thread::sleep(Duration::from_millis(5));
    }
    run
}

/// What was sent and has no end yet stands in the last record, by name, and nothing else does.
#[track_caller]
fn held_with_what_was_in_flight(state: &State, run: &str, most: usize) {
    held_by_hang_up(state);
    let records = records(state, run);
    let place = |record: &serde_json::Value| {
        format!("{}/{}", record["step"].as_str().unwrap_or(""), record["item"].as_str().unwrap_or(""))
    };
    let mut open: Vec<String> = Vec::new();
    for record in &records {
        match record["kind"].as_str().unwrap() {
            "intent" => open.push(place(record)),
            "done" | "refused" | "failed" => open.retain(|known| *known != place(record)),
            _ => {}
        }
    }
    let last = records.last().unwrap();
    let named: Vec<&str> =
        last["in_flight"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    assert_eq!(named, open, "{last}");
    let confirmed = records.iter().rfind(|record| record["kind"] == "confirmed").unwrap();
    let all = confirmed["items"].as_array().unwrap().len();
    let sent = intents(&records);
    assert!((1..=most).contains(&sent) && sent < all, "{sent} of {all} were sent");
}

#[test]
fn a_signal_in_mid_step_starts_nothing_more_and_names_what_is_in_flight() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let state = State::new();
        let sim = sluggish(&state);
        let Some(mut terminal) = framed(&state, &[&sim]) else { return };
        let run = set_to_work(&mut terminal, &state);
        let pid = pid(&state);
        kill(pid, signal);
        let sent = intents(&records(&state, &run));
        terminal.end(Duration::from_secs(7));
        let raw = terminal.rest();
        left_as_found(&raw);
        assert_eq!(frame(&raw), "3", "{signal}");
        held_with_what_was_in_flight(&state, &run, sent);
        assert_eq!(state.writes(&run).len(), sent, "what left is what was written down");
    }
}

#[test]
fn ctrl_z_in_mid_step_stops_all_and_fg_goes_on_with_it() {
    let state = State::new();
    let sim = sluggish(&state);
    let Some(mut terminal) = Terminal::shell(&state, &["-i"]) else { return };
    terminal.see("READY> ");
    terminal.press(&format!("stty -g; \"$FARSHORE\" {sim}\r"));
    let run = set_to_work(&mut terminal, &state);
    terminal.press("\x1a");
    terminal.until("the shell", |screen| screen.contains("Stopped") && !screen.contains("SIM ARMED"));
    left_as_found(&text(&terminal.raw()));
    let stopped = std::fs::read(state.journal(&run)).unwrap();
    terminal.press("stty -g\r");
    terminal.see("READY> ");
    terminal.pause();
    assert_eq!(std::fs::read(state.journal(&run)).unwrap(), stopped, "a stopped process writes nothing");
    terminal.press("fg\r");
    terminal.until("the cockpit again", |screen| screen.contains("SIM ARMED") && screen.contains("a2 "));
    terminal.command(FAST);
    // At this speed each answer that is slow takes a minute of the estate.
    let next = |screen: &str| ready(screen).is_some_and(|row| row.contains(STEPS[2].0));
    terminal.within(MINUTES, "the next step", next);
    open_dialog(&mut terminal, STEPS[2].0);
    confirm(&mut terminal);
    hold_and_leave(&mut terminal);
    terminal.until("the shell again", |screen| !screen.contains("SIM ARMED"));
    terminal.press("stty -g; exit\r");
    terminal.end(LIMIT);
    let raw = terminal.rest();
    left_as_found(&raw);
    let settings: Vec<&str> = raw
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|word| word.matches(':').count() > 20 && !word.contains('\x1b'))
        .collect();
    assert_eq!(settings.len(), 3, "{settings:?}");
    assert!(settings.windows(2).all(|pair| pair[0] == pair[1]), "{settings:?}");
    let records = records(&state, &run);
    let done = |record: &&serde_json::Value| {
        record["kind"] == "done" && record["step"] == "a2-prewarm" && record["item"].is_null()
    };
    assert_eq!(records.iter().filter(done).count(), 1);
    state.verified();
}
