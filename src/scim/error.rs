//! SCIM errors: RFC 7644 section 3.12 and RFC 9865 section 2.1.

use serde_json::{Value, json};

/// The URN of an error body.
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The `scimType` of an error (RFC 7644 table 9, RFC 9865 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// The filter does not parse, names an unknown attribute, or compares what cannot be compared.
    InvalidFilter,
    /// The request asks for more than the server is willing to do.
    TooMany,
    /// A value is taken that must be unique.
    Uniqueness,
    /// The attribute cannot be changed that way.
    Mutability,
    /// The body is not what the protocol prescribes.
    InvalidSyntax,
    /// The `path` of a PATCH operation is malformed or unknown.
    InvalidPath,
    /// The `path` of a PATCH operation selects nothing that could be operated on.
    NoTarget,
    /// A value has the wrong type or form, or a required one is missing.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request carries sensitive data in its URI.
    Sensitive,
    /// The cursor is not one that this server gave for this query.
    InvalidCursor,
    /// The cursor was valid once.
    ExpiredCursor,
    /// `count` is not usable with a cursor.
    InvalidCount,
}

impl ScimType {
    /// The spelling of the RFC.
    pub fn as_str(self) -> &'static str {
        match self {
            ScimType::InvalidFilter => "invalidFilter",
            ScimType::TooMany => "tooMany",
            ScimType::Uniqueness => "uniqueness",
            ScimType::Mutability => "mutability",
            ScimType::InvalidSyntax => "invalidSyntax",
            ScimType::InvalidPath => "invalidPath",
            ScimType::NoTarget => "noTarget",
            ScimType::InvalidValue => "invalidValue",
            ScimType::InvalidVers => "invalidVers",
            ScimType::Sensitive => "sensitive",
            ScimType::InvalidCursor => "invalidCursor",
            ScimType::ExpiredCursor => "expiredCursor",
            ScimType::InvalidCount => "invalidCount",
        }
    }
}

/// What a SCIM client is told when a request cannot be done.
///
/// `detail` is read by an identity provider's admin: it says what was wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// The detail keyword, where the RFC has one for the case.
    pub scim_type: Option<ScimType>,
    /// The sentence for the admin.
    pub detail: String,
}

impl ScimError {
    /// A 400 with the given `scimType`.
    pub fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        ScimError { status: 400, scim_type: Some(scim_type), detail: detail.into() }
    }

    /// An error of any status without `scimType`.
    pub fn status(status: u16, detail: impl Into<String>) -> Self {
        ScimError { status, scim_type: None, detail: detail.into() }
    }

    /// 400 `invalidValue`.
    pub fn invalid_value(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidValue, detail)
    }

    /// 400 `invalidSyntax`.
    pub fn invalid_syntax(detail: impl Into<String>) -> Self {
        Self::bad(ScimType::InvalidSyntax, detail)
    }

    /// The body of the answer. `status` is a string, as the RFC has it.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "schemas": [ERROR_URN],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = scim_type.as_str().into();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_a_string_and_scim_type_appears_only_where_there_is_one() {
        let error = ScimError::bad(ScimType::NoTarget, "nothing there");
        assert_eq!(
            error.body(),
            json!({"schemas": [ERROR_URN], "status": "400", "scimType": "noTarget", "detail": "nothing there"})
        );
        assert!(ScimError::status(404, "gone").body().get("scimType").is_none());
    }
}
