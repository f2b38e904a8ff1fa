//! What each verb of the command line does, with its exit code.

mod audit;
mod config;
mod doctor;
pub mod identity;
mod look;
mod recordings;
mod runbooks;
mod runs;
mod shell;

pub use runs::{report_text, session_of};

use std::{
    future::Future,
    io::{self, Write},
    panic::AssertUnwindSafe,
};

use crate::{
    cli::{self, Cli, Speed, Verb},
    vault,
};

use super::{
    front::{self, First},
    opening::OpenError,
    paper,
    recordings::{BeginError, RecordingError},
    session::{Session, SessionError},
    sim_verbs::SimVerbError,
};

/// Exit code of a mistake of ours.
pub const EXIT_BUG: u8 = 70;

/// Why a verb could not do its work; each fits after `could not`.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    /// No session.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No run.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// No simulator.
    #[error(transparent)]
    Sim(#[from] SimVerbError),
    /// The words of the command line do not fit what is here.
    #[error("{0}")]
    Usage(String),
    /// The token cache could not be changed.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
    /// Nothing could be printed.
    #[error("could not print: {0}")]
    Print(#[from] io::Error),
}

impl From<BeginError> for VerbError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::File(error) => Self::Recording(error),
            BeginError::Session(error) => Self::Session(error),
        }
    }
}

impl VerbError {
    /// Exit code for verbs other than `status`, `check` and `audit`.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Session(_) | Self::Usage(_) | Self::Sim(_) | Self::Open(OpenError::NoRunbook(_)) => 2,
            Self::Open(_) | Self::Vault(_) | Self::Print(_) | Self::Recording(_) => 1,
        }
    }
}

/// Does what the command line asks for and returns the exit code.
pub fn obey(cli: &Cli) -> u8 {
    // Before anything secret is in memory; `doctor` tells where it could not be done.
    vault::withhold();
    let _worn = cli.global.redact.then(paper::redact);
    let bug = match &cli.verb {
        // To a monitoring system a crash is one more thing that could not be answered.
        Some(Verb::Status(_) | Verb::Check(_)) => cli::EXIT_UNKNOWN,
        _ => EXIT_BUG,
    };
    caught(bug, &mut paper::err(), || {
        // A flag that is wrong is told by those verbs as well that have no use for it.
        if let Err(error) = front::check_theme(cli) {
            complain(&error);
            return usage_code(cli);
        }
        match &cli.verb {
            Some(verb) => perform(cli, verb),
            None => cockpit(cli),
        }
    })
}

/// Exit code of a word of the command line that does not fit, by the verb.
fn usage_code(cli: &Cli) -> u8 {
    match &cli.verb {
        Some(Verb::Status(_) | Verb::Check(_)) => cli::EXIT_UNKNOWN,
        Some(Verb::Audit(_)) => cli::EXIT_AUDIT_USAGE,
        _ => cli::EXIT_USAGE,
    }
}

/// The exit code of `work`, or `bug` where it panics. The panic hook has given the terminal back and
/// told what it knows by then; this line is for whoever has to go on.
fn caught(bug: u8, out: &mut impl Write, work: impl FnOnce() -> u8) -> u8 {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let _ = writeln!(
            out,
            "farshore: a mistake of ours ended it; journals are kept as they were: `farshore runs` lists \
             what can be resumed"
        );
        bug
    })
}

fn perform(cli: &Cli, verb: &Verb) -> u8 {
    let result = match verb {
        Verb::Status(args) => return answer(3, block_on(cli, look::status(cli, args))),
        Verb::Check(args) => return answer(3, block_on(cli, look::check(cli, args))),
        Verb::Audit(args) => return answer(cli::EXIT_AUDIT_USAGE, audit::perform(cli, args)),
        Verb::Runbook(args) => block_on(cli, runbooks::perform(cli, args)),
        Verb::Run(args) => block_on(cli, runs::run(cli, args)),
        Verb::Resume(args) => block_on(cli, runs::resume(cli, args)),
        Verb::Runs => runs::list(cli),
        Verb::Report(args) => runs::report(cli, args),
        Verb::Login(args) => block_on(cli, identity::login(cli, args)),
        Verb::Logout => identity::logout(cli),
        Verb::Whoami => block_on(cli, identity::whoami(cli)),
        Verb::Doctor(args) => block_on(cli, doctor::doctor(cli, args)),
        Verb::Record(args) => block_on(cli, async { recordings::record(cli, args) }),
        Verb::Replay { file } => block_on(cli, recordings::replay(cli, file)),
        Verb::Sim(args) => block_on(cli, super::sim_verbs::perform(cli, args)),
        Verb::Config(verb) => config::perform(cli, *verb),
        Verb::Completions(args) => shell::completions(args),
        Verb::Man => shell::man(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            error.exit_code()
        }
    }
}

fn answer(failure: u8, result: Result<u8, VerbError>) -> u8 {
    result.unwrap_or_else(|error| {
        complain(&error);
        failure
    })
}

/// Says what went wrong. A terminal that is gone is no reason to panic.
fn complain(error: &VerbError) {
    // Whoever reads has read enough, as `head` does: that is no trouble of anybody's.
    if matches!(error, VerbError::Print(why) if why.kind() == io::ErrorKind::BrokenPipe) {
        return;
    }
    let text = error.to_string();
    for (line, text) in text.lines().enumerate() {
        let lead = if line == 0 { "farshore: " } else { "  " };
        let _ = writeln!(paper::err(), "{lead}{}", crate::domain::Safe::new(text));
    }
}

/// The bare cockpit.
fn cockpit(cli: &Cli) -> u8 {
    let opened = async {
        let session = Session::open(&cli.global, None)?;
        front::open(cli, session, First::Nothing)
    };
    match block_on(cli, opened) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            error.exit_code()
        }
    }
}

/// Runs a verb: on the paused clock where time may jump, else on the real one with a thread
/// for everything that waits, so that the loop of the cockpit never does.
fn block_on<T>(cli: &Cli, work: impl Future<Output = Result<T, VerbError>>) -> Result<T, VerbError> {
    if cli.global.speed == Some(Speed::Max) && is_for_person(cli) {
        // Nobody can answer while time jumps, and the loops of both fronts need a thread beside them.
        return Err(VerbError::Usage(
            "--speed max is for what runs without a person, such as `farshore run ID --sim --auto`; \
             here give a number, such as --speed 60; nothing was opened"
                .to_owned(),
        ));
    }
    let runtime = if jumps(cli) {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
    };
    let runtime = runtime.map_err(VerbError::Print)?;
    let result = runtime.block_on(work);
    // Looks that are still on the wire must not hold the process up.
    runtime.shutdown_background();
    result
}

/// Whether a person sits before it: the cockpit or the lines, bare or for a run.
fn is_for_person(cli: &Cli) -> bool {
    match &cli.verb {
        None | Some(Verb::Record(_) | Verb::Replay { .. }) => true,
        Some(Verb::Run(run)) => !run.auto,
        Some(Verb::Resume(resume)) => !resume.auto,
        Some(_) => false,
    }
}

/// Whether time jumps to the next due instant: asked for, or the default of `--auto` in the
/// simulator of this process.
fn jumps(cli: &Cli) -> bool {
    let auto = match &cli.verb {
        Some(Verb::Run(run)) => run.auto,
        Some(Verb::Resume(resume)) => resume.auto,
        _ => false,
    };
    let simulated = match &cli.verb {
        Some(Verb::Resume(resume)) => super::session::has_world(&cli.global, &resume.run),
        _ => !matches!(cli.global.asked(), cli::Asked::Estate(_)),
    };
    match cli.global.speed {
        Some(Speed::Max) => true,
        Some(Speed::Times(_)) => false,
        None => auto && simulated,
    }
}

/// Prints a text whole; a closed pipe is an error, not a panic.
fn print(text: &str) -> Result<(), VerbError> {
    let mut out = paper::out();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_of_ours_has_its_own_exit_code_and_one_line() {
        for (bug, work, code, lines) in [
            (EXIT_BUG, (|| panic!("on purpose")) as fn() -> u8, 70, 1),
            (cli::EXIT_UNKNOWN, || panic!("on purpose"), 3, 1),
            (EXIT_BUG, || 4, 4, 0),
        ] {
            let mut out = Vec::new();
            assert_eq!(caught(bug, &mut out, work), code);
            let text = String::from_utf8(out).expect("text");
            assert_eq!(text.lines().count(), lines, "{text}");
            assert!(lines == 0 || text.starts_with("farshore: a mistake of ours"), "{text}");
        }
    }
}
