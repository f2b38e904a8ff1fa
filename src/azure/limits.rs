//! How much we ask of Azure: token buckets per subscription and kind, and silence after a 429.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;

/// Limits of one client (design §9: 40 % of what Azure allows since 2024, azure-avd §6.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Reads that may be sent at once after a pause, per subscription.
    pub read_burst: u32,
    /// Reads a second after that.
    pub read_rate: f64,
    /// Writes and deletes that may be sent at once after a pause, per subscription.
    pub write_burst: u32,
    /// Writes and deletes a second after that.
    pub write_rate: f64,
    /// Reads in flight per region and provider.
    pub reads_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { read_burst: 100, read_rate: 10.0, write_burst: 80, write_rate: 4.0, reads_in_flight: 16 }
    }
}

impl Limits {
    /// The same limits for an estate whose clock runs `speed` times as fast as ours.
    pub fn at_speed(speed: f64) -> Self {
        Self::default().times(speed)
    }

    /// These limits for an estate whose clock runs `speed` times as fast as ours; a slower or
    /// standing clock changes nothing.
    #[must_use]
    fn times(self, speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.max(1.0) } else { 1e6 };
        let burst = |burst: u32| (f64::from(burst) * speed) as u32;
        Self {
            read_burst: burst(self.read_burst),
            read_rate: self.read_rate * speed,
            write_burst: burst(self.write_burst),
            write_rate: self.write_rate * speed,
            ..self
        }
    }
}

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// GET, and POSTs that read.
    Read,
    /// Everything else. A bucket of their own is what lets a run's writes pass waiting panes.
    Write,
}

/// Why nothing may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Azure answered 429 before; so long yet.
    Told(Duration),
    /// Our own limit; so long yet, which is longer than the caller can wait.
    Own(Duration),
}

impl Refusal {
    /// How long to wait.
    pub(super) fn wait(self) -> Duration {
        match self {
            Self::Told(wait) | Self::Own(wait) => wait,
        }
    }
}

/// The buckets of a client.
#[derive(Debug)]
pub(super) struct Buckets {
    /// As designed, and as they are at the speed of the estate's clock.
    designed: Limits,
    limits: RwLock<Limits>,
    // The key is the subscription, or empty for requests to the tenant.
    by_subscription: Mutex<HashMap<String, [Bucket; 2]>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: f64,
    at: Instant,
    shut_until: Option<Instant>,
}

impl Buckets {
    pub(super) fn new(limits: Limits) -> Self {
        Self { designed: limits, limits: RwLock::new(limits), by_subscription: Mutex::default() }
    }

    /// The estate's clock runs at `speed` from now on, and Azure's own limits with it.
    pub(super) fn set_speed(&self, speed: f64) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = self.designed.times(speed);
    }

    fn limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one request may be sent. Says no at once where that is later than `deadline`.
    pub(super) async fn take(
        &self,
        subscription: &str,
        kind: Kind,
        deadline: Instant,
    ) -> Result<(), Refusal> {
        loop {
            let now = Instant::now();
            let Err(refusal) = self.try_take(subscription, kind, now) else { return Ok(()) };
            let wait = refusal.wait();
            if now + wait >= deadline {
                return Err(refusal);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes a 429: nothing of the kind leaves for the subscription before `wait` has passed.
    pub(super) fn shut(&self, subscription: &str, kind: Kind, wait: Duration) {
        let until = Instant::now() + wait;
        self.with(subscription, kind, |bucket| {
            bucket.shut_until = Some(bucket.shut_until.map_or(until, |known| known.max(until)));
        });
    }

    fn try_take(&self, subscription: &str, kind: Kind, now: Instant) -> Result<(), Refusal> {
        let limits = self.limits();
        let (burst, rate) = match kind {
            Kind::Read => (limits.read_burst, limits.read_rate),
            Kind::Write => (limits.write_burst, limits.write_rate),
        };
        self.with(subscription, kind, |bucket| {
            if let Some(until) = bucket.shut_until {
                if now < until {
                    return Err(Refusal::Told(until - now));
                }
                bucket.shut_until = None;
            }
            let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * rate;
            bucket.level = (bucket.level + gained).min(f64::from(burst));
            bucket.at = now;
            if bucket.level < 1.0 {
                // Half a millisecond on top, so that rounding never wakes us a moment too early.
                let wait = (1.0 - bucket.level) / rate + 0.000_5;
                return Err(Refusal::Own(Duration::from_secs_f64(wait)));
            }
            bucket.level -= 1.0;
            Ok(())
        })
    }

    fn with<T>(&self, subscription: &str, kind: Kind, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut all = self.by_subscription.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buckets) = all.get_mut(subscription) {
            return act(&mut buckets[kind as usize]);
        }
        let full = |burst: u32| Bucket { level: f64::from(burst), at: Instant::now(), shut_until: None };
        let limits = self.limits();
        let fresh = [full(limits.read_burst), full(limits.write_burst)];
        let buckets = all.entry(subscription.to_owned()).or_insert(fresh);
        act(&mut buckets[kind as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(buckets: &Buckets, subscription: &str, kind: Kind, secs: u64) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(secs);
        let mut count = 0;
        while buckets.take(subscription, kind, deadline).await.is_ok() {
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn bursts_and_rates_are_as_designed() {
        let buckets = Buckets::new(Limits::default());
        for (subscription, kind, secs, expected) in [
            ("a", Kind::Read, 10, 195..=200),
            ("a", Kind::Write, 10, 115..=120),
            ("b", Kind::Read, 0, 100..=100),
        ] {
            let count = sent(&buckets, subscription, kind, secs).await;
            assert!(expected.contains(&count), "{subscription} {kind:?}: {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_faster_clock_takes_the_limits_with_it() {
        let buckets = Buckets::new(Limits::default());
        for (speed, expected) in [(1.0, 195..=200), (60.0, 5_900..=6_100), (0.0, 95..=105)] {
            buckets.set_speed(speed);
            let count = sent(&buckets, "a", Kind::Read, 10).await;
            assert!(expected.contains(&count), "{speed}: {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_nothing_of_that_kind_leaves_for_that_subscription() {
        let buckets = Buckets::new(Limits::default());
        let soon = || Instant::now() + Duration::from_secs(5);
        buckets.shut("a", Kind::Read, Duration::from_secs(30));
        buckets.shut("a", Kind::Read, Duration::from_secs(1));
        assert_eq!(
            buckets.take("a", Kind::Read, soon()).await,
            Err(Refusal::Told(Duration::from_secs(30))),
            "a shorter word later does not open it"
        );
        assert_eq!(buckets.take("a", Kind::Write, soon()).await, Ok(()));
        assert_eq!(buckets.take("b", Kind::Read, soon()).await, Ok(()));
        let before = Instant::now();
        let late = Instant::now() + Duration::from_secs(60);
        assert_eq!(buckets.take("a", Kind::Read, late).await, Ok(()));
        assert!(before.elapsed() >= Duration::from_secs(30));
    }
}
