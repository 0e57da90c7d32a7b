"""Organizations and their domains, through the SDK of WorkOS."""

from typing import Any

import pytest
from conftest import ids
from workos import BadRequestError, ConflictError, NotFoundError
from workos.organizations.models import OrganizationDomainData


def states(organization: Any) -> dict[str, str]:
    return {domain.domain: domain.state.value for domain in organization.domains}


def test_an_organization_is_found_by_everything_it_was_made_with(workos: Any, unique: str) -> None:
    made = workos.organizations.create_organization(
        name=f"Åkerö {unique}",
        domain_data=[
            OrganizationDomainData(f"a{unique}.example", "verified"),
            OrganizationDomainData(f"b{unique}.example", "pending"),
        ],
        domains=[f"c{unique}.example"],
        metadata={"tier": "gold"},
        external_id=f"crm/{unique} 7%",
        allow_profiles_outside_organization=True,
    )
    assert made.id.startswith("org_")
    assert made.metadata == {"tier": "gold"}
    assert made.allow_profiles_outside_organization is True
    assert made.created_at.utcoffset() is not None
    assert states(made) == {
        f"a{unique}.example": "verified",
        f"b{unique}.example": "pending",
        f"c{unique}.example": "pending",
    }
    assert all(domain.organization_id == made.id for domain in made.domains)
    assert workos.organizations.get_organization(made.id) == made
    assert workos.organizations.get_organization_by_external_id(f"crm/{unique} 7%") == made
    found = workos.organizations.list_organizations(domains=[f"nobody.{unique}.example", f"b{unique}.example"])
    assert found.data == [made]
    assert workos.organizations.list_organizations(search=f"Åkerö {unique}").data == [made]


def test_organizations_are_listed_newest_first_over_many_pages(workos: Any, unique: str) -> None:
    made = [workos.organizations.create_organization(name=f"{unique} {n}").id for n in range(5)]
    newest = made[::-1]
    pages = workos.organizations.list_organizations(search=unique, limit=2)
    assert ids(pages.data) == newest[:2]
    assert pages.before is None and pages.has_more()
    assert ids(pages.auto_paging_iter()) == newest
    oldest = workos.organizations.list_organizations(search=unique, limit=2, order="asc")
    assert ids(oldest.auto_paging_iter()) == made
    second = workos.organizations.list_organizations(search=unique, limit=2, after=pages.after)
    assert ids(second.data) == newest[2:4]
    back = workos.organizations.list_organizations(search=unique, limit=2, before=second.before)
    assert ids(back.data) == newest[:2]
    normal = workos.organizations.list_organizations(search=unique, limit=2, order="normal")
    assert ids(normal.data) == newest[:2]
    older = workos.organizations.list_organizations(search=unique, limit=2, order="normal", before=normal.before)
    assert ids(older.data) == newest[2:4]


def test_an_update_changes_what_it_names_and_keeps_the_rest(workos: Any, organization: Any, unique: str) -> None:
    update = workos.organizations.update_organization
    renamed = update(organization.id, name="Acme Corp", external_id=f"e-{unique}", stripe_customer_id=f"cus_{unique}")
    assert (renamed.name, renamed.external_id, renamed.metadata) == ("Acme Corp", f"e-{unique}", {})
    assert renamed.stripe_customer_id == f"cus_{unique}"
    assert renamed.updated_at >= organization.updated_at and renamed.created_at == organization.created_at

    update(organization.id, metadata={"a": "1", "b": "2"})
    merged = update(organization.id, metadata={"b": "3", "c": "4"})
    assert merged.metadata == {"a": "1", "b": "3", "c": "4"}
    assert update(organization.id, metadata={"a": None}).metadata == {"b": "3", "c": "4"}
    assert merged.name == "Acme Corp" and merged.external_id == f"e-{unique}"

    cleared = update(organization.id, metadata={}, external_id=None)
    assert (cleared.metadata, cleared.external_id, cleared.name) == ({}, None, "Acme Corp")
    with pytest.raises(NotFoundError):
        workos.organizations.get_organization_by_external_id(f"e-{unique}")
    assert workos.organizations.get_organization(organization.id) == cleared


def test_an_update_replaces_the_domains(workos: Any, organization: Any, unique: str) -> None:
    update = workos.organizations.update_organization
    first = OrganizationDomainData(f"a{unique}.example", "pending")
    second = OrganizationDomainData(f"b{unique}.example", "pending")
    before = {domain.domain: domain.id for domain in update(organization.id, domain_data=[first, second]).domains}
    first.state = "verified"
    after = update(organization.id, domain_data=[first])
    assert states(after) == {f"a{unique}.example": "verified"}
    assert after.domains[0].id == before[f"a{unique}.example"], "a domain that stays keeps its id"
    assert states(update(organization.id, name="Acme")) == states(after)
    assert update(organization.id, domain_data=[]).domains == []


def test_what_must_be_unique_is_refused_the_second_time(workos: Any, organization: Any, unique: str) -> None:
    create, update = workos.organizations.create_organization, workos.organizations.update_organization
    verified = [OrganizationDomainData(f"{unique}.example", "verified")]
    create(name="First", external_id=unique, domain_data=verified)
    for attempt in (lambda: create(name="Second", external_id=unique), lambda: update(organization.id, external_id=unique)):
        with pytest.raises(BadRequestError) as refused:
            attempt()
        assert refused.value.code == "external_id_already_used"
    with pytest.raises(ConflictError):
        create(name="Second", domain_data=verified)
    with pytest.raises(BadRequestError) as refused:
        create(name="Second", metadata={"k" * 41: "v"})
    assert refused.value.code == "invalid_metadata"


def test_a_deleted_organization_is_gone_with_all_that_it_had(
    workos: Any, organization: Any, group: Any, member: Any, unique: str
) -> None:
    membership = member()
    workos.organizations.delete_organization(organization.id)
    for gone in (
        lambda: workos.organizations.get_organization(organization.id),
        lambda: workos.organizations.update_organization(organization.id, name="Acme"),
        lambda: workos.groups.get_organization_group(organization.id, group.id),
        lambda: workos.organization_membership.get_organization_membership(membership.id),
    ):
        with pytest.raises(NotFoundError) as refused:
            gone()
        assert refused.value.code == "entity_not_found"
    assert workos.organizations.list_organizations(search=unique).data == []
    # Users belong to no organization.
    assert workos.user_management.get_user(membership.user_id).id == membership.user_id


def test_a_domain_is_claimed_read_proved_and_given_up(workos: Any, organization: Any, unique: str) -> None:
    domains = workos.organization_domains
    domain = domains.create_organization_domain(domain=f"{unique}.invalid", organization_id=organization.id)
    assert domain.id.startswith("org_domain_") and domain.organization_id == organization.id
    assert domain.state == "pending" and domain.verification_token and domain.verification_strategy == "dns"
    assert domains.get_organization_domain(domain.id) == domain
    assert workos.organizations.get_organization(organization.id).domains == [domain]
    # Nobody can publish a record under .invalid.
    assert domains.verify_organization_domain(domain.id).state == "pending"
    domains.delete_organization_domain(domain.id)
    with pytest.raises(NotFoundError) as gone:
        domains.get_organization_domain(domain.id)
    assert gone.value.code == "entity_not_found"
    assert workos.organizations.get_organization(organization.id).domains == []


def test_a_domain_is_proved_once_and_by_one_organization(workos: Any, organization: Any, unique: str) -> None:
    verified = [OrganizationDomainData(f"{unique}.example", "verified")]
    owner = workos.organizations.create_organization(name="Owner", domain_data=verified)
    with pytest.raises(BadRequestError) as refused:
        workos.organization_domains.verify_organization_domain(owner.domains[0].id)
    assert refused.value.code == "domain_already_verified"
    with pytest.raises(ConflictError) as refused:
        workos.organization_domains.create_organization_domain(
            domain=f"{unique}.example", organization_id=owner.id
        )
    assert refused.value.code == "domain_already_exists"
