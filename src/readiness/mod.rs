//! The checks: whether the standby side could take the users now, and what stands in the way.
//!
//! A check never calls something good that it could not see: a source that is silent, stale or
//! not whole makes it *unknown*. The list is `procedures §4.A` (preconditions A-p1 to A-p10)
//! and `§4.G`; what is not built yet is listed as such.

mod access;
mod catalog;
mod context;
mod local;
mod output;
mod parity;
mod room;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    ArmId, Safe, Side, Source,
    estate::{Estate, Layout},
    picture::Picture,
    standing::{self, ActiveSide},
    time::Timestamp,
};

pub use output::{json, table};

use context::Context;

/// How a check came out. Later variants are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Listed, but this version cannot check it.
    NotInThisVersion,
    /// The estate, its policy or this machine gives nothing to check.
    NotConfigured,
    /// As expected.
    Ok,
    /// Wants attention.
    Warn,
    /// Could not be told.
    Unknown,
    /// Stands in the way of a failover, or would hurt users.
    Crit,
}

impl State {
    /// The key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Crit => "crit",
            Self::Unknown => "unknown",
            Self::NotConfigured => "not-configured",
            Self::NotInThisVersion => "not-in-this-version",
        }
    }

    /// The mark on screen, at most two columns.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "!",
            Self::Crit => "x",
            Self::Unknown => "?",
            Self::NotConfigured | Self::NotInThisVersion => "-",
        }
    }

    /// The word of a verdict over many checks.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Crit => "CRIT",
            Self::Unknown | Self::NotConfigured | Self::NotInThisVersion => "UNKNOWN",
        }
    }

    /// The exit code of `check` (design §7).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warn => 1,
            Self::Crit => 2,
            Self::Unknown | Self::NotConfigured | Self::NotInThisVersion => 3,
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Place of the service in the estate file.
    pub service: usize,
    /// Id, such as `G7` or `A-p5`.
    pub id: &'static str,
    /// Title in a few words.
    pub title: &'static str,
    /// How it came out.
    pub state: State,
    /// What was seen.
    pub observed: String,
    /// What should be seen.
    pub expected: &'static str,
    /// When the oldest answer behind it was in.
    pub at: Option<Timestamp>,
    /// What its age counts from: that answer, or where a source has none the first request that was not
    /// answered, if that is older. `None`: nobody has looked, or need not.
    pub from: Option<Timestamp>,
    /// Whether something behind it is older than it is trusted.
    pub old: bool,
    /// Words of the sources.
    pub source: String,
    /// Whether everything behind it was read to the end.
    pub complete: bool,
    /// What to do when it is not ok.
    pub next: &'static str,
}

/// What only this process knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFacts {
    /// Azure region this machine runs in; `None`: not on an Azure machine, or not checked.
    pub own_region: Option<Safe>,
    /// Who else holds the estate's lock, in words; `None`: nobody.
    pub lock: Option<Safe>,
    /// Runs that are open and not in this process: the service, and the run's id.
    pub open_runs: Vec<(String, String)>,
    /// When the service's last run ended; `None`: there was none.
    pub last_run_ended: Option<Timestamp>,
    /// Profile settings by virtual machine of a session host, as the probe read them.
    pub fslogix: BTreeMap<ArmId, FslogixReport>,
    /// `ProfileType` that a person saw on a standby host, by service.
    pub typed_profiles: BTreeMap<String, TypedProfile>,
}

/// A `ProfileType` that a person saw and typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedProfile {
    /// When it was typed.
    pub at: Timestamp,
    /// As it was typed.
    pub profile_type: Safe,
}

/// Profile settings of one session host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FslogixReport {
    /// When they were read.
    pub at: Timestamp,
    /// `ProfileType`; 0 lets one user open a profile in one place only.
    pub profile_type: Option<u32>,
    /// `CCDLocations` in the order of the registry.
    pub locations: Vec<Safe>,
    /// `HealthyProvidersRequiredForRegister`; 0 lets users in without a profile.
    pub required_for_register: Option<u32>,
    /// `HealthyProvidersRequiredForUnregister`.
    pub required_for_unregister: Option<u32>,
}

/// What must be looked at before [`check`] can say anything about a service.
pub fn sources(estate: &Estate, service: usize) -> Vec<Source> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        all.extend([
            Source::Pool(service, side),
            Source::Hosts(service, side),
            Source::Sessions(service, side),
            Source::Groups(service, side),
            Source::Assignments(service, side),
            Source::Plans(service, side),
            Source::Machines(side),
            Source::Usages(side),
        ]);
        let config = &estate.services[service].sides[side];
        if config.workspace.is_some() {
            all.push(Source::Workspace(service, side));
        }
        if !config.accounts.is_empty() {
            all.push(Source::Storage(service, side));
        }
        if !estate.directory[side].is_empty() {
            all.push(Source::Directory(side));
        }
        for scope in context::scopes(estate, service, side) {
            all.extend(scope_sources(scope));
        }
    }
    unique(all)
}

/// What must be looked at besides once the hosts are known: the resource groups of their
/// virtual machines.
pub fn host_sources(picture: &Picture, service: usize) -> Vec<Source> {
    let scopes = Side::BOTH.into_iter().flat_map(|side| context::host_scopes(picture, service, side));
    unique(scopes.flat_map(scope_sources).collect())
}

fn scope_sources(scope: ArmId) -> impl Iterator<Item = Source> {
    let place = scope.group_id().map(Source::GroupLocation);
    [Source::Permissions(scope.clone()), Source::Locks(scope)].into_iter().chain(place)
}

fn unique(mut sources: Vec<Source>) -> Vec<Source> {
    sources.sort();
    sources.dedup();
    sources
}

/// Which way a failover of the service would go, and why if that had to be assumed.
pub fn direction(estate: &Estate, picture: &Picture, service: usize) -> (Side, Option<String>) {
    let assumed = |why: &str| (Side::Primary, Some(format!("assumed, because {why}")));
    match standing::active_side(estate, picture, service) {
        ActiveSide::One(side) => (side, None),
        ActiveSide::Closed => assumed("the service is closed on both sides"),
        ActiveSide::Split => assumed("planned groups hold both sides"),
        ActiveSide::BothByDesign => assumed("both sides serve by design"),
        ActiveSide::Unknown(why) => assumed(&format!("the assignments are not known: {why}")),
    }
}

/// Runs all checks of one service. The standby is the side that is not active; where X
pub fn check(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    facts: &LocalFacts,
    now: Timestamp,
) -> Vec<Verdict> {
    let (active, assumed) = direction(estate, picture, service);
    let context = Context { estate, picture, service, facts, now, active, standby: active.other() };
    let mut verdicts = vec![way(&context, assumed)];
    verdicts.extend(catalog::run(&context));
    verdicts
}

/// Which way the checks look; an assumed direction keeps the whole from being called ok.
fn way(context: &Context<'_>, assumed: Option<String>) -> Verdict {
    let basis = context.basis(&Side::BOTH.map(|side| Source::Assignments(context.service, side)));
    let way = format!("{} to {}", context.code(context.active), context.code(context.standby));
    let by_design = context.service().layout != Layout::ActivePassive;
    let back = context.active == Side::Secondary;
    let (state, observed) = match (assumed, basis.flaw) {
        (None, None) if back => (State::Warn, format!("{way}: a failback, which this version does not have")),
        (None, None) => (State::Ok, way),
        (None, Some(flaw)) => (State::Unknown, format!("{way} when last seen; {flaw}")),
        (Some(why), _) if by_design => (State::NotConfigured, format!("{way}, {why}")),
        (Some(why), _) => (State::Unknown, format!("{way}, {why}")),
    };
    Verdict {
        service: context.service,
        id: "way",
        title: "direction of a failover",
        state,
        observed,
        expected: "one side is active, by the role assignments",
        at: basis.at,
        from: basis.from,
        old: basis.old,
        source: "assignments".to_owned(),
        complete: basis.complete,
        next: match state {
            State::Ok => "",
            State::Warn => "no run can be started; the checks below tell whether the other side could serve",
            _ => "the checks below are for this direction; clear A-p2 first",
        },
    }
}

/// The verdict over many checks: any crit, else any unknown, else any warning. What is not
/// configured or not built does not count.
pub fn overall(verdicts: &[Verdict]) -> State {
    let worst = verdicts.iter().map(|verdict| verdict.state).max().unwrap_or(State::Unknown);
    if worst < State::Ok { State::Unknown } else { worst }
}
