//! Events, webhook endpoints and what became of deliveries.

use serde_json::{Value, json};

use crate::domain::id::{EventLabel, OrganizationLabel, WebhookEndpointLabel};
use crate::http::openapi::schema::{
    any_object, count, id, id_in_request, list_of, may, must, name_up_to, named, nullable, object, optional, such_as,
    text, time, whole_from, with, word, words,
};

/// `event`
pub fn event() -> Value {
    let event = object([
        must("object", word("event"), ""),
        must("id", id::<EventLabel>(), "The id, the same wherever it is told."),
        must("event", such_as(text(), "group.member_added".into()), "The name."),
        must("data", any_object(), "The object that it is about, as it was at that moment."),
        must(
            "context",
            any_object(),
            "Why: the `actor`, and where there are any the `request_id`, the `run_id` and the `rules` with their versions.",
        ),
        must("created_at", time(), "The time of the change."),
        may("organization_id", id::<OrganizationLabel>(), "The organization; absent for events of users."),
        may("position", whole_from(1), "Its place within the organization: 1, 2, 3 … without gaps."),
    ]);
    named("Event", event)
}

fn url() -> Value {
    such_as(with(name_up_to(2_048), "format", "uri".into()), "https://app.example/webhooks".into())
}

fn event_names() -> Value {
    with(list_of(such_as(text(), "group.member_added".into())), "minItems", json!(1))
}

/// `webhook_endpoint`
pub fn endpoint() -> Value {
    let endpoint = object([
        must("object", word("webhook_endpoint"), ""),
        must("id", id::<WebhookEndpointLabel>(), "The id."),
        must(
            "organization_id",
            nullable(id::<OrganizationLabel>()),
            "Whose events it gets; null for the environment's.",
        ),
        must("endpoint_url", text(), "Where events are sent."),
        must("secret", text(), "What signs them; empty for keys that may only read."),
        must("status", words(&["enabled", "disabled"]), "Whether events are sent."),
        must("disabled_reason", nullable(text()), "Why Muster itself disabled it."),
        must("events", list_of(text()), "The names of the events that it gets."),
        must("last_event_id", nullable(id::<EventLabel>()), "The last event that was delivered or given up."),
        must("failed_attempts", count(), "Attempts at the next event that failed."),
        must("next_attempt_at", nullable(time()), "When that one is tried again."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When somebody changed it last."),
    ]);
    named("WebhookEndpoint", endpoint)
}

/// The body that makes an endpoint.
pub fn new_endpoint() -> Value {
    object([
        must("endpoint_url", url(), "Where events are to be sent: https, and public."),
        must("events", event_names(), "The names of the events that it is to get."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "Whose events it is to get; those of the whole environment if absent.",
        ),
    ])
}

/// The body that changes an endpoint.
pub fn endpoint_changes() -> Value {
    object([
        optional("endpoint_url", url(), "Where events are to be sent."),
        optional("events", event_names(), "The names of the events."),
        optional("status", words(&["enabled", "disabled"]), "Whether events are sent."),
    ])
}

/// The body that rotates a secret.
pub fn rotation() -> Value {
    let hours = json!({"type": "integer", "minimum": 0, "maximum": 168});
    object([optional("overlap_hours", hours, "How long the old secret signs too; 24 if absent.")])
}

/// The body that sends events again.
pub fn replay() -> Value {
    object([
        optional("after", id_in_request::<EventLabel>(), "The last event that is not to be sent again."),
        optional("from", id_in_request::<EventLabel>(), "The first that is; not together with `after`."),
    ])
}

/// `webhook_delivery`
pub fn delivery() -> Value {
    let delivery = object([
        must("object", word("webhook_delivery"), ""),
        must("id", id::<EventLabel>(), "The id of the event."),
        must("event_id", id::<EventLabel>(), "The same."),
        must("event", text(), "The name of the event."),
        must("state", words(&["delivered", "retrying", "dead", "queued"]), "How far it is."),
        must("attempts", count(), "How often it was sent."),
        must("last_status", nullable(count()), "The status of the last answer."),
        must("last_error", nullable(text()), "Why the last attempt failed."),
        must("last_response", nullable(text()), "What the last answer began with."),
        must("last_duration_ms", nullable(count()), "What the last attempt took, in milliseconds."),
        must("next_attempt_at", nullable(time()), "When it is tried again."),
        must("created_at", time(), "When it was first tried."),
        must("updated_at", time(), "When it was last tried."),
    ]);
    named("WebhookDelivery", delivery)
}
