//! Procedures as data, and the plan that binds one to an estate.

pub mod bind;
mod holders;
pub mod plan;
pub mod seen;
pub mod targets;
pub mod text;
pub mod vocabulary;

pub use bind::{BindError, Binding};
pub use plan::{Plan, PlannedStep, Targets};
pub use text::{Runbook, RunbookError};
pub use vocabulary::{Action, Killer, Mode, StepKind, Ungraceful};

/// Texts of the runbooks that ship with the binary.
const BUILTIN: [(&str, &str); 1] =
    [("avd-pooled-failover", include_str!("builtin/avd-pooled-failover.toml"))];

/// Ids of the built-in runbooks.
pub fn builtin_ids() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(id, _)| *id)
}

/// The built-in runbook with this id.
pub fn builtin(id: &str) -> Option<Runbook> {
    let (_, text) = BUILTIN.iter().find(|(known, _)| *known == id)?;
    text::parse(text, false).ok()
}
