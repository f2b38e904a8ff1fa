//! The report as Markdown. Text from outside cannot become markup.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    domain::{
        mask,
        text::counted,
        time::{seconds, span_text, time_text, wall_text},
    },
    engine::event::WorldKind,
};

use super::model::{Report, State, Step, UsersOf, Verified};

/// The whole report.
pub fn to_markdown(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    timeline(&mut out, report);
    deviations(&mut out, report);
    gates(&mut out, report);
    out.push_str("## Steps\n\n");
    for one in report.steps.iter().filter(|step| step.phase.is_some() || step.started.is_some()) {
        step(&mut out, one);
    }
    integrity(&mut out, report);
    out
}

/// Escapes everything that Markdown or HTML would read as markup.
fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            '\n' | '\r' => safe.push(' '),
            _ => safe.push(c),
        }
        safe
    })
}

/// The word an enum has in JSON.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn row(out: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn table(out: &mut String, names: &[&str]) {
    row(out, names);
    let _ = writeln!(out, "|{}", "---|".repeat(names.len()));
}

fn head(out: &mut String, report: &Report) {
    let simulated = report.mode == WorldKind::Sim;
    if simulated {
        out.push_str("SIM: everything in this report happened on a simulated estate.\n\n");
    }
    let title = format!("{} {}, {} to {}", report.title, report.service, report.from, report.to);
    let _ = writeln!(out, "# {}{}\n", if simulated { "SIM: " } else { "" }, plain(&title));
    if let Some(trouble) = trouble(&report.integrity.verified) {
        let text = plain(&trouble);
        let _ =
            writeln!(out, "# NOT INTACT\n\n**The journal is {text}. What follows is what can be read.**\n");
    }
    if report.state == State::Open {
        out.push_str("# OPEN\n\n**The run goes on. What follows is a snapshot, not a result.**\n\n");
    }
    table(out, &["field", "value"]);
    let open_debts = report.debts.iter().filter(|debt| debt.paid.is_none()).count();
    let users = report.users.map_or_else(|| "not known".to_owned(), |users| users.to_string());
    let of_users = match report.users_of {
        UsersOf::Snapshot => "users at the start",
        UsersOf::Plan => "users in the plan",
    };
    let fields = [
        ("run", report.run.as_str()),
        ("state", report.state.word()),
        ("estate", &report.estate),
        ("tenant", &report.tenant),
        ("endpoint", &report.endpoint),
        ("scenario", report.scenario.as_deref().unwrap_or("-")),
        ("runbook", &format!("{}{}", report.runbook, if report.local_runbook { " (local)" } else { "" })),
        ("mode", report.run_mode.word()),
        ("reason", report.reason.as_str()),
        (of_users, &users),
        ("open debts", &open_debts.to_string()),
        ("tool", &report.tool),
        ("estate file", &report.estate_hash),
        ("plan", &report.plan_hash),
        ("reported", &wall_text(report.reported_at)),
    ];
    for (name, value) in fields {
        row(out, &[name, value]);
    }
    out.push_str("\n## People\n\n");
    table(out, &["identity", "object id", "user", "records"]);
    for person in &report.people {
        let records = person.records.to_string();
        row(out, &[person.upn.as_str(), person.oid.as_str(), &mask::person(person.os.as_str()), &records]);
    }
    out.push('\n');
}

fn timeline(out: &mut String, report: &Report) {
    out.push_str("## Timeline\n\n");
    table(out, &["mark", "meaning", "when", "source"]);
    for mark in &report.marks {
        let at = mark.at.map_or_else(|| "-".to_owned(), wall_text);
        row(out, &[mark.mark, mark.meaning, &at, &mark.source]);
    }
    out.push_str("\n## Figures\n\n");
    table(out, &["figure", "value"]);
    let figures = &report.figures;
    let span = |secs: Option<i64>| secs.map_or_else(|| "unknown".to_owned(), |secs| span_text(seconds(secs)));
    // Without a stated T0 the time from T2 is a lower bound, and is called what it is.
    let since = |rto: Option<i64>, declared: Option<i64>| match (rto, declared) {
        (None, Some(secs)) => format!("unknown: T0 is not stated; {} since T2", span_text(seconds(secs))),
        _ => span(rto),
    };
    let lines = [
        ("RTO service (T7 - T0)", since(figures.rto_service_s, figures.service_since_declared_s)),
        ("RTO full (T8 - T0)", since(figures.rto_full_s, figures.full_since_declared_s)),
        ("technical (T6 - T3)", span(figures.technical_s)),
        ("decision latency (T3 - T1)", span(figures.decision_latency_s)),
        ("waited on people", span(figures.human_wait_s)),
        ("waited on Azure", span(Some(figures.azure_wait_s))),
        ("confirmations under 1.5 s", report.instant_confirms.to_string()),
    ];
    for (name, value) in lines {
        row(out, &[name, &value]);
    }
    let rpo = &report.rpo;
    let value = rpo.value.as_ref().map_or("unknown", crate::domain::Safe::as_str);
    let _ = writeln!(
        out,
        "\nRPO of {}: {} (method: {}; confidence: {}).\n",
        rpo.data,
        plain(value),
        plain(&rpo.method),
        rpo.confidence
    );
}

fn deviations(out: &mut String, report: &Report) {
    out.push_str("## Deviations\n\n");
    if report.deviations.is_empty() {
        out.push_str("None.\n\n");
    } else {
        table(out, &["when", "what", "step", "text"]);
        for one in &report.deviations {
            let step = one.step.as_deref().unwrap_or("-");
            row(out, &[&time_text(one.at), &word(&one.kind), step, one.text.as_str()]);
        }
        out.push('\n');
    }
    out.push_str("## Debts\n\n");
    if report.debts.is_empty() {
        out.push_str("None.\n\n");
        return;
    }
    table(out, &["step", "opened", "paid", "reason"]);
    for debt in &report.debts {
        let paid = debt.paid.map_or_else(|| "OPEN".to_owned(), time_text);
        row(out, &[&debt.step, &time_text(debt.opened), &paid, debt.reason.as_str()]);
    }
    out.push('\n');
}

fn gates(out: &mut String, report: &Report) {
    out.push_str("## Gates\n\n");
    if report.gates.is_empty() {
        out.push_str("None was reached.\n\n");
        return;
    }
    table(out, &["gate", "when", "verdict", "item", "item verdict", "value", "age"]);
    for gate in &report.gates {
        for item in &gate.items {
            let age = item.age_s.map_or_else(|| "-".to_owned(), |age| format!("{age} s"));
            let verdict = word(&gate.verdict);
            // What keeps nobody from going on is not called what it is not.
            let own = if item.is_excused() { "excused".to_owned() } else { word(&item.verdict) };
            row(out, &[&gate.step, &time_text(gate.at), &verdict, &item.id, &own, item.value.as_str(), &age]);
        }
    }
    out.push('\n');
}

fn step(out: &mut String, step: &Step) {
    let _ = writeln!(out, "### {} {}: {}\n", plain(&step.id), plain(&step.title), step.state);
    if let (Some(started), Some(ended)) = (step.started, step.ended) {
        let span = span_text(ended.duration_since(started));
        let owed = step.owed_since.map(|at| format!(", owed since {}", time_text(at))).unwrap_or_default();
        let _ = writeln!(out, "{} to {}, {span}{owed}.\n", time_text(started), time_text(ended));
    } else if let Some(started) = step.started {
        let _ = writeln!(out, "Since {}.\n", time_text(started));
    }
    for (name, text) in [("Evidence", &step.evidence), ("Reason", &step.reason)] {
        if let Some(text) = text {
            let _ = writeln!(out, "{name}: {}\n", plain(text.as_str()));
        }
    }
    for answer in &step.answers {
        let what = if answer.accepted { "Accepted by name" } else { "Value" };
        let said = match (answer.by, answer.latency_ms) {
            (Some(by), Some(latency)) => {
                format!(" ({} by {} {}, after {latency} ms)", time_text(answer.at), word(&by), answer.upn)
            }
            _ => format!(" ({} by {})", time_text(answer.at), answer.upn),
        };
        let _ = writeln!(out, "{what}: {}{}\n", plain(answer.value.as_str()), plain(&said));
    }
    for given in &step.confirmations {
        let typed = given.typed.as_ref().map_or(String::new(), |typed| format!(", typed {typed}"));
        let what = given.acknowledges.as_ref().map_or(String::new(), |what| format!(", {}", word(what)));
        let text = format!(
            "confirmed {} by {} {} at level {}{typed}{what} after {} ms: {}, {}, list {}",
            time_text(given.at),
            word(&given.by),
            given.upn,
            given.level,
            given.latency_ms,
            counted(given.items as usize, "item"),
            counted(given.users as usize, "user"),
            given.list_sha256
        );
        let _ = writeln!(out, "- {}", plain(&text));
    }
    for refusal in &step.refusals {
        let item = refusal.item.as_deref().unwrap_or("the step");
        let status = refusal.status.map_or(String::new(), |status| format!(" ({status})"));
        let text = format!("refused {} {item}{status}: {}", time_text(refusal.at), refusal.why);
        let _ = writeln!(out, "- {}", plain(&text));
    }
    if !step.confirmations.is_empty() || !step.refusals.is_empty() {
        out.push('\n');
    }
    items(out, step);
}

fn items(out: &mut String, step: &Step) {
    if step.items.is_empty() {
        return;
    }
    table(out, &["item", "state", "attempts", "request ids", "outcome"]);
    for item in &step.items {
        let ids: Vec<&str> = item
            .attempts
            .iter()
            .map(|attempt| {
                attempt.request_id.as_ref().map_or(attempt.client_request_id.as_str(), |id| id.as_str())
            })
            .collect();
        let outcome = item.outcome.as_ref().map_or("-", crate::domain::Safe::as_str);
        row(out, &[&item.key, item.state, &item.attempts.len().to_string(), &ids.join(" "), outcome]);
    }
    out.push('\n');
}

/// What is wrong with the journal; fits after "the journal is".
fn trouble(verified: &Verified) -> Option<String> {
    match verified {
        Verified::Intact => None,
        Verified::Broken(why) => Some(format!("BROKEN: {why}")),
        Verified::Shorter(why) => Some(format!("SHORTER than a known head: {why}")),
        Verified::Torn(why) => Some(format!("torn at the end: {why}")),
        Verified::NotChecked => Some("not checked".to_owned()),
    }
}

fn integrity(out: &mut String, report: &Report) {
    let verified = trouble(&report.integrity.verified).unwrap_or_else(|| "intact".to_owned());
    out.push_str("## Integrity\n\n");
    table(out, &["field", "value"]);
    row(out, &["head", &report.integrity.head]);
    row(out, &["records", &report.integrity.records.to_string()]);
    row(out, &["chain", &verified]);
    for note in &report.integrity.notes {
        row(out, &["note", note.as_str()]);
    }
}
