//! Who is revoked, granted, and granted again: the targets of the three actions about assignments.

use crate::domain::{
    ArmId, Operation, Safe,
    access::{DESKTOP_USER_ROLE, assignment_name},
    estate::{GroupPair, Principal},
    operation::Gives,
};

use super::{
    seen::Missing,
    targets::{Finder, Target},
};

impl Finder<'_> {
    /// Every planned principal's own assignment on the side that is left.
    pub(super) fn revoke(&self) -> Result<Vec<Target>, Missing> {
        let held = self.seen.assignments(self.plan.service_index, self.plan.from)?;
        let mut items = Vec::new();
        for (group, principal) in self.planned() {
            let scope = &group.ids[self.plan.from];
            let standing = held.iter().filter(|held| {
                held.group == *scope
                    && !held.inherited()
                    && held.assignment.lets_use()
                    && held.assignment.principal == principal.id
            });
            let before = items.len();
            for (number, held) in standing.enumerate() {
                let suffix = if number == 0 { String::new() } else { format!("#{}", number + 1) };
                items.push(Target {
                    key: format!("{}@{}{suffix}", principal.name, group.code),
                    operation: Some(Operation::Revoke {
                        assignment: held.assignment.id.clone(),
                        gives: Some(Gives {
                            role: held.assignment.role.clone(),
                            principal: principal.id.clone(),
                            principal_type: principal.principal_type.clone(),
                        }),
                    }),
                    before: Safe::new(&format!("held by {}", held.assignment.id.name())),
                });
            }
            if items.len() == before {
                items.push(Target {
                    key: format!("{}@{}", principal.name, group.code),
                    operation: None,
                    before: Safe::new("absent"),
                });
            }
        }
        Ok(items)
    }

    /// Every planned principal on the groups of the side that is opened.
    pub(super) fn grant(&self) -> Result<Vec<Target>, Missing> {
        let held = self.seen.assignments(self.plan.service_index, self.plan.to)?;
        let item = |(group, principal): (&GroupPair, &Principal)| {
            let scope = &group.ids[self.plan.to];
            let standing = held.iter().any(|held| {
                held.group == *scope
                    && held.assignment.lets_use()
                    && held.assignment.principal == principal.id
            });
            let gives = Gives {
                role: DESKTOP_USER_ROLE.to_owned(),
                principal: principal.id.clone(),
                principal_type: principal.principal_type.clone(),
            };
            granting(format!("{}@{}", principal.name, group.code), scope, gives, standing)
        };
        Ok(self.planned().map(item).collect())
    }

    /// What this run has revoked on the side that is left: the same roles to the same principals, and
    /// nothing that was not there.
    pub(super) fn regrant(&self) -> Result<Vec<Target>, Missing> {
        let held = self.seen.assignments(self.plan.service_index, self.plan.from)?;
        let mut items = Vec::new();
        for (group, principal) in self.planned() {
            let scope = &group.ids[self.plan.from];
            let mut revoked: Vec<&Gives> = Vec::new();
            for done in &self.history.done {
                if let Operation::Revoke { assignment, gives: Some(gives) } = done
                    && scope.covers(assignment)
                    && gives.principal == principal.id
                    && !revoked.contains(&gives)
                {
                    revoked.push(gives);
                }
            }
            for (number, gives) in revoked.into_iter().enumerate() {
                let standing = held.iter().any(|held| {
                    held.assignment.scope == *scope
                        && held.assignment.role == gives.role
                        && held.assignment.principal == gives.principal
                });
                let suffix = if number == 0 { String::new() } else { format!("#{}", number + 1) };
                let key = format!("{}@{}{suffix}", principal.name, group.code);
                items.push(granting(key, scope, gives.clone(), standing));
            }
        }
        Ok(items)
    }
}

/// Makes a role assignment under the name it always gets, unless it stands.
fn granting(key: String, scope: &ArmId, gives: Gives, standing: bool) -> Target {
    let Gives { role, principal, principal_type } = gives;
    let name = assignment_name(scope, &principal, &role);
    let assignment = scope.child(&format!("providers/Microsoft.Authorization/roleAssignments/{name}"));
    let scope = scope.clone();
    Target {
        key,
        operation: (!standing).then_some(Operation::Grant {
            assignment,
            scope,
            role,
            principal,
            principal_type,
        }),
        before: Safe::new(if standing { "held" } else { "absent" }),
    }
}
