//! Mapping rules as an admin handles them: saved in versions, applied, removed.
//!
//! What a rule means is `domain::rule`; making it true is `service::converge`.

pub mod explain;
pub mod force;
mod narrate;
pub mod overview;
pub mod rules;
pub(crate) mod survey;
