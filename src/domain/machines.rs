//! The machines behind session hosts, found by id: a side may have thousands of either.

use std::collections::HashMap;

use super::{
    ArmId, Listing, Side, Source,
    compute::{Power, VirtualMachine},
    picture::Picture,
    pool::{HostStatus, SessionHost},
    standing,
    time::Timestamp,
};

/// What the machine behind a host does, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Off.
    Off,
    /// On its way up.
    Starting,
    /// On.
    On,
    /// Nobody tells now.
    Unknown,
}

/// What Compute said of the machines of a side, whole or not.
#[derive(Debug, Default)]
pub struct Machines<'p>(HashMap<&'p ArmId, &'p VirtualMachine>);

impl<'p> Machines<'p> {
    /// Those of a side; none where nothing is known of them.
    pub fn of(picture: &'p Picture, side: Side) -> Self {
        standing::machines(picture, &Source::Machines(side)).map(Self::listed).unwrap_or_default()
    }

    /// Those of a list.
    pub fn listed(listing: &'p Listing<VirtualMachine>) -> Self {
        Self::among(listing.seen())
    }

    /// These.
    pub fn among(machines: &'p [VirtualMachine]) -> Self {
        Self(machines.iter().map(|machine| (&machine.id, machine)).collect())
    }

    /// The machine behind a host, where it was seen.
    pub fn behind(&self, host: &SessionHost) -> Option<&'p VirtualMachine> {
        self.0.get(host.vm.as_ref()?).copied()
    }

    /// Whether the machine behind a host is off, by Compute where that can tell, else by the broker's word.
    pub fn is_off(&self, host: &SessionHost) -> bool {
        match self.behind(host).and_then(|machine| machine.power.as_ref()) {
            None | Some(Power::Unknown(_)) => host.status == HostStatus::Shutdown,
            Some(power) => power.is_off(),
        }
    }

    /// Whether Compute itself calls the machine behind a host off.
    pub fn calls_off(&self, host: &SessionHost) -> bool {
        self.behind(host).and_then(|machine| machine.power.as_ref()).is_some_and(Power::is_off)
    }

    /// What the machine behind a host does at `now`, from a list that still stands then. Where Compute itself
    /// cannot tell, the broker may have seen it go; else it counts as on, as in the signs of death: that it is
    /// silent must not be missed.
    pub fn standing(&self, host: &SessionHost, now: Timestamp) -> Standing {
        match () {
            () if self.is_off(host) => Standing::Off,
            () if self.boots(host, now) => Standing::Starting,
            () => Standing::On,
        }
    }

    /// Whether the machine behind a host is on its way up: no heartbeat of it is due yet.
    pub fn boots(&self, host: &SessionHost, now: Timestamp) -> bool {
        self.behind(host).is_some_and(|machine| machine.boots(now))
    }
}
