//! Links to the portal, for the admins of an organization.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::domain::Error;
use crate::http::caller::ApiWriter;
use crate::http::workos::answer::{created, shown_once};
use crate::http::workos::body::{Fields, required};
use crate::http::workos::error::ApiFailure;
use crate::service::portal;

/// What a link may be for. The portal has every page of an organization, so there is but one word.
pub const INTENT: &str = "dsync";

/// `POST /portal/generate_link`: the only answer that shows the link.
pub async fn generate_link(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let organization = required("organization", body.id("organization")?)?;
    if let Some(intent) = body.text("intent")?.filter(|intent| intent != INTENT) {
        let intent: String = intent.chars().take(40).collect();
        let message = format!(
            "intent '{intent}' is not one that this portal has; it has '{INTENT}' only, with which the organization's \
             admin connects a directory and writes its rules"
        );
        return Err(Error::invalid("intent", "invalid_intent", message).into());
    }
    let return_url = body.text("return_url")?.filter(|url| !url.is_empty());
    let link = portal::generate_link(&app, &access, organization, return_url).await?;
    Ok(shown_once(created(json!({"link": link}))))
}
