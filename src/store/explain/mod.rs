//! What an explanation reads: one person's links, groups, origins and what ended, each by one statement that an
//! index answers, whatever the size of the organization.
//!
//! `person` has who they are and what rules see of them, `reasons` what speaks or spoke for what they have.

pub mod person;
pub mod reasons;
