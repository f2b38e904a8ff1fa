//! How far the last answer of a source can be trusted now.

use crate::domain::{
    Safe, Source,
    picture::{ASKING, NOT_YET, Picture, STALE_INTERVALS},
    reading::SilenceKind,
    time::Timestamp,
};

/// What stands behind a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    /// When the last answer was in.
    pub(super) at: Option<Timestamp>,
    /// What its age counts from: the answer, or where there is none the first request that was not answered.
    pub(super) from: Option<Timestamp>,
    /// Requests in a row that were not answered, of the source with the fewest and of that with the most
    /// among those that left any unanswered.
    pub(super) tries: (u32, u32),
    /// Whether the value may be used, and if not, why.
    pub(super) trust: Trust,
    /// Why it is not good, in words.
    pub(super) reason: Option<Safe>,
    /// Whether the answer is too old to stand for now, whatever else there is against it.
    pub(super) old: bool,
    /// Whether an answer that is still young was asked for anew, and none came.
    pub(super) missed: bool,
    /// Whether no answer ever came, for longer than one would be trusted.
    pub(super) overdue: bool,
}

/// Whether a value may be used. Later variants are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// Whole and fresh.
    Good,
    /// Fresh, but a page is missing.
    Partial,
    /// Older than twice the interval.
    Stale,
    /// Nobody may look.
    NotChecked,
    /// No answer yet, or it said no.
    Silent,
}

impl Sight {
    /// Nobody has looked.
    pub(super) fn none(reason: Option<Safe>) -> Self {
        Self {
            at: None,
            from: None,
            tries: (0, 0),
            trust: Trust::Silent,
            reason,
            old: false,
            missed: false,
            overdue: false,
        }
    }

    /// Looks at one source at `now`.
    ///
    /// A single missed look does not spoil an answer that is still young; a look that was
    /// denied, or found nothing there, spoils it at once, for waiting will not mend it.
    pub(super) fn of(picture: &Picture, source: &Source, now: Timestamp) -> Self {
        let Some(reading) = picture.reading(source) else {
            return Self::none(Some(Safe::new(&picture.untold(source, now))));
        };
        let silence = reading.silence.as_ref().map(|(_, silence)| silence);
        let reason = silence.map(|silence| silence.why.clone());
        let tries = (reading.misses, reading.misses);
        let Some(look) = &reading.last else {
            let trust = match silence.map(|silence| silence.kind) {
                Some(SilenceKind::NotChecked) => Trust::NotChecked,
                _ => Trust::Silent,
            };
            let failed = reading.silence.as_ref().map(|(at, _)| *at);
            return Self {
                at: None,
                from: reading.silent_since.or(failed),
                tries,
                trust,
                reason,
                old: false,
                missed: false,
                overdue: reading.is_overdue(source, now),
            };
        };
        let at = Some(look.at);
        let missed = silence.is_some();
        let seen =
            |trust, reason, old| Self { at, from: at, tries, trust, reason, old, missed, overdue: false };
        let old = now.duration_since(look.at) > source.interval() * STALE_INTERVALS;
        let spoils = |kind| matches!(kind, SilenceKind::Denied | SilenceKind::NoToken | SilenceKind::Absent);
        if silence.is_some_and(|silence| spoils(silence.kind)) {
            return seen(Trust::Silent, reason, old);
        }
        if old {
            let reason = reason.or_else(|| Some(Safe::new("no newer answer")));
            return seen(Trust::Stale, reason, old);
        }
        match look.answer.flaw() {
            Some(error) => seen(Trust::Partial, Some(error.clone()), old),
            None => seen(Trust::Good, reason, old),
        }
    }

    /// Why there is nothing, where there is nothing before the first answer or failure.
    pub(super) fn untold(&self) -> Option<&str> {
        let reason = self.reason.as_ref().filter(|_| self.at.is_none())?.as_str();
        (reason == NOT_YET || reason.starts_with(ASKING)).then_some(reason)
    }

    /// Whether there is an answer, and it no longer stands for what there is now.
    pub(super) fn is_past(&self) -> bool {
        self.at.is_some() && self.trust >= Trust::Stale
    }

    /// With something that only a part of the value rests on: if that never came, the value is as
    /// old as the rest.
    pub(super) fn beside(self, part: Self) -> Self {
        let (at, from) = (part.at.or(self.at), part.at.or(self.from));
        let overdue = part.overdue && part.at.is_some();
        self.join(Self { at, from, overdue, ..part })
    }

    /// Both together: the older time, the worse trust.
    pub(super) fn join(self, other: Self) -> Self {
        let at = match (self.at, other.at) {
            (Some(one), Some(two)) => Some(one.min(two)),
            _ => None,
        };
        let from = self.from.into_iter().chain(other.from).min();
        let tries = match (self.tries, other.tries) {
            ((_, 0), tries) | (tries, (_, 0)) => tries,
            (one, two) => (one.0.min(two.0), one.1.max(two.1)),
        };
        let (old, missed) = (self.old || other.old, self.missed || other.missed);
        let overdue = self.overdue || other.overdue;
        let (worse, better) = if other.trust > self.trust { (other, self) } else { (self, other) };
        let reason = worse.reason.or(better.reason);
        Self { at, from, tries, trust: worse.trust, reason, old, missed, overdue }
    }
}
