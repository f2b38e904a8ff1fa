//! What the readings say about a service: which side is active, who holds what and what room
//! there is. Derived each time, never stored.

use std::collections::{BTreeSet, HashSet};

use super::{
    Answer, ArmId, Listing, Safe, Side, Source,
    access::PrincipalId,
    compute::VirtualMachine,
    estate::{Estate, Layout, Service},
    machines::{Machines, Standing},
    picture::{NOT_YET, Picture},
    pool::{SessionHost, UserSession},
    seats::{Seats, seats},
    source::Held,
    time::Timestamp,
};

/// Which side of a service users are sent to, by role assignments only (design §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActiveSide {
    /// At least one planned principal holds the role there, none on the other side.
    One(Side),
    /// No planned principal holds it anywhere.
    Closed,
    /// Both sides are held: users may land in either region.
    Split,
    /// Both sides are held and meant to be.
    BothByDesign,
    /// The assignments of at least one side are not known whole.
    Unknown(Safe),
}

impl ActiveSide {
    /// The one side, if there is exactly one.
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::One(side) => Some(*side),
            _ => None,
        }
    }
}

/// How a holder of an application group stands to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// Planned for this group, assigned on the group itself.
    Planned,
    /// Planned, but the role comes from above the group and cannot be revoked there.
    PlannedInherited,
    /// Left where it is by decision of the estate file.
    Excepted,
    /// In neither list.
    Unaccounted,
}

/// The complete list of an answer of the expected kind, or why there is none.
macro_rules! listing_of {
    ($name:ident, $variant:ident, $item:ty) => {
        /// The whole listing of the source's last answer, with the look's age kept by the caller.
        pub fn $name<'a>(picture: &'a Picture, source: &Source) -> Option<&'a Listing<$item>> {
            match &picture.last(source)?.answer {
                Answer::$variant(listing) => Some(listing),
                _ => None,
            }
        }
    };
}

listing_of!(hosts, Hosts, SessionHost);
listing_of!(sessions, Sessions, UserSession);
listing_of!(assignments, Assignments, Held);
listing_of!(machines, Machines, VirtualMachine);

/// How `held` stands to the plan of `service`; `None` when the role does not let it use the group.
pub fn holder_kind(service: &Service, held: &Held, moved_too: &[PrincipalId]) -> Option<HolderKind> {
    if !held.assignment.lets_use() {
        return None;
    }
    let principal = &held.assignment.principal;
    let group = service.groups.iter().find(|group| group.ids.iter().any(|(_, id)| *id == held.group));
    let planned = group.is_some_and(|group| group.principals.iter().any(|known| known.id == *principal))
        || moved_too.contains(principal);
    Some(match (planned, held.inherited()) {
        (true, false) => HolderKind::Planned,
        (true, true) => HolderKind::PlannedInherited,
        (false, _) if service.exceptions.iter().any(|known| known.principal == *principal) => {
            HolderKind::Excepted
        }
        (false, _) => HolderKind::Unaccounted,
    })
}

/// Planned principals that hold at least one group of `side`, whether that very group is
/// planned for them or not: their users could land there. Those `also` moved by a run count like
/// planned ones. `None`: not known whole.
pub fn planned_holders(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    also: &[PrincipalId],
) -> Option<BTreeSet<PrincipalId>> {
    let held = assignments(picture, &Source::Assignments(service, side))?.complete()?;
    Some(planned_among(&estate.services[service], held, also).into_iter().cloned().collect())
}

/// Planned principals among the holders of a side's groups, whether that very group is planned for them
/// or not; those `also` moved by a run count like planned ones.
pub fn planned_among<'h>(
    service: &Service,
    held: &'h [Held],
    also: &[PrincipalId],
) -> BTreeSet<&'h PrincipalId> {
    let planned = service.principals();
    held.iter()
        .filter(|held| held.assignment.lets_use())
        .map(|held| &held.assignment.principal)
        .filter(|principal| planned.iter().any(|known| known.id == **principal) || also.contains(principal))
        .collect()
}

/// The active side of a service.
pub fn active_side(estate: &Estate, picture: &Picture, service: usize) -> ActiveSide {
    let held = |side| planned_holders(estate, picture, service, side, &[]);
    let unknown = |side: Side| {
        let why = match picture.reading(&Source::Assignments(service, side)) {
            None if picture.next_look(&Source::Assignments(service, side)).is_some() => {
                "no answer yet".to_owned()
            }
            None => NOT_YET.to_owned(),
            Some(reading) => reading.silence.as_ref().map_or_else(
                || "its list of assignments is not whole".to_owned(),
                |(_, silence)| silence.why.to_string(),
            ),
        };
        ActiveSide::Unknown(Safe::new(&format!("{}: {why}", estate.regions[side].code)))
    };
    let (Some(primary), Some(secondary)) = (held(Side::Primary), held(Side::Secondary)) else {
        return unknown(if held(Side::Primary).is_none() { Side::Primary } else { Side::Secondary });
    };
    match (primary.is_empty(), secondary.is_empty()) {
        (false, true) => ActiveSide::One(Side::Primary),
        (true, false) => ActiveSide::One(Side::Secondary),
        (true, true) => ActiveSide::Closed,
        (false, false) if estate.services[service].layout == Layout::ActivePassive => ActiveSide::Split,
        (false, false) => ActiveSide::BothByDesign,
    }
}

/// Room on one side of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Hosts the broker lists.
    pub hosts: u32,
    /// Hosts a user could be sent to now.
    pub usable: u32,
    /// Hosts that run and beat but refuse new sessions.
    pub drained: u32,
    /// Hosts whose machine Compute calls off or on its way up: capacity hoped for.
    pub cold: u32,
    /// Hosts that the broker calls shut down and of whose machine Compute does not tell: no run starts what it
    /// does not know to be off.
    pub untold: u32,
    /// Hosts the broker lists as taking users whose heartbeat is too old, or in another state.
    pub unhealthy: u32,
    /// Most sessions a host takes.
    pub limit: u32,
    /// Sessions the usable hosts could hold in all: a pool without a limit says 999999 or more.
    pub room: u64,
    /// Sessions they could hold with every cold host started.
    pub started: u64,
}

impl Capacity {
    /// How many more hosts it takes for `need` sessions.
    pub fn hosts_short(&self, need: u64) -> u64 {
        need.saturating_sub(self.room).div_ceil(u64::from(self.limit.max(1)))
    }
}

/// Room on one side, from whole readings; `None`: not known.
pub fn capacity(picture: &Picture, service: usize, side: Side, now: Timestamp) -> Option<Capacity> {
    let hosts = hosts(picture, &Source::Hosts(service, side))?.complete()?;
    let limit = match &picture.last(&Source::Pool(service, side))?.answer {
        Answer::Pool(pool) => pool.session_limit,
        _ => return None,
    };
    let powers = Machines::of(picture, side);
    let mut capacity = Capacity { hosts: hosts.len() as u32, limit, ..Capacity::default() };
    for host in hosts {
        if host.usable(now) {
            capacity.usable += 1;
        } else if host.status.takes_users() && host.beats(now) {
            capacity.drained += 1;
        } else {
            match powers.standing(host, now) {
                Standing::Off if !powers.calls_off(host) => capacity.untold += 1,
                Standing::Off | Standing::Starting => capacity.cold += 1,
                Standing::On | Standing::Unknown => capacity.unhealthy += 1,
            }
        }
    }
    capacity.room = u64::from(capacity.usable) * u64::from(limit);
    capacity.started = capacity.room + u64::from(capacity.cold) * u64::from(limit);
    Some(capacity)
}

/// Resource groups of the machines behind hosts: they need not lie where the pool does.
pub fn host_groups(hosts: &[SessionHost]) -> Vec<ArmId> {
    let mut groups: Vec<ArmId> =
        hosts.iter().filter_map(|host| host.vm.as_ref()).filter_map(ArmId::group_id).collect();
    groups.sort();
    groups.dedup();
    groups
}

/// Sessions on a side by whether a person is connected; `None`: the list is not whole.
pub fn session_counts(picture: &Picture, service: usize, side: Side) -> Option<(u32, u32)> {
    let all = sessions(picture, &Source::Sessions(service, side))?.complete()?;
    let active = all.iter().filter(|session| session.state == super::pool::SessionState::Active).count();
    Some((active as u32, (all.len() - active) as u32))
}

/// Listed sessions on hosts of which no recent heartbeat was seen when they were looked at, those included
/// that a cut list does not tell of: nobody knows whether they live. `None`: the hosts were never seen, or
/// the list of sessions is not whole.
pub fn unproven_sessions(picture: &Picture, service: usize, side: Side) -> Option<u32> {
    let source = Source::Hosts(service, side);
    let (looked, hosts) = (picture.last(&source)?.at, hosts(picture, &source)?.seen());
    let all = sessions(picture, &Source::Sessions(service, side))?.complete()?;
    // By borrowed key in a set: an estate may list 100,000 sessions on 10,000 hosts.
    let beating: HashSet<&str> =
        hosts.iter().filter(|host| host.beats(looked)).map(|host| host.id.key()).collect();
    let proven = |session: &&UserSession| session.id.parent_key().is_some_and(|host| beating.contains(host));
    Some((all.len() - all.iter().filter(proven).count()) as u32)
}

/// Distinct users with a session of any state; `None`: the list is not whole.
pub fn users(picture: &Picture, service: usize, side: Side) -> Option<BTreeSet<Safe>> {
    let all = sessions(picture, &Source::Sessions(service, side))?.complete()?;
    Some(all.iter().map(|session| session.user.to_lowercase()).collect())
}

/// The invariant: nobody in both pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InBoth {
    /// Planned principals that hold both sides.
    pub principals: BTreeSet<PrincipalId>,
    /// Who sits where.
    pub seats: Seats,
}

/// Who is in both pools of a service, those `also` moved by a run included; `None`: not known whole.
pub fn in_both(estate: &Estate, picture: &Picture, service: usize, also: &[PrincipalId]) -> Option<InBoth> {
    let principals = planned_holders(estate, picture, service, Side::Primary, also)?
        .intersection(&planned_holders(estate, picture, service, Side::Secondary, also)?)
        .cloned()
        .collect();
    Some(InBoth { principals, seats: seats(picture, service)? })
}
