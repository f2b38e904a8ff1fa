//! Microsoft.Insights: who changed role assignments lately.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde::Deserialize;

use crate::domain::{
    Listing, Safe,
    access::AccessChange,
    time::{Span, Timestamp, minutes, wall_text},
};

use super::{
    client::{Client, Visit},
    decode::joined,
    failure::Failure,
    lenient::Lax,
    version::Api,
};

/// How far back we look (design §11).
const WINDOW: Span = minutes(30);

/// Operations that change role assignments.
const OPERATIONS: &str = "microsoft.authorization/roleassignments/";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct EntryDto {
    caller: Lax<Safe>,
    claims: Option<ClaimsDto>,
    operation_name: Option<Worded>,
    status: Option<Worded>,
    event_timestamp: Lax<Timestamp>,
    correlation_id: Lax<Safe>,
    resource_id: Lax<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClaimsDto {
    #[serde(rename = "http://schemas.microsoft.com/identity/claims/objectidentifier")]
    oid: Lax<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Worded {
    value: Lax<Safe>,
}

/// An entry with what tells two entries of one operation from two operations.
struct Entry {
    change: AccessChange,
    operation: (Safe, Safe, Safe),
    failed: bool,
}

/// Assignment changes before `now`, in every subscription of the estate; each change once,
/// failed ones left out.
pub(super) async fn access_changes(
    client: &Client,
    visit: &Visit,
    now: Timestamp,
) -> Result<Listing<AccessChange>, Failure> {
    let from = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let query = format!(
        "$filter=eventTimestamp%20ge%20'{}'%20and%20eventTimestamp%20le%20'{}'\
         %20and%20resourceProvider%20eq%20'Microsoft.Authorization'",
        wall_text(from),
        wall_text(now)
    );
    let subscriptions = client.estate.subscriptions();
    let lists = join_all(subscriptions.iter().map(|subscription| {
        let tail = "/providers/Microsoft.Insights/eventtypes/management/values";
        client.list(visit, Api::Activity, subscription, tail, &query, entry)
    }))
    .await;
    let list = joined("subscriptions", subscriptions.iter().zip(lists))?;
    let (pages, cut) = (list.pages(), list.error().cloned());
    let entries = list.into_seen();
    let mut told: HashSet<_> =
        entries.iter().filter(|entry| entry.failed).map(|entry| entry.operation.clone()).collect();
    let changes = entries
        .into_iter()
        .filter_map(|entry| told.insert(entry.operation).then_some(entry.change))
        .collect();
    Ok(match cut {
        Some(why) => Listing::partial(changes, pages, why),
        None => Listing::whole(changes, pages),
    })
}

fn entry(dto: EntryDto) -> Result<Option<Entry>, Safe> {
    let operation =
        dto.operation_name.and_then(|name| name.value.0).ok_or("an entry that names no operation")?;
    if !operation.as_str().to_ascii_lowercase().starts_with(OPERATIONS) {
        return Ok(None);
    }
    let at = dto.event_timestamp.0.ok_or("an assignment change without a time")?;
    let status = dto.status.and_then(|status| status.value.0).unwrap_or_default();
    let resource = dto.resource_id.0.unwrap_or_default();
    let oid = dto.claims.and_then(|claims| claims.oid.0).unwrap_or_default();
    Ok(Some(Entry {
        failed: status.as_str().eq_ignore_ascii_case("Failed"),
        operation: (dto.correlation_id.0.unwrap_or_default(), operation.clone(), resource.clone()),
        change: AccessChange { at, caller: dto.caller.0.unwrap_or_default(), oid, operation, resource },
    }))
}
