//! The kind `guard`: carries out parked removals that were approved, when they are too many for one transaction.
//!
//! The work says which: `{"approve": "all", "approved_by": "key_…"}`, or an array of ids in place of `"all"`.

use serde_json::Value;

use super::{PEOPLE, Step, Turn};
use crate::app::App;
use crate::domain::id::ParkedId;
use crate::domain::run::{Run, RunState};
use crate::domain::{Error, Id, Result};
use crate::service::mapping::parked;
use crate::store::{self, Tx};

pub(super) async fn step(app: &App, turn: &mut Turn) -> Result<Step> {
    let (ids, position) = stretch(&mut app.db.read().await?, turn.run()).await?;
    turn.chunk(app, move |change, run| {
        let (ids, position) = (ids.clone(), position.clone());
        Box::pin(async move {
            if ids.is_empty() {
                return parked::close(change, run, RunState::Succeeded).await;
            }
            // Read again under the lock: some may have vanished since, or been rejected.
            let effects = store::parked::by_ids(change.tx, change.organization, run.id, ids).await?;
            parked::carry_out(change, run, effects).await?;
            run.position = position;
            Ok(())
        })
    })
    .await
}

/// The next effects to carry out, and where to go on; none when all are done.
async fn stretch(tx: &mut Tx, run: &Run) -> Result<(Vec<ParkedId>, Value)> {
    if let Value::Array(ids) = &run.work["approve"] {
        let done = run.position.as_u64().and_then(|done| usize::try_from(done).ok()).unwrap_or_default();
        let ids: Vec<ParkedId> = ids
            .iter()
            .skip(done)
            .take(PEOPLE)
            .map(|id| serde_json::from_value(id.clone()))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Internal(Box::new(error)))?;
        let position = Value::from(done + ids.len());
        return Ok((ids, position));
    }
    let after = match &run.position {
        Value::Null => Id::nil(),
        id => serde_json::from_value(id.clone()).map_err(|error| Error::Internal(Box::new(error)))?,
    };
    let limit = i64::try_from(PEOPLE).unwrap_or(i64::MAX);
    let effects = store::parked::next(tx, run.organization, run.id, after, limit).await?;
    let ids: Vec<ParkedId> = effects.into_iter().map(|effect| effect.id).collect();
    let last = ids.last().copied().unwrap_or(after);
    Ok((ids, Value::String(last.to_string())))
}
