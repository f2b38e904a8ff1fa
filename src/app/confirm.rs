//! The confirmation dialog: what is shown is what is confirmed.

use crate::engine::{event::StepId, view::OfferView};

use super::gesture::{
    Arrival, Button, CANCEL_FOCUSED, Field, Guard, Hold, MOVED_EARLY, PASTED, TOO_QUICK, dropped, excuse,
    heard, too_quick,
};

/// A dialog over one step. It shows one offer, whose list the run keeps while people come and go;
/// when what would be touched changes by more than that, the run offers another list and everything
/// typed so far is void.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmDialog {
    /// The step.
    pub step: StepId,
    /// What is shown, once the preconditions have been read.
    pub offer: Option<OfferView>,
    /// What was typed.
    pub typed: Field,
    /// Focus.
    pub button: Button,
    /// The level-3 gesture.
    pub hold: Hold,
    /// Arrival of keys.
    pub guard: Guard,
    /// What the last key brought, in words.
    pub remark: Option<String>,
}

/// What a key in the dialog came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// Cancelled.
    Cancelled,
    /// Confirmed; milliseconds from showing to confirming.
    Confirmed {
        /// Milliseconds.
        latency_ms: u64,
    },
}

/// Levels from which something must be typed, and from which Enter must be held (design §11).
const TYPED_LEVEL: u8 = 2;
const HELD_LEVEL: u8 = 3;

/// What is said of a button that is off.
const OFF: &str = "the button is off until what stands above is green; esc closes";

impl ConfirmDialog {
    /// Opens it; the offer arrives through [`Self::pin`].
    pub fn new(step: StepId, at: u64) -> Self {
        Self {
            step,
            offer: None,
            typed: Field::default(),
            button: Button::Cancel,
            hold: Hold::Idle,
            guard: Guard::new(at),
            remark: None,
        }
    }

    /// Takes in what the run offers now. The list is the same as long as its hash is.
    pub fn pin(&mut self, offer: &OfferView, at: u64) {
        let same =
            self.offer.as_ref().is_some_and(|shown| shown.hash == offer.hash && shown.level == offer.level);
        if !same {
            if let Some(shown) = &self.offer {
                let what = offer.changed_since(shown);
                self.remark = Some(format!("what it would touch has changed: {what}; look again"));
            }
            self.typed.clear();
            self.button = Button::Cancel;
            self.hold = Hold::Idle;
            self.guard.reveal(at);
        }
        if offer.green && self.remark.as_deref() == Some(OFF) {
            self.remark = None;
        }
        self.offer = Some(offer.clone());
    }

    /// The text that must be typed, where one must.
    pub fn asked(&self) -> Option<&str> {
        let offer = self.offer.as_ref()?;
        (offer.level >= TYPED_LEVEL).then_some(offer.asked.as_deref().unwrap_or_default())
    }

    /// Whether Enter must be held.
    pub fn is_held(&self) -> bool {
        self.offer.as_ref().is_some_and(|offer| offer.level >= HELD_LEVEL)
    }

    /// Whether what was typed is what was asked for. Nothing asked for by name is never met.
    pub fn typed_right(&self) -> bool {
        match self.asked() {
            None => self.offer.is_some(),
            Some(asked) => !asked.is_empty() && self.typed.trimmed() == asked,
        }
    }

    /// A character came.
    pub fn push(&mut self, c: char, arrival: Arrival) {
        self.hold = Hold::Idle;
        if self.asked().is_none() {
            self.remark = None;
            return;
        }
        if arrival == Arrival::Early {
            return dropped(&mut self.remark);
        }
        // At level 3 at once: over a line that stands still now and then typing comes in clumps as well.
        if (arrival == Arrival::Burst && self.is_held()) || self.guard.poured() {
            self.typed.clear();
            self.remark = Some(PASTED.to_owned());
            return;
        }
        self.typed.push(c);
        self.heard();
    }

    /// A key counted.
    fn heard(&mut self) {
        let right = self.typed_right();
        heard(&mut self.remark, &self.typed, right);
    }

    /// The last character is taken back.
    pub fn erase(&mut self, arrival: Arrival) {
        self.hold = Hold::Idle;
        if arrival != Arrival::Early {
            self.typed.erase();
            self.heard();
        }
    }

    /// Everything typed is taken back.
    pub fn erase_all(&mut self, arrival: Arrival) {
        self.hold = Hold::Idle;
        if arrival != Arrival::Early {
            self.typed.clear();
            self.heard();
        }
    }

    /// The focus moves.
    pub fn next(&mut self, arrival: Arrival) {
        self.hold = Hold::Idle;
        if arrival == Arrival::Early {
            return excuse(&mut self.remark, MOVED_EARLY);
        }
        self.heard();
        self.button = self.button.other();
    }

    /// Whether the button is off: something that must be green is not.
    pub fn is_off(&self) -> bool {
        self.offer.as_ref().is_some_and(|offer| !offer.green)
    }

    /// Enter came at `at`.
    pub fn enter(&mut self, arrival: Arrival, at: u64) -> Decision {
        if arrival == Arrival::Early {
            excuse(&mut self.remark, too_quick(self.button));
            return Decision::Open;
        }
        if self.button == Button::Cancel {
            if !self.typed.trimmed().is_empty() {
                self.remark = Some(CANCEL_FOCUSED.to_owned());
                return Decision::Open;
            }
            if arrival == Arrival::Calm {
                return Decision::Cancelled;
            }
            excuse(&mut self.remark, CANCEL_FOCUSED);
            return Decision::Open;
        }
        if let Some(why) = self.not_yet() {
            self.hold = Hold::Idle;
            self.remark = Some(why);
            return Decision::Open;
        }
        let done = if self.is_held() { self.hold.enter(at, arrival) } else { arrival == Arrival::Calm };
        if done {
            return Decision::Confirmed { latency_ms: self.guard.since_shown(at) };
        }
        // A key that is held comes in a row: only one that began nothing was too quick.
        match (self.hold, self.is_held()) {
            (Hold::Counting { .. }, true) => self.remark = None,
            _ => excuse(&mut self.remark, TOO_QUICK),
        }
        Decision::Open
    }

    /// Why the button does nothing yet.
    fn not_yet(&self) -> Option<String> {
        let Some(offer) = &self.offer else {
            return Some("its preconditions are still being read".to_owned());
        };
        if !offer.green {
            return Some(OFF.to_owned());
        }
        if !self.typed_right() {
            return Some(match self.asked() {
                Some(asked) if !asked.is_empty() => format!("type {asked} first"),
                _ => "the engine named nothing to type: this cannot be confirmed here".to_owned(),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::view::WriteLine;

    fn offer(level: u8, asked: Option<&str>, hash: &str) -> OfferView {
        OfferView {
            hash: hash.to_owned(),
            level,
            asked: asked.map(str::to_owned),
            acknowledges: None,
            what: "67 sessions".into(),
            writes: Vec::new(),
            already: 0,
            drift: None,
            users: 67,
            users_at_start: false,
            effect: "they are logged off".into(),
            before_after: ("67".into(), "0".into()),
            before_at: None,
            read_at: None,
            green: true,
        }
    }

    #[derive(Clone, Copy)]
    enum Key {
        Char(char),
        Tab,
        Enter,
    }

    /// Opens a dialog at 0, feeds keys with their times, and tells how it ended and at which key.
    fn decide(level: u8, asked: Option<&str>, keys: &[(u64, Key)]) -> (Decision, usize) {
        let mut dialog = ConfirmDialog::new("a8".to_owned(), 0);
        dialog.pin(&offer(level, asked, "h"), 0);
        for (index, (at, key)) in keys.iter().enumerate() {
            let arrival = dialog.guard.arrive(*at);
            match key {
                Key::Char(c) => dialog.push(*c, arrival),
                Key::Tab => dialog.next(arrival),
                Key::Enter => match dialog.enter(arrival, *at) {
                    Decision::Open => {}
                    decision => return (decision, index),
                },
            }
        }
        (Decision::Open, keys.len())
    }

    /// What it is, level, what is asked, keys with their times, and how it ends.
    type Case = (&'static str, u8, Option<&'static str>, Vec<(u64, Key)>, Decision);

    #[test]
    fn only_the_gesture_of_the_level_confirms() {
        use Key::{Char, Enter, Tab};
        let confirmed = |latency_ms| Decision::Confirmed { latency_ms };
        let cases: Vec<Case> = vec![
            ("enter alone cancels", 1, None, vec![(400, Enter)], Decision::Cancelled),
            ("tab, enter", 1, None, vec![(400, Tab), (700, Enter)], confirmed(700)),
            ("too early", 1, None, vec![(100, Tab), (200, Enter)], Decision::Open),
            ("early tab does not count", 1, None, vec![(100, Tab), (700, Enter)], Decision::Cancelled),
            ("tab and enter in one burst", 1, None, vec![(400, Tab), (401, Enter)], Decision::Open),
            (
                "number, tab, enter",
                2,
                Some("67"),
                vec![(400, Char('6')), (500, Char('7')), (700, Tab), (1_000, Enter)],
                confirmed(1_000),
            ),
            (
                "number, enter: cancel has the focus and nothing happens",
                2,
                Some("67"),
                vec![(400, Char('6')), (500, Char('7')), (1_000, Enter)],
                Decision::Open,
            ),
            (
                "wrong number",
                2,
                Some("67"),
                vec![(400, Char('6')), (500, Char('6')), (700, Tab), (1_000, Enter)],
                Decision::Open,
            ),
            ("nothing to type is not a way in", 2, None, vec![(400, Tab), (700, Enter)], Decision::Open),
            (
                "code, tab, enter twice",
                3,
                Some("NE"),
                vec![(400, Char('N')), (500, Char('E')), (700, Tab), (1_000, Enter), (4_000, Enter)],
                confirmed(4_000),
            ),
            (
                "not held long enough",
                3,
                Some("NE"),
                vec![(400, Char('N')), (500, Char('E')), (700, Tab), (1_000, Enter), (3_900, Enter)],
                Decision::Open,
            ),
            (
                "another key ends the hold",
                3,
                Some("NE"),
                vec![
                    (400, Char('N')),
                    (500, Char('E')),
                    (700, Tab),
                    (1_000, Enter),
                    (2_000, Tab),
                    (2_300, Tab),
                    (4_100, Enter),
                ],
                Decision::Open,
            ),
            (
                "pasted code",
                3,
                Some("NE"),
                vec![(400, Char('N')), (401, Char('E')), (700, Tab), (1_000, Enter), (4_100, Enter)],
                Decision::Open,
            ),
        ];
        for (name, level, asked, keys, expected) in cases {
            assert_eq!(decide(level, asked, &keys).0, expected, "{name}");
        }
    }

    #[test]
    fn a_storm_of_any_one_key_or_a_paste_never_confirms() {
        use Key::{Char, Enter, Tab};
        for level in 1..=3 {
            let asked = (level > 1).then_some("7");
            for gap in [0, 1, 5, 33, 60, 150] {
                for key in [Char('7'), Char('y'), Tab, Enter] {
                    let storm: Vec<(u64, Key)> = (0..500).map(|n| (n * gap, key)).collect();
                    assert!(
                        !matches!(decide(level, asked, &storm).0, Decision::Confirmed { .. }),
                        "{level} {gap}"
                    );
                }
                let paste: Vec<(u64, Key)> =
                    (0..400).map(|n| (400 + n * gap, [Char('7'), Tab, Enter][n as usize % 3])).collect();
                assert!(
                    !matches!(decide(level, asked, &paste).0, Decision::Confirmed { .. }),
                    "{level} {gap}"
                );
            }
        }
    }

    /// Why the button is off is said for as long as it is off; that it came on takes back nothing else.
    #[test]
    fn what_is_said_of_the_button_stands_only_while_it_is_so() {
        let number = Some("type 67 first");
        let cases = [
            ("off and still off", 1, false, false, Some(OFF), Some(OFF)),
            ("off, then on", 1, false, true, Some(OFF), None),
            ("off, then on, with something to type", 2, false, true, Some(OFF), None),
            ("on, with something to type", 2, true, true, number, number),
            ("on, then off", 2, true, false, number, number),
        ];
        for (name, level, before, after, said, left) in cases {
            let with = |green| OfferView { green, ..offer(level, (level > 1).then_some("67"), "h") };
            let mut dialog = ConfirmDialog::new("a8".to_owned(), 0);
            dialog.pin(&with(before), 0);
            let arrival = dialog.guard.arrive(400);
            dialog.next(arrival);
            let arrival = dialog.guard.arrive(1_000);
            assert_eq!(dialog.enter(arrival, 1_000), Decision::Open, "{name}");
            assert_eq!(dialog.remark.as_deref(), said, "{name}");
            dialog.pin(&with(after), 1_100);
            assert_eq!(dialog.remark.as_deref(), left, "{name}");
        }
    }

    #[test]
    fn a_changed_list_voids_what_was_typed() {
        let line = |key: &str| WriteLine {
            key: key.to_owned(),
            verb: "log off",
            method: "DELETE".to_owned(),
            path: "/x".into(),
        };
        let mut dialog = ConfirmDialog::new("a8".to_owned(), 0);
        let mut first = offer(2, Some("67"), "one");
        first.writes = vec![line("user003")];
        dialog.pin(&first, 0);
        for (at, c) in [(400, '6'), (500, '7')] {
            let arrival = dialog.guard.arrive(at);
            dialog.push(c, arrival);
        }
        dialog.pin(&first, 600);
        assert!(dialog.typed_right());
        let mut other = offer(2, Some("68"), "two");
        other.users = 68;
        other.writes = ["user070", "user071"].map(line).into();
        dialog.pin(&other, 700);
        assert_eq!((dialog.typed.text(), dialog.button), ("", Button::Cancel));
        let remark = dialog.remark.clone().unwrap();
        let told = "has changed: 2 more (user070, user071), 1 gone (user003), users 67, now 68; look again";
        assert!(remark.ends_with(told), "{remark}");
        assert_eq!(dialog.guard.arrive(900), Arrival::Early);
    }
}
