//! The words of `sim`.

use clap::{Args, Subcommand};

/// `sim`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Sim {
    /// Serve the simulated Azure over HTTP on a loopback port
    Serve(Serve),
    /// The estate file that fits a scenario or a simulator
    Estate(SimEstate),
    /// All scenarios
    Scenarios,
}

/// `sim serve`; seed and speed are flags of every verb.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Serve {
    /// Port; 0: any that is free
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// The scenario
    #[arg(long, value_name = "S")]
    pub scenario: Option<String>,
    /// Milliseconds added to every answer
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub latency: u32,
}

/// `sim estate`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SimEstate {
    /// The scenario
    #[arg(long, value_name = "S", conflicts_with = "port")]
    pub scenario: Option<String>,
    /// Ask the simulator that serves on this port
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
}
