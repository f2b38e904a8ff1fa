//! A machine whose clock is wrong: hosts and sessions are judged by Azure's clock, or not at all.

use std::sync::Arc;

use farshore::{
    domain::{
        Safe,
        time::{Span, minutes, seconds},
    },
    engine::{
        Command, Engine,
        event::{GateItem, GateVerdict, RunEnd},
    },
    runbook::Mode,
    runtime::clock::Clock,
    sim::{Fault, FaultKind, Region},
    wire::{Reply, Request, Wire},
};

use super::{
    outage::{Cockpit, said, turn},
    rehearsal::{Rehearsal, Setting},
};

const STORES: &str = "fault = \"share-down\"\nregion = \"primary\"";

/// Answers about what stands at this address do not tell when they were given.
#[derive(Debug)]
struct Undated(Arc<dyn Wire>, &'static str);

impl Wire for Undated {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let undated = request.uri().path().to_ascii_lowercase().ends_with(self.1);
            let mut answer = self.0.call(request).await?;
            if undated {
                answer.headers_mut().remove(http::header::DATE);
            }
            Ok(answer)
        })
    }
}

/// An ungraceful run on a machine whose clock is off the world's.
async fn open(mut rehearsal: Rehearsal, off: Span, dead: bool) -> Cockpit {
    if dead {
        rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    }
    rehearsal.clock = Arc::new(Clock::new(rehearsal.clock.now() + off, 1.0));
    let cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    cockpit.inject(STORES);
    cockpit
}

/// What the gate of a0 says of the signs, once it passed or the run was given up.
async fn signs(cockpit: &mut Cockpit) -> String {
    let over = |engine: &Engine| engine.run().closed.is_some() || turn(engine) != "a0-declare";
    cockpit.until("a0", true, |engine, _| over(engine)).await;
    let (_, items) = cockpit.step("a0-declare").gate.clone().unwrap();
    items[0].value.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_fast_clock_does_not_make_living_hosts_look_dead() {
    for off in [minutes(6), minutes(60 * 24), Span::ZERO] {
        let mut cockpit = open(Rehearsal::of(&Setting::PLAIN), off, false).await;
        let told = signs(&mut cockpit).await;
        assert!(told.contains("sign 4, two of different classes are needed"), "{off:?}: {told}");
        assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedRolledBack), "{off:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_clock_does_not_make_dead_hosts_look_alive() {
    for off in [-minutes(10), -minutes(60 * 24), Span::ZERO] {
        let mut cockpit = open(Rehearsal::of(&Setting::PLAIN), off, true).await;
        let began = cockpit.clock.now();
        let told = signs(&mut cockpit).await;
        let took = cockpit.clock.now().duration_since(began);
        assert!(told.contains("signs 2, 4, which make it dead"), "{off:?}: {told}");
        assert!(took < minutes(7), "{off:?}: {took:?}\n{}", cockpit.rehearsal.story());
        assert_eq!(cockpit.end().await, RunEnd::Monitoring, "{off:?}\n{}", cockpit.rehearsal.story());
        assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn where_azure_tells_no_time_nobody_is_granted_on_silent_hosts() {
    let rehearsal =
        Rehearsal::through(&Setting::PLAIN, |inner| Arc::new(Undated(inner, "/hp-hr-we/sessionhosts")));
    let mut cockpit = open(rehearsal, Span::ZERO, true).await;
    cockpit.tell(Command::State { text: Safe::new("the hotline says it is dark") }).unwrap();
    let told = signs(&mut cockpit).await;
    assert!(told.contains("signs 4, 5, which make it dead"), "{told}");
    cockpit.until("the end", true, |engine, _| engine.run().closed.is_some()).await;
    assert!(cockpit.writes_of("a11-grant").is_empty(), "{}", cockpit.rehearsal.story());
    let (verdict, items) = cockpit.step("a10-safe-to-open").gate.clone().unwrap();
    let told = items.iter().find(|item| item.id == "active-empty-or-dead").unwrap();
    assert_eq!((verdict, told.verdict), (GateVerdict::Unknown, GateVerdict::Unknown), "{told:?}");
    assert_eq!(told.value.as_str(), "hosts: nobody knows when 2 of 2 hosts beat last");
}

const SIGNED_IN: &str = "fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1";

/// Answers come a little later than they were asked for, as they do.
const LATE: Setting<'static> = Setting { latency_ms: 20, ..Setting::PLAIN };

/// A graceful run on a machine whose clock is off the world's.
async fn graceful(mut rehearsal: Rehearsal, off: Span) -> Cockpit {
    rehearsal.clock = Arc::new(Clock::new(rehearsal.clock.now() + off, 1.0));
    Cockpit::open(rehearsal, Mode::Graceful).await
}

/// A person who was let in on the standby while the primary is revoked, and the way back that somebody
/// tries all the same.
async fn way_back(rehearsal: Rehearsal, off: Span) -> Cockpit {
    let mut cockpit = graceful(rehearsal, off).await;
    cockpit.turn("a8-log-off").await;
    cockpit.inject(SIGNED_IN);
    cockpit.pass(seconds(60)).await;
    cockpit.tell(Command::Offer { step: "a7-regrant".to_owned() }).unwrap();
    cockpit.pass(seconds(120)).await;
    let offer = cockpit.shown("a7-regrant").offer.unwrap();
    assert!(!offer.green, "{off:?}: {:?}", cockpit.shown("a7-regrant").blocked_by);
    assert!(cockpit.tell(Command::Confirm(said("a7-regrant", &offer))).is_err(), "{off:?}");
    cockpit.pass(seconds(120)).await;
    assert_eq!(cockpit.writes_of("a7-regrant"), [], "{off:?}: {}", cockpit.rehearsal.story());
    cockpit
}

#[tokio::test(start_paused = true)]
async fn whoever_was_let_in_during_the_run_shuts_the_way_back_whatever_our_clock_shows() {
    for off in [minutes(60), -minutes(60), Span::ZERO] {
        way_back(Rehearsal::of(&LATE), off).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_of_unknown_birth_shuts_the_way_back_and_says_so() {
    let rehearsal = Rehearsal::through(&LATE, |inner| Arc::new(Undated(inner, "/hp-hr-ne/usersessions")));
    let cockpit = way_back(rehearsal, Span::ZERO).await;
    let blocked = cockpit.shown("a7-regrant").blocked_by;
    assert!(
        blocked.iter().any(|why| why.as_str().contains("nobody knows when 1 of them began")),
        "{blocked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_whatever_our_clock_shows() {
    for off in [minutes(60), -minutes(120), Span::ZERO] {
        let mut cockpit = graceful(Rehearsal::of(&LATE), off).await;
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{off:?}: {}", cockpit.rehearsal.story());
    }
}

/// What gate 3 says of the first user right after the grant, where somebody worked there already.
async fn first_user(rehearsal: Rehearsal, off: Span) -> GateItem {
    let mut cockpit = graceful(rehearsal, off).await;
    cockpit.turn("a11-grant").await;
    cockpit.inject(SIGNED_IN);
    cockpit.pass(minutes(2)).await;
    cockpit.turn("a12-first-user").await;
    cockpit.pass(seconds(15)).await;
    let proofs = cockpit.shown("a12-first-user").proofs;
    proofs.into_iter().find(|one| one.id == "first-user").unwrap()
}

#[tokio::test(start_paused = true)]
async fn whoever_worked_there_before_the_grant_proves_nothing_whatever_our_clock_shows() {
    for off in [-minutes(120), minutes(60), Span::ZERO] {
        let proof = first_user(Rehearsal::of(&LATE), off).await;
        assert_eq!(proof.verdict, GateVerdict::Unknown, "{off:?}: {proof:?}");
        assert!(proof.value.as_str().contains("the grant reaches everyone by"), "{off:?}: {proof:?}");
    }
}
