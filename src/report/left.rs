//! A run that was ended before its end: what it leaves.

use crate::domain::{Safe, time::Timestamp};

use super::model::{Deviation, DeviationKind, Report, Step};

/// What a step is called that was at work when its run was ended.
pub(super) const LEFT: &str = "left";

/// What a run that was ended leaves: steps in the middle, and all that it had made.
pub(super) fn left(report: &mut Report, at: Timestamp) {
    let made =
        |step: &Step| step.items.iter().filter(|item| item.operation.is_some() && item.how.is_some()).count();
    for step in report.steps.iter_mut().filter(|step| step.state == "running") {
        (step.state, step.ended) = (LEFT, Some(at));
        let sent = step.items.iter().filter(|item| !item.attempts.is_empty()).count();
        let all = step.confirmations.last().map_or(0, |given| given.items as usize).max(sent);
        let text = Safe::new(&format!("{sent} of {all} sent, {} seen done", made(step)));
        step.reason = Some(text.clone());
        let (kind, step) = (DeviationKind::Left, Some(step.id.clone()));
        report.deviations.push(Deviation { at, kind, step, text });
    }
    let each = |undo: bool| {
        let steps = report.steps.iter().filter(move |step| step.phase.is_none() == undo && made(step) > 0);
        steps.map(|step| format!("{} {}", step.id, made(step))).collect::<Vec<String>>().join(", ")
    };
    let (stays, back) = (each(false), each(true));
    if !stays.is_empty() {
        let back = if back.is_empty() { back } else { format!("; taken back: {back}") };
        let text = Safe::new(&format!("made: {stays}{back}"));
        report.deviations.push(Deviation { at, kind: DeviationKind::Stays, step: None, text });
    }
}
