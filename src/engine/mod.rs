//! The step engine: decide and evolve, sans I/O.

pub mod event;

pub use event::{Actor, RunEvent, Stamped};
