//! Whether a region looks dead: the signs, what each rests on, and the rule over them (design §11).

use std::collections::BTreeSet;

use super::{
    Answer, Safe, Side, Source,
    compute::Power,
    estate::Estate,
    machines::Machines,
    picture::Picture,
    pool::HostStatus,
    reading::{Footing, Look, SilenceKind},
    standing::{hosts, machines},
    time::{Span, Timestamp, minutes, seconds},
};

/// A sign that a region is dead (design §11, death rule).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Its number in the rule: one class each.
    pub class: u8,
    /// What was seen.
    pub what: Safe,
    /// The answers and failures it rests on; empty: a person said so.
    pub footings: Vec<Footing>,
}

impl Sign {
    /// Whether something it rests on is older at `now` than it is trusted: it tells of what was.
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.footings.iter().any(|footing| footing.is_old(now))
    }
}

/// Share of powered-on hosts that must be silent for sign 2, in percent.
pub const SILENT_HOSTS_PERCENT: usize = 80;

/// Failures in a row that make a call count for sign 3.
pub const FAILED_CALLS: u32 = 3;

/// The other region must have answered the same call within this time of the failure.
pub const SAME_MINUTE: Span = seconds(60);

/// Signs from readings only, of looks that began at or after `since` and not more than
/// five minutes ago; a statement by a person (class 5) is added by the caller.
pub fn signs(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Sign> {
    let since = now.checked_sub(EVIDENCE_LIMIT).map_or(since, |limit| since.max(limit));
    let region = &estate.regions[side];
    let mut signs = Vec::new();
    let mut sign =
        |class, what: String, footings| signs.push(Sign { class, what: Safe::new(&what), footings });
    if let Some(title) = posted_event(picture, &region.azure, since) {
        sign(1, format!("Azure posted: {title}"), answered(picture, &[Source::Events]));
    }
    if let Some((silent, of)) = silent_hosts(picture, service, side, since, now)
        && of > 0
        && silent * 100 >= of * SILENT_HOSTS_PERCENT
    {
        let lists = [Source::Hosts(service, side), Source::Machines(side)];
        let what = format!("{silent} of {of} running hosts without heartbeat for 5 min");
        sign(2, what, answered(picture, &lists));
    }
    let failing = failing_calls(picture, service, side, since);
    if failing.len() >= 2 {
        let other = &estate.regions[side.other()].code;
        let what = format!("{} fail here and answer in {other}", names(&failing, " and "));
        sign(3, what, failing.iter().flat_map(|calls| calls.footings).collect());
    }
    if let Some(down) = shares_down(picture, service, side, since) {
        let footings = answered(picture, &[Source::Storage(service, side)]);
        sign(4, format!("{down} profile accounts unavailable by their own status"), footings);
    }
    signs
}

/// The last answers of these sources.
fn answered(picture: &Picture, sources: &[Source]) -> Vec<Footing> {
    let last = |source| picture.last(source).map(|look| Footing::of(source, look.at));
    sources.iter().filter_map(last).collect()
}

/// When the oldest of these answers was in; `None`: one of them never was.
fn oldest_of(picture: &Picture, sources: &[Source]) -> Option<Timestamp> {
    sources.iter().map(|source| picture.last(source).map(|look| look.at)).min().flatten()
}

/// When the oldest of them was in.
pub fn oldest<'a>(footings: impl IntoIterator<Item = &'a Footing>) -> Option<Timestamp> {
    footings.into_iter().map(|footing| footing.at).min()
}

/// What is seen of one sign, whether it holds or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The sign's number in the rule.
    pub class: u8,
    /// Whether it holds; `None`: what it rests on is not known, or too old.
    pub holds: Option<bool>,
    /// Whether something of its kind is seen, if not enough for a sign.
    pub partly: bool,
    /// What is seen, in few words.
    pub what: Safe,
    /// Age of the oldest answer behind it.
    pub at: Option<Timestamp>,
    /// Whether something it rests on is older than it is trusted: it tells of what was.
    pub old: bool,
}

/// What is seen of the signs 1 to 4 of a service's side at `now`: where [`signs`] names a sign,
/// its evidence holds, and nowhere else.
pub fn evidence(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    now: Timestamp,
) -> [Evidence; 4] {
    let since = now.checked_sub(EVIDENCE_LIMIT).unwrap_or(Timestamp::MIN);
    let told = |class: u8,
                (holds, partly): (Option<bool>, bool),
                what: String,
                (at, old): (Option<Timestamp>, bool)| {
        let last = if old && holds.is_some() { "last " } else { "" };
        Evidence { class, holds, partly, what: Safe::new(&format!("{last}{what}")), at, old }
    };
    let rests_on = |sources: &[Source]| {
        let old = answered(picture, sources).iter().any(|footing| footing.is_old(now));
        (oldest_of(picture, sources), old)
    };
    let events = since_then(picture, &Source::Events, since).map(|_| ());
    let posted = posted_event(picture, &estate.regions[side].azure, since);
    let silent = silent_hosts(picture, service, side, since, now);
    let failing = failing_calls(picture, service, side, since);
    let storage = Source::Storage(service, side);
    let accounts = match since_then(picture, &storage, since).map(|look| &look.answer) {
        Some(Answer::Storage(listing)) => listing.complete(),
        _ => None,
    };
    let down = accounts.map(|all| (all.iter().filter(|one| !one.available()).count(), all.len()));
    [
        told(
            1,
            (events.map(|()| posted.is_some()), false),
            posted.map_or_else(
                || if events.is_some() { "no event" } else { "not known" }.to_owned(),
                Safe::to_string,
            ),
            rests_on(&[Source::Events]),
        ),
        told(
            2,
            (
                silent.map(|(silent, of)| of > 0 && silent * 100 >= of * SILENT_HOSTS_PERCENT),
                silent.is_some_and(|(silent, _)| silent > 0),
            ),
            silent.map_or("not known".to_owned(), |(silent, of)| format!("{silent} of {of} silent")),
            rests_on(&[Source::Hosts(service, side), Source::Machines(side)]),
        ),
        told(
            3,
            (Some(failing.len() >= 2), !failing.is_empty()),
            if failing.is_empty() { "none fail only here".to_owned() } else { names(&failing, ", ") },
            (
                oldest(failing.iter().flat_map(|calls| &calls.footings)),
                failing.iter().flat_map(|calls| &calls.footings).any(|footing| footing.is_old(now)),
            ),
        ),
        told(
            4,
            (down.map(|(down, of)| down > 0 && down == of), down.is_some_and(|(down, _)| down > 0)),
            down.map_or("not known".to_owned(), |(down, of)| format!("{down} of {of} down")),
            rests_on(&[storage]),
        ),
    ]
}

/// How many classes the death rule asks for.
pub const CLASSES: usize = 2;

/// Whether the signs suffice: two of different classes, at most one of them a statement.
pub fn rule(signs: &[Sign]) -> bool {
    let classes: BTreeSet<u8> = signs.iter().map(|sign| sign.class).collect();
    classes.len() >= CLASSES
}

/// The signs that a verdict rests on: those of now where they suffice, else all of them. One more that was
/// not seen lately takes nothing from a verdict that stands without it.
pub fn carrying(signs: Vec<Sign>, now: Timestamp) -> Vec<Sign> {
    let (old, fresh): (Vec<Sign>, Vec<Sign>) = signs.iter().cloned().partition(|sign| sign.is_old(now));
    if old.is_empty() || rule(&fresh) { fresh } else { signs }
}

/// A reading older than this says nothing about now.
const EVIDENCE_LIMIT: Span = minutes(5);

/// The last look, if it began at or after `since`.
fn since_then<'a>(picture: &'a Picture, source: &Source, since: Timestamp) -> Option<&'a Look> {
    picture.last(source).filter(|look| look.started >= since)
}

fn posted_event<'a>(picture: &'a Picture, azure: &str, since: Timestamp) -> Option<&'a Safe> {
    let look = since_then(picture, &Source::Events, since)?;
    let Answer::Events(events) = &look.answer else { return None };
    events.seen().iter().find(|event| event.hits(azure)).map(|event| &event.title)
}

/// Hosts without a recent heartbeat among those of which one is due: neither off nor on their way up. Only a whole look at the machines
/// tells which of them are: one that is not listed there is counted, but not as silent, and so is
/// one of which nobody knows when it beat.
fn silent_hosts(
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
) -> Option<(usize, usize)> {
    since_then(picture, &Source::Hosts(service, side), since)?;
    since_then(picture, &Source::Machines(side), since)?;
    let hosts = hosts(picture, &Source::Hosts(service, side))?.complete()?;
    let listing = machines(picture, &Source::Machines(side))?;
    listing.complete()?;
    let machines = Machines::listed(listing);
    let (mut silent, mut of) = (0, 0);
    for host in hosts {
        let power = machines.behind(host).map(|machine| machine.power.as_ref());
        let off = match power {
            None => false,
            // Where Azure itself cannot tell, the broker may have seen it go.
            Some(None | Some(Power::Unknown(_))) => host.status == HostStatus::Shutdown,
            Some(Some(power)) => power.is_off(),
        };
        let on = matches!(power, Some(None | Some(Power::Running | Power::Unknown(_))));
        let due = !off && !machines.boots(host, now);
        if host.beats(now) || due {
            of += 1;
            silent += usize::from(on && host.is_silent(now));
        }
    }
    Some((silent, of))
}

/// Calls to a side of a service whose answers and failures tell of its death.
pub fn calls(service: usize, side: Side) -> [Source; 5] {
    [
        Source::Machines(side),
        Source::Directory(side),
        Source::Hosts(service, side),
        Source::Sessions(service, side),
        Source::Storage(service, side),
    ]
}

/// Everything that the rule looks at, of both sides: what fails on both is no sign. What the estate has
/// none of is never asked.
pub fn sources(estate: &Estate, service: usize) -> Vec<Source> {
    let is_there = |source: &Source| match *source {
        Source::Directory(side) => !estate.directory[side].is_empty(),
        Source::Storage(service, side) => !estate.services[service].sides[side].accounts.is_empty(),
        _ => true,
    };
    let of_both = Side::BOTH.into_iter().flat_map(|side| calls(service, side));
    [Source::Events].into_iter().chain(of_both).filter(is_there).collect()
}

/// Whose calls these are, in words: those of one provider are one sign.
pub fn provider(source: &Source) -> &'static str {
    match source {
        Source::Hosts(..) | Source::Sessions(..) => HOST_POOL_CALLS,
        Source::Storage(..) => STORAGE_CALLS,
        _ => COMPUTE_CALLS,
    }
}

const COMPUTE_CALLS: &str = "compute calls";
const HOST_POOL_CALLS: &str = "host pool calls";
const STORAGE_CALLS: &str = "storage calls";

/// Calls of one provider that fail on one side only.
struct Failing {
    /// In words.
    name: &'static str,
    /// The failure, and the other side's answer.
    footings: [Footing; 2],
}

fn names(failing: &[Failing], between: &str) -> String {
    failing.iter().map(|calls| calls.name).collect::<Vec<_>>().join(between)
}

/// Providers whose calls to `side` failed three times in a row while the same call to the
/// other side succeeded in the same minute.
fn failing_calls(picture: &Picture, service: usize, side: Side, since: Timestamp) -> Vec<Failing> {
    let pairs = calls(service, side).into_iter().zip(calls(service, side.other()));
    let pairs: Vec<(Source, Source)> = pairs.collect();
    [COMPUTE_CALLS, HOST_POOL_CALLS, STORAGE_CALLS]
        .into_iter()
        .filter_map(|name| {
            let mut own = pairs.iter().filter(|(here, _)| provider(here) == name);
            let footings = own.find_map(|(here, there)| fails_only_here(picture, here, there, since))?;
            Some(Failing { name, footings })
        })
        .collect()
}

/// The failure here and the answer there, where there are both.
fn fails_only_here(
    picture: &Picture,
    here: &Source,
    there: &Source,
    since: Timestamp,
) -> Option<[Footing; 2]> {
    let reading = picture.reading(here)?;
    let ((ended, silence), began) = (reading.silence.as_ref()?, reading.failed?);
    let fails = silence.kind == SilenceKind::Unreachable && began >= since && reading.misses >= FAILED_CALLS;
    let other = picture.reading(there).filter(|other| fails && other.silence.is_none())?;
    let answered = other.last.as_ref()?.at;
    let together = answered.duration_since(*ended).abs() <= SAME_MINUTE;
    together.then_some([Footing::failed(here, *ended), Footing::of(there, answered)])
}

fn shares_down(picture: &Picture, service: usize, side: Side, since: Timestamp) -> Option<usize> {
    let look = since_then(picture, &Source::Storage(service, side), since)?;
    let Answer::Storage(listing) = &look.answer else { return None };
    let accounts = listing.complete()?;
    let down = accounts.iter().filter(|account| !account.available()).count();
    (down > 0 && down == accounts.len()).then_some(down)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Observation;

    /// How long ago the sources told something, in seconds; `None`: never.
    type Told = [Option<i64>; 2];

    #[test]
    fn what_rests_on_a_source_that_never_answered_has_no_age() {
        let now: Timestamp = "2026-11-20T08:12:07Z".parse().unwrap();
        let sources = Side::BOTH.map(Source::Control);
        let cases: [(Told, Option<i64>); 5] = [
            ([Some(4), Some(9)], Some(9)),
            ([Some(9), Some(4)], Some(9)),
            ([Some(4), None], None),
            ([None, Some(4)], None),
            ([None, None], None),
        ];
        for (told, expected) in cases {
            let mut picture = Picture::default();
            for (source, ago) in sources.iter().zip(told) {
                let Some(ago) = ago else { continue };
                let (source, ended) = (source.clone(), now - seconds(ago));
                let outcome = Ok(Answer::Control { millis: 41, skew: None });
                picture.take(Observation { source, started: ended, ended, outcome });
            }
            let age = oldest_of(&picture, &sources).map(|at| now.duration_since(at).as_secs());
            assert_eq!(age, expected, "{told:?}");
        }
    }
}
