//! Organizations deleted. From the first commit on nobody reaches one; what is in it goes a stretch at a time, with an
//! event for everything that applications know of, and its row stays as a tombstone that its events refer to.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::domain::actor::{Actor, Source};
use crate::domain::event::Cause;
use crate::domain::id::{OrganizationId, RequestId};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::expunge;
use crate::service::mapping::changes;
use crate::store::{Lane, directories, domains, emptying, groups, organizations, removal, sessions, walk};

/// How many rows go in one transaction.
const AT_ONCE: i64 = 500;
/// How many transactions the caller waits for; a larger organization goes on without them.
const WAITED_FOR: usize = 20;

/// Who deleted an organization, as its row keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct DeletedBy {
    key: String,
    name: String,
    // Absent in rows from before there was more than one.
    #[serde(default = "with_a_key")]
    source: Source,
    request: Option<RequestId>,
}

fn with_a_key() -> Source {
    Source::Api
}

/// Deletes an organization. Answers whether everything in it is gone, and the revision; if not, a worker goes on.
///
/// # Errors
///
/// [`Error::Forbidden`] without a key of the environment; [`Error::NotFound`].
pub async fn delete(app: &App, access: &Access, scope: OrganizationScope) -> Result<Outcome<bool>> {
    access.environment()?;
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    let mut revision = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let change = Change::begin(tx, organization, now, &cause).await?;
                let Cause::Hand { actor, request } = cause.clone() else {
                    return Err(Error::internal("only an admin deletes an organization"));
                };
                let by = serde_json::to_string(&DeletedBy {
                    key: actor.id,
                    name: actor.name,
                    source: actor.source,
                    request,
                })
                .map_err(|e| Error::Internal(Box::new(e)))?;
                organizations::bury(change.tx, organization, &by, now).await?;
                emptying::shut(change.tx, organization, now).await?;
                sessions::end_of_guests(change.tx, organization).await?;
                change.finish().await
            })
        })
        .await?;
    for _ in 0..WAITED_FOR {
        let stretch = empty_some(app, organization).await?;
        revision = revision.max(stretch.revision);
        if stretch.value {
            return Ok(Outcome { value: true, revision });
        }
    }
    Ok(Outcome { value: false, revision })
}

/// Goes on with every organization that was deleted and is not empty yet.
pub async fn go_on(app: &App) -> Result<()> {
    let waiting = organizations::to_empty(&mut app.db.read().await?, AT_ONCE).await?;
    for organization in waiting {
        // One that cannot be emptied keeps no other from it.
        if let Err(error) = empty(app, organization).await {
            tracing::warn!(%organization, %error, "a deleted organization could not be emptied; it is tried again");
        }
    }
    Ok(())
}

async fn empty(app: &App, organization: OrganizationId) -> Result<()> {
    while !empty_some(app, organization).await?.value {}
    Ok(())
}

/// Removes some of what is in a deleted organization. Answers whether that was all.
async fn empty_some(app: &App, organization: OrganizationId) -> Result<Outcome<bool>> {
    let now = app.clock.now();
    app.db
        .write(Lane::Organization(organization), move |tx| {
            Box::pin(async move {
                let Some(by) = organizations::deleted_by(tx, organization).await? else {
                    return Ok(Outcome { value: true, revision: 0 });
                };
                let by: DeletedBy = serde_json::from_str(&by).map_err(|error| Error::Internal(Box::new(error)))?;
                let actor = Actor { id: by.key, name: by.name, source: by.source };
                let cause = Cause::Hand { actor, request: by.request };
                let mut change = Change::begin_in_tombstone(tx, organization, now, &cause).await?;
                let value = stretch(&mut change).await?;
                Ok(Outcome { value, revision: change.finish().await? })
            })
        })
        .await
}

async fn stretch(change: &mut Change<'_>) -> Result<bool> {
    let organization = change.organization;
    let nobody = crate::domain::id::MembershipId::nil();
    let members = walk::memberships(change.tx, organization, nobody, AT_ONCE).await?;
    if !members.is_empty() {
        expunge(change, &members).await?;
        return Ok(false);
    }
    let going = emptying::some_groups(change.tx, organization, AT_ONCE).await?;
    if !going.is_empty() {
        for group in going {
            groups::delete(change.tx, organization, group.id).await?;
            change.emit("group.deleted", group.json());
        }
        return Ok(false);
    }
    if let Some(directory) = directories::all(change.tx, organization).await?.into_iter().next() {
        if removal::some_records(change.tx, organization, directory.id, AT_ONCE).await? {
            changes::bury(change, directory.id).await?;
        }
        return Ok(false);
    }
    if !emptying::some_records(change.tx, organization, AT_ONCE).await? {
        return Ok(false);
    }
    let Some(gone) = organizations::find_buried(change.tx, organization).await? else { return Ok(true) };
    for domain in &gone.domains {
        domains::delete(change.tx, organization, domain.id).await?;
        change.emit("organization_domain.deleted", domain.json());
    }
    organizations::set_emptied(change.tx, organization, change.now).await?;
    change.emit("organization.deleted", gone.json());
    Ok(true)
}
