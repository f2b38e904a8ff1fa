//! The keys of a person: the table of [`keys`](super::keys), and what a person has changed of it.
//!
//! Everything that names a key to somebody asks here, so that no text names one that does nothing.

use std::borrow::Cow;

use super::{
    Intent, Motion, Play,
    keys::{BINDINGS, Binding, Context, Key, MOVING, Places, TYPING},
    state::App,
};

/// The name of what a key does, as a person's file of keys calls it. It never changes.
pub fn action(intent: Intent) -> &'static str {
    match intent {
        Intent::Move(motion) => moved(motion),
        Intent::Play(play) => played(play),
        Intent::Pane(number) => pane(number),
        Intent::Next => "next",
        Intent::Previous => "previous",
        Intent::Left => "left",
        Intent::Right => "right",
        Intent::Enter => "enter",
        Intent::Escape => "escape",
        Intent::Back => "back",
        Intent::Help => "help",
        Intent::Palette => "command",
        Intent::Filter => "filter",
        Intent::Sort => "sort",
        Intent::Reverse => "reverse",
        Intent::Zoom => "zoom",
        Intent::ScopeNext => "scope-next",
        Intent::ScopePrevious => "scope-previous",
        Intent::Start => "run",
        Intent::Arm => "arm",
        Intent::Flip => "flip",
        Intent::Runs => "runs",
        Intent::Events => "events",
        Intent::Lists => "lists",
        Intent::Pause => "follow",
        Intent::Undo => "undo",
        Intent::Skip => "skip",
        Intent::Hold => "hold",
        Intent::Note => "note",
        Intent::Downgrade => "downgrade",
        Intent::Retry => "retry",
        Intent::ShortenNotice => "shorten",
        Intent::AcceptStuck => "accept",
        Intent::RestartHost => "restart",
        Intent::Refresh => "refresh",
        Intent::Interrupt => "interrupt",
        Intent::Copy => "copy",
        Intent::CopyField => "copy-field",
        Intent::Freeze => "freeze",
        Intent::Type(_) => "type",
        Intent::Erase => "erase",
        Intent::EraseAll => "erase-all",
    }
}

fn moved(motion: Motion) -> &'static str {
    match motion {
        Motion::Up => "up",
        Motion::Down => "down",
        Motion::PageUp => "page-up",
        Motion::PageDown => "page-down",
        Motion::First => "top",
        Motion::Last => "bottom",
    }
}

fn played(play: Play) -> &'static str {
    match play {
        Play::Pause => "replay-pause",
        Play::Faster => "replay-faster",
        Play::Step => "replay-step",
        Play::StepBack => "replay-step-back",
        Play::Later => "replay-later",
        Play::Earlier => "replay-earlier",
        Play::NextRecord => "replay-next-record",
        Play::PreviousRecord => "replay-previous-record",
        Play::To(_) => "replay-to",
    }
}

fn pane(number: u8) -> &'static str {
    match number {
        1 => "pane-home",
        2 => "pane-run",
        3 => "pane-journal",
        4 => "pane-events",
        5 => "pane-runs",
        6 => "pane-readiness",
        _ => "pane-vantage",
    }
}

/// What an action of this name does, where it is one that a person may give other keys, or none: then the
/// command line does it.
pub fn named(name: &str) -> Option<Intent> {
    let known = BINDINGS.iter().map(|row| row.intent).find(|intent| action(*intent) == name);
    known.filter(|_| stays(name).is_none())
}

/// Why the keys of an action stay what they are; `None`: a person may change them.
pub fn stays(action: &str) -> Option<&'static str> {
    Some(match action {
        "interrupt" => "ctrl-c always leads out",
        "escape" => "esc always closes and never confirms",
        "enter" => "enter is what confirms, and nothing else does",
        "next" | "previous" | "left" | "right" => "it moves between the buttons of a dialog",
        "help" => "? always tells what the keys do",
        "command" => ": stands before every command, and leads to what has no key",
        "copy" => "y copies and is never a yes",
        "erase" | "erase-all" => "it edits what is typed",
        _ => return None,
    })
}

/// Why a key can be given to no action; `None`: it can.
pub fn taken(key: Key) -> Option<&'static str> {
    Some(match key {
        Key::Enter => "enter confirms",
        Key::Esc => "esc closes",
        Key::Tab | Key::BackTab => "tab moves between the buttons of a dialog",
        Key::Backspace => "backspace edits what is typed",
        Key::Char('?') => "? lists the keys",
        Key::Char(':') => ": opens the command line",
        Key::Char('y') => "y copies and nothing else",
        Key::Ctrl('c') => "ctrl-c leads out",
        Key::Ctrl('d') => "ctrl-d stays without a meaning: elsewhere it deletes",
        Key::Ctrl('h') => "terminals send ctrl-h for backspace",
        Key::Ctrl('i') => "terminals send ctrl-i for tab",
        Key::Ctrl('j' | 'm') => "terminals send it for enter",
        Key::Ctrl('z') => "ctrl-z gives the shell back",
        Key::Unset => "it is none",
        _ => return None,
    })
}

/// What a person has changed: the keys of an action, all of them. None: it has no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The action.
    pub action: &'static str,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// Why a change cannot be: one key, two actions, one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clash {
    /// The key.
    pub key: Key,
    /// The actions.
    pub actions: [&'static str; 2],
    /// Where.
    pub place: Context,
}

/// A usual key that means what a person gave it to: there the action it belonged to does without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yielded {
    /// The key.
    pub key: Key,
    /// The action whose usual key it was.
    pub from: Intent,
    /// The action that a person gave it to.
    pub to: &'static str,
    /// Where both would have worked.
    pub places: Places,
    /// Whether the action has the key nowhere now.
    pub wholly: bool,
}

/// The keys of a person.
#[derive(Debug, Clone)]
pub struct Keyboard {
    bindings: Cow<'static, [Binding]>,
    yielded: Vec<Yielded>,
}

impl Default for Keyboard {
    fn default() -> Self {
        Self { bindings: Cow::Borrowed(BINDINGS), yielded: Vec::new() }
    }
}

impl Keyboard {
    /// The usual keys but for what was changed. What stays as it is, or is no action, changes nothing. A
    /// usual key of an action that was left alone yields to a person's own: otherwise a new usual key of a
    /// later version would clash with a file that was right before.
    pub fn with(changes: &[Change]) -> Result<Self, Vec<Clash>> {
        let mut bindings: Vec<Binding> = Vec::new();
        for (at, usual) in BINDINGS.iter().enumerate() {
            let name = action(usual.intent);
            let change = changes.iter().find(|change| change.action == name && stays(name).is_none());
            match change {
                None => bindings.push(*usual),
                // One row of the table tells where the action works; its other keys have the same places
                // or fewer.
                Some(change) if is_widest(at) => bindings.extend(rows(usual, &change.keys)),
                Some(_) => {}
            }
        }
        let own = |action: &str| changes.iter().any(|change| change.action == action);
        let yielded = yields(&mut bindings, own);
        let clashes = clashes(&bindings);
        if clashes.is_empty() { Ok(Self { bindings: Cow::Owned(bindings), yielded }) } else { Err(clashes) }
    }

    /// Usual keys that yielded to a person's own.
    pub fn yielded(&self) -> &[Yielded] {
        &self.yielded
    }

    /// All keys, in the order of the table.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// What a key means in a place; `None`: nothing.
    pub fn intent(&self, context: Context, key: Key) -> Option<Intent> {
        let bound = self.bindings.iter().find(|row| row.key == key && row.contexts.contains(context));
        match (bound, context, key) {
            (Some(binding), ..) => Some(binding.intent),
            // In a dialog without text a key that means nothing still ends a hold: it reaches the
            // dialog as a character that no field takes.
            (None, Context::Text | Context::Filter | Context::Dialog, Key::Char(c)) => Some(Intent::Type(c)),
            _ => None,
        }
    }

    /// The shortest name of a key that does this in one place, or wherever it can be done; `None`: it has
    /// none.
    pub fn name(&self, intent: Intent, place: Option<Context>) -> Option<String> {
        let yielded = |row: &Binding| self.yielded.iter().any(|one| (one.key, one.from) == (row.key, intent));
        let fits = |row: &&Binding| {
            row.intent == intent
                && row.key != Key::Unset
                && place.map_or_else(|| !yielded(row), |place| row.contexts.contains(place))
        };
        let names = self.bindings.iter().filter(fits).map(|row| row.key.name());
        names.min_by_key(|name| name.chars().count())
    }

    /// The key that does this; where it has none, the command that does it.
    pub fn way(&self, intent: Intent) -> String {
        self.name(intent, None).unwrap_or_else(|| match intent {
            Intent::Pane(6) => ":readiness".to_owned(),
            Intent::Pane(7) => ":vantage".to_owned(),
            Intent::Pane(3) => ":journal".to_owned(),
            Intent::Back => "esc".to_owned(),
            _ => format!(":{}", action(intent)),
        })
    }
}

impl App {
    /// Takes the keys of a person, and tells which usual ones they cost.
    pub fn take_keys(&mut self, keys: Keyboard) {
        let cost = |one: &Yielded| {
            let (key, from) = (one.key.name(), action(one.from));
            if one.wholly {
                return format!("{key} is {} ({from}: {})", one.to, keys.way(one.from));
            }
            let places: Vec<&str> = one.places.iter().map(Context::word).collect();
            format!("{key} is {} in {} ({from}: {})", one.to, places.join(", "), keys.way(one.from))
        };
        let cost: Vec<String> = keys.yielded.iter().map(cost).collect();
        self.keys = keys;
        if !cost.is_empty() {
            self.tell_all(format!("your own keys: {}", cost.join(", ")));
        }
    }

    /// The key that does this, for a sentence; where it has none, the command that does it.
    pub fn key(&self, intent: Intent) -> String {
        self.keys.way(intent)
    }
}

/// Whether no other row of the table says the same of more places; of two that say it of the same, the
/// first.
fn is_widest(at: usize) -> bool {
    let this = &BINDINGS[at];
    !BINDINGS.iter().enumerate().any(|(other, row)| {
        let covers = row.contexts.covers(this.contexts);
        let same = row.contexts.len() == this.contexts.len();
        other != at && row.intent == this.intent && covers && (!same || other < at)
    })
}

/// The rows of an action with other keys. Where letters are text a letter stays one, and the usual key
/// stays where it would be the only one there.
fn rows(usual: &Binding, keys: &[Key]) -> Vec<Binding> {
    let typing = usual.contexts.covers(Places::of(TYPING));
    if keys.is_empty() {
        return vec![Binding { key: Key::Unset, ..*usual }];
    }
    let one = |key: &Key| {
        let contexts = if typing && is_text(*key) { Places::of(MOVING) } else { usual.contexts };
        Binding { key: *key, contexts, ..*usual }
    };
    let mut rows: Vec<Binding> = keys.iter().map(one).collect();
    if typing && keys.iter().copied().all(is_text) {
        rows.push(Binding { contexts: Places::of(TYPING), ..*usual });
    }
    rows
}

fn is_text(key: Key) -> bool {
    matches!(key, Key::Char(_))
}

/// Takes usual keys away where a person's `own` action has the same key, and in those places only. What
/// leads out, confirms or edits yields to nobody.
fn yields(bindings: &mut Vec<Binding>, own: impl Fn(&str) -> bool) -> Vec<Yielded> {
    let is_own = |row: &Binding| own(action(row.intent));
    let mine: Vec<Binding> =
        bindings.iter().filter(|row| is_own(row) && row.key != Key::Unset).copied().collect();
    let mut yielded: Vec<Yielded> = Vec::new();
    let left_alone = |row: &Binding| !is_own(row) && stays(action(row.intent)).is_none();
    for usual in bindings.iter_mut().filter(|row| left_alone(row)) {
        for one in mine.iter().filter(|one| one.key == usual.key) {
            let places = usual.contexts.both(one.contexts);
            if !places.is_empty() {
                usual.contexts = usual.contexts.without(places);
                let (key, from, to) = (usual.key, usual.intent, action(one.intent));
                yielded.push(Yielded { key, from, to, places, wholly: false });
            }
        }
    }
    let gone: Vec<Binding> = bindings.iter().filter(|row| row.contexts.is_empty()).copied().collect();
    bindings.retain(|row| !row.contexts.is_empty());
    for one in &mut yielded {
        one.wholly = bindings.iter().all(|row| (row.key, row.intent) != (one.key, one.from));
    }
    for row in gone {
        // An action without a key stays in the table, where the help finds it.
        if bindings.iter().all(|left| left.intent != row.intent) {
            let usual = BINDINGS.iter().find(|usual| (usual.key, usual.intent) == (row.key, row.intent));
            bindings.extend(usual.map(|usual| Binding { key: Key::Unset, ..*usual }));
        }
    }
    yielded
}

fn clashes(bindings: &[Binding]) -> Vec<Clash> {
    let mut found = Vec::new();
    for (at, one) in bindings.iter().enumerate().filter(|(_, one)| one.key != Key::Unset) {
        for two in bindings[at + 1..].iter().filter(|two| two.key == one.key) {
            let place = one.contexts.both(two.contexts).iter().next();
            let actions = [action(one.intent), action(two.intent)];
            if let Some(place) = place.filter(|_| actions[0] != actions[1]) {
                found.push(Clash { key: one.key, actions, place });
            }
        }
    }
    found
}
