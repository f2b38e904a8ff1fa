//! A value never travels without its age, its source and whether it is whole.

use serde::{Deserialize, Serialize};

use super::{
    source::{Answer, Source},
    text::Safe,
    time::Timestamp,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The answer could not be understood.
    Garbled,
    /// Nobody may look (run command is off, nothing configured).
    NotChecked,
}

/// The last known value of a source and what has happened since.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Last answer with the start and end of its look.
    pub last: Option<Look>,
    /// Failure after the last answer, with when it ended.
    pub silence: Option<(Timestamp, Silence)>,
    /// Failures in a row since the last answer.
    pub misses: u32,
}

/// An answer with the times of its look.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When the request left.
    pub started: Timestamp,
    /// When the answer was in; ages count from here.
    pub at: Timestamp,
    /// The answer.
    pub answer: Answer,
}

impl Reading {
    /// Takes in a new observation.
    pub fn take(&mut self, observation: Observation) {
        match observation.outcome {
            Ok(answer) => {
                *self = Self {
                    last: Some(Look { started: observation.started, at: observation.ended, answer }),
                    silence: None,
                    misses: 0,
                };
            }
            Err(silence) => {
                self.silence = Some((observation.ended, silence));
                self.misses += 1;
            }
        }
    }

    /// The age of the last answer at `now`.
    pub fn age(&self, now: Timestamp) -> Option<super::time::Span> {
        self.last.as_ref().map(|look| now.duration_since(look.at))
    }
}
