-- The audit log of an organization, looked through by who did it.
--
-- Portable DDL, see the foundation.

CREATE INDEX audit_events_organization_actor ON audit_events (organization_id, actor_id, id);
