//! The names of rooms.

use std::fmt;
use std::str::FromStr;

use crate::ids::{AuctionId, LeagueId};

/// A Socket.IO room: whoever is in it hears what is said to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {
    /// `auction:<id>`: bids, lots, the clock.
    Auction(AuctionId),
    /// `league:<id>`: members and the start of an auction.
    League(LeagueId),
    /// `probe:<id>`: a place to measure in, without a bidder in it (contract, section 5).
    Probe(String),
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auction(id) => write!(f, "auction:{id}"),
            Self::League(id) => write!(f, "league:{id}"),
            Self::Probe(id) => write!(f, "probe:{id}"),
        }
    }
}

/// A room's name that the contract does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not the name of a room: expected auction:, league: or probe: and an id")]
pub struct UnknownRoom(String);

impl FromStr for Room {
    type Err = UnknownRoom;

    fn from_str(text: &str) -> Result<Self, UnknownRoom> {
        match text.split_once(':') {
            Some(("auction", id)) if !id.is_empty() => Ok(Self::Auction(id.into())),
            Some(("league", id)) if !id.is_empty() => Ok(Self::League(id.into())),
            Some(("probe", id)) if !id.is_empty() => Ok(Self::Probe(id.to_owned())),
            _ => Err(UnknownRoom(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_rooms() {
        for name in ["auction:a:b", "league:57c9", "probe:x"] {
            assert_eq!(name.parse::<Room>().unwrap().to_string(), name);
        }
        for name in ["", "auction:", "auction", "lobby:1"] {
            assert!(name.parse::<Room>().is_err(), "{name}");
        }
    }
}
