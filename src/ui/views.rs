//! Whole screens of the lists and of what lies below and beside them, kept under `snapshots/`.

use crate::{
    app::{
        App, Event, Intent, Motion, World,
        dialog::Modal,
        scene::{self, Weather, at},
        screen::Screen,
    },
    domain::{
        Answer, Listing, Observation, Safe, Side, Source,
        pool::HostStatus,
        reading::{Silence, SilenceKind},
        standing,
        time::seconds,
    },
    engine::{Command, RunEvent, Stamped, event::Actor},
    status::{CellState, Component, Scope},
};

use super::{
    Glyphs,
    keymap::{BINDINGS, below},
    shots::shot,
};

const USUAL: (u16, u16) = (80, 24);

/// Presses keys, a second apart.
fn press(app: &mut App, intents: &[Intent]) {
    for (count, intent) in intents.iter().enumerate() {
        app.update(Event::Intent(*intent), at(1_000 * (count as u64 + 1)));
    }
}

fn typed(text: &str) -> Vec<Intent> {
    text.chars().map(Intent::Type).collect()
}

/// A cockpit with the list of a row of home open.
fn opened(mut app: App, row: usize) -> App {
    let down = vec![Intent::Move(Motion::Down); row];
    press(&mut app, &down);
    press(&mut app, &[Intent::Enter]);
    app
}

const HOSTS: usize = 2;
const SESSIONS: usize = 3;
const ASSIGNMENTS: usize = 4;
const POOLS: usize = 1;

/// An answer, or the reason why there is none, that came two minutes after everything else.
fn came(source: Source, outcome: Result<Answer, Silence>, ago: i64) -> Event {
    let ended = scene::noon() - seconds(ago);
    Event::Observed(Observation { source, started: ended, ended, outcome })
}

fn silence(kind: SilenceKind, why: &str) -> Result<Answer, Silence> {
    Err(Silence { kind, why: Safe::new(why) })
}

/// West Europe is silent, North Europe denies.
fn silent() -> App {
    let mut app = scene::app(World::Live, Weather::Calm);
    for index in 0..2 {
        let we = |source| came(source, silence(SilenceKind::Unreachable, "no answer in 10 s"), 0);
        let ne = |source| came(source, silence(SilenceKind::Denied, "AuthorizationFailed"), 0);
        for make in [Source::Hosts, Source::Sessions, Source::Assignments] {
            app.update(we(make(index, Side::Primary)), at(0));
            app.update(ne(make(index, Side::Secondary)), at(0));
        }
    }
    app
}

/// Nothing is there: empty lists in West Europe, no answer yet in North Europe.
fn empty() -> App {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.picture.clear();
    for index in 0..2 {
        app.update(
            came(Source::Hosts(index, Side::Primary), Ok(Answer::Hosts(Listing::whole(vec![], 1))), 0),
            at(0),
        );
    }
    app
}

fn fresh() -> App {
    scene::app(World::Live, Weather::Outage)
}

#[test]
fn lists_fresh_silent_and_empty() {
    for (name, app) in [("fresh", fresh()), ("silent", silent()), ("empty", empty())] {
        let mut app = opened(app, HOSTS);
        insta::assert_snapshot!(format!("hosts_{name}"), shot(&mut app, USUAL, Glyphs::Box));
    }
}

#[test]
fn groups_stand_beside_their_twins() {
    let mut app = opened(scene::app(World::Live, Weather::Calm), POOLS);
    insta::assert_snapshot!("pools", shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn holders_stand_beside_their_twins() {
    let mut app = opened(scene::app(World::Live, Weather::Calm), ASSIGNMENTS);
    app.update(Event::Observed(scene::stranger_on_standby(&scene::helpdesk())), at(0));
    insta::assert_snapshot!("holders", shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn sessions_filtered_and_small() {
    let mut app = opened(scene::app(World::Live, Weather::Calm), SESSIONS);
    press(&mut app, &[Intent::Filter]);
    press(&mut app, &typed("state=disc*"));
    press(&mut app, &[Intent::Enter, Intent::Sort]);
    app.notice = None;
    insta::assert_snapshot!("sessions_filtered", shot(&mut app, (60, 20), Glyphs::Box));
}

#[test]
fn a_filter_that_cannot_be_read_hides_nothing() {
    let mut app = opened(fresh(), HOSTS);
    press(&mut app, &[Intent::Filter]);
    press(&mut app, &typed("statsu=x"));
    insta::assert_snapshot!("filter_mistake", shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn details_fresh_silent_and_gone() {
    let mut app = opened(fresh(), HOSTS);
    press(&mut app, &[Intent::Enter]);
    insta::assert_snapshot!("detail_fresh", shot(&mut app, USUAL, Glyphs::Box));
    let mut app = opened(silent(), SESSIONS);
    press(&mut app, &[Intent::Enter]);
    insta::assert_snapshot!("detail_silent", shot(&mut app, USUAL, Glyphs::Box));
    let mut app = opened(fresh(), HOSTS);
    press(&mut app, &[Intent::Enter]);
    for index in 0..2 {
        let none = Ok(Answer::Hosts(Listing::whole(vec![], 1)));
        app.update(came(Source::Hosts(index, Side::Primary), none, 0), at(0));
    }
    insta::assert_snapshot!("detail_gone", shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn a_word_of_azures_that_is_not_known_is_shown_as_it_came() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let source = Source::Hosts(0, Side::Primary);
    let Some(Answer::Hosts(all)) = app.picture.last(&source).map(|look| look.answer.clone()) else {
        panic!()
    };
    let all = all.each(|host| host.status = HostStatus::parse("Renovating"));
    app.update(came(source, Ok(Answer::Hosts(all)), 0), at(0));
    let mut app = opened(app, HOSTS);
    press(&mut app, &[Intent::Enter]);
    let shot = shot(&mut app, USUAL, Glyphs::Box);
    assert!(shot.contains("`Renovating`, a word this version does not know"), "{shot}");
}

#[test]
fn the_pane_under_focus_takes_the_window() {
    let mut app = opened(fresh(), HOSTS);
    press(&mut app, &[Intent::Next, Intent::Zoom]);
    insta::assert_snapshot!("hosts_zoomed", shot(&mut app, USUAL, Glyphs::Box));
    press(&mut app, &[Intent::Escape]);
    assert!(shot(&mut app, USUAL, Glyphs::Box).contains("WE hosts"));
}

#[test]
fn vantage_fresh_silent_and_empty() {
    let mut blind = scene::app(World::Live, Weather::Calm);
    let all: Vec<Source> = blind.picture.iter().map(|(source, _)| source.clone()).collect();
    for source in all {
        let outcome = silence(SilenceKind::Unreachable, "no answer in 10 s (limit 10 s)");
        blind.update(came(source, outcome, 0), at(0));
    }
    for (name, mut app) in [("fresh", fresh()), ("silent", blind), ("empty", empty())] {
        press(&mut app, &[Intent::Pane(7)]);
        insta::assert_snapshot!(format!("vantage_{name}"), shot(&mut app, USUAL, Glyphs::Box));
    }
}

#[test]
fn readiness_fresh_silent_and_empty() {
    let apps = [("fresh", scene::app(World::Live, Weather::Calm)), ("silent", silent()), ("empty", empty())];
    for (name, mut app) in apps {
        app.update(Event::Tick, at(2_000));
        press(&mut app, &[Intent::Pane(6)]);
        insta::assert_snapshot!(format!("readiness_{name}"), shot(&mut app, USUAL, Glyphs::Box));
    }
}

fn records() -> Vec<Stamped> {
    let actor = Actor { upn: Safe::new("op.01@contoso.example"), oid: Safe::default(), os: Safe::default() };
    let note = |n: i64| Stamped {
        wall: scene::noon() - seconds(60 - n),
        mono_ms: 1,
        actor: actor.clone(),
        event: match n % 9 {
            8 => RunEvent::Skipped { step: "a6-tell".to_owned(), reason: Safe::new("nobody is there") },
            _ => RunEvent::Paid { step: "a7-revoke".to_owned(), evidence: Safe::new("404 twice") },
        },
    };
    (0..40).map(note).collect()
}

#[test]
fn journal_fresh_silent_and_empty() {
    let run = || scene::running(scene::move_phase()).0;
    let read = |app: &mut App, outcome: Result<Vec<Stamped>, Safe>| {
        app.update(Event::JournalRead { run: "r-20261120-1003-7k".to_owned(), outcome }, at(9_000));
    };
    let mut app = run();
    press(&mut app, &[Intent::Pane(3)]);
    let loading = shot(&mut app, USUAL, Glyphs::Box);
    assert!(loading.contains("not read yet: the journal of r-20261120-1003-7k"), "{loading}");
    read(&mut app, Ok(records()));
    press(&mut app, &[Intent::Move(Motion::PageUp)]);
    insta::assert_snapshot!("journal_fresh", shot(&mut app, USUAL, Glyphs::Box));
    let mut app = run();
    press(&mut app, &[Intent::Pane(3)]);
    read(&mut app, Err(Safe::new("open /j/r.jsonl: permission denied")));
    insta::assert_snapshot!("journal_silent", shot(&mut app, USUAL, Glyphs::Box));
    let mut app = fresh();
    press(&mut app, &[Intent::Pane(3)]);
    insta::assert_snapshot!("journal_empty", shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn nothing_is_decided_over_a_frozen_display() {
    for binding in BINDINGS {
        for screen in [1, 2, 3, 4, 5, 6, 7].map(Intent::Pane) {
            let (mut app, _, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
            press(&mut app, &[screen, Intent::Freeze]);
            let told = script.lock().unwrap().told.len();
            if !binding.contexts.contains(below(&app)) || binding.intent == Intent::Freeze {
                continue;
            }
            press(&mut app, &[binding.intent]);
            let decides = app.modals.iter().any(Modal::decides);
            let acted = script.lock().unwrap().told.len() > told;
            assert!(app.frozen().is_none() || !(decides || acted), "{:?}", binding.intent);
        }
    }
    // By its word as well.
    for word in ["arm", "abort", "note lunch", "hold", "skip", "undo", "leave 4c4c known"] {
        let (mut app, _, _) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
        press(&mut app, &[Intent::Freeze, Intent::Palette]);
        press(&mut app, &typed(word));
        assert!(app.frozen().is_some());
        press(&mut app, &[Intent::Enter]);
        assert!(app.frozen().is_none(), "{word}");
    }
}

/// What a window is too small to show takes no key: neither a dialog that is open nor one that would be.
#[test]
fn nothing_is_decided_in_a_window_that_is_too_small() {
    let leaves = [Intent::Escape, Intent::Interrupt, Intent::Back, Intent::Hold, Intent::Flip];
    // Armed, with the code in the dialog and the focus on its button: enter confirms it.
    let arms = [vec![Intent::Arm], typed("contoso-avd"), vec![Intent::Next, Intent::Enter]].concat();
    let asks = [vec![Intent::Enter], typed("67"), vec![Intent::Next]].concat();
    for (small, (w, h)) in [(true, (59, 30)), (true, (60, 19)), (true, (40, 10)), (false, (60, 20))] {
        for binding in BINDINGS.iter().filter(|binding| !leaves.contains(&binding.intent)) {
            let case = format!("{w}x{h} {:?}", binding.intent);
            let (mut app, _, script) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
            let mut time = 0;
            let mut press = |app: &mut App, intents: &[Intent]| {
                for intent in intents {
                    time += 1_000;
                    app.update(Event::Intent(*intent), at(time));
                }
            };
            press(&mut app, &[arms.clone(), asks.clone()].concat());
            assert!(matches!(app.modals.last(), Some(Modal::Confirm(_))), "{case}");
            app.update(Event::Resized { w, h }, at(40_000));
            let told = script.lock().unwrap().told.len();
            if !small {
                press(&mut app, &[Intent::Enter]);
                let confirms = |told: &Command| matches!(told, Command::Confirm(_));
                assert!(script.lock().unwrap().told[told..].iter().any(confirms), "{case}");
                continue;
            }
            press(&mut app, &[Intent::Enter, binding.intent, Intent::Enter]);
            assert_eq!(app.modals.len(), 1, "{case}");
            let shot = shot(&mut app, (w, h), Glyphs::Box);
            assert!(shot.contains("a dialog is open; esc closes it"), "{shot}");
            press(&mut app, &[Intent::Escape]);
            assert!(app.modals.is_empty(), "{case}: it can be closed");
            press(&mut app, &[binding.intent]);
            press(&mut app, &asks);
            press(&mut app, &[Intent::Enter]);
            assert!(app.modals.is_empty(), "{case}");
            // Taking the dialog away tells the run so, and nothing else is told.
            let said = script.lock().unwrap().told[told..].to_vec();
            assert!(said.iter().all(|told| matches!(told, Command::Withdraw { .. })), "{case} {said:?}");
            // What holds is never kept from anybody, wherever the cursor was.
            press(&mut app, &[Intent::Escape, Intent::Flip]);
            let shot = self::shot(&mut app, (w, h), Glyphs::Box);
            assert!(shot.contains("m, then h: holds the run"), "{shot}");
            press(&mut app, &[Intent::Flip]);
            press(&mut app, &[Intent::Hold]);
            let holds = |told: &Command| matches!(told, Command::Hold { .. });
            assert!(script.lock().unwrap().told.iter().any(holds), "{case}");
        }
    }
}

#[test]
fn the_rows_of_a_line_stand_side_by_side_whatever_is_said_above_one_of_them() {
    for size in [USUAL, (60, 20)] {
        let mut app = scene::app(World::Live, Weather::Calm);
        let outcome = silence(SilenceKind::Unreachable, "no answer in 10 s (limit 10 s)");
        app.update(came(Source::Groups(0, Side::Secondary), outcome, 0), at(0));
        let mut app = opened(app, POOLS);
        let shot = shot(&mut app, size, Glyphs::Box);
        for name in ["appg2", "appg3", "hp-fin", "hp-hr"] {
            let line = shot.lines().find(|line| line.contains(&format!("{name}-we"))).unwrap();
            assert!(line.contains(&format!("{name}-ne")), "{shot}");
        }
    }
}

/// Every pane at every size that is drawn whole, and below: nothing panics, and line 1 keeps its badge.
#[test]
fn every_pane_is_drawn_at_every_size() {
    let ways: [&[Intent]; 9] = [
        &[Intent::Enter],
        &[Intent::Enter, Intent::Enter],
        &[Intent::Enter, Intent::Zoom, Intent::Sort],
        &[Intent::Enter, Intent::CopyField],
        &[Intent::Pane(3)],
        &[Intent::Pane(4), Intent::Pause, Intent::Freeze],
        &[Intent::Pane(6), Intent::Move(Motion::Last)],
        &[Intent::Pane(7), Intent::Move(Motion::Last)],
        &[Intent::Enter, Intent::Filter, Intent::Type('x')],
    ];
    for way in ways {
        for mut app in [fresh(), silent(), empty()] {
            press(&mut app, way);
            for size in [(1, 1), (59, 20), (60, 19), (60, 20), (61, 21), (79, 24), (100, 30), (220, 60)] {
                let shot = shot(&mut app, size, Glyphs::Ascii);
                assert!(size.0 < 59 || shot.lines().next().unwrap().contains("LIVE"), "{size:?}: {shot}");
            }
        }
    }
}

#[test]
fn a_frozen_display_says_so_on_line_1_at_every_width() {
    let mut app = scene::app(World::Live, Weather::Calm);
    press(&mut app, &[Intent::Freeze]);
    for seen in scene::readings(Weather::Outage) {
        app.update(Event::Observed(seen), at(43_000));
    }
    for (width, missed) in [(160, "FROZEN 00:42, "), (80, "FROZEN 00:42 +"), (60, "FROZEN 00:42 +")] {
        let shot = shot(&mut app, (width, 24), Glyphs::Box);
        let first = shot.lines().next().unwrap();
        assert!(first.contains(missed) && first.contains("LIVE RO"), "{first}");
        assert!(!first.contains("+0"), "{first}");
    }
}

/// What a run could not do is not called ready, and what has lost its process is not called at work.
#[test]
fn the_strip_says_what_can_be_done_and_what_was_cut_off() {
    let strip = |app: &mut App| {
        let home = shot(app, USUAL, Glyphs::Box);
        home.lines().find(|line| line.contains("avd-pooled-failover")).unwrap().to_owned()
    };
    let back = |services: &[usize]| {
        let mut app = scene::app(World::Live, Weather::Calm);
        for found in app.readiness.iter_mut().filter(|found| found.id == "way") {
            if services.contains(&found.service) {
                found.state = crate::readiness::State::Warn;
            }
        }
        strip(&mut app)
    };
    for (services, said) in [
        (&[][..], "  hr, fin   ready "),
        (&[0], "  fin   ready "),
        (&[0, 1], "  hr, fin   going back: not in this version"),
    ] {
        let line = back(services);
        assert!(line.contains(said), "{services:?}: {line}");
    }
    // Of a service that is not in scope nothing was checked: nothing is said of it.
    for (scope, of, said) in [
        (Scope::Service(0), &["hr", "fin"][..], "  hr   ready "),
        (Scope::Service(1), &["hr"], "  hr   not for this scope"),
        (Scope::All, &[], "avd-pooled-failover   no service that it could move"),
    ] {
        let mut app = scene::app(World::Live, Weather::Calm);
        app.scope = scope;
        for entry in &mut app.runbooks {
            entry.services = of.iter().map(ToString::to_string).collect();
        }
        app.settle();
        let line = strip(&mut app);
        assert!(line.contains(said), "{scope:?}: {line}");
    }
    for (interrupted, said) in [(true, "interrupted"), (false, "awaiting-person")] {
        let mut view = scene::move_phase();
        (view.interrupted, view.state) = (interrupted, crate::engine::view::RunState::AwaitingPerson);
        let mut app = scene::running(view).0;
        app.screen = Screen::Home;
        let line = strip(&mut app);
        assert!(line.contains(said), "{line}");
    }
}

/// A small window has no column for it: why a host has its `!` stands below, for the row under the cursor.
#[test]
fn a_small_list_tells_the_reason_of_a_mark() {
    let mut app = scene::running_over(scene::app(World::Live, Weather::Calm), scene::move_phase()).0;
    let source = Source::Hosts(0, Side::Primary);
    let mut hosts = standing::hosts(&app.picture, &source).unwrap().seen().to_vec();
    for host in &mut hosts {
        host.accepts = Some(false);
    }
    app.update(came(source, Ok(Answer::Hosts(Listing::whole(hosts, 1))), 0), at(1));
    app.screen = Screen::Lists(Component::Hosts);
    app.settle();
    let place = app
        .lists()
        .unwrap()
        .lines
        .iter()
        .position(|line| line.primary.as_ref().is_some_and(|row| row.state == CellState::Warn));
    app.list.put(place.unwrap());
    for (size, told) in [((60, 20), true), ((80, 24), false)] {
        let shot = shot(&mut app, size, Glyphs::Box);
        assert!(shot.lines().any(|line| line.starts_with("\">!  shwe-hr-")), "{shot}");
        assert_eq!(shot.contains("admits no, drained by this run, sessions "), told, "{shot}");
        assert_eq!(shot.lines().filter(|line| line.contains("admits ")).count(), usize::from(told), "{shot}");
    }
    app.side = Side::Secondary;
    let shot = shot(&mut app, (60, 20), Glyphs::Box);
    assert!(!shot.contains("drained by this run, sessions"), "{shot}");
}
