//! What a directory can do, as clients read it (RFC 7643 sections 5, 6 and 7, RFC 7644 section 4,
//! RFC 9865 section 4).
//!
//! `base` is the directory's base URL without a slash behind.

use serde_json::{Value, json};

use super::list::{ListResponse, Paging};
use super::schema::{Catalogue, ResourceDefinition, Schema};

const CONFIG_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// The limits that the service provider configuration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most operations in a bulk request.
    pub max_operations: usize,
    /// The most bytes of a bulk request.
    pub max_payload_size: usize,
    /// The most resources that a page has.
    pub paging: Paging,
    /// How long a cursor lasts, in seconds.
    pub cursor_timeout: u64,
}

/// The body of `/ServiceProviderConfig`.
pub fn service_provider_config(base: &str, limits: &Limits) -> Value {
    json!({
        "schemas": [CONFIG_URN],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": limits.max_operations,
            "maxPayloadSize": limits.max_payload_size,
        },
        "filter": {"supported": true, "maxResults": limits.paging.max_size},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.paging.default_size,
            "maxPageSize": limits.paging.max_size,
            "cursorTimeout": limits.cursor_timeout,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of this directory in the Authorization header, as RFC 6750 has it",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}

/// The body of `/ResourceTypes`.
pub fn resource_types(base: &str, catalogue: &Catalogue) -> ListResponse<Value> {
    whole(catalogue.resources.iter().map(|resource| resource_type_body(base, resource)).collect())
}

/// The body of `/ResourceTypes/{name}`; `None` if there is no such type.
pub fn resource_type(base: &str, catalogue: &Catalogue, name: &str) -> Option<Value> {
    catalogue.resource(name).map(|resource| resource_type_body(base, resource))
}

/// The body of `/Schemas`.
pub fn schemas(base: &str, catalogue: &Catalogue) -> ListResponse<Value> {
    whole(catalogue.schemas.iter().map(|schema| schema_body(base, schema)).collect())
}

/// The body of `/Schemas/{urn}`; `None` if there is no such schema. URNs compare without case.
pub fn schema(base: &str, catalogue: &Catalogue, urn: &str) -> Option<Value> {
    catalogue.schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn)).map(|schema| schema_body(base, schema))
}

/// Discovery lists have one page.
fn whole(bodies: Vec<Value>) -> ListResponse<Value> {
    ListResponse::by_index(bodies.len() as u64, 1, bodies)
}

fn resource_type_body(base: &str, resource: &ResourceDefinition) -> Value {
    let extension = |urn: &str, required: bool| json!({"schema": urn, "required": required});
    let mut body = json!({
        "schemas": [RESOURCE_TYPE_URN],
        "id": resource.name,
        "name": resource.name,
        "description": resource.description,
        "endpoint": resource.endpoint,
        "schema": resource.core.id,
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", resource.name)},
    });
    if !resource.extensions.is_empty() {
        body["schemaExtensions"] =
            resource.extensions.iter().map(|known| extension(&known.schema.id, known.required)).collect();
    }
    body
}

fn schema_body(base: &str, schema: &Schema) -> Value {
    json!({
        "schemas": [SCHEMA_URN],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes,
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id)},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{ENTERPRISE_URN, GROUP_URN, USER_URN};

    const BASE: &str = "https://muster.example/scim/v2/directory_1";

    #[test]
    fn the_configuration_tells_what_is_supported_and_how_much() {
        let limits = Limits {
            max_operations: 1_000,
            max_payload_size: 1_048_576,
            paging: Paging::default(),
            cursor_timeout: 3_600,
        };
        let config = service_provider_config(BASE, &limits);
        assert_eq!(config["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576}));
        assert_eq!(config["filter"]["maxResults"], 1000);
        assert_eq!(config["pagination"]["cursorTimeout"], 3600);
        assert_eq!(config["pagination"]["defaultPaginationMethod"], "index");
        assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
        assert_eq!(config["meta"]["location"], format!("{BASE}/ServiceProviderConfig"));
    }

    #[test]
    fn resource_types_point_to_their_schemas() {
        let catalogue = Catalogue::built_in();
        let list = serde_json::to_value(resource_types(BASE, &catalogue)).expect("it serialises");
        assert_eq!(list["totalResults"], 2);
        let user = resource_type(BASE, &catalogue, "User").expect("it is built in");
        assert_eq!(list["Resources"][0], user);
        assert_eq!((&user["schema"], &user["endpoint"]), (&json!(USER_URN), &json!("/Users")));
        assert_eq!(user["schemaExtensions"], json!([{"schema": ENTERPRISE_URN, "required": false}]));
        assert_eq!(user["meta"]["location"], format!("{BASE}/ResourceTypes/User"));
        assert!(resource_type(BASE, &catalogue, "Robot").is_none());
    }

    #[test]
    fn schemas_are_those_that_validate() {
        let catalogue = Catalogue::built_in();
        let list = serde_json::to_value(schemas(BASE, &catalogue)).expect("it serialises");
        assert_eq!(list["totalResults"], 3);
        let group = schema(BASE, &catalogue, &GROUP_URN.to_lowercase()).expect("it is built in");
        assert_eq!(group["id"], GROUP_URN);
        assert_eq!(group["attributes"][0]["name"], "displayName");
        assert_eq!(group["attributes"][0]["required"], true);
        assert_eq!(group["attributes"][1]["subAttributes"][1]["referenceTypes"], json!(["User", "Group"]));
        assert_eq!(group["meta"]["location"], format!("{BASE}/Schemas/{GROUP_URN}"));
        assert!(!list.to_string().contains("null"), "clients fail on null");
        assert!(schema(BASE, &catalogue, "urn:example:other").is_none());
    }
}
