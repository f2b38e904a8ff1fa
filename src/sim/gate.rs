//! What a request passes before a handler sees it: identity, version, budgets, faults.

use super::{
    access::CALLER,
    ask::{Ask, Path, Verb},
    envelope::{Answer, continues},
    fault::FaultKind,
    moment::{MINUTE, Ms},
    resources::PROVIDERS,
    spec::Region,
    world::World,
};

/// A stale read is never older than this (the brief of the fault; caches of the platform are short).
const STALEST: Ms = MINUTE;
/// `Retry-After` of a `throttle` fault that names none, in seconds.
const RETRY_AFTER: u32 = 10;

/// What is known about a request before it is handled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    /// Region of the object it addresses.
    pub(super) region: Option<Region>,
    pub(super) write: bool,
}

/// What happens to a request on its way.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is answered without being carried out.
    Turned(Answer),
    /// It is carried out.
    Handled,
    /// It is carried out, and this is answered instead of the result; `None` breaks the connection.
    Masked(Option<Answer>),
    /// The connection breaks and nobody saw it.
    Lost,
    /// Nobody ever answers.
    Silent,
}

/// The fate of a request and the counted faults it used up.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) fate: Fate,
    pub(super) spent: Option<usize>,
}

impl From<Fate> for Verdict {
    fn from(fate: Fate) -> Self {
        Self { fate, spent: None }
    }
}

/// Whether a request changes the world: everything but reads and Resource Graph queries.
pub(super) fn writes(verb: Verb, path: &Path) -> bool {
    verb != Verb::Get && !path.lower().ends_with("/providers/microsoft.resourcegraph/resources")
}

/// 400 for an api-version that is missing, malformed or older than the first stable one.
pub(super) fn check_version(ask: &Ask<'_>) -> Option<Answer> {
    let namespace = ask.path.namespace();
    let Some(version) = ask.query("api-version").filter(|v| !v.is_empty()) else {
        return Some(Answer::error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let known = PROVIDERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(namespace));
    let oldest = match (namespace, known) {
        ("", _) => "2014-01-01",
        (_, Some((_, oldest))) => oldest,
        (_, None) => {
            return Some(Answer::error(
                400,
                "NoRegisteredProviderFound",
                &format!(
                    "No registered resource provider found for namespace '{namespace}' and API version '{version}'."
                ),
            ));
        }
    };
    if well_formed(&version) && version.get(..10) >= Some(oldest) {
        return None;
    }
    Some(Answer::error(
        400,
        "InvalidApiVersionParameter",
        &format!("The api-version '{version}' is invalid. The supported versions begin with '{oldest}'."),
    ))
}

/// `2024-04-03`, optionally with `-preview`.
fn well_formed(version: &str) -> bool {
    let bytes = version.as_bytes();
    bytes.len() >= 10
        && bytes[..10]
            .iter()
            .enumerate()
            .all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() })
        && (bytes.len() == 10 || version[10..].starts_with('-'))
}

/// 401 for a request without a bearer token. Any token is as good as any other.
pub(super) fn unauthenticated() -> Answer {
    Answer::error(
        401,
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing.",
    )
    .header(
        http::header::WWW_AUTHENTICATE,
        "Bearer authorization_uri=\"https://login.microsoftonline.com/common\", error=\"invalid_token\""
            .to_owned(),
    )
}

impl World {
    /// What the request addresses. The region matters only while something is wrong.
    pub(super) fn aim(&self, verb: Verb, path: &Path) -> Aim {
        let write = writes(verb, path);
        let region = if self.faults.is_empty() { None } else { self.region_addressed(path) };
        Aim { region, write }
    }

    fn region_addressed(&self, path: &Path) -> Option<Region> {
        if let Some(at) = (0..path.len()).find(|at| path.seg(*at) == "locations") {
            return self.top.region_named(path.seg(at + 1));
        }
        let node = (1..path.len()).rev().find_map(|at| self.top.find(path.upto(at)))?;
        self.top.region_of(node)
    }

    /// The instant reads are answered from.
    pub(super) fn view(&self, verb: Verb) -> Ms {
        if verb != Verb::Get || self.faults.is_empty() {
            return self.now;
        }
        let age = self.standing(FaultKind::StaleRead).filter_map(|s| s.fault.scope.ms).max().unwrap_or(0);
        self.now - age.min(STALEST)
    }

    /// How long answers to this request are held back, in milliseconds of network time.
    pub(super) fn slowness(&self, ask: &Ask<'_>, aim: Aim) -> i64 {
        let covers = |s: &&super::world::Standing| {
            s.fault.scope.covers(ask.verb, ask.path.lower(), ask.path.namespace(), aim.region)
        };
        self.standing(FaultKind::Slow).filter(covers).filter_map(|s| s.fault.scope.ms).max().unwrap_or(0)
    }

    /// Faults that strike a request on its way, before any handler.
    pub(super) fn fate(&mut self, ask: &Ask<'_>, aim: Aim) -> Verdict {
        if self.faults.is_empty() {
            return Fate::Handled.into();
        }
        if let Some(index) = self.hit(FaultKind::DropRequest, ask, aim) {
            return Verdict { fate: Fate::Lost, spent: Some(index) };
        }
        if self.is_silent(ask.path, aim) {
            return Fate::Silent.into();
        }
        if self.standing(FaultKind::TokenExpired).next().is_some() {
            let answer = Answer::error(
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry time is in the past.",
            );
            return Fate::Turned(answer).into();
        }
        if let Some(index) = self.hit(FaultKind::Throttle, ask, aim) {
            let after = self.faults[index].fault.scope.retry_after.unwrap_or(RETRY_AFTER);
            let kind = super::throttle::Kind::of(ask.verb).word();
            return Verdict {
                fate: Fate::Turned(throttled(&self.top.subscription, kind, after)),
                spent: Some(index),
            };
        }
        if self.hit(FaultKind::Forbidden, ask, aim).is_some() {
            return Fate::Turned(forbidden(ask)).into();
        }
        if ask.verb == Verb::Get && self.page_is_cut(ask, aim) {
            return Fate::Turned(unavailable()).into();
        }
        if aim.write {
            if let Some(answer) = self.refuse_write(ask, aim) {
                return Fate::Turned(answer).into();
            }
            if let Some(index) = self.hit(FaultKind::ServerError, ask, aim) {
                let done = self.faults[index].fault.scope.effect;
                let fate = if done { Fate::Masked(Some(unavailable())) } else { Fate::Turned(unavailable()) };
                return Verdict { fate, spent: Some(index) };
            }
        }
        if let Some(index) = self.hit(FaultKind::LoseReply, ask, aim) {
            return Verdict { fate: Fate::Masked(None), spent: Some(index) };
        }
        Fate::Handled.into()
    }

    /// Uses up one stroke of a counted fault.
    pub(super) fn spend(&mut self, index: usize) {
        if let Some(left) = self.faults.get_mut(index).and_then(|s| s.left.as_mut()) {
            *left = left.saturating_sub(1);
        }
    }

    fn hit(&self, kind: FaultKind, ask: &Ask<'_>, aim: Aim) -> Option<usize> {
        self.faults.iter().position(|s| {
            s.active
                && s.fault.kind == kind
                && s.left != Some(0)
                && s.fault.scope.covers(ask.verb, ask.path.lower(), ask.path.namespace(), aim.region)
        })
    }

    /// Role assignments are a global service; they fall silent only where named.
    fn is_silent(&self, path: &Path, aim: Aim) -> bool {
        let namespace = path.namespace();
        self.standing(FaultKind::Silent).any(|s| {
            let scope = &s.fault.scope;
            let named = scope.providers.iter().any(|p| p.eq_ignore_ascii_case(namespace));
            aim.region.is_some()
                && scope.region == aim.region
                && (named || (scope.providers.is_empty() && namespace != "microsoft.authorization"))
        })
    }

    fn page_is_cut(&self, ask: &Ask<'_>, aim: Aim) -> bool {
        let Some(page) = continues(ask) else { return false };
        self.hit(FaultKind::CutPage, ask, aim)
            .is_some_and(|at| page >= self.faults[at].fault.scope.page.unwrap_or(2) as usize)
    }

    /// Rights, locks, and resource groups whose region cannot take writes (azure-avd.md §6.5).
    fn refuse_write(&self, ask: &Ask<'_>, aim: Aim) -> Option<Answer> {
        let wanted = action(ask);
        if self
            .missing_rights(aim.region, ask.path.lower())
            .any(|missing| missing.eq_ignore_ascii_case(&wanted))
        {
            return Some(forbidden(ask));
        }
        if let Some(answer) = self.locked(ask) {
            return Some(answer);
        }
        let path = ask.path;
        let group = (path.seg(2) == "resourcegroups").then(|| self.top.find(path.upto(3))).flatten();
        let home = group.and_then(|node| self.top.region_of(node))?;
        if self.suffers(FaultKind::ReadonlyRg, home) {
            return Some(unavailable());
        }
        // Assignments are not kept in the group, and sessions not in Azure Resource Manager.
        let elsewhere =
            path.namespace() == "microsoft.authorization" || path.lower().contains("/usersessions/");
        if self.is_dead(home) && !elsewhere {
            let half = path.lower().len().is_multiple_of(2);
            return Some(if half { gateway_timeout() } else { unavailable() });
        }
        None
    }
}

/// The action a write needs, such as `microsoft.compute/virtualmachines/start/action`.
fn action(ask: &Ask<'_>) -> String {
    let path = ask.path;
    let mut text = path.namespace().to_owned();
    let Some(at) = path.providers() else { return text };
    let mut seg = at + 2;
    while seg < path.len() {
        text.push('/');
        text.push_str(path.seg(seg));
        seg += 2;
    }
    text.push_str(match ask.verb {
        Verb::Get => "/read",
        Verb::Put | Verb::Patch => "/write",
        Verb::Post => "/action",
        Verb::Delete => "/delete",
    });
    text
}

fn forbidden(ask: &Ask<'_>) -> Answer {
    Answer::error(
        403,
        "AuthorizationFailed",
        &format!(
            "The client '{CALLER}' with object id '{CALLER}' does not have authorization to perform action '{}' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            action(ask),
            ask.path.raw()
        ),
    )
}

pub(super) fn throttled(subscription: &str, kind: &str, after: u32) -> Answer {
    Answer::error(
        429,
        "SubscriptionRequestsThrottled",
        &format!("Number of '{kind}' requests for subscription '{subscription}' actor '{CALLER}' exceeded. Please try again after '{after}' seconds."),
    )
    .header(http::header::RETRY_AFTER, after.to_string())
}

fn unavailable() -> Answer {
    Answer::error(
        503,
        "ServiceUnavailable",
        "The service is temporarily unavailable. Please try again later.",
    )
}

fn gateway_timeout() -> Answer {
    Answer::error(
        504,
        "GatewayTimeout",
        "The gateway did not receive a response from the resource provider within the specified time period.",
    )
}
