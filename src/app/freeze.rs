//! A display that stands still while everything behind it goes on.

use crate::{
    domain::{picture::Picture, text::counted, time::Timestamp},
    engine::RunView,
    status::Summary,
};

use super::{
    event::Intent,
    feed::Feed,
    ours,
    run::RunSummary,
    state::{App, Settled},
};

/// What goes on behind a display that stands still. Meanwhile the app's own picture, summary, checks,
/// runs and events are those of the moment it was frozen.
#[derive(Debug)]
pub(super) struct Behind {
    /// Terminal time it was frozen at.
    since: u64,
    /// Estate time it was frozen at.
    pub(super) now: Timestamp,
    /// The run as it was.
    pub(super) run: Option<RunView>,
    /// The run that was open at that moment and the last record of its journal.
    pub(super) records: Option<(String, u64)>,
    pub(super) picture: Picture,
    pub(super) feed: Feed,
    pub(super) runs: Vec<RunSummary>,
    /// Lines of the feed at that moment.
    told: u64,
    /// Cells that say something else by now.
    cells: usize,
}

/// That the display stands still, for line 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frozen {
    /// For how long, in milliseconds of the terminal clock.
    pub for_ms: u64,
    /// What has changed behind it: cells that say something else, and new events.
    pub missed: u64,
}

impl Behind {
    fn missed(&self) -> u64 {
        self.cells as u64 + self.feed.pushed().saturating_sub(self.told)
    }

    /// Counts the cells of `shown` that say something else in `live`.
    fn compare(&mut self, shown: &Summary, live: &Summary) {
        let cells = |summary: &Summary| {
            let rows = summary.rows.iter().flat_map(|row| {
                row.cells
                    .iter()
                    .map(move |(side, cell)| ((row.component, side), (cell.state, cell.text.clone())))
            });
            rows.collect::<std::collections::BTreeMap<_, _>>()
        };
        let (shown, live) = (cells(shown), cells(live));
        self.cells = live.iter().filter(|(place, cell)| shown.get(place) != Some(cell)).count();
    }
}

impl App {
    /// Whether the display stands still, and what it misses.
    pub fn frozen(&self) -> Option<Frozen> {
        let behind = self.behind.as_ref()?;
        let for_ms = self.moment.terminal.saturating_sub(behind.since);
        Some(Frozen { for_ms, missed: behind.missed() })
    }

    /// The moment that what is shown was true at.
    pub fn shown_at(&self) -> Timestamp {
        self.behind.as_ref().map_or(self.moment.now, |behind| behind.now)
    }

    /// All readings as they are now, whatever is shown.
    pub fn live_picture(&self) -> &Picture {
        self.behind.as_ref().map_or(&self.picture, |behind| &behind.picture)
    }

    /// Freezes the display, or lets it go on.
    pub(super) fn freeze(&mut self) {
        if let Some(frozen) = self.frozen() {
            self.thaw();
            return self.say(format!("live again, missed: {}", counted(frozen.missed, "change")));
        }
        self.behind = Some(Box::new(Behind {
            since: self.moment.terminal,
            now: self.moment.now,
            run: self.run.as_ref().map(|run| run.view.clone()),
            records: self.run.as_ref().map(|run| (run.view.run.clone(), run.seq)),
            picture: self.picture.clone(),
            feed: self.feed.clone(),
            runs: self.runs.clone(),
            told: self.feed.pushed(),
            cells: 0,
        }));
        let key = self.key(Intent::Freeze);
        self.say(format!("the display stands still, polling goes on; {key} shows what is now"));
    }

    /// Shows everything as it is now.
    pub(super) fn thaw(&mut self) {
        let Some(behind) = self.behind.take() else { return };
        self.picture = behind.picture;
        self.feed = behind.feed;
        self.runs = behind.runs;
        self.checked = None;
        self.settled = Settled::No;
    }

    /// Before anything is decided the picture is live: what is confirmed must be what is there.
    pub(super) fn thaw_for(&mut self, intent: Intent) {
        if intent.acts_on(self.screen) {
            self.thaw_to_act();
        }
    }

    /// The same for what a command line asks for.
    pub(super) fn thaw_to_act(&mut self) {
        if self.behind.is_some() {
            self.thaw();
            self.settle();
            self.say("live again: nothing is decided over a display that stands still");
        }
    }

    /// Sums up what is behind a frozen display.
    pub(super) fn settle_behind(&mut self, runs: &[RunView]) {
        let Some(behind) = &mut self.behind else { return };
        let (live, _) = ours::sum_up(&self.estate, &behind.picture, runs, self.scope, self.moment.now);
        behind.compare(&self.summary, &live);
    }

    /// What is shown of the services in scope, from the picture that stands still.
    pub(super) fn rescope_frozen(&mut self) {
        let Some(behind) = &self.behind else { return };
        let (runs, now): (Vec<RunView>, Timestamp) = (behind.run.iter().cloned().collect(), behind.now);
        (self.summary, self.drained) = ours::sum_up(&self.estate, &self.picture, &runs, self.scope, now);
        self.readiness = self.checks_at(now);
    }
}
