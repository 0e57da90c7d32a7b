//! Path segments and ids: what cannot be an id is simply a resource that does not exist.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::ApiFailure;
use crate::app::App;
use crate::domain::id::{Id, Identified};
use crate::domain::{Error, Result};

/// The decoded segments of a path, as [`axum::extract::Path`] has them, with our own errors.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Segments<T> {
    type Rejection = ApiFailure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiFailure> {
        // No id and no name that we store holds a NUL, and one of the databases refuses to look for it.
        let nul = parts.uri.path().contains("%00");
        match axum::extract::Path::<T>::from_request_parts(parts, app).await {
            Ok(segments) if !nul => Ok(Segments(segments.0)),
            _ => Err(Error::not_found("path", parts.uri.path()).into()),
        }
    }
}

/// The id that a caller wrote.
pub fn id<T: Identified>(text: &str) -> Result<Id<T>> {
    text.parse().map_err(|_| Error::not_found(T::KIND, text.chars().take(80).collect::<String>()))
}
