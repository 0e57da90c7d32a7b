//! Muster's own API: directories, SCIM tokens, mapping rules and their bindings, plans, explanations, runs, identity
//! links, API keys, the request log. In the style of the WorkOS-shaped one, whose bodies, queries and errors it shares.

mod audit;
mod collisions;
mod directories;
mod explain;
mod keys;
mod links;
mod plans;
mod portal;
mod requests;
mod routes;
mod rule_drafts;
mod rule_tests;
mod rules;
mod runs;
mod status;
pub mod tokens;

pub use routes::routes;
