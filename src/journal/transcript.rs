//! A run read from its first record to its last, every record checked.

use std::{io::BufRead, path::Path};

use crate::engine::Stamped;

use super::{
    Head, JournalError,
    chain::Chain,
    lines::{self, MAX_LINE, Piece},
    record::{RecordError, decode},
};

/// Everything a journal holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The events in order.
    pub events: Vec<Stamped>,
    /// The last record.
    pub head: Head,
    /// Bytes of the whole lines.
    pub whole: u64,
    /// What stands behind the last line feed: a record whose writing was cut short, so that it
    /// was never acted upon. Empty in a healthy journal.
    pub torn: Vec<u8>,
}

/// Reads a journal; `path` stands in error messages. Nothing is changed.
pub(super) fn read(
    reader: &mut impl BufRead,
    run: &str,
    path: &Path,
) -> Result<(Chain, Transcript), JournalError> {
    let mut chain = Chain::new(run);
    let mut transcript =
        Transcript { events: Vec::new(), head: Head::empty(run), whole: 0, torn: Vec::new() };
    let mut line = Vec::new();
    loop {
        let piece = lines::next(reader, &mut line).map_err(|source| JournalError::Access {
            doing: "read",
            path: path.to_owned(),
            source,
        })?;
        let broken = |why: String| JournalError::Broken { run: run.to_owned(), seq: chain.seq() + 1, why };
        match piece {
            Piece::End => break,
            Piece::Torn => {
                transcript.torn = line;
                break;
            }
            Piece::Endless => return Err(broken(format!("a line is longer than {MAX_LINE} bytes"))),
            Piece::Whole => {}
        }
        let text = String::from_utf8_lossy(&line);
        // What a newer version wrote is said to be newer before it is said to be broken.
        let record = decode(&text);
        if let Err(source @ RecordError::Newer { .. }) = record {
            return Err(JournalError::Record { run: run.to_owned(), source });
        }
        if let Err(why) = chain.follow(&line) {
            return Err(JournalError::Broken {
                run: run.to_owned(),
                seq: chain.seq() + 1,
                why: why.to_string(),
            });
        }
        let record = record.map_err(|source| JournalError::Record { run: run.to_owned(), source })?;
        transcript.events.push(record.stamped);
        transcript.whole += line.len() as u64 + 1;
    }
    transcript.head = chain.head();
    Ok((chain, transcript))
}
