//! A dead region from its first sign to the last paid debt, and the ways a person leads a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use farshore::{
    azure::Azure,
    domain::{
        Observation, Operation, Safe, Source,
        time::{Span, Timestamp, minutes, seconds},
    },
    engine::{
        Command, Confirm, Engine, Input, Output, Refusal, Run, RunEvent, RunView,
        auto::{Auto, Wish},
        event::{Acknowledgement, ConfirmedBy, DoneHow, GateVerdict, Given, Ground, HeldWhy, RunEnd},
        run::{ItemMark, StepMark, StepRun},
        view::{Choice, OfferView, StepView},
    },
    runbook::{Mode, plan::MovedToo},
    runtime::{
        clock::Clock,
        hands::{Hands, Scribe},
    },
    sim::{EndState, Fault, Sim},
    wire::Wire,
};
use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    anew::attach,
    killers::colleague,
    rehearsal::{Rehearsal, Setting},
};

/// Longest virtual time anything is waited for.
const LIMIT_HOURS: i64 = 12;

/// A run in somebody's hands: `--auto` leads it where it is asked to, commands do the rest.
pub struct Cockpit {
    pub engine: Engine,
    hands: Hands,
    pub clock: Arc<Clock>,
    inbox: UnboundedReceiver<Input>,
    wake: Option<Timestamp>,
    auto: Auto,
    pub rehearsal: Rehearsal,
    /// When the newest look at each source began, of those that were heard.
    looks: BTreeMap<Source, Timestamp>,
    /// The writes that were let go.
    pub let_go: Vec<LetGo>,
}

/// A write that was let go.
#[derive(Debug)]
pub struct LetGo {
    pub step: String,
    pub at: Timestamp,
    /// Not to leave after this.
    pub until: Option<Timestamp>,
    /// When the newest look at each source had begun by then.
    pub looks: BTreeMap<Source, Timestamp>,
}

impl Cockpit {
    pub async fn open(rehearsal: Rehearsal, mode: Mode) -> Self {
        Self::open_moving(rehearsal, mode, vec![]).await
    }

    /// The same with holders outside the plan that are moved along.
    pub async fn open_moving(rehearsal: Rehearsal, mode: Mode, moved_too: Vec<MovedToo>) -> Self {
        let (azure, engine, first) = rehearsal.begin_moving(0, mode, moved_too).await;
        Self::with(rehearsal, azure, engine, first)
    }

    /// A new process over the same world and journal.
    pub fn recover(self) -> Self {
        let rehearsal = self.rehearsal;
        let azure = rehearsal.azure();
        let engine = Engine::recover(rehearsal.context(&azure), &rehearsal.journal.events()).unwrap();
        Self::with(rehearsal, azure, engine, Vec::new())
    }

    fn with(rehearsal: Rehearsal, azure: Azure, engine: Engine, first: Vec<Output>) -> Self {
        let (outbox, inbox) = tokio::sync::mpsc::unbounded_channel();
        let clock = rehearsal.clock.clone();
        let hands =
            Hands::new(azure, clock.clone(), outbox, Scribe::Inline(Box::new(rehearsal.journal.clone())));
        let mut cockpit = Self {
            engine,
            hands,
            clock,
            inbox,
            wake: None,
            auto: Auto::default(),
            rehearsal,
            looks: BTreeMap::new(),
            let_go: Vec::new(),
        };
        cockpit.perform(first);
        cockpit
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        self.wake = None;
        for output in outputs {
            if let Output::Send(order) = &output {
                let step = self.engine.run().plan.steps[order.token.step].id.clone();
                let (at, until, looks) = (self.clock.now(), order.until, self.looks.clone());
                self.let_go.push(LetGo { step, at, until, looks });
            }
            match output {
                Output::WakeAt(at) => self.wake = Some(at),
                other => self.hands.perform(other),
            }
        }
    }

    fn give(&mut self, input: Input) -> Option<Refusal> {
        if let Input::Observed(seen) = &input {
            let known = self.looks.entry(seen.source.clone()).or_insert(seen.started);
            *known = seen.started.max(*known);
        }
        let (outputs, refusal) = self.engine.handle(input, self.clock.now());
        self.perform(outputs);
        refusal
    }

    pub fn tell(&mut self, command: Command) -> Result<(), Refusal> {
        self.give(Input::Command(command)).map_or(Ok(()), Err)
    }

    /// A look that somebody else took.
    pub fn hear(&mut self, seen: Observation) {
        self.give(Input::Observed(seen));
    }

    /// One input, or the next due moment.
    async fn next(&mut self) {
        let (clock, wake) = (self.clock.clone(), self.wake);
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

    /// Lets the run go on until it is as wanted; `auto` answers what is asked meanwhile.
    pub async fn until(
        &mut self,
        what: &str,
        auto: bool,
        mut wanted: impl FnMut(&Engine, Timestamp) -> bool,
    ) {
        let end = self.clock.now() + minutes(LIMIT_HOURS * 60);
        let mut refused = None;
        loop {
            while let Ok(input) = self.inbox.try_recv() {
                self.give(input);
                refused = None;
            }
            let now = self.clock.now();
            if wanted(&self.engine, now) {
                return;
            }
            assert!(now < end, "{what}: waited too long\n{}", self.rehearsal.story());
            let wish = if auto { self.auto.wish(&self.engine, now) } else { Wish::Wait };
            match wish {
                Wish::Command(command) if refused.as_ref() != Some(&command) => {
                    if self.tell(command.clone()).is_err() {
                        refused = Some(command);
                    }
                    continue;
                }
                Wish::Command(_) | Wish::Wait => {}
                other => panic!("{what}: {other:?}\n{}", self.rehearsal.story()),
            }
            self.next().await;
            refused = None;
        }
    }

    /// One input after the other until the run is as wanted: what waits behind it is not heard yet.
    pub async fn input(&mut self, what: &str, mut wanted: impl FnMut(&Engine, Timestamp) -> bool) {
        let end = self.clock.now() + minutes(LIMIT_HOURS * 60);
        while !wanted(&self.engine, self.clock.now()) {
            assert!(self.clock.now() < end, "{what}: waited too long\n{}", self.rehearsal.story());
            self.next().await;
        }
    }

    /// Lets time pass, also while the engine waits for nothing but a person.
    pub async fn pass(&mut self, span: Span) {
        let end = self.clock.now() + span;
        while self.clock.now() < end {
            let (clock, due) = (self.clock.clone(), self.wake.map_or(end, |wake| wake.min(end)));
            tokio::select! {
                biased;
                input = self.inbox.recv() => {
                    if let Some(input) = input {
                        self.give(input);
                    }
                }
                () = clock.sleep_until(due) => {
                    self.give(Input::Tick);
                }
            }
        }
    }

    /// Under `--auto` until it is the step's turn.
    pub async fn turn(&mut self, step: &str) {
        self.until(step, true, |engine, _| turn(engine) == step).await;
    }

    pub async fn end(&mut self) -> RunEnd {
        self.until("the end", true, |engine, _| engine.run().closed.is_some()).await;
        self.engine.run().closed.unwrap()
    }

    fn view(&self) -> RunView {
        self.engine.view(self.clock.now())
    }

    pub fn shown(&self, step: &str) -> StepView {
        self.view().steps.into_iter().find(|shown| shown.id == step).unwrap_or_else(|| panic!("{step}"))
    }

    pub fn step(&self, step: &str) -> &StepRun {
        let run = self.engine.run();
        &run.steps[run.plan.position(step).unwrap()]
    }

    /// Opens the dialog of a step and waits until it may be confirmed.
    pub async fn offer(&mut self, step: &str) -> OfferView {
        self.tell(Command::Offer { step: step.to_owned() }).unwrap();
        self.until(step, false, |engine, now| {
            let view = engine.view(now);
            let shown = view.steps.iter().find(|shown| shown.id == step);
            shown.and_then(|shown| shown.offer.as_ref()).is_some_and(|offer| offer.green)
        })
        .await;
        self.shown(step).offer.unwrap()
    }

    /// A person goes through the dialog of a step.
    pub async fn confirm(&mut self, step: &str) {
        let offer = self.offer(step).await;
        self.tell(Command::Confirm(said(step, &offer))).unwrap();
    }

    pub fn inject(&self, toml: &str) {
        self.rehearsal.sim.inject(Fault::from_toml(toml).unwrap());
    }

    pub fn writes_of(&self, step: &str) -> Vec<Operation> {
        let events = self.rehearsal.journal.events();
        let of = |event: RunEvent| match event {
            RunEvent::Intent { step: sent, operation, .. } if sent == step => Some(operation),
            _ => None,
        };
        events.into_iter().filter_map(|stamped| of(stamped.event)).collect()
    }
}

/// A person's confirmation of what an offer shows.
pub fn said(step: &str, offer: &OfferView) -> Confirm {
    Confirm {
        step: step.to_owned(),
        offer: offer.hash.clone(),
        typed: offer.asked.as_deref().map(Safe::new),
        by: ConfirmedBy::Person,
        latency_ms: 900,
        acknowledges: offer.acknowledges,
    }
}

pub fn turn(engine: &Engine) -> &str {
    let run = engine.run();
    run.current().map_or("", |index| run.plan.steps[index].id.as_str())
}

/// Our own writes by method and path; no POST may stand here twice.
fn sent(sim: &Sim) -> BTreeMap<String, usize> {
    let mut sent = BTreeMap::new();
    for write in sim.writes().into_iter().filter(|write| write.client_request_id.is_some()) {
        *sent.entry(format!("{} {}", write.method, write.path.to_lowercase())).or_default() += 1;
    }
    sent
}

fn no_post_twice(sim: &Sim) {
    let twice: Vec<_> =
        sent(sim).into_iter().filter(|(what, count)| what.starts_with("POST") && *count > 1).collect();
    // A probe may run again in a later step: it is another item.
    let twice: Vec<_> = twice.iter().filter(|(what, _)| !what.ends_with("/runcommand")).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

const OUTAGE: Setting<'static> = Setting { scenario: "region-outage", ..PLAIN };
const PLAIN: Setting<'static> = Setting::PLAIN;

/// A word a test can compare for each mark.
fn word(mark: &StepMark) -> &'static str {
    match mark {
        StepMark::Open => "open",
        StepMark::Working => "working",
        StepMark::Done(DoneHow::Observation) => "observed",
        StepMark::Done(_) => "done",
        StepMark::Skipped(_) => "skipped",
        StepMark::Deferred { .. } => "owed",
    }
}

async fn fenced_and_monitoring(setting: &Setting<'_>, faults: &[&str]) -> Cockpit {
    let rehearsal = Rehearsal::of(setting);
    let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
    for fault in faults {
        cockpit.inject(fault);
    }
    let end = cockpit.end().await;
    assert_eq!(end, RunEnd::Monitoring, "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
    no_post_twice(&cockpit.rehearsal.sim);
    let (_, confirmed) = cockpit.step("a11-grant").confirmed.clone().unwrap();
    assert_eq!(confirmed.acknowledges, Some(Acknowledgement::FencedByEvidence));
    assert_eq!((confirmed.level, confirmed.typed.as_ref().map(Safe::as_str)), (3, Some("NE")));
    let evidence: Vec<String> = cockpit
        .rehearsal
        .journal
        .events()
        .iter()
        .filter_map(|stamped| match &stamped.event {
            RunEvent::Observed { step, what, value, .. }
                if step == "a11-grant" && what.as_str() == "grant guard" =>
            {
                Some(value.to_string())
            }
            _ => None,
        })
        .collect();
    assert!(!evidence.is_empty());
    for value in evidence {
        let said = value.strip_prefix("fenced by evidence: 0 of 12 hosts with heartbeat, signs ");
        let signs = said.and_then(|said| said.split(';').next()).expect(&value);
        // Without a heartbeat is sign 2, or it is said why not.
        assert!(signs.contains('2') != value.contains("; sign 2: "), "{value}");
    }
    cockpit
}

/// The primary returns six hours after the beginning; until then nobody need look.
async fn back(cockpit: &mut Cockpit) {
    let returns: Timestamp = "2026-11-20T14:00:00Z".parse().unwrap();
    cockpit.until("six hours", false, |_, now| now >= returns).await;
    cockpit.until("the return", false, |engine, now| engine.view(now).primary_is_back).await;
}

/// Pays what is owed, each in the order the view names, and gives the order.
async fn pay(cockpit: &mut Cockpit) -> Vec<String> {
    back(cockpit).await;
    let mut paid = Vec::new();
    // What comes first and needs no write is settled without anybody.
    let quiet = |engine: &Engine, now: Timestamp| engine.view(now).debt_settles.is_none();
    cockpit.until("nothing settles", false, quiet).await;
    while let Some(step) = cockpit.view().debts_ready.first().cloned() {
        assert_eq!(cockpit.view().debts.first(), Some(&step));
        // What is so already is found so; the rest is confirmed.
        cockpit.tell(Command::Offer { step: step.clone() }).unwrap();
        let settled = |engine: &Engine, now: Timestamp| {
            let view = engine.view(now);
            let green = |shown: &StepView| shown.offer.as_ref().is_some_and(|offer| offer.green);
            engine.run().paid.contains(&step)
                || view.steps.iter().any(|shown| shown.id == step && green(shown))
        };
        cockpit.until(&step, false, settled).await;
        if !cockpit.engine.run().paid.contains(&step) {
            let offer = cockpit.shown(&step).offer.unwrap();
            cockpit.tell(Command::Confirm(said(&step, &offer))).unwrap();
            cockpit.until(&step, false, |engine, _| engine.run().paid.contains(&step)).await;
        }
        paid.push(step);
        cockpit.until("nothing settles", false, quiet).await;
    }
    // It ends once a look has shown that nobody holds what was left.
    cockpit.until("the end", false, |engine, _| engine.run().closed != Some(RunEnd::Monitoring)).await;
    paid
}

fn settled(cockpit: &Cockpit) {
    assert_eq!(
        cockpit.engine.run().closed,
        Some(RunEnd::CompletedWithExceptions),
        "{}",
        cockpit.rehearsal.story()
    );
    let end = cockpit.rehearsal.sim.end_state();
    let stands: Vec<_> =
        end.accepts.iter().filter(|(host, _)| host.contains("-hr-") && host.starts_with("shwe")).collect();
    assert!(stands.iter().all(|(_, accepts)| !**accepts), "{stands:?}");
    for group in ["dag1-we", "appg2-we"] {
        assert!(end.holders[group].is_empty(), "{:?}", end.holders);
    }
    assert!(
        end.power.iter().all(|(vm, power)| !vm.starts_with("shwe-hr") || *power == "PowerState/deallocated"),
        "{:?}",
        end.power
    );
    assert!(end.plans.iter().all(|(plan, on)| !plan.contains("hp-hr-we") || !on), "{:?}", end.plans);
    no_post_twice(&cockpit.rehearsal.sim);
}

#[tokio::test(start_paused = true)]
async fn a_dead_region_is_left_and_its_debts_are_paid() {
    let mut cockpit = fenced_and_monitoring(&OUTAGE, &[]).await;
    let run = cockpit.engine.run();
    let marks: Vec<(&str, &str)> = run
        .plan
        .steps
        .iter()
        .zip(&run.steps)
        .filter(|(planned, _)| planned.phase.is_some())
        .map(|(planned, step)| (planned.id.as_str(), word(&step.mark)))
        .collect();
    let expected = [
        ("a0-declare", "done"),
        ("a1-snapshot", "done"),
        ("a2-prewarm", "done"),
        ("a3-hold-standby-scaling", "done"),
        ("a3-hold-active-scaling", "owed"),
        ("a4-standby-can-take-users", "done"),
        ("a5-drain", "owed"),
        ("a6-tell-users", "skipped"),
        ("a7-revoke", "done"),
        ("a8-log-off", "owed"),
        ("a9-flush", "skipped"),
        ("a10-safe-to-open", "done"),
        ("a11-grant", "done"),
        ("a12-first-user", "done"),
        ("a13-ramp", "done"),
        ("a14-stop-hosts", "owed"),
        ("a15-dependants", "done"),
        ("a16-close", "done"),
    ];
    assert_eq!(marks, expected, "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.writes_of("a5-drain").len(), 1, "tried once, on one host");
    for step in ["a3-hold-active-scaling", "a8-log-off", "a14-stop-hosts"] {
        assert_eq!(cockpit.writes_of(step), [], "{step} is not even tried");
    }
    assert!(!cockpit.view().primary_is_back && cockpit.view().debts_ready.is_empty());
    assert!(cockpit.clock.now() < "2026-11-20T10:00:00Z".parse().unwrap(), "{}", cockpit.clock.now());

    let paid = pay(&mut cockpit).await;
    assert!(cockpit.clock.now() > "2026-11-20T14:00:00Z".parse().unwrap(), "{}", cockpit.clock.now());
    assert_eq!(paid, ["a5-drain", "a3-hold-active-scaling", "a8-log-off", "a14-stop-hosts"]);
    settled(&cockpit);
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_revoke_that_is_refused_is_a_debt_and_shows_in_the_gate() {
    let readonly = "fault = \"readonly-rg\"\nregion = \"primary\"\nfor = \"6h\"";
    let mut cockpit = fenced_and_monitoring(&OUTAGE, &[readonly]).await;
    assert_eq!(word(&cockpit.step("a7-revoke").mark), "owed");
    let tried = cockpit.writes_of("a7-revoke");
    assert!(tried.len() == 2 && tried[0] != tried[1], "each is tried once: {tried:?}");
    let (verdict, items) = cockpit.step("a12-first-user").gate.clone().unwrap();
    assert_eq!(verdict, GateVerdict::Passed);
    let both = items.iter().find(|item| item.id == "nobody-in-both").unwrap();
    let said = both.value.as_str().split_once("; ").unwrap();
    assert_eq!(said.0, "0 users, 2 principals (debt) in both");
    assert!(said.1.ends_with(" sessions on silent hosts in WE not proven over"), "{said:?}");
    assert!(both.ground == Ground::Unproven && both.is_excused() && !both.is_green(), "{both:?}");
    let paid = pay(&mut cockpit).await;
    assert_eq!(paid, ["a5-drain", "a7-revoke", "a3-hold-active-scaling", "a8-log-off", "a14-stop-hosts"]);
    settled(&cockpit);
}

#[tokio::test(start_paused = true)]
async fn debts_are_paid_by_a_new_process() {
    let mut cockpit = fenced_and_monitoring(&OUTAGE, &[]).await.recover();
    assert!(cockpit.engine.awaits_resume());
    cockpit.tell(Command::Resume).unwrap();
    assert!(!cockpit.engine.run().armed, "a new process starts read-only");
    back(&mut cockpit).await;
    let refused = cockpit.tell(Command::Confirm(Confirm {
        step: "a5-drain".into(),
        offer: String::new(),
        typed: None,
        by: ConfirmedBy::Person,
        latency_ms: 0,
        acknowledges: None,
    }));
    assert_eq!(refused, Err(Refusal::NotArmed("a5-drain".into())));
    cockpit.tell(Command::Arm { on: true, how: Safe::new("typed") }).unwrap();
    let paid = pay(&mut cockpit).await;
    assert_eq!(paid.len(), 4, "{paid:?}");
    settled(&cockpit);
}

/// What is owed stays owed when its payment is refused, and can be paid afterwards.
#[tokio::test(start_paused = true)]
async fn a_debt_whose_payment_is_refused_stays_owed() {
    let step = "a3-hold-active-scaling";
    let mut cockpit = fenced_and_monitoring(&Setting { latency_ms: 20, ..OUTAGE }, &[]).await;
    back(&mut cockpit).await;
    let owed = cockpit.view().debts;
    cockpit.confirm(step).await;
    cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a talk") }).unwrap();
    attach(&cockpit);
    cockpit.tell(Command::Resume).unwrap();
    cockpit.until("refused", false, |engine, _| turn(engine) != step).await;
    assert_eq!(cockpit.writes_of(step), [], "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.view().debts, owed, "{}", cockpit.rehearsal.story());
    assert_eq!(pay(&mut cockpit).await, owed);
    settled(&cockpit);
    assert_eq!(cockpit.rehearsal.sim.end_state().plans.get("sp-hr-we/hp-hr-ne"), Some(&false));
}

/// A call that fails now does not make young what was answered before it, and once that answer counts no
/// more it does not make old what is left.
#[tokio::test(start_paused = true)]
async fn evidence_of_death_is_as_old_as_the_oldest_answer_under_it() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&OUTAGE), Mode::Ungraceful).await;
    cockpit.turn("a11-grant").await;
    let age = |cockpit: &Cockpit| {
        let offer = cockpit.shown("a11-grant").offer.unwrap();
        (cockpit.clock.now().duration_since(offer.before_at.unwrap()), offer.before_after.0.to_string())
    };
    cockpit.offer("a11-grant").await;
    let (before, said) = age(&cockpit);
    assert!(before <= minutes(2) && said.ends_with("signs 1, 2, 4"), "{before} {said}");
    cockpit.inject("fault = \"silent\"\nregion = \"primary\"\nproviders = [\"Microsoft.Compute\", \"Microsoft.Storage\"]");
    let told = cockpit.clock.now();
    for (waited, signs) in [(100, "4"), (240, "signs 1, 2, 3"), (420, "signs 1, 2, 3")] {
        cockpit.pass((told + seconds(waited)).duration_since(cockpit.clock.now())).await;
        let (age, said) = age(&cockpit);
        assert!(said.ends_with(signs), "{waited} s: {age} {said}");
        assert_eq!(age >= seconds(waited), signs == "4", "{waited} s: {age} under {said}");
        assert!(age <= minutes(2), "{waited} s: {age} under {said}");
    }
}

/// Who waits for a person looks on: a run goes on by signs of now, and not by those of some minutes ago.
#[tokio::test(start_paused = true)]
async fn signs_of_some_minutes_ago_open_no_gate() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&OUTAGE), Mode::Ungraceful).await;
    cockpit.offer("a0-declare").await;
    let told = |cockpit: &Cockpit| {
        let shown = cockpit.shown("a0-declare");
        assert_eq!(shown.old_proofs, Vec::<String>::new(), "it is looked at again and again");
        assert_eq!(shown.dated_proofs, Vec::<String>::new(), "nothing rests on old signs");
        shown.proofs[0].clone()
    };
    let item = told(&cockpit);
    assert!(item.value.as_str().ends_with("4, which make it dead"), "{item:?}");
    // What the accounts say is no longer told, and that they fall silent is a sign of its own.
    cockpit.inject("fault = \"silent\"\nregion = \"primary\"\nproviders = [\"Microsoft.Compute\", \"Microsoft.Storage\"]");
    for _ in 0..2 {
        cockpit.pass(minutes(2)).await;
        let item = told(&cockpit);
        assert_eq!(item.verdict, GateVerdict::Green, "{item:?}");
        assert!(item.value.as_str().ends_with("3, which make it dead"), "{item:?}");
        assert!(item.age_s.is_some_and(|age| age <= 120), "{item:?}");
    }
    // Nobody is heard any more: then it is not known, until another look brings something.
    cockpit.inject("fault = \"silent\"\nregion = \"primary\"\nname = \"here\"");
    cockpit.inject("fault = \"silent\"\nregion = \"secondary\"\nname = \"there\"");
    cockpit.inject("fault = \"server-error\"\nproviders = [\"Microsoft.ResourceHealth\"]");
    cockpit.pass(minutes(3)).await;
    let item = told(&cockpit);
    assert_eq!(item.verdict, GateVerdict::Unknown, "{item:?}");
    assert!(item.value.as_str().contains("made it look dead 3 min ago"), "{item:?}");
}

/// A side that falls silent is told of by what was seen there last: the failures since make that no younger.
#[tokio::test(start_paused = true)]
async fn nobody_in_both_is_as_old_as_the_last_answer_of_the_side_that_fell_silent() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&OUTAGE), Mode::Ungraceful).await;
    cockpit.turn("a12-first-user").await;
    let item = |cockpit: &Cockpit| {
        let proofs = cockpit.shown("a12-first-user").proofs;
        proofs.into_iter().find(|item| item.id == "nobody-in-both").unwrap()
    };
    cockpit.pass(minutes(1)).await;
    let before = item(&cockpit);
    assert!(before.verdict == GateVerdict::Green && before.age_s.is_some_and(|age| age <= 90), "{before:?}");
    cockpit.inject(
        "fault = \"silent\"\nregion = \"primary\"\nproviders = [\"Microsoft.DesktopVirtualization\"]",
    );
    for waited in [3_u64, 6] {
        cockpit.pass(minutes(3)).await;
        let item = item(&cockpit);
        assert_eq!(item.verdict, GateVerdict::Green, "{item:?}");
        assert!(item.value.as_str().contains("WE does not tell its") && item.is_excused(), "{item:?}");
        assert!(item.age_s.is_some_and(|age| age >= waited * 60), "after {waited} min: {item:?}");
    }
}

/// A side that tells nothing at all has as many sessions that nobody has proven over as it was seen to have: the
/// grant that rests on them says so.
#[tokio::test(start_paused = true)]
async fn what_is_not_proven_over_is_counted_where_nothing_is_told_any_more() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&OUTAGE), Mode::Ungraceful).await;
    cockpit.turn("a12-first-user").await;
    let told = |cockpit: &Cockpit| {
        let proofs = cockpit.shown("a12-first-user").proofs;
        let item = proofs.into_iter().find(|item| item.id == "nobody-in-both").unwrap();
        let value = item.value.to_string();
        let (_, unproven) = value.rsplit_once("; ").unwrap_or_default();
        (item.ground, unproven.to_owned(), value)
    };
    cockpit.pass(minutes(1)).await;
    let (ground, unproven, value) = told(&cockpit);
    assert!(unproven.ends_with("on silent hosts in WE not proven over"), "{value}");
    assert_eq!(ground, Ground::Unproven);
    let silent = "fault = \"silent\"\nregion = \"primary\"\nproviders = [\"Microsoft.DesktopVirtualization\", \"Microsoft.Authorization\"]";
    cockpit.inject(silent);
    cockpit.pass(minutes(3)).await;
    let (now, still, value) = told(&cockpit);
    assert!(value.contains("seen in both; WE does not tell its"), "{value}");
    assert_eq!((now, still), (ground, unproven), "{value}");
}

/// Whoever was seen in both on a host that beat is there until somebody sees that he is not: that the side falls
/// silent, and its heartbeats grow old with it, proves nobody gone.
#[tokio::test(start_paused = true)]
async fn nobody_leaves_both_because_time_passes() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&OUTAGE), Mode::Ungraceful).await;
    cockpit.turn("a12-first-user").await;
    cockpit.rehearsal.sim.heal("dead");
    cockpit.until("the return", false, |engine, now| engine.view(now).primary_is_back).await;
    let item = |cockpit: &Cockpit| {
        let proofs = cockpit.shown("a12-first-user").proofs;
        proofs.into_iter().find(|item| item.id == "nobody-in-both").unwrap()
    };
    let sim = cockpit.rehearsal.sim.clone();
    cockpit.until("many in NE", false, |_, _| sim.end_state().sessions[1] > 90).await;
    cockpit.inject("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 90");
    cockpit.pass(minutes(1)).await;
    let before = item(&cockpit);
    assert_eq!(before.verdict, GateVerdict::Red, "{before:?}");
    cockpit.inject(
        "fault = \"silent\"\nregion = \"primary\"\nproviders = [\"Microsoft.DesktopVirtualization\"]",
    );
    for _ in 0..4 {
        cockpit.pass(minutes(3)).await;
        let item = item(&cockpit);
        assert_eq!(item.verdict, GateVerdict::Red, "{item:?}");
        assert!(!item.value.as_str().contains("silent hosts"), "{item:?}");
    }
}

/// A region that was dead when it was seen last opens no gate: for some minutes its signs are still told, and they
/// count no more than the silence after them.
#[tokio::test(start_paused = true)]
async fn no_gate_opens_by_signs_that_nobody_sees_any_more() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&OUTAGE), Mode::Ungraceful).await;
    cockpit.turn("a0-declare").await;
    let fits = |cockpit: &Cockpit| {
        let proofs = cockpit.shown("a0-declare").proofs;
        proofs.into_iter().find(|item| item.id == "mode-fits").unwrap().verdict
    };
    cockpit.pass(minutes(1)).await;
    assert_eq!(fits(&cockpit), GateVerdict::Green);
    cockpit.inject("fault = \"lose-reply\"");
    for minute in 0..8 {
        cockpit.pass(minutes(1)).await;
        assert!(minute < 2 || fits(&cockpit) != GateVerdict::Green, "{minute}: {:?}", fits(&cockpit));
    }
}

/// How long somebody let a probe or an undone step wait is no work of it.
#[tokio::test(start_paused = true)]
async fn a_step_is_at_work_since_it_was_confirmed_and_waits_since_its_turn() {
    let gate = "a4-standby-can-take-users";
    let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
    cockpit.turn(gate).await;
    cockpit.pass(minutes(10)).await;
    // After an undo the step that comes again waits since then.
    undo(&mut cockpit, "a3-release").await;
    let again = cockpit.shown("a3-hold-standby-scaling");
    assert!(again.running < minutes(2), "{:?}", again.running);
    cockpit.turn(gate).await;
    cockpit.pass(minutes(10)).await;
    assert!(cockpit.shown(gate).running >= minutes(10));
    let offer = cockpit.offer(gate).await;
    cockpit.tell(Command::Confirm(said(gate, &offer))).unwrap();
    let shown = cockpit.shown(gate);
    assert!(shown.running < minutes(1) && !shown.slow, "{:?}", shown.running);
}

/// What was looked at once and since then by nobody is told as old, however green it was.
#[tokio::test(start_paused = true)]
async fn what_nobody_has_looked_at_since_is_told_as_old() {
    let gate = "a4-standby-can-take-users";
    let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
    cockpit.turn(gate).await;
    let old = |cockpit: &Cockpit| cockpit.shown(gate).old_proofs;
    cockpit.pass(minutes(1)).await;
    assert_eq!(old(&cockpit), Vec::<String>::new());
    // No answer is heard meanwhile.
    cockpit.clock.sleep_until(cockpit.clock.now() + minutes(10)).await;
    let stands = ["standby-capacity", "directory-up", "standby-shares", "rights"];
    for item in stands {
        assert!(old(&cockpit).iter().any(|old| old == item), "{item}: {:?}", old(&cockpit));
    }
    cockpit.pass(minutes(1)).await;
    assert_eq!(old(&cockpit), Vec::<String>::new(), "it is looked at again");
}

/// Name, faults, a person's statement, whether the run opens, and the signs that are seen.
type Death = (&'static str, &'static [&'static str], Option<&'static str>, bool, &'static str);

/// Signs of death, alone and together: what opens an ungraceful run at a0.
#[tokio::test(start_paused = true)]
async fn an_ungraceful_run_needs_two_signs_of_different_classes() {
    const STORES: &str = "fault = \"share-down\"\nregion = \"primary\"";
    const SILENT: &str = "fault = \"silent\"\nregion = \"primary\"\nname = \"here\"\nproviders = [\"Microsoft.Compute\", \"Microsoft.DesktopVirtualization\"]";
    const SILENT_THERE: &str = "fault = \"silent\"\nregion = \"secondary\"\nname = \"there\"\nproviders = [\"Microsoft.Compute\", \"Microsoft.DesktopVirtualization\"]";
    const DEAD: &str = "fault = \"dead\"\nregion = \"primary\"";
    const STALE: &str = "fault = \"stale-health\"";
    const SAID: Option<&str> = Some("the provider's hotline says the whole site is dark");
    let cases: [Death; 9] = [
        ("nothing is wrong", &[], None, false, "no sign of death"),
        ("a statement alone", &[], SAID, false, "sign 5"),
        ("profile stores alone", &[STORES], None, false, "sign 4"),
        ("calls to that side fail alone", &[SILENT], None, false, "sign 3"),
        ("calls to both sides fail", &[SILENT, SILENT_THERE], None, false, "no sign of death"),
        ("calls to both sides fail, and a statement", &[SILENT, SILENT_THERE], SAID, false, "sign 5"),
        ("stores and a statement", &[STORES], SAID, true, "signs 4, 5"),
        ("failing calls and stores", &[SILENT, STORES], None, true, "signs 3, 4"),
        ("dead, and Service Health does not know", &[STALE, DEAD], None, true, "4"),
    ];
    for (name, faults, statement, opens, signs) in cases {
        let rehearsal = Rehearsal::of(&PLAIN);
        for fault in faults {
            rehearsal.sim.inject(Fault::from_toml(fault).unwrap());
        }
        let mut cockpit = Cockpit::open(rehearsal, Mode::Ungraceful).await;
        if let Some(statement) = statement {
            cockpit.tell(Command::State { text: Safe::new(statement) }).unwrap();
        }
        cockpit
            .until(name, true, |engine, _| engine.run().closed.is_some() || turn(engine) != "a0-declare")
            .await;
        let closed = cockpit.engine.run().closed;
        let story = cockpit.rehearsal.story();
        // Nothing was written, so that aborting leaves everything as it was.
        assert_eq!(closed, (!opens).then_some(RunEnd::AbortedRolledBack), "{name}\n{story}");
        let (verdict, items) =
            cockpit.step("a0-declare").gate.clone().unwrap_or_else(|| panic!("{name}\n{story}"));
        assert_eq!(verdict, if opens { GateVerdict::Passed } else { GateVerdict::Red }, "{name}: {items:?}");
        assert!(items[0].value.as_str().contains(signs), "{name}: {}", items[0].value);
        assert!(cockpit.rehearsal.sim.writes().is_empty(), "{name}");
        assert_eq!(story.contains("; nothing was written"), !opens, "{name}\n{story}");
    }
}

/// What may never be skipped, asked in the turn of each step of a run that goes well.
#[tokio::test(start_paused = true)]
async fn gates_and_what_keeps_people_apart_cannot_be_skipped() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
    let never = [
        "a0-declare",
        "a1-snapshot",
        "a4-standby-can-take-users",
        "a5-drain",
        "a7-revoke",
        "a8-log-off",
        "a10-safe-to-open",
        "a11-grant",
        "a12-first-user",
    ];
    let skip = |step: &str, reason: &str| Command::Skip { step: step.to_owned(), reason: Safe::new(reason) };
    let mut asked = Vec::new();
    while cockpit.engine.run().closed.is_none() {
        let step = turn(&cockpit.engine).to_owned();
        if step.is_empty() {
            break;
        }
        assert_eq!(cockpit.tell(skip(&step, "  ")), Err(Refusal::NoReason(step.clone())));
        if never.contains(&step.as_str()) {
            let refused = Refusal::WrongState { step: step.clone(), state: "not to be skipped" };
            assert_eq!(cockpit.tell(skip(&step, "no time")), Err(refused));
            asked.push(step.clone());
        } else {
            assert!(step == "a16-close" || cockpit.tell(skip("a16-close", "no time")).is_err());
        }
        cockpit.until(&step, true, |engine, _| turn(engine) != step || engine.run().closed.is_some()).await;
    }
    // A step whose turn ends within one input is not seen here, but it was seen by the engine.
    let unseen: Vec<_> = never.iter().filter(|step| !asked.iter().any(|seen| seen == *step)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

/// The primary dies under a graceful run that was about to drain it.
#[tokio::test(start_paused = true)]
async fn a_graceful_run_is_led_past_a_dying_side_step_by_step() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
    cockpit.turn("a5-drain").await;
    let downgrade =
        |step: &str, reason: &str| Command::Downgrade { step: step.to_owned(), reason: Safe::new(reason) };
    let refused = cockpit.tell(downgrade("a5-drain", "it looks dead"));
    assert!(matches!(refused, Err(Refusal::NotDead(_))), "{refused:?}");
    cockpit.inject("fault = \"dead\"\nregion = \"primary\"");
    let died = cockpit.clock.now();
    cockpit.until("ten minutes", false, |_, now| now > died + minutes(10)).await;
    assert_eq!(cockpit.tell(downgrade("a5-drain", " ")), Err(Refusal::NoReason("a5-drain".into())));
    for step in ["a11-grant", "a4-standby-can-take-users", "a10-safe-to-open"] {
        let refused = cockpit.tell(downgrade(step, "it is dead"));
        assert!(matches!(refused, Err(Refusal::WrongState { .. })), "{step}: {refused:?}");
    }
    for step in ["a5-drain", "a8-log-off", "a14-stop-hosts"] {
        lead(&mut cockpit, step).await;
        assert_eq!(turn(&cockpit.engine), step, "{}", cockpit.rehearsal.story());
        // The first try orders the looks the rule needs; it holds once they are in.
        let mut tries = 0;
        while cockpit.tell(downgrade(step, "it is dead")).is_err() {
            tries += 1;
            assert!(tries < 10, "{step}\n{}", cockpit.rehearsal.story());
            let now = cockpit.clock.now();
            cockpit.until("looks", false, |_, later| later > now + seconds(30)).await;
        }
        assert!(matches!(cockpit.step(step).mark, StepMark::Deferred { downgraded: true, .. }), "{step}");
    }
    lead(&mut cockpit, "").await;
    assert_eq!(cockpit.engine.run().closed, Some(RunEnd::Monitoring), "{}", cockpit.rehearsal.story());
    assert_eq!(cockpit.view().debts, ["a5-drain", "a8-log-off", "a14-stop-hosts"]);
    let (_, granted) = cockpit.step("a11-grant").confirmed.clone().unwrap();
    assert_eq!(granted.acknowledges, Some(Acknowledgement::FencedByEvidence));
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
}

/// Under `--auto` to the turn of a step; what cannot be done on a dead side is skipped.
async fn lead(cockpit: &mut Cockpit, step: &str) {
    let stop = |engine: &Engine| {
        let run = engine.run();
        turn(engine) == step || run.closed.is_some() || ["a6-tell-users", "a9-flush"].contains(&turn(engine))
    };
    loop {
        cockpit.until(step, true, |engine, _| stop(engine)).await;
        let now = turn(&cockpit.engine).to_owned();
        if now == step || cockpit.engine.run().closed.is_some() {
            return;
        }
        cockpit.tell(Command::Skip { step: now, reason: Safe::new("nobody there could answer") }).unwrap();
    }
}

/// Undo steps in order, each with the first step it opens again.
type Undos = &'static [(&'static str, &'static str)];

/// An undo goes through its dialog to its end.
async fn undo(cockpit: &mut Cockpit, undo: &str) {
    cockpit.confirm(undo).await;
    let over = |engine: &Engine| {
        let run = engine.run();
        run.steps[run.plan.position(undo).unwrap()].mark == StepMark::Open
    };
    cockpit.until(undo, false, |engine, _| over(engine)).await;
}

/// Phase steps from `first` on that are not open as if their turn had never come.
fn not_open(cockpit: &Cockpit, first: &str) -> Vec<String> {
    let run = cockpit.engine.run();
    let later = run.plan.steps.iter().zip(&run.steps).skip(run.plan.position(first).unwrap());
    let fresh = |step: &StepRun| {
        let empty = step.items.is_empty() && step.outputs.is_empty();
        step.mark == StepMark::Open && empty && (&step.value, &step.gate) == (&None, &None)
    };
    later
        .filter(|(planned, step)| {
            planned.phase.is_some() && planned.id != turn(&cockpit.engine) && !fresh(step)
        })
        .map(|(planned, _)| planned.id.clone())
        .collect()
}

/// Undo steps bring the world back to where it was, and open what they undo with all that followed.
#[tokio::test(start_paused = true)]
async fn undo_brings_everything_back() {
    const A2: (&str, &str) = ("a2-stop-started", "a2-prewarm");
    const A3: (&str, &str) = ("a3-release", "a3-hold-standby-scaling");
    const A5: (&str, &str) = ("a5-admit", "a5-drain");
    const A7: (&str, &str) = ("a7-regrant", "a7-revoke");
    let cases: [(&str, Undos); 6] = [
        ("a4-standby-can-take-users", &[A3, A2]),
        ("a6-tell-users", &[A5, A3, A2]),
        ("a8-log-off", &[A7, A5, A3, A2]),
        ("a10-safe-to-open", &[A7, A5, A3, A2]),
        // What is opened again by the undo of an earlier step can still be taken back itself.
        ("a10-safe-to-open", &[A2, A3, A5, A7]),
        ("a8-log-off", &[A5, A7, A3, A2]),
    ];
    for (until, undos) in cases {
        let rehearsal = Rehearsal::of(&PLAIN);
        let before = rehearsal.sim.end_state();
        let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
        cockpit.turn(until).await;
        assert_ne!(kept(&cockpit.rehearsal.sim.end_state()), kept(&before), "{until}");
        let count = |cockpit: &Cockpit| -> (usize, usize) {
            let view = cockpit.view();
            (view.changes().iter().map(|(_, made)| made).sum(), view.taken_back())
        };
        let (made, none) = count(&cockpit);
        assert!(made > 0 && none == 0, "{until}");
        for (step, opened) in undos {
            undo(&mut cockpit, step).await;
            let (stands, back) = count(&cockpit);
            assert!(stands < made && stands + back == made, "{until}: {stands} of {made}, {back} back");
            let view = cockpit.view();
            assert!(view.changes().iter().all(|(made, _)| made.id != *opened), "{until}: {step}");
            // What was done behind the free exit was noticed, whether it was taken back or not.
            assert_eq!(view.free_exit, until.starts_with("a4"), "{until}: {step}");
            assert_eq!(not_open(&cockpit, opened), Vec::<String>::new(), "{until}: {step}");
            assert_eq!(word(&cockpit.step(opened).mark), "open", "{until}: {step}");
        }
        assert_eq!(
            kept(&cockpit.rehearsal.sim.end_state()),
            kept(&before),
            "{until}\n{}",
            cockpit.rehearsal.story()
        );
        assert_eq!(turn(&cockpit.engine), "a2-prewarm", "{until}: it goes on where it was undone to");
        assert!(cockpit.rehearsal.sim.violations().is_empty(), "{until}");
        let read = Run::recover(&cockpit.rehearsal.journal.events()).unwrap();
        assert_eq!(read, *cockpit.engine.run(), "{until}: a new process reads the same");
        assert!(read.wrote(), "{until}: what was taken back was written all the same");
        // And it can be done again from there to its end.
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{until}\n{}", cockpit.rehearsal.story());
    }
}

/// People worked for an hour after an undo: what was told, emptied and flushed before says nothing now.
#[tokio::test(start_paused = true)]
async fn after_an_undo_all_that_followed_is_done_and_proven_anew() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
    cockpit.turn("a10-safe-to-open").await;
    let (told, flushed) = (cockpit.writes_of("a6-tell-users").len(), cockpit.writes_of("a9-flush").len());
    assert!(told > 0);
    cockpit.tell(Command::Arm { on: true, how: Safe::new("typed") }).unwrap();
    for step in ["a7-regrant", "a5-admit"] {
        undo(&mut cockpit, step).await;
    }
    assert_eq!(turn(&cockpit.engine), "a5-drain");
    assert!(!cockpit.view().free_exit, "people were told and signed out: that was noticed");
    cockpit.inject("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 2");
    let redone = cockpit.clock.now() + minutes(60);
    cockpit.until("an hour", false, |_, now| now >= redone).await;
    cockpit.turn("a11-grant").await;
    for step in ["a5-drain", "a6-tell-users", "a7-revoke", "a8-log-off", "a9-flush", "a10-safe-to-open"] {
        let ended = cockpit.step(step).ended.unwrap();
        assert!(ended > redone, "{step} was done at {ended}\n{}", cockpit.rehearsal.story());
    }
    let notice = cockpit.rehearsal.estate.policy.notice;
    let revoked = cockpit.step("a7-revoke").began.unwrap();
    assert!(revoked >= redone + notice, "the notice ran again\n{}", cockpit.rehearsal.story());
    assert!(cockpit.writes_of("a6-tell-users").len() > told, "they were told again");
    assert!(cockpit.writes_of("a9-flush").len() > flushed, "the profiles were looked at again");
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// The same way back can be gone twice, and a POST is another item each time.
#[tokio::test(start_paused = true)]
async fn an_undo_can_be_done_again() {
    for (until, step, back) in [
        ("a3-hold-standby-scaling", "a2-prewarm", "a2-stop-started"),
        ("a4-standby-can-take-users", "a3-hold-active-scaling", "a3-release"),
        ("a6-tell-users", "a5-drain", "a5-admit"),
        ("a8-log-off", "a7-revoke", "a7-regrant"),
    ] {
        let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
        for round in 1..=3 {
            cockpit.turn(until).await;
            let there = cockpit.rehearsal.sim.end_state();
            undo(&mut cockpit, back).await;
            let (sent, undone) = (cockpit.writes_of(step).len(), cockpit.writes_of(back).len());
            assert_eq!((sent % round, undone % round), (0, 0), "{back}\n{}", cockpit.rehearsal.story());
            assert!(undone >= round && sent >= round, "{back} {round}\n{}", cockpit.rehearsal.story());
            assert_ne!(kept(&cockpit.rehearsal.sim.end_state()), kept(&there), "{back} {round}");
        }
        let mut ids = BTreeSet::new();
        for stamped in cockpit.rehearsal.journal.events() {
            let RunEvent::Intent { step, item, operation, request, .. } = stamped.event else { continue };
            assert!(ids.insert(request.client_request_id), "{step}/{item} shares the id of another attempt");
            let item = format!("{step}/{item}");
            assert!(operation.repeatable() || ids.insert(item.clone()), "{item} is posted twice");
        }
    }
}

type Kept<'a> = (
    &'a BTreeMap<String, std::collections::BTreeSet<String>>,
    &'a BTreeMap<String, bool>,
    &'a BTreeMap<String, &'static str>,
    &'a BTreeMap<String, bool>,
);

/// What an undo must restore: who holds what, who accepts, what runs, which plans act.
fn kept(end: &EndState) -> Kept<'_> {
    (&end.holders, &end.accepts, &end.power, &end.plans)
}

/// A run may start from any mixture: nothing that is so already is written again.
#[tokio::test(start_paused = true)]
async fn what_is_so_already_is_found_so() {
    const GROUP: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-we/providers/Microsoft.DesktopVirtualization";
    const THERE: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-ne/providers/Microsoft.DesktopVirtualization";
    const DRAINED: &str = r#"{"properties":{"allowNewSession":false}}"#;
    const OFF: &str = r#"{"properties":{"hostPoolReferences":[{"hostPoolArmPath":"/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-ne/providers/Microsoft.DesktopVirtualization/hostPools/hp-hr-ne","scalingPlanEnabled":false}]}}"#;
    let setting =
        Setting { scenario: "calm", world: &[("standby_running = 4", "standby_running = 12")], ..PLAIN };
    let rehearsal = Rehearsal::of(&setting);
    let avd = "api-version=2024-04-03";
    for host in 1..=3 {
        let path = format!("{GROUP}/hostPools/hp-hr-we/sessionHosts/shwe-hr-0{host}.contoso.example?{avd}");
        colleague(&rehearsal.sim, "PATCH", &path, DRAINED);
    }
    colleague(&rehearsal.sim, "PATCH", &format!("{THERE}/scalingPlans/sp-hr-ne?{avd}"), OFF);
    let list = format!(
        "http://127.0.0.1:1{GROUP}/applicationGroups/appg2-we/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=atScope()"
    );
    let request =
        http::Request::get(list).header("authorization", "Bearer x").body(bytes::Bytes::new()).unwrap();
    let answer = rehearsal.sim.call(request).now_or_never().unwrap().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    let own = listed["value"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
    for id in own.filter(|id| id.contains("appg2-we")) {
        colleague(&rehearsal.sim, "DELETE", &format!("{id}?api-version=2022-04-01"), "");
    }
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    for (step, mark) in [
        ("a2-prewarm", "observed"),
        ("a3-hold-standby-scaling", "observed"),
        ("a3-hold-active-scaling", "done"),
        ("a5-drain", "done"),
        ("a7-revoke", "done"),
    ] {
        assert_eq!(word(&cockpit.step(step).mark), mark, "{step}");
    }
    let found = |step: &str| -> Vec<String> {
        let items = cockpit.step(step).items.iter();
        items
            .filter(|item| item.mark == ItemMark::Done(DoneHow::Observation))
            .map(|item| item.key.clone())
            .collect()
    };
    assert_eq!(found("a5-drain"), ["drain shwe-hr-01", "drain shwe-hr-02", "drain shwe-hr-03"]);
    assert_eq!(found("a7-revoke"), ["GRP2@APPG2"]);
    assert_eq!(cockpit.writes_of("a2-prewarm").len() + cockpit.writes_of("a3-hold-standby-scaling").len(), 0);
    assert_eq!((cockpit.writes_of("a5-drain").len(), cockpit.writes_of("a7-revoke").len()), (9, 1));
    // A host is written once each way at most, everything else once.
    let twice: Vec<_> = sent(&cockpit.rehearsal.sim)
        .into_iter()
        .filter(|(what, count)| *count > 1 && !what.ends_with("/runcommand"))
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_cut_short_only_while_it_runs_and_with_a_reason() {
    let mut cockpit = Cockpit::open(Rehearsal::of(&PLAIN), Mode::Graceful).await;
    let cut = |reason: &str| Command::ShortenNotice { reason: Safe::new(reason) };
    cockpit.turn("a6-tell-users").await;
    assert!(matches!(cockpit.tell(cut("too early")), Err(Refusal::WrongState { .. })));
    let told = |engine: &Engine| {
        let run = engine.run();
        let step = &run.steps[run.plan.position("a6-tell-users").unwrap()];
        !step.items.is_empty() && step.items.iter().all(|item| item.mark.over())
    };
    cockpit.until("told", true, |engine, _| told(engine)).await;
    assert_eq!(cockpit.tell(cut(" ")), Err(Refusal::NoReason("a6-tell-users".into())));
    let now = cockpit.clock.now();
    cockpit.tell(cut("the region is failing")).unwrap();
    cockpit.turn("a7-revoke").await;
    assert!(cockpit.clock.now() < now + minutes(1), "the notice is 15 minutes");
    let noted = cockpit.rehearsal.journal.events().into_iter().any(|stamped| {
        matches!(stamped.event, RunEvent::Note { text, .. } if text.as_str() == "the region is failing")
    });
    assert!(noted);
}

/// What a second try of a session that will not end sends, and a restart of what it is on.
fn can_be_tried_again(cockpit: &Cockpit, step: &str, key: &str) {
    assert!(cockpit.shown(step).choices.contains(&Choice::RestartHost));
    for item in [None, Some(key)] {
        let again = cockpit.engine.again(step, item).unwrap();
        let deletes = again.retries.iter().map(|write| (write.key.as_str(), write.method.as_str()));
        assert_eq!(deletes.collect::<Vec<_>>(), [(key, "DELETE")], "{item:?}");
        let restart = again.restart.map(|one| (one.write.method, one.sessions.map(|(count, _)| count)));
        assert_eq!(restart, item.map(|_| ("POST".to_owned(), Some(1))), "{item:?}");
    }
}

/// A person asks for another try of one item.
fn again(step: &str, key: &str) -> Command {
    Command::Retry { step: step.to_owned(), item: Some(key.to_owned()), by: ConfirmedBy::Person }
}

/// A session the broker lists and nobody can end.
#[tokio::test(start_paused = true)]
async fn a_stuck_session_is_named_before_anything_goes_on() {
    for restart in [true, false] {
        let setting = Setting { world: &[("leave_percent = 50", "leave_percent = 0")], ..PLAIN };
        let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
        cockpit.turn("a8-log-off").await;
        cockpit.inject("fault = \"ghost\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
        let stuck = |engine: &Engine| {
            let run = engine.run();
            let items = &run.steps[run.plan.position("a8-log-off").unwrap()].items;
            let open = items.iter().filter(|item| !item.mark.over()).count();
            items.iter().filter(|item| item.mark.failed()).count() == 1 && open == 1
        };
        cockpit.until("stuck", true, |engine, _| stuck(engine)).await;
        let step = "a8-log-off".to_owned();
        let key = cockpit.step(&step).items.iter().find(|item| item.mark.failed()).unwrap().key.clone();
        let attempts = |cockpit: &Cockpit| {
            cockpit.step("a8-log-off").items.iter().find(|item| item.key == key).unwrap().attempts
        };
        assert_eq!(attempts(&cockpit), 1);
        cockpit.tell(again(&step, &key)).unwrap();
        cockpit.until("stuck again", false, |engine, _| stuck(engine)).await;
        assert_eq!(attempts(&cockpit), 2, "retried singly, once");
        let accept = |items: &[&str]| Command::AcceptStuck {
            step: "a8-log-off".into(),
            items: items.iter().map(|item| (*item).to_owned()).collect(),
            by: ConfirmedBy::Person,
            latency_ms: 900,
        };
        for wrong in [&[][..], &["shwe-hr-09/9/9"], &[key.as_str(), "shwe-hr-09/9/9"]] {
            assert_eq!(
                cockpit.tell(accept(wrong)),
                Err(Refusal::WrongWord { step: step.clone(), asked: key.clone() }),
                "{wrong:?}"
            );
        }
        if restart {
            cockpit.tell(Command::RestartHost { step: step.clone(), item: key.clone() }).unwrap();
            let restarted = |engine: &Engine| {
                let run = engine.run();
                run.steps[run.plan.position("a8-log-off").unwrap()]
                    .items
                    .iter()
                    .any(|item| item.key.starts_with("restart ") && item.mark.over())
            };
            cockpit.until("restarted", false, |engine, _| restarted(engine)).await;
            cockpit.tell(again(&step, &key)).unwrap();
            assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
            no_post_twice(&cockpit.rehearsal.sim);
            continue;
        }
        cockpit.tell(accept(&[&key])).unwrap();
        assert_eq!(accepted_by(&cockpit), Some(Given { by: ConfirmedBy::Person, latency_ms: 900 }));
        cockpit.turn("a10-safe-to-open").await;
        // Accepted is not gone: the guard of the grant has no third way (design §11).
        let now = cockpit.clock.now();
        cockpit.until("ten minutes", true, |_, later| later > now + minutes(10)).await;
        assert_eq!(turn(&cockpit.engine), "a10-safe-to-open");
        let proofs = cockpit.shown("a10-safe-to-open").proofs;
        let empty = proofs.iter().find(|item| item.id == "active-empty-or-dead").unwrap();
        assert_eq!(empty.verdict, GateVerdict::Red);
        let told = empty.value.as_str();
        assert!(told.starts_with("1 session in WE") && told.contains(&key), "{told}");
        // The way out: end it once more, and restart what it is on. What either would do is told before.
        can_be_tried_again(&cockpit, &step, &key);
        cockpit.tell(again(&step, &key)).unwrap();
        cockpit.until("stuck once more", false, |engine, _| stuck(engine)).await;
        assert_eq!(attempts(&cockpit), 3);
        cockpit.tell(accept(&[&key])).unwrap();
        cockpit.turn("a10-safe-to-open").await;
        cockpit.tell(Command::RestartHost { step: step.clone(), item: key.clone() }).unwrap();
        assert_eq!(turn(&cockpit.engine), step);
        assert_eq!(cockpit.end().await, RunEnd::CompletedWithExceptions, "{}", cockpit.rehearsal.story());
    }
}

/// Who accepted items by name, as the journal has it.
fn accepted_by(cockpit: &Cockpit) -> Option<Given> {
    cockpit.rehearsal.journal.events().iter().find_map(|stamped| match stamped.event {
        RunEvent::Done { how: DoneHow::Accepted, given, .. } => given,
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_host_without_capacity_is_replaced_by_another() {
    let setting = Setting { world: &[("hosts = 2", "hosts = 4")], ..PLAIN };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.inject("fault = \"allocation-failed\"\nregion = \"secondary\"\ncount = 1");
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    let starts = cockpit.writes_of("a2-prewarm");
    assert_eq!(starts.len(), 2, "{starts:?}");
    assert_ne!(starts[0], starts[1]);
    let confirmations = cockpit.rehearsal.journal.events().into_iter().filter(
        |stamped| matches!(&stamped.event, RunEvent::Confirmed(confirmed) if confirmed.step == "a2-prewarm"),
    );
    assert_eq!(confirmations.count(), 2, "another list is another confirmation");
    no_post_twice(&cockpit.rehearsal.sim);
}

/// More sessions than the plan printed, by more than a tenth, are confirmed as such.
#[tokio::test(start_paused = true)]
async fn a_grown_list_asks_again() {
    let world: &[(&str, &str)] = &[
        ("leave_percent = 50", "leave_percent = 0"),
        ("people = 3", "people = 6"),
        ("max_sessions = 2", "max_sessions = 4"),
    ];
    for (more, grown) in [(0, None), (1, None), (2, Some(Acknowledgement::GrownList))] {
        let mut cockpit = Cockpit::open(Rehearsal::of(&Setting { world, ..PLAIN }), Mode::Graceful).await;
        cockpit.turn("a8-log-off").await;
        if more > 0 {
            cockpit.inject(&format!(
                "fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = {more}"
            ));
        }
        let offer = cockpit.offer("a8-log-off").await;
        assert_eq!((offer.writes.len(), offer.acknowledges), (3 + more, grown), "{more}");
        let mut blind = said("a8-log-off", &offer);
        blind.acknowledges = grown.map_or(Some(Acknowledgement::GrownList), |_| None);
        let refused = cockpit.tell(Command::Confirm(blind));
        assert!(matches!(refused, Err(Refusal::OfferGone { .. })), "{refused:?}");
        cockpit.tell(Command::Confirm(said("a8-log-off", &offer))).unwrap();
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{more}\n{}", cockpit.rehearsal.story());
    }
}
