//! The catalogue of a directory: its schemas and resource types, and the look-up of attributes in them.

use std::sync::{Arc, LazyLock};

use super::{Attribute, CustomSchemas, GROUP_URN, Schema, common, custom, enterprise, group, user};
use crate::scim::dialect::LegacyUrn;

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

    /// The core schema, then the extensions.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        std::iter::once(&self.core).chain(self.extensions.iter().map(|extension| &extension.schema))
    }

    /// Whether this is the built-in `Group`, whose `members` are edges and not part of its document.
    pub fn is_group(&self) -> bool {
        self.core.id == GROUP_URN
    }

    /// Splits a name that is qualified by the URN of one of this type's schemas, such as
    /// `urn:…:User:name.givenName` or the URN alone. `None` if no such URN stands in front.
    ///
    /// URNs from before the RFCs are understood as well; see [`Qualified::legacy`].
    pub fn qualified<'n>(&self, name: &'n str) -> Option<Qualified<'_, 'n>> {
        let known = self.schemas().filter_map(|schema| {
            let rest = after_urn(name, &schema.id)?;
            Some(Qualified { schema, extension: schema.id != self.core.id, rest, legacy: false })
        });
        // The longest URN wins, should one schema's be the beginning of another's.
        known.min_by_key(|found| found.rest.len()).or_else(|| self.qualified_by_legacy(name))
    }

    fn qualified_by_legacy<'n>(&self, name: &'n str) -> Option<Qualified<'_, 'n>> {
        let (legacy, rest) = LegacyUrn::split(name)?;
        let schema = self.schemas().find(|schema| legacy.means(&schema.id))?;
        Some(Qualified { schema, extension: schema.id != self.core.id, rest, legacy: true })
    }
}

/// What follows `urn` and a colon in `name`; empty if nothing does. Compared without case.
fn after_urn<'n>(name: &'n str, urn: &str) -> Option<&'n str> {
    let head = name.get(..urn.len())?;
    if !head.eq_ignore_ascii_case(urn) {
        return None;
    }
    let rest = &name[urn.len()..];
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') }
}

/// A name behind the URN of a schema; see [`ResourceDefinition::qualified`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Qualified<'d, 'n> {
    /// The schema whose URN stood in front.
    pub schema: &'d Arc<Schema>,
    /// Whether it is an extension, so that values stand under its URN.
    pub extension: bool,
    /// What stood behind the colon; empty if the URN stood alone.
    pub rest: &'n str,
    /// Whether the URN was one from before the RFCs (tolerance `legacy_urn`).
    pub legacy: bool,
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

static BUILT_IN: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::assemble()));

impl Catalogue {
    /// `User` with the enterprise extension, and `Group`.
    pub fn built_in() -> Arc<Catalogue> {
        Arc::clone(&BUILT_IN)
    }

    /// The built-in types with the schemas and resource types of a directory's settings.
    ///
    /// The error names the place in the settings and what to change there.
    pub fn with_custom(custom: &CustomSchemas) -> Result<Arc<Catalogue>, String> {
        if custom.is_empty() {
            return Ok(Self::built_in());
        }
        custom::extend(Self::assemble(), custom).map(Arc::new)
    }

    fn assemble() -> Catalogue {
        let common = Arc::new(common::attributes());
        let [user, enterprise, group] = [user::schema(), enterprise::schema(), group::schema()].map(Arc::new);
        let resource = |endpoint: &str, core: &Arc<Schema>, extensions| {
            Arc::new(ResourceDefinition {
                name: core.name.clone(),
                endpoint: endpoint.to_owned(),
                description: core.description.clone(),
                core: Arc::clone(core),
                extensions,
                common: Arc::clone(&common),
            })
        };
        let extension = Extension { schema: Arc::clone(&enterprise), required: false };
        let resources = vec![resource("/Users", &user, vec![extension]), resource("/Groups", &group, Vec::new())];
        Catalogue { schemas: vec![user, group, enterprise], resources }
    }

    /// The resource type called `name`, exactly.
    pub fn resource(&self, name: &str) -> Option<&Arc<ResourceDefinition>> {
        self.resources.iter().find(|r| r.name == name)
    }

    /// The resource type served at `endpoint` (with its slash), compared without case as clients vary.
    pub fn by_endpoint(&self, endpoint: &str) -> Option<&Arc<ResourceDefinition>> {
        self.resources.iter().find(|r| r.endpoint.eq_ignore_ascii_case(endpoint))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ENTERPRISE_URN, Kind, Mutability, Returned, USER_URN, Uniqueness};
    use super::*;

    fn user() -> Arc<ResourceDefinition> {
        Arc::clone(Catalogue::built_in().resource("User").expect("User is built in"))
    }

    #[test]
    fn characteristics_are_those_of_the_rfc() {
        let user = user();
        let find = |name| user.locate(None, name).expect(name).attribute;
        let user_name = find("USERNAME");
        assert_eq!((user_name.required, user_name.case_exact, user_name.uniqueness), (true, false, Uniqueness::Server));
        let id = find("id");
        assert_eq!((id.mutability, id.returned, id.case_exact), (Mutability::ReadOnly, Returned::Always, true));
        assert!(find("externalId").case_exact);
        assert_eq!(find("password").returned, Returned::Never);
        assert_eq!(find("groups").mutability, Mutability::ReadOnly);
        assert_eq!(find("meta").sub_attribute("lastmodified").expect("it is there").kind, Kind::DateTime);

        let catalogue = Catalogue::built_in();
        let group = catalogue.by_endpoint("/groups").expect("Group is built in");
        assert!(group.locate(None, "displayName").expect("it is there").attribute.required);
        let members = group.locate(None, "members").expect("it is there").attribute;
        assert_eq!(members.mutability, Mutability::ReadWrite);
        assert!(members.sub_attributes.iter().all(|part| part.mutability == Mutability::Immutable));
    }

    #[test]
    fn nothing_is_complex_within_complex_and_everything_is_described() {
        let catalogue = Catalogue::built_in();
        for attribute in catalogue.schemas.iter().flat_map(|schema| &schema.attributes) {
            assert!(!attribute.description.is_empty(), "{}", attribute.name);
            assert_eq!(attribute.kind == Kind::Complex, !attribute.sub_attributes.is_empty(), "{}", attribute.name);
            for part in &attribute.sub_attributes {
                assert!(part.kind != Kind::Complex && !part.description.is_empty(), "{}.{}", attribute.name, part.name);
            }
        }
    }

    #[test]
    fn a_urn_in_front_of_a_name_is_understood_in_any_case_and_from_any_time() {
        let user = user();
        for (name, urn, rest, legacy) in [
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", USER_URN, "userName", false),
            ("URN:ietf:params:scim:schemas:core:2.0:USER", USER_URN, "", false),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
                ENTERPRISE_URN,
                "manager.value",
                false,
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department",
                ENTERPRISE_URN,
                "department",
                true,
            ),
            ("urn:scim:schemas:extension:enterprise:1.0:department", ENTERPRISE_URN, "department", true),
            ("urn:scim:schemas:extension:enterprise:2.0:User", ENTERPRISE_URN, "", true),
            ("urn:scim:schemas:core:1.0", USER_URN, "", true),
            ("urn:scim:schemas:core:2.0:User:title", USER_URN, "title", true),
        ] {
            let found = user.qualified(name).expect(name);
            assert_eq!((found.schema.id.as_str(), found.rest, found.legacy), (urn, rest, legacy), "{name}");
        }
        for name in ["userName", "urn:ietf:params:scim:schemas:core:2.0:Users", "urn:example:other:1.0:x", ""] {
            assert!(user.qualified(name).is_none(), "{name}");
        }
    }
}
