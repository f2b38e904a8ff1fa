//! What a cockpit sits on: the desk of an estate, or that of a recording.

use std::future::Future;

use tokio::task::JoinHandle;

use crate::{
    app::{App, Event, LeaveReason},
    engine::Input,
};

use super::{
    desk::{Desk, Opened},
    kept,
};

/// What only the front can do.
#[derive(Debug, Clone, PartialEq)]
pub enum Front {
    /// Put text on the clipboard.
    Copy(String),
    /// Ring the bell.
    Bell,
    /// Wear the theme of this name; empty: tell which there are.
    Theme(String),
    /// Go on with a run that lives in another world than this process's.
    Reopen(String),
    /// End.
    Leave(LeaveReason),
}

/// Something for a desk to take in.
#[derive(Debug)]
pub enum Happening {
    /// For the open run.
    Run(Input),
    /// For the app.
    News(Event),
    /// A run was opened, or could not be.
    Opened(Box<Opened>),
    /// The run's next due moment has come.
    Due,
    /// A second passed.
    Second,
}

/// The app with what carries out its effects.
pub trait Seat {
    /// What happens to it.
    type Happening;

    /// The app.
    fn app(&mut self) -> &mut App;

    /// Waits for the next happening. Nothing is lost when the wait is given up.
    fn next(&mut self) -> impl Future<Output = Self::Happening>;

    /// Takes in a happening and what is there besides, while `more` may be taken.
    fn gather(&mut self, first: Self::Happening, more: impl FnMut() -> bool);

    /// Tells the app something and carries out what it asks for. `at`: when a key was read.
    fn feed(&mut self, event: Event, at: Option<u64>);

    /// What the front must do, oldest first.
    fn for_front(&mut self) -> Vec<Front>;

    /// Whether nothing that was decided is still on its way to the disk.
    fn is_durable(&self) -> bool;

    /// Keeps what the next start shows at once, beside the loop; `None`: there is nothing to keep.
    fn keep(&self) -> Option<JoinHandle<()>> {
        None
    }
}

impl Seat for Desk {
    type Happening = Happening;

    fn app(&mut self) -> &mut App {
        &mut self.app
    }

    fn next(&mut self) -> impl Future<Output = Happening> {
        Self::next(self)
    }

    fn gather(&mut self, first: Happening, more: impl FnMut() -> bool) {
        Self::gather(self, first, more);
    }

    fn feed(&mut self, event: Event, at: Option<u64>) {
        Self::feed(self, event, at);
    }

    fn for_front(&mut self) -> Vec<Front> {
        Self::for_front(self)
    }

    fn is_durable(&self) -> bool {
        Self::is_durable(self)
    }

    fn keep(&self) -> Option<JoinHandle<()>> {
        kept::keep_beside(self.session(), self.app.live_picture())
    }
}
