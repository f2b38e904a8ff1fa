//! Patience measures the world, not the operator, and a new process measures the same.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use farshore::{
    domain::{
        ArmId, Operation, Safe,
        operation::WriteImage,
        time::{Span, Timestamp, minutes, seconds},
    },
    engine::{
        Actor, Command, Engine, Run, RunEvent, Stamped,
        auto::{Auto, Wish},
        event::{
            Confirmed, ConfirmedBy, ConfirmedItem, DoneHow, FailedHow, GateItem, GateVerdict, Ground,
            HeldWhy, NoteAbout, Opened, RequestRecord, RunEnd, StepId,
        },
        patience::{BY_AUTO, MORE, NEW_PROCESS, NO_MORE},
        run::{ItemMark, StepMark},
        view::{Choice, RunState, StepState},
    },
    runbook::Mode,
    wire::{Reply, Request, Wire},
};

use super::{
    outage::{Cockpit, said},
    rehearsal::{Rehearsal, Setting},
};

const ITEM: &str = "shwe-hr-01/2/-";

/// What may happen in a run, in short.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// The cockpit is armed by a person, by `--auto`, or disarmed.
    Arm,
    Auto,
    Disarm,
    /// A person or `--auto` confirms the step with one item.
    Confirm,
    Again,
    /// The item is written, taken, failed, to be tried again, or done.
    Intent,
    Accepted,
    Failed,
    Retry,
    Done,
    /// Its precondition turned red.
    Refused,
    /// A gate's verdict; red but for what a person is asked.
    Gate(GateVerdict),
    Asked,
    /// A person answers.
    Value,
    /// Another confirmation is needed, or no longer.
    More,
    NoMore,
    Hold,
    Resume,
    /// A new process: torn bytes set aside, a read-only cockpit.
    Torn,
    NewProcess,
    Note,
}

fn event(step: &str, does: Does) -> RunEvent {
    let armed = |on, how: &str| RunEvent::Armed { on, how: Safe::new(how) };
    let observed = |value: &str| RunEvent::Observed {
        step: step.to_owned(),
        item: None,
        what: Safe::new(MORE),
        value: Safe::new(value),
    };
    let note = |about| RunEvent::Note { step: Some(step.to_owned()), about, text: "0".into(), given: None };
    let gate = |verdict, id: &str| {
        let item =
            GateItem { id: id.to_owned(), verdict, value: "so".into(), ground: Ground::Seen, age_s: None };
        RunEvent::Gate { step: step.to_owned(), verdict, items: vec![item] }
    };
    match does {
        Does::Arm => armed(true, "by typing the estate's name"),
        Does::Auto => armed(true, BY_AUTO),
        Does::Disarm => armed(false, "by the operator"),
        Does::NewProcess => armed(false, NEW_PROCESS),
        Does::Gate(verdict) => gate(verdict, "standby-capacity"),
        Does::Asked => gate(GateVerdict::Red, "profile-settings"),
        Does::Value => note(NoteAbout::Value),
        Does::Note => note(NoteAbout::Remark),
        Does::More => observed("1 write"),
        Does::NoMore => observed(NO_MORE),
        Does::Hold => RunEvent::Held { why: HeldWhy::Person, note: "held".into(), in_flight: Vec::new() },
        Does::Resume => RunEvent::Resumed { observed: "nothing".into() },
        Does::Torn => RunEvent::Recovered { bytes: 7, sha256: String::new(), kept: String::new() },
        does => at_work(step.to_owned(), does),
    }
}

/// What happens to a step and its one item, a session that is to be logged off.
fn at_work(step: StepId, does: Does) -> RunEvent {
    let session = "/subscriptions/s/resourceGroups/rg/providers/p/pools/hp/hosts/h/userSessions/2";
    let operation = Operation::LogOff { session: ArmId::parse(session).unwrap() };
    let (item, before) = (ITEM.to_owned(), Safe::new("Active"));
    let failed = |how| RunEvent::Failed {
        step: step.clone(),
        item: Some(item.clone()),
        attempt: Some(1),
        how,
        why: "why".into(),
    };
    let confirmed = |by| {
        let item =
            ConfirmedItem { key: item.clone(), operation: Some(operation.clone()), before: before.clone() };
        RunEvent::Confirmed(Box::new(Confirmed {
            step: step.clone(),
            by,
            level: 2,
            typed: Some("1".into()),
            items: vec![item],
            list_sha256: String::new(),
            users: 1,
            latency_ms: 0,
            seen: Safe::default(),
            acknowledges: None,
        }))
    };
    let image = WriteImage { method: "DELETE".to_owned(), url: String::new(), body: String::new() };
    let request = RequestRecord::of(&image, String::new(), String::new());
    let request_id = Safe::new("id");
    match does {
        Does::Confirm => confirmed(ConfirmedBy::Person),
        Does::Again => confirmed(ConfirmedBy::Auto),
        Does::Intent => RunEvent::Intent { step, item, attempt: 1, operation, request, before },
        Does::Accepted => {
            RunEvent::Accepted { step, item, attempt: 1, status: 200, request_id, follow: None }
        }
        Does::Failed => failed(FailedHow::NotDone),
        Does::Retry => failed(FailedHow::Reissue),
        Does::Done => RunEvent::Done {
            step,
            item: Some(item),
            how: DoneHow::Action,
            evidence: "gone".into(),
            given: None,
        },
        Does::Refused => {
            RunEvent::Refused { step, item: None, attempt: None, status: None, why: "red".into() }
        }
        other => unreachable!("{other:?} happens to the run"),
    }
}

async fn opened() -> (Opened, Timestamp) {
    let rehearsal = Rehearsal::of(&Setting::PLAIN);
    let (_, engine, _) = rehearsal.begin(0, Mode::Graceful).await;
    (engine.run().opened.clone(), engine.run().opened_at)
}

/// The step in turn, what happens at which second, and when its patience has what left of it:
/// the second at which it ends, or that it stands still.
type Case = (&'static str, &'static [(i64, Does)], Option<i64>);

/// What happens, and when patience ends then.
mod table {
    use farshore::engine::event::GateVerdict::{Green, Red};

    use super::{
        Case,
        Does::{
            Accepted, Again, Arm, Asked, Auto, Confirm, Disarm, Done, Failed, Gate, Hold, Intent, More,
            NewProcess, NoMore, Note, Refused, Resume, Retry, Torn, Value,
        },
    };

    const GATE: i64 = 30 * 60;
    const WORK: i64 = 20 * 60;
    pub const CASES: [Case; 36] = [
        // Before a confirmation: a gate waits for the world until it is green, a step for nobody.
        ("a4-standby-can-take-users", &[], None),
        ("a4-standby-can-take-users", &[(10, Arm)], Some(10 + GATE)),
        ("a4-standby-can-take-users", &[(10, Arm), (20, Gate(Green))], None),
        ("a4-standby-can-take-users", &[(10, Arm), (20, Gate(Green)), (920, Gate(Red))], Some(910 + GATE)),
        ("a4-standby-can-take-users", &[(10, Arm), (20, Asked)], None),
        ("a4-standby-can-take-users", &[(10, Arm), (20, Asked), (50, Value)], Some(40 + GATE)),
        ("a4-standby-can-take-users", &[(10, Arm), (70, Disarm)], None),
        ("a4-standby-can-take-users", &[(10, Arm), (70, Disarm), (100, Arm)], Some(40 + GATE)),
        ("a4-standby-can-take-users", &[(10, Auto), (20, Gate(Green))], Some(10 + GATE)),
        ("a4-standby-can-take-users", &[(10, Auto), (20, Gate(Red)), (30, Note)], Some(10 + GATE)),
        ("a1-snapshot", &[], Some(5 * 60)),
        ("a1-snapshot", &[(60, Hold)], None),
        ("a1-snapshot", &[(60, Hold), (3_600, Resume)], Some(3_600 + 4 * 60)),
        ("a15-dependants", &[(10, Arm)], None),
        ("a15-dependants", &[(10, Auto)], None),
        ("a8-log-off", &[(10, Arm)], None),
        ("a8-log-off", &[(10, Auto)], Some(10 + WORK)),
        // At work.
        ("a8-log-off", &[(10, Arm), (5_000, Confirm)], Some(5_000 + WORK)),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (110, Disarm)], Some(100 + WORK)),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (110, Intent), (120, Accepted), (500, Failed)], None),
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (110, Intent), (200, Failed), (5_000, Retry)],
            Some(5_000 + WORK - 100),
        ),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (110, Intent), (200, Done)], Some(100 + WORK)),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (110, Intent), (200, Done), (210, More)], None),
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (110, Intent), (200, Done), (210, More), (900, NoMore)],
            Some(900 + WORK - 110),
        ),
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (110, Intent), (200, Done), (210, More), (900, Confirm)],
            Some(900 + WORK),
        ),
        (
            "a8-log-off",
            &[(10, Auto), (100, Again), (110, Intent), (200, Failed), (300, Again)],
            Some(100 + WORK),
        ),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (160, Refused), (400, Confirm)], Some(400 + WORK)),
        ("a8-log-off", &[(10, Auto), (100, Again), (160, Refused)], Some(160 + WORK)),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (160, Hold)], None),
        ("a8-log-off", &[(10, Arm), (100, Confirm), (160, Hold), (4_000, Resume)], Some(4_000 + WORK - 60)),
        // A crash: what passed until the new process is not counted, and it is read-only.
        ("a8-log-off", &[(10, Arm), (100, Confirm), (160, NewProcess), (160, Resume)], None),
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (110, Intent), (5_000, Torn), (9_000, NewProcess), (9_000, Resume)],
            Some(9_000 + WORK - 10),
        ),
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (9_000, NewProcess), (9_000, Resume), (9_500, Arm)],
            Some(9_500 + WORK),
        ),
        // What is said to the new process before it resumes tells nothing of the time before.
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (110, Intent), (8_000, Note), (9_000, Resume)],
            Some(9_000 + WORK - 10),
        ),
        // Looked into and left again, read-only and held.
        (
            "a8-log-off",
            &[(10, Arm), (100, Confirm), (110, Intent), (8_000, NewProcess), (8_000, Hold), (9_000, Resume)],
            Some(9_000 + WORK - 10),
        ),
        ("a1-snapshot", &[(60, Torn), (70, NewProcess), (70, Resume)], Some(70 + 5 * 60)),
    ];
}

#[tokio::test(start_paused = true)]
async fn patience_runs_while_the_world_is_awaited_and_at_no_other_time() {
    let (opened, at) = opened().await;
    for (step, happens, ends) in table::CASES {
        let index = opened.plan.position(step).unwrap();
        let mut events = vec![stamped(at, RunEvent::Opened(Box::new(opened.clone())))];
        events.extend(opened.plan.steps[..index].iter().map(|before| {
            stamped(at, RunEvent::Skipped { step: before.id.clone(), reason: "not tried here".into() })
        }));
        events
            .extend(happens.iter().map(|(second, does)| stamped(at + seconds(*second), event(step, *does))));
        let run = Run::recover(&events).unwrap();
        let patience = opened.plan.steps[index].patience;
        let told = run.steps[index].patience.ends(patience).map(|end| end.duration_since(at).as_secs());
        assert_eq!(told, ends, "{step} {happens:?}");
    }
}

fn stamped(wall: Timestamp, event: RunEvent) -> Stamped {
    Stamped { wall, mono_ms: 0, actor: Actor::default(), event }
}

/// The run as a new process would read it is the run.
#[track_caller]
fn reads_the_same(cockpit: &Cockpit) {
    let read = Run::recover(&cockpit.rehearsal.journal.events()).unwrap();
    assert_eq!(read, *cockpit.engine.run());
}

async fn pass(cockpit: &mut Cockpit, what: &str, span: Span) {
    let end = cockpit.clock.now() + span;
    cockpit.until(what, false, |_, now| now >= end).await;
}

fn by_hand() -> Command {
    Command::Arm { on: true, how: Safe::new("typed") }
}

fn timed_out(engine: &Engine, step: &str) -> bool {
    let run = engine.run();
    run.steps[run.plan.position(step).unwrap()].timed_out
}

/// A step that is ready waits for its person as long as it takes, through a crash and a hold.
#[tokio::test(start_paused = true)]
async fn a_person_may_take_their_time() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.turn("a5-drain").await;
    cockpit.tell(by_hand()).unwrap();
    pass(&mut cockpit, "six times its patience", minutes(30)).await;
    assert_eq!(cockpit.shown("a5-drain").state, StepState::Ready);
    reads_the_same(&cockpit);
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    pass(&mut cockpit, "four times", minutes(20)).await;
    cockpit.tell(by_hand()).unwrap();
    let offer = cockpit.offer("a5-drain").await;
    cockpit.tell(Command::Confirm(said("a5-drain", &offer))).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    let late = cockpit
        .rehearsal
        .journal
        .events()
        .into_iter()
        .any(|stamped| matches!(stamped.event, RunEvent::Failed { how: FailedHow::TimedOut, .. }));
    assert!(!late, "{}", cockpit.rehearsal.story());
}

/// A gate that stays red times out after its patience; holding, disarming and dying do not count.
#[tokio::test(start_paused = true)]
async fn a_red_gate_measures_the_world_only() {
    let gate = "a4-standby-can-take-users";
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.inject("fault = \"dc-down\"\nregion = \"secondary\"");
    cockpit.turn(gate).await;
    cockpit.tell(by_hand()).unwrap();
    pass(&mut cockpit, "ten minutes", minutes(10)).await;
    assert_eq!(cockpit.shown(gate).state, StepState::Blocked);
    cockpit.tell(Command::Arm { on: false, how: Safe::new("by the operator") }).unwrap();
    pass(&mut cockpit, "an hour disarmed", minutes(60)).await;
    cockpit.tell(by_hand()).unwrap();
    pass(&mut cockpit, "ten minutes", minutes(10)).await;
    cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a talk") }).unwrap();
    pass(&mut cockpit, "an hour held", minutes(60)).await;
    assert!(!timed_out(&cockpit.engine, gate));
    reads_the_same(&cockpit);
    // A new process after the hold, and an hour before it is told to go on.
    let mut cockpit = cockpit.recover();
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(60)).await;
    cockpit.tell(Command::Resume).unwrap();
    cockpit.tell(by_hand()).unwrap();
    let resumed = cockpit.clock.now();
    cockpit.until("its patience", false, |engine, _| timed_out(engine, gate)).await;
    let rest = cockpit.clock.now().duration_since(resumed);
    assert!((minutes(10) - rest).abs() < seconds(5), "{rest:?}");
    assert_eq!(cockpit.shown(gate).state, StepState::TimedOut);
    reads_the_same(&cockpit);
}

/// A gate past its patience is no end: it can be waited for once more, and passes once it is green.
#[tokio::test(start_paused = true)]
async fn a_gate_that_timed_out_can_be_waited_for_again_and_passed_once_green() {
    let gate = "a4-standby-can-take-users";
    for waits_again in [false, true] {
        let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
        cockpit.inject("fault = \"dc-down\"\nregion = \"secondary\"\nname = \"dc\"");
        cockpit.turn(gate).await;
        cockpit.tell(by_hand()).unwrap();
        cockpit.until("its patience", false, |engine, _| timed_out(engine, gate)).await;
        assert_eq!(cockpit.shown(gate).choices, [Choice::Retry], "that is offered besides aborting");
        if waits_again {
            cockpit
                .tell(Command::Retry { step: gate.to_owned(), item: None, by: ConfirmedBy::Person })
                .unwrap();
            assert_eq!(cockpit.shown(gate).state, StepState::Blocked);
            pass(&mut cockpit, "ten minutes", minutes(10)).await;
            assert!(!timed_out(&cockpit.engine, gate), "it has its whole patience again");
            reads_the_same(&cockpit);
        }
        cockpit.rehearsal.sim.heal("dc");
        let ready = |engine: &Engine, now| {
            let view = engine.view(now);
            view.steps.iter().any(|step| step.id == gate && step.state == StepState::Ready)
        };
        cockpit.until("green", false, ready).await;
        assert_eq!(cockpit.shown(gate).state, StepState::Ready, "{waits_again}");
    }
}

/// Nobody is awaited under `--auto`: the same gate ends the run after the same patience.
#[tokio::test(start_paused = true)]
async fn under_auto_a_red_gate_ends_the_run_after_its_patience() {
    let gate = "a4-standby-can-take-users";
    let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
    cockpit.inject("fault = \"dc-down\"\nregion = \"secondary\"");
    cockpit.turn(gate).await;
    let turned = cockpit.clock.now();
    pass(&mut cockpit, "ten minutes", minutes(10)).await;
    let mut cockpit = cockpit.recover();
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(60)).await;
    assert_eq!(cockpit.end().await, RunEnd::AbortedAsIs, "{}", cockpit.rehearsal.story());
    let took = cockpit.clock.now().duration_since(turned);
    assert!(took >= minutes(90) && took < minutes(101), "{took:?}");
}

/// A wire behind which every token is refused as not enough, while it is shut.
#[derive(Debug)]
struct Challenging {
    inner: Arc<dyn Wire>,
    shut: Arc<AtomicBool>,
}

impl Wire for Challenging {
    fn call(&self, request: Request) -> Reply<'_> {
        if !self.shut.load(Ordering::Relaxed) {
            return self.inner.call(request);
        }
        let why = "Bearer error=\"insufficient_claims\", claims=\"e30=\"";
        let answer = http::Response::builder().status(401).header("www-authenticate", why);
        Box::pin(async move { Ok(answer.body(Bytes::from_static(b"{}")).unwrap()) })
    }
}

/// Whoever cannot look does not know that anything is wrong: the run is handed to somebody who can sign
/// in, and goes on from there.
#[tokio::test(start_paused = true)]
async fn under_auto_a_lost_sign_in_ends_no_run() {
    for step in ["a4-standby-can-take-users", "a8-log-off", "a10-safe-to-open"] {
        let shut = Arc::new(AtomicBool::new(false));
        let wire = |inner| Arc::new(Challenging { inner, shut: shut.clone() }) as Arc<dyn Wire>;
        let mut cockpit = Cockpit::open(Rehearsal::through(&Setting::PLAIN, wire), Mode::Graceful).await;
        cockpit.turn(step).await;
        shut.store(true, Ordering::Relaxed);
        let from = cockpit.clock.now();
        let handed = |engine: &Engine, now: Timestamp| match Auto::default().wish(engine, now) {
            Wish::NeedsPerson(why) => why.as_str().contains("sign in again"),
            _ => false,
        };
        cockpit.until("somebody is asked", false, handed).await;
        assert!(cockpit.clock.now().duration_since(from) <= minutes(6), "{step}");
        assert!(!timed_out(&cockpit.engine, step), "{step}");
        shut.store(false, Ordering::Relaxed);
        let mut cockpit = cockpit.recover();
        cockpit.clock.sleep_until(cockpit.clock.now() + minutes(60)).await;
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{step}: {}", cockpit.rehearsal.story());
    }
}

/// A stuck session waits for a decision; what it had left of its patience is left afterwards.
#[tokio::test(start_paused = true)]
async fn a_decision_costs_no_patience() {
    let step = "a8-log-off";
    let setting = Setting { world: &[("leave_percent = 50", "leave_percent = 0")], ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit.tell(by_hand()).unwrap();
    cockpit.inject("fault = \"ghost\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    let stuck = |engine: &Engine, now: Timestamp| {
        engine.view(now).steps.iter().any(|shown| shown.id == step && shown.state == StepState::Failed)
    };
    cockpit.until("stuck", false, stuck).await;
    // Nothing is due meanwhile.
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(120)).await;
    cockpit.until("a look at the clock", false, |_, _| true).await;
    assert!(!timed_out(&cockpit.engine, step), "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.shown(step).state, StepState::Failed);
    reads_the_same(&cockpit);
    cockpit.tell(Command::Retry { step: step.to_owned(), item: None, by: ConfirmedBy::Person }).unwrap();
    cockpit.until("stuck again", false, stuck).await;
    assert!(!timed_out(&cockpit.engine, step), "{}", cockpit.rehearsal.story());
}

/// Who came while the first were logged off is asked for, however long that takes to answer.
#[tokio::test(start_paused = true)]
async fn another_confirmation_costs_no_patience() {
    let step = "a8-log-off";
    let world = &[
        ("leave_percent = 50", "leave_percent = 0"),
        ("people = 3", "people = 6"),
        ("max_sessions = 2", "max_sessions = 4"),
    ];
    let setting = Setting { world, ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit.tell(by_hand()).unwrap();
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    cockpit.inject("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
    let ready = |engine: &Engine, now: Timestamp| {
        engine.view(now).steps.iter().any(|shown| shown.id == step && shown.state == StepState::Ready)
    };
    cockpit.until("ready again", false, ready).await;
    assert_eq!(cockpit.writes_of(step).len(), 3, "nobody new is logged off unasked");
    pass(&mut cockpit, "twice its patience", minutes(45)).await;
    assert!(!timed_out(&cockpit.engine, step));
    assert!(matches!(cockpit.engine.view(cockpit.clock.now()).state, RunState::AwaitingPerson));
    reads_the_same(&cockpit);
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    cockpit.tell(by_hand()).unwrap();
    pass(&mut cockpit, "once more", minutes(25)).await;
    assert!(!timed_out(&cockpit.engine, step), "{}", cockpit.rehearsal.story());
    let offer = cockpit.offer(step).await;
    assert_eq!(offer.writes.len(), 1);
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    assert!(matches!(cockpit.step(step).mark, StepMark::Done(_)));
    assert!(cockpit.step(step).items.iter().all(|item| matches!(item.mark, ItemMark::Done(_))));
}

/// What `--auto` tries once more or waits for once more no person asked for.
#[tokio::test(start_paused = true)]
async fn the_journal_says_who_asked_for_another_try() {
    let (gate, log_off) = ("a4-standby-can-take-users", "a8-log-off");
    let asked = |cockpit: &Cockpit, step: &str| -> Vec<String> {
        let events = cockpit.rehearsal.journal.events().into_iter();
        let why = |stamped: Stamped| match stamped.event {
            RunEvent::Failed { step: of, how: FailedHow::Reissue, why, .. } if of == step => {
                Some(why.to_string())
            }
            _ => None,
        };
        events.filter_map(why).collect()
    };
    for (by, who) in [(ConfirmedBy::Person, "a person"), (ConfirmedBy::Auto, "--auto")] {
        let mut cockpit = Cockpit::open(Rehearsal::of(&Setting::PLAIN), Mode::Graceful).await;
        cockpit.inject("fault = \"dc-down\"\nregion = \"secondary\"\nname = \"dc\"");
        cockpit.turn(gate).await;
        cockpit.tell(by_hand()).unwrap();
        cockpit.until("its patience", false, |engine, _| timed_out(engine, gate)).await;
        cockpit.tell(Command::Retry { step: gate.to_owned(), item: None, by }).unwrap();
        assert_eq!(asked(&cockpit, gate), [format!("{who} asked to wait once more")]);
    }
    let setting = Setting { world: &[("leave_percent = 50", "leave_percent = 0")], ..Setting::PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn(log_off).await;
    cockpit.inject("fault = \"ghost\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
    let again = |engine: &Engine, _| {
        let items = &engine.run().steps[engine.run().plan.position(log_off).unwrap()].items;
        items.iter().any(|item| item.attempts > 1)
    };
    cockpit.until("auto has tried it again", true, again).await;
    assert_eq!(asked(&cockpit, log_off), ["--auto asked for another attempt"]);
    reads_the_same(&cockpit);
}
