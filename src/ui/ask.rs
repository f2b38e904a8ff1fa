//! The questions that a run asks of a person, each with what must be known to answer it.

use crate::{
    app::{
        App, Intent, OthersChanges,
        dialog::{AskDialog, NAMES_PAGE, Needed, Purpose},
    },
    domain::{
        mask, operation,
        text::counted,
        time::{Timestamp, age_text, clock_text, span_text, time_text},
    },
    engine::{
        RunView,
        changes::named,
        view::{Again, Choice, RunState, StepView, WriteLine},
    },
    runbook::Mode,
};

use super::{
    dialogs::title,
    pen::{Pen, fit_end},
    run,
    sheet::{Rank, Sheet},
    steps::short_id,
    theme::Role,
};

pub(super) fn draw(app: &App, dialog: &AskDialog, pen: &mut Pen<'_>) {
    let mut sheet = Sheet::over(app, title(app), Role::Title);
    about(app, dialog, &mut sheet);
    sheet.blank();
    sheet.remark(dialog.remark.as_ref());
    match dialog.purpose.needed() {
        Needed::Nothing => sheet.prompt("tab to the button, then enter", Role::Dim),
        Needed::Maybe(word) => sheet.input(format!("{word} or nothing, tab, enter: "), dialog.typed.text()),
        Needed::Some(word) => sheet.input(format!("{word}, tab, enter: "), dialog.typed.text()),
        Needed::Exactly(asked) => sheet.input(format!("type {asked}, tab, enter: "), dialog.typed.text()),
    }
    sheet.blank();
    sheet.buttons(dialog.button, &dialog.purpose.act(), Role::Danger);
    sheet.draw(pen);
}

fn about(app: &App, dialog: &AskDialog, sheet: &mut Sheet) {
    match &dialog.purpose {
        Purpose::Skip(id) => {
            sheet.words(&format!("skip {id}: it stands in the report as an exception"), Role::Title);
        }
        Purpose::Downgrade(id) => {
            let ungraceful = app.run_view().is_some_and(|view| view.mode == Mode::Ungraceful);
            let what = if ungraceful { format!("put {id} off") } else { format!("turn {id} ungraceful") };
            sheet.words(&format!("{what}: what cannot be done becomes a debt"), Role::Title);
        }
        Purpose::ShortenNotice => {
            sheet.words("cut the notice short: users were promised more time", Role::Title);
        }
        Purpose::Note => sheet.words("a note for the journal and the report", Role::Title),
        Purpose::Statement => {
            sheet.words("state that the region is dead: say who told you and where it stands", Role::Title);
            sheet.words("one of two signs the death rule needs; never enough by itself", Role::Dim);
        }
        Purpose::Value(id, question) => {
            sheet.words(id, Role::Title);
            sheet.words(question, Role::Text);
        }
        Purpose::Hold => hold(app, sheet),
        Purpose::Abort => abort(app, sheet),
        Purpose::AcceptStuck(id, items) => stuck(id, items, dialog, sheet),
        Purpose::Retry(id, item) => {
            let what = item.as_deref().unwrap_or("all failed items");
            let waits = dialog.again.as_ref().is_some_and(|again| again.retries.is_empty());
            let words = if waits {
                format!("wait for {id} once more: it is past its patience, nothing is sent again")
            } else {
                format!("try {what} of {id} once more, as new journaled attempts")
            };
            sheet.words(&words, Role::Title);
            retry(app, id, dialog.again.as_deref(), sheet);
        }
        Purpose::Restart(id, item) => {
            sheet.words(&format!("restart the host under {item}: everyone on it is cut off"), Role::Title);
            restart(app, (id, item), dialog.again.as_deref(), sheet);
        }
        Purpose::Resume => resume(app, sheet),
    }
}

fn step_of<'a>(app: &'a App, id: &str) -> Option<&'a StepView> {
    app.run_view()?.steps.iter().find(|step| step.id == id)
}

/// What a second try sends, to how many, from what to what, and how it is taken back.
fn retry(app: &App, id: &str, again: Option<&Again>, sheet: &mut Sheet) {
    let (Some(step), Some(again)) = (step_of(app, id), again) else { return };
    let writes = &again.retries;
    if writes.is_empty() {
        return;
    }
    sheet.pair("what", operation::to_do(writes.iter().map(|write| write.verb)), Role::Text);
    sheet.ranked(Rank::About);
    sheet.pair("effect", again.effect.as_str(), Role::Text);
    sheet.ranked(Rank::Meaning);
    let failed = step.items.iter().find(|item| writes.iter().any(|write| write.key == item.key));
    if let Some(item) = failed {
        let more = if writes.len() > 1 { format!(" (and {} more)", writes.len() - 1) } else { String::new() };
        sheet.pair(
            "before",
            format!("{}: {}{}{more}", item.key, item.detail, ago(app, item.since)),
            Role::Text,
        );
        sheet.ranked(Rank::Stand);
    }
    sheet.pair("after", again.after.as_str(), Role::Text);
    sheet.ranked(Rank::After);
    sheet.pair("undo", step.undo.as_deref().unwrap_or("none"), Role::Text);
    sheet.ranked(Rank::Stand);
    sheet.pair("usual", clock_text(step.usual), Role::Text);
    sheet.ranked(Rank::Least);
    if let Some(first) = writes.first() {
        sheet.pair(
            "calls",
            format!("{} x {}, first {}", writes.len(), first.method, path(first)),
            Role::Text,
        );
        sheet.ranked(Rank::Which);
    }
}

/// The same of a restart, with who is on the host.
fn restart(app: &App, (id, item): (&str, &str), again: Option<&Again>, sheet: &mut Sheet) {
    let found = again.and_then(|again| again.restart.as_ref());
    let (Some(step), Some(found)) = (step_of(app, id), found) else { return };
    let on_it = match found.sessions {
        Some((count, at)) => format!("{} on it{}", counted(count, "session"), ago(app, Some(at))),
        None => "how many sessions are on it is not known".to_owned(),
    };
    sheet.pair("what", format!("{}; {on_it}", operation::to_do([found.write.verb])), Role::Text);
    sheet.ranked(Rank::About);
    sheet.pair("effect", "who is on it is signed out, unsaved work is lost", Role::Text);
    sheet.ranked(Rank::Meaning);
    if let Some(stuck) = step.items.iter().find(|known| known.key == item) {
        sheet.pair("before", format!("{}{}", stuck.detail, ago(app, stuck.since)), Role::Text);
        sheet.ranked(Rank::Stand);
    }
    sheet.pair("after", "the host starts anew without its sessions", Role::Text);
    sheet.ranked(Rank::After);
    sheet.pair("undo", "none", Role::Text);
    sheet.ranked(Rank::Stand);
    sheet.pair("usual", "not known: no run has measured it", Role::Text);
    sheet.ranked(Rank::Least);
    sheet.pair("calls", format!("1 x {} {}", found.write.method, path(&found.write)), Role::Text);
    sheet.ranked(Rank::Which);
}

/// The end of a path tells which object it is, its beginning only whose.
fn path(write: &WriteLine) -> String {
    let path = write.path.as_str().split('?').next().unwrap_or_default();
    fit_end(path, PATH_COLUMNS)
}

/// Columns of a path that leave room for its verb in a dialog at 80 columns.
const PATH_COLUMNS: usize = 40;

fn ago(app: &App, at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(", {} ago", age_text(app.now().duration_since(at))))
}

/// Every name stands whole on a line of its own; the number counts once the last one was shown.
fn stuck(id: &str, items: &[String], dialog: &AskDialog, sheet: &mut Sheet) {
    sheet.words(&format!("go on from {id} although these did not end"), Role::Title);
    for item in items.iter().skip(dialog.top).take(NAMES_PAGE) {
        sheet.words(item, Role::Warn);
    }
    if items.len() > NAMES_PAGE {
        let to = (dialog.top + NAMES_PAGE).min(items.len());
        let words = format!("{} to {to} of {}; page down, page up", dialog.top + 1, items.len());
        sheet.words(&words, Role::Dim);
    }
}

fn hold(app: &App, sheet: &mut Sheet) {
    sheet.words("the run is held: no further item starts. Why?", Role::Title);
    if let Some(view) = app.run_view() {
        sheet.pair("at work", flying(view), Role::Text);
    }
}

/// What is in flight, by name: it ends whatever is pressed, and is recorded.
fn flying(view: &RunView) -> String {
    match view.in_flight().as_slice() {
        [] => "nothing is in flight".to_owned(),
        [one] => format!("{one} ends and is recorded"),
        many => format!("{} end and are recorded: {}", counted(many.len(), "item"), named(many)),
    }
}

/// What an abort stops and what it leaves, of the step in turn, wherever the cursor is.
fn abort(app: &App, sheet: &mut Sheet) {
    let Some(view) = app.run_view() else { return };
    let stays = if view.wrote { "what was done stays as it is" } else { "nothing was written" };
    sheet.words(&format!("abort the run: it ends for good, {stays}"), Role::Title);
    let turn = view.current.and_then(|at| view.steps.get(at));
    if let Some(step) = turn {
        sheet.pair(
            "step",
            format!("{} {}, {}", short_id(&step.id), step.title, step.state.word()),
            Role::Text,
        );
        sheet.ranked(Rank::Least);
    }
    let never = match (view.not_started(), view.steps_left()) {
        (0, 0) => "nothing else was to come".to_owned(),
        (0, steps) => format!("{} never start", counted(steps, "later step")),
        (items, steps) => {
            format!("{} not started and {} never start", counted(items, "item"), counted(steps, "later step"))
        }
    };
    sheet.pair("stops", format!("{}; {never}", flying(view)), Role::Text);
    sheet.ranked(Rank::About);
    let mut name = "stays";
    match turn {
        _ if !view.wrote => return abort_instead(app, view, sheet),
        // What it would leave once it is begun is not said of a step that has sent nothing.
        Some(step) if step.begun() => {
            sheet.pair("stays", run::leaves(step), Role::Text);
            sheet.ranked(Rank::Meaning);
            name = "";
        }
        // What follows is no part of what it stops.
        _ => {}
    }
    let made = view.changes();
    let each: Vec<String> =
        made.iter().map(|(step, made)| format!("{} {made}", short_id(&step.id))).collect();
    let all: usize = made.iter().map(|(_, made)| made).sum();
    let done = match (all, view.taken_back()) {
        (0, 0) => "no change of this run has been seen to have happened".to_owned(),
        (0, back) => format!("nothing: {} made and taken back", counted(back, "change")),
        (all, 0) => format!("{} made and kept ({})", counted(all, "change"), each.join(", ")),
        (all, back) => {
            format!("{} made and kept ({}), {back} taken back", counted(all, "change"), each.join(", "))
        }
    };
    // What is at work in Azure is not made yet, and will have been.
    let done = match view.in_flight().len() {
        0 => done,
        flying => format!("{done}; {flying} more in flight"),
    };
    sheet.pair(name, done, Role::Text);
    sheet.ranked(Rank::Stand);
    let turn = turn.map(|step| step.id.as_str());
    let mut told: Vec<String> = Vec::new();
    // What can be taken back stands as it was made, whatever came after it: who was told or signed out does not.
    let stands = |step: &StepView| step.undo.is_some() && Some(step.id.as_str()) != turn;
    for (step, _) in made.iter().rev().filter(|(step, _)| stands(step)) {
        // What it means for people; what follows the first clause is advice.
        let clause = step.abort.split([';', '.']).next().unwrap_or_default().trim();
        let words = format!("{} {clause}", short_id(&step.id));
        if !clause.is_empty() && !told.contains(&words) {
            sheet.pair("", words.clone(), Role::Text);
            sheet.ranked(Rank::After);
            told.push(words);
        }
    }
    if view.steps.iter().any(|step| step.choices.contains(&Choice::Undo)) {
        let undo = app.key(Intent::Undo);
        let words = format!("{undo} on a step takes its changes back; after the abort nothing does");
        sheet.pair("", words, Role::Dim);
        sheet.ranked(Rank::After);
    }
    abort_instead(app, view, sheet);
}

/// What can be done in place of it.
fn abort_instead(app: &App, view: &RunView, sheet: &mut Sheet) {
    let instead = match view.state {
        RunState::Held(..) => "esc: the run stays held and can go on later".to_owned(),
        RunState::Aborting(_) => {
            "none: it is being aborted, another reason takes the place of the first".to_owned()
        }
        // There the key that holds goes on.
        _ if view.interrupted => "esc: the run stays interrupted and can go on later".to_owned(),
        _ => format!("esc, then {}: holds the run, which can go on later", app.key(Intent::Hold)),
    };
    sheet.pair("instead", instead, Role::Dim);
}

/// Why, by whom and how long it was held, and what is known to have changed since.
fn resume(app: &App, sheet: &mut Sheet) {
    sheet.words("go on: items of a confirmed step start again", Role::Title);
    let Some(view) = app.run_view() else { return };
    let since = if let (Some(hold), RunState::Held(_, note)) = (&view.hold, &view.state) {
        let held = clock_text(app.now().duration_since(hold.since));
        sheet.pair("held", format!("{held} by {}: {note}", mask::person(hold.by.as_str())), Role::Text);
        let (then, now) = (hold.in_flight.len(), view.in_flight());
        let ended = hold.in_flight.iter().filter(|one| !now.contains(one)).count();
        let words = format!("{then} then, {ended} of them ended; now {}", flying(view));
        sheet.pair("at work", words, Role::Text);
        hold.since
    } else {
        let gone = clock_text(app.now().duration_since(view.worked_at));
        let at = time_text(view.worked_at);
        sheet.pair("ended", format!("its process; last at work {gone} ago, {at}"), Role::Text);
        sheet.pair("at work", flying(view), Role::Text);
        view.worked_at
    };
    sheet.pair("since", others(app, since), Role::Text);
    if let Some(worst) = app.summary.worst() {
        sheet.pair("now", worst.text.clone(), Role::Warn);
    }
    sheet.words("the last completed step is observed again first", Role::Dim);
}

/// What others have changed since, as far as it was heard of.
fn others(app: &App, since: Timestamp) -> String {
    match app.others_changes() {
        OthersChanges::Asking => "asking for assignment changes by others …".to_owned(),
        OthersChanges::Unknown(why) => format!("assignment changes by others are not known: {why}"),
        OthersChanges::Known(changes, error) => {
            let later: Vec<String> = changes
                .iter()
                .filter(|change| change.at >= since)
                .map(|change| format!("{} {}", change.caller, change.operation))
                .collect();
            let whole = error.map(|why| format!(", not whole: {why}")).unwrap_or_default();
            let read = app.others_seen().map_or_else(String::new, |at| {
                format!(", read {} ago", span_text(app.now().duration_since(at)))
            });
            match later.as_slice() {
                [] => format!("no assignment changes by others since, as far as 30 min back{read}{whole}"),
                many => {
                    format!(
                        "{} by others: {}{read}{whole}",
                        counted(many.len(), "assignment change"),
                        named(many)
                    )
                }
            }
        }
    }
}
