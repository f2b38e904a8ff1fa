//! Whether the standby is like the active side: groups, pools, publication, agents, images.

use std::collections::BTreeSet;

use crate::domain::{
    Answer, Side, Source,
    compute::VirtualMachine,
    machines::Machines,
    pool::{ApplicationGroup, HostPool, SessionHost},
    text::counted,
};

use super::{
    State,
    context::{Context, Finding},
    room::{TOKEN_DAYS, days_off},
};

/// G1 and A-p1: twins with the same type and applications.
pub(super) fn groups(context: &Context<'_>) -> Finding {
    let seen = |side| match context.answer(&Source::Groups(context.service, side)) {
        Some(Answer::Groups(listing)) => listing.seen(),
        _ => &[],
    };
    let (left, opened) = (seen(context.active), seen(context.standby));
    let mut complaints = Vec::new();
    for pair in &context.service().groups {
        let find = |list: &'_ [ApplicationGroup], side: Side| {
            list.iter().find(|group| group.id == pair.ids[side]).cloned()
        };
        match (find(left, context.active), find(opened, context.standby)) {
            (Some(one), Some(two)) => compare_groups(context, &pair.code, &one, &two, &mut complaints),
            (Some(_), None) => {
                complaints.push((
                    State::Crit,
                    format!("{} has no twin in {}", pair.code, context.code(context.standby)),
                ));
            }
            (None, _) => {
                complaints.push((
                    State::Crit,
                    format!("{} was not found in {}", pair.code, context.code(context.active)),
                ));
            }
        }
    }
    Finding::worst(
        &complaints,
        match context.service().groups.len() {
            1 => "1 group matches".to_owned(),
            many => format!("{many} groups match"),
        },
    )
}

fn compare_groups(
    context: &Context<'_>,
    code: &str,
    left: &ApplicationGroup,
    opened: &ApplicationGroup,
    complaints: &mut Vec<(State, String)>,
) {
    if left.kind != opened.kind {
        complaints.push((State::Warn, format!("{code} is {} here and {} there", left.kind, opened.kind)));
    }
    for application in left.applications.seen() {
        match opened.applications.seen().iter().find(|twin| twin.name == application.name) {
            None => complaints.push((
                State::Crit,
                format!("{code}: {} is missing in {}", application.name, context.code(context.standby)),
            )),
            Some(twin) if twin.path != application.path || twin.arguments != application.arguments => {
                complaints.push((State::Warn, format!("{code}: {} starts differently", application.name)));
            }
            Some(_) => {}
        }
    }
    let extra = opened
        .applications
        .seen()
        .iter()
        .filter(|twin| !left.applications.seen().iter().any(|application| application.name == twin.name));
    for twin in extra {
        let text = format!("{code}: {} exists in {} only", twin.name, context.code(context.standby));
        complaints.push((State::Warn, text));
    }
}

/// G4: settings of the two pools.
pub(super) fn pools(context: &Context<'_>) -> Finding {
    let pool = |side| match context.answer(&Source::Pool(context.service, side)) {
        Some(Answer::Pool(pool)) => Some(pool),
        _ => None,
    };
    let (Some(left), Some(opened)) = (pool(context.active), pool(context.standby)) else {
        return Finding::unknown("a host pool was not read");
    };
    let differing: Vec<&str> = settings(left)
        .into_iter()
        .zip(settings(opened))
        .filter(|((_, one), (_, two))| one != two)
        .map(|((name, _), _)| name)
        .collect();
    if differing.is_empty() {
        Finding::ok("all seven settings match")
    } else {
        Finding::warn(format!("differing: {}", differing.join(", ")))
    }
}

fn settings(pool: &HostPool) -> [(&'static str, String); 7] {
    let flag = |value: Option<bool>| value.map_or_else(|| "not set".to_owned(), |value| value.to_string());
    [
        ("type", pool.pool_type.to_string()),
        ("load balancing", pool.load_balancer.to_string()),
        ("session limit", pool.session_limit.to_string()),
        ("RDP properties", pool.rdp_properties.to_string()),
        ("start on connect", flag(pool.start_on_connect)),
        ("validation", flag(pool.validation)),
        ("preferred group type", pool.preferred_group_type.to_string()),
    ]
}

/// G5: users see only what a workspace publishes.
pub(super) fn published(context: &Context<'_>) -> Finding {
    let groups = match context.answer(&Source::Groups(context.service, context.standby)) {
        Some(Answer::Groups(listing)) => listing.seen(),
        _ => &[],
    };
    let workspace = match context.answer(&Source::Workspace(context.service, context.standby)) {
        Some(Answer::Workspace(workspace)) => workspace.as_ref(),
        _ => None,
    };
    let mut complaints = Vec::new();
    for pair in &context.service().groups {
        let id = &pair.ids[context.standby];
        match groups.iter().find(|group| group.id == *id) {
            None => complaints.push((State::Crit, format!("{} was not found", pair.code))),
            Some(group) if group.workspace.is_none() => {
                complaints.push((State::Crit, format!("{} is in no workspace", pair.code)));
            }
            Some(_) if workspace.is_some_and(|space| !space.group_references.contains(id)) => {
                complaints.push((State::Crit, format!("{} is not in the planned workspace", pair.code)));
            }
            Some(_) => {}
        }
    }
    let count = context.service().groups.len();
    Finding::worst(
        &complaints,
        format!("{count} of {} published in {}", counted(count, "group"), context.code(context.standby)),
    )
}

/// Reads one version off a host.
type Pick = fn(&SessionHost) -> String;

/// G8: versions of agent and side-by-side stack.
pub(super) fn agents(context: &Context<'_>) -> Finding {
    let versions = |side, pick: Pick| -> BTreeSet<String> {
        context.hosts(side).iter().map(pick).filter(|version| !version.is_empty()).collect()
    };
    let kinds: [(&str, Pick); 2] =
        [("agent", |host| host.agent.to_string()), ("stack", |host| host.stack.to_string())];
    let mut complaints = Vec::new();
    for (name, pick) in kinds {
        let (left, opened) = (versions(context.active, pick), versions(context.standby, pick));
        if left.is_empty() || opened.is_empty() {
            complaints.push((State::Unknown, format!("{name} versions are not reported")));
        } else if left != opened {
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
            complaints.push((
                State::Warn,
                format!(
                    "{name} {} in {}, {} in {}",
                    list(&left),
                    context.code(context.active),
                    list(&opened),
                    context.code(context.standby)
                ),
            ));
        }
    }
    Finding::worst(&complaints, "one agent and one stack version")
}

/// A-p3: standby hosts that could be used, with the active side's image and a living token.
pub(super) fn standby_hosts(context: &Context<'_>) -> Finding {
    let hosts = context.hosts(context.standby);
    if hosts.is_empty() {
        return Finding::crit(format!("no host in {}", context.code(context.standby)));
    }
    let machines = Machines::of(context.picture, context.standby);
    let usable = hosts.iter().filter(|host| host.usable(context.now)).count();
    let rises = |host: &&SessionHost| machines.calls_off(host) || machines.boots(host, context.now);
    let cold = hosts.iter().filter(|host| !host.usable(context.now)).filter(rises).count();
    let untold = hosts.iter().filter(|host| machines.is_off(host) && !machines.calls_off(host)).count();
    let mut complaints = Vec::new();
    if untold > 0 {
        let text = format!("{} shut down by the broker, Compute does not tell", counted(untold, "host"));
        complaints.push((State::Unknown, text));
    }
    if usable + cold + untold == 0 {
        complaints.push((State::Crit, "no host is usable or can be started".to_owned()));
    }
    let (ours, ours_lost) = context.machines(context.standby);
    complaints.extend(ours_lost);
    let there =
        || context.basis(&[Source::Hosts(context.service, context.active), Source::Machines(context.active)]);
    let untold = context.leaves_dead().then(there).and_then(|there| there.flaw);
    let theirs = if untold.is_none() {
        let (theirs, lost) = context.machines(context.active);
        complaints.extend(lost);
        theirs
    } else {
        vec![]
    };
    let (left, opened) = (images(&theirs), images(&ours));
    if let Some(untold) = untold {
        let seen = format!("{usable} usable and {cold} cold of {}", hosts.len());
        complaints.push((State::Warn, format!("{seen}; image not compared, {untold}")));
    } else if let (Some(left), Some(opened)) = (&left, &opened) {
        if left != opened {
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
            complaints.push((State::Warn, format!("image {} there, {} here", list(opened), list(left))));
        }
    } else {
        complaints.push((State::Warn, "the image versions cannot be compared".to_owned()));
    }
    let expired =
        hosts.iter().filter(|host| days_off(host, context.now).is_some_and(|days| days > TOKEN_DAYS)).count();
    if expired > 0 {
        complaints
            .push((State::Warn, format!("{} off for more than {TOKEN_DAYS} days", counted(expired, "host"))));
    }
    Finding::worst(
        &complaints,
        format!("{usable} usable and {cold} cold of {}, image as active", hosts.len()),
    )
}

/// Image versions of machines; `None`: one of them does not say, or there is none.
fn images(machines: &[&VirtualMachine]) -> Option<BTreeSet<String>> {
    let all: Option<BTreeSet<String>> =
        machines.iter().map(|machine| machine.image.as_ref().map(ToString::to_string)).collect();
    all.filter(|all| !all.is_empty())
}
