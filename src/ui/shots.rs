//! Whole screens as text, kept under `snapshots/`.

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    layout::Rect,
    style::Color,
};

use crate::{
    app::{
        App, Event, Going, Intent, Moment, Recorded, Spot, TokenStatus, World,
        dialog::Modal,
        holders::Holders,
        scene::{self, Weather, at},
        start::Progress,
    },
    domain::time::{Span, clock_text, minutes, time_text},
    engine::{Command, Input, RunView, event::Acknowledgement, view::Drift},
    runbook::Mode,
};

use super::{Glyphs, Look, Zone, draw, theme::Theme};

pub(super) fn look(theme: &str, glyphs: Glyphs) -> Look {
    Look { theme: Theme::named(theme).unwrap(), glyphs, zone: Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").ok() }
}

/// The screen as text.
pub(super) fn shot(app: &mut App, (w, h): (u16, u16), glyphs: Glyphs) -> String {
    app.settle();
    let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
    let look = look("default", glyphs);
    terminal
        .draw(|frame| {
            let area = frame.area();
            let drawn = draw(app, &look, area, frame.buffer_mut());
            app.drawn(drawn.scrolls);
        })
        .unwrap();
    terminal.backend().to_string()
}

/// Arms over a run view with its turn on the log-off, and opens its confirmation.
pub(crate) fn confirming(view: RunView, typed: &str) -> App {
    let (mut app, _, _) = scene::running(view);
    let mut time = 1_000;
    let mut press = |app: &mut App, intent: Intent, wait: u64| {
        time += wait;
        app.update(Event::Intent(intent), at(time));
    };
    press(&mut app, Intent::Arm, 0);
    for c in "contoso-avd".chars() {
        press(&mut app, Intent::Type(c), 400);
    }
    press(&mut app, Intent::Next, 400);
    press(&mut app, Intent::Enter, 400);
    press(&mut app, Intent::Enter, 1_000);
    for c in typed.chars() {
        press(&mut app, Intent::Type(c), 400);
    }
    app
}

const USUAL: (u16, u16) = (80, 24);

#[test]
fn home_ascii() {
    let shot = shot(&mut scene::app(World::Live, Weather::Outage), USUAL, Glyphs::Ascii);
    assert!(shot.is_ascii());
    insta::assert_snapshot!(shot);
}

#[test]
fn a_token_that_is_not_renewed_says_so_at_every_width() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let status = TokenStatus::Until {
        terminal_ms: 9 * 60_000 + 500,
        trouble: Some("signed out".into()),
        sealed: true,
    };
    app.update(Event::Token { status, identity: None }, at(0));
    for (width, expected) in [(120, "token 9m unrenewed"), (80, "token 9m unrenewed"), (60, "tok 9m !")] {
        let shot = shot(&mut app, (width, 24), Glyphs::Box);
        assert!(shot.lines().next().unwrap().contains(expected), "{width}: {shot}");
    }
}

#[test]
fn a_token_that_ends_with_this_process_says_so_at_every_width() {
    let mut app = scene::app(World::Live, Weather::Calm);
    for (sealed, words) in
        [(false, ["token 52m memory only", "tok 52m mem", "tok 52m mem"]), (true, ["token 52m"; 3])]
    {
        let status = TokenStatus::Until { terminal_ms: 52 * 60_000 + 30_000, trouble: None, sealed };
        app.update(Event::Token { status, identity: None }, at(0));
        for (width, expected) in [120, 80, 60].into_iter().zip(words) {
            let shot = shot(&mut app, (width, 24), Glyphs::Box);
            let line = shot.lines().next().unwrap();
            let short = expected.replace("token", "tok");
            assert!(line.contains(expected) || (sealed && line.contains(&short)), "{width}: {line}");
            assert_eq!(line.contains("mem"), !sealed, "{width}: {line}");
        }
    }
}

/// The last line of a recording tells the moment of line 1, also between two times that the player told where
/// it is: at sixty times the speed a second of ours is a minute of it.
#[test]
fn the_last_line_of_a_recording_tells_the_moment_of_line_1() {
    let mut app = scene::app(World::Replay(Recorded::Live), Weather::Calm);
    let (going, length, began) = (Going::Playing, Span::from_mins(20), scene::noon());
    let spot = Spot { began, aim: None, length, record: 0, records: 0, going, cut: None };
    app.update(Event::Spot(spot), at(0));
    for seconds in [0, 7, 59, 600, 1_200] {
        let now = scene::noon() + Span::from_secs(seconds);
        app.update(Event::Tick, Moment { now, terminal: 0 });
        for width in [60, 80, 160] {
            let shot = shot(&mut app, (width, 24), Glyphs::Box);
            let (first, last) = (shot.lines().next().unwrap(), shot.lines().last().unwrap());
            assert!(first.contains(&time_text(now)), "{first}");
            let told = format!(" {} of 20:00", clock_text(Span::from_secs(seconds)));
            assert!(last.contains(&told), "{told}: {last}");
        }
    }
}

/// On the way to another place of a recording the display says so, and where to; what it shows is still where it
/// was.
#[test]
fn seeking_says_that_it_seeks_and_to_where() {
    let (length, began) = (Span::from_mins(20), scene::noon());
    for (aim, going, words) in [
        (Some(600), Going::Seeking, Some("seeking to 10:00 of 20:00")),
        (Some(1_200), Going::Seeking, Some("seeking to 20:00 of 20:00")),
        (None, Going::Paused, None),
    ] {
        for width in [60, 80, 160] {
            let mut app = scene::app(World::Replay(Recorded::Live), Weather::Calm);
            let aim = aim.map(Span::from_secs);
            let spot = Spot { began, aim, length, record: 3, records: 40, going, cut: None };
            app.update(Event::Spot(spot), at(0));
            let shot = shot(&mut app, (width, 24), Glyphs::Box);
            let (first, last) = (shot.lines().next().unwrap(), shot.lines().last().unwrap());
            assert_eq!(first.contains("SEEKING"), words.is_some(), "{width}: {first}");
            assert_eq!(last.contains("seeking"), words.is_some(), "{width}: {last}");
            assert!(words.is_none_or(|words| last.contains(words)), "{width}: {last}");
            assert!(first.contains("10:14:55Z"), "{width}: {first}");
        }
    }
}

/// A window may be small and full of marks: that nothing keeps the token stays on line 1, with the direction.
#[test]
fn that_nothing_keeps_the_token_is_said_beside_every_mark() {
    let lasts = TokenStatus::Until { terminal_ms: 52 * 60_000 + 30_000, trouble: None, sealed: false };
    for token in [lasts, TokenStatus::Opaque] {
        for marks in 0..8 {
            let mut apps = [scene::app(World::Live, Weather::Calm), scene::running(scene::move_phase()).0];
            for app in &mut apps {
                app.update(Event::Token { status: token.clone(), identity: None }, at(0));
                app.endpoint = (marks & 1 > 0).then(|| "127.0.0.1:54321".to_owned());
                app.recording = marks & 2 > 0;
                if marks & 4 > 0 {
                    app.redact(std::sync::Arc::default());
                }
                for width in [60, 80, 100, 160] {
                    let shot = shot(app, (width, 24), Glyphs::Box);
                    let line = shot.lines().next().unwrap();
                    let case = format!("{token:?} {marks} {width}: {line}");
                    assert!(line.contains(" mem ") || line.contains(" memory only "), "{case}");
                    assert!(says_direction(app, line), "{case}");
                }
            }
        }
    }
}

/// Whether line 1 says where users are sent: by the run, or of each service or all of them.
fn says_direction(app: &App, line: &str) -> bool {
    match app.run {
        Some(_) => line.contains(" WE>NE "),
        None => ["hr WE · fin WE ", "2 services WE ", " all WE "].iter().any(|words| line.contains(words)),
    }
}

/// A direction that nobody has seen for a while is the last one known, in every place that names it.
#[test]
fn a_direction_that_was_not_seen_lately_is_called_the_last() {
    let mut app = scene::app(World::Live, Weather::Calm);
    for (after_ms, is_past) in [(0, false), (40_000, false), (180_000, true)] {
        let later = Moment { now: scene::noon() + Span::from_millis(after_ms), terminal: after_ms as u64 };
        app.update(Event::Tick, later);
        app.settle();
        for size in [(60, 20), USUAL, (160, 50)] {
            for pane in [1, 7] {
                app.update(Event::Intent(Intent::Pane(pane)), later);
                let shot = shot(&mut app, size, Glyphs::Box);
                let mut lines = shot.lines();
                let (first, heads) = (lines.next().unwrap(), lines.next().unwrap());
                assert!(first.contains("last WE") == is_past, "{pane} {size:?} {after_ms}: {first}");
                assert!(heads.contains("last active") == is_past, "{pane} {size:?} {after_ms}: {heads}");
                assert!(heads.contains("last standby") == is_past, "{pane} {size:?} {after_ms}: {heads}");
            }
        }
    }
}

#[test]
fn line_1_keeps_all_that_counts_however_long_the_names_are() {
    let named = |app: &mut App| {
        let mut estate = scene::estate();
        estate.name = "contoso-virtual-desktop-production-estate".to_owned();
        app.estate = std::sync::Arc::new(estate);
        app.identity.name = "maximiliane.von.operator-delegate@subsidiary.contoso.example".into();
    };
    for width in [60, 80, 100, 160] {
        for redacted in [false, true] {
            let mut app = scene::app(World::Live, Weather::Outage);
            let (mut run, _, _) = scene::running(scene::move_phase());
            for app in [&mut app, &mut run] {
                named(app);
                if redacted {
                    app.redact(std::sync::Arc::default());
                }
                let first = shot(app, (width, 24), Glyphs::Box).lines().next().unwrap().to_owned();
                let who = if redacted { " user-01 " } else { " max" };
                let mask = if redacted { " REDACT" } else { " " };
                for word in ["LIVE ", " cont", who, mask, " tok", "52m", "Z "] {
                    assert!(first.contains(word), "{width}: no `{word}` in {first}");
                }
                assert!(says_direction(app, &first), "{width}: {first}");
                // Behind an endpoint a small window has no room for a token that lasts.
                app.endpoint = Some("127.0.0.1:54321".to_owned());
                let first = shot(app, (width, 24), Glyphs::Box).lines().next().unwrap().to_owned();
                let short = if redacted { " use" } else { who };
                for word in ["LIVE ", " con", short, mask, ":54321 ", "Z "] {
                    assert!(first.contains(word), "{width}: no `{word}` in {first}");
                }
                assert!(says_direction(app, &first), "{width}: {first}");
            }
        }
    }
}

type Spoilt<'a> = (&'static str, Vec<&'a dyn Fn(&mut App)>);

/// The name that is typed to arm is read whole where the windows are of the usual size: the name of who acts,
/// and what is good to know, make room.
#[test]
fn line_1_at_80_columns_keeps_the_name_of_the_estate() {
    let armed = |app: &mut App| {
        app.update(Event::Command(Command::Arm { on: true, how: "test".into() }), at(10));
    };
    let endpoint = |app: &mut App| app.endpoint = Some("127.0.0.1:54321".to_owned());
    let frozen = |app: &mut App| {
        app.update(Event::Intent(Intent::Freeze), at(11));
    };
    let recording = |app: &mut App| app.recording = true;
    let odd: [Spoilt<'_>; 6] = [
        ("plain", vec![]),
        ("armed", vec![&armed]),
        ("endpoint", vec![&endpoint]),
        ("frozen", vec![&frozen]),
        ("recording", vec![&recording]),
        ("recording, armed", vec![&recording, &armed]),
    ];
    let both: [Spoilt<'_>; 3] = [
        ("armed, frozen", vec![&armed, &frozen]),
        ("armed, endpoint", vec![&armed, &endpoint]),
        ("armed, recording, endpoint", vec![&armed, &recording, &endpoint]),
    ];
    for (name, spoil) in odd.into_iter().chain(both) {
        let mut home = scene::app(World::Live, Weather::Outage);
        let (mut run, _, _) = scene::running(scene::move_phase());
        for app in [&mut home, &mut run] {
            app.identity.name = "margarete.operator@contoso.example".into();
            for spoil in &spoil {
                spoil(app);
            }
            let first = shot(app, USUAL, Glyphs::Box).lines().next().unwrap().to_owned();
            for word in [" contoso-avd ", " mar", "52m ", "Z "] {
                // A token that lasts goes before the name is cut.
                let lasts = word == "52m " && name.contains("armed, ");
                assert!(lasts || first.contains(word), "{name}: no `{word}` in {first}");
            }
        }
    }
}

/// In a window that is too small for the rest, whether it is LIVE, whether it can write, and where users are
/// sent go last.
#[test]
fn line_1_keeps_mode_and_direction_in_the_smallest_window() {
    type Odd = (&'static str, fn(&mut App));
    let odd: [Odd; 6] = [
        ("plain", |_| {}),
        ("armed", |app| {
            app.update(Event::Command(Command::Arm { on: true, how: "test".into() }), at(10));
        }),
        ("endpoint", |app| app.endpoint = Some("127.0.0.1:54321".to_owned())),
        ("redacted", |app| app.redact(std::sync::Arc::default())),
        ("frozen", |app| {
            app.update(Event::Intent(Intent::Freeze), at(10));
        }),
        ("all", |app| {
            app.endpoint = Some("127.0.0.1:54321".to_owned());
            app.redact(std::sync::Arc::default());
            app.update(Event::Command(Command::Arm { on: true, how: "test".into() }), at(10));
            app.update(Event::Intent(Intent::Freeze), at(11));
        }),
    ];
    for (name, spoil) in odd {
        for width in 26..80 {
            let mut app = scene::app(World::Live, Weather::Outage);
            let (mut run, _, _) = scene::running(scene::move_phase());
            for app in [&mut app, &mut run] {
                spoil(app);
                let first = shot(app, (width, 10), Glyphs::Box).lines().next().unwrap().to_owned();
                assert!(first.contains(&format!(" {} ", app.badge())), "{name} {width}: {first}");
                assert!(says_direction(app, &first), "{name} {width}: {first}");
            }
        }
    }
}

#[test]
fn a_region_that_is_back_is_not_called_dead_while_its_signs_still_stand() {
    let mut view = scene::move_phase();
    view.mode = Mode::Ungraceful;
    for back in [false, true] {
        view.primary_is_back = back;
        let (mut app, _, _) = scene::running(view.clone());
        for seen in scene::readings(Weather::Outage) {
            app.update(Event::Observed(seen), at(0));
        }
        app.settle();
        assert!(app.summary.regions.primary.signs.dead());
        for (pane, size) in
            [1, 2].into_iter().flat_map(|pane| [(60, 20), (80, 24), (160, 50)].map(|size| (pane, size)))
        {
            app.update(Event::Intent(Intent::Pane(pane)), at(1_000));
            let shot = shot(&mut app, size, Glyphs::Box);
            assert_eq!(shot.contains(" DEAD"), !back, "{pane} {size:?}: {shot}");
            assert!(!back || shot.contains("IS BACK"), "{pane} {size:?}: {shot}");
            assert!(!(back && shot.contains("WE dead")), "{pane} {size:?}: {shot}");
        }
    }
}

#[test]
fn too_small() {
    insta::assert_snapshot!(shot(&mut scene::app(World::Live, Weather::Outage), (50, 10), Glyphs::Box));
}

#[test]
fn run_move_phase() {
    let (mut app, _, _) = scene::running(scene::move_phase());
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn run_small() {
    let (mut app, _, _) = scene::running(scene::move_phase());
    insta::assert_snapshot!(shot(&mut app, (60, 20), Glyphs::Box));
}

#[test]
fn run_gate() {
    let (mut app, _, _) = scene::running(scene::gate());
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn confirm_level_1() {
    let mut app = confirming(scene::log_off(scene::offer(1, None)), "");
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn confirm_level_2() {
    let mut app = confirming(scene::log_off(scene::offer(2, Some("67"))), "67");
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn confirm_while_people_come_and_go() {
    let mut offer = scene::offer(2, Some("67"));
    offer.drift = Some(Drift { left: 66, shown: 67, new: 1 });
    let mut app = confirming(scene::log_off(offer), "67");
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn confirm_level_3() {
    let mut offer = scene::offer(3, Some("NE"));
    offer.acknowledges = Some(Acknowledgement::FencedByEvidence);
    let mut view = scene::log_off(offer);
    view.mode = Mode::Ungraceful;
    let mut app = confirming(view, "NE");
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn lists_of_hosts() {
    let mut app = scene::app(World::Live, Weather::Outage);
    for intent in
        [Intent::Move(crate::app::Motion::Down), Intent::Move(crate::app::Motion::Down), Intent::Enter]
    {
        app.update(Event::Intent(intent), at(1_000));
    }
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn arm_dialog() {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.update(Event::Intent(Intent::Arm), at(1_000));
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

#[test]
fn start_dialog() {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.update(Event::Intent(Intent::Start), at(1_000));
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

/// By which signs a region would be left as dead, and how old they are, is read whole at every size.
#[test]
fn the_start_dialog_tells_its_signs_whole() {
    for size in [(60, 20), USUAL, (160, 50)] {
        let mut app = scene::app(World::Live, Weather::Outage);
        app.update(Event::Intent(Intent::Start), at(1_000));
        let shown = shot(&mut app, size, Glyphs::Box);
        assert!(shown.contains("WE dead for hr by signs 1, 2, 4, 28s ago "), "{size:?}\n{shown}");
    }
}

/// Before anything has been seen nothing can be started, and the dialog says so before a key is pressed.
#[test]
fn start_dialog_before_the_first_look() {
    let mut app = scene::opened(World::Live);
    app.update(Event::Intent(Intent::Start), at(1_000));
    for size in [USUAL, (60, 20)] {
        insta::assert_snapshot!(
            format!("start_dialog_off_{}x{}", size.0, size.1),
            shot(&mut app, size, Glyphs::Box)
        );
    }
}

/// A direction that nobody has seen lately is told with its age.
#[test]
fn start_dialog_over_an_old_picture() {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.update(Event::Intent(Intent::Start), at(1_000));
    let later = Moment { now: scene::noon() + minutes(12), terminal: 2_000 };
    app.update(Event::Tick, later);
    let text = shot(&mut app, USUAL, Glyphs::Box);
    assert!(text.contains(" service     hr   last WE > NE, 12m old "), "{text}");
}

/// Who holds anything is told with its age once that is not of now, be it nobody.
#[test]
fn start_dialog_over_old_lists_of_holders() {
    for (ago, seen) in [(0, ""), (2, ", last seen 2m ago")] {
        for nobody in [true, false] {
            let mut app = scene::app(World::Live, Weather::Calm);
            app.update(Event::Intent(Intent::Start), at(1_000));
            app.update(Event::Tick, Moment { now: scene::noon() + minutes(ago), terminal: 2_000 });
            if let Some(Modal::Start(dialog)) = app.modals.last_mut().filter(|_| nobody) {
                dialog.holders = Holders::Known(Vec::new());
            }
            let said = if nobody {
                format!("all are planned or excepted{seen} ")
            } else {
                format!("1 outside the plan{seen}: move, leave or stop ")
            };
            for size in [USUAL, (160, 50)] {
                let text = shot(&mut app, size, Glyphs::Box);
                assert!(text.contains(&said), "{text}");
            }
        }
    }
}

/// A gate with an item that is red: its button is off, and what is red stands above it.
#[test]
fn a_gate_that_cannot_be_passed() {
    let mut view = scene::gate();
    let step = &mut view.steps[10];
    step.blocked_by = vec![
        "active-empty: 2 sessions in WE".into(),
        "profiles-flushed: not checked: run command off".into(),
    ];
    let mut offer = scene::offer(1, None);
    (offer.green, offer.writes) = (false, Vec::new());
    offer.what = step.title.as_str().into();
    step.offer = Some(offer);
    let (mut app, _, _) = scene::running(view);
    app.update(Event::Intent(Intent::Enter), at(1_000));
    for size in [USUAL, (60, 20)] {
        insta::assert_snapshot!(format!("gate_off_{}x{}", size.0, size.1), shot(&mut app, size, Glyphs::Box));
    }
}

#[test]
fn help_in_the_run_view() {
    let (mut app, _, _) = scene::running(scene::move_phase());
    app.update(Event::Intent(Intent::Help), at(1_000));
    insta::assert_snapshot!(shot(&mut app, USUAL, Glyphs::Box));
}

/// The buffer of the screen.
pub(super) fn painted(app: &mut App, (w, h): (u16, u16), look: &Look) -> Buffer {
    app.settle();
    let area = Rect::new(0, 0, w, h);
    let mut buffer = Buffer::empty(area);
    draw(app, look, area, &mut buffer);
    buffer
}

/// Every screen and dialog at every size down to nothing: nothing panics, and line 1 keeps its badge.
#[test]
fn every_size_is_drawn() {
    let mut apps = vec![
        scene::app(World::Live, Weather::Outage),
        scene::running(scene::gate()).0,
        confirming(scene::log_off(scene::offer(3, Some("NE"))), "N"),
    ];
    for intent in [Intent::Start, Intent::Help, Intent::Palette, Intent::Runs, Intent::Events, Intent::Arm] {
        let mut app = scene::app(World::Live, Weather::Calm);
        app.update(Event::Intent(intent), at(1_000));
        apps.push(app);
    }
    for app in &mut apps {
        for (w, h) in [(0, 0), (1, 1), (20, 3), (59, 20), (60, 19), (60, 20), (79, 24), (100, 30), (220, 60)]
        {
            let painted = painted(app, (w, h), &look("default", Glyphs::Box));
            let first: String = painted.content.iter().take(usize::from(w)).map(Cell::symbol).collect();
            assert!(w < 20 || first.contains("LIVE"), "{w}x{h}: {first}");
        }
    }
}

#[test]
fn a_command_that_there_is_not_is_said() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let typed = "teleport".chars().map(Intent::Type);
    let all = std::iter::once(Intent::Palette).chain(typed).chain([Intent::Enter]);
    for (count, intent) in all.enumerate() {
        app.update(Event::Intent(intent), at(1_000 * (count as u64 + 1)));
    }
    let painted = painted(&mut app, USUAL, &look("default", Glyphs::Box));
    let text: String = painted.content.iter().map(Cell::symbol).collect();
    assert!(text.contains("no command `teleport`; tab lists them"), "{text}");
}

#[test]
fn mono_never_sets_a_colour() {
    let mut app = scene::app(World::Live, Weather::Outage);
    let buffer = painted(&mut app, USUAL, &look("mono", Glyphs::Box));
    let reset = Color::Reset;
    assert!(buffer.content.iter().all(|cell| (cell.fg, cell.bg) == (reset, reset)));
}

/// The move phase, its journal on a disk that is full.
fn stopped() -> App {
    let (mut app, view, _) = scene::running(scene::move_phase());
    let why = "the journal of r-20261120-1003-7k could not be written: No space left on device (os error 28); \
               records up to 118 are kept, nothing more will be sent; make room on the disk and resume the run";
    view.lock().unwrap().stopped = Some(why.into());
    app.update(Event::Run(Input::Tick), at(1_000));
    app.settle();
    app
}

#[test]
fn a_journal_that_takes_nothing_is_said_on_home_in_the_run_and_on_leaving() {
    let mut app = stopped();
    insta::assert_snapshot!("run_stopped", shot(&mut app, USUAL, Glyphs::Box));
    for (size, name) in [(USUAL, "home_stopped"), ((60, 20), "home_stopped_small")] {
        app.update(Event::Intent(Intent::Pane(1)), at(2_000));
        let shot = shot(&mut app, size, Glyphs::Box);
        assert!(!shot.contains("nothing is wrong"), "{shot}");
        insta::assert_snapshot!(name, shot);
    }
    app.update(Event::Intent(Intent::Back), at(3_000));
    insta::assert_snapshot!("leave_stopped", shot(&mut app, USUAL, Glyphs::Box));
}

/// All that is seen, without the blanks that lines are broken at.
fn seen(app: &mut App, size: (u16, u16)) -> String {
    let text = shot(app, size, Glyphs::Ascii);
    let inner = text.lines().map(|line| line.trim_matches(|c: char| " \"|>".contains(c)));
    inner.collect::<String>().replace(' ', "")
}

#[test]
fn what_is_said_in_one_line_is_read_whole_at_every_size() {
    let path = format!("report written to /home/operator/.local/state/{}/reports/r.md", "deep/".repeat(9));
    let why = "could not open the run: will not resume r-20261120-1003-7k: its estate file was 0123456789abcdef, \
               here it is fedcba9876543210; nothing was sent";
    for size in [USUAL, (60, 20)] {
        for text in [path.as_str(), why] {
            let whole = text.replace(' ', "");
            // At the foot of a screen, in the command line, and in the list of the events.
            let mut app = scene::app(World::Live, Weather::Calm);
            app.update(Event::Notice(text.into()), at(1_000));
            assert!(seen(&mut app, size).contains(&whole), "{}", shot(&mut app, size, Glyphs::Ascii));
            app.update(Event::Intent(Intent::Palette), at(2_000));
            app.update(Event::Notice(text.into()), at(2_000));
            assert!(seen(&mut app, size).contains(&whole), "{}", shot(&mut app, size, Glyphs::Ascii));
            app.update(Event::Intent(Intent::Escape), at(3_000));
            app.update(Event::Intent(Intent::Events), at(4_000));
            assert!(seen(&mut app, size).contains(&whole), "{}", shot(&mut app, size, Glyphs::Ascii));
        }
        // In the dialog that a run was to be started from.
        let mut app = scene::app(World::Live, Weather::Calm);
        app.update(Event::Intent(Intent::Start), at(1_000));
        if let Some(Modal::Start(dialog)) = app.modals.last_mut() {
            dialog.progress = Progress::Opening(9);
        }
        app.update(
            Event::RunRefused { order: Some(9), why: why.trim_start_matches("could not ").into() },
            at(2_000),
        );
        let text = shot(&mut app, size, Glyphs::Ascii);
        let widest =
            |line: &str| line.split('|').max_by_key(|part| part.len()).unwrap_or_default().to_owned();
        let inner: String = text.lines().map(widest).collect::<String>().replace(' ', "");
        assert!(inner.contains(&why.replace(' ', "")), "{text}");
    }
}
