//! Where tokens come from, in the order of design §12.

use std::{env, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    azure::{
        Bearer, Endpoint, Issuer, TokenError, TokenSource, TokenStatus,
        tokens::{
            Assertion, AzCli, Cached, Chain, IdentityEndpoint, ManagedIdentity, Pinned, Principal, Start,
            WallClock,
        },
    },
    domain::{Safe, estate::Estate, time::Timestamp},
    vault::Vault,
    wire::{Guard, Live, LiveError, LiveOptions, Reach, Wire},
};

use super::{doctor, federated::TokenFile, https, shelf};

/// One source, or why it has nothing to give.
pub type Candidate = (&'static str, Result<Arc<dyn TokenSource>, TokenError>);

/// Every source that can be of use for an endpoint, each held to the estate's tenant. Of a loopback
/// endpoint only a loopback identity endpoint can: all others issue real tokens, which never go there.
pub fn candidates(estate: &Estate, endpoint: &Endpoint) -> Result<Vec<Candidate>, LiveError> {
    let lookup = |name: &str| env::var(name).ok();
    let scope = estate.cloud.token_scope();
    let managed = IdentityEndpoint::from_env(lookup).and_then(|identity| fits(identity, endpoint));
    let wire: Arc<dyn Wire> = Arc::new(Live::new(LiveOptions::new(Reach::Identity))?);
    let managed = managed.map(|identity| {
        let client = lookup("AZURE_CLIENT_ID");
        Arc::new(ManagedIdentity::new(wire, identity, scope, client)) as Arc<dyn TokenSource>
    });
    let mut all = vec![("managed identity", managed)];
    if !endpoint.is_loopback() {
        let az = AzCli::find(&env::var_os("PATH").unwrap_or_default())
            .and_then(|az| AzCli::new(az, scope, &estate.tenant))
            .map(|az| Arc::new(az) as Arc<dyn TokenSource>);
        all.insert(0, ("az login", az));
        let internet: Arc<dyn Wire> = Arc::new(Guard::new(https::wire()?));
        let token_file = |path| Arc::new(TokenFile::at(path)) as Arc<dyn Assertion>;
        let principal = Principal::from_env(lookup, token_file, internet, estate.cloud, &estate.tenant)
            .and_then(believed)
            .map(|principal| Arc::new(principal) as Arc<dyn TokenSource>);
        all.push(("service principal", principal));
    }
    let pinned = |source| Arc::new(Pinned::new(source, &estate.tenant)) as Arc<dyn TokenSource>;
    Ok(all.into_iter().map(|(name, source)| (name, source.map(pinned))).collect())
}

/// Refuses to ask where nobody can be believed: the library would ask again and again.
fn believed(principal: Principal) -> Result<Principal, TokenError> {
    match doctor::no_authorities() {
        Some(why) => Err(TokenError::Refused { source_name: principal.describe().source, why }),
        None => Ok(principal),
    }
}

/// Refuses an identity endpoint whose tokens could never be sent to `endpoint`.
fn fits(identity: IdentityEndpoint, endpoint: &Endpoint) -> Result<IdentityEndpoint, TokenError> {
    let refused = |why: &str| Err(TokenError::Refused { source_name: "managed identity", why: why.into() });
    match (identity.issuer(), endpoint.is_loopback()) {
        (Issuer::Loopback, true) | (Issuer::Real, false) => Ok(identity),
        (Issuer::Real, true) => refused(
            "a loopback endpoint takes only tokens of a loopback identity endpoint; point IDENTITY_ENDPOINT and \
             IDENTITY_HEADER at one",
        ),
        (Issuer::Loopback, false) => {
            refused("IDENTITY_ENDPOINT is on this machine, and tokens issued here never go to Azure")
        }
    }
}

/// In the place of a source that cannot be asked; it says why.
#[derive(Debug)]
struct Nothing(&'static str, TokenError);

impl TokenSource for Nothing {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(std::future::ready(Err(self.1.clone())))
    }

    fn describe(&self) -> TokenStatus {
        TokenStatus::unasked(self.0)
    }
}

const NO_SOURCE: &str = "any source";

/// Why none of them can be asked.
fn told(refusals: &[Candidate]) -> Safe {
    let why = |name: &str, error: &TokenError| match error {
        TokenError::Refused { why, .. } | TokenError::Missing { why, .. } => format!("{name}: {why}"),
        other => format!("{name}: {other}"),
    };
    let all: Vec<String> = refusals
        .iter()
        .filter_map(|(name, source)| source.as_ref().err().map(|error| why(name, error)))
        .collect();
    Safe::new(&all.join("; "))
}

/// The sources in their order. One that somebody has set up wrongly keeps its place and says why; one that
/// nobody has set up is passed over, unless there is no other: then all tell why.
fn in_order(all: Vec<Candidate>) -> Vec<Arc<dyn TokenSource>> {
    if all.iter().all(|(_, source)| source.is_err()) {
        let why = TokenError::Refused { source_name: NO_SOURCE, why: told(&all) };
        return vec![Arc::new(Nothing(NO_SOURCE, why))];
    }
    all.into_iter()
        .filter_map(|(name, source)| match source {
            Ok(source) => Some(source),
            Err(TokenError::Missing { .. }) => None,
            Err(error) => Some(Arc::new(Nothing(name, error)) as Arc<dyn TokenSource>),
        })
        .collect()
}

/// The tokens of a session: the one that rests in the cache, then what the sources give.
pub fn tokens(estate: &Estate, endpoint: &Endpoint, vault: Vault) -> Result<Arc<dyn TokenSource>, LiveError> {
    let sources = in_order(candidates(estate, endpoint)?);
    let wall: WallClock = Arc::new(Timestamp::now);
    let (keeper, start) = shelf::open(vault, estate, endpoint, wall());
    let chain = match &start {
        Start::With(resting) => Chain::going_on(sources, resting.source),
        Start::Fresh | Start::Lost(_) => Chain::new(sources),
    };
    Ok(Arc::new(Cached::resting(Arc::new(chain), wall, fastrand::u64(..), Arc::new(keeper), start)))
}
