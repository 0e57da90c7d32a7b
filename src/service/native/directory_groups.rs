//! Groups as identity providers described them, as applications read them.

use crate::app::App;
use crate::domain::directory::DirectoryGroup;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::directory_groups::{self, Search};
use crate::store::{Owned, Page, PageRequest, directories, directory_users, edges};

/// Which groups a list is about: all that the caller reaches, unless something is named.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query {
    /// Of this directory.
    pub directory: Option<DirectoryId>,
    /// That this person is a member of.
    pub user: Option<DirectoryUserId>,
}

/// A page of groups.
///
/// # Errors
///
/// [`Error::NotFound`] for a directory or person that the caller does not reach.
pub async fn list(app: &App, access: &Access, query: Query, page: &PageRequest) -> Result<Page<Owned<DirectoryGroup>>> {
    let mut tx = app.db.read().await?;
    let mut organization = access.only();
    if let Some(id) = query.directory {
        let found = directories::find(&mut tx, organization, id).await?;
        organization = Some(found.ok_or_else(|| Error::not_found("directory", id))?.organization);
    }
    if let Some(id) = query.user {
        let found = directory_users::find_in(&mut tx, organization, id).await?;
        organization = Some(found.ok_or_else(|| Error::not_found("directory user", id))?.organization);
    }
    let Query { directory, user } = query;
    directory_groups::list(&mut tx, &Search { organization, directory, user }, page).await
}

/// The group with this id, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: DirectoryGroupId) -> Result<Owned<DirectoryGroup>> {
    let mut tx = app.db.read().await?;
    let found = directory_groups::find_in(&mut tx, access.only(), id).await?;
    found.ok_or_else(|| Error::not_found("directory group", id))
}

/// Members of a group who are no people of the directory.
#[derive(Debug, Clone, Default)]
pub struct Others {
    /// Groups, with their names.
    pub groups: Vec<(DirectoryGroupId, String)>,
    /// References to members who are not known.
    pub pending: Vec<String>,
}

/// The members of a group who are no people of the directory, up to `limit` of each kind.
pub async fn others(app: &App, scope: OrganizationScope, group: DirectoryGroupId, limit: i64) -> Result<Others> {
    let organization = scope.organization();
    let mut tx = app.db.read().await?;
    let groups = edges::subgroups(&mut tx, organization, group, limit).await?;
    Ok(Others { groups, pending: edges::pending_references(&mut tx, organization, group, limit).await? })
}
