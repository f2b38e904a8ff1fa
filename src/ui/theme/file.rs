//! A theme file, parsed at the door: every mistake at once, each with its place.

use std::{collections::BTreeMap, fmt, ops::Range};

use ratatui::style::{Color, Modifier, Style};
use toml::de::{DeTable, DeValue};

use super::{ROLES, Role, Source, nearest};
/// Names of colours; besides them there are numbers from 0 to 255 and `#rrggbb`.
const COLOURS: [&str; 17] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "darkgray",
    "lightred",
    "lightgreen",
    "lightyellow",
    "lightblue",
    "lightmagenta",
    "lightcyan",
    "white",
    "reset",
];

/// Keys of a role that are true or false.
const MODIFIERS: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("reverse", Modifier::REVERSED),
    ("underline", Modifier::UNDERLINED),
];

/// One mistake of a theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line and column, both from 1; `None`: it concerns the theme as a whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub what: String,
    /// The word that was probably meant.
    pub nearest: Option<String>,
}

/// Every mistake of a theme, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeErrors {
    label: String,
    mistakes: Vec<Mistake>,
}

impl ThemeErrors {
    /// One mistake.
    pub(super) fn one(
        label: &str,
        place: Option<(usize, usize)>,
        what: String,
        nearest: Option<&str>,
    ) -> Self {
        let mistake = Mistake { place, what, nearest: nearest.map(str::to_owned) };
        Self { label: label.to_owned(), mistakes: vec![mistake] }
    }

    /// The mistakes; never empty.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for ThemeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match mistake.place {
                Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.label, mistake.what)?,
                None => write!(f, "{}", mistake.what)?,
            }
            if let Some(nearest) = &mistake.nearest {
                write!(f, "; nearest is \"{nearest}\"")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ThemeErrors {}

/// What one file says.
pub(super) struct Layer {
    /// The theme it builds on, and where it says so.
    pub(super) inherits: Option<(String, (usize, usize))>,
    /// The roles it names.
    pub(super) styles: BTreeMap<Role, Style>,
}

/// Collects the mistakes of one file.
struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<(usize, Mistake)>,
}

/// Reads one file.
pub(super) fn read(source: &Source) -> Result<Layer, ThemeErrors> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let mut reader = Reader { text, mistakes: Vec::new() };
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        let span = fault.span().unwrap_or(text.len()..text.len());
        reader.wrong(&span, format!("not valid TOML: {}", fault.message()), None);
    }
    let mut layer = Layer { inherits: None, styles: BTreeMap::new() };
    if faults.is_empty() {
        reader.root(table.get_ref(), &mut layer);
    }
    if reader.mistakes.is_empty() {
        return Ok(layer);
    }
    reader.mistakes.sort_by_key(|(offset, _)| *offset);
    let mistakes = reader.mistakes.into_iter().map(|(_, mistake)| mistake).collect();
    Err(ThemeErrors { label: source.label.clone(), mistakes })
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    fn wrong(&mut self, span: &Range<usize>, what: String, nearest: Option<String>) {
        let place = Some(self.place(span.start));
        self.mistakes.push((span.start, Mistake { place, what, nearest }));
    }

    fn unknown(&mut self, span: &Range<usize>, what: &str, word: &str, known: &[&str]) {
        let near = nearest(word, known.iter().copied());
        self.wrong(span, format!("unknown {what} \"{word}\""), near);
    }

    fn root(&mut self, table: &DeTable<'_>, layer: &mut Layer) {
        for (key, value) in table {
            match (&**key.get_ref(), value.get_ref()) {
                ("inherits", DeValue::String(name)) => {
                    layer.inherits = Some((name.to_string(), self.place(value.span().start)));
                }
                ("inherits", _) => self.wrong(&value.span(), "inherits is the name of a theme".into(), None),
                ("roles", DeValue::Table(roles)) => self.roles(roles, layer),
                ("roles", _) => self.wrong(&value.span(), "roles is a table".into(), None),
                (word, _) => self.unknown(&key.span(), "key", word, &["inherits", "roles"]),
            }
        }
    }

    fn roles(&mut self, roles: &DeTable<'_>, layer: &mut Layer) {
        for (key, value) in roles {
            let word = &**key.get_ref();
            let Some((role, _)) = ROLES.iter().find(|(_, known)| *known == word) else {
                let known = ROLES.map(|(_, known)| known);
                self.unknown(&key.span(), "role", word, &known);
                continue;
            };
            let DeValue::Table(entry) = value.get_ref() else {
                self.wrong(&value.span(), format!("{word} is a table such as {{ fg = \"cyan\" }}"), None);
                continue;
            };
            let style = self.style(word, entry);
            layer.styles.insert(*role, style);
        }
    }

    fn style(&mut self, role: &str, entry: &DeTable<'_>) -> Style {
        let mut style = Style::new();
        for (key, value) in entry {
            let word = &**key.get_ref();
            let modifier = MODIFIERS.iter().find(|(known, _)| *known == word);
            match (word, modifier, value.get_ref()) {
                ("fg", _, DeValue::String(text)) => {
                    style.fg = self.colour(&value.span(), text);
                }
                ("bg", _, DeValue::String(text)) => {
                    style.bg = self.colour(&value.span(), text);
                }
                ("fg" | "bg", ..) => {
                    let what = format!("{word} of {role} is a colour in quotes");
                    self.wrong(&value.span(), what, None);
                }
                (_, Some((_, modifier)), DeValue::Boolean(on)) => {
                    if *on {
                        style = style.add_modifier(*modifier);
                    }
                }
                (_, Some(_), _) => {
                    self.wrong(&value.span(), format!("{word} of {role} is true or false"), None);
                }
                (_, None, _) => {
                    let known = ["fg", "bg", "bold", "dim", "reverse", "underline"];
                    self.unknown(&key.span(), &format!("key of {role}"), word, &known);
                }
            }
        }
        style
    }

    fn colour(&mut self, span: &Range<usize>, text: &str) -> Option<Color> {
        let named = COLOURS.contains(&text) || text.bytes().all(|byte| byte.is_ascii_digit());
        let exact = text.len() == 7 && text.starts_with('#');
        match text.parse() {
            Ok(colour) if named || exact => Some(colour),
            _ => {
                let near = nearest(text, COLOURS.into_iter());
                let what = format!("unknown colour \"{text}\": write a name, 0 to 255 or #rrggbb");
                self.wrong(span, what, near);
                None
            }
        }
    }
}
