//! Style, script and pictures: a few files, in the binary, with nothing from elsewhere.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::secret::digest;
use crate::http::openapi::serve::Cached;

struct Asset {
    name: &'static str,
    text: &'static str,
    media: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "console.css",
        text: include_str!("../../../templates/console/assets/console.css"),
        media: "text/css; charset=utf-8",
    },
    Asset {
        name: "console.js",
        text: include_str!("../../../templates/console/assets/console.js"),
        media: "text/javascript; charset=utf-8",
    },
    Asset {
        name: "icon.svg",
        text: include_str!("../../../templates/console/assets/icon.svg"),
        media: "image/svg+xml",
    },
];

static SERVED: LazyLock<Vec<(&'static str, Cached)>> = LazyLock::new(|| {
    ASSETS.iter().map(|asset| (asset.name, Cached::new(asset.text.to_owned(), asset.media))).collect()
});

static VERSION: LazyLock<String> =
    LazyLock::new(|| digest(&ASSETS.map(|asset| asset.text).concat()).chars().take(12).collect());

/// What the addresses of assets end in, so that browsers may keep them until they change.
pub fn version() -> &'static str {
    &VERSION
}

/// `GET /console/assets/{name}`
pub async fn get(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, asset)) = SERVED.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.answer(&headers);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    response
}
