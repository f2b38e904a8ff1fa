//! How far a run has come in letting people in on the side that is opened.

use crate::runbook::Action;

use super::{
    event::{DoneHow, FailedHow, RunEvent},
    run::{ItemMark, ItemRun, Run, StepMark},
};

/// Whom the grant on the side that is opened has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nobody: none has left, or Azure refused each.
    Nobody,
    /// Perhaps somebody: one left whose end was not seen, or it was found granted once; looking showed it
    /// not so since.
    Perhaps,
    /// Somebody: Azure took a grant, the end of one is awaited, or it was found so, whoever did it.
    Somebody,
}

impl Run {
    /// Whom the grant has reached so far.
    pub(super) fn reach(&self) -> Reach {
        let stands = |item: &ItemRun| {
            item.mark.in_flight() || matches!(item.mark, ItemMark::Done(how) if how != DoneHow::Accepted)
        };
        let reached = self.of_action(Action::GrantStandby).is_some_and(|(_, step)| {
            step.mark == StepMark::Done(DoneHow::Observation)
                || step.past.iter().chain(&step.items).any(stands)
        });
        match (reached || self.granted_at.is_some(), self.grant_left) {
            (true, _) => Reach::Somebody,
            (false, true) => Reach::Perhaps,
            (false, false) => Reach::Nobody,
        }
    }

    /// Whether somebody was let in on the side that is opened, or is about to be.
    pub fn has_granted(&self) -> bool {
        self.reach() == Reach::Somebody
    }

    /// Takes down for good that a grant may have reached somebody: only a refusal, or that it surely was
    /// not sent, says that it has not.
    pub(super) fn note_reach(&mut self, index: usize, event: &RunEvent) {
        if self.plan.steps[index].action != Some(Action::GrantStandby) {
            return;
        }
        let flew =
            |key: &str| self.steps[index].items.iter().any(|item| item.key == *key && item.mark.in_flight());
        self.grant_left |= match event {
            RunEvent::Accepted { .. } => true,
            RunEvent::Confirmed(confirmed) => confirmed.items.iter().any(|item| item.operation.is_none()),
            RunEvent::Done { item: Some(_), how, .. } => *how != DoneHow::Accepted,
            RunEvent::Done { item: None, how, .. } => *how == DoneHow::Observation,
            RunEvent::Failed { item: Some(key), how, .. } => *how != FailedHow::NotSent && flew(key),
            _ => false,
        };
    }
}
