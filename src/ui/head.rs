//! The first line, in words at every size, and the last: the two rows of chrome.

use crate::{
    app::{App, World, arming, mode::TokenStatus, screen::scope_words},
    domain::time::{Span, clock_text, time_text},
    engine::view::RunState,
};

use super::{
    SMALLEST, keymap,
    pen::{Pen, fit},
    theme::Role,
};
use unicode_width::UnicodeWidthStr;

/// A token with less than this left is a warning.
const TOKEN_WARNING_MS: u64 = 15 * 60_000;
/// Below this width the first line says everything shorter.
const NARROW: u16 = 80;

/// A word of the first line. The last to be dropped comes first.
struct Word {
    text: String,
    role: Role,
    /// A shorter form, tried before anything is dropped.
    short: Option<String>,
    /// Whether it may go when there is no room.
    fate: Fate,
}

#[derive(PartialEq)]
enum Fate {
    Stays,
    Goes,
}

/// Line 1.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>) {
    let width = pen.width();
    let narrow = width < NARROW;
    let gap = if narrow { 1 } else { 2 };
    let (mut left, mut right) = (left(app), right(app));
    let room = usize::from(width).saturating_sub(2);
    let wide = |words: &[Word]| words.iter().map(|word| word.text.width() + gap).sum::<usize>();
    if narrow || wide(&left) + wide(&right) > room + gap {
        // All of them at once: which word stays long must not depend on the length of a name.
        for word in left.iter_mut().chain(right.iter_mut()) {
            if let Some(short) = word.short.take() {
                word.text = short;
            }
        }
    }
    while wide(&left) + wide(&right) > room + gap {
        let mut all = right.iter().rposition(|word| word.fate == Fate::Goes).map(|at| (true, at));
        if all.is_none() {
            all = left.iter().rposition(|word| word.fate == Fate::Goes).map(|at| (false, at));
        }
        match all {
            Some((true, at)) => drop(right.remove(at)),
            Some((false, at)) => drop(left.remove(at)),
            None => break,
        }
    }
    let mut x = 1;
    for word in &left {
        x = pen.text(x, 0, width, &word.text, word.role) + gap as u16;
    }
    let mut end = width.saturating_sub(1);
    for word in right.iter().rev() {
        let text = fit(&word.text, usize::from(end.saturating_sub(x)));
        end = pen.right(end, 0, &text, word.role).saturating_sub(gap as u16);
        if end <= x {
            break;
        }
    }
}

fn left(app: &App) -> Vec<Word> {
    let badge = match (app.world, app.arming.is_armed()) {
        (_, true) => Role::BadgeArmed,
        (World::Live, false) => Role::BadgeLive,
        (World::Sim | World::Replay, false) => Role::BadgeSim,
    };
    let stays =
        |text: String, role: Role, short: Option<String>| Word { text, role, short, fate: Fate::Stays };
    let mut words = vec![stays(app.badge(), badge, None)];
    if let Some(endpoint) = &app.endpoint {
        words.push(stays(format!("ENDPOINT {endpoint}"), Role::Warn, None));
    }
    words.push(stays(app.estate.name.clone(), Role::Title, None));
    let name = app.identity.name.as_str();
    let short = name.split('@').next().unwrap_or_default().to_owned();
    words.push(stays(name.to_owned(), Role::Text, Some(short)));
    if let Some((text, role)) = token(app) {
        let short = text.replace("token ", "tok ").replace("unrenewed", "!");
        words.push(stays(text, role, Some(short)));
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
        (TokenStatus::Until { trouble, .. }, Some(left)) => {
            let late = if trouble.is_some() { " unrenewed" } else { "" };
            let warns = trouble.is_some() || left < TOKEN_WARNING_MS;
            Some((format!("token {}m{late}", left / 60_000), if warns { Role::Warn } else { Role::Text }))
        }
    }
}

fn right(app: &App) -> Vec<Word> {
    let mut words = Vec::new();
    let word = |text: String, role: Role, short: Option<String>, fate: Fate| Word { text, role, short, fate };
    if let Some(left) = app.arming.left(app.moment.terminal).filter(|left| *left <= arming::FIRST_WARNING_MS)
    {
        let text = format!("ends in {}", clock_text(Span::from_millis(left as i64)));
        words.push(word(text, Role::Warn, None, Fate::Goes));
    }
    if let Some(view) = app.run_view().filter(|view| !matches!(view.state, RunState::Closed(_))) {
        let direction = format!("{} {}>{}", view.service, view.codes[view.from], view.codes[view.to]);
        words.push(word(direction, Role::Title, None, Fate::Stays));
        let since = clock_text(app.now().duration_since(view.impact));
        words.push(word(format!("T+{since}"), Role::Text, None, Fate::Goes));
    } else {
        words.push(word(scope_words(app.scope, &app.estate).to_owned(), Role::Dim, None, Fate::Goes));
        let sides: Vec<String> = app.summary.services.iter().map(|service| service.text.clone()).collect();
        let text = sides.join(" · ");
        words.push(word(text, Role::Text, None, Fate::Stays));
    }
    let speed = app.speed.label();
    if !speed.is_empty() {
        words.push(word(speed, Role::Warn, None, Fate::Stays));
    }
    words.push(word(time_text(app.now()), Role::Text, None, Fate::Stays));
    words
}

/// The last line: a notice where there is one, else the keys.
pub(super) fn footer(app: &App, pen: &mut Pen<'_>) {
    let (width, y) = (pen.width(), pen.height() - 1);
    if let Some(notice) = &app.notice {
        pen.text(1, y, width.saturating_sub(2), &notice.text, Role::Notice);
        return;
    }
    let context = keymap::context(app);
    let back = match context {
        keymap::Context::Dialog | keymap::Context::Text | keymap::Context::Help => "",
        _ if width > SMALLEST.0 => "q back",
        _ => "q",
    };
    let end = pen.right(width - 1, y, back, Role::Dim);
    let hints = keymap::hints(context);
    let wide: usize = hints.iter().map(|(key, what)| key.len() + what.len() + 3).sum();
    let tight = wide + 2 > usize::from(end);
    let mut x = 1;
    for (key, what) in hints {
        let what = if tight && *what == "command" { "cmd" } else { *what };
        if usize::from(x) + key.len() + what.len() + 2 > usize::from(end) {
            break;
        }
        x = pen.text(x, y, width, key, Role::Key) + 1;
        x = pen.text(x, y, width, what, Role::Dim) + if tight { 1 } else { 3 };
    }
}
