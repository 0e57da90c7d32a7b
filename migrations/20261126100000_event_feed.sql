-- The feed of events over all organizations: in an order in which nothing appears late before what was read.

-- PostgreSQL: what is added to the id of a transaction to make the place of its events in the feed; raised when a
-- database was restored into a server whose transaction ids are lower. SQLite: the last place that was given.
CREATE TABLE event_clock (
    value BIGINT NOT NULL
);
INSERT INTO event_clock (value) VALUES (0);

-- The place of the transaction that wrote the event; its events have the order of their ids. 0 before this was kept.
ALTER TABLE events ADD COLUMN commit_order BIGINT NOT NULL DEFAULT 0;
ALTER TABLE user_events ADD COLUMN commit_order BIGINT NOT NULL DEFAULT 0;

-- A cursor is found by its id alone, whichever organization it is of.
CREATE INDEX events_by_id ON events (id);
-- The feed is read name by name, so that a rare name is found without a walk past all the others.
CREATE INDEX events_feed ON events (event, commit_order, id);
CREATE INDEX events_organization_feed ON events (organization_id, event, position);
CREATE INDEX user_events_feed ON user_events (event, commit_order, id);
