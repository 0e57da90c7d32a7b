//! Mapping rules as an admin handles them: saved in versions, applied, removed; and what guards parked, as an admin
//! decides about it.
//!
//! What a rule means is `domain::rule`; making it true is `service::converge`.

pub mod decide;
pub mod force;
mod narrate;
pub mod overview;
pub mod parked;
pub mod rules;
pub(crate) mod survey;
