//! Muster: a SCIM 2.0 bridge.
//!
//! ```text
//!             ┌────────── cli ──────────┐
//!             ▼                         ▼
//!  request → http ──→ service ──→ store ──→ SQLite | PostgreSQL
//!              │         │           │
//!              └─────────┴───────────┴──→ domain, scim   (pure: no axum, no sqlx, no clock but ours)
//! ```
//!
//! No room is entered from below: `store` never calls `service`; `scim` and `domain` call nobody.
//! `tests/it/architecture.rs` holds the house to it.

pub mod app;
pub mod cli;
pub mod domain;
pub mod http;
pub mod outbound;
pub mod replay;
pub mod scim;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod worker;
