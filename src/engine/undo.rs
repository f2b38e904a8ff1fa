//! Going back: when a step may be taken back, and what is open again once it was.

use std::collections::{BTreeSet, HashMap};

use crate::{
    domain::{Operation, Safe, text::counted, time::Timestamp},
    runbook::{Action, StepKind},
};

use super::{
    event::{ConfirmedItem, DoneHow, RunEvent},
    machine::Engine,
    run::{ItemMark, ItemRun, Run, StepMark, StepRun},
    streak::Streaks,
};

/// What is undone, by what it is about: an estate has thousands of hosts.
struct Undone<'r>(HashMap<&'r str, Vec<&'r Operation>>);

impl<'r> Undone<'r> {
    fn of(undone: impl Iterator<Item = &'r ItemRun>) -> Self {
        let mut by_subject: HashMap<&str, Vec<&Operation>> = HashMap::new();
        for operation in undone.filter_map(|item| item.operation.as_ref()) {
            by_subject.entry(operation.subject()).or_default().push(operation);
        }
        Self(by_subject)
    }

    /// Whether what the item did is among it.
    fn holds(&self, item: &ItemRun) -> bool {
        item.operation.as_ref().is_some_and(|done| {
            self.0.get(done.subject()).is_some_and(|undone| undone.iter().any(|undo| undo.undoes(done)))
        })
    }
}

impl StepRun {
    /// What was done in this step and has not been taken back, of earlier turns too.
    pub(super) fn standing(&self) -> impl Iterator<Item = &ItemRun> {
        self.past.iter().filter(|item| !self.taken_back.contains(&item.key)).chain(&self.items)
    }

    /// Whether something was done in it that has not been taken back.
    fn has_effect(&self) -> bool {
        let done = |item: &ItemRun| matches!(item.mark, ItemMark::Done(DoneHow::Action | DoneHow::Adopted));
        self.standing().any(done)
    }

    /// Opens it for another turn. What was sent stays known: an undo of a later step needs it, and
    /// nothing that left once may leave again under the same key.
    pub(super) fn open_again(&mut self) {
        let mut past = std::mem::take(&mut self.past);
        past.extend(std::mem::take(&mut self.items).into_iter().filter(|item| item.attempts > 0));
        let taken_back = std::mem::take(&mut self.taken_back);
        *self = Self { past, taken_back, owed: self.owed, ..Self::default() };
    }

    /// Whether something of it is on its way to or at work in Azure.
    pub(super) fn in_flight(&self) -> bool {
        self.items.iter().any(|item| item.mark.in_flight())
    }

    /// Opens it again because what it rests on came undone; what is under way ends first.
    fn doubt(&mut self, why: Option<Safe>) {
        self.doubted = self.in_flight();
        if !self.doubted {
            self.open_again();
        }
        self.refused = why;
    }

    /// All that was done is taken back, except what `left` would have undone: a person accepted that it
    /// was not.
    fn take_back(&mut self, left: &[ItemRun]) {
        let left = Undone::of(left.iter());
        let back = self.past.iter().filter(|item| !left.holds(item));
        self.taken_back.extend(back.map(|item| item.key.clone()));
    }
}

impl Run {
    /// Whether anything was done that a user could notice: the free exit is over. Taking it back
    /// does not make it unnoticed.
    pub fn past_free_exit(&self) -> bool {
        let Some(last) = self.plan.phases.iter().position(|phase| phase.free_exit_ends) else { return true };
        let later: Vec<&str> = self.plan.phases[last + 1..].iter().map(|phase| phase.id.as_str()).collect();
        self.plan.steps.iter().zip(&self.steps).any(|(planned, step)| {
            planned.phase.as_deref().is_some_and(|phase| later.contains(&phase))
                && (!step.items.is_empty() || !step.past.is_empty() || step.confirmed.is_some())
        })
    }

    /// How many changes of a step stand, and how many were taken back, by an undo that is at work too. What
    /// an undo step does takes back and is no change of its own.
    pub(super) fn changes_of(&self, index: usize) -> (usize, usize) {
        let (planned, step) = (&self.plan.steps[index], &self.steps[index]);
        if planned.phase.is_none() {
            return (0, 0);
        }
        let done = |item: &&ItemRun| {
            matches!(item.mark, ItemMark::Done(DoneHow::Action | DoneHow::Adopted | DoneHow::Manual))
        };
        let undo = planned.undo.as_ref().and_then(|undo| self.plan.position(undo));
        let undone = Undone::of(undo.iter().flat_map(|&at| self.steps[at].items.iter().filter(done)));
        let standing = step.standing().filter(done).filter(|item| !undone.holds(item)).count();
        let all = step.past.iter().chain(&step.items).filter(done).count();
        (standing, all - standing)
    }

    /// What the undo step opens again once it is done: the steps it takes back, and every later one,
    /// because what was told, waited for and judged there was so in the world before. What is owed
    /// stays owed, unless something was sent that the undo has just taken back.
    pub(super) fn opened_again_by(&self, undo: &str) -> Vec<usize> {
        let takes_back = |index: &usize| self.plan.steps[*index].undo.as_deref() == Some(undo);
        let all = 0..self.steps.len();
        let Some(first) = all.clone().find(takes_back) else { return Vec::new() };
        all.skip(first)
            .filter(|&index| self.plan.steps[index].phase.is_some())
            .filter(|index| {
                let step = &self.steps[*index];
                let owed = matches!(step.mark, StepMark::Deferred { .. });
                !owed || (takes_back(index) && step.standing().any(|item| item.attempts > 0))
            })
            .collect()
    }

    /// The undo step at `index` is done: the run goes on from what it took back.
    pub(super) fn go_back(&mut self, index: usize, at: Timestamp) {
        let undo = self.plan.steps[index].id.clone();
        let accepted = self.steps[index].items.iter().filter(|item| item.mark.accepted());
        let left: Vec<ItemRun> = accepted.cloned().collect();
        for other in self.opened_again_by(&undo) {
            let planned = &self.plan.steps[other];
            self.steps[other].open_again();
            if planned.undo.as_ref() == Some(&undo) {
                self.steps[other].take_back(&left);
            }
            self.paid.remove(&planned.id);
            if planned.action == Some(Action::MessageActive) {
                self.notice_cut = None;
            }
        }
        let began = self.steps[index].began;
        self.steps[index].open_again();
        self.steps[index].take_back(&[]);
        self.steps[index].began = began;
        self.steps[index].ended = Some(at);
    }
}

impl Run {
    /// After an event of the step at `index`: what was done and no longer is, is owed again where it was
    /// put off, and what rests on it is judged anew.
    pub(super) fn judge_anew(&mut self, index: usize, was_done: bool) {
        let step = &self.steps[index];
        let came_undone = was_done && !step.is_over();
        if came_undone || matches!(step.mark, StepMark::Deferred { .. }) {
            self.paid.remove(&self.plan.steps[index].id);
        }
        if came_undone {
            self.doubt_later(index);
        }
        let step = &mut self.steps[index];
        if step.doubted && !step.in_flight() {
            step.doubt(step.refused.clone());
        }
    }

    /// The step at `index` was done and no longer is. What was judged since then, or is about to be, rested
    /// on it: whoever got in meanwhile has written a profile that nobody waited for, and a gate passed over
    /// a side that was another one. What was sent stays known.
    fn doubt_later(&mut self, index: usize) {
        let place = |action| self.plan.steps.iter().position(|step| step.action == Some(action));
        let Some(grant) = place(Action::GrantStandby) else { return };
        // Once everybody is granted, nothing is waited for before somebody is let in.
        let granted = matches!(self.steps[grant].mark, StepMark::Done(_));
        let lets_in =
            matches!(self.plan.steps[index].action, Some(Action::RevokeActive | Action::LogOffActive));
        let rests = |later: usize| {
            let planned = &self.plan.steps[later];
            match planned.action {
                // One at work goes on: it looks for itself who is there.
                Some(Action::LogOffActive) => lets_in && self.steps[later].mark != StepMark::Working,
                Some(Action::ProbeActive) => lets_in && !granted,
                _ if later < grant => planned.kind == StepKind::Gate && !granted,
                _ => planned.kind == StepKind::Gate && lets_in,
            }
        };
        let judged = |at: &usize| matches!(self.steps[*at].mark, StepMark::Done(_) | StepMark::Working);
        let later: Vec<usize> =
            (index + 1..self.steps.len()).filter(judged).filter(|at| rests(*at)).collect();
        let why = Safe::new(&format!("{} came undone: it is judged anew", self.plan.steps[index].id));
        for at in later {
            self.steps[at].doubt(Some(why.clone()));
        }
    }
}

impl Engine {
    /// Forgets what this process knew of steps that are open again: they are judged by looks from their
    /// next turn on.
    pub(super) fn forget(&mut self, again: &BTreeSet<usize>) {
        for index in again {
            self.opened_at.remove(index);
            self.green_since.remove(index);
            self.preconditions.remove(index);
            self.confirmed_here.remove(index);
            self.dialogs.remove(index);
        }
        self.live.retain(|(index, _), _| !again.contains(index));
    }

    /// An undo step is open while something that it undoes stands and nobody was let in on the other side
    /// yet. What is under way is waited for; what is not is given up for it.
    pub(super) fn may_undo(&self, index: usize) -> bool {
        self.why_no_undo(index).is_none()
    }

    /// Why the undo step at `index` is not open now; `None`: it is.
    pub(super) fn why_no_undo(&self, index: usize) -> Option<&'static str> {
        let id = &self.run.plan.steps[index].id;
        let mut steps = self.run.plan.steps.iter().zip(&self.run.steps);
        // What failed and was skipped can be tried again, though nothing is to be taken back.
        let given_up = |step: &StepRun| {
            matches!(step.mark, StepMark::Skipped(_)) && step.items.iter().any(|item| item.mark.failed())
        };
        let done = steps.any(|(planned, step)| {
            planned.undo.as_ref() == Some(id) && (step.has_effect() || given_up(step))
        });
        let busy = self.run.plan.steps.iter().zip(&self.run.steps).any(|(planned, step)| {
            step.items.iter().any(|item| item.mark.in_flight())
                || (planned.phase.is_none() && step.mark == StepMark::Working)
        });
        if self.run.closed.is_some() {
            return Some("the run is over");
        }
        if self.run.has_granted() {
            return Some("users were let in on the other side");
        }
        if busy {
            return Some("something is under way");
        }
        (!done).then_some("nothing was done in it that stands")
    }

    /// What an undo means besides: the drain that a scaling plan lifts again, and what is to be done anew.
    pub(super) fn comes_of_undoing(
        &self,
        index: usize,
        items: &[ConfirmedItem],
        mut effect: String,
        mut after: String,
    ) -> (String, String) {
        let plan = &self.run.plan;
        if plan.steps[index].phase.is_some() {
            return (effect, after);
        }
        let drain = plan.steps.iter().position(|step| step.action == Some(Action::DrainActive));
        let drained = drain.map_or(0, |at| self.run.changes_of(at).0);
        let own = &self.context.estate.services[plan.service_index].sides[plan.from].pool;
        let acts = |item: &ConfirmedItem| matches!(&item.operation, Some(Operation::SetPlanReferences { pool, .. }) if pool == own);
        // A side whose plan was off before, or that has none, keeps its drain.
        let acts = items.iter().any(acts);
        if acts && plan.steps[index].action == Some(Action::ReleasePlans) && drained > 0 {
            let hosts = counted(drained, "host");
            effect = format!("{effect}: that of {} lifts the drain of {hosts}", plan.codes[plan.from]);
        }
        let over =
            |at: &usize| self.run.steps[*at].is_over() || self.run.steps[*at].mark == StepMark::Working;
        let again: Vec<usize> =
            self.run.opened_again_by(&plan.steps[index].id).into_iter().filter(over).collect();
        let id = |at: &usize| plan.steps[*at].id.as_str();
        let gapless = again.windows(2).all(|two| two[1] == two[0] + 1);
        let which = match again.as_slice() {
            [] => return (effect, after),
            [one] => format!("{} comes again", id(one)),
            [first, .., last] if gapless => format!("{} to {} come again", id(first), id(last)),
            some => format!("{} come again", some.iter().map(id).collect::<Vec<_>>().join(", ")),
        };
        after = format!("{after}; {which}");
        (effect, after)
    }

    /// The undo step at `undo` is confirmed: what is still at work has nothing under way and sends nothing
    /// more. It is offered anew where the undo comes to nothing.
    pub(super) fn give_up_for(&mut self, undo: usize, now: Timestamp) {
        let why = Safe::new(&format!("given up for {}", self.run.plan.steps[undo].id));
        let at_work = |index: &usize| *index != undo && self.run.steps[*index].mark == StepMark::Working;
        for index in (0..self.run.steps.len()).filter(at_work).collect::<Vec<_>>() {
            let step = self.run.plan.steps[index].id.clone();
            self.opened_at.insert(index, now);
            self.confirmed_here.remove(&index);
            self.dialogs.remove(&index);
            let why = why.clone();
            self.emit(RunEvent::Refused { step, item: None, attempt: None, status: None, why }, now);
        }
    }

    /// What an undo step opened again is judged by looks from its next turn on, and confirmed anew:
    /// those of before show it as it was done. A row of looks from before proves nothing either:
    /// nobody looked while people worked in between.
    pub(super) fn forget_undone(&mut self, undo: &str, now: Timestamp) {
        let again: BTreeSet<usize> = self.run.opened_again_by(undo).into_iter().collect();
        self.forget(&again);
        self.streaks = Streaks::default();
        if let Some(current) = self.run.current() {
            self.opened_at.insert(current, now);
        }
    }
}
