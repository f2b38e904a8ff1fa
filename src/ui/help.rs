//! The keys that work here, and dimmed with the reason those that do not just now.

use ratatui::layout::Rect;

use crate::app::App;

use super::{
    keymap::{self, BINDINGS},
    pen::Pen,
    theme::Role,
};

pub(super) fn draw(app: &App, top: usize, pen: &mut Pen<'_>) {
    let below = keymap::below(app);
    let lines: Vec<(String, String, Role)> = BINDINGS
        .iter()
        .filter(|binding| binding.contexts.contains(&below))
        .map(|binding| match keymap::why_not(app, binding.intent) {
            None => (binding.key.name(), binding.help.to_owned(), Role::Text),
            Some(why) => (binding.key.name(), format!("{} ({why})", binding.help), Role::Dim),
        })
        .collect();
    let height = (lines.len() as u16 + 2).min(pen.height().saturating_sub(2));
    let width = pen.width().min(72);
    let area = Rect::new((pen.width() - width) / 2, 1, width, height);
    pen.frame(area, "keys that work here", Role::Title);
    let room = usize::from(height.saturating_sub(2));
    let first = top.min(lines.len().saturating_sub(room));
    for (line, (key, text, role)) in lines.iter().skip(first).take(room).enumerate() {
        let y = area.y + 1 + line as u16;
        pen.text(area.x + 2, y, 10, key, if *role == Role::Dim { Role::Dim } else { Role::Key });
        pen.text(area.x + 13, y, width - 15, text, *role);
    }
}
