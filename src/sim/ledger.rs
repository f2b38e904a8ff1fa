//! The durable record a world is rebuilt from, and the record of writes in memory.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// Version of [`LedgerEntry`]'s form.
pub(super) const FORMAT: u32 = 1;

/// Durable record of every change of a simulated world.
pub trait Ledger: fmt::Debug + Send + Sync {
    /// Appends one entry and returns once it is durable.
    ///
    /// Called before the answer of a write leaves; an error refuses the write with 500 and
    /// leaves the world as it was.
    fn append(&self, entry: &LedgerEntry) -> Result<(), String>;
}

/// A ledger that keeps nothing, for worlds that need not survive.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLedger;

impl Ledger for NoLedger {
    fn append(&self, _: &LedgerEntry) -> Result<(), String> {
        Ok(())
    }
}

/// One change, enough to repeat it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LedgerEntry {
    /// The world was opened for the first time.
    Opened {
        /// Form of the entries that follow.
        format: u32,
        /// Name the scenario was loaded under.
        scenario_name: String,
        /// The scenario as it was then.
        scenario_toml: String,
        /// Seed of the world.
        seed: u64,
        /// Where its clock started.
        epoch: Timestamp,
    },
    /// The clock stood here; appended by whoever runs the clock, through [`Sim::mark`](super::Sim::mark).
    ClockMark {
        /// Estate time.
        at: Timestamp,
    },
    /// A write arrived.
    Write {
        /// Estate time of its arrival.
        at: Timestamp,
        /// HTTP method.
        method: String,
        /// Path and query as they were sent.
        path_and_query: String,
        /// Body as it was sent.
        body: String,
        /// `x-ms-client-request-id` of the caller.
        client_request_id: Option<String>,
        /// `x-ms-correlation-request-id` of the caller.
        correlation_id: Option<String>,
        /// Status answered instead of carrying it out (throttled, refused on the way); `None` when it was handled.
        turned_away: Option<u16>,
        /// Status sent in place of the handler's; 0 when the connection broke.
        answered: Option<u16>,
    },
    /// A fault was added by hand.
    Injected {
        /// Estate time.
        at: Timestamp,
        /// The fault.
        fault: Fault,
    },
    /// A fault was ended by hand.
    Healed {
        /// Estate time.
        at: Timestamp,
        /// Its name.
        name: String,
    },
    /// A counted fault struck a request.
    Spent {
        /// Estate time.
        at: Timestamp,
        /// Which one, in the order in which they were planned.
        index: usize,
    },
}

impl LedgerEntry {
    /// Estate time of the entry.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Opened { epoch, .. } => *epoch,
            Self::ClockMark { at }
            | Self::Write { at, .. }
            | Self::Injected { at, .. }
            | Self::Healed { at, .. }
            | Self::Spent { at, .. } => *at,
        }
    }
}

/// One write that reached the simulator, for counting what was really sent and done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteRecord {
    /// Estate time of its arrival.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path as it was sent, without the query.
    pub path: String,
    /// Body as it was sent.
    pub body: String,
    /// Status of the answer; `None` when the connection broke before it.
    pub status: Option<u16>,
    /// Whether the world accepted it, whatever the caller was told.
    pub took_effect: bool,
    /// `x-ms-client-request-id` of the caller.
    pub client_request_id: Option<String>,
    /// `x-ms-correlation-request-id` of the caller.
    pub correlation_id: Option<String>,
}
