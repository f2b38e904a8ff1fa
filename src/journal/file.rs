//! The journal of a run on disk: `<state>/journal/<estate>/<run>.jsonl`.
//!
//! It gets that name together with its first record. Until then it is `<run>.opening`, so that a
//! process that ends before it has written anything leaves no run behind.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, BufReader, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::OFlags;

use crate::{
    domain::text::sha256_hex,
    engine::{RunEvent, Stamped},
};

use super::{
    Head, Journal, JournalError,
    chain::Chain,
    heads::{self, Heads},
    runs, transcript,
};

/// Permission bits that let somebody else write.
const FOREIGN_WRITE: u32 = 0o022;

/// Torn tails of one run that are kept. More crashes than this in one run have another cause.
const MAX_TORN: u32 = 1_000;

/// Between tries to take a journal, a fifth of a second in all: a program has begun to run by then.
const LOCK_PAUSES: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(30),
    Duration::from_millis(60),
    Duration::from_millis(100),
];

/// A journal being written. It holds an exclusive lock on its file.
#[derive(Debug)]
pub struct FileJournal {
    file: File,
    path: PathBuf,
    /// The name it gets with its first record; `None`: it has it.
    promised: Option<PathBuf>,
    /// Device and inode: the file at `path` must stay this one.
    identity: (u64, u64),
    /// Bytes we know to be in it.
    length: u64,
    chain: Chain,
    heads: Heads,
    condition: Condition,
}

/// Whether it takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Alive,
    Dead,
}

/// A journal opened again.
#[derive(Debug)]
pub struct Reopened {
    /// Ready to go on.
    pub journal: FileJournal,
    /// What it held.
    pub events: Vec<Stamped>,
    /// The event to append first, where a torn last record was set aside.
    pub recovered: Option<RunEvent>,
}

impl FileJournal {
    /// Makes the journal of a new run. The directories are made 0700, the file 0600. The run is
    /// there once its first record is durable, and not before.
    pub fn create(state: &Path, estate: &str, run: &str) -> Result<Self, JournalError> {
        check_id(state, run)?;
        let directory = runs::estate_directory(state, estate);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(access("create", &directory))?;
        check_directories(&directory)?;
        let promised = directory.join(format!("{run}.{}", runs::EXTENSION));
        check_free(&promised).map_err(access("create", &promised))?;
        let path = directory.join(format!("{run}.{}", runs::OPENING));
        let file = options().create_new(true).open(&path).map_err(access("create", &path))?;
        lock(&file, run)?;
        // The names must survive a power cut as well as the bytes.
        for made in [runs::directory(state).as_path(), state] {
            sync_directory(made).map_err(access("sync", made))?;
        }
        Ok(Self { promised: Some(promised), ..Self::on(file, path, Chain::new(run))? })
    }

    /// Opens the journal of an earlier run to go on with it.
    ///
    /// A torn last line is moved to `<run>.torn-<n>` and cut off; append
    /// [`Reopened::recovered`] first then. Everything else that is not as it was written is an
    /// error, and nothing is changed.
    pub fn open(state: &Path, run: &str) -> Result<Reopened, JournalError> {
        let path = runs::find(state, run)?;
        let directory = path.parent().unwrap_or(state).to_owned();
        check_directories(&directory)?;
        let file = options().open(&path).map_err(access("open", &path))?;
        check_file(&path, &file.metadata().map_err(access("open", &path))?)?;
        lock(&file, run)?;
        let (chain, transcript) = transcript::read(&mut BufReader::new(&file), run, &path)?;
        if chain.seq() == 0 {
            return Err(JournalError::Empty { run: run.to_owned() });
        }
        check_heads(&directory, run, chain.seq())?;
        let recovered = if transcript.torn.is_empty() {
            None
        } else {
            Some(set_aside(&file, &path, run, transcript.whole, &transcript.torn)?)
        };
        let journal = Self::on(file, path, chain)?;
        Ok(Reopened { journal, events: transcript.events, recovered })
    }

    /// Where it is: before its first record not yet under its own name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn on(file: File, path: PathBuf, chain: Chain) -> Result<Self, JournalError> {
        let metadata = file.metadata().map_err(access("open", &path))?;
        let directory = path.parent().unwrap_or(Path::new("/"));
        let heads = Heads::open(directory).map_err(access("open", &directory.join(heads::FILE)))?;
        let identity = (metadata.dev(), metadata.ino());
        let length = metadata.len();
        let (promised, condition) = (None, Condition::Alive);
        Ok(Self { file, path, promised, identity, length, chain, heads, condition })
    }

    /// What somebody did to the file since the last append, if anything.
    fn meddled(&self) -> Option<&'static str> {
        let Ok(there) = fs::symlink_metadata(&self.path) else { return Some("was removed") };
        if (there.dev(), there.ino()) != self.identity {
            return Some("was replaced");
        }
        (there.len() != self.length).then_some("was changed by another process")
    }

    /// One write of one buffer, made durable; then the head, where it is to be noted.
    fn write(&mut self, buffer: &[u8], noted: Option<&Head>) -> io::Result<()> {
        self.file.write_all(buffer)?;
        self.file.sync_data()?;
        if let Some(promised) = &self.promised {
            check_free(promised)?;
            fs::rename(&self.path, promised)?;
            sync_directory(promised.parent().unwrap_or(Path::new("/")))?;
            self.path.clone_from(promised);
            self.promised = None;
        }
        noted.map_or(Ok(()), |head| self.heads.append(head))
    }
}

impl Journal for FileJournal {
    fn append(&mut self, events: &[Stamped]) -> Result<u64, JournalError> {
        let (run, seq) = (self.chain.run().to_owned(), self.chain.seq());
        if self.condition == Condition::Dead {
            return Err(JournalError::Dead { run, seq });
        }
        if events.is_empty() {
            return Ok(seq);
        }
        if let Some(why) = self.meddled() {
            self.condition = Condition::Dead;
            return Err(JournalError::Meddled { run, seq, why });
        }
        let mut chain = self.chain.clone();
        let mut buffer = Vec::new();
        for event in events {
            chain.extend(event, &mut buffer);
        }
        let head = chain.head();
        let noted = events.iter().any(|stamped| is_noted(&stamped.event)).then_some(&head);
        if let Err(source) = self.write(&buffer, noted) {
            self.condition = Condition::Dead;
            return Err(JournalError::Append { run, seq, source });
        }
        self.length += buffer.len() as u64;
        self.chain = chain;
        Ok(head.seq)
    }

    fn head(&self) -> Head {
        self.chain.head()
    }
}

/// Events after which the head is noted in `HEADS` (design §11): start, every done, end.
fn is_noted(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Opened(_) | RunEvent::Done { .. } | RunEvent::Closed { .. })
}

/// Append only, never through a symbolic link, private.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
    options.read(true).append(true).mode(0o600).custom_flags(flags);
    options
}

fn check_id(state: &Path, run: &str) -> Result<(), JournalError> {
    if runs::is_run_id(run) {
        return Ok(());
    }
    Err(JournalError::NoRun { run: run.into(), path: runs::directory(state) })
}

/// Nothing may be replaced. Two processes cannot get past this together: the estate is locked.
fn check_free(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// The estate's directory and the one above it must be ours alone.
fn check_directories(directory: &Path) -> Result<(), JournalError> {
    for path in directory.ancestors().take(2) {
        let metadata = fs::symlink_metadata(path).map_err(access("open", path))?;
        if !metadata.is_dir() {
            return Err(JournalError::Unsafe { path: path.to_owned(), why: "is no directory".to_owned() });
        }
        check_owner(path, &metadata)?;
    }
    Ok(())
}

fn check_file(path: &Path, metadata: &Metadata) -> Result<(), JournalError> {
    let unsafe_because = |why: &str| JournalError::Unsafe { path: path.to_owned(), why: why.to_owned() };
    if !metadata.is_file() {
        return Err(unsafe_because("is not a regular file"));
    }
    if metadata.nlink() != 1 {
        return Err(unsafe_because("has a second name (hard link)"));
    }
    check_owner(path, metadata)
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), JournalError> {
    let why = if metadata.uid() != rustix::process::geteuid().as_raw() {
        format!("belongs to another user (uid {})", metadata.uid())
    } else if metadata.mode() & FOREIGN_WRITE != 0 {
        format!("may be written by others (mode {:03o})", metadata.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(JournalError::Unsafe { path: path.to_owned(), why })
}

/// Records that `HEADS` lists must still be there.
fn check_heads(directory: &Path, run: &str, seq: u64) -> Result<(), JournalError> {
    let (known, _) = heads::read(directory).map_err(access("read", &directory.join(heads::FILE)))?;
    match known.iter().filter(|head| head.run == run).map(|head| head.seq).max() {
        Some(known) if known > seq => Err(JournalError::Shorter { run: run.to_owned(), seq, known }),
        _ => Ok(()),
    }
}

/// A program that is just being started holds what its parent had open until it runs itself: a journal that is
/// taken is asked for a few times more before it is called so.
fn lock(file: &File, run: &str) -> Result<(), JournalError> {
    for pause in LOCK_PAUSES {
        match file.try_lock() {
            // A file system without locks still has the estate's lock to rely on.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
        }
    }
    Err(JournalError::Busy { run: run.to_owned() })
}

/// Keeps the torn bytes in a file of their own, then cuts them off.
fn set_aside(file: &File, path: &Path, run: &str, whole: u64, torn: &[u8]) -> Result<RunEvent, JournalError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut last = io::Error::other("too many torn tails are kept already");
    for number in 1..=MAX_TORN {
        let name = format!("{run}.torn-{number}");
        let kept = directory.join(&name);
        match options().create_new(true).open(&kept) {
            Ok(mut copy) => {
                copy.write_all(torn).and_then(|()| copy.sync_all()).map_err(access("write", &kept))?;
                sync_directory(directory).map_err(access("sync", directory))?;
                file.set_len(whole).and_then(|()| file.sync_all()).map_err(access("shorten", path))?;
                let (bytes, sha256) = (torn.len() as u64, sha256_hex(torn));
                return Ok(RunEvent::Recovered { bytes, sha256, kept: name });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                last = error;
                break;
            }
        }
    }
    Err(JournalError::Access { doing: "set aside the torn end of", path: path.to_owned(), source: last })
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn access(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Access { doing, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::journal::sample;

    const RUN: &str = "r-20261120-1003-7k";

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    /// A state directory with one closed journal of `events`.
    fn written(events: &[Stamped]) -> (tempfile::TempDir, PathBuf) {
        let state = tempfile::tempdir().unwrap();
        let mut journal = FileJournal::create(state.path(), "contoso-avd", RUN).unwrap();
        journal.append(events).unwrap();
        let path = journal.path().to_owned();
        (state, path)
    }

    #[test]
    fn a_run_is_private_and_reads_back() {
        let events = sample::run();
        let (state, path) = written(&events[..5]);
        assert_eq!(mode(&path), 0o600);
        for directory in path.ancestors().skip(1).take(2) {
            assert_eq!(mode(directory), 0o700, "{}", directory.display());
        }
        let mut reopened = FileJournal::open(state.path(), RUN).unwrap();
        assert_eq!((reopened.events, reopened.recovered), (events[..5].to_vec(), None));
        assert_eq!(reopened.journal.append(&events[5..]).unwrap(), events.len() as u64);
        assert_eq!(runs::read(&path).unwrap().events, events);
        let (noted, state) = heads::read(path.parent().unwrap()).unwrap();
        assert_eq!(state, heads::State::Good);
        assert_eq!(noted.iter().map(|head| head.seq).collect::<Vec<_>>(), [5, 18]);
        assert_eq!(noted[1], reopened.journal.head());
    }

    #[test]
    fn a_run_is_there_with_its_first_record_and_not_before() {
        let state = tempfile::tempdir().unwrap();
        let mut journal = FileJournal::create(state.path(), "contoso-avd", RUN).unwrap();
        let opening = journal.path().to_owned();
        assert!(opening.ends_with(format!("{RUN}.opening")), "{}", opening.display());
        assert_eq!(runs::list(state.path()).unwrap(), []);
        assert!(matches!(runs::find(state.path(), RUN), Err(JournalError::NoRun { .. })));
        assert!(runs::is_taken(state.path(), "contoso-avd", RUN));
        assert!(!runs::is_taken(state.path(), "contoso-avd", "r-20261120-1003-7m"));
        assert!(FileJournal::create(state.path(), "contoso-avd", RUN).is_err(), "the id is taken");
        journal.append(&[sample::opened(None)]).unwrap();
        assert!(runs::is_taken(state.path(), "contoso-avd", RUN));
        assert!(!opening.exists());
        assert_eq!(journal.path(), runs::find(state.path(), RUN).unwrap());
        assert!(FileJournal::create(state.path(), "contoso-avd", RUN).is_err(), "the id is taken");
        journal.append(&[sample::armed()]).unwrap();
        assert_eq!(runs::read(journal.path()).unwrap().head, journal.head());
    }

    #[test]
    fn a_first_record_replaces_nothing() {
        let state = tempfile::tempdir().unwrap();
        let mut journal = FileJournal::create(state.path(), "contoso-avd", RUN).unwrap();
        let path = journal.path().with_extension(runs::EXTENSION);
        fs::write(&path, "somebody's").unwrap();
        let error = journal.append(&[sample::opened(None)]).unwrap_err();
        assert!(matches!(error, JournalError::Append { seq: 0, .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"somebody's");
    }

    #[test]
    fn the_bytes_are_those_of_a_journal_in_memory() {
        let events = sample::run();
        let (_state, path) = written(&events);
        let mut memory = crate::journal::MemoryJournal::new(RUN);
        memory.append(&events).unwrap();
        assert_eq!(fs::read(path).unwrap(), memory.bytes());
    }

    #[test]
    fn a_torn_end_is_set_aside_whatever_its_length() {
        let events = sample::run();
        let (state, path) = written(&events[..3]);
        let good = fs::read(&path).unwrap();
        let two = good.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
        fs::remove_file(path.parent().unwrap().join(heads::FILE)).unwrap();
        for (index, length) in (two + 1..good.len()).step_by(97).enumerate() {
            fs::write(&path, &good[..length]).unwrap();
            let mut reopened = FileJournal::open(state.path(), RUN).unwrap();
            assert_eq!(reopened.events, events[..2]);
            let Some(RunEvent::Recovered { bytes, sha256, kept }) = reopened.recovered else {
                panic!("cut to {length}: nothing recovered")
            };
            assert_eq!(kept, format!("{RUN}.torn-{}", index + 1));
            let aside = fs::read(path.with_file_name(&kept)).unwrap();
            assert_eq!((aside.len() as u64, sha256_hex(&aside)), (bytes, sha256));
            assert_eq!(aside, good[two..length]);
            assert_eq!(reopened.journal.append(&events[2..3]).unwrap(), 3);
            assert_eq!(fs::read(&path).unwrap(), good);
        }
    }

    #[test]
    fn what_is_not_as_it_was_written_is_refused_and_left() {
        let check = |spoil: fn(&mut Vec<u8>), fits: fn(&JournalError) -> bool| {
            let (state, path) = written(&sample::run()[..3]);
            let mut bytes = fs::read(&path).unwrap();
            spoil(&mut bytes);
            fs::write(&path, &bytes).unwrap();
            let error = FileJournal::open(state.path(), RUN).unwrap_err();
            assert!(fits(&error), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes, "{error}");
        };
        check(|bytes| bytes[9] = b'7', |error| matches!(error, JournalError::Broken { seq: 1, .. }));
        check(
            |bytes| {
                let end = bytes.len();
                bytes[end - 100] ^= 1;
            },
            |error| matches!(error, JournalError::Broken { seq: 3, .. }),
        );
        check(|bytes| bytes[5] = b'2', |error| error.to_string().contains("record 1 has format 2"));
        check(Vec::clear, |error| matches!(error, JournalError::Empty { .. }));
        check(
            |bytes| bytes.truncate(bytes.len() - 30),
            |error| matches!(error, JournalError::Shorter { seq: 2, known: 3, .. }),
        );
    }

    #[test]
    fn somebody_elses_hand_is_noticed_at_the_next_append() {
        let check = |meddle: fn(&Path), expected: &str| {
            let state = tempfile::tempdir().unwrap();
            let mut journal = FileJournal::create(state.path(), "contoso-avd", RUN).unwrap();
            journal.append(&sample::run()[..2]).unwrap();
            meddle(journal.path());
            let said = journal.append(&[sample::armed()]).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
            assert!(matches!(journal.append(&[sample::armed()]), Err(JournalError::Dead { seq: 2, .. })));
        };
        check(|path| fs::remove_file(path).unwrap(), "was removed");
        check(|path| fs::remove_dir_all(path.ancestors().nth(3).unwrap()).unwrap(), "was removed");
        check(
            |path| {
                let bytes = fs::read(path).unwrap();
                fs::remove_file(path).unwrap();
                // Another file takes the freed inode's number unless it is kept busy.
                fs::write(path.with_extension("other"), b"").unwrap();
                fs::write(path, bytes).unwrap();
            },
            "was replaced",
        );
        check(
            |path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"x").unwrap(),
            "was changed by another process",
        );
    }

    /// A journal on a device that takes nothing.
    fn on_device(device: &str, directory: &Path) -> FileJournal {
        let file = OpenOptions::new().append(true).open(device).unwrap();
        let metadata = file.metadata().unwrap();
        FileJournal {
            path: device.into(),
            promised: None,
            identity: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            chain: Chain::new(RUN),
            heads: Heads::open(directory).unwrap(),
            condition: Condition::Alive,
            file,
        }
    }

    #[test]
    fn a_full_disk_or_a_failed_sync_ends_the_journal_at_once() {
        let directory = tempfile::tempdir().unwrap();
        // /dev/full refuses every write; /dev/null takes it and then cannot be synced.
        for (device, kind) in
            [("/dev/full", io::ErrorKind::StorageFull), ("/dev/null", io::ErrorKind::InvalidInput)]
        {
            let mut journal = on_device(device, directory.path());
            match journal.append(&[sample::opened(None)]) {
                Err(JournalError::Append { seq: 0, source, .. }) => assert_eq!(source.kind(), kind),
                other => panic!("{device}: {other:?}"),
            }
            assert_eq!(journal.head().seq, 0);
            assert!(matches!(journal.append(&[sample::armed()]), Err(JournalError::Dead { .. })));
        }
        assert_eq!(heads::read(directory.path()).unwrap().0, []);
    }

    #[test]
    fn a_really_full_disk_leaves_a_journal_that_opens_again() {
        let mount = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=24k,mode=0700", "tmpfs"];
        let mounted = std::process::Command::new("mount").args(options).arg(mount.path()).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            println!("skipped: no right to mount a small file system");
            return;
        }
        let outcome = std::panic::catch_unwind(|| fill(mount.path()));
        let _ = std::process::Command::new("umount").arg("-l").arg(mount.path()).status();
        outcome.unwrap();
    }

    fn fill(state: &Path) {
        let mut journal = FileJournal::create(state, "contoso-avd", RUN).unwrap();
        journal.append(&sample::run()[..1]).unwrap();
        let mut durable = 1;
        let error = loop {
            match journal.append(&[sample::armed()]) {
                Ok(seq) => durable = seq,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, JournalError::Append { seq, .. } if seq == durable), "{error}");
        drop(journal);
        let path = runs::find(state, RUN).unwrap();
        assert!(runs::read(&path).unwrap().events.len() as u64 >= durable);
        assert_eq!(super::super::verify::verify(&path, None).unwrap().exit_code, 2, "a torn end");
    }

    #[test]
    fn one_writer_and_no_foreign_files() {
        let (state, path) = written(&sample::run()[..2]);
        let first = FileJournal::open(state.path(), RUN).unwrap();
        assert!(matches!(FileJournal::open(state.path(), RUN), Err(JournalError::Busy { .. })));
        drop(first);
        let refused = |expected: &str| {
            let said = FileJournal::open(state.path(), RUN).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        refused("may be written by others (mode 620)");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&path, path.with_extension("second")).unwrap();
        refused("has a second name");
        fs::remove_file(path.with_extension("second")).unwrap();
        fs::rename(&path, path.with_extension("moved")).unwrap();
        std::os::unix::fs::symlink(path.with_extension("moved"), &path).unwrap();
        refused("could not open");
        assert!(matches!(
            FileJournal::create(state.path(), "contoso-avd", RUN),
            Err(JournalError::Access { .. })
        ));
        for run in ["../x", "r-", "R-1", "r-1/../2", ""] {
            assert!(matches!(FileJournal::open(state.path(), run), Err(JournalError::NoRun { .. })), "{run}");
            assert!(FileJournal::create(state.path(), "contoso-avd", run).is_err(), "{run}");
        }
    }
}
