//! After a resume: what was done last is looked at again before anything else is offered.

use crate::{
    domain::{
        Safe,
        time::{Span, Timestamp, minutes},
    },
    runbook::{Action, plan::PlannedStep},
};

use super::{
    event::{GateVerdict, RunEvent},
    items::LOOK_AGAIN,
    machine::Engine,
    run::StepMark,
};

/// What was done last is looked at again for so long after a resume. Two of the longest dwells: what
/// cannot be read by then is not waited for.
const RECHECK_WAITS: Span = minutes(4);

impl Engine {
    /// After a resume the last completed step is observed again; reality wins over the journal.
    pub(super) fn look_again(&mut self, index: usize, since: Timestamp, now: Timestamp) -> bool {
        let planned = self.run.plan.steps[index].clone();
        let (verdict, _) = self.evidence(index, since, now).all_green(&planned.after);
        let end = since + RECHECK_WAITS;
        match verdict {
            GateVerdict::Unknown if end > now => {
                self.want_killers(index, &planned.after, since, LOOK_AGAIN, now);
                self.wake_at(end);
                false
            }
            // Every gate and guard that follows looks for itself; a dead side must not keep it waiting.
            GateVerdict::Unknown => {
                self.recheck = self.rests_on(&planned).map(|earlier| (earlier, now));
                let value = Safe::new(&format!("not to be read: {}", self.red_text(index, now)));
                let what = Safe::new("looked at again");
                self.emit(RunEvent::Observed { step: planned.id, item: None, what, value }, now);
                true
            }
            // While debts are watched nothing is opened again; the record says what was seen.
            GateVerdict::Red if self.run.closed.is_some() => {
                self.recheck = None;
                let value = Safe::new(&self.red_text(index, now));
                let what = Safe::new("looked at again: no longer so");
                self.emit(RunEvent::Observed { step: planned.id, item: None, what, value }, now);
                true
            }
            GateVerdict::Red => {
                self.recheck = None;
                let why = Safe::new("looked at again after the resume: it is no longer so");
                self.emit(
                    RunEvent::Refused { step: planned.id, item: None, attempt: None, status: None, why },
                    now,
                );
                true
            }
            _ => {
                self.recheck = self.rests_on(&planned).map(|earlier| (earlier, since));
                let (what, value) = (Safe::new("looked at again"), Safe::new("still so"));
                self.emit(RunEvent::Observed { step: planned.id, item: None, what, value }, now);
                true
            }
        }
    }

    /// An empty side says nothing once its groups hold it again: the revoke is looked at too.
    fn rests_on(&self, planned: &PlannedStep) -> Option<usize> {
        let revoke = |&at: &usize| {
            self.run.plan.steps[at].action == Some(Action::RevokeActive)
                && matches!(self.run.steps[at].mark, StepMark::Done(_))
        };
        (planned.action == Some(Action::LogOffActive)).then(|| (0..self.run.steps.len()).find(revoke))?
    }
}
