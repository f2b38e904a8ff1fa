//! Who may use what, who may change what, and what forbids it.

use serde::{Deserialize, Serialize};

use super::{ArmId, Safe, time::Timestamp};

/// Built-in role *Desktop Virtualization User*: the right to use an application group
/// (azure-avd §2.1).
pub const DESKTOP_USER_ROLE: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";

/// Data action that lets use an application group: whatever role has it lets its holders in
/// (azure-avd §2.1).
pub const USE_APPLICATIONS: &str = "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action";

/// A directory object's id: a GUID, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrincipalId(String);

impl PrincipalId {
    /// Takes a GUID in any case; anything else is refused.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        is_guid(&text).then_some(Self(text))
    }

    /// The GUID, lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` has the form of a GUID.
pub fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut parts = text.split('-');
    lengths.iter().all(|&length| {
        parts.next().is_some_and(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
    }) && parts.next().is_none()
}

/// A role assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// Its id.
    pub id: ArmId,
    /// The scope it was made at.
    pub scope: ArmId,
    /// GUID of the role definition, lower case.
    pub role: String,
    /// Whether the role is a custom one that lets use an application group; told by the lists of
    /// assignments only.
    pub custom_use: bool,
    /// Who holds it.
    pub principal: PrincipalId,
    /// `Group`, `User`, … as Azure spells it.
    pub principal_type: Safe,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Who made it.
    pub created_by: Safe,
}

impl RoleAssignment {
    /// Whether it lets its principal use an application group: by the one built-in role with
    /// [`USE_APPLICATIONS`], or by a custom one.
    pub fn lets_use(&self) -> bool {
        self.role == DESKTOP_USER_ROLE || self.custom_use
    }
}

/// Namespace of the names we give to role assignments; ours, drawn once.
const ASSIGNMENT_NAMES: uuid::Uuid = uuid::uuid!("6f1d7c0a-5b0e-4f2c-9a57-3f6b1c2d9e84");

/// The name of the role assignment that gives `role` at `scope` to `principal`: always the same
/// for the same three, so that granting twice makes one assignment (reliability-security §1.3).
pub fn assignment_name(scope: &ArmId, principal: &PrincipalId, role: &str) -> String {
    let told = format!("{}|{}|{}", scope.key(), principal.as_str(), role.to_ascii_lowercase());
    uuid::Uuid::new_v5(&ASSIGNMENT_NAMES, told.as_bytes()).to_string()
}

/// What the caller may do at a scope, as `Microsoft.Authorization/permissions` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// One entry per role that applies.
    pub grants: Vec<PermissionGrant>,
}

/// Actions of one role and those it takes out again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PermissionGrant {
    /// Allowed actions, with `*`.
    pub actions: Vec<Safe>,
    /// Actions taken out.
    pub not_actions: Vec<Safe>,
}

impl Permissions {
    /// Whether `action` (for example `Microsoft.Compute/virtualMachines/start/action`) is allowed.
    pub fn allow(&self, action: &str) -> bool {
        self.grants.iter().any(|grant| grant.allows(action))
    }
}

impl PermissionGrant {
    /// Whether this one role allows `action`.
    pub fn allows(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let fits = |list: &[Safe]| list.iter().any(|pattern| matches(pattern.as_str(), &action));
        fits(&self.actions) && !fits(&self.not_actions)
    }
}

/// Whether an action pattern with `*` fits an action in lower case.
fn matches(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let tail: Vec<&str> = parts.collect();
    let Some((last, middle)) = tail.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// A management lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its id; the scope is what stands before `/providers/Microsoft.Authorization`.
    pub id: ArmId,
    /// Level.
    pub level: LockLevel,
}

/// What a lock forbids. Open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockLevel {
    /// Deleting, role assignments at and below the scope included.
    CanNotDelete,
    /// Every change.
    ReadOnly,
    /// Any other word, as it came.
    Other(Safe),
}

/// A change of role assignments found in the activity log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    /// When.
    pub at: Timestamp,
    /// Who, as the log names them.
    pub caller: Safe,
    /// Their object id, where the log has it.
    pub oid: Safe,
    /// The operation's name.
    pub operation: Safe,
    /// What was changed.
    pub resource: Safe,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_allow_and_exclusions_take_out() {
        let check = |actions: &[&str], not: &[&str], action: &str| {
            let own = |list: &[&str]| list.iter().map(|action| Safe::from(*action)).collect();
            Permissions { grants: vec![PermissionGrant { actions: own(actions), not_actions: own(not) }] }
                .allow(action)
        };
        assert!(check(&["*"], &[], "Microsoft.Compute/virtualMachines/start/action"));
        assert!(check(&["*/read"], &[], "Microsoft.Compute/virtualMachines/read"));
        assert!(!check(&["*/read"], &[], "Microsoft.Compute/virtualMachines/write"));
        assert!(check(
            &["Microsoft.Authorization/*/Write"],
            &[],
            "microsoft.authorization/roleAssignments/write"
        ));
        assert!(!check(
            &["*"],
            &["Microsoft.Authorization/*/Write"],
            "microsoft.authorization/roleAssignments/write"
        ));
        assert!(!check(
            &["Microsoft.Compute/virtualMachines/start"],
            &[],
            "Microsoft.Compute/virtualMachines/start/action"
        ));
        assert!(!check(&[], &[], "x"));
    }

    #[test]
    fn one_grant_has_one_name_however_it_is_spelled() {
        let scope = |text: &str| ArmId::parse(text).unwrap();
        let who = |text: &str| PrincipalId::parse(text).unwrap();
        let name =
            |group: &str, principal: &str, role: &str| assignment_name(&scope(group), &who(principal), role);
        let (group, principal) =
            ("/subscriptions/s/resourceGroups/rg/x/dag1", "4c4c4c4c-0000-4000-8000-00000000e001");
        let one = name(group, principal, DESKTOP_USER_ROLE);
        assert!(is_guid(&one), "{one}");
        let upper = group.replace("dag1", "DAG1");
        assert_eq!(one, name(&upper, &principal.to_uppercase(), &DESKTOP_USER_ROLE.to_uppercase()));
        assert_ne!(one, name(&group.replace("dag1", "dag2"), principal, DESKTOP_USER_ROLE));
        assert_ne!(one, name(group, &principal.replace("e001", "e002"), DESKTOP_USER_ROLE));
        assert_ne!(one, name(group, principal, "other"));
    }

    #[test]
    fn only_guids_name_principals() {
        assert!(PrincipalId::parse("4C4C4C4C-0000-4000-8000-00000000E001").is_some());
        for text in
            ["", "4c4c4c4c", "4c4c4c4c-0000-4000-8000-00000000e001-1", "4c4c4c4c-0000-4000-8000-00000000e00g"]
        {
            assert!(PrincipalId::parse(text).is_none(), "{text}");
        }
    }
}
