//! The scenario file as it is written: the world's sizes, its delays, and its timeline of faults.

use serde::{Deserialize, Deserializer, de};

use super::{
    fault::Fault,
    moment::{HOUR, MINUTE, Ms, SECOND, Span, parse},
};

/// One of the two regions of the simulated estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// The region the estate file calls primary.
    Primary,
    /// The region the estate file calls secondary.
    Secondary,
}

impl Region {
    /// Both, in order.
    pub(super) const BOTH: [Self; 2] = [Self::Primary, Self::Secondary];

    pub(super) fn index(self) -> usize {
        self as usize
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    /// `primary` or `secondary`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// A whole scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    pub(super) format: u32,
    /// One line for `sim scenarios`.
    pub(super) summary: String,
    pub(super) epoch: jiff::Timestamp,
    pub(super) estate: String,
    pub(super) tenant: String,
    pub(super) subscription: String,
    pub(super) domain: String,
    #[serde(default)]
    pub(super) timing: Timing,
    #[serde(default)]
    pub(super) people: People,
    pub(super) regions: Regions,
    pub(super) service: Vec<ServiceSpec>,
    /// Accounts in GRP-TEST, which holds nothing at the start.
    #[serde(default)]
    pub(super) test_people: u32,
    /// Holders of a role that the plan of the estate does not know.
    #[serde(default)]
    pub(super) holder: Vec<HolderSpec>,
    #[serde(default)]
    pub(super) at: Vec<Entry>,
}

/// The two regions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Regions {
    pub(super) primary: RegionSpec,
    pub(super) secondary: RegionSpec,
}

/// One region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegionSpec {
    /// Azure's name, such as `westeurope`.
    pub(super) azure: String,
    /// Display name, such as `West Europe`.
    pub(super) name: String,
    /// Short code, such as `WE`.
    pub(super) code: String,
    #[serde(default = "two")]
    pub(super) domain_controllers: u32,
}

fn two() -> u32 {
    2
}

/// A pooled service: one host pool in each region.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceSpec {
    pub(super) name: String,
    /// Hosts on each side.
    pub(super) hosts: u32,
    /// How many of them run on the secondary; on the primary all run.
    pub(super) standby_running: u32,
    pub(super) max_sessions: u32,
    #[serde(default)]
    pub(super) load_balancer: Balancing,
    pub(super) application_group: Vec<GroupSpec>,
}

/// How a pool picks a host for a new session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
pub(super) enum Balancing {
    #[default]
    BreadthFirst,
    DepthFirst,
}

/// An application group, its twin, and the people of the group that uses it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupSpec {
    pub(super) code: String,
    #[serde(rename = "type")]
    pub(super) kind: GroupKind,
    /// Name of the directory group that holds it.
    pub(super) group: String,
    pub(super) people: u32,
    /// Sessions at the start, by state.
    pub(super) active: u32,
    pub(super) disconnected: u32,
    #[serde(default)]
    pub(super) applications: Vec<String>,
}

impl GroupSpec {
    /// Sessions at the start, in every state.
    pub(super) fn sessions(&self) -> u64 {
        u64::from(self.active) + u64::from(self.disconnected)
    }
}

/// What an application group publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
pub(super) enum GroupKind {
    Desktop,
    RemoteApp,
}

/// Somebody who holds Desktop Virtualization User at a resource group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HolderSpec {
    /// A group of the scenario by name, or a new one.
    pub(super) group: String,
    /// Principal id, for a group that is not one of the planned.
    pub(super) id: Option<String>,
    pub(super) region: Region,
    /// With a reason it is listed as an exception in the estate file.
    pub(super) reason: Option<String>,
}

/// One line of the timeline.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// When it begins, from the epoch; may lie before it.
    pub(super) t: Ms,
    pub(super) fault: Fault,
}

/// How the simulated people behave.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct People {
    /// Chance in percent that a message makes an active user save and leave.
    pub(super) leave_percent: u32,
    /// From the message to leaving.
    pub(super) leave_after: Span,
    /// From leaving on request to trying again.
    pub(super) come_back: Span,
    /// From being logged off or cut off to the first new attempt.
    pub(super) reconnect: Span,
    /// Between attempts that failed.
    pub(super) retry: Span,
    /// Length of a stretch of work before a pause or the way home; zero keeps everybody at work.
    pub(super) work: Span,
    /// Length of a pause.
    pub(super) pause: Span,
}

impl Default for People {
    fn default() -> Self {
        Self {
            leave_percent: 60,
            leave_after: span(MINUTE, 8 * MINUTE),
            come_back: span(10 * MINUTE, 25 * MINUTE),
            reconnect: span(20 * SECOND, 90 * SECOND),
            retry: span(2 * MINUTE, 5 * MINUTE),
            work: span(HOUR, 9 * HOUR),
            pause: span(10 * MINUTE, HOUR),
        }
    }
}

/// The delays of the platform. None is shortened in `calm` (procedures.md §5, azure-avd.md §9).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Timing {
    /// Length of a VM start or restart operation.
    pub(super) vm_start: Span,
    /// Length of a deallocate or power-off operation.
    pub(super) vm_stop: Span,
    /// From VM running to session host Available.
    pub(super) host_boot: Span,
    /// From a role assignment change to users feeling it.
    pub(super) propagation: Span,
    /// From the last heartbeat to status Unavailable.
    pub(super) unavailable_after: Span,
    /// How old Resource Graph's picture is.
    pub(super) graph_lag: Span,
    /// How late the activity log shows a write.
    pub(super) activity_lag: Span,
    /// Time between two autoscale evaluations.
    pub(super) autoscale_every: Span,
    /// From a regional fault to the Service Health event.
    pub(super) health_posted: Span,
    /// From a region's return to the event being resolved.
    pub(super) health_resolved: Span,
    /// How long a run command takes at least.
    pub(super) run_command: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            vm_start: span(30 * SECOND, 2 * MINUTE),
            vm_stop: span(20 * SECOND, 90 * SECOND),
            host_boot: span(MINUTE, 5 * MINUTE),
            propagation: span(0, 10 * MINUTE),
            unavailable_after: span(4 * MINUTE, 4 * MINUTE),
            graph_lag: span(MINUTE, MINUTE),
            activity_lag: span(MINUTE, MINUTE),
            autoscale_every: span(15 * MINUTE, 15 * MINUTE),
            health_posted: span(8 * MINUTE, 8 * MINUTE),
            health_resolved: span(30 * MINUTE, 30 * MINUTE),
            run_command: span(20 * SECOND, 35 * SECOND),
        }
    }
}

impl Timing {
    /// Every delay with its name, for printing.
    pub(super) fn rows(&self) -> [(&'static str, Span); 11] {
        [
            ("vm_start", self.vm_start),
            ("vm_stop", self.vm_stop),
            ("host_boot", self.host_boot),
            ("propagation", self.propagation),
            ("unavailable_after", self.unavailable_after),
            ("graph_lag", self.graph_lag),
            ("activity_lag", self.activity_lag),
            ("autoscale_every", self.autoscale_every),
            ("health_posted", self.health_posted),
            ("health_resolved", self.health_resolved),
            ("run_command", self.run_command),
        ]
    }
}

impl People {
    /// Every delay with its name, for printing.
    pub(super) fn rows(&self) -> [(&'static str, Span); 6] {
        [
            ("leave_after", self.leave_after),
            ("come_back", self.come_back),
            ("reconnect", self.reconnect),
            ("retry", self.retry),
            ("work", self.work),
            ("pause", self.pause),
        ]
    }
}

fn span(min: Ms, max: Ms) -> Span {
    Span { min, max }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a duration such as \"90s\", or two of them in brackets")]
        enum Form {
            Exact(String),
            Between([String; 2]),
        }
        let read = |text: &str| {
            parse(text).filter(|ms| *ms >= 0).ok_or_else(|| {
                de::Error::custom(format!("`{text}` is no duration; write it like \"90s\" or \"1h30m\""))
            })
        };
        match Form::deserialize(deserializer)? {
            Form::Exact(text) => read(&text).map(|at| span(at, at)),
            Form::Between([low, high]) => {
                let (min, max) = (read(&low)?, read(&high)?);
                if max < min {
                    return Err(de::Error::custom(format!("`{low}` is longer than `{high}`")));
                }
                Ok(span(min, max))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = toml::Table::deserialize(deserializer)?;
        let t = match table.remove("t") {
            Some(toml::Value::String(text)) => parse(&text)
                .ok_or_else(|| de::Error::custom(format!("`{text}` is no time; write it like \"-12m\"")))?,
            _ => return Err(de::Error::custom("`t` is missing: when it begins, such as t = \"0s\"")),
        };
        if let Some(until) = table.remove("until") {
            let until = until.as_str().and_then(parse).filter(|until| *until > t).ok_or_else(|| {
                de::Error::custom("`until` must be a time after `t`, such as until = \"6h\"")
            })?;
            table.insert("for".to_owned(), toml::Value::String(super::moment::spell(until - t)));
        }
        let fault = Fault::from_table(table).map_err(de::Error::custom)?;
        Ok(Self { t, fault })
    }
}
