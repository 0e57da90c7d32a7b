//! News for pages that are open: a stream that says *that* something changed. The page then reads itself again and
//! exchanges what is different, so that there is one way to show a thing, with script and without.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};

use super::failure::PageFailure;
use super::viewer::Place;
use crate::app::App;
use crate::domain::Result;
use crate::domain::scope::OrganizationScope;
use crate::service::news::{self, Mark};
use crate::service::streams;

/// How often the stream looks for what other processes wrote, and for what is no event.
const LOOK: Duration = Duration::from_secs(1);
/// How long news gather before a page hears of them.
const GATHER: Duration = Duration::from_millis(150);
/// How long the stream is silent before it says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lasts; the page connects again, and its session is looked at again.
const LIFETIME: Duration = Duration::from_mins(5);

/// `GET /console/{organization}/live`
pub async fn stream(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let seat = app.streams.enter(Some(place.organization.id))?;
    let stopping = app.stopping.clone();
    let end = async move {
        let _ = tokio::time::timeout(LIFETIME, stopping.cancelled()).await;
    };
    let reader = Reader { mark: news::mark(&app, place.scope).await?, scope: place.scope, app, _seat: seat };
    let hello = stream::once(async { Ok(message("hello")) });
    let messages = hello.chain(follow(reader)).take_until(Box::pin(end));
    let mut response = Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// A message of this name. Browsers drop one without data, and empty data is none.
fn message(name: &str) -> Message {
    Message::default().event(name).data(name)
}

/// Somebody who has a page open.
struct Reader {
    app: App,
    scope: OrganizationScope,
    mark: Mark,
    _seat: streams::Place,
}

fn follow(reader: Reader) -> impl Stream<Item = Result<Message, Infallible>> {
    stream::unfold(reader, |mut reader| async {
        reader.news().await;
        Some((Ok(message("changed")), reader))
    })
}

impl Reader {
    /// Waits until something is different.
    async fn news(&mut self) {
        let mut told = self.app.db.told();
        loop {
            told.mark_unchanged();
            match news::mark(&self.app, self.scope).await {
                Ok(mark) if mark != self.mark => {
                    self.mark = mark;
                    return;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a page could not be told of news; it is tried again"),
            }
            if tokio::time::timeout(LOOK, told.changed()).await.is_ok() {
                tokio::time::sleep(GATHER).await;
            }
        }
    }
}
