-- The audit log, looked through by what was done.
--
-- Portable DDL, see the foundation.

CREATE INDEX audit_events_action ON audit_events (action, id);
CREATE INDEX audit_events_organization_action ON audit_events (organization_id, action, id);
