-- The console: who may sign in, who is signed in, links that let somebody in once, and what admins did.
--
-- Portable DDL, see the foundation.

-- People who run Muster. Of the environment: they see every organization.
CREATE TABLE operators (
    id              UUID        NOT NULL PRIMARY KEY,
    email           TEXT        NOT NULL,       -- as it was written
    email_key       TEXT        NOT NULL,       -- folded
    name            TEXT        NOT NULL,       -- for people; empty if none was given
    role            TEXT        NOT NULL,       -- owner, admin, read
    password        TEXT,                       -- argon2id in PHC form; NULL until one is chosen
    created_at      TIMESTAMPTZ NOT NULL,
    last_sign_in_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX operators_email ON operators (email_key);

-- Links that let somebody in once.
CREATE TABLE entry_links (
    digest          TEXT        NOT NULL PRIMARY KEY, -- SHA-256 of the secret in the link, hexadecimal
    purpose         TEXT        NOT NULL,       -- first_owner, password (of operator_id) or portal (of organization_id)
    operator_id     UUID        REFERENCES operators (id),
    organization_id UUID        REFERENCES organizations (id),
    return_url      TEXT,                       -- where a guest of the portal goes when done
    made_by         TEXT        NOT NULL,       -- the id of the actor
    created_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX entry_links_expires_at ON entry_links (expires_at);
CREATE INDEX entry_links_operator ON entry_links (operator_id);

-- Who is signed in: an operator, or a guest of one organization.
CREATE TABLE console_sessions (
    id              UUID        NOT NULL PRIMARY KEY,
    digest          TEXT        NOT NULL,       -- SHA-256 of the cookie, hexadecimal
    operator_id     UUID        REFERENCES operators (id),
    organization_id UUID        REFERENCES organizations (id), -- of a guest; NULL for an operator
    return_url      TEXT,                       -- of a guest
    agent           TEXT        NOT NULL,       -- the browser, as it names itself, cut
    created_at      TIMESTAMPTZ NOT NULL,
    seen_at         TIMESTAMPTZ NOT NULL,       -- to the minute; a session that is long unseen is over
    expires_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX console_sessions_digest ON console_sessions (digest);
CREATE INDEX console_sessions_operator ON console_sessions (operator_id);
CREATE INDEX console_sessions_expires_at ON console_sessions (expires_at);

-- Sign-ins that failed, per address typed and per network address: both as digests.
CREATE TABLE sign_in_failures (
    id         TEXT        NOT NULL PRIMARY KEY,
    failures   BIGINT      NOT NULL,
    retry_at   TIMESTAMPTZ,                     -- no attempt counts before; NULL while there were few
    updated_at TIMESTAMPTZ NOT NULL
);

-- The last entry of each chain of the audit log.
CREATE TABLE audit_chains (
    organization_id UUID   NOT NULL PRIMARY KEY, -- all zeroes: the environment
    position        BIGINT NOT NULL,
    digest          TEXT   NOT NULL
);

-- What admins did, in the transaction in which they did it. Each entry's digest covers the one before it.
CREATE TABLE audit_events (
    organization_id UUID        NOT NULL,       -- all zeroes: the environment
    position        BIGINT      NOT NULL,       -- 1, 2, 3 … without gaps
    id              UUID        NOT NULL,
    action          TEXT        NOT NULL,       -- the operation, as the API reference calls it
    target          TEXT        NOT NULL,       -- the path that it was asked of
    actor           TEXT        NOT NULL,       -- JSON: id, name, source
    actor_id        TEXT        NOT NULL,
    request_id      TEXT,                       -- NULL for what the program did itself
    detail          TEXT        NOT NULL,       -- JSON: what was asked for, without secrets
    address         TEXT,                       -- the network address that it came from
    created_at      TIMESTAMPTZ NOT NULL,
    digest          TEXT        NOT NULL,       -- SHA-256 over the digest before and everything above
    PRIMARY KEY (organization_id, position)
);
CREATE UNIQUE INDEX audit_events_id ON audit_events (id);
CREATE INDEX audit_events_organization ON audit_events (organization_id, id);
CREATE INDEX audit_events_actor ON audit_events (actor_id, id);
