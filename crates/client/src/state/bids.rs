//! My own bids, and where they are kept.

use gavelscope_contract::{AuctionId, ClubId, Money, PodId, RefusalCode};
use serde::{Deserialize, Serialize};

use super::Millis;

shown! {
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
}

shown_words! {
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
}
