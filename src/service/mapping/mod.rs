//! Mapping as an admin handles it: rules saved in versions, judged, ordered and explained; changes planned and applied; what
//! guards parked, decided.
//!
//! What a rule means is `domain::rule`; making it true is `service::converge`, and in the background
//! `service::runs`.

pub mod apply;
pub(crate) mod changes;
mod check;
pub mod collisions;
pub(crate) mod computation;
pub mod decide;
pub mod explain;
pub mod flow;
pub mod lint;
mod narrate;
pub mod order;
pub mod overview;
pub mod parked;
pub mod plans;
pub mod preview;
mod prospect;
mod reach;
pub mod reasons;
pub mod rules;
pub(crate) mod survey;
pub mod trial;
