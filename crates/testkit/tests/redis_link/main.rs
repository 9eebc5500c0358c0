//! Pods that hear each other through a real Redis, and what becomes of them when it does not behave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod addresses;
mod faults;
mod hall;
mod presence;
