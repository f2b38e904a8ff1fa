//! Where a world stands, for comparing the ends of two runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Region, world::World};

/// Where a world stands: what a run is judged by.
///
/// It holds no times, request ids, session ids, or hosts of users: two runs that differ only
/// in those ended the same (design.md §11).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndState {
    /// Principals that hold the role directly on each application group, by its name.
    pub holders: BTreeMap<String, BTreeSet<String>>,
    /// Whether each host accepts new sessions, by its name.
    pub accepts: BTreeMap<String, bool>,
    /// Power state code of each machine, by its name.
    pub power: BTreeMap<String, &'static str>,
    /// Whether each scaling plan is enabled for each pool it references, as `plan/pool`.
    pub plans: BTreeMap<String, bool>,
    /// Listed sessions, primary and secondary.
    pub sessions: [usize; 2],
    /// The sides each user has listed sessions on, by sign-in name.
    pub users: BTreeMap<String, BTreeSet<&'static str>>,
}

impl World {
    pub(super) fn end_state(&self) -> EndState {
        let top = &self.top;
        let mut end = EndState::default();
        for (at, group) in top.groups.iter().enumerate() {
            end.holders.insert(group.name.clone(), self.holders(at).map(str::to_owned).collect());
        }
        for (at, host) in top.hosts.iter().enumerate() {
            end.accepts.insert(host.fqdn.clone(), self.hosts[at].accepts_at(self.now));
        }
        for (at, vm) in top.vms.iter().enumerate() {
            end.power.insert(vm.name.clone(), self.power_code(at, self.now).0);
        }
        for (at, references) in self.plans.iter().enumerate() {
            for reference in references {
                let pool = reference.pool.map_or(reference.path.as_str(), |p| top.pools[p].name.as_str());
                end.plans.insert(format!("{}/{pool}", top.plans[at].name), reference.enabled);
            }
        }
        for session in self.sessions.iter().filter(|s| s.listed_at(self.now)) {
            let region: Region = top.host_region(session.host);
            end.sessions[region.index()] += 1;
            end.users.entry(top.people[session.person].upn.clone()).or_default().insert(region.word());
        }
        end
    }
}
