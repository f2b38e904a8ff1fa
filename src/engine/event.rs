//! What the journal stores: one [`RunEvent`] a line. Closed, versioned by the line's `v`.
//!
//! An event says what was decided or seen, never what is merely derived. [`super::Run`] is
//! rebuilt from events alone, so a field here is a promise to every later version.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        Operation, Safe, Side,
        operation::{FollowUrl, WriteImage},
        time::Timestamp,
    },
    runbook::Plan,
};

pub use super::item::{GateItem, Ground};

/// A step's id, such as `a7-revoke`.
pub type StepId = String;

/// An item's key within its step, such as `GRP1@DAG1` or a host name.
pub type ItemKey = String;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Actor {
    /// Identity Azure sees, as the token shows it.
    pub upn: Safe,
    /// Directory object id, where the token shows it.
    pub oid: Safe,
    /// User of the operating system.
    pub os: Safe,
}

/// One line of the journal, without its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RunEvent {
    /// First record: everything the run is bound to.
    Opened(Box<Opened>),
    /// The cockpit was armed or disarmed.
    Armed {
        /// Whether writes may be confirmed from now on.
        on: bool,
        /// By typing, by `--auto`, by time, by a person.
        how: Safe,
    },
    /// A person (or `--auto`) confirmed a step or one of its undo steps.
    Confirmed(Box<Confirmed>),
    /// A write is about to leave. Durable before it does.
    Intent {
        /// Step.
        step: StepId,
        /// Item.
        item: ItemKey,
        /// Attempt, from 1.
        attempt: u32,
        /// The change.
        operation: Operation,
        /// The request.
        request: RequestRecord,
        /// What was there before, for undo and for the reader.
        before: Safe,
    },
    /// Azure took a write.
    Accepted {
        /// Step.
        step: StepId,
        /// Item.
        item: ItemKey,
        /// Attempt.
        attempt: u32,
        /// HTTP status.
        status: u16,
        /// Azure's request id.
        request_id: Safe,
        /// Where to follow it, if it goes on.
        follow: Option<FollowUrl>,
    },
    /// Something was seen that the run relies on.
    Observed {
        /// Step.
        step: StepId,
        /// Item, where it concerns one.
        item: Option<ItemKey>,
        /// What was looked at.
        what: Safe,
        /// What was seen.
        value: Safe,
    },
    /// An item or a whole step is done.
    Done {
        /// Step.
        step: StepId,
        /// Item; `None`: the step.
        item: Option<ItemKey>,
        /// How we know.
        how: DoneHow,
        /// The evidence in words.
        evidence: Safe,
        /// Who accepted it, where it did not end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Given>,
    },
    /// Azure or the engine said no.
    Refused {
        /// Step.
        step: StepId,
        /// Item, where it concerns one.
        item: Option<ItemKey>,
        /// Attempt, where something had been sent.
        attempt: Option<u32>,
        /// HTTP status, where Azure said it.
        status: Option<u16>,
        /// Why.
        why: Safe,
    },
    /// An attempt or a step did not end as it should.
    Failed {
        /// Step.
        step: StepId,
        /// Item; `None`: the step.
        item: Option<ItemKey>,
        /// Attempt, where it concerns one.
        attempt: Option<u32>,
        /// How it ended.
        how: FailedHow,
        /// Why.
        why: Safe,
    },
    /// A person skipped a step, or a step does not apply.
    Skipped {
        /// Step.
        step: StepId,
        /// Why.
        reason: Safe,
    },
    /// A step was put off: it is a debt from now on.
    Deferred {
        /// Step.
        step: StepId,
        /// Why.
        reason: Safe,
        /// Whether a person downgraded it in a graceful run.
        downgraded: bool,
    },
    /// A debt was paid.
    Paid {
        /// The step that was owed.
        step: StepId,
        /// The evidence in words.
        evidence: Safe,
    },
    /// No further item starts.
    Held {
        /// Why.
        why: HeldWhy,
        /// In words.
        note: Safe,
        /// Items in flight, as `step/item`.
        in_flight: Vec<String>,
    },
    /// Work goes on after a hold or in a new process.
    Resumed {
        /// What was looked at again and how it stood.
        observed: Safe,
    },
    /// A remark, or a choice that needs a reason.
    Note {
        /// Step it belongs to, where it does.
        step: Option<StepId>,
        /// What it is about.
        about: NoteAbout,
        /// Text.
        text: Safe,
        /// Who answered, where it answers a question.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Given>,
    },
    /// A gate was looked at and its verdict changed, or it was passed.
    Gate {
        /// The gate's step.
        step: StepId,
        /// Verdict.
        verdict: GateVerdict,
        /// Killer items with their values.
        items: Vec<GateItem>,
    },
    /// A torn last line was set aside when the journal was opened.
    Recovered {
        /// Bytes set aside.
        bytes: u64,
        /// Their SHA-256, hex.
        sha256: String,
        /// File they were moved to.
        kept: String,
    },
    /// The run ended, or went over to watching its debts.
    Closed {
        /// How.
        end: RunEnd,
        /// Steps still owed.
        debts: Vec<StepId>,
        /// In words.
        note: Safe,
    },
}

/// Everything a run is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Estate's name.
    pub estate: String,
    /// SHA-256 of the estate file.
    pub estate_hash: String,
    /// Tenant.
    pub tenant: String,
    /// Origin the client speaks to.
    pub endpoint: String,
    /// `SIM` or `LIVE`.
    pub world: WorldKind,
    /// Scenario and seed of a simulated world.
    pub scenario: Option<String>,
    /// Version of the tool.
    pub tool: String,
    /// The whole plan, so that an old journal still reads when the runbook has changed.
    pub plan: Plan,
    /// SHA-256 over the plan's JSON.
    pub plan_hash: String,
    /// Head of the estate's previous run.
    pub previous: Option<String>,
    /// When the impact began, as the operator says (T0).
    pub impact: Option<Timestamp>,
    /// Why the run was started.
    pub reason: Safe,
}

/// Whether the world behind the wire is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WorldKind {
    /// Simulated Azure in this process.
    Sim,
    /// Azure, or a loopback endpoint.
    Live,
}

/// A confirmation with everything that was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Step.
    pub step: StepId,
    /// By a person or by `--auto`.
    pub by: ConfirmedBy,
    /// Level of the confirmation.
    pub level: u8,
    /// What was typed, where something was asked.
    pub typed: Option<Safe>,
    /// Exact items with their changes.
    pub items: Vec<ConfirmedItem>,
    /// SHA-256 over the item list, as shown.
    pub list_sha256: String,
    /// Users touched, as shown.
    pub users: u32,
    /// Milliseconds from showing to confirming.
    pub latency_ms: u64,
    /// What was seen when it was given.
    pub seen: Safe,
    /// The special acknowledgement this is, if it is one.
    pub acknowledges: Option<Acknowledgement>,
}

/// Acknowledgements that open a way which is closed otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// Granting although the dead side could not be fenced (design §11, grant guard b).
    FencedByEvidence,
    /// Granting the side that is left again although the other one cannot be seen.
    StandbyUnseen,
    /// Going on although named items did not end.
    StuckItems,
    /// More items than the plan printed.
    GrownList,
}

impl Acknowledgement {
    /// Whether it takes something upon itself that nobody has seen: the hardest confirmation.
    pub fn opens_a_way(self) -> bool {
        matches!(self, Self::FencedByEvidence | Self::StandbyUnseen)
    }

    /// Whether nothing but the word of a person stands for it.
    pub fn needs_person(self) -> bool {
        self == Self::StandbyUnseen
    }
}

/// Who gave a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmedBy {
    /// A person at the keyboard.
    Person,
    /// `--auto`.
    Auto,
}

impl ConfirmedBy {
    /// The word of sentences.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Person => "a person",
            Self::Auto => "--auto",
        }
    }
}

/// Who answered a question, and how long that took. Records of older versions have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Who.
    pub by: ConfirmedBy,
    /// Milliseconds from showing the question to the answer.
    pub latency_ms: u64,
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "by {} after {}.{} s",
            self.by.word(),
            self.latency_ms / 1_000,
            self.latency_ms % 1_000 / 100
        )
    }
}

/// One item of a confirmed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedItem {
    /// Key.
    pub key: ItemKey,
    /// The change; `None`: it was already so.
    pub operation: Option<Operation>,
    /// What was there before.
    pub before: Safe,
}

/// The request of an intent: enough to find it in Azure's logs, and to permit it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// HTTP method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// SHA-256 of the body, hex.
    pub body_sha256: String,
    /// Our id of this attempt; tracing only, never an idempotency key.
    pub client_request_id: String,
    /// Our id of the step.
    pub correlation_id: String,
}

impl RequestRecord {
    /// Records the image of a write.
    pub fn of(image: &WriteImage, client_request_id: String, correlation_id: String) -> Self {
        Self {
            method: image.method.clone(),
            url: image.url.clone(),
            body_sha256: crate::domain::text::sha256_hex(image.body.as_bytes()),
            client_request_id,
            correlation_id,
        }
    }
}

/// How we know that something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoneHow {
    /// We did it and saw it.
    Action,
    /// It was already so.
    Observation,
    /// An attempt ended unseen, and looking showed it done.
    Adopted,
    /// A person said so and the value was recorded.
    Manual,
    /// A person accepted named items that did not end.
    Accepted,
}

/// How an attempt or a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailedHow {
    /// It may or may not have been done: only looking can tell.
    Ambiguous,
    /// Surely not sent.
    NotSent,
    /// The long operation ended badly.
    Operation,
    /// Looking for the whole dwell showed that it was not done.
    NotDone,
    /// The same, and it goes once more as a new attempt (PUT, PATCH and DELETE by name only).
    Reissue,
    /// The log-off did nothing: the host is dead and the broker still lists the session.
    Ghost,
    /// Past its patience; still observable.
    TimedOut,
}

/// Why a run is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldWhy {
    /// A person asked for it.
    Person,
    /// SIGHUP, SIGTERM or a vanished terminal.
    HangUp,
    /// The journal could not be written.
    Journal,
}

/// What a note is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteAbout {
    /// A remark.
    Remark,
    /// The notice period was cut short.
    NoticeShortened,
    /// A holder outside the plan is left where it is.
    HolderLeft,
    /// A value a person typed for a manual step or a gate.
    Value,
    /// The statement of a person that the region is dead (death rule, sign 5).
    Statement,
    /// The users' count or another figure was taken down for the report.
    Baseline,
}

/// Verdict over a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateVerdict {
    /// At least one killer item is red.
    Red,
    /// At least one killer item cannot be told.
    Unknown,
    /// All killer items are green.
    Green,
    /// Green, and the person said go.
    Passed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// Everything done.
    Completed,
    /// Done, with skips or accepted items.
    CompletedWithExceptions,
    /// Users are served; debts are still owed and watched.
    Monitoring,
    /// Stopped where it stood.
    AbortedAsIs,
    /// Stopped and what was done was undone.
    AbortedRolledBack,
}

/// An event with the time and person it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    /// Estate time.
    pub wall: Timestamp,
    /// Milliseconds of the monotonic clock since the process's clock was made.
    pub mono_ms: u64,
    /// Who.
    pub actor: Actor,
    /// What.
    pub event: RunEvent,
}

/// The side a run moves users from and to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direction {
    /// Side that is left.
    pub from: Side,
    /// Side that is opened.
    pub to: Side,
}
