//! What was done is looked at again: after a resume what was done last, and whatever somebody took back
//! while the run went on.

use crate::{
    domain::{
        Safe, Source,
        seeded::{Mistake, planted},
        standing,
        time::{Span, Timestamp, minutes, seconds},
    },
    runbook::{Action, Killer, StepKind, plan::PlannedStep},
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
    /// Whether the newest looks show that something was taken back on the side that was left: that somebody
    /// holds it, or is on it, already, or that hosts which must refuse let people in. The step that saw to
    /// it is looked at again before anything else goes on. Nobody else would, and what follows rests on it.
    pub(super) fn doubts(&mut self, now: Timestamp) -> bool {
        if self.recheck.is_some() || planted(Mistake::GuardOnce) || !self.may_doubt() {
            return false;
        }
        let granted = self.is_done(Action::GrantStandby);
        let (service, from) = (self.run.plan.service_index, self.run.plan.from);
        if !granted && self.is_done(Action::RevokeActive) {
            for source in [Source::Assignments(service, from), Source::Sessions(service, from)] {
                self.want(source, Timestamp::MIN, PREVIEW_PACE);
            }
        }
        let current = self.run.current();
        // Users are told, and logged off, where nobody comes in meanwhile; what asks for the drain itself refuses
        // to go on. A plan that acts would take the drain back each time: where it is owed it comes first, and the
        // step says that it is no longer so.
        let asks = |at: usize| self.run.plan.steps[at].before.contains(&Killer::ActiveDrained);
        let emptied = granted || self.is_done(Action::LogOffActive);
        let drains = !emptied && !self.owes_plan() && !current.is_some_and(asks);
        if drains && self.is_done(Action::DrainActive) {
            self.want(Source::Hosts(service, from), Timestamp::MIN, PREVIEW_PACE);
        }
        let blocks = |killer| {
            let open = current.filter(|&at| self.run.steps[at].mark == StepMark::Open);
            open.is_some_and(|at| self.run.plan.steps[at].before.contains(&killer))
        };
        let doubted = (0..self.run.steps.len()).find(|&index| {
            let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
            let watched = match planned.action {
                Some(Action::RevokeActive) => true,
                // Who is left by decision may be there again once everybody else has moved.
                Some(Action::LogOffActive) => !granted,
                // What is not drained stands in the way of the revoke, and of what is still owed.
                Some(Action::DrainActive) => {
                    drains || blocks(Killer::ActiveDrained) || self.owes_behind_the_drain()
                }
                _ => false,
            };
            let ended = step.ended.map_or(now, |ended| self.here(ended, now));
            let since = now.checked_sub(DOUBT_FRESH).map_or(ended, |limit| ended.max(limit));
            watched && matches!(step.mark, StepMark::Done(_)) && self.came_undone(index, since, now)
        });
        self.recheck = doubted.map(|index| (index, now));
        doubted.is_some()
    }

    /// Whether something is still owed to a side whose scaling plan acts no more: the drain is paid before the
    /// plan is held, and until then the plan may have lifted it.
    fn owes_behind_the_drain(&self) -> bool {
        self.run.closed.is_some() && !self.owes_plan() && !self.run.debts().is_empty()
    }

    /// Whether it is owed that the scaling plan there is held.
    fn owes_plan(&self) -> bool {
        let plan = self.run.of_action(Action::HoldActivePlan);
        plan.is_some_and(|(planned, _)| {
            self.run.debts().iter().any(|&at| self.run.plan.steps[at].id == planned.id)
        })
    }

    /// What shows that a step is done no longer which let nobody in there any more, by looks since it was done; of
    /// a run that is over nobody asks.
    pub(super) fn no_longer(&self, index: usize, now: Timestamp) -> Option<Safe> {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        let keeps_out = matches!(planned.action, Some(Action::DrainActive | Action::RevokeActive));
        if !keeps_out || !matches!(step.mark, StepMark::Done(_)) || self.run.is_over() {
            return None;
        }
        let evidence = self.evidence(index, self.here(step.ended?, now), now);
        let judged = planned.after.iter().map(|killer| evidence.judge(*killer));
        judged.into_iter().find(|judged| judged.verdict == GateVerdict::Red).map(|judged| judged.value)
    }

    /// Whether anybody asks that now. A run that has ended asks while it watches what it owes.
    fn may_doubt(&self) -> bool {
        let Some(current) = self.run.current() else { return self.run.closed.is_some() };
        let (planned, step) = (&self.run.plan.steps[current], &self.run.steps[current]);
        // A gate says first what stands in its way, and stops `--auto`.
        let red = matches!(step.gate, Some((GateVerdict::Red, _)));
        // What an undo takes back does not come undone: it is meant.
        planned.phase.is_some() && (planned.kind != StepKind::Gate || (red && !self.run.by_auto))
    }

    /// Whether looks that began at or after `since` show that a step is not done, and that it could set
    /// that right.
    fn came_undone(&self, index: usize, since: Timestamp, now: Timestamp) -> bool {
        let planned = &self.run.plan.steps[index];
        self.evidence(index, since, now).all_green(&planned.after).0 == GateVerdict::Red
            && self.has_work(index, since, now)
            && (self.run.closed.is_none() || self.other_side_is_held())
    }

    /// Whether anybody who moved is known to hold the side that was opened, or nobody knows. After the end
    /// of a run people may have been let back by hand: who holds one side is in no two.
    fn other_side_is_held(&self) -> bool {
        let (service, to, moved) =
            (self.run.plan.service_index, self.run.plan.to, self.run.plan.moved_principals());
        let held = standing::planned_holders(&self.context.estate, &self.picture, service, to, &moved);
        held.is_none_or(|held| !held.is_empty())
    }

    /// Opens a step that is no longer done. Where the run has ended it is owed from now on, and so is that
    /// whoever got in by it is logged off.
    fn open_undone(&mut self, index: usize, now: Timestamp) {
        let step = self.run.plan.steps[index].id.clone();
        let why = Safe::new("looked at again: it is no longer so");
        if self.run.closed.is_none() {
            self.emit(RunEvent::Refused { step, item: None, attempt: None, status: None, why }, now);
            return;
        }
        // Where the process ends between the two, the revoke is found undone again.
        if self.run.plan.steps[index].action == Some(Action::RevokeActive)
            && self.is_done(Action::LogOffActive)
            && let Some((log_off, _)) = self.run.of_action(Action::LogOffActive)
        {
            let (step, reason) = (log_off.id.clone(), Safe::new(&format!("{step} came undone")));
            self.emit(RunEvent::Deferred { step, reason, downgraded: false }, now);
        }
        self.emit(RunEvent::Deferred { step, reason: why, downgraded: false }, now);
    }

    /// A run does not end before a look from its last step on has shown that nobody holds the side that was
    /// left: whoever does is in both. `None`: it may end; else whether an event was decided.
    pub(super) fn looks_before_the_end(&mut self, now: Timestamp) -> Option<bool> {
        let revoke = |&at: &usize| {
            self.run.plan.steps[at].action == Some(Action::RevokeActive)
                && matches!(self.run.steps[at].mark, StepMark::Done(_))
        };
        let index = (0..self.run.steps.len()).find(revoke).filter(|_| !planted(Mistake::GuardOnce))?;
        let ended = (0..self.run.steps.len()).filter_map(|at| Some((self.run.steps[at].ended?, at)));
        let (ended, at) = ended.max()?;
        let last = self.here(ended, now);
        let proven = matches!(self.run.steps[at].mark, StepMark::Done(_))
            && self.run.plan.steps[at].after.contains(&Killer::NobodyInBoth);
        // What the last step was proven by tells it.
        let since = if proven { last.checked_sub(DOUBT_FRESH).unwrap_or(last) } else { last };
        let after = self.run.plan.steps[index].after.clone();
        match self.evidence(index, since, now).all_green(&after).0 {
            GateVerdict::Red if self.came_undone(index, since, now) => {
                self.open_undone(index, now);
                Some(true)
            }
            // What cannot be read by then is not waited for.
            GateVerdict::Unknown if last + RECHECK_WAITS > now => {
                self.want_killers(index, &after, since, LOOK_AGAIN, now);
                self.wake_at(last + RECHECK_WAITS);
                Some(false)
            }
            _ => None,
        }
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
            // While debts are watched only who is in both is seen to, and who could be; the record says what
            // was seen.
            GateVerdict::Red
                if self.run.closed.is_some()
                    && (!matches!(planned.action, Some(Action::RevokeActive | Action::DrainActive))
                        || !self.came_undone(index, since, now)) =>
            {
                self.recheck = None;
                let value = Safe::new(&self.red_text(index, now));
                let what = Safe::new("looked at again: no longer so");
                self.emit(RunEvent::Observed { step: planned.id, item: None, what, value }, now);
                true
            }
            GateVerdict::Red => {
                self.recheck = None;
                self.open_undone(index, now);
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
