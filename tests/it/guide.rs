//! The pictures of GUIDE.md, taken anew: a dead region is walked through by keys, in virtual time.
//!
//! `FARSHORE_PICTURES=write cargo test guide` puts them into the file; otherwise they are compared.

use std::{collections::BTreeMap, env, fs, ops::Range, path::Path};

use farshore::{
    app::{
        Access, App, Bell, Effect, Event, Identity, Moment, RunbookEntry, Setup, Speed, StartOrder,
        TokenStatus, World,
    },
    azure::Azure,
    domain::{
        Source,
        time::{Span, Timestamp, minutes, seconds},
    },
    engine::{Engine, Input, Output},
    readiness, runbook,
    runbook::Mode,
    runtime::{
        hands::{Hands, Scribe},
        pollers::Pollers,
        survey,
    },
    ui::{
        self, Glyphs, Look,
        keymap::{self, Key},
        theme::Theme,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, channel, unbounded_channel};

use super::{
    rehearsal::{Rehearsal, Setting},
    terminal::ready,
};

/// A pause after which a key counts as typed on purpose, in milliseconds.
const CALM_MS: i64 = 400;
/// Between two letters of a word.
const TYPING_MS: i64 = 60;
/// What enter is held for where a side is opened under debt.
const HELD: Span = Span::from_secs(3);
/// Longest time of the estate that anything is waited for.
const PATIENCE: Span = minutes(180);
/// Somebody who waits looks so often, in seconds.
const GLANCE_S: i64 = 5;
/// As many presses bring the focus round any dialog.
const ROUND: usize = 12;

/// A cockpit of 80x24 in front of a simulated Azure.
pub struct Night {
    pub app: App,
    look: Look,
    pub rehearsal: Rehearsal,
    pub azure: Azure,
    pollers: Pollers,
    news: Receiver<Event>,
    hands: Option<(Hands, UnboundedReceiver<Input>)>,
    due: Option<Timestamp>,
    second: Timestamp,
    order: Option<StartOrder>,
    /// What the app wanted that nobody here does.
    unheard: Vec<Effect>,
}

pub fn setup(rehearsal: &Rehearsal) -> Setup {
    let services: Vec<String> =
        rehearsal.estate.services.iter().map(|service| service.name.clone()).collect();
    let entry = |runbook: runbook::Runbook| RunbookEntry {
        usual: [Mode::Graceful, Mode::Ungraceful].map(|mode| runbook.usual(mode)),
        id: runbook.id,
        title: runbook.title,
        local: runbook.local,
        services: services.clone(),
    };
    Setup {
        world: World::Sim,
        access: Access::MayArm,
        endpoint: None,
        estate: rehearsal.estate.clone(),
        identity: Identity { name: "sim operator".into(), oid: farshore::sim::CALLER.into() },
        token: TokenStatus::NotNeeded,
        speed: Speed::Times(1.0),
        runbooks: runbook::builtin_ids().filter_map(runbook::builtin).map(entry).collect(),
        bell: Bell::Never,
    }
}

impl Night {
    pub fn begin(scenario: &str, world: &[(&str, &str)]) -> Self {
        // Pollers draw their pauses: the same ones each time, so that ages are.
        fastrand::seed(1);
        Self::over(Rehearsal::of(&Setting { scenario, world, latency_ms: 40, ..Setting::default() }))
    }

    /// In front of a world that is there already.
    pub fn over(rehearsal: Rehearsal) -> Self {
        let azure = rehearsal.azure();
        let (tell, news) = channel(256);
        let sources = survey::watch_sources(&rehearsal.estate);
        let pollers = Pollers::start(azure.clone(), rehearsal.clock.clone(), tell, sources);
        let now = rehearsal.clock.now();
        let app = App::new(setup(&rehearsal), Moment { now, terminal: 0 });
        let look = Look { theme: Theme::named("default").unwrap(), glyphs: Glyphs::Box, zone: None };
        let (hands, due, order, unheard) = (None, None, None, Vec::new());
        Self { app, look, rehearsal, azure, pollers, news, hands, due, second: now, order, unheard }
    }

    pub fn moment(&self) -> Moment {
        Moment { now: self.rehearsal.clock.now(), terminal: self.rehearsal.clock.mono_ms() }
    }

    pub fn feed(&mut self, event: Event) {
        let hosts = match &event {
            Event::Observed(seen) if seen.outcome.is_ok() => Some(seen.source.clone()),
            _ => None,
        };
        for effect in self.app.update(event, self.moment()) {
            self.perform(effect);
        }
        if let Some(Source::Hosts(service, _)) = hosts {
            let known = readiness::sources(&self.app.estate, service);
            let found = readiness::host_sources(self.app.live_picture(), service);
            self.pollers.watch(known.into_iter().chain(found));
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Run(Output::WakeAt(at)) => self.due = Some(at),
            Effect::Run(output) => self.hands.as_mut().unwrap().0.perform(output),
            Effect::Poll(source) => self.pollers.look(source),
            Effect::StartRun(order) => self.order = Some(order),
            Effect::WriteReport(_) | Effect::Bell => {}
            other => self.unheard.push(other),
        }
    }

    /// What the dialog of a new run asked for.
    async fn open(&mut self, order: StartOrder) {
        let (_, engine, first) = self.rehearsal.begin(0, order.mode).await;
        self.attach(engine, first);
    }

    /// Puts a run under the cockpit.
    pub fn attach(&mut self, engine: Engine, first: Vec<Output>) {
        let (inbox, outbox) = unbounded_channel();
        let scribe = Scribe::Inline(Box::new(self.rehearsal.journal.clone()));
        let hands = Hands::new(self.azure.clone(), self.rehearsal.clock.clone(), inbox, scribe);
        self.hands = Some((hands, outbox));
        self.feed(Event::RunStarted { handle: Box::new(engine), seq: 0, first, lock: "this machine".into() });
    }

    /// Takes in what happens until `end`, or until the screen is as wanted.
    async fn wait(&mut self, end: Timestamp, wanted: Option<fn(&str) -> bool>) -> bool {
        let mut look = true;
        loop {
            if let Some(order) = self.order.take() {
                self.open(order).await;
            }
            if std::mem::take(&mut look) && wanted.is_some_and(|wanted| wanted(&self.screen())) {
                return true;
            }
            if self.rehearsal.clock.now() >= end {
                return false;
            }
            let (clock, due, second) = (self.rehearsal.clock.clone(), self.due.unwrap_or(end), self.second);
            let run = self.hands.as_mut();
            let input = async move {
                match run {
                    Some((_, inbox)) => inbox.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(input) = input => self.feed(Event::Run(input)),
                Some(event) = self.news.recv() => self.feed(event),
                () = clock.sleep_until(second) => {
                    self.second = second + seconds(1);
                    look = second.as_second() % GLANCE_S == 0;
                    self.feed(Event::Tick);
                }
                () = clock.sleep_until(due.min(end)) => {
                    if self.due.take_if(|due| *due <= clock.now()).is_some() {
                        self.feed(Event::Run(Input::Tick));
                    }
                }
            }
        }
    }

    pub async fn pass(&mut self, span: Span) {
        let end = self.rehearsal.clock.now() + span;
        self.wait(end, None).await;
    }

    pub fn screen(&mut self) -> String {
        self.app.settle();
        let area = Rect::new(0, 0, 80, 24);
        let mut buffer = Buffer::empty(area);
        ui::draw(&self.app, &self.look, area, &mut buffer);
        let line =
            |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..area.height).map(line).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    async fn key(&mut self, key: Key) {
        self.pass(Span::from_millis(CALM_MS)).await;
        self.press(key);
        self.pass(Span::from_millis(CALM_MS)).await;
    }

    fn press(&mut self, key: Key) {
        let intent = keymap::intent(keymap::context(&self.app), key);
        let Some(intent) = intent else { panic!("{key:?} means nothing here\n{}", self.screen()) };
        self.feed(Event::Intent(intent));
    }

    async fn write(&mut self, text: &str) {
        self.pass(Span::from_millis(CALM_MS)).await;
        for letter in text.chars() {
            self.press(Key::Char(letter));
            self.pass(Span::from_millis(TYPING_MS)).await;
        }
    }

    /// Brings the focus to `place`.
    async fn focus(&mut self, place: &str) {
        for _ in 0..ROUND {
            if self.screen().contains(&format!("> {place}")) {
                return;
            }
            self.key(Key::Tab).await;
        }
        panic!("no {place} to be had\n{}", self.screen());
    }

    /// Arms, and gives the dialog as it was before the last key.
    async fn arm(&mut self) -> String {
        self.key(Key::Char('A')).await;
        self.write("contoso-avd").await;
        let dialog = self.screen();
        self.focus("Arm").await;
        self.key(Key::Enter).await;
        dialog
    }

    /// Confirms what the dialog shows, by the gesture of its level.
    async fn confirm(&mut self) {
        for _ in 0..ROUND {
            let screen = self.screen();
            if !screen.contains("Cancel") {
                return;
            }
            if screen.contains("there is nothing to write now") {
                // What others did is seen by the run itself.
                self.key(Key::Esc).await;
                self.pass(minutes(1)).await;
                return;
            }
            if screen.contains("type the number of users") {
                self.write(&users(&screen)).await;
            }
            let opens = screen.contains("type the region you open");
            if opens {
                self.write("NE").await;
            }
            if self.screen().contains("> Cancel") {
                self.key(Key::Tab).await;
            }
            self.key(Key::Enter).await;
            if opens {
                self.pass(HELD).await;
                self.key(Key::Enter).await;
            }
        }
        panic!("cannot be confirmed\n{}", self.screen());
    }
}

/// The number of users that the line `what` names.
fn users(screen: &str) -> String {
    let line = screen.lines().find(|line| line.contains("│ what ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| word.starts_with("users")).expect("a number of users");
    words[at - 1].to_owned()
}

/// Name and screen, in the order of the walk.
type Pictures = BTreeMap<&'static str, String>;

async fn before_the_run(night: &mut Night, pictures: &mut Pictures) {
    night.pass(seconds(75)).await;
    pictures.insert("home", night.screen());
    night.key(Key::Char('7')).await;
    pictures.insert("vantage", night.screen());
    night.key(Key::Char('q')).await;
    pictures.insert("arm", night.arm().await);
    night.key(Key::Char('r')).await;
    night.focus("mode").await;
    night.key(Key::Right).await;
    night.focus("reason").await;
    night.write("West Europe is lost").await;
    pictures.insert("start", night.screen());
    night.focus("Start").await;
    night.key(Key::Enter).await;
}

/// Confirms whatever is ready, until the run is closed.
async fn the_run(night: &mut Night, pictures: &mut Pictures) {
    loop {
        let end = night.rehearsal.clock.now() + PATIENCE;
        assert!(night.wait(end, Some(is_due)).await, "nothing is due\n{}", night.screen());
        let screen = night.screen();
        if is_closed(&screen) {
            pictures.insert("closed", screen);
            return;
        }
        if screen.starts_with(" SIM RO") {
            pictures.insert("returned", screen);
            night.arm().await;
            continue;
        }
        let row = ready(&screen).unwrap_or_default();
        night.key(Key::Enter).await;
        let dialog = night.screen();
        for (title, run, asked) in WORTH {
            if row.contains(title) {
                run.map(|name| pictures.insert(name, screen.clone()));
                asked.map(|name| pictures.insert(name, dialog.clone()));
            }
        }
        if row.is_empty() {
            night.write("none").await;
            night.key(Key::Enter).await;
        } else {
            night.confirm().await;
        }
    }
}

/// Whether a person has something to do, or nobody any more.
fn is_due(screen: &str) -> bool {
    ready(screen).is_some() || screen.contains("awaiting") || is_closed(screen)
}

fn is_closed(screen: &str) -> bool {
    screen.contains(" completed")
}

/// Steps by their titles, with the names of the pictures of their run view and of their dialog.
const WORTH: [(&str, Option<&'static str>, Option<&'static str>); 5] = [
    ("start hosts in NE", Some("step"), Some("dialog")),
    ("gate 1: NE can take users", Some("gate"), None),
    ("revoke WE", None, Some("revoke")),
    ("grant NE", None, Some("grant")),
    ("gate 3: first user proven", Some("first-user"), None),
];

async fn walk() -> Pictures {
    // The region of the pictures returns sooner than that of the scenario: nobody reads six hours.
    let mut night = Night::begin("region-outage", &[("until = \"6h\"", "until = \"40m\"")]);
    let mut pictures = Pictures::new();
    before_the_run(&mut night, &mut pictures).await;
    the_run(&mut night, &mut pictures).await;
    assert!(night.unheard.is_empty(), "{:?}", night.unheard);
    pictures
}

/// Where a picture stands in the guide: its name, and the text between the fences.
fn places(guide: &str) -> Vec<(&str, Range<usize>)> {
    const MARK: &str = "<!-- picture: ";
    const OPEN: &str = " -->\n```text\n";
    let place = |(at, _): (usize, &str)| {
        let rest = &guide[at + MARK.len()..];
        let (name, _) = rest.split_once(OPEN).expect("a fenced block after the mark");
        let begin = at + MARK.len() + name.len() + OPEN.len();
        let end = begin + guide[begin..].find("```").expect("the end of the block");
        (name, begin..end)
    };
    guide.match_indices(MARK).map(place).collect()
}

#[tokio::test(start_paused = true)]
async fn the_pictures_of_the_guide_are_those_of_the_cockpit() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("GUIDE.md");
    let guide = fs::read_to_string(&path).unwrap();
    let mut pictures = walk().await;
    let mut fresh = guide.clone();
    for (name, place) in places(&guide).into_iter().rev() {
        let picture = pictures.remove(name).unwrap_or_else(|| panic!("nobody took {name}"));
        fresh.replace_range(place, &format!("{picture}\n"));
    }
    assert!(pictures.is_empty(), "not shown: {:?}", pictures.keys());
    if env::var("FARSHORE_PICTURES").is_ok_and(|word| word == "write") {
        fs::write(&path, fresh).unwrap();
    } else {
        assert_eq!(guide, fresh, "if this is as it should be: FARSHORE_PICTURES=write");
    }
}
