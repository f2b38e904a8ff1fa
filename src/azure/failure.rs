//! Why a request brought no answer, by what it means: the error envelope, decoded leniently.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    domain::{
        Safe,
        reading::{Silence, SilenceKind},
    },
    wire::{Response, WireError, tenths},
};

use super::{
    lenient::{self, Lax},
    tokens::words::{HIDDEN, without_jwt},
};

/// Bounds of a wait that Azure asks for, in seconds (design §9).
const RETRY_AFTER: std::ops::RangeInclusive<u64> = 1..=600;

/// Wait after a 429 that names none, in seconds: the contract of long operations and the
/// refill of the buckets both make ten a safe figure.
const UNTOLD_WAIT: u64 = 10;

/// Shorter tokens are words of tests and of the simulator, which stand in every text.
const LEAST_TOKEN: usize = 12;

/// Whether another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// No.
    Never,
    /// After our own, growing wait.
    Backoff,
    /// After the wait that Azure named.
    After(Duration),
    /// With a new token.
    NewToken,
    /// With the token of a new sign-in, which takes a person.
    SignIn,
}

/// What a claims challenge says, until it is known who gave the token.
const CHALLENGE: &str = "Azure asks for another proof of who you are (claims challenge)";

/// Whether a 401 carries a claims challenge (Continuous Access Evaluation, Conditional Access): it names
/// what the next token has to prove, in the `claims` parameter of `WWW-Authenticate`.
pub(super) fn asks_for_proof(headers: &HeaderMap) -> bool {
    headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("insufficient_claims") || value.contains("claims=")
    })
}

/// Why a request brought no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    /// What kind of silence it is.
    pub(super) kind: SilenceKind,
    /// HTTP status, where there was one.
    pub(super) status: Option<u16>,
    /// Error code of the envelope, where there was one.
    pub(super) code: Option<Safe>,
    /// In words.
    pub(super) why: Safe,
    /// Whether another attempt can help.
    pub(super) again: Again,
}

/// How long a call took, and how long it might have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Took {
    /// What passed.
    pub(super) elapsed: Duration,
    /// The most that might have.
    pub(super) limit: Duration,
}

impl Took {
    /// `words` of how a call ended, with its time behind them.
    pub(super) fn after(self, words: &str) -> String {
        let millis = |span: Duration| tenths(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let (elapsed, limit) = (millis(self.elapsed), millis(self.limit));
        let comma = if words.is_empty() { "" } else { ", " };
        format!("{words}{comma}after {elapsed} (limit {limit})")
    }
}

/// Codes of a 404 that speak of something above the object: they do not say that it is gone.
const ABOVE: [&str; 4] = [
    "SubscriptionNotFound",
    "InvalidSubscriptionId",
    "ResourceGroupNotFound",
    "InvalidAuthenticationTokenTenant",
];

impl Failure {
    /// Whether Azure itself says that what was asked for is not there. A proxy's own 404 carries no
    /// envelope; it must not read as a revoked right or a machine that is gone.
    pub(super) fn says_gone(&self) -> bool {
        let above = |code: &Safe| ABOVE.iter().any(|above| above.eq_ignore_ascii_case(code.as_str()));
        self.status == Some(404) && self.code.as_ref().is_some_and(|code| !above(code))
    }

    /// A failure that no attempt mends.
    pub(super) fn new(kind: SilenceKind, why: impl Into<Safe>) -> Self {
        Self { kind, status: None, code: None, why: why.into(), again: Again::Never }
    }

    /// The answer could not be understood.
    pub(super) fn garbled(why: impl Into<Safe>) -> Self {
        Self::new(SilenceKind::Garbled, why)
    }

    /// Nobody may look, or there is nothing to look at.
    pub(super) fn not_checked(why: impl Into<Safe>) -> Self {
        Self::new(SilenceKind::NotChecked, why)
    }

    /// What the wire said, and how long the call took.
    pub(super) fn of_wire(error: &WireError, took: Took) -> Self {
        let kind = match error {
            WireError::NotSent { .. } | WireError::Timeout { .. } | WireError::Interrupted { .. } => {
                SilenceKind::Unreachable
            }
            WireError::TooLarge { .. } => SilenceKind::Garbled,
            WireError::WriteRefused { .. } => SilenceKind::NotChecked,
            WireError::NotRecorded { .. } => SilenceKind::NotRecorded,
        };
        let again = if kind == SilenceKind::Unreachable { Again::Backoff } else { Again::Never };
        let why = match error {
            WireError::NotSent { .. } | WireError::Interrupted { .. } | WireError::TooLarge { .. } => {
                took.after(&error.to_string())
            }
            // It says so itself, or there was no call.
            WireError::Timeout { .. } | WireError::WriteRefused { .. } | WireError::NotRecorded { .. } => {
                error.to_string()
            }
        };
        Self { again, ..Self::new(kind, why) }
    }

    /// What an answer that is no success says, and how long the call took.
    pub(super) fn of_answer(response: &Response, took: Took) -> Self {
        let status = response.status();
        let envelope = Envelope::read(response.body());
        let (kind, again) = match status {
            // The token is fine and not enough: nothing that we can do by ourselves brings a better one.
            StatusCode::UNAUTHORIZED if asks_for_proof(response.headers()) => {
                return Self {
                    status: Some(status.as_u16()),
                    code: envelope.code,
                    again: Again::SignIn,
                    ..Self::new(SilenceKind::NoToken, CHALLENGE)
                };
            }
            StatusCode::UNAUTHORIZED => (SilenceKind::Denied, Again::NewToken),
            StatusCode::FORBIDDEN => (SilenceKind::Denied, Again::Never),
            StatusCode::NOT_FOUND | StatusCode::GONE => (SilenceKind::Absent, Again::Never),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = retry_after(response.headers()).unwrap_or(Duration::from_secs(UNTOLD_WAIT));
                (SilenceKind::Throttled, Again::After(wait))
            }
            StatusCode::REQUEST_TIMEOUT => (SilenceKind::Unreachable, Again::Backoff),
            status if status.is_server_error() => {
                let again = retry_after(response.headers())
                    .filter(|_| status == StatusCode::SERVICE_UNAVAILABLE)
                    .map_or(Again::Backoff, Again::After);
                (SilenceKind::Unreachable, again)
            }
            _ => (SilenceKind::Garbled, Again::Never),
        };
        Self {
            kind,
            status: Some(status.as_u16()),
            why: took.after(&envelope.in_words(status)).into(),
            code: envelope.code,
            again,
        }
    }

    /// Whether the far end answered at all, so that its breaker stays closed.
    pub(super) fn answered(&self) -> bool {
        self.kind != SilenceKind::Unreachable
    }

    /// The silence of a source, told of `what`.
    pub(super) fn silence(self, what: &str) -> Silence {
        let why = if what.is_empty() { self.why } else { Safe::new(&format!("{what}: {}", self.why)) };
        Silence { kind: self.kind, why }
    }
}

/// The error envelope of ARM: `{"error":{"code","message"}}`, the same at top level, HTML, nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Envelope {
    /// Error code.
    pub(super) code: Option<Safe>,
    /// Error message.
    pub(super) message: Option<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Outer<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    code: Lax<Safe>,
    message: Lax<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Inner {
    code: Lax<Safe>,
    message: Lax<Safe>,
}

/// Longest part of a body that is no envelope shown in words, in characters.
const EXCERPT: usize = 80;

impl Envelope {
    /// Reads what can be read; never fails.
    pub(super) fn read(body: &[u8]) -> Self {
        let told = Self::as_told(body);
        let clean = |text: Option<Safe>| text.map(|text| Safe::new(&without_jwt(text.as_str())));
        Self { code: clean(told.code), message: clean(told.message) }
    }

    fn as_told(body: &[u8]) -> Self {
        let Ok(outer) = lenient::from_slice::<Outer>(body) else { return Self::default() };
        let Some(error) = outer.error else { return Self { code: outer.code.0, message: outer.message.0 } };
        let inner = lenient::from_slice::<Inner>(error.get().as_bytes()).unwrap_or_default();
        // OAuth writes `"error":"word"`.
        let word = || lenient::from_slice::<Lax<Safe>>(error.get().as_bytes()).ok().and_then(|word| word.0);
        Self {
            code: inner.code.0.or_else(word).or(outer.code.0),
            message: inner.message.0.or(outer.message.0),
        }
    }

    /// The failure for a person: status, code, message.
    pub(super) fn in_words(&self, status: StatusCode) -> String {
        let name = status.canonical_reason().unwrap_or("");
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!("{} {code}: {message}", status.as_u16()),
            (Some(code), None) => format!("{} {code}", status.as_u16()),
            (None, Some(message)) => format!("{} {name}: {message}", status.as_u16()),
            (None, None) => format!("{} {name}", status.as_u16()).trim_end().to_owned(),
        }
    }
}

/// A refusal without the token of its request: who refuses may repeat what it was sent.
pub(super) fn without_token(mut refusal: Response, authorization: Option<&HeaderValue>) -> Response {
    let token =
        authorization.and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    let Some(token) = token.filter(|token| token.len() >= LEAST_TOKEN) else { return refusal };
    if let Ok(text) = std::str::from_utf8(refusal.body())
        && text.contains(token)
    {
        *refusal.body_mut() = Bytes::from(text.replace(token, HIDDEN));
    }
    refusal
}

/// Why a body with status 200 is no answer of ARM.
pub(super) fn not_json(body: &[u8], error: &serde_json::Error) -> Failure {
    let start: String =
        String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT)]).chars().take(EXCERPT).collect();
    let start = start.trim_start();
    if start.is_empty() {
        return Failure::garbled("the answer is empty");
    }
    if start.starts_with('<') {
        return Failure::garbled(
            "the answer is a web page, not Azure's: is there a sign-in page or proxy in between?",
        );
    }
    Failure::garbled(without_jwt(&format!("the answer cannot be read: {error}")))
}

/// The wait an answer asks for, clamped; `None` where it asks for none that can be read.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis =
        ["retry-after-ms", "x-ms-retry-after-ms"].iter().find_map(|name| text(name)?.parse::<u64>().ok());
    let seconds = || {
        let told = text(header::RETRY_AFTER.as_str())?;
        told.parse::<u64>().ok().or_else(|| {
            let until = jiff::fmt::rfc2822::parse(told).ok()?.timestamp();
            let from = jiff::fmt::rfc2822::parse(text(header::DATE.as_str())?).ok()?.timestamp();
            u64::try_from(until.duration_since(from).as_secs()).ok()
        })
    };
    let seconds = millis.map(|millis| millis.div_ceil(1_000)).or_else(seconds)?;
    Some(Duration::from_secs(seconds.clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOK: Took = Took { elapsed: Duration::from_millis(260), limit: Duration::from_secs(10) };

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let mut builder = http::Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    fn check(status: u16, body: &str, kind: SilenceKind, why: &str) {
        let failure = Failure::of_answer(&answer(status, &[], body), TOOK);
        let why = format!("{why}, after 0.3 s (limit 10.0 s)");
        assert_eq!((failure.kind, failure.why.as_str()), (kind, why.as_str()), "{status} {body}");
    }

    /// Who refuses may repeat what it was sent: no word of ours does.
    #[test]
    fn a_refusal_is_told_without_the_token_it_repeats() {
        let (opaque, jwt) = ("CANARY-opaque-token", "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiJvIn0.CANARY");
        for (token, status, body) in [
            (opaque, 403, r#"{"error":{"code":"No","message":"Bearer CANARY-opaque-token may not"}}"#),
            (opaque, 500, r#"{"error":{"code":"CANARY-opaque-token","message":"no"}}"#),
            (
                jwt,
                403,
                r#"{"error":{"code":"No","message":"eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiJvIn0.CANARY may not"}}"#,
            ),
            // Nor another one than ours.
            (opaque, 404, r#"{"code":"No","message":"eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiJvIn0.CANARY may not"}"#),
        ] {
            let sent = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            let refusal = without_token(answer(status, &[], body), Some(&sent));
            let (failure, envelope) = (Failure::of_answer(&refusal, TOOK), Envelope::read(refusal.body()));
            let told = format!("{failure:?} {envelope:?}");
            assert!(!told.contains("CANARY") && told.contains(HIDDEN), "{told}");
        }
    }

    #[test]
    fn a_call_without_an_answer_says_how_long_it_took_and_how_long_it_might() {
        let (host, why) = ("management.azure.com".to_owned(), "refused".to_owned());
        let cases = [
            (WireError::Timeout { elapsed_ms: 9_980, limit_ms: 9_980 }, "no answer in 10.0 s (limit 10.0 s)"),
            (WireError::Timeout { elapsed_ms: 4_839, limit_ms: 4_831 }, "no answer in 4.8 s (limit 4.8 s)"),
            (
                WireError::NotSent { host, why: why.clone() },
                "could not reach management.azure.com: refused, after 0.3 s (limit 10.0 s)",
            ),
            (
                WireError::Interrupted { why },
                "connection broke before the answer was whole: refused, after 0.3 s (limit 10.0 s)",
            ),
            (
                WireError::TooLarge { limit_bytes: 5 },
                "answer larger than 5 bytes, after 0.3 s (limit 10.0 s)",
            ),
        ];
        for (error, words) in cases {
            let failure = Failure::of_wire(&error, TOOK);
            assert_eq!(failure.why.as_str(), words);
        }
    }

    #[test]
    fn envelopes_in_every_shape_say_what_they_can() {
        use SilenceKind::{Absent, Denied, Garbled, Throttled, Unreachable};
        let nested = r#"{"error":{"code":"AuthorizationFailed","message":"no right"}}"#;
        check(403, nested, Denied, "403 AuthorizationFailed: no right");
        check(404, r#"{"Error":{"Code":404,"Message":"gone"}}"#, Absent, "404 404: gone");
        check(404, r#"{"code":"ResourceNotFound","message":"x"}"#, Absent, "404 ResourceNotFound: x");
        check(401, r#"{"error":"invalid_token"}"#, Denied, "401 invalid_token");
        check(409, r#"{"error":{"message":"only words"}}"#, Garbled, "409 Conflict: only words");
        check(502, "<html><body>Bad Gateway</body></html>", Unreachable, "502 Bad Gateway");
        check(503, "", Unreachable, "503 Service Unavailable");
        check(500, r#"{"error":null}"#, Unreachable, "500 Internal Server Error");
        check(429, r#"{"error":[1]}"#, Throttled, "429 Too Many Requests");
        check(302, "", Garbled, "302 Found");
        check(418, r#"{"error":{"code":"\u001b[2J"}}"#, Garbled, "418 <U+001B>[2J");
    }

    #[test]
    fn waits_are_read_in_every_spelling_and_clamped() {
        let check = |headers: &[(&str, &str)], seconds: Option<u64>| {
            let response = answer(429, headers, "");
            assert_eq!(retry_after(response.headers()), seconds.map(Duration::from_secs), "{headers:?}");
        };
        check(&[], None);
        check(&[("retry-after", "17")], Some(17));
        check(&[("retry-after", "0")], Some(1));
        check(&[("retry-after", "86400")], Some(600));
        check(&[("retry-after", "-5")], None);
        check(&[("retry-after", "soon")], None);
        check(&[("x-ms-retry-after-ms", "1500")], Some(2));
        check(&[("retry-after-ms", "250"), ("retry-after", "60")], Some(1));
        let date = ("date", "Fri, 20 Nov 2026 09:00:00 GMT");
        check(&[("retry-after", "Fri, 20 Nov 2026 09:00:30 GMT"), date], Some(30));
        check(&[("retry-after", "Fri, 20 Nov 2026 08:00:30 GMT"), date], None);
        check(&[("retry-after", "Fri, 20 Nov 2026 09:00:30 GMT")], None);
    }

    #[test]
    fn a_second_attempt_is_made_only_where_it_can_help() {
        let check = |status: u16, headers: &[(&str, &str)], again: Again| {
            assert_eq!(Failure::of_answer(&answer(status, headers, ""), TOOK).again, again, "{status}");
        };
        check(400, &[], Again::Never);
        check(401, &[], Again::NewToken);
        check(
            401,
            &[("www-authenticate", "Bearer authorization_uri=\"https://login.example\"")],
            Again::NewToken,
        );
        let claims =
            "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnt9fQ==\"";
        check(401, &[("www-authenticate", claims)], Again::SignIn);
        check(401, &[("www-authenticate", "Negotiate"), ("www-authenticate", claims)], Again::SignIn);
        check(403, &[("www-authenticate", claims)], Again::Never);
        check(403, &[], Again::Never);
        check(404, &[], Again::Never);
        check(408, &[], Again::Backoff);
        check(429, &[], Again::After(Duration::from_secs(10)));
        check(429, &[("retry-after", "3")], Again::After(Duration::from_secs(3)));
        check(500, &[("retry-after", "3")], Again::Backoff);
        check(503, &[("retry-after", "3")], Again::After(Duration::from_secs(3)));
        check(504, &[], Again::Backoff);
    }
}
