//! The native side: what applications read and write of their groups, memberships, users and roles, and what
//! they read of the directories.

mod by_hand;
pub mod directory_groups;
pub mod directory_users;
pub mod group_members;
pub mod group_roles;
pub mod groups;
pub mod managed_groups;
pub mod membership_changes;
pub mod memberships;
mod naming;
pub mod people;
pub mod roles;
pub mod user_changes;
pub mod user_roles;
pub mod users;
