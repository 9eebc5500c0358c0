//! What the database has in the end, and whether it adds up.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use gavelscope_client::state::{AuctionPhase, AuctionView};
use gavelscope_contract::auction::Bid;
use gavelscope_contract::{Money, UserId};
use sqlx::{PgPool, Row as _};

use crate::hall::{BUDGET, Hall};

/// One auction as the database has it.
pub struct Truth {
    pub bids: Vec<Bid>,
    sequence: u64,
    /// By club: who bought it, and for how much.
    sold: BTreeMap<String, (UserId, Money)>,
    budgets: BTreeMap<UserId, Money>,
}

fn money(pence: i64) -> anyhow::Result<Money> {
    Ok(Money::from_pence(pence)?)
}

impl Truth {
    /// Reads an auction, and checks that it agrees with itself: one winner a lot, the highest of its bids; every bid above
    /// the one before; no number missing; nobody spent what they did not have.
    pub async fn read(database: &PgPool, hall: &Hall) -> anyhow::Result<Self> {
        let (auction, league) = (hall.seed.auction.as_str(), hall.seed.league.as_str());
        let rows = sqlx::query(
            "SELECT seq, lot_number, club_id, user_id, amount, client_bid_id FROM bids WHERE auction_id = $1 ORDER BY seq",
        )
        .bind(auction)
        .fetch_all(database)
        .await?;
        let (mut bids, mut highest) = (Vec::new(), BTreeMap::<i64, (String, UserId, Money)>::new());
        for (number, row) in (1i64..).zip(&rows) {
            let (seq, lot): (i64, i64) = (row.get("seq"), row.get("lot_number"));
            ensure!(seq == number, "bid no. {number} is missing, or there twice");
            let (club, user): (String, String) = (row.get("club_id"), row.get("user_id"));
            let (amount, user) = (money(row.get("amount"))?, UserId(user));
            if let Some((_, _, before)) = highest.get(&lot) {
                ensure!(amount > *before, "bid no. {seq} is not above the one before");
            }
            highest.insert(lot, (club, user.clone(), amount));
            let key: Option<String> = row.get("client_bid_id");
            let bid = serde_json::json!({ "userId": user, "amount": amount, "clientBidId": key, "seq": seq });
            bids.push(serde_json::from_value(bid)?);
        }
        let row = sqlx::query("SELECT status, bid_sequence FROM auctions WHERE id = $1")
            .bind(auction)
            .fetch_one(database)
            .await?;
        let (status, sequence): (String, i64) = (row.get("status"), row.get("bid_sequence"));
        ensure!(status == "completed", "the auction is {status}");
        ensure!(
            usize::try_from(sequence)? == bids.len(),
            "the auction counts {sequence} bids and has {}",
            bids.len()
        );
        let mut sold = BTreeMap::new();
        let rows = sqlx::query(
            "SELECT club_id, status, winner_id, winning_bid, sold_as FROM lots WHERE auction_id = $1",
        )
        .bind(auction)
        .fetch_all(database)
        .await?;
        let mut numbers = BTreeSet::new();
        for row in rows {
            let (club, status): (String, String) = (row.get("club_id"), row.get("status"));
            ensure!(status == "sold" || status == "unsold", "{club} is {status}");
            if status == "unsold" {
                continue;
            }
            let (winner, lot): (String, i64) = (row.get("winner_id"), row.get("sold_as"));
            let (winner, price) = (UserId(winner), money(row.get("winning_bid"))?);
            ensure!(numbers.insert(lot), "lot {lot} was sold twice");
            let best = highest.remove(&lot).context("a lot was sold without a bid")?;
            ensure!(
                best == (club.clone(), winner.clone(), price),
                "lot {lot} went to {winner} for {price}, and its highest bid is {best:?}"
            );
            sold.insert(club, (winner, price));
        }
        ensure!(highest.is_empty(), "lots with bids were not sold: {highest:?}");
        let mut budgets = BTreeMap::new();
        let rows = sqlx::query(
            "SELECT user_id, budget_remaining, total_spent FROM participants WHERE league_id = $1",
        )
        .bind(league)
        .fetch_all(database)
        .await?;
        for row in rows {
            let user: String = row.get("user_id");
            let user = UserId(user);
            let (left, spent) = (
                money(row.get("budget_remaining"))?,
                money(row.get("total_spent"))?,
            );
            let bought = sold
                .values()
                .filter(|(winner, _)| *winner == user)
                .fold(Money::ZERO, |sum, (_, price)| sum.saturating_add(*price));
            let start = Money::from_pounds(BUDGET);
            ensure!(
                spent == bought && left == start.saturating_sub(bought),
                "{user} bought for {bought}, spent {spent} and has {left} left"
            );
            budgets.insert(user, left);
        }
        ensure!(budgets.len() == hall.bidders.len(), "managers are missing");
        Ok(Self {
            bids,
            sequence: u64::try_from(sequence)?,
            sold,
            budgets,
        })
    }

    /// Whether a session shows exactly that.
    pub fn is_shown(&self, view: &AuctionView) -> bool {
        let managers = view.managers.iter().all(|manager| {
            let clubs: BTreeSet<&str> = manager.roster.iter().map(|won| won.club.id.as_str()).collect();
            let bought: BTreeSet<&str> = self
                .sold
                .iter()
                .filter(|(_, (winner, _))| *winner == manager.person.user_id)
                .map(|(club, _)| club.as_str())
                .collect();
            self.budgets.get(&manager.person.user_id) == Some(&manager.budget) && clubs == bought
        });
        let clubs = view
            .clubs
            .iter()
            .all(|row| match self.sold.get(row.club.id.as_str()) {
                // Who missed the hammer may not know for how much, and then says so.
                Some((_, price)) => row.winner.is_some() && row.price.is_none_or(|shown| shown == *price),
                None => row.winner.is_none(),
            });
        view.phase == AuctionPhase::Completed
            && u64::from(view.sequence) == self.sequence
            && view.managers.len() == self.budgets.len()
            && managers
            && clubs
    }
}
