//! Custom roles: which of those assigned at an application group let their holders use it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join;
use serde::Deserialize;
use tokio::time::Instant;

use crate::domain::{
    ArmId, Listing, Safe,
    access::{DESKTOP_USER_ROLE, PermissionGrant, USE_APPLICATIONS, is_guid},
    source::Held,
};

use super::{
    client::{Client, Visit},
    failure::Failure,
    lenient::Lax,
    version::Api,
};

/// What roles mean is asked for anew after this time: definitions are changed by hand and seldom.
const KEPT: Duration = Duration::from_secs(300);

/// Custom roles at one application group, as they were read.
#[derive(Debug, Clone, Default)]
struct Roles {
    /// Those that let use.
    uses: HashSet<String>,
    /// All roles that were assigned when they were read: what is not among them may be newer.
    judged: HashSet<String>,
}

impl Roles {
    /// Whether it is known what the role means.
    fn know(&self, role: &str) -> bool {
        role == DESKTOP_USER_ROLE || self.uses.contains(role) || self.judged.contains(role)
    }
}

/// What was read of custom roles, by application group.
#[derive(Debug, Default)]
pub(super) struct Definitions(Mutex<HashMap<ArmId, (Instant, Arc<Roles>)>>);

impl Definitions {
    fn recall(&self, group: &ArmId, now: Instant, kept: Duration) -> Option<Arc<Roles>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, roles) = known.get(group)?;
        (now.saturating_duration_since(*read) < kept).then(|| roles.clone())
    }

    fn keep(&self, group: &ArmId, read: Instant, roles: Roles) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(group.clone(), (read, Arc::new(roles)));
    }
}

#[derive(Deserialize)]
struct RoleItem {
    #[serde(default)]
    id: Lax<Safe>,
    properties: RoleDto,
}

#[derive(Deserialize)]
struct RoleDto {
    permissions: Vec<PermissionDto>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PermissionDto {
    data_actions: Vec<Safe>,
    not_data_actions: Vec<Safe>,
}

/// The role's GUID, if the role lets use. One of which that cannot be told is not passed over.
fn user_role(item: RoleItem) -> Result<Option<String>, Safe> {
    let id = item.id.0.ok_or("a custom role without a readable id")?;
    let role = id.as_str().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if !is_guid(&role) {
        return Err("a custom role without a readable id".into());
    }
    let mut grants = item.properties.permissions.into_iter().map(|permission| PermissionGrant {
        actions: permission.data_actions,
        not_actions: permission.not_data_actions,
    });
    Ok(grants.any(|grant| grant.allows(USE_APPLICATIONS)).then_some(role))
}

/// Reads the custom roles that can be assigned at a group.
async fn read(client: &Client, visit: &Visit, group: &ArmId) -> Result<Roles, Safe> {
    let tail = "/providers/Microsoft.Authorization/roleDefinitions";
    let query = "$filter=type%20eq%20'CustomRole'";
    let told = |why: &Safe| Safe::new(&format!("custom roles: {why}"));
    let list = client.list(visit, Api::Roles, group, tail, query, user_role).await;
    let list = list.map_err(|failure| told(&failure.why))?;
    match list.error() {
        Some(why) => Err(told(why)),
        None => Ok(Roles { uses: list.into_seen().into_iter().collect(), judged: HashSet::new() }),
    }
}

/// The assignments of a group, each marked whether a custom role lets its holder use the group. The
/// definitions come beside the list, not after it; without them the list is not whole.
pub(super) async fn marked(
    client: &Client,
    visit: &Visit,
    group: &ArmId,
    assignments: impl Future<Output = Result<Listing<Held>, Failure>>,
) -> Result<Listing<Held>, Failure> {
    let now = Instant::now();
    let (list, roles) = if let Some(roles) = client.definitions.recall(group, now, client.pause(KEPT)) {
        let list = assignments.await?;
        // A role that was never seen here may have been made since the definitions were read.
        if list.seen().iter().all(|held| roles.know(&held.assignment.role)) {
            return Ok(mark(list, &roles.uses, None));
        }
        let now = Instant::now();
        (list, (now, read(client, visit, group).await))
    } else {
        let (list, roles) = join(assignments, read(client, visit, group)).await;
        (list?, (now, roles))
    };
    match roles {
        (_, Err(why)) => Ok(mark(list, &HashSet::new(), Some(why))),
        (at, Ok(mut roles)) => {
            roles.judged = list.seen().iter().map(|held| held.assignment.role.clone()).collect();
            let list = mark(list, &roles.uses, None);
            client.definitions.keep(group, at, roles);
            Ok(list)
        }
    }
}

fn mark(list: Listing<Held>, uses: &HashSet<String>, cut: Option<Safe>) -> Listing<Held> {
    let (pages, cut) = (list.pages(), list.error().cloned().or(cut));
    let mut held = list.into_seen();
    for one in &mut held {
        one.assignment.custom_use = uses.contains(&one.assignment.role);
    }
    match cut {
        Some(why) => Listing::partial(held, pages, why),
        None => Listing::whole(held, pages),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{SUBSCRIPTION, Say, Script, azure, look, ok, status},
        domain::{Answer, Side, Source},
    };

    const CUSTOM: &str = "c5c5c5c5-0000-4000-8000-000000000001";
    const OTHER: &str = "c5c5c5c5-0000-4000-8000-000000000002";

    /// Assignments of these roles.
    fn assigned(roles: &[&str]) -> Say {
        let one = |role: &&str| {
            format!(
                r#"{{"id":"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/{role}","properties":{{
                    "scope":"{SUBSCRIPTION}","roleDefinitionId":"/x/{role}","principalId":"{role}"}}}}"#
            )
        };
        ok(&format!(r#"{{"value":[{}]}}"#, roles.iter().map(one).collect::<Vec<_>>().join(",")))
    }

    fn defined(role: &str, permissions: &str) -> Say {
        ok(&format!(
            r#"{{"value":[{{"id":"/providers/Microsoft.Authorization/roleDefinitions/{role}","name":"{role}",
                "properties":{{"roleName":"r","type":"CustomRole","permissions":{permissions}}}}}]}}"#
        ))
    }

    fn data(actions: &str, not: &str) -> String {
        format!(r#"[{{"actions":["*"],"notActions":[],"dataActions":[{actions}],"notDataActions":[{not}]}}]"#)
    }

    /// Holders that may use the groups, if all are known; else why not.
    async fn users(azure: &crate::azure::Azure) -> Result<usize, String> {
        let Ok(Answer::Assignments(held)) = look(azure, Source::Assignments(0, Side::Primary)).await else {
            panic!()
        };
        match held.complete() {
            Some(held) => Ok(held.iter().filter(|held| held.assignment.lets_use()).count()),
            None => Err(held.error().map(ToString::to_string).unwrap_or_default()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_holds_a_role_that_lets_use_is_a_holder() {
        const USE: &str = r#""Microsoft.DesktopVirtualization/applicationGroups/useApplications/action""#;
        for (actions, not, uses) in [
            (USE, "", true),
            (r#""*""#, "", true),
            (r#""Microsoft.DesktopVirtualization/*""#, "", true),
            (r#""microsoft.desktopvirtualization/APPLICATIONGROUPS/*/action""#, "", true),
            ("", "", false),
            (r#""Microsoft.DesktopVirtualization/applicationGroups/read""#, "", false),
            (r#""*""#, USE, false),
            (USE, r#""Microsoft.DesktopVirtualization/*""#, false),
        ] {
            let rules = [
                ("roleDefinitions", &[defined(CUSTOM, &data(actions, not))][..]),
                ("", &[assigned(&[CUSTOM, OTHER, DESKTOP_USER_ROLE])]),
            ];
            // Two groups: once for the built-in role, once more where the custom one lets use.
            let expected = if uses { 4 } else { 2 };
            assert_eq!(users(&azure(&Script::new(&rules))).await, Ok(expected), "{actions} but {not}");
        }
        // One of several permissions suffices, and does not lose by what another one takes out.
        let permissions =
            format!("{},{}", data(USE, "").trim_end_matches(']'), data("", USE).trim_start_matches('['));
        let rules = [("roleDefinitions", &[defined(CUSTOM, &permissions)][..]), ("", &[assigned(&[CUSTOM])])];
        assert_eq!(users(&azure(&Script::new(&rules))).await, Ok(2), "{permissions}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_custom_roles_the_holders_are_not_whole() {
        for (say, why) in [
            (status(403, ""), "custom roles: 403"),
            (status(503, ""), "custom roles: 503"),
            (ok("<html>"), "custom roles: "),
            (defined("no-guid", "[]"), "custom roles: a custom role without a readable id"),
            (defined(CUSTOM, "null"), "custom roles: an item cannot be read"),
            (defined(CUSTOM, "[{}]"), "custom roles: an item cannot be read"),
            (defined(CUSTOM, r#"[{"dataActions":["*"]}]"#), "custom roles: an item cannot be read"),
        ] {
            let rules = [("roleDefinitions", &[say][..]), ("", &[assigned(&[DESKTOP_USER_ROLE])])];
            let told = users(&azure(&Script::new(&rules))).await;
            assert!(told.as_ref().is_err_and(|told| told.contains(why)), "{why}: {told:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn definitions_are_kept_for_a_while_and_read_again_for_a_role_that_is_new() {
        const ALL: &str = r#""*""#;
        let rules = [
            (
                "roleDefinitions",
                &[
                    status(403, ""),
                    status(403, ""),
                    defined(OTHER, "[]"),
                    defined(OTHER, "[]"),
                    defined(CUSTOM, &data(ALL, "")),
                ][..],
            ),
            ("", &[vec![assigned(&[OTHER]); 6], vec![assigned(&[OTHER, CUSTOM])]].concat()),
        ];
        let script = Script::new(&rules);
        let azure = azure(&script);
        let asked = || script.sent().iter().filter(|sent| sent.contains("roleDefinitions")).count();
        assert!(users(&azure).await.is_err(), "what failed is not kept");
        assert_eq!(asked(), 2);
        assert_eq!(users(&azure).await, Ok(0));
        assert_eq!(asked(), 4);
        tokio::time::advance(KEPT / 2).await;
        assert_eq!(users(&azure).await, Ok(0));
        assert_eq!(asked(), 4, "kept");
        assert_eq!(users(&azure).await, Ok(2));
        assert_eq!(asked(), 6, "a role that was not assigned when they were read");
        assert_eq!(users(&azure).await, Ok(2));
        assert_eq!(asked(), 6);
        tokio::time::advance(KEPT).await;
        assert_eq!(users(&azure).await, Ok(2));
        assert_eq!(asked(), 8);
    }
}
