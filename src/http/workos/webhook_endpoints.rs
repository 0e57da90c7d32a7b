//! `/webhook_endpoints`
//!
//! Answers show the secret that signs, so those of POSTs are not kept for repeated requests.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::{created, ok, shown_once};
use super::body::Fields;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::{EventId, EventLabel, WebhookEndpointLabel};
use crate::domain::webhook::DeliveryState;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::webhooks::again::{self, Start};
use crate::service::webhooks::{self, EndpointChange, NewEndpoint, object};

/// `POST /webhook_endpoints`. `organization_id` is Muster's own: an endpoint for one organization's events.
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let new = NewEndpoint {
        organization: body.id("organization_id")?,
        url: body.required_text("endpoint_url")?,
        events: body.texts("events")?,
    };
    let made = webhooks::create(&app, &access, new).await?;
    Ok(shown_once(created(object(&app, &access, &made)?)))
}

/// `GET /webhook_endpoints`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let paging = query.paging::<WebhookEndpointLabel>()?;
    let page = webhooks::list(&app, &access, query.id("organization_id")?, &paging.request).await?;
    let page = page.try_map(|endpoint| object(&app, &access, &endpoint))?;
    Ok(ok(paging.envelope(page, |endpoint| endpoint)))
}

/// `GET /webhook_endpoints/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(endpoint): Segments<String>,
) -> Result<Response, ApiFailure> {
    let found = webhooks::get(&app, &access, id(&endpoint)?).await?;
    Ok(ok(object(&app, &access, &found)?))
}

/// `PATCH /webhook_endpoints/{id}`
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(endpoint): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let enabled = match body.text("status")?.as_deref() {
        None => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        Some(_) => {
            let message = "status must be enabled or disabled";
            return Err(Error::invalid("status", "invalid_status", message).into());
        }
    };
    let events = body.raw("events").filter(|events| !events.is_null()).map(|_| body.texts("events")).transpose()?;
    let change = EndpointChange { url: body.text("endpoint_url")?, events, enabled };
    let changed = webhooks::update(&app, &access, id(&endpoint)?, change).await?;
    Ok(ok(object(&app, &access, &changed)?))
}

/// `DELETE /webhook_endpoints/{id}`
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(endpoint): Segments<String>,
) -> Result<Response, ApiFailure> {
    webhooks::delete(&app, &access, id(&endpoint)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /webhook_endpoints/{id}/rotate_secret`
pub async fn rotate_secret(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(endpoint): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let changed = webhooks::rotate(&app, &access, id(&endpoint)?, body.number("overlap_hours")?).await?;
    Ok(shown_once(ok(object(&app, &access, &changed)?)))
}

/// `POST /webhook_endpoints/{id}/replay`
pub async fn replay(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(endpoint): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let event = |name: &str| -> Result<Option<EventId>> {
        let parse =
            |text: String| text.parse().map_err(|error| Error::invalid(name, "bad_request", format!("{error}")));
        body.text(name)?.map(parse).transpose()
    };
    let start = match (event("after")?, event("from")?) {
        (Some(after), None) => Start::After(after),
        (None, Some(from)) => Start::From(from),
        _ => {
            let message = "the body must have either after or from, the id of an event";
            return Err(Error::invalid("after", "required", message).into());
        }
    };
    let changed = again::replay(&app, &access, id(&endpoint)?, start).await?;
    Ok(shown_once(ok(object(&app, &access, &changed)?)))
}

/// `GET /webhook_endpoints/{id}/deliveries?state=…`
pub async fn list_deliveries(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(endpoint): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let state = query.one("state").filter(|word| !word.is_empty()).map(|word| {
        let message = "state must be delivered, retrying, dead or queued";
        DeliveryState::from_word(word).ok_or_else(|| Error::invalid("state", "invalid_state", message))
    });
    let paging = query.paging::<EventLabel>()?;
    let page = webhooks::list_deliveries(&app, &access, id(&endpoint)?, state.transpose()?, &paging.request).await?;
    Ok(ok(paging.envelope(page, |delivery| delivery.json())))
}

/// `POST /webhook_endpoints/{id}/deliveries/{event}/redeliver`
pub async fn redeliver(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((endpoint, event)): Segments<(String, String)>,
) -> Result<Response, ApiFailure> {
    Ok(ok(again::redeliver(&app, &access, id(&endpoint)?, id(&event)?).await?.json()))
}
