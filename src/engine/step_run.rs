//! How events change a step and its items.

use crate::domain::{Operation, Safe, time::Timestamp};

use super::{
    event::{Confirmed, ConfirmedBy, ConfirmedItem, DoneHow, FailedHow, ItemKey},
    patience::Patience,
    run::{ItemMark, ItemRun, StepMark, StepRun},
};

/// Stands between the key of a power change and the number of the request, where an earlier one was
/// seen not done.
const REQUEST: &str = ", request ";

impl StepRun {
    /// Items that tell how far the step is. A power change that was looked for during its whole
    /// dwell and is not done tells nothing: it never left, or it was lost. The step's proof does.
    pub fn telling(&self) -> impl Iterator<Item = &ItemRun> {
        self.items.iter().filter(|item| !item.never_happened())
    }

    /// Items of a message that were told. Who had left before their turn was not, and delays nobody.
    pub(super) fn told(&self) -> impl Iterator<Item = &ItemRun> {
        let told = |item: &&ItemRun| matches!(item.mark, ItemMark::Done(how) if how != DoneHow::Observation);
        self.items.iter().filter(told)
    }

    /// The key under which a change is asked for anew: once the last request for it was looked for
    /// during its whole dwell and never happened. A POST is never sent twice for one item, so each
    /// request is an item of its own with a confirmation of its own.
    pub(super) fn asked_anew(&self, key: &str) -> Option<ItemKey> {
        let requests = self.requests(key);
        let last = requests.clone().last()?;
        last.never_happened().then(|| format!("{key}{REQUEST}{}", requests.count() + 1))
    }

    /// Keys of what was asked for and failed for good, without the number of the request.
    pub(super) fn given_up(&self) -> impl Iterator<Item = &str> {
        let last =
            |key| self.requests(key).last().is_some_and(|item| item.mark.failed() && !item.never_happened());
        self.items.iter().map(|item| subject(&item.key)).filter(move |key| last(key))
    }

    fn requests<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a ItemRun> + Clone {
        self.items.iter().filter(move |item| subject(&item.key) == key)
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
        self.began.get_or_insert(at);
        self.ended = Some(at);
    }

    pub(super) fn confirm(&mut self, confirmed: &Confirmed, at: Timestamp) {
        let again = self.mark == StepMark::Working && confirmed.by == ConfirmedBy::Auto;
        self.patience = if again { self.patience.answered() } else { Patience::default() };
        self.mark = StepMark::Working;
        self.refused = None;
        self.timed_out = false;
        self.began.get_or_insert(at);
        self.ended = None;
        for item in &confirmed.items {
            self.confirm_item(item, at);
        }
        self.confirmed = Some((at, confirmed.clone()));
    }

    pub(super) fn confirm_item(&mut self, item: &ConfirmedItem, at: Timestamp) {
        let run = self.item(&item.key, item.operation.as_ref(), &item.before, at);
        if item.operation.is_none() {
            run.mark = ItemMark::Done(DoneHow::Observation);
        } else if run.mark.failed() {
            run.operation.clone_from(&item.operation);
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
            });
            self.items.len() - 1
        });
        &mut self.items[index]
    }

    pub(super) fn mark_item(&mut self, key: &str, mark: ItemMark, at: Timestamp) {
        if let Some(item) = self.items.iter_mut().find(|item| item.key == key) {
            item.mark = mark;
            item.at = at;
        }
    }
}

/// What an item is about, whichever request for it this is.
fn subject(key: &str) -> &str {
    key.split_once(REQUEST).map_or(key, |(subject, _)| subject)
}

impl ItemRun {
    /// Whether it is a power change that looking showed not done after an unseen end.
    pub(super) fn never_happened(&self) -> bool {
        matches!(self.mark, ItemMark::Failed(FailedHow::NotDone, _))
            && matches!(self.operation, Some(Operation::StartVm { .. } | Operation::DeallocateVm { .. }))
    }

    pub(super) fn intended(&mut self, attempt: u32, operation: &Operation, at: Timestamp) {
        self.attempts = attempt;
        self.operation = Some(operation.clone());
        self.mark = ItemMark::Intended;
        self.at = at;
    }
}
