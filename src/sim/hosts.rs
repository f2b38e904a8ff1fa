//! Machines and the session hosts on them: power, agents, heartbeats, status.

use super::{
    fault::FaultKind,
    moment::{Ms, SECOND},
    sessions::Numbers,
    spec::Region,
    world::{Event, World},
};

/// A healthy agent reports every half minute (azure-avd.md §7.1, WVDAgentHealthStatus).
pub(super) const BEAT: Ms = 30 * SECOND;

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    Running,
    Starting,
    Stopping,
    Stopped,
    Deallocating,
    Deallocated,
}

impl Power {
    /// The code in an instance view and its display text (azure-avd.md §3).
    pub(super) fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("PowerState/running", "VM running"),
            Self::Starting => ("PowerState/starting", "VM starting"),
            Self::Stopping => ("PowerState/stopping", "VM stopping"),
            Self::Stopped => ("PowerState/stopped", "VM stopped"),
            Self::Deallocating => ("PowerState/deallocating", "VM deallocating"),
            Self::Deallocated => ("PowerState/deallocated", "VM deallocated"),
        }
    }
}

/// A virtual machine.
#[derive(Debug)]
pub(super) struct Vm {
    pub(super) power: Power,
    pub(super) since: Ms,
    before: Power,
    /// The operation that holds it.
    pub(super) busy: Option<usize>,
    /// Gone with its region: the power above is what the platform last knew.
    pub(super) lost: bool,
    pub(super) tags: serde_json::Map<String, serde_json::Value>,
}

impl Vm {
    pub(super) fn new(power: Power, since: Ms) -> Self {
        Self { power, since, before: power, busy: None, lost: false, tags: serde_json::Map::new() }
    }

    /// What it did at `at`; one change back is remembered.
    pub(super) fn power_at(&self, at: Ms) -> Power {
        if at < self.since { self.before } else { self.power }
    }

    fn turn(&mut self, power: Power, now: Ms) {
        if self.power != power {
            self.before = self.power;
            self.power = power;
            self.since = now;
        }
    }
}

/// The agent on a session host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agent {
    Up {
        since: Ms,
    },
    Booting {
        since: Ms,
    },
    /// Silent since; `clean` when it could say goodbye.
    Off {
        since: Ms,
        clean: bool,
    },
}

impl Agent {
    /// When it came into this state.
    fn since(self) -> Ms {
        match self {
            Self::Up { since } | Self::Booting { since } | Self::Off { since, .. } => since,
        }
    }
}

/// A session host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) agent: Agent,
    /// The last heartbeat before the agent's present state.
    last_beat: Ms,
    /// The same two before that, for reads that lag.
    before: (Agent, Ms),
    boot: u32,
    accepts: bool,
    accepts_since: Ms,
    /// Sessions that are really there.
    pub(super) load: u32,
    pub(super) numbers: Numbers,
    /// Of a personal desktop; pooled hosts have none.
    pub(super) assigned_user: Option<String>,
}

impl Host {
    pub(super) fn new(agent: Agent, last_beat: Ms) -> Self {
        Self {
            agent,
            last_beat,
            before: (agent, last_beat),
            boot: 0,
            accepts: true,
            accepts_since: Ms::MIN,
            load: 0,
            numbers: Numbers::default(),
            assigned_user: None,
        }
    }

    /// Whether it accepted new sessions at `at`.
    pub(super) fn accepts_at(&self, at: Ms) -> bool {
        if at < self.accepts_since { !self.accepts } else { self.accepts }
    }

    pub(super) fn accept(&mut self, accepts: bool, now: Ms) {
        if self.accepts != accepts {
            self.accepts = accepts;
            self.accepts_since = now;
        }
    }

    fn is_up(&self) -> bool {
        matches!(self.agent, Agent::Up { .. })
    }

    /// The agent at `at`, and the last heartbeat before it came into that state.
    fn told_at(&self, at: Ms) -> (Agent, Ms) {
        if at < self.agent.since() { self.before } else { (self.agent, self.last_beat) }
    }

    /// The agent as it is seen at `at`.
    pub(super) fn agent_at(&self, at: Ms) -> Agent {
        self.told_at(at).0
    }

    /// The agent changes after a last heartbeat. What lasted for no time was never seen.
    fn turn(&mut self, agent: Agent, last_beat: Ms) {
        if self.agent.since() < agent.since() {
            self.before = (self.agent, self.last_beat);
        }
        (self.agent, self.last_beat) = (agent, last_beat);
    }
}

impl World {
    /// The last heartbeat the service had seen by `at`.
    pub(super) fn heartbeat(&self, host: usize, at: Ms) -> Ms {
        match self.hosts[host].told_at(at) {
            (Agent::Up { since }, _) if at >= since => beat_before(at, self.top.hosts[host].phase).max(since),
            (_, last_beat) => last_beat,
        }
    }

    /// The status the service shows at `at` (azure-avd.md §9.5), and since when.
    pub(super) fn status(&self, host: usize, at: Ms) -> (&'static str, Ms) {
        let beat = self.heartbeat(host, at);
        match self.hosts[host].agent_at(at) {
            Agent::Up { .. } => self.health_of(host).map_or(("Available", beat), |word| (word, beat)),
            Agent::Booting { since } => ("Unavailable", since),
            Agent::Off { since, clean: true } => ("Shutdown", since),
            Agent::Off { clean: false, .. } => {
                let after = beat + self.spec.timing.unavailable_after.min;
                if at < after { ("Available", beat) } else { ("Unavailable", after) }
            }
        }
    }

    /// Why a living host is not plainly Available.
    fn health_of(&self, host: usize) -> Option<&'static str> {
        if self.faults.is_empty() {
            return None;
        }
        if self.no_directory() {
            return Some("DomainTrustRelationshipLost");
        }
        let pool = &self.top.pools[self.top.hosts[host].pool];
        let place = host - pool.hosts.start;
        for standing in self.standing(FaultKind::HostsUnhealthy) {
            let scope = &standing.fault.scope;
            let service = self.top.service_named(scope.service.as_deref());
            if scope.region.is_none_or(|r| r == pool.region)
                && service.is_none_or(|s| s == pool.service)
                && scope.count.is_none_or(|count| place < count as usize)
            {
                return Some(known_status(scope.status.as_deref()));
            }
        }
        self.suffers(FaultKind::Grey, pool.region).then_some("NeedsAssistance")
    }

    /// Whether no domain controller of either region can be reached.
    pub(super) fn no_directory(&self) -> bool {
        let mut any = false;
        for (at, vm) in self.top.vms.iter().enumerate() {
            if vm.host.is_none() {
                any = true;
                if self.vms[at].power == Power::Running && !self.vms[at].lost {
                    return false;
                }
            }
        }
        any
    }

    /// Whether a new session can be opened on a host now.
    pub(super) fn takes_users(&self, host: usize) -> bool {
        let state = &self.hosts[host];
        let pool = &self.top.pools[self.top.hosts[host].pool];
        state.is_up()
            && state.accepts
            && state.load < self.session_limit(self.top.hosts[host].pool)
            && (self.faults.is_empty() || self.serves(host, pool.region))
    }

    /// Sessions a host of the pool may hold, as patched or as built.
    pub(super) fn session_limit(&self, pool: usize) -> u32 {
        let info = &self.top.pools[pool];
        let patched = self.text_of(&info.id, "maxSessionLimit").as_u64();
        patched.and_then(|n| u32::try_from(n).ok()).unwrap_or(info.max_sessions)
    }

    /// Whether a living host can give a person a desktop: trust, health and profile store.
    pub(super) fn serves(&self, host: usize, region: Region) -> bool {
        self.hosts[host].is_up()
            && matches!(self.health_of(host), None | Some("NeedsAssistance"))
            && !self.suffers(FaultKind::Grey, region)
    }

    /// The machine runs; its agent will report after a boot.
    pub(super) fn machine_runs(&mut self, vm: usize) {
        self.vms[vm].turn(Power::Running, self.now);
        if let Some(host) = self.top.vms[vm].host {
            self.boot(host, 0);
        }
    }

    /// The machine changes to a state in which nothing runs on it.
    pub(super) fn machine_rests(&mut self, vm: usize, power: Power) {
        self.vms[vm].turn(power, self.now);
        if let Some(host) = self.top.vms[vm].host {
            self.silence(host, true);
            self.clear_sessions(host);
        }
    }

    /// The machine begins to change.
    pub(super) fn machine_turns(&mut self, vm: usize, power: Power) {
        self.vms[vm].turn(power, self.now);
    }

    fn boot(&mut self, host: usize, extra: Ms) {
        let delay = self.spec.timing.host_boot.draw(&mut self.rng) + extra;
        let beat = self.heartbeat(host, self.now);
        let state = &mut self.hosts[host];
        state.boot += 1;
        state.turn(Agent::Booting { since: self.now }, beat);
        let boot = state.boot;
        self.push(self.now + delay, Event::AgentUp { host, boot });
    }

    pub(super) fn agent_up(&mut self, host: usize, boot: u32) {
        if self.hosts[host].boot == boot && matches!(self.hosts[host].agent, Agent::Booting { .. }) {
            let state = &mut self.hosts[host];
            state.turn(Agent::Up { since: self.now }, state.last_beat);
        }
    }

    fn silence(&mut self, host: usize, clean: bool) {
        let beat = self.heartbeat(host, self.now);
        let since = self.now;
        let state = &mut self.hosts[host];
        state.boot += 1;
        let was_off = matches!(state.agent, Agent::Off { .. });
        if !was_off || clean {
            state.turn(Agent::Off { since, clean }, beat);
        }
    }

    /// The machine is gone with its region: nothing is said, everything stays as last seen.
    pub(super) fn machine_lost(&mut self, vm: usize) {
        self.vms[vm].lost = true;
        if let Some(op) = self.vms[vm].busy.take() {
            self.operation_breaks(op);
        }
        if let Some(host) = self.top.vms[vm].host
            && matches!(self.hosts[host].agent, Agent::Up { .. } | Agent::Booting { .. })
        {
            self.silence(host, false);
            self.strand_people(host);
        }
    }

    /// The region is back: what ran before boots again, and sessions that died are forgotten.
    pub(super) fn machine_found(&mut self, vm: usize) {
        self.vms[vm].lost = false;
        let runs = matches!(self.vms[vm].power, Power::Running | Power::Starting);
        if runs {
            self.vms[vm].turn(Power::Running, self.now);
        }
        if let Some(host) = self.top.vms[vm].host {
            self.clear_sessions(host);
            if runs {
                let start = self.spec.timing.vm_start.draw(&mut self.rng);
                self.boot(host, start);
            }
        }
    }
}

/// The last beat at or before `at` of an agent with this phase.
fn beat_before(at: Ms, phase: Ms) -> Ms {
    at - (at - phase).rem_euclid(BEAT)
}

/// The statuses a fault may show; anything else reads as Unavailable.
fn known_status(word: Option<&str>) -> &'static str {
    const WORDS: [&str; 8] = [
        "Upgrading",
        "UpgradeFailed",
        "NoHeartbeat",
        "NotJoinedToDomain",
        "DomainTrustRelationshipLost",
        "SxSStackListenerNotReady",
        "FSLogixNotHealthy",
        "NeedsAssistance",
    ];
    let word = word.unwrap_or_default();
    WORDS.into_iter().find(|w| w.eq_ignore_ascii_case(word)).unwrap_or("Unavailable")
}
