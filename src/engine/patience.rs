//! How long a step has waited for the world. Patience measures the world, not the operator: it
//! stands still while only a person can move the step on.
//!
//! It is folded from events alone, so that a run rebuilt from its journal times out when the run
//! before the crash would have. Nobody looks while there is no process; what passed between the
//! last record of one process and the first of the next does not count.

use crate::{
    domain::time::{Span, Timestamp},
    runbook::{Killer, PlannedStep, StepKind},
};

use super::{
    event::{GateVerdict, NoteAbout, RunEvent},
    run::{ItemMark, Run, StepMark, StepRun},
};

/// How a cockpit is armed by `--auto`. Nobody is awaited then: what it cannot answer ends the run
/// once the patience of the step is over (design §7).
pub const BY_AUTO: &str = "by auto";

/// How a new process disarms the run it found armed.
pub const NEW_PROCESS: &str = "a new process starts read-only";

/// `what` of an observation that a step at work asks for another confirmation, or no longer does.
pub const MORE: &str = "what more could be done";

/// Its value where nothing more can be done.
pub const NO_MORE: &str = "nothing";

/// Time spent waiting for the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patience {
    spent: Span,
    since: Option<Timestamp>,
    /// The step goes on after a hold, or in another process than the one it was confirmed in.
    pub(super) resumed: bool,
    /// At work, the step needs another confirmation.
    pub(super) asks_more: bool,
}

impl Patience {
    /// When it ends, if it goes on running; `None`: it stands still.
    pub fn ends(self, patience: Span) -> Option<Timestamp> {
        Some(self.since? + (patience - self.spent))
    }

    /// The same after another confirmation that must not lengthen the wait.
    #[must_use]
    pub(super) fn answered(self) -> Self {
        Self { resumed: false, asks_more: false, ..self }
    }

    fn turn(&mut self, runs: bool, at: Timestamp) {
        let passed = self.since.map_or(Span::ZERO, |since| at.duration_since(since));
        self.spent += passed.max(Span::ZERO);
        self.since = runs.then_some(at);
    }
}

/// What the time before an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// Time of a process that looked.
    Looking,
    /// Time without a process.
    Nobody,
    /// Not known: a person can say this to a run that has yet to be resumed.
    Untold,
}

impl Passed {
    /// The time before `event`, in a run that was held before it or not.
    pub(super) fn before(event: &RunEvent, held: bool) -> Self {
        match event {
            RunEvent::Recovered { .. } => Self::Nobody,
            RunEvent::Resumed { .. } if !held => Self::Nobody,
            RunEvent::Armed { on: false, how } if how.as_str() == NEW_PROCESS => Self::Nobody,
            RunEvent::Note { about: NoteAbout::Value, .. } => Self::Looking,
            RunEvent::Note { .. } | RunEvent::Armed { .. } => Self::Untold,
            _ => Self::Looking,
        }
    }
}

impl Run {
    /// Lets the patience of the step in turn run on from `at`, and that of every other stand still.
    pub(super) fn count_patience(&mut self, passed: Passed, at: Timestamp) {
        let turn = self.current().filter(|&index| self.waits_for_world(index));
        self.count_people(turn.is_none(), passed, at);
        for (index, step) in self.steps.iter_mut().enumerate() {
            let (ran, runs) = (step.patience.since.is_some(), turn == Some(index));
            match passed {
                Passed::Untold if ran && runs => continue,
                Passed::Nobody if ran => step.patience.since = Some(at),
                _ => {}
            }
            step.patience.turn(runs, at);
        }
    }

    fn count_people(&mut self, waits: bool, passed: Passed, at: Timestamp) {
        if let Some(since) = self.people_since.filter(|_| passed != Passed::Nobody) {
            self.waited_on_people += at.duration_since(since).max(Span::ZERO);
        }
        self.people_since = (waits && self.closed.is_none() && !self.by_auto).then_some(at);
    }

    fn waits_for_world(&self, index: usize) -> bool {
        let (planned, step) = (&self.plan.steps[index], &self.steps[index]);
        if self.held.is_some() {
            return false;
        }
        match (&step.mark, planned.kind) {
            (StepMark::Working, _) => self.by_auto || !step.awaits_person(planned, self.armed),
            (StepMark::Open, StepKind::Observe) => self.closed.is_none(),
            (StepMark::Open, StepKind::Gate) => {
                self.closed.is_none() && (self.by_auto || (self.armed && !step.gate_awaits_person(planned)))
            }
            // Nothing was begun before the confirmation.
            (StepMark::Open, StepKind::Automatic) => self.closed.is_none() && self.by_auto,
            _ => false,
        }
    }
}

impl StepRun {
    /// Whether so many items failed that a person must decide what becomes of them.
    pub(super) fn has_failed(&self, done_at: u8) -> bool {
        let all = self.telling().count();
        let failed = self.telling().filter(|item| item.mark.failed()).count();
        failed > 0 && (all - failed) * 100 / all < usize::from(done_at)
    }

    /// Whether a step at work can be moved on by a person only.
    fn awaits_person(&self, planned: &PlannedStep, armed: bool) -> bool {
        if self.items.iter().any(|item| item.mark.in_flight()) {
            return false;
        }
        if self.items.iter().any(|item| item.mark == ItemMark::Pending) {
            // Items of a confirmation outlast its disarming, but not its process.
            return self.patience.resumed && !armed;
        }
        self.patience.asks_more || self.has_failed(planned.done_at)
    }

    /// Whether a gate is open but for the person: it is green, or green but for what is asked.
    fn gate_awaits_person(&self, planned: &PlannedStep) -> bool {
        let Some((verdict, items)) = &self.gate else { return false };
        let asks = planned.ask.is_some() && self.value.is_none() && self.outputs.is_empty();
        let told = Killer::ProfileSettings.id();
        match verdict {
            GateVerdict::Green | GateVerdict::Passed => true,
            GateVerdict::Red | GateVerdict::Unknown => {
                asks && items.iter().all(|item| item.verdict == GateVerdict::Green || item.id == told)
            }
        }
    }
}
