//! Where an event stands in its room's stream: an addition of Gavelscope's own backend (contract, section 5).
//!
//! `seq` already means two other things in the field's events (`bid_update`: the bid sequence; `tick`: one pod's
//! timer), so the position is an object of its own and old clients read on undisturbed.

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// A position in the stream of one auction's room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Changes when history is lost or the stream starts anew; positions of two epochs cannot be compared.
    pub epoch: String,
    /// Counted from 1, without holes, over the events that are kept.
    pub seq: u64,
    /// The event is not kept (a tick, a snapshot): `seq` is the number of the last one that was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}

impl Event {
    /// Where it stands in its room's stream, where its server says so.
    pub const fn position(&self) -> Option<&Position> {
        match self {
            Self::AuctionSnapshot(event) => event.stream.as_ref(),
            Self::WaitingRoomUpdated(event) => event.stream.as_ref(),
            Self::LotStarted(event) => event.stream.as_ref(),
            Self::Tick(timer) | Self::AntiSnipe(timer) => timer.stream.as_ref(),
            Self::BidUpdate(event) => event.stream.as_ref(),
            Self::BidPlaced(event) => event.stream.as_ref(),
            Self::Sold(event) => event.stream.as_ref(),
            Self::NextTeamCountdown(event) => event.stream.as_ref(),
            Self::AuctionPaused(event) => event.stream.as_ref(),
            Self::AuctionResumed(event) => event.stream.as_ref(),
            Self::AuctionComplete(event) => event.stream.as_ref(),
            Self::AuctionDeleted(event) => event.stream.as_ref(),
            Self::ParticipantsChanged(event) => event.stream.as_ref(),
            Self::Connected(_)
            | Self::SyncMembers(_)
            | Self::RoomJoined(_)
            | Self::MemberJoined(_)
            | Self::ParticipantJoined(_)
            | Self::LeagueStatusChanged(_)
            | Self::Probe(_)
            | Self::ClusterDegraded(_)
            | Self::ClusterRestored(_)
            | Self::PodDraining(_) => None,
        }
    }
}
