//! The reference: what native state should be, computed the slow and obvious way.
//!
//! It takes facts and decisions and answers origins, memberships and effective members. With the engine it
//! shares the data types of ids and rule documents, the SCIM filter evaluator and the renderer of name
//! templates, and nothing else: no SQL, no deltas, no scopes.

mod bodies;
mod by_hand;
pub mod checks;
pub mod coverage;
pub mod evaluate;
pub mod generate;
pub mod model;
pub mod operations;
pub mod orders;
mod planning;
pub mod replay;
pub mod stage;
pub mod steps;
mod trust;
pub mod world;
