//! What the readings say about a service: which side is active, who holds what, what room
//! there is, and whether a region looks dead. Derived each time, never stored.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    Answer, ArmId, Listing, Safe, Side, Source,
    access::PrincipalId,
    compute::{Power, VirtualMachine},
    estate::{Estate, Layout, Service},
    picture::Picture,
    pool::{SessionHost, UserSession},
    reading::{Look, SilenceKind},
    seats::{Seats, seats},
    source::Held,
    time::{Span, Timestamp, minutes, seconds},
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
            None => "not looked at yet".to_owned(),
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
    /// Hosts whose machine is off: capacity hoped for.
    pub cold: u32,
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
    let powers = machines(picture, &Source::Machines(side));
    let mut capacity = Capacity { hosts: hosts.len() as u32, limit, ..Capacity::default() };
    for host in hosts {
        if host.usable(now) {
            capacity.usable += 1;
        } else if host.status.takes_users() && host.beats(now) {
            capacity.drained += 1;
        } else if is_off(host, powers) {
            capacity.cold += 1;
        } else {
            capacity.unhealthy += 1;
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

/// Whether the machine behind a host is off, by Compute where known, else by the broker's word.
pub fn is_off(host: &SessionHost, machines: Option<&Listing<VirtualMachine>>) -> bool {
    let power = machines.and_then(|listing| {
        let vm = host.vm.as_ref()?;
        listing.seen().iter().find(|machine| machine.id == *vm)?.power.clone()
    });
    match power {
        Some(power) => power.is_off(),
        None => host.status == super::pool::HostStatus::Shutdown,
    }
}

/// Sessions on a side by whether a person is connected; `None`: the list is not whole.
pub fn session_counts(picture: &Picture, service: usize, side: Side) -> Option<(u32, u32)> {
    let all = sessions(picture, &Source::Sessions(service, side))?.complete()?;
    let active = all.iter().filter(|session| session.state == super::pool::SessionState::Active).count();
    Some((active as u32, (all.len() - active) as u32))
}

/// Listed sessions on hosts that had no recent heartbeat when they were looked at: nobody knows
/// whether they live; `None`: the lists are not whole.
pub fn unproven_sessions(picture: &Picture, service: usize, side: Side) -> Option<u32> {
    let source = Source::Hosts(service, side);
    let (looked, hosts) = (picture.last(&source)?.at, hosts(picture, &source)?.complete()?);
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

/// A sign that a region is dead (design §11, death rule).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Its number in the rule: one class each.
    pub class: u8,
    /// What was seen.
    pub what: Safe,
}

/// Share of powered-on hosts that must be silent for sign 2, in percent.
pub const SILENT_HOSTS_PERCENT: usize = 80;

/// Failures in a row that make a call count for sign 3.
pub const FAILED_CALLS: u32 = 3;

/// The other region must have answered the same call within this time of the failure.
pub const SAME_MINUTE: Span = seconds(60);

/// Signs from readings only, of looks that began at or after `since` and not more than
/// five minutes ago; a statement by a person (class 5) is added by the caller.
pub fn death_signs(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Sign> {
    let since = now.checked_sub(EVIDENCE_LIMIT).map_or(since, |limit| since.max(limit));
    let region = &estate.regions[side];
    let mut signs = Vec::new();
    let mut sign = |class, what: String| signs.push(Sign { class, what: Safe::new(&what) });
    if let Some(title) = posted_event(picture, &region.azure, since) {
        sign(1, format!("Azure posted: {title}"));
    }
    if let Some((silent, of)) = silent_hosts(picture, service, side, since, now)
        && of > 0
        && silent * 100 >= of * SILENT_HOSTS_PERCENT
    {
        sign(2, format!("{silent} of {of} running hosts without heartbeat for 5 min"));
    }
    let failing = failing_calls(picture, service, side, since);
    if failing.len() >= 2 {
        sign(
            3,
            format!(
                "{} fail here and answer in {}",
                failing.join(" and "),
                estate.regions[side.other()].code
            ),
        );
    }
    if let Some(down) = shares_down(picture, service, side, since) {
        sign(4, format!("{down} profile accounts unavailable by their own status"));
    }
    signs
}

/// What is seen of one sign, whether it holds or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The sign's number in the rule.
    pub class: u8,
    /// Whether it holds; `None`: what it rests on is not known, or too old.
    pub holds: Option<bool>,
    /// Whether something of its kind is seen, if not enough for a sign.
    pub partly: bool,
    /// What is seen, in few words.
    pub what: Safe,
    /// Age of the oldest answer behind it.
    pub at: Option<Timestamp>,
}

/// What is seen of the signs 1 to 4 of a service's side at `now`: where [`death_signs`] names a sign,
/// its evidence holds, and nowhere else.
pub fn evidence(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    now: Timestamp,
) -> [Evidence; 4] {
    let since = now.checked_sub(EVIDENCE_LIMIT).unwrap_or(Timestamp::MIN);
    let told = |class, (holds, partly), what: String, at| Evidence {
        class,
        holds,
        partly,
        what: Safe::new(&what),
        at,
    };
    let at = |source: &Source| picture.last(source).map(|look| look.at);
    let events = since_then(picture, &Source::Events, since).map(|_| ());
    let posted = posted_event(picture, &estate.regions[side].azure, since);
    let silent = silent_hosts(picture, service, side, since, now);
    let failing = failing_calls(picture, service, side, since);
    let storage = Source::Storage(service, side);
    let accounts = match since_then(picture, &storage, since).map(|look| &look.answer) {
        Some(Answer::Storage(listing)) => listing.complete(),
        _ => None,
    };
    let down = accounts.map(|all| (all.iter().filter(|one| !one.available()).count(), all.len()));
    [
        told(
            1,
            (events.map(|()| posted.is_some()), false),
            posted.map_or_else(
                || if events.is_some() { "no event" } else { "not known" }.to_owned(),
                Safe::to_string,
            ),
            at(&Source::Events),
        ),
        told(
            2,
            (
                silent.map(|(silent, of)| of > 0 && silent * 100 >= of * SILENT_HOSTS_PERCENT),
                silent.is_some_and(|(silent, _)| silent > 0),
            ),
            silent.map_or("not known".to_owned(), |(silent, of)| format!("{silent} of {of} silent")),
            at(&Source::Hosts(service, side)).min(at(&Source::Machines(side))),
        ),
        told(
            3,
            (Some(failing.len() >= 2), !failing.is_empty()),
            if failing.is_empty() { "none fail only here".to_owned() } else { failing.join(", ") },
            None,
        ),
        told(
            4,
            (down.map(|(down, of)| down > 0 && down == of), down.is_some_and(|(down, _)| down > 0)),
            down.map_or("not known".to_owned(), |(down, of)| format!("{down} of {of} down")),
            at(&storage),
        ),
    ]
}

/// Whether the signs suffice: two of different classes, at most one of them a statement.
pub fn death_rule(signs: &[Sign]) -> bool {
    let classes: BTreeSet<u8> = signs.iter().map(|sign| sign.class).collect();
    classes.len() >= 2
}

/// A reading older than this says nothing about now.
const EVIDENCE_LIMIT: Span = minutes(5);

/// The last look, if it began at or after `since`.
fn since_then<'a>(picture: &'a Picture, source: &Source, since: Timestamp) -> Option<&'a Look> {
    picture.last(source).filter(|look| look.started >= since)
}

fn posted_event<'a>(picture: &'a Picture, azure: &str, since: Timestamp) -> Option<&'a Safe> {
    let look = since_then(picture, &Source::Events, since)?;
    let Answer::Events(events) = &look.answer else { return None };
    events.seen().iter().find(|event| event.hits(azure)).map(|event| &event.title)
}

/// Hosts without a recent heartbeat among those that are not off. Only a whole look at the machines
/// tells which of them are: one that is not listed there is counted, but not as silent, and so is
/// one of which nobody knows when it beat.
fn silent_hosts(
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
) -> Option<(usize, usize)> {
    since_then(picture, &Source::Hosts(service, side), since)?;
    since_then(picture, &Source::Machines(side), since)?;
    let hosts = hosts(picture, &Source::Hosts(service, side))?.complete()?;
    let machines = machines(picture, &Source::Machines(side))?.complete()?;
    let powers: BTreeMap<&ArmId, Option<&Power>> =
        machines.iter().map(|machine| (&machine.id, machine.power.as_ref())).collect();
    let (mut silent, mut of) = (0, 0);
    for host in hosts {
        let power = host.vm.as_ref().and_then(|vm| powers.get(vm)).copied();
        let off = match power {
            None => false,
            // Where Azure itself cannot tell, the broker may have seen it go.
            Some(None | Some(Power::Unknown(_))) => host.status == super::pool::HostStatus::Shutdown,
            Some(Some(power)) => power.is_off(),
        };
        let on = matches!(power, Some(None | Some(Power::Running | Power::Unknown(_))));
        if host.beats(now) || !off {
            of += 1;
            silent += usize::from(on && host.is_silent(now));
        }
    }
    Some((silent, of))
}

/// Which source of a service a kind of call is made for.
type Calls = fn(usize, Side) -> Source;

/// Providers whose calls to `side` failed three times in a row while the same call to the
/// other side succeeded in the same minute.
fn failing_calls(picture: &Picture, service: usize, side: Side, since: Timestamp) -> Vec<&'static str> {
    let calls: [(&str, [Calls; 2]); 3] = [
        ("compute calls", [|_, side| Source::Machines(side), |_, side| Source::Directory(side)]),
        ("host pool calls", [Source::Hosts, Source::Sessions]),
        ("storage calls", [Source::Storage, Source::Storage]),
    ];
    calls
        .into_iter()
        .filter(|(_, sources)| {
            sources.iter().any(|source| {
                fails_only_here(picture, &source(service, side), &source(service, side.other()), since)
            })
        })
        .map(|(name, _)| name)
        .collect()
}

fn fails_only_here(picture: &Picture, here: &Source, there: &Source, since: Timestamp) -> bool {
    let Some(reading) = picture.reading(here) else { return false };
    let (Some((ended, silence)), Some(began)) = (&reading.silence, reading.failed) else { return false };
    silence.kind == SilenceKind::Unreachable
        && began >= since
        && reading.misses >= FAILED_CALLS
        && picture.reading(there).is_some_and(|other| {
            other.silence.is_none()
                && other.last.as_ref().is_some_and(|look| look.at.duration_since(*ended).abs() <= SAME_MINUTE)
        })
}

fn shares_down(picture: &Picture, service: usize, side: Side, since: Timestamp) -> Option<usize> {
    let look = since_then(picture, &Source::Storage(service, side), since)?;
    let Answer::Storage(listing) = &look.answer else { return None };
    let accounts = listing.complete()?;
    let down = accounts.iter().filter(|account| !account.available()).count();
    (down > 0 && down == accounts.len()).then_some(down)
}
