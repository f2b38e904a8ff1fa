//! Microsoft.DesktopVirtualization: pools, hosts, sessions, groups, workspaces, scaling plans.

use futures_util::{future::join, future::join_all};
use serde::Deserialize;

use crate::domain::{
    ArmId, Listing, Safe, Side,
    estate::Service,
    pool::{
        Application, ApplicationGroup, Heartbeat, HostPool, HostStatus, PlanReference, ScalingPlan,
        SessionHost, SessionState, UserSession, Workspace,
    },
    time::{Dated, Timestamp},
};

use super::{
    client::{Client, Visit},
    decode::{Object, object, short, together},
    failure::Failure,
    lenient::{Lax, List, Scalar},
    version::Api,
};

/// Word for an enum that Azure left out: it is not healthy and not terminal.
const NOT_GIVEN: &str = "not given";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PoolDto {
    host_pool_type: Lax<Safe>,
    load_balancer_type: Lax<Safe>,
    max_session_limit: Lax<u32>,
    custom_rdp_property: Lax<Safe>,
    #[serde(rename = "startVMOnConnect")]
    start_on_connect: Lax<bool>,
    validation_environment: Lax<bool>,
    preferred_app_group_type: Lax<Safe>,
    application_group_references: List<Lax<ArmId>>,
}

/// A host pool's settings.
pub(super) async fn pool(client: &Client, visit: &Visit, id: &ArmId) -> Result<HostPool, Failure> {
    let body = client.get(visit, Api::Avd, id, "", "").await?;
    let Object { location, properties: pool, .. } = object::<PoolDto>(&body)?;
    let session_limit =
        pool.max_session_limit.0.ok_or_else(|| Failure::garbled("the pool's session limit is missing"))?;
    Ok(HostPool {
        id: id.clone(),
        location: location.0.unwrap_or_default(),
        pool_type: pool.host_pool_type.0.unwrap_or_default(),
        load_balancer: pool.load_balancer_type.0.unwrap_or_default(),
        session_limit,
        rdp_properties: pool.custom_rdp_property.0.unwrap_or_default(),
        start_on_connect: pool.start_on_connect.0,
        validation: pool.validation_environment.0,
        preferred_group_type: pool.preferred_app_group_type.0.unwrap_or_default(),
        group_references: pool.application_group_references.0.into_iter().filter_map(|id| id.0).collect(),
    })
}

/// A session host as REST and Resource Graph both show it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HostDto {
    status: Lax<HostStatus>,
    last_heart_beat: Option<Lax<Safe>>,
    allow_new_session: Lax<bool>,
    sessions: Lax<u32>,
    resource_id: Lax<ArmId>,
    agent_version: Lax<Safe>,
    sx_s_stack_version: Lax<Safe>,
    session_host_health_check_results: List<CheckDto>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct CheckDto {
    health_check_name: Lax<Safe>,
    health_check_result: Lax<Safe>,
}

/// A session host, if its id and its count of sessions are there.
pub(super) fn host(item: Object<HostDto>) -> Result<SessionHost, Safe> {
    let id = item.id.0.ok_or("a host without a readable id")?;
    let dto = item.properties;
    let Some(sessions) = dto.sessions.0 else {
        return Err(Safe::new(&format!("host {}: its count of sessions is missing", short(&id))));
    };
    Ok(SessionHost {
        status: dto.status.0.unwrap_or_else(|| HostStatus::parse(NOT_GIVEN)),
        heartbeat: dto.last_heart_beat.map_or(Heartbeat::Never, heartbeat),
        accepts: dto.allow_new_session.0,
        sessions,
        vm: dto.resource_id.0,
        agent: dto.agent_version.0.unwrap_or_default(),
        stack: dto.sx_s_stack_version.0.unwrap_or_default(),
        failed_checks: dto
            .session_host_health_check_results
            .0
            .into_iter()
            .filter(|check| says(&check.health_check_result, "HealthCheckFailed"))
            .map(|check| check.health_check_name.0.unwrap_or_else(|| Safe::new("a check without name")))
            .collect(),
        id,
    })
}

/// A heartbeat by Azure's clock: what cannot be read is not known, and not never.
fn heartbeat(told: Lax<Safe>) -> Heartbeat {
    match told.0 {
        Some(text) if text.as_str().is_empty() => Heartbeat::Never,
        text => {
            text.and_then(|text| Timestamp::of_text(text.as_str())).map_or(Heartbeat::Unknown, Heartbeat::At)
        }
    }
}

fn says(word: &Lax<Safe>, expected: &str) -> bool {
    word.0.as_ref().is_some_and(|word| word.as_str().eq_ignore_ascii_case(expected))
}

/// The session hosts of a pool.
pub(super) async fn hosts(
    client: &Client,
    visit: &Visit,
    pool: &ArmId,
    side: Side,
) -> Result<Listing<SessionHost>, Failure> {
    let keep = |item: Object<HostDto>| {
        let host = host(item)?;
        of_pool(pool, &host.id)?;
        if let Some(vm) = &host.vm {
            client.places.learn_machine(vm, side);
        }
        Ok(Some(host))
    };
    client.list(visit, Api::Avd, pool, "/sessionHosts", "", keep).await
}

/// What stands in a pool's list lies below the pool; anything else is not ours to act on.
fn of_pool(pool: &ArmId, id: &ArmId) -> Result<(), Safe> {
    if pool.covers(id) {
        return Ok(());
    }
    Err(Safe::new(&format!("{} belongs to another pool", short(id))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SessionDto {
    user_principal_name: Lax<Safe>,
    active_directory_user_name: Lax<Safe>,
    session_state: Lax<SessionState>,
    create_time: Lax<Timestamp>,
}

/// The user sessions of a pool, in every state.
pub(super) async fn sessions(
    client: &Client,
    visit: &Visit,
    pool: &ArmId,
) -> Result<Listing<UserSession>, Failure> {
    let keep = |item: Object<SessionDto>| {
        let id = item.id.0.ok_or("a session without a readable id")?;
        of_pool(pool, &id)?;
        let dto = item.properties;
        let named = |name: Lax<Safe>| name.0.filter(|name| !name.as_str().is_empty());
        Ok(Some(UserSession {
            user: named(dto.user_principal_name)
                .or_else(|| named(dto.active_directory_user_name))
                .unwrap_or_else(|| Safe::new(NOT_GIVEN)),
            state: dto.session_state.0.unwrap_or_else(|| SessionState::parse(NOT_GIVEN)),
            created: dto.create_time.0.map(Dated::by_azure),
            id,
        }))
    };
    client.list(visit, Api::Avd, pool, "/userSessions", "", keep).await
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct GroupDto {
    application_group_type: Lax<Safe>,
    host_pool_arm_path: Lax<ArmId>,
    workspace_arm_path: Lax<ArmId>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ApplicationDto {
    file_path: Lax<Safe>,
    msix_package_application_id: Lax<Safe>,
    command_line_arguments: Lax<Safe>,
}

/// The application groups of a service on one side, with their applications.
pub(super) async fn groups(
    client: &Client,
    visit: &Visit,
    service: &Service,
    side: Side,
) -> Result<Listing<ApplicationGroup>, Failure> {
    let one = async |id: &ArmId| {
        let keep = |item: Object<ApplicationDto>| {
            let id = item.id.0.ok_or("an application without a readable id")?;
            let path = item.properties.file_path.0.or(item.properties.msix_package_application_id.0);
            Ok(Some(Application {
                name: Safe::new(id.name()),
                path: path.unwrap_or_default(),
                arguments: item.properties.command_line_arguments.0.unwrap_or_default(),
            }))
        };
        let (group, applications) = join(
            client.get(visit, Api::Avd, id, "", ""),
            client.list(visit, Api::Avd, id, "/applications", "", keep),
        )
        .await;
        let group = object::<GroupDto>(&group?)?.properties;
        Ok(ApplicationGroup {
            id: id.clone(),
            kind: group.application_group_type.0.unwrap_or_else(|| Safe::new(NOT_GIVEN)),
            pool: group.host_pool_arm_path.0,
            workspace: group.workspace_arm_path.0,
            applications: applications.unwrap_or_else(|failure| Listing::partial(Vec::new(), 0, failure.why)),
        })
    };
    let ids: Vec<&ArmId> = service.group_ids(side).collect();
    let all = join_all(ids.iter().map(|id| one(id))).await;
    together("application groups", ids.into_iter().zip(all))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WorkspaceDto {
    application_group_references: List<Lax<ArmId>>,
}

/// A workspace.
pub(super) async fn workspace(client: &Client, visit: &Visit, id: &ArmId) -> Result<Workspace, Failure> {
    let body = client.get(visit, Api::Avd, id, "", "").await?;
    let dto = object::<WorkspaceDto>(&body)?.properties;
    let group_references = dto.application_group_references.0.into_iter().filter_map(|id| id.0).collect();
    Ok(Workspace { id: id.clone(), group_references })
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PlanDto {
    exclusion_tag: Lax<Safe>,
    host_pool_references: Option<Vec<ReferenceDto>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ReferenceDto {
    host_pool_arm_path: Lax<ArmId>,
    scaling_plan_enabled: Lax<bool>,
}

/// The scaling plans that govern a pool. Changing a plan replaces all its references, so a
/// plan whose references cannot all be read is left out and the list is not whole.
pub(super) async fn plans(
    client: &Client,
    visit: &Visit,
    pool: &ArmId,
) -> Result<Listing<ScalingPlan>, Failure> {
    let keep = |item: Object<PlanDto>| {
        let id = item.id.0.ok_or("a scaling plan without a readable id")?;
        let unread = || Safe::new(&format!("scaling plan {}: its pools cannot all be read", short(&id)));
        let references = item.properties.host_pool_references.ok_or_else(unread)?;
        let references = references
            .into_iter()
            .map(|reference| {
                let (pool, enabled) = (reference.host_pool_arm_path.0?, reference.scaling_plan_enabled.0?);
                Some(PlanReference { pool, enabled })
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(unread)?;
        let exclusion_tag = item.properties.exclusion_tag.0.unwrap_or_default();
        Ok(Some(ScalingPlan { id, exclusion_tag, references }))
    };
    client.list(visit, Api::Avd, pool, "/scalingPlans", "", keep).await
}
