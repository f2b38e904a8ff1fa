//! Role assignments (azure-avd.md §2).

use super::*;

const OTHER: &str = "5e5e5e5e-0000-4000-8000-000000000002";
const HELPDESK: &str = "4c4c4c4c-0000-4000-8000-00000000e0ff";
const GRP2: &str = "4c4c4c4c-0000-4000-8000-00000000e002";

fn list(bench: &Bench, group: &str, filter: &str) -> Vec<String> {
    let query = if filter.is_empty() { String::new() } else { format!("&$filter={filter}") };
    let items = bench.all(&format!("{}/{RA}?api-version=2022-04-01{query}", group_id(group)));
    items.iter().map(|i| i["properties"]["principalId"].as_str().expect("principal").to_owned()).collect()
}

#[test]
fn a_put_answers_as_the_table_says() {
    let bench = Bench::open("calm");
    for (what, group, name, principal, status, code) in [
        ("new", "dag1-ne", NAME, GRP1, 201, ""),
        ("the same again", "dag1-ne", NAME, GRP1, 200, ""),
        ("another name", "dag1-ne", OTHER, GRP1, 409, "RoleAssignmentExists"),
        ("the name for somebody else", "dag1-ne", NAME, GRP2, 400, "RoleAssignmentUpdateNotPermitted"),
        ("the name elsewhere", "appg2-ne", NAME, GRP1, 400, "RoleAssignmentUpdateNotPermitted"),
        ("no guid", "dag1-ne", "not-a-guid", GRP2, 400, "InvalidRoleAssignmentId"),
        ("no such group", "dag9-ne", OTHER, GRP2, 404, "ResourceNotFound"),
    ] {
        let got = bench.assign(group, name, principal);
        assert_eq!((got.status, got.code()), (status, code), "{what}");
    }
    let path = format!("{}?api-version=2022-04-01", assignment("appg2-ne", OTHER));
    assert_eq!(bench.send("PUT", &path, "{}").status, 400);
    let body = format!(r#"{{"properties":{{"roleDefinitionId":"{ROLE}","principalId":"{OTHER}"}}}}"#);
    assert_eq!(bench.send("PUT", &path, &body).code(), "PrincipalNotFound");
    let body = body.replace("1d18fff3", "00000000");
    assert_eq!(bench.send("PUT", &path, &body).code(), "RoleDefinitionDoesNotExist");
}

#[test]
fn every_field_of_an_assignment_is_there() {
    let bench = Bench::open("calm");
    let got = bench.assign("dag1-ne", NAME, GRP1);
    let properties = got.body["properties"].as_object().expect("properties");
    for key in [
        "scope",
        "roleDefinitionId",
        "principalId",
        "principalType",
        "condition",
        "conditionVersion",
        "description",
        "createdOn",
        "updatedOn",
        "createdBy",
        "updatedBy",
        "delegatedManagedIdentityResourceId",
    ] {
        assert!(properties.contains_key(key), "{key}");
    }
    assert_eq!(got.body["id"].as_str().expect("id"), assignment("dag1-ne", NAME));
}

#[test]
fn a_delete_answers_the_assignment_once_and_nothing_after() {
    let bench = Bench::open("calm");
    bench.assign("dag1-ne", NAME, GRP1);
    let path = format!("{}?api-version=2022-04-01", assignment("dag1-ne", NAME));
    assert_eq!(bench.get(&path).status, 200);
    let got = bench.send("DELETE", &path, "");
    assert_eq!((got.status, &got.body["name"]), (200, &Value::from(NAME)));
    let gone = bench.get(&path);
    assert_eq!((gone.status, gone.code()), (404, "RoleAssignmentNotFound"));
    assert_eq!(bench.send("DELETE", &path, "").status, 204);
}

#[test]
fn lists_show_scope_above_and_below_as_filtered() {
    let bench = Bench::open("calm");
    let at_group = list(&bench, "dag1-we", "atScope()");
    assert_eq!(at_group, [GRP1, HELPDESK], "its own and the inherited one");
    assert_eq!(list(&bench, "dag1-we", &format!("principalId%20eq%20'{HELPDESK}'")), [HELPDESK]);
    let group = format!("{SUB}/resourceGroups/rg-avd-we/{RA}?api-version=2022-04-01");
    assert_eq!(bench.all(&group).len(), 4, "without a filter also what is below");
    assert_eq!(bench.all(&format!("{group}&$filter=atScope()")).len(), 1);
    assert_eq!(bench.get(&format!("{group}&$filter=nonsense")).status, 400);
}

#[test]
fn a_change_shows_at_once_and_is_felt_later() {
    let bench = Bench::open("tiny");
    bench.fault("fault = \"propagation\"\nms = \"10m\"");
    let log_off = |bench: &Bench| {
        let id = bench.users("hp-hr-we")[0]["id"].as_str().expect("id").to_owned();
        assert_eq!(bench.send("DELETE", &format!("{id}?api-version=2024-04-03"), "").status, 200);
    };
    bench.revoke_all("dag1-we");
    assert_eq!(list(&bench, "dag1-we", "atScope()").len(), 0, "visible at once");
    log_off(&bench);
    bench.pass("1m");
    assert_eq!(bench.users("hp-hr-we").len(), 3, "they still get in");
    bench.pass("9m");
    log_off(&bench);
    bench.pass("5m");
    assert_eq!(bench.users("hp-hr-we").len(), 2, "and now they do not");
    assert_eq!(bench.assign("dag1-ne", NAME, GRP1).status, 201);
    assert_eq!(list(&bench, "dag1-ne", "atScope()"), [GRP1]);
    bench.pass("9m");
    assert_eq!(bench.users("hp-hr-ne").len(), 0, "not felt yet");
    bench.pass("2m");
    assert_eq!(bench.users("hp-hr-ne").len(), 1);
}

#[test]
fn without_a_fault_a_change_is_felt_within_ten_minutes() {
    let bench = Bench::open("calm");
    bench.drain("hp-fin-we");
    bench.revoke_all("appg3-we");
    for session in bench.users("hp-fin-we") {
        let id = session["id"].as_str().expect("id").to_owned();
        assert_eq!(bench.send("DELETE", &format!("{id}?api-version=2024-04-03"), "").status, 200);
        bench.pass("100ms");
    }
    assert_eq!(bench.assign("appg3-ne", NAME, "4c4c4c4c-0000-4000-8000-00000000e003").status, 201);
    bench.pass("12m");
    assert_eq!(bench.users("hp-fin-ne").len(), 32, "all that two hosts take");
}

#[test]
fn an_inherited_assignment_defeats_the_revoke() {
    let bench = Bench::open("inherited-blocks");
    bench.revoke_all("dag1-we");
    assert_eq!(list(&bench, "dag1-we", "atScope()").iter().filter(|p| *p == GRP1).count(), 1);
    bench.pass("11m");
    let all = bench.users("hp-hr-we").len();
    let id = bench.users("hp-hr-we")[0]["id"].as_str().expect("id").to_owned();
    bench.send("DELETE", &format!("{id}?api-version=2024-04-03"), "");
    bench.pass("3m");
    assert!(bench.users("hp-hr-we").len() + 4 > all, "they still get in");
}

#[test]
fn permissions_locks_and_roles_are_listed() {
    let bench = Bench::open("calm");
    let permissions = format!(
        "{}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
        group_id("dag1-ne")
    );
    assert!(bench.get(&permissions).list()[0]["actions"].to_string().contains("roleAssignments/write"));
    let locks = format!(
        "{SUB}/resourceGroups/rg-avd-we/providers/Microsoft.Authorization/locks?api-version=2020-05-01"
    );
    assert_eq!(bench.all(&locks).len(), 0);
    let role = bench.get(&format!("{ROLE}?api-version=2022-04-01"));
    assert_eq!(role.body["properties"]["roleName"], "Desktop Virtualization User");
    let roles = format!("{SUB}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01");
    assert_eq!(
        bench.all(&format!("{roles}&$filter=roleName%20eq%20'Desktop%20Virtualization%20User'")).len(),
        1
    );
    let custom = bench.all(&format!("{roles}&$filter=type+eq+'CustomRole'"));
    assert_eq!(custom.len(), 3, "{custom:?}");
    assert!(custom.iter().all(|role| role["properties"]["type"] == "CustomRole"));
    let own = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01",
        group_id("dag1-ne")
    );
    assert_eq!(bench.all(&format!("{own}&$filter=type%20eq%20%27CustomRole%27")), custom);
}

#[test]
fn a_custom_role_with_the_data_action_lets_people_in() {
    for role in ["\nrole = \"custom\"", ""] {
        let bench = Bench::open("tiny");
        bench.revoke_all("dag1-we");
        bench.fault(&format!(
            "fault = \"holder-added\"\nregion = \"secondary\"\nservice = \"hr\"\nprincipal = \"{GRP1}\"{role}"
        ));
        for session in bench.all(&format!("{}/userSessions?api-version=2024-04-03", pool_id("hp-hr-we"))) {
            bench.send(
                "DELETE",
                &format!("{}?api-version=2024-04-03", session["id"].as_str().expect("an id")),
                "",
            );
        }
        bench.pass("2h");
        assert!(!bench.users("hp-hr-ne").is_empty(), "{role}");
    }
}
