//! One farshore per estate and machine may open a run: the lock.
//!
//! It is made of one file for each thing that is written to, a host pool: two estate files that name the
//! same pool keep each other out, whatever else they say. The lock is the kernel's (`flock`), so it ends
//! with the process however that ends. The text in a file only says who holds it.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::domain::{Safe, text::sha256_hex};

/// Where all users of a machine see the lock.
pub const SYSTEM_DIRECTORY: &str = "/run/lock/farshore";

/// Mode of that directory: everybody may add a lock, nobody may remove another's.
const SHARED: u32 = 0o1777;

/// Longest text read from a lock file, in bytes.
const MAX_TEXT: u64 = 512;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// User of the operating system.
    pub user: String,
    /// Process.
    pub pid: u32,
    /// Run, where one is open.
    pub run: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run.as_deref().unwrap_or("none");
        write!(f, "user {}, pid {}, run {run}", Safe::new(&self.user), self.pid)
    }
}

/// How far a lock reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every user of this machine.
    Machine,
    /// Only who uses the same state directory.
    StateDirectory,
}

/// The lock, held. Dropping it lets go.
#[derive(Debug)]
pub struct EstateLock {
    parts: Vec<Part>,
}

/// The lock of one thing.
#[derive(Debug)]
struct Part {
    file: File,
    path: PathBuf,
    reach: Reach,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error(
        "another farshore works on this estate: {holder}; look on with --read-only, or end that one first"
    )]
    Held {
        /// Who, as the lock's file says.
        holder: Safe,
    },
    /// The lock's file can be had neither for the machine nor in the state directory.
    #[error("could not lock {path}: {source}")]
    Access {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl EstateLock {
    /// Takes the lock of all `keys`, or of none: for the whole machine where [`SYSTEM_DIRECTORY`] can be
    /// written, else in the state directory.
    pub fn take(keys: &BTreeSet<String>, state: &Path, holder: &Holder) -> Result<Self, LockError> {
        Self::take_below(Path::new(SYSTEM_DIRECTORY), keys, state, holder)
    }

    /// Takes the lock in the state directory only: for simulated estates, which are not shared.
    pub fn take_local(keys: &BTreeSet<String>, state: &Path, holder: &Holder) -> Result<Self, LockError> {
        let parts = keys.iter().map(|key| Part::take_local(key, state, holder)).collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    fn take_below(
        system: &Path,
        keys: &BTreeSet<String>,
        state: &Path,
        holder: &Holder,
    ) -> Result<Self, LockError> {
        let part = |key: &String| {
            let path = system.join(file_name(key));
            match open_shared(system, &path) {
                Ok(file) => Part::hold(file, path, Reach::Machine, holder),
                Err(_) => Part::take_local(key, state, holder),
            }
        };
        Ok(Self { parts: keys.iter().map(part).collect::<Result<_, _>>()? })
    }

    /// Says anew who holds it, once a run is open.
    pub fn name(&self, holder: &Holder) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| part.name(holder))
    }

    /// How far it reaches: as far as each of its parts.
    pub fn reach(&self) -> Reach {
        let machine = self.parts.iter().all(|part| part.reach == Reach::Machine);
        if machine { Reach::Machine } else { Reach::StateDirectory }
    }

    /// How far it reaches, in words for whoever works under it.
    pub fn words(&self) -> String {
        let place = self.parts.first().and_then(|part| part.path.parent());
        match (self.reach(), place) {
            (Reach::Machine, Some(place)) => format!("lock {}", place.display()),
            _ => "lock in the state directory only".to_owned(),
        }
    }
}

impl Part {
    fn take_local(key: &str, state: &Path, holder: &Holder) -> Result<Self, LockError> {
        let path = local_path(key, state);
        open_local(&path)
            .map_err(|source| LockError::Access { path: path.clone(), source })
            .and_then(|file| Self::hold(file, path, Reach::StateDirectory, holder))
    }

    fn hold(file: File, path: PathBuf, reach: Reach, holder: &Holder) -> Result<Self, LockError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = text(&file).unwrap_or_else(|_| "it does not say who".into());
                return Err(LockError::Held { holder });
            }
            Err(TryLockError::Error(source)) => return Err(LockError::Access { path, source }),
        }
        let part = Self { file, path, reach };
        // The text is a courtesy; another user's lock file may refuse it and still lock.
        let _ = part.name(holder);
        Ok(part)
    }

    fn name(&self, holder: &Holder) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        io::Seek::rewind(&mut file)?;
        writeln!(file, "{holder}")
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // The file stays: removing it would let a third process lock a new file of the same
        // name while a second one still waits on this one.
        let _ = self.file.set_len(0);
    }
}

/// Who holds the lock of any of `keys`, read without touching the lock; `None`: nobody.
pub fn holder(keys: &BTreeSet<String>, state: &Path) -> Option<Safe> {
    holder_below(Path::new(SYSTEM_DIRECTORY), keys, state)
}

fn holder_below(system: &Path, keys: &BTreeSet<String>, state: &Path) -> Option<Safe> {
    let places = |key: &String| [system.join(file_name(key)), local_path(key, state)];
    keys.iter().flat_map(places).find_map(|path| {
        let file = options().read(true).open(path).and_then(regular).ok()?;
        text(&file).ok().filter(|text| is_alive(text.as_str()))
    })
}

/// Whether the process that a lock's text names still lives. After a kill the text stays.
fn is_alive(text: &str) -> bool {
    let pid = text.split(", ").find_map(|part| part.strip_prefix("pid ")?.parse().ok());
    pid.and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

fn text(file: &File) -> io::Result<Safe> {
    let mut text = Vec::new();
    io::Seek::rewind(&mut &*file)?;
    file.take(MAX_TEXT).read_to_end(&mut text)?;
    Ok(Safe::new(String::from_utf8_lossy(&text).trim()))
}

/// The hash of a key: it becomes a file name.
fn file_name(key: &str) -> String {
    sha256_hex(key.as_bytes())
}

fn local_path(key: &str, state: &Path) -> PathBuf {
    state.join("lock").join(file_name(key))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed());
    options
}

fn open_local(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let file = options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    regular(file)
}

/// Opens the lock in the directory that all users share. Whoever comes first makes both, open
/// to the others whatever the umask says; where another user's file cannot be written it is
/// opened for reading, which is enough to lock it.
fn open_shared(directory: &Path, path: &Path) -> io::Result<File> {
    match DirBuilder::new().mode(SHARED).create(directory) {
        Ok(()) => fs::set_permissions(directory, Permissions::from_mode(SHARED))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    match options().read(true).write(true).create_new(true).mode(0o666).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(0o666))?;
            return Ok(file);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let writable = options().read(true).write(true).open(path);
    regular(writable.or_else(|_| options().read(true).open(path))?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn op(run: &str) -> Holder {
        Holder { user: "op\u{1b}".to_owned(), pid: std::process::id(), run: Some(run.to_owned()) }
    }

    #[test]
    fn the_second_is_told_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let (system, state) = (dir.path().join("run"), dir.path().join("state"));
        let pools = keys(&["hp-we", "hp-ne"]);
        let take = |holder: &Holder| EstateLock::take_below(&system, &pools, &state, holder);
        let first = take(&op("r-1")).unwrap();
        assert_eq!(first.reach(), Reach::Machine);
        assert_eq!(first.words(), format!("lock {}", system.display()));
        let said = take(&op("r-2")).unwrap_err().to_string();
        let text = |run: &str| format!("user op<U+001B>, pid {}, run {run}", std::process::id());
        assert!(said.contains(&text("r-1")), "{said}");
        first.name(&op("r-3")).unwrap();
        assert_eq!(holder_below(&system, &pools, &state).unwrap().as_str(), text("r-3"));
        assert!(holder_below(&system, &keys(&["other"]), &state).is_none());
        drop(first);
        for key in &pools {
            fs::write(system.join(file_name(key)), "user op, pid 999999999, run r-3").unwrap();
        }
        assert!(holder_below(&system, &pools, &state).is_none());
        assert!(take(&op("r-2")).is_ok());
    }

    #[test]
    fn one_thing_in_common_is_enough_and_a_lock_that_is_not_had_whole_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let (system, state) = (dir.path().join("run"), dir.path().join("state"));
        let take = |words: &[&str]| EstateLock::take_below(&system, &keys(words), &state, &op("r-1"));
        let first = take(&["b", "c"]).unwrap();
        assert!(matches!(take(&["a", "b"]), Err(LockError::Held { .. })));
        assert!(holder_below(&system, &keys(&["a", "c"]), &state).is_some());
        let beside = take(&["a", "d"]).unwrap();
        drop((first, beside));
        assert!(take(&["a", "b", "c", "d"]).is_ok());
    }

    #[test]
    fn without_the_machines_directory_the_state_directory_serves() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let system = dir.path().join("no/such/place");
        let odd = keys(&["../x"]);
        let lock = EstateLock::take_below(&system, &odd, &state, &op("r-1")).unwrap();
        assert_eq!(lock.reach(), Reach::StateDirectory);
        assert!(lock.parts[0].path.starts_with(state.join("lock")));
        assert_eq!(lock.words(), "lock in the state directory only");
        assert!(matches!(EstateLock::take_local(&odd, &state, &op("r-2")), Err(LockError::Held { .. })));
        assert!(EstateLock::take_local(&keys(&["y"]), &state, &op("r-2")).is_ok(), "another estate");
        assert!(holder_below(&system, &odd, &state).is_some());
    }

    #[test]
    fn a_link_in_place_of_the_lock_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (system, state) = (dir.path().join("run"), dir.path().join("state"));
        let precious = dir.path().join("precious");
        fs::create_dir(&system).unwrap();
        fs::write(&precious, "text").unwrap();
        std::os::unix::fs::symlink(&precious, system.join(file_name("hp"))).unwrap();
        let lock = EstateLock::take_below(&system, &keys(&["hp"]), &state, &op("r-1")).unwrap();
        assert_eq!(lock.reach(), Reach::StateDirectory);
        assert_eq!(fs::read_to_string(precious).unwrap(), "text");
        // Nor does a pipe in its place serve as a lock, or hang.
        let (pipe, mode) = (system.join(file_name("pipe")), rustix::fs::Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let lock = EstateLock::take_below(&system, &keys(&["pipe"]), &state, &op("r-1")).unwrap();
        assert_eq!(lock.reach(), Reach::StateDirectory);
    }
}
