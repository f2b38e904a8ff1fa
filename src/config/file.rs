//! Reading the estate file from disk.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::domain::estate::Estate;

use super::{ConfigErrors, parse};

/// Largest estate file, in bytes. A thousand services fit in a tenth of it; what is larger is
/// some other file.
pub const MAX_BYTES: usize = 1_000_000;

/// What the file of an estate is called.
pub(super) const ESTATE: &str = "estate file";

/// Permission bit: everybody may write.
const WORLD_WRITABLE: u32 = 0o002;

/// The place of the estate file when none is named: `farshore/estate.toml` in the user's
/// configuration directory (`$XDG_CONFIG_HOME`, else `~/.config`).
pub fn default_path(directories: &directories::BaseDirs) -> PathBuf {
    directories.config_dir().join("farshore").join("estate.toml")
}

/// Reads and parses an estate file.
///
/// Refused besides every mistake in the text: what is not a regular file (nothing is read from
/// a device or a pipe, so that nothing hangs), files over [`MAX_BYTES`], files that everybody
/// may write or that belong to somebody else than us or root (they decide what gets changed in
/// Azure), and text that is not UTF-8.
pub fn load(path: &Path) -> Result<Estate, ConfigErrors> {
    load_with_text(path).map(|(estate, _)| estate)
}

/// The same, with the text it was read from.
pub fn load_with_text(path: &Path) -> Result<(Estate, String), ConfigErrors> {
    let text = read_text(path, ESTATE)?;
    Ok((parse(&text, &path.to_string_lossy())?, text))
}

/// The text of a file that decides something, with the refusals of [`load`]; `kind` is what it should be.
pub fn read_text(path: &Path, kind: &str) -> Result<String, ConfigErrors> {
    let label = path.to_string_lossy();
    let refuse = |what: String| ConfigErrors::whole_file(&label, what);
    let file = open(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    check(&file).map_err(refuse)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if bytes.len() > MAX_BYTES {
        return Err(refuse(too_large(kind)));
    }
    if is_utf16(&bytes) {
        return Err(refuse("is UTF-16 text; save it as UTF-8".to_owned()));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            Err(refuse(format!("is not UTF-8 text: the first foreign byte stands in line {line}")))
        }
    }
}

/// The message for a file over the limit.
pub(super) fn too_large(kind: &str) -> String {
    format!("is larger than {} MB; this is no {kind}", MAX_BYTES / 1_000_000)
}

/// Opens without waiting: a pipe nobody writes to would block an ordinary open for ever.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY).bits().cast_signed())
        .open(path)
}

fn check(file: &File) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if metadata.mode() & WORLD_WRITABLE != 0 {
        return Err("may be written by everybody; take that right away (chmod o-w)".to_owned());
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!("belongs to another user (uid {owner}), neither to you nor to root"));
    }
    Ok(())
}

/// Whether the bytes look like UTF-16: by their byte order mark, or because one of the
/// first two bytes is zero, which no text in UTF-8 begins with.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [_, 0, ..] | [0, _, ..])
}
