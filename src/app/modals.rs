//! What a key means while a dialog lies over the screen. Whatever a dialog does not name, it
//! swallows.

use crate::{
    domain::{Safe, access::PrincipalId, mask},
    engine::{
        Command, Confirm, Refusal,
        event::{ConfirmedBy, HeldWhy},
    },
};

use super::{
    confirm::Decision,
    dialog::{AskDialog, Asked, HelpDialog, LeaveDialog, Modal, Needed, Purpose, Scroll},
    event::{Effect, Intent, LeaveReason, Motion},
    gesture::{Arrival, Button, PASTED, early, edit, excuse, heard, too_quick},
    palette::{self, PaletteCommand},
    screen::{Filter, Screen},
    start::{Progress, StartFocus},
    state::App,
};

/// What is said of letters where the start dialog takes none.
const NO_TEXT_HERE: &str = "no text is taken here: tab leads to the reason";

/// What is said of the key that asks for an abort, where that is asked already.
const ABORT_AGAIN: &str = "with a reason enter aborts the run; esc goes on with it";

impl App {
    pub(super) fn intend_modal(&mut self, intent: Intent, at: u64) {
        if let (Intent::Escape, Some(Modal::Help(help))) = (intent, self.modals.last_mut())
            && help.filter != Filter::Off
        {
            help.filter = Filter::Off;
            return;
        }
        if let (Intent::Interrupt, Some(Modal::Ask(dialog))) = (intent, self.modals.last_mut())
            && dialog.purpose == Purpose::Abort
        {
            // Whoever hammers it to get out wants this, and neither aborts by it nor loses what it says.
            dialog.guard.arrive(at);
            dialog.button = Button::Act;
            dialog.remark = Some(ABORT_AGAIN.to_owned());
            return;
        }
        if matches!(intent, Intent::Escape | Intent::Interrupt) {
            return self.cancel_modal(at);
        }
        if intent == Intent::Copy {
            return self.copy_offer();
        }
        if let Intent::Move(motion) = intent
            && self.body_scrolls()
        {
            return self.scroll_body(motion);
        }
        match self.modals.last() {
            None => {}
            Some(Modal::Help(_)) => self.intend_help(intent, at),
            Some(Modal::Palette(_)) => self.intend_palette(intent),
            Some(Modal::Pick(_)) => self.intend_pick(intent, at),
            Some(Modal::Lists(_)) => self.intend_lists(intent, at),
            Some(Modal::Arm(_)) => self.intend_arm(intent, at),
            Some(Modal::Confirm(_)) => self.intend_confirm(intent, at),
            Some(Modal::Start(_)) => self.intend_start(intent, at),
            Some(Modal::Ask(_)) => self.intend_ask(intent, at),
            Some(Modal::Leave(_)) => self.intend_leave(intent, at),
            Some(Modal::Told(_)) => self.intend_told(intent, at),
        }
    }

    /// Takes the topmost dialog away; the one below starts its guard again.
    pub(super) fn close_modal(&mut self, at: u64) {
        self.body = (0, 0);
        if let Some(Modal::Told(told)) = self.modals.pop() {
            // What it said is read; what came since is not.
            self.notice = self.notice.take().filter(|notice| notice.text != told.text);
        }
        if let Some(below) = self.modals.last_mut() {
            below.reveal(at);
        }
    }

    /// The same without a decision: the run need not keep the list of a confirmation any longer.
    fn cancel_modal(&mut self, at: u64) {
        let step = match self.modals.last() {
            Some(Modal::Confirm(dialog)) => Some(dialog.step.clone()),
            _ => None,
        };
        self.close_modal(at);
        if let Some(step) = step {
            // A step that is gone has no list to let go.
            let _ = self.command(Command::Withdraw { step });
        }
    }

    fn intend_help(&mut self, intent: Intent, at: u64) {
        let Some(Modal::Help(help)) = self.modals.last_mut() else { return };
        if let Filter::Typing(field) = &mut help.filter
            && edit(field, intent)
        {
            help.scroll = Scroll::default();
            return;
        }
        match intent {
            Intent::Move(motion) => help.go(motion),
            Intent::Filter => help.open_filter(),
            Intent::Enter if help.is_typing() => help.keep_filter(),
            Intent::Help | Intent::Back | Intent::Enter => self.close_modal(at),
            _ => {}
        }
    }

    fn intend_palette(&mut self, intent: Intent) {
        let Some(Modal::Palette(field)) = self.modals.last_mut() else { return };
        match intent {
            Intent::Type(c) => field.push(c),
            Intent::Erase => field.erase(),
            Intent::EraseAll => field.clear(),
            Intent::Next => {
                if let Some((name, _)) = palette::matching(field.text()).first()
                    && !field.text().contains(' ')
                {
                    field.clear();
                    name.chars().chain([' ']).for_each(|c| field.push(c));
                }
            }
            Intent::Enter => {
                let line = field.text().to_owned();
                match palette::parse(&line) {
                    Ok(command) => {
                        self.modals.pop();
                        self.obey(command);
                    }
                    Err(why) => self.say(why),
                }
            }
            _ => {}
        }
    }

    /// Does what the command line says. Everything that could lead to a write opens its dialog.
    fn obey(&mut self, command: PaletteCommand) {
        let at = self.moment.terminal;
        if self.refuses_command(&command) {
            return;
        }
        if !command.only_looks() {
            self.thaw_to_act();
        }
        match command {
            PaletteCommand::Arm => self.arm_by_key(),
            PaletteCommand::Disarm if self.arming.is_armed() => {
                self.arming.disarm();
                self.disarmed("by the operator");
            }
            PaletteCommand::Disarm => self.say("the cockpit is read-only already"),
            PaletteCommand::Quit => self.intend_quit(at),
            PaletteCommand::Run(id) => self.open_start(id.as_deref()),
            PaletteCommand::Resume(Some(id)) => self.resume(id),
            PaletteCommand::Resume(None) => self.go_on(),
            PaletteCommand::Report(id) => match id.or_else(|| self.run_view().map(|view| view.run.clone())) {
                Some(id) => self.want(Effect::WriteReport(id)),
                None => {
                    self.say(format!("report needs the run's id; {} lists the runs", self.key(Intent::Runs)));
                }
            },
            PaletteCommand::Runs => self.show(Screen::Runs),
            PaletteCommand::Events => self.show(Screen::Events),
            PaletteCommand::Journal(run) => self.open_journal(run),
            PaletteCommand::Readiness => self.show(Screen::Readiness),
            PaletteCommand::Vantage => self.show(Screen::Vantage),
            PaletteCommand::Help => self.modals.push(Modal::Help(HelpDialog::default())),
            PaletteCommand::Redact(on) => self.set_redaction(on),
            PaletteCommand::Do(intent) => self.intend(intent, at),
            PaletteCommand::Theme(name) => self.want(Effect::Theme(name)),
            PaletteCommand::Speed(speed) => self.want(Effect::SetSpeed(speed)),
            PaletteCommand::Seek(second) => self.play(super::Play::To(second)),
            command => self.obey_run(command),
        }
    }

    fn obey_run(&mut self, command: PaletteCommand) {
        let Some(run) = &self.run else { return self.say(self.no_run()) };
        let at = self.moment.terminal;
        match command {
            PaletteCommand::Abort if run.is_closed() => {
                let text = match run.view.debts.join(", ") {
                    owed if owed.is_empty() => "the run is over".to_owned(),
                    owed => format!("nothing is under way to be aborted; owed: {owed}"),
                };
                self.say(text);
            }
            PaletteCommand::Abort => self.modals.push(Modal::Ask(AskDialog::new(Purpose::Abort, at))),
            PaletteCommand::Note(Some(text)) => self.tell(Command::Note { text: Safe::new(&text) }),
            PaletteCommand::Note(None) => self.intend_run(Intent::Note),
            PaletteCommand::State(Some(text)) => {
                let mut dialog = AskDialog::new(Purpose::Statement, at);
                text.chars().for_each(|c| dialog.typed.push(c));
                self.modals.push(Modal::Ask(dialog));
            }
            PaletteCommand::State(None) => {
                self.modals.push(Modal::Ask(AskDialog::new(Purpose::Statement, at)));
            }
            PaletteCommand::Hold => self.intend_run(Intent::Hold),
            PaletteCommand::Skip => self.intend_run(Intent::Skip),
            PaletteCommand::Downgrade => self.intend_run(Intent::Downgrade),
            PaletteCommand::Retry(None) => self.intend_run(Intent::Retry),
            PaletteCommand::Retry(Some(item)) => {
                let item = Some(self.redaction.meant(&item));
                if let Some(step) = self.selected_step().map(|step| step.id.clone()) {
                    self.ask(Purpose::Retry(step, item), at);
                }
            }
            PaletteCommand::Restart(item) => {
                let item = item.map(|item| self.redaction.meant(&item));
                if let Some(purpose) = self.restart_purpose(item.as_deref()) {
                    self.ask(purpose, at);
                }
            }
            PaletteCommand::Accept => self.intend_run(Intent::AcceptStuck),
            PaletteCommand::Shorten => self.intend_run(Intent::ShortenNotice),
            PaletteCommand::Undo => self.intend_run(Intent::Undo),
            PaletteCommand::Leave(id, reason) => self.leave_holder(&id, &reason),
            _ => {}
        }
    }

    fn intend_quit(&mut self, at: u64) {
        if !self.is_replay() && self.run.as_ref().is_some_and(|run| !run.is_closed()) {
            self.modals.push(Modal::Leave(LeaveDialog::new(at)));
        } else {
            self.leave(LeaveReason::Person);
        }
    }

    /// Finds the holder whose id begins so among those nobody planned.
    fn leave_holder(&mut self, id: &str, reason: &str) {
        let id = self.redaction.meant(id);
        let id = id.as_str();
        let found = self.unplanned_holders();
        let fitting: Vec<PrincipalId> =
            found.into_iter().filter(|known| known.as_str().starts_with(id)).collect();
        match fitting.as_slice() {
            [principal] => {
                let (principal, reason) = (principal.clone(), Safe::new(reason));
                self.tell(Command::LeaveHolder { principal, reason });
            }
            [] => self.say(format!("no holder outside the plan begins with {id}")),
            many => self.say(format!("{} holders begin with {id}: type more of it", many.len())),
        }
    }

    /// Holders of either side of the run's service that are neither planned nor excepted: gate 1 asks
    /// for both.
    pub fn unplanned_holders(&self) -> Vec<PrincipalId> {
        use crate::domain::{Side, Source, standing};
        let Some(view) = self.run_view() else { return Vec::new() };
        let Some(service) = self.estate.services.get(view.service_index) else { return Vec::new() };
        let unplanned = Some(standing::HolderKind::Unaccounted);
        let sources = Side::BOTH.map(|side| Source::Assignments(view.service_index, side));
        let mut found: Vec<PrincipalId> = sources
            .iter()
            .filter_map(|source| standing::assignments(&self.picture, source))
            .flat_map(crate::domain::Listing::seen)
            .filter(|held| standing::holder_kind(service, held, &[]) == unplanned)
            .map(|held| held.assignment.principal.clone())
            .collect();
        found.sort();
        found.dedup();
        found
    }

    fn tell(&mut self, command: Command) {
        if let Some(refusal) = self.command(command) {
            self.say(self.could_not(&refusal));
        }
    }

    fn intend_confirm(&mut self, intent: Intent, at: u64) {
        let Some(Modal::Confirm(dialog)) = self.modals.last_mut() else { return };
        let arrival = dialog.guard.arrive(at);
        let decision = match intent {
            Intent::Type(c) => {
                dialog.push(c, arrival);
                Decision::Open
            }
            Intent::Erase => {
                dialog.erase(arrival);
                Decision::Open
            }
            Intent::EraseAll => {
                dialog.erase_all(arrival);
                Decision::Open
            }
            Intent::Next | Intent::Previous | Intent::Left | Intent::Right => {
                dialog.next(arrival);
                Decision::Open
            }
            Intent::Enter => dialog.enter(arrival, at),
            _ => Decision::Open,
        };
        match decision {
            Decision::Open => {}
            Decision::Cancelled => self.cancel_modal(at),
            Decision::Confirmed { latency_ms } => self.confirmed(latency_ms, at),
        }
    }

    /// The person confirmed what the dialog shows.
    fn confirmed(&mut self, latency_ms: u64, at: u64) {
        let Some(Modal::Confirm(dialog)) = self.modals.last() else { return };
        let Some(offer) = &dialog.offer else { return };
        let confirm = Confirm {
            step: dialog.step.clone(),
            offer: offer.hash.clone(),
            typed: dialog.asked().map(|_| Safe::new(dialog.typed.trimmed())),
            by: ConfirmedBy::Person,
            latency_ms,
            acknowledges: offer.acknowledges,
        };
        let depth = self.modals.len();
        let refusal = self.command(Command::Confirm(confirm));
        match refusal {
            None => {
                // The run may have closed the dialog already, when the step left its offer behind.
                if self.modals.len() == depth {
                    self.close_modal(at);
                }
                self.notice = None;
            }
            Some(refusal) => {
                let said = self.could_not(&refusal);
                if let Some(Modal::Confirm(dialog)) = self.modals.last_mut() {
                    dialog.remark = Some(said);
                    dialog.hold = super::gesture::Hold::Idle;
                }
                if matches!(refusal, Refusal::NotArmed(_)) {
                    self.open_arm();
                }
            }
        }
    }

    fn intend_start(&mut self, intent: Intent, at: u64) {
        let moment = self.moment;
        let Some(Modal::Start(dialog)) = self.modals.last_mut() else { return };
        let arrival = dialog.guard.arrive(at);
        if dialog.progress != Progress::Asking {
            return;
        }
        if arrival == Arrival::Early {
            return early(&mut dialog.remark, intent, dialog.focus.button());
        }
        if let Some(field) = dialog.field()
            && edit(field, intent)
        {
            let field = field.clone();
            return heard(&mut dialog.remark, &field, false);
        }
        match intent {
            Intent::Next | Intent::Move(Motion::Down) => dialog.step_focus(false),
            Intent::Previous | Intent::Move(Motion::Up) => dialog.step_focus(true),
            Intent::Left => dialog.choose(true, &self.estate, &self.picture, moment.now),
            Intent::Right => dialog.choose(false, &self.estate, &self.picture, moment.now),
            Intent::Enter => match dialog.focus {
                StartFocus::Button(button) if arrival != Arrival::Calm => {
                    excuse(&mut dialog.remark, too_quick(button));
                }
                StartFocus::Button(Button::Cancel) => self.close_modal(at),
                StartFocus::Button(Button::Act) => {
                    match dialog.order_run(&self.estate, &self.picture, moment) {
                        Ok(order) => {
                            dialog.remark = Some("opening the run".to_owned());
                            dialog.progress = Progress::Opening(order.mark);
                            self.want(Effect::StartRun(order));
                        }
                        Err(why) => dialog.remark = Some(why),
                    }
                }
                _ => dialog.step_focus(false),
            },
            Intent::Type(_) => dialog.remark = Some(NO_TEXT_HERE.to_owned()),
            _ => {}
        }
    }

    fn intend_ask(&mut self, intent: Intent, at: u64) {
        // What has to be typed is what is read.
        let _worn = mask::wear(self.masks());
        let Some(Modal::Ask(dialog)) = self.modals.last_mut() else { return };
        let arrival = dialog.guard.arrive(at);
        if arrival == Arrival::Early {
            return early(&mut dialog.remark, intent, Some(dialog.button));
        }
        let exact = matches!(dialog.purpose.needed(), Needed::Exactly(_));
        if exact && matches!(intent, Intent::Type(_)) && dialog.guard.poured() {
            dialog.typed.clear();
            dialog.remark = Some(PASTED.to_owned());
            return;
        }
        if edit(&mut dialog.typed, intent) {
            return dialog.heard();
        }
        match intent {
            Intent::Next | Intent::Previous | Intent::Left | Intent::Right => dialog.step_focus(),
            Intent::Move(motion) => dialog.scroll(motion),
            Intent::Enter => match dialog.enter(arrival) {
                Asked::Open => {}
                Asked::Cancelled => self.close_modal(at),
                Asked::Answered => self.answered(at),
            },
            _ => {}
        }
    }

    /// A question was answered.
    fn answered(&mut self, at: u64) {
        let Some(Modal::Ask(dialog)) = self.modals.last() else { return };
        let text = Safe::new(dialog.typed.trimmed());
        let (by, latency_ms) = (ConfirmedBy::Person, dialog.guard.since_shown(at));
        let command = match dialog.purpose.clone() {
            Purpose::Skip(step) => Command::Skip { step, reason: text },
            Purpose::Downgrade(step) => Command::Downgrade { step, reason: text },
            Purpose::ShortenNotice => Command::ShortenNotice { reason: text },
            Purpose::Note => Command::Note { text },
            Purpose::Statement => Command::State { text },
            Purpose::Value(step, _) => Command::Value { step, value: text, by, latency_ms },
            // It is held already, and stays so without a reason.
            Purpose::Hold if text.as_str().is_empty() => return self.close_modal(at),
            Purpose::Hold => Command::Hold { why: HeldWhy::Person, note: text },
            Purpose::Abort => Command::Abort { reason: text },
            Purpose::AcceptStuck(step, items) => Command::AcceptStuck { step, items, by, latency_ms },
            Purpose::Retry(step, item) => Command::Retry { step, item, by: ConfirmedBy::Person },
            Purpose::Restart(step, item) => Command::RestartHost { step, item },
            Purpose::Resume => Command::Resume,
        };
        match self.command(command) {
            None => self.close_modal(at),
            Some(refusal) => {
                let said = self.could_not(&refusal);
                if let Some(Modal::Ask(dialog)) = self.modals.last_mut() {
                    dialog.remark = Some(said);
                }
                if matches!(refusal, Refusal::NotArmed(_)) {
                    self.open_arm();
                }
            }
        }
    }

    fn intend_leave(&mut self, intent: Intent, at: u64) {
        let Some(Modal::Leave(dialog)) = self.modals.last_mut() else { return };
        let arrival = dialog.guard.arrive(at);
        match intent {
            // There is nothing to type.
            Intent::Type(_) => {}
            _ if arrival == Arrival::Early => early(&mut dialog.remark, intent, Some(dialog.button)),
            Intent::Next | Intent::Previous | Intent::Left | Intent::Right => {
                dialog.button = dialog.button.other();
                dialog.remark = None;
            }
            Intent::Enter if arrival != Arrival::Calm => {
                excuse(&mut dialog.remark, too_quick(dialog.button));
            }
            Intent::Enter => match dialog.button {
                Button::Cancel => self.close_modal(at),
                Button::Act => self.leave(LeaveReason::Person),
            },
            _ => {}
        }
    }
}
