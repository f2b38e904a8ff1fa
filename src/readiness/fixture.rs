//! A small estate and its readings, for the tests of readiness and status.

use crate::domain::{
    Answer, ArmId, Listing, Observation, Pair, Safe, Side, Source,
    access::{DESKTOP_USER_ROLE, Lock, LockLevel, PermissionGrant, Permissions, PrincipalId, RoleAssignment},
    compute::{Power, Usage, VirtualMachine},
    estate::{
        Cloud, Estate, GroupPair, Layout, Policy, Principal, Region, Service, ServiceKind, ServiceSide,
    },
    picture::Picture,
    pool::{
        Application, ApplicationGroup, Heartbeat, HostPool, HostStatus, PlanReference, ScalingPlan,
        SessionHost, SessionState, UserSession, Workspace,
    },
    reading::{Silence, SilenceKind},
    source::{DirectoryServer, Held},
    storage::StorageAccount,
    time::{Timestamp, minutes, seconds},
};

use super::context::scopes;

/// An estate, its readings and the moment.
pub(crate) struct World {
    pub(crate) estate: Estate,
    pub(crate) picture: Picture,
    pub(crate) now: Timestamp,
}

const CODES: [&str; 2] = ["we", "ne"];
const SUBSCRIPTION: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";

fn code(side: Side) -> &'static str {
    CODES[usize::from(side == Side::Secondary)]
}

pub(crate) fn id(side: Side, kind: &str, name: &str) -> ArmId {
    let rg = code(side);
    ArmId::parse(&format!("{SUBSCRIPTION}/resourceGroups/rg-avd-{rg}/providers/{kind}/{name}")).unwrap()
}

pub(crate) fn principal(number: u32) -> Principal {
    Principal {
        name: format!("GRP{number}"),
        id: PrincipalId::parse(&format!("4c4c4c4c-0000-4000-8000-00000000e00{number}")).unwrap(),
        principal_type: "Group".to_owned(),
    }
}

fn group_id(side: Side, group: &str) -> ArmId {
    id(side, "Microsoft.DesktopVirtualization/applicationGroups", &format!("{group}-{}", code(side)))
}

fn vm_id(side: Side, name: &str) -> ArmId {
    id(side, "Microsoft.Compute/virtualMachines", name)
}

fn service(name: &str, groups: &[(&str, u32)]) -> Service {
    let avd = |side, kind: &str, prefix: &str| {
        id(
            side,
            &format!("Microsoft.DesktopVirtualization/{kind}"),
            &format!("{prefix}-{name}-{}", code(side)),
        )
    };
    Service {
        name: name.to_owned(),
        kind: ServiceKind::AvdPooled,
        layout: Layout::ActivePassive,
        class: "critical".to_owned(),
        capacity_percent: 100,
        sides: Pair::build(|side| ServiceSide {
            pool: avd(side, "hostPools", "hp"),
            workspace: Some(avd(side, "workspaces", "ws")),
            scaling_plan: Some(avd(side, "scalingPlans", "sp")),
            accounts: ["p", "o"]
                .map(|kind| {
                    id(side, "Microsoft.Storage/storageAccounts", &format!("st{name}{kind}{}", code(side)))
                })
                .to_vec(),
        }),
        groups: groups
            .iter()
            .map(|(group, number)| GroupPair {
                code: (*group).to_owned(),
                ids: Pair::build(|side| group_id(side, group)),
                principals: vec![principal(*number)],
            })
            .collect(),
        exceptions: Vec::new(),
    }
}

impl World {
    /// Services `hr` (4+4 hosts, 2 groups) and `fin` (2+2, 1 group), primary active, half of
    /// the standby cold, ten users on every active host, nothing wrong.
    pub(crate) fn calm() -> Self {
        let services = vec![service("hr", &[("dag1", 1), ("appg2", 2)]), service("fin", &[("appg3", 3)])];
        let region = |azure: &str, code: &str| Region { azure: azure.to_owned(), code: code.to_owned() };
        let estate = Estate {
            name: "contoso-avd".to_owned(),
            cloud: Cloud::Public,
            tenant: "11111111-1111-4111-8111-111111111111".to_owned(),
            regions: Pair { primary: region("westeurope", "WE"), secondary: region("northeurope", "NE") },
            services,
            directory: Pair::build(|side| {
                (1..=2).map(|n| vm_id(side, &format!("dc-{}-{n}", code(side)))).collect()
            }),
            policy: Policy {
                rto: None,
                rpo: None,
                source: None,
                notice: minutes(15),
                allow_run_command: false,
            },
            api_versions: std::collections::BTreeMap::new(),
            simulated: None,
            not_in_this_version: Vec::new(),
            hash: "ab".repeat(32),
        };
        let now = "2026-11-20T08:12:07Z".parse().unwrap();
        let mut world = Self { estate, picture: Picture::default(), now };
        for side in Side::BOTH {
            for service in 0..world.estate.services.len() {
                world.fill_service(service, side);
            }
            world.fill_region(side);
        }
        world.put(Source::Events, Answer::Events(Listing::whole(Vec::new(), 1)));
        world.put(Source::AccessChanges, Answer::AccessChanges(Listing::whole(Vec::new(), 1)));
        world
    }

    /// Takes in an answer that came four seconds ago.
    pub(crate) fn put(&mut self, source: Source, answer: Answer) {
        let ended = self.now - seconds(4);
        self.picture.take(Observation { source, started: ended - seconds(1), ended, outcome: Ok(answer) });
    }

    /// Takes in that a source gave no answer, `misses` times.
    pub(crate) fn silence(&mut self, source: &Source, kind: SilenceKind, misses: u32) {
        for _ in 0..misses {
            let silence = Silence { kind, why: Safe::new("no answer in 10 s") };
            let ended = self.now - seconds(3);
            // As the answers: whichever is taken in last is the newest.
            let started = ended - seconds(2);
            self.picture.take(Observation { source: source.clone(), started, ended, outcome: Err(silence) });
        }
    }

    /// Forgets what was read from a source and takes in that it is silent.
    pub(crate) fn never(&mut self, source: &Source, kind: SilenceKind) {
        self.picture.forget(source);
        self.silence(source, kind, 1);
    }

    pub(crate) fn edit_hosts(&mut self, service: usize, side: Side, edit: impl Fn(usize, &mut SessionHost)) {
        let source = Source::Hosts(service, side);
        let Some(Answer::Hosts(list)) = self.picture.last(&source).map(|look| look.answer.clone()) else {
            panic!()
        };
        let mut hosts = list.seen().to_vec();
        hosts.iter_mut().enumerate().for_each(|(at, host)| edit(at, host));
        self.put(source, Answer::Hosts(Listing::whole(hosts, 1)));
    }

    /// Makes an answer of the source not whole.
    pub(crate) fn cut_hosts(&mut self, service: usize, side: Side) {
        let source = Source::Hosts(service, side);
        let Some(Answer::Hosts(list)) = self.picture.last(&source).map(|look| look.answer.clone()) else {
            panic!()
        };
        let cut = Listing::partial(list.seen().to_vec(), 1, Safe::new("page 2 did not come"));
        self.put(source, Answer::Hosts(cut));
    }

    /// One planned assignment of every group of a service.
    pub(crate) fn planned(&self, service: usize, side: Side) -> Vec<Held> {
        let groups = &self.estate.services[service].groups;
        groups
            .iter()
            .flat_map(|group| {
                let scope = group.ids[side].clone();
                group.principals.iter().map(move |who| held(&scope, &scope, &who.id))
            })
            .collect()
    }

    pub(crate) fn hold(&mut self, service: usize, side: Side, held: Vec<Held>) {
        self.put(Source::Assignments(service, side), Answer::Assignments(Listing::whole(held, 1)));
    }

    /// Nothing may be done at any scope of a side.
    pub(crate) fn forbid(&mut self, service: usize, side: Side) {
        for scope in scopes(&self.estate, service, side) {
            self.put(Source::Permissions(scope), Answer::Permissions(Permissions::default()));
        }
    }

    /// Everybody who may use a service stands on `side`.
    pub(crate) fn activate(&mut self, service: usize, side: Side) {
        let planned = self.planned(service, side);
        self.hold(service, side, planned);
        self.hold(service, side.other(), Vec::new());
    }

    /// The primary burns: no heartbeat for 12 minutes, compute silent, shares down, posted.
    pub(crate) fn burn_primary(&mut self) {
        let side = Side::Primary;
        let beat = self.now - minutes(12);
        for service in 0..self.estate.services.len() {
            self.edit_hosts(service, side, |_, host| {
                host.heartbeat = Heartbeat::At(beat);
                host.status = HostStatus::Unavailable;
            });
            let source = Source::Storage(service, side);
            let Some(Answer::Storage(list)) = self.picture.last(&source).map(|look| look.answer.clone())
            else {
                panic!()
            };
            let mut accounts = list.seen().to_vec();
            for account in &mut accounts {
                account.primary_status = Safe::new("unavailable");
            }
            self.put(source, Answer::Storage(Listing::whole(accounts, 1)));
        }
        self.silence(&Source::Machines(side), SilenceKind::Unreachable, 3);
        self.never(&Source::Directory(side), SilenceKind::Unreachable);
    }

    fn fill_service(&mut self, service: usize, side: Side) {
        let config = self.estate.services[service].clone();
        let own = config.sides[side].clone();
        let count = if service == 0 { 4 } else { 2 };
        let active = side == Side::Primary;
        let hosts: Vec<SessionHost> =
            (0..count).map(|n| host(&own.pool, side, n, active || n < count / 2, self.now)).collect();
        let sessions = if active {
            hosts.iter().flat_map(|host| (0..10).map(|n| session(host, n))).collect()
        } else {
            Vec::new()
        };
        let groups: Vec<ArmId> = config.group_ids(side).cloned().collect();
        self.put(Source::Hosts(service, side), Answer::Hosts(Listing::whole(hosts, 1)));
        self.put(Source::Sessions(service, side), Answer::Sessions(Listing::whole(sessions, 1)));
        self.put(Source::Pool(service, side), Answer::Pool(pool(&own.pool, side, &groups)));
        let workspace = own.workspace.clone().unwrap();
        let seen = groups.iter().map(|id| group(id, &own.pool, &workspace)).collect();
        self.put(Source::Groups(service, side), Answer::Groups(Listing::whole(seen, 1)));
        let published = Workspace { id: workspace, group_references: groups };
        self.put(Source::Workspace(service, side), Answer::Workspace(Some(published)));
        let references = vec![PlanReference { pool: own.pool.clone(), enabled: true }];
        let plan = ScalingPlan {
            id: own.scaling_plan.clone().unwrap(),
            exclusion_tag: Safe::new("no-scale"),
            references,
        };
        self.put(Source::Plans(service, side), Answer::Plans(Listing::whole(vec![plan], 1)));
        let held = if active { self.planned(service, side) } else { Vec::new() };
        self.hold(service, side, held);
        let accounts = own.accounts.iter().map(|id| account(id, side)).collect();
        self.put(Source::Storage(service, side), Answer::Storage(Listing::whole(accounts, 1)));
    }

    fn fill_region(&mut self, side: Side) {
        let mut machines = Vec::new();
        for service in 0..self.estate.services.len() {
            let Some(Answer::Hosts(list)) =
                self.picture.last(&Source::Hosts(service, side)).map(|look| look.answer.clone())
            else {
                panic!()
            };
            for host in list.seen() {
                let power =
                    if host.status == HostStatus::Shutdown { Power::Deallocated } else { Power::Running };
                machines.push(machine(&host.vm.clone().unwrap(), side, machines.len(), power));
            }
        }
        self.put(Source::Machines(side), Answer::Machines(Listing::whole(machines, 1)));
        let servers = self.estate.directory[side]
            .iter()
            .map(|vm| DirectoryServer { vm: machine(vm, side, 0, Power::Running), health: None })
            .collect();
        self.put(Source::Directory(side), Answer::Directory(Listing::whole(servers, 1)));
        let usage = |name: &str| usage(name, 40, 400);
        let usages = vec![usage("cores"), usage("standardDSv5Family")];
        self.put(Source::Usages(side), Answer::Usages(Listing::whole(usages, 1)));
        self.put(Source::Availability(side), Answer::Availability(Listing::whole(Vec::new(), 1)));
        self.put(Source::Control(side), Answer::Control { millis: 41, skew: Some(seconds(0)) });
        let all = Permissions {
            grants: vec![PermissionGrant { actions: vec!["*".into()], not_actions: Vec::new() }],
        };
        let all_scopes: Vec<ArmId> =
            (0..self.estate.services.len()).flat_map(|at| scopes(&self.estate, at, side)).collect();
        for scope in all_scopes {
            let azure = Safe::new(&self.estate.regions[side].azure);
            let place = scope.group_id().expect("every scope lies in a resource group");
            self.put(Source::GroupLocation(place), Answer::GroupLocation(azure));
            self.put(Source::Permissions(scope.clone()), Answer::Permissions(all.clone()));
            self.put(Source::Locks(scope), Answer::Locks(Listing::whole(Vec::new(), 1)));
        }
    }
}

pub(crate) fn held(group: &ArmId, scope: &ArmId, who: &PrincipalId) -> Held {
    Held {
        group: group.clone(),
        assignment: RoleAssignment {
            id: scope.child("providers/Microsoft.Authorization/roleAssignments/aa"),
            scope: scope.clone(),
            role: DESKTOP_USER_ROLE.to_owned(),
            custom_use: false,
            principal: who.clone(),
            principal_type: Safe::new("Group"),
            created: None,
            created_by: Safe::default(),
        },
    }
}

/// A quota of the subscription that everything lies in.
pub(crate) fn usage(name: &str, used: u64, limit: u64) -> Usage {
    let subscription = ArmId::parse(SUBSCRIPTION).unwrap();
    Usage { subscription, name: Safe::new(name), used, limit }
}

pub(crate) fn lock(scope: &ArmId, level: LockLevel) -> Lock {
    Lock { id: scope.child("providers/Microsoft.Authorization/locks/keep"), level }
}

pub(crate) fn host(pool: &ArmId, side: Side, number: usize, on: bool, now: Timestamp) -> SessionHost {
    let name = format!("{}-{number}", pool.name());
    SessionHost {
        id: pool.child(&format!("sessionHosts/{name}.contoso.example")),
        status: if on { HostStatus::Available } else { HostStatus::Shutdown },
        heartbeat: Heartbeat::At(if on { now - seconds(20) } else { now - minutes(24 * 60 * 10) }),
        accepts: Some(true),
        sessions: 0,
        vm: Some(vm_id(side, &name)),
        agent: Safe::new("1.0.9103.3700"),
        stack: Safe::new("1.0.2404.16770"),
        failed_checks: Vec::new(),
    }
}

pub(crate) fn session(host: &SessionHost, number: usize) -> UserSession {
    UserSession {
        id: host.id.child(&format!("userSessions/{number}")),
        user: Safe::new(&format!("user-{}-{number}@contoso.example", host.short_name())),
        state: if number == 9 { SessionState::Disconnected } else { SessionState::Active },
        created: None,
    }
}

fn pool(pool: &ArmId, side: Side, groups: &[ArmId]) -> HostPool {
    HostPool {
        id: pool.clone(),
        location: Safe::new(if side == Side::Primary { "westeurope" } else { "northeurope" }),
        pool_type: Safe::new("Pooled"),
        load_balancer: Safe::new("BreadthFirst"),
        session_limit: 12,
        rdp_properties: Safe::new("drivestoredirect:s:;"),
        start_on_connect: Some(false),
        validation: Some(false),
        preferred_group_type: Safe::new("Desktop"),
        group_references: groups.to_vec(),
    }
}

fn group(id: &ArmId, pool: &ArmId, workspace: &ArmId) -> ApplicationGroup {
    let desktop = id.name().starts_with("dag");
    let application = Application {
        name: Safe::new("Ledger"),
        path: Safe::new(r"C:\apps\ledger.exe"),
        arguments: Safe::default(),
    };
    ApplicationGroup {
        id: id.clone(),
        kind: Safe::new(if desktop { "Desktop" } else { "RemoteApp" }),
        pool: Some(pool.clone()),
        workspace: Some(workspace.clone()),
        applications: Listing::whole(if desktop { Vec::new() } else { vec![application] }, 1),
    }
}

fn account(id: &ArmId, side: Side) -> StorageAccount {
    StorageAccount {
        id: id.clone(),
        primary_location: Safe::new(if side == Side::Primary { "westeurope" } else { "northeurope" }),
        primary_status: Safe::new("available"),
        sku: Safe::new("Premium_ZRS"),
        provisioning: Safe::new("Succeeded"),
    }
}

pub(crate) fn machine(vm: &ArmId, side: Side, number: usize, power: Power) -> VirtualMachine {
    VirtualMachine {
        id: vm.clone(),
        location: Safe::new(if side == Side::Primary { "westeurope" } else { "northeurope" }),
        size: Safe::new("Standard_D8s_v5"),
        zones: vec![Safe::new(&(number % 3 + 1).to_string())],
        image: Some(Safe::new("1.2.3")),
        power: Some(power),
        on_since: None,
    }
}
