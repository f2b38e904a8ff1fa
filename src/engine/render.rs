//! The run as plain data for screens, lines and reports.

use crate::{
    domain::{
        Safe,
        time::{Span, Timestamp},
    },
    runbook::{Action, Mode, StepKind, plan::PlannedStep, vocabulary::Ungraceful},
};

use super::{
    event::GateItem,
    machine::Engine,
    offer::Offer,
    run::{ItemMark, ItemRun, StepMark},
    view::{Choice, ItemPhase, ItemView, PhaseView, RunState, RunView, StepState, StepView},
};

/// A step that runs this many times its usual time is slow.
const SLOW_TIMES: i32 = 2;

/// A probe that failed so often in a row leaves a person to look.
const PROBES_FAILED: usize = 2;

/// Killer items with their values, as they stand.
#[derive(Debug, Default)]
struct Proofs {
    items: Vec<GateItem>,
    /// Ids of those that rest on a look too old to be trusted.
    old: Vec<String>,
    /// Ids of those that count, although an answer under them is older than its source's are trusted.
    dated: Vec<String>,
}

impl Engine {
    /// The run at `now`.
    pub fn view(&self, now: Timestamp) -> RunView {
        let run = &self.run;
        let current = run.current().filter(|_| run.closed.is_none() || self.any_working());
        let shown: Vec<usize> = (0..run.plan.steps.len()).filter(|&index| self.is_shown(index)).collect();
        let steps: Vec<StepView> = shown.iter().map(|&index| self.step_view(index, now)).collect();
        let debts = run.debts();
        let back = !debts.is_empty() && self.is_back(now);
        let ready: Vec<usize> =
            debts.iter().copied().filter(|&index| run.waits_for(index).is_none()).collect();
        let settles = debts.first().copied().filter(|&first| back && self.settles(first, now));
        let ready: Vec<usize> = ready.into_iter().filter(|index| settles != Some(*index)).collect();
        let names =
            |indices: &[usize]| indices.iter().map(|&index| run.plan.steps[index].id.clone()).collect();
        let impact = run.opened.impact.unwrap_or(run.opened_at);
        let rto = self.context.estate.policy.rto;
        // It is over when enough users are back: closing a run costs nobody service.
        let until = run.served_at().unwrap_or(now);
        RunView {
            run: self.context.run.clone(),
            runbook: run.plan.runbook.clone(),
            local: run.plan.local,
            service: run.plan.service.clone(),
            service_index: run.plan.service_index,
            mode: run.plan.mode,
            from: run.plan.from,
            to: run.plan.to,
            codes: run.plan.codes.clone(),
            state: self.run_state(current, now),
            opened: run.opened_at,
            impact,
            impact_stated: run.opened.impact.is_some(),
            rto_left: rto.map(|rto| (impact + rto).duration_since(until)),
            served: run.served_at().is_some(),
            interrupted: self.awaiting_resume && !run.is_over(),
            watches: run.closed.is_some() && !run.is_over(),
            phases: self.phase_views(&steps, now),
            current: current.and_then(|current| shown.iter().position(|&index| index == current)),
            debts: names(&debts),
            debts_ready: if back { names(&ready) } else { Vec::new() },
            debt_settles: settles.map(|index| run.plan.steps[index].id.clone()),
            primary_is_back: back && run.leaves_dead(),
            free_exit: !run.past_free_exit(),
            wrote: run.wrote(),
            durable: self.durable,
            statement: run.statement.clone(),
            stopped: self.stopped.clone(),
            baseline_users: run.baseline_users,
            planned_users: run.plan.users,
            effective_by: self.run.effective_by().filter(|by| *by > now),
            hold: run.hold.clone(),
            last_at: run.last_at,
            worked_at: run.worked_at,
            steps,
        }
    }

    fn any_working(&self) -> bool {
        self.run.steps.iter().any(|step| step.mark == StepMark::Working)
    }

    /// Undo steps are shown only while they can be used.
    fn is_shown(&self, index: usize) -> bool {
        self.run.plan.steps[index].phase.is_some()
            || self.run.steps[index].mark == StepMark::Working
            || self.may_undo(index)
    }

    fn run_state(&self, current: Option<usize>, now: Timestamp) -> RunState {
        if let Some(end) = self.run.closed
            && (self.run.is_over() || !self.any_working())
        {
            return RunState::Closed(end);
        }
        if self.aborting.is_some() {
            return RunState::Aborting(self.flying());
        }
        if let Some((why, note)) = &self.run.held {
            return RunState::Held(*why, note.clone());
        }
        let waits = current.is_none_or(|index| {
            matches!(
                self.step_state(index, now),
                StepState::Ready | StepState::AwaitingPerson | StepState::Failed | StepState::TimedOut
            )
        });
        if waits || self.awaiting_resume { RunState::AwaitingPerson } else { RunState::Running }
    }

    fn phase_views(&self, steps: &[StepView], now: Timestamp) -> Vec<PhaseView> {
        self.run
            .plan
            .phases
            .iter()
            .map(|phase| {
                let ids: Vec<&str> =
                    self.run.plan.phase_steps(&phase.id).map(|step| step.id.as_str()).collect();
                let within: Vec<&StepView> =
                    steps.iter().filter(|step| ids.contains(&step.id.as_str())).collect();
                let first =
                    steps.iter().position(|step| ids.first() == Some(&step.id.as_str())).unwrap_or_default();
                // What was put off is paid long after its phase.
                let on_time = |step: &&&StepView| {
                    self.run.plan.position(&step.id).is_some_and(|at| !self.run.steps[at].owed)
                };
                let began = within.iter().filter(on_time).filter_map(|step| step.since).min();
                let over = within.iter().filter(|step| step.state.over()).count();
                let ended = self.phase_end(&ids).filter(|_| over == within.len());
                let elapsed = began.map_or(Span::ZERO, |at| ended.unwrap_or(now).duration_since(at));
                let gate = phase.gate.as_ref().and_then(|gate| {
                    let index = self.run.plan.position(gate)?;
                    Some((gate.clone(), self.run.steps[index].gate.as_ref().map(|(verdict, _)| *verdict)))
                });
                PhaseView {
                    id: phase.id.clone(),
                    first,
                    count: within.len(),
                    over,
                    gate,
                    elapsed,
                    free_exit_ends: phase.free_exit_ends,
                }
            })
            .collect()
    }

    fn phase_end(&self, ids: &[&str]) -> Option<Timestamp> {
        let on_time = ids.iter().filter_map(|id| Some(&self.run.steps[self.run.plan.position(id)?]));
        on_time.filter(|step| !step.owed).filter_map(|step| step.ended).max()
    }

    /// State of a step by the design's words.
    pub fn step_state(&self, index: usize, now: Timestamp) -> StepState {
        self.state(index, now, || {
            self.offer(index, now).is_some_and(|offer| self.obstacles(index, &offer).next().is_none())
        })
    }

    /// What keeps a step from being confirmed. Nobody looks all the time at what an undo would touch: its
    /// dialog does, so that an old list blocks it in there alone.
    fn obstacles<'o>(&self, index: usize, offer: &'o Offer) -> impl Iterator<Item = &'o Safe> + use<'o> {
        let undo = self.run.plan.steps[index].phase.is_none() && !self.dialogs.contains_key(&index);
        offer.blocked.iter().chain(offer.aged.as_ref().filter(move |_| !undo))
    }

    /// The same; `ready` says whether the step could be confirmed, which is dear to find out.
    fn state(&self, index: usize, now: Timestamp, ready: impl Fn() -> bool) -> StepState {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        match &step.mark {
            StepMark::Done(super::event::DoneHow::Observation) => StepState::DoneByObservation,
            StepMark::Done(_) => StepState::Done,
            StepMark::Skipped(_) => StepState::Skipped,
            StepMark::Deferred { .. } => StepState::Deferred,
            StepMark::Working => self.working_state(index, now, ready),
            StepMark::Open if planned.phase.is_some() && self.run.current() != Some(index) => {
                StepState::Pending
            }
            StepMark::Open => self.open_state(index, planned, ready),
        }
    }

    fn working_state(&self, index: usize, now: Timestamp, ready: impl Fn() -> bool) -> StepState {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        let busy = step.items.iter().any(|item| item.mark == ItemMark::Pending || item.mark.in_flight());
        if self.awaiting_resume && busy {
            return StepState::Interrupted;
        }
        if (self.lacks_fence(index, now) || self.lacks_unseen(index, now)) && ready() {
            return StepState::Ready;
        }
        if busy && !self.may_write(index) && !step.items.iter().any(|item| item.mark.in_flight()) {
            return StepState::Blocked;
        }
        if busy {
            let wrote = step.items.iter().any(|item| item.attempts > 0);
            return match (step.timed_out, wrote) {
                (true, _) => StepState::TimedOut,
                (_, true) => StepState::Running,
                (_, false) => StepState::Confirmed,
            };
        }
        if step.has_failed(planned.done_at) {
            return StepState::Failed;
        }
        if step.timed_out {
            return StepState::TimedOut;
        }
        if ready() { StepState::Ready } else { StepState::Waiting }
    }

    fn open_state(&self, index: usize, planned: &PlannedStep, ready: impl FnOnce() -> bool) -> StepState {
        let timed_out = self.run.steps[index].timed_out;
        match planned.kind {
            StepKind::Observe if timed_out => StepState::TimedOut,
            // Given, and not yet taken: after a resume something else is looked at first.
            StepKind::Manual if self.run.steps[index].value.is_some() => StepState::Waiting,
            StepKind::Manual => StepState::AwaitingPerson,
            StepKind::Observe => StepState::Waiting,
            _ if self.asks(index) => StepState::AwaitingPerson,
            _ if ready() => StepState::Ready,
            _ if timed_out => StepState::TimedOut,
            _ => StepState::Blocked,
        }
    }

    /// Since when the step runs: a gate since its turn came, another one since its confirmation, and while
    /// it waits for that since its turn came too.
    fn began(&self, index: usize, state: StepState) -> Option<Timestamp> {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        if state == StepState::Pending || planned.phase.is_none() {
            return step.began;
        }
        // What writes or probes is at work since it was confirmed, not since it waits for that.
        if (planned.kind == StepKind::Automatic || planned.action.is_some()) && step.began.is_some() {
            return step.began;
        }
        // After an undo the turn comes anew, but of what was over by then nothing changes.
        let all = self.run.steps.iter().zip(&self.run.plan.steps).enumerate();
        let before =
            all.filter(|(at, (step, planned))| (*at < index && !step.owed) || planned.phase.is_none());
        let over = before.filter_map(|(_, (step, _))| step.ended);
        let turn = over.filter(|at| step.ended.is_none_or(|own| *at <= own)).max();
        let turn = turn.unwrap_or(self.run.opened_at);
        Some(step.began.map_or(turn, |began| began.min(turn)))
    }

    /// Whether a value of a person is needed: run command is off, or fails again and again, and nobody has
    /// said it yet.
    fn asks(&self, index: usize) -> bool {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        let failed = step.items.iter().rev().take_while(|item| item.mark.failed()).count();
        let unprobed = step.mark == StepMark::Working && failed >= PROBES_FAILED;
        planned.ask.is_some()
            && step.value.is_none()
            && (planned.kind == StepKind::Manual
                || unprobed
                || (planned.action.is_some() && !self.context.estate.policy.allow_run_command))
    }

    fn step_view(&self, index: usize, now: Timestamp) -> StepView {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        let offer = self.offer(index, now);
        let blocked_by =
            offer.as_ref().map(|offer| self.obstacles(index, offer).cloned().collect::<Vec<_>>());
        let state = self.state(index, now, || blocked_by.as_ref().is_some_and(Vec::is_empty));
        let offer = offer.and_then(|live| self.view_of(index, live, now));
        let since = self.began(index, state);
        let running = since.map_or(Span::ZERO, |at| step.ended.unwrap_or(now).duration_since(at));
        let active = !matches!(state, StepState::Pending) && !state.over();
        let (stands, taken_back) = self.run.changes_of(index);
        let Proofs { items, old, dated } = if active { self.proofs(index, now) } else { Proofs::default() };
        StepView {
            id: planned.id.clone(),
            title: planned.title.clone(),
            why: planned.why.clone(),
            abort: planned.abort.clone(),
            undo: planned.undo.clone(),
            is_undo: planned.phase.is_none(),
            kind: planned.kind,
            state,
            done: step.items.iter().filter(|item| item.mark.over()).count(),
            unsent: step.unsent,
            stands,
            taken_back,
            items: step.items.iter().map(|item| self.item_view(index, item)).collect(),
            proofs: items,
            old_proofs: old,
            dated_proofs: dated,
            since,
            running,
            usual: planned.usual,
            slow: active && step.confirmed.is_some() && running > planned.usual * SLOW_TIMES,
            countdown: self.countdown(index, now),
            offer,
            ask: planned.ask.clone().filter(|_| self.asks(index) && active),
            value: step.value.clone(),
            blocked_by: step
                .refused
                .iter()
                .cloned()
                .chain(self.cannot_write(index))
                .chain(blocked_by.into_iter().flatten())
                .collect(),
            choices: self.choices(index, now),
            no_undo: planned
                .undo
                .as_ref()
                .and_then(|undo| self.run.plan.position(undo))
                .and_then(|undo| self.why_no_undo(undo)),
            reason: match &step.mark {
                StepMark::Skipped(reason) | StepMark::Deferred { reason, .. } => Some(reason.clone()),
                _ => step.refused.clone(),
            },
            no_longer: self.no_longer(index, now),
        }
    }

    /// Why a confirmed step cannot send what is left of it.
    fn cannot_write(&self, index: usize) -> Option<Safe> {
        let waiting = self.run.steps[index].mark == StepMark::Working
            && self.run.steps[index].items.iter().any(|item| item.mark == ItemMark::Pending);
        if !waiting || self.may_write(index) {
            return None;
        }
        Some(Safe::new(match (&self.stopped, &self.run.held, self.awaiting_resume) {
            (Some(why), _, _) => why.as_str(),
            (None, Some(_), _) => "the run is held",
            (None, None, true) => "its process has ended: the run has to be gone on with",
            (None, None, false) => "arm the cockpit to go on",
        }))
    }

    /// The killer items of a step.
    fn proofs(&self, index: usize, now: Timestamp) -> Proofs {
        let planned = &self.run.plan.steps[index];
        let step = &self.run.steps[index];
        let since = match &step.confirmed {
            Some((at, _)) => *at,
            None => self.opened_at.get(&index).copied().unwrap_or(Timestamp::MIN),
        };
        let evidence = self.evidence(index, since, now);
        let killers = if step.confirmed.is_none() && planned.kind != StepKind::Gate {
            planned.before.iter().chain(&planned.after).collect::<Vec<_>>()
        } else {
            planned.after.iter().collect()
        };
        let mut proofs = Proofs::default();
        for killer in killers {
            let item = self.with_untold(index, evidence.item(*killer));
            if evidence.is_old(*killer) {
                proofs.old.push(item.id.clone());
            } else if evidence.is_dated(*killer) {
                proofs.dated.push(item.id.clone());
            }
            proofs.items.push(item);
        }
        proofs
    }

    fn countdown(&self, index: usize, now: Timestamp) -> Option<(Safe, Timestamp)> {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        if step.mark != StepMark::Working {
            return None;
        }
        if planned.action == Some(Action::MessageActive) && self.run.notice_cut.is_none() {
            let last = step.told().map(|item| item.at).max()?;
            let due = last + self.context.estate.policy.notice;
            return (due > now).then(|| (Safe::new("the notice runs"), due));
        }
        let row = self.green_since.get(&index)?;
        let due = row.first + planned.steady;
        (due > now).then(|| (Safe::new("stays so"), due))
    }

    fn item_view(&self, index: usize, item: &ItemRun) -> ItemView {
        let live = self.live.get(&(index, item.key.clone()));
        let why = live.and_then(|live| live.why.clone());
        // Nobody asks before the run goes on.
        let unasked = self.awaiting_resume && item.mark.in_flight();
        let (state, detail) = match &item.mark {
            _ if unasked => (ItemPhase::Settling, "not looked at since its process ended".to_owned()),
            ItemMark::Pending => match &why {
                Some(why) => (ItemPhase::Checking, why.to_string()),
                None => (ItemPhase::Pending, item.before.to_string()),
            },
            ItemMark::Intended if live.is_some_and(|live| live.awaited) => {
                (ItemPhase::Sending, "on the wire".to_owned())
            }
            ItemMark::Intended => (ItemPhase::Settling, "its end was not seen, looking".to_owned()),
            ItemMark::Accepted(Some(_)) => (ItemPhase::Following, "Azure is at work".to_owned()),
            ItemMark::Accepted(None) => (ItemPhase::Verifying, self.verifying_detail(item)),
            ItemMark::Ambiguous => (ItemPhase::Settling, "ended unseen, looking before touching".to_owned()),
            ItemMark::Done(super::event::DoneHow::Observation) => {
                (ItemPhase::DoneByObservation, "already so".to_owned())
            }
            ItemMark::Done(super::event::DoneHow::Accepted) => {
                (ItemPhase::Accepted, "accepted by name".to_owned())
            }
            ItemMark::Done(_) => (ItemPhase::Done, "seen".to_owned()),
            ItemMark::Failed(super::event::FailedHow::Ghost, why) => (ItemPhase::Ghost, why.to_string()),
            ItemMark::Refused(why) | ItemMark::Failed(_, why) => (ItemPhase::Failed, why.to_string()),
        };
        ItemView {
            key: item.key.clone(),
            state,
            detail: Safe::new(&detail),
            attempts: item.attempts,
            since: (item.attempts > 0).then_some(item.at),
        }
    }

    fn verifying_detail(&self, item: &ItemRun) -> String {
        match &item.operation {
            Some(crate::domain::Operation::Revoke { assignment, .. }) => {
                format!("seen gone {} of 2", self.streaks.gone_looks(assignment))
            }
            _ => "looking until it is so".to_owned(),
        }
    }

    fn choices(&self, index: usize, now: Timestamp) -> Vec<Choice> {
        let planned = &self.run.plan.steps[index];
        let step = &self.run.steps[index];
        let mut choices = Vec::new();
        let working = step.mark == StepMark::Working;
        let stuck = step.items.iter().any(|item| item.mark.failed());
        if working && stuck {
            if self.can_retry(index) {
                choices.push(Choice::Retry);
            }
            if self.may_accept_stuck(index) {
                choices.push(Choice::AcceptStuck);
            }
            if planned.action == Some(Action::LogOffActive) {
                choices.push(Choice::RestartHost);
            }
        }
        if self.may_end_accepted(index) && choices.is_empty() {
            choices.extend([Choice::Retry, Choice::RestartHost]);
        }
        // On a side that counts as dead everything else is put off or skipped by itself.
        let tried = planned.ungraceful == Ungraceful::TryDefer;
        let meant = self.run.plan.mode == Mode::Graceful || tried;
        if self.may_downgrade(index) && meant && !self.must_be_tried(index, now) {
            choices.push(Choice::Downgrade);
        }
        if self.may_skip(index) {
            choices.push(Choice::Skip);
        }
        if working && planned.action == Some(Action::MessageActive) && self.run.notice_cut.is_none() {
            choices.push(Choice::ShortenNotice);
        }
        if self.may_wait_on(index) && !choices.contains(&Choice::Retry) {
            choices.push(Choice::Retry);
        }
        let undo = planned.undo.as_ref().and_then(|undo| self.run.plan.position(undo));
        if undo.is_some_and(|undo| self.may_undo(undo)) {
            choices.push(Choice::Undo);
        }
        choices
    }
}
