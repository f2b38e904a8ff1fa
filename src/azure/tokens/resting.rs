//! A token as it rests in the cache between two processes: with whom it is for and where it may go.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    azure::{Endpoint, origin::Origin},
    domain::{Safe, estate::Cloud, time::Timestamp},
};

use super::{Bearer, Issuer, Rest, SOURCES, Secret, TokenError, pinned};

/// Where tokens rest. None of its calls waits: they come from the path of a request.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// Keeps a token that `source` has just given.
    fn keep(&self, bearer: &Bearer, source: &'static str);

    /// Forgets the token: Azure refused it.
    fn forget(&self);

    /// Looks, behind the caller's back, whether what was kept is still there: somebody else may have taken it.
    fn look(&self);

    /// Where tokens rest now, as far as was looked.
    fn rest(&self) -> Rest;
}

/// Why a token is not worth keeping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has ended.
    #[error("the token is over; is the clock of this machine right?")]
    Over,
    /// It is for another service, which it says itself.
    #[error("the token is for {audience}, not for Azure Resource Manager of the estate's cloud")]
    Audience {
        /// For which.
        audience: Safe,
    },
}

impl Unfit {
    /// Why `bearer` is not worth keeping for Azure Resource Manager of `cloud`, if it is not. One that names
    /// no service is judged by Azure.
    pub fn of(bearer: &Bearer, cloud: Cloud, now: Timestamp) -> Option<Self> {
        match &bearer.audience {
            Some(audience) if !cloud.is_audience(audience.as_str()) => {
                Some(Self::Audience { audience: audience.clone() })
            }
            _ => bearer.expires.is_some_and(|ends| ends <= now).then_some(Self::Over),
        }
    }

    /// What a person does about it.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Over => "its source gives old ones, or the clock is wrong: farshore doctor",
            Self::Audience { .. } => {
                "Azure would refuse it: check cloud in the estate file, and what its source is set up for"
            }
        }
    }
}

/// A token at rest, for one endpoint and tenant.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    endpoint: String,
    tenant: String,
    source: String,
    expires: i64,
    token: String,
}

/// A token taken up again.
#[derive(Debug, Clone)]
pub struct Resting {
    /// The token.
    pub bearer: Bearer,
    /// Who gave it.
    pub source: &'static str,
}

impl Resting {
    /// Under which label tokens for an endpoint and a tenant rest: those of a loopback endpoint and those
    /// of Azure never lie under the same one.
    pub fn label(endpoint: &Endpoint, tenant: &str) -> String {
        format!("{endpoint} {}", tenant.to_ascii_lowercase())
    }

    /// What is to be sealed of a token for `endpoint`; an error where it may not go there, or does not say
    /// when it ends.
    pub fn note(
        bearer: &Bearer,
        endpoint: &Endpoint,
        tenant: &str,
        source: &'static str,
    ) -> Result<Secret, TokenError> {
        let unusable = |why: &str| TokenError::Unusable { why: why.into() };
        let header = bearer.header_for(&Origin::new(endpoint))?;
        let token = header.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| unusable("it holds characters that no header may have"))?;
        let expires = bearer.expires.ok_or_else(|| unusable("it does not say when it ends"))?;
        let note = Note {
            endpoint: endpoint.to_string(),
            tenant: tenant.to_ascii_lowercase(),
            source: source.to_owned(),
            expires: expires.as_second(),
            token: token.to_owned(),
        };
        serde_json::to_string(&note).map(Secret::new).map_err(|_| unusable("it cannot be written"))
    }

    /// Takes a token up again at `now`; `None`: it has ended. The note must be of this endpoint and
    /// tenant, whatever label it lay under.
    pub fn read(
        note: &Secret,
        endpoint: &Endpoint,
        tenant: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, TokenError> {
        let unusable = |why: &str| TokenError::Unusable { why: why.into() };
        let note: Note =
            serde_json::from_str(note.expose()).map_err(|_| unusable("the cache holds something else"))?;
        if note.endpoint != endpoint.to_string() || !note.tenant.eq_ignore_ascii_case(tenant) {
            return Err(unusable("it rests under the name of another endpoint or tenant"));
        }
        let source = SOURCES.into_iter().find(|known| *known == note.source);
        let source = source.ok_or_else(|| unusable("nobody knows who gave it"))?;
        // Who issued it follows from where it may go, not from what somebody wrote down.
        let issuer = if endpoint.is_loopback() { Issuer::Loopback } else { Issuer::Real };
        let expires = Timestamp::from_second(note.expires).ok();
        let bearer = Bearer::new(&Secret::new(note.token), issuer, expires)?;
        bearer.header_for(&Origin::new(endpoint))?;
        let bearer = pinned::of_tenant(bearer, &Safe::new(tenant), source)?;
        // However little is left of it, it is good until then, and a new one is asked for at once.
        Ok(bearer.expires.is_some_and(|ends| ends > now).then_some(Self { bearer, source }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{azure::tokens::jwt::tests::token, domain::time::seconds};

    const TENANT: &str = "11111111-1111-4111-8111-111111111111";
    const OTHER: &str = "22222222-2222-4222-8222-222222222222";
    const NOW: i64 = 1_795_000_000;

    fn jwt(tenant: &str, expires: i64) -> String {
        token(&format!(r#"{{"upn":"op","oid":"o","tid":"{tenant}","exp":{expires}}}"#))
    }

    fn bearer(text: &str, issuer: Issuer) -> Bearer {
        Bearer::new(&Secret::new(text), issuer, Timestamp::from_second(NOW + 3_600).ok()).unwrap()
    }

    #[test]
    fn only_what_is_for_this_resource_manager_and_not_over_is_worth_keeping() {
        let now = Timestamp::from_second(NOW).unwrap();
        let (public, government, china) = (Cloud::Public, Cloud::UsGovernment, Cloud::China);
        for (audience, cloud, fits) in [
            ("https://management.azure.com/", public, true),
            ("https://management.azure.com", public, true),
            ("HTTPS://Management.Azure.com/", public, true),
            ("https://management.core.windows.net/", public, true),
            ("797f4846-ba00-4fd7-ba43-dac1f8f63013", public, true),
            ("797F4846-BA00-4FD7-BA43-DAC1F8F63013", china, true),
            ("https://management.usgovcloudapi.net/", government, true),
            ("https://management.core.usgovcloudapi.net/", government, true),
            ("https://management.chinacloudapi.cn", china, true),
            ("https://management.core.chinacloudapi.cn", china, true),
            // Another cloud's, another service's, and what only looks like it.
            ("https://management.azure.com/", government, false),
            ("https://management.core.chinacloudapi.cn", public, false),
            ("https://graph.microsoft.com", public, false),
            ("00000003-0000-0000-c000-000000000000", public, false),
            ("https://management.azure.com.evil.example", public, false),
            ("https://management.evil.example/", public, false),
            ("https://management.azure.com@evil.example", public, false),
            ("https://management.azure.com:444", public, false),
            ("http://management.azure.com", public, false),
            ("management.azure.com", public, false),
        ] {
            for (left, is_over) in [(1, false), (0, true), (-7_200, true)] {
                let text = token(&format!(r#"{{"aud":"{audience}","exp":{}}}"#, NOW + left));
                let bearer = Bearer::new(&Secret::new(text), Issuer::Real, None).unwrap();
                let expected = match (fits, is_over) {
                    (false, _) => Some(Unfit::Audience { audience: audience.into() }),
                    (true, true) => Some(Unfit::Over),
                    (true, false) => None,
                };
                assert_eq!(Unfit::of(&bearer, cloud, now), expected, "{audience} {left}");
            }
        }
        // Who says nothing of it is not judged by it.
        let silent = bearer(&jwt(TENANT, NOW + 1), Issuer::Real);
        assert_eq!(Unfit::of(&silent, public, now), None);
        assert_eq!(Unfit::of(&silent, public, now + seconds(1)), Some(Unfit::Over));
        assert_eq!(Unfit::of(&bearer("opaque", Issuer::Loopback), public, now), None);
    }

    #[test]
    fn loopback_tokens_and_real_ones_never_cross_in_the_cache_either() {
        let now = Timestamp::from_second(NOW).unwrap();
        let cloud = Endpoint::Cloud(Cloud::Public);
        let here = Endpoint::parse("http://127.0.0.1:4711").unwrap();
        let other = Endpoint::parse("http://127.0.0.1:4712").unwrap();
        let good = jwt(TENANT, NOW + 3_600);
        for (text, issuer, to, back, whose, expected) in [
            (good.as_str(), Issuer::Real, &cloud, &cloud, TENANT, Ok(true)),
            (&good, Issuer::Loopback, &here, &here, TENANT, Ok(true)),
            ("opaque", Issuer::Loopback, &here, &here, TENANT, Ok(true)),
            // They are not written down where they may not go.
            (&good, Issuer::Real, &here, &here, TENANT, Err("loopback endpoint")),
            (&good, Issuer::Loopback, &cloud, &cloud, TENANT, Err("never sent to Azure")),
            ("opaque", Issuer::Real, &cloud, &cloud, TENANT, Err("opaque")),
            // Nor taken up by another origin or tenant.
            (&good, Issuer::Loopback, &here, &other, TENANT, Err("another endpoint")),
            (&good, Issuer::Loopback, &here, &cloud, TENANT, Err("another endpoint")),
            (&good, Issuer::Real, &cloud, &here, TENANT, Err("another endpoint")),
            (&good, Issuer::Real, &cloud, &cloud, OTHER, Err("another endpoint or tenant")),
            (&jwt(OTHER, NOW + 3_600), Issuer::Real, &cloud, &cloud, TENANT, Err("tenant 2222")),
            // As long as it lives, and not when it has ended.
            (&jwt(TENANT, NOW + 50), Issuer::Real, &cloud, &cloud, TENANT, Ok(true)),
            (&jwt(TENANT, NOW + 1), Issuer::Real, &cloud, &cloud, TENANT, Ok(true)),
            (&jwt(TENANT, NOW), Issuer::Real, &cloud, &cloud, TENANT, Ok(false)),
            (&jwt(TENANT, NOW - 50), Issuer::Real, &cloud, &cloud, TENANT, Ok(false)),
        ] {
            let note = Resting::note(&bearer(text, issuer), to, TENANT, "az login");
            let read = note.and_then(|note| Resting::read(&note, back, whose, now));
            match (&read, expected) {
                (Ok(found), Ok(valid)) => assert_eq!(found.is_some(), valid, "{text} {to} {back}"),
                (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
                _ => panic!("{text} {to} {back}: {read:?}"),
            }
        }
        assert_ne!(Resting::label(&cloud, TENANT), Resting::label(&here, TENANT));
        assert_ne!(Resting::label(&other, TENANT), Resting::label(&here, TENANT));
        for foreign in ["", "null", "{}", "CANARY", r#"{"endpoint":1}"#] {
            let read = Resting::read(&Secret::new(foreign), &cloud, TENANT, now);
            assert!(read.is_err_and(|error| !error.to_string().contains("CANARY")), "{foreign}");
        }
    }
}
