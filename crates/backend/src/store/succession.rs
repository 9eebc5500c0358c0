//! What follows a lot: the club and the money change hands, and there is a next lot, or none and why.

use gavelscope_contract::ClubId;
use gavelscope_contract::auction::{Bid, Participant};
use gavelscope_contract::event::{AuctionComplete, Event};
use sqlx::FromRow;

use super::leagues::set_league_status;
use super::rows::{AuctionRow, purse};
use super::stream::Stream;
use super::{StoreError, Tx};

#[derive(Debug, FromRow)]
pub(super) struct LotRow {
    pub club_id: String,
    pub status: String,
    pub last_round: i64,
}

/// The lot that follows.
pub(super) struct Next {
    pub club: String,
    pub round: i64,
    /// It was offered before, and nobody bought it.
    pub retry: bool,
}

impl Next {
    pub(super) fn of(lot: &LotRow, round: i64) -> Self {
        Self {
            club: lot.club_id.clone(),
            round,
            retry: lot.status == "unsold",
        }
    }
}

pub(super) async fn lots(tx: &mut Tx, auction: &str) -> Result<Vec<LotRow>, StoreError> {
    Ok(
        sqlx::query_as(
            "SELECT club_id, status, last_round FROM lots WHERE auction_id = $1 ORDER BY position",
        )
        .bind(auction)
        .fetch_all(&mut **tx)
        .await?,
    )
}

/// The queue first; then, in rounds, what nobody bought, for as long as a round sells something.
pub(super) fn next_lot(lots: &[LotRow], auction: &AuctionRow) -> Option<Next> {
    if let Some(lot) = lots.iter().find(|lot| lot.status == "upcoming") {
        return Some(Next::of(lot, auction.round));
    }
    let mut unsold = lots.iter().filter(|lot| lot.status == "unsold");
    if let Some(lot) = unsold.clone().find(|lot| lot.last_round < auction.round) {
        return Some(Next::of(lot, auction.round));
    }
    let worth_another_round = auction.round == 0 || auction.sold_in_round > 0;
    unsold
        .next()
        .filter(|_| worth_another_round)
        .map(|lot| Next::of(lot, auction.round + 1))
}

/// Why no lot follows; none where one does.
pub(super) fn why_over(
    auction: &AuctionRow,
    lots: &[LotRow],
    managers: &[Participant],
) -> Result<Option<&'static str>, StoreError> {
    if lots.iter().all(|lot| lot.status == "sold") {
        return Ok(Some("All clubs have been sold"));
    }
    for manager in managers {
        if purse(auction, manager)?.maximum_bid().is_some() {
            let nobody_wants = next_lot(lots, auction).is_none();
            return Ok(nobody_wants.then_some("Nobody bid for the clubs that were left"));
        }
    }
    Ok(Some("No manager can buy another club"))
}

/// Moves club and money.
pub(super) async fn settle(
    tx: &mut Tx,
    auction: &AuctionRow,
    winning: Option<&Bid>,
) -> Result<(), StoreError> {
    let club = auction.current_club_id.as_deref();
    let Some(bid) = winning else {
        sqlx::query("UPDATE lots SET status = 'unsold' WHERE auction_id = $1 AND club_id = $2")
            .bind(&auction.id)
            .bind(club)
            .execute(&mut **tx)
            .await?;
        return Ok(());
    };
    sqlx::query(
        "UPDATE lots SET status = 'sold', winner_id = $1, winning_bid = $2, sold_as = $3
         WHERE auction_id = $4 AND club_id = $5",
    )
    .bind(bid.user_id.as_str())
    .bind(bid.amount.pence())
    .bind(auction.current_lot)
    .bind(&auction.id)
    .bind(club)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE participants SET budget_remaining = budget_remaining - $1, total_spent = total_spent + $1
         WHERE league_id = $2 AND user_id = $3",
    )
    .bind(bid.amount.pence())
    .bind(&auction.league_id)
    .bind(bid.user_id.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends an auction.
pub(super) async fn finish(
    tx: &mut Tx,
    stream: &mut Stream,
    auction: &AuctionRow,
    lots: &[LotRow],
    reason: &str,
    final_winning_bid: Option<Bid>,
    participants: Vec<Participant>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE auctions SET status = 'completed', phase = 'none', current_club_id = NULL, current_bid = NULL,
             current_bidder_id = NULL, deadline_at = NULL, countdown_said = NULL
         WHERE id = $1",
    )
    .bind(&auction.id)
    .execute(&mut **tx)
    .await?;
    set_league_status(tx, &auction.league_id(), "completed").await?;
    let sold = lots.iter().filter(|lot| lot.status == "sold").count();
    let unsold = lots.len() - sold;
    let (clubs_sold, clubs_unsold) = (u32::try_from(sold)?, u32::try_from(unsold)?);
    stream.say(|stream| {
        Event::AuctionComplete(AuctionComplete {
            message: Some(format!("Auction completed! {sold} clubs sold, {unsold} unsold.")),
            reason: Some(reason.to_owned()),
            clubs_sold,
            clubs_unsold,
            final_club_id: auction.current_club_id.clone().map(ClubId),
            final_winning_bid,
            participants,
            stream,
        })
    })
}
