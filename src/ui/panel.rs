//! Both regions in short, beside the run.

use crate::{
    app::App,
    domain::{Side, time::age_text},
    engine::RunView,
    status::{CellState, Component},
};

use super::{
    pen::{Line, Pen},
    theme::Role,
};

/// What of a region matters while a run goes on.
const ROWS: [Component; 6] = [
    Component::Hosts,
    Component::Sessions,
    Component::Assignments,
    Component::Profiles,
    Component::Directory,
    Component::Capacity,
];

/// Draws the side that is left above the side that is opened, from column `x` between two rows.
pub(super) fn draw(app: &App, view: &RunView, pen: &mut Pen<'_>, x: u16, top: u16, bottom: u16) {
    let mut y = top;
    for side in [view.from, view.to] {
        if y >= bottom {
            return;
        }
        head(app, side, pen, x, y);
        y += 1;
        // The side that is left has no capacity worth a row: nobody is to be sent there.
        let rows = if side == view.from { &ROWS[..5] } else { &ROWS[..] };
        for component in rows {
            if y >= bottom {
                return;
            }
            pen.put(x, y, Line::Vertical);
            row(app, *component, side, pen, x + 1, y);
            y += 1;
        }
    }
    pen.column(x, y, bottom);
}

fn head(app: &App, side: Side, pen: &mut Pen<'_>, x: u16, y: u16) {
    let width = pen.width();
    let head = &app.summary.regions[side];
    pen.line(x, y, width - x);
    pen.put(x, y, if y == 1 { Line::Down } else { Line::Right });
    let role = if head.dead { Role::Bad } else { Role::Title };
    let dead = if head.dead { " DEAD" } else { "" };
    pen.text(x + 2, y, width - x - 3, &format!(" {} {}{dead} ", head.code, head.role), role);
}

fn row(app: &App, component: Component, side: Side, pen: &mut Pen<'_>, x: u16, y: u16) {
    let Some(cell) = app.summary.cell(component, side) else { return };
    let width = pen.width();
    let name = match component {
        Component::Assignments => "assigned",
        other => other.label(),
    };
    pen.text(x, y, 9, name, Role::Dim);
    let age = cell.age(app.now()).map(age_text).unwrap_or_default();
    let (age, role) = if cell.stale { (format!("{age}!"), Role::Stale) } else { (age, Role::Dim) };
    let end = pen.right(width - 1, y, &age, role);
    let role = if cell.state == CellState::Ok { Role::Text } else { Role::of_state(cell.state) };
    let words = match cell.state {
        CellState::Ok => cell.short_text.clone(),
        state => format!("{} {}", state.mark(), cell.short_text),
    };
    pen.text(x + 10, y, end.saturating_sub(x + 11), &words, role);
}
