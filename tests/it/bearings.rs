//! A cockpit opens where the last one of its estate was left, and never armed.

use super::terminal::{LIMIT, State, Terminal, kill};

fn hosts(terminal: &mut Terminal) {
    terminal.see("20 of 20 usable");
    for key in ["j", "j", "\r"] {
        terminal.pause();
        terminal.press(key);
    }
    terminal.see("WE hosts 20");
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
