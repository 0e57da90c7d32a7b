//! The SCIM 2.0 protocol, pure: RFC 7643 (schema), RFC 7644 (protocol) and RFC 9865 (cursor paging).
//!
//! What lives here: schemas, filters, paths, PATCH, projection, list responses, bulk, errors, and the
//! tolerances for what identity providers really send. What does not: HTTP, storage, tenants, time.
//! Everything is a function of its arguments, so that it can be fuzzed and property-tested alone.

pub mod bulk;
pub mod cursor;
pub mod dialect;
pub mod discovery;
pub mod error;
pub mod filter;
pub mod json;
pub mod list;
pub mod patch;
pub mod path;
pub mod projection;
pub mod redact;
pub mod resource;
pub mod schema;
pub mod sort;
pub mod text;
