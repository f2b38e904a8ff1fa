//! Tokens of a managed identity: of the machine (IMDS) or of the app (App Service protocol).

use std::{net::Ipv4Addr, sync::Arc};

use azure_core::http::{ClientOptions, Method, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use futures_util::future::BoxFuture;
use url::{Host, Url};

use crate::{azure::Endpoint, domain::advice, wire::Wire};

use super::{
    Bearer, Issuer, Secret, TokenError, TokenSource, TokenStatus, moment, of_library,
    over::{Heard, OverWire},
};

pub(super) const NAME: &str = advice::MANAGED;

/// Where the machine's own metadata service answers.
const IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Which identity endpoint this process is told to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityEndpoint {
    /// The machine's metadata service, at its link-local address.
    Machine,
    /// An endpoint of the App Service protocol at a link-local address.
    LinkLocal,
    /// An endpoint of the App Service protocol on this machine.
    Loopback,
}

impl IdentityEndpoint {
    /// Reads `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` through `lookup`. Anything that is
    /// neither on this machine nor link-local is refused: it would see the tokens go by.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, TokenError> {
        let refused = |why: &str| TokenError::Refused { source_name: NAME, why: why.into() };
        let Some(endpoint) = lookup("IDENTITY_ENDPOINT") else { return Ok(Self::Machine) };
        if lookup("IDENTITY_HEADER").is_none() {
            return Err(refused("IDENTITY_ENDPOINT is set without IDENTITY_HEADER"));
        }
        let url = Url::parse(&endpoint).map_err(|_| refused("IDENTITY_ENDPOINT is no address"))?;
        Self::of(&url)
            .ok_or_else(|| refused("IDENTITY_ENDPOINT is neither a loopback nor a link-local http address"))
    }

    fn of(url: &Url) -> Option<Self> {
        let origin = url.as_str().split_inclusive('/').take(3).collect::<String>();
        match url.host()? {
            _ if url.scheme() != "http" || !url.username().is_empty() || url.password().is_some() => None,
            _ if Endpoint::parse(&origin).is_ok_and(|endpoint| endpoint.is_loopback()) => {
                Some(Self::Loopback)
            }
            Host::Ipv4(IMDS) => Some(Self::Machine),
            Host::Ipv4(address) if address.is_link_local() => Some(Self::LinkLocal),
            _ => None,
        }
    }

    /// Who issues its tokens.
    pub fn issuer(self) -> Issuer {
        match self {
            Self::Machine | Self::LinkLocal => Issuer::Real,
            Self::Loopback => Issuer::Loopback,
        }
    }
}

/// A managed identity. Every call asks its endpoint; wrap it in [`super::Cached`].
#[derive(Debug)]
pub struct ManagedIdentity {
    wire: Arc<dyn Wire>,
    endpoint: IdentityEndpoint,
    scope: String,
    client_id: Option<String>,
}

impl ManagedIdentity {
    /// Tokens for one scope. `wire` must not use a proxy; `client_id` names a user-assigned
    /// identity. The endpoint's address is read from the environment again when asked.
    pub fn new(
        wire: Arc<dyn Wire>,
        endpoint: IdentityEndpoint,
        scope: &str,
        client_id: Option<String>,
    ) -> Self {
        Self { wire, endpoint, scope: scope.to_owned(), client_id }
    }

    /// A credential of its own for every request: the one of the library keeps tokens until
    /// 5 min before their end, too late for us.
    fn credential(&self) -> azure_core::Result<(Arc<ManagedIdentityCredential>, Arc<Heard>)> {
        let endpoint = self.endpoint;
        let (transport, heard) = OverWire::new(self.wire.clone(), Method::Get, move |url| {
            IdentityEndpoint::of(url) == Some(endpoint)
        });
        let client_options =
            ClientOptions { transport: Some(Transport::new(Arc::new(transport))), ..Default::default() };
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: self.client_id.clone().map(UserAssignedId::ClientId),
            client_options,
        };
        Ok((ManagedIdentityCredential::new(Some(options))?, heard))
    }
}

impl TokenSource for ManagedIdentity {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(async move {
            let (credential, heard) = self.credential().map_err(|error| of_library(NAME, &error))?;
            let asked = heard.ask(NAME, credential.as_ref(), &self.scope).await;
            let token = asked.map_err(|error| match error {
                TokenError::Refused { source_name, why } if !self.is_set_up() && !heard.has_answered() => {
                    TokenError::Missing { source_name, why }
                }
                other => other,
            })?;
            let secret = Secret::new(token.token.secret());
            Bearer::new(&secret, self.endpoint.issuer(), moment(token.expires_on.unix_timestamp()))
        })
    }

    fn describe(&self) -> TokenStatus {
        TokenStatus::unasked(NAME)
    }

    /// The address of the machine's metadata service is the same everywhere, also where there is none.
    fn is_set_up(&self) -> bool {
        self.endpoint != IdentityEndpoint::Machine
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;
    use crate::{
        azure::tokens::jwt::tests::token,
        domain::time::Timestamp,
        wire::{Reply, Response},
    };

    #[test]
    fn only_near_endpoints_are_accepted_and_they_decide_the_issuer() {
        let check = |endpoint: Option<&str>, header: bool, expected: Option<IdentityEndpoint>| {
            let lookup = |name: &str| match name {
                "IDENTITY_ENDPOINT" => endpoint.map(ToOwned::to_owned),
                "IDENTITY_HEADER" => header.then(|| "secret".to_owned()),
                _ => None,
            };
            assert_eq!(IdentityEndpoint::from_env(lookup).ok(), expected, "{endpoint:?}");
        };
        check(None, false, Some(IdentityEndpoint::Machine));
        check(Some("http://127.0.0.1:4711/msi/token"), true, Some(IdentityEndpoint::Loopback));
        check(Some("http://[::1]:4711/msi/token"), true, Some(IdentityEndpoint::Loopback));
        check(Some("http://169.254.129.3:8081/msi/token"), true, Some(IdentityEndpoint::LinkLocal));
        check(Some("http://127.0.0.1:4711/msi/token"), false, None);
        for far in [
            "http://localhost:4711/msi/token",
            "http://192.0.2.7/msi/token",
            "https://127.0.0.1/msi/token",
            "http://127.0.0.1@192.0.2.7/msi/token",
            "http://127.0.0.1.example.com/msi",
            "http://user@169.254.129.3:8081/msi/token",
            "http://user:word@169.254.169.254/msi/token",
            "nonsense",
        ] {
            check(Some(far), true, None);
        }
        assert_eq!(IdentityEndpoint::Loopback.issuer(), Issuer::Loopback);
        assert_eq!(IdentityEndpoint::Machine.issuer(), Issuer::Real);
    }

    /// Answers every request with the same body, and keeps the addresses.
    #[derive(Debug)]
    struct Metadata(Mutex<Vec<String>>, String);

    impl Wire for Metadata {
        fn call(&self, request: crate::wire::Request) -> Reply<'_> {
            let header = request.headers().get("x-identity-header").is_some();
            self.0.lock().unwrap().push(format!("{} {header}", request.uri()));
            Box::pin(std::future::ready(Ok(Response::new(Bytes::from(self.1.clone())))))
        }
    }

    fn metadata() -> Arc<Metadata> {
        let body = format!(
            r#"{{"access_token":"{}","expires_on":"1795000000","resource":"r","token_type":"Bearer"}}"#,
            token(r#"{"oid":"o"}"#)
        );
        Arc::new(Metadata(Mutex::default(), body))
    }

    const SCOPE: &str = "https://management.azure.com/.default";

    #[tokio::test]
    async fn the_machine_is_asked_over_our_wire() {
        if std::env::var_os("IDENTITY_ENDPOINT").is_some() {
            println!("skipped: IDENTITY_ENDPOINT is set here");
            return;
        }
        let wire = metadata();
        let machine = ManagedIdentity::new(wire.clone(), IdentityEndpoint::Machine, SCOPE, None);
        let bearer = machine.bearer().await.expect("a token");
        assert_eq!(bearer.issued_by(), Issuer::Real);
        assert_eq!(bearer.expires.map(Timestamp::as_second), Some(1_795_000_000));
        let asked = wire.0.lock().unwrap().clone();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].starts_with("http://169.254.169.254/metadata/identity/oauth2/token?"), "{asked:?}");
        let other = ManagedIdentity::new(wire.clone(), IdentityEndpoint::Loopback, SCOPE, None);
        assert!(other.bearer().await.is_err(), "the environment changed under us");
        assert_eq!(wire.0.lock().unwrap().len(), 1, "nothing was sent");
    }

    /// The endpoint's address stands in the environment, which is set for a process of its own.
    #[test]
    fn an_endpoint_on_this_machine_is_asked_over_plain_http() {
        let status = std::process::Command::new(std::env::current_exe().expect("this binary"))
            .args(["--ignored", "--exact", "azure::tokens::managed::tests::child_asks_loopback"])
            .env("IDENTITY_ENDPOINT", "http://127.0.0.1:4711/msi/token")
            .env("IDENTITY_HEADER", "header-secret")
            .output()
            .expect("a process");
        let told = String::from_utf8_lossy(&status.stdout);
        assert!(status.status.success() && told.contains("1 passed"), "{told}");
    }

    #[tokio::test]
    #[ignore = "runs in a process of its own, with the endpoint in its environment"]
    async fn child_asks_loopback() {
        let endpoint =
            IdentityEndpoint::from_env(|name| std::env::var(name).ok()).expect("set by the parent");
        let wire = metadata();
        let bearer =
            ManagedIdentity::new(wire.clone(), endpoint, SCOPE, None).bearer().await.expect("a token");
        assert_eq!(bearer.issued_by(), Issuer::Loopback);
        let asked = wire.0.lock().unwrap().clone();
        assert_eq!(
            asked,
            [
                "http://127.0.0.1:4711/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com true"
            ]
        );
    }
}
