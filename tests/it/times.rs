//! Every time that is stored or handed on is RFC 3339 in UTC, wherever it stands.

use std::{fs, path::Path};

use farshore::domain::time::Timestamp;
use serde_json::Value;

use super::terminal::{State, text};

/// Keys whose value is a moment, as far as there is one.
const TIMES: [&str; 12] = [
    "wall", "at", "opened", "started", "ended", "since", "until", "epoch", "closed", "read_at", "impact",
    "start",
];

/// Whether a text begins like a date, so that it claims to be a time.
fn is_dated(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// RFC 3339, UTC, said as `Z`.
fn is_stored_well(text: &str) -> bool {
    let shape = text.get(10..11) == Some("T") && text.ends_with('Z');
    shape && text.parse::<Timestamp>().is_ok()
}

/// Counts the times below a value; each that is none goes into `wrong`, with where it stands.
fn walk(place: &str, key: &str, value: &Value, wrong: &mut Vec<String>) -> usize {
    match value {
        Value::Object(all) => {
            all.iter().map(|(key, value)| walk(&format!("{place}.{key}"), key, value, wrong)).sum()
        }
        Value::Array(all) => all.iter().map(|value| walk(place, key, value, wrong)).sum(),
        Value::String(text) if is_dated(text) || (TIMES.contains(&key) && text.contains(':')) => {
            // A sentence may stand under the name of a time, and begin with none.
            if !is_stored_well(text) && !text.contains(' ') || is_dated(text) && !is_stored_well(text) {
                wrong.push(format!("{place}: {text}"));
            }
            1
        }
        _ => 0,
    }
}

/// At least `least` times in these lines, and each is one.
#[track_caller]
fn check(name: &str, lines: &str, least: usize) {
    let mut wrong = Vec::new();
    let count: usize =
        lines.lines().map(|line| walk(name, "", &serde_json::from_str(line).unwrap(), &mut wrong)).sum();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= least, "{name}: only {count} times");
}

#[test]
fn every_stored_time_is_rfc_3339_utc() {
    let state = State::new();
    let output = state.verb(&["--sim=tiny", "run", "avd-pooled-failover", "--auto", "--speed", "max"]);
    assert!(output.status.success(), "{output:?}");
    let run = state.run();
    let journal = fs::read_to_string(state.journal(&run)).unwrap();
    check("journal", &journal, journal.lines().count());
    let told = |words: &[&str]| {
        let output = state.verb(words);
        let value: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
        value.to_string()
    };
    check("report", &told(&["report", &run, "--output", "json"]), 10);
    check("status", &told(&["status", "--sim=tiny", "--output", "json"]), 10);
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    let mut headers = 0;
    for entry in fs::read_dir(recordings).unwrap() {
        let path = entry.unwrap().path();
        let Ok(whole) = fs::read_to_string(&path) else { continue };
        if path.extension().is_some_and(|kind| kind == "jsonl") {
            check("recording", whole.lines().next().unwrap(), 1);
            headers += 1;
        }
    }
    assert!(headers > 0, "no recording was looked at");
}

#[test]
fn a_time_that_is_none_is_seen() {
    for (line, seen) in [
        (r#"{"wall":"2026-11-20T10:03:07.120Z"}"#, false),
        (r#"{"wall":"2026-11-20T10:03:07+01:00"}"#, true),
        (r#"{"a":{"b":["2026-11-20 10:03:07Z"]}}"#, true),
        (r#"{"since":"10:03:07"}"#, true),
        (r#"{"text":"seen at 10:03"}"#, false),
    ] {
        let mut wrong = Vec::new();
        walk("line", "", &serde_json::from_str(line).unwrap(), &mut wrong);
        assert_eq!(!wrong.is_empty(), seen, "{line}");
    }
}
