//! Directories, their settings, and what identity providers pushed.

use serde_json::{Value, json};

use crate::domain::id::{DirectoryGroupLabel, DirectoryLabel, DirectoryUserLabel, OrganizationLabel};
use crate::http::openapi::schema::{
    any_object, anything, closed, count, extended, flag, id, id_in_request, list_of, may, must, name_up_to, named,
    nullable, object, optional, such_as, text, time, with, word, words,
};

/// Numbers from 0 to this.
fn up_to(most: i64) -> Value {
    with(count(), "maximum", json!(most))
}

/// The settings of a directory. Those that are not sent keep their value, or have their default.
pub fn settings() -> Value {
    let guard = closed([
        may("enabled", flag(), "Whether anything is ever parked."),
        may("minimum", up_to(i64::from(u32::MAX)), "So many memberships may always lose something within an hour."),
        may("percent", up_to(255), "So many percent of the mapped members may."),
    ]);
    let custom = closed([
        may("schemas", list_of(any_object()), "Schemas, written as `/Schemas` publishes them."),
        may("resource_types", list_of(any_object()), "Further resource types, each with an endpoint of its own."),
        may("extensions", list_of(any_object()), "Extensions of `User` and `Group`."),
    ]);
    let settings = closed([
        may("unique_group_names", flag(), "Answer 409 to a group whose `displayName` another group has."),
        may("lenient_filters", flag(), "Accept unquoted literals in filters."),
        may("unknown_attributes", words(&["ignore", "reject"]), "What to do with attributes that no schema has."),
        may("put_omitted_extension", words(&["clear", "keep"]), "What to do with an extension that a PUT omits."),
        may("pending_members", words(&["keep", "drop", "reject"]), "What to do with a member that is not known."),
        may("patch_response", words(&["default", "body", "none"]), "What a PATCH answers."),
        may("bare_token", flag(), "Accept the token without the word `Bearer` before it."),
        may("deleted_people", words(&["deactivate", "delete"]), "What becomes of the memberships of deleted people."),
        may("log_bodies", words(&["none", "errors", "all"]), "Which request bodies the log keeps."),
        may("log_days", with(up_to(365), "minimum", json!(1)), "For how many days the log keeps a request."),
        may("guard", guard, "How much it may take away at once before somebody has to approve it."),
        may("custom", nullable(custom), "Extension schemas and resource types beyond the built-in ones."),
    ]);
    named("DirectorySettings", settings)
}

/// `directory`
pub fn directory() -> Value {
    let directory = object([
        must("object", word("directory"), ""),
        must("id", id::<DirectoryLabel>(), "The id."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("external_key", text(), "The same as `id`."),
        must("type", such_as(text(), "okta scim v2.0".into()), "The kind of identity provider."),
        must(
            "state",
            words(&["validating", "linked", "unlinked", "invalid_credentials", "deleting"]),
            "`validating` until the first request, then `linked`; `deleting` while it is being removed.",
        ),
        must("name", text(), "The name for people."),
        must("scim_base_url", text(), "Where the identity provider connects."),
        must("settings", settings(), "What it allows and demands."),
        must("paused_at", nullable(time()), "Since when the native side waits, if it does."),
        must("backlog", count(), "How many writes came since then."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("Directory", directory)
}

/// A directory with how many people and groups it has.
pub fn counted_directory() -> Value {
    let users = object([must("active", count(), ""), must("inactive", count(), "")]);
    let metadata = object([must("users", users, "Its people."), must("groups", count(), "Its groups.")]);
    extended(&directory(), [must("metadata", metadata, "How much it has.")])
}

/// The body that makes a directory.
pub fn new_directory() -> Value {
    object([
        must("name", such_as(name_up_to(256), "Acme Okta".into()), "The name for people."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization; required for a key of the environment.",
        ),
        optional("type", name_up_to(256), "The kind of identity provider; `generic scim v2.0` if absent."),
        optional("settings", settings(), "What it allows and demands beyond the defaults."),
    ])
}

/// The body that changes a directory.
pub fn directory_changes() -> Value {
    object([
        optional("name", name_up_to(256), "The name for people."),
        optional("type", name_up_to(256), "The kind of identity provider."),
        optional("settings", settings(), "The settings to change; the others stay."),
    ])
}

/// `directory_user`
pub fn directory_user() -> Value {
    let user = object([
        must("object", word("directory_user"), ""),
        must("id", id::<DirectoryUserLabel>(), "The id, which SCIM clients see too."),
        must("directory_id", id::<DirectoryLabel>(), "Where they come from."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("idp_id", nullable(text()), "The identity provider's id: `externalId`, else `userName`."),
        must(
            "email",
            nullable(text()),
            "The address: primary, else work, else first, else an address-shaped `userName`.",
        ),
        must("first_name", nullable(text()), "Given name."),
        must("last_name", nullable(text()), "Family name."),
        must("name", nullable(text()), "The whole name."),
        must("username", nullable(text()), "The `userName`."),
        must("job_title", nullable(text()), "The `title`."),
        must("emails", list_of(anything()), "The addresses, as they were sent."),
        must("state", words(&["active", "inactive", "suspended"]), "Whether they are active."),
        must("groups", list_of(anything()), "Always empty; ask for directory groups by `user`."),
        must(
            "custom_attributes",
            any_object(),
            "Attributes by the names that the vendor has for them; null where absent.",
        ),
        must("raw_attributes", any_object(), "The SCIM document as it was sent."),
        must("created_at", time(), "When they were first seen."),
        must("updated_at", time(), "When they last changed."),
    ]);
    named("DirectoryUser", user)
}

/// `directory_group`
pub fn directory_group() -> Value {
    let group = object([
        must("object", word("directory_group"), ""),
        must("id", id::<DirectoryGroupLabel>(), "The id, which SCIM clients see too."),
        must("idp_id", nullable(text()), "The identity provider's id: `externalId`, else `displayName`."),
        must("directory_id", id::<DirectoryLabel>(), "Where it comes from."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("name", nullable(text()), "The `displayName`."),
        must("raw_attributes", any_object(), "The SCIM document as it was sent, without members."),
        must("created_at", time(), "When it was first seen."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("DirectoryGroup", group)
}
