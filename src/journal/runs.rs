//! The runs of a state directory: their ids, where they are, how they began and stand.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::domain::{Safe, time::Timestamp};

use super::{
    Head, JournalError, Record, Transcript, heads,
    lines::{self, MAX_LINE, Piece},
    record::decode,
    transcript,
};

/// Ending of a journal's file name.
pub const EXTENSION: &str = "jsonl";

/// Ending of a journal's file name before its first record: no run yet.
pub const OPENING: &str = "opening";

/// Letters of the short mark that tells runs of the same minute apart: no vowels that make
/// words, none that look like digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Longest run id.
const MAX_ID: usize = 40;

/// First step when looking for the last line from the end, in bytes: a page of records.
const TAIL: u64 = 64 * 1024;

/// The id of a run that starts `at`, UTC: `r-YYYYMMDD-HHMM-xx`, the mark taken from `salt`.
pub fn run_id(at: Timestamp, salt: u64) -> String {
    let letter = |shift: u32| char::from(ALPHABET[(salt >> shift) as usize % ALPHABET.len()]);
    format!("r-{}-{}{}", at.strftime("%Y%m%d-%H%M"), letter(5), letter(0))
}

/// Whether `text` can be a run id; nothing else may become part of a path.
pub fn is_run_id(text: &str) -> bool {
    text.len() <= MAX_ID
        && text.strip_prefix("r-").is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        })
}

/// `<state>/journal`.
pub fn directory(state: &Path) -> PathBuf {
    state.join("journal")
}

/// `<state>/journal/<estate>`. Names from estate files are taken as they are; whatever another
/// name holds that could lead elsewhere becomes `_`.
pub fn estate_directory(state: &Path, estate: &str) -> PathBuf {
    let fits = |(index, c): (usize, char)| {
        let plain = c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || (c == '.' && index > 0);
        if plain { c } else { '_' }
    };
    let name: String = estate.chars().enumerate().map(fits).collect();
    directory(state).join(if name.is_empty() { "_" } else { &name })
}

/// How a run began and how it stands, without reading what lies between.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// Its id.
    pub run: String,
    /// The estate's directory name.
    pub estate: String,
    /// Its journal.
    pub path: PathBuf,
    /// Its first record.
    pub first: Option<Record>,
    /// Its last whole record.
    pub last: Option<Record>,
    /// Why the first or the last record could not be read.
    pub problem: Option<Safe>,
}

/// Every run, oldest first. A state directory without journals has none.
pub fn list(state: &Path) -> Result<Vec<RunSummary>, JournalError> {
    let mut all: Vec<RunSummary> = journals(state)?.into_iter().map(summary).collect();
    let began = |summary: &RunSummary| summary.first.as_ref().map(|record| record.stamped.wall);
    all.sort_by(|a, b| (began(a), &a.run).cmp(&(began(b), &b.run)));
    Ok(all)
}

/// The journal of a run, whichever estate it belongs to.
pub fn find(state: &Path, run: &str) -> Result<PathBuf, JournalError> {
    let missing = || JournalError::NoRun { run: run.into(), path: directory(state) };
    if !is_run_id(run) {
        return Err(missing());
    }
    journals(state)?.into_iter().find(|path| stem(path) == run).ok_or_else(missing)
}

/// What is left of a run that never had a record, whichever estate it belongs to.
pub fn find_unbegun(state: &Path, run: &str) -> Option<PathBuf> {
    let estates = entries(&directory(state)).ok()?;
    let mut left = estates.iter().filter_map(|estate| unbegun(estate).ok()).flatten();
    left.find(|path| stem(path) == run)
}

/// Whether a new run of the estate may not be called `run`: one is, or one was about to be.
pub fn is_taken(state: &Path, estate: &str, run: &str) -> bool {
    let path = estate_directory(state, estate).join(run);
    find(state, run).is_ok() || path.with_extension(OPENING).exists()
}

/// Reads a run without changing anything; safe while it is being written.
pub fn read(path: &Path) -> Result<Transcript, JournalError> {
    let file = File::open(path).map_err(access("open", path))?;
    let (_, transcript) = transcript::read(&mut BufReader::new(file), &stem(path), path)?;
    Ok(transcript)
}

/// The head of the estate's latest run: what the next run's `opened` names as `previous`.
pub fn latest_head(state: &Path, estate: &str) -> Result<Option<Head>, JournalError> {
    let directory = estate_directory(state, estate);
    let (noted, _) = heads::read(&directory).map_err(access("read", &directory.join(heads::FILE)))?;
    // The run that was noted first most lately: an older one may have gone on since.
    let mut started: Vec<&str> = Vec::new();
    for head in &noted {
        if !started.contains(&head.run.as_str()) {
            started.push(&head.run);
        }
    }
    let paths = match started.last() {
        Some(run) => vec![directory.join(format!("{run}.{EXTENSION}"))],
        None => files(&directory)?,
    };
    // A journal without a record is nothing to join.
    for path in paths.iter().rev() {
        let head = read(path)?.head;
        if head.seq > 0 {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// The run a journal's file name names.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Every journal below the state directory, by estate and name.
fn journals(state: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let top = directory(state);
    let mut all = Vec::new();
    for estate in entries(&top)? {
        if estate.is_dir() {
            all.extend(files(&estate)?);
        }
    }
    Ok(all)
}

/// The journals of one estate, by name.
pub(super) fn files(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    files_with(directory, EXTENSION)
}

/// What an estate's runs left that ended before their first record, or are about to write it.
pub(super) fn unbegun(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    files_with(directory, OPENING)
}

fn files_with(directory: &Path, ending: &str) -> Result<Vec<PathBuf>, JournalError> {
    let fits =
        |path: &PathBuf| path.extension().is_some_and(|found| found == ending) && is_run_id(&stem(path));
    Ok(entries(directory)?.into_iter().filter(fits).collect())
}

/// What lies in a directory, sorted; nothing when there is no such directory.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let reader = match fs::read_dir(directory) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(access("read", directory)(error)),
    };
    let mut paths = reader
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()
        .map_err(access("read", directory))?;
    paths.sort();
    Ok(paths)
}

fn summary(path: PathBuf) -> RunSummary {
    let run = stem(&path);
    let estate = path
        .parent()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let (first, last, problem) = match ends(&path) {
        Ok((Some(first), Some(last))) => match (decode(&first), decode(&last)) {
            (Ok(first), Ok(last)) => (Some(first), Some(last), None),
            (first, last) => {
                let why = first.as_ref().err().or(last.as_ref().err()).map(ToString::to_string);
                (first.ok(), last.ok(), why)
            }
        },
        Ok(_) => (None, None, Some("it holds no whole record".to_owned())),
        Err(error) => (None, None, Some(error.to_string())),
    };
    RunSummary { run, estate, path, first, last, problem: problem.map(Safe::from) }
}

/// The first and the last whole line of a file.
fn ends(path: &Path) -> io::Result<(Option<String>, Option<String>)> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    let first = match lines::next(&mut reader, &mut line)? {
        Piece::Whole => Some(String::from_utf8_lossy(&line).into_owned()),
        Piece::Torn | Piece::Endless | Piece::End => None,
    };
    let mut file = reader.into_inner();
    let length = file.metadata()?.len();
    let mut span = TAIL;
    loop {
        let start = length.saturating_sub(span);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        (&mut file).take(span).read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n');
        let before = whole.and_then(|end| tail[..end].iter().rposition(|byte| *byte == b'\n'));
        let begin = match (before, start) {
            (Some(at), _) => Some(at + 1),
            (None, 0) => Some(0),
            (None, _) => None,
        };
        match (begin, whole) {
            (Some(begin), Some(end)) => {
                return Ok((first, Some(String::from_utf8_lossy(&tail[begin..end]).into_owned())));
            }
            (_, None) if start == 0 => return Ok((first, None)),
            _ if span > MAX_LINE as u64 => return Ok((first, None)),
            _ => span *= 8,
        }
    }
}

fn access(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Access { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{FileJournal, Journal, sample};

    #[test]
    fn ids_tell_the_minute_and_nothing_else_passes_for_one() {
        let at: Timestamp = "2026-11-20T10:03:59.999Z".parse().unwrap();
        assert_eq!(run_id(at, 0), "r-20261120-1003-00");
        assert_eq!(run_id(at, 7 * 32 + 19), "r-20261120-1003-7k");
        assert_eq!(run_id(at, u64::MAX), "r-20261120-1003-zz");
        for salt in 0..2_000 {
            assert!(is_run_id(&run_id(at, salt)));
        }
        for text in ["", "r-", "R-1", "r-1.x", "r-/", "r-..", "x", &format!("r-{}", "1".repeat(40))] {
            assert!(!is_run_id(text), "{text}");
        }
    }

    #[test]
    fn estates_cannot_lead_elsewhere() {
        let name = |estate| estate_directory(Path::new("s"), estate);
        assert_eq!(name("contoso-avd"), Path::new("s/journal/contoso-avd"));
        assert_eq!(name("../x"), Path::new("s/journal/_._x"));
        assert_eq!(name(".."), Path::new("s/journal/_."));
        assert_eq!(name(""), Path::new("s/journal/_"));
        assert_eq!(name("a b\0c.d"), Path::new("s/journal/a_b_c.d"));
    }

    #[test]
    fn runs_are_listed_with_their_ends_and_the_next_one_can_join() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        assert_eq!(list(state).unwrap(), []);
        assert_eq!(latest_head(state, "contoso-avd").unwrap(), None);
        // The mark of the second is the smaller one: time decides, not the name.
        for (run, count) in [("r-20261120-1003-zz", 18), ("r-20261120-1003-aa", 3)] {
            let mut journal = FileJournal::create(state, "contoso-avd", run).unwrap();
            let mut events = sample::run();
            if run.ends_with("aa") {
                events[0].wall += jiff::SignedDuration::from_secs(5);
            }
            for event in &events[..count] {
                journal.append(std::slice::from_ref(event)).unwrap();
            }
            assert_eq!(latest_head(state, "contoso-avd").unwrap(), Some(journal.head()));
        }
        let before = latest_head(state, "contoso-avd").unwrap();
        let mut older = FileJournal::open(state, "r-20261120-1003-zz").unwrap().journal;
        older.append(&sample::run()[6..8]).unwrap();
        assert_eq!(latest_head(state, "contoso-avd").unwrap(), before, "the latest to start, not to write");
        let mut journal = FileJournal::create(state, "other", "r-20261120-1003-bb").unwrap();
        journal.append(&sample::run()[..2]).unwrap();
        assert_eq!(
            latest_head(state, "other").unwrap().map(|head| head.seq),
            Some(2),
            "begun by two at once"
        );
        std::fs::remove_dir_all(estate_directory(state, "other")).unwrap();
        let runs = list(state).unwrap();
        assert_eq!(
            runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(),
            ["r-20261120-1003-zz", "r-20261120-1003-aa"]
        );
        assert_eq!(runs[0].last.as_ref().unwrap().seq, 20);
        assert_eq!(runs[0].first.as_ref().unwrap().seq, 1);
        assert_eq!(runs[1].last.as_ref().unwrap().seq, 3);
        assert_eq!(runs[0].estate, "contoso-avd");
        assert_eq!(runs[0].problem, None);
    }

    #[test]
    fn the_last_record_is_found_behind_any_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r-1.jsonl");
        let check = |text: &str, first: Option<&str>, last: Option<&str>| {
            fs::write(&path, text).unwrap();
            let own = |line: Option<&str>| line.map(str::to_owned);
            assert_eq!(ends(&path).unwrap(), (own(first), own(last)), "{} bytes", text.len());
        };
        let long = "x".repeat(300_000);
        check("", None, None);
        check("torn", None, None);
        check("a\n", Some("a"), Some("a"));
        check("a\nb\ntorn", Some("a"), Some("b"));
        check(&format!("a\n{long}\n"), Some("a"), Some(&long));
        check(&format!("{long}\nb\n{long}"), Some(&long), Some("b"));
    }

    #[test]
    fn a_spoiled_run_is_listed_with_its_problem() {
        let dir = tempfile::tempdir().unwrap();
        let estate = estate_directory(dir.path(), "e");
        fs::create_dir_all(&estate).unwrap();
        fs::write(estate.join("r-1.jsonl"), "\u{1b}nonsense\n").unwrap();
        fs::write(estate.join("r-2.jsonl"), "").unwrap();
        fs::write(estate.join("notes.txt"), "").unwrap();
        let runs = list(dir.path()).unwrap();
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().all(|run| run.problem.is_some()), "{runs:?}");
        assert!(read(&estate.join("r-1.jsonl")).is_err());
        assert!(matches!(find(dir.path(), "r-3"), Err(JournalError::NoRun { .. })));
    }
}
