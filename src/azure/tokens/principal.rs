//! Tokens of a service principal that the environment names: with a secret, or with a federated token
//! (workload identity).

use std::{fmt, path::PathBuf, sync::Arc};

use azure_core::{
    cloud::CloudConfiguration,
    credentials::TokenCredential,
    http::{ClientMethodOptions, ClientOptions, Method, Transport},
};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions,
};
use futures_util::future::BoxFuture;

use crate::{
    domain::{Safe, advice, estate::Cloud},
    wire::Wire,
};

use super::{
    Bearer, Issuer, Secret, TokenError, TokenSource, TokenStatus, moment, of_library,
    over::{Heard, OverWire},
};

/// Its name where it has a secret.
pub(super) const SECRET: &str = advice::SECRET;

/// Its name where another issuer vouches for it.
pub(super) const FEDERATED: &str = advice::FEDERATED;

/// The token of another issuer that vouches for a workload. The library would read its file on the path of
/// the loop, however long that takes.
pub trait Assertion: fmt::Debug + Send + Sync {
    /// The token, or why there is none.
    fn text(&self) -> BoxFuture<'_, Result<Secret, Safe>>;
}

/// What proves who it is.
enum Proof {
    Secret(Secret),
    Federated(Arc<dyn Assertion>),
}

/// An assertion that was read before.
#[derive(Debug)]
struct Given(Secret);

#[async_trait::async_trait]
impl ClientAssertion for Given {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose().to_owned())
    }
}

/// A service principal. Every call asks Entra ID; wrap it in [`super::Cached`].
pub struct Principal {
    wire: Arc<dyn Wire>,
    cloud: Cloud,
    tenant: String,
    client: String,
    scope: String,
    proof: Proof,
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Principal {
    /// The principal that the environment names, read through `lookup`: `AZURE_CLIENT_ID` with
    /// `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE`, and `AZURE_TENANT_ID`, which has to be the
    /// estate's where it is set. `from_file` reads that file; `wire` goes to the internet; where tokens are
    /// asked for is ours to say, whatever `AZURE_AUTHORITY_HOST` says.
    pub fn from_env(
        lookup: impl Fn(&str) -> Option<String>,
        from_file: impl FnOnce(PathBuf) -> Arc<dyn Assertion>,
        wire: Arc<dyn Wire>,
        cloud: Cloud,
        tenant: &str,
    ) -> Result<Self, TokenError> {
        let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let proof =
            given("AZURE_CLIENT_SECRET").map(|secret| Proof::Secret(Secret::new(secret))).or_else(|| {
                given("AZURE_FEDERATED_TOKEN_FILE").map(|path| Proof::Federated(from_file(path.into())))
            });
        let refused = |why: &str| TokenError::Refused { source_name: SECRET, why: why.into() };
        let proof = proof.ok_or_else(|| TokenError::Missing {
            source_name: SECRET,
            why: "neither AZURE_CLIENT_SECRET nor AZURE_FEDERATED_TOKEN_FILE is set".into(),
        })?;
        let client = given("AZURE_CLIENT_ID").ok_or_else(|| refused("AZURE_CLIENT_ID is not set"))?;
        if given("AZURE_TENANT_ID").is_some_and(|named| !named.eq_ignore_ascii_case(tenant)) {
            return Err(refused("AZURE_TENANT_ID names another tenant than the estate file"));
        }
        let scope = cloud.token_scope().to_owned();
        Ok(Self { wire, cloud, tenant: tenant.to_owned(), client, scope, proof })
    }

    fn name(&self) -> &'static str {
        match self.proof {
            Proof::Secret(_) => SECRET,
            Proof::Federated(_) => FEDERATED,
        }
    }

    /// A credential of its own for every request: those of the library keep tokens, which is for
    /// [`super::Cached`] to do.
    async fn credential(&self) -> Result<(Arc<dyn TokenCredential>, Arc<Heard>), TokenError> {
        let name = self.name();
        let address = format!("{}/{}/oauth2/v2.0/token", self.cloud.login_origin(), self.tenant);
        let (transport, heard) =
            OverWire::new(self.wire.clone(), Method::Post, move |url| url.as_str() == address);
        let cloud = match self.cloud {
            Cloud::Public => CloudConfiguration::AzurePublic,
            Cloud::UsGovernment => CloudConfiguration::AzureGovernment,
            Cloud::China => CloudConfiguration::AzureChina,
        };
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(transport))),
            cloud: Some(Arc::new(cloud)),
            ..Default::default()
        };
        let (tenant, client) = (self.tenant.clone(), self.client.clone());
        let made: azure_core::Result<Arc<dyn TokenCredential>> = match &self.proof {
            Proof::Secret(secret) => {
                let options = ClientSecretCredentialOptions { client_options };
                let secret = secret.expose().to_owned().into();
                ClientSecretCredential::new(&tenant, client, secret, Some(options)).map(|made| made as _)
            }
            Proof::Federated(file) => {
                let refused = |why| TokenError::Refused { source_name: name, why };
                let given = Given(file.text().await.map_err(refused)?);
                let options = ClientAssertionCredentialOptions { client_options };
                ClientAssertionCredential::new(tenant, client, given, Some(options)).map(|made| made as _)
            }
        };
        let credential = made.map_err(|error| of_library(name, &error))?;
        Ok((credential, heard))
    }
}

impl TokenSource for Principal {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(async move {
            let name = self.name();
            let (credential, heard) = self.credential().await?;
            let token = heard.ask(name, credential.as_ref(), &self.scope).await?;
            let secret = Secret::new(token.token.secret());
            Bearer::new(&secret, Issuer::Real, moment(token.expires_on.unix_timestamp()))
        })
    }

    fn describe(&self) -> TokenStatus {
        TokenStatus::unasked(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;
    use crate::{
        azure::tokens::jwt::tests::token,
        wire::{Reply, Request, Response},
    };

    const TENANT: &str = "11111111-1111-4111-8111-111111111111";

    /// Answers like Entra ID, and keeps what it was asked.
    #[derive(Debug)]
    struct Entra(Mutex<Vec<(String, String)>>, u16, String);

    impl Wire for Entra {
        fn call(&self, request: Request) -> Reply<'_> {
            let asked = (request.uri().to_string(), String::from_utf8(request.body().to_vec()).unwrap());
            self.0.lock().unwrap().push(asked);
            let answer = http::Response::builder().status(self.1).body(Bytes::from(self.2.clone())).unwrap();
            Box::pin(std::future::ready(Ok::<Response, _>(answer)))
        }
    }

    fn entra(status: u16, body: &str) -> Arc<Entra> {
        Arc::new(Entra(Mutex::default(), status, body.to_owned()))
    }

    fn good() -> Arc<Entra> {
        entra(
            200,
            &format!(
                r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{}"}}"#,
                token(r#"{"appid":"a","oid":"o"}"#)
            ),
        )
    }

    fn named(all: &[(&str, &str)], wire: &Arc<Entra>, cloud: Cloud) -> Result<Principal, TokenError> {
        let lookup = |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let from_file = |path: PathBuf| Arc::new(Named(path)) as Arc<dyn Assertion>;
        Principal::from_env(lookup, from_file, wire.clone(), cloud, TENANT)
    }

    /// An assertion that says of which file it is.
    #[derive(Debug)]
    struct Named(PathBuf);

    impl Assertion for Named {
        fn text(&self) -> BoxFuture<'_, Result<Secret, Safe>> {
            let text = match self.0.to_str() {
                Some("/none") => Err("there is none".into()),
                path => Ok(Secret::new(format!("CANARY-of{}", path.unwrap().replace('/', "-")))),
            };
            Box::pin(std::future::ready(text))
        }
    }

    #[tokio::test]
    async fn a_secret_and_a_federated_token_go_to_the_clouds_own_entra_and_nowhere_else() {
        for (cloud, proof, name, field) in [
            (Cloud::Public, ("AZURE_CLIENT_SECRET", "CANARY-secret"), SECRET, "client_secret=CANARY-secret"),
            (
                Cloud::China,
                ("AZURE_FEDERATED_TOKEN_FILE", "/federated"),
                FEDERATED,
                "client_assertion=CANARY-of-federated",
            ),
        ] {
            let wire = good();
            let env = [
                ("AZURE_CLIENT_ID", "app-id"),
                ("AZURE_TENANT_ID", TENANT),
                // Whoever sets this must not see the secret.
                ("AZURE_AUTHORITY_HOST", "https://evil.example/"),
                proof,
            ];
            let principal = named(&env, &wire, cloud).unwrap();
            assert_eq!(principal.describe().source, name);
            let bearer = principal.bearer().await.expect("a token");
            assert_eq!((bearer.issued_by(), bearer.identity.to_string()), (Issuer::Real, "a".to_owned()));
            let asked = wire.0.lock().unwrap().clone();
            assert_eq!(asked.len(), 1, "{asked:?}");
            assert_eq!(asked[0].0, format!("{}/{TENANT}/oauth2/v2.0/token", cloud.login_origin()));
            assert!(asked[0].1.contains(field) && asked[0].1.contains("client_id=app-id"), "{asked:?}");
            assert!(!format!("{principal:?}").contains("CANARY"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_or_refused_is_told_without_the_secret() {
        let secret = ("AZURE_CLIENT_SECRET", "CANARY-secret");
        let client = ("AZURE_CLIENT_ID", "app-id");
        for (env, expected) in [
            (vec![], "neither AZURE_CLIENT_SECRET nor AZURE_FEDERATED_TOKEN_FILE is set"),
            (vec![("AZURE_CLIENT_SECRET", "")], "neither"),
            (vec![secret], "AZURE_CLIENT_ID is not set"),
            (
                vec![secret, client, ("AZURE_TENANT_ID", "22222222-2222-4222-8222-222222222222")],
                "another tenant",
            ),
        ] {
            let error = named(&env, &good(), Cloud::Public).expect_err(expected).to_string();
            assert!(error.contains(expected) && !error.contains("CANARY"), "{error}");
        }
        let echo =
            "client_secret=CANARY-secret&client_assertion=CANARY-federated&x=eyJ0eXAiOiJKV1QifQ.CANARY";
        let described =
            format!(r#"{{"error":"invalid_client","error_description":"AADSTS7000215: \u001b[2J{echo}"}}"#);
        let elsewhere =
            format!(r#"{{"error":"{echo}","code":"{echo}","message":"{echo}","access_token":"{echo}"}}"#);
        let odd = format!(r#"{{"token_type":"Bearer","expires_in":"{echo}","access_token":"x"}}"#);
        for (status, body, expected) in [
            (401, described.as_str(), "401 invalid_client AADSTS7000215: the client secret is wrong"),
            (401, echo, "401 Unauthorized"),
            (403, echo, "403 Forbidden"),
            (400, &elsewhere, "400 Bad Request"),
            (404, &elsewhere, "404 Not Found"),
            (200, "<html>CANARY-secret</html>", "the answer holds no token that can be read"),
            (200, &odd, "the answer holds no token that can be read"),
            (302, "", "302 Found: it points elsewhere, which is not followed"),
            // These are asked again until the time is over.
            (500, echo, "500 Internal Server Error"),
            (429, &elsewhere, "429 Too Many Requests"),
        ] {
            let wire = entra(status, body);
            let principal = named(&[secret, client], &wire, Cloud::Public).unwrap();
            let error = principal.bearer().await.expect_err(body);
            assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
            assert_eq!(error.to_string(), format!("no token from service principal: {expected}"));
            let asked = wire.0.lock().unwrap();
            assert!(
                asked.iter().all(|(url, _)| url.starts_with("https://login.microsoftonline.com/")),
                "{asked:?}"
            );
        }
    }
}
