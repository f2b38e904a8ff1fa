//! The living part of a simulated estate, and the queue of what happens next in it.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use super::{
    access::Assignment,
    fault::{Fault, FaultKind},
    hosts::{Agent, Host, Power, Vm},
    moment::{DAY, MINUTE, Ms},
    operations::Operation,
    outage::Notice,
    people::{Act, Person},
    scenario::Scenario,
    sessions::{Session, SessionState},
    spec::{Region, Spec},
    topology::{Node, Topology},
};

/// Something that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A person does what they meant to, unless they changed their mind (`turn` differs).
    Person {
        who: usize,
        turn: u32,
    },
    /// A session host's agent reports for the first time after a boot.
    AgentUp {
        host: usize,
        boot: u32,
    },
    OperationEnds(usize),
    Autoscale,
    FaultBegins(usize),
    FaultEnds(usize),
    /// The hosts that outlived a dead region follow it.
    SurvivorsEnd(usize),
    /// A role assignment is felt by users.
    Effective {
        assignment: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Ms,
    seq: u64,
    event: Event,
}

/// A fault that stands, stood or will stand.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) fault: Fault,
    pub(super) since: Ms,
    pub(super) active: bool,
    /// How many more times it strikes, where it counts.
    pub(super) left: Option<u32>,
}

/// One scaling plan's reference to a pool, as it was written.
#[derive(Debug, Clone)]
pub(super) struct PoolReference {
    pub(super) path: String,
    pub(super) pool: Option<usize>,
    pub(super) enabled: bool,
}

/// One workspace's reference to an application group, as it was written.
#[derive(Debug, Clone)]
pub(super) struct GroupReference {
    pub(super) path: String,
    pub(super) group: Option<usize>,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct World {
    pub(super) top: Arc<Topology>,
    pub(super) spec: Arc<Spec>,
    pub(super) now: Ms,
    /// Drawn from only inside events and writes, so that reads cannot bend the future.
    pub(super) rng: fastrand::Rng,
    queue: BinaryHeap<Reverse<Due>>,
    seq: u64,
    pub(super) vms: Vec<Vm>,
    pub(super) hosts: Vec<Host>,
    /// In order of their ids; ended ones stay a while for stale reads.
    pub(super) sessions: Vec<Session>,
    pub(super) next_session: u32,
    /// Endings since the list of sessions was last swept.
    pub(super) ended_sessions: usize,
    pub(super) people: Vec<Person>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) next_assignment: u32,
    pub(super) plans: Vec<Vec<PoolReference>>,
    pub(super) workspaces: Vec<Vec<GroupReference>>,
    pub(super) operations: Vec<Operation>,
    pub(super) faults: Vec<Standing>,
    pub(super) notices: Vec<Notice>,
    /// Friendly names and other texts that were patched, by lower-case id and key.
    pub(super) texts: std::collections::BTreeMap<(String, &'static str), serde_json::Value>,
    pub(super) violations: Vec<String>,
    pub(super) writes: Vec<super::WriteRecord>,
}

impl World {
    /// Builds the world of a scenario at its beginning; it has not reached the epoch yet.
    pub(super) fn build(scenario: &Scenario, seed: u64) -> Self {
        let (top, spec) = (scenario.top.clone(), scenario.spec.clone());
        let begins = scenario.begins();
        let mut world = Self {
            now: begins,
            rng: fastrand::Rng::with_seed(seed),
            queue: BinaryHeap::new(),
            seq: 0,
            vms: Vec::with_capacity(top.vms.len()),
            hosts: Vec::with_capacity(top.hosts.len()),
            sessions: Vec::new(),
            next_session: 1,
            ended_sessions: 0,
            people: Vec::with_capacity(top.people.len()),
            assignments: Vec::new(),
            next_assignment: 0,
            plans: top.plans.iter().map(|plan| vec![reference(&top, plan.pool)]).collect(),
            workspaces: Region::BOTH
                .into_iter()
                .map(|region| {
                    let refer =
                        |at: usize| GroupReference { path: top.groups[at].id.clone(), group: Some(at) };
                    top.groups_in(region, None).map(refer).collect()
                })
                .collect(),
            operations: Vec::new(),
            faults: Vec::new(),
            notices: Vec::new(),
            texts: std::collections::BTreeMap::new(),
            violations: Vec::new(),
            writes: Vec::new(),
            top,
            spec,
        };
        world.set_machines(begins);
        world.set_assignments(begins);
        world.set_people(begins);
        let epoch = world.spec.epoch.as_millisecond();
        let spec = world.spec.clone();
        for entry in &spec.at {
            world.plan_fault(entry.fault.clone(), epoch + entry.t);
        }
        let every = world.spec.timing.autoscale_every.min.max(MINUTE);
        world.push(begins - begins.rem_euclid(every) + every, Event::Autoscale);
        world
    }

    fn set_machines(&mut self, begins: Ms) {
        let top = self.top.clone();
        for (at, vm) in top.vms.iter().enumerate() {
            let runs = vm.host.is_none_or(|host| {
                let pool = &top.pools[top.hosts[host].pool];
                pool.region == Region::Primary
                    || host - pool.hosts.start < self.spec.service[pool.service].standby_running as usize
            });
            let power = if runs { Power::Running } else { Power::Deallocated };
            self.vms.push(Vm::new(power, begins - DAY));
            if vm.host.is_some() {
                // Cold hosts were last on some days ago, each on its own day.
                let last = begins - DAY * (3 + (at as i64 * 5) % 11);
                let agent = if runs {
                    Agent::Up { since: begins - DAY }
                } else {
                    Agent::Off { since: last, clean: true }
                };
                self.hosts.push(Host::new(agent, last));
            }
        }
    }

    fn set_assignments(&mut self, begins: Ms) {
        let top = self.top.clone();
        for (at, group) in top.groups.iter().enumerate() {
            if group.region == Region::Primary {
                self.assign_quietly(Node::AppGroup(at), group.principal, begins - 30 * DAY);
            }
        }
        let spec = self.spec.clone();
        for holder in &spec.holder {
            if let Some(principal) = top.principals.iter().position(|p| p.name == holder.group) {
                let group = super::topology::Shelf::Avd.in_region(holder.region);
                self.assign_quietly(Node::ResourceGroup(group), principal, begins - 200 * DAY);
            }
        }
    }

    /// Seats the people who have sessions when the world begins, evenly over the hosts.
    fn set_people(&mut self, begins: Ms) {
        let (top, spec) = (self.top.clone(), self.spec.clone());
        for _ in &top.people {
            self.people.push(Person::new());
        }
        let mut who = 0;
        for (at, service) in spec.service.iter().enumerate() {
            let mut seat = 0;
            for wanted in &service.application_group {
                let group =
                    top.groups.iter().position(|g| g.service == at && g.code == wanted.code).unwrap_or(0);
                let hosts = top.pools[top.groups[group].pool].hosts.clone();
                for number in 0..wanted.people {
                    let person = who + number as usize;
                    let host = hosts.start + seat % hosts.len();
                    if number < wanted.active {
                        self.seat(person, host, group, SessionState::Active, begins);
                        seat += 1;
                    } else if number < wanted.active + wanted.disconnected {
                        self.seat(person, host, group, SessionState::Disconnected, begins);
                        seat += 1;
                    } else {
                        self.stay_away(person);
                    }
                }
                who += wanted.people as usize;
            }
        }
    }

    fn seat(&mut self, who: usize, host: usize, group: usize, state: SessionState, begins: Ms) {
        let created = begins - MINUTE * (20 + (who as i64 * 7) % 100);
        self.open_session(who, host, group, state, created);
        match state {
            SessionState::Active => self.work_on(who),
            SessionState::Disconnected => {
                let pause = self.spec.people.pause;
                if pause.max > 0 {
                    self.intend(who, Act::SignIn, pause);
                }
            }
        }
    }

    /// Queues an event; equal instants keep the order in which they were queued.
    pub(super) fn push(&mut self, at: Ms, event: Event) {
        self.seq += 1;
        self.queue.push(Reverse(Due { at, seq: self.seq, event }));
    }

    /// The instant of the next event.
    pub(super) fn next_due(&self) -> Option<Ms> {
        self.queue.peek().map(|due| due.0.at)
    }

    /// Lets everything happen that is due by `now`, in order. Time never runs backwards.
    pub(super) fn advance(&mut self, now: Ms) {
        while let Some(Reverse(due)) = self.queue.peek().copied() {
            if due.at > now {
                break;
            }
            self.queue.pop();
            self.now = self.now.max(due.at);
            self.happen(due.event);
        }
        self.now = self.now.max(now);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Person { who, turn } => self.person_acts(who, turn),
            Event::AgentUp { host, boot } => self.agent_up(host, boot),
            Event::OperationEnds(at) => self.operation_ends(at),
            Event::Autoscale => {
                self.autoscale();
                let every = self.spec.timing.autoscale_every.draw(&mut self.rng).max(MINUTE);
                self.push(self.now + every, Event::Autoscale);
            }
            Event::FaultBegins(at) => self.fault_begins(at),
            Event::FaultEnds(at) => self.fault_ends(at),
            Event::SurvivorsEnd(at) => self.survivors_end(at),
            Event::Effective { assignment } => self.assignment_effective(assignment),
        }
    }

    /// Puts a fault on the timeline.
    pub(super) fn plan_fault(&mut self, fault: Fault, at: Ms) {
        let left = fault.scope.count;
        let index = self.faults.len();
        self.push(at, Event::FaultBegins(index));
        if let Some(lasts) = fault.lasts_ms {
            self.push(at + lasts, Event::FaultEnds(index));
        }
        self.faults.push(Standing { fault, since: at, active: false, left });
    }

    /// The standing faults of one kind.
    pub(super) fn standing(&self, kind: FaultKind) -> impl Iterator<Item = &Standing> {
        self.faults.iter().filter(move |s| s.active && s.fault.kind == kind)
    }

    /// Whether a fault of this kind stands for this region (or for all).
    pub(super) fn suffers(&self, kind: FaultKind, region: Region) -> bool {
        self.standing(kind).any(|s| s.fault.scope.region.is_none_or(|r| r == region))
    }

    /// Whether the region is lost.
    pub(super) fn is_dead(&self, region: Region) -> bool {
        self.suffers(FaultKind::Dead, region)
    }
}

fn reference(top: &Topology, pool: usize) -> PoolReference {
    PoolReference { path: top.pools[pool].id.clone(), pool: Some(pool), enabled: true }
}
