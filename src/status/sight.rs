//! How far the last answer of a source can be trusted now.

use crate::domain::{
    Safe, Source,
    picture::{Picture, STALE_INTERVALS},
    reading::SilenceKind,
    time::Timestamp,
};

/// The reason why there is nothing before the first answer.
pub(super) const NOT_YET: &str = "not looked at yet";

/// What stands behind a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    /// When the last answer was in.
    pub(super) at: Option<Timestamp>,
    /// Whether the value may be used, and if not, why.
    pub(super) trust: Trust,
    /// Why it is not good, in words.
    pub(super) reason: Option<Safe>,
    /// Whether the answer is too old to stand for now, whatever else there is against it.
    pub(super) old: bool,
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
    /// Looks at one source at `now`.
    ///
    /// A single missed look does not spoil an answer that is still young; a look that was
    /// denied, or found nothing there, spoils it at once, for waiting will not mend it.
    pub(super) fn of(picture: &Picture, source: &Source, now: Timestamp) -> Self {
        let Some(reading) = picture.reading(source) else {
            return Self { at: None, trust: Trust::Silent, reason: Some(Safe::new(NOT_YET)), old: false };
        };
        let silence = reading.silence.as_ref().map(|(_, silence)| silence);
        let reason = silence.map(|silence| silence.why.clone());
        let Some(look) = &reading.last else {
            let trust = match silence.map(|silence| silence.kind) {
                Some(SilenceKind::NotChecked) => Trust::NotChecked,
                _ => Trust::Silent,
            };
            return Self { at: None, trust, reason, old: false };
        };
        let at = Some(look.at);
        let old = now.duration_since(look.at) > source.interval() * STALE_INTERVALS;
        let spoils = |kind| matches!(kind, SilenceKind::Denied | SilenceKind::NoToken | SilenceKind::Absent);
        if silence.is_some_and(|silence| spoils(silence.kind)) {
            return Self { at, trust: Trust::Silent, reason, old };
        }
        if old {
            let reason = reason.or_else(|| Some(Safe::new("no newer answer")));
            return Self { at, trust: Trust::Stale, reason, old };
        }
        match look.answer.flaw() {
            Some(error) => Self { at, trust: Trust::Partial, reason: Some(error.clone()), old },
            None => Self { at, trust: Trust::Good, reason, old },
        }
    }

    /// Whether there is an answer, and it no longer stands for what there is now.
    pub(super) fn is_past(&self) -> bool {
        self.at.is_some() && self.trust >= Trust::Stale
    }

    /// With something that only a part of the value rests on: if that never came, the value is as
    /// old as the rest.
    pub(super) fn beside(self, part: Self) -> Self {
        let at = part.at.or(self.at);
        self.join(Self { at, ..part })
    }

    /// Both together: the older time, the worse trust.
    pub(super) fn join(self, other: Self) -> Self {
        let at = match (self.at, other.at) {
            (Some(one), Some(two)) => Some(one.min(two)),
            _ => None,
        };
        let old = self.old || other.old;
        let (worse, better) = if other.trust > self.trust { (other, self) } else { (self, other) };
        Self { at, trust: worse.trust, reason: worse.reason.or(better.reason), old }
    }
}
