-- Organizations that are deleted while much is in them, and what must be unique of them.
--
-- Portable DDL, see the foundation.

-- Since deleted_at nobody reaches the organization. What was in it goes a stretch at a time, until emptied_at; its
-- row and its events stay.
ALTER TABLE organizations ADD COLUMN deleted_by TEXT;        -- JSON: the key that deleted it, its id and its name
ALTER TABLE organizations ADD COLUMN emptied_at TIMESTAMPTZ; -- nothing is in it any more
CREATE INDEX organizations_to_empty ON organizations (id) WHERE deleted_at IS NOT NULL AND emptied_at IS NULL;
CREATE UNIQUE INDEX organizations_stripe_customer ON organizations (stripe_customer_id) WHERE stripe_customer_id IS NOT NULL AND deleted_at IS NULL;
