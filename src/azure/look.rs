//! One look at a source: which requests it takes, and how their answers become one.

use bytes::Bytes;
use http::Method;
use tokio::time::Instant;

use crate::domain::{
    Answer, ArmId, Source,
    estate::{Service, ServiceSide},
    side::Side,
    time::Timestamp,
};

use super::{
    activity, avd,
    client::{Ask, Client, GET_LIMIT, Visit},
    compute,
    failure::Failure,
    graph, health,
    lane::Lane,
    roles, storage,
    version::Api,
};

/// The lane a source belongs to: that of its region, or of the object it names.
pub(super) fn lane(client: &Client, source: &Source) -> Lane {
    match source {
        Source::Assignment(id)
        | Source::Power(id)
        | Source::Permissions(id)
        | Source::Locks(id)
        | Source::GroupLocation(id) => client.places.lane(id),
        _ => source.side().into(),
    }
}

/// Looks at `source`.
pub(super) async fn look(
    client: &Client,
    visit: &Visit,
    source: &Source,
    now: Timestamp,
) -> Result<Answer, Failure> {
    Ok(match source {
        Source::Pool(service, side) => {
            Answer::Pool(avd::pool(client, visit, &of(client, *service, *side)?.pool).await?)
        }
        Source::Hosts(service, side) => {
            Answer::Hosts(avd::hosts(client, visit, &of(client, *service, *side)?.pool, *side).await?)
        }
        Source::Sessions(service, side) => {
            Answer::Sessions(avd::sessions(client, visit, &of(client, *service, *side)?.pool).await?)
        }
        Source::Groups(index, side) => {
            Answer::Groups(avd::groups(client, visit, service(client, *index)?, *side).await?)
        }
        Source::Assignments(index, side) => {
            Answer::Assignments(roles::assignments(client, visit, service(client, *index)?, *side).await?)
        }
        Source::Assignment(id) => Answer::Assignment(roles::assignment_by_id(client, visit, id).await?),
        Source::Workspace(service, side) => {
            Answer::Workspace(match &of(client, *service, *side)?.workspace {
                Some(id) => Some(avd::workspace(client, visit, id).await?),
                None => None,
            })
        }
        Source::Plans(service, side) => {
            Answer::Plans(avd::plans(client, visit, &of(client, *service, *side)?.pool).await?)
        }
        Source::Storage(service, side) => {
            Answer::Storage(storage::accounts(client, visit, &of(client, *service, *side)?.accounts).await?)
        }
        Source::Machines(side) => Answer::Machines(compute::machines(client, visit, *side).await?),
        Source::Power(id) => Answer::Power(compute::power(client, visit, id).await?),
        Source::Directory(side) => Answer::Directory(compute::directory(client, visit, *side).await?),
        Source::Usages(side) => Answer::Usages(compute::usages(client, visit, *side).await?),
        Source::Availability(side) => Answer::Availability(health::availability(client, visit, *side).await?),
        Source::Events => Answer::Events(health::events(client, visit).await?),
        Source::Permissions(scope) => Answer::Permissions(roles::permissions(client, visit, scope).await?),
        Source::Locks(scope) => Answer::Locks(roles::locks(client, visit, scope).await?),
        Source::GroupLocation(group) => {
            Answer::GroupLocation(health::group_location(client, visit, group).await?)
        }
        Source::AccessChanges => Answer::AccessChanges(activity::access_changes(client, visit, now).await?),
        Source::Control(side) => control(client, visit, *side).await?,
        Source::Inventory => Answer::Inventory(graph::inventory(client, visit).await?),
    })
}

fn service(client: &Client, index: usize) -> Result<&Service, Failure> {
    client.estate.services.get(index).ok_or_else(|| Failure::not_checked("the estate has no such service"))
}

fn of(client: &Client, index: usize, side: Side) -> Result<&ServiceSide, Failure> {
    service(client, index).map(|service| &service.sides[side])
}

/// Asks for one small thing of a region, once: a further attempt would blur the figure.
async fn control(client: &Client, visit: &Visit, side: Side) -> Result<Answer, Failure> {
    let pool = client.estate.services.first().map(|service| service.sides[side].pool.clone());
    let (api, id): (Api, ArmId) = match (pool, client.estate.directory[side].first()) {
        (Some(pool), _) => (Api::Avd, pool),
        (None, Some(server)) => (Api::Groups, server.group_id().unwrap_or_else(|| server.clone())),
        (None, None) => {
            return Err(Failure::not_checked("the estate names nothing in this region to ask for"));
        }
    };
    let ask = Ask {
        method: Method::GET,
        url: client.url(api, &id, "", ""),
        body: Bytes::new(),
        provider: api.provider(),
        subscription: id.subscription(),
        limit: GET_LIMIT,
    };
    let sent = Instant::now();
    let body = client.attempt(visit, &ask).await?;
    let millis = u32::try_from(sent.elapsed().as_millis()).unwrap_or(u32::MAX);
    super::decode::document::<serde::de::IgnoredAny>(&body)?;
    Ok(Answer::Control { millis })
}
