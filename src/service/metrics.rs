//! What Prometheus reads. The database is asked once in a while only, however many scrape.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::app::App;
use crate::domain::secret::digest;
use crate::domain::{Error, Result};
use crate::store::{Tx, metrics};
use crate::telemetry::metrics::{Gauges, Scraped};

/// For how long what was read of the database serves further scrapes.
const FRESH: Duration = Duration::seconds(10);
/// Failed runs are counted for so long.
const FAILED_WITHIN: Duration = Duration::hours(24);
/// More directories or organizations than this are not told apart.
const MOST_LABELS: usize = 1_000;
/// The label of all of them together.
const ALL: &str = "all";

/// Everything that Prometheus reads, as text. `header` is the whole `Authorization` header.
///
/// # Errors
///
/// [`Error::Unauthorized`] if a key is asked for and this is not it.
pub async fn scrape(app: &App, header: Option<&str>) -> Result<String> {
    if let Some(wanted) = &app.config.metrics_key_digest {
        let bearer = header.and_then(|header| header.trim().split_once(' '));
        let key = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
        if key.map(digest).as_ref() != Some(wanted) {
            return Err(Error::Unauthorized("the metrics need their key as a bearer token: MUSTER_METRICS_KEY"));
        }
    }
    let gauges = gauges_text(app).await?;
    app.metrics.text(&gauges).map_err(|error| Error::internal(error.to_string()))
}

async fn gauges_text(app: &App) -> Result<String> {
    // Held while it is read, so that scrapes that come together read once.
    let mut scraped = app.scraped.lock().await;
    let now = app.clock.now();
    if let Some(kept) = scraped.as_ref().filter(|kept| now - kept.at < FRESH) {
        return Ok(kept.text.clone());
    }
    let gauges = read(&mut app.db.read().await?, now).await?;
    let text = gauges.text().map_err(|error| Error::internal(error.to_string()))?;
    *scraped = Some(Scraped { at: now, text: text.clone() });
    Ok(text)
}

async fn read(tx: &mut Tx, now: DateTime<Utc>) -> Result<Gauges> {
    let totals = metrics::totals(tx, now - FAILED_WITHIN).await?;
    let (drift, verified_at) = metrics::drift(tx).await?;
    let drifting = metrics::drifting(tx, i64::try_from(MOST_LABELS).unwrap_or(i64::MAX)).await?;
    let writes = metrics::last_writes(tx).await?.into_iter();
    let writes = writes.map(|(id, at)| (id.to_string(), (now - at).num_seconds())).collect();
    let tokens = metrics::token_expiries(tx, now).await?.into_iter();
    let tokens = tokens.map(|(id, at)| (id.to_string(), (at - now).num_seconds())).collect();
    Ok(Gauges {
        drift,
        drifting: drifting.into_iter().map(|(id, rows)| (id.to_string(), rows)).collect(),
        verified_at: verified_at.map(|at| at.timestamp()),
        parked_effects: totals.parked_effects,
        pending_edges: totals.pending_edges,
        unlinked_people: totals.unlinked_people,
        runs_running: totals.runs_running,
        runs_failed: totals.runs_failed,
        webhooks_failing: totals.webhooks_failing,
        webhooks_dead: totals.webhooks_dead,
        since_last_write: bounded(writes, Iterator::max),
        token_expiry: bounded(tokens, Iterator::min),
    })
}

/// One value for each, or the worst of all where they are too many to be told apart.
fn bounded(
    values: BTreeMap<String, i64>,
    worst: impl Fn(std::collections::btree_map::IntoValues<String, i64>) -> Option<i64>,
) -> BTreeMap<String, i64> {
    if values.len() <= MOST_LABELS {
        return values;
    }
    worst(values.into_values()).map(|value| (ALL.to_owned(), value)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_to_tell_apart_are_told_together() {
        let many = |n: i64| (0..n).map(|n| (format!("directory_{n:04}"), n)).collect::<BTreeMap<_, _>>();
        assert_eq!(bounded(many(1_000), Iterator::max).len(), 1_000);
        assert_eq!(bounded(many(1_001), Iterator::max), BTreeMap::from([("all".to_owned(), 1_000)]));
    }
}
