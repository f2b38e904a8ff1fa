//! Microsoft.Authorization: who may use what, what we may do, and what forbids it.

use futures_util::future::join_all;
use serde::Deserialize;

use crate::domain::{
    ArmId, Listing, Safe, Side,
    access::{Lock, LockLevel, PermissionGrant, Permissions, PrincipalId, RoleAssignment, is_guid},
    estate::Service,
    source::Held,
    time::Timestamp,
};

use super::{
    client::{Client, Visit},
    decode::{document, joined, short},
    definitions,
    failure::Failure,
    lenient::{Lax, Scalar},
    version::Api,
};

/// An id or scope above subscriptions too: management groups and the tenant's root.
struct Scope(ArmId);

impl Scalar for Scope {
    fn of_text(text: &str) -> Option<Self> {
        ArmId::parse_scope(text).ok().map(Self)
    }
}

#[derive(Deserialize)]
struct AssignmentItem {
    #[serde(default)]
    id: Lax<Scope>,
    properties: AssignmentDto,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AssignmentDto {
    scope: Lax<Scope>,
    role_definition_id: Lax<Safe>,
    principal_id: Lax<PrincipalId>,
    principal_type: Lax<Safe>,
    created_on: Lax<Timestamp>,
    created_by: Lax<Safe>,
}

/// An assignment, if id, scope, role and principal are all there: a holder must not be overlooked.
fn assignment(item: AssignmentItem) -> Result<RoleAssignment, Safe> {
    let id = item.id.0.ok_or("a role assignment without a readable id")?.0;
    let missing =
        |what: &str| Safe::new(&format!("role assignment {}: its {what} cannot be read", short(&id)));
    let dto = item.properties;
    let scope = dto.scope.0.ok_or_else(|| missing("scope"))?.0;
    let role = dto
        .role_definition_id
        .0
        .and_then(|path| path.as_str().rsplit('/').next().map(str::to_ascii_lowercase))
        .filter(|role| is_guid(role))
        .ok_or_else(|| missing("role"))?;
    let principal = dto.principal_id.0.ok_or_else(|| missing("principal"))?;
    Ok(RoleAssignment {
        id,
        scope,
        role,
        custom_use: false,
        principal,
        principal_type: dto.principal_type.0.unwrap_or_default(),
        created: dto.created_on.0,
        created_by: dto.created_by.0.unwrap_or_default(),
    })
}

/// Role assignments at and above each application group of a service on one side.
pub(super) async fn assignments(
    client: &Client,
    visit: &Visit,
    service: &Service,
    side: Side,
) -> Result<Listing<Held>, Failure> {
    let ids: Vec<&ArmId> = service.group_ids(side).collect();
    let lists = join_all(ids.iter().map(|&group| {
        let keep = move |item: AssignmentItem| {
            assignment(item).map(|assignment| Some(Held { group: group.clone(), assignment }))
        };
        let tail = "/providers/Microsoft.Authorization/roleAssignments";
        let list = client.list(visit, Api::Roles, group, tail, "$filter=atScope()", keep);
        definitions::marked(client, visit, group, list)
    }))
    .await;
    joined("application groups", ids.into_iter().zip(lists))
}

/// One role assignment by its id; `None` once Azure itself says that it is not there.
pub(super) async fn assignment_by_id(
    client: &Client,
    visit: &Visit,
    id: &ArmId,
) -> Result<Option<RoleAssignment>, Failure> {
    let body = match client.get(visit, Api::Roles, id, "", "").await {
        Ok(body) => body,
        Err(failure) if failure.says_gone() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let assignment = assignment(document(&body)?).map_err(Failure::garbled)?;
    if assignment.id != *id {
        return Err(Failure::garbled("the answer is about another role assignment"));
    }
    Ok(Some(assignment))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GrantDto {
    #[serde(default)]
    actions: Option<Vec<Safe>>,
    #[serde(default)]
    not_actions: Option<Vec<Safe>>,
}

/// What the caller may do at a scope. Half a list would read as fewer rights, or as more.
pub(super) async fn permissions(
    client: &Client,
    visit: &Visit,
    scope: &ArmId,
) -> Result<Permissions, Failure> {
    let keep = |grant: GrantDto| match (grant.actions, grant.not_actions) {
        (actions, Some(not_actions)) => {
            Ok(Some(PermissionGrant { actions: actions.unwrap_or_default(), not_actions }))
        }
        (_, None) => Err(Safe::new("a right without its exclusions")),
    };
    let tail = "/providers/Microsoft.Authorization/permissions";
    let list = client.list(visit, Api::Roles, scope, tail, "", keep).await?;
    match list.error() {
        Some(why) => Err(Failure::garbled(why.clone())),
        None => Ok(Permissions { grants: list.into_seen() }),
    }
}

#[derive(Deserialize)]
struct LockItem {
    #[serde(default)]
    id: Lax<Scope>,
    properties: LockDto,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LockDto {
    level: Lax<Safe>,
}

/// Locks at and above a scope.
pub(super) async fn locks(client: &Client, visit: &Visit, scope: &ArmId) -> Result<Listing<Lock>, Failure> {
    let keep = |item: LockItem| {
        let id = item.id.0.ok_or("a lock without a readable id")?.0;
        let level = item.properties.level.0.unwrap_or_else(|| Safe::new("not given"));
        let is = |word: &str| level.as_str().eq_ignore_ascii_case(word);
        let level = match () {
            () if is("CanNotDelete") => LockLevel::CanNotDelete,
            () if is("ReadOnly") => LockLevel::ReadOnly,
            () => LockLevel::Other(level),
        };
        Ok(Some(Lock { id, level }))
    };
    let tail = "/providers/Microsoft.Authorization/locks";
    client.list(visit, Api::Locks, scope, tail, "$filter=atScope()", keep).await
}
