//! How `check` prints. Names and keys are a contract (design §7).

use serde::Serialize;

use crate::domain::{
    estate::Estate,
    mask, text,
    text::counted,
    time::{Timestamp, age_text, wall_text},
};

use super::{State, Verdict, overall};

/// Version of the JSON keys.
const SCHEMA_VERSION: u32 = 1;

/// Width of the table.
const COLUMNS: usize = 80;

/// Columns before the text of a check: id, mark and gaps.
const INDENT: usize = 10;

/// Checks of one service.
pub type ServiceChecks = (usize, Vec<Verdict>);

/// The table: verdict first, then what is wrong, then the rest. `sim` marks simulated data.
pub fn table(estate: &Estate, checks: &[ServiceChecks], sim: bool, now: Timestamp) -> String {
    let mut out = String::new();
    let all: Vec<&Verdict> = checks.iter().flat_map(|(_, verdicts)| verdicts).collect();
    let count = |state: State| all.iter().filter(|verdict| verdict.state == state).count();
    let mode = if sim { "SIM " } else { "" };
    line(
        &mut out,
        &format!(
            "{mode}{} {}: {} ok, {}, {} blocking, {} unknown",
            worst(checks).word(),
            estate.name,
            count(State::Ok),
            counted(count(State::Warn), "warning"),
            count(State::Crit),
            count(State::Unknown)
        ),
    );
    if !estate.not_in_this_version.is_empty() {
        line(&mut out, &format!("not in this version: {}", estate.not_in_this_version.join(", ")));
    }
    for (service, verdicts) in checks {
        out.push('\n');
        let name = estate.services.get(*service).map_or("", |service| service.name.as_str());
        line(&mut out, &format!("service {name}"));
        for verdict in verdicts {
            one(&mut out, verdict, now);
        }
    }
    out
}

fn one(out: &mut String, verdict: &Verdict, now: Timestamp) {
    let mark = if verdict.old { "!" } else { "" };
    let age = verdict.from.map_or(String::new(), |at| format!("{}{mark}", age_text(now.duration_since(at))));
    let width = COLUMNS - INDENT - 6;
    let title: String = mask::said(verdict.title).chars().take(width).collect();
    line(out, &format!("{:5}  {:2} {title:width$} {age:>5}", verdict.id, verdict.state.mark()));
    let indent = " ".repeat(INDENT);
    if matches!(verdict.state, State::NotInThisVersion) {
        return;
    }
    wrapped(out, &format!("{indent}{}", verdict.observed), &indent);
    if !matches!(verdict.state, State::Ok | State::NotConfigured) {
        wrapped(out, &format!("{indent}expected: {}", verdict.expected), &indent);
        wrapped(out, &format!("{indent}next: {}", verdict.next), &indent);
    }
}

/// The object. `mode` comes first, so that simulated output shows what it is at once.
pub fn json(estate: &Estate, checks: &[ServiceChecks], sim: bool, now: Timestamp) -> String {
    let name = |place: usize| estate.services.get(place).map_or("", |service| service.name.as_str());
    let verdict = worst(checks);
    let object = Object {
        mode: if sim { "SIM" } else { "LIVE" },
        schema_version: SCHEMA_VERSION,
        estate: &estate.name,
        at: wall_text(now),
        service: if let [(service, _)] = checks { Some(name(*service)) } else { None },
        verdict: verdict.word().to_lowercase(),
        exit_code: verdict.exit_code(),
        checks: checks
            .iter()
            .flat_map(|(service, verdicts)| verdicts.iter().map(move |verdict| (name(*service), verdict)))
            .map(|(service, verdict)| CheckObject {
                service,
                id: verdict.id,
                title: verdict.title,
                state: verdict.state.key(),
                observed: &verdict.observed,
                expected: verdict.expected,
                at: verdict.at.map(wall_text),
                age_s: verdict.at.map(|at| now.duration_since(at).as_secs().max(0)),
                source: &verdict.source,
                complete: verdict.complete,
                next: verdict.next,
            })
            .collect(),
    };
    let mut text =
        serde_json::to_string_pretty(&object).expect("strings, numbers and lists of them always serialize");
    text.push('\n');
    text
}

/// The verdict over several services.
fn worst(checks: &[ServiceChecks]) -> State {
    checks.iter().map(|(_, verdicts)| overall(verdicts)).max().unwrap_or(State::Unknown)
}

#[derive(Serialize)]
struct Object<'a> {
    mode: &'static str,
    schema_version: u32,
    estate: &'a str,
    at: String,
    service: Option<&'a str>,
    verdict: String,
    exit_code: u8,
    checks: Vec<CheckObject<'a>>,
}

#[derive(Serialize)]
struct CheckObject<'a> {
    service: &'a str,
    id: &'static str,
    title: &'static str,
    state: &'static str,
    observed: &'a str,
    expected: &'static str,
    at: Option<String>,
    age_s: Option<i64>,
    source: &'a str,
    complete: bool,
    next: &'static str,
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Breaks a text between words; later lines begin with `indent`.
fn wrapped(out: &mut String, text: &str, indent: &str) {
    for part in text::broken(text, COLUMNS, indent) {
        line(out, &part);
    }
}
