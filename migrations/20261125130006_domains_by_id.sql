-- A key of the environment reads a domain by id alone.
CREATE INDEX organization_domains_id ON organization_domains (id);
