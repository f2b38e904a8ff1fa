//! Plain mode: the cockpit as numbered lines, for screen readers, serial consoles and pipes.
//!
//! The caller prints the lines, discards what was typed before a prompt, and hands back one line
//! at a time. Everything that decides something begins with a two-digit number drawn for that
//! prompt, so that no line prepared beforehand can confirm anything.

mod words;

use std::collections::BTreeMap;

use crate::{
    app::{App, feed::Origin, gesture::HOLD_MS, sentence},
    domain::{
        Safe,
        access::PrincipalId,
        time::{Span, Timestamp, minute_text, seconds, time_text},
    },
    engine::{
        Command, Confirm, RunView,
        event::{ConfirmedBy, HeldWhy, StepId},
        view::{Choice, Drift, ItemPhase, RunState, StepState, StepView},
    },
};

pub use words::status_lines;
use words::{
    ask, asked, choices, head, list_lines, numbered, owed, place, question, step_lines, stuck,
    without_figures, words_of,
};

/// What a line came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Give this to the run.
    Command(Command),
    /// Print these.
    Lines(Vec<String>),
    /// It was no answer to the question that stands.
    Wrong(String),
    /// Nothing is asked that it could be an answer to.
    Unasked,
    /// Hold the run and leave.
    Leave,
}

/// A question that waits for looks is put once nothing about it has changed for so long, in milliseconds:
/// what is being read changes from one line to the next.
const QUIET_MS: u64 = 1_000;

/// It waits for that no longer than this, in milliseconds: an abort must always be possible.
const RESTLESS_MS: u64 = 5_000;

/// An event that is told so long after a later one says that it is from before.
const LATE: Span = seconds(60);

/// What leaves an undo or a debt alone that was asked for.
const BACK: &str = "back";

/// Wrong answers in a row after which no person is waited for any more: whoever answers does not read.
pub const WRONG_MAX: u8 = 3;

/// A run as lines: what was told so far and what is asked now.
#[derive(Debug, Default)]
pub struct Plain {
    told: BTreeMap<StepId, StepState>,
    failed: BTreeMap<(StepId, String), ItemPhase>,
    feed: u64,
    /// The notice that was told last, and when it was said.
    notice: Option<(String, u64)>,
    state: Option<RunState>,
    /// Until when the last grant may take, as last told.
    effective: Option<Timestamp>,
    /// Why nothing could be written when that was last told.
    stopped: Option<Safe>,
    asked: Option<Situation>,
    number: Option<u8>,
    /// When the question in force was put, on the terminal's clock.
    put: u64,
    /// When what it depends on changed last.
    changed: u64,
    /// Since when it has not been put although it has changed.
    restless: Option<u64>,
    /// Wrong answers since the last right one.
    wrong: u8,
    offered: Option<StepId>,
    /// The step that was asked about last, and what was owed then.
    headed: Option<(StepId, Vec<StepId>)>,
    /// When the newest event happened that was told.
    heard: Option<Timestamp>,
    /// An undo step or a debt that a person asked for, until it is confirmed or left alone.
    chosen: Option<StepId>,
    /// What was last told of how the list in question has changed.
    drift: Option<Drift>,
    /// A level-3 line that came once, and when.
    first: Option<(String, u64)>,
}

/// Everything a prompt depends on: when it changes, the question is put again.
#[derive(Debug, Clone, PartialEq)]
struct Situation {
    step: Option<StepId>,
    state: Option<StepState>,
    run: RunState,
    offer: Option<(String, bool)>,
    /// Without their figures: an age that grows is no new situation.
    blocked: Vec<String>,
    armed: bool,
    choices: Vec<Choice>,
}

impl Situation {
    fn of(app: &App, view: &RunView, step: Option<&StepView>) -> Self {
        // How far a step at work has come asks nobody anything.
        let state = step.map(|step| match step.state {
            StepState::Confirmed | StepState::Running | StepState::Waiting => StepState::Running,
            state => state,
        });
        let offer = step.and_then(|step| step.offer.as_ref());
        Self {
            step: step.map(|step| step.id.clone()),
            state,
            run: view.state.clone(),
            offer: offer.map(|offer| (offer.hash.clone(), offer.green)),
            blocked: step.into_iter().flat_map(|step| &step.blocked_by).map(without_figures).collect(),
            armed: app.arming.is_armed(),
            choices: step.map(choices).unwrap_or_default(),
        }
    }
}

impl Plain {
    /// What has changed since the last call: one line per change of state.
    pub fn news(&mut self, app: &App) -> Vec<String> {
        let mut lines = Vec::new();
        let events = app.feed.since(self.feed);
        for event in &events {
            // What happened well before what was told last is not heard as news of now.
            let late = self.heard.is_some_and(|heard| heard.duration_since(event.at) > LATE);
            let time = format!("{}{}", if late { "earlier, " } else { "" }, time_text(event.at));
            match &event.origin {
                Origin::Journal(_) => {}
                Origin::Region(code) => lines.push(format!("{time} {code} {}", event.text)),
                Origin::Cockpit => lines.push(format!("{time} {}", event.text)),
            }
            self.heard = self.heard.max(Some(event.at));
        }
        self.feed = app.feed.pushed();
        if let Some(view) = app.run_view() {
            self.run_news(app, view, &mut lines);
        }
        // What is an event as well is told as that.
        let told = |text: &str| events.iter().any(|event| event.text == text);
        let notice = app.notice.as_ref().map(|notice| (notice.text.clone(), notice.at));
        if let Some((text, _)) = notice.as_ref().filter(|(text, _)| notice != self.notice && !told(text)) {
            lines.push(format!("note: {text}"));
        }
        self.notice = notice.or_else(|| self.notice.take());
        lines
    }

    fn run_news(&mut self, app: &App, view: &RunView, lines: &mut Vec<String>) {
        let time = time_text(app.now());
        for step in &view.steps {
            let before = self.told.insert(step.id.clone(), step.state);
            if before == Some(step.state) || (before.is_none() && step.state == StepState::Pending) {
                continue;
            }
            // Whether something could be taken back right now changes with every look.
            let asked_for = self.chosen.as_ref() == Some(&step.id);
            let could = matches!(step.state, StepState::Pending | StepState::Ready | StepState::Blocked);
            if step.is_undo && could && !asked_for {
                continue;
            }
            lines.push(format!("{time} {}", numbered(view, step)));
        }
        for step in &view.steps {
            for item in &step.items {
                let wrong = matches!(item.state, ItemPhase::Failed | ItemPhase::Ghost | ItemPhase::Asking);
                let key = (step.id.clone(), item.key.clone());
                if wrong && self.failed.insert(key, item.state) != Some(item.state) {
                    lines.push(format!("{time} {} {} {}", place(view, step), item.key, item.detail));
                }
            }
        }
        let step = view.current.and_then(|place| view.steps.get(place));
        let drift = step.and_then(|step| step.offer.as_ref()?.drift);
        if let (Some(step), Some(drift)) = (step, drift.filter(|drift| self.drift.as_ref() != Some(drift))) {
            lines.push(format!("{time} {} now: {drift}", place(view, step)));
        }
        self.drift = drift;
        if let Some(why) = view.stopped.as_ref().filter(|why| self.stopped.as_ref() != Some(why)) {
            lines.push(format!("{time} NO WRITES: {why}"));
            let run = &view.run;
            lines.push(format!("{time} quit leaves; then `farshore resume {run}` opens the journal again"));
        }
        self.stopped.clone_from(&view.stopped);
        if self.state.as_ref() != Some(&view.state) {
            self.state = Some(view.state.clone());
            lines.push(format!("{time} run {} is {}", view.run, sentence::state_word(&view.state)));
        }
        if let Some(by) = view.effective_by.filter(|by| self.effective != Some(*by)) {
            lines.push(format!("{time} granted, effective by {}", minute_text(by)));
        }
        self.effective = view.effective_by;
    }

    /// The step that is asked about: the one a person asked for, else the one in turn, else what is to
    /// be paid first where only debts are watched.
    fn subject<'v>(&self, view: &'v RunView) -> Option<&'v StepView> {
        let by_id = |id: &StepId| view.steps.iter().find(|step| step.id == *id);
        let chosen = self.chosen.as_ref().and_then(by_id);
        let turn = view.current.and_then(|place| view.steps.get(place));
        let debt = view.debts_ready.first().filter(|_| view.watches).and_then(by_id);
        chosen.or(turn).or(debt)
    }

    /// Takes back or pays what a person asks for: its list is shown, and confirmed like every other.
    fn choose(&mut self, view: &RunView, word: &str, id: &str) -> Reply {
        let open: Vec<&str> = match word {
            "undo" => view.steps.iter().filter(|step| step.is_undo).map(|step| step.id.as_str()).collect(),
            _ => view.debts_ready.iter().map(StepId::as_str).collect(),
        };
        if !open.contains(&id) {
            let open = if open.is_empty() { "nothing".to_owned() } else { open.join(", ") };
            return wrong(&format!("{word}: there is {open}"));
        }
        self.chosen = Some(id.to_owned());
        self.offered = None;
        said(&format!("{id}: its list is being read; {BACK} leaves it alone"))
    }

    /// A command the run needs before anything can be asked: the offer of the step in turn.
    pub fn wants(&mut self, app: &App) -> Option<Command> {
        let view = app.run_view()?;
        let step = self.subject(view)?;
        let ready = matches!(step.state, StepState::Ready | StepState::Blocked) || owed(view, step);
        let ready = ready && question(step).is_none();
        if !ready || self.offered.as_ref() == Some(&step.id) {
            return None;
        }
        self.offered = Some(step.id.clone());
        Some(Command::Offer { step: step.id.clone() })
    }

    /// The question of the moment, where it has changed since it was last put. `draw` gives a
    /// number from 10 to 99; the caller discards what was typed before it prints the lines. `at`: the
    /// terminal's clock.
    pub fn prompt(&mut self, app: &App, at: u64, draw: impl FnOnce() -> u8) -> Option<Vec<String>> {
        let view = app.run_view()?;
        let step = self.subject(view);
        let listed = |step: &StepView| step.state == StepState::Ready || owed(view, step);
        if step.is_some_and(|step| listed(step) && step.offer.is_none()) {
            // Its list is being read: there is nothing to answer yet.
            return None;
        }
        let situation = Situation::of(app, view, step);
        let waits = !situation.blocked.is_empty();
        if self.asked.as_ref() != Some(&situation) {
            // What was asked before is no longer what an answer would be about.
            (self.first, self.number, self.changed) = (None, None, at);
            self.restless.get_or_insert(at);
            self.asked = Some(situation);
        } else if self.number.is_some() {
            return None;
        }
        let restless = self.restless.is_some_and(|since| at < since + RESTLESS_MS);
        if waits && restless && at < self.changed + QUIET_MS {
            return None;
        }
        self.restless = None;
        let number = draw().clamp(10, 99);
        let mut lines = ask(app, view, step, number);
        if let Some(step) = step.filter(|_| !lines.is_empty()) {
            let heads = Some((step.id.clone(), view.debts.clone()));
            if self.headed != heads {
                lines.insert(0, head(view));
                self.headed = heads;
            }
        }
        self.number = (!lines.is_empty()).then_some(number);
        self.put = at;
        (!lines.is_empty()).then_some(lines)
    }

    /// Takes one line, read `at` on the terminal's clock. A number is good for one line only.
    pub fn answer(&mut self, app: &App, line: &str, at: u64) -> Reply {
        let (word, rest) = split(line.trim());
        let latency_ms = at.saturating_sub(self.put);
        if word == BACK {
            self.chosen = None;
            return said("as before");
        }
        if let Some(reply) = light(app, word, rest, latency_ms) {
            return reply;
        }
        let Some(drawn) = self.number.take() else { return Reply::Unasked };
        let reply = match word.parse::<u8>() {
            Ok(number) if word.len() == 2 && number == drawn => self.decide(app, rest, at),
            Ok(_) => wrong("that is not the number drawn for this question"),
            Err(_) => wrong("nothing is called that; help lists what there is"),
        };
        self.wrong = match reply {
            Reply::Wrong(_) => self.wrong.saturating_add(1),
            _ => 0,
        };
        reply
    }

    /// Whether whoever answers has been wrong too often to go on asking.
    pub fn gives_up(&self) -> bool {
        self.wrong >= WRONG_MAX
    }

    fn decide(&mut self, app: &App, rest: &str, at: u64) -> Reply {
        let Some(view) = app.run_view() else { return said("no run is open") };
        let step = self.subject(view);
        let (word, text) = split(rest);
        let reason = Safe::new(text);
        let id = || step.map(|step| step.id.clone()).unwrap_or_default();
        let command = match word {
            "arm" if app.already_armed().is_some() => {
                return said(&app.already_armed().unwrap_or_default());
            }
            "arm" if text == app.estate.name => {
                Command::Arm { on: true, how: Safe::new("by typing the estate's name") }
            }
            "arm" => return wrong("arm needs the estate's name"),
            "resume" => Command::Resume,
            "retry" => Command::Retry {
                step: id(),
                item: (!text.is_empty()).then(|| text.to_owned()),
                by: ConfirmedBy::Person,
            },
            "skip" | "downgrade" | "shorten" | "state" | "abort" | "restart" if text.is_empty() => {
                return wrong(&format!("{word} needs more words"));
            }
            "skip" => Command::Skip { step: id(), reason },
            "downgrade" => Command::Downgrade { step: id(), reason },
            "shorten" => Command::ShortenNotice { reason },
            "state" => Command::State { text: reason },
            "abort" => Command::Abort { reason },
            "restart" => Command::RestartHost { step: id(), item: text.to_owned() },
            "accept" => {
                let items = stuck(step);
                if text != items.len().to_string() {
                    return wrong(&format!("accept {} names them: {}", items.len(), items.join(", ")));
                }
                let latency_ms = at.saturating_sub(self.put);
                Command::AcceptStuck { step: id(), items, by: ConfirmedBy::Person, latency_ms }
            }
            "leave" => return leave_holder(app, text),
            "undo" | "pay" => return self.choose(view, word, text),
            _ => return self.confirm(step, rest, at),
        };
        Reply::Command(command)
    }

    /// What follows the number is what the level asks for, and nothing else.
    fn confirm(&mut self, step: Option<&StepView>, typed: &str, at: u64) -> Reply {
        let Some((step, offer)) = step.and_then(|step| Some((step, step.offer.as_ref()?))) else {
            return wrong("nothing can be confirmed now");
        };
        if !offer.green {
            return said("a precondition is not green");
        }
        let asked = asked(offer);
        if typed.trim() != asked {
            return wrong(&format!("{} was asked for; nothing was confirmed", words_of(asked)));
        }
        if offer.level >= 3 {
            match self.first.take() {
                Some((hash, first)) if hash == offer.hash && at >= first + HOLD_MS => {}
                // Too soon: the first one still counts.
                Some((hash, first)) if hash == offer.hash => {
                    self.first = Some((hash, first));
                    return said("not yet: once more, with the next number, after 3 s");
                }
                _ => {
                    self.first = Some((offer.hash.clone(), at));
                    return said("once more, with the next number, after 3 s");
                }
            }
        }
        // Whatever comes of it, the next question about this step is about another list.
        self.offered = None;
        self.chosen = None;
        Reply::Command(Command::Confirm(Confirm {
            step: step.id.clone(),
            offer: offer.hash.clone(),
            typed: (!asked.is_empty()).then(|| Safe::new(asked)),
            by: ConfirmedBy::Person,
            latency_ms: at.saturating_sub(self.put),
            acknowledges: offer.acknowledges,
        }))
    }
}

/// What needs no number: it starts nothing. `None`: it is nothing of the kind.
fn light(app: &App, word: &str, rest: &str, latency_ms: u64) -> Option<Reply> {
    let view = app.run_view();
    let step = view.and_then(|view| view.steps.get(view.current?));
    Some(match word {
        "status" => Reply::Lines(status_lines(app)),
        "steps" => Reply::Lines(view.map(|view| step_lines(app, view)).unwrap_or_default()),
        "list" => Reply::Lines(step.and_then(|step| step.offer.as_ref()).map(list_lines).unwrap_or_default()),
        "hold" => {
            Reply::Command(Command::Hold { why: HeldWhy::Person, note: Safe::new("held by the operator") })
        }
        "note" if !rest.is_empty() => Reply::Command(Command::Note { text: Safe::new(rest) }),
        "disarm" => Reply::Command(Command::Arm { on: false, how: Safe::new("by the operator") }),
        "quit" => Reply::Leave,
        "value" if !rest.is_empty() => match step.filter(|step| question(step).is_some()) {
            Some(step) => Reply::Command(Command::Value {
                step: step.id.clone(),
                value: Safe::new(rest),
                by: ConfirmedBy::Person,
                latency_ms,
            }),
            None => said("no value is asked for"),
        },
        "" | "help" | "note" | "value" => Reply::Lines(help()),
        _ => return None,
    })
}

/// Whether a line only stops something: that is heard at any time, before a question as well.
pub fn stops(line: &str) -> bool {
    matches!(line.trim(), "hold" | "quit" | "disarm")
}

fn help() -> Vec<String> {
    [
        "status, steps, list, note TEXT, value TEXT, hold, disarm, back, quit need no number",
        "NN arm ESTATE, NN skip REASON, NN downgrade REASON, NN retry [ITEM], NN restart ITEM",
        "NN accept COUNT, NN shorten REASON, NN state TEXT, NN leave ID REASON, NN resume, NN abort REASON",
        "NN undo STEP takes a step back, NN pay STEP pays a debt: both show their list first",
        "NN is the number drawn with the question; each counts once",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn wrong(text: &str) -> Reply {
    Reply::Wrong(text.to_owned())
}

fn said(text: &str) -> Reply {
    Reply::Lines(vec![text.to_owned()])
}

fn split(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim())
}

fn leave_holder(app: &App, text: &str) -> Reply {
    let (id, reason) = split(text);
    if id.is_empty() || reason.is_empty() {
        return said("leave needs the beginning of the holder's id and a reason");
    }
    let fitting: Vec<PrincipalId> =
        app.unplanned_holders().into_iter().filter(|known| known.as_str().starts_with(id)).collect();
    match fitting.as_slice() {
        [principal] => {
            Reply::Command(Command::LeaveHolder { principal: principal.clone(), reason: Safe::new(reason) })
        }
        many => said(&format!("{} holders outside the plan begin with {id}", many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        Event, World,
        scene::{self, Weather, at},
    };
    use crate::runbook::StepKind;

    fn armed(view: RunView) -> App {
        let (mut app, _, _) = scene::running(view);
        app.update(Event::Command(Command::Arm { on: true, how: Safe::new("test") }), at(0));
        app
    }

    #[test]
    fn the_estate_is_numbered_lines_that_say_how_old_and_how_sure() {
        let lines = status_lines(&scene::app(World::Sim, Weather::Outage));
        assert!(lines.iter().enumerate().all(|(n, line)| line.starts_with(&format!("{} ", n + 1))));
        assert!(lines[0].starts_with("1 SIM RO contoso-avd"));
        let sessions = lines.iter().find(|line| line.contains("sessions:")).unwrap();
        assert!(sessions.contains("last known"), "{sessions}");
    }

    #[test]
    fn every_line_of_the_status_that_rests_on_looks_says_how_old_they_are() {
        for weather in [Weather::Calm, Weather::Outage] {
            let mut app = scene::app(World::Sim, weather);
            app.settle();
            let lines = status_lines(&app);
            let summary = &app.summary;
            let both = &summary.invariant;
            let services = summary.services.iter().map(|one| (one.text(), one.at, one.stale));
            let problems = summary.problems.iter().take(5).map(|one| (one.text.clone(), one.at, one.stale));
            let told = services.chain([(both.text.clone(), both.at, both.stale)]).chain(problems);
            let mut aged = 0;
            for (text, at, stale) in told {
                let Some(at) = at else { continue };
                let age = crate::domain::time::age_text(app.now().duration_since(at));
                let old =
                    if stale { format!("{text}, last known, {age} old") } else { format!("{text}, {age}") };
                let said = |line: &String| line.ends_with(&old) || line.contains(&format!("{old}; "));
                assert!(lines.iter().any(said), "{weather:?}: {old}: {lines:#?}");
                aged += 1;
            }
            assert!(aged >= 4, "{weather:?}: {lines:#?}");
        }
    }

    #[test]
    fn how_things_stand_before_is_as_old_as_the_oldest_look_under_it() {
        for (at, said) in [
            (
                Some(scene::noon() - crate::domain::time::seconds(40)),
                "before: WE 67 sessions, oldest look 40s ago; ",
            ),
            (None, "before: WE 67 sessions; "),
        ] {
            let mut offer = scene::offer(3, Some("NE"));
            (offer.before_at, offer.before_after.0) = (at, "WE 67 sessions".into());
            let app = armed(scene::log_off(offer));
            let lines = Plain::default().prompt(&app, 0, || 42).unwrap();
            assert!(lines.iter().any(|line| line.starts_with(said)), "{lines:#?}");
        }
    }

    #[test]
    fn what_a_step_is_there_to_reach_is_not_said_to_be_red() {
        let red = |id: &str| crate::engine::event::GateItem {
            id: id.to_owned(),
            verdict: crate::engine::event::GateVerdict::Red,
            value: "67 sessions".into(),
            ground: crate::engine::event::Ground::Seen,
            age_s: Some(4),
        };
        for (state, kind, blocked, word) in [
            (StepState::Ready, StepKind::Automatic, None, "to reach"),
            (StepState::Blocked, StepKind::Automatic, None, "to reach"),
            (StepState::Blocked, StepKind::Automatic, Some("active-empty: 67 sessions"), "red"),
            (StepState::Failed, StepKind::Automatic, None, "red"),
            (StepState::Blocked, StepKind::Gate, None, "red"),
        ] {
            let mut view = scene::log_off(scene::offer(2, Some("67")));
            let step = &mut view.steps[8];
            (step.state, step.kind, step.proofs) = (state, kind, vec![red("active-empty")]);
            step.blocked_by = blocked.into_iter().map(Safe::new).collect();
            let app = armed(view);
            let lines = Plain::default().prompt(&app, 10_000, || 42).or_else(|| {
                // What waits for looks is asked once nothing has changed for a while.
                let mut plain = Plain::default();
                plain.prompt(&app, 0, || 42);
                plain.prompt(&app, 10_000, || 42)
            });
            let lines = lines.unwrap();
            let told = format!("{word} active-empty 67 sessions");
            assert!(lines.contains(&told), "{state:?} {kind:?} {blocked:?}: {lines:#?}");
        }
    }

    /// What is told late stands among the events where it happened, and is news all the same.
    #[test]
    fn whatever_happens_is_told_once_in_the_order_in_which_it_was_heard() {
        let mut app = scene::app(World::Sim, Weather::Outage);
        let mut plain = Plain::default();
        let opening = plain.news(&app);
        assert_eq!(opening.iter().filter(|line| line.contains("cockpit opened")).count(), 1, "{opening:#?}");
        let heard =
            [(600, "earlier, ", "posted"), (0, "", "answers again"), (900, "earlier, ", "posted at first")];
        for (back, late, text) in heard {
            let at = app.now() - crate::domain::time::seconds(back);
            app.feed.push(at, Origin::Region("WE".to_owned()), text);
            assert_eq!(plain.news(&app), [format!("{late}{} WE {text}", time_text(at))]);
        }
        assert!(plain.news(&app).is_empty());
    }

    #[test]
    fn a_refusal_is_told_once() {
        let why = "the run: no";
        for told in [
            Event::Notice(Safe::new(&format!("could not open {why}"))),
            Event::RunRefused { order: None, why: Safe::new(&format!("open {why}")) },
        ] {
            let mut app = scene::app(World::Sim, Weather::Calm);
            let mut plain = Plain::default();
            plain.news(&app);
            let name = format!("{told:?}");
            app.update(told, at(1));
            let lines: Vec<String> = (0..3).flat_map(|_| plain.news(&app)).collect();
            assert_eq!(lines.iter().filter(|line| line.contains(why)).count(), 1, "{name}: {lines:#?}");
        }
    }

    #[test]
    fn a_step_has_its_number_in_every_line_and_says_why_it_is_blocked() {
        for (blocked, why) in [
            (&["hosts: being read"][..], "hosts: being read"),
            (&["hosts: being read", "sessions: being read", "no token"], "hosts: being read; and 2 more"),
            (&[], "what it rests on is being looked at"),
        ] {
            let mut view = scene::log_off(scene::offer(2, Some("67")));
            view.steps[8].state = StepState::Blocked;
            view.steps[8].blocked_by = blocked.iter().map(|one| Safe::new(one)).collect();
            view.steps[8].items = vec![crate::app::scene::item("GRP1", ItemPhase::Failed, "404")];
            let title = view.steps[8].title.clone();
            let app = armed(view);
            let mut plain = Plain::default();
            let news = plain.news(&app);
            let line = format!("9 a8-logoff blocked {title} 0/1: {why}");
            assert!(news.contains(&format!("{} {line}", time_text(app.now()))), "{news:#?}");
            assert!(news.contains(&format!("{} 9 a8-logoff GRP1 404", time_text(app.now()))), "{news:#?}");
            let Reply::Lines(steps) = plain.answer(&app, "steps", 9) else { panic!() };
            assert!(steps.contains(&line), "{steps:#?}");
        }
    }

    /// Whatever is asked, armed or not, says which step of how many it is about; and a hash that nobody verifies
    /// by is not read out whole.
    #[test]
    fn every_question_says_which_step_it_is_about() {
        let hash = "0123456789abcdef".repeat(4);
        let mut offer = scene::offer(2, Some("67"));
        offer.hash.clone_from(&hash);
        let confirms = scene::log_off(offer);
        let mut asks = scene::log_off(scene::offer(1, None));
        asks.steps[8].state = StepState::AwaitingPerson;
        asks.steps[8].ask = Some("who saw it?".to_owned());
        let read_only = |view: RunView| scene::running(view).0;
        for (name, app) in [
            ("confirm, armed", armed(confirms.clone())),
            ("confirm, read-only", read_only(confirms)),
            ("value, armed", armed(asks.clone())),
            ("value, read-only", read_only(asks)),
        ] {
            let lines = Plain::default().prompt(&app, 0, || 42).unwrap();
            let place = "step 9 of 14, a8-logoff: ";
            assert!(lines.iter().any(|line| line.contains(place)), "{name}: {lines:#?}");
            assert!(!lines.iter().any(|line| line.contains(&hash)), "{name}: {lines:#?}");
            let listed = lines.iter().any(|line| line.ends_with("list 0123456789abcdef"));
            assert_eq!(listed, name == "confirm, armed", "{name}: {lines:#?}");
        }
    }

    #[test]
    fn a_proof_that_is_too_old_is_told_once() {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        view.steps[8].proofs = vec![crate::engine::event::GateItem {
            id: "active-empty".to_owned(),
            verdict: crate::engine::event::GateVerdict::Red,
            value: "67 sessions".into(),
            ground: crate::engine::event::Ground::Seen,
            age_s: Some(400),
        }];
        view.steps[8].old_proofs = vec!["active-empty".to_owned()];
        let lines = Plain::default().prompt(&armed(view), 0, || 42).unwrap();
        assert_eq!(lines.iter().filter(|line| line.contains("active-empty")).count(), 1, "{lines:#?}");
    }

    /// What a gate goes on without is said, an item that is only being read is not called old, and the head
    /// of a block tells the time left and what is owed as often as the step or the debts change.
    #[test]
    fn a_question_says_what_is_owed() {
        use crate::engine::event::{GateVerdict, Ground};
        let mut view = scene::log_off(scene::offer(1, None));
        let item = |id: &str, verdict, ground, value: &str| crate::engine::event::GateItem {
            id: id.to_owned(),
            verdict,
            value: value.into(),
            ground,
            age_s: Some(2),
        };
        view.steps[8].proofs = vec![
            item("active-plan-held", GateVerdict::Green, Ground::Owed, "owed"),
            item("standby-capacity", GateVerdict::Unknown, Ground::Seen, "hosts: being read"),
        ];
        view.steps[8].old_proofs = vec!["standby-capacity".to_owned()];
        view.debts = vec!["a3-hold-active-scaling".to_owned()];
        let mut plain = Plain::default();
        let lines = plain.prompt(&armed(view.clone()), 0, || 42).unwrap();
        assert!(
            lines[0].contains("RTO") && lines[0].ends_with("debts: a3-hold-active-scaling"),
            "{lines:#?}"
        );
        assert!(lines.contains(&"goes on without active-plan-held: owed".to_owned()), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("too old")), "{lines:#?}");
        assert_eq!(lines.last().unwrap(), "to confirm type: 42");
        let head = lines[0].clone();
        view.steps[8].choices = vec![Choice::Retry, Choice::Skip];
        let again = plain.prompt(&armed(view.clone()), 10_000, || 43).unwrap();
        assert!(!again.contains(&head), "said, and nothing of it has changed: {again:#?}");
        view.debts.clear();
        view.steps[8].choices.clear();
        let paid = plain.prompt(&armed(view), 20_000, || 44).unwrap();
        assert!(paid[0].ends_with("debts: none"), "{paid:#?}");
    }

    #[test]
    fn what_happened_before_what_was_told_says_so() {
        let mut app = scene::app(World::Sim, Weather::Calm);
        let mut plain = Plain::default();
        plain.news(&app);
        let now = app.now();
        app.feed.push(now, Origin::Cockpit, "now");
        app.feed.push(now - seconds(240), Origin::Cockpit, "posted");
        app.feed.push(now - seconds(1), Origin::Cockpit, "together");
        let told = plain.news(&app);
        let words: Vec<String> = told.iter().map(|line| line.replace(char::is_numeric, "")).collect();
        assert_eq!(words, ["::Z now", "earlier, ::Z posted", "::Z together"]);
    }

    #[test]
    fn arming_what_is_armed_says_for_how_long() {
        let app = armed(scene::log_off(scene::offer(2, Some("67"))));
        let said = vec!["already armed, 15 min left".to_owned()];
        assert_eq!(answers(&app, &["42 arm contoso-avd"]), Reply::Lines(said));
    }

    /// Puts the question with number 42, gives the lines, and tells what the last one came to.
    fn answers(app: &App, lines: &[&str]) -> Reply {
        let mut plain = Plain::default();
        let asked = plain.prompt(app, 0, || 42);
        assert!(asked.is_some());
        let mut last = Reply::Leave;
        for line in lines {
            last = plain.answer(app, line, 700);
        }
        last
    }

    #[test]
    fn only_the_drawn_number_with_the_right_word_confirms() {
        let app = armed(scene::log_off(scene::offer(2, Some("67"))));
        let confirms = |lines: &[&str]| matches!(answers(&app, lines), Reply::Command(Command::Confirm(_)));
        assert!(confirms(&["42 67"]));
        for wrong in [&["67"][..], &["42"], &["43 67"], &["42 66"], &["y"], &["yes"], &["042 67"], &[""]] {
            assert!(!confirms(wrong), "{wrong:?}");
        }
        // A number is good for one line.
        assert!(!confirms(&["42 66", "42 67"]));
    }

    #[test]
    fn level_three_is_said_twice_with_three_seconds_between() {
        let app = armed(scene::log_off(scene::offer(3, Some("NE"))));
        let mut plain = Plain::default();
        let mut say = |ms: u64, number: u8| {
            plain.prompt(&app, ms, || number);
            matches!(plain.answer(&app, &format!("{number} NE"), ms), Reply::Command(Command::Confirm(_)))
        };
        assert!(!say(0, 42));
        assert!(!say(0, 43), "at once");
        assert!(!say(1_000, 44), "too soon");
        assert!(say(4_500, 45));
    }

    #[test]
    fn a_change_is_one_line_and_the_same_question_is_put_once() {
        let (mut app, view, _) = scene::running(scene::move_phase());
        let mut plain = Plain::default();
        plain.news(&app);
        assert!(plain.news(&app).is_empty());
        view.lock().unwrap().steps[7].state = StepState::Done;
        app.update(Event::Tick, at(1));
        let news = plain.news(&app);
        assert_eq!(news.len(), 1, "{news:?}");
        assert!(news[0].contains("a7-revoke done"));

        let app = armed(scene::log_off(scene::offer(2, Some("67"))));
        let mut plain = Plain::default();
        assert!(plain.prompt(&app, 0, || 42).is_some());
        assert!(plain.prompt(&app, 0, || 43).is_none());
        plain.answer(&app, "42 1", 700);
        assert!(plain.prompt(&app, 0, || 44).is_some(), "a used number is replaced");
    }

    #[test]
    fn a_list_that_changes_a_little_is_one_line_and_the_question_stands() {
        let (mut app, view, _) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
        app.update(Event::Command(Command::Arm { on: true, how: Safe::new("test") }), at(0));
        let mut plain = Plain::default();
        plain.news(&app);
        assert!(plain.prompt(&app, 0, || 42).is_some());
        view.lock().unwrap().steps[8].offer.as_mut().unwrap().drift =
            Some(Drift { left: 66, shown: 67, new: 1 });
        app.update(Event::Tick, at(1));
        let news = plain.news(&app);
        assert_eq!(news.len(), 1, "{news:?}");
        assert!(news[0].ends_with("a8-logoff now: 66 of 67, 1 new"), "{news:?}");
        assert!(plain.news(&app).is_empty());
        assert!(plain.prompt(&app, 0, || 43).is_none());
        assert!(matches!(plain.answer(&app, "42 67", 700), Reply::Command(Command::Confirm(_))));
    }

    #[test]
    fn each_list_is_pinned_before_it_is_asked_about() {
        let (mut app, view, _) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
        app.update(Event::Command(Command::Arm { on: true, how: Safe::new("test") }), at(0));
        let mut plain = Plain::default();
        let pins = |plain: &mut Plain, app: &App| matches!(plain.wants(app), Some(Command::Offer { .. }));
        assert!(pins(&mut plain, &app) && !pins(&mut plain, &app));
        let offer = view.lock().unwrap().steps[8].offer.take();
        app.update(Event::Tick, at(1));
        assert!(plain.prompt(&app, 0, || 42).is_none(), "its list is being read");
        view.lock().unwrap().steps[8].offer = offer;
        app.update(Event::Tick, at(2));
        assert!(plain.prompt(&app, 0, || 42).is_some());
        assert!(matches!(plain.answer(&app, "42 67", 700), Reply::Command(Command::Confirm(_))));
        assert!(pins(&mut plain, &app), "what more could be done is another list");
    }

    #[test]
    fn arming_comes_before_confirming() {
        let (app, _, _) = scene::running(scene::log_off(scene::offer(2, Some("67"))));
        let mut plain = Plain::default();
        let lines = plain.prompt(&app, 0, || 42).unwrap();
        assert!(lines.last().unwrap().contains("42 arm contoso-avd"));
        let reply = plain.answer(&app, "42 arm contoso-avd", 700);
        assert!(matches!(reply, Reply::Command(Command::Arm { on: true, .. })));
    }

    #[test]
    fn a_confirmation_says_how_long_the_question_stood() {
        let app = armed(scene::log_off(scene::offer(2, Some("67"))));
        let mut plain = Plain::default();
        plain.prompt(&app, 1_000, || 42);
        let Reply::Command(Command::Confirm(confirm)) = plain.answer(&app, "42 67", 3_500) else { panic!() };
        assert_eq!(confirm.latency_ms, 2_500);
    }

    #[test]
    fn three_wrong_answers_in_a_row_are_enough_and_nothing_counts_where_nothing_is_asked() {
        let app = armed(scene::log_off(scene::offer(2, Some("67"))));
        let mut plain = Plain::default();
        assert_eq!(plain.answer(&app, "42 67", 0), Reply::Unasked);
        assert_eq!(plain.answer(&app, "y", 0), Reply::Unasked);
        let ask = |plain: &mut Plain, line: &str| {
            plain.prompt(&app, 0, || 42);
            plain.answer(&app, line, 700);
            plain.gives_up()
        };
        assert!(!ask(&mut plain, "42 66") && !ask(&mut plain, "y"));
        assert!(!ask(&mut plain, "42 67"), "a right one begins anew");
        assert!(!ask(&mut plain, "43 67") && !ask(&mut plain, "help") && !ask(&mut plain, "42"));
        assert!(ask(&mut plain, "yes"));
    }

    /// A run that watches its debts, the first of which can be paid.
    fn watching() -> RunView {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        let debt = view.steps[8].id.clone();
        view.state = RunState::Closed(crate::engine::event::RunEnd::Monitoring);
        (view.watches, view.current) = (true, None);
        view.steps[8].state = StepState::Deferred;
        (view.debts, view.debts_ready) = (vec![debt.clone()], vec![debt]);
        view
    }

    #[test]
    fn what_is_owed_is_asked_about_once_it_can_be_paid() {
        let app = armed(watching());
        let mut plain = Plain::default();
        assert!(matches!(plain.wants(&app), Some(Command::Offer { step }) if step == "a8-logoff"));
        let lines = plain.prompt(&app, 0, || 42).unwrap();
        assert!(lines.iter().any(|line| line.contains("a8-logoff deferred")), "{lines:?}");
        assert!(matches!(plain.answer(&app, "42 67", 700), Reply::Command(Command::Confirm(_))));
        let mut later = watching();
        later.debts_ready.clear();
        assert_eq!(Plain::default().prompt(&armed(later), 0, || 42), None, "the region does not answer yet");
        let mut over = watching();
        over.watches = false;
        assert_eq!(Plain::default().prompt(&armed(over), 0, || 42), None, "nothing is owed");
    }

    #[test]
    fn a_step_is_taken_back_by_name_through_its_own_question() {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        let mut undo = view.steps[8].clone();
        (undo.id, undo.is_undo, undo.offer) =
            ("a7-regrant".to_owned(), true, Some(scene::offer(2, Some("5"))));
        view.steps.push(undo);
        let app = armed(view);
        let mut plain = Plain::default();
        plain.prompt(&app, 0, || 42);
        assert!(
            matches!(plain.answer(&app, "42 undo a5-admit", 700), Reply::Wrong(why) if why.contains("a7-regrant"))
        );
        plain.prompt(&app, 0, || 42);
        assert!(matches!(plain.answer(&app, "42 undo a7-regrant", 700), Reply::Lines(_)));
        assert!(matches!(plain.wants(&app), Some(Command::Offer { step }) if step == "a7-regrant"));
        let lines = plain.prompt(&app, 0, || 43).unwrap();
        assert!(lines.iter().any(|line| line.starts_with("a7-regrant: ")), "{lines:?}");
        let Reply::Command(Command::Confirm(confirm)) = plain.answer(&app, "43 5", 700) else { panic!() };
        assert_eq!(confirm.step, "a7-regrant");
        // Left alone it is forgotten.
        plain.prompt(&app, 0, || 44);
        plain.answer(&app, "44 undo a7-regrant", 700);
        plain.answer(&app, "back", 700);
        let lines = plain.prompt(&app, 0, || 45).unwrap();
        assert!(lines.iter().any(|line| line.contains(", a8-logoff: ")), "{lines:?}");
    }

    #[test]
    fn a_long_list_is_told_in_part_and_whole_when_asked() {
        let mut offer = scene::offer(2, Some("67"));
        let write = offer.writes[0].clone();
        offer.writes = (1..=67)
            .map(|number| crate::engine::view::WriteLine { key: format!("host/{number}"), ..write.clone() })
            .collect();
        let app = armed(scene::log_off(offer));
        let mut plain = Plain::default();
        let lines = plain.prompt(&app, 0, || 42).unwrap();
        let told = |lines: &[String]| lines.iter().filter(|line| line.contains("host/")).count();
        assert_eq!(told(&lines), 5, "{lines:#?}");
        assert!(lines.iter().any(|line| line == "  and 62 more: list tells all"), "{lines:#?}");
        assert!(lines.last().unwrap().starts_with("to confirm type "), "{lines:#?}");
        let Reply::Lines(all) = plain.answer(&app, "list", 700) else { panic!() };
        assert_eq!(told(&all), 67);
        assert!(all[66].starts_with("67 "), "{}", all[66]);
        assert!(
            matches!(plain.answer(&app, "42 67", 700), Reply::Command(Command::Confirm(_))),
            "still asked"
        );
    }

    #[test]
    fn what_could_be_taken_back_is_no_news_until_somebody_asks_for_it() {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        let mut undo = view.steps[8].clone();
        (undo.id, undo.is_undo, undo.state) = ("a7-regrant".to_owned(), true, StepState::Ready);
        view.steps.push(undo);
        let (mut app, view, _) = scene::running(view);
        let mut plain = Plain::default();
        let told = |news: &[String]| news.iter().any(|line| line.contains("a7-regrant"));
        assert!(!told(&plain.news(&app)));
        let last = view.lock().unwrap().steps.len() - 1;
        for (ms, state, says) in
            [(1, StepState::Blocked, false), (2, StepState::Ready, false), (3, StepState::Running, true)]
        {
            view.lock().unwrap().steps[last].state = state;
            app.update(Event::Tick, at(ms));
            assert_eq!(told(&plain.news(&app)), says, "{state:?}");
        }
        let Reply::Lines(steps) = plain.answer(&app, "steps", 9) else { panic!() };
        assert!(steps[0].contains("T+") && steps[0].contains("RTO"), "{}", steps[0]);
        assert_eq!(steps.last().unwrap(), "can be taken back with undo: a7-regrant");
    }

    /// Terminal's clock, what blocks, and whether a question is put.
    #[test]
    fn a_question_that_waits_for_looks_is_put_once_they_rest() {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        (view.steps[8].state, view.steps[8].offer) = (StepState::Blocked, None);
        let (mut app, view, _) = scene::running(view);
        let mut plain = Plain::default();
        let cases = [
            (0, "hosts: being read", false),
            (900, "hosts: being read", false),
            (950, "sessions: being read", false),
            (1_900, "sessions: being read", false),
            (1_950, "sessions: being read", true),
            (2_000, "sessions: being read", false),
            // It has changed: what was drawn is good for nothing, and the next question waits again.
            (2_500, "hosts: not looked at yet", false),
            (3_400, "storage: being read", false),
            (4_300, "hosts: being read", false),
            (5_200, "storage: being read", false),
            (6_100, "hosts: being read", false),
            (7_000, "storage: being read", false),
            (7_500, "hosts: being read", true),
        ];
        for (ms, blocked, put) in cases {
            view.lock().unwrap().steps[8].blocked_by = vec![Safe::new(blocked)];
            app.update(Event::Tick, at(ms));
            assert_eq!(plain.prompt(&app, ms, || 42).is_some(), put, "{ms} {blocked}");
            let open = ms == 1_950 || ms == 2_000 || ms == 7_500;
            assert_eq!(plain.number.is_some(), open, "{ms} {blocked}");
        }
    }

    #[test]
    fn a_step_at_work_can_be_helped_and_an_abort_is_always_at_hand() {
        let mut view = scene::log_off(scene::offer(2, Some("67")));
        (view.steps[8].state, view.steps[8].offer) = (StepState::Waiting, None);
        view.steps[8].choices = vec![Choice::Skip];
        assert_eq!(Plain::default().prompt(&armed(view.clone()), 0, || 42), None, "it gets on");
        view.steps[8].choices = vec![Choice::ShortenNotice];
        let app = armed(view.clone());
        let mut plain = Plain::default();
        let lines = plain.prompt(&app, 0, || 42).unwrap();
        assert_eq!(lines.last().unwrap(), "what can be typed: 42 shorten REASON, 42 abort REASON");
        let reply = plain.answer(&app, "42 shorten they know", 700);
        assert!(matches!(reply, Reply::Command(Command::ShortenNotice { .. })), "{reply:?}");
        (view.steps[8].state, view.steps[8].choices) = (StepState::TimedOut, Vec::new());
        let lines = Plain::default().prompt(&armed(view), 0, || 42).unwrap();
        assert_eq!(lines.last().unwrap(), "what can be typed: 42 abort REASON");
    }
}
