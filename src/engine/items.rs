//! One item from pending to done: look, journal, send, follow, look again.

use crate::{
    domain::{
        Operation, Safe,
        operation::{Progress, Sent},
        seeded::{Mistake, planted},
        time::{Span, Timestamp, seconds},
    },
    runbook::{
        plan::PlannedStep,
        targets::Target,
        vocabulary::{Mode, OnAmbiguous, Ungraceful},
    },
};

use super::{
    effect::Seen,
    event::{DoneHow, FailedHow, RequestRecord, RunEvent},
    guard::Guarded,
    machine::{Engine, Token},
    run::{ItemMark, ItemRun, PROBE_OUTPUT},
};

/// Pause between two looks at something that is expected to change soon.
pub(super) const LOOK_AGAIN: Span = seconds(5);

/// A look that began in the very moment a write was taken may have been before it.
const AFTER: Span = Span::from_micros(1);

/// A message goes to a session that was there this long ago, and a host is stopped that was empty this
/// long ago: to list them anew for each of hundreds would delay the notice of all, and a message to
/// nobody harms nobody.
pub(super) const THERE_RECENTLY: Span = seconds(5);

/// Pause after a write that surely was not sent and named no time itself.
const SEND_AGAIN: Span = seconds(5);

/// Times a write that was surely not sent is tried before a person is asked: with the pause
/// above this is two minutes of a full throttle.
const NOT_SENT_MAX: u32 = 24;

/// A PUT, PATCH or DELETE by name may go this often in all (design §2.3). An attempt whose process
/// ended before it heard of it does not count: a person went on with the run since.
const ATTEMPTS_MAX: u32 = 2;

impl Engine {
    /// Moves every item of a confirmed step on. Returns whether an event was decided. Where one may not
    /// start none after it does; what is under way goes on, or nothing would ever start again.
    pub(super) fn work_items(&mut self, index: usize, now: Timestamp) -> bool {
        let planned = self.run.plan.steps[index].clone();
        let keys: Vec<String> = self.run.steps[index].items.iter().map(|item| item.key.clone()).collect();
        let mut blocked = false;
        for key in keys {
            let Some(item) = self.run.steps[index].items.iter().find(|item| item.key == key).cloned() else {
                continue;
            };
            let moved = match &item.mark {
                ItemMark::Pending if blocked => false,
                ItemMark::Pending => match self.start(index, &planned, &item, now) {
                    Started::Moved => true,
                    Started::Waits => false,
                    Started::Blocks => {
                        blocked = true;
                        false
                    }
                },
                ItemMark::Intended if self.live(index, &key).awaited => false,
                ItemMark::Intended | ItemMark::Ambiguous => self.settle(index, &planned, &item, now),
                ItemMark::Accepted(Some(_)) if !planted(Mistake::DoneUnseen) => {
                    self.follow(index, &item, now)
                }
                ItemMark::Accepted(_) => self.verify(index, &planned, &item, now),
                ItemMark::Done(_) | ItemMark::Refused(_) | ItemMark::Failed(..) => false,
            };
            if moved {
                return true;
            }
        }
        false
    }

    /// Whether a new write may start at all.
    pub(super) fn may_write(&self, index: usize) -> bool {
        self.stopped.is_none()
            && self.run.held.is_none()
            && self.aborting.is_none()
            && !self.awaiting_resume
            && (self.run.armed || self.confirmed_here.contains(&index))
    }

    fn start(&mut self, index: usize, planned: &PlannedStep, item: &ItemRun, now: Timestamp) -> Started {
        let in_flight = self.run.steps[index].items.iter().filter(|item| item.mark.in_flight()).count();
        if !self.may_write(index) || self.sending() || in_flight >= planned.width as usize {
            return Started::Blocks;
        }
        let Some(operation) = item.operation.clone() else { return Started::Waits };
        if let Some(due) = self.live(index, &item.key).not_before.filter(|due| *due > now) {
            self.wake_at(due);
            return Started::Waits;
        }
        let back =
            if matches!(operation, Operation::SendMessage { .. }) { THERE_RECENTLY } else { Span::ZERO };
        let since = *self.live(index, &item.key).check_since.get_or_insert(now - back);
        let so = self.is_so(&operation, &item.key, since, now);
        match (so, self.is_there(&operation, &item.key, since, now)) {
            (Seen::Yes, _) => {
                self.done(index, &item.key, item.how_it_is_so(), "already so", now);
                return Started::Moved;
            }
            (_, Seen::No) => {
                self.done(index, &item.key, DoneHow::Observation, "no longer there", now);
                return Started::Moved;
            }
            (Seen::NotYet, _) | (_, Seen::NotYet) => {
                self.want_start(&operation, since);
                return Started::Blocks;
            }
            (Seen::No, Seen::Yes) => {}
        }
        if let Some(why) = self.overtaken(&operation, since, now) {
            return if in_flight > 0 { Started::Blocks } else { self.confirm_anew(index, item, why, now) };
        }
        if !(planted(Mistake::GuardOnce) && item.attempts > 0)
            && let Some(guarded) = self.guard(index, &operation, since, now)
        {
            match guarded {
                Guarded::Open(evidence) => {
                    let step = planned.id.clone();
                    let item = Some(item.key.clone());
                    self.emit(
                        RunEvent::Observed { step, item, what: Safe::new("grant guard"), value: evidence },
                        now,
                    );
                }
                Guarded::Never(why) if self.nothing_done(index) => {
                    return self.confirm_anew(index, item, why, now);
                }
                // Half of it is done: a person decides what becomes of the other half.
                Guarded::Never(why) => {
                    let (step, key) = (planned.id.clone(), Some(item.key.clone()));
                    let (attempt, how) = ((item.attempts > 0).then_some(item.attempts), FailedHow::NotDone);
                    self.emit(RunEvent::Failed { step, item: key, attempt, how, why }, now);
                    return Started::Moved;
                }
                Guarded::Shut(why) => {
                    self.live(index, &item.key).why = Some(why);
                    return Started::Blocks;
                }
            }
        }
        let target =
            Target { key: item.key.clone(), operation: Some(operation), before: item.before.clone() };
        self.intend(index, &target, item.attempts + 1, now);
        Started::Moved
    }

    /// Whether nothing that was confirmed has changed anything or may yet: what Azure sent away unheard
    /// has not.
    fn nothing_done(&self, index: usize) -> bool {
        let untouched =
            |mark: &ItemMark| matches!(mark, ItemMark::Pending | ItemMark::Done(DoneHow::Observation));
        self.run.steps[index].items.iter().all(|item| untouched(&item.mark))
    }

    /// What was confirmed is not sent: it would write over what somebody has changed since. The step
    /// is offered anew with what is so now.
    fn confirm_anew(&mut self, index: usize, item: &ItemRun, why: Safe, now: Timestamp) -> Started {
        let step = self.run.plan.steps[index].id.clone();
        let (key, attempt) = (Some(item.key.clone()), (item.attempts > 0).then_some(item.attempts));
        let how = FailedHow::NotDone;
        self.emit(RunEvent::Failed { step: step.clone(), item: key, attempt, how, why: why.clone() }, now);
        self.opened_at.insert(index, now);
        self.emit(RunEvent::Refused { step, item: None, attempt: None, status: None, why }, now);
        Started::Moved
    }

    /// Journals the intent of a write and queues it.
    pub(super) fn intend(&mut self, index: usize, target: &Target, attempt: u32, now: Timestamp) {
        let Some(operation) = target.operation.clone() else { return };
        let token = Token { step: index, item: target.key.clone(), attempt };
        let image = self.context.encode.encode(&operation);
        let (client_request_id, correlation_id) = self.request_ids(&token);
        let request = RequestRecord::of(&image, client_request_id, correlation_id);
        let step = self.run.plan.steps[index].id.clone();
        let item = target.key.clone();
        let before = target.before.clone();
        self.emit(RunEvent::Intent { step, item, attempt, operation, request, before }, now);
        if self.stopped.is_none() && !self.follows {
            let live = self.live(index, &target.key);
            live.awaited = true;
            live.why = None;
            self.queue(token, image);
        }
    }

    pub(super) fn done(&mut self, index: usize, key: &str, how: DoneHow, evidence: &str, now: Timestamp) {
        let step = self.run.plan.steps[index].id.clone();
        self.emit(
            RunEvent::Done {
                step,
                item: Some(key.to_owned()),
                how,
                evidence: Safe::new(evidence),
                given: None,
            },
            now,
        );
    }

    fn fail(&mut self, token: &Token, how: FailedHow, why: Safe, now: Timestamp) {
        let step = self.run.plan.steps[token.step].id.clone();
        let (item, attempt) = (Some(token.item.clone()), Some(token.attempt));
        self.emit(RunEvent::Failed { step, item, attempt, how, why }, now);
    }

    /// A write came back.
    pub(super) fn sent(&mut self, token: &Token, sent: Sent, now: Timestamp) {
        let Some(item) = self.item(token).cloned() else { return };
        self.live(token.step, &token.item).awaited = false;
        if item.attempts != token.attempt || item.mark != ItemMark::Intended {
            return;
        }
        match sent {
            Sent::Accepted { status, request_id, follow } => {
                self.accept(token, status, request_id, follow, now);
            }
            Sent::Refused { status, code, message } => {
                if counts_as_taken(item.operation.as_ref(), status, code.as_str()) {
                    self.accept(token, status, code, None, now);
                    return;
                }
                let step = self.run.plan.steps[token.step].id.clone();
                let (item, attempt) = (Some(token.item.clone()), Some(token.attempt));
                let why = Safe::new(&format!("{status} {code}: {message}"));
                self.emit(RunEvent::Refused { step, item, attempt, status: Some(status), why }, now);
            }
            Sent::NotSent { why, retry_after } => {
                let pause = retry_after.map_or(SEND_AGAIN, |secs| seconds(i64::from(secs)));
                let live = self.live(token.step, &token.item);
                live.not_before = Some(now + pause);
                live.check_since = None;
                live.why = Some(why.clone());
                if token.attempt >= NOT_SENT_MAX {
                    let step = self.run.plan.steps[token.step].id.clone();
                    let (item, attempt) = (Some(token.item.clone()), Some(token.attempt));
                    self.emit(RunEvent::Refused { step, item, attempt, status: None, why }, now);
                } else {
                    self.fail(token, FailedHow::NotSent, why, now);
                }
            }
            Sent::Ambiguous { why } if planted(Mistake::NaiveRetry) => {
                self.fail(token, FailedHow::NotSent, why, now);
            }
            Sent::Ambiguous { why } => self.fail(token, FailedHow::Ambiguous, why, now),
        }
    }

    fn accept(
        &mut self,
        token: &Token,
        status: u16,
        request_id: Safe,
        follow: Option<crate::domain::operation::FollowUrl>,
        now: Timestamp,
    ) {
        let step = self.run.plan.steps[token.step].id.clone();
        let due = follow.as_ref().map(|follow| now + seconds(i64::from(follow.pace)));
        let (item, attempt) = (token.item.clone(), token.attempt);
        self.emit(RunEvent::Accepted { step, item, attempt, status, request_id, follow }, now);
        self.live(token.step, &token.item).follow_due = due;
    }

    fn item(&self, token: &Token) -> Option<&ItemRun> {
        self.run.steps.get(token.step)?.items.iter().find(|item| item.key == token.item)
    }

    fn follow(&mut self, index: usize, item: &ItemRun, now: Timestamp) -> bool {
        let ItemMark::Accepted(Some(follow)) = &item.mark else { return false };
        let live = self.live(index, &item.key);
        if live.following {
            return false;
        }
        if let Some(due) = live.follow_due.filter(|due| *due > now) {
            self.wake_at(due);
        } else {
            live.following = true;
            let token = Token { step: index, item: item.key.clone(), attempt: item.attempts };
            self.order_follow(token, follow.clone());
        }
        false
    }

    /// A look at a long operation came back.
    pub(super) fn progressed(&mut self, token: &Token, progress: Progress, now: Timestamp) {
        let Some(item) = self.item(token).cloned() else { return };
        let live = self.live(token.step, &token.item);
        live.following = false;
        if item.attempts != token.attempt || !matches!(item.mark, ItemMark::Accepted(Some(_))) {
            return;
        }
        match progress {
            Progress::Running { pace } => {
                live.follow_due = Some(now + seconds(i64::from(pace)));
                live.unreadable_since = None;
            }
            Progress::Unreadable { why, gone: false } => self.unreadable(token, &why, now),
            Progress::Unreadable { why, gone: true } => self.fail(token, FailedHow::Ambiguous, why, now),
            Progress::Succeeded { output } => self.succeeded(token, &item, output, now),
            Progress::Failed { code, message } => {
                self.fail(token, FailedHow::Operation, Safe::new(&format!("{code}: {message}")), now);
            }
        }
    }

    /// The state of a long operation cannot be read. One that stays so for the whole dwell has no end to
    /// wait for: its object tells what became of it, and where it has none that can it ended unseen.
    fn unreadable(&mut self, token: &Token, why: &Safe, now: Timestamp) {
        let dwell = self.run.plan.steps[token.step].dwell;
        let live = self.live(token.step, &token.item);
        let since = *live.unreadable_since.get_or_insert(now);
        if now.duration_since(since) < dwell {
            live.follow_due = Some(now + LOOK_AGAIN);
            live.why = Some(why.clone());
            return;
        }
        live.unreadable_since = None;
        live.why = None;
        let why = format!("its state could not be read for {} s: {why}", dwell.as_secs());
        self.fail(token, FailedHow::Ambiguous, Safe::new(&why), now);
    }

    fn succeeded(&mut self, token: &Token, item: &ItemRun, output: Option<Safe>, now: Timestamp) {
        let step = self.run.plan.steps[token.step].id.clone();
        if let Some(value) = output {
            let (item, what) = (Some(token.item.clone()), Safe::new(PROBE_OUTPUT));
            self.emit(RunEvent::Observed { step: step.clone(), item, what, value }, now);
        }
        if item.operation.as_ref().is_some_and(unseeable) {
            self.done(token.step, &token.item, DoneHow::Action, "the operation ended well", now);
            return;
        }
        let (item, attempt) = (token.item.clone(), token.attempt);
        let request_id = Safe::new("long operation ended well");
        self.emit(RunEvent::Accepted { step, item, attempt, status: 200, request_id, follow: None }, now);
    }

    /// Looks until the object shows the change.
    fn verify(&mut self, index: usize, planned: &PlannedStep, item: &ItemRun, now: Timestamp) -> bool {
        let Some(operation) = item.operation.clone() else { return false };
        if unseeable(&operation) || planted(Mistake::DoneUnseen) {
            self.done(index, &item.key, DoneHow::Action, "Azure took it", now);
            return true;
        }
        let since = self.here(item.at, now) + AFTER;
        match self.is_so(&operation, &item.key, since, now) {
            Seen::Yes if self.is_gone_once(&operation) => {}
            Seen::Yes => {
                self.done(index, &item.key, DoneHow::Action, Self::evidence_word(&operation), now);
                return true;
            }
            Seen::No => {
                let looked = self.last_look(&operation);
                // The process before may have had another clock: the dwell is counted on this one.
                let from = self.went_on.map_or(item.at, |went_on| item.at.max(went_on));
                if looked.is_some_and(|at| at.duration_since(from) >= planned.dwell) {
                    let (how, why) = self.not_so(&operation, planned, now);
                    let token = Token { step: index, item: item.key.clone(), attempt: item.attempts };
                    self.fail(&token, how, why, now);
                    return true;
                }
            }
            Seen::NotYet => {}
        }
        self.want_item(&operation, since);
        false
    }

    /// What it means that a change which Azure took does not show after the whole dwell: it was
    /// not done, or somebody has taken it back. Trying again is a person's to decide.
    fn not_so(&self, operation: &Operation, planned: &PlannedStep, now: Timestamp) -> (FailedHow, Safe) {
        match operation {
            Operation::LogOff { session } if self.host_is_dead(session, now) => {
                (FailedHow::Ghost, Safe::new("the broker lists it, its host is dead"))
            }
            Operation::LogOff { .. } => (FailedHow::NotDone, Safe::new("still listed")),
            _ => {
                let dwell = planned.dwell.as_secs();
                let why =
                    format!("Azure took it, and looking for {dwell} s did not show it: undone by somebody?");
                (FailedHow::NotDone, Safe::new(&why))
            }
        }
    }

    /// After an unseen end: looks for the whole dwell before the contrary is believed.
    fn settle(&mut self, index: usize, planned: &PlannedStep, item: &ItemRun, now: Timestamp) -> bool {
        if self.awaiting_resume {
            return false;
        }
        let Some(operation) = item.operation.clone() else { return false };
        let token = Token { step: index, item: item.key.clone(), attempt: item.attempts };
        if planned.on_ambiguous == OnAmbiguous::Adopt
            || (unseeable(&operation) && !matches!(operation, Operation::RunProbe { .. }))
        {
            self.done(index, &item.key, DoneHow::Adopted, "may have been sent; never sent twice", now);
            return true;
        }
        if unseeable(&operation) {
            self.fail(&token, FailedHow::NotDone, Safe::new("its output was not seen"), now);
            return true;
        }
        let since = *self.live(index, &item.key).settle_since.get_or_insert(now);
        match self.is_so(&operation, &item.key, since, now) {
            Seen::Yes if self.is_gone_once(&operation) => {}
            Seen::Yes => {
                self.live(index, &item.key).settle_since = None;
                self.done(index, &item.key, DoneHow::Adopted, Self::evidence_word(&operation), now);
                return true;
            }
            Seen::No
                if planted(Mistake::NoDwell)
                    || self
                        .last_look(&operation)
                        .is_some_and(|at| at.duration_since(since) >= planned.dwell) =>
            {
                let live = self.live(index, &item.key);
                live.settle_since = None;
                live.check_since = None;
                // What a dead side did not take is not tried again; what a dying process may never
                // have sent was not tried.
                let unheard = item.mark == ItemMark::Intended;
                let tries_once =
                    self.run.plan.mode == Mode::Ungraceful && planned.ungraceful == Ungraceful::TryDefer;
                let again = planned.on_ambiguous == OnAmbiguous::Reissue
                    && operation.repeatable()
                    && (unheard || (item.attempts < ATTEMPTS_MAX && !tries_once));
                let how = if again { FailedHow::Reissue } else { FailedHow::NotDone };
                let why = format!("looked for {} s: not done", planned.dwell.as_secs());
                self.fail(&token, how, Safe::new(&why), now);
                return true;
            }
            Seen::No | Seen::NotYet => {}
        }
        self.want_item(&operation, since);
        false
    }
}

enum Started {
    Moved,
    Waits,
    Blocks,
}

/// Operations whose effect cannot be read back.
fn unseeable(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::RestartVm { .. } | Operation::SendMessage { .. } | Operation::RunProbe { .. }
    )
}

/// Refusals that mean "it is so already": looking decides (azure-avd §2, §10.5).
fn counts_as_taken(operation: Option<&Operation>, status: u16, code: &str) -> bool {
    match operation {
        Some(Operation::Grant { .. }) => status == 409 && code.eq_ignore_ascii_case("RoleAssignmentExists"),
        Some(Operation::Revoke { .. } | Operation::LogOff { .. }) => status == 404,
        _ => false,
    }
}
