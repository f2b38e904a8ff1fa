//! Plain mode: the cockpit as lines on stdin and stdout.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::Arc,
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    app::{App, Event, LeaveReason, Moment},
    cli::Cli,
    engine::view::RunState,
    plain::{Plain, Reply, status_lines},
};

use super::{
    desk::{Desk, Front, Happening},
    front::{self, First},
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
            let app = App::new(front::setup(cli, &session), Moment { now: session.clock.now(), terminal: 0 });
            let mut lines = Lines {
                desk: Desk::new(session, app, TerminalClock::start()),
                plain: Plain::default(),
                typed: typed(),
            };
            match first {
                First::Nothing => lines.status().await,
                First::Start(order) => {
                    lines.desk.start(*order);
                    lines.run().await
                }
                First::Resume(run) => {
                    lines.desk.resume(run);
                    lines.run().await
                }
            }
        })
    })
}

struct Lines {
    desk: Desk,
    plain: Plain,
    typed: UnboundedReceiver<Option<String>>,
}

/// Lines from stdin, read on a thread of their own; `None` at the end.
fn typed() -> UnboundedReceiver<Option<String>> {
    let (tx, rx) = unbounded_channel();
    let reader = move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if tx.send(Some(line)).is_err() {
                return;
            }
        }
        let _ = tx.send(None);
    };
    // Without the thread nothing can be typed, which the closed channel tells.
    let _ = std::thread::Builder::new().name("stdin".to_owned()).spawn(reader);
    rx
}

/// What is printed before the pollers have looked at everything once is no status.
const FIRST_LOOKS: std::time::Duration = std::time::Duration::from_secs(25);

impl Lines {
    async fn status(&mut self) -> Result<u8, VerbError> {
        let wanted = super::survey::watch_sources(&self.desk.app.estate);
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
            if let Some(command) = self.plain.wants(&self.desk.app) {
                self.desk.feed(Event::Command(command), None);
                continue;
            }
            if let Some(lines) = self.plain.prompt(&self.desk.app, || fastrand::u8(10..100)) {
                self.discard();
                say(&lines)?;
            }
            tokio::select! {
                biased;
                line = self.typed.recv() => match line.flatten() {
                    Some(line) => self.answer(&line)?,
                    None => self.desk.feed(Event::Leaving(LeaveReason::Hangup), None),
                },
                happening = self.desk.next() => self.take(happening),
            }
        }
    }

    fn take(&mut self, happening: Happening) {
        let mut next = Some(happening);
        while let Some(happening) = next {
            self.desk.take(happening);
            next = self.desk.ready();
        }
    }

    /// What was typed before the question is no answer to it.
    fn discard(&mut self) {
        if io::stdin().is_terminal() {
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
            while self.typed.try_recv().is_ok() {}
        }
    }

    fn answer(&mut self, line: &str) -> io::Result<()> {
        match self.plain.answer(&self.desk.app, line) {
            Reply::Command(command) => self.desk.feed(Event::Command(command), None),
            Reply::Lines(lines) => say(&lines)?,
            Reply::Leave => self.desk.feed(Event::Leaving(LeaveReason::Person), None),
        }
        Ok(())
    }

    /// The exit code, once the run is closed and on disk, or the person left.
    async fn ended(&mut self) -> io::Result<Option<u8>> {
        for errand in self.desk.for_front() {
            if let Front::Leave(_) = errand {
                self.settle().await;
                return Ok(Some(3));
            }
        }
        if let Some(notice) = self.desk.app.notice.take() {
            say(&[notice.text])?;
            if self.desk.app.run.is_none() && self.desk.app.feed.count() > 0 && self.refused() {
                return Ok(Some(1));
            }
        }
        let Some(RunState::Closed(end)) = self.desk.app.run.as_ref().map(|run| run.view.state.clone()) else {
            return Ok(None);
        };
        self.settle().await;
        Ok(Some(super::headless::Outcome::Ended(end).exit_code()))
    }

    fn refused(&self) -> bool {
        self.desk.app.feed.newest().next().is_some_and(|line| line.text.contains("could not"))
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
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
