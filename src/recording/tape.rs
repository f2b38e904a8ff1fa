//! A recording as it is read back.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::{
    Safe,
    text::{MAX_CHARACTERS, hex},
    time::Timestamp,
};

use super::{
    delta,
    line::{Body, Call, FORMAT, Header, Line, Lost, moment},
    writer::date_text,
};

/// Longest line, in bytes: the largest answer that is taken in, told whole, with every letter escaped.
pub const MAX_LINE: usize = 160 * 1024 * 1024;

/// Bodies of one recording, in bytes, put together: what a jump box has to spare.
const MAX_BODIES: usize = 1024 * 1024 * 1024;

/// Why a file is no recording that can be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TapeError {
    /// There is no first line.
    #[error("it holds no recording: {0}; record one with `farshore record`")]
    None(&'static str),
    /// Written by a newer farshore.
    #[error(
        "it has format {0}, this version reads up to {FORMAT}: use the farshore that wrote it, or a newer one"
    )]
    Newer(u64),
    /// A line in the middle is not as it should be.
    #[error("line {line}: {why}; nothing was played: the file was changed after it was recorded")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// Status, headers and body.
pub(super) type Answer = (u16, Vec<(String, String)>, Bytes);

/// An answer, or that there was none.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// When its request left.
    pub(super) from: i64,
    /// When it ended.
    pub(super) to: i64,
    pub(super) answer: Result<Answer, Lost>,
}

/// What a request is known by: method, path with query, and the hash of its body.
pub(super) type Asked = (String, String, Option<[u8; 32]>);

/// A recording, whole in memory.
#[derive(Debug)]
pub struct Tape {
    /// The first line.
    pub header: Header,
    /// What happened, in order; exchanges stand beside it.
    pub lines: Vec<Line>,
    pub(super) told: HashMap<Asked, Vec<Told>>,
    /// By method and path: what was asked there, with every query.
    pub(super) paths: HashMap<(String, String), Vec<Asked>>,
    /// Exchanges.
    pub exchanges: usize,
    /// The last line that could be read, where the end is missing.
    pub cut: Option<usize>,
    /// How long it is, in microseconds.
    pub length: i64,
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    urls: HashMap<u32, String>,
    bodies: HashMap<u32, Bytes>,
    bytes: usize,
}

impl Tape {
    /// Reads a recording. One whose end is missing is read to where it was cut.
    pub fn read(file: &[u8]) -> Result<Self, TapeError> {
        let mut all = file.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
        let (_, first) = all.next().ok_or(TapeError::None("it is empty"))?;
        let mut tape = Self {
            header: header(first)?,
            lines: Vec::new(),
            told: HashMap::new(),
            paths: HashMap::new(),
            exchanges: 0,
            cut: Some(1),
            length: 0,
        };
        let mut reading = Reading::default();
        while let Some((at, text)) = all.next() {
            let torn = all.peek().is_none() && !text.ends_with(b"\n");
            match parse(text).and_then(|line| tape.take(line, &mut reading).map_err(str::to_owned)) {
                Ok(true) => tape.cut = None,
                Ok(false) => tape.cut = Some(at + 1),
                Err(_) if torn => break,
                Err(why) => return Err(TapeError::Line { line: at + 1, why }),
            }
        }
        Ok(tape)
    }

    /// When it began.
    pub fn start(&self) -> Timestamp {
        self.header.start
    }

    /// The moment `t` microseconds after the start.
    pub fn moment(&self, t: i64) -> Timestamp {
        moment(self.header.start, t)
    }

    /// Takes a line in; says whether it is the end.
    fn take(&mut self, line: Line, reading: &mut Reading) -> Result<bool, &'static str> {
        if self.cut.is_none() {
            return Err("something stands behind the end");
        }
        if let Some(t) = line.at() {
            self.length = self.length.max(t);
        }
        match line {
            Line::Recording(_) => return Err("a second header"),
            Line::Url { id, url } => {
                reading.urls.insert(id, url);
            }
            Line::Body(body) => reading.take(body)?,
            Line::Call(call) => {
                let (asked, told) = reading.call(call)?;
                self.exchanges += 1;
                let path = asked.1.split('?').next().unwrap_or_default().to_owned();
                let all = self.told.entry(asked.clone()).or_default();
                if all.is_empty() {
                    self.paths.entry((asked.0.clone(), path)).or_default().push(asked);
                }
                all.push(told);
            }
            Line::End { .. } => return Ok(true),
            line => self.lines.push(line),
        }
        Ok(false)
    }
}

impl Reading {
    fn take(&mut self, body: Body) -> Result<(), &'static str> {
        let text = match (body.text, body.base) {
            (Some(text), None) => text,
            (None, Some(base)) => {
                let base = self.bodies.get(&base).ok_or("a body by one that is not there")?;
                let base = std::str::from_utf8(base).map_err(|_| "a body that is no text")?;
                delta::apply(base, &body.ops, MAX_LINE).ok_or("a body whose pieces do not fit")?
            }
            _ => return Err("a body that is neither whole nor told by another"),
        };
        if hex(&Sha256::digest(text.as_bytes())) != body.sha256 {
            return Err("a body that does not have its SHA-256");
        }
        self.bytes += text.len();
        if self.bytes > MAX_BODIES {
            return Err("more answers than fit in memory");
        }
        self.bodies.insert(body.id, Bytes::from(text));
        Ok(())
    }

    fn call(&self, call: Call) -> Result<(Asked, Told), &'static str> {
        let url = self.urls.get(&call.u).ok_or("an address that is not there")?;
        let uri: http::Uri = url.parse().map_err(|_| "an address that is none")?;
        let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let body = |id: u32| self.bodies.get(&id).cloned().ok_or("a body that is not there");
        let sent = call.q.map(body).transpose()?;
        let answer = match (call.s, call.x) {
            (Some(status), None) => {
                Ok((status, headers(call.h, call.d), call.b.map_or(Ok(Bytes::new()), body)?))
            }
            (None, Some(lost)) => Err(lost),
            _ => return Err("an exchange that was neither answered nor lost"),
        };
        let asked = (call.m, path, sent.map(|sent| Sha256::digest(&sent).into()));
        let from = call.t.checked_sub(call.us).ok_or("an exchange of no time")?;
        Ok((asked, Told { from, to: call.t, answer }))
    }
}

fn headers(mut kept: Vec<(String, String)>, dated: Option<i64>) -> Vec<(String, String)> {
    let date = dated.and_then(date_text).map(|text| ("date".to_owned(), text));
    kept.extend(date);
    kept
}

/// The first line. Its format is looked at before anything else in it.
fn header(line: &[u8]) -> Result<Header, TapeError> {
    let none = TapeError::None;
    let text = std::str::from_utf8(line).map_err(|_| none("its first line is no text"))?;
    let value: Value =
        serde_json::from_str(text).map_err(|_| none("its first line is no header, or not whole"))?;
    if value.get("k").and_then(Value::as_str) != Some("recording") {
        return Err(none("its first line is no header"));
    }
    match value.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(newer) if newer > FORMAT => return Err(TapeError::Newer(newer)),
        _ => return Err(none("its header names no format")),
    }
    match parse(line) {
        Ok(Line::Recording(header)) => Ok(*header),
        Ok(_) => Err(none("its first line is no header")),
        Err(why) => Err(TapeError::Line { line: 1, why }),
    }
}

/// Reads one line. Text in it that could harm a terminal is made safe here; bodies and the estate file have
/// doors of their own.
fn parse(line: &[u8]) -> Result<Line, String> {
    if line.len() > MAX_LINE {
        return Err("it is too long".to_owned());
    }
    let text = std::str::from_utf8(line).map_err(|_| "it is no text".to_owned())?.trim_end();
    let in_words = |error: serde_json::Error| format!("it cannot be read: {error}");
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'\\');
    if plain {
        return serde_json::from_str(text).map_err(in_words);
    }
    let mut value: Value = serde_json::from_str(text).map_err(in_words)?;
    if value.get("k").and_then(Value::as_str) != Some("body") {
        clean(&mut value);
    }
    serde_json::from_value(value).map_err(in_words)
}

/// Makes every text safe to show.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = safe(text),
        Value::Array(all) => all.iter_mut().for_each(clean),
        Value::Object(all) => {
            for (key, value) in all.iter_mut() {
                match value {
                    Value::String(text) if key == "estate_file" => {
                        *text = text.lines().map(safe).collect::<Vec<_>>().join("\n") + "\n";
                    }
                    value => clean(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `text` made safe and not cut.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(MAX_CHARACTERS).map_or(rest.len(), |(at, _)| at);
        out.push_str(Safe::new(&rest[..end]).as_str());
        rest = &rest[end..];
    }
    out
}
