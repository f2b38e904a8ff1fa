//! The open run as the app holds it, and the runs that were.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        Observation, Safe,
        time::{Span, Timestamp, minute_text},
    },
    engine::{
        Engine, Input, Output, Refusal, RunView, Stamped, Witness,
        event::RunEnd,
        view::{Again, RunState},
    },
};

use super::sentence;

/// The state machine of one run. The engine implements it; tests script it.
pub trait RunHandle: fmt::Debug + Send {
    /// Takes something in; what must be done comes out, and a refusal where a command was refused.
    fn handle(&mut self, input: Input, now: Timestamp) -> (Vec<Output>, Option<Refusal>);

    /// The run at `now`.
    fn view(&self, now: Timestamp) -> RunView;

    /// Adds to a look what the run knows and Azure does not tell.
    fn remind(&self, _seen: &mut Observation) {}

    /// What another try of a step would send; `None`: nobody knows.
    fn again(&self, _step: &str, _item: Option<&str>) -> Option<Again> {
        None
    }

    /// Takes in a record that another process wrote: only what follows a recorded run does.
    fn follow(&mut self, _record: &Stamped, _now: Timestamp) {}
}

impl RunHandle for Witness {
    fn handle(&mut self, input: Input, now: Timestamp) -> (Vec<Output>, Option<Refusal>) {
        (Vec::new(), Witness::handle(self, input, now))
    }

    fn view(&self, now: Timestamp) -> RunView {
        Witness::view(self, now)
    }

    fn remind(&self, seen: &mut Observation) {
        Witness::remind(self, seen);
    }

    fn follow(&mut self, record: &Stamped, now: Timestamp) {
        Witness::follow(self, record, now);
    }
}

impl RunHandle for Engine {
    fn handle(&mut self, input: Input, now: Timestamp) -> (Vec<Output>, Option<Refusal>) {
        Engine::handle(self, input, now)
    }

    fn view(&self, now: Timestamp) -> RunView {
        Engine::view(self, now)
    }

    fn remind(&self, seen: &mut Observation) {
        Engine::remind(self, seen);
    }

    fn again(&self, step: &str, item: Option<&str>) -> Option<Again> {
        Engine::again(self, step, item)
    }
}

/// Whether the view of a run is up to date. It names every write a step would make, so a burst of
/// news is taken in whole before it is drawn up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Viewed {
    /// Nothing has happened since.
    Fresh,
    /// News has come since.
    Stale,
}

/// The run that is open in this process.
#[derive(Debug)]
pub struct OpenRun {
    /// Its engine.
    pub(super) handle: Box<dyn RunHandle>,
    /// The run as last looked at.
    pub view: RunView,
    /// Whether that is how it stands now.
    pub(super) viewed: Viewed,
    /// Sequence number of the last journal line that was asked for.
    pub seq: u64,
}

impl OpenRun {
    /// Takes a run over.
    pub(super) fn new(handle: Box<dyn RunHandle>, seq: u64, now: Timestamp) -> Self {
        let view = handle.view(now);
        Self { handle, view, viewed: Viewed::Fresh, seq }
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.view.state, RunState::Closed(_))
    }

    /// Whether something of it is at work right now.
    pub fn is_working(&self) -> bool {
        self.view.state == RunState::Running
    }
}

/// A run in the list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Run id.
    pub run: String,
    /// Runbook id.
    pub runbook: String,
    /// Service.
    pub service: String,
    /// Graceful or ungraceful.
    pub mode: String,
    /// State or end in the words of design §4.
    pub state: String,
    /// Whether it was a rehearsal or the real thing.
    pub purpose: RunPurpose,
    /// Whether it can be resumed.
    pub open: RunOpen,
    /// When it was opened.
    pub opened: Timestamp,
    /// How long it took, or has taken.
    pub took: Option<Span>,
    /// Debts still owed.
    pub debts: usize,
    /// Why its journal cannot be trusted or read, where that is so.
    pub trouble: Option<Safe>,
}

impl RunSummary {
    /// When its journal was last written to, by the clock of its estate: it stands as it does no shorter than that.
    /// `None`: its last record cannot be read.
    pub fn since(&self) -> Option<Timestamp> {
        Some(self.opened + self.took?)
    }

    /// That moment in words, with its day where that is not the one in the run's name. An age would not do: a
    /// simulated world begins at the same moment each time, and what was is then still to come.
    pub fn since_text(&self) -> String {
        let day = |at: Timestamp| at.strftime("%m-%d ").to_string();
        self.since().map_or_else(String::new, |at| {
            let day = if day(at) == day(self.opened) { String::new() } else { day(at) };
            format!("{day}{}", minute_text(at))
        })
    }
}

/// The rehearsal among these runs that came to its end last by the clock of their estate, and when that was: the
/// day that home names. What has the files at hand goes by their age, see [`drills`].
pub fn last_drill<'r>(runs: impl Iterator<Item = &'r RunSummary>) -> Option<(Timestamp, &'r RunSummary)> {
    drills(runs).max_by_key(|(ended, _)| *ended)
}

/// Rehearsals that came to their end, with when that was by the clock of their estate: a simulated one begins
/// at the same moment each time.
pub fn drills<'r>(
    runs: impl Iterator<Item = &'r RunSummary>,
) -> impl Iterator<Item = (Timestamp, &'r RunSummary)> {
    let watching = sentence::end_word(RunEnd::Monitoring);
    let drills = runs.filter(|run| run.purpose == RunPurpose::Drill);
    let ended = drills.filter(move |run| run.open == RunOpen::Closed || run.state == watching);
    ended.filter_map(|run| Some((run.since()?, run)))
}

/// What a listed run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunPurpose {
    /// A rehearsal: on a simulated estate, or so called in its reason.
    Drill,
    /// A failover.
    Real,
}

impl RunPurpose {
    /// The word for a run whose reason is `reason`; `simulated`: nothing real could be touched by it.
    pub fn of(simulated: bool, reason: &str) -> Self {
        let mut words = reason.split(|c: char| !c.is_alphanumeric());
        let called = words.any(|word| DRILL_WORDS.iter().any(|drill| word.eq_ignore_ascii_case(drill)));
        if simulated || called { Self::Drill } else { Self::Real }
    }
}

/// Words that make a reason that of a rehearsal.
const DRILL_WORDS: [&str; 4] = ["drill", "rehearsal", "rehearse", "exercise"];

/// Whether a listed run can be gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOpen {
    /// It can be resumed.
    Open,
    /// It is over.
    Closed,
}
