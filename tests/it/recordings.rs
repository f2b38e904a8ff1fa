//! Sittings that were recorded and are played again: they tell the same story.

use std::{
    env, fs,
    io::{self, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use farshore::{
    app::{Event, Going, Speed, screen::Screen},
    config,
    domain::time::{Span, minutes, seconds},
    journal::{Journal, MemoryJournal},
    recording::{Header, Recorder, Tape, Tee},
    report::{self, Integrity, Verified},
    runtime::{player::Player, recordings, seat::Seat, terminal::TerminalClock},
    sim::Scenario,
    ui::keymap::{self, Key},
    wire::{Reply, Request, Response, Wire, WireError},
};

use super::{
    night::{self, Night, PATIENCE, is_closed, is_due},
    rehearsal::RUN,
    terminal::{LIMIT, State, Terminal, ready, text},
};

/// A file in memory.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// The region of these sittings returns sooner than that of the scenario: nobody sits six hours.
const SOONER: &[(&str, &str)] = &[("until = \"6h\"", "until = \"20m\"")];

/// A screen at a moment, with the keys that led to it from home.
#[derive(Debug)]
struct Seen {
    t: i64,
    keys: Vec<Key>,
    screen: String,
}

/// Panes, by the keys that open them from home.
const PANES: [&[Key]; 7] = [
    &[Key::Char('1')],
    &[Key::Char('2')],
    &[Key::Char('3')],
    &[Key::Char('4')],
    &[Key::Char('6')],
    &[Key::Char('7')],
    &[Key::Char('1'), Key::Char('j'), Key::Char('j'), Key::Enter],
];

/// Opens every pane and notes what it shows.
async fn look_round(night: &mut Night, seen: &mut Vec<Seen>) {
    for keys in PANES {
        if keys == [Key::Char('2')] && night.app.run.is_none() {
            continue;
        }
        for key in keys {
            night.key(*key).await;
        }
        // Checks are made once a second at most.
        night.pass(seconds(1)).await;
        let screen = night.glance();
        seen.push(Seen { t: night.t(), keys: keys.to_vec(), screen });
    }
    for key in [Key::Char('1'), Key::Char('g')] {
        night.key(key).await;
    }
    if night.app.run.is_some() {
        night.key(Key::Char('2')).await;
    }
}

/// An outage and its failover, as somebody at the keys goes through it. `seen`: what the screens showed.
async fn outage(redacted: bool, sink: &Shared, seen: Option<&mut Vec<Seen>>) -> Night {
    let mut night = Night::recorded("region-outage", SOONER, redacted, Box::new(sink.clone()));
    let mut unseen = Vec::new();
    let (looks, seen) = match seen {
        Some(seen) => (true, seen),
        None => (false, &mut unseen),
    };
    night.pass(seconds(75)).await;
    if looks {
        look_round(&mut night, seen).await;
    }
    night.arm().await;
    night.ask_for_run("West Europe is lost").await;
    night.begin_run().await;
    let mut steps = 0;
    loop {
        let end = night.rehearsal.clock.now() + PATIENCE;
        assert!(night.wait(end, Some(is_due)).await, "nothing is due\n{}", night.screen());
        let screen = night.screen();
        if looks && steps % 4 == 0 {
            look_round(&mut night, seen).await;
        }
        steps += 1;
        if is_closed(&screen) {
            break;
        }
        if screen.starts_with(" SIM RO") {
            night.arm().await;
            continue;
        }
        night.key(Key::Enter).await;
        if ready(&screen).is_none() {
            night.give("none").await;
        } else {
            night.confirm().await;
        }
    }
    night.pass(minutes(2)).await;
    night.end();
    night
}

fn play(bytes: &[u8]) -> Player {
    let tape = Tape::read(bytes).unwrap();
    recordings::player(tape, "memory".as_ref(), 1.0, TerminalClock::start()).unwrap()
}

/// Goes to a moment.
async fn seek(player: &mut Player, t: i64) {
    player.seek(t);
    while !player.has_arrived() {
        let played = player.next().await;
        player.gather(played, || true);
    }
}

fn press(player: &mut Player, key: Key) {
    let intent = keymap::intent(&player.app, key).unwrap();
    player.feed(Event::Intent(intent), None);
}

/// A screen without what a replay shows otherwise: line 1 with its badge, the last line with the place in the
/// recording, and which key would confirm.
fn story(screen: &str) -> Vec<String> {
    // The line of the step says which key would act.
    let plain = |line: &str| match line.strip_prefix("── a") {
        Some(_) => line.split(" ──").next().unwrap_or_default().to_owned(),
        None => line.to_owned(),
    };
    screen.lines().take(23).skip(1).map(plain).collect()
}

/// Plays to the end; says how many times something was taken in.
async fn play_out(player: &mut Player) {
    seek(player, i64::MAX).await;
    let played = player.next().await;
    player.gather(played, || true);
}

/// Compares a recording with the one that is shipped, or puts it there where `FARSHORE_RECORDINGS` says so.
fn ship(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(name);
    if env::var("FARSHORE_RECORDINGS").is_ok_and(|word| word == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, bytes).unwrap();
    }
    let shipped = fs::read(&path).unwrap();
    assert!(shipped.len() <= MOST_SHIPPED, "{name}: {} bytes", shipped.len());
    let (was, is) = (String::from_utf8(shipped).unwrap(), String::from_utf8(bytes.to_vec()).unwrap());
    let other = was.lines().zip(is.lines()).position(|(was, is)| was != is);
    let same = other.is_none() && was.len() == is.len();
    assert!(same, "{name} differs in line {other:?}; if this is as it should be: FARSHORE_RECORDINGS=write");
}

/// Largest recording that is shipped, in bytes.
const MOST_SHIPPED: usize = 2 * 1024 * 1024;

/// A recording of the smallest world, with a run that was opened and left.
async fn short(redacted: bool) -> Vec<u8> {
    let sink = Shared::default();
    let mut night = Night::recorded("tiny", &[], redacted, Box::new(sink.clone()));
    night.pass(seconds(20)).await;
    night.arm().await;
    night.key(Key::Char('r')).await;
    night.focus("reason").await;
    night.write("drill").await;
    night.focus("Start").await;
    night.key(Key::Enter).await;
    night.pass(seconds(15)).await;
    night.end();
    sink.bytes()
}

#[tokio::test(start_paused = true)]
async fn a_recorded_outage_shows_what_its_sitting_showed() {
    let sink = Shared::default();
    let mut seen = Vec::new();
    let night = outage(false, &sink, Some(&mut seen)).await;
    assert!(seen.len() > 30, "{}", seen.len());
    ship("region-outage.jsonl", &sink.bytes());
    let mut player = play(&sink.bytes());
    let mut wrong = Vec::new();
    for then in &seen {
        seek(&mut player, then.t).await;
        for key in [Key::Char('1'), Key::Char('g')].iter().chain(&then.keys) {
            press(&mut player, *key);
        }
        player.app.notice = None;
        let screen = night::screen(&mut player.app, &night::look());
        assert!(screen.starts_with(" REPLAY"), "{screen}");
        if story(&screen) != story(&then.screen) {
            let lines = story(&then.screen).into_iter().zip(story(&screen));
            let other: Vec<String> =
                lines.filter(|(was, is)| was != is).map(|(was, is)| format!("- {was}\n+ {is}")).collect();
            wrong.push(format!("{} s {:?}\n{}", then.t / 1_000_000, then.keys, other.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), seen.len(), wrong.join("\n=====\n"));
    the_report_is_the_same(&night, &sink.bytes());
}

/// The report from a recording equals the one of the journal.
fn the_report_is_the_same(night: &Night, bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("outage.jsonl");
    fs::write(&file, bytes).unwrap();
    let journal = night.rehearsal.journal.0.lock().unwrap();
    let (head, events) = (journal.head(), MemoryJournal::from_lines(RUN, journal.lines()).unwrap().1);
    let (last, records) = (events.last().unwrap().wall, head.seq);
    let integrity = Integrity { head: head.hash, records, verified: Verified::Intact, notes: vec![] };
    let original = report::build(RUN, &events, integrity, last).unwrap();
    let replayed = recordings::report(&file, RUN).unwrap();
    assert_eq!(report::to_markdown(&replayed), report::to_markdown(&original));
    assert_eq!(report::to_json(&replayed), report::to_json(&original));
    let said = recordings::report(&file, "r-1").unwrap_err().to_string();
    assert!(said.ends_with(&format!("holds no run r-1; it holds {RUN}")), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_calm_estate_is_shipped() {
    let sink = Shared::default();
    let mut night = Night::recorded("calm", &[], false, Box::new(sink.clone()));
    night.pass(minutes(20)).await;
    let then = night.glance();
    night.end();
    ship("calm.jsonl", &sink.bytes());
    let mut player = play(&sink.bytes());
    play_out(&mut player).await;
    player.app.notice = None;
    let screen = night::screen(&mut player.app, &night::look());
    assert_eq!(story(&screen), story(&then));
    assert!(screen.lines().last().unwrap().contains("20:00 of 20:00 END"), "{screen}");
}

#[tokio::test(start_paused = true)]
async fn wherever_a_recording_is_cut_it_plays_to_there_and_says_so() {
    let bytes = short(false).await;
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    let header = ends[0];
    for (lines, end) in (1..).zip(&ends[..ends.len() - 1]) {
        assert_eq!(Tape::read(&bytes[..*end]).unwrap().cut, Some(lines));
    }
    assert_eq!(Tape::read(&bytes).unwrap().cut, None);
    let whole = play_to_end(&bytes).await;
    assert!(!whole.contains("CUT"), "{whole}");
    fastrand::seed(7);
    let mut places: Vec<usize> = (0..24).map(|_| fastrand::usize(header..bytes.len())).collect();
    places.extend((0..12).map(|_| ends[fastrand::usize(..ends.len() - 1)]));
    for place in places {
        let screen = play_to_end(&bytes[..place]).await;
        let last = screen.lines().last().unwrap();
        assert!(last.contains("END, CUT"), "cut at byte {place}\n{screen}");
    }
    for place in (0..header - 1).step_by(97) {
        let said = Tape::read(&bytes[..place]).unwrap_err().to_string();
        assert!(said.contains("holds no recording"), "{place}: {said}");
    }
}

async fn play_to_end(bytes: &[u8]) -> String {
    let mut player = play(bytes);
    play_out(&mut player).await;
    player.app.notice = None;
    night::screen(&mut player.app, &night::look())
}

#[tokio::test(start_paused = true)]
async fn what_is_no_recording_is_refused_with_its_line() {
    let bytes = short(false).await;
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let body = lines.iter().position(|line| line.contains("\"k\":\"body\"")).unwrap();
    let edited = |at: usize, edit: &dyn Fn(&str) -> String| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[at] = edit(&lines[at]);
        Tape::read((lines.join("\n") + "\n").as_bytes()).err().map(|error| error.to_string())
    };
    let refused = |at, from: &'static str, to: &'static str| {
        edited(at, &|line| line.replacen(from, to, 1)).unwrap_or_else(|| panic!("{from} to {to} is taken"))
    };
    assert_eq!(edited(0, &str::to_owned), None);
    for (at, from, to, expected) in [
        (
            0,
            "\"format\":1",
            "\"format\":2",
            "it has format 2, this version reads up to 1: use the farshore that",
        ),
        (0, "\"format\":1", "\"format\":\"x\"", "its header names no format"),
        (0, "{", "[", "its first line is no header, or not whole"),
        (3, "{", "rubbish{", "line 4: it cannot be read"),
        (body, "\"text\":\"", "\"text\":\"x", "a body that does not have its SHA-256"),
        (body, "\"k\":\"body\"", "\"k\":\"soul\"", "unknown variant `soul`"),
    ] {
        let said = refused(at, from, to);
        assert!(said.contains(expected), "{said}");
        if at > 0 {
            assert!(said.starts_with(&format!("line {}: ", at + 1)), "{said}");
        }
    }
    assert_eq!(
        Tape::read(b"").unwrap_err().to_string(),
        "it holds no recording: it is empty; record one with `farshore record`"
    );
}

#[tokio::test(start_paused = true)]
async fn harmful_text_of_a_recording_reaches_no_screen() {
    let text = String::from_utf8(short(false).await).unwrap();
    let harmful = r"\u001b]0;x\u0007\u202e";
    let text = text.replace("cockpit opened read-only", harmful).replace("GRP1", &format!("GRP1{harmful}"));
    let mut player =
        play(text.replace("\"reason\":\"drill\"", &format!("\"reason\":\"{harmful}\"")).as_bytes());
    play_out(&mut player).await;
    let mut shown = String::new();
    for keys in PANES {
        for key in [Key::Char('1')].iter().chain(keys) {
            press(&mut player, *key);
        }
        let screen = night::screen(&mut player.app, &night::look());
        shown.push_str(&screen);
        assert!(!screen.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{screen}");
    }
    assert!(shown.contains("<U+001B>]0;x<U+0007><U+202E>"), "{shown}");
}

/// A wire that repeats the token of its request in its answer, as a proxy for debugging would.
#[derive(Debug)]
struct Parrot;

impl Wire for Parrot {
    fn call(&self, request: Request) -> Reply<'_> {
        let said = format!("{:?}", request.headers().get("authorization").unwrap().to_str().unwrap());
        let url = request.uri().to_string();
        let mut response = Response::new(Bytes::from(format!("{{\"said\":{said},\"url\":\"{url}\"}}")));
        response.headers_mut().insert("location", said.trim_matches('"').parse().unwrap());
        Box::pin(std::future::ready(Ok(response)))
    }
}

#[tokio::test]
async fn a_token_never_gets_into_a_recording() {
    let jwt = format!("eyJ{}.{}.{}", "h".repeat(20), "canary".repeat(8), "s".repeat(20));
    for redacted in [false, true] {
        for token in ["CANARY-opaque-token", &jwt] {
            let sink = Shared::default();
            let header = Tape::read(&short_header()).unwrap().header;
            let recorder =
                Recorder::begin(Header { redacted, ..header }, &[], Box::new(sink.clone())).unwrap();
            let start = recorder.start();
            let tee = Tee::new(Arc::new(Parrot), recorder.clone(), Arc::new(move || start));
            let request = http::Request::put(format!("https://x.example/a?sig={token}"))
                .header("authorization", format!("Bearer {token}"))
                .body(Bytes::from(format!("{{\"token\":\"{token}\"}}")))
                .unwrap();
            let answer = tee.call(request).await.unwrap();
            assert!(String::from_utf8_lossy(answer.body()).contains(token), "it passes on what it was told");
            assert_eq!(recorder.end(start, "left", Duration::from_secs(20)), None);
            let text = String::from_utf8(sink.bytes()).unwrap();
            assert!(!text.contains(token) && !text.contains("canary") && !text.contains("CANARY"), "{text}");
            assert!(text.matches("token taken out").count() >= 3, "{text}");
        }
    }
}

/// A recording that holds nothing.
fn short_header() -> Vec<u8> {
    let estate = Scenario::builtin("tiny").unwrap().estate_toml(None);
    let header = serde_json::json!({
        "k": "recording", "format": 1, "tool": "0", "mode": "SIM", "estate": "contoso-avd",
        "endpoint": "http://127.0.0.1:1", "start": "2026-11-20T08:00:00Z", "redacted": false,
        "identity": { "name": "op", "oid": "" }, "estate_file": estate,
    });
    format!("{header}\n").into_bytes()
}

#[tokio::test(start_paused = true)]
async fn a_redacted_recording_names_nobody_and_still_tells_the_story() {
    let text = String::from_utf8(short(true).await).unwrap();
    let plain = String::from_utf8(short(false).await).unwrap();
    let estate = config::parse(&Tape::read(plain.as_bytes()).unwrap().header.estate_file, "x").unwrap();
    let mut secrets: Vec<String> =
        estate.subscriptions().iter().map(|id| id.subscription().to_owned()).collect();
    secrets.push(estate.tenant.clone());
    for principal in estate.services.iter().flat_map(|service| service.principals()) {
        secrets.extend([principal.name.clone(), principal.id.as_str().to_owned()]);
    }
    let users = plain.split('"').filter(|word| word.contains('@') && word.contains(".example"));
    secrets.extend(users.map(|user| user.trim_end_matches('\\').to_owned()));
    assert!(secrets.len() > 5, "{secrets:?}");
    for secret in &secrets {
        let said = text.lines().find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert!(plain.contains(secret) && said.is_none(), "{secret}: {said:?}");
    }
    // Whoever is handed it reads first what is not in it.
    let withheld = |text: &str| Tape::read(text.as_bytes()).unwrap().header.withheld.join("\n");
    let (of_redacted, of_plain) = (withheld(&text), withheld(&plain));
    assert!(of_redacted.starts_with(&of_plain) && of_plain.contains("every token"), "{of_redacted}");
    for what in ["names of people and groups", "ids of subscriptions, tenants and objects"] {
        assert!(of_redacted.contains(what) && !of_plain.contains(what), "{of_redacted}");
    }
    let (told, untold) = (play_to_end(text.as_bytes()).await, play_to_end(plain.as_bytes()).await);
    let (told, untold) = (story(&told), story(&untold));
    // A mask is longer than the name it stands for: a small cell has room for the one and not for the other.
    let common = |lines: &[String]| -> Vec<String> {
        let cut = |line: &String| line.split("│assigned").next().unwrap_or_default().to_owned();
        lines[..6].iter().map(cut).collect()
    };
    assert_eq!(common(&told), common(&untold), "what belongs together still does");
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.0.min(bytes.len());
        self.0 -= room;
        if room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(room) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_ends_the_recording_and_not_the_sitting() {
    let mut night = Night::recorded("tiny", &[], false, Box::new(Full(40_000)));
    night.pass(seconds(40)).await;
    let mut tap = night.tap.take().unwrap();
    tap.recorder().settle();
    let why = tap.trouble().unwrap();
    assert!(why.starts_with("RECORDING ENDED: no storage space; its first "), "{why}");
    assert!(why.ends_with(" lines are kept; the sitting goes on without it"), "{why}");
    assert_eq!(tap.trouble(), None, "it is said once");
    night.pass(seconds(40)).await;
    let screen = night.glance();
    assert!(screen.starts_with(" SIM RO") && screen.contains(" hosts "), "{screen}");
    let header = Tape::read(&short_header()).unwrap().header;
    assert!(Recorder::begin(header, &[], Box::new(Full(10))).is_err(), "told before anything is opened");
}

#[tokio::test(start_paused = true)]
async fn nothing_can_be_decided_in_a_recording() {
    let mut player = play(&short(false).await);
    play_out(&mut player).await;
    press(&mut player, Key::Char('2'));
    for key in ['A', 'r', 'u', 's', 'h', 'n', 'd', 't', 'w', 'x', 'b']
        .map(Key::Char)
        .into_iter()
        .chain([Key::Enter, Key::Ctrl('r')])
    {
        player.app.notice = None;
        press(&mut player, key);
        assert!(player.app.modals.is_empty(), "{key:?} opened something");
        assert!(player.app.notice.is_some(), "{key:?} says nothing");
    }
    assert!(!player.app.arming.is_armed() && player.app.badge() == "REPLAY SIM");
    let azure = player.wire();
    let put = http::Request::put("http://127.0.0.1:1/subscriptions/x").body(Bytes::new()).unwrap();
    assert!(matches!(azure.call(put).await, Err(WireError::WriteRefused { .. })));
    let get = http::Request::get("http://127.0.0.1:1/subscriptions/x").body(Bytes::new()).unwrap();
    assert!(matches!(azure.call(get).await, Err(WireError::NotRecorded { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_player_pauses_steps_and_goes_where_it_is_sent() {
    let mut player = play(&short(false).await);
    let spot = |player: &Player| player.app.spot.unwrap();
    let at_of = |player: &Player| spot(player).at(player.app.now());
    for (key, going) in
        [(Key::Char('p'), Going::Paused), (Key::Char('p'), Going::Playing), (Key::Char('f'), Going::Playing)]
    {
        press(&mut player, key);
        assert_eq!(spot(&player).going, going);
    }
    assert_eq!(player.app.speed, Speed::Times(10.0));
    press(&mut player, Key::Char('}'));
    arrive(&mut player).await;
    let (first, here) = (spot(&player), at_of(&player));
    assert!(first.record > 0 && first.going == Going::Paused, "{first:?}");
    assert!(player.app.run.is_some() && player.app.screen == Screen::Run);
    press(&mut player, Key::Char('{'));
    arrive(&mut player).await;
    assert_eq!((spot(&player), at_of(&player)), (first, here), "there is none before it");
    press(&mut player, Key::Char(','));
    arrive(&mut player).await;
    assert!(at_of(&player) < here);
    press(&mut player, Key::Char('.'));
    arrive(&mut player).await;
    assert_eq!(at_of(&player), here);
    for (key, at) in [('<', Span::ZERO), ('>', spot(&player).length)] {
        press(&mut player, Key::Char(key));
        arrive(&mut player).await;
        assert_eq!(at_of(&player), at);
    }
    // At its own speed it comes to its end by itself.
    seek(&mut player, 0).await;
    press(&mut player, Key::Char('p'));
    while spot(&player).going != Going::Over {
        let played = player.next().await;
        player.gather(played, || true);
    }
    assert_eq!(at_of(&player), spot(&player).length);
}

async fn arrive(player: &mut Player) {
    while !player.has_arrived() {
        let played = player.next().await;
        player.gather(played, || true);
    }
}

/// A door that all requests of a process lead to that was started with its settings: it is every proxy there
/// is. Whoever sends anything has knocked.
struct Door(TcpListener);

impl Door {
    fn new() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        door.set_nonblocking(true).unwrap();
        Self(door)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let here = format!("http://{}", self.0.local_addr().unwrap());
        let names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];
        let mut all: Vec<_> = names.iter().map(|name| (*name, here.clone())).collect();
        // Something to ask for a token with, so that there is a reason to go out.
        let ids = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];
        all.extend(ids.map(|name| (name, "11111111-1111-4111-8111-111111111111".to_owned())));
        // One that is refused here, so that nobody asks the machine for its own.
        all.extend([("IDENTITY_ENDPOINT", here), ("IDENTITY_HEADER", "x".to_owned())]);
        all.push(("NO_PROXY", String::new()));
        all
    }

    fn knocked(&self) -> bool {
        self.0.accept().is_ok()
    }
}

#[test]
fn a_door_hears_whoever_looks_at_azure() {
    let (state, door) = (State::new(), Door::new());
    let estate = state.path().join("estate.toml");
    fs::write(&estate, state.verb(&["sim", "estate"]).stdout).unwrap();
    let mut command = state.command(&["status", "--estate", estate.to_str().unwrap()]);
    command.envs(door.settings()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let until = Instant::now() + LIMIT;
    while !door.knocked() {
        assert!(Instant::now() < until, "nobody came");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Inodes of this process's sockets that lead to another process or machine. Only root may look into a
/// process that refuses debuggers, as farshore does; `None`: for anybody else there is nothing to be seen,
/// and the door alone tells.
fn sockets(pid: u32) -> Option<Vec<String>> {
    let tables = ["tcp", "tcp6", "udp", "udp6"].map(|name| format!("/proc/{pid}/net/{name}"));
    let tables: String = tables.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let inodes: Vec<&str> = tables.lines().filter_map(|line| line.split_whitespace().nth(9)).collect();
    let open = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return None;
        }
        open => open.unwrap(),
    };
    let links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let links = links.map(|link| link.display().to_string());
    Some(links.filter(|link| inodes.iter().any(|inode| *link == format!("socket:[{inode}]"))).collect())
}

#[test]
fn the_shipped_outage_plays_on_a_terminal_and_leaves_nothing_behind() {
    let state = State::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/recordings/region-outage.jsonl");
    let door = Door::new();
    let settings = door.settings().into_iter().map(|(name, value)| format!("{name}={value} "));
    let script = format!("{}exec \"$FARSHORE\" replay '{file}' --speed 10", settings.collect::<String>());
    let Some(mut terminal) = Terminal::shell(&state, &["-c", &script]) else { return };
    terminal.see(" REPLAY SIM  contoso-avd");
    terminal.see("x10");
    terminal.press("}");
    terminal.see("paused · record 2/");
    terminal.see("avd-pooled-fail~ hr, ungraceful");
    for _ in 0..8 {
        terminal.press(">");
    }
    terminal.until("eight minutes on", |screen| screen.contains("9:40 of 27:05 paused"));
    for (key, words) in [
        ("1", "control "),
        ("2", "as it was then"),
        ("3", "journal of r-20261120-0800-aa"),
        ("4", "events and journal, newest first"),
        ("5", "runs of this estate"),
        ("6", "readiness"),
        ("7", "vantage"),
    ] {
        terminal.press(key);
        terminal.see(words);
    }
    terminal.press("1\r");
    terminal.see("control");
    terminal.press("A");
    terminal.see("this is a recording");
    let open = sockets(terminal.child.process_id().unwrap()).unwrap_or_default();
    assert_eq!(open, Vec::<String>::new());
    terminal.command("seek end");
    terminal.see("27:05 of 27:05 END");
    terminal.press("1");
    terminal.see("REPLAY");
    terminal.press("qq");
    assert_eq!(terminal.end(Duration::from_secs(20)), 0);
    let rest = terminal.rest();
    assert!(rest.contains("\u{1b}[?1049l") && rest.contains("\u{1b}[?25h"), "{rest:?}");
    assert!(!door.knocked(), "something was sent");
    let left: Vec<_> = fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_a_cockpit_recorded_is_played_and_reported_as_it_was() {
    let state = State::new();
    let file = state.path().join("sitting.jsonl");
    let name = file.to_str().unwrap();
    let words = ["record", "--sim", "--out", name];
    let Some(mut terminal) = Terminal::farshore(&state, &words) else { return };
    terminal.see(" SIM RO  REC  contoso-avd");
    terminal.arm();
    terminal.start_run();
    terminal.command("note drill of the recorder");
    terminal.see("journal 4  note");
    terminal.press("qq");
    terminal.see("> Cancel");
    terminal.pause();
    terminal.press("\t");
    terminal.see("> Hold and leave");
    terminal.pause();
    terminal.press("\r");
    assert_eq!(terminal.end(Duration::from_secs(20)), 0);
    assert!(terminal.rest().contains("recorded into "));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let run = state.run();
    for form in ["md", "json"] {
        let original = state.verb(&["report", &run, "--output", form]);
        let replayed = state.verb(&["report", &run, "--output", form, "--recording", name]);
        assert_eq!(text(&replayed.stdout), text(&original.stdout), "{}", text(&replayed.stderr));
        assert_eq!((original.status.code(), replayed.status.code()), (Some(0), Some(0)));
    }
    let told = text(&state.verb(&["replay", name, "--plain"]).stdout);
    assert!(told.starts_with("REPLAY SIM contoso-avd from ") && told.ends_with("\nEND\n"), "{told}");
    assert!(told.contains("drill of the recorder") && told.contains("armed by typing"), "{told}");
    assert!(told.contains("\nWITHHELD headers of requests, and with them every token"), "{told}");
    let again = state.verb(&["record", "--sim", "--plain", "--out", name]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("could not record into "), "{}", text(&again.stderr));
    let plain = state.path().join("plain.jsonl");
    let plain = plain.to_str().unwrap();
    assert!(text(&state.verb(&["record", "--sim", "--plain", "-o", plain]).stdout).starts_with("SIM "));
    assert_eq!(Tape::read(&fs::read(plain).unwrap()).unwrap().cut, None);
    for (words, expected) in [
        (&["replay", name, "--sim", "--plain"][..], "a recording brings its own estate"),
        (&["replay", "nowhere.jsonl"], "could not read nowhere.jsonl"),
        (&["record"], "this is no terminal"),
        (&["record", "--plain"], "no estate: give --estate FILE or --sim"),
        (&["report", "r-1", "--recording", name], "holds no run r-1; it holds r-"),
    ] {
        let said = text(&state.verb(words).stderr);
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}
