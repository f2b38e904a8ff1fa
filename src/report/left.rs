//! A run that was ended before its end: what it leaves.

use crate::{
    domain::{Safe, time::Timestamp},
    engine::event::DoneHow,
    runbook::StepKind,
};

use super::model::{Deviation, DeviationKind, Item, Report, Step};

/// What a step is called that was at work when its run was ended.
pub(super) const LEFT: &str = "left";

/// What a run that was ended leaves: steps in the middle, and all that it had made.
pub(super) fn left(report: &mut Report, at: Timestamp) {
    // What was accepted by name did not end, and what was so already is nobody's doing here.
    let done = |item: &&Item| matches!(item.how, Some(DoneHow::Action | DoneHow::Adopted | DoneHow::Manual));
    let made = |step: &Step| step.items.iter().filter(done).count();
    let at_work = |step: &&mut Step| {
        let past_patience = step.state == "timed-out" && !step.confirmations.is_empty();
        step.kind != StepKind::Gate && (step.state == "running" || past_patience)
    };
    for step in report.steps.iter_mut().filter(at_work) {
        (step.state, step.ended) = (LEFT, Some(at));
        let sent = step.items.iter().filter(|item| !item.attempts.is_empty()).count();
        let all = step.confirmations.last().map_or(0, |given| given.writes as usize).max(sent);
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
