//! Bulkheads: what one region does to us must not slow the look at the other.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{PoisonError, RwLock},
};

use tokio::sync::Semaphore;

use crate::domain::{ArmId, Side, estate::Estate};

use super::{breaker::Breaker, limits::Limits, retry::Budget};

/// Which of the three clients a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Objects of one region.
    Of(Side),
    /// Subscription-wide lists: their silence blanks neither region.
    Wide,
}

impl Lane {
    fn index(self) -> usize {
        match self {
            Self::Of(Side::Primary) => 0,
            Self::Of(Side::Secondary) => 1,
            Self::Wide => 2,
        }
    }
}

impl From<Option<Side>> for Lane {
    fn from(side: Option<Side>) -> Self {
        side.map_or(Self::Wide, Self::Of)
    }
}

/// A resource provider: it fails and throttles by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Avd,
    Authorization,
    Compute,
    /// The lists of Compute over a whole subscription: they are answered while the objects and the quota of a
    /// dead region are not, so that one is not to be left alone for the failures of the other.
    ComputeLists,
    Storage,
    Resources,
    Graph,
    Health,
    Activity,
}

impl Provider {
    /// As which it answers for what stands at `tail` below `id`.
    pub(super) fn at(self, id: &ArmId, tail: &str) -> Self {
        let regional = id.resource_group().is_some() || tail.contains("/locations/");
        match self {
            Self::Compute if !regional => Self::ComputeLists,
            _ => self,
        }
    }
}

const LANES: usize = 3;
const PROVIDERS: usize = 9;

/// What one lane holds for one provider.
#[derive(Debug)]
pub(super) struct Gate {
    /// Reads in flight.
    pub(super) seats: Semaphore,
    /// Whether the far end is worth asking.
    pub(super) breaker: Breaker,
    /// Whether another attempt is affordable.
    pub(super) budget: Budget,
}

/// All gates of a client.
#[derive(Debug)]
pub(super) struct Gates([Gate; LANES * PROVIDERS]);

impl Gates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(std::array::from_fn(|_| Gate {
            seats: Semaphore::new(limits.reads_in_flight),
            breaker: Breaker::default(),
            budget: Budget::default(),
        }))
    }

    /// The gate of a lane and provider.
    pub(super) fn of(&self, lane: Lane, provider: Provider) -> &Gate {
        &self.0[lane.index() * PROVIDERS + provider as usize]
    }
}

/// Which region an object belongs to, by its resource group: known from the estate file, and
/// learned for the machines behind the hosts.
#[derive(Debug, Default)]
pub(super) struct Places {
    groups: RwLock<HashMap<String, Option<Side>>>,
    /// Subscriptions of those machines.
    hosting: RwLock<BTreeSet<ArmId>>,
}

/// Most subscriptions that are learned: each is listed with every look at the machines.
const MAX_HOSTING: usize = 16;

impl Places {
    pub(super) fn new(estate: &Estate) -> Self {
        let places = Self::default();
        for (side, ids) in objects(estate) {
            places.learn(ids, side);
        }
        places
    }

    /// Notes that `id` belongs to `side`. A resource group seen on both sides belongs to none.
    pub(super) fn learn(&self, id: &ArmId, side: Side) {
        let Some(group) = group_key(id) else { return };
        {
            let known = self.groups.read().unwrap_or_else(PoisonError::into_inner);
            match known.get(group) {
                Some(None) => return,
                Some(Some(known)) if *known == side => return,
                _ => {}
            }
        }
        let mut known = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(group.to_owned())
            .and_modify(|place| {
                if *place != Some(side) {
                    *place = None;
                }
            })
            .or_insert(Some(side));
    }

    /// Notes where the machine of a host of `side` lies.
    pub(super) fn learn_machine(&self, vm: &ArmId, side: Side) {
        self.learn(vm, side);
        let subscription = vm.subscription_id();
        let known = self.hosting.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&subscription) || known.len() >= MAX_HOSTING {
            return;
        }
        drop(known);
        self.hosting.write().unwrap_or_else(PoisonError::into_inner).insert(subscription);
    }

    /// Subscriptions that machines behind hosts were seen in.
    pub(super) fn hosting(&self) -> Vec<ArmId> {
        self.hosting.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The lane of an object.
    pub(super) fn lane(&self, id: &ArmId) -> Lane {
        let known = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        group_key(id).and_then(|group| known.get(group).copied().flatten()).into()
    }
}

/// `/subscriptions/…/resourcegroups/…` of an id, in lower case.
fn group_key(id: &ArmId) -> Option<&str> {
    let key = id.key();
    let ends = |from: usize| key[from..].find('/').map_or(key.len(), |at| from + at);
    let group = key.find("/resourcegroups/")? + "/resourcegroups/".len();
    Some(&key[..ends(group)])
}

/// Every object of the estate file with its side.
fn objects(estate: &Estate) -> impl Iterator<Item = (Side, &ArmId)> {
    let of_services = estate.services.iter().flat_map(|service| {
        service.sides.iter().flat_map(move |(side, objects)| {
            std::iter::once(&objects.pool)
                .chain(&objects.workspace)
                .chain(&objects.scaling_plan)
                .chain(&objects.accounts)
                .chain(service.group_ids(side))
                .map(move |id| (side, id))
        })
    });
    let of_directory =
        estate.directory.iter().flat_map(|(side, servers)| servers.iter().map(move |id| (side, id)));
    of_services.chain(of_directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_on_both_sides_belongs_to_none() {
        let id = |text: &str| ArmId::parse(text).unwrap();
        let places = Places::default();
        let west = id("/subscriptions/s/resourceGroups/rg-WE/providers/Microsoft.Compute/virtualMachines/a");
        places.learn(&west, Side::Primary);
        places.learn(&id("/subscriptions/s/resourceGroups/shared/providers/x/y/a"), Side::Primary);
        places.learn(&id("/subscriptions/s/resourceGroups/SHARED/providers/x/y/b"), Side::Secondary);
        places.learn(&id("/subscriptions/s/resourceGroups/shared/providers/x/y/a"), Side::Primary);
        for (text, lane) in [
            ("/subscriptions/S/resourcegroups/RG-we/providers/x/y/z", Lane::Of(Side::Primary)),
            ("/subscriptions/s/resourceGroups/rg-we", Lane::Of(Side::Primary)),
            ("/subscriptions/s/resourceGroups/rg-we2", Lane::Wide),
            ("/subscriptions/s/resourceGroups/shared", Lane::Wide),
            ("/subscriptions/s", Lane::Wide),
        ] {
            assert_eq!(places.lane(&id(text)), lane, "{text}");
        }
    }
}
