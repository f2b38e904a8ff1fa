//! Killer items about the side that is opened.

use std::collections::BTreeSet;

use crate::{
    domain::{
        Answer, ArmId, Operation, Safe, Side, Source,
        access::LockLevel,
        compute::Power,
        pool::{ApplicationGroup, SessionHost, UserSession},
        standing::{HolderKind, holder_kind},
        text::counted,
        time::time_text,
    },
    runbook::{Action, seen::Missing},
};

use super::{
    judge::{Evidence, Told},
    leaving::with_accepted,
    rights,
};

/// Share of the baseline's users that must be back before the ramp is over, in percent.
const USERS_BACK_PERCENT: u32 = 50;

impl Evidence<'_> {
    pub(super) fn standby_capacity(&self) -> Told {
        let (index, to) = (self.index(), self.to());
        let hosts = self.seen.hosts(index, to)?;
        let limit = self.seen.pool(index, to)?.session_limit;
        let people = Source::Sessions(index, self.from());
        if self.tried_at(&people).is_none_or(|at| at < self.seen.since) {
            self.seen.look(&people)?;
        }
        let usable = hosts.iter().filter(|host| host.usable(self.seen.now)).count() as u32;
        let room = usable.saturating_mul(limit);
        let Some(need) = self.need() else { return self.all_the_room_there_is(usable, hosts.len()) };
        Ok((
            room >= need && usable > 0,
            format!("{usable} of {} usable, room for {room}, needed {need}", hosts.len()),
        ))
    }

    /// Nobody knows how many sessions there were, and the side that could tell is dead: everything that
    /// can be started has to be.
    fn all_the_room_there_is(&self, usable: u32, all: usize) -> Told {
        let (index, to) = (self.index(), self.to());
        if !self.need_unknowable() {
            return Err(Missing {
                source: Source::Sessions(index, self.from()),
                why: Safe::new("the number of sessions to carry is not known"),
            });
        }
        let machines = self.seen.machines(to)?;
        let off = |host: &&SessionHost| {
            let tried = self.run.of_action(Action::StartStandby).is_some_and(|(_, step)| {
                step.given_up().any(|key| key.strip_prefix("start ") == Some(host.short_name()))
            });
            let machine = machines.iter().find(|machine| Some(&machine.id) == host.vm.as_ref());
            !tried
                && machine
                    .is_some_and(|machine| matches!(machine.power, Some(Power::Deallocated | Power::Stopped)))
        };
        let off = self.seen.hosts(index, to)?.iter().filter(off).count();
        let value = format!("{usable} of {all} usable, {off} off; how many sessions there were is not known");
        Ok((usable > 0 && off == 0, value))
    }

    pub(super) fn standby_admits(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.to())?;
        let refusing: Vec<&str> = hosts
            .iter()
            .filter(|host| {
                host.status.takes_users() && host.beats(self.seen.now) && host.accepts != Some(true)
            })
            .map(SessionHost::short_name)
            .collect();
        let usable = hosts.iter().filter(|host| host.usable(self.seen.now)).count();
        if refusing.is_empty() {
            return Ok((usable > 0, format!("{usable} accept new sessions")));
        }
        Ok((false, format!("{} refuse: {}", refusing.len(), refusing.join(", "))))
    }

    pub(super) fn directory_up(&self) -> Told {
        if self.estate.directory[self.to()].is_empty() {
            return Ok((true, "not configured".to_owned()));
        }
        let source = Source::Directory(self.to());
        let Answer::Directory(listing) = &self.seen.look(&source)?.answer else {
            return Err(Missing { source, why: Safe::new("unexpected answer") });
        };
        // A server whose health did not answer counts as up, and leaves the list not whole.
        let Some(servers) = listing.complete() else {
            return Err(Missing { source, why: Safe::new("not every directory server answered") });
        };
        let up = servers.iter().filter(|server| server.up()).count();
        Ok((up > 0, format!("{up} of {} up", self.estate.directory[self.to()].len())))
    }

    pub(super) fn standby_shares(&self) -> Told {
        let accounts = &self.service().sides[self.to()].accounts;
        if accounts.is_empty() {
            return Ok((true, "not configured".to_owned()));
        }
        let source = Source::Storage(self.index(), self.to());
        let Answer::Storage(listing) = &self.seen.look(&source)?.answer else {
            return Err(Missing { source, why: Safe::new("unexpected answer") });
        };
        let Some(seen) = listing.complete() else {
            return Err(Missing { source, why: Safe::new("not every account answered") });
        };
        let up = seen.iter().filter(|account| account.available()).count();
        Ok((up == accounts.len(), format!("{up} of {} available", accounts.len())))
    }

    pub(super) fn standby_published(&self) -> Told {
        let source = Source::Groups(self.index(), self.to());
        let Answer::Groups(listing) = &self.seen.look(&source)?.answer else {
            return Err(Missing { source, why: Safe::new("unexpected answer") });
        };
        let Some(groups) = listing.complete() else {
            return Err(Missing { source, why: Safe::new("not every application group answered") });
        };
        let published = self.published()?;
        let is_hidden = |group: &&ApplicationGroup| {
            group.workspace.is_none() || published.is_some_and(|listed| !listed.contains(&group.id))
        };
        let hidden: Vec<&str> = groups.iter().filter(is_hidden).map(|group| group.id.name()).collect();
        if hidden.is_empty() {
            return Ok((true, format!("{} of {} in a workspace", groups.len(), groups.len())));
        }
        Ok((false, format!("in no workspace: {}", hidden.join(", "))))
    }

    /// What the workspace of the standby says it publishes; `None`: none is configured, so that the
    /// groups' own word stands alone.
    fn published(&self) -> Result<Option<&[ArmId]>, Missing> {
        let source = Source::Workspace(self.index(), self.to());
        match &self.seen.look(&source)?.answer {
            Answer::Workspace(workspace) => {
                Ok(workspace.as_ref().map(|workspace| workspace.group_references.as_slice()))
            }
            _ => Err(Missing { source, why: Safe::new("unexpected answer") }),
        }
    }

    pub(super) fn plan_held(&self, side: Side) -> Told {
        let pool = &self.service().sides[side].pool;
        let plans = self.seen.plans(self.index(), side)?;
        let acting: Vec<&str> = plans
            .iter()
            .filter(|plan| plan.enabled_for(pool) == Some(true))
            .map(|plan| plan.id.name())
            .collect();
        if acting.is_empty() {
            return Ok((true, format!("{}: no plan acts", self.code(side))));
        }
        Ok((false, format!("{}: {} acts", self.code(side), acting.join(", "))))
    }

    pub(super) fn rights(&self) -> Told {
        let mut lacking = Vec::new();
        let needed = rights::needed(self.estate, &self.run.plan, &self.seen)?;
        for (scope, action) in &needed {
            let source = Source::Permissions(scope.clone());
            let Answer::Permissions(permissions) = &self.seen.look(&source)?.answer else {
                return Err(Missing { source, why: Safe::new("unexpected answer") });
            };
            if !permissions.allow(action) {
                lacking.push(format!("{action} on {}", scope.name()));
            }
        }
        if lacking.is_empty() {
            return Ok((
                true,
                format!("{} rights on {} scopes", needed.len(), rights::scopes(&needed).len()),
            ));
        }
        Ok((false, format!("missing: {}", lacking.join(", "))))
    }

    pub(super) fn no_locks(&self) -> Told {
        let needed = rights::needed(self.estate, &self.run.plan, &self.seen)?;
        let mut found = BTreeSet::new();
        for scope in rights::scopes(&needed) {
            let source = Source::Locks(scope.clone());
            let Answer::Locks(listing) = &self.seen.look(&source)?.answer else {
                return Err(Missing { source, why: Safe::new("unexpected answer") });
            };
            let Some(locks) = listing.complete() else {
                return Err(Missing { source, why: Safe::new("the list of locks is not whole") });
            };
            found.extend(locks.iter().map(|lock| {
                let level = match &lock.level {
                    LockLevel::CanNotDelete => "CanNotDelete",
                    LockLevel::ReadOnly => "ReadOnly",
                    LockLevel::Other(word) => word.as_str(),
                };
                format!("{level} {}", lock.id.name())
            }));
        }
        if found.is_empty() {
            return Ok((true, "no locks".to_owned()));
        }
        Ok((false, found.into_iter().collect::<Vec<_>>().join(", ")))
    }

    pub(super) fn holders_accounted(&self) -> Told {
        let mut open = BTreeSet::new();
        let mut counted = 0;
        let moved = self.run.plan.moved_principals();
        let planned = self.service().principals();
        for side in [self.from(), self.to()] {
            for held in self.seen.assignments(self.index(), side)? {
                let Some(kind) = holder_kind(self.service(), held, &moved) else { continue };
                counted += 1;
                let principal = &held.assignment.principal;
                // Whoever is to be granted the other side cannot be left on any group of this one.
                let stays = side == self.from() && planned.iter().any(|known| known.id == *principal);
                let left = self.run.left_holders.contains(principal) && !stays;
                if (kind == HolderKind::Unaccounted && !left) || (kind == HolderKind::Excepted && stays) {
                    open.insert(format!("{} on {}", principal.as_str(), held.group.name()));
                }
            }
        }
        if open.is_empty() {
            return Ok((true, format!("{counted} holders, each planned, excepted or left")));
        }
        Ok((false, format!("not accounted for: {}", open.into_iter().collect::<Vec<_>>().join(", "))))
    }

    pub(super) fn nothing_inherited(&self) -> Told {
        let mut found = BTreeSet::new();
        let moved = self.run.plan.moved_principals();
        for side in [self.from(), self.to()] {
            for held in self.seen.assignments(self.index(), side)? {
                if holder_kind(self.service(), held, &moved) == Some(HolderKind::PlannedInherited) {
                    found.insert(format!(
                        "{} from {}",
                        held.assignment.principal.as_str(),
                        held.assignment.scope.name()
                    ));
                }
            }
        }
        if found.is_empty() {
            return Ok((true, "no planned principal inherits the role".to_owned()));
        }
        Ok((false, format!("cannot be revoked here: {}", found.into_iter().collect::<Vec<_>>().join(", "))))
    }

    pub(super) fn holders_on_standby(&self) -> Told {
        let held = self.seen.assignments(self.index(), self.to())?;
        let mut missing = Vec::new();
        let (mut planned, mut accepted) = (0, 0);
        let spared = self.spared(Action::GrantStandby);
        let moved = self.run.plan.moved_too.iter().map(|moved| (&moved.group, &moved.principal));
        let groups = self.service().groups.iter();
        for (code, principal) in
            groups.flat_map(|group| group.principals.iter().map(move |who| (&group.code, who))).chain(moved)
        {
            planned += 1;
            let scope = self
                .service()
                .groups
                .iter()
                .find(|group| group.code == *code)
                .map(|group| &group.ids[self.to()]);
            let holds = held.iter().any(|held| {
                Some(&held.group) == scope
                    && held.assignment.lets_use()
                    && held.assignment.principal == principal.id
            });
            let spared = || {
                spared.iter().any(|done| {
                    matches!(done, Operation::Grant { scope: at, principal: who, .. } if Some(at) == scope && *who == principal.id)
                })
            };
            match holds {
                true => {}
                false if spared() => accepted += 1,
                false => missing.push(format!("{}@{code}", principal.name)),
            }
        }
        if missing.is_empty() {
            let hold = format!("{} of {planned} hold {}", planned - accepted, self.code(self.to()));
            return Ok((true, with_accepted(hold, accepted)));
        }
        Ok((false, format!("missing: {}", missing.join(", "))))
    }

    pub(super) fn first_user(&self) -> Told {
        let (index, to) = (self.index(), self.to());
        let sessions = self.seen.sessions(index, to)?;
        let hosts = self.seen.hosts(index, to)?;
        let works = |session: &&UserSession| {
            session.state == crate::domain::pool::SessionState::Active
                && hosts
                    .iter()
                    .any(|host| Some(&host.id) == session.host().as_ref() && host.beats(self.seen.now))
        };
        let working = |told| sessions.iter().filter(works).filter(move |one| self.came_since(one) == told);
        if let Some(session) = working(Some(true)).next() {
            let host = session.host().map(|host| host.name().to_owned()).unwrap_or_default();
            return Ok((true, format!("{} works on {host}", session.user)));
        }
        // Until the grant has reached everyone, nobody's absence means anything.
        if let Some(by) = self.run.effective_by().filter(|by| *by > self.seen.now) {
            let why = format!("none active yet; the grant reaches everyone by {}", time_text(by));
            return Err(Missing { source: Source::Sessions(index, to), why: Safe::new(&why) });
        }
        if let undated @ 1.. = working(None).count() {
            return Err(self.undated(undated));
        }
        let since = time_text(self.run.opened_to_users());
        let count = sessions.len();
        Ok((false, format!("{count} sessions, none begun since {since} and active on a host that answers")))
    }

    /// Whether a session began after the grant: who was there before proves nothing about it.
    fn came_since(&self, session: &UserSession) -> Option<bool> {
        session.began_since(self.run.opened_to_users())
    }

    /// Of so many sessions of the side that is opened nobody knows whether they began before it was.
    pub(super) fn undated(&self, count: usize) -> Missing {
        let source = Source::Sessions(self.index(), self.to());
        let why = format!("by our clock nobody knows when {count} of them began");
        Missing { source, why: Safe::new(&why) }
    }

    pub(super) fn users_back(&self) -> Told {
        let sessions = self.seen.sessions(self.index(), self.to())?;
        let back = |told| sessions.iter().filter(move |session| self.came_since(session) == told);
        let users: BTreeSet<String> =
            back(Some(true)).map(|session| session.user.as_str().to_lowercase()).collect();
        let baseline = self.run.baseline_users.or(self.run.plan.users).ok_or_else(|| Missing {
            source: Source::Sessions(self.index(), self.from()),
            why: Safe::new("how many users there were was never read whole"),
        })?;
        let wanted = (baseline * USERS_BACK_PERCENT).div_ceil(100);
        let undated = back(None).count();
        if (users.len() as u32) < wanted && (users.len() + undated) as u32 >= wanted {
            return Err(self.undated(undated));
        }
        let users = users.len() as u32;
        Ok((users >= wanted, back_words(users, baseline, wanted)))
    }

    pub(super) fn plans_restored(&self) -> Told {
        let pool = &self.service().sides[self.to()].pool;
        let before = self.run.plans_before.iter().find(|(known, _)| known == pool).is_some_and(|(_, on)| *on);
        let plans = self.seen.plans(self.index(), self.to())?;
        let acting = plans.iter().any(|plan| plan.enabled_for(pool) == Some(true));
        Ok((
            acting == before || plans.is_empty(),
            format!("{}: {}", self.code(self.to()), if acting { "acts" } else { "off" }),
        ))
    }
}

/// By name nobody knows who of them was there before, so that the two numbers stand side by side.
fn back_words(users: u32, baseline: u32, wanted: u32) -> String {
    format!("{} signed in since, {baseline} were there before, {wanted} wanted", counted(users, "user"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_is_not_called_back() {
        assert_eq!(back_words(190, 178, 161), "190 users signed in since, 178 were there before, 161 wanted");
    }
}
