//! A step that came undone: what rests on it is judged anew, what is owed for it is owed again, and there
//! is always a way on.

use std::sync::Arc;

use farshore::{
    domain::{
        Safe, Side, Source,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Confirm, Engine, RunEvent, Stamped,
        auto::{Auto, Wish},
        event::{Acknowledgement, ConfirmedBy, GateVerdict, HeldWhy, RunEnd},
        run::StepMark,
        view::Choice,
    },
    runbook::Mode,
    runtime::clock::Clock,
    sim::{Fault, FaultKind, Region, SimOptions},
};

use super::{
    killers::colleague,
    outage::{Cockpit, said, turn},
    rehearsal::{Rehearsal, Setting},
    seats::{DISTANT, arm, dead, graceful, is_done, of, offered},
};

/// The groups of hr are assigned again by a colleague.
const REASSIGNED: &str = "fault = \"reassigned\"\nregion = \"primary\"\nservice = \"hr\"";
const SIGNED_IN: &str = "fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1";

fn owed(engine: &Engine) -> Vec<&str> {
    let run = engine.run();
    run.debts().into_iter().map(|at| run.plan.steps[at].id.as_str()).collect()
}

async fn confirm(cockpit: &mut Cockpit, step: &str) {
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
}

/// What is so already is found so, the rest is confirmed.
async fn pay(cockpit: &mut Cockpit, step: &'static str) {
    if cockpit.tell(Command::Offer { step: step.to_owned() }).is_ok() {
        let settled = |engine: &Engine, now: Timestamp| {
            let shown = engine.view(now).steps.into_iter().find(|shown| shown.id == step);
            !owed(engine).contains(&step)
                || shown.and_then(|shown| shown.offer).is_some_and(|offer| offer.green)
        };
        cockpit.until(step, false, settled).await;
        if let Some(offer) = offered(cockpit, step).filter(|_| owed(&cockpit.engine).contains(&step)) {
            cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        }
    }
    cockpit.until(step, false, |engine, _| !owed(engine).contains(&step)).await;
}

/// The primary came back, everybody was logged off, and somebody signs in before gate 2 is passed: who is
/// owed a log-off is owed it again.
#[tokio::test(start_paused = true)]
async fn what_was_paid_and_came_undone_is_owed_again() {
    let gate = "a10-safe-to-open";
    let mut cockpit = dead(&[], &[], gate).await;
    cockpit.rehearsal.sim.heal("dead");
    cockpit.pass(minutes(3)).await;
    arm(&mut cockpit);
    for step in ["a5-drain", "a3-hold-active-scaling", "a8-log-off"] {
        pay(&mut cockpit, step).await;
    }
    cockpit.turn(gate).await;
    arm(&mut cockpit);
    cockpit.inject(SIGNED_IN);
    let undone = |engine: &Engine| !matches!(of(engine, "a8-log-off").mark, StepMark::Done(_));
    cockpit.until("a8 again", false, |engine, _| undone(engine)).await;
    cockpit.pass(minutes(1)).await;
    assert_eq!(owed(&cockpit.engine), ["a8-log-off"], "{}", cockpit.rehearsal.story());
    let why = of(&cockpit.engine, gate).refused.as_ref().map(Safe::as_str);
    assert!(why.is_none_or(|why| why.starts_with("a8-log-off came undone")), "{why:?}");
    pay(&mut cockpit, "a8-log-off").await;
    cockpit.turn("a12-first-user").await;
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new(), "{}", cockpit.rehearsal.story());
}

/// Somebody signs in while the profiles are waited for: the probe that is under way saw nothing of it.
#[tokio::test(start_paused = true)]
async fn profiles_that_are_being_waited_for_are_waited_for_again() {
    let (log_off, flush) = ("a8-log-off", "a9-flush");
    let setting = Setting { world: &[("run_command = \"20s\"", "run_command = \"2m\"")], ..DISTANT };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn(flush).await;
    arm(&mut cockpit);
    confirm(&mut cockpit, flush).await;
    let flies = |engine: &Engine| of(engine, flush).items.iter().any(|item| item.mark.in_flight());
    cockpit.until("the probe", false, |engine, _| flies(engine)).await;
    cockpit.inject(SIGNED_IN);
    cockpit.until("a8 again", false, |engine, _| of(engine, log_off).mark == StepMark::Open).await;
    assert_eq!(of(&cockpit.engine, flush).mark, StepMark::Working);
    cockpit.turn("a12-first-user").await;
    let events = cockpit.rehearsal.journal.events();
    let off = events.iter().rposition(|event| is_done(event, log_off, true)).unwrap();
    let grant = events
        .iter()
        .position(|event| matches!(&event.event, RunEvent::Intent { step, .. } if step == "a11-grant"));
    let between = &events[off..grant.unwrap()];
    assert_eq!(cockpit.writes_of(flush).len(), 2);
    assert!(between.iter().any(|event| is_done(event, flush, true)), "{}", cockpit.rehearsal.story());
    for step in [flush, "a10-safe-to-open"] {
        assert!(
            between.iter().any(|event| is_done(event, step, false)),
            "{step}\n{}",
            cockpit.rehearsal.story()
        );
    }
}

/// Hosts that somebody lets take users again stand before the revoke: they are drained again.
#[tokio::test(start_paused = true)]
async fn a_drain_that_came_undone_keeps_nobody_from_revoking() {
    for (step, reassigned) in [("a7-revoke", false), ("a12-first-user", true)] {
        let mut cockpit = graceful(step).await;
        arm(&mut cockpit);
        admitted(&cockpit);
        if reassigned {
            cockpit.inject(REASSIGNED);
        }
        cockpit.until("a5 again", false, |engine, _| turn(engine) == "a5-drain").await;
        let end = cockpit.end().await;
        assert_eq!(end, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    }
}

/// A colleague lets the last host that was drained take users again.
fn admitted(cockpit: &Cockpit) {
    let sent = |stamped: Stamped| match stamped.event {
        RunEvent::Intent { step, request, .. } if step == "a5-drain" => Some(request.url),
        _ => None,
    };
    let url = cockpit.rehearsal.journal.events().into_iter().rev().find_map(sent).unwrap();
    let path = url.replace("http://127.0.0.1:1", "");
    colleague(&cockpit.rehearsal.sim, "PATCH", &path, r#"{"properties":{"allowNewSession":true}}"#);
}

/// While a run only watches its debts somebody grants the dead side again.
#[tokio::test(start_paused = true)]
async fn no_run_that_watches_ends_while_a_principal_holds_both_sides() {
    for late in [false, true] {
        let mut cockpit = dead(&[], &[], "a11-grant").await;
        assert_eq!(cockpit.end().await, RunEnd::Monitoring);
        if !late {
            cockpit.inject(REASSIGNED);
        }
        cockpit.rehearsal.sim.heal("dead");
        cockpit.pass(minutes(5)).await;
        arm(&mut cockpit);
        for step in ["a5-drain", "a7-revoke", "a3-hold-active-scaling", "a8-log-off"] {
            pay(&mut cockpit, step).await;
        }
        if late {
            cockpit.inject(REASSIGNED);
        }
        pay(&mut cockpit, "a14-stop-hosts").await;
        if late {
            cockpit.until("owed", false, |engine, _| owed(engine).contains(&"a7-revoke")).await;
            for step in ["a7-revoke", "a8-log-off"] {
                pay(&mut cockpit, step).await;
            }
        }
        let over = |engine: &Engine| engine.run().closed == Some(RunEnd::CompletedWithExceptions);
        cockpit.until("the end", false, |engine, _| over(engine)).await;
        let held = cockpit.rehearsal.sim.end_state().holders;
        assert!(held["dag1-we"].is_empty(), "{late} {held:?}\n{}", cockpit.rehearsal.story());
    }
}

/// What is skipped at the end hides nobody who is in both.
#[tokio::test(start_paused = true)]
async fn no_run_ends_by_a_skip_while_a_principal_holds_both_sides() {
    let mut cockpit = graceful("a15-dependants").await;
    arm(&mut cockpit);
    cockpit.inject(REASSIGNED);
    for step in ["a15-dependants", "a16-close"] {
        cockpit.tell(Command::Skip { step: step.to_owned(), reason: Safe::new("later") }).unwrap();
    }
    cockpit.pass(seconds(60)).await;
    assert_eq!(turn(&cockpit.engine), "a7-revoke", "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.end().await, RunEnd::CompletedWithExceptions);
    assert!(cockpit.rehearsal.sim.end_state().holders["dag1-we"].is_empty());
}

const BACK: &str = "a7-regrant";
/// A second planned group, and the first of two that is let back in.
const SECOND: &str = "disconnected = 1\n\n[[service.application_group]]\ncode = \"DAG2\"\ntype = \"RemoteApp\"\ngroup = \"GRP2\"\npeople = 1\nactive = 0\ndisconnected = 0";
const OPENED: &str = "fault = \"reassigned\"\nregion = \"secondary\"\nservice = \"hr\"";

/// One of two groups holds the side that was left again, and somebody opens the other side: a person
/// accepts that the second one is not let back, and the run goes forward from there.
#[tokio::test(start_paused = true)]
async fn a_way_back_that_is_shut_half_gone_leads_forward() {
    let setting = Setting { world: &[("disconnected = 1", SECOND)], ..DISTANT };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn("a8-log-off").await;
    let offer = cockpit.offer(BACK).await;
    assert_eq!(offer.writes.len(), 2);
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    let half = |engine: &Engine| of(engine, BACK).items.iter().any(|item| item.mark.in_flight());
    cockpit.until("half", false, |engine, _| half(engine)).await;
    cockpit.inject(OPENED);
    cockpit.pass(minutes(2)).await;
    let failed = || -> Vec<String> {
        let items = of(&cockpit.engine, BACK).items.iter().filter(|item| item.mark.failed());
        items.map(|item| item.key.clone()).collect()
    };
    let items = failed();
    assert_eq!(items.len(), 1, "{}", cockpit.rehearsal.story());
    // Asked for once more it is as before.
    arm(&mut cockpit);
    cockpit.tell(Command::Retry { step: BACK.to_owned(), item: None, by: ConfirmedBy::Person }).unwrap();
    cockpit.pass(minutes(2)).await;
    assert_eq!(cockpit.writes_of(BACK).len(), 1, "{}", cockpit.rehearsal.story());
    let accept =
        Command::AcceptStuck { step: BACK.to_owned(), items, by: ConfirmedBy::Person, latency_ms: 900 };
    cockpit.tell(accept).unwrap();
    cockpit.until("a7 again", false, |engine, _| turn(engine) == "a7-revoke").await;
    cockpit.end().await;
    let held = cockpit.rehearsal.sim.end_state().holders;
    assert!(held["dag1-we"].is_empty() && held["dag2-we"].is_empty(), "{held:?}");
}

/// Nobody but a person takes upon himself that the other side is not seen.
#[tokio::test(start_paused = true)]
async fn auto_lets_nobody_back_unseen() {
    let mut cockpit = graceful("a8-log-off").await;
    let offer = cockpit.offer(BACK).await;
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    cockpit.inject("fault = \"silent\"\nregion = \"secondary\"");
    let asks = |engine: &Engine, now: Timestamp| {
        let view = engine.view(now);
        let back = view.steps.iter().find(|shown| shown.id == BACK);
        back.and_then(|back| back.offer.as_ref()).is_some_and(|offer| offer.green && offer.level == 3)
    };
    cockpit.until("asked", false, asks).await;
    let now = cockpit.clock.now();
    let wish = Auto::default().wish(&cockpit.engine, now);
    assert!(matches!(wish, Wish::NeedsPerson(_)), "{wish:?}");
    let offer = offered(&cockpit, BACK).unwrap();
    let by_auto = Confirm { by: ConfirmedBy::Auto, ..said(BACK, &offer) };
    assert!(cockpit.tell(Command::Confirm(by_auto)).is_err());
    assert_eq!(cockpit.writes_of(BACK), []);
}

const SILENT: &str = "fault = \"silent\"\nregion = \"secondary\"";

/// The process ends while users hold neither side, and the next one never sees the other side: what the
/// first one wrote down of it counts, and a person takes the rest upon himself.
#[tokio::test(start_paused = true)]
async fn a_process_that_never_saw_the_other_side_goes_by_what_was_written_down() {
    let helpdesk = "fault = \"holder-added\"\nregion = \"secondary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e0dd\"";
    let session = "fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1";
    for (fault, says) in [
        (None, None),
        (Some(OPENED), Some("1 planned holder of NE")),
        (Some(helpdesk), Some("1 held it")),
        (Some(session), Some("0 hold it, 1 sessions")),
    ] {
        let mut cockpit = graceful("a8-log-off").await;
        if let Some(fault) = fault {
            cockpit.inject(fault);
            cockpit.tell(Command::Offer { step: BACK.to_owned() }).unwrap();
            cockpit.pass(minutes(1)).await;
        }
        cockpit.inject(SILENT);
        let mut cockpit = cockpit.recover();
        cockpit.tell(Command::Resume).unwrap();
        arm(&mut cockpit);
        cockpit.pass(minutes(1)).await;
        cockpit.tell(Command::Offer { step: BACK.to_owned() }).unwrap();
        cockpit.pass(minutes(3)).await;
        assert!(!offered(&cockpit, BACK).unwrap().green, "a hiccup is waited out");
        cockpit.pass(minutes(6)).await;
        let (offer, shown) = (offered(&cockpit, BACK).unwrap(), cockpit.shown(BACK));
        if let Some(says) = says {
            assert_eq!((offer.green, offer.acknowledges), (false, None), "{fault:?}");
            assert!(shown.blocked_by.iter().any(|why| why.as_str().contains(says)), "{:?}", shown.blocked_by);
            continue;
        }
        assert_eq!((offer.green, offer.level), (true, 3), "{:?}", shown.blocked_by);
        assert_eq!(offer.acknowledges, Some(Acknowledgement::StandbyUnseen));
        let known = offer.before_after.0.as_str();
        assert!(known.contains("by the process before: nobody holds it, 0 sessions"), "{known}");
        cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
        cockpit.until("back", false, |engine, _| turn(engine) == "a7-revoke").await;
        assert_eq!(cockpit.writes_of(BACK).len(), 1);
        assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
    }
}

/// The second machine's clock is behind: whoever was let in right after the run began is not taken for
/// somebody who was there before.
#[tokio::test(start_paused = true)]
async fn another_machines_clock_makes_no_session_older_than_the_run() {
    let session = "fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1";
    let mut cockpit = graceful("a6-tell-users").await;
    confirm(&mut cockpit, "a6-tell-users").await;
    cockpit.pass(seconds(5)).await;
    cockpit.tell(Command::ShortenNotice { reason: Safe::new("a test") }).unwrap();
    cockpit.turn("a8-log-off").await;
    cockpit.inject(session);
    let behind = cockpit.clock.now() - minutes(4);
    cockpit.rehearsal.clock = Arc::new(Clock::new(behind, 1.0));
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    arm(&mut cockpit);
    cockpit.pass(minutes(1)).await;
    cockpit.tell(Command::Offer { step: BACK.to_owned() }).unwrap();
    cockpit.pass(minutes(2)).await;
    let (offer, blocked) = (offered(&cockpit, BACK).unwrap(), cockpit.shown(BACK).blocked_by);
    assert!(!offer.green, "{offer:?}");
    assert!(
        blocked.iter().any(|why| why.as_str().contains("nobody knows when 1 of them began")),
        "{blocked:?}"
    );
}

/// What an undo at work takes back is not told as undone by somebody.
#[tokio::test(start_paused = true)]
async fn a_resume_while_going_back_doubts_nothing() {
    let setting = Setting { world: &[("disconnected = 1", SECOND)], ..DISTANT };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn("a8-log-off").await;
    confirm(&mut cockpit, BACK).await;
    let half = |engine: &Engine| of(engine, BACK).items.iter().any(|item| item.mark.over());
    cockpit.until("half", false, |engine, _| half(engine)).await;
    let mut cockpit = cockpit.recover();
    cockpit.tell(Command::Resume).unwrap();
    arm(&mut cockpit);
    cockpit.until("back", false, |engine, _| turn(engine) == "a7-revoke").await;
    let refused = |event: &Stamped| matches!(event.event, RunEvent::Refused { item: None, .. });
    let events = cockpit.rehearsal.journal.events();
    assert!(!events.iter().any(refused), "{}", cockpit.rehearsal.story());
}

/// After the end people were let back by hand, and hold one side only: nobody asks to revoke it.
#[tokio::test(start_paused = true)]
async fn who_was_let_back_by_hand_after_the_end_is_not_owed() {
    let mut cockpit = dead(&[], &[], "a11-grant").await;
    assert_eq!(cockpit.end().await, RunEnd::Monitoring);
    let granted = cockpit.rehearsal.journal.events().into_iter().find_map(|stamped| match stamped.event {
        RunEvent::Intent { step, request, .. } if step == "a11-grant" => Some(request.url),
        _ => None,
    });
    let path = granted.unwrap().replace("http://127.0.0.1:1", "");
    colleague(&cockpit.rehearsal.sim, "DELETE", &path, "");
    // The screen looks at both sides, whatever the run does.
    arm(&mut cockpit);
    cockpit.tell(Command::Offer { step: "a5-drain".to_owned() }).unwrap();
    cockpit.inject(REASSIGNED);
    look(&mut cockpit, Source::Assignments(0, Side::Secondary)).await;
    cockpit.pass(minutes(3)).await;
    assert!(!owed(&cockpit.engine).contains(&"a7-revoke"), "{:?}", owed(&cockpit.engine));
}

/// A look that a screen takes beside the run.
async fn look(cockpit: &mut Cockpit, source: Source) {
    let clock = cockpit.clock.clone();
    let seen = cockpit.rehearsal.azure().look(&source, &|| clock.now()).await;
    assert!(seen.outcome.is_ok(), "{seen:?}");
    cockpit.hear(seen);
}

/// A list that is cut off can still show a principal in both.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_not_whole_tells_of_who_is_in_both() {
    let options = SimOptions { page_size: 1, ..DISTANT.options };
    let rehearsal = Rehearsal::of(&Setting { options, ..DISTANT });
    rehearsal.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    cockpit.turn("a12-first-user").await;
    arm(&mut cockpit);
    cockpit.inject("fault = \"cut-page\"\nregion = \"primary\"\npath = \"roleassignments\"");
    cockpit.inject(REASSIGNED);
    cockpit.inject("fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e0dd\"");
    cockpit.pass(minutes(2)).await;
    let proofs = cockpit.shown("a12-first-user").proofs;
    let both = proofs.iter().find(|proof| proof.id == "nobody-in-both").unwrap();
    assert_eq!(both.verdict, GateVerdict::Red, "{both:?}");
    assert!(both.value.as_str().contains("1 principal seen in both"), "{both:?}");
}

/// What cannot even be listed on a dead side is put off by a person, who is offered it.
#[tokio::test(start_paused = true)]
async fn a_revoke_that_cannot_be_listed_on_a_dead_side_is_offered_to_be_put_off() {
    let mut cockpit = dead(&[], &[], "a7-revoke").await;
    cockpit
        .inject("fault = \"forbidden\"\nregion = \"primary\"\nmethod = \"GET\"\npath = \"/roleassignments\"");
    cockpit.pass(minutes(1)).await;
    assert!(cockpit.shown("a7-revoke").choices.contains(&Choice::Downgrade));
}

/// T+, the time left of the RTO, the clock of the step and since when its items stand are those they were,
/// whoever looks: they rest on the journal alone.
#[tokio::test(start_paused = true)]
async fn a_resumed_run_has_the_clocks_it_had() {
    let step = "a8-log-off";
    // Nobody leaves by themselves: there is more than one to log off.
    let world: &[(&str, &str)] = &[("leave_percent = 50", "leave_percent = 0")];
    let mut rehearsal = Rehearsal::of(&Setting { world, ..DISTANT });
    rehearsal.impact = Some(rehearsal.clock.now() - minutes(12));
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit.pass(minutes(2)).await;
    arm(&mut cockpit);
    confirm(&mut cockpit, step).await;
    let half = |engine: &Engine| {
        let items = &of(engine, step).items;
        items.iter().any(|item| item.mark.in_flight()) && items.iter().any(|item| item.attempts == 0)
    };
    cockpit.until("half of it", false, |engine, _| half(engine)).await;
    cockpit.clock.sleep_until(cockpit.clock.now() + seconds(7)).await;
    let clocks = |cockpit: &Cockpit| {
        let view = cockpit.engine.view(cockpit.clock.now());
        let shown = &view.steps[view.current.unwrap()];
        let items: Vec<_> = shown.items.iter().map(|item| (item.key.clone(), item.since)).collect();
        let phases: Vec<_> = view.phases.iter().map(|phase| phase.elapsed).collect();
        let run = (view.opened, view.impact, view.impact_stated, view.rto_left, view.last_at);
        (run, (shown.id.clone(), shown.since, shown.running), items, phases)
    };
    let before = clocks(&cockpit);
    assert!(
        before.0.2 && before.0.3.is_some() && before.1.0 == step && before.1.2 >= seconds(7),
        "{before:?}"
    );
    let mut cockpit = cockpit.recover();
    assert_eq!(clocks(&cockpit), before, "{}", cockpit.rehearsal.story());

    let (why, note) = (HeldWhy::Person, Safe::new("the bank first"));
    cockpit.tell(Command::Hold { why, note }).unwrap();
    cockpit.pass(minutes(3)).await;
    let (before, held) = (clocks(&cockpit), cockpit.engine.view(cockpit.clock.now()).hold);
    let mut cockpit = cockpit.recover();
    assert_eq!(clocks(&cockpit), before, "{}", cockpit.rehearsal.story());
    // Since when it is held does not begin anew either, whatever is said of it later.
    let (why, note) = (HeldWhy::Person, Safe::new("and the director"));
    cockpit.tell(Command::Hold { why, note }).unwrap();
    assert_eq!(cockpit.engine.view(cockpit.clock.now()).hold, held);
    let hold = held.unwrap();
    assert_eq!(cockpit.clock.now().duration_since(hold.since).as_secs(), 180);
    assert_eq!(hold.in_flight.len(), 1, "{hold:?}");
}
