//! A permit lets exactly one journaled write pass the guard, once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sha2::{Digest, Sha256};

use super::Request;

/// SHA-256 of a request body, as it stands in the journal's intent.
pub fn body_sha256(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// The right to send one write: this method, this URL, this body, once.
///
/// It travels in the request's extensions. Only `engine::release` mints one, after the
/// intent it stands for is durable; `tests/it/floors.rs` keeps it that way.
#[derive(Debug, Clone)]
pub struct Permit {
    method: String,
    url: String,
    body_sha256: [u8; 32],
    spent: Arc<AtomicBool>,
}

impl Permit {
    /// Mints a permit for one request. Clones share the one use.
    pub(crate) fn mint(method: &str, url: &str, body_sha256: [u8; 32]) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            body_sha256,
            spent: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Uses the permit up for `request`, or says why it does not fit.
    pub(super) fn spend(&self, request: &Request) -> Result<(), &'static str> {
        if request.method().as_str() != self.method {
            return Err("the permit is for another method");
        }
        if request.uri().to_string() != self.url {
            return Err("the permit is for another address");
        }
        if body_sha256(request.body()) != self.body_sha256 {
            return Err("the permit is for another body");
        }
        if self.spent.swap(true, Ordering::SeqCst) {
            return Err("the permit was used before");
        }
        Ok(())
    }
}
