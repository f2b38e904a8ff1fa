//! The first line, in words at every size, and the last: the two rows of chrome.

use ratatui::layout::Rect;

use crate::{
    app::{App, World, arming, mode::TokenStatus, screen::scope_words},
    domain::{
        Side, mask,
        time::{Span, clock_text, local_text, time_text},
    },
    engine::view::RunState,
    status::ServiceLine,
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
struct Word {
    /// What it says, the longest first. The last may be cut down to `least` columns.
    forms: Vec<String>,
    /// What stands behind it and is never cut.
    tail: String,
    role: Role,
    fate: Fate,
    least: usize,
    /// The second form is that of narrow windows.
    brief: bool,
}

/// What becomes of a word where there is no room.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It is cut, never dropped.
    Stays,
    /// It goes before anything is cut.
    Goes,
    /// It goes when nothing more can be cut.
    GoesLast,
}

impl Word {
    /// A word that is said whole or not at all.
    fn whole(text: impl Into<String>, role: Role, fate: Fate) -> Self {
        Self { forms: vec![text.into()], tail: String::new(), role, fate, least: usize::MAX, brief: false }
    }

    /// A name, which may be cut.
    fn name(forms: Vec<String>, role: Role) -> Self {
        Self { forms, tail: String::new(), role, fate: Fate::Stays, least: 4, brief: false }
    }

    fn head(&self) -> &str {
        self.forms.first().map_or("", String::as_str)
    }

    fn text(&self) -> String {
        format!("{}{}", self.head(), self.tail)
    }

    fn width(&self) -> usize {
        columns(self.head()) + columns(&self.tail)
    }

    /// Says it shorter: in its next form, or cut by a column. `false`: it cannot be said shorter.
    fn shorten(&mut self) -> bool {
        if self.forms.len() > 1 {
            self.forms.remove(0);
            return true;
        }
        let wide = columns(self.head());
        if wide <= self.least {
            return false;
        }
        self.forms = vec![fit(self.head(), wide - 1)];
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

/// The words so that they fit in `room`: what matters least goes first, then names are cut, the longest
/// first; what says whose world it is, whether it is armed and where it goes is never touched.
fn fitted(mut words: Vec<(bool, Word)>, room: usize, gap: usize, narrow: bool) -> Vec<(bool, Word)> {
    let too_wide =
        |words: &[(bool, Word)]| words.iter().map(|(_, word)| word.width() + gap).sum::<usize>() > room + gap;
    if narrow || too_wide(&words) {
        // All names at once: which stays long must not depend on the length of another.
        for (_, word) in words.iter_mut().filter(|(_, word)| word.brief) {
            word.shorten();
        }
    }
    for fate in [Fate::Goes, Fate::Stays, Fate::GoesLast] {
        while too_wide(&words) {
            if fate == Fate::Stays {
                let mut order: Vec<usize> = (0..words.len()).collect();
                order.sort_by_key(|at| std::cmp::Reverse(columns(words[*at].1.head())));
                if !order.into_iter().any(|at| words[at].1.shorten()) {
                    break;
                }
            } else {
                let Some(at) = words.iter().rposition(|(_, word)| word.fate == fate) else { break };
                words.remove(at);
            }
        }
    }
    words
}

fn left(app: &App) -> Vec<Word> {
    let badge = match (app.world, app.arming.is_armed()) {
        (_, true) => Role::BadgeArmed,
        (World::Live, false) => Role::BadgeLive,
        (World::Sim | World::Replay, false) => Role::BadgeSim,
    };
    let mut words = vec![Word::whole(app.badge(), badge, Fate::Stays)];
    if let Some(frozen) = app.frozen() {
        let (seconds, missed) = (frozen.for_ms / 1_000, frozen.missed);
        let clock = format!("FROZEN {:02}:{:02}", seconds / 60, seconds % 60);
        let forms = vec![format!("{clock}, {missed} missed"), format!("{clock} +{missed}")];
        words.push(Word { forms, ..Word::whole("", Role::BadgeArmed, Fate::Stays) });
    }
    if app.masks().is_some() {
        let forms = vec!["REDACTED".to_owned(), "REDACT".to_owned()];
        words.push(Word { forms, ..Word::whole("", Role::Notice, Fate::Stays) });
    }
    if app.recording {
        words.push(Word::whole("REC", Role::Warn, Fate::GoesLast));
    }
    if let Some(endpoint) = &app.endpoint {
        let port = endpoint.rsplit(':').next().unwrap_or_default();
        let forms = vec![format!("ENDPOINT {endpoint}"), format!("ENDPOINT :{port}")];
        words.push(Word { forms, ..Word::whole("", Role::Warn, Fate::Stays) });
    }
    words.push(Word::name(vec![app.estate.name.clone()], Role::Title));
    let name = mask::said(app.identity.name.as_str());
    let short = name.split('@').next().unwrap_or_default().to_owned();
    words.push(Word { brief: true, ..Word::name(vec![name.into_owned(), short], Role::Text) });
    if let Some((text, role)) = token(app) {
        let short = text.replace("token ", "tok ").replace("unrenewed", "!").replace("memory only", "mem");
        // A token that lasts is the first thing that can be missed.
        let fate = if role == Role::Text { Fate::GoesLast } else { Fate::Stays };
        words.push(Word { forms: vec![text, short], brief: true, ..Word::whole("", role, fate) });
    }
    words
}

/// The token's remaining life in words.
fn token(app: &App) -> Option<(String, Role)> {
    match (&app.token, app.token_left()) {
        (TokenStatus::NotNeeded, _) => None,
        (TokenStatus::Asking, _) => Some(("token asked for".to_owned(), Role::Dim)),
        (TokenStatus::Opaque, _) => Some(("token opaque".to_owned(), Role::Dim)),
        (TokenStatus::Failed(_), _) => Some(("token NONE".to_owned(), Role::Bad)),
        (TokenStatus::Until { .. }, Some(0) | None) => Some(("token OVER".to_owned(), Role::Bad)),
        (TokenStatus::Until { trouble, sealed, .. }, Some(left)) => {
            let late = if trouble.is_some() { " unrenewed" } else { "" };
            let rests = if *sealed { "" } else { " memory only" };
            let warns = trouble.is_some() || left < TOKEN_WARNING_MS;
            Some((
                format!("token {}m{late}{rests}", left / 60_000),
                if warns { Role::Warn } else { Role::Text },
            ))
        }
    }
}

fn right(app: &App, pen: &Pen<'_>) -> Vec<Word> {
    let mut words = Vec::new();
    if let Some(left) = app.arming.left(app.moment.terminal).filter(|left| *left <= arming::FIRST_WARNING_MS)
    {
        let text = format!("ends in {}", clock_text(Span::from_millis(left as i64)));
        words.push(Word::whole(text, Role::Warn, Fate::Goes));
    }
    if let Some(view) = app.run_view().filter(|view| !matches!(view.state, RunState::Closed(_))) {
        words.push(Word {
            tail: format!(" {}>{}", view.codes[view.from], view.codes[view.to]),
            ..Word::name(vec![view.service.clone()], Role::Title)
        });
        let since = clock_text(app.now().duration_since(view.impact));
        words.push(Word::whole(format!("T+{since}"), Role::Text, Fate::Goes));
    } else {
        words.push(Word::whole(scope_words(app.scope, &app.estate), Role::Dim, Fate::Goes));
        let forms = places(&app.summary.services);
        // What is said of a service is said whole, unless its name alone is too long.
        let least = if forms.len() > 1 { usize::MAX } else { 4 };
        words.push(Word { least, ..Word::name(forms, Role::Text) });
    }
    let speed = app.speed.label();
    if !speed.is_empty() {
        words.push(Word::whole(speed, Role::Warn, Fate::Stays));
    }
    words.push(Word::whole(time_text(app.now()), Role::Text, Fate::Stays));
    let local = pen.zone().filter(|_| pen.width() >= WIDE).and_then(|zone| local_text(app.now(), zone));
    words.extend(local.map(|text| Word::whole(text, Role::Dim, Fate::Goes)));
    words
}

/// Whether the region that a run leaves as dead answers again: its signs stand for some minutes more.
pub(super) fn is_back(app: &App, side: Side) -> bool {
    app.run_view().is_some_and(|view| view.primary_is_back && view.from == side)
}

/// What is said of a region behind its role: that it is dead, or answers again.
pub(super) fn plight(app: &App, side: Side) -> (Role, &'static str) {
    match (app.summary.regions[side].dead, is_back(app, side)) {
        (true, true) => (Role::Warn, " BACK"),
        (true, false) => (Role::Bad, " DEAD"),
        (false, _) => (Role::Title, ""),
    }
}

/// Where the services are served, the longest form first. Shorter forms count what they leave out, and
/// leave out last what is not on one side.
fn places(services: &[ServiceLine]) -> Vec<String> {
    let mut order: Vec<&ServiceLine> = services.iter().collect();
    let mut forms = vec![order.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" · ")];
    order.sort_by_key(|one| one.active.side().is_some());
    let first = order.first().and_then(|one| one.active.side());
    if services.len() > 2 && first.is_some() && order.iter().all(|one| one.active.side() == first) {
        let place = order[0].text.rsplit(' ').next().unwrap_or_default();
        forms.push(format!("{} services {place}", services.len()));
        return forms;
    }
    for kept in (1..services.len()).rev() {
        let said: Vec<&str> = order.iter().take(kept).map(|one| one.text.as_str()).collect();
        forms.push(format!("{} · +{}", said.join(" · "), services.len() - kept));
    }
    if services.len() > 1 {
        forms.push(format!("{} services", services.len()));
    }
    forms
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
    if let Some(notice) = &app.notice {
        said(&notice.text, y, Role::Notice, pen);
        return;
    }
    let context = keymap::context(app);
    let back = match context {
        keymap::Context::Dialog | keymap::Context::Text | keymap::Context::Filter | keymap::Context::Help => {
            ""
        }
        _ if width > SMALLEST.0 => "q back",
        _ => "q",
    };
    let end = pen.right(width - 1, y, back, Role::Dim);
    let replay = app.spot.filter(|_| keymap::SCREENS.contains(&context));
    let hints = match (context, app.run_view()) {
        _ if replay.is_some() => keymap::REPLAY_HINTS.to_vec(),
        (keymap::Context::Run, Some(view)) => hints::run(app, view),
        _ => keymap::hints(context).to_vec(),
    };
    let mut x = 1;
    if let Some(spot) = replay {
        x = pen.text(x, y, end, &spot.words(), Role::Title) + 2;
    }
    let wide: usize =
        usize::from(x) + hints.iter().map(|(key, what)| key.len() + what.len() + 3).sum::<usize>();
    let tight = wide + 2 > usize::from(end);
    // The key that lists the others is the last to be cut.
    let mut kept = if hints.iter().any(|(key, _)| *key == "?") { "? help ".len() } else { 0 };
    // The example of a filter is one for lists.
    for (key, what) in hints.into_iter().filter(|(key, _)| *key != "e.g." || app.modals.is_empty()) {
        let what = if tight && what == "command" { "cmd" } else { what };
        if key == "?" {
            kept = 0;
        }
        if usize::from(x) + key.len() + what.len() + 2 + kept > usize::from(end) {
            continue;
        }
        x = pen.text(x, y, width, key, Role::Key) + 1;
        x = pen.text(x, y, width, what, Role::Dim) + if tight { 1 } else { 3 };
    }
}
