//! Mapping rules as an admin handles them: saved in versions, judged, ordered, applied, removed.
//!
//! What a rule means is `domain::rule`; making it true is `service::converge`.

mod check;
pub mod force;
pub mod lint;
mod narrate;
pub mod order;
pub mod overview;
pub mod preview;
pub mod rules;
pub(crate) mod survey;
