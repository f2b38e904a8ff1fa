//! How much we ask of Azure: token buckets per subscription and kind, and silence after a 429.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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

/// How many estate seconds pass in one of ours: 1 for Azure, `--speed` for a simulated estate.
///
/// Limits and pauses are meant in the estate's time; deadlines of sockets are real time. Without this a rehearsal at speed 60 would be
/// rationed to a sixtieth of the reads that its screens and gates need.
#[derive(Debug)]
pub(super) struct Pace(AtomicU64);

impl Default for Pace {
    fn default() -> Self {
        Self(AtomicU64::new(1.0_f64.to_bits()))
    }
}

impl Pace {
    /// Changes it. A paused or slowed clock changes nothing: we wait in our own time then.
    pub(super) fn set(&self, speed: f64) {
        let speed = if speed.is_finite() { speed.max(1.0) } else { 1.0 };
        self.0.store(speed.to_bits(), Ordering::Relaxed);
    }

    fn factor(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// A pause of the estate's time in ours.
    pub(super) fn pause(&self, of_estate: Duration) -> Duration {
        of_estate.div_f64(self.factor())
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
    limits: Limits,
    pub(super) pace: Pace,
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
        Self { limits, pace: Pace::default(), by_subscription: Mutex::default() }
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
        let until = Instant::now() + self.pace.pause(wait);
        self.with(subscription, kind, |bucket| {
            bucket.shut_until = Some(bucket.shut_until.map_or(until, |known| known.max(until)));
        });
    }

    fn try_take(&self, subscription: &str, kind: Kind, now: Instant) -> Result<(), Refusal> {
        let (burst, rate) = match kind {
            Kind::Read => (self.limits.read_burst, self.limits.read_rate),
            Kind::Write => (self.limits.write_burst, self.limits.write_rate),
        };
        let pace = self.pace.factor();
        let (burst, rate) = (f64::from(burst) * pace, rate * pace);
        self.with(subscription, kind, |bucket| {
            if let Some(until) = bucket.shut_until {
                if now < until {
                    return Err(Refusal::Told(until - now));
                }
                bucket.shut_until = None;
            }
            let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * rate;
            bucket.level = (bucket.level + gained).min(burst);
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
        let fresh = [full(self.limits.read_burst), full(self.limits.write_burst)];
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
    async fn a_faster_estate_is_asked_as_often_in_its_own_time() {
        let buckets = Buckets::new(Limits::default());
        buckets.pace.set(60.0);
        // A first burst of 100, refilled to 6,000 at 600 a second.
        assert!((6_000..=6_100).contains(&sent(&buckets, "a", Kind::Read, 10).await));
        buckets.shut("a", Kind::Write, Duration::from_secs(30));
        let soon = Instant::now() + Duration::from_secs(1);
        assert_eq!(buckets.take("a", Kind::Write, soon).await, Ok(()));
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
