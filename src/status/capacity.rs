//! The row of capacity: what room there is, judged service by service, for a service takes no user of another.

use std::fmt::Write;

use crate::domain::{Side, Source, standing, text::counted};

use super::{
    components::{Bucket, Part, need_unknown},
    pools::{DRAINED, Hosts, count_hosts, judged_at, power_unknown, powers},
    scene::Scene,
    sight::Trust,
    summary::{CellState, Role},
};

/// Room of a side against the users it has, or would have to take.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Room {
    /// Sessions the usable hosts hold.
    now: u64,
    /// Sessions that still find a place, service by service.
    left: u64,
    /// Sessions it could hold with every cold host started.
    started: u64,
    /// Sessions of the active side.
    users: u64,
    /// Sessions it must be able to take (`capacity_percent`) and cannot, service by service.
    lacking_now: u64,
    /// The same with every cold host started.
    lacking: u64,
    /// Hosts that would have to start.
    pub(super) hosts_short: u64,
    /// Whether a host is cold or unhealthy: which of them, Compute tells.
    unused: bool,
    /// Hosts that may be cold: Compute does not tell.
    untold: u32,
}

impl Room {
    /// Whether nobody could be sent there, even with every cold host started.
    fn is_nowhere(&self) -> bool {
        self.now == 0 && self.started == 0 && self.untold == 0
    }

    fn add(self, other: Self) -> Self {
        Self {
            now: self.now + other.now,
            left: self.left + other.left,
            started: self.started + other.started,
            users: self.users + other.users,
            lacking_now: self.lacking_now + other.lacking_now,
            lacking: self.lacking + other.lacking,
            hosts_short: self.hosts_short + other.hosts_short,
            unused: self.unused || other.unused,
            untold: self.untold + other.untold,
        }
    }
}

/// The room of a service on a side; `None`: not known.
pub(super) fn room(scene: &Scene<'_>, service: usize, side: Side) -> Option<Room> {
    let capacity = standing::capacity(scene.picture, service, side, judged_at(scene, service, side))?;
    let count = |(connected, rest): (u32, u32)| u64::from(connected) + u64::from(rest);
    let used = standing::session_counts(scene.picture, service, side).map_or(0, count);
    let room = Room {
        now: capacity.room,
        left: capacity.room.saturating_sub(used),
        started: capacity.started,
        unused: capacity.cold + capacity.untold + capacity.unhealthy > 0,
        untold: capacity.untold,
        ..Room::default()
    };
    let Some(active) = scene.active(service).side().filter(|active| *active != side) else {
        return Some(room);
    };
    let users = count(standing::session_counts(scene.picture, service, active)?);
    let need = (users * u64::from(scene.service(service).capacity_percent)).div_ceil(100);
    Some(Room {
        users,
        lacking_now: need.saturating_sub(room.now),
        lacking: need.saturating_sub(room.started),
        hosts_short: capacity.hosts_short(need),
        ..room
    })
}

/// Why a side without room for one more is worth a warning.
const NEXT_USER: &str = "the next user finds no place";

/// Why nobody knows whether there is more room; `None`: of every host it is known when it beat last.
fn undated(hosts: &Hosts) -> Option<String> {
    let count = hosts.undated;
    (count > 0).then(|| format!("nobody knows when {} beat last", counted(count, "host")))
}

/// No host takes anybody, because of `why`: said in the words that `hosts` has for it.
fn no_place(hosts: &Hosts, why: &str) -> Part {
    if let Some(why) = undated(hosts) {
        return Part::new(CellState::Unknown, "none known", "none, ?").because(&why);
    }
    let (text, short) = match hosts.drained {
        drained if drained == 0 || drained + hosts.cold < hosts.all => ("none", "none"),
        drained if drained == hosts.ours => ("none, drained by run", "none, ours"),
        _ => ("none, hosts drained", "none, dr"),
    };
    Part::new(CellState::Warn, text, short).because(if hosts.all_meant() { DRAINED } else { why })
}

pub(super) fn capacity(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let rooms = bucket.services.iter().map(|&service| room(scene, service, bucket.side));
    let rooms = rooms.collect::<Option<Vec<Room>>>()?;
    let sum = rooms.iter().copied().fold(Room::default(), Room::add);
    let part = if bucket.services.iter().any(|&service| need_unknown(scene, service, bucket.side)) {
        // What is off counts only where it is known to be.
        let cold = powers(scene, bucket.side).trust == Trust::Good || !sum.unused;
        let (now, started) = (sum.now, if cold { sum.started } else { sum.now });
        let more = if started > now { format!(", {started} if started") } else { String::new() };
        let short = if started > now { format!("room {now}, {started}") } else { format!("room {now}") };
        let why = format!("how many users {} has is not known now", scene.code(bucket.side.other()));
        Part::new(CellState::Unknown, format!("room for {now}{more}"), short).because(&why)
    } else if bucket.role == Role::Standby {
        standby(scene, bucket, &rooms, &sum)?
    } else {
        serving(scene, bucket, &rooms, &sum)?
    };
    Some(part.figure(sum.now, None))
}

/// A side that serves its users, or nobody.
fn serving(scene: &Scene<'_>, bucket: &Bucket<'_>, rooms: &[Room], sum: &Room) -> Option<Part> {
    let services = bucket.services.iter().zip(rooms);
    let full: Vec<usize> = services.filter(|(_, room)| room.left == 0).map(|(at, _)| *at).collect();
    let left = sum.left;
    let hosts = count_hosts(scene, &Bucket { services: &full, ..*bucket })?;
    Some(match full.len() {
        0 => Part::new(CellState::Ok, format!("room for {left} more"), format!("{left} more")),
        all if all == rooms.len() && sum.now == 0 => no_place(&hosts, NEXT_USER),
        all if all == rooms.len() => match undated(&hosts) {
            Some(why) => Part::new(CellState::Unknown, "room for 0 more known", "0 more, ?").because(&why),
            None => Part::new(CellState::Warn, "room for 0 more", "full").because(NEXT_USER),
        },
        _ => {
            let (mut text, mut short) = (format!("room for {left} more"), format!("{left} more"));
            for &service in &full {
                let own = count_hosts(scene, &Bucket { services: &[service], ..*bucket })?;
                let open = undated(&own).is_some();
                let name = &scene.service(service).name;
                let _ = write!(text, ", {name} {}", if open { "not known" } else { "none" });
                let _ = write!(short, ", {name} {}", if open { "?" } else { "none" });
            }
            let why = match undated(&hosts) {
                Some(why) => return Some(Part::new(CellState::Unknown, text, short).because(&why)),
                None if hosts.all_meant() => DRAINED.to_owned(),
                None => format!("the next user of {} finds no place", names(scene, &full)),
            };
            Part::new(CellState::Warn, text, short).because(&why)
        }
    })
}

/// A side that must be able to take the users of the other.
fn standby(scene: &Scene<'_>, bucket: &Bucket<'_>, rooms: &[Room], sum: &Room) -> Option<Part> {
    let (powers, hosts) = (powers(scene, bucket.side), count_hosts(scene, bucket)?);
    let blind = sum.unused && (powers.trust != Trust::Good || hosts.unsure > 0 || sum.untold > 0);
    let machines = |rests: bool| rests.then_some(Source::Machines(bucket.side)).into_iter().collect();
    let services = bucket.services.iter().zip(rooms);
    let short_of: Vec<usize> =
        services.filter(|(_, room)| room.lacking > 0).map(|(service, _)| *service).collect();
    let whose =
        if short_of.len() < rooms.len() { format!(" of {}", names(scene, &short_of)) } else { String::new() };
    let lacking = format!("{} users{whose} find no place even with every host started", sum.lacking);
    if sum.now == 0 && sum.started == 0 && !blind {
        let part = no_place(&hosts, if sum.lacking > 0 { &lacking } else { NEXT_USER });
        return Some(Part { beside: machines(sum.unused), ..part });
    }
    let placeless: Vec<usize> =
        bucket.services.iter().zip(rooms).filter(|(_, room)| room.is_nowhere()).map(|(at, _)| *at).collect();
    if !placeless.is_empty() && !blind && sum.lacking == 0 {
        // Nobody of it is here to be counted, and the first who comes finds no place.
        let names = names(scene, &placeless);
        let (text, short) =
            (format!("room for {}, {names} none", sum.now), format!("{}, {names} none", sum.now));
        let why = format!("the next user of {names} finds no place");
        let part = Part::new(CellState::Warn, text, short).because(&why);
        return Some(Part { beside: machines(sum.unused), ..part });
    }
    if sum.users == 0 {
        let now = sum.now;
        return Some(Part::new(CellState::Ok, format!("room for {now}"), format!("{now}")));
    }
    let percent = |room_for: u64| room_for.saturating_mul(100) / sum.users;
    let (now, started) = (percent(sum.now), percent(sum.started));
    if blind {
        // What is off counts for the need, unless what is on is enough.
        let text = format!("{now}%");
        return Some(if sum.lacking_now == 0 {
            Part::new(CellState::Ok, text.clone(), text)
        } else {
            let part = Part::new(CellState::Unknown, format!("{now}%, cold not known"), format!("{now}%, ?"));
            let why = match powers.trust {
                Trust::Good if sum.untold > 0 => untold(sum.untold),
                _ => power_unknown(&powers),
            };
            Part { beside: machines(true), ..part.because(&why) }
        });
    }
    let text = if started > now { format!("{now}%, {started}% if started") } else { format!("{now}%") };
    let short = if started > now { format!("{now}%, {started}%") } else { format!("{now}%") };
    // Cold standby hosts are no warning (design §7): only room that cannot be had is.
    let part = match undated(&hosts) {
        _ if sum.lacking == 0 => Part::new(CellState::Ok, text, short),
        Some(why) => Part::new(CellState::Unknown, text, short).because(&why),
        None => Part::new(CellState::Warn, text, short).because(&lacking),
    };
    Some(Part { beside: machines(sum.unused), ..part })
}

/// Why nobody knows whether hosts can be started.
fn untold(count: u32) -> String {
    format!("{} shut down by the broker, Compute does not tell", counted(count as usize, "host"))
}

/// `hr and fin`.
fn names(scene: &Scene<'_>, services: &[usize]) -> String {
    services.iter().map(|&service| scene.service(service).name.as_str()).collect::<Vec<_>>().join(" and ")
}
