//! Parameters that many endpoints have: the segments of paths, described by their names, and those that are kept once.

use serde_json::{Map, Value, json};

use super::schema::id_with;
use crate::domain::id::{
    ApiKeyLabel, DirectoryGroupLabel, DirectoryLabel, DirectoryUserLabel, DomainLabel, EventLabel, GroupLabel,
    Identified, MembershipLabel, OrganizationLabel, PlanLabel, RequestLabel, RoleLabel, RuleLabel, RunLabel,
    ScimTokenLabel, UserLabel, WebhookEndpointLabel,
};

/// Segments that are ids: their name in paths, the prefix, the word.
const IDS: [(&str, &str, &str); 17] = [
    described::<OrganizationLabel>("organization"),
    described::<DomainLabel>("domain"),
    described::<GroupLabel>("group"),
    described::<MembershipLabel>("membership"),
    described::<UserLabel>("user"),
    described::<DirectoryLabel>("directory"),
    described::<DirectoryUserLabel>("directory_user"),
    described::<DirectoryGroupLabel>("directory_group"),
    described::<ScimTokenLabel>("token"),
    described::<ApiKeyLabel>("key"),
    described::<RuleLabel>("rule"),
    described::<PlanLabel>("plan"),
    described::<RunLabel>("run"),
    described::<RequestLabel>("request"),
    described::<EventLabel>("event"),
    described::<RoleLabel>("role"),
    described::<WebhookEndpointLabel>("webhook_endpoint"),
];

/// Segments that are something else, and what.
const TEXTS: [(&str, &str); 5] = [
    ("external_id", "The application's own id for it, percent-encoded."),
    ("endpoint", "`Users`, `Groups`, or the endpoint of a resource type that the directory's settings define."),
    ("id", "The id of the resource."),
    ("name", "The name of a resource type, such as `User`."),
    ("urn", "The URN of a schema, such as `urn:ietf:params:scim:schemas:core:2.0:User`."),
];

const fn described<T: Identified>(name: &'static str) -> (&'static str, &'static str, &'static str) {
    (name, T::PREFIX, T::KIND)
}

/// The parameters of a path's segments.
pub(super) fn of_path(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(of_segment).collect()
}

fn of_segment(name: &str) -> Value {
    let (schema, about) = if let Some((_, prefix, kind)) = IDS.iter().find(|(known, ..)| *known == name) {
        (id_with(prefix), format!("The id of the {kind}."))
    } else {
        let about = TEXTS.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| *about);
        (json!({"type": "string", "minLength": 1}), about.to_owned())
    };
    json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema})
}

/// A reference to a parameter that is kept once.
pub(super) fn shared(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// The parameters that are kept once.
pub(super) fn components() -> Value {
    let query = |name: &str, schema: Value, about: &str| json!({"name": name, "in": "query", "description": about, "schema": schema});
    json!({
        "before": query("before", json!({"type": "string"}), "The objects that come before the one with this id, the nearest of them."),
        "after": query("after", json!({"type": "string"}), "The objects that come after the one with this id: `list_metadata.after` of the page before."),
        "limit": query("limit", json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 10}), "How many objects a page has at the most."),
        "order": query(
            "order",
            json!({"type": "string", "enum": ["desc", "asc", "normal"], "default": "desc"}),
            "`desc` is newest first, `asc` oldest first. `normal` is newest first with the cursors the other way round.",
        ),
        "idempotency_key": {
            "name": "Idempotency-Key", "in": "header",
            "description": "A random text of the client's. A request that repeats it within 24 hours, with the same credential, path, query \
                            and body, has no second effect and gets the first answer again, with `Idempotent-Replayed: true`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        },
    })
}

/// The headers of answers that are kept once.
pub(super) fn headers() -> Value {
    let all = [
        ("X-Request-ID", "string", "The id of the request; name it when you ask for help."),
        ("Muster-Revision", "integer", "The organization's event position after the write."),
        (
            "Idempotent-Replayed",
            "string",
            "`true` if this is the answer to an earlier request with the same `Idempotency-Key`.",
        ),
        ("Muster-Run", "string", "The run that brings the rest of a large request into effect."),
        ("Retry-After", "integer", "Seconds to wait."),
        ("WWW-Authenticate", "string", "`Bearer`."),
        ("ETag", "string", "The version, for `If-Match` and `If-None-Match`."),
        ("Location", "string", "The URL of the resource."),
    ];
    let header = |(name, kind, about): (&str, &str, &str)| {
        (name.to_owned(), json!({"description": about, "schema": {"type": kind}}))
    };
    Value::Object(all.into_iter().map(header).collect::<Map<_, _>>())
}
