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

/// One screen for a person: the verdict, then one finding after the other.
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
    for finding in &examined.findings {
        lines.extend(one(finding));
    }
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn one(finding: &Finding) -> Vec<String> {
    let indent = " ".repeat(INDENT);
    let lead = format!("{:<16}{:<4}", finding.key, finding.state.mark());
    let mut lines = broken(&format!("{lead}{}", finding.told), COLUMNS, &indent);
    if !finding.next.is_empty() {
        lines.extend(broken(&format!("{indent}> {}", finding.next), COLUMNS, &indent));
    }
    lines
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
