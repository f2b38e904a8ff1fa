//! Home and the run view at every size people have, as text under `snapshots/`.

use crate::{
    app::{
        App, World,
        scene::{self, Weather},
        screen::Screen,
    },
    domain::{
        Safe,
        time::{minutes, seconds},
    },
    engine::{
        RunView,
        event::{Acknowledgement, GateItem, GateVerdict, HeldWhy, RunEnd},
        view::{Choice, ItemPhase, ItemView, RunState, StepState},
    },
    runbook::Mode,
    status::Component,
};

use super::{
    Glyphs,
    shots::{confirming, shot},
};

/// The least, the usual, a bit more, a wide monitor, the widest.
pub(super) const SIZES: [(u16, u16); 5] = [(60, 20), (80, 24), (100, 30), (160, 50), (220, 60)];

/// One snapshot for each size.
fn at_every_size(name: &str, app: &mut App) {
    for (w, h) in SIZES {
        insta::assert_snapshot!(format!("{name}_{w}x{h}"), shot(app, (w, h), Glyphs::Box));
    }
}

#[test]
fn home() {
    at_every_size("home_outage", &mut scene::app(World::Live, Weather::Outage));
    at_every_size("home_calm", &mut scene::app(World::Sim, Weather::Calm));
}

/// A run view at every size.
fn run_at_every_size(name: &str, view: RunView) {
    at_every_size(name, &mut scene::running(view).0);
}

/// Nothing is done yet: the first step waits to be confirmed.
pub(super) fn fresh() -> RunView {
    let mut view = scene::move_phase();
    for step in &mut view.steps {
        (step.state, step.since) = (StepState::Pending, None);
        step.items.clear();
    }
    for phase in &mut view.phases {
        phase.over = 0;
    }
    view.steps[0].state = StepState::Ready;
    (view.state, view.current, view.free_exit) = (RunState::AwaitingPerson, Some(0), true);
    view
}

/// Forty sessions do not end: three failed, one is a ghost, one waits for a person.
pub(crate) fn failing() -> RunView {
    let mut view = scene::log_off(scene::offer(2, Some("67")));
    let item = |number: usize, state, detail: &str| ItemView {
        key: format!("user{number:03}"),
        state,
        detail: Safe::new(detail),
        attempts: if state == ItemPhase::Failed { 2 } else { 1 },
        since: Some(scene::noon() - seconds(95)),
    };
    let mut items: Vec<ItemView> = (1..=62).map(|n| item(n, ItemPhase::Done, "seen")).collect();
    items.extend((63..=65).map(|n| {
        item(n, ItemPhase::Failed, "409 Conflict: the session is busy with an unsaved document, try again")
    }));
    items.push(item(66, ItemPhase::Ghost, "listed by the broker, its host is dead"));
    items.push(item(67, ItemPhase::Asking, "send it again?"));
    let step = &mut view.steps[8];
    (step.state, step.items, step.done, step.offer) = (StepState::Running, items, 62, None);
    (step.since, step.running, step.slow) = (Some(scene::noon() - seconds(460)), seconds(460), true);
    step.choices = vec![Choice::Retry, Choice::AcceptStuck, Choice::RestartHost];
    view.state = RunState::Running;
    view
}

/// Gate 1 with as many killer items as a real one has, two of them not green.
pub(crate) fn gate_red() -> RunView {
    let mut view = scene::gate();
    let killer = |id: &str, verdict, value: &str| GateItem {
        id: id.to_owned(),
        verdict,
        value: Safe::new(value),
        age_s: Some(4),
    };
    view.steps[10].proofs = vec![
        killer(
            "standby-capacity",
            GateVerdict::Red,
            "4 of 12 usable, room for 64, needed 186 at 100 percent",
        ),
        killer("standby-admits", GateVerdict::Green, "12 of 12 accept new sessions"),
        killer("directory-up", GateVerdict::Green, "2 of 2 in NE"),
        killer(
            "standby-shares",
            GateVerdict::Unknown,
            "storage: no answer in 10 s (limit 10 s), next try in 30 s",
        ),
        killer("standby-published", GateVerdict::Green, "2 of 2 groups in ws-ne"),
        killer("standby-plan-held", GateVerdict::Green, "no plan acts"),
        killer("rights-on-every-scope", GateVerdict::Green, "7 of 7 scopes"),
        killer("holders-accounted", GateVerdict::Green, "2 planned, 1 left with a reason"),
    ];
    view
}

/// An ungraceful run that owes three steps, and the region it left is back.
pub(super) fn is_back() -> RunView {
    let mut view = scene::move_phase();
    view.mode = Mode::Ungraceful;
    for index in [5, 7, 8] {
        view.steps[index].state = StepState::Deferred;
        view.debts.push(view.steps[index].id.clone());
    }
    view.debts_ready = vec![view.steps[5].id.clone()];
    (view.primary_is_back, view.current) = (true, Some(12));
    view.steps[12].state = StepState::Waiting;
    view.steps[12].since = Some(scene::noon() - minutes(3));
    view.steps[12].countdown = Some((Safe::new("stays so"), scene::noon() + seconds(42)));
    view.rto_left = Some(-minutes(4));
    view
}

/// Held by a person, in the middle of a step.
pub(super) fn held() -> RunView {
    let mut view = scene::move_phase();
    view.state = RunState::Held(HeldWhy::Person, Safe::new("the director wants to wait for the bank"));
    view
}

/// A level-3 dialog over the grant under debt.
pub(super) fn level_3() -> App {
    let mut offer = scene::offer(3, Some("NE"));
    offer.acknowledges = Some(Acknowledgement::FencedByEvidence);
    let mut view = scene::log_off(offer);
    view.mode = Mode::Ungraceful;
    confirming(view, "NE")
}

#[test]
fn run() {
    run_at_every_size("run_start", fresh());
    run_at_every_size("run_move", scene::move_phase());
    run_at_every_size("run_failing", failing());
    run_at_every_size("run_gate_red", gate_red());
    run_at_every_size("run_held", held());
    run_at_every_size("run_is_back", is_back());
}

/// A list at every size.
#[test]
fn list() {
    for (name, weather) in [("calm", Weather::Calm), ("outage", Weather::Outage)] {
        let mut app = scene::app(World::Live, weather);
        app.screen = Screen::Lists(Component::Hosts);
        at_every_size(&format!("hosts_{name}"), &mut app);
    }
}

#[test]
fn dialogs() {
    let mut two = confirming(scene::log_off(scene::offer(2, Some("67"))), "67");
    at_every_size("confirm_2", &mut two);
    at_every_size("confirm_3", &mut level_3());
}

/// Lines of a run's view.
fn run_lines(view: RunView, size: (u16, u16)) -> String {
    shot(&mut scene::running(view).0, size, Glyphs::Ascii)
}

#[test]
fn the_time_left_says_from_where_it_counts_where_no_impact_was_stated() {
    let mut view = scene::move_phase();
    let shown = run_lines(view.clone(), (80, 24));
    assert!(shown.contains("RTO 1 h 48 m left") && !shown.contains("since start"), "{shown}");
    view.impact_stated = false;
    let shown = run_lines(view.clone(), (80, 24));
    assert!(shown.contains("RTO 1 h 48 m left since start"), "{shown}");
    let shown = run_lines(view, (140, 40));
    assert!(shown.contains("RTO 1 h 48 m left from the start of the run"), "{shown}");
}

#[test]
fn an_old_proof_is_not_shown_as_ok() {
    let mut view = scene::gate();
    view.steps[10].proofs[0].age_s = Some(830);
    view.steps[10].old_proofs = vec!["no-holder-on-active".to_owned()];
    let shown = run_lines(view, (80, 24));
    assert!(shown.contains("~  no-holder-on-active 0 of 3") && shown.contains("13m old"), "{shown}");
}

#[test]
fn evidence_of_death_carries_the_age_of_its_oldest_look() {
    let mut offer = scene::offer(3, Some("NE"));
    offer.acknowledges = Some(Acknowledgement::FencedByEvidence);
    offer.before_at = Some(scene::noon() - seconds(830));
    let shown = shot(&mut confirming(scene::log_off(offer), "NE"), (100, 30), Glyphs::Ascii);
    assert!(shown.contains("oldest look 13m ago"), "{shown}");
}

#[test]
fn the_last_line_of_a_run_that_is_over_offers_what_works() {
    let mut view = scene::move_phase();
    view.state = RunState::Closed(RunEnd::Completed);
    let shown = run_lines(view, (80, 24));
    let last = shown.lines().rfind(|line| line.contains("help")).unwrap();
    assert!(last.contains("o runs") && !last.contains("confirm") && !last.contains("undo"), "{last}");
}

#[test]
fn what_cannot_be_undone_now_says_why() {
    let mut view = scene::move_phase();
    view.steps[7].no_undo = Some("users were let in on the other side");
    let shown = run_lines(view, (80, 24));
    assert!(shown.contains("a7-regrant not now: users were let in on the other side"), "{shown}");
}
