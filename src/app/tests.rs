//! Keys in, state and effects out.

use std::sync::Arc;

use crate::{
    domain::{
        Answer, Listing, Observation, Pair, Safe, Side, Source,
        access::PrincipalId,
        estate::Principal,
        reading::{Look, Silence, SilenceKind},
        time::minutes,
    },
    engine::{
        Command, Confirm, Input, Refusal,
        event::{ConfirmedBy, HeldWhy, RunEnd},
        view::{Choice, Drift, RunState, StepState},
    },
    runbook::Mode,
    status::{Component, Scope},
};

use super::{
    Access, App, Bell, Effect, Event, Identity, Intent, LeaveReason, Moment, Motion, OthersChanges, Setup,
    Speed, TokenStatus, World,
    dialog::{Modal, Purpose},
    gesture::{Button, Hold, PASTED},
    holders::{Fate, Holders, Origin},
    scene::{self, Weather, at},
    screen::{Filter, Screen},
    start::StartFocus,
};

/// Feeds intents, each with the terminal time its key was read at.
fn press(app: &mut App, keys: &[(u64, Intent)]) -> Vec<Effect> {
    keys.iter().flat_map(|(time, intent)| app.update(Event::Intent(*intent), at(*time))).collect()
}

/// Types a word, one key every 300 ms from `from`.
fn typed(word: &str, from: u64) -> Vec<(u64, Intent)> {
    word.chars().enumerate().map(|(n, c)| (from + n as u64 * 300, Intent::Type(c))).collect()
}

fn arm(app: &mut App, from: u64) {
    press(app, &[(from, Intent::Arm)]);
    press(app, &typed("contoso-avd", from + 400));
    press(app, &[(from + 5_000, Intent::Next), (from + 6_000, Intent::Enter)]);
    assert!(app.arming.is_armed());
}

fn notice(app: &App) -> &str {
    app.notice.as_ref().map_or("", |notice| notice.text.as_str())
}

#[test]
fn the_cockpit_starts_read_only_and_arms_by_its_name_only() {
    let check = |word: &str, end: &[(u64, Intent)], armed: bool| {
        let mut app = scene::app(World::Sim, Weather::Calm);
        assert_eq!(app.badge(), "SIM RO");
        let effects = press(&mut app, &[(1_000, Intent::Arm)]);
        assert!(matches!(effects.as_slice(), [Effect::Poll(Source::AccessChanges)]));
        press(&mut app, &typed(word, 1_400));
        press(&mut app, end);
        assert_eq!(app.arming.is_armed(), armed, "{word} {end:?}");
    };
    let (tab, enter) = (Intent::Next, Intent::Enter);
    check("contoso-avd", &[(8_000, tab), (9_000, enter)], true);
    check("contoso-avd", &[(9_000, enter)], false);
    check("contoso-av", &[(8_000, tab), (9_000, enter)], false);
    check("", &[(8_000, tab), (9_000, enter)], false);
    check("contoso-avd", &[(8_000, tab), (8_050, enter)], false);
    check("contoso-avd", &[(8_000, tab), (9_000, Intent::Escape)], false);
}

#[test]
fn read_only_and_recordings_cannot_be_armed_and_say_why() {
    let check = |world: World, access: Access, said: &str| {
        let setup = Setup {
            world,
            access,
            endpoint: None,
            estate: std::sync::Arc::new(scene::estate()),
            identity: Identity::default(),
            token: TokenStatus::NotNeeded,
            speed: Speed::Times(1.0),
            runbooks: Vec::new(),
            bell: Bell::default(),
        };
        let mut app = App::new(setup, at(0));
        let effects = press(&mut app, &[(1_000, Intent::Arm)]);
        assert!(effects.is_empty() && app.modals.is_empty());
        assert!(notice(&app).contains(said), "{}", notice(&app));
        // Nor does it open a run that nothing could ever be confirmed in.
        let effects = press(&mut app, &[(2_000, Intent::Start)]);
        assert!(effects.is_empty() && app.modals.is_empty());
        assert!(notice(&app).contains(said), "{}", notice(&app));
    };
    check(World::Sim, Access::ReadOnly, "--read-only");
    check(World::Replay(crate::app::Recorded::Sim), Access::MayArm, "recording");
}

#[test]
fn whom_the_token_is_for_and_why_there_is_no_newer_one_are_told_once() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let identity = Identity { name: Safe::new("op.02@contoso.example"), oid: Safe::new("o-2") };
    let token = |trouble: Option<&str>| Event::Token {
        status: TokenStatus::Until { terminal_ms: 600_000, trouble: trouble.map(Safe::new), sealed: true },
        identity: Some(identity.clone()),
    };
    let lines = |app: &App| app.feed.newest().take(3).map(|line| line.text.clone()).collect::<Vec<_>>();
    app.update(token(None), at(1_000));
    assert_eq!((&app.identity, app.token_left()), (&identity, Some(599_000)));
    assert_eq!(lines(&app)[0], "acts as op.02@contoso.example");
    let told = app.feed.count();
    app.update(token(None), at(2_000));
    assert_eq!(app.feed.count(), told);
    let why = "no token from az login: signed out";
    for time in [3_000, 4_000] {
        app.update(token(Some(why)), at(time));
        assert_eq!((notice(&app), app.feed.count()), (why, told + 1));
        assert_eq!(lines(&app)[0], why);
    }
    app.update(token(None), at(5_000));
    assert_eq!(lines(&app)[0], "a new token came");
}

#[test]
fn that_nothing_keeps_the_token_any_more_is_told_once() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let told = |app: &App| {
        app.feed.newest().filter(|line| line.text.contains("the token is not kept any more")).count()
    };
    for (sealed, count) in [(true, 0), (false, 1), (false, 1), (true, 1), (false, 2)] {
        let status = TokenStatus::Until { terminal_ms: 600_000, trouble: None, sealed };
        app.update(Event::Token { status, identity: None }, at(0));
        assert_eq!(told(&app), count, "{sealed}");
    }
}

#[test]
fn what_the_person_here_changed_is_no_change_by_others() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let others = |app: &App| match app.others_changes() {
        OthersChanges::Known(changes, None) => {
            changes.iter().map(|change| format!("{} {}", change.caller, change.oid)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let log =
        [("OP.02@contoso.example", ""), ("live#op", "O-2"), ("o-2", ""), ("colleague", "o-3"), ("", "")];
    app.update(Event::Observed(scene::changes_by(&log)), at(0));
    let token = |identity: Option<Identity>| Event::Token { status: TokenStatus::Opaque, identity };
    app.update(token(Some(Identity { name: Safe::new("opaque"), oid: Safe::default() })), at(0));
    assert_eq!(others(&app).len(), 5, "nobody knows who acts here");
    let op = Identity { name: Safe::new("op.02@contoso.example"), oid: Safe::new("o-2") };
    app.update(token(Some(op)), at(0));
    assert_eq!(others(&app), ["colleague o-3", " "]);
    app.update(token(None), at(0));
    assert_eq!(others(&app).len(), 2, "it stays known");
}

#[test]
fn arming_ends_by_itself_and_tells_the_run() {
    let (mut app, view, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
    arm(&mut app, 1_000);
    let minute = 60_000;
    let mut bells = 0;
    for n in 1..=16 {
        bells += app.update(Event::Tick, at(n * minute)).iter().filter(|e| matches!(e, Effect::Bell)).count();
    }
    assert!(!app.arming.is_armed());
    assert_eq!(bells, 3, "two warnings and the end");
    assert!(matches!(script.lock().unwrap().told.last(), Some(Command::Arm { on: false, .. })));
    // While the run works the idle clock stands still, to the end of the hour.
    view.lock().unwrap().state = RunState::Running;
    app.update(Event::Tick, at(17 * minute));
    arm(&mut app, 17 * minute);
    for n in 18..=76 {
        app.update(Event::Tick, at(n * minute));
    }
    assert!(app.arming.is_armed());
    app.update(Event::Tick, at(78 * minute));
    assert!(!app.arming.is_armed());
}

fn opened(level: u8, asked: Option<&str>) -> (App, std::sync::Arc<std::sync::Mutex<scene::Script>>) {
    let (mut app, _, script) = scene::running(scene::log_off(scene::offer(level, asked)));
    arm(&mut app, 1_000);
    press(&mut app, &[(20_000, Intent::Enter)]);
    assert!(matches!(app.modals.last(), Some(Modal::Confirm(_))));
    (app, script)
}

fn confirms(script: &std::sync::Mutex<scene::Script>) -> Vec<Confirm> {
    let told = &script.lock().unwrap().told;
    told.iter()
        .filter_map(|command| match command {
            Command::Confirm(confirm) => Some(confirm.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_confirmation_carries_what_was_shown() {
    let (mut app, script) = opened(2, Some("67"));
    press(&mut app, &typed("67", 20_400));
    press(&mut app, &[(21_500, Intent::Next), (22_000, Intent::Enter)]);
    let confirmed = confirms(&script);
    let expected = Confirm {
        step: "a8-logoff".to_owned(),
        offer: "5f2cabcdef0123456789abcdefe1".to_owned(),
        typed: Some(Safe::new("67")),
        by: ConfirmedBy::Person,
        latency_ms: 2_000,
        acknowledges: None,
    };
    assert_eq!(confirmed, [expected]);
    assert!(app.modals.is_empty());
}

#[test]
fn wrong_keys_repeats_pastes_and_early_keys_confirm_nothing() {
    let storms: Vec<(&str, Vec<(u64, Intent)>)> = vec![
        ("enter repeated", (0..300).map(|n| (20_001 + n * 33, Intent::Enter)).collect()),
        ("y repeated", (0..300).map(|n| (20_001 + n * 33, Intent::Copy)).collect()),
        ("tab and enter before the guard", vec![(20_050, Intent::Next), (20_280, Intent::Enter)]),
        (
            "a paste without brackets",
            "67\t\r\r\r67\t\r"
                .chars()
                .enumerate()
                .map(|(n, c)| {
                    let intent = match c {
                        '\t' => Intent::Next,
                        '\r' => Intent::Enter,
                        c => Intent::Type(c),
                    };
                    (20_400 + n as u64, intent)
                })
                .collect(),
        ),
    ];
    for level in 1..=3 {
        let asked = (level > 1).then_some("67");
        for (name, keys) in &storms {
            let (mut app, script) = opened(level, asked);
            press(&mut app, keys);
            assert_eq!(confirms(&script), [], "{name} at level {level}");
        }
        let (mut app, script) = opened(level, asked);
        let effects = app.update(Event::PasteDiscarded, at(21_000));
        assert!(effects.is_empty() && confirms(&script).is_empty());
        assert!(notice(&app).contains("paste"));
    }
}

/// The key that asks for an abort, pressed again and again, aborts nothing and closes nothing; it leads to the
/// button, and a reason is asked for all the same.
#[test]
fn the_key_that_aborts_pressed_again_leads_to_the_button_and_no_further() {
    let (mut app, _, script) = scene::running(scene::move_phase());
    press(&mut app, &[(1_000, Intent::Pane(2))]);
    let told = script.lock().unwrap().told.len();
    let storm: Vec<(u64, Intent)> = (0..40).map(|n| (2_000 + n * 150, Intent::Interrupt)).collect();
    press(&mut app, &storm);
    let Some(Modal::Ask(dialog)) = app.modals.last() else { panic!("{:?}", app.modals) };
    assert_eq!((&dialog.purpose, dialog.button), (&Purpose::Abort, Button::Act));
    press(&mut app, &[(10_000, Intent::Enter)]);
    assert_eq!((app.modals.len(), script.lock().unwrap().told.len()), (1, told), "a reason is needed");
    press(&mut app, &typed("enough", 11_000));
    press(&mut app, &[(14_000, Intent::Enter)]);
    let aborts = |told: &Command| matches!(told, Command::Abort { .. });
    assert!(app.modals.is_empty() && script.lock().unwrap().told.iter().any(aborts));
}

/// Where typing is what counts, letters that come at once do not; a few of them are what a person typed while
/// the line stood still.
#[test]
fn more_letters_at_once_than_anybody_types_ahead_do_not_count_in_a_code() {
    let presses = |from: u64| [(from, Intent::Next), (from + 1_000, Intent::Enter)];
    let letters = |word: &str, gap: u64| -> Vec<(u64, Intent)> {
        let at = |(n, c)| (20_500 + n as u64 * gap, Intent::Type(c));
        word.chars().enumerate().map(at).collect()
    };
    for (gap, pasted) in [(0, true), (9, true), (10, false)] {
        let mut app = scene::app(World::Live, Weather::Calm);
        press(&mut app, &[(20_000, Intent::Arm)]);
        press(&mut app, &letters("contoso-avd", gap));
        let Some(Modal::Arm(dialog)) = app.modals.last() else { panic!() };
        assert_eq!(dialog.typed.text().is_empty(), pasted, "{gap}");
        assert_eq!(dialog.remark.as_deref() == Some(PASTED), pasted, "{gap}");
        press(&mut app, &presses(22_000));
        assert_eq!(app.arming.is_armed(), !pasted, "{gap}");
        for (code, pasted) in [("10178", pasted), ("178", false)] {
            let (mut app, script) = opened(2, Some(code));
            press(&mut app, &letters(code, gap));
            press(&mut app, &presses(22_000));
            assert_eq!(confirms(&script).is_empty(), pasted, "{code} {gap}");
        }
    }
}

#[test]
fn keys_read_before_the_dialog_opened_do_not_count() {
    let (mut app, script) = opened(1, None);
    // The loop was busy: these were read before Enter opened the dialog at 20 s.
    press(&mut app, &[(19_000, Intent::Next), (19_900, Intent::Enter)]);
    assert_eq!(confirms(&script), []);
    assert!(matches!(app.modals.last(), Some(Modal::Confirm(dialog)) if dialog.button == Button::Cancel));
}

#[test]
fn arming_lies_over_the_confirmation_and_leaves_it_as_it_was() {
    let (mut app, _, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
    press(&mut app, &[(1_000, Intent::Enter)]);
    assert!(matches!(app.modals.as_slice(), [Modal::Confirm(_), Modal::Arm(_)]));
    press(&mut app, &[(2_000, Intent::Escape)]);
    press(&mut app, &typed("67", 2_500));
    script.lock().unwrap().refuse = Some(Refusal::NotArmed("a8-logoff".to_owned()));
    press(&mut app, &[(4_000, Intent::Next), (5_000, Intent::Enter)]);
    assert!(matches!(app.modals.as_slice(), [Modal::Confirm(_), Modal::Arm(_)]));
    press(&mut app, &typed("contoso-avd", 6_000));
    press(&mut app, &[(12_000, Intent::Next), (13_000, Intent::Enter)]);
    let [Modal::Confirm(dialog)] = app.modals.as_slice() else { panic!("{:?}", app.modals) };
    assert_eq!((dialog.typed.text(), dialog.button), ("67", Button::Act));
    assert!(matches!(script.lock().unwrap().told.last(), Some(Command::Arm { on: true, .. })));
}

/// Nobody resumes a held run: they press the key that holds it, and the engine knows no keys.
#[test]
fn a_confirmation_that_meets_a_held_run_names_the_key_that_goes_on() {
    let held = RunState::Held(HeldWhy::Person, Safe::new("a talk"));
    for (refusal, interrupted, said) in [
        (Refusal::Held, false, "nothing is confirmed now: the run is held, h goes on"),
        (Refusal::Interrupted, true, "nothing is confirmed now: the run is interrupted, h goes on"),
    ] {
        let (mut app, view, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
        arm(&mut app, 1_000);
        press(&mut app, &[(20_000, Intent::Enter)]);
        press(&mut app, &typed("67", 20_400));
        assert!(!refusal.to_string().contains("resume"), "{refusal}");
        script.lock().unwrap().refuse = Some(refusal);
        {
            let mut view = view.lock().unwrap();
            (view.state, view.interrupted) = (held.clone(), interrupted);
        }
        press(&mut app, &[(24_000, Intent::Next), (25_000, Intent::Enter)]);
        let Some(Modal::Confirm(dialog)) = app.modals.last() else { panic!("{:?}", app.modals) };
        assert_eq!(dialog.remark.as_deref(), Some(said));
    }
}

/// A cursor on a debt goes to the next that can be paid once that is settled, and stays where it is else.
#[test]
fn the_cursor_goes_from_a_paid_debt_to_the_next() {
    for ((paid, ready, place), turn) in [(true, Some(7), 7), (true, None, 5), (false, Some(7), 5)]
        .into_iter()
        .flat_map(|case| [(case, None), (case, Some(9))])
    {
        let mut owing = scene::move_phase();
        for index in [5, 7] {
            owing.steps[index].state = StepState::Deferred;
            owing.debts.push(owing.steps[index].id.clone());
        }
        owing.debts_ready = vec![owing.steps[5].id.clone()];
        (owing.current, owing.watches) = (turn, true);
        if turn.is_none() {
            owing.state = RunState::Closed(RunEnd::CompletedWithExceptions);
        }
        let (mut app, view, _) = scene::running(owing);
        let mut cursor = super::screen::Cursor::default();
        cursor.put(5);
        app.step = super::screen::StepCursor::At(cursor);
        {
            let mut view = view.lock().unwrap();
            if paid {
                view.debts.remove(0);
                view.steps[5].state = StepState::Done;
            }
            view.debts_ready = ready.iter().map(|at: &usize| view.steps[*at].id.clone()).collect();
        }
        app.update(Event::Tick, at(500));
        assert_eq!(app.step_place(), Some(place), "{paid} {ready:?} {turn:?}");
    }
}

/// What was taken back comes again, and something before it may come first: the cursor goes where the turn is.
#[test]
fn the_cursor_goes_from_an_undone_step_to_the_one_in_turn() {
    for (over, own, place) in [(true, true, 3), (true, false, 5), (false, true, 5)] {
        let mut undoing = scene::move_phase();
        undoing.steps[5].undo = own.then(|| undoing.steps[6].id.clone());
        (undoing.steps[6].is_undo, undoing.steps[6].state) = (true, StepState::Running);
        undoing.current = Some(3);
        let (mut app, view, _) = scene::running(undoing);
        let mut cursor = super::screen::Cursor::default();
        cursor.put(5);
        app.step = super::screen::StepCursor::At(cursor);
        if over {
            view.lock().unwrap().steps[6].state = StepState::Done;
        }
        app.update(Event::Tick, at(500));
        assert_eq!(app.step_place(), Some(place), "{over} {own}");
    }
}

/// Why a step is blocked stands on the screen: that it is at work would say less.
#[test]
fn a_blocked_step_that_is_not_offered_says_what_blocks_it() {
    for (blocked, said) in [
        (&["3 users are warned first"][..], "a8-logoff is blocked: 3 users are warned first"),
        (&["WE sessions: not allowed (403)"], "a8-logoff is blocked: WE sessions: not allowed (403)"),
        (&["WE hosts: last answer 12m ago"], "a8-logoff is blocked: WE hosts: last answer 12m ago"),
        (
            &["GRP1 would hold both regions", "gate 2 is red"],
            "a8-logoff is blocked: GRP1 would hold both regions; gate 2 is red",
        ),
        (&[], "could not do that to a8-logoff: it is running"),
    ] {
        let (mut app, view, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
        {
            let shown = &mut view.lock().unwrap().steps[8];
            (shown.state, shown.offer) = (StepState::Blocked, None);
            shown.blocked_by = blocked.iter().map(|why| Safe::new(why)).collect();
            shown.items.clear();
        }
        app.update(Event::Tick, at(500));
        script.lock().unwrap().refuse =
            Some(Refusal::WrongState { step: "a8-logoff".to_owned(), state: "running" });
        press(&mut app, &[(1_000, Intent::Enter)]);
        assert_eq!(app.notice.as_ref().map(|notice| notice.text.as_str()), Some(said));
        assert!(app.modals.is_empty());
    }
}

#[test]
fn a_changed_list_is_shown_again_and_a_step_that_moved_on_closes_its_dialog() {
    let (mut app, view, _) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
    arm(&mut app, 1_000);
    press(&mut app, &[(20_000, Intent::Enter)]);
    press(&mut app, &typed("67", 20_400));
    view.lock().unwrap().steps[8].offer.as_mut().unwrap().hash = "other".to_owned();
    app.update(Event::Tick, at(21_000));
    let Some(Modal::Confirm(dialog)) = app.modals.last() else { panic!("closed") };
    assert_eq!(dialog.typed.text(), "");
    assert!(dialog.remark.as_deref().unwrap_or_default().contains("changed"));
    {
        let mut view = view.lock().unwrap();
        view.steps[8].offer = None;
        view.steps[8].state = StepState::Done;
    }
    app.update(Event::Tick, at(22_000));
    assert!(app.modals.is_empty());
}

#[test]
fn a_list_that_changes_a_little_keeps_what_was_typed_and_is_confirmed_as_it_was_shown() {
    let (mut app, view, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
    arm(&mut app, 1_000);
    press(&mut app, &[(20_000, Intent::Enter)]);
    press(&mut app, &typed("6", 20_400));
    for (time, drift) in [(20_500, (66, 0)), (20_600, (66, 1)), (20_700, (65, 6))] {
        let drift = Drift { left: drift.0, shown: 67, new: drift.1 };
        view.lock().unwrap().steps[8].offer.as_mut().unwrap().drift = Some(drift);
        app.update(Event::Tick, at(time));
        let Some(Modal::Confirm(dialog)) = app.modals.last() else { panic!("closed") };
        assert_eq!((dialog.typed.text(), dialog.remark.as_deref()), ("6", None));
        assert_eq!(dialog.offer.as_ref().and_then(|offer| offer.drift), Some(drift));
    }
    press(&mut app, &[(20_900, Intent::Type('7')), (21_500, Intent::Next)]);
    // A precondition that cannot be read for a moment holds the button, and voids nothing.
    let green = |green| view.lock().unwrap().steps[8].offer.as_mut().unwrap().green = green;
    green(false);
    app.update(Event::Tick, at(21_600));
    press(&mut app, &[(22_000, Intent::Enter)]);
    assert_eq!(confirms(&script), []);
    green(true);
    app.update(Event::Tick, at(22_100));
    press(&mut app, &[(22_500, Intent::Enter)]);
    let told = confirms(&script);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].offer.as_str(), told[0].latency_ms), ("5f2cabcdef0123456789abcdefe1", 2_500));
    assert!(app.modals.is_empty());
}

#[test]
fn enter_goes_on_with_a_run_that_is_interrupted_or_held() {
    let held = RunState::Held(HeldWhy::HangUp, Safe::new("the terminal went away"));
    let watching = RunState::Closed(RunEnd::Monitoring);
    for (interrupted, state) in [(true, RunState::AwaitingPerson), (false, held), (true, watching)] {
        let (mut app, view, script) = scene::running(scene::move_phase());
        {
            let mut view = view.lock().unwrap();
            view.watches = matches!(state, RunState::Closed(_));
            (view.interrupted, view.state) = (interrupted, state);
        }
        app.update(Event::Tick, at(500));
        press(&mut app, &[(1_000, Intent::Enter)]);
        let asks = |app: &App| matches!(app.modals.last(), Some(Modal::Ask(dialog)) if dialog.purpose == Purpose::Resume);
        assert!(asks(&app), "{interrupted}: {:?}", app.modals);
        // Cancel has the focus: one key alone does not go on.
        press(&mut app, &[(2_000, Intent::Enter)]);
        assert!(app.modals.is_empty() && !script.lock().unwrap().told.contains(&Command::Resume));
        app.go_on();
        assert!(asks(&app));
    }
    let (mut app, ..) = scene::running(scene::move_phase());
    app.go_on();
    assert!(app.modals.is_empty(), "it is going on already");
}

/// What a run owes is paid in the run that owes it, though it has ended.
#[test]
fn enter_on_a_debt_that_is_ready_opens_its_dialog_and_nothing_else_can_be_done() {
    for ready in [true, false] {
        let (mut app, view, script) = scene::running(scene::move_phase());
        let owed = {
            let mut view = view.lock().unwrap();
            view.state = RunState::Closed(RunEnd::Monitoring);
            view.watches = true;
            view.current = None;
            view.steps[0].state = StepState::Deferred;
            let owed = view.steps[0].id.clone();
            view.debts = vec![owed.clone()];
            view.debts_ready = if ready { vec![owed.clone()] } else { Vec::new() };
            owed
        };
        app.update(Event::Tick, at(500));
        press(&mut app, &[(1_000, Intent::Move(Motion::First)), (2_000, Intent::Enter)]);
        let offered = script.lock().unwrap().told.contains(&Command::Offer { step: owed });
        assert_eq!(offered, ready, "{:?}", app.notice);
        app.update(Event::Tick, at(3_000));
        let waits = matches!(app.modals.first(), Some(Modal::Confirm(_)));
        assert_eq!(waits, ready, "the dialog waits for its list: {:?}", app.notice);
    }
}

#[test]
fn what_was_typed_is_taken_back_one_by_one_or_at_once() {
    let check = |intent: Intent, left: &str| {
        let (mut app, _) = opened(2, Some("67"));
        press(&mut app, &typed("123", 20_400));
        press(&mut app, &[(22_000, intent)]);
        let Some(Modal::Confirm(dialog)) = app.modals.last() else { panic!("closed") };
        assert_eq!(dialog.typed.text(), left);
    };
    check(Intent::Erase, "12");
    check(Intent::EraseAll, "");
}

#[test]
fn a_dialog_that_closes_lets_its_list_go() {
    let check = |keys: &[(u64, Intent)], withdraws: bool| {
        let (mut app, script) = opened(1, None);
        press(&mut app, keys);
        assert!(app.modals.is_empty(), "{keys:?}");
        let withdrawn = Command::Withdraw { step: "a8-logoff".to_owned() };
        assert_eq!(script.lock().unwrap().told.contains(&withdrawn), withdraws, "{keys:?}");
    };
    check(&[(21_000, Intent::Escape)], true);
    check(&[(21_000, Intent::Enter)], true);
    check(&[(21_000, Intent::Next), (22_000, Intent::Enter)], false);
}

#[test]
fn what_could_lead_to_a_write_never_hangs_on_one_key() {
    let all = [
        Intent::Undo,
        Intent::Skip,
        Intent::Downgrade,
        Intent::Retry,
        Intent::ShortenNotice,
        Intent::AcceptStuck,
        Intent::RestartHost,
        Intent::Start,
        Intent::Arm,
        Intent::Enter,
        Intent::Interrupt,
        Intent::Refresh,
        Intent::Note,
    ];
    for intent in all {
        let mut view = scene::log_off(scene::offer(1, None));
        view.steps[8].choices = vec![
            Choice::Retry,
            Choice::Downgrade,
            Choice::Skip,
            Choice::RestartHost,
            Choice::AcceptStuck,
            Choice::ShortenNotice,
            Choice::Undo,
        ];
        view.steps[8].undo = Some("a8-undo".to_owned());
        let (mut app, _, script) = scene::running(view);
        arm(&mut app, 1_000);
        let keys: Vec<(u64, Intent)> = (0..50).map(|n| (20_000 + n * 1_000, intent)).collect();
        press(&mut app, &keys);
        let told = &script.lock().unwrap().told;
        let harmless = told.iter().all(|command| {
            matches!(command, Command::Arm { .. } | Command::Offer { .. } | Command::Withdraw { .. })
        });
        assert!(harmless, "{intent:?}: {told:?}");
    }
}

/// Every key of the table, twice in a row, on every screen over an armed run that offers a write: none of them
/// leads past a dialog.
#[test]
fn no_key_pressed_twice_writes_on_any_screen() {
    use super::keys::BINDINGS;
    let lists = Component::ALL.into_iter().map(Screen::Lists);
    let others = [
        Screen::Home,
        Screen::Run,
        Screen::Detail(Component::Hosts),
        Screen::Runs,
        Screen::Events,
        Screen::Journal,
        Screen::Readiness,
        Screen::Vantage,
    ];
    let mut intents: Vec<Intent> = Vec::new();
    for binding in BINDINGS {
        if !intents.contains(&binding.intent) {
            intents.push(binding.intent);
        }
    }
    let mut pressed = 0;
    for screen in lists.chain(others) {
        for &intent in &intents {
            let (mut app, script) = asked_for();
            match screen {
                Screen::Detail(component) => {
                    app.screen = Screen::Lists(component);
                    press(&mut app, &[(19_000, Intent::Enter)]);
                }
                screen => app.screen = screen,
            }
            assert!(app.arming.is_armed() && app.screen == screen);
            let before = script.lock().unwrap().told.len();
            let effects = press(&mut app, &[(20_000, intent), (21_500, intent)]);
            let told = script.lock().unwrap().told.split_off(before);
            // To hold is to write nothing: one key does it.
            let harmless = |command: &Command| {
                use Command::{Arm, Hold, Offer, Withdraw};
                matches!(command, Arm { .. } | Hold { .. } | Offer { .. } | Withdraw { .. })
            };
            assert!(told.iter().all(harmless), "{screen:?} {intent:?}: {told:?}");
            let starts = |effect: &Effect| matches!(effect, Effect::StartRun(_));
            assert!(!effects.iter().any(starts), "{screen:?} {intent:?}: {effects:?}");
            pressed += 1;
        }
    }
    assert!(pressed > 500, "{pressed}");
}

/// `age>5m` is the example of the help: every list understands it.
#[test]
fn every_list_can_be_filtered_by_age() {
    use super::{feed::FeedLine, journal, query::Query, ready, table::Kind};
    for columns in [FeedLine::COLUMNS, journal::Pane::COLUMNS, ready::COLUMNS] {
        assert!(Query::parse("age>5m", columns).is_ok());
    }
    let counted = |app: &mut App, filter: &str| {
        app.filter = Filter::Off;
        let keys = [vec![Intent::Filter], filter.chars().map(Intent::Type).collect(), vec![Intent::Enter]];
        let from = app.moment.terminal;
        for (count, intent) in keys.concat().into_iter().enumerate() {
            let terminal = from + 300 * (count as u64 + 1);
            app.update(Event::Intent(intent), Moment { now: app.now(), terminal });
        }
        assert_eq!(app.query().map(|query| query.is_empty()), Ok(filter.is_empty()), "{filter}");
        app.settle();
        let sides = &app.lists().unwrap().sides;
        [Side::Primary, Side::Secondary].map(|side| {
            let head = &sides[side];
            (head.shown, head.unknown, head.total)
        })
    };
    for component in Component::ALL {
        let mut app = scene::app(World::Live, Weather::Outage);
        app.screen = Screen::Lists(component);
        let columns = app.columns().unwrap();
        if columns.iter().any(|column| column.kind == Kind::Age) {
            // Its own ages, known or not, and in the middle of nothing.
            let (older, younger) = (counted(&mut app, "age>5m"), counted(&mut app, "age<=5m"));
            for (older, younger) in older.iter().zip(younger) {
                assert!(older.0 + younger.0 + older.1 >= older.2, "{component:?}: {older:?} {younger:?}");
            }
            continue;
        }
        let all = |(shown, unknown, total)| (shown, unknown) == (total, 0);
        let none = |(shown, unknown, _)| (shown, unknown) == (0, 0);
        assert!(counted(&mut app, "age>5m").into_iter().all(none), "{component:?}");
        assert!(counted(&mut app, "age<=5m").into_iter().all(all), "{component:?}");
        let later = Moment { now: scene::noon() + minutes(10), terminal: 600_000 };
        app.update(Event::Tick, later);
        assert!(counted(&mut app, "age>5m").into_iter().all(all), "{component:?} 10 min later");
        assert!(counted(&mut app, "age<=5m").into_iter().all(none), "{component:?} 10 min later");
    }
}

/// On home a filter is one over the list under the cursor.
#[test]
fn a_filter_on_home_opens_the_list_under_the_cursor_and_filters_it() {
    let mut app = scene::app(World::Live, Weather::Calm);
    for (place, component) in app.summary.rows.iter().map(|row| row.component).enumerate().collect::<Vec<_>>()
    {
        app.home.put(place);
        let from = app.moment.terminal;
        press(&mut app, &[(from + 1_000, Intent::Filter)]);
        assert_eq!(app.screen, Screen::Lists(component));
        assert!(matches!(app.filter, Filter::Typing(_)), "{component:?}");
        press(&mut app, &[(from + 2_000, Intent::Type('a')), (from + 2_300, Intent::Enter)]);
        assert_eq!(app.filter.text(), "a");
        press(&mut app, &[(from + 3_000, Intent::Back)]);
        assert_eq!((app.screen, app.home.place(99)), (Screen::Home, place));
    }
}

#[test]
fn leaving_an_open_run_holds_it_first() {
    let (mut app, _, script) = scene::running(scene::move_phase());
    press(&mut app, &[(1_000, Intent::Back), (2_000, Intent::Back)]);
    assert!(matches!(app.modals.last(), Some(Modal::Leave(_))));
    let effects = press(&mut app, &[(3_000, Intent::Next), (4_000, Intent::Enter)]);
    assert!(matches!(effects.last(), Some(Effect::Leave(LeaveReason::Person))));
    let told = script.lock().unwrap().told.clone();
    assert!(matches!(told.last(), Some(Command::Hold { why: HeldWhy::Person, .. })), "{told:?}");

    let (mut app, _, script) = scene::running(scene::move_phase());
    let effects = app.update(Event::Leaving(LeaveReason::Hangup), at(1_000));
    assert!(matches!(effects.last(), Some(Effect::Leave(LeaveReason::Hangup))));
    assert!(matches!(script.lock().unwrap().told.last(), Some(Command::Hold { why: HeldWhy::HangUp, .. })));
}

#[test]
fn without_a_run_leaving_takes_the_same_key_twice_within_two_seconds() {
    let check = |keys: &[(u64, Intent)], leaves: bool| {
        let mut app = scene::app(World::Sim, Weather::Calm);
        let left = press(&mut app, keys).iter().any(|effect| matches!(effect, Effect::Leave(_)));
        assert_eq!(left, leaves, "{keys:?}");
    };
    check(&[(1_000, Intent::Back)], false);
    check(&[(1_000, Intent::Back), (1_500, Intent::Back)], true);
    check(&[(1_000, Intent::Interrupt), (2_900, Intent::Interrupt)], true);
    check(&[(1_000, Intent::Back), (3_100, Intent::Back)], false);
    check(&[(1_000, Intent::Back), (1_200, Intent::Help), (1_400, Intent::Back)], false);
}

#[test]
fn the_start_dialog_wants_a_reason_and_a_word_on_every_unplanned_holder() {
    let mut app = scene::app(World::Sim, Weather::Calm);
    press(&mut app, &[(1_000, Intent::Start)]);
    let focus = |app: &App| match app.modals.last() {
        Some(Modal::Start(dialog)) => (dialog.focus, dialog.remark.clone().unwrap_or_default()),
        _ => panic!("no start dialog"),
    };
    let mut time = 2_000;
    let mut to_button = |app: &mut App| {
        let mut effects = Vec::new();
        while focus(app).0 != StartFocus::Button(Button::Act) {
            time += 300;
            press(app, &[(time, Intent::Next)]);
        }
        time += 300;
        effects.extend(press(app, &[(time, Intent::Enter)]));
        time += 300;
        press(app, &[(time, Intent::Next)]);
        (effects, time)
    };
    let (effects, _) = to_button(&mut app);
    assert!(effects.is_empty());
    press(&mut app, &[(60_000, Intent::Next), (60_300, Intent::Next), (60_600, Intent::Next)]);
    assert_eq!(focus(&app).0, StartFocus::Reason);
    press(&mut app, &typed("drill", 61_000));
    let Some(Modal::Start(dialog)) = app.modals.last_mut() else { panic!() };
    let Holders::Known(holders) = &mut dialog.holders else { panic!() };
    assert_eq!(holders.len(), 1, "the helpdesk group");
    let order = dialog.order_run(&app.estate, &app.picture, scene::at(0));
    assert!(order.unwrap_err().contains("say what becomes of"));
    let Holders::Known(holders) = &mut dialog.holders else { panic!() };
    holders[0].fate = Fate::Leave;
    "helpdesk".chars().for_each(|c| holders[0].reason.push(c));
    let order = dialog.order_run(&app.estate, &app.picture, scene::at(0)).unwrap();
    assert_eq!((order.service.as_str(), order.left_holders.len(), order.moved_too.len()), ("hr", 1, 0));
}

#[test]
fn the_start_dialog_stands_on_the_mode_that_fits_until_a_person_sets_another() {
    let mode = |app: &App| match app.modals.last() {
        Some(Modal::Start(dialog)) => dialog.mode,
        _ => panic!("no start dialog"),
    };
    for (weather, fitting, other) in [
        (Weather::Calm, Mode::Graceful, Mode::Ungraceful),
        (Weather::Outage, Mode::Ungraceful, Mode::Graceful),
    ] {
        for by_hand in [false, true] {
            let mut app = scene::app(World::Sim, weather);
            press(&mut app, &[(1_000, Intent::Start), (1_500, Intent::Next)]);
            assert_eq!(mode(&app), fitting, "{weather:?}");
            // To the other service and back: nobody has set a mode yet.
            press(&mut app, &[(2_000, Intent::Right), (2_300, Intent::Left)]);
            assert_eq!(mode(&app), fitting, "{weather:?}");
            let mut chosen = fitting;
            if by_hand {
                press(&mut app, &[(3_000, Intent::Next), (3_300, Intent::Right), (3_600, Intent::Previous)]);
                press(&mut app, &[(4_000, Intent::Right), (4_300, Intent::Left)]);
                assert_eq!(mode(&app), other, "{weather:?}: what a person set stays");
                chosen = other;
            }
            // What is seen later changes the words, never the choice: neither a person's, nor one that
            // somebody has read.
            let later = if weather == Weather::Calm { Weather::Outage } else { Weather::Calm };
            for seen in scene::readings(later) {
                app.update(Event::Observed(seen), at(5_000));
                assert_eq!(mode(&app), chosen, "{weather:?}, by hand {by_hand}");
            }
            app.update(Event::Tick, at(6_000));
            assert_eq!(mode(&app), chosen, "{weather:?}, by hand {by_hand}");
            // It was enough to change it: a dialog that opens now stands on the other mode.
            press(&mut app, &[(7_000, Intent::Escape), (8_000, Intent::Start)]);
            assert_eq!(mode(&app), other, "{weather:?}, by hand {by_hand}");
        }
    }
}

/// Fills in what the start dialog asks for, and goes to its button.
fn fill_in(app: &mut App) {
    let Some(Modal::Start(dialog)) = app.modals.last_mut() else { panic!() };
    dialog.reason.push('x');
    if let Holders::Known(holders) = &mut dialog.holders {
        for holder in holders {
            holder.fate = Fate::Leave;
            holder.reason.push('x');
        }
    }
    dialog.focus = StartFocus::Button(Button::Act);
}

/// All of a calm day, kept from an earlier start: no look, however much of it there is.
fn kept(weather: Weather) -> Event {
    let looks = scene::readings(weather).into_iter().filter_map(|seen| {
        let Observation { source, started, ended: at, outcome } = seen;
        Some((source, Look { started, at, answer: outcome.ok()? }))
    });
    Event::Recalled { looks: looks.collect(), told: Safe::new("kept") }
}

#[test]
fn no_run_is_started_of_which_nobody_knows_where_it_would_go() {
    let denied = |kind, why: &str| {
        crate::domain::Side::BOTH.map(|side| Observation {
            source: Source::Assignments(0, side),
            started: scene::noon(),
            ended: scene::noon(),
            outcome: Err(Silence { kind, why: Safe::new(why) }),
        })
    };
    let signed_out = denied(SilenceKind::NoToken, "no token from az login");
    let unreadable = denied(SilenceKind::Denied, "403 Forbidden");
    let without = |missing: Source| -> Vec<Observation> {
        scene::readings(Weather::Calm).into_iter().filter(|seen| seen.source != missing).collect()
    };
    let held = Source::Assignments(0, crate::domain::Side::Secondary);
    let cases: [(&str, Vec<Observation>, &str); 5] = [
        ("before the first look", vec![], "hr has not been looked at yet (assignments in WE): wait"),
        (
            "before its signs were seen",
            without(Source::Events),
            "has not been looked at yet (service health)",
        ),
        ("before one side was", without(held.clone()), "has not been looked at yet (assignments in NE)"),
        (
            "signed out after it was seen",
            scene::readings(Weather::Calm).into_iter().chain(signed_out).collect(),
            "not signed in, so nothing is known of hr now: no token from az login; run az login",
        ),
        (
            "never allowed to look",
            without(Source::Assignments(0, crate::domain::Side::Primary))
                .into_iter()
                .filter(|seen| seen.source != held)
                .chain(unreadable)
                .collect(),
            "cannot tell which side of hr is active (WE: 403 Forbidden)",
        ),
    ];
    for (name, readings, said) in cases {
        let mut app = scene::opened(World::Live);
        app.update(kept(Weather::Calm), at(0));
        for seen in readings {
            app.update(Event::Observed(seen), at(0));
        }
        press(&mut app, &[(1_000, Intent::Start)]);
        let unfit = |app: &App| match app.modals.last() {
            Some(Modal::Start(dialog)) => {
                dialog.unfit(&app.estate, &app.picture, app.now()).unwrap_or_default()
            }
            other => panic!("{other:?}"),
        };
        assert!(unfit(&app).contains(said), "{name}: {}", unfit(&app));
        fill_in(&mut app);
        let effects = press(&mut app, &[(12_000, Intent::Enter)]);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::StartRun(_))), "{name}");
        let Some(Modal::Start(dialog)) = app.modals.last() else { panic!() };
        assert!(dialog.remark.as_deref().unwrap_or_default().contains(said), "{name}: {:?}", dialog.remark);
        // Once it is known, the same dialog starts it, in the mode that fits.
        for mut seen in scene::readings(Weather::Outage) {
            (seen.started, seen.ended) = (scene::noon(), scene::noon() + minutes(1));
            app.update(Event::Observed(seen), at(15_000));
        }
        assert_eq!(unfit(&app), "", "{name}");
        fill_in(&mut app);
        let effects = press(&mut app, &[(16_000, Intent::Enter)]);
        let started = effects.iter().find_map(|effect| match effect {
            Effect::StartRun(order) => order.mode,
            _ => None,
        });
        assert_eq!(started, Some(Mode::Ungraceful), "{name}");
    }
}

/// Where two signs are seen nobody waits for more of them; where none is, each that was not looked at may
/// still be one. What the estate has none of is never waited for.
#[test]
fn two_signs_of_death_are_enough_to_start_by() {
    let late = Source::Machines(Side::Secondary);
    for (weather, directory, said) in [
        (Weather::Outage, true, ""),
        (Weather::Calm, true, "virtual machines in NE"),
        (Weather::Calm, false, "virtual machines in NE"),
    ] {
        let mut app = scene::opened(World::Live);
        if !directory {
            let mut estate = (*app.estate).clone();
            estate.directory = Pair::build(|_| Vec::new());
            app.estate = Arc::new(estate);
        }
        let looked = |seen: &Observation| {
            seen.source != late && (directory || !matches!(seen.source, Source::Directory(_)))
        };
        let see = |app: &mut App, mut seen: Observation| {
            (seen.started, seen.ended) = (scene::noon(), scene::noon());
            app.update(Event::Observed(seen), at(500));
        };
        for seen in scene::readings(weather).into_iter().filter(looked) {
            see(&mut app, seen);
        }
        press(&mut app, &[(1_000, Intent::Start)]);
        let unfit = |app: &App| match app.modals.last() {
            Some(Modal::Start(dialog)) => {
                dialog.unfit(&app.estate, &app.picture, app.now()).unwrap_or_default()
            }
            other => panic!("{other:?}"),
        };
        let told = unfit(&app);
        assert!(if said.is_empty() { told.is_empty() } else { told.contains(said) }, "{weather:?}: {told}");
        let rest = scene::readings(weather).into_iter().find(|seen| seen.source == late);
        see(&mut app, rest.unwrap());
        assert_eq!(unfit(&app), "", "{weather:?}, directory {directory}");
    }
}

/// What the dialog stands on is set once there is something to set it by; an Enter that was on its way
/// meant what stood there before.
#[test]
fn an_enter_that_was_on_its_way_when_the_mode_was_set_starts_nothing() {
    for (gap, starts) in [(0, false), (100, false), (299, false), (301, true), (1_000, true)] {
        let mut app = scene::opened(World::Live);
        press(&mut app, &[(1_000, Intent::Start)]);
        let mode = |app: &App| match app.modals.last() {
            Some(Modal::Start(dialog)) => dialog.mode,
            other => panic!("{other:?}"),
        };
        assert_eq!(mode(&app), Mode::Graceful);
        for mut seen in scene::readings(Weather::Outage) {
            (seen.started, seen.ended) = (scene::noon(), scene::noon());
            app.update(Event::Observed(seen), at(15_000));
        }
        assert_eq!(mode(&app), Mode::Ungraceful);
        fill_in(&mut app);
        let effects = press(&mut app, &[(15_000 + gap, Intent::Enter)]);
        let started = effects.iter().any(|effect| matches!(effect, Effect::StartRun(_)));
        assert_eq!(started, starts, "{gap} ms after");
    }
}

/// A group that nobody planned.
fn stranger() -> Principal {
    let id = PrincipalId::parse("5d5d5d5d-0000-4000-8000-00000000e0fe").unwrap();
    Principal { name: "GRP-OLD".to_owned(), id, principal_type: "Group".to_owned() }
}

/// Nor is one of a burning region a reason to leave it.
#[test]
fn a_kept_picture_of_a_burning_region_starts_nothing() {
    let mut app = scene::opened(World::Live);
    app.update(kept(Weather::Outage), at(0));
    for mut seen in scene::readings(Weather::Calm) {
        if matches!(seen.source, Source::Assignments(..)) {
            (seen.started, seen.ended) = (scene::noon() + minutes(1), scene::noon() + minutes(1));
            app.update(Event::Observed(seen), at(500));
        }
    }
    press(&mut app, &[(1_000, Intent::Start)]);
    let Some(Modal::Start(dialog)) = app.modals.last() else { panic!() };
    let unfit = dialog.unfit(&app.estate, &app.picture, app.now()).unwrap_or_default();
    assert!(unfit.contains("has not been looked at yet"), "{unfit}");
    assert_eq!(dialog.mode, Mode::Graceful);
}

#[test]
fn letters_that_the_start_dialog_takes_nowhere_are_told_so() {
    let mut app = scene::app(World::Sim, Weather::Calm);
    press(&mut app, &[(1_000, Intent::Start), (2_000, Intent::Type('d'))]);
    let remark = |app: &App| match app.modals.last() {
        Some(Modal::Start(dialog)) => (dialog.remark.clone().unwrap_or_default(), dialog.reason.text().len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(remark(&app), ("no text is taken here: tab leads to the reason".to_owned(), 0));
    press(&mut app, &[(3_000, Intent::Next), (3_200, Intent::Next), (3_400, Intent::Next)]);
    press(&mut app, &[(4_000, Intent::Type('d'))]);
    assert_eq!(remark(&app), (String::new(), 1));
}

#[test]
fn the_start_dialog_asks_for_the_holders_of_both_sides() {
    let mut app = scene::app(World::Sim, Weather::Calm);
    app.update(Event::Observed(scene::stranger_on_standby(&stranger())), at(0));
    press(&mut app, &[(1_000, Intent::Start)]);
    let Some(Modal::Start(dialog)) = app.modals.last_mut() else { panic!() };
    let Holders::Known(holders) = &mut dialog.holders else { panic!() };
    let names: Vec<String> = holders.iter().map(super::holders::Holder::name).collect();
    assert_eq!(names, ["Group 4c4c4c4c @ DAG1", "Group 5d5d5d5d @ DAG1 NE"]);
    assert_eq!(holders[1].origin, Origin::Standby, "it has nothing to move");
    for holder in holders.iter_mut() {
        holder.fate = Fate::Leave;
        "known".chars().for_each(|c| holder.reason.push(c));
    }
    "drill".chars().for_each(|c| dialog.reason.push(c));
    let order = dialog.order_run(&app.estate, &app.picture, scene::at(0)).unwrap();
    let left: Vec<PrincipalId> = order.left_holders.into_iter().map(|(principal, _)| principal).collect();
    assert_eq!(left, [scene::helpdesk().id, stranger().id]);
}

#[test]
fn a_holder_nobody_planned_can_be_left_on_either_side() {
    let (mut app, _, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
    app.update(Event::Observed(scene::stranger_on_standby(&stranger())), at(0));
    assert_eq!(app.unplanned_holders(), [scene::helpdesk().id, stranger().id]);
    press(&mut app, &[(1_000, Intent::Palette)]);
    press(&mut app, &typed("leave 5d5d known", 1_400));
    press(&mut app, &[(20_000, Intent::Enter)]);
    let left = Command::LeaveHolder { principal: stranger().id, reason: Safe::new("known") };
    assert_eq!(script.lock().unwrap().told.last(), Some(&left), "{}", notice(&app));
}

/// Beside a run stand the signs of its own service, however it is come to and whatever was looked at before.
#[test]
fn beside_a_run_stands_its_own_service() {
    let mut app = scene::running(scene::move_phase()).0;
    let mut time = 2_000;
    let mut by = |app: &mut App, intents: &[Intent]| {
        for intent in intents {
            time += 1_000;
            press(app, &[(time, *intent)]);
            app.settle();
        }
        let hosts = app.summary.cell(Component::Hosts, Side::Primary).unwrap().text.clone();
        (app.screen, app.scope, hosts)
    };
    let own = by(&mut app, &[Intent::Pane(2)]);
    assert_eq!((own.0, own.1), (Screen::Run, Scope::Service(0)));
    for path in [
        &[Intent::Pane(1), Intent::ScopeNext, Intent::Flip][..],
        &[Intent::Pane(7), Intent::ScopeNext, Intent::Pane(2)],
        &[Intent::Flip, Intent::ScopePrevious, Intent::Flip],
    ] {
        let (before, (last, way)) = (by(&mut app, &[]), path.split_last().unwrap());
        let other = by(&mut app, way);
        assert_ne!((other.1, &other.2), (own.1, &own.2), "{path:?}");
        assert_eq!(by(&mut app, &[*last]), before, "{path:?}");
    }
}

#[test]
fn screens_cursor_scope_and_filter_answer_their_keys() {
    let mut app = scene::app(World::Sim, Weather::Calm);
    press(&mut app, &[(1, Intent::Move(Motion::Down)), (2, Intent::Move(Motion::Down)), (3, Intent::Enter)]);
    assert_eq!(app.screen, Screen::Lists(Component::Hosts));
    assert_eq!(app.list_count(), 20);
    press(&mut app, &[(4, Intent::ScopeNext)]);
    assert_eq!((app.scope, app.list_count()), (Scope::Service(0), 12));
    press(
        &mut app,
        &[(5, Intent::Filter), (6, Intent::Type('0')), (7, Intent::Type('3')), (8, Intent::Enter)],
    );
    assert_eq!((matches!(app.filter, Filter::On(_)), app.list_count()), (true, 1));
    press(&mut app, &[(9, Intent::Escape)]);
    assert_eq!((app.screen, app.list_count()), (Screen::Lists(Component::Hosts), 12));
    press(&mut app, &[(10, Intent::Escape)]);
    assert_eq!(app.screen, Screen::Home);
    press(&mut app, &[(11, Intent::Flip)]);
    assert!(notice(&app).contains("no run is open"));
}

#[test]
fn the_palette_obeys_and_explains() {
    let mut app = scene::app(World::Sim, Weather::Calm);
    let mut say = |line: &str, at: u64| {
        press(&mut app, &[(at, Intent::Palette)]);
        press(&mut app, &typed(line, at + 10));
        press(&mut app, &[(at + 9_000, Intent::Enter)])
    };
    assert!(matches!(say("speed 10", 1_000).as_slice(), [Effect::SetSpeed(Speed::Times(t))] if *t > 9.0));
    assert!(matches!(say("report r-1", 20_000).as_slice(), [Effect::WriteReport(run)] if run == "r-1"));
    assert!(matches!(say("quit", 40_000).as_slice(), [Effect::Leave(LeaveReason::Person)]));
    assert!(say("abort", 60_000).is_empty());
    assert!(notice(&app).contains("no run is open"));
}

#[test]
fn a_silence_and_its_end_are_told_once_each() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let before = app.feed.count();
    let source = Source::Hosts(0, crate::domain::Side::Primary);
    for n in 0..5 {
        let mut gone = scene::silent(source.clone(), 0, "no answer in 10 s");
        gone.ended = scene::noon() + minutes(n);
        app.update(Event::Observed(gone), at(1_000 * n as u64));
    }
    assert_eq!(app.feed.count(), before + 1);
    let mut back = scene::readings(Weather::Calm).into_iter().find(|seen| seen.source == source).unwrap();
    (back.started, back.ended) = (scene::noon() + minutes(6), scene::noon() + minutes(6));
    app.update(Event::Observed(back), Moment { now: scene::noon() + minutes(6), terminal: 9_000 });
    assert!(app.feed.newest().any(|line| line.text.contains("answers again after 6 min")));
}

/// What home shows of the hosts of one region.
fn shown(app: &App) -> String {
    app.summary.cell(Component::Hosts, crate::domain::Side::Primary).unwrap().text.clone()
}

#[test]
fn a_frozen_display_stands_still_while_all_goes_on_behind_it() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let calm = shown(&app);
    press(&mut app, &[(1_000, Intent::Freeze)]);
    let told = app.feed.count();
    for seen in scene::readings(Weather::Outage) {
        app.update(Event::Observed(seen), at(20_000));
    }
    app.update(Event::Notice(Safe::new("something")), at(43_000));
    app.settle();
    let frozen = app.frozen().unwrap();
    assert_eq!((frozen.for_ms, shown(&app) == calm, app.feed.count()), (42_000, true, told));
    assert!(frozen.missed >= 5, "{frozen:?}");
    press(&mut app, &[(44_000, Intent::Freeze)]);
    app.settle();
    assert!(app.frozen().is_none() && app.feed.count() > told);
    assert_eq!(shown(&app), "0 of 20 heartbeats");
    assert!(notice(&app).contains("live again, missed: "), "{}", notice(&app));
}

/// A journal that is opened for the first time over a display that stands still shows the open run as far as it
/// had come, and another run whole.
#[test]
fn a_journal_opened_over_a_frozen_display_is_there() {
    for (run, shown) in [("r-20261120-1003-7k", 2), ("r-of-before", 5)] {
        let (mut app, ..) = scene::running(scene::move_phase());
        app.run.as_mut().unwrap().seq = 2;
        press(&mut app, &[(1_000, Intent::Freeze)]);
        app.journal.turn_to(run);
        let event = crate::engine::RunEvent::Armed { on: true, how: "typed".into() };
        let actor = crate::engine::event::Actor {
            upn: Safe::new("op.01"),
            oid: Safe::default(),
            os: Safe::default(),
        };
        let record = crate::engine::Stamped { wall: scene::noon(), mono_ms: 0, actor, event };
        let outcome = Ok(vec![record; 5]);
        app.update(Event::JournalRead { run: run.to_owned(), outcome }, at(2_000));
        assert_eq!(app.records().len(), shown, "{run}");
        press(&mut app, &[(3_000, Intent::Freeze)]);
        assert_eq!(app.records().len(), 5, "{run}");
    }
}

#[test]
fn y_copies_the_row_and_capital_y_a_field_of_it() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let copied = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::CopyText(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    press(&mut app, &[(1_000, Intent::Move(Motion::Down)), (1_100, Intent::Move(Motion::Down))]);
    press(&mut app, &[(2_000, Intent::Enter)]);
    let row = copied(press(&mut app, &[(3_000, Intent::Copy)]));
    assert!(row.starts_with("shwe-fin-01 Available yes 20s 0 running fin 1.0.9742; shne-fin-03"), "{row}");
    let down = Intent::Move(Motion::Down);
    press(&mut app, &[(4_000, Intent::CopyField), (5_000, down)]);
    assert_eq!(copied(press(&mut app, &[(6_000, Intent::Enter)])), "Available");
    press(&mut app, &[(7_000, Intent::Enter), (8_000, down), (9_000, down)]);
    let id = copied(press(&mut app, &[(9_500, Intent::CopyField)]));
    assert!(id.starts_with("/subscriptions/") && id.ends_with("shwe-fin-01.contoso.example"), "{id}");
    let done = Event::Copied { text: "x".to_owned(), outcome: Ok("1 byte by the terminal".to_owned()) };
    app.update(done, at(9_600));
    assert_eq!(notice(&app), "copied 1 byte by the terminal: x");
}

#[test]
fn the_bell_rings_for_what_was_asked() {
    let check = |bell: Bell, state: StepState, rings: bool| {
        let (mut app, view, _) = scene::running(scene::move_phase());
        app.bell = bell;
        app.update(Event::Tick, at(1_000));
        view.lock().unwrap().steps[7].state = state;
        let effects = app.update(Event::Tick, at(2_000));
        let rang = effects.iter().any(|effect| matches!(effect, Effect::Bell));
        assert_eq!(rang, rings, "{bell:?} {state:?}");
    };
    check(Bell::Needed, StepState::Failed, true);
    check(Bell::Needed, StepState::TimedOut, true);
    check(Bell::Needed, StepState::Done, false);
    check(Bell::Always, StepState::Done, true);
    check(Bell::Never, StepState::Failed, false);
}

#[test]
fn esc_goes_back_one_level_with_the_cursor_where_it_was() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let down = Intent::Move(Motion::Down);
    press(&mut app, &[(1, down), (2, down), (3, Intent::Enter), (4, down), (5, down), (6, Intent::Sort)]);
    let (place, sort) = (app.list.place(20), app.sort);
    press(&mut app, &[(7, Intent::Enter), (8, down)]);
    assert_eq!(app.screen, Screen::Detail(Component::Hosts));
    press(&mut app, &[(9, Intent::Escape)]);
    assert_eq!((app.screen, app.list.place(20), app.sort), (Screen::Lists(Component::Hosts), place, sort));
    press(&mut app, &[(10, Intent::Escape)]);
    assert_eq!((app.screen, app.home.place(10)), (Screen::Home, 2));
}

#[test]
fn an_enter_that_came_too_quickly_says_so_and_the_next_one_counts() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let press = |app: &mut App, intent: Intent, time: u64| {
        app.update(Event::Intent(intent), at(time));
    };
    let remark = |app: &App| match app.modals.last() {
        Some(Modal::Arm(dialog)) => dialog.remark.clone().unwrap_or_default(),
        other => format!("{other:?}"),
    };
    press(&mut app, Intent::Arm, 1_000);
    press(&mut app, Intent::Type('x'), 1_100);
    assert_eq!(remark(&app), "keys of the first 0.3 s are not taken: type it again");
    for (count, c) in "contoso-avd".chars().enumerate() {
        press(&mut app, Intent::Type(c), 2_000 + 100 * count as u64);
    }
    // With the way out focused, another Enter is not what helps.
    press(&mut app, Intent::Enter, 3_050);
    assert_eq!(remark(&app), "cancel has the focus: tab to the button, or esc to cancel");
    press(&mut app, Intent::Next, 4_000);
    press(&mut app, Intent::Enter, 4_100);
    assert_eq!(remark(&app), "too quick: press enter again");
    press(&mut app, Intent::Enter, 4_400);
    assert!(app.modals.is_empty() && app.arming.is_armed());
}

#[test]
fn only_a_rehearsal_counts_as_a_drill() {
    use super::run::RunPurpose;
    for (simulated, reason, purpose) in [
        (true, "West Europe burns", RunPurpose::Drill),
        (false, "West Europe burns", RunPurpose::Real),
        (false, "Drill 2026/4", RunPurpose::Drill),
        (false, "the yearly rehearsal, as agreed", RunPurpose::Drill),
        (false, "drilled through a cable", RunPurpose::Real),
    ] {
        assert_eq!(RunPurpose::of(simulated, reason), purpose, "{reason}");
    }
    let mut app = scene::app(World::Live, Weather::Calm);
    let run = |purpose, hour: i64| super::RunSummary {
        run: format!("r-{hour}"),
        runbook: "avd-pooled-failover".to_owned(),
        service: "hr".to_owned(),
        mode: "graceful".to_owned(),
        state: "completed".to_owned(),
        purpose,
        open: super::run::RunOpen::Closed,
        opened: scene::noon() - minutes(60 * hour),
        took: Some(minutes(38)),
        debts: 0,
        trouble: None,
    };
    app.runs = vec![run(RunPurpose::Real, 1)];
    assert_eq!(app.last_drill("avd-pooled-failover"), "never");
    app.runs.push(run(RunPurpose::Drill, 48));
    assert_eq!(app.last_drill("avd-pooled-failover"), "2026-11-18 hr");
}

/// A cockpit over a run in which everything can be asked for.
pub(crate) fn asked_for() -> (App, std::sync::Arc<std::sync::Mutex<scene::Script>>) {
    use Choice::{AcceptStuck, Downgrade, RestartHost, Retry, ShortenNotice, Skip};
    let mut view = scene::log_off(scene::offer(1, None));
    view.steps[8].choices = vec![Retry, Downgrade, Skip, RestartHost, AcceptStuck, ShortenNotice];
    let (mut app, _, script) = scene::running(view);
    arm(&mut app, 1_000);
    (app, script)
}

/// Every dialog in which something is decided, by its name.
pub(crate) fn deciding() -> Vec<(String, Modal)> {
    use super::{
        confirm::ConfirmDialog,
        dialog::{ArmDialog, AskDialog, LeaveDialog},
    };
    let step = || "a8-logoff".to_owned();
    let purposes = [
        Purpose::Skip(step()),
        Purpose::Downgrade(step()),
        Purpose::ShortenNotice,
        Purpose::Note,
        Purpose::Statement,
        Purpose::Value(step(), "what depends on it".to_owned()),
        Purpose::Hold,
        Purpose::Abort,
        Purpose::AcceptStuck(step(), vec!["1".to_owned()]),
        Purpose::Retry(step(), None),
        Purpose::Restart(step(), "1".to_owned()),
        Purpose::Resume,
    ];
    let mut all: Vec<(String, Modal)> = purposes
        .into_iter()
        .map(|purpose| (format!("{purpose:?}"), Modal::Ask(AskDialog::new(purpose, 20_000))))
        .collect();
    all.push(("arm".to_owned(), Modal::Arm(ArmDialog::new(20_000))));
    all.push(("leave".to_owned(), Modal::Leave(LeaveDialog::new(20_000))));
    for (level, asked) in [(1, None), (2, Some("1")), (3, Some("1"))] {
        let mut dialog = ConfirmDialog::new(step(), 20_000);
        dialog.pin(&scene::offer(level, asked), 20_000);
        all.push((format!("confirm at level {level}"), Modal::Confirm(Box::new(dialog))));
    }
    let mut app = scene::app(World::Sim, Weather::Calm);
    press(&mut app, &[(20_000, Intent::Start)]);
    let start = app.modals.pop().unwrap();
    // What of these there is, is all there is: a new kind of dialog must be put into this table.
    let in_table = |modal: &Modal| match modal {
        Modal::Arm(_) | Modal::Confirm(_) | Modal::Start(_) | Modal::Ask(_) | Modal::Leave(_) => {
            modal.decides()
        }
        Modal::Help(_) | Modal::Palette(_) | Modal::Pick(_) | Modal::Lists(_) | Modal::Told(_) => false,
    };
    all.push(("start".to_owned(), start));
    assert!(all.iter().all(|(_, modal)| in_table(modal)));
    all
}

#[test]
fn every_dialog_that_decides_begins_on_cancel_and_enter_alone_does_nothing() {
    for (name, modal) in deciding() {
        assert_eq!(modal.button(), Some(Button::Cancel), "{name}");
        for text in ["", "1"] {
            let (mut app, script) = asked_for();
            app.modals.push(modal.clone());
            let told = script.lock().unwrap().told.len();
            let mut effects = press(&mut app, &typed(text, 21_000));
            effects.extend(press(&mut app, &[(25_000, Intent::Enter), (29_000, Intent::Enter)]));
            let after = script.lock().unwrap().told.split_off(told);
            // Once it is closed the second one reaches the screen, where it shows the list of a step.
            let decides_nothing =
                |command: &Command| matches!(command, Command::Withdraw { .. } | Command::Offer { .. });
            assert!(after.iter().all(decides_nothing), "{name}, typed {text:?}: {after:?}");
            let acted = |effect: &Effect| matches!(effect, Effect::StartRun(_) | Effect::Leave(_));
            assert!(!effects.iter().any(acted), "{name}, typed {text:?}: {effects:?}");
        }
    }
}

/// Whoever types before a dialog takes keys reads so there until what is typed is right or typed anew.
#[test]
fn typing_that_was_dropped_is_said_as_long_as_it_is_missing() {
    let told = |app: &App| {
        let dialog = format!("{:?}", app.modals.last());
        dialog.contains("keys of the first 0.3 s are not taken: type it again")
    };
    for (name, modal) in deciding().into_iter().filter(|(_, modal)| modal.takes_text()) {
        let (mut app, _) = asked_for();
        app.modals.push(modal.clone());
        press(&mut app, &[(20_100, Intent::Type('1'))]);
        assert!(told(&app), "{name}: nothing said");
        press(&mut app, &[(20_400, Intent::Type('7')), (20_600, Intent::Type('8'))]);
        assert!(told(&app), "{name}: not said while only 78 stands there");
        press(&mut app, &[(21_000, Intent::Next)]);
        assert!(told(&app), "{name}: not said on the way to the button");
        press(&mut app, &[(21_300, Intent::Previous), (21_600, Intent::EraseAll)]);
        assert!(!told(&app), "{name}: said of an empty field");
    }
}

#[test]
fn a_move_to_the_button_is_what_a_decision_takes_beside_its_text() {
    let mut acted = 0;
    for (name, modal) in deciding() {
        // Those of level 2 and 3 and the start have tests of their own for what they ask besides.
        if matches!(modal, Modal::Start(_) | Modal::Arm(_)) || name.ends_with("level 3") {
            continue;
        }
        let (mut app, script) = asked_for();
        app.modals.push(modal.clone());
        let told = script.lock().unwrap().told.len();
        let mut keys = if modal.takes_text() { typed("1", 21_000) } else { Vec::new() };
        keys.extend([(24_000, Intent::Next), (25_000, Intent::Enter)]);
        let effects = press(&mut app, &keys);
        let left = effects.iter().any(|effect| matches!(effect, Effect::Leave(_)));
        let after = script.lock().unwrap().told.split_off(told);
        assert!(left || !after.is_empty(), "{name} does nothing: {:?}", app.modals.last());
        acted += 1;
    }
    assert_eq!(acted, 15);
}

#[test]
fn a_confirmation_that_cannot_be_given_is_off_and_no_keys_lead_past_it() {
    for (level, asked) in [(1, None), (2, Some("67")), (3, Some("67"))] {
        let mut offer = scene::offer(level, asked);
        offer.green = false;
        let (mut app, _, script) = scene::running(scene::log_off(offer));
        arm(&mut app, 1_000);
        press(&mut app, &[(20_000, Intent::Enter)]);
        let dialog = |app: &App| match app.modals.last() {
            Some(Modal::Confirm(dialog)) => (dialog.is_off(), dialog.remark.clone().unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        assert!(dialog(&app).0);
        press(&mut app, &typed("67", 20_400));
        press(&mut app, &[(22_000, Intent::Next), (23_000, Intent::Enter), (27_000, Intent::Enter)]);
        assert!(dialog(&app).1.starts_with("the button is off"), "{}", dialog(&app).1);
        press(&mut app, &[(28_000, Intent::Right), (29_000, Intent::Enter), (33_000, Intent::Copy)]);
        assert_eq!(confirms(&script), [], "level {level}");
    }
}

#[test]
fn arming_what_is_armed_says_for_how_long_until_more_time_would_be_given() {
    let (mut app, ..) = scene::running(scene::move_phase());
    arm(&mut app, 1_000);
    press(&mut app, &[(60_000, Intent::Arm)]);
    assert!(app.modals.is_empty());
    assert_eq!(notice(&app), "already armed, 15 min left; :disarm ends it");
    press(&mut app, &[(61_000, Intent::Palette)]);
    press(&mut app, &typed("arm", 61_300));
    press(&mut app, &[(63_000, Intent::Enter)]);
    assert_eq!(notice(&app), "already armed, 15 min left; :disarm ends it");
    // Without a key it would end at 78 min; the warning says that the key arms again.
    let minute = 60_000;
    let (mut app, ..) = scene::running(scene::move_phase());
    arm(&mut app, 1_000);
    for n in 1..=58 {
        press(&mut app, &[(n * minute, Intent::Move(Motion::Up))]);
    }
    press(&mut app, &[(58 * minute + 30_000, Intent::Arm)]);
    assert!(matches!(app.modals.last(), Some(Modal::Arm(_))), "{}", notice(&app));
}

#[test]
fn a_list_is_made_once_for_all_keys_and_frames_until_something_of_it_changes() {
    let mut app = scene::app(World::Live, Weather::Calm);
    press(&mut app, &[(1_000, Intent::Move(Motion::Down)), (1_100, Intent::Move(Motion::Down))]);
    press(&mut app, &[(1_200, Intent::Enter)]);
    app.settle();
    let shown = app.lists().unwrap();
    let same = |app: &App| std::sync::Arc::ptr_eq(&shown, &app.lists().unwrap());
    press(&mut app, &[(1_300, Intent::Move(Motion::Down)), (1_400, Intent::Next), (1_500, Intent::Zoom)]);
    app.settle();
    assert!(same(&app));
    let changes: [fn(&mut App); 5] = [
        |app| drop(press(app, &[(2_000, Intent::Sort)])),
        |app| drop(press(app, &[(2_000, Intent::ScopeNext)])),
        |app| drop(press(app, &[(2_000, Intent::Filter), (2_100, Intent::Type('1'))])),
        |app| app.moment.now += crate::domain::time::seconds(1),
        |app| {
            let seen = scene::readings(Weather::Calm).pop().unwrap();
            app.update(Event::Observed(seen), at(2_000));
        },
    ];
    for change in changes {
        let mut app = scene::app(World::Live, Weather::Calm);
        press(&mut app, &[(1_000, Intent::Move(Motion::Down)), (1_100, Intent::Move(Motion::Down))]);
        press(&mut app, &[(1_200, Intent::Enter)]);
        app.settle();
        let before = app.lists().unwrap();
        change(&mut app);
        // Also before it is kept anew what is shown is what is there.
        assert!(!std::sync::Arc::ptr_eq(&before, &app.lists().unwrap()));
        app.settle();
        let after = app.lists().unwrap();
        assert!(!std::sync::Arc::ptr_eq(&before, &after));
        assert!(std::sync::Arc::ptr_eq(&after, &app.lists().unwrap()));
    }
}

#[test]
fn what_the_run_looks_at_for_itself_is_as_old_on_every_screen() {
    let (mut app, ..) = scene::running(scene::move_phase());
    let shown = Source::Storage(0, crate::domain::Side::Primary);
    let unshown = Source::Locks(app.estate.services[0].sides[crate::domain::Side::Primary].pool.clone());
    let before = app.picture.last(&shown).unwrap().clone();
    let later = before.at + minutes(1);
    for source in [&shown, &unshown] {
        let (source, outcome) = (source.clone(), Ok(before.answer.clone()));
        let seen = Observation { source, started: later, ended: later, outcome };
        app.update(Event::Run(Input::Observed(seen)), at(61_000));
    }
    assert_eq!(app.picture.last(&shown).unwrap().at, later);
    assert!(app.picture.reading(&unshown).is_none(), "no screen is made of it");
}

/// A service that nobody holds on either side is left like any other: over a dead side no run of it is
/// graceful because nobody said so.
#[test]
fn a_closed_service_over_a_dead_side_stands_on_ungraceful() {
    let mut app = scene::opened(World::Live);
    for mut seen in scene::readings(Weather::Outage) {
        if matches!(seen.source, Source::Assignments(0, _)) {
            seen.outcome = Ok(Answer::Assignments(Listing::whole(Vec::new(), 1)));
        }
        app.update(Event::Observed(seen), at(0));
    }
    press(&mut app, &[(1_000, Intent::Start)]);
    fill_in(&mut app);
    let effects = press(&mut app, &[(12_000, Intent::Enter)]);
    let modes: Vec<Option<Mode>> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::StartRun(order) => Some(order.mode),
            _ => None,
        })
        .collect();
    assert_eq!(modes, [Some(Mode::Ungraceful)]);
}

/// What the dialog stands on without a person's choice is left to the looks of the opening.
#[test]
fn a_graceful_run_that_nobody_chose_is_ordered_without_a_mode() {
    for by_hand in [false, true] {
        let mut app = scene::app(World::Live, Weather::Calm);
        press(&mut app, &[(1_000, Intent::Start)]);
        fill_in(&mut app);
        if by_hand {
            let Some(Modal::Start(dialog)) = app.modals.last_mut() else { panic!() };
            dialog.mode_by = super::start::ModeBy::Person;
        }
        let effects = press(&mut app, &[(12_000, Intent::Enter)]);
        let mode = effects.iter().find_map(|effect| match effect {
            Effect::StartRun(order) => Some(order.mode),
            _ => None,
        });
        assert_eq!(mode, Some(by_hand.then_some(Mode::Graceful)), "by hand {by_hand}");
    }
}

/// Who aborted a run that still waits for what is under way reads that, and nothing offers to go on.
#[test]
fn a_run_that_is_being_aborted_says_so_and_offers_nothing_else() {
    let mut view = scene::move_phase();
    view.state = RunState::Aborting(8);
    let (mut app, ..) = scene::running(view);
    arm(&mut app, 1_000);
    for intent in [Intent::Enter, Intent::Hold, Intent::Skip, Intent::Retry, Intent::Interrupt] {
        press(&mut app, &[(5_000, intent)]);
        assert!(app.modals.is_empty(), "{intent:?}: {:?}", app.modals);
        let said = app.notice.as_ref().map(|notice| notice.text.clone()).unwrap_or_default();
        assert!(
            said.contains("being aborted: it ends once 8 items under way have ended"),
            "{intent:?}: {said}"
        );
    }
}

/// Of a step at work enter says how far it is and what it waits for: a list of more to write is none of its
/// business, whatever failed of it or came since.
#[test]
fn enter_on_a_step_at_work_says_what_it_waits_for_and_opens_nothing() {
    use StepState::{Blocked, Confirmed, Failed, Ready, Running, Waiting};
    for (state, offered, opens) in [
        (Running, true, false),
        (Running, false, false),
        (Confirmed, true, false),
        (Waiting, false, false),
        (Waiting, true, true),
        (Ready, true, true),
        (Failed, true, true),
        (Blocked, true, true),
    ] {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        let step = &mut view.steps[8];
        step.state = state;
        step.offer = step.offer.take().filter(|_| offered);
        step.blocked_by.clear();
        let id = step.id.clone();
        let (mut app, _, script) = scene::running(view);
        arm(&mut app, 1_000);
        press(&mut app, &[(5_000, Intent::Enter)]);
        let asked = script.lock().unwrap().told.iter().any(|told| matches!(told, Command::Offer { .. }));
        assert_eq!((asked, !app.modals.is_empty()), (opens, opens), "{state:?} {offered}: {:?}", app.notice);
        let said = format!("{id} is {}", state.word());
        assert!(opens || notice(&app).starts_with(&said), "{state:?}: {:?}", app.notice);
    }
}

/// A dialog begins at its head, whichever was scrolled before it and however that one went; and a hold ends with
/// a key that scrolls as with any other.
#[test]
fn a_dialog_begins_at_its_head_and_scrolling_ends_a_hold() {
    let view = scene::log_off(scene::offer(3, None));
    let (mut app, _, _) = scene::running(view);
    app.arming.arm(0);
    press(&mut app, &[(1_000, Intent::Enter), (2_000, Intent::Move(Motion::PageDown))]);
    assert!(app.body_at() > 0);
    let Some(Modal::Confirm(dialog)) = app.modals.last_mut() else { panic!("{:?}", app.modals) };
    dialog.hold = Hold::Counting { from: 2_000 };
    press(&mut app, &[(2_500, Intent::Move(Motion::PageDown))]);
    let Some(Modal::Confirm(dialog)) = app.modals.last() else { panic!("{:?}", app.modals) };
    assert_eq!(dialog.hold, Hold::Idle);
    // What is no longer offered goes without a key.
    app.modals.clear();
    app.update(Event::Tick, at(3_000));
    press(&mut app, &[(4_000, Intent::Enter)]);
    assert!(matches!(app.modals.last(), Some(Modal::Confirm(_))), "{:?}", app.modals);
    assert_eq!(app.body_at(), 0);
}

/// On the row of what takes a step back the key that undoes does what enter does there.
#[test]
fn the_key_that_undoes_takes_back_what_the_cursor_is_on() {
    let mut view = scene::log_off(scene::offer(2, Some("67")));
    let step = &mut view.steps[8];
    (step.is_undo, step.undo) = (true, None);
    let mut app = scene::running(view).0;
    app.update(Event::Intent(Intent::Undo), at(1_000));
    assert!(app.modals.iter().any(|modal| matches!(modal, Modal::Confirm(_))), "{:?}", app.notice);
}

/// A key that undoes nothing says of which step, why, and which can be undone.
#[test]
fn what_cannot_be_undone_says_why_and_what_can() {
    type Spoil = fn(&mut crate::engine::RunView);
    let cases: [(Spoil, &str); 3] = [
        (|view| view.steps[7].undo = None, "a7-revoke has no undo; no step can be now"),
        (
            |view| view.steps[7].no_undo = Some("users were let in"),
            "a7-revoke cannot be undone now: users were let in; no step can be now",
        ),
        (
            |view| {
                view.steps[7].undo = None;
                view.steps[5].choices = vec![Choice::Undo];
            },
            "a7-revoke has no undo; these can: a5-drain",
        ),
    ];
    for (spoil, said) in cases {
        let mut view = scene::move_phase();
        view.steps.iter_mut().for_each(|step| step.choices.clear());
        spoil(&mut view);
        let mut app = scene::running(view).0;
        app.update(Event::Intent(Intent::Undo), at(1_000));
        assert_eq!(app.notice.as_ref().map(|notice| notice.text.as_str()), Some(said));
    }
}
