//! A bid: one transaction in which it is decided, stored, numbered and said.

use gavelscope_contract::auction::{Bid, BidAnswer, Bidder, Participant};
use gavelscope_contract::event::{BidPlaced, BidUpdate, Event, Timer};
use gavelscope_contract::ids::BidId;
use gavelscope_contract::rules::{Block, Purse};
use gavelscope_contract::{AuctionId, ClubId, Money, RefusalCode, Timestamp, UserId};

use super::people::is_known;
use super::rows::{AuctionRow, ParticipantRow, purse};
use super::stream::Stream;
use super::{Said, Store, StoreError, Tx, new_id};
use crate::refuse::{Denied, Refused};

/// The price that stood when a bid arrived. A bid that is too low now, and was not then, lost a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The number of the lot.
    pub lot: i64,
    /// Its price.
    pub price: Option<Money>,
}

/// A bid as it arrived.
#[derive(Debug, Clone)]
pub struct BidOrder {
    /// In which auction.
    pub auction: AuctionId,
    /// Whose, as the token says.
    pub bidder: UserId,
    /// How much.
    pub amount: Money,
    /// The idempotency key.
    pub key: Option<String>,
    /// The price that stood when it arrived.
    pub seen: Option<Seen>,
}

/// What became of a bid.
#[derive(Debug)]
pub struct BidOutcome {
    /// The answer.
    pub verdict: Result<BidAnswer, Refused>,
    /// What the room is told.
    pub said: Vec<Said>,
    /// The deadline moved: the clock has to look again.
    pub extended: bool,
}

/// What is needed of the database to decide a bid.
struct Ground {
    auction: AuctionRow,
    bidder: Participant,
    purse: Purse,
}

impl Store {
    /// The price as it stands, for a bid that has just arrived; none where there is no such auction.
    pub async fn seen(&self, auction: &AuctionId) -> Result<Option<Seen>, StoreError> {
        let row: Option<(i64, Option<i64>)> =
            sqlx::query_as("SELECT current_lot, current_bid FROM auctions WHERE id = $1")
                .bind(auction.as_str())
                .fetch_optional(&self.read)
                .await?;
        row.map(|(lot, price)| {
            let price = price.map(Money::from_pence).transpose()?;
            Ok(Seen { lot, price })
        })
        .transpose()
    }

    /// Decides a bid.
    pub async fn place_bid(&self, order: &BidOrder) -> Result<BidOutcome, StoreError> {
        let (mut tx, now) = self.turn(&order.auction).await?;
        if let Some(verdict) = answered_before(&mut tx, order).await? {
            return Ok(BidOutcome {
                verdict,
                said: Vec::new(),
                extended: false,
            });
        }
        match self.decide(&mut tx, order, now).await {
            Ok((answer, said, extended)) => {
                remember(&mut tx, order, 200, &serde_json::to_string(&answer)?).await?;
                tx.commit().await?;
                Ok(BidOutcome {
                    verdict: Ok(answer),
                    said,
                    extended,
                })
            }
            Err(Denied::Refused(refused)) => {
                // A key is remembered only where there is an auction to remember it for.
                if !matches!(refused.status, 403 | 404) {
                    remember(
                        &mut tx,
                        order,
                        refused.status,
                        &serde_json::to_string(&refused.body)?,
                    )
                    .await?;
                    tx.commit().await?;
                }
                Ok(BidOutcome {
                    verdict: Err(refused),
                    said: Vec::new(),
                    extended: false,
                })
            }
            Err(Denied::Failed(error)) => Err(error),
        }
    }

    /// The rules in the contract's order (section 1), then the storing.
    async fn decide(
        &self,
        tx: &mut Tx,
        order: &BidOrder,
        now: i64,
    ) -> Result<(BidAnswer, Vec<Said>, bool), Denied> {
        let ground = ground(tx, order).await?;
        check(&ground, order, now)?;
        let Ground { auction, bidder, .. } = ground;
        let seq = auction.bid_sequence + 1;
        let deadline = auction.deadline_at.unwrap_or(now);
        let extended = deadline - now < auction.anti_snipe;
        let deadline = if extended {
            now + auction.anti_snipe
        } else {
            deadline
        };

        // The compare-and-set: the price is set only if it is still the one that was compared with.
        let set = sqlx::query(
            "UPDATE auctions SET current_bid = $1, current_bidder_id = $2, bid_sequence = $3, deadline_at = $4
             WHERE id = $5 AND status = 'active' AND phase = 'lot' AND bid_sequence = $6 AND current_lot = $7",
        )
        .bind(order.amount.pence())
        .bind(order.bidder.as_str())
        .bind(seq)
        .bind(deadline)
        .bind(&auction.id)
        .bind(auction.bid_sequence)
        .bind(auction.current_lot)
        .execute(&mut **tx)
        .await?;
        if set.rows_affected() != 1 {
            return Err(price_moved(&auction, &bidder)?.into());
        }
        let club = ClubId(auction.current_club_id.clone().unwrap_or_default());
        let bid = Bid {
            id: Some(BidId(new_id())),
            auction_id: Some(auction.auction_id()),
            user_id: order.bidder.clone(),
            club_id: Some(club.clone()),
            amount: order.amount,
            timestamp: Some(Timestamp::from_millis(now)),
            user_name: bidder.user_name,
            user_email: None,
            client_bid_id: order.key.clone(),
            seq: Some(u64::try_from(seq)?),
        };
        insert(tx, &auction, &bid, seq, now).await?;
        let mut stream = Stream::of(&auction)?;
        say_bid(&mut stream, &auction, &bid, &club, now)?;
        if extended {
            let timer = Timer {
                lot_id: auction.lot_id()?,
                seq: u64::try_from(seq)?,
                ends_at: deadline,
                server_now: now,
                stream: None,
            };
            stream.say(|stream| Event::AntiSnipe(Timer { stream, ..timer }))?;
        }
        let said = stream.keep(tx, self.kept_events).await?;
        let answer = BidAnswer {
            message: "Bid placed successfully".to_owned(),
            bid,
            server_now: Some(now),
        };
        Ok((answer, said, extended))
    }
}

async fn ground(tx: &mut Tx, order: &BidOrder) -> Result<Ground, Denied> {
    let auction = AuctionRow::load(tx, &order.auction)
        .await?
        .ok_or_else(Refused::auction_not_found)?;
    if !auction.is_active() {
        let sentence = format!("Auction is not active (status: {})", auction.status);
        return Err(Refused::new(400, RefusalCode::AuctionNotActive, sentence).into());
    }
    if !is_known(tx, &order.bidder).await? {
        return Err(Refused::user_not_found().into());
    }
    let bidder = ParticipantRow::one(tx, &auction, &order.bidder)
        .await?
        .ok_or_else(Refused::not_a_member)?;
    let purse = purse(&auction, &bidder)?;
    Ok(Ground {
        auction,
        bidder,
        purse,
    })
}

/// Everything about the amount, the purse and the lot.
fn check(ground: &Ground, order: &BidOrder, now: i64) -> Result<(), Denied> {
    let Ground { auction, purse, .. } = ground;
    let price = auction.price()?;
    let next = price.map_or(Ok(purse.minimum), |price| Money::from_pence(price.pence() + 1))?;
    let refuse = |status, code, sentence: String| {
        Err(Denied::Refused(Refused::new(status, code, sentence).with_price(
            price,
            Some(next),
            purse.maximum_bid(),
        )))
    };
    // First what the purse says, as if the block were empty: so the contract orders it.
    let empty = Block {
        current: None,
        leading: false,
    };
    if let Err(code) = purse.check(empty, order.amount) {
        return refuse(400, code, purse_sentence(code, purse));
    }
    if auction.phase == "none" {
        return refuse(400, RefusalCode::NoLot, "No lot is on the block.".to_owned());
    }
    let open = auction.ends_at().is_some_and(|ends_at| now < ends_at);
    let same_lot = order.seen.is_none_or(|seen| seen.lot == auction.current_lot);
    if !open || !same_lot {
        let sentence = "The lot is closed. Wait for the next one.".to_owned();
        return refuse(400, RefusalCode::LotClosed, sentence);
    }
    let block = Block {
        current: price,
        leading: auction.current_bidder_id.as_ref() == Some(&order.bidder.0),
    };
    match (purse.check(block, order.amount), price) {
        (Ok(()), _) => Ok(()),
        (Err(RefusalCode::BidTooLow), Some(price)) => {
            let was_enough = |seen: Seen| seen.price.is_none_or(|then| order.amount > then);
            if order.seen.is_some_and(was_enough) {
                let sentence =
                    format!("Another bid came first: the price is {price} now. Please bid higher.");
                refuse(409, RefusalCode::PriceMoved, sentence)
            } else {
                let sentence = format!("Bid must exceed current bid of {price}. Please bid higher.");
                refuse(400, RefusalCode::BidTooLow, sentence)
            }
        }
        (Err(code), _) => refuse(400, code, "You are already the highest bidder".to_owned()),
    }
}

fn purse_sentence(code: RefusalCode, purse: &Purse) -> String {
    match code {
        RefusalCode::BelowMinimum => format!("Bid must be at least {}", purse.minimum),
        RefusalCode::InsufficientBudget => {
            format!("Insufficient budget. You have {} remaining", purse.budget)
        }
        RefusalCode::ReserveRequired => format!(
            "Must reserve {} for {} remaining slot(s). Max bid: {}",
            purse.reserve(),
            purse.slots_after(),
            purse.budget.saturating_sub(purse.reserve()),
        ),
        _ => format!("Your roster is full: you own {} clubs.", purse.won),
    }
}

fn price_moved(auction: &AuctionRow, bidder: &Participant) -> Result<Refused, StoreError> {
    let price = auction.price()?;
    let next = price
        .map(|price| Money::from_pence(price.pence() + 1))
        .transpose()?;
    Ok(Refused::new(
        409,
        RefusalCode::PriceMoved,
        "Another bid came first. Look at the price again.",
    )
    .with_price(price, next, purse(auction, bidder)?.maximum_bid()))
}

fn say_bid(
    stream: &mut Stream,
    auction: &AuctionRow,
    bid: &Bid,
    club: &ClubId,
    now: i64,
) -> Result<(), StoreError> {
    let lot_id = auction.lot_id()?;
    let server_time = Timestamp::from_millis(now);
    stream.say(|stream| {
        Event::BidUpdate(BidUpdate {
            lot_id,
            amount: bid.amount,
            bidder: Bidder {
                user_id: bid.user_id.clone(),
                display_name: bid.user_name.clone(),
            },
            seq: bid.seq.unwrap_or_default(),
            server_time: server_time.clone(),
            client_bid_id: bid.client_bid_id.clone(),
            stream,
        })
    })?;
    stream.say(|stream| {
        Event::BidPlaced(BidPlaced {
            bid: bid.clone(),
            auction_id: auction.auction_id(),
            club_id: club.clone(),
            server_time,
            stream,
        })
    })
}

async fn insert(tx: &mut Tx, auction: &AuctionRow, bid: &Bid, seq: i64, now: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO bids (id, auction_id, seq, lot_number, club_id, user_id, amount, created_at, client_bid_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(bid.id.as_ref().map(BidId::as_str))
    .bind(&auction.id)
    .bind(seq)
    .bind(auction.current_lot)
    .bind(auction.current_club_id.as_deref())
    .bind(bid.user_id.as_str())
    .bind(bid.amount.pence())
    .bind(now)
    .bind(bid.client_bid_id.as_deref())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The answer that this key got before; a refusal, where it came with another amount then.
async fn answered_before(
    tx: &mut Tx,
    order: &BidOrder,
) -> Result<Option<Result<BidAnswer, Refused>>, StoreError> {
    let Some(key) = &order.key else {
        return Ok(None);
    };
    let row: Option<(i64, i64, String)> = sqlx::query_as(
        "SELECT amount, status, answer FROM bid_answers WHERE auction_id = $1 AND user_id = $2 AND key = $3",
    )
    .bind(order.auction.as_str())
    .bind(order.bidder.as_str())
    .bind(key)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((amount, status, answer)) = row else {
        return Ok(None);
    };
    Ok(Some(if amount != order.amount.pence() {
        let sentence = "This idempotency key was used for a bid of another amount.";
        Err(Refused::new(422, RefusalCode::KeyReused, sentence))
    } else if status == 200 {
        Ok(serde_json::from_str(&answer)?)
    } else {
        Err(Refused {
            status: u16::try_from(status)?,
            body: serde_json::from_str(&answer)?,
            retry_after: None,
        })
    }))
}

async fn remember(tx: &mut Tx, order: &BidOrder, status: u16, answer: &str) -> Result<(), StoreError> {
    let Some(key) = &order.key else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO bid_answers (auction_id, user_id, key, amount, status, answer) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(order.auction.as_str())
    .bind(order.bidder.as_str())
    .bind(key)
    .bind(order.amount.pence())
    .bind(i64::from(status))
    .bind(answer)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
