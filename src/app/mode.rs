//! What the cockpit was opened on, and what of it never changes while it is open.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{Safe, access::AccessChange, estate::Estate, time::Span},
    runbook::Mode,
};

/// Whose facts are shown and whose state would be changed (design §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Simulated Azure in this process.
    Sim,
    /// Azure, or a loopback endpoint.
    Live,
    /// A recording: nothing can be changed.
    Replay(Recorded),
}

/// Whose facts a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Those of a simulated estate.
    Sim,
    /// Those of a real one.
    Live,
}

impl World {
    /// The word on line 1.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sim => "SIM",
            Self::Live => "LIVE",
            Self::Replay(Recorded::Sim) => "REPLAY SIM",
            Self::Replay(Recorded::Live) => "REPLAY LIVE",
        }
    }
}

/// Whether the cockpit can be armed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By typing the estate's name.
    MayArm,
    /// Started with `--read-only`.
    ReadOnly,
}

/// Who Azure sees.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// User principal name or a word such as `sim operator`.
    pub name: Safe,
    /// Object id; empty where it is not known.
    pub oid: Safe,
}

impl Identity {
    /// Whether the log says that this identity made a change. It names people by their principal name and
    /// services by their object id, and either may stand in the claims.
    pub fn made(&self, change: &AccessChange) -> bool {
        let is = |own: &Safe, told: &Safe| {
            !own.as_str().is_empty() && own.as_str().eq_ignore_ascii_case(told.as_str())
        };
        is(&self.name, &change.caller) || is(&self.oid, &change.caller) || is(&self.oid, &change.oid)
    }
}

/// What is known of the token's life. Deadlines are on the terminal clock, in milliseconds:
/// tokens age in real time, whatever the estate's clock does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenStatus {
    /// The world needs none.
    NotNeeded,
    /// Not asked for yet.
    Asking,
    /// Lasts until this moment of the terminal clock.
    Until {
        /// Milliseconds of the terminal clock.
        terminal_ms: u64,
        /// Why no newer one could be had, where it was tried.
        trouble: Option<Safe>,
        /// Whether it outlives this process.
        sealed: bool,
    },
    /// Its end is not known.
    Opaque,
    /// None could be had.
    Failed(Safe),
}

impl TokenStatus {
    /// Whether it outlives this process.
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Until { sealed: true, .. })
    }

    /// Why there is none, or no newer one.
    pub fn trouble(&self) -> Option<&Safe> {
        match self {
            Self::Failed(why) | Self::Until { trouble: Some(why), .. } => Some(why),
            Self::NotNeeded | Self::Asking | Self::Opaque | Self::Until { trouble: None, .. } => None,
        }
    }
}

/// Speed of the estate's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// Estate seconds per real second.
    Times(f64),
    /// As fast as anything is due.
    Max,
    /// Stands still.
    Paused,
}

impl Speed {
    /// The label of line 1; empty at real speed.
    pub fn label(self) -> String {
        match self {
            Self::Times(times) if (times - 1.0).abs() < f64::EPSILON => String::new(),
            Self::Times(times) => format!("x{times}"),
            Self::Max => "xmax".to_owned(),
            Self::Paused => "PAUSED".to_owned(),
        }
    }
}

/// A procedure that can be started here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookEntry {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Whether it is a team's own.
    pub local: bool,
    /// Names of the services it fits.
    pub services: Vec<String>,
    /// Usual duration, graceful and ungraceful.
    pub usual: [Span; 2],
}

impl RunbookEntry {
    /// Usual duration in a mode.
    pub fn usual(&self, mode: Mode) -> Span {
        let [graceful, ungraceful] = self.usual;
        match mode {
            Mode::Graceful => graceful,
            Mode::Ungraceful => ungraceful,
        }
    }
}

/// Which of its calls the cockpit makes by bell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bell {
    /// None.
    Never,
    /// When it needs the person, and when something failed.
    #[default]
    Needed,
    /// Also when a step is done.
    Always,
}

/// What the bell could ring for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A person is needed: the run waits, arming ends, the run is over.
    Needed,
    /// A step failed or ran out of time.
    Failed,
    /// A step is done.
    Done,
}

impl Bell {
    /// Whether it rings for `call`.
    pub fn rings_for(self, call: Call) -> bool {
        match self {
            Self::Never => false,
            Self::Needed => call != Call::Done,
            Self::Always => true,
        }
    }
}

/// Everything the app is opened with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose facts.
    pub world: World,
    /// Whether it can be armed.
    pub access: Access,
    /// `127.0.0.1:N` where a live client speaks to a loopback endpoint.
    pub endpoint: Option<String>,
    /// The estate.
    pub estate: Arc<Estate>,
    /// Who Azure sees.
    pub identity: Identity,
    /// Token at the start.
    pub token: TokenStatus,
    /// Clock.
    pub speed: Speed,
    /// Procedures.
    pub runbooks: Vec<RunbookEntry>,
    /// The bell.
    pub bell: Bell,
}
