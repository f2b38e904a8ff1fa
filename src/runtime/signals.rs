//! Signals: what they mean to the cockpit, and how it stops for a shell.

use std::io;

use rustix::process::{self, Pid};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::LeaveReason;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// End.
    Leave(LeaveReason),
    /// Give the terminal back and stop, until SIGCONT.
    Suspend,
    /// The window has another size, or had one for a moment: it must be painted whole.
    Resized,
    /// The process goes on after a stop: the terminal must be taken again and painted whole.
    Continued,
}

/// The signals the cockpit answers.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hangup: Signal,
    stop: Signal,
    go_on: Signal,
    window: Signal,
}

impl Signals {
    /// Starts to listen; from here on none of them ends or stops the process by itself.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            // It would leave the terminal as it is, and a core dump is refused anyhow.
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(process::Signal::TSTP.as_raw()))?,
            go_on: signal(SignalKind::from_raw(process::Signal::CONT.as_raw()))?,
            window: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            Some(()) = self.hangup.recv() => Asked::Leave(LeaveReason::Hangup),
            Some(()) = self.terminate.recv() => Asked::Leave(LeaveReason::Terminated),
            Some(()) = self.quit.recv() => Asked::Leave(LeaveReason::Terminated),
            Some(()) = self.interrupt.recv() => Asked::Leave(LeaveReason::Terminated),
            Some(()) = self.stop.recv() => Asked::Suspend,
            Some(()) = self.go_on.recv() => Asked::Continued,
            Some(()) = self.window.recv() => Asked::Resized,
            else => Asked::Leave(LeaveReason::Terminated),
        }
    }
}

/// What came of asking to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The process was stopped and goes on now.
    AndBack,
    /// No shell waits for this process: a stop would never end.
    NoShell,
}

/// Stops this process until SIGCONT. The terminal must have been released before.
///
/// We answer SIGTSTP ourselves, so its default action is gone and SIGSTOP does the stopping. The
/// kernel protects orphaned process groups from the former but not from the latter: therefore
/// the check for a shell (rust-stack §4).
pub fn stop_here() -> Stopped {
    if !shell_waits() {
        return Stopped::NoShell;
    }
    match process::kill_process(process::getpid(), process::Signal::STOP) {
        Ok(()) => Stopped::AndBack,
        Err(_) => Stopped::NoShell,
    }
}

/// Whether the parent lives in our session and in another process group: a shell with job control.
pub fn shell_waits() -> bool {
    let Some(parent) = process::getppid().filter(|parent| *parent != Pid::INIT) else { return false };
    let own = (process::getsid(None), process::getpgid(None));
    match (own, process::getsid(Some(parent)), process::getpgid(Some(parent))) {
        ((Ok(session), Ok(group)), Ok(of_parent), Ok(group_of_parent)) => {
            session == of_parent && group != group_of_parent
        }
        _ => false,
    }
}
