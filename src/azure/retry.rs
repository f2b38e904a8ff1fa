//! When a read is tried again, and when not. Writes never pass through here.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::failure::{Again, Failure};

/// Attempts at one read, the first included.
pub(super) const ATTEMPTS: u32 = 3;

/// Wait before the first further attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Longest wait that is ours and not Azure's.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Share of requests that may be further attempts.
const SHARE: f64 = 0.1;

/// What the budget can hold; it starts full, so that a quiet client can retry at all.
const RESERVE: f64 = 10.0;

/// The retry budget of one lane and provider: a far end in trouble is not asked ever more.
#[derive(Debug)]
pub(super) struct Budget(Mutex<f64>);

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(RESERVE))
    }
}

impl Budget {
    /// A first attempt earns its share.
    pub(super) fn earn(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + SHARE).min(RESERVE);
    }

    /// Pays for a further attempt, if there is enough.
    pub(super) fn spend(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = *left >= 1.0;
        if enough {
            *left -= 1.0;
        }
        enough
    }
}

/// How long to wait before attempt `attempt + 1`; `None`: there is none.
pub(super) fn wait(failure: &Failure, attempt: u32, rng: &mut fastrand::Rng) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    match failure.again {
        Again::Never | Again::SignIn => None,
        Again::NewToken => (attempt == 1).then_some(Duration::ZERO),
        Again::After(told) => Some(told),
        Again::Backoff => {
            let full = (FIRST_WAIT * 2_u32.pow(attempt - 1)).min(LONGEST_WAIT);
            // Between half and all of it, so that many readers do not come back as one.
            Some(full.mul_f64(0.5 + rng.f64() / 2.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::SilenceKind;

    fn check(again: Again, attempt: u32, millis: Option<(u64, u64)>) {
        let failure = Failure { again, ..Failure::new(SilenceKind::Unreachable, "gone") };
        for seed in 0..50 {
            let wait = wait(&failure, attempt, &mut fastrand::Rng::with_seed(seed));
            let fits = match (wait, millis) {
                (Some(wait), Some((low, high))) => {
                    wait >= Duration::from_millis(low) && wait <= Duration::from_millis(high)
                }
                (wait, millis) => wait.is_none() && millis.is_none(),
            };
            assert!(fits, "{again:?} attempt {attempt}: {wait:?}");
        }
    }

    #[test]
    fn waits_double_within_bounds_and_end() {
        check(Again::Backoff, 1, Some((100, 200)));
        check(Again::Backoff, 2, Some((200, 400)));
        check(Again::Backoff, 3, None);
        check(Again::After(Duration::from_secs(7)), 2, Some((7_000, 7_000)));
        check(Again::NewToken, 1, Some((0, 0)));
        check(Again::NewToken, 2, None);
        check(Again::Never, 1, None);
    }

    #[test]
    fn further_attempts_are_a_tenth_in_the_long_run() {
        let budget = Budget::default();
        let spent = (0..1_000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        let spent = spent.count();
        assert!((100..=110).contains(&spent), "{spent}");
    }
}
