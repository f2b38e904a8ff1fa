//! Why what Azure lists of a host or of a session on it is not what is: a host that is off or silent says
//! nothing for itself.

use std::collections::HashMap;

use crate::domain::{
    Answer, Listing, Side, Source,
    compute::VirtualMachine,
    machines::{Machines, Standing},
    picture::Picture,
    pool::{Pulse, SessionHost, SessionState, UserSession},
    standing,
    time::{Timestamp, second_text},
};

use super::{plight, table::Field};

/// Why what is listed is not what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    /// Its host is switched off: nobody sits behind it. When that was heard of last.
    HostOff(Option<Timestamp>),
    /// Its host did not report when it was looked at last, and when it did last: nobody may sit behind it.
    HostSilent(Option<Timestamp>),
    /// The same of a host that may be off as well.
    HostUnsure(Option<Timestamp>),
    /// Nobody knows when its host reported last.
    HostUnknown,
    /// Its host is not in the list of hosts.
    HostUnlisted,
    /// The answer, which was in then, is too old.
    Old(Timestamp),
}

impl Doubt {
    /// `old`: when the list of sessions was in, where it does not stand any more for what there is now.
    pub(super) fn of(session: &UserSession, old: Option<Timestamp>, beats: &Beats<'_>) -> Self {
        let host = session.id.parent_key().and_then(|host| beats.hosts.get(host)).copied();
        match (host, old) {
            (Some(doubt), _) if doubt != Self::None => doubt,
            (None, _) if beats.whole => Self::HostUnlisted,
            (_, None) => Self::None,
            (_, Some(at)) => Self::Old(at),
        }
    }

    /// Of a host at `now`, whose machine stands like this.
    pub(super) fn of_host(host: &SessionHost, machine: Standing, now: Timestamp) -> Self {
        let at = host.heartbeat.at();
        match (host.pulse(now), machine) {
            (Pulse::Silent, Standing::Off) => Self::HostOff(at),
            (Pulse::Silent, Standing::Unknown) => Self::HostUnsure(at),
            (Pulse::Silent, Standing::On | Standing::Starting) => Self::HostSilent(at),
            (Pulse::Unknown, _) => Self::HostUnknown,
            (Pulse::Beats, _) => Self::None,
        }
    }

    /// Since when nothing has been heard, where that is older than the answer that tells it.
    pub(super) fn since(self) -> Option<Timestamp> {
        match self {
            Self::HostOff(at) | Self::HostSilent(at) | Self::HostUnsure(at) => at,
            Self::Old(at) => Some(at),
            Self::None | Self::HostUnknown | Self::HostUnlisted => None,
        }
    }

    /// The state in words that do not claim more than is known.
    pub(super) fn said(self, state: &str) -> String {
        // As a moment: a row is kept while time passes.
        let since = self.since().map(|at| format!(" since {}", second_text(at))).unwrap_or_default();
        match self {
            Self::None => state.to_owned(),
            Self::HostOff(None) => format!("last told: {state}, host off"),
            Self::HostOff(_) => format!("last told: {state}, host off, not heard{since}"),
            Self::HostSilent(_) => format!("last told: {state}, host silent{since}"),
            Self::HostUnsure(_) => format!("last told: {state}, host off or silent{since}"),
            Self::HostUnknown => format!("last told: {state}, heartbeat of its host not known"),
            Self::HostUnlisted => format!("last told: {state}, host not listed"),
            Self::Old(_) => format!("last told: {state}, not read{since}"),
        }
    }

    pub(super) fn field(self, state: &SessionState) -> Field {
        let short = match state {
            SessionState::Disconnected => "Discon",
            state => state.word(),
        };
        let mark = if self == Self::None { "" } else { "?" };
        Field::short(format!("{short}{mark}"), self.said(state.word()))
    }
}

/// The hosts behind a list of sessions, as they were looked at last: what Azure lists on one that did not
/// beat proves nothing.
#[derive(Debug, Default)]
pub(super) struct Beats<'a> {
    /// What speaks against each, as far as that is known. By borrowed key: an estate may list 100,000 sessions
    /// on 10,000 hosts.
    hosts: HashMap<&'a str, Doubt>,
    /// Whether the list was read to its end.
    whole: bool,
}

impl<'a> Beats<'a> {
    pub(super) fn of(picture: &'a Picture, source: &Source, now: Timestamp) -> Self {
        let Source::Sessions(service, side) = source else { return Self::default() };
        let Some(look) = picture.last(&Source::Hosts(*service, *side)) else { return Self::default() };
        let Answer::Hosts(all) = &look.answer else { return Self::default() };
        let held = Held::of(picture, *side, now);
        let doubt = |host: &SessionHost| Doubt::of_host(host, held.standing(host, now), look.at);
        let hosts = all.seen().iter().map(|host| (host.id.key(), doubt(host))).collect();
        Self { hosts, whole: all.complete().is_some() }
    }
}

/// What Compute says of the machines of a side, where that was read whole and still stands for what there is now: of a host that
/// fell silent since it does not tell whether it is off.
#[derive(Debug)]
pub(super) struct Held<'a>(Option<Machines<'a>>);

impl<'a> Held<'a> {
    pub(super) fn of(picture: &'a Picture, side: Side, now: Timestamp) -> Self {
        Self(whole(picture, side, now).map(Machines::listed))
    }

    /// The same of one host alone.
    pub(super) fn of_host(picture: &'a Picture, side: Side, host: &SessionHost, now: Timestamp) -> Self {
        let own = |machine: &&VirtualMachine| Some(&machine.id) == host.vm.as_ref();
        let found = |all: &'a Listing<VirtualMachine>| {
            all.seen().iter().find(own).map_or(&[][..], std::slice::from_ref)
        };
        Self(whole(picture, side, now).map(|all| Machines::among(found(all))))
    }

    /// What the machine behind a host does.
    pub(super) fn standing(&self, host: &SessionHost, now: Timestamp) -> Standing {
        self.0.as_ref().map_or(Standing::Unknown, |machines| machines.standing(host, now))
    }
}

/// The machines of a side where that list was read whole and still stands for what there is now.
fn whole(picture: &Picture, side: Side, now: Timestamp) -> Option<&Listing<VirtualMachine>> {
    let source = Source::Machines(side);
    let holds = plight::holds(picture, &source, now);
    standing::machines(picture, &source).filter(|all| holds && all.complete().is_some())
}
