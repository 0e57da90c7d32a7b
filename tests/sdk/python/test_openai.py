"""The groups, roles and people of an organization, through the SDK of OpenAI, which checks every answer strictly."""

import time
from typing import Any

import pytest
from calls import Counted
from conftest import openai_client
from muster_server import Server
from openai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    DefaultHttpxClient,
    NotFoundError,
    PermissionDeniedError,
)

MISSING = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def key(server: Server, organization: Any) -> str:
    return server.organization_key(organization.id)


@pytest.fixture
def openai(server: Server, key: str) -> Any:
    return Counted(openai_client(server, key), "openai").admin.organization


@pytest.fixture
def mirrored(server: Server, organization: Any, directory: Any, openai: Any, unique: str) -> Any:
    """A group that a directory controls, with one person in it."""
    directory.group("eng-ios", [directory.user(f"ada.{unique}@corp.example")])
    server.rule(organization.id, "mirror", {"group": 'displayName sw "eng-"'}, [{"mirror_group": {}}])
    (group,) = openai.groups.list().data
    return group


def ids(rows: Any) -> list[str]:
    return [row.id for row in rows]


def explained(error: APIStatusError) -> bool:
    """Whether the error has the shape that programs rely on."""
    assert isinstance(error.body, dict)
    assert {"message", "type", "param", "code"} <= error.body.keys()
    assert error.request_id
    return bool(error.body["message"]) and bool(error.body["type"])


def test_a_group_is_made_read_renamed_and_deleted(openai: Any, workos: Any, organization: Any) -> None:
    before = int(time.time())
    made = openai.groups.create(name="Support Team")
    assert made.id.startswith("group_") and made.name == "Support Team"
    assert (made.is_scim_managed, made.group_type) == (False, "group")
    assert before <= made.created_at <= int(time.time()) + 1, "seconds, not milliseconds"
    assert made._request_id
    assert openai.groups.retrieve(made.id) == made
    assert workos.groups.get_organization_group(organization.id, made.id).name == "Support Team"

    renamed = openai.groups.update(made.id, name="Escalations")
    assert (renamed.id, renamed.name, renamed.is_scim_managed) == (made.id, "Escalations", False)
    assert renamed.created_at == made.created_at
    assert openai.groups.retrieve(made.id).name == "Escalations"

    deleted = openai.groups.delete(made.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (made.id, True, "group.deleted")
    for gone in (
        lambda: openai.groups.retrieve(made.id),
        lambda: openai.groups.update(made.id, name="Again"),
        lambda: openai.groups.delete(made.id),
        lambda: openai.groups.users.list(made.id),
        lambda: openai.groups.roles.list(made.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            gone()
        assert explained(refused.value)


def test_groups_are_listed_oldest_first_over_many_pages(openai: Any) -> None:
    made = [openai.groups.create(name=f"Team {number}").id for number in range(5)]
    page = openai.groups.list(limit=2)
    assert ids(page.data) == made[:2] and page.has_more is True and page.next
    assert ids(page) == made, "the SDK goes on by itself"
    assert ids(openai.groups.list(limit=2, order="desc")) == made[::-1]
    assert ids(openai.groups.list(after=made[2])) == made[3:]
    whole = openai.groups.list()
    assert ids(whole.data) == made and whole.has_more is False and whole.next is None


def test_people_are_put_into_a_group_and_taken_out(openai: Any, member: Any) -> None:
    group = openai.groups.create(name="Support Team")
    members = [member() for _ in range(5)]
    for membership in members:
        added = openai.groups.users.create(group.id, user_id=membership.user_id)
        assert (added.object, added.group_id, added.user_id) == ("group.user", group.id, membership.user_id)
    people = [membership.user_id for membership in members]
    page = openai.groups.users.list(group.id, limit=2)
    assert ids(page.data) == people[:2:-1] and page.has_more is True
    assert ids(page) == people[::-1], "newest first"
    assert ids(openai.groups.users.list(group.id, limit=2, order="asc")) == people
    assert page.data[0].email == members[-1].user.email

    one = openai.groups.users.retrieve(people[0], group_id=group.id)
    assert (one.id, one.email, one.user_type) == (people[0], members[0].user.email, "user")
    assert one.is_service_account is False and one.picture is None and one.name
    # Again is no mistake.
    assert openai.groups.users.create(group.id, user_id=people[0]).user_id == people[0]

    removed = openai.groups.users.delete(people[0], group_id=group.id)
    assert (removed.object, removed.deleted) == ("group.user.deleted", True)
    assert ids(openai.groups.users.list(group.id)) == people[:0:-1]
    for attempt in (
        lambda: openai.groups.users.retrieve(people[0], group_id=group.id),
        lambda: openai.groups.users.create(group.id, user_id=f"user_{MISSING}"),
        lambda: openai.groups.users.create(f"group_{MISSING}", user_id=people[0]),
    ):
        with pytest.raises(NotFoundError) as refused:
            attempt()
        assert explained(refused.value)


def test_a_role_is_made_read_changed_and_deleted(openai: Any, unique: str) -> None:
    made = openai.roles.create(role_name=unique, permissions=["api.groups.read"], description="Reads groups")
    assert (made.object, made.name, made.description) == ("role", unique, "Reads groups")
    assert (made.permissions, made.predefined_role) == (["api.groups.read"], False)
    assert made.resource_type == "api.organization"
    assert openai.roles.retrieve(made.id) == made
    changed = openai.roles.update(made.id, permissions=["api.groups.read", "api.groups.write"])
    assert sorted(changed.permissions) == ["api.groups.read", "api.groups.write"]
    assert (changed.name, changed.description) == (unique, "Reads groups")
    assert openai.roles.update(made.id, role_name=f"{unique}-2", description="Writes").name == f"{unique}-2"
    assert openai.roles.retrieve(made.id).description == "Writes"

    listed = openai.roles.list()
    assert made.id in ids(listed)
    assert {role.name for role in listed if role.predefined_role}, "those that every organization has"
    assert ids(openai.roles.list(limit=1)) == ids(listed.data), "page by page"
    assert ids(openai.roles.list(limit=2, order="desc")) == ids(listed.data)[::-1]

    deleted = openai.roles.delete(made.id)
    assert (deleted.object, deleted.id, deleted.deleted) == ("role.deleted", made.id, True)
    for gone in (
        lambda: openai.roles.retrieve(made.id),
        lambda: openai.roles.update(made.id, role_name="again"),
        lambda: openai.roles.delete(made.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            gone()
        assert explained(refused.value)
    predefined = next(role for role in openai.roles.list() if role.predefined_role)
    with pytest.raises((BadRequestError, PermissionDeniedError)) as refused:
        openai.roles.delete(predefined.id)
    assert explained(refused.value)


def test_roles_of_a_group_reach_its_people(openai: Any, member: Any, unique: str) -> None:
    group, membership = openai.groups.create(name="Support Team"), member()
    openai.groups.users.create(group.id, user_id=membership.user_id)
    roles = [openai.roles.create(role_name=f"{unique}-{n}", permissions=[]) for n in range(3)]
    for role in roles:
        given = openai.groups.roles.create(group.id, role_id=role.id)
        assert given.object == "group.role" and given.role == role
        assert (given.group.id, given.group.name, given.group.scim_managed) == (group.id, "Support Team", False)
        assert given.group.object == "group" and given.group.created_at == group.created_at
    page = openai.groups.roles.list(group.id, limit=2)
    assert len(page.data) == 2 and page.has_more is True
    assert sorted(ids(page)) == sorted(ids(roles))
    assert openai.groups.roles.retrieve(roles[0].id, group_id=group.id).name == roles[0].name
    assert set(ids(roles)) <= set(ids(openai.users.roles.list(membership.user_id)))
    inherited = openai.users.roles.retrieve(roles[0].id, user_id=membership.user_id)
    assert group.id in [source.principal_id for source in inherited.assignment_sources]

    taken = openai.groups.roles.delete(roles[0].id, group_id=group.id)
    assert (taken.object, taken.deleted) == ("group.role.deleted", True)
    assert sorted(ids(openai.groups.roles.list(group.id))) == sorted(ids(roles[1:]))
    assert roles[0].id not in ids(openai.users.roles.list(membership.user_id))
    with pytest.raises(NotFoundError) as refused:
        openai.groups.roles.retrieve(roles[0].id, group_id=group.id)
    assert explained(refused.value)


def test_people_are_listed_over_many_pages_and_by_address(openai: Any, member: Any) -> None:
    members = [member() for _ in range(5)]
    page = openai.users.list(limit=2)
    assert len(page.data) == 2 and page.has_more is True and page.last_id == page.data[-1].id
    people = list(page)
    assert sorted(ids(people)) == sorted(membership.user_id for membership in members)
    assert all(person.object == "organization.user" and person.added_at > 1_700_000_000 for person in people)
    chosen = openai.users.list(emails=[members[1].user.email, members[3].user.email])
    assert sorted(ids(chosen)) == sorted([members[1].user_id, members[3].user_id])

    one = openai.users.retrieve(members[0].user_id)
    assert (one.id, one.email, one.is_scim_managed) == (members[0].user_id, members[0].user.email, False)
    deleted = openai.users.delete(one.id)
    assert (deleted.object, deleted.id, deleted.deleted) == ("organization.user.deleted", one.id, True)
    for gone in (openai.users.retrieve, openai.users.delete, openai.users.roles.list):
        with pytest.raises(NotFoundError) as refused:
            gone(one.id)
        assert explained(refused.value)


def test_people_are_given_roles(openai: Any, member: Any, unique: str) -> None:
    person = member().user_id
    role = openai.roles.create(role_name=unique, permissions=["api.groups.read"])
    given = openai.users.roles.create(person, role_id=role.id)
    assert (given.object, given.user.id, given.role) == ("user.role", person, role)
    assert role.id in ids(openai.users.roles.list(person, limit=1))
    assigned = openai.users.roles.retrieve(role.id, user_id=person)
    assert (assigned.id, assigned.name, assigned.permissions) == (role.id, unique, ["api.groups.read"])
    taken = openai.users.roles.delete(role.id, user_id=person)
    assert (taken.object, taken.deleted) == ("user.role.deleted", True)
    assert role.id not in ids(openai.users.roles.list(person))
    with pytest.raises(NotFoundError) as refused:
        openai.users.roles.retrieve(role.id, user_id=person)
    assert explained(refused.value)
    assert openai.users.update(person, role="owner").role == "owner"
    assert openai.users.update(person, role="reader").role == "reader"
    assert openai.users.update(person, role_id=role.id).id == person
    assert role.id in ids(openai.users.roles.list(person))


def test_a_group_of_a_directory_says_so_and_is_not_changed_by_hand(
    server: Server, key: str, openai: Any, mirrored: Any, member: Any
) -> None:
    by_hand = member().user_id
    (ada,) = openai.groups.users.list(mirrored.id).data
    assert mirrored.is_scim_managed is True and ada.email
    sent: list[Any] = []
    client = DefaultHttpxClient(event_hooks={"request": [sent.append]})
    # With the retries that the SDK makes by default.
    patient = openai_client(server, key, http_client=client, max_retries=2).admin.organization
    attempts = (
        lambda: patient.groups.update(mirrored.id, name="Mine"),
        lambda: patient.groups.delete(mirrored.id),
        lambda: patient.groups.users.create(mirrored.id, user_id=by_hand),
        lambda: patient.groups.users.delete(ada.id, group_id=mirrored.id),
    )
    for attempt in attempts:
        with pytest.raises(PermissionDeniedError) as refused:
            attempt()
        assert refused.value.code == "group_scim_managed" and explained(refused.value)
    assert len(sent) == len(attempts), "no attempt was repeated"
    assert openai.groups.retrieve(mirrored.id) == mirrored
    assert ids(openai.groups.users.list(mirrored.id)) == [ada.id]


def test_a_wrong_key_is_refused(server: Server) -> None:
    with pytest.raises(AuthenticationError) as refused:
        openai_client(server, "sk_test_wrong").admin.organization.groups.list()
    assert explained(refused.value)


def test_a_key_that_may_only_read_may_not_write(server: Server, organization: Any, openai: Any) -> None:
    group = openai.groups.create(name="Support Team")
    reader = openai_client(server, server.organization_key(organization.id, "read")).admin.organization
    assert reader.groups.retrieve(group.id) == group
    for attempt in (lambda: reader.groups.create(name="Mine"), lambda: reader.groups.delete(group.id)):
        with pytest.raises(PermissionDeniedError) as refused:
            attempt()
        assert explained(refused.value)


def test_what_is_wrong_with_a_request_is_named(openai: Any) -> None:
    for attempt, param in (
        (lambda: openai.groups.create(name=""), "name"),
        (lambda: openai.groups.create(name="x" * 256), "name"),
        (lambda: openai.groups.list(limit=1001), "limit"),
        (lambda: openai.groups.list(order="sideways"), "order"),
        (lambda: openai.groups.list(after="nonsense"), "after"),
        (lambda: openai.roles.create(role_name="", permissions=[]), "role_name"),
        (lambda: openai.users.list(limit=0), "limit"),
    ):
        with pytest.raises(BadRequestError) as refused:
            attempt()
        assert explained(refused.value) and refused.value.param == param


def test_a_key_reaches_its_own_organization(server: Server, workos: Any, openai: Any, other: Any, unique: str) -> None:
    group = openai.groups.create(name="Support Team")
    theirs = openai_client(server, server.organization_key(other.id)).admin.organization
    assert ids(theirs.groups.list()) == []
    for attempt in (
        lambda: theirs.groups.retrieve(group.id),
        lambda: theirs.groups.update(group.id, name="Mine"),
        lambda: theirs.groups.delete(group.id),
        lambda: theirs.groups.users.list(group.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            attempt()
        assert explained(refused.value)
    assert openai.groups.retrieve(group.id) == group


def test_a_key_of_the_environment_names_the_organization(server: Server, organization: Any, openai: Any) -> None:
    group = openai.groups.create(name="Support Team")
    named = openai_client(server, server.api_key, organization=organization.id).admin.organization
    assert named.groups.list().data == [group]
    with pytest.raises(BadRequestError) as refused:
        openai_client(server, server.api_key).admin.organization.groups.list()
    assert explained(refused.value)
    nobodys = openai_client(server, server.api_key, organization=f"org_{MISSING}").admin.organization
    with pytest.raises(NotFoundError) as refused:
        nobodys.groups.list()
    assert explained(refused.value)
