//! Microsoft.ResourceGraph: all session hosts at once, as an inventory and never for a gate.

use std::collections::HashSet;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::{ArmId, Listing, Safe, pool::SessionHost};

use super::{
    avd,
    client::{Ask, Client, PAGE_LIMIT, Visit, push_query},
    failure::{Failure, not_json},
    lenient::{self, Lax},
    version::Api,
};

/// Rows of one page: the most that Resource Graph gives (azure-avd §5).
const PAGE: u32 = 1_000;

/// Most pages we follow: far beyond the 10,000 hosts a pool can have.
const MAX_PAGES: u32 = 100;

const QUERY: &str = "desktopvirtualizationresources \
    | where type =~ 'microsoft.desktopvirtualization/hostpools/sessionhosts' \
    | project id, name, properties | order by id asc";

#[derive(Serialize)]
struct Question<'a> {
    subscriptions: &'a [String],
    query: &'static str,
    options: Options<'a>,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(rename = "resultFormat")]
    result_format: &'static str,
    #[serde(rename = "$top")]
    top: u32,
    #[serde(rename = "$skipToken", skip_serializing_if = "Option::is_none")]
    skip_token: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    result_truncated: Lax<bool>,
    #[serde(rename = "$skipToken", default)]
    skip_token: Lax<String>,
}

/// The hosts of the estate's pools.
pub(super) async fn inventory(client: &Client, visit: &Visit) -> Result<Listing<SessionHost>, Failure> {
    let subscriptions: Vec<String> =
        client.estate.subscriptions().iter().map(|id| id.subscription().to_owned()).collect();
    let pools: HashSet<&ArmId> = client
        .estate
        .services
        .iter()
        .flat_map(|service| service.sides.iter().map(|(_, objects)| &objects.pool))
        .collect();
    let mut url = format!("{}/providers/Microsoft.ResourceGraph/resources", client.origin.as_str());
    push_query(&mut url, client.versions.of(Api::Graph), "");
    let (mut hosts, mut pages, mut odd) = (Vec::new(), 0, None);
    let mut token: Option<String> = None;
    loop {
        let options = Options { result_format: "objectArray", top: PAGE, skip_token: token.as_deref() };
        let body = serde_json::to_vec(&Question { subscriptions: &subscriptions, query: QUERY, options })
            .expect("a question is plain text and numbers");
        let ask = Ask {
            method: Method::POST,
            url: url.clone(),
            body: Bytes::from(body),
            provider: Api::Graph.provider(),
            subscription: "",
            limit: PAGE_LIMIT,
        };
        let body = match client.read(visit, ask).await {
            Ok(body) => body,
            Err(failure) if pages == 0 => return Err(failure),
            Err(failure) => return Ok(Listing::partial(hosts, pages, failure.why)),
        };
        let page: Page<'_> = lenient::from_slice(&body).map_err(|error| not_json(&body, &error))?;
        pages += 1;
        for row in &page.data {
            match host(row) {
                Ok(host) if host.id.parent().is_some_and(|pool| pools.contains(&pool)) => hosts.push(host),
                Ok(_) => {}
                Err(why) => {
                    odd.get_or_insert(why);
                }
            }
        }
        let next = page.skip_token.0.filter(|token| !token.is_empty());
        let cut = match (&next, page.result_truncated.0) {
            (None, Some(true)) => Some(Safe::new("Resource Graph cut the answer and gave no way to go on")),
            (Some(_), _) if pages >= MAX_PAGES => Some(Safe::new("more pages than we follow")),
            (Some(next), _) if token.as_ref() == Some(next) => {
                Some(Safe::new("the pages go round in a circle"))
            }
            (None, _) => odd.take(),
            (Some(_), _) => {
                token = next;
                continue;
            }
        };
        return Ok(match cut {
            Some(why) => Listing::partial(hosts, pages, why),
            None => Listing::whole(hosts, pages),
        });
    }
}

fn host(row: &RawValue) -> Result<SessionHost, Safe> {
    let item = lenient::from_slice(row.get().as_bytes()).map_err(|error| Safe::new(&error.to_string()))?;
    avd::host(item)
}
