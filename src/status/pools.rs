//! Rows that are counted pool by pool: pools, hosts, assignments.

use std::fmt::Write;

use crate::domain::{
    Answer, Side, Source,
    machines::{Machines, Standing},
    pool::SessionHost,
    standing::{self, ActiveSide, HolderKind},
    time::Timestamp,
};

use super::{
    components::{Bucket, Part, answer},
    ours::Drained,
    scene::Scene,
    sight::{Sight, Trust},
    summary::{CellState, Role},
};

pub(super) fn pools(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let of = bucket.services.len();
    let answered = bucket
        .services
        .iter()
        .filter(|&&service| {
            matches!(answer(scene, &Source::Pool(service, bucket.side)), Some(Answer::Pool(_)))
        })
        .count();
    if answered < of {
        return None;
    }
    let suffix = if scene.dead(bucket.side) { " (metadata)" } else { "" };
    Some(
        Part::new(CellState::Ok, format!("{answered} of {of}{suffix}"), format!("{answered}/{of}"))
            .figure(answered as u64, Some(of)),
    )
}

/// Why a side whose hosts take nobody stands as it is meant to.
pub(super) const DRAINED: &str = "this run drained them";

/// Hosts of a bucket, counted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Hosts {
    pub(super) all: usize,
    usable: usize,
    pub(super) drained: usize,
    /// Of these, by an open run.
    pub(super) ours: usize,
    /// Of those, by one that goes on: they are meant to take nobody.
    meant: usize,
    /// Whether a service has no host for its users, and that is not meant.
    shut: bool,
    pub(super) cold: usize,
    /// On their way up: no heartbeat is due yet.
    starting: usize,
    /// On by all we know, without a recent heartbeat.
    silent: usize,
    /// On by all we know, and nobody knows when they beat last.
    pub(super) undated: usize,
    /// Beating, in a state that takes no users.
    unfit: usize,
    /// Cold or silent: which of them only Compute can tell, and it does not.
    pub(super) unsure: usize,
    /// Youngest heartbeat of a service, of the one that was heard of longest ago.
    pub(super) beat: Option<Timestamp>,
}

impl Hosts {
    /// Of which a heartbeat is due.
    fn on(&self) -> usize {
        self.all - self.cold - self.starting
    }

    /// Whether something is on, or may be, and nothing beats.
    pub(super) fn all_silent(&self) -> bool {
        self.on() > 0 && self.silent + self.unsure == self.on()
    }

    /// Whether none is known to beat, nor may for all we know.
    pub(super) fn none_beats(&self) -> bool {
        self.all > 0 && self.silent + self.unsure + self.cold + self.starting == self.all
    }

    /// Whether what was counted rests on which machines are off.
    fn rest_on_power(&self) -> bool {
        self.cold + self.starting + self.silent + self.unsure > 0
    }

    /// Whether nothing but the drain of a run that goes on keeps hosts from taking users.
    pub(super) fn all_meant(&self) -> bool {
        !self.shut && self.meant > 0 && self.meant + self.cold == self.all
    }

    fn take(&mut self, host: &SessionHost, machine: Standing, own: Option<&Drained>, now: Timestamp) {
        self.all += 1;
        self.beat = self.beat.max(host.heartbeat.at());
        if host.usable(now) {
            self.usable += 1;
        } else if machine == Standing::Off {
            self.cold += 1;
        } else if host.is_silent(now) {
            match machine {
                Standing::Unknown => self.unsure += 1,
                Standing::Starting => self.starting += 1,
                Standing::Off | Standing::On => self.silent += 1,
            }
        } else if !host.beats(now) {
            self.undated += 1;
        } else if host.status.takes_users() {
            self.drained += 1;
            self.ours += usize::from(own.is_some());
            self.meant += usize::from(own.is_some_and(Drained::is_meant));
        } else {
            self.unfit += 1;
        }
    }
}

/// Counts the hosts of a bucket; `None`: a list is missing or not whole.
pub(super) fn count_hosts(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Hosts> {
    let machines = Machines::of(scene.picture, bucket.side);
    let known = powers(scene, bucket.side).trust == Trust::Good;
    let mut hosts = Hosts::default();
    for &service in bucket.services {
        let then = judged_at(scene, service, bucket.side);
        let listing = standing::hosts(scene.picture, &Source::Hosts(service, bucket.side))?;
        let (usable, meant, before) = (hosts.usable, hosts.meant, hosts.beat.take());
        for host in listing.complete()? {
            let machine = if known { machines.standing(host, then) } else { Standing::Unknown };
            let own = scene.drained.iter().find(|own| own.holds(service, bucket.side, host));
            hosts.take(host, machine, own, then);
        }
        hosts.shut |= hosts.usable == usable && hosts.meant == meant;
        hosts.beat = before.into_iter().chain(hosts.beat).min();
    }
    Some(hosts)
}

/// The moment at which hosts are judged: now, or when they were last seen where that is too long ago. What
/// an old answer says of heartbeats holds for its own time and for no other.
pub(super) fn judged_at(scene: &Scene<'_>, service: usize, side: Side) -> Timestamp {
    let sight = Sight::of(scene.picture, &Source::Hosts(service, side), scene.now);
    sight.at.filter(|_| sight.trust >= Trust::Stale).unwrap_or(scene.now)
}

/// What Compute said of the machines of a side: the broker alone cannot tell a cold host from a silent one.
pub(super) fn powers(scene: &Scene<'_>, side: Side) -> Sight {
    Sight::of(scene.picture, &Source::Machines(side), scene.now)
}

/// Why nobody knows which hosts are off.
pub(super) fn power_unknown(powers: &Sight) -> String {
    let why = powers.reason.as_ref().map_or("no answer", |reason| reason.as_str());
    format!("which hosts are off is not known, virtual machines: {why}")
}

pub(super) fn hosts(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let hosts = count_hosts(scene, bucket)?;
    let powers = powers(scene, bucket.side);
    let active = bucket.role == Role::Active;
    let bad = hosts.silent + hosts.unfit;
    let part = if hosts.all == 0 {
        Part::new(CellState::Crit, "no hosts", "none").because("the pool lists no host")
    } else if hosts.all_silent() && (hosts.unsure == 0 || active) {
        let (on, of) = (hosts.on(), hosts.all);
        let reason = format!("none of the {on} hosts that are on has reported for 5 min");
        Part::new(CellState::Crit, format!("0 of {on} heartbeats"), format!("0/{of} hb")).because(&reason)
    } else if hosts.undated > 0 {
        let (text, short) = hosts_text(&hosts, bucket.role == Role::Standby);
        Part::new(CellState::Unknown, text, short).because("nobody knows when they beat last")
    } else {
        let state = match () {
            () if active && hosts.usable == 0 && hosts.all_meant() => CellState::Warn,
            () if active && hosts.usable == 0 => CellState::Crit,
            () if hosts.unsure > 0 => CellState::Unknown,
            () if bad > 0 || hosts.drained > 0 => CellState::Warn,
            () => CellState::Ok,
        };
        let (text, short) = hosts_text(&hosts, bucket.role == Role::Standby);
        let part = Part::new(state, text, short);
        match state {
            CellState::Crit => part.because("no host takes new users"),
            CellState::Unknown => part.because(&power_unknown(&powers)),
            _ if active && hosts.all_meant() => part.because(DRAINED),
            _ => part,
        }
    };
    // Where nobody can sign in on the side that serves it does not matter which hosts are off.
    let rests = hosts.rest_on_power() && !(active && hosts.usable == 0);
    let part = Part { beside: rests.then_some(Source::Machines(bucket.side)).into_iter().collect(), ..part };
    Some(part.figure(hosts.usable as u64, Some(hosts.all)))
}

fn say(parts: &[(usize, &str, &str)], text: &mut String, short: &mut String) {
    for (count, word, letters) in parts.iter().filter(|(count, ..)| *count > 0) {
        let _ = write!(text, ", {count} {word}");
        let _ = write!(short, ", {count} {letters}");
    }
}

fn hosts_text(hosts: &Hosts, standby: bool) -> (String, String) {
    let (usable, all) = (hosts.usable, hosts.all);
    let parts = [
        (hosts.silent, "silent", "sil"),
        (hosts.starting, "starting", "boot"),
        (hosts.undated, "not known", "?"),
        (hosts.unfit, "unhealthy", "bad"),
        (hosts.cold, "cold", "c"),
        (hosts.unsure, "cold or silent", "?"),
    ];
    let mut text = format!("{usable} of {all}");
    let mut short = format!("{usable}/{all}");
    let (before, after) = parts.split_at(4);
    say(before, &mut text, &mut short);
    match (hosts.drained, hosts.ours) {
        (0, _) => {}
        (drained, 0) => say(&[(drained, "drained", "dr")], &mut text, &mut short),
        (drained, ours) if ours == drained => say(&[(ours, "drained by run", "ours")], &mut text, &mut short),
        (drained, ours) => {
            say(&[(drained, "drained", "dr"), (ours, "by run", "ours")], &mut text, &mut short);
        }
    }
    say(after, &mut text, &mut short);
    if usable == all && !standby {
        text.push_str(" usable");
    }
    (text, short)
}

/// How the planned principals hold the groups of a bucket.
#[derive(Debug, Default)]
struct Holding<'a> {
    groups: usize,
    /// Groups all of whose planned principals hold them.
    held: usize,
    /// Names of planned principals that hold at least one.
    names: Vec<&'a str>,
    /// Places where a planned principal is missing.
    missing: usize,
}

fn holding<'a>(scene: &Scene<'a>, bucket: &Bucket<'_>) -> Option<Holding<'a>> {
    let mut sum = Holding::default();
    for &index in bucket.services {
        let service = scene.service(index);
        let held =
            standing::assignments(scene.picture, &Source::Assignments(index, bucket.side))?.complete()?;
        for group in &service.groups {
            sum.groups += 1;
            let mut whole = true;
            for principal in &group.principals {
                let holds = held.iter().any(|one| {
                    one.group == group.ids[bucket.side]
                        && one.assignment.principal == principal.id
                        && matches!(
                            standing::holder_kind(service, one, &[]),
                            Some(HolderKind::Planned | HolderKind::PlannedInherited)
                        )
                });
                if !holds {
                    whole = false;
                    sum.missing += 1;
                } else if !sum.names.contains(&principal.name.as_str()) {
                    sum.names.push(&principal.name);
                }
            }
            sum.held += usize::from(whole);
        }
    }
    Some(sum)
}

pub(super) fn assignments(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let holding = holding(scene, bucket)?;
    let (held, groups) = (holding.held, holding.groups);
    let split = bucket.services.iter().any(|&service| *scene.active(service) == ActiveSide::Split);
    let open_run = bucket.services.iter().any(|&service| scene.has_open_run(service));
    let names = names_text(&holding.names);
    let on =
        if holding.names.is_empty() { "none".to_owned() } else { format!("{names} on {held} of {groups}") };
    let part = match bucket.role {
        _ if split => {
            let reason = format!("planned groups hold both {}", both_codes(scene));
            Part::new(CellState::Crit, on, format!("{held}/{groups}")).because(&reason)
        }
        Role::Active if holding.missing == 0 => Part::new(CellState::Ok, on, format!("{held}/{groups}")),
        Role::Active => Part::new(CellState::Warn, on, format!("{held}/{groups}"))
            .because(&format!("{} planned assignments are missing", holding.missing)),
        Role::Standby => Part::new(CellState::Ok, "none, as planned", "none"),
        Role::Closed => {
            let state = if open_run { CellState::Warn } else { CellState::Crit };
            Part::new(state, "none, closed", "none").because("no planned group may use the service anywhere")
        }
        // The other side's list is the one that is missing.
        Role::Unknown => Part::new(CellState::Ok, on, format!("{held}/{groups}")),
    };
    Some(part.figure(held as u64, Some(groups)))
}

fn both_codes(scene: &Scene<'_>) -> String {
    format!("{} and {}", scene.code(Side::Primary), scene.code(Side::Secondary))
}

/// `GRP1-3` for names that count up, else the first and how many more.
fn names_text(names: &[&str]) -> String {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return String::new() };
    let split = |name: &'_ str| -> (String, Option<u32>) {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem.to_owned(), name[stem.len()..].parse().ok())
    };
    let parts: Vec<(String, Option<u32>)> = names.iter().map(|name| split(name)).collect();
    let counts_up = parts.windows(2).all(|pair| {
        pair[0].0 == pair[1].0
            && pair[0].1.zip(pair[1].1).is_some_and(|(one, next)| one.checked_add(1) == Some(next))
    });
    match names.len() {
        1 => (*first).to_owned(),
        _ if counts_up => format!("{first}-{}", &last[parts[0].0.len()..]),
        2 => format!("{first}, {last}"),
        more => format!("{first} and {} more", more - 1),
    }
}
