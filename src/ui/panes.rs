//! Every screen in every condition: nothing read yet, fresh, stale, silent, very long, and with the
//! worst names there are; and what must hold of all of them at any size.

use proptest::prelude::*;
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::Color,
};

use crate::{
    app::{
        App, Event, Intent, World,
        feed::Origin,
        run::{RunOpen, RunPurpose, RunSummary},
        scene::{self, Weather, at},
        screen::Screen,
    },
    domain::{Answer, ArmId, Listing, Observation, Safe, Side, time::minutes},
    engine::{RunView, view::ItemPhase},
    status::{CellState, Component, Scope},
};

use super::{
    Glyphs, SMALLEST,
    shots::{confirming, look, painted, shot},
    sizes,
    theme::Role,
};

/// Names as people, scripts and attackers make them. What could move a cursor is made visible where it
/// comes in.
const HOSTILE: [&str; 6] = [
    "日本語のとても長いホスト名前あいうえお",
    "Zoe\u{308}\u{301} A\u{30a}ngstro\u{308}m",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627} \u{644}\u{627}",
    "a\u{1b}[2Jb\r\n\u{202e}tset\u{200b}",
    "\u{ff9f}\u{ff76}\u{ff9e} half width",
    "x",
];

fn hostile(number: usize) -> String {
    match HOSTILE[number % HOSTILE.len()] {
        "x" => "x".repeat(200),
        name => name.to_owned(),
    }
}

fn see(app: &mut App, all: impl IntoIterator<Item = Observation>) {
    for observation in all {
        app.update(Event::Observed(observation), at(0));
    }
    app.settle();
}

/// Everything was read an hour ago, and nothing since.
fn stale() -> App {
    let mut app = scene::opened(World::Live);
    see(
        &mut app,
        scene::readings(Weather::Calm).into_iter().map(|seen| Observation {
            started: seen.started - minutes(60),
            ended: seen.ended - minutes(60),
            ..seen
        }),
    );
    app
}

/// Everything was read once; since then West Europe answers nothing.
fn silent() -> App {
    let mut app = stale();
    let readings = scene::readings(Weather::Calm);
    let (gone, here): (Vec<_>, Vec<_>) =
        readings.into_iter().partition(|seen| seen.source.side() == Some(Side::Primary));
    let why = "no answer in 10 s (limit 10 s), try 3, next in 30 s";
    see(&mut app, gone.into_iter().map(|seen| scene::silent(seen.source, 5, why)));
    see(&mut app, here);
    app
}

/// More sessions, events and runs than any screen has rows.
fn many() -> App {
    let mut app = scene::app(World::Live, Weather::Outage);
    for number in 0..300 {
        let text = format!("{number} of 300: host pool, no answer in 10 s (limit 10 s), next try in 30 s");
        app.feed.push(scene::noon(), Origin::Region("WE".to_owned()), text);
    }
    app.runs = (0..60).map(run_of).collect();
    app
}

fn run_of(number: usize) -> RunSummary {
    RunSummary {
        run: format!("r-20261120-10{number:02}-7k"),
        runbook: "avd-pooled-failover".to_owned(),
        service: "hr".to_owned(),
        mode: "ungraceful".to_owned(),
        state: ["completed-with-exceptions", "monitoring", "held"][number % 3].to_owned(),
        purpose: RunPurpose::Real,
        open: if number % 3 == 2 { RunOpen::Open } else { RunOpen::Closed },
        opened: scene::noon() - minutes(number as i64 * 60),
        took: Some(minutes(38)),
        debts: number % 3,
        trouble: (number % 7 == 3).then(|| Safe::new("line 41 does not fit the chain of hashes")),
    }
}

/// Users, hosts, events and whoever is signed in have names that hurt.
fn worst_names() -> App {
    let mut app = scene::app(World::Live, Weather::Outage);
    app.identity.name = Safe::new(&format!("{}@{}", hostile(0), hostile(5)));
    let renamed = scene::readings(Weather::Outage).into_iter().filter_map(|mut seen| {
        seen.outcome = Ok(match seen.outcome.ok()? {
            Answer::Sessions(all) => Answer::Sessions(each(&all, |number, one| {
                one.user = Safe::new(&hostile(number));
            })),
            Answer::Hosts(all) => Answer::Hosts(each(&all, |number, one| {
                let name: String = hostile(number).chars().filter(|c| c.is_alphanumeric()).collect();
                if let Ok(id) = ArmId::parse(&format!("/subscriptions/1/sessionHosts/{name}")) {
                    one.id = id;
                }
                one.agent = Safe::new(&hostile(number));
            })),
            Answer::Events(all) => Answer::Events(each(&all, |number, one| {
                one.title = Safe::new(&format!("{} {}", hostile(number), hostile(number + 5)));
            })),
            _ => return None,
        });
        Some(seen)
    });
    see(&mut app, renamed.collect::<Vec<_>>());
    for number in 0..HOSTILE.len() {
        let text = Safe::new(&hostile(number)).to_string();
        app.feed.push(scene::noon(), Origin::Region("NE".to_owned()), text);
    }
    app.runs = vec![RunSummary { trouble: Some(Safe::new(&hostile(0))), ..run_of(0) }];
    app
}

fn each<T: Clone>(all: &Listing<T>, mut change: impl FnMut(usize, &mut T)) -> Listing<T> {
    let mut items: Vec<T> = all.seen().to_vec();
    items.iter_mut().enumerate().for_each(|(number, one)| change(number, one));
    Listing::whole(items, 1)
}

/// The run view with objects and proofs of those names.
fn worst_names_in_a_run() -> RunView {
    let mut view = sizes::failing();
    view.service = "a-service-with-a-name-of-forty-characters".to_owned();
    for (number, item) in view.steps[8].items.iter_mut().enumerate() {
        item.key = Safe::new(&hostile(number)).to_string();
        item.detail = Safe::new(&hostile(number + 1));
        if number % 9 == 0 {
            item.state = ItemPhase::Failed;
        }
    }
    view
}

type Condition = (&'static str, fn() -> App);

const CONDITIONS: [Condition; 6] = [
    ("empty", || scene::opened(World::Live)),
    ("fresh", || scene::app(World::Live, Weather::Calm)),
    ("stale", stale),
    ("silent", silent),
    ("many", many),
    ("hostile", worst_names),
];

const SCREENS: [(&str, Screen); 5] = [
    ("home", Screen::Home),
    ("hosts", Screen::Lists(Component::Hosts)),
    ("sessions", Screen::Lists(Component::Sessions)),
    ("runs", Screen::Runs),
    ("events", Screen::Events),
];

#[test]
fn every_screen_in_every_condition() {
    for (condition, make) in CONDITIONS {
        let mut app = make();
        app.size = (80, 24);
        for (name, screen) in SCREENS {
            app.screen = screen;
            insta::assert_snapshot!(format!("{name}_{condition}"), shot(&mut app, (80, 24), Glyphs::Box));
        }
    }
    let mut app = scene::running(worst_names_in_a_run()).0;
    insta::assert_snapshot!("run_hostile", shot(&mut app, (80, 24), Glyphs::Box));
}

/// All scenes of this module, of the run view and of the dialogs.
pub(super) fn scenes() -> Vec<App> {
    let mut all = Vec::new();
    for (_, make) in CONDITIONS {
        for (_, screen) in SCREENS {
            let mut app = make();
            app.screen = screen;
            all.push(app);
        }
    }
    let views = [
        sizes::fresh(),
        scene::move_phase(),
        sizes::failing(),
        sizes::gate_red(),
        sizes::held(),
        sizes::is_back(),
        worst_names_in_a_run(),
    ];
    all.extend(views.into_iter().map(|view| scene::running(view).0));
    all.push(confirming(scene::log_off(scene::offer(2, Some("67"))), "67"));
    all.push(sizes::level_3());
    for intent in [Intent::Start, Intent::Help, Intent::Palette, Intent::Arm] {
        let mut app = scene::app(World::Sim, Weather::Calm);
        app.update(Event::Intent(intent), at(1_000));
        all.push(app);
    }
    let mut one = scene::app(World::Replay, Weather::Outage);
    one.scope = Scope::Service(1);
    all.push(one);
    let mut served = worst_names();
    served.endpoint = Some("127.0.0.1:54321".to_owned());
    all.push(served);
    all
}

fn row(buffer: &Buffer, y: u16) -> String {
    let width = usize::from(buffer.area.width);
    buffer.content.iter().skip(usize::from(y) * width).take(width).map(Cell::symbol).collect()
}

/// Whose world it is, and whether anything can be written.
fn says_where(line: &str) -> bool {
    let any = |words: &[&str]| words.iter().any(|word| line.contains(word));
    line.contains(" REPLAY ") || (any(&[" SIM ", " LIVE "]) && any(&[" RO ", " ARMED "]))
}

#[test]
fn mono_says_everything_without_a_colour() {
    for mut app in scenes() {
        for size in sizes::SIZES {
            let buffer = painted(&mut app, size, &look("mono", Glyphs::Box));
            let plain = |cell: &Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
            assert!(buffer.content.iter().all(plain), "{:?} {size:?}", app.screen);
            if app.screen == Screen::Home && app.modals.is_empty() && app.run.is_none() {
                marks(&app, &buffer);
            }
        }
    }
}

/// Each cell of home has the mark of its state, wherever its columns stand.
fn marks(app: &App, buffer: &Buffer) {
    let (narrow, width) = (buffer.area.width < 80, buffer.area.width);
    let two = if narrow { 13 + (width - 13) / 2 } else { 14 + (width - 15) / 2 };
    for (line, summed) in app.summary.rows.iter().enumerate() {
        let y = 2 + line as u16;
        let middle = buffer.cell((two, y)).unwrap().symbol();
        assert_eq!(middle, if summed.differs() { "≠" } else { "│" }, "{}", row(buffer, y));
        for (x, side) in [(if narrow { 13 } else { 15 }, Side::Primary), (two + 2, Side::Secondary)] {
            let shown: String = (x..x + 2).map(|x| buffer.cell((x, y)).unwrap().symbol()).collect();
            assert_eq!(shown.trim_end(), summed.cells[side].state.mark(), "{}", row(buffer, y));
        }
    }
}

#[test]
fn colour_follows_the_role() {
    let mut app = scene::app(World::Live, Weather::Outage);
    let look = look("dark", Glyphs::Box);
    let buffer = painted(&mut app, (80, 24), &look);
    let check = |x: u16, y: u16, symbol: &str, role: Role| {
        let cell = buffer.cell((x, y)).unwrap();
        let style = look.theme.style(role);
        assert_eq!((cell.symbol(), Some(cell.fg)), (symbol, style.fg.or(Some(Color::Reset))), "{x},{y}");
        assert_eq!(cell.modifier, style.add_modifier, "{x},{y}");
    };
    check(1, 0, "L", Role::BadgeLive);
    check(16, 1, "W", Role::Bad);
    check(49, 1, "N", Role::Title);
    check(15, 2, "o", Role::Good);
    check(15, 4, "x", Role::Bad);
    check(20, 4, "0", Role::Bad);
    check(46, 4, "≠", Role::Title);
    check(15, 5, "?", Role::Unknown);
    check(44, 5, "!", Role::Stale);
    check(13, 4, "│", Role::Rule);
    check(44, 4, "s", Role::Dim);
    check(18, 14, "W", Role::Bad);
    check(1, 23, "?", Role::Key);
    assert_eq!(app.summary.rows[2].cells.primary.state, CellState::Crit);
}

#[test]
fn ascii_is_ascii_on_every_screen() {
    for mut app in scenes() {
        for size in sizes::SIZES {
            let text = shot(&mut app, size, Glyphs::Ascii);
            assert!(text.is_ascii(), "{text}");
        }
    }
}

#[test]
fn any_size_and_any_scene_is_drawn_inside_its_window() {
    let mut all = scenes();
    for app in &mut all {
        app.settle();
    }
    let looks = [look("default", Glyphs::Box), look("mono", Glyphs::Ascii)];
    let sizes = (SMALLEST.0..=220, SMALLEST.1..=60, 0..all.len(), 0..looks.len());
    proptest!(ProptestConfig::with_cases(250), |((w, h, which, how) in sizes)| {
        let (app, look) = (&all[which], &looks[how]);
        let window = Rect::new(0, 0, w, h);
        // A larger buffer, so that what is painted outside the window is seen.
        let mut buffer = Buffer::filled(Rect::new(0, 0, w + 4, h + 3), Cell::new("#"));
        super::draw(app, look, window, &mut buffer);
        for (x, y) in (0..h + 3).flat_map(|y| (0..w + 4).map(move |x| (x, y))) {
            if x >= w || y >= h {
                prop_assert_eq!(buffer.cell((x, y)).map(Cell::symbol), Some("#"), "{},{}", x, y);
            }
        }
        let first = row(&buffer, 0);
        prop_assert!(says_where(&first), "{}x{}: {}", w, h, first);
        prop_assert!(first.contains('Z'), "{}x{}: no clock in {}", w, h, first);
    });
}

/// What does not fit ends in `~`, and what is fitted says where it goes before it says anything else.
#[test]
fn line_1_keeps_what_it_must() {
    let mut app = scene::running(worst_names_in_a_run()).0;
    app.endpoint = Some("127.0.0.1:54321".to_owned());
    app.identity.name = Safe::new(&hostile(5));
    for width in (SMALLEST.0..=220).step_by(3) {
        let buffer = painted(&mut app, (width, 20), &look("default", Glyphs::Box));
        let first = row(&buffer, 0);
        for word in [" LIVE RO ", "~ ", " WE>NE ", " 10:14:55Z ", ":54321 "] {
            assert!(first.contains(word), "{width}: {word} is not in {first}");
        }
    }
    let mut app = scene::app(World::Live, Weather::Calm);
    for width in SMALLEST.0..=220 {
        let first = row(&painted(&mut app, (width, 20), &look("default", Glyphs::Box)), 0);
        for word in [" LIVE RO ", " contoso-avd ", " op.01", " tok", " 52m ", "hr WE · fin WE", " 10:14:55Z "]
        {
            assert!(first.contains(word), "{width}: {word} is not in {first}");
        }
        assert_eq!(first.contains(" 11:14 CET "), width >= 120, "{width}");
    }
}
