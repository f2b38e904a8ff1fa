//! What a run leaves undone: which debts there are, in which order they are paid, and what
//! needs no paying any more.

use crate::{
    domain::{
        Safe, Source,
        machines::Machines,
        standing,
        time::{Span, Timestamp, minutes},
    },
    runbook::{Action, Killer, Mode, PlannedStep},
};

use super::{
    event::{GateVerdict, RunEnd, RunEvent},
    machine::Engine,
    run::{NOT_APPLICABLE, Run, StepMark},
    steps::PREVIEW_PACE,
};

/// That every host is off is told by lists no older than this: two of their paces.
const LIFE_FRESH: Span = minutes(2);

impl Run {
    /// Steps that are owed, in the order they are to be paid: nobody new may land there before
    /// anything else is set right (design §11). A run that was aborted before anybody was let in on the
    /// other side owes nothing: the side that nobody left is not to be emptied.
    pub fn debts(&self) -> Vec<usize> {
        let aborted = matches!(self.closed, Some(RunEnd::AbortedAsIs | RunEnd::AbortedRolledBack));
        if aborted && !self.has_granted() {
            return Vec::new();
        }
        let mut debts: Vec<usize> = (0..self.steps.len())
            .filter(|&index| self.steps[index].owes())
            .filter(|&index| !self.paid.contains(&self.plan.steps[index].id))
            .collect();
        debts.sort_by_key(|&index| match self.plan.steps[index].action {
            Some(Action::DrainActive) => 0,
            Some(Action::RevokeActive) => 1,
            Some(Action::HoldActivePlan) => 2,
            Some(Action::LogOffActive) => 3,
            _ => 4,
        });
        debts
    }

    /// The debt that must be paid before this one: whoever is logged off a side that still lets people in
    /// comes straight back, and what is stopped can no longer be set right.
    pub fn waits_for(&self, debt: usize) -> Option<usize> {
        let action = |index: usize| self.plan.steps[index].action;
        let first = |index: &usize| match action(debt) {
            Some(Action::LogOffActive) => {
                matches!(action(*index), Some(Action::DrainActive | Action::RevokeActive))
            }
            Some(Action::StopActive) => *index != debt,
            _ => false,
        };
        self.debts().into_iter().find(first)
    }

    /// Whether nothing can be done in it any more: it has ended and owes nothing.
    pub fn is_over(&self) -> bool {
        self.closed.is_some_and(|end| end != RunEnd::Monitoring) && self.debts().is_empty()
    }

    /// Whether the side that is left counts as dead: by the mode of the run, or because a
    /// person downgraded a step of it.
    pub fn leaves_dead(&self) -> bool {
        self.plan.mode == Mode::Ungraceful
            || self.steps.iter().any(|step| matches!(step.mark, StepMark::Deferred { downgraded: true, .. }))
    }

    /// Whether the step with this action is owed or was skipped.
    pub fn is_owed_or_skipped(&self, action: Action) -> bool {
        self.of_action(action)
            .is_some_and(|(_, step)| matches!(step.mark, StepMark::Deferred { .. } | StepMark::Skipped(_)))
    }

    /// Whether something was skipped, accepted, downgraded or owed.
    pub fn has_exceptions(&self) -> bool {
        self.steps.iter().zip(&self.plan.steps).any(|(step, planned)| {
            planned.phase.is_some()
                && (step.owed
                    || matches!(&step.mark, StepMark::Skipped(reason) if reason.as_str() != NOT_APPLICABLE)
                    || step.items.iter().any(|item| item.mark.accepted()))
        })
    }
}

impl Engine {
    /// The first debt is paid without a write where the side that answers again shows that
    /// nothing is left to do. Later ones wait: an empty side proves nothing before it is drained.
    pub(super) fn pay_what_is_so(&mut self, now: Timestamp) -> bool {
        self.back_since = self.is_back(now).then(|| self.back_since.unwrap_or(now));
        let (Some(back), Some(&index)) = (self.back_since, self.run.debts().first()) else { return false };
        if self.run.steps[index].mark == StepMark::Working {
            return false;
        }
        let since = self.seen_since(index, back);
        let planned = self.run.plan.steps[index].clone();
        self.want_killers(index, &planned.after, since, PREVIEW_PACE, now);
        self.want_list(&planned, since);
        self.by_observation(index, &planned, since, now)
    }

    /// Since when what is seen of the side tells of a debt.
    fn seen_since(&self, debt: usize, back: Timestamp) -> Timestamp {
        self.opened_at.get(&debt).map_or(back, |opened| back.max(*opened))
    }

    /// Whether nothing is left to write under the debt that comes first and nothing stands against it:
    /// nobody has to pay it. Where a proof is red although nothing can be written, a person must see why.
    pub(super) fn settles(&self, first: usize, now: Timestamp) -> bool {
        let Some(back) = self.back_since.filter(|_| self.run.steps[first].mark != StepMark::Working) else {
            return false;
        };
        let since = self.seen_since(first, back);
        let evidence = self.evidence(first, since, now);
        let red = |killer: &Killer| evidence.judge(*killer).verdict == GateVerdict::Red;
        let quiet =
            self.found(first, since, now).is_some_and(|found| found.is_ok_and(|found| found.is_quiet()));
        quiet && !self.run.plan.steps[first].after.iter().any(red)
    }

    /// Everybody was logged off a side that has come back, and nobody was let in on the other one yet: what
    /// was skipped because it was dead can be waited for after all.
    pub(super) fn flush_after_all(&mut self, paid: usize, now: Timestamp) {
        if self.run.plan.steps[paid].action != Some(Action::LogOffActive) || self.run.has_granted() {
            return;
        }
        let Some((flush, step)) = self.run.of_action(Action::ProbeActive) else { return };
        if !matches!(&step.mark, StepMark::Skipped(why) if why.as_str() == NOT_APPLICABLE) {
            return;
        }
        let step = flush.id.clone();
        let why = Safe::new("the side came back: profiles are waited for before the other one is opened");
        self.emit(RunEvent::Refused { step, item: None, attempt: None, status: None, why }, now);
    }

    /// Whether a step that does not apply on a dead side applies after all: everybody was logged off a side
    /// that is alive.
    pub(super) fn applies_after_all(&self, planned: &PlannedStep, now: Timestamp) -> bool {
        planned.action == Some(Action::ProbeActive)
            && self.run.of_action(Action::LogOffActive).is_some_and(|(_, step)| !step.owes())
            && self.is_back(now)
    }

    /// Whether what is owed to the side that is left can be done there: it was never dead, shows life
    /// again, or every host of it is known to be off: none is silent then.
    pub(super) fn is_back(&self, now: Timestamp) -> bool {
        if !self.run.leaves_dead() {
            return true;
        }
        let (service, from) = (self.run.plan.service_index, self.run.plan.from);
        let (hosts, machines) = (Source::Hosts(service, from), Source::Machines(from));
        let Some(list) = standing::hosts(&self.picture, &hosts) else { return false };
        if list.seen().iter().any(|host| host.beats(now)) {
            return true;
        }
        let fresh = |source: &Source| {
            self.picture.last(source).is_some_and(|look| now.duration_since(look.started) <= LIFE_FRESH)
        };
        let told = standing::machines(&self.picture, &machines).filter(|told| told.complete().is_some());
        let Some(told) = told.filter(|_| fresh(&hosts) && fresh(&machines)) else { return false };
        let told = Machines::listed(told);
        list.complete().is_some_and(|all| !all.is_empty() && all.iter().all(|host| told.calls_off(host)))
    }
}
