-- My bids and what became of each. One row a bid; it is written before the request leaves and again at every move.
CREATE TABLE bids (
    key        TEXT    NOT NULL PRIMARY KEY, -- the idempotency key
    server     TEXT    NOT NULL,             -- the address, made whole
    user_id    TEXT    NOT NULL,
    auction_id TEXT    NOT NULL,
    lot        INTEGER NOT NULL,
    club_id    TEXT,
    club       TEXT    NOT NULL,
    amount     INTEGER NOT NULL,             -- pence
    fate       TEXT    NOT NULL,
    -- How far the fate has come: a row is never written over by a fate that comes before it.
    standing   INTEGER NOT NULL,
    sentence   TEXT    NOT NULL,
    refusal    TEXT,
    sent_at    INTEGER NOT NULL,             -- ms since the epoch
    answer_ms  INTEGER,
    echo_ms    INTEGER,
    pod        TEXT,
    attempts   INTEGER NOT NULL
) STRICT;

CREATE INDEX bids_by_owner ON bids (server, user_id, sent_at);
