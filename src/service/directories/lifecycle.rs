//! Directories paused, resumed and removed.

use super::{get, scope_of};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::DirectoryId;
use crate::domain::origin::Ending;
use crate::domain::plan::PlanChange;
use crate::domain::run::Run;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::mapping::{apply, plans};
use crate::store::plans::StoredPlan;
use crate::store::{Lane, directories};

/// Lets the native side wait: facts are stored on, and nothing follows from them until the directory is resumed.
/// Pausing a paused one changes nothing.
///
/// # Errors
///
/// 409 `directory_deleting` for a directory that is being removed.
pub async fn pause(app: &App, access: &Access, id: DirectoryId) -> Result<Outcome<Directory>> {
    let now = app.clock.now();
    let organization = scope_of(app, access, id).await?.organization();
    let cause = access.cause();
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let change = Change::begin(tx, organization, now, &cause).await?;
                let found = directories::find(change.tx, Some(organization), id).await?;
                let mut directory = found.ok_or_else(|| Error::not_found("directory", id))?;
                if directory.leaving.is_some() {
                    let message = format!("the directory {id} is being removed; it cannot be paused");
                    return Err(Error::conflict("directory_deleting", message));
                }
                if directory.paused_at.is_none() {
                    directory.paused_at = Some(now);
                    directory.updated_at = now;
                    directories::update(change.tx, &directory).await?;
                }
                Ok(Outcome { value: directory, revision: change.finish().await? })
            })
        })
        .await
}

/// What resuming a directory comes to.
#[derive(Debug)]
pub enum Resumed {
    /// Nothing was waiting: it is resumed.
    Done(Box<Directory>),
    /// Somebody has to look at what would happen, and apply it.
    Plan(Box<StoredPlan>),
}

/// Resumes a directory, if nothing follows from that; otherwise makes the plan that does.
///
/// # Errors
///
/// [`Error::Invalid`] if it is not paused.
pub async fn resume(app: &App, access: &Access, id: DirectoryId) -> Result<Resumed> {
    let scope = scope_of(app, access, id).await?;
    let plan = plans::create(app, access, scope, vec![PlanChange::ResumeDirectory { directory_id: id }]).await?;
    if plan.effects() > 0 {
        return Ok(Resumed::Plan(Box::new(plan)));
    }
    apply::apply(app, access, plan).await?;
    get(app, access, id).await.map(|directory| Resumed::Done(Box::new(directory)))
}

/// Removes a directory, its people and groups; what it gave ends, or is handed over. Goes on as a run.
///
/// # Errors
///
/// 409 `guard_would_park`, with the plan, where that takes something away from many.
pub async fn remove(app: &App, access: &Access, id: DirectoryId, origins: Ending) -> Result<Run> {
    let scope = scope_of(app, access, id).await?;
    let change = PlanChange::RemoveDirectory { directory_id: id, origins };
    Ok(apply::apply_at_once(app, access, scope, vec![change]).await?.value)
}
