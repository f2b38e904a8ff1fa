//! What the last line and `?` say of the keys is true: each key that is offered does something there, and
//! each that is said to do nothing does nothing and has a reason.

use crate::{
    app::{
        App, Event, Intent, Motion, World,
        scene::{self, Weather, at},
        screen::Screen,
    },
    domain::Safe,
    engine::{
        RunView,
        event::RunEnd,
        view::{Choice, RunState},
    },
    status::Component,
};

use super::{
    Glyphs, hints,
    keymap::{self, BINDINGS},
    panes,
    shots::{confirming, shot},
    sizes,
};

/// A state of the cockpit, made anew whenever it is asked for.
type Maker = (String, Box<dyn Fn() -> App>);

fn maker(name: &str, make: impl Fn() -> App + 'static) -> Maker {
    (name.to_owned(), Box::new(make))
}

/// Presses keys, a second apart.
fn after(mut app: App, intents: &[Intent]) -> App {
    for (count, intent) in intents.iter().enumerate() {
        app.update(Event::Intent(*intent), at(1_000 * (count as u64 + 1)));
    }
    app
}

/// A run in some state, by its name.
type View = (&'static str, fn() -> RunView);

fn run_states() -> Vec<View> {
    vec![
        ("fresh", sizes::fresh),
        ("moving", scene::move_phase),
        ("failing", sizes::failing),
        ("gate red", sizes::gate_red),
        ("held", sizes::held),
        ("back", sizes::is_back),
        ("log-off", || scene::log_off(scene::offer(2, Some("67")))),
        ("closed", || {
            let mut view = scene::move_phase();
            (view.state, view.current) = (RunState::Closed(RunEnd::Completed), None);
            view
        }),
        ("watching", || {
            let mut view = sizes::is_back();
            (view.state, view.watches) = (RunState::Closed(RunEnd::Monitoring), true);
            view
        }),
        ("stopped", || {
            let mut view = scene::move_phase();
            view.stopped = Some(Safe::new("disk full"));
            view
        }),
        ("interrupted", || {
            let mut view = scene::move_phase();
            view.interrupted = true;
            view
        }),
        ("choices", || {
            let mut view = scene::move_phase();
            view.steps[7].choices =
                vec![Choice::Skip, Choice::Downgrade, Choice::ShortenNotice, Choice::Retry];
            view
        }),
    ]
}

/// Every screen in every condition, every state of a run, every dialog, and each of the screens frozen
/// and in a recording.
fn states() -> Vec<Maker> {
    let some = ["home", "hosts", "sessions", "detail", "runs", "events", "readiness", "vantage", "journal"];
    let mut all = panes::makers();
    all.retain(|(name, _)| {
        let (screen, condition) = name.split_once(' ').unwrap();
        some.contains(&screen) && ["empty", "fresh"].contains(&condition)
    });
    for (name, view) in run_states() {
        all.push(maker(&format!("run {name}"), move || scene::running(view()).0));
    }
    for pane in 1..=7 {
        all.push(maker(&format!("frozen {pane}"), move || {
            after(scene::running(scene::move_phase()).0, &[Intent::Pane(pane), Intent::Freeze])
        }));
        all.push(maker(&format!("replay {pane}"), move || {
            after(
                scene::app(World::Replay(crate::app::Recorded::Sim), Weather::Outage),
                &[Intent::Pane(pane)],
            )
        }));
    }
    for intent in [Intent::Start, Intent::Help, Intent::Palette, Intent::Arm, Intent::Lists, Intent::Filter] {
        all.push(maker(&format!("{intent:?}"), move || {
            after(scene::app(World::Sim, Weather::Calm), &[intent])
        }));
    }
    for focus in 1..=6 {
        all.push(maker(&format!("start dialog {focus}"), move || {
            let keys = [vec![Intent::Start], vec![Intent::Next; focus]].concat();
            after(scene::app(World::Sim, Weather::Calm), &keys)
        }));
    }
    let hosts = || {
        let mut app = scene::app(World::Sim, Weather::Calm);
        app.screen = Screen::Lists(Component::Hosts);
        app
    };
    all.push(maker("pick", move || after(hosts(), &[Intent::CopyField])));
    all.push(maker("filter of a list", move || after(hosts(), &[Intent::Filter, Intent::Type('s')])));
    all.push(maker("told", || {
        let mut app = scene::app(World::Sim, Weather::Calm);
        app.update(
            Event::RunRefused { order: None, why: Safe::new("open the run: it is locked") },
            at(1_000),
        );
        app
    }));
    all.push(maker("confirm 1", || confirming(scene::log_off(scene::offer(1, None)), "")));
    all.push(maker("confirm 2", || confirming(scene::log_off(scene::offer(2, Some("67"))), "67")));
    all.push(maker("confirm 3", sizes::level_3));
    for intent in
        [Intent::Interrupt, Intent::Note, Intent::Hold, Intent::Skip, Intent::Retry, Intent::Downgrade]
    {
        all.push(maker(&format!("asks {intent:?}"), move || {
            let view = run_states().into_iter().find(|(name, _)| *name == "choices").unwrap().1();
            after(scene::running(view).0, &[intent])
        }));
    }
    all.push(maker("leaving", || {
        after(scene::running(scene::move_phase()).0, &[Intent::Back, Intent::Back, Intent::Back])
    }));
    all
}

/// What is quickly told of a state; a notice is not of it.
fn stand(app: &App) -> String {
    let places = (app.screen, app.scope, app.side, &app.sort, &app.filter, app.frozen().is_some());
    format!("{places:?} {:?} {:?} {:?} {}", app.modals, app.list, app.home, app.arming.is_armed())
}

/// Whether a key changes anything or asks for anything in this state.
fn does(make: &dyn Fn() -> App, still: &mut App, intent: Intent) -> bool {
    let mut pressed = make();
    let effects = pressed.update(Event::Intent(intent), at(90_000));
    if !effects.is_empty() || stand(still) != stand(&pressed) {
        return true;
    }
    (still.notice, pressed.notice) = (None, None);
    let seen = |app: &mut App| shot(app, (80, 24), Glyphs::Ascii);
    seen(still) != seen(&mut pressed)
}

/// The state as it is where a key means nothing.
fn untouched(make: &dyn Fn() -> App) -> App {
    let mut app = make();
    app.update(Event::Intent(Intent::Type('~')), at(90_000));
    app
}

/// The intents of one name in a hint line.
fn meant(app: &App, name: &str) -> Vec<Intent> {
    let context = keymap::context(app);
    let bound = BINDINGS.iter().find(|one| one.key.name() == name && one.contexts.contains(context));
    let typed = || name.chars().next().filter(|_| name.chars().count() == 1).map(Intent::Type);
    bound.map(|one| one.intent).or_else(typed).into_iter().collect()
}

#[test]
fn every_key_that_is_offered_does_something() {
    let mut dead = Vec::new();
    for (name, make) in states() {
        let (app, mut still) = (make(), untouched(&make));
        for (keys, what) in hints::of(&app) {
            let keys: Vec<&str> = keys.split(' ').filter(|key| !matches!(*key, ".." | "e.g.")).collect();
            let intents: Vec<Intent> = keys.iter().flat_map(|key| meant(&app, key)).collect();
            if !keys.is_empty()
                && !intents.iter().any(|intent| does(&make, &mut still, *intent))
                && !at_end(&intents)
            {
                dead.push(format!("{name}: `{} {what}`", keys.join(" ")));
            }
        }
    }
    assert!(dead.is_empty(), "{} offered keys do nothing:\n{}", dead.len(), dead.join("\n"));
}

#[test]
fn every_key_that_help_dims_does_nothing_and_every_other_does_something() {
    let mut wrong = Vec::new();
    for (name, make) in states() {
        let app = make();
        if !app.modals.is_empty() || matches!(app.filter, crate::app::screen::Filter::Typing(_)) {
            continue;
        }
        let (context, mut still) = (keymap::below(&app), untouched(&make));
        for binding in BINDINGS.iter().filter(|binding| binding.contexts.contains(context)) {
            let works = does(&make, &mut still, binding.intent);
            // The double of a run offers whatever it is asked for; a real one refuses a step that waits.
            if binding.intent == Intent::Enter && name.starts_with("run ") && works {
                continue;
            }
            let said = match keymap::why_not(&app, binding.intent) {
                Some(why) if works && app.frozen().is_none() => format!("works, and is said not to: {why}"),
                // A cursor at an end, a pane that is there already, and a display that shows the same anyway.
                None if !works && !rests(binding.intent) => "does nothing, and no reason is given".to_owned(),
                _ => continue,
            };
            wrong.push(format!("{name}: `{}` {said}", binding.key.name()));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} wrong lines of help:\n{}", wrong.len(), wrong.join("\n"));
}

/// Keys that may find nothing to do without there being a reason worth a line: a cursor at an end, a pane
/// that is there already, a first press of two; and what asks for looks where none was made yet.
fn rests(intent: Intent) -> bool {
    use Intent::{Back, Escape, Events, Interrupt, Left, Move, Pane, Refresh, Runs};
    matches!(intent, Move(_) | Pane(_) | Escape | Back | Interrupt | Left | Events | Runs | Refresh)
}

/// Whether a hint is one to the end of a list, which may be reached.
fn at_end(intents: &[Intent]) -> bool {
    intents.iter().all(|intent| matches!(intent, Intent::Move(_) | Intent::Refresh))
}

#[test]
fn how_long_each_run_took_is_seen_at_80_columns() {
    let mut app = panes::makers().into_iter().find(|(name, _)| name == "runs many").unwrap().1();
    for (place, run) in app.runs.iter_mut().enumerate() {
        run.opened = crate::app::scene::noon() - crate::domain::time::minutes(10 * 60);
        run.took = Some(crate::domain::time::minutes(12 * 60 + 34));
        run.debts = place % 9;
    }
    let took = "12h34";
    let shown = shot(&mut app, (80, 24), Glyphs::Ascii);
    let rows = shown.lines().filter(|line| line.contains("ungraceful"));
    assert!(rows.clone().count() > 10 && rows.clone().all(|line| line.contains(took)), "{took}: {shown}");
    // One that goes on has not taken anything yet.
    for run in &mut app.runs {
        (run.open, run.debts) = (crate::app::run::RunOpen::Open, 0);
    }
    let shown = shot(&mut app, (80, 24), Glyphs::Ascii);
    assert!(!shown.contains(took), "{shown}");
}

#[test]
fn the_list_of_sessions_keeps_state_and_age_at_60_columns() {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.screen = Screen::Lists(Component::Sessions);
    let app = &mut after(app, &[Intent::Move(Motion::Last)]);
    for (size, host) in [((60, 20), false), ((80, 24), true)] {
        let shown = shot(app, size, Glyphs::Ascii);
        let heads = shown.lines().find(|line| line.contains(" user ")).unwrap();
        assert!(heads.contains(" state ") && heads.contains(" open"), "{shown}");
        assert_eq!(heads.contains(" host "), host, "{shown}");
    }
}
