//! Colours by what they mean. Themes are TOML: those under `themes/` are compiled in, a person's own
//! stand in files and may build on them.

mod file;

use std::collections::BTreeMap;

use ratatui::style::{Color, Style};

use crate::status::CellState;

pub use file::{Mistake, ThemeErrors};

/// What a piece of text is, never what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Plain text.
    Text,
    /// Text that matters less.
    Dim,
    /// Lines between parts.
    Rule,
    /// Headings.
    Title,
    /// Badge of a simulated world, read-only.
    BadgeSim,
    /// Badge of a live world, read-only.
    BadgeLive,
    /// Badge of an armed cockpit.
    BadgeArmed,
    /// As it should be.
    Good,
    /// Wants attention.
    Warn,
    /// Bad.
    Bad,
    /// Not known.
    Unknown,
    /// Nobody looked.
    Unchecked,
    /// Too old.
    Stale,
    /// Its turn has not come.
    Pending,
    /// At work.
    Running,
    /// The row the cursor is on.
    Cursor,
    /// A selected value.
    Selected,
    /// A key's name.
    Key,
    /// Typed text.
    Input,
    /// A button.
    Button,
    /// The button with the focus.
    ButtonFocused,
    /// What cannot be taken back.
    Danger,
    /// One line for the person.
    Notice,
    /// Frame of a dialog.
    Frame,
}

/// Every role with its name in a theme file.
pub const ROLES: [(Role, &str); 24] = [
    (Role::Text, "text"),
    (Role::Dim, "dim"),
    (Role::Rule, "rule"),
    (Role::Title, "title"),
    (Role::BadgeSim, "badge-sim"),
    (Role::BadgeLive, "badge-live"),
    (Role::BadgeArmed, "badge-armed"),
    (Role::Good, "good"),
    (Role::Warn, "warn"),
    (Role::Bad, "bad"),
    (Role::Unknown, "unknown"),
    (Role::Unchecked, "unchecked"),
    (Role::Stale, "stale"),
    (Role::Pending, "pending"),
    (Role::Running, "running"),
    (Role::Cursor, "cursor"),
    (Role::Selected, "selected"),
    (Role::Key, "key"),
    (Role::Input, "input"),
    (Role::Button, "button"),
    (Role::ButtonFocused, "button-focused"),
    (Role::Danger, "danger"),
    (Role::Notice, "notice"),
    (Role::Frame, "frame"),
];

impl Role {
    /// The role of a cell's state.
    pub fn of_state(state: CellState) -> Self {
        match state {
            CellState::Ok => Self::Good,
            CellState::Warn => Self::Warn,
            CellState::Crit => Self::Bad,
            CellState::Unknown => Self::Unknown,
            CellState::NotChecked | CellState::NotConfigured => Self::Unchecked,
        }
    }
}

/// The themes that are compiled in.
const SOURCES: [(&str, &str); 6] = [
    ("default", include_str!("../../themes/default.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../themes/colour-blind.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// Names of the themes that are compiled in.
pub fn names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// A theme's text, with the name that stands before its mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the theme, or the path of its file.
    pub label: String,
    /// TOML.
    pub text: String,
}

/// Where a person's own themes come from. Whoever can read files implements it.
pub trait Shelf {
    /// The theme of this name, where there is one; an error in words where it cannot be read.
    fn find(&self, name: &str) -> Result<Option<Source>, String>;

    /// The names there are.
    fn names(&self) -> Vec<String>;
}

/// No themes but those that are compiled in.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn;

impl Shelf for BuiltIn {
    fn find(&self, _: &str) -> Result<Option<Source>, String> {
        Ok(None)
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Styles by role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    styles: BTreeMap<Role, Style>,
}

impl Theme {
    /// A compiled-in theme.
    pub fn named(name: &str) -> Result<Self, ThemeErrors> {
        Self::found(name, &BuiltIn)
    }

    /// The theme of this name, a person's own before one that is compiled in. A theme of one's own that
    /// inherits its own name builds on the compiled-in one.
    pub fn found(name: &str, shelf: &dyn Shelf) -> Result<Self, ThemeErrors> {
        let mut source = look_up(name, shelf, None)?;
        let mut layers = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        loop {
            let layer = file::read(&source)?;
            seen.push(source.label.clone());
            let parent = layer.inherits.clone();
            layers.push(layer);
            let Some((parent, place)) = parent else { break };
            let below = if seen.contains(&label_of(&parent, shelf)) {
                built_in(&parent)
            } else {
                Some(look_up(&parent, shelf, Some((&source.label, place)))?)
            };
            source = match below {
                Some(below) if !seen.contains(&below.label) => below,
                _ => {
                    let what = format!("\"{parent}\" inherits from itself");
                    return Err(ThemeErrors::one(&source.label, Some(place), what, None));
                }
            };
        }
        let styles = layers.into_iter().rev().flat_map(|layer| layer.styles).collect();
        Ok(Self { styles })
    }

    /// A theme that tells every role by a colour of its own.
    #[cfg(test)]
    pub(super) fn of_roles() -> Self {
        let style = |(number, (role, _)): (usize, &(Role, &str))| {
            (*role, Style::new().fg(ratatui::style::Color::Rgb(number as u8, 1, 1)))
        };
        Self { styles: ROLES.iter().enumerate().map(style).collect() }
    }

    /// The style of a role; what a theme does not name looks like text.
    pub fn style(&self, role: Role) -> Style {
        let base = self.styles.get(&Role::Text).copied().unwrap_or_default();
        base.patch(self.styles.get(&role).copied().unwrap_or_default())
    }

    /// The same in the 256 colours that terminals without exact ones have.
    #[must_use]
    pub fn in_256(mut self) -> Self {
        for style in self.styles.values_mut() {
            for colour in [&mut style.fg, &mut style.bg].into_iter().flatten() {
                *colour = nearest_of_256(*colour);
            }
        }
        self
    }
}

fn built_in(name: &str) -> Option<Source> {
    let (label, text) = SOURCES.iter().find(|(known, _)| *known == name)?;
    Some(Source { label: (*label).to_owned(), text: (*text).to_owned() })
}

/// The label under which a theme would be read.
fn label_of(name: &str, shelf: &dyn Shelf) -> String {
    shelf.find(name).ok().flatten().map_or_else(|| name.to_owned(), |source| source.label)
}

/// `wanted_by`: the theme that names this one, and where.
fn look_up(
    name: &str,
    shelf: &dyn Shelf,
    wanted_by: Option<(&str, (usize, usize))>,
) -> Result<Source, ThemeErrors> {
    let (label, place) = wanted_by.map_or((name, None), |(label, place)| (label, Some(place)));
    let own = shelf.find(name).map_err(|why| ThemeErrors::one(label, place, why, None))?;
    if let Some(source) = own.or_else(|| built_in(name)) {
        return Ok(source);
    }
    let mut all: Vec<String> = SOURCES.iter().map(|(known, _)| (*known).to_owned()).collect();
    all.extend(shelf.names());
    let near = nearest(name, all.iter().map(String::as_str));
    let what = format!("no theme \"{name}\"; there are {}", all.join(", "));
    Err(ThemeErrors::one(label, place, what, near.as_deref()))
}

/// The word that was probably meant: at most a third of its letters differ.
fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<String> {
    let limit = word.chars().count().div_ceil(3);
    let distance = |known: &&str| strsim::osa_distance(&word.to_lowercase(), known);
    among.min_by_key(distance).filter(|known| distance(known) <= limit).map(str::to_owned)
}

/// An exact colour as the nearest of the cube and the greys of the 256; others stay as they are.
fn nearest_of_256(colour: Color) -> Color {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let Color::Rgb(r, g, b) = colour else { return colour };
    let far = |(x, y, z): (u8, u8, u8)| {
        let part = |one: u8, two: u8| (i32::from(one) - i32::from(two)).pow(2);
        part(r, x) + part(g, y) + part(b, z)
    };
    let cube = (0..216u8).map(|at| {
        let step = |part: u8| STEPS[usize::from(part)];
        (16 + at, (step(at / 36), step(at / 6 % 6), step(at % 6)))
    });
    let greys = (0..24u8).map(|at| (232 + at, (8 + 10 * at, 8 + 10 * at, 8 + 10 * at)));
    let near = cube.chain(greys).min_by_key(|(_, exact)| far(*exact));
    near.map_or(colour, |(index, _)| Color::Indexed(index))
}

#[cfg(test)]
mod tests;
