//! What `y` and `Y` put on the clipboard.

use super::{event::Effect, screen::Screen, state::App, table::Row};

impl App {
    pub(super) fn copy(&mut self) {
        match self.row_text() {
            Some(text) => {
                self.say(format!("copied: {text}"));
                self.want(Effect::CopyText(text));
            }
            None => self.say("nothing to copy here"),
        }
    }

    /// The row under the cursor as text.
    fn row_text(&self) -> Option<String> {
        match self.screen {
            Screen::Home => {
                let row = self.summary.rows.get(self.home.place(self.summary.rows.len()))?;
                let [one, two] = [&row.cells.primary, &row.cells.secondary];
                let codes = &self.summary.regions;
                Some(format!(
                    "{}: {} {}; {} {}",
                    row.component.key(),
                    codes.primary.code,
                    one.text,
                    codes.secondary.code,
                    two.text
                ))
            }
            Screen::Run => {
                self.selected_step().map(|step| format!("{} {} {}", step.id, step.state.word(), step.title))
            }
            Screen::Lists(_) => {
                let lists = self.lists()?;
                let line = lists.lines.get(self.list.place(lists.lines.len()))?;
                let side = |row: &Option<Row>| row.as_ref().map(Row::words);
                let both: Vec<String> =
                    [side(&line.primary), side(&line.secondary)].into_iter().flatten().collect();
                (!both.is_empty()).then(|| both.join("; "))
            }
            Screen::Detail(_) => {
                let (_, detail) = self.detail()?;
                let count = detail.facts().count();
                let fact = detail.facts().nth(self.list.place(count));
                fact.map(|(_, fact)| format!("{}: {}", fact.name, fact.value))
            }
            Screen::Runs => self.runs.get(self.list.place(self.runs.len())).map(|run| run.run.clone()),
            Screen::Journal => {
                let rows = self.records();
                rows.get(self.journal_place(rows.len())).map(Row::words)
            }
            Screen::Readiness => {
                let groups = self.checks();
                let rows: Vec<&Row> =
                    groups.iter().flat_map(|group| &group.checks).map(|(row, _)| row).collect();
                rows.get(self.list.place(rows.len())).map(|row| row.words())
            }
            Screen::Vantage => {
                let found = self.vantage();
                let lines: Vec<_> = found.calls.iter().chain(&found.signs).collect();
                let line = lines.get(self.list.place(lines.len()))?;
                let codes = &self.estate.regions;
                let [one, two] = [&line.cells.primary.full, &line.cells.secondary.full];
                Some(format!("{}: {} {one}; {} {two}", line.label, codes.primary.code, codes.secondary.code))
            }
            Screen::Events => {
                let lines = self.events();
                lines.get(self.list.place(lines.len())).map(Row::words)
            }
        }
    }
}
