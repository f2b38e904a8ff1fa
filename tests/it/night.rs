//! Somebody at the screen of a cockpit in front of a simulated Azure, in virtual time.

use std::sync::Arc;

use farshore::{
    app::{
        Access, App, Bell, Effect, Event, Identity, Moment, RunSummary, RunbookEntry, Setup, Speed,
        StartOrder, TokenStatus, World,
        run::{RunOpen, RunPurpose},
    },
    azure::Azure,
    domain::{
        Source,
        time::{Span, Timestamp, minutes, seconds},
    },
    engine::{Actor, Engine, Input, Output, RunEvent},
    readiness,
    recording::{FORMAT, Header, Recorder, Sink, Tee, withheld},
    runbook,
    runbook::Mode,
    runtime::{
        hands::{Hands, Scribe},
        pollers::Pollers,
        recordings, survey,
        tap::Tap,
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
    rehearsal::{RUN, Rehearsal, Setting},
    terminal::ready,
};

/// A pause after which a key counts as typed on purpose, in milliseconds.
const CALM_MS: i64 = 400;
/// Between two letters of a word.
const TYPING_MS: i64 = 60;
/// What enter is held for where a side is opened under debt.
const HELD: Span = Span::from_secs(3);
/// Longest time of the estate that anything is waited for.
pub const PATIENCE: Span = minutes(180);
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
    pub unheard: Vec<Effect>,
    pub tap: Option<Tap>,
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

/// What the pictures are drawn with.
pub fn look() -> Look {
    Look { theme: Theme::named("default").unwrap(), glyphs: Glyphs::Box, zone: None }
}

/// The screen of 80x24.
pub fn screen(app: &mut App, look: &Look) -> String {
    screen_at(app, look, 80, 24)
}

/// The screen of a window of another size.
pub fn screen_at(app: &mut App, look: &Look, width: u16, height: u16) -> String {
    app.settle();
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    ui::draw(app, look, area, &mut buffer);
    let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..area.height).map(line).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

impl Night {
    pub fn begin(scenario: &str, world: &[(&str, &str)]) -> Self {
        let setting = Setting { scenario, world, latency_ms: 40, ..Setting::default() };
        // Pollers draw their pauses: the same ones each time, so that ages are.
        fastrand::seed(1);
        Self::over(Rehearsal::of(&setting))
    }

    /// The same, recorded.
    pub fn recorded(scenario: &str, world: &[(&str, &str)], redacted: bool, sink: Sink) -> Self {
        let setting = Setting { scenario, world, latency_ms: 40, ..Setting::default() };
        let mut rehearsal = Rehearsal::of(&setting);
        let header = Header {
            format: FORMAT,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            mode: "SIM".to_owned(),
            scenario: Some(format!("{scenario} seed {}", setting.seed)),
            estate: rehearsal.estate.name.clone(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            start: rehearsal.clock.now(),
            redacted,
            withheld: withheld(redacted),
            identity: setup(&rehearsal).identity,
            estate_file: rehearsal.text.clone(),
        };
        let recorder = Recorder::begin(header, &recordings::names(&rehearsal.estate), sink).unwrap();
        let clock = rehearsal.clock.clone();
        let now = Arc::new(move || clock.now());
        let identity = setup(&rehearsal).identity;
        rehearsal.actor = Actor { upn: identity.name, oid: identity.oid, os: "operator".into() };
        rehearsal.reason = "drill of a region outage";
        rehearsal.wire = Arc::new(Tee::new(rehearsal.wire.clone(), recorder.clone(), now));
        fastrand::seed(1);
        let mut night = Self { tap: Some(Tap::new(recorder)), ..Self::over(rehearsal) };
        night.feed(Event::RunsListed(Vec::new()));
        night.feed(Event::Facts(Box::default()));
        night
    }

    /// In front of a world that is there already.
    pub fn over(rehearsal: Rehearsal) -> Self {
        let azure = rehearsal.azure();
        let (tell, news) = channel(256);
        let sources = survey::watch_sources(&rehearsal.estate);
        let pollers = Pollers::start(azure.clone(), rehearsal.clock.clone(), tell, sources);
        let now = rehearsal.clock.now();
        let app = App::new(setup(&rehearsal), Moment { now, terminal: 0 });
        let (look, hands, due, order, tap, unheard) = (look(), None, None, None, None, Vec::new());
        Self { app, look, rehearsal, azure, pollers, news, hands, due, second: now, order, unheard, tap }
    }

    /// Ends the recording.
    pub fn end(&mut self) {
        let tap = self.tap.take().unwrap();
        assert_eq!(tap.end(self.rehearsal.clock.now(), "left"), None);
    }

    /// Microseconds since the recording began.
    pub fn t(&self) -> i64 {
        let start = self.tap.as_ref().unwrap().recorder().start();
        i64::try_from(self.rehearsal.clock.now().duration_since(start).as_micros()).unwrap()
    }

    /// The screen as it is after a tick of this moment.
    pub fn glance(&mut self) -> String {
        self.feed(Event::Tick);
        self.screen()
    }

    /// Lists the run as the cockpit does when it is opened, and when it has ended.
    fn list(&mut self) {
        if self.tap.is_none() {
            return;
        }
        let events = self.rehearsal.journal.events();
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        let RunEvent::Opened(opened) = &first.event else { panic!("{first:?}") };
        let run = RunSummary {
            run: RUN.to_owned(),
            runbook: opened.plan.runbook.clone(),
            service: opened.plan.service.clone(),
            mode: opened.plan.mode.word().to_owned(),
            state: "open".to_owned(),
            purpose: RunPurpose::Drill,
            open: RunOpen::Open,
            opened: first.wall,
            took: Some(last.wall.duration_since(first.wall)),
            debts: 0,
            trouble: None,
        };
        self.feed(Event::RunsListed(vec![run]));
    }

    pub fn moment(&self) -> Moment {
        Moment { now: self.rehearsal.clock.now(), terminal: self.rehearsal.clock.mono_ms() }
    }

    pub fn feed(&mut self, event: Event) {
        let hosts = match &event {
            Event::Observed(seen) if seen.outcome.is_ok() => Some(seen.source.clone()),
            _ => None,
        };
        let moment = self.moment();
        if let Some(tap) = &mut self.tap {
            tap.before(&event, &mut self.app, moment.now);
        }
        let effects = self.app.update(event, moment);
        if let Some(tap) = &mut self.tap {
            tap.after(&mut self.app, moment.now);
        }
        for effect in effects {
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
            Effect::ReadJournal(run) => {
                let outcome = Ok(self.rehearsal.journal.events());
                self.feed(Event::JournalRead { run, outcome });
            }
            Effect::WriteReport(_) | Effect::Bell => {}
            other => self.unheard.push(other),
        }
    }

    /// Opens the dialog of a new run and says why there is to be one.
    pub async fn ask_for_run(&mut self, reason: &str) {
        self.key(Key::Char('r')).await;
        self.focus("reason").await;
        self.write(reason).await;
    }

    /// Presses the button of that dialog.
    pub async fn begin_run(&mut self) {
        self.focus("Start").await;
        self.key(Key::Enter).await;
    }

    /// What the dialog of a new run asked for.
    async fn open(&mut self, order: StartOrder) {
        let (_, engine, first) = self.rehearsal.begin(0, order.mode.unwrap_or(Mode::Graceful)).await;
        self.attach(engine, first);
    }

    /// Puts a run under the cockpit.
    pub fn attach(&mut self, engine: Engine, first: Vec<Output>) {
        let (inbox, outbox) = unbounded_channel();
        let scribe = Scribe::Inline(Box::new(self.rehearsal.journal.clone()));
        let mut hands = Hands::new(self.azure.clone(), self.rehearsal.clock.clone(), inbox, scribe);
        let lock = "this machine".into();
        if let Some(tap) = &self.tap {
            tap.run(RUN, &lock, &[], self.rehearsal.clock.now());
            hands.record(tap.recorder().clone(), RUN, 0);
        }
        self.hands = Some((hands, outbox));
        self.feed(Event::RunStarted { handle: Box::new(engine), seq: 0, first, lock });
        self.list();
    }

    /// Takes in what happens until `end`, or until the screen is as wanted.
    pub async fn wait(&mut self, end: Timestamp, wanted: Option<fn(&str) -> bool>) -> bool {
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
        screen(&mut self.app, &self.look)
    }

    pub fn screen_at(&mut self, width: u16, height: u16) -> String {
        screen_at(&mut self.app, &self.look, width, height)
    }

    pub async fn key(&mut self, key: Key) {
        self.pass(Span::from_millis(CALM_MS)).await;
        self.press(key);
        self.pass(Span::from_millis(CALM_MS)).await;
    }

    pub fn press(&mut self, key: Key) {
        let intent = keymap::intent(&self.app, key);
        let Some(intent) = intent else { panic!("{key:?} means nothing here\n{}", self.screen()) };
        self.feed(Event::Intent(intent));
    }

    pub async fn write(&mut self, text: &str) {
        self.pass(Span::from_millis(CALM_MS)).await;
        for letter in text.chars() {
            self.press(Key::Char(letter));
            self.pass(Span::from_millis(TYPING_MS)).await;
        }
    }

    /// Brings the focus to `place`.
    pub async fn focus(&mut self, place: &str) {
        for _ in 0..ROUND {
            if self.screen().contains(&format!("> {place}")) {
                return;
            }
            self.key(Key::Tab).await;
        }
        panic!("no {place} to be had\n{}", self.screen());
    }

    /// Arms, and gives the dialog as it was before the last key.
    pub async fn arm(&mut self) -> String {
        self.key(Key::Char('A')).await;
        let name = self.app.estate.name.clone();
        self.write(&name).await;
        let dialog = self.screen();
        self.focus("Arm").await;
        self.key(Key::Enter).await;
        dialog
    }

    /// Gives the value that a dialog asks for: the text, then the button.
    pub async fn give(&mut self, value: &str) {
        self.write(value).await;
        self.key(Key::Tab).await;
        self.key(Key::Enter).await;
    }

    /// Confirms what the dialog shows, by the gesture of its level.
    pub async fn confirm(&mut self) {
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
pub fn users(screen: &str) -> String {
    let line = screen.lines().find(|line| line.contains("│ what ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| word.starts_with("users")).expect("a number of users");
    words[at - 1].to_owned()
}

/// Whether a person has something to do, or nobody any more.
pub fn is_due(screen: &str) -> bool {
    ready(screen).is_some() || screen.contains("awaiting") || is_closed(screen)
}

pub fn is_closed(screen: &str) -> bool {
    screen.contains(" completed")
}
