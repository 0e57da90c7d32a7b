-- What makes the mapping trustworthy: pauses, removals, frozen rules, the guard with its parked effects, runs,
-- plans, verifications, and the traces that answer "why".
--
-- Portable DDL, see the foundation.

-- While paused_at is set, facts go on and the native side waits. While leaving is set, the directory is being
-- removed: its people and groups count as gone. A removed directory stays as a tombstone.
ALTER TABLE directories ADD COLUMN paused_at TIMESTAMPTZ;
ALTER TABLE directories ADD COLUMN backlog BIGINT NOT NULL DEFAULT 0; -- writes since it was paused
ALTER TABLE directories ADD COLUMN leaving TEXT;                      -- retract, hand_over: what becomes of what it gave
ALTER TABLE directories ADD COLUMN run_id UUID;                       -- the run that resumes or removes it
ALTER TABLE directories ADD COLUMN deleted_at TIMESTAMPTZ;

-- Whether the directory user was active when the native side last looked: a pause keeps it as it was.
ALTER TABLE identity_links ADD COLUMN active BOOLEAN NOT NULL DEFAULT false;
UPDATE identity_links SET active = COALESCE((SELECT u.active FROM directory_users u
    WHERE u.organization_id = identity_links.organization_id AND u.id = identity_links.directory_user_id), false);
CREATE INDEX identity_links_directory ON identity_links (organization_id, directory_id, state);
CREATE INDEX identity_links_waiting ON identity_links (organization_id, state, directory_user_id) WHERE state <> 'linked';

-- A rule that is being deleted: retract or hand_over. Its row goes when its run is done.
ALTER TABLE mapping_rules ADD COLUMN leaving TEXT;
ALTER TABLE mapping_rules ADD COLUMN run_id UUID;                     -- the run that makes native state agree with it

-- Who or what made an origin: the id of a request, a run or a key.
ALTER TABLE origins ADD COLUMN cause TEXT;
-- With all that their queries look at, so that no planner prefers the key.
DROP INDEX origins_rule;
CREATE INDEX origins_rule ON origins (organization_id, rule_id, directory_user_id);
DROP INDEX origins_target;
CREATE INDEX origins_target ON origins (organization_id, target_id, target, kind, membership_id);
-- What ends with a directory group although nobody is in it any more.
CREATE INDEX origins_frozen ON origins (organization_id, directory_group_id) WHERE kind IN ('frozen', 'exclude');

-- Bindings, made anew: their directory group may be gone while its directory is paused.
CREATE TABLE mapping_bindings (
    organization_id    UUID    NOT NULL,
    rule_id            UUID    NOT NULL,
    directory_group_id UUID    NOT NULL,
    directory_id       UUID    NOT NULL,         -- of the directory group
    matched            BOOLEAN NOT NULL,         -- by when.group or when.group_ids
    excepted           BOOLEAN NOT NULL,         -- by when.except_group: its people are out, for this rule
    mirror_name        TEXT,                     -- the name that mirror_group gives, if the rule has that action
    mirror_name_key    TEXT,                     -- folded and trimmed
    mirror_state       TEXT,                     -- made, adopted, parked (somebody else has the name); while its people leave: ended (the group goes) or released (it stays)
    mirror_group_id    UUID,                     -- the native group it became
    mirror_keep        BOOLEAN NOT NULL,         -- the native group stays when the mirror ends
    chosen_name        TEXT,                     -- the name that an admin chose instead, where the rule's was taken
    chosen_group_id    UUID,                     -- the native group that an admin let it adopt
    PRIMARY KEY (organization_id, rule_id, directory_group_id),
    FOREIGN KEY (organization_id, rule_id) REFERENCES mapping_rules (organization_id, id),
    FOREIGN KEY (organization_id, mirror_group_id) REFERENCES groups (organization_id, id)
);
INSERT INTO mapping_bindings (organization_id, rule_id, directory_group_id, directory_id, matched, excepted,
    mirror_name, mirror_name_key, mirror_state, mirror_group_id, mirror_keep)
SELECT b.organization_id, b.rule_id, b.directory_group_id, g.directory_id, b.matched, b.excepted,
    b.mirror_name, b.mirror_name_key, b.mirror_state, b.mirror_group_id, false
FROM bindings b JOIN directory_groups g ON g.organization_id = b.organization_id AND g.id = b.directory_group_id;
DROP TABLE bindings;
ALTER TABLE mapping_bindings RENAME TO bindings;
CREATE INDEX bindings_directory_group ON bindings (organization_id, directory_group_id);
CREATE INDEX bindings_mirror_group ON bindings (organization_id, mirror_group_id) WHERE mirror_group_id IS NOT NULL;
CREATE INDEX bindings_mirror_name ON bindings (organization_id, mirror_name_key) WHERE mirror_name_key IS NOT NULL;
CREATE INDEX bindings_ended ON bindings (organization_id, rule_id) WHERE mirror_state IN ('ended', 'released');

-- The last origin that ended for each membership and target: why somebody no longer has something.
CREATE TABLE ended_origins (
    organization_id    UUID        NOT NULL,
    membership_id      UUID        NOT NULL,
    target             TEXT        NOT NULL,     -- membership, group, role
    target_id          UUID        NOT NULL,     -- zero for the membership itself
    kind               TEXT        NOT NULL,     -- of the origin that ended
    rule_id            UUID        NOT NULL,     -- zero where no rule made it
    rule_version       BIGINT      NOT NULL,
    directory_group_id UUID        NOT NULL,
    directory_user_id  UUID        NOT NULL,
    began_at           TIMESTAMPTZ NOT NULL,
    cause              TEXT        NOT NULL,     -- JSON: who or what ended it, as in the context of an event
    since_position     BIGINT      NOT NULL,     -- the events of the change that ended it come after this one
    ended_at           TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, membership_id, target, target_id)
);

-- A background convergence.
CREATE TABLE sync_runs (
    organization_id  UUID        NOT NULL REFERENCES organizations (id),
    id               UUID        NOT NULL,
    kind             TEXT        NOT NULL,       -- apply, reconcile, verify, remainder, guard
    state            TEXT        NOT NULL,       -- awaiting_approval, running, succeeded, failed, cancelled
    directory_id     UUID,                       -- of a guard's run
    plan_id          UUID,                       -- of an applied plan
    work             TEXT        NOT NULL,       -- JSON: what is to be done
    progress         TEXT        NOT NULL,       -- JSON: how far it is; enough to go on from
    done             BIGINT      NOT NULL,       -- people looked at
    total            BIGINT      NOT NULL,       -- people to look at
    effects          TEXT        NOT NULL,       -- JSON: how many of each effect it had
    problem          TEXT,                       -- why it failed
    cause            TEXT        NOT NULL,       -- JSON: who began it
    cancelling       BOOLEAN     NOT NULL,       -- somebody asked it to stop after its chunk
    claimed_by       UUID,                       -- the process that works on it
    claimed_until    TIMESTAMPTZ,                -- when others may take it over
    created_at       TIMESTAMPTZ NOT NULL,
    started_at       TIMESTAMPTZ,
    finished_at      TIMESTAMPTZ,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX sync_runs_id ON sync_runs (id);
CREATE INDEX sync_runs_unfinished ON sync_runs (state, claimed_until) WHERE state IN ('running', 'awaiting_approval');
-- One run gathers what a directory's guard parks.
CREATE UNIQUE INDEX sync_runs_guard ON sync_runs (organization_id, directory_id) WHERE kind = 'guard' AND state = 'awaiting_approval';

-- A removal that waits for somebody to approve it. It carries copies of names, since their owners may be gone.
CREATE TABLE parked_effects (
    organization_id    UUID        NOT NULL,
    id                 UUID        NOT NULL,
    run_id             UUID        NOT NULL,
    directory_id       UUID        NOT NULL,
    state              TEXT        NOT NULL,     -- parked, approved, rejected, vanished (the person came back)
    membership_id      UUID        NOT NULL,
    target             TEXT        NOT NULL,     -- membership, group, role
    target_id          UUID        NOT NULL,     -- zero for the membership itself
    rule_id            UUID        NOT NULL,     -- of the last origin, as below
    directory_group_id UUID        NOT NULL,
    directory_user_id  UUID        NOT NULL,
    person             TEXT        NOT NULL,     -- the address
    target_name        TEXT,
    rule_key           TEXT,
    directory_group    TEXT,
    cause              TEXT        NOT NULL,     -- the id of the request
    created_at         TIMESTAMPTZ NOT NULL,
    decided_at         TIMESTAMPTZ,
    decided_by         TEXT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs (organization_id, id)
);
CREATE INDEX parked_effects_run ON parked_effects (organization_id, run_id, id);
CREATE UNIQUE INDEX parked_effects_held ON parked_effects (organization_id, membership_id, target, target_id) WHERE state IN ('parked', 'rejected');

-- When each membership last lost something by a directory: the guard's window.
CREATE TABLE guard_losses (
    organization_id UUID        NOT NULL,
    directory_id    UUID        NOT NULL,
    membership_id   UUID        NOT NULL,
    lost_at         TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, directory_id, membership_id)
);
CREATE INDEX guard_losses_time ON guard_losses (organization_id, directory_id, lost_at);

-- What a set of changes would do.
CREATE TABLE mapping_plans (
    organization_id UUID        NOT NULL REFERENCES organizations (id),
    id              UUID        NOT NULL,
    state           TEXT        NOT NULL,        -- computing, ready, applied
    changes         TEXT        NOT NULL,        -- JSON array
    totals          TEXT        NOT NULL,        -- JSON object of counts
    guard           TEXT        NOT NULL,        -- JSON: the verdict
    digest          TEXT        NOT NULL,        -- of all effects: the same exactly if they are
    revision        BIGINT      NOT NULL,        -- the event position that it was computed at
    run_id          UUID,                        -- the run that applied it
    cause           TEXT        NOT NULL,        -- JSON: who asked
    created_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX mapping_plans_id ON mapping_plans (id);
CREATE INDEX mapping_plans_expires_at ON mapping_plans (expires_at);

-- One effect of a plan, or one difference that a verification found.
CREATE TABLE mapping_effects (
    organization_id UUID   NOT NULL,
    source_id       UUID   NOT NULL,             -- the plan, or the run that verified
    id              UUID   NOT NULL,             -- in the order in which they were found
    kind            TEXT   NOT NULL,
    membership_id   UUID,
    group_id        UUID,
    subject         TEXT   NOT NULL,             -- whom or what it is about: equal effects have equal kinds and subjects
    data            TEXT   NOT NULL,             -- JSON: names and reasons
    PRIMARY KEY (organization_id, source_id, id)
);
CREATE INDEX mapping_effects_kind ON mapping_effects (organization_id, source_id, kind, id);
CREATE INDEX mapping_effects_group ON mapping_effects (organization_id, source_id, group_id, id) WHERE group_id IS NOT NULL;
CREATE INDEX mapping_effects_membership ON mapping_effects (organization_id, source_id, membership_id, id) WHERE membership_id IS NOT NULL;

-- The last verification of each organization.
CREATE TABLE verifications (
    organization_id  UUID        NOT NULL PRIMARY KEY REFERENCES organizations (id),
    run_id           UUID        NOT NULL,
    drift            BIGINT      NOT NULL,       -- differences found; 0 is as it should be
    stored_checksum  TEXT        NOT NULL,       -- of what is stored
    desired_checksum TEXT        NOT NULL,       -- of what a recomputation makes
    left_out         TEXT        NOT NULL,       -- JSON array: what was not looked at, and why
    revision         BIGINT      NOT NULL,       -- the event position that it is true of
    verified_at      TIMESTAMPTZ NOT NULL
);

-- The steps of a request: received, stored, linked, mapped, applied.
ALTER TABLE requests ADD COLUMN steps TEXT;      -- JSON object of counts
ALTER TABLE requests ADD COLUMN body TEXT;       -- what was sent, redacted, where the directory's settings ask for it
CREATE INDEX requests_created_at ON requests (created_at);
