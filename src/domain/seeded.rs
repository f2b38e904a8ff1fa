//! Mistakes that can be planted on purpose, so that the search proves that it finds them.
//!
//! A search that finds nothing says little until it has found what is known to be wrong
//! (reliability-security §5). Each mistake stands at the one place where a person in a hurry would
//! make it. Without the feature `seeded-bugs`, which no product build has, [`planted`] is `false`
//! at compile time; with it the binary refuses to start.

/// A mistake that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A write whose end was not seen is sent again at once.
    NaiveRetry,
    /// What one look does not show is believed not to be.
    NoDwell,
    /// The grant guard is asked the first time a grant is tried, and not again.
    GuardOnce,
    /// A record's hash does not cover the hash before it.
    HashWithoutPrev,
    /// A write that was accepted counts as done.
    DoneUnseen,
    /// An address that begins like ours counts as ours.
    OriginByPrefix,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NaiveRetry,
        Self::NoDwell,
        Self::GuardOnce,
        Self::HashWithoutPrev,
        Self::DoneUnseen,
        Self::OriginByPrefix,
    ];

    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::NaiveRetry => "naive retry",
            Self::NoDwell => "no dwell",
            Self::GuardOnce => "guard checked once",
            Self::HashWithoutPrev => "hash without prev",
            Self::DoneUnseen => "done before observed",
            Self::OriginByPrefix => "origin by string prefix",
        }
    }
}

#[cfg(feature = "seeded-bugs")]
mod switch {
    use super::Mistake;

    thread_local! {
        static PLANTED: std::cell::Cell<Option<Mistake>> = const { std::cell::Cell::new(None) };
    }

    /// Plants one mistake on this thread, or none.
    pub fn plant(mistake: Option<Mistake>) {
        PLANTED.set(mistake);
    }

    /// Whether the mistake is made on this thread.
    pub fn planted(mistake: Mistake) -> bool {
        PLANTED.get() == Some(mistake)
    }
}

#[cfg(feature = "seeded-bugs")]
pub use switch::{plant, planted};

/// Never: this build carries no mistakes of this kind.
#[cfg(not(feature = "seeded-bugs"))]
#[inline]
pub const fn planted(_: Mistake) -> bool {
    false
}
