//! Keys of one's own: what they do, what is said of them, and that no sentence names a key that is another.

use std::{collections::BTreeSet, fs, path::Path};

use farshore::{
    app::keyboard,
    ui::keymap::{BINDINGS, Key},
};

use super::terminal::{LIMIT, State, Terminal, text};

fn with_keys(keys: &str) -> State {
    let state = State::new();
    fs::create_dir(state.path().join("farshore")).unwrap();
    fs::write(state.path().join("farshore/keys.toml"), format!("format = 1\n[keys]\n{keys}\n")).unwrap();
    state
}

#[test]
fn ones_own_keys_work_and_every_place_names_them() {
    let state = with_keys("freeze = [\"Z\"]\nrun = [\"ö\"]\nback = [\"Q\"]\nruns = []\nscope-next = [\"N\"]");
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("ö run");
    terminal.see("[ N scope");
    terminal.see("Q back");
    terminal.press("z");
    terminal.press("Z");
    terminal.see("the display stands still, polling goes on; Z shows what is now");
    terminal.press("Z");
    terminal.press("2");
    terminal.see("no run is open; ö starts one, :runs lists the runs");
    terminal.press("?");
    terminal.see("keys that work here");
    terminal.press("/");
    terminal.type_slowly("runs of this");
    terminal.see("no key     the runs of this estate");
    terminal.press("\x1b");
    terminal.until("the help unfiltered", |screen| !screen.contains("filter: "));
    terminal.press("\x1b");
    terminal.until("no help", |screen| !screen.contains("keys that work here"));
    terminal.press("ö");
    terminal.see("start avd-pooled-failover");
    terminal.press("\x1b");
    terminal.until("no dialog", |screen| !screen.contains("start avd-pooled-failover"));
    terminal.pause();
    terminal.press("q");
    terminal.press("Q");
    terminal.see("press Q again within 2 s to leave");
    terminal.press("Q");
    assert_eq!(terminal.end(LIMIT), 0);
    let files = fs::read_dir(state.path().join("farshore")).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["keys.toml"], "nothing is written where a person's files stand");
}

#[test]
fn ones_own_key_wins_over_a_usual_one_and_the_check_says_what_it_cost() {
    let state = with_keys("freeze = [\"r\"]");
    fs::write(state.path().join("farshore/estate.toml"), text(&state.verb(&["sim", "estate"]).stdout))
        .unwrap();
    let check = state.verb(&["config", "check"]);
    let said = text(&check.stdout);
    let warning = "keys.toml:3:1: \"r\" means \"freeze\" now, and \"run\" no longer; it keeps :run";
    assert!(said.contains("warning: ") && said.contains(warning), "{said}");
    assert_eq!(check.status.code(), Some(0), "{said}");
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("your own keys: r is freeze (run: :run)");
    terminal.press("r");
    terminal.see("the display stands still, polling goes on; r shows what is now");
    terminal.press("r");
    terminal.command("run");
    terminal.see("start avd-pooled-failover");
}

#[test]
fn a_mistake_in_the_keys_is_told_before_anything_is_drawn_and_only_by_what_draws() {
    let state = with_keys("freze = [\"Z\"]\nhold = [\"x\"]\nnote = [\"x\"]");
    let Some(mut terminal) = Terminal::farshore(&state, &["--sim"]) else { return };
    terminal.see("unknown action \"freze\"; nearest is \"freeze\"");
    terminal.see("\"x\" means both \"hold\" and \"note\" in run");
    terminal.see("keys.toml.off");
    assert_eq!(terminal.end(LIMIT), 2);
    // Where nothing is drawn all is as it is without the file: what is said, and the code at the end.
    let without = State::new();
    for words in
        ["--sim status --output nagios", "--sim status --service nope", "--sim runbook list", "--sim nope"]
    {
        let [with, without] = [&state, &without].map(|state| {
            let output = state.verb(&words.split(' ').collect::<Vec<_>>());
            // How long calls took is behind the bar.
            let said = text(&output.stdout).split(" | ").next().unwrap_or_default().to_owned();
            (output.status.code(), said, text(&output.stderr))
        });
        assert_eq!(with, without, "{words}");
    }
    // Lines know no keys: nothing is said of them, and the input ends at once.
    let lines = state.verb(&["--sim", "--plain"]);
    assert!(!text(&lines.stderr).contains("keys.toml"), "{}", text(&lines.stderr));
    // Nothing is begun that could not be sat at.
    let out = state.path().join("out.jsonl");
    let Some(mut terminal) =
        Terminal::farshore(&state, &["record", "--sim", "--out", &out.display().to_string()])
    else {
        return;
    };
    terminal.see("unknown action");
    assert_eq!(terminal.end(LIMIT), 2);
    assert!(!out.exists());
}

/// The text of every string literal outside tests, with its line.
fn literals(source: &str) -> Vec<(usize, String)> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let mut found = Vec::new();
    for (number, line) in source.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        found.extend(line.split('"').skip(1).step_by(2).map(|text| (number + 1, text.to_owned())));
    }
    found
}

/// Whether a sentence names one of the keys: a key that stands alone between words. `30 s` and
/// `80 x 24` are measures.
fn names(sentence: &str, keys: &BTreeSet<String>) -> bool {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let plain = |word: &&&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase());
    let bare = |word: &str| word.trim_matches(|c: char| matches!(c, '`' | ',' | ';' | ':')).to_owned();
    let counted = |at: usize| at > 0 && words[at - 1].ends_with(|c: char| c.is_ascii_digit() || c == '}');
    let measure = |word: &str| matches!(bare(word).as_str(), "s" | "x");
    let key = |(at, word): (usize, &&str)| keys.contains(&bare(word)) && !(measure(word) && counted(at));
    words.iter().filter(plain).count() > 0 && words.iter().enumerate().any(key)
}

/// A file and words in it that look like a key and are none to press.
const NO_KEYS: [(&str, &str); 1] = [("runtime/keyfile.rs", "a word such as space")];

#[test]
fn no_sentence_names_a_key_that_a_person_may_change() {
    let keys: BTreeSet<String> = BINDINGS
        .iter()
        .filter(|row| keyboard::stays(keyboard::action(row.intent)).is_none())
        .filter(|row| {
            matches!(row.key, Key::Char(c) if c.is_ascii_alphabetic() || c == ' ')
                || matches!(row.key, Key::Ctrl(_))
        })
        .map(|row| row.key.name())
        .collect();
    assert!(keys.contains("h") && keys.contains("space") && !keys.contains("y"), "{keys:?}");
    for planted in
        ["press h to go on", "no runs yet; r starts one", "PAUSED, {} new  space follows", "`z` shows it"]
    {
        assert!(names(planted, &keys), "{planted}");
    }
    let mut wrong = Vec::new();
    for floor in ["app", "ui", "engine", "status", "readiness", "runtime", "runbook"] {
        visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(floor), &mut |path, source| {
            for (line, text) in literals(source) {
                let fine = NO_KEYS.iter().any(|(file, part)| path.ends_with(file) && text.contains(part));
                if names(&text, &keys) && !fine {
                    wrong.push(format!("{path}:{line}: {text}"));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "take the key from the table of keys:\n{}", wrong.join("\n"));
}

fn visit(below: &Path, look: &mut impl FnMut(&str, &str)) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        // Modules of tests, and the table itself.
        let other = [
            "tests.rs",
            "sizes.rs",
            "views.rs",
            "ui/panes.rs",
            "shots.rs",
            "masked.rs",
            "scene.rs",
            "app/keys.rs",
        ];
        if path.is_dir() {
            visit(&path, look);
        } else if path.extension().is_some_and(|end| end == "rs")
            && !other.iter().any(|other| name.ends_with(other))
        {
            look(&name, &fs::read_to_string(&path).unwrap());
        }
    }
}
