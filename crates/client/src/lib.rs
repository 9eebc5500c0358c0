//! One auction session: connect, join, bid, recover. Owns the socket; publishes one state.

pub mod state;
