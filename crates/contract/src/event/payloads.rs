//! What each event carries.

use serde::{Deserialize, Serialize};

use crate::auction::{AuctionStatus, Bid, Bidder, Club, Participant};
use crate::ids::{AuctionId, ClubId, LeagueId, LotId, PodId, UserId};
use crate::lenient;
use crate::money::Money;
use crate::stream::Position;
use crate::timestamp::Timestamp;

/// Payload of `connected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connected {
    /// The socket's id.
    pub sid: String,
    /// The pod that holds it (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
}

/// A lot's clock. Its `seq` lives in one pod's memory: never to be checked for gaps (contract, section 4, 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    /// Whose clock.
    pub lot_id: LotId,
    /// Not a sequence to rely on.
    pub seq: u64,
    /// When the hammer falls, ms since the epoch by the server's clock.
    #[serde(deserialize_with = "lenient::moment")]
    pub ends_at: i64,
    /// The server's clock when it spoke, ms since the epoch.
    #[serde(deserialize_with = "lenient::moment")]
    pub server_now: i64,
    /// Where this stands in the stream (our backend; only on events that are a timer themselves).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `auction_snapshot`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotEvent {
    /// Which auction (our backend; the field's leaves it out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction_id: Option<AuctionId>,
    /// How far it has come.
    pub status: AuctionStatus,
    /// The lot on the block, counted from 1.
    pub current_lot: u32,
    /// The club on the block.
    pub current_club_id: Option<ClubId>,
    /// The same with its name.
    pub current_club: Option<Club>,
    /// The price; null or 0 while nobody has bid.
    pub current_bid: Option<Money>,
    /// Who leads.
    pub current_bidder: Option<Bidder>,
    /// When the hammer falls.
    pub timer_ends_at: Option<Timestamp>,
    /// Sold clubs.
    #[serde(default, deserialize_with = "lenient::list")]
    pub sold_clubs: Vec<ClubId>,
    /// Offered once and not sold.
    #[serde(default, deserialize_with = "lenient::list")]
    pub unsold_clubs: Vec<ClubId>,
    /// The bid sequence that it covers.
    pub seq: u64,
    /// The managers.
    #[serde(default, deserialize_with = "lenient::list")]
    pub participants: Vec<Participant>,
    /// The bids on the current lot.
    #[serde(default, deserialize_with = "lenient::list")]
    pub current_bids: Vec<Bid>,
    /// The clock, while a lot runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// Up to where in the stream it covers (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `waiting_room_updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingRoomUpdated {
    /// Everybody in it.
    #[serde(deserialize_with = "lenient::list")]
    pub users_in_waiting_room: Vec<UserId>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `lot_started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LotStarted {
    /// What is on the block.
    pub club: Club,
    /// Counted from 1.
    pub lot_number: u32,
    /// Its clock.
    pub timer: Timer,
    /// Whether it was offered before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_unsold_retry: Option<bool>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `bid_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BidUpdate {
    /// Which lot.
    pub lot_id: LotId,
    /// The price now.
    pub amount: Money,
    /// Who leads.
    pub bidder: Bidder,
    /// The auction's bid sequence: contiguous, to be checked for gaps.
    pub seq: u64,
    /// The server's clock when it spoke.
    pub server_time: Timestamp,
    /// The idempotency key that the bid was sent with (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_bid_id: Option<String>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `bid_placed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BidPlaced {
    /// The bid as stored.
    pub bid: Bid,
    /// In which auction.
    pub auction_id: AuctionId,
    /// On what.
    pub club_id: ClubId,
    /// The server's clock when it spoke.
    pub server_time: Timestamp,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `sold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sold {
    /// What.
    pub club_id: ClubId,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub club_name: Option<String>,
    /// The bid that won; null where nobody bid.
    pub winning_bid: Option<Bid>,
    /// Nobody bought it.
    #[serde(default)]
    pub unsold: bool,
    /// The managers after the sale.
    #[serde(default, deserialize_with = "lenient::list")]
    pub participants: Vec<Participant>,
    /// The clock as it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `next_team_countdown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextTeamCountdown {
    /// 3, 2, 1, 0.
    pub seconds: u32,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `auction_paused`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuctionPaused {
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Seconds left on the lot.
    pub remaining_time: Option<f64>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `auction_resumed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuctionResumed {
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the hammer falls now.
    pub new_end_time: Option<Timestamp>,
    /// Seconds left on the lot.
    pub remaining_time: Option<f64>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `auction_complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuctionComplete {
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many clubs were sold.
    pub clubs_sold: u32,
    /// How many were not.
    pub clubs_unsold: u32,
    /// The last club.
    pub final_club_id: Option<ClubId>,
    /// What it went for.
    pub final_winning_bid: Option<Bid>,
    /// The managers at the end.
    #[serde(default, deserialize_with = "lenient::list")]
    pub participants: Vec<Participant>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `auction_deleted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuctionDeleted {
    /// Which auction.
    pub auction_id: AuctionId,
    /// Of which league.
    pub league_id: LeagueId,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where this stands in the stream (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// Payload of `cluster_degraded`: to every auction's room on a pod that has lost the others, and to who joins it then.
/// It is said by that pod alone and is no part of the room's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDegraded {
    /// Which pod says so.
    pub pod: PodId,
    /// A sentence: what it cannot do, and why.
    pub reason: String,
    /// Since when, ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

/// Payload of `cluster_restored`: what other pods said in the meantime was missed and is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRestored {
    /// Which pod says so.
    pub pod: PodId,
    /// How long it lasted, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
}

/// Payload of `pod_draining`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodDraining {
    /// Which pod stops.
    pub pod: PodId,
    /// Connect anew after so many ms; every socket is told another number, so that they do not come all at once.
    pub reconnect_in_ms: u64,
}

/// Payload of `participants_changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantsChanged {
    /// Which league.
    pub league_id: LeagueId,
    /// How many managers now.
    pub count: u32,
    /// Where this stands in the auction's stream (our backend; only in an auction's room).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Position>,
}

/// A member of a league, without money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
}

/// Payload of `sync_members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMembers {
    /// Which league.
    pub league_id: LeagueId,
    /// All of them.
    #[serde(deserialize_with = "lenient::list")]
    pub members: Vec<Member>,
}

/// Payload of `room_joined`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomJoined {
    /// Which league.
    pub league_id: LeagueId,
    /// How many members the league has.
    pub member_count: u32,
}

/// Payload of `participant_joined`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantJoined {
    /// Which league.
    pub league_id: LeagueId,
    /// Who.
    pub participant: Participant,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Payload of `league_status_changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeagueStatusChanged {
    /// Which league.
    pub league_id: LeagueId,
    /// `auction_created`, `auction_active`, `auction_complete`.
    pub status: String,
    /// Which auction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auction_id: Option<AuctionId>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Payload of `probe` (our backend).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// The room it was said to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_id: Option<String>,
    /// As it was sent.
    pub nonce: String,
    /// The pod that took it.
    pub pod: PodId,
}
