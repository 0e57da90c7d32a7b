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

# An id, or the pattern of one in the document.
ID = re.compile(r"([a-z]+(?:_[a-z]+)*)_(?:[0-7][0-9A-HJKMNP-TV-Z]{25}|\[)")


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
            found = ID.match(str(thing.get("id")))
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


def put_in(value: Any, choose: Callable[[str], str]) -> Any:
    """The value with other ids, wherever in it there is one."""
    if isinstance(value, dict):
        return {key: put_in(inner, choose) for key, inner in value.items()}
    if isinstance(value, list):
        return [put_in(inner, choose) for inner in value]
    return choose(value) if isinstance(value, str) else value


class Guide:
    """Leads every second request to something that is there, and gives each what the document cannot tell."""

    def __init__(self, server: Server) -> None:
        self.key = server.api_key
        # What is deleted is not missed by the other requests.
        self.lasting, self.passing, self.doomed = ([world(server) for _ in range(count)] for count in (2, 4, 4))
        made = (*self.lasting, *self.passing, *self.doomed)
        self.tokens = {world.ids["directory"][0]: world.token for world in made}
        # By operation, the requests that it was asked about. The same one is always led to the same place, since
        # those that fail are repeated.
        self.requests: dict[str, dict[str, int]] = defaultdict(dict)

    def worlds(self, method: str, path: str) -> list[World]:
        if method != "DELETE":
            return self.lasting
        return self.doomed if path in ("/organizations/{organization}", "/directories/{directory}") else self.passing

    def lead(self, case: Any) -> None:
        path, known = case.operation.path, self.requests[case.operation.label]
        content = re.sub(" at 0x[0-9a-f]+", "", repr((case.path_parameters, case.query, case.body)))
        turn, found = divmod(known.setdefault(content, len(known)), 2)
        worlds = self.worlds(case.method, path)
        chosen = worlds[turn % len(worlds)]
        if not found:
            self.name_what_is_there(case, chosen, turn // len(worlds))
        bearer = self.tokens.get(case.path_parameters.get("directory"), chosen.token)
        case.headers["Authorization"] = f"Bearer {bearer if path.startswith('/scim/') else self.key}"
        if path.startswith("/v1/"):
            case.headers["OpenAI-Organization"] = chosen.ids["org"][0]
        if isinstance(case.body, dict) and isinstance(url := case.body.get("endpoint_url"), str):
            # Nothing is to be sent to the hosts that somebody made up.
            case.body["endpoint_url"] = re.sub(r"^(https?://)[^/]*", r"\g<1>127.0.0.1:1", url)

    @staticmethod
    def name_what_is_there(case: Any, chosen: World, turn: int) -> None:
        def choose(text: str) -> str:
            found = ID.match(text)
            known = chosen.ids.get(found[1]) if found else None
            return known[zlib.crc32(text.encode()) % len(known)] if known else text

        endpoint = ("Users", "Groups")[turn % 2]
        named = {"endpoint": endpoint, "id": chosen.scim[endpoint], "name": "User", "urn": USER, "external_id": chosen.name}
        for parameter in case.operation.path_parameters:
            # The pattern looks like an id.
            pattern = parameter.definition.get("schema", {}).get("pattern", "").removeprefix("^")
            case.path_parameters[parameter.name] = choose(pattern) if pattern else named[parameter.name]
        case.query = put_in(case.query, choose)
        case.body = put_in(case.body, choose)


# Of all operations, those that must have succeeded at least once: one that never gets past its first check is not
# tested.
FEWEST_SUCCEEDED = 0.75


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
    guide = Guide(server)
    statuses: dict[str, Counter[int]] = defaultdict(Counter)

    @schemathesis.hook
    def before_call(_: Any, case: Any, **__: Any) -> None:
        guide.lead(case)

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
        # It goes on for ever.
        "--exclude-path=/events/stream",
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
