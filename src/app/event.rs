//! What can happen to the app, and what it asks for in return.

use crate::{
    domain::{Observation, Safe, Source, access::PrincipalId, reading::Look, time::Timestamp},
    engine::{Command, Input, Output, Stamped},
    readiness::LocalFacts,
    runbook::{Mode, plan::MovedToo},
};

use super::{
    mode::{Identity, Speed, TokenStatus},
    replay::{Play, Spot},
    run::{RunHandle, RunSummary},
    screen::Screen,
};

/// The two clocks at the moment something happened (design §8, one clock).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Time of the estate.
    pub now: Timestamp,
    /// Real monotonic time in milliseconds. For a key: when it was read.
    pub terminal: u64,
}

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A person wants something.
    Intent(Intent),
    /// Plain mode or `--auto` speaks to the run directly; dialogs do not take part.
    Command(Command),
    /// A source was looked at.
    Observed(Observation),
    /// What was seen before this process began, and a line about it.
    Recalled {
        /// The last answers with the times of their looks.
        looks: Vec<(Source, Look)>,
        /// What to say of it.
        told: Safe,
    },
    /// When a source will be looked at again.
    LookAwaited {
        /// Which.
        source: Source,
        /// When the next look begins.
        at: Timestamp,
    },
    /// Something happened to the open run: a write was sent, the journal is durable, time passed.
    Run(Input),
    /// The window's size in columns and rows.
    Resized {
        /// Columns.
        w: u16,
        /// Rows.
        h: u16,
    },
    /// A second passed.
    Tick,
    /// The token was renewed, or could not be.
    Token {
        /// What is known of its life.
        status: TokenStatus,
        /// Whom it is for; `None`: not known yet.
        identity: Option<Identity>,
    },
    /// What only this process knows has changed.
    Facts(Box<LocalFacts>),
    /// The journals were listed, newest run first.
    RunsListed(Vec<RunSummary>),
    /// A run was opened or resumed.
    RunStarted {
        /// The engine.
        handle: Box<dyn RunHandle>,
        /// Sequence number of the last line already in its journal; 0 for a new run.
        seq: u64,
        /// What opening it asked for at once.
        first: Vec<Output>,
        /// How far its lock reaches, in words.
        lock: Safe,
    },
    /// A text was put on the clipboard, or could not be.
    Copied {
        /// The text.
        text: String,
        /// How many bytes went where, in words that fit after `copied`; or why none did.
        outcome: Result<String, String>,
    },
    /// The theme of this name holds from now on; or why it is not, in one line.
    ThemeSet(Result<String, String>),
    /// The journal of a run was read, or could not be.
    JournalRead {
        /// Whose.
        run: String,
        /// Its records, or why there are none.
        outcome: Result<Vec<Stamped>, Safe>,
    },
    /// It could not be opened.
    RunRefused {
        /// The mark of the order that a new one was asked for by; `None`: one was to be gone on with.
        order: Option<u64>,
        /// The reason; it fits after `could not`.
        why: Safe,
    },
    /// The process is about to end.
    Leaving(LeaveReason),
    /// The estate's clock was set.
    Speed(Speed),
    /// A paste came and was thrown away.
    PasteDiscarded,
    /// A recorded run wrote a record then.
    Recorded(Box<Stamped>),
    /// A recorded cockpit wrote a line of events then.
    Told(Safe),
    /// Where one is in the recording that is played.
    Spot(Spot),
    /// Something worth a line, such as a recording that cannot be written.
    Notice(Safe),
}

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    /// A person left.
    Person,
    /// SIGHUP, or the terminal is gone: nothing may be written to it.
    Hangup,
    /// SIGTERM or SIGINT from outside.
    Terminated,
}

/// Something must be done.
#[derive(Debug)]
pub enum Effect {
    /// Something the open run asks for.
    Run(Output),
    /// Look at a source now.
    Poll(Source),
    /// Open a run.
    StartRun(StartOrder),
    /// Resume the run with this id.
    ResumeRun(String),
    /// Read the journal of the run with this id.
    ReadJournal(String),
    /// Write the report of the run with this id.
    WriteReport(String),
    /// Put text on the operator's clipboard.
    CopyText(String),
    /// Set the estate's clock.
    SetSpeed(Speed),
    /// Take the theme of this name; empty: tell which there are.
    Theme(String),
    /// Ask the player of a recording.
    Play(Play),
    /// Ring the bell.
    Bell,
    /// End the process once everything asked for so far is durable.
    Leave(LeaveReason),
}

/// What a run is opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct StartOrder {
    /// Terminal time at which it was given: it tells one order from another.
    pub mark: u64,
    /// Runbook id.
    pub runbook: String,
    /// Service's name.
    pub service: String,
    /// Mode; `None`: nobody has said which.
    pub mode: Option<Mode>,
    /// Why.
    pub reason: Safe,
    /// When the impact began (T0), as stated.
    pub impact: Option<Timestamp>,
    /// Holders outside the plan that are moved along.
    pub moved_too: Vec<MovedToo>,
    /// Holders outside the plan that stay, with the reason.
    pub left_holders: Vec<(PrincipalId, Safe)>,
}

/// A direction in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the top.
    First,
    /// To the end.
    Last,
}

/// What a person means by a key. The keys stand in `ui::keymap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Move the cursor.
    Move(Motion),
    /// Next field, button or pane.
    Next,
    /// The one before.
    Previous,
    /// The value to the left of a choice.
    Left,
    /// The value to the right.
    Right,
    /// Open what is under the cursor, confirm, press the focused button.
    Enter,
    /// One level back: close a dialog, clear a filter, leave a screen.
    Escape,
    /// Back; at the root, leave.
    Back,
    /// Show the keys that work here.
    Help,
    /// Open the command line.
    Palette,
    /// Filter the list.
    Filter,
    /// Sort the list by the next column.
    Sort,
    /// Turn the list round.
    Reverse,
    /// Give the pane under focus the whole window, or take it back.
    Zoom,
    /// Next scope.
    ScopeNext,
    /// Previous scope.
    ScopePrevious,
    /// Start a procedure.
    Start,
    /// Arm or disarm.
    Arm,
    /// Flip between home and run.
    Flip,
    /// The list of runs.
    Runs,
    /// The events and the journal.
    Events,
    /// Choose one of the lists.
    Lists,
    /// The pane with this number.
    Pane(u8),
    /// Let a pane of lines stand still, or follow again.
    Pause,
    /// Take a step back.
    Undo,
    /// Skip a step.
    Skip,
    /// Hold the run, or resume it.
    Hold,
    /// Write a note.
    Note,
    /// Turn a step ungraceful.
    Downgrade,
    /// Try again.
    Retry,
    /// Cut the notice short.
    ShortenNotice,
    /// Go on although named items did not end.
    AcceptStuck,
    /// Restart the host under a stuck item.
    RestartHost,
    /// Look again now.
    Refresh,
    /// Ctrl-C.
    Interrupt,
    /// Copy what is under the cursor.
    Copy,
    /// Copy one field of it.
    CopyField,
    /// Let the display stand still, or go on.
    Freeze,
    /// Ask the player of a recording.
    Play(Play),
    /// A character for a text field.
    Type(char),
    /// Take the last character back.
    Erase,
    /// Empty the text field.
    EraseAll,
}

/// What an intent does, wherever it is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// It only looks.
    Looks,
    /// It decides something, or opens what decides.
    Decides,
    /// The same, and it speaks to the open run.
    SpeaksToRun,
}

impl Intent {
    /// What is added above has to say here what it does.
    fn deed(self) -> Deed {
        match self {
            Self::Undo
            | Self::Skip
            | Self::Hold
            | Self::Note
            | Self::Downgrade
            | Self::Retry
            | Self::ShortenNotice
            | Self::AcceptStuck
            | Self::RestartHost => Deed::SpeaksToRun,
            Self::Start | Self::Arm | Self::Refresh | Self::Interrupt => Deed::Decides,
            Self::Enter
            | Self::Back
            | Self::Move(_)
            | Self::Next
            | Self::Previous
            | Self::Left
            | Self::Right
            | Self::Escape
            | Self::Help
            | Self::Palette
            | Self::Filter
            | Self::Sort
            | Self::Reverse
            | Self::Zoom
            | Self::ScopeNext
            | Self::ScopePrevious
            | Self::Flip
            | Self::Runs
            | Self::Events
            | Self::Lists
            | Self::Pane(_)
            | Self::Pause
            | Self::Copy
            | Self::CopyField
            | Self::Freeze
            | Self::Play(_)
            | Self::Type(_)
            | Self::Erase
            | Self::EraseAll => Deed::Looks,
        }
    }

    /// Whether it decides something on `screen`, or opens what decides, rather than only looks.
    pub(super) fn acts_on(self, screen: Screen) -> bool {
        match self {
            Self::Enter => matches!(screen, Screen::Run | Screen::Runs),
            Self::Back => screen == Screen::Home,
            other => other.deed() != Deed::Looks,
        }
    }

    /// Whether it speaks to the open run: it acts, and only there.
    pub fn is_for_run(self) -> bool {
        self.deed() == Deed::SpeaksToRun
    }
}
