//! Ids: ULIDs with a type in the program, 16 bytes in the database, prefixed text outside.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;
use uuid::Uuid;

/// What an [`Id`] can be the id of.
pub trait Identified {
    /// The text before the ULID, with its underscore: `group_`.
    const PREFIX: &'static str;
    /// The word for it in messages: `group`.
    const KIND: &'static str;
}

/// The id of a `T`, written as a prefix and a 26-character ULID: `group_01J…`.
///
/// Ids of different things are different types, so passing one where the other belongs does not
/// compile. Ids sort by the millisecond they were minted in.
pub struct Id<T>(Ulid, PhantomData<fn() -> T>);

/// The text is not an id of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not the id of a {kind}; such an id looks like {prefix}01JABC…")]
pub struct NotAnId {
    text: String,
    kind: &'static str,
    prefix: &'static str,
}

impl<T> Id<T> {
    /// A new id whose time part is `at` and whose rest is random.
    pub fn mint(at: DateTime<Utc>) -> Self {
        let milliseconds = at.timestamp_millis().try_into().unwrap_or_default();
        Id(Ulid::from_parts(milliseconds, rand::random()), PhantomData)
    }

    /// The least id that can be minted at `at`, as a bound.
    pub fn first_at(at: DateTime<Utc>) -> Self {
        Id(Ulid::from_parts(at.timestamp_millis().try_into().unwrap_or_default(), 0), PhantomData)
    }

    /// A new id that is greater than `last`, whatever the clock says.
    pub fn mint_after(at: DateTime<Utc>, last: Option<Self>) -> Self {
        let fresh = Self::mint(at);
        match last {
            Some(last) if fresh.0 <= last.0 => Id(Ulid(last.0.0.saturating_add(1)), PhantomData),
            _ => fresh,
        }
    }

    /// When it was minted, by the clock of whoever minted it.
    pub fn time(self) -> DateTime<Utc> {
        let milliseconds = i64::try_from(self.0.timestamp_ms()).unwrap_or_default();
        DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
    }

    /// The id that the database keeps as these 16 bytes.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Id(Ulid(uuid.as_u128()), PhantomData)
    }

    /// The 16 bytes for the database.
    pub fn uuid(self) -> Uuid {
        Uuid::from_u128(self.0.0)
    }

    /// The id that stands for "none" in key columns, which may not be NULL.
    pub fn nil() -> Self {
        Id(Ulid(0), PhantomData)
    }

    /// `None` for [`Id::nil`].
    pub fn non_nil(self) -> Option<Self> {
        (self.0.0 != 0).then_some(self)
    }
}

impl<T: Identified> FromStr for Id<T> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let refused = || NotAnId { text: text.chars().take(80).collect(), kind: T::KIND, prefix: T::PREFIX };
        let digits = text.strip_prefix(T::PREFIX).ok_or_else(refused)?;
        let ulid = Ulid::from_string(digits).map_err(|_| refused())?;
        // Only the canonical spelling names a resource: lower case or an overflowing ULID does not.
        if ulid.to_string() != digits {
            return Err(refused());
        }
        Ok(Id(ulid, PhantomData))
    }
}

impl<T: Identified> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", T::PREFIX, self.0)
    }
}

impl<T: Identified> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: Identified> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Identified> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// Written out because `derive` would demand the same traits of `T`, which is only a label.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Declares the things that have ids: a label type, the alias of its id, prefix and word.
macro_rules! identified {
    ($($(#[$doc:meta])* $label:ident, $alias:ident, $prefix:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $label {}
        impl Identified for $label {
            const PREFIX: &'static str = $prefix;
            const KIND: &'static str = $kind;
        }
        #[doc = concat!("The id of a ", $kind, ": `", $prefix, "01J…`.")]
        pub type $alias = Id<$label>;
    )*};
}

identified! {
    /// A customer.
    OrganizationLabel, OrganizationId, "org_", "organization";
    /// A domain of an organization.
    DomainLabel, DomainId, "org_domain_", "organization domain";
    /// A SCIM connection.
    DirectoryLabel, DirectoryId, "directory_", "directory";
    /// A person as an identity provider describes them.
    DirectoryUserLabel, DirectoryUserId, "directory_user_", "directory user";
    /// A group as an identity provider describes it.
    DirectoryGroupLabel, DirectoryGroupId, "directory_group_", "directory group";
    /// A resource of a type that a directory's settings define.
    DirectoryResourceLabel, DirectoryResourceId, "directory_resource_", "directory resource";
    /// A SCIM bearer token.
    ScimTokenLabel, ScimTokenId, "scim_token_", "SCIM token";
    /// A key of the native APIs.
    ApiKeyLabel, ApiKeyId, "key_", "API key";
    /// A person as the application knows them.
    UserLabel, UserId, "user_", "user";
    /// A person's belonging to an organization.
    MembershipLabel, MembershipId, "om_", "organization membership";
    /// A native group.
    GroupLabel, GroupId, "group_", "group";
    /// A role.
    RoleLabel, RoleId, "role_", "role";
    /// A mapping rule.
    RuleLabel, RuleId, "rule_", "mapping rule";
    /// What a set of rule changes would do.
    PlanLabel, PlanId, "plan_", "mapping plan";
    /// One effect of a plan, or one difference that a verification found.
    EffectLabel, EffectId, "effect_", "effect";
    /// A background convergence.
    RunLabel, RunId, "run_", "run";
    /// A removal that waits for approval.
    ParkedLabel, ParkedId, "parked_", "parked effect";
    /// An event.
    EventLabel, EventId, "event_", "event";
    /// An address that events are sent to.
    WebhookEndpointLabel, WebhookEndpointId, "we_", "webhook endpoint";
    /// Somebody who may sign in to the console.
    OperatorLabel, OperatorId, "operator_", "operator";
    /// Somebody who is signed in.
    SessionLabel, SessionId, "session_", "session";
    /// An entry of the audit log.
    AuditEventLabel, AuditEventId, "audit_event_", "audit event";
    /// A request of an identity provider.
    RequestLabel, RequestId, "request_", "request";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text_and_its_sixteen_bytes() {
        let id = GroupId::mint(DateTime::from_timestamp_millis(1_700_000_000_000).unwrap());
        assert!(id.to_string().starts_with("group_01"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(GroupId::from_uuid(id.uuid()), id);
    }

    #[test]
    fn anything_else_is_not_an_id() {
        let id = GroupId::mint(DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()).to_string();
        for text in ["", "group_", "00919288221112222", &id[6..], &id.to_lowercase(), &id.replace("group_", "role_")] {
            assert!(text.parse::<GroupId>().is_err(), "{text}");
        }
        assert!("group_80000000000000000000000000".parse::<GroupId>().is_err(), "more than 128 bits");
    }

    #[test]
    fn ids_minted_after_another_are_greater_even_when_the_clock_goes_back() {
        let later = DateTime::from_timestamp_millis(2_000).unwrap();
        let earlier = DateTime::from_timestamp_millis(1_000).unwrap();
        let first = EventId::mint(later);
        assert!(EventId::mint_after(earlier, Some(first)) > first);
        assert!(EventId::mint_after(later, Some(first)) > first);
    }
}
