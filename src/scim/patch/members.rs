//! What a PATCH does to the members of a group, as steps that need not know who the members are
//! (RFC 7644 section 3.5.2, RFC 7643 section 4.2).
//!
//! Nothing that is not understood ever empties a group: a `remove` whose value is no list of members is an
//! error, and so is a blank member. Only `remove` without a value, and `replace` by `[]`, take everybody out.

use serde_json::{Map, Value};

use super::{Operation, Verb, mutability};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::ResolvedFilter;
use crate::scim::path::AttributePath;
use crate::scim::resource::{Member, member, normalise_value, take_members};
use crate::scim::schema::Attribute;

/// The most members that one request may name.
pub const MAX_MEMBERS: usize = 100_000;

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberDelta {
    /// These are members, if they were not.
    Add(Vec<Member>),
    /// These, by the value they were added with, are no members.
    Remove(Vec<String>),
    /// Whoever matches is no member; for filters other than `value eq "…"`. Ask
    /// [`ResolvedFilter::matches_value`] of [`Member::to_value`].
    RemoveWhere(ResolvedFilter),
    /// These are the members, and nobody else.
    Replace(Vec<Member>),
    /// Nobody is a member.
    Clear,
}

/// The step that an operation on `members` is; `None` if it is none.
pub(super) fn delta(
    operation: &Operation,
    path: &AttributePath,
    attribute: &Attribute,
    tolerances: &mut Tolerances,
) -> Result<Option<MemberDelta>, ScimError> {
    let value = operation.value.as_ref();
    match (operation.verb, &path.filter, &path.sub) {
        (_, _, Some(_)) | (Verb::Add | Verb::Replace, Some(_), None) => {
            Err(mutability("a member does not change; remove it and add another"))
        }
        (Verb::Remove, Some(filter), None) => {
            if value.is_some_and(|value| !value.is_null()) {
                tolerances.note(Tolerance::RemoveValueIgnored);
            }
            Ok(Some(selected(filter)))
        }
        (Verb::Remove, None, None) => match value {
            None => Ok(Some(MemberDelta::Clear)),
            Some(value) => listed(value, tolerances),
        },
        (verb, None, None) => written(verb, operation, attribute, tolerances),
    }
}

/// `members[value eq "a"]`, and `or`s of such, by value; anything else as the filter it is.
fn selected(filter: &ResolvedFilter) -> MemberDelta {
    let by_value = |part: &ResolvedFilter| match part.text_equality() {
        Some((target, value)) if target.name == "value" => Some(value.to_owned()),
        _ => None,
    };
    match filter.disjuncts().iter().map(by_value).collect() {
        Some(values) => MemberDelta::Remove(values),
        None => MemberDelta::RemoveWhere(filter.clone()),
    }
}

/// `remove` with a value: the members that are listed there, and only they (Entra ID, JumpCloud).
fn listed(value: &Value, tolerances: &mut Tolerances) -> Result<Option<MemberDelta>, ScimError> {
    let listed = match value {
        Value::Array(listed) => listed.as_slice(),
        Value::Object(_) | Value::String(_) => std::slice::from_ref(value),
        _ => {
            let detail = "the value of a remove lists the members to take out, such as [{\"value\": \"<id>\"}]; \
                          leave value out to remove all";
            return Err(ScimError::invalid_value(detail));
        }
    };
    let values = listed.iter().map(|value| member(value, tolerances).map(|member| member.value));
    let values: Vec<String> = values.collect::<Result<_, _>>()?;
    tolerances.note(Tolerance::RemoveByValue);
    Ok((!values.is_empty()).then_some(MemberDelta::Remove(values)))
}

fn written(
    verb: Verb,
    operation: &Operation,
    attribute: &Attribute,
    tolerances: &mut Tolerances,
) -> Result<Option<MemberDelta>, ScimError> {
    let value = operation.value.clone().unwrap_or_default();
    if value.is_null() && operation.keyed {
        // As in PUT: among other attributes, null says nothing about members.
        return Ok(None);
    }
    if value.as_str().is_some_and(str::is_empty) {
        return Err(ScimError::invalid_value("a member is blank; send its id, or [] for no members"));
    }
    let sent = normalise_value(attribute, "members", value, tolerances)?;
    let mut holder: Map<String, Value> = sent.map(|sent| ("members".to_owned(), sent)).into_iter().collect();
    let members = take_members(&mut holder).unwrap_or_default();
    Ok(match (verb, members.is_empty()) {
        (Verb::Replace, true) => Some(MemberDelta::Clear),
        (Verb::Replace, false) => Some(MemberDelta::Replace(members)),
        (_, true) => None,
        (_, false) => Some(MemberDelta::Add(members)),
    })
}

/// Refuses a request that names more members than [`MAX_MEMBERS`].
pub(super) fn check_number(deltas: &[MemberDelta]) -> Result<(), ScimError> {
    let named: usize = deltas.iter().map(MemberDelta::named).sum();
    if named <= MAX_MEMBERS {
        return Ok(());
    }
    let detail = format!("{named} members are too many; name at most {MAX_MEMBERS} in one request");
    Err(ScimError { status: 413, scim_type: Some(ScimType::TooMany), detail })
}

impl MemberDelta {
    /// How many members it names.
    fn named(&self) -> usize {
        match self {
            MemberDelta::Add(members) | MemberDelta::Replace(members) => members.len(),
            MemberDelta::Remove(values) => values.len(),
            MemberDelta::RemoveWhere(_) | MemberDelta::Clear => 0,
        }
    }
}
