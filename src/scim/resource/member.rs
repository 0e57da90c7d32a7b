//! The members of a group (RFC 7643 section 4.2).
//!
//! A member is a reference as the client wrote it; what it refers to is found out where it is stored.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::ScimError;
use crate::scim::schema::{Attribute, Kind, Mutability};

/// The most characters of a member's `value`.
pub const MAX_MEMBER_VALUE: usize = 1_024;

/// What a member is, where the client says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberKind {
    /// A user.
    User,
    /// A group, whose members then belong as well.
    Group,
}

impl MemberKind {
    /// The name of the resource type.
    pub fn as_str(self) -> &'static str {
        match self {
            MemberKind::User => "User",
            MemberKind::Group => "Group",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [MemberKind::User, MemberKind::Group].into_iter().find(|kind| text.eq_ignore_ascii_case(kind.as_str()))
    }
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The reference as it was sent: non-blank, without NUL, at most [`MAX_MEMBER_VALUE`] characters.
    pub value: String,
    /// Whether it is a user or a group, if that was said.
    pub kind: Option<MemberKind>,
}

impl Member {
    /// The member as it stands in a document: `value`, and `type` if known.
    pub fn to_value(&self) -> Value {
        let mut parts = Map::from_iter([("value".to_owned(), Value::String(self.value.clone()))]);
        if let Some(kind) = self.kind {
            parts.insert("type".to_owned(), kind.as_str().into());
        }
        Value::Object(parts)
    }
}

/// Whether this is the built-in `Group.members`: no other attribute may have the name, and only its
/// values are written once.
pub fn members_attribute(attribute: &Attribute) -> bool {
    attribute.name == "members"
        && attribute.kind == Kind::Complex
        && attribute.sub_attribute("value").is_some_and(|value| value.mutability == Mutability::Immutable)
}

/// One member as a client sends it: an object with a `value`, or (tolerated) the bare value.
///
/// `display` and `$ref` are the server's to tell and are ignored, as is a `type` that is neither `User`
/// nor `Group`.
pub fn member(value: &Value, tolerances: &mut Tolerances) -> Result<Member, ScimError> {
    let parts = match value {
        Value::String(text) => {
            tolerances.note(Tolerance::StringForComplex);
            return Ok(Member { value: reference(text)?, kind: None });
        }
        Value::Object(parts) => parts,
        _ => return Err(refused("each of them is an object such as {\"value\": \"<id>\"}")),
    };
    let text = match part(parts, "value", tolerances)? {
        Some(Value::String(text)) => reference(text)?,
        Some(Value::Null) | None => return Err(refused("one has no value; send the member's id there")),
        Some(_) => return Err(refused("the value of one is not a string; send the member's id as a string")),
    };
    let kind = part(parts, "type", tolerances)?.and_then(Value::as_str).and_then(MemberKind::parse);
    Ok(Member { value: text, kind })
}

/// The part called `name`, in whatever case, but only once.
fn part<'m>(
    parts: &'m Map<String, Value>,
    name: &str,
    tolerances: &mut Tolerances,
) -> Result<Option<&'m Value>, ScimError> {
    let mut found = parts.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let Some((key, value)) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(ScimError::invalid_syntax(format!("members.{name} is there twice, in different case")));
    }
    super::value::note_case(key, name, tolerances);
    Ok(Some(value))
}

fn reference(text: &str) -> Result<String, ScimError> {
    if text.trim().is_empty() {
        return Err(refused("the value of one is blank; send the member's id there"));
    }
    if text.contains('\0') {
        return Err(refused("the value of one contains the character U+0000; remove it"));
    }
    if text.chars().count() > MAX_MEMBER_VALUE {
        return Err(refused(&format!("the value of one is longer than {MAX_MEMBER_VALUE} characters")));
    }
    super::check::check_key("members: the value of one", text)?;
    Ok(text.to_owned())
}

fn refused(what: &str) -> ScimError {
    ScimError::invalid_value(format!("members: {what}"))
}

/// All members of a body, each once, as they stand in a document.
pub(super) fn members(items: &[Value], tolerances: &mut Tolerances) -> Result<Option<Value>, ScimError> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut kept: Vec<Member> = Vec::with_capacity(items.len());
    for item in items {
        let member = member(item, tolerances)?;
        if let Some(&place) = places.get(&member.value) {
            kept[place].kind = kept[place].kind.or(member.kind);
        } else {
            places.insert(member.value.clone(), kept.len());
            kept.push(member);
        }
    }
    let values: Vec<Value> = kept.iter().map(Member::to_value).collect();
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

/// Takes the members out of a canonical document; `None` if it has none.
pub fn take_members(document: &mut Map<String, Value>) -> Option<Vec<Member>> {
    let Value::Array(items) = document.remove("members")? else { return None };
    let member = |item: Value| {
        let Value::Object(mut parts) = item else { return None };
        let Some(Value::String(value)) = parts.remove("value") else { return None };
        Some(Member { value, kind: parts.get("type").and_then(Value::as_str).and_then(MemberKind::parse) })
    };
    Some(items.into_iter().filter_map(member).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
    fn read(value: Value) -> Result<Member, ScimError> {
        member(&value, &mut Tolerances::default())
    }

    #[test]
    fn a_member_is_its_value_and_perhaps_a_type() {
        let ada = Member { value: "ada".to_owned(), kind: None };
        for sent in [
            json!({"value": "ada"}),
            json!({"value": "ada", "display": null, "$ref": null}),
            json!({"Value": "ada", "display": "Ada Byron", "displayName": "Ada"}),
            json!({"value": "ada", "type": "direct"}),
            json!("ada"),
        ] {
            assert_eq!(read(sent.clone()), Ok(ada.clone()), "{sent}");
        }
        let group = read(json!({"value": "eng", "type": "group"})).expect("it is one");
        assert_eq!(group.to_value(), json!({"value": "eng", "type": "Group"}));
    }

    #[test]
    fn a_member_without_a_usable_value_is_refused() {
        for sent in [
            json!({}),
            json!({"value": null}),
            json!({"value": 7}),
            json!({"value": ""}),
            json!({"value": "  "}),
            json!({"value": "a\u{0}b"}),
            json!({"value": "x".repeat(MAX_MEMBER_VALUE + 1)}),
            json!({"display": "Ada"}),
            json!(null),
            json!(7),
            json!([]),
            json!(""),
        ] {
            let error = read(sent.clone()).expect_err(&sent.to_string());
            assert_eq!(error.scim_type, Some(crate::scim::error::ScimType::InvalidValue), "{sent}");
        }
    }

    #[test]
    fn a_member_sent_twice_is_one() {
        let sent = [json!({"value": "a"}), json!({"value": "b"}), json!({"value": "a", "type": "User"})];
        let kept = members(&sent, &mut Tolerances::default()).expect("all are members");
        assert_eq!(kept, Some(json!([{"value": "a", "type": "User"}, {"value": "b"}])));
    }
}
