//! How events change a step and its items.

use crate::{
    domain::{Operation, Safe, time::Timestamp},
    runbook::targets::Target,
};

use super::{
    event::{Confirmed, ConfirmedBy, ConfirmedItem, DoneHow, FailedHow, ItemKey},
    patience::Patience,
    run::{ItemMark, ItemRun, StepMark, StepRun},
};

/// Stands between the key of an item and the number of the request, where it was asked for before.
const REQUEST: &str = ", request ";

impl StepRun {
    /// Items that tell how far the step is. A power change that was looked for during its whole
    /// dwell and is not done tells nothing: it never left, or it was lost. The step's proof does. One that
    /// failed and was asked for anew tells nothing either.
    pub fn telling(&self) -> impl Iterator<Item = &ItemRun> {
        let replaced = |index: usize, item: &ItemRun| {
            item.mark.failed()
                && self.items[index + 1..].iter().any(|later| subject(&later.key) == subject(&item.key))
        };
        let items = self.items.iter().enumerate();
        items
            .filter(move |(index, item)| !item.never_happened() && !replaced(*index, item))
            .map(|(_, item)| item)
    }

    /// Items of a message that were told. Who had left before their turn was not, and delays nobody.
    pub(super) fn told(&self) -> impl Iterator<Item = &ItemRun> {
        let told = |item: &&ItemRun| matches!(item.mark, ItemMark::Done(how) if how != DoneHow::Observation);
        self.items.iter().filter(told)
    }

    /// The key under which a target goes. What was sent before the step was opened again, a POST whose
    /// effect is gone although it had ended by `settled`, a power change that was looked for during its
    /// whole dwell and never happened, and one that Azure refused or failed, are asked for anew: a POST is
    /// never sent twice for one item, so each request is an item of its own with a confirmation of its own.
    pub(super) fn key_for(&self, target: &Target, settled: Timestamp) -> ItemKey {
        let key = &target.key;
        let Some(last) = self.requests(key).last() else { return key.clone() };
        let sent_before = self.past.iter().any(|item| item.key == last.key);
        let posted = target.operation.as_ref().is_some_and(|operation| !operation.repeatable());
        let gone = posted && last.attempts > 0 && last.may_be_undone(settled);
        let refused =
            last.attempts > 0 && last.mark.failed() && last.operation.as_ref().is_some_and(changes_power);
        let spent = (target.operation.is_some() && sent_before) || gone || last.never_happened() || refused;
        if spent {
            return format!("{key}{REQUEST}{}", self.requests(key).count() + 1);
        }
        if self.items.iter().any(|item| item.key == last.key) { last.key.clone() } else { key.clone() }
    }

    /// Keys of what was asked for and failed for good, without the number of the request.
    pub(super) fn given_up(&self) -> impl Iterator<Item = &str> {
        let last =
            |key| self.requests(key).last().is_some_and(|item| item.mark.failed() && !item.never_happened());
        self.items.iter().map(|item| subject(&item.key)).filter(move |key| last(key))
    }

    /// Compared from the front: a step that touches hundreds asks this of each of them for each of them.
    fn requests<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a ItemRun> + Clone {
        let about = move |item: &&ItemRun| {
            let rest = item.key.strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(REQUEST))
        };
        self.past.iter().chain(&self.items).filter(about)
    }

    /// Whether it was put off and is not done: also while it is being paid.
    pub(super) fn owes(&self) -> bool {
        matches!(self.mark, StepMark::Deferred { .. })
            || (self.mark == StepMark::Working && self.put_off.is_some())
    }

    /// Whether the run goes on past it.
    pub fn is_over(&self) -> bool {
        matches!(self.mark, StepMark::Done(_) | StepMark::Skipped(_) | StepMark::Deferred { .. })
    }

    /// A step that was done is at work again once one of its items is: a session that was accepted
    /// by name is ended once more.
    pub(super) fn reopen(&mut self) {
        if matches!(self.mark, StepMark::Done(_)) {
            self.mark = StepMark::Working;
            self.patience = Patience::default();
            self.timed_out = false;
            self.ended = None;
        }
    }

    pub(super) fn over(&mut self, mark: StepMark, at: Timestamp) {
        self.mark = mark;
        (self.put_off, self.refused) = (None, None);
        self.began.get_or_insert(at);
        self.ended = Some(at);
    }

    pub(super) fn confirm(&mut self, confirmed: &Confirmed, at: Timestamp) {
        let again = self.mark == StepMark::Working && confirmed.by == ConfirmedBy::Auto;
        self.patience = if again { self.patience.answered() } else { Patience::default() };
        match std::mem::replace(&mut self.mark, StepMark::Working) {
            StepMark::Working => {}
            debt @ StepMark::Deferred { .. } => {
                self.put_off = Some(debt);
                // Paying it runs from now; the time it was owed is no work.
                self.began = None;
            }
            _ => self.put_off = None,
        }
        self.refused = None;
        self.timed_out = false;
        self.began.get_or_insert(at);
        self.ended = None;
        self.unsent = 0;
        self.drop_unshown(&confirmed.items);
        for item in &confirmed.items {
            self.confirm_item(item, at);
        }
        self.confirmed = Some((at, confirmed.clone()));
    }

    /// What an earlier confirmation left unsent and this one does not show does not go out with it.
    /// The answer is how many of them never left.
    pub(super) fn drop_unshown(&mut self, shown: &[ConfirmedItem]) -> usize {
        let unshown = |item: &ItemRun| {
            item.mark == ItemMark::Pending && !shown.iter().any(|confirmed| confirmed.key == item.key)
        };
        let (dropped, kept): (Vec<ItemRun>, _) =
            std::mem::take(&mut self.items).into_iter().partition(unshown);
        self.items = kept;
        let count = dropped.iter().filter(|item| item.attempts == 0).count();
        self.past.extend(dropped.into_iter().filter(|item| item.attempts > 0));
        count
    }

    pub(super) fn confirm_item(&mut self, item: &ConfirmedItem, at: Timestamp) {
        let run = self.item(&item.key, item.operation.as_ref(), &item.before, at);
        if item.operation.is_none() {
            run.mark = ItemMark::Done(run.how_it_is_so());
        } else if !run.mark.in_flight() {
            if run.mark.over() {
                run.arrived = None;
            }
            // What is confirmed now is what goes, and not what was confirmed under this key before.
            run.operation.clone_from(&item.operation);
            run.before = item.before.clone();
            run.mark = ItemMark::Pending;
            run.at = at;
        }
    }

    /// The item with this key, made where it is new: the restart of a host under a stuck session
    /// has no entry in the confirmed list.
    pub(super) fn item(
        &mut self,
        key: &str,
        operation: Option<&Operation>,
        before: &Safe,
        at: Timestamp,
    ) -> &mut ItemRun {
        let index = self.items.iter().position(|item| item.key == key).unwrap_or_else(|| {
            self.items.push(ItemRun {
                key: key.to_owned(),
                operation: operation.cloned(),
                before: before.clone(),
                attempts: 0,
                mark: ItemMark::Pending,
                at,
                arrived: None,
            });
            self.items.len() - 1
        });
        &mut self.items[index]
    }

    pub(super) fn mark_item(&mut self, key: &str, mark: ItemMark, at: Timestamp) {
        if let Some(item) = self.items.iter_mut().find(|item| item.key == key) {
            if matches!(mark, ItemMark::Accepted(_) | ItemMark::Ambiguous) {
                item.arrived.get_or_insert(at);
            }
            item.mark = mark;
            item.at = at;
        }
    }

    pub(super) fn item_failed(&mut self, key: &str, how: FailedHow, why: &Safe, at: Timestamp) {
        // Asked for anew with its end unknown: a process ended before it heard of it.
        let unheard = |item: &&mut ItemRun| item.key == key && item.mark == ItemMark::Intended;
        if how == FailedHow::Reissue
            && let Some(item) = self.items.iter_mut().find(unheard)
        {
            item.arrived.get_or_insert(item.at);
        }
        self.mark_item(key, failed_mark(how, why), at);
    }

    /// When the first request arrived for those of a confirmed list that are found so.
    pub(super) fn seen_late(&self, shown: &[ConfirmedItem]) -> Option<Timestamp> {
        let so = |item: &&ItemRun| shown.iter().any(|one| one.operation.is_none() && one.key == item.key);
        let late = self.items.iter().filter(so).filter(|item| item.how_it_is_so() == DoneHow::Adopted);
        late.filter_map(|item| item.arrived).min()
    }
}

fn failed_mark(how: FailedHow, why: &Safe) -> ItemMark {
    match how {
        FailedHow::Ambiguous => ItemMark::Ambiguous,
        FailedHow::NotSent | FailedHow::Reissue => ItemMark::Pending,
        _ => ItemMark::Failed(how, why.clone()),
    }
}

fn changes_power(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::StartVm { .. } | Operation::DeallocateVm { .. } | Operation::RestartVm { .. }
    )
}

/// What an item is about, whichever request for it this is.
pub(super) fn subject(key: &str) -> &str {
    key.split_once(REQUEST).map_or(key, |(subject, _)| subject)
}

impl ItemRun {
    /// Whether it is a power change that looking showed not done after an unseen end.
    pub(super) fn never_happened(&self) -> bool {
        matches!(self.mark, ItemMark::Failed(FailedHow::NotDone, _))
            && self.operation.as_ref().is_some_and(changes_power)
    }

    /// Whether a list that shows the change missing shows that somebody has taken it back: it was done
    /// by `settled`, so that the list cannot merely lag behind. Who was told stays told, and what a
    /// person accepted as it stands is not asked for again.
    pub(super) fn may_be_undone(&self, settled: Timestamp) -> bool {
        let ItemMark::Done(how) = self.mark else { return false };
        let told =
            matches!(self.operation, Some(Operation::SendMessage { .. })) && how != DoneHow::Observation;
        how != DoneHow::Accepted && !told && self.at <= settled
    }

    /// How an item that is found so came to be so: what was asked for before is ours, however late it was
    /// seen, and an undo takes it back.
    pub(super) fn how_it_is_so(&self) -> DoneHow {
        if self.arrived.is_some() && !self.mark.over() { DoneHow::Adopted } else { DoneHow::Observation }
    }

    pub(super) fn intended(&mut self, attempt: u32, operation: &Operation, at: Timestamp) {
        self.attempts = attempt;
        self.operation = Some(operation.clone());
        self.mark = ItemMark::Intended;
        self.at = at;
    }
}
