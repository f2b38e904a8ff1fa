//! What every answer has, and what is refused before any handler.

use super::*;

#[test]
fn answers_carry_ids_and_counters() {
    let bench = Bench::open("calm");
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = format!("http://127.0.0.1:7700{SUB}?api-version=2022-12-01").parse().expect("uri");
    for (name, value) in [
        ("authorization", "bearer x"),
        ("x-ms-correlation-request-id", "abc"),
        ("x-ms-client-request-id", "def"),
    ] {
        request.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    let got = bench.poll(request.clone()).expect("now").expect("whole");
    assert_eq!(got.header("x-ms-correlation-request-id"), "abc");
    assert_eq!(got.header("x-ms-client-request-id"), "", "echoed only when asked");
    assert_eq!(got.header("x-ms-ratelimit-remaining-subscription-reads"), "249");
    let routing = got.header("x-ms-routing-request-id");
    assert!(routing.starts_with("WESTEUROPE:20261120T080000Z:"), "{routing}");
    assert!(routing.ends_with(got.header("x-ms-request-id")));
    assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
    request.headers_mut().insert("x-ms-return-client-request-id", http::HeaderValue::from_static("true"));
    let got = bench.poll(request).expect("now").expect("whole");
    assert_eq!(got.header("x-ms-client-request-id"), "def");
    assert_eq!(got.header("x-ms-ratelimit-remaining-subscription-reads"), "248");
    bench.fault("fault = \"dead\"\nregion = \"primary\"");
    bench.pass("1s");
    let got = bench.get(&format!("{SUB}?api-version=2022-12-01"));
    assert!(got.header("x-ms-routing-request-id").starts_with("NORTHEUROPE:"), "another region serves");
}

#[test]
fn every_answer_tells_the_worlds_time() {
    let bench = Bench::open("tiny");
    bench.pass("3h7m9s");
    for (method, path, status) in [
        ("GET", format!("{SUB}?api-version=2022-12-01"), 200),
        ("GET", format!("{SUB}?api-version=latest"), 400),
        ("GET", format!("{SUB}/resourceGroups/none?api-version=2022-12-01"), 404),
        ("TRACE", format!("{SUB}?api-version=2022-12-01"), 405),
        ("GET", "/farshore/world".to_owned(), 200),
    ] {
        let got = bench.send(method, &path, "");
        assert_eq!((got.status, got.header("date")), (status, "Fri, 20 Nov 2026 11:07:09 GMT"), "{path}");
    }
}

#[test]
fn versions_are_checked_per_provider() {
    let bench = Bench::open("tiny");
    for (version, status, code) in [
        ("?api-version=2024-04-03", 200, ""),
        ("?API-Version=2021-07-12", 200, ""),
        ("?api-version=2099-01-01-preview", 200, ""),
        ("?api-version=2019-01-01", 400, "InvalidApiVersionParameter"),
        ("?api-version=latest", 400, "InvalidApiVersionParameter"),
        ("?api-version=", 400, "MissingApiVersionParameter"),
        ("", 400, "MissingApiVersionParameter"),
    ] {
        let got = bench.get(&format!("{}{version}", pool_id("hp-hr-we")));
        assert_eq!((got.status, got.code()), (status, code), "{version}");
    }
    let got = bench.get(&format!("{SUB}/providers/Microsoft.Unknown/things?api-version=2024-01-01"));
    assert_eq!((got.status, got.code()), (400, "NoRegisteredProviderFound"));
}

#[test]
fn no_bearer_no_answer() {
    let bench = Bench::open("tiny");
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() =
        format!("https://management.azure.com{SUB}?api-version=2022-12-01").parse().expect("uri");
    let got = bench.poll(request).expect("now").expect("whole");
    assert_eq!((got.status, got.code()), (401, "AuthenticationFailed"));
    assert!(got.header("www-authenticate").starts_with("Bearer"));
}

#[test]
fn the_identity_endpoint_follows_the_app_service_protocol() {
    let bench = Bench::open("tiny");
    let path =
        "http://127.0.0.1:9/msi/token?resource=https%3A%2F%2Fmanagement.azure.com%2F&api-version=2019-08-01";
    let got = bench.get(path);
    assert_eq!(got.body["resource"], "https://management.azure.com/");
    assert_eq!(got.body["token_type"], "Bearer");
    let expires: i64 = got.body["expires_on"].as_str().expect("text").parse().expect("epoch seconds");
    let ends: jiff::Timestamp = "2025-02-03T11:00:00Z".parse().expect("a moment");
    assert_eq!(expires, ends.as_second(), "by the clock on the wall, not by that of the estate");
    assert_eq!(
        got.body["not_before"],
        super::WALL.parse::<jiff::Timestamp>().expect("a moment").as_second().to_string()
    );
    let token = got.body["access_token"].as_str().expect("text").to_owned();
    assert_eq!(token.split('.').count(), 3, "{token}");
    assert!(token.starts_with("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ"), "{token}");
    assert_ne!(got.body["access_token"], bench.get(path).body["access_token"]);
    let mut bare = Request::new(Bytes::new());
    *bare.uri_mut() = path.parse().expect("uri");
    assert_eq!(bench.poll(bare).expect("now").expect("whole").status, 401);
    assert_eq!(bench.get("http://127.0.0.1:9/msi/token?api-version=2019-08-01").status, 400);
}

#[test]
fn the_world_tells_what_it_is() {
    let scenario = Scenario::builtin("tiny").expect("built in");
    let options = SimOptions { speed: Some(60.0), ..SimOptions::default() };
    let bench = Bench::with(scenario, 7, Arc::new(NoLedger), &[], options);
    let world = bench.get("http://127.0.0.1:9/farshore/world").body;
    assert_eq!((&world["scenario"], &world["speed"]), (&"tiny".into(), &60.0.into()));
    assert_eq!(world["subscriptions"], serde_json::json!(["22222222-2222-4222-8222-222222222222"]));
    assert_eq!(world["epoch"], "2026-11-20T08:00:00Z");
    let source = world["source"].as_str().expect("its TOML");
    assert_eq!(Scenario::from_toml(source, "again").expect("reads back").subscriptions().len(), 1);
    let endpoints = bench.get("http://127.0.0.1:9/metadata/endpoints?api-version=2022-09-01").body;
    assert_eq!(endpoints["resourceManager"], "http://127.0.0.1:9");
}

#[test]
fn pages_link_to_the_caller_s_own_origin_and_may_be_empty() {
    let scenario = Scenario::builtin("calm").expect("built in");
    let options = SimOptions { page_size: 7, empty_first_page: true, ..SimOptions::default() };
    let bench = Bench::with(scenario, 7, Arc::new(NoLedger), &[], options);
    let path = format!(
        "http://127.0.0.1:7700{}/sessionHosts?pageSize=5&api-version=2024-04-03",
        pool_id("hp-hr-we")
    );
    let first = bench.get(&path);
    assert_eq!(first.list().len(), 0);
    let link = first.body["nextLink"].as_str().expect("more");
    assert!(link.starts_with("http://127.0.0.1:7700/subscriptions/"), "{link}");
    assert_eq!(bench.get(link).list().len(), 5);
    let names: std::collections::BTreeSet<String> =
        bench.all(&path).iter().map(|h| h["name"].as_str().expect("name").to_owned()).collect();
    assert_eq!(names.len(), 12);
}

#[test]
fn too_many_reads_are_throttled_and_refill() {
    let bench = Bench::open("tiny");
    let path = format!("{SUB}?api-version=2022-12-01");
    for _ in 0..250 {
        assert_eq!(bench.get(&path).status, 200);
    }
    let refused = bench.get(&path);
    assert_eq!(
        (refused.status, refused.code(), refused.header("retry-after")),
        (429, "SubscriptionRequestsThrottled", "1")
    );
    bench.pass("1s");
    assert_eq!(bench.get(&path).status, 200);
}

#[tokio::test(start_paused = true)]
async fn latency_is_network_time() {
    let scenario = Scenario::builtin("tiny").expect("built in");
    let options = SimOptions { latency_ms: 80, ..SimOptions::default() };
    let bench = Bench::with(scenario, 7, Arc::new(NoLedger), &[], options);
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = "http://127.0.0.1:9/farshore/world".parse().expect("uri");
    let before = tokio::time::Instant::now();
    bench.sim.call(request).await.expect("answers");
    assert_eq!(before.elapsed().as_millis(), 80);
}

#[test]
fn methods_that_do_not_exist_are_refused() {
    let bench = Bench::open("tiny");
    for (method, path) in [
        ("PUT", pool_id("hp-hr-we")),
        ("DELETE", pool_id("hp-hr-we")),
        ("POST", format!("{}/sessionHosts", pool_id("hp-hr-we"))),
        ("DELETE", vm_id("shwe-hr-01")),
        ("PATCH", assignment("dag1-we", NAME)),
    ] {
        assert_eq!(
            bench.send(method, &format!("{path}?api-version=2024-04-03"), "{}").status,
            405,
            "{method} {path}"
        );
    }
}

#[test]
fn the_estate_file_names_what_is_there() {
    let scenario = Scenario::builtin("calm").expect("built in");
    let anchor: jiff::Timestamp = "2026-11-20T12:00:00Z".parse().expect("a moment");
    let simulated = super::super::Simulated { epoch: scenario.epoch(), speed: 60.0, anchor: Some(anchor) };
    let text = scenario.estate_toml(Some(simulated));
    let table: toml::Table = text.parse().expect("TOML");
    assert_eq!(table["format"].as_integer(), Some(1));
    let bench = Bench::open("calm");
    let mut ids = Vec::new();
    collect(&toml::Value::Table(table.clone()), &mut ids);
    assert_eq!(ids.len(), 2 * (3 + 3) + 2 * 4 + 3 * 2 + 4);
    for id in ids {
        assert_eq!(bench.get(&format!("{id}?api-version=2024-04-03")).status, 200, "{id}");
    }
    let services = table["service"].as_array().expect("services");
    assert_eq!(services.len(), 2);
    for service in services {
        assert_eq!(
            service["exception"][0]["principal"].as_str(),
            Some("4c4c4c4c-0000-4000-8000-00000000e0ff")
        );
    }
    assert_eq!(table["simulated"]["epoch"].as_str(), Some("2026-11-20T08:00:00Z"));
    assert_eq!(table["simulated"]["anchor"].as_str(), Some("2026-11-20T12:00:00Z"));
}

fn collect(value: &toml::Value, ids: &mut Vec<String>) {
    match value {
        toml::Value::String(text) if text.starts_with("/subscriptions/") => ids.push(text.clone()),
        toml::Value::Array(items) => items.iter().for_each(|item| collect(item, ids)),
        toml::Value::Table(table) => table.iter().for_each(|(_, item)| collect(item, ids)),
        _ => {}
    }
}
