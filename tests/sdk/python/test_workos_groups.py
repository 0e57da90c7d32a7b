"""Native groups and their members, through the SDK of WorkOS."""

from typing import Any

import pytest
from conftest import ids
from muster_server import Server
from workos import ConflictError, NotFoundError, WorkOSError


def members_of(workos: Any, group: Any) -> list[str]:
    rows = workos.groups.list_group_organization_memberships(group.organization_id, group.id, limit=100)
    return sorted(ids(rows.data))


def added(workos: Any, group: Any) -> int:
    """How many times a member was added to the group, by the events."""
    events = workos.events.list_events(events=["group.member_added"], organization_id=group.organization_id)
    return sum(event.data.group_id == group.id for event in events.auto_paging_iter())


def test_a_group_is_as_it_was_made(workos: Any, organization: Any) -> None:
    plain = workos.groups.create_organization_group(organization.id, name="Ops")
    assert plain.id.startswith("group_") and plain.organization_id == organization.id
    assert (plain.name, plain.description) == ("Ops", None)
    described = workos.groups.create_organization_group(organization.id, name="Ops", description="On call")
    assert described.description == "On call" and described.id != plain.id, "names need not be unique"
    assert workos.groups.create_organization_group(organization.id, name="Dev", description=None).description is None
    for made in (plain, described):
        assert workos.groups.get_organization_group(organization.id, made.id) == made


def test_groups_are_listed_over_many_pages_and_searched(workos: Any, organization: Any) -> None:
    made = [workos.groups.create_organization_group(organization.id, name=f"Team {n}").id for n in range(5)]
    pages = workos.groups.list_organization_groups(organization.id, limit=2)
    assert ids(pages.data) == made[:2:-1]
    assert ids(pages.auto_paging_iter()) == made[::-1]
    oldest = workos.groups.list_organization_groups(organization.id, limit=2, order="asc")
    assert ids(oldest.auto_paging_iter()) == made
    for search in ("team 3", made[3]):
        assert ids(workos.groups.list_organization_groups(organization.id, search=search).data) == [made[3]]


def test_an_update_of_a_group_changes_what_it_names(workos: Any, organization: Any) -> None:
    group = workos.groups.create_organization_group(organization.id, name="Ops", description="On call")
    update = workos.groups.update_organization_group
    renamed = update(organization.id, group.id, name="Operations")
    assert (renamed.name, renamed.description) == ("Operations", "On call")
    assert renamed.created_at == group.created_at and renamed.updated_at >= group.updated_at
    described = update(organization.id, group.id, description="Awake")
    assert (described.name, described.description) == ("Operations", "Awake")
    cleared = update(organization.id, group.id, description=None)
    assert (cleared.name, cleared.description) == ("Operations", None)
    assert workos.groups.get_organization_group(organization.id, group.id) == cleared


def test_a_deleted_group_is_gone_and_its_members_are_not(workos: Any, group: Any, member: Any) -> None:
    membership = member()
    organization, add = group.organization_id, workos.groups.create_group_organization_membership
    add(organization, group.id, organization_membership_id=membership.id)
    workos.groups.delete_organization_group(organization, group.id)
    for gone in (workos.groups.get_organization_group, workos.groups.delete_organization_group):
        with pytest.raises(NotFoundError) as refused:
            gone(organization, group.id)
        assert refused.value.code == "entity_not_found"
    service = workos.organization_membership
    assert service.list_organization_membership_groups(membership.id).data == []
    assert service.get_organization_membership(membership.id).status == "active"


def test_a_member_added_twice_is_there_once(workos: Any, group: Any, member: Any) -> None:
    membership = member()
    for _ in range(2):
        answer = workos.groups.create_group_organization_membership(
            group.organization_id, group.id, organization_membership_id=membership.id
        )
        assert answer.id == group.id and answer.name == "Engineering", "the answer is the group"
    assert members_of(workos, group) == [membership.id]
    assert added(workos, group) == 1


def test_members_are_listed_with_their_users_over_many_pages(workos: Any, group: Any, member: Any) -> None:
    made = [member() for _ in range(5)]
    workos.groups.update_group_organization_memberships(group.organization_id, group.id, add=ids(made))
    pages = workos.groups.list_group_organization_memberships(group.organization_id, group.id, limit=2)
    assert len(pages.data) == 2 and pages.after == pages.data[-1].id
    rows = list(pages.auto_paging_iter())
    assert ids(rows) == ids(made)[::-1]
    for row, membership in zip(rows, made[::-1], strict=True):
        assert row.user.id == row.user_id == membership.user_id
        assert row.organization_id == group.organization_id and row.status == "active"
        assert row.directory_managed is False
        assert row.user == workos.user_management.get_user(row.user_id)


def test_many_members_change_at_once_or_none(workos: Any, group: Any, member: Any) -> None:
    change = workos.groups.update_group_organization_memberships
    one, two, three = sorted(ids([member(), member(), member()]))
    assert change(group.organization_id, group.id, add=[one, two]) is None
    assert members_of(workos, group) == [one, two]
    # Members that are there, and others that are not, are no mistake.
    change(group.organization_id, group.id, add=[two, three], remove=[one])
    change(group.organization_id, group.id, remove=[one])
    assert members_of(workos, group) == [two, three]
    assert added(workos, group) == 3

    with pytest.raises(WorkOSError) as refused:
        change(group.organization_id, group.id, add=[one], remove=[one])
    assert refused.value.code == "group_membership_update_overlap"
    with pytest.raises(NotFoundError):
        change(group.organization_id, group.id, add=[one, "om_01ARZ3NDEKTSV4RRFFQ69G5FAV"], remove=[two])
    with pytest.raises(WorkOSError) as refused:
        change(group.organization_id, group.id, add=[])
    assert refused.value.status_code in (400, 422)
    assert members_of(workos, group) == [two, three]


def test_a_member_is_removed_and_stays_removed(workos: Any, group: Any, member: Any) -> None:
    membership, stays = member(), member()
    workos.groups.update_group_organization_memberships(
        group.organization_id, group.id, add=[membership.id, stays.id]
    )
    for _ in range(2):
        workos.groups.delete_group_organization_membership(group.organization_id, group.id, membership.id)
    assert members_of(workos, group) == [stays.id]
    removed = workos.events.list_events(events=["group.member_removed"], organization_id=group.organization_id)
    assert [event.data.organization_membership_id for event in removed.data] == [membership.id]


def test_a_membership_knows_its_groups(workos: Any, organization: Any, member: Any) -> None:
    membership = member()
    groups = [workos.groups.create_organization_group(organization.id, name=f"Team {n}") for n in range(3)]
    for group in groups:
        workos.groups.create_group_organization_membership(
            organization.id, group.id, organization_membership_id=membership.id
        )
    pages = workos.organization_membership.list_organization_membership_groups(membership.id, limit=2)
    assert len(pages.data) == 2
    assert list(pages.auto_paging_iter()) == groups[::-1]


def test_groups_of_a_rule_are_changed_by_the_rule_alone(
    workos: Any, server: Server, organization: Any, directory: Any, member: Any, unique: str
) -> None:
    by_hand = member()
    ada = directory.user(f"ada.{unique}@corp.example")
    directory.group("eng-ios", [ada])
    server.rule(organization.id, "mirror", {"group": 'displayName sw "eng-"'}, [{"mirror_group": {}}])
    groups, (group,) = workos.groups, workos.groups.list_organization_groups(organization.id).data
    assert group.name == "eng-ios"
    (mirrored,) = groups.list_group_organization_memberships(organization.id, group.id).data
    assert mirrored.directory_managed is True and mirrored.user.email == f"ada.{unique}@corp.example"
    for attempt in (
        lambda: groups.create_group_organization_membership(
            organization.id, group.id, organization_membership_id=by_hand.id
        ),
        lambda: groups.update_group_organization_memberships(organization.id, group.id, remove=[mirrored.id]),
        lambda: groups.delete_group_organization_membership(organization.id, group.id, mirrored.id),
        lambda: groups.update_organization_group(organization.id, group.id, name="Mine"),
        lambda: groups.delete_organization_group(organization.id, group.id),
    ):
        with pytest.raises(ConflictError) as refused:
            attempt()
        assert refused.value.code == "group_managed"
    assert members_of(workos, group) == [mirrored.id]
    # What it says about itself is nobody's but the application's.
    described = groups.update_organization_group(organization.id, group.id, description="From Okta")
    assert (described.name, described.description) == ("eng-ios", "From Okta")


def test_groups_and_members_of_another_organization_are_not_found(
    workos: Any, organization: Any, other: Any, group: Any, member: Any
) -> None:
    membership, groups = member(), workos.groups
    theirs = groups.create_organization_group(other.id, name="Theirs")
    for attempt in (
        lambda: groups.get_organization_group(other.id, group.id),
        lambda: groups.update_organization_group(other.id, group.id, name="Mine"),
        lambda: groups.delete_organization_group(other.id, group.id),
        lambda: groups.list_group_organization_memberships(other.id, group.id),
        lambda: groups.create_group_organization_membership(
            other.id, theirs.id, organization_membership_id=membership.id
        ),
        lambda: groups.update_group_organization_memberships(other.id, theirs.id, add=[membership.id]),
        lambda: groups.delete_group_organization_membership(other.id, group.id, membership.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            attempt()
        assert refused.value.code == "entity_not_found"
    assert members_of(workos, theirs) == []
    assert groups.get_organization_group(organization.id, group.id) == group
