//! How far a run has come in letting people in on the side that is opened.

use crate::{
    domain::{Safe, time::Timestamp},
    runbook::Action,
};

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

/// How the side that is opened was seen before anybody was let in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    /// When it was written down.
    pub(super) at: Timestamp,
    /// Who was there.
    pub(super) value: Safe,
}

impl Sighting {
    /// Whether nobody held it and nobody was there.
    pub(super) fn nobody(&self) -> bool {
        self.value.as_str() == NOBODY
    }
}

/// `what` of an observation that tells of the side that is opened.
pub(super) const STANDBY_SEEN: &str = "the other side";

/// Its value where nobody is there.
pub(super) const NOBODY: &str = "nobody holds it, 0 sessions";

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

    /// Whether any write was sent, whatever became of it, also for a step that was taken back since.
    pub fn wrote(&self) -> bool {
        self.steps.iter().flat_map(|step| step.past.iter().chain(&step.items)).any(|item| item.attempts > 0)
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

    /// Takes down the first grant: when Azure took it, or when its end was not seen.
    pub(super) fn note_grant(&mut self, index: usize, event: &RunEvent, at: Timestamp) {
        if self.granted_at.is_some() || self.plan.steps[index].action != Some(Action::GrantStandby) {
            return;
        }
        self.granted_at = match event {
            RunEvent::Accepted { .. } => Some(at),
            RunEvent::Done { item: Some(item), how: DoneHow::Adopted, .. } => {
                let known = self.steps[index].items.iter().find(|known| known.key == *item);
                known.map(|known| known.arrived.unwrap_or(known.at))
            }
            RunEvent::Confirmed(confirmed) => self.steps[index].seen_late(&confirmed.items),
            _ => None,
        };
    }

    /// Takes down how the side that is opened was seen.
    pub(super) fn note_standby(&mut self, event: &RunEvent, at: Timestamp) {
        if let RunEvent::Observed { what, value, .. } = event
            && what.as_str() == STANDBY_SEEN
        {
            self.standby_seen = Some(Sighting { at, value: value.clone() });
        }
    }
}
