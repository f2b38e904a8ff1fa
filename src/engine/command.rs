//! What a person, `--auto` or the loop may ask of a run, and how it says no.

use crate::domain::{Safe, access::PrincipalId};

use super::event::{Acknowledgement, ConfirmedBy, StepId};

/// A request to the engine. Each is answered by events or by a [`Refusal`].
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Writes may be confirmed from now on, or no longer.
    Arm {
        /// On or off.
        on: bool,
        /// How it came about.
        how: Safe,
    },
    /// The dialog of a step opens: read its preconditions again and pin the list.
    Offer {
        /// The step (a phase step, an undo step or a debt).
        step: StepId,
    },
    /// The dialog of a step closes without a confirmation: let its list go.
    Withdraw {
        /// The step.
        step: StepId,
    },
    /// The person confirms what the offer with this hash showed.
    Confirm(Confirm),
    /// A manual step, or a gate's question, is answered with the observed value.
    Value {
        /// Step.
        step: StepId,
        /// The value.
        value: Safe,
        /// Who gave it.
        by: ConfirmedBy,
        /// Milliseconds from showing to answering.
        latency_ms: u64,
    },
    /// Skip a step, with the reason.
    Skip {
        /// Step.
        step: StepId,
        /// Why.
        reason: Safe,
    },
    /// Turn one step ungraceful because the side that is left refuses it (death rule applies).
    Downgrade {
        /// Step.
        step: StepId,
        /// Why.
        reason: Safe,
    },
    /// Try failed or undecided items of a step once more.
    Retry {
        /// Step.
        step: StepId,
        /// One item; `None`: all that failed.
        item: Option<String>,
        /// Who.
        by: ConfirmedBy,
    },
    /// Restart the host under a stuck item (a log-off that will not end).
    RestartHost {
        /// Step.
        step: StepId,
        /// Item.
        item: String,
    },
    /// Go on although these items did not end, named one by one.
    AcceptStuck {
        /// Step.
        step: StepId,
        /// Keys of all items that are stuck.
        items: Vec<String>,
        /// Who.
        by: ConfirmedBy,
        /// Milliseconds from showing to answering.
        latency_ms: u64,
    },
    /// Leave a holder outside the plan where it is.
    LeaveHolder {
        /// Who.
        principal: PrincipalId,
        /// Why.
        reason: Safe,
    },
    /// Cut the notice period short.
    ShortenNotice {
        /// Why.
        reason: Safe,
    },
    /// A person states that the region is dead (death rule, sign 5).
    State {
        /// The statement with its source.
        text: Safe,
    },
    /// Write down a remark.
    Note {
        /// Text.
        text: Safe,
    },
    /// Start no further item.
    Hold {
        /// Why.
        why: super::event::HeldWhy,
        /// In words.
        note: Safe,
    },
    /// Go on after a hold or in a new process.
    Resume,
    /// Stop for good, where it stands or rolled back as far as it was.
    Abort {
        /// Why.
        reason: Safe,
    },
}

/// A confirmation as the dialog or `--auto` gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// Step.
    pub step: StepId,
    /// Hash of the offer that was shown.
    pub offer: String,
    /// What was typed, where something was asked.
    pub typed: Option<Safe>,
    /// By whom.
    pub by: ConfirmedBy,
    /// Milliseconds from showing to confirming.
    pub latency_ms: u64,
    /// The acknowledgement the dialog asked for.
    pub acknowledges: Option<Acknowledgement>,
}

/// Why the engine does not do as asked. Fits after "could not".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run has ended.
    #[error("go on: the run is closed ({0})")]
    Closed(String),
    /// Nothing is under way that could be aborted.
    #[error("abort: nothing is under way, the run only watches what is owed: {0}")]
    OnlyWatches(String),
    /// The run is held.
    #[error("confirm anything: the run is held")]
    Held,
    /// It was opened by an earlier process and has not been gone on with.
    #[error("confirm anything: the run is interrupted")]
    Interrupted,
    /// A person has aborted the run, and so many items under way have not come to their end.
    #[error("go on: the run is being aborted, it ends once {0} under way have ended")]
    Aborting(usize),
    /// Nothing is armed.
    #[error("confirm {0}: the cockpit is read-only, arm it first")]
    NotArmed(StepId),
    /// No such step.
    #[error("find step {0}")]
    NoSuchStep(StepId),
    /// Another step's turn.
    #[error("start {step}: {first} comes first")]
    OutOfTurn {
        /// What was asked for.
        step: StepId,
        /// What comes first.
        first: StepId,
    },
    /// The step is in a state that does not allow it.
    #[error("do that to {step}: it is {state}")]
    WrongState {
        /// Step.
        step: StepId,
        /// Its state.
        state: &'static str,
    },
    /// The list is not the one that was shown.
    #[error("confirm {step}: what it would touch has changed since it was shown: {what}; look again")]
    OfferGone {
        /// Step.
        step: StepId,
        /// What has changed, in words of a bounded length.
        what: String,
    },
    /// What was typed is not what was asked for.
    #[error("confirm {step}: {asked} was asked for")]
    WrongWord {
        /// Step.
        step: StepId,
        /// What the dialog asked for.
        asked: String,
    },
    /// A precondition is not green.
    #[error("confirm {step}: {why}")]
    NotGreen {
        /// Step.
        step: StepId,
        /// Which precondition and its value.
        why: String,
    },
    /// The death rule does not hold.
    #[error("treat the region as dead: {0}")]
    NotDead(String),
    /// The journal cannot be written, so nothing may be sent.
    #[error("write: {0}")]
    NoJournal(String),
    /// Whoever is moved cannot stay on the side that is left.
    #[error("leave {name}: this run moves it, so what it holds in {code} beside the plan has to go first")]
    Planned {
        /// Who.
        name: String,
        /// Code of the side that is left.
        code: String,
    },
    /// It is the recording of a run, not the run.
    #[error("do that: this is a recording")]
    OnlyFollows,
    /// A reason is required.
    #[error("do that to {0} without a reason")]
    NoReason(StepId),
}
