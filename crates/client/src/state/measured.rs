//! What was measured and written down on the way, line by line.

use gavelscope_contract::{AuctionId, PodId};
use serde::{Deserialize, Serialize};

use super::Millis;

shown! {
    /// What is being recorded.
    pub struct Recording {
        /// The folder with the ring of files.
        pub folder: String,
        /// The file that is being written.
        pub file: String,
        /// Lines that were written since the start.
        pub lines: u32,
        /// Lines that were dropped because the disk was slower than the events.
        pub dropped: u32,
        /// Why nothing is recorded any more: a sentence.
        pub trouble: Option<String>,
    }

    /// What was measured, all of it here and none of it claimed.
    pub struct Measurements {
        /// Events received since the start.
        pub events: u32,
        /// Events in the last full second.
        pub events_per_second: u32,
        /// Events in each of the last 60 seconds, oldest first.
        pub events_history: Vec<u32>,
        /// Events whose name the contract does not know.
        pub unknown_events: u32,
        /// Fields that the contract does not know.
        pub unknown_fields: u32,
        /// Events whose payload broke the contract.
        pub malformed: u32,
        /// Bid sequence numbers that were missing.
        pub gaps: u32,
        /// Events that were known already.
        pub repeats: u32,
        /// Messages that a full queue of ours dropped.
        pub dropped: u32,
        /// Snapshots taken.
        pub snapshots: u32,
        /// Those of them that were taken because events do not arrive.
        pub polls: u32,
        /// Joins that were never acknowledged.
        pub acks_missing: u32,
        /// Round trip of the last REST call, ms.
        pub rest_ms: Option<u32>,
        /// There and back over the socket, ms: a question after each of the server's heartbeats, which the transport
        /// itself answers; where it cannot be asked, joins until they are acknowledged. None before the first answer.
        pub round_trip: Option<Spread>,
        /// My bids: until the answer, ms.
        pub answer: Spread,
        /// My bids: until the echo, ms.
        pub echo: Spread,
        /// My accepted bids whose echo never came.
        pub echoes_missing: u32,
        /// The pod that took my last bid.
        pub last_bid_pod: Option<PodId>,
        /// Every pod that showed itself, newest sighting first.
        pub pods: Vec<PodSeen>,
    }

    /// How a measured time spreads.
    pub struct Spread {
        /// How many samples (the newest 100 are kept).
        pub count: u32,
        /// The newest, ms.
        pub last: Option<u32>,
        /// The middle one, ms.
        pub median: Option<u32>,
        /// 95 of 100 are not above this, ms.
        pub p95: Option<u32>,
    }

    /// A pod that showed itself.
    pub struct PodSeen {
        /// Its id.
        pub pod: PodId,
        /// How often on the socket.
        pub socket: u32,
        /// How often over REST.
        pub rest: u32,
        /// When last.
        pub at: Millis,
    }

    /// One line of the live feed.
    pub struct FeedItem {
        /// Counted from 1.
        pub id: u32,
        /// When it was received.
        pub at: Millis,
        /// Where it comes from.
        pub kind: FeedKind,
        /// The event's name, or what happened.
        pub name: String,
        /// The auction it belongs to, where that is known.
        pub auction_id: Option<AuctionId>,
        /// What it says, in words.
        pub summary: String,
        /// Whether there is raw JSON to ask for.
        pub has_raw: bool,
    }
}

shown_words! {
    /// Where a line of the feed comes from.
    pub enum FeedKind {
        /// An event that was understood.
        Event,
        /// An event that the contract does not know.
        Unknown,
        /// An event that broke the contract.
        Malformed,
        /// Something that this side noticed: a loss, a gap, a snapshot, an answer.
        Note,
    }
}
