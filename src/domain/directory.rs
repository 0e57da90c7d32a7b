//! The directory side: what identity providers sent, and the settings under which they may send it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::clock::timestamp;
use super::guard::Guard;
use super::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, OrganizationId};
use super::origin::Ending;
use super::policy::DirectoryPolicy;
use super::{Error, Result};
use crate::scim::dialect::Strictness;
use crate::scim::schema::{Catalogue, CustomSchemas, ENTERPRISE_URN};

/// One SCIM connection of an organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    /// Its id.
    pub id: DirectoryId,
    /// The organization.
    pub organization: OrganizationId,
    /// The name for people.
    pub name: String,
    /// The vendor's word for the kind, e.g. `okta scim v2.0`.
    pub kind: String,
    /// `validating` until the first request, then `linked`; `deleting` while it is being removed.
    pub state: String,
    /// Since when the native side waits, if it does.
    pub paused_at: Option<DateTime<Utc>>,
    /// How many writes came since then.
    pub backlog: i64,
    /// What becomes of what it gave, while it is being removed.
    pub leaving: Option<Ending>,
    /// What it allows and demands beyond the defaults.
    pub settings: DirectorySettings,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Directory {
    /// What the directory speaks: the built-in schemas and those of its settings.
    pub fn catalogue(&self) -> Result<Arc<Catalogue>> {
        match &self.settings.custom {
            None => Ok(Catalogue::built_in()),
            Some(custom) => Catalogue::with_custom(custom)
                .map_err(|message| Error::invalid("settings.custom", "invalid_schema", message)),
        }
    }

    /// What it may do to the native side.
    pub fn policy(&self) -> DirectoryPolicy {
        DirectoryPolicy { paused: self.paused_at.is_some(), leaving: self.leaving, guard: self.settings.guard }
    }

    /// The `directory` object, without the fields that are Muster's own.
    pub fn json(&self) -> Value {
        json!({
            "object": "directory",
            "id": self.id,
            "organization_id": self.organization,
            "external_key": self.id,
            "type": self.kind,
            "state": self.state,
            "name": self.name,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// What to do with an extension that a PUT omits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmittedExtension {
    /// Clear it, as RFC 7644 section 3.5.1 has it.
    #[default]
    Clear,
    /// Leave it as it is.
    Keep,
}

/// What to do with a member that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingMembers {
    /// Store it as pending, and resolve it when it arrives.
    #[default]
    Keep,
    /// Leave it out, silently for the client.
    Drop,
    /// Refuse the request with 400 `invalidValue`.
    Reject,
}

/// What to do with attributes that no schema has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownAttributes {
    /// Ignore them.
    #[default]
    Ignore,
    /// Refuse the request.
    Reject,
}

/// What a PATCH answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchResponse {
    /// Users: 200 with the resource. Groups: 204, since a body would echo every member.
    #[default]
    Default,
    /// Always 200 with the resource.
    Body,
    /// Always 204.
    None,
}

/// What becomes of the membership of somebody whom the directory deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedPeople {
    /// It becomes inactive; manual origins stay on record.
    #[default]
    Deactivate,
    /// It is deleted, unless it has manual origins or another directory claims it.
    Delete,
}

/// Which request bodies the log keeps, without their secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogBodies {
    /// None.
    None,
    /// Those of requests that were refused.
    #[default]
    Errors,
    /// All.
    All,
}

/// For how many days the log keeps a request: 1 to 365.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct LogDays(i64);

impl LogDays {
    /// The number of days.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl Default for LogDays {
    fn default() -> Self {
        LogDays(30)
    }
}

impl TryFrom<i64> for LogDays {
    type Error = &'static str;

    fn try_from(days: i64) -> std::result::Result<Self, Self::Error> {
        if (1..=365).contains(&days) { Ok(LogDays(days)) } else { Err("the log keeps requests for 1 to 365 days") }
    }
}

impl From<LogDays> for i64 {
    fn from(days: LogDays) -> Self {
        days.0
    }
}

/// The settings of a directory. Every one has a default that suits a conformant client.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectorySettings {
    /// Answer 409 to a group whose `displayName` another group has (Entra ID's validator wants it).
    pub unique_group_names: bool,
    /// Accept unquoted literals in filters.
    pub lenient_filters: bool,
    /// Attributes that no schema has.
    pub unknown_attributes: UnknownAttributes,
    /// Extensions that a PUT omits.
    pub put_omitted_extension: OmittedExtension,
    /// Members that are not known.
    pub pending_members: PendingMembers,
    /// What a PATCH answers.
    pub patch_response: PatchResponse,
    /// Accept the token without the word `Bearer` before it (Okta's header authentication).
    pub bare_token: bool,
    /// What becomes of the memberships of deleted people.
    pub deleted_people: DeletedPeople,
    /// Which request bodies the log keeps.
    pub log_bodies: LogBodies,
    /// How long the log keeps requests.
    pub log_days: LogDays,
    /// How much it may take away at once before somebody has to approve it.
    pub guard: Guard,
    /// Extension schemas and resource types beyond the built-in ones.
    pub custom: Option<CustomSchemas>,
}

impl DirectorySettings {
    /// What the protocol core needs to know of them.
    pub fn strictness(&self) -> Strictness {
        Strictness {
            lenient_filters: self.lenient_filters,
            reject_unknown_attributes: self.unknown_attributes == UnknownAttributes::Reject,
        }
    }
}

/// A person as the identity provider described them.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryUser {
    /// The id, which SCIM clients see too.
    pub id: DirectoryUserId,
    /// Where they come from.
    pub directory: DirectoryId,
    /// Whether they are active in effect; a document without `active` is.
    pub active: bool,
    /// The SCIM document, without `id`, `meta` and `groups`.
    pub document: Map<String, Value>,
    /// Grows by one with each change.
    pub version: i64,
    /// When they were first seen.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
}

impl DirectoryUser {
    /// A string attribute at the top level of the document.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.document.get(attribute).and_then(Value::as_str)
    }

    /// A part of `name`.
    pub fn name_part(&self, part: &str) -> Option<&str> {
        self.document.get("name").and_then(|name| name.get(part)).and_then(Value::as_str)
    }

    /// The address that links the person to an account: primary, else work, else first, else an
    /// address-shaped `userName`.
    pub fn email(&self) -> Option<&str> {
        linking_email(&self.document)
    }

    /// The `directory_user` object.
    pub fn json(&self, organization: OrganizationId) -> Value {
        let emails = self.document.get("emails").cloned().unwrap_or_else(|| json!([]));
        json!({
            "object": "directory_user",
            "id": self.id,
            "directory_id": self.directory,
            "organization_id": organization,
            "idp_id": self.text("externalId").or(self.text("userName")),
            "email": self.email(),
            "first_name": self.name_part("givenName"),
            "last_name": self.name_part("familyName"),
            "name": self.text("displayName").or(self.name_part("formatted")),
            "username": self.text("userName"),
            "job_title": self.text("title"),
            "emails": emails,
            "state": if self.active { "active" } else { "inactive" },
            "groups": [],
            "custom_attributes": self.custom_attributes(),
            "raw_attributes": self.document,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }

    /// The attributes that the WorkOS shape has names for; absent ones are null.
    fn custom_attributes(&self) -> Value {
        let enterprise = |attribute: &str| self.document.get(ENTERPRISE_URN).and_then(|e| e.get(attribute));
        json!({
            "employee_number": enterprise("employeeNumber"),
            "employee_type": self.text("userType"),
            "department_name": enterprise("department"),
            "division_name": enterprise("division"),
            "cost_center_name": enterprise("costCenter"),
            "organization": enterprise("organization"),
            "job_title": self.text("title"),
            "username": self.text("userName"),
            "addresses": self.document.get("addresses"),
        })
    }
}

/// See [`DirectoryUser::email`].
pub fn linking_email(document: &Map<String, Value>) -> Option<&str> {
    let emails = document.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let value = |email: &'static str, wanted: Value| {
        emails.iter().find(move |e| e.get(email) == Some(&wanted)).and_then(|e| e.get("value")).and_then(Value::as_str)
    };
    value("primary", json!(true))
        .or_else(|| value("type", json!("work")))
        .or_else(|| emails.iter().find_map(|e| e.get("value").and_then(Value::as_str)))
        .or_else(|| document.get("userName").and_then(Value::as_str))
        .filter(|address| looks_like_an_address(address))
}

/// Something, an `@`, and a domain with a dot or without: enough to send mail to, no more is asked.
fn looks_like_an_address(text: &str) -> bool {
    matches!(text.rsplit_once('@'), Some((local, domain)) if !local.is_empty() && !domain.is_empty())
        && !text.contains(char::is_whitespace)
}

/// A group as the identity provider described it.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryGroup {
    /// The id, which SCIM clients see too.
    pub id: DirectoryGroupId,
    /// Where it comes from.
    pub directory: DirectoryId,
    /// The SCIM document, without `id`, `meta` and `members`.
    pub document: Map<String, Value>,
    /// Grows by one with each change, of members too.
    pub version: i64,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl DirectoryGroup {
    /// A string attribute at the top level of the document.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.document.get(attribute).and_then(Value::as_str)
    }

    /// The `directory_group` object.
    pub fn json(&self, organization: OrganizationId) -> Value {
        let name = self.text("displayName");
        json!({
            "object": "directory_group",
            "id": self.id,
            "idp_id": self.text("externalId").or(name),
            "directory_id": self.directory,
            "organization_id": organization,
            "name": name,
            "raw_attributes": self.document,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// What changed between two objects of an event: the keys of `before` whose values differ in `after`
/// (the vendor's `previous_attributes`; a key that is new has null).
pub fn previous_attributes(before: &Value, after: &Value) -> Value {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return json!({}) };
    let changed = after
        .iter()
        .filter(|(key, value)| *key != "updated_at" && before.get(*key) != Some(*value))
        .map(|(key, _)| (key.clone(), before.get(key).cloned().unwrap_or(Value::Null)));
    Value::Object(changed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email_of(document: &Value) -> Option<String> {
        linking_email(document.as_object().unwrap()).map(str::to_owned)
    }

    #[test]
    fn the_linking_email_is_primary_then_work_then_first_then_the_user_name() {
        let all = json!({"userName": "u@x.example", "emails": [
            {"value": "home@x.example", "type": "home"}, {"value": "work@x.example", "type": "work"},
            {"value": "first@x.example", "primary": true}]});
        assert_eq!(email_of(&all).unwrap(), "first@x.example");
        let work =
            json!({"userName": "u", "emails": [{"value": "a@x.example"}, {"value": "w@x.example", "type": "work"}]});
        assert_eq!(email_of(&work).unwrap(), "w@x.example");
        assert_eq!(email_of(&json!({"userName": "u@x.example"})).unwrap(), "u@x.example");
        assert_eq!(email_of(&json!({"userName": "jane"})), None);
        assert_eq!(email_of(&json!({"userName": "@x"})), None);
    }

    #[test]
    fn settings_refuse_a_misspelt_key_and_have_a_default_for_every_other() {
        assert!(serde_json::from_value::<DirectorySettings>(json!({"lenient_filter": true})).is_err());
        assert_eq!(serde_json::from_value::<DirectorySettings>(json!({})).unwrap(), DirectorySettings::default());
    }
}
