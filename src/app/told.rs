//! A text that has to be read whole, such as why no run could be opened.

use crate::domain::Safe;

use super::{
    dialog::Modal,
    event::Intent,
    gesture::{Arrival, Guard},
    start::Progress,
    state::App,
};

/// A text that came by itself and stays until somebody has read it: a notice goes after a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldDialog {
    /// What came of what was asked for.
    pub title: &'static str,
    /// All of it.
    pub text: String,
    /// Arrival of keys: one that was meant for the screen below does not close it unread.
    pub guard: Guard,
}

impl App {
    /// No run came of it. The start dialog whose `order` it was says why itself; anything else would say
    /// it for a moment only. Another start dialog goes on with its own: what is being opened for it is not
    /// what was refused.
    pub(super) fn run_refused(&mut self, order: Option<u64>, why: &Safe) {
        let text = format!("could not {why}");
        self.tell_all(text.clone());
        let asked = self.modals.iter_mut().find_map(|modal| match modal {
            Modal::Start(dialog) => match (dialog.progress, order) {
                (Progress::Opening(mark), Some(refused)) if mark == refused => Some(dialog),
                _ => None,
            },
            _ => None,
        });
        if let Some(dialog) = asked {
            dialog.remark = Some(text);
            dialog.progress = Progress::Asking;
            return;
        }
        self.say(text.clone());
        // Below whatever has the keys just now: it must not take them from what somebody writes.
        self.modals.retain(|modal| !matches!(modal, Modal::Told(_)));
        let guard = Guard::new(self.moment.terminal);
        self.modals.insert(0, Modal::Told(ToldDialog { title: "no run was opened", text, guard }));
    }

    pub(super) fn intend_told(&mut self, intent: Intent, at: u64) {
        let Some(Modal::Told(dialog)) = self.modals.last_mut() else { return };
        if dialog.guard.arrive(at) != Arrival::Early && intent == Intent::Enter {
            self.close_modal(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        Event, World,
        scene::{self, Weather, at},
    };

    #[test]
    fn a_refusal_stays_until_it_is_closed_and_takes_no_key_from_what_is_written() {
        let mut app = scene::app(World::Sim, Weather::Calm);
        let why = "open the run: will not resume r-1: its tenant was a, here it is b; nothing was sent";
        let refused = || Event::RunRefused { order: None, why: Safe::new(why) };
        app.update(Event::Intent(Intent::Palette), at(1_000));
        app.update(refused(), at(2_000));
        assert!(matches!(app.modals.last(), Some(Modal::Palette(_))));
        app.update(Event::Intent(Intent::Escape), at(2_100));
        for (time, intent, open) in
            [(2_200, Intent::Enter, true), (60_000, Intent::Type('x'), true), (61_000, Intent::Enter, false)]
        {
            app.update(Event::Intent(intent), at(time));
            let told = app
                .modals
                .iter()
                .any(|modal| matches!(modal, Modal::Told(dialog) if dialog.text.ends_with(why)));
            assert_eq!(told, open, "{time}");
        }
        assert!(app.notice.is_none());
        // A second one takes the place of the first.
        app.update(refused(), at(62_000));
        app.update(refused(), at(63_000));
        assert_eq!(app.modals.len(), 1);
        app.update(Event::Intent(Intent::Escape), at(64_000));
        assert!(app.modals.is_empty());
    }

    #[test]
    fn a_refusal_is_told_by_the_dialog_whose_order_it_was_and_disturbs_no_other() {
        use crate::app::start::Progress::{Asking, Opening};
        for (progress, order, its) in [
            (Opening(7), Some(7), true),
            (Opening(7), Some(6), false),
            (Opening(7), None, false),
            (Asking, Some(7), false),
            (Asking, None, false),
        ] {
            let mut app = scene::app(World::Sim, Weather::Calm);
            app.update(Event::Intent(Intent::Start), at(1_000));
            let dialog = |app: &App| {
                let start = |modal: &Modal| match modal {
                    Modal::Start(dialog) => Some((dialog.progress, dialog.remark.clone())),
                    _ => None,
                };
                app.modals.iter().find_map(start).unwrap()
            };
            if let Some(Modal::Start(dialog)) = app.modals.last_mut() {
                dialog.progress = progress;
                dialog.remark = Some("as it was".to_owned());
            }
            app.update(Event::RunRefused { order, why: Safe::new("open the run: no") }, at(2_000));
            let remark = if its { "could not open the run: no" } else { "as it was" };
            let now = if its { Asking } else { progress };
            assert_eq!(dialog(&app), (now, Some(remark.to_owned())), "{progress:?} {order:?}");
            let told = app.modals.iter().any(|modal| matches!(modal, Modal::Told(_)));
            assert_eq!(told, !its, "{progress:?} {order:?}");
            assert!(matches!(app.modals.last(), Some(Modal::Start(_))), "it keeps the keys");
        }
    }
}
