//! The answer to a join (contract, sections 2 and 5), and what is sent to ask for it.

use serde::{Deserialize, Serialize};

use crate::ids::{AuctionId, LeagueId, PodId, UserId};
use crate::lenient;

/// The ack of `join_auction`, `join_league_room`, `join_probe_room` and the leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// Whether the server did it. (The field's backend says so for rooms that do not exist, too.)
    pub ok: bool,
    /// The room's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// A claim: the sockets in the room on this pod. The field's backend says 0, always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_size: Option<u32>,
    /// The sockets in the room over all pods; null where that cannot be known (our backend).
    #[serde(
        default,
        deserialize_with = "lenient::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_room_size: Option<Option<u32>>,
    /// The pod that holds the socket (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is emitted with `join_auction` and `leave_auction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinAuction {
    /// Which auction.
    pub auction_id: AuctionId,
    /// Who joins the waiting room; every join that says so is told to the whole room (contract, section 4, 7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// What is emitted with `join_league_room` and `leave_league`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinLeagueRoom {
    /// Which league.
    pub league_id: LeagueId,
}

/// What is emitted with `join_probe_room` (our backend).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinProbeRoom {
    /// A random id.
    pub probe_id: String,
}

/// What is emitted with `probe` (our backend).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeRequest {
    /// The room.
    pub probe_id: String,
    /// Comes back in the event.
    pub nonce: String,
}
