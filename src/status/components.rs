//! How each component is judged on one side.
//!
//! Services whose role differs on a side are never added together: each gets its own part of
//! the cell (`hr 8/12 · fin 4/4`).

use std::collections::BTreeSet;

use crate::domain::{
    Answer, Safe, Side, Source,
    signs::RegionSigns,
    text::{counted, tries},
    time::Timestamp,
};

use super::{
    capacity, pools,
    problem::Problem,
    regional,
    scene::Scene,
    sessions,
    sight::{Sight, Trust},
    summary::{Cell, CellState, Component, Figure, Role},
};

/// Time from the start request to a host that takes users, for the remark about cold hosts
/// (procedures §5: virtual machine 2-4 min, agent 1-5 min).
const START_MINUTES: u32 = 4;

/// What is said of some services of one role on one side.
pub(super) struct Part {
    pub(super) state: CellState,
    pub(super) text: String,
    pub(super) short: String,
    pub(super) figure: Option<(u64, Option<u64>)>,
    pub(super) reason: Option<Safe>,
    /// The value is that of an earlier moment whatever the age of the answer.
    pub(super) as_of: Option<Timestamp>,
    /// Other sources that the value rests on besides those of its component.
    pub(super) beside: Vec<Source>,
}

impl Part {
    pub(super) fn new(state: CellState, text: impl Into<String>, short: impl Into<String>) -> Self {
        let (text, short) = (text.into(), short.into());
        Self { state, text, short, figure: None, reason: None, as_of: None, beside: Vec::new() }
    }

    pub(super) fn figure(mut self, count: impl TryInto<u64>, of: Option<usize>) -> Self {
        self.figure = count.try_into().ok().map(|count| (count, of.map(|of| of as u64)));
        self
    }

    pub(super) fn because(mut self, reason: &str) -> Self {
        self.reason = Some(Safe::new(reason));
        self
    }
}

/// Services that are judged together.
pub(super) struct Bucket<'a> {
    pub(super) services: &'a [usize],
    pub(super) side: Side,
    pub(super) role: Role,
}

/// The cell of `component` on `side`.
pub(super) fn cell(scene: &Scene<'_>, component: Component, side: Side) -> Cell {
    let configured: Vec<usize> = scene
        .services
        .iter()
        .copied()
        .filter(|&service| is_configured(scene, component, service, side))
        .collect();
    let word = component_source(component);
    if configured.is_empty() {
        return Cell {
            state: CellState::NotConfigured,
            text: "not configured".to_owned(),
            short_text: String::new(),
            at: None,
            from: None,
            stale: false,
            missed: false,
            overdue: false,
            complete: true,
            reason: None,
            source: word,
            rests: Vec::new(),
            figures: Vec::new(),
        };
    }
    let good = |service: usize| sight(scene, &sources(scene, component, service, side)).trust == Trust::Good;
    // What is said of a dead region goes for the services that its signs tell of, and for no other; it rests on
    // no list that could have gone bad.
    let dead = configured.iter().filter(|one| scene.dead_for(**one, side).is_some()).count();
    let judged_dead = component == Component::Capacity && dead > 0;
    let not_real =
        |service: usize| component == Component::Sessions && sessions::not_real(scene, service, side);
    let alike = match () {
        () if judged_dead => dead == configured.len(),
        () if configured.iter().all(|one| good(*one)) => true,
        () => configured.iter().all(|one| not_real(*one)),
    };
    let together =
        is_regional(component) || (scene.common_role(side).is_some() && alike) || configured.len() == 1;
    let groups: Vec<&[usize]> = if together { vec![&configured[..]] } else { configured.chunks(1).collect() };
    let mut parts = Vec::new();
    for services in groups {
        let role =
            if is_regional(component) { regional_role(scene, side) } else { scene.role(services[0], side) };
        parts.push(judge(scene, component, &Bucket { services, side, role }));
    }
    combine(scene, &configured, &parts, word, together)
}

/// A part with what stands behind it.
struct Judged {
    part: Part,
    sight: Sight,
    /// The sources that it rests on.
    rests: Vec<Source>,
}

fn judge(scene: &Scene<'_>, component: Component, bucket: &Bucket<'_>) -> Judged {
    let of = |&service: &usize| sources(scene, component, service, bucket.side);
    let mut rests: Vec<Source> = bucket.services.iter().flat_map(of).collect();
    let sight = sight(scene, &rests);
    if component == Component::Capacity
        && let Some((part, sight)) = no_room(scene, bucket)
    {
        return Judged { part, sight, rests };
    }
    let value = match component {
        Component::ControlPlane => regional::control(scene, bucket.side),
        Component::Pools => pools::pools(scene, bucket),
        Component::Hosts => pools::hosts(scene, bucket),
        Component::Sessions => sessions::sessions(scene, bucket),
        Component::Assignments => pools::assignments(scene, bucket),
        Component::Profiles => regional::profiles(scene, bucket),
        Component::Storage => regional::storage(scene, bucket),
        Component::Directory => regional::directory(scene, bucket.side),
        Component::Capacity => capacity::capacity(scene, bucket),
        Component::Health => regional::health(scene, bucket.side),
    };
    let mut part = match (sight.trust, value) {
        (Trust::Good, Some(part)) => part,
        (_, value) => distrusted(scene, bucket, &sight, value),
    };
    let seen = |source: &Source| Sight::of(scene.picture, source, scene.now);
    let sight = match part.beside.iter().map(seen).reduce(Sight::join) {
        Some(beside) => {
            // What never answered, or is refused now, has no part in the value.
            let grew_old = beside.trust == Trust::Stale;
            let sight = sight.beside(beside);
            if grew_old {
                (part.text, part.short) = (last(&part.text), last(&part.short));
            }
            sight
        }
        None => sight,
    };
    rests.append(&mut part.beside);
    Judged { part, sight, rests }
}

/// What is said of the room in a region that is dead for these services, as old as the signs of it: its lists
/// were asked, and whatever they told would be room for nobody. That there is nowhere to go is worth a warning.
fn no_room(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<(Part, Sight)> {
    let signs: Option<Vec<&RegionSigns>> =
        bucket.services.iter().map(|&service| scene.dead_for(service, bucket.side)).collect();
    let signs = signs.filter(|signs| !signs.is_empty())?;
    let (at, old) = (signs.iter().filter_map(|signs| signs.at).min(), signs.iter().any(|signs| signs.stale));
    let (state, text, short) = match (bucket.role, old) {
        (Role::Standby, false) => (CellState::Warn, "no room while it is dead", "dead"),
        (Role::Standby, true) => (CellState::Warn, "no room, last seen dead", "last dead"),
        (_, false) => (CellState::NotChecked, "no room counted", "not counted"),
        (_, true) => (CellState::NotChecked, "no room counted, last seen dead", "not counted"),
    };
    let trust = if old { Trust::Stale } else { Trust::Good };
    Some((Part::new(state, text, short), Sight { at, from: at, old, trust, ..Sight::none(None) }))
}

/// Stands before a value that may not be used.
const LAST: &str = "last ";

/// A value that may not be used: the last one is shown as such. An active side that cannot be
/// reached is CRIT where the death rule holds, else not known (design §7). What nobody has looked at
/// yet is not known either way.
fn distrusted(scene: &Scene<'_>, bucket: &Bucket<'_>, sight: &Sight, value: Option<Part>) -> Part {
    let dead = bucket.services.iter().any(|&service| scene.dead_for(service, bucket.side).is_some());
    let untold = sight.untold();
    let state = match sight.trust {
        Trust::NotChecked => CellState::NotChecked,
        _ if untold.is_some() => CellState::Unknown,
        _ if bucket.role == Role::Active && dead => CellState::Crit,
        _ => CellState::Unknown,
    };
    // What a value rests on besides is as old as it was before the list behind it went bad.
    let told = value.as_ref().filter(|_| !matches!(sight.trust, Trust::NotChecked | Trust::Partial));
    let (as_of, beside) = told.map_or_else(Default::default, |part| (part.as_of, part.beside.clone()));
    let (text, short) = match (sight.trust, value) {
        (Trust::Silent, None) if untold.is_some() => {
            (untold.unwrap_or_default().to_owned(), "not yet".to_owned())
        }
        (Trust::NotChecked, _) => ("not checked".to_owned(), String::new()),
        (Trust::Partial, _) => ("list not whole".to_owned(), "not whole".to_owned()),
        (_, Some(part)) => (last(&part.text), last(&part.short)),
        (_, None) => (no_answer(sight.tries), NO_ANSWER.to_owned()),
    };
    Part { reason: sight.reason.clone(), as_of, beside, ..Part::new(state, text, short) }
}

/// What is said of what never answered, at its shortest.
const NO_ANSWER: &str = "no answer";

/// The same with the requests that left for it.
fn no_answer((least, most): (u32, u32)) -> String {
    match (least, most) {
        (_, 0) => NO_ANSWER.to_owned(),
        (least, most) if least == most => format!("{NO_ANSWER}, {}", tries(most)),
        (least, most) => format!("{NO_ANSWER}, {least}-{most} tries"),
    }
}

/// Some values are called the last ones by themselves.
fn last(value: &str) -> String {
    if value.starts_with(LAST) { value.to_owned() } else { format!("{LAST}{value}") }
}

fn combine(
    scene: &Scene<'_>,
    services: &[usize],
    judged: &[Judged],
    source: &'static str,
    together: bool,
) -> Cell {
    let name = |place: usize| scene.service(services[place]).name.as_str();
    let sight = judged.iter().map(|one| one.sight.clone()).reduce(Sight::join);
    let as_of = judged.iter().filter_map(|one| one.part.as_of).min();
    let worst = judged.iter().max_by_key(|one| one.part.state);
    let state = worst.map_or(CellState::Unknown, |one| one.part.state);
    let reason = worst.and_then(|one| one.part.reason.clone());
    let unlooked = judged.iter().all(|one| one.part.state == CellState::NotChecked);
    let tries = sight.as_ref().map_or((0, 0), |sight| sight.tries);
    let (text, short_text) = if judged.iter().all(|one| one.part.short == NO_ANSWER) {
        (no_answer(tries), if tries.1 == 0 { NO_ANSWER.to_owned() } else { format!("silent {}x", tries.1) })
    } else if let Some(one) = judged.first().filter(|_| judged.len() == 1 || unlooked) {
        (one.part.text.clone(), one.part.short.clone())
    } else {
        // One that has no short word is not checked.
        let short = |one: &Judged| match one.part.short.as_str() {
            "" => CellState::NotChecked.mark().to_owned(),
            short => short.to_owned(),
        };
        let parts: Vec<String> =
            judged.iter().enumerate().map(|(place, one)| format!("{} {}", name(place), short(one))).collect();
        (parts.join(" · "), short_parts(&parts, judged))
    };
    let figures = judged
        .iter()
        .enumerate()
        .filter_map(|(place, one)| {
            let (count, of) = one.part.figure?;
            Some(Figure { service: (!together).then(|| services[place]), count, of })
        })
        .collect();
    let trust = sight.as_ref().map_or(Trust::Silent, |sight| sight.trust);
    let old = sight.as_ref().is_some_and(|sight| sight.old);
    let missed = sight.as_ref().is_some_and(|sight| sight.missed);
    let overdue = as_of.is_none() && sight.as_ref().is_some_and(|sight| sight.overdue);
    Cell {
        state,
        text,
        short_text,
        at: as_of.or(sight.as_ref().and_then(|sight| sight.at)),
        from: as_of.or(sight.and_then(|sight| sight.from)),
        stale: as_of.is_some() || old,
        missed,
        overdue,
        complete: trust != Trust::Partial,
        reason,
        source,
        rests: judged
            .iter()
            .flat_map(|one| &one.rests)
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        figures,
    }
}

/// The parts of a narrow cell: words that are the same for all services are said once. A number is not:
/// it would pass for a sum.
fn short_parts(parts: &[String], judged: &[Judged]) -> String {
    let first = judged.first().map_or("", |one| one.part.short.as_str());
    let number = first.contains(|c: char| c.is_ascii_digit());
    if !number && judged.iter().all(|one| one.part.short == first) {
        return first.to_owned();
    }
    if judged.iter().all(|one| one.part.short.starts_with(LAST)) {
        return format!("{LAST}{}", parts.join(" ").replace(&format!(" {LAST}"), " "));
    }
    parts.join(" ")
}

/// Whether all services in scope share one reading of the component.
fn is_regional(component: Component) -> bool {
    matches!(component, Component::ControlPlane | Component::Directory | Component::Health)
}

/// A region is active for a shared component when it serves at least one service in scope.
fn regional_role(scene: &Scene<'_>, side: Side) -> Role {
    let roles: Vec<Role> = scene.services.iter().map(|&service| scene.role(service, side)).collect();
    [Role::Active, Role::Unknown, Role::Standby]
        .into_iter()
        .find(|role| roles.contains(role))
        .unwrap_or(Role::Closed)
}

fn is_configured(scene: &Scene<'_>, component: Component, service: usize, side: Side) -> bool {
    match component {
        Component::Profiles | Component::Storage => !scene.service(service).sides[side].accounts.is_empty(),
        Component::Directory => !scene.estate.directory[side].is_empty(),
        _ => true,
    }
}

/// The sources behind a component of one service on one side; [`Part::beside`] besides.
fn sources(scene: &Scene<'_>, component: Component, service: usize, side: Side) -> Vec<Source> {
    match component {
        Component::ControlPlane => vec![Source::Control(side)],
        Component::Pools => vec![Source::Pool(service, side)],
        Component::Hosts => vec![Source::Hosts(service, side)],
        Component::Sessions => vec![Source::Sessions(service, side)],
        Component::Assignments => vec![Source::Assignments(service, side)],
        Component::Profiles | Component::Storage => vec![Source::Storage(service, side)],
        Component::Directory => vec![Source::Directory(side)],
        Component::Capacity => {
            let mut all = vec![Source::Hosts(service, side), Source::Pool(service, side)];
            match scene.active(service).side() {
                // Where the active region is dead now the last known number of users is the need.
                Some(active) if active != side && scene.is_dead_now(service, active) => {}
                // And where it is only silent, room is told without it: it makes nothing here older.
                Some(active) if active != side && need_unknown(scene, service, side) => {}
                Some(active) => all.push(Source::Sessions(service, active)),
                None => all.extend(Side::BOTH.map(|each| Source::Sessions(service, each))),
            }
            all
        }
        Component::Health => vec![Source::Events],
    }
}

/// Whether nobody hears now how many users the other side has, without its being dead.
pub(super) fn need_unknown(scene: &Scene<'_>, service: usize, side: Side) -> bool {
    let Some(active) = scene.active(service).side().filter(|active| *active != side) else { return false };
    let users = Sight::of(scene.picture, &Source::Sessions(service, active), scene.now);
    !scene.is_dead_now(service, active) && users.at.is_some() && (users.trust != Trust::Good || users.missed)
}

/// How many standby hosts would have to start, service by service.
pub(super) fn cold_standby(scene: &Scene<'_>) -> Vec<Problem> {
    scene
        .services
        .iter()
        .filter_map(|&service| {
            let side = scene.active(service).side()?.other();
            let short = capacity::room(scene, service, side)?.hosts_short;
            let name = &scene.service(service).name;
            let code = scene.code(side);
            // The need is that of the users on the other side.
            let rests = [Source::Hosts(service, side), Source::Sessions(service, side.other())];
            (short > 0).then(|| Problem {
                state: CellState::Ok,
                text: format!(
                    "{name}: {code} needs {}, about {START_MINUTES} min to start",
                    counted(short as usize, "more host")
                ),
                component: Some(Component::Capacity),
                side: Some(side),
                at: rests.iter().filter_map(|source| Some(scene.picture.last(source)?.at)).min(),
                stale: rests.iter().any(|source| Sight::of(scene.picture, source, scene.now).is_past()),
                overdue: false,
            })
        })
        .collect()
}

fn component_source(component: Component) -> &'static str {
    match component {
        Component::ControlPlane => "control plane",
        Component::Pools => "host pool",
        Component::Hosts => "hosts",
        Component::Sessions => "sessions",
        Component::Assignments => "assignments",
        Component::Profiles | Component::Storage => "storage",
        Component::Directory => "directory",
        Component::Capacity => "hosts and sessions",
        Component::Health => "service health",
    }
}

fn sight(scene: &Scene<'_>, sources: &[Source]) -> Sight {
    sources
        .iter()
        .map(|source| Sight::of(scene.picture, source, scene.now))
        .reduce(Sight::join)
        .unwrap_or(Sight::none(None))
}

/// The last answer of a source.
pub(super) fn answer<'a>(scene: &Scene<'a>, source: &Source) -> Option<&'a Answer> {
    scene.picture.last(source).map(|look| &look.answer)
}

/// Remarks that are worth a line though nothing is wrong.
pub(super) fn remarks(scene: &Scene<'_>) -> Vec<Problem> {
    cold_standby(scene)
}
