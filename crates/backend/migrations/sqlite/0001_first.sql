-- Money is whole pence. Times are milliseconds since the epoch.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- A magic link is a signed token; all that has to be remembered is that it was used, until it expires.
CREATE TABLE used_links (
    link       TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE clubs (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    country           TEXT NOT NULL,
    competition       TEXT NOT NULL,
    competition_short TEXT NOT NULL
) STRICT;

CREATE TABLE leagues (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    commissioner_id    TEXT NOT NULL REFERENCES users (id),
    budget             INTEGER NOT NULL,
    min_managers       INTEGER NOT NULL,
    max_managers       INTEGER NOT NULL,
    club_slots         INTEGER NOT NULL,
    sport_key          TEXT NOT NULL,
    timer_seconds      INTEGER NOT NULL,
    anti_snipe_seconds INTEGER NOT NULL,
    -- A JSON list of club ids; null for all clubs.
    assets_selected    TEXT,
    status             TEXT NOT NULL,
    invite_token       TEXT NOT NULL UNIQUE,
    created_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX leagues_by_commissioner ON leagues (commissioner_id);

CREATE TABLE participants (
    id               TEXT PRIMARY KEY,
    league_id        TEXT NOT NULL REFERENCES leagues (id),
    user_id          TEXT NOT NULL REFERENCES users (id),
    budget_remaining INTEGER NOT NULL CHECK (budget_remaining >= 0),
    total_spent      INTEGER NOT NULL DEFAULT 0,
    joined_at        INTEGER NOT NULL,
    UNIQUE (league_id, user_id)
) STRICT;
CREATE INDEX participants_by_user ON participants (user_id);

CREATE TABLE auctions (
    id                  TEXT PRIMARY KEY,
    -- One auction a league; a new one is made once the old one is deleted.
    league_id           TEXT NOT NULL UNIQUE REFERENCES leagues (id),
    status              TEXT NOT NULL CHECK (status IN ('waiting', 'active', 'paused', 'completed')),
    -- What the clock is doing, or was doing when it was paused.
    phase               TEXT NOT NULL CHECK (phase IN ('none', 'lot', 'between')),
    current_lot         INTEGER NOT NULL DEFAULT 0,
    current_club_id     TEXT,
    current_bid         INTEGER,
    current_bidder_id   TEXT,
    bid_sequence        INTEGER NOT NULL DEFAULT 0,
    -- When the hammer falls (phase lot) or the next lot starts (phase between); null while paused.
    deadline_at         INTEGER,
    paused_remaining    INTEGER,
    -- The last number of the 3-2-1 that was said.
    countdown_said      INTEGER,
    bid_timer           INTEGER NOT NULL,
    anti_snipe          INTEGER NOT NULL,
    minimum_budget      INTEGER NOT NULL,
    -- 0 is the queue; every further round offers again what nobody bought.
    round               INTEGER NOT NULL DEFAULT 0,
    sold_in_round       INTEGER NOT NULL DEFAULT 0,
    epoch               TEXT NOT NULL,
    stream_seq          INTEGER NOT NULL DEFAULT 0,
    created_at          INTEGER NOT NULL
) STRICT;

CREATE TABLE lots (
    auction_id  TEXT NOT NULL REFERENCES auctions (id),
    club_id     TEXT NOT NULL REFERENCES clubs (id),
    position    INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('upcoming', 'current', 'sold', 'unsold')),
    last_round  INTEGER NOT NULL DEFAULT 0,
    winner_id   TEXT,
    winning_bid INTEGER,
    -- The number of the lot that it was sold as: the order of buying.
    sold_as     INTEGER,
    PRIMARY KEY (auction_id, club_id)
) STRICT;
CREATE INDEX lots_by_winner ON lots (auction_id, winner_id);

CREATE TABLE bids (
    id            TEXT PRIMARY KEY,
    auction_id    TEXT NOT NULL REFERENCES auctions (id),
    seq           INTEGER NOT NULL,
    lot_number    INTEGER NOT NULL,
    club_id       TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    amount        INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    client_bid_id TEXT,
    UNIQUE (auction_id, seq)
) STRICT;
CREATE INDEX bids_by_lot ON bids (auction_id, lot_number);

-- What was answered to a bid with an idempotency key, to be answered again.
CREATE TABLE bid_answers (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    user_id    TEXT NOT NULL,
    key        TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    answer     TEXT NOT NULL,
    PRIMARY KEY (auction_id, user_id, key)
) STRICT;

-- What was said to an auction's room and is kept, bounded, to fill gaps from.
CREATE TABLE auction_events (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    seq        INTEGER NOT NULL,
    name       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    PRIMARY KEY (auction_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiting_room (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    user_id    TEXT NOT NULL,
    entered_at INTEGER NOT NULL,
    PRIMARY KEY (auction_id, user_id)
) STRICT;
