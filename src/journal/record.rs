//! One line of the journal: writing it, and reading it back.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        seeded::{Mistake, planted},
        text::hex,
        time::{Timestamp, wall_text},
    },
    engine::{Actor, RunEvent, Stamped},
};

/// Version of the line format that we write, and the newest we read.
pub const VERSION: u64 = 1;

/// What stands before the digits of a record's hash.
pub(super) const HASH_KEY: &[u8] = b",\"hash\":\"";

/// Digits of a hash.
pub(super) const HASH_DIGITS: usize = 64;

/// The kinds of records we know.
const KINDS: [&str; 18] = [
    "opened",
    "armed",
    "confirmed",
    "intent",
    "accepted",
    "observed",
    "done",
    "refused",
    "failed",
    "skipped",
    "deferred",
    "paid",
    "held",
    "resumed",
    "note",
    "gate",
    "recovered",
    "closed",
];

/// A record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number in the run, from 1.
    pub seq: u64,
    /// Hash of the record before.
    pub prev: String,
    /// Run.
    pub run: String,
    /// The event with its time and person. Times are kept to the millisecond.
    pub stamped: Stamped,
    /// Its own hash.
    pub hash: String,
}

/// Why a line could not be understood. Every message names the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a record at all.
    #[error("the line is no journal record: {0}")]
    Form(String),
    /// Written by a newer farshore.
    #[error("record {seq} has format {v}, this version reads up to {VERSION}: use the newer farshore")]
    Newer {
        /// Record.
        seq: u64,
        /// Its version.
        v: u64,
    },
    /// A kind this version does not know.
    #[error("record {seq} is of the unknown kind \"{kind}\"")]
    UnknownKind {
        /// Record.
        seq: u64,
        /// The kind.
        kind: crate::domain::Safe,
    },
    /// The kind is known and its contents are not as they should be.
    #[error("record {seq} ({kind}) cannot be read: {why}")]
    Contents {
        /// Record.
        seq: u64,
        /// Its kind.
        kind: String,
        /// What is wrong.
        why: String,
    },
}

/// The keys that every record has.
#[derive(Deserialize)]
struct Frame {
    v: u64,
    seq: u64,
    prev: String,
    run: String,
    wall: Timestamp,
    mono_ms: u64,
    actor: Actor,
    kind: String,
    hash: String,
}

/// The line of an event, without the line feed, and its hash.
pub fn encode(stamped: &Stamped, run: &str, seq: u64, prev: &str) -> (String, String) {
    let json = "events, actors and short texts have string keys and always serialise";
    let event = serde_json::to_string(&stamped.event).expect(json);
    let mut line = format!(
        "{{\"v\":{VERSION},\"seq\":{seq},\"prev\":{},\"run\":{},\"wall\":\"{}\",\"mono_ms\":{},\"actor\":{},",
        serde_json::to_string(prev).expect(json),
        serde_json::to_string(run).expect(json),
        wall_text(stamped.wall),
        stamped.mono_ms,
        serde_json::to_string(&stamped.actor).expect(json),
    );
    line.push_str(&event[1..]);
    let hash = digest(prev.as_bytes(), &line.as_bytes()[..line.len() - 1]);
    line.pop();
    line.push_str(",\"hash\":\"");
    line.push_str(&hash);
    line.push_str("\"}");
    (line, hash)
}

/// Reads a line back. The chain is not checked here.
pub fn decode(line: &str) -> Result<Record, RecordError> {
    let frame = match serde_json::from_str::<Frame>(line) {
        Ok(frame) => frame,
        Err(error) => return Err(foreign(line).unwrap_or_else(|| RecordError::Form(error.to_string()))),
    };
    let Frame { v, seq, prev, run, wall, mono_ms, actor, kind, hash } = frame;
    if v > VERSION {
        return Err(RecordError::Newer { seq, v });
    }
    let event = serde_json::from_str::<RunEvent>(line).map_err(|error| {
        if KINDS.contains(&kind.as_str()) {
            RecordError::Contents { seq, kind: kind.clone(), why: error.to_string() }
        } else {
            RecordError::UnknownKind { seq, kind: kind.as_str().into() }
        }
    })?;
    Ok(Record { seq, prev, run, stamped: Stamped { wall, mono_ms, actor, event }, hash })
}

/// A newer format may frame its records otherwise; then at least say that it is newer.
fn foreign(line: &str) -> Option<RecordError> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let v = value.get("v")?.as_u64().filter(|v| *v > VERSION)?;
    Some(RecordError::Newer { seq: value.get("seq").and_then(serde_json::Value::as_u64).unwrap_or(0), v })
}

/// The hash of a record: over the previous hash and the record's body, of which `open` is all
/// but the closing brace.
pub(super) fn digest(prev: &[u8], open: &[u8]) -> String {
    let mut hasher = Sha256::new();
    if !planted(Mistake::HashWithoutPrev) {
        hasher.update(prev);
    }
    hasher.update(open);
    hasher.update(b"}");
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::{GENESIS, sample};

    proptest! {
        #[test]
        fn what_is_written_reads_back(stamped in sample::any(), seq in 1..u64::MAX) {
            let (line, hash) = encode(&stamped, "r-20261120-1003-7k", seq, GENESIS);
            prop_assert!(!line.contains('\n'));
            let record = decode(&line).unwrap();
            prop_assert_eq!((record.seq, record.prev.as_str(), &record.hash), (seq, GENESIS, &hash));
            prop_assert_eq!(record.stamped, stamped);
        }

        #[test]
        fn no_line_makes_it_panic(line in ".*") {
            let _ = decode(&line);
        }
    }

    #[test]
    fn the_line_is_as_documented() {
        let stamped = sample::armed();
        let (line, hash) = encode(&stamped, "r-1", 2, "9f");
        assert_eq!(
            line,
            format!(
                "{{\"v\":1,\"seq\":2,\"prev\":\"9f\",\"run\":\"r-1\",\"wall\":\"2026-11-20T10:03:07.120Z\",\
                 \"mono_ms\":761204,\"actor\":{{\"upn\":\"op@contoso.example\",\"oid\":\"\",\"os\":\"op\"}},\
                 \"kind\":\"armed\",\"on\":true,\"how\":\"typed\",\"hash\":\"{hash}\"}}"
            )
        );
        let body = format!("9f{}}}", &line[..line.len() - 75]);
        assert_eq!(hash, crate::domain::text::sha256_hex(body.as_bytes()));
    }

    #[test]
    fn the_list_of_kinds_is_complete_and_no_event_hides_a_key_of_the_frame() {
        let mut seen: Vec<String> = Vec::new();
        for event in sample::every_kind() {
            let value = serde_json::to_value(&event).unwrap();
            let object = value.as_object().unwrap();
            for key in ["v", "seq", "prev", "run", "wall", "mono_ms", "actor", "hash"] {
                assert!(!object.contains_key(key), "{key} in {value}");
            }
            seen.push(object["kind"].as_str().unwrap().to_owned());
        }
        assert_eq!(seen, KINDS);
    }

    #[test]
    fn what_cannot_be_understood_names_the_record() {
        let (line, _) = encode(&sample::armed(), "r-1", 7, GENESIS);
        let check = |from: &str, to: &str, expected: &str| {
            let said = decode(&line.replace(from, to)).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        check("\"v\":1", "\"v\":2", "record 7 has format 2");
        check("\"v\":1", "\"v\":2,\"x\":0,\"mono_ms\":\"\"", "record 7 has format 2");
        check("\"armed\"", "\"beamed\"", "record 7 is of the unknown kind \"beamed\"");
        check("\"on\":true", "\"on\":\"yes\"", "record 7 (armed) cannot be read");
        check("{", "", "no journal record");
    }
}
