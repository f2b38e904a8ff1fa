//! What an action would touch right now: exact items, each one operation or already so.

use std::collections::{BTreeSet, HashSet};

use crate::domain::{
    Operation, Safe, Side, Source,
    compute::{Power, VirtualMachine},
    estate::{Estate, GroupPair, Principal, Service},
    machines::Machines,
    operation::Probe,
    pool::{PlanReference, ScalingPlan, SessionHost, UserSession},
    text::counted,
};

use super::{
    Action, Plan,
    seen::{Missing, Seen},
};

/// One thing an action would touch.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Key, unique within the step.
    pub key: String,
    /// The change; `None`: it is already so.
    pub operation: Option<Operation>,
    /// What is there now.
    pub before: Safe,
}

/// Everything an action would touch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Items in order.
    pub items: Vec<Target>,
    /// Users touched.
    pub users: u32,
}

impl Found {
    /// Whether there is nothing to write.
    pub fn is_quiet(&self) -> bool {
        self.items.iter().all(|item| item.operation.is_none())
    }
}

/// What the run has done so far, as far as targets depend on it.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Operations that were done, in order.
    pub done: Vec<Operation>,
    /// Items that were tried and did not end well, by key.
    pub tried: BTreeSet<String>,
    /// Number of sessions the standby must be able to hold.
    pub need: Option<u32>,
    /// Users with a session on the side that was left when the run began.
    pub baseline_users: Option<u32>,
    /// Probes sent so far in this step: each further one gets its own key.
    pub probes: u32,
    /// Pools whose plan acted on them when the run began.
    pub plans_before: Vec<(crate::domain::ArmId, bool)>,
}

/// Finds the targets of an action for one service.
#[derive(Debug)]
pub struct Finder<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// The plan.
    pub plan: &'a Plan,
    /// The readings.
    pub seen: Seen<'a>,
    /// What was done so far.
    pub history: &'a History,
}

/// Title of the message users get.
const MESSAGE_TITLE: &str = "Your desktop is being moved";

/// The sources an action's targets come from.
pub fn sources(action: Action, plan: &Plan) -> Vec<Source> {
    let (service, from, to) = (plan.service_index, plan.from, plan.to);
    match action {
        Action::StartStandby => {
            vec![Source::Hosts(service, to), Source::Pool(service, to), Source::Machines(to)]
        }
        Action::HoldStandbyPlan | Action::RestorePlans => vec![Source::Plans(service, to)],
        Action::HoldActivePlan => vec![Source::Plans(service, from)],
        Action::ReleasePlans => vec![Source::Plans(service, from), Source::Plans(service, to)],
        Action::DrainActive | Action::AdmitActive | Action::ProbeActive => vec![Source::Hosts(service, from)],
        Action::MessageActive | Action::LogOffActive => vec![Source::Sessions(service, from)],
        Action::RevokeActive | Action::RegrantActive => vec![Source::Assignments(service, from)],
        Action::GrantStandby => vec![Source::Assignments(service, to)],
        Action::ProbeStandby => vec![Source::Hosts(service, to)],
        Action::StopActive => {
            vec![Source::Hosts(service, from), Source::Sessions(service, from), Source::Machines(from)]
        }
        Action::StopStarted => {
            vec![Source::Hosts(service, to), Source::Sessions(service, to), Source::Machines(to)]
        }
    }
}

impl Finder<'_> {
    pub(super) fn service(&self) -> &Service {
        &self.estate.services[self.plan.service_index]
    }

    /// The targets of `action` as the readings show them.
    pub fn find(&self, action: Action) -> Result<Found, Missing> {
        let (service, from, to) = (self.plan.service_index, self.plan.from, self.plan.to);
        let items = match action {
            Action::StartStandby => self.start_standby()?,
            Action::HoldStandbyPlan => self.set_plans(to, |_| Some(false))?,
            Action::HoldActivePlan => self.set_plans(from, |_| Some(false))?,
            Action::ReleasePlans => {
                let mut items = self.set_plans(from, |pool| self.acted_before(pool))?;
                items.extend(self.set_plans(to, |pool| self.acted_before(pool))?);
                items
            }
            Action::RestorePlans => self.set_plans(to, |pool| self.acted_before(pool))?,
            Action::DrainActive => self.admission(false)?,
            Action::AdmitActive => self.admission(true)?,
            Action::MessageActive => self.messages()?,
            Action::LogOffActive => {
                let sessions = self.seen.sessions(service, from)?;
                sessions.iter().map(log_off).collect()
            }
            Action::RevokeActive => self.revoke()?,
            Action::GrantStandby => self.grant()?,
            Action::RegrantActive => self.regrant()?,
            Action::ProbeStandby => self.probe(to)?,
            Action::ProbeActive => self.probe(from)?,
            Action::StopActive => self.stop_active()?,
            Action::StopStarted => self.stop_started()?,
        };
        let users = self.users(action, &items);
        Ok(Found { items, users })
    }

    /// Users an action touches: those with a session it ends or tells, else everyone who was
    /// working when the run began.
    fn users(&self, action: Action, items: &[Target]) -> u32 {
        match action {
            Action::MessageActive | Action::LogOffActive => {
                let from = Source::Sessions(self.plan.service_index, self.plan.from);
                let users: BTreeSet<String> = crate::domain::standing::sessions(self.seen.picture, &from)
                    .map(|listing| {
                        listing.seen().iter().map(|session| session.user.as_str().to_lowercase()).collect()
                    })
                    .unwrap_or_default();
                if items.is_empty() { 0 } else { users.len() as u32 }
            }
            _ if action.touches_all() => self.history.baseline_users.or(self.plan.users).unwrap_or_default(),
            _ => 0,
        }
    }

    /// `None`: nobody could see it, so it is left as it is.
    fn acted_before(&self, pool: &crate::domain::ArmId) -> Option<bool> {
        self.history.plans_before.iter().find(|(known, _)| known == pool).map(|(_, enabled)| *enabled)
    }

    /// Hosts to start and to admit until there is room. Hosts whose machine runs but that are
    /// not usable yet count as coming, so that a second look does not start twice as many.
    fn start_standby(&self) -> Result<Vec<Target>, Missing> {
        let (service, to) = (self.plan.service_index, self.plan.to);
        let hosts = self.seen.hosts(service, to)?;
        let limit = self.seen.pool(service, to)?.session_limit;
        let machines = Machines::among(self.seen.machines(to)?);
        let need = self.history.need.unwrap_or_default();
        let mut room = 0_u32;
        let mut items = Vec::new();
        let mut cold = Vec::new();
        for host in hosts {
            let machine = machines.behind(host);
            if host.usable(self.seen.now) {
                room = room.saturating_add(limit);
            } else if host.status.takes_users() && host.beats(self.seen.now) && host.accepts == Some(false) {
                room = room.saturating_add(limit);
                items.push(admission(host, true));
            } else if let Some(machine) = machine {
                let key = format!("start {}", host.short_name());
                match machine.power {
                    Some(Power::Running | Power::Starting) if !self.history.tried.contains(&key) => {
                        room = room.saturating_add(limit);
                    }
                    Some(Power::Deallocated | Power::Stopped) => cold.push((key, host, machine)),
                    _ => {}
                }
            }
        }
        // What did not start before is asked for once more where nothing else is left.
        cold.sort_by_key(|(key, _, _)| self.history.tried.contains(key));
        for (key, host, machine) in cold {
            if room >= need {
                break;
            }
            room = room.saturating_add(limit);
            if host.accepts == Some(false) {
                items.push(admission(host, true));
            }
            items.push(Target {
                key,
                operation: Some(Operation::StartVm { vm: machine.id.clone() }),
                before: power_word(machine),
            });
        }
        Ok(items)
    }

    /// Plan references of a side's pool as `wanted` says; every other reference as it stands.
    fn set_plans(
        &self,
        side: Side,
        wanted: impl Fn(&crate::domain::ArmId) -> Option<bool>,
    ) -> Result<Vec<Target>, Missing> {
        let pool = &self.service().sides[side].pool;
        let Some(wanted) = wanted(pool) else { return Ok(Vec::new()) };
        let plans = self.seen.plans(self.plan.service_index, side)?;
        Ok(plans
            .iter()
            .filter_map(|plan| plan.enabled_for(pool).map(|enabled| (plan, enabled)))
            .map(|(plan, enabled)| Target {
                key: plan.id.name().to_owned(),
                operation: (enabled != wanted).then(|| Operation::SetPlanReferences {
                    plan: plan.id.clone(),
                    pool: pool.clone(),
                    references: references_with(plan, pool, wanted),
                }),
                before: Safe::new(if enabled { "on" } else { "off" }),
            })
            .collect())
    }

    fn admission(&self, accepts: bool) -> Result<Vec<Target>, Missing> {
        let hosts = self.seen.hosts(self.plan.service_index, self.plan.from)?;
        let ours = |host: &SessionHost| {
            !accepts
                || self.history.done.iter().any(
                    |done| matches!(done, Operation::SetAdmission { host: known, accepts: false } if *known == host.id),
                )
        };
        Ok(hosts.iter().filter(|host| ours(host)).map(|host| admission(host, accepts)).collect())
    }

    fn messages(&self) -> Result<Vec<Target>, Missing> {
        let sessions = self.seen.sessions(self.plan.service_index, self.plan.from)?;
        let minutes = (self.estate.policy.notice.as_secs() + 59) / 60;
        let body = format!(
            "Please save your work now. You will be signed out in about {minutes} minutes and can sign in again \
             shortly after, from the same workspace."
        );
        Ok(sessions
            .iter()
            .map(|session| Target {
                key: session_key(session),
                operation: Some(Operation::SendMessage {
                    session: session.id.clone(),
                    title: MESSAGE_TITLE.to_owned(),
                    body: body.clone(),
                }),
                before: Safe::new(session.state.word()),
            })
            .collect())
    }

    /// Planned principals with their groups, those moved too included.
    pub(super) fn planned(&self) -> impl Iterator<Item = (&GroupPair, &Principal)> {
        let moved = self.plan.moved_too.iter().filter_map(|moved| {
            let group = self.service().groups.iter().find(|group| group.code == moved.group)?;
            Some((group, &moved.principal))
        });
        self.service()
            .groups
            .iter()
            .flat_map(|group| group.principals.iter().map(move |who| (group, who)))
            .chain(moved)
    }

    fn probe(&self, side: Side) -> Result<Vec<Target>, Missing> {
        if !self.estate.policy.allow_run_command {
            return Ok(Vec::new());
        }
        let hosts = self.seen.hosts(self.plan.service_index, side)?;
        let host = hosts.iter().find(|host| host.beats(self.seen.now) && host.vm.is_some());
        Ok(host
            .and_then(|host| {
                let vm = host.vm.clone()?;
                let number = self.history.probes + 1;
                Some(Target {
                    key: format!("probe {number} on {}", host.short_name()),
                    operation: Some(Operation::RunProbe { vm, probe: Probe::Fslogix }),
                    before: Safe::new("not probed"),
                })
            })
            .into_iter()
            .collect())
    }

    /// Hosts without any session whose machine is not off yet.
    fn stop_active(&self) -> Result<Vec<Target>, Missing> {
        let (service, from) = (self.plan.service_index, self.plan.from);
        let hosts = self.seen.hosts(service, from)?;
        let taken = taken(self.seen.sessions(service, from)?);
        let machines = Machines::among(self.seen.machines(from)?);
        let mut items = Vec::new();
        for host in hosts.iter().filter(|host| !taken.contains(host.id.key())) {
            if let Some(machine) = self.seen.machine_of(host, from, &machines)? {
                items.push(stop(host.short_name(), machine));
            }
        }
        Ok(items)
    }

    /// Hosts that the run has started. One with people on it stays as it is.
    fn stop_started(&self) -> Result<Vec<Target>, Missing> {
        let (service, to) = (self.plan.service_index, self.plan.to);
        let machines = self.seen.machines(to)?;
        let (hosts, sessions) = (self.seen.hosts(service, to)?, self.seen.sessions(service, to)?);
        let people = |vm: &crate::domain::ArmId| {
            let host = hosts.iter().find(|host| host.vm.as_ref() == Some(vm));
            host.map_or(0, |host| on_host(sessions, host))
        };
        // One that was stopped by somebody may have been started twice.
        let started: BTreeSet<_> = self
            .history
            .done
            .iter()
            .filter_map(|done| match done {
                Operation::StartVm { vm } => Some(vm),
                _ => None,
            })
            .collect();
        Ok(started
            .into_iter()
            .filter_map(|vm| machines.iter().find(|machine| machine.id == *vm))
            .map(|machine| match (people(&machine.id), stop(machine.id.name(), machine)) {
                (0, target) => target,
                (people, target) => {
                    let before = Safe::new(&format!("stays: {} on it", counted(people, "session")));
                    Target { operation: None, before, ..target }
                }
            })
            .collect())
    }
}

/// Sessions on a host, in every state.
pub fn on_host(sessions: &[UserSession], host: &SessionHost) -> usize {
    sessions.iter().filter(|session| session.id.parent_key() == Some(host.id.key())).count()
}

/// Keys of the hosts with a session of any state: of an estate with 100,000 sessions none is looked for twice.
fn taken(sessions: &[UserSession]) -> HashSet<&str> {
    sessions.iter().filter_map(|session| session.id.parent_key()).collect()
}

fn power_word(machine: &VirtualMachine) -> Safe {
    Safe::new(machine.power.as_ref().map_or("power unknown", Power::word))
}

fn stop(name: &str, machine: &VirtualMachine) -> Target {
    let off = matches!(machine.power, Some(Power::Deallocated | Power::Deallocating));
    Target {
        key: format!("stop {name}"),
        operation: (!off).then(|| Operation::DeallocateVm { vm: machine.id.clone() }),
        before: power_word(machine),
    }
}

fn admission(host: &SessionHost, accepts: bool) -> Target {
    let verb = if accepts { "admit" } else { "drain" };
    Target {
        key: format!("{verb} {}", host.short_name()),
        operation: (host.accepts != Some(accepts))
            .then(|| Operation::SetAdmission { host: host.id.clone(), accepts }),
        before: Safe::new(match host.accepts {
            Some(true) => "accepts sessions",
            Some(false) => "drained",
            None => "not known",
        }),
    }
}

fn references_with(plan: &ScalingPlan, pool: &crate::domain::ArmId, enabled: bool) -> Vec<PlanReference> {
    plan.references
        .iter()
        .map(|reference| PlanReference {
            pool: reference.pool.clone(),
            enabled: if reference.pool == *pool { enabled } else { reference.enabled },
        })
        .collect()
}

fn log_off(session: &UserSession) -> Target {
    Target {
        key: session_key(session),
        operation: Some(Operation::LogOff { session: session.id.clone() }),
        before: Safe::new(&format!("{} {}", session.user, session.state.word())),
    }
}

/// Host, number and birth together name one session: Azure reuses the number.
pub fn session_key(session: &UserSession) -> String {
    let host = session.host().map(|host| host.name().split('.').next().unwrap_or_default().to_owned());
    let born = session.created.map_or_else(|| "-".to_owned(), |at| at.second().to_string());
    format!("{}/{}/{born}", host.unwrap_or_default(), session.id.name())
}
