//! What must be looked at before a killer item can be judged, and what its value then rests on.

use crate::{
    domain::{ArmId, Safe, Source, death, reading::Footing, time::span_text},
    runbook::{Killer, seen::Missing},
};

use super::{event::GateVerdict, judge::Evidence, rights};

impl Evidence<'_> {
    /// What must be looked at for an item.
    pub fn sources(&self, killer: Killer) -> Vec<Source> {
        let (index, from, to) = (self.index(), self.from(), self.to());
        match killer {
            _ if self.is_excused(killer) => vec![],
            Killer::ModeFits if self.graceful() => {
                [Source::Assignments(index, from)].into_iter().chain(self.death_sources()).collect()
            }
            Killer::SnapshotTaken => [from, to]
                .into_iter()
                .flat_map(|side| {
                    [
                        Source::Pool(index, side),
                        Source::Hosts(index, side),
                        Source::Sessions(index, side),
                        Source::Assignments(index, side),
                        Source::Groups(index, side),
                        Source::Plans(index, side),
                        Source::Machines(side),
                    ]
                })
                .collect(),
            Killer::StandbyCapacity => {
                // Who has signed in since the snapshot needs room as well.
                let mut sources =
                    vec![Source::Hosts(index, to), Source::Pool(index, to), Source::Sessions(index, from)];
                if self.need_unknowable() {
                    sources.push(Source::Machines(to));
                }
                sources
            }
            Killer::StandbyAdmits => vec![Source::Hosts(index, to)],
            Killer::DirectoryUp if self.estate.directory[to].is_empty() => vec![],
            Killer::DirectoryUp => vec![Source::Directory(to)],
            Killer::StandbyShares if self.service().sides[to].accounts.is_empty() => vec![],
            Killer::StandbyShares => vec![Source::Storage(index, to)],
            Killer::StandbyPublished => vec![Source::Groups(index, to), Source::Workspace(index, to)],
            Killer::StandbyPlanHeld | Killer::PlansRestored => vec![Source::Plans(index, to)],
            Killer::ActivePlanHeld => vec![Source::Plans(index, from)],
            Killer::Rights => self.at_scopes(Source::Permissions),
            Killer::NoLocks => self.at_scopes(Source::Locks),
            Killer::HoldersAccounted | Killer::NothingInherited => {
                vec![Source::Assignments(index, from), Source::Assignments(index, to)]
            }
            Killer::ActiveDrained => vec![Source::Hosts(index, from)],
            Killer::NoticePassed if self.told_last().is_some() => vec![],
            Killer::NoticePassed | Killer::ActiveEmpty => vec![Source::Sessions(index, from)],
            Killer::NoHolderOnActive => vec![Source::Assignments(index, from)],
            Killer::ModeFits => self.death_sources(),
            Killer::ActiveEmptyOrDead if !self.run.leaves_dead() => vec![Source::Sessions(index, from)],
            Killer::ActiveEmptyOrDead => {
                std::iter::once(Source::Sessions(index, from)).chain(self.death_sources()).collect()
            }
            Killer::HoldersOnStandby => vec![Source::Assignments(index, to)],
            Killer::StandbyNotOpened => vec![Source::Assignments(index, to), Source::Sessions(index, to)],
            Killer::FirstUser => vec![Source::Sessions(index, to), Source::Hosts(index, to)],
            Killer::NobodyInBoth => vec![
                Source::Hosts(index, from),
                Source::Sessions(index, from),
                Source::Sessions(index, to),
                Source::Assignments(index, from),
                Source::Assignments(index, to),
            ],
            Killer::UsersBack => vec![Source::Sessions(index, to)],
            Killer::ActiveStopped => {
                let lists = [Source::Hosts(index, from), Source::Machines(from)];
                lists.into_iter().chain(self.seen.unlisted(index, from)).collect()
            }
            Killer::ProfileSettings | Killer::ProfilesFlushed | Killer::Dependants | Killer::DebtsPaid => {
                vec![]
            }
        }
    }

    /// The answers and failures that an item's value rests on: their age is what a person reads beside
    /// it. A call that failed a moment ago does not make young what was answered before it.
    pub fn footings(&self, killer: Killer, verdict: GateVerdict) -> Vec<Footing> {
        let (index, from) = (self.index(), self.from());
        let told = verdict != GateVerdict::Unknown;
        match killer {
            Killer::ModeFits => {
                let own = self.graceful().then_some(Source::Assignments(index, from));
                self.footings_of_death(own.as_slice())
            }
            Killer::ActiveEmptyOrDead if self.run.leaves_dead() => {
                let (hosts, people) = (Source::Hosts(index, from), Source::Sessions(index, from));
                let dead = death::rule(&self.signs());
                match (dead, self.graceful(), verdict) {
                    (false, _, GateVerdict::Green) => self.newest(&people).into_iter().collect(),
                    (true, false, _) => self.footings_of_death(&[hosts]),
                    _ => self.footings_of_death(&[hosts, people]),
                }
            }
            // What was seen there last still tells of somebody, however long ago it was.
            Killer::NobodyInBoth | Killer::SnapshotTaken if told => {
                let kept = |source: &Source| match source {
                    Source::Assignments(..) if killer == Killer::NobodyInBoth => self.newest(source),
                    _ if source.side() == Some(from) => self.last(source).or_else(|| self.newest(source)),
                    _ => self.newest(source),
                };
                self.sources(killer).iter().filter_map(kept).collect()
            }
            _ => self.sources(killer).iter().filter_map(|source| self.newest(source)).collect(),
        }
    }

    /// What a word on the death of the side rests on: the signs, and where they do not suffice all that
    /// was looked at for more of them.
    fn footings_of_death(&self, own: &[Source]) -> Vec<Footing> {
        let signs = self.signs();
        let mut footings: Vec<Footing> = own.iter().filter_map(|source| self.newest(source)).collect();
        if death::rule(&signs) {
            footings.extend(signs.into_iter().flat_map(|sign| sign.footings));
        } else {
            footings.extend(self.death_sources().iter().filter_map(|source| self.newest(source)));
        }
        footings
    }

    /// Where the signs of now do not suffice, the rule is broken only if everything was looked at and
    /// those of some minutes ago would not suffice either: else it is open.
    pub(super) fn is_not_dead(&self) -> Result<(), Missing> {
        self.all_looked_at()?;
        let (all, now) = (self.all_signs(), self.seen.now);
        let past = all.iter().filter(|sign| sign.is_old(now)).flat_map(|sign| &sign.footings);
        let Some(at) = death::oldest(past).filter(|_| death::rule(&all)) else { return Ok(()) };
        let ago = span_text(now.duration_since(at));
        let told = |source: &Source| {
            let footings = [self.last(source), self.newest(source)];
            footings.into_iter().flatten().any(|footing| footing.at == at)
        };
        Err(Missing {
            source: self.death_sources().into_iter().find(told).unwrap_or(Source::Events),
            why: Safe::new(&format!("made it look dead {ago} ago, asked again")),
        })
    }

    /// The last answer of a source.
    fn last(&self, source: &Source) -> Option<Footing> {
        self.seen.picture.last(source).map(|look| Footing::of(source, look.at))
    }

    /// The failure of a source after its last answer, else that answer.
    fn newest(&self, source: &Source) -> Option<Footing> {
        let silence = self.seen.picture.reading(source)?.silence.as_ref();
        silence.map(|(at, _)| Footing::failed(source, *at)).or_else(|| self.last(source))
    }

    /// A source at every scope the plan writes to; while it is not known where the machines are, what
    /// tells.
    fn at_scopes(&self, source: fn(ArmId) -> Source) -> Vec<Source> {
        match rights::needed(self.estate, &self.run.plan, &self.seen) {
            Ok(needed) => rights::scopes(&needed).into_iter().map(source).collect(),
            Err(_) => rights::host_sources(&self.run.plan),
        }
    }

    /// Everything the death rule looks at, the other region for comparison included.
    pub fn death_sources(&self) -> Vec<Source> {
        death::sources(self.estate, self.index())
    }
}
