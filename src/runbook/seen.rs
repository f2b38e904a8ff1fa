//! Readings as a runbook asks for them: recent enough, whole, or a reason why not.

use std::collections::HashSet;

use crate::domain::{
    Answer, ArmId, Listing, Safe, Side, Source,
    compute::VirtualMachine,
    machines::Machines,
    picture::Picture,
    pool::{HostPool, ScalingPlan, SessionHost, UserSession},
    reading::Look,
    source::Held,
    standing,
    time::Timestamp,
};

/// A source that did not give what was needed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The source.
    pub source: Source,
    /// Why, in words.
    pub why: Safe,
}

/// A picture seen with a demand on age: only looks that began at or after `since` count.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The readings.
    pub picture: &'a Picture,
    /// Looks that began earlier do not count.
    pub since: Timestamp,
    /// The moment of asking, for heartbeats.
    pub now: Timestamp,
}

impl<'a> Seen<'a> {
    /// The look, if it began late enough and nothing failed after it.
    pub fn look(&self, source: &Source) -> Result<&'a Look, Missing> {
        let missing = |why: &str| Missing { source: source.clone(), why: Safe::new(why) };
        let Some(reading) = self.picture.reading(source) else {
            return Err(missing(&self.picture.untold(source, self.now)));
        };
        let late = |look: &&Look| look.started >= self.since;
        match (&reading.last, &reading.silence) {
            (Some(look), None) if late(&look) => Ok(look),
            (_, Some((_, silence))) => Err(missing(silence.why.as_str())),
            _ => Err(missing("being read")),
        }
    }

    fn whole<T>(source: &Source, listing: &'a Listing<T>) -> Result<&'a [T], Missing> {
        listing.complete().ok_or_else(|| Missing {
            source: source.clone(),
            why: Safe::new(&format!(
                "the list is not whole ({} seen): {}",
                listing.seen().len(),
                listing.error().map_or("", Safe::as_str)
            )),
        })
    }

    fn garbled(source: &Source) -> Missing {
        Missing { source: source.clone(), why: Safe::new("the answer does not fit the question") }
    }

    /// Session hosts, whole.
    pub fn hosts(&self, service: usize, side: Side) -> Result<&'a [SessionHost], Missing> {
        let source = Source::Hosts(service, side);
        match &self.look(&source)?.answer {
            Answer::Hosts(listing) => Self::whole(&source, listing),
            _ => Err(Self::garbled(&source)),
        }
    }

    /// User sessions, whole.
    pub fn sessions(&self, service: usize, side: Side) -> Result<&'a [UserSession], Missing> {
        let source = Source::Sessions(service, side);
        match &self.look(&source)?.answer {
            Answer::Sessions(listing) => Self::whole(&source, listing),
            _ => Err(Self::garbled(&source)),
        }
    }

    /// Role assignments at and above the groups, whole.
    pub fn assignments(&self, service: usize, side: Side) -> Result<&'a [Held], Missing> {
        let source = Source::Assignments(service, side);
        match &self.look(&source)?.answer {
            Answer::Assignments(listing) => Self::whole(&source, listing),
            _ => Err(Self::garbled(&source)),
        }
    }

    /// Scaling plans, whole.
    pub fn plans(&self, service: usize, side: Side) -> Result<&'a [ScalingPlan], Missing> {
        let source = Source::Plans(service, side);
        match &self.look(&source)?.answer {
            Answer::Plans(listing) => Self::whole(&source, listing),
            _ => Err(Self::garbled(&source)),
        }
    }

    /// Virtual machines of a region, whole.
    pub fn machines(&self, side: Side) -> Result<&'a [VirtualMachine], Missing> {
        let source = Source::Machines(side);
        match &self.look(&source)?.answer {
            Answer::Machines(listing) => Self::whole(&source, listing),
            _ => Err(Self::garbled(&source)),
        }
    }

    /// The machine behind a host of `side`: from the region's list, else by a look at itself; `None`:
    /// it is gone.
    pub fn machine_of(
        &self,
        host: &SessionHost,
        side: Side,
        machines: &Machines<'a>,
    ) -> Result<Option<&'a VirtualMachine>, Missing> {
        let Some(vm) = &host.vm else {
            let why = format!("{} names no machine", host.short_name());
            return Err(Missing { source: Source::Machines(side), why: Safe::new(&why) });
        };
        if let Some(machine) = machines.behind(host) {
            return Ok(Some(machine));
        }
        let source = Source::Power(vm.clone());
        match &self.look(&source)?.answer {
            Answer::Power(machine) => Ok(machine.as_ref()),
            _ => Err(Self::garbled(&source)),
        }
    }

    /// What must be looked at besides the lists to know the machine behind each host of a side.
    pub fn unlisted(&self, service: usize, side: Side) -> Vec<Source> {
        let hosts = standing::hosts(self.picture, &Source::Hosts(service, side));
        let machines = standing::machines(self.picture, &Source::Machines(side));
        let (Some(hosts), Some(machines)) = (hosts, machines) else { return Vec::new() };
        let listed: HashSet<&ArmId> = machines.seen().iter().map(|machine| &machine.id).collect();
        let named = hosts.seen().iter().filter_map(|host| host.vm.as_ref());
        named.filter(|vm| !listed.contains(vm)).cloned().map(Source::Power).collect()
    }

    /// The pool's settings.
    pub fn pool(&self, service: usize, side: Side) -> Result<&'a HostPool, Missing> {
        let source = Source::Pool(service, side);
        match &self.look(&source)?.answer {
            Answer::Pool(pool) => Ok(pool),
            _ => Err(Self::garbled(&source)),
        }
    }
}
