//! A cockpit that may not write sends nothing: whatever is pressed, typed or asked of its run.

use std::collections::BTreeSet;

use farshore::{
    app::{Access, App, Event, Setup, palette},
    domain::{
        Safe,
        access::PrincipalId,
        time::{Span, minutes, seconds},
    },
    engine::{
        Command, Confirm, Engine, RunEvent,
        event::{ConfirmedBy, HeldWhy},
        view::RunState,
    },
    ui::keymap::{self, BINDINGS, Context, Key},
};

use super::{
    guide::{Night, setup},
    outage::{Cockpit, said},
    rehearsal::Rehearsal,
    seats,
};

/// What has left for Azure, and what was meant to.
fn sent(rehearsal: &Rehearsal) -> (usize, usize) {
    let intents = rehearsal.journal.events();
    let intents = intents.iter().filter(|stamped| matches!(stamped.event, RunEvent::Intent { .. }));
    (rehearsal.sim.writes().len(), intents.count())
}

/// Longer than the guard of any dialog, in milliseconds.
const CALM: Span = Span::from_millis(400);

/// A cockpit over a run whose next step would write, as it is after a start: not armed.
async fn seat(access: Access, step: &str) -> Night {
    let Cockpit { rehearsal, .. } = seats::graceful(step).await;
    let mut night = Night::over(rehearsal);
    night.app = App::new(Setup { access, ..setup(&night.rehearsal) }, night.moment());
    night.pass(seconds(40)).await;
    let context = night.rehearsal.context(&night.azure);
    let engine = Engine::recover(context, &night.rehearsal.journal.events()).unwrap();
    night.attach(engine, Vec::new());
    night.pass(seconds(40)).await;
    night
}

impl Night {
    /// Presses a key, whether it means something or not.
    async fn tap(&mut self, key: Key) {
        if let Some(intent) = keymap::intent(&self.app, key) {
            self.feed(Event::Intent(intent));
        }
        self.pass(CALM).await;
        assert!(!self.app.arming.is_armed(), "{key:?} armed it\n{}", self.screen());
    }

    async fn type_in(&mut self, text: &str) {
        for letter in text.chars() {
            self.tap(Key::Char(letter)).await;
        }
    }

    /// Home with no dialog over it, the run going on, and from there to a place.
    async fn to(&mut self, place: &[Key]) {
        for _ in 0..4 {
            self.tap(Key::Esc).await;
        }
        let state = self.app.run_view().map(|view| view.state.clone());
        self.tap(Key::Char('2')).await;
        if matches!(state, Some(RunState::Held(..))) {
            self.tap(Key::Char('h')).await;
        } else if self.app.run_view().is_some_and(|view| view.interrupted) {
            self.tap(Key::Enter).await;
        }
        self.tap(Key::Char('1')).await;
        for key in place {
            self.tap(*key).await;
        }
    }

    /// Whatever lies over the screen now is filled in and each of its buttons pressed.
    async fn insist(&mut self) {
        self.type_in("3").await;
        for _ in 0..3 {
            if self.app.modals.is_empty() {
                return;
            }
            self.tap(Key::Enter).await;
            self.tap(Key::Tab).await;
        }
    }
}

/// Ways from home to each context.
const PLACES: &[(Context, &[Key])] = &[
    (Context::Home, &[]),
    (Context::Run, &[Key::Char('2')]),
    (Context::Lists, &[Key::Down, Key::Down, Key::Enter]),
    (Context::Detail, &[Key::Enter, Key::Enter]),
    (Context::Journal, &[Key::Char('3')]),
    (Context::Events, &[Key::Char('4')]),
    (Context::Runs, &[Key::Char('5')]),
    (Context::Readiness, &[Key::Char('6')]),
    (Context::Vantage, &[Key::Char('7')]),
    (Context::Filter, &[Key::Enter, Key::Char('/')]),
    (Context::Help, &[Key::Char('2'), Key::Char('?')]),
    (Context::Text, &[Key::Char(':')]),
    (Context::Text, &[Key::Char('2'), Key::Char('n')]),
    (Context::Dialog, &[Key::Char('2'), Key::Enter]),
];

/// Every key in every place; what ends the run comes last.
async fn press_everything(night: &mut Night) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    for ends in [false, true] {
        for (context, way) in PLACES {
            for binding in BINDINGS {
                let last = binding.key == Key::Ctrl('c');
                if last != ends || !binding.contexts.contains(*context) {
                    continue;
                }
                night.to(way).await;
                seen.insert(keymap::context(&night.app).word());
                night.tap(binding.key).await;
                night.insist().await;
            }
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn every_action_of_a_read_only_cockpit_sends_nothing() {
    for access in [Access::ReadOnly, Access::MayArm] {
        let mut night = seat(access, "a5-drain").await;
        let before = sent(&night.rehearsal);
        assert!(before.1 > 0, "the run has written while it was armed");
        night.to(&[]).await;
        night.to(&[Key::Char('2'), Key::Enter]).await;
        assert!(!night.app.modals.is_empty(), "a write waits to be confirmed\n{}", night.screen());
        for (name, _) in palette::COMMANDS {
            if name == "abort" {
                continue;
            }
            for rest in ["", " 4c4c known"] {
                night.to(&[Key::Char('2'), Key::Char(':')]).await;
                night.type_in(&format!("{name}{rest}")).await;
                night.tap(Key::Enter).await;
                night.insist().await;
            }
        }
        let seen = press_everything(&mut night).await;
        for (context, _) in PLACES {
            assert!(
                seen.contains(context.word()),
                "{access:?}: {} was not reached: {seen:?}",
                context.word()
            );
        }
        night.to(&[Key::Char(':')]).await;
        night.type_in("abort").await;
        night.tap(Key::Enter).await;
        night.insist().await;
        night.pass(minutes(30)).await;
        assert_eq!(sent(&night.rehearsal), before, "{access:?}\n{}", night.rehearsal.story());
    }
}

/// Every request there is, for a step and with what its dialog shows. What ends the run comes last.
fn requests(step: &str, confirm: Option<Confirm>, item: &str) -> Vec<Command> {
    let (step, reason) = (step.to_owned(), Safe::new("asked for without being armed"));
    let unseen = Confirm {
        step: step.clone(),
        offer: String::new(),
        typed: None,
        by: ConfirmedBy::Person,
        latency_ms: 900,
        acknowledges: None,
    };
    let own = |item: &str| item.to_owned();
    vec![
        // While what was shown still stands: the dialog opens anew after it.
        Command::Confirm(confirm.unwrap_or(unseen)),
        Command::Offer { step: step.clone() },
        Command::Value { step: step.clone(), value: "1".into(), by: ConfirmedBy::Person, latency_ms: 900 },
        Command::Downgrade { step: step.clone(), reason: reason.clone() },
        Command::Retry { step: step.clone(), item: None, by: ConfirmedBy::Person },
        Command::Retry { step: step.clone(), item: Some(own(item)), by: ConfirmedBy::Person },
        Command::RestartHost { step: step.clone(), item: own(item) },
        Command::AcceptStuck {
            step: step.clone(),
            items: vec![own(item)],
            by: ConfirmedBy::Person,
            latency_ms: 900,
        },
        Command::LeaveHolder {
            principal: PrincipalId::parse("4c4c0000-0000-4000-8000-000000000001").unwrap(),
            reason: reason.clone(),
        },
        Command::ShortenNotice { reason: reason.clone() },
        Command::State { text: reason.clone() },
        Command::Note { text: reason.clone() },
        Command::Hold { why: HeldWhy::Person, note: reason.clone() },
        Command::Resume,
        Command::Withdraw { step: step.clone() },
        Command::Skip { step, reason: reason.clone() },
        Command::Arm { on: false, how: reason.clone() },
        Command::Abort { reason },
    ]
}

/// Its place among all requests; a new one has to be given its place here and above.
fn kind(command: &Command) -> usize {
    match command {
        Command::Arm { .. } => 0,
        Command::Offer { .. } => 1,
        Command::Withdraw { .. } => 2,
        Command::Confirm(_) => 3,
        Command::Value { .. } => 4,
        Command::Skip { .. } => 5,
        Command::Downgrade { .. } => 6,
        Command::Retry { .. } => 7,
        Command::RestartHost { .. } => 8,
        Command::AcceptStuck { .. } => 9,
        Command::LeaveHolder { .. } => 10,
        Command::ShortenNotice { .. } => 11,
        Command::State { .. } => 12,
        Command::Note { .. } => 13,
        Command::Hold { .. } => 14,
        Command::Resume => 15,
        Command::Abort { .. } => 16,
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_to_a_run_that_is_not_armed_sends_nothing() {
    let kinds: BTreeSet<usize> = requests("", None, "").iter().map(kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), (0..=16).collect::<Vec<_>>());
    for turn in ["a2-prewarm", "a5-drain", "a7-revoke", "a11-grant"] {
        let mut cockpit = seats::graceful(turn).await;
        cockpit.tell(Command::Arm { on: false, how: "by the operator".into() }).unwrap();
        let before = sent(&cockpit.rehearsal);
        let view = cockpit.engine.view(cockpit.clock.now());
        let steps: Vec<String> = view.steps.iter().map(|step| step.id.clone()).collect();
        for step in &steps {
            let _ = cockpit.tell(Command::Offer { step: step.clone() });
            cockpit.pass(seconds(20)).await;
            let confirm = seats::offered(&cockpit, step).map(|offer| said(step, &offer));
            assert!(step != turn || confirm.is_some(), "nothing to confirm in {turn}");
            let item = cockpit.step(step).items.first().map_or_else(String::new, |item| item.key.clone());
            let all = requests(step, confirm, &item);
            let others =
                all.iter().filter(|one| !matches!(one, Command::Abort { .. } | Command::Skip { .. }));
            for request in others {
                let _ = cockpit.tell(request.clone());
            }
            cockpit.pass(seconds(40)).await;
            assert_eq!(sent(&cockpit.rehearsal), before, "{turn}: {step}\n{}", cockpit.rehearsal.story());
        }
        for step in &steps {
            for request in requests(step, None, "") {
                let _ = cockpit.tell(request);
            }
            cockpit.pass(minutes(2)).await;
        }
        cockpit.pass(minutes(30)).await;
        assert_eq!(sent(&cockpit.rehearsal), before, "{turn}\n{}", cockpit.rehearsal.story());
    }
}
