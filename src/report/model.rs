//! What a report holds (procedures §6). The field names are the keys of its JSON.

use serde::Serialize;

use crate::{
    domain::{Operation, Safe, time::Timestamp},
    engine::event::{
        Acknowledgement, ConfirmedBy, DoneHow, GateItem, GateVerdict, RunEnd, StepId, WorldKind,
    },
    runbook::{Mode, StepKind},
};

/// A run, told from its journal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `SIM` or `LIVE`.
    pub mode: WorldKind,
    /// Version of the keys.
    pub schema_version: u32,
    /// How the run stands.
    pub state: State,
    /// Run id.
    pub run: String,
    /// Estate's name.
    pub estate: String,
    /// SHA-256 of the estate file.
    pub estate_hash: String,
    /// Tenant.
    pub tenant: String,
    /// Origin that was spoken to.
    pub endpoint: String,
    /// Scenario and seed of a simulated world.
    pub scenario: Option<String>,
    /// Version of the tool.
    pub tool: String,
    /// Runbook id.
    pub runbook: String,
    /// SHA-256 of the runbook.
    pub runbook_hash: String,
    /// Whether the runbook is a team's own.
    pub local_runbook: bool,
    /// Title of the runbook.
    pub title: String,
    /// SHA-256 of the plan.
    pub plan_hash: String,
    /// Service.
    pub service: String,
    /// Graceful or ungraceful.
    pub run_mode: Mode,
    /// Code of the region that was left.
    pub from: String,
    /// Code of the region that was opened.
    pub to: String,
    /// Why the run was started.
    pub reason: Safe,
    /// When the report was made.
    pub reported_at: Timestamp,
    /// Users with a session on the side that was left, when the snapshot was taken; where there is none,
    /// when the plan was bound.
    pub users: Option<u32>,
    /// Which of the two.
    #[serde(skip)]
    pub users_of: UsersOf,
    /// Who took part.
    pub people: Vec<Person>,
    /// T0 to T10.
    pub marks: Vec<Mark>,
    /// What follows from them.
    pub figures: Figures,
    /// What may have been lost.
    pub rpo: Rpo,
    /// Step by step.
    pub steps: Vec<Step>,
    /// Verdicts over gates.
    pub gates: Vec<Gate>,
    /// What did not go by the plan.
    pub deviations: Vec<Deviation>,
    /// What was owed.
    pub debts: Vec<DebtRecord>,
    /// Confirmations given by a person faster than anyone reads.
    pub instant_confirms: u32,
    /// Whether the journal can be trusted.
    pub integrity: Integrity,
}

/// When users were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsersOf {
    /// When the plan was bound.
    #[default]
    Plan,
    /// When the snapshot before the first change was taken.
    Snapshot,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "end")]
pub enum State {
    /// It goes on; this report is a snapshot.
    Open,
    /// It ended, or went over to watching its debts.
    Closed(RunEnd),
}

/// Somebody who took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Identity Azure saw.
    pub upn: Safe,
    /// Directory object id.
    pub oid: Safe,
    /// User of the operating system.
    pub os: Safe,
    /// Records under this identity.
    pub records: u32,
}

/// A mark of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// `T0` to `T10`.
    pub mark: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// When; `None`: not reached, or not recorded.
    pub at: Option<Timestamp>,
    /// How we know, or why we do not.
    pub source: String,
}

/// Spans in seconds; `None`: a mark they need is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// First verified user after the impact (T7 - T0).
    pub rto_service_s: Option<i64>,
    /// Enough users back after the impact (T8 - T0).
    pub rto_full_s: Option<i64>,
    /// First verified user after the run was opened (T7 - T2): what is known where no T0 was stated.
    pub service_since_declared_s: Option<i64>,
    /// Enough users back after the run was opened (T8 - T2).
    pub full_since_declared_s: Option<i64>,
    /// Access opened after the decision (T6 - T3).
    pub technical_s: Option<i64>,
    /// Decision after detection (T3 - T1).
    pub decision_latency_s: Option<i64>,
    /// Time in which only a person could move the run on.
    pub human_wait_s: Option<i64>,
    /// Time in which at least one write was under way.
    pub azure_wait_s: i64,
}

/// What may have been lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rpo {
    /// Kind of data.
    pub data: &'static str,
    /// In words; `None`: unknown.
    pub value: Option<Safe>,
    /// How it was found.
    pub method: String,
    /// `measured`, `estimated` or `unknown`.
    pub confidence: &'static str,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Id.
    pub id: StepId,
    /// Title.
    pub title: String,
    /// Phase; none for an undo step.
    pub phase: Option<String>,
    /// Kind.
    pub kind: StepKind,
    /// State in the word of the design's list.
    pub state: &'static str,
    /// First record about it; where it was owed or taken back, the first of its last turn.
    pub started: Option<Timestamp>,
    /// When it was put off, where it was worked on only later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed_since: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// The evidence it was closed with.
    pub evidence: Option<Safe>,
    /// Reason of a skip, a deferral or a failure.
    pub reason: Option<Safe>,
    /// Confirmations.
    pub confirmations: Vec<Confirmation>,
    /// Items with their attempts.
    pub items: Vec<Item>,
    /// What Azure or the engine refused.
    pub refusals: Vec<Refusal>,
    /// Values that were typed.
    pub values: Vec<Safe>,
    /// The same with who typed them and how long that took.
    pub answers: Vec<Answered>,
}

/// A value that a person or `--auto` gave, or an item they accepted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// Who, as Azure sees them.
    pub upn: Safe,
    /// The value, or the item's name.
    pub value: Safe,
    /// Whether it is an item that was accepted although it did not end.
    pub accepted: bool,
    /// Person or `--auto`; `None`: an older version wrote no such thing down.
    pub by: Option<ConfirmedBy>,
    /// Milliseconds from showing to answering; `None`: an older version wrote no such thing down.
    pub latency_ms: Option<u64>,
}

/// A confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// When.
    pub at: Timestamp,
    /// Person or `--auto`.
    pub by: ConfirmedBy,
    /// Identity Azure saw.
    pub upn: Safe,
    /// Level.
    pub level: u8,
    /// What was typed.
    pub typed: Option<Safe>,
    /// Milliseconds from showing to confirming.
    pub latency_ms: u64,
    /// Items on the list.
    pub items: u32,
    /// Items among them that something was to be sent for.
    pub writes: u32,
    /// Users touched.
    pub users: u32,
    /// SHA-256 of the list as shown.
    pub list_sha256: String,
    /// What it acknowledges besides.
    pub acknowledges: Option<Acknowledgement>,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Key.
    pub key: String,
    /// `done`, `done-by-observation`, `accepted`, `failed`, `under-way`.
    pub state: &'static str,
    /// The change; none where it was already so.
    pub operation: Option<Operation>,
    /// What was there before.
    pub before: Safe,
    /// Attempts, each with its request.
    pub attempts: Vec<Request>,
    /// How we know that it is done.
    pub how: Option<DoneHow>,
    /// Evidence or failure in words.
    pub outcome: Option<Safe>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// From 1.
    pub attempt: u32,
    /// When the intent was durable.
    pub at: Timestamp,
    /// Method.
    pub method: String,
    /// Address.
    pub url: String,
    /// Our id of the attempt.
    pub client_request_id: String,
    /// Our id of the step.
    pub correlation_id: String,
    /// Azure's id, where it answered.
    pub request_id: Option<Safe>,
    /// Status, where it answered.
    pub status: Option<u16>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Item, where it concerned one.
    pub item: Option<String>,
    /// Status, where Azure said it.
    pub status: Option<u16>,
    /// Why.
    pub why: Safe,
}

/// A verdict over a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Step.
    pub step: StepId,
    /// When.
    pub at: Timestamp,
    /// Verdict.
    pub verdict: GateVerdict,
    /// Killer items with their values.
    pub items: Vec<GateItem>,
}

/// Something that did not go by the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: DeviationKind,
    /// Step, where it belongs to one.
    pub step: Option<StepId>,
    /// In words.
    pub text: Safe,
}

/// Kinds of deviations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationKind {
    /// A step was skipped.
    Skipped,
    /// A step was put off.
    Deferred,
    /// A person turned one step ungraceful.
    Downgraded,
    /// Named items were accepted though they did not end.
    Accepted,
    /// The notice was cut short.
    NoticeShortened,
    /// A holder outside the plan was left.
    HolderLeft,
    /// A person stated that the region is dead.
    Statement,
    /// The run was held.
    Held,
    /// An attempt ended unseen.
    Ambiguous,
    /// A step ran past its patience.
    TimedOut,
    /// A torn line of the journal was set aside.
    Recovered,
    /// A process of the run ended without a word.
    Interrupted,
    /// The run was ended before its end, for this reason.
    Aborted,
    /// What was done was so no longer, and was done anew.
    Undone,
    /// The run went on, after a hold or in a new process.
    Resumed,
    /// What may have been sent was taken for done, and not sent again.
    Adopted,
    /// The run was ended while the step was at work.
    Left,
    /// The run was ended as it was, and this is what it had made.
    Stays,
}

/// A debt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DebtRecord {
    /// Step.
    pub step: StepId,
    /// When it was opened.
    pub opened: Timestamp,
    /// Why.
    pub reason: Safe,
    /// When it was paid.
    pub paid: Option<Timestamp>,
    /// The evidence.
    pub evidence: Option<Safe>,
}

/// Whether the journal can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Integrity {
    /// Head of the chain.
    pub head: String,
    /// Records read.
    pub records: u64,
    /// What checking the chain gave.
    pub verified: Verified,
    /// What could not be checked.
    pub notes: Vec<Safe>,
}

/// What checking a chain gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum Verified {
    /// Every hash fits.
    Intact,
    /// It does not, and where.
    Broken(String),
    /// Records that were known are gone from the end.
    Shorter(String),
    /// The last record was cut short while it was written.
    Torn(String),
    /// Nobody checked.
    NotChecked,
}
