//! Native groups, each with whether a mapping rule manages it: who is in it and what it is called is then decided by a
//! directory.

use crate::app::App;
use crate::domain::Result;
use crate::domain::id::GroupId;
use crate::domain::native::Group;
use crate::domain::scope::OrganizationScope;
use crate::service::native::groups::require;
use crate::service::organizations;
use crate::store::{Page, PageRequest, collisions, groups};

/// A page of the organization's groups; `search` is part of a name, or an id.
pub async fn list(
    app: &App,
    scope: OrganizationScope,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<(Group, bool)>> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    organizations::require(&mut tx, scope).await?;
    let page = groups::list(&mut tx, organization, search, page).await?;
    let mirrors = collisions::mirrored_by(&mut tx, organization, page.rows.iter().map(|group| group.id)).await?;
    Ok(page.map(|group| (group.clone(), mirrors.contains_key(&group.id))))
}

/// The group with this id.
pub async fn get(app: &App, scope: OrganizationScope, id: GroupId) -> Result<(Group, bool)> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    let group = require(&mut tx, organization, id).await?;
    let mirrors = collisions::mirrored_by(&mut tx, organization, [id]).await?;
    Ok((group, mirrors.contains_key(&id)))
}
