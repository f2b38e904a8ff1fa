//! What does not change while a world lives: names, ids, and the index of every path.

use std::collections::HashMap;

use super::spec::{Balancing, GroupKind, Region, RegionSpec, Spec};

/// Role id of Desktop Virtualization User (azure-avd.md §2.1).
pub(super) const DESKTOP_USER: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
/// Size of the simulated hosts.
pub(super) const VM_SIZE: &str = "Standard_D4s_v5";
/// Cores of that size.
pub(super) const VM_CORES: u32 = 4;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Subscription,
    ResourceGroup(usize),
    Pool(usize),
    Host(usize),
    AppGroup(usize),
    Workspace(usize),
    Plan(usize),
    Vm(usize),
    Account(usize),
}

/// Which resource group holds what, per region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Avd,
    Hosts,
    Profiles,
    Identity,
}

/// Names of the shelves, in their order.
const SHELVES: [&str; 4] = ["avd", "hosts", "profiles", "identity"];

impl Shelf {
    /// Index of the resource group that is this shelf in a region.
    pub(super) fn in_region(self, region: Region) -> usize {
        region.index() * SHELVES.len() + self as usize
    }
}

#[derive(Debug)]
pub(super) struct ResourceGroup {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) region: Region,
}

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) service: usize,
    pub(super) region: Region,
    pub(super) max_sessions: u32,
    pub(super) balancing: Balancing,
    pub(super) hosts: std::ops::Range<usize>,
    pub(super) workspace: usize,
    pub(super) plan: usize,
    pub(super) groups: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct HostInfo {
    pub(super) fqdn: String,
    pub(super) id: String,
    pub(super) pool: usize,
    /// Offset of its heartbeats within the half minute, in milliseconds.
    pub(super) phase: i64,
}

#[derive(Debug)]
pub(super) struct VmInfo {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) group: usize,
    pub(super) region: Region,
    pub(super) vm_id: String,
    pub(super) zone: u32,
    /// The session host that runs on it, or none for a domain controller.
    pub(super) host: Option<usize>,
}

#[derive(Debug)]
pub(super) struct AppGroup {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) kind: GroupKind,
    pub(super) region: Region,
    pub(super) service: usize,
    pub(super) pool: usize,
    pub(super) twin: usize,
    /// The planned principal.
    pub(super) principal: usize,
    pub(super) applications: Vec<String>,
}

/// A named thing with an id and a region: workspaces and scaling plans.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) region: Region,
    /// The pool a plan governs; the first pool of the side for a workspace.
    pub(super) pool: usize,
}

#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) region: Region,
    pub(super) service: usize,
    pub(super) office: bool,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    /// Pools, primary then secondary.
    pub(super) pools: [usize; 2],
}

#[derive(Debug)]
pub(super) struct Principal {
    pub(super) name: String,
    pub(super) id: String,
}

#[derive(Debug)]
pub(super) struct PersonInfo {
    pub(super) upn: String,
    pub(super) sam: String,
    pub(super) principal: usize,
}

/// The fixed part of a simulated estate.
#[derive(Debug, Default)]
pub(super) struct Topology {
    pub(super) subscription: String,
    pub(super) tenant: String,
    pub(super) resource_groups: Vec<ResourceGroup>,
    pub(super) services: Vec<Service>,
    pub(super) pools: Vec<Pool>,
    pub(super) hosts: Vec<HostInfo>,
    /// Machines; the first ones carry the session hosts of the same index.
    pub(super) vms: Vec<VmInfo>,
    pub(super) groups: Vec<AppGroup>,
    pub(super) workspaces: Vec<Named>,
    pub(super) plans: Vec<Named>,
    pub(super) accounts: Vec<Account>,
    pub(super) principals: Vec<Principal>,
    pub(super) people: Vec<PersonInfo>,
    pub(super) regions: Vec<RegionSpec>,
    index: HashMap<Box<str>, Node>,
}

impl Topology {
    pub(super) fn build(spec: &Spec) -> Self {
        let mut top = Self {
            subscription: spec.subscription.clone(),
            tenant: spec.tenant.clone(),
            regions: vec![spec.regions.primary.clone(), spec.regions.secondary.clone()],
            ..Self::default()
        };
        top.put(&format!("/subscriptions/{}", spec.subscription), Node::Subscription);
        for region in Region::BOTH {
            top.add_region(region);
        }
        for (at, service) in spec.service.iter().enumerate() {
            top.services.push(Service { name: service.name.clone(), pools: [2 * at, 2 * at + 1] });
            for region in Region::BOTH {
                top.add_pool(spec, at, region);
            }
            top.add_groups(spec, at);
        }
        for region in Region::BOTH {
            top.add_directory(region);
        }
        let test = top.principal("GRP-TEST", Some("4c4c4c4c-0000-4000-8000-00000000e00f"));
        for number in 1..=spec.test_people {
            let name = format!("test.{number:02}");
            let person = Self::person(spec, &name, test);
            top.people.push(person);
        }
        for holder in &spec.holder {
            top.principal(&holder.group, holder.id.as_deref());
        }
        top
    }

    /// What a lower-case path names.
    pub(super) fn find(&self, lower: &str) -> Option<Node> {
        self.index.get(lower).copied()
    }

    pub(super) fn region(&self, region: Region) -> &RegionSpec {
        &self.regions[region.index()]
    }

    /// The region with this Azure name, in any case and spacing.
    pub(super) fn region_named(&self, azure: &str) -> Option<Region> {
        let plain: String = azure.chars().filter(|c| *c != ' ').collect();
        Region::BOTH.into_iter().find(|r| self.region(*r).azure.eq_ignore_ascii_case(&plain))
    }

    /// The region of the object itself; a resource group's is its location.
    pub(super) fn region_of(&self, node: Node) -> Option<Region> {
        Some(match node {
            Node::Subscription => return None,
            Node::ResourceGroup(i) => self.resource_groups[i].region,
            Node::Pool(i) => self.pools[i].region,
            Node::Host(i) => self.pools[self.hosts[i].pool].region,
            Node::AppGroup(i) => self.groups[i].region,
            Node::Workspace(i) => self.workspaces[i].region,
            Node::Plan(i) => self.plans[i].region,
            Node::Vm(i) => self.vms[i].region,
            Node::Account(i) => self.accounts[i].region,
        })
    }

    pub(super) fn host_region(&self, host: usize) -> Region {
        self.pools[self.hosts[host].pool].region
    }

    /// Application groups of one region, optionally of one service.
    pub(super) fn groups_in(
        &self,
        region: Region,
        service: Option<usize>,
    ) -> impl Iterator<Item = usize> + '_ {
        self.groups
            .iter()
            .enumerate()
            .filter(move |(_, g)| g.region == region && service.is_none_or(|s| g.service == s))
            .map(|(at, _)| at)
    }

    pub(super) fn service_named(&self, name: Option<&str>) -> Option<usize> {
        let name = name?;
        self.services.iter().position(|s| s.name.eq_ignore_ascii_case(name))
    }

    fn put(&mut self, id: &str, node: Node) {
        self.index.insert(id.to_ascii_lowercase().into_boxed_str(), node);
    }

    fn code(&self, region: Region) -> String {
        self.region(region).code.to_ascii_lowercase()
    }

    fn add_region(&mut self, region: Region) {
        let code = self.code(region);
        for name in SHELVES {
            let name = format!("rg-{name}-{code}");
            let id = format!("/subscriptions/{}/resourceGroups/{name}", self.subscription);
            self.put(&id, Node::ResourceGroup(self.resource_groups.len()));
            self.resource_groups.push(ResourceGroup { name, id, region });
        }
        let name = format!("ws-{code}");
        let id =
            self.resource(region, Shelf::Avd, &format!("Microsoft.DesktopVirtualization/workspaces/{name}"));
        self.put(&id, Node::Workspace(self.workspaces.len()));
        self.workspaces.push(Named { name, id, region, pool: region.index() });
    }

    fn resource(&self, region: Region, shelf: Shelf, rest: &str) -> String {
        format!("{}/providers/{rest}", self.resource_groups[shelf.in_region(region)].id)
    }

    fn add_pool(&mut self, spec: &Spec, service: usize, region: Region) {
        let sizes = &spec.service[service];
        let (code, at) = (self.code(region), self.pools.len());
        let name = format!("hp-{}-{code}", sizes.name);
        let id =
            self.resource(region, Shelf::Avd, &format!("Microsoft.DesktopVirtualization/hostPools/{name}"));
        self.put(&id, Node::Pool(at));
        let first = self.hosts.len();
        for number in 1..=sizes.hosts {
            self.add_host(spec, &id, at, region, &format!("sh{code}-{}-{number:02}", sizes.name), number);
        }
        let plan = format!("sp-{}-{code}", sizes.name);
        let plan_id = self.resource(
            region,
            Shelf::Avd,
            &format!("Microsoft.DesktopVirtualization/scalingPlans/{plan}"),
        );
        self.put(&plan_id, Node::Plan(self.plans.len()));
        self.pools.push(Pool {
            name,
            id,
            service,
            region,
            max_sessions: sizes.max_sessions,
            balancing: sizes.load_balancer,
            hosts: first..self.hosts.len(),
            workspace: region.index(),
            plan: self.plans.len(),
            groups: Vec::new(),
        });
        self.plans.push(Named { name: plan, id: plan_id, region, pool: at });
        for (kind, office) in [("prof", false), ("offc", true)] {
            let name = format!("stcontoso{}{kind}{code}", sizes.name.replace('-', ""));
            let id =
                self.resource(region, Shelf::Profiles, &format!("Microsoft.Storage/storageAccounts/{name}"));
            self.put(&id, Node::Account(self.accounts.len()));
            self.accounts.push(Account { name, id, region, service, office });
        }
    }

    fn add_host(&mut self, spec: &Spec, pool_id: &str, pool: usize, region: Region, name: &str, number: u32) {
        let at = self.hosts.len();
        let fqdn = format!("{name}.{}", spec.domain);
        let id = format!("{pool_id}/sessionHosts/{fqdn}");
        self.put(&id, Node::Host(at));
        // Hosts beat one after the other within the half minute, as a real pool does.
        let phase = (at as i64 * 7_919) % super::hosts::BEAT;
        self.hosts.push(HostInfo { fqdn, id, pool, phase });
        self.add_vm(region, Shelf::Hosts, name, (number - 1) % 3 + 1, Some(at));
    }

    fn add_vm(&mut self, region: Region, shelf: Shelf, name: &str, zone: u32, host: Option<usize>) {
        let at = self.vms.len();
        let id = self.resource(region, shelf, &format!("Microsoft.Compute/virtualMachines/{name}"));
        self.put(&id, Node::Vm(at));
        self.vms.push(VmInfo {
            name: name.to_owned(),
            id,
            group: shelf.in_region(region),
            region,
            vm_id: format!("3b3b3b3b-0000-4000-8000-{at:012x}"),
            zone,
            host,
        });
    }

    fn add_directory(&mut self, region: Region) {
        let code = self.code(region);
        for number in 1..=self.region(region).domain_controllers {
            self.add_vm(region, Shelf::Identity, &format!("dc-{code}-{number}"), number, None);
        }
    }

    fn add_groups(&mut self, spec: &Spec, service: usize) {
        for group in &spec.service[service].application_group {
            let principal = self.principal(&group.group, None);
            let first = self.groups.len();
            for region in Region::BOTH {
                let name = format!("{}-{}", group.code.to_ascii_lowercase(), self.code(region));
                let id = self.resource(
                    region,
                    Shelf::Avd,
                    &format!("Microsoft.DesktopVirtualization/applicationGroups/{name}"),
                );
                let (at, pool) = (self.groups.len(), self.services[service].pools[region.index()]);
                self.put(&id, Node::AppGroup(at));
                self.pools[pool].groups.push(at);
                self.groups.push(AppGroup {
                    code: group.code.clone(),
                    name,
                    id,
                    kind: group.kind,
                    region,
                    service,
                    pool,
                    twin: if at == first { first + 1 } else { first },
                    principal,
                    applications: group.applications.clone(),
                });
            }
            for _ in 0..group.people {
                let name = format!("user.{:03}", self.people.len() + 1);
                let person = Self::person(spec, &name, principal);
                self.people.push(person);
            }
        }
    }

    fn person(spec: &Spec, name: &str, principal: usize) -> PersonInfo {
        let netbios = spec.domain.split('.').next().unwrap_or("corp").to_ascii_uppercase();
        PersonInfo { upn: format!("{name}@{}", spec.domain), sam: format!("{netbios}\\{name}"), principal }
    }

    fn principal(&mut self, name: &str, id: Option<&str>) -> usize {
        if let Some(at) = self.principals.iter().position(|p| p.name == name) {
            return at;
        }
        let at = self.principals.len();
        let id = id.map_or_else(|| format!("4c4c4c4c-0000-4000-8000-{:012x}", 0xe001 + at), str::to_owned);
        self.principals.push(Principal { name: name.to_owned(), id });
        at
    }

    /// The principal with this id.
    pub(super) fn principal_with(&self, id: &str) -> Option<usize> {
        self.principals.iter().position(|p| p.id.eq_ignore_ascii_case(id))
    }
}
