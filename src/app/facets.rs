//! The fields of each kind of object, in words, nothing left out.

use crate::{
    domain::{
        Answer, ArmId, Safe, Source,
        access::DESKTOP_USER_ROLE,
        compute::{Power, VirtualMachine},
        health::{Availability, HealthEvent},
        machines::Standing,
        pool::{
            ApplicationGroup, Heartbeat, HostPool, HostStatus, Pulse, ScalingPlan, SessionHost, SessionState,
            UserSession,
        },
        source::{DirectoryServer, Held},
        standing::{self, HolderKind},
        storage::StorageAccount,
        time::{Dated, Timestamp, second_text, span_text},
    },
    status,
};

use super::{
    detail::{Desk, Fact, Part},
    doubt::{Beats, Doubt},
};

/// An object of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Host(&'a SessionHost),
    Session(&'a UserSession),
    Group(&'a ApplicationGroup),
    Held(&'a Held),
    Plan(&'a ScalingPlan),
    Account(&'a StorageAccount),
    Server(&'a DirectoryServer),
    Event(&'a HealthEvent),
    Availability(&'a Availability),
    Pool(&'a HostPool),
    Control(u32, Option<crate::domain::time::Span>),
}

/// The object with `key` in `answer`.
pub(super) fn find<'a>(answer: &'a Answer, key: &str) -> Option<Found<'a>> {
    let is = |id: &ArmId| id.key() == key;
    match answer {
        Answer::Hosts(all) => all.seen().iter().find(|one| is(&one.id)).map(Found::Host),
        Answer::Sessions(all) => all.seen().iter().find(|one| is(&one.id)).map(Found::Session),
        Answer::Groups(all) => all.seen().iter().find(|one| is(&one.id)).map(Found::Group),
        Answer::Assignments(all) => {
            let own = |held: &&Held| key == format!("{}@{}", held.assignment.id.key(), held.group.key());
            all.seen().iter().find(own).map(Found::Held)
        }
        Answer::Plans(all) => all.seen().iter().find(|one| is(&one.id)).map(Found::Plan),
        Answer::Storage(all) => all.seen().iter().find(|one| is(&one.id)).map(Found::Account),
        Answer::Directory(all) => all.seen().iter().find(|one| is(&one.vm.id)).map(Found::Server),
        Answer::Events(all) => all.seen().iter().find(|one| one.tracking.as_str() == key).map(Found::Event),
        Answer::Availability(all) => all.seen().iter().find(|one| is(&one.resource)).map(Found::Availability),
        Answer::Pool(pool) => is(&pool.id).then_some(Found::Pool(pool)),
        Answer::Control { millis, skew } => Some(Found::Control(*millis, *skew)),
        _ => None,
    }
}

/// Title and fields of an object.
pub(super) fn of(desk: &Desk<'_>, source: &Source, found: Found<'_>) -> (String, Vec<Fact>) {
    match found {
        Found::Host(host) => (format!("session host {}", host.short_name()), host_facts(desk, source, host)),
        Found::Session(session) => {
            (format!("session of {}", session.user), session_facts(desk, source, session))
        }
        Found::Group(group) => {
            (format!("application group {}", group.id.name()), group_facts(desk, source, group))
        }
        Found::Held(held) => held_facts(desk, source, held),
        Found::Plan(plan) => (format!("scaling plan {}", plan.id.name()), plan_facts(plan)),
        Found::Account(account) => {
            let facts = vec![
                id(&account.id),
                Fact::new("status", account.primary_status.as_str()),
                Fact::new("answers in", account.primary_location.as_str()),
                Fact::new("sku", account.sku.as_str()),
                Fact::new("provisioning", account.provisioning.as_str()),
            ];
            (format!("storage account {}", account.id.name()), facts)
        }
        Found::Server(server) => {
            let mut facts = machine_facts(&server.vm);
            let health = server.health.as_ref().map_or("not told", |health| health.state.as_str());
            facts.push(Fact::new("resource health", health));
            (format!("directory server {}", server.vm.id.name()), facts)
        }
        Found::Event(event) => (format!("service health {}", event.tracking), event_facts(event)),
        Found::Availability(one) => {
            let facts = vec![id(&one.resource), Fact::new("state", one.state.as_str())];
            (format!("resource health of {}", one.resource.name()), facts)
        }
        Found::Pool(pool) => (format!("host pool {}", pool.id.name()), pool_facts(pool)),
        Found::Control(millis, skew) => {
            let clock = match skew {
                None => "the answer tells no time".to_owned(),
                Some(skew) => format!("{} s ahead of Azure's", skew.as_secs()),
            };
            let (_, word) = status::clock(skew);
            let mut facts =
                vec![Fact::new("round trip", format!("{millis} ms")), Fact::new("our clock", clock)];
            facts.extend(word.map(|word| Fact::new("which means", word)));
            ("control plane".to_owned(), facts)
        }
    }
}

/// Makes the part of an object as old as the oldest of what its fields rest on.
pub(super) fn age(desk: &Desk<'_>, source: &Source, found: Found<'_>, part: &mut Part) {
    match (found, source) {
        (Found::Session(session), Source::Sessions(index, side)) => {
            part.rests_on(desk, &Source::Hosts(*index, *side));
            part.heard(doubt(desk, source, session).since());
        }
        (Found::Host(host), _) if desk.standing(host) == Standing::Off && desk.machine(host).is_some() => {
            part.rests_on(desk, &Source::Machines(desk.side));
        }
        _ => {}
    }
}

fn doubt(desk: &Desk<'_>, source: &Source, session: &UserSession) -> Doubt {
    let at = desk.picture.last(source).map(|look| look.at);
    Doubt::of(session, at.filter(|_| !desk.holds(source)), &Beats::of(desk.picture, source, desk.now))
}

/// What other sources say of the same object.
pub(super) fn beside(desk: &Desk<'_>, source: &Source, found: Found<'_>) -> Vec<Part> {
    match found {
        Found::Host(host) => host_parts(desk, source, host),
        Found::Session(session) => session_parts(desk, source, session),
        Found::Group(group) => group_parts(desk, source, group),
        Found::Held(held) => {
            let again = Source::Assignment(held.assignment.id.clone());
            let read = match desk.answer(&again) {
                Some(Answer::Assignment(Some(_))) => "there",
                Some(Answer::Assignment(None)) => "404, it is gone",
                _ => return Vec::new(),
            };
            let facts = vec![Fact::new("by its id", read)];
            vec![Part { title: "read again".to_owned(), facts, ..desk.part(&again) }]
        }
        Found::Account(account) => vec![availability(desk, &account.id)],
        // Azure calls unavailable what somebody has put off.
        Found::Availability(one) => machine_part(desk, &one.resource).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn id(id: &ArmId) -> Fact {
    Fact::new("id", id.as_str())
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{}, {} ago", second_text(at), span_text(now.duration_since(at)))
}

/// What Azure left empty is not known, and said so in words.
fn or_not_told(text: &Safe) -> String {
    if text.as_str().is_empty() { "not told".to_owned() } else { text.to_string() }
}

fn list(texts: &[Safe]) -> String {
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.iter().map(Safe::as_str).collect::<Vec<_>>().join(", ")
}

/// A word of Azure's that this version does not know is shown as it came.
fn raw(word: &str, known: bool) -> String {
    if known { word.to_owned() } else { format!("`{word}`, a word this version does not know") }
}

fn host_facts(desk: &Desk<'_>, source: &Source, host: &SessionHost) -> Vec<Fact> {
    let (now, holds, machine) = (desk.now, desk.holds(source), desk.standing(host));
    let (off, unsure) = (machine == Standing::Off, machine == Standing::Unknown);
    let beat = match (host.heartbeat, host.pulse(now)) {
        (Heartbeat::Never, _) if off => "never, the host is off".to_owned(),
        (Heartbeat::Never, _) if unsure => "never, the host is off or silent".to_owned(),
        (Heartbeat::Never, _) => "never".to_owned(),
        (Heartbeat::Unknown, _) => "there is one; when it came by our clock is not known".to_owned(),
        (Heartbeat::At(at), Pulse::Beats) => moment(at, now),
        // It may have come since the answer did.
        (Heartbeat::At(at), Pulse::Silent) if !holds => moment(at, now),
        (Heartbeat::At(at), Pulse::Silent) if off => format!("{}, the host is off", moment(at, now)),
        (Heartbeat::At(at), Pulse::Silent) if unsure => {
            format!("{}, the host is off or silent", moment(at, now))
        }
        (Heartbeat::At(at), Pulse::Silent) if machine == Standing::Starting => {
            format!("{}, the host is starting", moment(at, now))
        }
        (Heartbeat::At(at), Pulse::Silent) => format!("{}: too old, the host is silent", moment(at, now)),
        (Heartbeat::At(at), Pulse::Unknown) => format!("{}: by no clock we know", second_text(at)),
    };
    let usable = match (holds, host.usable(now)) {
        (false, _) => "not known, the answer is too old",
        (true, true) => "yes",
        (true, false) if host.may_be_usable(now) => "not known, nor is its heartbeat",
        (true, false) if off => "no, it is off",
        (true, false) if machine == Standing::Starting && host.is_silent(now) => "no, it is starting",
        (true, false) if unsure && host.is_silent(now) => "no, it is off or silent",
        (true, false) => "no",
    };
    let sessions = format!("{} by the broker's count", host.sessions);
    let sessions = match Doubt::of_host(host, machine, desk.picture.last(source).map_or(now, |look| look.at))
    {
        doubt if host.sessions > 0 => doubt.said(&sessions),
        _ => sessions,
    };
    let admits = match host.accepts {
        Some(true) => "yes",
        Some(false) if desk.ours(source, host) => "no, drained by this run",
        Some(false) => "no, drained",
        None => "Azure left it out",
    };
    vec![
        Fact::new("name", host.id.name()),
        id(&host.id),
        Fact::new("status", raw(host.status.word(), !matches!(host.status, HostStatus::Other(_)))),
        Fact::new("admits users", admits),
        Fact::new("heartbeat", beat),
        Fact::new("usable now", usable),
        Fact::new("sessions", sessions),
        Fact::new("failed checks", list(&host.failed_checks)),
        Fact::new("agent", or_not_told(&host.agent)),
        Fact::new("stack", or_not_told(&host.stack)),
        Fact::new("machine", host.vm.as_ref().map_or("names none", |vm| vm.as_str())),
    ]
}

fn machine_facts(vm: &VirtualMachine) -> Vec<Fact> {
    let power = match &vm.power {
        None => "the answer carried none".to_owned(),
        Some(power) => raw(power.word(), !matches!(power, Power::Unknown(_))),
    };
    vec![
        id(&vm.id),
        Fact::new("power", power),
        Fact::new("location", vm.location.as_str()),
        Fact::new("size", vm.size.as_str()),
        Fact::new("zones", list(&vm.zones)),
        Fact::new("image", vm.image.as_ref().map_or("not told", Safe::as_str)),
    ]
}

/// What Compute says of a machine; `None`: it lists no such machine.
fn machine_part(desk: &Desk<'_>, vm: &ArmId) -> Option<Part> {
    let machines = Source::Machines(desk.side);
    let all = standing::machines(desk.picture, &machines)?;
    let facts = machine_facts(all.seen().iter().find(|one| one.id == *vm)?);
    Some(Part { title: "virtual machine".to_owned(), facts, ..desk.part(&machines) })
}

fn host_parts(desk: &Desk<'_>, source: &Source, host: &SessionHost) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(vm) = &host.vm {
        let machines = Source::Machines(desk.side);
        parts.push(machine_part(desk, vm).unwrap_or_else(|| {
            // Of a list that never came nobody knows what is in it.
            let listed = desk.answer(&machines).map(|_| Fact::new("standing", "not in the list of machines"));
            let facts = listed.into_iter().collect();
            Part { title: "virtual machine".to_owned(), facts, ..desk.part(&machines) }
        }));
        let power = Source::Power(vm.clone());
        if let Some(Answer::Power(machine)) = desk.answer(&power) {
            let facts = machine
                .as_ref()
                .map_or_else(|| vec![Fact::new("standing", "there is no such machine")], machine_facts);
            parts.push(Part { title: "its instance view".to_owned(), facts, ..desk.part(&power) });
        }
        parts.push(availability(desk, vm));
    }
    if let Source::Hosts(index, side) = source {
        let sessions = Source::Sessions(*index, *side);
        let mut part = Part { title: "sessions on it".to_owned(), ..desk.part(&sessions) };
        if let Some(Answer::Sessions(all)) = desk.answer(&sessions) {
            let own = all.seen().iter().filter(|session| session.host().is_some_and(|id| id == host.id));
            let own: Vec<&UserSession> = own.collect();
            let old = desk.picture.last(&sessions).map(|look| look.at).filter(|_| part.stale);
            let beats = Beats::of(desk.picture, &sessions, desk.now);
            for session in &own {
                let doubt = Doubt::of(session, old, &beats);
                let said = doubt.said(session.state.word());
                part.facts.push(Fact::new("session", format!("{}, {said}", session.user)));
                part.heard(doubt.since());
            }
            if own.is_empty() {
                part.facts.push(Fact::new("session", "none listed"));
            } else {
                part.rests_on(desk, source);
            }
        }
        parts.push(part);
    }
    parts
}

/// What Resource Health says of a resource.
fn availability(desk: &Desk<'_>, resource: &ArmId) -> Part {
    let source = Source::Availability(desk.side);
    let mut part = Part { title: "resource health".to_owned(), ..desk.part(&source) };
    if let Some(Answer::Availability(all)) = desk.answer(&source) {
        let own = all.seen().iter().find(|one| one.resource == *resource);
        part.facts = vec![Fact::new("state", own.map_or("not listed", |one| one.state.as_str()))];
    }
    part
}

fn session_facts(desk: &Desk<'_>, source: &Source, session: &UserSession) -> Vec<Fact> {
    let known = !matches!(session.state, SessionState::Other(_));
    let doubt = doubt(desk, source, session);
    vec![
        Fact::new("user", session.user.as_str()),
        id(&session.id),
        Fact::new("state", doubt.said(&raw(session.state.word(), known))),
        Fact::new(
            "created",
            match session.created {
                None => "not told".to_owned(),
                // The moment as Azure dates it: on our clock it would move with every guess at how the two
                // differ.
                Some(at) => {
                    format!("{} by Azure's clock, {}", second_text(at.azure()), created(at, desk.now))
                }
            },
        ),
        Fact::new("host", session.host().map_or("not told".to_owned(), |host| host.as_str().to_owned())),
    ]
}

/// How long ago it was created.
fn created(at: Dated, now: Timestamp) -> String {
    match at.about() {
        Some(at) => format!("{} ago", span_text(now.duration_since(at))),
        None => "how that differs from ours is not known".to_owned(),
    }
}

fn session_parts(desk: &Desk<'_>, source: &Source, session: &UserSession) -> Vec<Part> {
    let Source::Sessions(index, side) = source else { return Vec::new() };
    let hosts = Source::Hosts(*index, *side);
    let mut part = Part { title: "its host".to_owned(), ..desk.part(&hosts) };
    if let (Some(Answer::Hosts(all)), Some(id)) = (desk.answer(&hosts), session.host()) {
        part.facts = match all.seen().iter().find(|host| host.id == id) {
            Some(host) => {
                age(desk, &hosts, Found::Host(host), &mut part);
                host_facts(desk, &hosts, host)
            }
            None => vec![Fact::new("standing", "not in the list of hosts")],
        };
    }
    vec![part]
}

fn group_facts(desk: &Desk<'_>, source: &Source, group: &ApplicationGroup) -> Vec<Fact> {
    let none = |found: Option<&ArmId>, word: &str| found.map_or(word.to_owned(), |id| id.as_str().to_owned());
    let pair = desk
        .service(source)
        .and_then(|service| service.groups.iter().find(|pair| pair.ids[desk.side] == group.id));
    let mut facts = vec![
        id(&group.id),
        Fact::new("kind", group.kind.as_str()),
        Fact::new("pool", none(group.pool.as_ref(), "opens none")),
        Fact::new("workspace", none(group.workspace.as_ref(), "none publishes it: users see nothing")),
        Fact::new(
            "twin",
            none(pair.map(|pair| &pair.ids[desk.side.other()]), "none, it is not in the estate file"),
        ),
    ];
    facts.extend(pair.map(|pair| Fact::new("code", pair.code.as_str())));
    facts.extend(
        group
            .applications
            .seen()
            .iter()
            .map(|app| Fact::new("application", format!("{}: {} {}", app.name, app.path, app.arguments))),
    );
    if let Some(error) = group.applications.error() {
        facts.push(Fact::new("applications", format!("not whole: {error}")));
    } else if group.applications.seen().is_empty() {
        facts.push(Fact::new("applications", "none"));
    }
    facts
}

fn group_parts(desk: &Desk<'_>, source: &Source, group: &ApplicationGroup) -> Vec<Part> {
    let (Source::Groups(index, side), Some(service)) = (source, desk.service(source)) else {
        return Vec::new();
    };
    let held = Source::Assignments(*index, *side);
    let mut part = Part { title: "who holds it".to_owned(), ..desk.part(&held) };
    if let Some(Answer::Assignments(all)) = desk.answer(&held) {
        let own = all.seen().iter().filter(|held| held.group == group.id);
        let word = |held: &Held| {
            let kind = standing::holder_kind(service, held, &[])?;
            Some(Fact::new("holder", format!("{}, {}", held.assignment.principal.as_str(), kind_word(kind))))
        };
        part.facts = own.filter_map(word).collect();
        if part.facts.is_empty() {
            part.facts.push(Fact::new("holder", "nobody"));
        }
    }
    vec![part]
}

fn kind_word(kind: HolderKind) -> &'static str {
    match kind {
        HolderKind::Planned => "planned",
        HolderKind::PlannedInherited => "planned, inherited from above: cannot be revoked at the group",
        HolderKind::Excepted => "left where it is by decision of the estate file",
        HolderKind::Unaccounted => "outside the plan",
    }
}

fn held_facts(desk: &Desk<'_>, source: &Source, held: &Held) -> (String, Vec<Fact>) {
    let one = &held.assignment;
    let service = desk.service(source);
    let principals = service.map(|service| service.principals()).unwrap_or_default();
    let name = principals.iter().find(|known| known.id == one.principal).map(|known| known.name.clone());
    let kind = service.and_then(|service| standing::holder_kind(service, held, &[]));
    let role = match (one.role == DESKTOP_USER_ROLE, one.custom_use) {
        (true, _) => "Desktop Virtualization User".to_owned(),
        (false, true) => format!("{}, a custom role that lets use", one.role),
        (false, false) => one.role.clone(),
    };
    let mut facts = vec![
        Fact::new("holder", name.clone().unwrap_or_else(|| "not in the estate file".to_owned())),
        Fact::new("principal", one.principal.as_str()),
        Fact::new("type", one.principal_type.as_str()),
        Fact::new("standing", kind.map_or("does not let use the group", kind_word)),
        Fact::new("group", held.group.as_str()),
        Fact::new("scope", one.scope.as_str()),
        Fact::new("inherited", if held.inherited() { "yes, made above the group" } else { "no" }),
        Fact::new("role", role),
        id(&one.id),
        Fact::new("created", one.created.map_or("not told".to_owned(), |at| moment(at, desk.now))),
        Fact::new("created by", or_not_told(&one.created_by)),
    ];
    let left =
        service.and_then(|service| service.exceptions.iter().find(|known| known.principal == one.principal));
    facts.extend(left.map(|left| Fact::new("left because", left.reason.as_str())));
    (format!("holder {}", name.as_deref().unwrap_or(one.principal.as_str())), facts)
}

fn plan_facts(plan: &ScalingPlan) -> Vec<Fact> {
    let mut facts = vec![id(&plan.id), Fact::new("exclusion tag", or_not_told(&plan.exclusion_tag))];
    facts.extend(plan.references.iter().map(|reference| {
        let acts = if reference.enabled { "acts on it" } else { "is off for it" };
        Fact::new("pool", format!("{}: {acts}", reference.pool))
    }));
    facts
}

fn event_facts(event: &HealthEvent) -> Vec<Fact> {
    let at = |at: Option<Timestamp>| at.map_or("not told".to_owned(), second_text);
    let mut facts = vec![
        Fact::new("tracking id", event.tracking.as_str()),
        Fact::new("kind", event.kind.as_str()),
        Fact::new("status", event.status.as_str()),
        Fact::new("title", event.title.as_str()),
        Fact::new("began", at(event.started)),
        Fact::new("updated", at(event.updated)),
    ];
    facts.extend(event.impacts.iter().map(|impact| {
        let regions = impact.regions.iter().map(|region| match &region.status {
            Some(status) => format!("{} ({status})", region.name),
            None => region.name.to_string(),
        });
        Fact::new("hits", format!("{}: {}", impact.service, regions.collect::<Vec<_>>().join(", ")))
    }));
    facts
}

fn pool_facts(pool: &HostPool) -> Vec<Fact> {
    let told = |flag: Option<bool>| match flag {
        Some(true) => "yes",
        Some(false) => "no",
        None => "Azure left it out",
    };
    let mut facts = vec![
        id(&pool.id),
        Fact::new("metadata in", pool.location.as_str()),
        Fact::new("type", pool.pool_type.as_str()),
        Fact::new("balancing", pool.load_balancer.as_str()),
        Fact::new("session limit", format!("{} a host", pool.session_limit)),
        Fact::new("start on connect", told(pool.start_on_connect)),
        Fact::new("validation", told(pool.validation)),
        Fact::new("preferred group", pool.preferred_group_type.as_str()),
        Fact::new("rdp properties", or_not_told(&pool.rdp_properties)),
    ];
    facts.extend(pool.group_references.iter().map(|group| Fact::new("linked group", group.as_str())));
    facts
}
