-- The foundation: organizations, directories with their facts, rules, and the native side.
--
-- Portable DDL: runs unchanged on SQLite and PostgreSQL. Column types are UUID (a ULID, 16 bytes; SQLite
-- keeps the blob), TEXT, BIGINT, BOOLEAN and TIMESTAMPTZ (UTC, whole milliseconds). JSON is TEXT, stored
-- byte for byte. Every table of an organization has organization_id in its keys, so that a row that points
-- into another organization cannot exist. Names that compare without case have a *_key column, folded by
-- the program (NFKC and Unicode case folding), since the engines' own lower() differ.

-- A customer. The row is also the lock under which its writes are serial.
CREATE TABLE organizations (
    id                                  UUID        NOT NULL PRIMARY KEY,
    name                                TEXT        NOT NULL,
    name_key                            TEXT        NOT NULL,    -- folded, to search by
    external_id                         TEXT,                    -- the application's own id; unique in the environment
    stripe_customer_id                  TEXT,
    allow_profiles_outside_organization BOOLEAN     NOT NULL,
    metadata                            TEXT        NOT NULL,    -- JSON object of strings
    event_position                      BIGINT      NOT NULL,    -- position of the last event; gap-free
    last_event_id                       UUID,                    -- id of the last event; the next is greater
    policy_stamp                        UUID        NOT NULL,    -- new with each change of rules in force or roles
    created_at                          TIMESTAMPTZ NOT NULL,
    updated_at                          TIMESTAMPTZ NOT NULL,
    deleted_at                          TIMESTAMPTZ              -- a tombstone that its events refer to
);
CREATE UNIQUE INDEX organizations_external_id ON organizations (external_id) WHERE external_id IS NOT NULL AND deleted_at IS NULL;

-- A domain of an organization. Only a verified one lets people be linked by e-mail.
CREATE TABLE organization_domains (
    organization_id     UUID        NOT NULL REFERENCES organizations (id),
    id                  UUID        NOT NULL,
    domain              TEXT        NOT NULL,    -- as it was written
    domain_key          TEXT        NOT NULL,    -- lower case
    state               TEXT        NOT NULL,    -- pending, verified, failed
    verification_token  TEXT        NOT NULL,    -- what the DNS TXT record must hold
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, domain_key)
);
-- A domain is verified by one organization at a time; pending claims block nobody.
CREATE UNIQUE INDEX organization_domains_verified ON organization_domains (domain_key) WHERE state = 'verified';

-- A key of the native APIs. Without organization_id it reaches the whole environment.
CREATE TABLE api_keys (
    id              UUID        NOT NULL PRIMARY KEY,
    organization_id UUID        REFERENCES organizations (id),
    name            TEXT        NOT NULL,
    role            TEXT        NOT NULL,        -- owner, admin, read
    digest          TEXT        NOT NULL,        -- SHA-256 of the key, hexadecimal; the key itself is shown once
    hint            TEXT        NOT NULL,        -- its first characters, to recognise it by
    expires_at      TIMESTAMPTZ,
    last_used_at    TIMESTAMPTZ,                 -- to the minute
    created_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);

-- One SCIM connection of an organization.
CREATE TABLE directories (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    id              UUID        NOT NULL,
    name            TEXT        NOT NULL,
    name_key        TEXT        NOT NULL,        -- folded, to search by
    type            TEXT        NOT NULL,        -- the vendor's word, e.g. 'okta scim v2.0'
    state           TEXT        NOT NULL,        -- validating until the first request, then linked
    settings        TEXT        NOT NULL,        -- JSON; defaults are left out
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX directories_id ON directories (id);

-- A bearer token of a directory. Several may live at once, for rotation.
CREATE TABLE scim_tokens (
    organization_id UUID        NOT NULL,
    directory_id    UUID        NOT NULL,
    id              UUID        NOT NULL,
    name            TEXT        NOT NULL,
    digest          TEXT        NOT NULL,        -- SHA-256 of the token, hexadecimal
    hint            TEXT        NOT NULL,        -- its first characters
    allowed_ips     TEXT        NOT NULL,        -- JSON array of networks; empty for everywhere
    expires_at      TIMESTAMPTZ,
    last_used_at    TIMESTAMPTZ,                 -- to the minute
    created_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
);
CREATE UNIQUE INDEX scim_tokens_digest ON scim_tokens (digest);

-- A person as the identity provider described them.
CREATE TABLE directory_users (
    organization_id  UUID        NOT NULL,
    id               UUID        NOT NULL,
    directory_id     UUID        NOT NULL,
    user_name        TEXT        NOT NULL,       -- as it was sent
    user_name_key    TEXT        NOT NULL,       -- folded: userName is caseExact=false (RFC 7643 section 8.7.1)
    external_id      TEXT,                       -- the client's own; caseExact, not unique
    display_name_key TEXT,                       -- folded
    email            TEXT,                       -- the one that links: primary, work, first, or an address-shaped userName
    active           BOOLEAN     NOT NULL,       -- in effect; a document without active is active
    document         TEXT        NOT NULL,       -- the resource as SCIM JSON, without id, meta and groups
    version          BIGINT      NOT NULL,       -- grows with each change; served as the ETag
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, directory_id, user_name_key),
    FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
);
-- A key of the environment reads by id alone; likewise below.
CREATE INDEX directory_users_id ON directory_users (id);
CREATE UNIQUE INDEX directory_users_directory ON directory_users (organization_id, directory_id, id);
CREATE INDEX directory_users_external_id ON directory_users (organization_id, directory_id, external_id, id) WHERE external_id IS NOT NULL;
CREATE INDEX directory_users_display_name ON directory_users (organization_id, directory_id, display_name_key, id) WHERE display_name_key IS NOT NULL;

-- Every e-mail of a directory user, to find people by.
CREATE TABLE directory_user_emails (
    organization_id   UUID NOT NULL,
    directory_id      UUID NOT NULL,
    directory_user_id UUID NOT NULL,
    value_key         TEXT NOT NULL,             -- folded
    PRIMARY KEY (organization_id, directory_user_id, value_key),
    FOREIGN KEY (organization_id, directory_user_id) REFERENCES directory_users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX directory_user_emails_value ON directory_user_emails (organization_id, directory_id, value_key);

-- A group as the identity provider described it. Its members are directory_edges.
CREATE TABLE directory_groups (
    organization_id  UUID        NOT NULL,
    id               UUID        NOT NULL,
    directory_id     UUID        NOT NULL,
    display_name     TEXT        NOT NULL,
    display_name_key TEXT        NOT NULL,       -- folded
    external_id      TEXT,
    document         TEXT        NOT NULL,       -- the resource as SCIM JSON, without id, meta and members
    version          BIGINT      NOT NULL,       -- grows with each change, of members too
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
);
CREATE INDEX directory_groups_id ON directory_groups (id);
CREATE UNIQUE INDEX directory_groups_directory ON directory_groups (organization_id, directory_id, id);
CREATE INDEX directory_groups_display_name ON directory_groups (organization_id, directory_id, display_name_key, id);
CREATE INDEX directory_groups_external_id ON directory_groups (organization_id, directory_id, external_id, id) WHERE external_id IS NOT NULL;

-- A member of a directory group: a user, a group, or somebody not yet known (both ids NULL: pending).
CREATE TABLE directory_edges (
    organization_id UUID NOT NULL,
    group_id        UUID NOT NULL,
    user_id         UUID,
    subgroup_id     UUID,
    value           TEXT,                        -- the reference as it was sent; NULL where it is the member's own id
    FOREIGN KEY (organization_id, group_id) REFERENCES directory_groups (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES directory_users (organization_id, id),
    FOREIGN KEY (organization_id, subgroup_id) REFERENCES directory_groups (organization_id, id)
);
-- The edges of a group; NULLs are distinct, so only a user can be there twice.
CREATE UNIQUE INDEX directory_edges_users ON directory_edges (organization_id, group_id, user_id);
CREATE INDEX directory_edges_of_user ON directory_edges (organization_id, user_id, group_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX directory_edges_subgroups ON directory_edges (organization_id, group_id, subgroup_id) WHERE subgroup_id IS NOT NULL;
CREATE INDEX directory_edges_of_subgroup ON directory_edges (organization_id, subgroup_id, group_id) WHERE subgroup_id IS NOT NULL;
CREATE UNIQUE INDEX directory_edges_values ON directory_edges (organization_id, value, group_id) WHERE value IS NOT NULL;

-- A resource of a type that the directory's settings define.
CREATE TABLE directory_resources (
    organization_id UUID        NOT NULL,
    id              UUID        NOT NULL,
    directory_id    UUID        NOT NULL,
    resource_type   TEXT        NOT NULL,
    external_id     TEXT,
    document        TEXT        NOT NULL,
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
);
CREATE INDEX directory_resources_type ON directory_resources (organization_id, directory_id, resource_type, id);

-- Values that must be unique by a custom schema.
CREATE TABLE directory_unique_values (
    organization_id UUID NOT NULL,
    directory_id    UUID NOT NULL,
    resource_type   TEXT NOT NULL,
    attribute       TEXT NOT NULL,               -- its path, e.g. urn:example:Device.serial
    value_key       TEXT NOT NULL,               -- folded unless the attribute is caseExact
    resource_id     UUID NOT NULL,
    PRIMARY KEY (organization_id, directory_id, resource_type, attribute, value_key)
);
CREATE INDEX directory_unique_values_resource ON directory_unique_values (organization_id, resource_id);

-- A person as the application knows them. Of the environment, not of an organization.
CREATE TABLE users (
    id                     UUID        NOT NULL PRIMARY KEY,
    email                  TEXT        NOT NULL,
    email_key              TEXT        NOT NULL UNIQUE,  -- folded
    email_verified         BOOLEAN     NOT NULL,
    first_name             TEXT,
    last_name              TEXT,
    external_id            TEXT,                         -- the application's; never compared with an identity provider's
    metadata               TEXT        NOT NULL,         -- JSON object of strings
    made_by_organization   UUID,                         -- the organization whose directory made the account, if one did
    created_at             TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX users_external_id ON users (external_id) WHERE external_id IS NOT NULL;

-- A role that a membership can have.
CREATE TABLE roles (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    id              UUID        NOT NULL,
    slug            TEXT        NOT NULL,
    name            TEXT        NOT NULL,
    description     TEXT,
    permissions     TEXT        NOT NULL,        -- JSON array of strings
    is_default      BOOLEAN     NOT NULL,        -- held when no other role is
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, slug)
);

-- A person's belonging to an organization.
CREATE TABLE organization_memberships (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    id              UUID        NOT NULL,
    user_id         UUID        NOT NULL REFERENCES users (id),
    status          TEXT        NOT NULL,        -- active, inactive; computed by converge
    deactivated     BOOLEAN     NOT NULL,        -- the decision of somebody who deactivated it by API
    role_id         UUID        NOT NULL,        -- the primary role; computed by converge
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, user_id),
    FOREIGN KEY (organization_id, role_id) REFERENCES roles (organization_id, id)
);
CREATE INDEX organization_memberships_id ON organization_memberships (id);
CREATE INDEX organization_memberships_user ON organization_memberships (user_id);

-- A native group.
CREATE TABLE groups (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    id              UUID        NOT NULL,
    name            TEXT        NOT NULL,
    name_key        TEXT        NOT NULL,        -- folded and trimmed, to see collisions by
    description     TEXT,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX groups_name ON groups (organization_id, name_key, id);

-- Effective members of native groups; computed by converge from the origins.
CREATE TABLE group_memberships (
    organization_id UUID        NOT NULL,
    group_id        UUID        NOT NULL,
    membership_id   UUID        NOT NULL,
    PRIMARY KEY (organization_id, group_id, membership_id),
    FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id),
    FOREIGN KEY (organization_id, membership_id) REFERENCES organization_memberships (organization_id, id)
);
CREATE INDEX group_memberships_membership ON group_memberships (organization_id, membership_id, group_id);

-- Roles that a membership holds; computed by converge. In force while the membership is active.
CREATE TABLE membership_roles (
    organization_id UUID        NOT NULL,
    membership_id   UUID        NOT NULL,
    role_id         UUID        NOT NULL,
    PRIMARY KEY (organization_id, membership_id, role_id),
    FOREIGN KEY (organization_id, role_id) REFERENCES roles (organization_id, id),
    FOREIGN KEY (organization_id, membership_id) REFERENCES organization_memberships (organization_id, id)
);
CREATE INDEX membership_roles_role ON membership_roles (organization_id, role_id);

-- Which account a directory user is.
CREATE TABLE identity_links (
    organization_id   UUID        NOT NULL,
    directory_user_id UUID        NOT NULL,      -- no foreign key: the link of a deleted person stays, as ended
    directory_id      UUID        NOT NULL,
    user_id           UUID        REFERENCES users (id),
    membership_id     UUID,
    state             TEXT        NOT NULL,      -- linked, pending, ended
    method            TEXT        NOT NULL,      -- which rung of the ladder decided, or why it is pending
    external_id       TEXT,                      -- the directory user's when the link was made or ended
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, directory_user_id),
    FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id),
    FOREIGN KEY (organization_id, membership_id) REFERENCES organization_memberships (organization_id, id)
);
CREATE INDEX identity_links_user ON identity_links (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX identity_links_membership ON identity_links (organization_id, membership_id, directory_user_id) WHERE membership_id IS NOT NULL;
CREATE INDEX identity_links_external_id ON identity_links (organization_id, directory_id, external_id) WHERE external_id IS NOT NULL;

-- A mapping rule: the head of its versions.
CREATE TABLE mapping_rules (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    id              UUID        NOT NULL,
    key             TEXT        NOT NULL,        -- the admin's own handle
    version         BIGINT      NOT NULL,        -- the newest saved
    applied_version BIGINT,                      -- the one in force; NULL until the first is applied
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, key)
);

-- What a rule says, once per saved version; never changed.
CREATE TABLE mapping_rule_versions (
    organization_id UUID        NOT NULL,
    rule_id         UUID        NOT NULL,
    version         BIGINT      NOT NULL,
    document        TEXT        NOT NULL,        -- JSON: directory_id, position, state, when, then
    created_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, rule_id, version),
    FOREIGN KEY (organization_id, rule_id) REFERENCES mapping_rules (organization_id, id)
);

-- An applied rule matched a directory group.
CREATE TABLE bindings (
    organization_id    UUID    NOT NULL,
    rule_id            UUID    NOT NULL,
    directory_group_id UUID    NOT NULL,
    matched            BOOLEAN NOT NULL,         -- by when.group or when.group_ids
    excepted           BOOLEAN NOT NULL,         -- by when.except_group: its people are out, for this rule
    mirror_name        TEXT,                     -- the name that mirror_group gives, if the rule has that action
    mirror_name_key    TEXT,                     -- folded and trimmed
    mirror_state       TEXT,                     -- made, adopted, parked (somebody else has the name)
    mirror_group_id    UUID,                     -- the native group it became
    PRIMARY KEY (organization_id, rule_id, directory_group_id),
    FOREIGN KEY (organization_id, rule_id) REFERENCES mapping_rules (organization_id, id),
    FOREIGN KEY (organization_id, directory_group_id) REFERENCES directory_groups (organization_id, id),
    FOREIGN KEY (organization_id, mirror_group_id) REFERENCES groups (organization_id, id)
);
CREATE INDEX bindings_directory_group ON bindings (organization_id, directory_group_id);
CREATE INDEX bindings_mirror_group ON bindings (organization_id, mirror_group_id) WHERE mirror_group_id IS NOT NULL;

-- Why a native fact is there. Ids that do not apply are zero, since they are part of the key.
CREATE TABLE origins (
    organization_id    UUID        NOT NULL,
    membership_id      UUID        NOT NULL,     -- whom it concerns
    target             TEXT        NOT NULL,     -- membership, group, role
    target_id          UUID        NOT NULL,     -- the group or role; zero for the membership itself, or for "everything"
    kind               TEXT        NOT NULL,     -- manual, rule, exclude, adopted, frozen, held
    rule_id            UUID        NOT NULL,     -- of rule, exclude and frozen
    directory_group_id UUID        NOT NULL,     -- the group that the rule matched, if by a group
    directory_user_id  UUID        NOT NULL,     -- the person in whose name the rule acts
    rule_version       BIGINT      NOT NULL,     -- the version that made it; 0 where no rule did
    actor              TEXT,                     -- who made it, for manual ones
    created_at         TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, membership_id, target, target_id, kind, rule_id, directory_group_id, directory_user_id),
    FOREIGN KEY (organization_id, membership_id) REFERENCES organization_memberships (organization_id, id)
);
CREATE INDEX origins_rule ON origins (organization_id, rule_id);
CREATE INDEX origins_target ON origins (organization_id, target_id, target, membership_id);

-- What happened, in the order in which it was committed.
CREATE TABLE events (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    position        BIGINT      NOT NULL,        -- 1, 2, 3 … without gaps
    id              UUID        NOT NULL,
    event           TEXT        NOT NULL,        -- e.g. dsync.user.created
    data            TEXT        NOT NULL,        -- JSON, as it was at that moment
    context         TEXT        NOT NULL,        -- JSON: the cause
    created_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, position)
);
CREATE UNIQUE INDEX events_id ON events (organization_id, id);

-- The same for native users, who belong to no organization.
CREATE TABLE user_events (
    id              UUID        NOT NULL PRIMARY KEY,
    user_id         UUID        NOT NULL,
    event           TEXT        NOT NULL,
    data            TEXT        NOT NULL,
    context         TEXT        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL
);

-- Requests of identity providers. A successful write's entry commits with it.
CREATE TABLE requests (
    organization_id UUID        NOT NULL,
    id              UUID        NOT NULL,
    directory_id    UUID        NOT NULL,
    token_id        UUID,
    method          TEXT        NOT NULL,
    path            TEXT        NOT NULL,        -- below the base URL; no query, which may hold personal data
    status          BIGINT      NOT NULL,
    scim_type       TEXT,
    detail          TEXT,                        -- of an error
    tolerances      TEXT        NOT NULL,        -- JSON array of the names in scim::dialect
    resource_id     TEXT,
    user_agent      TEXT,
    events          BIGINT      NOT NULL,        -- how many it caused
    created_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
);
CREATE INDEX requests_directory ON requests (organization_id, directory_id, id);
CREATE INDEX bindings_mirror_name ON bindings (organization_id, mirror_name_key) WHERE mirror_name_key IS NOT NULL;

-- Keys that replicas share and nobody else sees, e.g. the one that signs cursors.
CREATE TABLE environment_secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL                          -- hexadecimal
);
