-- Sign-ins by an OpenID provider that are under way.
--
-- Portable DDL, see the foundation.

CREATE TABLE oidc_sign_ins (
    state      TEXT        NOT NULL PRIMARY KEY, -- SHA-256 of the state that went to the provider, hexadecimal
    browser    TEXT        NOT NULL,             -- SHA-256 of the cookie of the browser that began it, hexadecimal
    next       TEXT        NOT NULL,             -- the page that was asked for
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX oidc_sign_ins_expires_at ON oidc_sign_ins (expires_at);
