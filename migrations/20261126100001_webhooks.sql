-- Where events are sent, and what became of each.

-- An address that events are sent to.
CREATE TABLE webhook_endpoints (
    organization_id  UUID        NOT NULL,        -- whose events it gets; the nil id: those of the whole environment
    id               UUID        NOT NULL,
    endpoint_url     TEXT        NOT NULL,        -- as it was given
    url_key          TEXT        NOT NULL,        -- normalised
    events           TEXT        NOT NULL,        -- JSON array of the names that it gets
    enabled          BOOLEAN     NOT NULL,
    disabled_reason  TEXT,                        -- why the program itself disabled it
    secret           TEXT        NOT NULL,        -- signs; sealed if there is a key for secrets
    previous_secret  TEXT,                        -- signs too, after a rotation …
    previous_until   TIMESTAMPTZ,                 -- … until then
    last_event_id    UUID,                        -- delivered or given up; NULL before the first of the feed
    looked_to        BIGINT      NOT NULL,        -- of an organization: up to this position there is nothing else for it
    attempts         BIGINT      NOT NULL,        -- at the event after last_event_id, that failed
    next_attempt_at  TIMESTAMPTZ,                 -- when that one is tried again
    wanted           BIGINT      NOT NULL,        -- how often somebody asked for something again since it was looked at
    claimed_by       UUID,                        -- the worker whose turn it is
    claimed_until    TIMESTAMPTZ,                 -- until when; then others may take it over
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,        -- when somebody changed it; deliveries do not
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, url_key)
);
CREATE UNIQUE INDEX webhook_endpoints_by_id ON webhook_endpoints (id);

-- What became of an event at an endpoint.
CREATE TABLE webhook_deliveries (
    organization_id  UUID        NOT NULL,        -- that of the endpoint
    endpoint_id      UUID        NOT NULL,
    event_id         UUID        NOT NULL,
    event            TEXT        NOT NULL,        -- its name
    state            TEXT        NOT NULL,        -- delivered, retrying, dead, queued
    attempts         BIGINT      NOT NULL,        -- how often it was sent
    last_status      BIGINT,                      -- of the answer
    last_error       TEXT,                        -- why the last attempt failed
    response         TEXT,                        -- what the answer began with
    duration_ms      BIGINT,
    next_attempt_at  TIMESTAMPTZ,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, endpoint_id, event_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id) ON DELETE CASCADE
);
-- Lists by state, and what was asked for again.
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (organization_id, endpoint_id, state, event_id);
-- What is old, of all endpoints.
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (state, updated_at);
