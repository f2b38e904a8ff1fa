//! State and update: what happened goes in, what must be done comes out. Synchronous.
//!
//! The app knows nothing of terminals, wires or disks. It is told the time, it owns the run's
//! engine behind [`RunHandle`], and every consequence leaves it as an [`Effect`].

pub mod arming;
pub mod confirm;
pub mod dialog;
pub mod event;
pub mod feed;
pub mod gesture;
pub mod lists;
pub mod mode;
pub mod palette;
pub mod run;
pub mod screen;
pub mod sentence;
pub mod start;

mod intents;
mod modals;
mod seam;
mod state;
mod update;

#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
mod tests;

pub use event::{Effect, Event, Intent, LeaveReason, Moment, Motion, StartOrder};
pub use mode::{Access, Identity, RunbookEntry, Setup, Speed, TokenStatus, World};
pub use run::{OpenRun, RunHandle, RunSummary};
pub use state::{App, Notice, OthersChanges};
