//! farshore: a terminal cockpit that moves Azure Virtual Desktop estates between two regions.
//!
//! The modules are floors; imports go down only. ARCHITECTURE.md draws them and
//! `tests/it/floors.rs` enforces them.

pub mod app;
pub mod azure;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod journal;
pub mod plain;
pub mod readiness;
pub mod recording;
pub mod report;
pub mod runbook;
pub mod runtime;
pub mod sim;
pub mod status;
pub mod ui;
pub mod vault;
pub mod wire;
