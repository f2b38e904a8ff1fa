//! The file of the token cache: `<state>/tokens/sealed`, 0600, in a directory of its own, 0700.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{Loss, VaultError};

/// Name of the directory below the state directory.
const DIRECTORY: &str = "tokens";

/// Name of the file.
const FILE: &str = "sealed";

/// Name of the file while it is being written.
const NEXT: &str = "sealed.next";

/// Largest file that is read, in bytes: tokens are a few thousand, and there is one an origin and tenant.
const MAX_BYTES: u64 = 512 * 1024;

/// Permission bits that a file of secrets must not have.
const OTHERS: u32 = 0o077;

/// Permission bits that let somebody else put files into a directory.
const FOREIGN_WRITE: u32 = 0o022;

/// Where the cache lies.
#[derive(Debug, Clone)]
pub(super) struct Place {
    directory: PathBuf,
}

/// Keeps other processes from writing the cache, until dropped.
#[derive(Debug)]
pub(super) struct Turn {
    // Closing it ends the lock.
    _directory: File,
}

/// A link in the place of the cache.
#[derive(Debug)]
pub(super) struct Link {
    /// The file that it leads to; `None`: to none.
    pub(super) to: Option<PathBuf>,
}

impl Place {
    pub(super) fn below(state: &Path) -> Self {
        Self { directory: state.join(DIRECTORY) }
    }

    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// What the file holds; `None`: there is none. What others could have put there is not read.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, Loss> {
        match fs::symlink_metadata(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(&error)),
            Ok(found) if found.is_symlink() => return Err(Loss::Symlink),
            Ok(found) => own(&found, FOREIGN_WRITE)?,
        }
        let path = self.file();
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(&error)),
            Ok(found) if found.is_symlink() => return Err(Loss::Symlink),
            Ok(_) => {}
        }
        Self::read_at(&path)
    }

    /// The link that stands in the place of the directory or of the file.
    pub(super) fn link(&self) -> Option<Link> {
        let linked = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        let file = self.file();
        (linked(&self.directory) || linked(&file)).then(|| Link { to: fs::canonicalize(&file).ok() })
    }

    /// What a file of ours holds that no link leads to.
    pub(super) fn read_at(path: &Path) -> Result<Option<Vec<u8>>, Loss> {
        let file = options().read(true).open(path).map_err(|error| unread(&error))?;
        // Asked of the open file: what was looked at above may have been replaced.
        let found = file.metadata().map_err(|error| unread(&error))?;
        if !found.is_file() {
            return Err(Loss::Damaged);
        }
        own(&found, OTHERS)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
        if bytes.len() as u64 > MAX_BYTES { Err(Loss::Damaged) } else { Ok(Some(bytes)) }
    }

    /// Waits for the turn to write, and makes the directory.
    pub(super) fn turn(&self) -> Result<Turn, VaultError> {
        let failed = |doing| self.failed(doing);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(failed("create"))?;
        let directory = options().read(true).open(&self.directory).map_err(failed("open"))?;
        let found = directory.metadata().map_err(failed("open"))?;
        own(&found, FOREIGN_WRITE)
            .map_err(|loss| VaultError::Refused { path: self.directory.clone(), loss })?;
        directory.lock().map_err(failed("lock"))?;
        Ok(Turn { _directory: directory })
    }

    /// Replaces the file as a whole: a reader finds the one before or this one.
    pub(super) fn write(&self, _turn: &Turn, bytes: &[u8]) -> Result<(), VaultError> {
        let failed = |doing| self.failed(doing);
        let next = self.directory.join(NEXT);
        clear(&next).map_err(failed("remove"))?;
        let mut file =
            options().write(true).create_new(true).mode(0o600).open(&next).map_err(failed("create"))?;
        file.write_all(bytes).map_err(failed("write"))?;
        file.sync_all().map_err(failed("write"))?;
        // A file takes the place of a file or of a link, and never that of a directory.
        if fs::symlink_metadata(self.file()).is_ok_and(|found| found.is_dir()) {
            clear(&self.file()).map_err(failed("remove the directory"))?;
        }
        fs::rename(&next, self.file()).map_err(failed("replace"))?;
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(failed("write"))
    }

    /// Removes the directory if nothing is in it: it was made for a file that was never written.
    pub(super) fn tidy(&self) {
        let _ = fs::remove_dir(&self.directory);
    }

    /// Removes the file, or the link that stands in its place, and looks whether it is gone. `false`:
    /// there was none.
    pub(super) fn remove(&self) -> Result<bool, VaultError> {
        let failed = |doing| self.failed(doing);
        let there = |path: &Path| match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
            Ok(_) => Ok(true),
        };
        let linked = fs::symlink_metadata(&self.directory).is_ok_and(|found| found.is_symlink());
        if linked {
            fs::remove_file(&self.directory).map_err(failed("remove"))?;
            return Ok(true);
        }
        let was = there(&self.file()).map_err(failed("look at"))?;
        for name in [NEXT, FILE] {
            clear(&self.directory.join(name)).map_err(failed("remove"))?;
        }
        // Somebody else's files in it are no reason to fail: ours are gone.
        let _ = fs::remove_dir(&self.directory);
        if there(&self.file()).map_err(failed("look at"))? {
            return Err(VaultError::Stays { path: self.file() });
        }
        Ok(was)
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(io::Error) -> VaultError + use<> {
        let path = self.file();
        move |source| VaultError::Access { doing, path, source }
    }
}

/// Nothing is followed, nothing is waited for, nothing is handed on to children.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed());
    options
}

fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => Ok(()),
        other => other,
    }
}

/// Removes what stands there: a file, a link and never what it leads to, or a directory without anything in
/// it.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir(path),
        _ => absent(fs::remove_file(path)),
    }
}

fn own(found: &fs::Metadata, forbidden: u32) -> Result<(), Loss> {
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Loss::Owner { uid: found.uid() });
    }
    if found.mode() & forbidden != 0 {
        return Err(Loss::Open { mode: found.mode() & 0o777 });
    }
    Ok(())
}

fn unread(error: &io::Error) -> Loss {
    Loss::Unread { why: error.to_string().into() }
}
