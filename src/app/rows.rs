//! What the rows of a component's list say, object by object.

use std::collections::HashMap;

use crate::{
    domain::{
        Answer, ArmId, Listing, Side, Source,
        compute::Power,
        estate::{Estate, Service},
        health::{Availability, Bears, HealthEvent},
        machines::Standing,
        picture::Picture,
        pool::{ApplicationGroup, Heartbeat, HostStatus, Pulse, SessionHost, SessionState, UserSession},
        source::{DirectoryServer, Held},
        standing::{self, HolderKind},
        storage::StorageAccount,
        time::{Dated, Timestamp},
    },
    status::{self, CellState, Component, Drained},
};

use super::{
    doubt::{Beats, Doubt, Held as Machines},
    plight,
    table::{Column, Field, Kind, Object, Row, column},
};

const HOSTS: &[Column] = &[
    column("host", "host", Kind::Word, 10, 0),
    column("status", "status", Kind::Word, 7, 1),
    column("admits", "in", Kind::Word, 2, 4),
    column("beat", "hb", Kind::Age, 4, 2),
    column("sessions", "ses", Kind::Count, 3, 3),
    column("power", "pow", Kind::Word, 3, 5),
    column("service", "of", Kind::Word, 4, 6),
    column("agent", "agent", Kind::Word, 9, 7),
];
const SESSIONS: &[Column] = &[
    column("user", "user", Kind::Word, 12, 0),
    column("host", "host", Kind::Word, 10, 3),
    column("state", "state", Kind::Word, 7, 1),
    // How long it has been open: the age of what is known of it stands in the head of the list.
    column("age", "open", Kind::Age, 4, 2),
];
const ASSIGNMENTS: &[Column] = &[
    column("holder", "holder", Kind::Word, 8, 0),
    column("group", "group", Kind::Word, 6, 2),
    column("plan", "plan", Kind::Word, 8, 1),
    column("type", "type", Kind::Word, 0, 3),
];
const POOLS: &[Column] = &[
    column("name", "name", Kind::Word, 12, 0),
    column("kind", "kind", Kind::Word, 5, 2),
    column("detail", "detail", Kind::Word, 14, 1),
];
const ACCOUNTS: &[Column] = &[
    column("account", "account", Kind::Word, 14, 0),
    column("status", "status", Kind::Word, 9, 1),
    column("sku", "sku", Kind::Word, 8, 2),
    column("region", "region", Kind::Word, 8, 3),
];
const SERVERS: &[Column] = &[
    column("server", "server", Kind::Word, 12, 0),
    column("power", "power", Kind::Word, 8, 1),
    column("health", "health", Kind::Word, 9, 2),
];
const HEALTH: &[Column] = &[
    column("what", "what", Kind::Word, 10, 0),
    column("state", "state", Kind::Word, 6, 1),
    column("title", "title", Kind::Word, 12, 2),
    // Since it was posted, not since anybody looked.
    column("age", "since", Kind::Age, 5, 3),
];
const CONTROL: &[Column] = &[
    column("call", "call", Kind::Word, 12, 0),
    column("millis", "ms", Kind::Count, 4, 1),
    column("clock", "clock", Kind::Word, 8, 2),
];

/// The columns of a component's list.
pub fn columns(component: Component) -> &'static [Column] {
    match component {
        Component::ControlPlane => CONTROL,
        Component::Pools => POOLS,
        Component::Hosts | Component::Capacity => HOSTS,
        Component::Sessions => SESSIONS,
        Component::Assignments => ASSIGNMENTS,
        Component::Profiles | Component::Storage => ACCOUNTS,
        Component::Directory => SERVERS,
        Component::Health => HEALTH,
    }
}

/// Power states by machine.
type Powers<'a> = HashMap<&'a ArmId, &'a Power>;

/// What rows are made from.
pub(super) struct Ground<'a> {
    pub(super) estate: &'a Estate,
    pub(super) picture: &'a Picture,
    pub(super) side: Side,
    pub(super) drained: Option<&'a Drained>,
    pub(super) now: Timestamp,
}

impl<'a> Ground<'a> {
    /// The rows of a source's last answer.
    pub(super) fn rows(&self, source: &Source) -> Vec<Row> {
        let Some(look) = self.picture.last(source) else { return Vec::new() };
        let service = service_of(source).and_then(|index| self.estate.services.get(index));
        let keyed = |id: &ArmId, row: Row| Row { object: Some(object(source, id.key())), ..row };
        match &look.answer {
            Answer::Hosts(all) => {
                let (powers, held) = (self.powers(), Machines::of(self.picture, self.side, self.now));
                let ours = |host: &SessionHost| {
                    let index = service_of(source);
                    self.drained.zip(index).is_some_and(|(own, index)| own.holds(index, self.side, host))
                };
                let machine = |host: &SessionHost| {
                    let power = host.vm.as_ref().and_then(|vm| powers.get(vm).copied());
                    (power, held.standing(host, self.now))
                };
                each(all, |host| keyed(&host.id, self.host(host, machine(host), service, ours(host))))
            }
            Answer::Sessions(all) => {
                let beats = Beats::of(self.picture, source, self.now);
                let old = (!plight::holds(self.picture, source, self.now)).then_some(look.at);
                each(all, |session| {
                    let link = service.map(|service| seat(session.user.as_str(), service));
                    let row = self.session(session, Doubt::of(session, old, &beats));
                    Row { link, ..keyed(&session.id, row) }
                })
            }
            Answer::Groups(all) => self.groups(source, service, all),
            Answer::Assignments(all) => self.holders(source, service, all),
            Answer::Plans(all) => each(all, |plan| {
                let on = plan.references.iter().filter(|reference| reference.enabled).count();
                let detail = format!("acts on {on} of {}", plan.references.len());
                let row = Row::new(CellState::Ok, pool_fields(plan.id.name(), "plan", detail));
                let link = service.map(|service| format!("plan of {}", service.name));
                Row { link, ..keyed(&plan.id, row) }
            }),
            Answer::Storage(all) => each(all, |account| {
                let place = service.and_then(|service| {
                    let place =
                        service.sides[self.side].accounts.iter().position(|known| *known == account.id)?;
                    Some(format!("account {place} of {}", service.name))
                });
                Row { link: place, ..keyed(&account.id, account_row(account)) }
            }),
            Answer::Directory(all) => each(all, |server| keyed(&server.vm.id, server_row(server))),
            Answer::Events(all) => self.events(source, all),
            Answer::Availability(all) => {
                // What Compute said long ago excuses nothing that is called unavailable now.
                let held = plight::holds(self.picture, &Source::Machines(self.side), self.now);
                let powers = if held { self.powers() } else { Powers::new() };
                each(all, |one| keyed(&one.resource, availability_row(one, &powers)))
            }
            Answer::Pool(pool) => {
                let detail =
                    format!("{}, {}, {} a host", pool.pool_type, pool.load_balancer, pool.session_limit);
                let row = Row::new(CellState::Ok, pool_fields(pool.id.name(), "pool", detail));
                let link = service.map(|service| format!("pool of {}", service.name));
                vec![Row { link, ..keyed(&pool.id, row) }]
            }
            Answer::Control { millis, skew } => {
                let (state, clock) = status::clock(*skew);
                let clock = clock.unwrap_or_else(|| "right".to_owned());
                let fields = vec![
                    Field::word("resource manager"),
                    Field::count(u64::from(*millis)),
                    Field::word(clock),
                ];
                let row = Row { link: Some("control".to_owned()), ..Row::new(state, fields) };
                vec![Row { object: Some(object(source, "control")), ..row }]
            }
            _ => Vec::new(),
        }
    }

    /// What Compute says of this side's machines, by id: an estate may have 10,000 hosts.
    fn powers(&self) -> Powers<'a> {
        standing::machines(self.picture, &Source::Machines(self.side))
            .map_or(&[][..], Listing::seen)
            .iter()
            .filter_map(|machine| Some((&machine.id, machine.power.as_ref()?)))
            .collect()
    }

    /// The row of a host whose machine had that power when Compute was last heard, and does this now.
    fn host(
        &self,
        host: &SessionHost,
        (power, machine): (Option<&Power>, Standing),
        service: Option<&Service>,
        ours: bool,
    ) -> Row {
        let now = self.now;
        let state = if host.usable(now) {
            CellState::Ok
        } else if machine == Standing::Off {
            CellState::NotChecked
        } else if machine == Standing::Starting && host.is_silent(now) {
            // No heartbeat is due yet, as on home.
            CellState::NotChecked
        } else if machine == Standing::Unknown && host.is_silent(now) {
            // Off or silent: only Compute can tell, and it does not.
            CellState::Unknown
        } else if host.status.takes_users() && host.beats(now) {
            CellState::Warn
        } else if host.status.takes_users() && host.pulse(now) == Pulse::Unknown {
            CellState::Unknown
        } else {
            CellState::Crit
        };
        let beat = match (host.pulse(now), host.heartbeat) {
            (_, Heartbeat::At(at)) if host.pulse(now) != Pulse::Unknown => Field::age(now.duration_since(at)),
            (_, Heartbeat::Never) => Field { full: Some("never".to_owned()), ..Field::none() },
            _ => Field::unknown(),
        };
        let fields = vec![
            Field::word(host.short_name()),
            status_field(&host.status),
            if ours { Field::short("ours", "no, drained by this run") } else { admits(host.accepts) },
            beat,
            Field::count(u64::from(host.sessions)),
            power.map_or_else(Field::unknown, power_field),
            Field::word(service.map_or("", |service| service.name.as_str())),
            Field::word(host.agent.as_str()),
        ];
        Row::new(state, fields)
    }

    fn session(&self, session: &UserSession, doubt: Doubt) -> Row {
        let state = match session.state {
            _ if doubt != Doubt::None => CellState::Unknown,
            SessionState::Active | SessionState::Disconnected => CellState::Ok,
            SessionState::Other(_) => CellState::Warn,
        };
        let host = session.host().map(|host| short(host.name()).to_owned());
        let fields = vec![
            Field::word(session.user.as_str()),
            host.map_or_else(Field::unknown, Field::word),
            doubt.field(&session.state),
            session
                .created
                .and_then(Dated::about)
                .map_or_else(Field::unknown, |at| Field::since(at, self.now)),
        ];
        Row::new(state, fields)
    }

    /// Groups as Azure lists them, and those of the estate file that it does not list.
    fn groups(
        &self,
        source: &Source,
        service: Option<&Service>,
        all: &Listing<ApplicationGroup>,
    ) -> Vec<Row> {
        let configured = |id: &ArmId| {
            service?.groups.iter().find(|group| group.ids[self.side] == *id).map(|group| group.code.as_str())
        };
        let link = |code: &str| service.map(|service| format!("{code} of {}", service.name));
        let mut rows = each(all, |group| {
            let code = configured(&group.id);
            let (state, detail) = match (&group.workspace, code) {
                (None, _) => (CellState::Warn, "published in no workspace".to_owned()),
                (Some(_), None) => (CellState::Ok, "not in the estate file".to_owned()),
                (Some(workspace), Some(_)) => {
                    let apps = group.applications.count().filter(|count| *count > 0);
                    let apps = apps.map_or(String::new(), |count| format!("{count} apps, "));
                    (CellState::Ok, format!("{}, {apps}in {}", group.kind, workspace.name()))
                }
            };
            let row = Row::new(state, pool_fields(group.id.name(), "group", detail));
            let object = Some(object(source, group.id.key()));
            Row { object, link: code.and_then(link), ..row }
        });
        let missing =
            service.filter(|_| all.count().is_some()).into_iter().flat_map(|service| &service.groups);
        for group in missing.filter(|group| all.seen().iter().all(|known| known.id != group.ids[self.side])) {
            let detail = "in the estate file, not in Azure".to_owned();
            let fields = pool_fields(group.ids[self.side].name(), "group", detail);
            rows.push(Row { link: link(&group.code), ..Row::new(CellState::Crit, fields) });
        }
        rows
    }

    fn holders(&self, source: &Source, service: Option<&Service>, all: &Listing<Held>) -> Vec<Row> {
        let Some(service) = service else { return Vec::new() };
        let holder = |held: &Held| {
            let kind = standing::holder_kind(service, held, &[])?;
            let principal = &held.assignment.principal;
            let principals = service.principals();
            let known = principals.iter().find(|known| known.id == *principal);
            let name =
                known.map_or_else(|| Field::id(principal.as_str()), |known| Field::word(known.name.as_str()));
            let group = service.groups.iter().find(|group| group.ids[self.side] == held.group);
            let group = group.map_or(held.group.name(), |group| group.code.as_str());
            let (state, word) = kind_words(kind, held);
            let link = format!("{} @ {group}", principal.as_str());
            let fields =
                vec![name, Field::word(group), word, Field::word(held.assignment.principal_type.as_str())];
            let object = Some(object(source, &format!("{}@{}", held.assignment.id.key(), held.group.key())));
            Some(Row { object, link: Some(link), ..Row::new(state, fields) })
        };
        all.seen().iter().filter_map(holder).collect()
    }

    fn events(&self, source: &Source, all: &Listing<HealthEvent>) -> Vec<Row> {
        let region = &self.estate.regions[self.side].azure;
        let row = |event: &HealthEvent| {
            let (state, status) = match event.bears(region) {
                Bears::Hits => (CellState::Crit, event.status.to_string()),
                Bears::Perhaps(word) if word == event.status => (CellState::Unknown, word.to_string()),
                Bears::Perhaps(word) => (CellState::Unknown, format!("{} {word}", event.status)),
                Bears::Not => return None,
            };
            let at = event.updated.or(event.started);
            let fields = vec![
                Field::word(event.tracking.as_str()),
                Field::word(status),
                Field::word(event.title.as_str()),
                at.map_or_else(Field::unknown, |at| Field::age(self.now.duration_since(at))),
            ];
            let object = Some(object(source, event.tracking.as_str()));
            let link = Some(event.tracking.as_str().to_owned());
            Some(Row { object, link, ..Row::new(state, fields) })
        };
        all.seen().iter().filter_map(row).collect()
    }
}

fn each<T>(listing: &Listing<T>, row: impl Fn(&T) -> Row) -> Vec<Row> {
    listing.seen().iter().map(row).collect()
}

fn object(source: &Source, key: &str) -> Object {
    Object { source: source.clone(), key: key.to_owned() }
}

/// What the sessions of one user in one service are linked by: whoever works in one service in one region and in
/// another service in the other is not in both.
pub(super) fn seat(user: &str, service: &Service) -> String {
    format!("{} of {}", user.to_lowercase(), service.name)
}

fn pool_fields(name: &str, kind: &str, detail: String) -> Vec<Field> {
    vec![Field::word(name), Field::word(kind), Field::word(detail)]
}

fn server_row(server: &DirectoryServer) -> Row {
    let state = if server.up() { CellState::Ok } else { CellState::Crit };
    let health = server.health.as_ref();
    let fields = vec![
        Field::word(server.vm.id.name()),
        server.vm.power.as_ref().map_or_else(Field::unknown, |power| Field::word(power.word())),
        health.map_or_else(Field::unknown, |health| Field::word(health.state.as_str())),
    ];
    Row::new(state, fields)
}

/// Resource Health calls a machine unavailable that somebody has put off: that is no trouble, and has the
/// word that the hosts have for it.
fn availability_row(one: &Availability, powers: &Powers<'_>) -> Row {
    let off = powers.get(&one.resource).filter(|power| !one.available() && power.is_off());
    let (state, status) = match off {
        Some(power) => {
            let full = format!("{}, so Azure calls it {}", power.word(), one.state);
            (CellState::NotChecked, Field { full: Some(full), ..Field::word(power.word()) })
        }
        None if one.available() => (CellState::Ok, Field::word(one.state.as_str())),
        None => (CellState::Warn, Field::word(one.state.as_str())),
    };
    let fields =
        vec![Field::word(one.resource.name()), status, Field::word("resource health"), Field::none()];
    Row::new(state, fields)
}

fn account_row(account: &StorageAccount) -> Row {
    let state = if account.available() { CellState::Ok } else { CellState::Crit };
    let fields = vec![
        Field::word(account.id.name()),
        Field::word(account.primary_status.as_str()),
        Field::word(account.sku.as_str()),
        Field::word(account.primary_location.as_str()),
    ];
    Row::new(state, fields)
}

/// A word of Azure's is cut and never spelled anew; what is ours is in lower case.
fn status_field(status: &HostStatus) -> Field {
    let short = match status {
        HostStatus::Available => "Avail",
        HostStatus::NeedsAssistance => "Assist",
        HostStatus::Shutdown => "Shut",
        HostStatus::Unavailable => "Unavail",
        HostStatus::NoHeartbeat => "NoBeat",
        HostStatus::Other(word) => word.as_str(),
    };
    Field::short(short, status.word())
}

fn admits(accepts: Option<bool>) -> Field {
    match accepts {
        // One spelling in one column: the detail says it in words.
        Some(true) => Field::short("y", "yes"),
        Some(false) => Field::short("n", "no"),
        None => Field::unknown(),
    }
}

fn power_field(power: &Power) -> Field {
    let short = match power {
        Power::Starting => "up",
        Power::Running => "on",
        Power::Stopped => "stp",
        Power::Deallocating | Power::Deallocated => "off",
        Power::Unknown(_) => "?",
    };
    Field::short(short, power.word())
}

fn kind_words(kind: HolderKind, held: &Held) -> (CellState, Field) {
    let inherited = if held.inherited() { ", inherited" } else { "" };
    match kind {
        HolderKind::Planned => (CellState::Ok, Field::word("planned")),
        HolderKind::PlannedInherited => {
            (CellState::Crit, Field::short("inherited!", "planned, inherited: cannot be revoked here"))
        }
        HolderKind::Excepted => {
            (CellState::Ok, Field::short(format!("left{inherited}"), format!("left by decision{inherited}")))
        }
        HolderKind::Unaccounted => (
            CellState::Warn,
            Field::short(format!("outside{inherited}"), format!("outside the plan{inherited}")),
        ),
    }
}

/// A host's name up to the first dot.
pub(super) fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// The service a source belongs to.
pub(super) fn service_of(source: &Source) -> Option<usize> {
    match source {
        Source::Pool(index, _)
        | Source::Hosts(index, _)
        | Source::Sessions(index, _)
        | Source::Groups(index, _)
        | Source::Assignments(index, _)
        | Source::Workspace(index, _)
        | Source::Plans(index, _)
        | Source::Storage(index, _) => Some(*index),
        _ => None,
    }
}
