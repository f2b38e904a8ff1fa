//! The people: they sign in where they are allowed to and find room, and react to what is done to them.

use super::{
    moment::{Ms, Span},
    sessions::SessionState,
    spec::{Balancing, Region},
    world::{Event, World},
};

/// Share of stretches of work that end at home instead of in a pause, in percent.
const HOME_PERCENT: u32 = 25;

/// What a person means to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    SignIn,
    SignOut,
    /// Saves and leaves because a message asked for it.
    Obey,
    /// Leaves the session open and goes for a while.
    Pause,
}

/// One simulated person.
#[derive(Debug)]
pub(super) struct Person {
    /// Counts intentions, so that an overtaken one does nothing.
    turn: u32,
    next: Act,
    pub(super) session: Option<u32>,
    /// Wants a desktop now.
    pub(super) at_work: bool,
    /// Where they last worked; tried first when both sides would have them.
    habit: Region,
}

impl Person {
    pub(super) fn new() -> Self {
        Self { turn: 0, next: Act::SignIn, session: None, at_work: true, habit: Region::Primary }
    }
}

impl World {
    /// The person will do `act` after a while, instead of anything they meant before.
    pub(super) fn intend(&mut self, who: usize, act: Act, after: Span) {
        let delay = after.draw(&mut self.rng);
        let person = &mut self.people[who];
        person.turn += 1;
        person.next = act;
        let turn = person.turn;
        self.push(self.now + delay, Event::Person { who, turn });
    }

    /// The person is not at work and comes some time later, if people come and go in this world.
    pub(super) fn stay_away(&mut self, who: usize) {
        self.people[who].at_work = false;
        self.people[who].turn += 1;
        let pause = self.spec.people.pause;
        if pause.max > 0 {
            self.intend(who, Act::SignIn, pause);
        }
    }

    /// The person works for a stretch.
    pub(super) fn work_on(&mut self, who: usize) {
        self.people[who].at_work = true;
        self.people[who].turn += 1;
        let work = self.spec.people.work;
        if work.max > 0 {
            let home = self.rng.u32(0..100) < HOME_PERCENT;
            self.intend(who, if home { Act::SignOut } else { Act::Pause }, work);
        }
    }

    pub(super) fn person_acts(&mut self, who: usize, turn: u32) {
        if self.people[who].turn != turn {
            return;
        }
        let people = self.spec.people.clone();
        let own = self.people[who].session;
        match (self.people[who].next, own) {
            (Act::SignIn, _) => self.sign_in(who),
            (act @ (Act::SignOut | Act::Obey), Some(id)) if self.reachable(id) => {
                self.end_session(id);
                let back = if act == Act::Obey { people.come_back } else { people.pause };
                self.intend(who, Act::SignIn, back);
            }
            (Act::Pause, Some(id)) if self.reachable(id) => {
                self.set_session_state(id, SessionState::Disconnected);
                self.intend(who, Act::SignIn, people.pause);
            }
            (Act::SignOut | Act::Obey | Act::Pause, _) => {}
        }
    }

    /// A message arrived in the person's session: some save and leave, and try again later.
    pub(super) fn told(&mut self, who: usize) {
        let people = self.spec.people.clone();
        if self.rng.u32(0..100) < people.leave_percent {
            self.intend(who, Act::Obey, people.leave_after);
        }
    }

    /// The person lost the session without wanting to and will try again.
    pub(super) fn cut_off(&mut self, who: usize) {
        self.people[who].session = None;
        if self.people[who].at_work {
            let after = self.spec.people.reconnect;
            self.intend(who, Act::SignIn, after);
        }
    }

    /// The people of a group look at their feed soon, because something changed in it.
    pub(super) fn stir(&mut self, principal: usize) {
        let top = self.top.clone();
        let after = self.spec.people.reconnect;
        for (who, person) in top.people.iter().enumerate() {
            if person.principal == principal && self.people[who].at_work && self.people[who].session.is_none()
            {
                self.intend(who, Act::SignIn, after);
            }
        }
    }

    fn sign_in(&mut self, who: usize) {
        self.people[who].at_work = true;
        let principal = self.top.people[who].principal;
        let own = self.people[who]
            .session
            .and_then(|id| self.session(id))
            .map(|s| (s.id, s.host, s.group, s.ghost));
        if let Some((id, host, group, ghost)) = own
            && !ghost
            && self.serves(host, self.top.host_region(host))
            && self.admitted(principal, group)
        {
            self.set_session_state(id, SessionState::Active);
            self.work_on(who);
            return;
        }
        let habit = self.people[who].habit;
        for region in [habit, habit.other()] {
            let Some(group) = self.group_for(principal, region) else { continue };
            if let Some(host) = self.host_with_room(self.top.groups[group].pool) {
                self.people[who].habit = region;
                self.open_session(who, host, group, SessionState::Active, self.now);
                self.work_on(who);
                return;
            }
        }
        let retry = self.spec.people.retry;
        self.intend(who, Act::SignIn, retry);
    }

    /// The first application group of a region in the person's feed.
    fn group_for(&self, principal: usize, region: Region) -> Option<usize> {
        self.top.groups_in(region, None).find(|group| self.admitted(principal, *group))
    }

    /// Whether a group of people has an application group in its feed and may use it.
    fn admitted(&self, principal: usize, group: usize) -> bool {
        self.entitled(principal, group, self.now) && self.published(group)
    }

    /// Whether some workspace shows the application group.
    pub(super) fn published(&self, group: usize) -> bool {
        self.workspaces.iter().flatten().any(|r| r.group == Some(group))
    }

    /// The host the pool's rule picks for a new session.
    fn host_with_room(&self, pool: usize) -> Option<usize> {
        let pool = &self.top.pools[pool];
        let open = pool.hosts.clone().filter(|host| self.takes_users(*host));
        match pool.balancing {
            Balancing::BreadthFirst => open.min_by_key(|host| (self.hosts[*host].load, *host)),
            Balancing::DepthFirst => open.max_by_key(|host| (self.hosts[*host].load, usize::MAX - *host)),
        }
    }

    /// Opens a session and watches that the person does not work in two regions.
    pub(super) fn open_session(
        &mut self,
        who: usize,
        host: usize,
        group: usize,
        state: SessionState,
        created: Ms,
    ) {
        let region = self.top.host_region(host);
        // A person's earlier session is the one they hold; entries on lost hosts are nobody's.
        let held = self.people[who].session.and_then(|id| self.session(id));
        let elsewhere = held
            .is_some_and(|s| s.is_real() && self.top.host_region(s.host) != region && !self.is_gone(s.host));
        if elsewhere {
            let upn = &self.top.people[who].upn;
            self.violations
                .push(format!("{}: {upn} has sessions in both regions", super::moment::Iso(self.now)));
        }
        let id = self.add_session(who, host, group, state, created);
        self.people[who].session = Some(id);
    }
}
