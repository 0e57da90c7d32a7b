//! The catalogue of a directory: its schemas and resource types, and the look-up of attributes in them.

use std::sync::Arc;

use super::{Attribute, Schema};

/// A resource type with the schemas that its resources may use (RFC 7643 section 6).
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDefinition {
    /// The name, e.g. `User`; also its id at `/ResourceTypes`.
    pub name: String,
    /// The path below the base URL, e.g. `/Users`.
    pub endpoint: String,
    /// What it is, for people.
    pub description: String,
    /// The core schema, whose attributes stand at the top level.
    pub core: Arc<Schema>,
    /// The extensions, whose attributes stand under their URN.
    pub extensions: Vec<Extension>,
    /// `id`, `externalId`, `meta` and `schemas`, which every resource has (RFC 7643 section 3.1).
    pub common: Arc<Vec<Attribute>>,
}

/// An extension schema of a resource type.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The schema; its id is the container's key.
    pub schema: Arc<Schema>,
    /// Whether each resource must have it.
    pub required: bool,
}

/// An attribute that was found, and where its value stands in a resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Located<'a> {
    /// The URN of the extension that holds it; `None` at the top level.
    pub extension: Option<&'a str>,
    /// Its definition, with the schema's spelling of the name.
    pub attribute: &'a Attribute,
}

impl ResourceDefinition {
    /// The attribute called `name` (without case), in the schema `urn` if one is given, otherwise in
    /// the common and core attributes. `urn` may be the core schema's.
    pub fn locate(&self, urn: Option<&str>, name: &str) -> Option<Located<'_>> {
        let found = |list: &'_ [Attribute]| list.iter().position(|a| a.name.eq_ignore_ascii_case(name));
        match urn {
            Some(urn) if !urn.eq_ignore_ascii_case(&self.core.id) => {
                let schema = &self.extension(urn)?.schema;
                let at = found(&schema.attributes)?;
                Some(Located { extension: Some(&schema.id), attribute: &schema.attributes[at] })
            }
            _ => {
                let attribute = match found(&self.common) {
                    Some(at) => &self.common[at],
                    None => &self.core.attributes[found(&self.core.attributes)?],
                };
                Some(Located { extension: None, attribute })
            }
        }
    }

    /// The extension with this URN, compared without case.
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions.iter().find(|e| e.schema.id.eq_ignore_ascii_case(urn))
    }
}

impl Attribute {
    /// The sub-attribute called `name`, compared without case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Attribute> {
        self.sub_attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

/// All that one directory speaks: the built-in resource types and those of its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// Every schema, in the order they are published.
    pub schemas: Vec<Arc<Schema>>,
    /// Every resource type, in the order they are published.
    pub resources: Vec<Arc<ResourceDefinition>>,
}

impl Catalogue {
    /// The resource type called `name`, exactly.
    pub fn resource(&self, name: &str) -> Option<&Arc<ResourceDefinition>> {
        self.resources.iter().find(|r| r.name == name)
    }

    /// The resource type served at `endpoint` (with its slash), compared without case as clients vary.
    pub fn by_endpoint(&self, endpoint: &str) -> Option<&Arc<ResourceDefinition>> {
        self.resources.iter().find(|r| r.endpoint.eq_ignore_ascii_case(endpoint))
    }
}
