//! A component's objects in both regions, one cursor and one filter over both (layout B).

use crate::{
    app::{
        App,
        lists::{Head, Lists, columns},
        screen::Zoom,
        table::Row,
    },
    domain::{Pair, Side, time::age_text},
    status::Component,
};

use super::{
    pen::{Line, Pen, wrap},
    table::{Grid, in_force},
    theme::Role,
};

/// What is wrong with a list takes at most so many lines before its rows.
const TROUBLE_LINES: usize = 4;

/// A part of the window.
#[derive(Clone, Copy)]
struct Area {
    left: u16,
    right: u16,
    top: u16,
    bottom: u16,
}

pub(super) fn draw(app: &App, component: Component, pen: &mut Pen<'_>) {
    let Some(lists) = app.lists() else { return };
    let (width, foot) = (pen.width(), pen.height() - 1);
    let bottom = if in_force(app, &counted(app, &lists), foot - 1, pen) { foot - 1 } else { foot };
    pen.line(0, 1, width);
    let whole = Area { left: 0, right: width, top: 1, bottom };
    if app.zoom == Zoom::On {
        pane(app, component, app.side, &lists, whole, pen);
        return;
    }
    let middle = width / 2;
    pen.column(middle, 2, bottom);
    pen.put(middle, 1, Line::Down);
    pane(app, component, Side::Primary, &lists, Area { right: middle, ..whole }, pen);
    pane(app, component, Side::Secondary, &lists, Area { left: middle + 1, ..whole }, pen);
}

/// `WE 3 of 20, NE 0 of 20`, and how many nobody can tell of.
fn counted(app: &App, lists: &Lists) -> String {
    let side = |side: Side| {
        let (head, code) = (&lists.sides[side], &app.estate.regions[side].code);
        let unknown = match head.unknown {
            0 => String::new(),
            count => format!(" ({count} not known)"),
        };
        format!("{code} {} of {}{unknown}", head.shown, head.total)
    };
    format!("{}, {}", side(Side::Primary), side(Side::Secondary))
}

fn pane(app: &App, component: Component, side: Side, lists: &Lists, area: Area, pen: &mut Pen<'_>) {
    let list = &lists.sides[side];
    head(app, component, side, list, area, pen);
    let columns = columns(component);
    let room = area.right.saturating_sub(area.left + 4);
    let own = lists.lines.iter().filter_map(|line| line[side].as_ref());
    let grid = Grid::new(columns, own, area.left + 4, room);
    let mut y = area.top + 1;
    if list.total > 0 {
        grid.heads(pen, y, app.sort);
        y += 1;
    }
    let wide = usize::from(area.right - area.left - 2);
    let trouble = list.trouble.iter().flat_map(|trouble| wrap(trouble, wide));
    for line in trouble.take(TROUBLE_LINES) {
        pen.text(area.left + 1, y, wide as u16, &line, Role::Warn);
        y += 1;
    }
    let blank = match (&list.blank, list.shown, list.total) {
        (Some(blank), ..) => Some(blank.clone()),
        (None, 0, total) if total > 0 => Some(format!("none of {total} fits the filter; esc shows all")),
        _ => None,
    };
    if let Some(blank) = blank {
        for line in wrap(&blank, wide) {
            pen.text(area.left + 1, y, wide as u16, &line, Role::Dim);
            y += 1;
        }
    }
    rows(app, side, &lists.lines, &grid, Area { top: y, ..area }, pen);
}

fn head(app: &App, component: Component, side: Side, list: &Head, area: Area, pen: &mut Pen<'_>) {
    let code = &app.estate.regions[side].code;
    let counted = if list.shown == list.total {
        list.total.to_string()
    } else {
        format!("{} of {}", list.shown, list.total)
    };
    // A list that is not whole is never counted as if it were, nor an old one as if it were fresh.
    let more = if list.trouble.is_empty() { "" } else { "+" };
    let last = if list.stale { "last " } else { "" };
    let focus = if side == app.side { ">" } else { " " };
    let words = format!("{focus}{code} {} {last}{counted}{more} ", component.label());
    let role = if side == app.side { Role::Cursor } else { Role::Title };
    pen.text(area.left + 2, 1, area.right - area.left - 3, &words, role);
    if let Some(at) = list.at {
        let stale = if list.stale { "!" } else { "" };
        let age = format!(" {}{stale} ", age_text(app.now().duration_since(at)));
        pen.right(area.right - 1, 1, &age, if list.stale { Role::Warn } else { Role::Dim });
    }
}

fn rows(app: &App, side: Side, lines: &[Pair<Option<Row>>], grid: &Grid, area: Area, pen: &mut Pen<'_>) {
    let place = app.list.place(lines.len());
    let room = usize::from(area.bottom.saturating_sub(area.top));
    // Both sides scroll together, whatever stands above the rows of one of them.
    let least = room.saturating_sub(1).min(usize::from(area.bottom.saturating_sub(TALLEST_HEAD)));
    let first = place.saturating_sub(least);
    for (at, line) in lines.iter().enumerate().skip(first).take(room) {
        let y = area.top + (at - first) as u16;
        let under = at == place;
        let mark = if under && side == app.side { ">" } else { " " };
        pen.text(area.left, y, 1, mark, Role::Running);
        match (&line[side], &line[side.other()]) {
            (Some(row), _) => {
                pen.text(area.left + 1, y, 2, row.state.mark(), Role::of_state(row.state));
                grid.row(pen, y, row, if under { Role::Cursor } else { Role::Text });
            }
            (None, Some(twin)) if twin.link.is_some() => {
                pen.text(area.left + 1, y, 8, "-  none", Role::Dim);
            }
            _ => {}
        }
    }
}

/// First line that rows can have below the longest head of a list.
const TALLEST_HEAD: u16 = 3;
