//! A value that must never be shown or stored.

use std::fmt;

/// Secret text. It cannot be printed or serialised; whoever needs it says so by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: only for the header it belongs in.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Says that there is a secret, so that structs around it can be shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
