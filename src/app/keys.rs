//! The keys, all of them, in one table: what reads them, what names them and what tests them.

use crate::domain::Safe;

use super::{Intent, Motion, Play};

/// A key as a terminal sends it, without the terminal's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character.
    Char(char),
    /// A letter with the control key.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// No key: what an action has that was left without one. No terminal sends it.
    Unset,
}

impl Key {
    /// Its name for help and footer.
    pub fn name(self) -> String {
        match self {
            Self::Char(c) if c != ' ' => c.to_string(),
            Self::Ctrl(c) => format!("ctrl-{c}"),
            _ => NAMED.iter().find(|(_, key)| *key == self).map_or("no key", |(name, _)| *name).to_owned(),
        }
    }

    /// The key with this name; `None`: there is none.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some((_, key)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Some(*key);
        }
        let mut letters = name.strip_prefix("ctrl-").unwrap_or(name).chars();
        match (letters.next(), letters.next()) {
            (Some(c), None) if name.starts_with("ctrl-") => c.is_ascii_lowercase().then_some(Self::Ctrl(c)),
            // What does not show, or not as itself, cannot be named to anybody.
            (Some(c), None) if c != ' ' && Safe::new(name).as_str() == name => Some(Self::Char(c)),
            _ => None,
        }
    }
}

/// Keys that are called by a word.
pub const NAMED: [(&str, Key); 15] = [
    ("space", Key::Char(' ')),
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("shift-tab", Key::BackTab),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("pgup", Key::PageUp),
    ("pgdn", Key::PageDown),
    ("home", Key::Home),
    ("end", Key::End),
];

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The matrix.
    Home,
    /// The run view.
    Run,
    /// The lists of a component.
    Lists,
    /// One object of such a list.
    Detail,
    /// The runs.
    Runs,
    /// Events and journal.
    Events,
    /// The journal of one run.
    Journal,
    /// The checks of readiness.
    Readiness,
    /// Whether a region is dead, or only cannot be seen.
    Vantage,
    /// A dialog where letters are not text.
    Dialog,
    /// Letters are text.
    Text,
    /// Letters are a filter.
    Filter,
    /// The help.
    Help,
}

impl Context {
    /// The word for the table of keys.
    pub fn word(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Run => "run",
            Self::Lists => "lists",
            Self::Detail => "detail",
            Self::Runs => "runs",
            Self::Events => "events",
            Self::Journal => "journal",
            Self::Readiness => "readiness",
            Self::Vantage => "vantage",
            Self::Dialog => "dialogs",
            Self::Text => "text",
            Self::Filter => "filter",
            Self::Help => "help",
        }
    }
}

/// Every screen.
pub const SCREENS: &[Context] = &[
    Context::Home,
    Context::Run,
    Context::Lists,
    Context::Detail,
    Context::Runs,
    Context::Events,
    Context::Journal,
    Context::Readiness,
    Context::Vantage,
];
/// Every place there is.
pub const EVERYWHERE: &[Context] = &[
    Context::Home,
    Context::Run,
    Context::Lists,
    Context::Detail,
    Context::Runs,
    Context::Events,
    Context::Journal,
    Context::Readiness,
    Context::Vantage,
    Context::Dialog,
    Context::Text,
    Context::Filter,
    Context::Help,
];
/// Where letters are text.
pub const TYPING: &[Context] = &[Context::Text, Context::Filter];
const DIALOGS: &[Context] = &[Context::Dialog, Context::Text];
/// Everywhere but where letters are text.
pub const MOVING: &[Context] = &[
    Context::Home,
    Context::Run,
    Context::Lists,
    Context::Detail,
    Context::Runs,
    Context::Events,
    Context::Journal,
    Context::Readiness,
    Context::Vantage,
    Context::Dialog,
    Context::Help,
];
/// Where both regions stand side by side.
const PAIRED: &[Context] = &[Context::Lists, Context::Detail];
/// Where a list can be filtered and sorted.
const TABLES: &[Context] = &[Context::Lists, Context::Events, Context::Journal, Context::Readiness];
/// Where lines come by themselves.
const LINES: &[Context] = &[Context::Events, Context::Journal];
/// Where the services in scope matter.
const SCOPED: &[Context] =
    &[Context::Home, Context::Lists, Context::Runs, Context::Events, Context::Readiness, Context::Vantage];

/// A set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places(u16);

impl Places {
    /// These.
    pub const fn of(contexts: &[Context]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < contexts.len() {
            bits |= 1 << contexts[at] as u16;
            at += 1;
        }
        Self(bits)
    }

    /// Whether this place is among them.
    pub fn contains(self, context: Context) -> bool {
        self.0 & Self::of(&[context]).0 != 0
    }

    /// Whether all of `others` are among them.
    pub fn covers(self, others: Self) -> bool {
        others.without(self).is_empty()
    }

    /// Those that are in both.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not among `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Each of them, in the order of [`EVERYWHERE`].
    pub fn iter(self) -> impl Iterator<Item = Context> {
        EVERYWHERE.iter().copied().filter(move |context| self.contains(*context))
    }
}

/// One key, where it works and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The key.
    pub key: Key,
    /// Where.
    pub contexts: Places,
    /// What.
    pub intent: Intent,
    /// What it does, for the help.
    pub help: &'static str,
}

const fn bind(key: Key, contexts: &[Context], intent: Intent, help: &'static str) -> Binding {
    Binding { key, contexts: Places::of(contexts), intent, help }
}

/// The table. Ctrl-d stays unbound: elsewhere it deletes (terminal-ux §3.1).
pub const BINDINGS: &[Binding] = &[
    bind(Key::Char('?'), SCREENS, Intent::Help, "these keys"),
    bind(Key::Char('?'), &[Context::Help], Intent::Help, "close"),
    bind(Key::Char('/'), &[Context::Help], Intent::Filter, "filter these keys"),
    bind(Key::Char(':'), SCREENS, Intent::Palette, "command line"),
    bind(
        Key::Char('/'),
        SCREENS,
        Intent::Filter,
        "filter the list, on home the row's: words, user=a*, age>5m",
    ),
    bind(Key::Enter, EVERYWHERE, Intent::Enter, "open, confirm, press the focused button"),
    bind(Key::Esc, EVERYWHERE, Intent::Escape, "close, clear, one level back"),
    bind(Key::Char('q'), SCREENS, Intent::Back, "back; at the root twice to leave"),
    bind(Key::Char('q'), &[Context::Help], Intent::Back, "close"),
    bind(Key::Ctrl('c'), EVERYWHERE, Intent::Interrupt, "cancel; in a run: abort; else twice to leave"),
    bind(Key::Char('s'), TABLES, Intent::Sort, "sort by the next column"),
    bind(Key::Char('S'), TABLES, Intent::Reverse, "turn the list round"),
    bind(Key::Char('+'), SCREENS, Intent::Zoom, "the pane takes the window, or gives it back"),
    bind(Key::Ctrl('e'), SCREENS, Intent::Zoom, "the pane takes the window, or gives it back"),
    bind(Key::Char('['), SCOPED, Intent::ScopePrevious, "previous service in scope"),
    bind(Key::Char(']'), SCOPED, Intent::ScopeNext, "next service in scope"),
    bind(Key::Char('r'), SCREENS, Intent::Start, "start a procedure"),
    bind(Key::Char('A'), SCREENS, Intent::Arm, "arm: let writes be confirmed"),
    bind(Key::Char('m'), SCREENS, Intent::Flip, "flip between home and run"),
    bind(Key::Char('o'), SCREENS, Intent::Runs, "the runs of this estate"),
    bind(Key::Char('e'), SCREENS, Intent::Events, "events and journal"),
    bind(Key::Char('l'), SCREENS, Intent::Lists, "choose a list: then its digit opens it"),
    bind(Key::Ctrl('r'), SCREENS, Intent::Refresh, "look again now"),
    bind(Key::Char('y'), SCREENS, Intent::Copy, "copy the row"),
    bind(Key::Char('Y'), SCREENS, Intent::CopyField, "copy one field of the row"),
    bind(Key::Char('z'), SCREENS, Intent::Freeze, "freeze the display, or let it go on"),
    bind(Key::Char('y'), &[Context::Dialog], Intent::Copy, "copy the list; never a yes"),
    bind(Key::Char('u'), &[Context::Run], Intent::Undo, "undo the step"),
    bind(Key::Char('s'), &[Context::Run], Intent::Skip, "skip the step, with a reason"),
    bind(Key::Char('h'), &[Context::Run], Intent::Hold, "hold: start no further item; again: go on"),
    bind(Key::Char('n'), &[Context::Run], Intent::Note, "write a note"),
    bind(Key::Char('d'), &[Context::Run], Intent::Downgrade, "downgrade the step to ungraceful"),
    bind(Key::Char('t'), &[Context::Run], Intent::Retry, "try again what failed or timed out"),
    bind(Key::Char('w'), &[Context::Run], Intent::ShortenNotice, "cut the notice short"),
    bind(Key::Char('x'), &[Context::Run], Intent::AcceptStuck, "go on although named items did not end"),
    bind(Key::Char('b'), &[Context::Run], Intent::RestartHost, "reboot the host under a stuck item"),
    bind(Key::Tab, DIALOGS, Intent::Next, "next field or button"),
    bind(Key::BackTab, DIALOGS, Intent::Previous, "field or button before"),
    bind(Key::Tab, PAIRED, Intent::Next, "to the other region"),
    bind(Key::BackTab, PAIRED, Intent::Previous, "to the other region"),
    bind(Key::Up, EVERYWHERE, Intent::Move(Motion::Up), "up"),
    bind(Key::Down, EVERYWHERE, Intent::Move(Motion::Down), "down"),
    bind(Key::Char('k'), MOVING, Intent::Move(Motion::Up), "up"),
    bind(Key::Char('j'), MOVING, Intent::Move(Motion::Down), "down"),
    bind(Key::PageUp, EVERYWHERE, Intent::Move(Motion::PageUp), "a page up"),
    bind(Key::PageDown, EVERYWHERE, Intent::Move(Motion::PageDown), "a page down"),
    bind(Key::Char('g'), MOVING, Intent::Move(Motion::First), "to the top"),
    bind(Key::Char('G'), MOVING, Intent::Move(Motion::Last), "to the end"),
    bind(Key::Home, MOVING, Intent::Move(Motion::First), "to the top"),
    bind(Key::End, MOVING, Intent::Move(Motion::Last), "to the end"),
    bind(Key::Left, DIALOGS, Intent::Left, "the choice before, the other button"),
    bind(Key::Right, DIALOGS, Intent::Right, "the next choice, the other button"),
    bind(Key::Left, &[Context::Home], Intent::ScopePrevious, "previous service in scope"),
    bind(Key::Right, &[Context::Home], Intent::ScopeNext, "next service in scope"),
    bind(Key::Left, PAIRED, Intent::Left, "to the first region"),
    bind(Key::Right, PAIRED, Intent::Right, "to the second region"),
    bind(Key::Char('1'), SCREENS, Intent::Pane(1), "home"),
    bind(Key::Char('2'), SCREENS, Intent::Pane(2), "the open run"),
    bind(Key::Char('3'), SCREENS, Intent::Pane(3), "the journal of the run"),
    bind(Key::Char('4'), SCREENS, Intent::Pane(4), "events and journal"),
    bind(Key::Char('5'), SCREENS, Intent::Pane(5), "the runs of this estate"),
    bind(Key::Char('6'), SCREENS, Intent::Pane(6), "readiness: every check and what to do"),
    bind(Key::Char('7'), SCREENS, Intent::Pane(7), "vantage: is a region dead, or only not seen"),
    bind(Key::Char('p'), SCREENS, Intent::Play(Play::Pause), "recording: pause, or go on"),
    bind(Key::Char('f'), SCREENS, Intent::Play(Play::Faster), "recording: at 1, 10 or 60 times its speed"),
    bind(Key::Char('.'), SCREENS, Intent::Play(Play::Step), "recording: on to what happened next"),
    bind(Key::Char(','), SCREENS, Intent::Play(Play::StepBack), "recording: back to what happened before"),
    bind(Key::Char('>'), SCREENS, Intent::Play(Play::Later), "recording: a minute on"),
    bind(Key::Char('<'), SCREENS, Intent::Play(Play::Earlier), "recording: a minute back"),
    bind(
        Key::Char('}'),
        SCREENS,
        Intent::Play(Play::NextRecord),
        "recording: on to the next record of a run",
    ),
    bind(Key::Char('{'), SCREENS, Intent::Play(Play::PreviousRecord), "recording: back to the record before"),
    bind(Key::Char(' '), LINES, Intent::Pause, "stand still, or follow again"),
    bind(Key::Char(' '), &[Context::Dialog], Intent::Right, "the next choice"),
    bind(Key::Backspace, TYPING, Intent::Erase, "take a character back"),
    bind(Key::Ctrl('h'), TYPING, Intent::Erase, "take a character back"),
    bind(Key::Ctrl('u'), TYPING, Intent::EraseAll, "empty the field"),
];
