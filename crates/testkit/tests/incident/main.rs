//! The incident, on this machine: several pods behind HAProxy, each with sessions on it, and a bid that one of them
//! takes. Who hears of it depends on what is between the pods; what is shown is true all the same.
//!
//! The table in `docs/operations.md` says what these tests say, and names them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod apart;
mod balancer;
mod broken;
mod hall;
mod together;
mod two_fleets;
