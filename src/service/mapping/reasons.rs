//! Why people are in a group and have what they have, for pages of many: chips, not sentences. Sentences are for
//! `explain`.

use std::collections::HashMap;

use crate::app::App;
use crate::domain::Result;
use crate::domain::id::{GroupId, MembershipId};
use crate::domain::scope::OrganizationScope;
use crate::store::explain::person::{self, PersonLink};
use crate::store::explain::reasons::Reason;
use crate::store::{directory_users, explain, origins};

pub use crate::store::origins::GroupReason;

/// Why these people are in a native group.
pub async fn of_group_members(
    app: &App,
    scope: OrganizationScope,
    group: GroupId,
    members: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, Vec<GroupReason>>> {
    let members: Vec<MembershipId> = members.into_iter().collect();
    if members.is_empty() {
        return Ok(HashMap::new());
    }
    origins::in_group(&mut app.db.read().await?, scope.organization(), group, members).await
}

/// Everything that speaks for what a membership has.
pub async fn of_membership(app: &App, scope: OrganizationScope, membership: MembershipId) -> Result<Vec<Reason>> {
    explain::reasons::all(&mut app.db.read().await?, scope.organization(), membership).await
}

/// The directory users who are or might be the person of a membership: their links, the names of their directories, and
/// their `userName`s while they are there.
pub async fn identities(
    app: &App,
    scope: OrganizationScope,
    membership: MembershipId,
    email: &str,
) -> Result<Vec<(PersonLink, String, Option<String>)>> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    let links = person::links(&mut tx, organization, membership, email).await?;
    let directories = person::directories_of(&mut tx, organization).await?;
    let users = directory_users::by_ids(&mut tx, organization, links.iter().map(|link| link.directory_user_id)).await?;
    let named = |link: PersonLink| {
        let directory = directories.iter().find(|directory| directory.id == link.directory_id);
        let directory = directory.map_or_else(|| link.directory_id.to_string(), |directory| directory.name.clone());
        let user = users.iter().find(|user| user.id == link.directory_user_id);
        let user_name = user.and_then(|user| user.text("userName")).map(str::to_owned);
        (link, directory, user_name)
    };
    Ok(links.into_iter().map(named).collect())
}
