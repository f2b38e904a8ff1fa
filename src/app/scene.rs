//! A small estate, its readings and a scripted run, for the tests of `app`, `ui` and `plain`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{
    domain::{
        Answer, ArmId, Listing, Observation, Pair, Safe, Side, Source,
        access::{AccessChange, DESKTOP_USER_ROLE, PrincipalId, RoleAssignment},
        compute::{Power, VirtualMachine},
        estate::{
            Cloud, Estate, GroupPair, Layout, Policy, Principal, Region, Service, ServiceKind, ServiceSide,
        },
        health::{HealthEvent, Impact, ImpactedRegion},
        pool::{ApplicationGroup, HostPool, HostStatus, SessionHost, SessionState, UserSession},
        reading::{Silence, SilenceKind},
        source::{DirectoryServer, Held},
        storage::StorageAccount,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Input, Output, Refusal, RunView,
        event::{GateItem, GateVerdict, Ground},
        view::{
            Again, Choice, ItemPhase, ItemView, OfferView, PhaseView, RunState, StepState, StepView,
            WriteLine,
        },
    },
    runbook::{Mode, StepKind},
};

use super::{
    App, Identity, Moment, RunHandle, RunbookEntry, Setup, TokenStatus, World,
    event::Event,
    mode::{Access, Speed},
};

/// The moment most tests stand at.
pub(crate) fn noon() -> Timestamp {
    "2026-11-20T10:14:55Z".parse().unwrap()
}

/// Terminal milliseconds after the opening, at the same estate time.
pub(crate) fn at(terminal: u64) -> Moment {
    Moment { now: noon(), terminal }
}

fn id(text: &str) -> ArmId {
    ArmId::parse(text).unwrap()
}

const AVD: &str = "providers/Microsoft.DesktopVirtualization";

fn group_of(side: Side) -> String {
    let code = if side == Side::Primary { "we" } else { "ne" };
    format!("/subscriptions/11111111-0000-4000-8000-000000000001/resourceGroups/rg-avd-{code}")
}

fn code(side: Side) -> &'static str {
    if side == Side::Primary { "we" } else { "ne" }
}

fn principal(number: u32) -> Principal {
    Principal {
        name: format!("GRP{number}"),
        id: PrincipalId::parse(&format!("4c4c4c4c-0000-4000-8000-00000000e{number:03}")).unwrap(),
        principal_type: "Group".to_owned(),
    }
}

fn service(name: &str, groups: &[(&str, u32)]) -> Service {
    Service {
        name: name.to_owned(),
        kind: ServiceKind::AvdPooled,
        layout: Layout::ActivePassive,
        class: "critical".to_owned(),
        capacity_percent: 100,
        sides: Pair::build(|side| ServiceSide {
            pool: id(&format!("{}/{AVD}/hostPools/hp-{name}-{}", group_of(side), code(side))),
            workspace: Some(id(&format!("{}/{AVD}/workspaces/ws-{}", group_of(side), code(side)))),
            scaling_plan: None,
            accounts: ["profile", "office"]
                .map(|kind| {
                    id(&format!(
                        "{}/providers/Microsoft.Storage/storageAccounts/st{kind}{name}{}",
                        group_of(side),
                        code(side)
                    ))
                })
                .to_vec(),
        }),
        groups: groups
            .iter()
            .map(|(code_of, number)| GroupPair {
                code: (*code_of).to_owned(),
                ids: Pair::build(|side| {
                    id(&format!(
                        "{}/{AVD}/applicationGroups/{}-{}",
                        group_of(side),
                        code_of.to_lowercase(),
                        code(side)
                    ))
                }),
                principals: vec![principal(*number)],
            })
            .collect(),
        exceptions: Vec::new(),
    }
}

pub(crate) fn estate() -> Estate {
    Estate {
        name: "contoso-avd".to_owned(),
        cloud: Cloud::Public,
        tenant: "11111111-1111-4111-8111-111111111111".to_owned(),
        regions: Pair {
            primary: Region { azure: "westeurope".to_owned(), code: "WE".to_owned() },
            secondary: Region { azure: "northeurope".to_owned(), code: "NE".to_owned() },
        },
        services: vec![service("hr", &[("DAG1", 1), ("APPG2", 2)]), service("fin", &[("APPG3", 3)])],
        directory: Pair::build(|side| {
            [1, 2]
                .map(|number| {
                    id(&format!(
                        "{}/providers/Microsoft.Compute/virtualMachines/dc-{}-{number}",
                        group_of(side),
                        code(side)
                    ))
                })
                .to_vec()
        }),
        policy: Policy {
            rto: Some(minutes(120)),
            rpo: None,
            source: None,
            notice: minutes(15),
            allow_run_command: false,
        },
        api_versions: BTreeMap::new(),
        simulated: None,
        not_in_this_version: Vec::new(),
        hash: "e5".repeat(32),
    }
}

/// The same with more of everything than a window has rows: services, and directory servers.
pub(crate) fn large() -> Estate {
    let names = ["ops", "dev", "lab", "edu", "cad", "erp", "crm", "web", "law", "tax"];
    let more = names.iter().zip(4..).map(|(name, number)| {
        service(name, &[(&format!("DAG{number}"), number), (&format!("APPG{number}"), number + 20)])
    });
    let mut estate = estate();
    estate.services.extend(more);
    let servers = |side: Side| {
        let first = estate.directory[side][0].clone();
        (1..=24).map(|number| named(&first, &format!("dc-{}-{number:02}", code(side)))).collect()
    };
    estate.directory = Pair::build(servers);
    estate
}

/// Which world the readings describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Calm,
    Outage,
}

fn seen(source: Source, age: i64, answer: Answer) -> Observation {
    let ended = noon() - seconds(age);
    Observation { source, started: ended, ended, outcome: Ok(answer) }
}

/// An object of the same kind at the same place with another name.
pub(crate) fn named(object: &ArmId, name: &str) -> ArmId {
    let text = object.as_str();
    let place = &text[..text.len() - object.name().len()];
    id(&format!("{place}{name}"))
}

/// A source that stops answering.
pub(crate) fn silent(source: Source, age: i64, why: &str) -> Observation {
    let ended = noon() - seconds(age);
    let silence = Silence { kind: SilenceKind::Unreachable, why: Safe::new(why) };
    Observation { source, started: ended, ended, outcome: Err(silence) }
}

fn host(of: &Service, service: usize, side: Side, number: usize, weather: Weather) -> SessionHost {
    let name = of.name.as_str();
    let dead = weather == Weather::Outage && side == Side::Primary;
    let cold = side == Side::Secondary && number > if service == 0 { 4 } else { 2 };
    let pool = of.sides[side].pool.clone();
    let vm = id(&format!(
        "{}/providers/Microsoft.Compute/virtualMachines/sh{}-{name}-{number:02}",
        group_of(side),
        code(side)
    ));
    SessionHost {
        id: pool.child(&format!("sessionHosts/sh{}-{name}-{number:02}.contoso.example", code(side))),
        status: match (dead, cold) {
            (true, _) => HostStatus::NoHeartbeat,
            (_, true) => HostStatus::Shutdown,
            _ => HostStatus::Available,
        },
        heartbeat: (!cold).then(|| noon() - if dead { minutes(12) } else { seconds(20) }).into(),
        accepts: Some(true),
        sessions: 0,
        vm: Some(vm),
        agent: Safe::new("1.0.9742"),
        stack: Safe::new("1.0.2304"),
        failed_checks: Vec::new(),
    }
}

fn machine(of: &SessionHost) -> VirtualMachine {
    let off = of.status == HostStatus::Shutdown;
    VirtualMachine {
        id: of.vm.clone().unwrap(),
        location: Safe::new("westeurope"),
        size: Safe::new("Standard_D8s_v5"),
        zones: Vec::new(),
        image: None,
        power: Some(if off { Power::Deallocated } else { Power::Running }),
        on_since: None,
    }
}

fn held(group: &ArmId, principal: &Principal, scope: &ArmId) -> Held {
    Held {
        group: group.clone(),
        assignment: RoleAssignment {
            id: scope.child(&format!(
                "providers/Microsoft.Authorization/roleAssignments/{}",
                principal.id.as_str()
            )),
            scope: scope.clone(),
            role: DESKTOP_USER_ROLE.to_owned(),
            custom_use: false,
            principal: principal.id.clone(),
            principal_type: Safe::new("Group"),
            created: None,
            created_by: Safe::default(),
        },
    }
}

/// A group of the helpdesk that inherits its role: outside the plan.
pub(crate) fn helpdesk() -> Principal {
    Principal {
        name: "GRP-HELPDESK".to_owned(),
        id: PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e0ff").unwrap(),
        principal_type: "Group".to_owned(),
    }
}

/// The standby of the first service with a group that nobody planned, assigned on the group itself.
pub(crate) fn stranger_on_standby(stranger: &Principal) -> Observation {
    let group = &estate().services[0].groups[0].ids[Side::Secondary];
    let listing = Listing::whole(vec![held(group, stranger, group)], 1);
    seen(Source::Assignments(0, Side::Secondary), 9, Answer::Assignments(listing))
}

/// What the activity log says: a change by each of `callers`, with their object ids.
pub(crate) fn changes_by(callers: &[(&str, &str)]) -> Observation {
    let change = |(caller, oid): &(&str, &str)| AccessChange {
        at: noon(),
        caller: Safe::new(caller),
        oid: Safe::new(oid),
        operation: Safe::new("Microsoft.Authorization/roleAssignments/write"),
        resource: Safe::default(),
    };
    let listing = Listing::whole(callers.iter().map(change).collect(), 1);
    seen(Source::AccessChanges, 2, Answer::AccessChanges(listing))
}

/// Everything there is to read.
pub(crate) fn readings(weather: Weather) -> Vec<Observation> {
    readings_of(&estate(), weather)
}

/// Everything there is to read of an estate.
pub(crate) fn readings_of(estate: &Estate, weather: Weather) -> Vec<Observation> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        let mut machines = Vec::new();
        for (index, service) in estate.services.iter().enumerate() {
            let count = if index == 0 { 12 } else { 8 };
            let hosts: Vec<SessionHost> =
                (1..=count).map(|number| host(service, index, side, number, weather)).collect();
            machines.extend(hosts.iter().map(machine));
            if side == Side::Primary {
                all.push(seen(Source::Sessions(index, side), 4, sessions(index, &hosts)));
            } else {
                all.push(seen(Source::Sessions(index, side), 4, Answer::Sessions(Listing::whole(vec![], 1))));
            }
            all.push(seen(Source::Hosts(index, side), 4, Answer::Hosts(Listing::whole(hosts, 1))));
            all.push(seen(Source::Pool(index, side), 4, pool(service, side)));
            all.push(seen(Source::Groups(index, side), 30, groups(service, side)));
            all.push(seen(Source::Assignments(index, side), 9, assignments(service, index, side)));
            all.push(seen(Source::Storage(index, side), 21, storage(estate, service, side, weather)));
        }
        let listing = Answer::Machines(Listing::whole(machines, 1));
        all.push(seen(Source::Machines(side), 4, listing));
        all.push(seen(Source::Directory(side), 30, directory(estate, side, weather)));
        all.push(seen(Source::Availability(side), 28, Answer::Availability(Listing::whole(vec![], 1))));
        all.push(seen(Source::Control(side), 2, Answer::Control { millis: 41, skew: Some(seconds(0)) }));
    }
    let posted = if weather == Weather::Outage { vec![event()] } else { Vec::new() };
    all.push(seen(Source::Events, 28, Answer::Events(Listing::whole(posted, 1))));
    all
}

fn sessions(service: usize, hosts: &[SessionHost]) -> Answer {
    let count = if service == 0 { 199 } else { 100 };
    let one = |number: usize| UserSession {
        id: hosts[number % hosts.len()].id.child(&format!("userSessions/{number}")),
        user: Safe::new(&format!("user{service}{number:03}@contoso.example")),
        state: if number % 10 == 9 { SessionState::Disconnected } else { SessionState::Active },
        created: None,
    };
    Answer::Sessions(Listing::whole((0..count).map(one).collect(), 1))
}

fn pool(service: &Service, side: Side) -> Answer {
    Answer::Pool(HostPool {
        id: service.sides[side].pool.clone(),
        location: Safe::new("westeurope"),
        pool_type: Safe::new("Pooled"),
        load_balancer: Safe::new("BreadthFirst"),
        session_limit: 22,
        rdp_properties: Safe::default(),
        start_on_connect: Some(true),
        validation: Some(false),
        preferred_group_type: Safe::new("Desktop"),
        group_references: Vec::new(),
    })
}

fn groups(service: &Service, side: Side) -> Answer {
    let one = |group: &GroupPair| ApplicationGroup {
        id: group.ids[side].clone(),
        kind: Safe::new("Desktop"),
        pool: Some(service.sides[side].pool.clone()),
        workspace: service.sides[side].workspace.clone(),
        applications: Listing::whole(Vec::new(), 1),
    };
    Answer::Groups(Listing::whole(service.groups.iter().map(one).collect(), 1))
}

fn assignments(service: &Service, index: usize, side: Side) -> Answer {
    let mut all = Vec::new();
    if side == Side::Primary {
        for group in &service.groups {
            all.extend(group.principals.iter().map(|one| held(&group.ids[side], one, &group.ids[side])));
        }
        if index == 0 {
            let group = &service.groups[0].ids[side];
            all.push(held(group, &helpdesk(), &group.group_id().unwrap()));
        }
    }
    Answer::Assignments(Listing::whole(all, 1))
}

fn storage(estate: &Estate, service: &Service, side: Side, weather: Weather) -> Answer {
    let down = weather == Weather::Outage && side == Side::Primary;
    let one = |id: &ArmId| StorageAccount {
        id: id.clone(),
        primary_location: Safe::new(&estate.regions[side].azure),
        primary_status: Safe::new(if down { "unavailable" } else { "available" }),
        sku: Safe::new("Premium_ZRS"),
        provisioning: Safe::new("Succeeded"),
    };
    Answer::Storage(Listing::whole(service.sides[side].accounts.iter().map(one).collect(), 1))
}

fn directory(estate: &Estate, side: Side, weather: Weather) -> Answer {
    let down = weather == Weather::Outage && side == Side::Primary;
    let one = |id: &ArmId| DirectoryServer {
        vm: VirtualMachine {
            id: id.clone(),
            location: Safe::new("westeurope"),
            size: Safe::new("Standard_D2s_v5"),
            zones: Vec::new(),
            image: None,
            power: Some(if down { Power::Stopped } else { Power::Running }),
            on_since: None,
        },
        health: None,
    };
    Answer::Directory(Listing::whole(estate.directory[side].iter().map(one).collect(), 1))
}

fn event() -> HealthEvent {
    HealthEvent {
        tracking: Safe::new("ABC1-XYZ"),
        kind: Safe::new("ServiceIssue"),
        status: Safe::new("Active"),
        title: Safe::new("Virtual Machines, West Europe, investigating"),
        started: Some(noon() - minutes(12)),
        updated: Some(noon() - minutes(4)),
        impacts: vec![Impact {
            service: Safe::new("Virtual Machines"),
            regions: vec![ImpactedRegion { name: Safe::new("West Europe"), status: None }],
        }],
    }
}

/// A cockpit over the estate with everything read.
pub(crate) fn app(world: World, weather: Weather) -> App {
    app_of(estate(), world, weather)
}

/// A cockpit over an estate with everything read.
pub(crate) fn app_of(estate: Estate, world: World, weather: Weather) -> App {
    let all = readings_of(&estate, weather);
    let mut app = opened_of(estate, world);
    for observation in all {
        app.update(Event::Observed(observation), at(0));
    }
    app.settle();
    app
}

/// A cockpit over the estate before the first answer.
pub(crate) fn opened(world: World) -> App {
    opened_of(estate(), world)
}

/// A cockpit over an estate before the first answer.
pub(crate) fn opened_of(estate: Estate, world: World) -> App {
    let token = match world {
        World::Live => TokenStatus::Until { terminal_ms: 52 * 60_000 + 30_000, trouble: None, sealed: true },
        World::Sim | World::Replay(_) => TokenStatus::NotNeeded,
    };
    let name = if world == World::Live { "op.01@contoso.example" } else { "sim operator" };
    let services = estate.services.iter().map(|service| service.name.clone()).collect();
    let setup = Setup {
        world,
        access: Access::MayArm,
        endpoint: None,
        estate: Arc::new(estate),
        identity: Identity { name: Safe::new(name), oid: Safe::default() },
        token,
        speed: Speed::Times(1.0),
        runbooks: vec![RunbookEntry {
            id: "avd-pooled-failover".to_owned(),
            title: "Fail over a pooled service".to_owned(),
            local: false,
            services,
            usual: [minutes(38), minutes(21)],
        }],
        bell: super::Bell::default(),
    };
    App::new(setup, at(0))
}

/// What a scripted run was told, and what it says when asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) told: Vec<Command>,
    /// What another try would send.
    pub(crate) again: Option<Again>,
    pub(crate) refuse: Option<Refusal>,
}

/// A run that shows what it was given.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) view: Arc<Mutex<RunView>>,
    pub(crate) script: Arc<Mutex<Script>>,
}

impl RunHandle for Scripted {
    fn handle(&mut self, input: Input, _: Timestamp) -> (Vec<Output>, Option<Refusal>) {
        let mut script = self.script.lock().unwrap();
        let Input::Command(command) = input else { return (Vec::new(), None) };
        if !matches!(command, Command::Arm { .. }) || script.refuse.is_none() {
            script.told.push(command);
        }
        (Vec::new(), script.refuse.take())
    }

    fn view(&self, _: Timestamp) -> RunView {
        self.view.lock().unwrap().clone()
    }

    fn again(&self, _: &str, item: Option<&str>) -> Option<Again> {
        let mut again = self.script.lock().unwrap().again.clone()?;
        again.restart = again.restart.filter(|_| item.is_some());
        Some(again)
    }
}

/// An app in the run view over `view`, armed or not, with both handles to the script.
pub(crate) fn running(view: RunView) -> (App, Arc<Mutex<RunView>>, Arc<Mutex<Script>>) {
    running_over(app(World::Live, Weather::Calm), view)
}

/// The same over a cockpit that is there.
pub(crate) fn running_over(mut app: App, view: RunView) -> (App, Arc<Mutex<RunView>>, Arc<Mutex<Script>>) {
    let (view, script) = (Arc::new(Mutex::new(view)), Arc::new(Mutex::new(Script::default())));
    let handle = Box::new(Scripted { view: Arc::clone(&view), script: Arc::clone(&script) });
    let lock = Safe::new("lock in the state directory only");
    app.update(Event::RunStarted { handle, seq: 100, first: Vec::new(), lock }, at(0));
    app.settle();
    (app, view, script)
}

/// An offer of `level` that asks for `asked`.
pub(crate) fn offer(level: u8, asked: Option<&str>) -> OfferView {
    OfferView {
        hash: "5f2cabcdef0123456789abcdefe1".to_owned(),
        level,
        asked: asked.map(str::to_owned),
        acknowledges: None,
        what: Safe::new("67 sessions of hr in West Europe (58 active, 9 disconnected)"),
        writes: (1..=67)
            .map(|number| WriteLine {
                key: format!("user{number:03}"),
                verb: "log off",
                method: "DELETE".to_owned(),
                path: Safe::new("/…/userSessions/…"),
            })
            .collect(),
        already: 0,
        drift: None,
        users: 67,
        users_at_start: false,
        effect: Safe::new("their unsaved work is lost; they were told 5:00 ago"),
        before_after: (Safe::new("WE 67 sessions"), Safe::new("WE 0 sessions; then profiles are flushed")),
        before_at: None,
        read_at: Some(noon() - seconds(3)),
        green: true,
    }
}

pub(crate) fn step(id: &str, title: &str, kind: StepKind, state: StepState) -> StepView {
    StepView {
        unsent: 0,
        id: id.to_owned(),
        title: title.to_owned(),
        why: format!("why {title} is done"),
        abort: "stops after GRP3; WE stays drained, users are told by nobody".to_owned(),
        undo: None,
        is_undo: false,
        kind,
        state,
        items: Vec::new(),
        done: 0,
        stands: 0,
        taken_back: 0,
        proofs: Vec::new(),
        old_proofs: Vec::new(),
        dated_proofs: Vec::new(),
        since: state.over().then(|| noon() - minutes(6)),
        running: seconds(21),
        usual: seconds(70),
        slow: false,
        countdown: None,
        offer: None,
        ask: None,
        value: None,
        blocked_by: Vec::new(),
        choices: Vec::new(),
        no_undo: None,
        reason: None,
        no_longer: None,
    }
}

pub(crate) fn item(key: &str, state: ItemPhase, detail: &str) -> ItemView {
    ItemView {
        key: key.to_owned(),
        state,
        detail: Safe::new(detail),
        attempts: 1,
        since: Some(noon() - seconds(9)),
    }
}

fn drained(host: u32) -> ItemView {
    item(&format!("drain shwe-hr-{host:02}"), ItemPhase::Done, "drained")
}

fn phases() -> Vec<PhaseView> {
    vec![
        phase("decide", 0, 2, 2, false),
        phase("prepare", 2, 3, 3, true),
        phase("move", 5, 6, 2, false),
        phase("open", 11, 3, 0, false),
    ]
}

fn phase(id: &str, first: usize, count: usize, over: usize, free_exit_ends: bool) -> PhaseView {
    PhaseView { id: id.to_owned(), first, count, over, gate: None, elapsed: minutes(2), free_exit_ends }
}

/// A run in the middle of its move phase: `a7-revoke` at work.
pub(crate) fn move_phase() -> RunView {
    use StepKind::{Automatic, Gate, Manual, Observe};
    use StepState::{Done, Pending, Running};
    let mut steps = vec![
        step("a0-declare", "declare", Manual, Done),
        step("a1-baseline", "take stock", Observe, Done),
        step("a2-capacity", "start NE", Automatic, Done),
        step("a3-plans", "hold scaling plans", Automatic, Done),
        step("a4-ready", "gate 1: NE is ready", Gate, Done),
        step("a5-drain", "drain WE", Automatic, Done),
        step("a6-tell", "tell users", Automatic, Done),
        step("a7-revoke", "revoke WE", Automatic, Running),
        step("a8-logoff", "log off WE", Automatic, Pending),
        step("a9-flush", "wait for profiles", Observe, Pending),
        step("a10-safe-to-open", "gate 2: safe to open NE", Gate, Pending),
        step("a11-grant", "grant NE", Automatic, Pending),
        step("a12-prove", "prove sign-in", Observe, Pending),
        step("a13-first-user", "gate 3: first user", Gate, Pending),
    ];
    steps[5].items = (1..=12).map(drained).collect();
    steps[5].done = 12;
    steps[5].stands = 12;
    steps[7].stands = 2;
    steps[7].items = vec![
        item("GRP1 @ DAG1", ItemPhase::Done, "404 twice"),
        item("GRP2 @ APPG2", ItemPhase::Done, "404 twice"),
        item("GRP3 @ APPG3", ItemPhase::Verifying, "seen 1 of 2"),
    ];
    steps[7].done = 2;
    (steps[7].since, steps[7].running) = (Some(noon() - seconds(12)), seconds(12));
    steps[7].undo = Some("a7-regrant".to_owned());
    RunView {
        run: "r-20261120-1003-7k".to_owned(),
        runbook: "avd-pooled-failover".to_owned(),
        local: false,
        service: "hr".to_owned(),
        service_index: 0,
        mode: Mode::Graceful,
        from: Side::Primary,
        to: Side::Secondary,
        codes: Pair { primary: "WE".to_owned(), secondary: "NE".to_owned() },
        state: RunState::Running,
        opened: noon() - minutes(12),
        impact: noon() - seconds(708),
        impact_stated: true,
        rto_left: Some(minutes(108)),
        served: false,
        interrupted: false,
        watches: false,
        phases: phases(),
        steps,
        current: Some(7),
        debts: Vec::new(),
        debts_ready: Vec::new(),
        debt_settles: None,
        primary_is_back: false,
        free_exit: false,
        wrote: true,
        durable: 118,
        stopped: None,
        statement: None,
        baseline_users: Some(299),
        planned_users: Some(298),
        effective_by: None,
        hold: None,
        last_at: noon() - seconds(12),
        worked_at: noon() - seconds(12),
    }
}

/// The same run with its turn on `a8-logoff`, which offers `offer`.
pub(crate) fn log_off(offer: OfferView) -> RunView {
    let mut view = move_phase();
    view.state = RunState::AwaitingPerson;
    view.steps[7].state = StepState::Done;
    view.steps[8].state = StepState::Ready;
    view.steps[8].offer = Some(offer);
    view.steps[8].choices = vec![Choice::Skip];
    view.steps[8].usual = seconds(200);
    view.current = Some(8);
    view
}

/// The same run at gate 2, with one killer item red.
pub(crate) fn gate() -> RunView {
    let mut view = log_off(offer(1, None));
    view.steps[8].state = StepState::Done;
    view.steps[8].offer = None;
    view.steps[9].state = StepState::Done;
    view.steps[10].state = StepState::Blocked;
    let killer = |id: &str, verdict, value: &str| GateItem {
        id: id.to_owned(),
        verdict,
        value: Safe::new(value),
        ground: Ground::Seen,
        age_s: Some(4),
    };
    view.steps[10].proofs = vec![
        killer("no-holder-on-active", GateVerdict::Green, "0 of 3"),
        killer("active-empty", GateVerdict::Red, "2 sessions in WE"),
        killer("profiles-flushed", GateVerdict::Unknown, "not checked: run command off"),
    ];
    view.current = Some(10);
    view
}
