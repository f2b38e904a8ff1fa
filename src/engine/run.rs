//! A run as its events make it: [`Run::apply`] is the only mutation, total and without I/O.

use std::collections::BTreeSet;

use crate::{
    domain::{
        Operation, Safe,
        access::PrincipalId,
        operation::FollowUrl,
        time::{Span, Timestamp, minutes},
    },
    runbook::{Action, Killer, Plan, PlannedStep, targets::History},
};

use super::baseline::Baseline;
use super::event::{
    Confirmed, DoneHow, FailedHow, GateItem, GateVerdict, HeldWhy, ItemKey, NoteAbout, Opened, RunEnd,
    RunEvent, Stamped, StepId,
};
use super::hold::Hold;
use super::patience::{BY_AUTO, MORE, NO_MORE, Passed, Patience};
use super::reach::Sighting;
use super::rise::Rises;

/// A run, rebuilt from events alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// First record.
    pub opened: Opened,
    /// The plan; it grows only by holders that are moved along.
    pub plan: Plan,
    /// When the run was opened.
    pub opened_at: Timestamp,
    /// One entry per plan step.
    pub steps: Vec<StepRun>,
    /// Whether writes may be confirmed.
    pub armed: bool,
    /// Whether it is `--auto` that armed it, so that nobody is awaited.
    pub by_auto: bool,
    /// Why no further item starts.
    pub held: Option<(HeldWhy, Safe)>,
    /// Since when, by whom, and what was in flight then.
    pub hold: Option<Hold>,
    /// How it ended.
    pub closed: Option<RunEnd>,
    /// Holders a person left where they are.
    pub left_holders: BTreeSet<PrincipalId>,
    /// A person's statement that the region is dead.
    pub statement: Option<(Timestamp, Safe)>,
    /// When the notice was cut short.
    pub notice_cut: Option<Timestamp>,
    /// Sessions on the side that is left when the snapshot was taken.
    pub baseline_sessions: Option<u32>,
    /// Distinct users among them.
    pub baseline_users: Option<u32>,
    /// Pools whose plan acted on them when the snapshot was taken.
    pub plans_before: Vec<(crate::domain::ArmId, bool)>,
    /// When the first principal was granted on the side that is opened, by this run.
    pub granted_at: Option<Timestamp>,
    /// Whether a grant ever may have reached somebody there, whatever is so now.
    pub(super) grant_left: bool,
    /// How the side that is opened was seen last, as the run wrote it down.
    pub(super) standby_seen: Option<Sighting>,
    /// Machines it started.
    pub(super) rises: Rises,
    /// Debts that were paid.
    pub paid: BTreeSet<StepId>,
    /// Time in which only a person could move it on, holds included, processes that ended excluded.
    pub waited_on_people: Span,
    /// Since when only a person can.
    pub(super) people_since: Option<Timestamp>,
    /// Last event's time.
    pub last_at: Timestamp,
    /// When the newest that tells of work was written: that somebody arms a run is none.
    pub worked_at: Timestamp,
    /// Events applied.
    pub seq: u64,
}

/// A step as its events made it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepRun {
    /// Where it stands.
    pub mark: StepMark,
    /// The confirmation in force, with its time.
    pub confirmed: Option<(Timestamp, Confirmed)>,
    /// Items in order of confirmation or appearance.
    pub items: Vec<ItemRun>,
    /// What was sent before the step was opened again.
    pub past: Vec<ItemRun>,
    /// Keys of those that an undo took back.
    pub taken_back: BTreeSet<ItemKey>,
    /// Value a person gave.
    pub value: Option<Safe>,
    /// Past its patience.
    pub timed_out: bool,
    /// How long it has waited for the world since it began: since its confirmation, or the first
    /// one where `--auto` confirmed it again, which must never lengthen the wait.
    pub patience: Patience,
    /// When it was first confirmed, or an automatic look ended it.
    pub began: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Last verdict of a gate.
    pub gate: Option<(GateVerdict, Vec<GateItem>)>,
    /// Outputs of probes, in order.
    pub outputs: Vec<Safe>,
    /// Why the last confirmation led to nothing.
    pub refused: Option<Safe>,
    /// It was put off once: what is done later pays a debt.
    pub owed: bool,
    /// How it was put off, while it is confirmed: a payment that is refused leaves the debt.
    pub put_off: Option<StepMark>,
    /// What it rests on came undone while something of it was under way: it is opened again then.
    pub doubted: bool,
    /// Items of it that were confirmed and not sent when the run ended.
    pub unsent: usize,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StepMark {
    /// Not confirmed.
    #[default]
    Open,
    /// Confirmed and at work.
    Working,
    /// Over.
    Done(DoneHow),
    /// Skipped.
    Skipped(Safe),
    /// Owed.
    Deferred {
        /// Why.
        reason: Safe,
        /// Whether a person downgraded it.
        downgraded: bool,
    },
}

/// An item as its events made it.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRun {
    /// Key.
    pub key: ItemKey,
    /// Its change; `None`: it was already so.
    pub operation: Option<Operation>,
    /// What was there before.
    pub before: Safe,
    /// Attempts so far.
    pub attempts: u32,
    /// Where it stands.
    pub mark: ItemMark,
    /// When it came to stand there.
    pub at: Timestamp,
    /// When a request for it was first taken, or ended unseen: what shows later may be its doing.
    pub arrived: Option<Timestamp>,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemMark {
    /// Nothing was sent, or surely nothing happened.
    Pending,
    /// The intent is journaled; the end is not known.
    Intended,
    /// Azure took it.
    Accepted(Option<FollowUrl>),
    /// It ended unseen.
    Ambiguous,
    /// Done, and how we know.
    Done(DoneHow),
    /// Azure said no.
    Refused(Safe),
    /// It failed.
    Failed(FailedHow, Safe),
}

impl ItemMark {
    /// Whether the item needs nothing more.
    pub fn over(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Whether something may be on its way to or at work in Azure.
    pub fn in_flight(&self) -> bool {
        matches!(self, Self::Intended | Self::Accepted(_) | Self::Ambiguous)
    }

    /// Whether a person accepted by name that it did not end.
    pub fn accepted(&self) -> bool {
        *self == Self::Done(DoneHow::Accepted)
    }

    /// Whether it ended and is not done.
    pub fn failed(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Failed(..))
    }
}

/// Why events are not a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// There is no record at all.
    #[error("the journal is empty")]
    Empty,
    /// The first record is not `opened`.
    #[error("the first record is not `opened`")]
    NotOpened,
}

impl Run {
    /// Rebuilds a run from its events.
    pub fn recover(events: &[Stamped]) -> Result<Self, RecoverError> {
        let (first, rest) = events.split_first().ok_or(RecoverError::Empty)?;
        let RunEvent::Opened(opened) = &first.event else { return Err(RecoverError::NotOpened) };
        let mut run = Self::new((**opened).clone(), first.wall);
        for stamped in rest {
            run.apply(stamped);
        }
        Ok(run)
    }

    /// The run right after its first record.
    pub fn new(opened: Opened, at: Timestamp) -> Self {
        let plan = opened.plan.clone();
        let mut run = Self {
            steps: vec![StepRun::default(); plan.steps.len()],
            plan,
            opened,
            opened_at: at,
            armed: false,
            by_auto: false,
            held: None,
            hold: None,
            closed: None,
            left_holders: BTreeSet::new(),
            statement: None,
            notice_cut: None,
            baseline_sessions: None,
            baseline_users: None,
            plans_before: Vec::new(),
            granted_at: None,
            grant_left: false,
            standby_seen: None,
            rises: Rises::new(),
            paid: BTreeSet::new(),
            waited_on_people: Span::ZERO,
            people_since: None,
            last_at: at,
            worked_at: at,
            seq: 1,
        };
        run.count_patience(Passed::Looking, at);
        run
    }

    /// Takes in one event. Unknown steps or items are ignored: the journal may be newer than
    /// what it speaks of, and a reader must not fall over it.
    pub fn apply(&mut self, stamped: &Stamped) {
        let passed = Passed::before(&stamped.event, self.held.is_some());
        self.seq += 1;
        self.last_at = stamped.wall;
        if !matches!(stamped.event, RunEvent::Armed { .. }) {
            self.worked_at = stamped.wall;
        }
        let at = stamped.wall;
        match &stamped.event {
            RunEvent::Armed { on, how } => {
                self.armed = *on;
                self.by_auto = *on && how.as_str() == BY_AUTO;
            }
            RunEvent::Held { why, note, in_flight } => {
                self.held = Some((*why, note.clone()));
                self.hold = Some(Hold::after(self.hold.take(), stamped, in_flight));
            }
            RunEvent::Resumed { .. } => self.resumed(),
            RunEvent::Closed { end, .. } => self.ended(*end),
            RunEvent::Note { step, about, text, .. } => self.note(step.as_ref(), about, text, at),
            RunEvent::Opened(_) | RunEvent::Recovered { .. } => {}
            RunEvent::Paid { step, .. } => {
                self.paid.insert(step.clone());
            }
            event => {
                if let Some(index) = event_step(event).and_then(|step| self.plan.position(step)) {
                    self.note_grant(index, event, at);
                    self.note_reach(index, event);
                    self.note_standby(event, at);
                    self.note_rise(index, event, at);
                    let was_done = matches!(self.steps[index].mark, StepMark::Done(_));
                    self.apply_to_step(index, event, at);
                    self.judge_anew(index, was_done);
                }
            }
        }
        self.count_patience(passed, at);
    }

    /// Whoever signed in on the side that is opened before this was not brought there by the run. Where
    /// it found everybody granted, somebody else did so since it was opened.
    pub fn opened_to_users(&self) -> Timestamp {
        self.granted_at.unwrap_or(self.opened_at)
    }

    /// The end of a run ends every step at work: what was not sent is not sent any more, and a debt
    /// whose payment was under way is owed as before. Only a debt can be confirmed after it.
    fn ended(&mut self, end: RunEnd) {
        self.closed = Some(end);
        for step in self.steps.iter_mut().filter(|step| step.mark == StepMark::Working) {
            step.mark = step.put_off.take().unwrap_or_default();
            step.unsent = step.drop_unshown(&[]);
        }
    }

    fn resumed(&mut self) {
        (self.held, self.hold) = (None, None);
        for step in self.steps.iter_mut().filter(|step| step.mark == StepMark::Working) {
            step.patience.resumed = true;
        }
    }

    fn apply_to_step(&mut self, index: usize, event: &RunEvent, at: Timestamp) {
        let step = &mut self.steps[index];
        match event {
            RunEvent::Confirmed(confirmed) => step.confirm(confirmed, at),
            RunEvent::Intent { item, attempt, operation, before, .. } => {
                step.reopen();
                step.item(item, Some(operation), before, at).intended(*attempt, operation, at);
            }
            RunEvent::Accepted { item, follow, .. } => {
                step.mark_item(item, ItemMark::Accepted(follow.clone()), at);
            }
            RunEvent::Observed { what, value, .. } if what.as_str() == PROBE_OUTPUT => {
                step.outputs.push(value.clone());
            }
            RunEvent::Observed { what, value, .. } if what.as_str() == MORE => {
                step.patience.asks_more = value.as_str() != NO_MORE;
            }
            RunEvent::Done { item: Some(item), how, evidence, .. } => {
                step.item(item, None, evidence, at);
                step.mark_item(item, ItemMark::Done(*how), at);
            }
            RunEvent::Done { item: None, how, .. } => self.step_done(index, *how, at),
            RunEvent::Refused { item: Some(item), why, .. } => {
                step.mark_item(item, ItemMark::Refused(why.clone()), at);
            }
            RunEvent::Refused { item: None, why, .. } => {
                step.mark = step.put_off.take().unwrap_or_default();
                step.refused = Some(why.clone());
                (step.patience, step.timed_out) = (Patience::default(), false);
            }
            RunEvent::Failed { item: Some(item), how, why, .. } => {
                step.reopen();
                step.item_failed(item, *how, why, at);
            }
            RunEvent::Failed { item: None, how: FailedHow::Reissue, .. } => {
                (step.patience, step.timed_out) = (Patience::default(), false);
            }
            RunEvent::Failed { item: None, .. } => step.timed_out = true,
            RunEvent::Skipped { reason, .. } => step.over(StepMark::Skipped(reason.clone()), at),
            RunEvent::Deferred { reason, downgraded, .. } => {
                step.over(StepMark::Deferred { reason: reason.clone(), downgraded: *downgraded }, at);
                step.owed = true;
            }
            RunEvent::Gate { verdict, items, .. } => step.gate = Some((*verdict, items.clone())),
            _ => {}
        }
    }

    fn step_done(&mut self, index: usize, how: DoneHow, at: Timestamp) {
        self.steps[index].over(StepMark::Done(how), at);
        if self.plan.steps[index].phase.is_none() {
            self.go_back(index, at);
        }
    }

    fn note(&mut self, step: Option<&StepId>, about: &NoteAbout, text: &Safe, at: Timestamp) {
        match about {
            NoteAbout::HolderLeft => {
                let id = text.as_str().split_whitespace().next().unwrap_or_default();
                self.left_holders.extend(PrincipalId::parse(id));
            }
            NoteAbout::Statement => self.statement = Some((at, text.clone())),
            NoteAbout::NoticeShortened => self.notice_cut = Some(at),
            NoteAbout::Value => {
                if let Some(index) = step.and_then(|step| self.plan.position(step)) {
                    self.steps[index].value = Some(text.clone());
                    self.steps[index].began.get_or_insert(at);
                }
            }
            NoteAbout::Baseline => self.baseline(text),
            NoteAbout::Remark => {}
        }
    }

    /// Reads the figures of a baseline note, written by [`Baseline::text`].
    fn baseline(&mut self, text: &Safe) {
        if let Some(baseline) = Baseline::parse(text.as_str()) {
            self.baseline_sessions = baseline.sessions;
            self.baseline_users = baseline.users;
            self.plans_before = baseline.plans;
        }
    }

    /// The step whose turn it is: one at work first (an undo step may be), else the first phase step
    /// that is not over. Where an earlier step has come undone a later one that has nothing under way
    /// waits for it: its guards may be shut because of it. A debt that is being paid never has the turn
    /// while something else does: it must not keep users waiting.
    pub fn current(&self) -> Option<usize> {
        let working = |&index: &usize| self.steps[index].mark == StepMark::Working;
        let pays = |&index: &usize| self.pays(index);
        let all = 0..self.steps.len();
        if self.closed.is_some() {
            return all.clone().find(pays);
        }
        let open = |end: usize| {
            (0..end).find(|&index| {
                self.plan.steps[index].phase.is_some() && !self.steps[index].is_over() && !pays(&index)
            })
        };
        let Some(at) = all.clone().find(|index| working(index) && !pays(index)) else {
            return open(self.steps.len()).or_else(|| all.clone().find(pays));
        };
        let still = !self.steps[at].items.iter().any(|item| item.mark.in_flight());
        if self.plan.steps[at].phase.is_some() && still { open(at).or(Some(at)) } else { Some(at) }
    }

    /// Whether the step at `index` is a debt that is being paid.
    pub fn pays(&self, index: usize) -> bool {
        let step = &self.steps[index];
        step.mark == StepMark::Working && step.put_off.is_some()
    }

    /// The plan's step and its state for an action.
    pub fn of_action(&self, action: Action) -> Option<(&PlannedStep, &StepRun)> {
        let index = self.plan.steps.iter().position(|step| step.action == Some(action))?;
        Some((&self.plan.steps[index], &self.steps[index]))
    }

    /// When enough users were back on the other side.
    pub fn served_at(&self) -> Option<Timestamp> {
        let back = self.plan.steps.iter().position(|step| step.after.contains(&Killer::UsersBack))?;
        matches!(self.steps[back].mark, StepMark::Done(_)).then_some(self.steps[back].ended).flatten()
    }

    /// When the last grant has surely reached everyone.
    pub fn effective_by(&self) -> Option<Timestamp> {
        let (_, step) = self.of_action(Action::GrantStandby)?;
        let granted = step.items.iter().filter(|item| item.attempts > 0 && item.mark.over());
        Some(granted.map(|item| item.at).max()? + PROPAGATION)
    }

    /// What targets depend on, for the step at `index`.
    pub fn history(&self, index: usize) -> History {
        let done = self
            .steps
            .iter()
            .flat_map(StepRun::standing)
            .filter(|item| matches!(item.mark, ItemMark::Done(DoneHow::Action | DoneHow::Adopted)))
            .filter_map(|item| item.operation.clone())
            .collect();
        let here = &self.steps[index];
        History {
            done,
            tried: here.given_up().map(str::to_owned).collect(),
            need: None,
            baseline_users: self.baseline_users,
            probes: (here.past.len() + here.items.len()) as u32,
            plans_before: self.plans_before.clone(),
        }
    }
}

/// Role assignments reach users within this time (azure-avd §2).
const PROPAGATION: Span = minutes(10);

/// `what` of an observation that carries a probe's output.
pub const PROBE_OUTPUT: &str = "probe output";

/// Reason of a step that does not apply in the mode of the run.
pub const NOT_APPLICABLE: &str = "does not apply in ungraceful mode";

pub(super) fn event_step(event: &RunEvent) -> Option<&StepId> {
    match event {
        RunEvent::Confirmed(confirmed) => Some(&confirmed.step),
        RunEvent::Intent { step, .. }
        | RunEvent::Accepted { step, .. }
        | RunEvent::Observed { step, .. }
        | RunEvent::Done { step, .. }
        | RunEvent::Refused { step, .. }
        | RunEvent::Failed { step, .. }
        | RunEvent::Skipped { step, .. }
        | RunEvent::Deferred { step, .. }
        | RunEvent::Gate { step, .. } => Some(step),
        _ => None,
    }
}
