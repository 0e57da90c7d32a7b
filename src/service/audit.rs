//! The audit log: what admins did, read and checked. It is written by the store, with what it tells of.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::domain::audit::{AuditEvent, AuditNote, detail};
use crate::domain::id::OrganizationId;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::audit;
use crate::store::{Page, PageRequest, Tx, organizations};

pub use crate::store::audit::{Pending, Search, about};

/// The note of a request that does `action` at the path `target`: its first write stores it. `asked` is what was sent;
/// secrets in it are hidden.
pub fn note(
    app: &App,
    access: &Access,
    action: &str,
    target: &str,
    asked: Value,
    address: Option<String>,
) -> Arc<Pending> {
    Pending::new(AuditNote {
        action: action.to_owned(),
        target: target.to_owned(),
        actor: access.actor().clone(),
        request: access.request(),
        detail: detail(asked),
        address,
        at: app.clock.now(),
    })
}

/// Entries that a check reads at a time.
const CHUNK: i64 = 1_000;

/// A page of entries that the caller may see.
pub async fn list(app: &App, access: &Access, mut search: Search, page: &PageRequest) -> Result<Page<AuditEvent>> {
    let mut tx = app.db.read().await?;
    if let Some(organization) = search.organization {
        reached(&mut tx, access, organization).await?;
    }
    search.organization = search.organization.or(access.only());
    audit::list(&mut tx, &search, page).await
}

/// Refuses an organization that never was, or that the caller does not reach. One that was deleted keeps its entries.
async fn reached(tx: &mut Tx, access: &Access, organization: OrganizationId) -> Result<()> {
    access.organization(organization)?;
    let existed = organizations::existed(tx, organization).await?;
    existed.then_some(()).ok_or_else(|| Error::not_found("organization", organization))
}

/// The names of these organizations, for callers of the environment; of those that still exist.
pub async fn names(
    app: &App,
    access: &Access,
    ids: BTreeSet<OrganizationId>,
) -> Result<HashMap<OrganizationId, String>> {
    access.environment()?;
    if ids.is_empty() { Ok(HashMap::new()) } else { organizations::names(&mut app.db.read().await?, ids).await }
}

/// What these actors are called who did something in the organization, by their ids, also when they are gone.
pub async fn actor_names(
    app: &App,
    scope: OrganizationScope,
    ids: BTreeSet<String>,
) -> Result<HashMap<String, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    audit::actor_names(&mut app.db.read().await?, scope.organization(), ids).await
}

/// What a check of a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Every entry fits to the one before.
    Whole {
        /// How many there are.
        entries: i64,
    },
    /// The first entry that does not fit, or is missing.
    Broken {
        /// Its position.
        position: i64,
    },
}

/// Checks the chain of an organization, or of the environment, from its first entry on.
pub async fn check(app: &App, access: &Access, organization: Option<OrganizationId>) -> Result<Check> {
    let mut tx = app.db.snapshot().await?;
    match organization {
        Some(organization) => reached(&mut tx, access, organization).await?,
        None => access.environment()?,
    }
    let (mut position, mut digest) = (0, String::new());
    loop {
        let entries = audit::chain(&mut tx, organization, position, CHUNK).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.position != position + 1 || entry.digest_after(&digest) != entry.digest {
                return Ok(Check::Broken { position: position + 1 });
            }
            (position, digest) = (entry.position, entry.digest);
        }
    }
    // Entries that were cut off at the end are missed at the head.
    match audit::head(&mut tx, organization).await? {
        Some((last, of_last)) if (last, &of_last) != (position, &digest) => {
            Ok(Check::Broken { position: position + 1 })
        }
        _ => Ok(Check::Whole { entries: position }),
    }
}
