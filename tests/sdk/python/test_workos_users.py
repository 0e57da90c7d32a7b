"""Native users, through the SDK of WorkOS."""

from typing import Any

import pytest
from conftest import ids
from workos import BadRequestError, NotFoundError


def test_a_user_is_found_by_everything_they_were_made_with(workos: Any, unique: str) -> None:
    made = workos.user_management.create_user(
        email=f"Ada.{unique}@corp.example",
        first_name="Ada",
        last_name="Lovelace",
        email_verified=True,
        metadata={"locker": "12"},
        external_id=f"hr/{unique} 1",
    )
    assert made.id.startswith("user_") and made.email_verified is True
    assert (made.first_name, made.last_name, made.metadata) == ("Ada", "Lovelace", {"locker": "12"})
    assert made.last_sign_in_at is None and made.profile_picture_url is None
    read = workos.user_management.get_user(made.id)
    assert read.to_dict() == made.to_dict()
    assert workos.user_management.get_user_by_external_id(f"hr/{unique} 1") == read
    assert workos.user_management.list_users(email=f"ada.{unique}@CORP.example").data == [read]


def test_only_the_address_is_needed(workos: Any, unique: str) -> None:
    made = workos.user_management.create_user(email=f"{unique}@corp.example", first_name=None)
    assert (made.first_name, made.last_name, made.external_id, made.metadata) == (None, None, None, {})
    assert made.email_verified is False


def test_users_are_listed_by_organization_over_many_pages(
    workos: Any, organization: Any, other: Any, member: Any
) -> None:
    made = [member().user_id for _ in range(5)]
    pages = workos.user_management.list_users(organization_id=organization.id, limit=2)
    assert len(pages.data) == 2
    assert ids(pages.auto_paging_iter()) == made[::-1]
    oldest = workos.user_management.list_users(organization_id=organization.id, limit=2, order="asc")
    assert ids(oldest.auto_paging_iter()) == made
    assert workos.user_management.list_users(organization_id=other.id).data == []
    assert len(workos.user_management.list_users(limit=3).data) == 3


def test_an_update_of_a_user_changes_what_it_names(workos: Any, user: Any, unique: str) -> None:
    update = workos.user_management.update_user
    named = update(user.id, last_name="Lovelace", metadata={"a": "1", "b": "2"}, external_id=unique)
    assert (named.first_name, named.last_name, named.email) == ("Ada", "Lovelace", user.email)
    assert (named.metadata, named.external_id) == ({"a": "1", "b": "2"}, unique)
    moved = update(user.id, email=f"countess.{unique}@corp.example", email_verified=True, metadata={"a": None})
    assert (moved.email, moved.email_verified) == (f"countess.{unique}@corp.example", True)
    assert (moved.metadata, moved.last_name, moved.external_id) == ({"b": "2"}, "Lovelace", unique)
    cleared = update(user.id, external_id=None, metadata={})
    assert (cleared.external_id, cleared.metadata) == (None, {})
    assert workos.user_management.get_user(user.id) == cleared
    with pytest.raises(NotFoundError):
        workos.user_management.get_user_by_external_id(unique)


def test_addresses_and_external_ids_are_unique(workos: Any, user: Any, unique: str) -> None:
    users = workos.user_management
    second = users.create_user(email=f"second.{unique}@corp.example", external_id=unique)
    with pytest.raises(BadRequestError) as refused:
        users.create_user(email=user.email.upper())
    assert refused.value.code == "user_creation_error"
    with pytest.raises(BadRequestError) as refused:
        users.update_user(second.id, email=user.email)
    assert refused.value.code == "email_not_available"
    with pytest.raises(BadRequestError) as refused:
        users.update_user(user.id, external_id=unique)
    assert refused.value.code == "external_id_already_used"
    assert users.get_user(second.id).email == second.email


def test_a_deleted_user_is_gone_with_their_memberships(workos: Any, member: Any, unique: str) -> None:
    membership = member()
    workos.user_management.delete_user(membership.user_id)
    for gone in (
        lambda: workos.user_management.get_user(membership.user_id),
        lambda: workos.user_management.update_user(membership.user_id, first_name="Nobody"),
        lambda: workos.user_management.delete_user(membership.user_id),
        lambda: workos.organization_membership.get_organization_membership(membership.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            gone()
        assert refused.value.code == "entity_not_found"
    # The address is free again.
    assert workos.user_management.create_user(email=membership.user.email).id != membership.user_id
