//! People as identity providers described them, as applications read them.

use crate::app::App;
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::directory_people::{self, ListedPerson};
use crate::store::directory_users::{self, Search};
use crate::store::{Owned, Page, PageRequest, directories, directory_groups};

/// Which people a list is about: all that the caller reaches, unless something is named.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Of this directory.
    pub directory: Option<DirectoryId>,
    /// Members of this directory group.
    pub group: Option<DirectoryGroupId>,
    /// The one whom the identity provider calls so; needs the directory.
    pub idp_id: Option<String>,
    /// Those with this e-mail; needs the directory.
    pub email: Option<String>,
}

/// A page of people.
///
/// # Errors
///
/// [`Error::NotFound`] for a directory or group that the caller does not reach; [`Error::Invalid`] for an
/// `idp_id` or `email` without a directory.
pub async fn list(app: &App, access: &Access, query: Query, page: &PageRequest) -> Result<Page<Owned<DirectoryUser>>> {
    for (field, given) in [("idp_id", query.idp_id.is_some()), ("email", query.email.is_some())] {
        if given && query.directory.is_none() {
            let message = format!("{field} needs a directory to look in");
            return Err(Error::invalid("directory", "required", message));
        }
    }
    let mut tx = app.db.read().await?;
    let mut organization = access.only();
    if let Some(id) = query.directory {
        let found = directories::find(&mut tx, organization, id).await?;
        organization = Some(found.ok_or_else(|| Error::not_found("directory", id))?.organization);
    }
    if let Some(id) = query.group {
        let found = directory_groups::find_in(&mut tx, organization, id).await?;
        organization = Some(found.ok_or_else(|| Error::not_found("directory group", id))?.organization);
    }
    let Query { directory, group, idp_id, email } = query;
    directory_users::list(&mut tx, &Search { organization, directory, group, idp_id, email }, page).await
}

/// The person with this id, if the caller reaches them.
pub async fn get(app: &App, access: &Access, id: DirectoryUserId) -> Result<Owned<DirectoryUser>> {
    let mut tx = app.db.read().await?;
    let found = directory_users::find_in(&mut tx, access.only(), id).await?;
    found.ok_or_else(|| Error::not_found("directory user", id))
}

/// A page of the people of a directory, each with how they are linked.
pub async fn linked(
    app: &App,
    scope: OrganizationScope,
    directory: DirectoryId,
    search: &directory_people::Search,
    page: &PageRequest,
) -> Result<Page<ListedPerson>> {
    directory_people::list(&mut app.db.read().await?, scope.organization(), directory, search, page).await
}
