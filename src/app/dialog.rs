//! What can lie over a screen. Dialogs stack: arming opens over a confirmation and leaves it
//! as it was.

use crate::engine::event::{ItemKey, StepId};

use super::{
    confirm::ConfirmDialog,
    gesture::{Arrival, Button, Field, Guard, TOO_QUICK, excuse},
    start::StartDialog,
};

/// Something that lies over the screen and takes the keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Modal {
    /// The keys that work here; the number is the first line shown.
    Help(usize),
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
}

impl Modal {
    /// The dialog appears again at `at`, because what lay over it is gone.
    pub fn reveal(&mut self, at: u64) {
        match self {
            Self::Help(_) | Self::Palette(_) | Self::Pick(_) => {}
            Self::Arm(dialog) => dialog.guard.reveal(at),
            Self::Confirm(dialog) => dialog.guard.reveal(at),
            Self::Start(dialog) => dialog.guard.reveal(at),
            Self::Ask(dialog) => dialog.guard.reveal(at),
            Self::Leave(dialog) => dialog.guard.reveal(at),
        }
    }

    /// Whether letters are text here.
    pub fn takes_text(&self) -> bool {
        match self {
            Self::Help(_) | Self::Leave(_) | Self::Pick(_) => false,
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
        !matches!(self, Self::Help(_) | Self::Palette(_) | Self::Pick(_))
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
    /// Stop the run for good.
    Abort,
    /// Go on although these items did not end.
    AcceptStuck(StepId, Vec<ItemKey>),
    /// Send failed items once more: one, or all.
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
    /// Any text; the word for it.
    Some(&'static str),
    /// Exactly this.
    Exactly(String),
}

impl Purpose {
    /// What the act button says.
    pub fn act(&self) -> &'static str {
        match self {
            Self::Skip(_) => "Skip step",
            Self::Downgrade(_) => "Downgrade step",
            Self::ShortenNotice => "Shorten notice",
            Self::Note => "Write note",
            Self::Statement => "State it",
            Self::Value(..) => "Give value",
            Self::Abort => "Abort run",
            Self::AcceptStuck(..) => "Accept and go on",
            Self::Retry(..) => "Try again",
            Self::Restart(..) => "Restart host",
            Self::Resume => "Go on",
        }
    }

    /// What must be typed.
    pub fn needed(&self) -> Needed {
        match self {
            Self::Retry(..) | Self::Resume => Needed::Nothing,
            Self::Value(..) => Needed::Some("value"),
            Self::Note => Needed::Some("text"),
            Self::AcceptStuck(_, items) => Needed::Exactly(items.len().to_string()),
            Self::Restart(_, item) => Needed::Exactly(item.clone()),
            _ => Needed::Some("reason"),
        }
    }

    /// Whether Enter in the text is enough, or the button must be reached first.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Note | Self::Value(..) => Weight::Light,
            _ => Weight::Grave,
        }
    }
}

/// How much ceremony a question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Enter gives the answer.
    Light,
    /// Cancel has the focus; Tab, then Enter.
    Grave,
}

/// One question with one line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskDialog {
    /// What it is about.
    pub purpose: Purpose,
    /// What was typed.
    pub typed: Field,
    /// Focus.
    pub button: Button,
    /// Arrival of keys.
    pub guard: Guard,
    /// What the last key brought.
    pub remark: Option<String>,
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
        let button = match purpose.weight() {
            Weight::Light => Button::Act,
            Weight::Grave => Button::Cancel,
        };
        Self { purpose, typed: Field::default(), button, guard: Guard::new(at), remark: None }
    }

    /// Enter came.
    pub fn enter(&mut self, arrival: Arrival) -> Asked {
        if arrival != Arrival::Calm {
            excuse(&mut self.remark, TOO_QUICK);
            return Asked::Open;
        }
        if self.button == Button::Cancel {
            if self.typed.trimmed().is_empty() {
                return Asked::Cancelled;
            }
            self.remark = Some("cancel has the focus: tab to the button, or esc to cancel".to_owned());
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
        match self.purpose.needed() {
            Needed::Some(word) if text.is_empty() => Some(format!("a {word} is needed")),
            Needed::Exactly(asked) if text != asked => Some(format!("type {asked} first")),
            _ => None,
        }
    }
}
