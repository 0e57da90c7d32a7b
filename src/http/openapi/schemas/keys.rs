//! API keys and SCIM tokens.

use serde_json::{Value, json};

use crate::domain::id::{ApiKeyLabel, DirectoryLabel, OrganizationLabel, ScimTokenLabel};
use crate::http::openapi::schema::{
    extended, id, id_in_request, list_of, must, name_up_to, named, nullable, object, optional, such_as, text, time,
    with, word, words,
};

/// `scim_token`
pub fn token() -> Value {
    let token = object([
        must("object", word("scim_token"), ""),
        must("id", id::<ScimTokenLabel>(), "The id."),
        must("directory_id", id::<DirectoryLabel>(), "The directory that it opens."),
        must("name", text(), "The name for people."),
        must("token_prefix", text(), "The first characters, by which it is recognised."),
        must("allowed_ips", list_of(text()), "Networks that it may be used from; everywhere when empty."),
        must("expires_at", nullable(time()), "When it stops working."),
        must(
            "replaced_by",
            nullable(id::<ScimTokenLabel>()),
            "The token that took its place, if it was rotated. That one may have been revoked since.",
        ),
        must("last_used_at", nullable(time()), "When it was last used, to the minute."),
        must("created_at", time(), "When it was made."),
    ]);
    named("ScimToken", token)
}

/// A token in the only answer that shows it.
pub fn shown_token() -> Value {
    extended(&token(), [must("token", text(), "The token. It is shown here and never again.")])
}

/// The body that makes a token.
pub fn new_token() -> Value {
    let network = such_as(text(), "203.0.113.0/24".into());
    object([
        must("name", such_as(name_up_to(256), "Okta".into()), "The name for people."),
        optional("expires_at", time(), "When it stops working; never if absent."),
        optional(
            "allowed_ips",
            with(list_of(network), "maxItems", json!(100)),
            "Addresses or networks that it may be used from; everywhere if absent.",
        ),
    ])
}

/// The body that rotates a token.
pub fn rotation() -> Value {
    let hours = json!({"type": "integer", "minimum": 0, "maximum": 720});
    object([
        optional("overlap_hours", hours, "How long the old token works on, if it does not end before; 24 if absent."),
        optional(
            "expires_at",
            time(),
            "When the new one stops working; if absent it lives as long as the old one was made for.",
        ),
    ])
}

/// `api_key`
pub fn key() -> Value {
    let key = object([
        must("object", word("api_key"), ""),
        must("id", id::<ApiKeyLabel>(), "The id."),
        must(
            "organization_id",
            nullable(id::<OrganizationLabel>()),
            "The organization that it is limited to; null for the whole environment.",
        ),
        must("name", text(), "The name for people."),
        must("role", words(&["owner", "admin", "read"]), "What it may do."),
        must("key_prefix", text(), "The first characters, by which it is recognised."),
        must("expires_at", nullable(time()), "When it stops working."),
        must("last_used_at", nullable(time()), "When it was last used, to the minute."),
        must("created_at", time(), "When it was made."),
    ]);
    named("ApiKey", key)
}

/// A key in the only answer that shows it.
pub fn shown_key() -> Value {
    extended(&key(), [must("key", text(), "The key. It is shown here and never again.")])
}

/// The body that makes a key.
pub fn new_key() -> Value {
    object([
        must("name", such_as(name_up_to(256), "Backend".into()), "The name for people."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization that it is limited to; the whole environment if absent.",
        ),
        optional(
            "role",
            words(&["owner", "admin", "read"]),
            "What it may do; `admin` if absent. `read` changes nothing; `owner` also makes keys of owners.",
        ),
        optional("expires_at", time(), "When it stops working; never if absent."),
    ])
}

/// The body that makes a link to the portal.
pub fn new_portal_link() -> Value {
    object([
        must("organization", id_in_request::<OrganizationLabel>(), "The organization."),
        optional("intent", words(&["dsync"]), "What for; `dsync`, directories and their rules, if absent."),
        optional(
            "return_url",
            such_as(text(), "https://app.example/settings".into()),
            "Where the portal leads back to; nowhere if absent.",
        ),
    ])
}

/// A link to the portal.
pub fn portal_link() -> Value {
    named("PortalLink", object([must("link", text(), "The link. It is shown here and never again.")]))
}
