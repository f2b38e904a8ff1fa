//! Who may use what, who may change what, what forbids it, and where it lies.

use std::collections::BTreeSet;

use crate::domain::{
    Answer, ArmId, Side, Source,
    access::{Lock, LockLevel},
    health::same_region,
    source::Held,
    standing::{self, ActiveSide, HolderKind},
    text::counted,
};

use super::{
    State,
    context::{Context, Finding},
};

fn held<'a>(context: &Context<'a>, side: Side) -> &'a [Held] {
    match context.answer(&Source::Assignments(context.service, side)) {
        Some(Answer::Assignments(listing)) => listing.seen(),
        _ => &[],
    }
}

/// A-p2: one side is active and holds all that is planned.
pub(super) fn one_side_active(context: &Context<'_>) -> Finding {
    let side = match standing::active_side(context.estate, context.picture, context.service) {
        ActiveSide::One(side) => side,
        ActiveSide::Closed => {
            return Finding::crit("the service is closed: no planned principal holds any group");
        }
        ActiveSide::Split => return Finding::crit("split: planned principals hold both regions"),
        ActiveSide::BothByDesign => return Finding::ok("both regions serve by design"),
        ActiveSide::Unknown(why) => return Finding::unknown(why.as_str()),
    };
    let seen = held(context, side);
    let mut missing = Vec::new();
    for pair in &context.service().groups {
        for principal in &pair.principals {
            let holds = seen.iter().any(|one| {
                one.group == pair.ids[side]
                    && one.assignment.principal == principal.id
                    && one.assignment.lets_use()
            });
            if !holds {
                missing.push(format!("{}@{}", principal.name, pair.code));
            }
        }
    }
    if missing.is_empty() {
        Finding::ok(format!("{} is active and holds all that is planned", context.code(side)))
    } else {
        Finding::warn(format!("{} is active, missing: {}", context.code(side), missing.join(", ")))
    }
}

/// G2: no holder is unaccounted for, none inherits.
pub(super) fn holders(context: &Context<'_>) -> Finding {
    let service = context.service();
    let mut complaints = Vec::new();
    for side in [context.active, context.standby] {
        let mut others = BTreeSet::new();
        for one in held(context, side) {
            let who = &one.assignment.principal;
            let name =
                service.principals().iter().find(|known| known.id == *who).map(|known| known.name.clone());
            let scope = one.assignment.scope.name();
            match standing::holder_kind(service, one, &[]) {
                Some(HolderKind::PlannedInherited) => complaints.push((
                    State::Crit,
                    format!("{} inherits from {scope} in {}", name.unwrap_or_default(), context.code(side)),
                )),
                Some(HolderKind::Unaccounted) => {
                    let how =
                        if one.inherited() { format!(", inherited from {scope}") } else { String::new() };
                    others.insert(format!("{}{how}", name.unwrap_or_else(|| who.as_str().to_owned())));
                }
                Some(HolderKind::Planned | HolderKind::Excepted) | None => {}
            }
        }
        for other in others {
            complaints
                .push((State::Warn, format!("{} is held outside the plan by {other}", context.code(side))));
        }
    }
    complaints.dedup();
    Finding::worst(&complaints, "all holders are planned or excepted")
}

/// G3: the invariant.
pub(super) fn nobody_in_both(context: &Context<'_>) -> Finding {
    let active = standing::active_side(context.estate, context.picture, context.service);
    let Some(both) = standing::in_both(context.estate, context.picture, context.service, &[]) else {
        return Finding::unknown("assignments or sessions are not known whole");
    };
    let (principals, users) = (both.principals.len(), both.seats.both.len());
    let unproven = both.seats.unproven.len();
    match active {
        ActiveSide::Split => Finding::crit(format!(
            "in both: {}, {}",
            counted(principals, "principal"),
            counted(users, "user")
        )),
        _ if users > 0 => Finding::crit(format!("sessions in both regions: {}", counted(users, "user"))),
        _ if unproven > 0 => Finding::unknown(format!(
            "in one region, and listed on silent hosts in the other: {}",
            counted(unproven, "user")
        )),
        ActiveSide::BothByDesign => {
            Finding::ok(format!("{principals} principals hold both by design, 0 users"))
        }
        ActiveSide::One(_) | ActiveSide::Closed | ActiveSide::Unknown(_) => {
            Finding::ok("0 principals and 0 users in both")
        }
    }
}

/// Writes of a failover on the side that is left (azure-avd §2).
const ON_ACTIVE: [&str; 6] = [
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write",
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/sendMessage/action",
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/delete",
    "Microsoft.DesktopVirtualization/scalingplans/write",
    "Microsoft.Compute/virtualMachines/deallocate/action",
];

/// Writes of a failover on the side that is opened.
const ON_STANDBY: [&str; 4] = [
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write",
    "Microsoft.DesktopVirtualization/scalingplans/write",
    "Microsoft.Compute/virtualMachines/start/action",
];

/// A-p7: the rights for a failover this way.
pub(super) fn rights(context: &Context<'_>) -> Finding {
    lacking(context, &[(context.active, &ON_ACTIVE), (context.standby, &ON_STANDBY)])
}

/// G19: the rights for the failover and the way back.
pub(super) fn rights_both_ways(context: &Context<'_>) -> Finding {
    lacking(
        context,
        &[
            (context.active, &ON_ACTIVE),
            (context.standby, &ON_STANDBY),
            (context.standby, &ON_ACTIVE),
            (context.active, &ON_STANDBY),
        ],
    )
}

fn lacking(context: &Context<'_>, needs: &[(Side, &[&str])]) -> Finding {
    let mut missing = BTreeSet::new();
    let mut checked = 0;
    for (side, actions) in needs {
        for action in *actions {
            for scope in scopes_for(context, *side, action) {
                checked += 1;
                let allowed = match context.answer(&Source::Permissions(scope.clone())) {
                    Some(Answer::Permissions(permissions)) => permissions.allow(action),
                    _ => false,
                };
                if !allowed {
                    missing.insert(format!("{} at {}", short(action), scope.name()));
                }
            }
        }
    }
    if checked == 0 {
        return Finding::unknown("no scope is known");
    }
    let mut complaints: Vec<(State, String)> =
        Side::BOTH.into_iter().filter_map(|side| context.unlinked(side)).collect();
    if !missing.is_empty() {
        let list: Vec<String> = missing.into_iter().collect();
        complaints.push((State::Crit, format!("not allowed: {}", list.join("; "))));
    }
    Finding::worst(&complaints, format!("{checked} rights, all held"))
}

/// Scopes at which an action is performed on a side.
fn scopes_for(context: &Context<'_>, side: Side, action: &str) -> Vec<ArmId> {
    let config = &context.service().sides[side];
    if action.starts_with("Microsoft.Authorization") {
        return context.service().group_ids(side).cloned().collect();
    }
    if action.starts_with("Microsoft.Compute") {
        let seen = super::context::host_scopes(context.picture, context.service, side);
        return if seen.is_empty() { config.pool.group_id().into_iter().collect() } else { seen };
    }
    if action.contains("scalingplans") {
        return config.scaling_plan.iter().cloned().collect();
    }
    vec![config.pool.clone()]
}

/// The last two parts of an action: `roleAssignments/delete`, `start/action`.
fn short(action: &str) -> &str {
    let Some(cut) = action.match_indices('/').rev().nth(1).map(|(at, _)| at) else { return action };
    &action[cut + 1..]
}

/// G18: what the standby needs must not lie in the region that is left.
pub(super) fn placement(context: &Context<'_>) -> Finding {
    let left = &context.estate.regions[context.active];
    let mut complaints: Vec<(State, String)> = context.unlinked(context.standby).into_iter().collect();
    for scope in context.resource_groups(context.standby) {
        if let Some(Answer::GroupLocation(place)) = context.answer(&Source::GroupLocation(scope.clone()))
            && same_region(place.as_str(), &left.azure)
        {
            let text = format!("resource group {} has its metadata in {}", scope.name(), left.display());
            complaints.push((State::Crit, text));
        }
    }
    if context.facts.own_region.as_ref().is_some_and(|own| same_region(own.as_str(), &left.azure)) {
        complaints.push((State::Crit, format!("this machine runs in {}", left.display())));
    }
    Finding::worst(&complaints, format!("nothing of the standby lies in {}", left.display()))
}

/// Name of what a lock lies on: what stands before its provider.
fn lock_place(lock: &Lock) -> &str {
    let text = lock.id.as_str();
    let end = lock.id.key().rfind("/providers/microsoft.authorization").unwrap_or(text.len());
    text.get(..end).and_then(|scope| scope.rsplit('/').next()).unwrap_or(text)
}

/// G21: locks on the scopes that are written to.
pub(super) fn locks(context: &Context<'_>) -> Finding {
    let mut complaints = BTreeSet::new();
    for side in [context.active, context.standby] {
        complaints.extend(context.unlinked(side));
        for scope in context.scopes(side) {
            let Some(Answer::Locks(locks)) = context.answer(&Source::Locks(scope.clone())) else { continue };
            for lock in locks.seen() {
                let name = lock.id.name();
                let place = lock_place(lock);
                complaints.insert(match &lock.level {
                    LockLevel::ReadOnly => (State::Crit, format!("ReadOnly lock {name} at {place}")),
                    // It forbids deleting role assignments below it, so the revoke would fail.
                    LockLevel::CanNotDelete if side == context.active => {
                        (State::Crit, format!("CanNotDelete lock {name} at {place} forbids revoking"))
                    }
                    LockLevel::CanNotDelete => (
                        State::Warn,
                        format!("CanNotDelete lock {name} at {place} would forbid the failback"),
                    ),
                    LockLevel::Other(word) => {
                        (State::Warn, format!("lock {name} at {place} of level {word}"))
                    }
                });
            }
        }
    }
    let complaints: Vec<(State, String)> = complaints.into_iter().collect();
    Finding::worst(&complaints, "no lock on the scopes that are written to")
}
