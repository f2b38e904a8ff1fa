//! How `doctor` prints. Keys are a contract (design §7).

use serde::Serialize;

use crate::{
    domain::{Side, text::broken, time::wall_text},
    engine::event::WorldKind,
    readiness::State,
};

use super::{Capability, Examined, Finding};

/// Version of the JSON keys.
const SCHEMA_VERSION: u32 = 1;

/// Width of the page.
const COLUMNS: usize = 80;

/// Columns before the text of a finding.
const INDENT: usize = 20;

/// Most lines of the page: a terminal of 24 with the prompt below.
const ROWS: usize = 23;

/// What is told of a finding, and how much of it is shown.
struct Row {
    state: State,
    told: Vec<String>,
    next: Vec<String>,
    /// Lines shown of each.
    shown: (usize, usize),
}

/// One screen for a person: the verdict, then one finding after the other. Where not all of it fits, the
/// worst is told best, a `~` stands where a line is cut, and the last line says where the rest is.
pub fn table(examined: &Examined) -> String {
    let count = |state: State| examined.findings.iter().filter(|finding| finding.state == state).count();
    let sim = if examined.world == WorldKind::Sim { "SIM " } else { "" };
    let mut lines = broken(
        &format!(
            "{sim}{} {}: {} ok, {} to mind, {} in the way, {} unknown",
            examined.verdict().word(),
            examined.estate,
            count(State::Ok),
            count(State::Warn),
            count(State::Crit),
            count(State::Unknown),
        ),
        COLUMNS,
        "",
    );
    let mut rows = rows(&examined.findings);
    let cut = !fitted(&mut rows, ROWS.saturating_sub(lines.len()));
    lines.extend(rows.iter().flat_map(Row::lines));
    if cut {
        lines.push("the page is cut; all of it: farshore doctor --output json".to_owned());
    }
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// All rows in full. What several need next is said once, with the last of them.
fn rows(findings: &[Finding]) -> Vec<Row> {
    let indent = " ".repeat(INDENT);
    let row = |(at, finding): (usize, &Finding)| {
        let lead = format!("{:<16}{:<4}", finding.key, finding.state.mark());
        let told = broken(&format!("{lead}{}", finding.told), COLUMNS, &indent);
        let later = findings[at + 1..].iter().any(|later| later.next == finding.next);
        let next = match finding.next {
            "" => Vec::new(),
            _ if later => Vec::new(),
            next => broken(&format!("{indent}> {next}"), COLUMNS, &indent),
        };
        let shown = (told.len(), next.len());
        Row { state: finding.state, told, next, shown }
    };
    findings.iter().enumerate().map(row).collect()
}

/// Whether all of it fits into `room` lines; else what matters most is shown in them, with one left over.
fn fitted(rows: &mut [Row], room: usize) -> bool {
    let lines = |rows: &[Row]| rows.iter().map(|row| row.shown.0 + row.shown.1).sum::<usize>();
    if lines(rows) <= room {
        return true;
    }
    for row in rows.iter_mut() {
        row.shown = (1, 0);
    }
    let mut left = room.saturating_sub(1).saturating_sub(lines(rows));
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(rows[*at].state));
    // First what to do about it, then the rest of what is told.
    for at in &order {
        let row = &mut rows[*at];
        if row.next.len() <= left {
            row.shown.1 = row.next.len();
            left -= row.next.len();
        }
    }
    for at in order {
        let row = &mut rows[at];
        let more = (row.told.len() - 1).min(left);
        row.shown.0 += more;
        left -= more;
    }
    false
}

impl Row {
    fn lines(&self) -> Vec<String> {
        let mut lines = self.told[..self.shown.0].to_vec();
        if self.shown.0 < self.told.len()
            && let Some(last) = lines.last_mut()
        {
            *last = last.chars().take(COLUMNS - 1).chain(['~']).collect();
        }
        lines.extend_from_slice(&self.next[..self.shown.1]);
        lines
    }
}

#[derive(Serialize)]
struct Object<'a> {
    mode: &'static str,
    schema_version: u32,
    estate: &'a str,
    at: String,
    verdict: &'static str,
    exit_code: u8,
    findings: Vec<FindingObject<'a>>,
    reach: Vec<ReachObject<'a>>,
    rights: Vec<RightsObject<'a>>,
}

#[derive(Serialize)]
struct FindingObject<'a> {
    key: String,
    state: &'static str,
    told: &'a str,
    next: &'a str,
}

#[derive(Serialize)]
struct ReachObject<'a> {
    region: Option<&'static str>,
    provider: &'a str,
    state: &'static str,
    ms: Option<u64>,
    reason: &'a str,
}

#[derive(Serialize)]
struct RightsObject<'a> {
    capability: &'a str,
    missing: &'a [String],
    not_known_at: &'a [String],
    excessive: &'a [String],
}

/// The object. `mode` comes first, so that simulated output shows what it is at once.
pub fn json(examined: &Examined) -> String {
    let object = Object {
        mode: if examined.world == WorldKind::Sim { "SIM" } else { "LIVE" },
        schema_version: SCHEMA_VERSION,
        estate: &examined.estate,
        at: wall_text(examined.at),
        verdict: examined.verdict().key(),
        exit_code: examined.exit_code(),
        findings: examined
            .findings
            .iter()
            .map(|finding| FindingObject {
                key: finding.key.replace(' ', "_"),
                state: finding.state.key(),
                told: finding.told.as_str(),
                next: finding.next,
            })
            .collect(),
        reach: examined
            .reached
            .iter()
            .map(|one| ReachObject {
                region: one.side.map(|side| if side == Side::Primary { "primary" } else { "secondary" }),
                provider: one.provider,
                state: one.state.key(),
                ms: one.millis,
                reason: one.why.as_str(),
            })
            .collect(),
        rights: examined.capabilities.iter().map(rights).collect(),
    };
    let mut text =
        serde_json::to_string_pretty(&object).expect("strings, numbers and lists of them always serialize");
    text.push('\n');
    text
}

fn rights(one: &Capability) -> RightsObject<'_> {
    RightsObject {
        capability: one.name,
        missing: &one.missing,
        not_known_at: &one.unread,
        excessive: &one.excessive,
    }
}
