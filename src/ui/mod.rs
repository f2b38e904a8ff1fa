//! The screen, a function of the app's state.
//!
//! [`draw`] reads an [`App`] and paints a buffer; nothing here remembers anything. Where keys are
//! pressed and hinted at stands in [`keymap`]; colours by role in `themes/`.

pub mod keymap;
pub mod theme;

mod arm;
mod ask;
mod detail;
mod dialogs;
mod events;
mod head;
mod help;
mod hints;
mod home;
mod journal;
mod lists;
mod panel;
mod pen;
mod pick;
mod readiness;
mod run;
mod runs;
mod sheet;
mod start;
mod steps;
mod strip;
mod table;
mod third;
mod vantage;
mod words;
mod worst;

#[cfg(test)]
mod ages;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod masked;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod panes;
#[cfg(test)]
mod shots;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod truths;
#[cfg(test)]
mod views;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    app::{App, Intent, screen::Screen},
    domain::mask,
};

pub use crate::domain::time::Zone;

#[cfg(test)]
pub(crate) use {
    shots::confirming,
    sizes::{failing, gate_red},
};

use pen::Pen;
use theme::{Role, Theme};

pub use crate::app::screen::SMALLEST;

/// How the screen looks, chosen at the start.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colours by role.
    pub theme: Theme,
    /// Line and mark characters.
    pub glyphs: Glyphs,
    /// Where the person is; `None`: nobody knows, or at UTC, and no second time is shown.
    pub zone: Option<Zone>,
}

/// Which characters lines are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Box drawing.
    Box,
    /// ASCII only.
    Ascii,
}

impl Glyphs {
    /// Box drawing where the locale is UTF-8, else ASCII. The first that is set of `LC_ALL`,
    /// `LC_CTYPE` and `LANG` decides, as in every C library.
    pub fn of_locale(lc_all: Option<&str>, lc_ctype: Option<&str>, lang: Option<&str>) -> Self {
        let decides = [lc_all, lc_ctype, lang].into_iter().flatten().find(|value| !value.is_empty());
        let plain = decides.unwrap_or_default().to_ascii_lowercase().replace('-', "");
        if plain.contains("utf8") { Self::Box } else { Self::Ascii }
    }
}

/// What only a frame tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drawn {
    /// Where the terminal's cursor belongs, if anywhere.
    pub cursor: Option<Position>,
    /// How many lines the text of the topmost dialog can be scrolled by, where it is scrolled.
    pub scrolls: usize,
}

/// Paints the whole screen.
pub fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) -> Drawn {
    if area.is_empty() {
        return Drawn::default();
    }
    // Whatever is drawn from here on is drawn masked, if anything is.
    let _worn = mask::wear(app.masks());
    let mut pen = Pen::new(buffer, look, area);
    pen.fill(area, Role::Text);
    head::draw(app, &mut pen);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(app, &mut pen);
        return Drawn::default();
    }
    // Home says in its own place what is worst; elsewhere it stands above the keys.
    if app.screen != Screen::Home {
        worst::line(app, area.height - 2, &mut pen);
        pen.lower(1);
    }
    match app.screen {
        Screen::Home => home::draw(app, &mut pen),
        Screen::Run => run::draw(app, &mut pen),
        Screen::Lists(component) => lists::draw(app, component, &mut pen),
        Screen::Detail(_) => detail::draw(app, &mut pen),
        Screen::Runs => runs::draw(app, &mut pen),
        Screen::Events => events::draw(app, &mut pen),
        Screen::Journal => journal::draw(app, &mut pen),
        Screen::Readiness => readiness::draw(app, &mut pen),
        Screen::Vantage => vantage::draw(app, &mut pen),
    }
    pen.lower(0);
    head::footer(app, &mut pen);
    for modal in &app.modals {
        dialogs::draw(app, modal, &mut pen);
    }
    pen.drawn()
}

/// Line 1, the worst problem, and why there is no more: a dialog that nobody sees takes no answer.
fn too_small(app: &App, pen: &mut Pen<'_>) {
    let (width, (w, h)) = (pen.width().saturating_sub(2), SMALLEST);
    // The size is the last to go: it is what helps.
    let forms =
        [format!("{w}x{h} needed: this window is too small"), format!("{w}x{h} needed"), format!("{w}x{h}")];
    let fits = |form: &&String| pen::columns(form) <= usize::from(width);
    let needed = forms.iter().find(fits).unwrap_or(&forms[2]).clone();
    let y = if pen.height() > 2 { 2 } else { 1 };
    if y > 1 {
        worst::line(app, 1, pen);
    }
    pen.text(1, y, width, &needed, Role::Notice);
    let (flip, hold) = (app.key(Intent::Flip), app.key(Intent::Hold));
    let open = app.run.as_ref().is_some_and(|run| !run.is_closed());
    let words = match (app.modals.is_empty(), open, app.screen) {
        (false, ..) => format!("a dialog is open; {} closes it", app.key(Intent::Escape)),
        (true, true, Screen::Run) => format!("{hold} holds the run"),
        (true, true, _) => format!("{flip}, then {hold}: holds the run"),
        (true, false, _) => String::new(),
    };
    pen.text(1, y + 1, width, &words, Role::Warn);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        World,
        scene::{self, Weather},
    };

    /// Whoever looks at a window that is too small reads the size that is needed, whole and first of its line.
    #[test]
    fn the_size_that_is_needed_is_read_in_any_window() {
        for (w, h) in [(59, 30), (59, 19), (40, 10), (20, 5), (20, 3), (20, 2), (14, 2), (10, 2), (8, 5)] {
            let mut app = scene::app(World::Live, Weather::Outage);
            let shot = shots::shot(&mut app, (w, h), Glyphs::Box);
            let whole = if w >= 14 { "\" 60x20 needed" } else { "\" 60x20 " };
            assert!(shot.lines().any(|line| line.starts_with(whole)), "{w}x{h}\n{shot}");
        }
    }

    #[test]
    fn the_locale_decides_the_glyphs() {
        let check = |all, ctype, lang, expected| assert_eq!(Glyphs::of_locale(all, ctype, lang), expected);
        check(None, None, Some("en_GB.UTF-8"), Glyphs::Box);
        check(None, Some("C.utf8"), Some("C"), Glyphs::Box);
        check(Some("C"), None, Some("en_GB.UTF-8"), Glyphs::Ascii);
        check(Some(""), None, Some("de_DE.UTF-8"), Glyphs::Box);
        check(None, None, None, Glyphs::Ascii);
    }
}
