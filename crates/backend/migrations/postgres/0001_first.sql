-- Money is whole pence. Times are milliseconds since the epoch.

-- The time that decides, for all pods alike.
CREATE FUNCTION gaveld_now() RETURNS BIGINT LANGUAGE sql VOLATILE AS
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT';

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- A magic link is a signed token; all that has to be remembered is that it was used, until it expires.
CREATE TABLE used_links (
    link       TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE clubs (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    country           TEXT NOT NULL,
    competition       TEXT NOT NULL,
    competition_short TEXT NOT NULL
);

CREATE TABLE leagues (
    id                 TEXT PRIMARY KEY,
    name               TEXT NOT NULL,
    commissioner_id    TEXT NOT NULL REFERENCES users (id),
    budget             BIGINT NOT NULL,
    min_managers       BIGINT NOT NULL,
    max_managers       BIGINT NOT NULL,
    club_slots         BIGINT NOT NULL,
    sport_key          TEXT NOT NULL,
    timer_seconds      BIGINT NOT NULL,
    anti_snipe_seconds BIGINT NOT NULL,
    -- A JSON list of club ids; null for all clubs.
    assets_selected    TEXT,
    status             TEXT NOT NULL,
    invite_token       TEXT NOT NULL UNIQUE,
    created_at         BIGINT NOT NULL
);
CREATE INDEX leagues_by_commissioner ON leagues (commissioner_id);

CREATE TABLE participants (
    id               TEXT PRIMARY KEY,
    league_id        TEXT NOT NULL REFERENCES leagues (id),
    user_id          TEXT NOT NULL REFERENCES users (id),
    budget_remaining BIGINT NOT NULL CHECK (budget_remaining >= 0),
    total_spent      BIGINT NOT NULL DEFAULT 0,
    joined_at        BIGINT NOT NULL,
    -- The order of joining, apart from the time: two people can join in the same millisecond.
    place            BIGINT NOT NULL,
    UNIQUE (league_id, user_id)
);
CREATE INDEX participants_by_user ON participants (user_id);

CREATE TABLE auctions (
    id                  TEXT PRIMARY KEY,
    -- One auction a league; a new one is made once the old one is deleted.
    league_id           TEXT NOT NULL UNIQUE REFERENCES leagues (id),
    status              TEXT NOT NULL CHECK (status IN ('waiting', 'active', 'paused', 'completed')),
    -- What the clock is doing, or was doing when it was paused.
    phase               TEXT NOT NULL CHECK (phase IN ('none', 'lot', 'between')),
    current_lot         BIGINT NOT NULL DEFAULT 0,
    current_club_id     TEXT,
    current_bid         BIGINT,
    current_bidder_id   TEXT,
    bid_sequence        BIGINT NOT NULL DEFAULT 0,
    -- When the hammer falls (phase lot) or the next lot starts (phase between); null while paused.
    deadline_at         BIGINT,
    paused_remaining    BIGINT,
    -- The last number of the 3-2-1 that was said.
    countdown_said      BIGINT,
    bid_timer           BIGINT NOT NULL,
    anti_snipe          BIGINT NOT NULL,
    minimum_budget      BIGINT NOT NULL,
    -- 0 is the queue; every further round offers again what nobody bought.
    round               BIGINT NOT NULL DEFAULT 0,
    sold_in_round       BIGINT NOT NULL DEFAULT 0,
    epoch               TEXT NOT NULL,
    stream_seq          BIGINT NOT NULL DEFAULT 0,
    created_at          BIGINT NOT NULL
);
-- Every bid writes its auction's row again: with room beside it, that touches no index.
ALTER TABLE auctions SET (fillfactor = 50);

CREATE TABLE lots (
    auction_id  TEXT NOT NULL REFERENCES auctions (id),
    club_id     TEXT NOT NULL REFERENCES clubs (id),
    position    BIGINT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('upcoming', 'current', 'sold', 'unsold')),
    last_round  BIGINT NOT NULL DEFAULT 0,
    winner_id   TEXT,
    winning_bid BIGINT,
    -- The number of the lot that it was sold as: the order of buying.
    sold_as     BIGINT,
    PRIMARY KEY (auction_id, club_id)
);
CREATE INDEX lots_by_winner ON lots (auction_id, winner_id);

CREATE TABLE bids (
    id            TEXT PRIMARY KEY,
    auction_id    TEXT NOT NULL REFERENCES auctions (id),
    seq           BIGINT NOT NULL,
    lot_number    BIGINT NOT NULL,
    club_id       TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    amount        BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    client_bid_id TEXT,
    UNIQUE (auction_id, seq)
);
CREATE INDEX bids_by_lot ON bids (auction_id, lot_number);

-- What was answered to a bid with an idempotency key, to be answered again.
CREATE TABLE bid_answers (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    user_id    TEXT NOT NULL,
    key        TEXT NOT NULL,
    amount     BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    answer     TEXT NOT NULL,
    PRIMARY KEY (auction_id, user_id, key)
);

-- What was said to an auction's room and is kept, bounded, to fill gaps from.
CREATE TABLE auction_events (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    seq        BIGINT NOT NULL,
    name       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    PRIMARY KEY (auction_id, seq)
);

-- Who may move an auction's clock, and until when. Every other holder has a greater fence.
CREATE TABLE clocks (
    auction_id TEXT PRIMARY KEY REFERENCES auctions (id),
    -- The boot of the pod that holds it, or held it last.
    holder     TEXT NOT NULL,
    fence      BIGINT NOT NULL,
    until      BIGINT NOT NULL
);
CREATE INDEX clocks_by_holder ON clocks (holder);

-- The pods that are there: one that has not said so for long is gone, and so is who waited on it.
CREATE TABLE pods (
    boot_id TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    until   BIGINT NOT NULL
);

-- Who waits for an auction to begin. Somebody may wait on several pods at once.
CREATE TABLE waiting_room (
    auction_id TEXT NOT NULL REFERENCES auctions (id),
    user_id    TEXT NOT NULL,
    boot_id    TEXT NOT NULL,
    place      BIGINT NOT NULL,
    PRIMARY KEY (auction_id, user_id, boot_id)
);
CREATE INDEX waiting_room_by_boot ON waiting_room (boot_id);
