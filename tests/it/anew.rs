//! What was done and is so no longer, or is no longer what was confirmed, is asked for anew: shown,
//! confirmed, and never sent on an old confirmation.

use std::collections::BTreeSet;

use farshore::{
    domain::{Answer, Listing, Observation, Operation, Safe, Side, Source, time::minutes},
    engine::{
        Command, Engine, RunEvent,
        event::{ConfirmedBy, HeldWhy, RunEnd},
        run::{ItemMark, StepMark, StepRun},
    },
    runbook::Mode,
};

use super::{
    killers::colleague,
    outage::{Cockpit, said, turn},
    rehearsal::Rehearsal,
    seats::{DISTANT, dead},
};

const WE: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-we/providers/Microsoft.DesktopVirtualization";

async fn at(step: &str) -> Cockpit {
    let mut cockpit = Cockpit::open(Rehearsal::of(&DISTANT), Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit
}

fn step_of<'e>(engine: &'e Engine, step: &str) -> &'e StepRun {
    let run = engine.run();
    &run.steps[run.plan.position(step).unwrap()]
}

fn by_hand() -> Command {
    Command::Arm { on: true, how: Safe::new("typed") }
}

/// All that was confirmed is done, and the step is not.
fn between(engine: &Engine, step: &str) -> bool {
    let step = step_of(engine, step);
    let over = !step.items.is_empty() && step.items.iter().all(|item| item.mark.over());
    step.mark == StepMark::Working && over
}

/// Address of the last write of a step.
fn address(cockpit: &Cockpit, step: &str) -> String {
    let events = cockpit.rehearsal.journal.events().into_iter().rev();
    let mut urls = events.filter_map(|stamped| match stamped.event {
        RunEvent::Intent { step: sent, request, .. } if sent == step => Some(request.url),
        _ => None,
    });
    urls.next().unwrap().replace("http://127.0.0.1:1", "")
}

fn confirmations(cockpit: &Cockpit, step: &str) -> usize {
    let events = cockpit.rehearsal.journal.events();
    let of = |event: &RunEvent| matches!(event, RunEvent::Confirmed(confirmed) if confirmed.step == step);
    events.iter().filter(|stamped| of(&stamped.event)).count()
}

/// Somebody takes back what a step did.
fn taken_back(cockpit: &Cockpit, step: &str) {
    let sim = &cockpit.rehearsal.sim;
    let path = address(cockpit, step);
    match step {
        "a2-prewarm" => colleague(sim, "POST", &path.replace("/start?", "/deallocate?"), ""),
        "a5-drain" => colleague(sim, "PATCH", &path, r#"{"properties":{"allowNewSession":true}}"#),
        "a7-revoke" => cockpit.inject("fault = \"reassigned\"\nregion = \"primary\"\nservice = \"hr\""),
        "a11-grant" => colleague(sim, "DELETE", &path, ""),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_while_its_proof_is_awaited_is_offered_anew() {
    for step in ["a2-prewarm", "a5-drain", "a7-revoke"] {
        let mut cockpit = at(step).await;
        cockpit.until("done", true, |engine, _| between(engine, step)).await;
        let (sent, from) = (cockpit.writes_of(step).len(), cockpit.clock.now());
        taken_back(&cockpit, step);
        cockpit.tell(by_hand()).unwrap();
        cockpit.until("a while", false, |_, now| now >= from + minutes(4)).await;
        assert_eq!(cockpit.writes_of(step).len(), sent, "{step}: nothing goes again unasked");
        let offer = cockpit.offer(step).await;
        assert_eq!(offer.writes.len(), 1, "{step}: {:?}", offer.writes);
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        cockpit.until("over", false, |engine, _| step_of(engine, step).is_over()).await;
        assert_eq!(cockpit.writes_of(step).len(), sent + 1, "{step}\n{}", cockpit.rehearsal.story());
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{step}\n{}", cockpit.rehearsal.story());
        no_post_twice(&cockpit);
    }
}

/// A drain that somebody lifts lets people in while others are told to leave: it is opened again before that.
#[tokio::test(start_paused = true)]
async fn a_drain_that_is_lifted_is_opened_again_before_users_are_told() {
    let mut cockpit = at("a6-tell-users").await;
    cockpit.pass(minutes(1)).await;
    taken_back(&cockpit, "a5-drain");
    cockpit.pass(minutes(1)).await;
    assert_eq!(step_of(&cockpit.engine, "a5-drain").mark, StepMark::Open, "{}", cockpit.rehearsal.story());
    assert!(cockpit.writes_of("a6-tell-users").is_empty());
}

/// Where the plan of a side that came back is still to be held, the drain is not opened again each time the plan
/// lifts it; that it is no longer so is told.
#[tokio::test(start_paused = true)]
async fn a_drain_that_a_plan_lifts_is_not_told_as_done() {
    let mut cockpit = dead(&[], &[], "a5-drain").await;
    cockpit.rehearsal.sim.heal("dead");
    cockpit.until("back", false, |engine, now| engine.view(now).primary_is_back).await;
    // How many there were at the start says nothing of who is there by now, nor does what was listed before.
    for (step, heard, told) in
        [("a5-drain", false, "an unknown number of sessions"), ("a7-revoke", true, "0 sessions")]
    {
        cockpit.turn(step).await;
        if heard {
            let (source, now) = (Source::Sessions(0, Side::Primary), cockpit.clock.now());
            let outcome = Ok(Answer::Sessions(Listing::whole(Vec::new(), 1)));
            cockpit.hear(Observation { source, started: now, ended: now, outcome });
        }
        let effect = cockpit.offer(step).await.effect.to_string();
        assert!(effect.ends_with(&format!("; WE answers again, {told} there now")), "{step}: {effect}");
    }
    cockpit.turn("a10-safe-to-open").await;
    assert!(matches!(step_of(&cockpit.engine, "a5-drain").mark, StepMark::Done(_)));
    assert!(matches!(step_of(&cockpit.engine, "a3-hold-active-scaling").mark, StepMark::Deferred { .. }));
    cockpit.pass(minutes(1)).await;
    assert_eq!(cockpit.shown("a5-drain").no_longer, None);
    taken_back(&cockpit, "a5-drain");
    cockpit.pass(minutes(2)).await;
    let told = cockpit.shown("a5-drain").no_longer.map(|why| why.to_string());
    assert_eq!(told.as_deref(), Some("1 of 2 refuse new sessions"), "{}", cockpit.rehearsal.story());
}

/// The same under `--auto`, which confirms it as a person would, once.
#[tokio::test(start_paused = true)]
async fn auto_does_again_what_was_taken_back() {
    for step in ["a2-prewarm", "a5-drain", "a7-revoke"] {
        let mut cockpit = at(step).await;
        cockpit.until("done", true, |engine, _| between(engine, step)).await;
        let sent = cockpit.writes_of(step).len();
        taken_back(&cockpit, step);
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{step}\n{}", cockpit.rehearsal.story());
        assert_eq!((cockpit.writes_of(step).len(), confirmations(&cockpit, step)), (sent + 1, 2), "{step}");
        no_post_twice(&cockpit);
    }
}

/// Each POST is an item of its own.
fn no_post_twice(cockpit: &Cockpit) {
    let mut posted = BTreeSet::new();
    for stamped in cockpit.rehearsal.journal.events() {
        let RunEvent::Intent { step, item, operation, .. } = stamped.event else { continue };
        assert!(operation.repeatable() || posted.insert((step.clone(), item.clone())), "{step}/{item}");
    }
}

/// Somebody who takes it back for ever is not outlasted: patience ends it.
#[tokio::test(start_paused = true)]
async fn auto_gives_up_on_what_is_taken_back_for_ever() {
    let step = "a7-revoke";
    let mut cockpit = at(step).await;
    let from = cockpit.clock.now();
    let mut times = 0;
    loop {
        times += 1;
        let again = |engine: &Engine| {
            let attempts: u32 = step_of(engine, step).items.iter().map(|item| item.attempts).sum();
            (attempts == times && between(engine, step)) || engine.run().closed.is_some()
        };
        cockpit.until("done again", true, |engine, _| again(engine)).await;
        if cockpit.engine.run().closed.is_some() {
            break;
        }
        taken_back(&cockpit, step);
    }
    assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedAsIs));
    assert!(cockpit.clock.now() < from + minutes(20), "its patience is 10 min");
    assert!(cockpit.writes_of(step).len() < 12, "{}", cockpit.writes_of(step).len());
}

/// A list that lags behind the truth is no reason to ask again.
#[tokio::test(start_paused = true)]
async fn a_list_that_lags_asks_for_nothing_anew() {
    for step in ["a5-drain", "a7-revoke"] {
        let mut cockpit = at(step).await;
        cockpit.inject("fault = \"stale-read\"\nms = \"30s\"\nfor = \"10m\"");
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{step}\n{}", cockpit.rehearsal.story());
        assert_eq!(confirmations(&cockpit, step), 1, "{step}\n{}", cockpit.rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_gone_after_a_crash_is_granted_anew() {
    let step = "a11-grant";
    let cockpit = at("a12-first-user").await;
    let sent = cockpit.writes_of(step).len();
    taken_back(&cockpit, step);
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    cockpit.tell(by_hand()).unwrap();
    cockpit.until("open", false, |engine, _| turn(engine) == step).await;
    let offer = cockpit.offer(step).await;
    assert_eq!(offer.writes.len(), 1);
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.writes_of(step).len(), sent + 1);
}

/// A change that was put off by throttling when its step became a debt is in the debt's list.
#[tokio::test(start_paused = true)]
async fn what_was_not_sent_before_its_step_was_put_off_is_shown_before_it_goes() {
    let step = "a5-drain";
    let mut cockpit = at(step).await;
    cockpit.inject("fault = \"throttle\"\nmethod = \"PATCH\"\nretry_after = 600");
    let waits = |engine: &Engine| {
        step_of(engine, step).items.iter().any(|item| item.mark == ItemMark::Pending && item.attempts > 0)
    };
    cockpit.until("not sent", true, |engine, _| waits(engine)).await;
    cockpit.inject("fault = \"share-down\"\nregion = \"primary\"");
    cockpit.tell(Command::State { text: Safe::new("the hotline says it is dark") }).unwrap();
    let downgrade = Command::Downgrade { step: step.to_owned(), reason: Safe::new("it does not take it") };
    while cockpit.tell(downgrade.clone()).is_err() {
        let now = cockpit.clock.now();
        assert!(waits(&cockpit.engine), "{}", cockpit.rehearsal.story());
        // A refusal has everything looked at that tells of a death: what comes of it counts while it is new.
        cockpit.until("looks", false, |_, later| later > now).await;
    }
    cockpit.rehearsal.sim.heal("throttle");
    let offer = cockpit.offer(step).await;
    let shown: BTreeSet<String> = offer.writes.iter().map(|write| write.key.clone()).collect();
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.until("paid", false, |engine, _| step_of(engine, step).is_over()).await;
    let events = cockpit.rehearsal.journal.events();
    let confirmed = events.iter().rposition(
        |stamped| matches!(&stamped.event, RunEvent::Confirmed(confirmed) if confirmed.step == step),
    );
    let sent: BTreeSet<String> = events[confirmed.unwrap()..]
        .iter()
        .filter_map(|stamped| match &stamped.event {
            RunEvent::Intent { step: sent, item, .. } if sent == step => Some(item.clone()),
            _ => None,
        })
        .collect();
    assert_eq!((&sent, sent.len()), (&shown, 2), "{}", cockpit.rehearsal.story());
}

/// Somebody attaches another pool to the plan that is about to be held.
pub fn attach(cockpit: &Cockpit) {
    let pool = |name: &str, on: bool| {
        let group = if name.ends_with("we") { WE.to_owned() } else { WE.replace("rg-avd-we", "rg-avd-ne") };
        format!(r#"{{"hostPoolArmPath":"{group}/hostPools/{name}","scalingPlanEnabled":{on}}}"#)
    };
    let (ours, other) = (pool("hp-hr-we", true), pool("hp-hr-ne", false));
    let body = format!(r#"{{"properties":{{"hostPoolReferences":[{ours},{other}]}}}}"#);
    let path = address_of_plan(cockpit);
    colleague(&cockpit.rehearsal.sim, "PATCH", &path, String::leak(body));
}

fn address_of_plan(cockpit: &Cockpit) -> String {
    let items = &cockpit.step("a3-hold-active-scaling").items;
    let Some(Operation::SetPlanReferences { plan, .. }) = &items[0].operation else { panic!("{items:?}") };
    format!("{}?api-version=2024-04-03", plan.as_str())
}

/// Between the confirmation of a plan's references and the write.
#[derive(Debug, Clone, Copy)]
enum Before {
    Held,
    Killed,
    Retried,
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_has_changed_since_it_was_confirmed_is_not_written_over() {
    let step = "a3-hold-active-scaling";
    for before in [Before::Held, Before::Killed, Before::Retried] {
        let mut cockpit = at(step).await;
        cockpit.tell(by_hand()).unwrap();
        let offer = cockpit.offer(step).await;
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        match before {
            Before::Held => {
                cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a talk") }).unwrap();
                attach(&cockpit);
                cockpit.tell(Command::Resume).unwrap();
            }
            Before::Killed => {
                cockpit = cockpit.recover();
                attach(&cockpit);
                cockpit.tell(Command::Resume).unwrap();
                cockpit.tell(by_hand()).unwrap();
            }
            Before::Retried => {
                let taken = |mark: &ItemMark| matches!(mark, ItemMark::Accepted(_));
                let is = |engine: &Engine| step_of(engine, step).items.iter().any(|item| taken(&item.mark));
                cockpit.until("taken", false, |engine, _| is(engine)).await;
                attach(&cockpit);
                let failed =
                    |engine: &Engine| step_of(engine, step).items.iter().any(|item| item.mark.failed());
                cockpit.until("told", false, |engine, _| failed(engine)).await;
                cockpit
                    .tell(Command::Retry { step: step.to_owned(), item: None, by: ConfirmedBy::Person })
                    .unwrap();
            }
        }
        let sent = cockpit.writes_of(step).len();
        let open = |engine: &Engine| step_of(engine, step).mark == StepMark::Open;
        cockpit.until("offered anew", false, |engine, _| open(engine)).await;
        assert_eq!(cockpit.writes_of(step).len(), sent, "{before:?}: nothing old is sent");
        let why = cockpit.shown(step).reason.unwrap_or_default();
        assert!(why.as_str().contains("changed since it was confirmed"), "{before:?}: {why}");
        let offer = cockpit.offer(step).await;
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        cockpit.turn("a4-standby-can-take-users").await;
        let plans = cockpit.rehearsal.sim.end_state().plans;
        let stands = ["sp-hr-we/hp-hr-we", "sp-hr-we/hp-hr-ne"].map(|key| plans.get(key).copied());
        assert_eq!(stands, [Some(false), Some(false)], "{before:?}\n{}", cockpit.rehearsal.story());
    }
}

/// An operation Azure took and whose state can never be read: the machine itself tells.
#[tokio::test(start_paused = true)]
async fn a_long_operation_that_cannot_be_read_is_settled_by_its_object() {
    for (comes, started) in [(true, 1), (false, 2)] {
        let step = "a2-prewarm";
        let mut cockpit = at(step).await;
        cockpit.inject("fault = \"forbidden\"\npath = \"/operations/\"\nfor = \"10m\"");
        if !comes {
            cockpit.inject("fault = \"allocation-failed\"\nregion = \"secondary\"\ncount = 1");
        }
        let from = cockpit.clock.now();
        cockpit.turn("a3-hold-standby-scaling").await;
        assert!(cockpit.clock.now() < from + minutes(10), "{}", cockpit.rehearsal.story());
        let marks: Vec<&ItemMark> = cockpit.step(step).items.iter().map(|item| &item.mark).collect();
        assert_eq!(cockpit.writes_of(step).len(), started, "{marks:?}");
        no_post_twice(&cockpit);
    }
}
