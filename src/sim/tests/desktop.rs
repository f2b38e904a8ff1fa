//! Pools, hosts, sessions, people.

use std::collections::BTreeMap;

use super::*;

fn count(bench: &Bench, pool: &str, state: &str) -> usize {
    bench.users(pool).iter().filter(|s| s["properties"]["sessionState"] == state).count()
}

#[test]
fn calm_begins_as_the_screens_show_it() {
    let bench = Bench::open("calm");
    let sessions: Vec<(usize, usize)> = ["hp-hr-we", "hp-fin-we", "hp-hr-ne", "hp-fin-ne"]
        .iter()
        .map(|pool| (count(&bench, pool, "Active"), count(&bench, pool, "Disconnected")))
        .collect();
    assert_eq!(sessions, [(159, 19), (109, 12), (0, 0), (0, 0)]);
    for (pool, all, usable) in
        [("hp-hr-we", 12, 12), ("hp-fin-we", 8, 8), ("hp-hr-ne", 12, 4), ("hp-fin-ne", 8, 2)]
    {
        let hosts = bench.hosts(pool);
        assert_eq!(hosts.len(), all, "{pool}");
        let up = hosts.iter().filter(|h| h["properties"]["status"] == "Available").count();
        assert_eq!(up, usable, "{pool}");
    }
}

#[test]
fn names_carry_pool_host_and_session_and_unset_texts_are_null() {
    let bench = Bench::open("calm");
    let host = &bench.hosts("hp-hr-we")[0];
    assert_eq!(host["name"], "hp-hr-we/shwe-hr-01.contoso.example");
    assert_eq!(host["properties"]["assignedUser"], Value::Null);
    assert_eq!(host["properties"]["friendlyName"], Value::Null);
    let session = &bench.users("hp-hr-we")[0];
    let name = session["name"].as_str().expect("name");
    assert_eq!(name.split('/').count(), 3, "{name}");
    assert!(session["id"].as_str().expect("id").ends_with(name.rsplit('/').next().expect("last")));
    let shouting = pool_id("hp-hr-we").to_ascii_uppercase();
    assert_eq!(bench.get(&format!("{shouting}?api-version=2024-04-03")).status, 200);
    let vms = bench.all(&format!("{SUB}/providers/Microsoft.Compute/virtualMachines?api-version=2024-03-01"));
    assert!(vms[0]["id"].as_str().expect("id").contains("/RG-HOSTS-WE/"), "{}", vms[0]["id"]);
}

#[test]
fn draining_keeps_sessions_and_sends_new_ones_elsewhere() {
    let bench = Bench::open("tiny");
    let before = bench.users("hp-hr-we").len();
    bench.drain("hp-hr-we");
    assert_eq!(bench.users("hp-hr-we").len(), before);
    let id = bench.users("hp-hr-we")[0]["id"].as_str().expect("id").to_owned();
    assert_eq!(bench.send("DELETE", &format!("{id}?force=true&api-version=2024-04-03"), "").status, 200);
    bench.pass("10m");
    assert_eq!(bench.users("hp-hr-we").len(), before - 1, "nobody gets in while drained");
}

#[test]
fn autoscale_takes_drained_hosts_back_unless_disabled_or_excluded() {
    let drained = |bench: &Bench| {
        bench.hosts("hp-hr-we").iter().filter(|h| h["properties"]["allowNewSession"] == false).count()
    };
    let bench = Bench::open("tiny");
    bench.drain("hp-hr-we");
    assert_eq!(drained(&bench), 2);
    bench.pass("16m");
    assert_eq!(drained(&bench), 0, "the plan resets them");

    let plan = format!("{SUB}/resourceGroups/rg-avd-we/{DV}/scalingPlans/sp-hr-we?api-version=2024-04-03");
    let off = format!(
        r#"{{"properties":{{"hostPoolReferences":[{{"hostPoolArmPath":"{}","scalingPlanEnabled":false}}]}}}}"#,
        pool_id("hp-hr-we")
    );
    assert_eq!(bench.send("PATCH", &plan, &off).status, 200);
    bench.drain("hp-hr-we");
    bench.pass("31m");
    assert_eq!(drained(&bench), 2, "a disabled plan leaves them");
    bench.fault("fault = \"plan-enabled\"\nregion = \"primary\"");
    assert_eq!(bench.get(&plan).body["properties"]["hostPoolReferences"][0]["scalingPlanEnabled"], true);

    let tag = r#"{"tags":{"avd-autoscale-exclude":"1"}}"#;
    let vm = format!("{}?api-version=2024-03-01", vm_id("shwe-hr-01"));
    assert_eq!(bench.send("PATCH", &vm, tag).status, 200);
    bench.fault("fault = \"autoscale-tick\"");
    assert_eq!(drained(&bench), 1, "an excluded machine is left alone");
}

#[test]
fn session_ids_are_small_and_used_again_on_their_host() {
    let bench = Bench::open("tiny");
    // Host and id of every session, and when it was created.
    let listed = |b: &Bench| -> BTreeMap<(String, u32), jiff::Timestamp> {
        let sessions = b.users("hp-hr-we");
        let one = |session: &Value| {
            let id = session["id"].as_str().expect("an id");
            let [number, _, host] = id.rsplit('/').take(3).collect::<Vec<_>>()[..] else { panic!("{id}") };
            assert_eq!(session["name"], format!("hp-hr-we/{host}/{number}"));
            let created = session["properties"]["createTime"].as_str().expect("text").parse();
            let host = host.trim_end_matches(".contoso.example").to_owned();
            ((host, number.parse().expect("a number")), created.expect("an instant"))
        };
        let all: BTreeMap<_, _> = sessions.iter().map(one).collect();
        assert_eq!(all.len(), sessions.len(), "no two of a host share an id");
        all
    };
    let at = |host: &str, number: u32| (host.to_owned(), number);
    let before = listed(&bench);
    let all = [at("shwe-hr-01", 1), at("shwe-hr-01", 2), at("shwe-hr-02", 1)];
    assert!(before.keys().eq(&all), "{before:?}");
    let url = |number: u32| {
        let host = format!("{}/sessionHosts/shwe-hr-01.contoso.example", pool_id("hp-hr-we"));
        format!("{host}/userSessions/{number}?api-version=2024-04-03")
    };
    assert_eq!(bench.send("DELETE", &url(1), "").status, 200);
    assert!(listed(&bench).keys().eq(&all[1..]));
    assert_eq!((bench.get(&url(1)).status, bench.get(&url(2)).status), (404, 200));
    bench.pass("5s");
    bench.fault("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"");
    let after = listed(&bench);
    assert!(after.keys().eq(&all), "{after:?}");
    assert!(after[&all[0]] > before[&all[0]], "the id is old, the session is new");
    assert_eq!(bench.get(&url(1)).body["properties"]["createTime"], after[&all[0]].to_string());
    assert_eq!(bench.send("DELETE", &url(1), "").status, 200);
    assert_eq!(bench.send("DELETE", &url(1), "").status, 204);
}

#[test]
fn a_pool_without_a_limit_is_scaled_like_any_other() {
    let bench = Bench::open("tiny");
    let pool = format!("{}?api-version=2024-04-03", pool_id("hp-hr-we"));
    let body = format!(r#"{{"properties":{{"maxSessionLimit":{}}}}}"#, u32::MAX);
    assert_eq!(bench.send("PATCH", &pool, &body).status, 200);
    bench.drain("hp-hr-we");
    bench.fault("fault = \"autoscale-tick\"");
    let hosts = bench.hosts("hp-hr-we");
    assert!(hosts.iter().all(|host| host["properties"]["allowNewSession"] == true), "{hosts:?}");
}

#[test]
fn a_host_goes_through_its_states() {
    let bench = Bench::open("tiny");
    let status = |name: &str| {
        let id =
            format!("{}/sessionHosts/{name}.contoso.example?api-version=2024-04-03", pool_id("hp-hr-ne"));
        bench.get(&id).body["properties"]["status"].as_str().expect("status").to_owned()
    };
    assert_eq!(status("shne-hr-02"), "Shutdown");
    let start = format!("{}/start?api-version=2024-03-01", vm_id("shne-hr-02"));
    assert_eq!(bench.send("POST", &start, "").status, 202);
    bench.pass("11s");
    assert_eq!(status("shne-hr-02"), "Unavailable", "running, the agent is not there yet");
    bench.pass("10s");
    assert_eq!(status("shne-hr-02"), "Available");
    let stop = format!("{}/deallocate?api-version=2024-03-01", vm_id("shne-hr-02"));
    assert_eq!(bench.send("POST", &stop, "").status, 202);
    bench.pass("6s");
    assert_eq!(status("shne-hr-02"), "Shutdown");
}

#[test]
fn heartbeats_come_every_half_minute_and_freeze_with_the_region() {
    let bench = Bench::open("tiny");
    let beat = |bench: &Bench| {
        let text =
            bench.hosts("hp-hr-we")[0]["properties"]["lastHeartBeat"].as_str().expect("beat").to_owned();
        text.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
    };
    let first = beat(&bench);
    bench.pass("30s");
    assert_eq!(beat(&bench), first + 30_000);
    bench.fault("fault = \"dead\"\nregion = \"primary\"");
    bench.pass("3m");
    assert_eq!(beat(&bench), first + 30_000);
    assert_eq!(bench.hosts("hp-hr-we")[0]["properties"]["status"], "Available");
    assert_eq!(bench.hosts("hp-hr-we")[0]["properties"]["sessions"], 2, "the count stays stale");
    bench.pass("2m");
    assert_eq!(bench.hosts("hp-hr-we")[0]["properties"]["status"], "Unavailable");
}

#[test]
fn people_follow_their_assignment_to_the_other_side() {
    let bench = Bench::open("tiny");
    bench.send("POST", &format!("{}/start?api-version=2024-03-01", vm_id("shne-hr-02")), "");
    bench.drain("hp-hr-we");
    bench.revoke_all("dag1-we");
    for session in bench.users("hp-hr-we") {
        let id = session["id"].as_str().expect("id").to_owned();
        assert_eq!(bench.send("DELETE", &format!("{id}?force=true&api-version=2024-04-03"), "").status, 200);
    }
    bench.pass("5m");
    assert_eq!((bench.users("hp-hr-we").len(), bench.users("hp-hr-ne").len()), (0, 0), "no resources");
    assert_eq!(bench.assign("dag1-ne", NAME, GRP1).status, 201);
    bench.pass("2m");
    assert_eq!((bench.users("hp-hr-we").len(), bench.users("hp-hr-ne").len()), (0, 3));
    assert_eq!(bench.sim.violations(), Vec::<String>::new());
    let end = bench.sim.end_state();
    assert_eq!(end.sessions, [0, 3]);
    assert_eq!(end.holders["dag1-ne"].iter().collect::<Vec<_>>(), [GRP1]);
}

#[test]
fn an_unpublished_group_is_in_nobodys_feed() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"unpublished\"\nregion = \"primary\"\nfor = \"10m\"");
    let group = format!("{}?api-version=2024-04-03", group_id("dag1-we"));
    assert_eq!(bench.get(&group).body["properties"]["workspaceArmPath"], Value::Null);
    let id = bench.users("hp-hr-we")[0]["id"].as_str().expect("id").to_owned();
    bench.send("DELETE", &format!("{id}?api-version=2024-04-03"), "");
    bench.pass("5m");
    assert_eq!(bench.users("hp-hr-we").len(), 2);
    bench.pass("10m");
    assert!(bench.get(&group).body["properties"]["workspaceArmPath"].is_string());
    assert_eq!(bench.users("hp-hr-we").len(), 3, "and they come back");
}

#[test]
fn a_message_makes_some_leave_and_they_come_back() {
    let bench = Bench::open("calm");
    let before = bench.users("hp-hr-we");
    for session in &before {
        let id = session["id"].as_str().expect("id");
        let body = r#"{"messageTitle":"Move","messageBody":"Save your work."}"#;
        let got = bench.send("POST", &format!("{id}/sendMessage?api-version=2024-04-03"), body);
        assert_eq!((got.status, got.body), (200, Value::Null));
        bench.pass("100ms");
    }
    bench.pass("9m");
    let after = bench.users("hp-hr-we").len();
    assert!((60..130).contains(&after), "{after} of {} stay", before.len());
    let bad = format!("{}/sendMessage?api-version=2024-04-03", before[0]["id"].as_str().expect("id"));
    assert!(bench.send("POST", &bad, "{}").status >= 400);
}

#[test]
fn disconnect_leaves_the_session_and_its_person_returns_to_it() {
    let bench = Bench::open("tiny");
    let active = |b: &Bench| count(b, "hp-hr-we", "Active");
    assert_eq!(active(&bench), 2);
    let all = bench.users("hp-hr-we");
    let session = all.iter().find(|s| s["properties"]["sessionState"] == "Active").expect("one is");
    let id = session["id"].as_str().expect("id");
    assert_eq!(bench.send("POST", &format!("{id}/disconnect?api-version=2024-04-03"), "").status, 200);
    assert_eq!((active(&bench), bench.users("hp-hr-we").len()), (1, 3));
    bench.pass("21s");
    assert_eq!((active(&bench), bench.users("hp-hr-we").len()), (2, 3));
}

#[test]
fn session_lists_filter_by_user_and_state() {
    let bench = Bench::open("calm");
    let upn = bench.users("hp-hr-we")[3]["properties"]["userPrincipalName"].as_str().expect("upn").to_owned();
    for (filter, expected) in [
        (format!("userprincipalname%20eq%20'{upn}'"), 1),
        ("sessionstate%20eq%20'Disconnected'".to_owned(), 19),
    ] {
        let path = format!("{}/userSessions?$filter={filter}&api-version=2024-04-03", pool_id("hp-hr-we"));
        assert_eq!(bench.all(&path).len(), expected, "{filter}");
    }
}

#[test]
fn arrays_are_replaced_as_a_whole() {
    let bench = Bench::open("calm");
    let workspace = format!("{SUB}/resourceGroups/rg-avd-we/{DV}/workspaces/ws-we?api-version=2024-04-03");
    assert_eq!(
        bench.get(&workspace).body["properties"]["applicationGroupReferences"].as_array().map(Vec::len),
        Some(3)
    );
    let body = format!(r#"{{"properties":{{"applicationGroupReferences":["{}"]}}}}"#, group_id("dag1-we"));
    let got = bench.send("PATCH", &workspace, &body);
    assert_eq!(
        got.body["properties"]["applicationGroupReferences"],
        serde_json::json!([group_id("dag1-we")])
    );
    let dropped = bench.get(&format!("{}?api-version=2024-04-03", group_id("appg3-we")));
    assert_eq!(dropped.body["properties"]["workspaceArmPath"], Value::Null);
}

#[test]
fn what_lies_in_groups_can_be_listed() {
    let bench = Bench::open("calm");
    for (path, expected) in [
        (format!("{}/applications", group_id("appg3-we")), 3),
        (format!("{}/startMenuItems", group_id("appg2-we")), 2),
        (format!("{}/desktops", group_id("dag1-we")), 1),
        (format!("{}/scalingPlans", pool_id("hp-hr-we")), 1),
        (format!("{SUB}/resourceGroups/rg-avd-we/{DV}/applicationGroups"), 3),
        (format!("{SUB}/{DV}/applicationGroups"), 6),
        (format!("{SUB}/{DV}/workspaces"), 2),
        (format!("{SUB}/{DV}/scalingPlans"), 4),
        (format!("{SUB}/{DV}/hostPools"), 4),
        (format!("{SUB}/resourceGroups/rg-avd-we/{DV}/scalingPlans/sp-hr-we/pooledSchedules"), 1),
    ] {
        assert_eq!(bench.all(&format!("{path}?api-version=2024-04-03")).len(), expected, "{path}");
    }
    let desktop = format!("{}/desktops/sessiondesktop?api-version=2024-04-03", group_id("dag1-we"));
    assert_eq!(bench.get(&desktop).body["name"], "dag1-we/SessionDesktop");
}
