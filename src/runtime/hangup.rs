//! A watchdog for a terminal that goes away without telling.
//!
//! When the far end of a terminal closes and no SIGHUP reaches us (a shell that ignores it, some
//! `ssh -t` wrappers), reading from it spins instead of failing. One thread polls the terminal
//! for its end and for nothing else.

use std::{
    io,
    os::fd::AsFd,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The loop must have ended within this time of a hang-up (design §11).
pub const GRACE: Duration = Duration::from_secs(5);
/// Exit code when it did not: stopped waiting, resumable (design §7).
pub const EXIT_CODE: i32 = 3;
/// The poll wakes so often to see whether the cockpit has ended by itself.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The watchdog. Dropping it tells the thread that the loop ended in time.
#[derive(Debug)]
pub struct Watchdog {
    ended: Arc<Ended>,
    _alive: Sender<()>,
}

#[derive(Debug, Default)]
struct Ended {
    flag: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Working,
    Ended,
}

impl Watchdog {
    /// Watches standard input. `tell` is called once when its far end is gone; if the watchdog is
    /// not dropped within [`GRACE`] after that, the process exits with [`EXIT_CODE`].
    pub fn watch(tell: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let ended = Arc::new(Ended::default());
        let shared = Arc::clone(&ended);
        let (alive, life) = channel();
        thread::Builder::new().name("hangup".to_owned()).spawn(move || {
            if !wait_for_end(&io::stdin(), &life) {
                return;
            }
            tell();
            if !shared.within(GRACE) {
                // Nothing is printed and nothing is dropped: the terminal is gone, and what the
                // journal holds is on disk already.
                std::process::exit(EXIT_CODE);
            }
        })?;
        Ok(Self { ended, _alive: alive })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.ended.flag.lock().unwrap_or_else(PoisonError::into_inner) = State::Ended;
        self.ended.changed.notify_all();
    }
}

impl Ended {
    fn within(&self, limit: Duration) -> bool {
        let flag = self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(flag, limit, |state| *state == State::Working);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == State::Ended
    }
}

/// Whether the far end of standard input has closed. SIGHUP also comes from people, with the
/// terminal alive and waiting to be given back.
pub fn is_gone() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
    match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => fds[0].revents().intersects(gone()),
        Err(_) => true,
    }
}

fn gone() -> PollFlags {
    PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL
}

/// Waits for the far end of `terminal` to close; `false`: the cockpit ended first, or the
/// terminal cannot be polled.
fn wait_for_end(terminal: &impl AsFd, life: &Receiver<()>) -> bool {
    loop {
        // No event is asked for: the three that matter are always reported.
        let mut fds = [PollFd::new(terminal, PollFlags::empty())];
        match poll(&mut fds, Some(&LOOK)) {
            Ok(0) => {}
            Ok(_) if fds[0].revents().intersects(gone()) => return true,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
        if life.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_closed_far_end_is_noticed_and_an_ended_cockpit_too() {
        let (near, far) = UnixStream::pair().unwrap();
        let (alive, life) = channel::<()>();
        drop(far);
        assert!(wait_for_end(&near, &life));
        let (near, _far) = UnixStream::pair().unwrap();
        drop(alive);
        assert!(!wait_for_end(&near, &life));
    }

    #[test]
    fn ending_in_time_is_told_from_not_ending() {
        let ended = Arc::new(Ended::default());
        assert!(!ended.within(Duration::ZERO));
        drop(Watchdog { ended: Arc::clone(&ended), _alive: channel().0 });
        assert!(ended.within(Duration::ZERO));
    }
}
