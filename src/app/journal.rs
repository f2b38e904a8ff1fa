//! The journal of one run, record by record, as a pane of the cockpit.

use std::collections::BTreeMap;

use crate::{
    domain::{
        Safe,
        time::{Timestamp, time_text},
    },
    engine::{RunEvent, Stamped},
    status::CellState,
};

use super::{
    sentence,
    table::{Column, Field, Kind, Row, column},
};

/// The journal that the pane shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pane {
    /// Whose; `None`: no run has been chosen.
    pub run: Option<String>,
    /// What became of reading it.
    pub reading: Reading,
    /// Its records by number.
    entries: BTreeMap<u64, Entry>,
}

/// What became of reading a journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reading {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// Asked, not read yet.
    Asked,
    /// Read to its end.
    Read,
    /// It could not be read.
    Failed(Safe),
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    at: Timestamp,
    kind: String,
    words: String,
    by: String,
    state: CellState,
}

/// Whether a pane of lines shows what comes as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// It does.
    #[default]
    Following,
    /// It stands still since there were so many lines.
    Paused(u64),
}

impl Pane {
    /// The columns of the pane.
    pub const COLUMNS: &'static [Column] = &[
        column("seq", "seq", Kind::Count, 4, 0),
        column("time", "time", Kind::Word, 9, 1),
        column("kind", "kind", Kind::Word, 10, 2),
        column("words", "words", Kind::Word, 20, 3),
        column("by", "by", Kind::Word, 0, 5),
        column("age", "age", Kind::Age, 0, 4),
    ];

    /// Turns to the journal of `run`, whose records are still to be read.
    pub(super) fn turn_to(&mut self, run: &str) {
        if self.run.as_deref() != Some(run) {
            *self = Self { run: Some(run.to_owned()), ..Self::default() };
        }
        if self.reading != Reading::Read {
            self.reading = Reading::Asked;
        }
    }

    /// The journal of `run` was read, or could not be.
    pub(super) fn take(&mut self, run: &str, outcome: Result<Vec<Stamped>, Safe>) {
        if self.run.as_deref() != Some(run) {
            return;
        }
        match outcome {
            Ok(records) => {
                for (seq, stamped) in (1..).zip(&records) {
                    self.entries.insert(seq, Entry::of(stamped));
                }
                self.reading = Reading::Read;
            }
            Err(why) => self.reading = Reading::Failed(why),
        }
    }

    /// A record was added to the journal of `run`.
    pub(super) fn add(&mut self, run: &str, seq: u64, stamped: &Stamped) {
        if self.run.as_deref() == Some(run) {
            self.entries.insert(seq, Entry::of(stamped));
        }
    }

    /// Records that are known.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// The records up to the `last`th as rows, oldest first.
    pub fn rows_to(&self, now: Timestamp, last: u64) -> impl Iterator<Item = Row> {
        self.entries.range(..=last).map(move |(seq, entry)| {
            let fields = vec![
                Field::count(*seq),
                Field::word(time_text(entry.at)),
                Field::word(entry.kind.as_str()),
                Field::word(entry.words.as_str()),
                Field::word(entry.by.as_str()),
                Field::age(now.duration_since(entry.at)),
            ];
            Row::new(entry.state, fields)
        })
    }
}

impl Entry {
    fn of(stamped: &Stamped) -> Self {
        let sentence = sentence::of_event(&stamped.event);
        // The kind stands in front, padded.
        let (kind, words) = sentence.split_at_checked(sentence::KIND).unwrap_or((&sentence, ""));
        Self {
            at: stamped.wall,
            kind: kind.trim().to_owned(),
            words: words.trim().to_owned(),
            by: stamped.actor.upn.to_string(),
            state: weight(&stamped.event),
        }
    }
}

/// How much a record matters to somebody who looks for what went wrong.
fn weight(event: &RunEvent) -> CellState {
    match event {
        RunEvent::Failed { .. } | RunEvent::Refused { .. } => CellState::Crit,
        RunEvent::Held { .. }
        | RunEvent::Skipped { .. }
        | RunEvent::Deferred { .. }
        | RunEvent::Recovered { .. } => CellState::Warn,
        _ => CellState::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::scene::noon,
        engine::event::{Actor, HeldWhy},
    };

    fn record(event: RunEvent) -> Stamped {
        let actor = Actor { upn: Safe::new("op.01"), oid: Safe::default(), os: Safe::default() };
        Stamped { wall: noon(), mono_ms: 1, actor, event }
    }

    #[test]
    fn records_that_come_while_the_journal_is_read_stand_once_in_their_place() {
        let note = |text: &str| record(RunEvent::Skipped { step: "a6-tell".into(), reason: Safe::new(text) });
        let held =
            record(RunEvent::Held { why: HeldWhy::Person, note: Safe::new("lunch"), in_flight: Vec::new() });
        let mut pane = Pane::default();
        pane.turn_to("r-1");
        pane.add("r-1", 3, &held);
        pane.add("r-2", 9, &held);
        pane.take("r-2", Ok(vec![held.clone(); 7]));
        assert_eq!((pane.count(), &pane.reading), (1, &Reading::Asked));
        pane.take("r-1", Ok(vec![note("one"), note("two"), held.clone()]));
        let said: Vec<String> = pane.rows_to(noon(), u64::MAX).map(|row| row.words()).collect();
        assert_eq!(said[2], "3 10:14:55Z held by a person: lunch op.01 0s");
        assert_eq!((said.len(), &pane.reading), (3, &Reading::Read));
        pane.take("r-1", Err(Safe::new("permission denied")));
        assert_eq!(pane.reading, Reading::Failed(Safe::new("permission denied")));
        let to = |last: u64| pane.rows_to(noon(), last).count();
        assert_eq!([0, 2, u64::MAX].map(to), [0, 2, 3]);
        pane.turn_to("r-2");
        assert_eq!((pane.count(), &pane.reading), (0, &Reading::Asked));
    }
}
