//! A phase whose steps are not shown, in one line.

use crate::{
    domain::time::clock_text,
    engine::{
        RunView,
        event::GateVerdict,
        view::{PhaseView, StepState},
    },
};

use super::{super::theme::Role, Kind, Row, goes_back, short_id, was_left};

pub(super) fn row(view: &RunView, phase: &PhaseView) -> Row {
    let over = phase.over == phase.count && phase.count > 0;
    let id = |index: usize| view.steps.get(index).map_or("", |step| short_id(&step.id));
    let (first, last) = (id(phase.first), id((phase.first + phase.count).saturating_sub(1)));
    let gate = match &phase.gate {
        Some((_, Some(GateVerdict::Passed))) => "  gate passed",
        Some((_, Some(GateVerdict::Red))) => "  gate red",
        _ => "",
    };
    let steps = || view.steps.iter().skip(phase.first).take(phase.count);
    let owed = match steps().filter(|step| step.state == StepState::Deferred).count() {
        0 => String::new(),
        owed => format!("  {owed} owed"),
    };
    let left = steps().any(|step| was_left(view, step));
    let back = steps().find(|step| goes_back(view, step));
    let untrue = steps().find(|step| step.no_longer.is_some());
    let owed = match (back, untrue) {
        _ if left => format!("{owed}  left in the middle"),
        (Some(step), _) => format!("{owed}  {} being undone", short_id(&step.id)),
        (None, Some(step)) => format!("{owed}  {} no longer so", short_id(&step.id)),
        (None, None) => owed,
    };
    let (mark, role) = match (over, owed.is_empty()) {
        _ if left => ("! ", Role::Warn),
        (true, true) => ("ok", Role::Text),
        (true, false) => ("! ", Role::Warn),
        (false, _) => (". ", Role::Pending),
    };
    Row {
        text: format!("{mark} {:<10} {first}-{last}{gate}{owed}", phase.id),
        right: if over { clock_text(phase.elapsed) } else { String::new() },
        role,
        owner: None,
        kind: Kind::Between,
        counts: 1,
    }
}
