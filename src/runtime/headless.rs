//! A run without a screen: the engine, its hands and `--auto`.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    domain::{Safe, time::Timestamp},
    engine::{
        Engine, Input, Output,
        auto::{Auto, Wish},
        command::Command,
        event::RunEnd,
    },
};

use super::{clock::Clock, hands::Hands};

/// How a run without a screen ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ended.
    Ended(RunEnd),
    /// Only a person can go on.
    NeedsPerson(Safe),
}

impl Outcome {
    /// Exit code (design §7): 0 done, 1 aborted, 3 waits for a person, 4 exceptions or debts.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Ended(RunEnd::Completed) => 0,
            Self::Ended(RunEnd::AbortedAsIs | RunEnd::AbortedRolledBack) => 1,
            Self::NeedsPerson(_) => 3,
            Self::Ended(RunEnd::CompletedWithExceptions | RunEnd::Monitoring) => 4,
        }
    }
}

/// A run without a screen.
#[derive(Debug)]
pub struct Headless {
    /// The engine.
    pub engine: Engine,
    hands: Hands,
    clock: Arc<Clock>,
    inbox: UnboundedReceiver<Input>,
    auto: Auto,
    /// The last command that was heard, until anything happens that is not its own record.
    given: Option<Command>,
    wake: Option<Timestamp>,
}

impl Headless {
    /// Takes an engine with the outputs it has given so far.
    pub fn new(
        engine: Engine,
        first: Vec<Output>,
        hands: Hands,
        clock: Arc<Clock>,
        inbox: UnboundedReceiver<Input>,
    ) -> Self {
        let mut headless =
            Self { engine, hands, clock, inbox, auto: Auto::default(), given: None, wake: None };
        headless.perform(first);
        headless
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        self.wake = None;
        for output in outputs {
            match output {
                Output::WakeAt(at) => self.wake = Some(at),
                other => self.hands.perform(other),
            }
        }
    }

    /// Gives the engine one input.
    pub fn give(&mut self, input: Input) -> Option<crate::engine::Refusal> {
        match &input {
            Input::Command(command) => self.given = Some(command.clone()),
            Input::Durable(_) => {}
            _ => self.given = None,
        }
        let (outputs, refusal) = self.engine.handle(input, self.clock.now());
        self.perform(outputs);
        if refusal.is_some() {
            self.given = None;
        }
        refusal
    }

    /// Runs to the end. `watch` sees the engine after every input.
    pub async fn run(&mut self, mut watch: impl FnMut(&Engine, Timestamp)) -> Outcome {
        let mut refused = None;
        loop {
            while let Ok(input) = self.inbox.try_recv() {
                self.give(input);
                refused = None;
            }
            watch(&self.engine, self.clock.now());
            match self.auto.wish(&self.engine, self.clock.now()) {
                // A command that was heard and changed nothing must not be given for ever.
                Wish::Command(command)
                    if refused.as_ref() != Some(&command) && self.given.as_ref() != Some(&command) =>
                {
                    if self.give(Input::Command(command.clone())).is_some() {
                        // Asking the same again makes sense only after something has changed.
                        refused = Some(command);
                    }
                    continue;
                }
                Wish::Command(_) | Wish::Wait => {}
                Wish::Ended(end) => {
                    self.drain().await;
                    return Outcome::Ended(end);
                }
                Wish::NeedsPerson(why) => {
                    self.drain().await;
                    return Outcome::NeedsPerson(why);
                }
            }
            self.next().await;
            refused = None;
        }
    }

    /// Waits for the next input or the next due moment.
    async fn next(&mut self) {
        let clock = self.clock.clone();
        let wake = self.wake;
        let due = async move {
            match wake {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            input = self.inbox.recv() => {
                if let Some(input) = input {
                    self.give(input);
                }
            }
            () = due => {
                self.give(Input::Tick);
            }
        }
    }

    /// Lets the journal catch up before the process goes on.
    async fn drain(&mut self) {
        while self.engine.view(self.clock.now()).durable < self.engine.run().seq
            && self.engine.stopped_by().is_none()
        {
            match self.inbox.recv().await {
                Some(input) => {
                    self.give(input);
                }
                None => return,
            }
        }
    }
}
