//! Simulated worlds that survive their process: `<state>/worlds/<run>/ledger.jsonl`, and what a
//! served one was told: `<state>/served/<name>/ledger.jsonl`.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::time::{Span, Timestamp},
    sim::{Ledger, LedgerEntry, Scenario},
};

/// A ledger that keeps a world in memory until it belongs to a run, and on disk from then on.
#[derive(Debug, Default)]
pub struct WorldLedger(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Everything so far: a later run in the same world needs its whole past.
    lines: Vec<Line>,
    /// One file per run that belongs to the world.
    files: Vec<Kin>,
}

/// The file of one run.
#[derive(Debug)]
struct Kin {
    run: String,
    file: File,
    /// Bytes of whole lines in it.
    whole: u64,
}

impl Kin {
    /// One line made durable, or nothing of it: a part left behind by a full disk would stand before the
    /// next line and break the world.
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.whole += bytes.len() as u64,
            // Where it cannot even be cut off, the next line fails on the same disk.
            Err(_) => drop(self.file.set_len(self.whole)),
        }
        written
    }
}

/// One line of the file: what changed, and when that was in real time.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    real: Timestamp,
    entry: LedgerEntry,
}

/// A world as its ledger tells it.
#[derive(Debug)]
pub struct Past {
    /// The scenario it was made from.
    pub scenario: Scenario,
    /// Its seed.
    pub seed: u64,
    /// Everything that happened in it.
    pub entries: Vec<LedgerEntry>,
    /// Where its clock stands now: the last mark plus the real time since.
    pub now: Timestamp,
}

/// Why a world cannot be kept or brought back.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A file could not be used.
    #[error("could not {doing} the simulated world at {path}: {source}")]
    Access {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line cannot be read.
    #[error("the simulated world at {path} is broken at line {line}: {why}; it was left as it is")]
    Broken {
        /// Where.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
}

/// Name of the file within a world's directory.
const FILE: &str = "ledger.jsonl";

fn path(state: &Path, run: &str) -> PathBuf {
    state.join("worlds").join(run).join(FILE)
}

/// Whether the run has a world of its own.
pub fn exists(state: &Path, run: &str) -> bool {
    path(state, run).exists()
}

impl WorldLedger {
    /// From now on the world belongs to `run`: everything so far is written and synced, and
    /// everything later before its answer leaves.
    pub fn adopt(&self, state: &Path, run: &str) -> Result<(), WorldError> {
        self.keep(state, &path(state, run), run)
    }

    /// From now on a served world is kept as [`adopt`](Self::adopt) does, under a name that no
    /// run has: it belongs to whoever serves it, and a client never sees it. Returns the file.
    pub fn serve(&self, state: &Path, name: &str) -> Result<PathBuf, WorldError> {
        let path = state.join("served").join(name).join(FILE);
        self.keep(state, &path, name)?;
        Ok(path)
    }

    fn keep(&self, state: &Path, path: &Path, name: &str) -> Result<(), WorldError> {
        let access = |doing| move |source| WorldError::Access { doing, path: path.to_owned(), source };
        let directory = path.parent().unwrap_or(state);
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(access("make"))?;
        let options = || OpenOptions::new().append(true).create_new(true).mode(0o600).to_owned();
        let mut file = options().open(path).map_err(access("make"))?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in &kept.lines {
            file.write_all(&encode(line)).map_err(access("write"))?;
        }
        file.sync_all().map_err(access("sync"))?;
        // The names must survive a power cut as well as the lines.
        for made in directory.ancestors().take_while(|made| made.starts_with(state)) {
            File::open(made).and_then(|made| made.sync_all()).map_err(access("sync"))?;
        }
        let whole = file.metadata().map_err(access("read"))?.len();
        kept.files.push(Kin { run: name.to_owned(), file, whole });
        Ok(())
    }

    /// A ledger that goes on with the world of `run`.
    pub fn reopen(state: &Path, run: &str) -> Result<(Self, Past), WorldError> {
        let path = path(state, run);
        let access = |doing| {
            let path = path.clone();
            move |source| WorldError::Access { doing, path, source }
        };
        let lines = read(&path)?;
        let file = OpenOptions::new().append(true).open(&path).map_err(access("open"))?;
        let past = past(&path, lines.clone())?;
        let whole = file.metadata().map_err(access("read"))?.len();
        Ok((Self(Mutex::new(Kept { lines, files: vec![Kin { run: run.to_owned(), file, whole }] })), past))
    }

    /// Whether this is the world of `run`.
    pub fn belongs_to(&self, run: &str) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.files.iter().any(|known| known.run == run)
    }
}

fn encode(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Whole lines only: a torn last one was never answered, so nobody has relied on it.
fn read(path: &Path) -> Result<Vec<Line>, WorldError> {
    let access = |source| WorldError::Access { doing: "read", path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(access)?);
    let (mut lines, mut whole, mut bytes) = (Vec::new(), 0_u64, Vec::new());
    loop {
        bytes.clear();
        let count = reader.read_until(b'\n', &mut bytes).map_err(access)?;
        if count == 0 || bytes.last() != Some(&b'\n') {
            break;
        }
        whole += count as u64;
        let line = serde_json::from_slice(&bytes).map_err(|error| WorldError::Broken {
            path: path.to_owned(),
            line: lines.len() + 1,
            why: error.to_string(),
        })?;
        lines.push(line);
    }
    OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(whole)).map_err(access)?;
    Ok(lines)
}

fn past(path: &Path, lines: Vec<Line>) -> Result<Past, WorldError> {
    let broken = |line, why: &str| WorldError::Broken { path: path.to_owned(), line, why: why.to_owned() };
    let (scenario, seed) = match lines.first().map(|line| &line.entry) {
        Some(LedgerEntry::Opened { scenario_name, scenario_toml, seed, .. }) => {
            let scenario = Scenario::from_toml(scenario_toml, scenario_name)
                .map_err(|error| broken(1, &error.to_string()))?;
            (scenario, *seed)
        }
        _ => return Err(broken(1, "it does not begin with `opened`")),
    };
    let last = lines.last().map_or((scenario.epoch(), Timestamp::now()), |line| (line.entry.at(), line.real));
    let away = Timestamp::now().duration_since(last.1).max(Span::ZERO);
    Ok(Past {
        now: last.0 + away,
        scenario,
        seed,
        entries: lines.into_iter().map(|line| line.entry).collect(),
    })
}

impl Ledger for WorldLedger {
    fn append(&self, entry: &LedgerEntry) -> Result<(), String> {
        let line = Line { real: Timestamp::now(), entry: entry.clone() };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = encode(&line);
        for kin in &mut kept.files {
            kin.append(&bytes)
                .map_err(|error| format!("the world's ledger could not be written: {error}"))?;
        }
        kept.lines.push(line);
        Ok(())
    }
}
