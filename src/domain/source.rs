//! Everything we can look at, and what a look brings.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    ArmId, Listing, Safe, Side,
    access::{AccessChange, Lock, Permissions, RoleAssignment},
    compute::{Usage, VirtualMachine},
    health::{Availability, HealthEvent},
    pool::{ApplicationGroup, HEARTBEAT_LIMIT, HostPool, ScalingPlan, SessionHost, UserSession, Workspace},
    reading::Look,
    storage::StorageAccount,
    time::{Span, Timestamp, seconds},
};

/// One thing to look at. A look at a source is one reading; its age is one age.
///
/// The number is the service's place in the estate file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// Settings of a service's host pool on one side.
    Pool(usize, Side),
    /// Session hosts of that pool.
    Hosts(usize, Side),
    /// User sessions of that pool, in every state.
    Sessions(usize, Side),
    /// Application groups of the service on that side, with their applications.
    Groups(usize, Side),
    /// Role assignments at and above each application group of the service on that side.
    Assignments(usize, Side),
    /// Role assignments of the service on that side again, one GET by id each: the truth.
    Assignment(ArmId),
    /// The workspace of that side.
    Workspace(usize, Side),
    /// Scaling plans that govern the pool of that side.
    Plans(usize, Side),
    /// Profile and office accounts of that side.
    Storage(usize, Side),
    /// Virtual machines of a region: model, size, zone, image, power.
    Machines(Side),
    /// Power state of one virtual machine, by its own instance view.
    Power(ArmId),
    /// Directory servers of a region: power and resource health.
    Directory(Side),
    /// Compute quotas of a region.
    Usages(Side),
    /// Resource Health of a region's resources, from the subscription's list.
    Availability(Side),
    /// Service Health events of the estate's subscriptions.
    Events,
    /// What the caller may do at a scope.
    Permissions(ArmId),
    /// Locks at and above a scope.
    Locks(ArmId),
    /// Region of a resource group's metadata.
    GroupLocation(ArmId),
    /// Assignment changes of the last 30 minutes, from the activity log.
    AccessChanges,
    /// Whether the control plane answers for a region, and how fast.
    Control(Side),
    /// First paint: all session hosts from Resource Graph; never for a gate.
    Inventory,
}

/// A silent source is asked again after this long at most (design §9).
pub const SILENT_PAUSE: Span = seconds(60);

impl Source {
    /// The region the look is addressed to; `None`: subscription-wide.
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::Pool(_, side)
            | Self::Hosts(_, side)
            | Self::Sessions(_, side)
            | Self::Groups(_, side)
            | Self::Assignments(_, side)
            | Self::Workspace(_, side)
            | Self::Plans(_, side)
            | Self::Storage(_, side)
            | Self::Machines(side)
            | Self::Directory(side)
            | Self::Usages(side)
            | Self::Availability(side)
            | Self::Control(side) => Some(*side),
            _ => None,
        }
    }

    /// How often it is looked at while nothing is wrong (design §9).
    pub fn interval(&self) -> Span {
        match self {
            Self::Hosts(..) | Self::Sessions(..) | Self::Machines(_) | Self::Power(_) | Self::Control(_) => {
                seconds(15)
            }
            Self::Assignments(..) | Self::Assignment(_) | Self::Events | Self::Availability(_) => seconds(30),
            Self::Permissions(_) | Self::Locks(_) | Self::Usages(_) | Self::GroupLocation(_) => seconds(300),
            _ => seconds(60),
        }
    }

    /// The word for messages.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pool(..) => "host pool",
            Self::Hosts(..) => "hosts",
            Self::Sessions(..) => "sessions",
            Self::Groups(..) => "application groups",
            Self::Assignments(..) | Self::Assignment(_) => "assignments",
            Self::Workspace(..) => "workspace",
            Self::Plans(..) => "scaling plan",
            Self::Storage(..) => "storage",
            Self::Machines(_) | Self::Power(_) => "virtual machines",
            Self::Directory(_) => "directory",
            Self::Usages(_) => "quota",
            Self::Availability(_) => "resource health",
            Self::Events => "service health",
            Self::Permissions(_) => "permissions",
            Self::Locks(_) => "locks",
            Self::GroupLocation(_) => "resource group",
            Self::AccessChanges => "activity log",
            Self::Control(_) => "control plane",
            Self::Inventory => "inventory",
        }
    }
}

/// What a look brought. The variant always fits the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// For [`Source::Pool`].
    Pool(HostPool),
    /// For [`Source::Hosts`].
    Hosts(Listing<SessionHost>),
    /// For [`Source::Sessions`].
    Sessions(Listing<UserSession>),
    /// For [`Source::Groups`].
    Groups(Listing<ApplicationGroup>),
    /// For [`Source::Assignments`]: each with the application group it was seen from.
    Assignments(Listing<Held>),
    /// For [`Source::Assignment`]: `None` when the GET said 404.
    Assignment(Option<RoleAssignment>),
    /// For [`Source::Workspace`]; `None`: not configured.
    Workspace(Option<Workspace>),
    /// For [`Source::Plans`].
    Plans(Listing<ScalingPlan>),
    /// For [`Source::Storage`].
    Storage(Listing<StorageAccount>),
    /// For [`Source::Machines`].
    Machines(Listing<VirtualMachine>),
    /// For [`Source::Power`]; `None`: there is no such machine.
    Power(Option<VirtualMachine>),
    /// For [`Source::Directory`].
    Directory(Listing<DirectoryServer>),
    /// For [`Source::Usages`].
    Usages(Listing<Usage>),
    /// For [`Source::Availability`].
    Availability(Listing<Availability>),
    /// For [`Source::Events`].
    Events(Listing<HealthEvent>),
    /// For [`Source::Permissions`].
    Permissions(Permissions),
    /// For [`Source::Locks`].
    Locks(Listing<Lock>),
    /// For [`Source::GroupLocation`]: region as Azure spells it.
    GroupLocation(Safe),
    /// For [`Source::AccessChanges`].
    AccessChanges(Listing<AccessChange>),
    /// For [`Source::Control`]: round trip, and Azure's clock against ours.
    Control {
        /// Milliseconds from request to answer.
        millis: u32,
        /// How far our clock is ahead of Azure's; `None`: the answer told no time.
        skew: Option<Span>,
    },
    /// For [`Source::Inventory`]: hosts by pool id.
    Inventory(Listing<SessionHost>),
}

/// A listing, whatever it lists.
trait AnyListing {
    /// How many items were seen.
    fn seen_items(&self) -> usize;
    /// Why it was not read to its end, where it was not.
    fn flaw(&self) -> Option<&Safe>;
}

impl<T> AnyListing for Listing<T> {
    fn seen_items(&self) -> usize {
        self.seen().len()
    }

    fn flaw(&self) -> Option<&Safe> {
        self.error()
    }
}

impl Answer {
    /// The list that it is, if it is one.
    fn listing(&self) -> Option<&dyn AnyListing> {
        match self {
            Self::Hosts(list) | Self::Inventory(list) => Some(list),
            Self::Sessions(list) => Some(list),
            Self::Groups(list) => Some(list),
            Self::Assignments(list) => Some(list),
            Self::Plans(list) => Some(list),
            Self::Storage(list) => Some(list),
            Self::Machines(list) => Some(list),
            Self::Directory(list) => Some(list),
            Self::Usages(list) => Some(list),
            Self::Availability(list) => Some(list),
            Self::Events(list) => Some(list),
            Self::Locks(list) => Some(list),
            Self::AccessChanges(list) => Some(list),
            Self::Pool(_)
            | Self::Assignment(_)
            | Self::Workspace(_)
            | Self::Power(_)
            | Self::Permissions(_)
            | Self::GroupLocation(_)
            | Self::Control { .. } => None,
        }
    }

    /// How many things it tells of; what is no list is one.
    pub fn items(&self) -> usize {
        self.listing().map_or(1, AnyListing::seen_items)
    }

    /// Takes over what an earlier answer knew and Azure does not tell again. This one was in at `at`.
    pub fn follow(&mut self, before: &Look, at: Timestamp) {
        let (Self::Machines(now), Self::Machines(seen)) = (self, &before.answer) else { return };
        // After a longer pause nobody knows when what is on now came on.
        if at.duration_since(before.at) > HEARTBEAT_LIMIT {
            return;
        }
        let before: HashMap<&ArmId, &VirtualMachine> =
            seen.seen().iter().map(|machine| (&machine.id, machine)).collect();
        for machine in now.seen_mut() {
            if let Some(before) = before.get(&machine.id) {
                machine.follow(before, at);
            }
        }
    }

    /// Why it is not whole, where it is a list and is not.
    pub fn flaw(&self) -> Option<&Safe> {
        let inner = match self {
            Self::Groups(list) => list.seen().iter().find_map(|group| group.applications.error()),
            _ => None,
        };
        self.listing().and_then(AnyListing::flaw).or(inner)
    }
}

/// A role assignment and the application group it was seen from: inherited when its own
/// scope lies above the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The application group whose list it stood in.
    pub group: ArmId,
    /// The assignment.
    pub assignment: RoleAssignment,
}

impl Held {
    /// Whether the assignment was made above the group, so that it cannot be revoked there.
    pub fn inherited(&self) -> bool {
        self.assignment.scope != self.group
    }
}

/// A directory server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryServer {
    /// Its virtual machine.
    pub vm: VirtualMachine,
    /// Resource Health, where it answered.
    pub health: Option<Availability>,
}

impl DirectoryServer {
    /// Whether it runs and Azure does not call it unavailable.
    pub fn up(&self) -> bool {
        self.vm.power == Some(super::compute::Power::Running)
            && self
                .health
                .as_ref()
                .is_none_or(|health| !health.state.as_str().eq_ignore_ascii_case("Unavailable"))
    }
}
