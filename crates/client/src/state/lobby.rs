//! The leagues that one may go to.

use gavelscope_contract::{AuctionId, LeagueId};
use serde::{Deserialize, Serialize};

use super::Millis;

shown! {
    /// My leagues.
    pub struct Lobby {
        /// When they were last read; none before.
        pub read_at: Option<Millis>,
        /// In the server's order.
        pub leagues: Vec<LeagueCard>,
        /// Why they could not be read: a sentence.
        pub trouble: Option<String>,
        /// The server no longer takes this sign-in; nothing but a new one helps.
        pub signed_out: bool,
    }

    /// One of my leagues.
    pub struct LeagueCard {
        /// Its id.
        pub id: LeagueId,
        /// What people call it.
        pub name: String,
        /// How far it has come.
        pub stage: LeagueStage,
        /// Whether I run it.
        pub is_commissioner: bool,
        /// Its auction, where there is one.
        pub auction_id: Option<AuctionId>,
        /// How many managers there are.
        pub managers: Option<u32>,
        /// What a new manager joins with; only the commissioner is shown it.
        pub invite: Option<String>,
        /// Seconds that a lot runs.
        pub timer_seconds: Option<u32>,
    }
}

shown_words! {
    /// How far a league has come.
    pub enum LeagueStage {
        /// No auction yet.
        Gathering,
        /// The auction was made; people wait for it.
        WaitingRoom,
        /// The auction is on.
        Live,
        /// The auction is over.
        Over,
    }
}
