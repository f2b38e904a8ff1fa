//! Every request of every whole run, held against `tests/arm_contract.toml`.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use farshore::wire::{Reply, Request, Wire};
use serde::Deserialize;

/// The contract as the file writes it; see there for what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    rules: Rules,
    route: Vec<Route>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    headers: Vec<String>,
    paging: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the file's own words for a reader; a typing error in them is still an error")]
struct Route {
    name: String,
    #[serde(default)]
    origin: Origin,
    method: String,
    path: String,
    api_versions: Vec<String>,
    #[serde(default)]
    query: Vec<String>,
    #[serde(default)]
    optional_query: Vec<String>,
    #[serde(default)]
    paged: bool,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    body: Vec<String>,
    answers: Vec<u16>,
    #[serde(default)]
    long_running: bool,
    operations: Vec<String>,
    source: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    #[default]
    Arm,
    Identity,
}

/// The loaded contract.
#[derive(Debug)]
pub struct Contract {
    rules: Rules,
    /// Rows, each with the segments of its path.
    routes: Vec<(Route, Vec<String>)>,
}

/// Read once: a rehearsal asks it of each of thousands of requests.
static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::load);

impl Contract {
    /// Reads the file beside the tests.
    pub fn load() -> Self {
        let file: File = toml::from_str(include_str!("../arm_contract.toml")).expect("the contract reads");
        assert_eq!(file.format, 1);
        let split = |route: Route| {
            let template = segments(&route.path);
            (route, template)
        };
        Self { rules: file.rules, routes: file.route.into_iter().map(split).collect() }
    }

    /// What is wrong with a request; the name of its row where nothing is.
    pub fn check(&self, request: &Request) -> Result<&str, String> {
        let told = format!("{} {}", request.method(), request.uri());
        let path: Vec<String> = segments(request.uri().path());
        let fits = |(route, template): &&(Route, Vec<String>)| {
            route.method == request.method().as_str() && matches(template, &path)
        };
        let mut rows: Vec<&Route> = self.routes.iter().filter(fits).map(|(route, _)| route).collect();
        rows.sort_by_key(|route| precision(&route.path));
        let route = *rows.last().ok_or_else(|| format!("{told}: no row of the contract"))?;
        let wrong = |why: String| Err(format!("{told}: row {}: {why}", route.name));
        let query = pairs(request.uri().query().unwrap_or_default());
        let version = query.get("api-version").map(Vec::as_slice);
        match version {
            Some([version]) if route.api_versions.contains(version) => {}
            other => return wrong(format!("api-version {other:?}, allowed are {:?}", route.api_versions)),
        }
        for name in &route.query {
            match query.get(&name.to_ascii_lowercase()).map(Vec::as_slice) {
                Some([value]) if !value.is_empty() => {}
                other => return wrong(format!("query {name} is {other:?}")),
            }
        }
        let paging: &[String] = if route.paged { &self.rules.paging } else { &[] };
        for name in query.keys().filter(|name| *name != "api-version") {
            let known = |known: &String| known.eq_ignore_ascii_case(name);
            if !route.query.iter().chain(&route.optional_query).chain(paging).any(known) {
                return wrong(format!("query {name} is not in it"));
            }
        }
        let common: &[String] = if route.origin == Origin::Arm { &self.rules.headers } else { &[] };
        for name in common.iter().chain(&route.headers) {
            if request.headers().get(name.as_str()).is_none_or(http::HeaderValue::is_empty) {
                return wrong(format!("header {name} is missing"));
            }
        }
        check_body(route, request).map_or_else(wrong, |()| Ok(route.name.as_str()))
    }
}

fn check_body(route: &Route, request: &Request) -> Result<(), String> {
    if route.body.is_empty() {
        return request.body().is_empty().then_some(()).ok_or_else(|| "it must have no body".to_owned());
    }
    let body: serde_json::Value =
        serde_json::from_slice(request.body()).map_err(|error| format!("the body is no JSON: {error}"))?;
    for path in &route.body {
        let found = path.split('.').try_fold(&body, |value, key| value.get(key));
        if found.is_none_or(serde_json::Value::is_null) {
            return Err(format!("{path} is missing in the body"));
        }
    }
    Ok(())
}

/// Segments of a path or template: lower case, percent-decoded, empty ends dropped.
fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(|segment| decode(segment).to_lowercase()).collect()
}

fn decode(text: &str) -> String {
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("k={}", text.replace('&', "%26").replace('=', "%3D")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn pairs(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        pairs.entry(name.to_ascii_lowercase()).or_default().push(value.into_owned());
    }
    pairs
}

fn matches(template: &[String], path: &[String]) -> bool {
    match (template.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), Some(_)) if first.starts_with("{*") => {
            (1..=path.len()).any(|taken| matches(rest, &path[taken..]))
        }
        (Some((first, rest)), Some((segment, more))) => {
            (first == segment || (first.starts_with('{') && !segment.is_empty())) && matches(rest, more)
        }
        _ => false,
    }
}

/// Literal segments win over `{name}`, and `{name}` over `{*name}`, from the left.
fn precision(template: &str) -> Vec<u8> {
    let rank = |segment: &str| match segment {
        segment if segment.starts_with("{*") => 0,
        segment if segment.starts_with('{') => 1,
        _ => 2,
    };
    template.trim_matches('/').split('/').map(rank).collect()
}

/// A wire that lets everything through and remembers what the contract does not know.
#[derive(Debug)]
pub struct Checking {
    inner: Arc<dyn Wire>,
    contract: &'static Contract,
    seen: Mutex<BTreeMap<String, u32>>,
    mistakes: Mutex<Vec<String>>,
}

impl Checking {
    /// Checks everything that goes to `inner`.
    pub fn new(inner: Arc<dyn Wire>) -> Arc<Self> {
        Arc::new(Self { inner, contract: &CONTRACT, seen: Mutex::default(), mistakes: Mutex::default() })
    }

    /// Requests the contract does not allow, in order.
    pub fn mistakes(&self) -> Vec<String> {
        self.mistakes.lock().unwrap().clone()
    }

    /// Rows of the contract that were used, and how often.
    pub fn seen(&self) -> BTreeMap<String, u32> {
        self.seen.lock().unwrap().clone()
    }
}

impl Wire for Checking {
    fn call(&self, request: Request) -> Reply<'_> {
        match self.contract.check(&request) {
            Ok(row) => *self.seen.lock().unwrap().entry(row.to_owned()).or_default() += 1,
            Err(why) => self.mistakes.lock().unwrap().push(why),
        }
        self.inner.call(request)
    }
}

/// A whole run must not end with a request the contract does not know.
impl Drop for Checking {
    fn drop(&mut self) {
        let mistakes = self.mistakes();
        if !std::thread::panicking() {
            assert!(mistakes.is_empty(), "requests outside the contract:\n{}", mistakes.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const SUB: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";
    const AVD: &str = "/resourceGroups/rg/providers/Microsoft.DesktopVirtualization";

    fn request(method: &str, tail: &str, body: &str, headers: &[&str]) -> Request {
        let mut builder =
            http::Request::builder().method(method).uri(format!("http://127.0.0.1:1{SUB}{tail}"));
        for name in headers {
            builder = builder.header(*name, "x");
        }
        builder.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    #[test]
    fn rows_hold_what_they_say() {
        let contract = Contract::load();
        let all = ["authorization", "x-ms-client-request-id", "x-ms-correlation-request-id"];
        let host = format!("{AVD}/hostPools/hp/sessionHosts/h%201");
        let grant =
            format!("{AVD}/applicationGroups/dag/providers/Microsoft.Authorization/roleAssignments/a");
        let list = format!("{AVD}/applicationGroups/dag/providers/Microsoft.Authorization/roleAssignments");
        let principal =
            r#"{"properties":{"roleDefinitionId":"r","principalId":"p","principalType":"Group"}}"#;
        let nobody = r#"{"properties":{"roleDefinitionId":"r","principalId":null,"principalType":"Group"}}"#;
        let drain = r#"{"properties":{"allowNewSession":false}}"#;
        let v = "api-version=2024-04-03";
        let r = "api-version=2022-04-01";
        let cases = [
            ("GET", format!("{host}?{v}"), "", &all[..], Ok("session-host")),
            ("GET", format!("{}?{v}", host.to_uppercase()), "", &all, Ok("session-host")),
            ("PATCH", format!("{host}?{v}"), drain, &all, Ok("session-host-drain")),
            ("PATCH", format!("{host}?{v}"), "{}", &all, Err("allowNewSession is missing")),
            ("PATCH", format!("{host}?{v}"), "", &all, Err("no JSON")),
            ("DELETE", format!("{host}?{v}"), "", &all, Err("no row")),
            ("GET", format!("{host}?api-version=2019-12-10-preview"), "", &all, Err("allowed are")),
            ("GET", host.clone(), "", &all, Err("api-version None")),
            ("GET", format!("{host}?{v}&{v}"), "", &all, Err("allowed are")),
            ("GET", format!("{host}?{v}&force=true"), "", &all, Err("query force")),
            ("GET", format!("{host}?{v}"), "x", &all, Err("no body")),
            ("GET", format!("{host}?{v}"), "", &all[..2], Err("x-ms-correlation-request-id is missing")),
            ("GET", format!("{list}?{r}&$filter=atScope()"), "", &all, Ok("role-assignments")),
            ("GET", format!("{list}?{r}"), "", &all, Err("query $filter")),
            ("GET", format!("{grant}?{r}"), "", &all, Ok("role-assignment")),
            ("PUT", format!("{grant}?{r}"), principal, &all, Ok("role-assignment-grant")),
            ("PUT", format!("{grant}?{r}"), nobody, &all, Err("principalId is missing")),
            (
                "GET",
                format!("{AVD}/hostPools/hp/sessionHosts?{v}&$skiptoken=2"),
                "",
                &all,
                Ok("session-hosts"),
            ),
        ];
        for (method, tail, body, headers, expected) in cases {
            let request = request(method, &tail, body, headers);
            let checked = contract.check(&request);
            match expected {
                Ok(row) => assert_eq!(checked, Ok(row), "{method} {tail}"),
                Err(part) => {
                    let why = checked.expect_err(&tail);
                    assert!(why.contains(part), "{method} {tail}: {why}");
                }
            }
        }
    }

    /// The check stands in the way of every whole run, or it would prove nothing.
    #[tokio::test(start_paused = true)]
    async fn a_whole_run_is_checked() {
        let rehearsal = crate::it::rehearsal::Rehearsal::new("tiny", 1);
        rehearsal.run(0, farshore::runbook::Mode::Graceful).await;
        let seen = rehearsal.contract.seen();
        for row in [
            "session-hosts",
            "machine-start",
            "scaling-plan-references",
            "session-host-drain",
            "session-message",
            "role-assignment-revoke",
            "session-log-off",
            "role-assignment-grant",
            "machine-deallocate",
        ] {
            assert!(seen.contains_key(row), "{row} was not used: {seen:?}");
        }
        assert_eq!(rehearsal.contract.mistakes(), Vec::<String>::new());
    }

    #[test]
    fn every_row_matches_its_own_template_alone() {
        let contract = Contract::load();
        for (route, template) in &contract.routes {
            let path: Vec<String> = template
                .iter()
                .cloned()
                .flat_map(|segment| match segment.as_str() {
                    "{*scope}" => {
                        vec!["subscriptions".into(), "s".into(), "resourcegroups".into(), "g".into()]
                    }
                    "{*resource}" => vec!["machines".into(), "m".into()],
                    named if named.starts_with('{') => vec!["x".into()],
                    _ => vec![segment],
                })
                .collect();
            let mut rows: Vec<&Route> = contract
                .routes
                .iter()
                .filter(|(other, template)| other.method == route.method && matches(template, &path))
                .map(|(other, _)| other)
                .collect();
            rows.sort_by_key(|other| precision(&other.path));
            assert_eq!(rows.last().map(|row| row.name.as_str()), Some(route.name.as_str()), "{path:?}");
        }
    }
}
