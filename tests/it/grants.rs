//! Who may be granted on the side that is opened, and on what evidence.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use farshore::{
    domain::{
        Operation, Safe, Side, Source,
        access::PrincipalId,
        estate::Principal,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Engine, Refusal, RunEvent,
        event::{FailedHow, HeldWhy, RunEnd},
        run::{ItemMark, StepMark},
        view::{Choice, ItemPhase},
    },
    runbook::{Mode, plan::MovedToo},
    wire::{Reply, Request, Wire},
};

use super::{
    outage::{Cockpit, said, turn},
    rehearsal::{Rehearsal, Setting},
    seats::{dead, graceful},
};

/// Somebody the estate file does not plan.
const OUTSIDER: &str = "4c4c4c4c-0000-4000-8000-00000000f00d";

fn moved() -> Vec<MovedToo> {
    let principal = Principal {
        name: "4c4c4c4c".to_owned(),
        id: PrincipalId::parse(OUTSIDER).unwrap(),
        principal_type: "Group".to_owned(),
    };
    vec![MovedToo { group: "DAG1".to_owned(), principal }]
}

fn hold(rehearsal: &Rehearsal) {
    let fault = format!(
        "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"{OUTSIDER}\""
    );
    rehearsal.sim.inject(farshore::sim::Fault::from_toml(&fault).unwrap());
}

/// Whether an operation grants the outsider.
fn for_outsider(operation: &Operation) -> bool {
    matches!(operation, Operation::Grant { principal, .. } if principal.as_str().eq_ignore_ascii_case(OUTSIDER))
}

/// Answers a look at the outsider's own assignment as it was before it was revoked, while told so;
/// lists tell the truth.
#[derive(Debug)]
struct Standing {
    inner: Arc<dyn Wire>,
    stands: Arc<AtomicBool>,
    /// Path and body of the assignment, as it was seen last.
    seen: Mutex<Option<(String, Bytes)>>,
}

impl Wire for Standing {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let path = request.uri().path().to_ascii_lowercase();
            let single = request.method() == http::Method::GET && !path.ends_with("/roleassignments");
            let known = self.seen.lock().unwrap().clone().filter(|(known, _)| single && *known == path);
            if let Some((_, body)) = known.filter(|_| self.stands.load(Ordering::Relaxed)) {
                return Ok(http::Response::builder()
                    .header("content-type", "application/json")
                    .body(body)
                    .unwrap());
            }
            let answer = self.inner.call(request).await?;
            let held = String::from_utf8_lossy(answer.body()).contains(OUTSIDER);
            if single && held && path.contains("/roleassignments/") {
                *self.seen.lock().unwrap() = Some((path, answer.body().clone()));
            }
            Ok(answer)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_moved_too_is_guarded_like_a_planned_one() {
    let stands = Arc::new(AtomicBool::new(false));
    let rehearsal = Rehearsal::through(&Setting::PLAIN, |inner| {
        Arc::new(Standing { inner, stands: stands.clone(), seen: Mutex::default() })
    });
    hold(&rehearsal);
    let mut cockpit = Cockpit::open_moving(rehearsal, Mode::Graceful, moved()).await;
    cockpit.turn("a11-grant").await;
    assert_eq!(cockpit.writes_of("a7-revoke").len(), 2, "{}", cockpit.rehearsal.story());
    stands.store(true, Ordering::Relaxed);
    let now = cockpit.clock.now();
    cockpit.until("ten minutes", true, |_, later| later > now + minutes(10)).await;
    assert_eq!(turn(&cockpit.engine), "a11-grant");
    let granted = cockpit.writes_of("a11-grant");
    assert!(!granted.iter().any(for_outsider), "{granted:?}\n{}", cockpit.rehearsal.story());
    assert_eq!(granted.len(), 1, "the planned one does not wait for it");
    stands.store(false, Ordering::Relaxed);
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    assert!(cockpit.writes_of("a11-grant").iter().any(for_outsider));
    let held = cockpit.rehearsal.sim.end_state().holders;
    let holds = |group: &str| held[group].iter().any(|who| who.eq_ignore_ascii_case(OUTSIDER));
    assert_eq!((holds("dag1-we"), holds("dag1-ne")), (false, true), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_moved_too_and_comes_back_to_the_side_that_is_left_is_in_both_pools() {
    let rehearsal = Rehearsal::of(&Setting::PLAIN);
    hold(&rehearsal);
    let mut cockpit = Cockpit::open_moving(rehearsal, Mode::Graceful, moved()).await;
    cockpit.turn("a12-first-user").await;
    hold(&cockpit.rehearsal);
    let told = |engine: &Engine| {
        let run = engine.run();
        let gate = &run.steps[run.plan.position("a12-first-user").unwrap()].gate;
        gate.iter()
            .flat_map(|(_, items)| items)
            .any(|item| item.value.as_str().contains("1 principal in both"))
    };
    cockpit.until("told", false, |engine, _| told(engine)).await;
}

const REASSIGNED: &str = "fault = \"reassigned\"\nregion = \"primary\"\nservice = \"hr\"";

/// A graceful run whose grant is confirmed and waits for the looks of its guard.
async fn guarded() -> Cockpit {
    let setting = Setting { latency_ms: 20, ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn("a11-grant").await;
    let offer = cockpit.offer("a11-grant").await;
    cockpit.tell(Command::Confirm(super::outage::said("a11-grant", &offer))).unwrap();
    let checking = |engine: &Engine, now| {
        let view = engine.view(now);
        let step = view.steps.iter().find(|step| step.id == "a11-grant").unwrap();
        step.items.iter().any(|item| item.state == ItemPhase::Checking)
    };
    cockpit.input("guarded", |engine, now| checking(engine, now)).await;
    cockpit
}

/// Writes of ours that reached Azure on the way to a grant.
fn sent(cockpit: &Cockpit) -> usize {
    let ours = cockpit.rehearsal.sim.writes().into_iter().filter(|write| write.client_request_id.is_some());
    ours.filter(|write| write.method == "PUT" && write.path.to_lowercase().contains("dag1-ne")).count()
}

/// The planned group holds the side that is left again, through a custom role that lets use.
const HELD_BY_CUSTOM: &str = "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e001\"\nrole = \"custom\"";

#[tokio::test(start_paused = true)]
async fn who_holds_the_left_side_through_a_custom_role_is_not_granted() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.turn("a9-flush").await;
    cockpit.inject(HELD_BY_CUSTOM);
    cockpit.until("revoke again", true, |engine, _| super::outage::turn(engine) == "a7-revoke").await;
    assert_eq!(sent(&cockpit), 0, "{}", cockpit.rehearsal.story());
    cockpit.turn("a12-first-user").await;
    assert_eq!((sent(&cockpit), cockpit.rehearsal.sim.violations()), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_granted_while_the_custom_roles_cannot_be_read() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.turn("a11-grant").await;
    cockpit.inject("fault = \"forbidden\"\npath = \"/roledefinitions\"");
    // Until then what they mean is remembered.
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(6)).await;
    let now = cockpit.clock.now();
    cockpit.until("ten minutes", true, |_, later| later > now + minutes(10)).await;
    assert_eq!(sent(&cockpit), 0, "{}", cockpit.rehearsal.story());
    let shown = format!("{:?}", cockpit.shown("a11-grant"));
    assert!(shown.contains("custom roles: 403"), "{shown}");
}

/// The process is stopped for an hour, in the middle of which somebody may assign the side that is left.
async fn an_hour_passes(cockpit: &Cockpit, reassigned: bool) {
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(30)).await;
    if reassigned {
        cockpit.inject(REASSIGNED);
    }
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(30)).await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_waited_while_the_process_stood_still_open_nothing() {
    for reassigned in [true, false] {
        let mut cockpit = guarded().await;
        an_hour_passes(&cockpit, reassigned).await;
        let now = cockpit.clock.now();
        cockpit.until("five minutes", false, |_, later| later > now + minutes(5)).await;
        assert_eq!(sent(&cockpit), usize::from(!reassigned), "{}", cockpit.rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_whose_intent_was_durable_too_late_is_not_sent_and_guarded_anew() {
    for reassigned in [true, false] {
        let mut cockpit = guarded().await;
        let intended = |engine: &Engine| {
            let run = engine.run();
            let items = &run.steps[run.plan.position("a11-grant").unwrap()].items;
            items.iter().any(|item| item.mark == ItemMark::Intended)
        };
        cockpit.input("intended", |engine, _| intended(engine)).await;
        assert_eq!(sent(&cockpit), 0);
        an_hour_passes(&cockpit, reassigned).await;
        let now = cockpit.clock.now();
        cockpit.until("five minutes", false, |_, later| later > now + minutes(5)).await;
        assert_eq!(sent(&cockpit), usize::from(!reassigned), "{}", cockpit.rehearsal.story());
        let told = cockpit.rehearsal.journal.events().into_iter().any(|stamped| {
            matches!(stamped.event, RunEvent::Failed { step, how: FailedHow::NotSent, .. } if step == "a11-grant")
        });
        assert!(told, "{}", cockpit.rehearsal.story());
    }
}

/// A write may wait before it leaves: a grant waits no longer than the oldest look counts that let it go.
#[tokio::test(start_paused = true)]
async fn a_grant_may_leave_for_as_long_as_its_oldest_evidence_counts() {
    let rests: [(bool, &[Source]); 2] = [
        (false, &[Source::Assignments(0, Side::Primary), Source::Sessions(0, Side::Primary)]),
        (
            true,
            &[
                Source::Assignments(0, Side::Primary),
                Source::Hosts(0, Side::Primary),
                Source::Machines(Side::Primary),
                Source::Storage(0, Side::Primary),
            ],
        ),
    ];
    for (fenced, rests) in rests {
        let mut cockpit =
            if fenced { dead(&[], &[], "a11-grant").await } else { graceful("a11-grant").await };
        cockpit.turn("a12-first-user").await;
        let (grants, others): (Vec<_>, Vec<_>) =
            cockpit.let_go.iter().partition(|write| write.step == "a11-grant");
        assert!(!grants.is_empty() && !others.is_empty());
        assert!(others.iter().all(|write| write.until.is_none()), "{others:?}");
        for grant in grants {
            let lately = |at: &Timestamp| grant.at.duration_since(*at) <= seconds(30);
            let looks = rests.iter().filter_map(|source| grant.looks.get(source)).copied();
            let oldest = looks.filter(lately).min().unwrap();
            let until = grant.until.unwrap();
            assert!(grant.at <= until && until <= oldest + seconds(30), "{fenced}: {oldest} {grant:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_hold_the_guard_looks_again() {
    let mut cockpit = guarded().await;
    cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a pause") }).unwrap();
    cockpit.clock.sleep_until(cockpit.clock.now() + seconds(5)).await;
    cockpit.until("what was on its way", false, |_, _| true).await;
    cockpit.inject(REASSIGNED);
    cockpit.tell(Command::Resume).unwrap();
    let now = cockpit.clock.now();
    cockpit.until("five minutes", false, |_, later| later > now + minutes(5)).await;
    assert_eq!(sent(&cockpit), 0, "{}", cockpit.rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn a_revoke_is_tried_before_it_can_stand_as_a_debt() {
    let step = "a7-revoke";
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit.inject("fault = \"dead\"\nregion = \"primary\"");
    let died = cockpit.clock.now();
    cockpit.until("ten minutes", false, |_, now| now > died + minutes(10)).await;
    let downgrade = || Command::Downgrade { step: step.to_owned(), reason: Safe::new("it is dead") };
    let mut refused = cockpit.tell(downgrade());
    while let Err(Refusal::NotDead(_)) = refused {
        let now = cockpit.clock.now();
        cockpit.until("looks", false, |_, later| later > now + seconds(30)).await;
        refused = cockpit.tell(downgrade());
    }
    let Err(Refusal::WrongState { state, .. }) = refused else { panic!("{refused:?}") };
    assert!(state.contains("not tried"), "{state}");
    let offered = |cockpit: &Cockpit| cockpit.shown(step).choices.contains(&Choice::Downgrade);
    assert!(!offered(&cockpit), "what is refused is not offered");
    // Azure refuses it: now it can be put off.
    cockpit.inject("fault = \"lock\"\nregion = \"primary\"\nlevel = \"CanNotDelete\"");
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(super::outage::said(step, &offer))).unwrap();
    let tried = |engine: &Engine| {
        let run = engine.run();
        let items = &run.steps[run.plan.position(step).unwrap()].items;
        items.iter().any(|item| matches!(item.mark, ItemMark::Refused(_)))
    };
    cockpit.until("refused", false, |engine, _| tried(engine)).await;
    assert!(offered(&cockpit));
    let mut again = cockpit.tell(downgrade());
    while let Err(Refusal::NotDead(_)) = again {
        let now = cockpit.clock.now();
        cockpit.until("looks", false, |_, later| later > now + seconds(30)).await;
        again = cockpit.tell(downgrade());
    }
    assert_eq!(again, Ok(()));
    assert!(matches!(cockpit.step(step).mark, StepMark::Deferred { downgraded: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_revoke_that_could_not_be_listed_keeps_the_fence_shut_until_it_was_tried() {
    let step = "a7-revoke";
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Ungraceful).await;
    cockpit.inject("fault = \"dead\"\nregion = \"primary\"");
    cockpit.turn(step).await;
    let hidden = "fault = \"forbidden\"\nregion = \"primary\"\nmethod = \"GET\"\npath = \"/roleassignments\"\nfor = \"20m\"";
    cockpit.inject(hidden);
    cockpit.tell(Command::Offer { step: step.to_owned() }).unwrap();
    let now = cockpit.clock.now();
    cockpit.until("a minute", false, |_, later| later > now + minutes(1)).await;
    let downgrade = Command::Downgrade { step: step.to_owned(), reason: Safe::new("it is dead") };
    while let Err(refused) = cockpit.tell(downgrade.clone()) {
        assert!(matches!(refused, Refusal::NotDead(_)), "{refused:?}");
        let now = cockpit.clock.now();
        cockpit.until("looks", false, |_, later| later > now + seconds(30)).await;
    }
    let working = |engine: &Engine| {
        turn(engine) == "a11-grant" && {
            let run = engine.run();
            run.steps[run.plan.position("a11-grant").unwrap()].mark == StepMark::Working
        }
    };
    cockpit.until("the grant", true, |engine, _| working(engine)).await;
    let now = cockpit.clock.now();
    cockpit.until("ten minutes", true, |_, later| later > now + minutes(10)).await;
    assert_eq!(sent(&cockpit), 0, "{}", cockpit.rehearsal.story());
    let why = cockpit.shown("a11-grant").items[0].detail.clone();
    assert!(why.as_str().contains("was not tried"), "{why}");
    // The side is still dead; its assignments can be revoked all the same.
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(super::outage::said(step, &offer))).unwrap();
    cockpit.turn("a12-first-user").await;
    assert_eq!(sent(&cockpit), 1, "{}", cockpit.rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn who_worked_there_before_the_grant_proves_nothing() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.turn("a11-grant").await;
    cockpit.inject("fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1");
    cockpit.inject("fault = \"propagation\"\nms = \"20m\"");
    cockpit.clock.sleep_until(cockpit.clock.now() + seconds(5)).await;
    cockpit.turn("a12-first-user").await;
    let now = cockpit.clock.now();
    cockpit.until("ten minutes", true, |_, later| later > now + minutes(10)).await;
    assert_eq!(turn(&cockpit.engine), "a12-first-user", "{}", cockpit.rehearsal.story());
    assert!(
        cockpit
            .engine
            .red_text(cockpit.engine.run().plan.position("a13-ramp").unwrap(), now)
            .contains("0 users signed in since")
    );
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// A person pays a debt that is ready: what is so already is found so, the rest is confirmed.
async fn pay(cockpit: &mut Cockpit, step: &str) {
    cockpit.tell(Command::Offer { step: step.to_owned() }).unwrap();
    let settled = |engine: &Engine, now| {
        let shown = engine.view(now).steps.into_iter().find(|shown| shown.id == step);
        engine.run().paid.contains(step)
            || shown.and_then(|shown| shown.offer).is_some_and(|offer| offer.green)
    };
    cockpit.until("an offer", false, settled).await;
    if let Some(offer) = cockpit.shown(step).offer {
        cockpit.tell(Command::Confirm(super::outage::said(step, &offer))).unwrap();
    }
    cockpit.until("paid", false, |engine, _| engine.run().paid.contains(step)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_skips_and_can_be_done_later_is_owed() {
    let cases = [
        ("a3-hold-active-scaling", true, true),
        ("a14-stop-hosts", true, false),
        ("a6-tell-users", false, false),
    ];
    for (step, owed, at_once) in cases {
        let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
        cockpit.turn(step).await;
        cockpit.tell(Command::Skip { step: step.to_owned(), reason: Safe::new("no time") }).unwrap();
        let reason = Safe::new("no time");
        let expected =
            if owed { StepMark::Deferred { reason, downgraded: false } } else { StepMark::Skipped(reason) };
        assert_eq!(cockpit.step(step).mark, expected, "{step}");
        let view = cockpit.engine.view(cockpit.clock.now());
        assert_eq!(view.debts_ready.len(), usize::from(owed), "{step}: the side answers");
        assert!(!view.primary_is_back, "{step}: it was never gone");
        if at_once {
            pay(&mut cockpit, step).await;
        } else if owed {
            assert_eq!(cockpit.end().await, RunEnd::Monitoring, "{step}\n{}", cockpit.rehearsal.story());
            pay(&mut cockpit, step).await;
            cockpit
                .until("the end", false, |engine, _| engine.run().closed != Some(RunEnd::Monitoring))
                .await;
        }
        assert_eq!(
            cockpit.end().await,
            RunEnd::CompletedWithExceptions,
            "{step}\n{}",
            cockpit.rehearsal.story()
        );
    }
}

/// Custom roles let nobody in until they are edited.
#[derive(Debug)]
struct Edited(Arc<dyn Wire>, Arc<AtomicBool>);

impl Wire for Edited {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let definitions = request.uri().path().to_ascii_lowercase().ends_with("/roledefinitions");
            let mut answer = self.0.call(request).await?;
            if definitions && !self.1.load(Ordering::SeqCst) {
                let body = String::from_utf8(answer.body().to_vec()).unwrap();
                let harmless = body.replace("Microsoft.DesktopVirtualization/", "Microsoft.Nothing/");
                *answer.body_mut() = harmless.into();
            }
            Ok(answer)
        })
    }
}

/// The planned group holds the side that is left once more, through a custom role.
const BY_CUSTOM_ROLE: &str = "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e001\"\nrole = \"custom\"";

#[tokio::test(start_paused = true)]
async fn a_role_is_judged_by_what_it_means_when_the_grant_leaves() {
    let edited = Arc::new(AtomicBool::new(false));
    let its = edited.clone();
    let setting = Setting { latency_ms: 20, ..Setting::PLAIN };
    let rehearsal = Rehearsal::through(&setting, move |inner| Arc::new(Edited(inner, its)));
    rehearsal.sim.inject(farshore::sim::Fault::from_toml(BY_CUSTOM_ROLE).unwrap());
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    cockpit.turn("a11-grant").await;
    assert_eq!(cockpit.writes_of("a7-revoke").len(), 1, "the custom role lets nobody in yet");
    let offer = cockpit.offer("a11-grant").await;
    edited.store(true, Ordering::SeqCst);
    cockpit.tell(Command::Confirm(said("a11-grant", &offer))).unwrap();
    cockpit.pass(minutes(5)).await;
    assert_eq!(cockpit.writes_of("a11-grant"), [], "{}", cockpit.rehearsal.story());
    assert_eq!(turn(&cockpit.engine), "a7-revoke", "{:?}", cockpit.shown("a11-grant").items);
}

/// The machine sleeps: time passes, and nobody looks.
async fn sleep(cockpit: &Cockpit) {
    let clock = cockpit.clock.clone();
    let until = clock.now() + minutes(180);
    clock.sleep_until(until).await;
}

#[tokio::test(start_paused = true)]
async fn two_looks_with_hours_between_them_prove_nothing_in_a_row() {
    let setting = Setting { latency_ms: 20, ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    // A proof that has to last.
    let step = "a7-revoke";
    cockpit.turn(step).await;
    let lasts = |engine: &Engine, now| {
        let shown = engine.view(now).steps.into_iter().find(|shown| shown.id == step).unwrap();
        shown.countdown.is_some()
    };
    cockpit.until("it lasts", true, lasts).await;
    sleep(&cockpit).await;
    let woke = cockpit.clock.now();
    cockpit.until("done", false, |engine, _| turn(engine) != step).await;
    let took = cockpit.clock.now().duration_since(woke);
    assert!(took >= seconds(60), "proven {took:?} after waking: {}", cockpit.rehearsal.story());
    // The guard of the grant.
    let step = "a11-grant";
    cockpit.turn(step).await;
    sleep(&cockpit).await;
    let woke = cockpit.clock.now();
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let sent = |engine: &Engine, _| {
        let run = engine.run();
        run.steps[run.plan.position(step).unwrap()].items.iter().any(|item| item.attempts > 0)
    };
    cockpit.until("sent", false, sent).await;
    let took = cockpit.clock.now().duration_since(woke);
    assert!(took >= seconds(60), "granted {took:?} after waking: {}", cockpit.rehearsal.story());
}
