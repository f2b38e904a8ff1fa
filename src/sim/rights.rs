//! Role definitions, the caller's permissions, and locks.

use serde_json::json;

use super::{
    access::{quoted, within},
    ask::{Ask, Verb},
    envelope::{Answer, paged},
    fault::{FaultKind, Scope},
    spec::Region,
    topology::{DESKTOP_USER, Node, Shelf},
    world::World,
};

/// Role definitions the simulated tenant answers for: id, name, actions, data actions.
const ROLES: [(&str, &str, &str, &str); 4] = [
    (
        DESKTOP_USER,
        "Desktop Virtualization User",
        "",
        "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action",
    ),
    (
        "082f0a83-3be5-4ba1-904c-961cca79b387",
        "Desktop Virtualization Contributor",
        "Microsoft.DesktopVirtualization/*",
        "",
    ),
    (
        "49a72310-ab8d-41df-bbb0-79b649203868",
        "Desktop Virtualization Reader",
        "Microsoft.DesktopVirtualization/*/read",
        "",
    ),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator", "Microsoft.Authorization/*", ""),
];

/// What the caller may do, as custom roles grant it (azure-avd.md §2.2).
const RIGHTS: [&str; 10] = [
    "*/read",
    "Microsoft.DesktopVirtualization/hostpools/write",
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/write",
    "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions/*",
    "Microsoft.DesktopVirtualization/scalingplans/write",
    "Microsoft.DesktopVirtualization/workspaces/write",
    "Microsoft.DesktopVirtualization/applicationgroups/write",
    "Microsoft.Compute/virtualMachines/*",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
];

/// Whether a role definition with this id exists.
pub(super) fn known_role(id: &str) -> bool {
    ROLES.iter().any(|(known, ..)| *known == id)
}

impl World {
    pub(super) fn list_roles(&self, ask: &Ask<'_>) -> Answer {
        let filter = ask.query("$filter").map(|f| f.to_ascii_lowercase()).unwrap_or_default();
        let name = quoted(&filter);
        paged(
            ask,
            ROLES
                .iter()
                .filter(|(_, role, ..)| name.is_none_or(|n| role.eq_ignore_ascii_case(n)))
                .map(|role| self.role_json(role)),
        )
    }

    pub(super) fn get_role(&self, ask: &Ask<'_>, id: &str) -> Answer {
        match ROLES.iter().find(|(known, ..)| *known == id) {
            Some(role) => Answer::json(&self.role_json(role)),
            None => Answer::error(
                404,
                "RoleDefinitionDoesNotExist",
                &format!("The specified role definition with ID '{}' does not exist.", ask.path.raw()),
            ),
        }
    }

    fn role_json(&self, (id, name, action, data): &(&str, &str, &str, &str)) -> serde_json::Value {
        let list = |text: &str| if text.is_empty() { json!([]) } else { json!([text]) };
        json!({
            "id": self.role_id(id),
            "name": id,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": name,
                "type": "BuiltInRole",
                "description": name,
                "assignableScopes": ["/"],
                "permissions": [{"actions": list(action), "notActions": [], "dataActions": list(data), "notDataActions": []}],
                "createdOn": "2020-05-22T00:00:00Z",
                "updatedOn": "2024-01-10T00:00:00Z",
                "createdBy": null,
                "updatedBy": null
            }
        })
    }

    pub(super) fn list_permissions(&self, node: Option<Node>, scope: &str) -> Answer {
        let region = node.and_then(|n| self.top.region_of(n));
        let missing: Vec<String> = self.missing_rights(region, scope).map(str::to_owned).collect();
        Answer::json(&json!({"value": [{
            "actions": RIGHTS,
            "notActions": missing,
            "dataActions": [],
            "notDataActions": []
        }]}))
    }

    /// Actions the caller lacks at a path of a region.
    pub(super) fn missing_rights<'a>(
        &'a self,
        region: Option<Region>,
        path: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.standing(FaultKind::RightsMissing)
            .filter(move |s| s.fault.scope.region.is_none() || s.fault.scope.region == region)
            .filter(move |s| s.fault.scope.path.as_deref().is_none_or(|piece| path.contains(piece)))
            .map(|s| {
                s.fault.scope.action.as_deref().unwrap_or("Microsoft.Authorization/roleAssignments/write")
            })
    }

    pub(super) fn list_locks(&self, ask: &Ask<'_>, scope: &str) -> Answer {
        let hits = self.standing(FaultKind::Lock).filter_map(|s| {
            let group = self.locked_group(&s.fault.scope)?;
            let lower = group.to_ascii_lowercase();
            (within(scope, &lower) || within(&lower, scope)).then(|| {
                json!({
                    "id": format!("{group}/providers/Microsoft.Authorization/locks/freeze"),
                    "name": "freeze",
                    "type": "Microsoft.Authorization/locks",
                    "properties": {"level": lock_level(s.fault.scope.level.as_deref()), "notes": "change freeze"}
                })
            })
        });
        paged(ask, hits)
    }

    /// The resource group a lock stands on: that of AVD, unless a piece of another's id is given.
    fn locked_group(&self, scope: &Scope) -> Option<&str> {
        let region = scope.region?;
        let Some(piece) = &scope.path else {
            return Some(&self.top.resource_groups[Shelf::Avd.in_region(region)].id);
        };
        let mut groups = self.top.resource_groups.iter().filter(|group| group.region == region);
        groups.find(|group| group.id.to_ascii_lowercase().contains(piece)).map(|group| group.id.as_str())
    }

    /// The refusal a lock gives this write, if one stands above it.
    pub(super) fn locked(&self, ask: &Ask<'_>) -> Option<Answer> {
        let standing = self.standing(FaultKind::Lock).find(|s| {
            let Some(group) = self.locked_group(&s.fault.scope) else { return false };
            let read_only = lock_level(s.fault.scope.level.as_deref()) == "ReadOnly";
            within(ask.path.lower(), &group.to_ascii_lowercase()) && (read_only || ask.verb == Verb::Delete)
        })?;
        let level = lock_level(standing.fault.scope.level.as_deref());
        Some(Answer::error(
            409,
            "ScopeLocked",
            &format!(
                "The scope '{}' cannot perform write operation because following scope(s) are locked ({level}). Please remove the lock and try again.",
                ask.path.raw()
            ),
        ))
    }
}

fn lock_level(level: Option<&str>) -> &'static str {
    if level.is_some_and(|l| l.eq_ignore_ascii_case("CanNotDelete")) { "CanNotDelete" } else { "ReadOnly" }
}
