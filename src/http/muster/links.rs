//! Identity links: `/identity_links`.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::DirectoryUserLabel;
use crate::domain::link::{LinkState, reason};
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{at_revision, ok};
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::access::Access;
use crate::service::links::{self, Decision, Shown};
use crate::store::links::Search;

/// `GET /identity_links?organization_id=…&state=&directory_id=&search=`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let scope = access.organization_or_own(query.id("organization_id")?)?;
    let state = query.one("state").filter(|text| !text.is_empty()).map(|text| {
        LinkState::from_word(text)
            .ok_or_else(|| Error::invalid("state", "invalid_state", "state must be pending, refused, linked or ended"))
    });
    let search = Search {
        state: state.transpose()?,
        directory: query.id("directory_id")?,
        text: query.search("search")?.map(str::to_owned),
    };
    let paging = query.paging::<DirectoryUserLabel>()?;
    let page = links::list(&app, scope, &search, &paging.request).await?;
    Ok(ok(paging.envelope(page, |shown| json(&access, &shown))))
}

/// `POST /identity_links/{directory_user}/confirm` with the `user_id` of the account, or without one for the
/// account that has the person's address.
pub async fn confirm(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(person): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    decide(&app, &access, &person, Decision::Confirm(body.id("user_id")?)).await
}

/// `POST /identity_links/{directory_user}/refuse`
pub async fn refuse(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(person): Segments<String>,
) -> Result<Response, ApiFailure> {
    decide(&app, &access, &person, Decision::Refuse).await
}

/// `POST /identity_links/{directory_user}/reopen`
pub async fn reopen(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(person): Segments<String>,
) -> Result<Response, ApiFailure> {
    decide(&app, &access, &person, Decision::Reopen).await
}

/// `POST /identity_links/{directory_user}/unlink`
pub async fn unlink(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(person): Segments<String>,
) -> Result<Response, ApiFailure> {
    decide(&app, &access, &person, Decision::Unlink).await
}

async fn decide(app: &App, access: &Access, person: &str, decision: Decision) -> Result<Response, ApiFailure> {
    let done = links::decide(app, access, id(person)?, decision).await?;
    Ok(at_revision(ok(json(access, &done.value)), done.revision))
}

/// The id of an account that the organization may not own is for keys of the environment alone; others learn
/// that there is one.
fn json(access: &Access, shown: &Shown) -> Value {
    let listed = &shown.listed;
    let link = &listed.link;
    let candidate = shown.candidate.map(|user| {
        let user = Some(user).filter(|_| access.environment().is_ok());
        json!({"user_id": user, "email": listed.email})
    });
    json!({
        "object": "identity_link",
        "id": link.directory_user_id,
        "organization_id": shown.organization,
        "directory_user": {
            "id": link.directory_user_id,
            "user_name": listed.user_name,
            "email": listed.email,
            "directory_id": link.directory_id,
        },
        "user_id": link.user_id,
        "organization_membership_id": link.membership_id,
        "state": link.state,
        "method": link.method,
        "reason": reason(&link.state, &link.method),
        "candidate": candidate,
        "created_at": timestamp(listed.created_at),
        "updated_at": timestamp(listed.updated_at),
    })
}
