-- What the console's list of activity needs.
--
-- Portable DDL, see the foundation.

-- The refused requests of an organization, of whichever directory: few among many.
CREATE INDEX requests_refused ON requests (organization_id, id) WHERE status >= 400;
