//! The text of a dialog that has more of it than room: keys scroll it, and nothing else of the dialog.

use super::{
    dialog::{Modal, Purpose},
    event::Motion,
    gesture::Hold,
    state::App,
};

/// Lines that a page key scrolls a dialog by, and that a dialog has at most beside its targets.
const BODY_PAGE: usize = 6;
const BODY_LINES: usize = 24;

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

    pub(super) fn scroll_body(&mut self, motion: Motion) {
        let targets = match self.modals.last_mut() {
            Some(Modal::Confirm(dialog)) => {
                // It is a key like any other: a hold ends.
                dialog.hold = Hold::Idle;
                dialog.offer.as_ref().map_or(0, |offer| offer.writes.len())
            }
            _ => 0,
        };
        // Only the screen knows how many lines there are: a key that is held does not run far past their end.
        let (at, most) = (self.body_at(), BODY_LINES + targets);
        let at = match motion {
            Motion::Up => at.saturating_sub(1),
            Motion::Down => at + 1,
            Motion::PageUp => at.saturating_sub(BODY_PAGE),
            Motion::PageDown => at + BODY_PAGE,
            Motion::First => 0,
            Motion::Last => most,
        };
        self.body = (at.min(most), self.modals.len());
    }
}
