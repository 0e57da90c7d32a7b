//! What a draft of a rule would be about: some of the groups and people, for an editor to show while it is written.
//!
//! It is cheap and therefore partial: who gains and loses what is the business of plans.

use std::collections::HashSet;

use super::lint::{Draft, drafted, look_at_groups, look_at_people, pinned};
use crate::app::App;
use crate::domain::Result;
use crate::domain::directory::DirectoryUser;
use crate::domain::finding::Finding;
use crate::domain::id::{DirectoryUserId, OrganizationId};
use crate::domain::lint::groups::{Look, ShownGroup};
use crate::domain::rule::Rule;
use crate::domain::scope::OrganizationScope;
use crate::store::{Tx, directory_users, edges};

/// How many people are shown.
const SHOWN: usize = 20;
/// How many people are considered for being shown.
const CONSIDERED: usize = 200;

/// What a draft is about.
#[derive(Debug)]
pub struct Preview {
    /// How many directory groups were looked at.
    pub groups_seen: usize,
    /// How many of them it matches.
    pub groups_matched: usize,
    /// Whether all groups were looked at.
    pub groups_complete: bool,
    /// The first of those that it matches.
    pub groups: Vec<ShownGroup>,
    /// How many people were looked at: for a rule by groups, people of the first matched groups.
    pub people_seen: usize,
    /// How many of them it is about.
    pub people_matched: usize,
    /// Whether all people were looked at whom it could be about.
    pub people_complete: bool,
    /// The first of those whom it is about.
    pub people: Vec<DirectoryUser>,
}

/// What a draft would be about; nothing is saved.
///
/// # Errors
///
/// As saving it: [`crate::domain::Error::Invalid`] naming the first field that is wrong.
pub async fn preview(app: &App, scope: OrganizationScope, draft: Draft) -> Result<Preview> {
    let mut tx = app.db.read().await?;
    let rule = drafted(app, &mut tx, scope, draft).await?.map_err(Finding::first)?;
    let organization = scope.organization();
    let pinned = pinned(&mut tx, organization, &rule).await?;
    let look = look_at_groups(&mut tx, organization, &rule, &pinned).await?;
    let people = if rule.is_by_group() {
        people_of_groups(&mut tx, organization, &rule, &look).await?
    } else {
        people_at_large(&mut tx, organization, &rule, &look).await?
    };
    Ok(Preview {
        groups_seen: look.seen(),
        groups_matched: look.matched(),
        groups_complete: look.is_complete(),
        groups: look.shown().to_vec(),
        people_seen: people.seen,
        people_matched: people.matched,
        people_complete: people.complete,
        people: people.shown,
    })
}

/// People whom a rule is about, as far as was looked.
struct Sample {
    seen: usize,
    matched: usize,
    complete: bool,
    shown: Vec<DirectoryUser>,
}

/// Some people of the first groups that the rule matches.
async fn people_of_groups(tx: &mut Tx, organization: OrganizationId, rule: &Rule, look: &Look<'_>) -> Result<Sample> {
    let groups = look.shown().iter().map(|group| group.id);
    let limit = i64::try_from(CONSIDERED).unwrap_or(i64::MAX);
    let ids = edges::some_people_of(tx, organization, groups, limit).await?;
    let users = directory_users::by_ids(tx, organization, ids).await?;
    let seen = users.len();
    let mut matching: Vec<DirectoryUser> = users.into_iter().filter(|user| rule.sees_user(user)).collect();
    matching.sort_by_key(|user| user.id);
    let matching = without_excepted(tx, organization, look, matching).await?;
    let complete = look.is_complete() && look.matched() == look.shown().len() && seen < CONSIDERED;
    Ok(Sample { seen, matched: matching.len(), complete, shown: first(matching) })
}

/// Some of all people, for a rule that does not ask for groups.
async fn people_at_large(tx: &mut Tx, organization: OrganizationId, rule: &Rule, look: &Look<'_>) -> Result<Sample> {
    let (people, total, matching) = look_at_people(tx, organization, rule, CONSIDERED).await?;
    let kept = matching.len();
    let matching = without_excepted(tx, organization, look, matching).await?;
    // Beyond those that were kept nobody was asked whether they are excepted.
    let matched = if look.excepting().is_empty() { people.matched() } else { matching.len() };
    let complete = total == people.seen() && (look.excepting().is_empty() || kept == people.matched());
    Ok(Sample { seen: people.seen(), matched, complete, shown: first(matching) })
}

/// Those of `users` who are in none of the excepted groups.
async fn without_excepted(
    tx: &mut Tx,
    organization: OrganizationId,
    look: &Look<'_>,
    users: Vec<DirectoryUser>,
) -> Result<Vec<DirectoryUser>> {
    if look.excepting().is_empty() || users.is_empty() {
        return Ok(users);
    }
    let memberships = edges::groups_of(tx, organization, users.iter().map(|user| user.id)).await?;
    let out: HashSet<DirectoryUserId> = memberships
        .into_iter()
        .filter(|membership| look.excepting().contains(&membership.group_id))
        .map(|membership| membership.user_id)
        .collect();
    Ok(users.into_iter().filter(|user| !out.contains(&user.id)).collect())
}

fn first(mut users: Vec<DirectoryUser>) -> Vec<DirectoryUser> {
    users.truncate(SHOWN);
    users
}
