"""Organization memberships and roles, through the SDK of WorkOS."""

from typing import Any

import pytest
from conftest import ids
from muster_server import Server
from workos import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError
from workos.organization_membership import RoleMultiple, RoleSingle


def slugs(membership: Any) -> list[str]:
    return sorted(role.slug for role in membership.roles)


@pytest.fixture
def create(workos: Any, organization: Any, user: Any) -> Any:
    """Makes the user a member of the organization."""

    def make(**options: Any) -> Any:
        service = workos.organization_membership
        return service.create_organization_membership(user_id=user.id, organization_id=organization.id, **options)

    return make


def test_a_new_member_is_active_and_has_the_default_role(
    workos: Any, organization: Any, user: Any, create: Any
) -> None:
    made = create()
    assert made.id.startswith("om_")
    assert (made.user_id, made.organization_id, made.organization_name) == (user.id, organization.id, organization.name)
    assert (made.status, made.directory_managed) == ("active", False)
    assert made.role.slug == "member" and slugs(made) == ["member"]
    assert made.user.to_dict() == user.to_dict()
    read = workos.organization_membership.get_organization_membership(made.id)
    assert read.to_dict() == made.to_dict()


def test_roles_are_given_when_a_member_is_made(workos: Any, organization: Any, create: Any, unique: str) -> None:
    roles = workos.authorization.list_organization_roles(organization.id).data
    assert sorted(role.slug for role in roles) == ["admin", "member"]
    assert slugs(create(role=RoleSingle("admin"))) == ["admin"]
    second = workos.user_management.create_user(email=f"second.{unique}@corp.example")
    both = workos.organization_membership.create_organization_membership(
        user_id=second.id, organization_id=organization.id, role=RoleMultiple(["member", "admin"])
    )
    assert slugs(both) == ["admin", "member"]


def test_roles_are_replaced_by_an_update(workos: Any, create: Any) -> None:
    made, update = create(), workos.organization_membership.update_organization_membership
    promoted = update(made.id, role=RoleSingle("admin"))
    assert promoted.role.slug == "admin" and slugs(promoted) == ["admin"]
    assert slugs(update(made.id, role=RoleMultiple(["admin", "member"]))) == ["admin", "member"]
    assert slugs(update(made.id, role=RoleSingle("member"))) == ["member"]
    for wrong in (RoleSingle("emperor"), RoleMultiple(["admin", "emperor"])):
        with pytest.raises(UnprocessableEntityError) as refused:
            update(made.id, role=wrong)
        assert "invalid_role" in (refused.value.code, *(error["code"] for error in refused.value.errors or []))
    assert slugs(workos.organization_membership.get_organization_membership(made.id)) == ["member"]


def test_memberships_are_listed_by_organization_user_and_status(
    workos: Any, organization: Any, other: Any, member: Any
) -> None:
    made = [member() for _ in range(5)]
    service = workos.organization_membership
    service.deactivate_organization_membership(made[0].id)
    elsewhere = service.create_organization_membership(user_id=made[1].user_id, organization_id=other.id)

    active = service.list_organization_memberships(organization_id=organization.id, limit=3)
    assert len(active.data) == 3
    assert ids(active.auto_paging_iter()) == ids(made[:0:-1]), "the active ones, unless others are asked for"
    inactive = service.list_organization_memberships(organization_id=organization.id, statuses=["inactive"])
    assert ids(inactive.data) == [made[0].id]
    both = service.list_organization_memberships(
        organization_id=organization.id, statuses=["active", "inactive"], limit=2, order="asc"
    )
    assert ids(both.auto_paging_iter()) == ids(made)
    assert ids(service.list_organization_memberships(user_id=made[1].user_id).data) == [elsewhere.id, made[1].id]
    pair = service.list_organization_memberships(user_id=made[1].user_id, organization_id=other.id)
    assert ids(pair.data) == [elsewhere.id] and pair.data[0].user.id == made[1].user_id
    with pytest.raises(BadRequestError) as refused:
        service.list_organization_memberships()
    assert refused.value.code == "missing_user_id_or_organization_id"


def test_a_deactivated_member_is_out_of_the_groups_until_they_return(workos: Any, group: Any, create: Any) -> None:
    made, service = create(role=RoleSingle("admin")), workos.organization_membership
    workos.groups.create_group_organization_membership(
        group.organization_id, group.id, organization_membership_id=made.id
    )

    def in_group() -> list[str]:
        return ids(workos.groups.list_group_organization_memberships(group.organization_id, group.id).data)

    def updates() -> int:
        names = ["organization_membership.updated"]
        return len(workos.events.list_events(events=names, organization_id=group.organization_id).data)

    assert in_group() == [made.id]
    before = updates()
    for _ in range(2):
        assert service.deactivate_organization_membership(made.id).status == "inactive"
    assert in_group() == []
    assert updates() == before + 1, "what changes nothing emits nothing"
    for _ in range(2):
        returned = service.reactivate_organization_membership(made.id)
        assert returned.status == "active" and slugs(returned) == ["admin"]
    assert in_group() == [made.id]
    assert updates() == before + 2


def test_somebody_is_a_member_once(workos: Any, create: Any) -> None:
    made, service = create(), workos.organization_membership
    with pytest.raises(ConflictError) as refused:
        create()
    assert refused.value.code == "user_already_organization_member"
    service.deactivate_organization_membership(made.id)
    again = create(role=RoleSingle("admin"))
    assert (again.id, again.status, slugs(again)) == (made.id, "active", ["admin"])


def test_a_deleted_membership_is_gone_with_its_places_in_groups(workos: Any, group: Any, create: Any) -> None:
    made, service = create(), workos.organization_membership
    workos.groups.create_group_organization_membership(
        group.organization_id, group.id, organization_membership_id=made.id
    )
    service.delete_organization_membership(made.id)
    for gone in (
        service.get_organization_membership,
        service.delete_organization_membership,
        service.deactivate_organization_membership,
        service.reactivate_organization_membership,
        service.list_organization_membership_groups,
    ):
        with pytest.raises(NotFoundError) as refused:
            gone(made.id)
        assert refused.value.code == "entity_not_found"
    assert workos.groups.list_group_organization_memberships(group.organization_id, group.id).data == []
    assert create().id != made.id


def test_a_membership_of_a_directory_is_kept_by_the_directory(
    workos: Any, server: Server, organization: Any, directory: Any, unique: str
) -> None:
    ada = directory.user(f"ada.{unique}@corp.example", active=True)
    server.rule(organization.id, "all", {"user": "userName pr"}, [{"ensure_membership": {}}])
    service = workos.organization_membership
    (membership,) = service.list_organization_memberships(organization_id=organization.id).data
    assert membership.directory_managed is True and membership.user.email == f"ada.{unique}@corp.example"
    with pytest.raises(UnprocessableEntityError) as refused:
        service.delete_organization_membership(membership.id)
    assert refused.value.code == "organization_membership_directory_managed"
    replace = {"op": "replace", "path": "active", "value": False}
    schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    directory.request("PATCH", f"/Users/{ada}", {"schemas": schemas, "Operations": [replace]})
    assert service.get_organization_membership(membership.id).status == "inactive"
    with pytest.raises(UnprocessableEntityError) as refused:
        service.reactivate_organization_membership(membership.id)
    assert refused.value.code == "organization_membership_directory_managed"


def test_nobody_joins_what_is_not_there(workos: Any, organization: Any, user: Any, create: Any) -> None:
    service = workos.organization_membership
    missing = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for user_id, organization_id in ((f"user_{missing}", organization.id), (user.id, f"org_{missing}")):
        with pytest.raises(NotFoundError) as refused:
            service.create_organization_membership(user_id=user_id, organization_id=organization_id)
        assert refused.value.code == "entity_not_found"
    with pytest.raises(UnprocessableEntityError):
        create(role=RoleSingle("emperor"))
    assert service.list_organization_memberships(user_id=user.id).data == []
