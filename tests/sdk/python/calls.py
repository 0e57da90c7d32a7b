"""Which methods of an SDK have been called: a walk that leaves one out must not pass for a whole one."""

from collections import Counter
from typing import Any

# By the name of the SDK and its attributes: "workos.groups.create_organization_group".
CALLED: Counter[str] = Counter()

# What the walk must call, successfully, at least once.
SCOPE = {
    "workos": """
        organizations.create_organization organizations.get_organization
        organizations.get_organization_by_external_id organizations.list_organizations
        organizations.update_organization organizations.delete_organization
        organization_domains.create_organization_domain organization_domains.get_organization_domain
        organization_domains.verify_organization_domain organization_domains.delete_organization_domain
        groups.create_organization_group groups.get_organization_group groups.list_organization_groups
        groups.update_organization_group groups.delete_organization_group
        groups.create_group_organization_membership groups.list_group_organization_memberships
        groups.update_group_organization_memberships groups.delete_group_organization_membership
        organization_membership.create_organization_membership
        organization_membership.get_organization_membership
        organization_membership.list_organization_memberships
        organization_membership.update_organization_membership
        organization_membership.delete_organization_membership
        organization_membership.deactivate_organization_membership
        organization_membership.reactivate_organization_membership
        organization_membership.list_organization_membership_groups
        user_management.create_user user_management.get_user user_management.get_user_by_external_id
        user_management.list_users user_management.update_user user_management.delete_user
        authorization.list_organization_roles
        directory_sync.list_directories directory_sync.get_directory directory_sync.delete_directory
        directory_sync.list_users directory_sync.get_user directory_sync.list_groups directory_sync.get_group
        events.list_events
        webhooks.create_webhook_endpoint webhooks.list_webhook_endpoints webhooks.update_webhook_endpoint
        webhooks.delete_webhook_endpoint webhooks.verify_event
    """.split(),
    "openai": [
        f"admin.organization.{method}"
        for method in """
            groups.create groups.list groups.retrieve groups.update groups.delete
            groups.users.create groups.users.list groups.users.retrieve groups.users.delete
            groups.roles.create groups.roles.list groups.roles.retrieve groups.roles.delete
            roles.create roles.list roles.retrieve roles.update roles.delete
            users.list users.retrieve users.update users.delete
            users.roles.create users.roles.list users.roles.retrieve users.roles.delete
        """.split()
    ],
}


class Counted:
    """Passes everything on to a client of an SDK, and counts the calls that were answered."""

    def __init__(self, target: Any, name: str) -> None:
        self._target = target
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._target, attribute)
        name = f"{self._name}.{attribute}"
        if not callable(value):
            return Counted(value, name)

        def call(*arguments: Any, **options: Any) -> Any:
            answer = value(*arguments, **options)
            CALLED[name] += 1
            return answer

        return call


def left_out(sdk: str) -> list[str]:
    """The methods in the scope of an SDK that nothing has called."""
    return [name for name in SCOPE[sdk] if not CALLED[f"{sdk}.{name}"]]
