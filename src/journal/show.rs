//! `audit show`: a journal for people, one line a record.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, BufRead, Write},
};

use crate::{
    domain::{Safe, mask, text::counted, time::time_text},
    engine::{
        RunEvent,
        event::{Confirmed, ConfirmedBy, Given, Opened},
    },
};

use super::{
    Record,
    lines::{self, Piece},
    record::decode,
};

/// How records are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One readable line each.
    Text,
    /// The record itself, one JSON object a line.
    Json,
}

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// Records.
    pub records: u64,
    /// Lines that are no records we can read, the torn end included. They were shown as such.
    pub unreadable: u64,
}

/// Shows a journal line by line; nothing of it can move the cursor or hide. The chain is not
/// checked: that is what `audit verify` is for.
pub fn show(reader: &mut impl BufRead, form: Form, out: &mut impl Write) -> io::Result<Shown> {
    let mut shown = Shown::default();
    let mut line = Vec::new();
    loop {
        let piece = lines::next(reader, &mut line)?;
        if piece == Piece::End {
            return Ok(shown);
        }
        let text = String::from_utf8_lossy(&line);
        let read = decode(&text);
        match &read {
            Ok(_) if piece == Piece::Whole => shown.records += 1,
            _ => shown.unreadable += 1,
        }
        match (form, read) {
            (Form::Text, Ok(record)) if piece == Piece::Whole => writeln!(out, "{}", text_line(&record))?,
            (Form::Text, Err(error)) if piece == Piece::Whole => {
                writeln!(out, "?  {}", Safe::from(error.to_string()))?;
            }
            (Form::Text, _) => writeln!(out, "?  {} bytes of a line without an end", line.len())?,
            (Form::Json, Ok(_)) => writeln!(out, "{}", escaped(&text))?,
            (Form::Json, Err(error)) => {
                let said = serde_json::json!({ "unreadable": error.to_string(), "bytes": line.len() });
                writeln!(out, "{}", escaped(&said.to_string()))?;
            }
        }
    }
}

/// A record in one line: number, time, kind, what it is about, who.
pub fn text_line(record: &Record) -> Safe {
    let stamped = &record.stamped;
    let (kind, about) = described(&stamped.event);
    let actor = [&stamped.actor.upn, &stamped.actor.os].into_iter().find(|name| !name.as_str().is_empty());
    let who = actor.map_or(Cow::default(), |name| mask::person(name.as_str()));
    Safe::from(format!("{:>4}  {}  {kind:<9}  {about}  ({who})", record.seq, time_text(stamped.wall)))
}

/// JSON with everything that could lead a terminal astray written as `\u` escapes: the same
/// JSON to a program.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut buffer = [0; 4];
    for c in json.chars() {
        let plain = (' '..='~').contains(&c) || {
            let one: &str = c.encode_utf8(&mut buffer);
            Safe::new(one).as_str() == one
        };
        if plain {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// `step` or `step/item`.
fn place(step: &str, item: Option<&String>) -> String {
    item.map_or_else(|| step.to_owned(), |item| format!("{step} {item}"))
}

/// `" HTTP 403"`, where there is a status.
fn http(status: Option<u16>) -> String {
    status.map(|status| format!(" HTTP {status}")).unwrap_or_default()
}

/// `"  by a person after 0.9 s"`, where it answers a question.
fn answered(given: Option<Given>) -> String {
    given.map(|given| format!("  {given}")).unwrap_or_default()
}

/// The word of a closed list as the journal spells it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The kind and what it is about.
fn described(event: &RunEvent) -> (&'static str, String) {
    match event {
        RunEvent::Opened(opened) => ("opened", opening(opened)),
        RunEvent::Armed { on, how } => ("armed", format!("{}, {how}", if *on { "on" } else { "off" })),
        RunEvent::Confirmed(confirmed) => ("confirmed", confirmation(confirmed)),
        RunEvent::Intent { .. } => ("intent", intention(event)),
        RunEvent::Accepted { step, item, attempt, status, request_id, .. } => {
            ("accepted", format!("{step} {item}  attempt {attempt}  HTTP {status}  request {request_id}"))
        }
        RunEvent::Observed { step, item, what, value } => {
            ("observed", format!("{}  {what}: {value}", place(step, item.as_ref())))
        }
        RunEvent::Done { step, item, how, evidence, given } => {
            let (place, given) = (place(step, item.as_ref()), answered(*given));
            ("done", format!("{place}  by {}: {evidence}{given}", word(how)))
        }
        RunEvent::Refused { step, item, status, why, .. } => {
            ("refused", format!("{}{}  {why}", place(step, item.as_ref()), http(*status)))
        }
        RunEvent::Failed { step, item, how, why, .. } => {
            ("failed", format!("{}  {}: {why}", place(step, item.as_ref()), word(how)))
        }
        RunEvent::Skipped { step, reason } => ("skipped", format!("{step}  {reason}")),
        RunEvent::Deferred { step, reason, downgraded: true } => {
            ("deferred", format!("{step}  downgraded by a person: {reason}"))
        }
        RunEvent::Deferred { step, reason, downgraded: false } => ("deferred", format!("{step}  {reason}")),
        RunEvent::Paid { step, evidence } => ("paid", format!("{step}  {evidence}")),
        RunEvent::Held { why, note, in_flight } => {
            ("held", format!("{}  {note}  in flight: {}", word(why), listed(in_flight)))
        }
        RunEvent::Resumed { observed } => ("resumed", observed.to_string()),
        RunEvent::Note { step, about, text, given } => {
            let step = step.as_ref().map(|step| format!("{step}  ")).unwrap_or_default();
            ("note", format!("{step}{}: {text}{}", word(about), answered(*given)))
        }
        RunEvent::Gate { step, verdict, items } => {
            let items: Vec<String> =
                items.iter().map(|item| format!("{} {}", item.id, word(&item.verdict))).collect();
            ("gate", format!("{step}  {}  {}", word(verdict), listed(&items)))
        }
        RunEvent::Recovered { bytes, kept, .. } => {
            ("recovered", format!("{bytes} torn bytes kept in {kept}"))
        }
        RunEvent::Closed { end, debts, note } => {
            ("closed", format!("{}  {note}  debts: {}", word(end), listed(debts)))
        }
    }
}

/// The change and the request of an intent.
fn intention(event: &RunEvent) -> String {
    let RunEvent::Intent { step, item, attempt, operation, request, before } = event else {
        return String::new();
    };
    let (verb, target) = (operation.verb(), operation.target().name());
    let (method, url) = (&request.method, &request.url);
    format!("{step} {item}  {verb} {target}  attempt {attempt}  {method} {url}  was {before}")
}

fn opening(opened: &Opened) -> String {
    let plan = &opened.plan;
    format!(
        "{} {} for {}, {} > {}, {}, estate {}, {}{}",
        word(&opened.world),
        plan.runbook,
        plan.service,
        plan.codes[plan.from],
        plan.codes[plan.to],
        plan.mode.word(),
        opened.estate,
        opened.endpoint,
        if plan.local { ", local runbook" } else { "" },
    )
}

fn confirmation(confirmed: &Confirmed) -> String {
    let by = match confirmed.by {
        ConfirmedBy::Person => "person",
        ConfirmedBy::Auto => "auto",
    };
    let typed = confirmed.typed.as_ref().map(|typed| format!("  typed {typed}")).unwrap_or_default();
    format!(
        "{}  level {} by {by}  {}, {}{typed}  saw {}",
        confirmed.step,
        confirmed.level,
        counted(confirmed.items.len(), "item"),
        counted(confirmed.users as usize, "user"),
        confirmed.seen
    )
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, MemoryJournal, sample};

    fn shown(bytes: &[u8], form: Form) -> (Shown, String) {
        let mut out = Vec::new();
        let shown = show(&mut &*bytes, form, &mut out).unwrap();
        (shown, String::from_utf8(out).unwrap())
    }

    fn journal() -> MemoryJournal {
        let mut journal = MemoryJournal::new("r-1");
        journal.append(&sample::run()).unwrap();
        journal
    }

    #[test]
    fn every_kind_has_a_line() {
        let (count, text) = shown(journal().bytes(), Form::Text);
        assert_eq!((count.records, count.unreadable), (18, 0));
        for (line, event) in text.lines().zip(sample::every_kind()) {
            let kind = serde_json::to_value(&event).unwrap()["kind"].as_str().unwrap().to_owned();
            assert_eq!(line.split("  ").find(|part| part.trim() == kind).map(str::trim), Some(kind.as_str()));
        }
        assert!(text.contains(
            "   4  10:03:07Z  intent     a7-revoke GRP1@DAG1  start vm-1  attempt 1  POST https://"
        ));
        assert!(text.contains("SIM avd-pooled-failover for hr, WE > NE, graceful"), "{text}");
    }

    #[test]
    fn nothing_of_a_journal_reaches_the_terminal_raw() {
        let hostile = String::from_utf8_lossy(journal().bytes())
            .replace("\"a7-revoke\"", "\"a7\u{202e}\u{9b}31m\u{7f}\"")
            .replace("r-1.torn-1", "\\u001b[2J");
        for form in [Form::Text, Form::Json] {
            let (_, text) = shown(hostile.as_bytes(), form);
            assert!(text.chars().all(|c| c == '\n' || Safe::new(&c.to_string()).as_str() == c.to_string()));
        }
        let (_, json) = shown(hostile.as_bytes(), Form::Json);
        assert!(json.contains("a7\\u202e\\u009b31m"), "{json}");
        for line in json.lines() {
            decode(line).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut bytes = journal().bytes().to_vec();
        bytes.extend_from_slice(b"nonsense\n{\"v\":1,\"torn");
        let (count, text) = shown(&bytes, Form::Text);
        assert_eq!((count.records, count.unreadable), (18, 2));
        assert!(text.ends_with("?  12 bytes of a line without an end\n"), "{text}");
        let (count, json) = shown(&bytes, Form::Json);
        assert_eq!(count.unreadable, 2);
        assert!(json.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}
