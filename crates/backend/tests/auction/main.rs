//! The backend over real HTTP and real sockets on loopback, behaviour by behaviour.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod certainty;
mod health;
mod lots;
mod refusals;
mod restart;
mod rooms;
mod stream;
