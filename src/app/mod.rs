//! State and update: what happened goes in, what must be done comes out. Synchronous.
//!
//! The app knows nothing of terminals, wires or disks. It is told the time, it owns the run's
//! engine behind [`RunHandle`], and every consequence leaves it as an [`Effect`].

pub mod arming;
pub mod bearings;
pub mod confirm;
pub mod detail;
pub mod dialog;
pub mod event;
pub mod feed;
pub mod freeze;
pub mod gesture;
pub mod holders;
pub mod journal;
pub mod keyboard;
pub mod keys;
pub mod lists;
pub mod mode;
pub mod palette;
pub mod panes;
pub mod plight;
pub mod query;
pub mod ready;
pub mod redact;
pub mod replay;
pub mod rows;
pub mod run;
pub mod screen;
pub mod sentence;
pub mod start;
pub mod table;
pub mod told;
pub mod vantage;

mod body;
mod copy;
mod doubt;
mod facets;
mod intents;
mod modals;
mod ours;
mod state;
mod stopped;
mod under;
mod update;
mod walk;

#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
pub(crate) mod tests;

pub use event::{Effect, Event, Intent, LeaveReason, Moment, Motion, StartOrder};
pub use mode::{Access, Bell, Identity, Recorded, RunbookEntry, Setup, Speed, TokenStatus, World};
pub use replay::{Going, Play, Spot};
pub use run::{OpenRun, RunHandle, RunSummary};
pub use state::{App, Notice, OthersChanges};
