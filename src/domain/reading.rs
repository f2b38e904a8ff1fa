//! A value never travels without its age, its source and whether it is whole.

use serde::{Deserialize, Serialize};

use super::{
    picture::STALE_INTERVALS,
    source::{Answer, SILENT_PAUSE, Source},
    text::Safe,
    time::{Span, Timestamp},
};

/// Items of a paged list. How many there are cannot be asked of a list that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<T> {
    items: Vec<T>,
    pages: u32,
    error: Option<Safe>,
}

impl<T> Listing<T> {
    /// A list that was read to its last page.
    pub fn whole(items: Vec<T>, pages: u32) -> Self {
        Self { items, pages, error: None }
    }

    /// What was read before a page failed.
    pub fn partial(items: Vec<T>, pages: u32, error: Safe) -> Self {
        Self { items, pages, error: Some(error) }
    }

    /// The items, if the list is whole.
    pub fn complete(&self) -> Option<&[T]> {
        self.error.is_none().then_some(&self.items)
    }

    /// The number of items, if the list is whole.
    pub fn count(&self) -> Option<usize> {
        self.complete().map(<[T]>::len)
    }

    /// The items that were seen, whole or not; there may be more.
    pub fn seen(&self) -> &[T] {
        &self.items
    }

    /// The same, to be added to.
    pub fn seen_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// Gives up the list for its items, whole or not.
    pub fn into_seen(self) -> Vec<T> {
        self.items
    }

    /// Pages read.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Why the list is not whole.
    pub fn error(&self) -> Option<&Safe> {
        self.error.as_ref()
    }

    /// The list with each of its items edited.
    #[must_use]
    pub fn each(mut self, edit: impl FnMut(&mut T)) -> Self {
        self.items.iter_mut().for_each(edit);
        self
    }

    /// Joins another listing: whole only if both are.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.items.extend(other.items);
        self.pages += other.pages;
        self.error = self.error.or(other.error);
        self
    }
}

/// What one look at a source brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was asked.
    pub source: Source,
    /// When the request left: a gate accepts only looks that began after it opened.
    pub started: Timestamp,
    /// When the answer was in.
    pub ended: Timestamp,
    /// The answer, or why there is none.
    pub outcome: Result<Answer, Silence>,
}

/// Why a source gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What kind of silence.
    pub kind: SilenceKind,
    /// In words for the person on call.
    pub why: Safe,
}

/// The kinds of silence that lead to different conclusions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SilenceKind {
    /// No answer, broken connection, or a 5xx: the far end may be dead.
    Unreachable,
    /// 401 or 403: it answered, but not to us.
    Denied,
    /// 404: it answered that the object is not there.
    Absent,
    /// 429: it answered that we ask too much.
    Throttled,
    /// It kept failing and is left alone for a while: no request left.
    NotAsked,
    /// The answer could not be understood.
    Garbled,
    /// There is no token: nothing was asked.
    NoToken,
    /// Nobody may look (run command is off, nothing configured).
    NotChecked,
    /// A recording holds no answer: nothing was asked.
    NotRecorded,
}

/// The last known value of a source and what has happened since.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Last answer with the start and end of its look.
    pub last: Option<Look>,
    /// Failure after the last answer, with when it ended.
    pub silence: Option<(Timestamp, Silence)>,
    /// When the look of that failure began: it is evidence of nothing earlier.
    pub failed: Option<Timestamp>,
    /// When the first failure after the last answer ended.
    pub fell_silent: Option<Timestamp>,
    /// When the first request of an unbroken row began that left and was not answered.
    pub silent_since: Option<Timestamp>,
    /// Requests in a row that left and were not answered.
    pub misses: u32,
    /// When the newest look taken in began, whatever it brought; `None`: what is known was seen by an
    /// earlier process.
    pub asked: Option<Timestamp>,
}

/// An answer, or a failure, that a statement rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footing {
    /// When it was in; ages count from here.
    pub at: Timestamp,
    /// For how long what its source tells is trusted.
    pub trusted: Span,
}

impl Footing {
    /// What `source` told at `at`.
    pub fn of(source: &Source, at: Timestamp) -> Self {
        Self { at, trusted: source.interval() * STALE_INTERVALS }
    }

    /// A failure of `source` at `at`: while it is silent it is asked less often.
    pub fn failed(source: &Source, at: Timestamp) -> Self {
        Self { at, trusted: source.interval().max(SILENT_PAUSE) * STALE_INTERVALS }
    }

    /// Whether it is older at `now` than it is trusted.
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) > self.trusted
    }
}

/// An answer with the times of its look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When the request left.
    pub started: Timestamp,
    /// When the answer was in; ages count from here.
    pub at: Timestamp,
    /// The answer.
    pub answer: Answer,
}

impl Reading {
    /// Whether a look that began at `started` is newer than what is known: looks may overtake each
    /// other, and what was asked earlier says nothing about what was seen since.
    pub fn awaits(&self, started: Timestamp) -> bool {
        self.asked.is_none_or(|asked| asked <= started)
    }

    /// Takes in a new observation. One that began before what is known changes nothing.
    pub fn take(&mut self, observation: Observation) {
        if !self.awaits(observation.started) {
            return;
        }
        self.asked = Some(observation.started);
        match observation.outcome {
            Ok(mut answer) => {
                if let Some(last) = &self.last {
                    answer.follow(last, observation.ended);
                }
                self.last = Some(Look { started: observation.started, at: observation.ended, answer });
                (self.silence, self.failed, self.silent_since) = (None, None, None);
                self.fell_silent = None;
                self.misses = 0;
            }
            Err(silence) => self.fall_silent(observation.started, observation.ended, silence),
        }
    }

    /// Takes in what an earlier process saw: any look of this one is newer.
    pub fn recall(&mut self, look: Look) {
        if self.asked.is_none() {
            self.last = Some(look);
        }
    }

    /// What failed last stays what failed last while nobody asks.
    fn fall_silent(&mut self, started: Timestamp, at: Timestamp, silence: Silence) {
        match silence.kind {
            SilenceKind::Unreachable => {
                self.misses += 1;
                self.silent_since.get_or_insert(started);
            }
            SilenceKind::NotAsked => {
                let failed = |(_, known): &(Timestamp, Silence)| known.kind != SilenceKind::NotAsked;
                if self.silence.as_ref().is_some_and(failed) {
                    return;
                }
            }
            SilenceKind::Throttled
            | SilenceKind::NoToken
            | SilenceKind::NotChecked
            | SilenceKind::NotRecorded => {
                self.silent_since = None;
            }
            // It answered, only not what was asked for.
            SilenceKind::Denied | SilenceKind::Absent | SilenceKind::Garbled => {
                (self.misses, self.silent_since) = (0, None);
            }
        }
        self.fell_silent.get_or_insert(at);
        (self.silence, self.failed) = (Some((at, silence)), Some(started));
    }

    /// Whether it never answered `source`, and has been asked for longer than an answer of it is trusted.
    pub fn is_overdue(&self, source: &Source, now: Timestamp) -> bool {
        let failed = self.silence.as_ref().map(|(at, _)| *at);
        let since = self.silent_since.or(failed).filter(|_| self.last.is_none());
        since.is_some_and(|at| Footing::of(source, at).is_old(now))
    }

    /// The age of the last answer at `now`.
    pub fn age(&self, now: Timestamp) -> Option<super::time::Span> {
        self.last.as_ref().map(|look| now.duration_since(look.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::seconds;

    /// Second it began and ended, and the milliseconds it brought; `None`: it failed.
    type Told = (i64, i64, Option<u32>);

    #[test]
    fn an_answer_that_was_asked_for_earlier_replaces_nothing() {
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let cases: [(&[Told], Option<u32>, u32); 6] = [
            (&[(0, 1, Some(1)), (2, 3, Some(2))], Some(2), 0),
            (&[(2, 3, Some(2)), (0, 9, Some(1))], Some(2), 0),
            (&[(2, 3, Some(2)), (0, 9, None)], Some(2), 0),
            (&[(2, 3, None), (0, 9, Some(1))], None, 1),
            (&[(2, 3, None), (2, 4, None), (5, 6, None)], None, 3),
            (&[(2, 3, None), (5, 6, Some(5))], Some(5), 0),
        ];
        for (told, millis, misses) in cases {
            let mut reading = Reading::default();
            for (started, ended, outcome) in told {
                reading.take(Observation {
                    source: Source::Control(super::super::Side::Primary),
                    started: epoch + seconds(*started),
                    ended: epoch + seconds(*ended),
                    outcome: outcome.map(|millis| Answer::Control { millis, skew: None }).ok_or_else(|| {
                        Silence { kind: SilenceKind::Unreachable, why: Safe::new("no answer") }
                    }),
                });
            }
            let last = reading.last.map(|look| look.answer);
            assert_eq!(last, millis.map(|millis| Answer::Control { millis, skew: None }), "{told:?}");
            assert_eq!(reading.misses, misses, "{told:?}");
        }
    }

    #[test]
    fn what_an_earlier_process_saw_replaces_nothing_that_this_one_asked() {
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let answer = |millis| Answer::Control { millis, skew: None };
        let kept = Look { started: epoch, at: epoch, answer: answer(9) };
        let asked = |outcome: Result<Answer, Silence>| Observation {
            source: Source::Control(super::super::Side::Primary),
            started: epoch + seconds(60),
            ended: epoch + seconds(61),
            outcome,
        };
        let silent = Silence { kind: SilenceKind::Unreachable, why: Safe::new("no answer") };
        for (own, last) in [(None, Some(9)), (Some(Ok(answer(1))), Some(1)), (Some(Err(silent)), None)] {
            let mut reading = Reading::default();
            reading.awaits(epoch).then(|| own.clone().map(|own| reading.take(asked(own))));
            reading.recall(kept.clone());
            assert_eq!(reading.last.map(|look| look.answer), last.map(answer), "{own:?}");
        }
    }

    /// The misses, the silence that stands with the second it came, and the second since when nothing was
    /// heard at all.
    type Silent = (u32, (SilenceKind, i64), Option<i64>);

    #[test]
    fn only_a_request_that_left_and_was_not_answered_is_a_miss() {
        use SilenceKind::{Denied, NotAsked, Throttled, Unreachable};
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let cases: [(&[SilenceKind], Silent); 6] = [
            (&[NotAsked, NotAsked, NotAsked], (0, (NotAsked, 2), None)),
            (&[Unreachable, NotAsked, NotAsked], (1, (Unreachable, 0), Some(0))),
            (&[Unreachable, NotAsked, Unreachable], (2, (Unreachable, 2), Some(0))),
            (&[NotAsked, Unreachable, NotAsked], (1, (Unreachable, 1), Some(1))),
            (&[Unreachable, Throttled, Unreachable], (2, (Unreachable, 2), Some(2))),
            (&[Unreachable, Denied, Unreachable], (1, (Unreachable, 2), Some(2))),
        ];
        for (kinds, (misses, (kind, second), unheard)) in cases {
            let mut reading = Reading::default();
            for (second, kind) in (0..).zip(kinds) {
                let at = epoch + seconds(second);
                reading.take(Observation {
                    source: Source::Control(super::super::Side::Primary),
                    started: at,
                    ended: at,
                    outcome: Err(Silence { kind: *kind, why: Safe::new("no answer") }),
                });
            }
            assert_eq!(reading.misses, misses, "{kinds:?}");
            assert_eq!(reading.silent_since, unheard.map(|second| epoch + seconds(second)), "{kinds:?}");
            let silence = reading.silence.map(|(at, silence)| (silence.kind, at));
            assert_eq!(silence, Some((kind, epoch + seconds(second))), "{kinds:?}");
        }
    }
}
