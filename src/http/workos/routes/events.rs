//! The endpoints of events and webhooks with their descriptions.

use crate::domain::id::OrganizationLabel;
use crate::http::openapi::schema::{id_in_request, page_of, text, time, words};
use crate::http::openapi::schemas::events as of_events;
use crate::http::openapi::{Endpoints, Operation, tags};
use crate::http::workos::{events, webhook_endpoints};

/// Every endpoint of events and webhooks.
pub(super) fn routes() -> Endpoints {
    feed().merge(endpoints()).merge(deliveries())
}

fn feed() -> Endpoints {
    Endpoints::of(&tags::EVENTS)
        .get("/events", events::list, |op| {
            selected(op)
                .id("listEvents")
                .summary("List events")
                .about("Oldest first unless `order` says otherwise. `after` and `range_start` exclude each other.")
                .paged()
                .answers(200, "A page of the feed.", page_of(of_events::event()))
        })
        .get("/events/stream", events::stream, |op| {
            selected(op)
                .id("streamEvents")
                .summary("Follow events as server-sent events")
                .about(
                    "From `Last-Event-ID` or `after` on, otherwise from now on. Each message has the id, the name and the \
                     event object. The stream ends after ten minutes at the latest; connect again with the last id.",
                )
                .header("Last-Event-ID", "The id of the last event that was received.")
                .query("after", text(), "The same, for clients that cannot send the header.")
                .answers_as(200, "Messages, for as long as the stream lasts.", "text/event-stream")
        })
}

/// The parameters that select events.
fn selected(op: Operation) -> Operation {
    op.must_query_many("events", text(), "The names of the events.")
        .query("organization_id", id_in_request::<OrganizationLabel>(), "Those of this organization.")
        .query("range_start", time(), "Those from this time on, in UTC with a `Z`.")
        .query("range_end", time(), "Those up to this time, in UTC with a `Z`.")
        .fails(400, "A cursor that names no event, or one that is not kept any more.")
        .fails(404, "There is no such organization.")
}

const INVALID_URL: &str = "`invalid_url`: the target is not public, or does not speak TLS.";
const DUPLICATE: &str = "`duplicate_endpoint`: there is one with this address already.";

fn endpoints() -> Endpoints {
    Endpoints::of(&tags::WEBHOOKS)
        .get("/webhook_endpoints", webhook_endpoints::list, |op| {
            op.id("listWebhookEndpoints")
                .summary("List webhook endpoints")
                .query("organization_id", id_in_request::<OrganizationLabel>(), "Those of this organization.")
                .lists(of_events::endpoint())
                .fails(404, "There is no such organization.")
        })
        .post("/webhook_endpoints", webhook_endpoints::create, |op| {
            op.id("createWebhookEndpoint")
                .summary("Create a webhook endpoint")
                .about("It gets what happens from now on.")
                .body(of_events::new_endpoint())
                .answers(201, "The endpoint, with the secret that signs.", of_events::endpoint())
                .fails(404, "There is no such organization.")
                .fails(409, DUPLICATE)
                .fails(409, "`too_many_webhook_endpoints`.")
                .fails(422, INVALID_URL)
        })
        .get("/webhook_endpoints/{webhook_endpoint}", webhook_endpoints::get, |op| {
            op.id("getWebhookEndpoint").summary("Get a webhook endpoint").answers(
                200,
                "The endpoint.",
                of_events::endpoint(),
            )
        })
        .patch("/webhook_endpoints/{webhook_endpoint}", webhook_endpoints::update, |op| {
            op.id("updateWebhookEndpoint")
                .summary("Change a webhook endpoint")
                .about("Another address comes with another secret.")
                .optional_body(of_events::endpoint_changes())
                .answers(200, "The endpoint.", of_events::endpoint())
                .fails(409, DUPLICATE)
                .fails(422, INVALID_URL)
        })
        .delete("/webhook_endpoints/{webhook_endpoint}", webhook_endpoints::delete, |op| {
            op.id("deleteWebhookEndpoint").summary("Delete a webhook endpoint").answers_nothing(204, "It is gone.")
        })
}

fn deliveries() -> Endpoints {
    Endpoints::of(&tags::WEBHOOKS)
        .post("/webhook_endpoints/{webhook_endpoint}/rotate_secret", webhook_endpoints::rotate_secret, |op| {
            op.id("rotateWebhookSecret")
                .summary("Give a webhook endpoint another secret")
                .about("It signs at once; the old one signs `Muster-Previous-Signature` for `overlap_hours`.")
                .optional_body(of_events::rotation())
                .answers(200, "The endpoint, with the new secret.", of_events::endpoint())
        })
        .post("/webhook_endpoints/{webhook_endpoint}/replay", webhook_endpoints::replay, |op| {
            op.id("replayWebhookEvents")
                .summary("Send everything from an event on again, in order")
                .body(of_events::replay())
                .answers(200, "The endpoint.", of_events::endpoint())
                .fails(400, "An id that names no event.")
        })
        .get("/webhook_endpoints/{webhook_endpoint}/deliveries", webhook_endpoints::list_deliveries, |op| {
            op.id("listWebhookDeliveries")
                .summary("List what became of events at an endpoint")
                .query("state", words(&["delivered", "retrying", "dead", "queued"]), "Those in this state.")
                .lists(of_events::delivery())
        })
        .post(
            "/webhook_endpoints/{webhook_endpoint}/deliveries/{event}/redeliver",
            webhook_endpoints::redeliver,
            |op| {
                op.id("redeliverWebhookEvent")
                    .summary("Send one event again")
                    .answers(200, "The delivery.", of_events::delivery())
                    .fails(409, "`delivery_pending`: it has not had its turn, and will be sent in order.")
            },
        )
}
