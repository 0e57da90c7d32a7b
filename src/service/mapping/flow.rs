//! How people flow from directory groups by rules to native groups and roles.

use std::sync::Arc;

use crate::app::App;
use crate::domain::Result;
use crate::domain::id::OrganizationId;
use crate::domain::scope::OrganizationScope;
use crate::service::remembered::Remembered;
use crate::store::flow;

pub use crate::store::flow::Stream;

/// Streams that are told of at the most.
const MOST: i64 = 500;

/// What was counted last, of each organization.
pub type Streams = Remembered<OrganizationId, Arc<Vec<Stream>>>;

/// The streams of an organization, the widest first. Every origin is counted, which takes seconds of a very large
/// organization; there it is done once a minute at the most.
pub async fn streams(app: &App, scope: OrganizationScope) -> Result<Arc<Vec<Stream>>> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    let count = async |tx: &mut crate::store::Tx| flow::streams(tx, organization, MOST).await.map(Arc::new);
    app.flows.or_count(&mut tx, organization, organization, true, count).await
}
