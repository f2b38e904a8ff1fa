//! What is wrong, and what of it is said first.

use crate::{
    domain::{
        Pair, Side, Source,
        picture::Picture,
        reading::Footing,
        signs::RegionSigns,
        time::{Timestamp, span_text},
    },
    engine::{RunView, view::RunState},
};

use super::{
    aged::Aged,
    summary::{CellState, Component},
};

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad; `Ok` is a remark.
    pub state: CellState,
    /// One sentence without a full stop.
    pub text: String,
    /// Row it stands in.
    pub component: Option<Component>,
    /// Region.
    pub side: Option<Side>,
    /// Age of what it rests on, as of a cell.
    pub at: Option<Timestamp>,
    /// Whether that is older than it is trusted.
    pub stale: bool,
    /// Whether it rests on something that never answered, for longer than an answer would be trusted.
    pub overdue: bool,
}

impl Problem {
    /// One that rests on no look.
    pub(super) fn said(state: CellState, text: String) -> Self {
        Self { state, text, component: None, side: None, at: None, stale: false, overdue: false }
    }

    /// How far its age can be trusted.
    pub fn aged(&self) -> Aged {
        Aged::from(self.stale || self.overdue)
    }

    /// The sentence; what is old is called so, where its own words do not.
    pub fn words(&self) -> String {
        let last = if self.stale && !self.text.contains("last ") { "last " } else { "" };
        format!("{last}{}", self.text)
    }
}

/// An open run that has missed its RTO.
pub(super) fn late(run: &RunView) -> Option<Problem> {
    let by = run.rto_left.filter(|left| left.is_negative() && !matches!(run.state, RunState::Closed(_)))?;
    let text = format!("{}: RTO missed by {}", run.service, span_text(-by));
    Some(Problem::said(CellState::Warn, text))
}

/// Regions of which half of the looks and the call to the control plane bring no answer, apart from those that
/// are dead by `signs` of now: of those more is known. What this machine sees of neither region tells of the
/// machine, and comes before what it saw of a dead one last.
pub(super) fn silent(
    picture: &Picture,
    codes: Pair<&str>,
    signs: &Pair<RegionSigns>,
    now: Timestamp,
) -> Vec<Problem> {
    let said = |text: String, since| {
        let overdue = Footing::of(&Source::Control(Side::Primary), since).is_old(now);
        Problem { at: Some(since), overdue, ..Problem::said(CellState::Unknown, text) }
    };
    match Side::BOTH.map(|side| picture.mute(side).filter(|_| !signs[side].dead() || signs[side].stale)) {
        [Some((_, _, one)), Some((_, _, other))] => {
            let why = picture.reading(&Source::Control(Side::Primary)).and_then(|call| call.silence.as_ref());
            let why = why.map_or_else(String::new, |(_, silence)| format!(": {}", silence.why));
            let text = format!("neither region answers, this machine may be cut off{why}");
            let dead = Side::BOTH.into_iter().any(|side| signs[side].dead());
            let state = if dead { CellState::Crit } else { CellState::Unknown };
            vec![Problem { state, ..said(text, one.min(other)) }]
        }
        sides => {
            let alone = Side::BOTH.into_iter().zip(sides).filter_map(|(side, mute)| Some((side, mute?)));
            let tell = |(side, (fail, all, since))| {
                let answers = if fail == all { "does not answer" } else { "hardly answers" };
                let text = format!("{} {answers}: {fail} of {all} looks fail", codes[side]);
                Problem { side: Some(side), ..said(text, since) }
            };
            alone.map(tell).collect()
        }
    }
}

/// Worst first; among equals the order stands. What nobody looks at because something worse is known
/// comes after what wants attention: it needs none of its own.
pub(super) fn worst_first(problems: &mut [Problem]) {
    let worse = problems.iter().any(|problem| problem.state > CellState::NotChecked);
    problems.sort_by_key(|problem| {
        let after = worse && problem.state == CellState::NotChecked;
        std::cmp::Reverse(if after { (CellState::Warn, false) } else { (problem.state, true) })
    });
}
