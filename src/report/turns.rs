//! Since when a step was at work, as the run view has it: a gate and an observation since their turn came, what
//! probes since it was confirmed.

use crate::{
    domain::time::Timestamp,
    runbook::{StepKind, plan::Plan},
};

use super::model::Report;

/// Tells that of all steps; those that write began with their first record.
pub(super) fn tell(report: &mut Report, plan: &Plan, opened: Timestamp) {
    let over: Vec<(Option<Timestamp>, bool)> = report
        .steps
        .iter()
        .map(|step| (step.ended, step.owed_since.is_some() || step.state == "deferred"))
        .collect();
    for (index, (step, planned)) in report.steps.iter_mut().zip(&plan.steps).enumerate() {
        let Some(started) = step.started.filter(|_| planned.phase.is_some()) else { continue };
        if planned.kind == StepKind::Automatic || step.owed_since.is_some() {
            continue;
        }
        if planned.action.is_some() {
            let confirmed = step.confirmations.iter().map(|one| one.at).find(|at| *at >= started);
            step.started = confirmed.or(Some(started));
            continue;
        }
        let before = over.iter().zip(&plan.steps).enumerate();
        let before =
            before.filter(|(at, ((_, owed), planned))| (*at < index && !owed) || planned.phase.is_none());
        let ended = before.filter_map(|(_, ((ended, _), _))| *ended);
        let turn = ended.filter(|at| step.ended.is_none_or(|own| *at <= own)).max().unwrap_or(opened);
        step.started = Some(started.min(turn));
    }
}
