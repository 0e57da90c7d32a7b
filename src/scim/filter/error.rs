//! What is wrong with a filter, and where (RFC 7644 section 3.12, `invalidFilter`).

use super::ast::Place;
use crate::scim::error::{ScimError, ScimType};

/// A filter that cannot be read, or cannot be asked of the resource type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter error at column {column}: {message}")]
pub struct FilterError {
    /// What was expected and what stood there instead.
    pub message: String,
    /// Characters from the start, counted from 1.
    pub column: usize,
    /// Bytes from the start.
    pub offset: usize,
}

impl FilterError {
    /// An error at a known place.
    pub(super) fn at(place: Place, message: impl Into<String>) -> Self {
        FilterError { message: message.into(), column: place.column, offset: place.offset }
    }

    /// The same, said of a PATCH path instead of a filter.
    pub(in crate::scim) fn into_path_error(self) -> ScimError {
        ScimError::bad(ScimType::InvalidPath, format!("path error at column {}: {}", self.column, self.message))
    }
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        ScimError::bad(ScimType::InvalidFilter, error.to_string())
    }
}
