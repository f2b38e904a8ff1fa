//! The one clock of an estate: made in `main`, passed to everything that needs the time.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::domain::time::{Span, Timestamp};

/// Estate time: an anchor plus the real time since, times the speed.
///
/// Steps of the machine's wall clock do not move it. What real time is depends on the estate: a live one
/// goes on while the machine sleeps, a rehearsed one does not. Under a paused tokio runtime a rehearsed
/// clock jumps to the next due instant whenever nothing is ready: that is `--speed max`.
pub struct Clock {
    ticks: Ticks,
    anchor: Mutex<Anchor>,
    changed: Notify,
}

/// What real time is counted by.
#[derive(Debug, Clone)]
enum Ticks {
    /// The runtime's time since this moment: it stands still while the machine sleeps, and is virtual
    /// where the runtime is paused.
    Runtime(Instant),
    /// Time since the machine was started, sleep included.
    Machine,
    /// The runtime's time and, in milliseconds, what a test says that the machine slept.
    #[cfg(test)]
    Slept(Instant, std::sync::Arc<std::sync::atomic::AtomicU64>),
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    estate: Timestamp,
    /// All real time is a span since one unnamed moment.
    real: Duration,
    /// Estate seconds per real second; 0 while it is paused.
    speed: f64,
    began: Duration,
}

/// Longest real time slept in one go; the clock looks again after it.
const NAP: Duration = Duration::from_secs(3_600);

/// The same where the machine may sleep meanwhile: the timers of the runtime do not count that.
const LIVE_NAP: Duration = Duration::from_secs(10);

impl Ticks {
    fn now(&self) -> Duration {
        match self {
            Self::Runtime(since) => since.elapsed(),
            Self::Machine => machine_time(),
            #[cfg(test)]
            Self::Slept(since, slept) => {
                since.elapsed() + Duration::from_millis(slept.load(std::sync::atomic::Ordering::SeqCst))
            }
        }
    }

    fn nap(&self) -> Duration {
        if matches!(self, Self::Runtime(_)) { NAP } else { LIVE_NAP }
    }
}

/// Time since the machine was started, sleep included (reliability-security §2).
#[cfg(target_os = "linux")]
pub(super) fn machine_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// The nearest there is elsewhere: it may stand still while the machine sleeps.
#[cfg(not(target_os = "linux"))]
pub(super) fn machine_time() -> Duration {
    static SINCE: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    SINCE.elapsed()
}

impl Clock {
    /// A clock that shows `estate` now and runs at `speed`. Needs a tokio runtime.
    pub fn new(estate: Timestamp, speed: f64) -> Self {
        Self::counting(Ticks::Runtime(Instant::now()), estate, speed)
    }

    /// The same for an estate that goes on while the machine sleeps.
    pub fn live(estate: Timestamp, speed: f64) -> Self {
        Self::counting(Ticks::Machine, estate, speed)
    }

    fn counting(ticks: Ticks, estate: Timestamp, speed: f64) -> Self {
        let real = ticks.now();
        let anchor = Mutex::new(Anchor { estate, real, speed, began: real });
        Self { ticks, anchor, changed: Notify::new() }
    }

    fn anchor(&self) -> Anchor {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Estate time now.
    pub fn now(&self) -> Timestamp {
        self.anchor().at(self.ticks.now())
    }

    /// Milliseconds of real time since the clock was made.
    pub fn mono_ms(&self) -> u64 {
        let since = self.ticks.now().saturating_sub(self.anchor().began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Estate seconds per real second.
    pub fn speed(&self) -> f64 {
        self.anchor().speed
    }

    /// Changes the speed from now on; 0 pauses.
    pub fn set_speed(&self, speed: f64) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let real = self.ticks.now();
        *anchor = Anchor { estate: anchor.at(real), real, speed, began: anchor.began };
        drop(anchor);
        self.changed.notify_waiters();
    }

    /// Lets the clock show `at` from now on: only that of a recording is ever set.
    pub fn set_to(&self, at: Timestamp) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        *anchor = Anchor { estate: at, real: self.ticks.now(), ..*anchor };
        drop(anchor);
        self.changed.notify_waiters();
    }

    /// Waits until the estate's clock shows `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        let nap = self.ticks.nap();
        loop {
            let changed = self.changed.notified();
            let anchor = self.anchor();
            let left = at.duration_since(anchor.at(self.ticks.now()));
            if !left.is_positive() {
                return;
            }
            let real = if anchor.speed > 0.0 {
                // A microsecond more, so that rounding never wakes us just before.
                Duration::from_secs_f64((left.as_secs_f64() / anchor.speed).min(nap.as_secs_f64()) + 1e-6)
            } else {
                nap
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
    fn at(&self, real: Duration) -> Timestamp {
        let elapsed = real.saturating_sub(self.real).as_secs_f64() * self.speed;
        // Microseconds are finer than anything we show or wait for.
        self.estate.checked_add(Span::from_micros((elapsed * 1e6) as i64)).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("ticks", &self.ticks)
            .field("anchor", &self.anchor())
            .finish_non_exhaustive()
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
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

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

    #[tokio::test(start_paused = true)]
    async fn a_live_clock_goes_on_while_the_machine_sleeps() {
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let slept = Arc::new(AtomicU64::new(0));
        let ticks = Ticks::Slept(Instant::now(), slept.clone());
        let clock = Arc::new(Clock::counting(ticks, epoch, 1.0));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(clock.now(), epoch + minutes(1));
        let waiting = clock.clone();
        let waiting = tokio::spawn(async move { waiting.sleep_until(epoch + minutes(30)).await });
        tokio::task::yield_now().await;
        slept.store(2 * 3_600_000, Ordering::SeqCst);
        assert_eq!(clock.now(), epoch + minutes(121));
        assert_eq!(clock.mono_ms(), 121 * 60_000);
        let before = Instant::now();
        waiting.await.unwrap();
        assert!(before.elapsed() <= LIVE_NAP + Duration::from_secs(1), "{:?}", before.elapsed());
    }

    #[tokio::test]
    async fn the_time_of_the_machine_goes_on_and_moves_the_live_clock() {
        let epoch: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let clock = Clock::live(epoch, 1_000_000.0);
        assert!(matches!(clock.ticks, Ticks::Machine));
        clock.sleep_until(epoch + minutes(1)).await;
        assert!(clock.now() >= epoch + minutes(1));
        assert!(machine_time() > Duration::ZERO);
    }
}
