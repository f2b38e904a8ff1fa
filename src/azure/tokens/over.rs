//! The transport of the library's credentials: over our wire, and to one place only.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use azure_core::{
    credentials::{AccessToken, TokenCredential},
    error::{Error, ErrorKind},
    http::{AsyncRawResponse, Body, HttpClient, Method, Request, headers::Headers},
};
use bytes::Bytes;
use url::Url;

use crate::{
    domain::Safe,
    wire::{Wire, WireError},
};

use super::{TokenError, within, words};

/// Longest answer that is read: a token is a few thousand characters.
const MAX_ANSWER: usize = 64 * 1024;

const NO_TOKEN: &str = "the answer holds no token that can be read";

const TOO_LARGE: &str = "the answer is far too long for a token";

/// Whether a request may go to an address.
type Goes = Box<dyn Fn(&Url) -> bool + Send + Sync>;

/// Carries requests for tokens to the place that its source was made for, and nowhere else: what is
/// really asked decides whom the tokens are from, and who sees the secrets.
pub(super) struct OverWire {
    wire: Arc<dyn Wire>,
    method: Method,
    goes: Goes,
    heard: Arc<Heard>,
}

/// What the last exchange over a transport brought, in words of ours: those of the library repeat the answer.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Option<Said>>);

#[derive(Debug, Clone)]
struct Said {
    words: Safe,
    /// Somebody answered.
    answered: bool,
}

impl Heard {
    fn note(&self, said: Option<Said>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }

    fn said(&self) -> Option<Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn words(&self) -> Option<Safe> {
        self.said().map(|said| said.words)
    }

    /// Whether the last request was answered, with whatever.
    pub(super) fn has_answered(&self) -> bool {
        self.said().is_some_and(|said| said.answered)
    }

    /// Waits for a credential over this transport, and not for long.
    pub(super) async fn ask(
        &self,
        source_name: &'static str,
        credential: &dyn TokenCredential,
        scope: &str,
    ) -> Result<AccessToken, TokenError> {
        let refused = |why| TokenError::Refused { source_name, why };
        match within(source_name, credential.get_token(&[scope], None)).await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(error)) => {
                Err(refused(self.words().unwrap_or_else(|| words::of_program(&error.to_string()))))
            }
            // The library asks again what answers with a fault of its own, for as long as it may.
            Err(late) => Err(self.words().filter(|words| !words.as_str().is_empty()).map_or(late, refused)),
        }
    }
}

impl fmt::Debug for OverWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverWire").field("method", &self.method).finish_non_exhaustive()
    }
}

impl OverWire {
    /// Requests with `method` to addresses for which `goes` holds.
    pub(super) fn new(
        wire: Arc<dyn Wire>,
        method: Method,
        goes: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> (Self, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        (Self { wire, method, goes: Box::new(goes), heard: heard.clone() }, heard)
    }
}

#[async_trait::async_trait]
impl HttpClient for OverWire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let fail = |kind, why: &str| Error::with_message(kind, why.to_owned());
        if request.method() != self.method || !(self.goes)(request.url()) {
            return Err(fail(
                ErrorKind::Credential,
                "the identity endpoint is not the one this process started with",
            ));
        }
        let Body::Bytes(body) = request.body() else {
            return Err(fail(ErrorKind::Credential, "a request for a token has no stream"));
        };
        let mut ours = http::Request::builder().method(self.method.as_str()).uri(request.url().as_str());
        for (name, value) in request.headers().iter() {
            ours = ours.header(name.as_str(), value.as_str());
        }
        let ours = ours
            .body(Bytes::copy_from_slice(body))
            .map_err(|_| fail(ErrorKind::Credential, "the request for a token is malformed"))?;
        self.heard.note(None);
        let answer = self.wire.call(ours).await.map_err(|error| {
            let kind = match error {
                WireError::NotSent { .. } => ErrorKind::Connection,
                _ => ErrorKind::Io,
            };
            let why = error.to_string();
            self.heard.note(Some(Said { words: words::of_program(&why), answered: false }));
            fail(kind, &why)
        })?;
        let (status, large) = (answer.status(), answer.body().len() > MAX_ANSWER);
        let words = match (status.is_success(), large) {
            (false, _) => {
                words::of_answer(status.as_u16(), &answer.body()[..answer.body().len().min(MAX_ANSWER)])
            }
            (true, false) => NO_TOKEN.into(),
            (true, true) => TOO_LARGE.into(),
        };
        self.heard.note(Some(Said { words, answered: true }));
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        // What is no token goes no further: the library would tell it.
        let body = if status.is_success() && !large { answer.into_body() } else { Bytes::new() };
        Ok(AsyncRawResponse::from_bytes(status.as_u16().into(), headers, body))
    }
}
