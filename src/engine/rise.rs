//! Which machines a run started, and when they came up: a process that did not see it has the journal.

use std::collections::BTreeMap;

use crate::domain::{
    Answer, ArmId, Observation, Operation,
    compute::Power,
    pool::HEARTBEAT_LIMIT,
    time::{Span, Timestamp},
};

use super::{
    event::{DoneHow, FailedHow, RunEvent},
    machine::Engine,
    run::Run,
};

/// A machine that a run asked Azure to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rise {
    /// When it asked: the machine was not on then.
    asked: Timestamp,
    /// When the run saw that it was on.
    up: Option<Timestamp>,
}

impl Rise {
    /// Notes that it was seen on: long after it was asked for a process may have died meanwhile, and nobody
    /// knows since when.
    fn came_up(&mut self, at: Timestamp) {
        if soon_after(self.asked, at) {
            self.up = Some(at);
        }
    }

    /// Since when a machine is on that a look shows running whose answer was in at `at`; `None`: nobody
    /// knows, as after a longer pause between two looks, and for what a clock ahead of ours wrote down.
    fn on_since(self, at: Timestamp) -> Option<Timestamp> {
        match self.up {
            Some(up) => (up <= at).then_some(up),
            None => soon_after(self.asked, at).then_some(at),
        }
    }
}

/// Whether something that was on at `at` and not at `asked` has come up so lately that no heartbeat is due.
fn soon_after(asked: Timestamp, at: Timestamp) -> bool {
    (Span::ZERO..=HEARTBEAT_LIMIT).contains(&at.duration_since(asked))
}

impl Run {
    /// Takes down what an event tells of a machine that was started.
    pub(super) fn note_rise(&mut self, index: usize, event: &RunEvent, at: Timestamp) {
        if let RunEvent::Intent { operation: Operation::StartVm { vm }, .. } = event {
            self.rises.insert(vm.clone(), Rise { asked: at, up: None });
            return;
        }
        let (key, came) = match event {
            RunEvent::Done { item: Some(key), how: DoneHow::Action | DoneHow::Adopted, .. } => {
                (key, Came::Up)
            }
            RunEvent::Refused { item: Some(key), .. }
            | RunEvent::Failed { item: Some(key), how: FailedHow::NotSent | FailedHow::NotDone, .. } => {
                (key, Came::Not)
            }
            _ => return,
        };
        let Some(vm) = self.started_by(index, key).cloned() else { return };
        let known = self.rises.get_mut(&vm).filter(|rise| rise.up.is_none());
        match (came, known) {
            (Came::Not, _) => drop(self.rises.remove(&vm)),
            (Came::Up, Some(rise)) => rise.came_up(at),
            (Came::Up, None) => {}
        }
    }

    fn started_by(&self, index: usize, key: &str) -> Option<&ArmId> {
        let item = self.steps[index].items.iter().find(|item| item.key == key)?;
        match item.operation.as_ref()? {
            Operation::StartVm { vm } => Some(vm),
            _ => None,
        }
    }

    /// Adds to a look at machines since when those are on that the run started, where the look before it
    /// is not there to tell.
    pub(super) fn remind(&self, seen: &mut Observation) {
        let (at, Ok(Answer::Machines(list))) = (seen.ended, &mut seen.outcome) else { return };
        if self.rises.is_empty() {
            return;
        }
        for machine in list.seen_mut() {
            if machine.power == Some(Power::Running) && machine.on_since.is_none() {
                machine.on_since = self.rises.get(&machine.id).and_then(|rise| rise.on_since(at));
            }
        }
    }
}

/// What became of a start.
#[derive(Clone, Copy)]
enum Came {
    /// The machine was seen on.
    Up,
    /// Nothing came of it.
    Not,
}

/// Machines that a run started, by id.
pub(super) type Rises = BTreeMap<ArmId, Rise>;

impl Engine {
    /// Adds to a look since when the machines are on that the run itself started: a first look of a new
    /// process cannot tell, and hosts that are coming up would read as silent ones.
    pub fn remind(&self, seen: &mut Observation) {
        self.run().remind(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::seconds;

    /// When it was asked for, seconds before noon; when it was seen up, if it was; and since when it is on by a
    /// look that was in at noon.
    type Case = (i64, Option<i64>, Option<i64>);

    #[test]
    fn what_was_seen_up_late_has_no_moment_since_when_it_is_on() {
        let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let at = |ago: i64| noon - seconds(ago);
        let cases: [Case; 7] = [
            (90, None, Some(0)),
            (300, None, Some(0)),
            (301, None, None),
            (-1, None, None),
            (7_200, Some(7_100), Some(7_100)),
            (7_200, Some(6_800), None),
            (7_200, Some(4), None),
        ];
        for (asked, up, on) in cases {
            let mut rise = Rise { asked: at(asked), up: None };
            if let Some(up) = up {
                rise.came_up(at(up));
            }
            assert_eq!(rise.on_since(noon), on.map(at), "asked {asked} s ago, up {up:?}");
        }
        // A clock ahead of ours wrote it down.
        assert_eq!(Rise { asked: at(90), up: Some(at(-5)) }.on_since(noon), None);
    }
}
