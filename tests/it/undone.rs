//! What somebody takes back while a run goes on, and what the end of a run leaves alone.

use farshore::{
    domain::{
        Safe,
        access::PrincipalId,
        time::{minutes, seconds},
    },
    engine::{
        Command, Engine, RunEvent,
        event::{ConfirmedBy, RunEnd, Stamped},
        run::StepMark,
    },
    report::{self, Integrity, Verified},
    runbook::Mode,
    sim::{Fault, FaultKind, Region},
};

use super::{
    outage::{Cockpit, said, turn},
    rehearsal::{RUN, Rehearsal, Setting},
    seats::{DISTANT, arm, dead, graceful, is_done, of, offered},
};

/// The groups of hr are assigned again by a colleague.
const REASSIGNED: &str = "fault = \"reassigned\"\nregion = \"primary\"\nservice = \"hr\"";
const SIGNED_IN: &str = "fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1";
const HELPDESK: &str = "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e0dd\"";
/// A second application group of hr, with a group of its own.
const SECOND_GROUP: &str = "disconnected = 1\n\n[[service.application_group]]\ncode = \"DAG2\"\ntype = \"RemoteApp\"\ngroup = \"GRP2\"\npeople = 1\nactive = 0\ndisconnected = 0";
/// Its principal is assigned on the first group too.
const ON_ANOTHER: &str = "fault = \"holder-added\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e002\"\nregion = \"primary\"";
/// A second principal of the first group.
const NEWCOMER: &str =
    "principals = [{ name = \"NEW\", id = \"4c4c4c4c-0000-4000-8000-00000000e0aa\", type = \"Group\" }, ";

fn is_intent(event: &Stamped, of: &str) -> bool {
    matches!(&event.event, RunEvent::Intent { step, .. } if step == of)
}

/// Between the last log-off and the first grant the profiles were waited for and gate 2 passed.
fn waited_before_the_grant(cockpit: &Cockpit) {
    let events = cockpit.rehearsal.journal.events();
    let off = events.iter().rposition(|event| is_done(event, "a8-log-off", true)).unwrap();
    let grant = events.iter().position(|event| is_intent(event, "a11-grant")).unwrap();
    assert!(off < grant, "{}", cockpit.rehearsal.story());
    for step in ["a9-flush", "a10-safe-to-open"] {
        let waited = events[off..grant].iter().any(|event| is_done(event, step, false));
        assert!(waited, "{step}\n{}", cockpit.rehearsal.story());
    }
}

/// Whoever was logged off after a9 has written a profile that nobody waited for.
#[tokio::test(start_paused = true)]
async fn profiles_are_waited_for_again_where_somebody_was_logged_off_later() {
    let mut cockpit = graceful("a11-grant").await;
    cockpit.inject(SIGNED_IN);
    cockpit.until("a8 again", false, |engine, _| turn(engine) == "a8-log-off").await;
    cockpit.turn("a12-first-user").await;
    waited_before_the_grant(&cockpit);
}

#[tokio::test(start_paused = true)]
async fn profiles_are_waited_for_again_after_an_accepted_session_has_ended() {
    let step = "a8-log-off";
    let mut cockpit = graceful(step).await;
    cockpit.inject("fault = \"forbidden\"\nname = \"off\"\nmethod = \"DELETE\"\npath = \"usersessions\"");
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.pass(seconds(300)).await;
    let failed = cockpit.step(step).items.iter().filter(|item| item.mark.failed());
    let items: Vec<String> = failed.map(|item| item.key.clone()).collect();
    let accept = Command::AcceptStuck {
        step: step.to_owned(),
        items: items.clone(),
        by: ConfirmedBy::Person,
        latency_ms: 900,
    };
    cockpit.tell(accept).unwrap();
    cockpit.turn("a10-safe-to-open").await;
    cockpit.rehearsal.sim.heal("off");
    for item in items {
        cockpit
            .tell(Command::Retry { step: step.to_owned(), item: Some(item), by: ConfirmedBy::Person })
            .unwrap();
    }
    cockpit.turn("a12-first-user").await;
    waited_before_the_grant(&cockpit);
}

/// Confirmed, and then they could sign in again at once: nobody is logged off before they are revoked.
#[tokio::test(start_paused = true)]
async fn nobody_is_logged_off_over_a_revoke_that_came_undone() {
    let step = "a8-log-off";
    let mut cockpit = graceful(step).await;
    let offer = cockpit.offer(step).await;
    cockpit.inject(REASSIGNED);
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.until("a7 again", false, |engine, _| turn(engine) == "a7-revoke").await;
    assert_eq!(cockpit.writes_of(step), [], "{}", cockpit.rehearsal.story());
    cockpit.turn("a9-flush").await;
    assert_eq!(cockpit.writes_of("a7-revoke").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_holds_both_sides_after_the_grant_is_revoked_in_the_run() {
    let mut cockpit = graceful("a12-first-user").await;
    arm(&mut cockpit);
    cockpit.inject(REASSIGNED);
    cockpit.until("a7 again", false, |engine, _| turn(engine) == "a7-revoke").await;
    let end = cockpit.end().await;
    assert_eq!(end, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.writes_of("a7-revoke").len(), 2);
}

/// A dead side whose revoke is done is not fenced over by a debt that nobody owes.
#[tokio::test(start_paused = true)]
async fn nobody_is_granted_over_a_revoke_that_came_undone() {
    let mut cockpit = dead(&[], &[], "a11-grant").await;
    cockpit.inject(REASSIGNED);
    cockpit.until("a7 again", false, |engine, _| turn(engine) == "a7-revoke").await;
    cockpit.turn("a12-first-user").await;
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new(), "{}", cockpit.rehearsal.story());
    assert!(cockpit.step("a7-revoke").is_over() && !cockpit.writes_of("a11-grant").is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_run_ends_as_completed_while_a_principal_holds_both_sides() {
    for step in ["a13-ramp", "a14-stop-hosts", "a16-close"] {
        let mut cockpit = graceful(step).await;
        cockpit.inject(REASSIGNED);
        let end = cockpit.end().await;
        let revokes = cockpit.writes_of("a7-revoke").len();
        assert_eq!((end, revokes), (RunEnd::Completed, 2), "{step}\n{}", cockpit.rehearsal.story());
    }
}

/// Two principals are to be granted; it is aborted while the first one is.
async fn aborted_while_granting() -> Cockpit {
    let mut cockpit = dead(&[("principals = [", NEWCOMER)], &[], "a11-grant").await;
    let step = "a11-grant";
    let offer = cockpit.offer(step).await;
    assert_eq!(offer.writes.len(), 2, "{offer:?}");
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let first = |engine: &Engine| of(engine, step).items.iter().any(|item| item.attempts > 0);
    cockpit.until("first", false, |engine, _| first(engine)).await;
    cockpit.tell(Command::Abort { reason: Safe::new("the primary lives") }).unwrap();
    cockpit.until("closed", false, |engine, _| engine.run().closed.is_some()).await;
    cockpit
}

fn intents_after_the_end(cockpit: &Cockpit) -> usize {
    let events = cockpit.rehearsal.journal.events();
    let closed = events.iter().position(|one| matches!(&one.event, RunEvent::Closed { .. })).unwrap();
    events[closed..].iter().filter(|one| matches!(&one.event, RunEvent::Intent { .. })).count()
}

#[tokio::test(start_paused = true)]
async fn nobody_is_granted_after_an_abort() {
    let mut cockpit = aborted_while_granting().await;
    cockpit.pass(minutes(5)).await;
    assert_eq!(intents_after_the_end(&cockpit), 0, "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.writes_of("a11-grant").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_payment_goes_on_after_an_abort() {
    let mut cockpit = dead(&[], &[], "a12-first-user").await;
    cockpit.rehearsal.sim.heal("dead");
    let offer = cockpit.offer("a5-drain").await;
    cockpit.tell(Command::Confirm(said("a5-drain", &offer))).unwrap();
    cockpit.tell(Command::Abort { reason: Safe::new("stop") }).unwrap();
    cockpit.until("closed", false, |engine, _| engine.run().closed.is_some()).await;
    cockpit.pass(minutes(5)).await;
    assert_eq!(intents_after_the_end(&cockpit), 0, "{}", cockpit.rehearsal.story());
    let run = cockpit.engine.run();
    assert!(run.debts().into_iter().any(|at| run.plan.steps[at].id == "a5-drain"));
}

#[tokio::test(start_paused = true)]
async fn paying_the_debts_of_an_aborted_run_grants_nobody() {
    let cockpit = aborted_while_granting().await;
    let granted = cockpit.writes_of("a11-grant").len();
    cockpit.rehearsal.sim.heal("dead");
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    arm(&mut cockpit);
    cockpit.pass(minutes(12)).await;
    let step = "a5-drain";
    cockpit.tell(Command::Offer { step: step.to_owned() }).unwrap();
    cockpit.pass(seconds(30)).await;
    let offer = offered(&cockpit, step).unwrap();
    assert!(offer.green, "{offer:?}");
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.until("paid", false, |engine, _| engine.run().paid.contains(step)).await;
    cockpit.pass(minutes(5)).await;
    assert_eq!(cockpit.writes_of("a11-grant").len(), granted, "{}", cockpit.rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_came_after_gate_1_is_asked_about_at_gate_2() {
    let mut cockpit = graceful("a5-drain").await;
    cockpit.inject(HELPDESK);
    cockpit.turn("a10-safe-to-open").await;
    cockpit.pass(minutes(2)).await;
    let gate = cockpit.shown("a10-safe-to-open");
    let proof = gate.proofs.iter().find(|proof| proof.id == "holders-accounted").unwrap();
    assert!(proof.value.as_str().contains("e0dd") && !gate.offer.unwrap().green, "{proof:?}");
    let principal = PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e0dd").unwrap();
    cockpit.tell(Command::LeaveHolder { principal, reason: Safe::new("the helpdesk stays") }).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// Its grant would wait for ever: gate 1 says so while nobody has noticed anything.
#[tokio::test(start_paused = true)]
async fn a_planned_principal_is_not_left_on_another_group() {
    let rehearsal = Rehearsal::of(&Setting { world: &[("disconnected = 1", SECOND_GROUP)], ..DISTANT });
    rehearsal.sim.inject(Fault::from_toml(ON_ANOTHER).unwrap());
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    let gate = "a4-standby-can-take-users";
    cockpit.turn(gate).await;
    cockpit.pass(minutes(2)).await;
    let principal = PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e002").unwrap();
    let why = cockpit.tell(Command::LeaveHolder { principal, reason: Safe::new("stays") }).unwrap_err();
    assert!(why.to_string().contains("GRP2") && why.to_string().contains("WE"), "{why}");
    let shown = cockpit.shown(gate);
    let proof = shown.proofs.iter().find(|proof| proof.id == "holders-accounted").unwrap();
    assert!(proof.value.as_str().contains("e002") && !shown.offer.unwrap().green, "{proof:?}");
}

/// A dialog of a step whose turn has not come would read for ever and confirm nothing.
#[tokio::test(start_paused = true)]
async fn a_step_that_cannot_be_confirmed_opens_no_dialog() {
    let mut cockpit = graceful("a6-tell-users").await;
    let before = cockpit.shown("a6-tell-users").running;
    for (step, says) in [
        ("a8-log-off", "a6-tell-users comes first"),
        ("a16-close", "a6-tell-users comes first"),
        ("a5-drain", "it is done"),
        ("a7-regrant", "not to be taken back now"),
    ] {
        let why = cockpit.tell(Command::Offer { step: step.to_owned() }).unwrap_err().to_string();
        assert!(why.contains(says), "{step}: {why}");
    }
    cockpit.pass(minutes(4)).await;
    cockpit.tell(Command::Offer { step: "a6-tell-users".to_owned() }).unwrap();
    let now = cockpit.shown("a6-tell-users").running;
    assert!(now >= before + minutes(4), "its dialog sets no clock back: {before:?} {now:?}");
    assert_eq!(cockpit.shown("a8-log-off").running, seconds(0));
}

/// Graceful over a region that is dead: the first gate does not deny it.
#[tokio::test(start_paused = true)]
async fn the_first_gate_tells_of_the_signs_of_death_in_either_mode() {
    for (dead, says) in
        [(true, "ungraceful fits better: it counts as dead; signs "), (false, "no sign of death")]
    {
        let rehearsal = Rehearsal::of(&DISTANT);
        if dead {
            rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
        }
        let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
        cockpit.pass(minutes(7)).await;
        let proof = cockpit.shown("a0-declare").proofs[0].clone();
        assert!(proof.value.as_str().contains(says), "{proof:?}");
    }
}

/// Somebody signs in after the snapshot: gate 1 wants room for them too.
#[tokio::test(start_paused = true)]
async fn gate_1_counts_who_signed_in_since_the_snapshot() {
    let rehearsal = Rehearsal::of(&Setting { world: &[("active = 2", "active = 0")], ..DISTANT });
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    cockpit.turn("a4-standby-can-take-users").await;
    let needed = |cockpit: &Cockpit| {
        let proofs = cockpit.shown("a4-standby-can-take-users").proofs;
        let capacity = proofs.iter().find(|proof| proof.id == "standby-capacity").unwrap();
        capacity.value.as_str().split("needed ").nth(1).and_then(|count| count.parse::<u32>().ok())
    };
    cockpit.pass(minutes(1)).await;
    let before = needed(&cockpit).unwrap();
    cockpit.inject(&SIGNED_IN.replace("count = 1", "count = 2"));
    cockpit.pass(minutes(2)).await;
    assert_eq!(needed(&cockpit), Some(before + 2));
}

/// How long each step took is one number on the screen and in the report, with an undo in between and without; and
/// what was over before an undo took as long afterwards.
#[tokio::test(start_paused = true)]
async fn the_screen_and_the_report_time_a_step_alike() {
    for undone in [false, true] {
        let gate = "a4-standby-can-take-users";
        let mut cockpit = graceful(gate).await;
        cockpit.pass(minutes(3)).await;
        let before = cockpit.shown("a0-declare").running;
        if undone {
            cockpit.confirm("a3-release").await;
            let open = |engine: &Engine| of(engine, "a3-release").mark == StepMark::Open;
            cockpit.until("undone", false, |engine, _| open(engine)).await;
            cockpit.pass(minutes(2)).await;
            cockpit.turn(gate).await;
        }
        assert_eq!(cockpit.shown("a0-declare").running, before, "undone: {undone}");
        assert_eq!(cockpit.end().await, RunEnd::Completed);
        let events = cockpit.rehearsal.journal.events();
        let integrity =
            Integrity { head: "0".to_owned(), records: 1, verified: Verified::NotChecked, notes: vec![] };
        let told = report::build(RUN, &events, integrity, cockpit.clock.now()).unwrap();
        for step in told.steps.iter().filter(|step| step.phase.is_some()) {
            let took = step.ended.unwrap().duration_since(step.started.unwrap());
            let shown = cockpit.shown(&step.id).running;
            assert!((took - shown).abs() <= seconds(1), "{}, undone {undone}: {took:?} {shown:?}", step.id);
        }
    }
}
