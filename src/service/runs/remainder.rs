//! The kind `remainder`: the people and groups that a request left over because there were too many.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{GROUPS, NewRun, PEOPLE, Step, Turn};
use crate::app::App;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId};
use crate::domain::run::{Run, RunKind, RunState};
use crate::domain::{Error, Result};
use crate::service::change::Change;
use crate::service::converge::{Scope, converge};

/// What is left to converge. Each chunk goes on where the one before it ended, groups first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// Directory groups whose bindings are to be looked at.
    #[serde(default)]
    pub groups: Vec<DirectoryGroupId>,
    /// Directory users, who may be gone.
    #[serde(default)]
    pub users: Vec<DirectoryUserId>,
}

/// Begins a run that converges these. After the commit, tell the worker: see [`super::begin`].
pub async fn begin(change: &mut Change<'_>, rest: &Remainder) -> Result<Run> {
    let new = NewRun {
        kind: RunKind::Remainder,
        directory: None,
        plan: None,
        work: serde_json::to_value(rest).map_err(|error| Error::Internal(Box::new(error)))?,
        total: i64::try_from(rest.groups.len() + rest.users.len()).unwrap_or(i64::MAX),
        awaits_approval: false,
    };
    super::begin(change, new).await
}

pub(super) async fn step(app: &App, turn: &mut Turn) -> Result<Step> {
    let rest: Remainder =
        serde_json::from_value(turn.run().work.clone()).map_err(|error| Error::Internal(Box::new(error)))?;
    let done = turn.run().position.as_u64().and_then(|done| usize::try_from(done).ok()).unwrap_or_default();
    let (scope, next) = rest.after(done);
    let over = next >= rest.groups.len() + rest.users.len();
    turn.chunk(app, move |change, run| {
        let scope = scope.clone();
        Box::pin(async move {
            converge(change, scope).await?;
            run.position = Value::from(next);
            run.progress.done = i64::try_from(next).unwrap_or(i64::MAX);
            if over {
                run.finish(RunState::Succeeded, change.now);
            }
            Ok(())
        })
    })
    .await
}

impl Remainder {
    /// The scope of the chunk after the first `done`, and how many are done with it.
    fn after(&self, done: usize) -> (Scope, usize) {
        let mut scope = Scope::default();
        if done < self.groups.len() {
            let end = (done + GROUPS).min(self.groups.len());
            scope.groups.extend(self.groups[done..end].iter().copied());
            return (scope, end);
        }
        let from = (done - self.groups.len()).min(self.users.len());
        let end = (from + PEOPLE).min(self.users.len());
        scope.users.extend(self.users[from..end].iter().copied());
        (scope, self.groups.len() + end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;

    fn ids<T>(count: u128) -> Vec<Id<T>> {
        (1..=count).map(|n| Id::from_uuid(uuid::Uuid::from_u128(n))).collect()
    }

    #[test]
    fn every_group_and_then_everybody_is_looked_at_once() {
        for (groups, users) in [(0, 0), (1, 0), (0, 1), (100, 200), (101, 201), (250, 999)] {
            let rest = Remainder { groups: ids(groups), users: ids(users) };
            let (mut done, mut seen) = (0, (0, 0));
            while done < rest.groups.len() + rest.users.len() {
                let (scope, next) = rest.after(done);
                assert!(next > done && scope.groups.len() <= GROUPS && scope.users.len() <= PEOPLE);
                seen = (seen.0 + scope.groups.len(), seen.1 + scope.users.len());
                done = next;
            }
            assert_eq!(seen, (rest.groups.len(), rest.users.len()));
        }
    }
}
