-- A SCIM token that was rotated names its successor: it is not rotated again, and its end is no news once that one is used.
--
-- Portable DDL, see the foundation.

ALTER TABLE scim_tokens ADD COLUMN replaced_by UUID; -- the token that took its place, which may have been revoked since
