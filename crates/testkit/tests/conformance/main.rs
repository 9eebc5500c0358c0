//! One suite of behaviours over the session's seam: `rust_socketio` in its box and `wire` over both carriers, against
//! `gaveld`, a python-socketio server and a Node socket.io server.
//!
//! Where the libraries differ by nature, what is expected of each is data beside the behaviour; the same data is what
//! `docs/transports.md` tells, and a test holds the two together.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod acks;
mod documentation;
mod floods;
mod losses;
mod on_the_way;
mod payloads;
mod pods;
mod refusals;
mod servers;
mod sessions;
mod way;
