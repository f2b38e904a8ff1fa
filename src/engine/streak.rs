//! Conditions that must be seen more than once, some time apart.

use std::collections::BTreeMap;

use crate::domain::{
    Answer, ArmId, Observation, Side, Source,
    time::{Span, Timestamp, seconds},
};

/// Looks further apart than this are no row: nobody knows what was so in between. They are taken every
/// 15 s and last 20 s at most, so that one or two may get lost.
const ROW_GAP: Span = seconds(90);

/// Looks that all showed the same, none long after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// When the first of them began.
    pub(super) first: Timestamp,
    last: Timestamp,
}

impl Row {
    /// A row of one look.
    pub(super) fn of(at: Timestamp) -> Self {
        Self { first: at, last: at }
    }

    /// The row that ends with a look of `at`: this one if it goes on, else a new one.
    #[must_use]
    pub(super) fn and(self, at: Timestamp) -> Self {
        if at.duration_since(self.last) > ROW_GAP {
            Self::of(at)
        } else {
            Self { last: self.last.max(at), ..self }
        }
    }

    /// Whether its first and its last look lie at least `apart` apart.
    pub(super) fn spans(self, apart: Span) -> bool {
        self.last.duration_since(self.first) >= apart
    }
}

/// The unbroken row of looks up to the newest, and when that began, whatever it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Streak {
    row: Option<Row>,
    last: Timestamp,
}

/// What was seen gone or empty in an unbroken row of looks. A look that shows the contrary,
/// or is not whole, breaks the row; so does one that fails, and a time in which nobody looked.
#[derive(Debug, Clone, Default)]
pub struct Streaks {
    gone: BTreeMap<ArmId, Streak>,
    empty: BTreeMap<(usize, Side), Streak>,
}

impl Streaks {
    /// Takes in one look.
    pub fn take(&mut self, observation: &Observation) {
        match &observation.source {
            Source::Assignment(id) => {
                let gone = matches!(observation.outcome, Ok(Answer::Assignment(None)));
                extend(&mut self.gone, id.clone(), gone, observation.started);
            }
            Source::Sessions(service, side) => {
                let empty = matches!(&observation.outcome, Ok(Answer::Sessions(listing)) if listing.count() == Some(0));
                extend(&mut self.empty, (*service, *side), empty, observation.started);
            }
            _ => {}
        }
    }

    /// Whether the assignment was seen gone twice, at least `apart` apart.
    pub fn gone_twice(&self, id: &ArmId, apart: Span) -> bool {
        self.gone.get(id).and_then(|streak| streak.row).is_some_and(|row| row.spans(apart))
    }

    /// How many looks the row has: 0, 1, or 2 for more.
    pub fn gone_looks(&self, id: &ArmId) -> u8 {
        let row = self.gone.get(id).and_then(|streak| streak.row);
        row.map_or(0, |row| if row.last > row.first { 2 } else { 1 })
    }

    /// Whether a side was seen empty twice, at least `apart` apart.
    pub fn empty_twice(&self, service: usize, side: Side, apart: Span) -> bool {
        let row = self.empty.get(&(service, side)).and_then(|streak| streak.row);
        row.is_some_and(|row| row.spans(apart))
    }
}

fn extend<K: Ord>(rows: &mut BTreeMap<K, Streak>, key: K, holds: bool, at: Timestamp) {
    let streak = rows.entry(key).or_insert(Streak { row: None, last: at });
    // Looks may overtake each other: one that began earlier neither breaks nor begins a row.
    if at < streak.last {
        return;
    }
    let row = holds.then(|| streak.row.map_or(Row::of(at), |row| row.and(at)));
    *streak = Streak { row, last: at };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Listing, Safe,
        reading::{Silence, SilenceKind},
    };

    /// Feeds looks at one source, each `(second, what was seen)`, and asks what holds for `apart`.
    fn check(looks: &[(i64, Seen)], apart: i64, expected: (bool, bool)) {
        let id = ArmId::parse("/subscriptions/s/resourceGroups/rg").unwrap();
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let mut streaks = Streaks::default();
        for (second, seen) in looks {
            for source in [Source::Assignment(id.clone()), Source::Sessions(0, Side::Primary)] {
                let started = epoch + seconds(*second);
                let outcome = seen.of(&source);
                streaks.take(&Observation { source, started, ended: started, outcome });
            }
        }
        let apart = seconds(apart);
        assert_eq!(
            (streaks.gone_twice(&id, apart), streaks.empty_twice(0, Side::Primary, apart)),
            expected,
            "{looks:?}"
        );
    }

    #[derive(Debug, Clone, Copy)]
    enum Seen {
        Nothing,
        Partial,
        Silence,
    }

    impl Seen {
        fn of(self, source: &Source) -> Result<Answer, Silence> {
            let silence = Silence { kind: SilenceKind::Unreachable, why: Safe::new("no answer") };
            match (self, source) {
                (Self::Silence, _) | (Self::Partial, Source::Assignment(_)) => Err(silence),
                (Self::Nothing, Source::Assignment(_)) => Ok(Answer::Assignment(None)),
                (Self::Nothing, _) => Ok(Answer::Sessions(Listing::whole(Vec::new(), 1))),
                (Self::Partial, _) => Ok(Answer::Sessions(Listing::partial(Vec::new(), 1, Safe::new("503")))),
            }
        }
    }

    #[test]
    fn a_row_counts_from_its_first_look_and_breaks_at_the_first_doubt() {
        use Seen::{Nothing, Partial, Silence};
        check(&[], 15, (false, false));
        check(&[(0, Nothing)], 0, (true, true));
        check(&[(0, Nothing)], 15, (false, false));
        check(&[(0, Nothing), (15, Nothing)], 15, (true, true));
        check(&[(0, Nothing), (14, Nothing)], 15, (false, false));
        check(&[(0, Nothing), (20, Partial), (30, Nothing)], 15, (false, false));
        check(&[(0, Nothing), (20, Silence), (30, Nothing), (45, Nothing)], 15, (true, true));
        check(&[(0, Nothing), (60, Silence)], 15, (false, false));
        // An answer that comes late says nothing about what was seen after it was asked for.
        check(&[(60, Silence), (0, Nothing), (59, Nothing)], 15, (false, false));
        check(&[(0, Nothing), (60, Nothing), (30, Silence)], 15, (true, true));
        // Nobody looked for a while, as when the machine slept.
        check(&[(0, Nothing), (90, Nothing)], 60, (true, true));
        check(&[(0, Nothing), (91, Nothing)], 60, (false, false));
        check(&[(0, Nothing), (60, Nothing), (10_000, Nothing), (10_015, Nothing)], 60, (false, false));
        check(&[(0, Nothing), (10_000, Nothing), (10_060, Nothing)], 60, (true, true));
    }
}
