//! The native side: organizations, domains, groups, memberships, users, roles.

use serde_json::{Value, json};

use crate::domain::id::{DomainLabel, GroupLabel, MembershipLabel, OrganizationLabel, RoleLabel, UserLabel};
use crate::domain::native::VERIFICATION_PREFIX;
use crate::http::openapi::schema::{
    Field, extended, flag, id, id_in_request, list_of, map_of, may, must, name_up_to, named, nullable, object,
    optional, such_as, text, text_up_to, time, with, word, words,
};

fn metadata() -> Value {
    map_of(text())
}

fn metadata_in_request() -> Value {
    let values = text_up_to(600);
    with(with(map_of(values), "maxProperties", json!(50)), "propertyNames", json!({"minLength": 1, "maxLength": 40}))
}

/// What metadata in a change means.
const MERGED: &str = "Free strings of the application, merged key by key; null takes a key away, `{}` all.";

fn merged_metadata() -> Value {
    let mut metadata = metadata_in_request();
    metadata["additionalProperties"] = nullable(text_up_to(600));
    metadata
}

fn external_id() -> Value {
    such_as(with(name_up_to(128), "pattern", "^[\\x00-\\x7F]+$".into()), "customer-4711".into())
}

fn domain_name() -> Value {
    such_as(name_up_to(253), "acme.example".into())
}

/// `organization`
pub fn organization() -> Value {
    let organization = object([
        must("object", word("organization"), ""),
        must("id", id::<OrganizationLabel>(), "The id."),
        must("name", text(), "The name; need not be unique."),
        must("external_id", nullable(text()), "The application's own id for it."),
        must("allow_profiles_outside_organization", flag(), "Kept for clients that send it."),
        must("metadata", metadata(), "Free strings of the application."),
        must("domains", list_of(domain()), "The domains, verified or not."),
        may("stripe_customer_id", text(), "The customer's id at Stripe; absent when there is none."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("Organization", organization)
}

fn domain_data() -> Value {
    let domain_data = object([
        must("domain", domain_name(), "The domain."),
        may("state", words(&["pending", "verified"]), "`verified` if an environment key vouches for it."),
    ]);
    with(list_of(domain_data), "maxItems", json!(100))
}

/// The body that makes an organization.
pub fn new_organization() -> Value {
    object([
        must("name", such_as(name_up_to(256), "Acme".into()), "The name; need not be unique."),
        optional("external_id", external_id(), "The application's own id for it; ASCII, unique in the environment."),
        optional("allow_profiles_outside_organization", flag(), "Kept and answered; nothing follows from it."),
        optional("metadata", metadata_in_request(), "Free strings of the application."),
        optional("domain_data", domain_data(), "Its domains."),
        optional(
            "domains",
            with(list_of(domain_name()), "maxItems", json!(100)),
            "Deprecated: domains to be proved, as bare names.",
        ),
    ])
}

/// The body that changes an organization.
pub fn organization_changes() -> Value {
    object([
        optional("name", name_up_to(256), "The name."),
        optional("external_id", external_id(), "The application's own id for it; null takes it away."),
        optional(
            "stripe_customer_id",
            with(name_up_to(255), "pattern", "^[!-~]+$".into()),
            "The customer's id at Stripe; null takes it away.",
        ),
        optional("allow_profiles_outside_organization", flag(), "Kept and answered; nothing follows from it."),
        optional("metadata", merged_metadata(), MERGED),
        optional("domain_data", domain_data(), "All its domains; those that are left out go."),
        optional(
            "domains",
            with(list_of(domain_name()), "maxItems", json!(100)),
            "Deprecated: the same, as bare names.",
        ),
    ])
}

/// `organization_domain`
pub fn domain() -> Value {
    let domain = object([
        must("object", word("organization_domain"), ""),
        must("id", id::<DomainLabel>(), "The id."),
        must("organization_id", id::<OrganizationLabel>(), "Whose it is."),
        must("domain", such_as(text(), "acme.example".into()), "The domain."),
        must("state", words(&["pending", "verified", "failed"]), "Whether it is proved."),
        must("verification_strategy", words(&["dns", "manual"]), "How it is proved."),
        must(
            "verification_prefix",
            such_as(text(), VERIFICATION_PREFIX.into()),
            "The label below the domain that the TXT record is for.",
        ),
        must("verification_token", text(), "What the TXT record must hold."),
        must("created_at", time(), "When it was claimed."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("OrganizationDomain", domain)
}

/// The body that claims a domain.
pub fn new_domain() -> Value {
    object([
        must("domain", domain_name(), "The domain."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "Whose it is; required for a key of the environment.",
        ),
        optional("state", words(&["pending", "verified"]), "`verified` if an environment key vouches for it."),
    ])
}

/// A domain after an attempt to verify it.
pub fn verified_domain() -> Value {
    let problem =
        object([must("code", text(), "What is wrong, for programs."), must("message", text(), "What to do.")]);
    extended(&domain(), [may("verification_error", problem, "Why the DNS does not prove it, if it does not.")])
}

/// `group`
pub fn group() -> Value {
    let group = object([
        must("object", word("group"), ""),
        must("id", id::<GroupLabel>(), "The id."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("name", text(), "The name; need not be unique."),
        must("description", nullable(text()), "A sentence of the application's."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed; members do not count."),
    ]);
    named("Group", group)
}

/// The body that makes a group.
pub fn new_group() -> Value {
    object([
        must("name", such_as(name_up_to(256), "Engineering".into()), "The name; need not be unique."),
        optional("description", text_up_to(150), "A sentence of the application's."),
    ])
}

/// The body that changes a group.
pub fn group_changes() -> Value {
    object([
        optional("name", name_up_to(256), "The name."),
        optional("description", text_up_to(150), "A sentence of the application's; null takes it away."),
    ])
}

/// The body that adds a member to a group.
pub fn new_group_member() -> Value {
    object([must("organization_membership_id", id_in_request::<MembershipLabel>(), "Who joins.")])
}

/// The body that changes who is in a group.
pub fn group_member_changes() -> Value {
    let members = || with(list_of(id_in_request::<MembershipLabel>()), "maxItems", json!(100));
    object([
        optional("add", members(), "Who joins. 1 to 100 people in both lists together."),
        optional("remove", members(), "Who leaves."),
    ])
}

/// `user`
pub fn user() -> Value {
    let user = object([
        must("object", word("user"), ""),
        must("id", id::<UserLabel>(), "The id."),
        must("email", such_as(text(), "jane@acme.example".into()), "The address, unique in the environment."),
        must("email_verified", flag(), "Whether somebody vouches for the address."),
        must("first_name", nullable(text()), "Given name."),
        must("last_name", nullable(text()), "Family name."),
        must("profile_picture_url", nullable(text()), "Always null."),
        must("external_id", nullable(text()), "The application's own id."),
        must("metadata", metadata(), "Free strings of the application."),
        must("last_sign_in_at", nullable(time()), "Always null: Muster signs nobody in."),
        must("created_at", time(), "When the account was made."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("User", user)
}

fn user_fields(email: Field) -> Value {
    object([
        email,
        optional("email_verified", flag(), "Whether the application vouches for the address."),
        optional("first_name", text_up_to(256), "Given name."),
        optional("last_name", text_up_to(256), "Family name."),
        optional("external_id", external_id(), "The application's own id; unique in the environment."),
        optional("metadata", merged_metadata(), MERGED),
    ])
}

fn email() -> Value {
    such_as(with(name_up_to(254), "format", "email".into()), "jane@acme.example".into())
}

/// The body that makes a user.
pub fn new_user() -> Value {
    user_fields(must("email", email(), "The address, unique in the environment."))
}

/// The body that changes a user.
pub fn user_changes() -> Value {
    user_fields(optional("email", email(), "The address."))
}

/// The roles of a membership, one or several.
fn role_fields() -> [Field; 2] {
    let slug = || such_as(text(), "member".into());
    [
        optional("role_slug", slug(), "The role; not together with `role_slugs`."),
        optional("role_slugs", with(list_of(slug()), "maxItems", json!(100)), "The roles."),
    ]
}

/// The body that makes a membership.
pub fn new_membership() -> Value {
    let [role, roles] = role_fields();
    object([
        must("user_id", id_in_request::<UserLabel>(), "The person."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization; required for a key of the environment.",
        ),
        role,
        roles,
    ])
}

/// The body that changes a membership.
pub fn membership_changes() -> Value {
    object(role_fields())
}

fn role_handle() -> Value {
    object([must("slug", such_as(text(), "member".into()), "The handle of the role.")])
}

/// A membership as a group's list of members has it: with the person, without roles.
pub fn group_member() -> Value {
    let row = object([
        must("object", word("organization_membership"), ""),
        must("id", id::<MembershipLabel>(), "The id."),
        must("user_id", id::<UserLabel>(), "The person."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("status", words(&["active", "inactive", "pending"]), "Whether it is in force."),
        must("directory_managed", flag(), "Whether a directory user is linked to it."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed."),
        must("user", user(), "The person."),
    ]);
    named("GroupMember", row)
}

/// `organization_membership`
pub fn membership() -> Value {
    let more = [
        must("role", role_handle(), "The primary role."),
        must("roles", list_of(role_handle()), "All roles, the primary one first."),
        must("custom_attributes", json!({"type": "object"}), "Attributes from the identity provider."),
        must("organization_name", text(), "The name of the organization."),
    ];
    named("OrganizationMembership", extended(&group_member(), more))
}

/// `role`
pub fn role() -> Value {
    let role = object([
        must("object", word("role"), ""),
        must("id", id::<RoleLabel>(), "The id."),
        must("slug", such_as(text(), "member".into()), "The handle."),
        must("name", text(), "The name for people."),
        must("description", nullable(text()), "A sentence about it."),
        must("permissions", list_of(text()), "What it allows, in the application's words."),
        must("type", words(&["OrganizationRole", "EnvironmentRole"]), "Whose it is."),
        must("resource_type_slug", text(), "What it is held on: `organization`."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("Role", role)
}
