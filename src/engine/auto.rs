//! `--auto`: answers as a careful person would, and stops where only a person can answer.

use crate::{
    domain::{
        Safe, Source,
        reading::SilenceKind,
        time::{Span, Timestamp, minutes},
    },
    runbook::{Action, Killer, StepKind},
};

use super::{
    command::{Command, Confirm},
    event::{Acknowledgement, ConfirmedBy, GateVerdict, RunEnd},
    machine::Engine,
    patience::BY_AUTO,
    run::{ItemRun, StepMark},
    step_run::subject,
    view::{OfferView, StepState, WriteLine},
};

/// What `--auto` wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Give the engine this command.
    Command(Command),
    /// Nothing until something changes.
    Wait,
    /// The run has ended.
    Ended(RunEnd),
    /// Only a person can go on; the run can be resumed.
    NeedsPerson(Safe),
}

/// Times a failed item is tried again before a person is needed.
const RETRIES: u32 = 3;

/// Pause between two runs of a probe, which enters a host as SYSTEM, and before what failed is asked for
/// once more: what is waited for (a cache written through, a setting put right, room in a region) takes
/// minutes.
const AGAIN: Span = minutes(2);

/// For so long a token that does not come is waited for: a source of tokens may be down for a moment.
const SIGNED_OUT: Span = minutes(5);

/// What `--auto` remembers between two wishes.
#[derive(Debug, Clone, Default)]
pub struct Auto {
    retries: u32,
}

impl Auto {
    /// The next wish.
    pub fn wish(&mut self, engine: &Engine, now: Timestamp) -> Wish {
        let run = engine.run();
        if let Some(why) = engine.stopped_by() {
            return Wish::NeedsPerson(why.clone());
        }
        if let Some(end) = run.closed {
            return Wish::Ended(end);
        }
        if engine.awaits_resume() || run.held.is_some() {
            return Wish::Command(Command::Resume);
        }
        if !run.armed {
            return Wish::Command(Command::Arm { on: true, how: Safe::new(BY_AUTO) });
        }
        if engine.aborts() {
            return Wish::Wait;
        }
        let Some(index) = run.current() else { return Wish::Wait };
        self.step(engine, index, now)
    }

    fn step(&mut self, engine: &Engine, index: usize, now: Timestamp) -> Wish {
        let planned = &engine.run().plan.steps[index];
        let step = planned.id.clone();
        if let Some(why) = engine.signed_out(index, now) {
            return Wish::NeedsPerson(Safe::new(&format!("{step} cannot be looked at: {why}")));
        }
        match engine.step_state(index, now) {
            StepState::Ready => self.confirm(engine, index, now),
            StepState::AwaitingPerson => {
                if planned.kind == StepKind::Manual && planned.after == [Killer::Dependants] {
                    return Wish::Command(Command::Value {
                        step,
                        value: Safe::new("none configured in the estate file"),
                        by: ConfirmedBy::Auto,
                        latency_ms: 0,
                    });
                }
                Wish::NeedsPerson(Safe::new(&format!("{step} asks for a value that cannot be read here")))
            }
            StepState::TimedOut => {
                let reason =
                    Safe::new(&format!("{step} is past its patience: {}", engine.red_text(index, now)));
                Wish::Command(Command::Abort { reason })
            }
            StepState::Failed if self.retries < RETRIES && engine.can_retry(index) => {
                self.retries += 1;
                Wish::Command(Command::Retry { step, item: None, by: ConfirmedBy::Auto })
            }
            StepState::Failed => Wish::NeedsPerson(Safe::new(&format!("{step} has items that did not end"))),
            _ => Wish::Wait,
        }
    }

    /// Confirms when everything is green, complete and fresh; the acknowledgement of a dead
    /// side only once its evidence holds.
    fn confirm(&mut self, engine: &Engine, index: usize, now: Timestamp) -> Wish {
        let Some(offer) = engine.offer_view(index, now).filter(|offer| offer.green) else {
            return Wish::Wait;
        };
        if offer.acknowledges == Some(Acknowledgement::FencedByEvidence) && !engine.is_dead_now(index, now) {
            return Wish::Wait;
        }
        let step = engine.run().plan.steps[index].id.clone();
        if offer.acknowledges.is_some_and(Acknowledgement::needs_person) {
            let why = format!("{step} goes only on the word of a person: the other side is not seen");
            return Wish::NeedsPerson(Safe::new(&why));
        }
        if engine.tried_last(index, &offer).is_some_and(|at| at + AGAIN > now) {
            return Wish::Wait;
        }
        self.retries = 0;
        Wish::Command(Command::Confirm(Confirm {
            step,
            offer: offer.hash,
            typed: offer.asked.as_deref().map(Safe::new),
            by: ConfirmedBy::Auto,
            latency_ms: 0,
            acknowledges: offer.acknowledges,
        }))
    }
}

impl Engine {
    /// Why there has been no token for a while to look with at what the step asks. That is no answer of
    /// the world, and its patience must not be spent on it: somebody has to sign in.
    fn signed_out(&self, index: usize, now: Timestamp) -> Option<Safe> {
        self.asked_for(index, now).iter().find_map(|source| {
            let reading = self.picture.reading(source)?;
            let (_, silence) =
                reading.silence.as_ref().filter(|(_, one)| one.kind == SilenceKind::NoToken)?;
            let long = reading.fell_silent.is_some_and(|since| now.duration_since(since) >= SIGNED_OUT);
            long.then(|| silence.why.clone())
        })
    }

    /// What must be looked at for that of a step which is not green.
    fn asked_for(&self, index: usize, now: Timestamp) -> Vec<Source> {
        let (planned, evidence) = (&self.run.plan.steps[index], self.evidence(index, Timestamp::MIN, now));
        let killers = planned.before.iter().chain(&planned.after);
        let open = killers.filter(|killer| evidence.judge(**killer).verdict != GateVerdict::Green);
        open.flat_map(|killer| evidence.sources(*killer)).collect()
    }

    /// Why no write can leave any more.
    pub fn stopped_by(&self) -> Option<&Safe> {
        self.stopped.as_ref()
    }

    /// Whether the run was rebuilt and waits for [`Command::Resume`].
    pub fn awaits_resume(&self) -> bool {
        self.awaiting_resume
    }

    /// Whether an abort waits for items in flight.
    pub fn aborts(&self) -> bool {
        self.aborting.is_some()
    }

    /// Verdict over killer items as a step sees them, whatever their age.
    pub fn verdict(&self, killers: &[Killer], index: usize, now: Timestamp) -> GateVerdict {
        self.evidence(index, Timestamp::MIN, now).all_green(killers).0
    }

    /// Whether the side that is left is dead by the death rule, by looks of any age.
    fn is_dead_now(&self, index: usize, now: Timestamp) -> bool {
        matches!(self.evidence(index, Timestamp::MIN, now).dead_now(), Ok((true, _)))
    }

    /// When the last probe of the step ended, or what failed of that which is offered once more.
    fn tried_last(&self, index: usize, offer: &OfferView) -> Option<Timestamp> {
        let probes =
            matches!(self.run.plan.steps[index].action, Some(Action::ProbeStandby | Action::ProbeActive));
        let again = |item: &&ItemRun| {
            let same = |line: &WriteLine| subject(&line.key) == subject(&item.key);
            item.mark.failed() && offer.writes.iter().any(same)
        };
        let tried = self.run.steps[index].items.iter().filter(|item| probes || again(item));
        tried.map(|item| item.at).max()
    }

    /// What is not green about a step, in words.
    pub fn red_text(&self, index: usize, now: Timestamp) -> String {
        let since = self.opened_at.get(&index).copied().unwrap_or(Timestamp::MIN);
        let evidence = self.evidence(index, since, now);
        let planned = &self.run.plan.steps[index];
        let red: Vec<String> = planned
            .before
            .iter()
            .chain(&planned.after)
            .map(|killer| (killer.id(), evidence.judge(*killer)))
            .filter(|(_, judgement)| judgement.verdict != GateVerdict::Green)
            .map(|(id, judgement)| format!("{id}: {}", judgement.value))
            .collect();
        red.join("; ")
    }

    /// Whether a failed item of the step may be sent once more.
    pub fn can_retry(&self, index: usize) -> bool {
        self.run.steps[index].mark == StepMark::Working
            && self.run.steps[index].items.iter().any(super::orders::may_go_again)
    }
}
