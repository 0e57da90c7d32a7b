//! How a directory stands: is it in sync, is it alive, and what wants somebody's attention.
//!
//! What lives here: the reading of everything in one snapshot, and the list of what needs attention. What does not:
//! the group by group view (`groups`), judgements that need no database (`domain::rhythm`,
//! `domain::identity_provider`).

mod attention;
pub mod groups;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

pub use attention::{Attention, Severity};

use super::access::Access;
use super::directories;
use super::remembered::Remembered;
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::{DirectoryId, RequestId, RunId};
use crate::domain::rhythm::{self, Verdict};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Result, identity_provider};
use crate::store::directories::Counts;
use crate::store::status::{self, Groups, Hour, Tokens};
use crate::store::verifications::{self, Verification};
use crate::store::{Tx, directories as stored};

/// How far back refused requests and failed runs are counted.
pub const WINDOW: Duration = Duration::hours(24);
/// How many user agents are shown, those seen most.
const AGENTS: usize = 10;

/// Everything about one directory.
#[derive(Debug, Clone)]
pub struct Status {
    /// The directory.
    pub directory: Directory,
    /// `validating`, `linked`, `paused` or `leaving`.
    pub state: String,
    /// When it was heard of.
    pub freshness: Freshness,
    /// Its people.
    pub users: Counts,
    /// Its groups.
    pub groups: Groups,
    /// Members of its groups.
    pub edges: i64,
    /// Those of them that name nobody known.
    pub pending_edges: i64,
    /// People without a link in force.
    pub unlinked: Unlinked,
    /// Removals that wait for approval.
    pub parked_effects: i64,
    /// The run that gathers them.
    pub parked_run: Option<RunId>,
    /// Mirrors by their states.
    pub mirrors: BTreeMap<String, i64>,
    /// What people keep by frozen rules.
    pub frozen_origins: i64,
    /// Runs of the organization that are under way.
    pub running_runs: Vec<RunId>,
    /// Runs of the organization that failed within [`WINDOW`].
    pub failed_runs: i64,
    /// Requests within [`WINDOW`], of the latest 100,000 at the most.
    pub requests: i64,
    /// Those of them that were refused.
    pub refused: i64,
    /// Which identity provider it seems to be.
    pub dialect: Dialect,
    /// Its tokens.
    pub tokens: Tokens,
    /// What the last verification of the organization found.
    pub verification: Option<Verification>,
    /// What wants attention, the most harmful first.
    pub attention: Vec<Attention>,
}

/// When a directory was heard of, and whether that is as usual.
#[derive(Debug, Clone)]
pub struct Freshness {
    /// The last request of any kind.
    pub last_request_at: Option<DateTime<Utc>>,
    /// The last write that was accepted.
    pub last_write_at: Option<DateTime<Utc>>,
    /// The median gap, in seconds, between minutes with writes.
    pub usual_gap: Option<i64>,
    /// Seconds since the last request.
    pub silent_for: Option<i64>,
    /// What that means.
    pub verdict: Verdict,
    /// The same for people.
    pub sentence: String,
}

/// People without a link in force.
#[derive(Debug, Clone, Default)]
pub struct Unlinked {
    /// Who waits for confirmation.
    pub pending: i64,
    /// Whose link somebody refused.
    pub refused: i64,
    /// Those who wait, by the reason.
    pub by_reason: BTreeMap<String, i64>,
}

/// How a directory speaks.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    /// The identity provider, or `unknown`.
    pub verdict: &'static str,
    /// How many of the latest requests used each tolerance.
    pub tolerances: BTreeMap<String, i64>,
    /// How many of them came from each `User-Agent`.
    pub user_agents: BTreeMap<String, i64>,
}

/// How much a directory holds.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    users: Counts,
    edges: i64,
    pending_edges: i64,
}

/// How much directories hold, as it was last counted.
pub type Holdings = Remembered<DirectoryId, Held>;

/// The status of a directory, if the caller reaches it.
pub async fn of_directory(app: &App, access: &Access, id: DirectoryId) -> Result<Status> {
    let directory = directories::get(app, access, id).await?;
    let mut tx = app.db.snapshot().await?;
    let mut status = read(&mut tx, directory, &app.held, app.clock.now()).await?;
    status.attention = attention::of(&status, app.clock.now());
    Ok(status)
}

async fn read(tx: &mut Tx, directory: Directory, held: &Holdings, now: DateTime<Utc>) -> Result<Status> {
    let (organization, id) = (directory.organization, directory.id);
    let tokens = status::tokens(tx, organization, id, now).await?;
    // Of a large directory the counting is most of what its status costs.
    let counted = async |tx: &mut Tx| {
        let (edges, pending_edges) = status::edges(tx, organization, id).await?;
        Ok(Held { users: stored::counts(tx, organization, id).await?, edges, pending_edges })
    };
    let held = held.or_count(tx, organization, id, false, counted).await?;
    let (parked_effects, parked_run) = status::parked(tx, organization, id).await?;
    let (running_runs, failed_runs) = status::runs(tx, organization, now - WINDOW).await?;
    let (requests, refused) = status::refusals(tx, organization, id, RequestId::first_at(now - WINDOW)).await?;
    Ok(Status {
        state: state(&directory),
        freshness: freshness(tx, &directory, &tokens, now).await?,
        users: held.users,
        groups: status::groups(tx, organization, id).await?,
        edges: held.edges,
        pending_edges: held.pending_edges,
        unlinked: unlinked(status::unlinked(tx, organization, id).await?),
        parked_effects,
        parked_run,
        mirrors: status::mirrors(tx, organization, id).await?.into_iter().collect(),
        frozen_origins: status::frozen(tx, organization, id).await?,
        running_runs,
        failed_runs,
        requests,
        refused,
        dialect: dialect(&directory.kind, status::manners(tx, organization, id).await?),
        tokens,
        verification: verifications::find(tx, organization).await?,
        attention: Vec::new(),
        directory,
    })
}

fn state(directory: &Directory) -> String {
    match (directory.leaving, directory.paused_at) {
        (Some(_), _) => "leaving".to_owned(),
        (None, Some(_)) => "paused".to_owned(),
        (None, None) => directory.state.clone(),
    }
}

async fn freshness(tx: &mut Tx, directory: &Directory, tokens: &Tokens, now: DateTime<Utc>) -> Result<Freshness> {
    let writes = status::last_writes(tx, directory.organization, directory.id).await?;
    let logged = status::last_request(tx, directory.organization, directory.id).await?;
    // The log may have been pruned, or be a moment behind; the token was touched all the same.
    let last_request_at = logged.max(tokens.last_used_at);
    let last_write_at = writes.first().copied();
    let usual_gap = rhythm::usual_gap(&writes);
    let silent_for = last_request_at.map(|at| (now - at).num_seconds().max(0));
    let verdict = rhythm::verdict(silent_for, usual_gap);
    let sentence = rhythm::sentence(verdict, last_write_at.map(|at| now - at), usual_gap);
    Ok(Freshness { last_request_at, last_write_at, usual_gap, silent_for, verdict, sentence })
}

fn unlinked(rows: Vec<(String, String, i64)>) -> Unlinked {
    let mut unlinked = Unlinked::default();
    for (state, reason, count) in rows {
        if state == "pending" {
            unlinked.pending += count;
            *unlinked.by_reason.entry(reason).or_default() += count;
        } else {
            unlinked.refused += count;
        }
    }
    unlinked
}

fn dialect(kind: &str, manners: Vec<(String, Option<String>)>) -> Dialect {
    let mut dialect = Dialect::default();
    let mut agents: BTreeMap<String, i64> = BTreeMap::new();
    for (tolerances, agent) in manners {
        let names: Vec<String> = serde_json::from_str(&tolerances).unwrap_or_default();
        for name in names {
            *dialect.tolerances.entry(name).or_default() += 1;
        }
        if let Some(agent) = agent {
            *agents.entry(agent).or_default() += 1;
        }
    }
    dialect.verdict = identity_provider::recognised(kind, &agents, &dialect.tolerances);
    let mut most: Vec<(String, i64)> = agents.into_iter().collect();
    most.sort_by_key(|(_, count)| -count);
    dialect.user_agents = most.into_iter().take(AGENTS).collect();
    dialect
}

/// The requests of a directory in each of these stretches of time; those without any are left out.
pub async fn requests_by_hour(
    app: &App,
    scope: OrganizationScope,
    directory: DirectoryId,
    bounds: &[(DateTime<Utc>, DateTime<Utc>)],
) -> Result<Vec<Hour>> {
    status::by_hour(&mut app.db.read().await?, scope.organization(), directory, bounds).await
}
