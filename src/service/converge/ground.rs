//! What stays the same throughout one evaluation: the organization and what it has decided.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::domain::id::{DirectoryId, OrganizationId};
use crate::domain::origin::Ending;
use crate::domain::policy::{Policy, Rest, Resting};
use crate::domain::rule::{Rule, RuleState};
use crate::domain::{Error, Result};
use crate::scim::schema::Catalogue;
use crate::store::rules::{self, StoredRule};
use crate::store::{Tx, directories, group_roles, policies, roles};

/// An organization and its policy.
#[derive(Clone)]
pub(crate) struct Ground {
    /// The organization.
    pub(crate) organization: OrganizationId,
    policy: Arc<Policy>,
}

impl Ground {
    /// The policy in force: from memory, if nothing of it has changed.
    pub(crate) async fn load(tx: &mut Tx, organization: OrganizationId) -> Result<Self> {
        let (stamp, kept) = policies::current(tx, organization).await?;
        let policy = if let Some(policy) = kept {
            policy
        } else {
            let in_force = rules::applied(tx, organization).await?;
            let policy = Arc::new(policy(tx, organization, in_force, BTreeMap::new()).await?);
            policies::keep(tx, organization, stamp, &policy);
            policy
        };
        Ok(Ground { organization, policy })
    }

    /// The policy as it would be with these rules in force and these directories, by id, otherwise than they are.
    pub(crate) async fn supposing(
        tx: &mut Tx,
        organization: OrganizationId,
        in_force: Vec<StoredRule>,
        directories: BTreeMap<DirectoryId, Option<Ending>>,
    ) -> Result<Self> {
        let policy = Arc::new(policy(tx, organization, in_force, directories).await?);
        Ok(Ground { organization, policy })
    }
}

impl Deref for Ground {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

/// The organization's policy. Directories that are supposed to be otherwise wait for nothing, and leave if told so.
async fn policy(
    tx: &mut Tx,
    organization: OrganizationId,
    in_force: Vec<StoredRule>,
    supposed: BTreeMap<DirectoryId, Option<Ending>>,
) -> Result<Policy> {
    let roles = roles::all(tx, organization).await?;
    let group_roles = group_roles::all(tx, organization).await?;
    let directories = directories::all(tx, organization).await?;
    let mut policies: BTreeMap<_, _> = directories.iter().map(|directory| (directory.id, directory.policy())).collect();
    for (id, leaving) in supposed {
        if let Some(directory) = policies.get_mut(&id) {
            directory.paused = false;
            directory.leaving = leaving;
        }
    }
    let mut policy = Policy::new(roles, group_roles, policies);
    for stored in in_force {
        let Some(version) = stored.applied_version else { continue };
        if stored.run_id.is_some() {
            policy.settling.insert(stored.id);
        }
        let rest = match (stored.leaving, stored.document.state) {
            (Some(Ending::Retract), _) | (None, RuleState::Draft) => continue,
            (Some(Ending::HandOver), _) => Some(Rest::HandedOver),
            (None, RuleState::Frozen) => Some(Rest::Frozen),
            (None, RuleState::Active) => None,
        };
        let catalogue = match stored.document.directory_id {
            None => Catalogue::built_in(),
            Some(id) => match directories.iter().find(|directory| directory.id == id) {
                Some(directory) => directory.catalogue()?,
                // A rule for a directory that was removed is about nobody.
                None => continue,
            },
        };
        let rule = Rule::compile(stored.id, &stored.key, version, stored.document, &catalogue)
            .map_err(|error| Error::internal(format!("rule '{}' in force does not compile: {error}", stored.key)))?;
        match rest {
            Some(rest) => drop(policy.resting.insert(rule.id, Resting { rule, rest })),
            None => policy.add(rule),
        }
    }
    Ok(policy)
}
