//! The closed vocabulary of runbooks: what a step can do, ask and demand.

use serde::{Deserialize, Serialize};

/// Whether the side that is left still answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It answers: every step runs.
    Graceful,
    /// It is dead: what cannot run there becomes a debt.
    Ungraceful,
}

impl Mode {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Graceful => "graceful",
            Self::Ungraceful => "ungraceful",
        }
    }
}

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// One confirmation, then the cockpit acts and verifies.
    Automatic,
    /// A person acts elsewhere and gives the observed value.
    Manual,
    /// Looking until it is so.
    Observe,
    /// Killer items, re-read, and a decision.
    Gate,
}

/// What a step changes. The items are found by the engine; each becomes one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Start standby hosts until there is room, and admit those that were left drained.
    StartStandby,
    /// Switch the scaling plan of the side that is opened off.
    HoldStandbyPlan,
    /// Switch the scaling plan of the side that is left off.
    HoldActivePlan,
    /// Drain every host of the side that is left.
    DrainActive,
    /// Message every session of the side that is left.
    MessageActive,
    /// Revoke the planned principals there.
    RevokeActive,
    /// Log every session off there.
    LogOffActive,
    /// Run the profile probe on a usable host of the side that is opened.
    ProbeStandby,
    /// Run the profile probe on a host of the side that is left.
    ProbeActive,
    /// Grant the planned principals on the side that is opened.
    GrantStandby,
    /// Deallocate the empty hosts of the side that is left.
    StopActive,
    /// Switch the scaling plan of the opened side on again.
    RestorePlans,
    /// Undo: stop what was started.
    StopStarted,
    /// Undo: set the plans as they were.
    ReleasePlans,
    /// Undo: admit the drained hosts.
    AdmitActive,
    /// Undo: grant again what was revoked.
    RegrantActive,
}

impl Action {
    /// Whether each of its operations may be sent again after looking showed it not done.
    pub fn repeatable(self) -> bool {
        !matches!(self, Self::StartStandby | Self::MessageActive | Self::StopActive | Self::StopStarted)
    }

    /// Whether it touches everyone who was working when the run began, whoever works now.
    pub fn touches_all(self) -> bool {
        matches!(self, Self::RevokeActive | Self::GrantStandby | Self::RegrantActive | Self::DrainActive)
    }
}

/// A question with a red or green answer: killer items of gates, preconditions and proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Killer {
    /// The mode fits what can be seen: ungraceful needs the death rule.
    ModeFits,
    /// Everything the run starts from has been read.
    SnapshotTaken,
    /// Usable standby hosts have room for the service's users.
    StandbyCapacity,
    /// Standby hosts that run accept new sessions.
    StandbyAdmits,
    /// At least one directory server of the standby region is up.
    DirectoryUp,
    /// The standby's profile and office accounts are available.
    StandbyShares,
    /// Every standby application group is published in a workspace.
    StandbyPublished,
    /// The scaling plan of the side that is opened is off.
    StandbyPlanHeld,
    /// The scaling plan of the side that is left is off, or owed.
    ActivePlanHeld,
    /// The caller may do everything the plan will do.
    Rights,
    /// No lock stands in the way.
    NoLocks,
    /// Every holder of the active groups is planned, excepted or left with a reason.
    HoldersAccounted,
    /// No planned principal inherits the role on the active side.
    NothingInherited,
    /// The profile settings of a standby host are known and fit.
    ProfileSettings,
    /// Every host of the side that is left refuses new sessions.
    ActiveDrained,
    /// Everyone there has been told and the notice has passed.
    NoticePassed,
    /// No planned principal holds an application group there.
    NoHolderOnActive,
    /// No session of any state there.
    ActiveEmpty,
    /// The side that is left is empty, or dead by the death rule.
    ActiveEmptyOrDead,
    /// Profiles are written through to the other region.
    ProfilesFlushed,
    /// Every planned principal holds its standby group.
    HoldersOnStandby,
    /// A planned user works on a standby host.
    FirstUser,
    /// Nobody was let in on the side that is to be opened: the other may be granted again.
    StandbyNotOpened,
    /// Nobody has a session in both regions and no principal holds both.
    NobodyInBoth,
    /// Enough users are back.
    UsersBack,
    /// Every empty host of the side that is left is deallocated.
    ActiveStopped,
    /// The standby's scaling plan acts again, as before the run.
    PlansRestored,
    /// What depends on the service has been seen to.
    Dependants,
    /// Every debt is paid.
    DebtsPaid,
}

/// What to do after an unseen end that looking showed to be not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnAmbiguous {
    /// Send it once more as a new attempt (PUT, PATCH and DELETE by name only).
    Reissue,
    /// Ask the person.
    Ask,
    /// Take it as done.
    Adopt,
}

/// What becomes of a step in ungraceful mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ungraceful {
    /// It runs as in graceful mode.
    Same,
    /// It does not apply.
    Skip,
    /// It becomes a debt.
    Defer,
    /// It is tried once; what fails becomes a debt.
    TryDefer,
}

impl Killer {
    /// The id shown on screen and written to the journal.
    pub fn id(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}
