//! Auctions over REST: the snapshot, the clubs, the bid and its answer, the commissioner's calls (contract, section 1).

use serde::{Deserialize, Serialize};

use crate::ids::{AuctionId, BidId, ClubId, LeagueId, LotId, UserId};
use crate::lenient;
use crate::money::Money;
use crate::secret::Email;
use crate::stream::Position;
use crate::timestamp::Timestamp;

/// The header that makes a bid repeatable without bidding twice (contract, section 5).
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The header in which our backend names the pod that answered.
pub const POD_ID_HEADER: &str = "X-Pod-Id";
/// The header by which older backends learn who asks.
pub const USER_ID_HEADER: &str = "X-User-ID";

/// How far an auction has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuctionStatus {
    /// People gather; the commissioner has not begun.
    Waiting,
    /// Lots are under the hammer.
    Active,
    /// The commissioner stopped the clock.
    Paused,
    /// Over.
    Completed,
    /// A word that this contract does not know.
    #[serde(untagged)]
    Unknown(String),
}

impl AuctionStatus {
    /// As on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Unknown(word) => word,
        }
    }
}

/// The thing under the hammer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Club {
    /// Its id.
    pub id: ClubId,
    /// What people call it.
    pub name: String,
    /// Where it plays.
    #[serde(
        default,
        deserialize_with = "lenient::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub country: Option<Option<String>>,
    /// Address of its badge.
    #[serde(
        default,
        deserialize_with = "lenient::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub logo: Option<Option<String>>,
    /// The competition it plays in.
    #[serde(
        default,
        deserialize_with = "lenient::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub competition: Option<Option<String>>,
    /// The same in a few letters.
    #[serde(
        default,
        deserialize_with = "lenient::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub competition_short: Option<Option<String>>,
}

/// Whose bid stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bidder {
    /// Who.
    pub user_id: UserId,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// A bid as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bid {
    /// The server's number for it; the answer to a bid of the field's backend leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<BidId>,
    /// In which auction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction_id: Option<AuctionId>,
    /// Whose.
    pub user_id: UserId,
    /// On what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub club_id: Option<ClubId>,
    /// How much, in pounds.
    pub amount: Money,
    /// When the server stored it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// The bidder's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The field's backend adds it; ours never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<Email>,
    /// The idempotency key that the bid was sent with (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_bid_id: Option<String>,
    /// Its number in the auction's bid sequence (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// A manager in a league, as auctions see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// The participation's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In which league.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub league_id: Option<LeagueId>,
    /// Who.
    pub user_id: UserId,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The field's backend adds it; ours never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<Email>,
    /// What they may still spend, in pounds.
    pub budget_remaining: Money,
    /// The clubs they bought.
    #[serde(default, deserialize_with = "lenient::list")]
    pub clubs_won: Vec<ClubId>,
    /// What they spent, in pounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_spent: Option<Money>,
    /// Since when they take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
}

/// An auction as the snapshot shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    /// Its id.
    pub id: AuctionId,
    /// The league it is held for.
    pub league_id: LeagueId,
    /// How far it has come.
    pub status: AuctionStatus,
    /// The lot on the block, counted from 1; 0 before the first.
    pub current_lot: u32,
    /// The club on the block.
    pub current_club_id: Option<ClubId>,
    /// The lot's id on the wire.
    pub current_lot_id: Option<LotId>,
    /// Seconds that a lot runs from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_timer: Option<u32>,
    /// Seconds that a late bid leaves on the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anti_snipe_seconds: Option<u32>,
    /// When the hammer falls.
    pub timer_ends_at: Option<Timestamp>,
    /// The clubs in their order of sale.
    #[serde(default, deserialize_with = "lenient::list")]
    pub club_queue: Vec<ClubId>,
    /// Offered once and not sold.
    #[serde(default, deserialize_with = "lenient::list")]
    pub unsold_clubs: Vec<ClubId>,
    /// The least that a bid may be, in pounds; also what is kept back for every open slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_budget: Option<Money>,
    /// Seconds left when the commissioner paused.
    pub paused_remaining_time: Option<f64>,
    /// The price; null or 0 while nobody has bid.
    pub current_bid: Option<Money>,
    /// Who leads.
    pub current_bidder: Option<Bidder>,
    /// One counter of bids for the whole auction.
    #[serde(default)]
    pub bid_sequence: u64,
    /// Who is in the waiting room.
    #[serde(default, deserialize_with = "lenient::list")]
    pub users_in_waiting_room: Vec<UserId>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// `GET /auction/{id}`: the truth to go by (design, rule 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuctionSnapshot {
    /// The auction itself.
    pub auction: Auction,
    /// The bids on the current lot, oldest first.
    #[serde(default, deserialize_with = "lenient::list")]
    pub bids: Vec<Bid>,
    /// The club on the block.
    pub current_club: Option<Club>,
    /// Up to where in the stream it covers (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
    /// The server's clock when it answered, ms since the epoch (our backend).
    #[serde(
        default,
        deserialize_with = "lenient::moment_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub server_now: Option<i64>,
}

/// What became of a club.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClubStatus {
    /// On the block now.
    Current,
    /// Sold.
    Sold,
    /// Offered and not sold.
    Unsold,
    /// Still to come.
    Upcoming,
}

/// A club in the auction's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedClub {
    /// Its id.
    pub id: ClubId,
    /// What people call it.
    pub name: String,
    /// Where it plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The competition it plays in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub competition: Option<String>,
    /// The same in a few letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub competition_short: Option<String>,
    /// What became of it.
    pub status: ClubStatus,
    /// Its place in the order of sale.
    pub lot_number: Option<u32>,
    /// The winner's **name**.
    pub winner: Option<String>,
    /// The price, in pounds.
    pub winning_bid: Option<Money>,
    /// The winner (our backend: names can be shared by two people).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner_id: Option<UserId>,
}

/// How many clubs are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClubSummary {
    /// All.
    pub total_clubs: u32,
    /// Sold.
    pub sold_clubs: u32,
    /// Offered and not sold.
    pub unsold_clubs: u32,
    /// Still to come.
    pub remaining_clubs: u32,
}

/// `GET /auction/{id}/clubs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClubList {
    /// In no particular order.
    pub clubs: Vec<ListedClub>,
    /// Their counts.
    pub summary: ClubSummary,
}

/// `POST /auction/{id}/bid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BidRequest {
    /// Who bids; our backend requires it to agree with the token.
    pub user_id: UserId,
    /// How much, in pounds.
    pub amount: Money,
}

/// The answer to an accepted bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BidAnswer {
    /// A sentence.
    pub message: String,
    /// The bid as stored.
    pub bid: Bid,
    /// The server's clock when it answered, ms since the epoch (our backend).
    #[serde(
        default,
        deserialize_with = "lenient::moment_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub server_now: Option<i64>,
}

/// `POST /auction/{id}/begin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BeginAnswer {
    /// A sentence.
    pub message: String,
    /// Which auction.
    pub auction_id: AuctionId,
    /// The name of the first club.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_asset: Option<String>,
}

/// `POST /auction/{id}/pause` and `/resume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseAnswer {
    /// A sentence.
    pub message: String,
    /// Seconds left on the lot.
    pub remaining_time: Option<f64>,
}

/// `POST /auction/{id}/start-lot/{clubId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartLotAnswer {
    /// A sentence.
    pub message: String,
    /// What is on the block now.
    pub club: Club,
}

/// `DELETE /auction/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteAnswer {
    /// A sentence.
    pub message: String,
    /// What was deleted, by kind.
    pub deleted_data: std::collections::BTreeMap<String, u64>,
}

/// `POST /leagues/{id}/auction/reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetAnswer {
    /// A sentence.
    pub message: String,
    /// Bids deleted.
    pub bids_deleted: u64,
    /// Participants whose budget was restored.
    pub participants_reset: u64,
}

/// `GET /auction/{id}/events?after=`: what was said since (our backend).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// The stream that the numbers belong to.
    pub epoch: String,
    /// The number of the newest event that is kept.
    pub latest: u64,
    /// The number of the oldest event that is still kept; a client that needs an older one takes a snapshot.
    pub oldest: u64,
    /// In order, without holes.
    pub events: Vec<KeptEvent>,
}

/// One event of [`EventPage`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptEvent {
    /// Its number.
    pub seq: u64,
    /// Its name, as on the socket.
    pub name: String,
    /// Its payload, as on the socket.
    pub payload: serde_json::Value,
}
