//! The closed list of what can go wrong, and where each of them applies.

use serde::{Deserialize, Serialize};

use super::{
    ask::Verb,
    moment::{Ms, parse},
    spec::Region,
};

/// Something that goes wrong: what, where, and for how long.
///
/// In a scenario file it is one `[[at]]` table; see [`FaultKind`] for what each one does.
/// Parameters that a fault does not use are errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What [`heal`](super::Sim::heal) calls it; the kind's own name unless given.
    pub name: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Where and how much.
    pub scope: Scope,
    /// How long it lasts, in milliseconds of estate time; `None` until it is healed.
    pub lasts_ms: Option<i64>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// VMs, agents and shares of `region` are gone. AVD metadata answers with frozen
    /// heartbeats and stale sessions; writes into resource groups located there fail 5xx;
    /// reads and role assignments answer. `survivors` hosts of `service` beat on for
    /// `survivors_for`. When it ends the hosts boot and stale sessions vanish.
    Dead,
    /// Requests addressed to `region` never answer; only those of `providers` when given.
    Silent,
    /// Hosts of `region` live, its storage does not: sign-ins fail there.
    Grey,
    /// Matching answers come `ms` later.
    Slow,
    /// Matching requests answer 429 with `retry_after` seconds, `count` of them when given.
    Throttle,
    /// `count` matching requests take effect, then the connection breaks.
    LoseReply,
    /// `count` matching requests never arrive and the connection breaks.
    DropRequest,
    /// Reads of assignments, hosts and sessions are answered as of `ms` ago (60 s at most).
    StaleRead,
    /// Page `page` (2 unless given) of matching lists answers 503.
    CutPage,
    /// VM starts in `region` end with `AllocationFailed`, `count` of them when given.
    AllocationFailed,
    /// VM starts in `region` are refused with `QuotaExceeded`.
    Quota,
    /// Autoscale evaluates now.
    AutoscaleTick,
    /// `count` sessions of `service` in `region` turn into entries without a session.
    Ghost,
    /// Role assignment changes take `ms` to reach users.
    Propagation,
    /// Every write into resource groups of `region`, role assignments included, fails 5xx.
    ReadonlyRg,
    /// `count` matching writes answer 503; with `effect = true` they were done all the same.
    ServerError,
    /// `count` domain controllers of `region` are stopped (all when not given).
    DcDown,
    /// Storage accounts of `service` in `region` are unavailable.
    ShareDown,
    /// The caller lacks `action` at scopes of `region`, only those with `path` in them when given:
    /// not listed, and 403 when tried.
    RightsMissing,
    /// A lock of `level` (`ReadOnly` or `CanNotDelete`) on the AVD resource group of `region`, or on
    /// the ones with `path` in their id.
    Lock,
    /// The application groups of `service` in `region` are taken out of their workspace.
    Unpublished,
    /// Somebody enables the scaling plan of `service` in `region` again.
    PlanEnabled,
    /// Somebody assigns `principal` to the first application group of `service` in `region`, with the
    /// built-in role or, `role = "custom"`, with a custom one that lets use as well.
    HolderAdded,
    /// Somebody creates the planned assignments of `service` in `region`.
    Reassigned,
    /// `count` hosts of `service` in `region` report `status`.
    HostsUnhealthy,
    /// `count` hosts of `service` in `region` do not accept new sessions.
    HostDrained,
    /// `count` people of `service` sign in on `region`, whatever their assignments say.
    SessionAppears,
    /// Hosts of `service` in `region` run another image version.
    ImageDiffers,
    /// Resource Health and Service Health answer as of the start of the fault.
    StaleHealth,
    /// Every bearer token is answered 401 `ExpiredAuthenticationToken`.
    TokenExpired,
    /// Matching requests answer 403 `AuthorizationFailed`.
    Forbidden,
}

/// All kinds, in the order of the documentation.
pub(super) const KINDS: [FaultKind; 31] = [
    FaultKind::Dead,
    FaultKind::Silent,
    FaultKind::Grey,
    FaultKind::Slow,
    FaultKind::Throttle,
    FaultKind::LoseReply,
    FaultKind::DropRequest,
    FaultKind::StaleRead,
    FaultKind::CutPage,
    FaultKind::AllocationFailed,
    FaultKind::Quota,
    FaultKind::AutoscaleTick,
    FaultKind::Ghost,
    FaultKind::Propagation,
    FaultKind::ReadonlyRg,
    FaultKind::ServerError,
    FaultKind::DcDown,
    FaultKind::ShareDown,
    FaultKind::RightsMissing,
    FaultKind::Lock,
    FaultKind::Unpublished,
    FaultKind::PlanEnabled,
    FaultKind::HolderAdded,
    FaultKind::Reassigned,
    FaultKind::HostsUnhealthy,
    FaultKind::HostDrained,
    FaultKind::SessionAppears,
    FaultKind::ImageDiffers,
    FaultKind::StaleHealth,
    FaultKind::TokenExpired,
    FaultKind::Forbidden,
];

/// Where a fault applies and how much of it there is. Every field narrows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// The region of the addressed object.
    pub region: Option<Region>,
    /// Name of a service.
    pub service: Option<String>,
    /// Provider namespaces, such as `Microsoft.Compute`; empty means all.
    pub providers: Vec<String>,
    /// HTTP method.
    pub method: Option<String>,
    /// A piece of the path, without case.
    pub path: Option<String>,
    /// How many requests or objects.
    pub count: Option<u32>,
    /// A delay or an age in milliseconds of estate time (network time for `slow`).
    pub ms: Option<i64>,
    /// The value of `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// Page of a list, counted from 1.
    pub page: Option<u32>,
    /// Whether a write that answers 503 was done.
    pub effect: bool,
    /// A principal id.
    pub principal: Option<String>,
    /// Whether the principal is given a custom role that lets use.
    pub custom_role: bool,
    /// An action, such as `Microsoft.Authorization/roleAssignments/write`.
    pub action: Option<String>,
    /// A lock level.
    pub level: Option<String>,
    /// A session host status.
    pub status: Option<String>,
    /// Hosts of `service` that outlive a dead region for a while.
    pub survivors: u32,
    /// How long they do, in milliseconds of estate time.
    pub survivors_for_ms: i64,
}

impl FaultKind {
    /// The name used in scenario files.
    pub fn word(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            _ => format!("{self:?}"),
        }
    }

    /// The keys it understands besides `fault`, `name` and `for`.
    fn keys(self) -> &'static [&'static str] {
        const MATCH: &[&str] = &["region", "providers", "method", "path"];
        match self {
            Self::Dead => &["region", "service", "survivors", "survivors_for"],
            Self::Silent => &["region", "providers"],
            Self::Grey | Self::Quota | Self::ReadonlyRg => &["region"],
            Self::Slow => &["region", "providers", "method", "path", "ms"],
            Self::Throttle => &["region", "providers", "method", "path", "count", "retry_after"],
            Self::LoseReply | Self::DropRequest => &["region", "providers", "method", "path", "count"],
            Self::StaleRead | Self::Propagation => &["ms"],
            Self::CutPage => &["region", "providers", "path", "page"],
            Self::AllocationFailed | Self::DcDown => &["region", "count"],
            Self::AutoscaleTick | Self::StaleHealth | Self::TokenExpired => &[],
            Self::ServerError => &["region", "providers", "method", "path", "count", "effect"],
            Self::RightsMissing => &["region", "path", "action"],
            Self::Lock => &["region", "path", "level"],
            Self::ShareDown
            | Self::Unpublished
            | Self::PlanEnabled
            | Self::ImageDiffers
            | Self::Reassigned => &["region", "service"],
            Self::HolderAdded => &["region", "service", "principal", "role"],
            Self::HostsUnhealthy => &["region", "service", "count", "status"],
            Self::Ghost | Self::HostDrained | Self::SessionAppears => &["region", "service", "count"],
            Self::Forbidden => MATCH,
        }
    }

    /// Whether it changes the world once instead of standing for a while.
    pub(super) fn strikes_once(self) -> bool {
        matches!(
            self,
            Self::AutoscaleTick
                | Self::Ghost
                | Self::PlanEnabled
                | Self::HolderAdded
                | Self::Reassigned
                | Self::HostDrained
                | Self::SessionAppears
        )
    }
}

impl Fault {
    /// A fault of this kind everywhere, until healed. Narrow it through its fields.
    pub fn new(kind: FaultKind) -> Self {
        Self { name: kind.word(), kind, scope: Scope::default(), lasts_ms: None }
    }

    /// The same fault in one region only.
    #[must_use]
    pub fn in_region(mut self, region: Region) -> Self {
        self.scope.region = Some(region);
        self
    }

    /// The same fault, so many times.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.scope.count = Some(count);
        self
    }

    /// Reads a fault from TOML, such as `fault = "dead"\nregion = "primary"\nfor = "6h"`.
    ///
    /// The error says which key or value is wrong and what would be right.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| e.message().to_owned())?;
        Self::from_table(table)
    }

    pub(super) fn from_table(mut table: toml::Table) -> Result<Self, String> {
        let Some(toml::Value::String(word)) = table.remove("fault") else {
            return Err("`fault` is missing: which of the closed list it is".to_owned());
        };
        let Some(kind) = KINDS.into_iter().find(|kind| kind.word() == word) else {
            let names: Vec<String> = KINDS.into_iter().map(FaultKind::word).collect();
            return Err(format!(
                "`{word}` is no fault; {}",
                nearest(&word, names.iter().map(String::as_str))
            ));
        };
        let name = match table.remove("name") {
            None => word.clone(),
            Some(value) => text(&value, "name")?,
        };
        let lasts_ms = match table.remove("for") {
            None => None,
            Some(value) => Some(duration(&value, "for")?),
        };
        let mut fault = Self { name, kind, scope: Scope::default(), lasts_ms };
        for (key, value) in &table {
            if !kind.keys().contains(&key.as_str()) {
                let known = kind.keys().iter().copied().chain(["t", "for", "until", "name", "fault"]);
                return Err(format!("`{word}` has no parameter `{key}`; {}", nearest(key, known)));
            }
            fault.scope.set(key, value)?;
        }
        fault.check()?;
        Ok(fault)
    }

    fn check(&self) -> Result<(), String> {
        let word = self.kind.word();
        if self.kind.keys().contains(&"region") && self.needs_region() && self.scope.region.is_none() {
            return Err(format!("`{word}` needs a region: \"primary\" or \"secondary\""));
        }
        if self.kind.keys().contains(&"ms") && self.scope.ms.is_none_or(|ms| ms < 0) {
            return Err(format!("`{word}` needs `ms`, a duration such as \"30s\""));
        }
        Ok(())
    }

    /// Faults about requests may apply everywhere; those about things must say where.
    fn needs_region(&self) -> bool {
        !matches!(
            self.kind,
            FaultKind::Slow
                | FaultKind::Throttle
                | FaultKind::LoseReply
                | FaultKind::DropRequest
                | FaultKind::CutPage
                | FaultKind::ServerError
                | FaultKind::Forbidden
                | FaultKind::RightsMissing
        )
    }
}

impl Scope {
    fn set(&mut self, key: &str, value: &toml::Value) -> Result<(), String> {
        match key {
            "region" => {
                self.region = Some(match text(value, key)?.as_str() {
                    "primary" => Region::Primary,
                    "secondary" => Region::Secondary,
                    other => {
                        return Err(format!("`{other}` is no region; write \"primary\" or \"secondary\""));
                    }
                });
            }
            "service" => self.service = Some(text(value, key)?),
            "providers" => {
                let list = value.as_array().ok_or("`providers` must be a list of namespaces")?;
                self.providers = list.iter().map(|item| text(item, key)).collect::<Result<_, _>>()?;
            }
            "method" => self.method = Some(text(value, key)?),
            "path" => self.path = Some(text(value, key)?.to_ascii_lowercase()),
            "count" => self.count = Some(number(value, key)?),
            "ms" => self.ms = Some(duration(value, key)?),
            "retry_after" => self.retry_after = Some(number(value, key)?),
            "page" => self.page = Some(number(value, key)?),
            "effect" => self.effect = value.as_bool().ok_or("`effect` must be true or false")?,
            "principal" => self.principal = Some(text(value, key)?),
            "role" => match text(value, key)?.as_str() {
                "custom" => self.custom_role = true,
                other => return Err(format!("`{other}` is no role here; write \"custom\"")),
            },
            "action" => self.action = Some(text(value, key)?),
            "level" => self.level = Some(text(value, key)?),
            "status" => self.status = Some(text(value, key)?),
            "survivors" => self.survivors = number(value, key)?,
            _ => self.survivors_for_ms = duration(value, key)?,
        }
        Ok(())
    }

    /// Whether a request falls under this fault.
    pub(super) fn covers(&self, verb: Verb, path: &str, namespace: &str, region: Option<Region>) -> bool {
        (self.region.is_none() || self.region == region)
            && (self.providers.is_empty() || self.providers.iter().any(|p| p.eq_ignore_ascii_case(namespace)))
            && self.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(verb.as_str()))
            && self.path.as_deref().is_none_or(|piece| path.contains(piece))
    }
}

fn text(value: &toml::Value, key: &str) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` must be text"))
}

fn number(value: &toml::Value, key: &str) -> Result<u32, String> {
    value
        .as_integer()
        .and_then(|n| u32::try_from(n).ok())
        .ok_or_else(|| format!("`{key}` must be a whole number"))
}

fn duration(value: &toml::Value, key: &str) -> Result<Ms, String> {
    value
        .as_str()
        .and_then(parse)
        .filter(|ms| *ms >= 0)
        .ok_or_else(|| format!("`{key}` must be a duration such as \"90s\""))
}

/// `did you mean …` for a word that is not in a list.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let score = strsim::jaro_winkler(word, candidate);
        if best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map_or_else(String::new, |(_, candidate)| format!("the nearest is `{candidate}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_from_toml() {
        for kind in KINDS {
            let mut text = format!("fault = \"{}\"\nfor = \"1h\"\n", kind.word());
            if kind.keys().contains(&"region") {
                text.push_str("region = \"primary\"\n");
            }
            if kind.keys().contains(&"ms") {
                text.push_str("ms = \"30s\"\n");
            }
            let fault = Fault::from_toml(&text).expect(&text);
            assert_eq!((fault.kind, fault.lasts_ms), (kind, Some(3_600_000)), "{text}");
        }
    }

    #[test]
    fn mistakes_name_the_nearest() {
        for (text, part) in [
            ("fault = \"ded\"", "nearest is `dead`"),
            ("fault = \"dead\"\nregin = \"primary\"", "nearest is `region`"),
            ("fault = \"dead\"", "needs a region"),
            ("fault = \"dead\"\nregion = \"tertiary\"", "no region"),
            ("fault = \"stale-read\"", "needs `ms`"),
            ("fault = \"holder-added\"\nregion = \"primary\"\nrole = \"Owner\"", "write \"custom\""),
            ("region = \"primary\"", "`fault` is missing"),
        ] {
            let error = Fault::from_toml(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
