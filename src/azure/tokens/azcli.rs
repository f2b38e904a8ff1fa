//! Tokens of the identity that is signed in to the Azure CLI.

use std::{
    ffi::OsStr,
    fmt, io,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
};

use azure_core::{credentials::TokenCredential, error::ErrorKind};
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions, Executor};
use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};

use super::{AZ_LIMIT, Bearer, Issuer, Secret, TokenError, TokenSource, TokenStatus, moment, of_library};

pub(super) const NAME: &str = "az login";

/// Most bytes taken from each of its streams; a token is a few thousand.
const MAX_OUTPUT: u64 = 64 * 1024;

/// What the credential puts before the words of its command.
const SHELL_PREFIX: &str = "cd /bin && az ";

/// The Azure CLI. Every call runs it; wrap it in [`super::Cached`].
pub struct AzCli {
    credential: Arc<AzureCliCredential>,
    scope: String,
}

impl fmt::Debug for AzCli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzCli").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl AzCli {
    /// Tokens of `az`, an absolute path from [`AzCli::find`], for one scope and tenant.
    pub fn new(az: PathBuf, scope: &str, tenant: &str) -> Result<Self, TokenError> {
        let options = AzureCliCredentialOptions {
            tenant_id: Some(tenant.to_owned()),
            executor: Some(Arc::new(Bounded { az })),
            ..Default::default()
        };
        let credential = AzureCliCredential::new(Some(options)).map_err(|error| refused(&error))?;
        Ok(Self { credential, scope: scope.to_owned() })
    }

    /// Finds `az` on a search path (`PATH`). The first one counts; it is refused where others
    /// could have put it there.
    pub fn find(path: &OsStr) -> Result<PathBuf, TokenError> {
        let refused = |why: String| TokenError::Refused { source_name: NAME, why: why.into() };
        let found = std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join("az"))
            .find(|file| file.is_file())
            .ok_or_else(|| refused("az is not installed on this machine".to_owned()))?;
        let real = found.canonicalize().map_err(|error| refused(format!("{}: {error}", found.display())))?;
        for place in [Some(real.as_path()), found.parent(), real.parent()].into_iter().flatten() {
            if open_to_others(place) {
                return Err(refused(format!("{} can be changed by other users", place.display())));
            }
        }
        Ok(found)
    }
}

/// Whether group or world may write there; a place that cannot be looked at counts as open.
#[cfg(unix)]
fn open_to_others(place: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    place.metadata().map_or(true, |metadata| metadata.mode() & 0o022 != 0)
}

/// Other systems have other rights; their installers write where users cannot.
#[cfg(not(unix))]
fn open_to_others(_: &Path) -> bool {
    false
}

/// What `az` said, or what is wrong with what it gave.
fn refused(error: &azure_core::Error) -> TokenError {
    let inner = error.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind);
    if matches!(inner, Some(ErrorKind::DataConversion)) {
        // What cannot be read may be a token all the same.
        return nothing("what it printed is no token; az 2.54 or newer is needed");
    }
    match of_library(NAME, error) {
        TokenError::Refused { why, .. } if why.as_str().is_empty() => nothing("it failed and said nothing"),
        told => told,
    }
}

fn nothing(why: &str) -> TokenError {
    TokenError::Refused { source_name: NAME, why: why.into() }
}

impl TokenSource for AzCli {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(async move {
            let token =
                self.credential.get_token(&[&self.scope], None).await.map_err(|error| refused(&error))?;
            let secret = Secret::new(token.token.secret());
            Bearer::new(&secret, Issuer::Real, moment(token.expires_on.unix_timestamp()))
        })
    }

    fn describe(&self) -> TokenStatus {
        TokenStatus::unasked(NAME)
    }
}

/// Runs `az` itself instead of a shell that looks for it: within a deadline, killed when
/// nobody waits any more, its output capped.
#[derive(Debug)]
struct Bounded {
    az: PathBuf,
}

#[async_trait::async_trait]
impl Executor for Bounded {
    async fn run(&self, _: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let unexpected = || io::Error::other("the credential asked for another command than az");
        let words = arguments.last().and_then(|last| last.to_str()).ok_or_else(unexpected)?;
        let words = words.strip_prefix(SHELL_PREFIX).ok_or_else(unexpected)?;
        // Scope and tenant were checked to be plain words, so nothing in there is quoted. Secrets that are
        // for us are none of its business.
        let mut child = Command::new(&self.az)
            .args(words.split_ascii_whitespace())
            .env_remove("AZURE_CLIENT_SECRET")
            .env_remove("FARSHORE_PASSPHRASE_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (stdout, stderr, status) =
                futures_util::future::join3(capped(stdout), capped(stderr), child.wait()).await;
            Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
        };
        timeout(AZ_LIMIT, work).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer from az in {} s", AZ_LIMIT.as_secs()))
        })?
    }
}

/// Reads a stream up to the cap and throws the rest away, so that the child never blocks.
async fn capped(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(MAX_OUTPUT).read_to_end(&mut kept).await?;
        let mut rest = [0_u8; 4_096];
        while stream.read(&mut rest).await? > 0 {}
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{azure::tokens::jwt::tests::token, domain::time::Timestamp};

    const TENANT: &str = "11111111-1111-4111-8111-111111111111";
    const SCOPE: &str = "https://management.azure.com/.default";

    fn fake(script: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let az = folder.path().join("az");
        std::fs::write(&az, format!("#!/bin/sh\n{script}\n")).expect("a file");
        for (place, mode) in [(folder.path(), 0o755), (az.as_path(), 0o755)] {
            std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).expect("our own file");
        }
        (folder, az)
    }

    async fn ask(script: &str) -> Result<Bearer, TokenError> {
        let (_folder, az) = fake(script);
        AzCli::new(az, SCOPE, TENANT)?.bearer().await
    }

    #[tokio::test]
    async fn a_token_is_read_and_words_of_failure_are_made_safe() {
        let token = token(r#"{"upn":"op@contoso.example","oid":"o"}"#);
        let json = format!(r#"{{"accessToken":"{token}","expires_on":1795000000,"tokenType":"Bearer"}}"#);
        let wants = format!("account get-access-token -o json --scope {SCOPE} --tenant {TENANT}");
        let bearer = ask(&format!("[ \"$*\" = '{wants}' ] && echo '{json}'")).await.expect("a token");
        assert_eq!(bearer.issued_by(), Issuer::Real);
        assert_eq!(bearer.expires.map(Timestamp::as_second), Some(1_795_000_000));
        assert_eq!(bearer.identity.to_string(), "op@contoso.example");
        for (script, words) in [
            ("printf '\\033[31mPlease run az login\\n' >&2; exit 1", "<U+001B>[31mPlease run az login"),
            ("echo '<html>'", "what it printed is no token; az 2.54 or newer is needed"),
            // Whatever it says, tokens stay unseen.
            ("echo 'eyJ0eXAiOiJKV1QifQ.CANARY' >&2; exit 1", "no token from az login: [hidden]"),
            ("echo 'Authorization: Bearer CANARY' >&2; exit 1", "Bearer [hidden]"),
            ("echo '{\"accessToken\":\"x\",\"tokenType\":\"B\",\"expires_on\":\"CANARY\"}'", "is no token"),
            ("exit 1", "it failed and said nothing"),
            ("head -c 1000000 /dev/zero | tr '\\0' x; echo gone >&2; exit 3", "gone"),
        ] {
            let error = ask(script).await.expect_err(script).to_string();
            assert!(error.contains(words) && error.len() < 800, "{script}: {error}");
            assert!(!error.contains("CANARY"), "{script}: {error}");
        }
    }

    #[test]
    fn az_is_taken_only_from_where_others_cannot_write() {
        let (folder, az) = fake("");
        let path = |text: &str| AzCli::find(OsStr::new(text));
        let own = folder.path().to_str().expect("plain characters");
        // The folder of a test lies where everybody may write; only what lies directly above counts.
        assert_eq!(path(own).ok(), Some(az.clone()));
        assert_eq!(path(&format!(".:bin::{own}")).ok(), Some(az.clone()), "relative places are passed over");
        assert!(path("").is_err());
        for mode in [0o775, 0o757, 0o777] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("ours");
            assert!(path(own).is_err(), "folder {mode:o}");
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("ours");
        std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o777)).expect("ours");
        assert!(path(own).is_err(), "file");
    }
}
