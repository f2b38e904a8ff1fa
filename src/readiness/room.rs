//! Room, quota, age, spread and power: whether the standby could carry the users.

use std::collections::BTreeSet;

use crate::domain::{
    Answer, ArmId, Safe, Side, Source,
    compute::{Usage, VirtualMachine},
    machines::Machines,
    pool::{ScalingPlan, SessionHost},
    source::DirectoryServer,
    standing,
    text::counted,
    time::Timestamp,
};

use super::{
    State,
    context::{Context, Finding},
};

/// A host's token dies when it has not run for so many days (procedures §4.G, G7).
pub(super) const TOKEN_DAYS: i64 = 90;

/// From this age the host should be started soon.
const AMBER_DAYS: i64 = 60;

/// From this age it must be started now.
const RED_DAYS: i64 = 80;

const DAY_SECONDS: i64 = 86_400;

/// Days since a host's last heartbeat; `None`: it never had one that we know of.
pub(super) fn days_off(host: &SessionHost, now: Timestamp) -> Option<i64> {
    host.heartbeat.at().map(|at| now.duration_since(at).as_secs() / DAY_SECONDS)
}

/// Room of the standby against the sessions of the active side.
struct Need {
    users: u64,
    /// Sessions it must be able to take.
    wanted: u64,
    room: u64,
    started: u64,
    /// Hosts that have to start.
    short: u64,
    /// Hosts that may be cold: Compute does not tell.
    untold: u32,
}

fn need(context: &Context<'_>) -> Option<Need> {
    let capacity = standing::capacity(context.picture, context.service, context.standby, context.now)?;
    let (active, other) = standing::session_counts(context.picture, context.service, context.active)?;
    let users = u64::from(active) + u64::from(other);
    let need = (users * u64::from(context.service().capacity_percent)).div_ceil(100);
    Some(Need {
        users,
        wanted: need,
        room: capacity.room,
        started: capacity.started,
        short: capacity.hosts_short(need),
        untold: capacity.untold,
    })
}

/// A-p4. Cold hosts count as room that can be had.
pub(super) fn capacity(context: &Context<'_>) -> Finding {
    let Some(Need { users, wanted: need, room, started, short, untold }) = need(context) else {
        return Finding::unknown("hosts, pool or sessions are not known whole");
    };
    if room >= need {
        return Finding::ok(format!("room for {room}, {} now", counted(users, "session")));
    }
    if started >= need {
        return Finding::ok(format!(
            "room for {room} of {need}; {started} with {} more started",
            counted(short, "host")
        ));
    }
    if untold > 0 {
        let hosts = counted(untold as usize, "host");
        return Finding::unknown(format!(
            "room for {started} of {need}; {hosts} shut down by the broker, Compute does not tell"
        ));
    }
    Finding::crit(format!("room for {started} of {need} even with every cold host started"))
}

/// G9: cores for the hosts that have to start.
pub(super) fn quota(context: &Context<'_>) -> Finding {
    let Some(need) = need(context) else {
        return Finding::unknown("hosts, pool or sessions are not known whole");
    };
    let Some(Answer::Usages(usages)) = context.answer(&Source::Usages(context.standby)) else {
        return Finding::unknown("quota was not read");
    };
    let rising = booting(context);
    let short = need.short.saturating_sub(rising);
    if short == 0 {
        return Finding::ok(match rising {
            0 => "no host has to start".to_owned(),
            some => format!("{} on their way up", counted(some, "host")),
        });
    }
    let (cold, lost) = cold_machines(context);
    if cold.is_empty() && lost == 0 {
        return Finding::crit(format!("{} to start, none is cold", counted(short, "host")));
    }
    // A machine starts within the quota of its own subscription.
    let subscriptions: BTreeSet<ArmId> = cold.iter().map(|machine| machine.id.subscription_id()).collect();
    let (mut complaints, mut cores) = (Vec::new(), 0);
    if lost > 0 {
        let text = format!("Compute does not tell of {}", counted(lost, "cold host"));
        complaints.push((State::Unknown, text));
    }
    for subscription in &subscriptions {
        let own: Vec<&VirtualMachine> =
            cold.iter().copied().filter(|machine| machine.id.subscription_id() == *subscription).collect();
        let foreign = usages.seen().iter().any(|usage| usage.subscription != *subscription);
        let name = subscription.name().get(..8).unwrap_or(subscription.name());
        let place = if foreign { format!(" in {name}") } else { String::new() };
        let theirs = Quota { usages: usages.seen(), subscription, place };
        cores += theirs.judge(&own, short, &mut complaints);
    }
    Finding::worst(&complaints, format!("{cores} cores free for {}", counted(short, "host")))
}

/// Standby hosts that are on their way up: their cores are taken already.
fn booting(context: &Context<'_>) -> u64 {
    let machines = Machines::of(context.picture, context.standby);
    let hosts = context.hosts(context.standby).iter();
    hosts.filter(|host| !host.usable(context.now) && machines.boots(host, context.now)).count() as u64
}

/// Quotas of one subscription.
struct Quota<'a> {
    usages: &'a [Usage],
    subscription: &'a ArmId,
    /// Where they hold, in words, where there are several subscriptions.
    place: String,
}

impl Quota<'_> {
    /// Complains of every quota under which `short` of these cold machines cannot start; returns the
    /// cores they need.
    fn judge(&self, cold: &[&VirtualMachine], short: u64, complaints: &mut Vec<(State, String)>) -> u64 {
        let sizes: BTreeSet<&str> = cold.iter().map(|machine| machine.size.as_str()).collect();
        let mut cores = 0;
        for size in &sizes {
            let Some((family, each)) = family(size) else {
                complaints.push((State::Unknown, format!("cores of {size} are not known")));
                continue;
            };
            // Which of several sizes will start is open, so each family must carry its whole share.
            let of_size = cold.iter().filter(|machine| machine.size.as_str() == *size).count() as u64;
            cores = cores.max(short.min(cold.len() as u64) * each);
            complaints.extend(self.complaint(&family, of_size.min(short) * each));
        }
        if cores > 0 {
            complaints.extend(self.complaint("cores", cores));
        }
        cores
    }

    fn complaint(&self, name: &str, wanted: u64) -> Option<(State, String)> {
        let place = &self.place;
        let own = |usage: &&Usage| {
            usage.subscription == *self.subscription && usage.name.as_str().eq_ignore_ascii_case(name)
        };
        let Some(usage) = self.usages.iter().find(own) else {
            return Some((State::Unknown, format!("no quota named {name}{place} was listed")));
        };
        let free = usage.limit.saturating_sub(usage.used);
        (free < wanted).then(|| (State::Crit, format!("{name}{place}: {free} free, {wanted} needed")))
    }
}

/// Machines behind standby hosts that are off, and of how many hosts that are Compute does not tell.
fn cold_machines<'a>(context: &Context<'a>) -> (Vec<&'a VirtualMachine>, usize) {
    let machines = Machines::of(context.picture, context.standby);
    let hosts = context.hosts(context.standby).iter();
    let cold: Vec<&SessionHost> = hosts.filter(|host| machines.is_off(host)).collect();
    let told = cold.iter().filter(|host| machines.calls_off(host));
    let found: Vec<&VirtualMachine> = told.filter_map(|host| machines.behind(host)).collect();
    let lost = cold.len() - found.len();
    (found, lost)
}

/// Quota name and cores of a size: `Standard_D8s_v5` is 8 cores of `standardDSv5Family`.
fn family(size: &str) -> Option<(String, u64)> {
    let rest = size.strip_prefix("Standard_")?;
    let (model, version) = rest.split_once('_').unwrap_or((rest, ""));
    let first = model.find(|c: char| c.is_ascii_digit())?;
    let digits: String = model[first..].chars().take_while(char::is_ascii_digit).collect();
    let letters = &model[first + digits.len()..];
    Some((format!("standard{}{letters}{version}Family", &model[..first]), digits.parse().ok()?))
}

/// G7: the 90-day rule.
pub(super) fn ninety_days(context: &Context<'_>) -> Finding {
    let hosts = context.hosts(context.standby);
    if hosts.is_empty() {
        return Finding::crit(format!("no host in {}", context.code(context.standby)));
    }
    let unseen = hosts.iter().filter(|host| host.heartbeat.at().is_none()).count();
    let oldest = hosts
        .iter()
        .filter_map(|host| Some((days_off(host, context.now)?, host.short_name())))
        .max_by_key(|(days, _)| *days);
    let mut complaints = Vec::new();
    if unseen > 0 {
        complaints.push((State::Unknown, format!("{} without a known heartbeat", counted(unseen, "host"))));
    }
    if let Some((days, name)) = oldest.filter(|(days, _)| *days >= AMBER_DAYS) {
        let state = if days >= RED_DAYS { State::Crit } else { State::Warn };
        complaints.push((state, format!("{name} has been off for {days} days")));
    }
    Finding::worst(&complaints, format!("longest off: {} days", oldest.map_or(0, |(days, _)| days)))
}

/// G10: zones of the standby's machines.
pub(super) fn zones(context: &Context<'_>) -> Finding {
    let (own, lost) = context.machines(context.standby);
    let zones: BTreeSet<&str> = own.iter().flat_map(|machine| &machine.zones).map(Safe::as_str).collect();
    let mut complaints: Vec<(State, String)> = lost.into_iter().collect();
    let good = match (own.len(), zones.len()) {
        (0, _) => return Finding::unknown("no machine of a standby host was found"),
        (1, _) => "one host only".to_owned(),
        (hosts, zones) => {
            let few = if zones == 0 { "no availability zones" } else { "all in one zone" };
            complaints.extend((zones < 2).then(|| (State::Warn, few.to_owned())));
            format!("{hosts} hosts in {zones} zones")
        }
    };
    Finding::worst(&complaints, good)
}

fn plans<'a>(context: &Context<'a>, side: Side) -> &'a [ScalingPlan] {
    match context.answer(&Source::Plans(context.service, side)) {
        Some(Answer::Plans(listing)) => listing.seen(),
        _ => &[],
    }
}

/// Whether a plan acts on the pool of a side; `None`: none refers to it.
fn acts(context: &Context<'_>, side: Side) -> Option<bool> {
    let pool = &context.service().sides[side].pool;
    let states: Vec<bool> = plans(context, side).iter().filter_map(|plan| plan.enabled_for(pool)).collect();
    states.iter().copied().reduce(|one, other| one || other)
}

/// A-p10: what has to be held during a run.
pub(super) fn plans_known(context: &Context<'_>) -> Finding {
    let word = |side| match acts(context, side) {
        Some(true) => "on",
        Some(false) => "off",
        None => "none",
    };
    let text = |side| format!("{} {}", context.code(side), word(side));
    Finding::ok(format!("{}, {}", text(context.active), text(context.standby)))
}

/// G11: the standby's plan exists and was not left off.
pub(super) fn standby_plan(context: &Context<'_>) -> Finding {
    let planned = context.service().sides[context.standby].scaling_plan.is_some();
    match acts(context, context.standby) {
        Some(true) => Finding::ok("acts on the pool; exclusion tags are not read in this version"),
        Some(false) => Finding::warn("refers to the pool but is switched off"),
        None if planned => Finding::warn("the planned scaling plan does not refer to the pool"),
        None => Finding::not_configured("no scaling plan is configured"),
    }
}

fn servers<'a>(context: &Context<'a>, side: Side) -> Option<&'a [DirectoryServer]> {
    match context.answer(&Source::Directory(side)) {
        Some(Answer::Directory(listing)) => Some(listing.seen()),
        _ => None,
    }
}

/// A-p5: somebody must answer for sign-ins in the standby region.
pub(super) fn standby_directory(context: &Context<'_>) -> Finding {
    let Some(servers) = servers(context, context.standby) else {
        return Finding::not_configured("no directory server is configured");
    };
    let up = servers.iter().filter(|server| server.up()).count();
    let text = format!("{up} of {} up in {}", servers.len(), context.code(context.standby));
    if up == 0 { Finding::crit(text) } else { Finding::ok(text) }
}

/// Directory servers an active region should have.
const ACTIVE_SERVERS: usize = 2;

/// G14: power and health of all directory servers; of those in a region that is left as dead none is asked for.
pub(super) fn directories(context: &Context<'_>) -> Finding {
    if context.leaves_dead() {
        let Some(servers) = servers(context, context.standby) else {
            return Finding::not_configured("directory servers are not configured in both regions");
        };
        let up = servers.iter().filter(|server| server.up()).count();
        let (active, standby) = (context.code(context.active), context.code(context.standby));
        let text = format!("{standby} {up} of {}; {active} is dead, not asked", servers.len());
        return match up {
            0 => Finding::crit(text),
            up if up < servers.len() => Finding::warn(text),
            _ => Finding::ok(text),
        };
    }
    let (Some(left), Some(opened)) = (servers(context, context.active), servers(context, context.standby))
    else {
        return Finding::not_configured("directory servers are not configured in both regions");
    };
    let up = |list: &[DirectoryServer]| list.iter().filter(|server| server.up()).count();
    let text = format!(
        "{} {} of {}, {} {} of {}",
        context.code(context.active),
        up(left),
        left.len(),
        context.code(context.standby),
        up(opened),
        opened.len()
    );
    if up(opened) == 0 || up(left) == 0 {
        Finding::crit(text)
    } else if up(left) < left.len() || up(opened) < opened.len() || left.len() < ACTIVE_SERVERS {
        Finding::warn(text)
    } else {
        Finding::ok(text)
    }
}

/// A-p6: the standby's accounts by their own status.
pub(super) fn standby_shares(context: &Context<'_>) -> Finding {
    let named = context.service().sides[context.standby].accounts.len();
    let Some(Answer::Storage(listing)) = context.answer(&Source::Storage(context.service, context.standby))
    else {
        return Finding::not_configured("no profile account is configured");
    };
    let up = listing.seen().iter().filter(|account| account.available()).count();
    let text = format!("{up} of {named} available in {}", context.code(context.standby));
    if up < named { Finding::crit(text) } else { Finding::ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_name_their_quota() {
        let cases = [
            ("Standard_D8s_v5", Some(("standardDsv5Family", 8))),
            ("Standard_E16ads_v5", Some(("standardEadsv5Family", 16))),
            ("Standard_D4_v3", Some(("standardDv3Family", 4))),
            ("Basic", None),
        ];
        for (size, expected) in cases {
            let expected = expected.map(|(name, cores)| (name.to_owned(), cores));
            assert_eq!(family(size), expected, "{size}");
        }
    }
}
