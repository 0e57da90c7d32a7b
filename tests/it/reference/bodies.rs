//! What clients send: users, groups and PATCH operations, as the protocol core reads them.

use muster::domain::id::DirectoryId;
use muster::scim::dialect::{Strictness, Tolerances};
use muster::scim::patch;
use muster::scim::resource::{Normalised, normalise};
use muster::scim::schema::{GROUP_URN, USER_URN};
use muster::service::keys::ScimAccess;
use serde_json::{Value, json};

use super::operations::{GROUP_NAMES, PersonSpec, Reference, USER_NAMES, external_id, nth};
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

    /// Members as a client of the directory names them.
    pub(super) fn members(&self, access: &ScimAccess, references: &[Reference]) -> Vec<Value> {
        let here = |directory: DirectoryId| directory == access.directory.id;
        let facts = &self.world.facts;
        let users: Vec<_> = facts.users.iter().filter(|(_, user)| here(user.directory)).map(|(id, _)| *id).collect();
        let groups: Vec<_> =
            facts.groups.iter().filter(|(_, group)| here(group.directory)).map(|(id, _)| *id).collect();
        let value = |reference: &Reference| match reference {
            Reference::User(at) => nth(&users, *at).map(|id| id.to_string()),
            Reference::Group(at) => nth(&groups, *at).map(|id| id.to_string()),
            Reference::Elsewhere(at) => self.user(*at).map(|(id, _)| id.to_string()),
            Reference::External(at) => Some(external_id(*at)),
        };
        references.iter().filter_map(value).map(|value| json!({"value": value})).collect()
    }

    pub(super) fn source(
        &self,
        access: &ScimAccess,
        name: usize,
        external: Option<usize>,
        members: Option<&Vec<Reference>>,
    ) -> Normalised {
        let mut body = json!({
            "schemas": [GROUP_URN],
            "displayName": GROUP_NAMES[name],
            "externalId": external.map(external_id),
        });
        if let Some(members) = members {
            body["members"] = self.members(access, members).into();
        }
        normalised(body, "Group", access)
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
