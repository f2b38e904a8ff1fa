//! The file with the token that another issuer gives this workload (`AZURE_FEDERATED_TOKEN_FILE`).

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use rustix::fs::OFlags;
use tokio::{task::spawn_blocking, time::timeout};
use zeroize::Zeroizing;

use crate::{
    azure::tokens::Assertion,
    domain::{Safe, Secret},
};

/// Largest file that is read, in bytes: such a token has a few thousand.
const LARGEST: usize = 64 * 1024;

/// Longest wait for it: it lies in memory or on a disk of this machine.
const LIMIT: Duration = Duration::from_secs(2);

/// Reads a file, for as long as that takes.
type Reader = fn(&Path) -> Result<Secret, Safe>;

/// The file. Whatever stands in its place, nobody waits for it for long: it is read beside the loop.
pub struct TokenFile {
    path: PathBuf,
    read: Reader,
    /// A read goes on: where a disk never answers, one thread waits for it and no more.
    busy: Arc<AtomicBool>,
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").finish_non_exhaustive()
    }
}

impl TokenFile {
    /// The file at `path`, which need not be there yet.
    pub fn at(path: PathBuf) -> Self {
        Self::by(path, read)
    }

    fn by(path: PathBuf, read: Reader) -> Self {
        Self { path, read, busy: Arc::default() }
    }
}

impl Assertion for TokenFile {
    fn text(&self) -> BoxFuture<'_, Result<Secret, Safe>> {
        Box::pin(async move {
            if self.busy.swap(true, Ordering::AcqRel) {
                return Err("AZURE_FEDERATED_TOKEN_FILE still does not answer".into());
            }
            let (path, read, busy) = (self.path.clone(), self.read, Busy(self.busy.clone()));
            let work = spawn_blocking(move || {
                let _busy = busy;
                read(&path)
            });
            match timeout(LIMIT, work).await {
                Ok(Ok(read)) => read,
                Ok(Err(_)) => Err("AZURE_FEDERATED_TOKEN_FILE cannot be read".into()),
                Err(_) => {
                    let limit = LIMIT.as_secs();
                    Err(Safe::new(&format!("AZURE_FEDERATED_TOKEN_FILE does not answer within {limit} s")))
                }
            }
        })
    }
}

/// Says that the read has ended, however it did.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Reads a regular file of a size that a token has. Its name is not told: who sets the variable to the token
/// itself must not see it on screen.
fn read(path: &Path) -> Result<Secret, Safe> {
    let told = |what: &str| Safe::new(&format!("AZURE_FEDERATED_TOKEN_FILE {what}"));
    let unread = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => told("names a file that is not there"),
        _ => told(&format!("cannot be read: {error}")),
    };
    // A pipe that nobody writes to must not hold up the open.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(unread)?;
    if !file.metadata().map_err(unread)?.is_file() {
        return Err(told("is no regular file"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > LARGEST {
        return Err(told("is larger than 64 KiB, too large for a token"));
    }
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Err(told("is empty")),
        Ok(text) => Ok(Secret::new(text)),
        Err(_) => Err(told("holds no text")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicU32,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::{
        azure::{
            Bearer, Issuer, TokenSource,
            tokens::{Cached, Principal, Resting, Start},
        },
        domain::{
            estate::Cloud,
            time::{Timestamp, minutes},
        },
        wire::{Reply, Request, Wire},
    };

    const TENANT: &str = "11111111-1111-4111-8111-111111111111";

    /// Everything that can stand in the place of the file, and what is said of it.
    fn places(folder: &Path) -> Vec<(PathBuf, Result<&'static str, &'static str>)> {
        let at = |name: &str| folder.join(name);
        let fifo = at("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        std::os::unix::fs::symlink(&fifo, at("link-to-fifo")).unwrap();
        for (name, bytes) in
            [("good", b"CANARY-assertion\n".as_slice()), ("empty", b" \n"), ("bytes", b"\xff\xfeCANARY")]
        {
            std::fs::write(at(name), bytes).unwrap();
        }
        std::os::unix::fs::symlink("good", at("link")).unwrap();
        std::fs::File::create(at("huge")).unwrap().set_len(1 << 40).unwrap();
        vec![
            (at("good"), Ok("CANARY-assertion")),
            // Kubernetes lays it down behind links.
            (at("link"), Ok("CANARY-assertion")),
            (fifo, Err("is no regular file")),
            (at("link-to-fifo"), Err("is no regular file")),
            ("/dev/zero".into(), Err("is no regular file")),
            (folder.to_owned(), Err("is no regular file")),
            (at("huge"), Err("is larger than 64 KiB, too large for a token")),
            (at("empty"), Err("is empty")),
            (at("bytes"), Err("holds no text")),
            (at("CANARY"), Err("names a file that is not there")),
        ]
    }

    #[tokio::test]
    async fn only_a_file_that_can_be_a_token_is_read_and_nobody_waits_for_another() {
        let folder = tempfile::tempdir().unwrap();
        for (path, expected) in places(folder.path()) {
            let before = Instant::now();
            let read = TokenFile::at(path.clone()).text().await;
            assert!(before.elapsed() < Duration::from_secs(1), "{path:?}");
            match (&read, expected) {
                (Ok(secret), Ok(text)) => assert_eq!(secret.expose(), text, "{path:?}"),
                (Err(why), Err(what)) => {
                    assert_eq!(why.as_str(), format!("AZURE_FEDERATED_TOKEN_FILE {what}"), "{path:?}");
                }
                _ => panic!("{path:?}: {read:?}"),
            }
        }
    }

    /// A disk that answers late costs one thread, whoever asks how often.
    #[tokio::test]
    async fn one_read_at_a_time() {
        static READS: AtomicU32 = AtomicU32::new(0);
        let file = TokenFile::by(PathBuf::new(), |_| {
            READS.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(LIMIT + Duration::from_secs(1));
            Ok(Secret::new("late"))
        });
        let told = |read: Result<Secret, Safe>| read.expect_err("late").as_str().to_owned();
        assert!(told(file.text().await).ends_with("does not answer within 2 s"));
        for _ in 0..5 {
            assert!(told(file.text().await).ends_with("still does not answer"));
        }
        assert_eq!(READS.load(Ordering::SeqCst), 1);
        while file.busy.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = file.text().await;
        assert_eq!(READS.load(Ordering::SeqCst), 2, "it is asked anew");
    }

    /// Refuses everybody.
    #[derive(Debug)]
    struct Refusing;

    impl Wire for Refusing {
        fn call(&self, _: Request) -> Reply<'_> {
            let answer = http::Response::builder().status(401).body(bytes::Bytes::new()).unwrap();
            Box::pin(std::future::ready(Ok(answer)))
        }
    }

    /// The renewal of a token comes upon the file: the loop goes on, and so does the token.
    #[tokio::test]
    async fn whatever_stands_in_its_place_a_valid_token_is_served_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for (path, expected) in places(folder.path()) {
            let file = path.to_str().unwrap().to_owned();
            let env = |name: &str| match name {
                "AZURE_CLIENT_ID" => Some("app-id".to_owned()),
                "AZURE_FEDERATED_TOKEN_FILE" => Some(file.clone()),
                _ => None,
            };
            let from = |path| Arc::new(TokenFile::at(path)) as Arc<dyn Assertion>;
            let principal =
                Principal::from_env(env, from, Arc::new(Refusing), Cloud::Public, TENANT).unwrap();
            let ends = Timestamp::now() + minutes(5);
            let bearer = Bearer::new(&Secret::new("resting"), Issuer::Real, Some(ends)).unwrap();
            let start = Start::With(Resting { bearer, source: "workload identity" });
            let cached = Cached::beginning(Arc::new(principal), Arc::new(Timestamp::now), 7, start);
            while cached.describe().trouble.is_none() {
                let before = Instant::now();
                cached.bearer().await.expect("it is valid");
                assert!(before.elapsed() < Duration::from_millis(200), "{path:?}: {:?}", before.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let trouble = cached.describe().trouble.unwrap().to_string();
            let what = expected.err().unwrap_or("401 Unauthorized");
            assert!(trouble.contains(what) && !trouble.contains("CANARY"), "{path:?}: {trouble}");
        }
    }
}
