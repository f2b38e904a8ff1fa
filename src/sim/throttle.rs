//! Token buckets of Azure Resource Manager and Resource Graph (azure-avd.md §5, §6.1).

use super::{
    ask::Verb,
    moment::{Ms, SECOND},
};

/// Reads: bucket of 250, 25 back a second.
const READS: (u32, u32) = (250, 25);
/// Writes and deletes: bucket of 200, 10 back a second.
const WRITES: (u32, u32) = (200, 10);
/// Resource Graph: 15 queries in 5 seconds.
const GRAPH_QUERIES: u32 = 15;
const GRAPH_WINDOW: Ms = 5 * SECOND;

/// One bucket, counted in thousandths so that refill needs no fractions.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    capacity: u32,
    per_second: u32,
    milli: i64,
    at: Ms,
}

impl Bucket {
    fn new((capacity, per_second): (u32, u32), at: Ms) -> Self {
        Self { capacity, per_second, milli: i64::from(capacity) * 1_000, at }
    }

    /// Takes one token: what is left, or after how many whole seconds there is one.
    fn take(&mut self, now: Ms) -> Result<u32, u32> {
        let gained = (now - self.at).max(0).saturating_mul(i64::from(self.per_second));
        self.milli = (self.milli.saturating_add(gained)).min(i64::from(self.capacity) * 1_000);
        self.at = self.at.max(now);
        if self.milli < 1_000 {
            let missing = 1_000 - self.milli;
            let wait = missing.div_euclid(i64::from(self.per_second) * 1_000) + 1;
            return Err(wait as u32);
        }
        self.milli -= 1_000;
        Ok((self.milli / 1_000) as u32)
    }
}

/// Which counter a request draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Delete,
}

impl Kind {
    pub(super) fn of(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::Read,
            Verb::Put | Verb::Patch | Verb::Post => Self::Write,
            Verb::Delete => Self::Delete,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }

    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Read => "x-ms-ratelimit-remaining-subscription-reads",
            Self::Write => "x-ms-ratelimit-remaining-subscription-writes",
            Self::Delete => "x-ms-ratelimit-remaining-subscription-deletes",
        }
    }
}

/// All counters of the simulated tenant.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Per subscription: reads, writes, deletes. The last row is for tenant-level paths.
    rows: Vec<[Bucket; 3]>,
    graph_left: u32,
    graph_resets: Ms,
}

impl Buckets {
    pub(super) fn new(subscriptions: usize, at: Ms) -> Self {
        let row = [Bucket::new(READS, at), Bucket::new(WRITES, at), Bucket::new(WRITES, at)];
        Self { rows: vec![row; subscriptions + 1], graph_left: GRAPH_QUERIES, graph_resets: at }
    }

    /// Draws for a request to a subscription (`None`: the tenant).
    pub(super) fn take(&mut self, subscription: Option<usize>, kind: Kind, now: Ms) -> Result<u32, u32> {
        let last = self.rows.len() - 1;
        self.rows[subscription.unwrap_or(last).min(last)][kind as usize].take(now)
    }

    /// Draws one Resource Graph query: what is left and the seconds until the window resets.
    pub(super) fn take_graph(&mut self, now: Ms) -> Result<(u32, u32), u32> {
        if now >= self.graph_resets {
            self.graph_left = GRAPH_QUERIES;
            self.graph_resets = now + GRAPH_WINDOW;
        }
        let resets = u32::try_from((self.graph_resets - now + SECOND - 1) / SECOND).unwrap_or(1).max(1);
        match self.graph_left.checked_sub(1) {
            None => Err(resets),
            Some(left) => {
                self.graph_left = left;
                Ok((left, resets))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_empty_and_refill_as_published() {
        let mut buckets = Buckets::new(1, 0);
        for (kind, capacity, per_second) in
            [(Kind::Read, 250, 25), (Kind::Write, 200, 10), (Kind::Delete, 200, 10)]
        {
            assert_eq!(buckets.take(Some(0), kind, 0), Ok(capacity - 1));
            for _ in 1..capacity {
                buckets.take(Some(0), kind, 0).expect("not empty yet");
            }
            assert_eq!(buckets.take(Some(0), kind, 0), Err(1));
            assert_eq!(buckets.take(Some(0), kind, 1_000), Ok(per_second - 1));
            buckets.take(None, kind, 0).expect("the tenant has its own");
        }
    }

    #[test]
    fn graph_gives_fifteen_in_five_seconds() {
        let mut buckets = Buckets::new(1, 0);
        for left in (0..15).rev() {
            assert_eq!(buckets.take_graph(0), Ok((left, 5)));
        }
        assert_eq!(buckets.take_graph(2_000), Err(3));
        assert_eq!(buckets.take_graph(5_000), Ok((14, 5)));
    }
}
