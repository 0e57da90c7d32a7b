//! `/docs`: the document for people. Plain HTML and one style sheet: no script, nothing from elsewhere.

mod fields;
mod sample;
mod text;
mod view;

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::Extension;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::serve::{Cached, Described};
use crate::domain::Error;
use crate::http::workos::error::ApiFailure;
use text::Kind;
use view::Reference;

/// What the page may load: its own style sheet, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static STYLE: LazyLock<Cached> = LazyLock::new(|| {
    Cached::new(include_str!("../../../../templates/docs/style.css").to_owned(), "text/css; charset=utf-8")
});

#[derive(Template)]
#[template(path = "docs/page.html")]
struct Page {
    reference: Reference,
}

/// `GET /docs`
pub async fn page(Extension(described): Extension<Arc<Described>>, headers: HeaderMap) -> Result<Response, ApiFailure> {
    let page = described.page(|document| {
        let html = Page { reference: Reference::of(document.value()) }.render();
        html.map(|html| Cached::new(html, "text/html; charset=utf-8")).map_err(|error| Error::Internal(Box::new(error)))
    })?;
    let mut response = page.answer(&headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// `GET /docs/style.css`
pub async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}
