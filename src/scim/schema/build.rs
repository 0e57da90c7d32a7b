//! A compact notation for the built-in attribute definitions.
//!
//! Every attribute starts with the defaults of RFC 7643 section 2.2; the methods state what differs.

use super::{Attribute, Kind, Mutability, Returned, Uniqueness};

/// An attribute of a kind, with the defaults otherwise. References and binaries are case-exact by
/// nature (RFC 7643 sections 2.3.6 and 2.3.7).
fn attribute(kind: Kind, name: &str, description: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind,
        multi_valued: false,
        description: description.to_owned(),
        required: false,
        canonical_values: Vec::new(),
        case_exact: matches!(kind, Kind::Reference | Kind::Binary),
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        reference_types: Vec::new(),
        sub_attributes: Vec::new(),
    }
}

/// A string that compares without case.
pub(super) fn string(name: &str, description: &str) -> Attribute {
    attribute(Kind::String, name, description)
}

/// A boolean.
pub(super) fn boolean(name: &str, description: &str) -> Attribute {
    attribute(Kind::Boolean, name, description)
}

/// A date with time.
pub(super) fn date_time(name: &str, description: &str) -> Attribute {
    attribute(Kind::DateTime, name, description)
}

/// Base64 bytes.
pub(super) fn binary(name: &str, description: &str) -> Attribute {
    attribute(Kind::Binary, name, description)
}

/// A URI that refers to the given resource types, or to `external` or `uri`.
pub(super) fn reference(name: &str, types: &[&str], description: &str) -> Attribute {
    Attribute { reference_types: owned(types), ..attribute(Kind::Reference, name, description) }
}

/// An object with parts.
pub(super) fn complex(name: &str, description: &str, parts: Vec<Attribute>) -> Attribute {
    Attribute { sub_attributes: parts, ..attribute(Kind::Complex, name, description) }
}

/// An array of objects with parts.
pub(super) fn list(name: &str, description: &str, parts: Vec<Attribute>) -> Attribute {
    Attribute { multi_valued: true, ..complex(name, description, parts) }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

impl Attribute {
    pub(super) fn required(self) -> Self {
        Attribute { required: true, ..self }
    }

    pub(super) fn case_exact(self) -> Self {
        Attribute { case_exact: true, ..self }
    }

    pub(super) fn many(self) -> Self {
        Attribute { multi_valued: true, ..self }
    }

    /// Only the server writes it, nor any of its parts.
    pub(super) fn read_only(self) -> Self {
        self.mutable(Mutability::ReadOnly)
    }

    /// Written once, and each of its parts.
    pub(super) fn immutable(self) -> Self {
        self.mutable(Mutability::Immutable)
    }

    /// Write-only values are never returned (RFC 7643 section 7).
    pub(super) fn write_only(self) -> Self {
        Attribute { returned: Returned::Never, ..self.mutable(Mutability::WriteOnly) }
    }

    fn mutable(self, mutability: Mutability) -> Self {
        let sub_attributes = self.sub_attributes.into_iter().map(|part| part.mutable(mutability)).collect();
        Attribute { mutability, sub_attributes, ..self }
    }

    pub(super) fn always_returned(self) -> Self {
        Attribute { returned: Returned::Always, ..self }
    }

    pub(super) fn unique(self) -> Self {
        Attribute { uniqueness: Uniqueness::Server, ..self }
    }

    pub(super) fn suggesting(self, values: &[&str]) -> Self {
        Attribute { canonical_values: owned(values), ..self }
    }
}
