//! The terminal is asked whether it is light or dark: one that answers, too late, not at all, or nonsense.

use super::terminal::{LIMIT, State, Terminal};

const LIGHT: &str = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\";
const DARK: &str = "\x1b]11;rgb:0000/0000/0000\x07";
const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// The styles of everything that was painted so far, in order.
fn styles(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw).into_owned();
    let pieces = text.split("\x1b[").skip(1);
    let codes = pieces.filter_map(|piece| {
        let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        piece[end..].starts_with('m').then(|| piece[..end].to_owned())
    });
    codes.collect()
}

/// Whether the colours are those of the light theme: its yellow is none of the sixteen.
fn is_light(terminal: &Terminal, light: &[String]) -> bool {
    let painted = styles(&terminal.raw());
    light.iter().all(|style| painted.contains(style))
}

/// The styles that only the light theme has.
fn of_light(state: &State) -> Option<Vec<String>> {
    let painted = |theme: &str| {
        let mut terminal = Terminal::farshore(state, &["--sim", "--theme", theme])?;
        terminal.see("readiness");
        let asked = terminal.raw().windows(QUESTION.len()).any(|bytes| bytes == QUESTION);
        assert!(!asked, "a theme was given: there is nothing to ask");
        let found = styles(&terminal.raw());
        leave(&mut terminal);
        Some(found)
    };
    let (light, default) = (painted("light")?, painted("default")?);
    let mut only: Vec<String> = light.into_iter().filter(|style| !default.contains(style)).collect();
    only.sort();
    only.dedup();
    only.truncate(1);
    assert!(!only.is_empty(), "the two themes look the same");
    Some(only)
}

fn leave(terminal: &mut Terminal) {
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
}

#[test]
fn the_theme_follows_what_the_terminal_answers() {
    let state = State::new();
    let Some(light) = of_light(&state) else { return };
    // What is there already when the terminal is asked has come in time, however slow the machine is.
    for (answer, expected) in [
        (LIGHT, true),
        (DARK, false),
        ("", false),
        ("\x1b[?62c", false),
        ("\x1b]11;banana\x07", false),
        ("\x1b]99;r m A\x1b\\\x1b[?62c", false),
    ] {
        let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
        terminal.press(answer);
        let screen = terminal.see("readiness");
        assert!(!screen.contains("Cancel") && !screen.contains("banana"), "{answer:?}: {screen}");
        assert!(terminal.raw().windows(QUESTION.len()).any(|bytes| bytes == QUESTION));
        assert_eq!(is_light(&terminal, &light), expected, "{answer:?}");
        leave(&mut terminal);
    }
}

#[test]
fn keys_that_come_before_the_first_frame_are_kept() {
    let state = State::new();
    for keys in [format!("?{LIGHT}"), format!("{LIGHT}?"), "?".to_owned(), "?\x1b[?62c".to_owned()] {
        let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
        terminal.press(&keys);
        terminal.see("keys that work here");
        leave_from_help(&mut terminal);
    }
}

fn leave_from_help(terminal: &mut Terminal) {
    terminal.pause();
    terminal.press("q");
    terminal.until("no help", |screen| !screen.contains("keys that work here"));
    leave(terminal);
}

#[test]
fn an_answer_that_comes_too_late_is_no_key() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("readiness");
    terminal.pause();
    // On home its `r` would open the start dialog, its figures other panes.
    terminal.press(LIGHT);
    terminal.press("\x1b[?62c");
    terminal.press("?");
    let screen = terminal.see("keys that work here");
    assert!(screen.contains(">con") && screen.contains("r          start a procedure"), "{screen}");
    terminal.press("q");
    terminal.until("no help", |screen| !screen.contains("keys that work here"));
    // Where letters are text they would all be seen; also in two pieces, cut behind the escape.
    terminal.pause();
    terminal.press(":");
    terminal.type_slowly("quit");
    terminal.press(DARK);
    terminal.press("\x1b]11;rgb:ffff/ff");
    terminal.press("ff/ffff\x07");
    let screen = terminal.see(":quit");
    assert!(!screen.contains("rgb") && !screen.contains("11;"), "{screen}");
    terminal.pause();
    terminal.press("\r");
    assert_eq!(terminal.end(LIMIT), 0);
}
