//! The signs of a region that has fallen silent: those that there were when it was heard of last.

use super::{
    super::{
        Safe, Side, Source, estate::Estate, picture::Picture, pool::HostStatus, reading::Look,
        standing::hosts, time::Timestamp,
    },
    EVIDENCE_LIMIT, SILENT_HOSTS_PERCENT, Sign, calls, carrying, rule, signs, told,
};

/// The signs that a verdict on a side rests on at `now`: those of now where they suffice. Where they do not,
/// those that there were when hosts, machines or shares answered last, if these would: whoever fell silent since
/// was seen dead, and no host has told otherwise. They are old, and tell only of what was. What a person has
/// `stated` counts with them.
pub fn last_seen(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
    stated: Option<&Safe>,
) -> Vec<Sign> {
    let weighed = |mut signs: Vec<Sign>| {
        signs.extend(stated.map(Sign::stated));
        carrying(signs, now)
    };
    let known = weighed(signs(estate, picture, service, side, since, now));
    if rule(&known) || lives(picture, service, side, now) {
        return known;
    }
    let of = [Source::Hosts(service, side), Source::Machines(side), Source::Storage(service, side)];
    // What is trusted still is among the signs of now.
    let old = |look: &&Look| now.duration_since(look.started) > EVIDENCE_LIMIT;
    let mut moments: Vec<Timestamp> =
        of.iter().filter_map(|source| picture.last(source).filter(old)).map(|look| look.at).collect();
    moments.sort_unstable();
    let past =
        moments.into_iter().rev().map(|then| weighed(at_once(estate, picture, service, side, since, then)));
    past.into_iter().find(|signs| rule(signs)).unwrap_or(known)
}

/// The signs of a moment of the past, and no sum over hours: of looks within five minutes of it, of calls that
/// failed by the time an answer would have been missed. An event that is posted now stands beside them.
fn at_once(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    then: Timestamp,
) -> Vec<Sign> {
    let since = then.checked_sub(EVIDENCE_LIMIT).map_or(since, |limit| since.max(limit));
    let mut signs = told(estate, picture, service, side, since, then);
    let first = calls(service, side).iter().filter_map(|call| picture.reading(call)?.silent_since).min();
    let failed = first.is_some_and(|first| first <= then + EVIDENCE_LIMIT);
    let then = then + EVIDENCE_LIMIT;
    // Of a host list that came later the heartbeats are those of that moment: they only grow.
    let by_then = |source| picture.last(&source).is_some_and(|look| look.started <= then);
    signs.retain(|sign| match sign.class {
        2 => by_then(Source::Machines(side)),
        3 => failed,
        4 => by_then(Source::Storage(service, side)),
        _ => true,
    });
    signs
}

/// Whether a fresh look tells that the hosts there live: too few are silent for a sign, so that what was seen
/// before is over.
fn lives(picture: &Picture, service: usize, side: Side, now: Timestamp) -> bool {
    let source = Source::Hosts(service, side);
    let fresh = picture.last(&source).is_some_and(|look| now.duration_since(look.at) <= EVIDENCE_LIMIT);
    let Some(listed) = hosts(picture, &source).filter(|_| fresh) else { return false };
    let due = || listed.seen().iter().filter(|host| host.status != HostStatus::Shutdown);
    let (silent, of) = (due().filter(|host| host.is_silent(now)).count(), due().count());
    of > 0 && silent * 100 < of * SILENT_HOSTS_PERCENT
}
