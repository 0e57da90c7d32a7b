//! The kinds `apply`, `reconcile` and `remainder`: bring into effect what is decided already. An `apply` does so for
//! rules that are in force and directories that are resumed or leaving, a `reconcile` for everybody, a `remainder`
//! for the people or memberships that a request left over because they were too many.
//!
//! First the directory groups are bound, then everybody concerned is converged, then native groups whose people
//! have left go. That may free names that mirrors wait for, so it begins again with those, until nothing is freed.
//! Last, the records of removed directories go.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{GROUPS, NewRun, PEOPLE, Step, Turn, limit};
use crate::app::App;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, MembershipId, OrganizationId, RuleId, RunId};
use crate::domain::run::{Run, RunKind, RunState};
use crate::domain::{Error, Id, Result};
use crate::service::change::Change;
use crate::service::converge::{self, Ground, Scope};
use crate::service::mapping::{apply, changes};
use crate::store::{Tx, directories, directory_users, edges, links, origins, removal, rules, walk};

/// How many people are looked at at a time, without locks, to find those who are concerned: two looks fill a chunk
/// if everybody is.
const LOOK: usize = PEOPLE / 2;
/// After how many who were looked at a chunk is due, however few are concerned: it renews the claim.
const LOOK_AT_MOST: usize = 10_000;
/// How many records of a removed directory go at a time.
const RECORDS: i64 = 500;

/// What is to be brought into effect.
#[derive(Debug, Clone, Default, Deserialize)]
struct Work {
    #[serde(default)]
    rules: BTreeSet<RuleId>,
    #[serde(default)]
    directories: BTreeSet<DirectoryId>,
    #[serde(default)]
    removed: Vec<DirectoryId>,
    /// People of a request's remainder.
    #[serde(default)]
    people: BTreeSet<DirectoryUserId>,
    /// Memberships of a request's remainder.
    #[serde(default)]
    memberships: BTreeSet<MembershipId>,
    #[serde(default)]
    everything: bool,
}

/// Begins the run for people whom a request leaves over. After the commit, tell the worker: see [`super::begin`].
pub async fn begin_remainder(change: &mut Change<'_>, people: &BTreeSet<DirectoryUserId>) -> Result<RunId> {
    remainder(change, json!({"people": people}), people.len()).await
}

/// The same for memberships that a request leaves over.
pub async fn begin_members(change: &mut Change<'_>, members: &BTreeSet<MembershipId>) -> Result<RunId> {
    remainder(change, json!({"memberships": members}), members.len()).await
}

async fn remainder(change: &mut Change<'_>, work: Value, total: usize) -> Result<RunId> {
    let new = NewRun {
        kind: RunKind::Remainder,
        directory: None,
        plan: None,
        work,
        total: limit(total),
        awaits_approval: false,
    };
    super::begin(change, new).await.map(|run| run.id)
}

/// Where to go on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Position {
    /// With the groups after this one; of those in the list, if there is one. Some took over what others had.
    Groups(DirectoryGroupId, Option<BTreeSet<DirectoryGroupId>>, BTreeSet<DirectoryGroupId>),
    /// With the people after this one, also those of the groups: they waited for a name, or took over what others had.
    People(DirectoryUserId, BTreeSet<DirectoryGroupId>),
    /// With the mirrors that ended. The groups waited for names that are free now.
    Ended(BTreeSet<DirectoryGroupId>),
    /// With the memberships after this one: of a reconcile, since not all have people.
    Memberships(MembershipId),
    /// With the records of removed directories.
    Records,
}

/// The position, and the names that became free so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place(Position, BTreeSet<String>);

pub(super) async fn step(app: &App, turn: &mut Turn) -> Result<Step> {
    if turn.run().position.is_null() {
        match turn.run().kind {
            // The request has bound its groups itself.
            RunKind::Remainder => {
                let work = work(turn)?;
                if !work.memberships.is_empty() {
                    return memberships(app, turn, &work, Id::nil()).await;
                }
                return people(app, turn, work, Id::nil(), BTreeSet::new(), BTreeSet::new()).await;
            }
            _ => return begin(app, turn).await,
        }
    }
    let corrupt = |error: serde_json::Error| Error::Internal(Box::new(error));
    let Place(position, freed) = serde_json::from_value(turn.run().position.clone()).map_err(corrupt)?;
    let work = work(turn)?;
    match position {
        Position::Groups(after, only, gained) => groups(app, turn, after, (only, gained), freed).await,
        Position::People(after, gained) => people(app, turn, work, after, gained, freed).await,
        Position::Ended(waiting) => ended(app, turn, work, waiting, freed).await,
        Position::Memberships(after) => memberships(app, turn, &work, after).await,
        Position::Records => records(app, turn, work).await,
    }
}

fn work(turn: &Turn) -> Result<Work> {
    let mut work: Work =
        serde_json::from_value(turn.run().work.clone()).map_err(|error| Error::Internal(Box::new(error)))?;
    work.everything |= turn.run().kind == RunKind::Reconcile;
    Ok(work)
}

fn place(position: Position, freed: BTreeSet<String>) -> Result<Value> {
    serde_json::to_value(Place(position, freed)).map_err(|error| Error::Internal(Box::new(error)))
}

/// The first chunk: a plan that somebody approved is put in force, if it is still what they saw.
async fn begin(app: &App, turn: &mut Turn) -> Result<Step> {
    let organization = turn.run().organization;
    let approved = turn.run().plan.filter(|_| turn.run().work.get("approved_by").is_some());
    if let Some(plan) = approved
        && !apply::still_holds(app, organization, plan).await?
    {
        let message = "facts or rules have moved since the plan was made; nothing was changed: make a new plan";
        return Err(Error::conflict("plan_stale", message));
    }
    let total = walk::count_people(&mut app.db.read().await?, organization).await?;
    turn.chunk(app, move |change, run| {
        Box::pin(async move {
            if approved.is_some() {
                apply::begin_approved(change, run).await?;
            }
            run.progress.total = total;
            run.position = place(Position::Groups(Id::nil(), None, BTreeSet::new()), BTreeSet::new())?;
            Ok(())
        })
    })
    .await
}

async fn groups(
    app: &App,
    turn: &mut Turn,
    after: DirectoryGroupId,
    (only, gained): (Option<BTreeSet<DirectoryGroupId>>, BTreeSet<DirectoryGroupId>),
    freed: BTreeSet<String>,
) -> Result<Step> {
    let organization = turn.run().organization;
    let ids: Vec<DirectoryGroupId> = match &only {
        Some(only) => only.iter().copied().filter(|id| *id > after).take(GROUPS).collect(),
        None => walk::groups(&mut app.db.read().await?, organization, after, limit(GROUPS)).await?,
    };
    let last = ids.last().copied().filter(|_| ids.len() == GROUPS);
    turn.chunk(app, move |change, run| {
        let (ids, only, mut gained, mut freed) =
            (ids.iter().copied().collect(), only.clone(), gained.clone(), freed.clone());
        Box::pin(async move {
            let bound = converge::bind(change, &ids).await?;
            freed.extend(bound.freed_names);
            gained.extend(bound.took_over);
            let next = if let Some(last) = last {
                Position::Groups(last, only, gained)
            } else {
                run.progress.done = 0;
                gained.extend(only.into_iter().flatten());
                Position::People(Id::nil(), gained)
            };
            run.position = place(next, freed)?;
            Ok(())
        })
    })
    .await
}

async fn people(
    app: &App,
    turn: &mut Turn,
    work: Work,
    after: DirectoryUserId,
    gained: BTreeSet<DirectoryGroupId>,
    freed: BTreeSet<String>,
) -> Result<Step> {
    let found = find(&mut app.db.read().await?, turn.run().organization, &work, &gained, after).await?;
    turn.chunk(app, move |change, run| {
        let scope = Scope { users: found.concerned.iter().copied().collect(), ..Scope::default() };
        let (work, gained, freed, next) = (work.clone(), gained.clone(), freed.clone(), found.next);
        run.progress.done += found.seen;
        Box::pin(async move {
            converge::converge(change, scope).await?;
            match next {
                Some(after) => {
                    run.position = place(Position::People(after, gained), freed)?;
                    Ok(())
                }
                None => let_go(change, run, &work, BTreeSet::new(), freed).await,
            }
        })
    })
    .await
}

/// People to converge next.
struct Found {
    concerned: Vec<DirectoryUserId>,
    /// How many were looked at to find them.
    seen: i64,
    /// After whom to go on; `None` if nobody is left.
    next: Option<DirectoryUserId>,
}

/// Looks, without locks, for the next people whom the work concerns.
async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    work: &Work,
    gained: &BTreeSet<DirectoryGroupId>,
    mut after: DirectoryUserId,
) -> Result<Found> {
    if !work.people.is_empty() && gained.is_empty() {
        let mut concerned: Vec<DirectoryUserId> =
            work.people.iter().copied().filter(|id| *id > after).take(PEOPLE + 1).collect();
        let more = concerned.len() > PEOPLE;
        concerned.truncate(PEOPLE);
        let next = concerned.last().copied().filter(|_| more);
        return Ok(Found { seen: limit(concerned.len()), concerned, next });
    }
    let (mut concerned, mut seen) = (Vec::new(), 0);
    loop {
        let ids = walk::people(tx, organization, after, limit(LOOK)).await?;
        concerned.extend(self::concerned(tx, organization, work, gained, &ids).await?);
        seen += ids.len();
        after = ids.last().copied().unwrap_or(after);
        let over = ids.len() < LOOK;
        if over || concerned.len() + LOOK > PEOPLE || seen >= LOOK_AT_MOST {
            return Ok(Found { concerned, seen: limit(seen), next: Some(after).filter(|_| !over) });
        }
    }
}

/// Those of these people whom the work concerns, in their order.
async fn concerned(
    tx: &mut Tx,
    organization: OrganizationId,
    work: &Work,
    gained: &BTreeSet<DirectoryGroupId>,
    ids: &[DirectoryUserId],
) -> Result<Vec<DirectoryUserId>> {
    if work.everything {
        return Ok(ids.to_vec());
    }
    let ground = Ground::load(tx, organization).await?;
    let links = links::of_users(tx, organization, ids.iter().copied()).await?;
    let mut found: BTreeSet<DirectoryUserId> = links
        .values()
        .filter(|link| work.directories.contains(&link.directory_id))
        .map(|link| link.directory_user_id)
        .collect();
    // Rules that look at no groups, and directories, are about whoever is there.
    let by_person: Vec<_> =
        ground.rules.iter().filter(|rule| work.rules.contains(&rule.id) && !rule.is_by_group()).collect();
    if !by_person.is_empty() || !work.directories.is_empty() {
        let there = directory_users::directories_of(tx, organization, ids.iter().copied()).await?;
        let wanted = |directory: DirectoryId| {
            work.directories.contains(&directory) || by_person.iter().any(|rule| rule.covers(directory))
        };
        found.extend(there.into_iter().filter(|(_, directory)| wanted(*directory)).map(|(id, _)| id));
    }
    found.extend(ids.iter().filter(|id| work.people.contains(id)));
    if !work.rules.is_empty() {
        let memberships: BTreeSet<_> = links.values().filter_map(|link| link.membership_id).collect();
        for origin in origins::of_memberships(tx, organization, memberships).await?.into_values().flatten() {
            if origin.rule.is_some_and(|rule| work.rules.contains(&rule)) {
                found.extend(origin.directory_user);
            }
        }
    }
    if !work.rules.is_empty() || !gained.is_empty() {
        for (person, binding) in edges::bindings_of(tx, organization, ids.iter().copied()).await? {
            if work.rules.contains(&binding.rule) || gained.contains(&binding.group) {
                found.insert(person);
            }
        }
    }
    Ok(ids.iter().copied().filter(|id| found.contains(id)).collect())
}

async fn ended(
    app: &App,
    turn: &mut Turn,
    work: Work,
    waiting: BTreeSet<DirectoryGroupId>,
    freed: BTreeSet<String>,
) -> Result<Step> {
    turn.chunk(app, move |change, run| {
        let (work, waiting, freed) = (work.clone(), waiting.clone(), freed.clone());
        Box::pin(async move { let_go(change, run, &work, waiting, freed).await })
    })
    .await
}

/// Lets go of some mirrors whose people have left, and finds out what is next.
async fn let_go(
    change: &mut Change<'_>,
    run: &mut Run,
    work: &Work,
    mut waiting: BTreeSet<DirectoryGroupId>,
    freed: BTreeSet<String>,
) -> Result<()> {
    let (more, over) = converge::finish(change, freed, limit(GROUPS)).await?;
    waiting.extend(more);
    let next = match (over, waiting.is_empty()) {
        (false, _) => Position::Ended(waiting),
        (true, false) => Position::Groups(Id::nil(), Some(waiting), BTreeSet::new()),
        (true, true) if work.everything => Position::Memberships(Id::nil()),
        (true, true) if work.removed.is_empty() => return conclude(change, run).await,
        (true, true) => Position::Records,
    };
    run.position = place(next, BTreeSet::new())?;
    Ok(())
}

/// The last thing: rules that were leaving go, and nothing is under way any more.
async fn conclude(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    changes::conclude(change, Some(run.id)).await?;
    rules::settled(change.tx, change.organization, run.id).await?;
    run.progress.done = run.progress.total;
    run.finish(RunState::Succeeded, change.now);
    Ok(())
}

async fn memberships(app: &App, turn: &mut Turn, work: &Work, after: MembershipId) -> Result<Step> {
    let organization = turn.run().organization;
    let ids: Vec<MembershipId> = if work.memberships.is_empty() {
        walk::memberships(&mut app.db.read().await?, organization, after, limit(PEOPLE)).await?
    } else {
        work.memberships.iter().copied().filter(|id| *id > after).take(PEOPLE).collect()
    };
    let counted = if work.memberships.is_empty() { 0 } else { limit(ids.len()) };
    let next = match ids.last() {
        Some(last) if ids.len() == PEOPLE => Position::Memberships(*last),
        _ => Position::Records,
    };
    turn.chunk(app, move |change, run| {
        let scope = Scope::of_memberships(ids.iter().copied());
        let next = next.clone();
        run.progress.done += counted;
        Box::pin(async move {
            converge::converge(change, scope).await?;
            run.position = place(next, BTreeSet::new())?;
            Ok(())
        })
    })
    .await
}

async fn records(app: &App, turn: &mut Turn, work: Work) -> Result<Step> {
    let removed = if work.everything {
        // Also those whose own run did not come to its end.
        let all = directories::all(&mut app.db.read().await?, turn.run().organization).await?;
        all.into_iter().filter(|directory| directory.leaving.is_some()).map(|directory| directory.id).collect()
    } else {
        work.removed.clone()
    };
    turn.chunk(app, move |change, run| {
        let removed = removed.clone();
        Box::pin(async move {
            for directory in removed {
                if !removal::some_records(change.tx, change.organization, directory, RECORDS).await? {
                    return Ok(());
                }
                changes::bury(change, directory).await?;
            }
            conclude(change, run).await
        })
    })
    .await
}
