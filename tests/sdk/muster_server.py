"""Starts Muster for a test of an SDK, and asks it for what the test needs. Standard library only.

    python tests/sdk/muster_server.py sqlite:///tmp/muster.db python -m pytest tests/sdk/python

runs a command beside Muster on that database, with MUSTER_URL and MUSTER_API_KEY in its environment, and exits
as the command does. MUSTER_FIRST_OWNER is the link by which the console's first owner comes in, if there is none yet.
"""

import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

STARTUP_SECONDS = 30


@dataclass
class Server:
    """A running server and a key to it."""

    url: str
    api_key: str
    first_owner: str = ""

    @staticmethod
    def from_environment() -> "Server":
        """The server that this command runs beside."""
        try:
            return Server(os.environ["MUSTER_URL"], os.environ["MUSTER_API_KEY"])
        except KeyError as missing:
            sys.exit(f"{missing} is not set: run this with tests/sdk/muster_server.py, or point it at a server")

    def request(self, method: str, path: str, body: dict | None = None) -> dict:
        """A request to one of the APIs; the answer's body. An answer that is no success ends the test."""
        return send(method, self.url + path, self.api_key, "application/json", body)

    def organization(self, name: str) -> dict:
        """A new organization."""
        return self.request("POST", "/organizations", {"name": name})

    def directory(self, organization_id: str, name: str) -> "Directory":
        """A new directory of an organization, with a token to push to it."""
        directory = self.request("POST", "/directories", {"organization_id": organization_id, "name": name})
        token = self.request("POST", f"/directories/{directory['id']}/tokens", {"name": name})
        return Directory(directory["id"], directory["scim_base_url"], token["token"])

    def organization_key(self, organization_id: str, role: str = "owner") -> str:
        """A key that reaches one organization."""
        body = {"name": "sdk", "organization_id": organization_id, "role": role}
        return self.request("POST", "/api_keys", body)["key"]

    def rule(self, organization_id: str, key: str, when: dict, then: list[dict]) -> dict:
        """A mapping rule, in force at once."""
        body = {"organization_id": organization_id, "key": key, "when": when, "then": then, "apply": True}
        return self.request("POST", "/mapping_rules", body)


@dataclass
class Directory:
    """A SCIM directory, as an identity provider sees it."""

    id: str
    base_url: str
    token: str

    def request(self, method: str, path: str, body: dict | None = None) -> dict:
        """A SCIM request; the answer's body."""
        return send(method, self.base_url + path, self.token, "application/scim+json", body)

    def user(self, user_name: str, **attributes: object) -> str:
        """Pushes a person; the id."""
        return self.request("POST", "/Users", {"schemas": [USER], "userName": user_name, **attributes})["id"]

    def users(self, prefix: str, count: int) -> list[str]:
        """Pushes many people in one request; their ids in the same order."""
        names = [f"{prefix}{number:03}@corp.example" for number in range(count)]
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": name, "data": {"schemas": [USER], "userName": name}}
            for name in names
        ]
        answer = self.request("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
        failed = [operation for operation in answer["Operations"] if operation["status"] != "201"]
        if failed:
            sys.exit(f"a bulk request failed: {failed[0]}")
        return [operation["location"].rsplit("/", 1)[1] for operation in answer["Operations"]]

    def group(self, display_name: str, members: list[str]) -> str:
        """Pushes a group with people as its members; the id."""
        members = [{"value": member} for member in members]
        body = {"schemas": [GROUP], "displayName": display_name, "members": members}
        return self.request("POST", "/Groups", body)["id"]


USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def send(method: str, url: str, key: str, media_type: str, body: dict | None = None) -> dict:
    """A request with JSON; the answer's body, `{}` if it has none. An answer that is no success raises."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": media_type}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"{}")
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {url}: {error.code} {error.read().decode()}") from None


@contextlib.contextmanager
def running(database_url: str) -> Iterator[Server]:
    """Muster on a port of its own until the block ends. Its log is shown if the block fails."""
    program = os.environ.get("MUSTER", "target/debug/muster")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(probe.getsockname()[1])
    server = Server(f"http://{address}", f"sk_test_{secrets.token_hex(32)}")
    environment = {
        **os.environ,
        "MUSTER_ROOT_API_KEY": server.api_key,
        # The tests receive webhooks on this machine, without TLS.
        "MUSTER_WEBHOOKS_ALLOW_PRIVATE": "true",
    }
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "serve", "--listen", address, "--database-url", database_url],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(server, process)
            server.first_owner = _first_owner(log)
            yield server
        except BaseException:
            log.seek(0)
            sys.stdout.flush()
            print("--- the server's log ends:", "".join(log.readlines()[-100:]), sep="\n", file=sys.stderr)
            raise
        finally:
            process.terminate()
            try:
                process.wait(timeout=STARTUP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(server: Server, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(server.url + "/readyz", timeout=5):
            return
        time.sleep(0.1)
    sys.exit("the server does not become ready")


def _first_owner(log: IO[str]) -> str:
    """The link that the server prints as soon as it listens; empty if there is an owner already."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        # Not by seek: the server writes where this file stands.
        printed = os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")
        if found := re.search(r"http\S+/console/enter/\S+", printed):
            return found.group()
        time.sleep(0.05)
    return ""


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} DATABASE_URL COMMAND…")
    with running(sys.argv[1]) as server:
        environment = {**os.environ, "MUSTER_URL": server.url, "MUSTER_API_KEY": server.api_key}
        environment["MUSTER_FIRST_OWNER"] = server.first_owner
        status = subprocess.run(sys.argv[2:], env=environment, check=False).returncode
        if status != 0:
            # Within the block, so that a failure shows the server's log.
            sys.exit(status)


if __name__ == "__main__":
    main()
