//! A sitting that is played again: what only the app of a recording does, and what it does not.

use crate::{
    domain::{
        Safe,
        picture::Picture,
        time::{Span, Timestamp, clock_text},
    },
    engine::Stamped,
    readiness::LocalFacts,
    status::Scope,
};

use super::{
    detail::Subject,
    event::{Effect, Intent},
    feed::{Feed, Origin},
    journal::{self, Follow},
    mode::World,
    run::Viewed,
    screen::{Cursor, Filter, Screen, StepCursor, Visit, Zoom},
    state::{App, Settled},
    table::Sort,
};

/// What a person asks of the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Play {
    /// Stand still, or go on.
    Pause,
    /// On to the next thing that was taken in.
    Step,
    /// Back to the one before.
    StepBack,
    /// A minute on.
    Later,
    /// A minute back.
    Earlier,
    /// On to the next record of a run.
    NextRecord,
    /// Back to the record before.
    PreviousRecord,
    /// To so many seconds after the beginning.
    To(u32),
    /// The next speed: 1, 10, 60, and round again.
    Faster,
}

/// What the player is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// It plays.
    Playing,
    /// It stands still.
    Paused,
    /// It is on its way to somewhere else.
    Seeking,
    /// It has come to the end.
    Over,
}

/// Where in a recording one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// When it begins.
    pub began: Timestamp,
    /// Where the player goes, counted from there; `None`: it is where the display is.
    pub aim: Option<Span>,
    /// All of it.
    pub length: Span,
    /// Records of runs so far.
    pub record: usize,
    /// Records of runs in all.
    pub records: usize,
    /// What the player is doing.
    pub going: Going,
    /// The last line that could be read, where the recording was cut.
    pub cut: Option<usize>,
}

impl Spot {
    /// How far from its beginning a display is that shows `now`: one moment for every clock on it.
    pub fn at(&self, now: Timestamp) -> Span {
        self.aim.unwrap_or_else(|| now.duration_since(self.began)).clamp(Span::ZERO, self.length)
    }

    /// The place in words, on a display that shows `now`.
    pub fn words(&self, now: Timestamp) -> String {
        if self.going == Going::Seeking {
            // The display is still where it was: what is counted here is where it goes.
            return format!("seeking to {} of {}", clock_text(self.at(now)), clock_text(self.length));
        }
        let going = match (self.going, self.cut) {
            (Going::Playing | Going::Seeking, _) => "",
            (Going::Paused, _) => " paused",
            (Going::Over, None) => " END",
            (Going::Over, Some(_)) => " END, CUT",
        };
        let (at, length) = (clock_text(self.at(now)), clock_text(self.length));
        let cut = if self.cut.is_some() { " (cut)" } else { "" };
        let record = match self.records {
            0 => String::new(),
            all => format!(" · record {}/{all}", self.record),
        };
        format!("{at} of {length}{cut}{going}{record}")
    }
}

/// Where the person is, to be found again after everything was built anew.
#[derive(Debug)]
pub struct Seat {
    screen: Screen,
    trail: Vec<Visit>,
    subject: Option<Subject>,
    home: Cursor,
    step: StepCursor,
    list: Cursor,
    filter: Filter,
    sort: Sort,
    zoom: Zoom,
    scope: Scope,
    follow: Follow,
    journal: Option<String>,
}

/// Why nothing can be decided here.
const NOT_HERE: &str = "this is a recording: nothing can be decided or asked anew in it";

impl Seat {
    /// Whether the person was on home.
    pub fn is_home(&self) -> bool {
        self.screen == Screen::Home
    }
}

impl App {
    /// Whether a recording is played.
    pub fn is_replay(&self) -> bool {
        matches!(self.world, World::Replay(_))
    }

    /// What the cockpit itself has written into the events since this was asked last.
    pub fn take_said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// The step whose dialog is open.
    pub fn confirming(&self) -> Option<&str> {
        self.modals.iter().find_map(|modal| match modal {
            super::dialog::Modal::Confirm(dialog) => Some(dialog.step.as_str()),
            _ => None,
        })
    }

    /// Whether an intent decides something on this screen, or asks anew, beyond leaving.
    pub fn acts(&self, intent: Intent) -> bool {
        let leaves = matches!(intent, Intent::Back | Intent::Interrupt);
        !leaves && intent != Intent::Enter && intent.acts_on(self.screen)
    }

    /// Asks the player.
    pub(super) fn play(&mut self, play: Play) {
        if self.is_replay() {
            self.want(Effect::Play(play));
        } else {
            self.say("this key is for recordings; farshore replay FILE plays one");
        }
    }

    /// Says why an intent of the screen does nothing in a recording. `false`: it does.
    pub(super) fn refuses(&mut self, intent: Intent) -> bool {
        if !self.is_replay() {
            return false;
        }
        let here = match (intent, self.screen) {
            (Intent::Enter, Screen::Run) => {
                let step = self.selected_step();
                step.map(|step| format!("{} is {}: {}", step.id, step.state.word(), step.why))
            }
            (Intent::Enter, Screen::Runs) => {
                let run = self.runs.get(self.list.place(self.runs.len()));
                let open = self.run_view().map(|view| &view.run);
                if run.is_some_and(|run| Some(&run.run) == open) {
                    return false;
                }
                None
            }
            (intent, screen) if intent.acts_on(screen) => None,
            _ => return false,
        };
        self.say(here.unwrap_or_else(|| NOT_HERE.to_owned()));
        true
    }

    /// The same for the command line.
    pub(super) fn refuses_command(&mut self, command: &super::palette::PaletteCommand) -> bool {
        use super::palette::PaletteCommand as Asked;
        match command {
            _ if !self.is_replay() => false,
            Asked::Quit => false,
            Asked::Report(_) => {
                self.say("farshore report RUN --recording FILE prints the report of a recorded run");
                true
            }
            command if command.only_looks() => false,
            _ => {
                self.say(NOT_HERE);
                true
            }
        }
    }

    /// Takes in a record as it was decided then.
    pub(super) fn recorded(&mut self, stamped: &Stamped) {
        let now = self.moment.now;
        let Some(run) = &mut self.run else { return };
        run.handle.follow(stamped, now);
        run.viewed = Viewed::Stale;
        run.seq += 1;
        self.settled = Settled::No;
        let feed = self.behind.as_mut().map_or(&mut self.feed, |behind| &mut behind.feed);
        feed.journal(run.seq, stamped);
        self.journal.add(&run.view.run, run.seq, stamped);
    }

    /// Takes in a line that the cockpit wrote then.
    pub(super) fn told_then(&mut self, text: &Safe) {
        let feed = self.behind.as_mut().map_or(&mut self.feed, |behind| &mut behind.feed);
        feed.push(self.moment.now, Origin::Cockpit, text.as_str());
    }

    /// Where the person is.
    pub fn seat(&self) -> Seat {
        Seat {
            screen: self.screen,
            trail: self.trail.clone(),
            subject: self.subject.clone(),
            home: self.home,
            step: self.step,
            list: self.list,
            filter: self.filter.clone(),
            sort: self.sort,
            zoom: self.zoom,
            scope: self.scope,
            follow: self.follow,
            journal: self.journal.run.clone(),
        }
    }

    /// Brings the person back to where they were, as far as that is there.
    pub fn sit_again(&mut self, seat: Seat) {
        (self.screen, self.trail, self.subject) = (seat.screen, seat.trail, seat.subject);
        (self.home, self.step, self.list) = (seat.home, seat.step, seat.list);
        (self.filter, self.sort, self.zoom) = (seat.filter, seat.sort, seat.zoom);
        (self.scope, self.follow) = (seat.scope, seat.follow);
        if self.screen == Screen::Run && self.run.is_none() {
            self.screen = Screen::Home;
        }
        if self.journal.run.is_none()
            && let Some(run) = seat.journal
        {
            self.read_journal(Some(run));
        }
        (self.checked, self.settled) = (None, Settled::No);
    }

    /// Forgets everything that was taken in: the recording is played from its beginning, at `start`.
    pub fn begin_again(&mut self, start: Timestamp) {
        self.thaw();
        self.modals.retain(|modal| matches!(modal, super::dialog::Modal::Help(_)));
        self.picture = Picture::default();
        self.feed = Feed::default();
        self.facts = LocalFacts::default();
        self.journal = journal::Pane::default();
        (self.runs, self.run) = (Vec::new(), None);
        self.moment.now = start;
        self.scope = Scope::All;
        self.screen = Screen::Home;
        (self.checked, self.settled) = (None, Settled::No);
    }
}
