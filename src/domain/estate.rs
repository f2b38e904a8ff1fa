//! The estate: all that the file describes, already checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ArmId, Pair, Side,
    access::PrincipalId,
    time::{Span, Timestamp},
};

/// An estate: two regions and what is paired across them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estate {
    /// Name; typed to arm.
    pub name: String,
    /// Cloud.
    pub cloud: Cloud,
    /// Tenant GUID, lower case.
    pub tenant: String,
    /// Regions.
    pub regions: Pair<Region>,
    /// Services in the file's order.
    pub services: Vec<Service>,
    /// Directory servers' virtual machines.
    pub directory: Pair<Vec<ArmId>>,
    /// Targets and permissions of the organisation.
    pub policy: Policy,
    /// Api-versions that replace ours, by provider.
    pub api_versions: BTreeMap<String, String>,
    /// Clock of a simulated estate; used for loopback endpoints only.
    pub simulated: Option<Simulated>,
    /// Sections that were understood but are not built in this version.
    pub not_in_this_version: Vec<String>,
    /// SHA-256 over the file's bytes, hex: what a run is bound to.
    pub hash: String,
}

/// Keys of `[api_versions]`: providers, and what of a provider has versions of its own.
pub const API_VERSION_KEYS: [&str; 10] = [
    "Microsoft.DesktopVirtualization",
    "Microsoft.Authorization",
    "Microsoft.Authorization/locks",
    "Microsoft.Compute",
    "Microsoft.Storage",
    "Microsoft.Resources",
    "Microsoft.ResourceGraph",
    "Microsoft.ResourceHealth",
    "Microsoft.Insights",
    "Microsoft.Resources/subscriptions",
];

/// The Azure clouds we know the origins of (azure-avd §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Azure.
    Public,
    /// Azure Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
}

impl Cloud {
    /// Origin of the cloud's Resource Manager.
    pub fn arm_origin(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// Origin of its Entra ID, which issues tokens to whoever has a secret.
    pub fn login_origin(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// Whether a token for this audience is for its Resource Manager: by either of its addresses, or by the
    /// id that it has in all clouds.
    pub fn is_audience(self, audience: &str) -> bool {
        const ID: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
        let core = match self {
            Self::Public => "https://management.core.windows.net",
            Self::UsGovernment => "https://management.core.usgovcloudapi.net",
            Self::China => "https://management.core.chinacloudapi.cn",
        };
        let bare = audience.trim_end_matches('/');
        [self.arm_origin(), core, ID].iter().any(|known| known.eq_ignore_ascii_case(bare))
    }

    /// Scope of a token for it.
    pub fn token_scope(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com/.default",
            Self::UsGovernment => "https://management.core.usgovcloudapi.net/.default",
            Self::China => "https://management.core.chinacloudapi.cn/.default",
        }
    }
}

/// One of the two regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Azure's name (`westeurope`).
    pub azure: String,
    /// Short code from the estate file (`WE`): what a person types.
    pub code: String,
}

impl Region {
    /// The region's display name where we know it, else Azure's name.
    pub fn display(&self) -> &str {
        DISPLAY_NAMES
            .iter()
            .find(|(azure, _)| *azure == self.azure)
            .map_or(self.azure.as_str(), |(_, display)| display)
    }
}

/// Display names of the regions people pair most; an unknown region shows Azure's name.
const DISPLAY_NAMES: [(&str, &str); 24] = [
    ("westeurope", "West Europe"),
    ("northeurope", "North Europe"),
    ("germanywestcentral", "Germany West Central"),
    ("germanynorth", "Germany North"),
    ("switzerlandnorth", "Switzerland North"),
    ("switzerlandwest", "Switzerland West"),
    ("francecentral", "France Central"),
    ("francesouth", "France South"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("swedencentral", "Sweden Central"),
    ("norwayeast", "Norway East"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("centralus", "Central US"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
    ("southcentralus", "South Central US"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("australiaeast", "Australia East"),
    ("southeastasia", "Southeast Asia"),
    ("eastasia", "East Asia"),
];

/// One pooled or personal host pool pair, or one RDS deployment pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name, unique in the estate.
    pub name: String,
    /// What it is.
    pub kind: ServiceKind,
    /// How its sides share the users.
    pub layout: Layout,
    /// Class: order of failover; `none` means no DR by decision.
    pub class: String,
    /// Capacity the standby must have, in percent of the active side's current sessions.
    pub capacity_percent: u32,
    /// Its objects on each side.
    pub sides: Pair<ServiceSide>,
    /// Its application groups, each with its twin.
    pub groups: Vec<GroupPair>,
    /// Holders that are not to be moved.
    pub exceptions: Vec<Exception>,
}

impl Service {
    /// Ids of the application groups of one side.
    pub fn group_ids(&self, side: Side) -> impl Iterator<Item = &ArmId> {
        self.groups.iter().map(move |group| &group.ids[side])
    }

    /// The planned principals, each once.
    pub fn principals(&self) -> Vec<&Principal> {
        let mut all: Vec<&Principal> = Vec::new();
        for principal in self.groups.iter().flat_map(|group| &group.principals) {
            if !all.iter().any(|known| known.id == principal.id) {
                all.push(principal);
            }
        }
        all
    }
}

/// What a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// Pooled host pools.
    AvdPooled,
    /// Personal host pools.
    AvdPersonal,
    /// Remote Desktop Services deployments.
    Rds,
}

/// How the sides of a service share the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One side serves, the other stands by.
    ActivePassive,
    /// Both serve.
    ActiveActive,
    /// One pool with hosts in both regions.
    Mixed,
}

/// A service's objects on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSide {
    /// Host pool.
    pub pool: ArmId,
    /// Workspace that publishes the groups, where configured.
    pub workspace: Option<ArmId>,
    /// Scaling plan, where configured.
    pub scaling_plan: Option<ArmId>,
    /// Profile and office accounts, where configured.
    pub accounts: Vec<ArmId>,
}

/// An application group and its twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPair {
    /// Short code, unique in the service.
    pub code: String,
    /// The two groups.
    pub ids: Pair<ArmId>,
    /// Who is planned to hold the active one.
    pub principals: Vec<Principal>,
}

/// A group or user that is assigned to application groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Name from the estate file.
    pub name: String,
    /// Directory id.
    pub id: PrincipalId,
    /// `Group` or `User`.
    pub principal_type: String,
}

/// A holder that is known and left where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Who.
    pub principal: PrincipalId,
    /// Why.
    pub reason: String,
}

/// Targets and permissions of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Recovery time objective.
    pub rto: Option<Span>,
    /// Recovery point objective.
    pub rpo: Option<Span>,
    /// Where the targets come from.
    pub source: Option<String>,
    /// Notice users get before they are logged off.
    pub notice: Span,
    /// Whether probes may run inside machines.
    pub allow_run_command: bool,
}

/// Clock of a simulated estate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulated {
    /// Estate time at `anchor`… the world's start when `anchor` is absent.
    pub epoch: Timestamp,
    /// Estate seconds per real second.
    pub speed: f64,
    /// Real time at which the estate's clock showed `epoch`.
    pub anchor: Option<Timestamp>,
}

impl Eq for Simulated {}

impl Estate {
    /// The place of the service called `name`.
    pub fn service(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|service| service.name == name)
    }

    /// Every subscription the estate touches, each once, in the file's order.
    pub fn subscriptions(&self) -> Vec<ArmId> {
        let mut all: Vec<ArmId> = Vec::new();
        let pools = self.services.iter().flat_map(|service| service.sides.iter().map(|(_, side)| &side.pool));
        for id in pools.chain(self.directory.iter().flat_map(|(_, servers)| servers)) {
            let subscription = id.subscription_id();
            if !all.contains(&subscription) {
                all.push(subscription);
            }
        }
        all
    }
}
