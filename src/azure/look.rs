//! One look at a source: which requests it takes, and how their answers become one.

use bytes::Bytes;
use http::Method;
use tokio::time::Instant;

use crate::domain::{
    Answer, ArmId, Source,
    estate::{Service, ServiceSide},
    side::Side,
    time::Timestamp,
};

use super::{
    activity, avd,
    client::{Ask, Client, GET_LIMIT, Visit},
    compute,
    failure::Failure,
    graph, health,
    lane::Lane,
    roles, storage,
    version::Api,
};

/// The lane a source belongs to: that of its region, or of the object it names.
pub(super) fn lane(client: &Client, source: &Source) -> Lane {
    match source {
        Source::Assignment(id)
        | Source::Power(id)
        | Source::Permissions(id)
        | Source::Locks(id)
        | Source::GroupLocation(id) => client.places.lane(id),
        _ => source.side().into(),
    }
}

/// Looks at `source`.
pub(super) async fn look(
    client: &Client,
    visit: &Visit,
    source: &Source,
    now: Timestamp,
) -> Result<Answer, Failure> {
    Ok(match source {
        Source::Pool(service, side) => {
            Answer::Pool(avd::pool(client, visit, &of(client, *service, *side)?.pool).await?)
        }
        Source::Hosts(service, side) => {
            Answer::Hosts(avd::hosts(client, visit, &of(client, *service, *side)?.pool, *side).await?)
        }
        Source::Sessions(service, side) => {
            Answer::Sessions(avd::sessions(client, visit, &of(client, *service, *side)?.pool).await?)
        }
        Source::Groups(index, side) => {
            Answer::Groups(avd::groups(client, visit, service(client, *index)?, *side).await?)
        }
        Source::Assignments(index, side) => {
            Answer::Assignments(roles::assignments(client, visit, service(client, *index)?, *side).await?)
        }
        Source::Assignment(id) => Answer::Assignment(roles::assignment_by_id(client, visit, id).await?),
        Source::Workspace(service, side) => {
            Answer::Workspace(match &of(client, *service, *side)?.workspace {
                Some(id) => Some(avd::workspace(client, visit, id).await?),
                None => None,
            })
        }
        Source::Plans(service, side) => {
            Answer::Plans(avd::plans(client, visit, &of(client, *service, *side)?.pool).await?)
        }
        Source::Storage(service, side) => {
            Answer::Storage(storage::accounts(client, visit, &of(client, *service, *side)?.accounts).await?)
        }
        Source::Machines(side) => Answer::Machines(compute::machines(client, visit, *side).await?),
        Source::Power(id) => Answer::Power(compute::power(client, visit, id).await?),
        Source::Directory(side) => Answer::Directory(compute::directory(client, visit, *side).await?),
        Source::Usages(side) => Answer::Usages(compute::usages(client, visit, *side).await?),
        Source::Availability(side) => Answer::Availability(health::availability(client, visit, *side).await?),
        Source::Events => Answer::Events(health::events(client, visit).await?),
        Source::Permissions(scope) => Answer::Permissions(roles::permissions(client, visit, scope).await?),
        Source::Locks(scope) => Answer::Locks(roles::locks(client, visit, scope).await?),
        Source::GroupLocation(group) => {
            Answer::GroupLocation(health::group_location(client, visit, group).await?)
        }
        Source::AccessChanges => Answer::AccessChanges(activity::access_changes(client, visit, now).await?),
        Source::Control(side) => control(client, visit, *side).await?,
        Source::Inventory => Answer::Inventory(graph::inventory(client, visit).await?),
    })
}

fn service(client: &Client, index: usize) -> Result<&Service, Failure> {
    client.estate.services.get(index).ok_or_else(|| Failure::not_checked("the estate has no such service"))
}

fn of(client: &Client, index: usize, side: Side) -> Result<&ServiceSide, Failure> {
    service(client, index).map(|service| &service.sides[side])
}

/// Asks for one small thing of a region, once: a further attempt would blur the figure.
async fn control(client: &Client, visit: &Visit, side: Side) -> Result<Answer, Failure> {
    let pool = client.estate.services.first().map(|service| service.sides[side].pool.clone());
    let (api, id): (Api, ArmId) = match (pool, client.estate.directory[side].first()) {
        (Some(pool), _) => (Api::Avd, pool),
        (None, Some(server)) => (Api::Groups, server.group_id().unwrap_or_else(|| server.clone())),
        (None, None) => {
            return Err(Failure::not_checked("the estate names nothing in this region to ask for"));
        }
    };
    let ask = Ask {
        method: Method::GET,
        url: client.url(api, &id, "", ""),
        body: Bytes::new(),
        provider: api.provider(),
        subscription: id.subscription(),
        limit: GET_LIMIT,
    };
    let sent = Instant::now();
    let body = client.attempt(visit, &ask).await?;
    let millis = u32::try_from(sent.elapsed().as_millis()).unwrap_or(u32::MAX);
    super::decode::document::<serde::de::IgnoredAny>(&body)?;
    Ok(Answer::Control { millis, skew: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{Say, Script, azure, id, look, ok, status},
        domain::{
            Safe,
            access::LockLevel,
            compute::Power,
            health::Bears,
            pool::Heartbeat,
            reading::{Silence, SilenceKind},
        },
    };

    const WE: Side = Side::Primary;
    const RG: &str = "/subscriptions/5b5b5b5b-0000-4000-8000-000000000001/resourceGroups/rg-we";
    const VM: &str = "/resourceGroups/rg-we/providers/Microsoft.Compute/virtualMachines/dc-we";
    const GUID: &str = "4c4c4c4c-0000-4000-8000-00000000e001";

    async fn ask(source: Source, rules: &[(&str, &[Say])]) -> Result<Answer, Silence> {
        look(&azure(&Script::new(rules)), source).await
    }

    /// One answer to whatever is asked.
    async fn told(source: Source, body: &str) -> Result<Answer, Silence> {
        ask(source, &[("", &[ok(body)])]).await
    }

    fn list(items: &str) -> String {
        format!(r#"{{"value":[{items}]}}"#)
    }

    #[track_caller]
    fn silent(answer: Result<Answer, Silence>, kind: SilenceKind) {
        assert_eq!(answer.map_err(|silence| silence.kind), Err(kind));
    }

    fn item(tail: &str, properties: &str) -> String {
        format!(r#"{{"id":"{RG}{tail}","properties":{properties}}}"#)
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_lack_nothing_that_decides() {
        let host = |properties: &str| {
            let tail = "/providers/Microsoft.DesktopVirtualization/hostpools/HP-WE/sessionhosts/h1";
            list(&item(tail, properties))
        };
        let check = async |properties: &str, whole: Option<usize>, accepts: Option<bool>| {
            let Ok(Answer::Hosts(hosts)) = told(Source::Hosts(0, WE), &host(properties)).await else {
                panic!("{properties}")
            };
            assert_eq!(hosts.count(), whole, "{properties}");
            assert_eq!(hosts.seen().first().and_then(|host| host.accepts), accepts, "{properties}");
            hosts
        };
        check(r#"{"sessions":0,"allowNewSession":true,"status":"Available"}"#, Some(1), Some(true)).await;
        check(r#"{"Sessions":"3","ALLOWNEWSESSION":"False"}"#, Some(1), Some(false)).await;
        check(r#"{"sessions":0,"allowNewSession":null}"#, Some(1), None).await;
        check(r#"{"allowNewSession":true}"#, None, None).await;
        check(r#"{"sessions":null}"#, None, None).await;
        check(r#"{"sessions":-1}"#, None, None).await;
        let stranger = host(r#"{"sessions":1}"#).replace("HP-WE", "hp-ne");
        let Ok(Answer::Hosts(hosts)) = told(Source::Hosts(0, WE), &stranger).await else { panic!() };
        assert_eq!((hosts.count(), hosts.seen().len()), (None, 0), "a host of another pool");
        let odd = r#"{"sessions":1,"status":"Zombie\u001b[2J","lastHeartBeat":"never","resourceId":7,
            "sessionHostHealthCheckResults":[{"healthCheckName":"A","healthCheckResult":"healthcheckfailed"},{"healthCheckResult":null},{}]}"#;
        let hosts = check(odd, Some(1), None).await;
        let host = &hosts.seen()[0];
        assert_eq!(host.status.word(), "Zombie<U+001B>[2J");
        assert!(!host.status.takes_users() && host.heartbeat == Heartbeat::Unknown && host.vm.is_none());
        assert_eq!(host.failed_checks.len(), 1);
        let silent_host = check(r#"{"sessions":1}"#, Some(1), None).await;
        assert!(!silent_host.seen()[0].status.takes_users(), "no status is no good status");
    }

    #[tokio::test(start_paused = true)]
    async fn an_assignment_is_gone_only_when_azure_says_so() {
        let tail = "/providers/Microsoft.DesktopVirtualization/applicationGroups/dag1-we/providers/Microsoft.Authorization/roleAssignments/a1";
        let assignment = id(&format!("/resourceGroups/rg-we{tail}"));
        let source = || Source::Assignment(assignment.clone());
        let not_found =
            |code: &str| status(404, &format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#));
        for (say, expected) in [
            (not_found("RoleAssignmentNotFound"), Ok(Answer::Assignment(None))),
            (not_found("ResourceNotFound"), Ok(Answer::Assignment(None))),
            (not_found("SubscriptionNotFound"), Err(SilenceKind::Absent)),
            (not_found("ResourceGroupNotFound"), Err(SilenceKind::Absent)),
            (status(404, ""), Err(SilenceKind::Absent)),
            (status(404, "<html>not found</html>"), Err(SilenceKind::Absent)),
            (status(410, ""), Err(SilenceKind::Absent)),
            (status(403, ""), Err(SilenceKind::Denied)),
            (status(204, ""), Err(SilenceKind::Garbled)),
            (ok("{}"), Err(SilenceKind::Garbled)),
            (ok(&item("/x/y/other", "{}")), Err(SilenceKind::Garbled)),
        ] {
            let what = format!("{say:?}");
            let answer = ask(source(), &[("", &[say])]).await;
            assert_eq!(answer.map_err(|silence| silence.kind), expected, "{what}");
        }
        let good = |scope: &str, role: &str| {
            format!(
                r#"{{"scope":"{scope}","roleDefinitionId":"/x/{role}","principalId":"{GUID}","principalType":"Group"}}"#
            )
        };
        let role = "1D18FFF3-a72a-46b5-b4a9-0b38a3cd7e63";
        let Ok(Answer::Assignment(Some(seen))) = told(source(), &item(tail, &good(RG, role))).await else {
            panic!()
        };
        assert!(seen.lets_use() && seen.scope == ArmId::parse(RG).unwrap());
        silent(told(source(), &item(tail, &good(RG, "no-guid"))).await, SilenceKind::Garbled);
        silent(told(source(), &item("/x/y/other", &good(RG, role))).await, SilenceKind::Garbled);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_is_gone_only_when_azure_says_so() {
        let not_found =
            |code: &str| status(404, &format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#));
        for (say, expected) in [
            (not_found("ResourceNotFound"), Ok(Answer::Power(None))),
            (not_found("ResourceGroupNotFound"), Err(SilenceKind::Absent)),
            (status(404, "<html>not found</html>"), Err(SilenceKind::Absent)),
            (status(403, ""), Err(SilenceKind::Denied)),
        ] {
            let what = format!("{say:?}");
            let answer = ask(Source::Power(id(VM)), &[("", &[say])]).await;
            assert_eq!(answer.map_err(|silence| silence.kind), expected, "{what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn holders_from_above_are_seen_and_unreadable_ones_are_not_overlooked() {
        let role = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
        let entry = |id: &str, scope: &str, principal: &str| {
            format!(
                r#"{{"id":"{id}","properties":{{"scope":"{scope}","roleDefinitionId":"/x/{role}","principalId":"{principal}"}}}}"#
            )
        };
        let group = "/providers/Microsoft.Management/managementGroups/mg";
        let above = [
            entry("/providers/Microsoft.Authorization/roleAssignments/r", "/", GUID),
            entry(&format!("{group}/providers/Microsoft.Authorization/roleAssignments/m"), group, GUID),
        ];
        // No custom roles, and these assignments at every group.
        let holders = async |items: &str| {
            let rules = [("roleDefinitions", &[ok(&list(""))][..]), ("", &[ok(&list(items))])];
            ask(Source::Assignments(0, WE), &rules).await
        };
        let Ok(Answer::Assignments(held)) = holders(&above.join(",")).await else { panic!() };
        assert_eq!(held.count(), Some(4), "two from each of two groups: {:?}", held.error());
        assert!(held.seen().iter().all(crate::domain::source::Held::inherited));
        for unreadable in [
            entry("/x", "/", GUID),
            entry(&above[0], "/", GUID),
            entry(RG, "", GUID),
            entry(RG, "/", "nobody"),
        ] {
            let Ok(Answer::Assignments(held)) = holders(&unreadable).await else { continue };
            assert_eq!(held.count(), None, "{unreadable}");
        }
        let (came, denied) = ([ok(&list(""))], [status(403, "")]);
        let half = [("dag1-we", came.as_slice()), ("dag2-we", denied.as_slice())];
        let Ok(Answer::Assignments(held)) = ask(Source::Assignments(0, WE), &half).await else { panic!() };
        assert!(held.error().is_some_and(|why| why.as_str().starts_with("dag2-we: 403")), "{held:?}");
        silent(ask(Source::Assignments(0, WE), &[("", &[status(503, "")])]).await, SilenceKind::Unreachable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plan_that_cannot_be_written_back_whole_is_not_shown_as_whole() {
        let plan = |references: &str| {
            let tail = "/providers/Microsoft.DesktopVirtualization/scalingPlans/sp-we";
            list(&item(tail, &format!(r#"{{"exclusionTag":null,"hostPoolReferences":{references}}}"#)))
        };
        for (references, whole) in [
            ("[]", Some(1)),
            (&*format!(r#"[{{"hostPoolArmPath":"{RG}/x/p","scalingPlanEnabled":true}}]"#), Some(1)),
            ("null", None),
            (r#"[{"scalingPlanEnabled":true}]"#, None),
            (&*format!(r#"[{{"hostPoolArmPath":"{RG}/x/p"}}]"#), None),
            ("7", None),
        ] {
            let Ok(Answer::Plans(plans)) = told(Source::Plans(0, WE), &plan(references)).await else {
                panic!()
            };
            assert_eq!(plans.count(), whole, "{references}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn machines_are_joined_with_their_power_and_filtered_by_region() {
        let vm = |name: &str, location: &str, rest: &str| {
            format!(
                r#"{{"id":"{RG}/providers/Microsoft.Compute/virtualMachines/{name}","location":"{location}","properties":{{{rest}}}}}"#
            )
        };
        let image = r#""hardwareProfile":{"vmSize":"Standard_D8s_v5"},"storageProfile":{"imageReference":{"id":"/x/galleries/g/images/win11/versions/1.2.3"}}"#;
        let models =
            [vm("a", "westeurope", image), vm("b", "West Europe", ""), vm("c", "northeurope", "")].join(",");
        let running = r#""instanceView":{"statuses":[{"code":"ProvisioningState/succeeded"},{"code":"PowerState/running"}]}"#;
        let states =
            [vm("A", "westeurope", running), vm("b", "westeurope", r#""instanceView":{"statuses":[]}"#)]
                .join(",");
        let both = |second: Say| {
            let rules: &[(&str, &[Say])] =
                &[("statusOnly=true", &[second]), ("virtualMachines", &[ok(&list(&models))])];
            let script = Script::new(rules);
            async move { look(&azure(&script), Source::Machines(WE)).await }
        };
        let Ok(Answer::Machines(machines)) = both(ok(&list(&states))).await else { panic!() };
        let seen = machines.complete().expect("whole");
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].power.clone(), seen[1].power.clone()), (Some(Power::Running), None));
        assert_eq!(seen[0].image, Some(Safe::new("win11 1.2.3")));
        for broken in [status(500, ""), ok("{}"), ok("<html>")] {
            let Ok(Answer::Machines(machines)) = both(broken).await else { panic!() };
            assert!(machines.count().is_none() && machines.seen().iter().all(|vm| vm.power.is_none()));
        }
        let unplaced = vm("d", "x", "").replace(r#""location":"x","#, "");
        let Ok(Answer::Machines(machines)) = told(Source::Machines(WE), &list(&unplaced)).await else {
            panic!()
        };
        assert_eq!(machines.count(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn directory_servers_stand_without_resource_health_but_not_without_power() {
        let vm = ok(
            r#"{"location":"westeurope","properties":{"instanceView":{"statuses":[{"code":"PowerState/running"}]}}}"#,
        );
        for (health, whole, state) in [
            (ok(r#"{"properties":{"availabilityState":"Unavailable"}}"#), Some(1), Some("Unavailable")),
            (ok(r#"{"properties":{}}"#), Some(1), Some("Unknown")),
            (status(404, ""), Some(1), None),
            (status(403, ""), Some(1), None),
            (status(500, ""), None, None),
            (ok("<html>"), None, None),
        ] {
            let what = format!("{health:?}");
            let rules: &[(&str, &[Say])] =
                &[("availabilityStatuses", &[health]), ("", std::slice::from_ref(&vm))];
            let Ok(Answer::Directory(servers)) = ask(Source::Directory(WE), rules).await else {
                panic!("{what}")
            };
            assert_eq!(servers.count(), whole, "{what}");
            let seen = servers.seen()[0].health.as_ref().map(|health| health.state.as_str().to_owned());
            assert_eq!(seen.as_deref(), state, "{what}");
        }
        silent(ask(Source::Directory(WE), &[("", &[status(503, "")])]).await, SilenceKind::Unreachable);
    }

    #[tokio::test(start_paused = true)]
    async fn single_objects_need_what_decides() {
        let pool = |rest: &str| format!(r#"{{"location":"westeurope","properties":{{{rest}}}}}"#);
        let Ok(Answer::Pool(seen)) =
            told(Source::Pool(0, WE), &pool(r#""maxSessionLimit":"16","startVMOnConnect":true"#)).await
        else {
            panic!()
        };
        assert_eq!((seen.session_limit, seen.start_on_connect), (16, Some(true)));
        silent(told(Source::Pool(0, WE), &pool("")).await, SilenceKind::Garbled);
        for nothing in ["{}", r#"{"properties":null}"#, "[]", "", "<html>captive</html>", "7"] {
            for source in [
                Source::Pool(0, WE),
                Source::Workspace(0, WE),
                Source::Power(id(VM)),
                Source::Storage(0, WE),
                Source::GroupLocation(id("/resourceGroups/rg-we")),
            ] {
                silent(told(source, nothing).await, SilenceKind::Garbled);
            }
        }
        let Ok(Answer::Power(Some(vm))) = told(Source::Power(id(VM)), r#"{"properties":{}}"#).await else {
            panic!()
        };
        assert_eq!(vm.power, None);
        let Ok(Answer::Storage(accounts)) = told(Source::Storage(0, WE), r#"{"properties":{}}"#).await else {
            panic!()
        };
        assert!(accounts.seen().iter().all(|account| !account.available()));
        for source in [Source::Pool(9, WE), Source::Groups(9, WE)] {
            silent(told(source, "{}").await, SilenceKind::NotChecked);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rights_locks_and_events_are_whole_or_say_why_not() {
        let group = || id("/resourceGroups/rg-we");
        let right = r#"{"actions":["*"],"notActions":["*/delete"]}"#;
        let Ok(Answer::Permissions(rights)) = told(Source::Permissions(group()), &list(right)).await else {
            panic!()
        };
        assert!(rights.allow("a/write") && !rights.allow("a/delete"));
        for half in [r#"{"actions":["*"]}"#, r#"{"actions":["*"],"notActions":null}"#, "7"] {
            silent(told(Source::Permissions(group()), &list(half)).await, SilenceKind::Garbled);
        }
        let lock = |level: &str| {
            list(&item("/providers/Microsoft.Authorization/locks/l", &format!(r#"{{"level":{level}}}"#)))
        };
        for (level, expected) in [
            ("\"readonly\"", LockLevel::ReadOnly),
            ("\"CanNotDelete\"", LockLevel::CanNotDelete),
            ("\"NotSpecified\"", LockLevel::Other(Safe::new("NotSpecified"))),
            ("null", LockLevel::Other(Safe::new("not given"))),
        ] {
            let Ok(Answer::Locks(locks)) = told(Source::Locks(group()), &lock(level)).await else { panic!() };
            assert_eq!(locks.complete().expect("whole")[0].level, expected);
        }
        let event = r#"{"name":"T-1","properties":{"EventType":"ServiceIssue","Status":"Active",
            "Impact":[{"ImpactedService":"Virtual Machines","ImpactedRegions":[{"ImpactedRegion":"West Europe"}]}]}}"#;
        let Ok(Answer::Events(events)) = told(Source::Events, &list(&format!("{event},{event}"))).await
        else {
            panic!()
        };
        assert_eq!(events.count(), Some(1), "each once");
        assert_eq!(events.seen()[0].bears("westeurope"), Bears::Hits);
        let Ok(Answer::Events(events)) =
            told(Source::Events, &list(r#"{"name":"T-2","properties":{}}"#)).await
        else {
            panic!()
        };
        assert_eq!(events.count(), None);
        let Ok(Answer::Usages(usages)) =
            told(Source::Usages(WE), &list(r#"{"name":{"value":"cores"},"currentValue":"4","limit":10},{"name":{"value":"x"},"limit":-1}"#)).await
        else { panic!() };
        assert_eq!((usages.count(), usages.seen().len(), usages.seen()[0].used), (None, 1, 4));
        assert_eq!(usages.seen()[0].subscription, id("").subscription_id());
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_is_over_in_a_region_says_nothing_of_it() {
        let both = |ours: &str| {
            list(&format!(
                r#"{{"name":"T-3","properties":{{"eventType":"ServiceIssue","status":"Active","impact":[
                    {{"impactedService":"Storage","impactedRegions":[{{"impactedRegion":"West Europe"{ours}}},
                    {{"impactedRegion":"North Europe","status":"Active"}}]}}]}}}}"#
            ))
        };
        for (ours, hit) in [
            ("", true),
            (r#","status":null"#, true),
            (r#","status":"active""#, true),
            (r#","Status":"Resolved""#, false),
        ] {
            let Ok(Answer::Events(events)) = told(Source::Events, &both(ours)).await else { panic!() };
            let event = &events.complete().expect("whole")[0];
            assert_eq!(
                (event.bears("westeurope") == Bears::Hits, event.bears("northeurope") == Bears::Hits),
                (hit, true),
                "{ours}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn changes_of_rights_are_told_once_each_within_the_window() {
        let entry = |correlation: &str, operation: &str, state: &str| {
            format!(
                r#"{{"caller":"other@contoso.example","claims":{{"http://schemas.microsoft.com/identity/claims/objectidentifier":"o-1"}},"operationName":{{"value":"{operation}"}},"status":{{"value":"{state}"}},
                    "eventTimestamp":"2026-11-20T09:50:00Z","correlationId":"{correlation}","resourceId":"r"}}"#
            )
        };
        let write = "Microsoft.Authorization/roleAssignments/write";
        let log = [
            entry("1", write, "Started"),
            entry("1", write, "Succeeded"),
            entry("2", write, "Started"),
            entry("2", write, "Failed"),
            entry("3", "Microsoft.Authorization/locks/write", "Succeeded"),
            entry("4", "microsoft.authorization/roleassignments/DELETE", "Succeeded"),
        ];
        let script = Script::new(&[("", &[ok(&list(&log.join(",")))])]);
        let Ok(Answer::AccessChanges(changes)) = look(&azure(&script), Source::AccessChanges).await else {
            panic!()
        };
        assert_eq!(changes.count(), Some(2), "{changes:?}");
        assert_eq!(changes.seen()[0].oid.as_str(), "o-1", "what the claims say tells two of one name apart");
        let sent = script.sent();
        assert!(
            sent[0].contains(
                "ge%20'2026-11-20T09:30:00.000Z'%20and%20eventTimestamp%20le%20'2026-11-20T10:00:00.000Z'"
            ),
            "{sent:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_inventory_is_paged_and_never_whole_when_it_was_cut() {
        let row = |name: &str| {
            item(
                &format!("/providers/microsoft.desktopvirtualization/hostpools/hp-we/sessionhosts/{name}"),
                r#"{"sessions":1}"#,
            )
        };
        let page =
            |rows: &[String], rest: &str| ok(&format!(r#"{{"count":1,"data":[{}]{rest}}}"#, rows.join(",")));
        let token = r#","resultTruncated":"true","$skipToken":"t2""#;
        let stranger = item(
            "/providers/microsoft.desktopvirtualization/hostpools/hp-x/sessionhosts/z",
            r#"{"sessions":1}"#,
        );
        for (says, whole, seen) in [
            (vec![page(&[row("a")], r#","resultTruncated":"false""#)], Some(1), 1),
            (vec![page(&[row("a"), stranger], "")], Some(1), 1),
            (vec![page(&[row("a")], token), page(&[row("b")], "")], Some(2), 2),
            (vec![page(&[row("a")], token), status(500, "")], None, 1),
            (vec![page(&[row("a")], token), page(&[], token)], None, 1),
            (vec![page(&[row("a")], r#","resultTruncated":"true""#)], None, 1),
            (vec![page(&[row("a"), "7".into()], "")], None, 1),
        ] {
            let what = format!("{says:?}");
            let script = Script::new(&[("POST", &says)]);
            let Ok(Answer::Inventory(hosts)) = look(&azure(&script), Source::Inventory).await else {
                panic!("{what}")
            };
            assert_eq!((hosts.count(), hosts.seen().len()), (whole, seen), "{what}");
            let bodies: Vec<_> = script.requests().iter().map(|request| request.body().clone()).collect();
            assert!(!String::from_utf8_lossy(&bodies[0]).contains("$skipToken"));
            assert!(
                bodies
                    .iter()
                    .skip(1)
                    .all(|body| String::from_utf8_lossy(body).contains(r#""$skipToken":"t2""#)),
                "{bodies:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_control_plane_is_timed_and_asked_once() {
        let dated = ok("{}").with("date", "Fri, 20 Nov 2026 10:00:45 GMT");
        let late = Say::Late(std::time::Duration::from_millis(80), Box::new(dated));
        let behind = Some(-crate::domain::time::seconds(45));
        for (say, expected) in [(late, (80, behind)), (ok("{}"), (0, None))] {
            let Ok(Answer::Control { millis, skew }) = ask(Source::Control(WE), &[("hp-we", &[say])]).await
            else {
                panic!()
            };
            assert_eq!((millis, skew), expected);
        }
        let script = Script::new(&[("", &[status(503, "")])]);
        silent(look(&azure(&script), Source::Control(WE)).await, SilenceKind::Unreachable);
        assert_eq!(script.sent().len(), 1);
        silent(told(Source::Control(WE), "<html>").await, SilenceKind::Garbled);
    }
}
