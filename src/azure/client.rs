//! One request, end to end: address, token, ids, deadline, limits, attempts.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use tokio::time::{Instant, timeout_at};

use crate::{
    domain::{ArmId, Safe, estate::Estate, reading::SilenceKind},
    wire::{Request, Response, Wire, WireError},
};

use super::{
    failure::{Again, Failure},
    lane::{Gates, Lane, Places, Provider},
    limits::{Buckets, Kind, Limits, Refusal},
    origin::Origin,
    retry,
    tokens::{TokenError, TokenSource},
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
    gates: Gates,
    buckets: Buckets,
    rng: Mutex<fastrand::Rng>,
}

/// One look: its lane, its deadline and the correlation id of all its requests.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) lane: Lane,
    deadline: Instant,
    correlation: HeaderValue,
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
            estate,
            gates: Gates::new(&limits),
            buckets: Buckets::new(limits),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Begins a look.
    pub(super) fn visit(&self, lane: Lane) -> Visit {
        Visit { lane, deadline: Instant::now() + LOOK_LIMIT, correlation: self.guid() }
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
        loop {
            let failure = match self.attempt(visit, &ask).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let wait = {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                retry::wait(&failure, attempt, &mut rng)
            };
            match wait {
                Some(wait) if Instant::now() + wait < visit.deadline && gate.budget.spend() => {
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                _ => return Err(failure),
            }
        }
    }

    /// Sends a read once, without a further attempt.
    pub(super) async fn attempt(&self, visit: &Visit, ask: &Ask<'_>) -> Result<Bytes, Failure> {
        let gate = self.gates.of(visit.lane, ask.provider);
        let leave = gate.breaker.ask(Instant::now()).map_err(|rest| {
            let rest = rest.as_secs_f64().ceil();
            let why = format!("not asked: it kept failing; next attempt in {rest} s");
            Failure::new(SilenceKind::Unreachable, why)
        })?;
        let answer = self.exchange(visit, ask).await;
        match &answer {
            Err(failure) if failure.status.is_none() && failure.kind != SilenceKind::Unreachable => {}
            Err(failure) if !failure.answered() => leave.failed(Instant::now()),
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
        let mut request = self.request(&ask.method, &ask.url, ask.body.clone())?;
        let headers = request.headers_mut();
        headers.insert("x-ms-client-request-id", self.guid());
        headers.insert("x-ms-correlation-request-id", visit.correlation.clone());
        headers
            .insert(header::AUTHORIZATION, timeout_at(visit.deadline, self.bearer()).await.map_err(late)??);
        let response =
            self.call(request, ask.limit, visit.deadline).await.map_err(|e| Failure::of_wire(&e))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let failure = Failure::of_answer(&response);
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
        let response = timeout_at(end, self.wire.call(request)).await.unwrap_or_else(|_| {
            let limit_ms = u64::try_from((end - now).as_millis()).unwrap_or(u64::MAX);
            Err(WireError::Timeout { limit_ms })
        })?;
        if response.body().len() > MAX_BODY {
            return Err(WireError::TooLarge { limit_bytes: MAX_BODY });
        }
        Ok(response)
    }

    /// Draws the consequences that other requests have to heed.
    pub(super) fn heed(&self, failure: &Failure, subscription: &str, kind: Kind) {
        match failure.again {
            Again::After(wait) if failure.status == Some(StatusCode::TOO_MANY_REQUESTS.as_u16()) => {
                self.buckets.shut(subscription, kind, wait);
            }
            Again::NewToken => self.tokens.challenged(),
            _ => {}
        }
    }

    /// Waits for room for one write, until `deadline`.
    pub(super) async fn room_for_write(&self, subscription: &str, deadline: Instant) -> Result<(), Refusal> {
        self.buckets.take(subscription, Kind::Write, deadline).await
    }

    /// A request to `url`, which was built by us or admitted before, without its token and ids.
    pub(super) fn request(&self, method: &Method, url: &str, body: Bytes) -> Result<Request, Failure> {
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

    /// The token header for our origin.
    pub(super) async fn bearer(&self) -> Result<HeaderValue, Failure> {
        let refused = |error: TokenError| Failure::new(SilenceKind::Denied, error.to_string());
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
