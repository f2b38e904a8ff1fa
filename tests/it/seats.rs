//! Runs led to the step at which a test begins, and short ways to what is asked of them there.

use farshore::{
    domain::{Safe, time::Timestamp},
    engine::{Command, Engine, RunEvent, Stamped, run::StepRun, view::OfferView},
    runbook::Mode,
    sim::{Fault, FaultKind, Region},
};

use super::{
    outage::Cockpit,
    rehearsal::{Rehearsal, Setting},
};

/// The smallest world behind a network: no answer falls into the moment of its request.
pub const DISTANT: Setting<'static> = Setting { latency_ms: 20, ..Setting::PLAIN };

/// A graceful run at its step.
pub async fn graceful(step: &str) -> Cockpit {
    let mut cockpit = Cockpit::open(Rehearsal::of(&DISTANT), Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit
}

/// A run over a dead primary at its step, with these changes to the estate file and these faults besides.
pub async fn dead(estate: &[(&str, &str)], faults: &[&str], step: &str) -> Cockpit {
    let rehearsal = Rehearsal::of(&Setting { estate, ..DISTANT });
    rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    for fault in faults {
        rehearsal.sim.inject(Fault::from_toml(fault).unwrap());
    }
    let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    cockpit.turn(step).await;
    cockpit
}

/// How a step stands.
pub fn of<'e>(engine: &'e Engine, step: &str) -> &'e StepRun {
    let run = engine.run();
    &run.steps[run.plan.position(step).unwrap()]
}

/// What the dialog of a step shows, where one is open.
pub fn offered_by(engine: &Engine, step: &str, now: Timestamp) -> Option<OfferView> {
    engine.view(now).steps.into_iter().find(|shown| shown.id == step)?.offer
}

/// The same now.
pub fn offered(cockpit: &Cockpit, step: &str) -> Option<OfferView> {
    offered_by(&cockpit.engine, step, cockpit.clock.now())
}

/// A person arms.
pub fn arm(cockpit: &mut Cockpit) {
    cockpit.tell(Command::Arm { on: true, how: Safe::new("typed") }).unwrap();
}

/// Whether an event ends a step, or with `item` one of its items.
pub fn is_done(event: &Stamped, of: &str, item: bool) -> bool {
    matches!(&event.event, RunEvent::Done { step, item: what, .. } if step == of && what.is_some() == item)
}
