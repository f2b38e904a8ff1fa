//! A machine whose clock is wrong: hosts are judged by Azure's clock, or not at all.

use std::sync::Arc;

use farshore::{
    domain::{
        Safe,
        time::{Span, minutes},
    },
    engine::{
        Command, Engine,
        event::{GateVerdict, RunEnd},
    },
    runbook::Mode,
    runtime::clock::Clock,
    sim::{Fault, FaultKind, Region},
    wire::{Reply, Request, Wire},
};

use super::{
    outage::{Cockpit, turn},
    rehearsal::{Rehearsal, Setting},
};

const STORES: &str = "fault = \"share-down\"\nregion = \"primary\"";

/// Answers about the hosts that are left do not tell when they were given.
#[derive(Debug)]
struct Undated(Arc<dyn Wire>);

impl Wire for Undated {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let hosts = request.uri().path().to_ascii_lowercase().ends_with("/hp-hr-we/sessionhosts");
            let mut answer = self.0.call(request).await?;
            if hosts {
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
        assert!(told.contains("signs 4, two of different classes are needed"), "{off:?}: {told}");
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
    let rehearsal = Rehearsal::through(&Setting::PLAIN, |inner| Arc::new(Undated(inner)));
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
