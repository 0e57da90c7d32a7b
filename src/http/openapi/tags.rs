//! The groups in which endpoints are described: who calls them, and what they are about.

/// The style of an API: its errors, its credential, the media type of its bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The WorkOS-shaped API and Muster's own.
    Native,
    /// The OpenAI-shaped API.
    OpenAi,
    /// SCIM 2.0.
    Scim,
    /// What needs no key.
    Open,
}

/// A group of endpoints.
#[derive(Debug)]
pub struct Tag {
    /// The name.
    pub name: &'static str,
    /// Who calls.
    pub caller: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// The style.
    pub face: Face,
}

const APPLICATIONS: &str = "Applications (WorkOS-shaped)";
const OPENAI: &str = "Applications (OpenAI-shaped)";
const ADMINS: &str = "Administration";
const PROVIDERS: &str = "Identity providers";
const OPERATORS: &str = "Operators";

/// Every group, in the order in which they are shown.
pub const ALL: [&Tag; 25] = [
    &ORGANIZATIONS,
    &DOMAINS,
    &GROUPS,
    &MEMBERSHIPS,
    &USERS,
    &ROLES,
    &DIRECTORY_SYNC,
    &EVENTS,
    &WEBHOOKS,
    &OPENAI_GROUPS,
    &OPENAI_ROLES,
    &OPENAI_USERS,
    &DIRECTORIES,
    &TOKENS,
    &RULES,
    &PLANS,
    &RUNS,
    &EXPLAIN,
    &LINKS,
    &STATUS,
    &KEYS,
    &PORTAL,
    &AUDIT,
    &SCIM,
    &OPERATION,
];

/// Customers.
pub const ORGANIZATIONS: Tag = Tag {
    name: "Organizations",
    caller: APPLICATIONS,
    about: "The customers of the application. Everything else belongs to one of them, users apart.",
    face: Face::Native,
};
/// Domains of organizations.
pub const DOMAINS: Tag = Tag {
    name: "Organization domains",
    caller: APPLICATIONS,
    about: "Domains that organizations prove to own, by a DNS TXT record. People are linked to accounts by them.",
    face: Face::Native,
};
/// Native groups.
pub const GROUPS: Tag = Tag {
    name: "Groups",
    caller: APPLICATIONS,
    about: "The groups that the application uses, and who is in them. Mapping rules mirror directory groups into them.",
    face: Face::Native,
};
/// Memberships.
pub const MEMBERSHIPS: Tag = Tag {
    name: "Organization memberships",
    caller: APPLICATIONS,
    about: "People in organizations, with their roles.",
    face: Face::Native,
};
/// Native users.
pub const USERS: Tag = Tag {
    name: "Users",
    caller: APPLICATIONS,
    about: "People as the application knows them. They belong to the environment; an organization sees those who are members.",
    face: Face::Native,
};
/// Roles.
pub const ROLES: Tag = Tag {
    name: "Roles",
    caller: APPLICATIONS,
    about: "What memberships can hold. Every new organization has `member`, the default, and `admin`.",
    face: Face::Native,
};
/// What identity providers pushed.
pub const DIRECTORY_SYNC: Tag = Tag {
    name: "Directory sync",
    caller: APPLICATIONS,
    about: "What identity providers pushed, as it was pushed: directories, their users and groups. Read only.",
    face: Face::Native,
};
/// The feed of events.
pub const EVENTS: Tag = Tag {
    name: "Events",
    caller: APPLICATIONS,
    about: "What happened, in order and without gaps, each with its cause: page by page, or as a stream.",
    face: Face::Native,
};
/// Webhooks.
pub const WEBHOOKS: Tag = Tag {
    name: "Webhooks",
    caller: APPLICATIONS,
    about: "Events sent to an address: signed, in order, at least once.",
    face: Face::Native,
};
/// Native groups, in the other shape.
pub const OPENAI_GROUPS: Tag = Tag {
    name: "Groups (OpenAI-shaped)",
    caller: OPENAI,
    about: "The same groups as above, with their users and their roles.",
    face: Face::OpenAi,
};
/// Roles, in the other shape.
pub const OPENAI_ROLES: Tag = Tag {
    name: "Roles (OpenAI-shaped)",
    caller: OPENAI,
    about: "The roles of an organization: made, changed, deleted.",
    face: Face::OpenAi,
};
/// Users, in the other shape.
pub const OPENAI_USERS: Tag = Tag {
    name: "Users (OpenAI-shaped)",
    caller: OPENAI,
    about: "The members of an organization, and the roles that they hold.",
    face: Face::OpenAi,
};
/// Directories as an admin handles them.
pub const DIRECTORIES: Tag = Tag {
    name: "Directories",
    caller: ADMINS,
    about: "SCIM connections of organizations: made, changed, paused, removed.",
    face: Face::Native,
};
/// SCIM tokens.
pub const TOKENS: Tag = Tag {
    name: "SCIM tokens",
    caller: ADMINS,
    about: "The bearer tokens by which an identity provider reaches a directory. Two may live at once, for rotation.",
    face: Face::Native,
};
/// Mapping rules.
pub const RULES: Tag = Tag {
    name: "Mapping rules",
    caller: ADMINS,
    about: "When → then: which directory groups and people get which groups, roles and memberships. \
            Saving makes a version; nothing changes before it is applied.",
    face: Face::Native,
};
/// Plans.
pub const PLANS: Tag = Tag {
    name: "Mapping plans",
    caller: ADMINS,
    about: "What changes of rules would do, by name, before they are applied.",
    face: Face::Native,
};
/// Runs.
pub const RUNS: Tag = Tag {
    name: "Sync runs",
    caller: ADMINS,
    about: "Work in the background: applied plans, reconciliations, verifications, removals that wait for approval.",
    face: Face::Native,
};
/// Explanations.
pub const EXPLAIN: Tag = Tag {
    name: "Explain",
    caller: ADMINS,
    about: "Why somebody has something, why not, and why no longer.",
    face: Face::Native,
};
/// Identity links.
pub const LINKS: Tag = Tag {
    name: "Identity links",
    caller: ADMINS,
    about: "Which directory user is which account, and who waits for somebody to decide.",
    face: Face::Native,
};
/// Status and log.
pub const STATUS: Tag = Tag {
    name: "Sync status",
    caller: ADMINS,
    about: "Is a directory in sync, and what did its identity provider send?",
    face: Face::Native,
};
/// API keys.
pub const KEYS: Tag = Tag {
    name: "API keys",
    caller: ADMINS,
    about: "The keys of the native APIs. One of the environment reaches everything; one of an organization only that.",
    face: Face::Native,
};
/// Links to the portal.
pub const PORTAL: Tag = Tag {
    name: "Portal",
    caller: ADMINS,
    about: "Links by which a customer's own admin enters the console of their organization.",
    face: Face::Native,
};
/// The audit log.
pub const AUDIT: Tag = Tag {
    name: "Audit log",
    caller: ADMINS,
    about: "What admins did, by key or in the console, in chains in which each entry's digest covers the one before it.",
    face: Face::Native,
};
/// SCIM.
pub const SCIM: Tag = Tag {
    name: "SCIM 2.0",
    caller: PROVIDERS,
    about: "RFC 7643 and RFC 7644, one base URL for each directory. Bodies are `application/scim+json`; clients that accept \
            only `application/json` get that.",
    face: Face::Scim,
};
/// Health, metrics, this document.
pub const OPERATION: Tag = Tag {
    name: "Operation",
    caller: OPERATORS,
    about: "What load balancers, monitors and developers ask.",
    face: Face::Open,
};
