//! The desk of a recording: it plays what was taken in then, and has no way to anything else.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{Interval, MissedTickBehavior};

use crate::{
    app::{App, Effect, Event, Going, Moment, Play, Speed, replay::Seat as Place},
    azure::{Azure, AzureOptions, Endpoint, TokenSource},
    domain::{
        Answer, Observation, Safe, Source,
        estate::Estate,
        reading::{Silence, SilenceKind},
        time::{Span, Timestamp, minutes},
    },
    readiness,
    recording::{Answers, Line, Look, Tape, Window},
    wire::Guard,
};

use super::{
    clock::Clock,
    past::{self, Past},
    seat::{Front, Seat},
    survey,
    terminal::TerminalClock,
};

/// Estate seconds per second for the client that reads recorded answers: it waits for nobody.
const NO_WAITING: f64 = 1e9;

/// The speeds that the key goes through.
const SPEEDS: [f64; 3] = [1.0, 10.0, 60.0];

/// What is needed to read a recorded look again.
#[derive(Debug)]
struct Reader {
    tape: Arc<Tape>,
    estate: Arc<Estate>,
    endpoint: Endpoint,
    tokens: Arc<dyn TokenSource>,
}

impl Reader {
    fn azure(&self, answers: Arc<Answers>) -> Azure {
        let options = AzureOptions::new(self.endpoint.clone(), self.estate.clone());
        let azure = Azure::new(Arc::new(Guard::new(answers)), self.tokens.clone(), options);
        azure.set_pace(NO_WAITING);
        azure
    }

    /// What the look brought then, read from the answers to its own requests.
    async fn observe(&self, look: &Look) -> Observation {
        let (started, ended) = (self.tape.moment(look.from), self.tape.moment(look.ended()));
        let source = look.src.clone();
        if let Some(silence) = &look.no {
            return Observation { source, started, ended, outcome: Err(silence.clone()) };
        }
        let window = Window { from: Some(look.from), to: look.ended() };
        let answers = Arc::new(Answers::new(self.tape.clone(), window));
        let asked = AtomicBool::new(false);
        let clock = move || if asked.swap(true, Ordering::Relaxed) { ended } else { started };
        let mut seen = self.azure(answers.clone()).look(&source, &clock).await;
        if let Ok(Answer::Control { millis, .. }) = &mut seen.outcome {
            *millis = u32::try_from(answers.took() / 1_000).unwrap_or(u32::MAX);
        }
        Observation { started, ended, ..seen }
    }
}

/// A place that is being made for.
#[derive(Debug)]
struct Aim {
    t: i64,
    /// Where the person was.
    place: Place,
    /// The run that was open then.
    run: Option<String>,
}

/// Something for a player to take in.
#[derive(Debug)]
pub enum Played {
    /// The line with this number, with what its look brought.
    Line(usize, Option<Box<Observation>>),
    /// There is nothing more up to the place that was made for.
    Arrived,
    /// There is nothing more at all.
    Over,
    /// A second passed.
    Second,
}

/// The desk of a recording.
#[derive(Debug)]
pub struct Player {
    /// The app.
    pub app: App,
    reader: Arc<Reader>,
    past: Past,
    clock: Arc<Clock>,
    /// The next line to be taken in.
    next: usize,
    aim: Option<Aim>,
    speed: f64,
    going: Going,
    /// The step whose dialog was open.
    dialog: Option<String>,
    second: Interval,
    terminal: TerminalClock,
    front: Vec<Front>,
}

impl Player {
    /// Sits down at the beginning of a recording. `app` is that of a recording, `clock` stands at its start.
    pub fn new(
        tape: Arc<Tape>,
        app: App,
        clock: Arc<Clock>,
        endpoint: Endpoint,
        terminal: TerminalClock,
    ) -> Self {
        let tokens = past::nobodys_token(&endpoint);
        let estate = app.estate.clone();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut player = Self {
            app,
            past: Past::new(&tape),
            reader: Arc::new(Reader { tape, estate, endpoint, tokens }),
            speed: clock.speed(),
            clock,
            next: 0,
            aim: None,
            going: Going::Playing,
            dialog: None,
            second,
            terminal,
            front: Vec::new(),
        };
        player.begin();
        player
    }

    /// The same before the terminal whose clock this is.
    #[must_use]
    pub fn on(self, terminal: TerminalClock) -> Self {
        Self { terminal, ..self }
    }

    /// The wire of what is played: it answers reads that were recorded so far, and nothing else.
    pub fn wire(&self) -> Guard {
        Guard::new(Arc::new(Answers::new(self.reader.tape.clone(), Window { from: None, to: self.t() })))
    }

    /// Whether it has come to where it was to go, and waits.
    pub fn has_arrived(&self) -> bool {
        self.aim.is_none()
    }

    /// Goes to the moment `t` microseconds after the beginning: on from here, or from the beginning again.
    pub fn seek(&mut self, t: i64) {
        let t = t.clamp(0, self.past.length());
        let run = self.app.run_view().map(|view| view.run.clone());
        let (place, run) = match self.aim.take() {
            Some(aim) => (aim.place, aim.run),
            None => (self.app.seat(), run),
        };
        if self.next > 0 && self.past.at(self.next - 1) > t {
            self.app.begin_again(self.reader.tape.start());
            (self.next, self.dialog) = (0, None);
            self.begin();
        }
        self.clock.set_speed(0.0);
        self.aim = Some(Aim { t, place, run });
        self.tell_spot();
    }

    /// What was never looked at in the whole recording is said at its beginning.
    fn begin(&mut self) {
        let estate = self.reader.estate.clone();
        let services = 0..estate.services.len();
        let known = survey::watch_sources(&estate).into_iter();
        let known = known.chain(services.flat_map(|service| readiness::sources(&estate, service)));
        self.miss(known.collect());
        self.tell_spot();
    }

    /// Says of sources without any look in the recording that they have none.
    fn miss(&mut self, sources: BTreeSet<Source>) {
        let at = self.app.moment.now;
        for source in sources {
            if self.past.looks_at(&source) || self.app.live_picture().reading(&source).is_some() {
                continue;
            }
            let why = Safe::new("this recording holds no look at it");
            let outcome = Err(Silence { kind: SilenceKind::NotRecorded, why });
            self.tell(Event::Observed(Observation { source, started: at, ended: at, outcome }), at);
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now().min(self.past.end())
    }

    /// Microseconds since the beginning.
    fn t(&self) -> i64 {
        match &self.aim {
            Some(aim) => aim.t,
            None => {
                i64::try_from(self.now().duration_since(self.past.start()).as_micros()).unwrap_or_default()
            }
        }
    }

    fn tell(&mut self, event: Event, now: Timestamp) {
        let moment = Moment { now, terminal: self.terminal.ms() };
        for effect in self.app.update(event, moment) {
            self.perform(effect);
        }
    }

    fn tell_spot(&mut self) {
        let going = if self.aim.is_some() { Going::Seeking } else { self.going };
        let aim = self.aim.as_ref().map(|aim| Span::from_micros(aim.t));
        let spot = self.past.spot(self.next, aim, going);
        let now = if self.aim.is_some() { self.app.moment.now } else { self.now() };
        self.tell(Event::Spot(spot), now);
    }

    fn say(&mut self, text: &str) {
        let moment = Moment { now: self.app.moment.now, terminal: self.terminal.ms() };
        self.app.update(Event::Notice(Safe::new(text)), moment);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Play(play) => self.play(play),
            Effect::SetSpeed(speed) => self.set_speed(speed),
            Effect::ReadJournal(run) => {
                let outcome = self
                    .past
                    .journal(&run, self.next)
                    .ok_or_else(|| Safe::new("its journal is no part of this recording"));
                self.tell(Event::JournalRead { run, outcome }, self.app.moment.now);
            }
            Effect::Theme(name) => self.front.push(Front::Theme(name)),
            Effect::CopyText(text) => self.front.push(Front::Copy(text)),
            Effect::Leave(reason) => self.front.push(Front::Leave(reason)),
            // A recorded run asks for nothing, and nobody is called to what is long over.
            Effect::Run(_) | Effect::Bell => {}
            Effect::Poll(_) | Effect::StartRun(_) | Effect::ResumeRun(_) | Effect::WriteReport(_) => {
                self.say("this is a recording: nothing can be asked anew or begun in it");
            }
        }
    }

    fn set_speed(&mut self, speed: Speed) {
        match speed {
            Speed::Paused => self.go(Going::Paused),
            Speed::Times(times) => {
                self.speed = times;
                self.go(Going::Playing);
            }
            Speed::Max => self.seek(self.past.length()),
        }
    }

    /// Plays or stands still, unless there is nothing left to play.
    fn go(&mut self, going: Going) {
        self.going = if self.next >= self.past.count() && self.t() >= self.past.length() {
            Going::Over
        } else {
            going
        };
        let speed = if self.going == Going::Playing { self.speed } else { 0.0 };
        if self.aim.is_none() {
            self.clock.set_speed(speed);
        }
        let label = if self.going == Going::Playing { Speed::Times(self.speed) } else { Speed::Paused };
        self.tell(Event::Speed(label), self.app.moment.now);
        self.tell_spot();
    }

    fn play(&mut self, play: Play) {
        let t = self.t();
        let minute = i64::try_from(minutes(1).as_micros()).unwrap_or_default();
        let aim = match play {
            Play::Pause if self.going == Going::Playing => return self.go(Going::Paused),
            Play::Pause => return self.go(Going::Playing),
            Play::Faster => {
                let next = SPEEDS.iter().find(|speed| **speed > self.speed);
                self.speed = next.copied().unwrap_or(SPEEDS[0]);
                return self.go(Going::Playing);
            }
            Play::To(second) => Some(i64::from(second) * 1_000_000),
            Play::Later => Some(t.saturating_add(minute)),
            Play::Earlier => Some(t - minute),
            Play::Step => self.past.event_after(self.next),
            Play::StepBack => self.past.event_before(t),
            Play::NextRecord => self.past.record_after(t),
            Play::PreviousRecord => self.past.record_before(t),
        };
        if matches!(play, Play::Step | Play::StepBack | Play::NextRecord | Play::PreviousRecord) {
            self.go(Going::Paused);
        }
        match aim {
            Some(t) => self.seek(t),
            None => self.say("there is none in that direction"),
        }
    }

    /// The next line, where it may be played now.
    fn due(&self) -> Option<usize> {
        let limit = self.aim.as_ref().map(|aim| aim.t);
        (self.next < self.past.count() && limit.is_none_or(|limit| self.past.at(self.next) <= limit))
            .then_some(self.next)
    }

    /// Takes in a line.
    fn take_line(&mut self, at: usize, seen: Option<Box<Observation>>) {
        if at != self.next {
            return;
        }
        self.next += 1;
        let now = self.past.moment(at);
        let hosts = match &seen {
            Some(seen) if seen.outcome.is_ok() => Some(seen.source.clone()),
            _ => None,
        };
        let answers = Answers::new(self.reader.tape.clone(), Window { from: None, to: 0 });
        let reader = self.reader.clone();
        let encode = move || reader.azure(Arc::new(answers)).encoder();
        let event = self.past.event(at, seen, &mut self.dialog, &self.reader.estate, encode);
        if let Some(event) = event {
            self.tell(event, now);
        }
        if let Some(Source::Hosts(service, _)) = hosts {
            let found = readiness::host_sources(self.app.live_picture(), service);
            self.miss(found.into_iter().collect());
        }
    }

    fn arrive(&mut self) {
        let Some(aim) = self.aim.take() else { return };
        let opened = self.app.run_view().map(|view| &view.run) != aim.run.as_ref();
        // A run that was opened meanwhile brings its service into view, as then; and itself, where somebody
        // waits on home.
        let scope = self.app.scope;
        if !(opened && aim.place.is_home()) {
            self.app.sit_again(aim.place);
        }
        if opened {
            self.app.scope = scope;
        }
        self.clock.set_to(self.past.moment_of(aim.t));
        self.going = if self.going == Going::Over { Going::Paused } else { self.going };
        self.tell(Event::Tick, self.past.moment_of(aim.t));
        self.go(self.going);
    }

    fn over(&mut self) {
        self.clock.set_to(self.past.end());
        let cut = self.past.spot(self.next, None, Going::Over).cut;
        self.tell(Event::Tick, self.past.end());
        self.go(Going::Over);
        if let Some(line) = cut {
            self.say(&format!("the recording was cut after line {line}: its end is missing"));
        }
    }

    /// Takes in a happening.
    pub fn take(&mut self, played: Played) {
        match played {
            Played::Line(at, seen) => self.take_line(at, seen),
            Played::Arrived => self.arrive(),
            Played::Over if self.going != Going::Over => self.over(),
            Played::Over => {}
            Played::Second if self.aim.is_some() => self.tell_spot(),
            Played::Second => {
                self.tell(Event::Tick, self.now());
                self.tell_spot();
            }
        }
    }

    /// What the line brought, read again where it is a look.
    fn read(&self, at: usize) -> impl Future<Output = Played> + use<> {
        let (reader, tape) = (self.reader.clone(), self.reader.tape.clone());
        async move {
            let seen = match &tape.lines[at] {
                Line::Look(look) => Some(Box::new(reader.observe(look).await)),
                _ => None,
            };
            Played::Line(at, seen)
        }
    }

    /// What is there already.
    fn ready(&self) -> Option<Played> {
        let at = self.due()?;
        let played = self.aim.is_some() || self.past.moment(at) <= self.clock.now();
        if played { self.read(at).now_or_never() } else { None }
    }
}

impl Seat for Player {
    type Happening = Played;

    fn app(&mut self) -> &mut App {
        &mut self.app
    }

    async fn next(&mut self) -> Played {
        if self.aim.is_some() {
            return match self.due() {
                Some(at) => self.read(at).await,
                None => Played::Arrived,
            };
        }
        let (clock, due, end) = (self.clock.clone(), self.due(), self.past.end());
        let at = due.map_or(end, |at| self.past.moment(at));
        let read = due.map(|at| self.read(at));
        let over = self.going == Going::Over;
        let played = async move {
            clock.sleep_until(at).await;
            match read {
                Some(read) => read.await,
                None if over => std::future::pending().await,
                None => Played::Over,
            }
        };
        tokio::select! {
            biased;
            _ = self.second.tick() => Played::Second,
            played = played => played,
        }
    }

    fn gather(&mut self, first: Played, mut more: impl FnMut() -> bool) {
        let mut next = Some(first);
        while let Some(played) = next {
            self.take(played);
            next = if more() { self.ready() } else { None };
        }
    }

    fn feed(&mut self, event: Event, at: Option<u64>) {
        let terminal = at.unwrap_or_else(|| self.terminal.ms());
        let now = if self.aim.is_some() { self.app.moment.now } else { self.now() };
        for effect in self.app.update(event, Moment { now, terminal }) {
            self.perform(effect);
        }
    }

    fn for_front(&mut self) -> Vec<Front> {
        std::mem::take(&mut self.front)
    }

    fn is_durable(&self) -> bool {
        true
    }
}
