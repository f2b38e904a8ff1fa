//! A component's objects in both regions, one cursor and one filter over both (layout B).

use crate::{
    app::{
        App,
        lists::{List, lists},
        screen::Filter,
    },
    domain::{Side, time::age_text},
    status::Component,
};

use super::{
    pen::{Line, Pen},
    theme::Role,
};

pub(super) fn draw(app: &App, component: Component, pen: &mut Pen<'_>) {
    let lists = lists(component, app.scope, &app.filter, &app.estate, &app.picture, app.now());
    let (width, bottom) = (pen.width(), pen.height() - 1);
    let middle = width / 2;
    pen.line(0, 1, width);
    pen.column(middle, 2, bottom);
    pen.put(middle, 1, Line::Down);
    let count = lists.primary.rows.len().max(lists.secondary.rows.len());
    let place = app.list.place(count);
    for (side, list) in lists.iter() {
        let (left, right) = if side == Side::Primary { (0, middle) } else { (middle + 1, width) };
        head(app, component, side, list, pen, (left, right));
        let mut y = 2;
        for trouble in &list.trouble {
            pen.text(left + 1, y, right - left - 2, trouble, Role::Warn);
            y += 1;
            if y >= bottom {
                break;
            }
        }
        rows(list, pen, (left, right), (y, bottom), place);
    }
    filter(app, pen);
}

fn head(
    app: &App,
    component: Component,
    side: Side,
    list: &List,
    pen: &mut Pen<'_>,
    (left, right): (u16, u16),
) {
    let code = &app.estate.regions[side].code;
    let counted = if list.rows.len() == list.total {
        list.total.to_string()
    } else {
        format!("{} of {}", list.rows.len(), list.total)
    };
    // A list that is not whole is never counted as if it were.
    let more = if list.trouble.is_empty() { "" } else { "+" };
    let words = format!(" {code} {} {counted}{more} ", component.label());
    pen.text(left + 2, 1, right - left - 3, &words, Role::Title);
    if let Some(at) = list.at {
        let age = format!(" {} ", age_text(app.now().duration_since(at)));
        pen.right(right - 1, 1, &age, Role::Dim);
    }
}

fn rows(list: &List, pen: &mut Pen<'_>, (left, right): (u16, u16), (top, bottom): (u16, u16), place: usize) {
    if list.rows.is_empty() && list.trouble.is_empty() {
        pen.text(left + 1, top, right - left - 2, "nothing here", Role::Dim);
        return;
    }
    let room = usize::from(bottom.saturating_sub(top));
    let first = place.saturating_sub(room.saturating_sub(1));
    for (line, row) in list.rows.iter().enumerate().skip(first).take(room) {
        let y = top + (line - first) as u16;
        let under = line == place;
        pen.text(left, y, 1, if under { ">" } else { " " }, Role::Running);
        pen.text(left + 1, y, 2, row.state.mark(), Role::of_state(row.state));
        let role = if under { Role::Cursor } else { Role::Text };
        let room = right.saturating_sub(left + 5);
        let name = room.min(if room > 50 { 24 } else { 13 });
        pen.text(left + 4, y, name, &row.name, role);
        pen.text(left + 5 + name, y, room.saturating_sub(name + 1), &row.detail, Role::Text);
    }
}

/// The filter stands where the footer is, while it is typed.
pub(super) fn filter(app: &App, pen: &mut Pen<'_>) {
    if let Filter::On(field) = &app.filter {
        let words = format!(" filter: {}  esc clears ", field.text());
        pen.rule_right(pen.width() - 1, 1, words.trim());
    }
}
