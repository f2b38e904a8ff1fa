//! The activity log: our own writes, a little late (azure-avd.md §7.3).

use serde_json::{Value, json};

use super::{
    WriteRecord,
    access::CALLER,
    ask::{Ask, Path, Verb},
    envelope::{Answer, paged},
    moment::{Iso, Ms},
    token::CALLER_NAME,
    world::World,
};

impl World {
    /// Routes the provider; `at` is the index of `providers`.
    pub(super) fn insights(&self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        if at == 0 || self.top.find(path.upto(at - 1)).is_none() {
            return super::resources::no_scope(ask);
        }
        let log = path.seg(at + 2) == "eventtypes" && path.seg(at + 4) == "values" && path.len() == at + 5;
        if !log || ask.verb != Verb::Get {
            return Answer::no_route(ask);
        }
        let filter = ask.query("$filter").unwrap_or_default();
        let Some(from) = bound(&filter, "ge") else {
            return Answer::error(400, "BadRequest", "The $filter must begin with eventTimestamp ge '…'.");
        };
        let until = bound(&filter, "le").unwrap_or(ask.now).min(ask.now - self.spec.timing.activity_lag.min);
        let wanted = |key: &str| clause(&filter, key);
        let (correlation, group, uri) =
            (wanted("correlationid"), wanted("resourcegroupname"), wanted("resourceuri"));
        let hits = self.writes.iter().rev().filter(|w| {
            let at = w.at.as_millisecond();
            let lower = w.path.to_ascii_lowercase();
            (from..=until).contains(&at)
                && correlation.as_deref().is_none_or(|c| {
                    w.correlation_id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(c))
                })
                && group
                    .as_deref()
                    .is_none_or(|g| lower.contains(&format!("/resourcegroups/{}/", g.to_ascii_lowercase())))
                && uri.as_deref().is_none_or(|u| lower.starts_with(&u.to_ascii_lowercase()))
        });
        paged(ask, hits.map(|w| self.log_item(w)))
    }

    fn log_item(&self, write: &WriteRecord) -> Value {
        let action =
            Path::split(&write.path).map_or_else(String::new, |path| operation(&path, &write.method));
        let at = write.at.as_millisecond();
        let (status, sub) = if write.took_effect { ("Succeeded", "OK") } else { ("Failed", "") };
        let group = write.path.split('/').nth(4).unwrap_or_default();
        let id = format!("{at:x}-{}", write.client_request_id.as_deref().unwrap_or("0"));
        json!({
            "id": format!("{}/events/{id}", write.path),
            "eventDataId": id,
            "correlationId": write.correlation_id,
            "operationId": write.correlation_id,
            "caller": CALLER_NAME,
            "claims": {"appid": CALLER, "http://schemas.microsoft.com/identity/claims/objectidentifier": CALLER},
            "authorization": {"action": action, "scope": write.path},
            "eventName": {"value": "EndRequest", "localizedValue": "End request"},
            "category": {"value": "Administrative", "localizedValue": "Administrative"},
            "operationName": {"value": action, "localizedValue": action},
            "status": {"value": status, "localizedValue": status},
            "subStatus": {"value": sub, "localizedValue": sub},
            "eventTimestamp": Iso(at),
            "submissionTimestamp": Iso(at + self.spec.timing.activity_lag.min),
            "level": if write.took_effect { "Informational" } else { "Error" },
            "resourceGroupName": group,
            "resourceId": write.path,
            "resourceUri": write.path,
            "subscriptionId": self.top.subscription,
            "tenantId": self.top.tenant,
            "httpRequest": {"clientRequestId": write.client_request_id, "clientIpAddress": "192.0.2.10", "method": write.method},
        })
    }
}

/// The action a write stands for, in the log's spelling.
fn operation(path: &Path, method: &str) -> String {
    let Some(at) = path.providers() else { return "Microsoft.Resources/write".to_owned() };
    let mut text = path.raw_seg(at + 1).to_owned();
    for seg in (at + 2..path.len()).step_by(2) {
        text.push('/');
        text.push_str(path.raw_seg(seg));
    }
    text.push_str(match method {
        "DELETE" => "/delete",
        "POST" => "/action",
        _ => "/write",
    });
    text
}

/// The instant in `eventTimestamp ge '…'`.
fn bound(filter: &str, word: &str) -> Option<Ms> {
    let at = filter.to_ascii_lowercase().find(&format!("eventtimestamp {word} "))?;
    let text = filter[at..].split('\'').nth(1)?;
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// The value in `key eq '…'`.
fn clause(filter: &str, key: &str) -> Option<String> {
    let at = filter.to_ascii_lowercase().find(&format!("{key} eq "))?;
    filter[at..].split('\'').nth(1).map(str::to_owned)
}
