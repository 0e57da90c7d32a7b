//! PATCH (RFC 7644 section 3.5.2): from a request's body to operations, and from those to the changed
//! document and to what happens to a group's members.
//!
//! [`parse`] needs only the resource type, [`apply()`] only the stored document: all that can be refused
//! without looking at the resource is refused before a transaction begins.

mod apply;
mod edit;
mod members;
mod parse;
mod unknown;
mod values;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use apply::apply;
pub use members::{MAX_MEMBERS, MemberDelta};
pub use parse::parse;

use super::error::{ScimError, ScimType};
use super::path::{AttributePath, UnknownPath};

/// The URN of a PATCH request.
pub const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The most operations in one request.
pub const MAX_OPERATIONS: usize = 1_000;

/// One change, as [`parse`] understood it.
///
/// An operation of a request without `path` is as many of these as its value has keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    verb: Verb,
    target: Target,
    /// What was sent as the value; `None` only with [`Verb::Remove`].
    value: Option<Value>,
    /// Which of the request's operations it comes from, for messages.
    position: usize,
    /// Whether the target was a key in a value, not a path.
    keyed: bool,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// What an operation is done to.
#[derive(Debug, Clone, PartialEq)]
enum Target {
    /// An attribute that a schema has, or a part of it.
    Attribute(AttributePath),
    /// An extension as a whole, which can only be removed: anything else is done to its attributes.
    Extension(String),
    /// What no schema has.
    Unknown(UnknownPath),
}

/// What a PATCH makes of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// The document after it, canonical, without a group's members.
    pub document: Map<String, Value>,
    /// Whether the document differs from the one before. A group's members are not looked at.
    pub changed: bool,
    /// What happens to a group's members, to be done in this order.
    pub members: Vec<MemberDelta>,
}

/// 400 `mutability`.
fn mutability(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::Mutability, detail)
}

/// 400 `noTarget`.
fn no_target(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::NoTarget, detail)
}

/// The error with the operation it is about, as an index into `Operations`.
fn in_operation(position: usize, mut error: ScimError) -> ScimError {
    error.detail.insert_str(0, &format!("Operations[{position}]: "));
    error
}
