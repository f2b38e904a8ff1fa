//! Turns what a recorder is told into lines.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::domain::{text::hex, time::Timestamp};

use super::{
    delta,
    line::{Body, Call, Line, Lost},
    mask::Mask,
};

/// Headers of an answer that mean something to whoever reads it later.
const KEPT: [&str; 5] =
    ["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "location", "azure-asyncoperation"];

/// The date of an answer in seconds since the Unix epoch, where it is written as HTTP has it.
fn dated(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(http::header::DATE)?.to_str().ok()?;
    let second = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
    (date_text(second).as_deref() == Some(text)).then_some(second)
}

/// A date as HTTP writes it.
pub(super) fn date_text(second: i64) -> Option<String> {
    let moment = Timestamp::from_second(second).ok()?;
    Some(moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// Bodies smaller than this are told whole.
const LEAST_DELTA: usize = 256;

/// An exchange as the tee saw it.
pub(super) struct Exchange {
    pub(super) t: i64,
    pub(super) us: i64,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) sent: Bytes,
    /// The token it carried, so that it can be taken out where an answer repeats it.
    pub(super) token: Option<String>,
    pub(super) answer: Result<(u16, HeaderMap, Bytes), Lost>,
}

/// Writes lines.
pub(super) struct Writer<W> {
    out: W,
    mask: Mask,
    urls: HashMap<String, u32>,
    bodies: HashMap<[u8; 32], u32>,
    /// By address: the last body it answered with, and its number.
    last: HashMap<u32, (u32, String)>,
    lines: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, mask: Mask) -> Self {
        let (urls, bodies, last) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { out, mask, urls, bodies, last, lines: 0 }
    }

    /// Lines written so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes one line.
    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        // What names a body is clean already, and its pieces must stay as they are.
        let text = if matches!(line, Line::Body(_)) { text } else { self.mask.clean(&text, None) };
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.lines += 1;
        Ok(())
    }

    /// Writes an exchange, and before it what it names for the first time.
    pub(super) fn exchange(&mut self, seen: Exchange) -> io::Result<()> {
        let token = seen.token.as_deref();
        let url = self.mask.clean(&seen.url, token);
        let u = if let Some(known) = self.urls.get(&url) {
            *known
        } else {
            let id = self.urls.len() as u32 + 1;
            self.line(&Line::Url { id, url: url.clone() })?;
            self.urls.insert(url, id);
            id
        };
        let q = if seen.sent.is_empty() { None } else { Some(self.body(&seen.sent, token, None)?) };
        let mut call = Call { t: seen.t, us: seen.us, m: seen.method, u, q, ..Call::default() };
        match &seen.answer {
            Ok((status, headers, body)) => {
                call.s = Some(*status);
                call.d = dated(headers);
                call.h = self.headers(headers, token);
                call.b = if body.is_empty() { None } else { Some(self.body(body, token, Some(u))?) };
            }
            Err(lost) => call.x = Some(lost.clone()),
        }
        self.line(&Line::Call(call))
    }

    fn headers(&mut self, headers: &HeaderMap, token: Option<&str>) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        for name in KEPT {
            if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
                kept.push((name.to_owned(), self.mask.clean(value, token)));
            }
        }
        kept
    }

    /// The number of a body; it is written where it is new.
    fn body(&mut self, bytes: &[u8], token: Option<&str>, of: Option<u32>) -> io::Result<u32> {
        let text = self.mask.clean(&String::from_utf8_lossy(bytes), token);
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let id = if let Some(known) = self.bodies.get(&digest) {
            *known
        } else {
            let id = self.bodies.len() as u32 + 1;
            let base = of.and_then(|url| self.last.get(&url));
            let body = told(id, hex(&digest), &text, base);
            self.line(&Line::Body(body))?;
            self.bodies.insert(digest, id);
            id
        };
        if let Some(url) = of {
            self.last.insert(url, (id, text));
        }
        Ok(id)
    }
}

/// A body by an earlier one where that takes less room.
fn told(id: u32, sha256: String, text: &str, base: Option<&(u32, String)>) -> Body {
    let whole = |sha256| Body { id, sha256, text: Some(text.to_owned()), base: None, ops: Vec::new() };
    let Some((from, base)) = base.filter(|_| text.len() >= LEAST_DELTA) else { return whole(sha256) };
    let body = Body { id, sha256, text: None, base: Some(*from), ops: delta::between(base, text) };
    let size = |body: &Body| serde_json::to_string(body).map_or(usize::MAX, |json| json.len());
    let plain = whole(body.sha256.clone());
    if size(&body) < size(&plain) { body } else { plain }
}
