//! `HEADS`: the heads of an estate's runs, noted beside their journals.
//!
//! One line `run seq hash` each time a run starts, something is done, or it ends. A record that
//! stands here and not in its journal any more was cut off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

use super::Head;

/// Name of the file, beside the journals of an estate.
pub const FILE: &str = "HEADS";

/// Largest file read, in bytes: about ten million lines, more than any estate can live through.
const MAX_BYTES: u64 = 1_000_000_000;

/// The file, open for appending.
#[derive(Debug)]
pub struct Heads {
    file: File,
}

impl Heads {
    /// Opens the file in `dir`, or makes it. A torn last line, left by a crash, is cut off: the
    /// record it was about stands in its journal.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(dir.join(FILE))?;
        let (_, state) = read(dir)?;
        if let State::Torn { whole } = state {
            file.set_len(whole)?;
            file.sync_all()?;
        }
        Ok(Self { file })
    }

    /// Notes a head durably.
    pub fn append(&mut self, head: &Head) -> io::Result<()> {
        self.file.write_all(format!("{} {} {}\n", head.run, head.seq, head.hash).as_bytes())?;
        self.file.sync_data()
    }
}

/// How the file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Absent,
    /// Every line is whole and readable.
    Good,
    /// The last line has no end; the lines before it take `whole` bytes.
    Torn {
        /// Bytes of the whole lines.
        whole: u64,
    },
    /// This line (from 1) is none of ours.
    Spoiled {
        /// Line.
        line: usize,
    },
}

/// The heads noted in `dir`, in the order they were noted, and how the file stands.
pub fn read(dir: &Path) -> io::Result<(Vec<Head>, State)> {
    let path = dir.join(FILE);
    let text = match fs::metadata(&path) {
        Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_BYTES => {
            return Err(io::Error::other(format!("{} is no list of heads", path.display())));
        }
        Ok(_) => fs::read(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), State::Absent)),
        Err(error) => return Err(error),
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut state = if whole == text.len() { State::Good } else { State::Torn { whole: whole as u64 } };
    let mut heads = Vec::new();
    for (index, line) in text[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
        match parse(&line[..line.len() - 1]) {
            Some(head) => heads.push(head),
            None => state = State::Spoiled { line: index + 1 },
        }
    }
    Ok((heads, state))
}

fn parse(line: &[u8]) -> Option<Head> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (run, seq, hash) = (words.next()?, words.next()?, words.next()?);
    let digits = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    (words.next().is_none() && super::runs::is_run_id(run) && hash.len() == 64 && hash.bytes().all(digits))
        .then_some(())?;
    Some(Head { run: run.to_owned(), seq: seq.parse().ok()?, hash: hash.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head { run: "r-20261120-1003-7k".to_owned(), seq, hash: "ab".repeat(32) }
    }

    #[test]
    fn heads_read_back_and_a_torn_one_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), (Vec::new(), State::Absent));
        let mut heads = Heads::open(dir.path()).unwrap();
        heads.append(&head(1)).unwrap();
        heads.append(&head(7)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), (vec![head(1), head(7)], State::Good));
        heads.file.write_all(b"r-20261120-1003-7k 9 ab").unwrap();
        let (known, state) = read(dir.path()).unwrap();
        assert_eq!(known.len(), 2);
        assert!(matches!(state, State::Torn { .. }));
        Heads::open(dir.path()).unwrap().append(&head(9)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), (vec![head(1), head(7), head(9)], State::Good));
    }

    #[test]
    fn a_foreign_line_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for line in ["", "x", "r-1 2", "r-1 x ab", "../x 1 ab", "r-1 1 zz extra"] {
            fs::write(dir.path().join(FILE), format!("{line}\n")).unwrap();
            assert_eq!(read(dir.path()).unwrap().1, State::Spoiled { line: 1 }, "{line:?}");
        }
    }
}
