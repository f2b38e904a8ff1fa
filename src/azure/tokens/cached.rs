//! A token kept while it is valid, and renewed before it ends without anybody waiting.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::{Instant, timeout};

use crate::domain::time::{Span, Timestamp, minutes, seconds};

use super::{Bearer, Identity, Life, TokenError, TokenSource, TokenStatus, WHOLE_LIMIT};

/// A token is renewed from this long before it ends (reliability-security §0, finding 3).
const RENEW_BEFORE: Span = minutes(15);

/// Up to this much later, so that two cockpits do not renew in step.
const SPREAD_S: i64 = 60;

/// Pause after a renewal that failed or brought nothing newer: `az` hands its own cached token
/// out until 5 min before its end.
const PAUSE: Duration = Duration::from_secs(30);

/// Pause after a failure while there is no valid token at all.
const SHORT_PAUSE: Duration = Duration::from_secs(2);

/// A token this fresh is used for at least this long, whatever our clock makes of its end: a
/// jump box whose clock is wrong must not be locked out.
const LEAST_LIFE: Span = seconds(60);

/// A refused token this young is not thrown away: the requests sent with the one before it
/// are still coming back.
const YOUNG: Duration = Duration::from_secs(10);

/// Tells the real time: tokens end by it, not by the time of a simulated estate.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Keeps the token of another source. One request to the source at a time; while a token is
/// valid nobody waits for the next one. Whom the first token was for, all are for: a run must not
/// change hands without a word, so a token for anybody else is an error.
#[derive(Clone)]
pub struct Cached(Arc<Inner>);

struct Inner {
    source: Arc<dyn TokenSource>,
    clock: WallClock,
    state: Mutex<State>,
}

type Flight = Shared<BoxFuture<'static, Result<Bearer, TokenError>>>;

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Whom the first token was for.
    acts: Option<Identity>,
    flight: Option<Flight>,
    quiet_until: Option<Instant>,
    trouble: Option<TokenError>,
    rng: fastrand::Rng,
}

struct Held {
    bearer: Bearer,
    since: Instant,
    ends: Option<Timestamp>,
    renew_from: Option<Timestamp>,
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cached").field(&self.0.source).finish()
    }
}

impl Cached {
    /// Keeps what `source` gives. `seed` spreads the renewals.
    pub fn new(source: Arc<dyn TokenSource>, clock: WallClock, seed: u64) -> Self {
        let state = State { rng: fastrand::Rng::with_seed(seed), ..State::default() };
        Self(Arc::new(Inner { source, clock, state: Mutex::new(state) }))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the source in a task of its own, so that nobody who stops waiting stops it.
    fn depart(self: &Arc<Self>, state: &mut State) -> Flight {
        let inner = Arc::clone(self);
        let flight = async move {
            let answer = timeout(WHOLE_LIMIT, inner.source.bearer()).await.unwrap_or_else(|_| {
                let source_name = inner.source.describe().source;
                Err(TokenError::Slow { source_name, limit_s: WHOLE_LIMIT.as_secs() })
            });
            inner.land(answer)
        };
        let flight = flight.boxed().shared();
        state.flight = Some(flight.clone());
        tokio::spawn(flight.clone());
        flight
    }

    /// Takes in what the source gave, and says what may be used of it.
    fn land(&self, answer: Result<Bearer, TokenError>) -> Result<Bearer, TokenError> {
        let (now, at) = ((self.clock)(), Instant::now());
        let mut state = self.state();
        state.flight = None;
        let answer = answer.and_then(|bearer| {
            let acts = state.acts.get_or_insert_with(|| bearer.identity.clone());
            if acts.is_same(&bearer.identity) {
                return Ok(bearer);
            }
            Err(TokenError::Changed { was: acts.in_full(), is: bearer.identity.in_full() })
        });
        match answer.clone() {
            Ok(bearer) => {
                let least = now.checked_add(LEAST_LIFE).unwrap_or(Timestamp::MAX);
                let spread = seconds(state.rng.i64(0..SPREAD_S));
                let renew_from = bearer.expires.map(|ends| {
                    ends.checked_sub(RENEW_BEFORE)
                        .and_then(|at| at.checked_add(spread))
                        .unwrap_or(Timestamp::MIN)
                });
                let ends = bearer.expires.map(|ends| ends.max(least));
                state.held = Some(Held { bearer, since: at, ends, renew_from });
                state.quiet_until = Some(at + PAUSE);
                state.trouble = None;
            }
            Err(trouble) => {
                let valid = state.held.as_ref().is_some_and(|held| held.valid(now));
                state.quiet_until = Some(at + if valid { PAUSE } else { SHORT_PAUSE });
                state.trouble = Some(trouble);
            }
        }
        answer
    }

    /// What is valid now, or the flight to wait for, or why there is nothing to wait for.
    fn now(self: &Arc<Self>) -> Result<Result<Bearer, Flight>, TokenError> {
        let now = (self.clock)();
        let mut state = self.state();
        let quiet = state.quiet_until.is_some_and(|until| Instant::now() < until);
        if let Some(held) = state.held.as_ref().filter(|held| held.valid(now)) {
            let bearer = held.bearer.clone();
            let due = held.renew_from.is_some_and(|from| now >= from);
            if due && !quiet && state.flight.is_none() {
                drop(self.depart(&mut state));
            }
            return Ok(Ok(bearer));
        }
        if let Some(flight) = &state.flight {
            return Ok(Err(flight.clone()));
        }
        match &state.trouble {
            Some(trouble) if quiet => Err(trouble.clone()),
            _ => Ok(Err(self.depart(&mut state))),
        }
    }
}

impl Held {
    fn valid(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

impl TokenSource for Cached {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        match self.0.now() {
            Ok(Ok(bearer)) => Box::pin(std::future::ready(Ok(bearer))),
            Ok(Err(flight)) => Box::pin(flight),
            Err(trouble) => Box::pin(std::future::ready(Err(trouble))),
        }
    }

    fn describe(&self) -> TokenStatus {
        let source = self.0.source.describe().source;
        let state = self.0.state();
        let held = state.held.as_ref();
        TokenStatus {
            source,
            // Whom they are for stays known while there is none.
            identity: state.acts.clone(),
            life: held.map_or(Life::None, |held| held.bearer.expires.into()),
            trouble: state.trouble.clone(),
        }
    }

    fn challenged(&self) {
        let mut state = self.0.state();
        if state.held.as_ref().is_some_and(|held| held.since.elapsed() >= YOUNG) {
            state.held = None;
            state.quiet_until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::azure::{Issuer, Secret};

    /// An issuer that needs `takes` for a token that lives `life`, or for an error.
    #[derive(Debug)]
    struct Slow {
        asked: AtomicU32,
        takes: Duration,
        life: i64,
        fails_from: u32,
        born: Instant,
    }

    fn clock(born: Instant) -> Timestamp {
        let start = Timestamp::from_second(1_795_000_000).unwrap();
        start + Span::try_from(born.elapsed()).unwrap()
    }

    impl TokenSource for Slow {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            let count = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            Box::pin(async move {
                tokio::time::sleep(self.takes).await;
                if count >= self.fails_from {
                    return Err(TokenError::Refused { source_name: "slow", why: "no".into() });
                }
                let ends = clock(self.born) + seconds(self.life);
                Bearer::new(&Secret::new(format!("token-{count}")), Issuer::Loopback, Some(ends))
            })
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked("slow")
        }
    }

    fn cached(takes_s: u64, life: i64, fails_from: u32) -> (Cached, Arc<Slow>) {
        let born = Instant::now();
        let takes = Duration::from_secs(takes_s);
        let slow = Arc::new(Slow { asked: AtomicU32::new(0), takes, life, fails_from, born });
        (Cached::new(slow.clone(), Arc::new(move || clock(born)), 7), slow)
    }

    async fn wait(cached: &Cached) -> Duration {
        let before = Instant::now();
        let _ = cached.bearer().await;
        before.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn one_flight_serves_all_and_nobody_waits_for_a_renewal() {
        let (cached, slow) = cached(5, 3_600, u32::MAX);
        let all = futures_util::future::join_all((0..20).map(|_| wait(&cached))).await;
        assert!(all.iter().all(|wait| *wait == Duration::from_secs(5)), "{all:?}");
        assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
        tokio::time::sleep(Duration::from_secs(46 * 60)).await;
        for _ in 0..4 {
            assert_eq!(wait(&cached).await, Duration::ZERO, "a valid token is served at once");
        }
        assert_eq!(slow.asked.load(Ordering::SeqCst), 1, "the renewal runs once the task is polled");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(slow.asked.load(Ordering::SeqCst), 2);
        assert_eq!(wait(&cached).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_issuer_leaves_the_valid_token_in_use() {
        let (cached, slow) = cached(1, 3_600, 2);
        wait(&cached).await;
        for minute in 0..58 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert!(cached.bearer().await.is_ok(), "minute {minute}");
            assert_eq!(wait(&cached).await, Duration::ZERO, "minute {minute}");
        }
        assert!(slow.asked.load(Ordering::SeqCst) > 5, "it kept trying in the background");
        assert!(cached.describe().trouble.is_some());
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert!(cached.bearer().await.is_err(), "the token has ended");
        let before = slow.asked.load(Ordering::SeqCst);
        assert!(cached.bearer().await.is_err());
        assert_eq!(slow.asked.load(Ordering::SeqCst), before, "the issuer gets a pause");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_issuer_is_given_up_after_a_while() {
        let (cached, _) = cached(3_600, 3_600, u32::MAX);
        assert_eq!(cached.bearer().await.err(), Some(TokenError::Slow { source_name: "slow", limit_s: 15 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_replaced_once() {
        let (cached, slow) = cached(0, 3_600, u32::MAX);
        wait(&cached).await;
        cached.challenged();
        wait(&cached).await;
        assert_eq!(slow.asked.load(Ordering::SeqCst), 1, "too young to be thrown away");
        tokio::time::sleep(Duration::from_secs(11)).await;
        cached.challenged();
        cached.challenged();
        wait(&cached).await;
        cached.challenged();
        wait(&cached).await;
        assert_eq!(slow.asked.load(Ordering::SeqCst), 2);
    }

    /// Gives an hour's token for whoever is signed in.
    #[derive(Debug)]
    struct Desk(Mutex<&'static str>, Instant);

    impl TokenSource for Desk {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            let token = crate::azure::tokens::jwt::tests::token(*self.0.lock().unwrap());
            let ends = clock(self.1) + seconds(3_600);
            Box::pin(std::future::ready(Bearer::new(&Secret::new(token), Issuer::Real, Some(ends))))
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked("desk")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_for_somebody_else_is_told_and_not_used() {
        let (op, again) = (r#"{"upn":"op","oid":"o1","tid":"t1"}"#, r#"{"upn":"Op","oid":"O1","tid":"t1"}"#);
        for other in [
            r#"{"upn":"op","oid":"o2","tid":"t1"}"#,
            r#"{"upn":"op","oid":"o1","tid":"t2"}"#,
            r#"{"upn":"op"}"#,
        ] {
            let born = Instant::now();
            let desk = Arc::new(Desk(Mutex::new(op), born));
            let cached = Cached::new(desk.clone(), Arc::new(move || clock(born)), 7);
            let ends = cached.bearer().await.expect("the first").expires;
            *desk.0.lock().unwrap() = other;
            tokio::time::sleep(Duration::from_secs(50 * 60)).await;
            for _ in 0..2 {
                let first = cached.bearer().await.expect("the token of before is still good");
                assert_eq!(first.expires, ends, "{other}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let status = cached.describe();
            let trouble = status.trouble.expect(other).to_string();
            assert!(trouble.contains("token not used: it is for op"), "{trouble}");
            assert!(status.identity.unwrap().in_full().as_str().contains("op (o1 of t1)"), "{other}");
            tokio::time::sleep(Duration::from_secs(11 * 60)).await;
            assert!(matches!(cached.bearer().await, Err(TokenError::Changed { .. })), "{other}");
            *desk.0.lock().unwrap() = again;
            tokio::time::sleep(SHORT_PAUSE).await;
            assert!(cached.bearer().await.is_ok(), "{other}");
            assert_eq!(cached.describe().trouble, None, "{other}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_clock_does_not_lock_out() {
        let (cached, slow) = cached(0, -7_200, u32::MAX);
        assert!(cached.bearer().await.is_ok());
        assert!(cached.bearer().await.is_ok());
        assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
    }
}
