//! What would be sent once more, or to the machine under it, of a step of which something failed: what a
//! person is shown before deciding it.

use crate::domain::{Answer, ArmId, Operation, Safe, Source, standing, time::Timestamp};

use super::{
    event::{ConfirmedItem, ItemKey},
    machine::Engine,
    orders::may_go_again,
    preview::effect,
    run::ItemRun,
    view::{Choice, WriteLine},
};

/// A second try of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Again {
    /// What a new attempt of each item would send; a POST that may have arrived is not among it.
    pub retries: Vec<WriteLine>,
    /// Machines that can be restarted under items that will not end.
    pub restarts: Vec<Restart>,
    /// What the step means for people.
    pub effect: Safe,
    /// How things stand afterwards.
    pub after: Safe,
}

/// A restart of the machine under an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Restart {
    /// The item.
    pub item: ItemKey,
    /// What it would send.
    pub write: WriteLine,
    /// Sessions that the host has, with when that was seen; `None`: not known.
    pub sessions: Option<(usize, Timestamp)>,
}

impl Engine {
    /// What a step offers to try again; `None` where it offers neither.
    pub(super) fn again(&self, index: usize, choices: &[Choice]) -> Option<Again> {
        if !choices.iter().any(|choice| matches!(choice, Choice::Retry | Choice::RestartHost)) {
            return None;
        }
        let (plan, step) = (&self.run.plan, &self.run.steps[index]);
        let ends = self.may_end_accepted(index);
        let retries = step.items.iter().filter(|item| may_go_again(item) || (ends && item.mark.accepted()));
        let stuck = step.items.iter().filter(|item| item.mark.failed() || (ends && item.mark.accepted()));
        let code = |side| plan.codes[side].clone();
        let (effect, after) = effect(
            plan.steps[index].action,
            &code(plan.from),
            &code(plan.to),
            self.context.estate.policy.notice,
        );
        Some(Again {
            retries: retries.filter_map(|item| self.line(&item.key, item.operation.clone()?)).collect(),
            restarts: stuck.filter_map(|item| self.restart(item)).collect(),
            effect: Safe::new(&effect),
            after: Safe::new(&after),
        })
    }

    fn line(&self, key: &str, operation: Operation) -> Option<WriteLine> {
        let (key, before) = (key.to_owned(), Safe::default());
        self.write_line(&ConfirmedItem { key, operation: Some(operation), before })
    }

    fn restart(&self, item: &ItemRun) -> Option<Restart> {
        let (host, vm) = self.machine_under(item)?;
        let source = Source::Sessions(self.run.plan.service_index, self.run.plan.from);
        let sessions = self.picture.last(&source).and_then(|look| match &look.answer {
            Answer::Sessions(list) => {
                let on_it =
                    list.complete()?.iter().filter(|session| session.id.parent().as_ref() == Some(&host));
                Some((on_it.count(), look.at))
            }
            _ => None,
        });
        let write = self.line(&format!("restart {}", vm.name()), Operation::RestartVm { vm })?;
        Some(Restart { item: item.key.clone(), write, sessions })
    }

    /// The host of a session that an item was to log off, and its machine.
    pub(super) fn machine_under(&self, item: &ItemRun) -> Option<(ArmId, ArmId)> {
        let Some(Operation::LogOff { session }) = &item.operation else { return None };
        let host = session.parent()?;
        let source = Source::Hosts(self.run.plan.service_index, self.run.plan.from);
        let hosts = standing::hosts(&self.picture, &source)?;
        let vm = hosts.seen().iter().find(|known| known.id == host)?.vm.clone()?;
        Some((host, vm))
    }
}
