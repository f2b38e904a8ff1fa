//! A run in which something is amiss: a change that is taken back, an end that cannot be seen, a
//! message that may not have come, a cockpit armed before the run goes on.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use farshore::{
    domain::{
        Safe,
        time::{minutes, seconds},
    },
    engine::{
        Command, Engine, RunEvent,
        event::{ConfirmedBy, DoneHow, FailedHow, Given, HeldWhy, NoteAbout, RunEnd},
        run::{ItemMark, StepMark},
        view::RunState,
    },
    journal::show,
    report::{self, Integrity, Verified},
    runbook::{self, Binding, Mode},
    runtime::survey,
    sim::{Fault, FaultKind, Region},
    wire::{Reply, Request, Wire},
};

use super::{
    killers::colleague,
    outage::{Cockpit, said, turn},
    rehearsal::{RUN, Rehearsal, Setting},
};

async fn at(step: &str) -> Cockpit {
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit
}

/// Whether an item of the step in turn stands so.
fn stands(engine: &Engine, step: &str, mark: impl Fn(&ItemMark) -> bool) -> bool {
    let run = engine.run();
    let place = run.plan.position(step).unwrap();
    run.steps[place].items.iter().any(|item| mark(&item.mark))
}

#[tokio::test(start_paused = true)]
async fn what_somebody_takes_back_is_told_after_the_dwell_and_done_again_when_a_person_says_so() {
    let step = "a3-hold-active-scaling";
    let mut cockpit = at(step).await;
    let taken = |mark: &ItemMark| matches!(mark, ItemMark::Accepted(_));
    cockpit.until("taken", true, |engine, _| stands(engine, step, taken)).await;
    cockpit.inject("fault = \"plan-enabled\"\nregion = \"primary\"");
    let from = cockpit.clock.now();
    let failed = |mark: &ItemMark| matches!(mark, ItemMark::Failed(FailedHow::NotDone, _));
    cockpit.until("told", false, |engine, _| stands(engine, step, failed)).await;
    assert!(cockpit.clock.now() < from + minutes(2), "its dwell is 60 s");
    assert_eq!(cockpit.writes_of(step).len(), 1, "nothing goes again by itself");
    cockpit.tell(Command::Retry { step: step.to_owned(), item: None, by: ConfirmedBy::Person }).unwrap();
    cockpit.turn("a4-standby-can-take-users").await;
    assert_eq!(cockpit.writes_of(step).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_power_change_that_never_arrives_is_asked_for_anew_each_time_as_an_item_of_its_own() {
    for (step, path, hosts) in [("a2-prewarm", "/start", 1), ("a14-stop-hosts", "/deallocate", 2)] {
        let lost = 4;
        let mut cockpit = at(step).await;
        cockpit.inject(&format!("fault = \"drop-request\"\npath = \"{path}\"\ncount = {lost}"));
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
        let items = &cockpit.step(step).items;
        let keys: BTreeSet<&str> = items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(keys.len(), items.len(), "one item a request: {keys:?}");
        assert!(items.iter().all(|item| item.attempts == 1), "{items:?}");
        assert_eq!(items.iter().filter(|item| item.mark.over()).count(), hosts, "{items:?}");
        assert_eq!(cockpit.writes_of(step).len(), hosts + lost);
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoke_over_which_processes_ended_was_not_tried_and_goes_again() {
    let step = "a7-revoke";
    let rehearsal = Rehearsal::of(&Setting::PLAIN);
    rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    let lives = 3;
    cockpit.inject(&format!("fault = \"drop-request\"\nmethod = \"DELETE\"\ncount = {lives}"));
    for life in 1..=lives {
        let sent = |engine: &Engine| {
            let run = engine.run();
            let items = &run.steps[run.plan.position(step).unwrap()].items;
            items.iter().any(|item| item.mark == ItemMark::Intended && item.attempts == life)
        };
        cockpit.until("sent", true, |engine, _| sent(engine)).await;
        cockpit = cockpit.recover();
    }
    cockpit.end().await;
    let stands = &cockpit.step(step).mark;
    assert!(matches!(stands, StepMark::Done(_)), "{stands:?}\n{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.writes_of(step).len(), lives as usize + 1);
}

/// Answers that one machine is not there, from some moment on, whatever lists still say.
#[derive(Debug)]
struct Deleting {
    inner: Arc<dyn Wire>,
    gone: Arc<AtomicBool>,
}

impl Wire for Deleting {
    fn call(&self, request: Request) -> Reply<'_> {
        let path = request.uri().path().to_ascii_lowercase();
        if !self.gone.load(Ordering::Relaxed) || !path.contains("/virtualmachines/shwe-hr-01") {
            return self.inner.call(request);
        }
        let said = br#"{"error":{"code":"ResourceNotFound","message":"was not found"}}"#;
        let answer = http::Response::builder().status(404).header("content-type", "application/json");
        Box::pin(async move { Ok(answer.body(Bytes::from_static(said)).unwrap()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_somebody_deleted_needs_not_be_stopped() {
    let gone = Arc::new(AtomicBool::new(false));
    let through =
        Rehearsal::through(&Setting::PLAIN, |inner| Arc::new(Deleting { inner, gone: gone.clone() }));
    let mut cockpit = Cockpit::open(through, Mode::Graceful).await;
    let step = "a14-stop-hosts";
    cockpit.turn(step).await;
    gone.store(true, Ordering::Relaxed);
    let seen = |mark: &ItemMark| *mark == ItemMark::Done(DoneHow::Observation);
    let from = cockpit.clock.now();
    cockpit.until("found gone", true, |engine, _| stands(engine, step, seen)).await;
    assert!(cockpit.clock.now() < from + minutes(1), "{}", cockpit.rehearsal.story());
    let writes = cockpit.writes_of(step);
    assert!(!format!("{writes:?}").contains("shwe-hr-01"), "{writes:?}");
}

/// From some moment on the hosts that are left name no machine, or one that no list holds.
#[derive(Debug)]
struct Unlisted {
    inner: Arc<dyn Wire>,
    now: Arc<AtomicBool>,
    /// Whether the hosts name their machines.
    named: bool,
    /// A machine that is not there at all.
    gone: &'static str,
}

const MACHINES: &str = "/providers/microsoft.compute/virtualmachines";

impl Unlisted {
    fn edit(&self, path: &str, answer: &mut serde_json::Value) {
        let Some(items) = answer.get_mut("value").and_then(serde_json::Value::as_array_mut) else { return };
        if path.ends_with(MACHINES) {
            items.retain(|item| !item["id"].as_str().unwrap().to_ascii_lowercase().contains("shwe-hr"));
        } else if path.ends_with("/hostpools/hp-hr-we/sessionhosts") && !self.named {
            for item in items.iter_mut() {
                item["properties"]["resourceId"] = serde_json::Value::Null;
            }
        }
    }
}

impl Wire for Unlisted {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let path = request.uri().path().to_ascii_lowercase();
            if !self.now.load(Ordering::Relaxed) {
                return self.inner.call(request).await;
            }
            if path.ends_with(&format!("{MACHINES}/{}", self.gone)) {
                let said = br#"{"error":{"code":"ResourceNotFound","message":"was not found"}}"#;
                let answer = http::Response::builder().status(404).header("content-type", "application/json");
                return Ok(answer.body(Bytes::from_static(said)).unwrap());
            }
            let mut answer = self.inner.call(request).await?;
            if let Ok(mut json) = serde_json::from_slice(answer.body()) {
                self.edit(&path, &mut json);
                *answer.body_mut() = serde_json::to_vec(&json).unwrap().into();
            }
            Ok(answer)
        })
    }
}

async fn at_the_stop(named: bool, gone: &'static str) -> Cockpit {
    let now = Arc::new(AtomicBool::new(false));
    let begun = now.clone();
    let through = Rehearsal::through(&Setting::PLAIN, |inner| Arc::new(Unlisted { inner, now, named, gone }));
    let mut cockpit = Cockpit::open(through, Mode::Graceful).await;
    cockpit.turn("a12-first-user").await;
    begun.store(true, Ordering::Relaxed);
    cockpit.turn("a14-stop-hosts").await;
    cockpit
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_no_list_holds_is_looked_at_by_itself_and_stopped() {
    for (gone, stopped) in [("none", 2), ("shwe-hr-01", 1)] {
        let mut cockpit = at_the_stop(true, gone).await;
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{gone}\n{}", cockpit.rehearsal.story());
        assert_eq!(cockpit.writes_of("a14-stop-hosts").len(), stopped, "{}", cockpit.rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_names_no_machine_is_not_called_off() {
    let step = "a14-stop-hosts";
    let mut cockpit = at_the_stop(false, "none").await;
    let later = cockpit.clock.now() + minutes(5);
    cockpit.tell(Command::Offer { step: step.to_owned() }).unwrap();
    cockpit.until("a while", false, |engine, now| now >= later || turn(engine) != step).await;
    assert_eq!(cockpit.step(step).mark, StepMark::Open, "{}", cockpit.rehearsal.story());
    let shown = format!("{:?}", cockpit.shown(step));
    assert!(shown.contains("shwe-hr-01 names no machine"), "{shown}");
}

/// What can no longer be read while an abort waits, and whether it ends without knowing.
#[tokio::test(start_paused = true)]
async fn an_abort_ends_though_the_end_of_what_is_under_way_cannot_be_seen() {
    const OPERATION: &str = "/operations/";
    const MACHINE: &str = "/virtualmachines/shne-hr-02";
    let step = "a2-prewarm";
    for (unreadable, unseen) in [(&[OPERATION][..], false), (&[OPERATION, MACHINE], true)] {
        let mut cockpit = at(step).await;
        let under_way = |mark: &ItemMark| matches!(mark, ItemMark::Accepted(Some(_)));
        cockpit.until("under way", true, |engine, _| stands(engine, step, under_way)).await;
        for path in unreadable {
            cockpit.inject(&format!("fault = \"forbidden\"\npath = \"{path}\""));
        }
        let from = cockpit.clock.now();
        cockpit.tell(Command::Abort { reason: Safe::new("not today") }).unwrap();
        let view = cockpit.engine.view(from);
        assert!(matches!(view.state, RunState::Aborting(1..)), "{:?}", view.state);
        let refused = cockpit.tell(Command::Resume).unwrap_err().to_string();
        assert!(refused.contains("the run is being aborted"), "{refused}");
        cockpit.until("the end", false, |engine, _| engine.run().closed.is_some()).await;
        assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedAsIs));
        assert!(cockpit.clock.now() <= from + minutes(6), "{}", cockpit.rehearsal.story());
        let last = cockpit.rehearsal.journal.events().pop().unwrap();
        let RunEvent::Closed { note, .. } = last.event else { panic!("{last:?}") };
        let named = note.as_str().contains("their end not seen: start shne-hr-02");
        assert_eq!(named, unseen, "{note}");
        // Where the machine itself can be read it says what became of the operation.
        let adopted = stands(&cockpit.engine, step, |mark| *mark == ItemMark::Done(DoneHow::Adopted));
        assert_eq!(adopted, !unseen, "{}", cockpit.rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_an_interrupted_run_looks_first_and_then_ends() {
    let step = "a2-prewarm";
    for blind in [false, true] {
        let mut cockpit = at(step).await;
        let under_way = |mark: &ItemMark| matches!(mark, ItemMark::Accepted(Some(_)));
        cockpit.until("under way", true, |engine, _| stands(engine, step, under_way)).await;
        let mut cockpit = cockpit.recover();
        if blind {
            for path in ["/operations/", "/virtualmachines/shne-hr-02"] {
                cockpit.inject(&format!("fault = \"forbidden\"\npath = \"{path}\""));
            }
        }
        let from = cockpit.clock.now();
        cockpit.tell(Command::Abort { reason: Safe::new("not today") }).unwrap();
        let events = cockpit.rehearsal.journal.events();
        let said = |event: &RunEvent| matches!(event, RunEvent::Note { text, .. } if text.as_str().contains("not today"));
        assert!(events.iter().any(|stamped| said(&stamped.event)), "{}", cockpit.rehearsal.story());
        assert!(events.iter().any(|stamped| matches!(stamped.event, RunEvent::Resumed { .. })));
        assert_eq!(cockpit.engine.run().closed, None, "it looks first");
        cockpit.until("the end", false, |engine, _| engine.run().closed.is_some()).await;
        assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedAsIs));
        let waited = cockpit.clock.now().duration_since(from);
        let last = cockpit.rehearsal.journal.events().pop().unwrap();
        let RunEvent::Closed { note, .. } = last.event else { panic!("{last:?}") };
        assert_eq!(note.as_str().contains("their end not seen"), blind, "{note}");
        assert_eq!(waited >= minutes(5), blind, "the wait counts from the abort: {waited:?}");
    }
}

/// A run of the smallest world whose primary region is dead.
async fn over_a_dead_region() -> Cockpit {
    let rehearsal = Rehearsal::of(&Setting::PLAIN);
    rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    Cockpit::open(rehearsal, Mode::Ungraceful).await
}

#[tokio::test(start_paused = true)]
async fn a_run_that_watches_its_debts_cannot_be_aborted() {
    let mut cockpit = over_a_dead_region().await;
    assert_eq!(cockpit.end().await, RunEnd::Monitoring);
    let said = cockpit.tell(Command::Abort { reason: Safe::new("enough") }).unwrap_err().to_string();
    assert!(said.contains("only watches what is owed: a5-drain"), "{said}");
    assert_eq!(cockpit.engine.run().closed, Some(RunEnd::Monitoring));
    assert!(!cockpit.engine.run().debts().is_empty());
}

/// Who holds the side that is left, or works there, shuts the guard of the grant; a person has a way on.
#[tokio::test(start_paused = true)]
async fn what_comes_undone_before_the_grant_is_done_anew_first() {
    let step = "a11-grant";
    for (fault, undone) in [("session-appears", "a8-log-off"), ("reassigned", "a7-revoke")] {
        let mut cockpit = at(step).await;
        let count = if fault == "session-appears" { "count = 1" } else { "" };
        cockpit.inject(&format!("fault = \"{fault}\"\nregion = \"primary\"\nservice = \"hr\"\n{count}"));
        cockpit.clock.sleep_until(cockpit.clock.now() + seconds(5)).await;
        let shut = |engine: &Engine| {
            let run = engine.run();
            let step = &run.steps[run.plan.position(step).unwrap()];
            step.mark == StepMark::Working && step.items.iter().all(|item| item.attempts == 0)
        };
        cockpit.until("confirmed", true, |engine, _| shut(engine)).await;
        let later = cockpit.clock.now() + minutes(3);
        cockpit.until("later", false, |_, now| now >= later).await;
        assert!(shut(&cockpit.engine), "{fault}: the guard stays shut");
        let note = Safe::new("who is that");
        cockpit.tell(Command::Hold { why: HeldWhy::Person, note }).unwrap();
        cockpit.tell(Command::Resume).unwrap();
        cockpit.until(undone, false, |engine, _| turn(engine) == undone).await;
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{fault}\n{}", cockpit.rehearsal.story());
    }
}

/// Until something was granted the side that is left is the one that serves: it is not to be emptied.
#[tokio::test(start_paused = true)]
async fn what_an_aborted_run_owes_stays_owed_once_somebody_was_granted_and_can_be_paid() {
    for (step, owes) in [("a11-grant", false), ("a12-first-user", true)] {
        let mut cockpit = over_a_dead_region().await;
        cockpit.turn(step).await;
        assert!(!cockpit.engine.run().debts().is_empty());
        cockpit.tell(Command::Abort { reason: Safe::new("enough") }).unwrap();
        cockpit.until("the end", false, |engine, _| engine.run().closed.is_some()).await;
        assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedAsIs));
        let last = cockpit.rehearsal.journal.events().pop().unwrap();
        assert!(matches!(last.event, RunEvent::Closed { debts, .. } if debts.is_empty() != owes), "{step}");
        let mut cockpit = cockpit.recover();
        assert_eq!(cockpit.engine.run().is_over(), !owes, "{step}");
        if !owes {
            let said = cockpit.tell(Command::Resume).unwrap_err().to_string();
            assert!(said.contains("AbortedAsIs"), "{said}");
            continue;
        }
        cockpit.tell(Command::Resume).unwrap();
        cockpit.rehearsal.sim.heal("dead");
        for owed in ["a5-drain", "a3-hold-active-scaling", "a8-log-off"] {
            let paid = |engine: &Engine| {
                let run = engine.run();
                run.paid.contains(owed)
            };
            if paid(&cockpit.engine) {
                continue;
            }
            let arms = Command::Arm { on: true, how: Safe::new("by typing the estate's name") };
            assert!(cockpit.tell(arms).is_ok(), "{owed}\n{}", cockpit.rehearsal.story());
            let ready = |engine: &Engine, now| {
                let view = engine.view(now);
                let shown = view.steps.iter().find(|shown| shown.id == owed);
                shown.and_then(|shown| shown.offer.as_ref()).is_some_and(|offer| offer.green)
            };
            cockpit.until(owed, false, |engine, now| paid(engine) || ready(engine, now)).await;
            if !paid(&cockpit.engine) {
                let offer = cockpit.offer(owed).await;
                cockpit.tell(Command::Confirm(said(owed, &offer))).unwrap();
                let run = cockpit.engine.run();
                let place = run.plan.position(owed).unwrap();
                assert!(run.debts().contains(&place), "it is owed until it is done");
                cockpit.until(owed, false, |engine, _| paid(engine)).await;
            }
        }
        assert_eq!(cockpit.engine.run().closed, Some(RunEnd::AbortedAsIs), "it stays what it is");
        assert!(cockpit.engine.run().debts().is_empty() && cockpit.engine.run().is_over());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_may_not_have_come_is_not_called_told() {
    let step = "a6-tell-users";
    let mut cockpit = at(step).await;
    cockpit.inject("fault = \"lose-reply\"\npath = \"sendmessage\"\ncount = 1");
    let over = |engine: &Engine| {
        let run = engine.run();
        let items = &run.steps[run.plan.position(step).unwrap()].items;
        !items.is_empty() && items.iter().all(|item| item.mark.over())
    };
    cockpit.until("told", true, |engine, _| over(engine)).await;
    let run = cockpit.engine.run();
    let place = run.plan.position(step).unwrap();
    let text = cockpit.engine.red_text(place, cockpit.clock.now());
    assert!(text.contains("2 told, 1 perhaps"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_armed_before_a_run_goes_on_stays_armed_and_nothing_else_does() {
    for arms in [true, false] {
        let mut cockpit = at("a5-drain").await.recover();
        assert!(cockpit.engine.view(cockpit.clock.now()).interrupted);
        if arms {
            let how = Safe::new("by typing the estate's name");
            cockpit.tell(Command::Arm { on: true, how }).unwrap();
        }
        cockpit.tell(Command::Resume).unwrap();
        assert!(!cockpit.engine.view(cockpit.clock.now()).interrupted);
        assert_eq!(cockpit.engine.run().armed, arms, "{}", cockpit.rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_recover_stands_still_once_users_are_back() {
    let estate = [("[policy]\n", "[policy]\nrto = \"2h\"\n")];
    let plain = Rehearsal::of(&Setting::PLAIN).estate.policy.rto;
    let setting = Setting { estate: if plain.is_some() { &[] } else { &estate }, ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn("a12-first-user").await;
    let left = |cockpit: &Cockpit, later| cockpit.engine.view(cockpit.clock.now() + minutes(later)).rto_left;
    assert_ne!(left(&cockpit, 0), left(&cockpit, 5), "users still wait");
    assert_eq!(cockpit.end().await, RunEnd::Completed);
    let view = cockpit.engine.view(cockpit.clock.now());
    assert_eq!(view.state, RunState::Closed(RunEnd::Completed));
    assert!(view.rto_left.is_some());
    assert_eq!(left(&cockpit, 0), left(&cockpit, 300), "a run that is over costs nobody service");
}

#[tokio::test(start_paused = true)]
async fn where_the_secondary_region_is_active_the_failover_refuses_and_names_failback() {
    let mut cockpit = at("a15-dependants").await;
    assert_eq!(cockpit.end().await, RunEnd::Completed);
    let (rehearsal, azure) = (&cockpit.rehearsal, cockpit.rehearsal.azure());
    let picture = survey::survey(&azure, &rehearsal.clock, survey::planning_sources(0)).await;
    let binding = Binding {
        estate: &rehearsal.estate,
        picture: &picture,
        service: 0,
        mode: Mode::Graceful,
        moved_too: vec![],
        now: rehearsal.clock.now(),
    };
    let runbook = runbook::builtin("avd-pooled-failover").unwrap();
    let said = binding.bind(&runbook).unwrap_err().to_string();
    assert!(said.contains("active in NE, the secondary region: going back is a failback"), "{said}");
}

/// The reply to a drain is lost and lists lag behind for longer than its dwell. What shows in the end is
/// ours all the same: the undo takes it back with the rest.
#[tokio::test(start_paused = true)]
async fn what_was_ours_and_seen_late_is_taken_back_with_the_rest() {
    let step = "a5-drain";
    // With some network time the moment before it is sent again can be seen.
    let setting = Setting { latency_ms: 20, ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn(step).await;
    let offer = cockpit.offer(step).await;
    cockpit.inject(
        "fault = \"lose-reply\"\nregion = \"primary\"\nmethod = \"PATCH\"\npath = \"sessionhosts\"\ncount = 1",
    );
    cockpit.inject("fault = \"stale-read\"\nms = \"60s\"");
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.until("to be sent again", false, |engine, _| held_back(engine, step)).await;
    cockpit.rehearsal.sim.heal("stale-read");
    cockpit.turn("a6-tell-users").await;
    let late = stands(&cockpit.engine, step, |mark| *mark == ItemMark::Done(DoneHow::Adopted));
    assert!(late && cockpit.writes_of(step).len() == 2, "each once: {}", cockpit.rehearsal.story());
    let back = cockpit.offer("a5-admit").await;
    assert_eq!(back.writes.len(), 2, "{:?}\n{}", back.writes, cockpit.rehearsal.story());
}

/// Whether an item of the step was tried and is to be sent again.
fn held_back(engine: &Engine, step: &str) -> bool {
    let run = engine.run();
    let place = run.plan.position(step).unwrap();
    run.steps[place].items.iter().any(|item| item.attempts > 0 && item.mark == ItemMark::Pending)
}

/// A request that surely never left is not what somebody else has done meanwhile.
#[tokio::test(start_paused = true)]
async fn what_somebody_did_while_ours_was_held_back_is_theirs() {
    let step = "a5-drain";
    let mut cockpit = at(step).await;
    let offer = cockpit.offer(step).await;
    cockpit.inject("fault = \"throttle\"\nname = \"busy\"\nmethod = \"PATCH\"\npath = \"sessionhosts\"");
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.until("held back", false, |engine, _| held_back(engine, step)).await;
    cockpit.rehearsal.sim.heal("busy");
    for write in &offer.writes {
        let body = r#"{"properties":{"allowNewSession":false}}"#;
        colleague(&cockpit.rehearsal.sim, "PATCH", write.path.as_str(), body);
    }
    cockpit.turn("a6-tell-users").await;
    let marks: Vec<ItemMark> = cockpit.step(step).items.iter().map(|item| item.mark.clone()).collect();
    let (theirs, ours) = (ItemMark::Done(DoneHow::Observation), ItemMark::Done(DoneHow::Action));
    assert_eq!(marks, [theirs, ours], "{}", cockpit.rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_for_its_time_does_not_stop_what_is_under_way() {
    let step = "a5-drain";
    let mut cockpit = at(step).await;
    let offer = cockpit.offer(step).await;
    cockpit.inject("fault = \"throttle\"\nmethod = \"PATCH\"\npath = \"sessionhosts\"\ncount = 1");
    let from = cockpit.clock.now();
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.turn("a6-tell-users").await;
    assert!(cockpit.clock.now() < from + minutes(2), "{}", cockpit.rehearsal.story());
}

/// The state of a probe's operation may not be read: it ends all the same, another one is offered, and
/// where that ends like it a person is asked to look.
#[tokio::test(start_paused = true)]
async fn a_probe_whose_operation_cannot_be_read_ends_unseen_and_leaves_a_way_on() {
    for (step, value) in [("a4-standby-can-take-users", "0"), ("a9-flush", "Valid")] {
        for said_by_hand in [false, true] {
            let mut cockpit = at(step).await;
            cockpit
                .inject("fault = \"forbidden\"\nname = \"blind\"\nmethod = \"GET\"\npath = \"operations/\"");
            let unseen = |mark: &ItemMark| matches!(mark, ItemMark::Failed(FailedHow::NotDone, _));
            let from = cockpit.clock.now();
            let offer = cockpit.offer(step).await;
            cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
            cockpit.until("unseen", false, |engine, _| stands(engine, step, unseen)).await;
            assert!(cockpit.clock.now() < from + minutes(5), "its dwell is 120 s");
            let offer = cockpit.offer(step).await;
            assert!(offer.writes[0].key.starts_with("probe 2"), "{:?}", offer.writes);
            assert_eq!(cockpit.shown(step).ask, None);
            if said_by_hand {
                cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
                let asked = |engine: &Engine, now| {
                    engine.view(now).steps.iter().any(|shown| shown.id == step && shown.ask.is_some())
                };
                cockpit.until("asked", false, asked).await;
                let value = Safe::new(value);
                let by = ConfirmedBy::Person;
                let said = Command::Value { step: step.to_owned(), value, by, latency_ms: 900 };
                cockpit.tell(said).unwrap();
            } else {
                cockpit.rehearsal.sim.heal("blind");
                cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
            }
            cockpit.until("over", false, |engine, _| turn(engine) != step).await;
            assert!(matches!(cockpit.step(step).mark, StepMark::Done(_)), "{:?}", cockpit.step(step).mark);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_counts_only_for_the_step_in_turn() {
    let step = "a9-flush";
    let mut cockpit = at("a5-drain").await;
    let value = || Command::Value {
        step: step.to_owned(),
        value: Safe::new("Valid"),
        by: ConfirmedBy::Person,
        latency_ms: 900,
    };
    let refused = cockpit.tell(value()).unwrap_err().to_string();
    assert!(refused.contains("not in turn"), "{refused}");
    assert_eq!(cockpit.step(step).value, None);
    cockpit.turn(step).await;
    cockpit.tell(value()).unwrap();
    cockpit.until("over", false, |engine, _| turn(engine) != step).await;
    assert_eq!(cockpit.step(step).mark, StepMark::Done(DoneHow::Manual));
}

/// Who said it and how long it took stands in the journal, in what people read of it, and in the report.
#[tokio::test(start_paused = true)]
async fn a_value_is_journaled_with_who_gave_it_and_how_long_it_took() {
    let (step, latency_ms) = ("a9-flush", 900);
    let mut cockpit = at(step).await;
    let value = Safe::new("Valid");
    cockpit
        .tell(Command::Value { step: step.to_owned(), value, by: ConfirmedBy::Person, latency_ms })
        .unwrap();
    let given = |event: &RunEvent| match event {
        RunEvent::Note { about: NoteAbout::Value, given, .. } => *given,
        _ => None,
    };
    let events = cockpit.rehearsal.journal.events();
    let found = events.iter().find_map(|stamped| given(&stamped.event));
    assert_eq!(found, Some(Given { by: ConfirmedBy::Person, latency_ms }), "{}", cockpit.rehearsal.story());
    let lines = cockpit.rehearsal.journal.0.lock().unwrap().bytes().to_vec();
    let mut shown = Vec::new();
    show::show(&mut lines.as_slice(), show::Form::Text, &mut shown).unwrap();
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("a9-flush  value: Valid  by a person after 0.9 s"), "{shown}");
    let integrity =
        Integrity { head: "0".to_owned(), records: 1, verified: Verified::NotChecked, notes: vec![] };
    let report = report::build(RUN, &events, integrity, cockpit.clock.now()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&report::to_json(&report)).unwrap();
    let told = json["steps"].as_array().unwrap().iter().find(|told| told["id"] == step).unwrap();
    let answer = &told["answers"][0];
    assert_eq!((&answer["latency_ms"], &answer["by"]), (&latency_ms.into(), &"person".into()), "{told}");
    let markdown = report::to_markdown(&report);
    assert!(markdown.contains("Value: Valid") && markdown.contains("after 900 ms"), "{markdown}");
}

/// An abort in the middle of a step: what was confirmed and never sent is counted, also by a new process.
#[tokio::test(start_paused = true)]
async fn what_an_abort_keeps_from_being_sent_is_not_counted_as_done() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    let step = "a5-drain";
    cockpit.turn(step).await;
    let offer = cockpit.offer(step).await;
    let all = offer.writes.len();
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let one_is_sent = |engine: &Engine| {
        let run = engine.run();
        run.steps[run.plan.position(step).unwrap()].items.iter().any(|item| item.attempts > 0)
    };
    cockpit.until("one is sent", false, |engine, _| one_is_sent(engine)).await;
    cockpit.tell(Command::Abort { reason: Safe::new("enough") }).unwrap();
    cockpit.until("closed", false, |engine, _| engine.run().closed.is_some()).await;
    let shown = cockpit.shown(step);
    assert!(shown.unsent > 0, "{all} hosts are drained one after the other");
    assert_eq!(shown.items.len() + shown.unsent, all);
    assert_eq!(cockpit.recover().shown(step).unsent, shown.unsent);
}
