//! The run: steps with their items at the left, both regions at the right, and what the step
//! under the cursor does below (layout C).

use crate::{
    app::{App, Intent, feed::Origin, sentence},
    domain::{
        mask,
        text::counted,
        time::{clock_text, minute_text, time_text},
    },
    engine::{
        RunView,
        changes::named,
        event::RunEnd,
        view::{Choice, PhaseView, RunState, StepState, StepView},
    },
    runbook::{Mode, StepKind},
    status::CellState,
};

use super::{
    head, panel,
    pen::{Pen, columns, fit, whole, wrap_in},
    steps::{self, is_payable, short_id},
    theme::Role,
};

/// Width of the steps at 80 columns; wider windows share the rest.
const STEPS_WIDTH: u16 = 51;
/// Rows of the steps that nothing else takes.
const STEPS_LEAST: u16 = 6;
/// Lines of what went wrong, and from which height on what is usual may take two.
const TOLD: usize = 4;
const TALL: u16 = 29;
/// Journal lines at the bottom of a 24-row window.
const JOURNAL_ROWS: u16 = 2;

/// How the window is shared.
struct Shares {
    /// The first column of the regions; the width of the window where they stand below.
    split: u16,
    /// The first row below the steps.
    detail: u16,
    /// Lines about the step: what it does, how it is taken back, what aborting leaves, its proof.
    lines: u16,
    /// Lines of the regions, where they stand below.
    regions: u16,
    /// The first row of the journal.
    journal: u16,
}

impl Shares {
    /// `told`: lines that there are to be said about the step.
    fn of(width: u16, height: u16, told: u16) -> Self {
        let narrow = width < 80;
        let split = match width {
            ..80 => width,
            80..head::WIDE => STEPS_WIDTH + (width - 80) / 2,
            _ => width * 46 / 100,
        };
        let lines = 4;
        let journal = match (height, narrow) {
            (..24, true) => 0,
            (..24, false) => 1,
            _ => JOURNAL_ROWS + (height - 24) / 3,
        };
        let regions = if narrow { 2 } else { 0 };
        let bottom = height - 1;
        let detail = bottom - journal - 2 - lines - regions;
        // What went wrong is said whole, as long as the steps keep some room.
        let more = told.saturating_sub(4).min(detail.saturating_sub(STEPS_LEAST + 2));
        let (detail, lines) = (detail - more, lines + more);
        Self { split, detail, lines, regions, journal: bottom - journal }
    }
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let Some(view) = app.run_view() else {
        pen.text(1, 2, pen.width(), &app.no_run(), Role::Dim);
        return;
    };
    let (width, height) = (pen.width(), pen.height());
    let about = app.selected_step().map(|step| about(app, view, step, (width, height))).unwrap_or_default();
    let shares = Shares::of(width, height, about.len() as u16);
    title(view, pen, shares.split);
    steps::draw(app, view, pen, shares.split, (2, shares.detail));
    if width >= head::WIDE {
        panel::beside(app, view, pen, shares.split, (1, shares.detail));
    } else if shares.split < width {
        panel::stacked(app, view, pen, shares.split, (1, shares.detail));
    }
    below(app, view, pen, &shares, &about);
    lines(app, pen, shares.journal, height - 1);
}

fn title(view: &RunView, pen: &mut Pen<'_>, split: u16) {
    let phase = view.current.and_then(|current| {
        let within = |phase: &&PhaseView| (phase.first..phase.first + phase.count).contains(&current);
        let phase = view.phases.iter().find(within)?;
        // The place of the step in turn: a debt is paid long after the steps behind it are over.
        Some((phase, current - phase.first + 1))
    });
    let right = match (&view.state, phase) {
        _ if view.stopped.is_some() => "NO WRITES: h".to_owned(),
        _ if view.interrupted => "interrupted: enter".to_owned(),
        (RunState::Running | RunState::AwaitingPerson, Some((phase, place))) => {
            format!("{} {place} of {}", phase.id, phase.count)
        }
        (state, _) => sentence::state_word(state).to_owned(),
    };
    let local = if view.local { " (local)" } else { "" };
    let service = fit(&view.service, usize::from(split).saturating_sub(35));
    let tail = format!("{local} {service}, {}", view.mode.word());
    // The runbook's name is cut before the mode is.
    let room = usize::from(split).saturating_sub(columns(&right) + columns(&tail) + 7);
    let words = format!("{}{tail}", fit(&view.runbook, room.max(6)));
    pen.rule_pair((0, split), 1, &words, &right);
}

/// What the step under the cursor does, how it is taken back, what aborting leaves, its proof.
fn below(app: &App, view: &RunView, pen: &mut Pen<'_>, shares: &Shares, about: &[(&str, String)]) {
    let (width, top) = (pen.width(), shares.detail);
    match app.selected_step() {
        Some(step) => {
            let name = format!("{} {}", short_id(&step.id), step.title);
            let room = usize::from(width).saturating_sub(columns(&name) + 9);
            pen.rule_pair((0, width), top, &name, &press(app, view, step, room));
            for (y, (name, text)) in (top + 1..top + 1 + shares.lines).zip(about) {
                pen.text(1, y, 7, name, Role::Dim);
                pen.text(9, y, width - 10, text, Role::Text);
            }
        }
        None => pen.line(0, top, width),
    }
    let y = top + 1 + shares.lines;
    if shares.regions > 0 {
        panel::short(app, view, pen, y);
    }
    let words = standing(app, view, width);
    let y = y + shares.regions;
    pen.line(0, y, width);
    let room = usize::from(width.saturating_sub(6));
    let role = if urgent(app, view) { Role::Bad } else { Role::Title };
    pen.text(2, y, width - 4, &format!(" {} ", whole(&words, room)), role);
}

fn urgent(app: &App, view: &RunView) -> bool {
    view.stopped.is_some()
        || view.primary_is_back
        || app.summary.invariant.state == CellState::Crit
        || view.rto_left.is_some_and(|left| left.is_negative())
}

/// Stands for the time left until all else is known.
const RTO: &str = "RTO";
/// Columns between two parts of the line.
const GAP: usize = 3;

/// How the whole run stands, most important first.
fn standing(app: &App, view: &RunView, width: u16) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(stopped) = &view.stopped {
        words.push(format!("NO WRITES: {stopped}"));
    }
    if view.primary_is_back {
        words.push(format!("{} IS BACK", view.codes[view.from]));
    }
    let both = Some(&app.summary.invariant).filter(|both| both.state == CellState::Crit);
    let both = both.map(|both| format!("in both: {}", both.text));
    let owed: Vec<&str> = view.debts.iter().map(|step| short_id(step)).collect();
    // Beside a region that is back only their number has room.
    let narrow = width < 80 || (view.primary_is_back && width < head::WIDE);
    let which = if narrow { String::new() } else { format!(" ({})", owed.join(" ")) };
    let debts = match (owed.len(), view.debts_ready.len()) {
        (0, _) => "debts: none".to_owned(),
        (count, 0) => format!("debts: {count}{which}"),
        (count, ready) if narrow && ready > 2 => format!("debts: {count}{which}, {ready} ready"),
        (count, _) => {
            let ready: Vec<&str> = view.debts_ready.iter().map(|step| short_id(step)).collect();
            format!("debts: {count}{which}, ready {}", ready.join(" "))
        }
    };
    // Two counts at two moments: each has its own word.
    let people = match (view.effective_by, view.baseline_users, view.planned_users) {
        (Some(by), ..) => Some(format!("granted, effective by {}", minute_text(by))),
        (None, Some(users), _) => Some(format!("users at the start: {users}")),
        (None, None, users) => users.map(|users| format!("users in the plan: {users}")),
    };
    // Line 1 has no room for it there.
    let since = clock_text(app.shown_at().duration_since(view.impact));
    let since = (width < 80).then(|| format!("T+{since}"));
    let time = RTO.to_owned();
    if owed.is_empty() {
        words.extend(both.into_iter().chain([time, debts]).chain(since).chain(people));
    } else {
        words.extend([time, debts].into_iter().chain(both).chain(since).chain(people));
    }
    // From where it counts is a part of what it says: the impact may have begun long before the run. The
    // least important words leave for it.
    let said = |since| if view.impact_stated { sentence::rto(view, "") } else { sentence::rto(view, since) };
    let long = said(" from the start of the run");
    let others: usize = words.iter().filter(|word| *word != RTO).map(|word| columns(word) + GAP).sum();
    let fits = others + columns(&long) + GAP <= usize::from(width).saturating_sub(GAP);
    let said = if fits { long } else { said(" from start") };
    for word in words.iter_mut().filter(|word| *word == RTO) {
        word.clone_from(&said);
    }
    words
}

/// What may be chosen for a step, by which key, and what that does.
const CHOICES: [(Choice, Intent, &str); 7] = [
    (Choice::Retry, Intent::Retry, "tries again"),
    (Choice::AcceptStuck, Intent::AcceptStuck, "goes on without"),
    (Choice::RestartHost, Intent::RestartHost, "restarts the host"),
    (Choice::Downgrade, Intent::Downgrade, "downgrades"),
    (Choice::ShortenNotice, Intent::ShortenNotice, "ends the notice"),
    (Choice::Skip, Intent::Skip, "skips"),
    (Choice::Undo, Intent::Undo, "undoes"),
];

/// The keys to press now, the most likely first, as many as have room.
fn press(app: &App, view: &RunView, step: &StepView, room: usize) -> String {
    match &view.state {
        _ if app.is_replay() => return "as it was then".to_owned(),
        _ if view.stopped.is_some() => return format!("{} opens the journal again", app.key(Intent::Hold)),
        RunState::Closed(_) if !view.watches => return format!("over: {} lists runs", app.key(Intent::Runs)),
        RunState::Held(..) => return format!("held: {} goes on", app.key(Intent::Hold)),
        RunState::Aborting(flying) => return format!("aborting: {} to end", counted(*flying, "item")),
        _ if view.interrupted => return "interrupted: enter goes on".to_owned(),
        _ => {}
    }
    let mut keys: Vec<String> = Vec::new();
    let arm = app.key(Intent::Arm);
    let armed = app.arming.is_armed();
    match step.state {
        StepState::Ready | StepState::AwaitingPerson if !armed => keys.push(format!("{arm} arms")),
        StepState::AwaitingPerson => keys.push("enter answers".to_owned()),
        StepState::Ready if step.is_undo => keys.push("enter takes it back".to_owned()),
        StepState::Ready => keys.push("enter confirms".to_owned()),
        StepState::Confirmed | StepState::Running | StepState::Waiting if step.choices.is_empty() => {
            keys.push("at work".to_owned());
        }
        StepState::Deferred if steps::settles(view, step) => {
            keys.push("nothing to write: settles by itself".to_owned());
        }
        StepState::Deferred if is_payable(view, step) => {
            keys.push(if armed { "enter pays".to_owned() } else { format!("{arm} arms, then enter pays") });
        }
        StepState::Blocked if app.waits_for_arm(step) => keys.push(format!("{arm} arms")),
        StepState::Blocked => keys.push("not green yet".to_owned()),
        _ => {}
    }
    for (choice, intent, words) in CHOICES {
        if step.choices.contains(&choice) {
            // In an ungraceful run there is nothing left to turn: the rest becomes a debt.
            let is_put_off = choice == Choice::Downgrade && view.mode == Mode::Ungraceful;
            let words = if is_put_off { "puts it off" } else { words };
            keys.push(format!("{} {words}", app.key(intent)));
        }
    }
    let mut line = String::new();
    for key in keys {
        let gap = if line.is_empty() { "" } else { ", " };
        if line.len() + gap.len() + key.len() <= room {
            line = format!("{line}{gap}{key}");
        }
    }
    line
}

/// What is said about a step, line by line: what went wrong whole, the rest cut to its line where the
/// window is short.
fn about(
    app: &App,
    view: &RunView,
    step: &StepView,
    (width, height): (u16, u16),
) -> Vec<(&'static str, String)> {
    let usual = if height < TALL { 1 } else { 2 };
    let (name, text, most) = match trouble(app, view, step) {
        Some((name, text)) => (name, text, TOLD),
        None => ("does", does(step), usual),
    };
    let said = [
        (name, text, most),
        ("undo", undo(app, view, step), 1),
        abort(view, step, usual),
        ("proof", proof(step, usize::from(width.saturating_sub(10))), 1),
    ];
    let lines = |(name, text, most): (&'static str, String, usize)| {
        let room = usize::from(width.saturating_sub(10));
        let lines = if most == 1 { vec![text] } else { wrap_in(&text, room, most) };
        lines.into_iter().enumerate().map(move |(at, line)| (if at == 0 { name } else { "" }, line))
    };
    said.into_iter().flat_map(lines).collect()
}

/// What an abort would leave, or has left: what the run has written, not what it might have.
fn abort(view: &RunView, step: &StepView, usual: usize) -> (&'static str, String, usize) {
    match view.state {
        RunState::Closed(RunEnd::AbortedAsIs | RunEnd::AbortedRolledBack) if !view.wrote => {
            ("ended", "nothing was written: all is as it was before the run".to_owned(), usual)
        }
        RunState::Closed(_) => {
            let made: usize = view.changes().iter().map(|(_, made)| made).sum();
            let text = match (made, view.taken_back()) {
                (0, 0) if view.wrote => "no change of this run has been seen to have happened".to_owned(),
                (made, 0) => format!("{} made by this run", counted(made, "change")),
                (0, back) => format!("{} made by this run and taken back", counted(back, "change")),
                (made, back) => {
                    format!("{} made by this run, {back} more taken back", counted(made, "change"))
                }
            };
            ("ended", text, usual)
        }
        // It is under way: no key begins it once more.
        RunState::Aborting(_) => {
            ("stays", if view.wrote { leaves(step) } else { "nothing was written".to_owned() }, usual)
        }
        _ if view.wrote && step.begun() => ("abort", format!("ctrl-c  {}", leaves(step)), usual),
        _ if view.wrote => {
            let made: usize = view.changes().iter().map(|(_, made)| made).sum();
            let stays = match made {
                0 => "what was sent before stays".to_owned(),
                1 => "1 earlier change stays".to_owned(),
                made => format!("{made} earlier changes stay"),
            };
            ("abort", format!("ctrl-c  nothing of this step is begun; {stays}"), usual)
        }
        _ => ("abort", "ctrl-c  Nothing was written yet: nothing stays.".to_owned(), usual),
    }
}

/// What an abort leaves of a step that is begun, and of how much of it that is so: a region of which no host
/// was drained stays as it is.
pub(super) fn leaves(step: &StepView) -> String {
    match step.items.len() {
        all if step.done < all && step.kind == StepKind::Automatic => {
            format!("{} of {all} done; {}", step.done, step.abort)
        }
        _ => step.abort.clone(),
    }
}

/// What keeps the run or the step from going on.
fn trouble(app: &App, view: &RunView, step: &StepView) -> Option<(&'static str, String)> {
    if let Some(stopped) = &view.stopped {
        return Some(("stopped", stopped.to_string()));
    }
    if let RunState::Aborting(flying) = view.state {
        return Some(("ends", sentence::aborting_words(flying)));
    }
    if let RunState::Held(_, note) = &view.state {
        return Some(("held", held(app, view, note.as_str())));
    }
    if let Some(failure) = steps::first_failure(step).filter(|_| !step.state.over()) {
        return Some(("fails", failure));
    }
    if let Some(now) = &step.no_longer {
        return Some(("now", format!("done, and no longer so: {now}")));
    }
    step.reason.as_ref().map(|reason| ("does", format!("{}: {reason}", step.state.word())))
}

/// Since when, by whom, why, and what still ends.
fn held(app: &App, view: &RunView, note: &str) -> String {
    let flying = match view.in_flight().as_slice() {
        [] => "nothing is in flight".to_owned(),
        names => format!("in flight: {}", named(names)),
    };
    match &view.hold {
        Some(hold) => {
            let since = clock_text(app.shown_at().duration_since(hold.since));
            format!("{since} by {}: {note}; {flying}", mask::person(hold.by.as_str()))
        }
        None => format!("{note}; {flying}"),
    }
}

fn does(step: &StepView) -> String {
    step.offer.as_ref().map_or_else(|| step.why.clone(), |offer| offer.what.to_string())
}

fn undo(app: &App, view: &RunView, step: &StepView) -> String {
    let key = app.key(Intent::Undo);
    match &step.undo {
        Some(undo) if step.no_undo.is_some() => {
            format!("{undo} not now: {}", step.no_undo.unwrap_or_default())
        }
        Some(undo) if app.rests().is_some() => {
            format!("{undo} not now: {}", app.rests().unwrap_or_default())
        }
        // By its title, where the view has it.
        Some(undo) => match view.steps.iter().find(|step| step.id == *undo) {
            Some(undo) => format!("{key}  {} {}", short_id(&undo.id), undo.title),
            None => format!("{key}  {undo}"),
        },
        None if step.is_undo => steps::UNDO_OF_UNDO.to_owned(),
        None => "none".to_owned(),
    }
}

/// What proves the step, and how long it has taken against how long it usually takes, in `room` columns: the
/// times are never cut.
fn proof(step: &StepView, room: usize) -> String {
    let (proofs, short) = match step.proofs.len() {
        0 if matches!(step.state, StepState::Deferred | StepState::Skipped) => ("not done".to_owned(), None),
        0 => ("observed by its own read".to_owned(), Some("by its own read".to_owned())),
        all => {
            let old = match step.old_proofs.len() {
                0 => String::new(),
                old => format!(", {old} too old"),
            };
            let green = steps::green(step);
            (format!("{green} of {all} green{old}"), Some(format!("{green}/{all} green{old}")))
        }
    };
    // Nobody has begun what waits for its confirmation.
    let sent = step.items.iter().any(|item| item.attempts > 0);
    let word = match () {
        () if step.state.over() => "took",
        () if sent || steps::at_work(step.state) => "running",
        () => "waiting",
    };
    let said = |proofs: &str, gap: &str| {
        format!("{proofs}{gap}usual {}{gap}{word} {}", clock_text(step.usual), clock_text(step.running))
    };
    let long = said(&proofs, "   ");
    if columns(&long) <= room {
        return long;
    }
    said(short.as_deref().unwrap_or(&proofs), " ")
}

/// The journal's last lines, or the events' where the journal has none yet.
fn lines(app: &App, pen: &mut Pen<'_>, top: u16, bottom: u16) {
    let width = pen.width();
    let room = usize::from(bottom.saturating_sub(top));
    for (line, event) in app.feed.newest().take(room).enumerate() {
        let y = top + line as u16;
        pen.text(1, y, 9, &time_text(event.at), Role::Dim);
        let words = match &event.origin {
            Origin::Journal(seq) => format!("journal {seq}  {}", event.text),
            Origin::Region(code) => format!("{code}  {}", event.text),
            Origin::Cockpit => event.text.clone(),
        };
        pen.text(12, y, width.saturating_sub(13), &words, Role::Text);
    }
}
