//! The native side: what applications read. Each type knows its JSON, which API answers and events share
//! (the WorkOS shape: ISO 8601 times with milliseconds, nullable keys present with null).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::clock::timestamp;
use super::id::{DomainId, GroupId, MembershipId, OrganizationId, RoleId, UserId};

/// A customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// The name; need not be unique.
    pub name: String,
    /// The application's own id for it.
    pub external_id: Option<String>,
    /// The customer's id at Stripe.
    pub stripe_customer_id: Option<String>,
    /// Whether people of other domains may have profiles; kept for clients that send it.
    pub allow_profiles_outside_organization: bool,
    /// Free strings of the application.
    pub metadata: Map<String, Value>,
    /// The domains, verified or not.
    pub domains: Vec<Domain>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Organization {
    /// The `organization` object.
    pub fn json(&self) -> Value {
        let mut object = json!({
            "object": "organization",
            "id": self.id,
            "name": self.name,
            "external_id": self.external_id,
            "allow_profiles_outside_organization": self.allow_profiles_outside_organization,
            "metadata": self.metadata,
            "domains": self.domains.iter().map(Domain::json).collect::<Vec<_>>(),
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        });
        if let Some(customer) = &self.stripe_customer_id {
            object["stripe_customer_id"] = customer.as_str().into();
        }
        object
    }
}

/// The label below a domain whose TXT record proves it.
pub const VERIFICATION_PREFIX: &str = "muster-domain-verification";

/// A domain of an organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The name, e.g. `acme.example`.
    pub domain: String,
    /// `pending`, `verified` or `failed`.
    pub state: String,
    /// What the DNS TXT record must hold.
    pub verification_token: String,
    /// When it was claimed.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Domain {
    /// The `organization_domain` object.
    pub fn json(&self) -> Value {
        json!({
            "object": "organization_domain",
            "id": self.id,
            "organization_id": self.organization,
            "domain": self.domain,
            "state": self.state,
            "verification_strategy": "dns",
            "verification_prefix": VERIFICATION_PREFIX,
            "verification_token": self.verification_token,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// A person as the application knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The address, unique in the environment.
    pub email: String,
    /// Whether somebody vouches for the address.
    pub email_verified: bool,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The application's own id; never compared with anything from an identity provider.
    pub external_id: Option<String>,
    /// Free strings of the application.
    pub metadata: Map<String, Value>,
    /// The organization whose directory made the account, if one did.
    pub made_by_organization: Option<OrganizationId>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// The `user` object.
    pub fn json(&self) -> Value {
        json!({
            "object": "user",
            "id": self.id,
            "email": self.email,
            "email_verified": self.email_verified,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "profile_picture_url": null,
            "external_id": self.external_id,
            "metadata": self.metadata,
            "last_sign_in_at": null,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// A person's belonging to an organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// Whether it is in force.
    pub active: bool,
    /// Whether a directory user is linked to it.
    pub directory_managed: bool,
    /// The slug of the primary role.
    pub role: String,
    /// The slugs of all roles, the primary one first.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Membership {
    /// `active` or `inactive`.
    pub fn status(&self) -> &'static str {
        if self.active { "active" } else { "inactive" }
    }

    /// The `organization_membership` object of events: with roles, without the user.
    pub fn json(&self) -> Value {
        let mut object = self.base_json();
        object["role"] = json!({"slug": self.role});
        object["roles"] = self.roles.iter().map(|slug| json!({"slug": slug})).collect();
        object["custom_attributes"] = json!({});
        object
    }

    /// The row of a group's member list: without roles.
    pub fn base_json(&self) -> Value {
        json!({
            "object": "organization_membership",
            "id": self.id,
            "user_id": self.user,
            "organization_id": self.organization,
            "status": self.status(),
            "directory_managed": self.directory_managed,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// A native group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The organization.
    pub organization: OrganizationId,
    /// The name; need not be unique.
    pub name: String,
    /// A sentence of the application's.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed; members do not count.
    pub updated_at: DateTime<Utc>,
}

impl Group {
    /// The `group` object.
    pub fn json(&self) -> Value {
        json!({
            "object": "group",
            "id": self.id,
            "organization_id": self.organization,
            "name": self.name,
            "description": self.description,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// A role that a membership can have.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// The handle that rules and applications use.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What it permits, in the application's own words.
    pub permissions: Vec<String>,
    /// Whether it is held when no other is.
    pub is_default: bool,
    /// Who made it: the id of a key, or `root`; `None` for those of every organization.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed; who holds it does not count.
    pub updated_at: DateTime<Utc>,
}

/// The slug of the default role that every organization has.
pub const MEMBER: &str = "member";
/// The slug of the role that can do everything, in every organization.
pub const ADMIN: &str = "admin";

impl Role {
    /// A role without description and permissions.
    pub fn new(id: RoleId, slug: impl Into<String>, name: impl Into<String>, now: DateTime<Utc>) -> Self {
        Role {
            id,
            slug: slug.into(),
            name: name.into(),
            description: None,
            permissions: Vec::new(),
            is_default: false,
            created_by: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether every organization has it from the start. Such a role stays as it is.
    pub fn is_predefined(&self) -> bool {
        [MEMBER, ADMIN].contains(&self.slug.as_str())
    }

    /// The `role` object.
    pub fn json(&self) -> Value {
        json!({
            "object": "role",
            "id": self.id,
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "permissions": self.permissions,
            "type": "OrganizationRole",
            "resource_type_slug": "organization",
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// The key by which names of native groups collide: folded, with the ends trimmed.
pub fn name_key(name: &str) -> String {
    crate::scim::text::fold(name.trim())
}
