//! One auction session: connect, join, bid, recover. Owns the socket; publishes one state.

pub mod address;
pub mod auction;
mod backoff;
mod bid_button;
pub mod bots;
mod change_over;
pub mod check;
mod clock;
mod delivery;
mod error;
pub mod feed;
pub mod input;
mod ledger;
mod link;
mod measure;
mod network;
pub mod recorder;
pub mod redact;
pub mod reducer;
pub mod rest;
mod session;
pub mod state;
pub mod time;
pub mod transport;
mod view;
mod words;

pub use address::{AddressError, ServerAddress};
pub use error::ClientError;
pub use ledger::store::{BidKeeping, LedgerError, LedgerStore, Owner};
pub use session::{BidCheck, BidOrder, CommissionerCall, FeedReader, Seen, Session, SessionConfig};
