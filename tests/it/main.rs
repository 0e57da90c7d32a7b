//! Tests of the whole program, through its public faces, on each database.

mod idp_conversations;
mod mapping_corners;
mod mapping_people;
mod mapping_properties;
mod mapping_rules;
mod query_plans;
mod reference;
mod store_writes;
mod support;
