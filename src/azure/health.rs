//! Microsoft.ResourceHealth: single resources, and the events of a cloud.

use futures_util::future::join_all;
use serde::Deserialize;

use crate::domain::{
    ArmId, Listing, Safe, Side,
    health::{Availability, HealthEvent, Impact, ImpactedRegion, names_region, same_region},
    time::Timestamp,
};

use super::{
    client::{Client, Visit},
    decode::{Object, document, joined, object},
    failure::Failure,
    lenient::{Lax, List},
    version::Api,
};

const CURRENT: &str = "/providers/Microsoft.ResourceHealth/availabilityStatuses/current";
const ALL: &str = "/providers/Microsoft.ResourceHealth/availabilityStatuses";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct StatusDto {
    availability_state: Lax<Safe>,
}

impl StatusDto {
    fn state(self) -> Safe {
        self.availability_state.0.unwrap_or_else(|| Safe::new("Unknown"))
    }
}

/// Resource Health of one resource.
pub(super) async fn current(client: &Client, visit: &Visit, id: &ArmId) -> Result<Availability, Failure> {
    let body = client.get(visit, Api::Health, id, CURRENT, "").await?;
    let status = object::<StatusDto>(&body)?.properties;
    Ok(Availability { resource: id.clone(), state: status.state() })
}

/// Resource Health of the resources of a region, from the subscriptions' lists.
pub(super) async fn availability(
    client: &Client,
    visit: &Visit,
    side: Side,
) -> Result<Listing<Availability>, Failure> {
    let region = client.estate.regions[side].azure.as_str();
    let subscriptions = client.estate.subscriptions();
    let lists = join_all(subscriptions.iter().map(|subscription| {
        let keep = move |item: Object<StatusDto>| {
            let id = item.id.0.ok_or("a health status without a readable id")?;
            let elsewhere = |named: &str| names_region(named) && !same_region(named, region);
            if item.location.0.is_some_and(|location| elsewhere(location.as_str())) {
                return Ok(None);
            }
            let resource = subject(&id).ok_or("a health status that names no resource")?;
            Ok(Some(Availability { resource, state: item.properties.state() }))
        };
        client.list(visit, Api::Health, subscription, ALL, "", keep)
    }))
    .await;
    joined("subscriptions", subscriptions.iter().zip(lists))
}

/// The resource a status is about: what stands before the extension.
fn subject(id: &ArmId) -> Option<ArmId> {
    let at = id.key().find("/providers/microsoft.resourcehealth/")?;
    ArmId::parse(&id.as_str()[..at]).ok()
}

#[derive(Deserialize)]
struct EventItem {
    #[serde(default)]
    name: Lax<Safe>,
    properties: EventDto,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct EventDto {
    event_type: Lax<Safe>,
    status: Lax<Safe>,
    title: Lax<Safe>,
    impact_start_time: Lax<Timestamp>,
    last_update_time: Lax<Timestamp>,
    impact: List<ImpactDto>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ImpactDto {
    impacted_service: Lax<Safe>,
    impacted_regions: List<RegionDto>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RegionDto {
    impacted_region: Lax<Safe>,
    status: Lax<Safe>,
}

impl RegionDto {
    fn region(self) -> Option<ImpactedRegion> {
        Some(ImpactedRegion { name: self.impacted_region.0?, status: self.status.0 })
    }
}

/// Service Health events of the estate's subscriptions, each once.
pub(super) async fn events(client: &Client, visit: &Visit) -> Result<Listing<HealthEvent>, Failure> {
    let subscriptions = client.estate.subscriptions();
    let lists = join_all(subscriptions.iter().map(|subscription| {
        let tail = "/providers/Microsoft.ResourceHealth/events";
        client.list(visit, Api::Health, subscription, tail, "", |item| event(item).map(Some))
    }))
    .await;
    let list = joined("subscriptions", subscriptions.iter().zip(lists))?;
    let (pages, cut) = (list.pages(), list.error().cloned());
    let mut events: Vec<HealthEvent> = Vec::new();
    for event in list.into_seen() {
        if !events.iter().any(|known| known.tracking == event.tracking) {
            events.push(event);
        }
    }
    Ok(match cut {
        Some(why) => Listing::partial(events, pages, why),
        None => Listing::whole(events, pages),
    })
}

/// An event, if it says what it is: an unreadable one might be the one that matters.
fn event(item: EventItem) -> Result<HealthEvent, Safe> {
    let tracking = item.name.0.ok_or("a service health event without tracking id")?;
    let missing = |what: &str| Safe::new(&format!("service health event {tracking}: its {what} is missing"));
    let dto = item.properties;
    Ok(HealthEvent {
        kind: dto.event_type.0.ok_or_else(|| missing("type"))?,
        status: dto.status.0.ok_or_else(|| missing("status"))?,
        title: dto.title.0.unwrap_or_default(),
        started: dto.impact_start_time.0,
        updated: dto.last_update_time.0,
        impacts: dto
            .impact
            .0
            .into_iter()
            .map(|impact| Impact {
                service: impact.impacted_service.0.unwrap_or_default(),
                regions: impact.impacted_regions.0.into_iter().filter_map(RegionDto::region).collect(),
            })
            .collect(),
        tracking,
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Located {
    location: Lax<Safe>,
}

/// Region of a resource group's metadata.
pub(super) async fn group_location(client: &Client, visit: &Visit, group: &ArmId) -> Result<Safe, Failure> {
    let body = client.get(visit, Api::Groups, group, "", "").await?;
    let located: Located = document(&body)?;
    located.location.0.ok_or_else(|| Failure::garbled("the resource group's region is missing"))
}
