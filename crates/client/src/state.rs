//! What a session publishes: one immutable state, ready to be shown.
//!
//! Everything a window or a terminal needs is decided here, in words and numbers, so that no front end needs a rule
//! of its own. Times are milliseconds since the epoch **by this machine's clock**; what the server dates is moved by
//! the estimated offset first.

use std::sync::Arc;

use gavelscope_contract::auction::ClubStatus;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money, PodId, RefusalCode, UserId};
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

    /// The backend on the other end, with what it claims.
    pub struct ServerInfo {
        /// As the user gave it, made whole: `https://host:port`.
        pub address: String,
        /// The Socket.IO path.
        pub path: String,
        /// What `/health` said last; a claim.
        pub claim: Option<HealthClaim>,
    }

    /// The claims of `/health`, with the time they were made.
    pub struct HealthClaim {
        /// When it was asked.
        pub at: Millis,
        /// `healthy`, `degraded`, …
        pub status: String,
        /// `in-memory`, `redis`.
        pub mode: Option<String>,
        /// Whether it calls itself ready for several pods.
        pub multi_pod_ready: Option<bool>,
        /// The pod that answered.
        pub pod: Option<PodId>,
        /// The adapter's state, where the server says it.
        pub adapter: Option<String>,
    }

    /// My link.
    pub struct Connection {
        /// How it is.
        pub phase: LinkPhase,
        /// Since when it is so.
        pub since: Millis,
        /// Over which library.
        pub transport: TransportKind,
        /// Over what that library carries it.
        pub carrier: Carrier,
        /// Why that is another way than the one that was chosen: a sentence.
        pub changed_over: Option<String>,
        /// Whether there was a connection before: what is made now is a new one.
        pub was_online: bool,
        /// How it came to be as it is, oldest first (the newest 50).
        pub transitions: Arc<Vec<Transition>>,
        /// The socket's id, while online.
        pub socket_id: Option<String>,
        /// The pod that holds the socket, where the server says it.
        pub pod: Option<PodId>,
        /// How often a link was lost and made again.
        pub reconnects: u32,
        /// Attempts since the link was lost.
        pub attempt: u32,
        /// When the next attempt is due, while waiting.
        pub retry_at: Option<Millis>,
        /// When anything was last heard on the socket.
        pub heard_at: Option<Millis>,
        /// The server's heartbeat, ms between pings, where the transport shows it.
        pub ping_interval_ms: Option<u32>,
        /// How long the handshake took, ms.
        pub handshake_ms: Option<u32>,
        /// Why the last link ended or the last attempt failed: a sentence.
        pub trouble: Option<String>,
        /// The pod is being replaced, and the session is on its way to another one: no loss.
        pub moving: bool,
        /// The pod says itself that it does not hear the others.
        pub pod_alone: Option<PodAlone>,
    }

    /// What a pod says that has lost the others.
    pub struct PodAlone {
        /// Which.
        pub pod: PodId,
        /// Since when: as it says, otherwise since it said so.
        pub since: Millis,
        /// Why, in its own words.
        pub reason: String,
    }

    /// A change of my link.
    pub struct Transition {
        /// When.
        pub at: Millis,
        /// How it is from then on.
        pub phase: LinkPhase,
        /// Why: a sentence.
        pub reason: String,
    }

    /// Who is signed in.
    pub struct Account {
        /// Their id.
        pub user_id: UserId,
        /// Their name.
        pub name: String,
    }

    /// The server's clock against ours.
    pub struct ClockEstimate {
        /// Add this to our clock to get the server's, ms. None before the first sample.
        pub offset_ms: Option<i32>,
        /// Half the round trip of the best sample, ms: the truth is within this of the offset.
        pub error_ms: Option<u32>,
        /// How many samples it rests on.
        pub samples: u32,
        /// Why the countdown may be wrong by more than a person would accept: a sentence. None while it can be trusted.
        pub doubt: Option<String>,
    }

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

    /// One auction, as it is known here.
    pub struct AuctionView {
        /// Its id.
        pub id: AuctionId,
        /// Its league.
        pub league_id: Option<LeagueId>,
        /// The league's name.
        pub league_name: Option<String>,
        /// How far it has come.
        pub phase: AuctionPhase,
        /// Whether what is shown can be relied on.
        pub trust: Trust,
        /// Why not, where it cannot: a sentence.
        pub doubt: Option<String>,
        /// When a message or a snapshot last changed or confirmed it.
        pub confirmed_at: Option<Millis>,
        /// In polled mode: how often the state is read at present, ms.
        pub polled_every_ms: Option<u32>,
        /// What is on the block, or was last.
        pub lot: Option<LotView>,
        /// Seconds to the next lot, in the pause between two.
        pub countdown: Option<u32>,
        /// What can be done about it.
        pub bidding: Bidding,
        /// Everybody's purse, mine first.
        pub managers: Vec<Manager>,
        /// All clubs in the order of sale.
        pub clubs: Vec<ClubRow>,
        /// Who is in the waiting room.
        pub waiting_room: Vec<Person>,
        /// The last hammer.
        pub last_sale: Option<Sale>,
        /// How it ended: a sentence.
        pub ending: Option<String>,
        /// Whether I run it.
        pub is_commissioner: bool,
        /// What the joins were answered: claims.
        pub room: RoomClaim,
        /// The last bid sequence number that was applied.
        pub sequence: u32,
        /// How often a number was missing.
        pub gaps: u32,
        /// How many events were not applied because they were known already.
        pub repeats: u32,
    }

    /// What a join was answered. A claim: the field's backend says 0, always.
    pub struct RoomClaim {
        /// Whether the server acknowledged the join.
        pub joined: bool,
        /// When it did.
        pub at: Option<Millis>,
        /// Sockets in the room on the pod of this socket.
        pub here: Option<u32>,
        /// Sockets in the room over all pods.
        pub cluster: Option<u32>,
        /// Why the join failed: a sentence.
        pub trouble: Option<String>,
    }

    /// What is on the block.
    pub struct LotView {
        /// Counted from 1.
        pub number: u32,
        /// The club.
        pub club: ClubName,
        /// Whether it was offered before.
        pub is_retry: bool,
        /// The price; none while nobody has bid.
        pub price: Option<Money>,
        /// Who leads.
        pub leader: Option<Person>,
        /// Whether that is me.
        pub leading: bool,
        /// When the hammer falls.
        pub ends_at: Option<Millis>,
        /// What was left when the clock was stopped, ms.
        pub stopped_at_ms: Option<u32>,
        /// How long a lot runs, ms: what a full clock is.
        pub full_ms: Option<u32>,
        /// When a late bid last moved the hammer.
        pub extended_at: Option<Millis>,
        /// Its bids, newest first (the newest 100).
        pub bids: Vec<BidRow>,
    }

    /// A club.
    pub struct ClubName {
        /// Its id.
        pub id: ClubId,
        /// What people call it.
        pub name: String,
        /// Where it plays.
        pub country: Option<String>,
        /// The competition it plays in.
        pub competition: Option<String>,
    }

    /// A person.
    pub struct Person {
        /// Who.
        pub user_id: UserId,
        /// Their name.
        pub name: String,
    }

    /// One bid on the lot.
    pub struct BidRow {
        /// How much.
        pub amount: Money,
        /// Who.
        pub bidder: Person,
        /// Whether that is me.
        pub mine: bool,
        /// When the server took it.
        pub at: Option<Millis>,
        /// The number in the bid sequence.
        pub seq: Option<u32>,
        /// It came after a higher one: accepted, and not the price.
        pub below: bool,
    }

    /// What can be bid.
    pub struct Bidding {
        /// Why nothing can be bid now; none where something can.
        pub blocked: Option<Blocked>,
        /// The least that would be taken.
        pub minimum: Option<Money>,
        /// The maximum legal bid: what is left, less what the open slots need.
        pub maximum: Option<Money>,
        /// The one-tap amounts, five at the most.
        pub steps: Vec<Step>,
        /// My bid that is on its way or was last decided on this lot.
        pub mine: Option<LedgerEntry>,
    }

    /// Why nothing can be bid.
    pub struct Blocked {
        /// The rule or circumstance.
        pub reason: BlockReason,
        /// The sentence that goes with the button.
        pub sentence: String,
        /// What the button itself says.
        pub button: String,
        /// Whether the user may insist on bidding all the same.
        pub may_insist: bool,
    }

    /// A one-tap amount.
    pub struct Step {
        /// The raise, as written on the button: `+£1m`.
        pub label: String,
        /// The amount that would be bid.
        pub amount: Money,
        /// Whether the rules allow it.
        pub allowed: bool,
    }

    /// A manager's purse and roster.
    pub struct Manager {
        /// Who.
        pub person: Person,
        /// Whether that is me.
        pub is_me: bool,
        /// What is left.
        pub budget: Money,
        /// What was spent.
        pub spent: Money,
        /// What was bought.
        pub roster: Vec<Won>,
        /// How many clubs they may buy at the most.
        pub slots: Option<u32>,
        /// Whether they lead the lot on the block.
        pub leading: bool,
    }

    /// A club that was bought.
    pub struct Won {
        /// The club.
        pub club: ClubName,
        /// For how much, where it is known.
        pub price: Option<Money>,
    }

    /// A club in the order of sale.
    pub struct ClubRow {
        /// The club.
        pub club: ClubName,
        /// What became of it.
        pub status: ClubStatus,
        /// Its place in the order.
        pub lot_number: Option<u32>,
        /// Who bought it.
        pub winner: Option<String>,
        /// For how much.
        pub price: Option<Money>,
    }

    /// The last hammer.
    pub struct Sale {
        /// The club.
        pub club: ClubName,
        /// Who bought it; none where nobody did.
        pub winner: Option<Person>,
        /// Whether that is me.
        pub mine: bool,
        /// For how much.
        pub price: Option<Money>,
        /// When.
        pub at: Millis,
    }

    /// A bid of mine and what became of it (design, rule 2).
    pub struct LedgerEntry {
        /// What this side calls it; also its idempotency key.
        pub key: String,
        /// In which auction.
        pub auction_id: AuctionId,
        /// On which lot.
        pub lot: u32,
        /// On what.
        pub club: String,
        /// The club's id, where it was known.
        pub club_id: Option<ClubId>,
        /// How much.
        pub amount: Money,
        /// What became of it.
        pub fate: Fate,
        /// The sentence that goes with it.
        pub sentence: String,
        /// Why it was refused.
        pub refusal: Option<RefusalCode>,
        /// When it was sent.
        pub sent_at: Millis,
        /// Until the answer, ms.
        pub answer_ms: Option<u32>,
        /// Until it came back as an event, ms.
        pub echo_ms: Option<u32>,
        /// The pod that answered.
        pub pod: Option<PodId>,
        /// How often its request was sent: more than once only where the server takes a key but once.
        pub attempts: u32,
        /// It was sent by an earlier run of the application, which ended before the answer.
        pub earlier: bool,
    }

    /// Where my bids are written down, so that a bid outlives the application.
    pub struct LedgerKeeping {
        /// The file; none where they are kept in memory only.
        pub file: Option<String>,
        /// Why they are not written down although they should be: a sentence.
        pub trouble: Option<String>,
        /// How often writing one down failed. Each is tried again until it is written.
        pub failed_writes: u32,
    }

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
    /// How my link is.
    pub enum LinkPhase {
        /// Nothing was tried yet.
        Idle,
        /// The server's name is being looked up.
        Resolving,
        /// A connection is being made.
        Connecting,
        /// Connected; Socket.IO has not said yes yet.
        Handshaking,
        /// Events can arrive.
        Online,
        /// Nothing was heard for longer than the server's heartbeat allows; it is being checked.
        Suspect,
        /// Lost; the next attempt is due at `retry_at`.
        Backoff,
        /// Ended by the user.
        Closed,
    }

    /// Over what a Socket.IO connection runs.
    pub enum Carrier {
        /// A websocket.
        Websocket,
        /// HTTP long polling, where a websocket is refused.
        Polling,
    }

    /// Over which library the socket runs.
    pub enum TransportKind {
        /// `rust_socketio`, boxed.
        RustSocketio,
        /// The plain connection of `wire`.
        Wire,
    }

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

    /// How far an auction has come.
    pub enum AuctionPhase {
        /// Nothing is known yet.
        Loading,
        /// People gather.
        Waiting,
        /// A lot is under the hammer.
        Bidding,
        /// The hammer fell; the next lot is about to start.
        Between,
        /// The commissioner stopped the clock.
        Paused,
        /// Over.
        Completed,
        /// The commissioner deleted it.
        Deleted,
    }

    /// Whether what is shown can be relied on.
    pub enum Trust {
        /// Events are contiguous.
        Live,
        /// A snapshot is on its way; what is shown may be old.
        CatchingUp,
        /// Events do not arrive; the state is read from the server again and again, and is as old as its age says.
        Polled,
        /// There is no link; what is shown is old.
        Stale,
    }

    /// Why nothing can be bid.
    pub enum BlockReason {
        /// The state is not known well enough.
        NotLive,
        /// Nothing is on the block.
        NoLot,
        /// Paused.
        Paused,
        /// Not a manager of this league.
        NotAParticipant,
        /// I lead already.
        Leading,
        /// My slots are filled.
        RosterFull,
        /// What is left does not reach.
        Budget,
        /// A bid of mine is on its way.
        InFlight,
        /// The hammer has fallen.
        TimeUp,
        /// There is less time left than a bid needs to get there; the user may insist.
        TooLate,
        /// Over.
        Over,
    }

    /// What became of a bid of mine, in the order in which it can happen.
    pub enum Fate {
        /// Written down, not sent yet.
        Draft,
        /// Sent; no answer yet.
        Sent,
        /// No answer came: it may have been stored. Being looked for.
        Unknown,
        /// The server said no.
        Refused,
        /// The server said yes; not seen in an event or a snapshot yet.
        Accepted,
        /// Seen in an event or a snapshot.
        Confirmed,
        /// Looked for and not there, or never sent: it does not count.
        NotStored,
        /// Its lot is over and its bids can no longer be read: whether it was stored cannot be known any more.
        Undecidable,
    }

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

impl LinkPhase {
    /// Whether an attempt is on its way.
    pub const fn is_underway(self) -> bool {
        matches!(
            self,
            Self::Idle | Self::Resolving | Self::Connecting | Self::Handshaking
        )
    }
}
