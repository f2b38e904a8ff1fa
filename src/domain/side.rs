//! The two sides of an estate. The word on screen is always the region's, never the side's.

use serde::{Deserialize, Serialize};

/// Which of the two regions an object belongs to. Fixed by the estate file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The region the estate file calls primary.
    Primary,
    /// The region the estate file calls secondary.
    Secondary,
}

impl Side {
    /// Both sides, primary first.
    pub const BOTH: [Self; 2] = [Self::Primary, Self::Secondary];

    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    /// The key used in JSON output and in the estate file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// One value for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pair<T> {
    /// Value of the primary side.
    pub primary: T,
    /// Value of the secondary side.
    pub secondary: T,
}

impl<T> Pair<T> {
    /// Builds a pair by asking for each side's value.
    pub fn build(mut value: impl FnMut(Side) -> T) -> Self {
        Self { primary: value(Side::Primary), secondary: value(Side::Secondary) }
    }

    /// Turns each side's value into another.
    pub fn map<U>(self, mut turn: impl FnMut(T) -> U) -> Pair<U> {
        Pair { primary: turn(self.primary), secondary: turn(self.secondary) }
    }

    /// Both values with their sides, primary first.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        [(Side::Primary, &self.primary), (Side::Secondary, &self.secondary)].into_iter()
    }
}

impl<T> std::ops::Index<Side> for Pair<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::Primary => &self.primary,
            Side::Secondary => &self.secondary,
        }
    }
}

impl<T> std::ops::IndexMut<Side> for Pair<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Primary => &mut self.primary,
            Side::Secondary => &mut self.secondary,
        }
    }
}
