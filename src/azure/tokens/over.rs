//! The transport of the library's credentials: over our wire, and to one place only.

use std::{fmt, sync::Arc};

use azure_core::{
    error::{Error, ErrorKind},
    http::{AsyncRawResponse, Body, HttpClient, Method, Request, headers::Headers},
};
use bytes::Bytes;
use url::Url;

use crate::wire::{Wire, WireError};

/// Whether a request may go to an address.
type Goes = Box<dyn Fn(&Url) -> bool + Send + Sync>;

/// Carries requests for tokens to the place that its source was made for, and nowhere else: what is
/// really asked decides whom the tokens are from, and who sees the secrets.
pub(super) struct OverWire {
    wire: Arc<dyn Wire>,
    method: Method,
    goes: Goes,
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
    ) -> Self {
        Self { wire, method, goes: Box::new(goes) }
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
        let answer = self.wire.call(ours).await.map_err(|error| {
            let kind = match error {
                WireError::NotSent { .. } => ErrorKind::Connection,
                _ => ErrorKind::Io,
            };
            fail(kind, &error.to_string())
        })?;
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(answer.status().as_u16().into(), headers, answer.into_body()))
    }
}
