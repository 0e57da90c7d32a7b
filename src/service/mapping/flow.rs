//! How people flow from directory groups by rules to native groups and roles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::domain::Result;
use crate::domain::id::OrganizationId;
use crate::domain::scope::OrganizationScope;
use crate::store::flow;
use crate::store::news::{self, Mark};

pub use crate::store::flow::Stream;

/// Streams that are told of at the most.
const MOST: i64 = 500;
/// Counting that takes longer than this is dear.
const DEAR: Duration = Duration::from_millis(500);
/// How long what was dear to count is shown, although something has changed.
const SHOWN: Duration = Duration::from_mins(1);
/// Organizations that are remembered at the most.
const REMEMBERED: usize = 1_000;

/// What was counted last, of each organization.
#[derive(Debug, Default)]
pub struct Counted(Mutex<HashMap<OrganizationId, Count>>);

#[derive(Debug)]
struct Count {
    mark: Mark,
    at: Instant,
    dear: bool,
    streams: Arc<Vec<Stream>>,
}

/// The streams of an organization, the widest first. Every origin is counted, which takes seconds of a very large
/// organization; there it is done once a minute at the most.
pub async fn streams(app: &App, scope: OrganizationScope) -> Result<Arc<Vec<Stream>>> {
    let organization = scope.organization();
    let mut tx = app.db.snapshot().await?;
    let mark = news::mark(&mut tx, organization).await?;
    if let Some(known) = app.flows.known(organization, &mark) {
        return Ok(known);
    }
    let begun = Instant::now();
    let streams = Arc::new(flow::streams(&mut tx, organization, MOST).await?);
    let count = Count { mark, at: Instant::now(), dear: begun.elapsed() > DEAR, streams: Arc::clone(&streams) };
    app.flows.remember(organization, count);
    Ok(streams)
}

impl Counted {
    fn known(&self, organization: OrganizationId, mark: &Mark) -> Option<Arc<Vec<Stream>>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.get(&organization)?;
        let still = count.mark == *mark || (count.dear && count.at.elapsed() < SHOWN);
        still.then(|| Arc::clone(&count.streams))
    }

    fn remember(&self, organization: OrganizationId, count: Count) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(organization, count);
    }
}
