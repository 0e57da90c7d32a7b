//! Native groups: made by hand, found, listed.

use crate::app::App;
use crate::domain::id::{GroupId, MembershipId};
use crate::domain::native::Group;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::change::{Change, Outcome};
use crate::service::keys::ApiAccess;
use crate::service::organizations;
use crate::store::{Lane, Page, PageRequest, groups, memberships};

/// The longest name, in characters.
const MAX_NAME: usize = 256;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 150;

/// What a new group is to be.
#[derive(Debug, Clone, Default)]
pub struct NewGroup {
    /// The name; others may have it too.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
}

/// Makes a group, empty and unmanaged. A mirror that waits for the name goes on waiting.
///
/// # Errors
///
/// [`Error::Invalid`] for a name or description that is empty or too long; [`Error::NotFound`] for an
/// organization that does not exist.
pub async fn create(app: &App, access: &ApiAccess, scope: OrganizationScope, new: NewGroup) -> Result<Outcome<Group>> {
    check_name(&new.name)?;
    check_description(new.description.as_deref())?;
    let now = app.clock.now();
    let group = Group {
        id: GroupId::mint(now),
        organization: scope.organization(),
        name: new.name,
        description: new.description,
        created_at: now,
        updated_at: now,
    };
    let cause = access.cause();
    app.db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (group, cause) = (group.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, group.organization, now, &cause).await?;
                groups::insert(change.tx, &group).await?;
                change.emit("group.created", group.json());
                Ok(Outcome { revision: change.finish().await?, value: group })
            })
        })
        .await
}

/// Refuses a name that is empty or too long.
pub(in crate::service) fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "required", "name must not be empty"));
    }
    if name.chars().count() > MAX_NAME {
        let message = format!("name has {MAX_NAME} characters at most");
        return Err(Error::invalid("name", "too_long", message));
    }
    Ok(())
}

fn check_description(description: Option<&str>) -> Result<()> {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("description has {MAX_DESCRIPTION} characters at most");
        return Err(Error::invalid("description", "too_long", message));
    }
    Ok(())
}

/// The group with this id.
pub async fn get(app: &App, scope: OrganizationScope, id: GroupId) -> Result<Group> {
    let mut tx = app.db.read().await?;
    let found = groups::find(&mut tx, scope.organization(), id).await?;
    found.ok_or_else(|| Error::not_found("group", id))
}

/// A page of the organization's groups; `search` is part of a name, or an id.
pub async fn list(
    app: &App,
    scope: OrganizationScope,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    groups::list(&mut tx, scope.organization(), search, page).await
}

/// A page of the groups that a membership is in, if the caller reaches it.
pub async fn list_of_membership(
    app: &App,
    access: &ApiAccess,
    id: MembershipId,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let mut tx = app.db.read().await?;
    let organization = memberships::organization_of(&mut tx, access.only(), id).await?;
    let organization = organization.ok_or_else(|| Error::not_found("organization membership", id))?;
    groups::list_of_membership(&mut tx, organization, id, page).await
}
