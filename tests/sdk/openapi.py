"""Does the server do what its OpenAPI document says? Schemathesis makes up requests from the document, sends them,
and compares the answers with it: no failure of the server, no status, media type or body that is not described.

Nobody guesses an id. So half of the requests name things that are there: they are made first, and put in where the
document says that an id belongs.

    python tests/sdk/openapi.py [OPTION OF SCHEMATHESIS…]

runs beside a server of its own (see tests/sdk/muster_server.py), since requests delete what they find.
"""

import contextlib
import os
import re
import sys
import tempfile
import uuid
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from muster_server import USER, Server
from schemathesis.cli import schemathesis as command_line

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
]
# Requests for each operation, at the most, beside the examples of the document.
EXAMPLES = os.environ.get("EXAMPLES", "20")
# The same requests every time; others by another seed.
SEED = os.environ.get("SEED", "1")

ID = re.compile(r"([a-z]+(?:_[a-z]+)*)_[0-7][0-9A-HJKMNP-TV-Z]{25}")


@dataclass
class World:
    """An organization with something of each kind in it."""

    # Ids by their prefix.
    ids: dict[str, list[str]] = field(default_factory=dict)
    # The ids of people and groups, as SCIM has them.
    scim: dict[str, str] = field(default_factory=dict)
    token: str = ""
    # What stands in for an external id.
    name: str = ""

    def know(self, answer: dict) -> dict:
        """Remembers the ids of an object, or of the objects of a list."""
        for thing in answer.get("data", [answer]):
            found = ID.fullmatch(str(thing.get("id")))
            if found and thing["id"] not in (known := self.ids.setdefault(found[1], [])):
                known.append(thing["id"])
        return answer


def world(server: Server) -> World:
    """Makes one. What it asks for is what the other walks prove."""
    made, name = World(), uuid.uuid4().hex

    def post(path: str, **body: Any) -> dict:
        return made.know(server.request("POST", path, body))

    org = post("/organizations", name=name, external_id=name)["id"]
    directory = server.directory(org, name)
    made.token = directory.token
    user = directory.user(f"ada.{name}@corp.example", externalId=name)
    made.scim = {"Users": user, "Groups": directory.group("eng-ios", [user])}
    made.name = name
    post("/organization_domains", organization_id=org, domain=f"{name}.invalid")
    made.know(server.rule(org, "mirror", {"group": 'displayName sw "eng-"'}, [{"mirror_group": {}}]))
    group = post(f"/organizations/{org}/groups", name=name)
    somebody = post("/user_management/users", email=f"{name}@corp.example", external_id=name)
    membership = post("/user_management/organization_memberships", user_id=somebody["id"], organization_id=org)
    members = f"/organizations/{org}/groups/{group['id']}/organization-memberships"
    server.request("POST", members, {"organization_membership_id": membership["id"]})
    post("/api_keys", name=name, organization_id=org)
    post("/webhook_endpoints", endpoint_url=f"http://127.0.0.1:1/{name}", events=["group.created"])
    post("/mapping_plans", organization_id=org, changes=[{"reconcile": {}}])
    post("/sync_runs", organization_id=org, kind="verify")
    for path in (
        f"/directories?organization_id={org}",
        f"/directories/{directory.id}/tokens",
        f"/directories/{directory.id}/requests",
        f"/directory_users?directory={directory.id}",
        f"/directory_groups?directory={directory.id}",
        f"/organizations/{org}/groups",
        f"/organizations/{org}/roles",
        f"/user_management/users?organization_id={org}",
        f"/user_management/organization_memberships?organization_id={org}",
        f"/events?events=group.created&organization_id={org}",
    ):
        made.know(server.request("GET", path))
    return made


@dataclass
class Worlds:
    """Where requests find something. What is deleted is not missed by the others."""

    lasting: list[World]
    passing: list[World]
    doomed: list[World]

    def for_method(self, method: str, path: str) -> list[World]:
        if method != "DELETE":
            return self.lasting
        return self.doomed if path in ("/organizations/{organization}", "/directories/{directory}") else self.passing


def put_in(value: Any, choose: Callable[[str], str]) -> Any:
    """The value with other ids, wherever in it there is one."""
    if isinstance(value, dict):
        return {key: put_in(inner, choose) for key, inner in value.items()}
    if isinstance(value, list):
        return [put_in(inner, choose) for inner in value]
    return choose(value) if isinstance(value, str) else value


def name_what_is_there(case: Any, worlds: Worlds) -> World:
    """Puts ids that exist into half of the requests, always into the same ones."""
    chance = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    choices = worlds.for_method(case.method, case.operation.path)
    chosen = choices[(chance >> 1) % len(choices)]
    if chance & 1:
        return chosen

    def choose(text: str) -> str:
        found = ID.fullmatch(text)
        known = chosen.ids.get(found[1], []) if found else []
        return known[(chance >> 8) % len(known)] if known else text

    case.path_parameters = put_in(case.path_parameters, choose)
    case.query = put_in(case.query, choose)
    case.body = put_in(case.body, choose)
    if "external_id" in (case.path_parameters or {}) and chance & 2:
        case.path_parameters["external_id"] = chosen.name
    if case.operation.path.startswith("/scim/"):
        endpoint = "Groups" if chance & 4 else "Users"
        known = {"endpoint": endpoint, "id": chosen.scim[endpoint], "name": "User", "urn": USER}
        case.path_parameters |= {key: known[key] for key in case.path_parameters.keys() & known.keys()}
    return chosen


def prepare(case: Any, server: Server, worlds: Worlds) -> None:
    """What a request needs that the document cannot tell."""
    chosen = name_what_is_there(case, worlds)
    path = case.operation.path
    case.headers["Authorization"] = f"Bearer {chosen.token if path.startswith('/scim/') else server.api_key}"
    if path.startswith("/v1/"):
        case.headers["OpenAI-Organization"] = chosen.ids["org"][0]
    if isinstance(case.body, dict) and isinstance(case.body.get("endpoint_url"), str):
        # Nothing is to be sent to the hosts that somebody made up.
        case.body["endpoint_url"] = re.sub(r"^(https?://)[^/]*", r"\g<1>127.0.0.1:1", case.body["endpoint_url"])


# Of all operations, those that must have succeeded at least once: one that never gets past its first check is not
# tested.
FEWEST_SUCCEEDED = 0.85


def succeeded_often(statuses: dict[str, Counter[int]]) -> bool:
    """Whether requests found something, and were more than refused."""
    never = [operation for operation, seen in statuses.items() if not any(status < 400 for status in seen)]
    total = sum(seen.total() for seen in statuses.values())
    print(f"{total} requests; of {len(statuses)} operations, {len(never)} never succeeded")
    for operation in sorted(never):
        print(f"    {operation}: {dict(statuses[operation])}")
    return len(never) <= (1 - FEWEST_SUCCEEDED) * len(statuses)


def main() -> None:
    server = Server.from_environment()
    worlds = Worlds(*([world(server) for _ in range(count)] for count in (2, 4, 4)))
    statuses: dict[str, Counter[int]] = defaultdict(Counter)

    @schemathesis.hook
    def before_call(_: Any, case: Any, **__: Any) -> None:
        prepare(case, server, worlds)

    @schemathesis.hook
    def after_call(_: Any, case: Any, response: Any) -> None:
        statuses[case.operation.label][response.status_code] += 1

    options = [
        "run",
        f"{server.url}/openapi.json",
        f"--checks={','.join(CHECKS)}",
        "--phases=examples,fuzzing",
        f"--max-examples={EXAMPLES}",
        f"--seed={SEED}",
        # One, so that the requests come in the same order each time.
        "--workers=1",
        "--generation-database=none",
        "--suppress-health-check=all",
        "--warnings=off",
        "--request-timeout=20",
        # Says by its status, rightly, that it is not there.
        "--exclude-path=/scim/v2/{directory}/Me",
        *sys.argv[1:],
    ]
    # It remembers in files where it runs, and is to remember nothing.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        try:
            command_line(options)
        except SystemExit as outcome:
            sys.exit(outcome.code or not succeeded_often(statuses))


if __name__ == "__main__":
    main()
