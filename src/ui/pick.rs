//! Choosing from what there is: the field of a row that is copied, the list that is opened.

use ratatui::layout::Rect;

use crate::{
    app::{App, dialog::PickDialog, screen::DIGITS},
    domain::Side,
};

use super::{pen::Pen, theme::Role};

/// Columns of a field's name.
const NAME: u16 = 12;

pub(super) fn draw(dialog: &PickDialog, pen: &mut Pen<'_>) {
    let height = (dialog.fields.len() as u16 + 2).min(pen.height().saturating_sub(2));
    let width = pen.width().min(72);
    let area = Rect::new((pen.width() - width) / 2, 2, width, height);
    pen.frame(area, "copy which field? enter copies, esc closes", Role::Title);
    let room = usize::from(height.saturating_sub(2));
    let first = (dialog.at + 1).saturating_sub(room);
    for (line, (name, value)) in dialog.fields.iter().enumerate().skip(first).take(room) {
        let y = area.y + 1 + (line - first) as u16;
        let under = line == dialog.at;
        pen.text(area.x + 1, y, 1, if under { ">" } else { " " }, Role::Running);
        pen.text(area.x + 2, y, NAME, name, Role::Dim);
        let role = if under { Role::Cursor } else { Role::Text };
        pen.text(area.x + 3 + NAME, y, width.saturating_sub(NAME + 5), value, role);
    }
}

/// Columns of a row's digit and name, and of what one side says.
const LABEL: u16 = 17;
const SIDE: u16 = 27;

/// The rows of home with their digits, and how both regions stand.
pub(super) fn lists(app: &App, place: usize, pen: &mut Pen<'_>) {
    let rows = &app.summary.rows;
    let height = (rows.len() as u16 + 2).min(pen.height().saturating_sub(2));
    let width = pen.width().min(LABEL + 2 * SIDE + 1);
    let area = Rect::new((pen.width() - width) / 2, 2, width, height);
    pen.frame(area, "which list? its digit or enter opens it, esc closes", Role::Title);
    for (line, (row, digit)) in rows.iter().zip(DIGITS).enumerate() {
        let y = area.y + 1 + line as u16;
        let under = line == place;
        pen.text(area.x + 1, y, 1, if under { ">" } else { " " }, Role::Running);
        pen.text(area.x + 2, y, 1, &digit.to_string(), Role::Key);
        pen.text(area.x + 4, y, 11, row.component.label(), if under { Role::Cursor } else { Role::Text });
        for (side, share) in Side::BOTH.into_iter().zip([0, 1]) {
            let half = (width - LABEL - 1) / 2;
            let (x, cell) = (area.x + LABEL + share * half, &row.cells[side]);
            pen.text(x, y, 2, cell.state.mark(), Role::of_state(cell.state));
            let code = &app.summary.regions[side].code;
            pen.text(x + 3, y, half - 4, &format!("{code} {}", cell.short_text), Role::Text);
        }
    }
}
