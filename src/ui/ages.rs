//! Every value has its age, or its row's or its part's, on every screen; and while the display stands still
//! so do all of them.

use crate::{
    app::{
        App, Event, Intent, Moment, World,
        run::{RunOpen, RunPurpose, RunSummary},
        scene::{self, Weather, at, noon},
        screen::Screen,
    },
    domain::{
        Answer, Observation, Safe, Side, Source, death,
        time::{Dated, Skew, Span, Timestamp, minutes, seconds},
    },
    engine::{
        Command,
        event::{GateItem, GateVerdict, Ground, RunEnd},
        view::{RunState, StepState, StepView},
    },
    status::{Aged, CellState, Component, Scope},
};

use super::{Glyphs, shots::shot, sizes, third};

/// A world, by name.
pub(super) type Condition = (&'static str, fn() -> App);

pub(super) const CONDITIONS: [Condition; 8] = [
    ("calm", || scene::app(World::Live, Weather::Calm)),
    ("outage", || scene::app(World::Live, Weather::Outage)),
    // What a region that died before the cockpit was opened looks like.
    ("never", || without(Weather::Outage, |source| matches!(source, Source::Directory(Side::Primary)), 38)),
    ("half", || without(Weather::Calm, |source| matches!(source, Source::Hosts(0, Side::Primary)), 38)),
    ("blind", || without(Weather::Calm, |source| source.side() == Some(Side::Primary), 38)),
    ("since", || fell_silent(7, 0)),
    // What has been asked in vain for hours.
    ("long", || without(Weather::Outage, |source| matches!(source, Source::Directory(Side::Primary)), LONG)),
    ("dark", || without(Weather::Calm, |source| source.side() == Some(Side::Primary), LONG)),
];

/// Nothing has come for an hour.
const AGED: Condition = ("aged", || {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.update(Event::Tick, Moment { now: noon() + minutes(60), terminal: 1_000 });
    app.settle();
    app
});

/// Seconds that no source is trusted for.
const LONG: i64 = 16_080;

/// The sources that `gone` names never answered: three requests left, the first so many seconds ago.
fn without(weather: Weather, gone: fn(&Source) -> bool, seconds: i64) -> App {
    let mut app = scene::opened(World::Live);
    for seen in scene::readings(weather) {
        if !gone(&seen.source) {
            app.update(Event::Observed(seen), at(0));
            continue;
        }
        for try_ in [seconds, seconds - 10, seconds - 20] {
            let silent = scene::silent(seen.source.clone(), try_, "no answer in 10 s (limit 10 s)");
            app.update(Event::Observed(silent), at(0));
        }
    }
    app.update(Event::Observed(scene::changes_by(&[])), at(0));
    app.settle();
    app
}

/// West Europe answered last so many minutes ago, and its hosts beat so much earlier than in an outage.
fn fell_silent(ago: i64, beats: i64) -> App {
    let mut app = scene::opened(World::Live);
    for seen in scene::readings(Weather::Outage) {
        let here = seen.source.side() != Some(Side::Primary);
        let back = if here { Span::ZERO } else { minutes(ago) };
        let (started, ended) = (seen.started - back, seen.ended - back);
        let source = seen.source.clone();
        let outcome = seen.outcome.map(|answer| match answer {
            Answer::Hosts(all) => Answer::Hosts(all.each(|host| {
                host.heartbeat =
                    host.heartbeat.at().map(|beat| if here { beat } else { beat - minutes(beats) }).into();
            })),
            answer => answer,
        });
        app.update(Event::Observed(Observation { started, ended, outcome, source: source.clone() }), at(0));
        if !here {
            let silent = scene::silent(source, 5, "no answer in 10 s (limit 10 s)");
            app.update(Event::Observed(silent), at(0));
        }
    }
    app.settle();
    app
}

/// A region that was seen dead and falls silent is told as seen dead last, until a look says otherwise; however old
/// that is, no gate opens by it, and nothing is preset as if the region were well.
#[test]
fn a_dead_region_that_falls_silent_was_seen_dead_until_a_look_says_otherwise() {
    for (ago, size) in
        [2, 6, 16, 180].into_iter().flat_map(|ago| [(60, 20), (80, 24), (160, 50)].map(|size| (ago, size)))
    {
        let mut app = fell_silent(ago, ago);
        let of_now = death::signs(&app.estate, &app.picture, 0, Side::Primary, Timestamp::MIN, app.now());
        assert!(!death::rule(&of_now.into_iter().filter(|sign| !sign.is_old(app.now())).collect::<Vec<_>>()));
        let mut on = |what: &str, intents: &[Intent], told: &[&str]| {
            for intent in intents.iter().copied() {
                app.update(Event::Intent(intent), at(1_000));
            }
            let shown = shot(&mut app, size, Glyphs::Box);
            let said = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            for told in told {
                assert!(said.contains(told), "{what}, {ago} min ago, {size:?}: no `{told}`\n{shown}");
            }
            for lie in ["does not look dead", "alone proves", "make it dead", "looks dead", "mode graceful"] {
                assert!(!said.contains(lie), "{what}, {ago} min ago, {size:?}: `{lie}`\n{shown}");
            }
        };
        let third = match size.0 {
            60 => "WE last seen dead (signs 1, 2, 4)",
            _ => "WE last seen dead (signs 1, 2, 4), now silent",
        };
        on("home", &[], &["active DEAD", third, "WE last seen dead, now silent: event"]);
        on("vantage", &[Intent::Pane(7)], &["WE was last seen dead by signs 1, 2, 4,"]);
        on("home", &[Intent::Pane(1)], &["last seen dead"]);
        let known = ["mode ungraceful", "a0 will not pass now", "WE last seen dead for hr by signs 1, 2,"];
        on("start", &[Intent::Start], &known);
    }
    // It is heard again, and is well.
    let mut app = fell_silent(16, 16);
    for seen in scene::readings(Weather::Calm) {
        app.update(Event::Observed(Observation { started: noon(), ended: noon(), ..seen }), at(500));
    }
    app.settle();
    assert!(!shot(&mut app, (160, 50), Glyphs::Box).to_lowercase().contains("dead"));
}

/// One call to each region that fails is no ground to doubt this machine.
#[test]
fn one_call_to_each_region_without_an_answer_says_nothing_of_this_machine() {
    for (tries, told) in [(1, false), (2, true)] {
        let mut app = without(Weather::Calm, |source| matches!(source, Source::Control(_)), 0);
        app.picture.clear();
        for (side, ago) in Side::BOTH.into_iter().flat_map(|side| (0..tries).map(move |ago| (side, ago))) {
            let silent = scene::silent(Source::Control(side), 20 - ago, "no answer in 10 s (limit 10 s)");
            app.update(Event::Observed(silent), at(0));
        }
        let shown = shot(&mut app, (80, 24), Glyphs::Box);
        assert_eq!(shown.contains("this machine sees neither"), told, "{tries}\n{shown}");
    }
}

/// Signs that have grown old while nothing answers advise nothing, and one call to each region that was missed
/// makes nobody blind.
#[test]
fn who_sees_neither_region_is_not_advised_by_old_signs() {
    for (tries, told) in [(0, false), (1, false), (2, true)] {
        let mut app = scene::app(World::Live, Weather::Outage);
        let later = Moment { now: noon() + minutes(4), terminal: 1_000 };
        app.update(Event::Tick, later);
        for (side, ago) in Side::BOTH.into_iter().flat_map(|side| (0..tries).map(move |ago| (side, ago))) {
            let mut silent = scene::silent(Source::Control(side), 0, "no answer in 10 s (limit 10 s)");
            let at = app.now() - seconds(tries - ago);
            (silent.started, silent.ended) = (at, at);
            app.update(Event::Observed(silent), later);
        }
        app.settle();
        let shown = shot(&mut app, (80, 24), Glyphs::Box);
        assert_eq!(shown.contains("this machine sees neither"), told, "{tries}\n{shown}");
        assert_eq!(shown.contains("WE last seen dead (signs "), !told, "{tries}\n{shown}");
        assert!(!shown.contains("->"), "{tries}\n{shown}");
    }
}

#[test]
fn home_says_that_this_machine_sees_neither_region() {
    let control = |source: &Source| matches!(source, Source::Control(_));
    let one = |source: &Source| *source == Source::Control(Side::Primary);
    for (gone, told) in [(control as fn(&Source) -> bool, true), (one, false)] {
        for size in [(80, 24), (60, 20), (160, 50)] {
            let shown = shot(&mut without(Weather::Calm, gone, 60), size, Glyphs::Box);
            let said = shown.contains("this machine sees neither");
            assert_eq!(said, told, "{size:?}\n{shown}");
        }
    }
}

/// Whether a text ends with an age: `4s`, `12m!`.
pub(super) fn ends_with_age(text: &str) -> bool {
    let word = text.trim_end().rsplit(' ').next().unwrap_or_default();
    let word = word.strip_suffix('!').unwrap_or(word);
    let hours = word.split_once('h').is_some_and(|(_, minutes)| minutes.len() == 2);
    (hours || word.ends_with(['s', 'm', 'h', 'd']))
        && word.chars().next().is_some_and(|c| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, 's' | 'm' | 'h' | 'd'))
}

/// The parts of a line between vertical lines and frames.
fn pieces(line: &str) -> Vec<&str> {
    let inner = line.trim_matches('"');
    inner.split(['│', '≠', '┬', '┤', '├', '─']).map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

/// What needs no age: nobody looked, or need not.
fn nobody_looked(text: &str) -> bool {
    let words = text.trim_start_matches(['>', ' ']);
    words.starts_with('-') || text.contains("not looked at yet") || text.contains("not configured")
}

const SIZES: [(u16, u16); 3] = [(60, 20), (80, 24), (160, 50)];

#[track_caller]
fn assert_aged(name: &str, piece: &str, shot: &str) {
    assert!(ends_with_age(piece) || nobody_looked(piece), "{name}: no age behind `{piece}`\n{shot}");
}

/// Each row of home, and what is said below them.
fn home(name: &str, app: &mut App, size: (u16, u16)) {
    app.screen = Screen::Home;
    let shot = shot(app, size, Glyphs::Box);
    let lines: Vec<&str> = shot.lines().collect();
    for (at, row) in app.summary.rows.iter().enumerate() {
        for (_, cell) in row.cells.iter() {
            let silent = cell.from.is_none() && cell.state != CellState::NotChecked;
            assert!(!silent || cell.text == "not looked at yet", "{name}: {cell:?}");
        }
        let Some(line) = lines.get(2 + at).filter(|line| line.contains(row.component.label())) else {
            continue;
        };
        let label = row.component.label();
        let cells = pieces(line).into_iter().map(|piece| {
            piece.trim_start_matches('>').trim_start().strip_prefix(label).unwrap_or(piece).trim()
        });
        for piece in cells.filter(|piece| !piece.is_empty() && *piece != ">") {
            assert_aged(name, piece, &shot);
        }
    }
    for word in [" in both ", " vantage ", " readiness "] {
        for line in lines.iter().filter(|line| line.trim_matches('"').starts_with(word)) {
            assert_aged(name, line.trim_matches('"').trim_end(), &shot);
        }
    }
    strip(name, app, &shot);
    worst(name, &shot);
    let also = lines.iter().skip_while(|line| !line.contains("also, worst first")).skip(1);
    let first = |line: &&&str| ["x  ", "?  ", "!  ", "ok "].iter().any(|mark| line[1..].starts_with(mark));
    for line in also.filter(first).filter(|_| size.0 >= 80) {
        let piece = line.split('│').next().unwrap_or_default();
        assert_aged(name, piece, &shot);
    }
}

/// What could be started, or goes on, rests on looks as all the rest does.
fn strip(name: &str, app: &App, shot: &str) {
    let first = &app.runbooks[0].id;
    let row =
        shot.lines().find(|line| line.contains(first.as_str())).unwrap_or_else(|| panic!("{name}: {shot}"));
    let piece = row.trim_matches('"').split('│').next().unwrap_or_default();
    let (words, old) = (piece.contains("last ready"), piece.trim_end().ends_with('!'));
    assert_aged(name, piece.trim_end(), shot);
    assert!(!piece.contains("ready") || words == old, "{name}: {piece}\n{shot}");
}

/// The worst problem is on every screen.
fn worst(name: &str, shot: &str) {
    let line =
        shot.lines().find(|line| line.starts_with("\" worst ")).unwrap_or_else(|| panic!("{name}: {shot}"));
    assert_aged(name, line.trim_matches('"').trim_end(), shot);
}

/// Both regions beside the run or below it.
fn run(name: &str, app: App, size: (u16, u16)) {
    let mut app = scene::running_over(app, scene::move_phase()).0;
    let shot = shot(&mut app, size, Glyphs::Box);
    worst(name, &shot);
    let mut seen = 0;
    for line in shot.lines() {
        let pieces = pieces(line);
        let names =
            ["hosts", "sessions", "assigned", "profiles", "directory", "capacity", "storage", "health"];
        let told = pieces.iter().filter(|piece| names.iter().any(|name| piece.starts_with(name)));
        let short = pieces.first().filter(|piece| size.0 < 80 && piece.starts_with("WE ")).into_iter();
        for piece in told.chain(short) {
            assert!(
                ends_with_age(piece) || piece.contains(" - ") || piece.contains("not looked at"),
                "{name}: no age behind `{piece}`\n{shot}"
            );
            seen += 1;
        }
    }
    assert!(seen > 0, "{name}: {shot}");
}

/// The heads of the lists.
fn lists(name: &str, app: &mut App, size: (u16, u16)) {
    for component in Component::ALL {
        app.screen = Screen::Lists(component);
        app.settle();
        let shot = shot(app, size, Glyphs::Box);
        worst(name, &shot);
        let head = shot.lines().nth(1).unwrap_or_default();
        let (one, two) = head.split_once('┬').unwrap();
        for (side, half) in [(Side::Primary, one), (Side::Secondary, two)] {
            let lists = app.lists().unwrap();
            let asked = lists.sides[side].from.is_some();
            let last = pieces(half).last().copied().unwrap_or_default().to_owned();
            assert!(!asked || ends_with_age(&last), "{name}: no age in {half}\n{shot}");
            let blank = lists.sides[side].trouble.iter().any(|text| text.contains("not looked at yet"));
            assert!(asked || blank, "{name} {component:?} {side:?}: {:?}", lists.sides[side]);
        }
    }
}

/// Calls, signs and what follows from them.
fn vantage(name: &str, app: &mut App, size: (u16, u16)) {
    app.screen = Screen::Vantage;
    let shot = shot(app, size, Glyphs::Box);
    worst(name, &shot);
    let found = app.vantage();
    for line in found.lines() {
        let row = shot.lines().find(|row| row.contains(line.label) && row.contains('│'));
        let cells = row.map(pieces).unwrap_or_default();
        for piece in cells.iter().skip(1) {
            assert_aged(name, piece, &shot);
        }
    }
    // Where this machine is no look tells.
    for verdict in found.verdicts.iter().filter(|verdict| !verdict.text.starts_with("this machine")) {
        let begin: String = verdict.text.chars().take(20).collect();
        let line =
            shot.lines().find(|line| line.contains(&begin)).unwrap_or_else(|| panic!("{begin}\n{shot}"));
        assert_aged(name, line.trim_matches('"'), &shot);
    }
    under_the_cursor(name, app, size);
}

/// What the lines below the vantage say in full of what the cursor is on.
fn under_the_cursor(name: &str, app: &mut App, size: (u16, u16)) {
    for place in 0..app.list_count() {
        app.list.put(place);
        let (shot, found) = (shot(app, size, Glyphs::Box), app.vantage());
        let line = found.lines().nth(place).unwrap();
        for (side, cell) in line.cells.iter() {
            let begin: String = cell.full.chars().take(14).collect();
            let begin = format!("\" {} {begin}", app.estate.regions[side].code);
            let said = shot.lines().find(|line| line.starts_with(&begin));
            let said = said.unwrap_or_else(|| panic!("{name}: {begin}\n{shot}")).trim_matches('"');
            assert_eq!(ends_with_age(said), cell.at.is_some(), "{name}: {said}\n{shot}");
            assert_eq!(said.trim_end().ends_with('!'), cell.stale, "{name}: {said}\n{shot}");
        }
    }
    app.list.put(0);
}

/// Each part of the detail of what stands under the cursor.
fn detail(name: &str, app: &mut App, component: Component, size: (u16, u16)) {
    app.screen = Screen::Lists(component);
    app.settle();
    app.update(Event::Intent(Intent::Enter), at(1_000));
    let shot = shot(app, size, Glyphs::Box);
    for line in shot.lines().filter(|line| line.contains(" GET ") || line.contains(" POST ")) {
        let last = pieces(line).last().copied().unwrap_or_default().to_owned();
        assert!(ends_with_age(&last) || last.ends_with("never"), "{name}: {line}\n{shot}");
    }
    app.update(Event::Intent(Intent::Back), at(2_000));
}

/// Each check that rests on a look.
fn readiness(name: &str, app: &mut App) {
    let asked = |source: &str| !["this process", ""].contains(&source);
    for found in app.readiness.iter().filter(|found| asked(&found.source)) {
        let unseen = found.observed.contains("not looked at");
        // What nobody has seen has no age, whatever else the check looked at.
        assert_eq!(found.from.is_none(), unseen, "{name}: {found:?}");
    }
    app.screen = Screen::Readiness;
    worst(name, &shot(app, (80, 24), Glyphs::Box));
}

#[test]
fn every_value_has_its_age() {
    for (name, make) in CONDITIONS {
        for size in SIZES {
            let name = format!("{name} {size:?}");
            let mut app = make();
            home(&name, &mut app, size);
            lists(&name, &mut app, size);
            vantage(&name, &mut app, size);
            for component in [Component::Hosts, Component::Sessions, Component::Storage] {
                detail(&name, &mut app, component, size);
            }
            readiness(&name, &mut app);
            run(&name, make(), size);
        }
    }
    for size in SIZES {
        let name = format!("aged {size:?}");
        vantage(&name, &mut (AGED.1)(), size);
        home(&name, &mut (AGED.1)(), size);
    }
}

/// A run's state is so since something was last done in it, in this window by its age; of another the time of its
/// last record is told.
#[test]
fn the_state_of_a_run_has_its_age_or_its_time() {
    for size in SIZES {
        // Somebody armed over it just now, which is no work.
        let (worked_at, last_at) = (noon() - minutes(7), noon());
        let mut app = scene::running(crate::engine::RunView { last_at, worked_at, ..owing() }).0;
        app.update(Event::Intent(Intent::Pane(1)), at(1_000));
        let home = shot(&mut app, size, Glyphs::Box);
        let line = home.lines().find(|line| line.contains("avd-pooled-failover hr")).unwrap();
        assert!(line.contains(" 2 owed"), "{size:?} {home}");
        assert!(line.split('│').next().unwrap().trim_matches('"').trim_end().ends_with(" 7m"), "{home}");

        let mut app = scene::app(World::Live, Weather::Calm);
        // The last was written to on another day than its name tells.
        app.runs = (0..9)
            .map(|number| RunSummary {
                debts: number % 2,
                trouble: None,
                ..super::conditions::run_of(number)
            })
            .collect();
        app.runs[8].took = Some(minutes(60 * 24 + 5));
        let newest = app.waiting_runs().next().unwrap().clone();
        let since = newest.since_text();
        let home = shot(&mut app, size, Glyphs::Box);
        let line = home.lines().find(|line| line.contains(&newest.run)).unwrap();
        assert!(line.contains(&format!(" {since} ")) && line.contains(" lists all"), "{size:?} {home}");
        app.update(Event::Intent(Intent::Runs), at(1_000));
        let shown = shot(&mut app, size, Glyphs::Box);
        for run in &app.runs {
            let row = shown.lines().find(|line| line.contains(&run.run)).unwrap_or_else(|| panic!("{shown}"));
            let time = crate::domain::time::minute_text(run.opened + run.took.unwrap());
            assert!(row.contains(&time), "{size:?} {}: {shown}", run.run);
        }
        assert!(shown.contains(" 11-21 02:19Z "), "{size:?} {shown}");
    }
}

/// A run that owes two steps.
fn owing() -> crate::engine::RunView {
    let mut view = scene::move_phase();
    view.steps[5].state = StepState::Deferred;
    view.steps[7].state = StepState::Deferred;
    view
}

/// What the checks rest on has its age at their head.
#[test]
fn the_head_of_readiness_tells_its_oldest_look() {
    for ((name, make), size) in
        CONDITIONS.into_iter().chain([AGED]).flat_map(|condition| SIZES.map(|size| (condition, size)))
    {
        let mut app = make();
        app.screen = Screen::Readiness;
        let shot = shot(&mut app, size, Glyphs::Box);
        let head = shot.lines().nth(1).unwrap_or_default();
        assert!(head.contains("oldest look "), "{name} {size:?}: {shot}");
        assert_aged(name, pieces(head).last().unwrap(), &shot);
    }
}

/// Sources are trusted for spans of their own: a look of four minutes can stand where one of three does not.
#[test]
fn one_check_that_rests_on_an_old_look_makes_all_of_them_old() {
    // Seconds since what each of two checks rests on was in, and whether that is too old; what is told of both.
    let cases = [
        ([(240, false), (180, true)], (180, Aged::Old)),
        ([(240, true), (180, true)], (240, Aged::Old)),
        ([(240, true), (180, false)], (240, Aged::Old)),
        ([(240, false), (180, false)], (240, Aged::Fresh)),
    ];
    for (checks, (age, aged)) in cases {
        let mut app = scene::app(World::Live, Weather::Calm);
        app.readiness.truncate(2);
        let now = app.now();
        for (found, (age, old)) in app.readiness.iter_mut().zip(checks) {
            (found.from, found.old) = (Some(now - seconds(age)), old);
        }
        let told = third::oldest_check(&app, |_| true);
        assert_eq!(told, (Some(now - seconds(age)), aged), "{checks:?}");
        let verdict = third::of(&app, false);
        assert_eq!((verdict.at, verdict.stale), (told.0, aged == Aged::Old), "{checks:?}");
    }
}

/// Of a value that was not looked at anew home says why, how often and when that is tried again, for the row
/// under the cursor; on a calm screen it says nothing.
#[test]
fn home_tells_why_a_value_was_not_looked_at_anew() {
    let mut told = 0;
    for ((name, make), size) in
        CONDITIONS.into_iter().flat_map(|condition| SIZES.map(|size| (condition, size)))
    {
        for glyphs in [Glyphs::Box, Glyphs::Ascii] {
            let mut app = make();
            let sources: Vec<Source> = app.picture.iter().map(|(source, _)| source.clone()).collect();
            for source in sources {
                app.update(Event::LookAwaited { source, at: noon() + seconds(20) }, at(100));
            }
            for place in 0..app.summary.rows.len() {
                app.home.put(place);
                let shot = shot(&mut app, size, glyphs);
                let row = &app.summary.rows[place];
                let below =
                    shot.lines().skip_while(|line| !line.contains(&format!(">{}", row.component.label())));
                let rule =
                    below.into_iter().find(|line| line.trim_matches('"').starts_with(['─', '-'])).unwrap();
                let failed = row.cells.iter().any(|(_, cell)| cell.missed || silent(cell));
                let says = rule.contains("3 tries, next in 20 s") || rule.contains("1 try, next in 20 s");
                assert!(says || !failed, "{name} {size:?} {:?}: {shot}", row.component);
                assert!(!says || name != "calm", "{size:?} {shot}");
                assert_eq!(says, rule.contains(|c: char| c.is_alphabetic()), "{name}: {shot}");
                assert!(!says || rule.contains("no answer in 10 s") || rule.contains("~ "), "{name}: {shot}");
                told += u32::from(says);
            }
        }
    }
    assert!(told > 100, "{told}");
}

/// Whether a cell shows that nothing came.
fn silent(cell: &crate::status::Cell) -> bool {
    cell.at.is_none() && cell.from.is_some() && cell.text.contains("no answer")
}

/// What was asked in vain for longer than its answer would be trusted has the mark, wherever its age stands:
/// every other answer of these worlds is seconds old.
#[test]
fn what_never_answered_for_too_long_is_marked_on_every_screen() {
    let unmarked = |line: &str| line.split([' ', '"', '│', ',', ')']).any(|word| word == "4h28");
    let mut seen = 0;
    for (name, make) in CONDITIONS.into_iter().filter(|(name, _)| ["long", "dark"].contains(name)) {
        let lists = Component::ALL.map(Screen::Lists);
        for screen in [Screen::Home, Screen::Vantage, Screen::Readiness].into_iter().chain(lists) {
            for size in SIZES {
                let mut app = make();
                app.screen = screen;
                app.settle();
                let shot = shot(&mut app, size, Glyphs::Box);
                seen += shot.matches("4h28!").count();
                let bare: Vec<&str> = shot.lines().filter(|line| unmarked(line)).collect();
                assert!(bare.is_empty(), "{name} {screen:?} {size:?}: {bare:#?}\n{shot}");
            }
        }
        for size in SIZES {
            let mut app = scene::running_over(make(), scene::move_phase()).0;
            let shot = shot(&mut app, size, Glyphs::Box);
            assert!(!shot.lines().any(unmarked), "{name} {size:?}: {shot}");
        }
    }
    assert!(seen > 100, "{seen}");
}

/// That the control plane answers says nothing of a region, at any size.
#[test]
fn the_vantage_says_that_the_control_plane_is_of_no_one_region() {
    for ((name, make), size) in
        CONDITIONS.into_iter().chain([AGED]).flat_map(|condition| SIZES.map(|size| (condition, size)))
    {
        let mut app = make();
        app.screen = Screen::Vantage;
        let place = app.vantage().lines().position(|line| line.label == "control").unwrap();
        app.list.put(place);
        let shot = shot(&mut app, size, Glyphs::Box);
        let line = shot.lines().find(|line| line.contains("control ")).unwrap();
        assert_eq!(line.matches("(global)").count(), 2, "{name} {size:?}: {shot}");
        let full = |code| shot.lines().find(|line| line.starts_with(&format!("\" {code} "))).unwrap();
        assert!(
            ["WE", "NE"].map(full).iter().all(|line| line.contains("(global)")),
            "{name} {size:?}: {shot}"
        );
    }
}

/// Of what never answered there is no age of an answer: how long it has been asked, and how often.
#[test]
fn what_never_answered_tells_its_tries() {
    let mut app = (CONDITIONS[2].1)();
    // Nobody asks for the servers of a dead region there.
    let alive = || without(Weather::Calm, |source| matches!(source, Source::Directory(Side::Primary)), 38);
    for (screen, size) in [
        (Screen::Home, (80, 24)),
        (Screen::Home, (160, 50)),
        (Screen::Vantage, (80, 24)),
        (Screen::Lists(Component::Directory), (80, 24)),
        (Screen::Readiness, (160, 50)),
    ] {
        let mut app = if screen == Screen::Readiness { alive() } else { (CONDITIONS[2].1)() };
        app.screen = screen;
        app.settle();
        let shot = shot(&mut app, size, Glyphs::Box);
        let words = |line: &str| line.split(['│', '"']).nth(1).unwrap_or_default().trim().to_owned();
        let column: Vec<String> = shot.lines().map(words).collect();
        assert!(shot.contains("3 tries") || column.join(" ").contains("3 tries"), "{screen:?} {shot}");
    }
    for size in [(60, 20), (80, 24)] {
        let mut run = scene::running_over((CONDITIONS[2].1)(), scene::move_phase()).0;
        let shown = if size.0 < 80 {
            app.screen = Screen::Home;
            shot(&mut app, size, Glyphs::Box)
        } else {
            shot(&mut run, size, Glyphs::Box)
        };
        let marked =
            |line: &str| line.split("silent 3x").next().is_some_and(|front| front.trim_end().ends_with('x'));
        let told = shown.lines().any(|line| line.contains("silent 3x") && marked(line));
        assert!(told, "{size:?} {shown}");
    }
    app.screen = Screen::Lists(Component::Directory);
    app.settle();
    let list = shot(&mut app, (80, 24), Glyphs::Box);
    let head = list.lines().nth(1).unwrap_or_default();
    assert!(head.contains("WE directory ? ") && head.contains(" 38s "), "{head}");
    let cell = app.summary.cell(Component::Directory, Side::Primary).unwrap();
    assert_eq!((cell.at, cell.from), (None, Some(noon() - seconds(38))), "it is no answer's age");
}

/// The list behind a row of home is as old as the row: whether sessions live is told by their hosts.
#[test]
fn home_and_the_list_of_sessions_tell_the_same_age() {
    for (name, make) in CONDITIONS {
        let mut app = make();
        app.screen = Screen::Lists(Component::Sessions);
        app.settle();
        let lists = app.lists().unwrap();
        for side in Side::BOTH {
            let (head, cell) = (&lists.sides[side], app.summary.cell(Component::Sessions, side).unwrap());
            assert_eq!((head.from, head.stale), (cell.from, cell.stale), "{name} {side:?}");
        }
    }
}

/// What rests on the look at a host has the age of that, on the page of one object as in the list it stands in.
#[test]
fn the_page_of_an_object_is_never_younger_than_the_list_it_stands_in() {
    let mut met = std::collections::BTreeMap::<&str, usize>::new();
    for (name, make) in CONDITIONS {
        for component in Component::ALL {
            let mut app = make();
            app.scope = Scope::Service(0);
            app.screen = Screen::Lists(component);
            app.update(Event::Tick, at(1));
            app.settle();
            let lists = app.lists().unwrap();
            // The lists of several sources are as old as the oldest of them; a row is as old as its own.
            let several = matches!(component, Component::Pools | Component::Health);
            for (place, line) in lists.lines.iter().enumerate() {
                for side in Side::BOTH {
                    let Some(object) = line[side].as_ref().and_then(|row| row.object.clone()) else {
                        continue;
                    };
                    let own = app.picture.last(&object.source).unwrap().at;
                    let head = &lists.sides[side];
                    let listed = if several { own } else { head.from.unwrap() };
                    (app.list, app.side) = (crate::app::screen::Cursor::default(), side);
                    app.list.put(place);
                    app.screen = Screen::Lists(component);
                    app.update(Event::Intent(Intent::Enter), at(1_000));
                    let (seen, detail) = app.detail().unwrap();
                    let part = &detail.parts[0];
                    assert_eq!(seen, side);
                    let told = format!("{name} {component:?} {}: {part:?}", object.key);
                    assert!(part.at.unwrap() <= listed, "{listed} {told}");
                    assert!(part.stale || several || !head.stale, "{told}");
                    *met.entry(component.key()).or_default() += 1;
                    app.update(Event::Intent(Intent::Back), at(2_000));
                }
            }
        }
    }
    assert_eq!(met.len(), Component::ALL.len(), "{met:?}");
}

/// A state that nobody can vouch for is not said as if somebody could.
#[test]
fn sessions_of_silent_hosts_are_not_said_to_be_active() {
    for (name, doubt) in [
        ("outage", Some("host silent")),
        ("since", Some("not read since")),
        ("never", Some("host silent")),
        ("calm", None),
    ] {
        let make = CONDITIONS.iter().find(|(known, _)| *known == name).unwrap().1;
        let mut app = make();
        app.screen = Screen::Lists(Component::Sessions);
        app.settle();
        let list = shot(&mut app, (80, 24), Glyphs::Box);
        let bare = list.lines().filter(|line| line.contains("Active ")).count();
        assert_eq!(bare == 0, doubt.is_some(), "{name}: {list}");
        assert_eq!(list.contains("Active?"), doubt.is_some(), "{name}: {list}");
        app.update(Event::Intent(Intent::Enter), at(1_000));
        let detail = shot(&mut app, (80, 24), Glyphs::Box);
        match doubt {
            Some(why) => assert!(detail.contains(&format!("last told: Active, {why}")), "{name}: {detail}"),
            None => assert!(detail.contains(" Active ") && !detail.contains("last told"), "{name}: {detail}"),
        }
    }
}

/// What stands still stands still whole: no age, clock or mark of it moves, and line 1 says for how long.
#[test]
fn nothing_of_a_frozen_display_moves_but_line_1() {
    type Opening = fn() -> App;
    let mut openings: Vec<(&str, Opening)> = vec![
        ("run", || scene::running(scene::move_phase()).0),
        ("held", || scene::running(sizes::held()).0),
        ("failing", || scene::running(sizes::failing()).0),
    ];
    openings.extend(CONDITIONS);
    for (name, make) in openings {
        let panes = (1..=7).map(|pane| vec![Intent::Pane(pane)]);
        let down =
            |count: usize| [vec![Intent::Pane(1)], vec![Intent::Move(crate::app::Motion::Down); count]];
        let lists = (0..10).map(|count| [down(count).concat(), vec![Intent::Enter]].concat());
        let details = (0..10).map(|count| [down(count).concat(), vec![Intent::Enter; 2]].concat());
        for way in panes.chain(lists).chain(details) {
            let mut app = make();
            for (place, intent) in way.iter().chain(&[Intent::Freeze]).enumerate() {
                app.update(Event::Intent(*intent), at(100 * place as u64));
            }
            app.settle();
            for size in [(80, 24), (160, 50)] {
                let later = |app: &mut App, span: Span, terminal: u64| {
                    app.update(Event::Tick, Moment { now: noon() + span, terminal });
                    app.settle();
                    let shot = shot(app, size, Glyphs::Box);
                    // The last line goes back from a notice to the keys.
                    let lines: Vec<&str> = shot.lines().collect();
                    lines[1..lines.len() - 1].join("\n")
                };
                let before = later(&mut app, seconds(20), 20_000);
                let after = later(&mut app, minutes(11), 660_000);
                assert_eq!(before, after, "{name} {way:?} {size:?}");
                assert!(app.frozen().is_some());
            }
        }
    }
}

/// The words of a run: what was counted at two moments has two words.
#[test]
fn users_in_the_plan_and_users_at_the_start_are_told_apart() {
    for (snapshot, planned, told) in [
        (None, Some(178), "users in the plan: 178"),
        (Some(179), Some(178), "users at the start: 179"),
        (Some(179), None, "users at the start: 179"),
    ] {
        let mut view = sizes::fresh();
        (view.baseline_users, view.planned_users) = (snapshot, planned);
        let shot = shot(&mut scene::running(view).0, (160, 50), Glyphs::Box);
        assert!(
            shot.contains(told)
                && shot.matches("users in the plan").count() + shot.matches("users at the start").count()
                    == 1,
            "{shot}"
        );
    }
}

/// What a step is there to make is no failure before the step has begun.
#[test]
fn what_a_step_is_to_make_is_not_red_before_it_has_begun() {
    for (state, mark) in [
        (StepState::Pending, ". "),
        (StepState::Blocked, ". "),
        (StepState::Running, ".."),
        (StepState::TimedOut, "x "),
    ] {
        let mut view = sizes::fresh();
        view.steps[7].state = state;
        let age_s = Some(4);
        let (id, verdict, value) = ("no-holder-on-active".to_owned(), GateVerdict::Red, Safe::new("3 of 3"));
        view.steps[7].proofs = vec![GateItem { id, verdict, value, ground: Ground::Seen, age_s }];
        view.current = Some(7);
        let shot = shot(&mut scene::running(view).0, (160, 50), Glyphs::Box);
        assert!(shot.contains(&format!("{mark} no-holder-on-active")), "{state:?}: {shot}");
    }
}

/// What could be started stands on home whatever has become of a run that is over.
#[test]
fn a_run_that_is_over_hides_no_runbook() {
    for (state, offered) in
        [(RunState::Closed(RunEnd::CompletedWithExceptions), true), (RunState::Running, false)]
    {
        let view = crate::engine::RunView { state, ..scene::move_phase() };
        let mut app = scene::running(view).0;
        app.update(Event::Intent(Intent::Pane(1)), at(1_000));
        let shot = shot(&mut app, (100, 30), Glyphs::Box);
        assert_eq!(shot.contains("last drill"), offered, "{shot}");
        assert!(shot.contains("14 steps"), "{shot}");
    }
}

/// A run that is over and stands in this window is shown, not resumed.
#[test]
fn the_runs_offer_to_resume_only_what_can_be_resumed() {
    for (state, here, offered) in [
        (RunState::Closed(RunEnd::Completed), true, Some("enter show")),
        (RunState::Closed(RunEnd::Completed), false, None),
        (RunState::Running, true, Some("enter show")),
        (RunState::Running, false, Some("enter resume")),
    ] {
        let closed = matches!(state, RunState::Closed(_));
        let view = crate::engine::RunView { state, ..scene::move_phase() };
        let open = if closed { RunOpen::Closed } else { RunOpen::Open };
        let run = RunSummary {
            run: if here { view.run.clone() } else { "r-20261101-0900-7k".to_owned() },
            runbook: view.runbook.clone(),
            service: view.service.clone(),
            mode: "graceful".to_owned(),
            state: "running".to_owned(),
            purpose: RunPurpose::Real,
            open,
            opened: noon() - minutes(20),
            took: None,
            debts: 0,
            trouble: None,
        };
        let mut app = scene::running(view).0;
        app.runs = vec![run];
        app.update(Event::Intent(Intent::Runs), at(1_000));
        let shot = shot(&mut app, (80, 24), Glyphs::Box);
        let last = shot.lines().last().unwrap_or_default();
        for words in ["enter resume", "enter show"] {
            assert_eq!(last.contains(words), offered == Some(words), "{closed} {here}: {last}");
        }
    }
}

/// A service is named once on line 1, with its place.
#[test]
fn line_1_names_a_service_in_scope_once() {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.update(Event::Intent(Intent::ScopeNext), at(1_000));
    for size in SIZES {
        let shot = shot(&mut app, size, Glyphs::Box);
        let first = shot.lines().next().unwrap_or_default();
        assert_eq!(first.split_whitespace().filter(|word| *word == "hr").count(), 1, "{first}");
    }
}

type Spoilt = (&'static str, fn(&mut App));

/// Home says which services its rows are about, however it came to be so and whatever line 1 has to say.
#[test]
fn home_tells_the_scope_at_every_size_in_every_mode() {
    let long = |app: &mut App| {
        let estate = std::sync::Arc::make_mut(&mut app.estate);
        estate.services[0].name = "human-resources".to_owned();
    };
    let modes: [Spoilt; 4] = [
        ("read-only", |_| {}),
        ("armed", |app| {
            app.update(Event::Command(Command::Arm { on: true, how: "test".into() }), at(10));
        }),
        ("frozen", |app| {
            app.update(Event::Intent(Intent::Freeze), at(10));
        }),
        ("redacted", |app| app.redact(std::sync::Arc::default())),
    ];
    for ((name, set), size) in modes.into_iter().flat_map(|mode| SIZES.map(|size| (mode, size))) {
        let mut home = scene::app(World::Live, Weather::Outage);
        let mut run = scene::running(scene::move_phase()).0;
        run.update(Event::Intent(Intent::Pane(1)), at(1));
        for (app, whose) in [(&mut home, "home"), (&mut run, "back from a run")] {
            set(app);
            for (scope, words) in [
                (Scope::All, " all services"),
                (Scope::Service(0), " hr only "),
                (Scope::Service(1), " fin only "),
            ] {
                app.scope = scope;
                let shot = shot(app, size, Glyphs::Box);
                let heads = shot.lines().nth(1).unwrap();
                assert!(heads.contains(words), "{name}, {whose}, {size:?}: no `{words}`\n{shot}");
            }
        }
        long(&mut home);
        home.scope = Scope::Service(0);
        let shot = shot(&mut home, size, Glyphs::Box);
        assert!(shot.lines().nth(1).unwrap().contains(" human~ only "), "{name} {size:?}\n{shot}");
    }
}

/// The key that gives a pane the window never goes to another pane.
#[test]
fn zoom_stays_where_the_focus_is() {
    let mut run = scene::running(scene::move_phase()).0;
    let mut home = scene::app(World::Live, Weather::Calm);
    for app in [&mut run, &mut home] {
        let screen = app.screen;
        app.update(Event::Intent(Intent::Zoom), at(1_000));
        assert_eq!(app.screen, screen);
        let shot = shot(app, (80, 24), Glyphs::Box);
        assert!(shot.contains("only a list takes the window; 4 opens the events, 3 the journal"), "{shot}");
    }
    // Of a list it is the side that has the focus.
    home.screen = Screen::Lists(Component::Hosts);
    home.update(Event::Intent(Intent::Next), at(2_000));
    home.update(Event::Intent(Intent::Zoom), at(3_000));
    let shot = shot(&mut home, (80, 24), Glyphs::Box);
    assert!(shot.contains(">NE hosts 1-19 of 20") && !shot.contains("WE hosts"), "{shot}");
}

/// Below what a small window shows of the vantage there is more, and it says so.
#[test]
fn a_cut_vantage_says_how_much_is_below() {
    let mut app = scene::app(World::Live, Weather::Outage);
    app.update(Event::Intent(Intent::Pane(7)), at(1_000));
    for _ in 0..app.list_count() {
        let shot = shot(&mut app, (60, 20), Glyphs::Box);
        let found = app.vantage();
        let shown = found.lines().filter(|line| shot.contains(&format!("{:<11}│", line.label))).count();
        let hidden = app.list_count() - shown;
        let below = shot
            .lines()
            .find_map(|line| line.split("and ").nth(1)?.split(" more below").next()?.parse().ok());
        // What is above was passed by the cursor.
        let last = shot.contains(&format!("{:<11}│", "directory"));
        assert_eq!(below.is_some(), !last, "{hidden}: {shot}");
        let above = found.lines().take_while(|line| !shot.contains(&format!("{:<11}│", line.label))).count();
        assert_eq!(below.unwrap_or(0), hidden - above, "{shot}");
        app.update(Event::Intent(Intent::Move(crate::app::Motion::Down)), at(2_000));
    }
}

/// When a session was created does not change with what we think of Azure's clock.
#[test]
fn when_a_session_was_created_stands_still() {
    let told = |millis: i64| {
        let mut app = scene::app(World::Live, Weather::Calm);
        let source = Source::Sessions(0, Side::Primary);
        let Some(Answer::Sessions(all)) = app.picture.last(&source).map(|look| look.answer.clone()) else {
            panic!()
        };
        let span = Span::from_millis(millis);
        let skew = Some(Skew { least: Span::ZERO, likely: span, most: span });
        let born = Dated::by_azure(noon() - minutes(55)).on_clock(skew);
        let outcome = Ok(Answer::Sessions(all.each(|session| session.created = Some(born))));
        app.update(Event::Observed(Observation { source, started: noon(), ended: noon(), outcome }), at(0));
        app.screen = Screen::Lists(Component::Sessions);
        app.settle();
        app.update(Event::Intent(Intent::Enter), at(1_000));
        let shot = shot(&mut app, (80, 24), Glyphs::Box);
        shot.lines().find(|line| line.contains("created")).unwrap_or_else(|| panic!("{shot}")).to_owned()
    };
    let first = told(3);
    assert!(first.contains(" 2026-11-20T09:19:55Z by Azure's clock, 54 min ago "), "{first}");
    for millis in [420, 999, 1_001, 2_500] {
        assert_eq!(told(millis), first);
    }
}

/// Home calls nothing right where the list behind it has a row that is not.
#[test]
fn home_is_no_better_than_the_list_behind_it() {
    for (name, make) in CONDITIONS {
        let mut app = make();
        for component in Component::ALL {
            app.screen = Screen::Lists(component);
            app.settle();
            let lists = app.lists().unwrap();
            for side in Side::BOTH {
                let cell = app.summary.cell(component, side).unwrap();
                let rows = lists.lines.iter().filter_map(|line| line[side].as_ref());
                let bad = rows.filter(|row| row.state == CellState::Crit).count();
                assert!(bad == 0 || cell.state != CellState::Ok, "{name} {component:?} {side:?}: {cell:?}");
            }
        }
    }
    let app = scene::app(World::Live, Weather::Outage);
    let cell = app.summary.cell(Component::Storage, Side::Primary).unwrap();
    assert_eq!((cell.state, cell.text.as_str()), (CellState::Crit, "0 of 4 available, ZRS"));
}

/// A way back that only waits for a look, as it does after a resume, does not vanish.
#[test]
fn what_can_be_taken_back_keeps_its_row() {
    for (state, why, seen) in [
        (StepState::Ready, None, true),
        (StepState::Blocked, None, true),
        (StepState::Blocked, Some("nothing was done in it that stands"), false),
    ] {
        let mut view = sizes::fresh();
        let (id, title) = ("a7-regrant".to_owned(), "give WE back".to_owned());
        let (own, named) = (id.clone(), title.clone());
        let undo =
            StepView { id: own, title: named, state, is_undo: true, undo: None, ..view.steps[7].clone() };
        view.steps.push(undo);
        view.steps[7].undo = Some(id.clone());
        for step in view.steps.iter_mut().filter(|step| step.undo.as_ref() == Some(&id)) {
            step.no_undo = why;
        }
        let shot = shot(&mut scene::running(view).0, (160, 50), Glyphs::Box);
        let row = shot.lines().any(|line| line.contains(" u ") && line.contains(&title));
        assert_eq!(row, seen, "{state:?} {why:?}: {shot}");
    }
}
