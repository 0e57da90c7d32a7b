//! `/directories`, as far as it is read; `muster::directories` writes.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::ok;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::directory::Directory;
use crate::domain::id::DirectoryLabel;
use crate::http::caller::ApiCaller;
use crate::service::directories;

/// `GET /directories`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let organization = query.id("organization_id")?.map(|id| access.organization(id)).transpose()?;
    let paging = query.paging::<DirectoryLabel>()?;
    let page = directories::list(&app, &access, organization, query.search("search")?, &paging.request).await?;
    Ok(ok(paging.envelope(page, |directory| object(&app, &directory))))
}

/// `GET /directories/{id}`: with counts, which a list of many directories leaves out.
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(directory): Segments<String>,
) -> Result<Response, ApiFailure> {
    let (directory, counts) = directories::get_with_counts(&app, &access, id(&directory)?).await?;
    let mut object = object(&app, &directory);
    object["metadata"] = json!({
        "users": {"active": counts.active_users, "inactive": counts.inactive_users},
        "groups": counts.groups,
    });
    Ok(ok(object))
}

/// The vendor's object with what is Muster's own: where the identity provider connects, and the settings.
pub fn object(app: &App, directory: &Directory) -> Value {
    let mut object = directory.json();
    object["scim_base_url"] = app.config.scim_base_url(directory.id).into();
    object["settings"] = json!(directory.settings);
    object["paused_at"] = json!(directory.paused_at.map(timestamp));
    object["backlog"] = directory.backlog.into();
    object
}
