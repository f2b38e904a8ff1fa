//! What an open run has done itself: a host that it drained was not drained by somebody else, and is not broken.
//!
//! This is the only place that says so, for the rows of the cockpit, the matrix, the verdict and `status`. What it
//! rests on are the views of the runs that a summary is given: the cockpit has that of the run in its window, `status`
//! those of the journals in its state directory. A run whose journal lies on another machine, or in the world of a
//! simulation, is not known there: its drain is then told as anybody's, which is worse and never better than it is.

use std::collections::BTreeSet;

use crate::{
    domain::{Side, pool::SessionHost},
    engine::{
        RunView,
        view::{ItemPhase, ItemView, RunState, StepView},
    },
};

/// What an item of the run is called that drains a host, and one that takes that back.
const DRAIN: &str = "drain ";
const ADMIT: &str = "admit ";

/// The hosts that a run drained and has not admitted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    service: usize,
    side: Side,
    /// Short names.
    pub(crate) hosts: BTreeSet<String>,
    /// Whether the run goes on: after its end, and while it rests, nobody means them to stand like that.
    goes_on: bool,
}

impl Drained {
    /// Those of this run; `None`: it drained none.
    pub fn by(run: &RunView) -> Option<Self> {
        // What was so already was somebody else's doing: nothing was sent for it.
        let sent = |item: &&ItemView| {
            let open = matches!(item.state, ItemPhase::Pending | ItemPhase::Checking | ItemPhase::Failed);
            item.attempts > 0 && !open
        };
        let named = |step: &StepView, deed: &str| -> BTreeSet<String> {
            let names = step.items.iter().filter(sent).filter_map(|item| item.key.strip_prefix(deed));
            names.map(str::to_owned).collect()
        };
        let (undone, done): (Vec<&StepView>, Vec<&StepView>) =
            run.steps.iter().partition(|step| step.is_undo);
        let admitted: BTreeSet<String> = undone.iter().flat_map(|step| named(step, ADMIT)).collect();
        let drains = |step: &&StepView| {
            let own = named(step, DRAIN);
            // Drained again after it was taken back, all of it stands.
            let all_stand = step.stands >= own.len();
            own.into_iter().filter(|name| all_stand || !admitted.contains(name)).collect::<Vec<_>>()
        };
        let hosts: BTreeSet<String> = done.iter().flat_map(drains).collect();
        let goes_on = matches!(run.state, RunState::Running | RunState::AwaitingPerson) && !run.interrupted;
        (!hosts.is_empty()).then_some(Self { service: run.service_index, side: run.from, hosts, goes_on })
    }

    /// Whether this host of a service's side takes no new sessions because the run drained it.
    pub fn holds(&self, service: usize, side: Side, host: &SessionHost) -> bool {
        (service, side) == (self.service, self.side)
            && host.accepts == Some(false)
            && self.hosts.contains(host.short_name())
    }

    /// Whether it is meant that they take nobody.
    pub(super) fn is_meant(&self) -> bool {
        self.goes_on
    }
}
