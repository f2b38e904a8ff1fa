//! Colours by what they mean. Themes are TOML under `themes/`, compiled in.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::status::CellState;

/// What a piece of text is, never what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
const SOURCES: [(&str, &str); 5] = [
    ("default", include_str!("../../themes/default.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
];

/// Why a theme cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// No theme has this name.
    #[error("no theme `{name}`; did you mean `{nearest}`? There are {all}")]
    NoSuchTheme {
        /// What was asked for.
        name: String,
        /// The nearest name.
        nearest: &'static str,
        /// All names.
        all: String,
    },
    /// The file does not parse.
    #[error("theme `{name}`: {why}")]
    Syntax {
        /// The theme.
        name: String,
        /// What the parser says.
        why: String,
    },
    /// A role nobody draws.
    #[error("theme `{name}`: no role `{role}`; did you mean `{nearest}`?")]
    NoSuchRole {
        /// The theme.
        name: String,
        /// What stands there.
        role: String,
        /// The nearest role.
        nearest: &'static str,
    },
    /// A colour nobody knows.
    #[error("theme `{name}`: `{colour}` is no colour; write an ANSI name, 0..=255 or #rrggbb")]
    NoSuchColour {
        /// The theme.
        name: String,
        /// What stands there.
        colour: String,
    },
    /// Themes inherit from each other in a ring.
    #[error("theme `{0}` inherits from itself")]
    Ring(String),
}

/// A theme file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<String>,
    #[serde(default)]
    roles: BTreeMap<String, Entry>,
}

/// The look of one role.
#[expect(clippy::struct_excessive_bools, reason = "a theme file says each of them by its own name")]
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    reverse: bool,
    underline: bool,
}

/// Styles by role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    styles: BTreeMap<Role, Style>,
}

impl Theme {
    /// A compiled-in theme.
    pub fn named(name: &str) -> Result<Self, ThemeError> {
        let mut styles = BTreeMap::new();
        let mut chain = vec![(name.to_owned(), source(name)?)];
        let mut files = Vec::new();
        while let Some((name, text)) = chain.pop() {
            if files.len() > SOURCES.len() {
                return Err(ThemeError::Ring(name));
            }
            let file = parse(&name, text)?;
            if let Some(parent) = &file.inherits {
                chain.push((parent.clone(), source(parent)?));
            }
            files.push((name, file));
        }
        for (name, file) in files.into_iter().rev() {
            for (role, entry) in &file.roles {
                styles.insert(role_named(&name, role)?, entry.style(&name)?);
            }
        }
        Ok(Self { styles })
    }

    /// The style of a role; what a theme does not name looks like text.
    pub fn style(&self, role: Role) -> Style {
        let base = self.styles.get(&Role::Text).copied().unwrap_or_default();
        base.patch(self.styles.get(&role).copied().unwrap_or_default())
    }
}

fn source(name: &str) -> Result<&'static str, ThemeError> {
    SOURCES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        ThemeError::NoSuchTheme {
            name: name.to_owned(),
            nearest: nearest(name, SOURCES.iter().map(|(known, _)| *known)),
            all: SOURCES.map(|(known, _)| known).join(", "),
        }
    })
}

fn parse(name: &str, text: &str) -> Result<File, ThemeError> {
    toml::from_str(text)
        .map_err(|why| ThemeError::Syntax { name: name.to_owned(), why: why.message().to_owned() })
}

fn role_named(theme: &str, name: &str) -> Result<Role, ThemeError> {
    ROLES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role).ok_or_else(|| {
        ThemeError::NoSuchRole {
            name: theme.to_owned(),
            role: name.to_owned(),
            nearest: nearest(name, ROLES.iter().map(|(_, known)| *known)),
        }
    })
}

fn nearest(word: &str, among: impl Iterator<Item = &'static str>) -> &'static str {
    among.min_by_key(|known| strsim::damerau_levenshtein(word, known)).unwrap_or_default()
}

impl Entry {
    fn style(&self, theme: &str) -> Result<Style, ThemeError> {
        let mut style = Style::new();
        if let Some(fg) = &self.fg {
            style = style.fg(colour(theme, fg)?);
        }
        if let Some(bg) = &self.bg {
            style = style.bg(colour(theme, bg)?);
        }
        let modifiers = [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.reverse, Modifier::REVERSED),
            (self.underline, Modifier::UNDERLINED),
        ];
        Ok(modifiers.into_iter().filter(|(on, _)| *on).fold(style, |style, (_, one)| style.add_modifier(one)))
    }
}

fn colour(theme: &str, text: &str) -> Result<Color, ThemeError> {
    text.parse().map_err(|_| ThemeError::NoSuchColour { name: theme.to_owned(), colour: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_reads_and_the_base_names_every_role() {
        for (name, _) in SOURCES {
            Theme::named(name).unwrap();
        }
        for base in ["default", "mono"] {
            let file = parse(base, source(base).unwrap()).unwrap();
            for (_, role) in ROLES {
                assert!(file.roles.contains_key(role), "{base} lacks {role}");
            }
        }
    }

    #[test]
    fn mistakes_name_the_nearest() {
        let said = |result: Result<Theme, ThemeError>| result.unwrap_err().to_string();
        assert!(said(Theme::named("lihgt")).contains("did you mean `light`"));
        let wrong = role_named("mine", "badge-amred").unwrap_err().to_string();
        assert!(wrong.contains("did you mean `badge-armed`"), "{wrong}");
        assert!(colour("mine", "reddish").is_err());
    }

    #[test]
    fn mono_has_no_colour_at_all() {
        let theme = Theme::named("mono").unwrap();
        for (role, name) in ROLES {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{name}");
        }
    }

    /// Relative luminance and contrast as WCAG 2 defines them.
    fn contrast(one: (u8, u8, u8), two: (u8, u8, u8)) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let light = |(r, g, b): (u8, u8, u8)| 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        let (high, low) = (light(one).max(light(two)), light(one).min(light(two)));
        (high + 0.05) / (low + 0.05)
    }

    #[test]
    fn what_is_drawn_in_exact_colours_can_be_read() {
        let grounds =
            [("dark", (0x1e, 0x1e, 0x1e)), ("light", (0xff, 0xff, 0xff)), ("high-contrast", (0, 0, 0))];
        for (name, ground) in grounds {
            let theme = Theme::named(name).unwrap();
            for (role, word) in ROLES {
                let style = theme.style(role);
                let Some(Color::Rgb(r, g, b)) = style.fg else { continue };
                let under = match style.bg {
                    Some(Color::Rgb(r, g, b)) => (r, g, b),
                    _ => ground,
                };
                // Lines between parts carry no words; 3:1 is enough for them.
                let least = if role == Role::Rule { 3.0 } else { 4.5 };
                assert!(contrast((r, g, b), under) >= least, "{name} {word}");
            }
        }
    }
}
