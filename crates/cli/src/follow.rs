//! Following an auction: what changed between two states, as lines.

use std::collections::HashSet;
use std::time::Duration;

use gavelscope_client::state::{
    AuctionPhase, AuctionView, Connection, LinkPhase, Millis, Person, SessionState, Trust,
};
use gavelscope_client::{ClientError, Session};
use gavelscope_contract::auction::ClubStatus;
use gavelscope_contract::{AuctionId, ClubId, Money, PodId, UserId};
use tokio::time::Instant;

use crate::failure::{Exit, Failure};
use crate::line::What;
use crate::output::Output;
use crate::reach::{self, is_online};

/// How an auction that was followed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every lot is decided.
    Completed,
    /// The commissioner removed it.
    Deleted,
}

/// How to follow.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Print nothing on the way.
    pub quiet: bool,
    /// A link that stays away so long is lost for good.
    pub give_up: Duration,
}

/// Opens an auction and waits a moment for the names in it, so that the first lines know them.
pub async fn open(session: &Session, auction: &AuctionId) -> Result<(), Failure> {
    session.open_auction(auction.clone()).await?;
    let named = |state: &SessionState| {
        reach::view(state, auction)
            .filter(|view| !view.managers.is_empty() && !view.clubs.is_empty() && view.league_name.is_some())
            .map(|_| ())
    };
    reach::until(session, Duration::from_secs(2), named).await;
    Ok(())
}

/// Prints what happens in an open auction until it is over.
pub async fn follow(
    session: &Session,
    auction: &AuctionId,
    manner: Manner,
    output: &Output,
) -> Result<End, Failure> {
    let mut state = session.state();
    let mut follower = Follower::default();
    let mut last_online = Instant::now();
    let stop = stop_signal();
    tokio::pin!(stop);
    loop {
        let now = state.borrow_and_update().clone();
        if is_online(&now) {
            last_online = Instant::now();
        } else if last_online.elapsed() >= manner.give_up {
            return Err(lost(&now, manner.give_up));
        }
        let view = reach::view(&now, auction);
        for what in follower.changes(&now.connection, view) {
            if !manner.quiet {
                output.say(what)?;
            }
        }
        match view.map(|view| view.phase) {
            Some(AuctionPhase::Completed) => return Ok(End::Completed),
            Some(AuctionPhase::Deleted) => return Ok(End::Deleted),
            _ => {}
        }
        // A session publishes at least once a second, so a link that stays away is noticed here too.
        tokio::select! {
            changed = state.changed() => changed.map_err(|_| ClientError::Ended)?,
            () = &mut stop => return Err(Failure::interrupted()),
        }
    }
}

fn lost(state: &SessionState, limit: Duration) -> Failure {
    let why = state.connection.trouble.as_deref().unwrap_or_default();
    Failure::new(
        Exit::Lost,
        format!(
            "The connection to {} has been lost for {} s. {why}",
            state.server.address,
            limit.as_secs()
        )
        .trim()
        .to_owned(),
        "Check your network, then start the command again.",
    )
}

/// An auction that was removed.
pub fn deleted() -> Failure {
    Failure::new(
        Exit::UnknownAuction,
        "The auction was deleted.",
        "Ask the commissioner for the new one.",
    )
}

/// What was said already.
#[derive(Debug, Default)]
pub struct Follower {
    link: Option<(LinkPhase, Option<PodId>)>,
    auction: Option<(AuctionPhase, Trust)>,
    waiting: Vec<Person>,
    lot: Option<(u32, ClubId)>,
    bids: HashSet<(Money, UserId)>,
    extended_at: Option<Millis>,
    /// Clubs whose hammer was told; none before the first list of clubs, which is history.
    hammered: Option<HashSet<ClubId>>,
    gaps: u32,
}

impl Follower {
    /// What is new in a state.
    pub fn changes(&mut self, connection: &Connection, view: Option<&AuctionView>) -> Vec<What> {
        let mut news = self.link_news(connection);
        news.extend(view.map(|view| self.auction_news(view)).unwrap_or_default());
        news
    }

    /// What is new in my link.
    pub fn link_news(&mut self, connection: &Connection) -> Vec<What> {
        let mut news = Vec::new();
        self.link_changes(connection, &mut news);
        news
    }

    /// What is new in an auction.
    pub fn auction_news(&mut self, view: &AuctionView) -> Vec<What> {
        let mut news = Vec::new();
        if view.phase == AuctionPhase::Loading {
            return news;
        }
        if view.gaps > self.gaps {
            news.push(What::Gap { gaps: view.gaps });
        }
        self.gaps = view.gaps;
        // Hammers first: the phase and the next lot follow from them.
        self.hammer_changes(view, &mut news);
        self.phase_changes(view, &mut news);
        self.lot_changes(view, &mut news);
        news
    }

    fn link_changes(&mut self, connection: &Connection, news: &mut Vec<What>) {
        let now = (connection.phase, connection.pod.clone());
        let settled = !connection.phase.is_underway() && connection.phase != LinkPhase::Closed;
        // The pod is told a moment after the link is there; a link whose pod only became known is no news.
        let told = self.link.as_ref().is_some_and(|(phase, pod)| {
            *phase == now.0 && (*pod == now.1 || pod.is_none() || now.1.is_none())
        });
        if settled && !told {
            news.push(What::Connection {
                phase: connection.phase,
                transport: connection.transport,
                pod: connection.pod.clone(),
                reconnects: connection.reconnects,
                trouble: connection.trouble.clone(),
            });
        }
        self.link = Some(now);
    }

    fn phase_changes(&mut self, view: &AuctionView, news: &mut Vec<What>) {
        // A snapshot that is on its way for a moment is everyday; a doubt worth telling has a sentence.
        let trust = match (&view.doubt, self.auction) {
            (None, Some((_, before))) if view.trust == Trust::CatchingUp => before,
            _ => view.trust,
        };
        let before = self.auction.replace((view.phase, trust));
        // Between two lots the hammer and the next lot say it all.
        let everyday = before.is_some_and(|(phase, old)| {
            let lots = |phase| matches!(phase, AuctionPhase::Bidding | AuctionPhase::Between);
            old == trust && lots(phase) && lots(view.phase)
        });
        if before != self.auction && !everyday {
            news.push(What::Auction {
                id: view.id.clone(),
                league_id: view.league_id.clone(),
                league_name: view.league_name.clone(),
                phase: view.phase,
                trust: view.trust,
                doubt: view.doubt.clone(),
            });
        }
        if view.phase == AuctionPhase::Waiting && view.waiting_room != self.waiting {
            self.waiting.clone_from(&view.waiting_room);
            news.push(What::WaitingRoom {
                people: view.waiting_room.clone(),
            });
        }
    }

    fn hammer_changes(&mut self, view: &AuctionView, news: &mut Vec<What>) {
        if view.clubs.is_empty() {
            return;
        }
        let decided = view
            .clubs
            .iter()
            .filter(|row| matches!(row.status, ClubStatus::Sold | ClubStatus::Unsold));
        let Some(hammered) = &mut self.hammered else {
            self.hammered = Some(decided.map(|row| row.club.id.clone()).collect());
            return;
        };
        for row in decided {
            if hammered.insert(row.club.id.clone()) {
                news.push(What::Hammer {
                    club: row.club.clone(),
                    winner: row.winner.clone(),
                    price: row.price,
                });
            }
        }
    }

    fn lot_changes(&mut self, view: &AuctionView, news: &mut Vec<What>) {
        let Some(lot) = &view.lot else { return };
        let on_block = matches!(view.phase, AuctionPhase::Bidding | AuctionPhase::Paused);
        if on_block
            && self
                .lot
                .as_ref()
                .is_none_or(|(number, club)| (*number, club) != (lot.number, &lot.club.id))
        {
            self.lot = Some((lot.number, lot.club.id.clone()));
            self.bids.clear();
            self.extended_at = None;
            if let Some(hammered) = &mut self.hammered {
                // A club that is offered again will meet the hammer again.
                hammered.remove(&lot.club.id);
            }
            news.push(What::Lot {
                number: lot.number,
                club: lot.club.clone(),
                is_retry: lot.is_retry,
                ends_at: lot.ends_at,
            });
        }
        if self.lot.as_ref().is_none_or(|(number, _)| *number != lot.number) {
            return;
        }
        for bid in lot.bids.iter().rev() {
            // A bid that a snapshot told has no number at first where the backend gives none: its amount and bidder
            // are its name, for nobody has two bids of one amount on a lot.
            if self.bids.insert((bid.amount, bid.bidder.user_id.clone())) {
                news.push(What::Bid {
                    lot: lot.number,
                    club: lot.club.name.clone(),
                    amount: bid.amount,
                    bidder: bid.bidder.clone(),
                    mine: bid.mine,
                    seq: bid.seq,
                    below: bid.below,
                });
            }
        }
        if lot.extended_at > self.extended_at {
            self.extended_at = lot.extended_at;
            news.push(What::Extended {
                lot: lot.number,
                ends_at: lot.ends_at,
            });
        }
    }
}

/// Returns when the process is asked to stop.
pub async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
