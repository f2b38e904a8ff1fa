//! What the caller must be allowed to do for a plan (azure-avd §2.2).

use crate::{
    domain::{ArmId, estate::Estate},
    runbook::{Mode, Plan},
};

/// One action at one scope.
pub type Need = (ArmId, &'static str);

/// Every right the plan needs. On a dead side nothing can be demanded: what cannot be done
/// there becomes a debt.
pub fn needed(estate: &Estate, plan: &Plan) -> Vec<Need> {
    let service = &estate.services[plan.service_index];
    let (from, to) = (&service.sides[plan.from], &service.sides[plan.to]);
    let mut needed: Vec<Need> = Vec::new();
    needed.push((to.pool.clone(), "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write"));
    needed.extend(to.pool.group_id().map(|group| (group, "Microsoft.Compute/virtualMachines/start/action")));
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
            pool.group_id().map(|group| (group, "Microsoft.Compute/virtualMachines/deallocate/action")),
        );
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
