//! One step from its turn to its end.

use crate::{
    domain::{
        Safe, Source,
        text::counted,
        time::{Span, Timestamp, minutes, seconds},
    },
    runbook::{
        Action, Killer, Mode, StepKind,
        plan::{PlannedStep, Targets},
        seen::{Missing, Seen},
        targets::{self, Finder, Found},
        vocabulary::Ungraceful,
    },
};

use super::{
    event::{DoneHow, FailedHow, GateVerdict, RunEnd, RunEvent},
    items::LOOK_AGAIN,
    machine::Engine,
    patience::{MORE, NO_MORE},
    run::{ItemMark, NOT_APPLICABLE, Run, StepMark},
    streak::Row,
};

/// Pause between two looks while a person or a red item is awaited.
pub(super) const PREVIEW_PACE: Span = seconds(15);

/// An abort waits so long for the end of what is under way; then it names it and ends all the same,
/// because a long operation that can no longer be read has no end to wait for. The longest dwell is
/// two minutes.
const ABORT_WAITS: Span = minutes(5);

/// A gate passes on looks that began no longer ago than this, however long its probe or one item
/// took (reliability-security, staleness).
const GATE_FRESH: Span = seconds(30);

/// Pause between two looks at a side that is owed something.
const DEBT_PACE: Span = seconds(30);

impl Engine {
    /// Decides the next thing. Returns whether an event was decided, so that the caller asks
    /// again.
    pub(super) fn turn(&mut self, now: Timestamp) -> bool {
        if self.stopped.is_some() || self.awaiting_resume {
            return false;
        }
        if self.run.is_over() {
            return false;
        }
        if let Some((reason, since)) = self.aborting.clone() {
            return self.abort_when_still(reason, since, now);
        }
        if !self.run.debts().is_empty() {
            let (service, from) = (self.run.plan.service_index, self.run.plan.from);
            self.want(Source::Hosts(service, from), Timestamp::MIN, DEBT_PACE);
            self.want(Source::Machines(from), Timestamp::MIN, DEBT_PACE);
            if self.run.closed.is_some() {
                self.want(Source::Assignments(service, from), Timestamp::MIN, DEBT_PACE);
            }
        }
        if let Some((step, since)) = self.recheck {
            return self.look_again(step, since, now);
        }
        if self.write_down_standby(now) || self.doubts(now) {
            return true;
        }
        // A run that has ended only watches what it owes, and works on what is being paid.
        let current = self.run.current();
        if self.pay_beside(current, now) || self.pay_what_is_so(now) {
            return true;
        }
        let Some(index) = current else { return self.close(now) };
        self.opened_at.entry(index).or_insert(now);
        if self.run.steps[index].mark == StepMark::Working {
            return self.work(index, now);
        }
        self.does_not_apply(index, now) || self.preview(index, now)
    }

    /// Debts that are being paid go on beside the step in turn.
    fn pay_beside(&mut self, current: Option<usize>, now: Timestamp) -> bool {
        let paying = (0..self.run.steps.len()).filter(|&at| self.run.pays(at) && Some(at) != current);
        paying.collect::<Vec<usize>>().into_iter().any(|at| {
            self.opened_at.entry(at).or_insert(now);
            self.work(at, now)
        })
    }

    /// Ends the run when every step is over, or goes over to watching the debts.
    fn close(&mut self, now: Timestamp) -> bool {
        let debts: Vec<String> =
            self.run.debts().into_iter().map(|index| self.run.plan.steps[index].id.clone()).collect();
        let end = match (debts.is_empty(), self.run.has_exceptions()) {
            (false, _) => RunEnd::Monitoring,
            (true, true) => RunEnd::CompletedWithExceptions,
            (true, false) => RunEnd::Completed,
        };
        if self.run.closed == Some(end) || self.run.closed == Some(RunEnd::AbortedAsIs) {
            return false;
        }
        if let Some(decided) = self.looks_before_the_end(now) {
            return decided;
        }
        let note =
            if debts.is_empty() { "every step is over" } else { "users are served; debts are watched" };
        self.emit(RunEvent::Closed { end, debts, note: Safe::new(note) }, now);
        true
    }

    fn abort_when_still(&mut self, reason: Safe, since: Timestamp, now: Timestamp) -> bool {
        let items = self.run.steps.iter().flat_map(|step| &step.items);
        let flying: Vec<&str> =
            items.filter(|item| item.mark.in_flight()).map(|item| item.key.as_str()).collect();
        let end = since + ABORT_WAITS;
        if !flying.is_empty() && end > now {
            self.wake_at(end);
            let flies = |index: &usize| self.run.steps[*index].items.iter().any(|item| item.mark.in_flight());
            let flying: Vec<usize> = (0..self.run.steps.len()).filter(flies).collect();
            return flying.into_iter().any(|index| self.work_items(index, now));
        }
        let reason = if flying.is_empty() {
            reason
        } else {
            Safe::new(&format!("{reason}; still under way, their end not seen: {}", flying.join(", ")))
        };
        self.aborting = None;
        let owed = if self.run.has_granted() { self.run.debts() } else { Vec::new() };
        let debts: Vec<String> =
            owed.into_iter().map(|index| self.run.plan.steps[index].id.clone()).collect();
        let as_was = !self.run.wrote() && debts.is_empty();
        let end = if as_was { RunEnd::AbortedRolledBack } else { RunEnd::AbortedAsIs };
        let reason = if as_was { Safe::new(&format!("{reason}; nothing was written")) } else { reason };
        self.emit(RunEvent::Closed { end, debts, note: reason }, now);
        true
    }

    /// In ungraceful mode a step may not apply, or be owed from the start.
    fn does_not_apply(&mut self, index: usize, now: Timestamp) -> bool {
        let planned = &self.run.plan.steps[index];
        if self.run.plan.mode == Mode::Graceful || planned.phase.is_none() {
            return false;
        }
        let (step, code) = (planned.id.clone(), self.run.plan.codes[self.run.plan.from].clone());
        match planned.ungraceful {
            Ungraceful::Same | Ungraceful::TryDefer => false,
            Ungraceful::Skip if self.applies_after_all(planned, now) => false,
            Ungraceful::Skip => {
                self.emit(RunEvent::Skipped { step, reason: Safe::new(NOT_APPLICABLE) }, now);
                true
            }
            Ungraceful::Defer => {
                let reason = if self.is_back(now) {
                    Safe::new(&format!("{code} counts as dead and answers: to be done beside the run"))
                } else {
                    Safe::new(&format!("{code} is dead: to be done when it answers again"))
                };
                self.emit(RunEvent::Deferred { step, reason, downgraded: false }, now);
                true
            }
        }
    }

    pub(super) fn want_killers(
        &mut self,
        index: usize,
        killers: &[Killer],
        since: Timestamp,
        pace: Span,
        now: Timestamp,
    ) {
        let sources: Vec<Source> = {
            let evidence = self.evidence(index, since, now);
            killers.iter().flat_map(|killer| evidence.sources(*killer)).collect()
        };
        for source in sources {
            self.want(source, since, pace);
        }
    }

    /// What the step's action would touch now.
    pub(super) fn found(
        &self,
        index: usize,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<Result<Found, Missing>> {
        let action = self.run.plan.steps[index].action?;
        let mut history = self.run.history(index);
        let evidence = self.evidence(index, Timestamp::MIN, now);
        history.need = evidence.need().or_else(|| evidence.need_unknowable().then_some(u32::MAX));
        let seen = Seen { picture: &self.picture, since, now };
        let finder = Finder { estate: &self.context.estate, plan: &self.run.plan, seen, history: &history };
        let (step, settled) = (&self.run.steps[index], self.settled(index));
        let mut found = finder.find(action);
        for target in found.iter_mut().flat_map(|found| &mut found.items) {
            target.key = step.key_for(target, settled);
        }
        Some(found)
    }

    /// Whether the step's proof holds, and has held for as long as it must.
    pub(super) fn proven(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) -> bool {
        let (verdict, oldest) = self.evidence(index, since, now).all_green(&planned.after);
        if verdict != GateVerdict::Green {
            self.green_since.remove(&index);
            return false;
        }
        let Some(oldest) = oldest else { return true };
        let row = self.green_since.get(&index).filter(|row| row.first >= since);
        let row = row.map_or(Row::of(oldest), |row| row.and(oldest));
        self.green_since.insert(index, row);
        if row.spans(planned.steady) {
            return true;
        }
        let again = row.first + planned.steady;
        self.want_killers(index, &planned.after, again, LOOK_AGAIN, now);
        // A look in between tells early if it does not last.
        self.want_killers(index, &planned.after, oldest, PREVIEW_PACE, now);
        false
    }

    pub(super) fn step_done(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        how: DoneHow,
        since: Timestamp,
        now: Timestamp,
    ) {
        let evidence = self.evidence(index, since, now);
        let items: Vec<_> = planned.after.iter().map(|killer| evidence.item(*killer)).collect();
        let words: Vec<String> = items.iter().map(|item| item.value.to_string()).collect();
        let text = Safe::new(&words.join("; "));
        let step = planned.id.clone();
        if planned.kind == StepKind::Gate {
            self.emit(RunEvent::Gate { step: step.clone(), verdict: GateVerdict::Passed, items }, now);
        }
        let owed = self.run.steps[index].owed;
        self.emit(
            RunEvent::Done { step: step.clone(), item: None, how, evidence: text.clone(), given: None },
            now,
        );
        if owed {
            self.emit(RunEvent::Paid { step, evidence: text }, now);
            self.flush_after_all(index, now);
        }
        self.green_since.remove(&index);
        if planned.phase.is_none() {
            self.forget_undone(&planned.id, now);
        }
    }

    /// After the confirmation.
    fn work(&mut self, index: usize, now: Timestamp) -> bool {
        let planned = self.run.plan.steps[index].clone();
        let since = self.run.steps[index].confirmed.as_ref().map_or(now, |(at, _)| self.here(*at, now));
        match self.preconditions(index, &planned, since, now) {
            Preconditions::Green => {}
            Preconditions::Refused => return true,
            Preconditions::Unknown => return self.run_out(index, &planned, since, now),
        }
        if self.give_up_on_dead(index, &planned, now) || self.work_items(index, now) {
            return true;
        }
        let step = &self.run.steps[index];
        let unfinished =
            step.items.iter().any(|item| item.mark == ItemMark::Pending || item.mark.in_flight());
        if unfinished {
            return self.run_out(index, &planned, since, now);
        }
        let mut last = step_last(&self.run, index).map_or(since, |last| self.here(last, now)).max(since);
        if planned.kind == StepKind::Gate {
            last = last.max(now - GATE_FRESH);
        }
        if share(&self.run, index) >= u32::from(planned.done_at) {
            if self.proven(index, &planned, last, now) {
                self.step_done(index, &planned, DoneHow::Action, last, now);
                return true;
            }
            self.want_killers(index, &planned.after, last, LOOK_AGAIN, now);
            // What more could be done is offered from readings as fresh as its proof's.
            self.want_list(&planned, last);
            if planned.action == Some(Action::MessageActive) {
                let told = self.evidence(index, last, now).told_last();
                let due = told.map(|at| at + self.context.estate.policy.notice);
                if let Some(due) = due.filter(|due| *due > now) {
                    self.wake_at(due);
                }
            }
            if planned.kind == StepKind::Gate && self.judge_gate(index, &planned, last, now) {
                return true;
            }
            if self.note_more(index, &planned, last, now) {
                return true;
            }
        }
        self.run_out(index, &planned, since, now)
    }

    /// Keeps the list under another confirmation fresh.
    pub(super) fn want_list(&mut self, planned: &PlannedStep, since: Timestamp) {
        let found = planned.action.map(|action| targets::sources(action, &self.run.plan));
        for source in found.unwrap_or_default() {
            self.want(source, since, PREVIEW_PACE);
        }
    }

    /// Preconditions are read again after the confirmation, before the first write.
    fn preconditions(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) -> Preconditions {
        let wrote = self.run.steps[index].items.iter().any(|item| item.attempts > 0);
        if planned.before.is_empty() || wrote || self.preconditions.get(&index) == Some(&since) {
            return Preconditions::Green;
        }
        let items: Vec<_> =
            planned.before.iter().map(|killer| self.precondition(index, *killer, since, now)).collect();
        match verdict_of(items.iter().map(|item| item.verdict)) {
            GateVerdict::Red => {
                let red: Vec<String> = items
                    .iter()
                    .filter(|item| item.verdict == GateVerdict::Red)
                    .map(|item| format!("{}: {}", item.id, item.value))
                    .collect();
                let (step, why) = (planned.id.clone(), Safe::new(&red.join("; ")));
                self.opened_at.insert(index, now);
                self.emit(RunEvent::Refused { step, item: None, attempt: None, status: None, why }, now);
                Preconditions::Refused
            }
            GateVerdict::Unknown => {
                self.want_killers(index, &planned.before, since, LOOK_AGAIN, now);
                self.want_list(planned, since);
                Preconditions::Unknown
            }
            _ => {
                self.preconditions.insert(index, since);
                Preconditions::Green
            }
        }
    }

    /// A step that is tried on a dead side becomes a debt once one item could not be done:
    /// waiting out a dwell for each of the others would only cost the users time. The revoke alone
    /// tries them all. A debt whose payment failed is owed as before: it may be confirmed again, and
    /// nothing else waits for it.
    fn give_up_on_dead(&mut self, index: usize, planned: &PlannedStep, now: Timestamp) -> bool {
        let step = &self.run.steps[index];
        let failed = step.items.iter().any(|item| item.mark.failed());
        let in_flight = step.items.iter().any(|item| item.mark.in_flight());
        let pending = step.items.iter().any(|item| item.mark == ItemMark::Pending);
        if let Some(StepMark::Deferred { downgraded, .. }) = step.put_off
            && step.telling().any(|item| item.mark.failed())
            && !in_flight
            && !pending
        {
            let open = step.telling().filter(|item| item.mark.failed()).count();
            let reason = Safe::new(&format!("not paid: {open} of {} are not done", step.items.len()));
            self.emit(RunEvent::Deferred { step: planned.id.clone(), reason, downgraded }, now);
            return true;
        }
        let tries = self.run.plan.mode == Mode::Ungraceful && planned.ungraceful == Ungraceful::TryDefer;
        // A revoke that was not tried is no debt: each principal's must be (design §11, guard b).
        let untried = planned.action == Some(Action::RevokeActive) && pending;
        if !tries || step.put_off.is_some() || !failed || in_flight || untried {
            return false;
        }
        let open = step.items.iter().filter(|item| !item.mark.over()).count();
        let reason = Safe::new(&format!("tried once: {open} of {} are not done", step.items.len()));
        self.emit(RunEvent::Deferred { step: planned.id.clone(), reason, downgraded: false }, now);
        true
    }

    /// Writes down that a step at work needs another confirmation, or no longer does: its patience
    /// stands still meanwhile, and a new process must know since when. `--auto` answers at once.
    fn note_more(&mut self, index: usize, planned: &PlannedStep, since: Timestamp, now: Timestamp) -> bool {
        let (verdict, _) = self.evidence(index, since, now).all_green(&planned.after);
        if self.run.by_auto || verdict == GateVerdict::Unknown {
            return false;
        }
        let more = match self.offer(index, now) {
            Some(offer) if !offer.listed => return false,
            Some(offer) => offer.writes(),
            None => 0,
        };
        if (more > 0) == self.run.steps[index].patience.asks_more {
            return false;
        }
        let value = if more > 0 { counted(more, "write") } else { NO_MORE.to_owned() };
        let (step, what, value) = (planned.id.clone(), Safe::new(MORE), Safe::new(&value));
        self.emit(RunEvent::Observed { step, item: None, what, value }, now);
        true
    }

    /// Past its patience a step is timed-out, once; it stays observed. What a gate shows then is
    /// written down from looks that began at or after `since`.
    pub(super) fn run_out(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) -> bool {
        let step = &self.run.steps[index];
        let Some(end) = step.patience.ends(planned.patience).filter(|_| !step.timed_out) else {
            return false;
        };
        if end > now {
            self.wake_at(end);
            return false;
        }
        if planned.kind == StepKind::Gate {
            self.record_gate(index, planned, since, now);
        }
        let why =
            Safe::new(&format!("past its patience of {} s; still observed", planned.patience.as_secs()));
        let (step, how) = (planned.id.clone(), FailedHow::TimedOut);
        self.emit(RunEvent::Failed { step, item: None, attempt: None, how, why }, now);
        true
    }
}

enum Preconditions {
    Green,
    Refused,
    Unknown,
}

/// Red if any is red, else unknown if any is unknown, else green.
pub(super) fn verdict_of(verdicts: impl Iterator<Item = GateVerdict>) -> GateVerdict {
    verdicts.fold(GateVerdict::Green, |so_far, one| match (so_far, one) {
        (GateVerdict::Red, _) | (_, GateVerdict::Red) => GateVerdict::Red,
        (GateVerdict::Unknown, _) | (_, GateVerdict::Unknown) => GateVerdict::Unknown,
        _ => GateVerdict::Green,
    })
}

/// When an item of the step last changed.
fn step_last(run: &Run, index: usize) -> Option<Timestamp> {
    run.steps[index].items.iter().map(|item| item.at).max()
}

/// Percent of items that are done; a step without items is whole.
fn share(run: &Run, index: usize) -> u32 {
    let (mut done, mut all) = (0, 0);
    for item in run.steps[index].telling() {
        all += 1;
        done += u32::from(item.mark.over());
    }
    (done * 100).checked_div(all).unwrap_or(100)
}

/// Whether a plan's target list has a bound and the count is above it.
pub(super) fn grown(planned: &PlannedStep, writes: usize) -> bool {
    matches!(&planned.targets, Targets::Selector { bound: Some(bound), now: Some(now), .. } if *now > 0 && writes as u32 > *bound)
}
