//! Tokens of the identity that is signed in to the Azure CLI.

use std::{
    ffi::OsStr,
    fmt, io,
    path::{Path, PathBuf},
    pin::pin,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use azure_core::{credentials::TokenCredential, error::ErrorKind};
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions, Executor};
use futures_util::future::{BoxFuture, Either, join, select};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStdin, Command},
    time::timeout,
};

use crate::domain::advice;

use super::{AZ_LIMIT, Bearer, Issuer, Secret, TokenError, TokenSource, TokenStatus, moment, of_library};

pub(super) const NAME: &str = advice::AZ;

/// Most bytes taken from each of its streams; a token is a few thousand.
const MAX_OUTPUT: usize = 64 * 1024;

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
            .ok_or_else(|| TokenError::Missing {
                source_name: NAME,
                why: "az is not installed on this machine".into(),
            })?;
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

/// Runs `az` itself instead of a shell that looks for it: within a deadline, its output capped, and
/// nothing that it started outlives the call or this process.
#[derive(Debug)]
struct Bounded {
    az: PathBuf,
}

/// Starts `az` as the first of a process group with a guard beside it. The guard waits for the end of its
/// input, which this process holds open: however this process ends, by a signal or by a crash, the guard
/// then ends the group. While it lives nobody else can get the number of the group.
const GUARDED: &str = "exec 3<&0 </dev/null; (read -r end <&3; kill -KILL 0) >/dev/null 2>&1 & \
                       exec 3<&-; \"$@\"";

/// How long output is waited for once `az` has ended: a child of it may hold the pipe.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// A process group that ends with this value.
struct Group {
    pid: Option<Pid>,
    /// What the guard listens to.
    _held: Option<ChildStdin>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // It may have ended by itself.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

#[async_trait::async_trait]
impl Executor for Bounded {
    async fn run(&self, _: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let unexpected = || io::Error::other("the credential asked for another command than az");
        let words = arguments.last().and_then(|last| last.to_str()).ok_or_else(unexpected)?;
        let words = words.strip_prefix(SHELL_PREFIX).ok_or_else(unexpected)?;
        // Scope and tenant were checked to be plain words, so nothing in there is quoted. Secrets that are
        // for us are none of its business.
        let mut child = Command::new("/bin/sh")
            .args(["-c", GUARDED, "az"])
            .arg(&self.az)
            .args(words.split_ascii_whitespace())
            .env_remove("AZURE_CLIENT_SECRET")
            .env_remove("FARSHORE_PASSPHRASE_FILE")
            .env_remove("IDENTITY_HEADER")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let _group = Group { pid, _held: child.stdin.take() };
        let (mut stdout, mut stderr) = (Kept::of(child.stdout.take()), Kept::of(child.stderr.take()));
        let work = async {
            let ended = {
                let reading = join(stdout.read(), stderr.read());
                let mut reading = pin!(reading);
                let waiting = child.wait();
                let mut waiting = pin!(waiting);
                match select(waiting.as_mut(), reading.as_mut()).await {
                    Either::Left((status, reading)) => {
                        let _ = timeout(AFTERWARDS, reading).await;
                        status
                    }
                    Either::Right((_, waiting)) => waiting.await,
                }
            };
            Ok(Output { status: ended?, stdout: stdout.bytes, stderr: stderr.bytes })
        };
        timeout(AZ_LIMIT, work).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer from az in {} s", AZ_LIMIT.as_secs()))
        })?
    }
}

/// What has come of a stream, up to the cap; the rest is thrown away, so that the child never blocks.
struct Kept<S> {
    stream: Option<S>,
    bytes: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Kept<S> {
    fn of(stream: Option<S>) -> Self {
        Self { stream, bytes: Vec::new() }
    }

    /// Reads to the end; what was read until then stays where nobody waits that long.
    async fn read(&mut self) {
        let mut piece = [0_u8; 4_096];
        let Some(stream) = &mut self.stream else { return };
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            let room = MAX_OUTPUT - self.bytes.len();
            self.bytes.extend_from_slice(&piece[..count.min(room)]);
        }
    }
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

    /// Whether a process lives that is no zombie.
    fn lives(pid: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    }

    /// The numbers that a script has written, one a line.
    async fn pids(file: &Path, count: usize) -> Vec<i32> {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let all: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
            if all.len() >= count {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn gone(pids: &[i32], what: &str) {
        for _ in 0..500 {
            if !pids.iter().any(|pid| lives(*pid)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {pids:?} still live");
    }

    /// A fake `az` that starts children, all of which write down who they are.
    fn with_children(then: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pids");
        let note = format!(
            "echo $$ >>'{0}'; sleep 300 & echo $! >>'{0}'; (sleep 300; :) & echo $! >>'{0}'",
            file.display()
        );
        let (own, az) = fake(&format!("{note}; {then}"));
        let kept = folder.path().join("az");
        std::fs::copy(&az, &kept).expect("a copy");
        drop(own);
        (folder, kept, file)
    }

    #[tokio::test]
    async fn nothing_that_az_started_outlives_the_call() {
        let token = token(r#"{"upn":"op@contoso.example","oid":"o"}"#);
        let json = format!(r#"{{"accessToken":"{token}","expires_on":1795000000,"tokenType":"Bearer"}}"#);
        // It ends by itself and leaves children that hold its pipes.
        for (script, expected) in
            [(format!("echo '{json}'"), Ok(())), ("echo gone >&2; exit 3".to_owned(), Err("gone"))]
        {
            let (_folder, az, file) = with_children(&script);
            let before = std::time::Instant::now();
            let got = AzCli::new(az, SCOPE, TENANT).unwrap().bearer().await;
            assert!(before.elapsed() < Duration::from_secs(5), "{script}: {:?}", before.elapsed());
            match (got, expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(words)) => assert!(error.to_string().ends_with(words), "{error}"),
                (got, _) => panic!("{script}: {got:?}"),
            }
            gone(&pids(&file, 3).await, &script).await;
        }
        // Nobody waits for it any more.
        let (_folder, az, file) = with_children("wait");
        let source = AzCli::new(az, SCOPE, TENANT).unwrap();
        let asked = tokio::spawn(async move { source.bearer().await.map(drop) });
        let started = pids(&file, 3).await;
        assert!(started.iter().all(|pid| lives(*pid)));
        asked.abort();
        gone(&started, "dropped").await;
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
