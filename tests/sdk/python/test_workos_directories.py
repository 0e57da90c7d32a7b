"""What identity providers pushed, through the SDK of WorkOS."""

from typing import Any

import pytest
from conftest import ids, within
from muster_server import Server
from workos import NotFoundError, UnprocessableEntityError

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def test_directories_are_listed_read_and_deleted(
    workos: Any, server: Server, organization: Any, other: Any, directory: Any
) -> None:
    sync = workos.directory_sync
    second = server.directory(organization.id, "Entra ID")
    server.directory(other.id, "Elsewhere")
    directory.user("ada@corp.example")
    pages = sync.list_directories(organization_id=organization.id, limit=1)
    assert ids(pages.data) == [second.id]
    assert ids(pages.auto_paging_iter()) == [second.id, directory.id]
    assert ids(sync.list_directories(organization_id=organization.id, search="okt").data) == [directory.id]

    read = sync.get_directory(directory.id)
    assert (read.name, read.type, read.organization_id) == ("Okta", "generic scim v2.0", organization.id)
    assert read.state == "linked" and read.external_key
    assert read.metadata.users.active == 1 and read.metadata.groups == 0

    # A run deletes what it holds; its state says so until then.
    sync.delete_directory(directory.id)

    def gone() -> bool:
        try:
            assert sync.get_directory(directory.id).state == "deleting"
        except NotFoundError as refused:
            return refused.code == "entity_not_found"
        return False

    within(20, "the end of the directory", gone)
    assert ids(sync.list_directories(organization_id=organization.id).data) == [second.id]


def test_a_directory_user_shows_what_was_pushed(workos: Any, organization: Any, directory: Any) -> None:
    pushed = {
        "externalId": "okta-1",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@corp.example", "type": "work", "primary": True}],
        "title": "Countess",
        "active": True,
        ENTERPRISE: {"department": "Engines", "employeeNumber": "1"},
    }
    directory.user("ada@corp.example", **pushed)
    (listed,) = workos.directory_sync.list_users(directory=directory.id).data
    assert (listed.directory_id, listed.organization_id) == (directory.id, organization.id)
    assert listed.id.startswith("directory_user_") and listed.idp_id == "okta-1"
    assert (listed.email, listed.first_name, listed.last_name) == ("ada@corp.example", "Ada", "Lovelace")
    assert listed.state == "active" and listed.groups == []
    assert listed.custom_attributes["department_name"] == "Engines"
    assert listed.raw_attributes["title"] == "Countess"
    assert workos.directory_sync.get_user(listed.id) == listed
    by = workos.directory_sync.list_users
    assert by(directory=directory.id, email="ada@corp.example").data == [listed]
    assert by(directory=directory.id, idp_id="okta-1").data == [listed]
    assert by(directory=directory.id, idp_id="okta-2").data == []


def test_directory_users_are_listed_over_many_pages_and_by_group(workos: Any, directory: Any) -> None:
    directory.users("user", 25)
    pages = workos.directory_sync.list_users(directory=directory.id)
    assert len(pages.data) == 10 and pages.has_more()
    everybody = list(pages.auto_paging_iter())
    assert sorted(user.email for user in everybody) == [f"user{n:03}@corp.example" for n in range(25)]
    assert len({user.id for user in everybody}) == 25

    some = everybody[3:10]
    scim = directory.request("GET", "/Users?count=100")["Resources"]
    by_name = {user["userName"]: user["id"] for user in scim}
    directory.group("Engineering", [by_name[user.email] for user in some])
    (group,) = workos.directory_sync.list_groups(directory=directory.id).data
    members = workos.directory_sync.list_users(group=group.id, limit=4)
    assert len(members.data) == 4
    assert list(members.auto_paging_iter()) == some


def test_directory_groups_are_listed_read_and_found_by_user(workos: Any, organization: Any, directory: Any) -> None:
    sync = workos.directory_sync
    ada, bo = directory.user("ada@corp.example"), directory.user("bo@corp.example")
    for name, members in (("One", [ada]), ("Two", [ada, bo]), ("Three", [])):
        directory.group(name, members)
    pages = sync.list_groups(directory=directory.id, limit=2)
    assert [group.name for group in pages.data] == ["Three", "Two"]
    groups = list(pages.auto_paging_iter())
    assert [group.name for group in groups] == ["Three", "Two", "One"]
    assert all(group.id.startswith("directory_group_") and group.idp_id == group.name for group in groups)
    assert all((group.directory_id, group.organization_id) == (directory.id, organization.id) for group in groups)
    assert sync.get_group(groups[1].id) == groups[1]
    (user,) = sync.list_users(directory=directory.id, email="ada@corp.example").data
    assert [group.name for group in sync.list_groups(user=user.id).data] == ["Two", "One"]


def test_somebody_who_left_is_inactive_and_a_deleted_one_is_gone(workos: Any, directory: Any) -> None:
    ada = directory.user("ada@corp.example", active=False)
    (user,) = workos.directory_sync.list_users(directory=directory.id).data
    assert user.state == "inactive"
    directory.request("DELETE", f"/Users/{ada}")
    assert workos.directory_sync.list_users(directory=directory.id).data == []
    with pytest.raises(NotFoundError):
        workos.directory_sync.get_user(user.id)


def test_what_is_not_there_or_not_named_is_refused(workos: Any, directory: Any) -> None:
    sync, missing = workos.directory_sync, "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for attempt in (
        lambda: sync.get_directory(f"directory_{missing}"),
        lambda: sync.get_user(f"directory_user_{missing}"),
        lambda: sync.get_group(f"directory_group_{missing}"),
        lambda: sync.get_group("nonsense"),
        lambda: sync.list_users(directory=f"directory_{missing}"),
        lambda: sync.list_groups(user=f"directory_user_{missing}"),
    ):
        with pytest.raises(NotFoundError) as refused:
            attempt()
        assert refused.value.code == "entity_not_found"
    with pytest.raises(UnprocessableEntityError):
        sync.list_users(email="ada@corp.example")
