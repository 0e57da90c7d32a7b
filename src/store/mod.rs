//! The only SQL. One text for both engines, one small executor, no traits.
//!
//! What lives here: statements and the rows they read and write. What does not: decisions. Functions
//! take `&mut Tx` first and the scope (organization, directory) second, and answer `Option` where
//! something may be absent: the caller decides what absence means.

pub mod audit;
pub mod bindings;
pub mod collisions;
pub mod custom;
pub mod db;
mod dialect;
pub mod directories;
pub mod directory_groups;
pub mod directory_people;
pub mod directory_users;
pub mod domains;
pub mod edges;
pub mod emptying;
pub mod events;
pub mod explain;
pub mod flow;
pub mod group_roles;
pub mod group_status;
pub mod groups;
pub mod guard;
pub mod idempotency;
mod ids;
pub mod keys;
mod lane;
pub mod links;
pub mod lookup;
pub mod memberships;
pub mod metrics;
pub mod narrow;
pub mod news;
pub mod oidc;
pub mod operators;
pub mod organizations;
pub mod origins;
pub mod page;
pub mod parked;
pub mod people;
pub mod plans;
pub mod policies;
pub mod removal;
pub mod requests;
pub mod retention;
pub mod roles;
pub mod rules;
pub mod runs;
pub mod search;
pub mod sessions;
mod statement;
pub mod status;
pub mod users;
pub mod verifications;
pub mod walk;
pub mod webhooks;

pub use db::{Db, Tx, is_transient, is_unique_violation};
pub use lane::Lane;
pub use page::{Order, Page, PageRequest};
pub use statement::{Column, Param, Rows, Stmt, cell, sql};

use serde_json::{Map, Value};

use crate::domain::id::OrganizationId;
use crate::domain::native::name_key;
use crate::domain::{Error, Result};

/// Something of an organization that does not itself say of which.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned<T> {
    /// The organization.
    pub organization: OrganizationId,
    /// The thing.
    pub value: T,
}

/// A JSON object that the program wrote itself; one that does not parse is a corrupt row.
fn object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| Error::internal(format!("a stored JSON object is corrupt: {error}")))
}

/// The LIKE pattern of names that contain `text`, for columns that `native::name_key` folded; LIKE's own
/// characters are escaped by a backslash.
fn containing(text: &str) -> String {
    let escaped = name_key(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
