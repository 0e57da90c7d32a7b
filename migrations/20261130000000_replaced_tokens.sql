-- A SCIM token that was rotated names its successor: it is not rotated again, and its end is no news while that one is there.
--
-- Portable DDL, see the foundation.

ALTER TABLE scim_tokens ADD COLUMN replaced_by UUID; -- the token that took its place, which may have been revoked since
