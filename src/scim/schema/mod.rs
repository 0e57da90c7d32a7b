//! Attribute definitions with all their characteristics (RFC 7643 sections 2 and 7).
//!
//! The definitions that are published at `/Schemas` are the very ones that validate bodies, resolve
//! paths and type filters. What a *value* must look like is in `resource`; here are only definitions.

mod build;
mod catalogue;
mod common;
mod custom;
mod enterprise;
mod group;
mod user;

use serde::{Deserialize, Serialize};

pub use catalogue::{Catalogue, Extension, Located, Qualified, ResourceDefinition};
pub use custom::{BuiltInExtension, CustomExtension, CustomResourceType, CustomSchemas};

/// The URN of the core user schema.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of the core group schema.
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The URN of the enterprise user extension.
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The type of an attribute's values (RFC 7643 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Unicode text.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number without fraction or exponent, within 64 bits.
    Integer,
    /// An `xsd:dateTime`.
    DateTime,
    /// Base64.
    Binary,
    /// A URI, absolute or relative.
    Reference,
    /// An object with sub-attributes, none of which is complex.
    Complex,
}

/// When a value may be written (RFC 7643 section 7, `mutability`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the server writes it: ignored in POST and PUT, an error in PATCH.
    ReadOnly,
    /// The default.
    #[default]
    ReadWrite,
    /// Written once.
    Immutable,
    /// Never returned.
    WriteOnly,
}

/// When a value is in an answer (RFC 7643 section 7, `returned`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever the client asks for.
    Always,
    /// Never, even when asked for.
    Never,
    /// Unless excluded, or others are asked for.
    #[default]
    Default,
    /// Only when asked for.
    Request,
}

/// Within what a value must be unique (RFC 7643 section 7, `uniqueness`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Nothing.
    #[default]
    None,
    /// The directory.
    Server,
    /// Taken as `Server`: a directory knows no other.
    Global,
}

/// One attribute, as `/Schemas` publishes it (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// The name in the schema's own spelling; compared without case (section 2.1).
    pub name: String,
    /// The type of one value.
    #[serde(rename = "type", default)]
    pub kind: Kind,
    /// Whether the attribute holds an array of values.
    #[serde(default)]
    pub multi_valued: bool,
    /// What an admin should know of it.
    #[serde(default)]
    pub description: String,
    /// Whether POST and PUT must carry it.
    #[serde(default)]
    pub required: bool,
    /// Suggested values, such as `work` and `home`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether comparison heeds case.
    #[serde(default)]
    pub case_exact: bool,
    /// When it may be written.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it is returned.
    #[serde(default)]
    pub returned: Returned,
    /// Within what it is unique.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// For references: the resource types that may be referred to, or `external` or `uri`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// For complex attributes: the parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

/// A named set of attributes (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schema {
    /// The URN; compared without case.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// What it describes.
    #[serde(default)]
    pub description: String,
    /// The attributes, in the order they are published.
    pub attributes: Vec<Attribute>,
}
