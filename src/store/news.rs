//! What an organization looks like from far away, for readers who only want to know whether to look again.

use uuid::Uuid;

use super::statement::sql;
use super::{Tx, organizations};
use crate::domain::Result;
use crate::domain::id::{OrganizationId, RequestId, RunId};

/// Rows of a log of which the newest tell whether there is news. Requests are not always written in their order.
const NEWEST: i64 = 20;

/// Two marks of an organization are equal unless something happened between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    position: i64,
    policy: Uuid,
    requests: Vec<(RequestId,)>,
    runs: Vec<(RunId, String, i64)>,
}

/// The mark of an organization now.
pub async fn mark(tx: &mut Tx, organization: OrganizationId) -> Result<Mark> {
    let stmt = sql("SELECT id FROM requests WHERE organization_id = $1 ORDER BY id DESC LIMIT $2");
    let requests = tx.fetch_all(stmt.bind(organization).bind(NEWEST)).await?;
    let stmt = sql("SELECT id, state, done FROM sync_runs WHERE organization_id = $1 ORDER BY id DESC LIMIT $2");
    let runs = tx.fetch_all(stmt.bind(organization).bind(NEWEST)).await?;
    let (position, policy) = organizations::head(tx, organization).await?.unwrap_or_default();
    Ok(Mark { position, policy, requests, runs })
}
