//! Storage accounts that hold profiles.

use serde::{Deserialize, Serialize};

use super::{ArmId, Safe};

/// What the storage service says of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageAccount {
    /// Its id.
    pub id: ArmId,
    /// Where the data answers from.
    pub primary_location: Safe,
    /// `available` or `unavailable`, as the service says of its own primary endpoint.
    pub primary_status: Safe,
    /// Redundancy, such as `Premium_ZRS`.
    pub sku: Safe,
    /// Provisioning state.
    pub provisioning: Safe,
}

impl StorageAccount {
    /// Whether the service itself calls the account available.
    pub fn available(&self) -> bool {
        self.primary_status.as_str().eq_ignore_ascii_case("available")
    }
}
