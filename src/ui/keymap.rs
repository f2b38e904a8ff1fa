//! What the keys mean where a person is, why one does nothing just now, and how they are listed.

use super::hints;
use crate::app::{
    App, Intent, Motion, OpenRun, Play,
    arming::Arming,
    dialog::Modal,
    keyboard,
    keys::{EVERYWHERE, Places},
    screen::{Filter, Screen},
};

pub use crate::app::keys::{BINDINGS, Binding, Context, Key, SCREENS};

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

/// What a key means where a person is; `None`: nothing.
pub fn intent(app: &App, key: Key) -> Option<Intent> {
    app.keys.intent(context(app), key)
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
        Intent::Retry => unless(offers(Choice::Retry), "nothing failed or timed out"),
        Intent::ShortenNotice => unless(offers(Choice::ShortenNotice), "no notice is running"),
        Intent::AcceptStuck => unless(offers(Choice::AcceptStuck), "nothing is stuck"),
        Intent::RestartHost => unless(offers(Choice::RestartHost), "nothing is stuck on a host"),
        Intent::Flip | Intent::Pane(2) => unless(app.run.is_some(), "no run is open"),
        Intent::Start => match &app.arming {
            Arming::Locked(why) => Some((*why).to_owned()),
            Arming::Off | Arming::Armed(_) => {
                unless(app.run.as_ref().is_none_or(OpenRun::is_closed), "a run is open")
            }
        },
        // Of home's row it opens the list.
        Intent::Filter if app.screen == Screen::Home => None,
        Intent::Filter | Intent::Sort | Intent::Reverse => {
            unless(app.columns().is_some(), "no list that can be filtered")
        }
        Intent::Zoom => match app.screen {
            Screen::Lists(_) => None,
            Screen::Home | Screen::Run => Some("lists only".to_owned()),
            _ => Some("it fills the window already".to_owned()),
        },
        Intent::Next | Intent::Previous | Intent::Left | Intent::Right => {
            let one = app.subject.as_ref().is_some_and(|subject| {
                matches!(app.screen, Screen::Detail(_))
                    && subject.objects.iter().any(|(_, one)| one.is_none())
            });
            unless(!one, "the other side has nothing on this line")
        }
        Intent::Arm => match &app.arming {
            Arming::Locked(why) => Some((*why).to_owned()),
            // Until more time would be given.
            Arming::Off | Arming::Armed(_) => app.already_armed(),
        },
        _ => None,
    }
}

/// Where a key works, in words.
pub fn places(binding: &Binding) -> String {
    if binding.contexts.len() == EVERYWHERE.len() {
        return "everywhere".to_owned();
    }
    let all = binding.contexts.covers(Places::of(SCREENS));
    let own = binding.contexts.iter().filter(|context| !all || !SCREENS.contains(context));
    let places = all.then_some("every screen").into_iter().chain(own.map(Context::word));
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
    let mut lines =
        vec!["| key | action | where | what it does |".to_owned(), "|---|---|---|---|".to_owned()];
    lines.extend(BINDINGS.iter().map(|binding| {
        let name = keyboard::action(binding.intent);
        let action = if keyboard::stays(name).is_some() { "stays".to_owned() } else { format!("`{name}`") };
        format!("| `{}` | {action} | {} | {} |", binding.key.name(), places(binding), binding.help)
    }));
    lines.join("\n")
}

/// What keys do, in a word or two; keys that stand side by side do the same to two sides.
pub type Hint = (&'static [Intent], &'static str);

/// Hints with the keys a person has for them; what has none is left out.
pub fn named(app: &App, place: Context, hints: &[Hint]) -> Vec<(String, &'static str)> {
    let name = |intent: &Intent| app.keys.name(*intent, Some(place));
    let named = |(intents, what): &Hint| {
        let names: Option<Vec<String>> = intents.iter().map(name).collect();
        Some((names?.join(" "), *what))
    };
    hints.iter().filter_map(named).collect()
}

/// What a filter may look like.
pub const EXAMPLE: (&str, &str) = ("e.g.", "status!=available  age>5m  user=a*");

const HELP: Hint = (&[Intent::Help], "help");
const COMMAND: Hint = (&[Intent::Palette], "command");
const FILTER: Hint = (&[Intent::Filter], "filter");
const SORT: Hint = (&[Intent::Sort], "sort");
const COPY: Hint = (&[Intent::Copy], "copy");
const AGAIN: Hint = (&[Intent::Refresh], "look again");
const SCOPE: Hint = (&[Intent::ScopePrevious, Intent::ScopeNext], "scope");

/// The hints over a recording, behind the place where one is.
pub const REPLAY_HINTS: &[Hint] = &[
    HELP,
    (&[Intent::Play(Play::Pause)], "pause"),
    (&[Intent::Play(Play::Step)], "step"),
    (&[Intent::Play(Play::Earlier), Intent::Play(Play::Later)], "minute"),
    (&[Intent::Play(Play::PreviousRecord), Intent::Play(Play::NextRecord)], "record"),
    (&[Intent::Play(Play::Faster)], "faster"),
];

/// The hints over a run that has ended: one that only watches what is owed lets it be paid.
pub fn hints_after(watches: bool) -> &'static [Hint] {
    if watches {
        return &[
            (&[Intent::Enter], "pay"),
            (&[Intent::Note], "note"),
            (&[Intent::Runs], "runs"),
            (&[Intent::Flip], "home"),
            HELP,
        ];
    }
    &[
        (&[Intent::Runs], "runs"),
        (&[Intent::Start], "run"),
        (&[Intent::Pane(3)], "journal"),
        (&[Intent::Flip], "home"),
        HELP,
    ]
}

/// The hints of the last line, most important first; `?` is the last to be cut.
pub fn hints(context: Context) -> &'static [Hint] {
    match context {
        Context::Home => &[
            HELP,
            COMMAND,
            (&[Intent::Enter], "open"),
            (&[Intent::Lists], "lists"),
            SCOPE,
            (&[Intent::Start], "run"),
            (&[Intent::Arm], "arm"),
            FILTER,
        ],
        Context::Run => &[
            (&[Intent::Enter], "confirm"),
            (&[Intent::ShortenNotice], "end notice"),
            HELP,
            (&[Intent::Undo], "undo"),
            (&[Intent::Skip], "skip"),
            (&[Intent::Hold], "hold"),
            (&[Intent::Flip], "home"),
            (&[Intent::Note], "note"),
        ],
        Context::Lists => &[
            HELP,
            FILTER,
            SORT,
            (&[Intent::Enter], "open"),
            (&[Intent::Next], "side"),
            (&[Intent::Zoom], "zoom"),
            COPY,
            SCOPE,
        ],
        Context::Detail => &[HELP, (&[Intent::Next], "other side"), COPY, AGAIN, COMMAND],
        Context::Events | Context::Journal => &[
            HELP,
            (&[Intent::Pause], "pause"),
            FILTER,
            SORT,
            (&[Intent::Move(Motion::Last)], "newest"),
            COPY,
            (&[Intent::Flip], "run"),
        ],
        Context::Readiness => &[HELP, FILTER, SORT, AGAIN, COPY, SCOPE],
        Context::Vantage => &[HELP, AGAIN, COPY, SCOPE, COMMAND],
        Context::Runs => &[HELP, COMMAND, (&[Intent::Enter], "resume"), (&[Intent::Start], "run"), COPY],
        Context::Filter => &[(&[Intent::Enter], "keep"), (&[Intent::Escape], "drop")],
        Context::Dialog | Context::Text => {
            &[(&[Intent::Next], "next"), (&[Intent::Enter], "press"), (&[Intent::Escape], "cancel")]
        }
        Context::Help => &[
            (&[Intent::Escape], "close"),
            FILTER,
            (&[Intent::Move(Motion::Down), Intent::Move(Motion::Up)], "scroll"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{keyboard::Keyboard, keys::TYPING};

    /// A key that is armed already arms nothing, and is dimmed with the time that is left.
    #[test]
    fn the_key_that_arms_is_dimmed_while_it_is_armed() {
        use crate::app::{Event, World, scene};
        let mut app = scene::app(World::Live, scene::Weather::Calm);
        assert_eq!(why_not(&app, Intent::Arm), None);
        let arm = crate::engine::Command::Arm { on: true, how: "test".into() };
        app.update(Event::Command(arm), scene::at(10));
        assert!(why_not(&app, Intent::Arm).is_some_and(|why| why.starts_with("already armed")));
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (index, one) in BINDINGS.iter().enumerate() {
            for two in &BINDINGS[index + 1..] {
                let shared = !one.contexts.both(two.contexts).is_empty();
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
        let keys = Keyboard::default();
        for (context, hints) in usual.chain(replay).chain(over) {
            for (intents, what) in hints {
                let bound = intents.iter().all(|intent| keys.name(*intent, Some(*context)).is_some());
                assert!(bound, "{context:?} hints at {intents:?} ({what}), which has no key there");
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
                assert_eq!(Keyboard::default().intent(*context, Key::Char(c)), Some(Intent::Type(c)));
            }
        }
        assert!(BINDINGS.iter().all(|binding| binding.key != Key::Ctrl('d')));
    }
}
