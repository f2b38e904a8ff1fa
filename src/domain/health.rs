//! What Azure says about its own health.

use serde::{Deserialize, Serialize};

use super::{ArmId, Safe, time::Timestamp};

/// A Service Health event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthEvent {
    /// Tracking id.
    pub tracking: Safe,
    /// `ServiceIssue`, `PlannedMaintenance`, …
    pub kind: Safe,
    /// `Active` or `Resolved`, as it came.
    pub status: Safe,
    /// Title.
    pub title: Safe,
    /// When the impact began.
    pub started: Option<Timestamp>,
    /// When it was last updated.
    pub updated: Option<Timestamp>,
    /// Services and the regions named for each, by display name (`West Europe`).
    pub impacts: Vec<Impact>,
}

/// One service an event touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// Service name.
    pub service: Safe,
    /// The regions named for it.
    pub regions: Vec<ImpactedRegion>,
}

/// One region an event names for a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpactedRegion {
    /// Display name.
    pub name: Safe,
    /// `Active` or `Resolved` there, as it came; `None`: as the event.
    pub status: Option<Safe>,
}

impl Impact {
    /// Whether it names the region `azure` (`westeurope`) and is not over there.
    pub fn hits(&self, azure: &str) -> bool {
        self.regions.iter().any(|region| same_region(region.name.as_str(), azure) && !region.is_over())
    }
}

impl ImpactedRegion {
    /// Whether Azure calls it over there, whatever it says of the event.
    fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.as_str().eq_ignore_ascii_case("Resolved"))
    }
}

impl HealthEvent {
    /// Whether it is an active service issue that still hits the region `azure` (`westeurope`).
    pub fn hits(&self, azure: &str) -> bool {
        self.kind.as_str().eq_ignore_ascii_case("ServiceIssue")
            && self.status.as_str().eq_ignore_ascii_case("Active")
            && self.impacts.iter().any(|impact| impact.hits(azure))
    }
}

/// Whether two spellings name one region: `West Europe` and `westeurope`.
pub fn same_region(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    plain(one) == plain(other)
}

/// Whether a text can be the name of a region at all, as `westeurope` or `West Europe`. What
/// has another one is not left out of a region's list: nobody knows where it is.
pub fn names_region(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '(' | ')'))
}

/// Resource Health of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The resource.
    pub resource: ArmId,
    /// `Available`, `Unavailable`, `Degraded`, `Unknown`, as it came.
    pub state: Safe,
}

impl Availability {
    /// Whether Azure calls the resource available.
    pub fn available(&self) -> bool {
        self.state.as_str().eq_ignore_ascii_case("Available")
    }
}
