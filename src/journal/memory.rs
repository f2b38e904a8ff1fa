//! A journal in memory, for rehearsals that keep nothing, for tests and for searches.

use crate::engine::Stamped;

use super::{Head, Journal, JournalError, chain::Chain, record::decode};

/// Holds the very bytes a file would hold.
#[derive(Debug, Clone)]
pub struct MemoryJournal {
    chain: Chain,
    bytes: Vec<u8>,
    /// Ends of the lines in `bytes`, line feeds included.
    ends: Vec<usize>,
    room: Room,
}

/// How much more it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Everything.
    Endless,
    /// Records up to this number; the append that would pass it fails.
    UpTo(u64),
    /// Nothing more: an append failed.
    Dead,
}

impl MemoryJournal {
    /// The empty journal of a run.
    pub fn new(run: &str) -> Self {
        Self { chain: Chain::new(run), bytes: Vec::new(), ends: Vec::new(), room: Room::Endless }
    }

    /// Rebuilds a journal from lines (without line feeds) and returns its events, as opening a
    /// file would.
    pub fn from_lines<S: AsRef<str>>(
        run: &str,
        lines: impl IntoIterator<Item = S>,
    ) -> Result<(Self, Vec<Stamped>), JournalError> {
        let mut journal = Self::new(run);
        let mut events = Vec::new();
        for line in lines {
            let line = line.as_ref();
            let seq = journal.chain.seq() + 1;
            journal.chain.follow(line.as_bytes()).map_err(|why| JournalError::Broken {
                run: run.to_owned(),
                seq,
                why: why.to_string(),
            })?;
            let record =
                decode(line).map_err(|source| JournalError::Record { run: run.to_owned(), source })?;
            events.push(record.stamped);
            journal.bytes.extend_from_slice(line.as_bytes());
            journal.bytes.push(b'\n');
            journal.ends.push(journal.bytes.len());
        }
        Ok((journal, events))
    }

    /// The lines, without line feeds.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            std::str::from_utf8(&self.bytes[start..end - 1]).expect("lines are made from strings")
        })
    }

    /// The bytes a file would hold.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a crash would leave: the journal up to record `seq`, ready to go on.
    #[must_use]
    pub fn truncate_to(&self, seq: u64) -> Self {
        let kept = self.lines().take(usize::try_from(seq).unwrap_or(usize::MAX));
        let (journal, _) = Self::from_lines(self.chain.run(), kept)
            .expect("a journal's own lines form a chain from its beginning");
        journal
    }

    /// From now on the append that would write record `seq` fails, and the journal is dead.
    pub fn fail_at(&mut self, seq: u64) {
        self.room = Room::UpTo(seq.saturating_sub(1));
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, events: &[Stamped]) -> Result<u64, JournalError> {
        let (run, seq) = (self.chain.run().to_owned(), self.chain.seq());
        match self.room {
            Room::Dead => return Err(JournalError::Dead { run, seq }),
            Room::UpTo(last) if seq + events.len() as u64 > last => {
                self.room = Room::Dead;
                let source = std::io::ErrorKind::StorageFull.into();
                return Err(JournalError::Append { run, seq, source });
            }
            Room::UpTo(_) | Room::Endless => {}
        }
        for event in events {
            self.chain.extend(event, &mut self.bytes);
            self.ends.push(self.bytes.len());
        }
        Ok(self.chain.seq())
    }

    fn head(&self) -> Head {
        self.chain.head()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::sample;

    #[test]
    fn every_prefix_reads_back_and_goes_on() {
        let mut journal = MemoryJournal::new("r-1");
        let events = sample::run();
        assert_eq!(journal.append(&events).unwrap(), events.len() as u64);
        assert_eq!(journal.head().seq, events.len() as u64);
        for seq in 0..=events.len() {
            let mut prefix = journal.truncate_to(seq as u64);
            assert_eq!(prefix.head().seq, seq as u64);
            prefix.append(&events[seq..]).unwrap();
            assert_eq!(prefix.bytes(), journal.bytes(), "going on after {seq} gives the same bytes");
            let (_, read) = MemoryJournal::from_lines("r-1", prefix.lines()).unwrap();
            assert_eq!(read, events);
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_refused_with_their_number() {
        let mut journal = MemoryJournal::new("r-1");
        journal.append(&sample::run()).unwrap();
        let lines: Vec<&str> = journal.lines().collect();
        let refused = |run: &str, lines: &[&str]| match MemoryJournal::from_lines(run, lines) {
            Err(JournalError::Broken { seq, .. }) => Some(seq),
            _ => None,
        };
        assert_eq!(refused("r-1", &lines[1..]), Some(1));
        assert_eq!(refused("r-1", &[lines[0], lines[0]]), Some(2));
        assert_eq!(refused("r-1", &[lines[0], lines[2]]), Some(2));
        assert_eq!(refused("r-2", &lines), Some(1));
        assert_eq!(refused("r-1", &lines), None);
    }

    #[test]
    fn after_a_failed_append_nothing_more_is_taken() {
        let events = sample::run();
        let mut journal = MemoryJournal::new("r-1");
        journal.fail_at(3);
        assert_eq!(journal.append(&events[..2]).unwrap(), 2);
        assert!(matches!(journal.append(&events[2..4]), Err(JournalError::Append { seq: 2, .. })));
        assert!(matches!(journal.append(&events[2..3]), Err(JournalError::Dead { seq: 2, .. })));
        assert_eq!(journal.lines().count(), 2);
    }

    #[test]
    fn the_first_record_hangs_on_the_run_before() {
        let mut opened = sample::run().remove(0);
        let crate::engine::RunEvent::Opened(content) = &mut opened.event else { unreachable!() };
        content.previous = Some("ab".repeat(32));
        let mut journal = MemoryJournal::new("r-2");
        journal.append(&[opened]).unwrap();
        assert!(journal.lines().next().unwrap().contains(&format!("\"prev\":\"{}\"", "ab".repeat(32))));
        assert!(MemoryJournal::from_lines("r-2", journal.lines()).is_ok());
    }
}
