//! Identifiers as types, so that a league's id cannot be passed where an auction's is wanted.

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as the server wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )+};
}

identifier! {
    /// An auction.
    AuctionId,
    /// A bid as the server numbers it. (What a client calls its bid is the idempotency key.)
    BidId,
    /// A club: the thing under the hammer.
    ClubId,
    /// A league: the competition whose managers bid.
    LeagueId,
    /// One instance of the backend.
    PodId,
    /// A person who bids.
    UserId,
    /// One lot of one auction, written `<auctionId>-lot-<number>`.
    LotId,
}

impl LotId {
    /// The lot id of the wire for a lot's number (counted from 1).
    pub fn new(auction: &AuctionId, number: u32) -> Self {
        Self(format!("{auction}-lot-{number}"))
    }

    /// The lot's number within its auction, where the id has the shape that the contract gives it.
    pub fn number(&self) -> Option<u32> {
        self.0
            .rsplit_once("-lot-")
            .and_then(|(_, number)| number.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_id_carries_its_number() {
        let lot = LotId::new(&AuctionId::from("a-lot-b"), 12);
        assert_eq!(lot.as_str(), "a-lot-b-lot-12");
        assert_eq!(lot.number(), Some(12));
        assert_eq!(LotId::from("something else").number(), None);
    }
}
