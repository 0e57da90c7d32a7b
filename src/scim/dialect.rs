//! The deviations from the RFCs that real clients send, each with a name.
//!
//! A tolerance that a request used is collected in a [`Tolerances`] and recorded with the request, so
//! that an admin sees which dialect a directory speaks. A tolerance never changes the meaning of a
//! conformant request.

use std::collections::BTreeSet;

use super::schema::{ENTERPRISE_URN, GROUP_URN, USER_URN};

/// A named deviation that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tolerance {
    /// `"op": "Replace"`: the operation's name in another case (Entra ID).
    OpCase,
    /// `"True"` or `"false"` where a boolean is due (Entra ID, OneLogin).
    BooleanString,
    /// A boolean compared with a string literal in a filter or path (Entra ID validator).
    BooleanFilterString,
    /// A key such as `name.givenName` or `urn:…:User:department` in a PATCH value (Entra ID).
    PathKey,
    /// `remove` of a multi-valued attribute with a `value` that lists what goes (Entra ID, JumpCloud).
    RemoveByValue,
    /// One value where an array is due (OneLogin).
    ScalarForArray,
    /// An array of one where a single value is due (Entra ID).
    ArrayForScalar,
    /// A bare string where a complex value is due, taken as its `value` (Entra ID's manager).
    StringForComplex,
    /// An empty string for "unassigned" (Okta, Entra ID).
    EmptyString,
    /// `id` within a PATCH value, equal to the target's (Okta, authentik).
    IdInPatch,
    /// `meta` within a PATCH value, ignored (clients that read, merge and send back).
    MetaInPatch,
    /// A complex attribute compared with a literal, taken as its `value` (Entra ID).
    ComplexComparison,
    /// `emails[type eq "work"].value eq "x"`: a sub-attribute behind a value filter (Entra ID, Rippling).
    ValuePathComparison,
    /// `replace` on a value path that matched nothing, created from one `type eq` (Entra ID).
    ReplaceCreates,
    /// A `value` on the removal of a single target, ignored (Entra ID).
    RemoveValueIgnored,
    /// A schema URN that nobody here knows and that holds no data (Entra ID groups).
    UnknownSchema,
    /// An URN from before the RFCs, or Entra's misspelling of the enterprise one (OneLogin, Entra ID).
    LegacyUrn,
    /// An attribute, sub-attribute or URN in another case than the schema's (Microsoft's samples).
    NameCase,
    /// An unquoted literal in a filter (Ping), accepted where the directory's settings allow it.
    UnquotedLiteral,
    /// An attribute that no schema has, ignored.
    UnknownAttribute,
    /// An extension's attribute named in a filter without the extension's URN (Entra ID's documentation).
    MissingUrn,
}

impl Tolerance {
    /// The name under which it is logged and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Tolerance::OpCase => "op_case",
            Tolerance::BooleanString => "boolean_string",
            Tolerance::BooleanFilterString => "boolean_filter_string",
            Tolerance::PathKey => "path_key",
            Tolerance::RemoveByValue => "remove_by_value",
            Tolerance::ScalarForArray => "scalar_for_array",
            Tolerance::ArrayForScalar => "array_for_scalar",
            Tolerance::StringForComplex => "string_for_complex",
            Tolerance::EmptyString => "empty_string",
            Tolerance::IdInPatch => "id_in_patch",
            Tolerance::MetaInPatch => "meta_in_patch",
            Tolerance::ComplexComparison => "complex_comparison",
            Tolerance::ValuePathComparison => "value_path_comparison",
            Tolerance::ReplaceCreates => "replace_creates",
            Tolerance::RemoveValueIgnored => "remove_value_ignored",
            Tolerance::UnknownSchema => "unknown_schema",
            Tolerance::LegacyUrn => "legacy_urn",
            Tolerance::NameCase => "name_case",
            Tolerance::UnquotedLiteral => "unquoted_literal",
            Tolerance::UnknownAttribute => "unknown_attribute",
            Tolerance::MissingUrn => "missing_urn",
        }
    }
}

/// What a tolerance accepts, in words for an admin, by its name; empty for a name of another version.
pub fn meaning(name: &str) -> &'static str {
    match name {
        "op_case" => "the name of an operation in another case, such as \"Replace\"",
        "boolean_string" => "true and false written as text",
        "boolean_filter_string" => "true and false compared as text in a filter",
        "path_key" => "a key that is a path, such as \"name.givenName\"",
        "remove_by_value" => "a removal that lists in its value what goes",
        "scalar_for_array" => "one value where a list is due",
        "array_for_scalar" => "a list where one value is due",
        "string_for_complex" => "a bare text where an object is due, taken as its value",
        "empty_string" => "an empty text for \"not set\"",
        "id_in_patch" => "the resource's own id within a change",
        "meta_in_patch" => "meta within a change, ignored",
        "complex_comparison" => "an object compared with a text in a filter",
        "value_path_comparison" => "a comparison behind a value filter, such as emails[type eq \"work\"].value eq …",
        "replace_creates" => "a replacement of a value that was not there, which made it",
        "remove_value_ignored" => "a value on the removal of one thing, ignored",
        "unknown_schema" => "a schema that nobody here knows and that holds no data",
        "legacy_urn" => "the name of a schema from before the standard, or misspelt",
        "name_case" => "the name of an attribute in another case",
        "unquoted_literal" => "a text in a filter without quotes",
        "unknown_attribute" => "an attribute that no schema has, ignored",
        "missing_urn" => "an attribute of an extension named without the extension",
        _ => "",
    }
}

/// The tolerances that one request used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tolerances(BTreeSet<Tolerance>);

impl Tolerances {
    /// Notes that `tolerance` was used.
    pub fn note(&mut self, tolerance: Tolerance) {
        self.0.insert(tolerance);
    }

    /// The tolerances used, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Tolerance> + '_ {
        self.0.iter().copied()
    }

    /// Whether the request was conformant throughout.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a directory's settings allow or demand beyond the defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Accept unquoted literals in filters (directory setting `lenient_filters`).
    pub lenient_filters: bool,
    /// Refuse attributes that no schema has (directory setting `unknown_attributes: "reject"`).
    pub reject_unknown_attributes: bool,
}

/// A schema URN from before the RFCs, or a documented misspelling of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyUrn {
    /// The core schema of whatever resource it is used with.
    Core,
    /// The core user schema.
    User,
    /// The core group schema.
    Group,
    /// The enterprise user extension.
    Enterprise,
}

/// Longer ones first, so that `…:2.0:User` is not read as `…:2.0` with an attribute called `User`.
const LEGACY_URNS: [(&str, LegacyUrn); 10] = [
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0User", LegacyUrn::Enterprise),
    ("urn:scim:schemas:extension:enterprise:2.0:User", LegacyUrn::Enterprise),
    ("urn:scim:schemas:extension:enterprise:1.0:User", LegacyUrn::Enterprise),
    ("urn:scim:schemas:extension:enterprise:2.0", LegacyUrn::Enterprise),
    ("urn:scim:schemas:extension:enterprise:1.0", LegacyUrn::Enterprise),
    ("urn:scim:schemas:core:2.0:Group", LegacyUrn::Group),
    ("urn:scim:schemas:core:2.0:User", LegacyUrn::User),
    ("urn:scim:schemas:core:1.0:User", LegacyUrn::User),
    ("urn:scim:schemas:core:2.0", LegacyUrn::Core),
    ("urn:scim:schemas:core:1.0", LegacyUrn::Core),
];

impl LegacyUrn {
    /// The legacy URN at the start of `name`, and what follows the colon (or full stop, as Microsoft's
    /// reference server has it) behind it.
    pub fn split(name: &str) -> Option<(LegacyUrn, &str)> {
        LEGACY_URNS.iter().find_map(|(urn, meaning)| {
            let head = name.get(..urn.len())?;
            if !head.eq_ignore_ascii_case(urn) {
                return None;
            }
            let rest = &name[urn.len()..];
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix([':', '.'])? };
            Some((*meaning, rest))
        })
    }

    /// Whether it stands for the schema `urn`.
    pub fn means(self, urn: &str) -> bool {
        match self {
            LegacyUrn::Core => urn == USER_URN || urn == GROUP_URN,
            LegacyUrn::User => urn == USER_URN,
            LegacyUrn::Group => urn == GROUP_URN,
            LegacyUrn::Enterprise => urn == ENTERPRISE_URN,
        }
    }
}
