//! Why what Azure lists of a host or of a session on it is not what is: a host that is off or silent says
//! nothing for itself.

use std::collections::HashMap;

use crate::domain::{
    Answer, Source,
    machines::Machines,
    picture::Picture,
    pool::{Pulse, SessionHost, SessionState, UserSession},
    time::{Timestamp, second_text},
};

use super::table::Field;

/// Why what is listed is not what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    /// Its host is switched off: nobody sits behind it. When that was heard of last.
    HostOff(Option<Timestamp>),
    /// Its host did not report when it was looked at last, and when it did last: nobody may sit behind it.
    HostSilent(Option<Timestamp>),
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

    /// Of a host at `now`, whose machine is off or not.
    pub(super) fn of_host(host: &SessionHost, off: bool, now: Timestamp) -> Self {
        match host.pulse(now) {
            Pulse::Silent if off => Self::HostOff(host.heartbeat.at()),
            Pulse::Silent => Self::HostSilent(host.heartbeat.at()),
            Pulse::Unknown => Self::HostUnknown,
            Pulse::Beats => Self::None,
        }
    }

    /// Since when nothing has been heard, where that is older than the answer that tells it.
    pub(super) fn since(self) -> Option<Timestamp> {
        match self {
            Self::HostOff(at) | Self::HostSilent(at) => at,
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
    pub(super) fn of(picture: &'a Picture, source: &Source) -> Self {
        let Source::Sessions(service, side) = source else { return Self::default() };
        let Some(look) = picture.last(&Source::Hosts(*service, *side)) else { return Self::default() };
        let Answer::Hosts(all) = &look.answer else { return Self::default() };
        let machines = Machines::of(picture, *side);
        let doubt = |host: &SessionHost| Doubt::of_host(host, machines.is_off(host), look.at);
        let hosts = all.seen().iter().map(|host| (host.id.key(), doubt(host))).collect();
        Self { hosts, whole: all.complete().is_some() }
    }
}
