//! Tokens: where they come from, who issued them, and where they may go.

mod azcli;
mod cached;
mod chain;
mod fixed;
pub(in crate::azure) mod jwt;
mod managed;
mod over;
mod pinned;
mod principal;
mod resting;
pub(in crate::azure) mod words;

pub use crate::domain::Secret;
pub use azcli::AzCli;
pub use cached::{Cached, Start, WallClock, longest};
pub use chain::Chain;
pub use fixed::Fixed;
pub use managed::{IdentityEndpoint, ManagedIdentity};
pub use pinned::Pinned;
pub use principal::{Assertion, Principal};
pub use resting::{Resting, Shelf, Unfit};

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::HeaderValue;

use crate::domain::{
    Safe,
    advice::{self, Lack},
    time::Timestamp,
};

use super::origin::Origin;

/// Longest run of `az`: it starts in two or three seconds on a slow machine, and may then have to ask
/// over a slow network.
const AZ_LIMIT: Duration = Duration::from_secs(10);

/// Longest wait for one attempt at a token over the network.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// Longest wait for the source in force, and for one that somebody has set up: what it says itself comes
/// before.
const SOURCE_LIMIT: Duration = Duration::from_secs(11);

/// Longest wait for a source that may not even be there, beside others: away from Azure nothing at all
/// answers for a managed identity, and the word of the others must not wait for that.
const NEXT_LIMIT: Duration = Duration::from_secs(3);

/// Longest wait for a token: three sources, one after the other. A look that ends before leaves the question
/// under way, and the next one takes its answer.
const WHOLE_LIMIT: Duration = Duration::from_secs(26);

const _: () = assert!(AZ_LIMIT.as_secs() < SOURCE_LIMIT.as_secs());
const _: () = assert!(2 * SOURCE_LIMIT.as_secs() + NEXT_LIMIT.as_secs() < WHOLE_LIMIT.as_secs());

/// Longest token, in bytes: Azure takes no headers that are longer.
const LONGEST_TOKEN: usize = 32 * 1024;

/// Names of all sources, as they are shown and as a resting token says who gave it.
pub const SOURCES: [&str; 4] = [azcli::NAME, managed::NAME, principal::SECRET, principal::FEDERATED];

/// Who issued a token: it decides where the token may go (design §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// An identity endpoint on this machine: its tokens stay on this machine.
    Loopback,
    /// Entra ID: its tokens go to the cloud's origin and never to a loopback one.
    Real,
}

/// A bearer token. What it says can only be had for an origin that may see it.
#[derive(Clone)]
pub struct Bearer {
    header: HeaderValue,
    issued_by: Issuer,
    opaque: bool,
    /// For which service it is, where it says so.
    pub audience: Option<Safe>,
    /// When it ends, where that is known.
    pub expires: Option<Timestamp>,
    /// Who it is for.
    pub identity: Identity,
}

/// Who a token is for, read from the token for display only; nothing is verified here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Name and object id as the token says.
    Named {
        /// User principal name or application id.
        name: Safe,
        /// Object id.
        oid: Safe,
        /// Tenant.
        tenant: Safe,
    },
    /// The token is no JWT.
    Opaque,
}

impl Identity {
    /// Whether both are the same object of the same tenant; where a token names no object, its name counts.
    fn is_same(&self, other: &Self) -> bool {
        let same = |one: &Safe, two: &Safe| one.as_str().eq_ignore_ascii_case(two.as_str());
        match (self, other) {
            (Self::Opaque, Self::Opaque) => true,
            (
                Self::Named { name, oid, tenant },
                Self::Named { name: other_name, oid: other_oid, tenant: other_tenant },
            ) => {
                let unnamed = oid.as_str().is_empty();
                same(oid, other_oid) && same(tenant, other_tenant) && (!unnamed || same(name, other_name))
            }
            _ => false,
        }
    }

    /// Name, object and tenant, to tell two of one name apart.
    fn in_full(&self) -> Safe {
        match self {
            Self::Named { name, oid, tenant } => Safe::new(&format!("{name} ({oid} of {tenant})")),
            Self::Opaque => "an opaque token's owner".into(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { name, .. } => name.fmt(f),
            Self::Opaque => f.write_str("opaque"),
        }
    }
}

impl Bearer {
    /// Takes a token from its issuer. `expires` is what the issuer said; the token's own word counts
    /// before it, because that is what Azure goes by.
    pub fn new(token: &Secret, issued_by: Issuer, expires: Option<Timestamp>) -> Result<Self, TokenError> {
        if token.expose().len() > LONGEST_TOKEN {
            return Err(TokenError::Unusable { why: "it is longer than any token".into() });
        }
        let claims = jwt::claims(token.expose());
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| {
            TokenError::Unusable { why: "it holds characters that no header may have".into() }
        })?;
        header.set_sensitive(true);
        let own = claims.as_ref().and_then(|claims| claims.expires);
        Ok(Self {
            header,
            issued_by,
            opaque: claims.is_none(),
            audience: claims.as_ref().and_then(|claims| claims.audience.clone()),
            expires: own.or(expires),
            identity: claims.map_or(Identity::Opaque, |claims| claims.identity),
        })
    }

    /// Whether both are the very same token.
    fn is_same(&self, other: &Self) -> bool {
        self.header == other.header
    }

    /// Who issued it.
    pub fn issued_by(&self) -> Issuer {
        self.issued_by
    }

    /// The header for a request to `origin`, or why the token may not go there.
    pub(super) fn header_for(&self, origin: &Origin) -> Result<HeaderValue, TokenError> {
        match (self.issued_by, origin.is_loopback()) {
            (Issuer::Loopback, true) => Ok(self.header.clone()),
            (Issuer::Real, false) if !self.opaque => Ok(self.header.clone()),
            (Issuer::Real, false) => Err(TokenError::Elsewhere {
                why: "the token is opaque; opaque tokens are used on this machine only",
            }),
            (Issuer::Real, true) => Err(TokenError::Elsewhere {
                why: "a real token is never sent to a loopback endpoint; \
                      point IDENTITY_ENDPOINT and IDENTITY_HEADER at a loopback identity endpoint",
            }),
            (Issuer::Loopback, false) => {
                Err(TokenError::Elsewhere { why: "a token issued on this machine is never sent to Azure" })
            }
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("issued_by", &self.issued_by)
            .field("identity", &self.identity)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why there is no token to send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The source has none to give.
    #[error("no token from {source_name}: {why}")]
    Refused {
        /// Name of the source.
        source_name: &'static str,
        /// What it said, made safe and cut.
        why: Safe,
    },
    /// Nobody has set the source up here.
    #[error("no token from {source_name}: {why}")]
    Missing {
        /// Name of the source.
        source_name: &'static str,
        /// What is not there.
        why: Safe,
    },
    /// The source did not answer in time.
    #[error("no token from {source_name} in {limit_s} s")]
    Slow {
        /// Name of the source.
        source_name: &'static str,
        /// The deadline, in seconds.
        limit_s: u64,
    },
    /// There is a token, but not for this origin.
    #[error("token held back: {why}")]
    Elsewhere {
        /// Why.
        why: &'static str,
    },
    /// It is for somebody else than the first one was.
    #[error(
        "token not used: it is for {is}, this process acts as {was}; sign in as that again, or start anew"
    )]
    Changed {
        /// Whom the first token was for.
        was: Safe,
        /// Whom this one is for.
        is: Safe,
    },
    /// It is for another tenant than the estate file names.
    #[error(
        "token not used: {source_name} signs in to tenant {is}, the estate file names {pinned}; \
         sign in to that one"
    )]
    Tenant {
        /// Name of the source.
        source_name: &'static str,
        /// The token's tenant.
        is: Safe,
        /// The estate's.
        pinned: Safe,
    },
    /// A person has to sign in again.
    #[error("sign in again: {why}")]
    SignIn {
        /// Why.
        why: Safe,
    },
    /// What came is no token.
    #[error("token unusable: {why}")]
    Unusable {
        /// Why.
        why: Safe,
    },
}

/// What is known about the token now, for the first line of the screen and for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenStatus {
    /// Name of the source, such as `az login`.
    pub source: &'static str,
    /// Who the tokens are for; `None`: no token yet.
    pub identity: Option<Identity>,
    /// How long the last token lasts.
    pub life: Life,
    /// Where it rests.
    pub rest: Rest,
    /// Why the last attempt to get one failed.
    pub trouble: Option<TokenError>,
}

impl TokenStatus {
    /// Of a source that nobody has asked yet, or that keeps nothing.
    pub fn unasked(source: &'static str) -> Self {
        Self { source, identity: None, life: Life::None, rest: Rest::default(), trouble: None }
    }
}

/// Where a token rests between processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// Nowhere: it ends with this process.
    Memory {
        /// Why.
        why: Safe,
    },
    /// In the sealed cache.
    Sealed {
        /// Where its key is.
        key_in: Safe,
    },
}

impl Default for Rest {
    fn default() -> Self {
        Self::Memory { why: "nothing is kept here".into() }
    }
}

/// How Azure refused a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// It is not good any more: another one of the same kind may be.
    Refused,
    /// It does not prove enough: only a new sign-in helps.
    Claims,
}

/// How long the last token lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// There is none.
    None,
    /// Its end is not known.
    Unknown,
    /// Until this moment of the real time.
    Until(Timestamp),
}

impl From<Option<Timestamp>> for Life {
    fn from(expires: Option<Timestamp>) -> Self {
        expires.map_or(Self::Unknown, Self::Until)
    }
}

/// Gives tokens for one scope.
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// A token that is valid now.
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>>;

    /// What is known now, without asking anybody.
    fn describe(&self) -> TokenStatus;

    /// The last token was refused with 401: the next one has to be new.
    fn challenged(&self, _: Challenge) {}

    /// Looks whether what it keeps beyond this process is still there. Nobody waits for it.
    fn look(&self) {}

    /// Whether somebody has set it up here, so that its word counts; else it is only tried.
    fn is_set_up(&self) -> bool {
        true
    }
}

impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        (**self).bearer()
    }

    fn describe(&self) -> TokenStatus {
        (**self).describe()
    }

    fn challenged(&self, how: Challenge) {
        (**self).challenged(how);
    }

    fn look(&self) {
        (**self).look();
    }

    fn is_set_up(&self) -> bool {
        (**self).is_set_up()
    }
}

/// Waits for one attempt at a token, and not for long.
async fn within<T>(source_name: &'static str, attempt: impl Future<Output = T>) -> Result<T, TokenError> {
    let late = TokenError::Slow { source_name, limit_s: ATTEMPT_LIMIT.as_secs() };
    tokio::time::timeout(ATTEMPT_LIMIT, attempt).await.map_err(|_| late)
}

/// What a credential of the library says where nobody was asked.
fn of_library(source_name: &'static str, error: &azure_core::Error) -> TokenError {
    TokenError::Refused { source_name, why: words::of_program(&error.to_string()) }
}

/// What a person is told after a claims challenge.
pub(super) fn proof_wanted(source: &str) -> TokenError {
    let next = advice::of(source, Lack::Proof);
    let why = format!("Azure asks for another proof of who you are (claims challenge); {next}");
    TokenError::SignIn { why: Safe::new(&why) }
}

/// A moment from seconds since 1970, if there is one.
fn moment(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{azure::Endpoint, domain::estate::Cloud};

    #[test]
    fn after_a_claims_challenge_only_who_can_sign_in_is_told_to() {
        for (source, az) in SOURCES.into_iter().zip([true, false, false, false]) {
            let told = proof_wanted(source).to_string();
            assert!(told.starts_with("sign in again: Azure asks for another proof"), "{told}");
            assert_eq!(told.ends_with("run az login"), az, "{told}");
            assert_eq!(told.contains("cannot give one: ask who keeps Conditional Access"), !az, "{told}");
        }
    }

    #[test]
    fn tokens_go_where_they_belong_and_nowhere_else() {
        let jwt =
            Secret::new(jwt::tests::token(r#"{"upn":"op@contoso.example","oid":"o","exp":1795000000}"#));
        let opaque = Secret::new("opaque-token");
        let cloud = Origin::new(&Endpoint::Cloud(Cloud::Public));
        let loopback = Origin::new(&Endpoint::in_process());
        for (token, issuer, origin, passes) in [
            (&jwt, Issuer::Real, &cloud, true),
            (&jwt, Issuer::Real, &loopback, false),
            (&jwt, Issuer::Loopback, &cloud, false),
            (&jwt, Issuer::Loopback, &loopback, true),
            (&opaque, Issuer::Real, &cloud, false),
            (&opaque, Issuer::Real, &loopback, false),
            (&opaque, Issuer::Loopback, &cloud, false),
            (&opaque, Issuer::Loopback, &loopback, true),
        ] {
            let bearer = Bearer::new(token, issuer, None).unwrap();
            let header = bearer.header_for(origin);
            assert_eq!(header.is_ok(), passes, "{bearer:?} {origin:?}");
            let shown = format!("{bearer:?}{header:?}");
            assert!(!shown.contains(token.expose()), "{shown}");
        }
        assert!(Bearer::new(&Secret::new("a\nb"), Issuer::Real, None).is_err());
        assert!(Bearer::new(&Secret::new("x".repeat(LONGEST_TOKEN + 1)), Issuer::Loopback, None).is_err());
        assert_eq!(format!("{:?}", Secret::new("x")), "(secret)");
    }
}
