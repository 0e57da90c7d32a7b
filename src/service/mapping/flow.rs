//! How people flow from directory groups by rules to native groups and roles.

use crate::app::App;
use crate::domain::Result;
use crate::domain::scope::OrganizationScope;
use crate::store::flow;

pub use crate::store::flow::Stream;

/// Streams that are told of at the most.
const MOST: i64 = 500;

/// The streams of an organization, the widest first. Counts every origin: a matter of a second for a very large one.
pub async fn streams(app: &App, scope: OrganizationScope) -> Result<Vec<Stream>> {
    flow::streams(&mut app.db.read().await?, scope.organization(), MOST).await
}
