//! A recording as the player walks through it: when each line was taken in, and what it told the app.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    app::{Event, Going, Spot, TokenStatus, run::RunHandle},
    azure::{
        Endpoint, TokenSource,
        tokens::{Bearer, Fixed, Issuer, Secret},
    },
    domain::{
        Observation, Source,
        estate::Estate,
        operation::Encode,
        time::{Span, Timestamp},
    },
    engine::{Actor, Command, Context, Input, RunEvent, Stamped, Witness},
    recording::{Line, Record, Tape},
};

/// A recording, line by line.
#[derive(Debug)]
pub struct Past {
    tape: Arc<Tape>,
    /// When each line was taken in, in microseconds since the start; never falling.
    times: Vec<i64>,
    /// Lines that are records of runs.
    records: Vec<usize>,
    /// By the lines that open runs: their first records.
    openings: HashMap<usize, usize>,
    looks: BTreeSet<Source>,
}

impl Past {
    /// The past that a tape holds.
    pub fn new(tape: &Arc<Tape>) -> Self {
        let mut last = 0;
        let mut past = Self {
            times: Vec::with_capacity(tape.lines.len()),
            records: Vec::new(),
            openings: HashMap::new(),
            looks: BTreeSet::new(),
            tape: tape.clone(),
        };
        for (at, line) in tape.lines.iter().enumerate() {
            match line {
                // What was there before belongs to the moment its run was opened in.
                Line::Past(_) => {}
                line => last = line.at().unwrap_or_default().clamp(last, tape.length.max(last)),
            }
            past.times.push(last);
            match line {
                Line::Record(_) => past.records.push(at),
                Line::Look(look) => {
                    past.looks.insert(look.src.clone());
                }
                Line::Run { run, seq: 0, .. } => {
                    let first = tape.lines[at..].iter().position(
                        |line| matches!(line, Line::Record(record) if record.run == *run && record.seq == 1),
                    );
                    past.openings.extend(first.map(|first| (at, at + first)));
                }
                _ => {}
            }
        }
        past
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// When the line at `at` was taken in.
    pub fn at(&self, at: usize) -> i64 {
        self.times.get(at).copied().unwrap_or_default()
    }

    /// The same on the estate's clock.
    pub fn moment(&self, at: usize) -> Timestamp {
        self.moment_of(self.at(at))
    }

    /// The moment so long after the start.
    pub fn moment_of(&self, t: i64) -> Timestamp {
        self.tape.moment(t)
    }

    /// When the sitting began.
    pub fn start(&self) -> Timestamp {
        self.tape.start()
    }

    /// When the recording ends.
    pub fn end(&self) -> Timestamp {
        self.tape.moment(self.tape.length)
    }

    /// How long it is, in microseconds.
    pub fn length(&self) -> i64 {
        self.tape.length
    }

    /// Whether anybody looked at `source` in it.
    pub fn looks_at(&self, source: &Source) -> bool {
        self.looks.contains(source)
    }

    /// Where one is before line `next`.
    pub fn spot(&self, next: usize, aim: Option<Span>, going: Going) -> Spot {
        Spot {
            began: self.start(),
            aim,
            length: Span::from_micros(self.tape.length),
            record: self.records.partition_point(|record| *record < next),
            records: self.records.len(),
            going,
            cut: self.tape.cut,
        }
    }

    /// When something is taken in from line `next` on.
    pub fn event_after(&self, next: usize) -> Option<i64> {
        let told = |line: &Line| {
            !matches!(line, Line::Durable { .. } | Line::Next { .. } | Line::Past(_) | Line::Dialog { .. })
        };
        let found = self.tape.lines.get(next..)?.iter().position(told)?;
        Some(self.at(next + found))
    }

    /// When something was taken in last before `t`.
    pub fn event_before(&self, t: i64) -> Option<i64> {
        let before = self.times.partition_point(|time| *time < t);
        before.checked_sub(1).map(|at| self.at(at))
    }

    /// When the next record after `t` was written.
    pub fn record_after(&self, t: i64) -> Option<i64> {
        self.records.iter().map(|at| self.at(*at)).find(|time| *time > t)
    }

    /// When the last record before `t` was written.
    pub fn record_before(&self, t: i64) -> Option<i64> {
        self.records.iter().rev().map(|at| self.at(*at)).find(|time| *time < t)
    }

    /// The records of a run before line `next`; `None`: it has none here.
    pub fn journal(&self, run: &str, next: usize) -> Option<Vec<Stamped>> {
        let known = self.tape.lines.iter().take(next).filter_map(|line| match line {
            Line::Past(record) | Line::Record(record) if record.run == run => Some(self.stamped(record)),
            _ => None,
        });
        let known: Vec<Stamped> = known.collect();
        (!known.is_empty()).then_some(known)
    }

    fn stamped(&self, record: &Record) -> Stamped {
        record.stamped(self.tape.start())
    }

    /// What the line at `at` told the app.
    pub fn event(
        &self,
        at: usize,
        seen: Option<Box<Observation>>,
        dialog: &mut Option<String>,
        estate: &Arc<Estate>,
        encode: impl FnOnce() -> Arc<dyn Encode>,
    ) -> Option<Event> {
        Some(match &self.tape.lines[at] {
            Line::Look(look) => {
                let seen = *seen?;
                if look.run { Event::Run(Input::Observed(seen)) } else { Event::Observed(seen) }
            }
            Line::Next { src, at, .. } => Event::LookAwaited { source: src.clone(), at: self.moment_of(*at) },
            Line::Run { run, lock, .. } => {
                let actor = Actor::default();
                let context = Context { estate: estate.clone(), encode: encode(), run: run.clone(), actor };
                let (handle, seq) = self.opened(at, context)?;
                Event::RunStarted { handle, seq, first: Vec::new(), lock: lock.clone() }
            }
            Line::Record(record) => Event::Recorded(Box::new(self.stamped(record))),
            Line::Durable { seq, .. } => Event::Run(Input::Durable(*seq)),
            Line::Stopped { why, .. } => Event::Run(Input::JournalFailed(why.clone())),
            Line::Dialog { step, .. } => {
                let was = std::mem::replace(dialog, step.clone());
                Event::Command(match (step, was) {
                    (Some(step), _) => Command::Offer { step: step.clone() },
                    (None, Some(step)) => Command::Withdraw { step },
                    (None, None) => return None,
                })
            }
            Line::Runs { runs, .. } => Event::RunsListed(runs.clone()),
            Line::Facts { facts, .. } => Event::Facts(facts.clone()),
            Line::Identity { identity, .. } => {
                Event::Token { status: TokenStatus::NotNeeded, identity: Some(identity.clone()) }
            }
            Line::Said { text, .. } => Event::Told(text.clone()),
            _ => return None,
        })
    }

    /// The run that line `at` opens, and how many records it has.
    fn opened(&self, at: usize, context: Context) -> Option<(Box<dyn RunHandle>, u64)> {
        if let Some(first) = self.openings.get(&at) {
            let Line::Record(record) = &self.tape.lines[*first] else { return None };
            let stamped = self.stamped(record);
            let RunEvent::Opened(opened) = &stamped.event else { return None };
            let witness = Witness::open(context, (**opened).clone(), stamped.wall);
            return Some((Box::new(witness), 0));
        }
        let before = self.tape.lines.iter().skip(at + 1).map_while(|line| match line {
            Line::Past(record) => Some(self.stamped(record)),
            _ => None,
        });
        let before: Vec<Stamped> = before.collect();
        let witness = Witness::recover(context, &before).ok()?;
        Some((Box::new(witness), before.len() as u64))
    }
}

/// A token that opens nothing, for a client that only ever hears recorded answers.
pub fn nobodys_token(endpoint: &Endpoint) -> Arc<dyn TokenSource> {
    let real = Bearer::new(&Secret::new("eyJhbGciOiJub25lIn0.e30."), Issuer::Real, None);
    match real {
        Ok(bearer) if !endpoint.is_loopback() => Arc::new(Fixed::new(bearer, "recording")),
        _ => Arc::new(Fixed::simulated()),
    }
}
