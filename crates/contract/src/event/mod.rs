//! Socket.IO events from the server (contract, section 2), typed: their list, by name.

mod payloads;
mod received;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use payloads::*;
pub use received::{Decoded, Raw, Received};

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $name:literal,)+) => {
        /// An event of the contract.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $variant($payload),)+
        }

        impl Event {
            /// Every name that this contract knows.
            pub const NAMES: &[&str] = &[$($name),+];

            /// Its name on the wire.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// The contract's own copy of a name that it knows.
            pub fn known_name(name: &str) -> Option<&'static str> {
                match name {
                    $($name => Some($name),)+
                    _ => None,
                }
            }

            /// Reads the payload of an event of that name; `None` where the name is unknown. `ignored` is called
            /// for every field that the contract does not know.
            pub fn read<'de, D: Deserializer<'de>>(
                name: &str,
                payload: D,
                ignored: &mut impl FnMut(serde_ignored::Path<'_>),
            ) -> Option<Result<Self, D::Error>> {
                match name {
                    $($name => Some(serde_ignored::deserialize(payload, ignored).map(Self::$variant)),)+
                    _ => None,
                }
            }

            /// The payload as JSON, with the typed fields alone.
            pub fn payload(&self) -> Result<serde_json::Value, serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::to_value(payload),)+ }
            }
        }

        /// `{"name":…,"payload":…}`, for keeping: with the typed fields alone.
        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut named = serializer.serialize_struct("Event", 2)?;
                named.serialize_field("name", self.name())?;
                match self { $(Self::$variant(payload) => named.serialize_field("payload", payload)?,)+ }
                named.end()
            }
        }
    };
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
            payload: serde_json::Value,
        }
        let Named { name, payload } = Named::deserialize(deserializer)?;
        match Self::read(&name, payload, &mut |_| {}) {
            Some(read) => read.map_err(de::Error::custom),
            None => Err(de::Error::custom(format!("no event is called “{name}”"))),
        }
    }
}

events! {
    /// The first event of every connection.
    Connected(Connected) = "connected",
    /// The state of the auction, to who joined it.
    AuctionSnapshot(SnapshotEvent) = "auction_snapshot",
    /// Who is in the waiting room.
    WaitingRoomUpdated(WaitingRoomUpdated) = "waiting_room_updated",
    /// A club came under the hammer.
    LotStarted(LotStarted) = "lot_started",
    /// The clock, twice a second.
    Tick(Timer) = "tick",
    /// A late bid moved the clock.
    AntiSnipe(Timer) = "anti_snipe",
    /// A bid was accepted.
    BidUpdate(BidUpdate) = "bid_update",
    /// The same bid in the older form.
    BidPlaced(BidPlaced) = "bid_placed",
    /// The hammer fell.
    Sold(Sold) = "sold",
    /// Three seconds between two lots.
    NextTeamCountdown(NextTeamCountdown) = "next_team_countdown",
    /// The commissioner stopped the clock.
    AuctionPaused(AuctionPaused) = "auction_paused",
    /// The commissioner set it going again.
    AuctionResumed(AuctionResumed) = "auction_resumed",
    /// The auction is over.
    AuctionComplete(AuctionComplete) = "auction_complete",
    /// The auction is gone.
    AuctionDeleted(AuctionDeleted) = "auction_deleted",
    /// Somebody joined or left the league.
    ParticipantsChanged(ParticipantsChanged) = "participants_changed",
    /// The league's members, to the whole room at every join.
    SyncMembers(SyncMembers) = "sync_members",
    /// To who joined a league's room.
    RoomJoined(RoomJoined) = "room_joined",
    /// Somebody joined the league.
    MemberJoined(Member) = "member_joined",
    /// The same with the budget.
    ParticipantJoined(ParticipantJoined) = "participant_joined",
    /// The league's auction was made, began or ended.
    LeagueStatusChanged(LeagueStatusChanged) = "league_status_changed",
    /// The echo of a probe (our backend).
    Probe(Probe) = "probe",
    /// What other pods say does not arrive any more (our backend).
    ClusterDegraded(ClusterDegraded) = "cluster_degraded",
    /// It arrives again (our backend).
    ClusterRestored(ClusterRestored) = "cluster_restored",
    /// The pod is about to stop, and asks this socket to connect anew (our backend).
    PodDraining(PodDraining) = "pod_draining",
}
