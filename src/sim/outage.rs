//! What faults do to the world when they begin and when they end.

use super::{
    fault::{FaultKind, Scope},
    hosts::Power,
    moment::Ms,
    sessions::SessionState,
    spec::Region,
    topology::Node,
    world::{Event, World},
};

/// Principal that `holder-added` assigns unless told otherwise.
const STRANGER: &str = "4c4c4c4c-0000-4000-8000-00000000e0aa";

/// A Service Health event about a region.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) region: Region,
    pub(super) began: Ms,
    pub(super) posted_at: Ms,
    pub(super) resolved_at: Option<Ms>,
    pub(super) cause: FaultKind,
}

impl World {
    pub(super) fn fault_begins(&mut self, at: usize) {
        let (kind, scope) = (self.faults[at].fault.kind, self.faults[at].fault.scope.clone());
        self.faults[at].active = true;
        match kind {
            FaultKind::Dead => self.region_dies(at, &scope),
            FaultKind::Grey => self.announce(kind, scope.region),
            FaultKind::DcDown => self.directory_turns(&scope, Power::Stopped),
            FaultKind::Unpublished => {
                for group in self.groups_of(&scope) {
                    self.workspaces.iter_mut().for_each(|refs| refs.retain(|r| r.group != Some(group)));
                }
            }
            FaultKind::AutoscaleTick => self.autoscale(),
            _ if kind.strikes_once() => self.strike_once(kind, &scope),
            _ => {}
        }
    }

    pub(super) fn fault_ends(&mut self, at: usize) {
        if !self.faults[at].active {
            return;
        }
        self.faults[at].active = false;
        let (kind, scope) = (self.faults[at].fault.kind, self.faults[at].fault.scope.clone());
        match kind {
            FaultKind::Dead => self.region_returns(&scope),
            FaultKind::Grey => self.resolve(kind, scope.region),
            FaultKind::DcDown => self.directory_turns(&scope, Power::Running),
            FaultKind::Unpublished => self.publish_again(&scope),
            _ => {}
        }
    }

    /// Ends every standing fault of this name.
    pub(super) fn heal(&mut self, name: &str) {
        for at in 0..self.faults.len() {
            if self.faults[at].fault.name == name {
                self.fault_ends(at);
            }
        }
    }

    fn region_dies(&mut self, at: usize, scope: &Scope) {
        let Some(region) = scope.region else { return };
        let survivors = self.survivors(scope);
        for vm in 0..self.vms.len() {
            if self.top.vms[vm].region == region && !survivors.contains(&vm) {
                self.machine_lost(vm);
            }
        }
        if !survivors.is_empty() {
            self.push(self.now + scope.survivors_for_ms, Event::SurvivorsEnd(at));
        }
        self.announce(FaultKind::Dead, scope.region);
    }

    fn survivors(&self, scope: &Scope) -> std::ops::Range<usize> {
        let service = self.top.service_named(scope.service.as_deref()).unwrap_or(0);
        let Some(region) = scope.region else { return 0..0 };
        let hosts = self.top.pools[self.top.services[service].pools[region.index()]].hosts.clone();
        hosts.start..(hosts.start + scope.survivors as usize).min(hosts.end)
    }

    pub(super) fn survivors_end(&mut self, at: usize) {
        if self.faults[at].active {
            let scope = self.faults[at].fault.scope.clone();
            for vm in self.survivors(&scope) {
                self.machine_lost(vm);
            }
        }
    }

    fn region_returns(&mut self, scope: &Scope) {
        let Some(region) = scope.region else { return };
        if self.is_dead(region) {
            return;
        }
        for vm in 0..self.vms.len() {
            if self.top.vms[vm].region == region && self.vms[vm].lost {
                self.machine_found(vm);
            }
        }
        self.resolve(FaultKind::Dead, scope.region);
        self.watch_all();
    }

    fn announce(&mut self, cause: FaultKind, region: Option<Region>) {
        let Some(region) = region else { return };
        let posted_at = self.now + self.spec.timing.health_posted.draw(&mut self.rng);
        self.notices.push(Notice { region, began: self.now, posted_at, resolved_at: None, cause });
    }

    fn resolve(&mut self, cause: FaultKind, region: Option<Region>) {
        let at = self.now + self.spec.timing.health_resolved.draw(&mut self.rng);
        for notice in &mut self.notices {
            if Some(notice.region) == region && notice.cause == cause && notice.resolved_at.is_none() {
                notice.resolved_at = Some(at);
            }
        }
    }

    fn directory_turns(&mut self, scope: &Scope, power: Power) {
        let mut left = scope.count.unwrap_or(u32::MAX);
        for vm in 0..self.vms.len() {
            let info = &self.top.vms[vm];
            if info.host.is_none() && scope.region.is_none_or(|r| r == info.region) && left > 0 {
                left -= 1;
                self.machine_turns(vm, power);
            }
        }
    }

    fn groups_of(&self, scope: &Scope) -> Vec<usize> {
        let service = self.top.service_named(scope.service.as_deref());
        scope.region.map(|region| self.top.groups_in(region, service).collect()).unwrap_or_default()
    }

    fn pools_of(&self, scope: &Scope) -> Vec<usize> {
        let service = self.top.service_named(scope.service.as_deref());
        let fits = |p: &super::topology::Pool| {
            scope.region.is_none_or(|r| r == p.region) && service.is_none_or(|s| s == p.service)
        };
        (0..self.top.pools.len()).filter(|at| fits(&self.top.pools[*at])).collect()
    }

    fn publish_again(&mut self, scope: &Scope) {
        for group in self.groups_of(scope) {
            if !self.published(group) {
                let workspace = self.top.pools[self.top.groups[group].pool].workspace;
                let path = self.top.groups[group].id.clone();
                self.workspaces[workspace].push(super::world::GroupReference { path, group: Some(group) });
            }
        }
    }

    fn strike_once(&mut self, kind: FaultKind, scope: &Scope) {
        let count = scope.count.unwrap_or(1);
        match kind {
            FaultKind::Ghost => self.pools_of(scope).into_iter().for_each(|pool| self.haunt(pool, count)),
            FaultKind::PlanEnabled => {
                for pool in self.pools_of(scope) {
                    for reference in self.plans.iter_mut().flatten().filter(|r| r.pool == Some(pool)) {
                        reference.enabled = true;
                    }
                }
            }
            FaultKind::HolderAdded => {
                let principal = scope.principal.clone().unwrap_or_else(|| STRANGER.to_owned());
                if let Some(group) = self.groups_of(scope).first() {
                    let principal = principal.to_ascii_lowercase();
                    self.assign_by_colleague(Node::AppGroup(*group), &principal, scope.custom_role);
                }
            }
            FaultKind::Reassigned => {
                for group in self.groups_of(scope) {
                    let principal = self.top.principals[self.top.groups[group].principal].id.clone();
                    self.assign_by_colleague(Node::AppGroup(group), &principal, false);
                }
            }
            FaultKind::HostDrained => {
                let now = self.now;
                for pool in self.pools_of(scope) {
                    for host in self.top.pools[pool].hosts.clone().take(count as usize) {
                        self.hosts[host].accept(false, now);
                    }
                }
            }
            _ => self.intrude(scope, count),
        }
    }

    /// People without a session there sign in, whatever their assignments say.
    fn intrude(&mut self, scope: &Scope, count: u32) {
        let top = self.top.clone();
        let mut left = count;
        for group in self.groups_of(scope) {
            let hosts = top.pools[top.groups[group].pool].hosts.clone();
            for (who, person) in top.people.iter().enumerate() {
                if left == 0 {
                    return;
                }
                if person.principal != top.groups[group].principal {
                    continue;
                }
                let seated = self.people[who]
                    .session
                    .and_then(|id| self.session(id))
                    .is_some_and(|session| hosts.contains(&session.host));
                let host = hosts.clone().find(|h| {
                    !self.is_gone(*h) && self.hosts[*h].load < self.session_limit(top.groups[group].pool)
                });
                if let (false, Some(host)) = (seated, host) {
                    self.open_session(who, host, group, SessionState::Active, self.now);
                    self.work_on(who);
                    left -= 1;
                }
            }
        }
    }
}
