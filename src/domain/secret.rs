//! A value that must never be shown or stored in the open.

use std::fmt;

use zeroize::Zeroizing;

/// Secret text. It cannot be printed or serialised; whoever needs it says so by name. Its memory is
/// overwritten when the last copy goes; copies that libraries make of it are not ours to overwrite.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself: only for the header it belongs in, or for the seal of the cache.
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
