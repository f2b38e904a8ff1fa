//! What is shown is what is confirmed: the list of an open dialog stays the one it opened with.
//!
//! In a busy pool somebody signs in or out with every look. A list that followed them would void
//! what a person types before it is typed. So the engine keeps the list it showed for as long as
//! the one it would show now is much the same, and takes a confirmation for that list and for no
//! other. What is gone meanwhile is found gone at its turn; what is new keeps the step from being
//! done and is offered afterwards.

use std::collections::HashMap;

use crate::{
    domain::time::{Span, Timestamp, minutes},
    runbook::{Plan, targets},
};

use super::{
    event::ConfirmedItem, items::LOOK_AGAIN, machine::Engine, offer::Offer, steps::PREVIEW_PACE, view::Drift,
};

/// A list may be confirmed for this long after it was last seen to be exactly so. Nobody types for
/// as long; who comes back to a terminal later has to look again. In a rehearsal at 60 times the
/// speed it is half a minute at the keyboard, still enough to type in.
const KEPT: Span = minutes(30);

/// A list that was shown. One a step is kept: that of its open dialog.
#[derive(Debug, Clone)]
pub(super) struct Pinned {
    offer: Offer,
    /// When it was last seen to be exactly so.
    so_at: Timestamp,
}

/// What a person is shown and may confirm.
pub(super) struct Shown {
    /// The list as it was shown, with what stands against it now.
    pub(super) offer: Offer,
    /// What has become of the list, where it is no longer exactly so.
    pub(super) drift: Option<Drift>,
}

impl Pinned {
    fn new(live: Offer, now: Timestamp) -> Self {
        Self { so_at: live.oldest.unwrap_or(now), offer: live }
    }

    /// Whether the list may still be confirmed although `live` is what would be shown now.
    fn holds(&self, live: &Offer, now: Timestamp) -> bool {
        if live.red || now.duration_since(self.so_at) > KEPT {
            return false;
        }
        // A look that failed says nothing about the list; until the next one it cannot be confirmed.
        if !live.listed || live.hash == self.offer.hash {
            return true;
        }
        let same = live.level == self.offer.level && live.acknowledges == self.offer.acknowledges;
        let Some(drift) = same.then(|| drift(&self.offer.items, &live.items)).flatten() else { return false };
        let within = |shown: u32, now: u32| now <= Plan::bound(shown);
        within(drift.shown as u32, (drift.left + drift.new) as u32)
            && within(self.offer.users, live.users)
            && (drift.left > 0 || drift.shown == 0)
    }

    /// The list as it was shown, confirmed under the conditions of now.
    fn over(&self, live: Offer) -> Shown {
        let exact = live.hash == self.offer.hash;
        let oldest = if exact { live.oldest } else { self.offer.oldest };
        let drift = (live.listed && !exact)
            .then(|| drift(&self.offer.items, &live.items))
            .flatten()
            .filter(|drift| drift.left != drift.shown || drift.new > 0);
        let offer = Offer {
            blocked: live.blocked,
            aged: live.aged,
            red: live.red,
            listed: live.listed,
            oldest,
            ..self.offer.clone()
        };
        Shown { offer, drift }
    }
}

/// What has become of `shown`. `None`: something in it is no longer what was shown, though it has
/// the same key, or what was already so no longer is.
fn drift(shown: &[ConfirmedItem], live: &[ConfirmedItem]) -> Option<Drift> {
    let mut writes: HashMap<&str, _> = live
        .iter()
        .filter_map(|item| item.operation.as_ref().map(|operation| (item.key.as_str(), operation)))
        .collect();
    let mut drift = Drift::default();
    for item in shown {
        let now = writes.remove(item.key.as_str());
        match (&item.operation, now) {
            (None, None) => {}
            (Some(_), None) => drift.shown += 1,
            (Some(was), Some(now)) if was == now => {
                drift.shown += 1;
                drift.left += 1;
            }
            (_, Some(_)) => return None,
        }
    }
    drift.new = writes.len();
    Some(drift)
}

impl Engine {
    /// What has become of the list `hash` that a person was shown, where `now` is what is shown instead.
    pub(super) fn gone(&self, index: usize, hash: &str, now: &Offer) -> String {
        let pinned = self.dialogs.get(&index).and_then(Option::as_ref).map(|pinned| &pinned.offer);
        let known = [pinned, self.shown_before.get(&index)];
        match known.into_iter().flatten().find(|known| known.hash == hash) {
            Some(was) => now.changed_since(was),
            None => "it is not the list that is shown here".to_owned(),
        }
    }

    /// What a person is shown of a step, and may confirm, where `live` is what would be offered now.
    /// `None`: its dialog has just opened and the list is being read.
    pub(super) fn shown(&self, index: usize, live: Offer, now: Timestamp) -> Option<Shown> {
        let dialog = self.dialogs.get(&index);
        if let Some(pinned) = dialog.and_then(Option::as_ref).filter(|pinned| pinned.holds(&live, now)) {
            return Some(pinned.over(live));
        }
        let shows = dialog.is_none() || !live.listed || self.is_read_since_opened(index, &live);
        shows.then_some(Shown { offer: live, drift: None })
    }

    /// Whether the looks under a list began after its dialog was opened.
    fn is_read_since_opened(&self, index: usize, live: &Offer) -> bool {
        let opened = self.opened_at.get(&index);
        live.begun.is_none_or(|begun| opened.is_none_or(|opened| begun >= *opened))
    }

    /// Pins the list of each dialog that has none. `all`: also lets go what no longer holds, and
    /// notes what is still exactly so. That takes a whole list, so it waits for the next tick.
    pub(super) fn pin_lists(&mut self, all: bool, now: Timestamp) {
        let debts = self.run.debts();
        let steps = &self.run.steps;
        self.dialogs.retain(|index, _| !steps[*index].is_over() || debts.contains(index));
        let open = self.dialogs.iter().filter(|(_, pinned)| all || pinned.is_none());
        let open: Vec<usize> = open.map(|(index, _)| *index).collect();
        for index in open {
            let Some(live) = self.offer(index, now) else { continue };
            let mut pinned = self.dialogs.remove(&index).flatten();
            if let Some(void) = pinned.take_if(|pinned| !pinned.holds(&live, now)) {
                self.shown_before.insert(index, void.offer);
            }
            let pinned = match pinned {
                Some(pinned) if live.hash != pinned.offer.hash => Some(pinned),
                _ if live.listed && self.is_read_since_opened(index, &live) => Some(Pinned::new(live, now)),
                _ => None,
            };
            self.dialogs.insert(index, pinned);
        }
    }

    /// What an open dialog rests on is read again and again, also where it is not the step's turn:
    /// an undo step, a debt. Somebody is looking at its list: that is read more often.
    pub(super) fn keep_lists_fresh(&mut self, now: Timestamp) {
        let open: Vec<usize> =
            self.dialogs.keys().copied().filter(|&index| self.may_offer(index, now)).collect();
        for index in open {
            let since = self.opened_at.get(&index).copied().unwrap_or(now);
            let list = self.run.plan.steps[index].action;
            for source in list.map(|action| targets::sources(action, &self.run.plan)).unwrap_or_default() {
                self.want(source, since, LOOK_AGAIN);
            }
            for source in self.offer_sources(index, now) {
                self.want(source, since, PREVIEW_PACE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ArmId, Operation, Safe};

    /// A list in short: key, and which assignment would be revoked; `None`: it is so already.
    fn list(items: &[(&str, Option<u8>)]) -> Vec<ConfirmedItem> {
        let revoke = |number: &u8| {
            let id = format!("/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/{number}");
            Operation::Revoke { assignment: ArmId::parse(&id).unwrap(), gives: None }
        };
        let item = |(key, number): &(&str, Option<u8>)| ConfirmedItem {
            key: (*key).to_owned(),
            operation: number.as_ref().map(revoke),
            before: Safe::new(&format!("{number:?}")),
        };
        items.iter().map(item).collect()
    }

    /// A list in short.
    type Items = &'static [(&'static str, Option<u8>)];

    #[test]
    fn a_list_is_compared_by_what_would_be_written() {
        let told = |left, shown, new| Some(Drift { left, shown, new });
        let cases: [(Items, Items, Option<Drift>); 9] = [
            (&[], &[], told(0, 0, 0)),
            (&[("a", Some(1)), ("b", None)], &[("b", None), ("a", Some(1))], told(1, 1, 0)),
            (&[("a", Some(1)), ("b", Some(2))], &[("b", Some(2))], told(1, 2, 0)),
            (&[("a", Some(1)), ("b", Some(2))], &[("a", None), ("b", Some(2))], told(1, 2, 0)),
            (&[("a", Some(1))], &[("a", Some(1)), ("c", Some(3)), ("d", None)], told(1, 1, 1)),
            (&[("a", Some(1)), ("b", None)], &[("a", Some(1))], told(1, 1, 0)),
            (&[("a", Some(1))], &[("c", Some(3))], told(0, 1, 1)),
            // The same key, another assignment: somebody made it anew.
            (&[("a", Some(1))], &[("a", Some(9))], None),
            // It was so when it was shown, and no longer is.
            (&[("a", Some(1)), ("b", None)], &[("a", Some(1)), ("b", Some(2))], None),
        ];
        for (shown, live, expected) in cases {
            assert_eq!(drift(&list(shown), &list(live)), expected, "{shown:?} {live:?}");
        }
        assert_eq!(told(66, 67, 1).unwrap().to_string(), "66 of 67, 1 new");
        assert_eq!(told(66, 67, 0).unwrap().to_string(), "66 of 67");
    }
}
