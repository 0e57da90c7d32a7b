"""Runs the public suite scim2-tester and prints each check.

Tests a new directory of the Muster at MUSTER_URL; with MUSTER_SCIM_BASE_URL and MUSTER_SCIM_TOKEN set, the
directory there, whatever server that is.

Exits with 1 if a check failed, or if there were suspiciously few of them.
"""

import os
import sys

from httpx2 import Client
from muster_server import Directory, Server
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

# A server whose discovery fails is not tested any further, which must not pass for success.
FEWEST_CHECKS = 100

FAILURES = (Status.ERROR, Status.CRITICAL)

SIGNS = {
    Status.SUCCESS: "✓",
    Status.COMPLIANT: "✓",
    Status.ACCEPTABLE: "✓",
    Status.SKIPPED: "-",
    Status.DEVIATION: "~",
    Status.ERROR: "✗",
    Status.CRITICAL: "✗",
}


def check(directory: Directory) -> bool:
    headers = {"Authorization": f"Bearer {directory.token}"}
    with Client(base_url=directory.base_url, headers=headers, timeout=60) as client:
        results = check_server(SyncSCIMClient(client))

    for result in results:
        where = f"{result.resource_type} " if result.resource_type else ""
        print(f"{SIGNS[result.status]} {where}{result.title}: {result.reason or 'ok'}")
        if result.status in FAILURES and result.data is not None:
            print(f"    {result.data}")
    failed = sum(result.status in FAILURES for result in results)
    print(f"\n{len(results)} checks, {failed} failed")
    if len(results) < FEWEST_CHECKS:
        print(f"fewer than {FEWEST_CHECKS}: the suite has given up early")
    return failed == 0 and len(results) >= FEWEST_CHECKS


def directory() -> Directory:
    if "MUSTER_SCIM_BASE_URL" in os.environ:
        return Directory("", os.environ["MUSTER_SCIM_BASE_URL"], os.environ["MUSTER_SCIM_TOKEN"])
    server = Server.from_environment()
    return server.directory(server.organization("scim2-tester")["id"], "scim2-tester")


if __name__ == "__main__":
    sys.exit(0 if check(directory()) else 1)
