//! A run that is held: who held it and since when, what was in flight; and how it goes on.

use crate::{
    domain::{Safe, time::Timestamp},
    runbook::PlannedStep,
};

use super::{
    event::{HeldWhy, RunEvent, Stamped},
    machine::Engine,
    orders::comes_undone,
    patience::NEW_PROCESS,
    run::{StepMark, StepRun},
};

/// A hold as its record tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Who, as Azure sees them, else by their name on this machine.
    pub by: Safe,
    /// What was in flight then, as `step/item`.
    pub in_flight: Vec<String>,
}

impl Hold {
    /// The hold after a record of one. Said again it is the same hold with another reason.
    pub(super) fn after(before: Option<Self>, stamped: &Stamped, in_flight: &[String]) -> Self {
        let actor = &stamped.actor;
        let by = if actor.upn.as_str().is_empty() { actor.os.clone() } else { actor.upn.clone() };
        before.unwrap_or_else(|| Self { since: stamped.wall, by, in_flight: in_flight.to_vec() })
    }
}

impl Engine {
    /// What may be on its way to or at work in Azure, as `step/item`.
    pub(super) fn in_flight(&self) -> Vec<String> {
        let steps = self.run.plan.steps.iter().zip(&self.run.steps);
        let of = |(planned, step): (&PlannedStep, &StepRun)| -> Vec<String> {
            let flying = step.items.iter().filter(|item| item.mark.in_flight());
            flying.map(|item| format!("{}/{}", planned.id, item.key)).collect()
        };
        steps.flat_map(of).collect()
    }

    pub(super) fn hold(&mut self, why: HeldWhy, note: Safe, now: Timestamp) {
        if self.awaiting_resume {
            // Left as it was found: the time without a process is no time it was waited.
            self.emit(RunEvent::Armed { on: false, how: Safe::new(NEW_PROCESS) }, now);
        }
        let in_flight = self.in_flight();
        self.emit(RunEvent::Held { why, note, in_flight }, now);
        self.check_anew();
    }

    /// What was looked at before a hold says nothing about the time after it.
    pub(super) fn check_anew(&mut self) {
        for live in self.live.values_mut() {
            live.check_since = None;
        }
    }

    /// Goes on: the last completed step that can come undone is observed again first.
    pub(super) fn resume(&mut self, now: Timestamp) {
        let observed = self.go_on(now);
        self.emit(RunEvent::Resumed { observed }, now);
    }

    /// The same without its record; says what is looked at again.
    pub(super) fn go_on(&mut self, now: Timestamp) -> Safe {
        if self.awaiting_resume {
            self.went_on = Some(now);
        }
        if self.awaiting_resume && self.run.armed && !self.armed_here {
            self.awaiting_resume = false;
            self.emit(RunEvent::Armed { on: false, how: Safe::new(NEW_PROCESS) }, now);
        }
        self.awaiting_resume = false;
        self.check_anew();
        self.opened_at.clear();
        self.green_since.clear();
        self.preconditions.clear();
        let undoes = |(planned, step): (&PlannedStep, &StepRun)| {
            planned.phase.is_none() && step.mark == StepMark::Working
        };
        // What an undo at work takes back does not come undone: it is meant.
        let undoing = self.run.plan.steps.iter().zip(&self.run.steps).any(undoes);
        let last = (0..self.run.steps.len()).rev().filter(|_| !undoing).find(|&index| {
            matches!(self.run.steps[index].mark, StepMark::Done(_))
                && self.run.plan.steps[index].action.is_some_and(comes_undone)
        });
        let nothing = if undoing { "going back" } else { "nothing was done yet that could come undone" };
        let observed = last.map_or_else(
            || Safe::new(nothing),
            |index| Safe::new(&format!("looking at {} again", self.run.plan.steps[index].id)),
        );
        self.recheck = last.map(|index| (index, now));
        observed
    }
}
