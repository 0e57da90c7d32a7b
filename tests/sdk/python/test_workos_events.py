"""The feed of events, through the SDK of WorkOS, which decodes each kind into a model of its own."""

from datetime import timedelta
from typing import Any

import pytest
from conftest import ids, within
from muster_server import Directory, Server
from workos import BadRequestError, UnprocessableEntityError, WorkOSError
from workos.events.models import EventSchemaUnknown
from workos.organizations.models import OrganizationDomainData

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

# What a whole life of an organization emits. Users are nobody's: their events have no organization.
OF_ORGANIZATION = """
    organization.created organization.updated organization.deleted
    organization_domain.created organization_domain.verified organization_domain.deleted
    organization_membership.created organization_membership.updated organization_membership.deleted
    group.created group.updated group.deleted group.member_added group.member_removed
    dsync.activated dsync.deleted dsync.token.created dsync.token.revoked
    dsync.user.created dsync.user.updated dsync.user.deleted
    dsync.group.created dsync.group.updated dsync.group.deleted dsync.group.user_added dsync.group.user_removed
""".split()
OF_USERS = ["user.created", "user.updated", "user.deleted"]


def patch(directory: Directory, path: str, operation: dict) -> None:
    directory.request("PATCH", path, {"schemas": [PATCH], "Operations": [operation]})


def native_life(workos: Any, organization: Any, unique: str) -> str:
    """All that can happen to what an application makes; the user's id."""
    service, org = workos.organization_membership, organization.id
    verified = [OrganizationDomainData(f"{unique}.example", "verified")]
    workos.organizations.update_organization(org, name="Acme Corp", domain_data=verified)
    user = workos.user_management.create_user(email=f"life.{unique}@corp.example")
    membership = service.create_organization_membership(user_id=user.id, organization_id=org)
    group = workos.groups.create_organization_group(org, name="Engineering")
    workos.groups.create_group_organization_membership(org, group.id, organization_membership_id=membership.id)
    workos.groups.update_organization_group(org, group.id, name="Research")
    service.deactivate_organization_membership(membership.id)
    service.reactivate_organization_membership(membership.id)
    workos.groups.delete_organization_group(org, group.id)
    workos.user_management.update_user(user.id, first_name="Ada")
    service.delete_organization_membership(membership.id)
    workos.user_management.delete_user(user.id)
    workos.organizations.update_organization(org, domain_data=[])
    return user.id


def directory_life(workos: Any, server: Server, organization: Any, directory: Directory) -> None:
    """All that can happen to what an identity provider pushes."""
    token = server.request("POST", f"/directories/{directory.id}/tokens", {"name": "second"})
    server.request("DELETE", f"/directories/{directory.id}/tokens/{token['id']}")
    user = directory.user("ada@corp.example", title="Countess")
    patch(directory, f"/Users/{user}", {"op": "replace", "path": "title", "value": "Duchess"})
    group = directory.group("Engineering", [user])
    patch(directory, f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Research"})
    patch(directory, f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{user}"]'})
    directory.request("DELETE", f"/Groups/{group}")
    directory.request("DELETE", f"/Users/{user}")
    workos.directory_sync.delete_directory(directory.id)
    directories = workos.directory_sync.list_directories
    within(20, "the end of the directory", lambda: not directories(organization_id=organization.id).data)


def test_every_event_is_understood(
    workos: Any, server: Server, organization: Any, directory: Directory, unique: str
) -> None:
    user = native_life(workos, organization, unique)
    directory_life(workos, server, organization, directory)
    workos.organizations.delete_organization(organization.id)

    pages = workos.events.list_events(events=OF_ORGANIZATION, organization_id=organization.id, limit=7)
    happened = list(pages.auto_paging_iter())
    of_users = workos.events.list_events(events=OF_USERS, order="desc", limit=100).data
    of_user = [event for event in reversed(of_users) if event.data.id == user]
    for event in (*happened, *of_user):
        assert not isinstance(event, EventSchemaUnknown), event
        assert event.object == "event" and event.id.startswith("event_") and event.context.actor.id
    names = [event.event for event in happened]
    assert set(names) == set(OF_ORGANIZATION)
    assert names[0] == "organization.created" and names[-1] == "organization.deleted"
    assert [event.event for event in of_user] == OF_USERS
    assert ids(happened) == sorted(set(ids(happened))), "in order, each once"

    by_name = {event.event: event for event in happened}
    assert by_name["dsync.user.updated"].data.previous_attributes
    assert by_name["dsync.group.updated"].data.previous_attributes["name"] == "Engineering"
    added = by_name["dsync.group.user_added"].data
    assert (added.directory_id, added.user.email) == (directory.id, "ada@corp.example")
    assert by_name["dsync.activated"].data.id == directory.id


@pytest.fixture
def groups(workos: Any, organization: Any) -> list[str]:
    """Groups that were made one after the other; the names of their events."""
    for number in range(5):
        workos.groups.create_organization_group(organization.id, name=f"Team {number}")
    return [f"Team {number}" for number in range(5)]


def test_events_are_read_oldest_first_over_many_pages(workos: Any, organization: Any, groups: list[str]) -> None:
    def listed(**options: Any) -> Any:
        return workos.events.list_events(events=["group.created"], organization_id=organization.id, **options)

    def names(events: Any) -> list[str]:
        return [event.data.name for event in events]

    pages = listed(limit=2)
    assert names(pages.data) == groups[:2]
    assert pages.after == pages.data[-1].id
    assert names(pages.auto_paging_iter()) == groups
    assert names(listed(order="desc", limit=2).auto_paging_iter()) == groups[::-1]
    third = listed(after=pages.after, limit=1).data
    assert names(third) == groups[2:3]
    assert names(listed(before=third[0].id).data) == groups[:2]
    last = listed().data[-1]
    assert listed(after=last.id).data == []
    workos.groups.create_organization_group(organization.id, name="Later")
    assert names(listed(after=last.id).data) == ["Later"], "a reader goes on where they were"


def test_events_are_chosen_by_name_and_organization(
    workos: Any, organization: Any, other: Any, groups: list[str]
) -> None:
    workos.groups.create_organization_group(other.id, name="Theirs")
    names = ["group.created", "organization.created", "group.deleted"]
    chosen = workos.events.list_events(events=names, organization_id=organization.id, limit=100).data
    assert [event.event for event in chosen] == ["organization.created", *["group.created"] * 5]
    everywhere = workos.events.list_events(events=["group.created"], order="desc", limit=6).data
    assert [event.data.name for event in everywhere] == ["Theirs", *groups[::-1]]


def test_events_are_chosen_by_time(workos: Any, organization: Any, groups: list[str]) -> None:
    def listed(**options: Any) -> list[str]:
        events = workos.events.list_events(events=["group.created"], organization_id=organization.id, **options)
        return [event.data.name for event in events.data]

    middle = workos.events.list_events(events=["group.created"], organization_id=organization.id).data[2].created_at
    hour = timedelta(hours=1)
    assert listed(range_start=middle - hour, range_end=middle + hour) == groups
    assert listed(range_start=middle)[-3:] == groups[2:]
    assert listed(range_start=middle + hour) == []
    assert listed(range_end=middle - hour) == []
    assert listed(range_end=middle + hour) == groups
    with pytest.raises(WorkOSError) as refused:
        listed(range_start="yesterday")
    assert refused.value.status_code in (400, 422)


def test_a_feed_that_cannot_go_on_says_so(workos: Any, organization: Any) -> None:
    for cursor in ("nonsense", "event_nonsense", organization.id):
        with pytest.raises(BadRequestError) as refused:
            workos.events.list_events(events=["group.created"], after=cursor)
        assert refused.value.code and refused.value.message
    with pytest.raises(UnprocessableEntityError) as refused:
        workos.events.list_events(events=[])
    assert [(error["field"], error["code"]) for error in refused.value.errors] == [("events", "required")]
