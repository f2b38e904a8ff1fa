//! Sessions, and what is known of the people behind them.

use crate::domain::{Side, Source, standing};

use super::{
    components::{Bucket, Part},
    pools::{Hosts, count_hosts},
    scene::Scene,
    summary::{CellState, Role},
};

pub(super) fn sessions(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let (mut active, mut other, mut unproven) = (0_u32, 0_u32, 0_u32);
    for &service in bucket.services {
        let (connected, rest) = standing::session_counts(scene.picture, service, bucket.side)?;
        (active, other) = (active + connected, other + rest);
        // Where no host was ever seen nobody on them is proven to be there.
        unproven +=
            standing::unproven_sessions(scene.picture, service, bucket.side).unwrap_or(connected + rest);
    }
    let all = active + other;
    // Whether somebody sits behind a session its host tells.
    let beside: Vec<Source> = bucket
        .services
        .iter()
        .filter(|_| all > 0)
        .map(|&service| Source::Hosts(service, bucket.side))
        .collect();
    let hosts = count_hosts(scene, bucket);
    // Of people who may sit behind them nobody has told since a host beat last, whatever became of the lists.
    let heard = hosts.filter(Hosts::none_beats).and_then(|hosts| hosts.beat).filter(|_| all > 0);
    if all > 0 && hosts.is_some_and(|hosts| hosts.all_silent()) {
        // The broker keeps listing sessions of hosts that are gone; nobody sits behind them.
        let part = Part::new(CellState::Unknown, format!("last {all}, not real"), format!("last {all}"))
            .because("the broker still lists them, their hosts are silent")
            .figure(all, None);
        return Some(Part { beside, as_of: heard, ..part });
    }
    if unproven > 0 {
        // Some hosts are silent, or not known to live: whoever is listed on them may be gone.
        let text = format!("{unproven} of {all} unproven");
        let part = Part::new(CellState::Unknown, text, format!("{}+{unproven}?", all - unproven))
            .because("the broker lists sessions on hosts of which no heartbeat of the last 5 min is known")
            .figure(all, None);
        return Some(Part { beside, as_of: heard, ..part });
    }
    let part = match (active, other) {
        (0, 0) => Part::new(CellState::Ok, "none", "none"),
        (_, 0) => Part::new(CellState::Ok, format!("{active} active"), format!("{active}")),
        _ => Part::new(CellState::Ok, format!("{active} active, {other} disc"), format!("{active}+{other}")),
    };
    let part = Part { beside, ..part.figure(all, None) };
    Some(if all > 0 && matches!(bucket.role, Role::Standby | Role::Closed) {
        Part { state: CellState::Warn, ..part.because("users here though the side serves nobody") }
    } else {
        part
    })
}

/// Whether what is listed on one side of a service stands on silent hosts only: how the list itself was seen
/// tells nothing of anybody.
pub(super) fn not_real(scene: &Scene<'_>, service: usize, side: Side) -> bool {
    let bucket = Bucket { services: &[service], side, role: scene.role(service, side) };
    count_hosts(scene, &bucket).is_some_and(|hosts| hosts.all_silent())
        && standing::session_counts(scene.picture, service, side).is_some_and(|(one, two)| one + two > 0)
}
