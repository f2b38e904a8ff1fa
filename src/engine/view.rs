//! A run as a screen, a line or a report shows it: plain data, nothing to decide.

use std::fmt;

use crate::{
    domain::{
        Pair, Safe, Side,
        signs::{RegionSigns, Stated},
        time::{Span, Timestamp},
    },
    runbook::{Killer, Mode, StepKind},
};

pub use super::again::{Again, Restart};

use super::{
    event::{Acknowledgement, GateItem, GateVerdict, HeldWhy, RunEnd, StepId},
    hold::Hold,
};

/// A run at one moment.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a run, each a place on the screen")]
pub struct RunView {
    /// Run id.
    pub run: String,
    /// Runbook id.
    pub runbook: String,
    /// Whether the runbook is a team's own.
    pub local: bool,
    /// Service.
    pub service: String,
    /// Service's place in the estate.
    pub service_index: usize,
    /// Mode.
    pub mode: Mode,
    /// Side that is left.
    pub from: Side,
    /// Side that is opened.
    pub to: Side,
    /// Short codes.
    pub codes: Pair<String>,
    /// How the run stands.
    pub state: RunState,
    /// When it was opened.
    pub opened: Timestamp,
    /// T0 as stated, else when it was opened.
    pub impact: Timestamp,
    /// Whether T0 was stated.
    pub impact_stated: bool,
    /// Recovery time objective left at the moment of the view, where one is set.
    pub rto_left: Option<Span>,
    /// Whether as many users are back as the run waits for, so that the time left stands still.
    pub served: bool,
    /// Rebuilt from its journal, it does nothing until somebody says to go on.
    pub interrupted: bool,
    /// It has ended and still owes something: it only watches that, and lets it be paid.
    pub watches: bool,
    /// Phases.
    pub phases: Vec<PhaseView>,
    /// Phase steps in order, then undo steps that are offered.
    pub steps: Vec<StepView>,
    /// Index into `steps` of the step whose turn it is.
    pub current: Option<usize>,
    /// Steps owed.
    pub debts: Vec<StepId>,
    /// Debts that can be paid now.
    pub debts_ready: Vec<StepId>,
    /// The debt under which nothing is left to write: it is settled by what is seen, without a person.
    pub debt_settles: Option<StepId>,
    /// Whether the side that was left answers again while debts are owed.
    pub primary_is_back: bool,
    /// Whether nothing has been done yet that a user could notice.
    pub free_exit: bool,
    /// Whether any write was sent, whatever became of it.
    pub wrote: bool,
    /// Last durable sequence number and the chain's head.
    pub durable: u64,
    /// Why no write can leave, where that is so.
    pub stopped: Option<Safe>,
    /// Users with a session on the side that is left, in the snapshot before the first change; `None`: it
    /// was not taken, or could not be.
    pub baseline_users: Option<u32>,
    /// The same when the plan was made.
    pub planned_users: Option<u32>,
    /// A person's statement that the side that is left is dead.
    pub statement: Option<(Timestamp, Safe)>,
    /// Until when the last grant may take to reach everyone.
    pub effective_by: Option<Timestamp>,
    /// Since when and by whom it is held, where it is.
    pub hold: Option<Hold>,
    /// When its journal was last written to.
    pub last_at: Timestamp,
    /// When the newest that tells of work was written.
    pub worked_at: Timestamp,
}

impl StepView {
    /// Whether what aborting in it leaves is so by now: a write of it was sent, or it sends none and speaks
    /// of those before it.
    pub fn begun(&self) -> bool {
        self.kind != StepKind::Automatic || self.items.iter().any(|item| item.attempts > 0)
    }
}

impl RunView {
    /// Whether a side answers again that the run left as dead, although `signs` say otherwise. Those of another
    /// service, which may be dead there all the same, it does not answer.
    pub fn is_back(&self, side: Side, signs: &RegionSigns) -> bool {
        self.primary_is_back && self.from == side && signs.are_of(&self.service)
    }

    /// What a person has stated in it, while it is open.
    pub fn stated(&self) -> Option<Stated> {
        let (at, what) = self.statement.clone().filter(|_| !matches!(self.state, RunState::Closed(_)))?;
        Some(Stated { service: self.service_index, side: self.from, what, at })
    }

    /// What may be on its way to or at work in Azure: its step and its name.
    pub fn in_flight(&self) -> Vec<String> {
        use ItemPhase::{Following, Sending, Settling, Verifying};
        let of = |step: &StepView| -> Vec<String> {
            let flies = |state| matches!(state, Sending | Following | Verifying | Settling);
            let flying = step.items.iter().filter(|item| flies(item.state));
            flying.map(|item| format!("{}/{}", step.id, item.key)).collect()
        };
        self.steps.iter().flat_map(of).collect()
    }

    /// Items of confirmed steps for which nothing was sent yet.
    pub fn not_started(&self) -> usize {
        let waits = |item: &&ItemView| matches!(item.state, ItemPhase::Pending | ItemPhase::Checking);
        let open = self.steps.iter().filter(|step| !step.state.over());
        open.map(|step| step.items.iter().filter(waits).count()).sum()
    }

    /// Steps of the plan whose turn has not come.
    pub fn steps_left(&self) -> usize {
        self.steps.iter().filter(|step| !step.is_undo && step.state == StepState::Pending).count()
    }

    /// Changes that the run has made and that stand, step by step; what was so already is none.
    pub fn changes(&self) -> Vec<(&StepView, usize)> {
        self.steps.iter().map(|step| (step, step.stands)).filter(|(_, stands)| *stands > 0).collect()
    }

    /// Changes that it has made and taken back.
    pub fn taken_back(&self) -> usize {
        self.steps.iter().map(|step| step.taken_back).sum()
    }
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Something is at work.
    Running,
    /// A person is needed.
    AwaitingPerson,
    /// No further item starts.
    Held(HeldWhy, Safe),
    /// A person has aborted it: it ends once so many items under way have come to theirs.
    Aborting(usize),
    /// Ended.
    Closed(RunEnd),
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseView {
    /// Id.
    pub id: String,
    /// Place of its first step in `steps`.
    pub first: usize,
    /// Number of its steps.
    pub count: usize,
    /// Steps that are over.
    pub over: usize,
    /// Gate's step and verdict, where it has one.
    pub gate: Option<(StepId, Option<GateVerdict>)>,
    /// Time spent in it so far.
    pub elapsed: Span,
    /// Whether the free exit ends after it.
    pub free_exit_ends: bool,
}

/// State of a step (design §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepState {
    /// Its turn has not come.
    Pending,
    /// Its turn has come, something red stands before it.
    Blocked,
    /// It may be confirmed.
    Ready,
    /// Confirmed, preconditions are being read again.
    Confirmed,
    /// Items are at work.
    Running,
    /// All items are sent; proof or time is awaited.
    Waiting,
    /// A value or a decision of a person is awaited.
    AwaitingPerson,
    /// A write ended unseen in an earlier process; looking before touching.
    Interrupted,
    /// Done and observed.
    Done,
    /// It was already so.
    DoneByObservation,
    /// It did not end as it should; a person decides.
    Failed,
    /// Skipped with a reason.
    Skipped,
    /// Owed.
    Deferred,
    /// Past its patience; still observed.
    TimedOut,
}

impl StepState {
    /// The word of the design's list.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Confirmed => "confirmed",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::AwaitingPerson => "awaiting-person",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
            Self::DoneByObservation => "done-by-observation",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Deferred => "deferred",
            Self::TimedOut => "timed-out",
        }
    }

    /// Whether the run goes on past it.
    pub fn over(self) -> bool {
        matches!(self, Self::Done | Self::DoneByObservation | Self::Skipped | Self::Deferred)
    }
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// Id.
    pub id: StepId,
    /// Title.
    pub title: String,
    /// Why it is done.
    pub why: String,
    /// What aborting here leaves behind.
    pub abort: String,
    /// Undo step, where there is one.
    pub undo: Option<StepId>,
    /// Whether it is an undo step itself.
    pub is_undo: bool,
    /// Kind.
    pub kind: StepKind,
    /// State.
    pub state: StepState,
    /// Items.
    pub items: Vec<ItemView>,
    /// Items that are over.
    pub done: usize,
    /// Items of it that were confirmed and not sent when the run ended.
    pub unsent: usize,
    /// Changes made in it that stand.
    pub stands: usize,
    /// Changes made in it that were taken back.
    pub taken_back: usize,
    /// Killer items or proofs with values.
    pub proofs: Vec<GateItem>,
    /// Ids of those among them that rest on a look too old to be trusted.
    pub old_proofs: Vec<String>,
    /// Ids of those that count, although an answer under them is older than its source's are trusted.
    pub dated_proofs: Vec<String>,
    /// When it was confirmed or began.
    pub since: Option<Timestamp>,
    /// Running time so far, or in all.
    pub running: Span,
    /// Usual time.
    pub usual: Span,
    /// Running far longer than usual.
    pub slow: bool,
    /// A named moment that is waited for.
    pub countdown: Option<(Safe, Timestamp)>,
    /// What would be confirmed now.
    pub offer: Option<OfferView>,
    /// The question a manual step or a gate asks.
    pub ask: Option<String>,
    /// The value that was given.
    pub value: Option<Safe>,
    /// Why it cannot be confirmed, where it cannot.
    pub blocked_by: Vec<Safe>,
    /// Whether it can be downgraded, skipped, retried, and items restarted or accepted.
    pub choices: Vec<Choice>,
    /// Why it cannot be undone now, where it has an undo.
    pub no_undo: Option<&'static str>,
    /// Reason of a skip, a deferral or a failure.
    pub reason: Option<Safe>,
    /// What shows that it is done no longer, where somebody took back what it did on the side that is left and
    /// it is not open again: its words are those of the record.
    pub no_longer: Option<Safe>,
}

/// Whether this is what follows the name of a killer item where its value is told.
fn is_value(rest: &str) -> bool {
    rest.starts_with(':')
}

/// What a step has among its proofs and is not there to make: red it is amiss at any time.
const NEVER_AIMS: [Killer; 3] = [Killer::NobodyInBoth, Killer::StandbyAdmits, Killer::ModeFits];

impl StepView {
    /// Whether a proof that is red is what the step is there to make: that is no failure of a step that
    /// stands before its work or is at it. What blocks it is not its aim.
    pub fn aims_at(&self, proof: &GateItem) -> bool {
        use StepState::{Blocked, Confirmed, Pending, Ready, Running, Waiting};
        let yet = matches!(self.state, Pending | Blocked | Ready | Confirmed | Running | Waiting);
        let names = |blocked: &Safe| blocked.as_str().strip_prefix(&*proof.id).is_some_and(is_value);
        let blocks = self.blocked_by.iter().any(names);
        let aim = !NEVER_AIMS.iter().any(|killer| killer.id() == proof.id);
        proof.verdict == GateVerdict::Red && self.kind != StepKind::Gate && yet && !blocks && aim
    }
}

/// What a person may do with a step besides confirming it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Send failed items once more, or wait once more for a step past its patience.
    Retry,
    /// Turn it ungraceful.
    Downgrade,
    /// Skip it.
    Skip,
    /// Restart hosts under stuck items.
    RestartHost,
    /// Go on with named stuck items.
    AcceptStuck,
    /// Cut the notice short.
    ShortenNotice,
    /// Undo it.
    Undo,
}

/// What a confirmation would do, pinned by its hash.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferView {
    /// SHA-256 over the list.
    pub hash: String,
    /// Level asked for.
    pub level: u8,
    /// Text that must be typed, where one must.
    pub asked: Option<String>,
    /// Acknowledgement the confirmation stands for.
    pub acknowledges: Option<Acknowledgement>,
    /// What is touched, in words with counts.
    pub what: Safe,
    /// Items that would be written.
    pub writes: Vec<WriteLine>,
    /// Items that are already so.
    pub already: usize,
    /// How the list has changed since it was shown, where it has, and not by too much.
    pub drift: Option<Drift>,
    /// Users touched.
    pub users: u32,
    /// Whether they were counted when the run began, and not now.
    pub users_at_start: bool,
    /// What the step takes away or gives, in words.
    pub effect: Safe,
    /// State before and after.
    pub before_after: (Safe, Safe),
    /// When the oldest look began that the state before rests on; `None`: on no look.
    pub before_at: Option<Timestamp>,
    /// Age of the oldest reading under it.
    pub read_at: Option<Timestamp>,
    /// Everything is green, complete and fresh enough to confirm.
    pub green: bool,
}

impl OfferView {
    /// What the number is that must be typed at level 2.
    pub fn number_word(&self) -> &'static str {
        match (self.users, self.users_at_start) {
            (0, _) => "the number of changes",
            (_, true) => "the number of users at the start",
            (_, false) => "the number of users",
        }
    }
}

/// What has become of a list since it was shown. Only what was shown is written; what is new is
/// asked for afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drift {
    /// Writes of the list that are still to be done.
    pub left: usize,
    /// Writes of the list.
    pub shown: usize,
    /// Writes that would come on top now.
    pub new: usize,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.left, self.shown)?;
        if self.new > 0 {
            write!(f, ", {} new", self.new)?;
        }
        Ok(())
    }
}

/// One write of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteLine {
    /// Item key.
    pub key: String,
    /// The verb.
    pub verb: &'static str,
    /// HTTP method.
    pub method: String,
    /// Path of the request.
    pub path: Safe,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView {
    /// Key.
    pub key: String,
    /// State.
    pub state: ItemPhase,
    /// Detail in words: what is awaited, or why it failed.
    pub detail: Safe,
    /// Attempts so far.
    pub attempts: u32,
    /// When the present state began.
    pub since: Option<Timestamp>,
}

/// State of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemPhase {
    /// Waits its turn.
    Pending,
    /// Its precondition is being read.
    Checking,
    /// The intent is on its way to the disk, or the request on the wire.
    Sending,
    /// A long operation goes on.
    Following,
    /// Being looked at until it is so.
    Verifying,
    /// Ended unseen: being looked at for the dwell.
    Settling,
    /// A person must decide whether to send it again.
    Asking,
    /// Done.
    Done,
    /// It was already so.
    DoneByObservation,
    /// Failed or refused.
    Failed,
    /// The broker lists it, the host is dead.
    Ghost,
    /// Accepted by name though it did not end.
    Accepted,
}

impl ItemPhase {
    /// Whether nothing more happens to it by itself.
    pub fn over(self) -> bool {
        matches!(self, Self::Done | Self::DoneByObservation | Self::Accepted)
    }
}
