//! What a key means on the screens themselves, with nothing lying over them.

use crate::{
    domain::{Safe, Source},
    engine::{
        Command, Refusal,
        event::{HeldWhy, StepId},
        view::{Choice, ItemPhase, RunState, StepState, StepView},
    },
    runbook::StepKind,
    status::Scope,
};

use super::{
    arming::{Arming, FIRST_WARNING_MS, left_text},
    confirm::ConfirmDialog,
    dialog::{ArmDialog, AskDialog, HelpDialog, LeaveDialog, Modal, Purpose},
    event::{Effect, Intent, LeaveReason},
    gesture::Field,
    screen::{Filter, Screen, next_scope, previous_scope},
    sentence,
    start::StartDialog,
    state::{App, Leaving},
};

/// A second press within this time leaves (terminal-ux §3.1).
pub(super) const TWICE_MS: u64 = 2_000;
/// What a hold says until somebody says why.
const HELD_BY_HAND: &str = "held by the operator";

impl App {
    /// A person wants something; `at` is when the key was read.
    pub(super) fn intend(&mut self, intent: Intent, at: u64) {
        if self.too_small() && !goes_unseen(intent, !self.modals.is_empty()) {
            return;
        }
        if self.modals.is_empty() && !matches!(self.filter, Filter::Typing(_)) {
            self.thaw_for(intent);
        }
        let leaving = std::mem::replace(&mut self.leaving, Leaving::No);
        if !self.modals.is_empty() {
            self.intend_modal(intent, at);
        } else if matches!(self.filter, Filter::Typing(_)) {
            self.intend_filter(intent);
        } else {
            match intent {
                Intent::Back | Intent::Escape if self.screen != Screen::Home => self.go_back(intent),
                Intent::Back | Intent::Interrupt => self.ask_to_leave(intent, leaving, at),
                intent => self.intend_screen(intent),
            }
        }
    }

    fn intend_screen(&mut self, intent: Intent) {
        if self.refuses(intent) || self.meant_another(intent) {
            return;
        }
        match intent {
            Intent::Move(motion) => self.go(motion),
            Intent::Enter => self.enter(),
            Intent::Help => self.modals.push(Modal::Help(HelpDialog::default())),
            Intent::Palette => self.modals.push(Modal::Palette(Field::default())),
            Intent::Filter => self.open_filter(),
            Intent::Sort | Intent::Reverse => self.sort(intent),
            Intent::Next | Intent::Previous | Intent::Left | Intent::Right => self.focus(intent),
            Intent::Zoom => self.zoom(),
            Intent::ScopeNext => self.rescope(next_scope(self.scope, &self.estate)),
            Intent::ScopePrevious => self.rescope(previous_scope(self.scope, &self.estate)),
            Intent::Start => self.open_start(None),
            Intent::Arm => self.arm_by_key(),
            Intent::Flip => match (self.screen, &self.run) {
                (Screen::Run, _) => self.show(Screen::Home),
                (_, Some(_)) => self.show(Screen::Run),
                _ => self.say(self.no_run()),
            },
            Intent::Runs => self.show(Screen::Runs),
            Intent::Events => self.show(Screen::Events),
            Intent::Lists => self.modals.push(Modal::Lists(self.home.place(self.summary.rows.len()))),
            Intent::Pane(number) => self.open_pane(number),
            Intent::Pause => self.pause(),
            Intent::Refresh => self.refresh(),
            Intent::Copy => self.copy(),
            Intent::CopyField => self.pick(),
            Intent::Freeze => self.freeze(),
            Intent::Play(play) => self.play(play),
            intent if intent.is_for_run() => self.intend_run(intent),
            _ => {}
        }
    }

    fn intend_filter(&mut self, intent: Intent) {
        let Filter::Typing(field) = &mut self.filter else { return };
        match intent {
            Intent::Type(c) => field.push(c),
            Intent::Erase => field.erase(),
            Intent::EraseAll => field.clear(),
            Intent::Enter => self.take_filter(),
            Intent::Escape | Intent::Interrupt => self.filter = Filter::Off,
            Intent::Move(motion) => self.go(motion),
            _ => {}
        }
    }

    fn ask_to_leave(&mut self, intent: Intent, leaving: Leaving, at: u64) {
        let open = !self.is_replay() && self.run.as_ref().is_some_and(|run| !run.is_closed());
        let aborting = self.run_view().map(|view| view.state.clone());
        if let (Some(RunState::Aborting(flying)), Screen::Run, Intent::Interrupt) =
            (aborting, self.screen, intent)
        {
            let key = self.key(Intent::Back);
            self.say(format!("the run is {}; {key} leaves", sentence::aborting_words(flying)));
        } else if open && self.screen == Screen::Run && intent == Intent::Interrupt {
            self.modals.push(Modal::Ask(AskDialog::new(Purpose::Abort, at)));
        } else if open {
            self.modals.push(Modal::Leave(LeaveDialog::new(at)));
        } else if matches!(leaving, Leaving::Asked(before) if at < before + TWICE_MS) {
            self.leave(LeaveReason::Person);
        } else {
            self.leaving = Leaving::Asked(at);
            self.say(format!("press {} again within 2 s to leave", self.key(intent)));
        }
    }

    /// Asks whether to go on with the run that is open.
    pub(super) fn go_on(&mut self) {
        match self.run_view() {
            Some(_) if self.stopped().is_some() => self.open_again(),
            Some(run) if run.interrupted || matches!(run.state, RunState::Held(..)) => {
                self.intend_run(Intent::Hold);
            }
            Some(_) => self.say("the run is neither held nor interrupted"),
            None => self.say(format!("resume needs the run's id; {} lists the runs", self.key(Intent::Runs))),
        }
    }

    /// Asks for a run to be gone on with, unless another one is open.
    pub(super) fn resume(&mut self, id: String) {
        if self.stopped().is_some() && self.run.as_ref().is_some_and(|run| run.view.run == id) {
            self.open_again();
        } else if self.run.as_ref().is_some_and(|run| !run.is_closed()) {
            self.say("another run is open here; hold it and leave first");
        } else {
            self.say(format!("opening {id}"));
            self.want(Effect::ResumeRun(id));
        }
    }

    /// Opens the start dialog for a runbook, or for the only one.
    pub(super) fn open_start(&mut self, id: Option<&str>) {
        if self.run.as_ref().is_some_and(|run| !run.is_closed()) {
            self.say(format!("a run is open; {} shows it", self.key(Intent::Flip)));
            return;
        }
        if let Arming::Locked(why) = &self.arming {
            self.say(format!("{why}: a run opened here could never be confirmed"));
            return;
        }
        let entry = match id {
            Some(id) => self.runbooks.iter().find(|entry| entry.id == id),
            None => self.runbooks.first(),
        };
        let Some(entry) = entry else {
            self.say(
                id.map_or_else(
                    || "no runbook fits this estate".to_owned(),
                    |id| format!("no runbook `{id}`"),
                ),
            );
            return;
        };
        let preferred = match self.scope {
            Scope::All => None,
            Scope::Service(index) => Some(index),
        };
        let dialog = StartDialog::new(entry, &self.estate, &self.picture, preferred, self.moment);
        self.modals.push(Modal::Start(Box::new(dialog)));
    }

    /// Opens the arm dialog, or says why not: because it is armed already, until a warning has said that
    /// arming again gives more time.
    pub(super) fn arm_by_key(&mut self) {
        match self.already_armed() {
            Some(text) => self.say(format!("{text}; :disarm ends it")),
            None => self.open_arm(),
        }
    }

    /// How long it is armed for, where arming again has no use yet.
    pub fn already_armed(&self) -> Option<String> {
        let left = self.arming.left(self.moment.terminal).filter(|left| *left > FIRST_WARNING_MS)?;
        Some(format!("already armed, {} left", left_text(left)))
    }

    /// Opens the arm dialog, or says why not.
    pub(super) fn open_arm(&mut self) {
        match &self.arming {
            Arming::Locked(why) => {
                let why = (*why).to_owned();
                self.say(why);
            }
            Arming::Off | Arming::Armed(_) => {
                self.modals.push(Modal::Arm(ArmDialog::new(self.moment.terminal)));
                self.want(Effect::Poll(Source::AccessChanges));
            }
        }
    }

    /// Enter in the run view.
    pub(super) fn act_on_step(&mut self) {
        let Some(run) = &self.run else { return };
        match &run.view.state {
            _ if run.view.interrupted || run.view.stopped.is_some() => return self.go_on(),
            RunState::Held(..) => return self.go_on(),
            RunState::Aborting(flying) => {
                return self.say(format!("the run is {}", sentence::aborting_words(*flying)));
            }
            RunState::Closed(_) if !run.view.watches => {
                let back = self.key(Intent::Back);
                return self.say(format!("the run is over; :report writes its report, {back} goes home"));
            }
            _ => {}
        }
        let Some(step) = self.selected_step() else { return };
        let (id, kind) = (step.id.clone(), step.kind);
        if self.waits_for_arm(step) {
            return self.say(format!("{}; {} arms it", blocked(step), self.key(Intent::Arm)));
        }
        if step.state.over() && !run.view.debts_ready.contains(&id) {
            // Its line in the run view is cut; here it has room.
            let text = format!("{id} is {}: {}", step.state.word(), step.why);
            return self.say(text);
        }
        if let Some(why) = sentence::at_work(step, self.now()) {
            return self.say(why);
        }
        if let (Some(ask), None) = (&step.ask, &step.value) {
            let purpose = Purpose::Value(id, ask.clone());
            return self.modals.push(Modal::Ask(AskDialog::new(purpose, self.moment.terminal)));
        }
        self.offer(id, kind);
    }

    /// Opens the confirmation of a step; arming comes first where nothing is armed.
    fn offer(&mut self, step: StepId, kind: StepKind) {
        let dialog = ConfirmDialog::new(step.clone(), self.moment.terminal);
        self.modals.push(Modal::Confirm(Box::new(dialog)));
        let id = step.clone();
        if let Some(refusal) = self.command(Command::Offer { step }) {
            self.modals.retain(|modal| !matches!(modal, Modal::Confirm(_)));
            // What stands on the screen as its reason says more than that it is at work.
            let stands = |step: &&StepView| {
                step.id == id && step.state == StepState::Blocked && !step.blocked_by.is_empty()
            };
            let why = self.selected_step().filter(stands).map_or_else(|| self.could_not(&refusal), blocked);
            return self.say(why);
        }
        let asking = matches!(self.modals.last(), Some(Modal::Confirm(_)));
        if asking && kind == StepKind::Automatic && !self.arming.is_armed() {
            self.open_arm();
        }
    }

    /// Keys that speak to the run.
    pub(super) fn intend_run(&mut self, intent: Intent) {
        let Some(run) = &self.run else { return self.say(self.no_run()) };
        if run.view.stopped.is_some() && intent == Intent::Hold {
            return self.open_again();
        }
        let watches = run.view.watches && intent == Intent::Hold && run.view.interrupted;
        if run.is_closed() && intent != Intent::Undo && !watches {
            return self.say("the run is over");
        }
        if let (RunState::Aborting(flying), false) = (&run.view.state, intent == Intent::Note) {
            return self.say(format!("the run is {}", sentence::aborting_words(*flying)));
        }
        let held = run.view.interrupted || matches!(run.view.state, RunState::Held(..));
        let at = self.moment.terminal;
        let purpose = match intent {
            Intent::Hold if held => {
                // Who else changed something meanwhile is asked for as the question is put.
                self.want(Effect::Poll(Source::AccessChanges));
                Some(Purpose::Resume)
            }
            Intent::Hold => self.hold(),
            Intent::Note => Some(Purpose::Note),
            Intent::ShortenNotice => {
                self.choice(Choice::ShortenNotice, "no notice is running").map(|_| Purpose::ShortenNotice)
            }
            // As with an undo: what a run that rests does next is said once it goes on.
            Intent::Skip if held => {
                let why = self.rests().unwrap_or_default();
                self.say(why);
                None
            }
            Intent::Skip => self.choice(Choice::Skip, "this step cannot be skipped").map(Purpose::Skip),
            Intent::Downgrade => {
                self.choice(Choice::Downgrade, "this step cannot be downgraded").map(Purpose::Downgrade)
            }
            Intent::Retry => {
                self.choice(Choice::Retry, "nothing to try again").map(|step| Purpose::Retry(step, None))
            }
            Intent::AcceptStuck => self
                .choice(Choice::AcceptStuck, "nothing is stuck")
                .map(|step| Purpose::AcceptStuck(step, self.stuck_items())),
            Intent::RestartHost => self.restart_purpose(None),
            Intent::Undo => {
                self.undo();
                None
            }
            _ => None,
        };
        if let Some(purpose) = purpose {
            self.ask(purpose, at);
        }
    }

    /// Opens a question; one after another try or a restart with what that would send.
    pub(super) fn ask(&mut self, purpose: Purpose, at: u64) {
        let handle = self.run.as_ref().map(|run| &run.handle);
        let again = match &purpose {
            Purpose::Retry(step, item) => handle.and_then(|run| run.again(step, item.as_deref())),
            Purpose::Restart(step, item) => handle.and_then(|run| run.again(step, Some(item))),
            _ => None,
        };
        let dialog = AskDialog { again: again.map(Box::new), ..AskDialog::new(purpose, at) };
        self.modals.push(Modal::Ask(dialog));
    }

    /// Holds the run at once: the question why must not let another item start.
    fn hold(&mut self) -> Option<Purpose> {
        let (why, note) = (HeldWhy::Person, Safe::new(HELD_BY_HAND));
        match self.command(Command::Hold { why, note }) {
            Some(refusal) => {
                self.say(self.could_not(&refusal));
                None
            }
            None => Some(Purpose::Hold),
        }
    }

    /// The selected step's id where it offers `choice`; else says why not.
    fn choice(&mut self, choice: Choice, or_else: &str) -> Option<StepId> {
        let step =
            self.selected_step().filter(|step| step.choices.contains(&choice)).map(|step| step.id.clone());
        if step.is_none() {
            self.say(or_else);
        }
        step
    }

    /// Which host would be restarted: the one named, or the only stuck one.
    pub(super) fn restart_purpose(&mut self, item: Option<&str>) -> Option<Purpose> {
        let step = self.choice(Choice::RestartHost, "no host under a stuck item to restart")?;
        let stuck = self.restartable_items();
        match (item, stuck.as_slice()) {
            (Some(item), stuck) if stuck.iter().any(|known| known == item) => {
                Some(Purpose::Restart(step, item.to_owned()))
            }
            (None, [only]) => Some(Purpose::Restart(step, only.clone())),
            _ => {
                self.say(format!("name one: :restart {}", stuck.join(" | ")));
                None
            }
        }
    }

    /// Items of the selected step that did not end.
    pub fn stuck_items(&self) -> Vec<String> {
        let stuck = |step: &StepView| {
            let failed = |state: ItemPhase| matches!(state, ItemPhase::Failed | ItemPhase::Ghost);
            step.items.iter().filter(|item| failed(item.state)).map(|item| item.key.clone()).collect()
        };
        self.selected_step().map(stuck).unwrap_or_default()
    }

    /// Items of the selected step under which a host can be restarted: those accepted by name too.
    pub fn restartable_items(&self) -> Vec<String> {
        let stuck = |step: &StepView| {
            let left = |state: ItemPhase| !state.over() || state == ItemPhase::Accepted;
            step.items.iter().filter(|item| left(item.state)).map(|item| item.key.clone()).collect()
        };
        self.selected_step().map(stuck).unwrap_or_default()
    }

    fn undo(&mut self) {
        if let Some(why) = self.rests() {
            return self.say(format!("nothing is undone now: {why}"));
        }
        let Some(step) = self.selected_step() else { return };
        let offered = step.choices.contains(&Choice::Undo);
        match &step.undo {
            // The cursor is on what takes another step back.
            _ if step.is_undo && step.offer.is_some() => {
                let (undo, kind) = (step.id.clone(), step.kind);
                self.offer(undo, kind);
            }
            Some(undo) if offered => {
                let undo = undo.clone();
                self.offer(undo, StepKind::Automatic);
            }
            Some(_) => {
                let why = match step.no_undo {
                    Some(why) => format!(" now: {why}"),
                    None if !step.begun() => ": it has not begun".to_owned(),
                    None => " now".to_owned(),
                };
                self.say(format!("{} cannot be undone{why}; {}", step.id, self.undoable()));
            }
            None => self.say(format!("{} has no undo; {}", step.id, self.undoable())),
        }
    }

    /// Why the run confirms nothing before it goes on, and the key that lets it; `None`: it does not rest.
    pub fn rests(&self) -> Option<String> {
        let view = self.run_view()?;
        let key = self.key(Intent::Hold);
        match view.state {
            RunState::Closed(_) | RunState::Aborting(_) => None,
            _ if view.interrupted => Some(format!("the run is interrupted, {key} goes on")),
            RunState::Held(..) => Some(format!("the run is held, {key} goes on")),
            _ => None,
        }
    }

    /// What was refused and why; where the run only rests, the key that goes on.
    pub(super) fn could_not(&self, refusal: &Refusal) -> String {
        match (refusal, self.rests()) {
            (Refusal::Held | Refusal::Interrupted, Some(why)) => format!("nothing is confirmed now: {why}"),
            _ => format!("could not {refusal}"),
        }
    }

    /// Whether a step that was confirmed could send what is left of it if only the cockpit were armed.
    pub fn waits_for_arm(&self, step: &StepView) -> bool {
        let sends = step.kind == StepKind::Automatic && step.state == StepState::Blocked && step.begun();
        let stopped = self.run_view().is_none_or(|view| view.stopped.is_some());
        sends && !self.arming.is_armed() && self.rests().is_none() && !stopped
    }

    /// Which steps can be undone now, in words.
    fn undoable(&self) -> String {
        let steps = self.run_view().map_or(&[][..], |view| &view.steps);
        let open: Vec<&str> = steps
            .iter()
            .filter(|step| step.choices.contains(&Choice::Undo))
            .map(|step| step.id.as_str())
            .collect();
        if open.is_empty() {
            "no step can be now".to_owned()
        } else {
            format!("these can: {}", open.join(", "))
        }
    }
}

/// Whether a key acts in a window that is too small to show what it does: leaving, closing what is open, turning
/// to the run and holding it do, and nothing that decides.
fn goes_unseen(intent: Intent, over_a_dialog: bool) -> bool {
    match intent {
        Intent::Interrupt => true,
        // Pressed once too often it would leave the run, which nobody sees.
        Intent::Escape => over_a_dialog,
        Intent::Back | Intent::Hold | Intent::Flip => !over_a_dialog,
        _ => false,
    }
}

/// That a step is blocked and by what, as the run view says it.
fn blocked(step: &StepView) -> String {
    let why = step.blocked_by.iter().map(Safe::as_str).collect::<Vec<_>>().join("; ");
    format!("{} is {}: {why}", step.id, step.state.word())
}
