//! Completions, the manual page and the check of a person's files, from the outside.

use std::{
    fs,
    process::{Command, Stdio},
};

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use farshore::{cli::Cli, config, domain::estate::API_VERSION_KEYS};

use super::terminal::{State, text};

/// Every verb as it is typed, and every flag of every verb.
fn words() -> (Vec<Vec<String>>, Vec<String>) {
    let root = Cli::command();
    let mut verbs = Vec::new();
    let mut flags: Vec<String> = Vec::new();
    let mut visit = vec![(Vec::<String>::new(), &root)];
    while let Some((path, command)) = visit.pop() {
        let long = command.get_arguments().filter_map(clap::Arg::get_long);
        flags.extend(long.map(|long| format!("--{long}")));
        for sub in command.get_subcommands() {
            let path = [path.clone(), vec![sub.get_name().to_owned()]].concat();
            verbs.push(path.clone());
            visit.push((path, sub));
        }
    }
    assert!(verbs.len() > 25 && flags.len() > 30, "{verbs:?} {flags:?}");
    (verbs, flags)
}

#[track_caller]
fn printed(state: &State, line: &str) -> String {
    let output = state.verb(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn completions_know_every_verb_and_flag_in_every_shell() {
    let state = State::new();
    let (verbs, flags) = words();
    for shell in Shell::value_variants() {
        let name = shell.to_possible_value().unwrap().get_name().to_owned();
        let script = printed(&state, &format!("completions {name}"));
        // Fish writes flags without their dashes.
        let bare = |flag: &String| match shell {
            Shell::Fish => format!("-l {}", flag.trim_start_matches('-')),
            _ => flag.clone(),
        };
        let missing: Vec<String> = flags.iter().map(bare).filter(|flag| !script.contains(flag)).collect();
        assert!(missing.is_empty(), "{name} does not know {missing:?}");
        for verb in &verbs {
            assert!(verb.iter().all(|word| script.contains(word)), "{name} does not know {verb:?}");
        }
        assert!(!script.contains('\x1b'), "{name} holds an escape");
    }
}

#[test]
fn completions_of_bash_are_a_script_that_completes() {
    let state = State::new();
    let path = state.path().join("farshore.bash");
    fs::write(&path, printed(&state, "completions bash")).unwrap();
    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: no bash on this machine");
        return;
    }
    let checked = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for (typed, expected) in [
        ("farshore conf", "config"),
        ("farshore config te", "template"),
        ("farshore runbook pl", "plan"),
        ("farshore --pla", "--plain"),
        ("farshore status --output ", "table json nagios"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let (last, before) = (words.len() - 1, words[words.len() - 2]);
        let script = format!(
            "source {}; COMP_WORDS=({}{}); COMP_CWORD={last}; _farshore farshore '{}' {before}; echo ${{COMPREPLY[@]}}",
            path.display(),
            words.join(" "),
            if typed.ends_with(' ') { "''" } else { "" },
            words[last],
        );
        let replied = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        assert_eq!(text(&replied.stdout).trim(), expected, "{typed}: {}", text(&replied.stderr));
    }
}

#[test]
fn the_manual_knows_every_verb_and_flag() {
    let page = printed(&State::new(), "man");
    // Roff writes a hyphen that is typed as `\-`.
    let plain = page
        .replace("\\-", "-")
        .replace("\\*(Aq", "'")
        .replace("\\fB", "")
        .replace("\\fI", "")
        .replace("\\fR", "");
    let (verbs, flags) = words();
    for flag in flags {
        assert!(plain.contains(&flag), "{flag} is not in {plain}");
    }
    let root = Cli::command();
    for verb in verbs {
        let mut command = &root;
        for word in &verb {
            command = command.find_subcommand(word).unwrap();
        }
        let line = format!("farshore {}", verb.join(" "));
        assert!(plain.contains(&line), "{line} is not in {plain}");
        if !command.has_subcommands() {
            let about = command.get_about().unwrap().to_string();
            assert!(plain.contains(&about), "{about} is not in {plain}");
        }
    }
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
    assert!(!plain.contains("farshore-"), "there are no pages of single verbs to lead to");
}

#[test]
fn what_is_printed_ends_quietly_where_nobody_reads() {
    let state = State::new();
    for line in ["man", "completions zsh", "config template", "config check"] {
        let mut command = state.command(&line.split(' ').collect::<Vec<_>>());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert!(!said.contains("panic") && !said.contains("mistake of ours"), "{line}: {said}");
        assert_ne!(output.status.code(), Some(70), "{line}: {said}");
    }
}

#[test]
fn the_template_is_accepted_and_so_is_all_that_it_leaves_switched_off() {
    let state = State::new();
    let template = printed(&state, "config template");
    assert_eq!(template, config::TEMPLATE);
    let switched: Vec<&str> = template
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
            _ => line,
        })
        .collect();
    assert!(switched.len() > 60);
    for (name, text) in [("plain", template.clone()), ("all", switched.join("\n"))] {
        let path = state.path().join(format!("{name}.toml"));
        fs::write(&path, text).unwrap();
        let said = printed(&state, &format!("config check --estate {}", path.display()));
        assert!(said.contains("ok: my-estate, WE westeurope and NE northeurope, services hr"), "{said}");
        assert_eq!(
            said.contains("not in this version, and not looked at: profile_stores"),
            name == "all",
            "{said}"
        );
    }
    let source = include_str!("../../src/azure/version.rs");
    for key in API_VERSION_KEYS {
        let line = template.lines().find(|line| line.starts_with(&format!("#\"{key}\" = ")));
        let version = line.and_then(|line| line.split('"').nth(3)).unwrap_or(key);
        assert!(
            source.contains(&format!("\"{key}\", \"{version}\"")),
            "{key} = {version} is not what is built in"
        );
    }
}

/// The keys that the source of the estate file asks for, sections of later versions among them.
fn keys_of_the_schema() -> Vec<String> {
    let sources = [
        include_str!("../../src/config/estate.rs"),
        include_str!("../../src/config/service.rs"),
        include_str!("../../src/config/later.rs"),
    ]
    .join("\n");
    let asked = ["take(\"", "require(\""].into_iter().flat_map(|call| sources.split(call).skip(1));
    let asked = asked.filter_map(|rest| rest.split('"').next());
    let later = sources.split("const LATER").nth(1).and_then(|rest| rest.split("];").next()).unwrap();
    let all = asked.chain(later.split('"').skip(1).step_by(2));
    all.chain(["primary", "secondary", "profile", "office"]).map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_schema_stands_in_the_template() {
    let keys = keys_of_the_schema();
    for known in ["format", "capacity_percent", "anchor", "change_windows"] {
        assert!(keys.iter().any(|key| key == known), "{known} was not found in {keys:?}");
    }
    let words: Vec<&str> =
        config::TEMPLATE.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    let missing: Vec<&String> = keys.iter().filter(|key| !words.contains(&key.as_str())).collect();
    assert!(missing.is_empty() && keys.len() > 45, "{missing:?} of {}", keys.len());
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let state = State::new();
    let own = state.path().join("farshore");
    fs::create_dir_all(own.join("themes")).unwrap();
    let check = |code: i32, said: &[&str]| {
        let output = state.verb(&["config", "check"]);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{all}");
        for part in said {
            assert!(all.contains(part), "`{part}` is not in {all}");
        }
    };
    check(
        2,
        &["estate.toml", "not there: `farshore config template`", "the usual keys hold", "none of your own"],
    );
    fs::write(own.join("estate.toml"), config::TEMPLATE).unwrap();
    check(0, &["ok: my-estate"]);
    fs::write(own.join("keys.toml"), "format = 1\n[keys]\nfreeze = [\"Z\"]\n").unwrap();
    fs::write(own.join("themes/mine.toml"), "inherits = \"dark\"\n").unwrap();
    check(0, &["ok: 1 action with keys of your own", "ok: mine"]);
    fs::write(own.join("estate.toml"), config::TEMPLATE.replace("tenant =", "tenent =")).unwrap();
    fs::write(own.join("keys.toml"), "format = 1\n[keys]\nfreze = [\"Z\"]\n").unwrap();
    fs::write(own.join("themes/mine.toml"), "inherit = \"dark\"\n").unwrap();
    check(
        2,
        &[
            "unknown key \"tenent\" in the estate file; nearest is \"tenant\"",
            "keys.toml:3:1: unknown action \"freze\"; nearest is \"freeze\"",
            "mine.toml:1:1: unknown key \"inherit\"; nearest is \"inherits\"",
        ],
    );
    let sim = state.verb(&["--sim", "config", "check"]);
    assert_eq!(sim.status.code(), Some(2));
    assert!(text(&sim.stderr).contains("--sim has no files to check"), "{}", text(&sim.stderr));
}

#[test]
fn what_the_readme_shows_of_keys_and_shells_is_so() {
    let readme = include_str!("../../README.md");
    let mut blocks = readme.split("```toml").skip(1).filter_map(|rest| rest.split("```").next());
    let keys = blocks.find(|block| block.contains("[keys]")).expect("an example of keys");
    let state = State::new();
    let own = state.path().join("farshore");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("estate.toml"), config::TEMPLATE).unwrap();
    fs::write(own.join("keys.toml"), keys).unwrap();
    let said = printed(&state, "config check");
    assert!(said.contains("ok: 3 actions with keys of your own"), "{said}");
    let row = readme.lines().find(|line| line.contains("`farshore completions SHELL`")).expect("a row");
    for shell in Shell::value_variants() {
        let name = shell.to_possible_value().unwrap().get_name().to_owned();
        assert!(row.contains(&format!("`{name}`")), "{name} is not in {row}");
    }
}
