//! Roles of an organization, as applications read them.

use crate::app::App;
use crate::domain::Result;
use crate::domain::native::Role;
use crate::domain::scope::OrganizationScope;
use crate::service::organizations;
use crate::store::roles;

/// All roles of the organization, oldest first.
pub async fn list(app: &App, scope: OrganizationScope) -> Result<Vec<Role>> {
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    roles::all(&mut tx, scope.organization()).await
}
