//! The native side: what applications read and write of their groups, memberships, users and roles, and what
//! they read of the directories.

pub mod directory_groups;
pub mod directory_users;
pub mod groups;
pub mod memberships;
pub mod roles;
pub mod users;
