//! The first line, in words at every size, and the last: the two rows of chrome.

use ratatui::layout::Rect;

use crate::{
    app::{
        App, Going, Intent, World, arming,
        dialog::Modal,
        mode::TokenStatus,
        screen::{Screen, scope_words},
    },
    domain::{
        Side, mask,
        time::{Span, clock_text, local_text, time_text},
    },
    engine::view::RunState,
    status::{Scope, ServiceLine},
};

use super::{
    SMALLEST, hints, keymap,
    pen::{Pen, columns, fit, wrap_in},
    theme::Role,
};

/// A token with less than this left is a warning.
const TOKEN_WARNING_MS: u64 = 15 * 60_000;
/// Below this width the first line says everything shorter.
const NARROW: u16 = 80;
/// From this width on there is room for the time where the person is.
pub(super) const WIDE: u16 = 120;

/// A word of the first line.
#[derive(Clone)]
struct Word {
    /// What it says, the longest first.
    forms: Vec<Form>,
    role: Role,
    kind: Kind,
}

/// One way to say a word.
#[derive(Clone)]
struct Form {
    /// What may be cut, where it is a name.
    head: String,
    /// What stands behind it and is never cut.
    tail: String,
}

impl Form {
    fn width(&self) -> usize {
        columns(&self.head) + columns(&self.tail)
    }
}

/// What becomes of a word where there is no room.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// What is looked at, and whether it can be changed: it is never said shorter nor dropped.
    Mode,
    /// It has its forms, and goes only where the window is too small for anything else.
    Fixed,
    /// A name that is needed whole: the estate's is typed to arm, a mask tells nothing without its end.
    Name,
    /// Who acts: the last form of the name is cut.
    Who,
    /// Where users are sent: the name in its last form is cut, its place never.
    Place,
    /// The time: it loses its seconds when nothing else is left to lose.
    Clock,
    /// It goes before anything is cut.
    Goes,
    /// It is said shorter and goes when nothing more can be cut.
    GoesLast,
    /// It is said shorter; its last form stays as long as the words that never go have room.
    Stays,
}

/// What is lost where line 1 has no room, in this order: a window must be very small before it costs
/// the direction a word.
enum Loss {
    /// Words of a kind are dropped, the last first.
    Drop(Kind),
    /// Words of a kind are said shorter, the longest first, down to so many columns of their names.
    Shorten(Kind, usize),
}

/// See [`Loss`].
const LOSSES: [Loss; 19] = [
    Loss::Drop(Kind::Goes),
    Loss::Shorten(Kind::Fixed, usize::MAX),
    Loss::Shorten(Kind::GoesLast, usize::MAX),
    // A person knows a name by its first letters.
    Loss::Shorten(Kind::Who, 8),
    Loss::Shorten(Kind::Place, 8),
    Loss::Shorten(Kind::Who, 4),
    Loss::Shorten(Kind::Name, 8),
    Loss::Shorten(Kind::Name, 4),
    Loss::Shorten(Kind::Stays, usize::MAX),
    Loss::Drop(Kind::GoesLast),
    Loss::Shorten(Kind::Clock, usize::MAX),
    Loss::Shorten(Kind::Place, 4),
    Loss::Shorten(Kind::Who, 3),
    Loss::Shorten(Kind::Name, 3),
    Loss::Drop(Kind::Stays),
    // From here on the window is smaller than any that is drawn whole.
    Loss::Drop(Kind::Clock),
    Loss::Drop(Kind::Who),
    Loss::Drop(Kind::Name),
    Loss::Drop(Kind::Fixed),
];

/// Columns of an estate's name that is kept whole at the cost of what can be missed.
const WHOLE_NAME: usize = 16;

/// What is lost first in a window of the usual size where that keeps the estate's name whole: it is typed to arm.
fn losses_but_names() -> impl Iterator<Item = &'static Loss> {
    let of_name = |loss: &&Loss| matches!(loss, Loss::Drop(Kind::Name) | Loss::Shorten(Kind::Name, _));
    let keeps = |loss: &&Loss| !matches!(loss, Loss::Drop(Kind::Stays));
    LOSSES.iter().take_while(keeps).filter(move |loss| !of_name(loss))
}

impl Word {
    /// A word with its forms, the longest first.
    fn of<T: Into<String>>(forms: impl IntoIterator<Item = T>, role: Role, kind: Kind) -> Self {
        let form = |text: T| Form { head: text.into(), tail: String::new() };
        Self { forms: forms.into_iter().map(form).collect(), role, kind }
    }

    fn text(&self) -> String {
        self.forms.first().map_or_else(String::new, |form| format!("{}{}", form.head, form.tail))
    }

    fn width(&self) -> usize {
        self.forms.first().map_or(0, Form::width)
    }

    /// Says it shorter: in its next form, or its name cut by a column. `false`: it cannot be said shorter.
    fn shorten(&mut self, least: usize) -> bool {
        if self.forms.len() > 1 {
            self.forms.remove(0);
            return true;
        }
        let Some(form) = self.forms.first_mut() else { return false };
        let wide = columns(&form.head);
        if wide <= least || !matches!(self.kind, Kind::Name | Kind::Who | Kind::Place) {
            return false;
        }
        form.head = fit(&form.head, wide - 1);
        true
    }
}

/// Line 1.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let width = pen.width();
    let narrow = width < NARROW;
    let gap = if narrow { 1 } else { 2 };
    let mut words = left(app);
    let lefts = words.len();
    words.extend(right(app, pen));
    let sides = words.into_iter().enumerate().map(|(at, word)| (at >= lefts, word)).collect();
    let words = fitted(sides, usize::from(width).saturating_sub(2), gap, narrow);
    let mut x = 1;
    for (_, word) in words.iter().filter(|(right, _)| !right) {
        x = pen.text(x, 0, width, &word.text(), word.role) + gap as u16;
    }
    let mut end = width.saturating_sub(1);
    for (_, word) in words.iter().rev().filter(|(right, _)| *right) {
        let text = fit(&word.text(), usize::from(end.saturating_sub(x)));
        end = pen.right(end, 0, &text, word.role).saturating_sub(gap as u16);
        if end <= x {
            break;
        }
    }
}

/// The words so that they fit in `room`, see [`LOSSES`]. What is dropped in the end leaves its room to the
/// names that were cut for it.
fn fitted(words: Vec<(bool, Word)>, room: usize, gap: usize, narrow: bool) -> Vec<(bool, Word)> {
    let count = |words: &[(bool, Word)]| words.iter().filter(|(_, word)| word.kind == Kind::GoesLast).count();
    let is_brief = |(_, word): &(bool, Word)| word.kind == Kind::Stays && word.forms.len() == 1;
    let kept = lose(words.clone(), room, gap, narrow, LOSSES.iter());
    let name = |words: &[(bool, Word)]| {
        words.iter().find(|(_, word)| word.kind == Kind::Name).map_or(0, |(_, word)| word.width())
    };
    // A longer one costs more than the token, and is known by its first letters.
    if !narrow && name(&words) <= WHOLE_NAME && name(&kept) < name(&words) {
        let whole = lose(words.clone(), room, gap, narrow, losses_but_names());
        if !too_wide(&whole, room, gap) {
            return whole;
        }
    }
    let brief = kept.iter().any(is_brief) && !words.iter().any(is_brief);
    if count(&kept) == count(&words) && !brief {
        return kept;
    }
    let mut left = count(&kept);
    let without = words.into_iter().filter_map(|(side, mut word)| {
        if brief && word.kind == Kind::Stays {
            word.forms.drain(..word.forms.len() - 1);
        }
        // The last ones go first.
        let stays = word.kind != Kind::GoesLast || left > 0;
        left = left.saturating_sub(usize::from(word.kind == Kind::GoesLast));
        stays.then_some((side, word))
    });
    lose(without.collect(), room, gap, narrow, LOSSES.iter())
}

fn too_wide(words: &[(bool, Word)], room: usize, gap: usize) -> bool {
    words.iter().map(|(_, word)| word.width() + gap).sum::<usize>() > room + gap
}

fn lose(
    mut words: Vec<(bool, Word)>,
    room: usize,
    gap: usize,
    narrow: bool,
    losses: impl Iterator<Item = &'static Loss>,
) -> Vec<(bool, Word)> {
    let too_wide = |words: &[(bool, Word)]| too_wide(words, room, gap);
    if narrow || too_wide(&words) {
        // Names and the token at once: which stays long must not depend on the length of another.
        let brief = |word: &&mut (bool, Word)| {
            matches!(word.1.kind, Kind::Name | Kind::Who | Kind::GoesLast | Kind::Stays)
        };
        for (_, word) in words.iter_mut().filter(brief).filter(|(_, word)| word.forms.len() > 1) {
            word.shorten(usize::MAX);
        }
    }
    for loss in losses {
        while too_wide(&words) {
            let lost = match *loss {
                Loss::Drop(kind) => {
                    words.iter().rposition(|(_, word)| word.kind == kind).map(|at| words.remove(at)).is_some()
                }
                Loss::Shorten(kind, least) => {
                    let mut order: Vec<usize> =
                        (0..words.len()).filter(|at| words[*at].1.kind == kind).collect();
                    order.sort_by_key(|at| std::cmp::Reverse(words[*at].1.width()));
                    order.into_iter().any(|at| words[at].1.shorten(least))
                }
            };
            if !lost {
                break;
            }
        }
    }
    words
}

fn left(app: &App) -> Vec<Word> {
    let badge = match (app.world, app.arming.is_armed()) {
        (_, true) => Role::BadgeArmed,
        (World::Live, false) => Role::BadgeLive,
        (World::Sim | World::Replay(_), false) => Role::BadgeSim,
    };
    let mut words = vec![Word::of([app.badge()], badge, Kind::Mode)];
    if let Some(frozen) = app.frozen() {
        let (seconds, missed) = (frozen.for_ms / 1_000, frozen.missed);
        let clock = format!("FROZEN {:02}:{:02}", seconds / 60, seconds % 60);
        let forms = [format!("{clock}, {missed} missed"), format!("{clock} +{missed}")];
        words.push(Word::of(forms, Role::BadgeArmed, Kind::Fixed));
    }
    if app.masks().is_some() {
        words.push(Word::of(["REDACTED", "REDACT"], Role::Notice, Kind::Fixed));
    }
    if app.recording {
        words.push(Word::of(["REC"], Role::Warn, Kind::GoesLast));
    }
    if let Some(endpoint) = &app.endpoint {
        let port = endpoint.rsplit(':').next().unwrap_or_default();
        let forms = [format!("ENDPOINT {endpoint}"), format!("ENDPOINT :{port}")];
        words.push(Word::of(forms, Role::Warn, Kind::Fixed));
    }
    words.push(Word::of([app.estate.name.clone()], Role::Title, Kind::Name));
    let name = mask::said(app.identity.name.as_str());
    let short = name.split('@').next().unwrap_or_default().to_owned();
    let kind = if app.masks().is_some() { Kind::Name } else { Kind::Who };
    words.push(Word::of([name.into_owned(), short], Role::Text, kind));
    words.extend(token(app));
    words
}

/// That a token ends with this process: first in full, then beside others, last alone.
const UNKEPT: [&str; 2] = ["memory only", "mem"];

/// The token's remaining life, and that it rests nowhere, in words.
fn token(app: &App) -> Option<Word> {
    let (text, role, is_kept) = match (&app.token, app.token_left()) {
        (TokenStatus::NotNeeded, _) => return None,
        (TokenStatus::Asking, _) => ("token asked for".to_owned(), Role::Dim, true),
        // What does not say when it ends is never kept.
        (TokenStatus::Opaque, _) => ("token opaque".to_owned(), Role::Dim, false),
        (TokenStatus::Failed(_), _) => ("token NONE".to_owned(), Role::Bad, true),
        (TokenStatus::Until { .. }, Some(0) | None) => ("token OVER".to_owned(), Role::Bad, true),
        (TokenStatus::Until { trouble, sealed, .. }, Some(left)) => {
            let late = if trouble.is_some() { " unrenewed" } else { "" };
            let warns = trouble.is_some() || left < TOKEN_WARNING_MS;
            let role = if warns { Role::Warn } else { Role::Text };
            (format!("token {}m{late}", left / 60_000), role, *sealed)
        }
    };
    let short = text.replace("token ", "tok ").replace("unrenewed", "!");
    let [long, brief] = UNKEPT;
    let unkept = vec![format!("{text} {long}"), format!("{short} {brief}")];
    // A token that lasts is the first thing that can be missed; that nothing keeps it is not.
    let (forms, kind) = match (is_kept, role) {
        (true, Role::Text) => (vec![text, short], Kind::GoesLast),
        (true, _) => (vec![text, short], Kind::Fixed),
        (false, Role::Warn) => (unkept, Kind::Fixed),
        (false, _) => ([unkept, vec![brief.to_owned()]].concat(), Kind::Stays),
    };
    Some(Word::of(forms, role, kind))
}

fn right(app: &App, pen: &Pen<'_>) -> Vec<Word> {
    let mut words = Vec::new();
    if let Some(left) = app.arming.left(app.moment.terminal).filter(|left| *left <= arming::FIRST_WARNING_MS)
    {
        let text = format!("ends in {}", clock_text(Span::from_millis(left as i64)));
        words.push(Word::of([text], Role::Warn, Kind::Goes));
    }
    if let Some(view) = app.run_view().filter(|view| !matches!(view.state, RunState::Closed(_))) {
        let tail = format!(" {}>{}", view.codes[view.from], view.codes[view.to]);
        let forms = vec![Form { head: view.service.clone(), tail }];
        words.push(Word { forms, role: Role::Title, kind: Kind::Place });
        let since = clock_text(app.now().duration_since(view.impact));
        words.push(Word::of([format!("T+{since}")], Role::Text, Kind::Goes));
    } else {
        // A service in scope is named with its place; home tells the scope above its rows.
        if app.scope == Scope::All && app.screen != Screen::Home {
            words.push(Word::of([scope_words(app.scope, &app.estate)], Role::Dim, Kind::Goes));
        }
        let forms = places(&app.summary.services);
        words.push(Word { forms, role: Role::Text, kind: Kind::Place });
    }
    // The clock beside it stands where the display is until it has arrived.
    let seeks = app.spot.is_some_and(|spot| spot.going == Going::Seeking);
    let speed = if seeks { "SEEKING".to_owned() } else { app.speed.label() };
    if !speed.is_empty() {
        words.push(Word::of([speed], Role::Warn, Kind::Fixed));
    }
    let clock = time_text(app.now());
    let brief = clock.rsplit_once(':').map_or_else(|| clock.clone(), |(minutes, _)| format!("{minutes}Z"));
    words.push(Word::of([clock, brief], Role::Text, Kind::Clock));
    let local = pen.zone().filter(|_| pen.width() >= WIDE).and_then(|zone| local_text(app.now(), zone));
    // Names are said shorter before it goes.
    words.extend(local.map(|text| Word::of([text], Role::Dim, Kind::GoesLast)));
    words
}

/// Whether the region that a run leaves as dead answers again: its signs may stand all the same.
pub(super) fn is_back(app: &App, side: Side) -> bool {
    app.run_view().is_some_and(|view| view.is_back(side, &app.summary.regions[side].signs))
}

/// What is said of a region behind its role: that it is dead, or answers again.
pub(super) fn plight(app: &App, side: Side) -> (Role, &'static str) {
    let region = &app.summary.regions[side];
    let signs = &region.signs;
    match (signs.dead(), is_back(app, side)) {
        (true, true) => (Role::Warn, " BACK"),
        // One word of what was goes for both.
        (true, false) if signs.stale && !region.role.starts_with("last ") => (Role::Bad, " last DEAD"),
        (true, false) => (Role::Bad, " DEAD"),
        (false, _) => (Role::Title, ""),
    }
}

/// Where the services are served, the longest form first. Shorter forms count what they leave out, and
/// leave out last what is not on one side; none of them leaves out where.
fn places(services: &[ServiceLine]) -> Vec<Form> {
    let plain = |head: String| Form { head, tail: String::new() };
    let mut order: Vec<&ServiceLine> = services.iter().collect();
    let Some(first) = order.first().copied() else { return vec![plain("no services".to_owned())] };
    if services.len() == 1 {
        return vec![Form { head: first.name.clone(), tail: first.tail() }];
    }
    let mut forms = vec![plain(order.iter().map(|one| one.text()).collect::<Vec<_>>().join(" · "))];
    let same = |one: &&ServiceLine| one.active.side() == first.active.side() && one.stale == first.stale;
    if first.active.side().is_some() && order.iter().all(same) {
        forms.push(plain(format!("{} services{}", services.len(), first.tail())));
        forms.push(Form { head: "all".to_owned(), tail: first.tail() });
        return forms;
    }
    order.sort_by_key(|one| one.active.side().is_some());
    for kept in (2..services.len()).rev() {
        let said: Vec<String> = order.iter().take(kept).map(|one| one.text()).collect();
        forms.push(plain(format!("{} · +{}", said.join(" · "), services.len() - kept)));
    }
    let (worst, more) = (order[0], services.len() - 1);
    forms.push(Form { head: worst.name.clone(), tail: format!("{} · +{more}", worst.tail()) });
    forms
}

/// Columns above the labels of home, in which the scope stands.
const SCOPE: u16 = 13;

/// Which services the rows of home are about. Of a name that has no room the end is cut, never that it is one
/// only.
pub(super) fn scope(app: &App, pen: &mut Pen<'_>) {
    let name = scope_words(app.scope, &app.estate);
    let (words, role) = match app.scope {
        Scope::All => (format!(" {name}"), Role::Dim),
        Scope::Service(_) => {
            (format!(" {} only ", fit(name, usize::from(SCOPE) - "  only ".len())), Role::Notice)
        }
    };
    pen.text(0, 1, SCOPE, &words, role);
}

/// A sentence that ends on line `y`; what does not fit on it goes on from the lines above, which come
/// back with the next key.
pub(super) fn said(text: &str, y: u16, role: Role, pen: &mut Pen<'_>) {
    let width = pen.width();
    let lines = wrap_in(text, usize::from(width.saturating_sub(2)), usize::from(pen.height() / 3).max(1));
    let top = (y + 1).saturating_sub(lines.len() as u16);
    pen.fill(Rect::new(0, top, width, y + 1 - top), Role::Text);
    for (y, line) in (top..=y).zip(&lines) {
        pen.text(1, y, width.saturating_sub(2), line, role);
    }
}

/// The last line: a notice where there is one, else the keys.
pub(super) fn footer(app: &App, pen: &mut Pen<'_>) {
    let (width, y) = (pen.width(), pen.height() - 1);
    let told = match app.modals.last() {
        Some(Modal::Told(told)) => told.text.as_str(),
        _ => "",
    };
    if let Some(notice) = app.notice.as_ref().filter(|notice| notice.text != told) {
        said(&notice.text, y, Role::Notice, pen);
        return;
    }
    let context = keymap::context(app);
    let key = app.key(Intent::Back);
    let back = match context {
        keymap::Context::Dialog | keymap::Context::Text | keymap::Context::Filter | keymap::Context::Help => {
            String::new()
        }
        _ if width > SMALLEST.0 => format!("{key} back"),
        _ => key,
    };
    let end = pen.right(width - 1, y, &back, Role::Dim);
    let replay = app.spot.filter(|_| keymap::SCREENS.contains(&context));
    let hints = hints::of(app);
    let mut x = 1;
    if let Some(spot) = replay {
        x = pen.text(x, y, end, &spot.words(app.now()), Role::Title) + 2;
    }
    let wide: usize =
        usize::from(x) + hints.iter().map(|(key, what)| columns(key) + what.len() + 3).sum::<usize>();
    let tight = wide + 2 > usize::from(end);
    // The key that lists the others is the last to be cut.
    let mut kept = if hints.iter().any(|(key, _)| key == "?") { "? help ".len() } else { 0 };
    for (key, what) in hints {
        let what = if tight && what == "command" { "cmd" } else { what };
        if key == "?" {
            kept = 0;
        }
        if usize::from(x) + columns(&key) + what.len() + 2 + kept > usize::from(end) {
            continue;
        }
        x = pen.text(x, y, width, &key, Role::Key) + 1;
        x = pen.text(x, y, width, what, Role::Dim) + if tight { 1 } else { 3 };
    }
}
