//! The name that an unknown one was probably meant to be.

use crate::scim::schema::{Attribute, Mutability, ResourceDefinition, Returned};
use crate::scim::text::distance;

/// Whether the attribute may be named in filters at all. What is never returned must not be found out
/// by asking for it either, so such an attribute does not exist here.
pub(super) fn is_readable(attribute: &Attribute) -> bool {
    attribute.returned != Returned::Never && attribute.mutability != Mutability::WriteOnly
}

/// "; did you mean …?" for the attribute closest to `name`, or nothing.
pub(in crate::scim) fn closest_attribute(definition: &ResourceDefinition, name: &str) -> String {
    let own = definition.common.iter().chain(&definition.core.attributes).filter(|a| is_readable(a));
    let mut candidates: Vec<(usize, String)> =
        own.map(|attribute| (distance(name, &attribute.name), attribute.name.clone())).collect();
    for extension in &definition.extensions {
        let attributes = extension.schema.attributes.iter().filter(|a| is_readable(a));
        candidates.extend(attributes.map(|a| (distance(name, &a.name), format!("{}:{}", extension.schema.id, a.name))));
    }
    let near = name.chars().count() / 3 + 1;
    match candidates.into_iter().min().filter(|(distance, _)| *distance <= near) {
        Some((_, candidate)) => format!("; did you mean {candidate}?"),
        None => String::new(),
    }
}

/// "; it has value, type, …" for the parts of an attribute.
pub(super) fn parts_of(attribute: &Attribute) -> String {
    let parts: Vec<&str> =
        attribute.sub_attributes.iter().filter(|a| is_readable(a)).map(|a| a.name.as_str()).collect();
    if parts.is_empty() { "; it has no sub-attributes".to_owned() } else { format!("; it has {}", parts.join(", ")) }
}
