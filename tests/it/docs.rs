//! What the documents say agrees with what is built.

use std::{collections::BTreeSet, fs, path::Path};

use clap::{Command, CommandFactory};
use farshore::{
    cli::Cli,
    config,
    ui::keymap::{self, BINDINGS, Key},
};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every text between backticks on one line, fences left out.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// Lines of all fenced blocks.
fn fenced(text: &str) -> Vec<&str> {
    text.split("```").skip(1).step_by(2).flat_map(str::lines).collect()
}

/// The words of a command line that follow `farshore`, wherever the text shows one.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let inline = quoted(text);
    let lines = inline.iter().map(String::as_str).chain(fenced(text));
    lines
        .filter_map(|line| {
            let line = line.trim().trim_end_matches('&');
            let line = line.split(" > ").next().unwrap_or(line);
            let rest = line
                .strip_prefix("farshore")
                .or_else(|| line.strip_prefix("cargo run --release --"))
                .or_else(|| line.strip_prefix("cargo run --release"))?;
            (rest.is_empty() || rest.starts_with(' '))
                .then(|| rest.split_whitespace().map(str::to_owned).collect())
        })
        .collect()
}

fn is_flag_of(command: &Command, root: &Command, word: &str) -> bool {
    let name = word.trim_start_matches("--");
    let name = name.split(['=', '[']).next().unwrap_or(name);
    let has = |command: &Command| command.get_arguments().any(|argument| argument.get_long() == Some(name));
    matches!(name, "help" | "version") || has(command) || has(root)
}

/// Walks `words` down the verbs; the mistake, if there is one.
fn mistake(root: &Command, words: &[String]) -> Option<String> {
    let mut command = root;
    for word in words {
        if word.starts_with("--") {
            if !is_flag_of(command, root, word) {
                return Some(format!("{} has no flag {word}", command.get_name()));
            }
        } else if command.has_subcommands() && !word.starts_with(|c: char| c.is_uppercase() || c == '[') {
            match command.find_subcommand(word) {
                Some(found) => command = found,
                // A value of the flag before it.
                None if word.contains(['/', '.']) || word.chars().all(|c| c.is_ascii_digit()) => {}
                None => return Some(format!("{} has no verb {word}", command.get_name())),
            }
        }
    }
    None
}

#[test]
fn the_two_commands_stand_at_the_top() {
    let readme = read("README.md");
    let top: Vec<&str> = readme.lines().take(20).collect();
    for command in ["cargo run --release", "cargo test"] {
        assert!(top.contains(&command), "{command} is not among the first lines of README.md");
    }
}

#[test]
fn every_command_of_the_readme_exists() {
    let root = Cli::command();
    let lines = command_lines(&read("README.md"));
    assert!(lines.len() > 20, "only {} command lines were found", lines.len());
    let wrong: Vec<String> = lines.iter().filter_map(|words| mistake(&root, words)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for planted in ["sta", "status --outptu json", "sim sreve", "--simm", "audit verify --haed HASH"] {
        let words: Vec<String> = planted.split(' ').map(str::to_owned).collect();
        assert!(mistake(&root, &words).is_some(), "{planted} was let through");
    }
}

#[test]
fn every_verb_and_flag_stands_in_the_readme() {
    let root = Cli::command();
    let readme = read("README.md");
    let mut missing = Vec::new();
    let mut visit = vec![(String::from("farshore"), &root)];
    while let Some((path, command)) = visit.pop() {
        if !command.has_subcommands() && !readme.contains(&path) {
            missing.push(path.clone());
        }
        for argument in command.get_arguments().filter_map(|argument| argument.get_long()) {
            let flag = format!("`--{argument}");
            if !matches!(argument, "help" | "version") && !readme.contains(&flag) {
                missing.push(format!("{path} --{argument}"));
            }
        }
        visit.extend(command.get_subcommands().map(|sub| (format!("{path} {}", sub.get_name()), sub)));
    }
    assert!(missing.is_empty(), "README.md does not know {missing:#?}");
}

/// Keys that the README names are those with one of these forms between backticks.
fn is_key(word: &str) -> bool {
    word.chars().count() == 1 || word.starts_with("ctrl-") || ["enter", "tab", "esc"].contains(&word)
}

#[test]
fn every_key_of_the_readme_is_bound() {
    let bound: BTreeSet<String> = BINDINGS.iter().map(|binding| binding.key.name()).collect();
    assert!(bound.contains(&Key::Ctrl('c').name()), "{bound:?}");
    let named: BTreeSet<String> =
        quoted(&read("README.md")).into_iter().filter(|word| is_key(word)).collect();
    assert!(named.len() > 5, "{named:?}");
    let unknown: Vec<&String> = named.difference(&bound).collect();
    assert!(unknown.is_empty(), "no such keys: {unknown:?}");
}

/// The table of keys in the README is the one in the source. When it is not, what should stand
/// there is printed.
#[test]
fn the_table_of_keys_is_that_of_the_source() {
    let readme = read("README.md");
    let table = readme
        .split_once("<!-- keys -->\n")
        .and_then(|(_, rest)| rest.split_once("\n<!-- end of keys -->"))
        .map_or("", |(table, _)| table);
    let wanted = keymap::markdown();
    assert!(table == wanted, "between `<!-- keys -->` and `<!-- end of keys -->` should stand:\n{wanted}\n");
}

#[test]
fn the_skeleton_of_the_estate_file_has_only_known_keys() {
    let readme = read("README.md");
    let mut blocks = readme.split("```toml").skip(1).filter_map(|rest| rest.split("```").next());
    let skeleton = blocks.find(|block| block.contains("[regions]")).expect("a skeleton");
    let errors = config::parse(skeleton, "README.md").expect_err("its ids are cut short").to_string();
    for word in ["unknown", "not known", "did you mean"] {
        assert!(!errors.contains(word), "{errors}");
    }
}

#[test]
fn every_part_of_the_source_stands_in_the_architecture() {
    let page = read("ARCHITECTURE.md");
    assert!(page.lines().count() < 200, "ARCHITECTURE.md has {} lines", page.lines().count());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).expect("src is readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let known = page.contains(&format!("src/{name}"));
        assert!(known, "ARCHITECTURE.md does not say what src/{name} is");
    }
}
