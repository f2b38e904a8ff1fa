//! The lists behind a component, both regions side by side, twins on one line.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{Pair, Side, Source, estate::Estate, picture::Picture, seats, time::Timestamp},
    status::{Aged, CellState, Component, Drained, Row as SummaryRow, Scope, Summary},
};

use super::{
    plight::{self, Plight},
    query::{Fit, Query},
    rows::{self, Ground, service_of},
    screen::services,
    table::{self, Row, Sort},
};

/// Both regions' lists of a component, line by line.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    /// The lines; each holds something on at least one side.
    pub lines: Arc<Vec<Pair<Option<Row>>>>,
    /// What goes for a side as a whole.
    pub sides: Pair<Head>,
}

/// What lists were made from. As long as it is the same, so are they.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) component: Component,
    pub(super) scope: Scope,
    pub(super) filter: String,
    /// Whether names are masked: a filter finds by what is shown.
    pub(super) masked: bool,
    pub(super) sort: Sort,
    /// Of the picture.
    pub(super) revision: u64,
    /// The second, where rows say something else as time passes; ages that only grow are told anew when
    /// they are drawn.
    pub(super) second: Option<i64>,
    /// The hosts that the run in this window drained.
    pub(super) drained: Option<Arc<Drained>>,
    /// Which sources can be trusted: rows of others are only what was last seen.
    pub(super) holds: Vec<bool>,
}

/// What goes for one region's list as a whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Head {
    /// Rows that are shown.
    pub shown: usize,
    /// Rows of which the filter cannot tell: they are not shown.
    pub unknown: usize,
    /// Rows in all.
    pub total: usize,
    /// Columns of the screen that the longest field of each column takes, of the rows shown.
    pub longest: Vec<u16>,
    /// What is wrong with the list, in words; empty where it is whole and fresh.
    pub trouble: Vec<String>,
    /// What is not known of its rows, in words: another source that their columns rest on.
    pub notes: Vec<String>,
    /// What stands there in place of rows, where there are none.
    pub blank: Option<String>,
    /// When its oldest part was in.
    pub at: Option<Timestamp>,
    /// What its age counts from: that, or where a part never came the first request that was not answered,
    /// if that is older.
    pub from: Option<Timestamp>,
    /// Whether a part of it is only what was last seen.
    pub stale: bool,
    /// Whether a part of it never came, for longer than an answer would be trusted.
    pub overdue: bool,
}

impl Head {
    /// How far its age can be trusted.
    pub fn aged(&self) -> Aged {
        Aged::from(self.stale || self.overdue)
    }
}

/// What a list is made from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// The readings.
    pub picture: &'a Picture,
    /// Services in scope.
    pub scope: Scope,
    /// Hosts that the run in this window drained.
    pub drained: Option<&'a Drained>,
    /// The moment.
    pub now: Timestamp,
}

/// Both regions' lists of a component.
pub fn lists(component: Component, view: &View<'_>, query: &Query, sort: Sort) -> Lists {
    let mut heads = Pair::build(|_| Head::default());
    let mut rows = Pair::build(|side| read(component, view, side, &mut heads[side]));
    if component == Component::Sessions {
        match_users(view, &mut rows);
    }
    match_links(&mut rows);
    let fits = Pair::build(|side| rows[side].iter().map(|row| query.fits(row)).collect::<Vec<Fit>>());
    // A twin stays beside a row that fits, or nobody could compare them.
    let wanted: BTreeSet<String> = Side::BOTH
        .into_iter()
        .flat_map(|side| rows[side].iter().zip(&fits[side]))
        .filter(|(_, fit)| **fit == Fit::Yes)
        .filter_map(|(row, _)| row.link.clone())
        .collect();
    let mut kept = Pair::build(|_| Vec::new());
    for side in Side::BOTH {
        for (row, fit) in std::mem::take(&mut rows[side]).into_iter().zip(&fits[side]) {
            if *fit == Fit::Yes || row.link.as_ref().is_some_and(|link| wanted.contains(link)) {
                kept[side].push(row);
            } else if *fit == Fit::Unknown {
                heads[side].unknown += 1;
            }
        }
        heads[side].shown = kept[side].len();
        heads[side].longest = table::longest(columns(component).len(), kept[side].iter());
    }
    Lists { lines: Arc::new(pair_up(kept, sort)), sides: heads }
}

/// The same lists a moment later: their rows are kept, what is said of them as a whole is said anew.
pub(super) fn later(known: &Lists, component: Component, view: &View<'_>) -> Lists {
    let sides = Pair::build(|side| {
        let known = &known.sides[side];
        let mut head = Head {
            shown: known.shown,
            unknown: known.unknown,
            longest: known.longest.clone(),
            ..Head::default()
        };
        for source in sources(component, view.scope, view.estate, side) {
            about(view, &source, &mut head);
        }
        whole(component, view, side, known.total, &mut head);
        head
    });
    Lists { lines: known.lines.clone(), sides }
}

/// Makes lists as old as home calls them where their rows rest on more than their own answers: whether a
/// session lives is told by its host.
pub(super) fn as_old_as_home(lists: &mut Lists, component: Component, summary: &Summary) {
    if component != Component::Sessions {
        return;
    }
    for side in Side::BOTH {
        let head = &mut lists.sides[side];
        let Some(cell) = summary.cell(component, side).filter(|_| head.at.is_some()) else { continue };
        head.at = head.at.min(cell.at.or(head.at));
        head.from = head.from.min(cell.from.or(head.from));
        head.stale |= cell.stale;
        head.overdue |= cell.overdue;
    }
}

/// Which of the sources that the rows of a component rest on can be trusted.
pub(super) fn trusted(component: Component, view: &View<'_>) -> Vec<bool> {
    let all = Side::BOTH.into_iter().flat_map(|side| {
        let own = sources(component, view.scope, view.estate, side);
        own.into_iter().chain(rests_on_power(component).then_some(Source::Machines(side)))
    });
    all.map(|source| plight::holds(view.picture, &source, view.now)).collect()
}

/// What became of the latest looks behind a row of home that failed: who is refused before who is silent, then the
/// most tries first. What home asked is what it names, and nothing besides.
pub fn failing(row: &SummaryRow, view: &View<'_>) -> Vec<String> {
    let mut all: Vec<&Source> = Vec::new();
    for source in Side::BOTH.into_iter().flat_map(|side| &row.cells[side].rests) {
        if !all.contains(&source) {
            all.push(source);
        }
    }
    let mut failed: Vec<((bool, Reverse<u32>), String)> = Vec::new();
    for source in all {
        let code = source.side().map_or(String::new(), |side| format!("{} ", view.estate.regions[side].code));
        let what = format!("{code}{}", what(view.estate, source, view.scope));
        let Some(plight) = Plight::of(view.picture, source, view.now) else { continue };
        let Some(words) = plight.failed(&what, view.now) else { continue };
        let tries = view.picture.reading(source).map_or(0, |reading| reading.misses);
        failed.push(((matches!(plight, Plight::Silent { .. }), Reverse(tries)), words));
    }
    failed.sort_by_key(|(rank, _)| *rank);
    failed.into_iter().map(|(_, words)| words).collect()
}

/// The rows of one side, and what there is to say of them as a whole.
fn read(component: Component, view: &View<'_>, side: Side, head: &mut Head) -> Vec<Row> {
    let ground =
        Ground { estate: view.estate, picture: view.picture, side, drained: view.drained, now: view.now };
    let sources = sources(component, view.scope, view.estate, side);
    let mut rows: Vec<Row> = Vec::new();
    for source in &sources {
        let holds = plight::holds(view.picture, source, view.now);
        let seen = view.picture.last(source).map(|look| look.at);
        // What was last seen is shown, and is not what is.
        let told = |row: Row| if holds { row } else { Row { state: CellState::Unknown, ..row } };
        rows.extend(ground.rows(source).into_iter().map(|row| Row { seen, ..told(row) }));
        about(view, source, head);
    }
    whole(component, view, side, rows.len(), head);
    rows
}

/// Whether Compute tells what rows of a component are worth: of a host, of a session on it, of a machine.
fn rests_on_power(component: Component) -> bool {
    match component {
        Component::Hosts | Component::Capacity | Component::Sessions | Component::Health => true,
        Component::ControlPlane
        | Component::Pools
        | Component::Assignments
        | Component::Profiles
        | Component::Storage
        | Component::Directory => false,
    }
}

/// What there is to say of a source.
fn about(view: &View<'_>, source: &Source, head: &mut Head) {
    let last = view.picture.last(source);
    head.stale |= last.is_some() && !plight::holds(view.picture, source, view.now);
    head.overdue |= view.picture.is_overdue(source, view.now);
    let what = what(view.estate, source, view.scope);
    head.trouble
        .extend(Plight::of(view.picture, source, view.now).map(|plight| plight.brief(&what, view.now)));
    let at = last.map(|look| look.at);
    head.at = [head.at, at].into_iter().flatten().min();
    head.from =
        [head.from, at.or_else(|| plight::silent_since(view.picture, source))].into_iter().flatten().min();
}

/// What there is to say of a side with `total` rows.
fn whole(component: Component, view: &View<'_>, side: Side, total: usize, head: &mut Head) {
    if matches!(component, Component::Hosts | Component::Capacity) && total > 0 {
        let machines = Source::Machines(side);
        let plight = Plight::of(view.picture, &machines, view.now);
        head.notes.extend(plight.map(|plight| plight.brief("power", view.now)));
    }
    head.total = total;
    if total == 0 && head.trouble.is_empty() {
        let plight = match head.at {
            Some(at) => Plight::Empty(at),
            None => Plight::NotConfigured,
        };
        head.blank = Some(plight.words(component.label(), view.now));
    }
}

/// `hosts of hr`, or `hosts` where only one service is in scope.
fn what(estate: &Estate, source: &Source, scope: Scope) -> String {
    match service_of(source).and_then(|index| estate.services.get(index)) {
        Some(service) if scope == Scope::All => format!("{} of {}", source.word(), service.name),
        _ => source.word().to_owned(),
    }
}

/// Sessions are linked where a user has some in both regions, which nobody should. Where one region lists them
/// on silent hosts only, nobody knows whether that is so.
fn match_users(view: &View<'_>, rows: &mut Pair<Vec<Row>>) {
    let users = |rows: &[Row]| rows.iter().filter_map(|row| row.link.clone()).collect::<BTreeSet<_>>();
    let listed: BTreeSet<String> =
        users(&rows.primary).intersection(&users(&rows.secondary)).cloned().collect();
    // Where a list is not whole each row tells whether its session lives.
    let lives = |rows: &[Row]| {
        let of = rows.iter().filter(|row| row.state != CellState::Unknown);
        of.filter_map(|row| row.link.clone()).collect::<BTreeSet<_>>()
    };
    let (one, two) = (lives(&rows.primary), lives(&rows.secondary));
    let unproven: BTreeSet<String> = services(view.scope, view.estate)
        .filter(|_| !listed.is_empty())
        .flat_map(|(index, service)| {
            if let Some(seats) = seats::seats(view.picture, index) {
                seats.unproven.into_iter().map(|user| rows::seat(user.as_str(), service)).collect::<Vec<_>>()
            } else {
                let own = rows::seat("", service);
                let of = listed.iter().filter(|link| link.ends_with(&own));
                of.filter(|link| !one.contains(*link) || !two.contains(*link)).cloned().collect()
            }
        })
        .collect();
    for side in Side::BOTH {
        for row in &mut rows[side] {
            match row.link.as_ref().filter(|user| listed.contains(*user)) {
                Some(user) if unproven.contains(user) => row.state = CellState::Unknown,
                Some(_) => row.state = CellState::Crit,
                None => row.link = None,
            }
        }
    }
}

/// Makes links tell lines apart: where one side has two rows of one link, the second gets its own.
fn match_links(rows: &mut Pair<Vec<Row>>) {
    for side in Side::BOTH {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for link in rows[side].iter_mut().filter_map(|row| row.link.as_mut()) {
            let count = seen.entry(link.clone()).or_default();
            *count += 1;
            if *count > 1 {
                *link = format!("{link} {count}");
            }
        }
    }
}

/// Linked rows share a line, also with nothing; all others stand side by side as they come.
fn pair_up(rows: Pair<Vec<Row>>, sort: Sort) -> Vec<Pair<Option<Row>>> {
    let mut linked: BTreeMap<String, Pair<Option<Row>>> = BTreeMap::new();
    let mut loose = Pair::build(|_| Vec::new());
    let Pair { primary, secondary } = rows;
    for (side, rows) in [(Side::Primary, primary), (Side::Secondary, secondary)] {
        for row in rows {
            match row.link.clone() {
                Some(link) => {
                    let line = linked.entry(link).or_insert_with(|| Pair::build(|_| None));
                    line[side] = Some(row);
                }
                None => loose[side].push(row),
            }
        }
        loose[side].sort_by(|one, two| sort.order(one, two));
    }
    let mut lines: Vec<Pair<Option<Row>>> = linked.into_values().collect();
    lines.sort_by(|one, two| line_order(sort, one, two));
    let count = loose.primary.len().max(loose.secondary.len());
    let Pair { primary, secondary } = loose;
    let (mut left, mut right) = (primary.into_iter(), secondary.into_iter());
    lines.extend((0..count).map(|_| Pair { primary: left.next(), secondary: right.next() }));
    lines
}

/// Lines stand where the row that comes first of their two would stand.
fn line_order(sort: Sort, one: &Pair<Option<Row>>, two: &Pair<Option<Row>>) -> Ordering {
    fn first(sort: Sort, line: &Pair<Option<Row>>) -> Option<&Row> {
        match (line.primary.as_ref(), line.secondary.as_ref()) {
            (Some(one), Some(two)) if sort.order(one, two) == Ordering::Greater => Some(two),
            (Some(one), _) => Some(one),
            (None, two) => two,
        }
    }
    match (first(sort, one), first(sort, two)) {
        (Some(one), Some(two)) => sort.order(one, two),
        (one, two) => one.is_none().cmp(&two.is_none()),
    }
}

/// What stands behind a component in one region; nothing where the estate file names nothing.
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
        Component::Profiles | Component::Storage => services(scope, estate)
            .filter(|(_, service)| !service.sides[side].accounts.is_empty())
            .map(|(index, _)| Source::Storage(index, side))
            .collect(),
        Component::Directory if estate.directory[side].is_empty() => Vec::new(),
        Component::Directory => vec![Source::Directory(side)],
        Component::Health => vec![Source::Events, Source::Availability(side)],
    }
}

/// The columns of a component's list.
pub fn columns(component: Component) -> &'static [super::table::Column] {
    rows::columns(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            detail::{Subject, detail},
            scene::{self, Weather, noon},
        },
        domain::{
            Answer, Listing, Observation,
            compute::{Power, VirtualMachine},
            health::Availability,
            pool::{Heartbeat, HostStatus, SessionHost, UserSession},
            reading::{Silence, SilenceKind},
            standing,
            time::seconds,
        },
    };

    fn picture(more: impl FnOnce(&Estate, &mut Picture)) -> (Estate, Picture) {
        let (estate, mut picture) = (scene::estate(), Picture::default());
        for seen in scene::readings(Weather::Calm) {
            picture.take(seen);
        }
        more(&estate, &mut picture);
        (estate, picture)
    }

    fn came(picture: &mut Picture, source: Source, answer: Answer) {
        let ended = noon() - seconds(1);
        picture.take(Observation { source, started: ended, ended, outcome: Ok(answer) });
    }

    fn lines(
        estate: &Estate,
        picture: &Picture,
        component: Component,
        filter: &str,
        sort: Sort,
    ) -> Vec<String> {
        let view = View { estate, picture, scope: Scope::All, drained: None, now: noon() };
        let query = Query::parse(filter, columns(component)).unwrap();
        let lists = lists(component, &view, &query, sort);
        let name = |row: &Option<Row>| row.as_ref().map_or("-".to_owned(), |row| row.name().to_owned());
        lists.lines.iter().map(|line| format!("{}|{}", name(&line.primary), name(&line.secondary))).collect()
    }

    fn sessions(picture: &Picture, side: Side) -> Vec<UserSession> {
        match picture.last(&Source::Sessions(0, side)).map(|look| &look.answer) {
            Some(Answer::Sessions(all)) => all.seen().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_line_is_empty_on_both_sides_whatever_is_filtered_and_sorted() {
        let (estate, picture) = picture(|_, _| {});
        for component in Component::ALL {
            let columns = columns(component);
            for filter in ["", "01", "zzz", "we"] {
                for column in (0..columns.len()).map(Some).chain([None]) {
                    for way in [super::super::table::Way::Forth, super::super::table::Way::Back] {
                        let all = lines(&estate, &picture, component, filter, Sort { column, way });
                        assert!(all.iter().all(|line| line != "-|-"), "{component:?} {filter} {all:?}");
                    }
                }
            }
        }
    }

    /// Home calls a cold standby ok; the list behind it must not warn of each of its hosts.
    #[test]
    fn a_host_that_is_put_off_has_one_word_and_is_no_warning() {
        let side = Side::Secondary;
        let (estate, picture) = picture(|_, picture| {
            let machines = standing::machines(picture, &Source::Machines(side)).unwrap().seen().to_vec();
            let state = |vm: &VirtualMachine| {
                let off = vm.power.as_ref().is_some_and(Power::is_off);
                let gone = off || vm.id.name().ends_with("hr-02");
                Availability {
                    resource: vm.id.clone(),
                    state: if gone { "Unavailable" } else { "Available" }.into(),
                }
            };
            let all = machines.iter().map(state).collect();
            came(picture, Source::Availability(side), Answer::Availability(Listing::whole(all, 1)));
        });
        let view = View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
        let lists = lists(Component::Health, &view, &Query::default(), Sort::default());
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for row in lists.lines.iter().filter_map(|line| line.secondary.as_ref()) {
            *seen.entry(format!("{} {}", row.state.mark().trim(), row.fields[1].text)).or_default() += 1;
        }
        let expected = [("! Unavailable", 1), ("- deallocated", 14), ("ok Available", 5)];
        assert_eq!(seen, expected.map(|(word, count)| (word.to_owned(), count)).into());
    }

    #[test]
    fn groups_and_pools_stand_beside_their_twins_also_where_one_is_missing() {
        let source = Source::Groups(0, Side::Secondary);
        let (estate, picture) = picture(|_, picture| {
            let Some(Answer::Groups(all)) = picture.last(&source).map(|look| look.answer.clone()) else {
                panic!()
            };
            let left = all.into_seen().into_iter().filter(|group| group.id.name() != "dag1-ne").collect();
            came(picture, source.clone(), Answer::Groups(Listing::whole(left, 1)));
        });
        let all = lines(&estate, &picture, Component::Pools, "", Sort::default());
        assert_eq!(
            all[0], "dag1-we|dag1-ne",
            "what the estate file names and Azure does not list comes first"
        );
        assert!(all.contains(&"hp-hr-we|hp-hr-ne".to_owned()), "{all:?}");
        // A twin stays where only one of the two fits.
        let found = lines(&estate, &picture, Component::Pools, "hp-fin-ne", Sort::default());
        assert_eq!(found, ["hp-fin-we|hp-fin-ne"]);
    }

    /// What becomes of the first host in the list, whether that list is whole, and what is said of a session
    /// on it.
    type Case = (&'static str, fn(&mut Vec<SessionHost>), bool, &'static str);

    #[test]
    fn of_a_session_no_more_is_said_than_is_known_of_its_host() {
        let cases: [Case; 8] = [
            ("it beats", |_| {}, true, "Active"),
            ("it is silent", |hosts| hosts[0].heartbeat = Heartbeat::Never, true, "Active, host silent"),
            (
                "nobody knows when it beat",
                |hosts| hosts[0].heartbeat = Heartbeat::Unknown,
                true,
                "Active, heartbeat of its host not known",
            ),
            (
                "it beats by a clock that nobody knows",
                |hosts| hosts[0].heartbeat = Heartbeat::At(noon() + seconds(600)),
                true,
                "Active, heartbeat of its host not known",
            ),
            ("it is not listed", |hosts| drop(hosts.remove(0)), true, "Active, host not listed"),
            ("its page did not come", |hosts| drop(hosts.remove(0)), false, "Active"),
            ("it is listed in part of a list", |_| {}, false, "Active"),
            (
                "it is silent in part of a list",
                |hosts| hosts[0].heartbeat = Heartbeat::Never,
                false,
                "Active, host silent",
            ),
        ];
        for (name, spoil, whole, words) in cases {
            let (estate, picture) = picture(|_, picture| {
                let source = Source::Hosts(0, Side::Primary);
                let mut hosts = standing::hosts(picture, &source).unwrap().seen().to_vec();
                spoil(&mut hosts);
                let all = if whole {
                    Listing::whole(hosts, 1)
                } else {
                    Listing::partial(hosts, 1, "page 2 did not come".into())
                };
                came(picture, source, Answer::Hosts(all));
            });
            let expected = match words {
                "Active" => words.to_owned(),
                words => format!("last told: {words}"),
            };
            let view =
                View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
            let query = Query::parse("user0000@", columns(Component::Sessions)).unwrap();
            let found = lists(Component::Sessions, &view, &query, Sort::default());
            let row = found.lines[0].primary.as_ref().unwrap();
            let state = &row.fields[2];
            assert_eq!(state.full.as_deref().unwrap_or(&state.text), expected, "{name}");
            let doubtful = expected != "Active";
            assert_eq!(row.state, if doubtful { CellState::Unknown } else { CellState::Ok }, "{name}");
            assert_eq!(state.text.ends_with('?'), doubtful, "{name}: {}", state.text);
            // All of it is told in the same words.
            let objects = Pair { primary: row.object.clone(), secondary: None };
            let subject = Subject { objects, names: Pair::build(|_| String::new()) };
            let whole = detail(&view, &subject, Side::Primary).unwrap();
            let told = whole.facts().find(|(_, fact)| fact.name == "state").unwrap();
            assert_eq!(told.1.value, expected, "{name}");
        }
    }

    #[test]
    fn a_host_of_which_nobody_knows_when_it_beat_is_called_neither_alive_nor_dead() {
        let cases = [
            (Heartbeat::At(noon() - seconds(20)), CellState::Ok, "yes"),
            (Heartbeat::Never, CellState::Crit, "no"),
            (Heartbeat::Unknown, CellState::Unknown, "not known, nor is its heartbeat"),
            (Heartbeat::At(noon() + seconds(600)), CellState::Unknown, "not known, nor is its heartbeat"),
        ];
        for (heartbeat, state, usable) in cases {
            let (estate, picture) = picture(|_, picture| {
                let source = Source::Hosts(0, Side::Primary);
                let hosts = standing::hosts(picture, &source).unwrap().clone();
                came(picture, source, Answer::Hosts(hosts.each(|host| host.heartbeat = heartbeat)));
            });
            let view =
                View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
            let query = Query::parse("shwe-hr-01", columns(Component::Hosts)).unwrap();
            let found = lists(Component::Hosts, &view, &query, Sort::default());
            let row = found.lines[0].primary.as_ref().unwrap();
            assert_eq!(row.state, state, "{heartbeat:?}");
            let objects = Pair { primary: row.object.clone(), secondary: None };
            let subject = Subject { objects, names: Pair::build(|_| String::new()) };
            let whole = detail(&view, &subject, Side::Primary).unwrap();
            let told = whole.facts().find(|(_, fact)| fact.name == "usable now").unwrap();
            assert_eq!(told.1.value, usable, "{heartbeat:?}");
        }
    }

    /// A host that is off is none that broke: its sign and its words say so, by Compute where that is known.
    #[test]
    fn a_host_that_is_off_is_called_off_and_not_silent() {
        use Power::{Deallocated, Running, Stopped};
        let strange = || Some(Power::Unknown("unknown".into()));
        let old = Heartbeat::At(noon() - seconds(720));
        let (off, no) = ("no, it is off", "no");
        for (status, heartbeat, power, state, usable, beat) in [
            (
                HostStatus::Shutdown,
                Heartbeat::Never,
                Some(Deallocated),
                CellState::NotChecked,
                off,
                "never, the host is off",
            ),
            (HostStatus::Shutdown, old, Some(Deallocated), CellState::NotChecked, off, ", the host is off"),
            (HostStatus::Shutdown, old, None, CellState::NotChecked, off, ", the host is off"),
            (HostStatus::Unavailable, old, Some(Stopped), CellState::NotChecked, off, ", the host is off"),
            (HostStatus::Unavailable, old, Some(Running), CellState::Crit, no, "too old, the host is silent"),
            (HostStatus::Unavailable, old, None, CellState::Crit, no, "too old, the host is silent"),
            (HostStatus::Unavailable, old, strange(), CellState::Crit, no, "too old, the host is silent"),
            (HostStatus::Unavailable, Heartbeat::Never, strange(), CellState::Crit, no, "never"),
            // As the signs of death do.
            (HostStatus::Shutdown, old, strange(), CellState::NotChecked, off, ", the host is off"),
            (HostStatus::Shutdown, old, Some(Running), CellState::Crit, no, "too old, the host is silent"),
        ] {
            let told = format!("{status:?} {heartbeat:?} {power:?}");
            let side = Side::Primary;
            let (estate, picture) = picture(|_, picture| {
                let hosts = standing::hosts(picture, &Source::Hosts(0, side)).unwrap().clone();
                let each = hosts.each(|host| {
                    (host.heartbeat, host.status) = (heartbeat, status.clone());
                });
                came(picture, Source::Hosts(0, side), Answer::Hosts(each));
                let machines = standing::machines(picture, &Source::Machines(side)).unwrap().clone();
                let machines = machines.each(|machine| machine.power = power.clone());
                came(picture, Source::Machines(side), Answer::Machines(machines));
            });
            let view =
                View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
            let query = Query::parse("shwe-hr-01", columns(Component::Hosts)).unwrap();
            let found = lists(Component::Hosts, &view, &query, Sort::default());
            let row = found.lines[0].primary.as_ref().unwrap();
            assert_eq!(row.state, state, "{told}");
            let objects = Pair { primary: row.object.clone(), secondary: None };
            let subject = Subject { objects, names: Pair::build(|_| String::new()) };
            let whole = detail(&view, &subject, side).unwrap();
            let fact = |name: &str| {
                let found = whole.facts().find(|(_, fact)| fact.name == name).unwrap();
                found.1.value.clone()
            };
            assert_eq!(fact("usable now"), usable, "{told}");
            assert!(fact("heartbeat").ends_with(beat), "{told}: {}", fact("heartbeat"));
        }
    }

    /// The first host silent and of that status, and what Compute said of all machines that many seconds ago.
    fn long_ago(
        picture: &mut Picture,
        side: Side,
        (status, power): (&HostStatus, &Power),
        (age, denied): (i64, bool),
    ) {
        let hosts = standing::hosts(picture, &Source::Hosts(0, side)).unwrap().clone();
        let first = hosts.seen()[0].id.clone();
        let hosts = hosts.each(|host| {
            if host.id == first {
                host.heartbeat = Heartbeat::At(noon() - seconds(12_000));
                host.status = status.clone();
            }
        });
        let machine = hosts.seen()[0].vm.clone().unwrap();
        came(picture, Source::Hosts(0, side), Answer::Hosts(hosts));
        let gone = Availability { resource: machine, state: "Unavailable".into() };
        let gone = Answer::Availability(Listing::whole(vec![gone], 1));
        came(picture, Source::Availability(side), gone);
        let machines = standing::machines(picture, &Source::Machines(side)).unwrap().clone();
        let machines = machines.each(|machine| machine.power = Some(power.clone()));
        let mut aged = Picture::default();
        let others = picture.iter().filter(|(source, _)| **source != Source::Machines(side));
        for (source, reading) in others {
            if let Some(look) = &reading.last {
                came(&mut aged, source.clone(), look.answer.clone());
            }
        }
        let ended = noon() - seconds(age);
        let source = Source::Machines(side);
        let outcome = Ok(Answer::Machines(machines));
        aged.take(Observation { source: source.clone(), started: ended, ended, outcome });
        if denied {
            let why = Silence { kind: SilenceKind::Denied, why: "AuthorizationFailed".into() };
            let ended = noon() - seconds(2);
            aged.take(Observation { source, started: ended, ended, outcome: Err(why) });
        }
        *picture = aged;
    }

    /// What Compute said long ago tells of no host whether it is off now, whoever asks: the list, a session on it,
    /// Resource Health, the detail.
    #[test]
    fn what_compute_said_long_ago_calls_no_host_off_or_silent() {
        use CellState::{Crit, NotChecked, Unknown, Warn};
        type Told = (CellState, &'static str, &'static str, CellState);
        let sure: [Told; 2] =
            [(NotChecked, "no, it is off", "host off", NotChecked), (Crit, "no", "host silent", Warn)];
        let unsure: Told = (Unknown, "no, it is off or silent", "host off or silent", Warn);
        let cases: [(&str, HostStatus, Power, i64, bool, Told); 7] = [
            ("off", HostStatus::Unavailable, Power::Deallocated, 1, false, sure[0]),
            ("on", HostStatus::Unavailable, Power::Running, 1, false, sure[1]),
            ("shut down since", HostStatus::Shutdown, Power::Running, 31, false, unsure),
            ("on again since", HostStatus::Unavailable, Power::Deallocated, 31, false, unsure),
            ("hours ago", HostStatus::Unavailable, Power::Running, 9_000, false, unsure),
            ("denied since", HostStatus::Unavailable, Power::Deallocated, 9, true, unsure),
            ("denied, and shut down", HostStatus::Shutdown, Power::Running, 9, true, unsure),
        ];
        let side = Side::Primary;
        for (name, status, power, age, denied, (state, usable, doubt, health)) in cases {
            let (estate, picture) = picture(|_, picture| {
                long_ago(picture, side, (&status, &power), (age, denied));
            });
            let view =
                View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
            let first = |component, filter| {
                let query = Query::parse(filter, columns(component)).unwrap();
                let found = lists(component, &view, &query, Sort::default());
                found.lines[0].primary.clone().unwrap()
            };
            let row = first(Component::Hosts, "shwe-hr-01");
            assert_eq!(row.state, state, "{name}");
            let subject = Subject {
                objects: Pair { primary: row.object.clone(), secondary: None },
                names: Pair::build(|_| String::new()),
            };
            let whole = detail(&view, &subject, side).unwrap();
            let told = whole.facts().find(|(_, fact)| fact.name == "usable now").unwrap();
            assert_eq!(told.1.value, usable, "{name}");
            // Home says no more.
            let summary = crate::status::summarize(&estate, &picture, &[], Scope::Service(0), noon());
            let home = summary.cell(Component::Hosts, side).unwrap();
            assert_eq!(
                home.text.contains("cold or silent") || home.stale,
                state == Unknown,
                "{name}: {home:?}"
            );
            let session = first(Component::Sessions, "user0000@");
            let said = session.fields[2].full.clone().unwrap_or_default();
            let ends = [format!("{doubt} since "), format!("{doubt}, not heard since ")];
            assert!(ends.iter().any(|end| said.contains(end.as_str())), "{name}: {said}");
            assert_eq!(first(Component::Health, "shwe-hr-01").state, health, "{name}");
        }
    }

    /// A host that is on its way up is no trouble in its list, as on home.
    #[test]
    fn a_host_that_starts_has_no_cross() {
        for (power, state) in [(Power::Starting, CellState::NotChecked), (Power::Running, CellState::Crit)] {
            let (estate, picture) = picture(|_, picture| {
                long_ago(picture, Side::Primary, (&HostStatus::Unavailable, &power), (1, false));
            });
            let view =
                View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
            let query = Query::parse("shwe-hr-01", columns(Component::Hosts)).unwrap();
            let found = lists(Component::Hosts, &view, &query, Sort::default());
            assert_eq!(found.lines[0].primary.as_ref().unwrap().state, state, "{power:?}");
        }
    }

    /// A machine that a list which is not whole does not tell of is not on because of that.
    #[test]
    fn a_list_of_machines_that_is_not_whole_calls_no_host_silent() {
        let side = Side::Primary;
        let (estate, picture) = picture(|_, picture| {
            long_ago(picture, side, (&HostStatus::Unavailable, &Power::Deallocated), (1, false));
            let source = Source::Machines(side);
            let listed = standing::machines(picture, &source).unwrap().seen()[1..].to_vec();
            let cut = Listing::partial(listed, 1, "page 2 did not come".into());
            came(picture, source, Answer::Machines(cut));
        });
        let view = View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
        let state = |component, filter| {
            let query = Query::parse(filter, columns(component)).unwrap();
            let found = lists(component, &view, &query, Sort::default());
            let row = found.lines[0].primary.clone().unwrap();
            (row.state, row.fields[2].full.clone().unwrap_or_default())
        };
        assert_eq!(state(Component::Hosts, "shwe-hr-01").0, CellState::Unknown);
        let session = state(Component::Sessions, "user0000@").1;
        assert!(session.contains("host off or silent"), "{session}");
    }

    fn refused(picture: &mut Picture, source: Source) {
        let why = Silence { kind: SilenceKind::Denied, why: "AuthorizationFailed".into() };
        picture.take(Observation { source, started: noon(), ended: noon(), outcome: Err(why) });
    }

    /// What is said to fail behind a row of home is what its cells rest on: all of it, and nothing besides.
    #[test]
    fn a_row_of_home_names_what_fails_behind_it_and_nothing_else() {
        use Component::{Capacity, Health, Hosts, Pools, Sessions};
        let (one, two) = (Side::Primary, Side::Secondary);
        let named: [(Source, &[Component]); 8] = [
            (Source::Hosts(0, one), &[Hosts, Sessions, Capacity]),
            (Source::Pool(1, one), &[Pools, Capacity]),
            (Source::Sessions(0, one), &[Sessions, Capacity]),
            // Half of the standby is cold: which half, Compute tells.
            (Source::Machines(two), &[Hosts, Capacity]),
            (Source::Machines(one), &[]),
            (Source::Availability(one), &[]),
            (Source::Groups(0, one), &[]),
            (Source::Events, &[Health]),
        ];
        let (estate, calm) = picture(|_, _| {});
        let summary = |picture: &Picture| crate::status::summarize(&estate, picture, &[], Scope::All, noon());
        let before = summary(&calm);
        let mut sources: BTreeSet<Source> = calm.iter().map(|(source, _)| source.clone()).collect();
        sources.extend(named.iter().map(|(source, _)| source.clone()));
        for source in sources {
            let mut picture = calm.clone();
            refused(&mut picture, source.clone());
            let view =
                View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
            let after = summary(&picture);
            let mut told = Vec::new();
            for (row, calm) in after.rows.iter().zip(&before.rows) {
                let lines = failing(row, &view);
                let code =
                    source.side().map_or(String::new(), |side| format!("{} ", estate.regions[side].code));
                let line = format!("{code}{}", what(&estate, &source, Scope::All));
                assert!(lines.iter().all(|one| one.starts_with(&line)), "{source:?}: {lines:?}");
                // Who is active decides what every row is; nobody looks that up here.
                if !matches!(source, Source::Assignments(..)) {
                    assert_eq!(lines.len(), usize::from(row != calm), "{source:?}: {row:?}");
                }
                told.extend((!lines.is_empty()).then_some(row.component));
            }
            if let Some((_, rows)) = named.iter().find(|(known, _)| *known == source) {
                assert_eq!(told.iter().collect::<BTreeSet<_>>(), rows.iter().collect(), "{source:?}");
            }
        }
    }

    #[test]
    fn who_is_refused_is_named_before_who_is_silent() {
        let (estate, picture) = picture(|_, picture| {
            let source = Source::Hosts(0, Side::Primary);
            for _ in 0..3 {
                let why = Silence { kind: SilenceKind::Unreachable, why: "no answer in 10 s".into() };
                let (source, started) = (source.clone(), noon());
                picture.take(Observation { source, started, ended: started, outcome: Err(why) });
            }
            refused(picture, Source::Hosts(1, Side::Secondary));
        });
        let view = View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
        let summary = crate::status::summarize(&estate, &picture, &[], Scope::All, noon());
        let row = summary.rows.iter().find(|row| row.component == Component::Hosts).unwrap();
        let lines = failing(row, &view);
        assert!(lines[0].starts_with("NE hosts of fin: not allowed to look"), "{lines:?}");
        assert!(lines[1].starts_with("WE hosts of hr: 3 tries"), "{lines:?}");
    }

    /// Lists that are kept are made anew when Compute falls silent, where their rows rest on it.
    #[test]
    fn lists_that_rest_on_compute_are_made_anew_when_it_grows_old() {
        for component in Component::ALL {
            let (estate, picture) = picture(|_, _| {});
            let of = |picture: &Picture| {
                trusted(
                    component,
                    &View { estate: &estate, picture, scope: Scope::All, drained: None, now: noon() },
                )
            };
            let calm = of(&picture);
            for side in Side::BOTH {
                let mut denied = picture.clone();
                refused(&mut denied, Source::Machines(side));
                let rests = matches!(
                    component,
                    Component::Hosts | Component::Capacity | Component::Sessions | Component::Health
                );
                assert_eq!(of(&denied) != calm, rests, "{component:?}");
            }
        }
    }

    #[test]
    fn a_user_in_both_regions_stands_on_one_line_in_front_of_all_others() {
        let (estate, picture) = picture(|_, picture| {
            let both = sessions(picture, Side::Primary)[7].clone();
            came(
                picture,
                Source::Sessions(0, Side::Secondary),
                Answer::Sessions(Listing::whole(vec![both], 1)),
            );
        });
        let all = lines(&estate, &picture, Component::Sessions, "", Sort::default());
        assert_eq!(all[0], "user0007@contoso.example|user0007@contoso.example");
        assert_eq!(all.len(), 299);
    }
    /// The state of user 7 in WE, who has a session of that service in NE too.
    fn seated_twice(service: usize, silent: bool, whole: bool) -> CellState {
        let (estate, picture) = picture(|_, picture| {
            let user = sessions(picture, Side::Primary)[7].clone();
            let host = user.id.parent_key().unwrap().to_owned();
            // Where it stood there its host there beats.
            let there = standing::hosts(picture, &Source::Hosts(service, Side::Secondary)).unwrap().seen();
            let beats = there.iter().find(|one| one.beats(noon())).unwrap().id.clone();
            let mut moved = user.clone();
            moved.id = beats.child(&format!("userSessions/{}", 7));
            let there = if whole {
                Listing::whole(vec![moved], 1)
            } else {
                Listing::partial(vec![moved], 1, "page 2 did not come".into())
            };
            came(picture, Source::Sessions(service, Side::Secondary), Answer::Sessions(there));
            let source = Source::Hosts(0, Side::Primary);
            let mut hosts = standing::hosts(picture, &source).unwrap().seen().to_vec();
            let his = hosts.iter_mut().find(|one| one.id.key() == host).unwrap();
            if silent {
                his.heartbeat = Heartbeat::At(noon() - seconds(1_800));
            }
            came(picture, source, Answer::Hosts(Listing::whole(hosts, 1)));
        });
        let view = View { estate: &estate, picture: &picture, scope: Scope::All, drained: None, now: noon() };
        let query = Query::parse("user0007", columns(Component::Sessions)).unwrap();
        let lists = lists(Component::Sessions, &view, &query, Sort::default());
        assert!(lists.lines[0].secondary.is_some());
        lists.lines[0].primary.as_ref().unwrap().state
    }

    /// As home and the gate have it: a session on a silent host puts nobody in both for sure, and two services
    /// in two regions put nobody in both at all.
    #[test]
    fn a_user_is_in_both_regions_of_one_service_and_for_sure_where_the_host_beat() {
        for whole in [true, false] {
            assert_eq!(seated_twice(0, false, whole), CellState::Crit, "{whole}");
            assert_eq!(seated_twice(0, true, whole), CellState::Unknown, "{whole}");
            assert_eq!(seated_twice(1, false, whole), CellState::Ok, "{whole}");
        }
    }
}
