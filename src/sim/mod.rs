//! Simulated Azure: speaks the wire, imports nothing else of ours.
//!
//! [`Sim`] is a [`Wire`](crate::wire::Wire). Behind it lives a world: two regions of machines, session hosts,
//! assignments and people, which evolves in estate time whether anybody looks or not. The
//! same seed and the same writes at the same instants give the same world; reads never bend
//! it. What it imitates, quirks included, is what reference material says Azure does; each
//! module names the fact where it imitates one.
//!
//! | module | holds |
//! |---|---|
//! | `spec` `scenario` `topology` `estate` | the scenario file, and the fixed part of a world |
//! | `world` `hosts` `sessions` `people` `autoscale` `outage` | the living part and its events |
//! | `ask` `envelope` `gate` `router` `throttle` `token` | one request from path to answer |
//! | `access` `rights` `avd` `roster` `compute` `view` `operations` `guest` `graph` `health` `storage` `resources` `insights` | the providers |
//! | `fault` | the closed list of what can go wrong |
//! | `ledger` `record` `outcome` | what survives, and what a run is judged by |

mod access;
mod ask;
mod autoscale;
mod avd;
mod compute;
mod envelope;
mod estate;
mod fault;
mod gate;
mod graph;
mod guest;
mod health;
mod hosts;
mod insights;
mod ledger;
mod moment;
mod operations;
mod outage;
mod outcome;
mod people;
mod record;
mod resources;
mod rights;
mod roster;
mod router;
mod scenario;
mod serving;
mod sessions;
mod spec;
mod storage;
mod throttle;
mod token;
mod topology;
mod view;
mod world;

#[cfg(test)]
mod tests;

pub use access::CALLER;
pub use fault::{Fault, FaultKind, Scope};
pub use ledger::{Ledger, LedgerEntry, NoLedger, WriteRecord};
pub use outcome::EndState;
pub use scenario::{Scenario, Simulated};
pub use serving::{Sim, SimOptions};
pub use spec::Region;

use std::fmt;

/// Estate time, provided by the one clock of the process.
pub trait TimeSource: fmt::Debug + Send + Sync {
    /// The instant it is in the estate. Must not run backwards; the simulator holds it if it does.
    fn now(&self) -> jiff::Timestamp;

    /// The instant it is outside the estate, by which tokens end: clients judge them by their own clock.
    fn wall(&self) -> jiff::Timestamp {
        self.now()
    }
}

/// Why a simulated world could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// The scenario cannot be read.
    #[error("scenario {name}, line {line}, column {column}: {message}")]
    Scenario {
        /// Name it was loaded under.
        name: String,
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake, from 1.
        column: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The ledger refused the first entry; no world was opened.
    #[error("the world's ledger cannot be written: {why}")]
    Ledger {
        /// What the ledger said.
        why: String,
    },
    /// The record does not belong to this world.
    #[error("the world's record cannot be replayed: {why}; nothing was changed")]
    Replay {
        /// What does not fit.
        why: String,
    },
}
