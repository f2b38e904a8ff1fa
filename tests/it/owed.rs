//! What is owed to the side that was left: when it is owed, in which order it is paid, and what paying it
//! opens.

use farshore::{
    domain::{
        Safe,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Engine,
        event::{GateVerdict, Ground, RunEnd},
        run::StepMark,
    },
};

use super::{
    killers::colleague,
    outage::{Cockpit, said, turn},
    seats::{arm, dead, of, offered},
};

/// What is so already is found so, the rest is confirmed.
async fn pay(cockpit: &mut Cockpit, step: &'static str) {
    cockpit.tell(Command::Offer { step: step.to_owned() }).unwrap();
    let settled = |engine: &Engine, now: Timestamp| {
        let shown = engine.view(now).steps.into_iter().find(|shown| shown.id == step);
        engine.run().paid.contains(step)
            || shown.and_then(|shown| shown.offer).is_some_and(|offer| offer.green)
    };
    cockpit.until(step, false, settled).await;
    if let Some(offer) = offered(cockpit, step) {
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    }
    cockpit.until(step, false, |engine, _| engine.run().paid.contains(step)).await;
}

/// Somebody else let the users in on the other side: what was put off is owed after an abort too.
#[tokio::test(start_paused = true)]
async fn what_was_put_off_is_owed_once_anybody_let_people_in() {
    let mut cockpit = dead(&[], &[], "a10-safe-to-open").await;
    cockpit.inject("fault = \"reassigned\"\nregion = \"secondary\"\nservice = \"hr\"");
    cockpit.turn("a12-first-user").await;
    assert!(cockpit.step("a11-grant").items.is_empty(), "found so, not done");
    let before = cockpit.engine.run().debts();
    assert!(!before.is_empty());
    cockpit.tell(Command::Abort { reason: Safe::new("enough") }).unwrap();
    cockpit.until("closed", false, |engine, _| engine.run().closed.is_some()).await;
    assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedAsIs));
    assert_eq!(cockpit.engine.run().debts(), before);
    assert!(!cockpit.engine.run().is_over(), "it watches them");
}

/// Nobody was let in anywhere: the side that nobody left is not to be emptied.
#[tokio::test(start_paused = true)]
async fn a_run_that_let_nobody_in_owes_nothing_once_it_is_aborted() {
    let step = "a11-grant";
    let mut cockpit = dead(&[], &[], step).await;
    cockpit.inject(
        "fault = \"forbidden\"\nregion = \"secondary\"\nmethod = \"PUT\"\npath = \"roleassignments\"",
    );
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let refused = |engine: &Engine| {
        let run = engine.run();
        run.steps[run.plan.position(step).unwrap()].items.iter().any(|item| item.mark.failed())
    };
    cockpit.until("refused", false, |engine, _| refused(engine)).await;
    cockpit.tell(Command::Abort { reason: Safe::new("enough") }).unwrap();
    cockpit.until("closed", false, |engine, _| engine.run().closed.is_some()).await;
    assert_eq!(cockpit.engine.run().debts(), Vec::<usize>::new());
}

/// The primary answers again before gate 2: its debts can be paid, and once it is empty it can be left like
/// any other side. Until then the way back is offered as well.
#[tokio::test(start_paused = true)]
async fn a_dead_side_that_came_back_and_was_emptied_can_be_left() {
    let gate = "a10-safe-to-open";
    for people in [true, false] {
        let mut cockpit = dead(&[], &[], gate).await;
        cockpit.rehearsal.sim.heal("dead");
        cockpit.pass(seconds(30)).await;
        if people {
            cockpit.inject("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
        }
        cockpit.pass(minutes(3)).await;
        let item = |cockpit: &Cockpit| {
            cockpit.shown(gate).proofs.into_iter().find(|item| item.id == "active-empty-or-dead").unwrap()
        };
        let view = cockpit.engine.view(cockpit.clock.now());
        assert!(view.steps.iter().any(|step| step.id == "a7-regrant"), "the way back");
        if people {
            let red = item(&cockpit);
            assert_eq!(red.verdict, GateVerdict::Red, "{red:?}");
            let told = red.value.as_str();
            assert!(told.starts_with("2 of 2 hosts with heartbeat"), "{told}");
            assert!(told.ends_with("1 session in WE, and it is owed what must be paid first"), "{told}");
        }
        arm(&mut cockpit);
        // Where nobody is left there is nothing to write: that is found so while the gate has the turn.
        for step in ["a5-drain", "a3-hold-active-scaling", "a8-log-off"] {
            if step == "a8-log-off" && !people {
                let settles = |engine: &Engine, now| engine.view(now).debt_settles.as_deref() == Some(step);
                cockpit.until("it settles", false, settles).await;
                let ready = cockpit.engine.view(cockpit.clock.now()).debts_ready;
                assert!(!ready.iter().any(|one| one == step), "nobody has to pay it: {ready:?}");
            }
            pay(&mut cockpit, step).await;
        }
        assert_eq!(cockpit.writes_of("a8-log-off").len(), usize::from(people));
        // Who worked there has a profile to be written through: that was skipped for a dead side only.
        assert_eq!(turn(&cockpit.engine), "a9-flush");
        cockpit.turn(gate).await;
        assert_eq!(cockpit.writes_of("a9-flush").len(), 1);
        assert!(cockpit.offer(gate).await.green);
        let green = item(&cockpit);
        assert_eq!(green.value.as_str(), "0 sessions in WE, seen twice, 60 s apart");
        cockpit.turn("a12-first-user").await;
        let (_, confirmed) = cockpit.step("a11-grant").confirmed.clone().unwrap();
        assert_eq!(confirmed.acknowledges, None, "the clean way");
        assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
    }
}

/// Whoever is logged off a side that still lets people in comes straight back: that is paid last.
#[tokio::test(start_paused = true)]
async fn nobody_is_logged_off_while_the_side_still_lets_people_in() {
    const LOCKED: &str = "fault = \"lock\"\nregion = \"primary\"\nlevel = \"CanNotDelete\"";
    let (drain, revoke, log_off) = ("a5-drain", "a7-revoke", "a8-log-off");
    let mut cockpit = dead(&[], &[], revoke).await;
    cockpit.inject(LOCKED);
    cockpit.turn("a12-first-user").await;
    for step in [drain, revoke, log_off] {
        assert!(matches!(cockpit.step(step).mark, StepMark::Deferred { .. }), "{step}");
    }
    cockpit.rehearsal.sim.heal("dead");
    cockpit.until("back", false, |engine, now| engine.view(now).primary_is_back).await;
    arm(&mut cockpit);
    cockpit.inject("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
    let waits = |cockpit: &mut Cockpit, first: &str| {
        let view = cockpit.engine.view(cockpit.clock.now());
        assert!(!view.debts_ready.iter().any(|step| step == log_off), "{:?}", view.debts_ready);
        let shown = cockpit.shown(log_off);
        let told = shown.blocked_by.iter().any(|why| why.as_str().starts_with(&format!("{first} is owed")));
        assert!(told, "{:?}", shown.blocked_by);
        let offer = shown.offer.unwrap();
        assert!(!offer.green && cockpit.tell(Command::Confirm(said(log_off, &offer))).is_err());
    };
    cockpit.tell(Command::Offer { step: log_off.to_owned() }).unwrap();
    cockpit.pass(seconds(60)).await;
    waits(&mut cockpit, drain);
    pay(&mut cockpit, drain).await;
    waits(&mut cockpit, revoke);
    assert_eq!(cockpit.writes_of(log_off), []);
    cockpit.rehearsal.sim.heal("lock");
    pay(&mut cockpit, revoke).await;
    let ready = cockpit.engine.view(cockpit.clock.now()).debts_ready;
    assert!(ready.iter().any(|step| step == log_off), "{ready:?}");
    pay(&mut cockpit, log_off).await;
}

/// Where nothing can be written and a proof is red, nothing settles: a person is told why.
#[tokio::test(start_paused = true)]
async fn a_debt_that_people_stand_against_does_not_settle_by_itself() {
    let mut cockpit = dead(&[], &[], "a13-ramp").await;
    assert_eq!(cockpit.end().await, RunEnd::Monitoring);
    cockpit.rehearsal.sim.heal("dead");
    cockpit.until("back", false, |engine, now| engine.view(now).primary_is_back).await;
    cockpit.pass(minutes(5)).await;
    arm(&mut cockpit);
    for step in ["a5-drain", "a3-hold-active-scaling", "a8-log-off"] {
        pay(&mut cockpit, step).await;
    }
    cockpit.inject("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 4");
    cockpit.pass(minutes(30)).await;
    let view = cockpit.engine.view(cockpit.clock.now());
    assert_eq!(view.debts, ["a14-stop-hosts"]);
    assert_eq!((view.debt_settles, view.debts_ready), (None, view.debts.clone()));
}

const HOST_1: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-hr-we/sessionHosts/shwe-hr-01.contoso.example?api-version=2024-04-03";

/// The drain is paid first, and the scaling plan, which acts until it is held, lifts it: then it is owed
/// again, and nobody is logged off before it is paid once more.
#[tokio::test(start_paused = true)]
async fn a_drain_that_a_plan_lifted_is_owed_again() {
    let (drain, plan, log_off) = ("a5-drain", "a3-hold-active-scaling", "a8-log-off");
    let mut cockpit = dead(&[], &[], "a13-ramp").await;
    assert_eq!(cockpit.end().await, RunEnd::Monitoring);
    cockpit.rehearsal.sim.heal("dead");
    cockpit.until("back", false, |engine, now| engine.view(now).primary_is_back).await;
    cockpit.pass(minutes(5)).await;
    arm(&mut cockpit);
    pay(&mut cockpit, drain).await;
    colleague(&cockpit.rehearsal.sim, "PATCH", HOST_1, r#"{"properties":{"allowNewSession":true}}"#);
    cockpit.pass(minutes(3)).await;
    assert!(cockpit.engine.run().paid.contains(drain), "the plan still acts: it would be lifted again");
    pay(&mut cockpit, plan).await;
    let owed = |engine: &Engine, _: Timestamp| !engine.run().paid.contains(drain);
    cockpit.until("owed again", false, owed).await;
    let ready = cockpit.engine.view(cockpit.clock.now()).debts_ready;
    assert!(ready.iter().any(|step| step == drain) && !ready.iter().any(|step| step == log_off), "{ready:?}");
    pay(&mut cockpit, drain).await;
    pay(&mut cockpit, log_off).await;
    let refuse = cockpit.rehearsal.sim.end_state().accepts;
    assert!(
        refuse.iter().filter(|(host, _)| host.contains("-we")).all(|(_, accepts)| !accepts),
        "{refuse:?}"
    );
}

/// While a debt is paid nobody is told that it settles by itself, also when its last change is through and
/// only to be seen.
#[tokio::test(start_paused = true)]
async fn what_is_being_paid_does_not_settle_by_itself() {
    let step = "a5-drain";
    let mut cockpit = dead(&[], &[], "a13-ramp").await;
    assert_eq!(cockpit.end().await, RunEnd::Monitoring);
    cockpit.rehearsal.sim.heal("dead");
    cockpit.until("back", false, |engine, now| engine.view(now).primary_is_back).await;
    cockpit.pass(minutes(5)).await;
    arm(&mut cockpit);
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let mut worked = 0;
    let paid = |engine: &Engine, now: Timestamp| {
        let view = engine.view(now);
        if of(engine, step).mark == StepMark::Working {
            worked += 1;
            assert_eq!(view.debt_settles, None, "{:?}", of(engine, step));
        }
        engine.run().paid.contains(step)
    };
    cockpit.until("paid", false, paid).await;
    assert!(worked > 2, "{worked}");
}

/// What is owed is known from the run alone: nothing is looked at for it, and it has no age.
#[tokio::test(start_paused = true)]
async fn an_item_that_is_owed_rests_on_no_look() {
    let mut cockpit = dead(&[], &[], "a10-safe-to-open").await;
    cockpit.pass(minutes(3)).await;
    let shown = cockpit.shown("a10-safe-to-open");
    let owed: Vec<_> = shown.proofs.iter().filter(|item| item.value.as_str() == "owed").collect();
    assert!(!owed.is_empty(), "{:?}", shown.proofs);
    for item in owed {
        let told = (item.verdict, item.ground, item.age_s);
        assert_eq!(told, (GateVerdict::Green, Ground::Owed, None), "{item:?}");
        let marked = |ids: &[String]| ids.contains(&item.id);
        assert!(!marked(&shown.old_proofs) && !marked(&shown.dated_proofs), "{item:?}");
    }
}

/// Stopped hosts are silent, and yet nobody is kept from setting the rest right. What is owed to them is
/// paid before they are stopped by us.
#[tokio::test(start_paused = true)]
async fn hosts_that_are_off_do_not_keep_the_other_debts_from_being_paid() {
    let mut cockpit = dead(&[], &[], "a13-ramp").await;
    assert_eq!(cockpit.end().await, RunEnd::Monitoring);
    cockpit.rehearsal.sim.heal("dead");
    cockpit.pass(minutes(5)).await;
    arm(&mut cockpit);
    cockpit.tell(Command::Offer { step: "a14-stop-hosts".to_owned() }).unwrap();
    cockpit.pass(seconds(30)).await;
    let offer = offered(&cockpit, "a14-stop-hosts").unwrap();
    let blocked = cockpit.shown("a14-stop-hosts").blocked_by;
    assert!(!offer.green && blocked.iter().any(|why| why.as_str().contains("a5-drain")), "{blocked:?}");
    for host in ["shwe-hr-01", "shwe-hr-02"] {
        let vm = format!(
            "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-hosts-we/providers/Microsoft.Compute/virtualMachines/{host}/deallocate?api-version=2024-07-01"
        );
        colleague(&cockpit.rehearsal.sim, "POST", &vm, "");
    }
    cockpit.pass(minutes(10)).await;
    for step in ["a5-drain", "a3-hold-active-scaling", "a8-log-off", "a14-stop-hosts"] {
        if !cockpit.engine.run().paid.contains(step) {
            pay(&mut cockpit, step).await;
        }
    }
    assert!(cockpit.engine.run().debts().is_empty());
}
