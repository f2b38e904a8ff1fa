//! The one clock of an estate: made in `main`, passed to everything that needs the time.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::time::{Span, Timestamp};

/// Estate time: an anchor plus the monotonic time since, times the speed.
///
/// Steps of the machine's wall clock do not move it. Under a paused tokio runtime it jumps to
/// the next due instant whenever nothing is ready: that is `--speed max`.
pub struct Clock {
    anchor: Mutex<Anchor>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    estate: Timestamp,
    real: tokio::time::Instant,
    /// Estate seconds per real second; 0 while it is paused.
    speed: f64,
    began: tokio::time::Instant,
}

/// Longest real time slept in one go; the clock looks again after it.
const NAP: std::time::Duration = std::time::Duration::from_secs(3_600);

impl Clock {
    /// A clock that shows `estate` now and runs at `speed`. Needs a tokio runtime.
    pub fn new(estate: Timestamp, speed: f64) -> Self {
        let real = tokio::time::Instant::now();
        Self { anchor: Mutex::new(Anchor { estate, real, speed, began: real }), changed: Notify::new() }
    }

    fn anchor(&self) -> Anchor {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Estate time now.
    pub fn now(&self) -> Timestamp {
        let anchor = self.anchor();
        anchor.at(tokio::time::Instant::now())
    }

    /// Milliseconds of real time since the clock was made.
    pub fn mono_ms(&self) -> u64 {
        u64::try_from(self.anchor().began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Estate seconds per real second.
    pub fn speed(&self) -> f64 {
        self.anchor().speed
    }

    /// Changes the speed from now on; 0 pauses.
    pub fn set_speed(&self, speed: f64) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let real = tokio::time::Instant::now();
        *anchor = Anchor { estate: anchor.at(real), real, speed, began: anchor.began };
        drop(anchor);
        self.changed.notify_waiters();
    }

    /// Waits until the estate's clock shows `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        loop {
            let changed = self.changed.notified();
            let anchor = self.anchor();
            let left = at.duration_since(anchor.at(tokio::time::Instant::now()));
            if !left.is_positive() {
                return;
            }
            let real = if anchor.speed > 0.0 {
                // A microsecond more, so that rounding never wakes us just before.
                std::time::Duration::from_secs_f64(
                    (left.as_secs_f64() / anchor.speed).min(NAP.as_secs_f64()) + 1e-6,
                )
            } else {
                NAP
            };
            tokio::select! {
                biased;
                () = changed => {}
                () = tokio::time::sleep(real) => {}
            }
        }
    }
}

impl Anchor {
    fn at(&self, real: tokio::time::Instant) -> Timestamp {
        let elapsed = real.saturating_duration_since(self.real).as_secs_f64() * self.speed;
        // Microseconds are finer than anything we show or wait for.
        self.estate.checked_add(Span::from_micros((elapsed * 1e6) as i64)).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.anchor().fmt(f)
    }
}

impl crate::sim::TimeSource for Clock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::time::{minutes, seconds},
        sim::TimeSource,
    };

    #[tokio::test(start_paused = true)]
    async fn tokens_of_a_rehearsed_estate_end_by_the_clock_on_the_wall() {
        let clock = Clock::new("2026-11-20T08:00:00Z".parse().unwrap(), 3_600.0);
        let before = Timestamp::now();
        let wall = TimeSource::wall(&clock);
        assert!((before..=Timestamp::now()).contains(&wall), "{wall}");
    }

    #[tokio::test(start_paused = true)]
    async fn speed_pause_and_sleep_agree() {
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let clock = Clock::new(epoch, 60.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), epoch + minutes(2));
        clock.set_speed(0.0);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(clock.now(), epoch + minutes(2));
        clock.set_speed(1.0);
        let before = tokio::time::Instant::now();
        clock.sleep_until(epoch + minutes(2) + seconds(30)).await;
        assert_eq!(before.elapsed().as_secs(), 30);
        assert!(clock.now() >= epoch + minutes(2) + seconds(30));
    }
}
