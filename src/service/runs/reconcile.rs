//! The kind `reconcile`: everybody of an organization, whether or not anything about them changed.
//!
//! Directory groups first, since their bindings bring people along; then people, those who are gone but left a
//! link included; then memberships, since not all of them have a link.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{GROUPS, PEOPLE, Step, Turn};
use crate::app::App;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, MembershipId, OrganizationId};
use crate::domain::run::{Run, RunState};
use crate::domain::{Error, Id, Result};
use crate::service::converge::{Scope, converge};
use crate::store::{Tx, walk};

/// Where it is: the last one that was looked at; the nil id at the beginning of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Position {
    Groups(DirectoryGroupId),
    People(DirectoryUserId),
    Memberships(MembershipId),
}

/// What comes next.
struct Stretch {
    scope: Scope,
    length: i64,
    /// Where to go on after it; `None` if it is the last.
    then: Option<Value>,
}

pub(super) async fn step(app: &App, turn: &mut Turn) -> Result<Step> {
    let next = stretch(&mut app.db.read().await?, turn.run()).await?;
    turn.chunk(app, move |change, run| {
        let (scope, length, then) = (next.scope.clone(), next.length, next.then.clone());
        Box::pin(async move {
            converge(change, scope).await?;
            run.progress.done += length;
            match then {
                Some(position) => run.position = position,
                None => run.finish(RunState::Succeeded, change.now),
            }
            Ok(())
        })
    })
    .await
}

/// Looks, without locks, for the next stretch. Whoever comes meanwhile is converged by the request that brings
/// them, and whoever goes is found to be gone.
async fn stretch(tx: &mut Tx, run: &Run) -> Result<Stretch> {
    let mut position = match &run.position {
        Value::Null => Position::Groups(Id::nil()),
        stored => serde_json::from_value(stored.clone()).map_err(|error| Error::Internal(Box::new(error)))?,
    };
    loop {
        let (scope, length, last) = read(tx, run.organization, position).await?;
        let then = last.or(match position {
            Position::Groups(_) => Some(Position::People(Id::nil())),
            Position::People(_) => Some(Position::Memberships(Id::nil())),
            Position::Memberships(_) => None,
        });
        match then {
            Some(next) if length == 0 => position = next,
            then => {
                let then = then.map(serde_json::to_value).transpose();
                return Ok(Stretch { scope, length, then: then.map_err(|error| Error::Internal(Box::new(error)))? });
            }
        }
    }
}

/// What follows a position in its stage, and the position after it if the stage may have more.
async fn read(tx: &mut Tx, organization: OrganizationId, from: Position) -> Result<(Scope, i64, Option<Position>)> {
    fn full<T>(ids: &[Id<T>], limit: usize) -> Option<Id<T>> {
        ids.last().copied().filter(|_| ids.len() >= limit)
    }
    let mut scope = Scope::default();
    let (length, last) = match from {
        Position::Groups(after) => {
            let ids = walk::groups(tx, organization, after, limit(GROUPS)).await?;
            scope.groups.extend(ids.iter().copied());
            (ids.len(), full(&ids, GROUPS).map(Position::Groups))
        }
        Position::People(after) => {
            let ids = walk::people(tx, organization, after, limit(PEOPLE)).await?;
            scope.users.extend(ids.iter().copied());
            (ids.len(), full(&ids, PEOPLE).map(Position::People))
        }
        Position::Memberships(after) => {
            let ids = walk::memberships(tx, organization, after, limit(PEOPLE)).await?;
            scope.memberships.extend(ids.iter().copied());
            (ids.len(), full(&ids, PEOPLE).map(Position::Memberships))
        }
    };
    Ok((scope, limit(length), last))
}

fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
