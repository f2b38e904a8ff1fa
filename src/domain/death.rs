//! Whether a region looks dead: the signs, what each rests on, and the rule over them (design §11).

mod evidence;
mod past;

use std::collections::BTreeSet;

pub use evidence::{Evidence, Holds, evidence};
pub use past::last_seen;

use super::{
    Answer, Safe, Side, Source,
    compute::Power,
    estate::Estate,
    health::Bears,
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
    /// The statement of a person: it rests on no look.
    pub fn stated(what: &Safe) -> Self {
        Self { class: 5, what: what.clone(), footings: Vec::new() }
    }

    /// Whether something it rests on is older at `now` than it is trusted: it tells of what was.
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.footings.iter().any(|footing| footing.is_old(now))
    }
}

/// Share of powered-on hosts that must be silent for sign 2, in percent.
pub const SILENT_HOSTS_PERCENT: usize = 80;

/// Failures in a row that make a call count for sign 3.
pub const FAILED_CALLS: u32 = 3;

/// So many calls in a row without an answer are no accident, and so few no failure.
const UNHEARD_CALLS: u32 = 2;

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
    told(estate, picture, service, side, since, now)
}

/// What the answers and failures since then tell, of heartbeats as they were at `now`.
fn told(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Sign> {
    let region = &estate.regions[side];
    let mut signs = Vec::new();
    let mut sign =
        |class, what: String, footings| signs.push(Sign { class, what: Safe::new(&what), footings });
    if let Some(title) = posted_event(picture, &region.azure, since) {
        sign(1, format!("Azure posted: {title}"), answered(picture, &[Source::Events]));
    }
    if let Some(beats) =
        beats(picture, service, side, since, now).filter(|beats| beats.suffice() == Some(true))
    {
        let lists = [Source::Hosts(service, side), Source::Machines(side)];
        let what = format!("{} of {} running hosts without heartbeat for 5 min", beats.silent, beats.of);
        sign(2, what, answered(picture, &lists));
    }
    let calls = Calls::seen(estate, picture, service, side, since);
    if calls.suffice() == Some(true) {
        let other = &estate.regions[side.other()].code;
        let fail = calls.0.iter().filter(|calls| calls.beside == Beside::OnlyHere).map(|calls| calls.name);
        let what = format!("{} fail here and answer in {other}", fail.collect::<Vec<_>>().join(" and "));
        sign(3, what, calls.footings());
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

/// Whether something that told an old sign was asked again and did not answer.
pub fn silent_since(picture: &Picture, service: usize, side: Side, signs: &[Sign], now: Timestamp) -> bool {
    let unheard = |source: &Source| {
        let silence = picture.reading(source).and_then(|reading| reading.silence.as_ref());
        let kind = silence.map(|(_, silence)| silence.kind);
        matches!(kind, Some(SilenceKind::Unreachable | SilenceKind::NotAsked))
    };
    signs.iter().filter(|sign| sign.is_old(now)).any(|sign| match sign.class {
        2 => [Source::Hosts(service, side), Source::Machines(side)].iter().any(unheard),
        4 => unheard(&Source::Storage(service, side)),
        _ => false,
    })
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
    events.seen().iter().find(|event| event.bears(azure) == Bears::Hits).map(|event| &event.title)
}

/// What sign 2 counts, in words, by looks that began at or after `since`; `None`: a list of it was not seen.
pub fn heartbeats(
    picture: &Picture,
    service: usize,
    side: Side,
    since: Timestamp,
    now: Timestamp,
) -> Option<String> {
    beats(picture, service, side, since, now).map(|beats| beats.words())
}

/// The heartbeats of those hosts of which one is due: neither off nor on their way up.
struct Beats {
    /// That have none, by the broker, and run, by Compute.
    silent: usize,
    /// Of which nobody knows when they beat last, or whether they run at all.
    open: usize,
    of: usize,
}

impl Beats {
    /// Whether so many are silent that it is a sign; `None`: those that nobody knows of could make it one.
    fn suffice(&self) -> Option<bool> {
        let enough = |silent: usize| self.of > 0 && silent * 100 >= self.of * SILENT_HOSTS_PERCENT;
        let (known, perhaps) = (enough(self.silent), enough(self.silent + self.open));
        (known == perhaps).then_some(known)
    }

    fn words(&self) -> String {
        if self.of == 0 {
            return "none known to run".to_owned();
        }
        let open = if self.open > 0 { format!(", {} not known", self.open) } else { String::new() };
        format!("{} of {} silent{open}", self.silent, self.of)
    }
}

/// What is seen of the heartbeats there. Only a whole look at the machines tells of which hosts one is due:
/// one that is not listed there is counted, but not as silent, and so is one of which nobody knows when it
/// beat.
fn beats(picture: &Picture, service: usize, side: Side, since: Timestamp, now: Timestamp) -> Option<Beats> {
    since_then(picture, &Source::Hosts(service, side), since)?;
    since_then(picture, &Source::Machines(side), since)?;
    let hosts = hosts(picture, &Source::Hosts(service, side))?.complete()?;
    let listing = machines(picture, &Source::Machines(side))?;
    listing.complete()?;
    let machines = Machines::listed(listing);
    let (mut silent, mut open, mut of) = (0, 0, 0);
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
            let counts = on && host.is_silent(now);
            of += 1;
            silent += usize::from(counts);
            open += usize::from(!counts && !host.beats(now));
        }
    }
    Some(Beats { silent, open, of })
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

/// When the last call to a source failed, where it is not one that was missed: whoever hears of neither region
/// like that sees neither.
pub fn unheard(picture: &Picture, source: &Source) -> Option<Timestamp> {
    let reading = picture.reading(source)?;
    let (at, silence) = reading.silence.as_ref()?;
    (silence.kind == SilenceKind::Unreachable && reading.misses >= UNHEARD_CALLS).then_some(*at)
}

/// Everything that the rule looks at, of both sides: what fails on both is no sign. What the estate has
/// none of is never asked.
pub fn sources(estate: &Estate, service: usize) -> Vec<Source> {
    let of_both = Side::BOTH.into_iter().flat_map(|side| calls(service, side));
    [Source::Events].into_iter().chain(of_both).filter(|source| is_there(estate, source)).collect()
}

fn is_there(estate: &Estate, source: &Source) -> bool {
    match *source {
        Source::Directory(side) => !estate.directory[side].is_empty(),
        Source::Storage(service, side) => !estate.services[service].sides[side].accounts.is_empty(),
        _ => true,
    }
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

/// How calls to one side stand beside the same calls to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// They failed three times in a row while the other side answered in the same minute.
    OnlyHere,
    /// Nobody asked of late, or what the other side did meanwhile is not known.
    Open,
    /// They failed three times in a row, and those to the other side fail as well.
    Both,
    /// They failed of late, not three times yet.
    Missed,
    /// They were answered, if only with a refusal.
    Answered,
}

/// The calls of each provider to a side.
struct Calls(Vec<Provider>);

/// The calls of one.
struct Provider {
    /// In words.
    name: &'static str,
    beside: Beside,
    /// Those of its calls that stand like that, where not all of them do.
    own: Vec<&'static str>,
    /// Answers and failures; empty: one of its calls was never asked.
    footings: Vec<Footing>,
}

impl Calls {
    fn seen(estate: &Estate, picture: &Picture, service: usize, side: Side, since: Timestamp) -> Self {
        let pairs = calls(service, side).into_iter().zip(calls(service, side.other()));
        let pairs: Vec<(Source, Source)> = pairs.filter(|(here, _)| is_there(estate, here)).collect();
        let of = |name| {
            let own = pairs.iter().filter(|(here, _)| provider(here) == name);
            let words: Vec<&'static str> = own.clone().map(|(here, _)| here.word()).collect();
            let seen: Vec<(Beside, Vec<Footing>)> =
                own.map(|(here, there)| beside(picture, here, there, since)).collect();
            let order = [Beside::OnlyHere, Beside::Open, Beside::Both, Beside::Missed, Beside::Answered];
            let beside = order.into_iter().find(|one| seen.iter().any(|(beside, _)| beside == one))?;
            // That one call of it fails only here is told by that one.
            let carry = seen.iter().find(|(own, _)| *own == Beside::OnlyHere).map(|(_, own)| own.clone());
            let whole = seen.iter().all(|(_, footings)| !footings.is_empty());
            let all = || seen.iter().filter(|_| whole).flat_map(|(_, own)| own).copied().collect();
            let like = words.iter().zip(&seen).filter(|(_, (own, _))| *own == beside);
            let own: Vec<&'static str> = like.map(|(word, _)| *word).collect();
            let own = if own.len() < words.len() { own } else { Vec::new() };
            Some(Provider { name, beside, own, footings: carry.unwrap_or_else(all) })
        };
        Self([COMPUTE_CALLS, HOST_POOL_CALLS, STORAGE_CALLS].into_iter().filter_map(of).collect())
    }

    fn count(&self, beside: Beside) -> usize {
        self.0.iter().filter(|calls| calls.beside == beside).count()
    }

    /// Whether those of two providers fail only here; `None`: it is not known of all of them.
    fn suffice(&self) -> Option<bool> {
        match (self.count(Beside::OnlyHere) >= 2, self.count(Beside::Open) + self.count(Beside::Both)) {
            (true, _) => Some(true),
            (false, 0) => Some(false),
            _ => None,
        }
    }

    fn partly(&self) -> bool {
        self.0.iter().any(|calls| matches!(calls.beside, Beside::OnlyHere | Beside::Missed))
    }

    fn names(&self, beside: Beside) -> String {
        let own = self.0.iter().filter(|calls| calls.beside == beside);
        let said = |one: &Provider| match one.own.join(", ") {
            own if own.is_empty() => one.name.to_owned(),
            own => format!("{own} ({})", one.name),
        };
        own.map(said).collect::<Vec<_>>().join(", ")
    }

    fn words(&self) -> String {
        let count = |beside| self.count(beside);
        let names = |beside| self.names(beside);
        match count(Beside::OnlyHere) {
            0 => {}
            1 => {
                let (of, name) = (self.0.len(), names(Beside::OnlyHere));
                return format!("1 of {of} fails only here, 2 needed: {name}");
            }
            _ => return names(Beside::OnlyHere),
        }
        if count(Beside::Both) > 0 {
            return format!("fail in both: {}", names(Beside::Both));
        }
        match (count(Beside::Open), count(Beside::Missed)) {
            (0, 0) => "none fail only here".to_owned(),
            (0, _) => format!("{}: missed under {FAILED_CALLS} times", names(Beside::Missed)),
            (open, _) if open == self.0.len() => "not known".to_owned(),
            _ => format!("not known: {}", names(Beside::Open)),
        }
    }

    /// What they rest on: where they make a sign what that rests on, else all of it.
    fn footings(&self) -> Vec<Footing> {
        let sign = self.suffice() == Some(true);
        let own = self.0.iter().filter(|calls| !sign || calls.beside == Beside::OnlyHere);
        own.flat_map(|calls| &calls.footings).copied().collect()
    }

    fn all_asked(&self) -> bool {
        self.suffice() == Some(true) || self.0.iter().all(|calls| !calls.footings.is_empty())
    }
}

/// How a call stands beside the same to the other side, by looks that began at or after `since`, with the
/// answers and failures that tell; empty: none ever did.
fn beside(picture: &Picture, here: &Source, there: &Source, since: Timestamp) -> (Beside, Vec<Footing>) {
    let Some(reading) = picture.reading(here) else { return (Beside::Open, vec![]) };
    let Some(((ended, silence), began)) = reading.silence.as_ref().zip(reading.failed) else {
        let told = |look: &Look| {
            let beside = if look.started >= since { Beside::Answered } else { Beside::Open };
            (beside, vec![Footing::of(here, look.at)])
        };
        return reading.last.as_ref().map_or((Beside::Open, vec![]), told);
    };
    let own = vec![Footing::failed(here, *ended)];
    match silence.kind {
        _ if began < since => (Beside::Open, own),
        SilenceKind::Unreachable if reading.misses >= FAILED_CALLS => {
            let (beside, other) = failing(picture, *ended, there, since);
            (beside, own.into_iter().chain(other).collect())
        }
        SilenceKind::Unreachable => (Beside::Missed, own),
        SilenceKind::Denied | SilenceKind::Absent | SilenceKind::Throttled | SilenceKind::Garbled => {
            (Beside::Answered, own)
        }
        SilenceKind::NotAsked | SilenceKind::NoToken | SilenceKind::NotChecked | SilenceKind::NotRecorded => {
            (Beside::Open, own)
        }
    }
}

/// What the other side did while a call failed at `ended`.
fn failing(
    picture: &Picture,
    ended: Timestamp,
    there: &Source,
    since: Timestamp,
) -> (Beside, Option<Footing>) {
    let Some(other) = picture.reading(there) else { return (Beside::Open, None) };
    match (&other.silence, &other.last) {
        (None, Some(look)) if look.at.duration_since(ended).abs() <= SAME_MINUTE => {
            (Beside::OnlyHere, Some(Footing::of(there, look.at)))
        }
        (Some((at, silence)), _) if silence.kind == SilenceKind::Unreachable => {
            let lately = other.failed.is_some_and(|began| began >= since);
            (if lately { Beside::Both } else { Beside::Open }, Some(Footing::failed(there, *at)))
        }
        (_, last) => (Beside::Open, last.as_ref().map(|look| Footing::of(there, look.at))),
    }
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
