//! A runbook bound to an estate and one service, frozen.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Pair, Safe, Side,
    time::{Span, Timestamp, span_serde},
};

use super::vocabulary::{Action, Killer, Mode, OnAmbiguous, StepKind, Ungraceful};

/// The frozen plan: the first record of every run, so that a journal reads without its runbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Runbook id.
    pub runbook: String,
    /// SHA-256 of the runbook's text.
    pub runbook_hash: String,
    /// Whether the runbook is a team's own.
    pub local: bool,
    /// Title.
    pub title: String,
    /// Service's name.
    pub service: String,
    /// Service's place in the estate file.
    pub service_index: usize,
    /// Mode.
    pub mode: Mode,
    /// Side that is left.
    pub from: Side,
    /// Side that is opened.
    pub to: Side,
    /// Short codes of the regions.
    pub codes: Pair<String>,
    /// When it was bound.
    pub bound_at: Timestamp,
    /// Users with a session on the side that is left, when it was bound; `None`: not known.
    pub users: Option<u32>,
    /// Phases in order.
    pub phases: Vec<PlannedPhase>,
    /// Steps in order, phase by phase; undo steps at the end.
    pub steps: Vec<PlannedStep>,
    /// Principals moved although the estate file does not plan them.
    pub moved_too: Vec<MovedToo>,
}

/// A holder outside the estate file that a person chose to move along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedToo {
    /// Application group's code.
    pub group: String,
    /// Who.
    pub principal: crate::domain::estate::Principal,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPhase {
    /// Id, such as `move`.
    pub id: String,
    /// The gate's step, where the phase has one.
    pub gate: Option<String>,
    /// Whether the free exit ends after this phase.
    pub free_exit_ends: bool,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Id, stable across versions.
    pub id: String,
    /// Phase; `None` for an undo step.
    pub phase: Option<String>,
    /// Title in a few words.
    pub title: String,
    /// Why it is done.
    pub why: String,
    /// What aborting here leaves behind.
    pub abort: String,
    /// Kind.
    pub kind: StepKind,
    /// What it changes, where it changes something.
    pub action: Option<Action>,
    /// Long operations followed side by side.
    pub width: u32,
    /// Percent of items that must be done.
    pub done_at: u8,
    /// What must hold before the first write, read after the confirmation.
    pub before: Vec<Killer>,
    /// What must hold for the step to be done; for a gate its killer items.
    pub after: Vec<Killer>,
    /// Settling time after an unseen end, and how long looking must go on before the contrary
    /// is believed.
    #[serde(with = "span_serde")]
    pub dwell: Span,
    /// How long `after` must stay true.
    #[serde(with = "span_serde")]
    pub steady: Span,
    /// After this the step is timed-out, never failed.
    #[serde(with = "span_serde")]
    pub patience: Span,
    /// Usual duration, for the screen.
    #[serde(with = "span_serde")]
    pub usual: Span,
    /// What to do after an unseen end that looking shows not done.
    pub on_ambiguous: OnAmbiguous,
    /// Level of the confirmation.
    pub confirm: u8,
    /// Step that takes it back.
    pub undo: Option<String>,
    /// What becomes of it in ungraceful mode.
    pub ungraceful: Ungraceful,
    /// The question a manual step asks.
    pub ask: Option<String>,
    /// Targets as far as they were known when the plan was bound.
    pub targets: Targets,
}

/// What a step will touch, as far as it could be known beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Targets {
    /// It changes nothing.
    Nothing,
    /// Exact writes, one line each.
    Exact {
        /// The writes.
        writes: Vec<PlannedWrite>,
    },
    /// Resolved live at the step.
    Selector {
        /// The selector in words.
        what: Safe,
        /// How many there were when the plan was bound; `None`: it could not be read.
        now: Option<u32>,
        /// More than this asks again.
        bound: Option<u32>,
    },
}

/// One exact write of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWrite {
    /// Item key.
    pub key: String,
    /// The change in words.
    pub what: Safe,
}

/// A list may grow by this share over what the plan printed before it asks again (design §11).
pub const GROWTH_PERCENT: u32 = 10;

impl Plan {
    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// Principals moved although the estate file does not plan them.
    pub fn moved_principals(&self) -> Vec<crate::domain::access::PrincipalId> {
        self.moved_too.iter().map(|moved| moved.principal.id.clone()).collect()
    }

    /// Place of the step with this id.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }

    /// Steps of a phase in order.
    pub fn phase_steps<'a>(&'a self, phase: &'a str) -> impl Iterator<Item = &'a PlannedStep> {
        self.steps.iter().filter(move |step| step.phase.as_deref() == Some(phase))
    }

    /// SHA-256 over the plan's JSON, hex.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        crate::domain::text::sha256_hex(&json)
    }

    /// Upper bound of a selector's count: [`GROWTH_PERCENT`] more, rounded up.
    pub fn bound(now: u32) -> u32 {
        now + (now * GROWTH_PERCENT).div_ceil(100)
    }
}
