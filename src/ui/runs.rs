//! The runs of this estate.

use crate::{
    app::{App, run::RunOpen},
    domain::time::{clock_text, wall_text},
};

use super::{pen::Pen, theme::Role};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    pen.rule(0, 1, width, "runs of this estate");
    if app.runs.is_empty() {
        pen.text(1, 2, width, "none yet; r starts one", Role::Dim);
        return;
    }
    let place = app.list.place(app.runs.len());
    let room = usize::from(bottom - 2);
    let first = place.saturating_sub(room.saturating_sub(1));
    for (line, run) in app.runs.iter().enumerate().skip(first).take(room) {
        let y = 2 + (line - first) as u16;
        let under = line == place;
        pen.text(0, y, 1, if under { ">" } else { " " }, Role::Running);
        let opened = wall_text(run.opened).chars().take(16).collect::<String>().replace('T', " ");
        let took = run.took.map(clock_text).unwrap_or_default();
        let debts = if run.debts > 0 { format!("  {} debts", run.debts) } else { String::new() };
        let text = format!(
            "{:<20} {:<8} {:<10} {:<16} {opened}Z {took:>8}{debts}",
            run.run, run.service, run.mode, run.state
        );
        let role = match (&run.trouble, run.open, run.debts) {
            (Some(_), ..) => Role::Bad,
            (None, RunOpen::Open, _) => Role::Running,
            (None, RunOpen::Closed, 0) => Role::Text,
            (None, RunOpen::Closed, _) => Role::Warn,
        };
        let text = run.trouble.as_ref().map_or(text, |why| format!("{:<20} {why}", run.run));
        pen.text(1, y, width - 2, &text, role);
    }
}
