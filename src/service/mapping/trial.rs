//! Trials: what the named people would have under changed rules, against what somebody asserts. Nothing is written.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::changes;
use super::survey::Survey;
use crate::app::App;
use crate::domain::assertion::{Assertion, MAX_ASSERTIONS, Prospect};
use crate::domain::id::DirectoryUserId;
use crate::domain::plan::{MAX_CHANGES, PlanChange};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::store::{Tx, directory_users};

/// What became of one assertion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialResult {
    /// What it is called.
    pub name: Option<String>,
    /// Whom it is about.
    pub person: String,
    /// Whether it holds.
    pub passed: bool,
    /// What is wrong, in sentences without their full stop.
    pub failures: Vec<String>,
}

/// Judges the assertions by what would be, if these changes were applied; without changes, by the rules in force.
///
/// All of it sees one state of the database.
///
/// # Errors
///
/// [`Error::Invalid`] naming the change or the assertion; [`Error::Conflict`] where a run is not done yet.
pub async fn judge(
    app: &App,
    scope: OrganizationScope,
    wanted: &[PlanChange],
    assertions: &[Assertion],
) -> Result<Vec<TrialResult>> {
    check(wanted, assertions)?;
    let (organization, now) = (scope.organization(), app.clock.now());
    let mut tx = app.db.snapshot().await?;
    let resolved = changes::resolve(&mut tx, organization, wanted, now).await?;
    let ground = resolved.ground(&mut tx).await?;
    let groups = resolved.reach(&mut tx).await?.groups;
    let people = people(&mut tx, scope, assertions).await?;
    let mut survey = Survey::of_nobody(&mut tx, ground, now, groups).await?;
    let everybody: BTreeSet<DirectoryUserId> = people.values().flatten().copied().collect();
    let everybody: Vec<DirectoryUserId> = everybody.into_iter().collect();
    let prospects = survey.prospects(&mut tx, &everybody).await?;
    let judged = assertions.iter().map(|assertion| {
        let theirs = people.get(&fold(assertion.person.trim()));
        let would: Vec<Prospect> = theirs.into_iter().flatten().filter_map(|id| prospects.get(id).cloned()).collect();
        let failures = assertion.failures(theirs.is_some(), &would);
        let (name, person) = (assertion.name.clone(), assertion.person.clone());
        TrialResult { name, person, passed: failures.is_empty(), failures }
    });
    Ok(judged.collect())
}

fn check(wanted: &[PlanChange], assertions: &[Assertion]) -> Result<()> {
    if assertions.is_empty() {
        return Err(Error::invalid("assertions", "required", "there must be at least one assertion"));
    }
    let limits = [("changes", wanted.len(), MAX_CHANGES), ("assertions", assertions.len(), MAX_ASSERTIONS)];
    for (field, count, limit) in limits {
        if count > limit {
            return Err(Error::invalid(field, "too_many", format!("there are {count} {field}; {limit} are the most")));
        }
    }
    match assertions.iter().position(Assertion::says_nothing) {
        Some(at) => {
            let message = "the assertion says nothing; give groups, roles or member under has or lacks";
            Err(Error::invalid(format!("assertions[{at}]"), "says_nothing", message))
        }
        None => Ok(()),
    }
}

/// The directory users with the e-mails of the assertions, by the folded e-mail.
async fn people(
    tx: &mut Tx,
    scope: OrganizationScope,
    assertions: &[Assertion],
) -> Result<HashMap<String, Vec<DirectoryUserId>>> {
    let keys: BTreeSet<String> = assertions.iter().map(|assertion| fold(assertion.person.trim())).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    let mut people: HashMap<String, Vec<DirectoryUserId>> = HashMap::new();
    for (key, id) in directory_users::ids_by_emails(tx, scope.organization(), &keys).await? {
        people.entry(key).or_default().push(id);
    }
    Ok(people)
}
