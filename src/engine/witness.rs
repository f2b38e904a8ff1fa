//! Follows a run that another process drives or drove, by its records and by what was looked at.

use crate::domain::{Observation, time::Timestamp};

use super::{
    command::{Command, Refusal},
    event::{FailedHow, Opened, RunEvent, Stamped, StepId},
    machine::{Context, Engine, Input},
    run::{RecoverError, Run},
    view::RunView,
};

/// A run as it was, for whoever looks on. It shows what its engine would show; it decides nothing, asks for
/// nothing, and no permit is ever minted by it.
#[derive(Debug)]
pub struct Witness(Engine);

impl Witness {
    /// A run that is opened at `at`.
    pub fn open(context: Context, opened: Opened, at: Timestamp) -> Self {
        let mut engine = Engine::with(context, Run::new(opened, at));
        engine.follows = true;
        engine.advance(at);
        Self(engine)
    }

    /// A run that is gone on with, from its earlier records.
    pub fn recover(context: Context, events: &[Stamped]) -> Result<Self, RecoverError> {
        let mut engine = Engine::recover(context, events)?;
        engine.follows = true;
        Ok(Self(engine))
    }

    /// The run at `now`.
    pub fn view(&self, now: Timestamp) -> RunView {
        self.0.view(now)
    }

    /// As the run's own process does: see [`Engine::remind`].
    pub fn remind(&self, seen: &mut Observation) {
        self.0.remind(seen);
    }

    /// Takes in what the run's own process took in. Of commands it takes those that only open and close a
    /// dialog, because what was read since it was opened is shown.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Option<Refusal> {
        let ticks = matches!(input, Input::Tick | Input::Command(_));
        match input {
            Input::Command(command @ (Command::Offer { .. } | Command::Withdraw { .. })) => {
                // Where the journal says otherwise by now there is no dialog to show.
                let _ = self.0.command(command, now);
            }
            Input::Command(_) => return Some(Refusal::OnlyFollows),
            Input::Observed(observation) => self.0.observed(observation),
            Input::Durable(seq) => self.0.durable = self.0.durable.max(seq),
            Input::JournalFailed(why) => self.0.stopped = Some(why),
            Input::Actor(actor) => self.0.context.actor = actor,
            Input::Sent { .. } | Input::Progress { .. } | Input::Tick => {}
        }
        self.0.advance(now);
        self.0.pin_lists(ticks, now);
        None
    }

    /// Takes in a record, with what its process knew besides.
    pub fn follow(&mut self, stamped: &Stamped, now: Timestamp) {
        match &stamped.event {
            // It was opened by it.
            RunEvent::Opened(_) => return,
            RunEvent::Armed { on, .. } => self.0.armed_here = *on,
            RunEvent::Confirmed(confirmed) => {
                let keys = confirmed.items.iter().map(|item| item.key.clone()).collect();
                self.confirmed(&confirmed.step, keys);
            }
            RunEvent::Intent { step, item, .. } => self.awaits(step, item, true),
            RunEvent::Accepted { step, item, .. }
            | RunEvent::Refused { step, item: Some(item), .. }
            | RunEvent::Done { step, item: Some(item), .. } => self.awaits(step, item, false),
            RunEvent::Failed { step, item: Some(item), how, why, .. } => {
                self.awaits(step, item, false);
                if *how == FailedHow::NotSent
                    && let Some(index) = self.0.run.plan.position(step)
                {
                    let live = self.0.live(index, item);
                    (live.check_since, live.why) = (None, Some(why.clone()));
                }
            }
            RunEvent::Resumed { .. } => {
                self.0.go_on(now);
            }
            RunEvent::Held { .. } => self.0.check_anew(),
            _ => {}
        }
        self.0.take_in(stamped);
        self.0.advance(now);
        self.0.pin_lists(false, now);
    }

    fn awaits(&mut self, step: &StepId, item: &str, awaited: bool) {
        let Some(index) = self.0.run.plan.position(step) else { return };
        let live = self.0.live(index, item);
        live.awaited = awaited;
        if awaited {
            live.why = None;
        }
    }

    fn confirmed(&mut self, step: &StepId, keys: Vec<String>) {
        if let Some(index) = self.0.run.plan.position(step) {
            self.0.begin_anew(index, keys);
        }
    }
}

impl Engine {
    /// What was known of a step before its confirmation counts no more.
    pub(super) fn begin_anew(&mut self, index: usize, keys: impl IntoIterator<Item = String>) {
        self.dialogs.remove(&index);
        self.confirmed_here.insert(index);
        self.preconditions.remove(&index);
        self.green_since.remove(&index);
        for key in keys {
            self.live.remove(&(index, key));
        }
    }
}
