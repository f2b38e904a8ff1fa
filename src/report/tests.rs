//! A small run by hand, and what its report must say.

use crate::{
    domain::{
        ArmId, Operation, Pair, Safe, Side,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Actor, RunEvent, Stamped,
        event::{
            Acknowledgement, Confirmed, ConfirmedBy, DoneHow, FailedHow, GateItem, GateVerdict, Ground,
            HeldWhy, NoteAbout, Opened, RequestRecord, RunEnd, WorldKind,
        },
    },
    runbook::{
        Action, Killer, Mode, Plan, PlannedStep, StepKind, Targets,
        plan::PlannedPhase,
        vocabulary::{OnAmbiguous, Ungraceful},
    },
};

use super::{DeviationKind, Integrity, Report, State, Verified, build, to_json, to_markdown};

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn planned(id: &str, phase: &str, kind: StepKind, action: Option<Action>, after: &[Killer]) -> PlannedStep {
    PlannedStep {
        id: id.to_owned(),
        phase: Some(phase.to_owned()),
        title: format!("the step {id}"),
        why: String::new(),
        abort: String::new(),
        kind,
        action,
        width: 1,
        done_at: 100,
        before: Vec::new(),
        after: after.to_vec(),
        dwell: seconds(60),
        steady: seconds(0),
        patience: minutes(5),
        usual: minutes(1),
        on_ambiguous: OnAmbiguous::Ask,
        confirm: 2,
        undo: None,
        ungraceful: Ungraceful::Same,
        ask: None,
        targets: Targets::Nothing,
    }
}

fn plan() -> Plan {
    let phase = |id: &str, gate: Option<&str>, free_exit_ends| PlannedPhase {
        id: id.to_owned(),
        gate: gate.map(str::to_owned),
        free_exit_ends,
    };
    Plan {
        runbook: "avd-pooled-failover".to_owned(),
        runbook_hash: "aa".to_owned(),
        local: false,
        title: "Fail over a pooled service".to_owned(),
        service: "hr".to_owned(),
        service_index: 0,
        mode: Mode::Ungraceful,
        from: Side::Primary,
        to: Side::Secondary,
        codes: Pair { primary: "WE".to_owned(), secondary: "NE".to_owned() },
        bound_at: start(),
        users: Some(67),
        phases: vec![
            phase("decide", None, false),
            phase("prepare", Some("a4"), true),
            phase("open", None, false),
        ],
        steps: vec![
            planned("a0", "decide", StepKind::Gate, None, &[Killer::ModeFits]),
            planned("a4", "prepare", StepKind::Gate, None, &[Killer::StandbyCapacity]),
            PlannedStep {
                undo: Some("a5-admit".to_owned()),
                ..planned("a5", "open", StepKind::Automatic, Some(Action::DrainActive), &[])
            },
            planned("a9", "open", StepKind::Observe, None, &[Killer::ProfilesFlushed]),
            planned(
                "a11",
                "open",
                StepKind::Automatic,
                Some(Action::GrantStandby),
                &[Killer::HoldersOnStandby],
            ),
            planned("a12", "open", StepKind::Gate, None, &[Killer::FirstUser]),
            planned("a13", "open", StepKind::Observe, None, &[Killer::UsersBack]),
            PlannedStep {
                phase: None,
                ..planned("a5-admit", "", StepKind::Automatic, Some(Action::AdmitActive), &[])
            },
        ],
        moved_too: Vec::new(),
    }
}

fn opened(world: WorldKind) -> RunEvent {
    let plan = plan();
    RunEvent::Opened(Box::new(Opened {
        estate: "contoso-avd".to_owned(),
        estate_hash: "ee".to_owned(),
        tenant: "11111111-1111-4111-8111-111111111111".to_owned(),
        endpoint: "https://management.azure.com".to_owned(),
        world,
        scenario: None,
        tool: "0.1.0".to_owned(),
        plan_hash: plan.hash(),
        plan,
        previous: None,
        impact: Some(start() - minutes(10)),
        reason: Safe::new("outage | <b>posted</b> `now`"),
    }))
}

fn confirmed(step: &str, latency_ms: u64) -> RunEvent {
    RunEvent::Confirmed(Box::new(Confirmed {
        step: step.to_owned(),
        by: ConfirmedBy::Person,
        level: 3,
        typed: Some(Safe::new("NE")),
        items: Vec::new(),
        list_sha256: "5f2c".to_owned(),
        users: 67,
        latency_ms,
        seen: Safe::default(),
        acknowledges: Some(Acknowledgement::FencedByEvidence),
    }))
}

fn done(step: &str, item: Option<&str>, how: DoneHow) -> RunEvent {
    RunEvent::Done {
        step: step.to_owned(),
        item: item.map(str::to_owned),
        how,
        evidence: Safe::new("seen"),
        given: None,
    }
}

fn passed(step: &str) -> RunEvent {
    let item = GateItem {
        id: "standby-capacity".to_owned(),
        verdict: GateVerdict::Green,
        value: Safe::new("108%"),
        ground: Ground::Seen,
        age_s: Some(4),
    };
    RunEvent::Gate { step: step.to_owned(), verdict: GateVerdict::Passed, items: vec![item] }
}

fn intent(step: &str, item: &str, attempt: u32) -> RunEvent {
    let vm =
        ArmId::parse("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm");
    RunEvent::Intent {
        step: step.to_owned(),
        item: item.to_owned(),
        attempt,
        operation: Operation::StartVm { vm: vm.unwrap() },
        request: RequestRecord {
            method: "PUT".to_owned(),
            url: "https://management.azure.com/x".to_owned(),
            body_sha256: String::new(),
            client_request_id: format!("c-{attempt}"),
            correlation_id: "k-1".to_owned(),
        },
        before: Safe::new("absent"),
    }
}

/// The run, one event every 30 seconds.
fn events(world: WorldKind) -> Vec<Stamped> {
    let failed = |how| RunEvent::Failed {
        step: "a11".to_owned(),
        item: Some("GRP1@dag1".to_owned()),
        attempt: Some(1),
        how,
        why: Safe::new("no answer in 10 s"),
    };
    let all = vec![
        opened(world),
        passed("a0"),
        done("a0", None, DoneHow::Manual),
        passed("a4"),
        done("a4", None, DoneHow::Manual),
        RunEvent::Deferred { step: "a5".to_owned(), reason: Safe::new("WE is dead"), downgraded: false },
        RunEvent::Skipped { step: "a9".to_owned(), reason: Safe::new("WE is dead") },
        confirmed("a11", 900),
        intent("a11", "GRP1@dag1", 1),
        failed(FailedHow::Ambiguous),
        failed(FailedHow::NotDone),
        intent("a11", "GRP1@dag1", 2),
        RunEvent::Accepted {
            step: "a11".to_owned(),
            item: "GRP1@dag1".to_owned(),
            attempt: 2,
            status: 201,
            request_id: Safe::new("az-7"),
            follow: None,
        },
        done("a11", Some("GRP1@dag1"), DoneHow::Action),
        done("a11", None, DoneHow::Action),
        passed("a12"),
        done("a12", None, DoneHow::Manual),
        RunEvent::Note {
            step: None,
            about: NoteAbout::NoticeShortened,
            text: Safe::new("nobody is connected"),
            given: None,
        },
    ];
    stamp(all)
}

fn stamp(events: Vec<RunEvent>) -> Vec<Stamped> {
    let actor = Actor { upn: Safe::new("op@contoso.example"), oid: Safe::new("o-1"), os: Safe::new("op") };
    events
        .into_iter()
        .enumerate()
        .map(|(at, event)| Stamped {
            wall: start() + seconds(30 * at as i64),
            mono_ms: 30_000 * at as u64,
            actor: actor.clone(),
            event,
        })
        .collect()
}

fn report(events: &[Stamped]) -> Report {
    let integrity = Integrity {
        head: "9f".repeat(32),
        records: events.len() as u64,
        verified: Verified::Intact,
        notes: vec![],
    };
    build("r-20261120-1000-7k", events, integrity, start() + minutes(30)).unwrap()
}

#[test]
fn an_open_run_says_so_and_claims_nothing_it_does_not_know() {
    let report = report(&events(WorldKind::Live));
    assert_eq!(report.state, State::Open);
    assert_eq!(report.figures.rto_service_s, Some(600 + 480));
    assert_eq!((report.figures.rto_full_s, report.figures.decision_latency_s), (None, None));
    // From the decision (third event) to the end of the grants (fifteenth).
    assert_eq!(report.figures.technical_s, Some(360));
    assert_eq!((report.rpo.value.clone(), report.rpo.confidence), (None, "unknown"));
    let at = |name: &str| report.marks.iter().find(|mark| mark.mark == name).unwrap().at;
    assert_eq!(at("T5"), Some(start() + seconds(90)));
    assert_eq!(at("T4"), Some(start() + seconds(240)));
    assert_eq!((at("T9"), at("T10")), (None, None));
    let text = to_markdown(&report);
    assert!(text.contains("\n# OPEN\n"), "{text}");
    assert!(!text.contains("SIM"), "{text}");
}

/// T7 is when the user was seen, which may be long before somebody pressed the key; one who was gone again
/// in between proved nothing.
#[test]
fn the_first_verified_user_is_dated_by_the_look_that_saw_them() {
    let gate = |first_user, verdict| RunEvent::Gate {
        step: "a12".to_owned(),
        verdict,
        items: vec![GateItem {
            id: "first-user".to_owned(),
            verdict: first_user,
            value: Safe::new("user.137 works"),
            ground: Ground::Seen,
            age_s: Some(10),
        }],
    };
    let (green, red, passed) = (GateVerdict::Green, GateVerdict::Red, GateVerdict::Passed);
    let cases = [
        (vec![gate(green, green), gate(green, passed)], 0),
        // Another item was red in between: whoever was seen first may have gone.
        (vec![gate(green, green), gate(green, red), gate(green, passed)], 60),
        (vec![gate(green, green), gate(red, red), gate(green, green), gate(green, passed)], 60),
        (vec![gate(red, red), gate(green, passed)], 30),
        (
            vec![
                gate(green, green),
                done("a11", None, DoneHow::Action),
                gate(green, green),
                gate(green, passed),
            ],
            60,
        ),
    ];
    for (told, later) in cases {
        let mut all: Vec<RunEvent> = vec![opened(WorldKind::Live)];
        all.extend(told);
        all.push(done("a12", None, DoneHow::Manual));
        let events = stamp(all);
        let mark = report(&events).marks.into_iter().find(|mark| mark.mark == "T7").unwrap();
        assert_eq!(mark.at, Some(start() + seconds(30 + later - 10)), "{mark:?}");
    }
}

#[test]
fn without_a_stated_impact_the_time_since_the_run_was_opened_is_told_as_that() {
    let mut events = events(WorldKind::Live);
    let RunEvent::Opened(opened) = &mut events[0].event else { panic!("the first event opens") };
    opened.impact = None;
    let report = report(&events);
    assert_eq!((report.figures.rto_service_s, report.figures.service_since_declared_s), (None, Some(480)));
    let text = to_markdown(&report);
    assert!(text.contains("unknown: T0 is not stated; 8 min since T2"), "{text}");
}

/// What an undo opened again is not called done, whatever was done of it before.
#[test]
fn what_was_taken_back_is_pending_again() {
    let mut all: Vec<RunEvent> = events(WorldKind::Sim).into_iter().map(|stamped| stamped.event).collect();
    let grant = all.iter().position(|event| matches!(event, RunEvent::Confirmed(_))).unwrap();
    all.truncate(grant);
    all.extend([
        confirmed("a5", 900),
        done("a5", Some("drain h1"), DoneHow::Action),
        done("a5", None, DoneHow::Action),
    ]);
    let state = |all: &[RunEvent], id: &str| {
        let told = report(&stamp(all.to_vec()));
        let step = told.steps.iter().find(|step| step.id == id).unwrap();
        (step.state, step.ended.is_some(), step.items.len())
    };
    assert_eq!(state(&all, "a5"), ("done", true, 1));
    all.extend([confirmed("a5-admit", 900), done("a5-admit", None, DoneHow::Action)]);
    assert_eq!(state(&all, "a5"), ("pending", false, 1));
    assert_eq!(state(&all, "a9"), ("pending", false, 0), "what followed it too");
    assert_eq!(state(&all, "a4"), ("done", true, 0), "and nothing before it");
    assert_eq!(state(&all, "a5-admit").0, "done");
}

/// Users are counted when the plan is made and once more before the first change: two words.
#[test]
fn users_in_the_plan_and_at_the_start_are_told_apart() {
    let counted = |snapshot: Option<&str>| {
        let note = snapshot.map(|text| RunEvent::Note {
            step: Some("a4".to_owned()),
            about: NoteAbout::Baseline,
            text: Safe::new(text),
            given: None,
        });
        let all = [vec![opened(WorldKind::Live)], note.into_iter().collect()].concat();
        let report = report(&stamp(all));
        (report.users, to_markdown(&report))
    };
    for (snapshot, users, told) in [
        (None, Some(67), "| users in the plan | 67 |"),
        (Some("sessions 70 users 68 plans "), Some(68), "| users at the start | 68 |"),
        (Some("sessions ? users ? plans "), Some(67), "| users in the plan | 67 |"),
    ] {
        let (count, text) = counted(snapshot);
        assert_eq!(count, users, "{snapshot:?}");
        assert!(text.contains(told) && text.matches("| users ").count() == 1, "{text}");
    }
}

#[test]
fn a_simulated_run_begins_with_the_word() {
    let report = report(&events(WorldKind::Sim));
    assert!(to_markdown(&report).starts_with("SIM"));
    let json = to_json(&report);
    assert!(json.starts_with("{\n  \"mode\": \"SIM\""), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["state"]["is"], "open");
    assert_eq!(value["integrity"]["verified"]["is"], "intact");
    assert_eq!(value["steps"][4]["items"][0]["attempts"][1]["request_id"], "az-7");
}

#[test]
fn attempts_deviations_and_debts_are_told() {
    let mut all = events(WorldKind::Live);
    let open = report(&all);
    let grant = open.steps.iter().find(|step| step.id == "a11").unwrap();
    assert_eq!((grant.state, grant.items[0].state, grant.items[0].attempts.len()), ("done", "done", 2));
    assert_eq!(grant.items[0].attempts[0].status, None);
    assert_eq!(grant.confirmations[0].typed, Some(Safe::new("NE")));
    assert_eq!(open.instant_confirms, 1);
    // The first write was settled after 60 s of looking, the second was seen done after 60 s.
    assert_eq!(open.figures.azure_wait_s, 60 + 60);
    let kinds: Vec<DeviationKind> = open.deviations.iter().map(|one| one.kind).collect();
    let expected = [
        DeviationKind::Deferred,
        DeviationKind::Skipped,
        DeviationKind::Ambiguous,
        DeviationKind::NoticeShortened,
    ];
    assert_eq!(kinds, expected);
    assert_eq!((open.debts.len(), open.debts[0].paid), (1, None));

    let mut rest: Vec<RunEvent> = all.drain(..).map(|stamped| stamped.event).collect();
    rest.push(RunEvent::Paid { step: "a5".to_owned(), evidence: Safe::new("all drained") });
    rest.push(RunEvent::Closed {
        end: RunEnd::CompletedWithExceptions,
        debts: Vec::new(),
        note: Safe::default(),
    });
    let closed = report(&stamp(rest));
    assert_eq!(closed.state, State::Closed(RunEnd::CompletedWithExceptions));
    assert_eq!(closed.debts[0].paid, Some(start() + seconds(30 * 18)));
    assert!(!to_markdown(&closed).contains("OPEN"), "{}", to_markdown(&closed));
}

/// What was owed is timed from when it was worked on, as in the run view; since when it was owed stands beside.
#[test]
fn the_time_something_was_owed_is_no_time_of_work() {
    let mut all: Vec<RunEvent> = events(WorldKind::Live).into_iter().map(|stamped| stamped.event).collect();
    let put_off = RunEvent::Deferred { step: "a5".to_owned(), reason: Safe::new("dead"), downgraded: false };
    all.extend([put_off, confirmed("a7", 5_000), confirmed("a7", 5_000), confirmed("a5", 5_000)]);
    all.push(done("a5", None, DoneHow::Action));
    all.push(RunEvent::Paid { step: "a5".to_owned(), evidence: Safe::new("all drained") });
    let stamped = stamp(all);
    let [.., put_off, _, _, paid, _, last] = &stamped[..] else { panic!("six more") };
    let report = report(&stamped);
    let step = report.steps.iter().find(|step| step.id == "a5").unwrap();
    assert_eq!((step.owed_since, step.started), (Some(put_off.wall), Some(paid.wall)));
    assert_eq!(step.ended, Some(last.wall));
    let owed = format!("owed since {}", crate::domain::time::time_text(put_off.wall));
    assert!(to_markdown(&report).contains(&owed), "{owed}");
}

#[test]
fn what_came_undone_is_told_and_not_called_done() {
    let mut all: Vec<RunEvent> = events(WorldKind::Live).into_iter().map(|one| one.event).collect();
    let (step, why) = ("a11".to_owned(), Safe::new("looked at again: it is no longer so"));
    all.push(RunEvent::Refused { step, item: None, attempt: None, status: None, why: why.clone() });
    let report = report(&stamp(all));
    let grant = report.steps.iter().find(|step| step.id == "a11").unwrap();
    assert_eq!((grant.state, grant.ended, grant.reason.as_ref()), ("pending", None, Some(&why)));
    let last = report.deviations.last().unwrap();
    assert_eq!((last.kind, last.step.as_deref()), (DeviationKind::Undone, Some("a11")));
}

/// A step that came back is timed by its last turn, as in the run view.
#[test]
fn the_time_a_step_stood_taken_back_is_no_time_of_work() {
    let refused = |step: &str, why: &str| RunEvent::Refused {
        step: step.to_owned(),
        item: None,
        attempt: None,
        status: None,
        why: Safe::new(why),
    };
    for taken_back in [confirmed("a5-admit", 900), refused("a11", "looked at again: it is no longer so")] {
        let mut all: Vec<RunEvent> =
            events(WorldKind::Live).into_iter().map(|stamped| stamped.event).collect();
        all.extend([taken_back, confirmed("a7", 900), confirmed("a11", 900)]);
        all.push(done("a11", None, DoneHow::Action));
        let stamped = stamp(all);
        let [.., again, last] = &stamped[..] else { panic!("two more") };
        let report = report(&stamped);
        let step = report.steps.iter().find(|step| step.id == "a11").unwrap();
        assert_eq!((step.started, step.ended), (Some(again.wall), Some(last.wall)));
    }
}

#[test]
fn a_process_that_ended_and_what_it_left_open_are_told() {
    let mut all: Vec<RunEvent> = events(WorldKind::Live).into_iter().map(|one| one.event).collect();
    all.push(RunEvent::Resumed { observed: Safe::new("looking at a11 again") });
    all.push(done("a11", Some("GRP2@dag1"), DoneHow::Adopted));
    all.push(RunEvent::Closed {
        end: RunEnd::Monitoring,
        debts: vec!["a5".to_owned()],
        note: Safe::default(),
    });
    let watching = report(&stamp(all.clone()));
    let last: Vec<(DeviationKind, &str)> =
        watching.deviations.iter().rev().take(3).map(|one| (one.kind, one.text.as_str())).collect();
    let expected = [
        (DeviationKind::Adopted, "GRP2@dag1: seen"),
        (DeviationKind::Resumed, "went on: looking at a11 again"),
        (DeviationKind::Interrupted, "a process ended without a word after 2026-11-20T10:08:30.000Z"),
    ];
    assert_eq!(last, expected);
    let closed = |report: &Report| report.marks.iter().find(|mark| mark.mark == "T10").unwrap().at;
    assert_eq!(closed(&watching), None, "it watches its debts");
    all.push(RunEvent::Paid { step: "a5".to_owned(), evidence: Safe::new("all drained") });
    all.push(RunEvent::Closed {
        end: RunEnd::CompletedWithExceptions,
        debts: Vec::new(),
        note: Safe::default(),
    });
    assert_eq!(closed(&report(&stamp(all))), Some(start() + seconds(30 * 22)));
}

#[test]
fn people_were_waited_for_while_only_they_could_go_on_and_somebody_was_there() {
    let armed = |on, how: &str| RunEvent::Armed { on, how: Safe::new(how) };
    let mut all = vec![opened(WorldKind::Live)];
    let check = |all: &[RunEvent], expected| {
        assert_eq!(report(&stamp(all.to_vec())).figures.human_wait_s, Some(expected), "{}", all.len());
    };
    for (event, waited) in [
        (armed(true, "by typing the estate's name"), 30),
        (passed("a0"), 30),
        (confirmed("a0", 900), 60),
        (done("a0", None, DoneHow::Action), 60),
        (armed(false, "a new process starts read-only"), 60),
        (RunEvent::Resumed { observed: Safe::new("nothing") }, 60),
        (armed(true, "by typing the estate's name"), 90),
        (passed("a4"), 90),
        (RunEvent::Held { why: HeldWhy::Person, note: Safe::default(), in_flight: Vec::new() }, 120),
        (RunEvent::Resumed { observed: Safe::new("a4") }, 150),
    ] {
        all.push(event);
        check(&all, waited);
    }
}

#[test]
fn text_from_outside_cannot_become_markup() {
    let text = to_markdown(&report(&events(WorldKind::Live)));
    assert!(text.contains(r"outage \| &lt;b&gt;posted&lt;/b&gt; \`now\`"), "{text}");
    let columns = |line: &str| line.replace(r"\|", "").matches('|').count();
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let counts: Vec<usize> = block.lines().map(columns).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{block}");
    }
}

#[test]
fn what_does_not_open_a_run_is_no_report() {
    let integrity =
        Integrity { head: String::new(), records: 0, verified: Verified::NotChecked, notes: vec![] };
    assert_eq!(build("r", &[], integrity.clone(), start()), None);
    assert_eq!(build("r", &stamp(vec![passed("a0")]), integrity, start()), None);
}

/// What is owed or proven by nobody keeps no run from going on; it was not seen to be so.
#[test]
fn an_item_that_is_excused_is_not_reported_green() {
    use GateVerdict::{Green, Red};
    let cases = [
        (Green, Ground::Seen, "green"),
        (Green, Ground::Owed, "excused"),
        (Green, Ground::Unproven, "excused"),
        (Red, Ground::Owed, "red"),
    ];
    for (verdict, ground, word) in cases {
        let mut events = events(WorldKind::Live);
        let item = GateItem {
            id: "nobody-in-both".to_owned(),
            verdict,
            value: "0 users".into(),
            ground,
            age_s: None,
        };
        let gate = RunEvent::Gate { step: "a0".to_owned(), verdict: GateVerdict::Passed, items: vec![item] };
        events[1].event = gate;
        let text = to_markdown(&report(&events));
        let row = text.lines().find(|line| line.contains("nobody-in-both")).unwrap();
        assert!(row.contains(&format!("| passed | nobody-in-both | {word} | 0 users | - |")), "{row}");
    }
}

/// A run that was ended in the middle of a step: the step does not go on, and what was made is named.
#[test]
fn what_an_abort_leaves_is_told() {
    let mut all = vec![opened(WorldKind::Live), passed("a0"), done("a0", None, DoneHow::Manual)];
    let RunEvent::Confirmed(mut given) = confirmed("a11", 5_000) else { panic!() };
    let RunEvent::Intent { operation, .. } = intent("a11", "GRP1@dag1", 1) else { panic!() };
    let item = |key: &str, writes: bool| crate::engine::event::ConfirmedItem {
        key: key.to_owned(),
        operation: writes.then(|| operation.clone()),
        before: Safe::default(),
    };
    // The fourth is so already, and nothing is sent for it.
    given.items = ["GRP1@dag1", "GRP2@dag1", "GRP3@dag1", "GRP4@dag1"]
        .map(|key| item(key, key != "GRP4@dag1"))
        .to_vec();
    all.extend([RunEvent::Confirmed(given), intent("a11", "GRP1@dag1", 1), intent("a11", "GRP2@dag1", 1)]);
    all.push(done("a11", Some("GRP1@dag1"), DoneHow::Action));
    all.push(done("a11", Some("GRP2@dag1"), DoneHow::Accepted));
    let open = report(&stamp(all.clone()));
    let step = |report: &Report| {
        let step = report.steps.iter().find(|step| step.id == "a11").unwrap();
        (step.state, step.ended.is_some())
    };
    assert_eq!((step(&open), open.deviations.len()), (("running", false), 1));
    all.push(RunEvent::Closed { end: RunEnd::AbortedAsIs, debts: Vec::new(), note: Safe::new("enough") });
    let ended = report(&stamp(all));
    assert_eq!(step(&ended), ("left", true));
    let told: Vec<(DeviationKind, &str)> =
        ended.deviations.iter().skip(1).map(|one| (one.kind, one.text.as_str())).collect();
    let expected = [
        (DeviationKind::Aborted, "enough"),
        (DeviationKind::Left, "2 of 3 sent, 1 seen done"),
        (DeviationKind::Stays, "made: a11 1"),
    ];
    assert_eq!(told, expected);
}
