//! Roles of an organization, as applications read them.

use crate::app::App;
use crate::domain::Result;
use crate::domain::scope::OrganizationScope;
use crate::service::organizations;
use crate::store::roles::{self, ListedRole};
use crate::store::{Page, PageRequest};

/// A page of the organization's roles.
pub async fn list(app: &App, scope: OrganizationScope, page: &PageRequest) -> Result<Page<ListedRole>> {
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    roles::list(&mut tx, scope.organization(), page).await
}
