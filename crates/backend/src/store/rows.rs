//! Rows as the tables hold them, and the contract's types made of them.

use gavelscope_contract::auction::{Auction, AuctionStatus, Bid, Bidder, Club, Participant};
use gavelscope_contract::auth::User;
use gavelscope_contract::ids::BidId;
use gavelscope_contract::rules::Purse;
use gavelscope_contract::secret::Email;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, LotId, Money, Timestamp, UserId};
use sqlx::FromRow;

use super::lease::{Hold, Lease};
use super::{StoreError, Tx};

#[derive(Debug, Clone, FromRow)]
pub(super) struct UserRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub created_at: i64,
}

impl UserRow {
    pub(super) fn into_user(self) -> User {
        User {
            id: UserId(self.id),
            name: self.name,
            email: Some(Email(self.email)),
            created_at: Some(Timestamp::from_millis(self.created_at)),
        }
    }
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct ClubRow {
    pub id: String,
    pub name: String,
    pub country: String,
    pub competition: String,
    pub competition_short: String,
}

impl ClubRow {
    pub(super) fn into_club(self) -> Club {
        Club {
            id: ClubId(self.id),
            name: self.name,
            country: Some(Some(self.country)),
            logo: Some(None),
            competition: Some(Some(self.competition)),
            competition_short: Some(Some(self.competition_short)),
        }
    }

    pub(super) async fn load(tx: &mut Tx, id: &str) -> Result<Self, StoreError> {
        Ok(sqlx::query_as(
            "SELECT id, name, country, competition, competition_short FROM clubs WHERE id = $1",
        )
        .bind(id)
        .fetch_one(&mut **tx)
        .await?)
    }
}

/// An auction, with what its league grants and the leader's name beside it.
#[derive(Debug, Clone, FromRow)]
pub(super) struct AuctionRow {
    pub id: String,
    pub league_id: String,
    pub status: String,
    pub phase: String,
    pub current_lot: i64,
    pub current_club_id: Option<String>,
    pub current_bid: Option<i64>,
    pub current_bidder_id: Option<String>,
    pub current_bidder_name: Option<String>,
    pub bid_sequence: i64,
    pub deadline_at: Option<i64>,
    pub paused_remaining: Option<i64>,
    pub countdown_said: Option<i64>,
    pub bid_timer: i64,
    pub anti_snipe: i64,
    pub minimum_budget: i64,
    pub round: i64,
    pub sold_in_round: i64,
    pub epoch: String,
    pub stream_seq: i64,
    pub created_at: i64,
    pub commissioner_id: String,
    pub club_slots: i64,
    pub min_managers: i64,
    pub clock_holder: Option<String>,
    pub clock_fence: Option<i64>,
    pub clock_until: Option<i64>,
}

impl AuctionRow {
    pub(super) async fn load(tx: &mut Tx, id: &AuctionId) -> Result<Option<Self>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT a.*, u.name AS current_bidder_name, l.commissioner_id, l.club_slots, l.min_managers,
                    k.holder AS clock_holder, k.fence AS clock_fence, k.until AS clock_until
             FROM auctions a
             JOIN leagues l ON l.id = a.league_id
             LEFT JOIN clocks k ON k.auction_id = a.id
             LEFT JOIN users u ON u.id = a.current_bidder_id
             WHERE a.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await?)
    }

    /// The lease of its clock; none where nobody ever had it.
    pub(super) fn lease(&self) -> Option<Lease> {
        Some(Lease {
            holder: self.clock_holder.clone()?,
            fence: self.clock_fence?,
            until: self.clock_until?,
        })
    }

    /// Whether this holder may move its clock.
    pub(super) fn admits(&self, hold: &Hold, now: i64) -> bool {
        self.lease().is_some_and(|lease| lease.admits(hold, now))
    }

    pub(super) fn auction_id(&self) -> AuctionId {
        AuctionId(self.id.clone())
    }

    pub(super) fn league_id(&self) -> LeagueId {
        LeagueId(self.league_id.clone())
    }

    pub(super) fn is_active(&self) -> bool {
        self.status == "active"
    }

    /// A lot is on the block (its clock may stand still).
    pub(super) fn has_lot(&self) -> bool {
        self.phase == "lot"
    }

    /// The number of the current or last lot.
    pub(super) fn lot_number(&self) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.current_lot)?)
    }

    pub(super) fn lot_id(&self) -> Result<LotId, StoreError> {
        Ok(LotId::new(&self.auction_id(), self.lot_number()?))
    }

    pub(super) fn price(&self) -> Result<Option<Money>, StoreError> {
        Ok(self.current_bid.map(Money::from_pence).transpose()?)
    }

    pub(super) fn minimum(&self) -> Result<Money, StoreError> {
        Ok(Money::from_pence(self.minimum_budget)?)
    }

    pub(super) fn status(&self) -> AuctionStatus {
        match self.status.as_str() {
            "waiting" => AuctionStatus::Waiting,
            "active" => AuctionStatus::Active,
            "paused" => AuctionStatus::Paused,
            "completed" => AuctionStatus::Completed,
            other => AuctionStatus::Unknown(other.to_owned()),
        }
    }

    pub(super) fn leader(&self) -> Option<Bidder> {
        self.current_bidder_id.as_ref().map(|id| Bidder {
            user_id: UserId(id.clone()),
            display_name: self.current_bidder_name.clone(),
        })
    }

    /// When the hammer falls; none between lots and while the clock stands still.
    pub(super) fn ends_at(&self) -> Option<i64> {
        (self.is_active() && self.has_lot())
            .then_some(self.deadline_at)
            .flatten()
    }

    pub(super) fn remaining_seconds(&self) -> Option<f64> {
        self.paused_remaining.map(seconds)
    }

    pub(super) fn into_auction(
        self,
        club_queue: Vec<ClubId>,
        unsold_clubs: Vec<ClubId>,
        users_in_waiting_room: Vec<UserId>,
    ) -> Result<Auction, StoreError> {
        Ok(Auction {
            id: self.auction_id(),
            league_id: self.league_id(),
            status: self.status(),
            current_lot: self.lot_number()?,
            current_club_id: self.current_club_id.clone().map(ClubId),
            current_lot_id: if self.has_lot() {
                Some(self.lot_id()?)
            } else {
                None
            },
            bid_timer: Some(u32::try_from(self.bid_timer / 1000)?),
            anti_snipe_seconds: Some(u32::try_from(self.anti_snipe / 1000)?),
            timer_ends_at: self.ends_at().map(Timestamp::from_millis),
            club_queue,
            unsold_clubs,
            minimum_budget: Some(self.minimum()?),
            paused_remaining_time: self.remaining_seconds(),
            current_bid: self.price()?,
            current_bidder: self.leader(),
            bid_sequence: u64::try_from(self.bid_sequence)?,
            users_in_waiting_room,
            created_at: Some(Timestamp::from_millis(self.created_at)),
        })
    }
}

/// Milliseconds as the seconds of the wire.
pub(super) fn seconds(millis: i64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a lot's time is far below 2^53 ms")]
    let millis = millis as f64;
    millis / 1000.0
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct BidRow {
    pub id: String,
    pub auction_id: String,
    pub seq: i64,
    pub club_id: String,
    pub user_id: String,
    pub user_name: String,
    pub amount: i64,
    pub created_at: i64,
    pub client_bid_id: Option<String>,
}

impl BidRow {
    pub(super) fn into_bid(self) -> Result<Bid, StoreError> {
        Ok(Bid {
            id: Some(BidId(self.id)),
            auction_id: Some(AuctionId(self.auction_id)),
            user_id: UserId(self.user_id),
            club_id: Some(ClubId(self.club_id)),
            amount: Money::from_pence(self.amount)?,
            timestamp: Some(Timestamp::from_millis(self.created_at)),
            user_name: Some(self.user_name),
            user_email: None,
            client_bid_id: self.client_bid_id,
            seq: Some(u64::try_from(self.seq)?),
        })
    }

    /// The bids of one lot, or of the whole auction, oldest first.
    pub(super) async fn list(tx: &mut Tx, auction: &str, lot: Option<i64>) -> Result<Vec<Bid>, StoreError> {
        let rows: Vec<Self> = sqlx::query_as(
            "SELECT b.*, u.name AS user_name FROM bids b JOIN users u ON u.id = b.user_id
             WHERE b.auction_id = $1 AND ($2 IS NULL OR b.lot_number = $2) ORDER BY b.seq",
        )
        .bind(auction)
        .bind(lot)
        .fetch_all(&mut **tx)
        .await?;
        rows.into_iter().map(Self::into_bid).collect()
    }

    /// The highest bid of a lot, which is its last: the sequence only grows with the price.
    pub(super) async fn leading(tx: &mut Tx, auction: &str, lot: i64) -> Result<Option<Bid>, StoreError> {
        let row: Option<Self> = sqlx::query_as(
            "SELECT b.*, u.name AS user_name FROM bids b JOIN users u ON u.id = b.user_id
             WHERE b.auction_id = $1 AND b.lot_number = $2 ORDER BY b.seq DESC LIMIT 1",
        )
        .bind(auction)
        .bind(lot)
        .fetch_optional(&mut **tx)
        .await?;
        row.map(Self::into_bid).transpose()
    }
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct ParticipantRow {
    pub id: String,
    pub league_id: String,
    pub user_id: String,
    pub user_name: String,
    pub budget_remaining: i64,
    pub total_spent: i64,
    pub joined_at: i64,
}

impl ParticipantRow {
    pub(super) fn into_participant(self, clubs_won: Vec<ClubId>) -> Result<Participant, StoreError> {
        Ok(Participant {
            id: Some(self.id),
            league_id: Some(LeagueId(self.league_id)),
            user_id: UserId(self.user_id),
            user_name: Some(self.user_name),
            user_email: None,
            budget_remaining: Money::from_pence(self.budget_remaining)?,
            clubs_won,
            total_spent: Some(Money::from_pence(self.total_spent)?),
            joined_at: Some(Timestamp::from_millis(self.joined_at)),
        })
    }

    /// One manager of an auction's league, with what they bought in it.
    pub(super) async fn one(
        tx: &mut Tx,
        auction: &AuctionRow,
        user: &UserId,
    ) -> Result<Option<Participant>, StoreError> {
        let row: Option<Self> = sqlx::query_as(
            "SELECT p.*, u.name AS user_name FROM participants p JOIN users u ON u.id = p.user_id
             WHERE p.league_id = $1 AND p.user_id = $2",
        )
        .bind(&auction.league_id)
        .bind(user.as_str())
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let clubs: Vec<String> = sqlx::query_scalar(
            "SELECT club_id FROM lots WHERE auction_id = $1 AND winner_id = $2 ORDER BY sold_as",
        )
        .bind(&auction.id)
        .bind(user.as_str())
        .fetch_all(&mut **tx)
        .await?;
        row.into_participant(clubs.into_iter().map(ClubId).collect())
            .map(Some)
    }

    /// The managers of a league in the order of joining, with what they bought in its auction.
    pub(super) async fn list(tx: &mut Tx, league: &str) -> Result<Vec<Participant>, StoreError> {
        let rows: Vec<Self> = sqlx::query_as(
            "SELECT p.*, u.name AS user_name FROM participants p JOIN users u ON u.id = p.user_id
             WHERE p.league_id = $1 ORDER BY p.place",
        )
        .bind(league)
        .fetch_all(&mut **tx)
        .await?;
        let won: Vec<(String, String)> = sqlx::query_as(
            "SELECT l.winner_id, l.club_id FROM lots l JOIN auctions a ON a.id = l.auction_id
             WHERE a.league_id = $1 AND l.status = 'sold' ORDER BY l.sold_as",
        )
        .bind(league)
        .fetch_all(&mut **tx)
        .await?;
        let mut won_by: std::collections::HashMap<String, Vec<ClubId>> = std::collections::HashMap::new();
        for (winner, club) in won {
            won_by.entry(winner).or_default().push(ClubId(club));
        }
        rows.into_iter()
            .map(|row| {
                let clubs = won_by.remove(&row.user_id).unwrap_or_default();
                row.into_participant(clubs)
            })
            .collect()
    }
}

/// What a manager may still spend, by the rules of their league's auction.
pub(super) fn purse(auction: &AuctionRow, participant: &Participant) -> Result<Purse, StoreError> {
    Ok(Purse {
        budget: participant.budget_remaining,
        slots: u32::try_from(auction.club_slots)?,
        won: u32::try_from(participant.clubs_won.len())?,
        minimum: auction.minimum()?,
    })
}
