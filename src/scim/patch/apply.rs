//! Operations on a document (RFC 7644 sections 3.5.2.1 to 3.5.2.3).

use serde_json::{Map, Value};

use super::edit::Edit;
use super::{MemberDelta, Operation, Patched, Target, Verb, in_operation, members, mutability, unknown};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::path::AttributePath;
use crate::scim::resource::{check_immutable, finish, members_attribute};
use crate::scim::schema::{Attribute, Mutability, ResourceDefinition, Returned};

/// Applies the operations in order, all of them or none.
///
/// - `document`: the stored document, canonical; of a group, without `members`.
/// - `id`: the resource's own id, which a value may repeat (Okta).
/// - `operations`: what [`parse`](super::parse()) made of the request for the same resource type.
pub fn apply(
    document: &Map<String, Value>,
    definition: &ResourceDefinition,
    id: &str,
    operations: &[Operation],
    tolerances: &mut Tolerances,
) -> Result<Patched, ScimError> {
    let mut work = Work { definition, id, document: document.clone(), members: Vec::new(), tolerances };
    for operation in operations {
        work.step(operation).map_err(|error| in_operation(operation.position, error))?;
    }
    members::check_number(&work.members)?;
    let Work { document: mut patched, members, .. } = work;
    finish(&mut patched, definition)?;
    check_immutable(document, &patched, definition)?;
    Ok(Patched { changed: patched != *document, document: patched, members })
}

struct Work<'a> {
    definition: &'a ResourceDefinition,
    id: &'a str,
    document: Map<String, Value>,
    members: Vec<MemberDelta>,
    tolerances: &'a mut Tolerances,
}

impl Work<'_> {
    fn step(&mut self, operation: &Operation) -> Result<(), ScimError> {
        match &operation.target {
            Target::Attribute(path) => self.attribute(operation, path),
            Target::Extension(urn) => {
                self.document.remove(urn);
                Ok(())
            }
            Target::Unknown(path) => unknown::apply(&mut self.document, self.definition, path, operation),
        }
    }

    fn attribute(&mut self, operation: &Operation, path: &AttributePath) -> Result<(), ScimError> {
        let located = self.definition.locate(path.extension.as_deref(), &path.name);
        let attribute = located.map(|located| located.attribute).ok_or_else(|| gone(path))?;
        let part = match &path.sub {
            Some(sub) => Some(attribute.sub_attribute(sub).ok_or_else(|| gone(path))?),
            None => None,
        };
        let at_top = path.extension.is_none();
        if at_top && path.name == "schemas" && operation.verb != Verb::Remove {
            // Recomputed from what the document holds, so that there is nothing to write.
            return Ok(());
        }
        if at_top && path.name == "id" && operation.keyed && operation.value.as_ref() == Some(&Value::from(self.id)) {
            self.tolerances.note(Tolerance::IdInPatch);
            return Ok(());
        }
        check_writable(attribute, part, path)?;
        if self.definition.is_group() && at_top && members_attribute(attribute) {
            self.members.extend(members::delta(operation, path, attribute, self.tolerances)?);
            return Ok(());
        }
        if is_discarded(attribute) || part.is_some_and(is_discarded) {
            return Ok(());
        }
        let edit = Edit { attribute, part, path, tolerances: self.tolerances };
        edit.apply(&mut self.document, operation)
    }
}

/// The error for operations that were parsed for another resource type.
fn gone(path: &AttributePath) -> ScimError {
    ScimError::bad(ScimType::InvalidPath, format!("there is no attribute {path}"))
}

fn check_writable(attribute: &Attribute, part: Option<&Attribute>, path: &AttributePath) -> Result<(), ScimError> {
    let read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
    if read_only(attribute) || part.is_some_and(read_only) {
        return Err(mutability(format!("{path} is readOnly; only the server writes it")));
    }
    Ok(())
}

/// What is never returned is never stored: passwords are accepted, and gone.
fn is_discarded(attribute: &Attribute) -> bool {
    attribute.returned == Returned::Never
}
