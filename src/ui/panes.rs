//! Every screen in every condition: nothing read yet, fresh, stale, silent, very long, and with the
//! worst names there are; and what must hold of all of them at any size.

use proptest::prelude::*;
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};

use crate::{
    app::{
        App, Event, Intent, World,
        dialog::Modal,
        scene::{self, Weather, at},
        screen::Screen,
    },
    domain::{
        Answer, Observation, Pair, Safe, Side, Source,
        pool::HostStatus,
        time::{age_text, minutes, seconds},
    },
    engine::{RunView, view::Choice},
    status::{CellState, Component, Scope},
};

use super::{
    Glyphs, SMALLEST, ages,
    conditions::{
        CONDITIONS, Condition, Opening, SCREENS, each, hostile, opened, see, silent, stale, worst_names,
        worst_names_in_a_run,
    },
    keymap::{self, BINDINGS, Context, Key},
    shots::{confirming, look, painted, shot},
    sizes,
    theme::Role,
};

#[test]
fn every_screen_in_every_condition() {
    for condition in CONDITIONS {
        for (name, open) in SCREENS {
            let mut app = opened(condition, condition.0, open);
            let shot = shot(&mut app, (80, 24), Glyphs::Box);
            insta::assert_snapshot!(format!("{name}_{}", condition.0), shot);
        }
    }
}

/// Dialogs in which names stand that others chose.
#[test]
fn dialogs_with_the_worst_names() {
    let mut offer = scene::offer(2, Some("67"));
    offer.what = Safe::new(&format!("sessions of {} and {}", hostile(0), hostile(5)));
    offer.effect = Safe::new(&hostile(3));
    offer.before_after = (Safe::new(&hostile(1)), Safe::new(&hostile(5)));
    for (number, write) in offer.writes.iter_mut().enumerate() {
        write.key = Safe::new(&hostile(number)).to_string();
    }
    let mut view = worst_names_in_a_run();
    view.steps[8].choices.push(Choice::Skip);
    let asked = |open: Opening, intents: &[Intent]| {
        let mut app = opened(CONDITIONS[5], "hostile", open);
        for (count, intent) in intents.iter().enumerate() {
            app.update(Event::Intent(*intent), at(2_000 + 1_000 * count as u64));
        }
        app
    };
    let over = |view: RunView, intent: Intent| {
        let mut app = scene::running_over(worst_names(), view).0;
        app.update(Event::Intent(intent), at(2_000));
        app
    };
    let (home, hosts) = (SCREENS[0].1, SCREENS[3].1);
    let mut leave = over(view.clone(), Intent::Back);
    leave.update(Event::Intent(Intent::Back), at(3_000));
    for (name, mut app) in [
        ("confirm", Box::new(confirming(scene::log_off(offer), "67"))),
        ("pick", Box::new(asked(hosts, &[Intent::CopyField]))),
        ("lists", Box::new(asked(home, &[Intent::Lists]))),
        ("start", Box::new(asked(home, &[Intent::Start]))),
        ("skip", Box::new(over(view.clone(), Intent::Skip))),
        ("accept", Box::new(over(view.clone(), Intent::AcceptStuck))),
        ("leave", Box::new(leave)),
    ] {
        insta::assert_snapshot!(format!("dialog_{name}_hostile"), shot(&mut app, (80, 24), Glyphs::Box));
    }
}

/// Every screen in every condition, each made anew whenever it is asked for.
pub(super) fn makers() -> Vec<(String, Box<dyn Fn() -> App>)> {
    let all = CONDITIONS.iter().flat_map(|condition| SCREENS.iter().map(move |screen| (condition, screen)));
    all.map(|(&condition, &(name, open))| {
        let make = move || opened(condition, condition.0, open);
        (format!("{name} {}", condition.0), Box::new(make) as Box<dyn Fn() -> App>)
    })
    .collect()
}

/// All scenes of this module, of the run view and of the dialogs.
pub(super) fn scenes() -> Vec<App> {
    let mut all = Vec::new();
    for condition in CONDITIONS {
        all.extend(SCREENS.map(|(_, open)| opened(condition, condition.0, open)));
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
    for intent in [Intent::Start, Intent::Help, Intent::Palette, Intent::Arm, Intent::Lists] {
        let mut app = scene::app(World::Sim, Weather::Calm);
        app.update(Event::Intent(intent), at(1_000));
        all.push(app);
    }
    let mut one = scene::app(World::Replay(crate::app::Recorded::Sim), Weather::Outage);
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
            let cell = &summed.cells[side];
            assert_eq!(shown.trim_end(), cell.state.mark(), "{}", row(buffer, y));
            // Whatever has an answer behind it ends with its age, and an age that is too old says so.
            let (from, end) = if side == Side::Primary { (x, two) } else { (x, width) };
            let all: String = (from..end).map(|x| buffer.cell((x, y)).unwrap().symbol()).collect();
            let age = cell.at.map(|at| age_text(app.now().duration_since(at)));
            let wanted = age.map(|age| format!(" {age}{}", cell.aged().mark()));
            match wanted {
                Some(age) => assert!(all.trim_end().ends_with(&age), "{age}: {all}"),
                None => assert!(!all.contains(|c: char| c.is_ascii_digit()), "no age: {all}"),
            }
        }
    }
}

/// What the estate file does not name is not confused with what did not answer or has not yet.
#[test]
fn what_is_not_configured_says_so() {
    let mut app = scene::app(World::Live, Weather::Calm);
    let estate = std::sync::Arc::make_mut(&mut app.estate);
    estate.directory = Pair::build(|_| Vec::new());
    for service in &mut estate.services {
        let Pair { primary, secondary } = &mut service.sides;
        for side in [primary, secondary] {
            side.accounts.clear();
        }
    }
    app.picture.clear();
    let named = |source: &Source| !matches!(source, Source::Directory(_) | Source::Storage(..));
    let seen = scene::readings(Weather::Calm).into_iter().filter(|seen| named(&seen.source));
    see(&mut app, seen.collect::<Vec<_>>());
    insta::assert_snapshot!("home_not_configured", shot(&mut app, (80, 24), Glyphs::Box));
    for (name, open) in [SCREENS[6], SCREENS[7], SCREENS[8]] {
        open(&mut app, "fresh");
        let shot = shot(&mut app, (80, 24), Glyphs::Box);
        assert!(shot.contains(&format!("{name}: not configured")), "{shot}");
        insta::assert_snapshot!(format!("{name}_not_configured"), shot);
    }
}

/// From home every pane and list is two keys away at most.
#[test]
fn every_pane_is_two_keys_from_home() {
    let start = || {
        let mut app = scene::running(scene::move_phase()).0;
        app.update(Event::Intent(Intent::Pane(1)), at(1_000));
        app
    };
    let press = |app: &mut App, key: Key, time: u64| {
        if let Some(intent) = keymap::intent(app, key) {
            app.update(Event::Intent(intent), at(time));
        }
    };
    let mut reached: Vec<Screen> = Vec::new();
    let keys: Vec<Key> = ('0'..='9').map(Key::Char).chain([Key::Enter]).collect();
    for first in BINDINGS.iter().filter(|binding| binding.contexts.contains(Context::Home)) {
        let mut app = start();
        press(&mut app, first.key, 2_000);
        reached.push(app.screen);
        // A second key matters where the first has led somewhere or moved something.
        for second in &keys {
            let mut app = start();
            press(&mut app, first.key, 2_000);
            press(&mut app, *second, 3_000);
            reached.push(app.screen);
        }
    }
    let panes = [Screen::Home, Screen::Run, Screen::Runs, Screen::Events, Screen::Journal];
    let more = [Screen::Readiness, Screen::Vantage];
    let lists = Component::ALL.map(Screen::Lists);
    for screen in panes.into_iter().chain(more).chain(lists) {
        assert!(reached.contains(&screen), "{screen:?} takes more than two keys");
    }
}

/// What is old is called old: by its `!`, and in words.
#[test]
fn what_is_too_old_says_so_in_its_line() {
    for (make, size) in [(stale as fn() -> App, (80, 24)), (silent, (80, 24)), (stale, (120, 40))] {
        let mut app = make();
        app.settle();
        app.screen = Screen::Readiness;
        let checks = shot(&mut app, size, Glyphs::Ascii);
        let rows = checks.lines().filter(|line| line.contains(" unknown  60m"));
        assert!(rows.clone().count() > 5 && rows.clone().all(|line| line.contains("60m!")), "{checks}");
        app.screen = Screen::Home;
        let shot = shot(&mut app, size, Glyphs::Ascii);
        let old: Vec<&str> = shot.lines().filter(|line| line.contains("60m")).collect();
        assert!(old.len() > 9, "{shot}");
        for line in old {
            let said = line.replace("60m ago", "");
            assert_eq!(said.matches("60m").count(), said.matches("60m!").count(), "{line}");
            assert!(["last ", "not known", "no answer"].iter().any(|word| line.contains(word)), "{line}");
        }
    }
}

/// An answer is too old after twice its interval, and not before.
#[test]
fn twice_its_interval_is_not_too_old_and_a_second_more_is() {
    let source = Source::Hosts(0, Side::Primary);
    for (more, stale) in [(0, false), (1, true)] {
        let mut app = scene::app(World::Live, Weather::Calm);
        let ended = scene::noon() - source.interval() * 2 - seconds(more);
        let seen = scene::readings(Weather::Calm).into_iter().filter(|seen| seen.source == source);
        let seen: Vec<_> = seen.map(|seen| Observation { started: ended, ended, ..seen }).collect();
        app.picture.clear();
        let others = scene::readings(Weather::Calm).into_iter().filter(|seen| seen.source != source);
        see(&mut app, others.collect::<Vec<_>>());
        see(&mut app, seen);
        let cell = app.summary.cell(Component::Hosts, Side::Primary).unwrap();
        assert_eq!((cell.stale, cell.state == CellState::Unknown), (stale, stale), "{more} s more: {cell:?}");
        let age = age_text(source.interval() * 2 + seconds(more));
        let shot = shot(&mut app, (80, 24), Glyphs::Box);
        let line = shot.lines().find(|line| line.contains("hosts ")).unwrap();
        assert_eq!(line.contains(&format!(" {age}!")), stale, "{line}");
    }
}

/// What matters most is said on every screen, whatever it is about.
#[test]
fn the_worst_is_said_on_every_screen() {
    for (name, open) in SCREENS {
        for size in sizes::SIZES {
            let outage: Condition = ("fresh", || scene::app(World::Live, Weather::Outage));
            let mut app = opened(outage, "fresh", open);
            let shot = shot(&mut app, size, Glyphs::Box);
            assert!(shot.contains("WE looks dead"), "{name} {size:?}: {shot}");
        }
    }
}

/// While people are moved away from a region that is lost, the run view tells of the other one.
#[test]
fn a_burning_region_that_people_are_moved_to_is_said_in_the_run_view() {
    let mut app = scene::app(World::Live, Weather::Outage);
    let burning = scene::readings(Weather::Outage).into_iter().filter_map(|mut seen| {
        let Source::Hosts(_, Side::Secondary) = seen.source else { return None };
        let Ok(Answer::Hosts(all)) = &seen.outcome else { return None };
        seen.outcome = Ok(Answer::Hosts(each(all, |_, host| {
            host.status = HostStatus::NoHeartbeat;
            host.heartbeat = Some(scene::noon() - minutes(9)).into();
        })));
        Some(seen)
    });
    see(&mut app, burning.collect::<Vec<_>>());
    let mut app = scene::running_over(app, scene::move_phase()).0;
    for size in sizes::SIZES {
        let shot = shot(&mut app, size, Glyphs::Box);
        let worst = shot.lines().find(|line| line.contains(" worst ")).unwrap();
        assert!(worst.contains(" x ") && worst.contains("NE"), "{worst}");
    }
}

/// A sentence is on the screen whole, or what is there of it ends in `~`.
fn whole_or_cut(lines: &str, text: &str) -> bool {
    let squeezed = |text: &str| text.replace([' ', '"', '\n'], "");
    // Lines in ASCII have a sign in place of whatever is none.
    let plain = |text: &str| {
        let ascii = |c: char| match c {
            '…' => '~',
            '·' | '│' => '|',
            c if c.is_ascii() => c,
            _ => '?',
        };
        text.chars().map(ascii).collect::<String>()
    };
    let text = if lines.is_ascii() { plain(text) } else { text.to_owned() };
    let (shown, text) = (squeezed(lines), squeezed(&text));
    if shown.contains(&text) {
        return true;
    }
    let letters: Vec<char> = text.chars().collect();
    (1..letters.len()).rev().any(|count| {
        let begin: String = letters[..count].iter().collect();
        shown.contains(&format!("{begin}~"))
    })
}

/// What stands above a list, and what is said of a step, is never cut without a sign.
#[test]
fn what_is_cut_says_so() {
    for mut app in scenes().into_iter().filter(|app| app.modals.is_empty()) {
        for (w, h) in sizes::SIZES {
            let shot = shot(&mut app, (w, h), Glyphs::Ascii);
            if let Some(lists) = app.lists().filter(|_| matches!(app.screen, Screen::Lists(_))) {
                for side in Side::BOTH {
                    let half = |line: &str| {
                        let cells: Vec<char> = line.trim_matches('"').chars().collect();
                        let (one, two) = cells.split_at((w / 2).into());
                        if side == Side::Primary {
                            one.iter().collect()
                        } else {
                            two[1..].iter().collect::<String>()
                        }
                    };
                    let column: String = shot.lines().map(half).collect();
                    let head = &lists.sides[side];
                    let all: Vec<&String> =
                        head.trouble.iter().chain(&head.notes).chain(&head.blank).collect();
                    for text in all.iter().take(if all.len() > 4 { 3 } else { 4 }) {
                        assert!(whole_or_cut(&column, text), "{w}x{h}: {text}\n{shot}");
                    }
                }
            }
            if let Some(step) = app.selected_step().filter(|_| app.screen == Screen::Run) {
                for text in [&step.abort, &step.why] {
                    assert!(
                        !shot.contains(&text[..8]) || whole_or_cut(&shot, text),
                        "{w}x{h}: {text}\n{shot}"
                    );
                }
            }
            if app.screen == Screen::Readiness {
                let groups = app.checks();
                if let Some((_, verdict)) = groups.first().and_then(|group| group.checks.first()) {
                    assert!(whole_or_cut(&shot, verdict.next), "{w}x{h}: {}\n{shot}", verdict.next);
                }
            }
        }
    }
}

/// The lines without the ages at their ends, which stand between the two lines of a sentence.
fn without_ages(shot: &str) -> String {
    let bare = |line: &str| {
        let line = line.trim_end_matches('"').trim_end().to_owned();
        let aged = ages::ends_with_age(&line);
        line.rsplit_once(' ').filter(|_| aged).map_or(line.clone(), |(before, _)| before.to_owned())
    };
    shot.lines().map(bare).collect::<Vec<_>>().join("\n")
}

/// The same of what the events and the vantage say, and of what a dialog is about.
#[test]
fn what_is_cut_of_events_vantage_and_dialogs_says_so() {
    let mut seen = [0; 3];
    for mut app in scenes() {
        for size in [(60, 20), (80, 24)] {
            let shot = shot(&mut app, size, Glyphs::Box);
            let mut check = |kind: usize, lines: &str, text: &str| {
                let begin: String = text.chars().filter(|c| *c != ' ').take(8).collect();
                let there = !begin.is_empty() && lines.replace([' ', '"', '\n'], "").contains(&begin);
                if there {
                    seen[kind] += 1;
                    assert!(whole_or_cut(lines, text), "{size:?}: {text}\n{shot}");
                }
            };
            match (app.modals.last(), app.screen) {
                (None, Screen::Events) => {
                    for line in app.feed.newest().take(12) {
                        check(0, &shot, &line.text);
                    }
                }
                (None, Screen::Vantage) => {
                    let shot = without_ages(&shot);
                    for verdict in app.vantage().verdicts {
                        check(1, &shot, &verdict.text);
                    }
                }
                (Some(Modal::Confirm(dialog)), _) => {
                    let inner: Vec<&str> = shot.lines().filter_map(|line| line.split('│').nth(1)).collect();
                    let inner = inner.join("\n");
                    // What has no room says how many lines it took.
                    let whole = !shot.contains("a taller window shows all");
                    let offer = dialog.offer.as_ref().unwrap();
                    for text in [&offer.what, &offer.effect].into_iter().filter(|_| whole) {
                        check(2, &inner, text.as_str());
                    }
                }
                _ => {}
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 5), "{seen:?}");
}

/// Steps and rows say how they stand in front of their names, whatever colours there are.
#[test]
fn mono_says_how_steps_and_rows_stand() {
    let mut runs: Vec<App> = [sizes::failing(), sizes::gate_red(), sizes::held(), sizes::is_back()]
        .map(|view| scene::running(view).0)
        .into();
    for app in &mut runs {
        let (plain, mono) = (text_of(app, "default"), text_of(app, "mono"));
        assert_eq!(plain, mono);
        let step = app.selected_step().unwrap();
        let title = mono.lines().find(|line| line.contains(&step.title)).unwrap();
        let mark = title[1..].split_whitespace().next().unwrap();
        assert!([".", ">", "!", "?", "ok", "x", "-"].contains(&mark), "{title}");
    }
    let mut hosts = scene::app(World::Live, Weather::Outage);
    SCREENS[3].1(&mut hosts, "fresh");
    let mono = text_of(&mut hosts, "mono");
    let lists = hosts.lists().unwrap();
    let mut seen = 0;
    for row in lists.lines.iter().flat_map(|line| [&line.primary, &line.secondary]).flatten() {
        let Some(line) = mono.lines().find(|line| line.contains(row.name())) else { continue };
        let before = line[..line.find(row.name()).unwrap()].trim_end();
        assert!(before.ends_with(row.state.mark()), "{line}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

fn text_of(app: &mut App, theme: &str) -> String {
    let buffer = painted(app, (80, 24), &look(theme, Glyphs::Box));
    (0..24).map(|y| row(&buffer, y) + "\n").collect()
}

/// The focus of a dialog is seen without a colour, and goes with the tab key.
#[test]
fn the_focused_button_is_reversed_and_the_other_is_not() {
    for theme in ["default", "mono"] {
        let mut app = confirming(scene::log_off(scene::offer(2, Some("67"))), "67");
        for (time, focused) in [(20_000, "Cancel"), (21_000, "Log off 67")] {
            let buffer = painted(&mut app, (80, 24), &look(theme, Glyphs::Box));
            let y = (0..24).find(|y| row(&buffer, *y).contains("Cancel")).unwrap();
            let line = row(&buffer, y);
            assert!(line.contains(&format!("> {focused}")), "{line}");
            for button in ["Cancel", "Log off 67"] {
                let x = line[..line.find(button).unwrap()].chars().count() as u16;
                let reversed = buffer.cell((x, y)).unwrap().modifier.contains(Modifier::REVERSED);
                assert_eq!(reversed, button == focused, "{theme}: {line}");
            }
            app.update(Event::Intent(Intent::Next), at(time));
        }
    }
}

/// Colours of a dialog and of the run view, by what they mean.
#[test]
fn colour_follows_the_role_in_the_run_view_and_in_a_dialog() {
    let look = look("dark", Glyphs::Box);
    let check = |app: &mut App, text: &str, part: &str, role: Role| {
        let buffer = painted(app, (80, 24), &look);
        let y = (0..24).find(|y| row(&buffer, *y).contains(text)).unwrap_or_else(|| panic!("no {text}"));
        let line = row(&buffer, y);
        let x = line[..line.find(part).unwrap()].chars().count() as u16;
        let (cell, style) = (buffer.cell((x, y)).unwrap(), look.theme.style(role));
        let wanted = (style.fg.unwrap_or(Color::Reset), style.add_modifier);
        assert_eq!((cell.fg, cell.modifier), wanted, "{part} of {line}");
    };
    let mut run = scene::running(sizes::failing()).0;
    check(&mut run, "user063", "x  ", Role::Bad);
    check(&mut run, "log off WE", "> ", Role::Running);
    check(&mut run, "capacity", "44%", Role::Text);
    check(&mut run, "worst", "ok", Role::Good);
    check(&mut run, "h hold", "h hold", Role::Key);
    let mut dialog = confirming(scene::log_off(scene::offer(2, Some("67"))), "67");
    check(&mut dialog, "> Cancel", "Cancel", Role::ButtonFocused);
    check(&mut dialog, "type the number", "67", Role::Input);
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

/// Whether a character is drawn only by some fonts: private use, emoji and other pictures, braille.
fn needs_a_font(c: char) -> bool {
    matches!(u32::from(c), 0xE000..=0xF8FF | 0xF0000..=0x0010_FFFF | 0x1F000..=0x1FAFF | 0x2600..=0x27BF
        | 0x2800..=0x28FF | 0x2B00..=0x2BFF | 0xFE0F)
}

#[test]
fn no_character_needs_a_font_of_its_own() {
    for mut app in scenes() {
        for size in sizes::SIZES {
            let text = shot(&mut app, size, Glyphs::Box);
            assert!(!text.contains("read  ago"), "an age without a figure: {text}");
            let odd = text.chars().find(|c| needs_a_font(*c));
            assert!(odd.is_none(), "{odd:?} {size:?}: {text}");
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

/// Where the person is, it is as late as their own clock says, whatever else line 1 has to tell.
#[test]
fn the_local_time_stays_beside_an_endpoint_and_a_frozen_display() {
    for width in 120..=220 {
        let mut app = scene::app(World::Live, Weather::Calm);
        app.endpoint = Some("127.0.0.1:54321".to_owned());
        app.update(Event::Intent(Intent::Freeze), at(1_000));
        let first = row(&painted(&mut app, (width, 30), &look("default", Glyphs::Box)), 0);
        for word in [" FROZEN ", ":54321 ", " contoso-avd ", " 10:14:55Z ", " 11:14 CET "] {
            assert!(first.contains(word), "{width}: {word} is not in {first}");
        }
    }
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
