//! One screen or one line about the estate, with an exit code. Pure functions over readings.

mod aged;
mod capacity;
mod components;
mod ours;
mod output;
mod pools;
mod problem;
mod regional;
mod scene;
mod sessions;
mod sight;
mod summary;

#[cfg(test)]
mod tests;

pub use aged::Aged;
pub use ours::Drained;
pub use output::{json, json_line, nagios, table};
pub use problem::Problem;
pub use regional::clock;
pub use summary::{
    Cell, CellState, Component, Debt, Figure, Invariant, RegionHead, Role, Row, Scope, ServiceLine, Summary,
    Verdict, summarize,
};
