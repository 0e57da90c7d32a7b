//! SCIM tokens of a directory.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::ScimTokenLabel;
use crate::domain::secret::Secret;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{created, ok, shown_once};
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::tokens::{NewToken, Rotation};
use crate::service::{directories, tokens};
use crate::store::keys::ScimToken;

/// Networks of a token at the most.
const MAX_NETWORKS: usize = 100;

/// `POST /directories/{directory}/tokens`: the only answer that shows the token.
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(directory): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let directory = id(&directory)?;
    let scope = directories::scope_of(&app, &access, directory).await?;
    let new = NewToken {
        name: body.required_text("name")?,
        expires_at: body.time("expires_at")?,
        allowed_ips: networks(&body.texts("allowed_ips")?)?,
    };
    let (token, secret) = tokens::create_token(&app, &access, scope, directory, new).await?;
    Ok(shown_once(created(shown(&token, &secret))))
}

/// `POST /directories/{directory}/tokens/{token}/rotate`: the only answer that shows the new token.
pub async fn rotate(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((directory, token)): Segments<(String, String)>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let directory = id(&directory)?;
    let scope = directories::scope_of(&app, &access, directory).await?;
    let rotation = Rotation { overlap_hours: body.number("overlap_hours")?, expires_at: body.time("expires_at")? };
    let rotated = tokens::rotate_token(&app, &access, scope, directory, id(&token)?, rotation).await?;
    Ok(shown_once(created(shown(&rotated.token, &rotated.secret))))
}

/// `GET /directories/{directory}/tokens`
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(directory): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let directory = id(&directory)?;
    let scope = directories::scope_of(&app, &access, directory).await?;
    let paging = query.paging::<ScimTokenLabel>()?;
    let page = tokens::list_tokens(&app, scope, directory, &paging.request).await?;
    Ok(ok(paging.envelope(page, |token| json(&token))))
}

/// `DELETE /directories/{directory}/tokens/{token}`
pub async fn revoke(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((directory, token)): Segments<(String, String)>,
) -> Result<StatusCode, ApiFailure> {
    let directory = id(&directory)?;
    let scope = directories::scope_of(&app, &access, directory).await?;
    tokens::revoke_token(&app, &access, scope, directory, id(&token)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The token with its secret.
fn shown(token: &ScimToken, secret: &Secret) -> Value {
    let mut object = json(token);
    object["token"] = secret.reveal().into();
    object
}

fn json(token: &ScimToken) -> Value {
    json!({
        "object": "scim_token",
        "id": token.id,
        "directory_id": token.directory,
        "name": token.name,
        "token_prefix": token.hint,
        "allowed_ips": token.allowed_ips,
        "expires_at": token.expires_at.map(timestamp),
        "replaced_by": token.replaced_by,
        "last_used_at": token.last_used_at.map(timestamp),
        "created_at": timestamp(token.created_at),
    })
}

/// Networks in CIDR notation, or single addresses.
pub fn networks(texts: &[String]) -> Result<Vec<IpNet>> {
    if texts.len() > MAX_NETWORKS {
        let message = format!("allowed_ips has {MAX_NETWORKS} entries at most");
        return Err(Error::invalid("allowed_ips", "too_many", message));
    }
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let network = text.parse::<IpNet>().map(|network| network.trunc());
            network.or_else(|_| text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()))).map_err(|_| {
                let message = "an entry of allowed_ips is an address or a network such as 203.0.113.0/24";
                Error::invalid(format!("allowed_ips[{at}]"), "invalid_network", message)
            })
        })
        .collect()
}
