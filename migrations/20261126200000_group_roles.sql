-- Roles that native groups have: whoever is effectively in the group holds the role. A decision of people, part of
-- the organization's policy.
CREATE TABLE group_roles (
    organization_id UUID        NOT NULL,        -- whose it is
    group_id        UUID        NOT NULL,        -- the native group
    role_id         UUID        NOT NULL,        -- the role that its members hold
    created_by      TEXT        NOT NULL,        -- who assigned it: the id of a key, or root
    created_at      TIMESTAMPTZ NOT NULL,        -- since when
    PRIMARY KEY (organization_id, group_id, role_id),
    FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id),
    FOREIGN KEY (organization_id, role_id) REFERENCES roles (organization_id, id)
);
CREATE INDEX group_roles_role ON group_roles (organization_id, role_id, group_id);

-- Who holds a role is looked for when it is deleted: with the membership in it, the index is all that is read.
DROP INDEX membership_roles_role;
CREATE INDEX membership_roles_role ON membership_roles (organization_id, role_id, membership_id);

-- Who made a role: the id of a key, or root; NULL for those that every organization has from the start.
ALTER TABLE roles ADD COLUMN created_by TEXT;
