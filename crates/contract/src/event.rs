//! Socket.IO events from the server (contract, section 2), typed, with what they were read from beside them.

use std::borrow::Cow;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::auction::{AuctionStatus, Bid, Bidder, Club, Participant};
use crate::ids::{AuctionId, ClubId, LeagueId, LotId, PodId, UserId};
use crate::lenient;
use crate::money::Money;
use crate::stream::Position;
use crate::timestamp::Timestamp;

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

/// The payload as it came, for the feed and the recorder; sharing it costs a counter.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// The text of the first argument.
    Text(Arc<str>),
    /// The first argument, where a transport hands over only what it parsed.
    Value(Arc<serde_json::Value>),
    /// An event without arguments.
    Nothing,
}

impl Raw {
    /// As JSON text; empty for an event without arguments.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Value(value) => value.to_string(),
            Self::Nothing => String::new(),
        }
    }
}

/// What came of an event's payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// Understood.
    Known(Box<Event>),
    /// Nothing wrong with it, but the contract does not know the name.
    Unknown,
    /// The contract knows the name, and the payload is not what it says; with the reason.
    Malformed(String),
}

/// An event as it was received: typed where possible, raw always.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its name; one that the contract knows costs nothing.
    pub name: Cow<'static, str>,
    /// What was understood.
    pub decoded: Decoded,
    /// What it was read from.
    pub raw: Raw,
    /// How many of its fields the contract does not know.
    pub unknown_fields: u32,
}

impl Received {
    /// From the JSON text of the first argument.
    pub fn from_text(name: &str, payload: Option<&str>) -> Self {
        let Some(text) = payload else {
            return Self::without_argument(name);
        };
        let mut unknown_fields = 0;
        let mut reader = serde_json::Deserializer::from_str(text);
        let decoded = Event::read(name, &mut reader, &mut |_| unknown_fields += 1);
        Self {
            name: Self::name_of(name),
            decoded: Self::judged(decoded),
            raw: Raw::Text(text.into()),
            unknown_fields,
        }
    }

    /// From a first argument that is parsed already.
    pub fn from_value(name: &str, payload: Option<serde_json::Value>) -> Self {
        let Some(value) = payload else {
            return Self::without_argument(name);
        };
        let mut unknown_fields = 0;
        let decoded = Event::read(name, &value, &mut |_| unknown_fields += 1);
        Self {
            name: Self::name_of(name),
            decoded: Self::judged(decoded),
            raw: Raw::Value(Arc::new(value)),
            unknown_fields,
        }
    }

    fn without_argument(name: &str) -> Self {
        let decoded = if Event::NAMES.contains(&name) {
            Decoded::Malformed("it came without a payload".to_owned())
        } else {
            Decoded::Unknown
        };
        Self {
            name: Self::name_of(name),
            decoded,
            raw: Raw::Nothing,
            unknown_fields: 0,
        }
    }

    fn name_of(name: &str) -> Cow<'static, str> {
        match Event::known_name(name) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(name.to_owned()),
        }
    }

    fn judged(read: Option<Result<Event, serde_json::Error>>) -> Decoded {
        match read {
            None => Decoded::Unknown,
            Some(Ok(event)) => Decoded::Known(Box::new(event)),
            Some(Err(error)) => Decoded::Malformed(error.to_string()),
        }
    }

    /// The event, where it was understood.
    pub fn event(&self) -> Option<&Event> {
        match &self.decoded {
            Decoded::Known(event) => Some(event),
            Decoded::Unknown | Decoded::Malformed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_event_is_kept_as_it_came() {
        let received = Received::from_text("brand_new", Some(r#"{"x":[1,2]}"#));
        assert_eq!(received.decoded, Decoded::Unknown);
        assert_eq!(received.raw.to_text(), r#"{"x":[1,2]}"#);
    }

    #[test]
    fn unknown_fields_are_counted_and_stop_nothing() {
        let received =
            Received::from_text("connected", Some(r#"{"sid":"s","region":"eu","load":{"cpu":1}}"#));
        assert_eq!(received.unknown_fields, 2);
        assert!(received.event().is_some());
    }

    #[test]
    fn a_payload_that_breaks_the_contract_is_malformed_and_kept() {
        for payload in [r#"{"sid":5}"#, "{}", "[]", "null", r#"{"sid":"s""#] {
            let received = Received::from_text("connected", Some(payload));
            assert!(matches!(received.decoded, Decoded::Malformed(_)), "{payload}");
            assert_eq!(received.raw.to_text(), payload);
        }
        assert!(matches!(
            Received::from_text("connected", None).decoded,
            Decoded::Malformed(_)
        ));
        assert_eq!(Received::from_text("bell", None).decoded, Decoded::Unknown);
    }

    #[test]
    fn an_event_that_was_kept_is_the_same_event() {
        for (name, payload) in [
            ("tick", r#"{"lotId":"a-lot-1","seq":1,"endsAt":2,"serverNow":1}"#),
            (
                "auction_paused",
                r#"{"message":null,"remainingTime":9.37,"stream":{"epoch":"e","seq":4}}"#,
            ),
            (
                "sold",
                r#"{"clubId":"c","winningBid":{"userId":"u","amount":0.5,"userEmail":"a@b.example"}}"#,
            ),
        ] {
            let event = Received::from_text(name, Some(payload)).event().cloned().unwrap();
            let kept = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&kept).unwrap(), event, "{kept}");
        }
        assert!(serde_json::from_str::<Event>(r#"{"name":"bell","payload":{}}"#).is_err());
    }

    #[test]
    fn text_and_value_decode_alike() {
        let text = r#"{"lotId":"a-lot-1","amount":5000000.0,"bidder":{"userId":"u","displayName":"U"},"seq":1,"serverTime":"2026-11-23T01:25:04.346576+00:00","later":1}"#;
        let from_text = Received::from_text("bid_update", Some(text));
        let from_value = Received::from_value("bid_update", Some(serde_json::from_str(text).unwrap()));
        assert_eq!(from_text.decoded, from_value.decoded);
        assert_eq!(from_text.unknown_fields, from_value.unknown_fields);
        assert!(from_text.event().is_some());
    }
}
