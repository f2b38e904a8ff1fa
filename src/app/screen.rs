//! Where the person is: the screen, its cursor and filter.

use crate::{
    domain::estate::{Estate, Service},
    status::{Component, Scope},
};

use super::{
    event::Motion,
    gesture::Field,
    table::Sort,
    under::{Hold, Under},
};

/// The screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The paired matrix.
    Home,
    /// The open run.
    Run,
    /// Both regions' lists of one component.
    Lists(Component),
    /// Everything known of one object of such a list.
    Detail(Component),
    /// The runs of this estate.
    Runs,
    /// Events and journal.
    Events,
    /// The journal of one run.
    Journal,
    /// The checks of readiness.
    Readiness,
    /// Whether a region is dead, or only this machine cannot see it.
    Vantage,
}

/// Smallest window that is drawn whole, in columns and rows (design §6).
pub const SMALLEST: (u16, u16) = (60, 20);

/// The keys of the lists, in the order of home's rows.
pub const DIGITS: [char; 10] = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0'];

/// Where a person was, to go back to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Visit {
    pub(super) screen: Screen,
    pub(super) list: Cursor,
    pub(super) under: Option<Under>,
    pub(super) hold: Hold,
    pub(super) filter: Filter,
    pub(super) sort: Sort,
    pub(super) zoom: Zoom,
}

/// How much of the window the pane under focus takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zoom {
    /// Its own part.
    #[default]
    Off,
    /// All of it.
    On,
}

/// Rows a page key moves by: what a short list shows at 80x24.
const PAGE: usize = 10;

/// A cursor in a list whose length is known when it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    at: usize,
}

impl Cursor {
    /// Its place in a list of `count`.
    pub fn place(self, count: usize) -> usize {
        self.at.min(count.saturating_sub(1))
    }

    /// Puts it somewhere.
    pub fn put(&mut self, at: usize) {
        self.at = at;
    }

    /// Moves it in a list of `count`.
    pub fn go(&mut self, motion: Motion, count: usize) {
        let (at, last) = (self.place(count), count.saturating_sub(1));
        self.at = match motion {
            Motion::Up => at.saturating_sub(1),
            Motion::Down => at + 1,
            Motion::PageUp => at.saturating_sub(PAGE),
            Motion::PageDown => at + PAGE,
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last);
    }
}

/// The run view's cursor: on the step whose turn it is, until a person moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepCursor {
    /// On the step whose turn it is.
    #[default]
    Following,
    /// On this step.
    At(Cursor),
}

/// A filter over a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Filter {
    /// Everything is shown.
    #[default]
    Off,
    /// Being typed.
    Typing(Field),
    /// In force.
    On(Field),
}

impl Filter {
    /// What was typed.
    pub fn text(&self) -> &str {
        match self {
            Self::Off => "",
            Self::Typing(field) | Self::On(field) => field.trimmed(),
        }
    }
}

/// The services in scope, with their places.
pub fn services(scope: Scope, estate: &Estate) -> impl Iterator<Item = (usize, &Service)> {
    estate.services.iter().enumerate().filter(move |(index, _)| match scope {
        Scope::All => true,
        Scope::Service(one) => one == *index,
    })
}

/// The words for line 1.
pub fn scope_words(scope: Scope, estate: &Estate) -> &str {
    match scope {
        Scope::All => "all services",
        Scope::Service(index) => estate.services.get(index).map_or("", |service| service.name.as_str()),
    }
}

/// The scope after this one, in the order all, first, second, …
pub fn next_scope(scope: Scope, estate: &Estate) -> Scope {
    match scope {
        Scope::All if !estate.services.is_empty() => Scope::Service(0),
        Scope::Service(index) if index + 1 < estate.services.len() => Scope::Service(index + 1),
        _ => Scope::All,
    }
}

/// The scope before this one.
pub fn previous_scope(scope: Scope, estate: &Estate) -> Scope {
    match scope {
        Scope::All if !estate.services.is_empty() => Scope::Service(estate.services.len() - 1),
        Scope::Service(index) if index > 0 => Scope::Service(index - 1),
        _ => Scope::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_in_the_list() {
        let check = |motions: &[Motion], count: usize, place: usize| {
            let mut cursor = Cursor::default();
            for motion in motions {
                cursor.go(*motion, count);
            }
            assert_eq!(cursor.place(count), place, "{motions:?} of {count}");
        };
        check(&[], 0, 0);
        check(&[Motion::Down], 0, 0);
        check(&[Motion::Down, Motion::Down, Motion::Down], 3, 2);
        check(&[Motion::PageDown, Motion::Up], 30, 9);
        check(&[Motion::Last, Motion::Down], 5, 4);
        check(&[Motion::Last, Motion::First, Motion::Up], 5, 0);
    }
}
