//! A cockpit opens where the last one of its estate was left, and never armed.

use super::terminal::{LIMIT, State, Terminal, kill};

fn hosts(terminal: &mut Terminal) {
    terminal.see("20 of 20 usable");
    for key in ["j", "j", "\r"] {
        terminal.pause();
        terminal.press(key);
    }
    terminal.see("WE hosts 1-19 of 20");
}

#[test]
fn the_next_cockpit_opens_where_this_one_was_left() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    hosts(&mut terminal);
    terminal.press("/");
    terminal.type_slowly("status!=available");
    terminal.press("\r");
    terminal.see("filter: status!=available   ");
    terminal.press("s");
    terminal.see("sorted by host");
    terminal.arm();
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);

    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    let screen = terminal.see("filter: status!=available   ");
    assert!(screen.contains("SIM RO") && screen.contains("sorted by host"), "{screen}");
    terminal.pause();
    terminal.press("1");
    terminal.see("── runbooks");
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);

    // Whoever leaves from home comes home; another world has places of its own.
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("── runbooks");
    hosts(&mut terminal);
    // A cockpit that was killed has kept where it was by then, as it does with each look.
    let file = state.path().join("cockpit").join("sim-contoso-avd.json");
    terminal
        .until("it kept", |_| std::fs::read_to_string(&file).is_ok_and(|text| text.contains("\"hosts\"")));
    kill(terminal.child.process_id().unwrap(), "KILL");
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("WE hosts");
    std::fs::write(&file, "{").unwrap();
    kill(terminal.child.process_id().unwrap(), "KILL");
    let _ = terminal.rest();
    std::fs::write(&file, "{").unwrap();
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("where you were is not restored");
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
}

#[test]
fn colours_are_changed_in_the_cockpit_and_come_back_with_the_next_one() {
    let state = State::new();
    let kept = || {
        let file = state.path().join("cockpit").join("sim-contoso-avd.json");
        let kept: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        kept["bearings"]["theme"].clone()
    };
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("20 of 20 usable");
    for (typed, said) in [
        ("theme", "theme takes a name: default, "),
        ("theme hihg-contrast", "nearest is \"high-contrast\""),
        ("theme high-contrast", "theme high-contrast"),
    ] {
        terminal.pause();
        terminal.command(typed);
        terminal.see(said);
    }
    terminal.pause();
    terminal.command("quit");
    assert_eq!(terminal.end(LIMIT), 0);
    assert_eq!(kept(), "high-contrast");

    // What the command line asks for holds, and what was asked for here is forgotten with it.
    for (words, theme) in
        [(&["--sim"][..], "high-contrast".into()), (&["--sim", "--theme", "dark"], None::<&str>.into())]
    {
        let theme: serde_json::Value = theme;
        let Some(mut terminal) = Terminal::farshore(&state, words) else { return };
        terminal.see("20 of 20 usable");
        terminal.pause();
        terminal.command("quit");
        assert_eq!(terminal.end(LIMIT), 0);
        assert_eq!(kept(), theme, "{words:?}");
    }
}
