//! Procedures as data, and the plan that binds one to an estate.

pub mod plan;
pub mod vocabulary;

pub use plan::{Plan, PlannedStep, Targets};
pub use vocabulary::{Action, Killer, Mode, StepKind};
