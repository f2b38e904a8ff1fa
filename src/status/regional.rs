//! Rows that are read once for a region, and those of its storage accounts.

use crate::domain::{
    Answer, Side, Source,
    health::{Bears, same_region},
    storage::StorageAccount,
    time::{Span, minutes, seconds, span_text},
};

use super::{
    components::{Bucket, Part, answer},
    scene::Scene,
    summary::{CellState, Role},
};

/// A round trip slower than this is worth a warning: an operator feels it in every step.
const SLOW_MILLIS: u32 = 2_000;

/// A clock that is further off is worth a warning (reliability-security §2).
const CLOCK_OFF: Span = seconds(30);

/// A clock that is further off makes everything that is told by it wrong.
const CLOCK_WRONG: Span = minutes(5);

/// How the clock of this machine stands against Azure's, and what is to be said of it: our clock is
/// ahead by `skew`, or nobody knows.
pub fn clock(skew: Option<Span>) -> (CellState, Option<String>) {
    let Some(skew) = skew else {
        return (CellState::Warn, Some("Azure's answers tell no time".to_owned()));
    };
    if skew.abs() <= CLOCK_OFF {
        return (CellState::Ok, None);
    }
    let state = if skew.abs() > CLOCK_WRONG { CellState::Crit } else { CellState::Warn };
    let word = if skew.is_positive() { "fast" } else { "slow" };
    (state, Some(format!("this machine's clock is {} {word}", span_text(skew.abs()))))
}

pub(super) fn control(scene: &Scene<'_>, side: Side) -> Option<Part> {
    let Answer::Control { millis, skew } = answer(scene, &Source::Control(side))? else { return None };
    let slow = (*millis > SLOW_MILLIS).then(|| "answers slowly".to_owned());
    let (clock, told) = clock(*skew);
    let state = clock.max(if slow.is_some() { CellState::Warn } else { CellState::Ok });
    let part =
        Part::new(state, format!("{millis} ms (global)"), format!("{millis} ms")).figure(*millis, None);
    Some(match told.or(slow) {
        Some(reason) => part.because(&reason),
        None => part,
    })
}

/// The accounts of a bucket, each once; `None`: a list is missing or not whole.
fn accounts<'a>(scene: &Scene<'a>, bucket: &Bucket<'_>) -> Option<Vec<&'a StorageAccount>> {
    let mut all: Vec<&StorageAccount> = Vec::new();
    for &service in bucket.services {
        let Answer::Storage(listing) = answer(scene, &Source::Storage(service, bucket.side))? else {
            return None;
        };
        for account in listing.complete()? {
            if !all.iter().any(|known| known.id == account.id) {
                all.push(account);
            }
        }
    }
    Some(all)
}

/// Accounts the estate file names for a bucket.
fn named(scene: &Scene<'_>, bucket: &Bucket<'_>) -> usize {
    let mut ids: Vec<_> = bucket
        .services
        .iter()
        .flat_map(|&service| &scene.service(service).sides[bucket.side].accounts)
        .collect();
    ids.sort();
    ids.dedup();
    ids.len()
}

/// The accounts that are not available, by name.
fn down(accounts: &[&StorageAccount]) -> String {
    let down = accounts.iter().filter(|account| !account.available()).map(|account| account.id.name());
    down.collect::<Vec<_>>().join(", ")
}

pub(super) fn profiles(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let accounts = accounts(scene, bucket)?;
    let (up, of) = (accounts.iter().filter(|account| account.available()).count(), named(scene, bucket));
    let short = format!("{up}/{of}");
    let part = if up >= of {
        Part::new(CellState::Ok, format!("{up} of {of} shares"), short)
    } else {
        let state = if up == 0 || bucket.role == Role::Active { CellState::Crit } else { CellState::Warn };
        let reason = match down(&accounts) {
            names if names.is_empty() => "an account was not found".to_owned(),
            names => format!("unavailable: {names}"),
        };
        Part::new(state, format!("{up} of {of} shares answer"), short).because(&reason)
    };
    Some(part.figure(up as u64, Some(of)))
}

pub(super) fn storage(scene: &Scene<'_>, bucket: &Bucket<'_>) -> Option<Part> {
    let accounts = accounts(scene, bucket)?;
    let region = &scene.estate.regions[bucket.side];
    let elsewhere: Vec<&&StorageAccount> = accounts
        .iter()
        .filter(|account| !same_region(account.primary_location.as_str(), &region.azure))
        .collect();
    let unsettled: Vec<&&StorageAccount> = accounts
        .iter()
        .filter(|account| !account.provisioning.as_str().eq_ignore_ascii_case("Succeeded"))
        .collect();
    let of = accounts.len();
    let mut kinds: Vec<&str> =
        accounts.iter().filter_map(|account| account.sku.as_str().rsplit('_').next()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kinds = kinds.join("+");
    // What does not answer is in no place, whatever its settings say.
    let up = accounts.iter().filter(|account| account.available()).count();
    if up < of {
        let state = if up == 0 || bucket.role == Role::Active { CellState::Crit } else { CellState::Warn };
        let part = Part::new(state, format!("{up} of {of} available, {kinds}"), format!("{up}/{of} {kinds}"));
        return Some(part.because(&format!("unavailable: {}", down(&accounts))).figure(up as u64, Some(of)));
    }
    if let Some(first) = elsewhere.first() {
        let text = format!("{} of {of} answer from elsewhere", elsewhere.len());
        let reason = format!("{} answers from {}", first.id.name(), first.primary_location);
        return Some(Part::new(CellState::Warn, text, "elsewhere").because(&reason));
    }
    if let Some(first) = unsettled.first() {
        let text = format!("{} of {of} not settled", unsettled.len());
        let reason = format!("{} is {}", first.id.name(), first.provisioning);
        return Some(Part::new(CellState::Warn, text, "unsettled").because(&reason));
    }
    Some(Part::new(CellState::Ok, format!("{of} in place, {kinds}"), kinds.clone()).figure(of as u64, None))
}

pub(super) fn directory(scene: &Scene<'_>, side: Side) -> Option<Part> {
    let Answer::Directory(listing) = answer(scene, &Source::Directory(side))? else { return None };
    let servers = listing.complete()?;
    let (up, of) = (servers.iter().filter(|server| server.up()).count(), scene.estate.directory[side].len());
    let state = match up {
        0 => CellState::Crit,
        up if up < of => CellState::Warn,
        _ => CellState::Ok,
    };
    let part =
        Part::new(state, format!("{up} of {of} DCs"), format!("{up}/{of}")).figure(up as u64, Some(of));
    let down: Vec<&str> =
        servers.iter().filter(|server| !server.up()).map(|server| server.vm.id.name()).collect();
    Some(if down.is_empty() { part } else { part.because(&format!("down: {}", down.join(", "))) })
}

pub(super) fn health(scene: &Scene<'_>, side: Side) -> Option<Part> {
    let Answer::Events(listing) = answer(scene, &Source::Events)? else { return None };
    let azure = &scene.estate.regions[side].azure;
    let all = listing.complete()?;
    let hits: Vec<_> = all.iter().filter(|event| event.bears(azure) == Bears::Hits).collect();
    let Some(first) = hits.first() else {
        let unclear = all.iter().find_map(|event| match event.bears(azure) {
            Bears::Perhaps(word) => Some((word, event)),
            _ => None,
        });
        if let Some((word, event)) = unclear {
            let reason = format!("`{word}` is a word this version does not know: {}", event.title);
            let text = format!("an event is {word}");
            return Some(Part::new(CellState::Unknown, text, "?").because(&reason));
        }
        return Some(Part::new(CellState::Ok, "no events", "none").figure(0_u64, None));
    };
    let impacts = hits.iter().flat_map(|event| &event.impacts);
    let services = impacts.filter(|impact| impact.hits(azure)).count();
    let state = if scene.dead(side) { CellState::Crit } else { CellState::Warn };
    Some(
        Part::new(state, format!("ServiceIssue, {services} svc"), format!("{services} svc"))
            .because(first.title.as_str())
            .figure(hits.len() as u64, None),
    )
}
