"""Starts Muster for a test of an SDK, and asks it for what the test needs. Standard library only."""

import contextlib
import json
import os
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

STARTUP_SECONDS = 30


@dataclass
class Directory:
    """A SCIM directory, as an identity provider sees it."""

    base_url: str
    token: str


@dataclass
class Server:
    """A running server and the key to all of it."""

    url: str
    api_key: str

    def post(self, path: str, body: dict) -> dict:
        """Makes a POST request; the answer's body."""
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            sys.exit(f"POST {path}: {error.code} {error.read().decode()}")

    def directory(self, name: str) -> Directory:
        """A new directory of a new organization."""
        organization = self.post("/organizations", {"name": name})
        directory = self.post("/directories", {"organization_id": organization["id"], "name": name})
        token = self.post(f"/directories/{directory['id']}/tokens", {"name": name})
        return Directory(directory["scim_base_url"], token["token"])


@contextlib.contextmanager
def running(database_url: str) -> Iterator[Server]:
    """Muster on a port of its own until the block ends. Its log is shown if the block fails."""
    program = os.environ.get("MUSTER", "target/debug/muster")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(probe.getsockname()[1])
    server = Server(f"http://{address}", f"sk_test_{secrets.token_hex(32)}")
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "serve", "--listen", address, "--database-url", database_url],
            env={**os.environ, "MUSTER_ROOT_API_KEY": server.api_key},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(server, process)
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
