//! The journal of one run, newest last.

use crate::{
    app::{
        App, Intent,
        journal::{Follow, Pane, Reading},
    },
    domain::text::counted,
    status::CellState,
};

use super::{
    pen::{Pen, wrap},
    table::{Grid, in_force, in_full},
    theme::Role,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, foot) = (pen.width(), pen.height() - 1);
    let run = app.journal.run.as_deref();
    pen.rule(0, 1, width, &run.map_or_else(|| "journal".to_owned(), |run| format!("journal of {run}")));
    let rows = app.records();
    let counted = format!("{} of {}", rows.len(), app.journal.count());
    let bottom = if in_force(app, &counted, foot - 1, pen) { foot - 1 } else { foot };
    pen.rule_right(width - 1, 1, &standing(app));
    let mut y = 2;
    for line in blank(app, rows.len()).iter().flat_map(|text| wrap(text, usize::from(width - 2))) {
        let failed = matches!(app.journal.reading, Reading::Failed(_));
        pen.text(1, y, width - 2, &line, if failed { Role::Warn } else { Role::Dim });
        y += 1;
    }
    if rows.is_empty() {
        return;
    }
    let grid = Grid::new(Pane::COLUMNS, rows.iter(), 1, width - 2);
    grid.heads(pen, y, app.sort);
    let place = app.journal_place(rows.len());
    let bottom = in_full(rows.get(place), bottom, pen);
    let room = usize::from(bottom.saturating_sub(y + 1));
    let first = (place + 1).saturating_sub(room);
    for (line, row) in rows.iter().enumerate().skip(first).take(room) {
        let at = y + 1 + (line - first) as u16;
        let under = line == place;
        pen.text(0, at, 1, if under { ">" } else { " " }, Role::Running);
        let role = if under { Role::Cursor } else { Role::Dim };
        grid.row_in(pen, at, row, role, of_record(row.state));
    }
}

/// `following`, or how much came since the pane stands still.
fn standing(app: &App) -> String {
    match app.follow {
        Follow::Following => format!("{}, following", counted(app.journal.count(), "record")),
        Follow::Paused(_) => format!("PAUSED, {} new  {} follows", app.behind(), app.key(Intent::Pause)),
    }
}

/// What stands above or in place of the records.
fn blank(app: &App, shown: usize) -> Option<String> {
    let run = app.journal.run.as_deref().unwrap_or_default();
    match (&app.journal.reading, app.journal.count()) {
        (_, 0) if run.is_empty() => {
            Some(format!("no run yet, so there is no journal; {} starts one", app.key(Intent::Start)))
        }
        (Reading::Failed(why), _) => Some(format!("could not read the journal of {run}: {why}")),
        (Reading::Asked | Reading::NotAsked, _) => Some(format!("not read yet: the journal of {run}")),
        (Reading::Read, 0) => Some(format!("the journal of {run} is empty: nothing has been recorded yet")),
        (Reading::Read, total) if shown == 0 => {
            Some(format!("none of {total} records fits the filter; esc shows all"))
        }
        (Reading::Read, _) => None,
    }
}

/// What went wrong stands out; the rest is plain.
fn of_record(state: CellState) -> Role {
    match state {
        CellState::Ok => Role::Text,
        state => Role::of_state(state),
    }
}
