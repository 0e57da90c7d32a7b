//! Mapping rules as an admin handles them: saved in versions, judged, ordered, applied, removed.
//!
//! What a rule means is `domain::rule`; making it true is `service::converge`.

mod check;
mod force;
pub mod lint;
pub mod order;
pub mod overview;
pub mod preview;
pub mod rules;
