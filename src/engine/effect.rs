//! What looking at an object says about an operation on it.

use std::collections::BTreeSet;

use crate::{
    domain::{
        Answer, ArmId, Operation, Safe, Side, Source,
        compute::Power,
        pool::{PlanReference, SessionHost},
        standing,
        text::counted,
        time::Timestamp,
    },
    runbook::{
        seen::Missing,
        targets::{on_host, session_key},
    },
};

use super::{
    items::{LOOK_AGAIN, THERE_RECENTLY},
    judge::GONE_APART,
    machine::Engine,
    step_run::subject,
};

/// What looking at an item's object says.
pub(super) enum Seen {
    /// It shows the change.
    Yes,
    /// It does not.
    No,
    /// No look that counts has come back.
    NotYet,
}

impl Engine {
    /// Whether the object shows what the operation wants, by looks that began after `since`.
    pub(super) fn is_so(&self, operation: &Operation, key: &str, since: Timestamp, now: Timestamp) -> Seen {
        let index = self.run.plan.service_index;
        let seen = self.evidence(0, since, now).seen;
        let told = |told: Option<bool>| match told {
            Some(true) => Seen::Yes,
            Some(false) => Seen::No,
            None => Seen::NotYet,
        };
        let power = |vm, wanted: Power| match seen.look(&Source::Power(vm)).map(|look| &look.answer) {
            // A machine that is gone serves nobody and costs nothing.
            Ok(Answer::Power(None)) => told(Some(wanted == Power::Deallocated)),
            Ok(Answer::Power(Some(machine))) => told(machine.power.as_ref().map(|power| *power == wanted)),
            _ => Seen::NotYet,
        };
        match operation {
            Operation::StartVm { vm } => power(vm.clone(), Power::Running),
            Operation::DeallocateVm { vm } => power(vm.clone(), Power::Deallocated),
            Operation::SetAdmission { host, accepts } => {
                let hosts = self.side_of(operation).and_then(|side| seen.hosts(index, side).ok());
                told(hosts.and_then(|hosts| {
                    hosts.iter().find(|known| known.id == *host)?.accepts.map(|now| now == *accepts)
                }))
            }
            Operation::SetPlanReferences { plan, pool, references } => {
                let wanted =
                    references.iter().find(|reference| reference.pool == *pool).map(|one| one.enabled);
                let plans = self.side_of(operation).and_then(|side| seen.plans(index, side).ok());
                told(plans.and_then(|plans| {
                    plans
                        .iter()
                        .find(|known| known.id == *plan)?
                        .enabled_for(pool)
                        .map(|now| Some(now) == wanted)
                }))
            }
            Operation::LogOff { .. } => {
                let sessions = seen.sessions(index, self.run.plan.from).ok();
                told(
                    sessions
                        .map(|sessions| !sessions.iter().any(|session| session_key(session) == subject(key))),
                )
            }
            Operation::Revoke { assignment, .. } => {
                match seen.look(&Source::Assignment(assignment.clone())).map(|look| &look.answer) {
                    Ok(Answer::Assignment(found)) => told(Some(found.is_none())),
                    _ => Seen::NotYet,
                }
            }
            Operation::Grant { assignment, scope, role, principal, .. } => {
                let own = seen.look(&Source::Assignment(assignment.clone())).map(|look| &look.answer);
                let held = |one: &crate::domain::access::RoleAssignment| {
                    one.scope == *scope && one.role == *role && one.principal == *principal
                };
                match own {
                    Ok(Answer::Assignment(Some(found))) if held(found) => return Seen::Yes,
                    Ok(Answer::Assignment(_)) => {}
                    _ => return Seen::NotYet,
                }
                // The same three may stand under another name: then Azure refuses ours with 409.
                let listed = self.side_of(operation).and_then(|side| seen.assignments(index, side).ok());
                told(listed.map(|listed| listed.iter().any(|one| held(&one.assignment))))
            }
            Operation::RestartVm { .. } | Operation::SendMessage { .. } | Operation::RunProbe { .. } => {
                Seen::No
            }
        }
    }

    /// Whether the object of an operation is there at all, by whole lists of looks that began after
    /// `since`. Where its absence already tells that nothing is left to do, or where only the
    /// operation's own answer tells, it counts as there.
    pub(super) fn is_there(
        &self,
        operation: &Operation,
        key: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Seen {
        let index = self.run.plan.service_index;
        let seen = self.evidence(0, since, now).seen;
        let side = self.side_of(operation).unwrap_or(self.run.plan.from);
        let there = match operation {
            Operation::SendMessage { .. } => seen
                .sessions(index, self.run.plan.from)
                .map(|sessions| sessions.iter().any(|session| session_key(session) == subject(key))),
            Operation::DeallocateVm { vm } => self.people_on(vm, since, now).map(|_| true),
            Operation::StartVm { vm } => {
                let machine = seen.look(&Source::Power(vm.clone()));
                machine.map(|look| !matches!(look.answer, Answer::Power(None)))
            }
            Operation::SetAdmission { host, .. } => {
                seen.hosts(index, side).map(|hosts| hosts.iter().any(|known| known.id == *host))
            }
            Operation::SetPlanReferences { plan, pool, .. } => seen.plans(index, side).map(|plans| {
                plans.iter().any(|known| known.id == *plan && known.enabled_for(pool).is_some())
            }),
            _ => return Seen::Yes,
        };
        match there {
            Ok(true) => Seen::Yes,
            Ok(false) => Seen::No,
            Err(_) => Seen::NotYet,
        }
    }

    /// Why a confirmed change is no longer what was shown.
    pub(super) fn overtaken(&self, operation: &Operation, since: Timestamp, now: Timestamp) -> Option<Safe> {
        match operation {
            Operation::SetPlanReferences { .. } => self.references_changed(operation, since, now),
            Operation::DeallocateVm { vm } => self.people_on(vm, since, now).ok().flatten(),
            _ => None,
        }
    }

    /// Why a machine that was empty when its stop was confirmed is not stopped: people work on it by now.
    fn people_on(&self, vm: &ArmId, since: Timestamp, now: Timestamp) -> Result<Option<Safe>, Missing> {
        let Some((side, host)) = self.host_of(vm) else { return Ok(None) };
        let since = since.checked_sub(THERE_RECENTLY).unwrap_or(since);
        let sessions = self.evidence(0, since, now).seen.sessions(self.run.plan.service_index, side)?;
        let people = on_host(sessions, host);
        let why = format!("{} has {} again: nothing was sent", host.short_name(), counted(people, "session"));
        Ok((people > 0).then(|| Safe::new(&why)))
    }

    /// The session host that runs on a machine, by the last look.
    fn host_of(&self, vm: &ArmId) -> Option<(Side, &SessionHost)> {
        let index = self.run.plan.service_index;
        Side::BOTH.into_iter().find_map(|side| {
            let hosts = standing::hosts(&self.picture, &Source::Hosts(index, side))?;
            Some((side, hosts.seen().iter().find(|host| host.vm.as_ref() == Some(vm))?))
        })
    }

    /// What must be looked at before an operation is sent, beside what shows its effect.
    pub(super) fn want_start(&mut self, operation: &Operation, since: Timestamp) {
        if let Operation::DeallocateVm { vm } = operation
            && let Some((side, _)) = self.host_of(vm)
        {
            let since = since.checked_sub(THERE_RECENTLY).unwrap_or(since);
            self.want(Source::Sessions(self.run.plan.service_index, side), since, LOOK_AGAIN);
        }
        self.want_item(operation, since);
    }

    /// Azure replaces all references of a scaling plan at once, so an old list would take back what
    /// somebody has changed for another pool since.
    fn references_changed(&self, operation: &Operation, since: Timestamp, now: Timestamp) -> Option<Safe> {
        let Operation::SetPlanReferences { plan, pool, references } = operation else { return None };
        let seen = self.evidence(0, since, now).seen;
        let plans = seen.plans(self.run.plan.service_index, self.side_of(operation)?).ok()?;
        let known = plans.iter().find(|known| known.id == *plan)?;
        let others = |all: &[PlanReference]| -> BTreeSet<(ArmId, bool)> {
            let others = all.iter().filter(|one| one.pool != *pool);
            others.map(|one| (one.pool.clone(), one.enabled)).collect()
        };
        let (confirmed, stands) = (others(references), others(&known.references));
        let changed: BTreeSet<&str> =
            confirmed.symmetric_difference(&stands).map(|(pool, _)| pool.name()).collect();
        let names = changed.into_iter().collect::<Vec<_>>().join(", ");
        let why =
            format!("{} has changed since it was confirmed, for {names}: nothing was sent", plan.name());
        (!names.is_empty()).then(|| Safe::new(&why))
    }

    /// A revoked assignment counts as gone only when it was seen gone twice.
    pub(super) fn is_gone_once(&self, operation: &Operation) -> bool {
        matches!(operation, Operation::Revoke { assignment, .. } if !self.streaks.gone_twice(assignment, GONE_APART))
    }

    /// Sources that show an operation's effect, or whether its object is there.
    pub(super) fn effect_sources(&self, operation: &Operation) -> Vec<Source> {
        let index = self.run.plan.service_index;
        let side = self.side_of(operation).unwrap_or(self.run.plan.from);
        match operation {
            Operation::StartVm { vm } | Operation::DeallocateVm { vm } => vec![Source::Power(vm.clone())],
            Operation::SetAdmission { .. } => vec![Source::Hosts(index, side)],
            Operation::SetPlanReferences { .. } => vec![Source::Plans(index, side)],
            Operation::LogOff { .. } | Operation::SendMessage { .. } => {
                vec![Source::Sessions(index, self.run.plan.from)]
            }
            Operation::Revoke { assignment, .. } => vec![Source::Assignment(assignment.clone())],
            Operation::Grant { assignment, .. } => {
                vec![Source::Assignment(assignment.clone()), Source::Assignments(index, side)]
            }
            Operation::RestartVm { .. } | Operation::RunProbe { .. } => vec![],
        }
    }

    pub(super) fn want_item(&mut self, operation: &Operation, since: Timestamp) {
        let pace = if matches!(operation, Operation::Revoke { .. }) { GONE_APART } else { LOOK_AGAIN };
        for source in self.effect_sources(operation) {
            self.want(source, since, pace);
        }
    }

    /// Start of the last look at an operation's effect: the oldest among its sources.
    pub(super) fn last_look(&self, operation: &Operation) -> Option<Timestamp> {
        let looks = self.effect_sources(operation).into_iter();
        looks.map(|source| self.picture.last(&source).map(|look| look.started)).min().flatten()
    }

    /// The side an operation's object belongs to.
    pub(super) fn side_of(&self, operation: &Operation) -> Option<crate::domain::Side> {
        let service = &self.context.estate.services[self.run.plan.service_index];
        let belongs = |side| match operation {
            Operation::SetAdmission { host, .. } => service.sides[side].pool.covers(host),
            Operation::SetPlanReferences { pool, .. } => service.sides[side].pool == *pool,
            Operation::Grant { scope, .. } => service.group_ids(side).any(|group| group == scope),
            _ => false,
        };
        crate::domain::Side::BOTH.into_iter().find(|side| belongs(*side))
    }

    pub(super) fn host_is_dead(&self, session: &crate::domain::ArmId, now: Timestamp) -> bool {
        let source = Source::Hosts(self.run.plan.service_index, self.run.plan.from);
        let hosts = crate::domain::standing::hosts(&self.picture, &source);
        let host = session.parent();
        !hosts.is_some_and(|hosts| {
            hosts.seen().iter().any(|known| Some(&known.id) == host.as_ref() && !known.is_silent(now))
        })
    }

    pub(super) fn evidence_word(operation: &Operation) -> &'static str {
        match operation {
            Operation::StartVm { .. } => "running by its instance view",
            Operation::DeallocateVm { .. } => "deallocated by its instance view, or gone",
            Operation::SetAdmission { accepts: false, .. } => "refuses new sessions",
            Operation::SetAdmission { .. } => "accepts new sessions",
            Operation::SetPlanReferences { .. } => "read back from the plan",
            Operation::LogOff { .. } => "no longer listed",
            Operation::Revoke { .. } => "404 twice",
            Operation::Grant { .. } => "read back by its id",
            Operation::RestartVm { .. } | Operation::SendMessage { .. } | Operation::RunProbe { .. } => {
                "Azure took it"
            }
        }
    }
}
