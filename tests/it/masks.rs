//! `--redact` over everything that is printed: no person, no id, and otherwise the same words.

use super::terminal::{State, Terminal, text};

/// What is printed, and who or what can be recognised in it.
fn given_away(printed: &str) -> Vec<String> {
    let words = printed.split(|c: char| c.is_whitespace() || "\"'`<>()[]{},;|=/".contains(c));
    let is_id = |word: &str| {
        let groups: Vec<usize> = word.split('-').map(str::len).collect();
        groups.starts_with(&[8])
            && groups.len() > 2
            && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
    };
    let is_upn = |word: &str| word.split_once('@').is_some_and(|(_, domain)| domain.contains(".example"));
    let head = |word: &str| word.len() == 8 && word.starts_with("4c4c");
    let found = words.filter(|word| is_id(word) || is_upn(word) || head(word));
    found.map(str::to_owned).collect()
}

#[test]
fn nothing_that_is_printed_names_anybody() {
    let state = State::new();
    let auto = ["run", "avd-pooled-failover", "--service", "hr", "--sim=tiny", "--auto", "--redact"];
    let shown = text(&state.verb(&auto).stdout);
    assert!(shown.contains("completed"), "{shown}");
    assert_eq!(given_away(&shown), Vec::<String>::new());
    let run = state.run();
    let verbs: [(&[&str], bool); 9] = [
        (&["report", &run], true),
        (&["report", &run, "--output", "json"], true),
        (&["audit", "show", &run], true),
        (&["audit", "show", &run, "--output", "json"], true),
        (&["runs"], false),
        (&["status", "--sim"], false),
        (&["status", "--sim", "--output", "json"], false),
        (&["check", "--sim"], false),
        (&["runbook", "plan", "avd-pooled-failover", "--service", "hr", "--sim"], true),
    ];
    for (words, names) in verbs {
        let bare = text(&state.verb(words).stdout);
        let masked = text(&state.verb(&[words, &["--redact"][..]].concat()).stdout);
        assert_eq!(!given_away(&bare).is_empty(), names, "{words:?} {:?}", given_away(&bare));
        assert_eq!(given_away(&masked), Vec::<String>::new(), "{words:?}: {masked}");
        assert!(!masked.is_empty());
        if words.contains(&"json") {
            for line in masked.lines().filter(|_| words[0] == "audit") {
                let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
                let os = record["actor"]["os"].as_str().expect("an actor");
                assert!(os.is_empty() || os.starts_with("user-"), "{os}");
            }
        }
    }
    // What is written stays what it is: the file is the record.
    state.verified();
}

#[test]
fn line_1_of_the_cockpit_says_so() {
    let state = State::new();
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim", "--redact"]) else { return };
    terminal.until("the word", |screen| screen.lines().next().unwrap_or_default().contains("REDACTED"));
    terminal.pause();
    terminal.command("redact off");
    terminal.until("no word", |screen| !screen.lines().next().unwrap_or_default().contains("REDACTED"));
    terminal.pause();
    terminal.command("quit");
    terminal.end(super::terminal::LIMIT);
}

/// Where the outside world is printed to, so that no verb can forget the masks.
#[test]
fn only_one_door_leads_to_standard_output() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/runtime");
    // Frames; what a simulator prints for programs.
    let known = ["paper.rs", "terminal.rs", "ground.rs", "sim_verbs.rs"];
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let source = std::fs::read_to_string(&path).expect("a source");
            let product = source.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
            let prints = product.into_iter().any(|line| {
                let asks = line.contains("is_terminal") || line.contains("use_stderr");
                (line.contains("stdout()") || line.contains("stderr()")) && !asks
                    || line.contains("println!")
                    || line.contains(" print!")
            });
            assert!(!prints || known.contains(&name.as_str()), "{} prints past the door", path.display());
        }
    }
}
