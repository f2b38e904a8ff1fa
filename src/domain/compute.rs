//! Virtual machines and what they may use.

use serde::{Deserialize, Serialize};

use super::{ArmId, Safe, pool::HEARTBEAT_LIMIT, time::Timestamp};

/// Power state of a virtual machine. Open (azure-avd §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Power {
    /// Booting.
    Starting,
    /// On.
    Running,
    /// Off but still allocated and billed.
    Stopped,
    /// Giving up its capacity.
    Deallocating,
    /// Off, capacity given up.
    Deallocated,
    /// Azure did not say, or used another word.
    Unknown(Safe),
}

impl Power {
    /// Reads a status code such as `PowerState/running`.
    pub fn parse(code: &str) -> Option<Self> {
        let (family, word) = code.split_once('/')?;
        if !family.eq_ignore_ascii_case("PowerState") {
            return None;
        }
        Some(match word.to_ascii_lowercase().as_str() {
            "starting" => Self::Starting,
            "running" => Self::Running,
            "stopped" | "stopping" => Self::Stopped,
            "deallocating" => Self::Deallocating,
            "deallocated" => Self::Deallocated,
            _ => Self::Unknown(Safe::new(word)),
        })
    }

    /// Whether the machine is off, or on its way there.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Deallocated | Self::Deallocating | Self::Stopped)
    }

    /// The word for the screen.
    pub fn word(&self) -> &str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopped => "stopped, still billed",
            Self::Deallocating => "deallocating",
            Self::Deallocated => "deallocated",
            Self::Unknown(word) => word.as_str(),
        }
    }
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualMachine {
    /// Its id.
    pub id: ArmId,
    /// Region it runs in, as Azure spells it (`westeurope`).
    pub location: Safe,
    /// Size, such as `Standard_D8s_v5`.
    pub size: Safe,
    /// Availability zones.
    pub zones: Vec<Safe>,
    /// Exact image version, where it comes from a gallery or the marketplace.
    pub image: Option<Safe>,
    /// Power state; `None` where the answer carried none.
    pub power: Option<Power>,
    /// Since when it was seen to be on, where an earlier look saw it off or starting, or a run started it.
    /// Azure does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_since: Option<Timestamp>,
}

impl VirtualMachine {
    /// Whether it is on its way up: an agent needs some minutes to report, so no heartbeat is missed yet.
    pub fn boots(&self, now: Timestamp) -> bool {
        match self.power {
            Some(Power::Starting) => true,
            Some(Power::Running) => self.on_since.is_some_and(|on| now.duration_since(on) <= HEARTBEAT_LIMIT),
            _ => false,
        }
    }

    /// Takes over what an earlier look knew of it; what is known besides stays where that tells nothing.
    /// This one was in at `at`.
    pub fn follow(&mut self, before: &Self, at: Timestamp) {
        self.on_since = match (&before.power, &self.power) {
            (Some(Power::Running), Some(Power::Running)) => before.on_since.or(self.on_since),
            (Some(Power::Unknown(_)) | None, Some(Power::Running)) => self.on_since,
            (Some(_), Some(Power::Running)) => Some(at),
            _ => None,
        };
    }
}

/// Use of one quota in one region by one subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Subscription that may use it: each has quotas of its own.
    pub subscription: ArmId,
    /// Name, such as `standardDSv5Family` or `cores`.
    pub name: Safe,
    /// Used now.
    pub used: u64,
    /// Limit.
    pub limit: u64,
}
