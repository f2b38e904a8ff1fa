//! Both regions in short, beside the run or below it.

use crate::{
    app::App,
    domain::Side,
    engine::RunView,
    status::{Cell, CellState, Component},
};

use super::{
    head,
    home::age_of,
    pen::{Line, Pen, columns},
    theme::Role,
};

/// What of a region matters while a run goes on, most important first.
const ROWS: [Component; 6] = [
    Component::Hosts,
    Component::Sessions,
    Component::Assignments,
    Component::Profiles,
    Component::Directory,
    Component::Capacity,
];

/// The side that is left above the side that is opened, from column `x` between two rows.
pub(super) fn stacked(app: &App, view: &RunView, pen: &mut Pen<'_>, x: u16, (top, bottom): (u16, u16)) {
    let mut y = top;
    let right = pen.width();
    for side in [view.from, view.to] {
        if y >= bottom {
            return;
        }
        heading(app, side, pen, (x, right), y);
        y += 1;
        // The side that is left has no capacity worth a row: nobody is to be sent there.
        let rows = if side == view.from { &ROWS[..5] } else { &ROWS[..] };
        for component in rows {
            if y >= bottom {
                return;
            }
            pen.put(x, y, Line::Vertical);
            row(app, *component, side, pen, (x + 1, right), y);
            y += 1;
        }
    }
    pen.column(x, y, bottom);
}

/// Both sides beside each other, the same fact of both on the same row.
pub(super) fn beside(app: &App, view: &RunView, pen: &mut Pen<'_>, x: u16, (top, bottom): (u16, u16)) {
    let half = x + (pen.width() - x) / 2;
    let rows = app.summary.rows.iter().map(|row| row.component);
    for (side, left, right) in [(view.from, x, half), (view.to, half, pen.width())] {
        heading(app, side, pen, (left, right), top);
        pen.column(left, top + 1, bottom);
        for (line, component) in rows.clone().enumerate() {
            let y = top + 1 + line as u16;
            if y < bottom {
                row(app, component, side, pen, (left + 1, right), y);
            }
        }
    }
}

/// Columns of a region with its longest plight, `WE role unknown last DEAD`: what it is never loses its end.
const PLIGHT: u16 = 26;

/// One line a side, for windows without room beside the steps.
pub(super) fn short(app: &App, view: &RunView, pen: &mut Pen<'_>, top: u16) {
    let width = pen.width();
    for (line, side) in [view.from, view.to].into_iter().enumerate() {
        let y = top + line as u16;
        let region = &app.summary.regions[side];
        let (role, dead) = head::plight(app, side);
        let mut x = pen.text(1, y, PLIGHT, &format!("{} {}{dead}", region.code, region.role), role) + 2;
        x = x.max(13);
        let cells = ROWS.iter().filter_map(|what| Some((*what, app.summary.cell(*what, side)?)));
        let oldest =
            cells.clone().take(3).filter(|(_, cell)| cell.from.is_some()).min_by_key(|(_, cell)| cell.from);
        let (age, role) = oldest.map_or_else(|| (String::new(), Role::Dim), |(_, cell)| age(app, cell));
        let end = pen.right(width - 1, y, &age, role);
        for (component, cell) in cells {
            let (words, role) = words(cell, &cell.short_text);
            let words = format!("{} {words}", name(component));
            let room = usize::from(end.saturating_sub(x + 1));
            let kept = parts(&words, room);
            if columns(&kept) > room {
                // What has no room at all is there nevertheless.
                if room > MORE.len() {
                    pen.text(x, y, 1, MORE, Role::Dim);
                }
                break;
            }
            x = pen.text(x, y, end - x, &kept, role) + 2;
            if kept != words {
                break;
            }
        }
    }
}

fn heading(app: &App, side: Side, pen: &mut Pen<'_>, (x, right): (u16, u16), y: u16) {
    let region = &app.summary.regions[side];
    pen.line(x, y, right - x);
    pen.put(x, y, if y == 1 { Line::Down } else { Line::Right });
    let (role, dead) = head::plight(app, side);
    pen.text(x + 2, y, right - x - 3, &format!(" {} {}{dead} ", region.code, region.role), role);
}

fn row(app: &App, component: Component, side: Side, pen: &mut Pen<'_>, (x, right): (u16, u16), y: u16) {
    let Some(cell) = app.summary.cell(component, side) else { return };
    pen.text(x, y, 9, name(component), Role::Dim);
    let (age, role) = age(app, cell);
    let end = pen.right(right - 1, y, &age, role);
    let room = |left: u16| usize::from(end.saturating_sub(left + 1));
    // Words that have no room in their column begin right behind a short name.
    let (usual, close) = (x + 10, x + columns(name(component)) as u16 + 1);
    let (long, short) = (words(cell, &cell.text), words(cell, &cell.short_text));
    let fits = |(said, _): &(String, Role), left| columns(said) <= room(left);
    let (left, (words, role)) = match () {
        () if fits(&long, usual) => (usual, long),
        () if fits(&short, usual) => (usual, short),
        () => (close, short),
    };
    pen.text(left, y, room(left) as u16, &parts(&words, room(left)), role);
}

/// Stands for parts that have no room.
const MORE: &str = "~";

/// As many parts of a text as have room, each whole and the most important first, or of its first part as many
/// words, at least one behind the mark; the mark tells that there are more, and stands apart from a number:
/// none of its digits is gone.
fn parts(words: &str, room: usize) -> String {
    if columns(words) <= room {
        return words.to_owned();
    }
    let kept = |ends: &mut dyn Iterator<Item = usize>| {
        let all = ends.map(|at| format!("{} {MORE}", &words[..at]));
        all.filter(|kept| columns(kept) <= room).last()
    };
    let mut parts = words.match_indices(", ").map(|(at, _)| at);
    let first = words.find(", ").unwrap_or(words.len());
    let mut blanks = words[..first].match_indices(' ').map(|(at, _)| at).skip(1);
    kept(&mut parts).or_else(|| kept(&mut blanks)).unwrap_or_else(|| words.to_owned())
}

fn name(component: Component) -> &'static str {
    match component {
        Component::Assignments => "assigned",
        other => other.label(),
    }
}

/// The words of a cell behind its mark; good ones need none.
fn words(cell: &Cell, text: &str) -> (String, Role) {
    match cell.state {
        CellState::Ok => (text.to_owned(), Role::Text),
        state => (format!("{} {text}", state.mark()), Role::of_state(state)),
    }
}

fn age(app: &App, cell: &Cell) -> (String, Role) {
    age_of(cell.from, cell.aged(), app.shown_at())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            Event, Moment,
            scene::{self, at, noon},
        },
        domain::{Answer, Observation, Source, standing, time::seconds},
        ui::{Glyphs, shots::shot},
    };

    #[test]
    fn a_part_that_has_no_room_goes_whole() {
        let words = "! 0/12, 11 draining, 3 off";
        let cases = [
            (26, "! 0/12, 11 draining, 3 off"),
            (25, "! 0/12, 11 draining ~"),
            (21, "! 0/12, 11 draining ~"),
            (20, "! 0/12 ~"),
            (8, "! 0/12 ~"),
            (7, words),
        ];
        for (room, told) in cases {
            assert_eq!(parts(words, room), told, "{room}");
        }
        // Of one part whole words stay: 2 tries of 29 would be a lie.
        for (room, told) in
            [(12, "? silent 29x"), (11, "? silent ~"), (10, "? silent ~"), (9, "? silent 29x")]
        {
            assert_eq!(parts("? silent 29x", room), told, "{room}");
        }
    }

    /// The vital signs of the side that is left, as they stand on the screen: what keeps users out is read there,
    /// and nothing is cut inside of a part.
    #[test]
    fn the_vital_signs_name_the_trouble_at_every_size() {
        for (size, hosts) in [
            ((60, 20), "hosts ! 0/12, 12 ours"),
            ((80, 24), "hosts ! 0/12, 12 ours"),
            ((160, 50), "hosts     ! 0/12, 12 ours"),
        ] {
            let mut app = drained();
            let shot = shot(&mut app, size, Glyphs::Box);
            assert!(shot.contains(hosts), "{size:?}: no `{hosts}`\n{shot}");
        }
    }

    /// A run that has drained the side it leaves, 41 seconds ago.
    fn drained() -> App {
        let mut app = scene::running(scene::move_phase()).0;
        let source = Source::Hosts(0, Side::Primary);
        let hosts = standing::hosts(&app.picture, &source).unwrap().clone();
        let answer = Answer::Hosts(hosts.each(|host| host.accepts = Some(false)));
        let seen = Observation { source, started: noon(), ended: noon(), outcome: Ok(answer) };
        app.update(Event::Observed(seen), at(1));
        app.update(Event::Tick, Moment { now: noon() + seconds(28), terminal: 28_000 });
        app.settle();
        app
    }
}
