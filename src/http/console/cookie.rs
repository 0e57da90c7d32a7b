//! The cookie of a session.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::app::App;
use crate::domain::secret::Secret;

/// Browsers take a cookie of this name only over TLS, of this host and for all of it.
const SAFE: &str = "__Host-muster";
/// The name where there is no TLS: on one's own machine.
const PLAIN: &str = "muster";

fn name(app: &App) -> &'static str {
    if secure(app) { SAFE } else { PLAIN }
}

fn secure(app: &App) -> bool {
    app.config.public_url.starts_with("https://")
}

/// The cookie that a request has. Of two, the first: a second could only come from a neighbour's site.
pub fn read(app: &App, headers: &HeaderMap) -> Option<String> {
    let name = name(app);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value.to_owned())
}

/// Sets the cookie.
pub fn set(app: &App, headers: &mut HeaderMap, secret: &Secret) {
    append(app, headers, secret.reveal(), "");
}

/// Takes the cookie away.
pub fn clear(app: &App, headers: &mut HeaderMap) {
    append(app, headers, "", "; Max-Age=0");
}

fn append(app: &App, headers: &mut HeaderMap, value: &str, more: &str) {
    let tls = if secure(app) { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{tls}{more}", name(app));
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, value);
    }
}
