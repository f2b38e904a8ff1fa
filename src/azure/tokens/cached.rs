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

use crate::domain::{
    Safe,
    time::{Span, Timestamp, minutes, seconds},
};

use super::{
    Bearer, Challenge, Identity, Life, Rest, Resting, Shelf, TokenError, TokenSource, TokenStatus,
    WHOLE_LIMIT, proof_wanted,
};

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

/// No token lasts longer than this, whatever its issuer says: Entra ID's own last 28 h at most, with
/// Continuous Access Evaluation. Who says a hundred years is not asked again in a hundred years.
pub const LONGEST_LIFE: Span = minutes(28 * 60);

/// The latest end of a token that is believed at `now`.
pub fn longest(now: Timestamp) -> Timestamp {
    now.checked_add(LONGEST_LIFE).unwrap_or(Timestamp::MAX)
}

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
    shelf: Option<Arc<dyn Shelf>>,
    /// Why what rested in the cache is of no use.
    lost: Option<Safe>,
    state: Mutex<State>,
}

/// What a process begins with.
#[derive(Debug)]
pub enum Start {
    /// Nothing: nobody has signed in here.
    Fresh,
    /// The token of an earlier process.
    With(Resting),
    /// A cache that is of no use any more, and why.
    Lost(Safe),
}

type Flight = Shared<BoxFuture<'static, Result<Bearer, TokenError>>>;

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// Whom the first token was for.
    acts: Option<Identity>,
    /// Who gave the last one.
    gave: Option<&'static str>,
    flight: Option<Flight>,
    quiet_until: Option<Instant>,
    trouble: Option<TokenError>,
    /// A token that did not prove enough: the source may well give it again.
    too_weak: Option<Bearer>,
    rng: fastrand::Rng,
}

struct Held {
    bearer: Bearer,
    since: Instant,
    /// It was taken up from the cache.
    rested: bool,
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
        Self::beginning(source, clock, seed, Start::Fresh)
    }

    /// Like [`Cached::new`], with what this process begins with.
    pub fn beginning(source: Arc<dyn TokenSource>, clock: WallClock, seed: u64, start: Start) -> Self {
        Self::over(source, clock, seed, None, start)
    }

    /// Keeps what `source` gives, and lets it rest on `shelf` beyond this process.
    pub fn resting(
        source: Arc<dyn TokenSource>,
        clock: WallClock,
        seed: u64,
        shelf: Arc<dyn Shelf>,
        start: Start,
    ) -> Self {
        Self::over(source, clock, seed, Some(shelf), start)
    }

    fn over(
        source: Arc<dyn TokenSource>,
        clock: WallClock,
        seed: u64,
        shelf: Option<Arc<dyn Shelf>>,
        start: Start,
    ) -> Self {
        let mut state = State { rng: fastrand::Rng::with_seed(seed), ..State::default() };
        let lost = match start {
            Start::Fresh => None,
            Start::With(resting) => {
                state.gave = Some(resting.source);
                let ends = resting.bearer.expires;
                state.take(resting.bearer, clock());
                // It is not fresh from its issuer: a refusal of it counts at once, and so does its own end.
                if let Some(held) = &mut state.held {
                    held.rested = true;
                    held.ends = held.ends.min(ends);
                }
                None
            }
            Start::Lost(why) => Some(why),
        };
        Self(Arc::new(Inner { source, clock, shelf, lost, state: Mutex::new(state) }))
    }
}

impl State {
    /// Takes a token that is for whom it should be.
    fn take(&mut self, bearer: Bearer, now: Timestamp) {
        self.acts.get_or_insert_with(|| bearer.identity.clone());
        let after = |span| now.checked_add(span).unwrap_or(Timestamp::MAX);
        let ends = bearer.expires.map(|ends| ends.clamp(after(LEAST_LIFE), longest(now)));
        let spread = seconds(self.rng.i64(0..SPREAD_S));
        let renew_from = ends.map(|ends| {
            ends.checked_sub(RENEW_BEFORE).and_then(|at| at.checked_add(spread)).unwrap_or(Timestamp::MIN)
        });
        self.held = Some(Held { bearer, since: Instant::now(), rested: false, ends, renew_from });
    }
}

impl State {
    /// Whether a token may be used by this process.
    fn judge(&self, bearer: Bearer) -> Result<Bearer, TokenError> {
        if self.too_weak.as_ref().is_some_and(|weak| weak.is_same(&bearer)) {
            let source = self.gave.unwrap_or_default();
            return Err(proof_wanted(source));
        }
        match &self.acts {
            Some(acts) if !acts.is_same(&bearer.identity) => {
                Err(TokenError::Changed { was: acts.in_full(), is: bearer.identity.in_full() })
            }
            _ => Ok(bearer),
        }
    }
}

impl Inner {
    /// What is told of an error: where the cache has lost its token, that comes first.
    fn in_the_end(&self, state: &State, error: TokenError) -> TokenError {
        match &self.lost {
            Some(lost) if state.acts.is_none() && !matches!(error, TokenError::SignIn { .. }) => {
                TokenError::SignIn { why: Safe::new(&format!("{lost}; {error}")) }
            }
            _ => error,
        }
    }

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
        let answer =
            answer.and_then(|bearer| state.judge(bearer)).map_err(|error| self.in_the_end(&state, error));
        match answer.clone() {
            Ok(bearer) => {
                let source = self.source.describe().source;
                state.gave = Some(source);
                state.take(bearer.clone(), now);
                state.quiet_until = Some(at + PAUSE);
                (state.trouble, state.too_weak) = (None, None);
                if let Some(shelf) = &self.shelf {
                    shelf.keep(&bearer, source);
                }
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
        let state = self.0.state();
        let source = state.gave.unwrap_or_else(|| self.0.source.describe().source);
        let held = state.held.as_ref();
        TokenStatus {
            source,
            // Whom they are for stays known while there is none.
            identity: state.acts.clone(),
            life: held.map_or(Life::None, |held| held.ends.into()),
            rest: self.0.shelf.as_ref().map_or_else(Rest::default, |shelf| shelf.rest()),
            trouble: state.trouble.clone(),
        }
    }

    fn look(&self) {
        if let Some(shelf) = &self.0.shelf {
            shelf.look();
        }
    }

    fn challenged(&self, how: Challenge) {
        let mut state = self.0.state();
        let Some(held) = state.held.take_if(|held| held.rested || held.since.elapsed() >= YOUNG) else {
            return;
        };
        if let Some(shelf) = &self.0.shelf {
            shelf.forget();
        }
        match how {
            Challenge::Refused => state.quiet_until = None,
            Challenge::Claims => {
                // The source is asked again after a pause: by then somebody may have signed in.
                state.quiet_until = Some(Instant::now() + SHORT_PAUSE);
                state.trouble = Some(proof_wanted(state.gave.unwrap_or_default()));
                state.too_weak = Some(held.bearer);
            }
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
        assert_eq!(cached.bearer().await.err(), Some(TokenError::Slow { source_name: "slow", limit_s: 26 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_replaced_once() {
        let (cached, slow) = cached(0, 3_600, u32::MAX);
        wait(&cached).await;
        cached.challenged(Challenge::Refused);
        wait(&cached).await;
        assert_eq!(slow.asked.load(Ordering::SeqCst), 1, "too young to be thrown away");
        tokio::time::sleep(Duration::from_secs(11)).await;
        cached.challenged(Challenge::Refused);
        cached.challenged(Challenge::Refused);
        wait(&cached).await;
        cached.challenged(Challenge::Refused);
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

    /// How an identity endpoint behaves.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Habit {
        Slow(u64),
        Hangs,
        /// Tokens that live this long, by its own word.
        Says(i64),
        WrongTenant,
        Garbage,
        Refuses,
        SomebodyElse,
    }

    /// An identity endpoint that is fine once and then takes to a habit.
    #[derive(Debug)]
    struct Station {
        habits: Mutex<Vec<Habit>>,
        asked: AtomicU32,
        in_flight: AtomicU32,
        most: AtomicU32,
        born: Instant,
    }

    impl TokenSource for Station {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            Box::pin(async move {
                let count = self.asked.fetch_add(1, Ordering::SeqCst);
                let now_in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now_in_flight, Ordering::SeqCst);
                let habit = {
                    let habits = self.habits.lock().unwrap();
                    habits[(count as usize).min(habits.len() - 1)]
                };
                let answer = self.answer(habit, count).await;
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
                answer
            })
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked("managed identity")
        }
    }

    impl Station {
        async fn answer(&self, habit: Habit, count: u32) -> Result<Bearer, TokenError> {
            let life = match habit {
                Habit::Slow(takes) => {
                    tokio::time::sleep(Duration::from_secs(takes)).await;
                    3_600
                }
                Habit::Hangs => std::future::pending().await,
                Habit::Says(life) => life,
                Habit::Refuses => {
                    return Err(TokenError::Refused { source_name: "managed identity", why: "500".into() });
                }
                Habit::WrongTenant | Habit::Garbage | Habit::SomebodyElse => 3_600,
            };
            let ends = clock(self.born) + seconds(life);
            let (tenant, oid) = match habit {
                Habit::WrongTenant => ("t2", "o1"),
                Habit::SomebodyElse => ("t1", "o2"),
                _ => ("t1", "o1"),
            };
            let claims = format!(r#"{{"upn":"op","oid":"{oid}","tid":"{tenant}","n":{count}}}"#);
            let token = match habit {
                Habit::Garbage => "a\nb".to_owned(),
                _ => crate::azure::tokens::jwt::tests::token(&claims),
            };
            let bearer = Bearer::new(&Secret::new(token), Issuer::Loopback, Some(ends))?;
            crate::azure::tokens::pinned::of_tenant(bearer, &"t1".into(), "managed identity")
        }
    }

    /// Whatever becomes of its issuer, a valid token is served at once, one request at a time goes to the
    /// issuer, and when it is well again so are we: nobody has to start anew.
    #[tokio::test(start_paused = true)]
    async fn no_identity_endpoint_delays_a_request_while_the_token_is_valid() {
        const GOOD: Habit = Habit::Says(3_600);
        for habit in [
            Habit::Slow(9),
            Habit::Slow(600),
            Habit::Hangs,
            Habit::Says(-7_200),
            Habit::Says(0),
            Habit::Says(5),
            Habit::Says(100 * 365 * 86_400),
            Habit::WrongTenant,
            Habit::Garbage,
            Habit::Refuses,
            Habit::SomebodyElse,
        ] {
            let born = Instant::now();
            let source = endpoint(&[GOOD, habit], born);
            let cached = Cached::new(source.clone(), Arc::new(move || clock(born)), 7);
            let first = cached.bearer().await.expect("it is fine at first");
            for second in 0..(59 * 60) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let waited = wait(&cached).await;
                assert_eq!(waited, Duration::ZERO, "{habit:?} after {second} s");
            }
            assert!(source.asked.load(Ordering::SeqCst) > 1, "{habit:?}: it was asked in the background");
            let served = cached.bearer().await.expect("valid");
            let usable = matches!(habit, Habit::Slow(9) | Habit::Says(_));
            assert_eq!(served.is_same(&first), !usable, "{habit:?}: what cannot be used replaces nothing");
            // It comes to its senses, however long it took; nobody has to start anew.
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            *source.habits.lock().unwrap() = vec![GOOD];
            tokio::time::sleep(WHOLE_LIMIT + PAUSE).await;
            let _ = cached.bearer().await;
            tokio::time::sleep(PAUSE).await;
            assert!(cached.bearer().await.is_ok(), "{habit:?}");
            // What was given up is dropped, so that it never piles up: in flight is counted once for good.
            let dropped = matches!(habit, Habit::Slow(600) | Habit::Hangs);
            assert!(dropped || source.most.load(Ordering::SeqCst) == 1, "{habit:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_for_a_hundred_years_is_asked_for_anew_within_two_days() {
        let born = Instant::now();
        let source = endpoint(&[Habit::Says(100 * 365 * 86_400)], born);
        let cached = Cached::new(source.clone(), Arc::new(move || clock(born)), 7);
        let ends = clock(born).checked_add(LONGEST_LIFE).unwrap();
        assert!(cached.bearer().await.is_ok());
        assert_eq!(cached.describe().life, Life::Until(ends), "nor is it shown to last that long");
        tokio::time::sleep(Duration::from_secs(28 * 3_600)).await;
        let _ = cached.bearer().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    }

    /// A shelf that writes down what it is told.
    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    impl Shelf for Told {
        fn keep(&self, bearer: &Bearer, source: &'static str) {
            self.0.lock().unwrap().push(format!("keep {} of {source}", bearer.identity));
        }

        fn forget(&self) {
            self.0.lock().unwrap().push("forget".to_owned());
        }

        fn look(&self) {
            self.0.lock().unwrap().push("look".to_owned());
        }

        fn rest(&self) -> Rest {
            Rest::Sealed { key_in: "a box".into() }
        }
    }

    fn endpoint(habits: &[Habit], born: Instant) -> Arc<Station> {
        let (asked, in_flight, most) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Station { habits: Mutex::new(habits.to_vec()), asked, in_flight, most, born })
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_goes_on_with_the_token_of_the_one_before() {
        let born = Instant::now();
        let source = endpoint(&[Habit::Says(3_600)], born);
        let bearer = source.answer(Habit::Says(1_800), 99).await.unwrap();
        let shelf = Arc::new(Told::default());
        let start = Start::With(Resting { bearer: bearer.clone(), source: "managed identity" });
        let clock = Arc::new(move || clock(born));
        let cached = Cached::resting(source.clone(), clock.clone(), 7, shelf.clone(), start);
        assert!(cached.bearer().await.unwrap().is_same(&bearer));
        assert_eq!(source.asked.load(Ordering::SeqCst), 0, "nobody was asked");
        assert_eq!(cached.describe().identity.unwrap().to_string(), "op");
        assert!(shelf.0.lock().unwrap().is_empty(), "it rests there already");
        tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        let _ = cached.bearer().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!cached.bearer().await.unwrap().is_same(&bearer), "renewed 15 min before its end");
        assert_eq!(*shelf.0.lock().unwrap(), ["keep op of managed identity"]);
        // Azure refuses it: it must not be taken up again by the next process either.
        tokio::time::sleep(YOUNG).await;
        cached.challenged(Challenge::Refused);
        assert_eq!(shelf.0.lock().unwrap().last().map(String::as_str), Some("forget"));
        // A cache that is of no use says so, until somebody is signed in.
        let refusing = endpoint(&[Habit::Refuses, Habit::Refuses, Habit::Says(3_600), Habit::Refuses], born);
        let lost = Start::Lost("key expired".into());
        let cached = Cached::resting(refusing, clock, 7, shelf, lost);
        let error = cached.bearer().await.expect_err("nobody is signed in").to_string();
        assert_eq!(error, "sign in again: key expired; no token from managed identity: 500");
        for _ in 0..2 {
            tokio::time::sleep(PAUSE).await;
            let _ = cached.bearer().await;
        }
        assert!(cached.bearer().await.is_ok());
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        let error = cached.bearer().await.expect_err("it has ended").to_string();
        assert_eq!(error, "no token from managed identity: 500");
    }

    #[tokio::test(start_paused = true)]
    async fn a_resting_token_is_used_to_its_end_while_the_next_one_is_asked_for() {
        for left in [1, 50, 600] {
            let born = Instant::now();
            let source = endpoint(&[Habit::Hangs], born);
            let bearer = source.answer(Habit::Says(left), 99).await.unwrap();
            let start = Start::With(Resting { bearer: bearer.clone(), source: "managed identity" });
            let cached = Cached::beginning(source.clone(), Arc::new(move || clock(born)), 7, start);
            let before = Instant::now();
            assert!(cached.bearer().await.unwrap().is_same(&bearer), "{left} s left");
            assert_eq!(before.elapsed(), Duration::ZERO, "{left} s left");
            tokio::task::yield_now().await;
            assert_eq!(source.asked.load(Ordering::SeqCst), 1, "{left} s left: the next one is asked for");
            tokio::time::sleep(Duration::from_secs(left.unsigned_abs())).await;
            assert!(cached.bearer().await.is_err(), "{left} s left: it has ended");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_claims_challenge_asks_for_a_sign_in_and_the_weak_token_is_not_sent_again() {
        let born = Instant::now();
        let source = endpoint(&[Habit::Says(3_600)], born);
        let weak = source.answer(Habit::Says(3_600), 0).await.unwrap();
        let desk = Arc::new(Again(Mutex::new(weak.clone()), AtomicU32::new(0)));
        let cached = Cached::new(desk.clone(), Arc::new(move || clock(born)), 7);
        assert!(cached.bearer().await.is_ok());
        tokio::time::sleep(YOUNG).await;
        cached.challenged(Challenge::Claims);
        for _ in 0..20 {
            let error = cached.bearer().await.expect_err("the source only has the weak one");
            assert_eq!(error, proof_wanted("az login"));
            assert!(cached.describe().trouble.is_some());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!((2..=12).contains(&desk.1.load(Ordering::SeqCst)), "asked after pauses");
        *desk.0.lock().unwrap() = source.answer(Habit::Says(3_600), 1).await.unwrap();
        tokio::time::sleep(SHORT_PAUSE).await;
        assert!(!cached.bearer().await.expect("somebody has signed in").is_same(&weak));
        assert_eq!(cached.describe().trouble, None);
    }

    /// Gives the same token again and again, as `az` does.
    #[derive(Debug)]
    struct Again(Mutex<Bearer>, AtomicU32);

    impl TokenSource for Again {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::ready(Ok(self.0.lock().unwrap().clone())))
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked("az login")
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
