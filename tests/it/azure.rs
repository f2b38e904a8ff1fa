//! The adapter over the simulated Azure: every source is read, every write has its effect.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use farshore::{
    azure::{Azure, AzureOptions, Endpoint, tokens::Fixed},
    config,
    domain::{
        Answer, ArmId, Operation, Safe, Side, Source,
        access::{DESKTOP_USER_ROLE, assignment_name},
        compute::Power,
        estate::Estate,
        operation::{FollowKind, FollowUrl, Probe, Progress},
        pool::HostStatus,
        probe::{DirectoryReport, FslogixReport},
        reading::{Silence, SilenceKind},
        time::{Span, Timestamp},
    },
    sim::{Fault, FaultKind, NoLedger, Region, Scenario, Sim, SimOptions, TimeSource},
    wire::{Guard, Response, Wire},
};

/// Estate time that runs with tokio's.
#[derive(Debug)]
struct Paused(Timestamp, Instant);

impl TimeSource for Paused {
    fn now(&self) -> Timestamp {
        self.0 + Span::try_from(self.1.elapsed()).expect("tests are short")
    }
}

pub struct World {
    azure: Azure,
    pub sim: Arc<Sim>,
    pub estate: Arc<Estate>,
    time: Arc<Paused>,
}

impl World {
    pub fn open(scenario: &str, page_size: usize) -> Self {
        let scenario = Scenario::builtin(scenario).expect("a built-in scenario");
        let estate = Arc::new(config::parse(&scenario.estate_toml(None), "scenario").expect("its estate"));
        let time = Arc::new(Paused(scenario.epoch(), Instant::now()));
        let options = SimOptions { page_size, empty_first_page: true, ..SimOptions::default() };
        let sim = Sim::open(scenario, 7, time.clone(), Arc::new(NoLedger), &[], options).expect("a world");
        let wire = Arc::new(Guard::new(sim.clone()));
        let options = AzureOptions::new(Endpoint::in_process(), estate.clone());
        let azure = Azure::new(wire, Arc::new(Fixed::simulated()), options);
        Self { azure, sim, estate, time }
    }

    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub async fn look(&self, source: Source) -> Result<Answer, Silence> {
        self.azure.look(&source, &|| self.time.now()).await.outcome
    }

    /// Sends the request of an operation past the engine, which alone may pass the guard.
    pub async fn write(&self, operation: &Operation) -> Response {
        let image = self.azure.encoder().encode(operation);
        let request = http::Request::builder()
            .method(image.method.as_str())
            .uri(&image.url)
            .header("authorization", "Bearer simulated")
            .header("x-ms-client-request-id", "c")
            .header("x-ms-correlation-request-id", "s")
            .body(bytes::Bytes::from(image.body))
            .expect("a request");
        self.sim.call(request).await.expect("an answer")
    }

    /// Performs a long operation to its end and gives its output.
    async fn run(&self, operation: &Operation) -> Option<Safe> {
        let response = self.write(operation).await;
        assert_eq!(response.status(), 202, "{operation:?}: {:?}", response.body());
        let url = response.headers()["azure-asyncoperation"].to_str().expect("text").to_owned();
        let follow = FollowUrl { url, kind: FollowKind::AsyncOperation, pace: 10 };
        for _ in 0..100 {
            match self.azure.follow(&follow).await {
                Progress::Running { pace } => tokio::time::advance(Duration::from_secs(pace.into())).await,
                Progress::Succeeded { output } => return output,
                other => panic!("{other:?}"),
            }
        }
        panic!("{operation:?} never ends")
    }

    async fn hosts(&self, side: Side) -> Vec<farshore::domain::pool::SessionHost> {
        match self.look(Source::Hosts(0, side)).await {
            Ok(Answer::Hosts(list)) => list.complete().expect("whole").to_vec(),
            other => panic!("{other:?}"),
        }
    }
}

/// How many items an answer has, if it is whole.
pub fn count(answer: &Answer) -> Option<usize> {
    match answer {
        Answer::Hosts(list) | Answer::Inventory(list) => list.count(),
        Answer::Sessions(list) => list.count(),
        Answer::Groups(list) => list.count(),
        Answer::Assignments(list) => list.count(),
        Answer::Plans(list) => list.count(),
        Answer::Storage(list) => list.count(),
        Answer::Machines(list) => list.count(),
        Answer::Directory(list) => list.count(),
        Answer::Usages(list) => list.count(),
        Answer::Availability(list) => list.count(),
        Answer::Events(list) => list.count(),
        Answer::Locks(list) => list.count(),
        Answer::AccessChanges(list) => list.count(),
        Answer::Permissions(permissions) => Some(permissions.grants.len()),
        Answer::Assignment(assignment) => Some(usize::from(assignment.is_some())),
        Answer::Workspace(workspace) => Some(usize::from(workspace.is_some())),
        Answer::Pool(_) | Answer::Power(_) | Answer::GroupLocation(_) | Answer::Control { .. } => Some(1),
    }
}

pub fn sources(estate: &Estate) -> Vec<(Source, usize)> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        for service in 0..estate.services.len() {
            all.extend([
                (Source::Pool(service, side), 1),
                (Source::Hosts(service, side), 1),
                (Source::Sessions(service, side), 0),
                (Source::Groups(service, side), 1),
                (Source::Assignments(service, side), 0),
                (Source::Workspace(service, side), 1),
                (Source::Plans(service, side), 0),
                (Source::Storage(service, side), 1),
            ]);
        }
        all.extend([
            (Source::Machines(side), 1),
            (Source::Directory(side), 1),
            (Source::Usages(side), 1),
            (Source::Availability(side), 1),
            (Source::Control(side), 1),
        ]);
        let group = estate.services[0].sides[side].pool.group_id().expect("a resource group");
        all.push((Source::Permissions(group.clone()), 1));
        all.push((Source::Locks(group.clone()), 0));
        all.push((Source::GroupLocation(group), 1));
    }
    all.extend([(Source::Events, 0), (Source::AccessChanges, 0), (Source::Inventory, 1)]);
    all
}

#[tokio::test(start_paused = true)]
async fn every_source_of_every_scenario_is_read_whole() {
    for (scenario, page_size) in [("calm", 100), ("calm", 3), ("tiny", 1), ("inherited-blocks", 2)] {
        let world = World::open(scenario, page_size);
        for (source, least) in sources(&world.estate) {
            // The panes pace themselves; here time passes so that no limit is in the way.
            tokio::time::advance(Duration::from_secs(10)).await;
            let answer = world.look(source.clone()).await;
            let answer = answer.unwrap_or_else(|silence| panic!("{scenario} {source:?}: {silence:?}"));
            let count = count(&answer);
            assert!(count.is_some_and(|count| count >= least), "{scenario} {source:?}: {answer:?}");
        }
        assert!(world.sim.writes().is_empty(), "{scenario}: a look never writes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_region_is_silent_alone() {
    let world = World::open("calm", 100);
    let primary = world.estate.regions.primary.azure.clone();
    world.sim.inject(Fault::new(FaultKind::Silent).in_region(Region::Primary));
    for (source, expected) in [
        (Source::Hosts(0, Side::Secondary), None),
        (Source::Machines(Side::Secondary), None),
        (Source::Directory(Side::Primary), Some(SilenceKind::Unreachable)),
        (Source::Directory(Side::Secondary), None),
        (Source::Events, None),
    ] {
        let before = Instant::now();
        let answer = world.look(source.clone()).await;
        assert_eq!(
            answer.as_ref().err().map(|silence| silence.kind),
            expected,
            "{primary} {source:?}: {answer:?}"
        );
        assert!(before.elapsed() <= Duration::from_secs(21), "{source:?}");
        if expected.is_none() {
            assert!(before.elapsed() < Duration::from_secs(1), "{source:?} waited");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn writes_do_what_they_say() {
    let world = World::open("tiny", 100);
    let standby = Side::Secondary;
    let hosts = world.hosts(standby).await;
    let host = hosts.iter().find(|host| host.vm.is_some()).expect("a host");
    let drain = |accepts| Operation::SetAdmission { host: host.id.clone(), accepts };
    for accepts in [false, true] {
        assert_eq!(world.write(&drain(accepts)).await.status(), 200);
        let now = world.hosts(standby).await;
        assert!(now.iter().any(|other| other.id == host.id && other.accepts == Some(accepts)), "{accepts}");
    }

    let service = &world.estate.services[0];
    let (scope, principal) = (&service.groups[0].ids[standby], &service.groups[0].principals[0]);
    let name = assignment_name(scope, &principal.id, DESKTOP_USER_ROLE);
    let assignment: ArmId = scope.child(&format!("providers/Microsoft.Authorization/roleAssignments/{name}"));
    assert_eq!(world.look(Source::Assignment(assignment.clone())).await, Ok(Answer::Assignment(None)));
    let grant = Operation::Grant {
        assignment: assignment.clone(),
        scope: scope.clone(),
        role: DESKTOP_USER_ROLE.into(),
        principal: principal.id.clone(),
        principal_type: principal.principal_type.clone(),
    };
    assert_eq!(world.write(&grant).await.status(), 201);
    let seen = world.look(Source::Assignment(assignment.clone())).await;
    let Ok(Answer::Assignment(Some(seen))) = seen else { panic!("{seen:?}") };
    assert!(seen.lets_use() && seen.principal == principal.id && seen.scope == *scope, "{seen:?}");
    assert_eq!(
        world.write(&Operation::Revoke { assignment: assignment.clone(), gives: None }).await.status(),
        200
    );
    assert_eq!(world.look(Source::Assignment(assignment)).await, Ok(Answer::Assignment(None)));
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_started_and_followed_to_its_end() {
    let world = World::open("calm", 100);
    let hosts = world.hosts(Side::Secondary).await;
    let cold = hosts.iter().find(|host| !matches!(host.status, HostStatus::Available)).expect("a cold host");
    let vm = cold.vm.clone().expect("its machine");
    let power = async || match world.look(Source::Power(vm.clone())).await {
        Ok(Answer::Power(Some(machine))) => machine.power,
        other => panic!("{other:?}"),
    };
    assert_eq!(power().await, Some(Power::Deallocated));
    world.run(&Operation::StartVm { vm: vm.clone() }).await;
    assert_eq!(power().await, Some(Power::Running));
}

#[tokio::test(start_paused = true)]
async fn probes_report_what_their_parsers_read() {
    let world = World::open("calm", 100);
    let hosts = world.hosts(Side::Primary).await;
    let host = hosts.iter().find(|host| host.status.takes_users()).expect("a running host");
    let vm = host.vm.clone().expect("its machine");
    let output = world.run(&Operation::RunProbe { vm, probe: Probe::Fslogix }).await.expect("output");
    let report = FslogixReport::parse(output.as_str()).unwrap_or_else(|error| panic!("{error}: {output}"));
    assert_eq!((report.profile_type, report.stores_healthy()), (Some(0), Some(true)), "{report:?}");
    let vm = world.estate.directory.primary[0].clone();
    let output =
        world.run(&Operation::RunProbe { vm, probe: Probe::DomainController }).await.expect("output");
    let report = DirectoryReport::parse(output.as_str()).unwrap_or_else(|error| panic!("{error}: {output}"));
    assert!(report.healthy(world.time.now()), "{report:?}");
}
