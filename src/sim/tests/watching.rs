//! Health, storage, Resource Graph, activity log, resources.

use super::*;

const HEALTH: &str = "api-version=2024-02-01";
const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";

fn ask(bench: &Bench, query: &str, options: &str) -> Got {
    let body = format!(
        r#"{{"subscriptions":["22222222-2222-4222-8222-222222222222"],"query":"{query}","options":{{{options}}}}}"#
    );
    bench.send("POST", GRAPH, &body)
}

const HOSTS: &str = "desktopvirtualizationresources | where type =~ 'microsoft.desktopvirtualization/hostpools/sessionhosts' | project id, name, properties | order by id asc";

#[test]
fn graph_pages_and_counts() {
    let bench = Bench::open("calm");
    let first = ask(&bench, HOSTS, r#""$top":25"#);
    assert_eq!(
        (first.status, &first.body["totalRecords"], &first.body["count"]),
        (200, &40.into(), &25.into())
    );
    assert_eq!(first.body["resultTruncated"], "false");
    assert_eq!(first.header("x-ms-user-quota-remaining"), "14");
    let token = first.body["$skipToken"].as_str().expect("more");
    let rest = ask(&bench, HOSTS, &format!(r#""$skipToken":"{token}""#));
    assert_eq!(rest.body["count"], 15);
    assert!(rest.body.get("$skipToken").is_none());
    let row = &rest.body["data"][0];
    assert_eq!(row.as_object().map(serde_json::Map::len), Some(3), "{row}");
    let vms = ask(&bench, "resources | where type =~ 'microsoft.compute/virtualmachines'", "");
    assert_eq!(
        vms.body["data"][0]["properties"]["extended"]["instanceView"]["powerState"]["code"],
        "PowerState/running"
    );
}

#[test]
fn graph_is_a_minute_behind() {
    let bench = Bench::open("tiny");
    let drained = |b: &Bench| {
        let got = ask(b, HOSTS, "");
        got.body["data"]
            .as_array()
            .expect("rows")
            .iter()
            .filter(|r| r["properties"]["allowNewSession"] == false)
            .count()
    };
    bench.drain("hp-hr-we");
    assert_eq!(drained(&bench), 0);
    bench.pass("59s");
    assert_eq!(drained(&bench), 0);
    bench.pass("2s");
    assert_eq!(drained(&bench), 2);

    let off = |b: &Bench| {
        let got = ask(b, HOSTS, "");
        let rows = got.body["data"].as_array().expect("rows").clone();
        rows.iter().filter(|r| r["properties"]["status"] == "Shutdown").count()
    };
    assert_eq!(off(&bench), 1);
    let stop = format!("{}/deallocate?api-version=2024-03-01", vm_id("shwe-hr-01"));
    assert_eq!(bench.send("POST", &stop, "").status, 202);
    bench.pass("59s");
    assert_eq!(off(&bench), 1);
    bench.pass("10s");
    assert_eq!(off(&bench), 2);
}

#[test]
fn graph_refuses_what_it_does_not_know_and_too_much() {
    let bench = Bench::open("tiny");
    for query in ["", "secrets", "resources | summarize count()", "resources | where name == 'x'"] {
        let got = ask(&bench, query, "");
        assert_eq!((got.status, got.code()), (400, "BadRequest"), "{query}");
    }
    for _ in 0..11 {
        assert_eq!(ask(&bench, HOSTS, "").status, 200);
    }
    let refused = ask(&bench, HOSTS, "");
    assert_eq!((refused.status, refused.header("x-ms-user-quota-resets-after")), (429, "00:00:05"));
    bench.pass("5s");
    assert_eq!(ask(&bench, HOSTS, "").status, 200);
}

#[test]
fn the_event_is_posted_later_evolves_and_is_resolved() {
    let bench = Bench::open("calm");
    let events = |b: &Bench| b.all(&format!("{SUB}/providers/Microsoft.ResourceHealth/events?{HEALTH}"));
    bench.fault("fault = \"dead\"\nregion = \"primary\"\nfor = \"2h\"");
    bench.pass("7m");
    assert_eq!(events(&bench).len(), 0);
    bench.pass("2m");
    let event = events(&bench).remove(0)["properties"].clone();
    assert_eq!((&event["eventType"], &event["status"]), (&"ServiceIssue".into(), &"Active".into()));
    assert_eq!(event["impact"][0]["impactedRegions"][0]["impactedRegion"], "West Europe");
    assert!(event["title"].as_str().expect("title").ends_with("investigating"));
    bench.pass("40m");
    assert!(events(&bench)[0]["properties"]["title"].as_str().expect("title").ends_with("mitigating"));
    let name = events(&bench)[0]["name"].as_str().expect("name").to_owned();
    let impacted =
        format!("{SUB}/providers/Microsoft.ResourceHealth/events/{name}/impactedResources?{HEALTH}");
    assert_eq!(bench.all(&impacted).len(), 22);
    bench.pass("2h");
    assert_eq!(events(&bench)[0]["properties"]["status"], "Resolved");
}

#[test]
fn availability_follows_the_machines() {
    let bench = Bench::open("calm");
    let state = |vm: &str| {
        let path =
            format!("{}/providers/Microsoft.ResourceHealth/availabilityStatuses/current?{HEALTH}", vm_id(vm));
        bench.get(&path).body["properties"].clone()
    };
    assert_eq!(state("dc-we-1")["availabilityState"], "Available");
    assert_eq!(state("shne-hr-12")["reasonType"], "Customer Initiated");
    bench.fault("fault = \"dead\"\nregion = \"primary\"");
    bench.pass("4m");
    assert_eq!(state("dc-we-1")["availabilityState"], "Unavailable");
    assert_eq!(state("dc-we-1")["reasonType"], "Unplanned");
    assert!(state("dc-we-1")["occuredTime"].is_string());
    let bulk = format!("{SUB}/providers/Microsoft.ResourceHealth/availabilityStatuses?{HEALTH}");
    assert_eq!(bench.all(&bulk).len(), 44);
}

#[test]
fn accounts_tell_their_own_status() {
    let bench = Bench::open("calm");
    let accounts = format!("{SUB}/providers/Microsoft.Storage/storageAccounts?api-version=2023-05-01");
    let up = |b: &Bench, region: &str| {
        let all = b.all(&accounts);
        all.iter()
            .filter(|a| a["location"] == region && a["properties"]["statusOfPrimary"] == "available")
            .count()
    };
    assert_eq!((up(&bench, "westeurope"), up(&bench, "northeurope")), (4, 4));
    bench.fault("fault = \"share-down\"\nregion = \"primary\"\nservice = \"fin\"\nfor = \"1m\"");
    assert_eq!((up(&bench, "westeurope"), up(&bench, "northeurope")), (2, 4));
    bench.pass("1m");
    bench.fault("fault = \"grey\"\nregion = \"primary\"");
    assert_eq!((up(&bench, "westeurope"), up(&bench, "northeurope")), (0, 4));
    let one = format!(
        "{SUB}/resourceGroups/rg-profiles-we/providers/Microsoft.Storage/storageAccounts/stcontosohrprofwe?api-version=2023-05-01"
    );
    let account = bench.get(&one).body;
    assert_eq!(
        (&account["sku"]["name"], &account["properties"]["primaryLocation"]),
        (&"Premium_ZRS".into(), &"westeurope".into())
    );
}

#[test]
fn the_activity_log_shows_our_writes_a_minute_late() {
    let bench = Bench::open("tiny");
    bench.revoke_all("dag1-we");
    let log = |b: &Bench| {
        let filter = "eventTimestamp%20ge%20'2026-11-20T07:00:00Z'";
        b.all(&format!("{SUB}/providers/Microsoft.Insights/eventtypes/management/values?$filter={filter}&api-version=2015-04-01"))
    };
    assert_eq!(log(&bench).len(), 0);
    bench.pass("61s");
    let item = log(&bench).remove(0);
    assert_eq!(item["operationName"]["value"], "Microsoft.Authorization/roleAssignments/delete");
    assert_eq!(item["status"]["value"], "Succeeded");
    assert!(item["caller"].is_string());
    let bare =
        format!("{SUB}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01");
    assert_eq!(bench.get(&bare).status, 400, "a start time is mandatory");
}

#[test]
fn subscriptions_and_groups_are_found() {
    let bench = Bench::open("calm");
    for (path, expected) in [
        ("/subscriptions".to_owned(), 1),
        (format!("{SUB}/resourcegroups"), 8),
        (format!("{SUB}/resourceGroups/rg-avd-we/resources"), 8),
        (format!("{SUB}/locations"), 2),
    ] {
        assert_eq!(bench.all(&format!("{path}?api-version=2022-12-01")).len(), expected, "{path}");
    }
    let group = bench.get(&format!("{SUB}/resourceGroups/RG-AVD-NE?api-version=2024-03-01"));
    assert_eq!(group.body["location"], "northeurope");
    for (path, code) in [
        (format!("{SUB}/resourceGroups/rg-none"), "ResourceGroupNotFound"),
        ("/subscriptions/33333333-2222-4222-8222-222222222222".to_owned(), "SubscriptionNotFound"),
        (format!("{SUB}/resourceGroups/rg-none/{DV}/hostPools"), "ResourceGroupNotFound"),
        (pool_id("hp-none-we"), "ResourceNotFound"),
        (format!("{SUB}/providers/Microsoft.Compute/nothing"), "InvalidResourceType"),
    ] {
        let got = bench.get(&format!("{path}?api-version=2024-03-01"));
        assert_eq!((got.status, got.code()), (404, code), "{path}");
    }
}
