//! The cookie of a session, and that of a sign-in by an OpenID provider.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::app::App;
use crate::domain::secret::Secret;

/// Browsers take a cookie of this name only over TLS, of this host and for all of it.
const SAFE: &str = "__Host-muster";
/// The name where there is no TLS: on one's own machine.
const PLAIN: &str = "muster";

/// What the cookie of a sign-in by an OpenID provider is called beside that of a session.
const OF_SIGN_IN: &str = "-oidc";

fn name(app: &App, more: &str) -> String {
    format!("{}{more}", if secure(app) { SAFE } else { PLAIN })
}

fn secure(app: &App) -> bool {
    app.config.public_url.starts_with("https://")
}

/// The cookie of a session that a request has.
pub fn read(app: &App, headers: &HeaderMap) -> Option<String> {
    named(headers, &name(app, ""))
}

/// The cookie of a sign-in by an OpenID provider that a request has.
pub fn read_of_sign_in(app: &App, headers: &HeaderMap) -> Option<String> {
    named(headers, &name(app, OF_SIGN_IN))
}

/// Of two cookies of one name, the first: a second could only come from a neighbour's site.
fn named(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value.to_owned())
}

/// Sets the cookie of a session.
pub fn set(app: &App, headers: &mut HeaderMap, secret: &Secret) {
    append(app, headers, &name(app, ""), secret.reveal(), "");
}

/// Takes the cookie of a session away.
pub fn clear(app: &App, headers: &mut HeaderMap) {
    append(app, headers, &name(app, ""), "", "; Max-Age=0");
}

/// Sets the cookie of a sign-in by an OpenID provider, for as long as that may take.
pub fn set_of_sign_in(app: &App, headers: &mut HeaderMap, secret: &Secret) {
    append(app, headers, &name(app, OF_SIGN_IN), secret.reveal(), "; Max-Age=600");
}

/// Takes the cookie of a sign-in away.
pub fn clear_of_sign_in(app: &App, headers: &mut HeaderMap) {
    append(app, headers, &name(app, OF_SIGN_IN), "", "; Max-Age=0");
}

fn append(app: &App, headers: &mut HeaderMap, name: &str, value: &str, more: &str) {
    let tls = if secure(app) { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{tls}{more}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, value);
    }
}
