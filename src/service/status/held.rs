//! How much a directory holds: counted when something has changed, and otherwise remembered. Of a large directory the
//! counting is most of what its status costs, and pages ask again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

use crate::domain::Result;
use crate::domain::id::{DirectoryId, OrganizationId};
use crate::store::directories::{self, Counts};
use crate::store::news::{self, Mark};
use crate::store::{Tx, status};

/// How long a count is believed at the most. Whatever changes what a directory holds is logged or told, so that the mark
/// changes with it; but many requests at once may be logged out of their order.
const BELIEVED: Duration = Duration::seconds(60);
/// Directories that are remembered at the most.
const MOST: usize = 10_000;

/// How much a directory holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Its people and groups.
    pub(super) users: Counts,
    /// Members of its groups.
    pub(super) edges: i64,
    /// Those of them that name nobody known.
    pub(super) pending_edges: i64,
}

/// A count, and of what moment it is.
#[derive(Debug)]
struct Counted {
    mark: Mark,
    at: DateTime<Utc>,
    held: Held,
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<HashMap<DirectoryId, Counted>>);

impl Remembered {
    /// How much a directory holds.
    pub(super) async fn of(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        id: DirectoryId,
        now: DateTime<Utc>,
    ) -> Result<Held> {
        let mark = news::mark(tx, organization).await?;
        if let Some(held) = self.known(id, &mark, now) {
            return Ok(held);
        }
        let (edges, pending_edges) = status::edges(tx, organization, id).await?;
        let held = Held { users: directories::counts(tx, organization, id).await?, edges, pending_edges };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(id, Counted { mark, at: now, held });
        Ok(held)
    }

    fn known(&self, id: DirectoryId, mark: &Mark, now: DateTime<Utc>) -> Option<Held> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = all.get(&id)?;
        let fresh = (Duration::zero()..BELIEVED).contains(&(now - counted.at));
        (counted.mark == *mark && fresh).then_some(counted.held)
    }
}
