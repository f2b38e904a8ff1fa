//! The text of a dialog that has more of it than room: keys scroll it, and nothing else of the dialog.

use super::{
    dialog::{Modal, Purpose},
    event::Motion,
    gesture::Hold,
    state::App,
};

/// Lines that a page key scrolls a dialog by.
const BODY_PAGE: usize = 6;

impl App {
    /// Whether motions scroll the text of the topmost dialog: they move nothing else there.
    pub fn body_scrolls(&self) -> bool {
        match self.modals.last() {
            Some(Modal::Ask(dialog)) => !matches!(dialog.purpose, Purpose::AcceptStuck(..)),
            Some(Modal::Arm(_) | Modal::Confirm(_) | Modal::Leave(_) | Modal::Told(_)) => true,
            _ => false,
        }
    }

    /// How many lines the text of the topmost dialog is scrolled by.
    pub fn body_at(&self) -> usize {
        if self.body.1 == self.modals.len() { self.body.0 } else { 0 }
    }

    /// Another dialog than the one that was scrolled begins at its head.
    pub(super) fn settle_body(&mut self) {
        if self.modals.len() < self.body.1 {
            self.body = (0, 0);
        }
    }

    /// A frame was drawn whose topmost dialog can be scrolled by so many lines: what went past them comes back
    /// with the first key.
    pub fn drawn(&mut self, scrolls: usize) {
        self.body.0 = self.body.0.min(scrolls);
    }

    pub(super) fn scroll_body(&mut self, motion: Motion) {
        if let Some(Modal::Confirm(dialog)) = self.modals.last_mut() {
            // It is a key like any other: a hold ends.
            dialog.hold = Hold::Idle;
        }
        // Only a frame knows how many lines there are, and says so: see `drawn`.
        let at = self.body_at();
        let at = match motion {
            Motion::Up => at.saturating_sub(1),
            Motion::Down => at.saturating_add(1),
            Motion::PageUp => at.saturating_sub(BODY_PAGE),
            Motion::PageDown => at.saturating_add(BODY_PAGE),
            Motion::First => 0,
            Motion::Last => usize::MAX,
        };
        self.body = (at, self.modals.len());
    }
}
