//! `audit verify`: whether journals are as they were written.
//!
//! A journal is streamed; memory grows with the number of runs and noted heads, not with the
//! length of a journal.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Write as _},
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::domain::{Safe, text::counted};

use super::{
    GENESIS, Head, JournalError,
    chain::Chain,
    heads,
    lines::{self, MAX_LINE, Piece},
    record::VERSION,
    runs,
};

/// Problems told of one run. One spoiled block can break thousands of records; the first ones
/// say where.
const MAX_PROBLEMS: usize = 20;

/// What is wrong, in the order of how much it matters least: the verdict of a report is the
/// greatest of its problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything is as it was written.
    Intact,
    /// A last record was cut short while it was written: a crash, not a hand.
    TornTail,
    /// Records that were known are gone from the end.
    Shorter,
    /// A run that was known is gone, or a run does not join the one before.
    Missing,
    /// A record is not as it was written.
    Tampered,
}

impl Verdict {
    /// Exit code of `audit verify` (design §7).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Intact => 0,
            Self::Tampered => 1,
            Self::TornTail => 2,
            Self::Shorter => 3,
            Self::Missing => 4,
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Tampered => "tampered with",
            Self::TornTail => "torn at the end",
            Self::Shorter => "shorter than a known head",
            Self::Missing => "a run is missing or not joined",
        }
    }
}

/// Exit code for a question that could not be asked.
pub const EXIT_USAGE: u8 = 64;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind.
    pub verdict: Verdict,
    /// Place of the record, where it concerns one.
    pub seq: Option<u64>,
    /// In words.
    pub what: Safe,
}

/// What was found in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Run.
    pub run: String,
    /// Name of the estate's directory.
    pub estate: String,
    /// Whole lines read.
    pub records: u64,
    /// Last record that fits; `None`: there is none.
    pub head: Option<Head>,
    /// What is wrong; empty: nothing. At most 20.
    pub problems: Vec<Problem>,
}

/// What was found in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Layout of the JSON.
    pub schema_version: u32,
    /// The worst of all problems.
    pub verdict: Verdict,
    /// Exit code.
    pub exit_code: u8,
    /// The runs, by estate and name.
    pub runs: Vec<RunReport>,
    /// Problems that belong to no run that is there.
    pub problems: Vec<Problem>,
    /// Ids of runs that are listed and whose journals are gone, by estate.
    #[serde(skip)]
    pub gone: Vec<String>,
    /// What could not be checked, and why.
    pub notes: Vec<Safe>,
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The known head is no hash.
    #[error("{0} is no head: a head is 64 digits 0-9 a-f, as the end screen and the report print it")]
    Head(Safe),
    /// There is nothing of that name.
    #[error("could not read {path}: {source}")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Verifies `target`: a journal, what a run left that never began, the directory of an estate, or a
/// state directory (or its `journal` directory) with all estates. `known_head` is a hash that was
/// noted elsewhere; it must be found.
///
/// For a single journal its line in the estate's `HEADS` counts, but not its joint to other runs.
pub fn verify(target: &Path, known_head: Option<&str>) -> Result<VerifyReport, VerifyError> {
    let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if let Some(text) = known_head.filter(|text| text.len() != 64 || !text.bytes().all(is_digit)) {
        return Err(VerifyError::Head(text.into()));
    }
    let metadata =
        fs::metadata(target).map_err(|source| VerifyError::Read { path: target.to_owned(), source })?;
    let mut search = Search { wanted: known_head.map(str::to_owned), ..Search::default() };
    if metadata.is_file() {
        let directory = target.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if target.extension().is_some_and(|ending| ending == runs::OPENING) {
            search.opening(directory, target)?;
        } else {
            search.estate(directory, &[target.to_owned()], Scope::OneRun)?;
        }
    } else {
        for directory in estates(target)? {
            search.estate(&directory, &runs::files(&directory)?, Scope::Whole)?;
        }
    }
    Ok(search.report())
}

/// What is reported where nothing of the kind asked for is there.
pub fn missing(what: &str) -> VerifyReport {
    let problem = Problem { verdict: Verdict::Missing, seq: None, what: what.into() };
    Search { problems: vec![problem], ..Search::default() }.report()
}

/// The directories that hold journals.
fn estates(target: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let below = runs::directory(target);
    let top = if below.is_dir() { below } else { target.to_owned() };
    let holds_journals = |path: &Path| {
        Ok::<_, JournalError>(!runs::files(path)?.is_empty() || path.join(heads::FILE).exists())
    };
    if holds_journals(&top)? {
        return Ok(vec![top]);
    }
    Ok(runs::entries(&top)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// Whether all runs of an estate are at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    OneRun,
    Whole,
}

/// What has been found so far.
#[derive(Default)]
struct Search {
    wanted: Option<String>,
    wanted_found: bool,
    runs: Vec<RunReport>,
    problems: Vec<Problem>,
    gone: Vec<String>,
    notes: Vec<Safe>,
}

impl Search {
    /// Verifies journals of one estate.
    fn estate(&mut self, directory: &Path, files: &[PathBuf], scope: Scope) -> Result<(), JournalError> {
        let estate = name_of(directory);
        let noted = self.noted(directory, &estate)?;
        let mut previous: HashMap<String, Option<String>> = HashMap::new();
        for path in files.iter().filter(|path| has_record(path)) {
            previous.insert(runs::stem(path), named_previous(path));
        }
        let wanted: HashSet<&str> = previous.values().flatten().map(String::as_str).collect();
        let mut joints = HashSet::new();
        for path in files {
            let mut walk = Walk::new(path, &estate, noted.get(&runs::stem(path)));
            walk.run(path, |hash| {
                self.wanted_found |= self.wanted.as_deref() == Some(hash);
                if let Some(hash) = wanted.get(hash) {
                    joints.insert(*hash);
                }
            });
            self.runs.push(walk.report);
        }
        if scope == Scope::Whole {
            self.joined(&estate, &previous, &joints);
            for path in runs::unbegun(directory)? {
                self.unbegun(&estate, &runs::stem(&path));
            }
            let there: HashSet<String> = files.iter().map(|path| runs::stem(path)).collect();
            let mut gone: Vec<&String> = noted.keys().filter(|run| !there.contains(*run)).collect();
            gone.sort();
            for run in gone {
                self.gone(&estate, run);
            }
        }
        Ok(())
    }

    /// A run that ended before its first record. If `HEADS` lists it, that is not all it was.
    fn opening(&mut self, directory: &Path, path: &Path) -> Result<(), JournalError> {
        let (estate, run) = (name_of(directory), runs::stem(path));
        if self.noted(directory, &estate)?.contains_key(&run) {
            self.gone(&estate, &run);
        } else {
            self.unbegun(&estate, &run);
        }
        Ok(())
    }

    fn gone(&mut self, estate: &str, run: &str) {
        let what = format!("{estate}: {run} is listed in {} and its journal is gone", heads::FILE);
        self.gone.push(run.to_owned());
        self.problems.push(Problem { verdict: Verdict::Missing, seq: None, what: what.into() });
    }

    fn unbegun(&mut self, estate: &str, run: &str) {
        let note = format!("{estate}: {run} never began, or is about to: nothing was sent for it");
        self.notes.push(note.into());
    }

    /// The noted heads by run.
    fn noted(&mut self, directory: &Path, estate: &str) -> Result<HashMap<String, Vec<Head>>, JournalError> {
        let (heads, state) = heads::read(directory).map_err(|source| JournalError::Access {
            doing: "read",
            path: directory.join(heads::FILE),
            source,
        })?;
        let what = match state {
            heads::State::Good => None,
            heads::State::Absent => {
                let note = format!("{estate}: there is no {}, so a cut end would not show", heads::FILE);
                self.notes.push(note.into());
                None
            }
            heads::State::Torn { .. } => Some((Verdict::TornTail, "its last line is torn".to_owned())),
            heads::State::Spoiled { line } => Some((Verdict::Tampered, format!("line {line} is spoiled"))),
        };
        if let Some((verdict, what)) = what {
            let what = format!("{estate}: {}: {what}", heads::FILE);
            self.problems.push(Problem { verdict, seq: None, what: what.into() });
        }
        let mut by_run: HashMap<String, Vec<Head>> = HashMap::new();
        for head in heads {
            by_run.entry(head.run.clone()).or_default().push(head);
        }
        for heads in by_run.values_mut() {
            heads.sort_by_key(|head| head.seq);
        }
        Ok(by_run)
    }

    /// Every run but the first must name a record of another run.
    fn joined(&mut self, estate: &str, previous: &HashMap<String, Option<String>>, joints: &HashSet<&str>) {
        let mut first: Vec<&String> = Vec::new();
        let mut all: Vec<(&String, &Option<String>)> = previous.iter().collect();
        all.sort();
        for (run, named) in all {
            let what = match named {
                Some(hash) if joints.contains(hash.as_str()) => continue,
                Some(hash) => format!("{estate}: {run} follows a record {hash} that is in no journal here"),
                None if first.is_empty() => {
                    first.push(run);
                    continue;
                }
                None => format!("{estate}: {run} and {} both claim to be the first run", first[0]),
            };
            self.problems.push(Problem { verdict: Verdict::Missing, seq: None, what: what.into() });
        }
    }

    fn report(mut self) -> VerifyReport {
        if let Some(head) = self.wanted.as_ref().filter(|_| !self.wanted_found) {
            let what = format!("the known head {head} is in no journal here");
            self.problems.push(Problem { verdict: Verdict::Shorter, seq: None, what: what.into() });
        }
        let problems = self.runs.iter().flat_map(|run| &run.problems).chain(&self.problems);
        let verdict = problems.map(|problem| problem.verdict).max().unwrap_or(Verdict::Intact);
        let Self { runs, problems, gone, notes, .. } = self;
        let exit_code = verdict.exit_code();
        VerifyReport { schema_version: 1, verdict, exit_code, runs, problems, gone, notes }
    }
}

/// The estate that a directory is named after.
fn name_of(directory: &Path) -> String {
    directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a journal holds a whole line. Without one it cannot follow another run, nor be the
/// first. What cannot be read is not known to be empty.
fn has_record(path: &Path) -> bool {
    let first = File::open(path).and_then(|file| lines::next(&mut BufReader::new(file), &mut Vec::new()));
    !matches!(first, Ok(Piece::End | Piece::Torn))
}

/// The `previous` that a journal's first record names.
fn named_previous(path: &Path) -> Option<String> {
    let mut line = Vec::new();
    let piece = lines::next(&mut BufReader::new(File::open(path).ok()?), &mut line).ok()?;
    let link = Chain::new(&runs::stem(path)).follow(&line).ok()?;
    link.previous.filter(|_| piece == Piece::Whole)
}

/// One walk through one journal.
struct Walk<'a> {
    chain: Chain,
    /// In the order of their records.
    noted: &'a [Head],
    newer: bool,
    report: RunReport,
}

impl<'a> Walk<'a> {
    fn new(path: &Path, estate: &str, noted: Option<&'a Vec<Head>>) -> Self {
        let run = runs::stem(path);
        let report = RunReport {
            run: run.clone(),
            estate: estate.to_owned(),
            records: 0,
            head: None,
            problems: Vec::new(),
        };
        Self { chain: Chain::new(&run), noted: noted.map_or(&[], Vec::as_slice), newer: false, report }
    }

    fn problem(&mut self, verdict: Verdict, seq: Option<u64>, what: impl Into<Safe>) {
        let known = &mut self.report.problems;
        // The last place is kept for something worse than what is there.
        let worst = known.iter().map(|problem| problem.verdict).max();
        if known.len() < MAX_PROBLEMS || worst < Some(verdict) {
            known.push(Problem { verdict, seq, what: what.into() });
        }
    }

    /// Reads the journal to its end and shows the hash of every record that fits.
    fn run(&mut self, path: &Path, mut seen: impl FnMut(&str)) {
        if let Err(error) = self.records(path, &mut seen) {
            self.problem(Verdict::Missing, None, format!("it cannot be read: {error}"));
            return;
        }
        if self.report.records == 0 && self.report.problems.is_empty() {
            self.problem(
                Verdict::TornTail,
                None,
                "it is empty: the run never began, nothing was sent for it",
            );
        }
        let last = self.chain.seq();
        if let Some(head) = self.noted.last().filter(|head| head.seq > last) {
            let what = format!("it ends at record {last}; record {} had been written", head.seq);
            self.problem(Verdict::Shorter, Some(last), what);
        }
    }

    fn records(&mut self, path: &Path, seen: &mut impl FnMut(&str)) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        loop {
            let seq = self.chain.seq() + 1;
            match lines::next(&mut reader, &mut line)? {
                Piece::End => return Ok(()),
                Piece::Torn => {
                    self.problem(
                        Verdict::TornTail,
                        Some(seq),
                        format!("{} torn bytes at the end", line.len()),
                    );
                    return Ok(());
                }
                Piece::Endless => {
                    let what = format!("a line is longer than {MAX_LINE} bytes; the rest was not read");
                    self.problem(Verdict::Tampered, Some(seq), what);
                    return Ok(());
                }
                Piece::Whole => self.record(seq, &line, seen),
            }
        }
    }

    fn record(&mut self, seq: u64, line: &[u8], seen: &mut impl FnMut(&str)) {
        self.report.records += 1;
        match self.chain.follow(line) {
            Ok(link) => {
                seen(&link.hash);
                let from = self.noted.partition_point(|head| head.seq < seq);
                let mut here = self.noted[from..].iter().take_while(|head| head.seq == seq);
                if here.any(|head| head.hash != link.hash) {
                    let what = format!("{} knows this record with another hash", heads::FILE);
                    self.problem(Verdict::Tampered, Some(seq), what);
                }
                self.report.head = Some(self.chain.head());
            }
            Err(why) => {
                // A newer format may chain otherwise; then this is no proof of a foreign hand.
                let newer = std::mem::replace(&mut self.newer, is_newer(line));
                let hint = if self.newer { " (or written by a newer farshore)" } else { "" };
                if !(newer && self.newer) {
                    self.problem(Verdict::Tampered, Some(seq), format!("{why}{hint}"));
                }
                self.chain.skip(line);
            }
        }
    }
}

fn is_newer(line: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u64,
    }
    serde_json::from_slice::<Version>(line).is_ok_and(|version| version.v > VERSION)
}

impl VerifyReport {
    /// The report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("the report has string keys and always serialises")
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for run in &self.runs {
            let verdict = run.problems.iter().map(|problem| problem.verdict).max().unwrap_or(Verdict::Intact);
            let head = run.head.as_ref().map_or(GENESIS, |head| &head.hash);
            let (estate, name, records) = (Safe::new(&run.estate), Safe::new(&run.run), run.records);
            writeln!(
                text,
                "{name}  {estate}  {}  {}  head {head}",
                counted(records, "record"),
                verdict.words()
            )?;
            for problem in &run.problems {
                let place = problem.seq.map(|seq| format!("record {seq}: ")).unwrap_or_default();
                writeln!(text, "  {place}{}", problem.what)?;
            }
        }
        for problem in &self.problems {
            writeln!(text, "{}", problem.what)?;
        }
        for note in &self.notes {
            writeln!(text, "note: {note}")?;
        }
        write!(text, "{}: {}", counted(self.runs.len(), "run"), self.verdict.words())?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        engine::RunEvent,
        journal::{FileJournal, Journal, sample},
    };

    const FIRST: &str = "r-20261120-1003-aa";
    const SECOND: &str = "r-20261120-1103-bb";

    /// A state directory with two joined runs.
    struct Case {
        state: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let mut previous: Option<String> = None;
            for run in [FIRST, SECOND] {
                let mut journal = FileJournal::create(state.path(), "contoso-avd", run).unwrap();
                let mut events = vec![sample::opened(previous.as_deref())];
                events.push(sample::armed());
                let mut kinds = sample::run();
                events.push(kinds.remove(6));
                events.push(kinds.remove(16));
                assert!(matches!(events[2].event, RunEvent::Done { .. }));
                journal.append(&events[..1]).unwrap();
                journal.append(&events[1..3]).unwrap();
                journal.append(&events[3..]).unwrap();
                previous = Some(journal.head().hash);
            }
            Self { state }
        }

        fn path(&self, run: &str) -> PathBuf {
            runs::find(self.state.path(), run).unwrap()
        }

        fn directory(&self) -> PathBuf {
            runs::estate_directory(self.state.path(), "contoso-avd")
        }

        fn edit(&self, run: &str, change: impl FnOnce(&mut Vec<u8>)) {
            let path = self.path(run);
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        }

        fn report(&self) -> VerifyReport {
            verify(self.state.path(), None).unwrap()
        }

        fn exit(&self) -> u8 {
            self.report().exit_code
        }
    }

    fn lines_of(bytes: &[u8]) -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn what_was_written_is_intact_from_every_side() {
        let case = Case::new();
        let report = case.report();
        assert_eq!((report.exit_code, report.runs.len()), (0, 2), "{report}");
        let head = report.runs[0].head.clone().unwrap();
        assert_eq!((head.run.as_str(), head.seq), (FIRST, 4));
        for target in
            [case.path(FIRST), case.path(SECOND), case.directory(), runs::directory(case.state.path())]
        {
            assert_eq!(verify(&target, None).unwrap().exit_code, 0, "{}", target.display());
        }
        assert_eq!(verify(case.state.path(), Some(&head.hash)).unwrap().exit_code, 0);
        assert_eq!(verify(case.state.path(), Some(&"0".repeat(64))).unwrap().exit_code, 3);
        assert!(matches!(verify(case.state.path(), Some("0f")), Err(VerifyError::Head(_))));
        assert!(matches!(verify(&case.state.path().join("none"), None), Err(VerifyError::Read { .. })));
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["verdict"], "intact");
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let case = Case::new();
        for run in [FIRST, SECOND] {
            let path = case.path(run);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 8);
                fs::write(&path, &bytes).unwrap();
                let report = verify(&path, None).unwrap();
                let exit = report.exit_code;
                // Only the last line feed can look like a cut: then HEADS knows more records.
                let expected: &[u8] = if at + 1 == good.len() { &[2, 3] } else { &[1] };
                assert!(expected.contains(&exit), "byte {at} of {run}: exit {exit}\n{report}");
            }
            fs::write(&path, &good).unwrap();
        }
        assert_eq!(case.exit(), 0);
    }

    #[test]
    fn every_cut_is_seen() {
        let case = Case::new();
        let path = case.path(SECOND);
        let good = fs::read(&path).unwrap();
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            let exit = verify(&path, None).unwrap().exit_code;
            assert_eq!(exit, 3, "cut to {length}: HEADS knows the last record");
            fs::rename(case.directory().join(heads::FILE), case.directory().join("away")).unwrap();
            let exit = verify(&path, None).unwrap().exit_code;
            let at_boundary = length > 0 && good[length - 1] == b'\n';
            assert_eq!(exit, if at_boundary { 0 } else { 2 }, "cut to {length} without HEADS");
            fs::rename(case.directory().join("away"), case.directory().join(heads::FILE)).unwrap();
        }
    }

    #[test]
    fn swapped_doubled_and_dropped_lines_are_seen_with_their_place() {
        let check = |change: fn(&mut Vec<Vec<u8>>), seq: u64| {
            let case = Case::new();
            case.edit(FIRST, |bytes| {
                let mut lines = lines_of(bytes);
                change(&mut lines);
                *bytes = lines.concat();
            });
            let report = verify(&case.path(FIRST), None).unwrap();
            assert_eq!(report.exit_code, 1, "{report}");
            assert_eq!(report.runs[0].problems[0].seq, Some(seq), "{report}");
        };
        check(|lines| lines.swap(1, 2), 2);
        check(|lines| lines.insert(2, lines[1].clone()), 3);
        check(|lines| drop(lines.remove(1)), 2);
        check(|lines| drop(lines.remove(0)), 1);
        check(|lines| lines.insert(1, b"\n".to_vec()), 2);
    }

    #[test]
    fn a_run_written_anew_is_seen_by_its_noted_heads() {
        let case = Case::new();
        let mut other = crate::journal::MemoryJournal::new(FIRST);
        other.append(&sample::run()).unwrap();
        fs::write(case.path(FIRST), other.bytes()).unwrap();
        let report = case.report();
        assert_eq!(report.exit_code, 1, "{report}");
        assert!(report.to_string().contains("HEADS knows this record with another hash"), "{report}");
        fs::remove_file(case.directory().join(heads::FILE)).unwrap();
        let report = case.report();
        assert_eq!(report.exit_code, 4, "without HEADS the next run still hangs on it: {report}");
        assert!(report.notes[0].as_str().contains("a cut end would not show"));
    }

    #[test]
    fn a_missing_run_is_seen() {
        let case = Case::new();
        fs::remove_file(case.path(FIRST)).unwrap();
        assert_eq!(case.exit(), 4);
        fs::remove_file(case.directory().join(heads::FILE)).unwrap();
        let report = case.report();
        assert_eq!(report.exit_code, 4, "the second run names it: {report}");
        let case = Case::new();
        fs::remove_file(case.path(SECOND)).unwrap();
        assert_eq!(case.exit(), 4, "HEADS names it");
    }

    #[test]
    fn what_never_had_a_record_is_not_missing() {
        let case = Case::new();
        let opening = |run: &str| {
            let journal = FileJournal::create(case.state.path(), "contoso-avd", run).unwrap();
            journal.path().to_owned()
        };
        let left = opening("r-20261121-1003-cc");
        // The first record of another one was cut short.
        fs::write(opening("r-20261121-1003-dd"), "{\"v\":1,\"seq\":1").unwrap();
        let report = case.report();
        assert_eq!((report.exit_code, report.runs.len()), (0, 2), "{report}");
        for mark in ["cc", "dd"] {
            let said = format!("r-20261121-1003-{mark} never began, or is about to: nothing was sent for it");
            assert!(report.to_string().contains(&said), "{report}");
        }
        let report = verify(&left, None).unwrap();
        assert_eq!((report.exit_code, report.notes.len()), (0, 1), "{report}");
        let previous = runs::latest_head(case.state.path(), "contoso-avd").unwrap().unwrap();
        assert_eq!(previous.run, SECOND, "the next run follows the last one that began");
        // A run that had records does not become one that never began.
        fs::rename(case.path(SECOND), case.path(SECOND).with_extension(runs::OPENING)).unwrap();
        assert_eq!(case.exit(), 4);
        let left = case.directory().join(format!("{SECOND}.{}", runs::OPENING));
        assert_eq!(verify(&left, None).unwrap().exit_code, 4);
    }

    #[test]
    fn a_journal_without_a_record_is_neither_first_nor_followed() {
        for bytes in [&b""[..], b"{\"v\":1,\"se"] {
            let state = tempfile::tempdir().unwrap();
            let directory = runs::estate_directory(state.path(), "contoso-avd");
            fs::create_dir_all(&directory).unwrap();
            let mut journal = FileJournal::create(state.path(), "contoso-avd", FIRST).unwrap();
            journal.append(&[sample::opened(None)]).unwrap();
            fs::write(directory.join("r-20261120-1003-zz.jsonl"), bytes).unwrap();
            let report = verify(state.path(), None).unwrap();
            assert_eq!(report.exit_code, 2, "torn, not missing: {report}");
            fs::remove_file(directory.join(heads::FILE)).unwrap();
            let previous = runs::latest_head(state.path(), "contoso-avd").unwrap();
            assert_eq!(previous, Some(journal.head()), "the next run follows what has a record");
        }
    }

    #[test]
    fn two_first_runs_are_not_joined() {
        let case = Case::new();
        let mut other = FileJournal::create(case.state.path(), "contoso-avd", "r-20261121-1003-cc").unwrap();
        other.append(&[sample::opened(None)]).unwrap();
        let report = case.report();
        assert_eq!(report.exit_code, 4);
        assert!(report.to_string().contains("both claim to be the first run"), "{report}");
    }

    #[test]
    fn spoiled_heads_are_told() {
        let case = Case::new();
        let path = case.directory().join(heads::FILE);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            assert_ne!(case.exit(), 0, "byte {at} of {}", String::from_utf8_lossy(&bytes));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_file_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("r-1.jsonl");
            fs::write(&path, bytes).unwrap();
            let report = verify(&path, None).unwrap();
            prop_assert!(report.exit_code != 0);
            prop_assert!(!report.to_string().is_empty());
        }
    }
}
