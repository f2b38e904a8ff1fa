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

/// What tells two entries of one operation from two operations.
type Operation = (Safe, Safe, Safe);

/// An entry with its operation; `None`: nothing tells which entries belong together.
struct Entry {
    change: AccessChange,
    operation: Option<Operation>,
    end: End,
}

/// What an entry says of the end of its operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Succeeded,
    Failed,
}

/// Assignment changes before `now`, in every subscription of the estate; each change once, those
/// left out that only failed.
pub(super) async fn access_changes(
    client: &Client,
    visit: &Visit,
    now: Timestamp,
) -> Result<Listing<AccessChange>, Failure> {
    // The log is kept by Azure's clock.
    let (earliest, latest) = client.by_azure(now);
    let from = earliest.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let query = format!(
        "$filter=eventTimestamp%20ge%20'{}'%20and%20eventTimestamp%20le%20'{}'\
         %20and%20resourceProvider%20eq%20'Microsoft.Authorization'",
        wall_text(from),
        wall_text(latest)
    );
    let subscriptions = client.estate.subscriptions();
    let lists = join_all(subscriptions.iter().map(|subscription| {
        let tail = "/providers/Microsoft.Insights/eventtypes/management/values";
        client.list(visit, Api::Activity, subscription, tail, &query, entry)
    }))
    .await;
    let list = joined("subscriptions", subscriptions.iter().zip(lists))?;
    let (pages, cut) = (list.pages(), list.error().cloned());
    let changes = once_each(list.into_seen());
    Ok(match cut {
        Some(why) => Listing::partial(changes, pages, why),
        None => Listing::whole(changes, pages),
    })
}

/// Each operation once, unless it only failed: what succeeded may have failed before under the same
/// id, and what has no id stands alone.
fn once_each(entries: Vec<Entry>) -> Vec<AccessChange> {
    let of = |end: End| -> HashSet<Operation> {
        let ended = entries.iter().filter(|entry| entry.end == end);
        ended.filter_map(|entry| entry.operation.clone()).collect()
    };
    let (succeeded, failed) = (of(End::Succeeded), of(End::Failed));
    let mut told = HashSet::new();
    let mut tells = |entry: &Entry| match &entry.operation {
        _ if entry.end == End::Failed => false,
        None => true,
        Some(operation) if succeeded.contains(operation) || !failed.contains(operation) => {
            told.insert(operation.clone())
        }
        Some(_) => false,
    };
    entries.into_iter().filter(|entry| tells(entry)).map(|entry| entry.change).collect()
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
    let end = match status.as_str().to_ascii_lowercase().as_str() {
        "succeeded" => End::Succeeded,
        "failed" => End::Failed,
        _ => End::Open,
    };
    let oid = dto.claims.and_then(|claims| claims.oid.0).unwrap_or_default();
    let correlation = dto.correlation_id.0.filter(|id| !id.as_str().is_empty());
    Ok(Some(Entry {
        end,
        operation: correlation.map(|id| (id, operation.clone(), resource.clone())),
        change: AccessChange { at, caller: dto.caller.0.unwrap_or_default(), oid, operation, resource },
    }))
}

#[cfg(test)]
mod tests {
    use crate::{
        azure::scripted::{Script, azure, look, ok},
        domain::{
            Answer, Side, Source,
            time::{Timestamp, seconds},
        },
    };

    /// Minute, correlation id, state.
    type Logged = (u32, &'static str, &'static str);

    #[tokio::test(start_paused = true)]
    async fn a_change_that_succeeded_is_told_whatever_failed_beside_it() {
        let cases: [(&[Logged], &[u32]); 8] = [
            (&[(1, "1", "Started"), (2, "1", "Succeeded")], &[1]),
            (&[(1, "1", "Started"), (2, "1", "Failed")], &[]),
            (&[(1, "1", "Failed"), (2, "1", "Succeeded")], &[2]),
            (&[(2, "1", "Succeeded"), (1, "1", "Failed")], &[2]),
            (&[(1, "1", "Failed"), (2, "2", "Succeeded")], &[2]),
            // Nothing tells whether two entries without a correlation id are one operation.
            (&[(1, "", "Failed"), (2, "", "Succeeded")], &[2]),
            (&[(1, "", "Succeeded"), (2, "", "Succeeded")], &[1, 2]),
            (&[(1, "", "Succeeded"), (2, "1", "Succeeded")], &[1, 2]),
        ];
        for (log, told) in cases {
            let entries: Vec<String> = log.iter().map(entry).collect();
            let body = format!(r#"{{"value":[{}]}}"#, entries.join(","));
            let script = Script::new(&[("", &[ok(&body)])]);
            let Ok(Answer::AccessChanges(changes)) = look(&azure(&script), Source::AccessChanges).await
            else {
                panic!("{log:?}")
            };
            let minutes: Vec<u32> = changes
                .complete()
                .expect("whole")
                .iter()
                .map(|change| change.at.strftime("%M").to_string().parse().expect("a minute"))
                .collect();
            assert_eq!(minutes, told, "{log:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_is_asked_and_told_by_azures_clock() {
        for (date, asked, told) in [
            ("11:00:00", "10:30:00", "09:35:00"),
            ("09:00:00", "08:30:00", "11:35:00"),
            ("10:00:00", "09:30:00", "10:35:00"),
        ] {
            let dated = |body: &str| ok(body).with("date", &format!("Fri, 20 Nov 2026 {date} GMT"));
            let log = format!(r#"{{"value":[{}]}}"#, entry(&(35, "1", "Succeeded")).replace("T09:", "T10:"));
            let script =
                Script::new(&[("eventtypes", &[dated(&log)][..]), ("", &[dated(r#"{"value":[]}"#)])]);
            let azure = azure(&script);
            look(&azure, Source::Sessions(0, Side::Primary)).await.expect("an answer that tells the time");
            let Ok(Answer::AccessChanges(changes)) = look(&azure, Source::AccessChanges).await else {
                panic!("{date}")
            };
            let sent = script.sent().pop().expect("sent");
            let close = |text: &str, wanted: &str| {
                let at: Timestamp = format!("2026-11-20T{text}Z").parse().expect("a moment");
                let wanted: Timestamp = format!("2026-11-20T{wanted}Z").parse().expect("a moment");
                at.duration_since(wanted).abs() <= seconds(1)
            };
            let (_, from) = sent.split_once("ge%20'2026-11-20T").expect("a beginning");
            assert!(close(&from[..12], asked), "{date}: {sent}");
            let at = changes.complete().expect("whole")[0].at.strftime("%H:%M:%S").to_string();
            assert!(close(&at, told), "{date}: {at}");
        }
    }

    fn entry(&(minute, correlation, state): &Logged) -> String {
        let correlation = match correlation {
            "" => String::new(),
            id => format!(r#""correlationId":"{id}","#),
        };
        format!(
            r#"{{"caller":"other@contoso.example","operationName":{{"value":"Microsoft.Authorization/roleAssignments/write"}},
                {correlation}"status":{{"value":"{state}"}},"eventTimestamp":"2026-11-20T09:{minute:02}:00Z","resourceId":"r"}}"#
        )
    }
}
