//! One error for the whole program, its variants named for what they mean to the caller.
//!
//! Each surface (SCIM, WorkOS-shaped, OpenAI-shaped) has its own table from these to statuses and bodies.

use std::error::Error as StdError;

use serde_json::{Map, Value};

use crate::scim::error::ScimError;

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, named for what it means to the caller and not for where it arose.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such resource, or not one that this caller may see.
    #[error("{kind} '{id}' does not exist")]
    NotFound {
        /// What was looked for, e.g. `User` or `group`.
        kind: &'static str,
        /// The id as the caller wrote it.
        id: String,
    },

    /// No usable credential. The sentence says which part of the credential is at fault, never more.
    #[error("{0}")]
    Unauthorized(&'static str),

    /// The credential is good, but not for this.
    #[error("{0}")]
    Forbidden(String),

    /// A value that the caller sent is not acceptable.
    #[error("{message}")]
    Invalid {
        /// The field, as the caller wrote it; empty for the body as a whole.
        field: String,
        /// A stable word for programs.
        code: &'static str,
        /// A sentence for people.
        message: String,
    },

    /// The request contradicts what is stored.
    #[error("{message}")]
    Conflict {
        /// A stable word for programs.
        code: &'static str,
        /// A sentence for people.
        message: String,
    },

    /// The request contradicts what is stored, and there is more to say about it than a sentence.
    #[error("{message}")]
    Refused {
        /// A stable word for programs.
        code: &'static str,
        /// A sentence for people.
        message: String,
        /// Further fields of the answer.
        details: Map<String, Value>,
    },

    /// An `If-Match` that no longer matches.
    #[error("the resource has changed since; its version is now {current}")]
    Stale {
        /// The version that it has.
        current: String,
    },

    /// A failure that SCIM has its own words for.
    #[error(transparent)]
    Scim(#[from] ScimError),

    /// The caller sends more than its share.
    #[error("too many requests; wait {retry_after} s before the next")]
    TooManyRequests {
        /// Whole seconds to wait.
        retry_after: u32,
    },

    /// The server cannot take the request now, but may later.
    #[error("{message}")]
    Busy {
        /// A sentence for people.
        message: String,
        /// Whole seconds to wait.
        retry_after: u32,
    },

    /// The caller can do nothing about it: logged in full, answered without detail.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// [`Error::NotFound`] for anything with a printable id.
    pub fn not_found(kind: &'static str, id: impl std::fmt::Display) -> Self {
        Error::NotFound { kind, id: id.to_string() }
    }

    /// [`Error::Invalid`] for one field.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Error::Invalid { field: field.into(), code, message: message.into() }
    }

    /// [`Error::Conflict`].
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Error::Conflict { code, message: message.into() }
    }

    /// [`Error::Refused`].
    pub fn refused(code: &'static str, message: impl Into<String>, details: Map<String, Value>) -> Self {
        Error::Refused { code, message: message.into(), details }
    }

    /// [`Error::Internal`] for a broken promise of our own, e.g. a row that does not decode.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::Internal(message.into().into())
    }
}
