//! The list of checks: id, words, sources and judgement of each, in one table.

use crate::domain::{ArmId, Side, Source};

use super::{
    State, Verdict, access,
    context::{Basis, Context, Finding},
    local, parity, room,
};

/// One check.
struct Spec {
    id: &'static str,
    title: &'static str,
    expected: &'static str,
    next: &'static str,
    sources: fn(&Context<'_>) -> Vec<Source>,
    judge: fn(&Context<'_>) -> Finding,
}

const SPECS: [Spec; 25] = [
    Spec {
        id: "A-p1",
        title: "every group has its twin",
        expected: "each application group of the active side has a twin with the same applications",
        next: "create or repair the twin groups before a failover",
        sources: groups,
        judge: parity::groups,
    },
    Spec {
        id: "A-p2",
        title: "one side is active",
        expected: "planned principals hold the active groups and no standby group",
        next: "compare the assignments with the estate file; nothing is repaired by itself",
        sources: held,
        judge: access::one_side_active,
    },
    Spec {
        id: "A-p3",
        title: "standby hosts exist and fit",
        expected: "hosts that run or can be started, same image as the active side, tokens younger than 90 days",
        next: "update the standby image; start hosts that were off for long",
        sources: standby_hosts,
        judge: parity::standby_hosts,
    },
    Spec {
        id: "A-p4",
        title: "standby has room",
        expected: "room for the active side's sessions, cold hosts included",
        next: "add hosts or fail over group by group",
        sources: capacity,
        judge: room::capacity,
    },
    Spec {
        id: "A-p5",
        title: "a directory server is up in the standby region",
        expected: "at least one domain controller runs there",
        next: "start a domain controller there first",
        sources: |context| directory(context, context.standby),
        judge: room::standby_directory,
    },
    Spec {
        id: "A-p6",
        title: "standby shares answer",
        expected: "every profile and office account of the standby is available",
        next: "do not fail over: users would be let in without a profile",
        sources: shares,
        judge: room::standby_shares,
    },
    Spec {
        id: "A-p7",
        title: "your rights suffice",
        expected: "every write of the runbook is allowed at its scope",
        next: "activate the operator and access roles before starting",
        sources: permissions,
        judge: access::rights,
    },
    Spec {
        id: "A-p8",
        title: "this machine is outside the active region",
        expected: "the cockpit does not run in the region that is left",
        next: "move to a machine in another region",
        sources: |_| Vec::new(),
        judge: local::own_place,
    },
    Spec {
        id: "A-p9",
        title: "nobody else is at it",
        expected: "no other run holds the lock and none has just ended",
        next: "talk to the person who holds it",
        sources: |_| Vec::new(),
        judge: local::nobody_else,
    },
    Spec {
        id: "A-p10",
        title: "scaling plans are known",
        expected: "the plans of both pools are read, so that the run can hold them",
        next: "step a3 holds them during a run",
        sources: plans,
        judge: room::plans_known,
    },
    Spec {
        id: "G1",
        title: "groups and applications match",
        expected: "same groups, types, applications, paths and arguments on both sides",
        next: "align the application groups",
        sources: groups,
        judge: parity::groups,
    },
    Spec {
        id: "G2",
        title: "assignments follow the plan",
        expected: "every holder is planned or excepted, none inherits from above the group",
        next: "move inherited assignments to the groups; plan, except or remove other holders",
        sources: held,
        judge: access::holders,
    },
    Spec {
        id: "G3",
        title: "nobody in both regions",
        expected: "no planned principal and no user session on both sides",
        next: "revoke and log off on one side",
        sources: |context| with(held(context), sessions(context)),
        judge: access::nobody_in_both,
    },
    Spec {
        id: "G4",
        title: "pool settings match",
        expected: "type, balancing, session limit, RDP properties, start on connect, validation, group type",
        next: "align the host pools",
        sources: |context| both(context, Source::Pool),
        judge: parity::pools,
    },
    Spec {
        id: "G5",
        title: "standby groups are published",
        expected: "every standby application group stands in a workspace",
        next: "add the groups to the workspace: users would see nothing",
        sources: |context| with(vec![Source::Groups(context.service, context.standby)], workspace(context)),
        judge: parity::published,
    },
    Spec {
        id: "G7",
        title: "standby hosts were on within 90 days",
        expected: "last heartbeat younger than 60 days on every standby host",
        next: "start the host for a few hours so that its token is renewed",
        sources: |context| vec![Source::Hosts(context.service, context.standby)],
        judge: room::ninety_days,
    },
    Spec {
        id: "G8",
        title: "agents match",
        expected: "the same agent and stack versions on both sides",
        next: "start the standby hosts so that they update",
        sources: hosts,
        judge: parity::agents,
    },
    Spec {
        id: "G9",
        title: "quota suffices",
        expected: "enough cores in the standby region for the hosts that must start",
        next: "ask for quota, or plan fewer hosts",
        sources: |context| with(capacity(context), vec![Source::Usages(context.standby)]),
        judge: room::quota,
    },
    Spec {
        id: "G10",
        title: "standby hosts are spread over zones",
        expected: "at least two availability zones",
        next: "spread new hosts over zones",
        sources: |context| {
            vec![Source::Hosts(context.service, context.standby), Source::Machines(context.standby)]
        },
        judge: room::zones,
    },
    Spec {
        id: "G11",
        title: "scaling plan of the standby",
        expected: "a plan governs the pool and acts on it",
        next: "assign the plan, or switch it on again if an earlier run left it off",
        sources: plans,
        judge: room::standby_plan,
    },
    Spec {
        id: "G14",
        title: "directory servers (power and health only)",
        expected: "two in the active region and one in the standby, all running",
        next: "start or repair the domain controllers",
        sources: directories,
        judge: room::directories,
    },
    Spec {
        id: "G16",
        title: "profile settings of standby hosts",
        expected: "ProfileType 0, the standby's own share first, providers required at sign-in",
        next: "read them with the probe, or type what a host shows",
        sources: |context| vec![Source::Hosts(context.service, context.standby)],
        judge: local::profile_settings,
    },
    Spec {
        id: "G18",
        title: "standby does not depend on the active region",
        expected: "resource groups of the standby and this machine lie outside the active region",
        next: "writes to those groups fail with the region; move the objects",
        sources: |context| {
            let groups = context.resource_groups(context.standby).into_iter();
            let hosts = vec![Source::Hosts(context.service, context.standby)];
            with(hosts, groups.map(Source::GroupLocation).collect())
        },
        judge: access::placement,
    },
    Spec {
        id: "G19",
        title: "rights for the whole plan",
        expected: "every write of failover and failback is allowed at its scope",
        next: "activate the operator and access roles",
        sources: permissions,
        judge: access::rights_both_ways,
    },
    Spec {
        id: "G21",
        title: "no lock stands in the way",
        expected: "no ReadOnly lock, and no CanNotDelete lock where assignments are revoked",
        next: "have the lock removed before the run",
        sources: |context| each_scope(context, Source::Locks),
        judge: access::locks,
    },
];

/// Checks of procedures §4.G that this version only lists.
const NOT_BUILT: [(&str, &str); 11] = [
    ("G5b", "region of the host pools' metadata"),
    ("G6", "image versions and gallery replicas"),
    ("G12", "Site Recovery of personal hosts"),
    ("G13", "age of backups"),
    ("G15", "log workspace outside the active region"),
    ("G17", "app attach packages match"),
    ("G20", "VPN, peerings and firewall rules"),
    ("G22", "age and findings of the last drill"),
    ("G23", "staging server of Entra Connect"),
    ("G24", "Traffic Manager probes and certificates"),
    ("G25", "break-glass sign-in"),
];

/// Runs them all, in the order of the list.
pub(super) fn run(context: &Context<'_>) -> Vec<Verdict> {
    let built = SPECS.iter().map(|spec| verdict(context, spec));
    let listed = NOT_BUILT.iter().map(|&(id, title)| Verdict {
        service: context.service,
        id,
        title,
        state: State::NotInThisVersion,
        observed: "not in this version".to_owned(),
        expected: "",
        at: None,
        from: None,
        old: false,
        source: String::new(),
        complete: true,
        next: "",
    });
    built.chain(listed).collect()
}

/// What to do about a check whose sources did not answer.
const UNSEEN: &str = "find out why its sources do not answer, and look again";

fn verdict(context: &Context<'_>, spec: &Spec) -> Verdict {
    let sources = (spec.sources)(context);
    let Basis { at, from, old, complete, flaw } = context.basis(&sources);
    // Nothing is known to be wrong where nothing was seen: what would set it right is not told then.
    let next = if flaw.is_some() { UNSEEN } else { spec.next };
    let finding = match flaw {
        Some(flaw) => Finding::unknown(flaw),
        None => (spec.judge)(context),
    };
    let mut words: Vec<&str> = sources.iter().map(Source::word).collect();
    words.dedup();
    Verdict {
        service: context.service,
        id: spec.id,
        title: spec.title,
        state: finding.state,
        observed: finding.observed,
        expected: spec.expected,
        at,
        from,
        old,
        source: if words.is_empty() { "this process".to_owned() } else { words.join(", ") },
        complete,
        next: if finding.state == State::Ok { "" } else { next },
    }
}

fn with(mut one: Vec<Source>, more: Vec<Source>) -> Vec<Source> {
    one.extend(more);
    one
}

fn both(context: &Context<'_>, make: fn(usize, Side) -> Source) -> Vec<Source> {
    Side::BOTH.map(|side| make(context.service, side)).to_vec()
}

fn groups(context: &Context<'_>) -> Vec<Source> {
    both(context, Source::Groups)
}

fn held(context: &Context<'_>) -> Vec<Source> {
    both(context, Source::Assignments)
}

fn sessions(context: &Context<'_>) -> Vec<Source> {
    both(context, Source::Sessions)
}

fn hosts(context: &Context<'_>) -> Vec<Source> {
    both(context, Source::Hosts)
}

/// Of a dead side nobody can tell its images, and nothing else is asked of it.
fn standby_hosts(context: &Context<'_>) -> Vec<Source> {
    if context.leaves_dead() {
        return vec![Source::Hosts(context.service, context.standby), Source::Machines(context.standby)];
    }
    with(hosts(context), machines())
}

fn plans(context: &Context<'_>) -> Vec<Source> {
    both(context, Source::Plans)
}

fn machines() -> Vec<Source> {
    Side::BOTH.map(Source::Machines).to_vec()
}

fn capacity(context: &Context<'_>) -> Vec<Source> {
    vec![
        Source::Hosts(context.service, context.standby),
        Source::Machines(context.standby),
        Source::Pool(context.service, context.standby),
        Source::Sessions(context.service, context.active),
    ]
}

/// Of a dead side nobody needs to be told that its servers are down.
fn directories(context: &Context<'_>) -> Vec<Source> {
    let standby = directory(context, context.standby);
    if context.leaves_dead() { standby } else { with(directory(context, context.active), standby) }
}

fn directory(context: &Context<'_>, side: Side) -> Vec<Source> {
    if context.estate.directory[side].is_empty() { Vec::new() } else { vec![Source::Directory(side)] }
}

fn shares(context: &Context<'_>) -> Vec<Source> {
    let none = context.service().sides[context.standby].accounts.is_empty();
    if none { Vec::new() } else { vec![Source::Storage(context.service, context.standby)] }
}

fn workspace(context: &Context<'_>) -> Vec<Source> {
    let named = context.service().sides[context.standby].workspace.is_some();
    if named { vec![Source::Workspace(context.service, context.standby)] } else { Vec::new() }
}

fn permissions(context: &Context<'_>) -> Vec<Source> {
    each_scope(context, Source::Permissions)
}

/// One source for each scope that is written to, and the hosts: which scopes there are follows from them.
fn each_scope(context: &Context<'_>, make: fn(ArmId) -> Source) -> Vec<Source> {
    let scopes = Side::BOTH.into_iter().flat_map(|side| context.scopes(side));
    with(hosts(context), scopes.map(make).collect())
}
