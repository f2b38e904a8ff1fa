//! What is seen of each sign of death, whether it holds or not.

use super::{
    super::{Answer, Safe, Side, Source, estate::Estate, health::Bears, picture::Picture, time::Timestamp},
    Beats, Calls, EVIDENCE_LIMIT, answered, beats, is_there, oldest, oldest_of, posted_event, since_then,
};

/// Whether a sign holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It is seen.
    Yes,
    /// It is seen not to be so.
    No,
    /// What it rests on is not known, or too old.
    NotKnown,
    /// The estate has nothing that would show it: it speaks for neither.
    NotConfigured,
}

impl From<Option<bool>> for Holds {
    fn from(known: Option<bool>) -> Self {
        known.map_or(Self::NotKnown, |holds| if holds { Self::Yes } else { Self::No })
    }
}

impl Holds {
    /// As far as it is known.
    pub fn known(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No => Some(false),
            Self::NotKnown | Self::NotConfigured => None,
        }
    }
}

/// What is seen of one sign, whether it holds or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The sign's number in the rule.
    pub class: u8,
    /// Whether it holds.
    pub holds: Holds,
    /// Whether something of its kind is seen, if not enough for a sign.
    pub partly: bool,
    /// What is seen, in few words.
    pub what: Safe,
    /// Age of the oldest answer behind it.
    pub at: Option<Timestamp>,
    /// Whether something it rests on is older than it is trusted: it tells of what was.
    pub old: bool,
}

/// What is seen of the signs 1 to 4 of a service's side at `now`: where [`signs`](super::signs) names a sign,
/// its evidence holds, and nowhere else.
pub fn evidence(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    side: Side,
    now: Timestamp,
) -> [Evidence; 4] {
    let since = now.checked_sub(EVIDENCE_LIMIT).unwrap_or(Timestamp::MIN);
    let told =
        |class: u8, (holds, partly): (Holds, bool), what: String, (at, old): (Option<Timestamp>, bool)| {
            let last = if old && holds.known().is_some() { "last " } else { "" };
            Evidence { class, holds, partly, what: Safe::new(&format!("{last}{what}")), at, old }
        };
    let rests_on = |sources: &[Source]| {
        let old = answered(picture, sources).iter().any(|footing| footing.is_old(now));
        (oldest_of(picture, sources), old)
    };
    let azure = &estate.regions[side].azure;
    let posted = posted_event(picture, azure, since);
    let (none_posted, unclear) = none_posted(picture, azure, since);
    let beats = beats(picture, service, side, since, now);
    let calls = Calls::seen(estate, picture, service, side, since);
    let storage = Source::Storage(service, side);
    let accounts = match since_then(picture, &storage, since).map(|look| &look.answer) {
        Some(Answer::Storage(listing)) => listing.complete(),
        _ => None,
    };
    let down = accounts.map(|all| (all.iter().filter(|one| !one.available()).count(), all.len()));
    let unknown = || "not known".to_owned();
    [
        told(
            1,
            ((posted.is_some() || none_posted).then_some(posted.is_some()).into(), false),
            match posted {
                Some(title) => title.to_string(),
                None if none_posted => "no event".to_owned(),
                None => unclear.map_or_else(unknown, |word| format!("not known: an event is {word}")),
            },
            rests_on(&[Source::Events]),
        ),
        told(
            2,
            (
                beats.as_ref().and_then(Beats::suffice).into(),
                beats.as_ref().is_some_and(|beats| beats.silent > 0),
            ),
            beats.map_or_else(unknown, |beats| beats.words()),
            rests_on(&[Source::Hosts(service, side), Source::Machines(side)]),
        ),
        told(
            3,
            (calls.suffice().into(), calls.partly()),
            calls.words(),
            (
                oldest(&calls.footings()).filter(|_| calls.all_asked()),
                calls.footings().iter().any(|footing| footing.is_old(now)),
            ),
        ),
        told(
            4,
            if is_there(estate, &storage) {
                let holds = down.map(|(down, of)| down > 0 && down == of);
                (holds.into(), down.is_some_and(|(down, _)| down > 0))
            } else {
                (Holds::NotConfigured, false)
            },
            match down {
                _ if !is_there(estate, &storage) => "not configured".to_owned(),
                Some((down, of)) => format!("{down} of {of} down"),
                None => unknown(),
            },
            rests_on(&[storage]),
        ),
    ]
}

/// Whether Azure has surely posted no event that hits the region, and the word of one that may for all we know.
fn none_posted(picture: &Picture, azure: &str, since: Timestamp) -> (bool, Option<Safe>) {
    match since_then(picture, &Source::Events, since).map(|look| &look.answer) {
        Some(Answer::Events(events)) => {
            let unclear = events.seen().iter().find_map(|event| match event.bears(azure) {
                Bears::Perhaps(word) => Some(word),
                _ => None,
            });
            (events.complete().is_some() && unclear.is_none(), unclear)
        }
        _ => (false, None),
    }
}
