//! The app with everything that carries out what it asks for; screens and lines sit on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, Receiver, Sender, UnboundedReceiver},
    time::{Interval, MissedTickBehavior},
};

use crate::{
    app::{self, App, Effect, Event, Intent, Moment, StartOrder, TokenStatus},
    domain::{Safe, Side, Source, time::Timestamp},
    engine::{Input, Output},
    journal::{lock::EstateLock, runs},
    readiness,
};

use super::{
    facts,
    hands::{Hands, Scribe},
    kept, listing,
    opening::{self, OpenError, OpenRun, Order},
    pollers::Pollers,
    reports,
    seat::{Front, Happening},
    session::{Place, Session},
    survey,
    tap::Tap,
    terminal::TerminalClock,
    token,
};

/// News waiting for the loop; a full box stalls the pollers, never the loop. One entry per
/// source of a large estate fits twice.
const NEWS_BOX: usize = 256;

/// Seconds between two marks of a simulated world's clock.
const MARK_S: u32 = 5;

/// The app and what carries out its effects.
#[derive(Debug)]
pub struct Desk {
    /// The app.
    pub app: App,
    session: Arc<Session>,
    pollers: Pollers,
    /// Services and sides whose scopes are watched.
    scoped: BTreeSet<(usize, Side)>,
    run: Option<Working>,
    news: Receiver<Event>,
    facts: Sender<Event>,
    opened: (Sender<Opened>, Receiver<Opened>),
    due: Option<Timestamp>,
    second: Interval,
    seconds: u32,
    durable: u64,
    /// The run that is being gone on with.
    resuming: Option<String>,
    /// What the app was told of the token last.
    token: TokenStatus,
    /// Last record of the run when its report was written.
    reported: Option<u64>,
    clock: TerminalClock,
    front: Vec<Front>,
    tap: Option<Tap>,
}

/// The mark of the order, where a new run was asked for, and what came of it.
pub(super) type Opened = (Option<u64>, Result<OpenRun, OpenError>);

/// The run that is open here, with what acts for it.
#[derive(Debug)]
struct Working {
    id: String,
    hands: Hands,
    /// Its own: what an earlier run's journal still has to tell is no news of this one.
    inbox: UnboundedReceiver<Input>,
    lock: Arc<EstateLock>,
}

impl Desk {
    /// Sits down: pollers start, runs are listed.
    pub fn new(session: Arc<Session>, app: App, clock: TerminalClock) -> Self {
        let (news_in, news) = mpsc::channel(NEWS_BOX);
        let sources = survey::watch_sources(&session.estate);
        let pollers = Pollers::start(session.azure.clone(), session.clock.clone(), news_in.clone(), sources);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        facts::tell(&session, news_in.clone());
        let tap = session.recorder.clone().map(Tap::new);
        let mut desk = Self {
            app,
            session,
            facts: news_in,
            pollers,
            scoped: BTreeSet::new(),
            run: None,
            news,
            opened: mpsc::channel(1),
            due: None,
            second,
            seconds: 0,
            durable: 0,
            resuming: None,
            token: TokenStatus::NotNeeded,
            reported: None,
            clock,
            front: Vec::new(),
            tap,
        };
        desk.app.recording = desk.tap.is_some();
        desk.feed(Event::RunsListed(listing::of(&desk.session)), None);
        desk
    }

    /// The session underneath.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Waits for the next happening. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Happening {
        let clock = self.session.clock.clone();
        let due = self.due;
        let due = async move {
            match due {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let run = &mut self.run;
        let input = async move {
            match run {
                Some(run) => run.inbox.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.second.tick() => Happening::Second,
            Some(input) = input => Happening::Run(input),
            Some(opened) = self.opened.1.recv() => Happening::Opened(Box::new(opened)),
            () = due => Happening::Due,
            Some(event) = self.news.recv() => Happening::News(event),
        }
    }

    /// What is there already.
    pub fn ready(&mut self) -> Option<Happening> {
        if let Some(Ok(input)) = self.run.as_mut().map(|run| run.inbox.try_recv()) {
            return Some(Happening::Run(input));
        }
        self.news.try_recv().ok().map(Happening::News)
    }

    /// Takes in a happening and what is there besides, the latest reading per source only, while `more`
    /// may be taken.
    pub fn gather(&mut self, first: Happening, mut more: impl FnMut() -> bool) {
        let mut readings: BTreeMap<Source, Event> = BTreeMap::new();
        let mut next = Some(first);
        while let Some(happening) = next {
            match happening {
                Happening::News(Event::Observed(observation)) => {
                    readings.insert(observation.source.clone(), Event::Observed(observation));
                }
                other => self.take(other),
            }
            next = if more() { self.ready() } else { None };
        }
        for event in readings.into_values() {
            self.feed(event, None);
        }
    }

    /// Takes in a happening.
    pub fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Run(input) => {
                if let Input::Durable(seq) = input {
                    if self.durable == 0 {
                        listing::again(&self.session, &self.facts);
                    }
                    self.durable = seq;
                }
                self.feed(Event::Run(input), None);
            }
            Happening::News(event) => self.feed(event, None),
            Happening::Opened(opened) => self.sit(*opened),
            Happening::Due => {
                self.due = None;
                self.feed(Event::Run(Input::Tick), None);
            }
            Happening::Second => {
                self.seconds += 1;
                self.mark();
                kept::now_and_then(self.seconds, &self.session, self.app.live_picture());
                listing::now_and_then(self.seconds, &self.session, &self.facts);
                if let Some(why) = self.tap.as_mut().and_then(Tap::trouble) {
                    self.app.recording = false;
                    self.say(&why);
                }
                token::now_and_then(self.seconds, &*self.session.tokens);
                self.tell_token();
                self.feed(Event::Tick, None);
                self.conclude();
            }
        }
    }

    /// Tells app and run what is known of the token, where that has changed. Nobody is asked.
    fn tell_token(&mut self) {
        if matches!(self.session.place, Place::Sim(_)) {
            return;
        }
        let known = self.session.tokens.describe();
        let status = token::status(&known, Timestamp::now(), self.clock.ms());
        if token::is_same(&self.token, &status) {
            return;
        }
        self.token = status.clone();
        let identity = known.identity.is_some().then(|| self.session.identity());
        self.feed(Event::Token { status, identity }, None);
        self.name_actor();
    }

    /// Tells the run here who acts: the token may have come only after it was opened.
    fn name_actor(&mut self) {
        if self.run.is_some() {
            self.feed(Event::Run(Input::Actor(self.session.actor())), None);
        }
    }

    /// Once the hosts of a pool are known it is known too where rights and locks matter: the checks
    /// of readiness need them, the first picture does not wait for them.
    fn watch_scopes(&mut self, service: usize, side: Side) {
        if self.scoped.insert((service, side)) {
            let known = readiness::sources(&self.session.estate, service);
            self.pollers
                .watch(known.into_iter().chain(readiness::host_sources(self.app.live_picture(), service)));
        }
    }

    /// Tells the app something and carries out what it asks for. `at`: when a key was read.
    pub fn feed(&mut self, event: Event, at: Option<u64>) {
        let terminal = at.unwrap_or_else(|| self.clock.ms());
        let moment = Moment { now: self.session.clock.now(), terminal };
        let hosts = match &event {
            Event::Observed(seen) if seen.outcome.is_ok() => Some(seen.source.clone()),
            _ => None,
        };
        if let Some(tap) = &mut self.tap {
            tap.before(&event, &mut self.app, moment.now);
        }
        let effects = self.app.update(event, moment);
        match &mut self.tap {
            Some(tap) => tap.after(&mut self.app, moment.now),
            None => drop(self.app.take_said()),
        }
        for effect in effects {
            self.perform(effect);
        }
        if let Some(Source::Hosts(service, side)) = hosts {
            self.watch_scopes(service, side);
        }
    }

    /// What the front must do, oldest first.
    pub fn for_front(&mut self) -> Vec<Front> {
        std::mem::take(&mut self.front)
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Run(Output::WakeAt(at)) => self.due = Some(at),
            Effect::Run(output) => {
                if let Some(run) = &mut self.run {
                    run.hands.perform(output);
                }
            }
            Effect::Poll(source) => self.pollers.look(source),
            Effect::StartRun(order) => self.start(order),
            Effect::ResumeRun(id) => self.resume(id),
            Effect::ReadJournal(run) => listing::read_journal(&self.session, run, self.facts.clone()),
            Effect::WriteReport(id) => drop(self.report(&id)),
            Effect::CopyText(text) => self.front.push(Front::Copy(text)),
            Effect::SetSpeed(speed) => self.set_speed(speed),
            Effect::Theme(name) => self.front.push(Front::Theme(name)),
            // The app asks for it in a recording only, and this is none.
            Effect::Play(_) => {}
            Effect::Bell => self.front.push(Front::Bell),
            Effect::Leave(reason) => self.front.push(Front::Leave(reason)),
        }
    }

    fn set_speed(&mut self, speed: crate::app::Speed) {
        let simulated = matches!(self.session.place, Place::Sim(_));
        match (simulated, speed) {
            (false, _) => self.say("the speed can be set on the simulator in this process only"),
            (true, crate::app::Speed::Max) => self.say("max is for runs without a screen"),
            (true, crate::app::Speed::Paused) => {
                self.session.clock.set_speed(0.0);
                self.feed(Event::Speed(speed), None);
            }
            (true, crate::app::Speed::Times(times)) => {
                self.session.clock.set_speed(times);
                self.session.azure.set_pace(times);
                self.feed(Event::Speed(speed), None);
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.feed(Event::Notice(Safe::new(text)), None);
    }

    /// The lock for the next run: that of the run here, if it may be let go of.
    fn handed_on(&self) -> Result<Option<Arc<EstateLock>>, Safe> {
        match &self.run {
            None => Ok(None),
            Some(run) if self.rests() => Ok(Some(run.lock.clone())),
            Some(run) => Err(Safe::new(&format!(
                "open another run while {} is at work here: hold it and leave first",
                run.id
            ))),
        }
    }

    /// Whether nothing is under way: the run here has ended, or only watches its debts, and every
    /// record of it is on disk.
    fn rests(&self) -> bool {
        self.is_durable() && self.app.run.as_ref().is_none_or(app::run::OpenRun::is_closed)
    }

    /// Opens a run; it reports back by itself.
    pub fn start(&mut self, order: StartOrder) {
        let mark = Some(order.mark);
        let held = match self.handed_on() {
            Ok(held) => held,
            Err(why) => return self.refused(mark, why),
        };
        let Some(service) = self.session.estate.service(&order.service) else {
            return self.refused(mark, Safe::new("find the service in the estate"));
        };
        let order = Order::of(order, service);
        let (session, opened) = (self.session.clone(), self.opened.0.clone());
        tokio::spawn(async move {
            let _ = opened.send((mark, opening::open(&session, order, held).await)).await;
        });
    }

    /// Goes on with a run here, where its world is this one, else asks the front to reopen.
    pub fn resume(&mut self, id: String) {
        if let Place::Sim(rehearsed) = &self.session.place
            && !rehearsed.ledger.belongs_to(&id)
        {
            if self.tap.is_some() {
                return self.say("this sitting is recorded, and that run has another world: leave first");
            }
            self.front.push(Front::Reopen(id));
            return;
        }
        if let Some(run) = &self.resuming {
            return self.say(&format!("{run} is being opened"));
        }
        if let Some(here) = self.run.as_mut().filter(|run| run.id == id)
            && self.app.stopped().is_some()
        {
            // What failed is let go of first: a write that is still on its way is cut off as the end of
            // the process would cut it off, and the run looks what came of it.
            let (left, lock) = (here.hands.let_go(), here.lock.clone());
            self.resuming = Some(id.clone());
            let (session, opened) = (self.session.clone(), self.opened.0.clone());
            tokio::spawn(async move {
                left.gone().await;
                let _ = opened.send((None, opening::resume(&session, &id, Some(lock)).await)).await;
            });
            return;
        }
        match self.handed_on() {
            // Whatever it watches, it watches already.
            _ if self.run.as_ref().is_some_and(|run| run.id == id) => {
                let key = self.app.key(Intent::Flip);
                self.say(&format!("{id} is open here already; {key} shows it"));
            }
            Ok(held) => {
                self.resuming = Some(id.clone());
                let (session, opened) = (self.session.clone(), self.opened.0.clone());
                tokio::spawn(async move {
                    let _ = opened.send((None, opening::resume(&session, &id, held).await)).await;
                });
            }
            Err(why) => self.refused(None, why),
        }
    }

    fn refused(&mut self, order: Option<u64>, why: Safe) {
        self.feed(Event::RunRefused { order, why }, None);
    }

    fn sit(&mut self, (order, opened): Opened) {
        self.resuming = self.resuming.take().filter(|_| order.is_some());
        self.tell_token();
        match opened {
            Ok(open) => self.work(order, open),
            Err(error) => self.refused(order, Safe::new(&format!("open the run: {error}"))),
        }
    }

    fn work(&mut self, order: Option<u64>, open: OpenRun) {
        self.app.settle();
        let again =
            self.app.stopped().is_some() && self.run.as_ref().is_some_and(|here| here.id == open.engine.id());
        if let Err(why) = self.handed_on()
            && !again
        {
            // Something was confirmed while the next one was being opened; that one never began.
            return self.refused(order, why);
        }
        let (inbox, news) = mpsc::unbounded_channel();
        let journal = Box::new(open.journal);
        let scribe = match Scribe::thread(journal, inbox.clone(), self.session.recorder.clone()) {
            Ok(scribe) => scribe,
            Err(error) => {
                let why = format!("open the run: no thread for its journal: {error}");
                return self.refused(order, Safe::new(&why));
            }
        };
        let (id, lock) = (open.engine.id().to_owned(), Safe::new(&open.lock.words()));
        let mut hands = Hands::new(self.session.azure.clone(), self.session.clock.clone(), inbox, scribe);
        if let Some(tap) = &self.tap {
            tap.run(&id, &lock, &open.past, self.session.clock.now());
            hands.record(tap.recorder().clone(), &id, open.seq);
        }
        // The run that was here is let go of: its hands and its journal close with it.
        self.run = Some(Working { id, hands, inbox: news, lock: open.lock });
        let seq = open.seq;
        (self.durable, self.reported, self.due) = (seq, None, None);
        self.feed(Event::RunStarted { handle: Box::new(open.engine), seq, first: open.first, lock }, None);
        self.name_actor();
        self.feed(Event::RunsListed(listing::of(&self.session)), None);
        facts::tell(&self.session, self.facts.clone());
    }

    /// A simulated world remembers where its clock stood.
    fn mark(&mut self) {
        if self.seconds.is_multiple_of(MARK_S)
            && self.run.is_some()
            && let Place::Sim(rehearsed) = &self.session.place
            && let Err(why) = rehearsed.sim.mark()
        {
            self.say(&why);
        }
    }

    /// Once a run has ended its report is written, and its head shown for whoever notes it elsewhere.
    fn conclude(&mut self) {
        let Some(run) = self.app.run.as_ref().filter(|run| run.is_closed()) else { return };
        let (id, seq) = (run.view.run.clone(), run.seq);
        if !self.is_durable() || self.reported == Some(seq) {
            return;
        }
        self.reported = Some(seq);
        self.feed(Event::RunsListed(listing::of(&self.session)), None);
        let kept = self.report(&id);
        facts::tell(&self.session, self.facts.clone());
        let path = runs::find(&self.session.state, &id);
        if let Ok(transcript) = path.and_then(|path| runs::read(&path)) {
            self.say(&reports::head_words(&transcript.head.hash, kept));
        }
    }

    /// Writes the report of a run beside its journal, and says whether it is there.
    fn report(&mut self, id: &str) -> bool {
        let written = reports::write(&self.session, id);
        self.say(&match &written {
            Ok(path) => format!("report written to {}", path.display()),
            Err(why) => format!("could not write the report: {why}"),
        });
        written.is_ok()
    }

    /// Whether everything the run has decided is on disk.
    pub fn is_durable(&self) -> bool {
        self.app.run.as_ref().is_none_or(|run| self.durable >= run.seq || run.view.stopped.is_some())
    }

    /// Ends the recording of this sitting, where there is one; says why it is not whole.
    pub fn end_recording(&self, why: &str) -> Option<Safe> {
        self.tap.as_ref().and_then(|tap| tap.end(self.session.clock.now(), why))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt, sync::Mutex};

    use super::*;
    use crate::{
        app::{
            dialog::Modal,
            gesture::{Button, Field},
            holders::{Fate, Holder, Holders, Origin},
            start::StartFocus,
        },
        azure::{self, Bearer, Endpoint, Identity, Life, TokenError, TokenSource},
        cli,
        domain::{access::PrincipalId, estate::Estate},
        engine::{Command, Stamped, event::NoteAbout, event::RunEnd, event::RunEvent, view::RunState},
        journal::{FileJournal, Journal},
        runbook::Mode,
        runtime::{doctor, front, verbs::session_of},
    };

    fn cli(state: &std::path::Path) -> cli::Cli {
        let words = ["farshore", "--sim=tiny", "--state-dir", state.to_str().unwrap()];
        cli::parse(words.map(std::ffi::OsString::from)).unwrap()
    }

    fn desk(cli: &cli::Cli, session: Session) -> Desk {
        let session = Arc::new(session);
        let moment = Moment { now: session.clock.now(), terminal: 0 };
        let app = App::new(front::setup(cli, &session), moment);
        Desk::new(session, app, TerminalClock::start())
    }

    async fn until(desk: &mut Desk, what: &str, fits: impl Fn(&Desk) -> bool) {
        let found = tokio::time::timeout(Duration::from_secs(20), async {
            while !fits(desk) {
                let happening = desk.next().await;
                desk.take(happening);
                desk.app.settle();
            }
        });
        let found = found.await;
        let said: Vec<_> = desk.app.feed.newest().map(|line| line.text.clone()).take(5).collect();
        assert!(found.is_ok(), "never {what}: {said:?}");
    }

    fn order(desk: &Desk) -> StartOrder {
        StartOrder {
            mark: 0,
            runbook: "avd-pooled-failover".to_owned(),
            service: desk.session.estate.services[0].name.clone(),
            mode: Some(Mode::Graceful),
            reason: "test".into(),
            impact: None,
            moved_too: vec![],
            left_holders: vec![],
        }
    }

    fn open_here(desk: &Desk) -> Option<String> {
        desk.app.run_view().map(|view| view.run.clone())
    }

    async fn started(desk: &mut Desk) -> String {
        let before = open_here(desk);
        desk.start(order(desk));
        until(desk, "another run", |desk| open_here(desk) != before && desk.is_durable()).await;
        let id = open_here(desk);
        until(desk, "it in the list", |desk| desk.app.runs.iter().any(|run| Some(&run.run) == id.as_ref()))
            .await;
        open_here(desk).unwrap()
    }

    async fn aborted(desk: &mut Desk) {
        desk.feed(Event::Command(Command::Abort { reason: "test".into() }), None);
        desk.app.settle();
        until(desk, "closed", Desk::rests).await;
    }

    /// Keys and frames wait for no more news than they can: where more comes than is taken in, the rest
    /// stays for later.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn news_that_never_ends_keeps_nothing_waiting() {
        let state = tempfile::tempdir().unwrap();
        let mut desk = desk(&cli(state.path()), Session::open(&cli(state.path()).global, None).unwrap());
        for _ in 0..5 {
            desk.facts.try_send(Event::Tick).unwrap();
        }
        let mut asked = 0;
        desk.gather(Happening::News(Event::Tick), || {
            asked += 1;
            asked < 3
        });
        assert_eq!(asked, 3);
        assert!(desk.ready().is_some() && desk.ready().is_some(), "the rest is still there");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn one_cockpit_opens_one_run_after_another() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        let first = started(&mut desk).await;
        assert_eq!(desk.app.last_drill("avd-pooled-failover"), "never");
        let said = |line: &app::feed::FeedLine| line.text == "lock in the state directory only";
        assert!(desk.app.feed.newest().any(said));
        desk.start(order(&desk));
        let said = desk.app.notice.as_ref().unwrap().text.clone();
        assert!(said.contains(&format!("{first} is at work here")), "{said}");
        aborted(&mut desk).await;
        let second = started(&mut desk).await;
        assert_ne!(first, second);
        assert_eq!(desk.app.last_drill("avd-pooled-failover"), "2026-11-20 hr", "the day of the first one");
        assert_eq!(desk.app.last_drill("another"), "never");
        assert_eq!(desk.durable, desk.app.run.as_ref().unwrap().seq, "counted from its own first record");
        let holder = crate::journal::lock::holder(&desk.session.lock_keys(), state.path()).unwrap();
        assert!(holder.as_str().ends_with(&second), "{holder}");
        // Nobody else could have come between, and nobody can now.
        let other = Session::open(&cli.global, None).unwrap();
        assert!(matches!(opening::resume(&other, &first, None).await, Err(OpenError::Lock(_))));
    }

    /// Home and doctor go by the same runs: neither says never where the other names one. Home has no files at hand
    /// and tells a day, doctor goes by their age, for a simulated clock begins at the same moment each time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn neither_home_nor_doctor_says_never_where_the_other_names_a_drill() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        let told = |desk: &Desk| {
            (desk.app.last_drill("avd-pooled-failover"), doctor::drill(&desk.session).told.to_string())
        };
        let first = started(&mut desk).await;
        // One that goes on has not come to its end.
        assert_eq!(told(&desk), ("never".to_owned(), "no rehearsal has come to its end here".to_owned()));
        aborted(&mut desk).await;
        let second = started(&mut desk).await;
        let (home, found) = told(&desk);
        assert!(home == "2026-11-20 hr" && found.starts_with(&format!("{first} ")), "{home}, {found}");
        aborted(&mut desk).await;
        let aged = |run: &str, hours: u64| {
            let written = std::time::SystemTime::now() - Duration::from_secs(hours * 3_600 + 90);
            let path = runs::find(state.path(), run).unwrap();
            std::fs::File::options().append(true).open(path).unwrap().set_modified(written).unwrap();
        };
        for (one, two, youngest) in [(1, 3, &first), (3, 1, &second)] {
            aged(&first, one);
            aged(&second, two);
            let (home, found) = told(&desk);
            assert_eq!(home, "2026-11-20 hr");
            assert!(found.starts_with(&format!("{youngest} 1 h 1 m ago, of 2026-11-20, ")), "{found}");
        }
    }

    /// When a run was last at work is told by what was done in it: whoever only arms over it does nothing in it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn arming_over_a_run_is_no_work() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        let id = started(&mut desk).await;
        let events = runs::read(&runs::find(state.path(), &id).unwrap()).unwrap().events;
        let last = events.last().unwrap();
        let later = last.wall + crate::domain::time::minutes(12);
        let deferred =
            RunEvent::Deferred { step: "a5-drain".to_owned(), reason: "dead".into(), downgraded: false };
        for (event, works) in [(RunEvent::Armed { on: true, how: "typed".into() }, false), (deferred, true)] {
            let mut run = crate::engine::Run::recover(&events).unwrap();
            run.apply(&Stamped { event, wall: later, ..last.clone() });
            assert_eq!((run.last_at == later, run.worked_at == later), (true, works));
        }
    }

    /// A run that is being gone on with, and a new one that was asked for before: either answer may come
    /// first.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn going_on_with_a_run_ends_with_its_own_answer_and_no_other() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        desk.resuming = Some("r-1".to_owned());
        for (mark, goes_on) in [(Some(7), true), (Some(8), true), (None, false)] {
            let why = OpenError::NoRunbook("x".into());
            desk.take(Happening::Opened(Box::new((mark, Err(why)))));
            assert_eq!(desk.resuming.is_some(), goes_on, "after the answer to {mark:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_holder_left_in_the_start_dialog_is_journaled_once() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        desk.feed(Event::Intent(app::Intent::Start), Some(1));
        let known = |desk: &Desk| match desk.app.modals.last() {
            Some(Modal::Start(dialog)) => {
                dialog.unfit(&desk.app.estate, &desk.app.picture, desk.app.now()).is_none()
            }
            _ => false,
        };
        until(&mut desk, "where it would go", known).await;
        let Some(Modal::Start(dialog)) = desk.app.modals.last_mut() else { panic!() };
        let mut holder = Holder {
            group: "DAG1".to_owned(),
            region: None,
            principal: PrincipalId::parse("5d5d5d5d-0000-4000-8000-00000000e0fe").unwrap(),
            principal_type: "Group".into(),
            origin: Origin::Inherited,
            fate: Fate::Leave,
            reason: Field::default(),
        };
        "known".chars().for_each(|c| holder.reason.push(c));
        dialog.holders = Holders::Known(vec![holder]);
        "test".chars().for_each(|c| dialog.reason.push(c));
        dialog.focus = StartFocus::Button(Button::Act);
        desk.feed(Event::Intent(app::Intent::Enter), Some(60_000));
        until(&mut desk, "a run", |desk| open_here(desk).is_some() && desk.is_durable()).await;
        let path = runs::find(state.path(), &open_here(&desk).unwrap()).unwrap();
        let events = runs::read(&path).unwrap().events;
        let left = |stamped: &&Stamped| {
            matches!(&stamped.event, RunEvent::Note { about: NoteAbout::HolderLeft, .. })
        };
        assert_eq!(events.iter().filter(left).count(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn all_that_is_written_is_its_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        let run = started(&mut desk).await;
        let report = state.path().join("reports").join(format!("{run}.md"));
        // One that is there already, as an earlier version wrote it.
        std::fs::create_dir_all(report.parent().unwrap()).unwrap();
        std::fs::set_permissions(report.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
        std::fs::write(&report, "old").unwrap();
        std::fs::set_permissions(&report, Permissions::from_mode(0o644)).unwrap();
        aborted(&mut desk).await;
        until(&mut desk, "the report", |_| std::fs::read(&report).is_ok_and(|text| text.len() > 100)).await;
        std::fs::remove_dir_all(report.parent().unwrap()).unwrap();
        desk.report(&run);
        let mut left = vec![state.path().to_owned()];
        let mut files = 0;
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
                let metadata = entry.metadata().unwrap();
                let (mode, wanted) =
                    (metadata.permissions().mode() & 0o777, if metadata.is_dir() { 0o700 } else { 0o600 });
                assert_eq!(mode, wanted, "{}: {mode:o}", entry.path().display());
                files += usize::from(metadata.is_file());
                left.extend(metadata.is_dir().then(|| entry.path()));
            }
        }
        assert!(files >= 4 && report.exists(), "journal, heads, world and report: {files}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_journal_that_failed_is_opened_again_in_place() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let mut desk = desk(&cli, Session::open(&cli.global, None).unwrap());
        let run = started(&mut desk).await;
        let path = runs::find(state.path(), &run).unwrap();
        // What a full disk leaves behind: the beginning of a record.
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, b"{\"v\":1,").unwrap();
        desk.feed(Event::Command(Command::Note { text: "lost".into() }), None);
        until(&mut desk, "stopped", |desk| desk.app.stopped().is_some()).await;
        let told = desk.app.feed.newest().any(|line| line.text.starts_with("NO WRITES: the journal of"));
        assert!(told, "the whole reason is in the events");
        desk.feed(Event::Intent(app::Intent::Hold), Some(60_000));
        until(&mut desk, "open again", |desk| desk.app.stopped().is_none()).await;
        assert!(desk.app.run_view().unwrap().interrupted, "nothing is sent before a person goes on");
        desk.feed(Event::Command(Command::Resume), None);
        desk.feed(Event::Command(Command::Note { text: "kept".into() }), None);
        until(&mut desk, "durable", Desk::is_durable).await;
        let events = runs::read(&path).unwrap().events;
        let noted = |words: &str| {
            let is = |stamped: &Stamped| matches!(&stamped.event, RunEvent::Note { text, .. } if text.as_str() == words);
            events.iter().any(is)
        };
        assert!(noted("kept") && !noted("lost"));
        // What cannot be opened stays as it is, and can be tried again.
        std::fs::rename(&path, path.with_extension("away")).unwrap();
        desk.feed(Event::Command(Command::Note { text: "x".into() }), None);
        until(&mut desk, "stopped", |desk| desk.app.stopped().is_some()).await;
        for _ in 0..2 {
            desk.app.notice = None;
            desk.feed(Event::Intent(app::Intent::Hold), Some(120_000));
            until(&mut desk, "an answer", |desk| {
                desk.app.notice.as_ref().is_some_and(|said| said.text.starts_with("could not open the run"))
            })
            .await;
            // Why is said until somebody has read it.
            desk.feed(Event::Intent(app::Intent::Escape), Some(130_000));
        }
        assert!(desk.app.stopped().is_some());
        std::fs::rename(path.with_extension("away"), &path).unwrap();
        // A process that a test beside this one starts holds every file of ours until it runs its own program: the
        // journal is taken then, and is free a moment later.
        for tried in 0..5 {
            desk.app.notice = None;
            desk.feed(Event::Intent(app::Intent::Hold), Some(180_000 + tried * 20_000));
            until(&mut desk, "an answer", |desk| {
                let refused =
                    desk.app.notice.as_ref().map(|said| said.text.contains("written by another process"));
                desk.app.stopped().is_none() || refused == Some(true)
            })
            .await;
            if desk.app.stopped().is_none() {
                break;
            }
            desk.feed(Event::Intent(app::Intent::Escape), Some(190_000 + tried * 20_000));
        }
        assert!(desk.app.stopped().is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_run_that_watches_its_debts_lets_go_when_another_is_opened() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let watching = started(&mut desk(&cli, Session::open(&cli.global, None).unwrap())).await;
        owe(state.path(), &watching).await;
        let mut desk = desk(&cli, session_of(&cli, &watching).unwrap());
        desk.resume(watching.clone());
        until(&mut desk, "it watches", |desk| {
            desk.app.run_view().is_some_and(|view| view.state == RunState::Closed(RunEnd::Monitoring))
        })
        .await;
        started(&mut desk).await;
        aborted(&mut desk).await;
        desk.resume(watching.clone());
        until(&mut desk, "the first again", |desk| open_here(desk).as_deref() == Some(&watching)).await;
        desk.resume(watching.clone());
        let said = desk.app.notice.as_ref().unwrap().text.clone();
        assert!(said.contains("is open here already"), "{said}");
    }

    /// A source of tokens that is told what it knows and when it answers.
    #[derive(Debug)]
    struct Told(Mutex<azure::TokenStatus>, tokio::sync::Semaphore);

    impl Told {
        fn knows(&self, status: azure::TokenStatus) {
            *self.0.lock().unwrap() = status;
        }
    }

    impl TokenSource for Told {
        fn bearer(&self) -> futures_util::future::BoxFuture<'_, Result<Bearer, TokenError>> {
            Box::pin(async move {
                let _ = self.1.acquire().await;
                Err(TokenError::Refused { source_name: "told", why: "it gives none".into() })
            })
        }

        fn describe(&self) -> azure::TokenStatus {
            self.0.lock().unwrap().clone()
        }
    }

    /// A desk of the simulated world that takes it for Azure, with tokens of `told`.
    fn live(cli: &cli::Cli, session: Session, told: Arc<Told>) -> Desk {
        let place = Place::Live(Endpoint::parse("http://127.0.0.1:1").unwrap());
        // The lock of a live estate holds for the whole machine, and other tests know this estate too.
        let hash = crate::domain::text::sha256_hex(session.state.as_os_str().as_encoded_bytes());
        let estate = Arc::new(Estate { hash, ..(*session.estate).clone() });
        desk(cli, Session { place, estate, tokens: told, ..session })
    }

    /// Lets a desk go, and waits for the end of its journal's thread.
    async fn leave(desk: Desk) {
        let (state, run) = (desk.session.state.clone(), open_here(&desk).unwrap());
        drop(desk);
        reopened(&state, &run).await;
    }

    fn of(name: &str) -> azure::TokenStatus {
        let identity = Identity::Named { name: name.into(), oid: "o-1".into(), tenant: "t-1".into() };
        let life = Life::Until(Timestamp::now() + crate::domain::time::minutes(30));
        azure::TokenStatus { identity: Some(identity), life, ..azure::TokenStatus::unasked("told") }
    }

    fn last_actor(desk: &Desk) -> String {
        let path = runs::find(&desk.session.state, &open_here(desk).unwrap()).unwrap();
        let actor = runs::read(&path).unwrap().events.pop().unwrap().actor;
        format!("{} {}", actor.upn, actor.oid)
    }

    async fn noted(desk: &mut Desk) -> String {
        desk.feed(Event::Command(Command::Note { text: "x".into() }), None);
        until(desk, "durable", Desk::is_durable).await;
        last_actor(desk)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_live_run_waits_for_who_goes_on_with_it_and_hears_of_it_later_where_it_must() {
        let state = tempfile::tempdir().unwrap();
        let cli = cli(state.path());
        let told =
            Arc::new(Told(Mutex::new(azure::TokenStatus::unasked("told")), tokio::sync::Semaphore::new(0)));
        let mut first = live(&cli, Session::open(&cli.global, None).unwrap(), told.clone());
        told.knows(of("op.01"));
        let run = started(&mut first).await;
        assert_eq!(last_actor(&first), "op.01 o-1");
        until(&mut first, "line 1", |desk| desk.app.identity.name.as_str() == "op.01").await;
        assert!(first.app.token_left().is_some_and(|left| left > 29 * 60_000), "{:?}", first.app.token);
        leave(first).await;

        // Nothing is known yet: the token is waited for, and keys are not kept waiting by it.
        told.knows(azure::TokenStatus::unasked("told"));
        let mut second = live(&cli, session_of(&cli, &run).unwrap(), told.clone());
        assert_eq!(second.app.identity.name.as_str(), "not signed in");
        {
            let mut opening = std::pin::pin!(opening::resume(&second.session, &run, None));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(opening.as_mut().poll(&mut context).is_pending(), "who goes on with it is waited for");
        }
        second.resume(run.clone());
        second.resume(run.clone());
        assert_eq!(second.app.notice.as_ref().unwrap().text, format!("{run} is being opened"));
        told.knows(of("op.02"));
        told.1.add_permits(1);
        until(&mut second, "the run", |desk| open_here(desk).is_some()).await;
        assert_eq!(noted(&mut second).await, "op.02 o-1");
        leave(second).await;

        // There is none to be had: the run opens all the same, and names them from when they are known.
        told.knows(azure::TokenStatus::unasked("told"));
        let mut third = live(&cli, session_of(&cli, &run).unwrap(), told.clone());
        third.resume(run.clone());
        until(&mut third, "the run", |desk| open_here(desk).is_some()).await;
        assert_eq!(noted(&mut third).await, "not signed in ");
        told.knows(of("op.03"));
        until(&mut third, "line 1", |desk| desk.app.identity.name.as_str() == "op.03").await;
        assert_eq!(noted(&mut third).await, "op.03 o-1");
    }

    async fn reopened(state: &std::path::Path, run: &str) -> crate::journal::Reopened {
        loop {
            // The thread of its journal ends with the desk, not at once.
            match FileJournal::open(state, run) {
                Ok(reopened) => return reopened,
                Err(crate::journal::JournalError::Busy { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Writes into the journal of a run that it owes a step and watches it.
    async fn owe(state: &std::path::Path, run: &str) {
        let mut reopened = reopened(state, run).await;
        let step = "a5-drain".to_owned();
        let last = reopened.events.last().unwrap().clone();
        let events = [
            RunEvent::Deferred { step: step.clone(), reason: "dead".into(), downgraded: false },
            RunEvent::Closed { end: RunEnd::Monitoring, debts: vec![step], note: "watched".into() },
        ];
        let stamped: Vec<_> = events.map(|event| Stamped { event, ..last.clone() }).into();
        reopened.journal.append(&stamped).unwrap();
    }
}
