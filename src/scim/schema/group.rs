//! The group (RFC 7643 sections 4.2 and 8.7.1).
//!
//! The RFC's text requires `displayName` while its listing does not; here it is published as required
//! and enforced.

use super::build::{list, reference, string};
use super::{GROUP_URN, Mutability, Schema};

/// The schema of `Group`.
pub(super) fn schema() -> Schema {
    let mut members = list(
        "members",
        "Who belongs to the group: users, or other groups whose members then belong to it too.",
        vec![
            string("value", "The id of the member.").case_exact(),
            reference("$ref", &["User", "Group"], "The URL of the member."),
            string("type", "Whether the member is a user or a group.").suggesting(&["User", "Group"]),
        ],
    )
    .immutable();
    // Members come and go; a member itself does not change.
    members.mutability = Mutability::ReadWrite;
    Schema {
        id: GROUP_URN.to_owned(),
        name: "Group".to_owned(),
        description: "A set of users and groups".to_owned(),
        attributes: vec![string("displayName", "The name of the group. Groups may share one.").required(), members],
    }
}
