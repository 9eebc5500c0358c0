//! What a session publishes: one immutable state, ready to be shown.
//!
//! Everything a window or a terminal needs is decided here, in words and numbers, so that no front end needs a rule
//! of its own. Times are milliseconds since the epoch **by this machine's clock**; what the server dates is moved by
//! the estimated offset first.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Milliseconds since the epoch, by this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
// TypeScript has one kind of number, and it holds these exactly.
pub struct Millis(#[cfg_attr(feature = "specta", specta(type = u32))] pub i64);

impl Millis {
    /// How long ago that was, ms; 0 where it lies ahead.
    pub fn age_at(self, now: Self) -> u32 {
        u32::try_from((now.0 - self.0).max(0)).unwrap_or(u32::MAX)
    }
}

macro_rules! shown {
    ($($item:item)+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        $item
    )+};
}

macro_rules! shown_words {
    ($($item:item)+) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        $item
    )+};
}

// The modules come after the macros that they are written with.
mod auction;
mod bids;
mod connection;
mod lobby;
mod measured;

pub use auction::*;
pub use bids::*;
pub use connection::*;
pub use lobby::*;
pub use measured::*;

shown! {
    /// The whole of it.
    pub struct SessionState {
        /// Grows by one with every publication.
        pub revision: u32,
        /// When it was published.
        pub at: Millis,
        /// The backend on the other end.
        pub server: ServerInfo,
        /// My link to it (design, rule 4: never mixed up with the server's clock or the auction).
        pub connection: Connection,
        /// Who is signed in.
        pub account: Account,
        /// The server's clock against ours.
        pub clock: ClockEstimate,
        /// My leagues.
        pub lobby: Lobby,
        /// The auctions that were opened, in the order of opening.
        pub auctions: Vec<Arc<AuctionView>>,
        /// My bids of this session and those that an earlier one left open, oldest first (the newest 200).
        pub bids: Vec<LedgerEntry>,
        /// Where those bids are written down.
        pub ledger: LedgerKeeping,
        /// What was measured.
        pub measurements: Measurements,
        /// What is being recorded, where anything is.
        pub recording: Option<Recording>,
    }
}
