//! One session: a socket, a REST client, the auctions that are open, my bids. Owned by one task, driven by commands,
//! publishing one immutable state.

mod bids;
mod cluster;
mod driver;
mod jobs;
mod keeping;
mod looking;
mod online;
mod polled;
mod publish;
mod reading;
mod recording;
mod rooms;

use std::sync::Arc;
use std::time::Duration;

use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::address::ServerAddress;
use crate::error::ClientError;
use crate::feed::FeedEntry;
use crate::ledger::store::BidKeeping;
use crate::recorder::Recorder;
use crate::rest::{Credentials, Rest};
use crate::state::{LedgerEntry, SessionState, TransportKind};

/// How a session is to be.
#[derive(Clone)]
pub struct SessionConfig {
    /// Which backend.
    pub address: ServerAddress,
    /// As whom.
    pub credentials: Credentials,
    /// Over which library.
    pub transport: TransportKind,
    /// A handshake that takes longer has failed.
    pub handshake_limit: Duration,
    /// An ack that takes longer is missing.
    pub ack_limit: Duration,
    /// An accepted bid whose echo takes longer is missing it.
    pub echo_limit: Duration,
    /// Where bids are written down before they leave.
    pub keeping: BidKeeping,
    /// Where everything is written down, where it is.
    pub recorder: Option<Recorder>,
}

impl SessionConfig {
    /// With the limits that suit a person in front of a window, and bids kept in memory only.
    pub fn new(address: ServerAddress, credentials: Credentials, transport: TransportKind) -> Self {
        Self {
            address,
            credentials,
            transport,
            handshake_limit: Duration::from_secs(5),
            ack_limit: Duration::from_secs(3),
            echo_limit: Duration::from_secs(3),
            keeping: BidKeeping::InMemory,
            recorder: None,
        }
    }
}

/// What a commissioner can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub enum CommissionerCall {
    /// Make the league's auction.
    CreateAuction,
    /// Put the first lot on the block.
    Begin,
    /// Stop the clock.
    Pause,
    /// Set it going again.
    Resume,
    /// Let the hammer fall now.
    CompleteLot,
    /// Remove the auction and give everybody their money back.
    Reset,
    /// Remove the auction.
    Delete,
}

/// What a bid would be, before it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct BidCheck {
    /// How much.
    pub amount: Money,
    /// On what.
    pub club: String,
    /// Its id, where it is known.
    pub club_id: Option<ClubId>,
    /// The price that it would beat.
    pub price: Option<Money>,
}

/// A bid as the user decided it. The amount is sent as it is or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidOrder {
    /// How much.
    pub amount: Money,
    /// The price that it was decided upon.
    pub seen: Seen,
    /// It is sent even if there is less time left than a bid needs.
    pub insist: bool,
}

impl BidOrder {
    /// One that is not insisted upon.
    pub const fn new(amount: Money, seen: Seen) -> Self {
        Self {
            amount,
            seen,
            insist: false,
        }
    }

    /// The same, insisted upon.
    #[must_use]
    pub const fn insisting(self) -> Self {
        Self { insist: true, ..self }
    }
}

/// Which price a bid was decided upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Whatever it is by now.
    Any,
    /// This one (none: nobody had bid); if it moved, nothing is sent.
    Price(Option<Money>),
}

type Reply<T> = oneshot::Sender<Result<T, ClientError>>;

enum Command {
    OpenAuction(AuctionId, Reply<()>),
    CloseAuction(AuctionId),
    CheckBid {
        auction: AuctionId,
        amount: Money,
        insist: bool,
        reply: Reply<BidCheck>,
    },
    Bid {
        auction: AuctionId,
        order: BidOrder,
        reply: Reply<LedgerEntry>,
    },
    Commission {
        league: LeagueId,
        call: CommissionerCall,
        reply: Reply<()>,
    },
    JoinLeague {
        invite: String,
        reply: Reply<LeagueId>,
    },
    RefreshLobby(Reply<()>),
    RetryNow,
    ReadFeed(oneshot::Sender<FeedReader>),
    Raw(u32, oneshot::Sender<Option<String>>),
    Close,
}

/// The feed as it is kept, and everything from now on.
pub type FeedReader = (Vec<Arc<FeedEntry>>, broadcast::Receiver<Arc<FeedEntry>>);

/// A handle on a session. The session ends with [`Session::close`] or with its last handle.
#[derive(Clone)]
pub struct Session {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<Arc<SessionState>>,
    rest: Rest,
}

impl Session {
    /// Begins to connect, and returns at once: how it goes is in the state.
    pub fn start(config: SessionConfig) -> Result<Self, ClientError> {
        let rest = Rest::new(config.address.clone())?.recorded(config.recorder.clone());
        rest.set_credentials(config.credentials.clone());
        let (commands, inbox) = mpsc::channel(64);
        let (driver, state) = driver::Driver::new(config, rest.clone(), inbox);
        tokio::spawn(driver.run());
        Ok(Self {
            commands,
            state,
            rest,
        })
    }

    /// The state, now and whenever it changes.
    pub fn state(&self) -> watch::Receiver<Arc<SessionState>> {
        self.state.clone()
    }

    /// The sign-in as it is now: the session renews it.
    pub fn credentials(&self) -> Option<Credentials> {
        self.rest.credentials()
    }

    /// Opens an auction: reads it, joins its room, follows it from then on. Returns when it was read once.
    pub async fn open_auction(&self, auction: AuctionId) -> Result<(), ClientError> {
        self.ask(|reply| Command::OpenAuction(auction, reply)).await
    }

    /// Leaves an auction's room and forgets it.
    pub async fn close_auction(&self, auction: AuctionId) {
        let _ = self.commands.send(Command::CloseAuction(auction)).await;
    }

    /// Whether a bid would break a rule that is known here, or come too late where it is not insisted upon. Nothing is
    /// sent.
    pub async fn check_bid(
        &self,
        auction: AuctionId,
        amount: Money,
        insist: bool,
    ) -> Result<BidCheck, ClientError> {
        self.ask(|reply| Command::CheckBid {
            auction,
            amount,
            insist,
            reply,
        })
        .await
    }

    /// Bids, and returns once there is an answer or none is to be expected; the entry says which. Where the session
    /// keeps its bids in a file, the bid is in it before its request leaves.
    pub async fn bid(&self, auction: AuctionId, order: BidOrder) -> Result<LedgerEntry, ClientError> {
        self.ask(|reply| Command::Bid {
            auction,
            order,
            reply,
        })
        .await
    }

    /// A commissioner's call.
    pub async fn commission(&self, league: LeagueId, call: CommissionerCall) -> Result<(), ClientError> {
        self.ask(|reply| Command::Commission { league, call, reply })
            .await
    }

    /// Joins a league by its invitation.
    pub async fn join_league(&self, invite: String) -> Result<LeagueId, ClientError> {
        self.ask(|reply| Command::JoinLeague { invite, reply }).await
    }

    /// Reads my leagues anew.
    pub async fn refresh_lobby(&self) -> Result<(), ClientError> {
        self.ask(Command::RefreshLobby).await
    }

    /// Makes the next attempt at once, where one is being waited for.
    pub async fn retry_now(&self) {
        let _ = self.commands.send(Command::RetryNow).await;
    }

    /// The feed as it is kept, and everything from now on.
    pub async fn feed(&self) -> Result<FeedReader, ClientError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::ReadFeed(reply))
            .await
            .map_err(|_| ClientError::Ended)?;
        answer.await.map_err(|_| ClientError::Ended)
    }

    /// The raw JSON of a line of the feed, indented and redacted, while it is kept.
    pub async fn raw(&self, id: u32) -> Result<Option<String>, ClientError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Raw(id, reply))
            .await
            .map_err(|_| ClientError::Ended)?;
        answer.await.map_err(|_| ClientError::Ended)
    }

    /// Ends the session and waits until it has ended.
    pub async fn close(&self) {
        if self.commands.send(Command::Close).await.is_ok() {
            self.commands.closed().await;
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ClientError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| ClientError::Ended)?;
        answer.await.map_err(|_| ClientError::Ended)?
    }
}
