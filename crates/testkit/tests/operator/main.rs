//! What an operator has looked at, beside what anybody can measure: against real Redis, real pods of both kinds, and real
//! certificates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod fleets;
mod redis;
mod tls;
