//! Hosts that a run started before its process was killed are on their way up for the next one too: none of
//! its looks came before, and the journal knows.

use farshore::{
    domain::{
        Answer, Listing, Observation, Operation, Side, Source,
        compute::{Power, VirtualMachine},
        death,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Engine, RunEvent, Stamped,
        event::{DoneHow, FailedHow},
        run::{ItemMark, StepRun},
    },
    runbook::Mode,
    ui::keymap::Key,
};

use super::{
    night::Night,
    outage::{Cockpit, said},
    rehearsal::{Rehearsal, Setting},
    seats::of,
};

const STEP: &str = "a2-prewarm";

/// Which comes first in the new process: the run, or a look at machines.
#[derive(Debug, Clone, Copy, PartialEq)]
enum First {
    Run,
    Look,
}

/// Cold hosts of the standby need four minutes from power to their first heartbeat.
const SLOW: Setting<'static> = Setting {
    world: &[("host_boot = \"10s\"", "host_boot = \"4m\""), ("standby_running = 1", "standby_running = 0")],
    ..Setting::PLAIN
};

/// Whether something of the step is so.
fn any(step: &StepRun, so: fn(&ItemMark) -> bool) -> bool {
    step.items.iter().any(|item| so(&item.mark))
}

/// The end of a process that had started hosts, as soon as one of them stands `so`.
async fn killed(so: fn(&ItemMark) -> bool) -> Rehearsal {
    let mut cockpit = Cockpit::open(Rehearsal::of(&SLOW), Mode::Graceful).await;
    cockpit.turn(STEP).await;
    super::seats::arm(&mut cockpit);
    let offer = cockpit.offer(STEP).await;
    cockpit.tell(Command::Confirm(said(STEP, &offer))).unwrap();
    cockpit.until("hosts", false, |engine: &Engine, _| any(of(engine, STEP), so)).await;
    cockpit.rehearsal
}

#[tokio::test(start_paused = true)]
async fn hosts_that_a_killed_process_started_are_on_their_way_up_for_the_next_one() {
    let kills: [fn(&ItemMark) -> bool; 2] = [ItemMark::in_flight, ItemMark::over];
    for (kill, so) in kills.into_iter().enumerate() {
        for first in [First::Run, First::Look] {
            let rehearsal = killed(so).await;
            // Nobody sees them come up.
            rehearsal.clock.sleep_until(rehearsal.clock.now() + seconds(20)).await;
            let mut night = Night::over(rehearsal);
            let engine =
                Engine::recover(night.rehearsal.context(&night.azure), &night.rehearsal.journal.events());
            if first == First::Look {
                night.pass(seconds(40)).await;
                assert!(night.screen().contains(" heartbeats"), "nothing tells yet\n{}", night.screen());
            }
            night.attach(engine.unwrap(), Vec::new());
            night.key(Key::Esc).await;
            night.key(Key::Char('m')).await;
            for at in [0, 60, 120] {
                night.app.settle();
                let told = format!("{kill} {first:?} after {at} s\n{}", night.screen());
                assert!(told.contains(" boot") || told.contains(" starting"), "{told}");
                assert!(!told.contains("silent") && !told.contains("heartbeats"), "{told}");
                let now = night.app.now();
                let signs = death::signs(
                    &night.app.estate,
                    &night.app.picture,
                    0,
                    Side::Secondary,
                    now - minutes(5),
                    now,
                );
                assert_eq!(signs, [], "{told}");
                night.pass(seconds(60)).await;
            }
        }
    }
}

/// Since when the machine of a start is on, by a look whose answer was in at `at`.
fn on_since(rehearsal: &Rehearsal, events: &[Stamped], power: Power, at: Timestamp) -> Option<Timestamp> {
    let started = |stamped: &Stamped| match &stamped.event {
        RunEvent::Intent { operation: Operation::StartVm { vm }, .. } => Some(vm.clone()),
        _ => None,
    };
    let machine = VirtualMachine {
        id: events.iter().find_map(started).unwrap(),
        location: "northeurope".into(),
        size: "Standard_D8s_v5".into(),
        zones: vec![],
        image: None,
        power: Some(power),
        on_since: None,
    };
    let outcome = Ok(Answer::Machines(Listing::whole(vec![machine], 1)));
    let mut seen = Observation { source: Source::Machines(Side::Secondary), started: at, ended: at, outcome };
    let engine = Engine::recover(rehearsal.context(&rehearsal.azure()), events).unwrap();
    engine.remind(&mut seen);
    let Ok(Answer::Machines(list)) = seen.outcome else { panic!() };
    list.seen()[0].on_since
}

#[tokio::test(start_paused = true)]
async fn since_when_a_host_is_on_is_said_where_the_journal_tells_and_nowhere_else() {
    let rehearsal = killed(ItemMark::over).await;
    let events = rehearsal.journal.events();
    let at = |is: fn(&RunEvent) -> bool| events.iter().position(|stamped| is(&stamped.event)).unwrap();
    let asked = at(|event| matches!(event, RunEvent::Intent { .. }));
    let done = at(|event| matches!(event, RunEvent::Done { step, item: Some(_), .. } if step == STEP));
    let (asked, done) = (&events[..=asked], &events[..=done]);
    let (intent, up) = (asked.last().unwrap().wall, done.last().unwrap());
    let (step, RunEvent::Done { item: Some(item), how: DoneHow::Action, .. }) = (STEP.to_owned(), &up.event)
    else {
        panic!("{up:?}")
    };
    let ends = |event: RunEvent, after: i64| {
        let stamped = Stamped { event, wall: intent + seconds(after), ..up.clone() };
        [asked, &[stamped]].concat()
    };
    let found = RunEvent::Done {
        step: step.clone(),
        item: Some(item.clone()),
        how: DoneHow::Adopted,
        evidence: "it runs".into(),
        given: None,
    };
    let fails = |how| RunEvent::Failed {
        step: step.clone(),
        item: Some(item.clone()),
        attempt: Some(1),
        how,
        why: "test".into(),
    };
    let refused = RunEvent::Refused {
        step: step.clone(),
        item: Some(item.clone()),
        attempt: Some(1),
        status: Some(409),
        why: "test".into(),
    };
    let (off, on) = (|| Power::Deallocated, || Power::Running);
    let soon = intent + seconds(240);
    let cases = [
        ("asked for", asked.to_vec(), on(), soon, Some(soon)),
        ("off all the same", asked.to_vec(), off(), soon, None),
        ("asked for too long ago", asked.to_vec(), on(), intent + seconds(301), None),
        ("asked for by a clock ahead", asked.to_vec(), on(), intent - seconds(1), None),
        ("seen to come up", done.to_vec(), on(), up.wall + minutes(60), Some(up.wall)),
        ("by a clock ahead", done.to_vec(), on(), up.wall - seconds(1), None),
        ("found on soon", ends(found.clone(), 200), on(), soon, Some(intent + seconds(200))),
        ("found on late", ends(found, 400), on(), intent + seconds(410), None),
        ("unseen end", ends(fails(FailedHow::Ambiguous), 20), on(), soon, Some(soon)),
        ("not sent", ends(fails(FailedHow::NotSent), 20), on(), soon, None),
        ("not done", ends(fails(FailedHow::NotDone), 20), on(), soon, None),
        ("refused", ends(refused, 20), on(), soon, None),
    ];
    for (name, events, power, at, expected) in cases {
        assert_eq!(on_since(&rehearsal, &events, power, at), expected, "{name}");
    }
}
