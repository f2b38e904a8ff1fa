//! The wire over a recording: it answers what was answered, and there is no way out behind it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::wire::{Reply, Request, Response, Wire, WireError};

use super::{
    line::Lost,
    tape::{Tape, Told},
};

/// Which answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Only to requests that left then or later; `None`: to any.
    pub from: Option<i64>,
    /// Only those that were there by then.
    pub to: i64,
}

/// Role definitions are asked for once in a while and kept meanwhile: an earlier answer stands.
const KEPT: &str = "/roledefinitions";

/// Answers from a recording.
#[derive(Debug)]
pub struct Answers {
    tape: Arc<Tape>,
    window: Window,
    /// How long the last answer had taken, in microseconds.
    took: AtomicI64,
}

impl Answers {
    /// Answers within `window`.
    pub fn new(tape: Arc<Tape>, window: Window) -> Self {
        Self { tape, window, took: AtomicI64::new(0) }
    }

    /// How long the last answer that was given had taken when it was recorded, in microseconds.
    pub fn took(&self) -> i64 {
        self.took.load(Ordering::Relaxed)
    }

    fn find(&self, request: &Request) -> Option<&Told> {
        let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        let body = (!request.body().is_empty()).then(|| Sha256::digest(request.body()).into());
        let kept = path.to_ascii_lowercase().contains(KEPT);
        let method = request.method().to_string();
        let after = self.window.from.filter(|_| !kept);
        let fits = |told: &&Told| told.to <= self.window.to && after.is_none_or(|from| told.from >= from);
        let exactly = self.tape.told.get(&(method.clone(), path, body));
        let found = exactly.and_then(|told| told.iter().rev().find(fits));
        found.or_else(|| {
            // A query can hold a moment that hangs on what earlier looks told of Azure's clock. Within the
            // time of one look its path says what it was, if nothing else was asked there.
            self.window.from?;
            let asked = self.tape.paths.get(&(method, request.uri().path().to_owned()))?;
            let mut within = asked.iter().filter(|asked| asked.2 == body);
            let mut within =
                within.by_ref().filter_map(|asked| self.tape.told.get(asked)?.iter().rev().find(fits));
            within.next().filter(|_| within.next().is_none())
        })
    }

    fn answer(&self, request: &Request) -> Result<Response, WireError> {
        let Some(told) = self.find(request) else {
            let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
            return Err(WireError::NotRecorded { method, path });
        };
        self.took.store(told.to - told.from, Ordering::Relaxed);
        match &told.answer {
            Ok((status, headers, body)) => Ok(response(*status, headers, body.clone())),
            Err(lost) => Err(error(lost, told, request)),
        }
    }
}

impl Wire for Answers {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(std::future::ready(self.answer(&request)))
    }
}

fn response(status: u16, headers: &[(String, String)], body: Bytes) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn error(lost: &Lost, told: &Told, request: &Request) -> WireError {
    match lost {
        Lost::GivenUp => {
            // It was waited for as long as it might take.
            let waited = u64::try_from((told.to - told.from) / 1_000).unwrap_or_default();
            WireError::Timeout { elapsed_ms: waited, limit_ms: waited }
        }
        Lost::Broken(why) => WireError::Interrupted { why: why.to_string() },
        Lost::TooLarge(limit_bytes) => WireError::TooLarge { limit_bytes: *limit_bytes },
        Lost::NotSent(why) => {
            let host = request.uri().host().unwrap_or_default().to_owned();
            WireError::NotSent { host, why: why.to_string() }
        }
    }
}
