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

/// Which assigned roles are no custom ones is asked for anew after this time. What a custom one means is
/// never kept: it is edited by hand at any moment, and guards rely on it.
const KEPT: Duration = Duration::from_secs(300);

/// Custom roles at one application group, as they were read.
#[derive(Debug, Default)]
struct Custom {
    all: HashSet<String>,
    /// Those that let use.
    uses: HashSet<String>,
}

/// By application group: when custom roles were read last, and those roles assigned then that are none.
/// A role that Azure made is never edited.
#[derive(Debug, Default)]
pub(super) struct Definitions(Mutex<HashMap<ArmId, (Instant, Plain)>>);

/// Roles that are no custom ones.
type Plain = Arc<HashSet<String>>;

impl Definitions {
    fn recall(&self, group: &ArmId, now: Instant, kept: Duration) -> Option<Plain> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, plain) = known.get(group)?;
        (now.saturating_duration_since(*read) < kept).then(|| plain.clone())
    }

    fn keep(&self, group: &ArmId, read: Instant, plain: HashSet<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(group.clone(), (read, Arc::new(plain)));
    }

    fn forget(&self, group: &ArmId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
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

/// The role's GUID, and whether the role lets use. One of which that cannot be told is not passed over.
fn custom_role(item: RoleItem) -> Result<Option<(String, bool)>, Safe> {
    let id = item.id.0.ok_or("a custom role without a readable id")?;
    let role = id.as_str().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if !is_guid(&role) {
        return Err("a custom role without a readable id".into());
    }
    let mut grants = item.properties.permissions.into_iter().map(|permission| PermissionGrant {
        actions: permission.data_actions,
        not_actions: permission.not_data_actions,
    });
    let uses = grants.any(|grant| grant.allows(USE_APPLICATIONS));
    Ok(Some((role, uses)))
}

/// Reads the custom roles that can be assigned at a group.
async fn read(client: &Client, visit: &Visit, group: &ArmId) -> Result<Custom, Safe> {
    let tail = "/providers/Microsoft.Authorization/roleDefinitions";
    let query = "$filter=type%20eq%20'CustomRole'";
    let told = |why: &Safe| Safe::new(&format!("custom roles: {why}"));
    let list = client.list(visit, Api::Roles, group, tail, query, custom_role).await;
    let list = list.map_err(|failure| told(&failure.why))?;
    if let Some(why) = list.error() {
        return Err(told(why));
    }
    let mut custom = Custom::default();
    for (role, uses) in list.into_seen() {
        if uses {
            custom.uses.insert(role.clone());
        }
        custom.all.insert(role);
    }
    Ok(custom)
}

/// The assignments of a group, each marked whether a custom role lets its holder use the group: by
/// definitions that are no older than the list. Where custom roles were assigned before they come beside
/// it, not after it; without them the list is not whole.
pub(super) async fn marked(
    client: &Client,
    visit: &Visit,
    group: &ArmId,
    assignments: impl Future<Output = Result<Listing<Held>, Failure>>,
) -> Result<Listing<Held>, Failure> {
    let now = Instant::now();
    let (list, roles) = if let Some(plain) = client.definitions.recall(group, now, client.pause(KEPT)) {
        let list = assignments.await?;
        let known = |role: &str| role == DESKTOP_USER_ROLE || plain.contains(role);
        if list.seen().iter().all(|held| known(&held.assignment.role)) {
            return Ok(mark(list, &HashSet::new(), None));
        }
        (list, read(client, visit, group).await)
    } else {
        let (list, roles) = join(assignments, read(client, visit, group)).await;
        (list?, roles)
    };
    let custom = match roles {
        Ok(custom) => custom,
        Err(why) => return Ok(mark(list, &HashSet::new(), Some(why))),
    };
    let assigned = || list.seen().iter().map(|held| held.assignment.role.as_str());
    if assigned().any(|role| custom.all.contains(role)) {
        client.definitions.forget(group);
    } else {
        client.definitions.keep(group, now, assigned().map(str::to_owned).collect());
    }
    Ok(mark(list, &custom.uses, None))
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

    /// How often definitions are asked for in looks at two groups with `roles` assigned, one look after
    /// the other, and what each look says of who may use them.
    async fn looks(
        azure: &crate::azure::Azure,
        script: &std::sync::Arc<Script>,
        times: usize,
    ) -> Vec<(usize, Result<usize, String>)> {
        let asked = || script.sent().iter().filter(|sent| sent.contains("roleDefinitions")).count();
        let mut told = Vec::new();
        for _ in 0..times {
            let before = asked();
            let users = users(azure).await;
            told.push((asked() - before, users));
            tokio::time::advance(Duration::from_secs(20)).await;
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_custom_role_means_is_read_with_every_list_in_which_it_stands() {
        let (none, all) = (data("", ""), data(r#""*""#, ""));
        let says = [vec![defined(CUSTOM, &none); 4], vec![defined(CUSTOM, &all); 2]].concat();
        let rules = [("roleDefinitions", &says[..]), ("", &[assigned(&[CUSTOM])])];
        let script = Script::new(&rules);
        let told = looks(&azure(&script), &script, 3).await;
        assert_eq!(told, [(2, Ok(0)), (2, Ok(0)), (2, Ok(2))]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_custom_role_stands_definitions_are_read_now_and_then_and_for_a_role_that_is_new() {
        let says = [status(403, ""), status(403, ""), defined(CUSTOM, &data(r#""*""#, ""))];
        let lists =
            [vec![assigned(&[OTHER, DESKTOP_USER_ROLE]); 6], vec![assigned(&[OTHER, CUSTOM])]].concat();
        let rules = [("roleDefinitions", &says[..]), ("", &lists)];
        let script = Script::new(&rules);
        let azure = azure(&script);
        let told = looks(&azure, &script, 3).await;
        assert!(told[0].0 == 2 && told[0].1.is_err(), "what failed is not kept: {told:?}");
        assert_eq!(told[1..], [(2, Ok(2)), (0, Ok(2))], "kept");
        assert_eq!(looks(&azure, &script, 2).await, [(2, Ok(2)), (2, Ok(2))], "a role that is new");
    }

    #[tokio::test(start_paused = true)]
    async fn that_a_role_is_none_of_the_custom_ones_is_asked_anew_after_a_while() {
        let rules = [("roleDefinitions", &[ok(r#"{"value":[]}"#)][..]), ("", &[assigned(&[OTHER])])];
        let script = Script::new(&rules);
        let azure = azure(&script);
        assert_eq!(looks(&azure, &script, 2).await, [(2, Ok(0)), (0, Ok(0))]);
        tokio::time::advance(KEPT).await;
        assert_eq!(looks(&azure, &script, 1).await, [(2, Ok(0))]);
    }
}
