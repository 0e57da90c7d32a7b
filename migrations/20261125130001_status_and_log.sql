-- What the request log, the sync status and the metrics need to answer quickly.
--
-- Portable DDL, see the foundation.

-- Of a write: the organization's event position after its commit. Its events are those of the `events` positions
-- that end here. NULL for reads and for what was refused.
ALTER TABLE requests ADD COLUMN last_position BIGINT;
-- A directory's log with its statuses, to count the refused ones of a day without the rows.
CREATE INDEX requests_directory_status ON requests (organization_id, directory_id, id, status);
DROP INDEX requests_directory;
-- A directory's writes with their times: its rhythm.
CREATE INDEX requests_writes ON requests (organization_id, directory_id, id, created_at) WHERE last_position IS NOT NULL;

-- Counts that would otherwise walk through everybody.
CREATE INDEX directory_users_inactive ON directory_users (organization_id, directory_id, id) WHERE active = false;
CREATE INDEX directory_edges_pending ON directory_edges (organization_id, group_id) WHERE user_id IS NULL AND subgroup_id IS NULL;
CREATE INDEX identity_links_unlinked ON identity_links (organization_id, directory_id, state, method) WHERE state IN ('pending', 'refused');
CREATE INDEX origins_frozen_people ON origins (organization_id, directory_user_id) WHERE kind = 'frozen';
CREATE INDEX parked_effects_directory ON parked_effects (organization_id, directory_id) WHERE state = 'parked';
CREATE INDEX sync_runs_failed ON sync_runs (finished_at) WHERE state = 'failed';
