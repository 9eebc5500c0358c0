//! The making and unmaking of a league's auction.

use gavelscope_contract::auction::AuctionStatus;
use gavelscope_contract::event::{AuctionDeleted, Event};
use gavelscope_contract::league::LeagueAuction;
use gavelscope_contract::{AuctionId, LeagueId, Money, RefusalCode, UserId};
use rand::seq::SliceRandom;

use super::leagues::{LeagueRow, clubs_of_league, set_league_status};
use super::rows::AuctionRow;
use super::stream::Stream;
use super::{Said, Store, StoreError, Tx, new_id};
use crate::refuse::{Denied, Refused};

/// The least that a bid may be, and what is kept back for every open slot.
pub(crate) const MINIMUM_BID: Money = Money::from_pounds(1_000_000);

/// What deleting an auction came to.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub bids: u64,
    pub participants_reset: u64,
    pub said: Vec<Said>,
}

impl Store {
    /// Makes a league's auction; whether it is new.
    pub(crate) async fn create_auction(
        &self,
        league: &LeagueId,
        user: &UserId,
    ) -> Result<(LeagueAuction, bool), Denied> {
        let mut tx = self.begin().await?;
        // There is no auction whose lock could come first, or nothing is changed.
        self.hold_league(&mut tx, league.as_str()).await?;
        let row = LeagueRow::load(&mut tx, league)
            .await?
            .ok_or_else(Refused::league_not_found)?;
        if row.commissioner_id != user.0 {
            return Err(Refused::commissioner_only().into());
        }
        if let Some(id) = row.auction_id.clone().map(AuctionId) {
            let auction = AuctionRow::load(&mut tx, &id)
                .await?
                .ok_or_else(Refused::auction_not_found)?;
            let status = auction.status();
            return Ok((
                LeagueAuction {
                    auction_id: id,
                    status,
                },
                false,
            ));
        }
        let mut clubs = clubs_of_league(&mut tx, &row).await?;
        if row.assets_selected.is_none() {
            clubs.shuffle(&mut rand::rng());
        }
        let id = AuctionId(new_id());
        sqlx::query(
            "INSERT INTO auctions (id, league_id, status, phase, bid_timer, anti_snipe, minimum_budget, epoch, created_at)
             VALUES ($1, $2, 'waiting', 'none', $3, $4, $5, $6, $7)",
        )
        .bind(id.as_str())
        .bind(league.as_str())
        .bind(row.timer_seconds * 1000)
        .bind(row.anti_snipe_seconds * 1000)
        .bind(MINIMUM_BID.pence())
        .bind(new_id())
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        for (position, club) in (1_i64..).zip(&clubs) {
            sqlx::query(
                "INSERT INTO lots (auction_id, club_id, position, status) VALUES ($1, $2, $3, 'upcoming')",
            )
            .bind(id.as_str())
            .bind(&club.id)
            .bind(position)
            .execute(&mut *tx)
            .await?;
        }
        set_league_status(&mut tx, league, "active").await?;
        tx.commit().await?;
        let status = AuctionStatus::Waiting;
        Ok((
            LeagueAuction {
                auction_id: id,
                status,
            },
            true,
        ))
    }

    /// Deletes an auction and gives every manager their budget back.
    pub(crate) async fn delete_auction(&self, auction: &AuctionId, user: &UserId) -> Result<Deleted, Denied> {
        let (mut tx, _) = self.turn(auction).await?;
        let row = AuctionRow::load(&mut tx, auction)
            .await?
            .ok_or_else(Refused::auction_not_found)?;
        if row.commissioner_id != user.0 {
            return Err(Refused::commissioner_only().into());
        }
        let deleted = unmake(&mut tx, &row, "Auction has been deleted by the commissioner").await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// Deletes the auction of a league, if it is paused or over, so that another one can be held.
    pub(crate) async fn reset_auction(&self, league: &LeagueId, user: &UserId) -> Result<Deleted, Denied> {
        let mut tx = self.begin().await?;
        let row = LeagueRow::load(&mut tx, league)
            .await?
            .ok_or_else(Refused::league_not_found)?;
        if row.commissioner_id != user.0 {
            return Err(Refused::commissioner_only().into());
        }
        let auction = match row.auction_id.map(AuctionId) {
            Some(id) => {
                self.hold(&mut tx, &id).await?;
                AuctionRow::load(&mut tx, &id).await?
            }
            None => None,
        };
        let auction = auction.ok_or_else(|| {
            Refused::new(
                404,
                RefusalCode::AuctionNotFound,
                "No auction found for this league",
            )
        })?;
        if !matches!(auction.status.as_str(), "paused" | "completed") {
            let sentence = "Can only reset paused or completed auctions. Please pause the auction first.";
            return Err(Refused::wrong_state(sentence).into());
        }
        let deleted = unmake(&mut tx, &auction, "Auction has been reset by the commissioner").await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

/// Takes an auction out of the world, and its traces out of the league.
async fn unmake(tx: &mut Tx, auction: &AuctionRow, message: &str) -> Result<Deleted, StoreError> {
    let mut stream = Stream::of(auction)?;
    stream.say(|stream| {
        Event::AuctionDeleted(AuctionDeleted {
            auction_id: auction.auction_id(),
            league_id: auction.league_id(),
            message: Some(message.to_owned()),
            stream,
        })
    })?;
    let bids = sqlx::query("DELETE FROM bids WHERE auction_id = $1")
        .bind(&auction.id)
        .execute(&mut **tx)
        .await?;
    for statement in [
        "DELETE FROM bid_answers WHERE auction_id = $1",
        "DELETE FROM auction_events WHERE auction_id = $1",
        "DELETE FROM clocks WHERE auction_id = $1",
        "DELETE FROM waiting_room WHERE auction_id = $1",
        "DELETE FROM lots WHERE auction_id = $1",
        "DELETE FROM auctions WHERE id = $1",
    ] {
        sqlx::query(statement)
            .bind(&auction.id)
            .execute(&mut **tx)
            .await?;
    }
    let reset = sqlx::query(
        "UPDATE participants SET total_spent = 0,
             budget_remaining = (SELECT budget FROM leagues WHERE leagues.id = participants.league_id)
         WHERE league_id = $1",
    )
    .bind(&auction.league_id)
    .execute(&mut **tx)
    .await?;
    set_league_status(tx, &auction.league_id(), "pending").await?;
    Ok(Deleted {
        bids: bids.rows_affected(),
        participants_reset: reset.rows_affected(),
        said: stream.into_said(),
    })
}
