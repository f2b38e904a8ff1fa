//! What was worth a line since the cockpit opened: the events of the estate and of the run.

use std::collections::VecDeque;

use crate::{
    domain::{
        Answer, Observation, Side, Source,
        estate::Estate,
        picture::Picture,
        time::{Timestamp, seconds, time_text},
    },
    engine::Stamped,
    status::CellState,
};

use super::{
    sentence,
    table::{Column, Field, Kind, Row, column},
};

/// Lines kept: a night's worth at one every fifteen seconds, and little memory.
pub const FEED_LINES: usize = 2_000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedLine {
    /// When.
    pub at: Timestamp,
    /// Where it comes from.
    pub origin: Origin,
    /// What, in one line.
    pub text: String,
    /// How many had been told with it: not its place, for what is told late stands where it happened.
    pub told: u64,
}

impl FeedLine {
    /// The columns of the events.
    pub const COLUMNS: &'static [Column] = &[
        column("time", "time", Kind::Word, 9, 0),
        column("from", "from", Kind::Word, 4, 1),
        column("text", "text", Kind::Word, 20, 2),
        column("age", "age", Kind::Age, 0, 3),
    ];

    /// The line as a row.
    pub fn row(&self, now: Timestamp) -> Row {
        let from = match &self.origin {
            Origin::Journal(seq) => seq.to_string(),
            origin => code(origin).to_owned(),
        };
        let fields = vec![
            Field::word(time_text(self.at)),
            Field::word(from),
            Field::word(self.text.as_str()),
            Field::age(now.duration_since(self.at)),
        ];
        Row::new(CellState::Ok, fields)
    }
}

/// Where a line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The cockpit itself.
    Cockpit,
    /// A region, by its short code.
    Region(String),
    /// A run's journal, by sequence number.
    Journal(u64),
}

/// The lines, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    lines: VecDeque<FeedLine>,
    pushed: u64,
}

impl Feed {
    /// Adds a line in its place by time; the oldest goes when there are too many.
    pub fn push(&mut self, at: Timestamp, origin: Origin, text: impl Into<String>) {
        if self.lines.len() == FEED_LINES {
            self.lines.pop_front();
        }
        // Nearly always the end: only what Azure posted earlier is told late.
        self.pushed += 1;
        let place = self.lines.iter().rposition(|line| line.at <= at).map_or(0, |last| last + 1);
        self.lines.insert(place, FeedLine { at, origin, text: text.into(), told: self.pushed });
    }

    /// Adds a line of a run's journal.
    pub fn journal(&mut self, seq: u64, stamped: &Stamped) {
        self.push(stamped.wall, Origin::Journal(seq), sentence::of_event(&stamped.event));
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &FeedLine> {
        self.lines.iter().rev()
    }

    /// Those told after the first `told`, in the order in which they were told.
    pub fn since(&self, told: u64) -> Vec<&FeedLine> {
        let mut lines: Vec<&FeedLine> = self.lines.iter().filter(|line| line.told > told).collect();
        lines.sort_by_key(|line| line.told);
        lines
    }

    /// How many there have been, those that are gone included.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// Says what an observation changes, against the picture as it was before it.
    pub fn observe(&mut self, estate: &Estate, before: &Picture, seen: &Observation) {
        let reading = before.reading(&seen.source);
        let origin = match seen.source.side() {
            Some(side) => Origin::Region(estate.regions[side].code.clone()),
            None => Origin::Cockpit,
        };
        let what = of_service(estate, &seen.source);
        match &seen.outcome {
            Err(silence) => {
                if reading.is_none_or(|reading| reading.silence.is_none()) {
                    self.push(seen.ended, origin, format!("{what}: {}", silence.why));
                }
            }
            Ok(answer) => {
                if let Some(since) = reading.and_then(|reading| reading.fell_silent) {
                    let gone = crate::domain::time::span_text(seen.ended.duration_since(since));
                    self.push(seen.ended, origin.clone(), format!("{what}: answers again after {gone}"));
                }
                let was = reading.and_then(|reading| reading.last.as_ref()).map(|look| &look.answer);
                self.compare(seen, &origin, was, answer);
            }
        }
    }

    fn compare(&mut self, seen: &Observation, origin: &Origin, was: Option<&Answer>, is: &Answer) {
        match (was, is) {
            (was, Answer::Events(events)) => {
                let known = match was {
                    Some(Answer::Events(known)) => known.seen(),
                    _ => &[],
                };
                for event in events.seen() {
                    if !known.iter().any(|old| old.tracking == event.tracking && old.status == event.status) {
                        let at = event.updated.or(event.started).unwrap_or(seen.ended);
                        let text = format!("Azure posted: {}, {}", event.title, event.status);
                        self.push(at.min(seen.ended), origin.clone(), text);
                    }
                }
            }
            (Some(Answer::Hosts(was)), Answer::Hosts(is)) => {
                self.compare_hosts(seen, origin, was.seen(), is.seen());
            }
            _ => {}
        }
    }

    /// One host that changes is named; many that change at once are counted.
    fn compare_hosts(
        &mut self,
        seen: &Observation,
        origin: &Origin,
        was: &[crate::domain::pool::SessionHost],
        is: &[crate::domain::pool::SessionHost],
    ) {
        let known: std::collections::HashMap<_, _> = was.iter().map(|host| (&host.id, host)).collect();
        let changed: Vec<_> = is
            .iter()
            .filter(|host| known.get(&host.id).is_some_and(|before| before.status != host.status))
            .collect();
        let silent = |hosts: &[crate::domain::pool::SessionHost]| {
            hosts.iter().filter(|host| host.heartbeat.at().is_some() && host.is_silent(seen.ended)).count()
        };
        let fell_silent = silent(is).saturating_sub(
            was.iter()
                .filter(|host| host.heartbeat.at().is_some() && host.is_silent(seen.started - seconds(30)))
                .count(),
        );
        match changed.as_slice() {
            [] => {}
            [host] => {
                self.push(
                    seen.ended,
                    origin.clone(),
                    format!("{} {}", host.short_name(), host.status.word()),
                );
            }
            many => {
                let text =
                    format!("{} of {} hosts changed, first {}", many.len(), is.len(), many[0].short_name());
                self.push(seen.ended, origin.clone(), format!("{text} {}", many[0].status.word()));
            }
        }
        if fell_silent > 0 && silent(was) == 0 {
            self.push(
                seen.ended,
                origin.clone(),
                format!("{fell_silent} of {} hosts stopped reporting", is.len()),
            );
        }
    }
}

/// `hosts of hr`, `directory`.
fn of_service(estate: &Estate, source: &Source) -> String {
    let service = match source {
        Source::Pool(index, _)
        | Source::Hosts(index, _)
        | Source::Sessions(index, _)
        | Source::Groups(index, _)
        | Source::Assignments(index, _)
        | Source::Workspace(index, _)
        | Source::Plans(index, _)
        | Source::Storage(index, _) => estate.services.get(*index),
        _ => None,
    };
    match service {
        Some(service) => format!("{} of {}", source.word(), service.name),
        None => source.word().to_owned(),
    }
}

/// The region's code for a line, blank where there is none.
pub fn code(origin: &Origin) -> &str {
    match origin {
        Origin::Region(code) => code,
        Origin::Cockpit | Origin::Journal(_) => "",
    }
}

/// The side whose code the line carries.
pub fn side(estate: &Estate, origin: &Origin) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| *origin == Origin::Region(estate.regions[*side].code.clone()))
}
