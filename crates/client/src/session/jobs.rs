//! What the session's task does not wait for itself: calls, acks, looks later. Every job ends in one [`Done`].

use std::time::Instant;

use gavelscope_contract::auction::{AuctionSnapshot, ClubList, EventPage};
use gavelscope_contract::league::{Competition, League, ParticipantList};
use gavelscope_contract::{Ack, AuctionId, LeagueId};
use serde_json::Value;

use super::looking::Found;
use super::{BidOrder, Reply};
use crate::error::ClientError;
use crate::ledger::store::LedgerError;
use crate::rest::{Answer, BidOutcome};
use crate::state::{HealthClaim, LedgerEntry, Millis};
use crate::transport::AckError;

type Result<T> = std::result::Result<T, ClientError>;

/// A job that is over.
pub(super) enum Done {
    /// The server's name was looked up: what was found, or why not.
    Resolved {
        link: u64,
        result: std::result::Result<String, String>,
    },
    /// It is time for a check of the link to have been answered.
    CheckDue { link: u64, asked: Instant },
    /// The sign-in was renewed before its end.
    Renewed(Result<()>),
    /// A snapshot was asked for.
    Snapshot {
        auction: AuctionId,
        result: Box<Result<Answer<AuctionSnapshot>>>,
    },
    /// It is time to ask for a snapshot again.
    SnapshotDue(AuctionId),
    /// What is missing in an auction has been waited for long enough.
    Waited { auction: AuctionId, since: Millis },
    /// What was said since was asked for.
    Page {
        auction: AuctionId,
        result: Result<Answer<EventPage>>,
    },
    /// The clubs were asked for, when something about them had been told so often.
    Clubs {
        auction: AuctionId,
        told: u32,
        result: Result<Answer<ClubList>>,
    },
    /// The managers were asked for, when they had been told so often.
    Participants {
        auction: AuctionId,
        told: u32,
        result: Result<Answer<ParticipantList>>,
    },
    /// It is time to ask for a list again.
    ListDue(AuctionId, List),
    /// A league was asked for.
    League {
        league: LeagueId,
        result: Box<Result<Answer<League>>>,
    },
    /// My leagues were asked for.
    Competitions {
        result: Result<Answer<Vec<Competition>>>,
        reply: Option<Reply<()>>,
    },
    /// The health was asked for.
    Health(Result<HealthClaim>),
    /// A bid was written down, or that failed: now it can leave.
    WrittenDown {
        key: String,
        order: BidOrder,
        result: std::result::Result<(), LedgerError>,
        reply: Reply<LedgerEntry>,
    },
    /// A move of a bid was written down, or that failed.
    Saved {
        key: String,
        result: std::result::Result<(), LedgerError>,
    },
    /// It is time to write a bid down again, because it failed before.
    SaveDue(String),
    /// A bid's request is over. One that was sent again has nobody waiting.
    Bid {
        key: String,
        outcome: Box<BidOutcome>,
        reply: Option<Reply<LedgerEntry>>,
    },
    /// It is time to ask for a bid again, where the server takes a key but once.
    SendAgain(String),
    /// It is time to look for a bid whose answer never came.
    LookFor { key: String, round: usize },
    /// It was looked for.
    Looked {
        key: String,
        round: usize,
        sight: Box<Found>,
    },
    /// Time alone changes what the bid button says.
    ButtonTurns,
    /// It is time for an accepted bid to have come back.
    EchoDue(String),
    /// A join was acknowledged, or not.
    Joined {
        asked: Instant,
        link: u64,
        room: JoinedRoom,
        result: std::result::Result<Option<Ack>, AckError>,
    },
    /// A call of the user's is over; the lobby and, where given, an auction are read anew.
    Called {
        result: Result<()>,
        auction: Option<AuctionId>,
        reply: Reply<()>,
    },
    /// Joining a league is over.
    JoinedLeague {
        result: Result<LeagueId>,
        reply: Reply<LeagueId>,
    },
}

/// A list that belongs to an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Its clubs.
    Clubs,
    /// Its managers.
    Participants,
}

/// Which room a join was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JoinedRoom {
    /// An auction's.
    Auction(AuctionId),
    /// A league's.
    League(LeagueId),
    /// None: the answer is a sign of life.
    Check,
}

impl JoinedRoom {
    /// The event that asked.
    pub(super) const fn event(&self) -> &'static str {
        match self {
            Self::Auction(_) | Self::Check => "join_auction",
            Self::League(_) => "join_league_room",
        }
    }
}

/// The first argument of an ack as the contract's ack, where it is one.
pub(super) fn as_ack(arguments: Vec<Value>) -> Option<Ack> {
    arguments
        .into_iter()
        .next()
        .and_then(|first| serde_json::from_value(first).ok())
}
