//! Stand-in for the engine's mouth and ear until it is here.

use crate::{
    domain::{Observation, Safe, Source, time::Timestamp},
    engine::{Command, Stamped},
};

/// What happens to a run.
#[derive(Debug, Clone)]
pub enum Input {
    /// Somebody wants something.
    Command(Command),
    /// A source was looked at.
    Observed(Observation),
    /// The journal is durable up to here.
    Durable(u64),
    /// The journal cannot be written.
    JournalFailed(Safe),
    /// Time passed.
    Tick,
}

/// What a run asks for.
#[derive(Debug, Clone)]
pub enum Output {
    /// Lines for the journal.
    Append(Vec<Stamped>),
    /// Look now.
    Look(Source),
    /// Tick then.
    WakeAt(Timestamp),
}
