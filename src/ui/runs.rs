//! The runs of this estate.

use crate::{
    app::{
        App, Intent,
        run::{RunOpen, RunSummary},
    },
    domain::time::{span_text, wall_text},
};

use super::{
    head::WIDE,
    pen::{Pen, columns, padded},
    table::text_in_full,
    theme::Role,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    pen.rule(0, 1, width, "runs of this estate");
    if app.runs.is_empty() {
        pen.text(1, 2, width, &format!("none yet; {} starts one", app.key(Intent::Start)), Role::Dim);
        return;
    }
    let place = app.list.place(app.runs.len());
    let whole = app.runs.get(place).map(|run| self::told(run, width));
    let bottom = match whole.filter(|text| columns(text) > usize::from(width - 2)) {
        Some(text) => text_in_full(&text, bottom, pen),
        None => bottom,
    };
    let room = usize::from(bottom - 2);
    let first = place.saturating_sub(room.saturating_sub(1));
    for (line, run) in app.runs.iter().enumerate().skip(first).take(room) {
        let y = 2 + (line - first) as u16;
        let under = line == place;
        pen.text(0, y, 1, if under { ">" } else { " " }, Role::Running);
        let role = match (&run.trouble, run.open, run.debts) {
            (Some(_), ..) => Role::Bad,
            (None, RunOpen::Open, _) => Role::Running,
            (None, RunOpen::Closed, 0) => Role::Text,
            (None, RunOpen::Closed, _) => Role::Warn,
        };
        pen.text(1, y, width - 2, &told(run, width), role);
    }
}

/// A run in one line; where its journal cannot be trusted, why.
fn told(run: &RunSummary, width: u16) -> String {
    if let Some(why) = &run.trouble {
        return format!("{:<19}{why}", run.run);
    }
    let took = run.took.map(span_text).unwrap_or_default();
    let debts = if run.debts > 0 { format!("{} owed", run.debts) } else { String::new() };
    let (service, mode) = (padded(&run.service, 8), run.mode.as_str());
    let text = format!("{:<19}{service} {mode:<11}{:<26}{debts:<7}{took}", run.run, run.state);
    // The name of a run tells the minute already.
    if width < WIDE {
        return text.trim_end().to_owned();
    }
    let opened = wall_text(run.opened).chars().take(16).collect::<String>().replace('T', " ");
    format!("{}   opened {opened}Z", padded(&text, 84))
}
