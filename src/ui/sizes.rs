//! Home and the run view at every size people have, as text under `snapshots/`.

use crate::{
    app::{
        App, Event, Intent, Motion, TokenStatus, World,
        dialog::Modal,
        scene::{self, Weather, at},
        screen::Screen,
    },
    domain::{
        Safe,
        time::{minutes, seconds},
    },
    engine::{
        Command, RunView,
        event::{Acknowledgement, GateItem, GateVerdict, Ground, HeldWhy, RunEnd},
        hold::Hold,
        view::{Again, Choice, ItemPhase, ItemView, Restart, RunState, StepState, WriteLine},
    },
    runbook::Mode,
    status::Component,
};

use super::{
    Glyphs, hints, keymap,
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
        (step.stands, step.taken_back) = (0, 0);
        step.items.clear();
    }
    for phase in &mut view.phases {
        phase.over = 0;
    }
    view.steps[0].state = StepState::Ready;
    (view.state, view.current, view.free_exit) = (RunState::AwaitingPerson, Some(0), true);
    view.wrote = false;
    view
}

/// An undo of an earlier step opens later ones again: what they did still stands, and is not shown as if it
/// had never been done.
#[test]
fn what_stands_of_a_step_whose_turn_comes_again_is_told() {
    for (stands, told) in [(12, true), (0, false)] {
        let mut view = fresh();
        view.steps[5].stands = stands;
        let row = view.steps[5].title.clone();
        let mut app = scene::running(view).0;
        let shown = shot(&mut app, (160, 50), Glyphs::Box);
        let line = shown.lines().find(|line| line.contains(&row)).unwrap();
        assert_eq!(line.contains("12 stand"), told, "{line}");
    }
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
        ground: Ground::Seen,
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
    view.hold = Some(Hold {
        since: scene::noon() - seconds(485),
        by: Safe::new("op.01@contoso.example"),
        in_flight: vec!["a7-revoke/GRP2 @ APPG2".to_owned(), "a7-revoke/GRP3 @ APPG3".to_owned()],
    });
    view
}

/// An app whose keys come one by one, each after a pause.
fn pressed(app: &mut App, intents: &[Intent]) {
    for (count, intent) in intents.iter().enumerate() {
        app.update(Event::Intent(*intent), scene::at(1_000 * (count as u64 + 1)));
    }
}

#[test]
fn abort_tells_of_the_step_in_turn() {
    let mut view = scene::move_phase();
    for (at, step) in view.steps.iter_mut().enumerate() {
        step.abort = format!("what step {at} leaves");
    }
    view.steps[7].items.push(ItemView {
        key: "GRP4 @ APPG4".to_owned(),
        state: ItemPhase::Pending,
        detail: Safe::default(),
        attempts: 0,
        since: None,
    });
    let mut app = scene::running(view).0;
    pressed(&mut app, &[Intent::Move(Motion::Last), Intent::Interrupt]);
    assert_eq!(app.step_place(), Some(13), "the cursor is elsewhere");
    for size in [(80, 24), (60, 20)] {
        let shown = shot(&mut app, size, Glyphs::Box);
        let dialog: Vec<&str> = shown.lines().filter_map(|line| line.split('│').nth(1)).collect();
        let dialog = dialog.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let never = "GRP3 @ APPG3 ends and is recorded; 1 item not started and 6 later steps never start";
        for words in
            ["stays 2 of 4 done; what step 7 leaves", never, "14 changes made and kept (a5 12, a7 2)"]
        {
            assert!(dialog.contains(words), "no `{words}` in:\n{shown}");
        }
        insta::assert_snapshot!(format!("abort_{}x{}", size.0, size.1), shown);
    }
}

/// What an undo took back is not called kept, and not said never to have been.
#[test]
fn an_abort_tells_what_stands_and_what_was_taken_back() {
    let cases = [
        ((12, 0), 0, "12 changes made and kept (a5 12)"),
        ((5, 7), 0, "5 changes made and kept (a5 5), 7 taken back"),
        ((0, 12), 0, "nothing: 12 changes made and taken back"),
        ((0, 0), 0, "no change of this run has been seen to have happened"),
        ((0, 12), 3, "nothing: 12 changes made and taken back; 3 more in flight"),
    ];
    for ((stands, taken_back), flying, said) in cases {
        let mut view = scene::move_phase();
        view.steps[7].items = vec![scene::item("GRP1", ItemPhase::Following, "at work"); flying];
        (view.steps[5].stands, view.steps[5].taken_back) = (stands, taken_back);
        view.steps[7].stands = 0;
        let mut app = scene::running(view).0;
        pressed(&mut app, &[Intent::Interrupt]);
        let shown = shot(&mut app, (100, 30), Glyphs::Box);
        assert!(shown.contains(said), "no `{said}` in:\n{shown}");
    }
}

/// How many are not proven over stands where a gate is passed, in its row and whole in its dialog, at every size.
#[test]
fn what_is_not_proven_is_read_before_a_gate_is_passed() {
    let value = "0 users, 0 principals in both; 104 sessions on silent hosts in WE not proven over";
    for size in [(60, 20), (80, 24), (100, 30), (160, 50)] {
        let mut view = scene::log_off(scene::offer(1, None));
        let step = &mut view.steps[8];
        step.kind = crate::runbook::StepKind::Gate;
        step.items.clear();
        let (id, verdict, ground) = ("nobody-in-both".to_owned(), GateVerdict::Green, Ground::Unproven);
        step.proofs = vec![GateItem { id, verdict, value: Safe::new(value), ground, age_s: Some(4) }];
        let mut app = scene::running(view).0;
        let row = words(&shot(&mut app, size, Glyphs::Box));
        assert!(row.contains("104 sessions on silent hosts") || size.0 < 160, "{size:?}\n{row}");
        app.arming.arm(0);
        pressed(&mut app, &[Intent::Enter]);
        let shown = shot(&mut app, size, Glyphs::Box);
        let dialog: Vec<&str> = shown.lines().filter_map(|line| line.split('│').nth(1)).collect();
        assert!(words(&dialog.join(" ")).contains(value), "{size:?}\n{shown}");
    }
}

fn words(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of a step that is begun an abort leaves what is done of it, and no key begins an abort once more.
#[test]
fn an_abort_leaves_no_more_than_was_done() {
    for (stands, said) in
        [(0, "0 of 12 done; WE stays drained"), (5, "5 of 12 done; "), (12, "WE stays drained")]
    {
        for aborting in [false, true] {
            let mut view = scene::move_phase();
            let step = &mut view.steps[5];
            (step.state, step.done, step.abort) = (StepState::Running, stands, "WE stays drained".to_owned());
            assert_eq!(step.items.len(), 12);
            view.current = Some(5);
            if aborting {
                view.state = RunState::Aborting(3);
            }
            let mut app = scene::running(view).0;
            let shown = shot(&mut app, (80, 24), Glyphs::Box);
            let line = if aborting { format!(" stays   {said}") } else { format!(" abort   ctrl-c  {said}") };
            assert!(shown.contains(&line), "no `{line}` in:\n{shown}");
            assert_eq!(shown.contains("ctrl-c"), !aborting, "{shown}");
        }
    }
}

/// What the step in turn would leave once it is begun is not said of a run that has written nothing.
#[test]
fn an_abort_that_leaves_nothing_says_so_before_and_after() {
    let mut view = fresh();
    for step in &mut view.steps {
        step.abort = "Started hosts keep running".to_owned();
    }
    let mut app = scene::running(view.clone()).0;
    let before = shot(&mut app, (80, 24), Glyphs::Box);
    assert!(before.contains("ctrl-c  Nothing was written yet: nothing stays."), "{before}");
    pressed(&mut app, &[Intent::Interrupt]);
    for size in [(80, 24), (60, 20)] {
        let shown = shot(&mut app, size, Glyphs::Box);
        let dialog: Vec<&str> = shown.lines().filter_map(|line| line.split('│').nth(1)).collect();
        let dialog = dialog.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(dialog.contains("it ends for good, nothing was written"), "{shown}");
        assert!(!shown.contains("Started hosts"), "{shown}");
    }
    view.state = RunState::Closed(RunEnd::AbortedRolledBack);
    let after = shot(&mut scene::running(view).0, (80, 24), Glyphs::Box);
    assert!(after.contains("nothing was written: all is as it was before the run"), "{after}");
    assert!(!after.contains("Started hosts") && !after.contains("ctrl-c"), "{after}");
}

/// In a run whose process has ended the key that holds goes on: no dialog sends anybody there to hold.
#[test]
fn an_abort_of_an_interrupted_run_does_not_send_to_the_key_that_goes_on() {
    let mut view = scene::move_phase();
    for (interrupted, instead) in
        [(false, "instead  esc, then h: holds"), (true, "the run stays interrupted")]
    {
        view.interrupted = interrupted;
        let mut app = scene::running(view.clone()).0;
        pressed(&mut app, &[Intent::Interrupt]);
        let shown = shot(&mut app, (80, 24), Glyphs::Box);
        assert!(shown.contains(instead), "{shown}");
        assert_eq!(shown.contains("holds the run"), !interrupted, "{shown}");
    }
}

#[test]
fn a_hold_says_who_why_since_when_and_what_is_in_flight_and_so_does_its_end() {
    let mut app = scene::running(held()).0;
    let shown = shot(&mut app, (80, 24), Glyphs::Ascii);
    for words in ["8:05 by op.01@contoso.example", "the director", "in flight: a7-revoke/GRP3 @ APPG3"] {
        assert!(shown.contains(words), "no `{words}` in:\n{shown}");
    }
    pressed(&mut app, &[Intent::Hold]);
    for size in [(80, 24), (60, 20)] {
        let shown = shot(&mut app, size, Glyphs::Box);
        for words in ["at work  2 then, 1 of them ended", "a7-revoke/GRP3", "assignment changes by others"] {
            assert!(shown.contains(words), "no `{words}` in:\n{shown}");
        }
        insta::assert_snapshot!(format!("resume_{}x{}", size.0, size.1), shown);
    }
}

/// `h` holds before it asks: nothing starts while somebody thinks of words.
#[test]
fn holding_asks_why_after_it_has_held() {
    for (typed, told) in [("", 1), ("bank", 2)] {
        let (mut app, _, script) = scene::running(scene::move_phase());
        let typed: Vec<Intent> = typed.chars().map(Intent::Type).collect();
        pressed(&mut app, &[Intent::Hold]);
        let notes = || -> Vec<String> {
            let holds = |command: &Command| match command {
                Command::Hold { note, .. } => Some(note.to_string()),
                _ => None,
            };
            script.lock().unwrap().told.iter().filter_map(holds).collect()
        };
        assert_eq!(notes(), ["held by the operator"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!("hold_80x24", shot(&mut app, (80, 24), Glyphs::Box));
        }
        let rest: Vec<Intent> = [Intent::Next, Intent::Previous].into_iter().chain(typed).collect();
        pressed(&mut app, &[[Intent::Move(Motion::Up)].as_slice(), &rest, &[Intent::Enter]].concat());
        // What was typed is not thrown away by the way out, nor given by anything but the button.
        assert_eq!((app.modals.is_empty(), notes().len()), (told == 1, 1));
        for (time, intent) in [(60_000, Intent::Next), (61_000, Intent::Enter)] {
            if told == 2 {
                app.update(Event::Intent(intent), scene::at(time));
            }
        }
        assert!(app.modals.is_empty());
        assert_eq!(notes().len(), told, "{:?}", notes());
        assert_eq!(
            notes().last().map(String::as_str),
            Some(if told == 1 { "held by the operator" } else { "bank" })
        );
    }
}

/// Forty names do not fit: their number is not taken before the last one was shown.
#[test]
fn stuck_items_are_read_whole_before_their_number_counts() {
    let mut view = failing();
    view.steps[8].items = (1..=40)
        .map(|n| ItemView {
            key: format!("user{n:03}@contoso.example on shwe-hr-{:02}", n % 9),
            state: ItemPhase::Failed,
            detail: Safe::new("busy"),
            attempts: 1,
            since: None,
        })
        .collect();
    let names: Vec<String> = view.steps[8].items.iter().map(|item| item.key.clone()).collect();
    let (mut app, _, script) = scene::running(view);
    let mut time = 0;
    let mut press = |app: &mut App, intent| {
        time += 1_000;
        app.update(Event::Intent(intent), scene::at(time));
    };
    for intent in [Intent::AcceptStuck, Intent::Type('4'), Intent::Type('0'), Intent::Next, Intent::Enter] {
        press(&mut app, intent);
    }
    let accepted =
        || script.lock().unwrap().told.iter().any(|command| matches!(command, Command::AcceptStuck { .. }));
    let shown = shot(&mut app, (60, 20), Glyphs::Ascii);
    assert!(!accepted() && shown.contains("read all names first: 6 of 40"), "{shown}");
    let mut seen = String::new();
    for _ in 0..7 {
        seen.push_str(&shot(&mut app, (60, 20), Glyphs::Ascii));
        press(&mut app, Intent::Enter);
        assert!(!accepted() || names.iter().all(|name| seen.contains(name.as_str())), "{seen}");
        press(&mut app, Intent::Move(Motion::PageDown));
    }
    assert!(names.iter().all(|name| seen.contains(name.as_str())), "{seen}");
    press(&mut app, Intent::Enter);
    assert!(accepted());
}

/// What the last line offers does something.
#[test]
fn every_hint_of_the_last_line_works() {
    let mut closed = scene::move_phase();
    (closed.state, closed.current) = (RunState::Closed(RunEnd::Completed), None);
    let mut watching = is_back();
    (watching.state, watching.watches) = (RunState::Closed(RunEnd::Monitoring), true);
    let mut pending = scene::move_phase();
    pending.current = Some(0);
    let views = [
        ("ready", fresh(), &["enter confirm"][..], &["u undo", "go on"][..]),
        ("running", scene::move_phase(), &["h hold", "n note"], &["enter", "s skip"]),
        ("held", held(), &["enter go on", "h go on"], &["confirm", "h hold", "s skip"]),
        ("gate red", gate_red(), &["enter see why", "h hold"], &["enter confirm"]),
        ("log-off", scene::log_off(scene::offer(2, Some("67"))), &["enter confirm", "s skip"], &["u undo"]),
        ("closed", closed, &["o runs", "r run"], &["enter", "h hold", "n note"]),
        ("watching", watching, &["o runs"], &["n note", "h hold"]),
    ];
    for (name, view, with, without) in views {
        let mut app = scene::running(view).0;
        let shown = shot(&mut app, (160, 50), Glyphs::Ascii);
        let last = shown.lines().rfind(|line| line.contains("? help")).unwrap();
        assert!(with.iter().all(|words| last.contains(words)), "{name}: {last}");
        assert!(!without.iter().any(|words| last.contains(words)), "{name}: {last}");
        for (key, what) in hints::run(&app, app.run_view().unwrap()) {
            let bound = keymap::BINDINGS
                .iter()
                .find(|binding| binding.key.name() == key && binding.contexts.contains(keymap::Context::Run));
            let why = keymap::why_not(&app, bound.unwrap().intent);
            assert_eq!(why, None, "{name}: `{key} {what}` does nothing");
        }
    }
    // A key that does nothing says why.
    let app = scene::running(scene::move_phase()).0;
    let why = keymap::why_not(&app, Intent::Enter).unwrap();
    assert_eq!(why, "a7-revoke is running");
}

/// A level-2 dialog over a step that moves hosts.
fn over_hosts(at: usize, verb: &'static str, words: [&str; 4], hosts: usize) -> App {
    let mut offer = scene::offer(1, None);
    let [what, effect, before, after] = words;
    (offer.what, offer.effect) = (Safe::new(what), Safe::new(effect));
    offer.before_after = (Safe::new(before), Safe::new(after));
    offer.writes = (1..=hosts)
        .map(|number| WriteLine {
            key: format!("shne-hr-{number:02}"),
            verb,
            method: "POST".to_owned(),
            path: Safe::new(&format!(
                "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-hr-ne/providers/\
                 Microsoft.Compute/virtualMachines/shne-hr-{number:02}/{verb}"
            )),
        })
        .collect();
    let mut view = scene::log_off(offer.clone());
    (view.steps[8].offer, view.steps[8].state) = (None, StepState::Pending);
    (view.steps[at].offer, view.steps[at].state) = (Some(offer), StepState::Ready);
    view.steps[at].usual = minutes(20);
    view.current = Some(at);
    confirming(view, "")
}

#[test]
fn a_dialog_over_hosts_counts_them_and_shows_the_first_call() {
    let words = ["8 of 12 hosts of hr in NE", "they take sessions", "NE 4 running", "NE 12 running"];
    let mut app = over_hosts(2, "start", words, 8);
    for size in [(80, 24), (60, 20)] {
        let shown = shot(&mut app, size, Glyphs::Box);
        for words in ["8 of 12 hosts", "8 x POST", "first POST ~", "/virtualMachines/shne-hr-01/start"] {
            assert!(shown.contains(words), "no `{words}` in:\n{shown}");
        }
        insta::assert_snapshot!(format!("confirm_hosts_{}x{}", size.0, size.1), shown);
    }
}

/// What a dialog has no room for is read by scrolling, every target of it; what must be read before anything is
/// pressed stays where it is.
#[test]
fn a_dialog_that_is_cut_is_read_whole_by_scrolling() {
    for (size, count) in [((60, 20), 67), ((80, 24), 67), ((60, 20), 3), ((160, 50), 67)] {
        for (down, up) in [(Motion::Down, Motion::Up), (Motion::PageDown, Motion::PageUp)] {
            let mut offer = scene::offer(2, Some("67"));
            offer.writes.truncate(count);
            let targets: Vec<String> =
                offer.writes.iter().map(|write| format!("log off {} ", write.key)).collect();
            let mut app = confirming(scene::log_off(offer), "");
            let first = shot(&mut app, size, Glyphs::Box);
            let cut = first.contains("taller window shows all");
            assert!(!cut || first.contains("pgdn or a taller window"), "{size:?}\n{first}");
            let mut all = first.clone();
            let mut time = 90_000;
            let mut go = |app: &mut App, motion| {
                time += 400;
                app.update(Event::Intent(Intent::Move(motion)), at(time));
                shot(app, size, Glyphs::Box)
            };
            for _ in 0..count + 24 {
                let shot = go(&mut app, down);
                let (asks, button) = ("to confirm, tab, enter:", "> Cancel");
                assert!(shot.contains(asks) && shot.contains(button), "{size:?} {down:?}\n{shot}");
                all.push_str(&shot);
            }
            let missing: Vec<&String> = targets.iter().filter(|target| !all.contains(*target)).collect();
            assert!(missing.is_empty(), "{size:?} {count} {down:?}: {missing:?}");
            // Past the end there is nothing: the first key goes back, and as many as went down are enough.
            let end = go(&mut app, down);
            let at = app.body_at();
            assert_eq!(go(&mut app, down).lines().nth(3), end.lines().nth(3), "{size:?} {down:?}");
            assert_eq!(app.body_at(), at, "{size:?} {down:?}");
            let step = app.body_at();
            go(&mut app, up);
            assert!(step == 0 || app.body_at() < at, "{size:?} {up:?}: {at}");
            assert_eq!(step == 0, !cut && count == 3, "{size:?} {down:?}: {at}\n{end}");
            // Back at its beginning it is as it was.
            let back = (0..count + 24).map(|_| go(&mut app, up)).last();
            // The first line counts down the token.
            let below = |shot: &String| shot.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(back.as_ref().map(below), Some(below(&first)), "{size:?} {up:?}");
        }
    }
}

/// What can be paid is what a person comes back for: it is read by its name at every size, folded or not, while the
/// region is back.
#[test]
fn what_can_be_paid_now_is_named_at_every_size() {
    for size in [(60, 20), (80, 24), (100, 30), (160, 50)] {
        let mut app = scene::running(is_back()).0;
        let shown = shot(&mut app, size, Glyphs::Box);
        assert!(shown.contains("ready a5 "), "{size:?}\n{shown}");
        assert!(
            shown.lines().any(|line| line.contains(" a5 ") && line.contains("drain WE")),
            "{size:?}\n{shown}"
        );
    }
}

/// What an abort leaves has its name also where the step in turn has nothing to say of it.
#[test]
fn what_an_abort_leaves_has_its_name_before_the_step_in_turn_begins() {
    let mut view = scene::move_phase();
    (view.current, view.wrote) = (Some(8), true);
    view.steps[8].items.clear();
    for size in [(60, 20), (80, 24)] {
        let mut app = scene::running(view.clone()).0;
        pressed(&mut app, &[Intent::Interrupt]);
        let shown = shot(&mut app, size, Glyphs::Box);
        assert!(shown.lines().any(|line| line.contains("│ stays    14 changes made")), "{size:?}\n{shown}");
    }
}

/// A sentence never stands under a name that is not its own: of an abort what stays goes with its name, at every
/// height.
#[test]
fn a_sentence_keeps_its_name_where_lines_are_dropped() {
    for height in 20..32 {
        let mut app = scene::running(scene::move_phase()).0;
        pressed(&mut app, &[Intent::Interrupt]);
        let shown = shot(&mut app, (60, height), Glyphs::Box);
        let inner = |line: &str| line.split('│').nth(1).unwrap_or_default().to_owned();
        let lines: Vec<String> = shown.lines().map(inner).collect();
        let kept = lines.iter().position(|line| line.contains("made and kept"));
        let named = |at: usize| {
            let name = |line: &&String| line.get(1..9).is_some_and(|name| !name.trim().is_empty());
            lines[..=at].iter().rfind(name).cloned().unwrap_or_default()
        };
        let name = kept.map(named);
        assert!(name.as_ref().is_none_or(|name| name.contains("stays")), "{height}: {name:?}\n{shown}");
    }
}

/// What the title of a step offers by a key is hinted at on the last line too, whatever the size.
#[test]
fn a_notice_that_can_be_cut_short_has_its_key_on_the_last_line() {
    for offered in [true, false] {
        let mut view = fresh();
        view.steps[7].state = StepState::Waiting;
        view.steps[7].choices = if offered { vec![Choice::ShortenNotice, Choice::Skip] } else { Vec::new() };
        view.current = Some(7);
        for size in [(60, 20), (80, 24), (160, 50)] {
            let shown = shot(&mut scene::running(view.clone()).0, size, Glyphs::Box);
            let last = shown.lines().last().unwrap_or_default();
            assert_eq!(last.contains("w end notice"), offered, "{size:?} {shown}");
            assert!(last.contains("? help"), "{size:?} {shown}");
        }
    }
}

/// How long a run has rested counts from its last work: whoever armed over it since has done none.
#[test]
fn a_resume_dates_by_work_and_not_by_arming() {
    let mut view = fresh();
    (view.interrupted, view.hold) = (true, None);
    (view.worked_at, view.last_at) = (scene::noon() - minutes(12), scene::noon() - seconds(5));
    let mut app = scene::running(view).0;
    app.update(Event::Intent(Intent::Hold), at(1_000));
    for size in [(60, 20), (80, 24), (160, 50)] {
        let shown = shot(&mut app, size, Glyphs::Box);
        assert!(shown.contains("last at work 12:00 ago, 10:02:55Z"), "{size:?} {shown}");
    }
}

/// While a run is held nothing is skipped, and the last line does not say that it could be.
#[test]
fn a_held_run_offers_no_skip_and_says_which_key_goes_on() {
    let mut view = held();
    for step in &mut view.steps {
        step.choices = vec![Choice::Skip];
    }
    let mut app = scene::running(view).0;
    for size in [(60, 20), (80, 24), (160, 50)] {
        let shown = shot(&mut app, size, Glyphs::Box);
        assert!(!shown.lines().last().unwrap().contains("skip"), "{size:?}\n{shown}");
    }
    let why = keymap::why_not(&app, Intent::Skip).unwrap_or_default();
    assert_eq!(why, "the run is held, h goes on");
    pressed(&mut app, &[Intent::Skip]);
    assert!(app.modals.is_empty());
    assert_eq!(app.notice.as_ref().unwrap().text, why);
}

/// A number that must be typed says what it counts, where another stands beside it.
#[test]
fn the_number_that_must_be_typed_says_what_it_counts() {
    let cases = [
        ("at the start", 178, true, 181, Some("number   178: users with a session when the run began")),
        ("several sessions", 178, false, 181, Some("number   178: users, each once")),
        ("one each", 178, false, 178, None),
    ];
    for ((name, users, users_at_start, writes, told), size) in
        cases.into_iter().flat_map(|case| [(60, 20), (80, 24)].map(|size| (case, size)))
    {
        let mut offer = scene::offer(2, Some("178"));
        let write = offer.writes[0].clone();
        (offer.users, offer.users_at_start, offer.writes) = (users, users_at_start, vec![write; writes]);
        let shot = shot(&mut confirming(scene::log_off(offer), ""), size, Glyphs::Box);
        assert_eq!(told.is_some(), shot.contains("number   "), "{name} {size:?}\n{shot}");
        assert!(told.is_none_or(|told| shot.contains(told)), "{name} {size:?}\n{shot}");
    }
}

#[test]
fn a_token_that_ends_before_the_step_usually_does_is_said_before_it_starts() {
    let words = ["8 of 12 hosts of hr in NE", "they take sessions", "NE 4 running", "NE 12 running"];
    for (left, trouble, told) in [
        (25, None, None),
        (19, None, Some("ends in 19 min, before this step usually does, and has to be")),
        (9, Some(Safe::new("signed out")), Some("ends in 9 min, before this step usually does, and is not")),
    ] {
        let mut app = over_hosts(2, "start", words, 8);
        let terminal_ms = app.moment.terminal + left * 60_000 + 500;
        let status = TokenStatus::Until { terminal_ms, trouble, sealed: true };
        let now = app.moment;
        app.update(Event::Token { status, identity: None }, now);
        let shown = shot(&mut app, (80, 24), Glyphs::Ascii);
        assert_eq!(shown.contains("before this step usually"), told.is_some(), "{shown}");
        assert!(told.is_none_or(|told| shown.contains(told)), "{shown}");
    }
}

/// A level-3 dialog over the grant under debt.
pub(super) fn level_3() -> App {
    let mut offer = scene::offer(3, Some("NE"));
    offer.acknowledges = Some(Acknowledgement::FencedByEvidence);
    let mut view = scene::log_off(offer);
    view.mode = Mode::Ungraceful;
    confirming(view, "NE")
}

/// What proves the step, and how long it has taken against what is usual, have room in the smallest window
/// that is drawn whole.
#[test]
fn the_smallest_window_tells_proof_and_time_of_the_step() {
    let hours = |mut view: RunView, at: usize| {
        (view.steps[at].usual, view.steps[at].running) = (seconds(4_210), seconds(11_712));
        view
    };
    let views: [(&str, RunView, &str, &str); 6] = [
        ("start", fresh(), "by its own read", ""),
        ("move", scene::move_phase(), "by its own read", "usual 1:10 running 0:12"),
        ("failing", failing(), "by its own read", "usual 3:20 running 7:40"),
        ("gate red", gate_red(), "6 of 8 green", "usual 1:10   waiting 0:21"),
        ("held", held(), "by its own read", "usual 1:10 running 0:12"),
        ("hours", hours(scene::move_phase(), 7), "by its own read", "usual 1:10:10 running 3:15:12"),
    ];
    for (name, view, proof, times) in views {
        let shown = run_lines(view, (60, 20));
        let line = shown
            .lines()
            .find(|line| line.starts_with("\" proof "))
            .unwrap_or_else(|| panic!("{name}: {shown}"));
        assert!(line.contains(proof) && line.contains(times), "{name}: {line}");
        assert!(line.contains(" usual ") && !line.contains('~'), "{name}: {line}");
        assert!(shown.contains(" T+11:48"), "{name}: {shown}");
    }
    // What has no room there is counted whole.
    let shown = run_lines(failing(), (60, 20));
    assert!(shown.contains("and 62 more"), "{shown}");
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

/// Whatever has no room, what a button would do to which objects stands above it, and how many they are.
#[test]
fn a_short_window_keeps_the_targets_of_a_confirmation_and_what_to_do_instead_of_an_abort() {
    for remark in [None, Some("could not confirm a8-logoff: what it would touch has changed; look again")] {
        let mut app = level_3();
        if let Some(Modal::Confirm(dialog)) = app.modals.last_mut() {
            dialog.remark = remark.map(str::to_owned);
        }
        let shown = shot(&mut app, (60, 20), Glyphs::Box);
        for words in ["what     67 sessions", "67 x DELETE", "log off user001", "lines cut; pgdn or a taller"]
        {
            assert!(shown.contains(words), "no `{words}` in:\n{shown}");
        }
    }
    let mut view = scene::move_phase();
    view.steps[7].abort = "Who was revoked stays without access until somebody grants it again, \
         and whoever was logged off has lost what was not saved by then. "
        .repeat(2);
    view.steps[7].choices = vec![Choice::Undo];
    let mut app = scene::running(view).0;
    pressed(&mut app, &[Intent::Interrupt]);
    let shown = shot(&mut app, (60, 20), Glyphs::Box);
    for words in ["instead  esc, then h: holds the run", "cut; pgdn or a taller", "14 changes made and kept"]
    {
        assert!(shown.contains(words), "no `{words}` in:\n{shown}");
    }
}

/// What is refused while the run rests is not offered, and whoever presses it reads the key that goes on.
#[test]
fn a_held_run_offers_no_undo_and_says_which_key_goes_on() {
    let mut view = held();
    view.steps[7].undo = Some("u3-restore".to_owned());
    view.steps[7].choices = vec![Choice::Undo];
    let mut app = scene::running(view.clone()).0;
    let shown = shot(&mut app, (100, 30), Glyphs::Box);
    assert!(shown.contains("u3-restore not now: the run is held, h goes on"), "{shown}");
    assert!(hints::of(&app).iter().all(|(_, what)| *what != "undo"), "{:?}", hints::of(&app));
    pressed(&mut app, &[Intent::Undo]);
    let said = app.notice.as_ref().map(|notice| notice.text.clone()).unwrap_or_default();
    assert_eq!(said, "nothing is undone now: the run is held, h goes on");
    assert!(app.modals.is_empty());
    view.state = RunState::Running;
    let app = scene::running(view).0;
    assert!(hints::of(&app).iter().any(|(_, what)| *what == "undo"), "{:?}", hints::of(&app));
}

/// A step at work that a read-only cockpit cannot go on with: key, last line and sentence say the same.
#[test]
fn a_blocked_step_that_waits_for_arming_names_the_key_that_arms() {
    let why = "arm the cockpit to go on";
    for (attempts, arms) in [(1, true), (0, false)] {
        let mut view = scene::move_phase();
        view.steps[7].state = StepState::Blocked;
        view.steps[7].blocked_by = vec![Safe::new(why)];
        for item in &mut view.steps[7].items {
            item.attempts = attempts;
        }
        let id = view.steps[7].id.clone();
        let mut app = scene::running(view).0;
        let key = app.key(Intent::Arm);
        assert_eq!(hints::of(&app).iter().any(|(_, what)| *what == "arm"), arms);
        assert_eq!(shot(&mut app, (80, 24), Glyphs::Box).contains(&format!("{key} arms")), arms);
        pressed(&mut app, &[Intent::Enter]);
        let said = app.notice.as_ref().map(|notice| notice.text.clone()).unwrap_or_default();
        assert_eq!(said == format!("{id} is blocked: {why}; {key} arms it"), arms, "{said}");
    }
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
    assert!(shown.contains("RTO 1 h 48 m left") && !shown.contains("from start"), "{shown}");
    view.impact_stated = false;
    let shown = run_lines(view.clone(), (80, 24));
    assert!(shown.contains("RTO 1 h 48 m left from start"), "{shown}");
    let shown = run_lines(view.clone(), (140, 40));
    assert!(shown.contains("RTO 1 h 48 m left from the start of the run"), "{shown}");
    // Neither debts nor a small window take it away.
    view.debts =
        ["a3-hold-active-scaling", "a5-drain", "a7-revoke", "a8-log-off"].map(str::to_owned).to_vec();
    for size in [(60, 20), (80, 24), (100, 30)] {
        let shown = run_lines(view.clone(), size);
        let since = ["from start", "from the start of the run"];
        let said = since.iter().any(|since| shown.contains(&format!("RTO 1 h 48 m left {since}")));
        assert!(said, "{size:?} {shown}");
        assert!(shown.contains("debts: 4"), "{size:?} {shown}");
    }
}

#[test]
fn an_old_proof_is_not_shown_as_ok() {
    let mut view = scene::gate();
    view.steps[10].proofs[0].age_s = Some(830);
    view.steps[10].old_proofs = vec!["no-holder-on-active".to_owned()];
    let all = view.steps[10].proofs.len();
    let shown = run_lines(view, (80, 24));
    assert!(shown.contains("?  no-holder-on-active last 0 of 3") && shown.contains("13m!"), "{shown}");
    assert!(shown.contains(&format!("of {all} green, 1 too old")), "{shown}");
    assert!(!shown.contains(&format!("{all} of {all} green")), "{shown}");
}

/// A value can rest on an old answer though it was looked at a moment ago: it stands as it is, and its age
/// is marked.
#[test]
fn a_proof_that_rests_on_an_old_answer_has_its_age_marked() {
    for (dated, age) in [(false, "13m"), (true, "13m!")] {
        let mut view = scene::gate();
        view.steps[10].proofs[0].age_s = Some(830);
        if dated {
            view.steps[10].dated_proofs = vec!["no-holder-on-active".to_owned()];
        }
        for size in [(60, 20), (80, 24), (160, 50)] {
            let shown = run_lines(view.clone(), size);
            let line = shown.lines().find(|line| line.contains("no-holder-on-active")).unwrap_or_default();
            assert!(line.contains("ok no-holder-on-active 0 of 3"), "{size:?} {shown}");
            assert_eq!((line.contains("13m!"), line.contains(age)), (dated, true), "{size:?} {line}");
        }
    }
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
fn a_step_that_an_abort_left_in_the_middle_is_not_drawn_as_never_begun() {
    let mut view = scene::move_phase();
    (view.state, view.current) = (RunState::Closed(RunEnd::AbortedAsIs), None);
    view.steps[7].state = StepState::Pending;
    view.steps[7].items = vec![ItemView { attempts: 1, ..scene::item("GRP1 @ DAG1", ItemPhase::Done, "") }];
    let shown = run_lines(view.clone(), (80, 24));
    assert!(shown.contains("left in the middle") || shown.contains("!  a7  revoke WE"), "{shown}");
    view.steps[7].items[0].attempts = 0;
    let shown = run_lines(view, (80, 24));
    assert!(!shown.contains("left in the middle") && !shown.contains("!  a7  revoke WE"), "{shown}");
}

/// What somebody took back is not drawn as done, open or in its phase's line, and the step says what is seen now.
#[test]
fn a_step_that_is_no_longer_so_is_not_drawn_as_done() {
    let mut view = scene::move_phase();
    let drain = view.steps.iter().position(|step| step.id.starts_with("a5-")).unwrap();
    view.steps[drain].state = StepState::Done;
    let before = run_lines(view.clone(), (80, 24));
    assert!(before.contains("ok a5 ") && !before.contains("no longer so"), "{before}");
    view.steps[drain].no_longer = Some(Safe::new("0 of 12 refuse new sessions"));
    for size in [(60, 20), (80, 24), (160, 50)] {
        let shown = run_lines(view.clone(), size);
        assert!(shown.contains("!  a5 ") && shown.contains("no longer so"), "{shown}");
    }
    view.current = Some(view.phases.last().unwrap().first);
    view.steps[drain + 1..].iter_mut().for_each(|step| step.state = StepState::Done);
    let shown = run_lines(view, (60, 20));
    assert!(shown.contains("a5 no longer so") || shown.contains("!  a5 "), "{shown}");
}

#[test]
fn items_that_are_not_shown_are_told_apart() {
    use ItemPhase::{Done, Failed, Pending};
    let cases = [
        (Done, "and 34 more "),
        (Pending, "and 34 more, 20 of them to come "),
        (Failed, "and 34 more, 14 of them failed"),
    ];
    for (rest, said) in cases {
        let mut view = scene::move_phase();
        let of = |n| if n < 20 { Done } else { rest };
        view.steps[7].items = (0..40).map(|n| scene::item(&format!("shwe-hr-{n:02}"), of(n), "")).collect();
        let shown = run_lines(view, (80, 24));
        assert!(shown.contains(said), "{rest:?} {shown}");
    }
}

/// While its undo is at work a step is done no longer, and its phase is not `ok`.
#[test]
fn a_step_that_is_being_undone_is_not_called_done() {
    let undoing = |state, attempts| {
        let mut view = scene::move_phase();
        view.steps[5].undo = Some("a5-admit".to_owned());
        (view.steps[5].stands, view.steps[5].taken_back) = (5, 7);
        let mut undo =
            scene::step("a5-admit", "admit to WE again", crate::runbook::StepKind::Automatic, state);
        undo.is_undo = true;
        undo.items = vec![ItemView { attempts, ..scene::item("shwe-hr-01", ItemPhase::Following, "") }];
        view.steps.push(undo);
        run_lines(view, (80, 24))
    };
    for state in [StepState::Confirmed, StepState::Running, StepState::Failed, StepState::TimedOut] {
        let shown = undoing(state, 1);
        assert!(shown.contains("u  a5  drain WE") && shown.contains("being undone 7 of 12"), "{shown}");
    }
    for (state, attempts) in [(StepState::Ready, 0), (StepState::Blocked, 0), (StepState::Done, 1)] {
        let shown = undoing(state, attempts);
        assert!(!shown.contains("being undone"), "{state:?} {shown}");
    }
}

#[test]
fn what_cannot_be_undone_now_says_why() {
    let mut view = scene::move_phase();
    view.steps[7].no_undo = Some("users were let in on the other side");
    let shown = run_lines(view, (80, 24));
    assert!(shown.contains("a7-regrant not now: users were let in on the other side"), "{shown}");
}

/// What the engine tells of another try of three sessions, and of a restart under one of them.
fn another_try() -> Again {
    let line = |key: &str, verb, method: &str, path: &str| WriteLine {
        key: key.to_owned(),
        verb,
        method: method.to_owned(),
        path: Safe::new(path),
    };
    let session = "/subscriptions/s/hostPools/hp-hr-we/sessionHosts/shwe-hr-01/userSessions/7";
    let machine = "/subscriptions/s/virtualMachines/shwe-hr-01/restart";
    Again {
        retries: (63..=65).map(|n| line(&format!("user{n:03}"), "log off", "DELETE", session)).collect(),
        restart: Some(Restart {
            write: line("restart shwe-hr-01", "restart", "POST", machine),
            sessions: Some((3, scene::noon() - seconds(12))),
        }),
        effect: Safe::new("unsaved work is lost"),
        after: Safe::new("WE has no session"),
    }
}

/// Both questions that send something say what, from what to what, to how many, and by which calls.
#[test]
fn a_second_try_and_a_restart_say_what_they_do() {
    let at_work = |size| {
        let (mut app, _, script) = scene::running(failing());
        script.lock().unwrap().again = Some(another_try());
        pressed(&mut app, &[Intent::Pane(2)]);
        app.arming.arm(0);
        app.update(Event::Resized { w: size, h: 24 }, at(1));
        app
    };
    let retry = [
        "try all failed items of",
        "what     3 sessions to log off",
        "effect   unsaved work is lost",
        "before   user063: 409 Conflict",
        "after    WE has no session",
        "undo     none",
        "usual    3:20",
        "calls    3 x DELETE, first ",
    ];
    let restart = [
        "what     1 host to restart; 3 sessions on it, 12s ago",
        "effect   who is on it is signed out, unsaved work is lost",
        "after    the host starts anew without its sessions",
        "undo     none",
        "usual    not known",
        "calls    1 x POST ",
    ];
    let mut app = at_work(80);
    pressed(&mut app, &[Intent::Retry]);
    let shown = shot(&mut app, (80, 24), Glyphs::Box);
    for line in retry {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let mut app = at_work(80);
    pressed(&mut app, &[Intent::Palette]);
    pressed(&mut app, &"restart user063".chars().map(Intent::Type).collect::<Vec<_>>());
    pressed(&mut app, &[Intent::Enter]);
    let shown = shot(&mut app, (80, 24), Glyphs::Box);
    for line in restart {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

/// Only what sends nothing says that nothing is sent.
#[test]
fn a_try_that_sends_something_is_not_called_waiting() {
    for sends in [true, false] {
        let (mut app, _, script) = scene::running(failing());
        let mut again = another_try();
        again.retries.retain(|_| sends);
        script.lock().unwrap().again = Some(again);
        pressed(&mut app, &[Intent::Pane(2)]);
        app.arming.arm(0);
        app.update(Event::Resized { w: 80, h: 24 }, at(1));
        pressed(&mut app, &[Intent::Retry]);
        let shown = shot(&mut app, (80, 24), Glyphs::Box);
        assert_eq!(shown.contains("│ wait for a8"), !sends, "{shown}");
        assert_eq!(shown.contains("calls    3 x DELETE"), sends, "{shown}");
    }
}
