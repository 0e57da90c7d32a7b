"""What all requests have in common: errors and their classes, keys, repeated requests; through the SDK of WorkOS."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import workos_client
from muster_server import Server
from workos import (
    AuthenticationError,
    AuthorizationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnprocessableEntityError,
    WorkOSError,
)

MISSING = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

REFUSED: dict[str, tuple[type[WorkOSError], int, Callable[[Any], Any]]] = {
    "a cursor that is none": (BadRequestError, 400, lambda w: w.organizations.list_organizations(after="nonsense")),
    "memberships of nobody": (BadRequestError, 400, lambda w: w.organization_membership.list_organization_memberships()),
    "an id that is nobody's": (NotFoundError, 404, lambda w: w.organizations.get_organization(f"org_{MISSING}")),
    "an id that is none": (NotFoundError, 404, lambda w: w.organizations.get_organization("org_nonsense")),
    "an id of something else": (NotFoundError, 404, lambda w: w.user_management.get_user(f"group_{MISSING}")),
    "an external id that is nobody's": (
        NotFoundError,
        404,
        lambda w: w.organizations.get_organization_by_external_id("no/body"),
    ),
    "an empty name": (UnprocessableEntityError, 422, lambda w: w.organizations.create_organization(name="")),
    "a limit that is too large": (UnprocessableEntityError, 422, lambda w: w.organizations.list_organizations(limit=101)),
    "an address that is none": (BadRequestError, 400, lambda w: w.user_management.create_user(email="ada")),
    "an order that is none": (
        UnprocessableEntityError,
        422,
        lambda w: w.directory_sync.list_directories(order="sideways"),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_error_has_its_class_a_message_and_a_request_id(workos: Any, what: str) -> None:
    kind, status, attempt = REFUSED[what]
    with pytest.raises(kind) as refused:
        attempt(workos)
    error = refused.value
    assert type(error) is kind and error.status_code == status
    assert error.code and error.message and error.request_id
    if status == 422:
        assert all(entry["code"] and entry["message"] and "field" in entry for entry in error.errors)


def test_a_conflict_has_its_class(workos: Any, organization: Any, member: Any) -> None:
    membership = member()
    with pytest.raises(ConflictError) as refused:
        workos.organization_membership.create_organization_membership(
            user_id=membership.user_id, organization_id=organization.id
        )
    assert refused.value.status_code == 409 and refused.value.request_id


@pytest.mark.parametrize("key", ["sk_test_wrong", "nonsense"])
def test_a_wrong_key_is_refused(server: Server, key: str) -> None:
    stranger = workos_client(server, key)
    for attempt in (
        stranger.organizations.list_organizations,
        lambda: stranger.organizations.create_organization(name="Mine"),
        lambda: stranger.events.list_events(events=["group.created"]),
        stranger.webhooks.list_webhook_endpoints,
    ):
        with pytest.raises(AuthenticationError) as refused:
            attempt()
        assert refused.value.status_code == 401


def test_a_key_that_may_only_read_may_not_write(server: Server, organization: Any, group: Any) -> None:
    reader = workos_client(server, server.organization_key(organization.id, "read"))
    assert reader.groups.get_organization_group(organization.id, group.id) == group
    for attempt in (
        lambda: reader.groups.create_organization_group(organization.id, name="Mine"),
        lambda: reader.groups.update_organization_group(organization.id, group.id, name="Mine"),
        lambda: reader.groups.delete_organization_group(organization.id, group.id),
        lambda: reader.organizations.update_organization(organization.id, name="Mine"),
        lambda: reader.organizations.delete_organization(organization.id),
    ):
        with pytest.raises(AuthorizationError) as refused:
            attempt()
        assert refused.value.status_code == 403
    assert reader.groups.list_organization_groups(organization.id).data == [group]


def test_a_key_of_an_organization_sees_nothing_of_another(
    workos: Any, server: Server, organization: Any, other: Any, group: Any, directory: Any, member: Any
) -> None:
    membership = member()
    directory.group("Engineering", [directory.user("ada@corp.example")])
    (user,) = workos.directory_sync.list_users(directory=directory.id).data
    (pushed,) = workos.directory_sync.list_groups(directory=directory.id).data
    theirs = workos_client(server, server.organization_key(other.id))
    for attempt in (
        lambda: theirs.organizations.get_organization(organization.id),
        lambda: theirs.organizations.update_organization(organization.id, name="Mine"),
        lambda: theirs.organizations.delete_organization(organization.id),
        lambda: theirs.groups.list_organization_groups(organization.id),
        lambda: theirs.groups.get_organization_group(other.id, group.id),
        lambda: theirs.organization_membership.get_organization_membership(membership.id),
        lambda: theirs.organization_membership.deactivate_organization_membership(membership.id),
        lambda: theirs.user_management.get_user(membership.user_id),
        lambda: theirs.directory_sync.get_directory(directory.id),
        lambda: theirs.directory_sync.delete_directory(directory.id),
        lambda: theirs.directory_sync.list_users(directory=directory.id),
        lambda: theirs.directory_sync.get_user(user.id),
        lambda: theirs.directory_sync.get_group(pushed.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            attempt()
        assert refused.value.code == "entity_not_found"
    # Users are of the environment, whose keys alone change them.
    for user_id in (membership.user_id, f"user_{MISSING}"):
        with pytest.raises(AuthorizationError):
            theirs.user_management.update_user(user_id, first_name="Mallory")
    assert [row.id for row in theirs.organizations.list_organizations().data] == [other.id]
    assert theirs.user_management.list_users().data == []
    assert theirs.directory_sync.list_directories().data == []
    seen = theirs.events.list_events(events=["organization.created", "group.created", "dsync.user.created"])
    assert {event.event for event in seen.data} == {"organization.created"}
    assert [event.data.id for event in seen.data] == [other.id]


def test_a_repeated_request_is_answered_and_not_done_again(workos: Any, unique: str) -> None:
    again = {"idempotency_key": unique}
    create = workos.organizations.create_organization
    first = create(name=unique, request_options=again)
    assert create(name=unique, request_options=again) == first
    assert workos.organizations.list_organizations(search=unique).data == [first]
    with pytest.raises(WorkOSError) as refused:
        create(name=f"{unique} other", request_options=again)
    assert refused.value.status_code in (400, 409, 422)
    assert workos.organizations.list_organizations(search=unique).data == [first]
