//! Sign-ins by an OpenID provider that are under way: each ends once.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::Tx;
use super::statement::sql;
use crate::domain::Result;

/// A sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Underway {
    /// The digest of the cookie of the browser that began it.
    pub browser: String,
    /// The page that was asked for.
    pub next: String,
    /// Until when it may end.
    pub expires_at: DateTime<Utc>,
}

/// Stores a sign-in under the digest of its state, and forgets those that nobody ended in time.
pub async fn begin(tx: &mut Tx, state: &str, underway: &Underway, now: DateTime<Utc>) -> Result<()> {
    tx.execute(sql("DELETE FROM oidc_sign_ins WHERE expires_at < $1").bind(now)).await?;
    let stmt = sql("INSERT INTO oidc_sign_ins (state, browser, next, expires_at) VALUES ($1, $2, $3, $4)");
    let stmt = stmt.bind(state).bind(&underway.browser).bind(&underway.next).bind(underway.expires_at);
    tx.execute(stmt).await.map(drop)
}

/// Takes the sign-in with this digest of its state: only one caller gets it.
pub async fn take(tx: &mut Tx, state: &str) -> Result<Option<Underway>> {
    let stmt = sql("DELETE FROM oidc_sign_ins WHERE state = $1 RETURNING browser, next, expires_at");
    tx.fetch_optional(stmt.bind(state)).await
}
