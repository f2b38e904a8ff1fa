//! The last line of the run view: the keys that do something just now, each with what it does.

use crate::{
    app::{
        App, Intent,
        dialog::{Modal, Weight},
        run::RunOpen,
        screen::Screen,
        start::StartFocus,
    },
    engine::view::{RunState, RunView, StepState},
};

use super::keymap::{self, BINDINGS, Context};

/// What is said of a key that a run that has ended does not hear.
const OVER: &str = "the run is over";

/// The hints of the last line, wherever a person is.
pub(super) fn of(app: &App) -> Vec<(&'static str, &'static str)> {
    let context = keymap::context(app);
    match (context, app.run_view()) {
        _ if app.spot.is_some() && keymap::SCREENS.contains(&context) => keymap::REPLAY_HINTS.to_vec(),
        (Context::Run, Some(view)) => run(app, view),
        (Context::Dialog | Context::Text, _) => dialog(app),
        (Context::Filter | Context::Help, _) => keymap::hints(context).to_vec(),
        _ => keymap::hints(context).iter().copied().filter(|(keys, _)| offered(app, context, keys)).collect(),
    }
}

/// Whether one of the keys of a hint does something on this screen just now.
fn offered(app: &App, context: Context, keys: &str) -> bool {
    let works = |key: &str| {
        let bound = BINDINGS.iter().find(|one| one.key.name() == key && one.contexts.contains(&context));
        bound.is_some_and(|one| keymap::why_not(app, one.intent).is_none())
    };
    keys.split(' ').any(works)
}

/// Why a key that opens or copies the row under the cursor does nothing on this screen.
pub(super) fn row_deaf(app: &App, intent: Intent) -> Option<String> {
    let why = match (intent, app.screen) {
        (Intent::Enter, Screen::Events | Screen::Journal | Screen::Readiness | Screen::Vantage) => {
            "all of it stands below the list"
        }
        (Intent::Enter, Screen::Detail(_)) => "this is all that is known",
        (Intent::Enter, Screen::Lists(_)) if !app.has_row() => "nothing to open here",
        (Intent::Enter, Screen::Runs) => match app.runs.get(app.list.place(app.runs.len())) {
            None => "no runs yet",
            Some(run)
                if run.open == RunOpen::Closed && app.run_view().is_none_or(|here| here.run != run.run) =>
            {
                "it is over"
            }
            Some(_) => return None,
        },
        (Intent::RestartHost, Screen::Run) if app.restartable_items().len() > 1 => {
            "several are stuck: name one, :restart NAME"
        }
        (Intent::Copy | Intent::CopyField, _) if !app.has_row() => "nothing to copy here",
        _ => return None,
    };
    Some(why.to_owned())
}

/// The hints over a run.
pub(super) fn run(app: &App, view: &RunView) -> Vec<(&'static str, &'static str)> {
    let over = matches!(view.state, RunState::Closed(_));
    let usual = if over { keymap::hints_after(view.watches) } else { keymap::hints(Context::Run) };
    let said = |(key, what): &(&'static str, &'static str)| match *key {
        "enter" => Some((*key, enter(app, view).ok()?)),
        "h" if rests(view) => Some((*key, goes_on(view))),
        _ => works(app, key).then_some((*key, *what)),
    };
    usual.iter().filter_map(said).collect()
}

/// The hints of the dialog that has the keys.
pub(super) fn dialog(app: &App) -> Vec<(&'static str, &'static str)> {
    let cancel = ("esc", "cancel");
    match app.modals.last() {
        Some(Modal::Lists(_)) => {
            vec![("1 .. 0", "open"), ("j k", "choose"), ("enter", "open"), ("esc", "close")]
        }
        Some(Modal::Pick(_)) => vec![("j k", "choose"), ("enter", "copy"), ("esc", "close")],
        Some(Modal::Told(_)) => vec![("enter", "close")],
        // It lies over this line.
        Some(Modal::Palette(_)) => Vec::new(),
        Some(Modal::Start(dialog)) => match dialog.focus {
            StartFocus::Button(_) => vec![("tab", "next"), ("enter", "press"), cancel],
            _ if dialog.takes_text() => vec![("tab", "next"), cancel],
            _ => vec![("tab", "next"), ("left right", "choose"), cancel],
        },
        Some(Modal::Confirm(dialog)) if dialog.asked().is_none() => {
            vec![("tab", "next"), ("enter", "press"), ("y", "copy the list"), cancel]
        }
        Some(Modal::Ask(dialog)) => match dialog.purpose.weight() {
            Weight::Light => vec![("enter", "press"), ("tab", "next"), cancel],
            Weight::Grave => vec![("tab", "next"), ("enter", "press"), cancel],
        },
        _ => vec![("tab", "next"), ("enter", "press"), cancel],
    }
}

/// Whether a key of the run view does something just now.
fn works(app: &App, key: &str) -> bool {
    let bound =
        BINDINGS.iter().find(|binding| binding.key.name() == key && binding.contexts.contains(&Context::Run));
    bound.is_some_and(|binding| keymap::why_not(app, binding.intent).is_none())
}

/// Whether the run does nothing until somebody says so.
fn rests(view: &RunView) -> bool {
    view.stopped.is_some() || view.interrupted || matches!(view.state, RunState::Held(..))
}

fn goes_on(view: &RunView) -> &'static str {
    if view.stopped.is_some() { "open again" } else { "go on" }
}

/// Why a key of the run view does nothing, where the run itself is the reason; `None`: it may work.
pub(super) fn run_deaf(app: &App, intent: Intent) -> Option<String> {
    let view = app.run_view().filter(|_| app.screen == Screen::Run)?;
    let over = matches!(view.state, RunState::Closed(_));
    match intent {
        Intent::Enter => enter(app, view).err(),
        Intent::Undo => None,
        Intent::Hold => (over && !(view.watches && view.interrupted)).then(|| OVER.to_owned()),
        intent if intent.is_for_run() => over.then(|| OVER.to_owned()),
        _ => None,
    }
}

/// What enter does to the step under the cursor, or why it does nothing.
fn enter(app: &App, view: &RunView) -> Result<&'static str, String> {
    if rests(view) {
        return Ok(goes_on(view));
    }
    if matches!(view.state, RunState::Closed(_)) && !view.watches {
        return Err(OVER.to_owned());
    }
    let Some(step) = app.selected_step() else { return Err("the run has no steps".to_owned()) };
    match step.state {
        _ if view.debts_ready.contains(&step.id) => Ok("pay"),
        state if state.over() => Ok("tell"),
        _ if step.ask.is_some() && step.value.is_none() => Ok("answer"),
        StepState::Blocked => Ok("see why"),
        _ if step.is_undo && step.offer.is_some() => Ok("take back"),
        StepState::Ready | StepState::Failed => Ok("confirm"),
        _ if step.offer.is_some() => Ok("confirm"),
        StepState::Pending => {
            let first = view.current.and_then(|at| view.steps.get(at));
            Err(first.map_or_else(|| "not its turn".to_owned(), |first| format!("{} comes first", first.id)))
        }
        state => Err(format!("{} is {}", step.id, state.word())),
    }
}
