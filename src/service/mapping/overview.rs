//! What an admin wants to see at a glance: directory groups and what became of them, people and why.

use crate::app::App;
use crate::domain::Result;
use crate::domain::scope::OrganizationScope;
use crate::store::bindings::{self, MappedGroup};
use crate::store::origins::{self, Reason};

/// Every directory group with the rules that matched it.
pub async fn mapped_groups(app: &App, scope: OrganizationScope) -> Result<Vec<MappedGroup>> {
    bindings::mapped_groups(&mut app.db.read().await?, scope.organization()).await
}

/// Why people have what they have; up to `limit` reasons.
pub async fn reasons(app: &App, scope: OrganizationScope, limit: i64) -> Result<Vec<Reason>> {
    origins::reasons(&mut app.db.read().await?, scope.organization(), limit).await
}
