//! What `y` and `Y` put on the clipboard.

use super::{
    dialog::{Modal, PickDialog},
    event::{Effect, Intent},
    screen::{Cursor, Screen},
    state::App,
    table::Row,
};

impl App {
    /// `y` copies the list a confirmation shows, and nothing else.
    pub(super) fn copy_offer(&mut self) {
        let Some(Modal::Confirm(dialog)) = self.modals.last() else { return };
        let Some(offer) = &dialog.offer else { return };
        let mut text = format!("{} {} list {}\n", dialog.step, offer.what, offer.hash);
        for line in &offer.writes {
            text.push_str(&line.key);
            for word in [" ", &line.method, " ", line.path.as_str(), "\n"] {
                text.push_str(word);
            }
        }
        self.want(Effect::CopyText(text));
    }

    pub(super) fn copy(&mut self) {
        match self.row_text() {
            Some(text) => {
                self.want(Effect::CopyText(text));
            }
            None => self.say("nothing to copy here"),
        }
    }

    /// Offers the fields of the row under the cursor; in the detail view the one under the cursor is
    /// chosen already.
    pub(super) fn pick(&mut self) {
        let mut fields = self.row_fields();
        match (self.screen, fields.len()) {
            (_, 0) => self.say("nothing to copy here"),
            (Screen::Detail(_), count) => {
                let (_, value) = fields.swap_remove(self.list.place(count));
                self.want(Effect::CopyText(value));
            }
            _ => self.modals.push(Modal::Pick(PickDialog { fields, at: 0 })),
        }
    }

    pub(super) fn intend_pick(&mut self, intent: Intent, at: u64) {
        let Some(Modal::Pick(dialog)) = self.modals.last_mut() else { return };
        match intent {
            Intent::Move(motion) => {
                let mut cursor = Cursor::default();
                cursor.put(dialog.at);
                cursor.go(motion, dialog.fields.len());
                dialog.at = cursor.place(dialog.fields.len());
            }
            Intent::Enter => {
                let value = dialog.fields.get(dialog.at).map(|(_, value)| value.clone());
                self.close_modal(at);
                if let Some(value) = value {
                    self.want(Effect::CopyText(value));
                }
            }
            _ => {}
        }
    }

    /// The fields of the row under the cursor, by name.
    fn row_fields(&self) -> Vec<(String, String)> {
        let of = |row: &Row| -> Vec<(String, String)> {
            let columns = self.columns().unwrap_or(&[]).iter();
            let named = columns.zip(&row.fields);
            named.map(|(column, field)| (column.key.to_owned(), field.whole().to_owned())).collect()
        };
        match self.screen {
            Screen::Lists(_) => {
                let Some(lists) = self.lists() else { return Vec::new() };
                let Some(line) = lists.lines.get(self.list.place(lists.lines.len())) else {
                    return Vec::new();
                };
                let Some(row) = line[self.side].as_ref().or(line[self.side.other()].as_ref()) else {
                    return Vec::new();
                };
                let mut fields = of(&row.at(self.shown_at()));
                fields.extend(row.object.iter().map(|object| ("id".to_owned(), object.key.clone())));
                fields
            }
            Screen::Detail(_) => {
                let Some((_, detail)) = self.detail() else { return Vec::new() };
                detail.facts().map(|(_, fact)| (fact.name.to_owned(), fact.value.clone())).collect()
            }
            Screen::Journal => {
                let rows = self.records();
                rows.get(self.journal_place(rows.len())).map(of).unwrap_or_default()
            }
            Screen::Events => {
                let rows = self.events();
                rows.get(self.list.place(rows.len())).map(of).unwrap_or_default()
            }
            Screen::Readiness => {
                let groups = self.checks();
                let mut rows = groups.iter().flat_map(|group| &group.checks);
                let place = self.list.place(self.list_count());
                rows.nth(place).map(|(row, _)| of(row)).unwrap_or_default()
            }
            _ => self.row_text().map(|text| vec![("row".to_owned(), text)]).unwrap_or_default(),
        }
    }

    /// Whether there is a row under the cursor.
    pub fn has_row(&self) -> bool {
        self.row_text().is_some()
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
                let side = |row: &Option<Row>| row.as_ref().map(|row| row.at(self.shown_at()).words());
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
                let lines: Vec<_> = found.lines().collect();
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
