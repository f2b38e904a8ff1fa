//! The `[[service]]` tables.

use std::collections::HashMap;

use crate::domain::{
    ArmId, Pair, Safe, Side,
    access::PrincipalId,
    estate::{Exception, GroupPair, Layout, Principal, Service, ServiceKind, ServiceSide},
};

use super::{
    estate::MAX_NAME,
    later,
    mistake::quoted,
    section::{Entry, Section},
};

/// Longest code of an application group: it is half of an item's key in narrow lists.
const MAX_GROUP_CODE: usize = 16;

/// Longest name of a principal or reason of an exception, in characters.
const MAX_PHRASE: usize = 200;

/// Capacity asked of the standby where the file does not say: room for everybody.
const DEFAULT_CAPACITY: u32 = 100;

/// Least and most capacity that can be asked for, in percent. Nothing at all would make the
/// capacity gate pass an empty region; five times everybody is a slip of the finger.
const CAPACITY: std::ops::RangeInclusive<u64> = 1..=500;

/// Class of a service where the file does not say.
const DEFAULT_CLASS: &str = "standard";

const POOL: &[&str] = &["microsoft.desktopvirtualization/hostpools"];
const GROUP: &[&str] = &["microsoft.desktopvirtualization/applicationgroups"];
const WORKSPACE: &[&str] = &["microsoft.desktopvirtualization/workspaces"];
const PLAN: &[&str] = &["microsoft.desktopvirtualization/scalingplans"];
const ACCOUNT: &[&str] = &["microsoft.storage/storageaccounts"];

const KINDS: [(&str, ServiceKind); 3] = [
    ("avd-pooled", ServiceKind::AvdPooled),
    ("avd-personal", ServiceKind::AvdPersonal),
    ("rds", ServiceKind::Rds),
];

const LAYOUTS: [(&str, Layout); 3] = [
    ("active-passive", Layout::ActivePassive),
    ("active-active", Layout::ActiveActive),
    ("mixed", Layout::Mixed),
];

const PRINCIPAL_TYPES: [(&str, &str); 2] = [("Group", "Group"), ("User", "User")];

/// What must not appear twice in the file, with the line where it stood first.
#[derive(Default)]
struct Seen {
    services: HashMap<String, usize>,
    resources: HashMap<ArmId, usize>,
}

impl Seen {
    /// Reports a resource that another service or group already claimed.
    fn claim(&mut self, id: &ArmId, entry: &Entry<'_>) {
        if let Some(line) = self.resources.insert(id.clone(), entry.line()) {
            entry.wrong(&format!("names {}, which line {line} already uses", quoted(id.name())));
        }
    }
}

/// Reads every service. Those this version cannot move are checked and listed, not kept.
pub(super) fn read_all(root: &mut Section<'_>, not_in_this_version: &mut Vec<String>) -> Vec<Service> {
    let mut seen = Seen::default();
    let mut services = Vec::new();
    let Some(list) = root.require("service") else { return services };
    for section in list.sections() {
        services.extend(read(section, &mut seen, not_in_this_version));
    }
    services
}

fn read(mut section: Section<'_>, seen: &mut Seen, not_in_this_version: &mut Vec<String>) -> Option<Service> {
    let name_entry = section.require("name");
    let name = name_entry.as_ref().and_then(|entry| entry.name(MAX_NAME));
    if let (Some(entry), Some(name)) = (&name_entry, &name) {
        section.rename(format!("[[service]] {name}"));
        // Names are typed; two that differ in case only would be mixed up.
        if let Some(line) = seen.services.insert(name.to_ascii_lowercase(), entry.line()) {
            entry.wrong(&format!("is {}, the name of the service in line {line}", quoted(name)));
        }
    }
    let shown = name.clone().unwrap_or_default();
    let kind = section.require("kind").and_then(|entry| entry.word(&KINDS));
    if kind == Some(ServiceKind::Rds) {
        // Its sides are deployments, not pools; the version that builds them settles their keys.
        not_in_this_version.push(format!("service {shown} (rds)"));
        return None;
    }
    let layout = match section.take("layout") {
        Some(entry) => entry.word(&LAYOUTS),
        None => Some(Layout::ActivePassive),
    };
    let class = section.take("class").and_then(|entry| entry.name(MAX_NAME));
    let capacity_percent = section.take("capacity_percent").and_then(|entry| capacity(&entry));
    let sides = sides(&mut section, layout, seen);
    let groups = groups(&mut section, layout, seen);
    let exceptions = exceptions(&mut section);
    later::accept(&mut section, Some(&shown), not_in_this_version);
    section.finish();
    let unbuilt = match (kind?, layout?) {
        (ServiceKind::AvdPersonal, _) => Some("avd-personal"),
        (_, Layout::Mixed) => Some("mixed"),
        _ => None,
    };
    if let Some(word) = unbuilt {
        not_in_this_version.push(format!("service {shown} ({word})"));
        return None;
    }
    Some(Service {
        name: name?,
        kind: kind?,
        layout: layout?,
        class: class.unwrap_or_else(|| DEFAULT_CLASS.to_owned()),
        capacity_percent: capacity_percent.unwrap_or(DEFAULT_CAPACITY),
        sides: sides?,
        groups,
        exceptions,
    })
}

fn capacity(entry: &Entry<'_>) -> Option<u32> {
    let percent = entry.whole_number()?;
    if CAPACITY.contains(&percent) {
        return u32::try_from(percent).ok();
    }
    entry.wrong(&format!("is {percent}; it must be {} to {}", CAPACITY.start(), CAPACITY.end()));
    None
}

fn sides(section: &mut Section<'_>, layout: Option<Layout>, seen: &mut Seen) -> Option<Pair<ServiceSide>> {
    let mut accounts = accounts(section);
    let tables = Pair::build(|side| {
        let table = section.require(side.key()).and_then(Entry::section)?;
        one_side(table, std::mem::take(&mut accounts[side]))
    });
    let ((first, primary), (second, secondary)) = (tables.primary?, tables.secondary?);
    seen.claim(&primary.pool, &first);
    // One pool with hosts in both regions is what `mixed` means; anywhere else it is a slip
    // that would drain the pool it means to open.
    if primary.pool != secondary.pool {
        seen.claim(&secondary.pool, &second);
    } else if layout != Some(Layout::Mixed) {
        second.wrong(&format!("is {}, the same pool as the primary's", quoted(secondary.pool.name())));
    }
    Some(Pair { primary, secondary })
}

/// One side and the entry of its pool.
fn one_side(mut section: Section<'_>, accounts: Vec<ArmId>) -> Option<(Entry<'_>, ServiceSide)> {
    let entry = section.require("pool");
    let pool = entry.as_ref().and_then(|entry| entry.resource(POOL));
    let workspace = section.take("workspace").and_then(|entry| entry.resource(WORKSPACE));
    let scaling_plan = section.take("scaling_plan").and_then(|entry| entry.resource(PLAN));
    section.finish();
    Some((entry?, ServiceSide { pool: pool?, workspace, scaling_plan, accounts }))
}

/// Profile and office accounts; one account that holds both counts once.
fn accounts(section: &mut Section<'_>) -> Pair<Vec<ArmId>> {
    let mut accounts: Pair<Vec<ArmId>> = Pair::default();
    let Some(mut profiles) = section.take("profiles").and_then(Entry::section) else { return accounts };
    for side in Side::BOTH {
        let Some(mut table) = profiles.take(side.key()).and_then(Entry::section) else { continue };
        for key in ["profile", "office"] {
            let id = table.take(key).and_then(|entry| entry.resource(ACCOUNT));
            accounts[side].extend(id);
        }
        table.finish();
        accounts[side].dedup();
    }
    profiles.finish();
    accounts
}

fn groups(section: &mut Section<'_>, layout: Option<Layout>, seen: &mut Seen) -> Vec<GroupPair> {
    let mut codes: HashMap<String, usize> = HashMap::new();
    let mut groups = Vec::new();
    let Some(list) = section.require("application_group") else { return groups };
    for mut table in list.sections() {
        let entry = table.require("code");
        let code = entry.as_ref().and_then(|entry| entry.name(MAX_GROUP_CODE));
        if let (Some(entry), Some(code)) = (&entry, &code) {
            table.rename(format!("{} {code}", table.label()));
            if let Some(line) = codes.insert(code.to_ascii_lowercase(), entry.line()) {
                entry.wrong(&format!("is {}, the code of the group in line {line}", quoted(code)));
            }
        }
        let ids = twins(&mut table, layout, seen);
        let principals = table.require("principals").map(principals).unwrap_or_default();
        table.finish();
        if let (Some(code), Some(ids)) = (code, ids) {
            groups.push(GroupPair { code, ids, principals });
        }
    }
    groups
}

fn twins(table: &mut Section<'_>, layout: Option<Layout>, seen: &mut Seen) -> Option<Pair<ArmId>> {
    let entries = Pair::build(|side| table.require(side.key()));
    let ids = Pair::build(|side| entries[side].as_ref().and_then(|entry| entry.resource(GROUP)));
    let (primary, secondary) = (ids.primary?, ids.secondary?);
    let (first, second) = (entries.primary?, entries.secondary?);
    seen.claim(&primary, &first);
    if primary != secondary {
        seen.claim(&secondary, &second);
    } else if layout != Some(Layout::Mixed) {
        second.wrong(&format!("is {}, the same group as the primary's", quoted(secondary.name())));
    }
    Some(Pair { primary, secondary })
}

fn principals(entry: Entry<'_>) -> Vec<Principal> {
    let mut all: Vec<Principal> = Vec::new();
    for mut table in entry.sections() {
        let (name_entry, id_entry) = (table.require("name"), table.require("id"));
        let name = name_entry.as_ref().and_then(phrase);
        let id = id_entry.as_ref().and_then(principal_id);
        let principal_type = table.require("type").and_then(|entry| entry.word(&PRINCIPAL_TYPES));
        table.finish();
        if let (Some(entry), Some(id)) = (&id_entry, &id)
            && all.iter().any(|known| known.id == *id)
        {
            entry.wrong("stands twice in this group");
        }
        // The name is half of the key of an item such as `GRP1@DAG1`.
        if let (Some(entry), Some(name)) = (&name_entry, &name)
            && all.iter().any(|known| known.name == *name)
        {
            entry.wrong(&format!("is {}, which stands twice in this group", quoted(name)));
        }
        if let (Some(name), Some(id), Some(word)) = (name, id, principal_type) {
            all.push(Principal { name, id, principal_type: word.to_owned() });
        }
    }
    all
}

fn principal_id(entry: &Entry<'_>) -> Option<PrincipalId> {
    entry.guid().and_then(|text| PrincipalId::parse(&text))
}

/// Words for people: one line of moderate length with nothing hidden in it.
fn phrase(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    if text.chars().nth(MAX_PHRASE).is_some() {
        entry.wrong(&format!("is longer than {MAX_PHRASE} characters"));
        return None;
    }
    if Safe::new(text).as_str() != text {
        entry.wrong(&format!("holds characters that do not show: {}", quoted(text)));
        return None;
    }
    Some(text.to_owned())
}

fn exceptions(section: &mut Section<'_>) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    let Some(list) = section.take("exception") else { return exceptions };
    for mut table in list.sections() {
        let principal = table.require("principal").as_ref().and_then(principal_id);
        let reason = table.require("reason").as_ref().and_then(phrase);
        table.finish();
        if let (Some(principal), Some(reason)) = (principal, reason) {
            exceptions.push(Exception { principal, reason });
        }
    }
    exceptions
}
