//! The tests of `auction` again, on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

#[path = "../common/mod.rs"]
mod common;

mod outage;

const ON: common::databases::Kind = common::databases::Kind::Postgres;

#[path = "../auction/authority.rs"]
mod authority;
#[path = "../auction/certainty.rs"]
mod certainty;
#[path = "../auction/fleet.rs"]
mod fleet;
#[path = "../auction/health.rs"]
mod health;
#[path = "../auction/lots.rs"]
mod lots;
#[path = "../auction/refusals.rs"]
mod refusals;
#[path = "../auction/restart.rs"]
mod restart;
#[path = "../auction/rooms.rs"]
mod rooms;
#[path = "../auction/simultaneous_bids.rs"]
mod simultaneous_bids;
#[path = "../auction/stream.rs"]
mod stream;
