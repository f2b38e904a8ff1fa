//! The loop and everything that waits.

pub mod clipboard;
pub mod clock;
pub mod cockpit;
pub mod desk;
pub mod facts;
pub mod front;
pub mod hands;
pub mod hangup;
pub mod headless;
pub mod kept;
pub mod keys;
pub mod lines;
pub mod listing;
pub mod opening;
pub mod pollers;
mod reports;
pub mod serve;
pub mod session;
pub mod signals;
pub mod sim_verbs;
pub mod survey;
pub mod terminal;
pub mod themes;
pub mod token;
pub mod verbs;
pub mod worlds;
