//! The fields of a row, one of which is copied.

use ratatui::layout::Rect;

use crate::app::dialog::PickDialog;

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
