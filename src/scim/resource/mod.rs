//! From what a client sends to what is stored: the canonical document of a resource (RFC 7643
//! sections 2 and 3, RFC 7644 sections 3.3 and 3.5.1).
//!
//! A document has the schema's own spelling of every name, values of the right type, nothing that is
//! unassigned, nothing that only the server writes and nothing that is never returned.

mod check;
mod intake;
mod keys;
mod member;
mod scalar;
mod value;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub use check::{check_immutable, finish};
pub use intake::{is_urn, normalise};
pub use keys::unique_keys;
pub use member::{MAX_MEMBER_VALUE, Member, MemberKind, member, members_attribute, take_members};
pub use value::{MAX_VALUES, normalise_element, normalise_value};
pub(super) use {intake::check_unknown, value::comparable, value::identity};

use super::schema::ResourceDefinition;

/// The most characters of `userName` and `displayName`.
pub const MAX_NAME: usize = 512;
/// The most bytes, folded, of a text that resources are found by: `userName`, `displayName`, `externalId`,
/// an e-mail address, a member's reference, and whatever must be unique. PostgreSQL refuses index entries
/// of 2,704 bytes, which hold ids beside it.
pub const MAX_KEY: usize = 2_048;
/// The most bytes of any other string.
pub const MAX_STRING: usize = 64 * 1024;

/// How a client sent an attribute whose omission means "unchanged" (`active`, `members`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sent {
    /// Absent, or null.
    #[default]
    Omitted,
    /// An explicit `[]`.
    Empty,
    /// With a value, which is in the document.
    Given,
}

/// A body after [`normalise`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Normalised {
    /// The canonical document.
    pub document: Map<String, Value>,
    /// How `active` was sent.
    pub active: Sent,
    /// How `members` was sent.
    pub members: Sent,
    /// The URNs of the extensions that the body held, also without data: for a PUT that keeps the others.
    pub containers: BTreeSet<String>,
}

impl Normalised {
    /// What a PUT leaves as it is, taken over from the stored document: an omitted `active`, and with
    /// `keep_extensions` (directory setting `put_omitted_extension: "keep"`) each extension that the body
    /// does not hold. Members are not part of stored documents; see [`Normalised::members`] for them.
    pub fn keep_omitted(&mut self, stored: &Map<String, Value>, keep_extensions: bool, def: &ResourceDefinition) {
        if self.active == Sent::Omitted
            && let Some(active) = stored.get("active")
        {
            self.document.insert("active".to_owned(), active.clone());
        }
        if keep_extensions {
            for (urn, data) in stored.iter().filter(|(key, _)| is_urn(key) && !self.containers.contains(*key)) {
                self.document.insert(urn.clone(), data.clone());
            }
        }
        check::list_schemas(&mut self.document, def);
    }
}

#[cfg(test)]
mod tests;
