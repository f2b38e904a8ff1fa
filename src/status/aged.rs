//! What an age says of itself.

/// How far an age can be trusted, as the character behind it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aged {
    /// Nothing has gone wrong since.
    Fresh,
    /// It is young, but the newest look brought no answer.
    Missed,
    /// It is too old to be trusted.
    Old,
}

impl Aged {
    pub(super) fn of(stale: bool, missed: bool) -> Self {
        match (stale, missed) {
            (true, _) => Self::Old,
            (false, true) => Self::Missed,
            (false, false) => Self::Fresh,
        }
    }

    /// The character.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Fresh => "",
            Self::Missed => "?",
            Self::Old => "!",
        }
    }
}

impl From<bool> for Aged {
    fn from(stale: bool) -> Self {
        Self::of(stale, false)
    }
}
