//! The vocabulary of Muster, pure: ids, time, people, groups, rules and the reasons for native facts.
//!
//! What lives here: types and decisions about them. What does not: SQL, HTTP, the system clock (but
//! for [`clock::Clock`]), and anything that orders steps within a transaction (that is `service`).

pub mod actor;
pub mod address;
pub mod assertion;
pub mod audit;
pub mod binding;
pub mod clock;
pub mod directory;
pub mod effect_line;
pub mod error;
pub mod event;
pub mod event_line;
pub mod event_names;
pub mod explanation;
pub mod finding;
pub mod group_roles;
pub mod group_verdict;
pub mod guard;
pub mod id;
pub mod identity_provider;
pub mod link;
pub mod lint;
pub mod metadata;
pub mod native;
pub mod nesting;
pub mod oidc;
pub mod operator;
pub mod origin;
pub mod outcome;
pub mod parked;
pub mod plan;
pub mod policy;
pub mod rhythm;
pub mod rule;
pub mod run;
pub mod scope;
pub mod sealed;
pub mod secret;
pub mod sentence;
pub mod slug;
pub mod suggestion;
pub mod template;
pub mod verdict;
pub mod webhook;

pub use clock::Clock;
pub use error::{Error, Result};
pub use id::Id;
