//! What admins did, written down so that nobody can change it unseen.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::actor::Actor;
use super::clock::timestamp;
use super::id::{AuditEventId, OrganizationId, RequestId};
use super::secret::digest;
use crate::scim::redact::hide;

/// How much of what was asked for is written down, in bytes of JSON.
const MOST_DETAIL: usize = 8 << 10;

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

/// The entry after which another one comes.
#[derive(Debug, Clone, Default)]
pub struct Last {
    /// Its id; `None` where the chain begins.
    pub id: Option<AuditEventId>,
    /// Its digest; empty where the chain begins.
    pub digest: String,
}

impl AuditEvent {
    /// The entry at this place, after the last one.
    pub fn of(note: &AuditNote, organization: Option<OrganizationId>, position: i64, last: &Last) -> Self {
        let mut event = AuditEvent {
            id: AuditEventId::mint_after(note.at, last.id),
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
        event.digest = event.digest_after(&last.digest);
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
    let mut hidden = asked;
    hide(&mut hidden);
    let size = hidden.to_string().len();
    if size <= MOST_DETAIL { hidden } else { json!({"too_long_to_keep": {"bytes": size}}) }
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

    fn after(event: &AuditEvent) -> Last {
        Last { id: Some(event.id), digest: event.digest.clone() }
    }

    #[test]
    fn an_entry_cannot_be_changed_or_moved_unseen() {
        let organization = Some(OrganizationId::mint(DateTime::UNIX_EPOCH));
        let first = AuditEvent::of(&note(), organization, 1, &Last::default());
        let second = AuditEvent::of(&note(), organization, 2, &after(&first));
        assert!(second.id > first.id);
        assert_eq!(second.digest_after(&first.digest), second.digest);
        assert_ne!(second.digest_after(""), second.digest);
        let forged = AuditEvent { detail: json!({"key": "admins"}), ..second.clone() };
        assert_ne!(forged.digest_after(&first.digest), second.digest);
        let moved = AuditEvent { position: 3, ..second.clone() };
        assert_ne!(moved.digest_after(&first.digest), second.digest);
    }

    #[test]
    fn an_entry_that_is_read_again_has_the_digest_that_it_was_written_with() {
        for number in ["6.241640507547823e-10", "0.1", "1e300", "18446744073709551616", "-0.0"] {
            let detail: Value = serde_json::from_str(&format!("{{\"n\": {number}}}")).unwrap();
            let written = AuditEvent::of(&AuditNote { detail, ..note() }, None, 1, &Last::default());
            let read =
                AuditEvent { detail: serde_json::from_str(&written.detail.to_string()).unwrap(), ..written.clone() };
            assert_eq!(read.digest_after(""), written.digest, "{number}");
        }
    }

    #[test]
    fn secrets_are_not_written_down_and_neither_are_novels() {
        let secrets = json!({"name": "Ada", "new_password": "hunter2", "nested": [{"client_secret": ["hunter2"]}],
            "note": "it is scim_hunter2hunter2hunter2", "api_key": 4711});
        let kept = detail(secrets).to_string();
        assert!(kept.contains("Ada") && !kept.contains("hunter2") && !kept.contains("4711"), "{kept}");
        assert!(detail(json!({"text": "x".repeat(10_000)}))["too_long_to_keep"]["bytes"].as_i64() > Some(10_000));
    }
}
