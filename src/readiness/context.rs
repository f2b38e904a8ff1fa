//! What every check looks at, and the rule that nothing unseen is called good.

use crate::domain::{
    Answer, ArmId, Listing, Side, Source,
    compute::VirtualMachine,
    estate::{Estate, Service},
    machines::Machines,
    picture::{ASKING, Picture, STALE_INTERVALS},
    pool::SessionHost,
    reading::Footing,
    signs::{Grade, RegionSigns},
    standing,
    text::{counted, tries},
    time::{Timestamp, age_text},
};

use super::{LocalFacts, State};

/// Everything a check may look at.
pub(super) struct Context<'a> {
    pub(super) estate: &'a Estate,
    pub(super) picture: &'a Picture,
    pub(super) service: usize,
    pub(super) facts: &'a LocalFacts,
    pub(super) now: Timestamp,
    /// Side that would be left.
    pub(super) active: Side,
    /// Side that would be opened.
    pub(super) standby: Side,
}

/// What a check found in readings that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) observed: String,
}

impl Finding {
    pub(super) fn new(state: State, observed: impl Into<String>) -> Self {
        Self { state, observed: observed.into() }
    }

    pub(super) fn ok(observed: impl Into<String>) -> Self {
        Self::new(State::Ok, observed)
    }

    pub(super) fn warn(observed: impl Into<String>) -> Self {
        Self::new(State::Warn, observed)
    }

    pub(super) fn crit(observed: impl Into<String>) -> Self {
        Self::new(State::Crit, observed)
    }

    pub(super) fn unknown(observed: impl Into<String>) -> Self {
        Self::new(State::Unknown, observed)
    }

    pub(super) fn not_configured(observed: impl Into<String>) -> Self {
        Self::new(State::NotConfigured, observed)
    }

    /// The finding of the worst of several complaints; `good` where there is none.
    pub(super) fn worst(complaints: &[(State, String)], good: impl Into<String>) -> Self {
        let Some(state) = complaints.iter().map(|(state, _)| *state).max() else { return Self::ok(good) };
        let mut sorted: Vec<&(State, String)> = complaints.iter().collect();
        sorted.sort_by_key(|(state, _)| std::cmp::Reverse(*state));
        let texts: Vec<&str> = sorted.iter().map(|(_, text)| text.as_str()).collect();
        Self::new(state, texts.join("; "))
    }
}

/// How far the sources of a check carry.
pub(super) struct Basis {
    pub(super) at: Option<Timestamp>,
    pub(super) from: Option<Timestamp>,
    /// Whether one of them is older than it is trusted.
    pub(super) old: bool,
    pub(super) complete: bool,
    /// Why they do not carry.
    pub(super) flaw: Option<String>,
}

impl<'a> Context<'a> {
    pub(super) fn service(&self) -> &'a Service {
        &self.estate.services[self.service]
    }

    /// Whether the side that would be left looks dead, by what was seen lately: it is asked for nothing then
    /// that can be done without.
    pub(super) fn leaves_dead(&self) -> bool {
        let (estate, picture) = (self.estate, self.picture);
        RegionSigns::seen(estate, picture, &[self.service], self.active, &[], self.now).grade == Grade::Dead
    }

    pub(super) fn code(&self, side: Side) -> &'a str {
        &self.estate.regions[side].code
    }

    /// Looks at all sources of a check.
    pub(super) fn basis(&self, sources: &[Source]) -> Basis {
        let mut basis = Basis { at: None, from: None, old: false, complete: true, flaw: None };
        for source in sources {
            let at = self.picture.last(source).map(|look| look.at);
            basis.at = match (basis.at, at) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            };
            let asked = || {
                let reading = self.picture.reading(source)?;
                reading.silent_since.or(reading.silence.as_ref().map(|(at, _)| *at))
            };
            basis.from = basis.from.into_iter().chain(at.or_else(asked)).min();
            basis.old |= self.is_old(source);
            if let Some(flaw) = self.flaw(source) {
                basis.complete &= !flaw.starts_with(NOT_WHOLE);
                let place = source.side().map_or("", |side| self.code(side));
                let text = format!("{place} {}: {flaw}", source.word());
                basis.flaw.get_or_insert(text.trim_start().to_owned());
            }
        }
        if basis.flaw.as_ref().is_some_and(|flaw| flaw.ends_with(NOT_LOOKED_AT) || flaw.contains(ASKING)) {
            // What nobody has seen is as old as nothing, whatever else was looked at.
            (basis.at, basis.from) = (None, None);
        }
        basis
    }

    /// Whether what is known of a source is older than it is trusted: its answer, or that it gives none.
    fn is_old(&self, source: &Source) -> bool {
        let last = self.picture.last(source).map(|look| Footing::of(source, look.at));
        last.map_or_else(|| self.picture.is_overdue(source, self.now), |footing| footing.is_old(self.now))
    }

    fn flaw(&self, source: &Source) -> Option<String> {
        let Some(reading) = self.picture.reading(source) else { return Some(self.untold(source)) };
        if let Some((_, silence)) = &reading.silence {
            let why = &silence.why;
            return Some(match reading.misses {
                0 => why.to_string(),
                misses => format!("{why}, {}", tries(misses)),
            });
        }
        let look = reading.last.as_ref()?;
        let age = self.now.duration_since(look.at);
        if age > source.interval() * STALE_INTERVALS {
            return Some(format!("last answer {} ago", age_text(age)));
        }
        incomplete(&look.answer).map(|error| format!("{NOT_WHOLE}: {error}"))
    }

    fn untold(&self, source: &Source) -> String {
        let asked = self.picture.asked_since(source, self.now).is_some();
        if asked { self.picture.untold(source, self.now) } else { NOT_LOOKED_AT.to_owned() }
    }

    pub(super) fn answer(&self, source: &Source) -> Option<&'a Answer> {
        self.picture.last(source).map(|look| &look.answer)
    }

    /// Hosts of one side, or none where the list is missing.
    pub(super) fn hosts(&self, side: Side) -> &'a [SessionHost] {
        standing::hosts(self.picture, &Source::Hosts(self.service, side)).map_or(&[], Listing::seen)
    }

    /// The machines behind a side's hosts, and a complaint about hosts whose machine was not found.
    pub(super) fn machines(&self, side: Side) -> (Vec<&'a VirtualMachine>, Option<(State, String)>) {
        let (seen, hosts) = (Machines::of(self.picture, side), self.hosts(side));
        let found: Vec<&VirtualMachine> = hosts.iter().filter_map(|host| seen.behind(host)).collect();
        let lost = hosts.len() - found.len();
        let text = format!("the machines of {} in {} were not found", counted(lost, "host"), self.code(side));
        (found, (lost > 0).then_some((State::Unknown, text)))
    }

    /// A complaint about hosts that name no machine: nobody knows where theirs are.
    pub(super) fn unlinked(&self, side: Side) -> Option<(State, String)> {
        let count = self.hosts(side).iter().filter(|host| host.vm.is_none()).count();
        let verb = if count == 1 { "names" } else { "name" };
        let text = format!("{} in {} {verb} no machine", counted(count, "host"), self.code(side));
        (count > 0).then_some((State::Unknown, text))
    }

    /// Scopes of a side that the run would write to.
    pub(super) fn scopes(&self, side: Side) -> Vec<ArmId> {
        let mut all = scopes(self.estate, self.service, side);
        all.extend(host_scopes(self.picture, self.service, side));
        all.sort();
        all.dedup();
        all
    }

    /// Resource groups of a side that the run would write to.
    pub(super) fn resource_groups(&self, side: Side) -> Vec<ArmId> {
        let mut all: Vec<ArmId> = self.scopes(side).iter().filter_map(ArmId::group_id).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// The flaw of a source that nobody has asked.
const NOT_LOOKED_AT: &str = "not looked at";
/// How a flaw begins that leaves the list not whole.
const NOT_WHOLE: &str = "list not whole";

/// The objects the estate file names for a side of a service that a run writes to, and the
/// pool's resource group, where its virtual machines usually live.
pub(super) fn scopes(estate: &Estate, service: usize, side: Side) -> Vec<ArmId> {
    let service = &estate.services[service];
    let config = &service.sides[side];
    let mut all = vec![config.pool.clone()];
    all.extend(config.pool.group_id());
    all.extend(config.scaling_plan.clone());
    all.extend(service.group_ids(side).cloned());
    all
}

/// Resource groups of the virtual machines behind a side's hosts, as far as they were seen.
pub(super) fn host_scopes(picture: &Picture, service: usize, side: Side) -> Vec<ArmId> {
    let hosts = standing::hosts(picture, &Source::Hosts(service, side)).map_or(&[][..], Listing::seen);
    standing::host_groups(hosts)
}

/// Why an answer is not whole, where it is a list and is not.
fn incomplete(answer: &Answer) -> Option<String> {
    let error = match answer {
        Answer::Hosts(list) | Answer::Inventory(list) => list.error(),
        Answer::Sessions(list) => list.error(),
        Answer::Groups(list) => {
            list.error().or_else(|| list.seen().iter().find_map(|group| group.applications.error()))
        }
        Answer::Assignments(list) => list.error(),
        Answer::Plans(list) => list.error(),
        Answer::Storage(list) => list.error(),
        Answer::Machines(list) => list.error(),
        Answer::Directory(list) => list.error(),
        Answer::Usages(list) => list.error(),
        Answer::Availability(list) => list.error(),
        Answer::Events(list) => list.error(),
        Answer::Locks(list) => list.error(),
        Answer::AccessChanges(list) => list.error(),
        Answer::Pool(_)
        | Answer::Assignment(_)
        | Answer::Workspace(_)
        | Answer::Power(_)
        | Answer::Permissions(_)
        | Answer::GroupLocation(_)
        | Answer::Control { .. } => None,
    };
    error.map(ToString::to_string)
}
