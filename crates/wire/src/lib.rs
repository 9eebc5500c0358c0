//! Engine.IO 4 and Socket.IO 5 as a pure codec, and a plain connection over it: the instrument.
//!
//! - [`engine`] and [`socket`] turn text and bytes into packets and back. **Nothing there does I/O or reads a clock**, and
//!   no input makes it panic.
//! - [`connection`] speaks them over a websocket or HTTP long polling, and shows what a Socket.IO library hides:
//!   handshake headers, the time each stage took, pings, raw frames, and every refusal with its reason.
//!
//! An event is decoded without building a JSON value: [`socket::EventText`] borrows the frame, so that the first
//! argument can be deserialized straight into its type.

pub mod connection;
pub mod engine;
mod error;
mod json;
mod limits;
pub mod socket;

pub use error::{DecodeError, JsonFault};
pub use limits::{DEEPEST_NESTING, Limits};
pub use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};
