//! All readings of an estate, and what follows from them.

use std::collections::BTreeMap;

use super::{
    Answer, Observation, Reading, Side, Source,
    reading::{Look, SilenceKind},
    time::{Span, Timestamp, span_text},
};

/// Every source with its last reading.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    readings: BTreeMap<Source, Reading>,
    awaited: BTreeMap<Source, Timestamp>,
    /// When the newest look of an earlier process began.
    recalled: Option<Timestamp>,
    revision: u64,
}

/// A source is stale when its answer is older than this many intervals (design §9).
pub const STALE_INTERVALS: i32 = 2;

/// Of a source that nobody has looked at.
pub const NOT_YET: &str = "not looked at yet";

/// Stands before how long a source has been asked that has told nothing yet.
pub const ASKING: &str = "asking for ";

impl Picture {
    /// Takes in one observation.
    pub fn take(&mut self, observation: Observation) {
        self.revision += 1;
        self.readings.entry(observation.source.clone()).or_default().take(observation);
    }

    /// Takes in what an earlier process saw, where nothing was seen since.
    pub fn recall(&mut self, source: Source, look: Look) {
        self.revision += 1;
        self.recalled = self.recalled.max(Some(look.started));
        self.readings.entry(source).or_default().recall(look);
    }

    /// Looks that began at or after this are those of this process.
    pub fn own_since(&self) -> Timestamp {
        self.recalled.and_then(|at| at.checked_add(Span::from_millis(1)).ok()).unwrap_or(Timestamp::MIN)
    }

    /// The last answer of a source, where this process got it.
    pub fn own(&self, source: &Source) -> Option<&Look> {
        self.last(source).filter(|look| look.started >= self.own_since())
    }

    /// Whether this process has looked at a source, whatever that brought.
    pub fn is_looked_at(&self, source: &Source) -> bool {
        self.readings.get(source).is_some_and(|reading| reading.asked.is_some())
    }

    /// Notes when a source will be looked at again.
    pub fn await_look(&mut self, source: Source, at: Timestamp) {
        self.revision += 1;
        self.awaited.insert(source, at);
    }

    /// When a source is looked at again, as far as that is known; what has passed is being looked at.
    pub fn next_look(&self, source: &Source) -> Option<Timestamp> {
        self.awaited.get(source).copied()
    }

    /// Since when a source is asked that has told nothing yet, neither an answer nor a failure; `None`: it has,
    /// or nobody asks.
    pub fn asked_since(&self, source: &Source, now: Timestamp) -> Option<Timestamp> {
        let untold = |reading: &Reading| reading.last.is_none() && reading.silence.is_none();
        let asks = self.readings.get(source).is_none_or(untold);
        self.next_look(source).filter(|at| asks && *at <= now)
    }

    /// Why a source has told nothing yet.
    pub fn untold(&self, source: &Source, now: Timestamp) -> String {
        let asking = |at| format!("{ASKING}{}", span_text(now.duration_since(at)));
        self.asked_since(source, now).map_or_else(|| NOT_YET.to_owned(), asking)
    }

    /// Grows with every change: of a picture and its copies, those with the same number are the same.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The reading of a source, empty if it was never looked at.
    pub fn reading(&self, source: &Source) -> Option<&Reading> {
        self.readings.get(source)
    }

    /// Whether a source never answered, and has been asked for longer than an answer is trusted.
    pub fn is_overdue(&self, source: &Source, now: Timestamp) -> bool {
        self.readings.get(source).is_some_and(|reading| reading.is_overdue(source, now))
    }

    /// The last answer of a source.
    pub fn last(&self, source: &Source) -> Option<&Look> {
        self.readings.get(source)?.last.as_ref()
    }

    /// The last answer, if nothing has gone wrong since and it is not stale at `now`.
    pub fn fresh(&self, source: &Source, now: Timestamp) -> Option<&Answer> {
        let reading = self.readings.get(source)?;
        let look = reading.last.as_ref()?;
        let limit = source.interval() * STALE_INTERVALS;
        (now.duration_since(look.at) <= limit).then_some(&look.answer)
    }

    /// All readings.
    pub fn iter(&self) -> impl Iterator<Item = (&Source, &Reading)> {
        self.readings.iter()
    }

    /// Looks at a side that bring no answer, of how many, and since when the call to its control plane brings
    /// none; `None`: more than half do, or that one.
    pub fn mute(&self, side: Side) -> Option<(usize, usize, Timestamp)> {
        let unheard = |reading: &Reading| {
            let kind = reading.silence.as_ref().map(|(_, silence)| silence.kind);
            matches!(kind, Some(SilenceKind::Unreachable | SilenceKind::NotAsked))
        };
        let since = self.reading(&Source::Control(side)).filter(|call| unheard(call))?.silent_since?;
        let of = || self.iter().filter(|(source, _)| source.side() == Some(side));
        let (fail, all) = (of().filter(|(_, reading)| unheard(reading)).count(), of().count());
        (fail * 2 >= all).then_some((fail, all, since))
    }

    /// Forgets one source, as if nobody had looked at it yet.
    #[cfg(test)]
    pub(crate) fn forget(&mut self, source: &Source) {
        self.revision += 1;
        self.readings.remove(source);
    }

    /// Forgets everything, as when the estate changes under a run.
    pub fn clear(&mut self) {
        self.revision += 1;
        self.readings.clear();
        self.awaited.clear();
    }
}
