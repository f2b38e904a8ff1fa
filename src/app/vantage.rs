//! Is a region dead, or can only this machine not see it? What answers, what does not, and every
//! sign of death with its value.

use crate::{
    domain::{
        Pair, Side, Source,
        death::{self, Evidence, Holds},
        estate::Estate,
        picture::Picture,
        signs::{Grade, RegionSigns, Stated},
        time::{Timestamp, minutes},
    },
    engine::RunView,
    readiness::LocalFacts,
    status::{CellState, Scope},
};

use super::{
    plight::{self, Plight},
    screen::services,
};

/// The whole of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Vantage {
    /// The kinds of calls, both regions on one line.
    pub calls: Vec<Line>,
    /// The signs of death, one to five.
    pub signs: Vec<Line>,
    /// What follows from them, worst first.
    pub verdicts: Vec<Verdict>,
}

impl Vantage {
    /// All that has the two regions on one line, in the order of the screen: the signs first, a small window
    /// shows what decides.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.signs.iter().chain(&self.calls)
    }
}

/// Something that follows from what is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How it stands.
    pub state: CellState,
    /// In words.
    pub text: String,
    /// When the oldest was in that it rests on; `None`: it rests on no look.
    pub at: Option<Timestamp>,
    /// Whether that is too old to stand for now.
    pub stale: bool,
}

/// The same thing of both regions.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What.
    pub label: &'static str,
    /// How it is in each.
    pub cells: Pair<Cell>,
}

/// One thing of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// How it stands.
    pub state: CellState,
    /// In few words.
    pub text: String,
    /// In full, for the line under the cursor.
    pub full: String,
    /// Age of what it rests on.
    pub at: Option<Timestamp>,
    /// Whether that is too old to stand for now.
    pub stale: bool,
    /// Whether it is told by what answers for no one region.
    pub global: bool,
}

/// What is asked of each region, by the word on screen. The order is that of the screen.
type Asked = fn(&Estate, usize, Side) -> Option<Source>;
const CALLS: [(&str, Asked); 8] = [
    ("control", |_, _, side| Some(Source::Control(side))),
    ("pools", |_, service, side| Some(Source::Pool(service, side))),
    ("hosts", |_, service, side| Some(Source::Hosts(service, side))),
    ("sessions", |_, service, side| Some(Source::Sessions(service, side))),
    ("assignments", |_, service, side| Some(Source::Assignments(service, side))),
    ("machines", |_, _, side| Some(Source::Machines(side))),
    ("storage", |estate, service, side| {
        let any = !estate.services.get(service)?.sides[side].accounts.is_empty();
        any.then_some(Source::Storage(service, side))
    }),
    ("directory", |estate, _, side| (!estate.directory[side].is_empty()).then_some(Source::Directory(side))),
];

/// The signs, by the word on screen.
const SIGNS: [&str; 5] = ["1 posted", "2 beats", "3 calls", "4 storage", "5 a person"];

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// The readings.
    pub picture: &'a Picture,
    /// Services in scope.
    pub scope: Scope,
    /// What this machine knows of itself.
    pub facts: &'a LocalFacts,
    /// The run in which a person would.
    pub run: Option<&'a RunView>,
    /// The moment.
    pub now: Timestamp,
}

impl Ground<'_> {
    /// What is seen of a side for the services in scope, and stated of it.
    fn signs(&self, side: Side) -> RegionSigns {
        let in_scope: Vec<usize> = services(self.scope, self.estate).map(|(index, _)| index).collect();
        let stated: Vec<Stated> = self.run.and_then(RunView::stated).into_iter().collect();
        RegionSigns::seen(self.estate, self.picture, &in_scope, side, &stated, self.now)
    }

    /// Whether users in scope are served by a side that counts as dead.
    fn serves_and_is_dead(&self, side: Side) -> bool {
        let signs = self.signs(side);
        signs.dead() && signs.serves
    }
}

/// How it looks from here.
pub fn vantage(ground: &Ground<'_>) -> Vantage {
    // Found out once: it looks at every host of the region.
    let faults = Pair::build(|side| ground.serves_and_is_dead(side));
    let calls: Vec<Line> = CALLS
        .iter()
        .map(|(label, asked)| Line {
            label,
            cells: Pair::build(|side| call(ground, *asked, side, faults[side])),
        })
        .collect();
    let evidence = Pair::build(|side| {
        services(ground.scope, ground.estate)
            .map(|(index, _)| death::evidence(ground.estate, ground.picture, index, side, ground.now))
            .collect::<Vec<_>>()
    });
    let mut signs: Vec<Line> = (0..4)
        .map(|at| Line { label: SIGNS[at], cells: Pair::build(|side| sign(ground, &evidence[side], at)) })
        .collect();
    for side in Side::BOTH {
        let call = |label| {
            let cell = calls.iter().find(|line| line.label == label).map(|line| &line.cells[side]);
            cell.map_or((None, false), |cell| (cell.at, cell.stale))
        };
        let overdue = ground.picture.is_overdue(&Source::Events, ground.now);
        let silent = (plight::silent_since(ground.picture, &Source::Events), overdue);
        // What is not known of a sign is as old as the asking for it; of the calls failures tell as well.
        let told = (None, false);
        for (sign, (from, old)) in signs.iter_mut().zip([silent, call("hosts"), told, call("storage")]) {
            let cell = &mut sign.cells[side];
            cell.stale |= old && cell.at.is_none_or(|at| from == Some(at));
            cell.at = cell.at.or(from);
        }
    }
    let verdicts = verdicts(ground, &signs, &evidence);
    signs.push(Line { label: SIGNS[4], cells: Pair::build(|side| stated(ground, side)) });
    Vantage { calls, signs, verdicts }
}

/// The worst of a kind of call over the services in scope.
fn call(ground: &Ground<'_>, asked: Asked, side: Side, fault: bool) -> Cell {
    let mut sources: Vec<Source> = services(ground.scope, ground.estate)
        .filter_map(|(index, _)| asked(ground.estate, index, side))
        .collect();
    sources.dedup();
    let cells = sources.iter().map(|source| one_call(ground, source, fault));
    cells.max_by_key(|cell| cell.state).unwrap_or_else(|| {
        let text = Plight::NotConfigured.short(ground.now);
        Cell {
            state: CellState::NotConfigured,
            full: text.clone(),
            text,
            at: None,
            stale: false,
            global: false,
        }
    })
}

/// When the oldest was in of what cells rest on.
fn oldest<'c>(cells: impl Iterator<Item = &'c Cell>) -> Option<Timestamp> {
    cells.filter_map(|cell| cell.at).min()
}

/// When the oldest was in of the newest answers and failures of the calls to both regions: that one failed
/// tells as much as that one did not.
fn oldest_try(ground: &Ground<'_>) -> Option<Timestamp> {
    let newest = |source: Source| {
        let reading = ground.picture.reading(&source)?;
        let failed = reading.silence.as_ref().map(|(at, _)| *at);
        reading.last.as_ref().map(|look| look.at).max(failed)
    };
    let all = CALLS.iter().flat_map(|(_, asked)| {
        Side::BOTH.into_iter().flat_map(move |side| {
            services(ground.scope, ground.estate)
                .filter_map(move |(index, _)| asked(ground.estate, index, side))
        })
    });
    all.filter_map(newest).min()
}

/// Whether calls are older than they can be while anybody looks: a source that is silent is asked once a
/// minute.
fn is_long_ago(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at) > minutes(2))
}

fn one_call(ground: &Ground<'_>, source: &Source, fault: bool) -> Cell {
    let (picture, now) = (ground.picture, ground.now);
    let last = picture.last(source).map(|look| look.at);
    let stale = last.is_some() && !plight::holds(picture, source, now) || picture.is_overdue(source, now);
    // What never came is as old as the asking for it.
    let at = last.or_else(|| plight::silent_since(picture, source));
    // No region has one of its own, whether it answers or not.
    let global = matches!(source, Source::Control(_));
    let Some(plight) = Plight::of(picture, source, now) else {
        let (text, full) = match picture.last(source).map(|look| &look.answer) {
            Some(crate::domain::Answer::Control { millis, .. }) => {
                (format!("{millis} ms"), format!("answers in {millis} ms (global)"))
            }
            _ => ("answers".to_owned(), "answers".to_owned()),
        };
        return Cell { state: CellState::Ok, full, text, at, stale, global };
    };
    // As in the matrix: silence is a fault of the side that serves and counts as dead, else nobody knows.
    let fault = fault && source.side().is_some();
    let state = match plight {
        Plight::Silent { .. } if fault => CellState::Crit,
        Plight::Silent { .. } | Plight::Loading | Plight::Asked(_) | Plight::Old(_) => CellState::Unknown,
        _ => CellState::Warn,
    };
    // What nobody has looked at tells of no region either.
    let global = global && !matches!(plight, Plight::Loading | Plight::Asked(_));
    let what = if global { format!("{} (global)", source.word()) } else { source.word().to_owned() };
    Cell { state, text: plight.short(now), full: plight.words(&what, now), at, stale, global }
}

/// A sign over the services in scope; where there are several each has its name in front.
fn sign(ground: &Ground<'_>, evidence: &[[Evidence; 4]], at: usize) -> Cell {
    let own: Vec<&Evidence> = evidence.iter().map(|all| &all[at]).collect();
    if !own.is_empty() && own.iter().all(|one| one.holds == Holds::NotConfigured) {
        let (text, what) = (Plight::NotConfigured.short(ground.now), "profile storage");
        let full = Plight::NotConfigured.words(what, ground.now);
        return Cell { state: CellState::NotConfigured, full, text, at: None, stale: false, global: false };
    }
    let same = own.windows(2).all(|pair| pair[0].what == pair[1].what);
    let names = services(ground.scope, ground.estate).map(|(_, service)| service.name.as_str());
    let named: Vec<(&str, &str)> = names.zip(own.iter().map(|one| one.what.as_str())).collect();
    let (full, text) = match own.first() {
        Some(first) if same => (first.what.to_string(), first.what.to_string()),
        _ => (said(&named, ""), shortly(&named)),
    };
    let state = if own.iter().any(|one| one.holds == Holds::Yes && !one.old) {
        CellState::Crit
    } else if own.iter().any(|one| one.holds == Holds::NotKnown || one.old) {
        // What was seen some minutes ago is a sign of then.
        CellState::Unknown
    } else if own.iter().any(|one| one.partly) {
        // Not enough for a sign is not nothing.
        CellState::Warn
    } else {
        CellState::Ok
    };
    let at = own.iter().filter_map(|one| one.at).min();
    let stale = at.is_some() && (state == CellState::Unknown || own.iter().any(|one| one.old));
    Cell { state, full, text, at, stale, global: false }
}

/// What is seen of each service, and what is said of all of them at the end.
fn said(named: &[(&str, &str)], end: &str) -> String {
    let parts: Vec<String> = named.iter().map(|(name, what)| format!("{name} {what}")).collect();
    format!("{}{end}", parts.join(", "))
}

/// The same where two services stand beside each other at 80 columns: what they share is said once.
fn shortly<'t>(named: &[(&'t str, &'t str)]) -> String {
    let last = |(_, what): &(&'t str, &'t str)| what.rsplit_once(' ').filter(|_| !what.contains(", "));
    let shared = named.first().and_then(last).map_or("", |(_, word)| word);
    let parts: Option<Vec<(&str, String)>> = named
        .iter()
        .map(|(name, what)| Some((*name, what.strip_suffix(shared)?.strip_suffix(' ')?.replace(" of ", "/"))))
        .collect();
    match parts {
        Some(parts) => {
            let parts: Vec<(&str, &str)> = parts.iter().map(|(name, what)| (*name, what.as_str())).collect();
            said(&parts, &format!(" {shared}"))
        }
        None => said(named, ""),
    }
}

/// What a person has stated in the run that is open here: it goes for the side that the run leaves and for its
/// service.
fn stated(ground: &Ground<'_>, side: Side) -> Cell {
    let said = ground.run.and_then(RunView::stated);
    let own = said.as_ref().filter(|one| {
        one.side == side && services(ground.scope, ground.estate).any(|(index, _)| index == one.service)
    });
    let (state, text) = match (own, &said) {
        (Some(one), _) if services(ground.scope, ground.estate).count() > 1 => {
            (CellState::Warn, format!("{} {}", ground.estate.services[one.service].name, one.what))
        }
        (Some(one), _) => (CellState::Warn, one.what.to_string()),
        (None, Some(_)) => (CellState::NotChecked, "none".to_owned()),
        (None, None) => (CellState::NotChecked, "none; :state in a run".to_owned()),
    };
    let at = own.map(|one| one.at);
    Cell { state, full: text.clone(), text, at, stale: false, global: false }
}

fn verdicts(ground: &Ground<'_>, signs_shown: &[Line], evidence: &Pair<Vec<[Evidence; 4]>>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let asked = oldest_try(ground);
    let of_calls = |state, text| Verdict { state, text, at: asked, stale: is_long_ago(asked, ground.now) };
    let fails = |asked: Asked, side: Side| {
        let mut sources =
            services(ground.scope, ground.estate).filter_map(|(index, _)| asked(ground.estate, index, side));
        sources.any(|source| death::unheard(ground.picture, &source).is_some())
    };
    let both: Vec<&str> = CALLS
        .iter()
        .filter(|(_, asked)| Side::BOTH.into_iter().all(|side| fails(*asked, side)))
        .map(|(label, _)| *label)
        .collect();
    let codes = Pair::build(|side| ground.estate.regions[side].code.as_str());
    if both.contains(&"control") || both.len() > CALLS.len() / 2 {
        let text = "calls fail to both regions: not a sign, this machine sees neither";
        verdicts.push(of_calls(CellState::Unknown, text.to_owned()));
    } else if !both.is_empty() {
        let text = format!("never a sign, they fail to both regions: {}", both.join(", "));
        verdicts.push(of_calls(CellState::Warn, text));
    }
    let blind_here = verdicts.first().is_some_and(|verdict| verdict.state == CellState::Unknown);
    let before_sides = verdicts.len();
    for side in Side::BOTH {
        let signs = ground.signs(side);
        let back = ground.run.is_some_and(|run| run.is_back(side, &signs));
        let unseen = blind(&evidence[side]);
        let (state, text) = verdict_on(codes[side], &signs, Sights { back, unseen, blind_here });
        let (at, stale) = if signs.grade == Grade::None {
            // Of no sign all of them tell.
            let own = || signs_shown.iter().map(|line| &line.cells[side]);
            (oldest(own()), own().any(|cell| cell.stale))
        } else {
            (signs.at, signs.stale)
        };
        let text = if stale && !signs.dead() { format!("{LAST_SEEN}{text}") } else { text };
        verdicts.push(Verdict { state, text, at, stale });
    }
    if blind_here {
        // Who sees nothing says nothing of now.
        for verdict in &mut verdicts[before_sides..] {
            verdict.state = CellState::Unknown;
            if !verdict.text.starts_with(LAST_SEEN) {
                verdict.text = format!("{LAST_SEEN}{}", verdict.text);
            }
        }
    }
    let (state, place) = match &ground.facts.own_region {
        // It may be on one, and nobody has asked.
        None => (CellState::Unknown, "this machine: not on an Azure machine, or not asked".to_owned()),
        Some(region) => (CellState::NotChecked, format!("this machine runs in {region}")),
    };
    verdicts.push(Verdict { state, text: place, at: None, stale: false });
    verdicts
}

/// What a verdict on a region rests on besides its signs.
struct Sights {
    /// The run left it as dead, and it answers again.
    back: bool,
    /// Not all of its signs are known.
    unseen: bool,
    /// This machine sees neither region.
    blind_here: bool,
}

fn verdict_on(code: &str, signs: &RegionSigns, sights: Sights) -> (CellState, String) {
    let (numbers, Sights { back, unseen, blind_here }) = (signs.numbers(), sights);
    match signs.grade {
        Grade::Dead | Grade::WasDead if back => {
            (CellState::Warn, format!("{code} answers again, whatever its {numbers} say"))
        }
        Grade::Dead | Grade::WasDead => {
            let (is, last) = if signs.stale && !blind_here { ("was", "last seen ") } else { ("is", "") };
            let silent = if signs.silent && !blind_here { ", now silent" } else { "" };
            let follows = follows(signs, blind_here);
            (CellState::Crit, format!("{code} {is} {last}dead by {numbers}{silent}: {follows}"))
        }
        Grade::None if unseen => {
            (CellState::Unknown, format!("{code}: no sign seen, and not all of them are known"))
        }
        Grade::None => (CellState::Ok, format!("{code}: no sign of death")),
        Grade::Alone if signs.classes().len() == 1 => {
            (CellState::Warn, format!("{code}: {numbers} alone proves nothing, two are needed"))
        }
        Grade::Alone => {
            (CellState::Warn, format!("{code}: {numbers} prove nothing, two of one service are needed"))
        }
    }
}

/// What follows from a death.
fn follows(signs: &RegionSigns, blind: bool) -> &'static str {
    match (signs.stale || blind, signs.serves) {
        (true, _) => "look again before anything follows",
        (false, true) => "an ungraceful failover fits",
        (false, false) => "it serves nobody",
    }
}

/// Stands before what does not tell of now.
const LAST_SEEN: &str = "as last seen, ";

/// Whether a sign is not known of a service.
fn blind(evidence: &[[Evidence; 4]]) -> bool {
    evidence.iter().flatten().any(|one| one.holds == Holds::NotKnown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::scene::{self, Weather, noon},
        domain::{
            Answer, Listing, Observation, Safe,
            pool::Heartbeat,
            reading::{Silence, SilenceKind},
            time::seconds,
        },
    };

    fn seen(weather: Weather, spoil: impl FnOnce(&mut Picture)) -> Vantage {
        let (estate, mut picture) = (scene::estate(), Picture::default());
        for one in scene::readings(weather) {
            picture.take(one);
        }
        spoil(&mut picture);
        let facts = LocalFacts::default();
        let ground = Ground {
            estate: &estate,
            picture: &picture,
            scope: Scope::All,
            facts: &facts,
            run: None,
            now: noon(),
        };
        let found = vantage(&ground);
        agree(&estate, &picture);
        found
    }

    fn holding(all: &[Evidence; 4]) -> Vec<u8> {
        all.iter().filter(|one| one.holds == Holds::Yes).map(|one| one.class).collect()
    }

    /// What is shown of a sign and what the death rule counts are the same, also while nothing more is
    /// seen: what has grown old is no sign of anything.
    fn agree(estate: &Estate, picture: &Picture) {
        for later in [0, 4, 6, 30].map(minutes) {
            let now = noon() + later;
            for (side, service) in
                Side::BOTH.into_iter().flat_map(|side| (0..estate.services.len()).map(move |one| (side, one)))
            {
                let shown: Vec<u8> = holding(&death::evidence(estate, picture, service, side, now));
                let counted = death::signs(estate, picture, service, side, Timestamp::MIN, now);
                let counted: Vec<u8> = counted.iter().map(|sign| sign.class).collect();
                assert_eq!(shown, counted, "{side:?} {service} after {later}");
                assert!(later < minutes(6) || shown.is_empty(), "{side:?} {service} after {later}");
            }
        }
    }

    fn fail(picture: &mut Picture, sources: &[Source], kind: SilenceKind) {
        for source in sources {
            for tries in 0..3 {
                let ended = noon() - seconds(3 - tries);
                let outcome = Err(Silence { kind, why: Safe::new("no answer in 10 s") });
                picture.take(Observation { source: source.clone(), started: ended, ended, outcome });
            }
        }
    }

    fn said(found: &Vantage) -> Vec<&str> {
        found.verdicts.iter().map(|verdict| verdict.text.as_str()).collect()
    }

    /// What the estate has none of is not unknown: it makes nobody blind.
    #[test]
    fn a_sign_that_cannot_be_is_told_as_not_configured() {
        let (mut estate, mut picture) = (scene::estate(), Picture::default());
        for one in scene::readings(Weather::Calm) {
            picture.take(one);
        }
        let shown = |estate: &Estate, picture: &Picture| {
            let facts = LocalFacts::default();
            let (facts, now) = (&facts, noon());
            let found = vantage(&Ground { estate, picture, scope: Scope::All, facts, run: None, now });
            let cell = &found.signs[3].cells.primary;
            (
                cell.state,
                cell.text.clone(),
                cell.full.clone(),
                cell.at.is_some(),
                found.verdicts[0].text.clone(),
            )
        };
        let no_sign = "WE: no sign of death".to_owned();
        for (cleared, state, text, full, seen) in [
            (
                1,
                CellState::Ok,
                "hr not configured, fin 0 of 2 down",
                "hr not configured, fin 0 of 2 down",
                true,
            ),
            (
                2,
                CellState::NotConfigured,
                "not configured",
                "profile storage: not configured, the estate file names none",
                false,
            ),
        ] {
            for service in 0..cleared {
                for side in Side::BOTH {
                    estate.services[service].sides[side].accounts.clear();
                    picture.forget(&Source::Storage(service, side));
                }
            }
            let told = (state, text.to_owned(), full.to_owned(), seen, no_sign.clone());
            assert_eq!(shown(&estate, &picture), told);
        }
    }

    #[test]
    fn a_dead_region_and_a_blind_machine_are_told_apart() {
        let calm = seen(Weather::Calm, |_| {});
        assert_eq!(said(&calm)[..2], ["WE: no sign of death", "NE: no sign of death"]);
        let outage = seen(Weather::Outage, |_| {});
        assert_eq!(said(&outage)[0], "WE is dead by signs 1, 2, 4: an ungraceful failover fits");
        let only_here = seen(Weather::Calm, |picture| {
            let sources = [Source::Machines(Side::Primary), Source::Hosts(0, Side::Primary)];
            fail(picture, &sources, SilenceKind::Unreachable);
        });
        assert_eq!(said(&only_here)[0], "WE: hr sign 3 alone proves nothing, two are needed");
        assert_eq!(only_here.calls[5].cells.primary.text, "no answer 4 s, 3 tries");
        let blind = seen(Weather::Calm, |picture| {
            let all: Vec<Source> = picture.iter().map(|(source, _)| source.clone()).collect();
            fail(picture, &all, SilenceKind::Unreachable);
        });
        assert!(said(&blind)[0].contains("not a sign, this machine sees neither"), "{:?}", said(&blind));
        let cut_off = seen(Weather::Outage, |picture| {
            fail(picture, &Side::BOTH.map(Source::Control), SilenceKind::Unreachable);
        });
        assert_eq!(
            said(&cut_off)[1],
            "as last seen, WE is dead by signs 1, 2, 4: look again before anything follows"
        );
        assert_eq!(
            said(&blind)[1..3],
            ["WE", "NE"]
                .map(|code| format!("as last seen, {code}: no sign seen, and not all of them are known"))
        );
        let denied = seen(Weather::Calm, |picture| {
            fail(picture, &[Source::Machines(Side::Primary)], SilenceKind::Denied);
        });
        assert_eq!(denied.calls[5].cells.primary.text, "not allowed (403)");
        assert_eq!(denied.signs[1].cells.primary.full, "hr 0 of 12 silent, fin 0 of 8 silent");
    }
    /// What a person states in a run goes for the side that it leaves and for its service, and counts there as it
    /// counts for the gate of the run.
    #[test]
    fn a_statement_counts_for_the_side_that_the_run_leaves_and_for_its_service() {
        use crate::{engine::event::RunEnd, engine::view::RunState, status::summarize};
        let (estate, mut picture) = (scene::estate(), Picture::default());
        for one in scene::readings(Weather::Calm) {
            picture.take(one);
        }
        let posted = scene::readings(Weather::Outage).into_iter().find(|one| one.source == Source::Events);
        picture.take(Observation { started: noon(), ended: noon(), ..posted.unwrap() });
        let what = "Microsoft says WE is down";
        let run = |statement: Option<&str>, state, service_index| RunView {
            statement: statement.map(|said| (noon() - minutes(3), Safe::new(said))),
            state,
            service_index,
            ..scene::move_phase()
        };
        let closed = || RunState::Closed(RunEnd::Monitoring);
        let alone = "WE: sign 1 alone proves nothing, two are needed";
        let dead = |name: &str| format!("WE is dead by {name} signs 1, 5: an ungraceful failover fits");
        let none = "none; :state in a run";
        let back = RunView { primary_is_back: true, ..run(Some(what), RunState::Running, 0) };
        // The side of another service may be dead all the same.
        let other = RunView { service: "fin".to_owned(), ..back.clone() };
        let answers = "WE answers again, whatever its hr signs 1, 5 say";
        let cases = [
            (None, none.to_owned(), none, alone.to_owned()),
            (Some(run(None, RunState::Running, 0)), none.to_owned(), none, alone.to_owned()),
            (Some(run(Some(what), RunState::Running, 0)), format!("hr {what}"), "none", dead("hr")),
            (Some(run(Some(what), RunState::Running, 1)), format!("fin {what}"), "none", dead("fin")),
            (Some(back), format!("hr {what}"), "none", answers.to_owned()),
            (Some(other), format!("hr {what}"), "none", dead("hr")),
            (Some(run(Some(what), closed(), 0)), none.to_owned(), none, alone.to_owned()),
        ];
        for (run, here, there, verdict) in cases {
            let (facts, scope, now) = (LocalFacts::default(), Scope::All, noon());
            let (estate, picture, facts) = (&estate, &picture, &facts);
            let found = vantage(&Ground { estate, picture, scope, facts, run: run.as_ref(), now });
            let row = &found.signs[4].cells;
            assert_eq!((row.primary.text.as_str(), row.secondary.text.as_str()), (here.as_str(), there));
            assert_eq!(said(&found)[..2], [verdict.as_str(), "NE: no sign of death"]);
            // A statement ages like anything else that a verdict rests on.
            if verdict != alone {
                assert_eq!(found.verdicts[0].at, Some(noon() - minutes(3)), "{verdict}");
            }
            // Home says the same.
            let runs: Vec<RunView> = run.into_iter().collect();
            let home = summarize(estate, picture, &runs, Scope::All, noon()).regions;
            assert_eq!(
                home.primary.signs.dead(),
                [dead("hr").as_str(), &dead("fin"), answers].contains(&verdict.as_str()),
                "{verdict}"
            );
            assert_eq!(home.secondary.signs.grade, Grade::None);
        }
    }

    /// What was done about it is done, and what is old says so.
    #[test]
    fn a_dead_region_advises_only_what_still_fits() {
        let left = seen(Weather::Outage, |picture| {
            for service in 0..2 {
                let source = Source::Assignments(service, Side::Primary);
                let outcome = Ok(Answer::Assignments(Listing::whole(Vec::new(), 1)));
                picture.take(Observation { source, started: noon(), ended: noon(), outcome });
            }
        });
        assert_eq!(said(&left)[0], "WE is dead by signs 1, 2, 4: it serves nobody");
        let mut picture = Picture::default();
        for one in scene::readings(Weather::Outage) {
            picture.take(one);
        }
        let (estate, facts) = (scene::estate(), LocalFacts::default());
        let now = noon() + minutes(4);
        let (estate, picture, facts) = (&estate, &picture, &facts);
        let old = vantage(&Ground { estate, picture, scope: Scope::All, facts, run: None, now });
        let verdict = &old.verdicts[0];
        assert_eq!(
            verdict.text,
            "WE was last seen dead by signs 1, 2, 4: look again before anything follows"
        );
        let beats = &old.signs[1].cells.primary;
        let told = (beats.state, beats.stale, beats.full.contains("last "));
        assert_eq!(told, (CellState::Unknown, true, true), "{beats:?}");
    }

    #[test]
    fn what_is_not_enough_for_a_sign_is_not_called_ok() {
        for (silent, state) in
            [(0, CellState::Ok), (1, CellState::Warn), (9, CellState::Warn), (10, CellState::Crit)]
        {
            let found = seen(Weather::Calm, |picture| {
                let source = Source::Hosts(0, Side::Primary);
                let look = picture.last(&source).unwrap().clone();
                let Answer::Hosts(hosts) = look.answer else { panic!("hosts answer with hosts") };
                let mut hosts = hosts.seen().to_vec();
                for host in &mut hosts[..silent] {
                    host.heartbeat = Heartbeat::At(noon() - minutes(30));
                }
                let outcome = Ok(Answer::Hosts(Listing::whole(hosts, 1)));
                picture.take(Observation { source, started: noon(), ended: noon(), outcome });
            });
            let sign = &found.signs[1].cells.primary;
            assert_eq!(sign.state, state, "{}", sign.text);
            assert_eq!(sign.full, format!("hr {silent} of 12 silent, fin 0 of 8 silent"));
            assert_eq!(sign.text, format!("hr {silent}/12, fin 0/8 silent"));
        }
    }

    /// How all sources were asked.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Asked {
        Never,
        /// So many minutes ago, and answered.
        Fine(i64),
        /// Answered, and since then three times in a row not, there only.
        FailedThere(i64),
        /// Never answered, there only.
        SilentThere(i64),
        /// Neither region was ever heard.
        CutOff(i64),
    }

    /// The evidence of the first service's primary side, all asked like that.
    fn evidence_after(asked: Asked) -> [Evidence; 4] {
        let (estate, mut picture, now) = (scene::estate(), Picture::default(), noon());
        let ago = |minutes_ago: i64| now - minutes(minutes_ago) - seconds(2);
        let (past, fails): (i64, fn(&Source) -> bool) = match asked {
            Asked::Never => return death::evidence(&estate, &picture, 0, Side::Primary, now),
            Asked::Fine(past) => (past, |_| false),
            Asked::FailedThere(past) | Asked::SilentThere(past) => {
                (past, |source| source.side() != Some(Side::Secondary))
            }
            Asked::CutOff(past) => (past, |_| true),
        };
        for one in scene::readings(Weather::Calm) {
            let (silent, source) = (fails(&one.source), one.source.clone());
            if !silent || matches!(asked, Asked::FailedThere(_)) {
                picture.take(Observation { started: ago(past), ended: ago(past), ..one });
            }
            for _ in (0..3).filter(|_| silent) {
                let why = Safe::new("no answer in 10 s");
                let outcome = Err(Silence { kind: SilenceKind::Unreachable, why });
                let at = ago(past) + seconds(1);
                picture.take(Observation { source: source.clone(), started: at, ended: at, outcome });
            }
        }
        death::evidence(&estate, &picture, 0, Side::Primary, now)
    }

    /// What is silent has the state that the matrix gives it: it is a fault of the side that serves and looks
    /// dead, and else nobody knows.
    #[test]
    fn silence_stands_in_the_vantage_view_as_it_stands_in_the_matrix() {
        use crate::status::{Component, summarize};
        let mut states = Vec::new();
        for (weather, side) in
            [Weather::Calm, Weather::Outage].into_iter().flat_map(|one| Side::BOTH.map(|side| (one, side)))
        {
            let mut kept = Picture::default();
            let source = Source::Directory(side);
            let found = seen(weather, |picture| {
                picture.forget(&source);
                for left in (0..3).rev() {
                    let ended = noon() - seconds(left);
                    let why = Safe::new("no answer in 10 s");
                    let outcome = Err(Silence { kind: SilenceKind::Unreachable, why });
                    picture.take(Observation { source: source.clone(), started: ended, ended, outcome });
                }
                kept = picture.clone();
            });
            let summary = summarize(&scene::estate(), &kept, &[], Scope::All, noon());
            let matrix = summary.cell(Component::Directory, side).unwrap().state;
            let line = found.calls.iter().find(|line| line.label == "directory").unwrap();
            assert_eq!(line.cells[side].state, matrix, "{weather:?} {side:?}");
            states.push(matrix);
        }
        assert!(states.contains(&CellState::Crit) && states.contains(&CellState::Unknown), "{states:?}");
    }

    /// Never asked is never ok, old is never fresh, and whoever hears nobody knows nothing.
    #[test]
    fn no_sign_is_called_absent_by_who_did_not_look() {
        const CALLS: &str = "compute calls, host pool calls, storage calls";
        let unknown = || [(None, "not known"); 4];
        let fine = [
            (Some(false), "no event"),
            (Some(false), "0 of 12 silent"),
            (Some(false), "none fail only here"),
            (Some(false), "0 of 2 down"),
        ];
        let failed = [fine[0], fine[1], (Some(true), CALLS), fine[3]];
        let silent = [(None, "not known"), (None, "not known"), (Some(true), CALLS), (None, "not known")];
        let both = format!("fail in both: {CALLS}");
        let cut_off = [(None, "not known"), (None, "not known"), (None, both.as_str()), (None, "not known")];
        let last: Vec<String> = fine.iter().map(|(_, what)| format!("last {what}")).collect();
        let old: [(Option<bool>, &str); 4] = std::array::from_fn(|at| (Some(false), last[at].as_str()));
        let last_calls = format!("last {CALLS}");
        let old_failed = [old[0], old[1], (Some(true), last_calls.as_str()), old[3]];
        let cases = [
            (Asked::Never, unknown(), false),
            (Asked::Fine(0), fine, false),
            (Asked::FailedThere(0), failed, false),
            (Asked::SilentThere(0), silent, false),
            (Asked::CutOff(0), cut_off, false),
            (Asked::Fine(4), old, true),
            (Asked::FailedThere(4), old_failed, true),
            (Asked::Fine(6), unknown(), true),
            (Asked::FailedThere(6), unknown(), true),
            (Asked::CutOff(6), unknown(), true),
        ];
        for (asked, expected, old) in cases {
            let found = evidence_after(asked);
            for (one, (holds, what)) in found.iter().zip(expected) {
                assert_eq!(
                    (one.holds.known(), one.what.as_str()),
                    (holds, what),
                    "{asked:?} sign {}",
                    one.class
                );
                let never = one.at.is_none();
                assert_eq!(one.old || never, old || never, "{asked:?} sign {}: {one:?}", one.class);
                assert!(!never || holds.is_none(), "{asked:?} sign {}: {one:?}", one.class);
            }
        }
    }

    /// What fails, how, and how often in a row.
    type Failure<'s> = (&'s Source, SilenceKind, i64);

    /// A provider that fails is told, whether or not it is enough; one that was not asked is not called fine.
    #[test]
    fn what_is_said_of_the_calls_denies_nothing_on_screen() {
        use SilenceKind::{Denied, NotAsked, Unreachable};
        let (here, there) = (Source::Directory(Side::Primary), Source::Directory(Side::Secondary));
        let silent = |kind, tries: i64, source: &Source, picture: &mut Picture| {
            for left in (0..tries).rev() {
                let ended = noon() - seconds(left);
                let outcome = Err(Silence { kind, why: Safe::new("no answer in 10 s") });
                picture.take(Observation { source: source.clone(), started: ended, ended, outcome });
            }
        };
        let cases: [(&[Failure<'_>], CellState, &str); 6] = [
            (&[], CellState::Ok, "none fail only here"),
            (&[(&here, Denied, 3)], CellState::Ok, "none fail only here"),
            (&[(&here, Unreachable, 1)], CellState::Warn, "directory (compute calls): missed under 3 times"),
            (
                &[(&here, Unreachable, 3)],
                CellState::Warn,
                "1 of 3 fails only here, 2 needed: directory (compute calls)",
            ),
            (
                &[(&here, Unreachable, 3), (&there, Unreachable, 3)],
                CellState::Unknown,
                "fail in both: directory (compute calls)",
            ),
            (&[(&here, NotAsked, 3)], CellState::Unknown, "not known: directory (compute calls)"),
        ];
        for (failures, state, said) in cases {
            let found = seen(Weather::Calm, |picture| {
                for (source, kind, tries) in failures {
                    silent(*kind, *tries, source, picture);
                }
            });
            let cell = &found.signs[2].cells.primary;
            assert_eq!((cell.state, cell.full.as_str()), (state, said), "{failures:?}");
        }
        let unasked = seen(Weather::Calm, |picture| picture.forget(&here));
        let cell = &unasked.signs[2].cells.primary;
        assert_eq!(
            (cell.state, cell.full.as_str()),
            (CellState::Unknown, "not known: directory (compute calls)")
        );
        assert!(said(&unasked)[0].ends_with("no sign seen, and not all of them are known"), "{unasked:?}");
    }

    /// A list of which a page is missing tells of what is on it, never of what is not.
    #[test]
    fn half_a_list_tells_of_no_absence() {
        let half = seen(Weather::Calm, |picture| {
            let outcome = Ok(Answer::Events(Listing::partial(Vec::new(), 1, Safe::new("page 2 failed"))));
            picture.take(Observation { source: Source::Events, started: noon(), ended: noon(), outcome });
        });
        let posted = &half.signs[0].cells.primary;
        assert_eq!((posted.state, posted.full.as_str()), (CellState::Unknown, "not known"));
        let unseen = |count: usize| {
            seen(Weather::Calm, |picture| {
                let source = Source::Hosts(0, Side::Primary);
                let Answer::Hosts(hosts) = &picture.last(&source).unwrap().answer else { panic!("hosts") };
                let mut hosts = hosts.seen().to_vec();
                hosts[..count].iter_mut().for_each(|host| host.heartbeat = Heartbeat::Unknown);
                let outcome = Ok(Answer::Hosts(Listing::whole(hosts, 1)));
                picture.take(Observation { source, started: noon(), ended: noon(), outcome });
            })
        };
        for (count, state) in [(0, CellState::Ok), (9, CellState::Ok), (10, CellState::Unknown)] {
            assert_eq!(unseen(count).signs[1].cells.primary.state, state, "{count} of 12 not known");
        }
        assert_eq!(
            unseen(12).signs[1].cells.primary.full,
            "hr 0 of 12 silent, 12 not known, fin 0 of 8 silent"
        );
    }
}
