//! The schemas of bodies, by what they are about. Each is a function; a named one is kept once in the document.

pub mod audit;
pub mod directories;
pub mod errors;
pub mod events;
pub mod explanations;
pub mod keys;
pub mod native;
pub mod openai;
pub mod plans;
pub mod rules;
pub mod runs;
pub mod scim;
pub mod status;

pub(super) use errors::error_of;
