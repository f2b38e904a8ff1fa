//! Recordings as files: begun, read, played.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, BufWriter},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    app::{Access, App, Bell, Moment, Setup, Speed, TokenStatus, World},
    azure::Endpoint,
    config,
    domain::estate::Estate,
    engine::{Stamped, event::WorldKind},
    journal::{Journal, MemoryJournal},
    recording::{self, FORMAT, Header, Line, Recorder, Sink, Tape, TapeError},
    report::{self, Integrity, Verified},
};

use super::{
    clock::Clock,
    front,
    past::Past,
    player::Player,
    session::{Place, Session, SessionError},
    terminal::TerminalClock,
};

/// Largest file that is played, in bytes.
const MAX_FILE: u64 = 1024 * 1024 * 1024;

/// Why a recording cannot be made or played.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be made.
    #[error("could not record into {}: {source}; nothing was opened", .path.display())]
    Create {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("could not read {}: {source}", .path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is too large.
    #[error("{} is larger than {MAX_FILE} bytes", .0.display())]
    Large(PathBuf),
    /// It is no recording.
    #[error("could not play {}: {source}", .path.display())]
    Tape {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        source: TapeError,
    },
    /// What its header says of the estate cannot be used.
    #[error("could not play {}: line 1: {why}", .path.display())]
    Estate {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It holds no such run.
    #[error("{} holds no run {run}; it holds {known}", .path.display())]
    NoRun {
        /// Where.
        path: PathBuf,
        /// Which was asked for.
        run: String,
        /// Those it holds, in words.
        known: String,
    },
}

/// The header of a recording that begins now.
pub fn header(session: &Session, redacted: bool) -> Header {
    let scenario = match &session.place {
        Place::Sim(rehearsed) => Some(rehearsed.label.clone()),
        Place::Live(_) => None,
    };
    let mode = match session.world() {
        WorldKind::Sim => World::Sim,
        WorldKind::Live => World::Live,
    };
    Header {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        mode: mode.word().to_owned(),
        scenario,
        estate: session.estate.name.clone(),
        endpoint: session.endpoint.clone(),
        start: session.clock.now(),
        redacted,
        withheld: recording::withheld(redacted),
        identity: session.identity(),
        estate_file: session.text.clone(),
    }
}

/// What the estate file itself names: replaced where a recording is redacted.
pub fn names(estate: &Estate) -> Vec<String> {
    let groups = estate.services.iter().flat_map(|service| &service.groups);
    let principals = groups.flat_map(|group| &group.principals).map(|principal| principal.name.clone());
    principals.chain([estate.name.clone()]).collect()
}

/// The same session, recorded into `out` or into a file of its own; where that is.
pub fn begin(session: Session, out: Option<&Path>, redacted: bool) -> Result<(Session, PathBuf), BeginError> {
    let header = header(&session, redacted);
    let named = || {
        let name = format!("{}-{}.jsonl", header.estate, header.start.strftime("%Y%m%d-%H%M%S"));
        session.state.join("recordings").join(name)
    };
    let path = out.map_or_else(named, Path::to_owned);
    let create = |source| RecordingError::Create { path: path.clone(), source };
    if out.is_none() {
        let directory = session.state.join("recordings");
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(create)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(create)?;
    let sink: Sink = Box::new(BufWriter::new(file));
    let recorder = Recorder::begin(header, &names(&session.estate), sink).map_err(create)?;
    Ok((session.recorded(recorder)?, path))
}

/// Why a sitting cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The file.
    #[error(transparent)]
    File(#[from] RecordingError),
    /// The session.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Reads a recording.
pub fn read(path: &Path) -> Result<Tape, RecordingError> {
    let unread = |source| RecordingError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unread)?.len() > MAX_FILE {
        return Err(RecordingError::Large(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(unread)?;
    Tape::read(&bytes).map_err(|source| RecordingError::Tape { path: path.to_owned(), source })
}

/// The estate that a recording is of, and the address it was looked at through.
pub fn estate(tape: &Tape, path: &Path) -> Result<(Arc<Estate>, Endpoint), RecordingError> {
    let wrong = |why: String| RecordingError::Estate { path: path.to_owned(), why };
    let estate = config::parse(&tape.header.estate_file, "its estate file");
    let estate = estate.map_err(|error| wrong(error.to_string()))?;
    let endpoint = Endpoint::parse(&tape.header.endpoint);
    let endpoint = endpoint.map_err(|error| wrong(format!("endpoint {}: {error}", tape.header.endpoint)))?;
    Ok((Arc::new(estate), endpoint))
}

/// A player at the beginning of a recording, at `speed`.
pub fn player(
    tape: Tape,
    path: &Path,
    speed: f64,
    terminal: TerminalClock,
) -> Result<Player, RecordingError> {
    let (estate, endpoint) = estate(&tape, path)?;
    let clock = Arc::new(Clock::new(tape.start(), speed));
    let setup = Setup {
        world: World::Replay(if tape.header.mode == "SIM" {
            crate::app::Recorded::Sim
        } else {
            crate::app::Recorded::Live
        }),
        access: Access::ReadOnly,
        endpoint: None,
        runbooks: front::runbooks(&estate),
        estate,
        identity: tape.header.identity.clone(),
        token: TokenStatus::NotNeeded,
        speed: Speed::Times(speed),
        bell: Bell::Never,
    };
    let app = App::new(setup, Moment { now: tape.start(), terminal: 0 });
    Ok(Player::new(Arc::new(tape), app, clock, endpoint, terminal))
}

/// The report of a recorded run.
pub fn report(path: &Path, run: &str) -> Result<report::Report, RecordingError> {
    let tape = Arc::new(read(path)?);
    let none = || {
        let known = runs(&tape).join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        RecordingError::NoRun { path: path.to_owned(), run: run.to_owned(), known }
    };
    let durable = tape.lines.iter().rev().find_map(|line| match line {
        Line::Durable { run: of, seq, head, .. } if of == run => Some((*seq, head.clone())),
        _ => None,
    });
    let past = Past::new(&tape);
    let mut records = past.journal(run, past.count()).ok_or_else(none)?;
    // What was decided and never came to the disk is no part of the journal.
    let kept = durable.as_ref().map_or(0, |(seq, _)| usize::try_from(*seq).unwrap_or(usize::MAX));
    records.truncate(kept);
    built(run, &records, durable, tape.header.redacted).ok_or_else(none)
}

fn runs(tape: &Tape) -> Vec<String> {
    let run = |line: &Line| match line {
        Line::Run { run, .. } => Some(run.clone()),
        _ => None,
    };
    tape.lines.iter().filter_map(run).collect()
}

/// The report of records whose last hash was recorded too.
fn built(
    run: &str,
    records: &[Stamped],
    head: Option<(u64, String)>,
    redacted: bool,
) -> Option<report::Report> {
    let mut journal = MemoryJournal::new(run);
    journal.append(records).ok()?;
    // As its file has them: times to the millisecond.
    let (journal, events) = MemoryJournal::from_lines(run, journal.lines()).ok()?;
    let own = journal.head();
    let verified = match head {
        _ if redacted => Verified::NotChecked,
        Some((_, hash)) if hash == own.hash => Verified::Intact,
        _ => Verified::Broken("its records do not lead to the head that was recorded".to_owned()),
    };
    let notes = if redacted { vec!["the recording is redacted".into()] } else { Vec::new() };
    let integrity = Integrity { head: own.hash, records: own.seq, verified, notes };
    let last = events.last()?.wall;
    report::build(run, &events, integrity, last)
}
