//! Rows in columns: how wide, how cut, and what the filter and the order are.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use crate::{
    app::{
        App,
        screen::Filter,
        table::{Column, Field, Row, Sort, Value, Way, longest, widths},
    },
    domain::mask,
};

use super::{
    head,
    pen::{Pen, columns, wrap_in},
    theme::Role,
};

/// Where the columns of a list stand.
pub(super) struct Grid {
    columns: &'static [Column],
    widths: Vec<u16>,
    left: u16,
}

impl Grid {
    /// For rows drawn from `left` in `room` columns.
    pub(super) fn new<'r>(
        columns: &'static [Column],
        rows: impl Iterator<Item = &'r Row>,
        left: u16,
        room: u16,
    ) -> Self {
        Self::fitting(columns, &longest(columns.len(), rows), left, room)
    }

    /// The same where it is known how long the fields of each column are.
    pub(super) fn fitting(columns: &'static [Column], longest: &[u16], left: u16, room: u16) -> Self {
        Self { columns, widths: widths(columns, longest, room), left }
    }

    /// The heads of the columns; the one the list is sorted by is marked.
    pub(super) fn heads(&self, pen: &mut Pen<'_>, y: u16, sort: Sort) {
        let mut x = self.left;
        for (at, width) in self.shown() {
            let column = &self.columns[at];
            let sorted = sort.column == Some(at);
            let mark = if sort.way == Way::Back { "^" } else { "v" };
            let head = match (sorted, usize::from(width) > column.head.len() + 1) {
                (true, true) => format!("{} {mark}", column.head),
                _ => column.head.to_owned(),
            };
            let role = if sorted { Role::Title } else { Role::Dim };
            pen.text(x, y, width, &head, role);
            x += width + 1;
        }
    }

    /// One row, its name in `role`.
    pub(super) fn row(&self, pen: &mut Pen<'_>, y: u16, row: &Row, role: Role) {
        self.row_in(pen, y, row, role, Role::Text);
    }

    /// One row, its name in `role` and the rest in `rest`.
    pub(super) fn row_in(&self, pen: &mut Pen<'_>, y: u16, row: &Row, role: Role, rest: Role) {
        let mut x = self.left;
        for (at, width) in self.shown() {
            let Some(field) = row.fields.get(at) else { continue };
            let role = match (at, field.value) {
                (0, _) => role,
                (_, Value::Unknown) => Role::Dim,
                _ => rest,
            };
            pen.text(x, y, width, &said(field, width), role);
            x += width + 1;
        }
    }

    /// How many columns of the list have no room here; those that are never shown do not count.
    pub(super) fn hidden(&self) -> usize {
        self.columns
            .iter()
            .zip(&self.widths)
            .filter(|(column, width)| column.width > 0 && **width == 0)
            .count()
    }

    /// What a row holds in the columns that have no room, each with its name in a filter.
    pub(super) fn beyond(&self, row: &Row) -> String {
        let hidden = self.columns.iter().zip(&self.widths).zip(&row.fields);
        let hidden = hidden.filter(|((column, width), _)| column.width > 0 && **width == 0);
        let words = hidden.filter(|(_, field)| !field.whole().is_empty());
        let words = words.map(|((column, _), field)| format!("{} {}", column.key, field.whole()));
        words.collect::<Vec<_>>().join(", ")
    }

    fn shown(&self) -> impl Iterator<Item = (usize, u16)> {
        self.widths.iter().copied().enumerate().filter(|(_, width)| *width > 0)
    }
}

/// Lines that [`in_full`] takes at least, so that a list does not move with every row.
const FULL: usize = 2;
/// Lines that stay above it: line 1, two heads, and enough of the list to go through it.
const KEPT: u16 = 6;

/// The row under the cursor in full, above `bottom`: its text is cut where it stands in the list. The
/// line it begins at.
pub(super) fn in_full(row: Option<&Row>, bottom: u16, pen: &mut Pen<'_>) -> u16 {
    row.map_or(bottom, |row| text_in_full(&row.words(), bottom, pen))
}

/// A text in full, above `bottom`, with a line above it. The line it begins at.
pub(super) fn text_in_full(text: &str, bottom: u16, pen: &mut Pen<'_>) -> u16 {
    let width = pen.width();
    let most = usize::from(bottom.saturating_sub(KEPT + 1)).max(FULL);
    let lines = wrap_in(text, usize::from(width - 2), most);
    let top = bottom.saturating_sub(lines.len().max(FULL) as u16 + 1);
    pen.line(0, top, width);
    for (y, line) in (top + 1..bottom).zip(&lines) {
        pen.text(1, y, width - 2, line, Role::Text);
    }
    top
}

/// In full where there is room for it. An id is masked before it is cut: a part of it would have a mask of
/// its own.
fn said(field: &Field, width: u16) -> Cow<'_, str> {
    if let Some(id) = &field.id
        && let Cow::Owned(masked) = mask::said(id)
    {
        return Cow::Owned(masked);
    }
    if field.long().width() <= usize::from(width) { field.long().into() } else { field.text.as_str().into() }
}

/// What hides or orders rows, on the line above the footer; whether there was anything to say.
/// `counted` is such as `3 of 20`.
pub(super) fn in_force(app: &App, counted: &str, y: u16, pen: &mut Pen<'_>) -> bool {
    let width = pen.width();
    let order = app.sort.words(app.columns().unwrap_or(&[]));
    let mistake = app.query().err();
    match &app.filter {
        Filter::Off if order.is_empty() => return false,
        Filter::Off => {
            pen.text(1, y, width - 2, &format!("sorted {order}"), Role::Notice);
        }
        Filter::Typing(field) => {
            let x = pen.text(1, y, width - 2, &format!("filter: {}", field.text()), Role::Key);
            pen.point(x, y);
            let said = mistake.unwrap_or_else(|| counted.to_owned());
            if columns(&said) <= usize::from(width.saturating_sub(x + 3)) {
                pen.text(x + 2, y, width.saturating_sub(x + 3), &said, Role::Notice);
            } else {
                head::said(&said, y - 1, Role::Notice, pen);
            }
        }
        Filter::On(field) => {
            let order = if order.is_empty() { order } else { format!("   sorted {order}") };
            let words = format!("filter: {}   {counted}{order}   esc: all", field.trimmed());
            pen.text(1, y, width - 2, &words, Role::Notice);
        }
    }
    true
}
