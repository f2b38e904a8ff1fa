//! A person's own keys: `keys.toml` beside the default place of the estate file. It is only ever read.

use std::{ops::Range, path::PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    app::{
        keyboard::{self, Change, Clash, Keyboard},
        keys::{BINDINGS, Binding, Context, Key, NAMED},
    },
    config::{self, ConfigErrors, FORMAT, Mistakes, nearest, quoted},
};

use super::session::is_there;

/// The keys of a person, and from where.
#[derive(Debug, Clone)]
pub struct Own {
    /// The file.
    pub path: PathBuf,
    /// The keys.
    pub keyboard: Keyboard,
    /// How many actions have keys of one's own.
    pub changed: usize,
    /// Which usual keys that took away, each with its place in the file.
    pub warnings: Vec<String>,
}

/// Where the file stands.
pub fn place() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|all| all.config_dir().join("farshore").join("keys.toml"))
}

/// The keys of this person; `None`: there is no file, and the usual keys hold.
pub fn own() -> Result<Option<Own>, ConfigErrors> {
    let Some(path) = place().filter(|path| is_there(path)) else { return Ok(None) };
    let text = config::read_text(&path, "file of keys")?;
    parse(&text, path).map(Some)
}

/// The keys that the text of a file tells.
fn parse(text: &str, path: PathBuf) -> Result<Own, ConfigErrors> {
    let label = &*path.to_string_lossy();
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, faults) = DeTable::parse_recoverable(body);
    let mistakes = Mistakes::new(body, label);
    for fault in &faults {
        mistakes.syntax(fault.span(), fault.message());
    }
    let given =
        if faults.is_empty() { Reader { mistakes: &mistakes }.root(table.get_ref()) } else { Vec::new() };
    let changes: Vec<Change> = given.iter().map(|(change, _)| change.clone()).collect();
    let keyboard = Keyboard::with(&changes).unwrap_or_else(|clashes| {
        for clash in &clashes {
            tell(clash, &given, &mistakes);
        }
        Keyboard::default()
    });
    if !mistakes.none() {
        return Err(mistakes.into_errors());
    }
    let warnings = warnings(&keyboard, &given, Mistakes::new(body, label));
    Ok(Own { keyboard, changed: changes.len(), warnings, path })
}

/// What a person's keys took away from actions that were left alone, in the order of the file.
fn warnings(keyboard: &Keyboard, given: &[(Change, Range<usize>)], lines: Mistakes<'_>) -> Vec<String> {
    for one in keyboard.yielded() {
        let span =
            given.iter().find(|(change, _)| change.action == one.to).map_or(0..0, |(_, span)| span.clone());
        let (key, from) = (one.key.name(), keyboard::action(one.from));
        let left = keyboard.way(one.from);
        let what = if one.wholly {
            format!("\"{key}\" means \"{}\" now, and \"{from}\" no longer; it keeps {left}", one.to)
        } else {
            let places: Vec<&str> = one.places.iter().map(Context::word).collect();
            let (to, places) = (one.to, places.join(", "));
            format!("\"{key}\" means \"{to}\" in {places} now, where \"{from}\" keeps {left}")
        };
        lines.add(&span, "keys", &what, None);
    }
    if lines.none() {
        Vec::new()
    } else {
        lines.into_errors().to_string().lines().map(str::to_owned).collect()
    }
}

/// Tells of two actions on one key, at the later one that the file changes.
fn tell(clash: &Clash, given: &[(Change, Range<usize>)], mistakes: &Mistakes<'_>) {
    let [one, two] = clash.actions;
    let at = given.iter().filter(|(change, _)| clash.actions.contains(&change.action));
    let span = at.map(|(_, span)| span.clone()).max_by_key(|span| span.start).unwrap_or(0..0);
    let (key, place) = (clash.key.name(), clash.place.word());
    let what =
        format!("\"{key}\" means both \"{one}\" and \"{two}\" in {place}; give one of them another key");
    mistakes.add(&span, "keys", &what, None);
}

struct Reader<'a> {
    mistakes: &'a Mistakes<'a>,
}

impl Reader<'_> {
    fn wrong(&self, span: &Range<usize>, what: &str) {
        self.mistakes.add(span, "keys", what, None);
    }

    fn root(&self, table: &DeTable<'_>) -> Vec<(Change, Range<usize>)> {
        let mut changes = Vec::new();
        match table.get("format").map(|value| (value.span(), value.get_ref())) {
            None => self.wrong(&(0..0), "missing key \"format\": begin with format = 1"),
            Some((_, DeValue::Integer(number))) if number.as_str() == FORMAT.to_string() => {}
            Some((span, _)) => {
                let what = format!("format is not {FORMAT}, the only one this version reads");
                self.wrong(&span, &what);
                // Keys of a newer format would all look like misspellings.
                return changes;
            }
        }
        for (key, value) in table {
            match (&**key.get_ref(), value.get_ref()) {
                ("format", _) => {}
                ("keys", DeValue::Table(keys)) => changes = self.keys(keys),
                ("keys", _) => self.wrong(&value.span(), "keys is a table: [keys]"),
                (word, _) => {
                    let what = format!("unknown key {}", quoted(word));
                    self.mistakes.add(&key.span(), word, &what, nearest(word, ["format", "keys"]));
                }
            }
        }
        changes
    }

    fn keys(&self, table: &DeTable<'_>) -> Vec<(Change, Range<usize>)> {
        let mut changes = Vec::new();
        for (key, value) in table {
            let Some(action) = self.action(key) else { continue };
            let DeValue::Array(items) = value.get_ref() else {
                let what = format!("{action} is a list of keys, such as [\"z\"]; [] leaves it without one");
                self.wrong(&value.span(), &what);
                continue;
            };
            let mut keys = Vec::new();
            for item in items {
                match self.key(action, item) {
                    Some(key) if keys.contains(&key) => {
                        self.wrong(&item.span(), &format!("{} stands there twice", quoted(&key.name())));
                    }
                    key => keys.extend(key),
                }
            }
            changes.push((Change { action, keys }, key.span()));
        }
        changes
    }

    /// The action of this name, where its keys may be changed.
    fn action(&self, key: &Spanned<std::borrow::Cow<'_, str>>) -> Option<&'static str> {
        let word = &**key.get_ref();
        let all = || BINDINGS.iter().map(|row| keyboard::action(row.intent));
        let Some(action) = all().find(|action| *action == word) else {
            let free = all().filter(|action| keyboard::stays(action).is_none());
            let what = format!("unknown action {}", quoted(word));
            // Who names a key means what it does.
            let meant = BINDINGS.iter().find(|row| row.key.name() == word);
            let near = nearest(word, free).or_else(|| meant.map(|row| keyboard::action(row.intent)));
            self.mistakes.add(&key.span(), word, &what, near);
            return None;
        };
        match keyboard::stays(action) {
            None => Some(action),
            Some(why) => {
                self.wrong(&key.span(), &format!("the keys of \"{action}\" cannot be changed: {why}"));
                None
            }
        }
    }

    /// One key of an action.
    fn key(&self, action: &str, item: &Spanned<DeValue<'_>>) -> Option<Key> {
        let DeValue::String(name) = item.get_ref() else {
            self.wrong(&item.span(), "a key is a name in quotes, such as \"z\", \"ctrl-e\" or \"pgup\"");
            return None;
        };
        let Some(key) = Key::parse(name) else {
            let letters = ('a'..='z').map(|c| Key::Ctrl(c).name());
            let known: Vec<String> =
                NAMED.iter().map(|(name, _)| (*name).to_owned()).chain(letters).collect();
            let what = format!(
                "unknown key {}; write one character, ctrl- and a small letter, or a word such as space or pgup",
                quoted(name)
            );
            self.mistakes.add(&item.span(), action, &what, nearest(name, known.iter().map(String::as_str)));
            return None;
        };
        let why = keyboard::taken(key).or_else(|| {
            let digit = matches!(key, Key::Char(c) if c.is_ascii_digit());
            let of_dialogs = |row: &Binding| {
                keyboard::action(row.intent) == action && row.contexts.contains(Context::Dialog)
            };
            (digit && BINDINGS.iter().any(of_dialogs)).then_some("in dialogs a digit chooses")
        });
        let Some(why) = why else { return Some(key) };
        self.wrong(&item.span(), &format!("{} cannot be given to \"{action}\": {why}", quoted(name)));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Intent;

    fn said(keys: &str) -> String {
        match parse(&format!("format = 1\n[keys]\n{keys}\n"), "keys.toml".into()) {
            Ok(own) => [vec![format!("{} changed", own.changed)], own.warnings].concat().join("\n"),
            Err(errors) => errors.to_string(),
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place_and_what_was_meant() {
        for (keys, expected) in [
            ("freeze = [\"Z\", \"ctrl-f\"]", "1 changed"),
            ("freeze = []\nnote = [\"z\"]", "2 changed"),
            (
                "up = [\"p\"]",
                "1 changed\nkeys.toml:3:1: \"p\" means \"up\" now, and \"replay-pause\" no longer; it keeps :replay-pause",
            ),
            (
                "note = [\"N\"]\nfreeze = [\"+\", \"e\"]",
                "2 changed\n\
                 keys.toml:4:1: \"+\" means \"freeze\" now, and \"zoom\" no longer; it keeps ctrl-e\n\
                 keys.toml:4:1: \"e\" means \"freeze\" now, and \"events\" no longer; it keeps :events",
            ),
            (
                "freeze = [\"x\"]\nhold = [\"x\"]",
                "keys.toml:4:1: \"x\" means both \"freeze\" and \"hold\" in run; give one of them another key",
            ),
            (
                "freze = [\"z\"]\nhold = [\"ctrl-Z\"]\nnote = \"N\"\nundo = [7]",
                "keys.toml:3:1: unknown action \"freze\"; nearest is \"freeze\"\n\
                 keys.toml:4:9: unknown key \"ctrl-Z\"; write one character, ctrl- and a small letter, or a \
                 word such as space or pgup; nearest is \"ctrl-z\"\n\
                 keys.toml:5:8: note is a list of keys, such as [\"z\"]; [] leaves it without one\n\
                 keys.toml:6:9: a key is a name in quotes, such as \"z\", \"ctrl-e\" or \"pgup\"",
            ),
            (
                "enter = [\"x\"]\nfreeze = [\"y\"]\nhold = [\"ctrl-z\", \"enter\"]\nup = [\"5\"]\nnote = [\"N\", \"N\"]",
                "keys.toml:3:1: the keys of \"enter\" cannot be changed: enter is what confirms, and nothing else does\n\
                 keys.toml:4:11: \"y\" cannot be given to \"freeze\": y copies and nothing else\n\
                 keys.toml:5:9: \"ctrl-z\" cannot be given to \"hold\": ctrl-z gives the shell back\n\
                 keys.toml:5:19: \"enter\" cannot be given to \"hold\": enter confirms\n\
                 keys.toml:6:7: \"5\" cannot be given to \"up\": in dialogs a digit chooses\n\
                 keys.toml:7:14: \"N\" stands there twice",
            ),
            (
                "freeze = [\"x\"]",
                "1 changed\nkeys.toml:3:1: \"x\" means \"freeze\" now, and \"accept\" no longer; it keeps :accept",
            ),
            ("freeze = [\"x\"]\naccept = [\"z\"]", "2 changed"),
            (
                "hold = [\"r\"]\naccept = [\"A\"]",
                "2 changed\n\
                 keys.toml:3:1: \"r\" means \"hold\" in run now, where \"run\" keeps :run\n\
                 keys.toml:4:1: \"A\" means \"accept\" in run now, where \"arm\" keeps :arm",
            ),
            ("q = [\"Q\"]", "keys.toml:3:1: unknown action \"q\"; nearest is \"back\""),
            (
                "up = [\"ctrl-u\"]",
                "keys.toml:3:1: \"ctrl-u\" means both \"up\" and \"erase-all\" in text; give one of them another key",
            ),
        ] {
            assert_eq!(said(keys), expected, "{keys}");
        }
        for (text, expected) in [
            ("[keys]\n", "missing key \"format\""),
            ("format = 2\n[kees]\n", "keys.toml:1:10: format is not 1"),
            ("format = 1\n[kees]\n", "keys.toml:2:2: unknown key \"kees\"; nearest is \"keys\""),
            ("format = 1\nkeys = 3", "keys is a table"),
            ("format = 1\n[keys\n", "not valid TOML"),
        ] {
            let errors = parse(text, "keys.toml".into()).expect_err(text).to_string();
            assert!(errors.contains(expected), "{text}: {errors}");
        }
    }

    #[test]
    fn a_usual_key_yields_only_where_it_meets_ones_own() {
        let text = "format = 1\n[keys]\nhold = [\"q\"]\naccept = [\"A\"]\n";
        let keys = parse(text, "keys.toml".into()).unwrap().keyboard;
        for (place, key, means) in [
            (Context::Run, 'q', Intent::Hold),
            (Context::Home, 'q', Intent::Back),
            (Context::Help, 'q', Intent::Back),
            (Context::Run, 'A', Intent::AcceptStuck),
            (Context::Lists, 'A', Intent::Arm),
        ] {
            assert_eq!(keys.intent(place, Key::Char(key)), Some(means), "{place:?} {key}");
        }
        // A sentence is read in any place: it names what is true in all of them.
        assert_eq!((keys.way(Intent::Back), keys.way(Intent::Arm)), ("esc".to_owned(), ":arm".to_owned()));
        assert_eq!(keys.name(Intent::Arm, Some(Context::Home)).as_deref(), Some("A"));
        assert_eq!(keys.name(Intent::Arm, Some(Context::Run)), None);
    }

    #[test]
    fn letters_stay_text_and_the_usual_key_stays_where_they_are() {
        let text = "format = 1\n[keys]\nup = [\"w\"]\nshorten = []\nzoom = [\"Z\"]\n";
        let keys = parse(text, "keys.toml".into()).unwrap().keyboard;
        let up = Some(Intent::Move(crate::app::Motion::Up));
        assert_eq!(keys.intent(Context::Home, Key::Char('w')), up);
        assert_eq!(keys.intent(Context::Run, Key::Char('w')), up, "whose key it was has none now");
        assert_eq!(keys.intent(Context::Text, Key::Char('w')), Some(Intent::Type('w')));
        assert_eq!(keys.intent(Context::Text, Key::Up), up);
        for (place, key) in
            [(Context::Home, Key::Up), (Context::Home, Key::Char('k')), (Context::Lists, Key::Char('+'))]
        {
            assert_eq!(keys.intent(place, key), None, "{key:?} is given up");
        }
        assert_eq!(keys.intent(Context::Lists, Key::Char('Z')), Some(Intent::Zoom));
        assert_eq!(keys.name(Intent::ShortenNotice, None), None);
    }
}
