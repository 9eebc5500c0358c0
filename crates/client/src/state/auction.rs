//! One auction as its room shows it.

use gavelscope_contract::auction::ClubStatus;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money, UserId};
use serde::{Deserialize, Serialize};

use super::{LedgerEntry, Millis};

shown! {
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
}

shown_words! {
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
}
