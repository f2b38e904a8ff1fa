//! The runs of this estate.

use crate::{
    app::{
        App, Intent,
        run::{RunOpen, RunSummary},
    },
    domain::time::{Span, age_text, span_text, wall_text},
};

use super::{
    head::WIDE,
    pen::{Pen, columns, padded},
    table::text_in_full,
    theme::Role,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    pen.rule_pair((0, width), 1, "runs of this estate", "with the time of its last record");
    if app.runs.is_empty() {
        pen.text(1, 2, width, &format!("none yet; {} starts one", app.key(Intent::Start)), Role::Dim);
        return;
    }
    let place = app.list.place(app.runs.len());
    let widths = Widths::of(&app.runs);
    let told = |run: &RunSummary| widths.told(run, width);
    let whole = app.runs.get(place).map(told);
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
        pen.text(1, y, width - 2, &told(run), role);
    }
}

/// What the words of all runs take: a column is no wider than it has to be, so that how long a run took is
/// seen at 80 columns.
struct Widths {
    service: usize,
    state: usize,
    debts: usize,
    since: usize,
}

impl Widths {
    fn of(runs: &[RunSummary]) -> Self {
        let most = |words: fn(&RunSummary) -> usize| runs.iter().map(words).max().unwrap_or_default();
        Self {
            service: most(|run| columns(&run.service)),
            state: most(|run| columns(&run.state)),
            debts: most(|run| owed(run).map_or(0, |text| columns(&text) + 1)),
            since: most(|run| columns(&run.since_text())),
        }
    }

    /// A run in one line; where its journal cannot be trusted, why.
    fn told(&self, run: &RunSummary, width: u16) -> String {
        if let Some(why) = &run.trouble {
            return format!("{:<19}x  {why}", run.run);
        }
        // Of one that goes on nobody knows yet how long it takes.
        let ended = run.open == RunOpen::Closed || run.debts > 0;
        let took = run.took.filter(|_| ended);
        let took = took.map(if width < WIDE { brief } else { span_text }).unwrap_or_default();
        let (service, state) = (padded(&run.service, self.service), padded(&run.state, self.state));
        let debts = padded(&owed(run).unwrap_or_default(), self.debts);
        let since = padded(&run.since_text(), self.since);
        // What is owed is what the colour tells: it is never cut. Nor is since when the run stands as it does.
        let text = format!("{:<19}{debts}{service} {since} {state} {:<10} {took}", run.run, run.mode);
        // The name of a run tells the minute already.
        if width < WIDE {
            return text.trim_end().to_owned();
        }
        let opened = wall_text(run.opened).chars().take(16).collect::<String>().replace('T', " ");
        format!("{}   opened {opened}Z", padded(&text, 84))
    }
}

/// How long a run took, where there is little room: `38m`, `12h34`.
fn brief(took: Span) -> String {
    match took.as_hours() {
        ..1 => age_text(took),
        hours => format!("{hours}h{:02}", took.as_mins() % 60),
    }
}

fn owed(run: &RunSummary) -> Option<String> {
    (run.debts > 0).then(|| format!("{} owed", run.debts))
}
