//! Signing in by an OpenID provider: the authorization code flow with PKCE (RFC 7636).
//!
//! Nobody is made an operator by it: an owner invites first, and the provider's word for an address stands in for the
//! password of whoever was invited with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use sha2::{Digest as _, Sha256};

use super::sessions::{self, Begun, Proof, Visitor};
use crate::app::App;
use crate::domain::oidc::{Expected, verified_email};
use crate::domain::operator::Holder;
use crate::domain::secret::{Secret, digest};
use crate::domain::{Error, Result};
use crate::outbound::oidc::Client;
use crate::store::oidc::{self as stored, Underway};
use crate::store::{Lane, operators};

/// How long somebody may take to sign in at the provider.
const LONGEST: Duration = Duration::minutes(10);
/// How long a browser that the provider cannot serve waits, in seconds.
const AGAIN: u32 = 10;

/// A sign-in that was just begun.
pub struct SignIn {
    /// Where the browser goes.
    pub url: String,
    /// What it must bring back: the value of a cookie.
    pub cookie: Secret,
}

/// What the browser brings back.
#[derive(Debug, Clone, Default)]
pub struct Returned {
    /// The state that it was sent with.
    pub state: String,
    /// The code; empty if there is none.
    pub code: String,
    /// Why the provider refuses; empty if it does not.
    pub error: String,
    /// Who the provider says that it is (RFC 9207); empty if it does not.
    pub issuer: String,
    /// The value of the cookie; `None` if there is none.
    pub cookie: Option<String>,
}

/// What people call the provider; `None` if there is none.
pub fn label(app: &App) -> Option<&str> {
    app.oidc.as_ref().map(|client| client.settings.label.as_str())
}

fn client(app: &App) -> Result<&Client> {
    app.oidc.as_ref().ok_or_else(|| Error::not_found("path", "/console/oidc"))
}

/// The redirect URI, as it must be registered with the provider.
fn redirect_uri(app: &App) -> String {
    format!("{}/console/oidc/callback", app.config.public_url)
}

/// The nonce and the code verifier of a sign-in. They follow from the cookie, which only the browser has.
fn derived(cookie: &str) -> (String, String) {
    (digest(&format!("nonce\n{cookie}")), digest(&format!("verifier\n{cookie}")))
}

/// Begins a sign-in, after which the browser goes to `next`.
///
/// # Errors
///
/// [`Error::NotFound`] if no provider is configured; [`Error::Busy`] if it does not answer.
pub async fn begin(app: &App, next: &str) -> Result<SignIn> {
    let client = client(app)?;
    let provider = client.provider().await.map_err(|problem| unreachable(&problem))?;
    let (now, cookie, state) = (app.clock.now(), Secret::mint("oidc_"), Secret::mint(""));
    let underway =
        Underway { browser: cookie.digest(), next: next.chars().take(2_048).collect(), expires_at: now + LONGEST };
    let digest = state.digest();
    app.db
        .write(Lane::Environment, move |tx| {
            let (digest, underway) = (digest.clone(), underway.clone());
            Box::pin(async move { stored::begin(tx, &digest, &underway, now).await })
        })
        .await?;
    let (nonce, verifier) = derived(cookie.reveal());
    let mut url = provider.authorization;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.settings.client_id)
        .append_pair("redirect_uri", &redirect_uri(app))
        .append_pair("scope", "openid email profile")
        .append_pair("state", state.reveal())
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())))
        .append_pair("code_challenge_method", "S256");
    Ok(SignIn { url: url.into(), cookie })
}

/// Ends a sign-in; answers the session and the page that was asked for.
///
/// # Errors
///
/// [`Error::Forbidden`] if the sign-in is not this browser's, is over, or the provider names nobody who is an operator;
/// [`Error::Busy`] if it does not answer; [`Error::NotFound`] if there is none.
pub async fn finish(app: &App, returned: Returned, visitor: Visitor) -> Result<(Begun, String)> {
    let client = client(app)?;
    let (now, state) = (app.clock.now(), digest(&returned.state));
    // Taken whatever comes of it: a state that was used once is used up.
    let taken = app.db.write(Lane::Environment, move |tx| {
        let state = state.clone();
        Box::pin(async move { stored::take(tx, &state).await })
    });
    let over = || Error::Forbidden("this sign-in is over, or began in another browser; begin again".to_owned());
    let underway = taken.await?.filter(|underway| underway.expires_at > now).ok_or_else(over)?;
    let cookie = returned.cookie.filter(|cookie| digest(cookie) == underway.browser).ok_or_else(over)?;
    let label = &client.settings.label;
    if !returned.error.is_empty() || returned.code.is_empty() {
        let error: String = returned.error.chars().take(100).collect();
        tracing::warn!(%error, "the OpenID provider refused a sign-in");
        return Err(Error::Forbidden(format!("{label} did not sign you in")));
    }
    let issuer = &client.settings.issuer;
    if !returned.issuer.is_empty() && returned.issuer != *issuer {
        return Err(refused(label, "the answer is from another issuer"));
    }
    let (nonce, verifier) = derived(&cookie);
    let claims = client.exchange(&returned.code, &redirect_uri(app), &verifier).await;
    let claims = claims.map_err(|problem| unreachable(&problem))?;
    let expected = Expected { issuer, client_id: &client.settings.client_id, nonce: &nonce };
    let email = verified_email(&claims, expected, now).map_err(|problem| refused(label, problem))?;
    let operator = operators::by_email(&mut app.db.read().await?, email).await?;
    let operator = operator.ok_or_else(|| {
        tracing::warn!("somebody signed in at the OpenID provider who is no operator");
        Error::Forbidden(format!("{email} is no operator here; ask an owner for an invitation"))
    })?;
    let begun = sessions::begin(app, Holder::Operator(operator), visitor, Proof::Provider, "signInByOidc").await?;
    Ok((begun, underway.next))
}

fn refused(label: &str, problem: &str) -> Error {
    tracing::warn!(problem, "the answer of the OpenID provider was refused");
    Error::Forbidden(format!("the answer of {label} was refused: {problem}"))
}

fn unreachable(problem: &str) -> Error {
    tracing::error!(problem, "the OpenID provider cannot be used");
    let message = "the OpenID provider did not answer as it should; the server's log says why".to_owned();
    Error::Busy { message, retry_after: AGAIN }
}
