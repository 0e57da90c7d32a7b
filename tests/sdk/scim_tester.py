"""Runs the public suite scim2-tester and prints each check.

With a database URL as argument it starts Muster on that database; without one it tests the directory at
MUSTER_SCIM_BASE_URL with the token MUSTER_SCIM_TOKEN, whatever server that is.

Exits with 1 if a check failed, or if there were suspiciously few of them.
"""

import os
import sys

import muster_server
from httpx2 import Client
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


def check(directory: muster_server.Directory) -> bool:
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


def main() -> None:
    if len(sys.argv) > 1:
        with muster_server.running(sys.argv[1]) as server:
            # Within the block, so that a failure shows the server's log.
            if not check(server.directory("scim2-tester")):
                sys.exit(1)
    else:
        environment = os.environ
        directory = muster_server.Directory(environment["MUSTER_SCIM_BASE_URL"], environment["MUSTER_SCIM_TOKEN"])
        sys.exit(0 if check(directory) else 1)


if __name__ == "__main__":
    main()
