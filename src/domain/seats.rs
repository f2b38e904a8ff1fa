//! Who sits in both regions of a service, as far as that can be known.

use std::collections::{BTreeSet, HashSet};

use super::{
    Safe, Side, Source,
    picture::Picture,
    pool::UserSession,
    standing::{hosts, sessions, users},
};

/// Users with a session in both regions of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats {
    /// Those whose sessions may all live.
    pub both: BTreeSet<Safe>,
    /// Those of whom a region lists sessions on silent hosts only: nobody knows whether they still live.
    pub unproven: BTreeSet<Safe>,
    /// How many users there are in all.
    pub of: usize,
}

/// Who sits in both regions of a service; `None`: not known whole.
///
/// The broker keeps listing sessions of hosts that are gone. A host of which nobody knows anything counts
/// as alive: it is the person in both who must not be missed.
pub fn seats(picture: &Picture, service: usize) -> Option<Seats> {
    let (one, two) = (users(picture, service, Side::Primary)?, users(picture, service, Side::Secondary)?);
    let listed: BTreeSet<Safe> = one.intersection(&two).cloned().collect();
    let of = one.len() + two.len() - listed.len();
    let mut both = listed.clone();
    for side in Side::BOTH.into_iter().filter(|_| !listed.is_empty()) {
        let source = Source::Hosts(service, side);
        let looked = picture.last(&source).map(|look| look.at);
        let silent: HashSet<&str> = hosts(picture, &source)
            .zip(looked)
            .map(|(all, looked)| all.seen().iter().filter(move |host| host.is_silent(looked)))
            .map(|silent| silent.map(|host| host.id.key()).collect())
            .unwrap_or_default();
        let all = sessions(picture, &Source::Sessions(service, side))?.complete()?;
        let lives =
            |session: &&UserSession| session.id.parent_key().is_none_or(|host| !silent.contains(host));
        let alive: HashSet<String> =
            all.iter().filter(lives).map(|session| session.user.as_str().to_lowercase()).collect();
        both.retain(|user| alive.contains(user.as_str()));
    }
    let unproven = listed.difference(&both).cloned().collect();
    Some(Seats { both, unproven, of })
}
