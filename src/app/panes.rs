//! The panes beside the matrix and the run: journal, readiness, vantage, and the keys that jump to
//! them.

use super::{
    event::{Effect, Motion},
    journal::Follow,
    query::Fit,
    ready::{self, Group},
    screen::{Cursor, Screen},
    state::App,
    table::{Row, Way},
    vantage::{Ground, Vantage, vantage},
};
/// The panes by their number key, with the word for each.
pub const PANES: [(u8, &str, Screen); 7] = [
    (1, "home", Screen::Home),
    (2, "run", Screen::Run),
    (3, "journal", Screen::Journal),
    (4, "events", Screen::Events),
    (5, "runs", Screen::Runs),
    (6, "readiness", Screen::Readiness),
    (7, "vantage", Screen::Vantage),
];

impl App {
    /// Jumps to a pane by its number.
    pub(super) fn open_pane(&mut self, number: u8) {
        let Some((_, _, screen)) = PANES.into_iter().find(|(own, ..)| *own == number) else { return };
        match screen {
            Screen::Run if self.run.is_none() => self.say(self.no_run()),
            Screen::Journal => self.open_journal(None),
            screen => self.show(screen),
        }
    }

    /// Shows the journal of a run: the one named, the one under the cursor, the open one, the last.
    pub(super) fn open_journal(&mut self, run: Option<String>) {
        let chosen = match self.screen {
            Screen::Runs => self.runs.get(self.list.place(self.runs.len())).map(|run| run.run.clone()),
            _ => None,
        };
        self.read_journal(run.or(chosen));
        self.show(Screen::Journal);
    }

    /// Has the journal of a run read, so that the pane can show it.
    pub(super) fn read_journal(&mut self, run: Option<String>) {
        let open = self.run.as_ref().map(|run| run.view.run.clone());
        let last = self.runs.first().map(|run| run.run.clone());
        if let Some(run) = run.or(open).or(last) {
            self.journal.turn_to(&run);
            self.want(Effect::ReadJournal(run));
        }
    }

    /// The records that the filter admits, oldest first unless sorted.
    pub fn records(&self) -> Vec<Row> {
        let query = self.query().unwrap_or_default();
        // Frozen, the open run has no more than it had; the journal of another one does not grow.
        let open = self.behind.as_ref().and_then(|behind| behind.records.as_ref());
        let open = open.filter(|(run, _)| self.journal.run.as_deref() == Some(run));
        let last = open.map_or(u64::MAX, |(_, seq)| *seq);
        let rows = self.journal.rows_to(self.shown_at(), last);
        let mut rows: Vec<Row> = rows.filter(|row| query.fits(row) == Fit::Yes).collect();
        if self.sort.column.is_some() {
            rows.sort_by(|one, two| self.sort.order(one, two));
        } else if self.sort.way == Way::Back {
            rows.reverse();
        }
        rows
    }

    /// Where the journal's cursor is: at the end, unless it stands still.
    pub fn journal_place(&self, count: usize) -> usize {
        match self.follow {
            Follow::Following => count.saturating_sub(1),
            Follow::Paused(_) => self.list.place(count),
        }
    }

    pub(super) fn go_through_journal(&mut self, motion: Motion, count: usize) {
        let mut cursor = Cursor::default();
        cursor.put(self.journal_place(count));
        cursor.go(motion, count);
        self.list = cursor;
        let at_end = cursor.place(count) + 1 >= count;
        match (self.follow, motion) {
            (_, Motion::Last) => self.follow = Follow::Following,
            (Follow::Following, _) if !at_end => self.stand_still(),
            _ => {}
        }
    }

    fn stand_still(&mut self) {
        self.follow = Follow::Paused(match self.screen {
            Screen::Journal => self.journal.count() as u64,
            _ => self.feed.pushed(),
        });
    }

    /// Lets a pane of lines stand still, or follow again.
    pub(super) fn pause(&mut self) {
        match (self.follow, self.screen) {
            (Follow::Following, Screen::Journal) => {
                let place = self.journal_place(self.records().len());
                self.list.put(place);
                self.stand_still();
            }
            (Follow::Following, _) => self.stand_still(),
            (Follow::Paused(_), _) => self.follow = Follow::Following,
        }
    }

    /// Lines that came since the pane stands still.
    pub fn behind(&self) -> usize {
        let now = match self.screen {
            Screen::Journal => self.journal.count() as u64,
            _ => self.feed.pushed(),
        };
        match self.follow {
            Follow::Following => 0,
            Follow::Paused(then) => usize::try_from(now.saturating_sub(then)).unwrap_or(usize::MAX),
        }
    }

    /// The checks as their pane shows them.
    pub fn checks(&self) -> Vec<Group<'_>> {
        let query = self.query().unwrap_or_default();
        ready::groups(&self.estate, &self.readiness, &query, self.sort, self.shown_at())
    }

    /// How both regions look from here.
    pub fn vantage(&self) -> Vantage {
        vantage(&Ground {
            estate: &self.estate,
            picture: &self.picture,
            scope: self.scope,
            facts: &self.facts,
            run: self.run_view(),
            now: self.shown_at(),
        })
    }
}
