//! Azure Resource Graph: a few known queries over a picture that is always a little old.

use http::HeaderName;
use serde_json::{Map, Value, json};

use super::{
    ask::{Ask, Verb},
    envelope::Answer,
    moment::Ms,
    throttle::Buckets,
    world::World,
};

/// Most rows of one answer (azure-avd.md §5).
const PAGE: usize = 1_000;

/// A query, as far as we can read it.
struct Query<'q> {
    table: &'q str,
    /// Resource types asked for, lower case; empty means all of the table.
    kinds: Vec<String>,
    columns: Option<Vec<String>>,
}

impl World {
    /// `POST /providers/Microsoft.ResourceGraph/resources`.
    pub(super) fn graph(&self, ask: &Ask<'_>, buckets: &mut Buckets) -> Answer {
        if ask.path.seg(ask.path.len() - 1) != "resources" {
            return Answer::no_route(ask);
        }
        if ask.verb != Verb::Post {
            return Answer::no_method(ask);
        }
        let quota = buckets.take_graph(ask.now);
        let (left, resets) = match quota {
            Ok((left, resets)) => (left, resets),
            Err(resets) => {
                let answer = Answer::error(
                    429,
                    "RateLimiting",
                    "Please slow down: the query quota of this user is used up.",
                )
                .header(http::header::RETRY_AFTER, resets.to_string());
                return quota_headers(answer, 0, resets);
            }
        };
        let answer = match ask.json() {
            Some(body) => self.query(&body, ask.now - self.spec.timing.graph_lag.min),
            None => Answer::bad_body("it is no JSON"),
        };
        quota_headers(answer, left, resets)
    }

    fn query(&self, body: &Value, at: Ms) -> Answer {
        let text = body["query"].as_str().unwrap_or_default();
        let Some(query) = read(text) else {
            return invalid("Query is invalid or uses what the simulator does not know.");
        };
        if let Some(list) = body["subscriptions"].as_array()
            && !list.iter().filter_map(Value::as_str).any(|s| s.eq_ignore_ascii_case(&self.top.subscription))
        {
            return page(Vec::new(), body);
        }
        let Some(mut rows) = self.rows(&query, at) else {
            return invalid("Table or type is not known to the simulator.");
        };
        rows.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
        if let Some(columns) = &query.columns {
            rows = rows.iter().map(|row| project(row, columns)).collect();
        }
        page(rows, body)
    }

    fn rows(&self, query: &Query<'_>, at: Ms) -> Option<Vec<Value>> {
        let top = &self.top;
        let asks = |kind: &str| query.kinds.is_empty() || query.kinds.iter().any(|k| k == kind);
        let mut rows = Vec::new();
        match query.table {
            "desktopvirtualizationresources" => {
                if asks("microsoft.desktopvirtualization/hostpools/sessionhosts") {
                    rows.extend((0..self.hosts.len()).map(|host| self.row(self.host_json(host, at))));
                }
            }
            "resourcecontainers" => {
                if asks("microsoft.resources/subscriptions/resourcegroups") {
                    rows.extend((0..top.resource_groups.len()).map(|g| {
                        let mut row = self.row(self.resource_group_json(g));
                        row["type"] = json!("microsoft.resources/subscriptions/resourcegroups");
                        row
                    }));
                }
            }
            "resources" => {
                if asks("microsoft.compute/virtualmachines") {
                    rows.extend((0..self.vms.len()).map(|vm| self.vm_row(vm, at)));
                }
                if asks("microsoft.desktopvirtualization/hostpools") {
                    rows.extend((0..top.pools.len()).map(|i| self.row(self.pool_json(i))));
                }
                if asks("microsoft.desktopvirtualization/applicationgroups") {
                    rows.extend((0..top.groups.len()).map(|i| self.row(self.group_json(i))));
                }
                if asks("microsoft.desktopvirtualization/workspaces") {
                    rows.extend((0..top.workspaces.len()).map(|i| self.row(self.workspace_json(i))));
                }
                if asks("microsoft.desktopvirtualization/scalingplans") {
                    rows.extend((0..top.plans.len()).map(|i| self.row(self.plan_json(i))));
                }
                if asks("microsoft.storage/storageaccounts") {
                    rows.extend((0..top.accounts.len()).map(|i| self.row(self.account_json(i))));
                }
            }
            _ => return None,
        }
        Some(rows)
    }

    /// A resource as a row: types in lower case, group and subscription spelled out.
    fn row(&self, mut item: Value) -> Value {
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        let kind = item["type"].as_str().unwrap_or_default().to_ascii_lowercase();
        let group = id.split('/').nth(4).unwrap_or_default().to_ascii_lowercase();
        if kind.ends_with("/sessionhosts") {
            item["id"] = json!(id.to_ascii_lowercase());
        }
        item["type"] = json!(kind);
        item["resourceGroup"] = json!(group);
        item["subscriptionId"] = json!(self.top.subscription);
        item["tenantId"] = json!(self.top.tenant);
        item
    }

    fn vm_row(&self, vm: usize, at: Ms) -> Value {
        let mut row = self.row(self.vm_json(vm, false));
        let (code, text) = self.power_code(vm, at);
        row["properties"]["extended"] =
            json!({"instanceView": {"powerState": {"code": code, "displayStatus": text, "level": "Info"}}});
        row
    }
}

fn quota_headers(answer: Answer, left: u32, resets: u32) -> Answer {
    answer
        .header(HeaderName::from_static("x-ms-user-quota-remaining"), left.to_string())
        .header(HeaderName::from_static("x-ms-user-quota-resets-after"), format!("00:00:{resets:02}"))
}

fn invalid(why: &str) -> Answer {
    Answer::with(
        400,
        &json!({"error": {
            "code": "BadRequest",
            "message": "Please provide below info when asking for support.",
            "details": [{"code": "InvalidQuery", "message": why}],
        }}),
    )
}

/// Reads a query of the shapes we know: table, type filters, project, order, limit.
fn read(text: &str) -> Option<Query<'_>> {
    let mut parts = text.split('|').map(str::trim);
    let table = parts.next().filter(|t| !t.is_empty() && t.chars().all(char::is_alphanumeric))?;
    let table = ["resources", "resourcecontainers", "desktopvirtualizationresources"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(table))?;
    let mut query = Query { table, kinds: Vec::new(), columns: None };
    for part in parts {
        let (word, rest) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        match word.to_ascii_lowercase().as_str() {
            "where" => query.kinds = type_filter(rest)?,
            "project" => query.columns = Some(rest.split(',').map(|c| c.trim().to_owned()).collect()),
            "order" | "sort" if rest.trim_start().starts_with("by ") => {}
            "limit" | "take" => {}
            _ => return None,
        }
    }
    let plain = |c: &String| !c.is_empty() && c.chars().all(|ch| ch.is_alphanumeric() || ch == '.');
    query.columns.as_ref().is_none_or(|columns| columns.iter().all(plain)).then_some(query)
}

/// `type =~ 'x'`, `type == 'x'`, `type in~ ('x','y')`, joined by `or`.
fn type_filter(rest: &str) -> Option<Vec<String>> {
    let kinds: Vec<String> =
        rest.split(['\'', '"']).skip(1).step_by(2).map(str::to_ascii_lowercase).collect();
    let mut outside = String::new();
    for piece in rest.split(['\'', '"']).step_by(2) {
        outside.push_str(piece);
        outside.push(' ');
    }
    let words = ["type", "==", "=~", "in", "in~", "or", "(", ")", ","];
    let spaced = outside.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
    let known = spaced.split_whitespace().all(|w| words.contains(&w.to_ascii_lowercase().as_str()));
    (known && !kinds.is_empty()).then_some(kinds)
}

/// Keeps the named columns; `a.b` reaches into objects and is named `a_b`, as in Kusto.
fn project(row: &Value, columns: &[String]) -> Value {
    let mut kept = Map::new();
    for column in columns {
        let mut value = row;
        for step in column.split('.') {
            value = &value[step];
        }
        kept.insert(column.replace('.', "_"), value.clone());
    }
    Value::Object(kept)
}

fn page(rows: Vec<Value>, body: &Value) -> Answer {
    let options = &body["options"];
    let number = |key: &str| options[key].as_u64().map(|n| n as usize);
    let token =
        options["$skipToken"].as_str().and_then(|t| t.strip_prefix("farshore-")).and_then(|t| t.parse().ok());
    let skip = token.or_else(|| number("$skip")).unwrap_or(0);
    let top = number("$top").unwrap_or(PAGE).clamp(1, PAGE);
    let total = rows.len();
    let data: Vec<Value> = rows.into_iter().skip(skip).take(top).collect();
    let count = data.len();
    let mut answer = json!({
        "totalRecords": total,
        "count": count,
        "resultTruncated": "false",
        "data": data,
        "facets": [],
    });
    if skip + count < total {
        answer["$skipToken"] = json!(format!("farshore-{}", skip + count));
    }
    Answer::json(&answer)
}
