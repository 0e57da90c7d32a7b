//! Extractors that authenticate. A handler that has one of these in its signature cannot be reached without.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, FromRequestParts, Path};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use serde::de::DeserializeOwned;

use super::scim::error::ScimFailure;
use super::workos::error::ApiFailure;
use crate::app::App;
use crate::domain::Error;
use crate::domain::id::RequestId;
use crate::scim::error::ScimError;
use crate::service::access::{Access, authenticate_api};
use crate::service::keys::{ScimAccess, authenticate_scim};

/// Where the extractor leaves who called, for the request log.
pub type CallerSlot = Arc<OnceLock<ScimAccess>>;

/// An identity provider with a valid token for the directory in the path.
pub struct ScimCaller(pub ScimAccess);

/// Somebody with a valid key of the native APIs.
pub struct ApiCaller(pub Access);

/// The segments of a SCIM path; one that is no UTF-8 names nothing.
pub struct ScimPath<T>(pub T);

impl<T, S> FromRequestParts<S> for ScimPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ScimFailure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ScimFailure> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(segments)| ScimPath(segments))
            .map_err(|_| ScimError::status(404, "the path is not valid UTF-8, so it names no resource").into())
    }
}

impl FromRequestParts<App> for ScimCaller {
    type Rejection = ScimFailure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ScimFailure> {
        let directory = parts.uri.path().strip_prefix("/scim/v2/").unwrap_or_default();
        let directory = directory.split('/').next().unwrap_or_default();
        let header = authorization(parts)?;
        let from = peer(parts);
        let access = authenticate_scim(app, directory, header.as_deref(), from).await;
        let access = access.map_err(|error| app.refuse(from, error))?;
        app.admit(&access.directory.id.to_string())?;
        if let Some(slot) = parts.extensions.get::<CallerSlot>() {
            let _ = slot.set(access.clone());
        }
        Ok(ScimCaller(access))
    }
}

impl FromRequestParts<App> for ApiCaller {
    type Rejection = ApiFailure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiFailure> {
        // Middleware may have had to know already.
        if let Some(access) = parts.extensions.get::<Access>() {
            return Ok(ApiCaller(access.clone()));
        }
        let header = authorization(parts)?;
        let access = authenticate_api(app, header.as_deref()).await;
        let access = access.map_err(|error| app.refuse(peer(parts), error))?;
        app.admit(access.key())?;
        let request = parts.extensions.get::<RequestId>().copied();
        Ok(ApiCaller(request.map_or_else(|| access.clone(), |request| access.clone().in_request(request))))
    }
}

/// Somebody with a valid key that may change things.
pub struct ApiWriter(pub Access);

impl FromRequestParts<App> for ApiWriter {
    type Rejection = ApiFailure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiFailure> {
        let ApiCaller(access) = ApiCaller::from_request_parts(parts, app).await?;
        access.writes()?;
        Ok(ApiWriter(access))
    }
}

/// The one `Authorization` header; two of them could be read differently by a proxy and by us.
fn authorization(parts: &Parts) -> Result<Option<String>, Error> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::invalid("Authorization", "invalid_header", "there are two Authorization headers"));
    }
    Ok(first.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()))
}

/// The network address that the request comes from. One of IPv4 is that, also on a listener for both kinds.
pub(super) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv4_is_one_however_it_came_in() {
        for (peer_address, told) in
            [("[::ffff:8.8.8.8]:4000", "8.8.8.8"), ("8.8.8.8:4000", "8.8.8.8"), ("[2001:db8::1]:4000", "2001:db8::1")]
        {
            let (mut parts, ()) = axum::http::Request::new(()).into_parts();
            parts.extensions.insert(ConnectInfo(peer_address.parse::<SocketAddr>().unwrap()));
            assert_eq!(peer(&parts).unwrap().to_string(), told);
        }
    }
}
