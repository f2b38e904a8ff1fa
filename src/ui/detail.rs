//! One object with everything that is known of it, part by part, each with its call and age.

use crate::{
    app::{
        App, Intent,
        detail::{Detail, Part},
    },
    domain::{Side, time::age_text},
};

use super::{
    pen::{Pen, fit, wrap},
    theme::Role,
};

/// Columns of a title that a call may not take.
const TITLE: usize = 36;

/// Columns of a field's name.
const NAME: u16 = 16;

/// One line of the window.
enum Line<'d> {
    /// The head of a part.
    Part(&'d Part),
    /// What is amiss with its source.
    Trouble(String),
    /// A line of a field: its place, its name on the first line, the text.
    Fact(usize, &'static str, String),
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let (width, bottom) = (pen.width(), pen.height() - 1);
    let Some((side, detail)) = app.detail() else {
        let words = format!("nothing is open here; {} goes back", app.key(Intent::Back));
        pen.text(1, 2, width - 2, &words, Role::Dim);
        return;
    };
    sides(app, side, pen);
    let lines = lines(&detail, width);
    let place = app.list.place(detail.facts().count());
    let under = |line: &Line<'_>| matches!(line, Line::Fact(at, ..) if *at == place);
    let last = lines.iter().rposition(under).unwrap_or(0);
    let room = usize::from(bottom.saturating_sub(2));
    let first = (last + 1).saturating_sub(room);
    for (at, line) in lines.iter().enumerate().skip(first).take(room) {
        let y = 2 + (at - first) as u16;
        match line {
            Line::Part(part) => head(app, part, y, pen),
            Line::Trouble(text) => {
                pen.text(1, y, width - 2, text, Role::Warn);
            }
            Line::Fact(_, name, text) => {
                let role = if under(line) { Role::Cursor } else { Role::Text };
                let mark = if under(line) && !name.is_empty() { ">" } else { " " };
                pen.text(0, y, 1, mark, Role::Running);
                pen.text(1, y, NAME, name, Role::Dim);
                pen.text(NAME + 2, y, width.saturating_sub(NAME + 3), text, role);
            }
        }
    }
}

/// Which of the two sides is shown, and what the other one has on this line.
fn sides(app: &App, shown: Side, pen: &mut Pen<'_>) {
    pen.line(0, 1, pen.width());
    let mut x = 2;
    for side in Side::BOTH {
        let name = app.subject.as_ref().map_or("", |subject| subject.names[side].as_str());
        let code = &app.estate.regions[side].code;
        let name = if name.is_empty() { "none" } else { name };
        let (mark, role) = if side == shown { (">", Role::Cursor) } else { (" ", Role::Dim) };
        x = pen.text(x, 1, 34, &format!("{mark}{code} {name} "), role) + 2;
    }
    let end = pen.width() - 1;
    if usize::from(end) > usize::from(x) + 18 {
        pen.right(end, 1, " tab other side ", Role::Dim);
    }
}

fn lines(detail: &Detail, width: u16) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut place = 0;
    for part in &detail.parts {
        lines.push(Line::Part(part));
        let trouble = part.trouble.iter().flat_map(|text| wrap(text, usize::from(width - 2)));
        lines.extend(trouble.map(Line::Trouble));
        for fact in &part.facts {
            let cut = wrap(&fact.value, usize::from(width.saturating_sub(NAME + 3)));
            for (at, text) in cut.into_iter().enumerate() {
                lines.push(Line::Fact(place, if at == 0 { fact.name } else { "" }, text));
            }
            place += 1;
        }
    }
    lines
}

fn head(app: &App, part: &Part, y: u16, pen: &mut Pen<'_>) {
    let age = match part.at {
        Some(at) => {
            let stale = if part.stale { "!" } else { "" };
            format!("{}{stale}", age_text(app.shown_at().duration_since(at)))
        }
        None => "never".to_owned(),
    };
    pen.line(0, y, pen.width());
    // The title is cut last.
    // What is old is called so in words too.
    let title = if part.stale { format!("{}, last seen", part.title) } else { part.title.clone() };
    let room = usize::from(pen.width()).saturating_sub(title.len().min(TITLE) + age.len() + 11);
    let role = if part.stale { Role::Stale } else { Role::Dim };
    let x = pen.right(pen.width() - 1, y, &format!(" {}  {age} ", fit(&part.call, room)), role);
    let room = usize::from(x.saturating_sub(5));
    pen.text(2, y, x.saturating_sub(3), &format!(" {} ", fit(&title, room)), Role::Title);
}
