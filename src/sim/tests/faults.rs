//! Each fault of the closed list, through what a caller sees of it.

use super::*;

const SESSIONS: &str = "api-version=2024-04-03";

fn hr_hosts() -> String {
    format!("{}/sessionHosts?{SESSIONS}", pool_id("hp-hr-we"))
}

fn first_session(bench: &Bench, pool: &str) -> String {
    format!("{}?force=true&{SESSIONS}", bench.users(pool)[0]["id"].as_str().expect("id"))
}

fn broken(result: Option<&Result<Got, WireError>>) -> bool {
    matches!(result, Some(Err(WireError::Interrupted { .. })))
}

#[test]
fn a_dead_region_answers_reads_and_refuses_writes() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"dead\"\nregion = \"primary\"");
    bench.pass("5m");
    assert_eq!(bench.users("hp-hr-we").len(), 3, "the list does not know");
    let host = bench.hosts("hp-hr-we")[0]["id"].as_str().expect("id").to_owned();
    let drain =
        bench.send("PATCH", &format!("{host}?{SESSIONS}"), r#"{"properties":{"allowNewSession":false}}"#);
    assert!(matches!(drain.status, 503 | 504), "{drain:?}");
    let gone = bench.send("DELETE", &first_session(&bench, "hp-hr-we"), "");
    assert_eq!((gone.status, gone.code()), (404, "404"));
    let message = gone.body["error"]["message"].as_str().expect("message");
    assert!(
        message.starts_with("ActivityId: ") && message.ends_with("User session ID not found"),
        "{message}"
    );
    assert_eq!(bench.users("hp-hr-we").len(), 3, "still listed");
    let stop = bench.send("POST", &format!("{}/deallocate?api-version=2024-03-01", vm_id("shwe-hr-01")), "");
    assert!(stop.status >= 500, "{stop:?}");
    bench.revoke_all("dag1-we");
    assert_eq!(bench.assign("dag1-ne", NAME, GRP1).status, 201, "assignments are global");
    bench.pass("5m");
    assert_eq!(bench.users("hp-hr-ne").len(), 2, "as many as the one running host takes");
    assert_eq!(bench.sim.violations(), Vec::<String>::new());
}

#[test]
fn a_region_that_returns_forgets_its_sessions_and_takes_people_back() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"dead\"\nregion = \"primary\"\nfor = \"10m\"");
    let status =
        |b: &Bench| b.hosts("hp-hr-we")[0]["properties"]["status"].as_str().expect("status").to_owned();
    bench.pass("10m");
    bench.pass("19s");
    assert_eq!(status(&bench), "Unavailable", "machines start and agents boot");
    bench.pass("101s");
    assert_eq!(status(&bench), "Available");
    assert_eq!(bench.users("hp-hr-we").len(), 3, "new sessions of people who may");
    assert!(bench.users("hp-hr-we")[0]["properties"]["createTime"].as_str() > Some("2026-11-20T08:10"));
}

#[test]
fn the_return_over_unpaid_debts_is_seen_as_a_violation() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"dead\"\nregion = \"primary\"\nfor = \"20m\"");
    bench.pass("5m");
    assert_eq!(bench.assign("dag1-ne", NAME, GRP1).status, 201);
    bench.pass("5m");
    assert_eq!(bench.sim.violations(), Vec::<String>::new(), "the dead side cannot be used");
    bench.pass("15m");
    let seen = bench.sim.violations();
    assert!(
        seen.iter().any(|v| v.ends_with(&format!("{GRP1} is assigned in both regions of hr"))),
        "{seen:?}"
    );
}

#[test]
fn granting_both_sides_is_a_violation_at_once() {
    let bench = Bench::open("calm");
    bench.assign("dag1-ne", NAME, GRP1);
    assert_eq!(bench.sim.violations().len(), 1, "{:?}", bench.sim.violations());
}

#[test]
fn survivors_beat_on_for_a_while() {
    let bench = Bench::open("region-outage");
    let beating = |b: &Bench| {
        let now = b.clock.0.load(Ordering::SeqCst);
        let fresh = |h: &&Value| {
            let beat: jiff::Timestamp =
                h["properties"]["lastHeartBeat"].as_str().expect("beat").parse().expect("time");
            now - beat.as_millisecond() < 60_000
        };
        b.hosts("hp-hr-we").iter().filter(fresh).count()
    };
    assert_eq!(beating(&bench), 3);
    bench.pass("4m");
    assert_eq!(beating(&bench), 0);
    let events =
        bench.all(&format!("{SUB}/providers/Microsoft.ResourceHealth/events?api-version=2024-02-01"));
    let posted = events[0]["properties"]["lastUpdateTime"].as_str().expect("time").to_owned();
    assert!(posted.starts_with("2026-11-20T07:56"), "posted four minutes before the epoch: {posted}");
    let vm = format!("{}/instanceView?api-version=2024-03-01", vm_id("shwe-hr-01"));
    assert!(bench.try_send("GET", &vm, "").is_none(), "compute there is silent");
    let account = format!(
        "{SUB}/resourceGroups/rg-profiles-we/providers/Microsoft.Storage/storageAccounts/stcontosohrprofwe?api-version=2023-05-01"
    );
    assert_eq!(bench.get(&account).body["properties"]["statusOfPrimary"], "unavailable");
    bench.pass("6h");
    assert!(bench.try_send("GET", &vm, "").is_some());
    bench.pass("10m");
    assert!(beating(&bench) > 9);
}

#[test]
fn silence_is_for_the_region_and_the_named_providers() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"silent\"\nregion = \"primary\"\nname = \"s\"");
    let group = format!("{}/{RA}?api-version=2022-04-01", group_id("dag1-we"));
    for (path, silent) in [
        (hr_hosts(), true),
        (format!("{}?api-version=2024-03-01", vm_id("shwe-hr-01")), true),
        (format!("{}?api-version=2024-03-01", vm_id("shne-hr-01")), false),
        (
            format!(
                "{SUB}/providers/Microsoft.Compute/virtualMachines?statusOnly=true&api-version=2024-03-01"
            ),
            false,
        ),
        (
            format!(
                "{SUB}/providers/Microsoft.Compute/locations/westeurope/virtualMachines?api-version=2024-03-01"
            ),
            true,
        ),
        (group, false),
    ] {
        assert_eq!(bench.try_send("GET", &path, "").is_none(), silent, "{path}");
    }
    bench.sim.heal("s");
    assert_eq!(bench.get(&hr_hosts()).status, 200);
    bench.fault("fault = \"silent\"\nregion = \"primary\"\nproviders = [\"Microsoft.Compute\"]");
    assert_eq!(bench.get(&hr_hosts()).status, 200);
}

#[test]
fn grey_hosts_live_but_let_nobody_in() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"grey\"\nregion = \"primary\"");
    assert_eq!(bench.hosts("hp-hr-we")[0]["properties"]["status"], "NeedsAssistance");
    bench.send("DELETE", &first_session(&bench, "hp-hr-we"), "");
    bench.pass("5m");
    assert_eq!(bench.users("hp-hr-we").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn slow_answers_come_later() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"slow\"\nms = \"7s\"\npath = \"/sessionhosts\"");
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = format!("https://management.azure.com{}", hr_hosts()).parse().expect("uri");
    request.headers_mut().insert("authorization", http::HeaderValue::from_static("Bearer any"));
    let before = tokio::time::Instant::now();
    assert_eq!(bench.sim.call(request).await.expect("answers").status(), 200);
    assert_eq!(before.elapsed().as_secs(), 7);
}

#[test]
fn throttling_answers_429_as_often_as_told() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"throttle\"\ncount = 2\nretry_after = 17\nproviders = [\"Microsoft.DesktopVirtualization\"]");
    for _ in 0..2 {
        let got = bench.get(&hr_hosts());
        assert_eq!(
            (got.status, got.header("retry-after"), got.code()),
            (429, "17", "SubscriptionRequestsThrottled")
        );
    }
    assert_eq!(bench.get(&hr_hosts()).status, 200);
}

#[test]
fn a_lost_reply_was_done_and_a_dropped_request_was_not() {
    for (fault, done) in [("lose-reply", true), ("drop-request", false)] {
        let bench = Bench::open("tiny");
        bench.fault(&format!("fault = \"{fault}\"\nmethod = \"DELETE\"\ncount = 1"));
        let session = first_session(&bench, "hp-hr-we");
        assert!(broken(bench.try_send("DELETE", &session, "").as_ref()), "{fault}");
        assert_eq!(bench.users("hp-hr-we").len(), if done { 2 } else { 3 }, "{fault}");
        let seen: Vec<_> = bench.sim.writes().iter().map(|w| (w.status, w.took_effect)).collect();
        assert_eq!(seen, if done { vec![(None, true)] } else { vec![] }, "{fault}");
        let again = bench.send("DELETE", &session, "");
        assert_eq!(again.status, if done { 204 } else { 200 }, "{fault}");
    }
}

#[test]
fn server_errors_leave_open_what_happened() {
    for effect in [true, false] {
        let bench = Bench::open("tiny");
        bench.fault(&format!("fault = \"server-error\"\ncount = 1\neffect = {effect}"));
        let got = bench.send("DELETE", &first_session(&bench, "hp-hr-we"), "");
        assert_eq!(got.status, 503);
        assert_eq!(bench.users("hp-hr-we").len(), if effect { 2 } else { 3 });
        assert_eq!(bench.sim.writes()[0].took_effect, effect);
        assert_eq!(bench.sim.writes()[0].status, Some(503));
    }
}

#[test]
fn stale_reads_lag_for_assignments_hosts_and_sessions() {
    let bench = Bench::open("tiny");
    bench.pass("1m");
    bench.fault("fault = \"stale-read\"\nms = \"45s\"");
    let list = format!("{}/{RA}?$filter=atScope()&api-version=2022-04-01", group_id("dag1-we"));
    let id = bench.all(&list)[0]["id"].as_str().expect("id").to_owned();
    bench.revoke_all("dag1-we");
    bench.drain("hp-hr-we");
    bench.send("DELETE", &first_session(&bench, "hp-hr-we"), "");
    let seen = |b: &Bench| {
        let drained =
            b.hosts("hp-hr-we").iter().filter(|h| h["properties"]["allowNewSession"] == false).count();
        let one = b.get(&format!("{id}?api-version=2022-04-01")).status;
        (b.all(&list).len(), one, drained, b.users("hp-hr-we").len())
    };
    assert_eq!(seen(&bench), (1, 200, 0, 3));
    bench.pass("44s");
    assert_eq!(seen(&bench), (1, 200, 0, 3));
    bench.pass("2s");
    assert_eq!(seen(&bench), (0, 404, 2, 2));
}

#[test]
fn stale_reads_lag_for_the_status_of_a_host() {
    const OFF: (&str, &str) = ("Shutdown", "SessionHostShutdown");
    const ON: (&str, &str) = ("Available", "HealthCheckSucceeded");
    let bench = Bench::open("tiny");
    let id =
        format!("{}/sessionHosts/shne-hr-02.contoso.example?api-version=2024-04-03", pool_id("hp-hr-ne"));
    let shows = |(status, check): (&str, &str), lag: i64| {
        let properties = &bench.get(&id).body["properties"];
        assert_eq!(properties["status"], status);
        assert_eq!(properties["sessionHostHealthCheckResults"][0]["healthCheckResult"], check);
        let beat: jiff::Timestamp =
            properties["lastHeartBeat"].as_str().expect("text").parse().expect("an instant");
        assert!(beat.as_millisecond() <= bench.clock.0.load(Ordering::SeqCst) - lag, "{beat}");
    };
    let power = |verb: &str| {
        let url = format!("{}/{verb}?api-version=2024-03-01", vm_id("shne-hr-02"));
        assert_eq!(bench.send("POST", &url, "").status, 202);
    };
    shows(OFF, 0);
    power("start");
    bench.pass("90s");
    shows(ON, 0);
    bench.fault("fault = \"stale-read\"\nms = \"45s\"");
    shows(ON, 45_000);
    power("deallocate");
    bench.pass("6s");
    shows(ON, 45_000);
    bench.pass("40s");
    shows(ON, 45_000);
    bench.pass("10s");
    shows(OFF, 45_000);
}

#[test]
fn a_cut_page_breaks_a_list_in_the_middle() {
    let scenario = Scenario::builtin("calm").expect("built in");
    let options = SimOptions { page_size: 5, ..SimOptions::default() };
    let bench = Bench::with(scenario, 7, Arc::new(NoLedger), &[], options);
    bench.fault("fault = \"cut-page\"\npage = 3\npath = \"/sessionhosts\"");
    let first = bench.get(&hr_hosts());
    let second = bench.get(first.body["nextLink"].as_str().expect("more"));
    assert_eq!((first.list().len(), second.list().len()), (5, 5));
    assert_eq!(bench.get(second.body["nextLink"].as_str().expect("more")).status, 503);
}

#[test]
fn starts_fail_for_want_of_capacity_or_quota() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"allocation-failed\"\nregion = \"secondary\"\ncount = 1");
    let start = format!("{}/start?api-version=2024-03-01", vm_id("shne-hr-02"));
    let accepted = bench.send("POST", &start, "");
    assert_eq!(accepted.status, 202);
    bench.pass("11s");
    let ended = bench.get(accepted.header("azure-asyncoperation"));
    assert_eq!((ended.status, &ended.body["status"]), (200, &"Failed".into()));
    assert_eq!(ended.body["error"]["code"], "AllocationFailed");
    bench.fault("fault = \"quota\"\nregion = \"secondary\"\nname = \"q\"");
    let refused = bench.send("POST", &start, "");
    assert_eq!(refused.status, 409);
    assert!(refused.body.to_string().contains("QuotaExceeded"));
    bench.sim.heal("q");
    assert_eq!(bench.send("POST", &start, "").status, 202, "the one failure is used up");
}

#[test]
fn ghosts_cannot_be_logged_off_until_their_host_restarts() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"ghost\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1");
    let ghost = first_session(&bench, "hp-hr-we");
    let got = bench.send("DELETE", &ghost, "");
    assert_eq!((got.status, got.code()), (404, "404"));
    assert!(bench.users("hp-hr-we").iter().any(|s| ghost.starts_with(s["id"].as_str().expect("id"))));
    let host = if ghost.contains("shwe-hr-01") { "shwe-hr-01" } else { "shwe-hr-02" };
    assert_eq!(
        bench.send("POST", &format!("{}/restart?api-version=2024-03-01", vm_id(host)), "").status,
        202
    );
    bench.pass("12s");
    assert!(!bench.users("hp-hr-we").iter().any(|s| ghost.starts_with(s["id"].as_str().expect("id"))));
}

#[test]
fn groups_whose_region_is_readonly_take_no_write_at_all() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"readonly-rg\"\nregion = \"primary\"");
    assert_eq!(bench.assign("dag1-we", NAME, GRP1).status, 503);
    assert_eq!(bench.assign("dag1-ne", NAME, GRP1).status, 201);
    assert_eq!(bench.get(&hr_hosts()).status, 200);
}

#[test]
fn rights_and_locks_are_shown_and_enforced() {
    let bench = Bench::open("tiny");
    let permissions = format!(
        "{}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
        group_id("dag1-ne")
    );
    bench.fault("fault = \"rights-missing\"\nregion = \"secondary\"\nfor = \"1m\"");
    assert!(bench.get(&permissions).list()[0]["notActions"].to_string().contains("roleAssignments/write"));
    let refused = bench.assign("dag1-ne", NAME, GRP1);
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    bench.pass("2m");
    bench.fault("fault = \"lock\"\nregion = \"secondary\"\nlevel = \"CanNotDelete\"\nname = \"l\"");
    let locks =
        format!("{}/providers/Microsoft.Authorization/locks?api-version=2020-05-01", group_id("dag1-ne"));
    assert_eq!(bench.all(&locks)[0]["properties"]["level"], "CanNotDelete");
    assert_eq!(bench.assign("dag1-ne", NAME, GRP1).status, 201);
    let path = format!("{}?api-version=2022-04-01", assignment("dag1-ne", NAME));
    let kept = bench.send("DELETE", &path, "");
    assert_eq!((kept.status, kept.code()), (409, "ScopeLocked"));
    bench.sim.heal("l");
    assert_eq!(bench.send("DELETE", &path, "").status, 200);
}

#[test]
fn single_things_flip() {
    let bench = Bench::open("calm");
    bench.fault("fault = \"dc-down\"\nregion = \"secondary\"\ncount = 1\nname = \"d\"");
    let dc = |b: &Bench, vm: &str| {
        b.get(&format!("{}/instanceView?api-version=2024-03-01", vm_id(vm))).body.to_string()
    };
    assert!(dc(&bench, "dc-ne-1").contains("PowerState/stopped"));
    assert!(dc(&bench, "dc-ne-2").contains("PowerState/running"));
    bench.sim.heal("d");
    assert!(dc(&bench, "dc-ne-1").contains("PowerState/running"));

    bench.fault("fault = \"host-drained\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 2");
    let drained =
        bench.hosts("hp-hr-ne").iter().filter(|h| h["properties"]["allowNewSession"] == false).count();
    assert_eq!(drained, 2);

    bench.fault("fault = \"hosts-unhealthy\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 3\nstatus = \"FSLogixNotHealthy\"");
    let sick =
        bench.hosts("hp-hr-ne").iter().filter(|h| h["properties"]["status"] == "FSLogixNotHealthy").count();
    assert_eq!(sick, 3);

    bench.fault("fault = \"image-differs\"\nregion = \"secondary\"\nservice = \"hr\"");
    let version = |vm: &str| {
        let got = bench.get(&format!("{}?api-version=2024-03-01", vm_id(vm))).body;
        got["properties"]["storageProfile"]["imageReference"]["exactVersion"]
            .as_str()
            .expect("version")
            .to_owned()
    };
    assert_ne!(version("shne-hr-01"), version("shwe-hr-01"));
    assert_eq!(version("shne-fin-01"), version("shwe-fin-01"));
}

#[test]
fn colleagues_interfere() {
    let bench = Bench::open("tiny");
    let holders = |b: &Bench, group: &str| {
        b.all(&format!("{}/{RA}?$filter=atScope()&api-version=2022-04-01", group_id(group))).len()
    };
    bench.fault("fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"");
    assert_eq!(holders(&bench, "dag1-we"), 2);
    bench.revoke_all("dag1-we");
    assert_eq!(holders(&bench, "dag1-we"), 0);
    bench.fault("fault = \"reassigned\"\nregion = \"primary\"\nservice = \"hr\"");
    assert_eq!(holders(&bench, "dag1-we"), 1);
    bench.send("DELETE", &first_session(&bench, "hp-hr-we"), "");
    bench.drain("hp-hr-we");
    bench.fault("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"");
    assert_eq!(bench.users("hp-hr-we").len(), 3, "in spite of the drain");
}

#[test]
fn a_directory_that_is_gone_everywhere_breaks_trust() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"dc-down\"\nregion = \"primary\"");
    assert_eq!(bench.hosts("hp-hr-we")[0]["properties"]["status"], "Available", "the other region's answers");
    bench.fault("fault = \"dc-down\"\nregion = \"secondary\"");
    let host = bench.hosts("hp-hr-we").remove(0);
    assert_eq!(host["properties"]["status"], "DomainTrustRelationshipLost");
    assert!(host.to_string().contains(r#""errorCode":1355"#));
}

#[test]
fn health_that_is_stale_does_not_see_the_outage() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"stale-health\"");
    bench.pass("1m");
    bench.fault("fault = \"dead\"\nregion = \"primary\"");
    bench.pass("30m");
    assert_eq!(
        bench.all(&format!("{SUB}/providers/Microsoft.ResourceHealth/events?api-version=2024-02-01")).len(),
        0
    );
    let vm = format!(
        "{}/providers/Microsoft.ResourceHealth/availabilityStatuses/current?api-version=2024-02-01",
        vm_id("dc-we-1")
    );
    let properties = &bench.get(&vm).body["properties"];
    assert_eq!(properties["availabilityState"], "Available");
    assert!(properties["reportedTime"].as_str() < Some("2026-11-20T08:01:01"));
}

#[test]
fn tokens_expire_and_scopes_are_forbidden() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"token-expired\"\nname = \"t\"");
    let got = bench.get(&hr_hosts());
    assert_eq!((got.status, got.code()), (401, "ExpiredAuthenticationToken"));
    bench.sim.heal("t");
    bench.fault("fault = \"forbidden\"\npath = \"/sessionhosts\"");
    let got = bench.get(&hr_hosts());
    assert_eq!((got.status, got.code()), (403, "AuthorizationFailed"));
    assert_eq!(bench.get(&format!("{}?{SESSIONS}", pool_id("hp-hr-we"))).status, 200);
}

#[test]
fn the_end_of_a_fault_ends_it() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"throttle\"\nfor = \"90s\"");
    assert_eq!(bench.get(&hr_hosts()).status, 429);
    bench.pass("91s");
    assert_eq!(bench.get(&hr_hosts()).status, 200);
}
