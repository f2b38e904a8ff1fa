//! What rests in the cache: under each label what the last sign-in left there.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::domain::{Safe, Secret};

use super::Sealer;

/// Everything in a cache, by label.
pub type Entries = BTreeMap<String, Entry>;

/// Which sign-in something belongs to. No two are the same, so that a process that was there before a
/// later sign-in cannot write over it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mark(pub(super) String);

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({})", self.0)
    }
}

/// What a sign-in left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which sign-in.
    pub mark: Mark,
    /// What is there of it.
    pub held: Held,
}

/// What is there of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Its secret.
    Secret(Secret),
    /// Its secret was taken out, and why.
    Gone(Safe),
}

/// A sign-in that rests in the cache: whoever has it may renew its secret.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Seals the file it lies in.
    pub sealer: Arc<Sealer>,
    /// Under which label it lies.
    pub label: String,
    /// Which one it is.
    pub mark: Mark,
}
