//! Whether anything that pages show has changed in an organization.

use crate::app::App;
use crate::domain::Result;
use crate::domain::scope::OrganizationScope;
use crate::store::news;

pub use crate::store::news::Mark;

/// What the organization looks like from far away: two marks are equal unless something happened between them.
pub async fn mark(app: &App, scope: OrganizationScope) -> Result<Mark> {
    news::mark(&mut app.db.read().await?, scope.organization()).await
}
