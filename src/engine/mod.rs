//! The step engine: decide and evolve, sans I/O.

pub mod command;
pub mod event;
pub mod view;

pub use command::{Command, Confirm, Refusal};
pub use event::{Actor, RunEvent, Stamped};
pub use view::RunView;
