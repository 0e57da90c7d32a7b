//! What admins did, written down so that nobody can change it unseen.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::actor::Actor;
use super::clock::timestamp;
use super::id::{AuditEventId, OrganizationId, RequestId};
use super::secret::digest;

/// How much of what was asked for is written down, in bytes of JSON.
const MOST_DETAIL: usize = 8 << 10;
/// Words in the names of fields that hold secrets.
const SECRET: [&str; 4] = ["password", "secret", "token", "authorization"];
/// What stands where a secret was.
const HIDDEN: &str = "[hidden]";

/// What is to be written down of a request that changes something.
#[derive(Debug, Clone)]
pub struct AuditNote {
    /// The operation, as the API reference calls it, e.g. `createMappingRule`.
    pub action: String,
    /// The path that it was asked of.
    pub target: String,
    /// Who.
    pub actor: Actor,
    /// The request, as its answer and its events name it.
    pub request: Option<RequestId>,
    /// What was asked for. Use [`detail`] for what came from outside.
    pub detail: Value,
    /// The network address that it came from.
    pub address: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// The organization in whose chain it stands; `None` for that of the environment.
    pub organization: Option<OrganizationId>,
    /// Its place in the chain: 1, 2, 3 … without gaps.
    pub position: i64,
    /// The operation.
    pub action: String,
    /// The path that it was asked of.
    pub target: String,
    /// Who.
    pub actor: Actor,
    /// The request.
    pub request: Option<RequestId>,
    /// What was asked for, without secrets.
    pub detail: Value,
    /// The network address that it came from.
    pub address: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// SHA-256, hexadecimal, over the digest of the entry before and everything above.
    pub digest: String,
}

impl AuditEvent {
    /// The entry at this place, after the entry with the digest `before`.
    pub fn of(note: &AuditNote, organization: Option<OrganizationId>, position: i64, before: &str) -> Self {
        let mut event = AuditEvent {
            id: AuditEventId::mint(note.at),
            organization,
            position,
            action: note.action.clone(),
            target: note.target.clone(),
            actor: note.actor.clone(),
            request: note.request,
            detail: note.detail.clone(),
            address: note.address.clone(),
            created_at: note.at,
            digest: String::new(),
        };
        event.digest = event.digest_after(before);
        event
    }

    /// The digest that the entry must have after the entry with the digest `before`.
    pub fn digest_after(&self, before: &str) -> String {
        let mut object = self.json();
        if let Value::Object(fields) = &mut object {
            fields.remove("digest");
        }
        // Maps are sorted by their keys, so the same entry has the same text.
        digest(&format!("{before}\n{object}"))
    }

    /// The `audit_event` object.
    pub fn json(&self) -> Value {
        json!({
            "object": "audit_event",
            "id": self.id,
            "organization_id": self.organization,
            "position": self.position,
            "action": self.action,
            "target": self.target,
            "actor": self.actor,
            "request_id": self.request,
            "detail": self.detail,
            "address": self.address,
            "created_at": timestamp(self.created_at),
            "digest": self.digest,
        })
    }
}

/// What is written down of what was asked for: without secrets, and not without end.
pub fn detail(asked: Value) -> Value {
    let hidden = hide(asked);
    let size = hidden.to_string().len();
    if size <= MOST_DETAIL { hidden } else { json!({"too_long_to_keep": {"bytes": size}}) }
}

fn hide(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let secret = |name: &str| {
                let name = name.to_lowercase();
                SECRET.iter().any(|word| name.contains(word))
            };
            let hidden = fields.into_iter().map(|(name, value)| match value {
                Value::String(_) if secret(&name) => (name, Value::String(HIDDEN.to_owned())),
                value => (name, hide(value)),
            });
            Value::Object(hidden.collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(hide).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrganizationId;

    fn note() -> AuditNote {
        AuditNote {
            action: "createMappingRule".to_owned(),
            target: "/mapping_rules".to_owned(),
            actor: Actor::key("root", "Root key"),
            request: None,
            detail: json!({"key": "engineers"}),
            address: None,
            at: DateTime::from_timestamp_millis(1_700_000_000_000).unwrap(),
        }
    }

    #[test]
    fn an_entry_cannot_be_changed_or_moved_unseen() {
        let organization = Some(OrganizationId::mint(DateTime::UNIX_EPOCH));
        let first = AuditEvent::of(&note(), organization, 1, "");
        let second = AuditEvent::of(&note(), organization, 2, &first.digest);
        assert_eq!(second.digest_after(&first.digest), second.digest);
        assert_ne!(second.digest_after(""), second.digest);
        let forged = AuditEvent { detail: json!({"key": "admins"}), ..second.clone() };
        assert_ne!(forged.digest_after(&first.digest), second.digest);
        let moved = AuditEvent { position: 3, ..second.clone() };
        assert_ne!(moved.digest_after(&first.digest), second.digest);
    }

    #[test]
    fn secrets_are_not_written_down_and_neither_are_novels() {
        let asked = json!({"name": "Ada", "new_password": "hunter2", "nested": [{"client_secret": "x", "tokens": 3}]});
        let kept = json!({"name": "Ada", "new_password": HIDDEN, "nested": [{"client_secret": HIDDEN, "tokens": 3}]});
        assert_eq!(detail(asked), kept);
        assert!(detail(json!({"text": "x".repeat(10_000)}))["too_long_to_keep"]["bytes"].as_i64() > Some(10_000));
    }
}
