//! The grant guard: a principal is granted on the standby only when nobody can be in both
//! pools, or when the dead side is fenced by evidence and a person took it as a debt.

use crate::{
    domain::{
        Operation, Safe, Source,
        access::PrincipalId,
        time::{Timestamp, seconds},
    },
    runbook::Action,
};

use super::{
    event::Acknowledgement,
    judge::{EMPTY_APART, GONE_APART},
    machine::Engine,
    run::{ItemRun, StepMark},
};

/// Pause between two looks of the guard.
const GUARD_PACE: crate::domain::time::Span = seconds(15);

/// What the guard says.
pub(super) enum Guarded {
    /// The grant may leave; the evidence goes to the journal.
    Open(Safe),
    /// Not now.
    Shut(Safe),
}

impl Engine {
    /// Asks the guard for one principal, by looks that began at or after `since`. Looks that
    /// are missing are ordered.
    pub(super) fn guard_grant(
        &mut self,
        step: usize,
        principal: &PrincipalId,
        since: Timestamp,
        now: Timestamp,
    ) -> Guarded {
        let clean = self.clean(principal, since, now);
        match clean {
            Ok(evidence) => Guarded::Open(evidence),
            Err(why) => match self.fenced(step, since, now) {
                Some(Ok(evidence)) => Guarded::Open(evidence),
                Some(Err(fence)) => Guarded::Shut(Safe::new(&format!("{why}; {fence}"))),
                None => Guarded::Shut(why),
            },
        }
    }

    /// Way (a): every assignment of the principal on the active side is gone twice, nothing at
    /// or above those groups grants the role, and the side is empty twice.
    fn clean(&mut self, principal: &PrincipalId, since: Timestamp, now: Timestamp) -> Result<Safe, Safe> {
        let (index, from) = (self.run.plan.service_index, self.run.plan.from);
        let code = self.run.plan.codes[from].clone();
        let known = self.known_assignments(principal);
        for id in &known {
            self.want(Source::Assignment(id.clone()), since, GUARD_PACE);
        }
        self.want(Source::Assignments(index, from), since, GUARD_PACE);
        self.want(Source::Sessions(index, from), since, GUARD_PACE);
        let seen = self.evidence(step_of_grant(self), since, now).seen;
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
            return Err(Safe::new(&format!("{} sessions in {code}", sessions.len())));
        }
        if !self.streaks.empty_twice(index, from, EMPTY_APART) {
            return Err(Safe::new(&format!("{code} was seen empty for less than 60 s")));
        }
        Ok(Safe::new(&format!(
            "clean: {} assignments gone twice, nothing inherited, {code} empty twice",
            known.len()
        )))
    }

    /// Assignments of the principal on the active side that the run has seen or revoked.
    fn known_assignments(&self, principal: &PrincipalId) -> Vec<crate::domain::ArmId> {
        self.revokes_of(principal)
            .into_iter()
            .filter_map(|item| match &item.operation {
                Some(Operation::Revoke { assignment }) => Some(assignment.clone()),
                _ => None,
            })
            .collect()
    }

    /// Items of the revoke that are about the principal, planned or moved too.
    fn revokes_of(&self, principal: &PrincipalId) -> Vec<&ItemRun> {
        let Some((_, revoke)) = self.run.of_action(Action::RevokeActive) else { return Vec::new() };
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
        revoke.items.iter().filter(|item| about(&item.key)).collect()
    }

    /// Way (b), ungraceful only: `None` where it is not open at all.
    fn fenced(&mut self, step: usize, since: Timestamp, now: Timestamp) -> Option<Result<Safe, Safe>> {
        if !self.run.leaves_dead() {
            return None;
        }
        let (_, confirmed) = self.run.steps[step].confirmed.as_ref()?;
        if confirmed.acknowledges != Some(Acknowledgement::FencedByEvidence) {
            return None;
        }
        let attempted = self.run.of_action(Action::RevokeActive).is_some_and(|(_, revoke)| {
            matches!(revoke.mark, StepMark::Deferred { .. } | StepMark::Done(_))
                || revoke.items.iter().any(|item| item.attempts > 0)
        });
        if !attempted {
            return Some(Err(Safe::new("the revoke was not even tried")));
        }
        for source in self.evidence(step, since, now).death_sources() {
            self.want(source, since, GUARD_PACE);
        }
        let evidence = self.evidence(step, since, now);
        Some(match evidence.dead_now() {
            Ok((true, value)) => Ok(Safe::new(&format!("fenced by evidence: {value}, acknowledged"))),
            Ok((false, value)) => Err(Safe::new(&format!("not dead now: {value}"))),
            Err(missing) => Err(Safe::new(&format!("{}: {}", missing.source.word(), missing.why))),
        })
    }
}

fn step_of_grant(engine: &Engine) -> usize {
    let steps = &engine.run.plan.steps;
    steps.iter().position(|step| step.action == Some(Action::GrantStandby)).unwrap_or_default()
}
