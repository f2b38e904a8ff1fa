//! The lists behind a component, both regions side by side.

use crate::{
    domain::{
        Answer, Listing, Pair, Side, Source,
        estate::Estate,
        picture::Picture,
        pool::{Heartbeat, Pulse, SessionHost, SessionState},
        standing::{self, HolderKind},
        time::{Timestamp, age_text},
    },
    status::{self, CellState, Component, Scope},
};

use super::screen::{Filter, services};

/// One region's list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct List {
    /// Rows that the filter admits.
    pub rows: Vec<ListRow>,
    /// Rows in all.
    pub total: usize,
    /// What is wrong with the list: silent, not whole, never read.
    pub trouble: Vec<String>,
    /// Age of its oldest part.
    pub at: Option<Timestamp>,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRow {
    /// How it stands.
    pub state: CellState,
    /// Its name.
    pub name: String,
    /// The rest in words, most important first.
    pub detail: String,
}

/// Both regions' lists of a component.
pub fn lists(
    component: Component,
    scope: Scope,
    filter: &Filter,
    estate: &Estate,
    picture: &Picture,
    now: Timestamp,
) -> Pair<List> {
    Pair::build(|side| {
        let mut list = List::default();
        for source in sources(component, scope, estate, side) {
            list.add(estate, picture, &source, side, now);
        }
        list.total = list.rows.len();
        list.rows.retain(|row| filter.admits(&format!("{} {}", row.name, row.detail)));
        list.rows.sort_by(|one, two| two.state.cmp(&one.state).then_with(|| one.name.cmp(&two.name)));
        list
    })
}

/// What stands behind a component in one region.
pub fn sources(component: Component, scope: Scope, estate: &Estate, side: Side) -> Vec<Source> {
    let each = |source: fn(usize, Side) -> Source| {
        services(scope, estate).map(|(index, _)| source(index, side)).collect::<Vec<_>>()
    };
    match component {
        Component::ControlPlane => vec![Source::Control(side)],
        Component::Pools => {
            let mut all = each(Source::Pool);
            all.extend(each(Source::Groups));
            all.extend(each(Source::Plans));
            all
        }
        Component::Hosts | Component::Capacity => each(Source::Hosts),
        Component::Sessions => each(Source::Sessions),
        Component::Assignments => each(Source::Assignments),
        Component::Profiles | Component::Storage => each(Source::Storage),
        Component::Directory => vec![Source::Directory(side)],
        Component::Health => vec![Source::Events, Source::Availability(side)],
    }
}

impl List {
    fn add(&mut self, estate: &Estate, picture: &Picture, source: &Source, side: Side, now: Timestamp) {
        let Some(reading) = picture.reading(source) else {
            self.trouble.push(format!("{}: not looked at yet", source.word()));
            return;
        };
        if let Some((since, silence)) = &reading.silence {
            let age = age_text(now.duration_since(*since));
            self.trouble.push(format!("{}: {} ({age} ago)", source.word(), silence.why));
        }
        let Some(look) = &reading.last else { return };
        self.at = Some(self.at.map_or(look.at, |at| at.min(look.at)));
        match &look.answer {
            Answer::Hosts(all) => self.take(all, |host| host_row(host, now)),
            Answer::Sessions(all) => self.take(all, session_row),
            Answer::Groups(all) => self.take(all, |group| ListRow {
                state: if group.workspace.is_some() { CellState::Ok } else { CellState::Warn },
                name: group.id.name().to_owned(),
                detail: match (&group.workspace, group.applications.count()) {
                    (None, _) => "published in no workspace".to_owned(),
                    (Some(workspace), Some(count)) => {
                        format!("{}, {count} applications, in {}", group.kind, workspace.name())
                    }
                    (Some(workspace), None) => format!("{}, in {}", group.kind, workspace.name()),
                },
            }),
            Answer::Assignments(all) => self.take_holders(estate, source, side, all),
            Answer::Plans(all) => self.take(all, |plan| ListRow {
                state: CellState::Ok,
                name: plan.id.name().to_owned(),
                detail: format!(
                    "scaling plan, acts on {} of {}",
                    plan.references.iter().filter(|reference| reference.enabled).count(),
                    plan.references.len()
                ),
            }),
            Answer::Storage(all) => self.take(all, |account| ListRow {
                state: if account.available() { CellState::Ok } else { CellState::Crit },
                name: account.id.name().to_owned(),
                detail: format!("{}, {}, {}", account.primary_status, account.sku, account.primary_location),
            }),
            Answer::Directory(all) => self.take(all, |server| ListRow {
                state: if server.up() { CellState::Ok } else { CellState::Crit },
                name: server.vm.id.name().to_owned(),
                detail: server.vm.power.as_ref().map_or("power not known", |power| power.word()).to_owned(),
            }),
            Answer::Events(all) => self.take_events(estate, side, all),
            Answer::Availability(all) => self.take(all, |one| ListRow {
                state: if one.available() { CellState::Ok } else { CellState::Warn },
                name: one.resource.name().to_owned(),
                detail: one.state.to_string(),
            }),
            Answer::Pool(pool) => self.rows.push(ListRow {
                state: CellState::Ok,
                name: pool.id.name().to_owned(),
                detail: format!("{}, {}, {} a host", pool.pool_type, pool.load_balancer, pool.session_limit),
            }),
            Answer::Control { millis, skew } => {
                let (state, clock) = status::clock(*skew);
                let clock = clock.map_or_else(String::new, |clock| format!(", {clock}"));
                self.rows.push(ListRow {
                    state,
                    name: "resource manager".to_owned(),
                    detail: format!("{millis} ms{clock}"),
                });
            }
            _ => {}
        }
    }

    fn take<T>(&mut self, listing: &Listing<T>, row: impl Fn(&T) -> ListRow) {
        self.rows.extend(listing.seen().iter().map(row));
        if let Some(error) = listing.error() {
            self.trouble.push(format!("not whole: {error}"));
        }
    }

    fn take_holders(
        &mut self,
        estate: &Estate,
        source: &Source,
        side: Side,
        all: &Listing<crate::domain::source::Held>,
    ) {
        let Source::Assignments(index, _) = source else { return };
        let Some(service) = estate.services.get(*index) else { return };
        if let Some(error) = all.error() {
            self.trouble.push(format!("not whole: {error}"));
        }
        for held in all.seen() {
            let Some(kind) = standing::holder_kind(service, held, &[]) else { continue };
            let principal = &held.assignment.principal;
            let name = service
                .principals()
                .iter()
                .find(|known| known.id == *principal)
                .map_or_else(|| principal.as_str()[..8].to_owned(), |known| known.name.clone());
            let group = service
                .groups
                .iter()
                .find(|group| group.ids[side] == held.group)
                .map_or(held.group.name(), |group| group.code.as_str());
            let (state, word) = match kind {
                HolderKind::Planned => (CellState::Ok, "planned"),
                HolderKind::PlannedInherited => {
                    (CellState::Crit, "planned, inherited: cannot be revoked here")
                }
                HolderKind::Excepted => (CellState::Ok, "left by decision"),
                HolderKind::Unaccounted => (CellState::Warn, "outside the plan"),
            };
            let origin = if held.inherited() { ", inherited" } else { "" };
            let origin = if kind == HolderKind::PlannedInherited { "" } else { origin };
            self.rows.push(ListRow {
                state,
                name: format!("{name} @ {group}"),
                detail: format!("{word}{origin}"),
            });
        }
    }

    fn take_events(
        &mut self,
        estate: &Estate,
        side: Side,
        all: &Listing<crate::domain::health::HealthEvent>,
    ) {
        if let Some(error) = all.error() {
            self.trouble.push(format!("not whole: {error}"));
        }
        let hits = all.seen().iter().filter(|event| event.hits(&estate.regions[side].azure));
        self.rows.extend(hits.map(|event| ListRow {
            state: CellState::Crit,
            name: event.tracking.to_string(),
            detail: format!("{}: {}", event.status, event.title),
        }));
    }
}

fn host_row(host: &SessionHost, now: Timestamp) -> ListRow {
    let beat = match (host.pulse(now), host.heartbeat) {
        (Pulse::Unknown, _) | (_, Heartbeat::Unknown) => ", beat not known".to_owned(),
        (_, Heartbeat::At(at)) => format!(", beat {}", age_text(now.duration_since(at))),
        _ if host.status == crate::domain::pool::HostStatus::Shutdown => String::new(),
        (_, Heartbeat::Never) => ", never beat".to_owned(),
    };
    let state = if host.usable(now) {
        CellState::Ok
    } else if host.status == crate::domain::pool::HostStatus::Shutdown {
        CellState::NotChecked
    } else if host.status.takes_users() && host.beats(now) {
        CellState::Warn
    } else {
        CellState::Crit
    };
    let admits = match host.accepts {
        Some(true) => "",
        Some(false) => ", drained",
        None => ", admission not known",
    };
    ListRow {
        state,
        name: host.short_name().to_owned(),
        detail: format!("{}{admits}{beat}, {} sess", host.status.word(), host.sessions),
    }
}

fn session_row(session: &crate::domain::pool::UserSession) -> ListRow {
    let state = match session.state {
        SessionState::Active | SessionState::Disconnected => CellState::Ok,
        SessionState::Other(_) => CellState::Warn,
    };
    let host = session.host().map(|host| host.name().split('.').next().unwrap_or_default().to_owned());
    ListRow {
        state,
        name: session.user.to_string(),
        detail: format!("{} on {}", session.state.word(), host.unwrap_or_default()),
    }
}
