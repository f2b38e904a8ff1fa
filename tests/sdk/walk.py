"""Walks the simulator with Microsoft's own management SDKs.

    python tests/sdk/walk.py BINARY [WORD]

Lists what the simulator holds and changes what can be changed, reads each change back on another road,
and looks whether errors arrive as the SDKs' own exceptions. One line per check; exit code 1 when one
fails. With WORD only checks whose name contains it. `.ci/sdk-walk` brings the SDKs.
"""

import contextlib
import datetime
import os
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid

from azure.core import exceptions
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters
from azure.mgmt.compute.models import RunCommandInput
from azure.mgmt.desktopvirtualization import models as desktop_models
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from simulator import OURS, Clients, Polling, Simulator, StaticToken, gaps, parts, strangers, wait_for

DESKTOP_USER = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63"
SEED = 7
# An estate hour is a minute.
SPEED = 60
HERE = os.path.dirname(os.path.abspath(__file__))

results = {"passed": 0, "failed": 0}
wanted = sys.argv[2] if len(sys.argv) > 2 else ""


def check(name, function, *arguments):
    """Runs one check and prints its line."""
    if wanted not in name:
        return
    try:
        note = function(*arguments)
        results["passed"] += 1
        print(f"ok      {name}{f' ({note})' if note else ''}", flush=True)
    except Exception as error:  # every kind of failure is a finding
        results["failed"] += 1
        lines = str(error).strip().splitlines() or [""]
        place = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in place if frame.filename.startswith(HERE)]
        where = f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}" if ours else "?"
        print(f"FAILED  {name}\n        {where} {type(error).__name__}: {' / '.join(lines[:4])}", flush=True)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def whole(items, least=1):
    """Items of a list, of which none lacks a field that the SDK requires."""
    items = list(items)
    expect(len(items) >= least, f"{len(items)} items, expected at least {least}")
    missing = gaps(items)
    expect(not missing, f"required and missing: {', '.join(missing[:6])}")
    return items


def refusal(kind, status, code, function):
    """The call fails as the SDK's exception of this kind, with ARM's status and code."""
    try:
        function()
    except kind as error:
        expect(error.status_code == status, f"status {error.status_code}, expected {status}")
        found = error.error.code if getattr(error, "error", None) else None
        expect(code is None or found == code, f"code {found}, expected {code}")
        return f"{type(error).__name__} {status} {found}"
    raise AssertionError(f"no {kind.__name__}")


class Place:
    """The first service of the estate file, as names that SDK calls take."""

    def __init__(self, estate):
        service = estate["service"][0]
        self.estate = estate
        self.service = service
        self.active, self.standby = service["primary"], service["secondary"]
        self.pool = parts(self.active["pool"])
        self.twin = parts(self.standby["pool"])
        self.group, self.name = self.pool["resourcegroups"], self.pool["hostpools"]
        self.twin_group, self.twin_name = self.twin["resourcegroups"], self.twin["hostpools"]
        self.plan = parts(self.active["scaling_plan"])
        self.groups = service["application_group"]
        self.subscription = self.pool["subscriptions"]
        self.role = (
            f"/subscriptions/{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{DESKTOP_USER}"
        )


# ---------------------------------------------------------------------------------------- reading


def read_desktop(clients, place):
    desktop = clients.desktop
    pools = whole(desktop.host_pools.list(), 2)
    names = {pool.name.lower() for pool in pools}
    expect({place.name.lower(), place.twin_name.lower()} <= names, f"the estate's pools are not in {names}")
    whole([desktop.host_pools.get(place.group, place.name)])
    whole(desktop.host_pools.list_by_resource_group(place.group))
    hosts = whole(desktop.session_hosts.list(place.group, place.name), 2)
    for host in hosts:
        expect(host.resource_id and "/virtualMachines/" in host.resource_id, f"{host.name} names no VM")
        expect(isinstance(host.last_heart_beat, datetime.datetime), f"{host.name} has no heartbeat")
    whole([desktop.session_hosts.get(place.group, place.name, hosts[0].name.split("/")[-1])])
    sessions = whole(desktop.user_sessions.list_by_host_pool(place.group, place.name), 1)
    counted = sum(host.sessions or 0 for host in desktop.session_hosts.list(place.group, place.name))
    expect(abs(counted - len(sessions)) <= max(5, counted // 10), f"hosts count {counted}, list {len(sessions)}")
    whole(desktop.application_groups.list_by_subscription(), 2)
    whole(desktop.application_groups.list_by_resource_group(place.group))
    whole(desktop.workspaces.list_by_subscription(), 2)
    whole(desktop.workspaces.list_by_resource_group(place.group))
    whole(desktop.scaling_plans.list_by_subscription(), 2)
    whole(desktop.scaling_plans.list_by_resource_group(place.group))
    plans = whole(desktop.scaling_plans.list_by_host_pool(place.group, place.name))
    expect(plans[0].host_pool_references, "the plan names no pool")
    whole([desktop.scaling_plans.get(place.group, place.plan["scalingplans"])])
    return f"{len(pools)} pools, {len(hosts)} hosts, {len(sessions)} sessions"


def read_applications(clients, place):
    count = 0
    for group in clients.desktop.application_groups.list_by_subscription():
        name = parts(group.id)
        found = list(clients.desktop.applications.list(name["resourcegroups"], name["applicationgroups"]))
        expect(bool(found) == (group.application_group_type == "RemoteApp"), f"{group.name}: {len(found)} applications")
        whole(found, 0)
        count += len(found)
        workspace = parts(group.workspace_arm_path)
        holder = clients.desktop.workspaces.get(workspace["resourcegroups"], workspace["workspaces"])
        listed = [reference.lower() for reference in holder.application_group_references]
        expect(group.id.lower() in listed, f"{group.name} is not in its workspace")
    return f"{count} applications"


def read_estate(clients, place):
    """Every id of the estate file names something."""
    desktop, found = clients.desktop, 0
    for service in place.estate["service"]:
        for side in ("primary", "secondary"):
            pool, plan, workspace = (parts(service[side][key]) for key in ("pool", "scaling_plan", "workspace"))
            desktop.host_pools.get(pool["resourcegroups"], pool["hostpools"])
            desktop.scaling_plans.get(plan["resourcegroups"], plan["scalingplans"])
            desktop.workspaces.get(workspace["resourcegroups"], workspace["workspaces"])
            found += 3
            for group in service["application_group"]:
                name = parts(group[side])
                desktop.application_groups.get(name["resourcegroups"], name["applicationgroups"])
                found += 1
            for account in service.get("profiles", {}).get(side, {}).values():
                name = parts(account)
                clients.storage.storage_accounts.get_properties(name["resourcegroups"], name["storageaccounts"])
                found += 1
    for side in ("primary", "secondary"):
        for machine in place.estate["directory"][side]:
            name = parts(machine)
            clients.compute.virtual_machines.get(name["resourcegroups"], name["virtualmachines"])
            found += 1
    return f"{found} ids"


def read_compute(clients, place):
    machines = whole(clients.compute.virtual_machines.list_all(), 4)
    states = {}
    for machine in clients.compute.virtual_machines.list_all(status_only="true"):
        view = machine.instance_view
        expect(view is not None, f"{machine.name}: statusOnly without an instance view")
        states[machine.id.lower()] = [status.code for status in view.statuses]
    expect(len(states) == len(machines), f"{len(states)} states of {len(machines)} machines")
    expect(all(any(code.startswith("PowerState/") for code in codes) for codes in states.values()), "no power state")
    name = parts(machines[0].id)
    group, machine = name["resourcegroups"], name["virtualmachines"]
    single = clients.compute.virtual_machines.get(group, machine, expand="instanceView")
    view = clients.compute.virtual_machines.instance_view(group, machine)
    power = [[s.code for s in found.statuses if s.code.startswith("PowerState/")] for found in (single.instance_view, view)]
    expect(power[0] == power[1], f"expanded {power[0]}, instance view {power[1]}")
    usages = whole(clients.compute.usage.list(machines[0].location))
    expect(all(usage.name.value and usage.limit is not None for usage in usages), "a usage without name or limit")
    return f"{len(machines)} machines, {len(usages)} usages"


def read_access(clients, place):
    group = place.groups[0]
    found = whole(clients.authorization.role_assignments.list_for_scope(group["primary"], filter="atScope()"))
    holders = {item.principal_id for item in found if item.role_definition_id.lower().endswith(DESKTOP_USER)}
    expect(group["principals"][0]["id"] in holders, f"{group['principals'][0]['name']} holds no role")
    single = clients.authorization.role_assignments.get(found[0].scope, found[0].name)
    whole([single])
    principal = group["principals"][0]["id"]
    mine = whole(
        clients.authorization.role_assignments.list_for_scope(group["primary"], filter=f"principalId eq '{principal}'")
    )
    expect({item.principal_id for item in mine} == {principal}, "the filter lets others through")
    definitions = clients.authorization.role_definitions
    custom = whole(definitions.list(group["primary"], filter="type eq 'CustomRole'"))
    expect({role.role_type for role in custom} == {"CustomRole"}, "the filter lets built-in roles through")
    expect(any(any(p.data_actions for p in role.permissions) for role in custom), "no data action in any of them")
    expect(len(whole(definitions.list(group["primary"]))) > len(custom), "without a filter there are no more")
    permissions = clients.authorization.permissions
    whole(permissions.list_for_resource_group(place.group))
    name = parts(group["primary"])
    at = permissions.list_for_resource(
        name["resourcegroups"], "Microsoft.DesktopVirtualization", "", "applicationGroups", name["applicationgroups"]
    )
    expect(any(item.actions for item in whole(at)), "no actions at the application group")
    locks = list(clients.locks.management_locks.list_by_scope(group["primary"]))
    return f"{len(found)} assignments, {len(locks)} locks"


def read_surroundings(clients, place):
    subscription = clients.subscriptions.subscriptions.get(place.subscription)
    expect(subscription.subscription_id == place.subscription, "the subscription has another id")
    expect(subscription.state == "Enabled", f"the subscription is {subscription.state}")
    expect(subscription.tenant_id == place.estate["tenant"], "the subscription has another tenant")
    groups = whole(clients.resources.resource_groups.list(), 2)
    whole([clients.resources.resource_groups.get(place.group)])
    account = parts(place.service["profiles"]["primary"]["profile"])
    properties = clients.storage.storage_accounts.get_properties(account["resourcegroups"], account["storageaccounts"])
    whole([properties])
    expect(properties.sku and properties.primary_location, "the account has no sku or location")
    return f"{len(groups)} resource groups"


def read_health(clients, place):
    statuses = whole(clients.health.availability_statuses.list_by_subscription_id(), 2)
    machine = next(item for item in clients.compute.virtual_machines.list_all())
    current = clients.health.availability_statuses.get_by_resource(machine.id.lstrip("/"))
    whole([current])
    expect(current.properties.availability_state, "no availability state")
    events = whole(clients.health.events.list_by_subscription_id(), 0)
    return f"{len(statuses)} statuses, {len(events)} events"


def read_graph(clients, place):
    rows = ask_graph(clients, place, "desktopvirtualizationresources", "hostpools/sessionhosts")
    direct = {host.id.lower() for host in clients.desktop.session_hosts.list(place.group, place.name)}
    expect(direct <= {row["id"].lower() for row in rows}, "the graph lacks hosts")
    pools = ask_graph(clients, place, "resources", "hostpools")
    return f"{len(rows)} hosts, {len(pools)} pools"


def ask_graph(clients, place, table, kind):
    request = QueryRequest(
        subscriptions=[place.subscription],
        query=f"{table} | where type =~ 'microsoft.desktopvirtualization/{kind}' | project id, name, properties"
        " | order by id asc",
        options=QueryRequestOptions(result_format="objectArray", top=1000),
    )
    answer = clients.graph.resources(request)
    expect(answer.count == len(answer.data) and answer.result_truncated in ("true", "false"), "counts do not fit")
    return answer.data


def read_pages(clients, place):
    pages = [list(page) for page in clients.desktop.session_hosts.list(place.group, place.name, page_size=5).by_page()]
    flat = [host.id for page in pages for host in page]
    expect(len(pages) > 1 and max(map(len, pages)) <= 5, f"pages of {[len(page) for page in pages]}")
    expect(len(set(flat)) == len(flat), "a host came twice")
    expect(set(flat) == {host.id for host in clients.desktop.session_hosts.list(place.group, place.name)}, "hosts differ")
    return f"pages of {[len(page) for page in pages]}"


def read_any_case(clients, place):
    upper = clients.desktop.host_pools.get(place.group.upper(), place.name.upper())
    lower = clients.desktop.host_pools.get(place.group.lower(), place.name.lower())
    expect(upper.id == lower.id, f"{upper.id} is not {lower.id}")


def read_no_strangers(simulator, clients, place):
    """No answer carries a key that the SDK of our api-version does not know."""
    desktop = clients.desktop
    version = f"api-version={OURS['desktop']}"
    first = next(iter(desktop.session_hosts.list(place.group, place.name)))
    session = next(iter(desktop.user_sessions.list_by_host_pool(place.group, place.name)))
    assignment = next(iter(clients.authorization.role_assignments.list_for_scope(place.groups[0]["primary"])))
    remote = place.groups[0]
    group = parts(remote["primary"])
    machine = next(iter(clients.compute.virtual_machines.list_all()))
    stored = parts(place.service["profiles"]["primary"]["profile"])
    account = clients.storage.storage_accounts.get_properties(stored["resourcegroups"], stored["storageaccounts"])
    cases = [
        (desktop.host_pools.get(place.group, place.name), version),
        (first, version),
        (session, version),
        (desktop.application_groups.get(group["resourcegroups"], group["applicationgroups"]), version),
        (desktop.workspaces.list_by_resource_group(place.group).next(), version),
        (desktop.scaling_plans.get(place.group, place.plan["scalingplans"]), version),
        (assignment, f"api-version={OURS['authorization']}"),
        (machine, f"api-version={OURS['compute']}"),
        (clients.health.availability_statuses.get_by_resource(machine.id.lstrip("/")), f"api-version={OURS['health']}"),
        (clients.resources.resource_groups.get(place.group), f"api-version={OURS['resources']}"),
        (account, f"api-version={OURS['storage']}"),
    ]
    found = []
    for model, query in cases:
        status, _, raw = simulator.raw("GET", f"{model.id}?{query}")
        expect(status == 200, f"{model.id}: {status}")
        found += [f"{model.type.split('/')[-1]}:{key}" for key in strangers(raw, model)]
    expect(not found, f"unknown to the SDK: {', '.join(found)}")
    return f"{len(cases)} kinds"


def read_unpublished_query(simulator, place):
    status, headers, body = simulator.raw("GET", f"{place.active['pool']}?api-version=2021-07-12")
    expect(status == 200 and body["id"], f"the oldest stable api-version: {status}")
    status, _, body = simulator.raw("GET", place.active["pool"])
    expect(status == 400 and body["error"]["code"] == "MissingApiVersionParameter", f"without: {status} {body}")
    for name in ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id",
                 "x-ms-ratelimit-remaining-subscription-reads"):
        expect(headers.get(name), f"no {name}")
    correlation = str(uuid.uuid4())
    _, headers, _ = simulator.raw(
        "GET", f"{place.active['pool']}?api-version=2024-04-03",
        headers={"x-ms-correlation-request-id": correlation, "x-ms-client-request-id": correlation,
                 "x-ms-return-client-request-id": "true"},
    )
    expect(headers["x-ms-correlation-request-id"] == correlation, "the correlation id does not come back")
    expect(headers["x-ms-client-request-id"] == correlation, "the client request id does not come back")


def read_token(simulator):
    query = "resource=https%3A%2F%2Fmanagement.azure.com&api-version=2019-08-01"
    status, _, token = simulator.raw("GET", f"/msi/token?{query}", headers={"X-IDENTITY-HEADER": "walk"})
    expect(status == 200, f"status {status}")
    expect(isinstance(token["expires_on"], str) and int(token["expires_on"]) > 0, "expires_on is no text of seconds")
    expect(token["token_type"] == "Bearer" and token["access_token"], "no bearer token")
    expect(token["resource"].rstrip("/") == "https://management.azure.com", f"resource {token['resource']}")
    clients = Clients(simulator, credential=StaticToken(token["access_token"]))
    next(iter(clients.desktop.host_pools.list()))


# --------------------------------------------------------------------------------------- changing


def change_drain(clients, place):
    desktop = clients.desktop
    host = next(h for h in desktop.session_hosts.list(place.group, place.name) if h.allow_new_session)
    name = host.name.split("/")[-1]
    changed = desktop.session_hosts.update(
        place.group, place.name, name, session_host=desktop_models.SessionHostPatch(allow_new_session=False)
    )
    expect(changed.allow_new_session is False, "the answer still takes sessions")
    listed = {h.id: h for h in desktop.session_hosts.list(place.group, place.name)}
    expect(listed[host.id].allow_new_session is False, "the list still takes sessions")
    expect(listed[host.id].sessions == changed.sessions, "draining logged somebody off")

    def in_graph():
        rows = ask_graph(clients, place, "desktopvirtualizationresources", "hostpools/sessionhosts")
        return any(r["id"].lower() == host.id.lower() and r["properties"]["allowNewSession"] is False for r in rows)

    wait_for("the graph shows the drain", in_graph)
    desktop.session_hosts.update(
        place.group, place.name, name, session_host=desktop_models.SessionHostPatch(allow_new_session=True)
    )
    expect(desktop.session_hosts.get(place.group, place.name, name).allow_new_session, "it stays drained")
    return name


def sessions_of(clients, place):
    return list(clients.desktop.user_sessions.list_by_host_pool(place.group, place.name))


def where(session):
    name = parts(session.id)
    return name["sessionhosts"], name["usersessions"]


def change_log_off(clients, place):
    desktop = clients.desktop
    session = next(s for s in sessions_of(clients, place) if s.session_state == "Active")
    host, number = where(session)
    single = desktop.user_sessions.get(place.group, place.name, host, number)
    expect(single.user_principal_name == session.user_principal_name, "get and list name different people")
    desktop.user_sessions.delete(place.group, place.name, host, number, force=True)
    refusal(exceptions.ResourceNotFoundError, 404, None,
            lambda: desktop.user_sessions.get(place.group, place.name, host, number))
    expect(session.id not in {s.id for s in sessions_of(clients, place)}, "the list still has it")
    on_host = [s.id for s in desktop.user_sessions.list(place.group, place.name, host)]
    expect(session.id not in on_host, "the host's list still has it")
    return session.user_principal_name


def change_disconnect(clients, place):
    desktop = clients.desktop
    session = next(s for s in sessions_of(clients, place) if s.session_state == "Active")
    host, number = where(session)
    desktop.user_sessions.disconnect(place.group, place.name, host, number)
    state = next((s.session_state for s in sessions_of(clients, place) if s.id == session.id), "gone")
    expect(state == "Disconnected", f"the session is {state}")


def change_message(clients, place):
    """Some of those who are told save and leave, without being logged off."""
    desktop = clients.desktop
    host = max(desktop.session_hosts.list(place.group, place.name), key=lambda h: h.sessions or 0)
    name = host.name.split("/")[-1]
    desktop.session_hosts.update(
        place.group, place.name, name, session_host=desktop_models.SessionHostPatch(allow_new_session=False)
    )
    told = {s.id for s in desktop.user_sessions.list(place.group, place.name, name) if s.session_state == "Active"}
    for session in told:
        number = parts(session)["usersessions"]
        message = desktop_models.SendMessage(message_title="Planned move", message_body="Save your work.")
        desktop.user_sessions.send_message(place.group, place.name, name, number, send_message=message)

    def left():
        now = {s.id for s in desktop.user_sessions.list(place.group, place.name, name)}
        return len(told - now) * 4 >= len(told) and told - now

    gone = wait_for("a quarter of those told have left", left)
    desktop.session_hosts.update(
        place.group, place.name, name, session_host=desktop_models.SessionHostPatch(allow_new_session=True)
    )
    return f"{len(gone)} of {len(told)} left"


def change_plan(clients, place):
    desktop = clients.desktop
    plan = desktop.scaling_plans.get(place.group, place.plan["scalingplans"])
    before = {r.host_pool_arm_path.lower(): r.scaling_plan_enabled for r in plan.host_pool_references}
    pool = place.active["pool"].lower()
    references = [
        desktop_models.ScalingHostPoolReference(
            host_pool_arm_path=r.host_pool_arm_path,
            scaling_plan_enabled=not r.scaling_plan_enabled if r.host_pool_arm_path.lower() == pool else r.scaling_plan_enabled,
        )
        for r in plan.host_pool_references
    ]
    patch = desktop_models.ScalingPlanPatch(host_pool_references=references)
    desktop.scaling_plans.update(place.group, place.plan["scalingplans"], scaling_plan=patch)
    after = {
        r.host_pool_arm_path.lower(): r.scaling_plan_enabled
        for found in desktop.scaling_plans.list_by_host_pool(place.group, place.name)
        for r in found.host_pool_references
    }
    expect(after[pool] is not before[pool], "the flag did not change")
    expect(after.keys() == before.keys(), "a reference got lost")
    patch = desktop_models.ScalingPlanPatch(host_pool_references=plan.host_pool_references)
    desktop.scaling_plans.update(place.group, place.plan["scalingplans"], scaling_plan=patch)
    again = desktop.scaling_plans.get(place.group, place.plan["scalingplans"])
    expect({r.host_pool_arm_path.lower(): r.scaling_plan_enabled for r in again.host_pool_references} == before, "not put back")


def change_pool(clients, place):
    desktop = clients.desktop
    before = desktop.host_pools.get(place.group, place.name)
    patch = desktop_models.HostPoolPatch(friendly_name="walked", load_balancer_type="DepthFirst", max_session_limit=9)
    desktop.host_pools.update(place.group, place.name, host_pool=patch)
    after = next(pool for pool in desktop.host_pools.list() if pool.id == before.id)
    found = (after.friendly_name, after.load_balancer_type, after.max_session_limit)
    expect(found == ("walked", "DepthFirst", 9), f"the list says {found}")
    expect(after.host_pool_type == before.host_pool_type, "something else changed")
    patch = desktop_models.HostPoolPatch(
        friendly_name=before.friendly_name or "", load_balancer_type=before.load_balancer_type,
        max_session_limit=before.max_session_limit,
    )
    desktop.host_pools.update(place.group, place.name, host_pool=patch)


def change_published(clients, place):
    """The references of a workspace are replaced as a whole, and the groups know where they are."""
    desktop = clients.desktop
    name, workspace = parts(place.groups[0]["primary"]), parts(place.active["workspace"])
    group, home, shop = name["applicationgroups"], name["resourcegroups"], workspace["workspaces"]
    before = desktop.workspaces.get(workspace["resourcegroups"], shop).application_group_references
    rest = [r for r in before if r.lower() != place.groups[0]["primary"].lower()]
    expect(len(rest) == len(before) - 1, "the workspace does not name the group")

    def put(references):
        patch = desktop_models.WorkspacePatch(application_group_references=references)
        return desktop.workspaces.update(workspace["resourcegroups"], shop, workspace=patch)

    expect(len(put(rest).application_group_references) == len(rest), "the answer still names it")
    expect(desktop.application_groups.get(home, group).workspace_arm_path is None, "the group is still published")
    put(before)
    path = desktop.application_groups.get(home, group).workspace_arm_path
    expect(path and path.lower() == place.active["workspace"].lower(), f"published in {path}")


def change_access(clients, place):
    assignments = clients.authorization.role_assignments
    group = place.groups[0]
    scope, principal = group["secondary"], group["principals"][0]["id"]
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, scope + principal))
    wish = RoleAssignmentCreateParameters(role_definition_id=place.role, principal_id=principal, principal_type="Group")
    created = assignments.create(scope, name, wish)
    whole([created])
    listed = {a.name: a for a in assignments.list_for_scope(scope, filter="atScope()")}
    expect(name in listed and listed[name].principal_id == principal, "the list at the scope lacks it")
    expect(name in {a.name for a in assignments.list_for_subscription()}, "the subscription's list lacks it")
    note = refusal(exceptions.ResourceExistsError, 409, "RoleAssignmentExists",
                   lambda: assignments.create(scope, str(uuid.uuid4()), wish))
    other = RoleAssignmentCreateParameters(
        role_definition_id=place.role, principal_id="4c4c4c4c-0000-4000-8000-00000000ffff", principal_type="Group"
    )
    refusal(exceptions.HttpResponseError, 400, "RoleAssignmentUpdateNotPermitted",
            lambda: assignments.create(scope, name, other))
    removed = assignments.delete(scope, name)
    expect(removed is not None and removed.name == name, "delete does not answer with what it deleted")
    refusal(exceptions.ResourceNotFoundError, 404, "RoleAssignmentNotFound", lambda: assignments.get(scope, name))
    expect(assignments.delete(scope, name) is None, "a second delete is no 204")
    expect(name not in {a.name for a in assignments.list_for_scope(scope, filter="atScope()")}, "it is still listed")
    return note


def change_seen_by_people(clients, place):
    """A revoked group's people cannot come back; granted on the other side, they come there."""
    assignments, desktop = clients.authorization.role_assignments, clients.desktop
    group = place.groups[0]
    principal = group["principals"][0]["id"]
    mine = [a for a in assignments.list_for_scope(group["primary"], filter="atScope()")
            if a.principal_id == principal and a.scope.lower() == group["primary"].lower()]
    expect(len(mine) == 1, f"{len(mine)} assignments of the group at its application group")
    assignments.delete(mine[0].scope, mine[0].name)
    standby = len(list(desktop.user_sessions.list_by_host_pool(place.twin_group, place.twin_name)))
    wish = RoleAssignmentCreateParameters(role_definition_id=place.role, principal_id=principal, principal_type="Group")
    assignments.create(group["secondary"], str(uuid.uuid4()), wish)
    # Ten estate minutes later the revoke and the grant have reached everybody.
    time.sleep(10 * 60 / SPEED + 1)
    for session in sessions_of(clients, place):
        host, number = where(session)
        with contextlib.suppress(exceptions.ResourceNotFoundError):
            desktop.user_sessions.delete(place.group, place.name, host, number, force=True)

    def arrived():
        return len(list(desktop.user_sessions.list_by_host_pool(place.twin_group, place.twin_name))) - standby

    return f"{wait_for('people arrive on the other side', arrived)} arrived"


def power_of(clients, group, machine):
    view = clients.compute.virtual_machines.instance_view(group, machine)
    return next(s.code for s in view.statuses if s.code.startswith("PowerState/"))


def cold_machine(clients, place):
    """A stopped host of the standby pool: its names, and its session host."""
    for host in clients.desktop.session_hosts.list(place.twin_group, place.twin_name):
        name = parts(host.resource_id)
        if power_of(clients, name["resourcegroups"], name["virtualmachines"]) == "PowerState/deallocated":
            return name["resourcegroups"], name["virtualmachines"], host.name.split("/")[-1]
    raise AssertionError("no deallocated host on the standby side")


def change_power(clients, place):
    machines = clients.compute.virtual_machines
    group, machine, host = cold_machine(clients, place)
    notes = []
    for verb, state in (("begin_start", "running"), ("begin_restart", "running"), ("begin_deallocate", "deallocated")):
        polling = Polling()
        poller = getattr(machines, verb)(group, machine, polling=polling)
        expect(not poller.done() or polling.seen, "the operation ended before it began")
        poller.result(WAIT)
        seen = [status.lower() for status in polling.seen]
        expect("inprogress" in seen, f"{verb} was never seen in progress: {polling.seen}")
        expect(seen[-1] == "succeeded", f"{verb} ended {polling.seen[-1]}")
        expect(power_of(clients, group, machine) == f"PowerState/{state}", f"{verb} left it {power_of(clients, group, machine)}")
        listed = {m.name.lower(): m for m in machines.list_all(status_only="true")}
        codes = [s.code for s in listed[machine.lower()].instance_view.statuses]
        expect(f"PowerState/{state}" in codes, f"statusOnly says {codes}")
        if verb == "begin_start":
            wait_for("the started host is available", lambda: clients.desktop.session_hosts.get(
                place.twin_group, place.twin_name, host).status == "Available")
        notes.append(f"{verb[6:]} polled {len(seen)} times")
    wait_for("the stopped host is unavailable", lambda: clients.desktop.session_hosts.get(
        place.twin_group, place.twin_name, host).status in ("Shutdown", "Unavailable"))
    return ", ".join(notes)


def change_power_off(clients, place):
    """Off is not deallocated: it is stopped, and still paid for."""
    group, machine, _ = cold_machine(clients, place)
    machines = clients.compute.virtual_machines
    machines.begin_start(group, machine, polling=Polling()).result(WAIT)
    machines.begin_power_off(group, machine, polling=Polling()).result(WAIT)
    state = power_of(clients, group, machine)
    expect(state == "PowerState/stopped", f"it is {state}")
    machines.begin_deallocate(group, machine, polling=Polling()).result(WAIT)


def change_power_twice(clients, place):
    machines = clients.compute.virtual_machines
    group, machine, _ = cold_machine(clients, place)
    first = machines.begin_start(group, machine, polling=Polling())
    note = refusal(exceptions.ResourceExistsError, 409, None,
                   lambda: machines.begin_deallocate(group, machine, polling=False))
    first.result(WAIT)
    machines.begin_deallocate(group, machine, polling=Polling()).result(WAIT)
    return note


def change_run_command(clients, place):
    name = parts(place.estate["directory"]["primary"][0])
    polling = Polling()
    command = RunCommandInput(command_id="RunPowerShellScript", script=["repadmin /showrepl localhost /csv"])
    poller = clients.compute.virtual_machines.begin_run_command(
        name["resourcegroups"], name["virtualmachines"], command, polling=polling
    )
    result = poller.result(WAIT)
    codes = [status.code for status in result.value or []]
    expect("ComponentStatus/StdOut/succeeded" in codes, f"the result holds {codes}")
    expect(any(s.lower() == "inprogress" for s in polling.seen), f"never seen in progress: {polling.seen}")
    return f"{len(result.value[0].message)} characters"


def change_logged(clients, place):
    """The activity log shows a write with who asked and our correlation id."""
    correlation = str(uuid.uuid4())
    host = next(iter(clients.desktop.session_hosts.list(place.group, place.name)))
    clients.desktop.session_hosts.update(
        place.group, place.name, host.name.split("/")[-1],
        session_host=desktop_models.SessionHostPatch(allow_new_session=True),
        headers={"x-ms-correlation-request-id": correlation},
    )
    epoch = place.estate["simulated"]["epoch"]
    since = epoch if isinstance(epoch, str) else epoch.isoformat()

    def entry():
        found = clients.monitor.activity_logs.list(filter=f"eventTimestamp ge '{since}'")
        return next((item for item in found if item.correlation_id == correlation), None)

    item = wait_for("the activity log shows the write", entry)
    expect(item.operation_name.value and item.resource_id and item.event_timestamp, "the entry lacks its core")
    expect(item.caller, "the entry has no caller")
    return item.operation_name.value


# ----------------------------------------------------------------------------------------- errors


def error_not_found(clients, place):
    refusal(exceptions.ResourceNotFoundError, 404, "ResourceNotFound",
            lambda: clients.desktop.host_pools.get(place.group, "hp-nowhere"))
    refusal(exceptions.ResourceNotFoundError, 404, "ResourceGroupNotFound",
            lambda: clients.desktop.host_pools.get("rg-nowhere", place.name))
    refusal(exceptions.ResourceNotFoundError, 404, "ResourceNotFound",
            lambda: clients.compute.virtual_machines.get(place.group, "vm-nowhere"))
    return refusal(exceptions.ResourceNotFoundError, 404, "SubscriptionNotFound",
                   lambda: clients.subscriptions.subscriptions.get(str(uuid.UUID(int=5))))


def error_version(simulator, place):
    def ask(version):
        clients = Clients(simulator, retry_total=0)
        return clients.desktop.host_pools.get(place.group, place.name, params={"api-version": version})

    for version in ("1999-01-01", "newest"):
        note = refusal(exceptions.HttpResponseError, 400, "InvalidApiVersionParameter", lambda: ask(version))
    return note


def error_no_token(simulator, place):
    request = urllib.request.Request(f"{simulator.url}{place.active['pool']}?api-version=2024-04-03")
    try:
        urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        expect(error.code == 401, f"status {error.code}")
        expect("Bearer" in error.headers.get("WWW-Authenticate", ""), "no challenge")
        return "401"
    raise AssertionError("answered without a token")


FAULTS = """
[[at]]
t = "0s"
fault = "throttle"
path = "/scalingplans/"
count = 2
retry_after = 1

[[at]]
t = "0s"
fault = "forbidden"
name = "forbidden-applications"
path = "/applications"

[[at]]
t = "0s"
fault = "lose-reply"
method = "PUT"
path = "/roleassignments/"
count = 1

[[at]]
t = "0s"
fault = "server-error"
method = "PATCH"
path = "/sessionhosts/"
count = 1

[[at]]
t = "0s"
fault = "allocation-failed"
region = "secondary"

[[at]]
t = "0s"
fault = "lock"
region = "primary"
level = "CanNotDelete"

[[at]]
t = "0s"
fault = "silent"
region = "primary"
providers = ["Microsoft.Compute"]
"""


def error_forbidden(patient, place):
    return refusal(exceptions.HttpResponseError, 403, "AuthorizationFailed", lambda: list(
        patient.desktop.applications.list(place.group, parts(place.groups[0]["primary"])["applicationgroups"])))


def error_throttled(hasty, patient, place):
    def ask(clients):
        return clients.desktop.scaling_plans.get(place.group, place.plan["scalingplans"])

    try:
        ask(hasty)
    except exceptions.HttpResponseError as error:
        expect(error.status_code == 429, f"status {error.status_code}")
        expect(error.response.headers.get("Retry-After") == "1", "no Retry-After")
        expect(error.error.code, "no error code")
        note = f"{type(error).__name__} 429 {error.error.code}"
    else:
        raise AssertionError("not throttled")
    started = time.monotonic()
    whole([ask(patient)])
    expect(time.monotonic() - started >= 0.9, "the SDK did not have to wait")
    return note


def error_lost_reply(hasty, place):
    """The connection breaks, and yet it was done."""
    assignments = hasty.authorization.role_assignments
    group = place.groups[0]
    name = str(uuid.uuid4())
    wish = RoleAssignmentCreateParameters(
        role_definition_id=place.role, principal_id=group["principals"][0]["id"], principal_type="Group"
    )
    try:
        assignments.create(group["secondary"], name, wish)
    except (exceptions.ServiceResponseError, exceptions.ServiceRequestError) as error:
        note = type(error).__name__
    else:
        raise AssertionError("the reply arrived")
    expect(assignments.get(group["secondary"], name).principal_id == wish.principal_id, "it was not done")
    return note


def error_server(hasty, place):
    host = next(iter(hasty.desktop.session_hosts.list(place.group, place.name))).name.split("/")[-1]
    patch = desktop_models.SessionHostPatch(allow_new_session=True)

    def update():
        return hasty.desktop.session_hosts.update(place.group, place.name, host, session_host=patch)

    note = refusal(exceptions.HttpResponseError, 503, None, update)
    expect(update().allow_new_session, "the next one is not done")
    return note


def error_allocation(patient, place):
    group, machine, _ = cold_machine(patient, place)
    try:
        patient.compute.virtual_machines.begin_start(group, machine, polling=Polling()).result(WAIT)
    except exceptions.HttpResponseError as error:
        expect(error.error and error.error.code == "AllocationFailed", f"{error.error}")
        expect(power_of(patient, group, machine) == "PowerState/deallocated", "it runs all the same")
        return f"{type(error).__name__} {error.error.code}"
    raise AssertionError("it started")


def error_locked(patient, place):
    group = place.groups[0]
    found = list(patient.locks.management_locks.list_by_scope(group["primary"]))
    expect(any(lock.level == "CanNotDelete" for lock in found), "the lock is not listed")
    whole(found)
    assignment = next(a for a in patient.authorization.role_assignments.list_for_scope(group["primary"], filter="atScope()")
                      if a.scope.lower() == group["primary"].lower())
    return refusal(exceptions.ResourceExistsError, 409, "ScopeLocked",
                   lambda: patient.authorization.role_assignments.delete(assignment.scope, assignment.name))


def error_silence(simulator, place):
    impatient = Clients(simulator, retry_total=0, read_timeout=1)
    machine = parts(place.estate["directory"]["primary"][0])
    try:
        impatient.compute.virtual_machines.get(machine["resourcegroups"], machine["virtualmachines"])
    except exceptions.ServiceResponseError as error:
        return type(error).__name__
    raise AssertionError("the silent region answered")


# -------------------------------------------------------------------------------------- the walk

WAIT = 60


def readings(simulator, clients, place, label):
    for name, function in (
        ("desktop virtualization", read_desktop),
        ("applications and workspaces", read_applications),
        ("machines and usages", read_compute),
        ("assignments, permissions, locks", read_access),
        ("subscription, groups, storage", read_surroundings),
        ("health", read_health),
        ("resource graph", read_graph),
    ):
        check(f"read {name}, {label} api-versions", function, clients, place)


def walk_calm(binary):
    with Simulator(binary, "--scenario", "calm", "--seed", SEED, "--speed", SPEED) as simulator:
        place = Place(simulator.estate())
        default, ours = Clients(simulator), Clients(simulator, "ours")
        readings(simulator, default, place, "default")
        readings(simulator, ours, place, "our")
        check("read every id of the estate file", read_estate, ours, place)
        check("read page by page", read_pages, default, place)
        check("read in any case", read_any_case, default, place)
        check("read no key that the SDK does not know", read_no_strangers, simulator, default, place)
        check("read api-versions and headers", read_unpublished_query, simulator, place)
        check("read a token", read_token, simulator)
        check("error 404", error_not_found, default, place)
        check("error 400 for an unknown api-version", error_version, simulator, place)
        check("error 401 without a token", error_no_token, simulator, place)
        for clients, label in ((default, "default"), (ours, "our")):
            check(f"change drain, {label} api-versions", change_drain, clients, place)
            check(f"change session by logging off, {label} api-versions", change_log_off, clients, place)
            check(f"change scaling plan, {label} api-versions", change_plan, clients, place)
            check(f"change assignments, 409 on a second name, {label} api-versions", change_access, clients, place)
            check(f"change power: start, restart, deallocate, {label} api-versions", change_power, clients, place)
            check(f"change by run command, {label} api-versions", change_run_command, clients, place)
        check("change pool", change_pool, default, place)
        check("change what is published", change_published, default, place)
        check("change power: off is stopped", change_power_off, default, place)
        check("change session by disconnecting", change_disconnect, default, place)
        check("change by message: people leave", change_message, default, place)
        check("change power during an operation is 409", change_power_twice, default, place)
        check("change shows in the activity log", change_logged, default, place)
        check("change sides: people follow their assignment", change_seen_by_people, default, place)


def walk_faults(binary):
    with open(os.path.join(HERE, "world.toml"), encoding="utf-8") as world, tempfile.NamedTemporaryFile(
        "w", suffix=".toml", encoding="utf-8"
    ) as scenario:
        scenario.write(world.read() + FAULTS)
        scenario.flush()
        with Simulator(binary, "--scenario", scenario.name, "--seed", SEED, "--speed", SPEED) as simulator:
            place = Place(simulator.estate())
            patient, hasty = Clients(simulator), Clients(simulator, retry_total=0)
            check("error 403", error_forbidden, patient, place)
            check("error 429, and the SDK's own retry gets through", error_throttled, hasty, patient, place)
            check("error lost reply, done all the same", error_lost_reply, hasty, place)
            check("error 503", error_server, hasty, place)
            check("error in an operation: AllocationFailed", error_allocation, patient, place)
            check("error 409 under a lock", error_locked, patient, place)
            check("error silence", error_silence, simulator, place)


def walk_limits(binary):
    """In real time the published rate limit can be reached."""

    def exhaust(simulator, place):
        hasty = Clients(simulator, retry_total=0)
        stop, seen = threading.Event(), []

        def ask():
            while not stop.is_set():
                try:
                    hasty.desktop.host_pools.get(place.group, place.name)
                except exceptions.HttpResponseError as error:
                    seen.append(error)
                    stop.set()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        stop.wait(WAIT)
        stop.set()
        for thread in threads:
            thread.join()
        expect(seen, f"no limit in {WAIT} s")
        error = seen[0]
        expect(error.status_code == 429 and error.response.headers.get("Retry-After"), f"{error}")
        return f"429 {error.error.code}"

    with Simulator(binary, "--scenario", "tiny", "--seed", SEED) as simulator:
        check("error 429 by the published rate limit", exhaust, simulator, Place(simulator.estate()))


def walk_outage(binary):
    def look(simulator, clients, place):
        events = whole(clients.health.events.list_by_subscription_id())
        active = [event for event in events if event.properties.status == "Active"]
        expect(active, "no active event")
        regions = {r.impacted_region for event in active for impact in event.properties.impact
                   for r in impact.impacted_regions}
        hosts = list(clients.desktop.session_hosts.list(place.group, place.name))
        newest = max(host.last_heart_beat for host in hosts)
        oldest = min(host.last_heart_beat for host in hosts)
        expect(newest - oldest > datetime.timedelta(minutes=5), "no heartbeat is frozen")
        return f"{', '.join(sorted(regions))}; heartbeats {oldest:%H:%M} to {newest:%H:%M}"

    def act(clients, place):
        """Writes into the dead region fail; role assignments, which live elsewhere, do not."""
        desktop, notes = clients.desktop, []
        frozen = min(desktop.session_hosts.list(place.group, place.name), key=lambda h: h.last_heart_beat)
        host = frozen.name.split("/")[-1]
        try:
            desktop.session_hosts.update(
                place.group, place.name, host, session_host=desktop_models.SessionHostPatch(allow_new_session=False)
            )
        except exceptions.HttpResponseError as error:
            expect(error.status_code >= 500, f"status {error.status_code}")
            notes.append(f"drain {error.status_code}")
        else:
            raise AssertionError("a host of the dead region was drained")
        ghost = next(s for s in sessions_of(clients, place) if where(s)[0] == host)
        on, number = where(ghost)
        with contextlib.suppress(exceptions.ResourceNotFoundError):
            desktop.user_sessions.delete(place.group, place.name, on, number, force=True)
        expect(ghost.id in {s.id for s in sessions_of(clients, place)}, "a session of the dead region went away")
        group = place.groups[0]
        mine = next(a for a in clients.authorization.role_assignments.list_for_scope(group["primary"], filter="atScope()")
                    if a.scope.lower() == group["primary"].lower())
        clients.authorization.role_assignments.delete(mine.scope, mine.name)
        refusal(exceptions.ResourceNotFoundError, 404, "RoleAssignmentNotFound",
                lambda: clients.authorization.role_assignments.get(mine.scope, mine.name))
        return ", ".join(notes)

    with Simulator(binary, "--scenario", "region-outage", "--seed", SEED) as simulator:
        place = Place(simulator.estate())
        check("read a region outage", look, simulator, Clients(simulator), place)
        check("change in a region outage", act, Clients(simulator, retry_total=0), place)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = os.path.abspath(sys.argv[1])
    for part in (walk_calm, walk_faults, walk_limits, walk_outage):
        try:
            part(binary)
        except Exception as error:
            results["failed"] += 1
            print(f"FAILED  {part.__name__} as a whole\n        {type(error).__name__}: {error}", flush=True)
    print(f"{results['passed']} passed, {results['failed']} failed")
    sys.exit(1 if results["failed"] or not results["passed"] else 0)


if __name__ == "__main__":
    main()
