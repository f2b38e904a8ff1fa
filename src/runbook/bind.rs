//! Runbook and estate to [`Plan`]: names and counts as the readings show them now.

use crate::domain::{
    Safe, Side,
    estate::{Estate, Layout, ServiceKind},
    picture::Picture,
    standing::{self, ActiveSide},
    time::Timestamp,
};

use super::{
    Action, Mode, Plan, Runbook,
    plan::{MovedToo, PlannedPhase, PlannedStep, PlannedWrite, Targets},
    seen::Seen,
    targets::{Finder, History},
    text::Step,
};

/// Why a runbook cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Another kind or layout of service.
    #[error("{service} is {what}; {runbook} is for pooled active-passive services")]
    DoesNotFit {
        /// Service.
        service: String,
        /// What it is.
        what: String,
        /// Runbook.
        runbook: String,
    },
    /// The users are on the secondary side already.
    #[error(
        "{service} is active in {code}, the secondary region: going back is a failback, which this version does not have; nothing was changed"
    )]
    NeedsFailback {
        /// Service.
        service: String,
        /// Code of the active region.
        code: String,
    },
    /// Which side is active cannot be told.
    #[error(
        "cannot tell which side of {service} is active ({why}); look again, or run ungraceful if the region is dead"
    )]
    DirectionUnknown {
        /// Service.
        service: String,
        /// Why.
        why: String,
    },
}

/// What a plan is bound to.
#[derive(Debug)]
pub struct Binding<'a> {
    /// Estate.
    pub estate: &'a Estate,
    /// Readings.
    pub picture: &'a Picture,
    /// Service's place in the estate.
    pub service: usize,
    /// Mode.
    pub mode: Mode,
    /// Holders outside the estate file that are moved along.
    pub moved_too: Vec<MovedToo>,
    /// When.
    pub now: Timestamp,
}

/// From where to where a run of a service would go, or why it cannot begin.
pub fn direction(
    estate: &Estate,
    picture: &Picture,
    service: usize,
    mode: Mode,
) -> Result<(Side, Side), BindError> {
    let name = || estate.services[service].name.clone();
    match standing::active_side(estate, picture, service) {
        ActiveSide::One(Side::Secondary) => {
            Err(BindError::NeedsFailback { service: name(), code: estate.regions.secondary.code.clone() })
        }
        ActiveSide::Unknown(why) if mode == Mode::Graceful => {
            Err(BindError::DirectionUnknown { service: name(), why: why.to_string() })
        }
        // A closed or split service is a failover that stopped half way: it goes on forward.
        _ => Ok((Side::Primary, Side::Secondary)),
    }
}

impl Binding<'_> {
    /// Binds `runbook`. Always from the active side to the standby.
    pub fn bind(self, runbook: &Runbook) -> Result<Plan, BindError> {
        let (from, to) = self.direction(runbook)?;
        let service = &self.estate.services[self.service];
        let mut plan = Plan {
            runbook: runbook.id.clone(),
            runbook_hash: runbook.hash.clone(),
            local: runbook.local,
            title: runbook.title.clone(),
            service: service.name.clone(),
            service_index: self.service,
            mode: self.mode,
            from,
            to,
            codes: crate::domain::Pair::build(|side| self.estate.regions[side].code.clone()),
            bound_at: self.now,
            users: standing::users(self.picture, self.service, from).map(|users| users.len() as u32),
            phases: Vec::new(),
            steps: Vec::new(),
            moved_too: self.moved_too.clone(),
        };
        for phase in &runbook.phases {
            plan.phases.push(PlannedPhase {
                id: phase.id.clone(),
                gate: phase.gate.clone(),
                free_exit_ends: phase.free_exit_ends,
            });
            for step in &phase.steps {
                let bound = self.step(step, Some(&phase.id), &plan);
                plan.steps.push(bound);
            }
        }
        for step in &runbook.undo {
            let bound = self.step(step, None, &plan);
            plan.steps.push(bound);
        }
        Ok(plan)
    }

    fn direction(&self, runbook: &Runbook) -> Result<(Side, Side), BindError> {
        let service = &self.estate.services[self.service];
        let misfit = |what: &str| BindError::DoesNotFit {
            service: service.name.clone(),
            what: what.to_owned(),
            runbook: runbook.id.clone(),
        };
        match (service.kind, service.layout) {
            (ServiceKind::AvdPooled, Layout::ActivePassive) => {}
            (ServiceKind::AvdPooled, Layout::ActiveActive) => return Err(misfit("active-active")),
            (ServiceKind::AvdPooled, Layout::Mixed) => return Err(misfit("one mixed pool")),
            (ServiceKind::AvdPersonal, _) => return Err(misfit("personal")),
            (ServiceKind::Rds, _) => return Err(misfit("RDS")),
        }
        direction(self.estate, self.picture, self.service, self.mode)
    }

    fn step(&self, step: &Step, phase: Option<&str>, plan: &Plan) -> PlannedStep {
        let words =
            |text: &str| text.replace("{from}", &plan.codes[plan.from]).replace("{to}", &plan.codes[plan.to]);
        PlannedStep {
            id: step.id.clone(),
            phase: phase.map(str::to_owned),
            title: words(&step.title),
            why: words(&step.why),
            abort: words(&step.abort),
            kind: step.kind,
            action: step.action,
            width: step.width.max(1),
            done_at: step.done_at(),
            before: step.before.clone(),
            after: step.after.clone(),
            dwell: step.dwell(),
            steady: step.steady(),
            patience: step.patience(),
            usual: step.usual(),
            on_ambiguous: step.on_ambiguous,
            confirm: step.confirm,
            undo: step.undo.clone(),
            ungraceful: step.ungraceful,
            ask: step.ask.as_deref().map(words),
            targets: step.action.map_or(Targets::Nothing, |action| self.targets(action, plan)),
        }
    }

    fn targets(&self, action: Action, plan: &Plan) -> Targets {
        let sessions =
            standing::sessions(self.picture, &crate::domain::Source::Sessions(self.service, plan.from))
                .and_then(crate::domain::Listing::count);
        let history = History {
            need: sessions
                .map(|count| need(count as u32, self.estate.services[self.service].capacity_percent)),
            baseline_users: plan.users,
            ..History::default()
        };
        let seen = Seen { picture: self.picture, since: Timestamp::MIN, now: self.now };
        let found = Finder { estate: self.estate, plan, seen, history: &history }.find(action);
        let fixed = matches!(
            action,
            Action::HoldStandbyPlan
                | Action::HoldActivePlan
                | Action::DrainActive
                | Action::RevokeActive
                | Action::GrantStandby
        );
        match found {
            Ok(found) if fixed => Targets::Exact {
                writes: found
                    .items
                    .iter()
                    .map(|item| PlannedWrite {
                        key: item.key.clone(),
                        what: Safe::new(&item.operation.as_ref().map_or_else(
                            || format!("already so ({})", item.before),
                            |operation| format!("{} {}", operation.verb(), operation.target()),
                        )),
                    })
                    .collect(),
            },
            Ok(found) => {
                let now = found.items.iter().filter(|item| item.operation.is_some()).count() as u32;
                let bound = Plan::bound(now).max(self.later(action, plan));
                Targets::Selector { what: selector(action), now: Some(now), bound: Some(bound) }
            }
            Err(missing) => Targets::Selector {
                what: Safe::new(&format!("{} (not known: {})", selector(action), missing.why)),
                now: None,
                bound: None,
            },
        }
    }
}

impl Binding<'_> {
    /// How many targets an action can have once the steps before it are done: hosts that are emptied
    /// until then, plans that are held until then.
    fn later(&self, action: Action, plan: &Plan) -> u32 {
        use crate::domain::{Answer, Source};
        let source = match action {
            Action::StopActive => Source::Hosts(self.service, plan.from),
            Action::RestorePlans => Source::Plans(self.service, plan.to),
            _ => return 0,
        };
        match self.picture.last(&source).map(|look| &look.answer) {
            Some(Answer::Hosts(hosts)) => hosts.seen().len() as u32,
            Some(Answer::Plans(plans)) => plans.seen().len() as u32,
            _ => 0,
        }
    }
}

/// Sessions the standby must hold for `sessions` on the active side.
pub fn need(sessions: u32, capacity_percent: u32) -> u32 {
    u32::try_from((u64::from(sessions) * u64::from(capacity_percent)).div_ceil(100)).unwrap_or(u32::MAX)
}

fn selector(action: Action) -> Safe {
    Safe::new(match action {
        Action::StartStandby => "standby hosts that are off, as many as the sessions need",
        Action::HoldStandbyPlan | Action::HoldActivePlan | Action::ReleasePlans | Action::RestorePlans => {
            "scaling plans that govern the pool"
        }
        Action::DrainActive => "hosts of the side that is left",
        Action::MessageActive | Action::LogOffActive => "sessions of the side that is left, in every state",
        Action::RevokeActive => "planned principals on the side that is left",
        Action::GrantStandby => "planned principals on the side that is opened",
        Action::ProbeStandby | Action::ProbeActive => "one host to read the profile settings from",
        Action::StopActive => "hosts of the side that is left without a session",
        Action::StopStarted => "hosts this run has started",
        Action::AdmitActive => "hosts this run has drained",
        Action::RegrantActive => "principals this run has revoked",
    })
}
