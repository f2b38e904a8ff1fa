//! One screen or one line about the estate, with an exit code. Pure functions over readings.

mod components;
mod pools;
mod regional;
mod scene;
mod sight;
mod summary;

pub use summary::{
    Cell, CellState, Component, Debt, Figure, Invariant, Problem, RegionHead, Role, Row, Scope, ServiceLine,
    Summary, Verdict, summarize,
};
