//! What every request of the console passes: is it of this site, who is it, may they, and what is written down.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::cookie;
use super::failure::PageFailure;
use super::form::Form;
use super::pages::Audience;
use super::viewer::Viewer;
use crate::app::App;
use crate::domain::actor::Source;
use crate::domain::id::RequestId;
use crate::domain::{Error, Result};
use crate::http::caller::peer;
use crate::service::audit;
use crate::service::sessions::{self, Visitor};

/// The largest form, in bytes.
const MAX_FORM: usize = 1 << 20;
/// What pages may load: what is served here, and nothing else. No inline script, no inline style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Marks a request that the page makes by itself, which is no sign of life of its reader.
const LIVE: HeaderName = HeaderName::from_static("muster-live");

/// The gate of one route.
#[derive(Clone)]
pub struct Gate {
    /// The program.
    pub app: App,
    /// Who may come.
    pub audience: Audience,
    /// What the form does; `None` for a page.
    pub action: Option<&'static str>,
}

/// Lets a request pass, or says why not.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let admitted = admit(&gate, &mut parts).await;
    let response = match admitted {
        Ok(viewer) => match run(&gate, viewer, Request::from_parts(parts, body), next).await {
            Ok(response) => response,
            Err(error) => PageFailure::from(error).answer(),
        },
        Err(Error::Unauthorized(_)) if gate.audience != Audience::Everybody => {
            let path = parts.uri.path_and_query().map(PathAndQuery::as_str);
            super::entry::to_sign_in(path.filter(|_| gate.action.is_none()))
        }
        Err(error) => PageFailure::from(error).answer(),
    };
    guarded(response)
}

/// The headers of every answer of the console.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

/// Who comes; `None` where nobody needs to be anybody.
async fn admit(gate: &Gate, parts: &mut Parts) -> Result<Option<Viewer>> {
    if gate.action.is_some() {
        of_this_site(&gate.app, &parts.headers)?;
    }
    parts.extensions.insert(visitor(parts));
    let Some(cookie) = cookie::read(&gate.app, &parts.headers) else {
        return match gate.audience {
            Audience::Everybody => Ok(None),
            _ => Err(Error::Unauthorized("you are not signed in")),
        };
    };
    let alive = !parts.headers.contains_key(LIVE) && !is_stream(&parts.headers);
    let session = match sessions::resume(&gate.app, &cookie, alive).await {
        Ok(session) => session,
        // An old cookie keeps nobody from signing in again.
        Err(Error::Unauthorized(_)) if gate.audience == Audience::Everybody => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut access = sessions::access_of(&session);
    if let Some(request) = parts.extensions.get::<RequestId>() {
        access = access.in_request(*request);
    }
    if gate.audience == Audience::Operators && access.actor().source != Source::Dashboard {
        return Err(Error::Forbidden("this page is not part of the portal".to_owned()));
    }
    if gate.action.is_some() && gate.audience != Audience::Everybody && !is_ones_own(gate) {
        access.writes()?;
    }
    let viewer = Viewer { session, access };
    parts.extensions.insert(viewer.clone());
    Ok(Some(viewer))
}

/// Whether the page listens for news, by itself.
fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"))
}

/// Whether a form is about nobody but its sender, who need not be an admin for it.
fn is_ones_own(gate: &Gate) -> bool {
    matches!(gate.action, Some("signOut" | "changePassword" | "endSessions"))
}

async fn run(gate: &Gate, viewer: Option<Viewer>, request: Request, next: Next) -> Result<Response> {
    let Some(action) = gate.action else { return Ok(next.run(request).await) };
    let (mut parts, body) = request.into_parts();
    let too_large = |_| Error::invalid("", "payload_too_large", "the form is too large");
    let form = Form::parse(&to_bytes(body, MAX_FORM).await.map_err(too_large)?);
    // Those who come in are written down by the service that lets them.
    let viewer = viewer.filter(|_| gate.audience != Audience::Everybody);
    let asked = viewer.as_ref().map(|_| form.json());
    parts.extensions.insert(form);
    let request = Request::from_parts(parts, axum::body::Body::empty());
    let Some((viewer, asked)) = viewer.zip(asked) else { return Ok(next.run(request).await) };
    let target = request.uri().path().to_owned();
    let address = request.extensions().get::<Visitor>().and_then(|visitor| visitor.address.clone());
    let note = audit::note(&gate.app, &viewer.access, action, &target, asked, address);
    Ok(note.over(next.run(request)).await)
}

/// Refuses forms that another site sent.
fn of_this_site(app: &App, headers: &HeaderMap) -> Result<()> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = match (text(&SITE), text(&header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        // Browsers from before fetch metadata name the origin.
        (None, Some(origin)) => origin.eq_ignore_ascii_case(&origin_of(&app.config.public_url)),
        (None, None) => false,
    };
    if ours {
        return Ok(());
    }
    Err(Error::Forbidden(
        "this form was not sent from the console. If you are behind a proxy, MUSTER_PUBLIC_URL must be the address that \
         the browser shows"
            .to_owned(),
    ))
}

fn origin_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

/// Where the request comes from.
fn visitor(parts: &Parts) -> Visitor {
    let peer = peer(parts).map(|address| address.to_string());
    let agent = parts.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    Visitor { address: peer, agent: agent.unwrap_or_default().into_owned() }
}
