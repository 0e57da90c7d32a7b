//! What clients send: users, groups and PATCH operations, as the protocol core reads them.

use muster::scim::dialect::{Strictness, Tolerances};
use muster::scim::patch;
use muster::scim::resource::{Normalised, normalise};
use muster::scim::schema::{GROUP_URN, USER_URN};
use muster::service::keys::ScimAccess;
use serde_json::{Value, json};

use super::operations::{GROUP_NAMES, PersonSpec, Reference, USER_NAMES, external_id};
use super::stage::Stage;

impl Stage {
    pub(super) fn person(&self, spec: &PersonSpec) -> Normalised {
        let email = spec.email.map(|at| format!("{}@{}", USER_NAMES[at], self.domain));
        let body = json!({
            "schemas": [USER_URN],
            "userName": USER_NAMES[spec.name],
            "name": {"givenName": format!("{} {}", USER_NAMES[spec.name], spec.given)},
            "emails": email.map(|email| json!([{"value": email, "type": "work"}])),
            "active": spec.active,
            "title": spec.title(),
            "userType": spec.user_type(),
            "externalId": spec.external.map(external_id),
        });
        normalised(body, "User", &self.directories[0])
    }

    pub(super) fn members(&self, references: &[Reference]) -> Vec<Value> {
        let value = |reference: &Reference| match reference {
            Reference::User(at) => self.user(*at).map(|(id, _)| id.to_string()),
            Reference::Group(at) => self.group(*at).map(|(id, _)| id.to_string()),
            Reference::External(at) => Some(external_id(*at)),
            Reference::Nobody => Some("nobody".to_owned()),
        };
        references.iter().filter_map(value).map(|value| json!({"value": value})).collect()
    }

    pub(super) fn source(&self, name: usize, external: Option<usize>, members: Option<&Vec<Reference>>) -> Normalised {
        let mut body = json!({
            "schemas": [GROUP_URN],
            "displayName": GROUP_NAMES[name],
            "externalId": external.map(external_id),
        });
        if let Some(members) = members {
            body["members"] = self.members(members).into();
        }
        normalised(body, "Group", &self.directories[0])
    }
}

fn normalised(body: Value, resource: &str, access: &ScimAccess) -> Normalised {
    let definition = access.catalogue.resource(resource).expect("a built-in type");
    normalise(body, definition, Strictness::default(), &mut Tolerances::default()).expect("a valid body")
}

/// A PATCH that adds members and removes others; an empty list is left out, as clients do.
pub(super) fn patch_operations(access: &ScimAccess, add: &[Value], remove: &[Value]) -> Vec<patch::Operation> {
    let mut operations = Vec::new();
    for (op, members) in [("add", add), ("remove", remove)] {
        if !members.is_empty() {
            operations.push(json!({"op": op, "path": "members", "value": members}));
        }
    }
    if operations.is_empty() {
        operations.push(json!({"op": "remove", "path": "members"}));
    }
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let definition = access.catalogue.resource("Group").expect("a built-in type");
    patch::parse(body, definition, Strictness::default(), &mut Tolerances::default()).expect("a valid PATCH")
}
