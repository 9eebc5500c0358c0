//! What is read of an auction: the snapshot, the clubs, the bids, what its clock has to do.

use gavelscope_contract::auction::{
    AuctionSnapshot, AuctionStatus, Bid, ClubList, ClubStatus, ClubSummary, ListedClub,
};
use gavelscope_contract::event::{SnapshotEvent, Timer, WaitingRoomUpdated};
use gavelscope_contract::league::LeagueAuction;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, LotId, Money, Position, Timestamp, UserId};
use sqlx::FromRow;

use super::lease::Lease;
use super::rows::{AuctionRow, BidRow, ClubRow, ParticipantRow};
use super::waiting::waiting;
use super::{Store, StoreError, Tx};

/// What an auction's clock has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockView {
    /// How far the auction has come.
    pub status: AuctionStatus,
    /// A lot is on the block; otherwise, the pause before the next one.
    pub lot_open: bool,
    /// When the hammer falls or the next lot starts, ms since the epoch; none while the clock stands still.
    pub deadline: Option<i64>,
    /// The last number of the 3-2-1 that was said.
    pub countdown_said: Option<u32>,
    /// The lot's id.
    pub lot: LotId,
    /// The bid sequence, which a tick carries.
    pub bid_sequence: u64,
    /// Where the room's stream stands.
    pub position: Position,
    /// Whose the clock is.
    pub lease: Option<Lease>,
    /// What time it was by the database's clock when this had been read.
    pub now: i64,
}

#[derive(Debug, FromRow)]
struct ListedRow {
    id: String,
    name: String,
    country: String,
    competition: String,
    competition_short: String,
    status: String,
    position: i64,
    winner_id: Option<String>,
    winner: Option<String>,
    winning_bid: Option<i64>,
}

impl ListedRow {
    fn into_club(self) -> Result<ListedClub, StoreError> {
        Ok(ListedClub {
            id: ClubId(self.id),
            name: self.name,
            country: Some(self.country),
            competition: Some(self.competition),
            competition_short: Some(self.competition_short),
            status: match self.status.as_str() {
                "current" => ClubStatus::Current,
                "sold" => ClubStatus::Sold,
                "unsold" => ClubStatus::Unsold,
                _ => ClubStatus::Upcoming,
            },
            lot_number: Some(u32::try_from(self.position)?),
            winner: self.winner,
            winning_bid: self.winning_bid.map(Money::from_pence).transpose()?,
            winner_id: self.winner_id.map(UserId),
        })
    }
}

/// Where the stream stands; a snapshot covers it up to there and is no part of it.
fn position(auction: &AuctionRow) -> Result<Position, StoreError> {
    Ok(Position {
        epoch: auction.epoch.clone(),
        seq: u64::try_from(auction.stream_seq)?,
        passing: true,
    })
}

async fn clubs_by_status(
    tx: &mut Tx,
    auction: &str,
    status: Option<&str>,
) -> Result<Vec<ClubId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT club_id FROM lots WHERE auction_id = $1 AND ($2 IS NULL OR status = $2) ORDER BY position",
    )
    .bind(auction)
    .bind(status)
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(ClubId).collect())
}

impl Store {
    /// The league that an auction is held for.
    pub(crate) async fn league_of(&self, auction: &AuctionId) -> Result<Option<LeagueId>, StoreError> {
        let league: Option<String> = sqlx::query_scalar("SELECT league_id FROM auctions WHERE id = $1")
            .bind(auction.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(league.map(LeagueId))
    }

    /// A league's auction.
    pub(crate) async fn auction_of(&self, league: &LeagueId) -> Result<Option<LeagueAuction>, StoreError> {
        let mut tx = self.view().await?;
        let id: Option<String> = sqlx::query_scalar("SELECT id FROM auctions WHERE league_id = $1")
            .bind(league.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(auction_id) = id.map(AuctionId) else {
            return Ok(None);
        };
        let row = AuctionRow::load(&mut tx, &auction_id).await?;
        Ok(row.map(|row| LeagueAuction {
            auction_id,
            status: row.status(),
        }))
    }

    /// The auction of the league that an invitation is for.
    pub(crate) async fn auction_of_invite(&self, invite: &str) -> Result<Option<AuctionId>, StoreError> {
        let id: Option<String> = sqlx::query_scalar(
            "SELECT a.id FROM auctions a JOIN leagues l ON l.id = a.league_id WHERE l.invite_token = $1",
        )
        .bind(invite.trim().to_lowercase())
        .fetch_optional(&self.read)
        .await?;
        Ok(id.map(AuctionId))
    }

    /// What an auction's clock has to do; none where the auction is gone.
    pub(crate) async fn clock_view(&self, auction: &AuctionId) -> Result<Option<ClockView>, StoreError> {
        let mut tx = self.view().await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(None);
        };
        Ok(Some(ClockView {
            status: row.status(),
            lot_open: row.has_lot(),
            deadline: row.is_active().then_some(row.deadline_at).flatten(),
            countdown_said: row.countdown_said.map(u32::try_from).transpose()?,
            lot: row.lot_id()?,
            bid_sequence: u64::try_from(row.bid_sequence)?,
            position: position(&row)?,
            lease: row.lease(),
            // After the lease was read: what has lapsed meanwhile counts as lapsed.
            now: self.time_in(&mut tx).await?,
        }))
    }

    /// How far an auction's stream has come.
    pub(crate) async fn position_of(&self, auction: &AuctionId) -> Result<Option<Position>, StoreError> {
        let mut tx = self.view().await?;
        AuctionRow::load(&mut tx, auction)
            .await?
            .as_ref()
            .map(position)
            .transpose()
    }

    /// `GET /auction/{id}`, read in one transaction.
    pub async fn snapshot(&self, auction: &AuctionId) -> Result<Option<AuctionSnapshot>, StoreError> {
        let mut tx = self.view().await?;
        self.snapshot_in(&mut tx, auction).await
    }

    async fn snapshot_in(
        &self,
        tx: &mut Tx,
        auction: &AuctionId,
    ) -> Result<Option<AuctionSnapshot>, StoreError> {
        let Some(row) = AuctionRow::load(tx, auction).await? else {
            return Ok(None);
        };
        let bids = if row.has_lot() {
            BidRow::list(tx, &row.id, Some(row.current_lot)).await?
        } else {
            Vec::new()
        };
        let current_club = match &row.current_club_id {
            Some(id) => Some(ClubRow::load(tx, id).await?.into_club()),
            None => None,
        };
        let queue = clubs_by_status(tx, &row.id, None).await?;
        let unsold = clubs_by_status(tx, &row.id, Some("unsold")).await?;
        let users = waiting(tx, auction).await?;
        let stream = Some(position(&row)?);
        Ok(Some(AuctionSnapshot {
            auction: row.into_auction(queue, unsold, users)?,
            bids,
            current_club,
            stream,
            server_now: Some(self.now()),
        }))
    }

    /// `auction_snapshot`, to who joins the room; read in one transaction, too.
    pub(crate) async fn snapshot_event(
        &self,
        auction: &AuctionId,
    ) -> Result<Option<SnapshotEvent>, StoreError> {
        let mut tx = self.view().await?;
        let Some(snapshot) = self.snapshot_in(&mut tx, auction).await? else {
            return Ok(None);
        };
        let AuctionSnapshot {
            auction,
            bids,
            current_club,
            stream,
            ..
        } = snapshot;
        let sold_clubs = clubs_by_status(&mut tx, auction.id.as_str(), Some("sold")).await?;
        let participants = ParticipantRow::list(&mut tx, auction.league_id.as_str()).await?;
        let ends_at = auction.timer_ends_at.as_ref().map(Timestamp::millis);
        let timer = auction
            .current_lot_id
            .clone()
            .zip(ends_at)
            .map(|(lot_id, ends_at)| Timer {
                lot_id,
                seq: auction.bid_sequence,
                ends_at,
                server_now: self.now(),
                stream: None,
            });
        Ok(Some(SnapshotEvent {
            auction_id: Some(auction.id),
            status: auction.status,
            current_lot: auction.current_lot,
            current_club_id: auction.current_club_id,
            current_club,
            current_bid: auction.current_bid,
            current_bidder: auction.current_bidder,
            timer_ends_at: auction.timer_ends_at,
            sold_clubs,
            unsold_clubs: auction.unsold_clubs,
            seq: auction.bid_sequence,
            participants,
            current_bids: bids,
            timer,
            stream,
        }))
    }

    /// Who waits, for one who has joined a room in which that is known already.
    pub(crate) async fn waiting_room(
        &self,
        auction: &AuctionId,
    ) -> Result<Option<WaitingRoomUpdated>, StoreError> {
        let mut tx = self.view().await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(None);
        };
        Ok(Some(WaitingRoomUpdated {
            users_in_waiting_room: waiting(&mut tx, auction).await?,
            stream: Some(position(&row)?),
        }))
    }

    /// `GET /auction/{id}/clubs`.
    pub async fn clubs_of(&self, auction: &AuctionId) -> Result<ClubList, StoreError> {
        let rows: Vec<ListedRow> = sqlx::query_as(
            "SELECT c.id, c.name, c.country, c.competition, c.competition_short, l.status, l.position, l.winner_id,
                    u.name AS winner, l.winning_bid
             FROM lots l JOIN clubs c ON c.id = l.club_id LEFT JOIN users u ON u.id = l.winner_id
             WHERE l.auction_id = $1 ORDER BY l.position",
        )
        .bind(auction.as_str())
        .fetch_all(&self.read)
        .await?;
        let clubs = rows
            .into_iter()
            .map(ListedRow::into_club)
            .collect::<Result<Vec<_>, _>>()?;
        let count = |status| u32::try_from(clubs.iter().filter(|club| club.status == status).count());
        let summary = ClubSummary {
            total_clubs: u32::try_from(clubs.len())?,
            sold_clubs: count(ClubStatus::Sold)?,
            unsold_clubs: count(ClubStatus::Unsold)?,
            remaining_clubs: count(ClubStatus::Upcoming)? + count(ClubStatus::Current)?,
        };
        Ok(ClubList { clubs, summary })
    }

    /// Every bid of an auction, in order.
    pub async fn all_bids(&self, auction: &AuctionId) -> Result<Vec<Bid>, StoreError> {
        let mut tx = self.view().await?;
        BidRow::list(&mut tx, auction.as_str(), None).await
    }
}
