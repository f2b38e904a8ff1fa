//! Small pictures and what must be said of them.

use crate::{
    domain::{
        Answer, Listing, Pair, Safe, Side, Source,
        compute::{Power, VirtualMachine},
        death::{self, Holds},
        health::{HealthEvent, Impact, ImpactedRegion},
        pool::{Heartbeat, HostStatus},
        reading::SilenceKind,
        signs::Grade,
        standing,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        RunView,
        event::{RunEnd, WorldKind},
        view::RunState,
    },
    readiness::fixture::{World, session},
    runbook::Mode,
};

use super::{Aged, Cell, CellState, Component, Problem, Scope, Summary, Verdict, json, summarize, table};

/// Spoils one thing in a calm world.
type Spoil = fn(&mut World);

fn all(world: &World) -> Summary {
    summarize(&world.estate, &world.picture, &[], Scope::All, world.now)
}

fn text(summary: &Summary, component: Component, side: Side) -> (CellState, String) {
    let cell = summary.cell(component, side).unwrap();
    (cell.state, cell.text.clone())
}

/// Azure says that the primary has trouble.
fn posted() -> HealthEvent {
    let region = ImpactedRegion { name: Safe::new("West Europe"), status: None };
    let impact = Impact { service: Safe::new("Virtual Machines"), regions: vec![region] };
    HealthEvent {
        tracking: Safe::new("AB12-C34"),
        kind: Safe::new("ServiceIssue"),
        status: Safe::new("Active"),
        title: Safe::new("Virtual Machines, West Europe"),
        started: None,
        updated: None,
        impacts: vec![impact],
    }
}

/// Nobody knows what a word that is new to us means: the row is not `none`, and no sign is told from it.
#[test]
fn an_event_with_a_word_we_do_not_know_is_not_known() {
    let strange = |kind: &str, status: &str| HealthEvent {
        kind: Safe::new(kind),
        status: Safe::new(status),
        ..posted()
    };
    for (event, word) in
        [(strange("ServiceIssue", "Mitigating"), "Mitigating"), (strange("Outage", "Active"), "Outage")]
    {
        let mut world = World::calm();
        world.put(Source::Events, Answer::Events(Listing::whole(vec![event.clone()], 1)));
        let summary = all(&world);
        let told = (CellState::Unknown, format!("an event is {word}"));
        assert_eq!(text(&summary, Component::Health, Side::Primary), told);
        assert_eq!(text(&summary, Component::Health, Side::Secondary).0, CellState::Ok);
        let cell = summary.cell(Component::Health, Side::Primary).unwrap();
        assert_eq!(cell.short_text, "?");
        assert!(cell.reason.as_ref().is_some_and(|why| why.as_str().contains(word)), "{:?}", cell.reason);
        let [sign, ..] = death::evidence(&world.estate, &world.picture, 0, Side::Primary, world.now);
        let told = format!("not known: an event is {word}");
        assert_eq!((sign.holds, sign.what.as_str()), (Holds::NotKnown, told.as_str()));
        // One that surely hits is told before it.
        world.put(Source::Events, Answer::Events(Listing::whole(vec![event, posted()], 1)));
        assert_eq!(text(&all(&world), Component::Health, Side::Primary).0, CellState::Warn);
        let [sign, ..] = death::evidence(&world.estate, &world.picture, 0, Side::Primary, world.now);
        assert_eq!(sign.holds, Holds::Yes);
    }
}

/// Where the estate names no profile account, the sign of them speaks for neither, and two can be had all the same.
#[test]
fn without_profile_accounts_two_signs_can_still_be_had() {
    let without = |world: &mut World| {
        for (service, side) in (0..2).flat_map(|service| Side::BOTH.map(|side| (service, side))) {
            world.estate.services[service].sides[side].accounts.clear();
            world.picture.forget(&Source::Storage(service, side));
        }
    };
    let of = |world: &World| death::evidence(&world.estate, &world.picture, 0, Side::Primary, world.now);
    let fourth = |world: &World| {
        let [.., fourth] = of(world);
        (fourth.holds, fourth.partly, fourth.what.to_string(), fourth.at)
    };
    let silent = (Holds::NotConfigured, false, "not configured".to_owned(), None);
    let mut calm = World::calm();
    without(&mut calm);
    assert_eq!(fourth(&calm), silent);
    assert!(!all(&calm).regions.primary.signs.dead());
    let mut world = World::calm();
    world.burn_primary();
    without(&mut world);
    world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
    assert_eq!(fourth(&world), silent);
    let signs = all(&world).regions.primary.signs;
    assert!(signs.dead(), "{}", signs.numbers());
    assert!(!signs.classes().contains(&4));
}

#[test]
fn a_calm_estate_is_ok_though_half_of_the_standby_is_cold() {
    let summary = all(&World::calm());
    assert_eq!(summary.verdict, Verdict::Ok, "{:#?}", summary.problems);
    let expected = [
        (Component::ControlPlane, "41 ms (global)", "41 ms (global)"),
        (Component::Pools, "2 of 2", "2 of 2"),
        (Component::Hosts, "6 of 6 usable", "3 of 6, 3 cold"),
        (Component::Sessions, "54 active, 6 disc", "none"),
        (Component::Assignments, "GRP1-3 on 3 of 3", "none, as planned"),
        (Component::Profiles, "4 of 4 shares", "4 of 4 shares"),
        (Component::Storage, "4 in place, ZRS", "4 in place, ZRS"),
        (Component::Directory, "2 of 2 DCs", "2 of 2 DCs"),
        (Component::Capacity, "room for 12 more", "60%, 120% if started"),
        (Component::Health, "no events", "no events"),
    ];
    for (component, primary, secondary) in expected {
        assert_eq!(text(&summary, component, Side::Primary), (CellState::Ok, primary.to_owned()));
        assert_eq!(text(&summary, component, Side::Secondary), (CellState::Ok, secondary.to_owned()));
    }
    assert_eq!(summary.invariant.text, "0 of 3 groups, 0 of 60 users hold both regions");
    assert_eq!(summary.worst().unwrap().text, "hr: NE needs 2 more hosts, about 4 min to start");
    assert_eq!(summary.regions.primary.role, "active");
    assert_eq!(summary.services[0].text(), "hr WE");
}

#[test]
fn pools_without_a_limit_have_room_for_all_users() {
    let mut world = World::calm();
    for (service, side) in (0..2).flat_map(|service| Side::BOTH.map(|side| (service, side))) {
        let source = Source::Pool(service, side);
        let Some(Answer::Pool(mut pool)) = world.picture.last(&source).map(|look| look.answer.clone()) else {
            panic!()
        };
        pool.session_limit = u32::MAX;
        world.put(source, Answer::Pool(pool));
    }
    let summary = all(&world);
    assert_eq!(summary.verdict, Verdict::Ok, "{:#?}", summary.problems);
    let room = |hosts: u64| hosts * u64::from(u32::MAX);
    let cells = [
        (Side::Primary, format!("room for {} more", room(6) - 60)),
        (Side::Secondary, format!("{}%, {}% if started", room(3) * 100 / 60, room(6) * 100 / 60)),
    ];
    for (side, expected) in cells {
        assert_eq!(text(&summary, Component::Capacity, side), (CellState::Ok, expected));
    }
}

#[test]
fn sides_with_different_roles_are_never_added() {
    let mut world = World::calm();
    world.activate(1, Side::Secondary);
    let summary = all(&world);
    assert_eq!(text(&summary, Component::Hosts, Side::Secondary).1, "hr 2/4, 2 c · fin 1/2, 1 c");
    assert_eq!(summary.regions.secondary.role, "fin active");
    let one = summarize(&world.estate, &world.picture, &[], Scope::Service(1), world.now);
    assert_eq!(text(&one, Component::Hosts, Side::Secondary).1, "1 of 2, 1 cold");
    // fin's users still sit where it no longer serves.
    assert_eq!(
        text(&one, Component::Sessions, Side::Primary),
        (CellState::Warn, "18 active, 2 disc".to_owned())
    );
}

#[test]
fn what_nobody_has_looked_at_yet_is_unknown_though_its_region_is_dead() {
    let mut world = World::calm();
    world.burn_primary();
    world.picture.forget(&Source::Directory(Side::Primary));
    let summary = all(&world);
    assert!(summary.regions.primary.signs.dead(), "{:?}", summary.regions.primary.signs);
    assert_eq!(
        text(&summary, Component::Directory, Side::Primary),
        (CellState::Unknown, "not looked at yet".to_owned())
    );
    // It is asked, and has not answered once.
    world.picture.await_look(Source::Directory(Side::Primary), world.now - seconds(75));
    assert_eq!(
        text(&all(&world), Component::Directory, Side::Primary),
        (CellState::Unknown, "asking for 75 s".to_owned())
    );
}

#[test]
fn a_burning_primary_is_crit_and_its_sessions_are_not_real() {
    let mut world = World::calm();
    world.burn_primary();
    world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
    let summary = all(&world);
    assert_eq!(summary.verdict, Verdict::Crit);
    assert!(summary.regions.primary.signs.dead() && !summary.regions.secondary.signs.dead());
    assert_eq!(
        text(&summary, Component::Hosts, Side::Primary),
        (CellState::Crit, "0 of 6 heartbeats".to_owned())
    );
    let cell = summary.cell(Component::Sessions, Side::Primary).unwrap();
    assert_eq!((cell.state, cell.text.as_str()), (CellState::Unknown, "last 60, not real"));
    assert!(cell.stale);
    assert_eq!(cell.age(world.now), Some(minutes(12)));
    assert_eq!(
        text(&summary, Component::Directory, Side::Primary),
        (CellState::Crit, "no answer, 1 try".to_owned())
    );
    assert_eq!(text(&summary, Component::Capacity, Side::Primary).1, "no room counted");
    // Nor has it any once it was left.
    for service in 0..2 {
        world.activate(service, Side::Secondary);
    }
    assert_eq!(
        text(&all(&world), Component::Capacity, Side::Primary),
        (CellState::Warn, "no room while it is dead".to_owned())
    );
    assert_eq!(text(&summary, Component::Capacity, Side::Secondary).1, "60%, 120% if started");
    assert_eq!(
        text(&summary, Component::Health, Side::Primary),
        (CellState::Crit, "ServiceIssue, 1 svc".to_owned())
    );
    assert!(
        summary.worst().unwrap().text.starts_with("WE looks dead: event posted, hosts silent"),
        "{:?}",
        summary.worst()
    );
}

/// What happens to a region that is dead, so many seconds after what happened before.
type Turn = (&'static str, i64, fn(&mut World));

fn of_both(source: fn(usize, Side) -> Source) -> [Source; 2] {
    [0, 1].map(|service| source(service, Side::Primary))
}

/// They answer as they did.
fn answer_again(world: &mut World, sources: &[Source]) {
    for source in sources {
        let answer = world.picture.last(source).unwrap().answer.clone();
        world.put(source.clone(), answer);
    }
}

fn all_again(world: &mut World) {
    answer_again(world, &of_both(Source::Hosts));
    answer_again(world, &of_both(Source::Sessions));
    answer_again(world, &[Source::Machines(Side::Primary)]);
}

fn fall_silent(world: &mut World, sources: &[Source], kind: SilenceKind) {
    for source in sources {
        world.silence(source, kind, 1);
    }
}

const TURNS: [Turn; 12] = [
    ("dead, and it answers", 0, |_| {}),
    ("it still does", 20, all_again),
    ("the newest look is late", 50, |_| {}),
    ("it answers again", 10, all_again),
    ("the sessions of one service are not told", 70, |world| {
        all_again(world);
        fall_silent(world, &[Source::Sessions(0, Side::Primary)], SilenceKind::Denied);
    }),
    ("all is silent", 15, |world| {
        fall_silent(world, &of_both(Source::Hosts), SilenceKind::Unreachable);
        fall_silent(world, &of_both(Source::Sessions), SilenceKind::Unreachable);
    }),
    ("and stays silent", 400, |_| {}),
    ("the lists of sessions answer alone", 5, |world| answer_again(world, &of_both(Source::Sessions))),
    ("the hosts are denied", 5, |world| {
        all_again(world);
        fall_silent(world, &of_both(Source::Hosts), SilenceKind::Denied);
    }),
    ("the lists are denied", 5, |world| {
        fall_silent(world, &of_both(Source::Sessions), SilenceKind::Denied);
    }),
    ("the lists of hosts answer alone", 5, |world| answer_again(world, &of_both(Source::Hosts))),
    ("all answers again", 5, all_again),
];

/// Nobody has told of living people since a host beat last: what is told of sessions grows older from there,
/// whatever becomes of the lists.
#[test]
fn sessions_of_silent_hosts_grow_no_younger_whatever_becomes_of_their_list() {
    for scope in [Scope::All, Scope::Service(0), Scope::Service(1)] {
        let mut world = World::calm();
        world.burn_primary();
        // Those of one service were heard a little longer than those of the other.
        let beat = world.now - seconds(700);
        world.edit_hosts(1, Side::Primary, |_, host| host.heartbeat = Heartbeat::At(beat));
        let mut before = minutes(11);
        for (what, later, happens) in TURNS {
            world.now += seconds(later);
            happens(&mut world);
            let summary = summarize(&world.estate, &world.picture, &[], scope, world.now);
            let cell = summary.cell(Component::Sessions, Side::Primary).unwrap();
            let age = world.now.duration_since(cell.from.unwrap());
            assert!(age >= before, "{scope:?}, {what}: {age:?} after {before:?}: {}", cell.text);
            assert_eq!((cell.at, cell.aged()), (cell.from, Aged::Old), "{scope:?}, {what}");
            let words = cell.text.starts_with("last ") && cell.text.ends_with(", not real");
            assert!(words, "{scope:?}, {what}: {}", cell.text);
            before = age;
        }
    }
}

/// A look without an answer shows at once beside the value of the look before, which still stands.
#[test]
fn a_missed_look_shows_before_its_value_is_old() {
    let mut world = World::calm();
    let hosts = |summary: &Summary| {
        let cell = summary.cell(Component::Hosts, Side::Primary).unwrap();
        (cell.state, cell.aged())
    };
    assert_eq!(hosts(&all(&world)), (CellState::Ok, Aged::Fresh));
    world.silence(&Source::Hosts(0, Side::Primary), SilenceKind::Unreachable, 1);
    let summary = all(&world);
    assert_eq!(hosts(&summary), (CellState::Ok, Aged::Missed));
    let missed = |cell: &Cell| cell.aged() == Aged::Missed;
    let rows = summary.rows.iter().filter(|row| missed(&row.cells.primary) || missed(&row.cells.secondary));
    let rows: Vec<Component> = rows.map(|row| row.component).collect();
    assert_eq!(rows, [Component::Hosts, Component::Sessions, Component::Capacity], "and what rests on it");
    let table = table(&summary, &[], WorldKind::Sim);
    let line = table.lines().find(|line| line.starts_with("hosts")).unwrap();
    assert_eq!(line.matches("4s?").count(), 1, "{line:?}");
    let json: serde_json::Value =
        serde_json::from_str(&json(&world.estate, &summary, &[], WorldKind::Sim)).unwrap();
    let told = |side: &str| json["regions"][side]["hosts"]["missed"].as_bool();
    assert_eq!((told("primary"), told("secondary")), (Some(true), Some(false)));
    world.now += seconds(40);
    assert_eq!(hosts(&all(&world)), (CellState::Unknown, Aged::Old));
    // What never came has no age that could be trusted or not.
    let mut never = World::calm();
    never.never(&Source::Hosts(0, Side::Primary), SilenceKind::Unreachable);
    assert_eq!(hosts(&all(&never)).1, Aged::Fresh);
}

/// A region that two services are looked at in: what was not seen lately of one of them.
#[test]
fn one_sign_that_was_not_seen_lately_takes_nothing_from_a_death_that_others_prove() {
    let shares = |service| Source::Storage(service, Side::Primary);
    let cases: [(&[Source], Grade, &str, Option<&str>); 4] = [
        (&[], Grade::WasDead, "signs 1, 2, 4", None),
        (&[Source::Events], Grade::WasDead, "signs 1, 2, 4", None),
        (&[Source::Events, shares(0)], Grade::Dead, "hr signs 1, 4", Some("hr")),
        (&[Source::Events, shares(0), shares(1)], Grade::Dead, "signs 1, 4", None),
    ];
    for (again, grade, numbers, only) in cases {
        let mut world = World::calm();
        world.burn_primary();
        world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
        // Longer than any of them is trusted, and not too long to be a sign.
        world.now += minutes(4);
        for source in again {
            let answer = world.picture.last(source).unwrap().answer.clone();
            world.put(source.clone(), answer);
        }
        let signs = all(&world).regions.primary.signs;
        assert_eq!((signs.grade, signs.numbers().as_str()), (grade, numbers), "{again:?}");
        assert_eq!(signs.only().as_deref(), only, "{again:?}");
        let seen = (signs.stale, world.now.duration_since(signs.at.unwrap()) <= seconds(4));
        assert_eq!(seen, (grade == Grade::WasDead, grade == Grade::Dead), "{again:?}");
    }
}

/// The shares of one service of the primary are down now.
fn hush_shares(world: &mut World, service: usize) {
    let source = Source::Storage(service, ONE);
    let answer = world.picture.last(&source).unwrap().answer.clone();
    world.put(source, answer);
}

/// Its hosts beat again.
fn beating(world: &mut World) {
    let beat = world.now - seconds(20);
    (0..2).for_each(|service| {
        world.edit_hosts(service, ONE, |_, host| {
            (host.status, host.heartbeat) = (HostStatus::Available, Heartbeat::At(beat));
        });
    });
}

/// Whether the primary counts as dead after some hours in which what it told last was never told again, or only
/// its hosts were, as that says; and by which signs.
#[test]
fn what_was_seen_dead_was_so_at_one_moment_and_is_over_where_its_hosts_beat() {
    type Later = fn(&mut World);
    let gone: Later = |world| {
        let last = world.now - minutes(60);
        (0..2).for_each(|service| {
            world.edit_hosts(service, ONE, |_, host| {
                (host.status, host.heartbeat) = (HostStatus::Shutdown, Heartbeat::At(last));
            });
        });
    };
    // Its shares were down in the morning and its hosts silent at noon.
    let apart: Later = |world| {
        world.put(Source::Events, Answer::Events(Listing::whole(Vec::new(), 1)));
        beating(world);
        let beat = world.now - minutes(60);
        (0..2).for_each(|service| {
            world.edit_hosts(service, ONE, |_, host| host.heartbeat = Heartbeat::At(beat));
        });
        power(world, ONE, &Power::Running);
        world.now += minutes(180);
    };
    // Its hosts were silent in the morning, and its shares are down at noon.
    let reversed: Later = |world| {
        world.put(Source::Events, Answer::Events(Listing::whole(Vec::new(), 1)));
        (0..2).for_each(|service| hush_shares(world, service));
    };
    let cases: [(&str, bool, Later, Grade, &str); 6] = [
        ("had signs of different hours, the other way round", true, reversed, Grade::Alone, "sign 4"),
        ("had signs of different hours", true, apart, Grade::None, "signs "),
        ("was dead, and silent since", true, |_| (), Grade::WasDead, "signs 1, 2, 4"),
        ("was dead, and its hosts beat", true, beating, Grade::Alone, "sign 1"),
        ("was well, and its hosts were put off", false, gone, Grade::Alone, "sign 1"),
        ("was well, and silent since", false, |_| (), Grade::Alone, "sign 1"),
    ];
    for (name, burns, later, grade, numbers) in cases {
        let mut world = World::calm();
        if burns {
            world.burn_primary();
        }
        world.now += minutes(180);
        world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
        later(&mut world);
        let signs = all(&world).regions.primary.signs;
        assert_eq!((signs.grade, signs.numbers().as_str()), (grade, numbers), "{name}");
    }
}

/// What was known of a region that was dead and is silent now makes nothing sure hours later: not the room that
/// is needed, and not that the other region fails rather than this machine.
#[test]
fn a_region_that_was_dead_hours_ago_tells_nothing_of_now() {
    let mut world = World::calm();
    world.burn_primary();
    let listed = standing::sessions(&world.picture, &Source::Sessions(0, ONE)).unwrap().seen()[..5].to_vec();
    world.put(Source::Sessions(0, ONE), Answer::Sessions(Listing::whole(listed, 1)));
    let again: Vec<(Source, Answer)> = world
        .picture
        .iter()
        .filter_map(|(source, reading)| Some((source.clone(), reading.last.clone()?.answer)))
        .collect();
    world.now += minutes(180);
    for (source, answer) in again {
        match source.side() {
            Some(Side::Primary) => world.silence(&source, SilenceKind::Unreachable, 1),
            _ => world.put(source, answer),
        }
    }
    world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
    let summary = all(&world);
    assert_eq!(summary.regions.primary.signs.grade, Grade::WasDead);
    let cell = summary.cell(Component::Capacity, TWO).unwrap();
    let why = cell.reason.as_ref().map_or("", |why| why.as_str());
    assert_eq!(
        (cell.state, why),
        (CellState::Unknown, "how many users WE has is not known now"),
        "{}",
        cell.text
    );
    let said =
        |summary: &Summary, words: &str| summary.problems.iter().any(|one| one.text.starts_with(words));
    assert!(said(&summary, "WE does not answer"), "{:?}", summary.problems);
    // And then the network of this machine goes.
    let other: Vec<Source> = world
        .picture
        .iter()
        .map(|(source, _)| source.clone())
        .filter(|source| source.side() == Some(TWO))
        .collect();
    for source in &other {
        world.silence(source, SilenceKind::Unreachable, 1);
    }
    let summary = all(&world);
    assert!(said(&summary, "neither region answers, this machine may be cut off"), "{:?}", summary.problems);
    assert!(!said(&summary, "NE does not answer"), "{:?}", summary.problems);
}

/// Nor has a region room once it was left; whose it is and since when, the signs tell.
#[test]
fn a_dead_region_has_no_room_for_those_its_signs_tell_of_and_since_they_were_seen() {
    let capacity = |world: &World| {
        let summary = all(world);
        let cell = summary.cell(Component::Capacity, Side::Primary).unwrap();
        (cell.state, cell.text.clone(), cell.age(world.now), cell.stale)
    };
    let mut world = World::calm();
    world.burn_primary();
    world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
    for service in 0..2 {
        world.activate(service, Side::Secondary);
    }
    let warn = |text: &str, age, stale| (CellState::Warn, text.to_owned(), Some(seconds(age)), stale);
    let age = all(&world).regions.primary.signs.at.map(|at| world.now.duration_since(at).as_secs());
    assert_eq!(capacity(&world), warn("no room while it is dead", age.unwrap(), false));
    let summary = all(&world);
    world.now += seconds(200);
    let signs = &all(&world).regions.primary.signs;
    assert!(signs.dead() && signs.stale, "{signs:?}");
    let then = world.now.duration_since(signs.at.unwrap()).as_secs();
    assert_eq!(capacity(&world), warn("no room, last seen dead", then, true));
    drop(summary);

    // The hosts and shares of one service are well: for that one the region is not dead.
    let mut world = World::calm();
    world.put(Source::Events, Answer::Events(Listing::whole(vec![posted()], 1)));
    let silent = Source::Hosts(0, Side::Primary);
    let hosts = standing::hosts(&world.picture, &silent).unwrap().clone();
    let then = world.now - minutes(9);
    world.put(silent, Answer::Hosts(hosts.each(|host| host.heartbeat = Heartbeat::At(then))));
    for service in 0..2 {
        world.activate(service, Side::Secondary);
    }
    let signs = all(&world).regions.primary.signs;
    assert_eq!((signs.dead(), signs.only().as_deref()), (true, Some("hr")), "{signs:?}");
    let (state, text, age, _) = capacity(&world);
    assert_eq!((state, text.as_str()), (CellState::Warn, "hr dead · fin 24"));
    assert!(age.is_some());
}

/// Here and in all three ways it is printed.
#[test]
fn a_dead_region_has_the_age_of_what_its_signs_rest_on() {
    let mut world = World::calm();
    world.burn_primary();
    let oldest = Some(world.now - seconds(4));
    for (later, stale, said, age) in
        [(0, false, "WE looks dead", " 4s"), (41, true, "WE last seen dead", "45s!")]
    {
        world.now += seconds(later);
        let summary = all(&world);
        let head = &summary.regions.primary;
        assert_eq!((head.signs.dead(), head.signs.at, head.signs.stale), (true, oldest, stale), "{later}");
        let death = summary.problems.iter().find(|one| one.text.contains("silent, shares")).unwrap();
        assert_eq!((death.at, death.stale), (oldest, stale), "{later}");
        let table = table(&summary, &[], WorldKind::Sim);
        let line = table.lines().find(|line| line.starts_with("problem") && line.contains(said)).unwrap();
        assert!(line.ends_with(age), "{later}: {line:?}");
        let json: serde_json::Value =
            serde_json::from_str(&json(&world.estate, &summary, &[], WorldKind::Sim)).unwrap();
        let problems = json["problems"].as_array().unwrap();
        let death =
            problems.iter().find(|one| one["text"].as_str().unwrap().contains("silent, shares")).unwrap();
        assert_eq!((death["age_s"].as_i64(), death["stale"].as_bool()), (Some(4 + later), Some(stale)));
    }
}

/// A dead region that nobody could look at for a while: no word stands twice, none is missing, and what
/// is not looked at comes last.
#[test]
fn what_is_said_of_an_old_dead_region_reads_well() {
    let mut world = World::calm();
    world.burn_primary();
    for later in [0, 3, 10] {
        world.now += minutes(later);
        let summary = all(&world);
        let cells = summary.rows.iter().flat_map(|row| row.cells.iter().map(|(_, cell)| cell));
        for text in cells.flat_map(|cell| [&cell.text, &cell.short_text]) {
            assert!(!text.contains("last last") && !text.contains("  ") && !text.ends_with("fin "), "{text}");
        }
        let order: Vec<CellState> = summary.problems.iter().map(|problem| problem.state).collect();
        let unlooked = order.iter().position(|state| *state == CellState::NotChecked);
        let warned = order.iter().rposition(|state| *state == CellState::Warn);
        assert!(unlooked.is_none() || warned < unlooked, "{order:?}");
    }
    world.picture.clear();
    assert_eq!(all(&world).invariant.text, "not known who holds both regions (not looked at yet)");
}

#[test]
fn sessions_on_a_silent_host_are_not_called_fine() {
    let mut world = World::calm();
    let old = world.now - minutes(30);
    world.edit_hosts(0, Side::Primary, |at, host| {
        if at == 0 {
            host.heartbeat = Heartbeat::At(old);
        }
    });
    let summary = all(&world);
    let cell = summary.cell(Component::Sessions, Side::Primary).unwrap();
    assert_eq!((cell.state, cell.text.as_str()), (CellState::Unknown, "10 of 60 unproven"));
    // Hosts that beat when they were looked at do not fall silent because nobody looks again.
    let unproven = |world: &World| standing::unproven_sessions(&world.picture, 0, Side::Primary);
    assert_eq!(unproven(&World::calm()), Some(0));
    // A cut list tells of the hosts on it; whoever sits on another is proven by nothing.
    world.cut_hosts(0, Side::Primary);
    assert_eq!(unproven(&world), Some(10));
    let mut world = World::calm();
    let source = Source::Hosts(0, Side::Primary);
    let listed = standing::hosts(&world.picture, &source).unwrap().seen()[..2].to_vec();
    world.put(source.clone(), Answer::Hosts(Listing::partial(listed, 1, Safe::new("page 2 did not come"))));
    assert_eq!(unproven(&world), Some(20));
    let cell = |world: &World| all(world).cell(Component::Sessions, Side::Primary).unwrap().clone();
    assert_eq!((cell(&world).state, cell(&world).text.as_str()), (CellState::Unknown, "20 of 60 unproven"));
    world.picture.forget(&source);
    assert_eq!((unproven(&world), cell(&world).state), (None, CellState::Unknown), "{}", cell(&world).text);
    // Nor is whoever is listed for hosts of which nobody has heard for hours.
    let mut world = World::calm();
    let listed = world.picture.last(&Source::Sessions(0, Side::Primary)).unwrap().answer.clone();
    world.now += minutes(120);
    for service in 0..2 {
        world.put(Source::Sessions(service, Side::Primary), listed.clone());
    }
    let cell = all(&world).cell(Component::Sessions, Side::Primary).unwrap().clone();
    assert_eq!((cell.state, cell.stale), (CellState::Unknown, true), "{}", cell.text);
}

#[test]
fn signs_of_death_rest_on_looks_since_then_only() {
    let mut world = World::calm();
    world.burn_primary();
    let classes = |since, now| -> Vec<u8> {
        let signs = death::signs(&world.estate, &world.picture, 0, Side::Primary, since, now);
        signs.iter().map(|sign| sign.class).collect()
    };
    assert_eq!(classes(Timestamp::MIN, world.now), [2, 4]);
    assert!(classes(world.now, world.now).is_empty(), "nothing was looked at since");
    assert!(classes(Timestamp::MIN, world.now + minutes(6)).is_empty(), "it says nothing about now");
}

/// Classes of the signs that the primary of `hr` is dead, by looks that began at or after `since`.
fn classes(world: &World, since: Timestamp) -> Vec<u8> {
    let signs = death::signs(&world.estate, &world.picture, 0, Side::Primary, since, world.now);
    signs.iter().map(|sign| sign.class).collect()
}

/// No host of `hr` in the primary has beaten for long, and the broker calls them all `status`.
fn hush(world: &mut World, status: &HostStatus) {
    let old = world.now - minutes(30);
    world.edit_hosts(0, Side::Primary, |_, host| {
        (host.heartbeat, host.status) = (Heartbeat::At(old), status.clone());
    });
}

/// The machines of the primary, each edited.
fn machines(world: &World, edit: impl Fn(usize, &mut VirtualMachine)) -> Vec<VirtualMachine> {
    let listing = standing::machines(&world.picture, &Source::Machines(Side::Primary)).unwrap();
    let mut machines = listing.seen().to_vec();
    machines.iter_mut().enumerate().for_each(|(at, machine)| edit(at, machine));
    machines
}

/// What is told of the machines, whether that makes a sign, and how it comes to be.
type PowerCase<'a> = (&'a str, bool, &'a dyn Fn(&mut World));

#[test]
fn hosts_are_a_sign_of_death_only_where_their_machines_are_known_to_run() {
    let source = Source::Machines(Side::Primary);
    let powered = |world: &mut World, power: Power| {
        let list = machines(world, |_, machine| machine.power = Some(power.clone()));
        world.put(Source::Machines(Side::Primary), Answer::Machines(Listing::whole(list, 1)));
    };
    let unknown = Power::Unknown(Safe::new("unknown"));
    let cases: [PowerCase<'_>; 13] = [
        ("running", true, &|_| {}),
        ("a miss after the look", true, &|world| world.silence(&source, SilenceKind::Unreachable, 1)),
        ("never looked at", false, &|world| world.never(&source, SilenceKind::Unreachable)),
        ("old", false, &|world| {
            world.now += minutes(6);
            hush(world, &HostStatus::Shutdown);
        }),
        ("a page is missing", false, &|world| {
            let cut = Listing::partial(machines(world, |_, _| {}), 1, Safe::new("page 2 did not come"));
            world.put(source.clone(), Answer::Machines(cut));
        }),
        ("one of four is not listed", false, &|world| {
            let list = machines(world, |_, _| {}).split_off(1);
            world.put(source.clone(), Answer::Machines(Listing::whole(list, 1)));
        }),
        ("off", false, &|world| powered(world, Power::Deallocated)),
        ("starting", false, &|world| powered(world, Power::Starting)),
        ("just seen to come up", false, &|world| {
            powered(world, Power::Deallocated);
            powered(world, Power::Running);
        }),
        ("up for longer than a heartbeat takes", true, &|world| {
            powered(world, Power::Starting);
            powered(world, Power::Running);
            world.now += minutes(6);
            hush(world, &HostStatus::Unavailable);
            powered(world, Power::Running);
        }),
        ("seen off an hour ago, and on now", true, &|world| {
            powered(world, Power::Deallocated);
            world.now += minutes(60);
            hush(world, &HostStatus::Unavailable);
            powered(world, Power::Running);
        }),
        ("Azure cannot tell, as of machines it lost", true, &|world| powered(world, unknown.clone())),
        ("Azure cannot tell, and the broker saw them go", false, &|world| {
            hush(world, &HostStatus::Shutdown);
            powered(world, unknown.clone());
        }),
    ];
    for (name, sign, spoil) in cases {
        let mut world = World::calm();
        hush(&mut world, &HostStatus::Unavailable);
        spoil(&mut world);
        assert_eq!(classes(&world, Timestamp::MIN).contains(&2), sign, "{name}");
    }
    // The gate asks for looks since it opened: of the machines too.
    let mut world = World::calm();
    let opened = world.now;
    world.now += minutes(1);
    hush(&mut world, &HostStatus::Unavailable);
    assert_eq!(classes(&world, opened), Vec::<u8>::new());
}

#[test]
fn shares_are_a_sign_of_death_only_where_every_account_answered() {
    let mut world = World::calm();
    world.burn_primary();
    assert!(classes(&world, Timestamp::MIN).contains(&4));
    let source = Source::Storage(0, Side::Primary);
    let Some(Answer::Storage(list)) = world.picture.last(&source).map(|look| look.answer.clone()) else {
        panic!()
    };
    let cut = Listing::partial(list.into_seen(), 1, Safe::new("an account did not answer"));
    world.put(source, Answer::Storage(cut));
    assert!(!classes(&world, Timestamp::MIN).contains(&4));
}

#[test]
fn a_call_that_failed_is_dated_by_its_beginning() {
    let mut world = World::calm();
    for source in [Source::Machines(Side::Primary), Source::Hosts(0, Side::Primary)] {
        world.silence(&source, SilenceKind::Unreachable, 3);
        // Without an attempt nothing began.
        world.silence(&source, SilenceKind::NotAsked, 1);
    }
    // They began five seconds ago, and ended three seconds ago.
    assert_eq!(classes(&world, world.now - seconds(5)), [3]);
    assert_eq!(classes(&world, world.now - seconds(4)), Vec::<u8>::new());
}

/// One sentence with what to do, and not one for every cell.
#[test]
fn who_is_not_signed_in_is_told_once() {
    let mut world = World::calm();
    let sources: Vec<Source> = world.picture.iter().map(|(source, _)| source.clone()).collect();
    for source in &sources {
        world.silence(source, SilenceKind::NoToken, 1);
    }
    let summary = all(&world);
    let told: Vec<&str> = summary.problems.iter().map(|problem| problem.text.as_str()).collect();
    assert!(
        told[0].starts_with("not signed in: ")
            && told[0].ends_with("; run az login, or set up a managed identity or a service principal"),
        "{told:?}"
    );
    assert!(told.iter().filter(|text| text.contains("no answer in 10 s")).count() <= 2, "{told:?}");
    assert!(classes(&world, Timestamp::MIN).is_empty(), "no call was made, so none failed");
}

#[test]
fn a_clock_that_is_off_is_told_and_judges_no_host() {
    let cases = [
        (Some(seconds(30)), CellState::Ok, ""),
        (Some(seconds(31)), CellState::Warn, "this machine's clock is 31 s fast"),
        (Some(-minutes(2)), CellState::Warn, "this machine's clock is 2 min slow"),
        (Some(minutes(6)), CellState::Crit, "this machine's clock is 6 min fast"),
        (Some(-minutes(6)), CellState::Crit, "this machine's clock is 6 min slow"),
        (None, CellState::Warn, "Azure's answers tell no time"),
    ];
    for (skew, state, told) in cases {
        let mut world = World::calm();
        world.put(Source::Control(Side::Primary), Answer::Control { millis: 41, skew });
        let summary = all(&world);
        assert_eq!(
            text(&summary, Component::ControlPlane, Side::Primary),
            (state, "41 ms (global)".to_owned())
        );
        if !told.is_empty() {
            assert_eq!(summary.worst().unwrap().text, format!("WE control: 41 ms (global), {told}"));
        }
    }
    let mut world = World::calm();
    hush(&mut world, &HostStatus::Available);
    assert!(classes(&world, Timestamp::MIN).contains(&2));
    for heartbeat in [Heartbeat::Unknown, Heartbeat::At(world.now + minutes(2))] {
        world.edit_hosts(0, Side::Primary, |_, host| host.heartbeat = heartbeat);
        assert!(!classes(&world, Timestamp::MIN).contains(&2), "{heartbeat:?}");
        let summary = summarize(&world.estate, &world.picture, &[], Scope::Service(0), world.now);
        assert_eq!(
            text(&summary, Component::Hosts, Side::Primary),
            (CellState::Unknown, "0 of 4, 4 not known".to_owned())
        );
        let sessions = summary.cell(Component::Sessions, Side::Primary).unwrap();
        let why = sessions.reason.as_ref().map_or("", Safe::as_str);
        assert_eq!(sessions.state, CellState::Unknown);
        assert!(
            why.contains("is known") && !why.contains("silent") && !why.contains("not reported"),
            "{why}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_ok() {
    let cases: [(&str, Spoil, Component, Side, &str); 5] = [
        (
            "an active side that is silent without signs of death",
            |world| world.never(&Source::Hosts(0, Side::Primary), SilenceKind::Unreachable),
            Component::Hosts,
            Side::Primary,
            "hr no answer · fin 2/2",
        ),
        (
            "a page is missing",
            |world| world.cut_hosts(0, Side::Secondary),
            Component::Hosts,
            Side::Secondary,
            "hr not whole · fin 1/2, 1 c",
        ),
        (
            "denied, though the last answer is young",
            |world| world.silence(&Source::Directory(Side::Secondary), SilenceKind::Denied, 1),
            Component::Directory,
            Side::Secondary,
            "last 2 of 2 DCs",
        ),
        (
            "old",
            |world| world.now += minutes(3),
            Component::ControlPlane,
            Side::Primary,
            "last 41 ms (global)",
        ),
        (
            "never looked at",
            |world| world.picture.clear(),
            Component::Assignments,
            Side::Primary,
            "hr not yet · fin not yet",
        ),
    ];
    for (name, spoil, component, side, expected) in cases {
        let mut world = World::calm();
        spoil(&mut world);
        let summary = all(&world);
        assert_eq!(text(&summary, component, side), (CellState::Unknown, expected.to_owned()), "{name}");
        assert_eq!(summary.verdict, Verdict::Unknown, "{name}");
        assert_eq!(summary.verdict.exit_code(), 3);
    }
}

/// Spoils what Compute says of a side's machines.
type Blind = fn(&mut World, Side);

const BLIND: [(&str, Blind); 3] = [
    ("never answered", |world, side| world.never(&Source::Machines(side), SilenceKind::Denied)),
    ("denied", |world, side| world.silence(&Source::Machines(side), SilenceKind::Denied, 1)),
    ("not whole", |world, side| {
        let partial = Listing::partial(Vec::new(), 1, Safe::new("power states: 403"));
        world.put(Source::Machines(side), Answer::Machines(partial));
    }),
];

#[test]
fn which_hosts_are_off_is_not_known_without_compute() {
    let machines = Source::Machines(Side::Secondary);
    for status in ["Shutdown", "Unavailable"] {
        for (name, blind) in BLIND {
            let what = format!("{status}, {name}");
            let mut world = World::calm();
            for service in 0..2 {
                world.edit_hosts(service, Side::Secondary, |_, host| {
                    (host.status, host.heartbeat) = (HostStatus::parse(status), Heartbeat::Never);
                });
            }
            blind(&mut world, Side::Secondary);
            let summary = all(&world);
            assert_eq!(summary.verdict.exit_code(), 3, "{what}");
            let hosts = summary.cell(Component::Hosts, Side::Secondary).unwrap();
            assert_eq!(hosts.state, CellState::Unknown, "{what}: {hosts:?}");
            assert_eq!(hosts.text, "0 of 6, 6 cold or silent", "{what}");
            let reason = hosts.reason.clone().unwrap();
            assert!(reason.as_str().starts_with("which hosts are off is not known, virtual machines: "));
            assert_eq!((hosts.complete, hosts.at.is_some()), (name != "not whole", true), "{what}");
            let capacity = text(&summary, Component::Capacity, Side::Secondary);
            assert_eq!(capacity, (CellState::Unknown, "0%, cold not known".to_owned()), "{what}");
            // What everybody knows to be on does not need it.
            assert_eq!(text(&summary, Component::Hosts, Side::Primary).0, CellState::Ok, "{what}");
        }
    }
    // The last answer is too old for that.
    let mut world = World::calm();
    let later = world.now + minutes(1);
    let old = world.picture.last(&machines).map(|look| look.answer.clone()).unwrap();
    world.now = later;
    for (source, reading) in World::calm().picture.iter().filter(|(source, _)| **source != machines) {
        world.put(source.clone(), reading.last.clone().unwrap().answer);
    }
    for service in 0..2 {
        world.edit_hosts(service, Side::Secondary, |_, host| {
            if host.status == HostStatus::Available {
                host.heartbeat = Heartbeat::At(later);
            }
        });
    }
    assert_eq!(text(&all(&world), Component::Hosts, Side::Secondary).0, CellState::Unknown);
    world.put(machines, old);
    assert_eq!(text(&all(&world), Component::Hosts, Side::Secondary).1, "3 of 6, 3 cold");
}

#[test]
fn where_nobody_can_sign_in_it_does_not_matter_which_hosts_are_off() {
    for (name, blind) in BLIND {
        let mut world = World::calm();
        world.burn_primary();
        blind(&mut world, Side::Primary);
        let cell = text(&all(&world), Component::Hosts, Side::Primary);
        assert_eq!(cell, (CellState::Crit, "0 of 6 heartbeats".to_owned()), "{name}");
    }
}

#[test]
fn a_service_that_lets_nobody_in_is_what_weighs_most() {
    let mut world = World::calm();
    for side in Side::BOTH {
        world.put(Source::Assignments(0, side), Answer::Assignments(Listing::whole(Vec::new(), 1)));
    }
    let said = "hr: nobody can sign in, neither side is held";
    // A time that was missed does not let anybody in.
    let rto_left = Some(-minutes(27));
    let run = |mode| RunView {
        mode,
        rto_left,
        state: RunState::Running,
        debts: Vec::new(),
        ..indebted(&world, false)
    };
    let cases = [
        (None, CellState::Crit),
        (Some(Mode::Graceful), CellState::Warn),
        (Some(Mode::Ungraceful), CellState::Crit),
    ];
    for (mode, state) in cases {
        let runs: Vec<RunView> = mode.map(run).into_iter().collect();
        let summary = summarize(&world.estate, &world.picture, &runs, Scope::All, world.now);
        let worst = summary.worst().unwrap();
        assert_eq!((worst.state, worst.text.as_str()), (state, said), "{mode:?}");
        assert!(worst.at.is_some(), "{mode:?}");
    }
    assert!(all(&World::calm()).problems.iter().all(|problem| problem.text != said));
}

#[test]
fn nobody_in_both_pools() {
    let mut world = World::calm();
    let planned = world.planned(0, Side::Secondary);
    world.hold(0, Side::Secondary, planned);
    let summary = all(&world);
    assert_eq!(summary.invariant.state, CellState::Crit);
    assert_eq!(summary.invariant.principals, Some(2));
    assert_eq!(text(&summary, Component::Assignments, Side::Secondary).0, CellState::Crit);
    assert!(summary.worst().unwrap().text.starts_with("in both: 2 of 3 groups"));

    let mut world = World::calm();
    let Some(Answer::Hosts(hosts)) =
        world.picture.last(&Source::Hosts(0, Side::Primary)).map(|look| look.answer.clone())
    else {
        panic!()
    };
    let same_user = session(&hosts.seen()[0], 1);
    world.put(Source::Sessions(0, Side::Secondary), Answer::Sessions(Listing::whole(vec![same_user], 1)));
    let summary = all(&world);
    assert_eq!((summary.invariant.state, summary.invariant.users), (CellState::Crit, Some(1)));

    // The broker goes on listing them where their hosts are gone: whether they sit there is not known.
    world.burn_primary();
    let summary = all(&world);
    assert_eq!((summary.invariant.state, summary.invariant.users), (CellState::Unknown, None));
    assert!(summary.invariant.text.starts_with("1 user may hold both; "), "{}", summary.invariant.text);
}

/// Requests that were not answered are counted of the sources that were asked: one that answered, or was
/// not asked, makes no `0-3 tries` of the others' three.
#[test]
fn the_tries_of_a_value_are_those_of_the_sources_that_were_tried() {
    let cases: [([Option<u32>; 2], &str); 9] = [
        ([Some(0), Some(0)], "no answer"),
        ([Some(1), Some(1)], "no answer, 1 try"),
        ([Some(3), Some(3)], "no answer, 3 tries"),
        ([Some(1), Some(3)], "no answer, 1-3 tries"),
        ([Some(3), Some(1)], "no answer, 1-3 tries"),
        ([Some(0), Some(3)], "no answer, 3 tries"),
        ([Some(3), Some(0)], "no answer, 3 tries"),
        ([Some(3), None], "no answer, 3 tries"),
        ([None, Some(3)], "not looked at yet"),
    ];
    for (misses, expected) in cases {
        let mut world = World::calm();
        let sources = [Source::Hosts(0, Side::Secondary), Source::Pool(0, Side::Secondary)];
        for (source, misses) in sources.iter().zip(misses) {
            world.picture.forget(source);
            let kind = if misses == Some(0) { SilenceKind::NotAsked } else { SilenceKind::Unreachable };
            world.silence(source, kind, misses.map_or(0, |misses| misses.max(1)));
        }
        let summary = summarize(&world.estate, &world.picture, &[], Scope::Service(0), world.now);
        let (state, told) = text(&summary, Component::Capacity, Side::Secondary);
        assert_eq!((state, told.as_str()), (CellState::Unknown, expected), "{misses:?}");
    }
}

/// The first host of `hr` in the primary was off for hours and was seen to come up.
fn start_first(world: &mut World) {
    let old = world.now - minutes(480);
    world.edit_hosts(0, Side::Primary, |at, host| {
        if at == 0 {
            host.heartbeat = Heartbeat::At(old);
        }
    });
    for power in [Power::Starting, Power::Running] {
        let list = machines(world, |at, machine| {
            if at == 0 {
                machine.power = Some(power.clone());
            }
        });
        world.put(Source::Machines(Side::Primary), Answer::Machines(Listing::whole(list, 1)));
    }
}

#[test]
fn what_hurts_users_is_crit_and_what_wants_attention_is_a_warning() {
    let cases: [(&str, Spoil, CellState, &str); 5] = [
        (
            "no heartbeat is due yet of a host that was started just now",
            start_first,
            CellState::Ok,
            "5 of 6, 1 starting",
        ),
        (
            "drained active hosts",
            |world| {
                world.edit_hosts(0, Side::Primary, |at, host| host.accepts = Some(at > 0));
            },
            CellState::Warn,
            "5 of 6, 1 drained",
        ),
        (
            "silent active host",
            |world| {
                let old = world.now - minutes(30);
                world.edit_hosts(0, Side::Primary, |at, host| {
                    if at == 0 {
                        host.heartbeat = Heartbeat::At(old);
                    }
                });
            },
            CellState::Warn,
            "5 of 6, 1 silent",
        ),
        (
            "an unknown word is not healthy",
            |world| {
                world.edit_hosts(1, Side::Primary, |_, host| host.status = HostStatus::parse("Renovating"));
            },
            CellState::Warn,
            "4 of 6, 2 unhealthy",
        ),
        (
            "nobody can sign in",
            |world| {
                for service in 0..2 {
                    world.edit_hosts(service, Side::Primary, |_, host| host.accepts = Some(false));
                }
            },
            CellState::Crit,
            "0 of 6, 6 drained",
        ),
    ];
    for (name, spoil, state, expected) in cases {
        let mut world = World::calm();
        spoil(&mut world);
        assert_eq!(
            text(&all(&world), Component::Hosts, Side::Primary),
            (state, expected.to_owned()),
            "{name}"
        );
    }
}

/// A region without a place for one more is never `ok`, and says so in the words that its hosts have for it.
#[test]
fn a_side_without_room_says_why() {
    use CellState::{Ok, Warn};
    let close = |world: &mut World, side| {
        for service in 0..2 {
            world.edit_hosts(service, side, |_, host| host.accepts = Some(false));
        }
    };
    let empty = |world: &mut World| {
        for service in 0..2 {
            world.put(
                Source::Sessions(service, Side::Primary),
                Answer::Sessions(Listing::whole(Vec::new(), 1)),
            );
        }
    };
    let mut calm = World::calm();
    empty(&mut calm);
    let mut cold = World::calm();
    close(&mut cold, Side::Secondary);
    let mut shut = World::calm();
    close(&mut shut, Side::Primary);
    let mut off = World::calm();
    let beat = off.now;
    for service in 0..2 {
        off.edit_hosts(service, Side::Secondary, |_, host| {
            (host.accepts, host.heartbeat) = (Some(false), Heartbeat::At(beat));
            host.status = HostStatus::Available;
        });
    }
    let mut unneeded = World::calm();
    empty(&mut unneeded);
    close(&mut unneeded, Side::Primary);
    let cases: [(&str, World, Side, (CellState, &str)); 5] = [
        ("no users", calm, Side::Secondary, (Ok, "room for 36")),
        ("drained, half of it cold", cold, Side::Secondary, (Warn, "0%, 60% if started")),
        ("drained while it serves", shut, Side::Primary, (Warn, "none, hosts drained")),
        ("all drained", off, Side::Secondary, (Warn, "none, hosts drained")),
        ("drained and nobody needs it", unneeded, Side::Primary, (Warn, "none, hosts drained")),
    ];
    for (name, world, side, (state, words)) in cases {
        assert_eq!(text(&all(&world), Component::Capacity, side), (state, words.to_owned()), "{name}");
    }
}

/// Puts the hosts of a service's side into a state, and all of its machines on.
fn hosts_on(world: &mut World, service: usize, side: Side, (status, beat): (HostStatus, Heartbeat)) {
    world.edit_hosts(service, side, |_, host| (host.status, host.heartbeat) = (status.clone(), beat));
    // By what is known they have been on for long.
    power(world, side, &Power::Unknown(Safe::new("unknown")));
    power(world, side, &Power::Running);
}

fn power(world: &mut World, side: Side, power: &Power) {
    let machines = standing::machines(&world.picture, &Source::Machines(side)).unwrap().clone();
    let machines = machines.each(|machine| machine.power = Some(power.clone()));
    world.put(Source::Machines(side), Answer::Machines(machines));
}

fn limit(world: &mut World, service: usize, side: Side, limit: u32) {
    let Some(Answer::Pool(mut pool)) =
        world.picture.last(&Source::Pool(service, side)).map(|look| look.answer.clone())
    else {
        panic!("no pool")
    };
    pool.session_limit = limit;
    world.put(Source::Pool(service, side), Answer::Pool(pool));
}

const ONE: Side = Side::Primary;
const TWO: Side = Side::Secondary;
const DATELESS: (HostStatus, Heartbeat) = (HostStatus::Available, Heartbeat::Unknown);
const SILENT: (HostStatus, Heartbeat) = (HostStatus::Unavailable, Heartbeat::Never);

/// What is said of the room of a side after something was spoilt: state, words, short words, reason.
type RoomCase = (&'static str, Side, Spoil, (CellState, &'static str, &'static str, &'static str));

const ROOM: [RoomCase; 10] = [
    (
        "nobody knows when any beat",
        ONE,
        |world| (0..2).for_each(|service| hosts_on(world, service, ONE, DATELESS)),
        (CellState::Unknown, "none known", "none, ?", "nobody knows when 6 hosts beat last"),
    ),
    (
        "nobody knows when any of the standby beat",
        TWO,
        |world| (0..2).for_each(|service| hosts_on(world, service, TWO, DATELESS)),
        (CellState::Unknown, "none known", "none, ?", "nobody knows when 6 hosts beat last"),
    ),
    (
        "nobody knows when those of one service beat",
        ONE,
        |world| hosts_on(world, 0, ONE, DATELESS),
        (
            CellState::Unknown,
            "room for 4 more, hr not known",
            "4 more, hr ?",
            "nobody knows when 4 hosts beat last",
        ),
    ),
    (
        "the standby is on and silent",
        TWO,
        |world| (0..2).for_each(|service| hosts_on(world, service, TWO, SILENT)),
        (CellState::Warn, "none", "none", "60 users find no place even with every host started"),
    ),
    (
        "one service of the standby is on and silent, the other has room for all",
        TWO,
        |world| {
            hosts_on(world, 0, TWO, SILENT);
            limit(world, 1, TWO, 1_000);
        },
        (CellState::Warn, "1666%", "1666%", "40 users of hr find no place even with every host started"),
    ),
    (
        "one service is full by far",
        ONE,
        |world| {
            limit(world, 0, ONE, 1);
            limit(world, 1, ONE, 100);
        },
        (
            CellState::Warn,
            "room for 180 more, hr none",
            "180 more, hr none",
            "the next user of hr finds no place",
        ),
    ),
    (
        "all have some left",
        ONE,
        |world| limit(world, 0, ONE, 11),
        (CellState::Ok, "room for 8 more", "8 more", ""),
    ),
    (
        "Azure tells no power state, nor does the broker",
        TWO,
        |world| {
            (0..2).for_each(|service| hosts_on(world, service, TWO, SILENT));
            power(world, TWO, &Power::Unknown(Safe::new("unknown")));
        },
        (CellState::Warn, "none", "none", "60 users find no place even with every host started"),
    ),
    (
        "Azure tells no power state, the broker saw them go",
        TWO,
        |world| {
            let gone = (HostStatus::Shutdown, Heartbeat::Never);
            (0..2).for_each(|service| hosts_on(world, service, TWO, gone.clone()));
            power(world, TWO, &Power::Unknown(Safe::new("unknown")));
        },
        (
            CellState::Unknown,
            "0%, cold not known",
            "0%, ?",
            "6 hosts shut down by the broker, Compute does not tell",
        ),
    ),
    (
        "nobody is signed in, and one service of the standby has no host that could start",
        TWO,
        |world| {
            for service in 0..2 {
                world.put(Source::Sessions(service, ONE), Answer::Sessions(Listing::whole(Vec::new(), 1)));
            }
            hosts_on(world, 0, TWO, SILENT);
        },
        (CellState::Warn, "room for 12, hr none", "12, hr none", "the next user of hr finds no place"),
    ),
];

/// Of room no more is said than is known of its hosts, and a service finds no place in that of another.
#[test]
fn room_is_judged_service_by_service_and_is_no_surer_than_its_hosts() {
    use CellState::{Unknown, Warn};
    for (name, side, spoil, told) in ROOM {
        let mut world = World::calm();
        spoil(&mut world);
        let summary = all(&world);
        let cell = summary.cell(Component::Capacity, side).unwrap();
        let reason = cell.reason.as_ref().map_or("", |why| why.as_str());
        assert_eq!((cell.state, cell.text.as_str(), cell.short_text.as_str(), reason), told, "{name}");
        let hosts = summary.cell(Component::Hosts, side).unwrap();
        assert!(hosts.state != Unknown || cell.state == Unknown, "{name}: {hosts:?}");
    }
    let mut world = World::calm();
    world.edit_hosts(0, ONE, |_, host| host.accepts = Some(false));
    let told = text(&all(&world), Component::Capacity, ONE);
    assert_eq!(told, (Warn, "room for 4 more, hr none".to_owned()));
    // The verdict on a standby that is silent is as young as what Compute said of it.
    let mut world = World::calm();
    (0..2).for_each(|service| hosts_on(&mut world, service, TWO, SILENT));
    world.silence(&Source::Machines(TWO), SilenceKind::Unreachable, 1);
    let summary = all(&world);
    let cell = summary.cell(Component::Capacity, TWO).unwrap();
    assert_eq!((cell.text.as_str(), cell.aged()), ("none", Aged::Missed));
}

#[test]
fn the_verdict_puts_crit_before_unknown_before_warn() {
    use CellState::{Crit, NotChecked, NotConfigured, Ok, Unknown, Warn};
    let cases: [(&[CellState], Verdict); 7] = [
        (&[Ok, Warn, Unknown, Crit], Verdict::Crit),
        (&[Ok, Warn, Unknown], Verdict::Unknown),
        (&[Ok, Warn, NotChecked], Verdict::Unknown),
        (&[Ok, Warn], Verdict::Warn),
        (&[Ok, NotConfigured], Verdict::Ok),
        (&[NotConfigured], Verdict::Unknown),
        (&[], Verdict::Unknown),
    ];
    for (states, verdict) in cases {
        assert_eq!(Verdict::of(states.iter().copied()), verdict, "{states:?}");
    }
}

#[test]
fn output_says_sim_first_in_every_format() {
    let world = World::calm();
    let summary = all(&world);
    let table = super::table(&summary, &[], WorldKind::Sim);
    assert!(table.starts_with("SIM OK contoso-avd: "), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(super::table(&summary, &[], WorldKind::Live).starts_with("OK contoso-avd: "));
    let json = super::json(&world.estate, &summary, &[], WorldKind::Sim);
    assert!(json.trim_start_matches(['{', '\n', ' ']).starts_with("\"mode\": \"SIM\""), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["verdict"], "ok");
    assert_eq!(value["regions"]["primary"]["hosts"]["state"], "ok");
    assert_eq!(value["regions"]["secondary"]["hosts"]["value"], "3 of 6, 3 cold");
    assert_eq!(value["regions"]["secondary"]["hosts"]["age_s"], 4);
    assert_eq!(value["services"][0]["active_side"], "primary");
    assert_eq!(super::json_line(&world.estate, &summary, &[], WorldKind::Sim).lines().count(), 1);
    let nagios = super::nagios(&summary, WorldKind::Sim);
    assert!(nagios.starts_with("SIM FARSHORE OK contoso-avd: "), "{nagios}");
    assert!(nagios.contains("hosts_secondary=3;;;0;6"), "{nagios}");
    assert_eq!(nagios.matches('|').count(), 1, "{nagios}");
}

/// An ungraceful run of `hr` that was closed with debts.
fn indebted(world: &World, primary_is_back: bool) -> RunView {
    let estate = &world.estate;
    RunView {
        run: "r-20261120-0700-7k".to_owned(),
        runbook: "avd-pooled-failover".to_owned(),
        local: false,
        service: "hr".to_owned(),
        service_index: 0,
        mode: Mode::Ungraceful,
        from: Side::Primary,
        to: Side::Secondary,
        codes: Pair::build(|side| estate.regions[side].code.clone()),
        state: RunState::Closed(RunEnd::Monitoring),
        opened: world.now,
        impact: world.now,
        impact_stated: false,
        rto_left: None,
        served: false,
        interrupted: false,
        watches: false,
        phases: Vec::new(),
        steps: Vec::new(),
        current: None,
        debts: vec!["a5-drain".to_owned(), "a7-revoke".to_owned()],
        debts_ready: vec!["a5-drain".to_owned()],
        debt_settles: None,
        primary_is_back,
        free_exit: false,
        wrote: true,
        durable: 1,
        stopped: None,
        statement: None,
        baseline_users: None,
        planned_users: None,
        effective_by: None,
        hold: None,
        last_at: world.now,
        worked_at: world.now,
    }
}

#[test]
fn what_an_ungraceful_run_owes_is_crit_until_it_is_paid() {
    let mut world = World::calm();
    let planned = world.planned(0, Side::Secondary);
    world.hold(0, Side::Secondary, planned);
    world.burn_primary();
    let run = indebted(&world, false);
    let sum = |world: &World, runs: &[RunView], scope| {
        summarize(&world.estate, &world.picture, runs, scope, world.now)
    };
    let summary = sum(&world, std::slice::from_ref(&run), Scope::All);
    assert_eq!(summary.invariant.text, "2 principals in both · primary dead · debt");
    assert_eq!((summary.verdict, summary.debts.len()), (Verdict::Crit, 2));
    assert_eq!(summary.worst().unwrap().text, "in both: 2 principals in both · primary dead · debt");

    // The revoke is paid, the drain is not: nobody is in both and no cross stands beside it, but what is
    // owed is CRIT by itself; another service is not touched.
    let mut world = World::calm();
    world.activate(0, Side::Secondary);
    let back = indebted(&world, true);
    let summary = sum(&world, std::slice::from_ref(&back), Scope::Service(0));
    assert_eq!(summary.invariant.state, CellState::Ok);
    assert!(summary.invariant.text.starts_with("0 of 2 groups, 0 of "), "{}", summary.invariant.text);
    assert_eq!(summary.worst().unwrap().text, "PRIMARY IS BACK · 2 debts");
    // Where neither side is held people are shut out meanwhile: that is no smaller news.
    let mut closed = World::calm();
    for side in Side::BOTH {
        closed.hold(0, side, Vec::new());
    }
    let summary = sum(&closed, std::slice::from_ref(&back), Scope::Service(0));
    assert_eq!(summary.worst().unwrap().text, "PRIMARY IS BACK · 2 debts · nobody can sign in");
    // What a graceful run owes has an age too.
    let graceful = RunView { mode: Mode::Graceful, ..indebted(&world, false) };
    let summary = sum(&world, std::slice::from_ref(&graceful), Scope::Service(0));
    let owed = summary.problems.iter().find(|one| one.text.contains("of a graceful run")).unwrap();
    assert_eq!(owed.at, Some(world.now - seconds(4)), "{owed:?}");
    let away = indebted(&world, false);
    let summary = sum(&world, std::slice::from_ref(&away), Scope::Service(0));
    let worst = summary.worst().map(|worst| (worst.state, worst.text.as_str()));
    assert_eq!(worst, Some((CellState::Crit, "hr: 2 debts of an ungraceful run, 1 can be paid now")));
    assert_eq!(summary.verdict, Verdict::Crit);
    let other = sum(&world, std::slice::from_ref(&back), Scope::Service(1));
    assert_eq!((other.verdict, other.debts.len()), (Verdict::Ok, 0), "{:#?}", other.problems);
    assert!(super::nagios(&summary, WorldKind::Live).contains("debts=2;;;0"));
}

/// Sides of which some sources fall silent, how, and what is said of it.
type Falls<'c> = (&'c str, &'c [Side], SilenceKind, fn(&Source) -> bool, Option<&'c str>);

/// A region that falls silent is what is wrong, before anything that is old because of it; that neither is
/// heard tells of this machine.
#[test]
fn a_region_that_falls_silent_is_what_is_wrong() {
    use SilenceKind::{Denied, NotAsked, Throttled, Unreachable};
    let (we, both) = (&[Side::Primary][..], &Side::BOTH[..]);
    let cases: [Falls<'_>; 8] = [
        ("nothing", we, Unreachable, |_| true, Some("WE does not answer: 21 of 21 looks fail")),
        ("left alone", we, NotAsked, |_| true, Some("WE does not answer: 21 of 21 looks fail")),
        (
            "the other",
            &[Side::Secondary],
            Unreachable,
            |_| true,
            Some("NE does not answer: 21 of 21 looks fail"),
        ),
        (
            "neither",
            both,
            Unreachable,
            |_| true,
            Some("neither region answers, this machine may be cut off: no answer in 10 s"),
        ),
        ("denied", we, Denied, |_| true, None),
        ("too much", both, Throttled, |_| true, None),
        ("one call", we, Unreachable, |source| matches!(source, Source::Control(_)), None),
        ("all but the call", we, Unreachable, |source| !matches!(source, Source::Control(_)), None),
    ];
    for (name, sides, kind, which, expected) in cases {
        let mut world = World::calm();
        let all_sources: Vec<Source> = world.picture.iter().map(|(source, _)| source.clone()).collect();
        for source in &all_sources {
            if source.side().is_some_and(|side| sides.contains(&side)) && which(source) {
                // What is left alone was asked before.
                world.silence(source, if kind == NotAsked { Unreachable } else { kind }, 1);
                world.silence(source, kind, 1);
            }
        }
        let summary = all(&world);
        let told =
            |problem: &&Problem| problem.text.contains("answer:") || problem.text.starts_with("neither");
        let found = summary.problems.iter().find(told);
        assert_eq!(found.map(|found| found.text.as_str()), expected, "{name}: {:#?}", summary.problems);
        let Some(found) = found else { continue };
        assert_eq!(summary.worst().map(|worst| &worst.text), Some(&found.text), "{name}");
        assert!(found.at.is_some() && found.state == CellState::Unknown, "{name}: {found:?}");
    }
}

/// What is said of a run, of a service and of the standby is as old as what it rests on.
#[test]
fn problems_grow_old_with_what_they_rest_on() {
    let moved = || {
        let mut world = World::calm();
        world.activate(0, Side::Secondary);
        world
    };
    let (mut returned, mut owing) = (moved(), moved());
    let mut closed = World::calm();
    for side in Side::BOTH {
        closed.hold(0, side, Vec::new());
    }
    let mut cold = World::calm();
    cold.edit_hosts(0, Side::Secondary, |at, host| {
        if at > 0 {
            (host.heartbeat, host.status) = (Heartbeat::Never, HostStatus::Shutdown);
        }
    });
    let (back, away) = (indebted(&returned, true), indebted(&owing, false));
    let cases: [(&str, &mut World, &[RunView], &str, &str); 4] = [
        ("back", &mut returned, &[back], "PRIMARY IS BACK", "PRIMARY WAS BACK when last seen"),
        ("owing", &mut owing, &[away], "1 can be paid now", "1 could be paid when last seen"),
        ("closed", &mut closed, &[], "nobody can sign in", "last hr: nobody can sign in"),
        ("cold", &mut cold, &[], "more hosts", "last hr: NE needs"),
    ];
    for (name, world, runs, fresh, old) in cases {
        let seen = world.now - seconds(4);
        for (later, said, stale) in [(0, fresh, false), (300, old, true)] {
            world.now += seconds(later);
            let summary = summarize(&world.estate, &world.picture, runs, Scope::All, world.now);
            let words: Vec<String> = summary.problems.iter().map(Problem::words).collect();
            let place = words.iter().position(|words| words.contains(said));
            let problem = place.map(|place| &summary.problems[place]);
            assert_eq!(
                problem.map(|one| (one.at, one.stale)),
                Some((Some(seen), stale)),
                "{name}: {words:#?}"
            );
        }
    }
}

#[test]
fn what_this_version_does_not_look_at_is_said() {
    let mut world = World::calm();
    let said = |world: &World| {
        let summary = all(world);
        (table(&summary, &[], WorldKind::Live), json(&world.estate, &summary, &[], WorldKind::Live))
    };
    assert!(!said(&world).0.contains("not in this version"));
    world.estate.not_in_this_version = vec!["service old (rds)".to_owned(), "traffic".to_owned()];
    let (table, json) = said(&world);
    assert!(table.contains("not in this version: service old (rds), traffic"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["not_in_this_version"], serde_json::json!(["service old (rds)", "traffic"]));
    let wanted = "not looked at in this version: service old (rds)";
    assert!(table.contains(wanted), "{table}");
    assert_eq!((&json["exit_code"], &json["worst"]["text"]), (&1.into(), &wanted.into()));
    let summary = all(&world);
    assert!(super::nagios(&summary, WorldKind::Live).contains(&format!("WARN contoso-avd: {wanted} |")));
    let one = summarize(&world.estate, &world.picture, &[], Scope::Service(0), world.now);
    assert_eq!(one.verdict, Verdict::Ok);
    world.never(&Source::Events, SilenceKind::Denied);
    let silent = all(&world);
    assert_eq!(silent.verdict, Verdict::Unknown);
    let line = super::nagios(&silent, WorldKind::Live);
    assert!(line.contains(&format!("; {wanted} |")), "{line}");
}
