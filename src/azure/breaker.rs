//! A far end that keeps failing is left alone for a while.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures that open the breaker (reliability-security §3).
const FAILURES: usize = 5;

/// They count only when they fall within this span.
const WITHIN: Duration = Duration::from_secs(30);

/// How long nothing is sent once it is open.
pub(super) const REST: Duration = Duration::from_secs(15);

/// Closed, open, or half open with one probe under way.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug)]
enum State {
    Closed { failures: [Option<Instant>; FAILURES], next: usize },
    Open { until: Instant },
    Probing,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: [None; FAILURES], next: 0 }
    }
}

/// Leave to send one request. It has to be told how the request ended; when it is dropped
/// untold, a probe does not count.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// Leave to send, or how long to wait before asking again.
    pub(super) fn ask(&self, now: Instant) -> Result<Leave<'_>, Duration> {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Ok(Leave { breaker: self, probe: false }),
            State::Open { until } if now < until => Err(until - now),
            State::Open { .. } => {
                *state = State::Probing;
                Ok(Leave { breaker: self, probe: true })
            }
            State::Probing => Err(Duration::from_secs(1)),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The far end answered, whatever it said.
    pub(super) fn answered(mut self) {
        if self.probe {
            self.probe = false;
            *self.breaker.state() = State::default();
        }
    }

    /// It did not answer, or failed inside; `rest`: how long it is left alone where that opens
    /// the breaker, [`REST`] of the estate's time.
    pub(super) fn failed(mut self, now: Instant, rest: Duration) {
        let mut state = self.breaker.state();
        if self.probe {
            self.probe = false;
            *state = State::Open { until: now + rest };
            return;
        }
        if let State::Closed { failures, next } = &mut *state {
            failures[*next] = Some(now);
            *next = (*next + 1) % FAILURES;
            let oldest = failures[*next];
            if oldest.is_some_and(|at| now.duration_since(at) <= WITHIN) {
                *state = State::Open { until: now + rest };
            }
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.probe {
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fail(breaker: &Breaker, times: usize, apart: Duration) {
        for _ in 0..times {
            tokio::time::advance(apart).await;
            if let Ok(leave) = breaker.ask(Instant::now()) {
                leave.failed(Instant::now(), REST);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_on_five_close_failures_and_one_probe_decides() {
        let breaker = Breaker::default();
        fail(&breaker, 4, Duration::from_secs(1)).await;
        assert!(breaker.ask(Instant::now()).is_ok(), "four are not enough");
        fail(&breaker, 1, Duration::from_secs(1)).await;
        assert_eq!(breaker.ask(Instant::now()).err(), Some(REST));
        tokio::time::advance(REST).await;
        let probe = breaker.ask(Instant::now()).expect("one probe");
        assert!(breaker.ask(Instant::now()).is_err(), "not a second one");
        probe.failed(Instant::now(), REST);
        assert_eq!(breaker.ask(Instant::now()).err(), Some(REST), "the probe failed");
        tokio::time::advance(REST).await;
        drop(breaker.ask(Instant::now()));
        breaker.ask(Instant::now()).expect("a dropped probe does not count").answered();
        assert!(breaker.ask(Instant::now()).is_ok(), "closed again");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_far_apart_do_not_open_it() {
        let breaker = Breaker::default();
        fail(&breaker, 20, Duration::from_secs(8)).await;
        assert!(breaker.ask(Instant::now()).is_ok());
    }
}
