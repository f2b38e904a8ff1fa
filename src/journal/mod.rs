//! The durable record of a run: hash-chained, fsynced, one writer.
//!
//! A run's journal is a file of JSON objects, one a line, each ending in its own hash:
//!
//! ```json
//! {"v":1,"seq":2,"prev":"9f…","run":"r-20261120-1003-7k","wall":"2026-11-20T10:03:07.120Z","mono_ms":761204,"actor":{"upn":"op@contoso.example","oid":"","os":"op"},"kind":"armed","on":true,"how":"typed","hash":"c4…"}
//! ```
//!
//! The hash of a record is the SHA-256, in 64 lower-case hexadecimal digits, over the text of
//! `prev` followed by the record *without its hash*: the line's bytes with the last 76
//! (`,"hash":"` + 64 digits + `"}` + line feed) taken off and `}` put back. `prev` is the hash
//! of the record before. The first record's `prev` is the `previous` it names, which is the
//! head of the estate's previous run, or 64 zeros where there is none; so the runs of an estate
//! form one chain. `seq` counts from 1. Three lines of Python re-check a journal:
//!
//! ```python
//! import hashlib, json, sys; prev = None
//! for line in open(sys.argv[1], "rb"):
//!     body = line[:-76] + b"}"; prev = prev or json.loads(body)["prev"]; assert json.loads(body)["prev"] == prev, line; prev = hashlib.sha256(prev.encode() + body).hexdigest(); assert prev.encode() == line[-67:-3], line
//! ```
//!
//! A chain cannot see whole records cut off its end. `HEADS` (see [`heads`]) and the head that
//! the end screen and the report print are there for that. Whoever may write the files of this
//! user can rewrite both; what protects then is a head that was noted elsewhere.
//!
//! `std::fs` is used in `file.rs`, `heads.rs`, `lock.rs`, `runs.rs` and `verify.rs` only.
//! Nothing here asks what time it is.

mod chain;
pub mod file;
pub mod heads;
mod lines;
pub mod lock;
pub mod memory;
pub mod record;
pub mod runs;
pub mod show;
pub mod transcript;
pub mod verify;

#[cfg(test)]
mod sample;

use std::{io, path::PathBuf};

use serde::Serialize;

use crate::engine::Stamped;

pub use file::{FileJournal, Reopened};
pub use memory::MemoryJournal;
pub use record::Record;
pub use transcript::Transcript;

/// `prev` of the first record of an estate's first run.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where a run's events become durable.
pub trait Journal: Send {
    /// Appends `events` in order and returns the sequence number of the last durable record.
    ///
    /// Blocks until they are durable. After any error the journal is dead: every later append
    /// fails, and what the failed one left behind is found out by opening the journal anew. An
    /// fsync is never tried again, because a second one can succeed although the first lost data.
    fn append(&mut self, events: &[Stamped]) -> Result<u64, JournalError>;

    /// The last durable record.
    fn head(&self) -> Head;
}

/// The last record of a run: what has to be noted elsewhere to notice a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Run.
    pub run: String,
    /// Sequence number; 0 before the first record.
    pub seq: u64,
    /// Hash of the record; [`GENESIS`] before the first one.
    pub hash: String,
}

impl Head {
    /// The head of a run without records.
    pub fn empty(run: &str) -> Self {
        Self { run: run.to_owned(), seq: 0, hash: GENESIS.to_owned() }
    }
}

/// Why a journal could not be written, opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file or directory of the journal could not be made, opened or read.
    #[error("could not {doing} {path}: {source}")]
    Access {
        /// What was tried, such as `create`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file or directory of the journal is not ours alone, so it proves nothing.
    #[error("{path} {why}; the journal must be yours alone: mend that or choose another --state-dir")]
    Unsafe {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An append failed.
    #[error(
        "the journal of {run} could not be written: {source}; records up to {seq} are kept, nothing more will be \
         sent; make room on the disk and resume the run"
    )]
    Append {
        /// Run.
        run: String,
        /// Last durable record.
        seq: u64,
        /// Why not.
        source: io::Error,
    },
    /// The file was removed, replaced or changed by somebody else while we wrote it.
    #[error("the journal of {run} {why} while the run was going on; records up to {seq} had been written")]
    Meddled {
        /// Run.
        run: String,
        /// Last durable record.
        seq: u64,
        /// What happened to it.
        why: &'static str,
    },
    /// An earlier append failed.
    #[error(
        "the journal of {run} failed after record {seq} and takes no more; resume the run to open it anew"
    )]
    Dead {
        /// Run.
        run: String,
        /// Last durable record.
        seq: u64,
    },
    /// A record in the middle does not fit the chain. Nothing was changed.
    #[error(
        "the journal of {run} is broken at record {seq}: {why}; it was left as it is: see `farshore audit verify`"
    )]
    Broken {
        /// Run.
        run: String,
        /// Place of the record.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// Records that `HEADS` lists are gone from the end.
    #[error(
        "the journal of {run} ends at record {seq}, but record {known} had been written; see `farshore audit verify`"
    )]
    Shorter {
        /// Run.
        run: String,
        /// Last record there is.
        seq: u64,
        /// Last record known.
        known: u64,
    },
    /// A record cannot be understood by this version. Nothing was changed.
    #[error("the journal of {run} cannot be read: {source}")]
    Record {
        /// Run.
        run: String,
        /// Why not.
        source: record::RecordError,
    },
    /// The run never got as far as a first whole record.
    #[error("the journal of {run} holds no whole record: the run never began, nothing was sent")]
    Empty {
        /// Run.
        run: String,
    },
    /// Another process writes this run.
    #[error("the journal of {run} is being written by another process; close that one first")]
    Busy {
        /// Run.
        run: String,
    },
    /// There is no such run, or the text is no run id.
    #[error("there is no run {run} below {path}")]
    NoRun {
        /// What was asked for.
        run: crate::domain::Safe,
        /// Where was looked.
        path: PathBuf,
    },
}
