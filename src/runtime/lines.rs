//! Plain mode: the cockpit as lines on stdin and stdout.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc::{Receiver, channel, error::TryRecvError};

use crate::{
    app::{App, Event, LeaveReason, Moment, OpenRun, World, gesture::DISCARD_MS},
    cli::Cli,
    domain::Safe,
    engine::{Command, event::HeldWhy, view::RunState},
    plain::{Plain, Reply, WRONG_MAX, status_lines, stops},
};

use super::{
    desk::Desk,
    front::{self, First},
    paper,
    seat::Front,
    session::Session,
    terminal::TerminalClock,
    verbs::VerbError,
};

/// Opens the lines. Without a run to start or go on with: the status, once.
pub fn open(cli: &Cli, session: Session, first: First) -> Result<u8, VerbError> {
    let session = Arc::new(session);
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        handle.block_on(async {
            let mut app =
                App::new(front::setup(cli, &session), Moment { now: session.clock.now(), terminal: 0 });
            if let Some(masks) = paper::masks() {
                app.redact(masks);
            }
            let clock = TerminalClock::start();
            let mut lines = Lines {
                desk: Desk::new(session, app, clock),
                plain: Plain::default(),
                typed: typed(),
                clock,
                deaf_until: None,
                dropped: 0,
                watched: true,
                input: Input::Open,
            };
            if let Some(line) = lines.simulated() {
                say(&[line])?;
            }
            let code = match first {
                First::Nothing => lines.status().await,
                First::Start(order) => {
                    lines.desk.start(*order);
                    lines.run().await
                }
                First::Resume(run) => {
                    lines.desk.resume(run);
                    lines.run().await
                }
            };
            lines.desk.end_recording("left");
            code
        })
    })
}

struct Lines {
    desk: Desk,
    plain: Plain,
    typed: Receiver<Option<String>>,
    clock: TerminalClock,
    /// Until when a question has just been put, so that nothing can be an answer to it yet.
    deaf_until: Option<u64>,
    /// Lines dropped since that was last said.
    dropped: usize,
    /// The run had ended before, as far as is known.
    watched: bool,
    input: Input,
}

/// How far stdin has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// To its end, which the run has not been told: it is not open yet.
    Ended,
    /// To its end, and so the run is being left.
    Left,
}

/// What is typed waits so long for news at most, in milliseconds.
const BATCH_MS: u64 = 100;

/// Lines read ahead: a pipe that never ends must not fill the memory.
const READ_AHEAD: usize = 64;

/// Lines from stdin, read on a thread of their own; `None` at the end.
fn typed() -> Receiver<Option<String>> {
    let (tx, rx) = channel(READ_AHEAD);
    let reader = move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if tx.blocking_send(Some(line)).is_err() {
                return;
            }
        }
        let _ = tx.blocking_send(None);
    };
    // Without the thread nothing can be typed, which the closed channel tells.
    let _ = std::thread::Builder::new().name("stdin".to_owned()).spawn(reader);
    rx
}

/// What is printed before the pollers have looked at everything once is no status.
const FIRST_LOOKS: Duration = Duration::from_secs(7);

impl Lines {
    /// What simulated output begins with.
    fn simulated(&self) -> Option<String> {
        let app = &self.desk.app;
        let simulated = app.world == World::Sim;
        simulated.then(|| format!("SIM {}: everything below happens on a simulated estate", app.estate.name))
    }

    async fn status(&mut self) -> Result<u8, VerbError> {
        let wanted = super::survey::status_sources(&self.desk.app.estate);
        let desk = &mut self.desk;
        let _ = tokio::time::timeout(FIRST_LOOKS, async {
            while wanted.iter().any(|source| desk.app.picture.reading(source).is_none()) {
                let happening = desk.next().await;
                desk.take(happening);
            }
        })
        .await;
        self.desk.app.settle();
        say(&status_lines(&self.desk.app))?;
        Ok(self.desk.app.summary.verdict.exit_code())
    }

    async fn run(&mut self) -> Result<u8, VerbError> {
        loop {
            self.desk.app.settle();
            say(&self.plain.news(&self.desk.app))?;
            if let Some(code) = self.ended().await? {
                return Ok(code);
            }
            // Whether the run opens at all is told before the end of the input ends anything.
            let told = |run: &OpenRun| run.view.durable > 0 || run.view.stopped.is_some();
            if self.input == Input::Ended && self.desk.app.run.as_ref().is_some_and(told) {
                self.input = Input::Left;
                self.desk.feed(Event::Leaving(LeaveReason::Hangup), None);
                continue;
            }
            if let Some(command) = self.plain.wants(&self.desk.app) {
                self.desk.feed(Event::Command(command), None);
                continue;
            }
            let at = self.clock.ms();
            if let Some(lines) = self.plain.prompt(&self.desk.app, at, || fastrand::u8(10..100)) {
                if self.discard()? {
                    self.desk.feed(Event::Leaving(LeaveReason::Hangup), None);
                    continue;
                }
                say(&lines)?;
                self.deaf_until = Some(self.clock.ms() + DISCARD_MS);
            }
            let deaf = self.deaf_until.map(|until| until.saturating_sub(self.clock.ms()));
            let hears = async move {
                match deaf {
                    Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                    None => std::future::pending().await,
                }
            };
            // What happens comes first: a pipe that never ends must not keep the run from its own news.
            tokio::select! {
                biased;
                () = hears => self.hear()?,
                happening = self.desk.next() => {
                    let (clock, until) = (self.clock, self.clock.ms() + BATCH_MS);
                    self.desk.gather(happening, || clock.ms() < until);
                }
                line = self.typed.recv(), if self.input == Input::Open => match line.flatten() {
                    Some(line) if self.deaf_until.is_some() && !stops(&line) => self.dropped += 1,
                    Some(line) => self.answer(&line)?,
                    None => self.input = Input::Ended,
                },
            }
        }
    }

    /// What was typed before the question is no answer to it. Returns whether the input ended there.
    fn discard(&mut self) -> io::Result<bool> {
        if io::stdin().is_terminal() {
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        }
        loop {
            match self.typed.try_recv() {
                Ok(Some(line)) if stops(&line) => self.answer(&line)?,
                Ok(Some(_)) => self.dropped += 1,
                Ok(None) | Err(TryRecvError::Disconnected) => return Ok(true),
                Err(TryRecvError::Empty) => return Ok(false),
            }
        }
    }

    /// From now on a line can be an answer; what came before is told, once.
    fn hear(&mut self) -> io::Result<()> {
        self.deaf_until = None;
        match std::mem::take(&mut self.dropped) {
            0 => Ok(()),
            count => say(&[format!(
                "not taken: {count} lines that came before the question could be read; answer it now"
            )]),
        }
    }

    fn answer(&mut self, line: &str) -> io::Result<()> {
        match self.plain.answer(&self.desk.app, line, self.clock.ms()) {
            Reply::Command(command) => self.desk.feed(Event::Command(command), None),
            Reply::Lines(lines) => say(&lines)?,
            Reply::Wrong(why) => {
                say(&[why])?;
                if self.plain.gives_up() {
                    self.give_up()?;
                }
            }
            Reply::Unasked => {
                if self.dropped == 0 {
                    say(&["not taken: nothing is asked now".to_owned()])?;
                }
                self.dropped += 1;
            }
            Reply::Leave => self.desk.feed(Event::Leaving(LeaveReason::Person), None),
        }
        Ok(())
    }

    /// Whoever answers does not read what is asked: the run is held for a person who does.
    fn give_up(&mut self) -> io::Result<()> {
        let note = format!("{WRONG_MAX} wrong answers in a row: nobody reads the questions");
        let hold = Command::Hold { why: HeldWhy::Person, note: Safe::new(&note) };
        self.desk.feed(Event::Command(hold), None);
        let run = self.desk.app.run_view().map(|view| view.run.clone()).unwrap_or_default();
        say(&[format!("{note}; the run is held, go on with `farshore resume {run}`")])?;
        self.desk.feed(Event::Leaving(LeaveReason::Person), None);
        Ok(())
    }

    /// The exit code, once the run is closed and on disk, or the person left.
    async fn ended(&mut self) -> io::Result<Option<u8>> {
        for errand in self.desk.for_front() {
            match errand {
                Front::Leave(_) => {
                    self.settle().await;
                    return Ok(Some(3));
                }
                Front::Reopen(run) => {
                    say(&[format!("could not open the run: the simulated world of {run} is not here")])?;
                    return Ok(Some(1));
                }
                Front::Copy(_) | Front::Bell | Front::Theme(_) => {}
            }
        }
        // What it says has been told as news.
        if self.desk.app.notice.take().is_some() && self.desk.app.run.is_none() && self.refused() {
            return Ok(Some(1));
        }
        let Some(run) = &self.desk.app.run else { return Ok(None) };
        let RunState::Closed(end) = run.view.state else {
            self.watched = false;
            return Ok(None);
        };
        // One that ended before has been opened to pay what it owes.
        if self.watched && self.desk.app.run.as_ref().is_some_and(|run| run.view.watches) {
            return Ok(None);
        }
        self.settle().await;
        Ok(Some(super::headless::Outcome::Ended(end).exit_code()))
    }

    fn refused(&self) -> bool {
        let mut lines = self.desk.app.feed.newest();
        lines.any(|line| line.text.starts_with("could not open "))
            || self.desk.app.feed.newest().next().is_some_and(|line| line.text.starts_with("could not"))
    }

    async fn settle(&mut self) {
        while !self.desk.is_durable() {
            let happening = self.desk.next().await;
            self.desk.take(happening);
            self.desk.app.settle();
        }
    }
}

fn say(lines: &[String]) -> io::Result<()> {
    let mut out = paper::out();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
