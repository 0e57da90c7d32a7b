//! Policies in memory, so that a request does not compile fifty rules anew.
//!
//! Each change of what a policy is made of gives the organization's row a new stamp, which is never used
//! again: whoever reads a stamp knows that the policy kept under it is the right one, also after a write
//! was rolled back, and whichever replica made the change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Tx;
use super::statement::sql;
use crate::domain::id::OrganizationId;
use crate::domain::policy::Policy;
use crate::domain::{Id, Result};

/// How many organizations' policies are kept.
const KEPT: usize = 1_000;

/// What a policy is kept under.
pub type Stamp = Id<Policy>;

/// The policies of the organizations that were written to lately.
#[derive(Default)]
pub(super) struct Policies(Mutex<HashMap<OrganizationId, (Stamp, Arc<Policy>)>>);

impl Policies {
    fn get(&self, organization: OrganizationId, stamp: Stamp) -> Option<Arc<Policy>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&organization).filter(|(kept, _)| *kept == stamp).map(|(_, policy)| Arc::clone(policy))
    }

    fn put(&self, organization: OrganizationId, stamp: Stamp, policy: Arc<Policy>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(&organization) {
            kept.clear();
        }
        kept.insert(organization, (stamp, policy));
    }
}

/// The organization's present stamp, and the policy if it is kept under it.
pub async fn current(tx: &mut Tx, organization: OrganizationId) -> Result<(Stamp, Option<Arc<Policy>>)> {
    let row: (Stamp,) =
        tx.fetch_one(sql("SELECT policy_stamp FROM organizations WHERE id = $1").bind(organization)).await?;
    let kept = tx.policies().get(organization, row.0);
    Ok((row.0, kept))
}

/// Keeps the policy that was read under `stamp`.
pub fn keep(tx: &Tx, organization: OrganizationId, stamp: Stamp, policy: &Arc<Policy>) {
    tx.policies().put(organization, stamp, Arc::clone(policy));
}

/// Gives the organization a new stamp. Called by whatever changes rules in force, roles, roles of
/// groups, or the schemas that rules are read by.
pub(super) async fn renew(tx: &mut Tx, organization: OrganizationId) -> Result<()> {
    let stmt = sql("UPDATE organizations SET policy_stamp = $2 WHERE id = $1");
    tx.execute(stmt.bind(organization).bind(fresh())).await.map(drop)
}

/// A stamp that nobody has had: 128 random bits.
pub(super) fn fresh() -> Stamp {
    Id::from_uuid(uuid::Uuid::from_u128(rand::random()))
}
