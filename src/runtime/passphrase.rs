//! Asks for the passphrase of the token cache: on the terminal, unseen, or from a file for machines where
//! nobody sits.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::{
    domain::{Safe, Secret},
    vault::Asked,
};

/// Names the file, which may be a descriptor: `/dev/fd/3`.
pub const FILE: &str = "FARSHORE_PASSPHRASE_FILE";

/// Longest passphrase, in bytes.
const LONGEST: usize = 1_024;

/// Permission bits that the file of a passphrase must not have.
const OTHERS: u32 = 0o077;

/// Asks whoever there is. `None`: nobody, or they gave none.
pub fn ask(asked: Asked) -> Option<Secret> {
    if let Some(path) = std::env::var_os(FILE) {
        // It says the same each time: who was wrong once is not asked again.
        if asked == (Asked::ToOpen { again: true }) {
            return None;
        }
        return from_file(Path::new(&path))
            .map_err(|error| complain(Path::new(&path), &error))
            .ok()
            .flatten();
    }
    if !io::stdin().is_terminal() {
        return None;
    }
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    match asked {
        Asked::ToOpen { again } => {
            let lead = if again { "That was not it. " } else { "" };
            unseen(&mut terminal, &format!("{lead}Passphrase of the token cache (empty: go on without it): "))
        }
        Asked::ToMake => chosen(&mut terminal),
    }
}

fn complain(path: &Path, error: &io::Error) {
    let path = Safe::new(&path.to_string_lossy());
    let _ = writeln!(super::paper::err(), "farshore: {FILE} {path}: {error}");
}

/// A new passphrase, typed twice.
fn chosen(terminal: &mut File) -> Option<Secret> {
    let _ =
        writeln!(terminal, "The key of the token cache is made of a passphrase; every farshore asks for it.");
    loop {
        let one = unseen(terminal, "New passphrase for the token cache (empty: keep nothing): ")?;
        let two = unseen(terminal, "The same again: ")?;
        if one == two {
            return Some(one);
        }
        let _ = writeln!(terminal, "They differ.");
    }
}

/// The first line of a file that only we, or root, could have written and can read. A pipe is as good.
fn from_file(path: &Path) -> io::Result<Option<Secret>> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let refused = |why: &str| Err(io::Error::other(why.to_owned()));
    if found.is_file() {
        if found.uid() != 0 && found.uid() != rustix::process::geteuid().as_raw() {
            return refused("it belongs to another user");
        }
        if found.mode() & OTHERS != 0 {
            return refused("others may read or write it (chmod 600)");
        }
    } else if !found.file_type().is_fifo() {
        return refused("it is neither a file nor a pipe");
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    file.take(LONGEST as u64).read_to_string(&mut text)?;
    let line = text.lines().next().unwrap_or_default();
    Ok((!line.is_empty()).then(|| Secret::new(line)))
}

/// Puts the terminal back as it was.
struct Modes<'a>(&'a File, Termios);

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.0, OptionalActions::Flush, &self.1);
    }
}

/// One line that does not show. Typed-ahead input is thrown away: it was not meant for this. Keys that
/// send a signal arrive as characters, so that no way out leaves the terminal mute.
fn unseen(terminal: &mut File, prompt: &str) -> Option<Secret> {
    let screen = terminal.try_clone().ok()?;
    let before = tcgetattr(&screen).ok()?;
    let mut mute = before.clone();
    mute.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    mute.special_codes[SpecialCodeIndex::VMIN] = 1;
    mute.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(&screen, OptionalActions::Flush, &mute).ok()?;
    let _modes = Modes(&screen, before);
    let _ = write!(terminal, "{prompt}");
    let typed = line(terminal);
    let _ = writeln!(terminal);
    typed.filter(|text| !text.is_empty()).map(|text| Secret::new(text.as_str()))
}

fn line(keys: &mut impl Read) -> Option<Zeroizing<String>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut key = [0];
    loop {
        if keys.read(&mut key).ok()? == 0 {
            return None;
        }
        match key[0] {
            b'\r' | b'\n' => break,
            // Ctrl-C, Ctrl-D, Ctrl-\, Esc.
            0x03 | 0x04 | 0x1c | 0x1b => return None,
            0x08 | 0x7f => {
                // A character, not a byte.
                while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            // Ctrl-U.
            0x15 => typed.clear(),
            byte if byte >= 0x20 && typed.len() < LONGEST => typed.push(byte),
            _ => {}
        }
    }
    std::str::from_utf8(&typed).ok().map(|text| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_line_is_edited_unseen_and_given_up_by_the_usual_keys() {
        for (keys, expected) in [
            ("abc\r", Some("abc")),
            ("abc\n", Some("abc")),
            ("abx\u{7f}c\n", Some("abc")),
            ("xü\u{8}\u{15}abc\n", Some("abc")),
            ("ü\u{7f}\u{7f}a\n", Some("a")),
            ("\n", Some("")),
            ("abc\u{3}", None),
            ("abc\u{1b}[A\n", None),
            ("abc", None),
        ] {
            let got = line(&mut keys.as_bytes());
            assert_eq!(got.as_ref().map(|text| text.as_str()), expected, "{keys:?}");
        }
    }

    #[test]
    fn a_file_is_read_only_where_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("word");
        std::fs::write(&path, "correct horse\nmore\n").unwrap();
        for (mode, readable) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o622, false)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let got = from_file(&path);
            assert_eq!(got.is_ok(), readable, "{mode:o}");
            assert!(!readable || got.unwrap() == Some(Secret::new("correct horse")));
        }
        assert!(from_file(Path::new("/dev/null")).is_err());
        assert!(from_file(folder.path()).is_err());
    }
}
