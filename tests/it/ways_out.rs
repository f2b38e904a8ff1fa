//! No run may end where a person has no way on, and no way back may lead into both pools.

use farshore::{
    domain::{
        Answer, Safe, Side, Source,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Engine, Refusal, RunEvent,
        event::{Acknowledgement, ConfirmedBy, GateVerdict, HeldWhy, RunEnd},
        run::{ItemMark, ItemRun, StepMark},
        view::Choice,
    },
    runbook::Mode,
    runtime::clock::Clock,
    sim::{Fault, FaultKind, Region},
};

use super::{
    killers::colleague,
    outage::{Cockpit, said, turn},
    rehearsal::{Rehearsal, Setting},
    seats::{DISTANT, dead, graceful, of, offered_by},
};

fn arm(cockpit: &mut Cockpit, on: bool) {
    cockpit.tell(Command::Arm { on, how: Safe::new("typed") }).unwrap();
}

const OPENED: &str = "fault = \"reassigned\"\nregion = \"secondary\"\nservice = \"hr\"";
const SIGNED_IN: &str = "fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1";

/// The planned group holds the side that is left once more, through a custom role.
const BY_CUSTOM_ROLE: &str = "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e001\"\nrole = \"custom\"";

/// Somebody planned for the group who has never held it.
const NEWCOMER: &str = "4c4c4c4c-0000-4000-8000-00000000e0aa";

/// Roles and holders of the side that is left, as the client lists them.
async fn held(rehearsal: &Rehearsal) -> Vec<(String, String)> {
    let (azure, clock) = (rehearsal.azure(), rehearsal.clock.clone());
    let source = Source::Assignments(0, Side::Primary);
    let Ok(Answer::Assignments(list)) = azure.look(&source, &|| clock.now()).await.outcome else { panic!() };
    let mut held: Vec<_> = list
        .complete()
        .unwrap()
        .iter()
        .filter(|held| held.assignment.lets_use())
        .map(|held| (held.assignment.role.clone(), held.assignment.principal.as_str().to_owned()))
        .collect();
    held.sort();
    held
}

/// Granting again brings the same roles back to the same principals, and nothing that was not there.
#[tokio::test(start_paused = true)]
async fn granting_again_is_the_exact_way_back() {
    let principal = "principals = [";
    let more = format!("principals = [{{ name = \"NEW\", id = \"{NEWCOMER}\", type = \"Group\" }}, ");
    let setting = Setting { estate: &[(principal, &more)], ..DISTANT };
    let rehearsal = Rehearsal::of(&setting);
    rehearsal.sim.inject(Fault::from_toml(BY_CUSTOM_ROLE).unwrap());
    let before = held(&rehearsal).await;
    assert_eq!(before.len(), 2, "{before:?}");
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    cockpit.turn("a8-log-off").await;
    assert_eq!(held(&cockpit.rehearsal).await, []);
    let offer = cockpit.offer("a7-regrant").await;
    cockpit.tell(Command::Confirm(said("a7-regrant", &offer))).unwrap();
    cockpit.until("back", false, |engine, _| of(engine, "a7-regrant").mark == StepMark::Open).await;
    assert_eq!(held(&cockpit.rehearsal).await, before, "{}", cockpit.rehearsal.story());
}

/// Somebody opened the other side meanwhile: what was revoked is not granted again.
#[tokio::test(start_paused = true)]
async fn who_was_let_in_on_the_other_side_is_not_granted_again_here() {
    for fault in [OPENED, SIGNED_IN] {
        let mut cockpit = graceful("a8-log-off").await;
        cockpit.inject(fault);
        cockpit.tell(Command::Offer { step: "a7-regrant".to_owned() }).unwrap();
        cockpit.pass(seconds(120)).await;
        let offer = offered_by(&cockpit.engine, "a7-regrant", cockpit.clock.now()).unwrap();
        assert!(!offer.green, "{fault}: {offer:?}");
        let refused = cockpit.tell(Command::Confirm(said("a7-regrant", &offer)));
        assert!(matches!(refused, Err(Refusal::NotGreen { .. })), "{fault}: {refused:?}");
        assert_eq!(cockpit.writes_of("a7-regrant"), [], "{fault}");
    }
}

/// The same, when it happens after the confirmation: nothing leaves, and the run goes on.
#[tokio::test(start_paused = true)]
async fn a_regrant_is_guarded_to_the_last_moment() {
    let mut cockpit = graceful("a8-log-off").await;
    let offer = cockpit.offer("a7-regrant").await;
    cockpit.inject(OPENED);
    cockpit.tell(Command::Confirm(said("a7-regrant", &offer))).unwrap();
    cockpit.until("refused", false, |engine, _| of(engine, "a7-regrant").mark == StepMark::Open).await;
    assert_eq!(cockpit.writes_of("a7-regrant"), [], "{}", cockpit.rehearsal.story());
    assert_eq!(turn(&cockpit.engine), "a8-log-off");
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// The same where Azure sent the first request away unheard: nothing was done, so nothing is waited for.
#[tokio::test(start_paused = true)]
async fn a_regrant_that_was_sent_away_is_given_up_once_the_other_side_is_open() {
    let step = "a7-regrant";
    let mut cockpit = graceful("a8-log-off").await;
    cockpit.inject(
        "fault = \"throttle\"\nmethod = \"PUT\"\npath = \"roleassignments\"\ncount = 1\nretry_after = 60",
    );
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let away = |item: &ItemRun| item.attempts == 1 && item.mark == ItemMark::Pending;
    cockpit.until("sent away", false, |engine, _| of(engine, step).items.iter().any(away)).await;
    cockpit.inject(OPENED);
    cockpit.pass(seconds(300)).await;
    assert_eq!(of(&cockpit.engine, step).mark, StepMark::Open, "{}", cockpit.rehearsal.story());
    assert_eq!(turn(&cockpit.engine), "a8-log-off");
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// Granted by somebody else is granted: from there the way back is a failback.
#[tokio::test(start_paused = true)]
async fn no_undo_goes_back_over_a_grant_that_was_found() {
    let mut cockpit = graceful("a10-safe-to-open").await;
    cockpit.inject(OPENED);
    cockpit.turn("a12-first-user").await;
    assert!(cockpit.step("a11-grant").items.is_empty(), "found so, not done");
    for step in ["a7-revoke", "a5-drain", "a2-prewarm"] {
        let choices = cockpit.shown(step).choices;
        assert!(!choices.contains(&Choice::Undo), "{step}: {choices:?}");
    }
    let undo = cockpit.engine.view(cockpit.clock.now()).steps.into_iter().any(|step| step.is_undo);
    assert!(!undo, "none is offered");
}

const NO_DRAIN: &str = "fault = \"forbidden\"\nname = \"no-drain\"\nregion = \"primary\"\nmethod = \"PATCH\"\npath = \"sessionhosts\"";

/// A debt that cannot be paid is owed as before, and nobody waits for it: neither the step in turn nor
/// another debt.
#[tokio::test(start_paused = true)]
async fn a_payment_that_fails_keeps_nothing_waiting() {
    let mut cockpit = dead(&[], &[], "a12-first-user").await;
    cockpit.rehearsal.sim.heal("dead");
    cockpit.inject(NO_DRAIN);
    let debts = cockpit.engine.run().debts();
    let offer = cockpit.offer("a5-drain").await;
    cockpit.tell(Command::Confirm(said("a5-drain", &offer))).unwrap();
    assert_eq!(turn(&cockpit.engine), "a12-first-user", "a debt never has the turn");
    let tried = |engine: &Engine| of(engine, "a5-drain").items.iter().any(|item| item.mark.failed());
    cockpit.until("tried", false, |engine, _| tried(engine)).await;
    let owed = |engine: &Engine| matches!(of(engine, "a5-drain").mark, StepMark::Deferred { .. });
    cockpit.until("owed again", false, |engine, _| owed(engine)).await;
    assert_eq!(cockpit.engine.run().debts(), debts);
    assert_eq!(cockpit.end().await, RunEnd::Monitoring, "{}", cockpit.rehearsal.story());
    // Watching, the next one is paid all the same, and this one too once it can be.
    arm(&mut cockpit, true);
    let paid = |step: &'static str| move |engine: &Engine, _: Timestamp| engine.run().paid.contains(step);
    for (step, heals) in [("a5-drain", false), ("a3-hold-active-scaling", false), ("a5-drain", true)] {
        if heals {
            cockpit.rehearsal.sim.heal("no-drain");
        }
        let offer = cockpit.offer(step).await;
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        if step == "a5-drain" && !heals {
            cockpit.until("owed again", false, |engine, _| owed(engine)).await;
        } else {
            cockpit.until(step, false, paid(step)).await;
        }
    }
}

/// A host that will not be drained does not keep everybody from leaving, once it was named.
#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_be_drained_is_accepted_by_name() {
    let mut cockpit = graceful("a5-drain").await;
    cockpit.inject(&NO_DRAIN.replace("sessionhosts", "shwe-hr-01"));
    let step = "a5-drain";
    let failed = |mark: &ItemMark| mark.failed();
    let stuck = |engine: &Engine| of(engine, step).items.iter().any(|item| failed(&item.mark));
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let settled = |engine: &Engine| {
        let items = &of(engine, step).items;
        stuck(engine) && items.iter().all(|item| item.mark.failed() || item.mark.over())
    };
    cockpit.until("stuck", false, |engine, _| settled(engine)).await;
    assert!(cockpit.shown(step).choices.contains(&Choice::AcceptStuck));
    let items: Vec<String> = cockpit
        .step(step)
        .items
        .iter()
        .filter(|item| failed(&item.mark))
        .map(|item| item.key.clone())
        .collect();
    cockpit
        .tell(Command::AcceptStuck { step: step.to_owned(), items, by: ConfirmedBy::Person, latency_ms: 900 })
        .unwrap();
    cockpit.until("over", false, |engine, _| of(engine, step).is_over()).await;
    assert_eq!(cockpit.end().await, RunEnd::CompletedWithExceptions, "{}", cockpit.rehearsal.story());
}

/// Nobody is called back from a list that nobody could read: no figure is guessed, everything that can
/// be started is, and who waits for users says that it does not know how many.
#[tokio::test(start_paused = true)]
async fn what_was_never_read_is_no_zero() {
    let rehearsal = Rehearsal::of(&DISTANT);
    rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    let unread = "fault = \"forbidden\"\nregion = \"primary\"\npath = \"usersessions\"";
    rehearsal.sim.inject(Fault::from_toml(unread).unwrap());
    let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    cockpit.turn("a4-standby-can-take-users").await;
    let run = cockpit.engine.run();
    assert_eq!((run.baseline_sessions, run.baseline_users, run.plan.users), (None, None, None));
    assert_eq!(cockpit.writes_of("a2-prewarm").len(), 1, "the one host that was off");
    cockpit.turn("a13-ramp").await;
    cockpit.pass(seconds(1800)).await;
    assert_eq!(turn(&cockpit.engine), "a13-ramp", "{}", cockpit.rehearsal.story());
    let proofs = cockpit.shown("a13-ramp").proofs;
    let back = proofs.iter().find(|proof| proof.id == "users-back").unwrap();
    assert_eq!(back.verdict, GateVerdict::Unknown, "{proofs:?}");
    let reason = Safe::new("the floor says they work");
    cockpit.tell(Command::Skip { step: "a13-ramp".to_owned(), reason }).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Monitoring, "{}", cockpit.rehearsal.story());
}

/// What was confirmed finishes after the cockpit was disarmed; nothing else leaves it.
#[tokio::test(start_paused = true)]
async fn a_disarmed_cockpit_sends_nothing_that_was_not_confirmed() {
    let step = "a8-log-off";
    let mut cockpit = graceful(step).await;
    cockpit.inject("fault = \"forbidden\"\nmethod = \"DELETE\"\npath = \"shwe-hr-01\"");
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let still = |engine: &Engine| {
        let items = &of(engine, step).items;
        let over = |mark: &ItemMark| mark.failed() || mark.over();
        items.iter().any(|item| item.mark.failed()) && items.iter().all(|item| over(&item.mark))
    };
    cockpit.pass(seconds(300)).await;
    assert!(still(&cockpit.engine), "{:?}\n{}", cockpit.step(step).items, cockpit.rehearsal.story());
    arm(&mut cockpit, false);
    let sent = cockpit.writes_of(step).len();
    let failed = cockpit.step(step).items.iter().find(|item| item.mark.failed()).unwrap().key.clone();
    for command in [
        Command::Retry { step: step.to_owned(), item: None, by: ConfirmedBy::Person },
        Command::Retry { step: step.to_owned(), item: Some(failed.clone()), by: ConfirmedBy::Person },
        Command::RestartHost { step: step.to_owned(), item: failed.clone() },
    ] {
        let said = cockpit.tell(command.clone());
        assert!(matches!(said, Err(Refusal::NotArmed(_))), "{command:?}: {said:?}");
    }
    cockpit.pass(seconds(60)).await;
    assert_eq!(cockpit.writes_of(step).len(), sent);
    arm(&mut cockpit, true);
    cockpit.rehearsal.sim.heal("forbidden");
    cockpit.tell(Command::Retry { step: step.to_owned(), item: None, by: ConfirmedBy::Person }).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// A dead side that falls silent after the grant keeps nobody from proving the other one.
#[tokio::test(start_paused = true)]
async fn a_dead_side_that_falls_silent_does_not_keep_gate_3_shut() {
    let mut cockpit = dead(&[], &[], "a12-first-user").await;
    cockpit.inject("fault = \"silent\"\nregion = \"primary\"");
    assert_eq!(cockpit.end().await, RunEnd::Monitoring, "{}", cockpit.rehearsal.story());
    let told = cockpit.step("a12-first-user").gate.clone().unwrap().1;
    let item = told.iter().find(|item| item.id == "nobody-in-both").unwrap();
    assert!(item.value.as_str().contains("WE does not tell its") && item.is_excused(), "{item:?}");
}

/// In graceful mode the side that is left is alive: what it does not tell is not known.
#[tokio::test(start_paused = true)]
async fn a_living_side_that_falls_silent_keeps_gate_3_shut() {
    let mut cockpit = graceful("a12-first-user").await;
    cockpit.inject("fault = \"silent\"\nregion = \"primary\"");
    arm(&mut cockpit, true);
    cockpit.pass(seconds(1200)).await;
    let proofs = cockpit.shown("a12-first-user").proofs;
    let proof = proofs.iter().find(|item| item.id == "nobody-in-both").unwrap();
    assert_eq!(proof.verdict, GateVerdict::Unknown, "{proof:?}");
}

/// What was done last and cannot be read after a resume is not waited for for ever.
#[tokio::test(start_paused = true)]
async fn a_resumed_run_goes_on_where_its_last_step_cannot_be_read() {
    let mut cockpit = graceful("a8-log-off").await.recover();
    cockpit.inject("fault = \"forbidden\"\nregion = \"primary\"\npath = \"roleassignments\"\nfor = \"20m\"");
    cockpit.tell(Command::Resume).unwrap();
    let waits = |engine: &Engine, now| {
        let shown = engine.view(now).steps.into_iter().find(|shown| shown.id == "a8-log-off").unwrap();
        shown.blocked_by.iter().any(|why| why.as_str().contains("being looked at again"))
    };
    let now = cockpit.clock.now();
    assert!(waits(&cockpit.engine, now));
    cockpit.pass(seconds(600)).await;
    let now = cockpit.clock.now();
    assert!(!waits(&cockpit.engine, now), "{}", cockpit.rehearsal.story());
    let said = |event: &RunEvent| matches!(event, RunEvent::Observed { step, value, .. } if step == "a7-revoke" && value.as_str().starts_with("not to be read"));
    let journal = cockpit.rehearsal.journal.events();
    assert!(journal.iter().any(|stamped| said(&stamped.event)), "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.writes_of("a8-log-off"), []);
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// A stop that Azure refused is asked for anew: the POST never ran.
#[tokio::test(start_paused = true)]
async fn a_stop_that_was_refused_can_be_asked_for_again() {
    let step = "a14-stop-hosts";
    let mut cockpit = graceful(step).await;
    cockpit.inject("fault = \"forbidden\"\nmethod = \"POST\"\npath = \"shwe-hr-01\"");
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let stuck = |engine: &Engine| of(engine, step).items.iter().any(|item| item.mark.failed());
    cockpit.pass(seconds(300)).await;
    assert!(stuck(&cockpit.engine), "{:?}\n{}", cockpit.step(step).items, cockpit.rehearsal.story());
    cockpit.rehearsal.sim.heal("forbidden");
    let again = cockpit.offer(step).await;
    assert_eq!(again.writes.len(), 1, "{again:?}");
    cockpit.tell(Command::Confirm(said(step, &again))).unwrap();
    cockpit.until("over", false, |engine, _| of(engine, step).is_over()).await;
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// Taking back the start of hosts never stops one that people work on, whenever they came.
#[tokio::test(start_paused = true)]
async fn no_host_is_stopped_under_the_people_on_it() {
    const ALL: &str = "fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 3";
    for late in [false, true] {
        let mut cockpit = graceful("a4-standby-can-take-users").await;
        let started = cockpit.writes_of("a2-prewarm");
        assert_eq!(started.len(), 1);
        if !late {
            cockpit.inject(ALL);
            cockpit.pass(seconds(60)).await;
        }
        let undo = "a2-stop-started";
        if late {
            let offer = cockpit.offer(undo).await;
            assert_eq!(offer.writes.len(), 1, "{offer:?}");
            cockpit.inject(ALL);
            cockpit.pass(seconds(20)).await;
            let offer = cockpit.shown(undo).offer.unwrap();
            let _ = cockpit.tell(Command::Confirm(said(undo, &offer)));
        } else {
            cockpit.tell(Command::Offer { step: undo.to_owned() }).unwrap();
        }
        cockpit.pass(seconds(300)).await;
        assert_eq!(cockpit.writes_of(undo), [], "late {late}: {}", cockpit.rehearsal.story());
    }
}

/// A process whose clock is an hour behind that of the one before does not wait for that hour.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_costs_nothing() {
    let step = "a7-revoke";
    let mut cockpit = graceful(step).await;
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let sent = |engine: &Engine| of(engine, step).items.iter().any(|item| item.attempts > 0);
    cockpit.until("sent", false, |engine, _| sent(engine)).await;
    let behind = cockpit.clock.now() - minutes(60);
    cockpit.rehearsal.clock = std::sync::Arc::new(Clock::new(behind, 1.0));
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    arm(&mut cockpit, true);
    let from = cockpit.clock.now();
    cockpit.until("over", false, |engine, _| of(engine, step).is_over()).await;
    let took = cockpit.clock.now().duration_since(from);
    assert!(took < minutes(10), "it took {took:?}\n{}", cockpit.rehearsal.story());
}

/// Confirmed while nobody was left, and now nobody can tell: what that takes can be acknowledged.
#[tokio::test(start_paused = true)]
async fn where_the_clean_way_closes_the_other_one_is_offered() {
    let setting = Setting {
        world: &[("active = 2", "active = 0"), ("disconnected = 1", "disconnected = 0")],
        ..DISTANT
    };
    let rehearsal = Rehearsal::of(&setting);
    let held = rehearsal.sim.end_state().holders["dag1-we"].clone();
    assert_eq!(held.len(), 1);
    let service = &rehearsal.estate.services[0];
    let (scope, principal) = (&service.groups[0].ids.primary, &service.groups[0].principals[0]);
    let azure = rehearsal.azure();
    let source = farshore::domain::Source::Assignments(0, farshore::domain::Side::Primary);
    let clock = rehearsal.clock.clone();
    let farshore::domain::Answer::Assignments(list) =
        azure.look(&source, &|| clock.now()).await.outcome.unwrap()
    else {
        panic!()
    };
    let own =
        list.seen().iter().find(|held| held.assignment.principal == principal.id && held.group == *scope);
    colleague(
        &rehearsal.sim,
        "DELETE",
        &format!("{}?api-version=2022-04-01", own.unwrap().assignment.id),
        "",
    );
    rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    let step = "a11-grant";
    cockpit.turn(step).await;
    let offer = cockpit.offer(step).await;
    assert_eq!((offer.level, offer.acknowledges), (2, None));
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.inject("fault = \"forbidden\"\nregion = \"primary\"\npath = \"usersessions\"");
    let acknowledged = |engine: &Engine, now| {
        offered_by(engine, step, now)
            .is_some_and(|offer| offer.green && offer.acknowledges == Some(Acknowledgement::FencedByEvidence))
    };
    cockpit.until("offered", false, acknowledged).await;
    assert_eq!(cockpit.writes_of(step), [], "{}", cockpit.rehearsal.story());
    cockpit.turn("a12-first-user").await;
    let (_, confirmed) = cockpit.step(step).confirmed.clone().unwrap();
    assert_eq!(confirmed.acknowledges, Some(Acknowledgement::FencedByEvidence));
}

/// Held in the middle of a payment the run can be resumed and goes on with it.
#[tokio::test(start_paused = true)]
async fn a_payment_outlasts_a_hold() {
    let mut cockpit = dead(&[], &[], "a12-first-user").await;
    cockpit.rehearsal.sim.heal("dead");
    let offer = cockpit.offer("a5-drain").await;
    cockpit.tell(Command::Confirm(said("a5-drain", &offer))).unwrap();
    cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a talk") }).unwrap();
    cockpit.pass(seconds(30)).await;
    cockpit.tell(Command::Resume).unwrap();
    cockpit.until("paid", true, |engine, _| engine.run().paid.contains("a5-drain")).await;
}

const NO_ROOM: &str = "fault = \"allocation-failed\"\nregion = \"secondary\"\nname = \"cause\"";
const NO_RIGHT: &str = "fault = \"forbidden\"\nmethod = \"POST\"\npath = \"/start\"\nname = \"cause\"";

/// A start of a host that failed for a cause that is gone by now.
async fn failed_start(cause: &str) -> Cockpit {
    let step = "a2-prewarm";
    let mut cockpit = graceful(step).await;
    cockpit.inject(cause);
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let failed = |engine: &Engine| of(engine, step).items.iter().any(|item| item.mark.failed());
    cockpit.until("it failed", false, |engine, _| failed(engine)).await;
    cockpit.rehearsal.sim.heal("cause");
    cockpit
}

#[tokio::test(start_paused = true)]
async fn a_start_that_failed_can_be_asked_for_again() {
    for cause in [NO_ROOM, NO_RIGHT] {
        let step = "a2-prewarm";
        let mut cockpit = failed_start(cause).await;
        cockpit.until("to be confirmed", false, |engine, now| offered_by(engine, step, now).is_some()).await;
        let offer = cockpit.offer(step).await;
        assert!(offer.writes[0].key.ends_with(", request 2"), "{:?}", offer.writes);
        assert!(!cockpit.shown(step).choices.contains(&Choice::Retry), "no POST goes twice for one item");
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        cockpit.until("it has room", false, |engine, _| turn(engine) != step).await;
        assert_eq!(cockpit.writes_of(step).len(), 2, "{}", cockpit.rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn auto_waits_a_while_before_it_asks_for_a_failed_start_again() {
    let step = "a2-prewarm";
    let mut cockpit = graceful(step).await;
    cockpit.inject(NO_ROOM);
    cockpit.until("given up", true, |engine, _| engine.run().closed.is_some()).await;
    let sent = cockpit.writes_of(step).len();
    assert!((2..=10).contains(&sent), "{sent} within 20 min\n{}", cockpit.rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn a_step_skipped_after_a_failed_start_can_be_opened_again() {
    let (step, undo) = ("a2-prewarm", "a2-stop-started");
    let mut cockpit = failed_start(NO_ROOM).await;
    cockpit.tell(Command::Skip { step: step.to_owned(), reason: Safe::new("no room") }).unwrap();
    cockpit.turn("a4-standby-can-take-users").await;
    let offer = cockpit.offer(undo).await;
    assert_eq!(offer.writes, []);
    cockpit.tell(Command::Confirm(said(undo, &offer))).unwrap();
    cockpit.until("opened again", false, |engine, _| turn(engine) == step).await;
    cockpit.turn("a5-drain").await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_azure_refused_can_be_asked_for_again_and_one_it_took_cannot() {
    let step = "a8-log-off";
    let mut cockpit = graceful(step).await;
    cockpit.inject("fault = \"forbidden\"\nmethod = \"DELETE\"\npath = \"usersessions\"");
    cockpit.inject("fault = \"forbidden\"\nname = \"cause\"\nmethod = \"POST\"\npath = \"restart\"");
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.pass(seconds(300)).await;
    let item = cockpit.step(step).items.iter().find(|item| item.mark.failed()).unwrap().key.clone();
    let restart = || Command::RestartHost { step: step.to_owned(), item: item.clone() };
    cockpit.tell(restart()).unwrap();
    cockpit.pass(seconds(60)).await;
    cockpit.rehearsal.sim.heal("cause");
    cockpit.tell(restart()).unwrap();
    let key = cockpit.step(step).items.last().unwrap().key.clone();
    assert!(key.starts_with("restart ") && key.ends_with(", request 2"), "{key}");
    cockpit.pass(seconds(60)).await;
    let refused = cockpit.tell(restart()).unwrap_err().to_string();
    assert!(refused.contains("restarted already") || refused.contains("stuck session"), "{refused}");
}
