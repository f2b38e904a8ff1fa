//! The one thing that matters most now, in one line of every screen.

use crate::{
    app::{App, Intent},
    domain::{text::counted, time::Timestamp},
    readiness::State,
    status::{Aged, CellState, Component, Problem},
};

use super::{SMALLEST, home::age_of, pen::Pen, theme::Role};

/// A problem with the age of what it rests on.
pub(super) struct Also {
    pub(super) state: CellState,
    pub(super) text: String,
    pub(super) at: Option<Timestamp>,
    pub(super) aged: Aged,
}

impl Also {
    pub(super) fn of(problem: &Problem) -> Self {
        Self { state: problem.state, text: problem.words(), at: problem.at, aged: problem.aged() }
    }
}

/// The single most important sentence.
pub(super) fn of(app: &App) -> Also {
    let says = |state, text| Also { state, text, at: None, aged: Aged::Fresh };
    if app.stopped().is_some() {
        let (run, open) = (app.key(Intent::Flip), app.key(Intent::Hold));
        return says(CellState::Crit, format!("NO WRITES: the journal failed; {run}, then {open}"));
    }
    if let Some(view) = app.run_view().filter(|view| view.primary_is_back) {
        let code = &view.codes[view.from];
        // Its hosts are what is looked at to tell.
        let seen = app.summary.cell(Component::Hosts, view.from);
        let (at, aged) = seen.map_or((None, Aged::Fresh), |cell| (cell.from, cell.aged()));
        let text = format!("{code} IS BACK · {}", counted(view.debts.len(), "debt"));
        return Also { at, aged, ..says(CellState::Crit, text) };
    }
    let Some(problem) = first(app) else {
        // What the checks found stands in a line of its own.
        let open = app.readiness.iter().any(|found| matches!(found.state, State::Unknown | State::Crit));
        let text = if open { "nothing is wrong in the rows; see readiness" } else { "nothing is wrong" };
        return Also { at: app.summary.oldest(), ..says(CellState::Ok, text.to_owned()) };
    };
    Also::of(problem)
}

/// The worst problem; while a run moves people, one of the region they are moved to comes first: that
/// the other one is lost is known.
fn first(app: &App) -> Option<&Problem> {
    let all = &app.summary.problems;
    let to = app.run.as_ref().filter(|run| !run.is_closed()).map(|run| run.view.to);
    let burning = |problem: &&Problem| problem.state == CellState::Crit && problem.side == to;
    to.and_then(|_| all.iter().find(burning)).or_else(|| app.summary.worst())
}

/// Writes it on line `y`; in a window that is too small for more it needs no name.
pub(super) fn line(app: &App, y: u16, pen: &mut Pen<'_>) {
    let worst = of(app);
    let (role, end) = (Role::of_state(worst.state), pen.width() - 1);
    let mark = if pen.width() < SMALLEST.0 {
        1
    } else {
        pen.text(1, y, 6, "worst", Role::Dim);
        8
    };
    pen.text(mark, y, 2, worst.state.mark(), role);
    let (age, old) = age_of(worst.at, worst.aged, app.shown_at());
    let from = pen.right(end, y, &age, old);
    let room = if age.is_empty() { end } else { from - 1 };
    let role = if worst.state == CellState::Ok { Role::Text } else { role };
    pen.text(mark + 3, y, room.saturating_sub(mark + 3), &worst.text, role);
}
