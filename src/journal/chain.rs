//! Following the chain of a run, line by line, without understanding the events.

use std::borrow::Cow;

use serde::Deserialize;

use crate::engine::{RunEvent, Stamped};

use super::{
    GENESIS, Head,
    record::{HASH_DIGITS, HASH_KEY, digest, encode},
};

/// The end of a chain so far.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    run: String,
    seq: u64,
    /// `None` after a break: the next record's `prev` cannot be judged.
    hash: Option<String>,
}

/// A record that fits the chain.
pub(super) struct Link {
    pub(super) hash: String,
    /// Head of the run before, where this is an `opened` record that names one.
    pub(super) previous: Option<String>,
}

/// Why a line does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Break {
    #[error("the line is no record")]
    Form,
    #[error("the hash does not fit the record")]
    Hash,
    #[error("record {0} stands here")]
    Seq(u64),
    #[error("it does not follow the record before")]
    Prev,
    #[error("it belongs to run {0}")]
    Run(String),
}

/// The keys the chain hangs on.
#[derive(Deserialize)]
struct Joint<'a> {
    seq: u64,
    #[serde(borrow)]
    prev: Cow<'a, str>,
    #[serde(borrow)]
    run: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    previous: Option<Cow<'a, str>>,
}

impl Chain {
    /// The chain of a run without records.
    pub(super) fn new(run: &str) -> Self {
        Self { run: run.to_owned(), seq: 0, hash: None }
    }

    /// Its last record.
    pub(super) fn head(&self) -> Head {
        let hash = self.hash.clone().unwrap_or_else(|| GENESIS.to_owned());
        Head { run: self.run.clone(), seq: self.seq, hash }
    }

    /// Number of its last record.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Its run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Encodes the next event onto `buffer`, line feed included.
    pub(super) fn extend(&mut self, stamped: &Stamped, buffer: &mut Vec<u8>) {
        let prev = match (&self.hash, &stamped.event) {
            (Some(hash), _) => hash.as_str(),
            (None, RunEvent::Opened(opened)) => opened.previous.as_deref().unwrap_or(GENESIS),
            (None, _) => GENESIS,
        };
        let (line, hash) = encode(stamped, &self.run, self.seq + 1, prev);
        buffer.extend_from_slice(line.as_bytes());
        buffer.push(b'\n');
        (self.seq, self.hash) = (self.seq + 1, Some(hash));
    }

    /// Takes the next line, without its line feed. On an error the chain stays where it was.
    pub(super) fn follow(&mut self, line: &[u8]) -> Result<Link, Break> {
        let (open, told) = split(line).ok_or(Break::Form)?;
        let joint = joint(line).ok_or(Break::Form)?;
        if digest(joint.prev.as_bytes(), open).as_bytes() != told {
            return Err(Break::Hash);
        }
        if joint.run != self.run {
            return Err(Break::Run(crate::domain::Safe::new(&joint.run).to_string()));
        }
        if joint.seq != self.seq + 1 {
            return Err(Break::Seq(joint.seq));
        }
        let previous = joint.previous.filter(|_| joint.kind == "opened").map(Cow::into_owned);
        let expected = match &self.hash {
            Some(hash) => Some(hash.as_str()),
            None if self.seq == 0 => Some(previous.as_deref().unwrap_or(GENESIS)),
            None => None,
        };
        if expected.is_some_and(|expected| expected != joint.prev) {
            return Err(Break::Prev);
        }
        let hash = String::from_utf8_lossy(told).into_owned();
        (self.seq, self.hash) = (joint.seq, Some(hash.clone()));
        Ok(Link { hash, previous })
    }

    /// Goes on behind a line that did not fit, so that one break is told once.
    pub(super) fn skip(&mut self, line: &[u8]) {
        let told = joint(line).map(|joint| joint.seq);
        // A wild number would make every later record look wrong.
        let next = self.seq + 1;
        self.seq = told.filter(|seq| *seq >= next && *seq - next <= MAX_GAP).unwrap_or(next);
        self.hash = None;
    }
}

/// Missing records taken for one gap; more than this in one place is a spoiled number.
const MAX_GAP: u64 = 1_000_000;

/// The line up to its hash, without the closing brace, and the hash it tells.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_suffix(b"\"}")?;
    let (front, told) = rest.split_at_checked(rest.len().checked_sub(HASH_DIGITS)?)?;
    Some((front.strip_suffix(HASH_KEY)?, told))
}

/// Reads the keys the chain hangs on.
fn joint(line: &[u8]) -> Option<Joint<'_>> {
    serde_json::from_slice(line).ok()
}
