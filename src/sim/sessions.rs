//! User sessions as the service lists them, and what really became of them.

use std::collections::BTreeSet;

use super::{
    fault::FaultKind,
    hosts::Agent,
    moment::{MINUTE, Ms},
    world::World,
};

/// How long an ended session is remembered, for stale reads (60 s at most) and slow lists.
const REMEMBER: Ms = 2 * MINUTE;
/// After so many endings the list is swept.
const SWEEP: usize = 64;

/// The states people bring their sessions into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionState {
    Active,
    Disconnected,
}

impl SessionState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disconnected => "Disconnected",
        }
    }
}

/// One entry of the service's session list.
#[derive(Debug)]
pub(super) struct Session {
    /// Ours: no two ever share it.
    pub(super) id: u32,
    /// The one in its address: used again on its host once the session has ended.
    pub(super) number: u32,
    pub(super) host: usize,
    pub(super) person: usize,
    pub(super) group: usize,
    pub(super) created: Ms,
    state: SessionState,
    since: Ms,
    before: SessionState,
    ended: Option<Ms>,
    /// Listed, but there is no such session on the host.
    pub(super) ghost: bool,
}

impl Session {
    /// Whether the list shows it at `at`.
    pub(super) fn listed_at(&self, at: Ms) -> bool {
        self.created <= at && self.ended.is_none_or(|ended| ended > at)
    }

    /// Its state at `at`.
    pub(super) fn state_at(&self, at: Ms) -> SessionState {
        if at < self.since { self.before } else { self.state }
    }

    /// Whether it is listed now and really there.
    pub(super) fn is_real(&self) -> bool {
        self.ended.is_none() && !self.ghost
    }
}

/// Session numbers of one host, counted from 1.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// How many were ever in use at once.
    most: u32,
    free: BTreeSet<u32>,
}

impl Numbers {
    /// The smallest that is free.
    fn take(&mut self) -> u32 {
        self.free.pop_first().unwrap_or_else(|| {
            self.most += 1;
            self.most
        })
    }

    fn give_back(&mut self, number: u32) {
        self.free.insert(number);
    }
}

impl World {
    pub(super) fn add_session(
        &mut self,
        person: usize,
        host: usize,
        group: usize,
        state: SessionState,
        created: Ms,
    ) -> u32 {
        let id = self.next_session;
        self.next_session += 1;
        self.hosts[host].load += 1;
        let number = self.hosts[host].numbers.take();
        self.sessions.push(Session {
            id,
            number,
            host,
            person,
            group,
            created,
            state,
            since: created,
            before: state,
            ended: None,
            ghost: false,
        });
        id
    }

    fn place_of(&self, id: u32) -> Option<usize> {
        self.sessions.binary_search_by_key(&id, |s| s.id).ok()
    }

    /// The session of a host that has this number at `at`.
    pub(super) fn numbered_session(&self, host: usize, number: u32, at: Ms) -> Option<&Session> {
        self.sessions.iter().find(|s| s.host == host && s.number == number && s.listed_at(at))
    }

    /// A session that is still listed.
    pub(super) fn session(&self, id: u32) -> Option<&Session> {
        self.place_of(id).map(|at| &self.sessions[at]).filter(|s| s.ended.is_none())
    }

    /// Whether the session is there and its host can act on it.
    pub(super) fn reachable(&self, id: u32) -> bool {
        self.session(id).is_some_and(|s| !s.ghost && matches!(self.hosts[s.host].agent, Agent::Up { .. }))
    }

    /// Whether whatever ran on the host is gone, though lists may still show it.
    pub(super) fn is_gone(&self, host: usize) -> bool {
        !matches!(self.hosts[host].agent, Agent::Up { .. })
    }

    pub(super) fn set_session_state(&mut self, id: u32, state: SessionState) {
        let now = self.now;
        if let Some(at) = self.place_of(id) {
            let session = &mut self.sessions[at];
            if session.state != state {
                session.before = session.state;
                session.state = state;
                session.since = now;
            }
        }
    }

    /// Ends a session that is really there; its person has none afterwards.
    pub(super) fn end_session(&mut self, id: u32) {
        let Some(at) = self.place_of(id) else { return };
        let now = self.now;
        let session = &mut self.sessions[at];
        if session.ended.is_some() {
            return;
        }
        session.ended = Some(now);
        let (host, person, ghost, number) = (session.host, session.person, session.ghost, session.number);
        self.hosts[host].numbers.give_back(number);
        if !ghost {
            self.hosts[host].load = self.hosts[host].load.saturating_sub(1);
        }
        if self.people[person].session == Some(id) {
            self.people[person].session = None;
        }
        self.sweep();
    }

    /// The host starts empty: every entry of it goes, ghosts included, and its people try again.
    pub(super) fn clear_sessions(&mut self, host: usize) {
        let ids: Vec<u32> =
            self.sessions.iter().filter(|s| s.host == host && s.ended.is_none()).map(|s| s.id).collect();
        for id in ids {
            let own = self.session(id).map(|s| s.person).filter(|p| self.people[*p].session == Some(id));
            self.end_session(id);
            if let Some(person) = own {
                self.cut_off(person);
            }
        }
        self.hosts[host].load = 0;
    }

    /// The host vanished under its people. The list does not know; they look for another desktop.
    pub(super) fn strand_people(&mut self, host: usize) {
        let people: Vec<(u32, usize)> = self
            .sessions
            .iter()
            .filter(|s| s.host == host && s.is_real())
            .map(|s| (s.id, s.person))
            .collect();
        for (id, person) in people {
            if self.people[person].session == Some(id) {
                self.cut_off(person);
            }
        }
    }

    /// Turns sessions of a pool into entries nobody is behind.
    pub(super) fn haunt(&mut self, pool: usize, count: u32) {
        let hosts = self.top.pools[pool].hosts.clone();
        let ids: Vec<u32> = self
            .sessions
            .iter()
            .filter(|s| hosts.contains(&s.host) && s.is_real())
            .take(count as usize)
            .map(|s| s.id)
            .collect();
        for id in ids {
            if let Some(at) = self.place_of(id) {
                let session = &mut self.sessions[at];
                session.ghost = true;
                let (host, person) = (session.host, session.person);
                self.hosts[host].load = self.hosts[host].load.saturating_sub(1);
                self.cut_off(person);
            }
        }
    }

    /// How many sessions the service counts on a host at `at`, ghosts and stale ones included.
    pub(super) fn listed_on(&self, host: usize, at: Ms) -> usize {
        self.sessions.iter().filter(|s| s.host == host && s.listed_at(at)).count()
    }

    /// Listed sessions per host at `at`, for answers that show many hosts.
    pub(super) fn listed_counts(&self, hosts: &std::ops::Range<usize>, at: Ms) -> Vec<u32> {
        let mut counts = vec![0; hosts.len()];
        for session in &self.sessions {
            if hosts.contains(&session.host) && session.listed_at(at) {
                counts[session.host - hosts.start] += 1;
            }
        }
        counts
    }

    fn sweep(&mut self) {
        self.ended_sessions += 1;
        if self.ended_sessions >= SWEEP {
            self.ended_sessions = 0;
            let before = self.now - REMEMBER;
            self.sessions.retain(|s| s.ended.is_none_or(|ended| ended >= before));
        }
    }

    /// Whether a fault named in the closed list makes storage of a region unusable.
    pub(super) fn storage_gone(&self, region: super::Region) -> bool {
        self.is_dead(region) || self.suffers(FaultKind::Grey, region)
    }
}
