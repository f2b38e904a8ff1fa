//! What would be sent once more of a step of which something failed, or to the machine under an item that will
//! not end: what a person is shown before deciding it.

use crate::domain::{Answer, ArmId, Operation, Safe, Source, standing, time::Timestamp};

use super::{
    event::{ConfirmedItem, ItemKey},
    machine::Engine,
    orders::may_go_again,
    preview::effect,
    run::{ItemRun, StepMark},
    view::WriteLine,
};

/// A second try of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// What a new attempt of each item would send; a POST that may have arrived is not among it. None: the step
    /// is only waited for once more.
    pub retries: Vec<WriteLine>,
    /// The restart of the machine under the item that was asked about, where that will not end.
    pub restart: Option<Restart>,
    /// What the step means for people.
    pub effect: Safe,
    /// How things stand afterwards.
    pub after: Safe,
}

/// A restart of the machine under an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    /// What it would send.
    pub write: WriteLine,
    /// Sessions that the host has, with when that was seen; `None`: not known.
    pub sessions: Option<(usize, Timestamp)>,
}

impl Engine {
    /// What another try of a step would send, of one item or of all. `None`: there is no such step.
    pub fn again(&self, step: &str, item: Option<&str>) -> Option<Again> {
        let plan = &self.run.plan;
        let index = plan.position(step)?;
        let of = |item: &str| self.run.steps[index].items.iter().find(|known| known.key == item);
        let code = |side| plan.codes[side].clone();
        let (effect, after) = effect(
            plan.steps[index].action,
            &code(plan.from),
            &code(plan.to),
            self.context.estate.policy.notice,
        );
        let retries = self.goes_again(index, item);
        Some(Again {
            retries: retries.filter_map(|item| self.line(&item.key, item.operation.clone()?)).collect(),
            restart: item.and_then(of).and_then(|item| self.restart(item)),
            effect: Safe::new(&effect),
            after: Safe::new(&after),
        })
    }

    /// Items that another try sends: of all of them those that were accepted by name only where nothing else of
    /// the step is at work.
    pub(super) fn goes_again<'e>(
        &'e self,
        index: usize,
        only: Option<&'e str>,
    ) -> impl Iterator<Item = &'e ItemRun> {
        let step = &self.run.steps[index];
        let working = step.mark == StepMark::Working;
        let accepted = (only.is_some() || !working) && self.may_end_accepted(index);
        let named = step.items.iter().filter(move |item| only.is_none_or(|wanted| wanted == item.key));
        named.filter(move |item| {
            (working || accepted) && (may_go_again(item) || (accepted && item.mark.accepted()))
        })
    }

    fn line(&self, key: &ItemKey, operation: Operation) -> Option<WriteLine> {
        let (key, before) = (key.clone(), Safe::default());
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
        Some(Restart { write, sessions })
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
