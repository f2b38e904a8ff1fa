//! The step engine: decide and evolve, sans I/O.

pub mod auto;
mod baseline;
pub mod command;
mod debts;
mod effect;
pub mod event;
mod grounds;
mod guard;
mod items;
pub mod judge;
mod leaving;
pub mod machine;
mod offer;
mod orders;
pub mod patience;
mod pin;
mod preview;
mod reach;
mod recheck;
mod render;
pub mod rights;
pub mod run;
mod standby;
mod step_run;
mod steps;
pub mod streak;
mod undo;
pub mod view;
mod way_back;
pub mod witness;

pub use command::{Command, Confirm, Refusal};
pub use event::{Actor, RunEvent, Stamped};
pub use machine::{Context, Engine, FollowOrder, Input, Output, SendOrder, Token};
pub use run::Run;
pub use view::RunView;
pub use witness::Witness;
