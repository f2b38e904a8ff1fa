//! Whether writes may be confirmed, and for how much longer.
//!
//! Arming is about the person at the keyboard, so it is counted on the terminal clock: an
//! estate that runs at x60 does not disarm its operator every fifteen seconds.

use crate::domain::time::{Span, span_text};

use super::{
    dialog::Modal,
    event::Intent,
    gesture::{Arrival, Button, CANCEL_FOCUSED, PASTED, early, edit, excuse, heard, too_quick},
    state::App,
};

/// Ends after this long without a key while nothing runs (design §3).
pub const IDLE_LIMIT_MS: u64 = 15 * MINUTE_MS;
/// Ends after this long in any case (design §3).
pub const TOTAL_LIMIT_MS: u64 = 60 * MINUTE_MS;
/// Line 1 warns when this much is left, and again at [`LAST_WARNING_MS`] (design §3).
pub const FIRST_WARNING_MS: u64 = 5 * MINUTE_MS;
/// The second warning.
pub const LAST_WARNING_MS: u64 = MINUTE_MS;
const MINUTE_MS: u64 = 60_000;

/// What is left of the time, in words.
pub fn left_text(left_ms: u64) -> String {
    span_text(Span::from_millis(i64::try_from(left_ms).unwrap_or(i64::MAX)))
}

/// Armed or not, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arming {
    /// Can never be armed; the reason in words.
    Locked(&'static str),
    /// Read-only until somebody arms it.
    Off,
    /// Writes may be confirmed.
    Armed(Armed),
}

/// The clocks of an armed cockpit, in milliseconds of the terminal clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    since: u64,
    idle_from: u64,
    warned: Warned,
}

/// Which warnings have been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Warned {
    No,
    First,
    Last,
}

/// Whether anything of a run is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Nothing runs: idle time counts.
    Idle,
    /// Something runs: idle time stands still.
    Busy,
}

/// What the passing of time did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Nothing worth saying.
    Nothing,
    /// So many minutes are left.
    Warn(u64),
    /// It is over; the reason in words.
    Ended(&'static str),
}

impl Arming {
    /// Arms. Does nothing where it is locked.
    pub fn arm(&mut self, at: u64) {
        if !matches!(self, Self::Locked(_)) {
            *self = Self::Armed(Armed { since: at, idle_from: at, warned: Warned::No });
        }
    }

    /// Disarms.
    pub fn disarm(&mut self) {
        if matches!(self, Self::Armed(_)) {
            *self = Self::Off;
        }
    }

    /// Whether writes may be confirmed.
    pub fn is_armed(&self) -> bool {
        matches!(self, Self::Armed(_))
    }

    /// A key was pressed.
    pub fn touch(&mut self, at: u64) {
        if let Self::Armed(armed) = self {
            armed.idle_from = at;
        }
    }

    /// Milliseconds left.
    pub fn left(&self, at: u64) -> Option<u64> {
        let Self::Armed(armed) = self else { return None };
        let total = (armed.since + TOTAL_LIMIT_MS).saturating_sub(at);
        let idle = (armed.idle_from + IDLE_LIMIT_MS).saturating_sub(at);
        Some(total.min(idle))
    }

    /// Lets time pass.
    pub fn tick(&mut self, at: u64, work: Work) -> Passed {
        if let (Self::Armed(armed), Work::Busy) = (&mut *self, work) {
            armed.idle_from = at;
        }
        let Some(left) = self.left(at) else { return Passed::Nothing };
        let Self::Armed(armed) = self else { return Passed::Nothing };
        if left == 0 {
            let why = if at >= armed.since + TOTAL_LIMIT_MS {
                "60 min are over"
            } else {
                "15 min without a key while nothing ran"
            };
            *self = Self::Off;
            return Passed::Ended(why);
        }
        let due = if left <= LAST_WARNING_MS {
            Warned::Last
        } else if left <= FIRST_WARNING_MS {
            Warned::First
        } else {
            Warned::No
        };
        let warn = due > armed.warned;
        armed.warned = due;
        if warn { Passed::Warn(left.div_ceil(MINUTE_MS)) } else { Passed::Nothing }
    }
}

impl App {
    /// A key over the dialog that arms.
    pub(super) fn intend_arm(&mut self, intent: Intent, at: u64) {
        let name = self.estate.name.clone();
        let Some(Modal::Arm(dialog)) = self.modals.last_mut() else { return };
        let arrival = dialog.guard.arrive(at);
        if arrival == Arrival::Early {
            return early(&mut dialog.remark, intent, Some(dialog.button));
        }
        if matches!(intent, Intent::Type(_)) && dialog.guard.poured() {
            dialog.typed.clear();
            dialog.remark = Some(PASTED.to_owned());
            return;
        }
        if edit(&mut dialog.typed, intent) {
            let right = dialog.typed.trimmed() == name;
            return heard(&mut dialog.remark, &dialog.typed, right);
        }
        match intent {
            Intent::Next | Intent::Previous => {
                dialog.button = dialog.button.other();
                heard(&mut dialog.remark, &dialog.typed, dialog.typed.trimmed() == name);
            }
            Intent::Enter if arrival != Arrival::Calm => {
                excuse(&mut dialog.remark, too_quick(dialog.button));
            }
            Intent::Enter if dialog.button == Button::Cancel => {
                if dialog.typed.trimmed().is_empty() {
                    self.close_modal(at);
                } else {
                    dialog.remark = Some(CANCEL_FOCUSED.to_owned());
                }
            }
            Intent::Enter if dialog.typed.trimmed() == name => {
                self.armed("by typing the estate's name");
                self.close_modal(at);
                self.say("armed for 60 min, 15 min without a key; :disarm ends it");
            }
            Intent::Enter => dialog.remark = Some(format!("type {name} first")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arms at 0, touches at `keys`, ticks every second to `until` minutes; what was said when.
    fn said(keys: &[u64], work: Work, until: u64) -> Vec<(u64, Passed)> {
        let mut arming = Arming::Off;
        arming.arm(0);
        let mut said = Vec::new();
        for second in 1..=until * 60 {
            if keys.contains(&(second / 60)) && second % 60 == 0 {
                arming.touch(second * 1_000);
            }
            match arming.tick(second * 1_000, work) {
                Passed::Nothing => {}
                passed => said.push((second / 60, passed)),
            }
        }
        said
    }

    #[test]
    fn idle_hands_disarm_after_fifteen_minutes_with_two_warnings() {
        let idle = Passed::Ended("15 min without a key while nothing ran");
        assert_eq!(
            said(&[], Work::Idle, 20),
            [(10, Passed::Warn(5)), (14, Passed::Warn(1)), (15, idle.clone())]
        );
        assert_eq!(
            said(&[12], Work::Idle, 40),
            [(10, Passed::Warn(5)), (22, Passed::Warn(5)), (26, Passed::Warn(1)), (27, idle)]
        );
    }

    #[test]
    fn a_running_step_stops_the_idle_clock_but_not_the_hour() {
        assert_eq!(
            said(&[], Work::Busy, 70),
            [(55, Passed::Warn(5)), (59, Passed::Warn(1)), (60, Passed::Ended("60 min are over"))]
        );
    }

    #[test]
    fn what_is_locked_stays_locked() {
        let mut arming = Arming::Locked("started with --read-only");
        arming.arm(5);
        assert!(!arming.is_armed());
    }
}
