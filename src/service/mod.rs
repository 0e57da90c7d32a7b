//! Use cases: one function, one transaction.
//!
//! What lives here: the order of steps. What does not: SQL (`store`), wire forms (`http`), and decisions
//! that need no database (`domain`, `scim`).

pub mod access;
pub mod audit;
pub mod change;
pub mod converge;
pub mod directories;
pub mod domains;
pub mod events;
pub mod idempotency;
pub mod keys;
pub mod links;
pub mod lookup;
pub mod mapping;
pub mod metrics;
pub mod native;
pub mod news;
pub mod oidc;
pub mod operators;
pub mod organizations;
pub mod portal;
pub mod provisioning;
pub mod remembered;
pub mod request_log;
pub mod retention;
pub mod runs;
pub mod sessions;
pub mod status;
pub mod streams;
pub mod tokens;
pub mod webhooks;
