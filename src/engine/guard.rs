//! The grant guard: a principal is granted on the standby only when nobody can be in both
//! pools, or when the dead side is fenced by evidence and a person took it as a debt.

use std::collections::BTreeSet;

use crate::{
    domain::{
        ArmId, Operation, Safe, Source,
        access::PrincipalId,
        seeded::{Mistake, planted},
        standing,
        text::counted,
        time::{Span, Timestamp, seconds},
    },
    runbook::{Action, Killer, PlannedStep},
};

use super::{
    event::Acknowledgement,
    judge::{EMPTY_APART, GONE_APART},
    machine::{Engine, Token},
    run::{ItemMark, ItemRun, StepMark},
    step_run::subject,
    way_back::WayBack,
};

/// Pause between two looks of the guard.
const GUARD_PACE: Span = seconds(15);

/// Every look the guard relies on began at most so long ago: two of its paces, the age a gate
/// accepts as well. Older ones say nothing about now, however they came to be heard so late: the
/// process stood still, the disk was slow.
const GUARD_FRESH: Span = seconds(30);

/// What the guard says.
pub(super) enum Guarded {
    /// The grant may leave; the evidence goes to the journal.
    Open(Safe),
    /// Not now.
    Shut(Safe),
    /// Not as things stand: waiting does not help.
    Never(Safe),
}

/// `since`, or the moment before which a look is too old for the guard.
fn fresh(since: Timestamp, now: Timestamp) -> Timestamp {
    now.checked_sub(GUARD_FRESH).map_or(since, |limit| since.max(limit))
}

impl Engine {
    /// Asks the guard for the operation of a step, by looks that began at or after `since` and not long
    /// ago; `None`: it needs none. Looks that are missing are ordered.
    pub(super) fn guard(
        &mut self,
        step: usize,
        operation: &Operation,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<Guarded> {
        let Operation::Grant { principal, .. } = operation else { return None };
        match self.run.plan.steps[step].action {
            Some(Action::GrantStandby) => Some(self.guard_grant(step, principal, since, now)),
            Some(Action::RegrantActive) => {
                self.want_killers(step, &[Killer::StandbyNotOpened], since, GUARD_PACE, now);
                Some(self.guard_regrant(step, since, now))
            }
            _ => None,
        }
    }

    /// The side that is left is granted again only while nobody was let in on the other one; where that
    /// one cannot be seen, only on the word of a person.
    fn guard_regrant(&self, step: usize, since: Timestamp, now: Timestamp) -> Guarded {
        match self.evidence(step, fresh(since, now), now).way_back() {
            WayBack::Open(value) => Guarded::Open(value),
            WayBack::Unseen(value) if self.took_unseen(step) => {
                Guarded::Open(Safe::new(&format!("{value}, acknowledged")))
            }
            WayBack::Unseen(value) | WayBack::Unknown(value) => Guarded::Shut(value),
            WayBack::Shut(value) => Guarded::Never(value),
        }
    }

    /// Asks the guard for one principal, by looks that began at or after `since` and not long ago.
    /// Looks that are missing are ordered.
    fn guard_grant(
        &mut self,
        step: usize,
        principal: &PrincipalId,
        since: Timestamp,
        now: Timestamp,
    ) -> Guarded {
        let (index, from) = (self.run.plan.service_index, self.run.plan.from);
        for id in self.known_assignments(principal) {
            self.want(Source::Assignment(id), since, GUARD_PACE);
        }
        self.want(Source::Assignments(index, from), since, GUARD_PACE);
        self.want(Source::Sessions(index, from), since, GUARD_PACE);
        if self.may_fence(step) {
            for source in self.evidence(step, since, now).death_sources() {
                self.want(source, since, GUARD_PACE);
            }
        }
        self.guarded(step, principal, since, now)
    }

    /// What the guard says to what was seen, without ordering anything.
    fn guarded(&self, step: usize, principal: &PrincipalId, since: Timestamp, now: Timestamp) -> Guarded {
        let since = fresh(since, now);
        match self.clean(step, principal, since, now) {
            Ok(evidence) => Guarded::Open(evidence),
            Err(why) => match self.fenced(step, principal, since, now) {
                Some(Ok(evidence)) => Guarded::Open(evidence),
                Some(Err(fence)) => Guarded::Shut(Safe::new(&format!("{why}; {fence}"))),
                None => Guarded::Shut(why),
            },
        }
    }

    /// Why a grant whose intent is durable by now may not leave any more: until then its evidence
    /// may have aged, or been overtaken.
    pub(super) fn outdated(&self, token: &Token, now: Timestamp) -> Option<Safe> {
        let planned = &self.run.plan.steps[token.step];
        if self.run.steps[token.step].mark != StepMark::Working {
            return Some(Safe::new("not sent: the step is no longer at work"));
        }
        let item = self.run.steps[token.step].items.iter().find(|item| item.key == token.item)?;
        let Some(Operation::Grant { principal, .. }) = &item.operation else { return None };
        let guarded = match planned.action {
            Some(Action::GrantStandby) if planted(Mistake::GuardOnce) && token.attempt > 1 => return None,
            Some(Action::GrantStandby) => self.guarded(token.step, principal, Timestamp::MIN, now),
            Some(Action::RegrantActive) => self.guard_regrant(token.step, Timestamp::MIN, now),
            _ => return None,
        };
        match guarded {
            Guarded::Open(_) => None,
            Guarded::Shut(why) | Guarded::Never(why) => {
                Some(Safe::new(&format!("not sent: what let it go no longer holds or is too old ({why})")))
            }
        }
    }

    /// Until when the looks count on which the guard lets a grant go now; `None`: it needs none.
    pub(super) fn guarded_until(&self, token: &Token, now: Timestamp) -> Option<Timestamp> {
        let item = self.run.steps[token.step].items.iter().find(|item| item.key == token.item)?;
        let Some(Operation::Grant { principal, .. }) = &item.operation else { return None };
        let since = fresh(Timestamp::MIN, now);
        let evidence = self.evidence(token.step, since, now);
        let sources = if self.run.plan.steps[token.step].action == Some(Action::GrantStandby) {
            let (index, from) = (self.run.plan.service_index, self.run.plan.from);
            let own = self.known_assignments(principal).into_iter().map(Source::Assignment);
            let side = [Source::Assignments(index, from), Source::Sessions(index, from)];
            let dead = self.may_fence(token.step).then(|| evidence.death_sources());
            own.chain(side).chain(dead.into_iter().flatten()).collect()
        } else {
            evidence.sources(Killer::StandbyNotOpened)
        };
        // What was neither answered nor tried lately had no part in it; an answer may have a part in it
        // although a later try failed.
        let answered = sources.iter().filter_map(|source| Some(self.picture.last(source)?.started));
        let tried = sources.iter().filter_map(|source| evidence.tried_at(source));
        let lately = answered.chain(tried).filter(|at| *at >= since);
        lately.min().map(|oldest| oldest + GUARD_FRESH)
    }

    /// Way (a): every assignment of the principal on the active side is gone twice, nothing at
    /// or above those groups grants the role, and the side is empty twice.
    fn clean(
        &self,
        step: usize,
        principal: &PrincipalId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Safe, Safe> {
        let (index, from) = (self.run.plan.service_index, self.run.plan.from);
        let code = &self.run.plan.codes[from];
        let known = self.known_assignments(principal);
        let seen = self.evidence(step, since, now).seen;
        let missing = |missing: crate::runbook::seen::Missing| {
            Safe::new(&format!("{}: {}", missing.source.word(), missing.why))
        };
        let held = seen.assignments(index, from).map_err(missing)?;
        // Any group of the side counts, planned or not: the principal's users could land there.
        let holds =
            held.iter().any(|held| held.assignment.principal == *principal && held.assignment.lets_use());
        if holds {
            return Err(Safe::new(&format!("it still holds {code}")));
        }
        for id in &known {
            seen.look(&Source::Assignment(id.clone())).map_err(missing)?;
            if !self.streaks.gone_twice(id, GONE_APART) {
                return Err(Safe::new(&format!("{} was seen gone only once", id.name())));
            }
        }
        let sessions = seen.sessions(index, from).map_err(missing)?;
        if !sessions.is_empty() {
            return Err(Safe::new(&format!("{} in {code}", counted(sessions.len(), "session"))));
        }
        if !self.streaks.empty_twice(index, from, EMPTY_APART) {
            return Err(Safe::new(&format!("{code} was seen empty for less than 60 s")));
        }
        Ok(Safe::new(&format!(
            "clean: {} gone twice, nothing inherited, {code} empty twice",
            counted(known.len(), "assignment")
        )))
    }

    /// Assignments of the principal on the active side that the run has seen or revoked.
    fn known_assignments(&self, principal: &PrincipalId) -> Vec<crate::domain::ArmId> {
        let Some((_, revoke)) = self.run.of_action(Action::RevokeActive) else { return Vec::new() };
        let all = revoke.past.iter().chain(&revoke.items);
        let ids: BTreeSet<ArmId> = self
            .about(principal, all)
            .into_iter()
            .filter_map(|item| match &item.operation {
                Some(Operation::Revoke { assignment, .. }) => Some(assignment.clone()),
                _ => None,
            })
            .collect();
        ids.into_iter().collect()
    }

    /// Those items of the revoke that are about the principal, planned or moved too.
    fn about<'a>(
        &self,
        principal: &PrincipalId,
        items: impl Iterator<Item = &'a ItemRun>,
    ) -> Vec<&'a ItemRun> {
        let service = &self.context.estate.services[self.run.plan.service_index];
        let planned = service
            .groups
            .iter()
            .flat_map(|group| group.principals.iter().map(move |principal| (group.code.as_str(), principal)));
        let moved = self.run.plan.moved_too.iter().map(|moved| (moved.group.as_str(), &moved.principal));
        let names: Vec<String> = planned
            .chain(moved)
            .filter(|(_, who)| who.id == *principal)
            .map(|(group, who)| format!("{}@{group}", who.name))
            .collect();
        let about = |key: &str| {
            names.iter().any(|name| {
                key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
            })
        };
        items.filter(|item| about(subject(&item.key))).collect()
    }

    /// Whether the principal's revoke was attempted at least once, or there was nothing to revoke: only
    /// then it can stand as a debt. That a step was put off says nothing about it. Where the revoke is
    /// done nothing is owed: who holds the side all the same got in since, and it has come undone.
    fn was_tried(&self, principal: &PrincipalId) -> bool {
        let Some((_, revoke)) = self.run.of_action(Action::RevokeActive) else { return false };
        let items = self.about(principal, revoke.items.iter());
        match revoke.mark {
            StepMark::Done(_) => !self.holds_again(principal),
            _ => !items.is_empty() && items.iter().all(|item| item.attempts > 0 || item.mark.over()),
        }
    }

    /// Whether the newest list shows the principal on the side that is left.
    pub(super) fn holds_again(&self, principal: &PrincipalId) -> bool {
        let source = Source::Assignments(self.run.plan.service_index, self.run.plan.from);
        let held = standing::assignments(&self.picture, &source);
        held.is_some_and(|held| {
            held.seen()
                .iter()
                .any(|held| held.assignment.principal == *principal && held.assignment.lets_use())
        })
    }

    /// Whether somebody's revoke was never attempted.
    pub(super) fn revoke_untried(&self) -> bool {
        let service = &self.context.estate.services[self.run.plan.service_index];
        let planned = service.groups.iter().flat_map(|group| &group.principals);
        let moved = self.run.plan.moved_too.iter().map(|moved| &moved.principal);
        planned.chain(moved).any(|principal| !self.was_tried(&principal.id))
    }

    /// Whether what is owed can be done while its side does not answer: assignments are not kept in the
    /// region, so that a revoke can that was never tried, or went well before.
    pub(super) fn goes_at_any_time(&self, index: usize) -> bool {
        let went_well = || self.run.steps[index].items.iter().any(|item| item.mark.over());
        self.run.plan.steps[index].action == Some(Action::RevokeActive)
            && (self.revoke_untried() || went_well())
    }

    /// Whether way (b) is open at all: on a dead side, acknowledged by a person.
    pub(super) fn may_fence(&self, step: usize) -> bool {
        let confirmed = self.run.steps[step].confirmed.as_ref();
        self.run.leaves_dead()
            && confirmed.is_some_and(|(_, confirmed)| {
                confirmed.acknowledges == Some(Acknowledgement::FencedByEvidence)
            })
    }

    /// Way (b), ungraceful only: `None` where it is not open at all.
    fn fenced(
        &self,
        step: usize,
        principal: &PrincipalId,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<Result<Safe, Safe>> {
        if !self.may_fence(step) {
            return None;
        }
        if !self.was_tried(principal) {
            let revoke = self.run.of_action(Action::RevokeActive).map_or("", |(planned, _)| &planned.id);
            return Some(Err(Safe::new(&format!("its revoke was not tried: confirm {revoke} first"))));
        }
        let evidence = self.evidence(step, since, now);
        Some(match evidence.dead_now() {
            Ok((true, value)) => Ok(Safe::new(&format!("fenced by evidence: {value}, acknowledged"))),
            Ok((false, value)) => Err(Safe::new(&format!("not dead now: {value}"))),
            Err(missing) => Err(Safe::new(&format!("{}: {}", missing.source.word(), missing.why))),
        })
    }

    /// What the acknowledgement of a dead side rests on. A process that goes on with a run has
    /// not looked at it, and no other killer item of the step would.
    pub(super) fn fence(&self, planned: &PlannedStep) -> Option<&'static Killer> {
        let grants = planned.action == Some(Action::GrantStandby) && self.run.leaves_dead();
        grants.then_some(&Killer::ActiveEmptyOrDead)
    }

    /// Whether the clean way of the grant guard is out of reach on a dead side.
    pub(super) fn needs_fence(&self, now: Timestamp) -> bool {
        if !self.run.leaves_dead() {
            return false;
        }
        let (service, from) = (self.run.plan.service_index, self.run.plan.from);
        let seen = self.evidence(0, Timestamp::MIN, now).seen;
        let empty = seen.sessions(service, from).is_ok_and(<[_]>::is_empty);
        let moved = self.run.plan.moved_principals();
        let held = standing::planned_holders(&self.context.estate, &self.picture, service, from, &moved);
        !(empty && held.is_some_and(|held| held.is_empty()))
    }

    /// Whether a grant was confirmed while the clean way was open, and it is no longer: the other way
    /// has to be acknowledged before anything more can leave.
    pub(super) fn lacks_fence(&self, index: usize, now: Timestamp) -> bool {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        planned.action == Some(Action::GrantStandby)
            && step.mark == StepMark::Working
            && step.items.iter().any(|item| item.mark == ItemMark::Pending)
            && !step.items.iter().any(|item| item.mark.in_flight())
            && !self.may_fence(index)
            && self.needs_fence(now)
    }
}
