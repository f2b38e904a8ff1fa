//! Events and journal lines, newest first.

use crate::app::{App, Intent, feed::FeedLine, journal::Follow};

use super::{
    pen::Pen,
    table::{Grid, in_force, in_full},
    theme::Role,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, foot) = (pen.width(), pen.height() - 1);
    pen.rule(0, 1, width, "events and journal, newest first");
    if app.behind() > 0 || app.follow != Follow::Following {
        pen.rule_right(
            width - 1,
            1,
            &format!("PAUSED, {} new  {} follows", app.behind(), app.key(Intent::Pause)),
        );
    }
    let shown = app.events();
    let counted = format!("{} of {}", shown.len(), app.feed.count());
    let bottom = if in_force(app, &counted, foot - 1, pen) { foot - 1 } else { foot };
    let grid = Grid::new(FeedLine::COLUMNS, shown.iter(), 1, width - 2);
    grid.heads(pen, 2, app.sort);
    if shown.is_empty() {
        pen.text(1, 3, width - 2, "none fits the filter; esc shows all", Role::Dim);
    }
    let place = app.list.place(shown.len());
    let bottom = in_full(shown.get(place), bottom, pen);
    let room = usize::from(bottom.saturating_sub(3));
    let first = place.saturating_sub(room.saturating_sub(1));
    for (line, row) in shown.iter().enumerate().skip(first).take(room) {
        let y = 3 + (line - first) as u16;
        let under = line == place;
        pen.text(0, y, 1, if under { ">" } else { " " }, Role::Running);
        grid.row(pen, y, row, if under { Role::Cursor } else { Role::Dim });
    }
}
