"""The simulator as a process, Microsoft's management clients pointed at it, and what a model must hold."""

import json
import queue
import re
import subprocess
import threading
import time
import tomllib
import types
import typing
import urllib.error
import urllib.request

from azure.core.credentials import AccessToken
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.polling.arm_polling import ARMPolling

# Longest wait for the process to say where it listens, and for a condition to come true, in seconds.
START_LIMIT = 20
WAIT_LIMIT = 60
SCOPE = "https://management.azure.com/.default"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# farshore's own api-versions, by client. Without one, a client uses the version it was made for.
OURS = {
    "desktop": "2024-04-03",
    "authorization": "2022-04-01",
    "compute": "2024-03-01",
    "health": "2024-02-01",
    "resources": "2024-03-01",
    "subscriptions": "2022-12-01",
    "locks": "2020-05-01",
    "storage": "2023-05-01",
    "graph": "2022-10-01",
    "monitor": "2015-04-01",
}


class StaticToken:
    """A credential that needs no one: the same token every time."""

    def __init__(self, token="walk"):
        self.token = token

    def get_token(self, *_scopes, **_kwargs):
        return AccessToken(self.token, int(time.time()) + 3600)


class LoopbackToken(ARMChallengeAuthenticationPolicy):
    """Microsoft's own policy, told that plain http is meant here."""

    def on_request(self, request):
        request.context.options["enforce_https"] = False
        super().on_request(request)


class Polling(ARMPolling):
    """Microsoft's own poller, made impatient, remembering each status it was given."""

    def __init__(self):
        super().__init__(timeout=0.1)
        self.seen = []

    def _extract_delay(self):
        return 0.1

    def update_status(self):
        super().update_status()
        self.seen.append(self.status())


class Simulator:
    """`farshore sim serve` as a process, from entering to leaving a `with`."""

    def __init__(self, binary, *arguments):
        self.command = [binary, "sim", "serve", "--port", "0", *map(str, arguments)]
        self.binary = binary

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        lines = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout], daemon=True).start()
        self.url, self.subscriptions = None, []
        deadline = time.monotonic() + START_LIMIT
        while not (self.url and self.subscriptions):
            if self.process.poll() is not None:
                raise RuntimeError(f"{' '.join(self.command)} ended: {self.process.stderr.read()}")
            try:
                line = lines.get(timeout=max(0.01, deadline - time.monotonic())).strip()
            except queue.Empty:
                raise RuntimeError("the simulator did not say where it listens and what it serves") from None
            if line.startswith("listening on "):
                self.url = line.removeprefix("listening on ")
            elif match := GUID.search(line):
                self.subscriptions.append(match[0])
        self.port = int(self.url.rsplit(":", 1)[1])
        self.subscription = self.subscriptions[0]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def estate(self):
        """The estate file that fits, read."""
        command = [self.binary, "sim", "estate", "--port", str(self.port)]
        return tomllib.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout)

    def raw(self, method, path, body=None, headers=None):
        """One request without any SDK: status, headers, JSON or nothing."""
        url = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", "Bearer walk")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
            return answer.status, answer.headers, json.loads(content) if content else None


class Clients:
    """One client of each SDK, with its own default api-versions or with ours."""

    def __init__(self, simulator, versions="default", **options):
        from azure.mgmt.authorization import AuthorizationManagementClient
        from azure.mgmt.compute import ComputeManagementClient
        from azure.mgmt.desktopvirtualization import DesktopVirtualizationMgmtClient
        from azure.mgmt.monitor import MonitorManagementClient
        from azure.mgmt.resource.locks import ManagementLockClient
        from azure.mgmt.resource.resources import ResourceManagementClient
        from azure.mgmt.resource.subscriptions import SubscriptionClient
        from azure.mgmt.resourcegraph import ResourceGraphClient
        from azure.mgmt.resourcehealth import ResourceHealthMgmtClient
        from azure.mgmt.storage import StorageManagementClient

        def make(kind, client, *ids):
            arguments = dict(options)
            if versions == "ours":
                arguments["api_version"] = OURS[kind]
            credential = arguments.pop("credential", StaticToken())
            policy = LoopbackToken(credential, SCOPE)
            return client(
                credential, *ids, base_url=simulator.url, authentication_policy=policy,
                credential_scopes=[SCOPE], **arguments,
            )

        subscription = simulator.subscription
        self.desktop = make("desktop", DesktopVirtualizationMgmtClient, subscription)
        self.authorization = make("authorization", AuthorizationManagementClient, subscription)
        self.compute = make("compute", ComputeManagementClient, subscription)
        self.health = make("health", ResourceHealthMgmtClient, subscription)
        self.resources = make("resources", ResourceManagementClient, subscription)
        self.subscriptions = make("subscriptions", SubscriptionClient)
        self.locks = make("locks", ManagementLockClient, subscription)
        self.storage = make("storage", StorageManagementClient, subscription)
        self.graph = make("graph", ResourceGraphClient)
        # This client takes the version per call only.
        versions = "default" if versions == "ours" else versions
        self.monitor = make("monitor", MonitorManagementClient, subscription)


def wait_for(what, condition):
    """Asks until `condition` holds; what takes estate minutes takes a second or two here."""
    deadline = time.monotonic() + WAIT_LIMIT
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen in {WAIT_LIMIT} s: {what}")
        time.sleep(0.1)


def parts(identifier):
    """An ARM id as a dictionary of lower-case types to names."""
    pieces = [piece for piece in identifier.split("/") if piece]
    pairs = [(key.lower(), value) for key, value in zip(pieces[::2], pieces[1::2])]
    return dict(pairs)


def gaps(model, where="", top=True):
    """Paths of the fields that the SDK's model requires and the answer lacks."""
    if isinstance(model, (list, tuple)):
        return [gap for at, item in enumerate(model) for gap in gaps(item, f"{where}[{at}]", top)]
    fields = _fields(model)
    missing = []
    for name, required in fields.items():
        value = getattr(model, name, None)
        here = f"{where}.{name}" if where else name
        if value is None:
            # A resource always says which, what and whose it is; the models call that read-only.
            named = top and name in ("id", "name", "type") and {"id", "name", "type"} <= fields.keys()
            if required or named:
                missing.append(here)
        elif isinstance(value, (list, tuple)) or _fields(value):
            missing += gaps(value, here, False)
    return missing


def _fields(model):
    """Attribute names of an SDK model, and whether each is required."""
    if hasattr(model, "_attribute_map"):
        validation = getattr(model, "_validation", {})
        return {name: bool(validation.get(name, {}).get("required")) for name in model._attribute_map}
    if hasattr(model, "_attr_to_rest_field"):
        hints = {}
        for base in reversed(type(model).__mro__):
            hints.update(getattr(base, "__annotations__", {}))
        return {
            name: not _optional(hints.get(name)) and field._visibility != ["read"]
            for name, field in model._attr_to_rest_field.items()
        }
    return {}


def _optional(hint):
    if hint is None or isinstance(hint, str):
        return hint is None or hint.startswith("Optional")
    return typing.get_origin(hint) in (typing.Union, types.UnionType) and type(None) in typing.get_args(hint)


def strangers(raw, model, where=""):
    """Paths of JSON keys in an answer that the SDK's model does not know."""
    if isinstance(raw, list):
        pairs = zip(raw, model or [])
        return [name for at, (item, known) in enumerate(pairs) for name in strangers(item, known, f"{where}[{at}]")]
    if isinstance(raw, dict) and hasattr(model, "_attr_to_rest_field"):
        known = {field._rest_name: getattr(model, name, None) for name, field in model._attr_to_rest_field.items()}
        return [
            name
            for key, value in raw.items()
            for name in (
                strangers(value, known[key], f"{where}.{key}" if where else key)
                if key in known
                else [f"{where}.{key}" if where else key]
            )
        ]
    if not isinstance(raw, dict) or not hasattr(model, "_attribute_map"):
        return []
    found = []
    known = {}
    for name, entry in model._attribute_map.items():
        known[entry["key"].replace("\\.", "\0")] = getattr(model, name, None)
    for key, value in raw.items():
        here = f"{where}.{key}" if where else key
        below = {name.split(".", 1)[1]: v for name, v in known.items() if name.startswith(key + ".")}
        if key in known:
            found += strangers(value, known[key], here)
        elif below and isinstance(value, dict):
            for inner, deep in value.items():
                if inner not in below:
                    found.append(f"{here}.{inner}")
                else:
                    found += strangers(deep, below[inner], f"{here}.{inner}")
        elif not below:
            found.append(here)
    return found
