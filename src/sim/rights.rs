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

/// A role definition.
struct Role {
    id: &'static str,
    name: &'static str,
    /// Made in this tenant, not by Microsoft.
    custom: bool,
    actions: &'static [&'static str],
    data_actions: &'static [&'static str],
    not_data_actions: &'static [&'static str],
    /// Whether who holds it may use an application group.
    uses: bool,
}

/// What opens an application group to users.
const USE: &str = "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action";

/// The custom role that `holder-added` assigns with `role = "custom"`.
pub(super) const CUSTOM_USER: &str = "c5c5c5c5-0000-4000-8000-000000000001";

/// Role definitions the simulated tenant answers for.
const ROLES: [Role; 7] = [
    Role { data_actions: &[USE], uses: true, ..Role::built_in(DESKTOP_USER, "Desktop Virtualization User") },
    Role {
        actions: &["Microsoft.DesktopVirtualization/*"],
        ..Role::built_in("082f0a83-3be5-4ba1-904c-961cca79b387", "Desktop Virtualization Contributor")
    },
    Role {
        actions: &["Microsoft.DesktopVirtualization/*/read"],
        ..Role::built_in("49a72310-ab8d-41df-bbb0-79b649203868", "Desktop Virtualization Reader")
    },
    Role {
        actions: &["Microsoft.Authorization/*"],
        ..Role::built_in("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator")
    },
    Role {
        actions: &["Microsoft.DesktopVirtualization/*/read"],
        data_actions: &["Microsoft.DesktopVirtualization/*"],
        uses: true,
        ..Role::custom(CUSTOM_USER, "Contoso desktop support")
    },
    Role {
        data_actions: &["*"],
        not_data_actions: &["Microsoft.DesktopVirtualization/applicationGroups/*"],
        ..Role::custom("c5c5c5c5-0000-4000-8000-000000000002", "Contoso data reader")
    },
    Role { actions: &RIGHTS, ..Role::custom("c5c5c5c5-0000-4000-8000-000000000003", "Contoso operator") },
];

impl Role {
    const fn built_in(id: &'static str, name: &'static str) -> Self {
        let (actions, data_actions, not_data_actions): (&[&str], &[&str], &[&str]) = (&[], &[], &[]);
        Self { id, name, custom: false, actions, data_actions, not_data_actions, uses: false }
    }

    const fn custom(id: &'static str, name: &'static str) -> Self {
        Self { custom: true, ..Self::built_in(id, name) }
    }

    fn kind(&self) -> &'static str {
        if self.custom { "CustomRole" } else { "BuiltInRole" }
    }
}

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
    ROLES.iter().any(|role| role.id == id)
}

/// Whether a role opens application groups to those who hold it.
pub(super) fn allows_use(id: &str) -> bool {
    ROLES.iter().any(|role| role.id == id && role.uses)
}

impl World {
    /// Definitions that can be assigned at a scope; the filters are those Microsoft documents.
    pub(super) fn list_roles(&self, ask: &Ask<'_>) -> Answer {
        let filter =
            ask.query("$filter").map(|f| f.replace('+', " ").to_ascii_lowercase()).unwrap_or_default();
        let value = quoted(&filter);
        let wanted = |role: &&Role| match (value, filter.split(' ').next()) {
            (Some(kind), Some("type")) => role.kind().eq_ignore_ascii_case(kind),
            (Some(name), _) => role.name.eq_ignore_ascii_case(name),
            (None, _) => true,
        };
        paged(ask, ROLES.iter().filter(wanted).map(|role| self.role_json(role)))
    }

    pub(super) fn get_role(&self, ask: &Ask<'_>, id: &str) -> Answer {
        match ROLES.iter().find(|role| role.id == id) {
            Some(role) => Answer::json(&self.role_json(role)),
            None => Answer::error(
                404,
                "RoleDefinitionDoesNotExist",
                &format!("The specified role definition with ID '{}' does not exist.", ask.path.raw()),
            ),
        }
    }

    fn role_json(&self, role: &Role) -> serde_json::Value {
        let own = format!("/subscriptions/{}", self.top.subscription);
        json!({
            "id": self.role_id(role.id),
            "name": role.id,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": role.name,
                "type": role.kind(),
                "description": role.name,
                "assignableScopes": [if role.custom { &own } else { "/" }],
                "permissions": [{
                    "actions": role.actions,
                    "notActions": [],
                    "dataActions": role.data_actions,
                    "notDataActions": role.not_data_actions
                }],
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
