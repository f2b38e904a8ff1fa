//! What the pictures of every screen in every condition must show, and the dialogs among them.

use std::collections::BTreeMap;

use ratatui::{buffer::Buffer, style::Modifier};

use crate::{
    app::{
        App, Event, Intent,
        scene::{self, at},
        screen::Screen,
        tests::{asked_for, deciding},
    },
    domain::{Side, time::minutes},
};

use super::{
    Glyphs, Look,
    conditions::{CONDITIONS, Condition, HOSTILE, SCREENS, opened, view_of},
    shots::{confirming, look, painted, shot},
    sizes,
    theme::{Role, Theme},
};

/// The lines of a pane itself: neither line 1, nor the worst line, nor the footer.
fn own_lines(shot: &str) -> String {
    let lines: Vec<&str> = shot.lines().collect();
    lines[1..lines.len() - 2].join("\n")
}

/// Pictures that are alike by nature, and why.
const ALIKE: [(&str, &str, &str, &str); 0] = [];

/// A picture that looks like that of another condition proves nothing of its own.
#[test]
fn no_two_conditions_of_a_screen_look_alike() {
    let mut alike = Vec::new();
    for (name, open) in SCREENS {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for condition in CONDITIONS {
            let mut app = opened(condition, condition.0, open);
            let own = own_lines(&shot(&mut app, (80, 24), Glyphs::Box));
            if let Some(other) = seen.insert(own, condition.0)
                && !ALIKE
                    .iter()
                    .any(|(screen, one, two, _)| (*screen, *one, *two) == (name, other, condition.0))
            {
                alike.push(format!("{name}: {other} and {}", condition.0));
            }
        }
    }
    assert!(alike.is_empty(), "{alike:#?}");
}

fn condition(name: &str) -> Condition {
    CONDITIONS.into_iter().find(|(known, _)| *known == name).unwrap()
}

/// Screens whose rows are fixed in number: home has one a component, the vantage one a call and a sign, and a
/// region has one control plane, which is asked one call.
const FIXED: [&str; 3] = ["home", "vantage", "control"];

/// Of many rows there are more than the window shows, in every list and in both regions where both have some.
#[test]
fn many_are_more_than_the_window_has_rows() {
    for (name, open) in SCREENS {
        let mut app = opened(condition("many"), "many", open);
        let rows = match app.screen {
            Screen::Run => app.selected_step().unwrap().items.len(),
            _ => app.list_count(),
        };
        // The window has 20 lines beside its head and foot.
        assert_eq!(rows > 20, !FIXED.contains(&name), "{name}: {rows} rows");
        if rows > 20 && !matches!(app.screen, Screen::Run | Screen::Journal) {
            let first = shot(&mut app, (80, 24), Glyphs::Box);
            app.update(Event::Intent(Intent::Move(crate::app::Motion::Last)), at(2_000));
            assert_ne!(own_lines(&shot(&mut app, (80, 24), Glyphs::Box)), own_lines(&first), "{name}");
        }
    }
}

/// Wherever a name is shown that others chose, the worst of them are shown.
#[test]
fn hostile_names_stand_on_every_screen() {
    let parts = [
        "日本",
        "Zoe",
        "\u{5e9}\u{5dc}",
        "half",
        "xxxx",
        "[2J",
        "倉庫",
        "Stra",
        "narrow",
        "yyyy",
        "forty-letter",
    ];
    assert!(parts.len() > HOSTILE.len());
    for (name, open) in SCREENS {
        let mut app = opened(condition("hostile"), "hostile", open);
        let own = own_lines(&shot(&mut app, (80, 24), Glyphs::Box));
        // A wide character is followed by a blank cell.
        let own = own.replace(' ', "");
        let found = parts.iter().filter(|part| own.contains(*part)).count();
        // On home are counts, words of ours, and the title of an event.
        assert!(found > 0, "{name}: {own}");
        let raw = own.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{name}");
    }
}

/// The dialogs for the conditions that mean something for them: the help names nothing of the estate, arming
/// its name only, what can be typed after a colon its services; a confirmation has its own list.
#[test]
fn every_dialog_in_every_condition() {
    let asked = |name: &str, intent: Intent| {
        let mut app = opened(condition(name), name, SCREENS[0].1);
        app.update(Event::Intent(intent), at(2_000));
        app
    };
    let mut all: Vec<(String, App)> = Vec::new();
    for (dialog, intent, conditions) in [
        ("help", Intent::Help, &["fresh"][..]),
        ("palette", Intent::Palette, &["fresh", "many", "hostile"]),
        ("arm", Intent::Arm, &["fresh", "stale"]),
        ("start", Intent::Start, &["empty", "fresh", "stale", "silent", "many"]),
    ] {
        all.extend(conditions.iter().map(|name| (format!("{dialog}_{name}"), asked(name, intent))));
    }
    for name in ["fresh", "stale", "silent", "many", "hostile"] {
        let mut app = scene::running_over(condition(name).1(), view_of(name)).0;
        app.update(Event::Intent(Intent::Interrupt), at(2_000));
        all.push((format!("abort_{name}"), app));
    }
    for (name, count, ago) in [("fresh", 2, 0), ("stale", 2, 60), ("many", 67, 0)] {
        let mut offer = scene::offer(2, Some(&count.to_string()));
        offer.writes.truncate(count);
        offer.read_at = Some(scene::noon() - minutes(ago));
        all.push((format!("confirm_{name}"), confirming(scene::log_off(offer), &count.to_string())));
    }
    for (name, mut app) in all {
        let shot = shot(&mut app, (80, 24), Glyphs::Box);
        assert!(!app.modals.is_empty(), "{name}: {shot}");
        insta::assert_snapshot!(format!("dialog_{name}"), shot);
    }
}

/// The part of a shot that a region's list stands in.
fn half(shot: &str, side: Side, width: u16) -> Vec<String> {
    let part = |line: &str| {
        let cells: Vec<char> = line.trim_matches('"').chars().collect();
        let (one, two) = cells.split_at(usize::from(width / 2));
        if side == Side::Primary { one.iter().collect() } else { two[1..].iter().collect() }
    };
    shot.lines().map(part).collect()
}

/// How often a source was asked in vain, and when it is asked again, is read on every list of every service.
#[test]
fn a_silent_list_tells_its_tries_and_when_the_next_leaves() {
    let mut seen = 0;
    for (name, open) in SCREENS {
        for size in [(60, 20), (80, 24), (100, 30), (160, 50)] {
            let mut app = opened(condition("silent"), "silent", open);
            let Screen::Lists(_) = app.screen else { continue };
            let shot = shot(&mut app, size, Glyphs::Ascii);
            let lists = app.lists().unwrap();
            let head = &lists.sides[Side::Primary];
            let silent = head.trouble.iter().chain(&head.notes).filter(|text| text.contains("3 tries"));
            let (silent, shown) =
                (silent.count(), half(&shot, Side::Primary, size.0).concat().replace(' ', ""));
            let told = shown.matches("3tries,nextin30s:").count();
            assert!(
                told == silent && (silent > 0 || name == "health"),
                "{name} {size:?}: {told} of {silent}\n{shot}"
            );
            seen += told;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// Columns that have no room are counted beside the title; the whole window has room for more.
#[test]
fn columns_without_room_are_counted() {
    let mut hidden = 0;
    for (name, open) in SCREENS {
        for size in [(60, 20), (80, 24), (100, 30), (220, 60)] {
            let mut app = opened(condition("fresh"), "fresh", open);
            let Screen::Lists(_) = app.screen else { continue };
            let shot = shot(&mut app, size, Glyphs::Ascii);
            let columns = app.columns().unwrap();
            for side in Side::BOTH {
                let lines = half(&shot, side, size.0);
                let is_heads = |line: &&String| line.split_whitespace().next() == Some(columns[0].head);
                let Some(heads) = lines.iter().find(is_heads) else { continue };
                let there: Vec<&str> = heads.split_whitespace().collect();
                let gone = columns.iter().filter(|column| column.width > 0 && !there.contains(&column.head));
                let gone = gone.count();
                let said = format!(" +{gone} ");
                assert_eq!(
                    lines[1].contains(&said) || lines[1].contains(&format!(" +{gone} column")),
                    gone > 0,
                    "{name} {size:?} {side:?}: {gone}\n{shot}"
                );
                hidden += gone;
            }
        }
    }
    assert!(hidden > 10, "{hidden}");
}

/// Line 1 and the last line are all there is beside what a screen is about (bar line 30).
#[test]
fn two_lines_at_most_are_not_of_the_screen_itself() {
    for (name, open) in SCREENS {
        for size in sizes::SIZES {
            let mut app = opened(condition("many"), "many", open);
            let shot = shot(&mut app, size, Glyphs::Ascii);
            let lines: Vec<&str> = shot.lines().map(|line| line.trim_matches('"')).collect();
            assert_eq!(lines.len(), usize::from(size.1));
            let says = |line: &str| line.chars().any(char::is_alphabetic);
            assert!(says(lines[1]), "{name} {size:?}:\n{shot}");
            let clocks = lines.iter().filter(|line| line.contains(" 10:14:55Z") && line.contains(" LIVE "));
            let keys = lines.iter().filter(|line| line.contains(" ? help"));
            assert_eq!((clocks.count(), keys.count()), (1, 1), "{name} {size:?}:\n{shot}");
            assert!(lines[0].contains(" LIVE ") && lines[lines.len() - 1].contains(" ? help"), "{name}");
        }
    }
}

/// Every dialog that decides begins on Cancel, which is marked and reversed in every theme, and nothing else of
/// its line is (bar line 18).
#[test]
fn every_dialog_begins_on_a_cancel_that_is_seen_in_every_theme() {
    for (name, modal) in deciding() {
        for theme in ["default", "dark", "light", "high-contrast", "colour-blind", "mono"] {
            let mut app = asked_for().0;
            app.modals.push(modal.clone());
            let buffer = painted(&mut app, (80, 24), &look(theme, Glyphs::Box));
            let text = |y: u16| (0..80).map(|x| buffer.cell((x, y)).unwrap().symbol()).collect::<String>();
            let y = (0..24).rev().find(|y| text(*y).contains("> Cancel")).unwrap_or_else(|| panic!("{name}"));
            let line = text(y);
            let first = line[..line.find("> Cancel").unwrap()].chars().count() as u16 + 2;
            for x in 0..80 {
                let reversed = buffer.cell((x, y)).unwrap().modifier.contains(Modifier::REVERSED);
                let on = (first..first + 6).contains(&x);
                let blank = buffer.cell((x, y)).unwrap().symbol() == " ";
                assert!(reversed == on || blank, "{name} in {theme} at {x}: {line}");
            }
        }
    }
}

/// Roles that tell how something stands.
const STATES: [Role; 6] = [Role::Good, Role::Warn, Role::Bad, Role::Unknown, Role::Stale, Role::Unchecked];

/// Whatever stands in a colour of a state tells the state without it: it holds a mark or a word of state, or
/// stands behind its mark.
#[test]
fn whatever_has_the_colour_of_a_state_has_its_mark_or_word_too() {
    let mut bare: Vec<String> = Vec::new();
    let mut seen = 0;
    for condition in CONDITIONS {
        for (name, open) in SCREENS {
            let mut app = opened(condition, condition.0, open);
            for size in [(60, 20), (80, 24), (160, 50)] {
                let theme = Theme::of_roles();
                let look = Look { theme: theme.clone(), ..look("default", Glyphs::Box) };
                let buffer = painted(&mut app, size, &look);
                let listed = !matches!(app.screen, Screen::Home | Screen::Run | Screen::Runs);
                // Sentences, each with whether it tells: one may go on on the next line.
                let mut all: Vec<(bool, String)> = Vec::new();
                let mut above: Vec<(Role, u16, usize)> = Vec::new();
                for y in 1..size.1 - 1 {
                    let mut here = Vec::new();
                    for (role, x, before, text) in runs_of(&buffer, y, &theme) {
                        seen += 1;
                        let before = before.trim_end();
                        let first = before.is_empty();
                        let of = |(was, at, _): &&(Role, u16, usize)| {
                            let begins = *at == x && listed && before.ends_with('│');
                            *was == role && (begins || first && *at <= x)
                        };
                        let place = above.iter().find(of).map_or(all.len(), |(.., place)| *place);
                        let what = format!("{name} {size:?} {role:?}: `{}` in `{before}`", text.trim());
                        if place == all.len() {
                            all.push((false, what));
                        }
                        all[place].0 |= tells(before, &text);
                        here.push((role, x, place));
                    }
                    above = here;
                }
                bare.extend(all.into_iter().filter(|(told, _)| !told).map(|(_, what)| what));
            }
        }
    }
    bare.sort();
    bare.dedup();
    assert!(bare.is_empty(), "{} of {seen}:\n{}", bare.len(), bare.join("\n"));
    assert!(seen > 2_000, "{seen}");
}

/// The stretches of a line in the colour of a state, blanks and rules in them, each with where it begins and what
/// stands before it on the line.
fn runs_of(buffer: &Buffer, y: u16, theme: &Theme) -> Vec<(Role, u16, String, String)> {
    let role = |x: u16| {
        let fg = buffer.cell((x, y)).map(|cell| cell.fg);
        STATES.into_iter().find(|role| theme.style(*role).fg == fg)
    };
    let mut all: Vec<(Role, u16, String, String)> = Vec::new();
    let (mut before, mut gap, mut last) = (String::new(), String::new(), None);
    for x in 0..buffer.area.width {
        let symbol = buffer.cell((x, y)).unwrap().symbol();
        match (role(x), last) {
            _ if [" ", "─"].contains(&symbol) => gap.push_str(symbol),
            (Some(now), Some(then)) if now == then => {
                let text = &mut all.last_mut().unwrap().3;
                text.push_str(&gap);
                text.push_str(symbol);
                gap.clear();
            }
            (now, _) => {
                all.extend(now.map(|now| (now, x, before.clone(), symbol.to_owned())));
                last = now;
                gap.clear();
            }
        }
        before.push_str(symbol);
    }
    all
}

/// Whether a text tells how something stands: by a mark in it or right before it, or by a word.
fn tells(before: &str, text: &str) -> bool {
    const MARKS: [&str; 7] = ["ok", "!", "x", "?", "-", ".", ">"];
    const WORDS: [&str; 25] = [
        "DEAD", "IS", "silent", "not", "no", "none", "last", "failed", "unknown", "blocking", "warning",
        "tries", "owed", "dead", "cannot", "more", "SLOW", "stuck", "nothing", "late", "abort", "denied",
        "held", "ask", "try",
    ];
    let marked = |part: &str| MARKS.contains(&part.trim_start_matches('>'));
    let plain = |part: &str| part.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    text.split_whitespace().any(|part| marked(part) || WORDS.contains(&plain(part).as_str()))
        || before.split_whitespace().next_back().is_some_and(marked)
        || text.trim_end().ends_with(['!', '?'])
}
