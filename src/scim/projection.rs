//! Which attributes an answer holds (RFC 7644 sections 3.4.2.5 and 3.9, RFC 7643 section 7 `returned`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::ScimError;
use super::resource::is_urn;
use super::schema::{Attribute, ResourceDefinition, Returned};

/// The most names in `attributes` or `excludedAttributes`.
pub const MAX_NAMES: usize = 1_000;

/// What of a resource is returned.
#[derive(Debug, Clone)]
pub struct Projection {
    def: Arc<ResourceDefinition>,
    mode: Mode,
}

#[derive(Debug, Clone, PartialEq)]
enum Mode {
    /// What `returned` says.
    Default,
    /// `attributes`.
    Only(Names),
    /// `excludedAttributes`.
    Except(Names),
}

/// Names by container (the empty one for the top level, otherwise a URN in lower case), then by
/// attribute in lower case.
type Names = BTreeMap<String, Container>;

#[derive(Debug, Clone, Default, PartialEq)]
struct Container {
    /// The URN was named without an attribute.
    whole: bool,
    attributes: BTreeMap<String, Parts>,
}

/// What was named of an attribute.
#[derive(Debug, Clone, Default, PartialEq)]
struct Parts {
    whole: bool,
    named: BTreeSet<String>,
}

impl Projection {
    /// The projection that the two parameters ask for. Names that no schema has are ignored.
    ///
    /// - `attributes`, `excluded`: comma-separated names, each perhaps with a URN in front or a
    ///   sub-attribute behind. An empty parameter counts as absent; both are an error.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        def: &Arc<ResourceDefinition>,
    ) -> Result<Self, ScimError> {
        let given = |names: Option<&'_ str>| names.is_some_and(|names| !names.trim().is_empty());
        let mode = match (given(attributes), given(excluded)) {
            (true, true) => {
                return Err(ScimError::invalid_syntax(
                    "attributes and excludedAttributes exclude each other; send only one of them",
                ));
            }
            (true, false) => Mode::Only(names("attributes", attributes.unwrap_or_default(), def)?),
            (false, true) => Mode::Except(names("excludedAttributes", excluded.unwrap_or_default(), def)?),
            (false, false) => Mode::Default,
        };
        Ok(Projection { def: Arc::clone(def), mode })
    }

    /// What is returned when nothing is asked for.
    pub fn default_for(def: &Arc<ResourceDefinition>) -> Self {
        Projection { def: Arc::clone(def), mode: Mode::Default }
    }

    /// Whether neither parameter was given.
    pub fn is_default(&self) -> bool {
        self.mode == Mode::Default
    }

    /// Whether the top-level attribute `name`, such as `members` or `groups`, would be returned: if not,
    /// it need not be read.
    pub fn wants(&self, name: &str) -> bool {
        match self.def.locate(None, name) {
            Some(found) => self.keeps(found.attribute.returned, self.parts("", name), self.whole("")),
            None => false,
        }
    }

    /// Takes out what is not to be returned. `schemas` and `id` always stay.
    pub fn apply(&self, document: &mut Map<String, Value>) {
        document.retain(|key, value| {
            if key == "schemas" || key == "id" {
                true
            } else if let Some(found) = self.def.locate(None, key) {
                self.attribute("", found.attribute, value)
            } else if is_urn(key) {
                self.container(key, value)
            } else {
                self.keeps(Returned::Default, self.parts("", key), self.whole(""))
            }
        });
    }

    /// Prunes an extension; false if nothing of it stays.
    fn container(&self, urn: &str, value: &mut Value) -> bool {
        let Value::Object(data) = value else { return false };
        data.retain(|name, value| match self.def.locate(Some(urn), name) {
            Some(found) => self.attribute(urn, found.attribute, value),
            None => self.keeps(Returned::Default, self.parts(urn, name), self.whole(urn)),
        });
        !data.is_empty()
    }

    /// Prunes an attribute's value; false if nothing of it stays.
    fn attribute(&self, container: &str, attribute: &Attribute, value: &mut Value) -> bool {
        let parts = self.parts(container, &attribute.name);
        self.keeps(attribute.returned, parts, self.whole(container))
            && match value {
                Value::Object(object) => self.sub_attributes(attribute, parts, object),
                Value::Array(items) if !attribute.sub_attributes.is_empty() => {
                    items.retain_mut(|item| match item {
                        Value::Object(object) => self.sub_attributes(attribute, parts, object),
                        _ => true,
                    });
                    !items.is_empty()
                }
                _ => true,
            }
    }

    /// Prunes a complex value; false if nothing of it stays.
    fn sub_attributes(&self, attribute: &Attribute, parts: Option<&Parts>, value: &mut Map<String, Value>) -> bool {
        // Named as a whole, by its container or because it is always returned: each part by its own rule.
        let whole = parts.is_none_or(|parts| parts.whole);
        value.retain(|name, _| {
            let named = parts.is_some_and(|parts| parts.named.contains(&name.to_ascii_lowercase()));
            match (attribute.sub_attribute(name).map_or(Returned::Default, |part| part.returned), &self.mode) {
                (Returned::Always, _) => true,
                (Returned::Default, Mode::Only(_)) => whole || named,
                (Returned::Request, Mode::Only(_)) => named,
                (Returned::Default, _) => !named,
                (Returned::Never | Returned::Request, _) => false,
            }
        });
        !value.is_empty()
    }

    /// Whether an attribute stays, given what was named of it and whether its container was named.
    fn keeps(&self, returned: Returned, parts: Option<&Parts>, container: bool) -> bool {
        match (returned, &self.mode) {
            (Returned::Always, _) | (Returned::Default, Mode::Default) => true,
            (Returned::Default, Mode::Only(_)) => container || parts.is_some(),
            (Returned::Request, Mode::Only(_)) => parts.is_some(),
            (Returned::Default, Mode::Except(_)) => !container && !parts.is_some_and(|parts| parts.whole),
            (Returned::Never | Returned::Request, _) => false,
        }
    }

    fn named(&self, container: &str) -> Option<&Container> {
        match &self.mode {
            Mode::Default => None,
            Mode::Only(names) | Mode::Except(names) => names.get(&container.to_ascii_lowercase()),
        }
    }

    fn parts(&self, container: &str, name: &str) -> Option<&Parts> {
        self.named(container)?.attributes.get(&name.to_ascii_lowercase())
    }

    fn whole(&self, container: &str) -> bool {
        self.named(container).is_some_and(|container| container.whole)
    }
}

/// The names of one parameter.
fn names(parameter: &str, list: &str, def: &ResourceDefinition) -> Result<Names, ScimError> {
    let mut names = Names::new();
    for (index, name) in list.split(',').map(str::trim).filter(|name| !name.is_empty()).enumerate() {
        if index == MAX_NAMES {
            return Err(ScimError::invalid_value(format!("{parameter} has more than {MAX_NAMES} names")));
        }
        let (container, rest) = match def.qualified(name) {
            Some(found) if found.extension => (found.schema.id.as_str(), found.rest),
            Some(found) => ("", found.rest),
            None if is_urn(name) => (name, ""),
            None => ("", name),
        };
        let container = names.entry(container.to_ascii_lowercase()).or_default();
        if rest.is_empty() {
            container.whole = true;
            continue;
        }
        let (attribute, part) = rest.split_once('.').map_or((rest, None), |(attribute, part)| (attribute, Some(part)));
        let parts = container.attributes.entry(attribute.to_ascii_lowercase()).or_default();
        match part {
            Some(part) => {
                parts.named.insert(part.to_ascii_lowercase());
            }
            None => parts.whole = true,
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::schema::{Catalogue, CustomSchemas, ENTERPRISE_URN, USER_URN};

    fn user() -> Arc<ResourceDefinition> {
        Arc::clone(Catalogue::built_in().resource("User").expect("it is built in"))
    }

    fn ada() -> Value {
        json!({
            "schemas": [USER_URN, ENTERPRISE_URN, "urn:example:other"],
            "id": "u1", "userName": "ada", "title": "Countess", "meta": {"version": "W/\"1\"", "resourceType": "User"},
            "name": {"givenName": "Ada", "familyName": "Byron"},
            "emails": [{"value": "a@x.example", "type": "work"}, {"value": "b@x.example"}],
            ENTERPRISE_URN: {"department": "Ops", "manager": {"value": "boss"}, "building": "7"},
            "urn:example:other": {"badge": 7},
        })
    }

    /// What stays of Ada beside `schemas` and `id`.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
    fn stays(attributes: Option<&str>, excluded: Option<&str>, rest: Value) {
        let projection = Projection::parse(attributes, excluded, &user()).expect("it is well-formed");
        let Value::Object(mut document) = ada() else { unreachable!() };
        projection.apply(&mut document);
        assert!(document.remove("schemas").is_some() && document.remove("id").is_some());
        assert_eq!(Value::Object(document), rest, "{attributes:?} {excluded:?}");
    }

    #[test]
    fn attributes_returns_only_what_is_named() {
        stays(Some("userName"), None, json!({"userName": "ada"}));
        stays(Some(" USERNAME , nothing,password"), None, json!({"userName": "ada"}));
        stays(Some("name.givenName"), None, json!({"name": {"givenName": "Ada"}}));
        stays(Some("name.givenName,name"), None, json!({"name": {"givenName": "Ada", "familyName": "Byron"}}));
        stays(Some("emails.type"), None, json!({"emails": [{"type": "work"}]}));
        stays(Some("meta.version"), None, json!({"meta": {"version": "W/\"1\""}}));
        stays(Some("nothing"), None, json!({}));
        stays(Some(&format!("{USER_URN}:title")), None, json!({"title": "Countess"}));
        stays(
            Some(&format!("{ENTERPRISE_URN}:manager.value")),
            None,
            json!({ENTERPRISE_URN: {"manager": {"value": "boss"}}}),
        );
        stays(Some(ENTERPRISE_URN), None, json!({ENTERPRISE_URN: ada()[ENTERPRISE_URN]}));
        stays(Some("urn:example:other"), None, json!({"urn:example:other": {"badge": 7}}));
    }

    #[test]
    fn excluded_attributes_returns_all_but_what_is_named() {
        let mut rest = ada();
        for gone in ["schemas", "id", "emails", "title", "urn:example:other"] {
            rest.as_object_mut().expect("it is an object").remove(gone);
        }
        rest["name"] = json!({"familyName": "Byron"});
        rest[ENTERPRISE_URN] = json!({"manager": {"value": "boss"}, "building": "7"});
        let excluded =
            format!("id,schemas,emails,Title,urn:example:other,name.givenName,{ENTERPRISE_URN}:department,nothing");
        stays(None, Some(&excluded), rest);
    }

    #[test]
    fn the_two_parameters_exclude_each_other_and_empty_ones_are_absent() {
        let error = Projection::parse(Some("a"), Some("b"), &user()).expect_err("both are given");
        assert_eq!(error.status, 400);
        let projection = Projection::parse(Some(""), Some(" "), &user()).expect("neither is given");
        assert!(projection.is_default());
        assert!(Projection::parse(Some(&"a,".repeat(MAX_NAMES + 1)), None, &user()).is_err());
    }

    #[test]
    fn wants_tells_what_need_not_be_read() {
        let wants = |attributes, excluded, name| {
            Projection::parse(attributes, excluded, &user()).expect("it is well-formed").wants(name)
        };
        assert!(wants(None, None, "groups"));
        assert!(!wants(Some("userName"), None, "groups"));
        assert!(wants(Some("groups.value"), None, "Groups"));
        assert!(!wants(None, Some("GROUPS"), "groups"));
        assert!(wants(None, Some("groups.display"), "groups"));
        assert!(!wants(Some("password"), None, "password"));
        assert!(wants(Some("userName"), None, "id"));
    }

    #[test]
    fn each_characteristic_of_returned_is_honoured() {
        let custom: CustomSchemas = serde_json::from_value(json!({
            "schemas": [{"id": "urn:example:device", "name": "Device", "attributes": [
                {"name": "always", "returned": "always"},
                {"name": "never", "returned": "never"},
                {"name": "request", "returned": "request"},
                {"name": "box", "type": "complex", "subAttributes": [
                    {"name": "always", "returned": "always"}, {"name": "never", "returned": "never"},
                    {"name": "request", "returned": "request"}, {"name": "usual"}]},
            ]}],
            "resource_types": [{"name": "Device", "endpoint": "/Devices", "schema": "urn:example:device"}],
        }))
        .expect("it is well-formed");
        let catalogue = Catalogue::with_custom(&custom).expect("it is valid");
        let def = catalogue.resource("Device").expect("it is defined");
        let each = json!({"always": 1, "never": 2, "request": 3, "usual": 4});
        let shown = |attributes, excluded| {
            let document = json!({"id": "d", "always": 1, "never": 2, "request": 3, "box": each.clone()});
            let Value::Object(mut document) = document else { unreachable!() };
            Projection::parse(attributes, excluded, def).expect("it is well-formed").apply(&mut document);
            document.remove("id");
            Value::Object(document)
        };
        assert_eq!(shown(None, None), json!({"always": 1, "box": {"always": 1, "usual": 4}}));
        assert_eq!(
            shown(Some("request,never,box.request,box.never"), None),
            json!({"always": 1, "request": 3, "box": {"always": 1, "request": 3}})
        );
        assert_eq!(shown(None, Some("always,box.always,box.usual")), json!({"always": 1, "box": {"always": 1}}));
        assert_eq!(shown(Some("id"), None), json!({"always": 1}));
    }
}
