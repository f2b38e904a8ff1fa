//! What was done is looked at again: after a resume what was done last, and whatever somebody took back
//! while the run went on.

use crate::{
    domain::{
        Safe, Source,
        seeded::{Mistake, planted},
        time::{Span, Timestamp, minutes, seconds},
    },
    runbook::{Action, StepKind, plan::PlannedStep},
};

use super::{
    event::{GateVerdict, RunEvent},
    items::LOOK_AGAIN,
    machine::Engine,
    run::StepMark,
    steps::PREVIEW_PACE,
};

/// What was done last is looked at again for so long after a resume. Two of the longest dwells: what
/// cannot be read by then is not waited for.
const RECHECK_WAITS: Span = minutes(4);

/// What somebody takes back while the run goes on is told by looks no older than the grant guard's.
const DOUBT_FRESH: Span = seconds(30);

impl Engine {
    /// Whether the newest looks show that somebody holds, or is on, the side that was left already: the
    /// step that saw to it is looked at again before anything else goes on. Nobody else would, and what
    /// follows rests on it.
    pub(super) fn doubts(&mut self, now: Timestamp) -> bool {
        if self.recheck.is_some() || self.run.closed.is_some() || planted(Mistake::GuardOnce) {
            return false;
        }
        let Some(current) = self.run.current() else { return false };
        // What an undo takes back does not come undone: it is meant.
        if self.run.plan.steps[current].phase.is_none() {
            return false;
        }
        // A gate says first what stands in its way, and stops `--auto`.
        let red = matches!(self.run.steps[current].gate, Some((GateVerdict::Red, _)));
        if self.run.plan.steps[current].kind == StepKind::Gate && (!red || self.run.by_auto) {
            return false;
        }
        let granted = self.is_done(Action::GrantStandby);
        if !granted && self.is_done(Action::RevokeActive) {
            let (service, from) = (self.run.plan.service_index, self.run.plan.from);
            for source in [Source::Assignments(service, from), Source::Sessions(service, from)] {
                self.want(source, Timestamp::MIN, PREVIEW_PACE);
            }
        }
        let doubted = (0..current).find(|&index| {
            let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
            let watched = match planned.action {
                Some(Action::RevokeActive) => true,
                // Who is left by decision may be there again once everybody else has moved.
                Some(Action::LogOffActive) => !granted,
                _ => false,
            };
            let ended = step.ended.map_or(now, |ended| self.here(ended, now));
            let since = now.checked_sub(DOUBT_FRESH).map_or(ended, |limit| ended.max(limit));
            watched
                && matches!(step.mark, StepMark::Done(_))
                && self.evidence(index, since, now).all_green(&planned.after).0 == GateVerdict::Red
                && self.has_work(index, since, now)
        });
        self.recheck = doubted.map(|index| (index, now));
        doubted.is_some()
    }

    /// Whether the step could set anything right: what is inherited cannot be revoked here.
    fn has_work(&self, index: usize, since: Timestamp, now: Timestamp) -> bool {
        let found = self.found(index, since, now).and_then(Result::ok);
        found.is_some_and(|found| found.items.iter().any(|item| item.operation.is_some()))
    }

    fn is_done(&self, action: Action) -> bool {
        self.run.of_action(action).is_some_and(|(_, step)| matches!(step.mark, StepMark::Done(_)))
    }

    /// A completed step is observed again; reality wins over the journal.
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
                let why = Safe::new("looked at again: it is no longer so");
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
