//! What each event does.

use crate::{
    domain::{Answer, Observation, Safe, Source, picture::Picture, reading::Look},
    engine::{
        Command, Input, Output, Refusal, RunView,
        event::HeldWhy,
        view::{RunState, StepState, StepView},
    },
    status::Scope,
};

use super::{
    arming::{Passed, Work},
    dialog::Modal,
    event::{Effect, Event, Intent, LeaveReason, Moment},
    mode::{Call, Identity, TokenStatus},
    run::{OpenRun, RunHandle, Viewed},
    screen::{Screen, StepCursor},
    state::{App, Leaving, NOTICE_MS, Settled, payable},
    under::When,
};

impl App {
    /// Takes in what happened at `moment`; what must be done comes out, in order.
    pub fn update(&mut self, event: Event, moment: Moment) -> Vec<Effect> {
        self.moment = Moment { now: moment.now, terminal: moment.terminal.max(self.moment.terminal) };
        // What a person or the loop does now is judged by how the run stands now.
        if !matches!(event, Event::Observed(_) | Event::LookAwaited { .. } | Event::Run(_)) {
            self.view_run();
        }
        match event {
            Event::Intent(intent) => {
                self.notice = None;
                self.arming.touch(self.moment.terminal);
                self.keep_lists();
                self.follow_under(When::Key);
                self.intend(intent, moment.terminal);
                self.note_under(intent);
            }
            Event::Command(command) => self.told(command),
            Event::Observed(observation) => self.observed(observation),
            Event::Recalled { looks, told } => self.recalled(looks, told.as_str()),
            Event::LookAwaited { source, at } => self.pictured().await_look(source, at),
            Event::Run(input) => self.run_hears(input),
            Event::Resized { w, h } => self.size = (w, h),
            Event::Tick => self.tick(),
            Event::Token { status, identity } => self.token_told(status, identity),
            Event::Facts(facts) => {
                self.facts = *facts;
                self.checked = None;
                self.settled = Settled::No;
            }
            Event::RunsListed(runs) => match &mut self.behind {
                Some(behind) => behind.runs = runs,
                None => self.runs = runs,
            },
            Event::RunStarted { handle, seq, first, lock } => self.run_started(handle, seq, first, &lock),
            Event::ThemeSet(Ok(theme)) => {
                self.say(format!("theme {theme}"));
                self.theme = Some(theme);
            }
            Event::ThemeSet(Err(why)) => self.say(why),
            Event::Copied { text, outcome } => self.say(match outcome {
                Ok(where_to) => format!("copied {where_to}: {text}"),
                Err(why) => why,
            }),
            Event::JournalRead { run, outcome } => self.journal.take(&run, outcome),
            Event::RunRefused { order, why } => self.run_refused(order, &why),
            Event::Leaving(reason) => self.leave(reason),
            Event::Speed(speed) => self.speed = speed,
            Event::Recorded(stamped) => self.recorded(&stamped),
            Event::Told(text) => self.told_then(&text),
            Event::Spot(spot) => self.spot = Some(spot),
            Event::PasteDiscarded => self.say("a paste was thrown away: nothing here takes one, type it"),
            Event::Notice(text) => {
                self.tell_all(text.as_str());
                self.say(text.as_str());
            }
        }
        self.settle_body();
        std::mem::take(&mut self.effects)
    }

    /// Plain mode or `--auto` speaks; arming by it is arming.
    fn told(&mut self, command: Command) {
        if let Command::Arm { on, .. } = &command {
            match on {
                true => self.arming.arm(self.moment.terminal),
                false => self.arming.disarm(),
            }
        }
        if let Some(refusal) = self.drive(Input::Command(command)) {
            self.say(self.could_not(&refusal));
        }
    }

    /// Takes in what is known of the token. What changed about who acts, or went wrong, is told once.
    fn token_told(&mut self, status: TokenStatus, identity: Option<Identity>) {
        if let Some(identity) = identity.filter(|known| *known != self.identity) {
            self.tell_all(format!("acts as {}", identity.name));
            self.identity = identity;
            self.know_people();
        }
        let told = match (self.token.trouble(), status.trouble()) {
            (before, Some(why)) if before != Some(why) => {
                let why = why.to_string();
                self.say(why.clone());
                Some(why)
            }
            (Some(_), None) => Some("a new token came".to_owned()),
            _ => None,
        };
        if let Some(told) = told {
            self.tell_all(told);
        }
        if self.token.is_sealed() && matches!(status, TokenStatus::Until { sealed: false, .. }) {
            self.tell_all("the token is not kept any more: it ends with this process".to_owned());
        }
        self.token = status;
    }

    /// The picture that goes on, also behind a frozen display.
    fn pictured(&mut self) -> &mut Picture {
        self.behind.as_mut().map_or(&mut self.picture, |behind| &mut behind.picture)
    }

    /// Shows what was seen before this process began: as old as it is, and no news to anybody.
    fn recalled(&mut self, looks: Vec<(Source, Look)>, told: &str) {
        self.settled = Settled::No;
        for (source, look) in looks {
            self.know_seen(&look.answer);
            self.pictured().recall(source, look);
        }
        self.tell_all(told);
    }

    fn observed(&mut self, observation: Observation) {
        self.settled = Settled::No;
        if let Ok(answer) = &observation.outcome {
            self.know_seen(answer);
        }
        if self.run.is_some() {
            self.inform(Input::Observed(observation.clone()));
        }
        self.sees(observation);
    }

    /// What the run looked at for itself is shown as well: one fact has one age on all screens. What no
    /// screen is made of stays with the run.
    fn run_hears(&mut self, input: Input) {
        let seen = match &input {
            Input::Observed(seen) if self.pictured().reading(&seen.source).is_some() => Some(seen.clone()),
            _ => None,
        };
        self.inform(input);
        if let Some(seen) = seen {
            self.settled = Settled::No;
            self.sees(seen);
        }
    }

    fn sees(&mut self, mut observation: Observation) {
        if let Some(run) = &self.run {
            run.handle.remind(&mut observation);
        }
        let (feed, picture) = match &mut self.behind {
            Some(behind) => (&mut behind.feed, &mut behind.picture),
            None => (&mut self.feed, &mut self.picture),
        };
        feed.observe(&self.estate, picture, &observation);
        picture.take(observation);
        for modal in &mut self.modals {
            if let Modal::Start(dialog) = modal {
                dialog.seen(&self.estate, &self.picture, self.moment);
            }
        }
    }

    /// What was seen before the run was opened here is seen again with what the run knows. A source that
    /// has failed since stays as it is: its next answer will tell.
    fn remind(&mut self) {
        let Some(run) = &self.run else { return };
        let picture = self.behind.as_ref().map_or(&self.picture, |behind| &behind.picture);
        let reminded = picture.iter().filter_map(|(source, reading)| {
            let told = |look: &&Look| matches!(look.answer, Answer::Machines(_)) && reading.silence.is_none();
            let look = reading.last.as_ref().filter(told)?;
            let (started, ended, outcome) = (look.started, look.at, Ok(look.answer.clone()));
            let mut seen = Observation { source: source.clone(), started, ended, outcome };
            run.handle.remind(&mut seen);
            let answer = seen.outcome.as_ref().ok().filter(|answer| **answer != look.answer)?;
            Some((reading.asked.is_some(), Look { started, at: ended, answer: answer.clone() }, seen))
        });
        let reminded: Vec<(bool, Look, Observation)> = reminded.collect();
        for (own, look, seen) in reminded {
            if own {
                self.pictured().take(seen);
            } else {
                self.pictured().recall(seen.source, look);
            }
        }
    }

    fn tick(&mut self) {
        self.settled = Settled::No;
        let working = self.run.as_ref().is_some_and(OpenRun::is_working);
        let work = if working { Work::Busy } else { Work::Idle };
        match self.arming.tick(self.moment.terminal, work) {
            Passed::Nothing => {}
            Passed::Warn(minutes) => {
                let key = self.key(Intent::Arm);
                self.say(format!(
                    "armed for {minutes} min more; {key} arms again without leaving this screen"
                ));
                self.ring(Call::Needed);
            }
            Passed::Ended(why) => self.disarmed(why),
        }
        if self.notice.as_ref().is_some_and(|notice| self.moment.terminal >= notice.at + NOTICE_MS) {
            self.notice = None;
        }
        self.leaving = match self.leaving {
            Leaving::Asked(at) if self.moment.terminal < at + super::intents::TWICE_MS => self.leaving,
            _ => Leaving::No,
        };
        self.drive(Input::Tick);
    }

    /// The cockpit is read-only again. A confirmed step goes on: its items finish.
    pub(super) fn disarmed(&mut self, why: &str) {
        self.tell_all(format!("disarmed: {why}"));
        self.say(format!("disarmed: {why}"));
        self.ring(Call::Needed);
        self.drive(Input::Command(Command::Arm { on: false, how: Safe::new(why) }));
    }

    /// The cockpit is armed.
    pub(super) fn armed(&mut self, how: &str) {
        self.arming.arm(self.moment.terminal);
        self.tell_all(format!("armed {how}"));
        self.drive(Input::Command(Command::Arm { on: true, how: Safe::new(how) }));
    }

    fn run_started(&mut self, handle: Box<dyn RunHandle>, seq: u64, first: Vec<Output>, lock: &Safe) {
        self.thaw();
        let run = OpenRun::new(handle, seq, self.moment.now);
        if self.stopped().is_some() && self.run_view().is_some_and(|here| here.run == run.view.run) {
            self.tell_all("the journal takes records again");
            let key = self.key(Intent::Hold);
            self.say(format!("the journal takes records again; {key} goes on with the run"));
        }
        let hold = self.key(Intent::Hold);
        let text = (run.view.durable > 0).then(|| opened_words(&run.view, &hold));
        // Who else could be at work on the estate depends on it.
        self.tell_all(lock.as_str());
        if let Some(text) = text {
            self.tell_all(text);
        }
        // Beside the run stands its service, not the sum of all.
        self.scope = Scope::Service(run.view.service_index);
        self.run = Some(run);
        self.remind();
        self.settled = Settled::No;
        self.screen = Screen::Run;
        self.step = StepCursor::Following;
        self.modals.retain(|modal| !matches!(modal, Modal::Start(_)));
        self.perform(first);
        if self.arming.is_armed() {
            let how = Safe::new("the cockpit was armed when the run was opened");
            self.drive(Input::Command(Command::Arm { on: true, how }));
        }
    }

    /// Ends: the run is held first, so that no further item starts.
    pub(super) fn leave(&mut self, reason: LeaveReason) {
        if !self.is_replay()
            && self
                .run
                .as_ref()
                .is_some_and(|run| !run.is_closed() && !matches!(run.view.state, RunState::Held(..)))
        {
            let (why, note) = match reason {
                LeaveReason::Person => (HeldWhy::Person, "the operator left the cockpit"),
                LeaveReason::Hangup => (HeldWhy::HangUp, "the terminal went away"),
                LeaveReason::Terminated => (HeldWhy::HangUp, "the process was told to end"),
            };
            self.drive(Input::Command(Command::Hold { why, note: Safe::new(note) }));
        }
        self.want(Effect::Leave(reason));
    }

    /// Hands a command to the run; a refusal is for the caller to show.
    pub(super) fn command(&mut self, command: Command) -> Option<Refusal> {
        self.drive(Input::Command(command))
    }

    /// Lets the open run take something in and looks at it again. Without one, nothing happens.
    fn drive(&mut self, input: Input) -> Option<Refusal> {
        let refusal = self.hand(input);
        self.view_run();
        refusal
    }

    /// Lets the open run take in news; how it stands then is looked at once per batch.
    fn inform(&mut self, input: Input) {
        self.hand(input);
    }

    fn hand(&mut self, input: Input) -> Option<Refusal> {
        let now = self.moment.now;
        let run = self.run.as_mut()?;
        let (outputs, refusal) = run.handle.handle(input, now);
        run.viewed = Viewed::Stale;
        self.settled = Settled::No;
        self.perform(outputs);
        refusal
    }

    /// Looks at the run again where something has happened to it.
    pub(super) fn view_run(&mut self) {
        let now = self.moment.now;
        let Some(run) = self.run.as_mut().filter(|run| run.viewed == Viewed::Stale) else { return };
        let was = std::mem::replace(&mut run.view, run.handle.view(now));
        run.viewed = Viewed::Fresh;
        self.leave_paid(&was);
        self.leave_undone(&was);
        self.run_moved(&was);
    }

    /// A cursor that a person put on a debt goes to the next that can be paid once it is settled, also where the
    /// run has a step of its own in turn. Nothing moves on a display that stands still.
    fn leave_paid(&mut self, was: &RunView) {
        let (StepCursor::At(cursor), Some(run)) = (self.step, &self.run) else { return };
        let under = was.steps.get(cursor.place(was.steps.len()));
        let owes = |view: &RunView| under.is_some_and(|step| view.debts.contains(&step.id));
        let next = payable(&run.view).filter(|_| owes(was) && !owes(&run.view) && self.frozen().is_none());
        if let (Some(place), StepCursor::At(cursor)) = (next, &mut self.step) {
            cursor.put(place);
        }
    }

    /// A cursor on what was taken back, or on what takes it back, goes to the step in turn, which may stand before
    /// it.
    fn leave_undone(&mut self, was: &RunView) {
        let (StepCursor::At(cursor), Some(run)) = (self.step, &self.run) else { return };
        let Some(under) = was.steps.get(cursor.place(was.steps.len())) else { return };
        let own = |undo: &StepView| undo.id == under.id || under.undo.as_ref() == Some(&undo.id);
        let undos = was.steps.iter().zip(&run.view.steps).filter(|(before, _)| before.is_undo && own(before));
        let ended = undos.into_iter().any(|(before, now)| !before.state.over() && now.state.over());
        if ended && self.frozen().is_none() {
            self.step = StepCursor::Following;
        }
    }

    /// Passes on what the run asks for; what goes into its journal is shown too.
    fn perform(&mut self, outputs: Vec<Output>) {
        if let Some(run) = &mut self.run {
            let lines = outputs.iter().filter_map(|output| match output {
                Output::Append(lines) => Some(lines),
                _ => None,
            });
            for line in lines.flatten() {
                run.seq += 1;
                let feed = self.behind.as_mut().map_or(&mut self.feed, |behind| &mut behind.feed);
                feed.journal(run.seq, line);
                self.journal.add(&run.view.run, run.seq, line);
            }
        }
        self.effects.extend(outputs.into_iter().map(Effect::Run));
    }

    /// Keeps open dialogs true to the run, and calls the person when it needs one.
    fn run_moved(&mut self, was: &RunView) {
        self.tell_stopped(was.stopped.as_ref());
        // A run is open once its first record is on disk: until then a kill leaves nothing of it.
        let opened = self.run.as_ref().filter(|run| was.durable == 0 && run.view.durable > 0);
        let hold = self.key(Intent::Hold);
        if let Some(text) = opened.map(|run| opened_words(&run.view, &hold)) {
            self.tell_all(text);
        }
        let Some(run) = &self.run else { return };
        let calls = match (&run.view.state, &was.state) {
            (now, was) if now == was => false,
            (RunState::AwaitingPerson | RunState::Closed(_), _) => true,
            (RunState::Held(why, _), _) => *why != HeldWhy::Person,
            _ => false,
        };
        let at = self.moment.terminal;
        let mut over = None;
        for modal in &mut self.modals {
            let Modal::Confirm(dialog) = modal else { continue };
            match run.view.steps.iter().find(|step| step.id == dialog.step) {
                Some(step) => {
                    if let Some(offer) = &step.offer {
                        dialog.pin(offer, at);
                    }
                    // What is owed is offered as soon as its list has been read.
                    let done = step.state.over() && !run.view.debts.contains(&step.id);
                    let gone = done || matches!(step.state, StepState::Confirmed | StepState::Running);
                    if gone && step.offer.is_none() {
                        over = Some(format!("{} is {} now", step.id, step.state.word()));
                    }
                }
                None => over = Some(format!("{} is no longer offered", dialog.step)),
            }
        }
        let call = call_of(&was.steps, &run.view.steps);
        match (calls, call) {
            (true, _) => self.ring(Call::Needed),
            (false, Some(call)) => self.ring(call),
            (false, None) => {}
        }
        if calls && self.behind.is_some() {
            self.say(format!("the run needs you; {} shows it as it is now", self.key(Intent::Freeze)));
        }
        if let Some(text) = over {
            self.modals.retain(|modal| !matches!(modal, Modal::Confirm(_)));
            self.say(text);
        }
    }
}

/// How a run stands that was opened here and is on disk.
fn opened_words(view: &RunView, hold: &str) -> String {
    let stands = if view.interrupted {
        format!("is interrupted; enter or {hold} goes on")
    } else {
        "is open".to_owned()
    };
    format!("run {} {stands}", view.run)
}

/// What a step that ended between two views of a run is worth a bell for: a failure before a success.
fn call_of(was: &[StepView], is: &[StepView]) -> Option<Call> {
    let moved =
        is.iter().filter(|step| was.iter().any(|before| before.id == step.id && before.state != step.state));
    moved
        .filter_map(|step| match step.state {
            StepState::Failed | StepState::TimedOut => Some(Call::Failed),
            StepState::Done => Some(Call::Done),
            _ => None,
        })
        .min_by_key(|call| *call == Call::Done)
}
