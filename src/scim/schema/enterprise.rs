//! The enterprise extension of the user (RFC 7643 sections 4.3 and 8.7.1).

use super::build::{complex, reference, string};
use super::{ENTERPRISE_URN, Schema};

/// The schema of `EnterpriseUser`.
pub(super) fn schema() -> Schema {
    let manager = complex(
        "manager",
        "Whom the person reports to.",
        vec![
            string("value", "The id of the manager's user resource.").case_exact(),
            reference("$ref", &["User"], "The URL of the manager's user resource."),
            string("displayName", "The name under which the manager is shown.").read_only(),
        ],
    );
    Schema {
        id: ENTERPRISE_URN.to_owned(),
        name: "EnterpriseUser".to_owned(),
        description: "What an employer knows of a person".to_owned(),
        attributes: vec![
            string("employeeNumber", "The number or code the organization gave the person."),
            string("costCenter", "The name of a cost center."),
            string("organization", "The name of an organization."),
            string("division", "The name of a division."),
            string("department", "The name of a department."),
            manager,
        ],
    }
}
