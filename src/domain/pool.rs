//! Host pools, their hosts and sessions, application groups, workspaces and scaling plans.

use serde::{Deserialize, Serialize};

use super::{
    ArmId, Safe,
    time::{Dated, Skew, Span, Timestamp},
};

/// A host pool's settings (azure-avd §1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPool {
    /// Its id.
    pub id: ArmId,
    /// Region of the metadata, not of the hosts.
    pub location: Safe,
    /// `Pooled`, `Personal` or what Azure says.
    pub pool_type: Safe,
    /// Load balancing rule as Azure spells it.
    pub load_balancer: Safe,
    /// Most sessions one host takes.
    pub session_limit: u32,
    /// RDP properties string.
    pub rdp_properties: Safe,
    /// Whether connecting starts a stopped host.
    pub start_on_connect: Option<bool>,
    /// Whether the pool takes service updates early.
    pub validation: Option<bool>,
    /// `Desktop`, `RailApplications`, `None`.
    pub preferred_group_type: Safe,
    /// Application groups Azure links to the pool.
    pub group_references: Vec<ArmId>,
}

/// What Azure says a session host is. Open: an unknown word is kept and is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostStatus {
    /// Takes connections.
    Available,
    /// Takes connections; a non-fatal check failed.
    NeedsAssistance,
    /// Stopped.
    Shutdown,
    /// Agent not reachable.
    Unavailable,
    /// No heartbeat from the agent.
    NoHeartbeat,
    /// Any other word, as it came.
    Other(Safe),
}

impl HostStatus {
    /// Reads Azure's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "Available" => Self::Available,
            "NeedsAssistance" => Self::NeedsAssistance,
            "Shutdown" => Self::Shutdown,
            "Unavailable" => Self::Unavailable,
            "NoHeartbeat" => Self::NoHeartbeat,
            other => Self::Other(Safe::new(other)),
        }
    }

    /// Azure's word.
    pub fn word(&self) -> &str {
        match self {
            Self::Available => "Available",
            Self::NeedsAssistance => "NeedsAssistance",
            Self::Shutdown => "Shutdown",
            Self::Unavailable => "Unavailable",
            Self::NoHeartbeat => "NoHeartbeat",
            Self::Other(word) => word.as_str(),
        }
    }

    /// Whether the broker sends users to a host in this state (azure-avd §1.4).
    pub fn takes_users(&self) -> bool {
        matches!(self, Self::Available | Self::NeedsAssistance)
    }
}

/// A session host as the broker knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionHost {
    /// Its id.
    pub id: ArmId,
    /// Status word.
    pub status: HostStatus,
    /// Last heartbeat.
    pub heartbeat: Heartbeat,
    /// Whether it accepts new sessions; `None` where Azure left it out.
    pub accepts: Option<bool>,
    /// Sessions by the broker's count; stale while the host is dead.
    pub sessions: u32,
    /// The virtual machine behind it: the only link that knows the region.
    pub vm: Option<ArmId>,
    /// Agent version.
    pub agent: Safe,
    /// Side-by-side stack version.
    pub stack: Safe,
    /// Names of failed health checks.
    pub failed_checks: Vec<Safe>,
}

/// When the last heartbeat of a host came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heartbeat {
    /// Azure names none.
    Never,
    /// Then, by our clock.
    At(Timestamp),
    /// There is one, and nobody knows when it came by our clock.
    Unknown,
}

impl Heartbeat {
    /// When it came, where that is known.
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Never | Self::Unknown => None,
        }
    }

    /// The heartbeat that Azure dates by its own clock on ours, which is ahead by `skew`.
    #[must_use]
    pub fn on_clock(self, skew: Option<Span>) -> Self {
        let Self::At(at) = self else { return self };
        skew.and_then(|skew| at.checked_add(skew).ok()).map_or(Self::Unknown, Self::At)
    }
}

impl From<Option<Timestamp>> for Heartbeat {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Never, Self::At)
    }
}

/// Whether a host lives, by its last heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pulse {
    /// It came lately.
    Beats,
    /// It came long ago, or never.
    Silent,
    /// Nobody knows when it came: neither a sign of life nor of death.
    Unknown,
}

/// A heartbeat older than this is no heartbeat: agents report every 30 s (design §11, death rule).
pub const HEARTBEAT_LIMIT: Span = Span::from_secs(300);

/// A heartbeat that lies further ahead than this was not made by a clock we know.
const HEARTBEAT_AHEAD: Span = Span::from_secs(60);

impl SessionHost {
    /// Whether the host lives at `now`.
    pub fn pulse(&self, now: Timestamp) -> Pulse {
        match self.heartbeat {
            Heartbeat::Never => Pulse::Silent,
            Heartbeat::Unknown => Pulse::Unknown,
            Heartbeat::At(at) => match now.duration_since(at) {
                age if age > HEARTBEAT_LIMIT => Pulse::Silent,
                age if age < -HEARTBEAT_AHEAD => Pulse::Unknown,
                _ => Pulse::Beats,
            },
        }
    }

    /// Whether the last heartbeat is recent at `now`.
    pub fn beats(&self, now: Timestamp) -> bool {
        self.pulse(now) == Pulse::Beats
    }

    /// Whether the last heartbeat is known to be old at `now`, or that there is none.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.pulse(now) == Pulse::Silent
    }

    /// Whether only its heartbeat, which nobody knows, is missing for a user to be sent here at `now`.
    pub fn may_be_usable(&self, now: Timestamp) -> bool {
        self.status.takes_users() && self.accepts == Some(true) && self.pulse(now) == Pulse::Unknown
    }

    /// Whether a user could be sent here at `now`: status, admission and heartbeat all say so.
    pub fn usable(&self, now: Timestamp) -> bool {
        self.status.takes_users() && self.accepts == Some(true) && self.beats(now)
    }

    /// The short name: the host name up to the first dot.
    pub fn short_name(&self) -> &str {
        self.id.name().split('.').next().unwrap_or_default()
    }
}

/// State of a user session. Open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionState {
    /// A person is connected.
    Active,
    /// Signed in, not connected; the profile is still mounted.
    Disconnected,
    /// Any other word, as it came.
    Other(Safe),
}

impl SessionState {
    /// Reads Azure's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "Active" => Self::Active,
            "Disconnected" => Self::Disconnected,
            other => Self::Other(Safe::new(other)),
        }
    }

    /// Azure's word.
    pub fn word(&self) -> &str {
        match self {
            Self::Active => "Active",
            Self::Disconnected => "Disconnected",
            Self::Other(word) => word.as_str(),
        }
    }
}

/// A user session. It counts in every state: a disconnected one still holds its profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSession {
    /// Its id; the last segment is reused by Azure, so it never stands alone.
    pub id: ArmId,
    /// Who.
    pub user: Safe,
    /// State.
    pub state: SessionState,
    /// When it was created, by Azure's clock: with the id it names one session.
    pub created: Option<Dated>,
}

impl UserSession {
    /// The id of the host the session is on.
    pub fn host(&self) -> Option<ArmId> {
        self.id.parent()
    }

    /// Puts its birth on our clock.
    pub fn on_clock(&mut self, skew: Option<Skew>) {
        self.created = self.created.map(|created| created.on_clock(skew));
    }

    /// Whether it began at or after `at`, a moment of ours; `None`: nobody knows, and it proves nothing
    /// of either.
    pub fn began_since(&self, at: Timestamp) -> Option<bool> {
        self.created?.since(at)
    }
}

/// An application group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationGroup {
    /// Its id.
    pub id: ArmId,
    /// `Desktop` or `RemoteApp`.
    pub kind: Safe,
    /// The pool it opens.
    pub pool: Option<ArmId>,
    /// The workspace that publishes it; `None`: users see nothing.
    pub workspace: Option<ArmId>,
    /// Applications in it.
    pub applications: Listing,
}

/// Applications of one group.
pub type Listing = super::Listing<Application>;

/// A published application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Name within the group.
    pub name: Safe,
    /// File path or package, as Azure shows it.
    pub path: Safe,
    /// Command line arguments.
    pub arguments: Safe,
}

/// A workspace: what users see in their feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its id.
    pub id: ArmId,
    /// Groups it publishes.
    pub group_references: Vec<ArmId>,
}

/// A scaling plan and the pools it governs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingPlan {
    /// Its id.
    pub id: ArmId,
    /// Tag that exempts a virtual machine.
    pub exclusion_tag: Safe,
    /// Every reference: changing one means sending all (azure-avd §1.2).
    pub references: Vec<PlanReference>,
}

/// One pool a scaling plan governs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReference {
    /// The pool.
    pub pool: ArmId,
    /// Whether the plan acts on it.
    pub enabled: bool,
}

impl ScalingPlan {
    /// Whether the plan acts on `pool`; `None`: it does not refer to it.
    pub fn enabled_for(&self, pool: &ArmId) -> Option<bool> {
        self.references.iter().find(|reference| reference.pool == *pool).map(|reference| reference.enabled)
    }
}
