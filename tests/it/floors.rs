//! The floors: who may lean on whom, and where the outside world may be touched.
//!
//! The rules are those of ARCHITECTURE.md. A file that breaks one is changed, not the rule.

mod tokens;

use std::{collections::BTreeSet, fs, path::Path as FilePath};

use tokens::{Path, Token};

/// What each floor may import. `main` may import everything.
const FLOORS: [(&str, &[&str]); 17] = [
    ("domain", &[]),
    ("wire", &[]),
    ("vault", &["domain"]),
    ("sim", &["wire"]),
    ("runbook", &["domain"]),
    ("config", &["domain"]),
    ("engine", &["domain", "runbook", "wire"]),
    ("journal", &["domain", "engine"]),
    ("azure", &["domain", "wire"]),
    ("readiness", &["domain", "engine", "runbook"]),
    ("status", &["domain", "engine", "runbook", "readiness"]),
    ("report", &["domain", "engine", "runbook"]),
    ("app", &["domain", "runbook", "engine", "readiness", "status", "report"]),
    ("ui", &["domain", "runbook", "engine", "readiness", "status", "report", "app"]),
    ("plain", &["domain", "runbook", "engine", "readiness", "status", "report", "app"]),
    ("recording", &["domain", "wire", "engine", "journal", "readiness", "app"]),
    ("cli", &["domain", "config"]),
];

/// Floors that may import every other.
const EVERYTHING: [&str; 2] = ["runtime", "main"];

/// Of `wire` the engine may use only what carries a journaled intent to the guard.
const ENGINE_FROM_WIRE: [&str; 2] = ["Permit", "body_sha256"];

/// Floors without I/O, async or clock.
const PURE: [&str; 7] = ["domain", "engine", "runbook", "app", "status", "readiness", "report"];

/// Paths that touch the outside world, and where they may stand: a file, or all below `…/`.
const RESERVED: [(&str, &[&str]); 4] = [
    ("reqwest", &["wire/live.rs", "azure/tokens.rs", "azure/tokens/"]),
    ("ratatui", &["ui/", "runtime/"]),
    ("crossterm", &["ui/", "runtime/"]),
    (
        "std::fs",
        &[
            "journal/file.rs",
            "journal/heads.rs",
            "journal/lock.rs",
            "journal/runs.rs",
            "journal/verify.rs",
            "config/",
            "vault/file.rs",
            "runtime/",
        ],
    ),
];

/// Never on a pure floor.
const IMPURE: [&str; 7] =
    ["tokio", "reqwest", "ratatui", "crossterm", "std::fs", "std::time::SystemTime", "std::time::Instant"];

/// Types whose `now` asks the machine for the time.
const CLOCKS: [&str; 4] = ["SystemTime", "Instant", "Timestamp", "Zoned"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "helpers", "common", "misc", "imp", "types"];

/// Longest file without its tests, in lines.
const FILE_LINES: usize = 500;

/// Longest function, in lines of code between its braces.
const FUNCTION_LINES: usize = 70;

/// A source file: its path below `src` with `/`, and its text.
struct File<'a> {
    name: &'a str,
    text: String,
    tokens: Vec<Token>,
    tests: Vec<(usize, usize)>,
    /// The whole file is built for tests only.
    only_tests: bool,
}

impl<'a> File<'a> {
    fn new(name: &'a str, source: &str) -> Self {
        let text = tokens::strip(source);
        let tokens = tokens::tokens(&text);
        let tests = tokens::test_regions(&tokens);
        Self { name, text, tokens, tests, only_tests: false }
    }

    /// The floor it stands on.
    fn floor(&self) -> &'a str {
        self.name.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Its module path: `status/mod.rs` is `status`, `status/sight.rs` is `status::sight`.
    fn module(&self) -> Vec<String> {
        let name = self.name.trim_end_matches(".rs");
        let parts = name.split('/').map(str::to_owned);
        parts.filter(|part| !matches!(part.as_str(), "mod" | "lib" | "main")).collect()
    }

    fn in_test(&self, line: usize) -> bool {
        self.only_tests || self.tests.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    fn at(&self, line: usize, what: &str) -> String {
        format!("src/{}:{line}: {what}", self.name)
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }
}

/// Everything that is wrong in the files.
fn violations(sources: &[(&str, &str)]) -> Vec<String> {
    let mut files: Vec<File<'_>> = sources.iter().map(|(name, text)| File::new(name, text)).collect();
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|file| {
            let below = file.module().join("/");
            tokens::test_files(&file.tokens).into_iter().map(move |name| format!("{below}/{name}"))
        })
        .collect();
    let mut found = Vec::new();
    for file in &mut files {
        let module = file.module().join("/");
        file.only_tests = tests.iter().any(|test| module == *test || module.starts_with(&format!("{test}/")));
    }
    for file in &files {
        imports(file, &mut found);
        places(file, &mut found);
        habits(file, &mut found);
        sizes(file, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

/// The module a path leads to, from the crate's root; `None`: it leaves the crate.
fn resolve(file: &File<'_>, path: &Path) -> Option<Vec<String>> {
    let mut here = file.module();
    here.extend(path.inside.iter().cloned());
    let mut rest = &path.segments[..];
    match rest.first()?.as_str() {
        "crate" => here.clear(),
        "farshore" if EVERYTHING.contains(&file.floor()) => here.clear(),
        "super" | "self" => {
            while let Some(first @ ("super" | "self")) = rest.first().map(String::as_str) {
                if first == "super" {
                    here.pop();
                }
                rest = &rest[1..];
            }
            here.extend(rest.iter().cloned());
            return Some(here);
        }
        _ => return None,
    }
    here.extend(rest[1..].iter().cloned());
    Some(here)
}

fn imports(file: &File<'_>, found: &mut Vec<String>) {
    let floor = file.floor();
    if floor == "lib" {
        // A name re-exported at the root could be reached from any floor.
        if let Some(path) = tokens::paths(&file.tokens).iter().find(|path| path.imported) {
            found.push(file.at(path.line, "lib.rs imports something"));
        }
        return;
    }
    if EVERYTHING.contains(&floor) {
        return;
    }
    let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
        found.push(file.at(1, &format!("no floor is declared for {floor}")));
        return;
    };
    for path in tokens::paths(&file.tokens) {
        let Some(target) = resolve(file, &path) else { continue };
        let Some(first) = target.first() else {
            found.push(file.at(path.line, "brings the crate's root, and every floor with it"));
            continue;
        };
        let macro_call = target.len() == 1 && path.followed_by == "!";
        if first == "*" {
            found.push(file.at(path.line, "brings everything of the crate's root"));
        } else if first != floor && !macro_call && !allowed.contains(&first.as_str()) {
            found.push(file.at(path.line, &format!("{floor} imports {}", target.join("::"))));
        } else if floor == "engine" && first == "wire" {
            let name = target.get(1).map_or("", String::as_str);
            if !ENGINE_FROM_WIRE.contains(&name) {
                found.push(file.at(path.line, &format!("engine takes {name} from wire")));
            }
        }
    }
}

/// Whether `path` is `rule` or lies below it, group and glob spelled out.
fn names(path: &Path, rule: &str) -> bool {
    let rule: Vec<&str> = rule.split("::").collect();
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    // A path alone is no use of a crate: a field or a local may have the same name.
    let whole = segments.len() > 1 || path.imported;
    let globbed = segments.last() == Some(&"*") && rule.starts_with(&segments[..segments.len() - 1]);
    let root = path.imported && path.renamed && rule.len() > 1 && rule.starts_with(&segments);
    whole && (segments.starts_with(&rule) || (globbed && rule.len() > 1) || root)
}

fn places(file: &File<'_>, found: &mut Vec<String>) {
    for path in tokens::paths(&file.tokens) {
        for (rule, allowed) in RESERVED {
            let here = allowed.iter().any(|place| {
                if place.ends_with('/') { file.name.starts_with(place) } else { file.name == *place }
            });
            if !here && names(&path, rule) && !file.in_test(path.line) {
                found.push(file.at(path.line, &format!("{rule} outside {}", allowed.join(", "))));
            }
        }
        if PURE.contains(&file.floor()) {
            for rule in IMPURE.iter().filter(|rule| names(&path, rule)) {
                found.push(file.at(path.line, &format!("{rule} on the pure floor {}", file.floor())));
            }
            let asks = path.segments.last().is_some_and(|last| last == "now")
                && path.segments.iter().any(|segment| CLOCKS.contains(&segment.as_str()));
            if asks {
                found.push(file.at(path.line, "asks the machine for the time on a pure floor"));
            }
        }
        let mints = path.segments.windows(2).any(|pair| pair == ["Permit", "mint"]);
        if mints && file.floor() != "engine" && !file.in_test(path.line) {
            found.push(file.at(path.line, "Permit::mint outside engine"));
        }
    }
}

fn habits(file: &File<'_>, found: &mut Vec<String>) {
    let parts = file.name.trim_end_matches(".rs").split('/');
    for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
        found.push(file.at(1, &format!("the name {part} says nothing")));
    }
    for at in 0..file.tokens.len() {
        let line = file.tokens[at].line;
        let next = |n: usize| file.word(at + n);
        if next(0) == "." && next(1) == "unwrap" && next(2) == "(" && !file.in_test(line) {
            found.push(file.at(line, ".unwrap() outside tests"));
        }
        let attribute = if next(1) == "!" { 2 } else { 1 };
        if next(0) == "#" && next(attribute) == "[" && next(attribute + 1) == "allow" {
            found.push(file.at(line, "#[allow]: write #[expect(…, reason = \"…\")]"));
        }
        if next(0) == "#" && next(1) == "[" && next(2) == "path" {
            found.push(file.at(line, "#[path] hides on which floor a file stands"));
        }
        if next(0) == "extern" && next(1) == "crate" {
            found.push(file.at(line, "extern crate can rename the crate's root"));
        }
    }
}

fn sizes(file: &File<'_>, found: &mut Vec<String>) {
    let lines: Vec<&str> = file.text.lines().collect();
    let own = (1..=lines.len()).filter(|line| !file.in_test(*line)).count();
    if own > FILE_LINES {
        found.push(file.at(1, &format!("{own} lines without tests")));
    }
    for (number, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !is_function(line) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        let body = lines[number..].iter().skip_while(|line| !line.trim_end().ends_with('{')).skip(1);
        let length =
            body.take_while(|line| line.trim_end() != closing).filter(|line| !line.trim().is_empty()).count();
        let has_body = lines[number..].iter().find(|line| line.trim_end().ends_with(['{', ';', '}']));
        if has_body.is_some_and(|line| line.trim_end().ends_with('{')) && length > FUNCTION_LINES {
            found.push(file.at(number + 1, &format!("function of {length} lines")));
        }
    }
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.peek() {
        let before =
            word.starts_with("pub") || matches!(*word, "const" | "async" | "unsafe" | "super)" | "crate)");
        if !before {
            break;
        }
        words.next();
    }
    words.next() == Some("fn")
}

/// All files below `src`, with their names.
fn tree(root: &FilePath, below: &FilePath, all: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(below)
        .expect("src is readable")
        .map(|entry| entry.expect("its entries are readable").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            tree(root, &path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name =
                path.strip_prefix(root).expect("it lies below the root").to_string_lossy().replace('\\', "/");
            all.push((name, fs::read_to_string(&path).expect("sources are UTF-8")));
        }
    }
}

#[test]
fn the_tree_keeps_its_floors() {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    tree(&root, &root, &mut files);
    assert!(files.len() > 30, "only {} files were found below {}", files.len(), root.display());
    let sources: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let found = violations(&sources);
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
}

/// Asserts that exactly one violation is found in one planted file, and that it says `expected`.
fn check(name: &str, text: &str, expected: &str) {
    let found = violations(&[(name, text)]);
    assert_eq!(found.len(), 1, "{name}: {text}\n{found:?}");
    assert!(found[0].contains(expected), "{name}: {text}\n{found:?}");
}

#[test]
fn planted_upward_imports_are_caught() {
    let cases = [
        ("domain/pool.rs", "use crate::azure::Client;", "domain imports azure::Client"),
        (
            "engine/run.rs",
            "pub use crate::{domain::{Side, Pair}, journal::{File as Store}};",
            "engine imports journal::File",
        ),
        (
            "app/mod.rs",
            "fn f() { assert!(matches!(x, crate::wire::WireError::Timeout { .. })); }",
            "app imports wire",
        ),
        ("sim/pool.rs", "use super::super::domain::Side;", "sim imports domain::Side"),
        (
            "runbook/plan.rs",
            "mod inner { use super::super::super::engine::Run; }",
            "runbook imports engine::Run",
        ),
        ("ui/home.rs", "use crate::journal::*;", "ui imports journal::*"),
        ("azure/look.rs", "use crate as root; fn f() {}", "brings the crate's root"),
        ("report/mod.rs", "use crate::*;", "everything of the crate's root"),
        ("report/mod.rs", "use super::*;", "everything of the crate's root"),
        ("engine/release.rs", "use crate::wire::{Permit, Guard};", "engine takes Guard from wire"),
        ("lib.rs", "pub mod azure; pub use azure::Client;", "lib.rs imports something"),
        ("novel/mod.rs", "", "no floor is declared for novel"),
        ("plain.rs", "macro_rules! m { () => { $crate::azure::go() }; }", "plain imports azure::go"),
    ];
    for (name, text, expected) in cases {
        check(name, text, expected);
    }
}

#[test]
fn planted_touches_of_the_outside_are_caught() {
    let cases = [
        ("journal/chain.rs", "use std::{fmt, fs::{self, File}};", "std::fs outside"),
        ("azure/look.rs", "fn f() { let _ = std::fs::read(x); }", "std::fs outside"),
        ("sim/pool.rs", "use std as s; fn f() {}", "std::fs outside"),
        ("azure/client.rs", "use reqwest::Client;", "reqwest outside"),
        ("plain.rs", "use crossterm::event;", "crossterm outside"),
        ("engine/run.rs", "use tokio::time;", "tokio on the pure floor engine"),
        (
            "app/mod.rs",
            "use std::time::{Duration, Instant as Moment};",
            "std::time::Instant on the pure floor",
        ),
        ("status/mod.rs", "fn f() { let now = jiff::Timestamp::now(); }", "asks the machine for the time"),
        ("runtime/act.rs", "fn f() { Permit::mint(a, b, c); }", "Permit::mint outside engine"),
    ];
    for (name, text, expected) in cases {
        check(name, text, expected);
    }
}

#[test]
fn planted_bad_habits_are_caught() {
    let long_function = format!("fn f() {{\n{}}}\n", "    x();\n".repeat(FUNCTION_LINES + 1));
    let long_file = "// a line\n".repeat(FILE_LINES + 1);
    let cases = [
        ("ui/utils.rs", "", "utils says nothing"),
        ("ui/home.rs", "fn f() { x.unwrap(); }", ".unwrap() outside tests"),
        ("ui/home.rs", "#[allow(dead_code)]\nfn f() {}", "#[allow]"),
        ("ui/home.rs", "#![allow(clippy::all)]", "#[allow]"),
        ("ui/home.rs", "#[cfg(not(test))]\nmod real { fn f() { x.unwrap(); } }", ".unwrap() outside tests"),
        ("ui/home.rs", "#[path = \"x.rs\"] mod y;", "#[path]"),
        ("ui/home.rs", "extern crate self as us;", "extern crate"),
        ("ui/home.rs", long_function.as_str(), "function of 71 lines"),
        ("ui/home.rs", long_file.as_str(), "501 lines without tests"),
    ];
    for (name, text, expected) in cases {
        check(name, text, expected);
    }
}

#[test]
fn what_is_allowed_or_only_text_is_let_through() {
    let cases = [
        (
            "domain/pool.rs",
            "// use crate::azure::Client;\n/* /* crate::ui::x */ */ const A: &str = \"crate::ui::x\";",
        ),
        ("domain/pool.rs", "const A: &str = r#\"use crate::azure; \" .unwrap()\"#; const B: char = '\"';"),
        ("domain/pool.rs", "use super::{Side, access::Lock}; impl<'a> X<'a> {} use std::fmt;"),
        ("engine/run.rs", "use crate::wire::Permit; fn f() { Permit::mint(a, b, c); }"),
        ("wire/guard.rs", "#[cfg(test)]\nmod tests { fn f() { Permit::mint(a, b, c); x.unwrap(); } }"),
        ("wire/guard.rs", "#[cfg(all(test, unix))]\nmod tests { fn f() { std::fs::read(x); x.unwrap(); } }"),
        ("runtime/mod.rs", "use crate::{sim, azure}; use std::fs;"),
        ("journal/file.rs", "use std::fs::File; use crate::engine::Stamped;"),
        ("domain/time.rs", "fn f() { crate::listing!(x); self::g(); }"),
    ];
    for (name, text) in cases {
        let found = violations(&[(name, text)]);
        assert!(found.is_empty(), "{name}: {text}\n{found:?}");
    }
    let apart = [("ui/mod.rs", "#[cfg(test)]\nmod tests;"), ("ui/tests.rs", "fn f() { x.unwrap(); }")];
    assert!(violations(&apart).is_empty());
}
