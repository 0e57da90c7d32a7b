//! Tests of the whole program, through its public faces, on each database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod idp_conversations;
mod mapping_people;
mod mapping_rules;
mod query_plans;
mod store_writes;
mod support;
