//! What separates a decision from an accident at the keyboard.
//!
//! All times are milliseconds of the terminal clock at the moment the key was *read*, so that
//! what waited in a buffer before a dialog opened carries an older time than the dialog.

use super::event::Intent;

/// Input is discarded for this long after a dialog appears (design §11).
pub const DISCARD_MS: u64 = 300;
/// An Enter that decides something must follow a pause: neither a repeated key nor a paste that
/// came without its brackets leaves one. Keyboards repeat every 25 to 60 ms.
pub const QUIET_MS: u64 = 200;
/// What is said of an Enter that did not count.
pub const TOO_QUICK: &str = "too quick: press enter again";
/// The same where that Enter would have pressed nothing but the way out.
pub const CANCEL_FOCUSED: &str = "cancel has the focus: tab to the button, or esc to cancel";
/// What is said of characters that did not count.
pub const TYPED_EARLY: &str = "keys of the first 0.3 s are not taken: type it again";
/// What is said of characters that nobody typed one by one, where typing is what counts.
pub const PASTED: &str = "that came too fast to be typed: pasting does not count, type it slowly";
/// Characters closer than this were not typed one by one.
pub const BURST_MS: u64 = 10;
/// So many of them in a row, where typing is what counts, are a paste. A number of three digits is as many as
/// a person has typed when a line that stood still for half a second goes on.
const CLUMP_MAX: u32 = 4;
/// How long Enter is held at level 3 (design §11).
pub const HOLD_MS: u64 = 3_000;
/// Without a further Enter the count starts again after this time.
pub const HOLD_FORGET_MS: u64 = 10_000;
/// Longest text a field takes: a reason is a sentence, not a page.
pub const FIELD_CHARACTERS: usize = 200;

/// When a dialog appeared and when the last key came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    shown: u64,
    last_key: u64,
    /// Keys in a row that came on the heels of the one before.
    clump: u32,
}

/// How a key stands to the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Too soon after the dialog appeared: discarded.
    Early,
    /// On the heels of another key.
    Burst,
    /// Soon after another key: good for typing, not for deciding.
    Hurried,
    /// After a pause.
    Calm,
}

impl Guard {
    /// A dialog appears.
    pub fn new(at: u64) -> Self {
        Self { shown: at, last_key: at, clump: 0 }
    }

    /// It appears again, because another one over it closed or because what it shows changed.
    pub fn reveal(&mut self, at: u64) {
        self.shown = at;
    }

    /// A key was read at `at`.
    pub fn arrive(&mut self, at: u64) -> Arrival {
        let gap = at.saturating_sub(self.last_key);
        self.last_key = self.last_key.max(at);
        self.clump = if gap < BURST_MS { self.clump + 1 } else { 0 };
        if at < self.shown + DISCARD_MS {
            Arrival::Early
        } else if gap < BURST_MS {
            Arrival::Burst
        } else if gap < QUIET_MS {
            Arrival::Hurried
        } else {
            Arrival::Calm
        }
    }

    /// Whether the last key belongs to more of them at once than a person types ahead of a line that stands
    /// still: where typing is what counts, it does not count.
    pub fn poured(&self) -> bool {
        self.clump >= CLUMP_MAX
    }

    /// Milliseconds since the dialog showed what it shows.
    pub fn since_shown(&self, at: u64) -> u64 {
        at.saturating_sub(self.shown)
    }
}

/// The same of a key that only moves.
pub const MOVED_EARLY: &str = "keys of the first 0.3 s are not taken: press it again";

/// Says of a key that did not count that it did not, unless something else is said already. That typing is
/// missing does not keep it from being said.
pub fn excuse(remark: &mut Option<String>, words: &str) {
    match remark {
        Some(said) if said.ends_with(TYPED_EARLY) && words != TYPED_EARLY => {
            *said = format!("{words}; {TYPED_EARLY}");
        }
        Some(_) => {}
        None => *remark = Some(words.to_owned()),
    }
}

/// Says that what was typed was dropped, behind what is said already: without it nobody knows why the rest of
/// a number stands there.
pub fn dropped(remark: &mut Option<String>) {
    match remark {
        Some(said) if said.ends_with(TYPED_EARLY) => {}
        Some(said) => *said = format!("{said}; {TYPED_EARLY}"),
        None => *remark = Some(TYPED_EARLY.to_owned()),
    }
}

/// What is said of an Enter that came too quickly, by the button it was for.
pub fn too_quick(button: Button) -> &'static str {
    match button {
        Button::Cancel => CANCEL_FOCUSED,
        Button::Act => TOO_QUICK,
    }
}

/// Which of the two buttons has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Button {
    /// The way out; where every dialog starts.
    #[default]
    Cancel,
    /// The deed.
    Act,
}

impl Button {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Cancel => Self::Act,
            Self::Act => Self::Cancel,
        }
    }
}

/// The level-3 gesture. A held key arrives over SSH as a row of presses, or as one: both end
/// the same way, by an Enter at least [`HOLD_MS`] after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Not begun.
    #[default]
    Idle,
    /// Enter came at this time.
    Counting {
        /// Milliseconds of the terminal clock.
        from: u64,
    },
}

impl Hold {
    /// An Enter came; whether that completes the gesture.
    pub fn enter(&mut self, at: u64, arrival: Arrival) -> bool {
        match *self {
            Self::Counting { from } if at < from + HOLD_MS => false,
            Self::Counting { from } if at < from + HOLD_MS + HOLD_FORGET_MS => {
                *self = Self::Idle;
                true
            }
            _ => {
                if arrival == Arrival::Calm {
                    *self = Self::Counting { from: at };
                }
                false
            }
        }
    }

    /// Milliseconds still to hold; `None`: not begun, or forgotten.
    pub fn left(self, at: u64) -> Option<u64> {
        match self {
            Self::Counting { from } if at < from + HOLD_MS + HOLD_FORGET_MS => {
                Some((from + HOLD_MS).saturating_sub(at))
            }
            _ => None,
        }
    }
}

/// One line of typed text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    text: String,
}

impl Field {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text without surrounding blanks.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// Takes a character, if it is one and there is room.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.text.chars().count() < FIELD_CHARACTERS {
            self.text.push(c);
        }
    }

    /// Takes the last character away.
    pub fn erase(&mut self) {
        self.text.pop();
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.text.clear();
    }
}

/// A key counted: what was said of the one before it goes. That typing is missing stays said until the field is
/// right or empty again: nobody is to wonder at the rest of a number.
pub(super) fn heard(remark: &mut Option<String>, typed: &Field, right: bool) {
    let missing = remark.as_ref().is_some_and(|said| said.ends_with(TYPED_EARLY));
    *remark = (missing && !right && !typed.text().is_empty()).then(|| TYPED_EARLY.to_owned());
}

/// Says of a key that came before the dialog could be read that it does not count; `button` has the focus.
pub(super) fn early(remark: &mut Option<String>, intent: Intent, button: Option<Button>) {
    match intent {
        Intent::Enter => excuse(remark, button.map_or(TOO_QUICK, too_quick)),
        Intent::Type(_) => dropped(remark),
        Intent::Next | Intent::Previous | Intent::Left | Intent::Right => excuse(remark, MOVED_EARLY),
        _ => {}
    }
}

/// Lets a text field take a key; whether it was one for it.
pub(super) fn edit(field: &mut Field, intent: Intent) -> bool {
    match intent {
        Intent::Type(c) => field.push(c),
        Intent::Erase => field.erase(),
        Intent::EraseAll => field.clear(),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_judged_by_when_they_came() {
        let check = |keys: &[u64], last: Arrival| {
            let mut guard = Guard::new(1_000);
            let seen = keys.iter().map(|&at| guard.arrive(at)).last().unwrap();
            assert_eq!(seen, last, "{keys:?}");
        };
        check(&[900], Arrival::Early);
        check(&[1_299], Arrival::Early);
        check(&[1_300], Arrival::Calm);
        check(&[1_299, 1_300], Arrival::Burst);
        check(&[1_400, 1_433], Arrival::Hurried);
        check(&[1_400, 1_600], Arrival::Calm);
    }

    #[test]
    fn holding_takes_three_seconds_however_the_terminal_repeats() {
        let ends = |enters: &[u64]| {
            let mut hold = Hold::default();
            let mut guard = Guard::new(0);
            enters.iter().position(|&at| {
                let arrival = guard.arrive(at);
                hold.enter(at, arrival)
            })
        };
        let held: Vec<u64> = (0..120).map(|n| 1_000 + n * 33).collect();
        assert_eq!(ends(&held), Some(91));
        assert_eq!(ends(&[1_000, 4_000]), Some(1));
        assert_eq!(ends(&[1_000, 3_999]), None);
        assert_eq!(ends(&[1_000, 14_000]), None);
        // A repeat that began before the dialog was ready never starts the count.
        let repeated: Vec<u64> = (0..200).map(|n| 10 + n * 33).collect();
        assert_eq!(ends(&repeated), None);
    }
}
