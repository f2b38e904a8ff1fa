//! Going back: when a step may be taken back, and what is open again once it was.

use std::collections::BTreeSet;

use crate::domain::time::Timestamp;

use crate::runbook::{Action, StepKind};

use super::{
    machine::Engine,
    run::{ItemRun, Run, StepMark, StepRun},
    streak::Streaks,
};

impl StepRun {
    /// What was done in this step and has not been taken back, of earlier turns too.
    pub(super) fn standing(&self) -> impl Iterator<Item = &ItemRun> {
        self.past.iter().skip(self.taken_back).chain(&self.items)
    }

    /// Opens it for another turn. What was sent stays known: an undo of a later step needs it, and
    /// nothing that left once may leave again under the same key.
    pub(super) fn open_again(&mut self, taken_back: bool) {
        let mut past = std::mem::take(&mut self.past);
        past.extend(std::mem::take(&mut self.items).into_iter().filter(|item| item.attempts > 0));
        let taken_back = if taken_back { past.len() } else { self.taken_back };
        *self = Self { past, taken_back, owed: self.owed, ..Self::default() };
    }
}

impl Run {
    /// What the undo step opens again once it is done: the steps it takes back, and every later one,
    /// because what was told, waited for and judged there was so in the world before. What is owed
    /// stays owed, unless something was sent that the undo has just taken back.
    pub(super) fn opened_again_by(&self, undo: &str) -> Vec<usize> {
        let takes_back = |index: &usize| self.plan.steps[*index].undo.as_deref() == Some(undo);
        let all = 0..self.steps.len();
        let Some(first) = all.clone().find(takes_back) else { return Vec::new() };
        all.skip(first)
            .filter(|&index| self.plan.steps[index].phase.is_some())
            .filter(|index| {
                let step = &self.steps[*index];
                let owed = matches!(step.mark, StepMark::Deferred { .. });
                !owed || (takes_back(index) && step.standing().any(|item| item.attempts > 0))
            })
            .collect()
    }

    /// The undo step at `index` is done: the run goes on from what it took back.
    pub(super) fn go_back(&mut self, index: usize, at: Timestamp) {
        let undo = self.plan.steps[index].id.clone();
        for other in self.opened_again_by(&undo) {
            let planned = &self.plan.steps[other];
            self.steps[other].open_again(planned.undo.as_ref() == Some(&undo));
            self.paid.remove(&planned.id);
            if planned.action == Some(Action::MessageActive) {
                self.notice_cut = None;
            }
        }
        let began = self.steps[index].began;
        self.steps[index].open_again(true);
        self.steps[index].began = began;
        self.steps[index].ended = Some(at);
    }
}

impl Run {
    /// The step at `index` was done and no longer is. What was judged since then rested on it: whoever
    /// got in meanwhile has written a profile that nobody waited for, and a gate passed over a side that
    /// was another one. What was sent stays known.
    pub(super) fn doubt_later(&mut self, index: usize) {
        let place = |action| self.plan.steps.iter().position(|step| step.action == Some(action));
        let Some(grant) = place(Action::GrantStandby) else { return };
        // Once everybody is granted, nothing is waited for before somebody is let in.
        let granted = matches!(self.steps[grant].mark, StepMark::Done(_));
        let lets_in =
            matches!(self.plan.steps[index].action, Some(Action::RevokeActive | Action::LogOffActive));
        let rests = |later: usize| {
            let planned = &self.plan.steps[later];
            match planned.action {
                Some(Action::LogOffActive) => lets_in,
                Some(Action::ProbeActive) => lets_in && !granted,
                _ if later < grant => planned.kind == StepKind::Gate && !granted,
                _ => planned.kind == StepKind::Gate && lets_in,
            }
        };
        let later: Vec<usize> = (index + 1..self.steps.len())
            .filter(|&at| matches!(self.steps[at].mark, StepMark::Done(_)) && rests(at))
            .collect();
        for at in later {
            self.steps[at].open_again(false);
        }
    }
}

impl Engine {
    /// Forgets what this process knew of steps that are open again: they are judged by looks from their
    /// next turn on.
    pub(super) fn forget(&mut self, again: &BTreeSet<usize>) {
        for index in again {
            self.opened_at.remove(index);
            self.green_since.remove(index);
            self.preconditions.remove(index);
            self.confirmed_here.remove(index);
            self.dialogs.remove(index);
        }
        self.live.retain(|(index, _), _| !again.contains(index));
    }

    /// An undo step is open while what it undoes is done and nobody has been granted yet.
    pub(super) fn may_undo(&self, index: usize) -> bool {
        let id = &self.run.plan.steps[index].id;
        // Found granted is granted too, whoever did it.
        let granted = self.run.has_granted()
            || self
                .run
                .of_action(Action::GrantStandby)
                .is_some_and(|(_, step)| step.mark != StepMark::Open || !step.items.is_empty());
        let done = self.run.plan.steps.iter().zip(&self.run.steps).any(|(planned, step)| {
            planned.undo.as_ref() == Some(id)
                && step.standing().any(|item| item.attempts > 0)
                && step.mark != StepMark::Working
        });
        let busy = self.run.steps.iter().any(|step| step.mark == StepMark::Working);
        done && !granted && !busy && self.run.closed.is_none()
    }

    /// What an undo step opened again is judged by looks from its next turn on, and confirmed anew:
    /// those of before show it as it was done. A row of looks from before proves nothing either:
    /// nobody looked while people worked in between.
    pub(super) fn forget_undone(&mut self, undo: &str, now: Timestamp) {
        let again: BTreeSet<usize> = self.run.opened_again_by(undo).into_iter().collect();
        self.forget(&again);
        self.streaks = Streaks::default();
        if let Some(current) = self.run.current() {
            self.opened_at.insert(current, now);
        }
    }
}
