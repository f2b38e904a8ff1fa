//! What this identity may do, of what farshore does and beyond it.

use std::collections::BTreeSet;

use crate::{
    domain::{Answer, ArmId, Listing, Side, Source, estate::Estate, picture::Picture, standing},
    readiness::State,
};

use super::Finding;

/// Something that farshore does, and what it takes.
struct Deed {
    name: &'static str,
    actions: &'static [&'static str],
    scopes: fn(&Estate, &Picture, usize, Side) -> Vec<ArmId>,
}

/// Everything it does (the operations of the domain), by what of Azure it is done to (azure-avd §2).
const DEEDS: [Deed; 5] = [
    Deed {
        name: "assignments",
        actions: &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
        ],
        scopes: |estate, _, service, side| estate.services[service].group_ids(side).cloned().collect(),
    },
    Deed {
        name: "hosts",
        actions: &["Microsoft.DesktopVirtualization/hostpools/sessionhosts/write"],
        scopes: pool,
    },
    Deed {
        name: "sessions",
        actions: &[
            "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/sendMessage/action",
            "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/delete",
        ],
        scopes: pool,
    },
    Deed {
        name: "scaling",
        actions: &["Microsoft.DesktopVirtualization/scalingplans/write"],
        scopes: |estate, _, service, side| {
            estate.services[service].sides[side].scaling_plan.iter().cloned().collect()
        },
    },
    Deed {
        name: "power",
        actions: &[
            "Microsoft.Compute/virtualMachines/start/action",
            "Microsoft.Compute/virtualMachines/deallocate/action",
            "Microsoft.Compute/virtualMachines/restart/action",
        ],
        scopes: machines,
    },
];

/// What farshore never does: whoever may, may do harm with a stolen token that no failover needs.
const BEYOND: [(&str, &str); 7] = [
    ("delete host pools", "Microsoft.DesktopVirtualization/hostpools/delete"),
    ("delete application groups", "Microsoft.DesktopVirtualization/applicationgroups/delete"),
    ("delete machines", "Microsoft.Compute/virtualMachines/delete"),
    ("read storage keys", "Microsoft.Storage/storageAccounts/listKeys/action"),
    ("delete storage", "Microsoft.Storage/storageAccounts/delete"),
    ("define roles", "Microsoft.Authorization/roleDefinitions/write"),
    ("remove locks", "Microsoft.Authorization/locks/delete"),
];

fn pool(estate: &Estate, _: &Picture, service: usize, side: Side) -> Vec<ArmId> {
    vec![estate.services[service].sides[side].pool.clone()]
}

/// Resource groups of the machines behind the hosts; that of the pool while no host was seen.
fn machines(estate: &Estate, picture: &Picture, service: usize, side: Side) -> Vec<ArmId> {
    let hosts = standing::hosts(picture, &Source::Hosts(service, side)).map_or(&[][..], Listing::seen);
    let seen = standing::host_groups(hosts);
    if seen.is_empty() {
        estate.services[service].sides[side].pool.group_id().into_iter().collect()
    } else {
        seen
    }
}

/// Something that farshore does, and whether it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// In a word.
    pub name: &'static str,
    /// Rights that are not held, each with its scope.
    pub missing: Vec<String>,
    /// Scopes whose rights could not be read.
    pub unread: Vec<String>,
    /// Rights that are held and not needed; of the last capability, which is everything else.
    pub excessive: Vec<String>,
}

/// What has to be looked at for the rights over a service.
pub(super) fn sources(estate: &Estate, picture: &Picture, service: usize) -> Vec<Source> {
    let scopes = Side::BOTH
        .into_iter()
        .flat_map(|side| DEEDS.iter().flat_map(move |deed| (deed.scopes)(estate, picture, service, side)));
    let all: BTreeSet<Source> = scopes.map(Source::Permissions).collect();
    all.into_iter().collect()
}

/// What may be done, and beyond that.
pub(super) fn judge(estate: &Estate, picture: &Picture) -> Vec<Capability> {
    let mut all: Vec<Capability> = DEEDS.iter().map(|deed| may(deed, estate, picture)).collect();
    let mut excessive = BTreeSet::new();
    for (source, reading) in picture.iter() {
        let (Source::Permissions(_), Some(look)) = (source, &reading.last) else { continue };
        if let Answer::Permissions(held) = &look.answer {
            excessive.extend(BEYOND.iter().filter(|(_, action)| held.allow(action)).map(|(word, _)| *word));
        }
    }
    all.push(Capability {
        name: "beyond",
        missing: Vec::new(),
        unread: Vec::new(),
        excessive: excessive.into_iter().map(str::to_owned).collect(),
    });
    all
}

fn may(deed: &Deed, estate: &Estate, picture: &Picture) -> Capability {
    let (mut missing, mut unread) = (BTreeSet::new(), BTreeSet::new());
    for service in 0..estate.services.len() {
        for scope in Side::BOTH.into_iter().flat_map(|side| (deed.scopes)(estate, picture, service, side)) {
            let Some(look) = picture.last(&Source::Permissions(scope.clone())) else {
                unread.insert(scope.name().to_owned());
                continue;
            };
            let Answer::Permissions(held) = &look.answer else { continue };
            let lacking = deed.actions.iter().filter(|action| !held.allow(action));
            missing.extend(lacking.map(|action| format!("{} at {}", short(action), scope.name())));
        }
    }
    Capability {
        name: deed.name,
        missing: missing.into_iter().collect(),
        unread: unread.into_iter().collect(),
        excessive: Vec::new(),
    }
}

/// The last two parts of an action.
fn short(action: &str) -> &str {
    let cut = action.match_indices('/').rev().nth(1).map(|(at, _)| at + 1);
    cut.map_or(action, |cut| &action[cut..])
}

/// Most scopes or rights that are named in a line; the JSON has them all.
const NAMED: usize = 3;

fn some(all: &[String]) -> String {
    let named: Vec<&str> = all.iter().take(NAMED).map(String::as_str).collect();
    let more = all.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(", {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}

/// One finding for what is needed and one for what is not.
pub(super) fn findings(all: &[Capability]) -> Vec<Finding> {
    let names = |fits: fn(&Capability) -> bool| {
        let names: Vec<&str> =
            all.iter().filter(|one| one.name != "beyond" && fits(one)).map(|one| one.name).collect();
        names.join(", ")
    };
    let flat = |list: fn(&Capability) -> &Vec<String>| -> Vec<String> {
        all.iter().flat_map(list).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (missing, unread) = (flat(|one| &one.missing), flat(|one| &one.unread));
    let needed = if !missing.is_empty() {
        let told = format!("missing for {}: {}", names(|one| !one.missing.is_empty()), some(&missing));
        Finding::new("rights", State::Crit, told, "activate the operator and access roles")
    } else if !unread.is_empty() {
        let told = format!("not known at {}", some(&unread));
        Finding::new("rights", State::Unknown, told, "look again when Azure answers")
    } else {
        Finding::new("rights", State::Ok, format!("held for {}", names(|_| true)), "")
    };
    let excessive = flat(|one| &one.excessive);
    let beyond = if !excessive.is_empty() {
        let told = format!("may also {}", excessive.join(", "));
        Finding::new("excess", State::Warn, told, "a role of its own, without these, is enough for farshore")
    } else if unread.is_empty() {
        Finding::new("excess", State::Ok, "none of what was looked for", "")
    } else {
        Finding::new("excess", State::Unknown, "not known where rights could not be read", "look again")
    };
    vec![needed, beyond]
}
