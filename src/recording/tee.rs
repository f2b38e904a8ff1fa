//! A wire that passes everything on and tells a recorder what passed.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::header;

use crate::{
    domain::{Safe, time::Timestamp},
    wire::{Reply, Request, Response, Wire, WireError},
};

use super::{line::Lost, recorder::Recorder, writer::Exchange};

/// Tells the time of the estate.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Stands inside the guard: what may not leave is not recorded as if it had.
pub struct Tee {
    inner: Arc<dyn Wire>,
    recorder: Recorder,
    now: Now,
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tee").field(&self.inner).finish()
    }
}

impl Tee {
    /// Puts a tee in front of `inner`.
    pub fn new(inner: Arc<dyn Wire>, recorder: Recorder, now: Now) -> Self {
        Self { inner, recorder, now }
    }
}

impl Wire for Tee {
    fn call(&self, request: Request) -> Reply<'_> {
        let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.map(|value| value.rsplit(' ').next().unwrap_or_default().to_owned());
        let mut open = Open {
            tee: self,
            began: (self.now)(),
            method: request.method().to_string(),
            url: request.uri().to_string(),
            sent: request.body().clone(),
            token,
            told: false,
        };
        let reply = self.inner.call(request);
        Box::pin(async move {
            let answer = reply.await;
            open.ended(&answer);
            answer
        })
    }
}

/// An exchange that has begun. Where nobody waits for its end any longer that is its end.
struct Open<'a> {
    tee: &'a Tee,
    began: Timestamp,
    method: String,
    url: String,
    sent: Bytes,
    token: Option<String>,
    told: bool,
}

impl Open<'_> {
    fn ended(&mut self, answer: &Result<Response, WireError>) {
        self.tell(match answer {
            Ok(response) => {
                Ok((response.status().as_u16(), response.headers().clone(), response.body().clone()))
            }
            Err(WireError::Timeout { .. }) => Err(Lost::GivenUp),
            Err(WireError::TooLarge { limit_bytes }) => Err(Lost::TooLarge(*limit_bytes)),
            Err(WireError::Interrupted { why }) => Err(Lost::Broken(Safe::new(why))),
            Err(WireError::NotSent { why, .. }) => Err(Lost::NotSent(Safe::new(why))),
            Err(error) => Err(Lost::NotSent(Safe::new(&error.to_string()))),
        });
    }

    fn tell(&mut self, answer: Result<(u16, http::HeaderMap, Bytes), Lost>) {
        self.told = true;
        let recorder = &self.tee.recorder;
        let (began, ended) = (recorder.t(self.began), recorder.t((self.tee.now)()));
        recorder.exchange(Exchange {
            t: ended,
            us: ended - began,
            method: std::mem::take(&mut self.method),
            url: std::mem::take(&mut self.url),
            sent: std::mem::take(&mut self.sent),
            token: self.token.take(),
            answer,
        });
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(Err(Lost::GivenUp));
        }
    }
}
