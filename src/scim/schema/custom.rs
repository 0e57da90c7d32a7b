//! The schemas and resource types of a directory's settings (RFC 7643 sections 3.3, 6 and 7).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Attribute, Catalogue, Extension, Kind, Mutability, ResourceDefinition, Returned, Schema, Uniqueness};
use crate::scim::dialect::LegacyUrn;

const MAX_SCHEMAS: usize = 50;
const MAX_RESOURCE_TYPES: usize = 20;
const MAX_ATTRIBUTES: usize = 200;
const MAX_NAME: usize = 64;
const MAX_URN: usize = 256;
const MAX_TEXT: usize = 2_000;
const MAX_CANONICAL_VALUES: usize = 200;

/// Endpoints that the protocol itself has.
const RESERVED_ENDPOINTS: [&str; 7] =
    ["/Users", "/Groups", "/Me", "/Bulk", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig"];

/// What a directory speaks beyond `User` and `Group`; checked by [`Catalogue::with_custom`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomSchemas {
    /// The schemas, written as `/Schemas` publishes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<Schema>,
    /// Further resource types, each with an endpoint of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_types: Vec<CustomResourceType>,
    /// Extensions of `User` and `Group`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<BuiltInExtension>,
}

/// A resource type of a directory's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomResourceType {
    /// The name, e.g. `Device`.
    pub name: String,
    /// The path below the base URL, e.g. `/Devices`.
    pub endpoint: String,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// The URN of its core schema, one of `schemas`.
    pub schema: String,
    /// Its extensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<CustomExtension>,
}

/// An extension of a [`CustomResourceType`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomExtension {
    /// The URN of the extension, one of `schemas`.
    pub schema: String,
    /// Whether each resource must have it.
    #[serde(default)]
    pub required: bool,
}

/// An extension of a built-in resource type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltInExtension {
    /// `User` or `Group`.
    pub resource_type: String,
    /// The URN of the extension, one of `schemas`.
    pub schema: String,
    /// Whether each resource must have it.
    #[serde(default)]
    pub required: bool,
}

impl CustomSchemas {
    /// Whether nothing is defined.
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty() && self.resource_types.is_empty() && self.extensions.is_empty()
    }
}

/// The catalogue with the custom definitions added, each checked.
pub(super) fn extend(mut catalogue: Catalogue, custom: &CustomSchemas) -> Result<Catalogue, String> {
    bounded("schemas", custom.schemas.len(), MAX_SCHEMAS)?;
    bounded("resource_types", custom.resource_types.len(), MAX_RESOURCE_TYPES)?;
    bounded("extensions", custom.extensions.len(), MAX_SCHEMAS)?;
    let built_in = catalogue.schemas.len();
    for (index, schema) in custom.schemas.iter().enumerate() {
        let place = format!("schemas[{index}]");
        check_schema(&place, schema)?;
        check_urn_is_free(&place, &schema.id, &catalogue.schemas)?;
        catalogue.schemas.push(Arc::new(schema.clone()));
    }
    let mut library = Library { schemas: catalogue.schemas[built_in..].to_vec(), used: Vec::new() };
    for (index, extension) in custom.extensions.iter().enumerate() {
        extend_built_in(&format!("extensions[{index}]"), extension, &mut catalogue.resources, &mut library)?;
    }
    for (index, kind) in custom.resource_types.iter().enumerate() {
        let definition = define(&format!("resource_types[{index}]"), kind, &catalogue.resources, &mut library)?;
        catalogue.resources.push(Arc::new(definition));
    }
    library.all_are_used()?;
    Ok(catalogue)
}

/// The custom schemas, and which of them a resource type uses.
struct Library {
    schemas: Vec<Arc<Schema>>,
    used: Vec<String>,
}

impl Library {
    /// The schema that `place` refers to.
    fn take(&mut self, place: &str, urn: &str) -> Result<Arc<Schema>, String> {
        let Some(schema) = self.schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn)) else {
            return Err(format!("{place}: {urn:?} is not the id of one of `schemas`; define it there, or correct it"));
        };
        self.used.push(schema.id.clone());
        Ok(Arc::clone(schema))
    }

    fn all_are_used(&self) -> Result<(), String> {
        match self.schemas.iter().position(|schema| !self.used.contains(&schema.id)) {
            None => Ok(()),
            Some(index) => Err(format!(
                "schemas[{index}]: no resource type uses it; name it in `extensions` or `resource_types`, or remove it"
            )),
        }
    }
}

/// Adds an extension to `User` or `Group`.
fn extend_built_in(
    place: &str,
    extension: &BuiltInExtension,
    resources: &mut [Arc<ResourceDefinition>],
    library: &mut Library,
) -> Result<(), String> {
    let Some(resource) = resources.iter_mut().find(|resource| resource.name == extension.resource_type) else {
        return Err(format!("{place}.resource_type: {:?} is neither User nor Group", extension.resource_type));
    };
    let schema = library.take(&format!("{place}.schema"), &extension.schema)?;
    add_extension(place, Arc::make_mut(resource), schema, extension.required)
}

fn add_extension(
    place: &str,
    resource: &mut ResourceDefinition,
    schema: Arc<Schema>,
    required: bool,
) -> Result<(), String> {
    if resource.schemas().any(|known| known.id == schema.id) {
        return Err(format!("{place}.schema: {} already has {:?}; list it once", resource.name, schema.id));
    }
    resource.extensions.push(Extension { schema, required });
    Ok(())
}

/// A resource type of its own.
fn define(
    place: &str,
    kind: &CustomResourceType,
    existing: &[Arc<ResourceDefinition>],
    library: &mut Library,
) -> Result<ResourceDefinition, String> {
    check_name(&format!("{place}.name"), &kind.name)?;
    bounded(&format!("{place}.description"), kind.description.len(), MAX_TEXT)?;
    check_endpoint(&format!("{place}.endpoint"), &kind.endpoint)?;
    if let Some(other) = existing.iter().find(|other| other.name.eq_ignore_ascii_case(&kind.name)) {
        return Err(format!("{place}.name: there already is a resource type {}", other.name));
    }
    if let Some(other) = existing.iter().find(|other| other.endpoint.eq_ignore_ascii_case(&kind.endpoint)) {
        return Err(format!("{place}.endpoint: {} is the endpoint of {}", other.endpoint, other.name));
    }
    if existing.iter().any(|other| other.core.id.eq_ignore_ascii_case(&kind.schema)) {
        return Err(format!("{place}.schema: {:?} is another resource type's; each needs its own", kind.schema));
    }
    let common = existing.first().map(|first| Arc::clone(&first.common)).unwrap_or_default();
    let core = library.take(&format!("{place}.schema"), &kind.schema)?;
    if let Some(attribute) = core.attributes.iter().find(|own| common.iter().any(|c| same(&c.name, &own.name))) {
        return Err(format!("{place}.schema: every resource has {:?} already; rename the attribute", attribute.name));
    }
    let mut definition = ResourceDefinition {
        name: kind.name.clone(),
        endpoint: kind.endpoint.clone(),
        description: kind.description.clone(),
        core,
        extensions: Vec::new(),
        common,
    };
    bounded(&format!("{place}.extensions"), kind.extensions.len(), MAX_SCHEMAS)?;
    for (index, extension) in kind.extensions.iter().enumerate() {
        let place = format!("{place}.extensions[{index}]");
        let schema = library.take(&format!("{place}.schema"), &extension.schema)?;
        add_extension(&place, &mut definition, schema, extension.required)?;
    }
    Ok(definition)
}

fn check_schema(place: &str, schema: &Schema) -> Result<(), String> {
    check_urn(&format!("{place}.id"), &schema.id)?;
    if schema.name.trim().is_empty() {
        return Err(format!("{place}.name: give the schema a name for people"));
    }
    bounded(&format!("{place}.name"), schema.name.len(), MAX_TEXT)?;
    bounded(&format!("{place}.description"), schema.description.len(), MAX_TEXT)?;
    if schema.attributes.is_empty() {
        return Err(format!("{place}.attributes: a schema needs at least one attribute"));
    }
    check_attributes(&format!("{place}.attributes"), &schema.attributes, None)
}

/// The attributes of a schema, or the sub-attributes of `parent`.
fn check_attributes(place: &str, attributes: &[Attribute], parent: Option<&Attribute>) -> Result<(), String> {
    bounded(place, attributes.len(), MAX_ATTRIBUTES)?;
    for (index, attribute) in attributes.iter().enumerate() {
        let place = format!("{place}[{index}]");
        // `$ref` is the one name outside the ABNF (RFC 7643 section 2.4), and only within a complex value.
        if parent.is_none() || attribute.name != "$ref" {
            check_name(&format!("{place}.name"), &attribute.name)?;
        }
        if attributes[..index].iter().any(|earlier| same(&earlier.name, &attribute.name)) {
            return Err(format!("{place}.name: {:?} is there twice; names compare without case", attribute.name));
        }
        if parent.is_none() && same(&attribute.name, "members") {
            return Err(format!("{place}.name: `members` is the Group's own; choose another name"));
        }
        bounded(&format!("{place}.description"), attribute.description.len(), MAX_TEXT)?;
        bounded(&format!("{place}.canonicalValues"), attribute.canonical_values.len(), MAX_CANONICAL_VALUES)?;
        check_shape(&place, attribute, parent.is_some())?;
        check_characteristics(&place, attribute)?;
        check_attributes(&format!("{place}.subAttributes"), &attribute.sub_attributes, Some(attribute))?;
    }
    Ok(())
}

fn check_shape(place: &str, attribute: &Attribute, within_complex: bool) -> Result<(), String> {
    match attribute.kind {
        Kind::Complex if within_complex => {
            Err(format!("{place}.type: a complex attribute cannot be part of another (RFC 7643 section 2.3.8)"))
        }
        Kind::Complex if attribute.sub_attributes.is_empty() => {
            Err(format!("{place}.subAttributes: a complex attribute needs at least one"))
        }
        kind if kind != Kind::Complex && !attribute.sub_attributes.is_empty() => {
            Err(format!("{place}.subAttributes: only a complex attribute has them; set \"type\": \"complex\""))
        }
        kind if kind != Kind::Reference && !attribute.reference_types.is_empty() => {
            Err(format!("{place}.referenceTypes: only a reference has them; set \"type\": \"reference\""))
        }
        kind if kind != Kind::String && !attribute.canonical_values.is_empty() => {
            Err(format!("{place}.canonicalValues: only a string has them"))
        }
        _ => Ok(()),
    }
}

fn check_characteristics(place: &str, attribute: &Attribute) -> Result<(), String> {
    let never = attribute.returned == Returned::Never;
    if attribute.mutability == Mutability::WriteOnly && !never {
        return Err(format!("{place}.returned: what is writeOnly is never returned; set \"returned\": \"never\""));
    }
    if attribute.required && never {
        return Err(format!(
            "{place}.required: values that are never returned are not stored, so none can be required"
        ));
    }
    if attribute.required && attribute.mutability == Mutability::ReadOnly {
        return Err(format!("{place}.required: no client can send what is readOnly, so it cannot be required"));
    }
    if attribute.uniqueness != Uniqueness::None && (never || attribute.kind == Kind::Complex) {
        return Err(format!("{place}.uniqueness: only a stored simple value can be unique; set \"none\""));
    }
    Ok(())
}

/// `ATTRNAME = ALPHA *(nameChar)` (RFC 7643 section 2.1).
fn check_name(place: &str, name: &str) -> Result<(), String> {
    let rest_fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() <= MAX_NAME && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(rest_fits) {
        return Ok(());
    }
    Err(format!(
        "{place}: {name:?} is not a name; begin with a letter and go on with letters, digits, `-` and `_`, \
         {MAX_NAME} at most"
    ))
}

/// `urn:<namespace>:<name>` (RFC 8141), in the characters that paths can carry.
fn check_urn(place: &str, urn: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:+".contains(c);
    let mut parts = urn.split(':');
    let begins = parts.next().is_some_and(|scheme| same(scheme, "urn"));
    let namespaced = parts.next().is_some_and(|space| (2..=32).contains(&space.len()));
    let rest: Vec<&str> = parts.collect();
    let named = !rest.is_empty() && rest.iter().all(|part| !part.is_empty());
    if begins && namespaced && named && urn.len() <= MAX_URN && urn.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "{place}: {urn:?} is not a schema URN; write one such as urn:example:params:scim:schemas:acme:2.0:User"
    ))
}

/// No clash with another schema, and no URN that reads as an attribute of another.
fn check_urn_is_free(place: &str, urn: &str, taken: &[Arc<Schema>]) -> Result<(), String> {
    if let Some(other) = taken.iter().find(|other| same(&other.id, urn)) {
        return Err(format!("{place}.id: there already is a schema {}", other.id));
    }
    let within = |long: &str, short: &str| {
        long.get(..short.len()).is_some_and(|head| same(head, short)) && long[short.len()..].starts_with(':')
    };
    if let Some(other) = taken.iter().find(|other| within(&other.id, urn) || within(urn, &other.id)) {
        let other = &other.id;
        return Err(format!(
            "{place}.id: {urn} and {other} read as each other's attributes; neither may begin the other"
        ));
    }
    let protocol = "urn:ietf:params:scim:api:";
    if urn.get(..protocol.len()).is_some_and(|head| same(head, protocol)) || LegacyUrn::split(urn).is_some() {
        return Err(format!("{place}.id: {urn} belongs to the protocol; choose a URN of your own"));
    }
    if same(urn, "urn:ietf:params:scim:schemas:core:2.0") || within(urn, "urn:ietf:params:scim:schemas:core:2.0") {
        return Err(format!("{place}.id: {urn} is reserved for core schemas; choose a URN of your own"));
    }
    Ok(())
}

fn check_endpoint(place: &str, endpoint: &str) -> Result<(), String> {
    let name = endpoint.strip_prefix('/').unwrap_or_default();
    if check_name(place, name).is_err() {
        return Err(format!("{place}: {endpoint:?} is not an endpoint; write one segment such as /Devices"));
    }
    match RESERVED_ENDPOINTS.iter().find(|reserved| same(reserved, endpoint)) {
        Some(reserved) => Err(format!("{place}: {reserved} is the protocol's own; choose another")),
        None => Ok(()),
    }
}

fn bounded(place: &str, length: usize, limit: usize) -> Result<(), String> {
    if length <= limit { Ok(()) } else { Err(format!("{place}: {length} is too long; at most {limit} are possible")) }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn built(settings: Value) -> Result<Arc<Catalogue>, String> {
        let custom: CustomSchemas = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Catalogue::with_custom(&custom)
    }

    /// Settings with one extension of the user, changed by `change`.
    fn changed(change: impl FnOnce(&mut Value)) -> Result<Arc<Catalogue>, String> {
        let mut settings = json!({
            "schemas": [
                {"id": "urn:example:acme:1.0:User", "name": "Acme", "attributes": [
                    {"name": "badge", "type": "string", "uniqueness": "server"},
                    {"name": "desk", "type": "complex", "subAttributes": [{"name": "floor", "type": "integer"}]},
                ]},
                {"id": "urn:example:acme:1.0:Device", "name": "Device", "attributes": [{"name": "serial"}]},
            ],
            "extensions": [{"resource_type": "User", "schema": "urn:example:acme:1.0:User"}],
            "resource_types": [
                {"name": "Device", "endpoint": "/Devices", "schema": "urn:example:acme:1.0:Device", "extensions": []},
            ],
        });
        change(&mut settings);
        built(settings)
    }

    #[test]
    fn custom_schemas_stand_beside_the_built_in_ones() {
        let catalogue = changed(|_| {}).expect("they are valid");
        assert_eq!(catalogue.schemas.len(), 5);
        let user = catalogue.resource("User").expect("it is built in");
        assert!(user.locate(Some("URN:example:acme:1.0:user"), "BADGE").is_some());
        assert!(catalogue.by_endpoint("/devices").is_some());
        assert_eq!(built(json!({})), Ok(Catalogue::built_in()));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 24] = [
            ("schemas[0].id", |s| s["schemas"][0]["id"] = json!("acme")),
            ("schemas[0].id", |s| s["schemas"][0]["id"] = json!("urn:example:a b")),
            ("schemas[0].id", |s| s["schemas"][0]["id"] = json!("URN:ietf:params:scim:schemas:core:2.0:USER")),
            ("schemas[0].id", |s| s["schemas"][0]["id"] = json!("urn:ietf:params:scim:api:messages:2.0:Mine")),
            ("schemas[0].id", |s| s["schemas"][0]["id"] = json!("urn:scim:schemas:core:1.0")),
            ("schemas[1].id", |s| s["schemas"][1]["id"] = json!("urn:example:acme:1.0:User:more")),
            ("schemas[0].name", |s| s["schemas"][0]["name"] = json!(" ")),
            ("schemas[0].attributes", |s| s["schemas"][0]["attributes"] = json!([])),
            ("attributes[0].name", |s| s["schemas"][0]["attributes"][0]["name"] = json!("1st")),
            ("attributes[0].name", |s| s["schemas"][0]["attributes"][0]["name"] = json!("$ref")),
            ("attributes[0].name", |s| s["schemas"][0]["attributes"][0]["name"] = json!("members")),
            ("attributes[1].name", |s| s["schemas"][0]["attributes"][1]["name"] = json!("BADGE")),
            ("subAttributes[0].type", |s| {
                s["schemas"][0]["attributes"][1]["subAttributes"][0]["type"] = json!("complex");
            }),
            ("attributes[1].subAttributes", |s| s["schemas"][0]["attributes"][1]["type"] = json!("string")),
            ("attributes[1].uniqueness", |s| s["schemas"][0]["attributes"][1]["uniqueness"] = json!("server")),
            ("attributes[0].returned", |s| s["schemas"][0]["attributes"][0]["mutability"] = json!("writeOnly")),
            ("unknown field", |s| s["schemas"][0]["attributes"][0]["colour"] = json!("red")),
            ("extensions[0].resource_type", |s| s["extensions"][0]["resource_type"] = json!("Device")),
            ("extensions[0].schema", |s| s["extensions"][0]["schema"] = json!("urn:example:other")),
            ("schemas[0]", |s| s["extensions"] = json!([])),
            ("resource_types[0].endpoint", |s| s["resource_types"][0]["endpoint"] = json!("/bulk")),
            ("resource_types[0].endpoint", |s| s["resource_types"][0]["endpoint"] = json!("/a/b")),
            ("resource_types[0].name", |s| s["resource_types"][0]["name"] = json!("user")),
            ("resource_types[0].schema", |s| s["schemas"][1]["attributes"][0]["name"] = json!("externalID")),
        ];
        for (place, change) in cases {
            let error = changed(change).expect_err(place);
            assert!(error.contains(place), "{error:?} should name {place}");
        }
    }
}
