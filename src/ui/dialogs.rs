//! What lies over a screen. Each says what, where, how many, before and after, the way back,
//! and what to press.

use ratatui::layout::Rect;

use crate::{
    app::{
        App, Intent, Motion,
        confirm::ConfirmDialog,
        dialog::{LeaveDialog, Modal},
        gesture::Field,
        palette, sentence,
        told::ToldDialog,
    },
    domain::{
        Safe, advice, operation,
        text::counted,
        time::{Span, age_text, clock_text, minutes},
    },
    engine::{
        event::{GateItem, Ground},
        view::{OfferView, RunState, StepView},
    },
};

use super::{
    arm, ask, head, help,
    pen::{Pen, fit_end},
    pick,
    sheet::{Rank, Sheet, width_in},
    start,
    steps::{self, short_id},
    theme::Role,
};

/// Writes that a dialog names under its first call: with three the smallest window would cut lines.
const NAMED: usize = 2;
/// Columns of a dialog's line that are no path: its frame, its name, the word before the method.
const CALL_MARGIN: usize = 19;

pub(super) fn draw(app: &App, modal: &Modal, pen: &mut Pen<'_>) {
    match modal {
        Modal::Help(dialog) => help::draw(app, dialog, pen),
        Modal::Palette(field) => palette_line(app, field, pen),
        Modal::Arm(dialog) => arm::draw(app, dialog, pen),
        Modal::Confirm(dialog) => confirm(app, dialog, pen),
        Modal::Start(dialog) => start::draw(app, dialog, pen),
        Modal::Ask(dialog) => ask::draw(app, dialog, pen),
        Modal::Leave(dialog) => leave(app, dialog, pen),
        Modal::Pick(dialog) => pick::draw(dialog, pen),
        Modal::Lists(place) => pick::lists(app, *place, pen),
        Modal::Told(dialog) => told(app, dialog, pen),
    }
}

pub(super) fn title(app: &App) -> String {
    let badge = app.badge();
    match app.run_view() {
        Some(view) => {
            let mode = match view.mode {
                crate::runbook::Mode::Graceful => "",
                crate::runbook::Mode::Ungraceful => "   ungraceful",
            };
            format!("{badge}   {}  {}>{}{mode}", view.service, view.codes[view.from], view.codes[view.to])
        }
        None => format!("{badge}   {}", app.estate.name),
    }
}

fn confirm(app: &App, dialog: &ConfirmDialog, pen: &mut Pen<'_>) {
    let step = app.run_view().and_then(|view| view.steps.iter().find(|step| step.id == dialog.step));
    let mut sheet = Sheet::over(app, title(app), Role::Title);
    match step {
        Some(step) => {
            sheet.words(&format!("{}  {}", step.id, step.title), Role::Title);
            sheet.aside(&step.why);
        }
        None => sheet.words(&dialog.step, Role::Title),
    }
    sheet.blank();
    match &dialog.offer {
        None => sheet.words("reading its preconditions again …", Role::Dim),
        Some(offer) => offered(app, offer, step, width_in(pen), &mut sheet),
    }
    if let Some(step) = step {
        for blocked in &step.blocked_by {
            sheet.prompt(&format!("{:<8} {blocked}", blocking(step, blocked)), Role::Bad);
        }
        // It keeps nobody from going on: whoever does must have read it.
        for proof in step.proofs.iter().filter(|proof| proof.is_excused() && proof.ground == Ground::Unproven)
        {
            sheet.prompt(&format!("unproven {}: {}", proof.id, proof.value), Role::Warn);
        }
    }
    sheet.blank();
    sheet.remark(dialog.remark.as_ref());
    if dialog.is_off() && dialog.remark.is_none() {
        sheet.prompt(&cannot(step), Role::Warn);
    }
    prompt(app, dialog, &mut sheet);
    sheet.blank();
    let act = act_word(dialog, step);
    let act = if dialog.is_off() { format!("{act}: off") } else { act };
    let ready = dialog.offer.is_some() && !dialog.is_off() && dialog.typed_right();
    let role = if ready { Role::Danger } else { Role::Dim };
    sheet.buttons(dialog.button, &act, role);
    sheet.draw(pen);
}

/// How what blocks a step stands, in a word: what is not known is not red.
fn blocking(step: &StepView, blocked: &Safe) -> &'static str {
    let named = |proof: &&GateItem| {
        blocked.as_str().strip_prefix(&*proof.id).is_some_and(|rest| rest.starts_with(':'))
    };
    step.proofs.iter().find(named).map_or("not yet", |proof| sentence::verdict_word(proof.verdict))
}

/// What is said where the token ends before the step usually does.
fn outlived(app: &App, usual: Span) -> Option<String> {
    let left = app.token_left().filter(|left| u128::from(*left) < usual.unsigned_abs().as_millis())?;
    let then = match app.token.trouble() {
        Some(why) => {
            let next = advice::about(why.as_str()).unwrap_or("sign in again");
            format!("and is not renewed: before you start, {next}")
        }
        None => "and has to be renewed on the way".to_owned(),
    };
    Some(format!("ends in {} min, before this step usually does, {then}", left / 60_000))
}

/// A look under the evidence of death that is older is pointed out.
const OLD: Span = minutes(2);

fn offered(app: &App, offer: &OfferView, step: Option<&StepView>, width: u16, sheet: &mut Sheet) {
    sheet.pair("what", offer.what.as_str(), Role::Text);
    sheet.ranked(Rank::About);
    if let Some(drift) = &offer.drift {
        sheet.pair("now", drift.to_string(), Role::Dim);
        sheet.ranked(Rank::Least);
    }
    sheet.pair("effect", offer.effect.as_str(), Role::Text);
    sheet.ranked(Rank::Meaning);
    let (before, after) = &offer.before_after;
    let age = offer.before_at.map(|at| app.now().duration_since(at));
    let role = if age.is_some_and(|age| age > OLD) { Role::Warn } else { Role::Text };
    let looked = sentence::oldest_look(offer.before_at, app.now());
    sheet.pair("before", format!("{before}{looked}"), role);
    sheet.ranked(Rank::Stand);
    sheet.pair("after", after.as_str(), Role::Text);
    sheet.ranked(Rank::After);
    if let Some(step) = step {
        // What is paid after the end of a run is not taken back by it.
        let over = app.run_view().is_some_and(|view| matches!(view.state, RunState::Closed(_)));
        let undo = match &step.undo {
            Some(_) if over => "none: the run is over".to_owned(),
            Some(undo) => undo.clone(),
            None if step.is_undo => steps::UNDO_OF_UNDO.to_owned(),
            None => "none".to_owned(),
        };
        sheet.pair("undo", undo, Role::Text);
        sheet.ranked(Rank::Stand);
        sheet.pair("usual", clock_text(step.usual), Role::Text);
        sheet.ranked(Rank::Least);
        if let Some(words) = outlived(app, step.usual) {
            sheet.pair("token", words, Role::Warn);
            sheet.ranked(Rank::Stand);
        }
    }
    let hash = short_hash(&offer.hash);
    let read = offer
        .read_at
        .map(|at| format!(", read {} ago", age_text(app.now().duration_since(at))))
        .unwrap_or_default();
    let already = if offer.already > 0 { format!(", {} already so", offer.already) } else { String::new() };
    let calls = match offer.writes.first() {
        None => format!("nothing is written, list {hash}{read}"),
        Some(write) => format!("{} x {}{already}, list {hash}{read}", offer.writes.len(), write.method),
    };
    sheet.pair("calls", calls, Role::Text);
    if let Some(write) = offer.writes.first() {
        // The end of a path tells which object it is, its beginning only whose.
        let room = usize::from(width).saturating_sub(CALL_MARGIN + write.method.len());
        let path = write.path.as_str().split('?').next().unwrap_or_default();
        sheet.pair("", format!("first {} {}", write.method, fit_end(path, room)), Role::Dim);
        sheet.ranked(Rank::Which);
    }
    // Whoever scrolls reads all of them.
    let named = if app.body_at() > 0 { offer.writes.len() } else { NAMED };
    for write in offer.writes.iter().take(named) {
        sheet.pair("", sentence::deed(write.verb, &write.key), Role::Dim);
    }
    if offer.writes.len() > named {
        let more = offer.writes.len() - named;
        let page = app.key(Intent::Move(Motion::PageDown));
        // Where something is typed a letter is text.
        let copy =
            if offer.level < 2 { format!(", {} copies them", app.key(Intent::Copy)) } else { String::new() };
        sheet.pair("", format!("and {more} more; {page} shows all{copy}"), Role::Dim);
        sheet.ranked(Rank::Which);
    }
    if let Some(words) = counts(offer) {
        sheet.pair("number", words, Role::Dim);
        sheet.ranked(Rank::Stand);
    }
}

/// What the number counts that must be typed, where others stand beside it that count something else.
fn counts(offer: &OfferView) -> Option<String> {
    let users = offer.users;
    let number = offer.asked.as_ref().is_some_and(|asked| *asked == users.to_string());
    match (number, offer.users_at_start) {
        (true, true) => {
            Some(format!("{users}: users with a session when the run began; people come and go since"))
        }
        (true, false) if offer.writes.len() != users as usize => {
            Some(format!("{users}: users, each once; a user may have several sessions, or none by now"))
        }
        _ => None,
    }
}

/// `5f2c…e1`.
fn short_hash(hash: &str) -> String {
    match (hash.get(..4), hash.get(hash.len().saturating_sub(2)..)) {
        (Some(front), Some(back)) if hash.len() > 8 => format!("{front}…{back}"),
        _ => hash.to_owned(),
    }
}

fn prompt(app: &App, dialog: &ConfirmDialog, sheet: &mut Sheet) {
    let typed = dialog.typed.text();
    match (dialog.asked(), dialog.is_held()) {
        (None, _) if dialog.is_off() => {}
        (None, _) => sheet.prompt("tab to the button, then enter", Role::Dim),
        (Some(asked), false) => {
            let what = match &dialog.offer {
                _ if !asked.bytes().all(|byte| byte.is_ascii_digit()) => asked,
                Some(offer) => offer.number_word(),
                None => "the number of changes",
            };
            // What is counted is said in each of them.
            let short = what.trim_start_matches("the number of ");
            let short = format!("type {short}, tab, enter: ");
            sheet.input_or(format!("type {what} to confirm, tab, enter: "), short, typed);
        }
        (Some(_), true) => {
            let long = "type the region you open (its code), tab, then hold enter 3 s: ";
            sheet.input_or(long, "type the region's code, tab, hold enter 3 s: ", typed);
            let words = match dialog.hold.left(app.moment.terminal) {
                None => "without key repeat: press enter, and again after 3 s".to_owned(),
                Some(0) => "now: press enter once more".to_owned(),
                Some(left) => format!("holding: {} s more; any other key ends it", left.div_ceil(1_000)),
            };
            sheet.words(&words, Role::Dim);
        }
    }
}

/// Why the button is off, in short: what is not green stands above.
fn cannot(step: Option<&StepView>) -> String {
    let count = counted(step.map_or(0, |step| step.blocked_by.len()).max(1), "item");
    let gate = step.is_some_and(|step| step.kind == crate::runbook::StepKind::Gate);
    let what = if gate { "the gate cannot be passed" } else { "this cannot be confirmed" };
    format!("{what} yet: {count} not green")
}

/// What the button says: the deed with its number, never a bare yes.
fn act_word(dialog: &ConfirmDialog, step: Option<&StepView>) -> String {
    use crate::engine::event::Acknowledgement;
    let name = short_id(&dialog.step);
    let Some(offer) = &dialog.offer else { return format!("Confirm {name}") };
    if offer.writes.is_empty() {
        let gate = step.is_some_and(|step| step.kind == crate::runbook::StepKind::Gate);
        return if gate { "Pass the gate".to_owned() } else { format!("Confirm {name}") };
    }
    let mut words = operation::imperative(offer.writes.iter().map(|write| write.verb));
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match offer.acknowledges {
        Some(Acknowledgement::FencedByEvidence) => format!("{words} under debt"),
        Some(Acknowledgement::StandbyUnseen) => format!("{words} unseen"),
        Some(Acknowledgement::StuckItems | Acknowledgement::GrownList) | None => words,
    }
}

fn leave(app: &App, dialog: &LeaveDialog, pen: &mut Pen<'_>) {
    let mut sheet = Sheet::over(app, title(app), Role::Title);
    sheet.words("leave while a run is open", Role::Title);
    sheet.blank();
    match app.stopped() {
        None => {
            let words = "No further item starts; what is in flight is recorded and the run is held.";
            sheet.words(words, Role::Text);
        }
        Some(why) => {
            sheet.words(&format!("NO WRITES: {why}"), Role::Bad);
            sheet.words("Nothing further is sent or recorded. Once the disk takes writes:", Role::Text);
        }
    }
    if let Some(view) = app.run_view() {
        sheet.words(&format!("farshore resume {} goes on with it.", view.run), Role::Text);
    }
    sheet.blank();
    sheet.remark(dialog.remark.as_ref());
    let act = if app.stopped().is_some() { "Leave" } else { "Hold and leave" };
    sheet.buttons(dialog.button, act, Role::Danger);
    sheet.draw(pen);
}

/// A text that has to be read whole.
fn told(app: &App, dialog: &ToldDialog, pen: &mut Pen<'_>) {
    let mut sheet = Sheet::over(app, title(app), Role::Title);
    sheet.words(dialog.title, Role::Title);
    sheet.blank();
    sheet.words(&dialog.text, Role::Warn);
    sheet.blank();
    sheet.prompt("enter closes", Role::Dim);
    sheet.draw(pen);
}

/// The command line in the last row; above it what it could become, or why it was not obeyed.
fn palette_line(app: &App, field: &Field, pen: &mut Pen<'_>) {
    let (width, y) = (pen.width(), pen.height() - 1);
    pen.fill(Rect::new(0, y - 1, width, 2), Role::Text);
    let near = palette::matching(field.text());
    let words = match near.as_slice() {
        [(name, what)] => format!("{name}: {what}"),
        many => many.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("  "),
    };
    match &app.notice {
        Some(notice) => head::said(&notice.text, y - 1, Role::Notice, pen),
        None => drop(pen.text(1, y - 1, width - 2, &words, Role::Dim)),
    }
    let at = pen.text(1, y, 1, ":", Role::Key);
    let end = pen.text(at, y, width - 3, field.text(), Role::Input);
    pen.point(end, y);
}
