"""What the tests start from. The server runs already: see tests/sdk/run.sh."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from calls import CALLED, Counted
from muster_server import Directory, Server
from openai import OpenAI
from workos import WorkOSClient

T = TypeVar("T")


@pytest.fixture(scope="session")
def server() -> Server:
    return Server.from_environment()


@pytest.fixture(scope="session")
def workos(server: Server) -> Any:
    return Counted(workos_client(server, server.api_key), "workos")


def workos_client(server: Server, key: str) -> WorkOSClient:
    # Without retries: a failure of the server must not be covered up by a second attempt.
    return WorkOSClient(api_key=key, client_id="client_sdk", base_url=server.url, max_retries=0)


def openai_client(server: Server, key: str, **options: Any) -> OpenAI:
    # Strict: a missing field, an unknown enum value or a time that is no integer raises.
    client = {"base_url": f"{server.url}/v1", "max_retries": 0, "_strict_response_validation": True, **options}
    return OpenAI(admin_api_key=key, **client)


@pytest.fixture
def unique() -> str:
    """A text that no other test uses."""
    return uuid.uuid4().hex


@pytest.fixture
def organization(workos: Any, unique: str) -> Any:
    """An organization of the test's own."""
    return workos.organizations.create_organization(name=f"Acme {unique}")


@pytest.fixture
def other(workos: Any, unique: str) -> Any:
    """An organization that is somebody else's."""
    return workos.organizations.create_organization(name=f"Other {unique}")


@pytest.fixture
def group(workos: Any, organization: Any) -> Any:
    """A group of the organization."""
    return workos.groups.create_organization_group(organization.id, name="Engineering")


@pytest.fixture
def directory(server: Server, organization: Any) -> Directory:
    """A directory of the organization, to push to."""
    return server.directory(organization.id, "Okta")


@pytest.fixture
def user(workos: Any, unique: str) -> Any:
    """A user without any membership."""
    return workos.user_management.create_user(email=f"ada.{unique}@corp.example", first_name="Ada")


@pytest.fixture
def member(workos: Any, organization: Any, unique: str) -> Callable[[], Any]:
    """Makes a user, and a member of the organization of them."""
    count = iter(range(1000))

    def make() -> Any:
        user = workos.user_management.create_user(email=f"member{next(count)}.{unique}@corp.example")
        service = workos.organization_membership
        return service.create_organization_membership(user_id=user.id, organization_id=organization.id)

    return make


def within(seconds: float, what: str, attempt: Callable[[], T | None]) -> T:
    """What the attempt answers as soon as it answers something."""
    deadline = time.monotonic() + seconds
    while True:
        answer = attempt()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def ids(rows: Any) -> list[str]:
    return [row.id for row in rows]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.section("methods called")
    for name, times in sorted(CALLED.items()):
        terminalreporter.write_line(f"{times:4} × {name}")
    terminalreporter.write_line(f"{len(CALLED)} methods")
