//! A run whose journal takes nothing more: nothing of it is sent until the journal is open again.

use crate::domain::Safe;

use super::{Intent, event::Effect, mode::Call, state::App};

impl App {
    /// Why nothing of the open run can be written down, and so nothing be sent.
    pub fn stopped(&self) -> Option<&Safe> {
        self.run.as_ref()?.view.stopped.as_ref()
    }

    /// Has the journal opened again, as `farshore resume` would in another process. Nothing is sent by
    /// it: the run comes back interrupted, and a person goes on with it.
    pub(super) fn open_again(&mut self) {
        let Some(id) = self.run.as_ref().map(|run| run.view.run.clone()) else { return };
        self.say(format!("opening the journal of {id} again; nothing is sent by that"));
        self.want(Effect::ResumeRun(id));
    }

    /// Tells once that the journal failed, in full: its reason names what was kept.
    pub(super) fn tell_stopped(&mut self, was: Option<&Safe>) {
        let Some(why) = self.stopped().filter(|why| Some(*why) != was) else { return };
        let why = why.to_string();
        self.tell_all(format!("NO WRITES: {why}"));
        let key = self.key(Intent::Hold);
        self.say(format!("NO WRITES: the journal failed; {key} opens it again once the disk takes writes"));
        self.ring(Call::Needed);
    }
}
