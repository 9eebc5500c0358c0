-- Several pods on one database.

-- The order of joining, apart from the time: two people can join in the same millisecond.
ALTER TABLE participants ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE participants SET place = rowid;

-- Who may move an auction's clock, and until when. Every other holder has a greater fence.
CREATE TABLE clocks (
    auction_id TEXT PRIMARY KEY REFERENCES auctions (id),
    -- The boot of the pod that holds it, or held it last.
    holder     TEXT NOT NULL,
    fence      INTEGER NOT NULL,
    until      INTEGER NOT NULL
) STRICT;
CREATE INDEX clocks_by_holder ON clocks (holder);

-- The pods that are there: one that has not said so for long is gone, and so is who waited on it.
CREATE TABLE pods (
    boot_id TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    until   INTEGER NOT NULL
) STRICT;

-- Somebody may wait on several pods at once.
DROP TABLE waiting_room;
CREATE TABLE waiting_room (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    user_id    TEXT NOT NULL,
    boot_id    TEXT NOT NULL,
    place      INTEGER NOT NULL,
    PRIMARY KEY (auction_id, user_id, boot_id)
) STRICT;
CREATE INDEX waiting_room_by_boot ON waiting_room (boot_id);
