//! The backend over real HTTP and real sockets on loopback, behaviour by behaviour.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

#[path = "../common/mod.rs"]
mod common;

/// What this suite runs on. The same tests run on PostgreSQL in `auction_on_postgres`.
const ON: common::databases::Kind = common::databases::Kind::Sqlite;

mod authority;
mod authority_table;
mod certainty;
mod fleet;
mod health;
mod lots;
mod operating;
mod refusals;
mod restart;
mod rooms;
mod simultaneous_bids;
// Of the process, whatever its database.
mod starting;
mod stream;
