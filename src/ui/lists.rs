//! A component's objects in both regions, one cursor and one filter over both (layout B).

use crate::{
    app::{
        App,
        lists::{Head, Lists, columns},
        screen::Zoom,
        table::Row,
    },
    domain::{Pair, Side, text::counted as counted_of, time::age_text},
    status::{Aged, Component},
};

use super::{
    pen::{Line, Pen, columns as text_columns, wrap, wrap_in},
    table::{Grid, in_force},
    theme::Role,
};

/// What is wrong with a list takes at most so many lines before its rows: two for each of two sentences, and
/// where there are more, as many again.
const TROUBLE_LINES: usize = 4;
const MORE_LINES: usize = 6;

/// A side with fewer columns says in fewer of them which rows it shows.
const NARROW: u16 = 36;
/// In a window with fewer columns the row under the cursor tells what has no room in its list: the reason of its
/// mark can be among it.
const ROOMY: u16 = 80;
/// Columns of ` +2`.
const MORE_COLUMNS: usize = 4;

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
    let bottom = if width < ROOMY { beyond(app, component, &lists, bottom, pen) } else { bottom };
    pen.line(0, 1, width);
    let whole = Area { left: 0, right: width, top: 1, bottom };
    if app.zoom == Zoom::On {
        let told = told(&lists.sides[app.side], whole);
        pane(app, component, app.side, &lists, (told.len(), &told), whole, pen);
        return;
    }
    let middle = width / 2;
    pen.column(middle, 2, bottom);
    pen.put(middle, 1, Line::Down);
    let areas =
        Pair { primary: Area { right: middle, ..whole }, secondary: Area { left: middle + 1, ..whole } };
    let told = Pair::build(|side| told(&lists.sides[side], areas[side]));
    // Rows of one line stand on one row of the window, whatever is said above one of them.
    let tallest = told.primary.len().max(told.secondary.len());
    for side in Side::BOTH {
        pane(app, component, side, &lists, (tallest, &told[side]), areas[side], pen);
    }
}

/// What is said above the rows of a side: what is wrong with the list, or why it has none.
fn told(list: &Head, area: Area) -> Vec<(String, Role)> {
    let wide = usize::from(area.right - area.left - 2);
    let troubles: Vec<&String> = list.trouble.iter().chain(&list.notes).collect();
    let mut told: Vec<(String, Role)> =
        shares(&troubles, wide).into_iter().map(|line| (line, Role::Warn)).collect();
    let blank = match (&list.blank, list.shown, list.total) {
        (Some(blank), ..) => Some(blank.clone()),
        (None, 0, total) if total > 0 => Some(format!("none of {total} fits the filter; esc shows all")),
        _ => None,
    };
    told.extend(blank.iter().flat_map(|text| wrap(text, wide)).map(|line| (line, Role::Dim)));
    told
}

/// Sentences in as many lines as there is room for: each has its first, then each its second where there is
/// one, and so on, the first of them first.
fn shares(all: &[&String], wide: usize) -> Vec<String> {
    let room = if all.len() > 2 { MORE_LINES } else { TROUBLE_LINES };
    let shown = if all.len() > room { room - 1 } else { all.len() };
    let mut spare = room - shown - usize::from(shown < all.len());
    let wanted: Vec<usize> = all[..shown].iter().map(|text| wrap(text, wide).len()).collect();
    let mut given = vec![1; shown];
    while let Some(next) =
        (0..shown).filter(|at| given[*at] < wanted[*at]).min_by_key(|at| given[*at]).filter(|_| spare > 0)
    {
        given[next] += 1;
        spare -= 1;
    }
    let mut lines: Vec<String> =
        all.iter().zip(given).flat_map(|(text, most)| wrap_in(text, wide, most)).collect();
    if shown < all.len() {
        lines.push(format!("and {} more", all.len() - shown));
    }
    lines
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

fn pane(
    app: &App,
    component: Component,
    side: Side,
    lists: &Lists,
    (above, told): (usize, &[(String, Role)]),
    area: Area,
    pen: &mut Pen<'_>,
) {
    let top = area.top + 1;
    for (y, (line, role)) in (top..area.bottom).zip(told) {
        pen.text(area.left + 1, y, area.right - area.left - 2, line, *role);
    }
    let columns = columns(component);
    let room = area.right.saturating_sub(area.left + 4);
    let grid = Grid::fitting(columns, &lists.sides[side].longest, area.left + 4, room);
    let heads = top + above as u16;
    let below = Area { top: heads + 1, ..area };
    let seen = seen(app, side, &lists.lines, below);
    head(app, component, side, &lists.sides[side], (area, grid.hidden(), seen), pen);
    if lists.sides[side].total > 0 && heads < area.bottom {
        grid.heads(pen, heads, app.sort);
    }
    rows(app, side, &lists.lines, &grid, below, pen);
}

/// What the row under the cursor holds in the columns that have no room, on the line above `bottom`. Where the
/// list ends.
fn beyond(app: &App, component: Component, lists: &Lists, bottom: u16, pen: &mut Pen<'_>) -> u16 {
    let width = pen.width();
    let (left, right) = match (app.zoom, app.side) {
        (Zoom::On, _) => (0, width),
        (Zoom::Off, Side::Primary) => (0, width / 2),
        (Zoom::Off, Side::Secondary) => (width / 2 + 1, width),
    };
    let (columns, longest) = (columns(component), &lists.sides[app.side].longest);
    let grid = Grid::fitting(columns, longest, left + 4, right.saturating_sub(left + 4));
    if grid.hidden() == 0 || lists.lines.is_empty() {
        return bottom;
    }
    let line = lists.lines.get(app.list.place(lists.lines.len()));
    let words = line.and_then(|line| line[app.side].as_ref()).map(|row| grid.beyond(&row.at(app.shown_at())));
    pen.text(1, bottom - 1, width - 2, &words.unwrap_or_default(), Role::Dim);
    bottom - 1
}

/// The first line that is drawn, and how many have room.
fn window(app: &App, lines: usize, area: Area) -> (usize, usize) {
    let room = usize::from(area.bottom.saturating_sub(area.top));
    ((app.list.place(lines) + 1).saturating_sub(room), room)
}

/// From which to which of its rows a side shows; `None`: all of them.
fn seen(app: &App, side: Side, lines: &[Pair<Option<Row>>], area: Area) -> Option<(usize, usize)> {
    let (first, room) = window(app, lines.len(), area);
    let of = |part: &[Pair<Option<Row>>]| part.iter().filter(|line| line[side].is_some()).count();
    let end = lines.len().min(first + room);
    let (before, shown) = (of(&lines[..first.min(end)]), of(&lines[first.min(end)..end]));
    (shown > 0 && (before > 0 || before + shown < of(lines))).then_some((before + 1, before + shown))
}

/// The title of a side: which list, how many rows, how old, and how many columns have no room; zoomed the list
/// shows them.
fn head(
    app: &App,
    component: Component,
    side: Side,
    list: &Head,
    (area, hidden, seen): (Area, usize, Option<(usize, usize)>),
    pen: &mut Pen<'_>,
) {
    let code = &app.estate.regions[side].code;
    let shown = if list.shown == list.total {
        list.total.to_string()
    } else {
        format!("{} of {}", list.shown, list.total)
    };
    // A list that is not whole is never counted as if it were, nor an old one as if it were fresh.
    let more = if list.trouble.is_empty() { "" } else { "+" };
    let last = if list.stale { "last " } else { "" };
    let focus = if side == app.side { ">" } else { " " };
    // Of a list that never came nobody knows how long it is.
    let counted = |counted: String| match list.at {
        None if more == "+" => "?".to_owned(),
        _ => format!("{last}{counted}{more}"),
    };
    let words = |count: String| format!("{focus}{code} {} {} ", component.label(), counted(count));
    let age = list.from.map_or_else(String::new, |at| {
        format!(" {}{} ", age_text(app.shown_at().duration_since(at)), list.aged().mark())
    });
    let wide = usize::from(area.right - area.left).saturating_sub(3 + age.len() + MORE_COLUMNS);
    let of = if area.right - area.left < NARROW { "/" } else { " of " };
    // Which rows are shown has to make room for that there are more columns.
    let parts = seen.map(|(from, to)| words(format!("{from}-{to}{of}{shown}")));
    let words = parts.filter(|parts| text_columns(parts) <= wide).unwrap_or_else(|| words(shown));
    let role = if side == app.side { Role::Cursor } else { Role::Title };
    let title = pen.text(area.left + 2, 1, area.right - area.left - 3, &words, role);
    let mut end = area.right - 1;
    if !age.is_empty() {
        let role = if list.aged() == Aged::Old { Role::Warn } else { Role::Dim };
        end = pen.right(end, 1, &age, role);
    }
    let room = usize::from(end.saturating_sub(title));
    let forms = [format!(" +{}", counted_of(hidden, "column")), format!(" +{hidden}")];
    if let Some(more) = forms.iter().find(|more| more.len() <= room).filter(|_| hidden > 0 && list.total > 0)
    {
        pen.right(end, 1, more, Role::Dim);
    }
}

fn rows(app: &App, side: Side, lines: &[Pair<Option<Row>>], grid: &Grid, area: Area, pen: &mut Pen<'_>) {
    let place = app.list.place(lines.len());
    let (first, room) = window(app, lines.len(), area);
    for (at, line) in lines.iter().enumerate().skip(first).take(room) {
        let y = area.top + (at - first) as u16;
        let under = at == place;
        let mark = if under && side == app.side { ">" } else { " " };
        pen.text(area.left, y, 1, mark, Role::Running);
        match (&line[side], &line[side.other()]) {
            (Some(row), _) => {
                pen.text(area.left + 1, y, 2, row.state.mark(), Role::of_state(row.state));
                grid.row(pen, y, &row.at(app.shown_at()), if under { Role::Cursor } else { Role::Text });
            }
            (None, Some(twin)) if twin.link.is_some() => {
                pen.text(area.left + 1, y, 8, "-  none", Role::Dim);
            }
            _ => {}
        }
    }
}
