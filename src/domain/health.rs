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
        self.status.as_ref().is_some_and(|status| is(status, "Resolved"))
    }

    /// The word of how it stands there, where it is none that we know.
    fn unclear(&self) -> Option<&Safe> {
        self.status.as_ref().filter(|status| !is(status, "Active") && !is(status, "Resolved"))
    }
}

fn is(word: &Safe, known: &str) -> bool {
    word.as_str().eq_ignore_ascii_case(known)
}

/// What an event says of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bears {
    /// It is an active service issue that still hits it.
    Hits,
    /// It names the region, and whether it hits is not known: its status, its type or how it stands there is this
    /// word, which we do not know or which Azure does not mean as the last.
    Perhaps(Safe),
    /// It does not hit it.
    Not,
}

/// Types of events that are no trouble of now. An emerging issue is one: nobody knows yet whom it hits.
const NO_TROUBLE: [&str; 5] = ["PlannedMaintenance", "HealthAdvisory", "RCA", "SecurityAdvisory", "Billing"];

impl HealthEvent {
    /// What it says of the region `azure` (`westeurope`).
    pub fn bears(&self, azure: &str) -> Bears {
        let no_trouble = NO_TROUBLE.iter().any(|known| is(&self.kind, known));
        let regions = self.impacts.iter().flat_map(|impact| &impact.regions);
        let there: Vec<&ImpactedRegion> =
            regions.filter(|region| same_region(region.name.as_str(), azure) && !region.is_over()).collect();
        if no_trouble || is(&self.status, "Resolved") || there.is_empty() {
            return Bears::Not;
        }
        // One service that it surely hits there is enough.
        let unclear: Option<Vec<&Safe>> = there.iter().map(|region| region.unclear()).collect();
        if let Some(word) = unclear.and_then(|words| words.first().copied()) {
            return Bears::Perhaps(word.clone());
        }
        if !is(&self.status, "Active") {
            return Bears::Perhaps(self.status.clone());
        }
        if is(&self.kind, "ServiceIssue") { Bears::Hits } else { Bears::Perhaps(self.kind.clone()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A word that we do not know is never taken for one that is fine.
    #[test]
    fn an_event_with_a_word_we_do_not_know_may_hit() {
        let event = |kind: &str, status: &str, region: &str, there: Option<&str>| HealthEvent {
            tracking: Safe::new("T"),
            kind: Safe::new(kind),
            status: Safe::new(status),
            title: Safe::new("title"),
            started: None,
            updated: None,
            impacts: vec![Impact {
                service: Safe::new("Storage"),
                regions: vec![ImpactedRegion { name: Safe::new(region), status: there.map(Safe::new) }],
            }],
        };
        let perhaps = |word: &str| Bears::Perhaps(Safe::new(word));
        for (kind, status, region, there, expected) in [
            ("ServiceIssue", "Active", "West Europe", None, Bears::Hits),
            ("serviceissue", "active", "westeurope", Some("Active"), Bears::Hits),
            ("ServiceIssue", "Resolved", "West Europe", None, Bears::Not),
            ("ServiceIssue", "Active", "West Europe", Some("Resolved"), Bears::Not),
            ("ServiceIssue", "Active", "North Europe", None, Bears::Not),
            ("ServiceIssue", "Mitigating", "West Europe", None, perhaps("Mitigating")),
            ("ServiceIssue", "Mitigating", "North Europe", None, Bears::Not),
            ("ServiceIssue", "", "West Europe", None, perhaps("")),
            ("Outage", "Active", "West Europe", None, perhaps("Outage")),
            ("Outage", "Resolved", "West Europe", None, Bears::Not),
            ("Outage", "Mitigating", "West Europe", None, perhaps("Mitigating")),
            ("PlannedMaintenance", "Active", "West Europe", None, Bears::Not),
            ("HealthAdvisory", "Mitigating", "West Europe", None, Bears::Not),
            ("RCA", "Active", "West Europe", None, Bears::Not),
            ("EmergingIssues", "Active", "West Europe", None, perhaps("EmergingIssues")),
            ("EmergingIssues", "Resolved", "West Europe", None, Bears::Not),
            ("ServiceIssue", "Active", "West Europe", Some("Mitigated"), perhaps("Mitigated")),
            ("ServiceIssue", "Resolved", "West Europe", Some("Mitigated"), Bears::Not),
            ("RCA", "Active", "West Europe", Some("Mitigated"), Bears::Not),
            ("SecurityAdvisory", "Active", "West Europe", None, Bears::Not),
            ("Billing", "Active", "West Europe", None, Bears::Not),
        ] {
            let told = event(kind, status, region, there).bears("westeurope");
            assert_eq!(told, expected, "{kind} {status} {region} {there:?}");
        }
        // Of two services one is surely hit.
        let mut two = event("ServiceIssue", "Active", "West Europe", Some("Mitigated"));
        two.impacts.extend(event("ServiceIssue", "Active", "West Europe", None).impacts);
        assert_eq!(two.bears("westeurope"), Bears::Hits);
    }
}
