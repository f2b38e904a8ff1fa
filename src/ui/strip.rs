//! The runbook strip of home: the open run, or what could be started, each with its age.

use crate::{
    app::{App, Intent, RunbookEntry, screen::services, sentence},
    domain::time::{Timestamp, span_text},
    engine::{
        RunView,
        view::{RunState, StepState},
    },
    readiness::State,
    runbook::Mode,
    status::{Aged, Cell, CellState, Component},
};

use super::{
    home::{NARROW, Part, age_of, is_short},
    pen::{Pen, columns, whole},
    theme::Role,
    third,
};

/// How a procedure stands where too little is seen to say.
const NOT_KNOWN: &str = "not known";

/// What a procedure is for a service that is in the secondary already.
const NO_WAY_BACK: &str = "going back: not in this version";

/// Columns of the widest age with its mark and the blanks around it.
const AGE: usize = 7;

/// Draws it; the line below it.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>, y: u16, part: Part) -> u16 {
    let short = is_short(pen);
    let mut y = y;
    if !short {
        pen.rule(part.left, y, part.width(), "runbooks");
        y += 1;
    }
    if let Some(view) = app.run_view() {
        let (words, role) = run_words(app, view);
        // How it stands is so since something was last done in it: arming over it is no work.
        line(pen, y, part, (&words, role), age_of(Some(view.worked_at), Aged::Fresh, app.shown_at()));
        y += 1;
        // One that is over hides nothing of what could be started.
        let over = matches!(view.state, RunState::Closed(_)) && !view.watches;
        if !over || short {
            return y;
        }
    }
    // What was begun comes before anything that could be.
    if let Some((words, since)) = app.waiting_words() {
        line(pen, y, part, (&words, Role::Warn), (since, Role::Dim));
        return y + 1;
    }
    // A short window shows the first; `r` offers them all.
    let count = if pen.height() < 24 { 1 } else { 3 };
    let standing = Standing::of(app);
    for entry in app.runbooks.iter().take(count) {
        // A short window has no head above it: the line says itself what it is, like those above it.
        let below_head = if pen.width() < NARROW { 13 } else { 17 };
        let left = if short { part.left + below_head } else { part.left };
        if short {
            pen.text(part.left + 1, y, 4, "next", Role::Dim);
        }
        let words = if short {
            vec![standing.short(app, entry, part.right - left)]
        } else {
            standing.words(app, entry)
        };
        let age = age_of(standing.at, standing.aged, app.shown_at());
        line(pen, y, Part { left, ..part }, (&words, Role::Text), age);
        y += 1;
    }
    y
}

/// One line with its age at its end; what has no room beside that is left out.
fn line(pen: &mut Pen<'_>, y: u16, part: Part, (words, role): (&[String], Role), (age, old): (String, Role)) {
    let end = pen.right(part.right.saturating_sub(1), y, &age, old);
    let room = if age.is_empty() { end } else { end.saturating_sub(1) }.saturating_sub(part.left + 1);
    pen.text(part.left + 1, y, room, &whole(words, usize::from(room)), role);
}

/// The run in this window.
fn run_words(app: &App, view: &RunView) -> ([String; 5], Role) {
    let own = || view.steps.iter().filter(|step| !step.is_undo);
    let owed = own().filter(|step| step.state == StepState::Deferred).count();
    let (over, of) = (own().filter(|step| step.state.over()).count() - owed, own().count());
    let (state, role) = match app.stopped() {
        Some(_) => ("NO WRITES", Role::Bad),
        None if view.interrupted => ("interrupted", Role::Warn),
        None => (sentence::state_word(&view.state), Role::Running),
    };
    let run = format!("{} {}", view.runbook, view.service);
    // What is owed is the last to be left out of a narrow line.
    let owed = if owed > 0 { format!("{owed} owed") } else { String::new() };
    let shows = format!("{} shows it", app.key(Intent::Flip));
    ([run, state.to_owned(), owed, format!("{over} of {of} steps"), shows], role)
}

/// Whether a procedure could be started, and what says so.
struct Standing {
    mode: Mode,
    text: String,
    /// When the oldest look was in that it rests on.
    at: Option<Timestamp>,
    aged: Aged,
}

impl Standing {
    fn of(app: &App) -> Self {
        let blocked = app.readiness.iter().any(|found| found.state == State::Crit);
        // Only a death of what serves is left by an ungraceful run; one of now comes before one of then.
        let dead = app.summary.regions.iter().map(|(_, region)| (&region.code, &region.signs));
        let dead = dead.filter(|(_, signs)| signs.dead() && signs.serves);
        if let Some((code, signs)) = dead.max_by_key(|(_, signs)| signs.grade) {
            let text = match signs.only() {
                _ if signs.stale => format!("{code} last seen dead"),
                Some(only) => format!("ready ungraceful for {only}"),
                None => "ready ungraceful".to_owned(),
            };
            return Self { mode: Mode::Ungraceful, text, at: signs.at, aged: signs.stale.into() };
        }
        let unseen = || seen(app).filter(|cell| cell.state == CellState::Unknown);
        let (checked, old) = third::oldest_check(app, |state| !blocked || state == State::Crit);
        let (text, at, aged) = if blocked {
            ("blocked", checked, old)
        } else if unseen().next().is_some() {
            (NOT_KNOWN, unseen().filter_map(|cell| cell.from).min(), worst_age(unseen()))
        } else {
            let at = checked.into_iter().chain(seen(app).filter_map(|cell| cell.from)).min();
            ("ready", at, if old == Aged::Old { old } else { worst_age(seen(app)) })
        };
        let last = if aged == Aged::Old && text != NOT_KNOWN { "last " } else { "" };
        Self { mode: Mode::Graceful, text: format!("{last}{text}"), at, aged }
    }

    /// What is said of a runbook, the least important last.
    fn words(&self, app: &App, entry: &RunbookEntry) -> Vec<String> {
        let drill = format!("last drill {}", app.last_drill(&entry.id));
        let way = Way::of(app, entry);
        let barred = way.barred().unwrap_or_default().to_owned();
        match way {
            Way::Ahead(services) => {
                vec![named(entry), services.join(", "), self.text.clone(), self.usual(entry), drill]
            }
            Way::NoService => vec![named(entry), barred, drill],
            Way::Back | Way::OutOfScope => vec![named(entry), entry.services.join(", "), barred, drill],
        }
    }

    /// The same where that has no room; how long it takes is what goes first.
    fn short(&self, app: &App, entry: &RunbookEntry, room: u16) -> String {
        if let Some(why) = Way::of(app, entry).barred() {
            return why.to_owned();
        }
        let word = self.text.trim_start_matches("ready").trim_start();
        let gap = if word.is_empty() { "" } else { " " };
        let text = format!("{}{gap}{word}", named(entry));
        let whole = format!("{text}, {}", self.usual(entry));
        if columns(&whole) + AGE <= usize::from(room) { whole } else { text }
    }

    fn usual(&self, entry: &RunbookEntry) -> String {
        format!("usual {}", span_text(entry.usual(self.mode)))
    }
}

/// Where a runbook could go for the services in scope: of the others nothing was checked.
enum Way<'e> {
    /// These services it can move.
    Ahead(Vec<&'e str>),
    /// They are active in the secondary: the way would be back.
    Back,
    /// It is for services that are not in scope.
    OutOfScope,
    /// It is for none of this estate.
    NoService,
}

impl<'e> Way<'e> {
    fn of(app: &App, entry: &'e RunbookEntry) -> Self {
        let back = |service: usize| {
            let way = (service, "way", State::Warn);
            app.readiness.iter().any(|found| (found.service, found.id, found.state) == way)
        };
        let own: Vec<(usize, &str)> = services(app.scope, &app.estate)
            .filter_map(|(at, one)| {
                Some((at, entry.services.iter().find(|name| **name == one.name)?.as_str()))
            })
            .collect();
        let ahead: Vec<&str> = own.iter().filter(|(at, _)| !back(*at)).map(|(_, name)| *name).collect();
        match () {
            () if entry.services.is_empty() => Self::NoService,
            () if own.is_empty() => Self::OutOfScope,
            () if ahead.is_empty() => Self::Back,
            () => Self::Ahead(ahead),
        }
    }

    /// Why it can move none of them.
    fn barred(&self) -> Option<&'static str> {
        match self {
            Self::Ahead(_) => None,
            Self::Back => Some(NO_WAY_BACK),
            Self::OutOfScope => Some("not for this scope"),
            Self::NoService => Some("no service that it could move"),
        }
    }
}

/// A runbook by its id, with whether it is a team's own.
fn named(entry: &RunbookEntry) -> String {
    format!("{}{}", entry.id, if entry.local { " (local)" } else { "" })
}

/// What must be seen before it can be known whether a procedure fits: hosts, sessions and assignments of both
/// regions.
fn seen(app: &App) -> impl Iterator<Item = &Cell> {
    let asked = [Component::Hosts, Component::Sessions, Component::Assignments];
    let rows = app.summary.rows.iter().filter(move |row| asked.contains(&row.component));
    rows.flat_map(|row| row.cells.iter().map(|(_, cell)| cell))
}

/// How far the age of several cells can be trusted: no further than that of each.
fn worst_age<'c>(cells: impl Iterator<Item = &'c Cell>) -> Aged {
    let all: Vec<Aged> = cells.map(Cell::aged).collect();
    [Aged::Old, Aged::Missed].into_iter().find(|aged| all.contains(aged)).unwrap_or(Aged::Fresh)
}
