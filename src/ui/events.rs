//! Events and journal lines, newest first.

use crate::{
    app::{
        App,
        feed::{self, Origin},
    },
    domain::time::time_text,
};

use super::{lists, pen::Pen, theme::Role};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    pen.rule(0, 1, width, "events and journal, newest first");
    let shown: Vec<_> = app.feed.newest().filter(|line| app.filter.admits(&line.text)).collect();
    let place = app.list.place(shown.len());
    let room = usize::from(bottom - 2);
    let first = place.saturating_sub(room.saturating_sub(1));
    for (line, event) in shown.iter().enumerate().skip(first).take(room) {
        let y = 2 + (line - first) as u16;
        let under = line == place;
        pen.text(0, y, 1, if under { ">" } else { " " }, Role::Running);
        pen.text(1, y, 9, &time_text(event.at), Role::Dim);
        let origin = match &event.origin {
            Origin::Journal(seq) => format!("{seq:>4}"),
            origin => format!("{:>4}", feed::code(origin)),
        };
        pen.text(11, y, 4, &origin, Role::Dim);
        let role = if under { Role::Cursor } else { Role::Text };
        pen.text(16, y, width.saturating_sub(17), &event.text, role);
    }
    lists::filter(app, pen);
}
