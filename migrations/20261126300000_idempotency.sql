-- Requests that carried an Idempotency-Key and had an effect, with the answer that a repetition gets. A row is stored
-- in the transaction of the effect. Of the environment, since the caller's organization is not known for every request.
CREATE TABLE idempotency_keys (
    id          TEXT        NOT NULL PRIMARY KEY, -- SHA-256, hexadecimal, of the caller, the method, the path and the key
    fingerprint TEXT        NOT NULL,             -- SHA-256, hexadecimal, of the query and the body
    state       TEXT        NOT NULL,             -- claimed, answered, withheld (the answer shows a secret) or unknown
    status      BIGINT,                           -- of the answer; NULL unless answered
    body        TEXT,                             -- JSON; NULL if the answer has none
    revision    BIGINT,                           -- the answer's Muster-Revision; NULL if it has none
    run         TEXT,                             -- the answer's Muster-Run; NULL if it has none
    claimed_at  TIMESTAMPTZ NOT NULL              -- the time of the effect
);
CREATE INDEX idempotency_keys_claimed_at ON idempotency_keys (claimed_at);
