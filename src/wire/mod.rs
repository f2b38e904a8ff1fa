//! The one way out: every byte to or from Azure crosses [`Wire`].
//!
//! Live HTTP, the simulated Azure, recordings and the faulty doubles of the tests all
//! implement this trait, so nothing above it can tell them apart. The outermost wire of
//! every process is [`Guard`], which lets no write pass without a [`Permit`].

mod guard;
mod live;
mod permit;

pub use guard::Guard;
pub use live::{Live, LiveError, LiveOptions, Reach};
pub use permit::{Permit, body_sha256};

use std::{fmt, future::Future, pin::Pin};

use bytes::Bytes;

/// A request as it leaves: absolute URL, headers, whole body in memory.
pub type Request = http::Request<Bytes>;

/// An answer as it came: status, headers, whole body in memory.
pub type Response = http::Response<Bytes>;

/// The pending answer of one call.
pub type Reply<'a> = Pin<Box<dyn Future<Output = Result<Response, WireError>> + Send + 'a>>;

/// Sends one request and brings one answer. Never retries, never follows redirects.
pub trait Wire: fmt::Debug + Send + Sync {
    /// Performs one exchange. A future that is dropped may have been sent.
    fn call(&self, request: Request) -> Reply<'_>;
}

/// Why there is no answer. The variants are sorted by what may have happened at the far end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// No byte of the request left this machine (name resolution, refused connection).
    #[error("could not reach {host}: {why}")]
    NotSent {
        /// Host that was addressed.
        host: String,
        /// What the transport said, already cut to one line.
        why: String,
    },
    /// The deadline passed; the far end may have acted.
    #[error("no answer in {} (limit {})", tenths(*.elapsed_ms), tenths(*.limit_ms))]
    Timeout {
        /// How long it was waited for, in milliseconds.
        elapsed_ms: u64,
        /// The limit that was in force, in milliseconds.
        limit_ms: u64,
    },
    /// The connection broke after sending began; the far end may have acted.
    #[error("connection broke before the answer was whole: {why}")]
    Interrupted {
        /// What the transport said, already cut to one line.
        why: String,
    },
    /// The answer was larger than we accept.
    #[error("answer larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit that was in force, in bytes.
        limit_bytes: usize,
    },
    /// A recording holds no answer to it. Nothing was sent.
    #[error("not recorded: {method} {path}")]
    NotRecorded {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
    },
    /// The guard stopped a write that carried no fitting permit. Nothing was sent.
    #[error("refused to send {method} {path}: {why}")]
    WriteRefused {
        /// Method of the stopped request.
        method: String,
        /// Path of the stopped request.
        path: String,
        /// Why the permit did not fit.
        why: &'static str,
    },
}

/// Milliseconds as a person reads them: `9.9 s`.
pub fn tenths(ms: u64) -> String {
    let tenths = (ms + 50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

impl WireError {
    /// Whether the far end cannot have seen the request.
    pub fn surely_not_sent(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::WriteRefused { .. } | Self::NotRecorded { .. })
    }
}
