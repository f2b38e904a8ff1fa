//! One token that never changes.

use futures_util::future::BoxFuture;

use super::{Bearer, Issuer, Secret, TokenError, TokenSource, TokenStatus};

/// A source with one token: for the simulator in this process and for tests.
#[derive(Debug, Clone)]
pub struct Fixed {
    bearer: Bearer,
    source: &'static str,
}

impl Fixed {
    /// The token of the simulator: opaque, and good on this machine only.
    pub fn simulated() -> Self {
        let bearer = Bearer::new(&Secret::new("simulated"), Issuer::Loopback, None);
        Self { bearer: bearer.expect("the word is a well formed header"), source: "simulated" }
    }

    /// A given token.
    pub fn new(bearer: Bearer, source: &'static str) -> Self {
        Self { bearer, source }
    }
}

impl TokenSource for Fixed {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(std::future::ready(Ok(self.bearer.clone())))
    }

    fn describe(&self) -> TokenStatus {
        TokenStatus {
            identity: Some(self.bearer.identity.clone()),
            life: self.bearer.expires.into(),
            ..TokenStatus::unasked(self.source)
        }
    }
}
