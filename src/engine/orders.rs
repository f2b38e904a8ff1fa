//! Commands other than the confirmation.

use crate::{
    domain::{Operation, Safe, Source, access::PrincipalId, death, operation::FollowUrl, time::Timestamp},
    runbook::{Action, StepKind, targets::Target, vocabulary::Ungraceful},
};

use super::{
    command::{Command, Refusal},
    event::{ConfirmedBy, DoneHow, Given, NoteAbout, RunEvent, StepId},
    items::LOOK_AGAIN,
    machine::{Engine, FollowOrder, Output, Token},
    run::{ItemMark, StepMark},
};

/// Why a revoke is not put off.
const NOT_TRIED: &str = "not tried yet: confirm it once, what is refused then can be put off";

impl Engine {
    /// Takes a command, or says why not. A refused command changes nothing.
    pub(super) fn command(&mut self, command: Command, now: Timestamp) -> Result<(), Refusal> {
        if let Some(why) = &self.stopped {
            return Err(Refusal::NoJournal(why.to_string()));
        }
        if let Some(end) = self.run.closed.filter(|_| self.run.is_over()) {
            return Err(Refusal::Closed(format!("{end:?}")));
        }
        self.refuse_aborting(&command)?;
        match command {
            Command::Arm { on, how } => {
                self.armed_here = on;
                self.emit(RunEvent::Armed { on, how }, now);
            }
            Command::Offer { step } => self.open_dialog(&step, now)?,
            Command::Withdraw { step } => {
                let index = self.step_index(&step)?;
                self.dialogs.remove(&index);
            }
            Command::Confirm(confirm) => self.confirm(confirm, now)?,
            Command::Value { step, value, by, latency_ms } => {
                self.take_value(&step, value, Given { by, latency_ms }, now)?;
            }
            Command::Skip { step, reason } => self.skip(step, reason, now)?,
            Command::Downgrade { step, reason } => self.downgrade(step, reason, now)?,
            Command::Retry { step, item, by } => self.retry(&step, item.as_deref(), by, now)?,
            Command::RestartHost { step, item } => self.restart_host(&step, &item, now)?,
            Command::AcceptStuck { step, items, by, latency_ms } => {
                self.accept_stuck(&step, &items, Given { by, latency_ms }, now)?;
            }
            Command::LeaveHolder { principal, reason } => {
                self.leave_holder(&principal, &reason, now)?;
            }
            Command::ShortenNotice { reason } => self.shorten_notice(reason, now)?,
            Command::State { text } => self.note(None, NoteAbout::Statement, text, now),
            Command::Note { text } => {
                let step = self.run.current().map(|index| self.run.plan.steps[index].id.clone());
                self.note(step, NoteAbout::Remark, text, now);
            }
            Command::Hold { why, note } => self.hold(why, note, now),
            Command::Resume => self.resume(now),
            Command::Abort { reason } => self.abort(reason, now)?,
        }
        Ok(())
    }

    /// A run that only watches has nothing to abort, and what it owes must not be forgotten with it.
    fn abort(&mut self, reason: Safe, now: Timestamp) -> Result<(), Refusal> {
        if self.run.closed.is_some() {
            let owed: Vec<&str> =
                self.run.debts().into_iter().map(|index| self.run.plan.steps[index].id.as_str()).collect();
            return Err(Refusal::OnlyWatches(owed.join(", ")));
        }
        let (flies, unlooked) = (self.flying() > 0, self.awaiting_resume);
        if unlooked {
            // Nothing has looked since the process before ended: what was in flight is looked at first,
            // and the wait for its end counts from here.
            self.resume(now);
            self.recheck = None;
        }
        if unlooked || flies {
            let step = self.run.current().map(|index| self.run.plan.steps[index].id.clone());
            self.note(step, NoteAbout::Remark, Safe::new(&format!("to be aborted: {reason}")), now);
        }
        // Said again it changes the reason, not how long is waited.
        let since = self.aborting.as_ref().map_or(now, |(_, since)| *since);
        self.aborting = Some((reason, since));
        Ok(())
    }

    /// How much may be on its way to or at work in Azure.
    pub(super) fn flying(&self) -> usize {
        self.run.steps.iter().flat_map(|step| &step.items).filter(|item| item.mark.in_flight()).count()
    }

    /// What would go on with a run is not taken while it is being aborted: nothing would come of it, and
    /// who is offered it reads that the run goes on. A hold is: a process that is left holds its run.
    fn refuse_aborting(&self, command: &Command) -> Result<(), Refusal> {
        let goes_on = matches!(
            command,
            Command::Confirm(_)
                | Command::Skip { .. }
                | Command::Downgrade { .. }
                | Command::Retry { .. }
                | Command::RestartHost { .. }
                | Command::ShortenNotice { .. }
                | Command::Resume
        );
        if self.aborting.is_some() && goes_on { Err(Refusal::Aborting(self.flying())) } else { Ok(()) }
    }

    fn note(&mut self, step: Option<StepId>, about: NoteAbout, text: Safe, now: Timestamp) {
        self.emit(RunEvent::Note { step, about, text, given: None }, now);
    }

    /// Whoever is to be granted the other side is not left on this one: the guard would never let its
    /// grant go.
    fn leave_holder(
        &mut self,
        principal: &PrincipalId,
        reason: &Safe,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let planned = self.context.estate.services[self.run.plan.service_index].principals();
        let known = planned.iter().find(|known| known.id == *principal);
        if let Some(known) = known.filter(|_| self.holds_again(principal)) {
            return Err(Refusal::Planned {
                name: known.name.clone(),
                code: self.run.plan.codes[self.run.plan.from].clone(),
            });
        }
        let text = Safe::new(&format!("{} {reason}", principal.as_str()));
        self.note(None, NoteAbout::HolderLeft, text, now);
        Ok(())
    }

    /// Only a notice that runs can be cut, and only with a reason: a cut given beforehand would
    /// leave no notice at all.
    fn shorten_notice(&mut self, reason: Safe, now: Timestamp) -> Result<(), Refusal> {
        let telling = self.run.plan.steps.iter().position(|step| step.action == Some(Action::MessageActive));
        let Some(index) = telling else { return Err(Refusal::NoSuchStep("a6-tell-users".to_owned())) };
        let step = self.run.plan.steps[index].id.clone();
        if reason.as_str().trim().is_empty() {
            return Err(Refusal::NoReason(step));
        }
        if self.run.steps[index].mark != StepMark::Working {
            return Err(Refusal::WrongState { step, state: "not at work" });
        }
        self.note(Some(step), NoteAbout::NoticeShortened, reason, now);
        Ok(())
    }

    /// Everything under the dialog is read again from now on, and its list is pinned anew.
    fn open_dialog(&mut self, step: &StepId, now: Timestamp) -> Result<(), Refusal> {
        let index = self.step_index(step)?;
        // Whether what failed can be asked for again shows only once it was looked at.
        let step = &self.run.steps[index];
        let failed = step.mark == StepMark::Working && step.items.iter().any(|item| item.mark.failed());
        if !failed && !self.may_offer(index, now) {
            return Err(self.not_offered(index));
        }
        self.opened_at.insert(index, now);
        self.dialogs.insert(index, None);
        for source in self.offer_sources(index, now) {
            self.look_now(source, now);
        }
        Ok(())
    }

    /// Why a step has nothing to confirm.
    fn not_offered(&self, index: usize) -> Refusal {
        let step = self.run.plan.steps[index].id.clone();
        let state = match &self.run.steps[index].mark {
            _ if self.awaiting_resume => return Refusal::Interrupted,
            StepMark::Working => "at work",
            StepMark::Open if self.run.plan.steps[index].phase.is_none() => "not to be taken back now",
            StepMark::Open => match self.run.current() {
                Some(first) if first != index => {
                    return Refusal::OutOfTurn { step, first: self.run.plan.steps[first].id.clone() };
                }
                _ => "not to be confirmed now",
            },
            StepMark::Done(_) => "done",
            StepMark::Skipped(_) => "skipped",
            StepMark::Deferred { .. } => "not owed any more",
        };
        Refusal::WrongState { step, state }
    }

    fn take_value(
        &mut self,
        step: &StepId,
        value: Safe,
        given: Given,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let index = self.step_index(step)?;
        let planned = &self.run.plan.steps[index];
        // What is said before its turn tells of another world: later steps change it.
        let state = match &planned.ask {
            _ if self.run.steps[index].is_over() => Some("over"),
            None => Some("not asking"),
            Some(_) => (self.run.current() != Some(index)).then_some("not in turn"),
        };
        if let Some(state) = state {
            return Err(Refusal::WrongState { step: step.clone(), state });
        }
        if value.as_str().trim().is_empty() {
            return Err(Refusal::NoReason(step.clone()));
        }
        let (step, given) = (Some(step.clone()), Some(given));
        self.emit(RunEvent::Note { step, about: NoteAbout::Value, text: value, given }, now);
        Ok(())
    }

    /// Gates and the steps that keep people out of two pools cannot be skipped. What a person skips
    /// although it can be done later is a debt.
    pub(super) fn may_skip(&self, index: usize) -> bool {
        let planned = &self.run.plan.steps[index];
        planned.kind != StepKind::Gate
            && planned.phase.is_some()
            && self.run.current() == Some(index)
            && !matches!(
                planned.action,
                Some(
                    Action::RevokeActive | Action::LogOffActive | Action::GrantStandby | Action::DrainActive
                )
            )
            && planned.id != "a1-snapshot"
            && !self.run.steps[index].items.iter().any(|item| item.mark.in_flight())
    }

    fn skip(&mut self, step: StepId, reason: Safe, now: Timestamp) -> Result<(), Refusal> {
        let index = self.step_index(&step)?;
        if reason.as_str().trim().is_empty() {
            return Err(Refusal::NoReason(step));
        }
        if !self.may_skip(index) {
            return Err(Refusal::WrongState { step, state: "not to be skipped" });
        }
        // What can still be done on the side that is left is owed, whoever put it off (design §2.8).
        let owed = matches!(self.run.plan.steps[index].ungraceful, Ungraceful::Defer | Ungraceful::TryDefer);
        let event = if owed {
            RunEvent::Deferred { step, reason, downgraded: false }
        } else {
            RunEvent::Skipped { step, reason }
        };
        self.emit(event, now);
        Ok(())
    }

    /// Whether the step has an ungraceful variant and is the one in turn.
    pub(super) fn may_downgrade(&self, index: usize) -> bool {
        let planned = &self.run.plan.steps[index];
        planned.ungraceful != Ungraceful::Same
            && planned.phase.is_some()
            && self.run.current() == Some(index)
            && !self.run.steps[index].items.iter().any(|item| item.mark.in_flight())
    }

    /// Whether a step is tried before it can be put off: the fence of a revoke that was not tried stays shut, and
    /// where it can be listed it can be tried.
    pub(super) fn must_be_tried(&self, index: usize, now: Timestamp) -> bool {
        self.run.plan.steps[index].action == Some(Action::RevokeActive)
            && self.revoke_untried()
            && matches!(self.found(index, Timestamp::MIN, now), Some(Ok(_)))
    }

    fn downgrade(&mut self, step: StepId, reason: Safe, now: Timestamp) -> Result<(), Refusal> {
        let index = self.step_index(&step)?;
        if reason.as_str().trim().is_empty() {
            return Err(Refusal::NoReason(step));
        }
        if !self.may_downgrade(index) {
            return Err(Refusal::WrongState { step, state: "not to be downgraded" });
        }
        let signs = self.evidence(index, Timestamp::MIN, now).signs();
        if !death::rule(&signs) {
            for source in self.evidence(index, now, now).death_sources() {
                self.look_now(source, now);
            }
            let seen: Vec<String> = signs.iter().map(|sign| sign.class.to_string()).collect();
            let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
            return Err(Refusal::NotDead(format!("two signs of different classes are needed, seen: {seen}")));
        }
        if self.must_be_tried(index, now) {
            return Err(Refusal::WrongState { step, state: NOT_TRIED });
        }
        self.emit(RunEvent::Deferred { step, reason, downgraded: true }, now);
        Ok(())
    }

    /// Whether what a person accepted by name in a step can still be ended: until somebody is granted.
    pub(super) fn may_end_accepted(&self, index: usize) -> bool {
        let granted = self.run.of_action(Action::GrantStandby);
        let step = &self.run.steps[index];
        self.run.closed.is_none()
            && self.run.plan.steps[index].action == Some(Action::LogOffActive)
            && matches!(step.mark, StepMark::Working | StepMark::Done(_))
            && step.items.iter().any(|item| item.mark.accepted())
            && !granted.is_some_and(|(_, step)| step.items.iter().any(|item| item.attempts > 0))
    }

    /// What was confirmed finishes when the cockpit is disarmed; another decision needs it armed.
    fn must_be_armed(&self, step: &StepId) -> Result<(), Refusal> {
        if self.run.armed { Ok(()) } else { Err(Refusal::NotArmed(step.clone())) }
    }

    /// Sends failed items once more: never a POST that may have arrived. What was accepted by name
    /// goes again where it is named, or where nothing else is left of its step.
    fn retry(
        &mut self,
        step: &StepId,
        item: Option<&str>,
        by: ConfirmedBy,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let index = self.step_index(step)?;
        self.must_be_armed(step)?;
        let waits = item.is_none() && self.may_wait_on(index);
        let working = self.run.steps[index].mark == StepMark::Working;
        if !working && !waits && !self.may_end_accepted(index) {
            return Err(Refusal::WrongState { step: step.clone(), state: "not at work" });
        }
        let again: Vec<(String, u32)> =
            self.goes_again(index, item).map(|known| (known.key.clone(), known.attempts)).collect();
        if again.is_empty() && !waits {
            return Err(Refusal::WrongState {
                step: step.clone(),
                state: "without an item that may go again",
            });
        }
        if waits {
            self.wait_on(index, by, now);
        }
        for (key, attempt) in again {
            let live = self.live(index, &key);
            live.check_since = None;
            live.not_before = None;
            live.settle_since = None;
            let (step, item, attempt) = (step.clone(), Some(key), Some(attempt));
            let why = Safe::new(&format!("{} asked for another attempt", by.word()));
            self.emit(
                RunEvent::Failed { step, item, attempt, how: super::event::FailedHow::Reissue, why },
                now,
            );
        }
        Ok(())
    }

    /// Whether a step past its patience may be waited for once more.
    pub(super) fn may_wait_on(&self, index: usize) -> bool {
        let step = &self.run.steps[index];
        step.timed_out && !step.is_over() && self.run.closed.is_none()
    }

    /// Gives a step past its patience as much of it again.
    fn wait_on(&mut self, index: usize, by: ConfirmedBy, now: Timestamp) {
        let why = Safe::new(&format!("{} asked to wait once more", by.word()));
        let (step, how) = (self.run.plan.steps[index].id.clone(), super::event::FailedHow::Reissue);
        self.emit(RunEvent::Failed { step, item: None, attempt: None, how, why }, now);
    }

    /// Restarts the machine under a session that will not end.
    fn restart_host(&mut self, step: &StepId, item: &str, now: Timestamp) -> Result<(), Refusal> {
        let index = self.step_index(step)?;
        self.must_be_armed(step)?;
        let ends = self.may_end_accepted(index);
        let stuck = |known: &&super::run::ItemRun| {
            known.key == item && (known.mark.failed() || (ends && known.mark.accepted()))
        };
        let session = self.run.steps[index].items.iter().find(stuck);
        let logs_off =
            |known: &&super::run::ItemRun| matches!(known.operation, Some(Operation::LogOff { .. }));
        let Some(session) = session.filter(logs_off) else {
            return Err(Refusal::WrongState { step: step.clone(), state: "without such a stuck session" });
        };
        let Some((_, vm)) = self.machine_under(session) else {
            return Err(Refusal::WrongState {
                step: step.clone(),
                state: "without a known machine for that session",
            });
        };
        let (key, before) = (format!("restart {}", vm.name()), Safe::new("stuck session"));
        let mut target = Target { key, operation: Some(Operation::RestartVm { vm }), before };
        target.key = self.run.steps[index].key_for(&target, Timestamp::MIN);
        let state = match self.run.steps[index].items.iter().find(|known| known.key == target.key) {
            _ if !self.may_write(index) || self.sending() => "busy",
            Some(known) if known.mark.in_flight() => "restarting that host",
            Some(_) => "done with that host, which was restarted already",
            None => {
                self.intend(index, &target, 1, now);
                return Ok(());
            }
        };
        Err(Refusal::WrongState { step: step.clone(), state })
    }

    /// Whether a step can go on without an item: where nobody can be in two pools because of it. A
    /// revoke cannot; a plan that acts is skipped instead.
    pub(super) fn may_accept_stuck(&self, index: usize) -> bool {
        let planned = &self.run.plan.steps[index];
        let spared = [Action::DrainActive, Action::LogOffActive, Action::GrantStandby, Action::StopActive];
        self.run.steps[index].mark == StepMark::Working
            && (planned.phase.is_none() || planned.action.is_some_and(|action| spared.contains(&action)))
    }

    /// All stuck items must be named, and nothing else.
    fn accept_stuck(
        &mut self,
        step: &StepId,
        items: &[String],
        given: Given,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let index = self.step_index(step)?;
        if !self.may_accept_stuck(index) {
            return Err(Refusal::WrongState { step: step.clone(), state: "not to go on without an item" });
        }
        let stuck: Vec<String> = self.run.steps[index]
            .items
            .iter()
            .filter(|item| item.mark.failed())
            .map(|item| item.key.clone())
            .collect();
        if stuck.is_empty() || stuck.len() != items.len() || !items.iter().all(|item| stuck.contains(item)) {
            return Err(Refusal::WrongWord { step: step.clone(), asked: stuck.join(", ") });
        }
        for key in stuck {
            let evidence = Safe::new("accepted by name although it did not end");
            let (step, item, how) = (step.clone(), Some(key), DoneHow::Accepted);
            self.emit(RunEvent::Done { step, item, how, evidence, given: Some(given) }, now);
        }
        Ok(())
    }

    /// Orders a look at once, whatever the pace.
    pub(super) fn look_now(&mut self, source: Source, now: Timestamp) {
        self.ask(source, now, LOOK_AGAIN);
    }

    /// Orders a look at a long operation.
    pub(super) fn order_follow(&mut self, token: Token, follow: FollowUrl) {
        self.push_output(Output::Follow(FollowOrder { token, follow }));
    }
}

pub(super) fn may_go_again(item: &super::run::ItemRun) -> bool {
    let repeatable = item.operation.as_ref().is_some_and(Operation::repeatable);
    match &item.mark {
        ItemMark::Refused(_) | ItemMark::Failed(..) => repeatable,
        _ => false,
    }
}

/// Steps whose effect someone or something else could take back while nobody looked.
pub(super) fn comes_undone(action: Action) -> bool {
    matches!(
        action,
        Action::HoldStandbyPlan
            | Action::HoldActivePlan
            | Action::DrainActive
            | Action::RevokeActive
            | Action::LogOffActive
            | Action::GrantStandby
    )
}
