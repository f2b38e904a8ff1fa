//! The lines of a recording.

use serde::{Deserialize, Serialize};

use crate::{
    app::{Identity, RunSummary},
    domain::{Observation, Safe, Source, reading::Silence, time::Timestamp},
    engine::{RunEvent, Stamped},
    readiness::LocalFacts,
};

pub use crate::engine::Actor;

/// The format that we write, and the newest that we read.
pub const FORMAT: u64 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u64,
    /// Version of farshore that wrote it.
    pub tool: String,
    /// `SIM` or `LIVE`.
    pub mode: String,
    /// Scenario and seed of a simulated estate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Name of the estate.
    pub estate: String,
    /// Origin that was spoken to.
    pub endpoint: String,
    /// When the sitting began, by the estate's clock.
    pub start: Timestamp,
    /// Whether names and ids were replaced.
    pub redacted: bool,
    /// What is not in it, or stands in it as something else, in words; a recording of before has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
    /// Who Azure saw at the start.
    pub identity: Identity,
    /// The estate file.
    pub estate_file: String,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "kebab-case")]
pub enum Line {
    /// The first one.
    Recording(Box<Header>),
    /// An address, named by number from here on.
    Url {
        /// Its number.
        id: u32,
        /// The address.
        url: String,
    },
    /// A body, named by number from here on.
    Body(Body),
    /// An exchange, when it ended.
    Call(Call),
    /// What one look at a source came to, when it was taken in.
    Look(Box<Look>),
    /// When a source that is silent is looked at again.
    Next {
        /// When that was known.
        t: i64,
        /// What is looked at.
        src: Source,
        /// When.
        at: i64,
    },
    /// A run was opened or gone on with.
    Run {
        /// When.
        t: i64,
        /// Run.
        run: String,
        /// Records it had already; they follow as `past`.
        seq: u64,
        /// How far its lock reaches, in words.
        lock: Safe,
    },
    /// A record that was there before the sitting.
    Past(Box<Record>),
    /// A record, when it was decided.
    Record(Box<Record>),
    /// The journal is durable up to a record.
    Durable {
        /// When.
        t: i64,
        /// Run.
        run: String,
        /// Record.
        seq: u64,
        /// Its hash.
        head: String,
    },
    /// The journal takes no more.
    Stopped {
        /// When.
        t: i64,
        /// Why.
        why: Safe,
    },
    /// The dialog of a step was opened; `None`: it was closed.
    Dialog {
        /// When.
        t: i64,
        /// Step.
        step: Option<String>,
    },
    /// The runs were listed.
    Runs {
        /// When.
        t: i64,
        /// These.
        runs: Vec<RunSummary>,
    },
    /// What only that machine knew.
    Facts {
        /// When.
        t: i64,
        /// These.
        facts: Box<LocalFacts>,
    },
    /// Who acts.
    Identity {
        /// When.
        t: i64,
        /// Whom Azure saw.
        identity: Identity,
    },
    /// The cockpit wrote a line of events.
    Said {
        /// When.
        t: i64,
        /// The line.
        text: Safe,
    },
    /// The last one.
    End {
        /// When.
        t: i64,
        /// Why the recording ends.
        why: Safe,
    },
}

impl Line {
    /// When it happened, in microseconds since the start; `None`: it only names something.
    pub fn at(&self) -> Option<i64> {
        match self {
            Self::Recording(_) | Self::Url { .. } | Self::Body(_) => None,
            Self::Call(call) => Some(call.t),
            Self::Look(look) => Some(look.t),
            Self::Past(record) | Self::Record(record) => Some(record.t),
            Self::Next { t, .. }
            | Self::Run { t, .. }
            | Self::Durable { t, .. }
            | Self::Stopped { t, .. }
            | Self::Dialog { t, .. }
            | Self::Runs { t, .. }
            | Self::Facts { t, .. }
            | Self::Identity { t, .. }
            | Self::Said { t, .. }
            | Self::End { t, .. } => Some(*t),
        }
    }
}

/// A body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Its number.
    pub id: u32,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// The whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body it is told from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u32>,
    /// How.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ops: Vec<Piece>,
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// From byte so and so of the base, so many bytes.
    Copy(usize, usize),
    /// This text.
    Put(String),
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Call {
    /// When it ended.
    pub t: i64,
    /// How long it took, in microseconds.
    pub us: i64,
    /// Method.
    pub m: String,
    /// Number of the address.
    pub u: u32,
    /// Number of the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<u32>,
    /// Status; none where no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s: Option<u16>,
    /// Number of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<u32>,
    /// When the answer was made by its own clock, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<i64>,
    /// Further headers of the answer that mean something to us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub h: Vec<(String, String)>,
    /// Why no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<Lost>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lost {
    /// No byte left.
    NotSent(Safe),
    /// It broke off.
    Broken(Safe),
    /// Nobody waited any longer.
    GivenUp,
    /// It was too large: more than so many bytes.
    TooLarge(usize),
}

/// What one look came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When it was taken in.
    pub t: i64,
    /// What was looked at.
    pub src: Source,
    /// When the look began.
    pub from: i64,
    /// When it ended, where that was before it was taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
    /// Why it brought nothing; otherwise the exchanges say what it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no: Option<Silence>,
    /// The run looked, not the panes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run: bool,
}

impl Look {
    /// When the look ended.
    pub fn ended(&self) -> i64 {
        self.to.unwrap_or(self.t)
    }

    /// The line of an observation that is taken in `t` microseconds after `start`.
    pub fn of(seen: &Observation, run: bool, start: Timestamp, t: i64) -> Self {
        Self {
            t,
            src: seen.source.clone(),
            from: micros(start, seen.started),
            to: Some(micros(start, seen.ended)).filter(|to| *to != t),
            no: seen.outcome.as_ref().err().cloned(),
            run,
        }
    }
}

/// A record of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was decided.
    pub t: i64,
    /// Run.
    pub run: String,
    /// Its number.
    pub seq: u64,
    /// Milliseconds of its process's monotonic clock.
    pub mono_ms: u64,
    /// Who.
    pub actor: Actor,
    /// What.
    pub event: RunEvent,
}

impl Record {
    /// The line of a record.
    pub fn of(stamped: &Stamped, run: &str, seq: u64, start: Timestamp) -> Self {
        let Stamped { wall, mono_ms, actor, event } = stamped.clone();
        Self { t: micros(start, wall), run: run.to_owned(), seq, mono_ms, actor, event }
    }

    /// The record.
    pub fn stamped(&self, start: Timestamp) -> Stamped {
        let (actor, event) = (self.actor.clone(), self.event.clone());
        Stamped { wall: moment(start, self.t), mono_ms: self.mono_ms, actor, event }
    }
}

/// Microseconds from `start` to `at`.
pub fn micros(start: Timestamp, at: Timestamp) -> i64 {
    i64::try_from(at.duration_since(start).as_micros()).unwrap_or(i64::MAX)
}

/// The moment `t` microseconds after `start`; one that no calendar knows is the start.
pub fn moment(start: Timestamp, t: i64) -> Timestamp {
    start.checked_add(crate::domain::time::Span::from_micros(t)).unwrap_or(start)
}
