//! The state machine of one run: inputs in, outputs out, nothing waited for.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    domain::{
        Observation, Safe, Source,
        estate::Estate,
        operation::{Encode, FollowUrl, Progress, Sent, WriteImage},
        picture::Picture,
        time::{Span, Timestamp},
    },
    runbook::seen::Seen,
    wire::Permit,
};

use super::{
    command::{Command, Refusal},
    event::{Actor, Opened, RunEvent, Stamped},
    judge::Evidence,
    offer::Offer,
    pin::Pinned,
    run::{RecoverError, Run, StepMark, event_step},
    streak::{Row, Streaks},
};

/// What an engine needs of its surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    /// The estate.
    pub estate: Arc<Estate>,
    /// Turns operations into requests.
    pub encode: Arc<dyn Encode>,
    /// Run id.
    pub run: String,
    /// Who acts.
    pub actor: Actor,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A person, `--auto` or the loop asks for something.
    Command(Command),
    /// A look at a source came back.
    Observed(Observation),
    /// The journal is durable up to this sequence number.
    Durable(u64),
    /// The journal cannot be written any more.
    JournalFailed(Safe),
    /// A write came back.
    Sent {
        /// Which.
        token: Token,
        /// How it ended.
        sent: Sent,
    },
    /// A look at a long operation came back.
    Progress {
        /// Which.
        token: Token,
        /// What was seen.
        progress: Progress,
    },
    /// Who acts is known now: records bear it from here on.
    Actor(Actor),
    /// Time passed.
    Tick,
}

/// Something that must be done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Append to the journal, in order; report [`Input::Durable`].
    Append(Vec<Stamped>),
    /// Look at a source; report [`Input::Observed`] whatever comes of it.
    Look(Source),
    /// Send one write, once; report [`Input::Sent`].
    Send(SendOrder),
    /// Look at a long operation; report [`Input::Progress`].
    Follow(FollowOrder),
    /// Send [`Input::Tick`] at this time at the latest.
    WakeAt(Timestamp),
}

/// Names one attempt of one item of one step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    /// Place of the step in the plan.
    pub step: usize,
    /// Item key.
    pub item: String,
    /// Attempt.
    pub attempt: u32,
}

/// A write that may leave.
#[derive(Debug, Clone)]
pub struct SendOrder {
    /// Which.
    pub token: Token,
    /// The request.
    pub image: WriteImage,
    /// The right to send it once.
    pub permit: Permit,
    /// Our id of the attempt.
    pub client_request_id: String,
    /// Our id of the step.
    pub correlation_id: String,
    /// Not to leave after this: what let it go is too old then.
    pub until: Option<Timestamp>,
}

/// A long operation to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowOrder {
    /// Which.
    pub token: Token,
    /// Where.
    pub follow: FollowUrl,
}

/// The state machine of one run.
#[derive(Debug)]
pub struct Engine {
    pub(super) context: Context,
    pub(super) run: Run,
    pub(super) picture: Picture,
    pub(super) streaks: Streaks,
    pub(super) live: BTreeMap<(usize, String), Live>,
    pub(super) durable: u64,
    pub(super) stopped: Option<Safe>,
    /// It follows what another engine wrote down: it decides, asks for and sends nothing.
    pub(super) follows: bool,
    /// When each step's turn came in this process, or its dialog was opened last.
    pub(super) opened_at: BTreeMap<usize, Timestamp>,
    /// Steps whose preconditions were green after the confirmation at this time.
    pub(super) preconditions: BTreeMap<usize, Timestamp>,
    /// The unbroken row of looks that showed the proof of a step green.
    pub(super) green_since: BTreeMap<usize, Row>,
    /// Steps confirmed in this process: their items finish even when the cockpit is disarmed.
    pub(super) confirmed_here: BTreeSet<usize>,
    /// A run rebuilt from a journal does nothing until it is resumed.
    pub(super) awaiting_resume: bool,
    /// Armed in this process: what an earlier one had armed counts no more.
    pub(super) armed_here: bool,
    /// When this process went on with a run of another one, whose clock may have been another.
    pub(super) went_on: Option<Timestamp>,
    /// Since when the side that is owed something shows life without a break.
    pub(super) back_since: Option<Timestamp>,
    /// A step to look at again before the next is offered.
    pub(super) recheck: Option<(usize, Timestamp)>,
    /// Steps whose dialog is open, with the list it shows.
    pub(super) dialogs: BTreeMap<usize, Option<Pinned>>,
    /// The list that a dialog showed before what it shows now.
    pub(super) shown_before: BTreeMap<usize, Offer>,
    /// An abort that waits for items in flight, and since when.
    pub(super) aborting: Option<(Safe, Timestamp)>,
    looking: BTreeMap<Source, Timestamp>,
    wants: Vec<Want>,
    /// Looks a command asked for; they outlast the round.
    asked: Vec<Want>,
    held_sends: VecDeque<(u64, Token, WriteImage)>,
    out: Vec<Output>,
    pending: Vec<Stamped>,
    wake: Option<Timestamp>,
}

/// What is known of an item only in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    /// Sent or queued by this process: an answer will come.
    pub(super) awaited: bool,
    /// Not to be sent again before.
    pub(super) not_before: Option<Timestamp>,
    /// When its precondition check began.
    pub(super) check_since: Option<Timestamp>,
    /// When looking after an unseen end began.
    pub(super) settle_since: Option<Timestamp>,
    /// Next look at the long operation.
    pub(super) follow_due: Option<Timestamp>,
    /// A look at the long operation is on its way.
    pub(super) following: bool,
    /// Since when the state of the long operation cannot be read.
    pub(super) unreadable_since: Option<Timestamp>,
    /// Why it waits, for the screen.
    pub(super) why: Option<Safe>,
}

#[derive(Debug)]
struct Want {
    source: Source,
    since: Timestamp,
    pace: Span,
}

/// A look ends within 20 s of real time whatever happens; one that was not heard of for this
/// long is taken for lost and ordered again.
const LOOK_LOST: Span = Span::from_secs(600);

/// Most rounds of one [`Engine::handle`]: each round ends a step or item, so a plan's size
/// bounds it; this only stops a mistake of ours from spinning.
const ROUNDS_MAX: usize = 10_000;

impl Engine {
    /// Opens a new run; the first output appends its first record.
    pub fn open(context: Context, opened: Opened, now: Timestamp) -> (Self, Vec<Output>) {
        let run = Run::new(opened.clone(), now);
        let mut engine = Self::with(context, run);
        let actor = engine.context.actor.clone();
        let first = Stamped { wall: now, mono_ms: 0, actor, event: RunEvent::Opened(Box::new(opened)) };
        engine.pending.push(first);
        engine.advance(now);
        let out = engine.flush();
        (engine, out)
    }

    /// Rebuilds a run from its journal. It does nothing until [`Command::Resume`].
    pub fn recover(context: Context, events: &[Stamped]) -> Result<Self, RecoverError> {
        let mut engine = Self::with(context, Run::recover(events)?);
        engine.durable = engine.run.seq;
        engine.awaiting_resume = !engine.run.is_over();
        Ok(engine)
    }

    pub(super) fn with(context: Context, run: Run) -> Self {
        Self {
            context,
            run,
            picture: Picture::default(),
            streaks: Streaks::default(),
            live: BTreeMap::new(),
            durable: 0,
            stopped: None,
            follows: false,
            opened_at: BTreeMap::new(),
            preconditions: BTreeMap::new(),
            green_since: BTreeMap::new(),
            confirmed_here: BTreeSet::new(),
            awaiting_resume: false,
            armed_here: false,
            went_on: None,
            back_since: None,
            recheck: None,
            dialogs: BTreeMap::new(),
            shown_before: BTreeMap::new(),
            aborting: None,
            looking: BTreeMap::new(),
            wants: Vec::new(),
            asked: Vec::new(),
            held_sends: VecDeque::new(),
            out: Vec::new(),
            pending: Vec::new(),
            wake: None,
        }
    }

    /// The run as its events made it.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Run id.
    pub fn id(&self) -> &str {
        &self.context.run
    }

    /// The estate the run is bound to.
    pub fn estate(&self) -> &Estate {
        &self.context.estate
    }

    /// Takes in one input and says what must be done. A refused command changes nothing.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> (Vec<Output>, Option<Refusal>) {
        let ticks = matches!(input, Input::Tick | Input::Command(_));
        let refusal = match input {
            Input::Command(command) => self.command(command, now).err(),
            Input::Observed(observation) => {
                self.observed(observation);
                None
            }
            Input::Durable(seq) => {
                self.durable = self.durable.max(seq);
                None
            }
            Input::JournalFailed(why) => {
                self.stopped = Some(why);
                self.held_sends.clear();
                None
            }
            Input::Sent { token, sent } => {
                self.sent(&token, sent, now);
                None
            }
            Input::Progress { token, progress } => {
                self.progressed(&token, progress, now);
                None
            }
            Input::Actor(actor) => {
                self.context.actor = actor;
                None
            }
            Input::Tick => None,
        };
        self.advance(now);
        self.pin_lists(ticks, now);
        (self.flush(), refusal)
    }

    /// Writes down what happened to the journal itself while it was opened again.
    pub fn record(&mut self, event: RunEvent, now: Timestamp) -> Vec<Output> {
        self.emit(event, now);
        self.flush()
    }

    pub(super) fn observed(&mut self, mut observation: Observation) {
        self.run.remind(&mut observation);
        self.looking.remove(&observation.source);
        self.streaks.take(&observation);
        self.picture.take(observation);
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        self.wake = None;
        for _ in 0..ROUNDS_MAX {
            self.wants.clear();
            // What it would have decided here comes as a record, if it was decided.
            if !self.turn(now) || self.follows {
                break;
            }
        }
        if self.follows {
            self.asked.clear();
            return;
        }
        self.keep_lists_fresh(now);
        self.order_looks(now);
        self.release(now);
    }

    /// Hands out everything that has come together, appends first.
    fn flush(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.pending.is_empty() {
            out.push(Output::Append(std::mem::take(&mut self.pending)));
        }
        out.append(&mut self.out);
        out.extend(self.wake.map(Output::WakeAt));
        out
    }

    /// Decides an event: it is applied and queued for the journal at once.
    pub(super) fn emit(&mut self, event: RunEvent, now: Timestamp) {
        if self.stopped.is_some() || self.follows {
            return;
        }
        let stamped = Stamped { wall: now, mono_ms: 0, actor: self.context.actor.clone(), event };
        self.take_in(&stamped);
        self.pending.push(stamped);
    }

    /// Applies an event. What this process knew of steps that it opens again is forgotten.
    pub(super) fn take_in(&mut self, stamped: &Stamped) {
        let judged = |at: &usize| match self.run.steps[*at].mark {
            StepMark::Done(_) => true,
            StepMark::Working => event_step(&stamped.event).is_some(),
            _ => false,
        };
        let before: BTreeSet<usize> = (0..self.run.steps.len()).filter(judged).collect();
        self.run.apply(stamped);
        let open = |at: &usize| self.run.steps[*at].mark == StepMark::Open;
        let again: BTreeSet<usize> = before.into_iter().filter(open).collect();
        self.forget(&again);
    }

    /// Asks for a look at `source` that begins at or after `since`, and again every `pace`.
    pub(super) fn want(&mut self, source: Source, since: Timestamp, pace: Span) {
        self.wants.push(Want { source, since, pace });
    }

    /// Asks for one look that begins now or later, whatever the step in turn wants.
    pub(super) fn ask(&mut self, source: Source, since: Timestamp, pace: Span) {
        self.asked.push(Want { source, since, pace });
    }

    /// Hands out an output after this turn's appends.
    pub(super) fn push_output(&mut self, output: Output) {
        self.out.push(output);
    }

    /// Asks to be woken at `at`.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }

    fn order_looks(&mut self, now: Timestamp) {
        let asked = std::mem::take(&mut self.asked);
        for want in std::mem::take(&mut self.wants).into_iter().chain(asked) {
            if self.looking.get(&want.source).is_some_and(|since| now.duration_since(*since) < LOOK_LOST) {
                self.wake_at(now + LOOK_LOST);
                continue;
            }
            let attempted = self.picture.reading(&want.source).and_then(|reading| {
                let silence = reading.silence.as_ref().map(|(at, _)| *at);
                reading.asked.into_iter().chain(silence).max()
            });
            let due = match attempted {
                Some(at) if at >= want.since => at + want.pace,
                _ => want.since,
            };
            if due <= now {
                self.looking.insert(want.source.clone(), now);
                self.out.push(Output::Look(want.source));
            } else {
                self.wake_at(due);
            }
        }
    }

    /// Queues a journaled write until its intent is durable.
    pub(super) fn queue(&mut self, token: Token, image: WriteImage) {
        self.held_sends.push_back((self.run.seq, token, image));
    }

    /// Whether a write is queued or on the wire: writes leave one at a time.
    pub(super) fn sending(&self) -> bool {
        !self.held_sends.is_empty() || self.live.values().any(|live| live.awaited)
    }

    /// Lets go what is durable. The only place a permit is minted.
    fn release(&mut self, now: Timestamp) {
        while self.stopped.is_none() {
            let Some((seq, _, _)) = self.held_sends.front() else { return };
            if *seq > self.durable {
                return;
            }
            let Some((_, token, image)) = self.held_sends.pop_front() else { return };
            if let Some(why) = self.outdated(&token, now) {
                self.sent(&token, Sent::NotSent { why, retry_after: Some(0) }, now);
                self.wake_at(now);
                continue;
            }
            let digest = crate::wire::body_sha256(image.body.as_bytes());
            let permit = Permit::mint(&image.method, &image.url, digest);
            let (client_request_id, correlation_id) = self.request_ids(&token);
            let until = self.guarded_until(&token, now);
            self.out.push(Output::Send(SendOrder {
                token,
                image,
                permit,
                client_request_id,
                correlation_id,
                until,
            }));
        }
    }

    /// Ids of an attempt and of its step: derived, so that a second look finds the same.
    pub(super) fn request_ids(&self, token: &Token) -> (String, String) {
        let step = self.run.plan.steps.get(token.step).map_or("", |step| step.id.as_str());
        let id = |text: String| uuid::Uuid::new_v5(&REQUEST_NAMESPACE, text.as_bytes()).to_string();
        let step_text = format!("{}|{step}", self.context.run);
        (id(format!("{step_text}|{}|{}", token.item, token.attempt)), id(step_text))
    }

    /// Evidence for the step at `index` from looks that began at or after `since`.
    pub(super) fn evidence(&self, index: usize, since: Timestamp, now: Timestamp) -> Evidence<'_> {
        Evidence {
            estate: &self.context.estate,
            run: &self.run,
            step: index,
            seen: Seen { picture: &self.picture, since, now },
            streaks: &self.streaks,
            handed_over: self.went_on.is_some(),
        }
    }

    /// A moment of the journal on the clock of this process. One that lies ahead was stamped by a
    /// process whose clock was ahead: whatever this process has looked at was later.
    pub(super) fn here(&self, at: Timestamp, now: Timestamp) -> Timestamp {
        if at > now { self.went_on.unwrap_or(now) } else { at }
    }

    /// The live state of an item.
    pub(super) fn live(&mut self, step: usize, item: &str) -> &mut Live {
        self.live.entry((step, item.to_owned())).or_default()
    }
}

/// Namespace of our request ids.
const REQUEST_NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x2d8e_41b7_03c5_4f6e_a1d9_7b60_c5e2_93f4);
