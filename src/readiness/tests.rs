//! One broken thing at a time, and the check that must see it.

use crate::domain::{
    Answer, ArmId, Listing, Safe, Side, Source,
    access::{LockLevel, PrincipalId},
    compute::{Power, Usage},
    pool::{Heartbeat, Workspace},
    reading::SilenceKind,
    time::minutes,
};

use super::{
    FslogixReport, LocalFacts, State, TypedProfile, Verdict, check,
    context::scopes,
    fixture::{World, held, id, lock, machine, usage},
    host_sources, json, overall, sources, table,
};

fn run(world: &World) -> Vec<Verdict> {
    run_with(world, &LocalFacts::default())
}

fn run_with(world: &World, facts: &LocalFacts) -> Vec<Verdict> {
    check(&world.estate, &world.picture, 0, facts, world.now)
}

fn find<'a>(verdicts: &'a [Verdict], id: &str) -> &'a Verdict {
    verdicts.iter().find(|verdict| verdict.id == id).unwrap()
}

#[test]
fn a_calm_estate_passes_every_check_that_is_built() {
    let verdicts = run(&World::calm());
    for verdict in &verdicts {
        let expected = match verdict.id {
            "A-p8" | "G16" => State::NotConfigured,
            "G5b" | "G6" | "G12" | "G13" | "G15" | "G17" | "G20" | "G22" | "G23" | "G24" | "G25" => {
                State::NotInThisVersion
            }
            _ => State::Ok,
        };
        assert_eq!(verdict.state, expected, "{verdict:#?}");
    }
    assert_eq!(overall(&verdicts), State::Ok);
    assert_eq!(verdicts.len(), 37);
    assert_eq!(find(&verdicts, "G16").observed, "not checked: run command off");
}

/// Breaks one thing in a calm world.
type Break = Box<dyn Fn(&mut World)>;

/// Check, state it must come to, what it must say, and the break.
type Case = (&'static str, State, &'static str, Break);

const WE: Side = Side::Primary;
const NE: Side = Side::Secondary;

fn rg(side: Side) -> ArmId {
    id(side, "x", "y").group_id().unwrap()
}

/// The last standby host has been off for so many days.
fn days(days: i64) -> Break {
    Box::new(move |world| {
        let at = world.now - minutes(days * 24 * 60);
        world.edit_hosts(0, NE, move |number, host| {
            if number == 3 {
                host.heartbeat = Heartbeat::At(at);
            }
        });
    })
}

fn broken_groups_and_holders() -> Vec<Case> {
    vec![
        ("A-p1", State::Crit, "appg2 has no twin in NE", Box::new(move |world| cut_groups(world, 1))),
        (
            "G1",
            State::Crit,
            "appg2: Ledger is missing in NE",
            Box::new(|world| edit_application(world, None)),
        ),
        (
            "G1",
            State::Warn,
            "Ledger starts differently",
            Box::new(|world| edit_application(world, Some("--old"))),
        ),
        ("A-p2", State::Crit, "closed", Box::new(move |world| world.hold(0, WE, Vec::new()))),
        (
            "A-p2",
            State::Warn,
            "missing: GRP1@dag1",
            Box::new(move |world| {
                let planned = world.planned(0, WE).split_off(1);
                world.hold(0, WE, planned);
            }),
        ),
        (
            "G2",
            State::Warn,
            "held outside the plan by 4c4c4c4c-0000-4000-8000-00000000e0ff, inherited",
            Box::new(move |world| {
                let who = PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e0ff").unwrap();
                let mut all = world.planned(0, WE);
                all.push(held(&all[0].group.clone(), &rg(WE), &who));
                world.hold(0, WE, all);
            }),
        ),
        (
            "G2",
            State::Crit,
            "GRP1 inherits from rg-avd-we in WE",
            Box::new(move |world| {
                let mut all = world.planned(0, WE);
                let first = all[0].clone();
                all.push(held(&first.group, &rg(WE), &first.assignment.principal));
                world.hold(0, WE, all);
            }),
        ),
    ]
}

fn broken_settings() -> Vec<Case> {
    vec![
        (
            "G3",
            State::Crit,
            "in both: 2 principals",
            Box::new(move |world| {
                let planned = world.planned(0, NE);
                world.hold(0, NE, planned);
            }),
        ),
        (
            "G4",
            State::Warn,
            "session limit",
            Box::new(move |world| {
                let Some(Answer::Pool(mut pool)) =
                    world.picture.last(&Source::Pool(0, NE)).map(|look| look.answer.clone())
                else {
                    panic!()
                };
                pool.session_limit = 11;
                world.put(Source::Pool(0, NE), Answer::Pool(pool));
            }),
        ),
        (
            "G5",
            State::Crit,
            "dag1 is not in the planned workspace",
            Box::new(move |world| {
                let space = Workspace { id: rg(NE), group_references: Vec::new() };
                world.put(Source::Workspace(0, NE), Answer::Workspace(Some(space)));
            }),
        ),
        ("G7", State::Ok, "longest off: 59 days", days(59)),
        ("G7", State::Warn, "off for 60 days", days(60)),
        ("G7", State::Crit, "off for 80 days", days(80)),
        (
            "G8",
            State::Warn,
            "agent",
            Box::new(move |world| {
                world.edit_hosts(0, NE, |_, host| host.agent = Safe::new("1.0.1"));
            }),
        ),
    ]
}

fn broken_room_and_rights() -> Vec<Case> {
    vec![
        (
            "G9",
            State::Crit,
            "standardDsv5Family: 8 free, 16 needed",
            Box::new(move |world| {
                let list = vec![usage("cores", 40, 100), usage("standardDSv5Family", 92, 100)];
                world.put(Source::Usages(NE), Answer::Usages(Listing::whole(list, 1)));
            }),
        ),
        (
            "G9",
            State::Unknown,
            "no quota named standardDsv5Family",
            Box::new(move |world| {
                let list = vec![usage("cores", 0, 100)];
                world.put(Source::Usages(NE), Answer::Usages(Listing::whole(list, 1)));
            }),
        ),
        (
            "A-p4",
            State::Crit,
            "room for 24 of 40 even",
            Box::new(move |world| {
                world.edit_hosts(0, NE, |number, host| {
                    if number > 1 {
                        host.vm = None;
                        host.status = crate::domain::pool::HostStatus::NoHeartbeat;
                    }
                });
            }),
        ),
        (
            "G19",
            State::Crit,
            "roleAssignments/delete at appg2-we",
            Box::new(move |world| {
                world.forbid(0, WE);
            }),
        ),
    ]
}

fn broken_rights_and_places() -> Vec<Case> {
    vec![
        (
            "A-p7",
            State::Crit,
            "start/action at rg-avd-ne",
            Box::new(move |world| {
                world.forbid(0, NE);
            }),
        ),
        (
            "G18",
            State::Crit,
            "rg-avd-ne has its metadata in West Europe",
            Box::new(move |world| {
                world.put(Source::GroupLocation(rg(NE)), Answer::GroupLocation(Safe::new("westeurope")));
            }),
        ),
        (
            "G21",
            State::Crit,
            "forbids revoking",
            Box::new(move |world| {
                let locks = Listing::whole(vec![lock(&rg(WE), LockLevel::CanNotDelete)], 1);
                world.put(Source::Locks(rg(WE)), Answer::Locks(locks));
            }),
        ),
        (
            "G21",
            State::Crit,
            "ReadOnly lock keep at rg-avd-ne",
            Box::new(move |world| {
                let locks = Listing::whole(vec![lock(&rg(NE), LockLevel::ReadOnly)], 1);
                world.put(Source::Locks(rg(NE)), Answer::Locks(locks));
            }),
        ),
    ]
}

#[test]
fn each_broken_thing_is_seen_by_its_check() {
    let cases = [
        broken_groups_and_holders(),
        broken_settings(),
        broken_room_and_rights(),
        broken_rights_and_places(),
    ]
    .into_iter()
    .flatten();
    for (check, state, text, spoil) in cases {
        let mut world = World::calm();
        spoil(&mut world);
        let verdicts = run(&world);
        let verdict = find(&verdicts, check);
        assert_eq!(verdict.state, state, "{check} {text}: {verdict:#?}");
        assert!(verdict.observed.contains(text), "{check} {text}: {verdict:#?}");
        assert_eq!(verdict.next.is_empty(), state == State::Ok, "{check}");
    }
}

#[test]
fn no_remedy_is_told_for_what_was_not_seen() {
    let mut world = World::calm();
    world.picture.forget(&Source::Directory(Side::Secondary));
    let verdicts = run(&world);
    let directory = find(&verdicts, "G14");
    assert_eq!(directory.state, State::Unknown);
    assert_eq!(directory.next, "find out why its sources do not answer, and look again");
}

/// The machines of the last two standby hosts, which are cold, lie in a subscription of their own.
fn move_cold_machines(world: &mut World) -> ArmId {
    let other = ArmId::parse("/subscriptions/33333333-3333-4333-8333-333333333333").unwrap();
    let vm = |number: usize| {
        other.child(&format!(
            "resourceGroups/rg-avd-ne/providers/Microsoft.Compute/virtualMachines/hp-hr-ne-{number}"
        ))
    };
    world.edit_hosts(0, NE, |number, host| {
        if number > 1 {
            host.vm = Some(vm(number));
        }
    });
    let Some(Answer::Machines(list)) =
        world.picture.last(&Source::Machines(NE)).map(|look| look.answer.clone())
    else {
        panic!()
    };
    let mut machines = list.into_seen();
    machines.extend((2..4).map(|number| machine(&vm(number), NE, number, Power::Deallocated)));
    world.put(Source::Machines(NE), Answer::Machines(Listing::whole(machines, 1)));
    other
}

/// Which machines of the standby are on their way up, and what G9 comes to. The last two are cold before;
/// whoever is there has room for users already.
#[test]
fn hosts_on_their_way_up_need_no_quota_any_more() {
    let cases: [(&[usize], &str); 4] = [
        (&[], "16 cores free for 2 hosts"),
        (&[0, 1], "16 cores free for 2 hosts"),
        (&[2], "8 cores free for 1 host"),
        (&[2, 3], "2 hosts on their way up"),
    ];
    for (rising, told) in cases {
        let mut world = World::calm();
        let source = Source::Machines(NE);
        let Some(Answer::Machines(list)) = world.picture.last(&source).map(|look| look.answer.clone()) else {
            panic!()
        };
        let mut number = 0..;
        let list = list.each(|machine| {
            if number.next().is_some_and(|number| rising.contains(&number)) {
                (machine.power, machine.on_since) = (Some(Power::Running), Some(world.now));
            }
        });
        world.put(source, Answer::Machines(list));
        let verdicts = run(&world);
        let verdict = find(&verdicts, "G9");
        assert_eq!((verdict.state, verdict.observed.as_str()), (State::Ok, told), "{rising:?}");
    }
}

#[test]
fn quota_is_that_of_the_subscription_the_machines_are_in() {
    // Used cores of the family in the other subscription, and what G9 comes to.
    let cases = [
        (Some(92), State::Crit, "standardDsv5Family in 33333333: 8 free, 16 needed"),
        (Some(84), State::Ok, "16 cores free for 2 hosts"),
        (None, State::Unknown, "no quota named cores in 33333333 was listed"),
    ];
    for (used, state, text) in cases {
        let mut world = World::calm();
        let other = move_cold_machines(&mut world);
        // The first subscription has room for all of them, or for none.
        for first in [0, 100] {
            let mut list = vec![usage("cores", first, 100), usage("standardDSv5Family", first, 100)];
            let more = used.map(|used| [usage("cores", 0, 100), usage("standardDSv5Family", used, 100)]);
            list.extend(more.into_iter().flatten().map(|one| Usage { subscription: other.clone(), ..one }));
            world.put(Source::Usages(NE), Answer::Usages(Listing::whole(list, 1)));
            let verdicts = run(&world);
            let verdict = find(&verdicts, "G9");
            assert_eq!(verdict.state, state, "{used:?} {first}: {verdict:#?}");
            assert!(verdict.observed.contains(text), "{verdict:#?}");
        }
    }
}

#[test]
fn a_pool_without_a_limit_has_room_for_all_users() {
    let mut world = World::calm();
    let Some(Answer::Pool(mut pool)) =
        world.picture.last(&Source::Pool(0, NE)).map(|look| look.answer.clone())
    else {
        panic!()
    };
    pool.session_limit = u32::MAX;
    world.put(Source::Pool(0, NE), Answer::Pool(pool));
    let verdicts = run(&world);
    let verdict = find(&verdicts, "A-p4");
    assert_eq!(verdict.state, State::Ok);
    assert_eq!(verdict.observed, format!("room for {}, 40 sessions now", 2 * u64::from(u32::MAX)));
}

fn cut_groups(world: &mut World, keep: usize) {
    let source = Source::Groups(0, Side::Secondary);
    let Some(Answer::Groups(list)) = world.picture.last(&source).map(|look| look.answer.clone()) else {
        panic!()
    };
    let seen = list.seen()[..keep].to_vec();
    world.put(source, Answer::Groups(Listing::whole(seen, 1)));
}

fn edit_application(world: &mut World, arguments: Option<&str>) {
    let source = Source::Groups(0, Side::Secondary);
    let Some(Answer::Groups(list)) = world.picture.last(&source).map(|look| look.answer.clone()) else {
        panic!()
    };
    let mut groups = list.seen().to_vec();
    let mut applications = groups[1].applications.seen().to_vec();
    match arguments {
        Some(arguments) => applications[0].arguments = Safe::new(arguments),
        None => applications.clear(),
    }
    groups[1].applications = Listing::whole(applications, 1);
    world.put(source, Answer::Groups(Listing::whole(groups, 1)));
}

/// What a check rests on, told apart from the list of checks itself.
fn rests_on(world: &World, check: &str) -> Vec<Source> {
    let both = |make: fn(usize, Side) -> Source| Side::BOTH.map(|side| make(0, side)).to_vec();
    let scopes = |make: fn(ArmId) -> Source| -> Vec<Source> {
        Side::BOTH.into_iter().flat_map(|side| scopes(&world.estate, 0, side)).map(make).collect()
    };
    let room = vec![Source::Hosts(0, NE), Source::Machines(NE), Source::Pool(0, NE), Source::Sessions(0, WE)];
    match check {
        "way" | "A-p2" | "G2" => both(Source::Assignments),
        "A-p1" | "G1" => both(Source::Groups),
        "A-p3" => [both(Source::Hosts), Side::BOTH.map(Source::Machines).to_vec()].concat(),
        "A-p4" => room,
        "A-p5" => vec![Source::Directory(NE)],
        "A-p6" => vec![Source::Storage(0, NE)],
        "A-p7" | "G19" => [both(Source::Hosts), scopes(Source::Permissions)].concat(),
        "A-p10" | "G11" => both(Source::Plans),
        "G3" => [both(Source::Assignments), both(Source::Sessions)].concat(),
        "G4" => both(Source::Pool),
        "G5" => vec![Source::Groups(0, NE), Source::Workspace(0, NE)],
        "G7" | "G16" => vec![Source::Hosts(0, NE)],
        "G8" => both(Source::Hosts),
        "G9" => [room, vec![Source::Usages(NE)]].concat(),
        "G10" => vec![Source::Hosts(0, NE), Source::Machines(NE)],
        "G14" => Side::BOTH.map(Source::Directory).to_vec(),
        "G18" => vec![Source::Hosts(0, NE), Source::GroupLocation(rg(NE))],
        "G21" => [both(Source::Hosts), scopes(Source::Locks)].concat(),
        _ => Vec::new(),
    }
}

/// Makes a list of hosts or machines lose its second page.
fn cut(world: &mut World, source: &Source) -> bool {
    let why = Safe::new("page 2 did not come");
    let answer = match world.picture.last(source).map(|look| look.answer.clone()) {
        Some(Answer::Hosts(list)) => Answer::Hosts(Listing::partial(list.into_seen(), 1, why)),
        Some(Answer::Machines(list)) => Answer::Machines(Listing::partial(list.into_seen(), 1, why)),
        _ => return false,
    };
    world.put(source.clone(), answer);
    true
}

#[test]
fn whatever_source_falls_silent_every_check_over_it_is_unknown() {
    let calm = World::calm();
    let facts = probed(&calm);
    let before = run_with(&calm, &facts);
    let rests: Vec<(&str, Vec<Source>)> =
        before.iter().map(|verdict| (verdict.id, rests_on(&calm, verdict.id))).collect();
    let check = |world: &World, source: &Source, how: &str| {
        for (verdict, was) in run_with(world, &facts).iter().zip(&before) {
            let (_, sources) = rests.iter().find(|(id, _)| *id == verdict.id).unwrap();
            let expected = if sources.contains(source) { State::Unknown } else { was.state };
            assert_eq!(verdict.state, expected, "{source:?} {how}: {verdict:#?}");
        }
    };
    for source in &sources(&calm.estate, 0) {
        for kind in [SilenceKind::Unreachable, SilenceKind::Denied, SilenceKind::Throttled] {
            let mut world = World::calm();
            world.silence(source, kind, 1);
            check(&world, source, &format!("{kind:?}"));
        }
        let mut world = World::calm();
        if cut(&mut world, source) {
            check(&world, source, "cut");
        }
    }
}

/// Profile settings of every standby host, read just now and as expected.
fn probed(world: &World) -> LocalFacts {
    let location = r"type=smb,connectionString=\\sthrpne.file.core.example\p";
    let report = FslogixReport {
        at: world.now,
        profile_type: Some(0),
        locations: vec![Safe::new(location)],
        required_for_register: Some(1),
        required_for_unregister: Some(1),
    };
    LocalFacts {
        fslogix: (0..4).map(|number| (standby_vm(number), report.clone())).collect(),
        ..LocalFacts::default()
    }
}

fn standby_vm(number: usize) -> ArmId {
    id(NE, "Microsoft.Compute/virtualMachines", &format!("hp-hr-ne-{number}"))
}

#[test]
fn a_host_that_nothing_is_known_of_is_not_left_out() {
    /// Check, what it says, and what is missing.
    type Lacks = (&'static str, &'static str, fn(&mut World));
    let cases: [Lacks; 8] = [
        ("A-p3", "the machines of 1 host in NE were not found", |world| lose_machine(world, 1)),
        ("G10", "the machines of 1 host in NE were not found", |world| lose_machine(world, 1)),
        ("G9", "Compute does not tell of 1 cold host", |world| lose_machine(world, 3)),
        ("A-p3", "the machines of 1 host in NE were not found", unlink_host),
        ("A-p7", "1 host in NE names no machine", unlink_host),
        ("G18", "1 host in NE names no machine", unlink_host),
        ("G19", "1 host in NE names no machine", unlink_host),
        ("G21", "1 host in NE names no machine", unlink_host),
    ];
    for (check, text, spoil) in cases {
        let mut world = World::calm();
        spoil(&mut world);
        let verdicts = run(&world);
        let verdict = find(&verdicts, check);
        assert_eq!(verdict.state, State::Unknown, "{verdict:#?}");
        assert!(verdict.observed.contains(text), "{verdict:#?}");
    }
}

/// Compute lists every machine but that of one standby host.
fn lose_machine(world: &mut World, number: usize) {
    let source = Source::Machines(NE);
    let Some(Answer::Machines(list)) = world.picture.last(&source).map(|look| look.answer.clone()) else {
        panic!()
    };
    let gone = standby_vm(number);
    let left = list.into_seen().into_iter().filter(|machine| machine.id != gone).collect();
    world.put(source, Answer::Machines(Listing::whole(left, 1)));
}

/// The broker names no machine behind one standby host.
fn unlink_host(world: &mut World) {
    world.edit_hosts(0, NE, |number, host| {
        if number == 1 {
            host.vm = None;
        }
    });
}

#[test]
fn old_and_partial_answers_are_unknown() {
    let mut world = World::calm();
    world.now += minutes(1);
    let verdicts = run(&world);
    assert_eq!(find(&verdicts, "G7").state, State::Unknown);
    assert_eq!(find(&verdicts, "G7").observed, "NE hosts: last answer 64s ago");
    assert_eq!(overall(&verdicts), State::Unknown);

    let mut world = World::calm();
    world.cut_hosts(0, Side::Secondary);
    let verdicts = run(&world);
    let verdict = find(&verdicts, "A-p3");
    assert_eq!((verdict.state, verdict.complete), (State::Unknown, false));
}

/// Whether hosts of the standby can be used is known without the side that is lost; its images are not.
#[test]
fn a_dead_side_keeps_no_check_of_the_other_waiting() {
    let found = |world: &World| {
        let verdicts = run(world);
        let verdict = find(&verdicts, "A-p3");
        (verdict.state, verdict.observed.clone())
    };
    let mut world = World::calm();
    world.burn_primary();
    let (state, said) = found(&world);
    assert_eq!(state, State::Warn, "{said}");
    let usable = "2 usable and 2 cold of 4; image not compared, WE virtual machines: ";
    assert!(said.starts_with(usable), "{said}");
    // Nor is anybody to repair the servers of a region that is lost.
    let verdicts = run(&world);
    let servers = find(&verdicts, "G14");
    assert_eq!((servers.state, servers.observed.as_str()), (State::Ok, "NE 2 of 2; WE is dead, not asked"));
    world.never(&Source::Machines(Side::Primary), SilenceKind::Unreachable);
    world.put(Source::Events, Answer::Events(Listing::whole(Vec::new(), 1)));
    // Without the machines there is one sign, which makes nothing dead.
    assert_eq!(found(&world).0, State::Unknown);
    for source in [Source::Hosts(0, NE), Source::Machines(NE)] {
        let mut world = World::calm();
        world.burn_primary();
        world.silence(&source, SilenceKind::Unreachable, 1);
        assert_eq!(found(&world).0, State::Unknown, "{source:?}");
    }
}

#[test]
fn the_direction_follows_the_assignments() {
    let mut world = World::calm();
    assert_eq!(super::direction(&world.estate, &world.picture, 0), (Side::Primary, None));
    world.activate(0, Side::Secondary);
    assert_eq!(super::direction(&world.estate, &world.picture, 0), (Side::Secondary, None));
    assert!(find(&run(&world), "A-p5").observed.ends_with("in WE"));
    world.never(&Source::Assignments(0, Side::Primary), SilenceKind::Unreachable);
    let (side, why) = super::direction(&world.estate, &world.picture, 0);
    assert_eq!(side, Side::Primary);
    assert!(why.unwrap().starts_with("assumed, because the assignments are not known: WE"));
    let verdicts = run(&world);
    assert_eq!(find(&verdicts, "way").state, State::Unknown);
    assert!(find(&verdicts, "way").observed.starts_with("WE to NE, assumed"));
}

/// The way back is no failover: what no run can do is not called fine.
#[test]
fn the_way_back_is_a_failback_that_no_run_can_do() {
    for (active, state, said) in [
        (Side::Primary, State::Ok, "WE to NE"),
        (Side::Secondary, State::Warn, "NE to WE: a failback, which this version does not have"),
    ] {
        let mut world = World::calm();
        world.activate(0, active);
        let verdicts = run(&world);
        let way = find(&verdicts, "way");
        assert_eq!((way.state, way.observed.as_str()), (state, said));
        assert_eq!(way.next.starts_with("no run can be started"), state == State::Warn);
    }
}

#[test]
fn local_facts_are_judged() {
    let world = World::calm();
    let report = probed(&world).fslogix[&standby_vm(0)].clone();
    // What one host shows, the others being as expected.
    let with = |report: FslogixReport| {
        let mut facts = probed(&world);
        facts.fslogix.insert(standby_vm(0), report);
        facts
    };
    let alone = LocalFacts { fslogix: [(standby_vm(0), report.clone())].into(), ..LocalFacts::default() };
    let old = LocalFacts {
        fslogix: [(standby_vm(0), FslogixReport { at: world.now - minutes(2_000), ..report.clone() })].into(),
        ..LocalFacts::default()
    };
    let typed = |at, kind: &str| LocalFacts {
        typed_profiles: [("hr".to_owned(), TypedProfile { at, profile_type: Safe::new(kind) })].into(),
        ..LocalFacts::default()
    };
    let elsewhere = vec![Safe::new(r"\\sthrpwe.file.core.example\p")];
    let cases = [
        ("G16", State::Ok, with(report.clone())),
        ("G16", State::Crit, with(FslogixReport { profile_type: Some(3), ..report.clone() })),
        ("G16", State::Warn, with(FslogixReport { locations: elsewhere, ..report.clone() })),
        ("G16", State::Warn, with(FslogixReport { required_for_register: Some(0), ..report.clone() })),
        ("G16", State::Unknown, with(FslogixReport { at: world.now - minutes(2_000), ..report })),
        ("G16", State::Unknown, alone),
        ("G16", State::NotConfigured, old),
        ("G16", State::Warn, typed(world.now, "0")),
        ("G16", State::Crit, typed(world.now, "3")),
        ("G16", State::NotConfigured, typed(world.now - minutes(2_000), "0")),
        (
            "A-p8",
            State::Ok,
            LocalFacts { own_region: Some(Safe::new("swedencentral")), ..LocalFacts::default() },
        ),
        (
            "A-p8",
            State::Warn,
            LocalFacts { own_region: Some(Safe::new("West Europe")), ..LocalFacts::default() },
        ),
        (
            "G18",
            State::Crit,
            LocalFacts { own_region: Some(Safe::new("westeurope")), ..LocalFacts::default() },
        ),
        ("A-p9", State::Warn, LocalFacts { lock: Some(Safe::new("op, pid 7")), ..LocalFacts::default() }),
        (
            "A-p9",
            State::Warn,
            LocalFacts { open_runs: vec![("hr".into(), "r-1".into())], ..LocalFacts::default() },
        ),
        (
            "A-p9",
            State::Ok,
            LocalFacts { open_runs: vec![("fin".into(), "r-1".into())], ..LocalFacts::default() },
        ),
        (
            "A-p9",
            State::Warn,
            LocalFacts { last_run_ended: Some(world.now - minutes(5)), ..LocalFacts::default() },
        ),
    ];
    for (id, state, facts) in cases {
        let verdicts = run_with(&world, &facts);
        assert_eq!(find(&verdicts, id).state, state, "{id} {facts:?}");
    }
}

#[test]
fn what_must_be_looked_at_covers_every_check() {
    let world = World::calm();
    let mut all = sources(&world.estate, 0);
    all.extend(host_sources(&world.picture, 0));
    let mut picture = crate::domain::picture::Picture::default();
    for (source, reading) in world.picture.iter().filter(|(source, _)| all.contains(source)) {
        let look = reading.last.clone().unwrap();
        picture.take(crate::domain::Observation {
            source: source.clone(),
            started: look.started,
            ended: look.at,
            outcome: Ok(look.answer),
        });
    }
    let verdicts = check(&world.estate, &picture, 0, &LocalFacts::default(), world.now);
    assert_eq!(overall(&verdicts), State::Ok, "{verdicts:#?}");
}

#[test]
fn output_fits_and_says_sim_first() {
    let world = World::calm();
    let checks = vec![
        (0, run(&world)),
        (1, check(&world.estate, &world.picture, 1, &LocalFacts::default(), world.now)),
    ];
    let text = table(&world.estate, &checks, true, world.now);
    assert!(text.starts_with("SIM OK contoso-avd: 48 ok, 0 warnings, 0 blocking, 0 unknown\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let text = json(&world.estate, &checks[..1], true, world.now);
    assert!(text.starts_with("{\n  \"mode\": \"SIM\""), "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((value["service"].as_str(), value["verdict"].as_str()), (Some("hr"), Some("ok")));
    assert_eq!(value["checks"][3]["id"], "A-p3");
    assert_eq!(value["checks"][3]["age_s"], 4);
}
