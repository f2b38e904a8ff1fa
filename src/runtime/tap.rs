//! Tells a recorder what the app is told and what it says.

use std::time::Duration;

use crate::{
    app::{App, Event},
    domain::{Safe, Source, time::Timestamp},
    engine::{Input, Stamped},
    recording::{Line, Record, Recorder},
};

/// The recorder may take so long for its end when the cockpit leaves.
const END_LIMIT: Duration = Duration::from_secs(4);

/// Stands where events go into the app.
#[derive(Debug)]
pub struct Tap {
    recorder: Recorder,
    dialog: Option<String>,
    told: bool,
}

impl Tap {
    /// A tap for `recorder`.
    pub fn new(recorder: Recorder) -> Self {
        Self { recorder, dialog: None, told: false }
    }

    /// The recorder.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Before the app takes `event` in at `now`.
    pub fn before(&mut self, event: &Event, app: &mut App, now: Timestamp) {
        // What was said since the last event was said at its moment.
        self.said(app);
        let t = self.recorder.t(now);
        match event {
            Event::Observed(seen) => {
                self.recorder.look(seen, false, now);
                // When it is looked at again is told of a silent source only.
                if seen.outcome.is_err()
                    && let Some(at) = app.live_picture().next_look(&seen.source).filter(|at| *at > now)
                {
                    self.next(&seen.source, at, now);
                }
            }
            Event::LookAwaited { source, at } => {
                let reading = app.live_picture().reading(source);
                if reading.is_some_and(|reading| reading.silence.is_some()) {
                    self.next(source, *at, now);
                }
            }
            Event::Run(Input::Observed(seen)) => self.recorder.look(seen, true, now),
            Event::Run(Input::JournalFailed(why)) => {
                self.recorder.line(Line::Stopped { t, why: why.clone() });
            }
            Event::RunsListed(runs) => self.recorder.line(Line::Runs { t, runs: runs.clone() }),
            Event::Facts(facts) => self.recorder.line(Line::Facts { t, facts: facts.clone() }),
            Event::Token { identity: Some(identity), .. } => {
                self.recorder.line(Line::Identity { t, identity: identity.clone() });
            }
            _ => {}
        }
    }

    /// After the app has taken an event in, before anything of what it asked for is begun.
    pub fn after(&mut self, app: &mut App, now: Timestamp) {
        self.said(app);
        if app.confirming() != self.dialog.as_deref() {
            self.dialog = app.confirming().map(str::to_owned);
            self.recorder.line(Line::Dialog { t: self.recorder.t(now), step: self.dialog.clone() });
        }
    }

    fn next(&self, source: &Source, at: Timestamp, now: Timestamp) {
        let (t, at) = (self.recorder.t(now), self.recorder.t(at));
        self.recorder.line(Line::Next { t, src: source.clone(), at });
    }

    fn said(&self, app: &mut App) {
        let t = self.recorder.t(app.moment.now);
        for text in app.take_said() {
            self.recorder.line(Line::Said { t, text: Safe::new(&text) });
        }
    }

    /// A run is opened, or gone on with after its `past` records.
    pub fn run(&self, run: &str, lock: &Safe, past: &[Stamped], now: Timestamp) {
        let (t, seq) = (self.recorder.t(now), past.len() as u64);
        self.recorder.line(Line::Run { t, run: run.to_owned(), seq, lock: lock.clone() });
        for (seq, stamped) in (1..).zip(past) {
            self.recorder.line(Line::Past(Box::new(Record::of(stamped, run, seq, self.recorder.start()))));
        }
    }

    /// Why the recording has ended before its time, once.
    pub fn trouble(&mut self) -> Option<String> {
        if self.told {
            return None;
        }
        let why = self.recorder.trouble()?;
        self.told = true;
        Some(format!("RECORDING ENDED: {why}; the sitting goes on without it"))
    }

    /// Ends the recording.
    pub fn end(&self, now: Timestamp, why: &str) -> Option<Safe> {
        self.recorder.end(now, why, END_LIMIT)
    }
}
