//! Tests of the whole program, through its public faces, on each database.

mod idp_conversations;
mod mapping_people;
mod mapping_rules;
mod scim_group_sizes;
mod scim_groups;
mod scim_passwords;
mod scim_preconditions;
mod scim_projection;
mod scim_settings;
mod scim_users;
mod store_writes;
mod support;
