//! The app's state and what can be asked of it.

use std::sync::Arc;

use crate::{
    domain::{
        Answer, Safe, Side, Source, access::AccessChange, estate::Estate, picture::Picture, time::Timestamp,
    },
    engine::{RunView, view::StepView},
    readiness::{self, LocalFacts, Verdict},
    status::{Scope, Summary, summarize},
};

use super::{
    arming::Arming,
    detail::Subject,
    dialog::Modal,
    event::{Effect, Intent, Moment},
    feed::{Feed, Origin},
    freeze::Behind,
    journal::{self, Follow},
    keyboard::Keyboard,
    lists::{Lists, Made},
    mode::{Access, Bell, Call, Identity, RunbookEntry, Setup, Speed, TokenStatus, World},
    ours,
    redact::Redaction,
    replay::Spot,
    run::{OpenRun, RunOpen, RunSummary},
    screen::{Cursor, Filter, SMALLEST, Screen, StepCursor, Visit, Zoom},
    table::Sort,
    under::{Hold, Under, When},
};

/// The cockpit's whole state. Views read it; only `update` changes it.
#[derive(Debug)]
pub struct App {
    /// Whose facts are shown.
    pub world: World,
    /// `127.0.0.1:N` where a live client speaks to a loopback endpoint.
    pub endpoint: Option<String>,
    /// The estate.
    pub estate: Arc<Estate>,
    /// Who Azure sees.
    pub identity: Identity,
    /// The token's life.
    pub token: TokenStatus,
    /// The estate's clock.
    pub speed: Speed,
    /// The keys of this person.
    pub keys: Keyboard,
    /// Procedures that can be started.
    pub runbooks: Vec<RunbookEntry>,
    /// Whether writes may be confirmed.
    pub arming: Arming,
    /// All readings.
    pub picture: Picture,
    /// What they say, as of the last [`App::settle`].
    pub summary: Summary,
    /// What the checks of the services in scope found, at most a second old.
    pub readiness: Vec<Verdict>,
    /// What only this process knows, for the checks.
    pub facts: LocalFacts,
    /// Runs of this estate, newest first.
    pub runs: Vec<RunSummary>,
    /// The open run.
    pub run: Option<OpenRun>,
    /// Which services the screens show.
    pub scope: Scope,
    /// Where the person is.
    pub screen: Screen,
    /// Cursor of the matrix.
    pub home: Cursor,
    /// Cursor of the run view.
    pub step: StepCursor,
    /// Cursor of the screen's list.
    pub list: Cursor,
    /// Filter of the screen's list.
    pub filter: Filter,
    /// Order of the screen's list.
    pub sort: Sort,
    /// Which region's pane has the focus where both are shown.
    pub side: Side,
    /// How much of the window it takes.
    pub zoom: Zoom,
    /// The journal that its pane shows.
    pub journal: journal::Pane,
    /// Whether panes of lines show what comes as it comes.
    pub follow: Follow,
    /// What the detail view is about.
    pub subject: Option<Subject>,
    /// Which of its calls the cockpit makes by bell.
    pub bell: Bell,
    /// Whether people, addresses and ids are masked.
    pub(super) redaction: Redaction,
    /// What goes on behind a display that stands still.
    pub(super) behind: Option<Box<Behind>>,
    /// Where the person came from, the last at the end.
    pub(super) trail: Vec<Visit>,
    /// What lies over the screen; the last one has the keys.
    pub modals: Vec<Modal>,
    /// How far the text of the topmost dialog is scrolled, and how many dialogs there were then.
    pub(super) body: (usize, usize),
    /// Events and journal lines.
    pub feed: Feed,
    /// The theme that was asked for here, by its name.
    pub theme: Option<String>,
    /// One line for the person.
    pub notice: Option<Notice>,
    /// Where one is in the recording that is played; `None`: none is.
    pub spot: Option<Spot>,
    /// Whether this sitting is being recorded.
    pub recording: bool,
    /// What the cockpit has written into the events since that was asked last.
    pub(super) said: Vec<String>,
    /// The two clocks, as of the last update.
    pub moment: Moment,
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// What the cursor of the list is on.
    pub(super) under: Option<Under>,
    /// What it was on and is gone, until a key has been told so.
    pub(super) slid: Option<String>,
    /// What it holds on to.
    pub(super) hold: Hold,
    /// Hosts that the run of the summary drained.
    pub(super) drained: Option<Arc<crate::status::Drained>>,
    /// The lists of the screen, with what they were made from.
    pub(super) listed: Option<(Made, Arc<Lists>)>,
    /// The second at which what is said of them as a whole was said.
    pub(super) listed_at: i64,
    /// Terminal time of the last checks.
    pub(super) checked: Option<u64>,
    pub(super) leaving: Leaving,
    pub(super) effects: Vec<Effect>,
    pub(super) settled: Settled,
}

/// One line for the person. It goes with the next key, or after a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// Terminal time it appeared at.
    pub at: u64,
}

/// A notice goes after this long: long enough to read two lines, short enough not to pass for now.
pub const NOTICE_MS: u64 = 10_000;

/// The checks run at most this often.
const CHECK_MS: u64 = 1_000;

/// Leaving by pressing the same key twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// No.
    No,
    /// The key was pressed once, at this terminal time.
    Asked(u64),
}

/// Whether the summary fits the readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Yes,
    No,
}

/// Assignment changes of others, as the arm dialog shows them.
#[derive(Debug, Clone, PartialEq)]
pub enum OthersChanges<'a> {
    /// The activity log has not answered yet.
    Asking,
    /// It cannot be read.
    Unknown(&'a Safe),
    /// These, newest first, and whether the list is whole.
    Known(Vec<&'a AccessChange>, Option<&'a Safe>),
}

/// What the events begin with; of a recording they are those of the recorded cockpit.
fn first_words(setup: &Setup) -> Vec<String> {
    let on = match (setup.world, &setup.endpoint) {
        (World::Replay(_), _) => return Vec::new(),
        (World::Sim, _) => "the simulated estate".to_owned(),
        (World::Live, None) => setup.estate.name.clone(),
        (World::Live, Some(endpoint)) => format!("{} at {endpoint}", setup.estate.name),
    };
    let mut said = vec![format!("cockpit opened read-only on {on}")];
    if !setup.estate.not_in_this_version.is_empty() {
        said.push(format!("not in this version: {}", setup.estate.not_in_this_version.join(", ")));
    }
    said
}

impl App {
    /// Opens the cockpit, read-only.
    pub fn new(setup: Setup, moment: Moment) -> Self {
        let arming = match (setup.world, setup.access) {
            (World::Replay(_), _) => Arming::Locked("a recording cannot be armed"),
            (_, Access::ReadOnly) => Arming::Locked("started with --read-only, it cannot be armed"),
            (_, Access::MayArm) => Arming::Off,
        };
        let picture = Picture::default();
        let summary = summarize(&setup.estate, &picture, &[], Scope::All, moment.now);
        let mut feed = Feed::default();
        let said = first_words(&setup);
        for text in &said {
            feed.push(moment.now, Origin::Cockpit, text.as_str());
        }
        Self {
            world: setup.world,
            endpoint: setup.endpoint,
            estate: setup.estate,
            identity: setup.identity,
            token: setup.token,
            speed: setup.speed,
            runbooks: setup.runbooks,
            arming,
            picture,
            summary,
            readiness: Vec::new(),
            facts: LocalFacts::default(),
            runs: Vec::new(),
            run: None,
            scope: Scope::All,
            screen: Screen::Home,
            home: Cursor::default(),
            step: StepCursor::Following,
            list: Cursor::default(),
            filter: Filter::Off,
            sort: Sort::default(),
            side: Side::Primary,
            zoom: Zoom::Off,
            journal: journal::Pane::default(),
            follow: Follow::Following,
            subject: None,
            bell: setup.bell,
            redaction: Redaction::default(),
            behind: None,
            trail: Vec::new(),
            modals: Vec::new(),
            body: (0, 0),
            feed,
            theme: None,
            notice: None,
            spot: None,
            recording: false,
            said,
            moment,
            size: (80, 24),
            under: None,
            slid: None,
            hold: Hold::default(),
            drained: None,
            listed: None,
            listed_at: 0,
            checked: None,
            leaving: Leaving::No,
            effects: Vec::new(),
            settled: Settled::No,
            keys: Keyboard::default(),
        }
    }

    /// Brings the summary up to date. Called once per batch, before drawing, so that a burst of
    /// news costs one summary.
    pub fn settle(&mut self) {
        self.view_run();
        if self.settled == Settled::No {
            let runs: Vec<RunView> = self.run.iter().map(|run| run.view.clone()).collect();
            self.settled = Settled::Yes;
            if self.behind.is_some() {
                self.settle_behind(&runs);
            } else {
                (self.summary, self.drained) =
                    ours::sum_up(&self.estate, &self.picture, &runs, self.scope, self.moment.now);
                self.check();
            }
        }
        self.keep_lists();
        self.follow_under(When::Drawing);
    }

    /// The UTC date on which a rehearsal of the runbook ended last and of which service, or `never`. A failover in earnest is
    /// no drill: nobody chose its day, and nothing says that it was looked at afterwards.
    pub fn last_drill(&self, runbook: &str) -> String {
        let runs = self.runs.iter().filter(|run| run.runbook == runbook);
        super::run::last_drill(runs).map_or_else(
            || "never".to_owned(),
            |(ended, run)| format!("{} {}", ended.strftime("%Y-%m-%d"), run.service),
        )
    }

    /// Runs the checks again, where a second has passed: they look at everything there is.
    fn check(&mut self) {
        if self.checked.is_some_and(|at| self.moment.terminal < at + CHECK_MS) {
            return;
        }
        self.checked = Some(self.moment.terminal);
        self.readiness = self.checks_at(self.moment.now);
    }

    /// What the checks of the services in scope find in the picture that is shown.
    pub(super) fn checks_at(&self, now: Timestamp) -> Vec<Verdict> {
        super::screen::services(self.scope, &self.estate)
            .flat_map(|(index, _)| readiness::check(&self.estate, &self.picture, index, &self.facts, now))
            .collect()
    }

    /// Time of the estate.
    pub fn now(&self) -> Timestamp {
        self.moment.now
    }

    /// What stands in the badge of line 1.
    pub fn badge(&self) -> String {
        match (self.world, self.arming.left(self.moment.terminal)) {
            (world @ World::Replay(_), _) => world.word().to_owned(),
            (world, None) => format!("{} RO", world.word()),
            (world, Some(left)) => format!("{} ARMED {}m", world.word(), left.div_ceil(60_000)),
        }
    }

    /// Milliseconds until the token ends; `None`: not known or not needed.
    pub fn token_left(&self) -> Option<u64> {
        match self.token {
            TokenStatus::Until { terminal_ms, .. } => Some(terminal_ms.saturating_sub(self.moment.terminal)),
            _ => None,
        }
    }

    /// The view of the open run, as it is shown.
    pub fn run_view(&self) -> Option<&RunView> {
        let still = self.behind.as_ref().and_then(|behind| behind.run.as_ref());
        still.or(self.run.as_ref().map(|run| &run.view))
    }

    /// Runs that are open and not in this window, newest first.
    pub fn waiting_runs(&self) -> impl Iterator<Item = &RunSummary> {
        let here = self.run_view().map(|view| view.run.as_str());
        self.runs.iter().filter(move |run| run.open == RunOpen::Open && here != Some(run.run.as_str()))
    }

    /// How the newest of them stands, how to get at it, and since when it stands so; `None`: there is none.
    pub fn waiting_words(&self) -> Option<([String; 3], String)> {
        let first = self.waiting_runs().next()?;
        let which = match self.waiting_runs().count() {
            1 => format!("{} lists it", self.key(Intent::Runs)),
            all => format!("{} lists all {all}", self.key(Intent::Runs)),
        };
        let stands = format!("{} of {}: {}", first.run, first.service, first.state);
        Some(([stands, which, "not open here".to_owned()], first.since_text()))
    }

    /// What is said where this window has no run.
    pub fn no_run(&self) -> String {
        let runs = self.key(Intent::Runs);
        match self.waiting_runs().count() {
            0 => format!("no run is open; {} starts one, {runs} lists the runs", self.key(Intent::Start)),
            1 => {
                format!("a run is open, but not in this window: {runs} lists it, enter there goes on with it")
            }
            all => format!(
                "{all} runs are open, but not in this window: {runs} lists them, enter goes on with one"
            ),
        }
    }

    /// Whether the window is too small to be drawn whole: nothing is decided in it.
    pub fn too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// Place of the step the run view's cursor is on.
    pub fn step_place(&self) -> Option<usize> {
        let view = self.run_view()?;
        let count = view.steps.len();
        if count == 0 {
            return None;
        }
        Some(match self.step {
            StepCursor::At(cursor) => cursor.place(count),
            StepCursor::Following => view
                .current
                .or_else(|| payable(view))
                .unwrap_or_else(|| view.steps.iter().rposition(|step| step.state.over()).unwrap_or(0)),
        })
    }

    /// The step the run view's cursor is on.
    pub fn selected_step(&self) -> Option<&StepView> {
        self.run_view()?.steps.get(self.step_place()?)
    }

    /// Assignment changes of the last 30 minutes by others than the person here (design §3).
    pub fn others_changes(&self) -> OthersChanges<'_> {
        let Some(reading) = self.picture.reading(&Source::AccessChanges) else {
            return OthersChanges::Asking;
        };
        if let Some((_, silence)) = &reading.silence {
            return OthersChanges::Unknown(&silence.why);
        }
        let Some(Answer::AccessChanges(all)) = reading.last.as_ref().map(|look| &look.answer) else {
            return OthersChanges::Asking;
        };
        let mut others: Vec<&AccessChange> =
            all.seen().iter().filter(|change| !self.identity.made(change)).collect();
        others.sort_by_key(|change| std::cmp::Reverse(change.at));
        OthersChanges::Known(others, all.error())
    }

    /// When that was read.
    pub fn others_seen(&self) -> Option<Timestamp> {
        self.picture.last(&Source::AccessChanges).map(|look| look.at)
    }

    /// Adds a line to the events, whether they are shown as they come or not.
    pub(super) fn tell_all(&mut self, text: impl Into<String>) {
        if self.is_replay() {
            return;
        }
        let text = text.into();
        self.said.push(text.clone());
        let feed = self.behind.as_mut().map_or(&mut self.feed, |behind| &mut behind.feed);
        feed.push(self.moment.now, Origin::Cockpit, text);
    }

    /// Rings the bell, if the person wants it for this.
    pub(super) fn ring(&mut self, call: Call) {
        if self.bell.rings_for(call) {
            self.want(Effect::Bell);
        }
    }

    /// Says one line.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), at: self.moment.terminal });
    }

    /// Asks for something.
    pub(super) fn want(&mut self, effect: Effect) {
        // What leaves by the clipboard is masked as what is seen.
        let effect = match effect {
            Effect::CopyText(text) => Effect::CopyText(self.redaction.said(text)),
            other => other,
        };
        self.effects.push(effect);
    }
}

/// Place of the step whose debt can be paid first: what a run that has no turn left asks of a person.
pub(super) fn payable(view: &RunView) -> Option<usize> {
    let first = view.debts_ready.first()?;
    view.steps.iter().position(|step| step.id == *first)
}
