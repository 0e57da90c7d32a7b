//! The audit log.

use serde_json::Value;

use crate::domain::id::{AuditEventLabel, OrganizationLabel, RequestLabel};
use crate::http::openapi::schema::{
    anything, count, id, must, named, nullable, object, such_as, text, time, whole_from, word, words,
};

/// `audit_event`
pub fn event() -> Value {
    let actor = object([
        must("id", text(), "The id of the key, the operator or the guest's session; `root` for the root key."),
        must("name", text(), "The name for people."),
        must("source", words(&["api", "dashboard", "admin_portal", "system"]), "How they came in."),
    ]);
    let event = object([
        must("object", word("audit_event"), ""),
        must("id", id::<AuditEventLabel>(), "The id."),
        must(
            "organization_id",
            nullable(id::<OrganizationLabel>()),
            "The organization in whose chain it stands; null for that of the environment.",
        ),
        must("position", whole_from(1), "Its place in the chain: 1, 2, 3 … without gaps."),
        must("action", such_as(text(), "createMappingRule".into()), "The operation, as it is called here."),
        must("target", such_as(text(), "/mapping_rules".into()), "The path that it was asked of."),
        must("actor", actor, "Who."),
        must("request_id", nullable(id::<RequestLabel>()), "The request, as its answer and its events name it."),
        must("detail", anything(), "What was asked for, without secrets."),
        must("address", nullable(text()), "The network address that it came from."),
        must("created_at", time(), "When."),
        must("digest", text(), "SHA-256, hexadecimal, over the digest of the entry before and everything above."),
    ]);
    named("AuditEvent", event)
}

/// `audit_check`
pub fn check() -> Value {
    let check = object([
        must("object", word("audit_check"), ""),
        must("organization_id", nullable(id::<OrganizationLabel>()), "Whose chain; null for that of the environment."),
        must("state", words(&["whole", "broken"]), "Whether every entry fits to the one before."),
        must("entries", nullable(count()), "How many entries there are; null if the chain is broken."),
        must("position", nullable(whole_from(1)), "The first that does not fit, or is missing; null if none."),
    ]);
    named("AuditCheck", check)
}
