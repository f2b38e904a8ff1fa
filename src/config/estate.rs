//! From the file's top level to the estate.

use std::collections::BTreeMap;

use toml::de::DeTable;

use crate::domain::{
    Pair, Side,
    estate::{API_VERSION_KEYS, Cloud, Estate, Policy, Region, Simulated},
    time::{Span, minutes},
};

use super::{
    FORMAT, later,
    mistake::{Mistakes, quoted},
    nearest::nearest,
    section::{Entry, Section},
    service,
};

/// Longest name of an estate or a service: it stands in the first line of an 80-column screen.
pub(super) const MAX_NAME: usize = 40;

/// Longest short code of a region: it is typed to confirm and stands in column heads.
const MAX_REGION_CODE: usize = 8;

/// Notice users get where the file does not say (design §5's own figure).
const DEFAULT_NOTICE: Span = minutes(15);

/// Fastest clock of a simulated estate, estate seconds per second: an hour a second.
const MAX_SPEED: f64 = 3_600.0;

/// Virtual machines.
const MACHINE: &[&str] = &["microsoft.compute/virtualmachines"];

/// Reads the whole file. `None` when something needed is missing or wrong; the mistakes say what.
pub(super) fn read<'a>(table: &'a DeTable<'a>, mistakes: &'a Mistakes<'a>, hash: String) -> Option<Estate> {
    let mut root = Section::root(table, mistakes);
    if !format_fits(&mut root) {
        return None;
    }
    let mut not_in_this_version = Vec::new();
    let name = root.require("name").and_then(|entry| entry.name(MAX_NAME));
    let cloud = match root.take("cloud") {
        Some(entry) => entry.word(&CLOUDS),
        None => Some(Cloud::Public),
    };
    let tenant = root.require("tenant").and_then(|entry| entry.guid());
    let regions = root.require("regions").and_then(Entry::section).and_then(regions);
    let services = service::read_all(&mut root, &mut not_in_this_version);
    let directory = root.take("directory").and_then(Entry::section).map(directory).unwrap_or_default();
    let policy = policy(root.take("policy").and_then(Entry::section));
    let api_versions = root
        .take("api_versions")
        .and_then(Entry::section)
        .map(|section| api_versions(&section, &mut not_in_this_version));
    let simulated = root.take("simulated").and_then(Entry::section).and_then(simulated);
    later::accept(&mut root, None, &mut not_in_this_version);
    root.finish();
    Some(Estate {
        name: name?,
        cloud: cloud?,
        tenant: tenant?,
        regions: regions?,
        services,
        directory,
        policy,
        api_versions: api_versions.unwrap_or_default(),
        simulated,
        not_in_this_version,
        hash,
    })
}

/// Words for [`Cloud`].
const CLOUDS: [(&str, Cloud); 3] =
    [("public", Cloud::Public), ("us-government", Cloud::UsGovernment), ("china", Cloud::China)];

/// Whether the file's format is ours. Keys of a newer format are not judged: they would all look
/// like misspellings.
fn format_fits(root: &mut Section<'_>) -> bool {
    let Some(entry) = root.require("format") else { return true };
    match entry.whole_number() {
        Some(FORMAT) | None => true,
        Some(newer @ 2..) => {
            entry.wrong(&format!("is {newer}; this version reads format {FORMAT}: use a newer farshore"));
            false
        }
        Some(number) => {
            entry.wrong(&format!("is {number}; it must be {FORMAT}"));
            true
        }
    }
}

fn regions(mut section: Section<'_>) -> Option<Pair<Region>> {
    let entries = Pair::build(|side| section.require(side.key()));
    section.finish();
    let mut places: Vec<(Side, Entry<'_>, Entry<'_>, Region)> = Vec::new();
    for side in Side::BOTH {
        let Some(mut region) = entries[side].clone().and_then(Entry::section) else { continue };
        let (azure, code) = (region.require("azure"), region.require("code"));
        region.finish();
        let (Some(azure), Some(code)) = (azure, code) else { continue };
        let (name, short) = (region_name(&azure), code.name(MAX_REGION_CODE));
        if let (Some(name), Some(short)) = (name, short) {
            places.push((side, azure, code, Region { azure: name, code: short }));
        }
    }
    let [(_, _, _, primary), (_, azure, code, secondary)] = &places[..] else { return None };
    if primary.azure == secondary.azure {
        azure.wrong(&format!("is {}, the same region as the primary", quoted(&secondary.azure)));
    }
    if primary.code.eq_ignore_ascii_case(&secondary.code) {
        code.wrong(&format!("is {}, the same code as the primary's", quoted(&secondary.code)));
    }
    Some(Pair { primary: primary.clone(), secondary: secondary.clone() })
}

/// Azure's name of a region: lower-case letters and digits. `WestEurope` is taken; a display
/// name is answered with the name it stands for.
fn region_name(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    let name: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if name.len() == text.len() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Some(name);
    }
    entry.wrong(&format!("is {}; write Azure's name, such as {}", quoted(text), quoted(&name)));
    None
}

fn directory(mut section: Section<'_>) -> Pair<Vec<crate::domain::ArmId>> {
    let mut seen = Vec::new();
    let servers = Pair::build(|side| {
        let items = section.take(side.key()).and_then(Entry::list).unwrap_or_default();
        let mut servers = Vec::new();
        for item in items {
            let Some(id) = item.resource(MACHINE) else { continue };
            if seen.contains(&id) {
                item.wrong(&format!("names {} a second time", quoted(id.name())));
            }
            seen.push(id.clone());
            servers.push(id);
        }
        servers
    });
    section.finish();
    servers
}

fn policy(section: Option<Section<'_>>) -> Policy {
    let mut policy =
        Policy { rto: None, rpo: None, source: None, notice: DEFAULT_NOTICE, allow_run_command: false };
    let Some(mut section) = section else { return policy };
    policy.rto = section.take("rto").and_then(|entry| entry.span());
    policy.rpo = section.take("rpo").and_then(|entry| entry.span());
    policy.source = section.take("source").and_then(|entry| entry.text().map(str::to_owned));
    policy.notice = section.take("notice").and_then(|entry| entry.span()).unwrap_or(DEFAULT_NOTICE);
    policy.allow_run_command =
        section.take("allow_run_command").and_then(|entry| entry.truth()).unwrap_or(false);
    section.finish();
    policy
}

/// Api-versions by the keys we know. A key that says nothing to us would be believed in and never
/// used, so it is a mistake, unless a later version knows it.
fn api_versions(section: &Section<'_>, later: &mut Vec<String>) -> BTreeMap<String, String> {
    let known = API_VERSION_KEYS.into_iter().chain(later::API_VERSIONS);
    let mut versions = BTreeMap::new();
    let mut seen = Vec::new();
    for (key, entry) in section.all() {
        let Some(version) = entry.text() else { continue };
        if !is_api_version(version) {
            entry.wrong(&format!("is no api-version: {}; write 2024-03-01 or the like", quoted(version)));
        }
        let Some(meant) = known.clone().find(|known| known.eq_ignore_ascii_case(key)) else {
            // Who leaves the common prefix out has misspelt nothing else.
            let near = nearest(key, known.clone());
            section.unknown(key, near.or_else(|| nearest(&format!("Microsoft.{key}"), known.clone())));
            continue;
        };
        if seen.contains(&meant) {
            section.repeated(key);
        }
        seen.push(meant);
        if later::API_VERSIONS.contains(&meant) {
            later.push(format!("api-version of {meant}"));
        } else {
            versions.insert(key.to_owned(), version.to_owned());
        }
    }
    versions
}

/// `YYYY-MM-DD`, with or without a suffix such as `-preview`.
fn is_api_version(text: &str) -> bool {
    let Some((date, suffix)) = text.split_at_checked("2024-03-01".len()) else { return false };
    date.parse::<jiff::civil::Date>().is_ok()
        && (suffix.is_empty()
            || suffix
                .strip_prefix('-')
                .is_some_and(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric())))
}

fn simulated(mut section: Section<'_>) -> Option<Simulated> {
    let epoch = section.require("epoch").and_then(|entry| entry.moment());
    let speed = match section.take("speed") {
        Some(entry) => entry.number().filter(|speed| {
            let fits = *speed > 0.0 && *speed <= MAX_SPEED;
            if !fits {
                entry.wrong(&format!("is {speed}; it must be over 0 and at most {MAX_SPEED}"));
            }
            fits
        }),
        None => Some(1.0),
    };
    let anchor = section.take("anchor").and_then(|entry| entry.moment());
    section.finish();
    Some(Simulated { epoch: epoch?, speed: speed?, anchor })
}
