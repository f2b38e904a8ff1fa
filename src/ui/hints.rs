//! The last line: the keys that do something just now, each with what it does.

use crate::{
    app::sentence,
    app::{
        App, Intent, Motion,
        dialog::Modal,
        run::RunOpen,
        screen::{Filter, Screen},
        start::StartFocus,
    },
    engine::view::{RunState, RunView, StepState},
};

use super::{
    keymap::{self, Context, Hint},
    steps,
};

/// Hinted at where a step at work waits for nothing else.
const ARM: Hint = (&[Intent::Arm], "arm");
/// What is said of a key that a run that has ended does not hear.
const OVER: &str = "the run is over";

/// A hint of the last line: keys, and what they do.
pub(super) type Said = (String, &'static str);

/// The hints of the last line, wherever a person is.
pub(super) fn of(app: &App) -> Vec<Said> {
    let context = keymap::context(app);
    let usual = keymap::hints(context);
    match (context, app.run_view()) {
        _ if app.spot.is_some() && keymap::SCREENS.contains(&context) => {
            keymap::named(app, context, keymap::REPLAY_HINTS)
        }
        (Context::Run, Some(view)) => run(app, view),
        (Context::Dialog | Context::Text, _) => dialog(app, context),
        (Context::Filter | Context::Help, _) => {
            let mut said = keymap::named(app, context, usual);
            // The example is one for lists, and help is none.
            if matches!(app.filter, Filter::Typing(_)) && app.modals.is_empty() {
                said.push((keymap::EXAMPLE.0.to_owned(), keymap::EXAMPLE.1));
            }
            said
        }
        _ => {
            let works = |hint: &&Hint| hint.0.iter().any(|intent| keymap::why_not(app, *intent).is_none());
            let here = context == Context::Runs && is_here(app);
            let said = |(intents, what): Hint| match intents {
                [Intent::Enter] if here => (intents, "show"),
                _ => (intents, what),
            };
            keymap::named(app, context, &usual.iter().filter(works).copied().map(said).collect::<Vec<Hint>>())
        }
    }
}

/// Whether the run under the cursor is the one in this window: there is nothing to resume.
fn is_here(app: &App) -> bool {
    let under = app.runs.get(app.list.place(app.runs.len()));
    under.is_some_and(|run| app.run_view().is_some_and(|here| here.run == run.run))
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
pub(super) fn run(app: &App, view: &RunView) -> Vec<(String, &'static str)> {
    let over = matches!(view.state, RunState::Closed(_));
    let usual = if over { keymap::hints_after(view.watches) } else { keymap::hints(Context::Run) };
    let said = |(intents, what): &Hint| match intents {
        [Intent::Enter] => Some((*intents, enter(app, view).ok()?)),
        [Intent::Hold] if rests(view) => Some((*intents, goes_on(view))),
        all => all.iter().all(|intent| keymap::why_not(app, *intent).is_none()).then_some((*intents, *what)),
    };
    let arm = app.selected_step().is_some_and(|step| app.waits_for_arm(step)).then_some(ARM);
    keymap::named(
        app,
        Context::Run,
        &arm.into_iter().chain(usual.iter().filter_map(said)).collect::<Vec<Hint>>(),
    )
}

/// The hints of the dialog that has the keys.
fn dialog(app: &App, context: Context) -> Vec<Said> {
    const NEXT: Hint = (&[Intent::Next], "next");
    const PRESS: Hint = (&[Intent::Enter], "press");
    const CANCEL: Hint = (&[Intent::Escape], "cancel");
    const CLOSE: Hint = (&[Intent::Escape], "close");
    const MOVE: Hint = (&[Intent::Move(Motion::Down), Intent::Move(Motion::Up)], "choose");
    const SIDES: Hint = (&[Intent::Left, Intent::Right], "choose");
    let hints: &[Hint] = match app.modals.last() {
        Some(Modal::Lists(_)) => &[MOVE, (&[Intent::Enter], "open"), CLOSE],
        Some(Modal::Pick(_)) => &[MOVE, (&[Intent::Enter], "copy"), CLOSE],
        Some(Modal::Told(_)) => &[(&[Intent::Enter], "close")],
        // It lies over this line.
        Some(Modal::Palette(_)) => &[],
        Some(Modal::Start(dialog)) => match dialog.focus {
            StartFocus::Button(_) => &[NEXT, PRESS, CANCEL],
            _ if dialog.takes_text() => &[NEXT, CANCEL],
            _ => &[NEXT, SIDES, CANCEL],
        },
        Some(Modal::Confirm(dialog)) if dialog.asked().is_none() => {
            &[NEXT, PRESS, (&[Intent::Copy], "copy the list"), CANCEL]
        }
        _ => &[NEXT, PRESS, CANCEL],
    };
    let digits = matches!(app.modals.last(), Some(Modal::Lists(_))).then(|| ("1 .. 0".to_owned(), "open"));
    digits.into_iter().chain(keymap::named(app, context, hints)).collect()
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
    if let (RunState::Aborting(flying), true) =
        (&view.state, intent == Intent::Enter || (intent.is_for_run() && intent != Intent::Note))
    {
        return Some(sentence::aborting_words(*flying));
    }
    match intent {
        Intent::Enter => enter(app, view).err(),
        Intent::Undo | Intent::Skip => app.rests(),
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
        _ if steps::is_payable(view, step) => Ok("pay"),
        _ if view.debt_settles.as_ref() == Some(&step.id) => {
            Err(format!("nothing is left to write for {}: it is settled by what is seen", step.id))
        }
        state if state.over() => Ok("say why"),
        _ if sentence::at_work(step, app.now()).is_some() => {
            Err(format!("{} is {}", step.id, step.state.word()))
        }
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
