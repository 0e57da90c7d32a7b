-- Events tell which SCIM token was made or revoked by how it ends.
--
-- Portable DDL, see the foundation.

ALTER TABLE scim_tokens ADD COLUMN suffix TEXT NOT NULL DEFAULT ''; -- its last four characters; empty for tokens from before
