//! Performs what the engine decided: each output in its own task, its end reported as an input.

use std::sync::Arc;

use tokio::{sync::mpsc::UnboundedSender, task::JoinSet};

use crate::{
    azure::{Azure, WriteIds},
    domain::{Safe, Source},
    engine::{FollowOrder, Input, Output, SendOrder, Stamped},
    journal::Journal,
    recording::Recorder,
};

use super::clock::Clock;

/// Where inputs for the engine arrive. Unbounded: it holds at most one entry per look, write
/// and follow in flight, and those are bounded by the plan.
pub type Inbox = UnboundedSender<Input>;

/// Performs outputs.
#[derive(Debug)]
pub struct Hands {
    azure: Azure,
    clock: Arc<Clock>,
    inbox: Inbox,
    scribe: Scribe,
    tape: Option<Taped>,
    /// Writes on their way, so that they can be cut off as the end of the process would cut them off.
    sends: JoinSet<()>,
}

/// Where what is decided is recorded besides.
#[derive(Debug)]
struct Taped {
    recorder: Recorder,
    run: String,
    /// The last record so far.
    seq: u64,
}

/// Who writes the journal.
pub enum Scribe {
    /// Writes at once, in the loop: for journals in memory and for runs without a screen.
    Inline(Box<dyn Journal>),
    /// Writes on its own thread, so that a slow disk never delays a key.
    Thread(std::sync::mpsc::Sender<Vec<Stamped>>, std::thread::JoinHandle<()>),
    /// Let go of.
    Closed,
}

impl std::fmt::Debug for Scribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inline(_) => "Inline",
            Self::Thread(..) => "Thread",
            Self::Closed => "Closed",
        })
    }
}

impl Scribe {
    /// Gives the journal a thread of its own; it ends when the scribe is dropped and has
    /// written everything it was given.
    pub fn thread(
        mut journal: Box<dyn Journal>,
        inbox: Inbox,
        recorder: Option<Recorder>,
    ) -> std::io::Result<Self> {
        let (tx, rx) = std::sync::mpsc::channel::<Vec<Stamped>>();
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            while let Ok(batch) = rx.recv() {
                if inbox.send(append(journal.as_mut(), &batch, recorder.as_ref())).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self::Thread(tx, thread))
    }
}

/// What hands had under way when they were let go of.
#[derive(Debug)]
pub struct Leftover {
    scribe: Scribe,
    sends: JoinSet<()>,
}

impl Leftover {
    /// Waits until nothing of it is left: no write can leave any more, and the journal's file is free.
    pub async fn gone(mut self) {
        self.sends.shutdown().await;
        if let Scribe::Thread(batches, thread) = self.scribe {
            drop(batches);
            // A thread that panicked has let go of the file as well.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn append(journal: &mut dyn Journal, batch: &[Stamped], recorder: Option<&Recorder>) -> Input {
    match journal.append(batch) {
        Ok(seq) => {
            if let Some(recorder) = recorder {
                recorder.head(&journal.head());
            }
            Input::Durable(seq)
        }
        Err(error) => Input::JournalFailed(Safe::new(&error.to_string())),
    }
}

impl Drop for Hands {
    /// Hands that are only put down let what is on its way arrive.
    fn drop(&mut self) {
        self.sends.detach_all();
    }
}

impl Hands {
    /// Hands that act through `azure` and report into `inbox`.
    pub fn new(azure: Azure, clock: Arc<Clock>, inbox: Inbox, scribe: Scribe) -> Self {
        Self { azure, clock, inbox, scribe, tape: None, sends: JoinSet::new() }
    }

    /// Tells `recorder` what is decided from now on; `seq` is the last record of `run` so far.
    pub fn record(&mut self, recorder: Recorder, run: &str, seq: u64) {
        self.tape = Some(Taped { recorder, run: run.to_owned(), seq });
    }

    /// Performs one output. [`Output::WakeAt`] is the loop's own business and is ignored here.
    pub fn perform(&mut self, output: Output) {
        match output {
            Output::Append(batch) => self.write(batch),
            Output::Look(source) => self.look(source),
            Output::Send(order) => self.send(order),
            Output::Follow(order) => self.follow(order),
            Output::WakeAt(_) => {}
        }
    }

    /// Lets go of the journal and of the writes on their way; nothing more is written or sent through
    /// these hands.
    pub fn let_go(&mut self) -> Leftover {
        let scribe = std::mem::replace(&mut self.scribe, Scribe::Closed);
        Leftover { scribe, sends: std::mem::take(&mut self.sends) }
    }

    fn write(&mut self, mut batch: Vec<Stamped>) {
        let mono_ms = self.clock.mono_ms();
        for stamped in &mut batch {
            stamped.mono_ms = mono_ms;
        }
        if let Some(tape) = &mut self.tape {
            tape.recorder.records(&tape.run, tape.seq + 1, &batch);
            tape.seq += batch.len() as u64;
        }
        let recorder = self.tape.as_ref().map(|tape| &tape.recorder);
        match &mut self.scribe {
            Scribe::Inline(journal) => {
                let _ = self.inbox.send(append(journal.as_mut(), &batch, recorder));
            }
            Scribe::Closed => {}
            Scribe::Thread(tx, _) => {
                if tx.send(batch).is_err() {
                    let why = Safe::new("the journal's thread is gone; nothing more will be sent");
                    let _ = self.inbox.send(Input::JournalFailed(why));
                }
            }
        }
    }

    fn look(&self, source: Source) {
        let (azure, clock, inbox) = (self.azure.clone(), self.clock.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let observation = azure.look(&source, &|| clock.now()).await;
            let _ = inbox.send(Input::Observed(observation));
        });
    }

    fn send(&mut self, order: SendOrder) {
        let (azure, clock, inbox) = (self.azure.clone(), self.clock.clone(), self.inbox.clone());
        // Those that have ended are not kept.
        while self.sends.try_join_next().is_some() {}
        self.sends.spawn(async move {
            let in_time = || order.until.is_none_or(|until| clock.now() <= until);
            let ids =
                WriteIds { client_request_id: order.client_request_id, correlation_id: order.correlation_id };
            let sent = azure.send(&order.image, order.permit, &ids, &in_time).await;
            let _ = inbox.send(Input::Sent { token: order.token, sent });
        });
    }

    fn follow(&self, order: FollowOrder) {
        let (azure, inbox) = (self.azure.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let progress = azure.follow(&order.follow).await;
            let _ = inbox.send(Input::Progress { token: order.token, progress });
        });
    }
}
