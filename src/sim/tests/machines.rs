//! Machines, operations, run command, usages.

use super::*;

const COMPUTE: &str = "api-version=2024-03-01";

fn power(bench: &Bench, vm: &str) -> String {
    let got = bench.get(&format!("{}/instanceView?{COMPUTE}", vm_id(vm)));
    let statuses = got.body["statuses"].as_array().expect("statuses").clone();
    statuses
        .iter()
        .filter_map(|s| s["code"].as_str())
        .find(|c| c.starts_with("Power"))
        .unwrap_or("none")
        .to_owned()
}

fn act(bench: &Bench, vm: &str, action: &str) -> Got {
    bench.send("POST", &format!("{}/{action}?{COMPUTE}", vm_id(vm)), "")
}

fn run(bench: &Bench, vm: &str, script: &str) -> Got {
    let body = serde_json::json!({"commandId": "RunPowerShellScript", "script": [script], "parameters": []});
    bench.send("POST", &format!("{}/runCommand?{COMPUTE}", vm_id(vm)), &body.to_string())
}

#[test]
fn a_start_is_followed_at_both_addresses() {
    let bench = Bench::open("calm");
    let accepted = act(&bench, "shne-hr-12", "start");
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.header("retry-after"), "10");
    let (status, monitor) = (accepted.header("azure-asyncoperation"), accepted.header("location"));
    assert!(status.starts_with("https://management.azure.com/subscriptions/"), "{status}");
    assert_eq!(bench.get(status).body["status"], "InProgress");
    assert_eq!(bench.get(monitor).status, 202);
    assert_eq!(power(&bench, "shne-hr-12"), "PowerState/starting");
    bench.pass("29s");
    assert_eq!(bench.get(status).body["status"], "InProgress", "no start takes less than 30 s");
    bench.pass("92s");
    let done = bench.get(status);
    assert_eq!((done.status, &done.body["status"]), (200, &Value::from("Succeeded")));
    assert!(done.body["endTime"].is_string());
    assert_eq!(bench.get(monitor).status, 200);
    assert_eq!(power(&bench, "shne-hr-12"), "PowerState/running");
    assert_eq!(act(&bench, "shne-hr-12", "start").status, 200, "what runs needs no start");
}

#[test]
fn one_operation_at_a_time() {
    let bench = Bench::open("calm");
    assert_eq!(act(&bench, "shne-hr-12", "start").status, 202);
    let second = act(&bench, "shne-hr-12", "deallocate");
    assert_eq!((second.status, second.code()), (409, "Conflict"));
    assert_eq!(act(&bench, "shne-hr-11", "start").status, 202);
}

#[test]
fn power_off_keeps_the_machine_allocated() {
    let bench = Bench::open("tiny");
    for (action, state) in [("powerOff", "PowerState/stopped"), ("deallocate", "PowerState/deallocated")] {
        assert_eq!(act(&bench, "shne-hr-01", action).status, 202);
        bench.pass("6s");
        assert_eq!(power(&bench, "shne-hr-01"), state);
    }
    assert_eq!(act(&bench, "shne-hr-01", "restart").status, 409);
    assert_eq!(act(&bench, "nobody-ne", "start").status, 404);
}

#[test]
fn stopping_a_host_ends_its_sessions() {
    let bench = Bench::open("tiny");
    assert_eq!(act(&bench, "shwe-hr-01", "deallocate").status, 202);
    bench.pass("6s");
    let on_it =
        bench.users("hp-hr-we").iter().filter(|s| s["name"].to_string().contains("shwe-hr-01")).count();
    assert_eq!(on_it, 0);
}

#[test]
fn bulk_lists_carry_states_and_places() {
    let bench = Bench::open("calm");
    let all =
        bench.all(&format!("{SUB}/providers/Microsoft.Compute/virtualMachines?statusOnly=true&{COMPUTE}"));
    assert_eq!(all.len(), 44);
    let running =
        all.iter().filter(|vm| vm["properties"]["instanceView"].to_string().contains("PowerState/running"));
    assert_eq!(running.count(), 20 + 6 + 4);
    let here = format!("{SUB}/providers/Microsoft.Compute/locations/northeurope/virtualMachines?{COMPUTE}");
    assert_eq!(bench.all(&here).len(), 22);
    let group =
        format!("{SUB}/resourceGroups/rg-identity-we/providers/Microsoft.Compute/virtualMachines?{COMPUTE}");
    assert_eq!(bench.all(&group).len(), 2);
    let one = bench.get(&format!("{}?$expand=instanceView&{COMPUTE}", vm_id("shwe-hr-01"))).body;
    assert_eq!(one["zones"], serde_json::json!(["1"]));
    assert_eq!(one["properties"]["hardwareProfile"]["vmSize"], "Standard_D4s_v5");
    assert!(one["properties"]["storageProfile"]["imageReference"]["exactVersion"].is_string());
    assert!(one["properties"]["instanceView"]["statuses"].is_array());
    let usages = format!("{SUB}/providers/Microsoft.Compute/locations/northeurope/usages?{COMPUTE}");
    let cores = &bench.all(&usages)[0];
    assert!(cores["limit"].as_u64() > cores["currentValue"].as_u64(), "{cores}");
}

#[test]
fn a_command_takes_time_and_one_runs_at_a_time() {
    let bench = Bench::open("calm");
    let script = r"Get-ItemProperty HKLM:\SOFTWARE\FSLogix\Profiles";
    let accepted = run(&bench, "shne-hr-01", script);
    assert_eq!(accepted.status, 202);
    let second = run(&bench, "shne-hr-01", script);
    assert_eq!((second.status, second.code()), (409, "Conflict"));
    bench.pass("19s");
    assert_eq!(bench.get(accepted.header("location")).status, 202);
    bench.pass("20s");
    let result = bench.get(accepted.header("location"));
    assert_eq!(result.status, 200);
    let line = result.list()[0]["message"].as_str().expect("stdout");
    let probe: Value = serde_json::from_str(line).expect("one compact line");
    assert_eq!(probe["profileType"], 0);
    assert!(
        probe["ccdLocations"]
            .as_str()
            .expect("text")
            .starts_with("type=smb,connectionString=\\\\stcontosohrprofne")
    );
    assert_eq!(probe["providers"][0]["connected"], true);
    let operation = bench.get(accepted.header("azure-asyncoperation"));
    assert_eq!(operation.body["properties"]["output"]["value"][0]["message"], line);
}

#[test]
fn the_directory_probe_tells_of_lost_partners() {
    let bench = Bench::open("calm");
    let probe = |bench: &Bench| -> Value {
        let accepted = run(bench, "dc-ne-1", "dcdiag /q; repadmin /showrepl localhost /csv");
        bench.pass("40s");
        let result = bench.get(accepted.header("location"));
        serde_json::from_str(result.list()[0]["message"].as_str().expect("stdout")).expect("one line")
    };
    assert_eq!(probe(&bench)["replication"]["failures"], 0);
    bench.fault("fault = \"dead\"\nregion = \"primary\"");
    bench.pass("1h");
    let after = probe(&bench);
    assert_eq!(
        (&after["replication"]["failures"], &after["replication"]["worstStatus"]),
        (&2.into(), &1722.into())
    );
    let accepted = run(&bench, "dc-ne-1", "hostname");
    bench.pass("40s");
    assert_eq!(bench.get(accepted.header("location")).list()[1]["message"], "not simulated");
}

#[test]
fn a_command_hangs_where_the_agent_is_dead() {
    let bench = Bench::open("tiny");
    act(&bench, "shne-hr-02", "start");
    bench.pass("11s");
    let accepted = run(&bench, "shne-hr-02", r"FSLogix\Profiles");
    assert_eq!(accepted.status, 202, "the machine runs, its agent does not yet");
    bench.pass("80m");
    assert_eq!(bench.get(accepted.header("azure-asyncoperation")).body["status"], "InProgress");
    bench.pass("11m");
    assert_eq!(bench.get(accepted.header("azure-asyncoperation")).body["status"], "Succeeded");
}
