//! Filters: RFC 7644 section 3.4.2.2, the same for SCIM queries, PATCH paths and mapping rules.
//!
//! A filter goes through three forms. [`parse`] makes a [`Filter`] of the text: what was written, and
//! where. [`resolve`] looks its names up in a resource type and makes a [`ResolvedFilter`]: names in the
//! schema's spelling, literals of the attribute's type. [`ResolvedFilter::matches`] asks it of a resource;
//! [`ResolvedFilter::unmet`] tells why it does not match.

mod ast;
mod error;
mod evaluate;
mod explain;
mod literal;
mod logic;
mod parse;
mod print;
mod resolve;
mod resolved;
mod suggest;

pub use ast::{AttrPath, Filter, Literal, Op, Place, Tail, Test};
pub use error::FilterError;
pub use explain::{Seen, Unmet};
pub use logic::{contradiction, implies, pinned};
pub use parse::{MAX_CLAUSES, MAX_DEPTH, MAX_LITERAL, MAX_TEXT, parse};
pub use resolve::resolve;
pub use resolved::{Operand, ResolvedFilter, ResolvedTest, Target};

pub(super) use parse::{PathText, parse_path};
pub(super) use resolve::resolve_within;
pub(super) use suggest::closest_attribute;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
