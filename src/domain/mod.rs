//! The vocabulary of Muster, pure: ids, time, people, groups, rules and the reasons for native facts.
//!
//! What lives here: types and decisions about them. What does not: SQL, HTTP, the system clock (but
//! for [`clock::Clock`]), and anything that orders steps within a transaction (that is `service`).

pub mod clock;
pub mod error;
pub mod id;

pub use clock::Clock;
pub use error::{Error, Result};
pub use id::Id;
