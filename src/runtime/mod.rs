//! The loop and everything that waits.

pub mod clock;
pub mod hands;
pub mod headless;
pub mod opening;
pub mod serve;
pub mod session;
pub mod sim_verbs;
pub mod survey;
pub mod worlds;
