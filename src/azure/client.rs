//! One request, end to end: address, token, ids, deadline, limits, attempts.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use tokio::time::{Instant, timeout_at};

use crate::{
    domain::{
        ArmId, Safe,
        estate::Estate,
        reading::SilenceKind,
        time::{Skew, Timestamp},
    },
    wire::{Request, Response, Wire, WireError},
};

use super::{
    breaker,
    dates::Dates,
    definitions::Definitions,
    failure::{Again, Failure, Took, without_token},
    lane::{Gates, Lane, Places, Provider},
    limits::{Buckets, Kind, Limits, Refusal},
    origin::Origin,
    retry,
    tokens::{Challenge, TokenError, TokenSource, proof_wanted},
    version::{Api, Versions},
};

/// Deadline of one GET (reliability-security §3).
pub(super) const GET_LIMIT: Duration = Duration::from_secs(10);

/// Deadline of one page of a list.
pub(super) const PAGE_LIMIT: Duration = Duration::from_secs(15);

/// Deadline of a whole look, with all its requests, attempts and waits.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

/// Largest answer we read, in bytes, decoded; the live wire stops there, others are measured.
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;

/// Everything a request needs.
#[derive(Debug)]
pub(super) struct Client {
    wire: Arc<dyn Wire>,
    tokens: Arc<dyn TokenSource>,
    pub(super) origin: Origin,
    pub(super) versions: Versions,
    pub(super) estate: Arc<Estate>,
    pub(super) places: Places,
    pub(super) definitions: Definitions,
    /// How far our clock is off Azure's, by the last look whose answers told.
    skew: Mutex<Option<Skew>>,
    gates: Gates,
    buckets: Buckets,
    rng: Mutex<fastrand::Rng>,
}

/// One look: its lane, its deadline, the correlation id of all its requests and the dates of their answers.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) lane: Lane,
    deadline: Instant,
    correlation: HeaderValue,
    pub(super) dates: Dates,
}

/// One read to be sent.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) body: Bytes,
    pub(super) provider: Provider,
    /// Subscription whose limits apply; empty for the tenant's.
    pub(super) subscription: &'a str,
    pub(super) limit: Duration,
}

impl Client {
    pub(super) fn new(
        wire: Arc<dyn Wire>,
        tokens: Arc<dyn TokenSource>,
        origin: Origin,
        estate: Arc<Estate>,
        limits: Limits,
        seed: u64,
    ) -> Self {
        Self {
            wire,
            tokens,
            origin,
            versions: Versions::new(&estate),
            places: Places::new(&estate),
            definitions: Definitions::default(),
            skew: Mutex::new(None),
            estate,
            gates: Gates::new(&limits),
            buckets: Buckets::new(limits),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Begins a look.
    pub(super) fn visit(&self, lane: Lane) -> Visit {
        Visit {
            lane,
            deadline: Instant::now() + LOOK_LIMIT,
            correlation: self.guid(),
            dates: Dates::default(),
        }
    }

    /// The address of an object, or of `tail` below it.
    pub(super) fn url(&self, api: Api, id: &ArmId, tail: &str, query: &str) -> String {
        let mut url = String::with_capacity(self.origin.as_str().len() + id.as_str().len() + tail.len() + 64);
        url.push_str(self.origin.as_str());
        push_path(&mut url, id.as_str());
        url.push_str(tail);
        push_query(&mut url, self.versions.of(api), query);
        url
    }

    /// GETs one object. The query, where there is one, is already encoded.
    pub(super) async fn get(
        &self,
        visit: &Visit,
        api: Api,
        id: &ArmId,
        tail: &str,
        query: &str,
    ) -> Result<Bytes, Failure> {
        let ask = Ask {
            method: Method::GET,
            url: self.url(api, id, tail, query),
            body: Bytes::new(),
            provider: api.provider(),
            subscription: id.subscription(),
            limit: GET_LIMIT,
        };
        self.read(visit, ask).await
    }

    /// Sends a read until it is answered or not worth another attempt.
    pub(super) async fn read(&self, visit: &Visit, ask: Ask<'_>) -> Result<Bytes, Failure> {
        let gate = self.gates.of(visit.lane, ask.provider);
        gate.budget.earn();
        let mut attempt = 1;
        let mut left = None;
        loop {
            let failure = match self.attempt(visit, &ask).await {
                Ok(body) => return Ok(body),
                // Of a request that left, how it failed is told, not that no further one did.
                Err(failure) if failure.kind == SilenceKind::NotAsked => return Err(left.unwrap_or(failure)),
                Err(failure) => failure,
            };
            let wait = {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                retry::wait(&failure, attempt, &mut rng).map(|wait| self.buckets.pace.pause(wait))
            };
            match wait {
                Some(wait) if Instant::now() + wait < visit.deadline && gate.budget.spend() => {
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                    left = Some(failure);
                }
                _ => return Err(failure),
            }
        }
    }

    /// Sends a read once, without a further attempt.
    pub(super) async fn attempt(&self, visit: &Visit, ask: &Ask<'_>) -> Result<Bytes, Failure> {
        let gate = self.gates.of(visit.lane, ask.provider);
        // How long it rests is not said: the words would stand on the screen while that time passes.
        let rests = |_| Failure::new(SilenceKind::NotAsked, "not asked: it kept failing and is left alone");
        let leave = gate.breaker.ask(Instant::now()).map_err(rests)?;
        let answer = self.exchange(visit, ask).await;
        match &answer {
            Err(failure) if failure.status.is_none() && failure.kind != SilenceKind::Unreachable => {}
            Err(failure) if !failure.answered() => {
                leave.failed(Instant::now(), self.buckets.pace.pause(breaker::REST));
            }
            _ => leave.answered(),
        }
        answer.map(Response::into_body)
    }

    /// Sends a read once, past the breaker: within the limits and the deadline.
    pub(super) async fn exchange(&self, visit: &Visit, ask: &Ask<'_>) -> Result<Response, Failure> {
        let gate = self.gates.of(visit.lane, ask.provider);
        let late =
            |_| Failure::new(SilenceKind::Throttled, "not asked: too many requests of ours are waiting");
        let _seat = timeout_at(visit.deadline, gate.seats.acquire())
            .await
            .map_err(late)?
            .map_err(|_| Failure::not_checked("the client is closing"))?;
        self.buckets
            .take(ask.subscription, Kind::Read, visit.deadline)
            .await
            .map_err(|refusal| Failure::new(SilenceKind::Throttled, waiting(refusal)))?;
        let mut request = request(&ask.method, &ask.url, ask.body.clone())?;
        let headers = request.headers_mut();
        headers.insert("x-ms-client-request-id", self.guid());
        headers.insert("x-ms-correlation-request-id", visit.correlation.clone());
        let asked = timeout_at(visit.deadline, self.bearer()).await;
        let still = |_| Failure::new(SilenceKind::NoToken, "no token yet: its sources are still being asked");
        headers.insert(header::AUTHORIZATION, asked.map_err(still)??);
        let (began, limit) = (Instant::now(), ask.limit.min(visit.deadline - Instant::now()));
        let called = self.call(request, ask.limit, visit.deadline).await;
        let took = Took { elapsed: began.elapsed(), limit };
        let response = called.map_err(|error| Failure::of_wire(&error, took))?;
        if response.status().is_success() {
            visit.dates.note(response.headers());
            return Ok(response);
        }
        let mut failure = Failure::of_answer(&response, took);
        if failure.again == Again::SignIn {
            failure.why = self.proof();
        }
        self.heed(&failure, ask.subscription, Kind::Read);
        Err(failure)
    }

    /// Sends one request within its limit, and within the deadline if that is nearer.
    pub(super) async fn call(
        &self,
        request: Request,
        limit: Duration,
        deadline: Instant,
    ) -> Result<Response, WireError> {
        let now = Instant::now();
        let end = deadline.min(now + limit);
        let sent = request.headers().get(header::AUTHORIZATION).cloned();
        let response = timeout_at(end, self.wire.call(request)).await.unwrap_or_else(|_| {
            Err(WireError::Timeout { elapsed_ms: millis(now.elapsed()), limit_ms: millis(end - now) })
        })?;
        if response.body().len() > MAX_BODY {
            return Err(WireError::TooLarge { limit_bytes: MAX_BODY });
        }
        Ok(if response.status().is_success() { response } else { without_token(response, sent.as_ref()) })
    }

    /// Notes how far the clocks differ, where a look told.
    pub(super) fn note_skew(&self, skew: Option<Skew>) {
        let mut known = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        *known = skew.or(*known);
    }

    /// How far the clocks differ, as far as a look told.
    pub(super) fn skew(&self) -> Option<Skew> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The earliest and the latest that Azure's clock may show at `now` of ours; as ours does while no
    /// answer has told.
    pub(super) fn by_azure(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let skew = self.skew();
        let less = |span| now.checked_sub(span).unwrap_or(now);
        skew.map_or((now, now), |skew| (less(skew.most), less(skew.least)))
    }

    /// A pause of the estate's time in ours.
    pub(super) fn pause(&self, of_estate: Duration) -> Duration {
        self.buckets.pace.pause(of_estate)
    }

    /// How many estate seconds pass in one of ours from now on.
    pub(super) fn set_pace(&self, speed: f64) {
        self.buckets.pace.set(speed);
    }

    /// Draws the consequences that other requests have to heed.
    pub(super) fn heed(&self, failure: &Failure, subscription: &str, kind: Kind) {
        match failure.again {
            Again::After(wait) if failure.status == Some(StatusCode::TOO_MANY_REQUESTS.as_u16()) => {
                self.buckets.shut(subscription, kind, wait);
            }
            Again::NewToken => self.tokens.challenged(Challenge::Refused),
            Again::SignIn => self.tokens.challenged(Challenge::Claims),
            _ => {}
        }
    }

    /// What a person does about a claims challenge.
    pub(super) fn proof(&self) -> Safe {
        Safe::new(&proof_wanted(self.tokens.describe().source).to_string())
    }

    /// Waits for room for one write, until `deadline`.
    pub(super) async fn room_for_write(&self, subscription: &str, deadline: Instant) -> Result<(), Refusal> {
        self.buckets.take(subscription, Kind::Write, deadline).await
    }

    /// The token header for our origin.
    pub(super) async fn bearer(&self) -> Result<HeaderValue, Failure> {
        let refused = |error: TokenError| {
            // What is held back or unfit is there: signing in mends nothing.
            let kind = match error {
                TokenError::Refused { .. }
                | TokenError::Missing { .. }
                | TokenError::Slow { .. }
                | TokenError::SignIn { .. } => SilenceKind::NoToken,
                _ => SilenceKind::Denied,
            };
            Failure::new(kind, error.to_string())
        };
        let bearer = self.tokens.bearer().await.map_err(refused)?;
        bearer.header_for(&self.origin).map_err(refused)
    }

    /// A random id for one request.
    pub(super) fn guid(&self) -> HeaderValue {
        let random = self.rng.lock().unwrap_or_else(PoisonError::into_inner).u128(..);
        let mut text = [0_u8; uuid::fmt::Hyphenated::LENGTH];
        let guid = uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
        HeaderValue::from_str(guid.hyphenated().encode_lower(&mut text)).expect("hexadecimal and hyphens")
    }
}

/// A request to `url`, which was built by us or admitted before, without its token and ids.
pub(super) fn request(method: &Method, url: &str, body: Bytes) -> Result<Request, Failure> {
    let uri = Uri::try_from(url).map_err(|_| Failure::garbled("the address cannot be sent"))?;
    let mut request = Request::new(body);
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    let json = HeaderValue::from_static("application/json");
    if !request.body().is_empty() {
        request.headers_mut().insert(header::CONTENT_TYPE, json.clone());
    }
    request.headers_mut().insert(header::ACCEPT, json);
    Ok(request)
}

/// A span of a call in milliseconds.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Why a read waits longer than it may.
fn waiting(refusal: Refusal) -> Safe {
    let seconds = refusal.wait().as_secs_f64().ceil();
    Safe::new(&match refusal {
        Refusal::Told(_) => format!("not asked: Azure wants no further reads for {seconds} s"),
        Refusal::Own(_) => format!("not asked: our own limit is used up for {seconds} s"),
    })
}

/// Appends a path. Ids hold nothing that could end a segment; spaces and letters outside
/// ASCII are percent-encoded.
pub(super) fn push_path(url: &mut String, path: &str) {
    use std::fmt::Write;
    if path.bytes().all(|b| b > b' ' && b < 0x7f) {
        url.push_str(path);
        return;
    }
    for byte in path.bytes() {
        if byte > b' ' && byte < 0x7f {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

/// Appends the api-version and the rest of the query.
pub(super) fn push_query(url: &mut String, version: &str, query: &str) {
    url.push_str("?api-version=");
    url.push_str(version);
    if !query.is_empty() {
        url.push('&');
        url.push_str(query);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::{BoxFuture, join, join_all};

    use super::*;
    use crate::{
        azure::{
            Azure, AzureOptions, Endpoint,
            scripted::{Say, Script, azure, estate, id, look, ok, status},
            tokens::{Bearer, Issuer, Secret, TokenStatus},
        },
        domain::{Answer, Side, Source, reading::Silence},
    };

    const WE: Side = Side::Primary;
    const POOL: &str = r#"{"properties":{"maxSessionLimit":1}}"#;

    async fn pool(says: &[Say]) -> (Result<Answer, Silence>, usize, Duration) {
        let script = Script::new(&[("", says)]);
        let before = Instant::now();
        let answer = look(&azure(&script), Source::Pool(0, WE)).await;
        (answer, script.sent().len(), before.elapsed())
    }

    /// However Azure refuses a call and however a call breaks, its error says how long that call took and how long
    /// it might have.
    #[tokio::test(start_paused = true)]
    async fn every_refusal_says_how_long_its_call_took_and_might_have() {
        let late = |say: Say| Say::Late(Duration::from_millis(2_340), Box::new(say));
        let broken = |error| late(Say::Break(error));
        let denied = r#"{"error":{"code":"AuthorizationFailed","message":"no right"}}"#;
        let all = (300..600)
            .filter(|&number| StatusCode::from_u16(number).is_ok_and(|one| one.canonical_reason().is_some()));
        for number in all {
            for body in ["", denied, "<html>"] {
                let (answer, _, _) = pool(&[late(status(number, body))]).await;
                let why = answer.unwrap_err().why.to_string();
                // The last of its calls had what the look had left.
                let limit = if number == 429 { "7.7" } else { "10.0" };
                let took = format!(", after 2.3 s (limit {limit} s)");
                assert!(why.ends_with(&took), "{number} {body}: {why}");
                assert!(why.starts_with(&number.to_string()), "{number} {body}: {why}");
            }
        }
        for (say, words) in [
            // The second of its calls had what the look had left.
            (Say::Nothing, "no answer in 9.9 s (limit 9.9 s)"),
            (
                broken(WireError::Timeout { elapsed_ms: 9_980, limit_ms: 10_000 }),
                "no answer in 10.0 s (limit 10.0 s)",
            ),
            (
                broken(WireError::NotSent { host: "h".into(), why: "refused".into() }),
                "could not reach h: refused, after 2.3 s (limit 10.0 s)",
            ),
            (
                broken(WireError::Interrupted { why: "reset".into() }),
                "connection broke before the answer was whole: reset, after 2.3 s (limit 10.0 s)",
            ),
            (
                broken(WireError::TooLarge { limit_bytes: 5 }),
                "answer larger than 5 bytes, after 2.3 s (limit 10.0 s)",
            ),
        ] {
            let told = format!("{say:?}");
            let (answer, _, _) = pool(&[say]).await;
            assert_eq!(answer.unwrap_err().why.as_str(), words, "{told}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_tried_three_times_where_that_can_help_and_within_the_look() {
        let good = || ok(POOL);
        let told = |seconds: &str| status(429, "").with("retry-after", seconds);
        let busy = || status(503, "").with("retry-after", "4");
        let reset = || Say::Break(WireError::Interrupted { why: "reset".into() });
        let late = |secs| Say::Late(Duration::from_secs(secs), Box::new(ok(POOL)));
        let ended = |kind| Err(kind);
        for (says, expected, sent, secs) in [
            (vec![good()], Ok(()), 1, 0..=0),
            (vec![status(500, ""), good()], Ok(()), 2, 0..=1),
            (vec![reset(), status(502, ""), good()], Ok(()), 3, 0..=1),
            (vec![status(500, "")], ended(SilenceKind::Unreachable), 3, 0..=1),
            (vec![busy(), good()], Ok(()), 2, 4..=4),
            (vec![told("5"), good()], Ok(()), 2, 5..=5),
            (vec![told("30"), good()], ended(SilenceKind::Throttled), 1, 0..=0),
            (vec![status(400, "")], ended(SilenceKind::Garbled), 1, 0..=0),
            (vec![status(403, "")], ended(SilenceKind::Denied), 1, 0..=0),
            (vec![status(404, "")], ended(SilenceKind::Absent), 1, 0..=0),
            (vec![status(401, ""), good()], Ok(()), 2, 0..=0),
            (vec![status(401, "")], ended(SilenceKind::Denied), 2, 0..=0),
            (
                vec![status(302, "").with("location", "https://evil.example/")],
                ended(SilenceKind::Garbled),
                1,
                0..=0,
            ),
            (vec![late(9)], Ok(()), 1, 9..=9),
            (vec![late(11), good()], Ok(()), 2, 10..=11),
            (vec![Say::Nothing], ended(SilenceKind::Unreachable), 2, 20..=20),
        ] {
            let what = format!("{says:?}");
            let (answer, count, took) = pool(&says).await;
            assert_eq!(answer.map(|_| ()).map_err(|silence| silence.kind), expected, "{what}");
            assert_eq!(count, sent, "{what}");
            assert!(secs.contains(&took.as_secs()), "{what}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_read_carries_its_headers_and_one_correlation_a_look() {
        let script = Script::new(&[("", &[ok(r#"{"value":[],"properties":{}}"#)])]);
        let azure = azure(&script);
        for _ in 0..2 {
            look(&azure, Source::Groups(0, WE)).await.expect("an answer");
        }
        let sent = script.requests();
        let header =
            |place: usize, name: &str| sent[place].headers()[name].to_str().expect("text").to_owned();
        let distinct = |name: &str, places: std::ops::Range<usize>| {
            places.map(|place| header(place, name)).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(sent.len(), 8);
        assert_eq!(distinct("x-ms-client-request-id", 0..8), 8);
        assert_eq!(
            (distinct("x-ms-correlation-request-id", 0..4), distinct("x-ms-correlation-request-id", 0..8)),
            (1, 2)
        );
        for (place, request) in sent.iter().enumerate() {
            assert_eq!(header(place, "authorization"), "Bearer simulated");
            assert!(request.headers()["authorization"].is_sensitive());
            assert_eq!(header(place, "accept"), "application/json");
            assert!(crate::domain::access::is_guid(&header(place, "x-ms-client-request-id")));
            assert_eq!(request.uri().query(), Some("api-version=2024-04-03"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_that_keeps_failing_is_left_alone_and_the_other_is_not() {
        let script = Script::new(&[("hp-we", &[status(500, "")]), ("hp-ne", &[ok(POOL)])]);
        let azure = azure(&script);
        for _ in 0..10 {
            let _ = look(&azure, Source::Pool(0, WE)).await;
        }
        let to_primary = || script.sent().iter().filter(|line| line.contains("hp-we")).count();
        assert_eq!(to_primary(), 5, "five failures open the breaker");
        let silence = look(&azure, Source::Pool(0, WE)).await.expect_err("open");
        assert!(
            silence.kind == SilenceKind::NotAsked && silence.why.as_str().starts_with("not asked"),
            "{silence:?}"
        );
        look(&azure, Source::Pool(0, Side::Secondary)).await.expect("its own breaker");
        tokio::time::advance(Duration::from_secs(16)).await;
        let _ = look(&azure, Source::Pool(0, WE)).await;
        assert_eq!(to_primary(), 6, "one probe");
    }

    /// Neither the quota nor a machine of a dead region answers; the list of all machines does.
    #[tokio::test(start_paused = true)]
    async fn a_list_that_answers_is_not_left_alone_for_objects_that_do_not() {
        let gone = || status(500, "");
        let script = Script::new(&[
            ("/locations/westeurope/usages", &[gone()]),
            ("virtualMachines/dc-we", &[gone()]),
            ("/virtualMachines?", &[ok(r#"{"value":[]}"#)]),
        ]);
        let azure = azure(&script);
        for _ in 0..5 {
            let _ = look(&azure, Source::Usages(WE)).await;
            let _ = look(&azure, Source::Directory(WE)).await;
        }
        let silence = look(&azure, Source::Directory(WE)).await.expect_err("open");
        assert_eq!(silence.kind, SilenceKind::NotAsked, "{silence:?}");
        look(&azure, Source::Machines(WE)).await.expect("the list is asked for itself");
    }

    #[tokio::test(start_paused = true)]
    async fn a_black_hole_holds_its_own_seats_only() {
        let script = Script::new(&[("-we", &[Say::Nothing]), ("hp-ne", &[ok(POOL)])]);
        let azure = azure(&script);
        let stuck = join_all((0..40).map(|_| look(&azure, Source::Pool(0, WE))));
        let free = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let before = Instant::now();
            look(&azure, Source::Pool(0, Side::Secondary)).await.expect("an answer");
            let in_flight = script.sent().iter().filter(|line| line.contains("-we")).count();
            (before.elapsed(), in_flight)
        };
        let (stuck, (waited, in_flight)) = join(stuck, free).await;
        assert_eq!((waited, in_flight), (Duration::ZERO, 16));
        assert!(stuck.iter().all(Result::is_err));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_no_read_of_that_subscription_leaves_before_its_time() {
        let script =
            Script::new(&[("hp-we", &[status(429, "").with("retry-after", "60")]), ("", &[ok(POOL)])]);
        let azure = azure(&script);
        let _ = look(&azure, Source::Pool(0, WE)).await;
        let silence = look(&azure, Source::Pool(0, Side::Secondary)).await.expect_err("held back");
        assert_eq!((silence.kind, script.sent().len()), (SilenceKind::Throttled, 1), "{silence:?}");
        tokio::time::advance(Duration::from_secs(60)).await;
        look(&azure, Source::Pool(0, Side::Secondary)).await.expect("its time has come");
    }

    /// Counts challenges; gives a token of this issuer, or none.
    #[derive(Debug)]
    struct Counting(Option<Issuer>, AtomicU32);

    impl TokenSource for Counting {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            let refused = || TokenError::Refused { source_name: "test", why: "signed out".into() };
            let bearer =
                self.0.ok_or_else(refused).and_then(|issuer| Bearer::new(&Secret::new("t"), issuer, None));
            Box::pin(std::future::ready(bearer))
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked("test")
        }

        fn challenged(&self, _: Challenge) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_fitting_token_nothing_leaves() {
        for (issuer, sent, challenges, kind) in [
            (Some(Issuer::Loopback), 2, 2, SilenceKind::Denied),
            (Some(Issuer::Real), 0, 0, SilenceKind::Denied),
            (None, 0, 0, SilenceKind::NoToken),
        ] {
            let script = Script::new(&[("", &[status(401, "")])]);
            let tokens = Arc::new(Counting(issuer, AtomicU32::new(0)));
            let options = AzureOptions::new(Endpoint::in_process(), Arc::new(estate()));
            let azure = Azure::new(script.clone(), tokens.clone(), options);
            let silence = look(&azure, Source::Pool(0, WE)).await.expect_err("no answer");
            assert_eq!(silence.kind, kind, "{silence:?}");
            assert_eq!(
                (script.sent().len(), tokens.1.load(Ordering::SeqCst)),
                (sent, challenges),
                "{issuer:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_beyond_the_limit_are_not_read() {
        let (answer, ..) = pool(&[ok(&" ".repeat(MAX_BODY + 1))]).await;
        assert_eq!(answer.map_err(|silence| silence.kind), Err(SilenceKind::Garbled));
    }

    #[test]
    fn paths_are_encoded_where_they_must_be() {
        let azure_id = id("/resourceGroups/rg (é)/x/a@b:c");
        let mut url = String::new();
        push_path(&mut url, azure_id.as_str());
        assert_eq!(
            url,
            "/subscriptions/5b5b5b5b-0000-4000-8000-000000000001/resourceGroups/rg%20(%C3%A9)/x/a@b:c"
        );
        assert!(format!("http://127.0.0.1{url}").parse::<Uri>().is_ok());
    }
}
