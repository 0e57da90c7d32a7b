//! Signing in by an OpenID provider. Both ends are links: a form would not be allowed to lead elsewhere.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::asked::Asked;
use super::cookie;
use super::entry::{local, sign_in_again, signed_in};
use super::failure::PageFailure;
use super::view::sentence;
use crate::app::App;
use crate::domain::Error;
use crate::service::oidc::{self, Returned};
use crate::service::sessions::Visitor;

/// `GET /console/oidc`
pub async fn begin(State(app): State<App>, asked: Asked) -> Result<Response, PageFailure> {
    let begun = match oidc::begin(&app, local(asked.text("next"))).await {
        Ok(begun) => begun,
        Err(error @ Error::Busy { .. }) => {
            let problem = Some(sentence(&error.to_string()));
            let next = asked.text("next").to_owned();
            return sign_in_again(&app, String::new(), next, problem, StatusCode::SERVICE_UNAVAILABLE).await;
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = Redirect::to(&begun.url).into_response();
    cookie::set_of_sign_in(&app, response.headers_mut(), &begun.cookie);
    Ok(response)
}

/// `GET /console/oidc/callback`
pub async fn finish(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, PageFailure> {
    let text = |name: &str| asked.text(name).to_owned();
    let returned = Returned {
        state: text("state"),
        code: text("code"),
        error: text("error"),
        issuer: text("iss"),
        cookie: cookie::read_of_sign_in(&app, &headers),
    };
    let mut response = match oidc::finish(&app, returned, visitor).await {
        Ok((begun, next)) => signed_in(&app, &begun, local(&next)),
        Err(error @ (Error::Forbidden(_) | Error::Busy { .. })) => {
            let status = match error {
                Error::Forbidden(_) => StatusCode::FORBIDDEN,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let problem = Some(sentence(&error.to_string()));
            sign_in_again(&app, String::new(), String::new(), problem, status).await?
        }
        Err(error) => return Err(error.into()),
    };
    cookie::clear_of_sign_in(&app, response.headers_mut());
    Ok(response)
}
