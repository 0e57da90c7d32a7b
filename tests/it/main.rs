//! Tests of the whole program, through its public faces, on each database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::type_complexity, reason = "rows of many columns are tuples")]

mod architecture;
mod collisions;
mod domains;
mod explain_why;
mod explain_why_not;
mod idp_conversations;
mod isolation;
mod keys_and_tokens;
mod links;
mod mapping_corners;
mod mapping_life;
mod mapping_people;
mod mapping_properties;
mod mapping_replicas;
mod mapping_rule_edits;
mod mapping_rules;
mod metrics;
mod native_read;
mod native_write;
mod parked_effects;
mod query_plans;
mod reference;
mod request_log;
mod rule_lint;
mod runs;
mod scim_bad_input;
mod scim_bad_requests;
mod scim_bulk;
mod scim_discovery;
mod scim_extensions;
mod scim_filters;
mod scim_group_sizes;
mod scim_groups;
mod scim_passwords;
mod scim_preconditions;
mod scim_projection;
mod scim_queries;
mod scim_resource_types;
mod scim_settings;
mod scim_tokens;
mod scim_users;
mod store_writes;
mod support;
mod sync_status;
