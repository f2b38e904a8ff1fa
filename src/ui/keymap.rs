//! The keys, all of them, in one table: what reads them, what lists them and what tests them.

use super::hints;
use crate::app::{
    App, Intent, Motion, OpenRun, Play,
    arming::Arming,
    dialog::Modal,
    screen::{Filter, Screen},
};

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
}

impl Key {
    /// Its name for help and footer.
    pub fn name(self) -> String {
        match self {
            Self::Char(' ') => "space".to_owned(),
            Self::Char(c) => c.to_string(),
            Self::Ctrl(c) => format!("ctrl-{c}"),
            Self::Enter => "enter".to_owned(),
            Self::Esc => "esc".to_owned(),
            Self::Tab => "tab".to_owned(),
            Self::BackTab => "shift-tab".to_owned(),
            Self::Backspace => "backspace".to_owned(),
            Self::Delete => "delete".to_owned(),
            Self::Up => "up".to_owned(),
            Self::Down => "down".to_owned(),
            Self::Left => "left".to_owned(),
            Self::Right => "right".to_owned(),
            Self::PageUp => "pgup".to_owned(),
            Self::PageDown => "pgdn".to_owned(),
            Self::Home => "home".to_owned(),
            Self::End => "end".to_owned(),
        }
    }
}

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
pub(super) const SCREENS: &[Context] = &[
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
const EVERYWHERE: &[Context] = &[
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
const TYPING: &[Context] = &[Context::Text, Context::Filter];
const DIALOGS: &[Context] = &[Context::Dialog, Context::Text];
const MOVING: &[Context] = &[
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
const SCOPED: &[Context] = &[
    Context::Home,
    Context::Run,
    Context::Lists,
    Context::Runs,
    Context::Events,
    Context::Readiness,
    Context::Vantage,
];

/// One key, where it works and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The key.
    pub key: Key,
    /// Where.
    pub contexts: &'static [Context],
    /// What.
    pub intent: Intent,
    /// What it does, for the help.
    pub help: &'static str,
}

const fn bind(key: Key, contexts: &'static [Context], intent: Intent, help: &'static str) -> Binding {
    Binding { key, contexts, intent, help }
}

/// The table. Ctrl-d stays unbound: elsewhere it deletes (terminal-ux §3.1).
pub const BINDINGS: &[Binding] = &[
    bind(Key::Char('?'), SCREENS, Intent::Help, "these keys"),
    bind(Key::Char('?'), &[Context::Help], Intent::Help, "close"),
    bind(Key::Char('/'), &[Context::Help], Intent::Filter, "filter these keys"),
    bind(Key::Char(':'), SCREENS, Intent::Palette, "command line"),
    bind(Key::Char('/'), SCREENS, Intent::Filter, "filter the list: words, user=a*, age>5m, status!=ok"),
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
    bind(Key::Char('t'), &[Context::Run], Intent::Retry, "try failed items again"),
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

/// Where the next key will be pressed.
pub fn context(app: &App) -> Context {
    match app.modals.last() {
        Some(Modal::Help(help)) if help.is_typing() => Context::Filter,
        Some(Modal::Help(_)) => Context::Help,
        Some(modal) if modal.takes_text() => Context::Text,
        Some(_) => Context::Dialog,
        None if matches!(app.filter, Filter::Typing(_)) => Context::Filter,
        None => below(app),
    }
}

/// The screen's own context, whatever lies over it.
pub fn below(app: &App) -> Context {
    match app.screen {
        Screen::Home => Context::Home,
        Screen::Run => Context::Run,
        Screen::Lists(_) => Context::Lists,
        Screen::Detail(_) => Context::Detail,
        Screen::Runs => Context::Runs,
        Screen::Events => Context::Events,
        Screen::Journal => Context::Journal,
        Screen::Readiness => Context::Readiness,
        Screen::Vantage => Context::Vantage,
    }
}

/// What a key means in a context; `None`: nothing.
pub fn intent(context: Context, key: Key) -> Option<Intent> {
    let bound = BINDINGS.iter().find(|binding| binding.key == key && binding.contexts.contains(&context));
    match (bound, context, key) {
        (Some(binding), ..) => Some(binding.intent),
        // In a dialog without text a key that means nothing still ends a hold: it reaches the
        // dialog as a character that no field takes.
        (None, Context::Text | Context::Filter | Context::Dialog, Key::Char(c)) => Some(Intent::Type(c)),
        _ => None,
    }
}

/// Why a key of this screen does nothing just now; `None`: it works.
pub fn why_not(app: &App, intent: Intent) -> Option<String> {
    use crate::engine::view::Choice;
    let offers = |choice: Choice| app.selected_step().is_some_and(|step| step.choices.contains(&choice));
    let unless = |works: bool, why: &str| (!works).then(|| why.to_owned());
    if app.is_replay() && app.acts(intent) {
        return Some("this is a recording".to_owned());
    }
    if let Some(why) = hints::run_deaf(app, intent).or_else(|| hints::row_deaf(app, intent)) {
        return Some(why);
    }
    match intent {
        Intent::Play(_) => unless(app.is_replay(), "only in a recording"),
        Intent::Undo => unless(offers(Choice::Undo), "no undo now"),
        Intent::Skip => unless(offers(Choice::Skip), "cannot be skipped"),
        Intent::Downgrade => unless(offers(Choice::Downgrade), "nothing refused by the side that is left"),
        Intent::Retry => unless(offers(Choice::Retry), "nothing failed"),
        Intent::ShortenNotice => unless(offers(Choice::ShortenNotice), "no notice is running"),
        Intent::AcceptStuck => unless(offers(Choice::AcceptStuck), "nothing is stuck"),
        Intent::RestartHost => unless(offers(Choice::RestartHost), "nothing is stuck on a host"),
        Intent::Flip | Intent::Pane(2) => unless(app.run.is_some(), "no run is open"),
        Intent::Start => unless(app.run.as_ref().is_none_or(OpenRun::is_closed), "a run is open"),
        Intent::Filter | Intent::Sort | Intent::Reverse => {
            unless(app.columns().is_some(), "no list that can be filtered")
        }
        Intent::Zoom => unless(
            matches!(app.screen, Screen::Home | Screen::Run | Screen::Lists(_)),
            "it fills the window already",
        ),
        Intent::Next | Intent::Previous | Intent::Left | Intent::Right => {
            let one = app.subject.as_ref().is_some_and(|subject| {
                matches!(app.screen, Screen::Detail(_))
                    && subject.objects.iter().any(|(_, one)| one.is_none())
            });
            unless(!one, "the other side has nothing on this line")
        }
        Intent::Arm => match &app.arming {
            Arming::Locked(why) => Some((*why).to_owned()),
            Arming::Off | Arming::Armed(_) => None,
        },
        _ => None,
    }
}

/// Where a key works, in words.
pub fn places(binding: &Binding) -> String {
    if binding.contexts.len() == EVERYWHERE.len() {
        return "everywhere".to_owned();
    }
    let all = SCREENS.iter().all(|screen| binding.contexts.contains(screen));
    let own = binding.contexts.iter().filter(|context| !all || !SCREENS.contains(context));
    let places = all.then_some("every screen").into_iter().chain(own.map(|context| context.word()));
    places.collect::<Vec<_>>().join(", ")
}

/// Whether a key fits what somebody looks for: each word is part of its name, of where it works or of
/// what it does. A single character is the key of that name: as a part it would fit nearly all.
pub fn fits(binding: &Binding, sought: &str) -> bool {
    let name = binding.key.name();
    let said = format!("{name} {} {}", places(binding), binding.help).to_lowercase();
    sought.split_whitespace().all(|word| match word.chars().count() {
        1 => name == word,
        _ => said.contains(&word.to_lowercase()),
    })
}

/// The table of keys as README.md shows it: one line a key and meaning, in the order of the table.
pub fn markdown() -> String {
    let mut lines = vec!["| key | where | what it does |".to_owned(), "|---|---|---|".to_owned()];
    lines.extend(
        BINDINGS
            .iter()
            .map(|binding| format!("| `{}` | {} | {} |", binding.key.name(), places(binding), binding.help)),
    );
    lines.join("\n")
}

/// The hints over a recording, behind the place where one is.
pub const REPLAY_HINTS: &[(&str, &str)] =
    &[("?", "help"), ("p", "pause"), (".", "step"), ("< >", "minute"), ("{ }", "record"), ("f", "faster")];

/// The hints over a run that has ended: one that only watches what is owed lets it be paid.
pub fn hints_after(watches: bool) -> &'static [(&'static str, &'static str)] {
    if watches {
        return &[("enter", "pay"), ("n", "note"), ("o", "runs"), ("m", "home"), ("?", "help")];
    }
    &[("o", "runs"), ("r", "run"), ("3", "journal"), ("m", "home"), ("?", "help")]
}

/// The hints of the last line, most important first; `?` is the last to be cut.
pub fn hints(context: Context) -> &'static [(&'static str, &'static str)] {
    match context {
        Context::Home => &[
            ("?", "help"),
            (":", "command"),
            ("enter", "open"),
            ("l", "lists"),
            ("[ ]", "scope"),
            ("r", "run"),
            ("A", "arm"),
        ],
        Context::Run => &[
            ("enter", "confirm"),
            ("u", "undo"),
            ("s", "skip"),
            ("h", "hold"),
            ("n", "note"),
            ("m", "home"),
            ("?", "help"),
        ],
        Context::Lists => &[
            ("?", "help"),
            ("/", "filter"),
            ("s", "sort"),
            ("enter", "open"),
            ("tab", "side"),
            ("+", "zoom"),
            ("y", "copy"),
            ("[ ]", "scope"),
        ],
        Context::Detail => {
            &[("?", "help"), ("tab", "other side"), ("y", "copy"), ("ctrl-r", "look again"), (":", "command")]
        }
        Context::Events | Context::Journal => &[
            ("?", "help"),
            ("space", "pause"),
            ("/", "filter"),
            ("s", "sort"),
            ("G", "newest"),
            ("y", "copy"),
            ("m", "run"),
        ],
        Context::Readiness => &[
            ("?", "help"),
            ("/", "filter"),
            ("s", "sort"),
            ("ctrl-r", "look again"),
            ("y", "copy"),
            ("[ ]", "scope"),
        ],
        Context::Vantage => {
            &[("?", "help"), ("ctrl-r", "look again"), ("y", "copy"), ("[ ]", "scope"), (":", "command")]
        }
        Context::Runs => &[("?", "help"), (":", "command"), ("enter", "resume"), ("r", "run"), ("y", "copy")],
        Context::Filter => {
            &[("enter", "keep"), ("esc", "drop"), ("e.g.", "status!=available  age>5m  user=a*")]
        }
        Context::Dialog | Context::Text => &[("tab", "next"), ("enter", "press"), ("esc", "cancel")],
        Context::Help => &[("esc", "close"), ("/", "filter"), ("j k", "scroll")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (index, one) in BINDINGS.iter().enumerate() {
            for two in &BINDINGS[index + 1..] {
                let shared = one.contexts.iter().any(|context| two.contexts.contains(context));
                assert!(!(one.key == two.key && shared), "{:?}: {} / {}", one.key, one.help, two.help);
            }
        }
    }

    #[test]
    fn every_key_says_what_it_does_and_every_hint_is_a_key_of_its_place() {
        for binding in BINDINGS {
            assert!(binding.help.len() > 1 && !binding.contexts.is_empty(), "{:?}", binding.key);
        }
        let usual = EVERYWHERE.iter().chain(&[Context::Filter]).map(|context| (context, hints(*context)));
        let replay = SCREENS.iter().map(|context| (context, REPLAY_HINTS));
        let over = [true, false].map(|watches| (&Context::Run, hints_after(watches)));
        for (context, hints) in usual.chain(replay).chain(over) {
            for (key, what) in hints {
                let names = key.split(' ').filter(|name| *name != "e.g.");
                for name in names {
                    let bound = BINDINGS
                        .iter()
                        .any(|binding| binding.key.name() == name && binding.contexts.contains(context));
                    assert!(bound, "{context:?} hints at `{name}` ({what}), which means nothing there");
                }
            }
        }
    }

    #[test]
    fn y_copies_and_nothing_else_and_letters_are_text_in_fields() {
        for binding in BINDINGS.iter().filter(|binding| binding.key == Key::Char('y')) {
            assert_eq!(binding.intent, Intent::Copy);
        }
        for c in ('a'..='z').chain('A'..='Z').chain(['?', ':', '/', '[', ' ']) {
            for context in TYPING {
                assert_eq!(intent(*context, Key::Char(c)), Some(Intent::Type(c)));
            }
        }
        assert!(BINDINGS.iter().all(|binding| binding.key != Key::Ctrl('d')));
    }
}
