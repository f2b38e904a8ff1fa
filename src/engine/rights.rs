//! What the caller must be allowed to do for a plan (azure-avd §2.2).

use crate::{
    domain::{ArmId, Source, estate::Estate, standing},
    runbook::{
        Action, Mode, Plan,
        seen::{Missing, Seen},
    },
};

/// One action at one scope.
pub type Need = (ArmId, &'static str);

/// Lists of hosts that tell where the machines are: on a dead side none is started or stopped.
pub fn host_sources(plan: &Plan) -> Vec<Source> {
    let from = (plan.mode == Mode::Graceful).then_some(plan.from);
    from.into_iter().chain([plan.to]).map(|side| Source::Hosts(plan.service_index, side)).collect()
}

/// Every right the plan needs. On a dead side nothing can be demanded: what cannot be done
/// there becomes a debt.
pub fn needed(estate: &Estate, plan: &Plan, seen: &Seen<'_>) -> Result<Vec<Need>, Missing> {
    let mut needed = about_service(estate, plan);
    let runs =
        |action| estate.policy.allow_run_command && plan.steps.iter().any(|step| step.action == Some(action));
    for source in host_sources(plan) {
        let standby = source.side() == Some(plan.to);
        let (power, probe) =
            if standby { (START, Action::ProbeStandby) } else { (DEALLOCATE, Action::ProbeActive) };
        for group in machine_groups(seen, source)? {
            needed.push((group.clone(), power));
            needed.extend(runs(probe).then_some((group, RUN_COMMAND)));
        }
    }
    Ok(needed)
}

const START: &str = "Microsoft.Compute/virtualMachines/start/action";
const DEALLOCATE: &str = "Microsoft.Compute/virtualMachines/deallocate/action";
const RUN_COMMAND: &str = "Microsoft.Compute/virtualMachines/runCommand/action";

/// Where the machines of a side are, from the last whole list of its hosts: they do not move.
fn machine_groups(seen: &Seen<'_>, source: Source) -> Result<Vec<ArmId>, Missing> {
    match standing::hosts(seen.picture, &source).and_then(|hosts| hosts.complete()) {
        Some(hosts) => Ok(standing::host_groups(hosts)),
        None => Err(Missing { source, why: "not read whole yet: it tells where the machines are".into() }),
    }
}

/// Rights at the objects that the estate file names.
fn about_service(estate: &Estate, plan: &Plan) -> Vec<Need> {
    let service = &estate.services[plan.service_index];
    let (from, to) = (&service.sides[plan.from], &service.sides[plan.to]);
    let mut needed: Vec<Need> = Vec::new();
    needed.push((to.pool.clone(), "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write"));
    needed
        .extend(to.scaling_plan.clone().map(|id| (id, "Microsoft.DesktopVirtualization/scalingplans/write")));
    for group in service.group_ids(plan.to) {
        needed.push((group.clone(), "Microsoft.Authorization/roleAssignments/write"));
    }
    for group in service.group_ids(plan.from) {
        needed.push((group.clone(), "Microsoft.Authorization/roleAssignments/delete"));
    }
    if plan.mode == Mode::Graceful {
        let pool = &from.pool;
        needed.push((pool.clone(), "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write"));
        needed.push((
            pool.clone(),
            "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/sendMessage/action",
        ));
        needed.push((
            pool.clone(),
            "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/delete",
        ));
        needed.extend(
            from.scaling_plan.clone().map(|id| (id, "Microsoft.DesktopVirtualization/scalingplans/write")),
        );
    }
    needed
}

/// The scopes of these needs, each once.
pub fn scopes(needed: &[Need]) -> Vec<ArmId> {
    let mut scopes: Vec<ArmId> = Vec::new();
    for (scope, _) in needed {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}
