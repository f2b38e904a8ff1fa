//! What can lie over a screen. Dialogs stack: arming opens over a confirmation and leaves it
//! as it was.

use crate::{
    domain::{mask, text::counted},
    engine::{
        event::{ItemKey, StepId},
        view::Again,
    },
};

use super::{
    confirm::ConfirmDialog,
    event::Motion,
    gesture::{Arrival, Button, CANCEL_FOCUSED, Field, Guard, excuse, heard, too_quick},
    screen::Filter,
    start::StartDialog,
    told::ToldDialog,
};

/// Something that lies over the screen and takes the keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Modal {
    /// The keys that work here.
    Help(HelpDialog),
    /// The command line.
    Palette(Field),
    /// Arming.
    Arm(ArmDialog),
    /// A confirmation.
    Confirm(Box<ConfirmDialog>),
    /// Starting a procedure.
    Start(Box<StartDialog>),
    /// One question.
    Ask(AskDialog),
    /// Leaving the cockpit.
    Leave(LeaveDialog),
    /// Choosing a field to copy.
    Pick(PickDialog),
    /// Choosing a list; the number is the place of the chosen row of home.
    Lists(usize),
    /// Something is told that has to be read whole.
    Told(ToldDialog),
}

impl Modal {
    /// The dialog appears again at `at`, because what lay over it is gone.
    pub fn reveal(&mut self, at: u64) {
        match self {
            Self::Help(_) | Self::Palette(_) | Self::Pick(_) | Self::Lists(_) => {}
            Self::Arm(dialog) => dialog.guard.reveal(at),
            Self::Confirm(dialog) => dialog.guard.reveal(at),
            Self::Start(dialog) => dialog.guard.reveal(at),
            Self::Ask(dialog) => dialog.guard.reveal(at),
            Self::Leave(dialog) => dialog.guard.reveal(at),
            Self::Told(dialog) => dialog.guard.reveal(at),
        }
    }

    /// The button that has the focus where something is decided; `None`: nothing is, or the focus is on
    /// something to choose. Each begins on Cancel (design §11): what is typed goes into its text all the
    /// same, and Enter does nothing but leave until somebody has moved to the deed.
    pub fn button(&self) -> Option<Button> {
        match self {
            Self::Help(_) | Self::Palette(_) | Self::Pick(_) | Self::Lists(_) | Self::Told(_) => None,
            Self::Arm(dialog) => Some(dialog.button),
            Self::Confirm(dialog) => Some(dialog.button),
            Self::Start(dialog) => dialog.focus.button(),
            Self::Ask(dialog) => Some(dialog.button),
            Self::Leave(dialog) => Some(dialog.button),
        }
    }

    /// Whether letters are text here.
    pub fn takes_text(&self) -> bool {
        match self {
            Self::Help(help) => help.is_typing(),
            Self::Leave(_) | Self::Pick(_) | Self::Lists(_) | Self::Told(_) => false,
            Self::Palette(_) | Self::Arm(_) => true,
            Self::Ask(dialog) => dialog.purpose.needed() != Needed::Nothing,
            Self::Confirm(dialog) => dialog.asked().is_some(),
            Self::Start(dialog) => dialog.takes_text(),
        }
    }
}

impl Modal {
    /// Whether something is decided here, so that what lies below must be live.
    pub fn decides(&self) -> bool {
        !matches!(self, Self::Help(_) | Self::Palette(_) | Self::Pick(_) | Self::Lists(_) | Self::Told(_))
    }
}

/// The keys that work here, as far as the filter lets them through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HelpDialog {
    /// How far it is scrolled.
    pub scroll: Scroll,
    /// Which keys are shown.
    pub filter: Filter,
}

/// How far a text is scrolled whose length only the screen knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scroll {
    /// So many lines from its first.
    Down(usize),
    /// So many lines from its last.
    Up(usize),
}

impl Default for Scroll {
    fn default() -> Self {
        Self::Down(0)
    }
}

/// Lines that a page key moves by.
const HELP_PAGE: usize = 10;
/// No help is longer than this many lines: a key that is held does not run away from its end.
const HELP_LINES: usize = 150;

impl Scroll {
    fn step(&mut self, lines: usize, down: bool) {
        *self = match *self {
            Self::Down(at) if down => Self::Down((at + lines).min(HELP_LINES)),
            Self::Down(at) => Self::Down(at.saturating_sub(lines)),
            Self::Up(at) if down => Self::Up(at.saturating_sub(lines)),
            Self::Up(at) => Self::Up((at + lines).min(HELP_LINES)),
        };
    }

    /// The first line shown, of `count` with room for `room`.
    pub fn first(self, count: usize, room: usize) -> usize {
        let last = count.saturating_sub(room);
        match self {
            Self::Down(at) => at.min(last),
            Self::Up(at) => last.saturating_sub(at),
        }
    }
}

impl HelpDialog {
    /// Whether letters are a filter.
    pub fn is_typing(&self) -> bool {
        matches!(self.filter, Filter::Typing(_))
    }

    /// Scrolls.
    pub fn go(&mut self, motion: Motion) {
        match motion {
            Motion::Up => self.scroll.step(1, false),
            Motion::Down => self.scroll.step(1, true),
            Motion::PageUp => self.scroll.step(HELP_PAGE, false),
            Motion::PageDown => self.scroll.step(HELP_PAGE, true),
            Motion::First => self.scroll = Scroll::Down(0),
            Motion::Last => self.scroll = Scroll::Up(0),
        }
    }

    /// Begins to type the filter, where there is one at its end.
    pub fn open_filter(&mut self) {
        let (Filter::On(field) | Filter::Typing(field)) = std::mem::take(&mut self.filter) else {
            self.filter = Filter::Typing(Field::default());
            return;
        };
        self.filter = Filter::Typing(field);
    }

    /// The filter stays as it is typed.
    pub fn keep_filter(&mut self) {
        if let Filter::Typing(field) = &mut self.filter {
            let field = std::mem::take(field);
            self.filter = if field.trimmed().is_empty() { Filter::Off } else { Filter::On(field) };
        }
    }
}

/// Choosing a field of the row under the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickDialog {
    /// Fields with their names.
    pub fields: Vec<(String, String)>,
    /// The chosen one.
    pub at: usize,
}

/// Arming: the estate's name is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmDialog {
    /// What was typed.
    pub typed: Field,
    /// Focus.
    pub button: Button,
    /// Arrival of keys.
    pub guard: Guard,
    /// What the last key brought.
    pub remark: Option<String>,
}

impl ArmDialog {
    /// Opens it.
    pub fn new(at: u64) -> Self {
        Self { typed: Field::default(), button: Button::Cancel, guard: Guard::new(at), remark: None }
    }
}

/// Leaving: one question without text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveDialog {
    /// Focus.
    pub button: Button,
    /// Arrival of keys.
    pub guard: Guard,
    /// What the last key brought.
    pub remark: Option<String>,
}

impl LeaveDialog {
    /// Opens it.
    pub fn new(at: u64) -> Self {
        Self { button: Button::Cancel, guard: Guard::new(at), remark: None }
    }
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Skip a step, with a reason.
    Skip(StepId),
    /// Turn a step ungraceful, with a reason.
    Downgrade(StepId),
    /// Cut the notice short, with a reason.
    ShortenNotice,
    /// Write a note.
    Note,
    /// State that the region is dead, with the source.
    Statement,
    /// Give the value a step asks for; the question itself.
    Value(StepId, String),
    /// Why the run is held, which it is already.
    Hold,
    /// Stop the run for good.
    Abort,
    /// Go on although these items did not end.
    AcceptStuck(StepId, Vec<ItemKey>),
    /// Send failed items once more: one, or all; wait once more for a step past its patience.
    Retry(StepId, Option<ItemKey>),
    /// Restart the host under a stuck item.
    Restart(StepId, ItemKey),
    /// Go on after a hold.
    Resume,
}

/// What must be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// Nothing.
    Nothing,
    /// Any text, or none; the word for it.
    Maybe(&'static str),
    /// Any text; the word for it.
    Some(&'static str),
    /// Exactly this.
    Exactly(String),
}

impl Purpose {
    /// What the act button says: the deed and what it is done to.
    pub fn act(&self) -> String {
        let short = |step: &StepId| step.split('-').next().unwrap_or(step).to_owned();
        match self {
            Self::Skip(step) => format!("Skip step {}", short(step)),
            Self::Downgrade(step) => format!("Downgrade step {}", short(step)),
            Self::ShortenNotice => "Shorten the notice".to_owned(),
            Self::Note => "Write the note".to_owned(),
            Self::Statement => "State that it is dead".to_owned(),
            Self::Value(..) => "Give the value".to_owned(),
            Self::Hold => "Write it down".to_owned(),
            Self::Abort => "Abort the run".to_owned(),
            Self::AcceptStuck(_, items) => format!("Go on without {}", counted(items.len(), "item")),
            Self::Retry(_, Some(_)) => "Try 1 item again".to_owned(),
            Self::Retry(_, None) => "Try again".to_owned(),
            Self::Restart(..) => "Restart 1 host".to_owned(),
            Self::Resume => "Go on with the run".to_owned(),
        }
    }

    /// What must be typed.
    pub fn needed(&self) -> Needed {
        match self {
            Self::Retry(..) | Self::Resume => Needed::Nothing,
            Self::Value(..) => Needed::Some("value"),
            Self::Note => Needed::Some("text"),
            Self::Hold => Needed::Maybe("why"),
            Self::AcceptStuck(_, items) => Needed::Exactly(items.len().to_string()),
            Self::Restart(_, item) => Needed::Exactly(item.clone()),
            _ => Needed::Some("reason"),
        }
    }
}

/// Names of stuck items that are shown at a time: they fit above the question in the smallest window.
pub const NAMES_PAGE: usize = 6;

/// One question with one line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskDialog {
    /// What it is about.
    pub purpose: Purpose,
    /// What was typed.
    pub typed: Field,
    /// Focus; what is typed goes into the text all the same.
    pub button: Button,
    /// Arrival of keys.
    pub guard: Guard,
    /// What the last key brought.
    pub remark: Option<String>,
    /// The first name shown, where it is about many.
    pub top: usize,
    /// Names that were shown so far.
    pub seen: usize,
    /// What another try or a restart would send, as it stood when this was opened.
    pub again: Option<Box<Again>>,
}

/// What a key in a question came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing yet.
    Open,
    /// Cancelled.
    Cancelled,
    /// Answered with the text typed.
    Answered,
}

impl AskDialog {
    /// Opens it.
    pub fn new(purpose: Purpose, at: u64) -> Self {
        let (guard, typed) = (Guard::new(at), Field::default());
        Self {
            purpose,
            typed,
            button: Button::Cancel,
            guard,
            remark: None,
            top: 0,
            seen: NAMES_PAGE,
            again: None,
        }
    }

    /// The names that it is about, where they are many.
    pub fn names(&self) -> &[ItemKey] {
        match &self.purpose {
            Purpose::AcceptStuck(_, items) => items,
            _ => &[],
        }
    }

    /// Other names are shown, never past one that was not.
    pub fn scroll(&mut self, motion: Motion) {
        let last = self.names().len().saturating_sub(NAMES_PAGE);
        self.top = match motion {
            Motion::Up => self.top.saturating_sub(1),
            Motion::Down => self.top + 1,
            Motion::PageUp => self.top.saturating_sub(NAMES_PAGE),
            Motion::PageDown => self.top + NAMES_PAGE,
            Motion::First => 0,
            Motion::Last => self.top,
        }
        .min(last);
        self.seen = self.seen.max(self.top + NAMES_PAGE);
        self.remark = None;
    }

    /// The focus moves to the other button.
    pub fn step_focus(&mut self) {
        self.button = self.button.other();
        self.heard();
    }

    /// A key counted.
    pub(super) fn heard(&mut self) {
        let right = matches!(self.purpose.needed(), Needed::Exactly(asked) if self.typed.trimmed() == asked);
        heard(&mut self.remark, &self.typed, right);
    }

    /// Enter came.
    pub fn enter(&mut self, arrival: Arrival) -> Asked {
        if arrival != Arrival::Calm {
            excuse(&mut self.remark, too_quick(self.button));
            return Asked::Open;
        }
        if self.button == Button::Cancel {
            if self.typed.trimmed().is_empty() {
                return Asked::Cancelled;
            }
            self.remark = Some(CANCEL_FOCUSED.to_owned());
            return Asked::Open;
        }
        match self.missing() {
            Some(why) => {
                self.remark = Some(why);
                Asked::Open
            }
            None => Asked::Answered,
        }
    }

    /// What is missing from the text.
    fn missing(&self) -> Option<String> {
        let text = self.typed.trimmed();
        let all = self.names().len();
        match self.purpose.needed() {
            Needed::Exactly(_) if self.seen < all => {
                Some(format!("read all names first: {} of {all} were shown, page down shows more", self.seen))
            }
            Needed::Some(word) if text.is_empty() => Some(format!("a {word} is needed")),
            Needed::Exactly(asked) if text != asked && text != mask::said(&asked) => {
                Some(format!("type {asked} first"))
            }
            _ => None,
        }
    }
}
